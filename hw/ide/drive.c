/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A drive on an IDE channel: its place, settings, resets, saved state and unplugging.
 * The disk is after ATA/ATAPI-6 (T13/1410D rev 3b), the CD drive its packet device.
 *
 * Missing: security, host protected area, media card and CFA feature sets; overlapped and
 * queued commands. Standby timers are accepted and never expire: nothing spins here.
 */
#include "dm/bytes.h"
#include "hw/classes.h"
#include "hw/ide/ide-regs.h"
#include "hw/ide/ide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ide_drive *drive_of(struct dm_device *dev)
{
    return (struct ide_drive *)dev;
}

void ide_drive_finish_quietly(struct ide_drive *d)
{
    d->phase = IDE_IDLE;
    d->status = ATA_STATUS_DRDY | ATA_STATUS_DSC;
}

void ide_drive_finish(struct ide_drive *d)
{
    ide_drive_finish_quietly(d);
    ide_channel_raise(d->channel, d);
}

void ide_drive_fail(struct ide_drive *d, uint8_t error)
{
    ide_drive_finish_quietly(d);
    d->status |= ATA_STATUS_ERR;
    d->error = error;
    ide_channel_raise(d->channel, d);
}

uint64_t ide_drive_size(const struct ide_drive *d)
{
    return d->cd ? d->block->size : d->sectors * IDE_SECTOR;
}

/* What a drive has in its registers after a reset (9.12). */
void ide_drive_signature(struct ide_drive *d)
{
    d->count = 1;
    d->lba[0] = 1;
    d->lba[1] = d->cd ? 0x14 : 0;
    d->lba[2] = d->cd ? 0xeb : 0;
    d->device = 0;
}

/* Default translation: 16 heads of 63 sectors, or less for a tiny disk (6.2.1). */
static void drive_default_geometry(struct ide_drive *d)
{
    d->heads = 16;
    d->spt = 63;
    if (d->sectors < 16u * 63) {
        d->heads = 1;
        d->spt = d->sectors < 63 ? (uint8_t)d->sectors : 63;
    }
}

static void drive_default_settings(struct ide_drive *d)
{
    d->mult = d->cd ? 0 : IDE_MULT_MAX;
    d->write_cache = true;
    d->look_ahead = true;
    if (!d->cd)
        drive_default_geometry(d);
}

void ide_drive_reset_finish(struct ide_drive *d)
{
    uint8_t kind = d->reset;

    if (kind == IDE_RESET_NONE || d->in_flight)
        return;
    if (kind == IDE_RESET_SOFT && (d->channel->control & ATA_CONTROL_SRST))
        return;
    d->reset = IDE_RESET_NONE;
    if (kind == IDE_RESET_POWER) {
        d->dma_mode = 0;
        d->revert = false;
        d->smart = true;
        d->tests = 0;
        memset(d->test, 0, sizeof(d->test));
        memset(d->buf, 0, sizeof(d->buf));
    }
    if (kind == IDE_RESET_POWER || d->revert)
        drive_default_settings(d);
    d->sleeping = false;
    d->power = ATA_POWER_ACTIVE;
    d->features = d->hob_features = d->hob_count = 0;
    memset(d->hob_lba, 0, sizeof(d->hob_lba));
    d->phase = IDE_IDLE;
    d->command = 0;
    d->dma = d->out = d->media = d->framed = false;
    d->packet = IDE_PACKET_COMMAND;
    d->off = d->left = 0;
    d->drq_max = d->buf_pos = d->buf_end = d->buf_fill = 0;
    ide_drive_signature(d);
    d->error = ATA_DIAG_OK;
    /* A packet device says it is ready only after a command (9.2, D0HR and DHR states). */
    d->status = d->cd ? 0 : ATA_STATUS_DRDY | ATA_STATUS_DSC;
    if (d->cd)
        d->cd->reset(d, kind);
}

void ide_drive_reset(struct ide_drive *d, enum ide_reset kind)
{
    if (kind > d->reset)
        d->reset = (uint8_t)kind;
    d->status = ATA_STATUS_BSY;
    d->phase = IDE_IDLE;
    d->intrq = false;
    ide_channel_update_irq(d->channel);
    ide_drive_reset_finish(d); /* not while a request is in flight: then when it ends */
}

void ide_drive_quiesce(struct ide_drive *d)
{
    if (d->in_flight)
        dm_block_drain(d->block);
}

void ide_drive_quiesce_device(struct dm_device *dev)
{
    ide_drive_quiesce(drive_of(dev));
}

void ide_drive_power_on(struct dm_device *dev)
{
    struct ide_drive *d = drive_of(dev);

    ide_drive_reset(d, IDE_RESET_POWER);
}

