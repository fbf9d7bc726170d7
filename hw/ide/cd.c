/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CD drive: the PACKET command takes the packet, then moves what the command set
 * (atapi.h) says. ATA/ATAPI-6 (T13/1410D rev 3b) 8.23, 9.8 and 9.9; SFF-8020i rev 2.6,
 * section 5.
 */
#include "dm/bytes.h"
#include "hw/classes.h"
#include "hw/ide/atapi.h"
#include "hw/ide/ide-regs.h"
#include "hw/ide/ide.h"

#include <errno.h>
#include <string.h>

_Static_assert(ATAPI_BUF <= IDE_BUF, "replies fit the buffer");
_Static_assert(ATAPI_SECTOR == IDE_CD_SECTOR, "one size of blocks");
_Static_assert(ATAPI_FRAME <= IDE_BUF / 2, "a frame does not reach the data it is made from");

struct ide_cd {
    struct ide_drive drive;
    struct atapi atapi;
};

static struct atapi *packet_atapi(const struct ide_drive *d)
{
    return &((struct ide_cd *)(uintptr_t)d)->atapi;
}

#define PACKET_DMA     0x01 /* Features */
#define PACKET_OVERLAP 0x02

/* Good end or CHECK CONDITION: interrupt reason 3 says that there is status. */
static void packet_status(struct ide_drive *d, enum atapi_result result)
{
    d->count = ATAPI_REASON_CD | ATAPI_REASON_IO;
    if (result == ATAPI_CHECK)
        ide_drive_fail(d, atapi_error(packet_atapi(d)));
    else
        ide_drive_finish(d);
}

static void packet_media_error(struct ide_drive *d, int err)
{
    packet_status(d, atapi_media_error(packet_atapi(d), err));
}

/*
 * Bytes of a PIO block: the guest's limit, even, since only the last may be odd. false: no
 * limit was given, the command cannot go on.
 */
static bool packet_limit(struct ide_drive *d)
{
    uint16_t limit = (uint16_t)(dm_get_le(d->lba + 1, 2) & 0xfffe);

    if (!limit && !d->dma) {
        dm_guest_error(&d->dev, "packet %02x has data and a byte count of 0",
                       packet_atapi(d)->opcode);
        ide_drive_fail(d, ATA_ERROR_ABRT);
        return false;
    }
    d->drq_max = limit ? limit : 0xfffe;
    return true;
}

/* Data of buf, which is the command set's buffer for replies. */
static void packet_buffer(struct ide_drive *d, bool out)
{
    d->out = out;
    d->media = d->framed = false;
    d->off = d->left = 0;
    d->buf_fill = (uint16_t)packet_atapi(d)->len;
    if (packet_limit(d))
        ide_transfer_start(d);
}

static void packet_media(struct ide_drive *d)
{
    d->out = false;
    d->media = true;
    d->framed = packet_atapi(d)->sector_size != ATAPI_SECTOR;
    d->off = packet_atapi(d)->lba * ATAPI_SECTOR;
    d->left = (uint64_t)packet_atapi(d)->count * ATAPI_SECTOR;
    if (packet_limit(d))
        ide_transfer_start(d);
}

/* Twelve bytes have come. */
static void packet_execute(struct ide_drive *d)
{
    bool dma = d->features & PACKET_DMA;
    uint8_t packet[ATAPI_PACKET];
    enum atapi_result result;

    memcpy(packet, d->buf, sizeof(packet));
    if (dm_log_enabled(DM_LOG_TRACE))
        dm_log(DM_LOG_TRACE, d->dev.id, "packet %02x", packet[0]);
    result = atapi_command(packet_atapi(d), packet);
    d->dma = dma;
    switch (result) {
    case ATAPI_DATA_IN:
        memcpy(d->buf, packet_atapi(d)->buf, packet_atapi(d)->len);
        d->packet = IDE_PACKET_REPLY;
        packet_buffer(d, false);
        break;
    case ATAPI_DATA_OUT:
        d->packet = IDE_PACKET_PARAMETERS;
        packet_buffer(d, true);
        if (d->phase == IDE_PIO_OUT)
            ide_channel_raise(d->channel, d); /* unlike a disk's first block (9.8) */
        break;
    case ATAPI_READ_MEDIA:
        d->packet = IDE_PACKET_MEDIA;
        if (packet_atapi(d)->count)
            packet_media(d);
        else
            packet_status(d, ATAPI_NODATA);
        break;
    default:
        packet_status(d, result);
    }
}

