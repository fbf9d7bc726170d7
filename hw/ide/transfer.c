/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moves a command's data between the guest and the image, or buf: by PIO in blocks of
 * drq_max bytes (ATA/ATAPI-6, 9.5 and 9.6), by DMA straight from and to guest pages (9.7).
 *
 * There is at most one request on the image per drive. It may end before ide_submit
 * returns: what comes then (then()) runs from one loop, so nothing recurses.
 */
#include "dm/bytes.h"
#include "hw/ide/ide-regs.h"
#include "hw/ide/ide.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Runs what is to follow until a request is really on its way. */
static void transfer_loop(struct ide_drive *d)
{
    d->looping = true;
    while (d->then && !d->in_flight) {
        void (*then)(struct ide_drive *, int) = d->then;

        d->then = NULL;
        if (d->reset == IDE_RESET_NONE) {
            then(d, d->err);
            continue;
        }
        /* The command was reset away: its result is of no interest. */
        dm_sg_release(&d->sg, d->out ? 0 : d->sg.len);
        ide_drive_reset_finish(d);
    }
    d->looping = false;
}

static void transfer_done(struct dm_block_req *req, int err)
{
    struct ide_drive *d = req->opaque;

    d->in_flight = false;
    d->err = err;
    if (!d->looping)
        transfer_loop(d);
}

void ide_submit(struct ide_drive *d, enum dm_block_op op, uint64_t off, uint64_t len,
                struct dm_iov *iov, int iov_count, void (*then)(struct ide_drive *d, int err))
{
    assert(!d->in_flight);
    d->status = ATA_STATUS_BSY | ATA_STATUS_DRDY | ATA_STATUS_DSC;
    d->phase = IDE_BUSY;
    d->in_flight = true;
    d->then = then;
    d->req = (struct dm_block_req) {
        .op = op,
        .offset = off,
        .len = len,
        .iov = iov,
        .iov_count = iov_count,
        .done = transfer_done,
        .opaque = d,
    };
    /* While this is set, an answer given at once waits for the loop below. */
    if (d->looping) {
        dm_block_submit(d->block, &d->req);
        return;
    }
    d->looping = true;
    dm_block_submit(d->block, &d->req);
    d->looping = false;
    if (!d->in_flight)
        transfer_loop(d);
}

/* Bytes [0, len) of buf. */
static void transfer_submit_buf(struct ide_drive *d, enum dm_block_op op, uint32_t len,
                                void (*then)(struct ide_drive *d, int err))
{
    d->chunk = len;
    d->iov = (struct dm_iov) { d->buf, len };
    ide_submit(d, op, d->off, len, &d->iov, 1, then);
}

void ide_io_error(struct ide_drive *d, enum dm_block_op op, int err)
{
    static const char *const names[] = { "read", "write", "flush", "discard" };
    unsigned kind = (unsigned)op * 3 + (err == -ENOSPC ? 0 : err == -EIO ? 1 : 2);

    if (!(d->logged & DM_BIT(kind))) {
        d->logged |= DM_BIT(kind);
        dm_log(DM_LOG_ERROR, d->dev.id,
               "%s of '%s' at byte %llu failed: %s (the guest was told; not logged again)",
               names[op], d->block->path, (unsigned long long)d->off, strerror(-err));
    }
    if (d->cd) {
        d->cd->media_error(d, err);
        return;
    }
    /* Registers hold the first sector that may be bad (ATA-6, 8.27.6). */
    ata_put_lba(d, d->off / IDE_SECTOR);
    if (err == -EINVAL)
        ide_drive_fail(d, ATA_ERROR_IDNF);
    else
        ide_drive_fail(d, op == DM_BLOCK_READ ? ATA_ERROR_UNC : ATA_ERROR_ABRT);
}

static void transfer_end(struct ide_drive *d)
{
    if (d->dma)
        ide_bm_end(d->channel);
    ata_cmd_find(d, d->command)->end(d);
}

