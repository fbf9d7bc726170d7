/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ATA commands: ATA/ATAPI-6 (T13/1410D rev 3b) section 8; DATA SET MANAGEMENT from
 * ACS-2 (T13/2015-D rev 7) 7.10. What is not in the table is answered with ABRT, as the
 * security, host protected area and queued commands are.
 */
#include "dm/bytes.h"
#include "hw/ide/ide-regs.h"
#include "hw/ide/ide.h"

#include <errno.h>
#include <string.h>

#define ATA_LBA28_SECTORS 0x10000000u

static const struct ata_cmd ata_cmds[256];

static uint8_t ata_flags(const struct ide_drive *d)
{
    return ata_cmds[d->command].flags;
}

/* First sector from the registers; false: a CHS address that is none. */
static bool ata_get_lba(const struct ide_drive *d, uint64_t *lba)
{
    uint32_t low = d->lba[0] | (uint32_t)d->lba[1] << 8 | (uint32_t)d->lba[2] << 16;
    uint32_t cylinder = low >> 8, head = d->device & ATA_DEVICE_HEAD;

    if (ata_flags(d) & ATA_EXT) {
        *lba = (uint64_t)dm_get_le(d->hob_lba, 3) << 24 | low;
        return true;
    }
    if (d->device & ATA_DEVICE_LBA) {
        *lba = (uint64_t)(d->device & ATA_DEVICE_HEAD) << 24 | low;
        return true;
    }
    if (d->lba[0] == 0 || d->lba[0] > d->spt || head >= d->heads)
        return false;
    *lba = ((uint64_t)cylinder * d->heads + head) * d->spt + d->lba[0] - 1;
    return true;
}

void ata_put_lba(struct ide_drive *d, uint64_t lba)
{
    uint64_t track = d->spt ? lba / d->spt : 0, cylinder = d->heads ? track / d->heads : 0;

    if (!(ata_flags(d) & ATA_EXT) && !(d->device & ATA_DEVICE_LBA)) {
        d->lba[0] = (uint8_t)(d->spt ? lba % d->spt + 1 : 1);
        d->lba[1] = (uint8_t)cylinder;
        d->lba[2] = (uint8_t)(cylinder >> 8);
        d->device = (uint8_t)((d->device & ~ATA_DEVICE_HEAD) | (d->heads ? track % d->heads : 0));
        return;
    }
    dm_put_le(d->lba, 3, lba);
    if (ata_flags(d) & ATA_EXT)
        dm_put_le(d->hob_lba, 3, lba >> 24);
    else
        d->device = (uint8_t)((d->device & ~ATA_DEVICE_HEAD) | (lba >> 24 & ATA_DEVICE_HEAD));
}

/* The sectors a command is about. false: it was ended, they are not there. */
static bool ata_range(struct ide_drive *d)
{
    uint32_t n = d->count;
    uint64_t lba;

    if (ata_flags(d) & ATA_EXT) {
        n |= (uint32_t)d->hob_count << 8;
        n = n ? n : 65536;
    }
    n = n ? n : 256;
    if (!ata_get_lba(d, &lba) || !dm_in_range(lba, n, d->sectors)) {
        ide_drive_fail(d, ATA_ERROR_IDNF);
        return false;
    }
    d->off = lba * IDE_SECTOR;
    d->left = (uint64_t)n * IDE_SECTOR;
    return true;
}

/*
 * Reading and writing
 */

static void ata_rw_start(struct ide_drive *d, bool out)
{
    unsigned block = ata_flags(d) & ATA_MULT ? d->mult : 1;

    if (!block) {
        ide_drive_fail(d, ATA_ERROR_ABRT); /* SET MULTIPLE MODE turned it off */
        return;
    }
    if (!ata_range(d))
        return;
    d->out = out;
    d->dma = ata_flags(d) & ATA_DMA;
    d->media = true;
    d->framed = false;
    d->drq_max = (uint16_t)(block * IDE_SECTOR);
    ide_transfer_start(d);
}

static void ata_read_run(struct ide_drive *d)
{
    ata_rw_start(d, false);
}

