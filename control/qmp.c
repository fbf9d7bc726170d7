/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets of QMP. A client may send and leave, send and not read, or sit
 * there without a word: it costs a bounded amount of memory and no time of the
 * loop. The next client waits in the socket's queue until the present one is gone.
 */
#include "control/qmp.h"

#include "control/qmp-session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define QMP_BACKLOG     16
#define QMP_READ        4096
#define QMP_FDS         4                    /* descriptors that may come with one read */
#define QMP_STUCK       (30 * DM_NS_PER_SEC) /* an answer that nobody takes: the client goes */
#define QMP_ACCEPT_WAIT DM_NS_PER_SEC        /* after a failed accept (no descriptors left) */

struct qmp {
    struct dm_machine *machine;
    struct host_loop *loop;
    struct qmp_hooks hooks;
    struct sockaddr_un addr;
    bool bound; /* we made the socket file */
    struct stat file;
    struct host_watch listener, client; /* fd -1: none */
    struct dm_timer timer;              /* QMP_STUCK with a client, else QMP_ACCEPT_WAIT */
    struct qmp_session session;
    size_t sent; /* of session.out */
    char in[QMP_READ];
    size_t in_pos, in_len; /* bytes that the session has not taken */
    bool eof;
};

static void qmp_listen_again(struct qmp *q)
{
    if (!q->listener.added && host_loop_add(q->loop, &q->listener))
        dm_timer_arm(&q->timer, dm_clock_now(&q->loop->clock) + QMP_ACCEPT_WAIT);
}

static void qmp_client_close(struct qmp *q)
{
    if (q->client.fd < 0)
        return;
    host_loop_remove(q->loop, &q->client);
    close(q->client.fd);
    q->client.fd = -1;
    dm_timer_cancel(&q->timer);
    qmp_session_finish(&q->session);
    qmp_listen_again(q);
}

/* Sends what there is. false: the client is gone. */
static bool qmp_flush(struct qmp *q)
{
    struct dm_buf *out = &q->session.out;
    bool progress = false;
    ssize_t n;

    if (out->failed)
        return false;
    while (q->sent < out->len) {
        n = send(q->client.fd, out->data + q->sent, out->len - q->sent,
                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n <= 0)
            break;
        q->sent += (size_t)n;
        progress = true;
    }
    if (q->sent == out->len) {
        q->sent = out->len = 0;
        dm_timer_cancel(&q->timer);
    } else if (progress || !dm_timer_armed(&q->timer)) {
        dm_timer_arm(&q->timer, dm_clock_now(&q->loop->clock) + QMP_STUCK);
    }
    return true;
}

/* Feeds what was read; answers go out in between. false: the client is gone. */
static bool qmp_work(struct qmp *q)
{
    size_t n;

    do {
        n = qmp_session_feed(&q->session, q->in + q->in_pos, q->in_len - q->in_pos);
        q->in_pos += n;
        if (!qmp_flush(q))
            return false;
    } while (n && q->in_pos < q->in_len && !q->session.quit);
    return true;
}

/* Descriptors that came along, for add-fd. What does not fit the kernel has closed. */
static void qmp_take_fds(struct qmp *q, struct msghdr *msg)
{
    int fds[QMP_FDS];

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(*fds);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || n > QMP_FDS)
            continue;
        memcpy(fds, CMSG_DATA(c), n * sizeof(*fds));
        for (size_t i = 0; i < n; i++)
            fdsets_receive(&q->session.fds, fds[i]);
    }
}

/* One read. false: the client is gone. */
static bool qmp_read(struct qmp *q)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(QMP_FDS * sizeof(int))];
    } control;
    struct iovec iov = { q->in, sizeof(q->in) };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    ssize_t n = recvmsg(q->client.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    qmp_take_fds(q, &msg);
    q->eof = n == 0;
    q->in_pos = 0;
    q->in_len = (size_t)n;
    return true;
}

static void qmp_client_ready(void *opaque, uint32_t events)
{
    struct qmp *q = opaque;
    bool alive = qmp_flush(q);

    if (alive && events & (EPOLLIN | EPOLLHUP | EPOLLERR) && q->in_pos == q->in_len && !q->eof)
        alive = qmp_read(q);
    if (alive)
        alive = qmp_work(q);
    if (q->session.quit) {
        qmp_client_close(q);
        q->hooks.quit(q->hooks.opaque);
        return;
    }
    if (!alive || (q->eof && !q->session.out.len && q->in_pos == q->in_len)) {
        qmp_client_close(q);
        return;
    }
    /* Commands wait while answers do. */
    host_loop_modify(q->loop, &q->client, q->session.out.len ? EPOLLOUT : EPOLLIN);
}

static int qmp_client_open(struct qmp *q, int fd)
{
    int rc = qmp_session_init(&q->session, q->machine);

    q->sent = q->in_pos = q->in_len = 0;
    q->eof = false;
    q->client =
        (struct host_watch) { .fd = fd, .events = EPOLLIN, .ready = qmp_client_ready, .opaque = q };
    if (!rc)
        rc = host_loop_add(q->loop, &q->client);
    if (rc) {
        qmp_session_finish(&q->session);
        q->client.fd = -1;
        return rc;
    }
    host_loop_remove(q->loop, &q->listener);
    if (!qmp_flush(q))
        qmp_client_close(q);
    else if (q->session.out.len)
        host_loop_modify(q->loop, &q->client, EPOLLOUT);
    return 0;
}

