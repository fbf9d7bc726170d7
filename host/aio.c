/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/aio.h"

#include "dm/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <liburing.h>

#define AIO_RING      128 /* entries; the completion queue has twice as many */
#define AIO_ROUNDS    8   /* submit and reap so often before others get their turn */
#define AIO_THREADS   2
#define AIO_STACK     65536 /* bytes: a thread calls preadv and little else */
#define AIO_AGAIN_MAX 100   /* a file that keeps saying EAGAIN is broken */
#define AIO_RETRY_NS  DM_NS_PER_MS
#define AIO_TRY_COST  4096 /* of a system call, in bytes that could be copied meanwhile */
#define AIO_SLOW_NS   (200 * DM_NS_PER_US) /* a write has blocked; copying 256 KiB takes 40 us */
#define AIO_SLOW_REST 1000                 /* so many times as long there are no writes at once */

struct aio_queue {
    struct host_aio_req *first, **tail;
};

struct host_aio {
    struct host_loop *loop;
    unsigned refs;
    unsigned in_flight;       /* submitted, done() not called */
    uint64_t ended_count;     /* calls of done() */
    struct aio_queue pending; /* not given to the ring or to the threads */
    struct host_hook hook;
    struct host_post post; /* go on in the next turn */

    bool no_try;         /* everything is to go by the engine */
    uint64_t turn, room; /* bytes that may yet be moved at once in this turn of the loop */
    uint64_t writes_at;  /* ns: when writes may be tried again */

    bool use_ring;
    struct io_uring ring;
    struct host_watch watch;
    bool complained;
    unsigned in_ring; /* has a place in the completion queue */
    struct dm_timer retry;

    pthread_t thread[AIO_THREADS];
    unsigned threads; /* running */
    bool started, stop;
    pthread_mutex_t lock; /* from here on */
    pthread_cond_t work, ended;
    struct aio_queue todo, finished;
};

static void aio_queue_init(struct aio_queue *q)
{
    q->first = NULL;
    q->tail = &q->first;
}

static void aio_queue_put(struct aio_queue *q, struct host_aio_req *req)
{
    req->next = NULL;
    *q->tail = req;
    q->tail = &req->next;
}

static struct host_aio_req *aio_queue_take(struct aio_queue *q)
{
    struct host_aio_req *req = q->first;

    if (req) {
        q->first = req->next;
        if (!q->first)
            q->tail = &q->first;
    }
    return req;
}

static bool aio_moves_data(const struct host_aio_req *req)
{
    return req->op == HOST_AIO_READV || req->op == HOST_AIO_WRITEV;
}

/* What is left of the request: the rest of one entry, or whole entries. */
static const struct iovec *aio_rest(struct host_aio_req *req, int *count)
{
    const struct iovec *iov = &req->iov[req->iov_at];

    if (req->iov_skip) {
        req->part.iov_base = (char *)iov->iov_base + req->iov_skip;
        req->part.iov_len = iov->iov_len - req->iov_skip;
        *count = 1;
        return &req->part;
    }
    *count = req->iov_count - req->iov_at;
    if (*count > IOV_MAX)
        *count = IOV_MAX;
    return iov;
}

static void aio_advance(struct host_aio_req *req, size_t moved)
{
    req->progress += moved;
    req->iov_skip += moved;
    while (req->iov_at < req->iov_count && req->iov_skip >= req->iov[req->iov_at].iov_len)
        req->iov_skip -= req->iov[req->iov_at++].iov_len;
}

static void aio_finish(struct host_aio *aio, struct host_aio_req *req, int err)
{
    aio->in_flight--;
    aio->loop->others--;
    aio->ended_count++;
    req->done(req, err);
}

/* The kernel answered: a number of bytes or -errno. */
static void aio_result(struct host_aio *aio, struct host_aio_req *req, int res)
{
    if (res == -EAGAIN || res == -EINTR || res == -ECANCELED) {
        if (req->again++ < AIO_AGAIN_MAX)
            aio_queue_put(&aio->pending, req);
        else
            aio_finish(aio, req, -EIO);
    } else if (res < 0 || !aio_moves_data(req)) {
        aio_finish(aio, req, res < 0 ? res : 0);
    } else if (res == 0) {
        aio_finish(aio, req, -EIO); /* the file ended before the request did */
    } else {
        req->again = 0;
        aio_advance(req, (size_t)res);
        if (req->progress >= req->len)
            aio_finish(aio, req, 0);
        else
            aio_queue_put(&aio->pending, req);
    }
}

/* The next request that needs the kernel. Empty ones end here. */
static struct host_aio_req *aio_pending_take(struct host_aio *aio)
{
    struct host_aio_req *req;