static void ata_write_run(struct ide_drive *d)
{
    ata_rw_start(d, true);
}

static void ata_in_end(struct ide_drive *d)
{
    /* PIO had its interrupt when the last block was ready (9.5). */
    if (d->dma)
        ide_drive_finish(d);
    else
        ide_drive_finish_quietly(d);
}

static void ata_flushed(struct ide_drive *d, int err)
{
    if (err)
        ide_io_error(d, DM_BLOCK_FLUSH, err);
    else
        ide_drive_finish(d);
}

static void ata_flush_run(struct ide_drive *d)
{
    d->out = true;
    ide_submit(d, DM_BLOCK_FLUSH, 0, 0, NULL, 0, ata_flushed);
}

static void ata_write_end(struct ide_drive *d)
{
    if (!d->write_cache || ata_flags(d) & ATA_FUA)
        ata_flush_run(d);
    else
        ide_drive_finish(d);
}

/* The image's sectors need no reading to be known as there. */
static void ata_verify_run(struct ide_drive *d)
{
    if (ata_range(d))
        ide_drive_finish(d);
}

static void ata_seek_run(struct ide_drive *d)
{
    uint64_t lba;

    if (!ata_get_lba(d, &lba) || lba >= d->sectors)
        ide_drive_fail(d, ATA_ERROR_IDNF);
    else
        ide_drive_finish(d);
}

/*
 * DATA SET MANAGEMENT: buf has ranges of a 48-bit LBA and a 16-bit count
 */

#define ATA_DSM_BLOCKS 8u /* word 105 of IDENTIFY */

static void ata_dsm_run(struct ide_drive *d)
{
    unsigned blocks = d->count | (unsigned)d->hob_count << 8;

    if (!d->block->discard || !(d->features & 1) || blocks == 0 || blocks > ATA_DSM_BLOCKS)
        ide_drive_fail(d, ATA_ERROR_ABRT);
    else
        ide_transfer_buffer(d, true, true, blocks * IDE_SECTOR);
}

/* Discards the range at buf_pos and those behind it. */
static void ata_dsm_next(struct ide_drive *d, int err)
{
    if (err) {
        ide_io_error(d, DM_BLOCK_DISCARD, err);
        return;
    }
    while (d->buf_pos < d->buf_fill) {
        uint64_t lba = dm_get_le(d->buf + d->buf_pos, 6);
        uint64_t n = dm_get_le(d->buf + d->buf_pos + 6, 2);

        d->buf_pos = (uint16_t)(d->buf_pos + 8);
        if (n == 0)
            continue;
        d->off = lba * IDE_SECTOR;
        ide_submit(d, DM_BLOCK_DISCARD, d->off, n * IDE_SECTOR, NULL, 0, ata_dsm_next);
        return;
    }
    ide_drive_finish(d);
}

static void ata_dsm_end(struct ide_drive *d)
{
    /* All or nothing: a range that is not on the disk refuses the command (7.10.3.2). */
    for (unsigned i = 0; i < d->buf_fill; i += 8) {
        uint64_t lba = dm_get_le(d->buf + i, 6), n = dm_get_le(d->buf + i + 6, 2);

        if (n && !dm_in_range(lba, n, d->sectors)) {
            ide_drive_fail(d, ATA_ERROR_ABRT);
            return;
        }
    }
    d->buf_pos = 0;
    ata_dsm_next(d, 0);
}

/*
 * Commands without data
 */

static void ata_done_run(struct ide_drive *d)
{
    ide_drive_finish(d);
}

static void ata_abort_run(struct ide_drive *d)
{
    ide_drive_fail(d, ATA_ERROR_ABRT);
}

/* What a packet device does with a disk's command (6.16, 9.12): says what it is. */
static void ata_not_a_disk(struct ide_drive *d)
{
    ide_drive_signature(d);
    ide_drive_fail(d, ATA_ERROR_ABRT);
}

static void ata_identify_run(struct ide_drive *d)
{
    if (d->cd) {
        ata_not_a_disk(d);
        return;
    }
    ata_identify(d);
    ide_transfer_buffer(d, false, false, IDE_SECTOR);
}

