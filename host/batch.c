/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/batch.h"

#include "dm/log.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <liburing.h>

#define BATCH_WAITS INT_MIN /* no result yet */

struct host_batch {
    struct host_loop *loop;
    unsigned refs;
    bool use_ring;
    struct io_uring ring;
    /*
     * These files do not know RWF_NOWAIT (taps before Linux 6.4). Without it io_uring tries,
     * and where that would block waits, O_NONBLOCK or not, until it can or is told to stop.
     */
    bool no_rwf;
    int file[HOST_BATCH_FILES]; /* files often used; the ring knows the first of them by number */
    unsigned files, ring_files;
    bool no_ring_files; /* the kernel refused */
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

/* Not ended yet. */
struct batch_left {
    unsigned ops, cancels;
};

static void batch_reap(struct host_batch *b, struct batch_left *left)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;

    io_uring_for_each_cqe(&b->ring, head, cqe)
    {
        struct host_batch_op *op = io_uring_cqe_get_data(cqe);

        n++;
        if (op) {
            op->result = cqe->res == -ECANCELED ? -EAGAIN : cqe->res;
            left->ops--;
        } else {
            left->cancels--;
        }
    }
    io_uring_cq_advance(&b->ring, n);
}

/* Before the first use, so that a machine's start waits for nothing. */
static void batch_ring_files(struct host_batch *b)
{
    if (b->ring_files)
        io_uring_unregister_files(&b->ring);
    b->no_ring_files = io_uring_register_files(&b->ring, b->file, b->files) != 0;
    b->ring_files = b->no_ring_files ? 0 : b->files;
}

static void batch_set_file(struct host_batch *b, struct io_uring_sqe *sqe)
{
    for (unsigned i = 0; i < b->ring_files; i++) {
        if (b->file[i] == sqe->fd) {
            sqe->fd = (int)i;
            sqe->flags |= IOSQE_FIXED_FILE;
            return;
        }
    }
}

void host_batch_add_file(struct host_batch *b, int fd)
{
    if (b->files < HOST_BATCH_FILES)
        b->file[b->files++] = fd;
}

void host_batch_remove_file(struct host_batch *b, int fd)
{
    unsigned i = 0;

    while (i < b->files && b->file[i] != fd)
        i++;
    if (i == b->files)
        return;
    if (b->ring_files && b->use_ring)
        io_uring_unregister_files(&b->ring); /* all: this one call waits until they are free */
    b->ring_files = 0;
    b->files--;
    memmove(b->file + i, b->file + i + 1, (b->files - i) * sizeof(*b->file));
}

static void batch_prepare(struct host_batch *b, struct host_batch_op *op)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&b->ring);

    assert(sqe);                         /* the ring is empty between calls */
    if (op->iov_count == 1 && op->write) /* no list for the kernel to copy and keep */
        io_uring_prep_write(sqe, op->fd, op->iov->iov_base, (unsigned)op->iov->iov_len, 0);
    else if (op->iov_count == 1)
        io_uring_prep_read(sqe, op->fd, op->iov->iov_base, (unsigned)op->iov->iov_len, 0);
    else if (op->write)
        io_uring_prep_writev(sqe, op->fd, op->iov, (unsigned)op->iov_count, 0);
    else
        io_uring_prep_readv(sqe, op->fd, op->iov, (unsigned)op->iov_count, 0);
    batch_set_file(b, sqe);
    sqe->rw_flags = b->no_rwf ? 0 : RWF_NOWAIT;
    io_uring_sqe_set_data(sqe, op);
    op->result = BATCH_WAITS;
}

/* Asks for the end of all that wait. One that was just woken may go on, and wait again. */
static void batch_cancel(struct host_batch *b, struct host_batch_op *ops, unsigned count,
                         struct batch_left *left)
{
    for (unsigned i = 0; i < count; i++) {
        struct io_uring_sqe *sqe;

        if (ops[i].result != BATCH_WAITS)
            continue;
        sqe = io_uring_get_sqe(&b->ring);
        assert(sqe);
        io_uring_prep_cancel(sqe, &ops[i], 0);
        io_uring_sqe_set_data(sqe, NULL);
        left->cancels++;
    }
}

/* false: nothing was done. */
static bool batch_ring(struct host_batch *b, struct host_batch_op *ops, unsigned count)
{
    struct batch_left left = { count, 0 };
    bool refused = false;

    if (b->ring_files < b->files && !b->no_ring_files)
        batch_ring_files(b);
    for (unsigned i = 0; i < count; i++)
        batch_prepare(b, &ops[i]);
    while (left.ops || left.cancels) {
        int rc;

        b->calls++;
        rc = io_uring_submit_and_wait(&b->ring, b->no_rwf ? left.cancels : left.ops);
        if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY) {
            dm_log(DM_LOG_ERROR, "batch", "io_uring_submit: %s; going on without io_uring",
                   strerror(-rc));
            /* The kernel took nothing, or it may still use the caller's memory. */
            if (left.ops != count || io_uring_sq_ready(&b->ring) != count)
                abort();
            io_uring_queue_exit(&b->ring);
            b->use_ring = false;
            b->ring_files = 0;
            return false;
        }
        batch_reap(b, &left);
        if (b->no_rwf && left.ops && !left.cancels && !io_uring_sq_ready(&b->ring))
            batch_cancel(b, ops, count, &left);
    }
    for (unsigned i = 0; i < count; i++) {
        if (ops[i].result != -EOPNOTSUPP || b->no_rwf)
            continue;
        refused = true;
        batch_call(b, &ops[i]);
    }
    b->no_rwf |= refused;
    return true;
}

/*
 * Without RWF_NOWAIT only writes are worth it: they find room but for rare times, while
 * reading mostly ends with one that would wait, whose cancellation costs more than calls.
 */
static bool batch_fits_ring(const struct host_batch *b, const struct host_batch_op *ops,
                            unsigned count)
{
    if (!b->use_ring || count < 2)
        return false;
    for (unsigned i = 0; i < count && b->no_rwf; i++)
        if (!ops[i].write)
            return false;
    return true;
}

void host_batch_run(struct host_batch *b, struct host_batch_op *ops, unsigned count)
{
    assert(count <= HOST_BATCH_MAX);
    if (!batch_fits_ring(b, ops, count) || !batch_ring(b, ops, count))
        batch_calls(b, ops, count);
}

uint64_t host_batch_calls(const struct host_batch *b)
{
    return b->calls;
}