/* Finds the place that bus= and unit= name, or the first free one. */
static int drive_place(struct ide_drive *d, unsigned *bus, struct dm_error *err)
{
    unsigned free_at = IDE_CHANNELS * IDE_DRIVES;

    for (unsigned i = free_at; i-- > 0;) {
        struct ide_channel *ch = ide_channel_find(d->dev.machine, i / IDE_DRIVES);

        if (ch && !ch->drive[i % IDE_DRIVES])
            free_at = i;
    }
    if (!d->bus) {
        *bus = free_at / IDE_DRIVES;
        d->unit = free_at % IDE_DRIVES;
    } else if (!strcmp(d->bus, "ide.0") || !strcmp(d->bus, "ide.1")) {
        *bus = d->bus[4] - (unsigned)'0';
    } else {
        return dm_error_set(err, EINVAL, "device '%s': no bus '%s'", d->dev.id, d->bus);
    }
    if (d->unit >= IDE_DRIVES)
        return dm_error_set(err, EINVAL, "device '%s': an IDE bus has units 0 and 1, not %u",
                            d->dev.id, d->unit);
    if (!ide_channel_find(d->dev.machine, 0))
        return dm_error_set(err, ENODEV, "device '%s': the machine has no IDE controller",
                            d->dev.id);
    if (*bus >= IDE_CHANNELS)
        return dm_error_set(err, EBUSY, "device '%s': all four IDE places are taken", d->dev.id);
    return 0;
}

static int drive_set_string(char **text, const char *value)
{
    if (!*text)
        *text = strdup(value);
    return *text ? 0 : -ENOMEM;
}

int ide_drive_realize(struct ide_drive *d, struct dm_error *err)
{
    struct ide_channel *ch;
    char serial[20];
    unsigned bus = 0;
    int rc;

    if (!d->block)
        return dm_error_set(err, EINVAL, "device '%s': drive= is missing", d->dev.id);
    rc = drive_place(d, &bus, err);
    if (rc)
        return rc;
    ch = ide_channel_find(d->dev.machine, bus);
    if (ch->drive[d->unit])
        return dm_error_set(err, EBUSY, "device '%s': ide.%u unit %u has a drive already",
                            d->dev.id, bus, d->unit);
    /*
     * Names are those QEMU gives: guests that move over refer to their disks by them
     * (/dev/disk/by-id), and Windows counts them in its activation.
     */
    snprintf(serial, sizeof(serial), "QM%05u", bus * IDE_DRIVES + d->unit + 1);
    if (drive_set_string(&d->serial, serial) || drive_set_string(&d->ver, "2.5+") ||
        drive_set_string(&d->model, d->cd ? "QEMU DVD-ROM" : "QEMU HARDDISK"))
        return dm_error_set(err, ENOMEM, "device '%s': out of memory", d->dev.id);
    d->channel = ch;
    ch->drive[d->unit] = d;
    if (!d->cd)
        d->dev.machine->ide_disk[bus * IDE_DRIVES + d->unit] = d->block; /* for the CMOS */
    return 0;
}

static int drive_hd_realize(struct dm_device *dev, struct dm_error *err)
{
    struct ide_drive *d = drive_of(dev);

    if (d->block && (!d->block->present || d->block->size < IDE_SECTOR))
        return dm_error_set(err, EINVAL, "device '%s': drive '%s' has not even one sector", dev->id,
                            d->block->id);
    if (d->block && d->block->readonly)
        return dm_error_set(err, EROFS, "device '%s': an IDE disk cannot be read-only", dev->id);
    if (d->block)
        d->sectors = d->block->size / IDE_SECTOR;
    if (d->sectors >= 1ull << 48)
        d->sectors = (1ull << 48) - 1;
    return ide_drive_realize(d, err);
}

void ide_drive_unrealize(struct dm_device *dev)
{
    struct ide_drive *d = drive_of(dev);

    for (unsigned i = 0; i < DM_ARRAY_LEN(dev->machine->ide_disk); i++)
        if (dev->machine->ide_disk[i] == d->block)
            dev->machine->ide_disk[i] = NULL;
    if (!d->channel)
        return; /* the controller went first */
    d->channel->drive[d->unit] = NULL;
    ide_channel_update_irq(d->channel);
}

static void drive_flushed(struct ide_drive *d, int err)
{
    if (err)
        dm_log(DM_LOG_ERROR, d->dev.id, "flush at unplug failed: %s", strerror(-err));
}

/*
 * The guest has PV drivers and asks for no emulated disks: as if they never were plugged
 * in. CD drives stay. Waits for what is in flight and for the image to be flushed: PV
 * backends open it next.
 */
