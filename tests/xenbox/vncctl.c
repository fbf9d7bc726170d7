/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VNC client for tests, driven by its arguments:
 *
 *   vncctl HOST:PORT [shot FILE.png | type TEXT | key NAME | click X Y | move X Y | wait SECONDS |
 *                     settle SECONDS]...
 *
 * "shot" prints the size and how many colours the picture has. "settle" takes updates until none
 * has come for half a second, at most SECONDS. A new line in TEXT is the Return key.
 */
#include <errno.h>
#include <png.h>
#include <rfb/rfbclient.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double last_update;
static size_t covered; /* pixels that updates have brought since the last request for all */

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_update(rfbClient *client, int x, int y, int w, int h)
{
    (void)client, (void)x, (void)y;
    covered += (size_t)w * (size_t)h;
    last_update = now();
}

/* Takes what the server sends for a while; stops early after half a second of silence if asked. */
static bool pump(rfbClient *client, double seconds, bool until_quiet)
{
    double end = now() + seconds;

    last_update = now();
    for (double left; (left = end - now()) > 0;) {
        if (until_quiet && now() - last_update > 0.5)
            break;
        int ready = WaitForMessage(client, (unsigned int)((left > 0.05 ? 0.05 : left) * 1e6));
        if (ready < 0 || (ready > 0 && !HandleRFBServerMessage(client)))
            return false;
    }
    return true;
}

/* Asks for all of the screen afresh and takes updates until it is there and settles. */
static bool refresh(rfbClient *client, double seconds)
{
    double end = now() + seconds;
    int width = 0, height = 0;

    do {
        if (width != client->width || height != client->height) {
            width = client->width;
            height = client->height;
            covered = 0;
            if (!SendFramebufferUpdateRequest(client, 0, 0, width, height, FALSE))
                return false;
        }
        if (!pump(client, 0.25, false))
            return false;
        if (covered >= (size_t)width * (size_t)height)
            return pump(client, 2, true);
    } while (now() < end);
    fprintf(stderr, "vncctl: no picture in %.0f s\n", seconds);
    return false;
}

static int write_png(const char *path, rfbClient *client)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = (png_uint_32)client->width,
        .height = (png_uint_32)client->height,
        .format = PNG_FORMAT_RGB,
    };
    size_t pixels = (size_t)client->width * (size_t)client->height;
    uint8_t *rgb = malloc(pixels * 3);
    bool *seen = calloc(1 << 15, sizeof(*seen));
    size_t colours = 0;
    int err = 0;

    if (!rgb || !seen) {
        err = -ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < pixels; i++) {
        uint32_t pixel;

        memcpy(&pixel, client->frameBuffer + 4 * i, 4);
        rgb[3 * i] = (uint8_t)(pixel >> client->format.redShift);
        rgb[3 * i + 1] = (uint8_t)(pixel >> client->format.greenShift);
        rgb[3 * i + 2] = (uint8_t)(pixel >> client->format.blueShift);
        size_t rough = (size_t)(rgb[3 * i] >> 3) << 10 | (size_t)(rgb[3 * i + 1] >> 3) << 5 |
                       rgb[3 * i + 2] >> 3;
        colours += !seen[rough];
        seen[rough] = true;
    }
    if (!png_image_write_to_file(&image, path, 0, rgb, 0, NULL)) {
        fprintf(stderr, "vncctl: %s: %s\n", path, image.message);
        err = -EIO;
        goto out;
    }
    printf("shot %s %dx%d colours=%zu\n", path, client->width, client->height, colours);
out:
    free(rgb);
    free(seen);
    return err;
}

static bool press(rfbClient *client, uint32_t sym)
{
    /* The pause gives a slow guest's keyboard controller time for each key. */
    return SendKeyEvent(client, sym, TRUE) && pump(client, 0.05, false) &&
           SendKeyEvent(client, sym, FALSE) && pump(client, 0.05, false);
}

static bool type_text(rfbClient *client, const char *text)
{
    static const char with_shift[] = "~!@#$%^&*()_+{}|:\"<>?ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (; *text; text++) {
        bool shift = strchr(with_shift, *text);
        uint32_t sym = *text == '\n' ? 0xff0d : (uint8_t)*text;

        if (shift && !SendKeyEvent(client, 0xffe1, TRUE))
            return false;
        if (!press(client, sym))
            return false;
        if (shift && !SendKeyEvent(client, 0xffe1, FALSE))
            return false;
    }
    return true;
}

