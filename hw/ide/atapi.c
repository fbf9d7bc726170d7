/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ATAPI CD/DVD-ROM drive's commands: the dispatcher, sense data, the tray, and what
 * reads the medium. The other answers are in atapi-info.c and atapi-mode.c.
 *
 * INF-8090 (Mt. Fuji) 5, T10 MMC-5 rev 4, SPC-3 rev 23. Missing: audio, subchannel data
 * and C2 pointers in READ CD, several tracks or sessions, writing, CSS keys.
 */
#include "hw/ide/atapi-regs.h"

#include <errno.h>
#include <string.h>

enum {
    NEEDS_MEDIUM = 0x1,
    KEEPS_ATTENTION = 0x2, /* is carried out while a unit attention waits */
    KEEPS_SENSE = 0x4,
};

struct atapi_cmd {
    enum atapi_result (*run)(struct atapi *a, const uint8_t *p);
    uint8_t flags;
};

uint32_t atapi_blocks(const struct atapi *a)
{
    uint64_t blocks = a->block->size / ATAPI_SECTOR;

    if (!a->block->present || a->tray_open)
        return 0;
    return blocks < UINT32_MAX ? (uint32_t)blocks : UINT32_MAX;
}

bool atapi_is_dvd(const struct atapi *a)
{
    return atapi_blocks(a) > ATAPI_CD_BLOCKS;
}

void atapi_put_msf(uint8_t msf[3], uint32_t lba)
{
    uint64_t frames = (uint64_t)lba + ATAPI_LEAD_IN, minutes = frames / (60 * 75);

    if (minutes > 0xff) {
        msf[0] = 0xff;
        msf[1] = 59;
        msf[2] = 74;
        return;
    }
    msf[0] = (uint8_t)minutes;
    msf[1] = (uint8_t)(frames / 75 % 60);
    msf[2] = (uint8_t)(frames % 75);
}

/* Sense */

static void atapi_set_sense(struct atapi *a, uint8_t key, uint16_t asc_ascq)
{
    a->sense_key = key;
    a->asc = (uint8_t)(asc_ascq >> 8);
    a->ascq = (uint8_t)asc_ascq;
}

enum atapi_result atapi_check(struct atapi *a, uint8_t key, uint16_t asc_ascq)
{
    atapi_set_sense(a, key, asc_ascq);
    a->len = 0;
    a->count = 0;
    return ATAPI_CHECK;
}

enum atapi_result atapi_invalid(struct atapi *a)
{
    return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
}

static enum atapi_result atapi_no_medium(struct atapi *a)
{
    return atapi_check(a, SENSE_NOT_READY,
                       a->tray_open ? ASC_MEDIUM_NOT_PRESENT_TRAY_OPEN : ASC_MEDIUM_NOT_PRESENT);
}

/* Moves a waiting unit attention into the sense data. false: none waits. */
static bool atapi_take_attention(struct atapi *a)
{
    if (a->attention_reset) {
        a->attention_reset = false;
        atapi_set_sense(a, SENSE_UNIT_ATTENTION, ASC_POWER_ON_OR_RESET);
        return true;
    }
    if (a->attention_medium) {
        a->attention_medium = false;
        atapi_set_sense(a, SENSE_UNIT_ATTENTION, ASC_MEDIUM_MAY_HAVE_CHANGED);
        return true;
    }
    return false;
}

uint8_t atapi_error(const struct atapi *a)
{
    bool abort = a->sense_key == SENSE_ILLEGAL_REQUEST || a->sense_key == SENSE_ABORTED_COMMAND;

    return (uint8_t)(a->sense_key << 4 | (abort ? 0x04 : 0));
}

enum atapi_result atapi_media_error(struct atapi *a, int err)
{
    if (err == -ENOMEDIUM || !atapi_blocks(a))
        return atapi_no_medium(a);
    if (err == -ENOMEM)
        return atapi_check(a, SENSE_HARDWARE_ERROR, ASC_INTERNAL_TARGET_FAILURE);
    return atapi_check(a, SENSE_MEDIUM_ERROR, ASC_UNRECOVERED_READ_ERROR);
}

/* Answers */

uint8_t *atapi_answer(struct atapi *a)
{
    memset(a->buf, 0, sizeof(a->buf));
    return a->buf;
}

enum atapi_result atapi_answered(struct atapi *a, uint32_t size, uint32_t alloc)
{
    a->len = size < alloc ? size : alloc;
    return a->len ? ATAPI_DATA_IN : ATAPI_NODATA;
}