/*
 * Buffered data: PIO, and raw CD frames by either way.
 */

static void transfer_filled(struct ide_drive *d);

/* A raw frame: its user data was read into the upper half of buf. */
static void transfer_frame_read(struct ide_drive *d, int err)
{
    if (err) {
        ide_io_error(d, DM_BLOCK_READ, err);
        return;
    }
    d->buf_fill = (uint16_t)d->cd->frame(d, d->off, d->buf + IDE_BUF / 2, d->buf);
    d->off += IDE_CD_SECTOR;
    d->left -= IDE_CD_SECTOR;
    transfer_filled(d);
}

static void transfer_chunk_read(struct ide_drive *d, int err)
{
    if (err && d->chunk > d->drq_max && !d->cd) {
        /* We read ahead of the guest: see how far the image is good. */
        transfer_submit_buf(d, DM_BLOCK_READ, d->drq_max, transfer_chunk_read);
        return;
    }
    if (err) {
        ide_io_error(d, DM_BLOCK_READ, err);
        return;
    }
    d->buf_fill = (uint16_t)d->chunk;
    d->off += d->chunk;
    d->left -= d->chunk;
    transfer_filled(d);
}

/* buf is used up: gets the next of the image. */
static void transfer_fill(struct ide_drive *d)
{
    d->buf_pos = d->buf_end = d->buf_fill = 0;
    if (d->framed) {
        d->iov = (struct dm_iov) { d->buf + IDE_BUF / 2, IDE_CD_SECTOR };
        ide_submit(d, DM_BLOCK_READ, d->off, IDE_CD_SECTOR, &d->iov, 1, transfer_frame_read);
    } else {
        transfer_submit_buf(d, DM_BLOCK_READ, d->left < IDE_BUF ? (uint32_t)d->left : IDE_BUF,
                            transfer_chunk_read);
    }
}

/* Offers the guest a block to read. */
static void pio_in_block(struct ide_drive *d)
{
    unsigned size = d->buf_fill - d->buf_pos;

    d->buf_end = (uint16_t)(d->buf_pos + (size < d->drq_max ? size : d->drq_max));
    if (d->cd) {
        d->count = ATAPI_REASON_IO;
        d->lba[1] = (uint8_t)(d->buf_end - d->buf_pos);
        d->lba[2] = (uint8_t)((d->buf_end - d->buf_pos) >> 8);
    }
    d->phase = IDE_PIO_IN;
    d->status = ATA_STATUS_DRDY | ATA_STATUS_DSC | ATA_STATUS_DRQ;
    ide_channel_raise(d->channel, d);
}

static void transfer_filled(struct ide_drive *d)
{
    d->buf_pos = 0;
    if (d->dma)
        ide_dma_run(d);
    else
        pio_in_block(d);
}

/* The guest has read a block. */
static void pio_in_next(struct ide_drive *d)
{
    if (d->buf_end < d->buf_fill)
        pio_in_block(d);
    else if (d->left)
        transfer_fill(d);
    else
        transfer_end(d);
}

/* Takes a block from the guest. */
static void pio_out_block(struct ide_drive *d)
{
    uint64_t size;

    if (d->media)
        d->buf_pos = 0;
    size = d->media ? d->left : (uint64_t)(d->buf_fill - d->buf_pos);
    d->buf_end = (uint16_t)(d->buf_pos + (size < d->drq_max ? size : d->drq_max));
    if (d->media)
        d->buf_fill = d->buf_end;
    if (d->cd && d->packet == IDE_PACKET_PARAMETERS) {
        d->count = 0;
        d->lba[1] = (uint8_t)(d->buf_end - d->buf_pos);
        d->lba[2] = (uint8_t)((d->buf_end - d->buf_pos) >> 8);
    }
    d->phase = IDE_PIO_OUT;
    d->status = ATA_STATUS_DRDY | ATA_STATUS_DSC | ATA_STATUS_DRQ;
}

