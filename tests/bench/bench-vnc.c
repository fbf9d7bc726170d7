/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How soon and at what cost does a VNC viewer see what the guest draws? The model is a whole
 * process on tests/sim; the driver here plays the guest, which writes into video memory (Bochs VBE,
 * 1024x768, 32 bits, linear frame buffer) and tells the tracking of dirty pages, and the
 * viewer: one connection that has asked for the next update whenever it got one, as real ones do.
 *
 *   raw, tight, tight-1, zrle
 *                     Full screens. As soon as the viewer has all of a frame, the guest draws the
 *                     next, in which every pixel is another. So each frame is seen once,
 *                     the model sets the pace, and CPU an update compares the same work.
 *   change            One box of 64x64 pixels every 0.1 to 0.3 s, at random in phase to any timer
 *                     of the model: from the write to the arrival of the last pixel.
 *   pause             The same when nothing has changed for 5.0 to 5.2 s.
 *   idle              Nothing changes: wakeups over 10 s, after 10 s in which a model that
 *                     looks less often bit by bit may do so; then one more box up to 3 s later.
 *
 * What is fair about it: nothing is measured until a new connection has the whole screen and rested
 * (QEMU's timer starts at 30 ms and gets slower with every look that finds nothing). The viewer
 * asks both for the same encoding, pixels as they are, no JPEG. It decodes nothing (vnc-client.h),
 * so that both servers have nearly all of two cores. Servers compress as they like if a viewer does
 * not say how much, as most do not ("tight"), so there is a row where it does ("tight-1":
 * libvncserver's own level without JPEG). That changes arrive is checked: raw ones by their pixels
 * (of full screens the lower right corner of each and all of the last), others by the area that
 * updates cover. The floor is what a thread here needs to send as many bytes to such a viewer.
 *
 * usage: bench-vnc [options of sim_options_parse] [--seconds S] [ROW...]
 * xendm finds its VNC module with XENDM_MODULE_DIR. Prints lines "KEY VALUE UNIT".
 */
#include "dm/bytes.h"
#include "tests/bench/vnc-client.h"
#include "tests/sim/sim.h"

#include <errno.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WIDTH       1024
#define HEIGHT      768
#define PIXELS      ((size_t)WIDTH * HEIGHT)
#define FRAME_BYTES (4 * PIXELS)
#define FRAMES      4 /* pictures that take turns */
#define BOX         64
#define CHANGES     40 /* samples */
#define PAUSES      4
#define ANSWER_MS   10000
#define IDLE_S      10

struct bench {
    struct sim *sim;
    struct vnc_client viewer;
    uint64_t fb; /* guest-physical */
    uint32_t *vram;
    unsigned port, frame;
    uint32_t random;
    double seconds;
    uint32_t picture[FRAMES][PIXELS];
};

static void put(const char *row, const char *what, double value, const char *unit)
{
    printf("vnc.%s%s %.6g %s\n", row, what, value, unit);
    fflush(stdout);
}

static double ms_since(uint64_t ns)
{
    return (double)(sim_now_ns() - ns) / 1e6;
}

static uint32_t noise(struct bench *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 17;
    b->random ^= b->random << 5;
    return b->random;
}

/* --- the guest --- */

static void guest_mode(struct bench *b)
{
    static const uint16_t mode[][2] = {
        { 4, 0 }, { 1, WIDTH }, { 2, HEIGHT }, { 3, 32 }, { 4, 0x41 },
    };
    const struct sim_pci_dev *vga = sim_pci_find_class(b->sim, 0x0300);

    if (!vga || !vga->bar[0].addr)
        sim_fail(b->sim, "there is no VGA");
    for (size_t i = 0; i < DM_ARRAY_LEN(mode); i++) {
        sim_out(b->sim, 0x1ce, 2, mode[i][0]);
        sim_out(b->sim, 0x1cf, 2, mode[i][1]);
    }
    sim_in(b->sim, 0x3da, 1);
    sim_out(b->sim, 0x3c0, 1, 0x20); /* the screen shows */
    b->fb = vga->bar[0].addr;
    b->vram = sim_ram(b->sim, b->fb, FRAME_BYTES);
    if (!b->vram)
        sim_fail(b->sim, "there is no video memory at %llx", (unsigned long long)b->fb);
}

/*
 * Windows with flat areas, two-coloured text and a gradient; no pixel is the same in two of the
 * pictures.
 */
static void picture_make(struct bench *b, uint32_t n)
{
    uint32_t tint = n * 0x030507, *p = b->picture[n];

    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            uint32_t c = 0x204060;

            if (y >= 40 && y < 700 && x >= 30 && x < 560)
                c = y < 64 ? 0x3050a0 : 0xf0f0f0;
            else if (y >= 90 && y < 740 && x >= 600 && x < 1000)
                c = y < 114 ? 0x3050a0 : (uint32_t)(x / 4 + y / 8) * 0x010101;
            p[y * WIDTH + x] = (c + tint) & 0xffffff;
        }
    }
    b->random = 0x12345678; /* the same text in all */
    for (int row = 0; row < 38; row++) {
        for (int col = 0; col < 60; col++) {
            for (int i = 0; i < 40; i++) {
                uint32_t r = noise(b);
                int x = 40 + col * 8 + (int)(r % 7), y = 72 + row * 16 + (int)(r >> 8) % 12;

                if (r >> 30 || col % 7)
                    p[y * WIDTH + x] = (0x101010 + tint) & 0xffffff;
            }
        }
    }
}