/* SPC-3, 6.27: fixed format, 18 bytes. The sense data is gone once it was read. */
static enum atapi_result atapi_request_sense(struct atapi *a, const uint8_t *p)
{
    uint8_t *b = atapi_answer(a);

    if (!a->sense_key)
        atapi_take_attention(a);
    b[0] = 0x70;
    b[2] = a->sense_key;
    b[7] = 10;
    b[12] = a->asc;
    b[13] = a->ascq;
    atapi_set_sense(a, SENSE_NONE, 0);
    return atapi_answered(a, 18, p[4]);
}

/* Nothing to do: TEST UNIT READY with a medium, speeds, a cache that is never dirty. */
static enum atapi_result atapi_good(struct atapi *a, const uint8_t *p)
{
    (void)a;
    (void)p;
    return ATAPI_NODATA;
}

/* The tray */

/* MMC-5, 6.42. A power condition in the upper half of byte 4 is accepted and changes nothing. */
static enum atapi_result atapi_start_stop(struct atapi *a, const uint8_t *p)
{
    bool start = p[4] & 0x1, load_eject = p[4] & 0x2;

    if (p[4] >> 4 || !load_eject)
        return ATAPI_NODATA;
    if (!start && a->locked)
        return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_MEDIUM_REMOVAL_PREVENTED);
    if (!start && !a->tray_open) {
        if (a->block->present)
            a->event = MEDIA_EVENT_REMOVAL;
        a->tray_open = true;
        a->attention_medium = false;
    } else if (start && a->tray_open) {
        a->tray_open = false;
        if (a->block->present) {
            a->event = MEDIA_EVENT_NEW;
            a->attention_medium = true;
        }
    }
    return ATAPI_NODATA;
}

static enum atapi_result atapi_prevent_allow(struct atapi *a, const uint8_t *p)
{
    a->locked = p[4] & 0x1;
    return ATAPI_NODATA;
}

void atapi_medium_changed(struct atapi *a)
{
    a->tray_open = false;
    a->attention_medium = a->block->present;
    a->event = a->block->present ? MEDIA_EVENT_NEW : MEDIA_EVENT_REMOVAL;
}

/* Reading */

/* What every read ends in: count blocks from lba on, parts of the frame each. */
static enum atapi_result atapi_read(struct atapi *a, uint64_t lba, uint64_t count, uint8_t parts)
{
    if (!dm_in_range(lba, count, atapi_blocks(a)))
        return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
    if (!count || !parts)
        return ATAPI_NODATA;
    a->lba = lba;
    a->count = (uint32_t)count;
    a->frame = parts;
    a->sector_size = atapi_frame_size(parts);
    return ATAPI_READ_MEDIA;
}

static enum atapi_result atapi_read_10(struct atapi *a, const uint8_t *p)
{
    return atapi_read(a, dm_get_be(p + 2, 4), dm_get_be(p + 7, 2), FRAME_DATA);
}

static enum atapi_result atapi_read_12(struct atapi *a, const uint8_t *p)
{
    return atapi_read(a, dm_get_be(p + 2, 4), dm_get_be(p + 6, 4), FRAME_DATA);
}

static enum atapi_result atapi_seek(struct atapi *a, const uint8_t *p)
{
    if (dm_get_be(p + 2, 4) >= atapi_blocks(a))
        return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
    return ATAPI_NODATA;
}

/* What READ CD and READ CD MSF share: bytes 1, 9 and 10 (MMC-5, 6.19). All is mode 1. */
static enum atapi_result atapi_read_cd_blocks(struct atapi *a, const uint8_t *p, uint64_t lba,
                                              uint64_t count)
{
    uint8_t type = p[1] >> 2 & 7, parts = 0;

    if (p[10] & 7 || p[9] & 6) /* subchannel, C2 pointers */
        return atapi_invalid(a);
    if (type != 0 && type != 2)
        return atapi_check(a, SENSE_ILLEGAL_REQUEST,
                           type <= 5 ? ASC_ILLEGAL_MODE_FOR_TRACK : ASC_INVALID_FIELD_IN_CDB);
    if (p[9] & 0x80)
        parts |= FRAME_SYNC;
    if (p[9] & 0x20) /* bit 6 asks for a subheader: mode 1 has none */
        parts |= FRAME_HEADER;
    if (p[9] & 0x10)
        parts |= FRAME_DATA;
    if (p[9] & 0x08)
        parts |= FRAME_ECC;
    if (parts && !atapi_frame_size(parts))
        return atapi_invalid(a);
    return atapi_read(a, lba, count, parts);
}