static void pio_out_next_block(struct ide_drive *d)
{
    pio_out_block(d);
    ide_channel_raise(d->channel, d);
}

static void pio_out_written(struct ide_drive *d, int err)
{
    if (err) {
        ide_io_error(d, DM_BLOCK_WRITE, err);
        return;
    }
    d->off += d->chunk;
    d->left -= d->chunk;
    if (d->left)
        pio_out_next_block(d);
    else
        transfer_end(d);
}

/* The guest has written a block. */
static void pio_out_next(struct ide_drive *d)
{
    if (d->media)
        transfer_submit_buf(d, DM_BLOCK_WRITE, d->buf_end, pio_out_written);
    else if (d->buf_end < d->buf_fill)
        pio_out_next_block(d);
    else
        transfer_end(d);
}

size_t ide_data_read(struct ide_drive *d, unsigned size, void *buf, size_t count)
{
    size_t moved = 0;
    uint8_t *to = buf;

    while (moved < count && d->phase == IDE_PIO_IN) {
        size_t n = (d->buf_end - d->buf_pos) / size;

        n = n < count - moved ? n : count - moved;
        if (size == 1 || n == 0) {
            /* The port is 16 bits wide: a byte takes a word; a block may end odd. */
            unsigned have = d->buf_end - d->buf_pos;

            memset(to, 0, size);
            memcpy(to, d->buf + d->buf_pos, have < size ? have : size);
            have = have < 2 || have < size ? have : size < 2 ? 2 : size;
            d->buf_pos = (uint16_t)(d->buf_pos + have);
            n = 1;
        } else {
            memcpy(to, d->buf + d->buf_pos, n * size);
            d->buf_pos = (uint16_t)(d->buf_pos + n * size);
        }
        to += n * size;
        moved += n;
        if (d->buf_pos >= d->buf_end)
            pio_in_next(d);
    }
    return moved;
}

size_t ide_data_write(struct ide_drive *d, unsigned size, const void *buf, size_t count)
{
    size_t moved = 0;
    const uint8_t *from = buf;

    while (moved < count && d->phase == IDE_PIO_OUT) {
        size_t n = (d->buf_end - d->buf_pos) / size;

        n = n < count - moved ? n : count - moved;
        if (size == 1 || n == 0) {
            unsigned room = d->buf_end - d->buf_pos;

            if (size == 1 && room > 1)
                d->buf[d->buf_pos + 1] = 0;
            memcpy(d->buf + d->buf_pos, from, room < size ? room : size);
            room = room < 2 || room < size ? room : size < 2 ? 2 : size;
            d->buf_pos = (uint16_t)(d->buf_pos + room);
            n = 1;
        } else {
            memcpy(d->buf + d->buf_pos, from, n * size);
            d->buf_pos = (uint16_t)(d->buf_pos + n * size);
        }
        from += n * size;
        moved += n;
        if (d->buf_pos >= d->buf_end)
            pio_out_next(d);
    }
    return moved;
}

/*
 * DMA
 */

static void dma_wait(struct ide_drive *d)
{
    d->phase = IDE_DMA;
    d->status = ATA_STATUS_BSY | ATA_STATUS_DRDY | ATA_STATUS_DSC | ATA_STATUS_DRQ;
}

static void dma_media_done(struct ide_drive *d, int err)
{
    dm_sg_release(&d->sg, d->out ? 0 : d->sg.len);
    if (err) {
        ide_io_error(d, d->out ? DM_BLOCK_WRITE : DM_BLOCK_READ, err);
        return;
    }
    d->off += d->chunk;
    d->left -= d->chunk;
    if (d->left)
        ide_dma_run(d);
    else
        transfer_end(d);
}

