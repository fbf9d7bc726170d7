/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an ATAPI CD/DVD-ROM drive tells about itself and its disc: MMC-5 rev 4, SPC-3
 * rev 23. A disc is one data track (mode 1) in one closed session.
 */
#include "hw/ide/atapi-regs.h"

#include <string.h>

static uint32_t info_alloc_16(const uint8_t *at)
{
    return (uint32_t)dm_get_be(at, 2);
}

/* The drive */

/* As QEMU's drive has them, for guests that move over: see ide_drive_realize. */
static const char info_vendor[] = "QEMU    ", info_product[] = "QEMU DVD-ROM    ",
                  info_revision[] = "2.5+";

/* SPC-3, 7.6: pages 00h (list) and 83h (identification: vendor, product and the drive's id). */
static enum atapi_result info_vital_product_data(struct atapi *a, const uint8_t *p)
{
    size_t id_len = strnlen(a->block->id, DM_BLOCK_ID_MAX);
    uint8_t *b = atapi_answer(a);
    uint32_t n = 4;

    b[0] = 0x05;
    b[1] = p[2];
    switch (p[2]) {
    case 0x00:
        b[n++] = 0x00;
        b[n++] = 0x83;
        break;
    case 0x83:
        b[n] = 0x02;     /* ASCII */
        b[n + 1] = 0x01; /* T10 vendor identification */
        b[n + 3] = (uint8_t)(24 + id_len);
        memcpy(b + n + 4, info_vendor, 8);
        memcpy(b + n + 12, info_product, 16);
        memcpy(b + n + 28, a->block->id, id_len);
        n += 28 + (uint32_t)id_len;
        break;
    default:
        return atapi_invalid(a);
    }
    dm_put_be(b + 2, 2, n - 4);
    return atapi_answered(a, n, info_alloc_16(p + 3));
}

enum atapi_result atapi_inquiry(struct atapi *a, const uint8_t *p)
{
    uint8_t *b;

    if (p[1] & 0x1)
        return info_vital_product_data(a, p);
    if (p[2])
        return atapi_invalid(a);
    b = atapi_answer(a);
    b[0] = 0x05; /* CD/DVD */
    b[1] = 0x80; /* removable */
    b[3] = 0x21; /* ATAPI, data format 1 (INF-8090, 13.7) */
    b[4] = 31;
    memcpy(b + 8, info_vendor, 8);
    memcpy(b + 16, info_product, 16);
    memcpy(b + 32, info_revision, 4);
    return atapi_answered(a, 36, info_alloc_16(p + 3));
}

enum atapi_result atapi_report_luns(struct atapi *a, const uint8_t *p)
{
    uint8_t *b = atapi_answer(a);

    b[3] = 8; /* one entry: LUN 0 */
    return atapi_answered(a, 16, (uint32_t)dm_get_be(p + 6, 4));
}

enum atapi_result atapi_read_buffer_capacity(struct atapi *a, const uint8_t *p)
{
    uint8_t *b = atapi_answer(a);

    dm_put_be(b, 2, 10);
    dm_put_be(b + 4, 4, ATAPI_BUFFER_KB * 1024);
    dm_put_be(b + 8, 4, ATAPI_BUFFER_KB * 1024);
    return atapi_answered(a, 12, info_alloc_16(p + 7));
}

enum atapi_result atapi_mechanism_status(struct atapi *a, const uint8_t *p)
{
    uint8_t *b = atapi_answer(a);

    b[1] = a->tray_open ? 0x10 : 0;
    return atapi_answered(a, 8, info_alloc_16(p + 8));
}

/* Features, MMC-5, 5.3 */

enum { FEATURE_PERSISTENT = 0x2, FEATURE_CURRENT = 0x1 };

/* Writes a feature's head and returns where its own len bytes start, or NULL if it is not asked. */
static uint8_t *info_feature(struct atapi *a, const uint8_t *p, uint32_t *n, uint16_t code,
                             uint8_t version, uint8_t flags, uint8_t len)
{
    uint16_t first = (uint16_t)dm_get_be(p + 2, 2);
    unsigned which = p[1] & 3;
    uint8_t *at = a->buf + *n;

    if (which == 2 ? code != first : code < first)
        return NULL;
    if (which == 1 && !(flags & FEATURE_CURRENT))
        return NULL;
    dm_put_be(at, 2, code);
    at[2] = (uint8_t)(version << 2 | flags);
    at[3] = len;
    *n += 4u + len;
    return at + 4;
}

enum atapi_result atapi_get_configuration(struct atapi *a, const uint8_t *p)
{
    const uint8_t always = FEATURE_PERSISTENT | FEATURE_CURRENT;
    bool medium = atapi_blocks(a), dvd = atapi_is_dvd(a), cd = medium && !dvd;
    uint8_t *b = atapi_answer(a), *f;
    uint32_t n = 8;