/* The next picture. Its pages are marked when all of it is there: nobody sees half a frame. */
static void guest_draw(struct bench *b)
{
    memcpy(b->vram, b->picture[++b->frame % FRAMES], FRAME_BYTES);
    sim_mark_dirty(b->sim, b->fb, FRAME_BYTES);
}

static void guest_draw_box(struct bench *b, int x, int y, uint32_t colour)
{
    for (int i = 0; i < BOX; i++)
        for (int j = 0; j < BOX; j++)
            b->vram[(y + i) * WIDTH + x + j] = colour;
    for (int i = 0; i < BOX; i++)
        sim_mark_dirty(b->sim, b->fb + 4 * (uint64_t)((y + i) * WIDTH + x), 4 * BOX);
}

/* --- the viewer --- */

/* Where query-vnc says the server is. */
static unsigned viewer_port(struct bench *b)
{
    struct sim_qmp *q = sim_qmp_open(b->sim, NULL, ANSWER_MS);
    char *text = q ? sim_qmp_execute(q, "query-vnc", NULL) : NULL;
    struct json_object *o = text ? json_tokener_parse(text) : NULL, *service;
    int port = 0;

    if (o && json_object_object_get_ex(o, "service", &service))
        port = json_object_get_int(service);
    if (!port)
        sim_fail(b->sim, "there is no VNC server: %s", text ? text : "no answer");
    json_object_put(o);
    free(text);
    sim_qmp_close(q);
    return (unsigned)port;
}

static void viewer_ask(struct bench *b, bool incremental)
{
    int rc = vnc_client_request(&b->viewer, incremental);

    if (rc)
        sim_fail(b->sim, "the VNC server takes no request: %s", strerror(-rc));
}

/* The next update, after which it asks for another. Returns the pixels that came. */
static long viewer_update(struct bench *b)
{
    long n = vnc_client_update(&b->viewer, ANSWER_MS, 0, 0, WIDTH, HEIGHT);

    if (n < 0)
        sim_fail(b->sim, "no update from the VNC server: %s", strerror((int)-n));
    viewer_ask(b, true);
    return n;
}

/* Sleeps; asks again should updates come. */
static void viewer_nap(struct bench *b, double seconds)
{
    uint64_t end = sim_now_ns() + (uint64_t)(seconds * 1e9);

    for (uint64_t t; (t = sim_now_ns()) < end;) {
        long n = vnc_client_update(&b->viewer, (int)((end - t) / 1000000) + 1, 0, 0, WIDTH, HEIGHT);

        if (n >= 0)
            viewer_ask(b, true);
        else if (n != -ETIMEDOUT)
            sim_fail(b->sim, "the VNC server is gone: %s", strerror((int)-n));
    }
}

/* Until updates have covered all of the screen. Sees nothing of what others encoded. */
static void viewer_await_frame(struct bench *b)
{
    const uint32_t *want = &b->picture[b->frame % FRAMES][PIXELS - 1];
    uint64_t end = sim_now_ns() + ANSWER_MS * 1000000ull;
    long left = PIXELS;

    do {
        left -= viewer_update(b);
        if (sim_now_ns() > end)
            sim_fail(b->sim, "a frame does not get to the viewer");
    } while (left > 0 || (b->viewer.corners && b->viewer.pixels[PIXELS - 1] != *want));
}

static bool viewer_sees_box(const struct bench *b, int x, int y, uint32_t colour)
{
    for (int i = 0; i < BOX; i++)
        for (int j = 0; j < BOX; j++)
            if (b->viewer.pixels[(y + i) * WIDTH + x + j] != colour)
                return false;
    return true;
}