    while ((req = aio_queue_take(&aio->pending))) {
        if (req->op == HOST_AIO_FDATASYNC || req->progress < req->len)
            return req;
        aio_finish(aio, req, 0);
    }
    return NULL;
}

/* io_uring */

static void aio_ring_prepare(struct io_uring_sqe *sqe, struct host_aio_req *req)
{
    const struct iovec *iov;
    int count;

    switch (req->op) {
    case HOST_AIO_READV:
        iov = aio_rest(req, &count);
        io_uring_prep_readv(sqe, req->fd, iov, (unsigned)count, req->offset + req->progress);
        break;
    case HOST_AIO_WRITEV:
        iov = aio_rest(req, &count);
        io_uring_prep_writev(sqe, req->fd, iov, (unsigned)count, req->offset + req->progress);
        break;
    case HOST_AIO_FDATASYNC:
        io_uring_prep_fsync(sqe, req->fd, IORING_FSYNC_DATASYNC);
        break;
    case HOST_AIO_DISCARD:
        io_uring_prep_fallocate(sqe, req->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                (off_t)req->offset, (off_t)req->len);
        break;
    }
    io_uring_sqe_set_data(sqe, req);
}

static void aio_ring_fill(struct host_aio *aio)
{
    struct host_aio_req *req;

    while (aio->in_ring < 2 * AIO_RING && io_uring_sq_space_left(&aio->ring) &&
           (req = aio_pending_take(aio))) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&aio->ring);

        if (!sqe) { /* done() of an empty request came here again and took the last one */
            aio_queue_put(&aio->pending, req);
            break;
        }
        aio_ring_prepare(sqe, req);
        aio->in_ring++;
    }
}

static void aio_ring_reap(struct host_aio *aio)
{
    struct io_uring_cqe *cqe;

    while (aio->in_ring && !io_uring_peek_cqe(&aio->ring, &cqe)) {
        struct host_aio_req *req = io_uring_cqe_get_data(cqe);
        int res = cqe->res;

        io_uring_cqe_seen(&aio->ring, cqe);
        aio->in_ring--;
        aio_result(aio, req, res);
    }
}

/*
 * Gives all that waits to the kernel. What is in the page cache has ended when the
 * system call returns and is answered at once, without a trip through the loop.
 */
static void aio_ring_kick(struct host_aio *aio)
{
    for (unsigned round = 0; round < AIO_ROUNDS; round++) {
        int rc = 0;

        aio_ring_fill(aio);
        if (io_uring_sq_ready(&aio->ring))
            rc = io_uring_submit(&aio->ring);
        if (rc < 0) {
            /* EAGAIN, EBUSY, EINTR: short of memory, mostly. The entries stay in the ring. */
            if (rc != -EAGAIN && rc != -EBUSY && rc != -EINTR && !aio->complained) {
                dm_log(DM_LOG_ERROR, "aio", "io_uring_submit: %s", strerror(-rc));
                aio->complained = true;
            }
            dm_timer_arm(&aio->retry, dm_clock_now(&aio->loop->clock) + AIO_RETRY_NS);
            aio_ring_reap(aio);
            return;
        }
        aio_ring_reap(aio);
        if (!aio->pending.first && !io_uring_sq_ready(&aio->ring))
            return;
    }
    host_loop_post(aio->loop, &aio->post);
}

static void aio_ring_ready(void *opaque, uint32_t events)
{
    struct host_aio *aio = opaque;

    (void)events;
    aio_ring_reap(aio); /* what follows from it is sent by the hook, before the loop sleeps */
}

static int aio_ring_init(struct host_aio *aio)
{
    unsigned workers[2] = { 4, 1 };
    int rc = io_uring_queue_init(AIO_RING, &aio->ring, IORING_SETUP_COOP_TASKRUN);

    if (rc == -EINVAL) /* before Linux 5.19 */
        rc = io_uring_queue_init(AIO_RING, &aio->ring, 0);
    if (rc < 0)
        return rc;
    io_uring_ring_dontfork(&aio->ring);
    /* Linux 5.15: fewer kernel threads than its default of four a CPU. */
    (void)io_uring_register_iowq_max_workers(&aio->ring, workers);
    /* The ring itself can be polled: an eventfd would cost a read a turn more. */
    aio->watch = (struct host_watch) {
        .fd = aio->ring.ring_fd, .events = EPOLLIN, .ready = aio_ring_ready, .opaque = aio
    };
    rc = host_loop_add(aio->loop, &aio->watch);
    if (rc)
        io_uring_queue_exit(&aio->ring);
    return rc;
}

/* Threads */

