/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File I/O that does not block the loop: io_uring, or two threads where the kernel
 * refuses it. There is one engine a loop, made when the first file needs it. What the page
 * cache has or takes can be had at once (host_aio_try). Loop thread only.
 *
 * XENDM_AIO=io_uring or =threads in the environment: everything goes by that engine.
 *
 * Memory may belong to a foreign domain (privcmd). Such pages can be copied to and from
 * but not pinned, so files are opened for buffered I/O, never O_DIRECT, and buffers are
 * never registered.
 */
#ifndef HOST_AIO_H
#define HOST_AIO_H

#include "dm/error.h"
#include "host/loop.h"

#include <stdint.h>
#include <sys/uio.h>

enum host_aio_op {
    HOST_AIO_READV,
    HOST_AIO_WRITEV,
    HOST_AIO_FDATASYNC, /* of writes that have completed before */
    HOST_AIO_DISCARD,   /* [offset, offset + len) reads as zeroes; the file keeps its size */
};

struct host_aio_req {
    enum host_aio_op op;
    int fd;
    uint64_t offset, len;    /* bytes; len is the sum of iov */
    const struct iovec *iov; /* kept by the caller until done, not changed */
    int iov_count;
    /*
     * err: 0 or -errno. All of len was moved, or it failed; then any part may have been.
     * A read beyond the end of the file fails with -EIO.
     */
    void (*done)(struct host_aio_req *req, int err);
    void *opaque;
    /* The engine's, while in flight. */
    struct host_aio_req *next;
    uint64_t progress; /* bytes moved */
    int iov_at;        /* first entry that is not finished */
    size_t iov_skip;   /* bytes of it that are */
    struct iovec part; /* its rest */
    unsigned again;    /* times the kernel said try again */
    int result;        /* of the thread's system call */
};

struct host_aio;

/*
 * The loop's engine, made on the first call. NULL with err set: no memory. Each get
 * needs a put; the last put ends the engine, with nothing in flight and not from done().
 */
struct host_aio *host_aio_get(struct host_loop *loop, struct dm_error *err);
void host_aio_put(struct host_aio *aio); /* NULL is fine */

/*
 * Starts req at the end of this turn of the loop: all requests of a turn are one system
 * call. done() is called from the loop or from host_aio_wait, never before this returns.
 */
void host_aio_submit(struct host_aio *aio, struct host_aio_req *req);

/*
 * Does a read or write of up to HOST_AIO_TRY_MAX bytes here and now, if that takes no longer
 * than copying the data. req needs no done. Returns 0, or -EAGAIN: submit it, any part may
 * have been done; or -EOPNOTSUPP: the same, and there is no use in trying op on that file again.
 *
 * Reads are of what is in the page cache, the kernel knows. It does not know of writes that
 * they will not block (ext4 and block devices refuse RWF_NOWAIT), so that is found out: only
 * with nothing under way that they could have to wait for, and when one took long there are
 * none for a thousand times as long. In a turn of the loop 512 KiB may be moved.
 */
int host_aio_try(struct host_aio *aio, const struct host_aio_req *req);

#define HOST_AIO_TRY_MAX  (256u << 10)
#define HOST_AIO_TRY_TURN (512u << 10)

/* Starts what was submitted and sleeps until some request has ended. Nothing in flight: returns. */
void host_aio_wait(struct host_aio *aio);

/* "io_uring" or "threads". */
const char *host_aio_engine(const struct host_aio *aio);

#endif