/* Draws a box. Returns how many ms the viewer took to have all of it. */
static double viewer_box(struct bench *b)
{
    int x = 16 * (int)(noise(b) % ((WIDTH - BOX) / 16));
    int y = 16 * (int)(noise(b) % ((HEIGHT - BOX) / 16));
    uint32_t colour = noise(b) & 0xffffff;
    uint64_t start = sim_now_ns(), end = start + ANSWER_MS * 1000000ull;

    guest_draw_box(b, x, y, colour);
    while (!viewer_sees_box(b, x, y, colour)) {
        viewer_update(b);
        if (sim_now_ns() > end)
            sim_fail(b->sim, "a change does not get to the viewer");
    }
    return ms_since(start);
}

static void viewer_open(struct bench *b, enum vnc_encoding encoding, int level)
{
    int rc = vnc_client_open(&b->viewer, "127.0.0.1", b->port, encoding, level);

    if (rc)
        sim_fail(b->sim, "no connection to the VNC server: %s", strerror(-rc));
    for (long n = 0; n < (long)PIXELS;) { /* all at once, and at its size */
        viewer_ask(b, false);
        n = vnc_client_update(&b->viewer, ANSWER_MS, 0, 0, WIDTH, HEIGHT);
        if (n < 0)
            sim_fail(b->sim, "no first update from the VNC server: %s", strerror((int)-n));
    }
    viewer_ask(b, true);
    viewer_nap(b, 0.4);
}

static void viewer_close(struct bench *b)
{
    vnc_client_close(&b->viewer);
    nanosleep(&(struct timespec) { .tv_nsec = 100000000 }, NULL);
}

/* --- the floor --- */

struct sender {
    int listen_fd;
    const uint8_t *data;
    double ms; /* of CPU for a frame */
};

enum { SENDS = 20 };

static void *sender_run(void *opaque)
{
    struct sender *s = opaque;
    int fd = accept(s->listen_fd, NULL, NULL);
    clockid_t clock = CLOCK_THREAD_CPUTIME_ID;
    struct timespec from = { 0 }, to = { 0 };

    for (int n = -2; n < SENDS; n++) { /* the first ones make room and fault pages in */
        char go;

        if (recv(fd, &go, 1, 0) != 1)
            break;
        if (!n)
            clock_gettime(clock, &from);
        for (size_t at = 0; at < FRAME_BYTES;) {
            ssize_t sent = send(fd, s->data + at, FRAME_BYTES - at, MSG_NOSIGNAL);

            if (sent <= 0)
                break;
            at += (size_t)sent;
        }
        clock_gettime(clock, &to);
    }
    s->ms = ((double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6) /
            SENDS;
    close(fd);
    return NULL;
}

/* CPU that it takes to send the bytes of a frame over the same kind of line. */
static double floor_send(struct bench *b)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sender s = { socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), (uint8_t *)b->vram, 0 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(at);
    pthread_t thread;

    if (bind(s.listen_fd, (struct sockaddr *)&at, len) || listen(s.listen_fd, 1) ||
        getsockname(s.listen_fd, (struct sockaddr *)&at, &len) ||
        connect(fd, (struct sockaddr *)&at, len) || pthread_create(&thread, NULL, sender_run, &s))
        sim_fail(b->sim, "the floor cannot be measured: %s", strerror(errno));
    for (int n = -2; n < SENDS; n++) {
        if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
            break;
        for (size_t got = 0; got < FRAME_BYTES;) {
            ssize_t some = recv(fd, NULL, FRAME_BYTES - got, MSG_TRUNC);

            if (some <= 0)
                break;
            got += (size_t)some;
        }
    }
    pthread_join(thread, NULL);
    close(fd);
    close(s.listen_fd);
    return s.ms;
}

/* --- rows --- */

static void row_full(struct bench *b, const char *name, enum vnc_encoding encoding, int level)
{
    struct sim_usage begin, end;
    uint64_t start, bytes;
    unsigned n = 0;
    double s;

    viewer_open(b, encoding, level);
    b->viewer.corners = encoding == VNC_ENCODING_RAW;
    for (; n < 3; n++) { /* buffers grow */
        guest_draw(b);
        viewer_await_frame(b);
    }
    sim_usage(b->sim, &begin);
    bytes = b->viewer.bytes;
    start = sim_now_ns();
    for (n = 0; (s = ms_since(start) / 1e3) < b->seconds; n++) {
        guest_draw(b);
        viewer_await_frame(b);
    }
    sim_usage(b->sim, &end);
    put(name, "", n / s, "updates/s");
    put(name, ".cpu", (double)(end.cpu_ns - begin.cpu_ns) / 1e6 / n, "ms/update");
    put(name, ".size", (double)(b->viewer.bytes - bytes) / 1024 / n, "KiB/update");
    if (encoding == VNC_ENCODING_RAW) {
        put(name, ".cpu-floor", floor_send(b), "ms/update");
        b->viewer.corners = false;
        guest_draw(b);
        viewer_await_frame(b);
        if (memcmp(b->viewer.pixels, b->vram, FRAME_BYTES))
            sim_fail(b->sim, "the viewer's picture is not the guest's");
    }
    viewer_close(b);
}

