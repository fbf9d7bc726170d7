/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/vnc-client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DESKTOP_SIZE = -223, LAST_RECT = -224, COMPRESS_LEVEL_0 = -256 };

static int client_write(struct vnc_client *c, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);

        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Reads len bytes; to NULL: drops them. */
static int client_read(struct vnc_client *c, void *to, size_t len)
{
    uint8_t *out = to;

    while (len) {
        size_t n = c->in_len - c->in_at;

        if (!n) {
            /* Much goes straight where it belongs: dropped, TCP copies nothing. */
            bool straight = len >= sizeof(c->in);
            ssize_t got = straight ? recv(c->fd, out, len, out ? 0 : MSG_TRUNC)
                                   : recv(c->fd, c->in, sizeof(c->in), 0);

            if (got <= 0)
                return got ? -errno : -ECONNRESET;
            c->bytes += (uint64_t)got;
            if (straight) {
                out = out ? out + got : NULL;
                len -= (size_t)got;
            } else {
                c->in_at = 0;
                c->in_len = (size_t)got;
            }
            continue;
        }
        if (n > len)
            n = len;
        if (out) {
            memcpy(out, c->in + c->in_at, n);
            out += n;
        }
        c->in_at += n;
        len -= n;
    }
    return 0;
}

static unsigned be16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static int client_resize(struct vnc_client *c, unsigned width, unsigned height)
{
    free(c->pixels);
    c->width = (int)width;
    c->height = (int)height;
    c->pixels = calloc((size_t)width * height + 1, 4);
    return c->pixels ? 0 : -ENOMEM;
}

static int client_handshake(struct vnc_client *c, enum vnc_encoding encoding, int level)
{
    /* 32 bits a pixel, red in bits 23-16, little-endian */
    static const uint8_t format[20] = { 0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8 };
    uint8_t encodings[4 + 4 * 5] = { 2 }, buf[256];
    const int32_t list[5] = { (int32_t)encoding, VNC_ENCODING_RAW, DESKTOP_SIZE, LAST_RECT,
                              COMPRESS_LEVEL_0 + level };
    size_t count = level < 0 ? 4 : 5;
    uint32_t name;
    int rc;

    if ((rc = client_read(c, buf, 12)) || (rc = client_write(c, "RFB 003.008\n", 12)) ||
        (rc = client_read(c, buf, 1)) || (rc = client_read(c, buf + 1, buf[0])))
        return rc;
    if (!memchr(buf + 1, 1, buf[0]))
        return -EACCES; /* "None" is not offered */
    if ((rc = client_write(c, "\1", 1)) || (rc = client_read(c, buf, 4)))
        return rc;
    if (be32(buf))
        return -EACCES;
    if ((rc = client_write(c, "\1", 1)) || (rc = client_read(c, buf, 24)))
        return rc;
    memcpy(c->format, buf + 4, sizeof(c->format));
    name = be32(buf + 20);
    if ((rc = client_resize(c, be16(buf), be16(buf + 2))) || (rc = client_read(c, NULL, name)))
        return rc;
    encodings[3] = (uint8_t)count;
    for (size_t i = 0; i < count; i++)
        for (size_t b = 0; b < 4; b++)
            encodings[4 + 4 * i + b] = (uint8_t)((uint32_t)list[i] >> (24 - 8 * b));
    rc = client_write(c, format, sizeof(format));
    return rc ? rc : client_write(c, encodings, 4 + 4 * count);
}

int vnc_client_open(struct vnc_client *c, const char *host, unsigned port,
                    enum vnc_encoding encoding, int level)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int rc;

    *c = (struct vnc_client) { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    if (c->fd < 0)
        return -errno;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1)
        rc = -EINVAL;
    else if (connect(c->fd, (struct sockaddr *)&at, sizeof(at)))
        rc = -errno;
    else
        rc = client_handshake(c, encoding, level);
    if (rc)
        vnc_client_close(c);
    return rc;
}

void vnc_client_close(struct vnc_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    free(c->pixels);
    c->pixels = NULL;
}

int vnc_client_request(struct vnc_client *c, bool incremental)
{
    uint8_t m[10] = { 3, incremental };

    m[6] = (uint8_t)(c->width >> 8);
    m[7] = (uint8_t)c->width;
    m[8] = (uint8_t)(c->height >> 8);
    m[9] = (uint8_t)c->height;
    return client_write(c, m, sizeof(m));
}