static void dma_run_buf(struct ide_drive *d)
{
    d->buf_end = d->buf_fill;
    while (d->buf_pos < d->buf_fill) {
        bool fault;
        size_t n =
            ide_bm_collect(d->channel, &d->sg, (uint64_t)(d->buf_fill - d->buf_pos), 1, &fault);

        if (fault)
            ide_drive_fail(d, ATA_ERROR_ABRT);
        if (!n)
            return; /* it waits for more table */
        if (d->out)
            dm_sg_read(&d->sg, 0, d->buf + d->buf_pos, n);
        else
            dm_sg_write(&d->sg, 0, d->buf + d->buf_pos, n);
        dm_sg_release(&d->sg, d->out ? 0 : n);
        d->buf_pos = (uint16_t)(d->buf_pos + n);
    }
    if (d->left)
        transfer_fill(d);
    else
        transfer_end(d);
}

void ide_dma_run(struct ide_drive *d)
{
    bool fault;
    size_t n;

    dma_wait(d);
    if (!(d->channel->bm.status & BM_STATUS_ACTIVE))
        return;
    if (!d->media || d->framed) {
        dma_run_buf(d);
        return;
    }
    n = ide_bm_collect(d->channel, &d->sg, d->left, IDE_SECTOR, &fault);
    if (fault)
        ide_drive_fail(d, ATA_ERROR_ABRT);
    if (!n)
        return;
    d->chunk = (uint32_t)n;
    ide_submit(d, d->out ? DM_BLOCK_WRITE : DM_BLOCK_READ, d->off, n, d->sg.iov, d->sg.n,
               dma_media_done);
}

/*
 * Start
 */

void ide_transfer_start(struct ide_drive *d)
{
    d->buf_pos = d->buf_end = 0;
    if (d->media)
        d->buf_fill = 0;
    if (d->dma)
        ide_dma_run(d); /* with framed, buf is empty and gets filled first */
    else if (d->out)
        pio_out_block(d); /* the first block has no interrupt (9.6) */
    else if (d->media)
        transfer_fill(d);
    else
        pio_in_block(d);
}

void ide_transfer_buffer(struct ide_drive *d, bool out, bool dma, unsigned len)
{
    assert(len > 0 && len <= IDE_BUF);
    d->out = out;
    d->dma = dma;
    d->media = d->framed = false;
    d->left = 0;
    d->drq_max = (uint16_t)len;
    d->buf_fill = (uint16_t)len;
    ide_transfer_start(d);
}

bool ide_transfer_valid(const struct ide_drive *d)
{
    const struct ata_cmd *cmd = ata_cmd_find(d, d->command);
    /* A table of the bus master may end within a block of a CD: the rest waits for the next. */
    bool pieces = d->phase == IDE_DMA && !d->framed;
    unsigned unit = d->cd && !pieces ? IDE_CD_SECTOR : IDE_SECTOR;

    if (d->packet > IDE_PACKET_PARAMETERS || d->buf_pos > d->buf_end || d->buf_end > d->buf_fill ||
        d->buf_fill > IDE_BUF)
        return false;
    if (d->phase == IDE_IDLE)
        return true;
    if (!cmd || !cmd->end || d->reset != IDE_RESET_NONE)
        return false;
    if (d->media && (d->left % unit || !dm_in_range(d->off, d->left, ide_drive_size(d))))
        return false;
    if ((!d->media && d->left) || (d->framed && (!d->media || !d->cd || d->out)))
        return false;
    switch (d->phase) {
    case IDE_PIO_IN:
        return !d->dma && !d->out && d->buf_pos < d->buf_end && d->drq_max;
    case IDE_PIO_OUT:
        if (d->media && (d->buf_end % unit || d->buf_end > d->left || d->drq_max % unit ||
                         d->drq_max > IDE_BUF))
            return false;
        return !d->dma && d->out && d->buf_pos < d->buf_end && d->drq_max;
    case IDE_DMA:
        return d->dma && (d->media || d->buf_pos < d->buf_fill) &&
               (d->left || d->buf_pos < d->buf_fill);
    default:
        return false;
    }
}
