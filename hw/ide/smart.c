/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SMART: ATA/ATAPI-6 (T13/1410D rev 3b) 8.55. The attribute table, vendor specific
 * there, has the layout that all disks use (SFF-8035i rev 2.0, section 6).
 *
 * A disk that is a file does not wear: the attributes stand still, the error log is empty
 * (errors of the image are in our log), and self-tests end at once and well.
 */
#include "dm/bytes.h"
#include "hw/ide/ide-regs.h"
#include "hw/ide/ide.h"

#include <string.h>

#define SMART_ATTRIBUTES 30
#define SMART_LOG_DIR    0x00
#define SMART_LOG_ERROR  0x01
#define SMART_LOG_TEST   0x06

static const struct {
    uint8_t id, flags, value, threshold;
} smart_attributes[] = {
    { 1, 0x0f, 100, 6 },   /* raw read errors */
    { 3, 0x03, 100, 0 },   /* spin-up time */
    { 4, 0x32, 100, 20 },  /* starts and stops */
    { 5, 0x33, 100, 36 },  /* reallocated sectors */
    { 9, 0x32, 100, 0 },   /* power-on hours */
    { 12, 0x32, 100, 0 },  /* power cycles */
    { 197, 0x12, 100, 0 }, /* pending sectors */
    { 198, 0x10, 100, 0 }, /* uncorrectable sectors */
};

static void smart_checksum(uint8_t *buf)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 511; i++)
        sum = (uint8_t)(sum + buf[i]);
    buf[511] = (uint8_t)-sum;
}

static void smart_data(uint8_t *buf)
{
    dm_put_le(buf, 2, 0x0010);
    for (unsigned i = 0; i < DM_ARRAY_LEN(smart_attributes); i++) {
        uint8_t *a = buf + 2 + 12 * i;

        a[0] = smart_attributes[i].id;
        a[1] = smart_attributes[i].flags;
        a[3] = a[4] = smart_attributes[i].value; /* and the worst there was */
    }
    buf[362] = 0x02; /* off-line collection completed without error */
    buf[363] = 0x00; /* the last self-test passed */
    buf[367] = 0x19; /* off-line immediate, off-line scan, self-tests */
    buf[368] = 0x03; /* saves attributes */
    buf[370] = 0x01; /* error log */
    buf[372] = 1;    /* minutes of a short self-test */
    buf[373] = 1;    /* of an extended one */
}

static void smart_thresholds(uint8_t *buf)
{
    dm_put_le(buf, 2, 0x0010);
    for (unsigned i = 0; i < DM_ARRAY_LEN(smart_attributes); i++) {
        buf[2 + 12 * i] = smart_attributes[i].id;
        buf[3 + 12 * i] = smart_attributes[i].threshold;
    }
}

/* Self-test log, 8.55.6.8.2: a ring of 21 entries; we keep the newest in the last place. */
static void smart_test_log(const struct ide_drive *d, uint8_t *buf)
{
    dm_put_le(buf, 2, 0x0001);
    for (unsigned i = 0; i < d->tests; i++)
        buf[2 + 24 * i] = d->test[i]; /* status 0: completed */
    buf[508] = d->tests;              /* index of the newest, from 1; 0: none */
}

static bool smart_log(const struct ide_drive *d, uint8_t *buf)
{
    switch (d->lba[0]) {
    case SMART_LOG_DIR:
        dm_put_le(buf, 2, 0x0001);
        buf[2 * SMART_LOG_ERROR] = 1; /* sectors of each log */
        buf[2 * SMART_LOG_TEST] = 1;
        return true;
    case SMART_LOG_ERROR:
        buf[0] = 0x01;
        break;
    case SMART_LOG_TEST:
        smart_test_log(d, buf);
        break;
    default:
        return false;
    }
    smart_checksum(buf);
    return true;
}

/* EXECUTE OFF-LINE IMMEDIATE, 8.55.4. */
static bool smart_test(struct ide_drive *d)
{
    uint8_t kind = d->lba[0];

    switch (kind) {
    case 0x00: /* off-line collection */
    case 0x7f: /* stop: nothing runs */
        return true;
    case 0x01: /* short */
    case 0x02: /* extended */
    case 0x81: /* captive */
    case 0x82:
        if (d->tests == IDE_SMART_TESTS)
            memmove(d->test, d->test + 1, sizeof(d->test) - 1);
        else
            d->tests++;
        d->test[d->tests - 1] = kind;
        /* A captive test answers in the registers: passed (table 44). */
        d->lba[1] = SMART_KEY_MID;
        d->lba[2] = SMART_KEY_HIGH;
        return true;
    default:
        return false;
    }
}

void smart_run(struct ide_drive *d)
{
    bool known = d->lba[1] == SMART_KEY_MID && d->lba[2] == SMART_KEY_HIGH;
    bool data = false;

    if (!known || (!d->smart && d->features != SMART_ENABLE)) {
        ide_drive_fail(d, ATA_ERROR_ABRT);
        return;
    }
    memset(d->buf, 0, IDE_SECTOR);
    switch (d->features) {
    case SMART_ENABLE:
    case SMART_DISABLE:
        d->smart = d->features == SMART_ENABLE;
        break;
    case SMART_RETURN_STATUS: /* the key as it was: no threshold exceeded */
    case SMART_AUTOSAVE:
    case SMART_SAVE_VALUES:
    case SMART_AUTO_OFFLINE:
        break;
    case SMART_EXECUTE:
        known = smart_test(d);
        break;
    case SMART_READ_DATA:
        smart_data(d->buf);
        smart_checksum(d->buf);
        data = true;
        break;
    case SMART_READ_THRESHOLDS:
        smart_thresholds(d->buf);
        smart_checksum(d->buf);
        data = true;
        break;
    case SMART_READ_LOG:
        known = d->count == 1 && smart_log(d, d->buf);
        data = true;
        break;
    default:
        known = false;
    }
    if (!known)
        ide_drive_fail(d, ATA_ERROR_ABRT);
    else if (data)
        ide_transfer_buffer(d, false, false, IDE_SECTOR);
    else
        ide_drive_finish(d);
}
