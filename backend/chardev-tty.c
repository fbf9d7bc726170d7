/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our own standard input and output, and terminals of the host (/dev/ttyS1). */
#include "backend/chardev-stream.h"

#include "dm/bytes.h"
#include "dm/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct tty {
    struct stream s; /* first */
    int fd;          /* -1: stdio */
    bool restore;    /* the settings, at the end */
    struct termios before;
};

static const struct {
    unsigned baud;
    speed_t speed;
} tty_speeds[] = {
    { 50, B50 },       { 75, B75 },       { 110, B110 },     { 150, B150 },       { 300, B300 },
    { 600, B600 },     { 1200, B1200 },   { 2400, B2400 },   { 4800, B4800 },     { 9600, B9600 },
    { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 }, { 115200, B115200 },
};

static void tty_ended(struct stream *s)
{
    struct tty *t = (struct tty *)s;

    s->reading = false;
    stream_update(s);
    if (t->fd < 0) /* the end of our input says nothing about our output */
        return;
    dm_log(DM_LOG_ERROR, s->chr.id, "%s hung up", s->chr.filename);
    stream_lose_output(s);
    dm_chardev_writable(&s->chr);
}

static void tty_set_line(struct dm_chardev *chr, unsigned baud, unsigned data_bits, char parity,
                         unsigned stop_bits)
{
    static const tcflag_t size[4] = { CS5, CS6, CS7, CS8 };
    struct tty *t = (struct tty *)chr;
    struct termios now;

    if (t->fd < 0 || tcgetattr(t->fd, &now))
        return;
    for (unsigned i = 0; i < DM_ARRAY_LEN(tty_speeds); i++)
        if (tty_speeds[i].baud == baud)
            cfsetspeed(&now, tty_speeds[i].speed);
    now.c_cflag &= ~(tcflag_t)(CSIZE | PARENB | PARODD | CSTOPB);
    now.c_cflag |= size[(data_bits - 5) & 3] | CLOCAL | CREAD;
    if (parity != 'N')
        now.c_cflag |= PARENB | (parity == 'O' ? PARODD : 0);
    if (stop_bits > 1)
        now.c_cflag |= CSTOPB;
    tcsetattr(t->fd, TCSANOW, &now);
}

static void tty_close(struct dm_chardev *chr)
{
    struct tty *t = (struct tty *)chr;

    stream_detach(&t->s);
    if (t->restore)
        tcsetattr(t->fd < 0 ? STDIN_FILENO : t->fd, TCSANOW, &t->before);
    if (t->fd >= 0)
        close(t->fd);
    free(t);
}

static const struct stream_kind tty_kind = { .ended = tty_ended };

static const struct dm_chardev_ops tty_ops = {
    .write = stream_write,
    .accept_input = stream_accept_input,
    .set_line = tty_set_line,
    .close = tty_close,
};

static int tty_create(struct host_loop *loop, const char *id, const char *filename,
                      struct tty **tty, struct dm_error *err)
{
    struct tty *t = calloc(1, sizeof(*t));

    if (!t)
        return dm_error_set(err, ENOMEM, "chardev '%s': out of memory", id);
    stream_init(&t->s, &tty_kind, loop, &tty_ops, id);
    snprintf(t->s.chr.filename, sizeof(t->s.chr.filename), "%s", filename);
    t->fd = -1;
    *tty = t;
    return 0;
}

/* Bytes as they are; keep: flags of c_lflag that stay. Something else than a terminal is fine. */
static void tty_make_raw(struct tty *t, int fd, tcflag_t keep)
{
    struct termios raw;

    if (tcgetattr(fd, &t->before))
        return;
    t->restore = true;
    raw = t->before;
    cfmakeraw(&raw);
    raw.c_lflag |= t->before.c_lflag & keep;
    if (keep)
        raw.c_oflag |= t->before.c_oflag & OPOST;
    tcsetattr(fd, TCSANOW, &raw);
}

int chardev_stdio_open(struct host_loop *loop, const char *id, struct dm_chardev **chr,
                       struct dm_error *err)
{
    struct tty *t = NULL;
    int rc = tty_create(loop, id, "stdio", &t, err);

    if (rc)
        return rc;
    /* Ctrl-C still ends us. And one who stops reading our output does not end the guest. */
    tty_make_raw(t, STDIN_FILENO, ISIG);
    signal(SIGPIPE, SIG_IGN);
    /* The descriptors are the shell's too, and O_NONBLOCK would be for all of them. */
    t->s.poll_first = true;
    stream_attach(&t->s, STDIN_FILENO, STDOUT_FILENO);
    *chr = &t->s.chr;
    return 0;
}

int chardev_tty_open(struct host_loop *loop, const char *id, const char *path,
                     struct dm_chardev **chr, struct dm_error *err)
{
    struct tty *t = NULL;
    int rc = tty_create(loop, id, path, &t, err);

    if (rc)
        return rc;
    t->fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (t->fd < 0) {
        rc = dm_error_set(err, errno, "chardev '%s': %s: %s", id, path, strerror(errno));
        free(t);
        return rc;
    }
    tty_make_raw(t, t->fd, 0);
    stream_attach(&t->s, t->fd, t->fd);
    *chr = &t->s.chr;
    return 0;
}