static void ata_identify_packet_run(struct ide_drive *d)
{
    ata_identify_packet(d);
    ide_transfer_buffer(d, false, false, IDE_SECTOR);
}

static void ata_read_run_any(struct ide_drive *d)
{
    if (d->cd)
        ata_not_a_disk(d);
    else
        ata_read_run(d);
}

static void ata_init_params_run(struct ide_drive *d)
{
    if (d->count == 0) {
        ide_drive_fail(d, ATA_ERROR_ABRT);
        return;
    }
    d->heads = (uint8_t)((d->device & ATA_DEVICE_HEAD) + 1);
    d->spt = d->count;
    ide_drive_finish(d);
}

static void ata_set_multiple_run(struct ide_drive *d)
{
    if (d->count > IDE_MULT_MAX || (d->count & (d->count - 1))) {
        ide_drive_fail(d, ATA_ERROR_ABRT);
        return;
    }
    d->mult = d->count;
    ide_drive_finish(d);
}

static void ata_native_max_run(struct ide_drive *d)
{
    uint64_t n = d->sectors;

    if (!(ata_flags(d) & ATA_EXT) && n > ATA_LBA28_SECTORS)
        n = ATA_LBA28_SECTORS;
    d->device |= ATA_DEVICE_LBA;
    ata_put_lba(d, n - 1);
    ide_drive_finish(d);
}

static void ata_device_reset_run(struct ide_drive *d)
{
    ide_drive_reset(d, IDE_RESET_DEVICE);
}

static void ata_idle_run(struct ide_drive *d)
{
    d->power = ATA_POWER_IDLE;
    ide_drive_finish(d);
}

static void ata_standby_run(struct ide_drive *d)
{
    d->power = ATA_POWER_STANDBY;
    ide_drive_finish(d);
}

static void ata_sleep_run(struct ide_drive *d)
{
    d->power = ATA_POWER_STANDBY;
    d->sleeping = true;
    ide_drive_finish(d);
}

static void ata_check_power_run(struct ide_drive *d)
{
    d->count = d->power;
    ide_drive_finish(d);
}

/* SET FEATURES 03h: the mode in Count (8.46.8). */
static bool ata_set_mode(struct ide_drive *d, uint8_t mode)
{
    unsigned n = mode & 7;

    switch (mode >> 3) {
    case 0: /* PIO default, with or without IORDY */
        return n <= 1;
    case 1: /* PIO with flow control */
        return n <= 4;
    case 4: /* multiword DMA */
        if (n > 2)
            return false;
        break;
    case 8: /* Ultra DMA */
        if (n > 5)
            return false;
        break;
    default:
        return false;
    }
    d->dma_mode = mode;
    return true;
}

static void ata_set_features_run(struct ide_drive *d)
{
    bool known = true;

    switch (d->features) {
    case ATA_SF_TRANSFER_MODE:
        known = ata_set_mode(d, d->count);
        break;
    case ATA_SF_WRITE_CACHE_ON:
        known = !d->cd;
        d->write_cache = true;
        break;
    case ATA_SF_WRITE_CACHE_OFF:
        if (!d->cd) {
            d->write_cache = false;
            ata_flush_run(d); /* what the cache held goes to the medium first */
            return;
        }
        known = false;
        break;
    case ATA_SF_LOOK_AHEAD_ON:
    case ATA_SF_LOOK_AHEAD_OFF:
        known = !d->cd;
        d->look_ahead = d->features == ATA_SF_LOOK_AHEAD_ON;
        break;
    case ATA_SF_KEEP_SETTINGS:
    case ATA_SF_REVERT_SETTINGS:
        d->revert = d->features == ATA_SF_REVERT_SETTINGS;
        break;
    default:
        known = false;
    }
    if (known)
        ide_drive_finish(d);
    else
        ide_drive_fail(d, ATA_ERROR_ABRT);
}

static void ata_packet_run(struct ide_drive *d)
{
    d->cd->packet_run(d);
}