static enum atapi_result atapi_read_cd(struct atapi *a, const uint8_t *p)
{
    return atapi_read_cd_blocks(a, p, dm_get_be(p + 2, 4), dm_get_be(p + 6, 3));
}

static bool atapi_get_msf(const uint8_t *msf, uint32_t *frames)
{
    *frames = (msf[0] * 60u + msf[1]) * 75u + msf[2];
    return msf[1] < 60 && msf[2] < 75;
}

static enum atapi_result atapi_read_cd_msf(struct atapi *a, const uint8_t *p)
{
    uint32_t first, end;

    if (!atapi_get_msf(p + 3, &first) || !atapi_get_msf(p + 6, &end) || end < first)
        return atapi_invalid(a);
    if (first < ATAPI_LEAD_IN)
        return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
    return atapi_read_cd_blocks(a, p, first - ATAPI_LEAD_IN, end - first);
}

/* Dispatch */

static const struct atapi_cmd atapi_cmds[256] = {
    [ATAPI_TEST_UNIT_READY] = { atapi_good, NEEDS_MEDIUM },
    [ATAPI_REQUEST_SENSE] = { atapi_request_sense, KEEPS_ATTENTION | KEEPS_SENSE },
    [ATAPI_INQUIRY] = { atapi_inquiry, KEEPS_ATTENTION },
    [ATAPI_MODE_SELECT_6] = { atapi_mode_select, 0 },
    [ATAPI_MODE_SENSE_6] = { atapi_mode_sense, 0 },
    [ATAPI_START_STOP_UNIT] = { atapi_start_stop, 0 },
    [ATAPI_PREVENT_ALLOW] = { atapi_prevent_allow, 0 },
    [ATAPI_READ_CAPACITY] = { atapi_read_capacity, NEEDS_MEDIUM },
    [ATAPI_READ_10] = { atapi_read_10, NEEDS_MEDIUM },
    [ATAPI_SEEK_10] = { atapi_seek, NEEDS_MEDIUM },
    [ATAPI_SYNCHRONIZE_CACHE] = { atapi_good, 0 },
    [ATAPI_READ_SUBCHANNEL] = { atapi_read_subchannel, NEEDS_MEDIUM },
    [ATAPI_READ_TOC] = { atapi_read_toc, NEEDS_MEDIUM },
    [ATAPI_GET_CONFIGURATION] = { atapi_get_configuration, KEEPS_ATTENTION },
    [ATAPI_GET_EVENT_STATUS] = { atapi_get_event_status, KEEPS_ATTENTION },
    [ATAPI_READ_DISC_INFORMATION] = { atapi_read_disc_information, NEEDS_MEDIUM },
    [ATAPI_READ_TRACK_INFORMATION] = { atapi_read_track_information, NEEDS_MEDIUM },
    [ATAPI_MODE_SELECT_10] = { atapi_mode_select, 0 },
    [ATAPI_MODE_SENSE_10] = { atapi_mode_sense, 0 },
    [ATAPI_READ_BUFFER_CAPACITY] = { atapi_read_buffer_capacity, 0 },
    [ATAPI_REPORT_LUNS] = { atapi_report_luns, KEEPS_ATTENTION },
    [ATAPI_SET_READ_AHEAD] = { atapi_good, NEEDS_MEDIUM },
    [ATAPI_READ_12] = { atapi_read_12, NEEDS_MEDIUM },
    [ATAPI_GET_PERFORMANCE] = { atapi_get_performance, NEEDS_MEDIUM },
    [ATAPI_READ_DVD_STRUCTURE] = { atapi_read_dvd_structure, NEEDS_MEDIUM },
    [ATAPI_READ_CD_MSF] = { atapi_read_cd_msf, NEEDS_MEDIUM },
    [ATAPI_SET_CD_SPEED] = { atapi_good, 0 },
    [ATAPI_MECHANISM_STATUS] = { atapi_mechanism_status, 0 },
    [ATAPI_READ_CD] = { atapi_read_cd, NEEDS_MEDIUM },
};

enum atapi_result atapi_command(struct atapi *a, const uint8_t packet[ATAPI_PACKET])
{
    const struct atapi_cmd *cmd = &atapi_cmds[packet[0]];

