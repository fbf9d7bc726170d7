/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile VNC client: bytes that come in pieces pass the gate to libvncserver, as in
 * ui/vnc/vnc.c. What the gate lets through must be what the library reads, to the byte: else it
 * would wait for more, or the two lose each other. It writes only where the gate says so, and
 * updates are no larger than what vnc.c reckons with. Has a body of its own.
 */
#include "tests/fuzz/fuzz.h"

#include "ui/vnc/gate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rfb/rfb.h>

#define STEPS      512
#define SIDE       96        /* of the screen at most, pixels */
#define ANSWER_MAX 4096      /* bytes that one message may be answered with */
#define STREAM_MAX (1 << 16) /* bytes of the client not looked at yet */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static rfbScreenInfo *screen;
static rfbClientPtr client;
static int line; /* the client's end */
static uint8_t stream[STREAM_MAX];
static size_t have;
static uint64_t drop, said; /* bytes to drop; what the gate waits for */

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void quiet(const char *fmt, ...)
{
    check(!strstr(fmt, "timeout")); /* it wanted more than the gate had seen */
}

static void pixels(unsigned seed)
{
    uint32_t *p = (uint32_t *)(void *)screen->frameBuffer;

    for (int i = 0; i < screen->width * screen->height; i++) {
        seed = seed * 1664525 + 1013904223;
        p[i] = seed & 1 ? seed >> 8 : (seed & 2 ? 0xffffff : 0);
    }
}

static void resize(int width, int height)
{
    char *old = screen ? screen->frameBuffer : NULL;
    char *fb = calloc((size_t)width * (size_t)height, 4);

    check(fb);
    if (screen) {
        rfbNewFramebuffer(screen, fb, width, height, 8, 3, 4);
    } else {
        rfbLog = rfbErr = quiet;
        screen = rfbGetScreen(NULL, NULL, width, height, 8, 3, 4);
        screen->frameBuffer = fb;
        screen->port = screen->ipv6port = screen->httpPort = 0;
        screen->alwaysShared = TRUE;
        screen->deferUpdateTime = screen->deferPtrUpdateTime = 0;
        screen->maxClientWait = 1;
        screen->cursor = NULL;
        rfbInitServer(screen);
    }
    /* As vnc.c has it. */
    screen->serverFormat.depth = 24;
    screen->serverFormat.redShift = 16;
    screen->serverFormat.greenShift = 8;
    screen->serverFormat.blueShift = 0;
    if (client && client->sock >= 0)
        rfbSetTranslateFunction(client);
    free(old);
}

/* What the library wrote. */
static size_t drain(void)
{
    uint8_t bytes[65536];
    size_t sum = 0;
    ssize_t n;

    while ((n = recv(line, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        sum += (size_t)n;
    return sum;
}

static enum gate_state gate_state(void)
{
    switch (client->state) {
    case RFB_PROTOCOL_VERSION:
        return GATE_VERSION;
    case RFB_SECURITY_TYPE:
        return GATE_SECURITY;
    case RFB_AUTHENTICATION:
        return GATE_AUTH;
    case RFB_NORMAL:
        return GATE_NORMAL;
    default:
        return GATE_INIT;
    }
}

static void forget(size_t len)
{
    memmove(stream, stream + len, have - len);
    have -= len;
    said = 0;
}

static void pass(const struct gate_verdict *v)
{
    bool normal = client->state == RFB_NORMAL;
    int left = 0;
    size_t answer;

    check(v->len && v->len <= have && v->len <= GATE_PEEK);
    check(send(line, stream, v->len, MSG_NOSIGNAL) == (ssize_t)v->len);
    rfbProcessClientMessage(client);
    check(client->sock < 0 || (!ioctl(client->sock, FIONREAD, &left) && !left));
    answer = drain();
    check(answer <= ANSWER_MAX);
    check(v->answered || !normal || !answer);
    forget(v->len);
}

/* One message. false: there is none, or the client is gone. */
static bool message(void)
{
    struct gate_verdict v;

    if (drop) {
        size_t n = drop < have ? (size_t)drop : have;

        drop -= n;
        forget(n);
        return !drop;
    }
    v = gate_look(gate_state(), stream, have < GATE_PEEK ? have : GATE_PEEK);
    switch (v.what) {
    case GATE_PASS:
        check(v.len >= said);
        pass(&v);
        return client->sock >= 0;
    case GATE_DROP:
        check(v.len >= said && v.len);
        drop = v.len;
        return have;
    case GATE_WAIT:
        check(v.len > have && v.len <= GATE_PEEK && v.len >= said);
        said = v.len;
        return false;
    case GATE_REFUSE:
        rfbCloseClient(client);
        return false;
    }
    abort();
}

static void update(void)
{
    size_t raw = (size_t)screen->width * (size_t)screen->height * 4;

    rfbUpdateClient(client);
    check(drain() <= raw + raw / 8 + 65536);
}

/* Gets in, as most clients do, so that the fuzzer need not find out how. */
static void get_in(void)
{
    memcpy(stream, "RFB 003.008\n\1\1", 14);
    have = 14;
    while (client->sock >= 0 && message())
        continue;
    check(client->state == RFB_NORMAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    int pair[2];

    resize(40, 30);
    pixels(1);
    check(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    line = pair[1];
    have = 0;
    drop = said = 0;
    check(write(line, "RFB ", 4) == 4);
    client = rfbNewClient(screen, pair[0]);
    check(client && recv(pair[0], stream, 4, 0) == 4 && drain() == 12);
    if (fuzz_take(&in, 1) % 8)
        get_in();
    for (unsigned step = 0; in.left && step < STEPS && client->sock >= 0; step++) {
        unsigned op = (unsigned)fuzz_take(&in, 1);

        if (op < 0xe0) { /* so many bytes come */
            size_t n = op < in.left ? op : in.left;

            n = n < sizeof(stream) - have ? n : sizeof(stream) - have;
            memcpy(stream + have, in.data, n);
            have += n;
            in.data += n;
            in.left -= n;
            while (client->sock >= 0 && message())
                continue;
        } else if (op < 0xf0) {
            update();
        } else if (op < 0xf8) {
            unsigned w = (unsigned)fuzz_take(&in, 1), h = (unsigned)fuzz_take(&in, 1);

            resize(1 + (int)(w % SIDE), 1 + (int)(h % SIDE));
            pixels(op);
        } else {
            int x = (int)(fuzz_take(&in, 1) % (unsigned)screen->width);

            pixels(op * 77);
            rfbMarkRectAsModified(screen, x, 0, x + 16, screen->height);
        }
    }
    if (client->sock >= 0)
        rfbCloseClient(client);
    rfbClientConnectionGone(client);
    client = NULL;
    close(line);
    return 0;
}
