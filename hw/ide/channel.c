/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One IDE channel: the task file as two drives on a cable see it, the data port,
 * selection, software reset and INTRQ. ATA/ATAPI-6 (T13/1410D rev 3b), sections 6.16
 * (single device), 7 (registers), 9.2 (reset).
 *
 * Differences from hardware: a place with no drive reads as zeros in every register
 * but Device, and so does a channel with no drive (a cable would float high there), so
 * that guests see at once that nothing is connected.
 */
#include "hw/ide/ide.h"

#include "dm/bytes.h"
#include "hw/ide/ide-regs.h"

#include <errno.h>
#include <string.h>

static struct ide_drive *channel_selected(struct ide_channel *ch)
{
    return ch->drive[!!(ch->select & ATA_DEVICE_DEV)];
}

static bool channel_irq_level(struct ide_channel *ch)
{
    struct ide_drive *d = channel_selected(ch);

    return d && d->intrq && !(ch->control & ATA_CONTROL_NIEN);
}

void ide_channel_update_irq(struct ide_channel *ch)
{
    bool level = channel_irq_level(ch);

    if (level && !ch->irq.level)
        ch->bm.status |= BM_STATUS_INT;
    dm_irq_set(&ch->irq, level);
}

void ide_channel_raise(struct ide_channel *ch, struct ide_drive *d)
{
    d->intrq = true;
    /* Also when the guest left the last one waiting: its driver polls this bit. */
    if (d == channel_selected(ch) && channel_irq_level(ch))
        ch->bm.status |= BM_STATUS_INT;
    ide_channel_update_irq(ch);
}

void ide_channel_restore_irq(struct ide_channel *ch)
{
    dm_irq_force(&ch->irq, channel_irq_level(ch));
}

static uint8_t channel_status(struct ide_channel *ch)
{
    struct ide_drive *d = channel_selected(ch);

    return d ? d->status : 0;
}

static uint8_t channel_reg_read(struct ide_channel *ch, unsigned off)
{
    struct ide_drive *d = channel_selected(ch);
    bool hob = ch->control & ATA_CONTROL_HOB;

    if (off == ATA_REG_DEVICE)
        return ch->drive[0] || ch->drive[1] ? ch->select | ATA_DEVICE_OBS : 0;
    if (!d)
        return 0;
    switch (off) {
    case ATA_REG_FEATURES:
        return hob ? d->hob_features : d->error;
    case ATA_REG_COUNT:
        return hob ? d->hob_count : d->count;
    case ATA_REG_LBA_LOW:
    case ATA_REG_LBA_MID:
    case ATA_REG_LBA_HIGH:
        return hob ? d->hob_lba[off - ATA_REG_LBA_LOW] : d->lba[off - ATA_REG_LBA_LOW];
    default: /* Status: reading it takes the interrupt back (7.15.4) */
        d->intrq = false;
        ide_channel_update_irq(ch);
        return d->status;
    }
}

static void channel_drive_reg_write(struct ide_drive *d, unsigned off, uint8_t val)
{
    /* While it is busy a drive does not look at its registers (7.2.4 ff). */
    if (d->status & ATA_STATUS_BSY)
        return;
    switch (off) {
    case ATA_REG_FEATURES:
        d->hob_features = d->features;
        d->features = val;
        break;
    case ATA_REG_COUNT:
        d->hob_count = d->count;
        d->count = val;
        break;
    case ATA_REG_LBA_LOW:
    case ATA_REG_LBA_MID:
    case ATA_REG_LBA_HIGH:
        d->hob_lba[off - ATA_REG_LBA_LOW] = d->lba[off - ATA_REG_LBA_LOW];
        d->lba[off - ATA_REG_LBA_LOW] = val;
        break;
    case ATA_REG_DEVICE:
        d->device = val;
        break;
    }
}

static void channel_command(struct ide_channel *ch, uint8_t opcode)
{
    struct ide_drive *d = channel_selected(ch);

    /* Nobody there: commands to a missing device 1 are ignored (6.16.2). */
    if (!d)
        return;
    if (opcode == 0x90) {
        if (!(d->status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)))
            ide_channel_diagnose(ch);
        return;
    }
    ata_cmd_run(d, opcode);
}

static void channel_reg_write(struct ide_channel *ch, unsigned off, uint8_t val)
{
    ch->control &= (uint8_t)~ATA_CONTROL_HOB; /* 7.8.6: any write here clears it */
    if (off == ATA_REG_COMMAND) {
        channel_command(ch, val);
        return;
    }
    for (unsigned i = 0; i < IDE_DRIVES; i++)
        if (ch->drive[i])
            channel_drive_reg_write(ch->drive[i], off, val);
    if (off == ATA_REG_DEVICE) {
        ch->select = val;
        ide_channel_update_irq(ch);
    }
}

