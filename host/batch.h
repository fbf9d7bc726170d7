/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several reads and writes of descriptors that never block (taps, sockets) by one system
 * call: io_uring, or one call each where the kernel refuses it (and where the environment
 * says XENDM_AIO=threads). All have ended when the call returns, so nothing is in flight
 * and memory need not outlive it. One ring a loop, made when first needed. Loop thread only.
 */
#ifndef HOST_BATCH_H
#define HOST_BATCH_H

#include "host/loop.h"

#include <stdbool.h>
#include <sys/uio.h>

#define HOST_BATCH_MAX   64
#define HOST_BATCH_FILES 8

struct host_batch_op {
    int fd; /* O_NONBLOCK */
    bool write;
    const struct iovec *iov;
    int iov_count;
    int result; /* bytes, or -errno */
};

struct host_batch;

/* The loop's. Each get needs a put. NULL: no memory. */
struct host_batch *host_batch_get(struct host_loop *loop);
void host_batch_put(struct host_batch *batch); /* NULL is fine */

/*
 * Does count operations (at most HOST_BATCH_MAX) on descriptors of one kind, in order. One that
 * would block has the result -EAGAIN; those behind it on the same descriptor may have been done all
 * the same.
 */
void host_batch_run(struct host_batch *batch, struct host_batch_op *ops, unsigned count);

/*
 * From here on fd is used often: the kernel need not look it up for each operation. Before it is
 * closed it has to be taken back, or it stays open; that may wait for the kernel some
 * milliseconds. At most HOST_BATCH_FILES; more work as well, but as before.
 */
void host_batch_add_file(struct host_batch *batch, int fd);
void host_batch_remove_file(struct host_batch *batch, int fd); /* one not added is fine */

/* System calls made so far. */
uint64_t host_batch_calls(const struct host_batch *batch);

#endif
