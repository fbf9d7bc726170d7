/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pseudo terminal: the guest's serial port as /dev/pts/N on the host, what
 * `xl console -t serial` opens.
 *
 * While nobody has the slave open, the master is in permanent hang-up, which
 * cannot be watched without spinning or polling. So the master is watched only
 * while somebody is there, and inotify on the slave's name says when that begins:
 * no wake-ups, and output is dropped at once meanwhile, as on a cable with nobody
 * at its end. Where inotify is refused (a host has 128 instances a user unless
 * told otherwise) we keep the slave open ourselves: then the master never hangs
 * up, output fills the kernel's buffer, and the device drops after its patience.
 */
#include "backend/chardev-stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

struct pty {
    struct stream s; /* first */
    int master;
    int notify, slave; /* one of them; -1: not */
    struct host_watch opened;
};

static void pty_opened(void *opaque, uint32_t events)
{
    struct pty *p = opaque;
    uint8_t buf[1024];

    (void)events;
    while (read(p->notify, buf, sizeof(buf)) > 0)
        ;
    p->s.reading = true;
    stream_update(&p->s);
    dm_chardev_opened(&p->s.chr, true);
}

static void pty_ended(struct stream *s)
{
    s->reading = false;
    stream_update(s);
    stream_lose_output(s);
    dm_chardev_writable(&s->chr);
}

static void pty_free(struct pty *p)
{
    stream_detach(&p->s);
    host_loop_remove(p->s.loop, &p->opened);
    if (p->notify >= 0)
        close(p->notify);
    if (p->slave >= 0)
        close(p->slave);
    if (p->master >= 0)
        close(p->master);
    free(p);
}

static void pty_close(struct dm_chardev *chr)
{
    pty_free((struct pty *)chr);
}

static const struct stream_kind pty_kind = { .ended = pty_ended };

static const struct dm_chardev_ops pty_ops = {
    .write = stream_write,
    .accept_input = stream_accept_input,
    .close = pty_close,
};

/* Gets a pair with the slave open and in raw mode. Returns 0 or -errno. */
static int pty_create(struct pty *p, char *name, size_t size)
{
    struct termios raw;
    int rc;

    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (p->master < 0 || grantpt(p->master) || unlockpt(p->master))
        return -errno;
    rc = ptsname_r(p->master, name, size);
    if (rc)
        return -rc;
    p->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->slave < 0 || tcgetattr(p->slave, &raw))
        return -errno;
    cfmakeraw(&raw);
    return tcsetattr(p->slave, TCSANOW, &raw) ? -errno : 0;
}

/* Is told of every open of the slave. false: refused. */
static bool pty_notify(struct pty *p, const char *name)
{
    p->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (p->notify < 0)
        return false;
    p->opened = (struct host_watch) {
        .fd = p->notify, .events = EPOLLIN, .ready = pty_opened, .opaque = p
    };
    if (inotify_add_watch(p->notify, name, IN_OPEN) < 0 || host_loop_add(p->s.loop, &p->opened)) {
        close(p->notify);
        p->notify = -1;
        return false;
    }
    return true;
}

/* Has nobody the slave open? */
static bool pty_is_hung_up(const struct pty *p)
{
    struct pollfd f = { .fd = p->master };

    return poll(&f, 1, 0) > 0 && f.revents & POLLHUP;
}

int chardev_pty_open(struct host_loop *loop, const char *id, struct dm_chardev **chr,
                     struct dm_error *err)
{
    struct pty *p = calloc(1, sizeof(*p));
    char name[128];
    int rc;

    if (!p)
        return dm_error_set(err, ENOMEM, "chardev '%s': out of memory", id);
    stream_init(&p->s, &pty_kind, loop, &pty_ops, id);
    p->master = p->slave = p->notify = -1;
    rc = pty_create(p, name, sizeof(name));
    if (rc) {
        pty_free(p);
        return dm_error_set(err, -rc, "chardev '%s': pty: %s", id, strerror(-rc));
    }
    snprintf(p->s.chr.filename, sizeof(p->s.chr.filename), "pty:%s", name);
    if (pty_notify(p, name)) {
        close(p->slave);
        p->slave = -1;
    }
    stream_attach(&p->s, p->master, p->master);
    if (pty_is_hung_up(p))
        pty_ended(&p->s);
    *chr = &p->s.chr;
    return 0;
}