    if ((p[1] & 3) == 3)
        return atapi_invalid(a);
    if ((f = info_feature(a, p, &n, 0x0000, 0, always, 8))) { /* profiles */
        dm_put_be(f, 2, 0x0010);
        f[2] = dvd;
        dm_put_be(f + 4, 2, 0x0008);
        f[6] = cd;
    }
    if ((f = info_feature(a, p, &n, 0x0001, 2, always, 8))) { /* core */
        dm_put_be(f, 4, 2);                                   /* ATAPI */
        f[4] = 0x01;                                          /* device busy events */
    }
    info_feature(a, p, &n, 0x0002, 0, always, 4);           /* morphing: polled events only */
    if ((f = info_feature(a, p, &n, 0x0003, 0, always, 4))) /* removable medium */
        f[0] = ATAPI_LOADING;
    if ((f = info_feature(a, p, &n, 0x0010, 0, medium, 8))) { /* random readable */
        dm_put_be(f, 4, ATAPI_SECTOR);
        dm_put_be(f + 4, 2, dvd ? 16 : 1);
        f[6] = 0x01; /* mode page 01h */
    }
    info_feature(a, p, &n, 0x001e, 2, cd, 4);     /* CD read */
    info_feature(a, p, &n, 0x001f, 0, dvd, 0);    /* DVD read */
    info_feature(a, p, &n, 0x0100, 0, always, 0); /* power management */
    info_feature(a, p, &n, 0x0105, 0, always, 0); /* timeout */
    dm_put_be(b, 4, n - 4);
    dm_put_be(b + 6, 2, dvd ? 0x0010 : cd ? 0x0008 : 0);
    return atapi_answered(a, n, info_alloc_16(p + 7));
}

/* MMC-5, 6.7: we have no asynchronous events, and of the polled ones the media class. */
enum atapi_result atapi_get_event_status(struct atapi *a, const uint8_t *p)
{
    uint32_t alloc = info_alloc_16(p + 7);
    uint8_t *b;

    if (!(p[1] & 0x1))
        return atapi_invalid(a);
    b = atapi_answer(a);
    b[3] = ATAPI_EVENT_CLASSES;
    if (!(p[4] & ATAPI_EVENT_CLASSES)) {
        b[1] = 2;
        b[2] = 0x80; /* no event available */
        return atapi_answered(a, 4, alloc);
    }
    b[1] = 6;
    b[2] = 0x04; /* media */
    b[4] = a->event;
    b[5] = (uint8_t)((a->tray_open ? 0x1 : 0) | (atapi_blocks(a) ? 0x2 : 0));
    if (alloc > 4) /* with less the guest has not seen it */
        a->event = MEDIA_EVENT_NONE;
    return atapi_answered(a, 8, alloc);
}

/* MMC-5, 6.8: the same speed everywhere. */
enum atapi_result atapi_get_performance(struct atapi *a, const uint8_t *p)
{
    uint32_t most = info_alloc_16(p + 8), n = 8;
    uint8_t *b = atapi_answer(a);

    if (p[10] != 0 || p[1] & 0x4) /* only type 0, reading */
        return atapi_invalid(a);
    if (!(p[1] & 0x3) && most) { /* nominal; there are no exceptions to it */
        dm_put_be(b + 12, 4, ATAPI_SPEED);
        dm_put_be(b + 16, 4, atapi_blocks(a) - 1);
        dm_put_be(b + 20, 4, ATAPI_SPEED);
        n += 16;
    }
    dm_put_be(b, 4, n - 4);
    return atapi_answered(a, n, n);
}

/* The disc */

enum atapi_result atapi_read_capacity(struct atapi *a, const uint8_t *p)
{
    uint8_t *b = atapi_answer(a);

    (void)p;
    dm_put_be(b, 4, atapi_blocks(a) - 1);
    dm_put_be(b + 4, 4, ATAPI_SECTOR);
    return atapi_answered(a, 8, 8);
}

static void info_put_address(uint8_t at[4], uint32_t lba, bool msf)
{
    if (msf)
        atapi_put_msf(at + 1, lba);
    else
        dm_put_be(at, 4, lba);
}

static void info_put_track(uint8_t *at, uint8_t track, uint32_t lba, bool msf)
{
    at[1] = ATAPI_DATA_TRACK;
    at[2] = track;
    info_put_address(at + 4, lba, msf);
}

/* An entry of the lead-in (format 2). */
static void info_put_point(uint8_t *at, uint8_t point, uint8_t m, uint8_t s, uint8_t f)
{
    at[0] = 1; /* session */
    at[1] = ATAPI_DATA_TRACK;
    at[3] = point;
    at[8] = m;
    at[9] = s;
    at[10] = f;
}

/* MMC-5, 6.26. The format may also be where SFF-8020i has it, in byte 9. */
enum atapi_result atapi_read_toc(struct atapi *a, const uint8_t *p)
{
    uint8_t format = p[2] & 0xf ? p[2] & 0xf : p[9] >> 6, first = p[6], end[3];
    uint8_t *b = atapi_answer(a);
    bool msf = p[1] & 0x2;
    uint32_t n = 4;