/* A length of Tight's: 7 bits a byte, at most three bytes, lowest first. */
static int tight_skip(struct vnc_client *c)
{
    size_t len = 0;
    uint8_t b = 0x80;
    int rc = 0;

    for (unsigned i = 0; i < 3 && (b & 0x80) && !rc; i++) {
        rc = client_read(c, &b, 1);
        len |= (size_t)(b & (i < 2 ? 0x7f : 0xff)) << 7 * i;
    }
    return rc ? rc : client_read(c, NULL, len);
}

/* Pixels are three bytes here: "TPIXEL". */
static int tight_rect(struct vnc_client *c, int w, int h)
{
    uint8_t control, filter = 0, colours = 0;
    size_t bytes = (size_t)w * (size_t)h * 3;
    int rc = client_read(c, &control, 1);

    if (rc)
        return rc;
    if (control >> 4 == 8) /* fill */
        return client_read(c, NULL, 3);
    if (control >> 4 == 9) /* JPEG */
        return tight_skip(c);
    if ((control & 0x40) && (rc = client_read(c, &filter, 1)))
        return rc;
    if (filter == 1) { /* palette */
        if ((rc = client_read(c, &colours, 1)) ||
            (rc = client_read(c, NULL, 3 * (colours + (size_t)1))))
            return rc;
        bytes = (size_t)h * (size_t)(colours > 1 ? w : (w + 7) / 8);
    }
    return bytes < 12 ? client_read(c, NULL, bytes) : tight_skip(c);
}

static int raw_rect(struct vnc_client *c, int x, int y, int w, int h)
{
    int rc = 0;

    if (x + w > c->width || y + h > c->height)
        return -EPROTO;
    if (c->corners && w && h) {
        rc = client_read(c, NULL, ((size_t)w * (size_t)h - 1) * 4);
        return rc ? rc
                  : client_read(c, c->pixels + (size_t)(y + h - 1) * (size_t)c->width + x + w - 1,
                                4);
    }
    if (w == c->width)
        return client_read(c, c->pixels + (size_t)y * (size_t)w, (size_t)w * (size_t)h * 4);
    for (int i = 0; i < h && !rc; i++)
        rc = client_read(c, c->pixels + (size_t)(y + i) * (size_t)c->width + x, (size_t)w * 4);
    return rc;
}

static int overlap(int a, int a_len, int b, int b_len)
{
    int first = a > b ? a : b, end = a + a_len < b + b_len ? a + a_len : b + b_len;

    return end > first ? end - first : 0;
}

static long client_rects(struct vnc_client *c, int x, int y, int w, int h)
{
    uint8_t head[12];
    unsigned count;
    long pixels = 0;
    int rc = client_read(c, head, 3);

    count = be16(head + 1);
    for (unsigned i = 0; i < count && !rc; i++) {
        int rx, ry, rw, rh;

        if ((rc = client_read(c, head, 12)))
            break;
        rx = (int)be16(head);
        ry = (int)be16(head + 2);
        rw = (int)be16(head + 4);
        rh = (int)be16(head + 6);
        switch ((int32_t)be32(head + 8)) {
        case VNC_ENCODING_RAW:
            rc = raw_rect(c, rx, ry, rw, rh);
            break;
        case VNC_ENCODING_TIGHT:
            rc = tight_rect(c, rw, rh);
            break;
        case VNC_ENCODING_ZRLE: {
            uint8_t len[4];

            rc = client_read(c, len, 4);
            rc = rc ? rc : client_read(c, NULL, be32(len));
            break;
        }
        case DESKTOP_SIZE:
            rc = client_resize(c, (unsigned)rw, (unsigned)rh);
            continue;
        case LAST_RECT:
            return pixels;
        default:
            return -EPROTO;
        }
        pixels += (long)overlap(rx, rw, x, w) * overlap(ry, rh, y, h);
    }
    return rc ? rc : pixels;
}

long vnc_client_update(struct vnc_client *c, int ms, int x, int y, int w, int h)
{
    struct pollfd p = { .fd = c->fd, .events = POLLIN };
    uint8_t type = 0, head[8];
    int rc = c->in_at == c->in_len ? poll(&p, 1, ms) : 1;

    if (rc <= 0)
        return rc ? -errno : -ETIMEDOUT;
    if ((rc = client_read(c, &type, 1)))
        return rc;
    switch (type) {
    case 0:
        return client_rects(c, x, y, w, h);
    case 2: /* bell */
        return 0;
    case 3: /* cut text */
        rc = client_read(c, head, 7);
        return rc ? rc : client_read(c, NULL, be32(head + 3));
    default:
        return -EPROTO;
    }
}
