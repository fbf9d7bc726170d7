/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on its way to a client. libvncserver writes all of an update before it does anything
 * else, and waits for the line if the kernel takes no more: then everybody waits. So it writes
 * to the socket only what the kernel has room for, and else into memory, which goes out later.
 * A zeroed line is one with nothing on it.
 */
#ifndef UI_VNC_LINE_H
#define UI_VNC_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LINE_ROOM_MAX (16 << 20) /* of kernel memory that is asked for, bytes */

struct line {
    int asked;     /* bytes of room, of the kernel */
    bool kept;     /* there is something in memory, */
    int fd;        /* ... in this file */
    off_t at, end; /* ... from at on */
};

/* Does the kernel take so many bytes at once? It is asked for the room first. */
bool line_has_room(struct line *line, int sock, size_t bytes);

/* Bytes that have not arrived yet. */
uint64_t line_owed(const struct line *line, int sock);

/*
 * A file to write to instead of the socket. Nothing may be kept. Returns it or -errno. line_keep is
 * called when all is written, or line_finish.
 */
int line_open(struct line *line);
void line_keep(struct line *line);

/* Sends what is kept, as far as the kernel takes it. false: the connection is broken. */
bool line_flush(struct line *line, int sock);

void line_finish(struct line *line);

#endif