    b[2] = b[3] = 1; /* first and last track, or session */
    switch (format) {
    case 0:
        if (first > 1 && first != 0xaa)
            return atapi_invalid(a);
        if (first <= 1) {
            info_put_track(b + n, 1, 0, msf);
            n += 8;
        }
        info_put_track(b + n, 0xaa, atapi_blocks(a), msf);
        n += 8;
        break;
    case 1:
        info_put_track(b + n, 1, 0, msf);
        n += 8;
        break;
    case 2: /* always MSF */
        if (first > 1)
            return atapi_invalid(a);
        atapi_put_msf(end, atapi_blocks(a));
        info_put_point(b + n, 0xa0, 1, 0, 0); /* first track, CD-ROM */
        info_put_point(b + n + 11, 0xa1, 1, 0, 0);
        info_put_point(b + n + 22, 0xa2, end[0], end[1], end[2]);
        info_put_point(b + n + 33, 1, 0, 2, 0);
        n += 44;
        break;
    default:
        return atapi_invalid(a);
    }
    dm_put_be(b, 2, n - 2);
    return atapi_answered(a, n, info_alloc_16(p + 7));
}

/* MMC-5, 6.24: no audio, no catalogue number, no ISRC. */
enum atapi_result atapi_read_subchannel(struct atapi *a, const uint8_t *p)
{
    uint8_t *b = atapi_answer(a);
    bool msf = p[1] & 0x2;
    uint32_t n = 4;

    if (p[2] & 0x40) {
        b[4] = p[3];
        switch (p[3]) {
        case 1: /* where the head is */
            b[5] = ATAPI_DATA_TRACK;
            b[6] = 1;
            b[7] = 1;
            info_put_address(b + 8, 0, msf);
            n = 16;
            break;
        case 2:
            n = 24;
            break;
        case 3:
            if (p[6] != 1)
                return atapi_invalid(a);
            b[5] = ATAPI_DATA_TRACK;
            b[6] = 1;
            n = 24;
            break;
        default:
            return atapi_invalid(a);
        }
    }
    dm_put_be(b + 2, 2, n - 4);
    return atapi_answered(a, n, info_alloc_16(p + 7));
}

enum atapi_result atapi_read_disc_information(struct atapi *a, const uint8_t *p)
{
    uint8_t *b = atapi_answer(a);

    if (p[1] & 7) /* standard information only */
        return atapi_invalid(a);
    dm_put_be(b, 2, 32);
    b[2] = 0x0e; /* last session complete, disc complete */
    b[3] = b[4] = b[5] = b[6] = 1;
    b[7] = 0x20; /* unrestricted use */
    dm_put_be(b + 16, 4, UINT32_MAX);
    dm_put_be(b + 20, 4, UINT32_MAX);
    return atapi_answered(a, 34, info_alloc_16(p + 7));
}

enum atapi_result atapi_read_track_information(struct atapi *a, const uint8_t *p)
{
    uint32_t blocks = atapi_blocks(a), which = (uint32_t)dm_get_be(p + 2, 4);
    uint8_t *b = atapi_answer(a), by = p[1] & 3;

    if (by == 3 || (by != 0 && which != 1))
        return atapi_invalid(a);
    if (by == 0 && which >= blocks)
        return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
    dm_put_be(b, 2, 34);
    b[2] = b[3] = 1; /* track, session */
    b[5] = 0x04;     /* data */
    b[6] = 0x01;     /* mode 1 */
    dm_put_be(b + 24, 4, blocks);
    dm_put_be(b + 28, 4, blocks - 1);
    return atapi_answered(a, 36, info_alloc_16(p + 7));
}

/* MMC-5, 6.22: one layer, not protected. */
enum atapi_result atapi_read_dvd_structure(struct atapi *a, const uint8_t *p)
{
    static const struct {
        uint8_t format;
        uint16_t size;
    } formats[] = { { 0x00, 2052 }, { 0x01, 8 }, { 0x04, 2052 } };
    uint8_t *b = atapi_answer(a);
    uint32_t n = 4;

    if (!atapi_is_dvd(a))
        return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_INCOMPATIBLE_MEDIUM);
    if (p[1] & 0xf || p[6])
        return atapi_invalid(a);
    switch (p[7]) {
    case 0x00:
        n = 2052;
        b[4] = 0x01; /* DVD-ROM, version 1 */
        b[5] = 0x02; /* 120 mm, 10.08 Mbit/s */
        b[6] = 0x01; /* one layer, embossed data */
        dm_put_be(b + 8, 4, 0x30000);
        dm_put_be(b + 12, 4, (uint64_t)0x30000 + atapi_blocks(a) - 1);
        break;
    case 0x01: /* copyright: none */
        n = 8;
        break;
    case 0x04: /* manufacturer: nothing */
        n = 2052;
        break;
    case 0xff: /* which there are */
        for (size_t i = 0; i < DM_ARRAY_LEN(formats); i++, n += 4) {
            b[n] = formats[i].format;
            b[n + 1] = 0x40; /* can be read */
            dm_put_be(b + n + 2, 2, formats[i].size);
        }
        break;
    default:
        return atapi_invalid(a);
    }
    dm_put_be(b, 2, n - 2);
    return atapi_answered(a, n, info_alloc_16(p + 8));
}
