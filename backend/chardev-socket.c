/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A socket, unix or TCP, as server or client. A server has one client at a
 * time; others wait in the backlog until it goes. A client is connected once.
 */
#include "backend/chardev-stream.h"

#include "dm/bytes.h"
#include "dm/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_CONNECT_MS 5000

struct sock {
    struct stream s; /* first */
    int fd, listen_fd;
    bool tcp, delay;
    int resolve; /* what getaddrinfo said */
    struct host_watch listener;
    char name[200]; /* "unix:/run/x" */
    char *path;     /* a unix socket we made; removed at the end if it is still that one */
    dev_t dev;
    ino_t ino;
};

static void sock_name(struct sock *k)
{
    snprintf(k->s.chr.filename, sizeof(k->s.chr.filename), "%s%s%s",
             k->s.chr.connected ? "" : "disconnected:", k->name,
             k->listen_fd >= 0 ? ",server=on" : "");
}

static void sock_drop(struct sock *k)
{
    stream_detach(&k->s);
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
}

static void sock_listen(struct sock *k, bool on)
{
    if (k->listen_fd < 0 || k->listener.added == on)
        return;
    if (on)
        host_loop_add(k->s.loop, &k->listener);
    else
        host_loop_remove(k->s.loop, &k->listener);
}

static void sock_use(struct sock *k, int fd)
{
    int one = 1;

    k->fd = fd;
    if (k->tcp && !k->delay)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    stream_attach(&k->s, fd, fd);
    sock_name(k);
}

static void sock_accept(void *opaque, uint32_t events)
{
    struct sock *k = opaque;
    int fd = accept4(k->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    (void)events;
    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
            return;
        /* Out of descriptors: it would be ready for ever. */
        dm_log(DM_LOG_ERROR, k->s.chr.id, "%s: accept: %s; no longer listening", k->name,
               strerror(errno));
        sock_listen(k, false);
        return;
    }
    /* One whose peer is gone may be here still, with input the guest has not read. */
    sock_drop(k);
    sock_listen(k, false);
    sock_use(k, fd);
}

static void sock_output_lost(struct stream *s)
{
    struct sock *k = (struct sock *)s;

    sock_name(k);
    sock_listen(k, true);
}

static void sock_ended(struct stream *s)
{
    stream_lose_output(s);
    sock_drop((struct sock *)s);
    dm_chardev_writable(&s->chr);
}

static size_t sock_write(struct dm_chardev *chr, const uint8_t *data, size_t len)
{
    struct sock *k = (struct sock *)chr;
    size_t done = 0;

    while (done < len) {
        ssize_t n;

        if (!chr->connected)
            return len;
        n = send(k->fd, data + done, len - done, MSG_NOSIGNAL);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN) {
            k->s.want_out = true;
            stream_update(&k->s);
            return done;
        } else if (errno != EINTR) {
            stream_lose_output(&k->s);
        }
    }
    return len;
}

static void sock_free(struct sock *k)
{
    struct stat st;

    sock_drop(k);
    host_loop_remove(k->s.loop, &k->listener);
    if (k->listen_fd >= 0)
        close(k->listen_fd);
    if (k->path && !lstat(k->path, &st) && st.st_dev == k->dev && st.st_ino == k->ino)
        unlink(k->path);
    free(k->path);
    free(k);
}

static void sock_close(struct dm_chardev *chr)
{
    sock_free((struct sock *)chr);
}

static const struct stream_kind sock_kind = { .ended = sock_ended,
                                              .output_lost = sock_output_lost };

static const struct dm_chardev_ops sock_ops = {
    .write = sock_write,
    .accept_input = stream_accept_input,
    .close = sock_close,
};