static void row_raw(struct bench *b, const char *name)
{
    row_full(b, name, VNC_ENCODING_RAW, -1);
}

static void row_tight(struct bench *b, const char *name)
{
    row_full(b, name, VNC_ENCODING_TIGHT, -1);
}

static void row_tight_1(struct bench *b, const char *name)
{
    row_full(b, name, VNC_ENCODING_TIGHT, 1);
}

static void row_zrle(struct bench *b, const char *name)
{
    row_full(b, name, VNC_ENCODING_ZRLE, -1);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void row_boxes(struct bench *b, const char *name, double pause, unsigned samples)
{
    double took[CHANGES];
    struct sim_usage begin, end;

    viewer_open(b, VNC_ENCODING_RAW, -1);
    sim_usage(b->sim, &begin);
    for (unsigned i = 0; i < samples; i++) {
        viewer_nap(b, pause + (double)(noise(b) % 1000) / 5000);
        took[i] = viewer_box(b);
    }
    sim_usage(b->sim, &end);
    qsort(took, samples, sizeof(took[0]), compare);
    put(name, ".median", (took[samples / 2] + took[(samples - 1) / 2]) / 2, "ms");
    if (samples >= 10)
        put(name, ".p90", took[samples * 9 / 10], "ms");
    put(name, ".worst", took[samples - 1], "ms");
    put(name, ".cpu", (double)(end.cpu_ns - begin.cpu_ns) / 1e6 / samples, "ms/change");
    viewer_close(b);
}

static void row_change(struct bench *b, const char *name)
{
    row_boxes(b, name, 0.1, CHANGES);
}

static void row_pause(struct bench *b, const char *name)
{
    row_boxes(b, name, 5, PAUSES);
}

static void row_idle(struct bench *b, const char *name)
{
    struct sim_usage begin, end;

    viewer_open(b, VNC_ENCODING_RAW, -1);
    viewer_nap(b, IDLE_S);
    sim_usage(b->sim, &begin);
    viewer_nap(b, IDLE_S);
    sim_usage(b->sim, &end);
    put(name, ".wakeups", (double)(end.voluntary - begin.voluntary) / IDLE_S, "/s");
    put(name, ".cpu", (double)(end.cpu_ns - begin.cpu_ns) / 1e7 / IDLE_S, "%");
    viewer_nap(b, (double)(noise(b) % 3000) / 1000); /* no phase of its own to the model's timer */
    put(name, ".late", viewer_box(b), "ms");
    viewer_close(b);
}

static const struct row {
    const char *name;
    void (*run)(struct bench *b, const char *name);
} rows[] = {
    { "raw", row_raw },   { "tight", row_tight },   { "tight-1", row_tight_1 },
    { "zrle", row_zrle }, { "change", row_change }, { "pause", row_pause },
    { "idle", row_idle },
};

int main(int argc, char **argv)
{
    struct sim_options opt = { .serial = { "null" }, .vnc = "127.0.0.1:0,to=99" };
    static struct bench bench;
    struct bench *b = &bench;
    int chosen = 1;

    sim_options_parse(&opt, &argc, argv);
    b->seconds = 2;
    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && !strcmp(argv[i], "--seconds"))
            b->seconds = atof(argv[++i]);
        else
            argv[chosen++] = argv[i];
    }
    if (!opt.model || b->seconds <= 0 || (chosen > 1 && argv[1][0] == '-')) {
        fprintf(stderr, "usage: bench-vnc --model PATH [--placement one|each] [--seconds S] "
                        "[ROW...]\n");
        return 2;
    }
    for (uint32_t i = 0; i < FRAMES; i++)
        picture_make(b, i);
    b->random = (uint32_t)sim_now_ns() | 1; /* no run has the pauses of another */
    b->sim = sim_start_running(&opt);
    sim_pci_setup(b->sim);
    guest_mode(b);
    b->port = viewer_port(b);
    for (size_t i = 0; i < DM_ARRAY_LEN(rows); i++) {
        bool wanted = chosen == 1;

        for (int j = 1; j < chosen; j++)
            wanted |= !strcmp(argv[j], rows[i].name);
        if (wanted)
            rows[i].run(b, rows[i].name);
    }
    sim_stop(b->sim, SIGTERM, 5000);
    sim_free(b->sim);
    return 0;
}