static void ata_packet_end(struct ide_drive *d)
{
    d->cd->packet_end(d);
}

#define ATA_BOTH (ATA_DISK | ATA_CD)
#define ATA_RW   (ATA_DISK | ATA_TOUCH)

static const struct ata_cmd ata_cmds[256] = {
    [0x00] = { "NOP", ATA_BOTH, ata_abort_run, NULL },
    [0x06] = { "DATA SET MANAGEMENT", ATA_RW | ATA_EXT | ATA_DMA, ata_dsm_run, ata_dsm_end },
    [0x08] = { "DEVICE RESET", ATA_CD, ata_device_reset_run, NULL },
    [0x10] = { "RECALIBRATE", ATA_RW, ata_done_run, NULL },
    [0x20] = { "READ SECTORS", ATA_BOTH | ATA_TOUCH, ata_read_run_any, ata_in_end },
    [0x21] = { "READ SECTORS (no retry)", ATA_RW, ata_read_run, ata_in_end },
    [0x24] = { "READ SECTORS EXT", ATA_RW | ATA_EXT, ata_read_run, ata_in_end },
    [0x25] = { "READ DMA EXT", ATA_RW | ATA_EXT | ATA_DMA, ata_read_run, ata_in_end },
    [0x27] = { "READ NATIVE MAX EXT", ATA_DISK | ATA_EXT, ata_native_max_run, NULL },
    [0x29] = { "READ MULTIPLE EXT", ATA_RW | ATA_EXT | ATA_MULT, ata_read_run, ata_in_end },
    [0x30] = { "WRITE SECTORS", ATA_RW, ata_write_run, ata_write_end },
    [0x31] = { "WRITE SECTORS (no retry)", ATA_RW, ata_write_run, ata_write_end },
    [0x34] = { "WRITE SECTORS EXT", ATA_RW | ATA_EXT, ata_write_run, ata_write_end },
    [0x35] = { "WRITE DMA EXT", ATA_RW | ATA_EXT | ATA_DMA, ata_write_run, ata_write_end },
    [0x39] = { "WRITE MULTIPLE EXT", ATA_RW | ATA_EXT | ATA_MULT, ata_write_run, ata_write_end },
    [0x3c] = { "WRITE VERIFY", ATA_RW, ata_write_run, ata_write_end },
    [0x3d] = { "WRITE DMA FUA EXT", ATA_RW | ATA_EXT | ATA_DMA | ATA_FUA, ata_write_run,
               ata_write_end },
    [0x40] = { "READ VERIFY SECTORS", ATA_RW, ata_verify_run, NULL },
    [0x41] = { "READ VERIFY SECTORS (no retry)", ATA_RW, ata_verify_run, NULL },
    [0x42] = { "READ VERIFY SECTORS EXT", ATA_RW | ATA_EXT, ata_verify_run, NULL },
    [0x70] = { "SEEK", ATA_RW, ata_seek_run, NULL },
    /* 90h, EXECUTE DEVICE DIAGNOSTIC, is the channel's: both drives do it. */
    [0x91] = { "INITIALIZE DEVICE PARAMETERS", ATA_DISK, ata_init_params_run, NULL },
    [0x94] = { "STANDBY IMMEDIATE", ATA_BOTH, ata_standby_run, NULL },
    [0x95] = { "IDLE IMMEDIATE", ATA_BOTH, ata_idle_run, NULL },
    [0x96] = { "STANDBY", ATA_DISK, ata_standby_run, NULL },
    [0x97] = { "IDLE", ATA_DISK, ata_idle_run, NULL },
    [0x98] = { "CHECK POWER MODE", ATA_BOTH, ata_check_power_run, NULL },
    [0x99] = { "SLEEP", ATA_BOTH, ata_sleep_run, NULL },
    [0xa0] = { "PACKET", ATA_CD, ata_packet_run, ata_packet_end },
    [0xa1] = { "IDENTIFY PACKET DEVICE", ATA_CD, ata_identify_packet_run, ata_in_end },
    [0xb0] = { "SMART", ATA_DISK, smart_run, ata_in_end },
    [0xc4] = { "READ MULTIPLE", ATA_RW | ATA_MULT, ata_read_run, ata_in_end },
    [0xc5] = { "WRITE MULTIPLE", ATA_RW | ATA_MULT, ata_write_run, ata_write_end },
    [0xc6] = { "SET MULTIPLE MODE", ATA_DISK, ata_set_multiple_run, NULL },
    [0xc8] = { "READ DMA", ATA_RW | ATA_DMA, ata_read_run, ata_in_end },
    [0xc9] = { "READ DMA (no retry)", ATA_RW | ATA_DMA, ata_read_run, ata_in_end },
    [0xca] = { "WRITE DMA", ATA_RW | ATA_DMA, ata_write_run, ata_write_end },
    [0xcb] = { "WRITE DMA (no retry)", ATA_RW | ATA_DMA, ata_write_run, ata_write_end },
    [0xce] = { "WRITE MULTIPLE FUA EXT", ATA_RW | ATA_EXT | ATA_MULT | ATA_FUA, ata_write_run,
               ata_write_end },
    [0xe0] = { "STANDBY IMMEDIATE", ATA_BOTH, ata_standby_run, NULL },
    [0xe1] = { "IDLE IMMEDIATE", ATA_BOTH, ata_idle_run, NULL },
    [0xe2] = { "STANDBY", ATA_DISK, ata_standby_run, NULL },
    [0xe3] = { "IDLE", ATA_DISK, ata_idle_run, NULL },
    [0xe5] = { "CHECK POWER MODE", ATA_BOTH, ata_check_power_run, NULL },
    [0xe6] = { "SLEEP", ATA_BOTH, ata_sleep_run, NULL },
    [0xe7] = { "FLUSH CACHE", ATA_DISK, ata_flush_run, NULL },
    [0xea] = { "FLUSH CACHE EXT", ATA_DISK | ATA_EXT, ata_flush_run, NULL },
    [0xec] = { "IDENTIFY DEVICE", ATA_BOTH, ata_identify_run, ata_in_end },
    [0xef] = { "SET FEATURES", ATA_BOTH, ata_set_features_run, NULL },
    [0xf8] = { "READ NATIVE MAX ADDRESS", ATA_DISK, ata_native_max_run, NULL },
};

