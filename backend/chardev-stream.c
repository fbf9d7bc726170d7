/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend/chardev-stream.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define STREAM_CHUNK 4096

static void stream_watch(struct stream *s, struct host_watch *w, uint32_t events)
{
    if (!events) {
        /* epoll tells of a hang-up even with no events: it must go altogether. */
        host_loop_remove(s->loop, w);
        return;
    }
    if (w->added) {
        host_loop_modify(s->loop, w, events);
        return;
    }
    w->events = events;
    if (host_loop_add(s->loop, w) == -EPERM)
        s->always_ready = true;
}

void stream_update(struct stream *s)
{
    uint32_t in = s->in_fd >= 0 && s->reading && !s->paused ? EPOLLIN : 0;
    uint32_t out = s->out_fd >= 0 && s->want_out ? EPOLLOUT : 0;

    if (s->always_ready)
        in = out = 0;
    if (s->in_fd == s->out_fd) {
        in |= out;
        out = 0;
    }
    stream_watch(s, &s->in, in);
    stream_watch(s, &s->out, out);
}

void stream_lose_output(struct stream *s)
{
    if (!s->chr.connected)
        return;
    s->want_out = false;
    stream_update(s);
    dm_chardev_opened(&s->chr, false);
    if (s->kind->output_lost)
        s->kind->output_lost(s);
}

/* Reads once; what is left makes another event. */
static void stream_read(struct stream *s, bool hung_up)
{
    size_t room = dm_chardev_room(&s->chr);
    uint8_t buf[STREAM_CHUNK];
    ssize_t n;

    if (!room) {
        s->paused = true;
        stream_update(s);
        if (hung_up) {
            stream_lose_output(s);
            dm_chardev_writable(&s->chr);
        }
        return;
    }
    n = read(s->in_fd, buf, room < sizeof(buf) ? room : sizeof(buf));
    if (n > 0) {
        dm_chardev_receive(&s->chr, buf, (size_t)n);
        if (!dm_chardev_room(&s->chr)) {
            s->paused = true;
            stream_update(s);
        }
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        s->kind->ended(s);
    }
}

static void stream_ready(void *opaque, uint32_t events)
{
    struct stream *s = opaque;

    if (s->want_out && events & EPOLLOUT) {
        s->want_out = false;
        stream_update(s);
        dm_chardev_writable(&s->chr);
    }
    if (s->in_fd >= 0 && s->reading && events & ~(uint32_t)EPOLLOUT)
        stream_read(s, events & (EPOLLHUP | EPOLLERR));
}

static void stream_out_ready(void *opaque, uint32_t events)
{
    struct stream *s = opaque;

    /* An error shows when the next write is tried. */
    (void)events;
    s->want_out = false;
    stream_update(s);
    dm_chardev_writable(&s->chr);
}

void stream_init(struct stream *s, const struct stream_kind *kind, struct host_loop *loop,
                 const struct dm_chardev_ops *ops, const char *id)
{
    *s = (struct stream) { .chr = { .ops = ops }, .kind = kind, .loop = loop };
    s->in_fd = s->out_fd = -1;
    s->in = (struct host_watch) { .fd = -1, .ready = stream_ready, .opaque = s };
    s->out = (struct host_watch) { .fd = -1, .ready = stream_out_ready, .opaque = s };
    snprintf(s->chr.id, sizeof(s->chr.id), "%s", id);
}

void stream_attach(struct stream *s, int in_fd, int out_fd)
{
    s->in_fd = s->in.fd = in_fd;
    s->out_fd = s->out.fd = out_fd;
    s->reading = true;
    s->paused = s->want_out = s->always_ready = false;
    stream_update(s);
    dm_chardev_opened(&s->chr, true);
}

void stream_detach(struct stream *s)
{
    host_loop_remove(s->loop, &s->in);
    host_loop_remove(s->loop, &s->out);
    s->in_fd = s->out_fd = -1;
    s->reading = s->want_out = false;
}

static ssize_t stream_try_write(struct stream *s, const uint8_t *data, size_t len)
{
    struct pollfd p = { .fd = s->out_fd, .events = POLLOUT };
    ssize_t n;

    if (s->poll_first) {
        if (poll(&p, 1, 0) == 0) {
            errno = EAGAIN;
            return -1;
        }
        if (len > 512) /* a pipe that is ready takes that much: POSIX's PIPE_BUF */
            len = 512;
    }
    do
        n = write(s->out_fd, data, len);
    while (n < 0 && errno == EINTR);
    return n;
}

size_t stream_write(struct dm_chardev *chr, const uint8_t *data, size_t len)
{
    struct stream *s = (struct stream *)chr;
    size_t done = 0;

    while (done < len) {
        ssize_t n;

        if (!chr->connected)
            return len;
        n = stream_try_write(s, data + done, len - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN) {
            s->want_out = true;
            stream_update(s);
            return done;
        } else {
            stream_lose_output(s);
        }
    }
    return len;
}

void stream_accept_input(struct dm_chardev *chr)
{
    struct stream *s = (struct stream *)chr;

    if (!s->paused || !dm_chardev_room(chr))
        return;
    s->paused = false;
    stream_update(s);
}