static void qmp_listener_ready(void *opaque, uint32_t events)
{
    struct qmp *q = opaque;
    int fd = accept4(q->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), rc;

    if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
        return;
    rc = fd < 0 ? -errno : qmp_client_open(q, fd);
    if (!rc)
        return;
    dm_log(DM_LOG_ERROR, "qmp", "cannot take a client: %s", strerror(-rc));
    if (fd >= 0)
        close(fd);
    host_loop_remove(q->loop, &q->listener);
    dm_timer_arm(&q->timer, dm_clock_now(&q->loop->clock) + QMP_ACCEPT_WAIT);
}

static void qmp_timeout(void *opaque)
{
    struct qmp *q = opaque;

    if (q->client.fd < 0) {
        qmp_listen_again(q);
        return;
    }
    dm_log(DM_LOG_WARN, "qmp", "a client does not read its answers: disconnected");
    qmp_client_close(q);
}

/* A socket at the path that nobody listens on, as a killed process leaves it, goes. */
static int qmp_remove_stale(const struct sockaddr_un *addr)
{
    struct stat st;
    int fd, rc = -EADDRINUSE;

    if (lstat(addr->sun_path, &st) || !S_ISSOCK(st.st_mode))
        return -EEXIST;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) && errno == ECONNREFUSED)
        rc = unlink(addr->sun_path) ? -errno : 0;
    close(fd);
    return rc;
}

/* Listens at q->addr. Returns 0 or -errno. */
static int qmp_bind(struct qmp *q)
{
    const struct sockaddr *addr = (const struct sockaddr *)&q->addr;
    int rc = 0;

    q->listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (q->listener.fd < 0)
        return -errno;
    fchmod(q->listener.fd, 0600); /* of the file to be, before anyone can open it */
    if (bind(q->listener.fd, addr, sizeof(q->addr))) {
        if (errno != EADDRINUSE)
            return -errno;
        rc = qmp_remove_stale(&q->addr);
        if (!rc && bind(q->listener.fd, addr, sizeof(q->addr)))
            rc = -errno;
    }
    if (rc)
        return rc;
    q->bound = !lstat(q->addr.sun_path, &q->file);
    return listen(q->listener.fd, QMP_BACKLOG) ? -errno : 0;
}

/* The toolstack's socket, which listens already. Returns 0 or -errno. */
static int qmp_take_fd(struct qmp *q, int fd)
{
    int listening = 0, domain = 0;
    socklen_t len = sizeof(int);

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len))
        return -errno;
    if (!listening || domain != AF_UNIX)
        return -EINVAL;
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -errno;
    q->listener.fd = fd;
    return 0;
}

int qmp_listen(struct qmp **out, struct dm_machine *machine, struct host_loop *loop,
               const char *path, int fd, const struct qmp_hooks *hooks, struct dm_error *err)
{
    struct qmp *q;
    int rc;

    if (path && strlen(path) >= sizeof(q->addr.sun_path))
        return dm_error_set(err, ENAMETOOLONG, "QMP socket %s: the path is too long", path);
    q = calloc(1, sizeof(*q));
    if (!q)
        return dm_error_set(err, ENOMEM, "QMP: out of memory");
    q->machine = machine;
    q->loop = loop;
    q->hooks = *hooks;
    q->client.fd = -1;
    q->listener = (struct host_watch) {
        .fd = -1, .events = EPOLLIN, .ready = qmp_listener_ready, .opaque = q
    };
    dm_timer_init(&q->timer, &loop->clock, qmp_timeout, q);
    if (path) {
        q->addr.sun_family = AF_UNIX;
        strcpy(q->addr.sun_path, path); /* the length was checked above */
        rc = qmp_bind(q);
    } else {
        rc = qmp_take_fd(q, fd);
    }
    if (!rc)
        rc = host_loop_add(loop, &q->listener);
    if (rc) {
        qmp_close(q);
        if (rc == -EEXIST)
            return dm_error_set(err, EEXIST, "QMP socket %s: there is a file that is no socket",
                                path);
        if (path)
            return dm_error_set(err, -rc, "QMP socket %s: %s", path, strerror(-rc));
        return dm_error_set(err, -rc, "QMP socket fd %d: %s", fd,
                            rc == -EINVAL ? "is no listening Unix socket" : strerror(-rc));
    }
    *out = q;
    return 0;
}

/* Someone else may have made a socket of that name since: only our own file goes. */
static void qmp_unlink(const struct qmp *q)
{
    struct stat st;

    if (q->bound && !lstat(q->addr.sun_path, &st) && st.st_ino == q->file.st_ino &&
        st.st_dev == q->file.st_dev)
        unlink(q->addr.sun_path);
}

void qmp_close(struct qmp *q)
{
    if (!q)
        return;
    qmp_client_close(q);
    host_loop_remove(q->loop, &q->listener);
    dm_timer_cancel(&q->timer);
    if (q->listener.fd >= 0)
        close(q->listener.fd);
    qmp_unlink(q);
    free(q);
}
