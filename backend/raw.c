/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend/raw.h"

#include "dm/block.h"
#include "dm/bytes.h"
#include "dm/log.h"
#include "dm/machine.h"
#include "host/aio.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define RAW_SECTOR 512
#define RAW_SLOTS  64 /* requests the kernel has at a time; further ones wait here */

static_assert(sizeof(struct dm_iov) == sizeof(struct iovec) &&
                  offsetof(struct dm_iov, base) == offsetof(struct iovec, iov_base) &&
                  offsetof(struct dm_iov, len) == offsetof(struct iovec, iov_len),
              "a device's list goes to the kernel as it is");

/* A request on its way. */
struct raw_slot {
    struct host_aio_req aio; /* first */
    struct raw *raw;
    struct dm_block_req *req;
    struct raw_slot *next; /* while free */
};

struct raw {
    struct dm_block block; /* first */
    struct host_aio *aio;  /* NULL while there is no medium */
    int fd;                /* -1: none */
    bool no_read_try;      /* the file system cannot tell what is in the page cache */
    bool trying;           /* a request that ended at once is being completed */
    struct raw_slot *free;
    unsigned slots; /* allocated */
    struct dm_block_req *waiting, **waiting_tail;
};

static void raw_done(struct host_aio_req *aio, int err);

static struct host_aio_req raw_aio(const struct raw *raw, const struct dm_block_req *req)
{
    static const enum host_aio_op ops[] = {
        [DM_BLOCK_READ] = HOST_AIO_READV,
        [DM_BLOCK_WRITE] = HOST_AIO_WRITEV,
        [DM_BLOCK_FLUSH] = HOST_AIO_FDATASYNC,
        [DM_BLOCK_DISCARD] = HOST_AIO_DISCARD,
    };

    return (struct host_aio_req) {
        .op = ops[req->op],
        .fd = raw->fd,
        .offset = req->offset,
        .len = req->len,
        .iov = (const struct iovec *)req->iov,
        .iov_count = req->iov_count,
        .done = raw_done,
    };
}

static void raw_start(struct raw *raw, struct raw_slot *slot, struct dm_block_req *req)
{
    slot->raw = raw;
    slot->req = req;
    slot->aio = raw_aio(raw, req);
    host_aio_submit(raw->aio, &slot->aio);
}

/*
 * What needs no waiting ends here, before the guest goes on: true. From what follows such a
 * request nothing is tried, so that a chain of them is no recursion.
 */
static bool raw_try(struct raw *raw, struct dm_block_req *req)
{
    struct host_aio_req aio;
    int rc;

    if (raw->trying || raw->waiting || (req->op == DM_BLOCK_READ && raw->no_read_try))
        return false;
    aio = raw_aio(raw, req);
    rc = host_aio_try(raw->aio, &aio);
    if (rc == -EOPNOTSUPP)
        raw->no_read_try = true;
    if (rc)
        return false;
    raw->trying = true;
    dm_block_complete(req, 0);
    raw->trying = false;
    return true;
}

static void raw_done(struct host_aio_req *aio, int err)
{
    struct raw_slot *slot = (struct raw_slot *)aio;
    struct dm_block_req *req = slot->req, *next;
    struct raw *raw = slot->raw;

    next = raw->waiting;
    if (next) {
        raw->waiting = next->next;
        if (!raw->waiting)
            raw->waiting_tail = &raw->waiting;
        raw_start(raw, slot, next);
    } else {
        slot->next = raw->free;
        raw->free = slot;
    }
    dm_block_complete(req, err);
}

static struct raw_slot *raw_slot_take(struct raw *raw)
{
    struct raw_slot *slot = raw->free;

    if (slot) {
        raw->free = slot->next;
    } else if (raw->slots < RAW_SLOTS) {
        slot = calloc(1, sizeof(*slot));
        raw->slots += slot != NULL;
    }
    return slot;
}

static bool raw_iov_matches(const struct dm_block_req *req)
{
    uint64_t sum = 0;

    if (req->op != DM_BLOCK_READ && req->op != DM_BLOCK_WRITE)
        return true;
    for (int i = 0; i < req->iov_count; i++)
        sum += req->iov[i].len;
    return sum == req->len;
}

static void raw_submit(struct dm_block *block, struct dm_block_req *req)
{
    struct raw *raw = (struct raw *)block;
    struct raw_slot *slot;

    if (!raw_iov_matches(req)) {
        dm_block_complete(req, -EINVAL);
        return;
    }
    if (raw_try(raw, req))
        return;
    slot = raw_slot_take(raw);
    if (slot) {
        raw_start(raw, slot, req);
    } else if (raw->slots) {
        req->next = NULL;
        *raw->waiting_tail = req;
        raw->waiting_tail = &req->next;
    } else {
        dm_block_complete(req, -ENOMEM);
    }
}

static void raw_drain(struct dm_block *block)
{
    struct raw *raw = (struct raw *)block;

    while (block->in_flight)
        host_aio_wait(raw->aio);
}

static void raw_close(struct dm_block *block)
{
    struct raw *raw = (struct raw *)block;
    struct raw_slot *slot;

    while ((slot = raw->free)) {
        raw->free = slot->next;
        free(slot);
    }
    /* The guest may be gone without a flush: what it wrote is not to hang on our host's power. */
    if (block->wr_ops && fdatasync(raw->fd))
        dm_log(DM_LOG_ERROR, "raw", "%s: flush at the end failed: %s", block->path,
               strerror(errno));
    if (raw->fd >= 0)
        close(raw->fd);
    host_aio_put(raw->aio);
    free(raw);
}

