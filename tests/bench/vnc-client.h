/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VNC client for measurements (RFC 6143): asks for updates and reads them as fast as
 * it can. What is encoded is skipped by its lengths, and so are raw pixels that nobody wants to
 * see: the kernel drops them without a copy, so that the client costs little next to
 * the server. No authentication.
 */
#ifndef VNC_CLIENT_H
#define VNC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vnc_encoding { VNC_ENCODING_RAW = 0, VNC_ENCODING_TIGHT = 7, VNC_ENCODING_ZRLE = 16 };

struct vnc_client {
    int fd;
    int width, height;
    uint8_t format[16]; /* PIXEL_FORMAT that the server proposed */
    uint32_t *pixels;   /* what came raw: 0x00RRGGBB; others leave it as it was */
    bool corners;       /* of a raw rectangle only the last pixel is kept */
    uint64_t bytes;     /* received since the start */
    uint8_t in[65536];
    size_t in_at, in_len;
};

/*
 * Connects to host (a number) and asks for encoding, first choice, and raw. level: of
 * compression, 0 to 9; -1: the server's own. Returns 0 or -errno.
 */
int vnc_client_open(struct vnc_client *c, const char *host, unsigned port,
                    enum vnc_encoding encoding, int level);
void vnc_client_close(struct vnc_client *c);

/* FramebufferUpdateRequest for all of the screen. */
int vnc_client_request(struct vnc_client *c, bool incremental);

/*
 * Waits up to ms for a message and reads all of it. Returns how many of the pixels it brought
 * lie in [x, x + w) of lines [y, y + h); 0 with none (or another message), -ETIMEDOUT, -errno.
 */
long vnc_client_update(struct vnc_client *c, int ms, int x, int y, int w, int h);

#endif