static void packet_end(struct ide_drive *d)
{
    switch (d->packet) {
    case IDE_PACKET_COMMAND:
        packet_execute(d);
        break;
    case IDE_PACKET_PARAMETERS:
        memcpy(packet_atapi(d)->buf, d->buf, packet_atapi(d)->len);
        packet_status(d, atapi_data_out(packet_atapi(d)));
        break;
    default:
        packet_status(d, ATAPI_NODATA);
    }
}

static void packet_run(struct ide_drive *d)
{
    if (d->features & PACKET_OVERLAP) {
        ide_drive_fail(d, ATA_ERROR_ABRT); /* IDENTIFY says that we have no overlap */
        return;
    }
    d->packet = IDE_PACKET_COMMAND;
    /* The byte count limit stays in LBA Mid and High meanwhile. */
    ide_transfer_buffer(d, true, false, ATAPI_PACKET);
    d->count = ATAPI_REASON_CD;
}

static unsigned packet_frame(const struct ide_drive *d, uint64_t off, const uint8_t *data,
                             uint8_t *out)
{
    atapi_frame(packet_atapi(d), off / ATAPI_SECTOR, data, out);
    return packet_atapi(d)->sector_size;
}

static void cd_identify(const struct ide_drive *d, uint16_t id[256])
{
    atapi_identify(packet_atapi(d), id);
}

static void cd_reset(struct ide_drive *d, enum ide_reset kind)
{
    if (kind == IDE_RESET_POWER)
        atapi_reset(packet_atapi(d));
    else
        atapi_soft_reset(packet_atapi(d));
}

/* Also what the command set and our buffer must agree on. */
static int cd_post_load(struct ide_drive *d)
{
    const struct atapi *a = packet_atapi(d);

    if (atapi_post_load(packet_atapi(d)))
        return -EINVAL;
    if (d->phase == IDE_IDLE)
        return 0;
    if (d->framed && (a->sector_size == 0 || a->sector_size > ATAPI_FRAME))
        return -EINVAL;
    if (d->packet == IDE_PACKET_PARAMETERS && a->len != d->buf_fill)
        return -EINVAL;
    return 0;
}

static const struct ide_cd_ops cd_ops = {
    .reset = cd_reset,
    .post_load = cd_post_load,
    .packet_run = packet_run,
    .packet_end = packet_end,
    .media_error = packet_media_error,
    .identify = cd_identify,
    .frame = packet_frame,
};

static int cd_realize(struct dm_device *dev, struct dm_error *err)
{
    struct ide_cd *cd = (struct ide_cd *)dev;

    cd->drive.cd = &cd_ops;
    cd->atapi.block = cd->drive.block;
    return ide_drive_realize(&cd->drive, err);
}

static const struct dm_field cd_fields[] = {
    DM_STRUCT(struct ide_cd, drive, 1, ide_drive_fields),
    DM_STRUCT(struct ide_cd, atapi, 1, atapi_fields),
    DM_FIELDS_END,
};

const struct dm_class ide_cd_class = {
    .name = "ide-cd",
    .size = sizeof(struct ide_cd),
    .version = 1,
    .props = ide_drive_props,
    .realize = cd_realize,
    .unrealize = ide_drive_unrealize,
    .reset = ide_drive_power_on,
    .fields = cd_fields,
    .post_load = ide_drive_post_load,
    .quiesce = ide_drive_quiesce_device,
};