static uint64_t channel_command_read(void *opaque, uint64_t off, unsigned size)
{
    struct ide_channel *ch = opaque;
    struct ide_drive *d = channel_selected(ch);
    uint8_t word[4] = { 0xff, 0xff, 0xff, 0xff };
    uint64_t val = 0;

    if (off == ATA_REG_DATA) {
        if (d)
            ide_data_read(d, size, word, 1);
        return dm_get_le(word, size);
    }
    for (unsigned i = 0; i < size; i++)
        val |= (uint64_t)channel_reg_read(ch, (unsigned)off + i) << (8 * i);
    return val;
}

static void channel_command_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct ide_channel *ch = opaque;
    struct ide_drive *d = channel_selected(ch);
    uint8_t word[4];

    if (off == ATA_REG_DATA) {
        dm_put_le(word, size, val);
        if (d)
            ide_data_write(d, size, word, 1);
        return;
    }
    for (unsigned i = 0; i < size; i++, val >>= 8)
        channel_reg_write(ch, (unsigned)off + i, (uint8_t)val);
}

static size_t channel_read_block(void *opaque, uint64_t off, unsigned size, void *buf, size_t count)
{
    struct ide_drive *d = channel_selected(opaque);

    return off == ATA_REG_DATA && d ? ide_data_read(d, size, buf, count) : 0;
}

static size_t channel_write_block(void *opaque, uint64_t off, unsigned size, const void *buf,
                                  size_t count)
{
    struct ide_drive *d = channel_selected(opaque);

    return off == ATA_REG_DATA && d ? ide_data_write(d, size, buf, count) : 0;
}

const struct dm_region_ops ide_command_ops = {
    .read = channel_command_read,
    .write = channel_command_write,
    .read_block = channel_read_block,
    .write_block = channel_write_block,
    .min = 1,
    .max = 4,
};

static uint64_t channel_control_read(void *opaque, uint64_t off, unsigned size)
{
    return channel_status(opaque); /* Alternate Status: the interrupt stays (7.3) */
}

static void channel_control_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct ide_channel *ch = opaque;
    uint8_t old = ch->control;

    ch->control = (uint8_t)val;
    for (unsigned i = 0; i < IDE_DRIVES; i++) {
        struct ide_drive *d = ch->drive[i];

        if (!d)
            continue;
        if (~old & val & ATA_CONTROL_SRST)
            ide_drive_reset(d, IDE_RESET_SOFT);
        else if (old & ~val & ATA_CONTROL_SRST)
            ide_drive_reset_finish(d);
    }
    if (val & ATA_CONTROL_SRST)
        ch->select = 0;
    ide_channel_update_irq(ch);
}

const struct dm_region_ops ide_control_ops = {
    .read = channel_control_read,
    .write = channel_control_write,
    .min = 1,
    .max = 1,
};

void ide_channel_diagnose(struct ide_channel *ch)
{
    struct ide_drive *first = ch->drive[0] ? ch->drive[0] : ch->drive[1];

    /* Both do it whichever is selected; device 0 reports for both (8.9). */
    for (unsigned i = 0; i < IDE_DRIVES; i++)
        if (ch->drive[i])
            ide_drive_reset(ch->drive[i], IDE_RESET_DEVICE);
    if (ch->drive[0])
        ch->select = 0;
    ide_channel_raise(ch, first);
}

void ide_channel_reset(struct ide_channel *ch)
{
    ch->select = 0;
    ch->control = 0;
    ch->bm = (struct ide_bm) { 0 };
    dm_irq_set(&ch->irq, false); /* the drives are reset next */
}

int ide_channel_post_load(struct ide_channel *ch)
{
    struct ide_bm *bm = &ch->bm;

    if (bm->left > 0x10000 || bm->prdt % 4 || bm->command & ~(BM_COMMAND_START | BM_COMMAND_READ) ||
        bm->status & ~(BM_STATUS_ACTIVE | BM_STATUS_ERROR | BM_STATUS_INT | BM_STATUS_DRV))
        return -EINVAL;
    return 0;
}

static const struct dm_field channel_bm_fields[] = {
    DM_UINT(struct ide_bm, command, 1), DM_UINT(struct ide_bm, status, 1),
    DM_UINT(struct ide_bm, prdt, 1),    DM_UINT(struct ide_bm, next, 1),
    DM_UINT(struct ide_bm, addr, 1),    DM_UINT(struct ide_bm, left, 1),
    DM_BOOL(struct ide_bm, last, 1),    DM_FIELDS_END,
};

const struct dm_field ide_channel_fields[] = {
    DM_UINT(struct ide_channel, select, 1),
    DM_UINT(struct ide_channel, control, 1),
    DM_STRUCT(struct ide_channel, bm, 1, channel_bm_fields),
    DM_FIELDS_END,
};