static void drive_hd_unplug(struct dm_device *dev, unsigned mask)
{
    struct ide_drive *d = drive_of(dev);
    bool primary_master = d->channel == ide_channel_find(dev->machine, 0) && d->unit == 0;

    if (!(mask & DM_UNPLUG_IDE_DISKS) && (!(mask & DM_UNPLUG_AUX_IDE) || primary_master))
        return;
    ide_drive_quiesce(d);
    d->reset = IDE_RESET_NONE;
    ide_submit(d, DM_BLOCK_FLUSH, 0, 0, NULL, 0, drive_flushed);
    dm_device_destroy(dev);
}

int ide_drive_post_load(struct dm_device *dev, uint16_t version)
{
    struct ide_drive *d = drive_of(dev);

    if (d->mult > IDE_MULT_MAX || (d->mult & (d->mult - 1)) || d->tests > IDE_SMART_TESTS ||
        d->heads > 16 || (!d->cd && (!d->heads || !d->spt)) ||
        (d->reset != IDE_RESET_NONE && d->reset != IDE_RESET_SOFT) || !ide_transfer_valid(d) ||
        (d->cd && d->cd->post_load(d)))
        return -EINVAL;
    ide_channel_restore_irq(d->channel);
    return 0;
}

const struct dm_field ide_drive_fields[] = {
    DM_UINT(struct ide_drive, status, 1),       DM_UINT(struct ide_drive, error, 1),
    DM_UINT(struct ide_drive, device, 1),       DM_UINT(struct ide_drive, features, 1),
    DM_UINT(struct ide_drive, count, 1),        DM_UINTS(struct ide_drive, lba, 1),
    DM_UINT(struct ide_drive, hob_features, 1), DM_UINT(struct ide_drive, hob_count, 1),
    DM_UINTS(struct ide_drive, hob_lba, 1),     DM_BOOL(struct ide_drive, intrq, 1),
    DM_UINT(struct ide_drive, mult, 1),         DM_UINT(struct ide_drive, heads, 1),
    DM_UINT(struct ide_drive, spt, 1),          DM_UINT(struct ide_drive, dma_mode, 1),
    DM_UINT(struct ide_drive, power, 1),        DM_BOOL(struct ide_drive, sleeping, 1),
    DM_BOOL(struct ide_drive, write_cache, 1),  DM_BOOL(struct ide_drive, look_ahead, 1),
    DM_BOOL(struct ide_drive, revert, 1),       DM_BOOL(struct ide_drive, smart, 1),
    DM_UINT(struct ide_drive, tests, 1),        DM_UINTS(struct ide_drive, test, 1),
    DM_UINT(struct ide_drive, command, 1),      DM_UINT(struct ide_drive, phase, 1),
    DM_UINT(struct ide_drive, reset, 1),        DM_BOOL(struct ide_drive, dma, 1),
    DM_BOOL(struct ide_drive, out, 1),          DM_BOOL(struct ide_drive, media, 1),
    DM_BOOL(struct ide_drive, framed, 1),       DM_UINT(struct ide_drive, packet, 1),
    DM_UINT(struct ide_drive, off, 1),          DM_UINT(struct ide_drive, left, 1),
    DM_UINT(struct ide_drive, drq_max, 1),      DM_UINT(struct ide_drive, buf_pos, 1),
    DM_UINT(struct ide_drive, buf_end, 1),      DM_UINT(struct ide_drive, buf_fill, 1),
    DM_BYTES(struct ide_drive, buf, 1),         DM_FIELDS_END,
};

const struct dm_prop ide_drive_props[] = {
    DM_PROP(struct ide_drive, block, DM_PROP_BLOCK, "drive"),
    DM_PROP(struct ide_drive, bus, DM_PROP_STR, "bus"),
    DM_PROP(struct ide_drive, unit, DM_PROP_UINT, "unit"),
    DM_PROP(struct ide_drive, serial, DM_PROP_STR, "serial"),
    DM_PROP(struct ide_drive, model, DM_PROP_STR, "model"),
    DM_PROP(struct ide_drive, ver, DM_PROP_STR, "ver"),
    DM_PROPS_END,
};

const struct dm_class ide_hd_class = {
    .name = "ide-hd",
    .size = sizeof(struct ide_drive),
    .version = 1,
    .props = ide_drive_props,
    .realize = drive_hd_realize,
    .unrealize = ide_drive_unrealize,
    .reset = ide_drive_power_on,
    .fields = ide_drive_fields,
    .post_load = ide_drive_post_load,
    .quiesce = ide_drive_quiesce_device,
    .unplug = drive_hd_unplug,
};
