/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk image or a CD, as a device sees it. Requests are asynchronous.
 * Loop thread only.
 */
#ifndef DM_BLOCK_H
#define DM_BLOCK_H

#include "dm/dma.h"

#include <stdbool.h>
#include <stdint.h>

enum dm_block_op { DM_BLOCK_READ, DM_BLOCK_WRITE, DM_BLOCK_FLUSH, DM_BLOCK_DISCARD };

struct dm_block_req {
    enum dm_block_op op;
    uint64_t offset; /* bytes */
    uint64_t len;    /* bytes: the sum of iov, or what to discard */
    struct dm_iov *iov;
    int iov_count;
    /* err: 0, or -errno (-ENOSPC, -EIO ...); then any part may have been done. */
    void (*done)(struct dm_block_req *req, int err);
    void *opaque;
    /* The backend's, while in flight. */
    struct dm_block_req *next;
    uint64_t progress;
    struct dm_block *block;
};

struct dm_block;

struct dm_block_ops {
    void (*submit)(struct dm_block *block, struct dm_block_req *req);
    void (*drain)(struct dm_block *block);
    void (*close)(struct dm_block *block); /* frees it; nothing is in flight */
};

#define DM_BLOCK_ID_MAX 64

struct dm_block {
    const struct dm_block_ops *ops;
    char id[DM_BLOCK_ID_MAX]; /* of -drive */
    char path[4096];          /* "" while there is no medium */
    uint64_t size;            /* bytes; 0 with no medium */
    bool present;             /* has a medium */
    bool readonly;
    bool discard;          /* DM_BLOCK_DISCARD works */
    bool attached;         /* a device has it */
    struct dm_block *next; /* of the machine */
    uint64_t rd_bytes, rd_ops, wr_bytes, wr_ops, flush_ops;
    uint64_t synced_ops; /* wr_ops when dm_block_sync flushed last */
    unsigned in_flight;
};

/*
 * Starts req. done() is called exactly once, from the loop or before this
 * returns: be ready for both. The device keeps req and its memory alive until
 * then. Refused at once with done(): -ENOMEDIUM, -EROFS (writes to a read-only
 * one), -EINVAL (beyond the end), -EOPNOTSUPP (no discard).
 */
void dm_block_submit(struct dm_block *block, struct dm_block_req *req);

/* Waits until nothing is in flight. Blocks: only for stop, save and close. */
void dm_block_drain(struct dm_block *block);

/* Flushes what was written since the last time, and waits. For stop and save. Returns 0 or -errno.
 */
int dm_block_sync(struct dm_block *block);

/* For backends: req has ended. */
void dm_block_complete(struct dm_block_req *req, int err);

struct dm_machine;
void dm_block_register(struct dm_machine *machine, struct dm_block *block);
struct dm_block *dm_block_find(struct dm_machine *machine, const char *id);

#endif