const struct ata_cmd *ata_cmd_find(const struct ide_drive *d, uint8_t opcode)
{
    const struct ata_cmd *cmd;

    /* RECALIBRATE and SEEK had parameters in the low digit once (ATA-1, 9.15 and 9.18). */
    if ((opcode & 0xf0) == 0x10 || (opcode & 0xf0) == 0x70)
        opcode &= 0xf0;
    cmd = &ata_cmds[opcode];
    return cmd->flags & (d->cd ? ATA_CD : ATA_DISK) ? cmd : NULL;
}

void ata_cmd_run(struct ide_drive *d, uint8_t opcode)
{
    const struct ata_cmd *cmd = ata_cmd_find(d, opcode);

    if (d->status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)) {
        /* Only DEVICE RESET gets through to a busy packet device (9.11). */
        if (opcode == 0x08 && d->cd)
            ide_drive_reset(d, IDE_RESET_DEVICE);
        else
            dm_guest_error(&d->dev, "command %02x while %02x is under way", opcode, d->command);
        return;
    }
    if (d->sleeping && opcode != 0x08)
        return; /* only a reset wakes it (8.50) */
    d->intrq = false;
    ide_channel_update_irq(d->channel);
    if (dm_log_enabled(DM_LOG_TRACE))
        dm_log(DM_LOG_TRACE, d->dev.id, "%02x %s", opcode, cmd ? cmd->name : "(unknown)");
    d->command = (opcode & 0xf0) == 0x10 || (opcode & 0xf0) == 0x70 ? opcode & 0xf0 : opcode;
    d->error = 0;
    if (!cmd) {
        ide_drive_fail(d, ATA_ERROR_ABRT);
        return;
    }
    if (cmd->flags & ATA_TOUCH)
        d->power = ATA_POWER_ACTIVE;
    cmd->run(d);
}