static const struct dm_block_ops raw_ops = {
    .submit = raw_submit,
    .drain = raw_drain,
    .close = raw_close,
};

/* Does the disk take discards? Linux says so in sysfs, for a partition in its parent's folder. */
static bool raw_device_discards(dev_t dev)
{
    static const char *const folders[] = { "", "../" };
    unsigned long long max = 0;
    char path[128];
    FILE *f;

    for (unsigned i = 0; i < DM_ARRAY_LEN(folders) && !max; i++) {
        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%squeue/write_zeroes_max_bytes",
                 major(dev), minor(dev), folders[i]);
        f = fopen(path, "re");
        if (!f)
            continue;
        if (fscanf(f, "%llu", &max) != 1)
            max = 0;
        fclose(f);
    }
    return max != 0;
}

/* A hole behind the end changes nothing: it only shows whether the file system can. */
static bool raw_file_discards(int fd, off_t size)
{
    return !fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, size, 1 << 20);
}

static int raw_stat(const char *path, struct stat *st, struct dm_error *err)
{
    if (stat(path, st))
        return dm_error_set(err, errno, "image %s: %s", path, strerror(errno));
    if (S_ISDIR(st->st_mode))
        return dm_error_set(err, EISDIR, "image %s: is a directory", path);
    if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
        return dm_error_set(err, EINVAL, "image %s: neither a file nor a block device", path);
    return 0;
}

/* Opens what is a file or a block device already: open() of a FIFO would wait for ever. */
static int raw_open_file(struct raw *raw, const char *path, struct stat *st, struct dm_error *err)
{
    int rc = raw_stat(path, st, err);

    if (rc)
        return rc;
    raw->fd = open(path, (raw->block.readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY);
    if (raw->fd < 0)
        return dm_error_set(err, errno, "image %s: cannot open for %s: %s", path,
                            raw->block.readonly ? "reading" : "writing", strerror(errno));
    if (fstat(raw->fd, st))
        return dm_error_set(err, errno, "image %s: %s", path, strerror(errno));
    return 0;
}

static int raw_insert(struct raw *raw, struct dm_machine *machine, struct host_loop *loop,
                      const char *path, struct dm_error *err)
{
    struct dm_block *b = &raw->block;
    struct stat st;
    int rc;

    if (strlen(path) >= sizeof(b->path))
        return dm_error_set(err, ENAMETOOLONG, "image %.64s...: %s", path, strerror(ENAMETOOLONG));
    rc = raw_open_file(raw, path, &st, err);
    if (rc)
        return rc;
    if (S_ISBLK(st.st_mode)) {
        if (ioctl(raw->fd, BLKGETSIZE64, &b->size))
            return dm_error_set(err, errno, "image %s: its size: %s", path, strerror(errno));
        b->discard = !b->readonly && raw_device_discards(st.st_rdev);
    } else {
        b->size = (uint64_t)st.st_size;
        b->discard = !b->readonly && raw_file_discards(raw->fd, st.st_size);
    }
    /* Another host may have written to it since we cached anything of it. */
    if (machine->restored)
        (void)posix_fadvise(raw->fd, 0, 0, POSIX_FADV_DONTNEED);
    if (b->size < RAW_SECTOR)
        return dm_error_set(err, EINVAL, "image %s: is empty (%llu bytes)", path,
                            (unsigned long long)b->size);
    if (b->size % RAW_SECTOR)
        dm_log(DM_LOG_WARN, "raw", "image %s: the guest cannot see the last %u bytes of %llu", path,
               (unsigned)(b->size % RAW_SECTOR), (unsigned long long)b->size);
    raw->aio = host_aio_get(loop, err);
    if (!raw->aio)
        return -ENOMEM;
    b->size -= b->size % RAW_SECTOR;
    b->present = true;
    snprintf(b->path, sizeof(b->path), "%s", path);
    return 0;
}

int raw_open(struct dm_machine *machine, struct host_loop *loop, const char *id, const char *path,
             bool readonly, struct dm_error *err)
{
    struct raw *raw;
    int rc = 0;

    if (!*id || strlen(id) >= DM_BLOCK_ID_MAX)
        return dm_error_set(err, EINVAL, "drive id '%s': not 1 to %d characters", id,
                            DM_BLOCK_ID_MAX - 1);
    if (dm_block_find(machine, id))
        return dm_error_set(err, EEXIST, "drive id '%s' is used twice", id);
    raw = calloc(1, sizeof(*raw));
    if (!raw)
        return dm_error_set(err, ENOMEM, "drive %s: out of memory", id);
    raw->fd = -1;
    raw->waiting_tail = &raw->waiting;
    raw->block.ops = &raw_ops;
    raw->block.readonly = readonly;
    snprintf(raw->block.id, sizeof(raw->block.id), "%s", id);
    if (path)
        rc = raw_insert(raw, machine, loop, path, err);
    if (rc) {
        raw_close(&raw->block);
        return rc;
    }
    dm_block_register(machine, &raw->block);
    return 0;
}
