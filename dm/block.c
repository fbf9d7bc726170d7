/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/block.h"

#include "dm/bytes.h"
#include "dm/machine.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static int block_check(const struct dm_block *b, const struct dm_block_req *req)
{
    if (!b->present)
        return -ENOMEDIUM;
    if (req->op == DM_BLOCK_FLUSH)
        return 0;
    if (req->op != DM_BLOCK_READ && b->readonly)
        return -EROFS;
    if (!dm_in_range(req->offset, req->len, b->size))
        return -EINVAL;
    if (req->op == DM_BLOCK_DISCARD && !b->discard)
        return -EOPNOTSUPP;
    return 0;
}

void dm_block_submit(struct dm_block *b, struct dm_block_req *req)
{
    int err = block_check(b, req);

    req->block = b;
    req->next = NULL;
    req->progress = 0;
    b->in_flight++;
    if (err)
        dm_block_complete(req, err);
    else
        b->ops->submit(b, req);
}

void dm_block_complete(struct dm_block_req *req, int err)
{
    struct dm_block *b = req->block;

    assert(b->in_flight > 0);
    b->in_flight--;
    if (!err && req->op == DM_BLOCK_READ) {
        b->rd_ops++;
        b->rd_bytes += req->len;
    } else if (!err && req->op == DM_BLOCK_WRITE) {
        b->wr_ops++;
        b->wr_bytes += req->len;
    } else if (!err && req->op == DM_BLOCK_FLUSH) {
        b->flush_ops++;
    }
    req->done(req, err);
}

void dm_block_drain(struct dm_block *b)
{
    if (b->in_flight && b->ops->drain)
        b->ops->drain(b);
}

static void block_synced(struct dm_block_req *req, int err)
{
    *(int *)req->opaque = err;
}

int dm_block_sync(struct dm_block *b)
{
    uint64_t ops = b->wr_ops;
    int err = 0;
    struct dm_block_req req = { .op = DM_BLOCK_FLUSH, .done = block_synced, .opaque = &err };

    if (!b->present || b->readonly || ops == b->synced_ops)
        return 0;
    dm_block_submit(b, &req);
    dm_block_drain(b);
    if (!err)
        b->synced_ops = ops;
    return err;
}

void dm_block_register(struct dm_machine *m, struct dm_block *block)
{
    struct dm_block **p = &m->blocks;

    while (*p)
        p = &(*p)->next;
    block->next = NULL;
    *p = block;
}

struct dm_block *dm_block_find(struct dm_machine *m, const char *id)
{
    for (struct dm_block *b = m->blocks; b; b = b->next)
        if (!strcmp(b->id, id))
            return b;
    return NULL;
}