    a->opcode = packet[0];
    a->len = 0;
    a->lba = 0;
    a->count = 0;
    a->frame = FRAME_DATA;
    a->sector_size = ATAPI_SECTOR;
    if (!(cmd->flags & KEEPS_SENSE))
        atapi_set_sense(a, SENSE_NONE, 0);
    if (!(cmd->flags & KEEPS_ATTENTION) && atapi_take_attention(a))
        return ATAPI_CHECK;
    if (!cmd->run)
        return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE);
    if (cmd->flags & NEEDS_MEDIUM && !atapi_blocks(a))
        return atapi_no_medium(a);
    return cmd->run(a, packet);
}

enum atapi_result atapi_data_out(struct atapi *a)
{
    /* Only a loaded state can name another command here. */
    if (a->opcode != ATAPI_MODE_SELECT_6 && a->opcode != ATAPI_MODE_SELECT_10)
        return atapi_check(a, SENSE_ABORTED_COMMAND, 0);
    return atapi_mode_selected(a);
}

/* State */

void atapi_soft_reset(struct atapi *a)
{
    atapi_set_sense(a, SENSE_NONE, 0);
    a->attention_reset = true;
    a->locked = false;
    a->opcode = 0;
    a->recovery = 0;
    a->retries = 0;
    a->volume[0] = a->volume[1] = 0xff;
    a->len = 0;
    a->lba = 0;
    a->count = 0;
    a->frame = FRAME_DATA;
    a->sector_size = ATAPI_SECTOR;
}

void atapi_reset(struct atapi *a)
{
    atapi_soft_reset(a);
    a->tray_open = false;
    a->attention_medium = false;
    a->event = MEDIA_EVENT_NONE;
    memset(a->buf, 0, sizeof(a->buf));
}

const struct dm_field atapi_fields[] = {
    DM_UINT(struct atapi, sense_key, 1),
    DM_UINT(struct atapi, asc, 1),
    DM_UINT(struct atapi, ascq, 1),
    DM_BOOL(struct atapi, attention_reset, 1),
    DM_BOOL(struct atapi, attention_medium, 1),
    DM_BOOL(struct atapi, locked, 1),
    DM_BOOL(struct atapi, tray_open, 1),
    DM_UINT(struct atapi, event, 1),
    DM_UINT(struct atapi, opcode, 1),
    DM_UINT(struct atapi, recovery, 1),
    DM_UINT(struct atapi, retries, 1),
    DM_UINTS(struct atapi, volume, 1),
    DM_UINT(struct atapi, frame, 1),
    DM_UINT(struct atapi, sector_size, 1),
    DM_UINT(struct atapi, len, 1),
    DM_UINT(struct atapi, lba, 1),
    DM_UINT(struct atapi, count, 1),
    DM_BYTES(struct atapi, buf, 1),
    DM_FIELDS_END,
};

int atapi_post_load(struct atapi *a)
{
    if (a->sense_key > 0xf || a->event > MEDIA_EVENT_REMOVAL || a->len > ATAPI_BUF)
        return -EINVAL;
    if (!a->sector_size || a->sector_size != atapi_frame_size(a->frame))
        return -EINVAL;
    /* The medium may have shrunk: then reading it fails. It must not wrap. */
    if (!dm_in_range(a->lba, a->count, UINT32_MAX))
        return -EINVAL;
    return 0;
}

/* ATA/ATAPI-6, 8.16 (table 30). */
void atapi_identify(const struct atapi *a, uint16_t id[256])
{
    (void)a;
    memset(id, 0, 256 * sizeof(id[0]));
    id[0] = 0x85c0;  /* ATAPI, CD-ROM, removable, DRQ within 50 us, 12-byte packets */
    id[49] = 0x0b00; /* IORDY, LBA, DMA */
    id[50] = 0x4000;
    id[51] = 0x0200;                         /* PIO mode 2 without IORDY */
    id[53] = 0x0006;                         /* words 64-70 and 88 are valid */
    id[63] = 0x0007;                         /* multiword DMA 0-2 */
    id[64] = 0x0003;                         /* PIO 3 and 4 */
    id[65] = id[66] = id[67] = id[68] = 120; /* ns a word */
    id[71] = id[72] = 30;                    /* us: bus release, SERVICE; nothing is queued */
    id[80] = 0x0070;                         /* ATA/ATAPI-4 to 6 */
    id[82] = 0x4218;                         /* NOP, DEVICE RESET, PACKET, power management */
    id[83] = id[84] = 0x4000;
    id[85] = 0x4218;
    id[87] = 0x4000;
    id[88] = 0x003f; /* Ultra DMA 0-5 */
}
