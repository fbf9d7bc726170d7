/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kinds of character back end share: a file descriptor that is read
 * when the device has room and written without blocking. Each kind embeds a
 * struct stream as its first member. Loop thread only.
 */
#ifndef BACKEND_CHARDEV_STREAM_H
#define BACKEND_CHARDEV_STREAM_H

#include "dm/chardev.h"
#include "dm/device.h"
#include "dm/error.h"
#include "host/loop.h"

struct stream;

struct stream_kind {
    /* Reading ended: end of file or an error. Stops reading or closes the descriptor. */
    void (*ended)(struct stream *s);
    /* Output is lost, input is still being read. May be NULL. */
    void (*output_lost)(struct stream *s);
};

struct stream {
    struct dm_chardev chr; /* connected: what is written reaches somebody */
    const struct stream_kind *kind;
    struct host_loop *loop;
    struct host_watch in, out; /* out: only when it is another descriptor */
    int in_fd, out_fd;         /* -1: none */
    bool reading;              /* false: nobody to read from */
    bool paused;               /* the device had no room */
    bool want_out;             /* a write was cut short */
    bool always_ready;         /* a kind of file that epoll does not know */
    bool poll_first;           /* out_fd is not O_NONBLOCK, since others share it */
};

void stream_init(struct stream *s, const struct stream_kind *kind, struct host_loop *loop,
                 const struct dm_chardev_ops *ops, const char *id);

/* Starts on descriptors (the same one, or one each way; owned by the kind). */
void stream_attach(struct stream *s, int in_fd, int out_fd);

/* No more events from the descriptors; they can be closed then. */
void stream_detach(struct stream *s);

/* Watches what is to be watched now: after a change of reading. */
void stream_update(struct stream *s);

/* Nobody takes our output any more: it is dropped from now on. */
void stream_lose_output(struct stream *s);

/* dm_chardev_ops of every stream. */
size_t stream_write(struct dm_chardev *chr, const uint8_t *data, size_t len);
void stream_accept_input(struct dm_chardev *chr);

/* The kinds. Each returns 0 with *chr set, not registered yet, or -errno with err set. */
int chardev_pty_open(struct host_loop *loop, const char *id, struct dm_chardev **chr,
                     struct dm_error *err);
int chardev_stdio_open(struct host_loop *loop, const char *id, struct dm_chardev **chr,
                       struct dm_error *err);
int chardev_tty_open(struct host_loop *loop, const char *id, const char *path,
                     struct dm_chardev **chr, struct dm_error *err);

struct chardev_socket_options {
    const char *path;        /* a unix socket */
    const char *host, *port; /* or TCP; host NULL or "": any, or the local one */
    int fd;                  /* or one that listens already; -1: none */
    bool server, delay;      /* delay: leave Nagle's algorithm on */
};

int chardev_socket_open(struct host_loop *loop, const char *id,
                        const struct chardev_socket_options *o, struct dm_chardev **chr,
                        struct dm_error *err);

#endif