static int aio_call(struct host_aio_req *req)
{
    const struct iovec *iov;
    ssize_t rc = -1;
    int count;

    switch (req->op) {
    case HOST_AIO_READV:
        iov = aio_rest(req, &count);
        rc = preadv(req->fd, iov, count, (off_t)(req->offset + req->progress));
        break;
    case HOST_AIO_WRITEV:
        iov = aio_rest(req, &count);
        rc = pwritev(req->fd, iov, count, (off_t)(req->offset + req->progress));
        break;
    case HOST_AIO_FDATASYNC:
        rc = fdatasync(req->fd);
        break;
    case HOST_AIO_DISCARD:
        rc = fallocate(req->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)req->offset,
                       (off_t)req->len);
        break;
    }
    return rc < 0 ? -errno : (int)rc; /* the kernel moves less than 2 GiB a call */
}

static void *aio_thread(void *opaque)
{
    struct host_aio *aio = opaque;
    struct host_aio_req *req;

    pthread_mutex_lock(&aio->lock);
    for (;;) {
        while (!aio->stop && !aio->todo.first)
            pthread_cond_wait(&aio->work, &aio->lock);
        req = aio_queue_take(&aio->todo);
        if (!req)
            break;
        pthread_mutex_unlock(&aio->lock);
        req->result = aio_call(req);
        pthread_mutex_lock(&aio->lock);
        aio_queue_put(&aio->finished, req);
        pthread_cond_signal(&aio->ended);
        host_loop_post(aio->loop, &aio->post);
    }
    pthread_mutex_unlock(&aio->lock);
    return NULL;
}

static void aio_threads_start(struct host_aio *aio)
{
    pthread_attr_t attr;
    sigset_t all, old;

    aio->started = true;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, AIO_STACK > PTHREAD_STACK_MIN ? AIO_STACK : PTHREAD_STACK_MIN);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the loop's */
    while (aio->threads < AIO_THREADS &&
           !pthread_create(&aio->thread[aio->threads], &attr, aio_thread, aio))
        aio->threads++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (!aio->threads)
        dm_log(DM_LOG_WARN, "aio", "no thread can be started: disk I/O will stop the guest");
}

static struct host_aio_req *aio_finished_take(struct host_aio *aio)
{
    struct host_aio_req *req;

    pthread_mutex_lock(&aio->lock);
    req = aio_queue_take(&aio->finished);
    pthread_mutex_unlock(&aio->lock);
    return req;
}

static void aio_threads_kick(struct host_aio *aio)
{
    struct host_aio_req *req;

    while ((req = aio_pending_take(aio))) {
        if (!aio->started)
            aio_threads_start(aio);
        if (!aio->threads) {
            aio_result(aio, req, aio_call(req));
            continue;
        }
        pthread_mutex_lock(&aio->lock);
        aio_queue_put(&aio->todo, req);
        pthread_cond_signal(&aio->work);
        pthread_mutex_unlock(&aio->lock);
    }
    while ((req = aio_finished_take(aio)))
        aio_result(aio, req, req->result);
    if (aio->pending.first)
        host_loop_post(aio->loop, &aio->post);
}

/* Both */

static void aio_kick(void *opaque)
{
    struct host_aio *aio = opaque;

    if (!aio->in_flight)
        return;
    if (!aio->use_ring)
        aio_threads_kick(aio);
    else if (aio->pending.first || io_uring_sq_ready(&aio->ring))
        aio_ring_kick(aio);
}

struct host_aio *host_aio_get(struct host_loop *loop, struct dm_error *err)
{
    const char *engine = getenv("XENDM_AIO");
    struct sigaction xfsz;
    struct host_aio *aio = loop->aio;
    int rc = -ENOSYS;

    if (aio) {
        aio->refs++;
        return aio;
    }
    aio = calloc(1, sizeof(*aio));
    if (!aio) {
        dm_error_set(err, ENOMEM, "disk I/O: out of memory");
        return NULL;
    }
    aio->loop = loop;
    aio->refs = 1;
    aio->no_try = engine;
    aio->room = HOST_AIO_TRY_TURN;
    aio_queue_init(&aio->pending);
    aio_queue_init(&aio->todo);
    aio_queue_init(&aio->finished);
    pthread_mutex_init(&aio->lock, NULL);
    pthread_cond_init(&aio->work, NULL);
    pthread_cond_init(&aio->ended, NULL);
    dm_timer_init(&aio->retry, &loop->clock, aio_kick, aio);
    aio->post = (struct host_post) { .fn = aio_kick, .opaque = aio };
    aio->hook = (struct host_hook) { .fn = aio_kick, .opaque = aio };
    if (!engine || strcmp(engine, "threads"))
        rc = aio_ring_init(aio);
    aio->use_ring = !rc;
    if (rc && !engine)
        dm_log(DM_LOG_INFO, "aio", "no io_uring (%s): disk I/O by threads", strerror(-rc));
    /* Beyond RLIMIT_FSIZE (set by libxl) a write is to fail with EFBIG, not to kill us. */
    if (!sigaction(SIGXFSZ, NULL, &xfsz) && xfsz.sa_handler == SIG_DFL)
        signal(SIGXFSZ, SIG_IGN);
    host_loop_add_hook(loop, &aio->hook);
    loop->aio = aio;
    return aio;
}