/* Nobody behind the socket's name: a file left by one that died. */
static bool sock_path_is_stale(const struct sockaddr_un *un)
{
    struct stat st;
    bool stale;
    int fd;

    if (lstat(un->sun_path, &st) || !S_ISSOCK(st.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    stale = connect(fd, (const struct sockaddr *)un, sizeof(*un)) && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

/* Connects within SOCKET_CONNECT_MS. Returns 0 or -errno. */
static int sock_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    int error = 0;
    socklen_t size = sizeof(error);

    if (!connect(fd, addr, len))
        return 0;
    if (errno != EINPROGRESS)
        return -errno;
    if (poll(&p, 1, SOCKET_CONNECT_MS) <= 0)
        return -ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) ? -errno : -error;
}

/* Binds and listens, or connects. Returns the descriptor or -errno. */
static int sock_make(const struct sockaddr *addr, socklen_t len, bool server)
{
    int one = 1, rc = 0;
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (!server) {
        rc = sock_connect(fd, addr, len);
    } else {
        if (addr->sa_family != AF_UNIX)
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(fd, addr, len) || listen(fd, 1))
            rc = -errno;
    }
    if (rc) {
        close(fd);
        return rc;
    }
    return fd;
}

static int sock_make_unix(struct sock *k, const struct chardev_socket_options *o)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct stat st;
    int fd;

    snprintf(k->name, sizeof(k->name), "unix:%s", o->path);
    if (strlen(o->path) >= sizeof(un.sun_path))
        return -ENAMETOOLONG;
    strcpy(un.sun_path, o->path);
    fd = sock_make((struct sockaddr *)&un, sizeof(un), o->server);
    if (fd == -EADDRINUSE && sock_path_is_stale(&un) && !unlink(o->path))
        fd = sock_make((struct sockaddr *)&un, sizeof(un), o->server);
    if (fd < 0 || !o->server)
        return fd;
    k->path = strdup(o->path);
    if (k->path && !lstat(o->path, &st)) {
        k->dev = st.st_dev;
        k->ino = st.st_ino;
    }
    return fd;
}

static int sock_make_tcp(struct sock *k, const struct chardev_socket_options *o)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    bool v6 = o->host && strchr(o->host, ':');
    const char *host = o->host && *o->host ? o->host : NULL;
    int fd = -EADDRNOTAVAIL;

    k->tcp = true;
    snprintf(k->name, sizeof(k->name), v6 ? "tcp:[%s]:%s" : "tcp:%s:%s", host ? host : "", o->port);
    hints.ai_flags = o->server ? AI_PASSIVE : 0;
    k->resolve = getaddrinfo(host, o->port, &hints, &list);
    if (k->resolve)
        return -EINVAL;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        fd = sock_make(a->ai_addr, a->ai_addrlen, o->server);
    freeaddrinfo(list);
    return fd;
}

/* A listening socket that our parent made: fd=. */
static int sock_take_fd(struct sock *k, int fd)
{
    socklen_t size = sizeof(int);
    int listening = 0, flags;

    snprintf(k->name, sizeof(k->name), "fd:%d", fd);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size))
        return -errno;
    if (!listening)
        return -EINVAL;
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
        return -errno;
    return fd;
}

int chardev_socket_open(struct host_loop *loop, const char *id,
                        const struct chardev_socket_options *o, struct dm_chardev **chr,
                        struct dm_error *err)
{
    struct sock *k = calloc(1, sizeof(*k));
    bool server = o->server || o->fd >= 0;
    int fd;

    if (!k)
        return dm_error_set(err, ENOMEM, "chardev '%s': out of memory", id);
    stream_init(&k->s, &sock_kind, loop, &sock_ops, id);
    k->fd = k->listen_fd = -1;
    k->delay = o->delay;
    if (o->fd >= 0)
        fd = sock_take_fd(k, o->fd);
    else if (o->path)
        fd = sock_make_unix(k, o);
    else
        fd = sock_make_tcp(k, o);
    if (fd < 0) {
        const char *why = k->resolve ? gai_strerror(k->resolve) : strerror(-fd);

        dm_error_set(err, -fd, "chardev '%s': %s%s: %s", id, server ? "listening on " : "", k->name,
                     why);
        sock_free(k);
        return fd;
    }
    if (server) {
        k->listen_fd = fd;
        k->listener =
            (struct host_watch) { .fd = fd, .events = EPOLLIN, .ready = sock_accept, .opaque = k };
        sock_listen(k, true);
        sock_name(k);
    } else {
        sock_use(k, fd);
    }
    *chr = &k->s.chr;
    return 0;
}