static const struct {
    const char *name;
    uint32_t sym;
} keys[] = {
    { "Return", 0xff0d }, { "Escape", 0xff1b },    { "Tab", 0xff09 },  { "BackSpace", 0xff08 },
    { "Up", 0xff52 },     { "Down", 0xff54 },      { "Left", 0xff51 }, { "Right", 0xff53 },
    { "Home", 0xff50 },   { "End", 0xff57 },       { "F1", 0xffbe },   { "F2", 0xffbf },
    { "F12", 0xffc9 },    { "Page_Down", 0xff56 }, { "space", ' ' },   { "Delete", 0xffff },
};

static bool press_name(rfbClient *client, const char *name)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!strcmp(keys[i].name, name))
            return press(client, keys[i].sym);
    if (strlen(name) == 1)
        return press(client, (uint8_t)*name);
    fprintf(stderr, "vncctl: no key %s\n", name);
    return false;
}

static bool point(rfbClient *client, const char *x, const char *y, bool click)
{
    int at_x = atoi(x), at_y = atoi(y);

    if (!SendPointerEvent(client, at_x, at_y, 0) || !pump(client, 0.05, false))
        return false;
    return !click || (SendPointerEvent(client, at_x, at_y, rfbButton1Mask) &&
                      pump(client, 0.1, false) && SendPointerEvent(client, at_x, at_y, 0));
}

/* Runs one command; returns how many arguments it took, 0 on failure. */
static int run(rfbClient *client, char **arg, int left)
{
    const char *verb = arg[0];

    if (left >= 2 && !strcmp(verb, "shot")) {
        if (!refresh(client, 30))
            return 0;
        return write_png(arg[1], client) ? 0 : 2;
    }
    if (left >= 2 && !strcmp(verb, "type"))
        return type_text(client, arg[1]) ? 2 : 0;
    if (left >= 2 && !strcmp(verb, "key"))
        return press_name(client, arg[1]) ? 2 : 0;
    if (left >= 2 && !strcmp(verb, "wait"))
        return pump(client, atof(arg[1]), false) ? 2 : 0;
    if (left >= 2 && !strcmp(verb, "settle"))
        return pump(client, atof(arg[1]), true) ? 2 : 0;
    if (left >= 3 && (!strcmp(verb, "click") || !strcmp(verb, "move")))
        return point(client, arg[1], arg[2], *verb == 'c') ? 3 : 0;
    fprintf(stderr, "vncctl: cannot do '%s'\n", verb);
    return 0;
}

/* The library is talkative; only its last words matter, and only after a failure. */
static char last_words[256];

static void keep_log(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(last_words, sizeof(last_words), format, args);
    va_end(args);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: vncctl HOST:PORT [COMMAND...]\n");
        return 2;
    }
    rfbClientLog = rfbClientErr = keep_log;
    rfbClient *client = rfbGetClient(8, 3, 4);
    if (!client)
        return 1;
    /* Colons mean displays to libvncclient; the port is ours. */
    char *colon = strrchr(argv[1], ':');
    if (!colon || colon == argv[1]) {
        fprintf(stderr, "vncctl: %s is not HOST:PORT\n", argv[1]);
        return 2;
    }
    client->serverHost = strndup(argv[1], (size_t)(colon - argv[1]));
    client->serverPort = atoi(colon + 1);
    client->GotFrameBufferUpdate = on_update;
    client->canHandleNewFBSize = TRUE;
    client->appData.encodingsString = "zlib hextile raw";
    client->appData.useRemoteCursor = FALSE;
    if (!rfbInitClient(client, NULL, NULL)) {
        fprintf(stderr, "vncctl: no VNC server at %s\n", argv[1]);
        return 1; /* the library has freed the client */
    }
    printf("screen %dx%d %s\n", client->width, client->height, client->desktopName);
    int status = 0;
    for (int i = 2; i < argc;) {
        int took = run(client, argv + i, argc - i);

        if (!took) {
            fprintf(stderr, "vncctl: '%s' failed: %s\n", argv[i], last_words);
            status = 1;
            break;
        }
        i += took;
    }
    free(client->frameBuffer);
    client->frameBuffer = NULL;
    rfbClientCleanup(client);
    return status;
}