void host_aio_put(struct host_aio *aio)
{
    if (!aio || --aio->refs)
        return;
    pthread_mutex_lock(&aio->lock);
    aio->stop = true;
    pthread_cond_broadcast(&aio->work);
    pthread_mutex_unlock(&aio->lock);
    for (unsigned i = 0; i < aio->threads; i++)
        pthread_join(aio->thread[i], NULL);
    if (aio->use_ring) {
        host_loop_remove(aio->loop, &aio->watch);
        io_uring_queue_exit(&aio->ring);
    }
    dm_timer_cancel(&aio->retry);
    host_loop_remove_hook(aio->loop, &aio->hook);
    host_loop_unpost(aio->loop, &aio->post);
    aio->loop->aio = NULL;
    pthread_cond_destroy(&aio->ended);
    pthread_cond_destroy(&aio->work);
    pthread_mutex_destroy(&aio->lock);
    free(aio);
}

void host_aio_submit(struct host_aio *aio, struct host_aio_req *req)
{
    req->progress = 0;
    req->again = 0;
    req->iov_at = 0;
    req->iov_skip = 0;
    if (aio_moves_data(req))
        aio_advance(req, 0); /* past empty entries */
    aio->in_flight++;
    aio->loop->others++;
    aio_queue_put(&aio->pending, req);
}

/* Takes len from what this turn may move. */
static bool aio_try_take(struct host_aio *aio, uint64_t len)
{
    if (aio->turn != aio->loop->turns) {
        aio->turn = aio->loop->turns;
        aio->room = HOST_AIO_TRY_TURN;
    }
    if (aio->room < len + AIO_TRY_COST)
        return false;
    aio->room -= len + AIO_TRY_COST;
    return true;
}

/* Times this thread gave up its CPU to wait for something. */
static long aio_waits(void)
{
    struct rusage use;

    return getrusage(RUSAGE_THREAD, &use) ? 0 : use.ru_nvcsw;
}

static int aio_try_write(struct host_aio *aio, const struct host_aio_req *req)
{
    uint64_t start = dm_clock_now(&aio->loop->clock), took;
    long waits;
    ssize_t n;

    if (aio->in_flight || start < aio->writes_at)
        return -EAGAIN;
    waits = aio_waits();
    n = pwritev(req->fd, req->iov, req->iov_count, (off_t)req->offset);
    took = dm_clock_now(&aio->loop->clock) - start;
    /* On a busy machine it may as well have been somebody else's turn: that says nothing. */
    if (took > AIO_SLOW_NS && aio_waits() != waits)
        aio->writes_at = start + took * (AIO_SLOW_REST + 1);
    return n == (ssize_t)req->len ? 0 : -EAGAIN;
}

int host_aio_try(struct host_aio *aio, const struct host_aio_req *req)
{
    ssize_t n;

    if (aio->no_try || !aio_moves_data(req) || req->len > HOST_AIO_TRY_MAX ||
        req->iov_count > IOV_MAX || !aio_try_take(aio, req->len))
        return -EAGAIN;
    if (req->op == HOST_AIO_WRITEV)
        return aio_try_write(aio, req);
    n = preadv2(req->fd, req->iov, req->iov_count, (off_t)req->offset, RWF_NOWAIT);
    if (n < 0 && errno == EOPNOTSUPP)
        return -EOPNOTSUPP;
    return n == (ssize_t)req->len ? 0 : -EAGAIN;
}

void host_aio_wait(struct host_aio *aio)
{
    uint64_t before = aio->ended_count;
    struct io_uring_cqe *cqe;

    aio_kick(aio);
    if (!aio->in_flight || aio->ended_count != before)
        return;
    if (!aio->use_ring) {
        pthread_mutex_lock(&aio->lock);
        while (!aio->finished.first && aio->threads && !aio->pending.first)
            pthread_cond_wait(&aio->ended, &aio->lock);
        pthread_mutex_unlock(&aio->lock);
        aio_threads_kick(aio);
    } else {
        if (aio->in_ring && !io_uring_sq_ready(&aio->ring))
            (void)io_uring_wait_cqe(&aio->ring, &cqe);
        else
            usleep(AIO_RETRY_NS / DM_NS_PER_US);
        aio_ring_reap(aio);
    }
}

const char *host_aio_engine(const struct host_aio *aio)
{
    return aio->use_ring ? "io_uring" : "threads";
}
