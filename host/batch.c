/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/batch.h"

#include "dm/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <liburing.h>

struct host_batch {
    struct host_loop *loop;
    unsigned refs;
    bool use_ring;
    struct io_uring ring;
    /*
     * Files that know RWF_NOWAIT need it, since for them io_uring waits in spite of
     * O_NONBLOCK; to others, and to taps before Linux 6.4, it is not known and O_NONBLOCK does.
     */
    bool no_rwf;
    uint64_t calls;
};

static int batch_ring_init(struct io_uring *ring)
{
    /* From Linux 6.1, 5.19 and 5.6 on. */
    static const unsigned flags[] = { IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
                                      IORING_SETUP_COOP_TASKRUN, 0 };
    int rc = -EINVAL;

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]) && rc == -EINVAL; i++)
        rc = io_uring_queue_init(HOST_BATCH_MAX, ring, flags[i]);
    if (rc)
        return rc;
    io_uring_ring_dontfork(ring);
    (void)io_uring_register_ring_fd(ring); /* from 5.18 on: saves a look-up a call */
    return 0;
}

struct host_batch *host_batch_get(struct host_loop *loop)
{
    const char *engine = getenv("XENDM_AIO");
    struct host_batch *b = loop->batch;

    if (!b) {
        b = calloc(1, sizeof(*b));
        if (!b)
            return NULL;
        b->loop = loop;
        if (!engine || strcmp(engine, "threads"))
            b->use_ring = !batch_ring_init(&b->ring);
        loop->batch = b;
    }
    b->refs++;
    return b;
}

void host_batch_put(struct host_batch *b)
{
    if (!b || --b->refs)
        return;
    b->loop->batch = NULL;
    if (b->use_ring)
        io_uring_queue_exit(&b->ring);
    free(b);
}

static void batch_call(struct host_batch *b, struct host_batch_op *op)
{
    ssize_t rc;

    b->calls++;
    do
        rc = op->write ? writev(op->fd, op->iov, op->iov_count)
                       : readv(op->fd, op->iov, op->iov_count);
    while (rc < 0 && errno == EINTR);
    op->result = rc < 0 ? -errno : (int)rc;
}

static void batch_calls(struct host_batch *b, struct host_batch_op *ops, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        /* What would block blocks those behind it too. */
        if (i && ops[i].fd == ops[i - 1].fd && ops[i].write == ops[i - 1].write &&
            ops[i - 1].result == -EAGAIN)
            ops[i].result = -EAGAIN;
        else
            batch_call(b, &ops[i]);
    }
}

static unsigned batch_reap(struct host_batch *b)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;

    io_uring_for_each_cqe(&b->ring, head, cqe)
    {
        ((struct host_batch_op *)io_uring_cqe_get_data(cqe))->result = cqe->res;
        n++;
    }
    io_uring_cq_advance(&b->ring, n);
    return n;
}

/* false: nothing was done. */
static bool batch_ring(struct host_batch *b, struct host_batch_op *ops, unsigned count)
{
    unsigned ended = 0, refused = 0;
    int rc;

    for (unsigned i = 0; i < count; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&b->ring);

        assert(sqe); /* the ring is empty between calls */
        if (ops[i].write)
            io_uring_prep_writev(sqe, ops[i].fd, ops[i].iov, (unsigned)ops[i].iov_count, 0);
        else
            io_uring_prep_readv(sqe, ops[i].fd, ops[i].iov, (unsigned)ops[i].iov_count, 0);
        sqe->rw_flags = RWF_NOWAIT;
        io_uring_sqe_set_data(sqe, &ops[i]);
    }
    while (ended < count) {
        b->calls++;
        rc = io_uring_submit_and_wait(&b->ring, count - ended);
        if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY) {
            dm_log(DM_LOG_ERROR, "batch", "io_uring_submit: %s; going on without io_uring",
                   strerror(-rc));
            /* The kernel took nothing, or it may still use the caller's memory. */
            if (ended || io_uring_sq_ready(&b->ring) != count)
                abort();
            io_uring_queue_exit(&b->ring);
            b->use_ring = false;
            return false;
        }
        ended += batch_reap(b);
    }
    for (unsigned i = 0; i < count; i++)
        refused += ops[i].result == -EOPNOTSUPP;
    /*
     * Without RWF_NOWAIT the ring waits for what is not there, O_NONBLOCK or not (taps
     * before Linux 6.2 or so): plain calls from now on.
     */
    b->no_rwf |= refused > 0;
    return refused < count;
}

void host_batch_run(struct host_batch *b, struct host_batch_op *ops, unsigned count)
{
    assert(count <= HOST_BATCH_MAX);
    if (count < 2 || !b->use_ring || b->no_rwf || !batch_ring(b, ops, count))
        batch_calls(b, ops, count);
}

uint64_t host_batch_calls(const struct host_batch *b)
{
    return b->calls;
}
