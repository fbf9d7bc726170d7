/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ATAPI command set, command by command. The transfers are tested with the IDE channel. */
#include "tests/unit/unit.h"

#include "hw/ide/atapi-regs.h"

#include <errno.h>

#define CD_BLOCKS  1000u
#define DVD_BLOCKS 2000000u

struct drive {
    struct atapi a;
    struct dm_block block;
};

/* A drive with a CD, the power-on attention read. */
static void drive_init(struct drive *d)
{
    *d = (struct drive) { .block = { .id = "cd0", .present = true, .readonly = true } };
    d->block.size = CD_BLOCKS * 2048ull;
    d->a.block = &d->block;
    atapi_reset(&d->a);
    d->a.attention_reset = false;
}

static void drive_eject(struct drive *d)
{
    d->block.present = false;
    d->block.size = 0;
    atapi_medium_changed(&d->a);
}

/* Sends a packet; what is not given is zero. */
#define SEND(d, ...) atapi_command(&(d)->a, (const uint8_t[12]) { __VA_ARGS__ })

/* The same for a list of parameters. */
static enum atapi_result send_list(struct drive *d, const uint8_t *packet, const uint8_t *list,
                                   size_t len)
{
    enum atapi_result r = atapi_command(&d->a, packet);

    assert_int_equal(r, ATAPI_DATA_OUT);
    assert_int_equal(d->a.len, len);
    memcpy(d->a.buf, list, len);
    return atapi_data_out(&d->a);
}

static void check_sense(struct drive *d, uint8_t key, uint8_t asc, uint8_t ascq)
{
    assert_int_equal(d->a.sense_key, key);
    assert_int_equal(d->a.asc, asc);
    assert_int_equal(d->a.ascq, ascq);
}

/* The packet fails with this sense, and REQUEST SENSE tells so, once. */
#define FAILS(d, key, asc, ascq, ...)                                \
    do {                                                             \
        assert_int_equal(SEND(d, __VA_ARGS__), ATAPI_CHECK);         \
        check_sense(d, key, asc, ascq);                              \
        assert_int_equal(atapi_error(&(d)->a) >> 4, key);            \
        assert_int_equal((d)->a.len, 0);                             \
        assert_int_equal((d)->a.count, 0);                           \
        assert_int_equal(SEND(d, 0x03, 0, 0, 0, 18), ATAPI_DATA_IN); \
        assert_int_equal((d)->a.len, 18);                            \
        assert_int_equal((d)->a.buf[0], 0x70);                       \
        assert_int_equal((d)->a.buf[2], key);                        \
        assert_int_equal((d)->a.buf[12], asc);                       \
        assert_int_equal((d)->a.buf[13], ascq);                      \
        check_sense(d, 0, 0, 0);                                     \
    } while (0)

static void test_power_on(void **state)
{
    struct drive d;

    drive_init(&d);
    atapi_reset(&d.a);
    assert_false(d.a.locked);
    assert_false(d.a.tray_open);
    assert_int_equal(d.a.sector_size, 2048);
    /* These two do not mind the attention and do not take it. */
    assert_int_equal(SEND(&d, 0x12, 0, 0, 0, 36), ATAPI_DATA_IN);
    assert_int_equal(SEND(&d, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), ATAPI_DATA_IN);
    FAILS(&d, 6, 0x29, 0, 0x00);
    assert_int_equal(SEND(&d, 0x00), ATAPI_NODATA);
    /* REQUEST SENSE gets it too, when it is the first to ask. */
    atapi_reset(&d.a);
    assert_int_equal(SEND(&d, 0x03, 0, 0, 0, 18), ATAPI_DATA_IN);
    assert_int_equal(d.a.buf[2], 6);
    assert_int_equal(d.a.buf[12], 0x29);
    assert_int_equal(SEND(&d, 0x00), ATAPI_NODATA);
}

static void test_soft_reset(void **state)
{
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0x1b, 0, 0, 0, 2), ATAPI_NODATA); /* eject */
    assert_int_equal(SEND(&d, 0x1e, 0, 0, 0, 1), ATAPI_NODATA);
    atapi_soft_reset(&d.a);
    assert_false(d.a.locked);
    assert_true(d.a.tray_open);
    FAILS(&d, 6, 0x29, 0, 0x00);
    FAILS(&d, 2, 0x3a, 2, 0x00);
    atapi_reset(&d.a);
    assert_false(d.a.tray_open);
}

static void test_no_medium(void **state)
{
    static const uint8_t needs[] = { 0x00, 0x25, 0x28, 0x2b, 0x42, 0x43, 0x51,
                                     0x52, 0xa7, 0xa8, 0xac, 0xad, 0xb9, 0xbe };
    static const uint8_t works[] = { 0x1e, 0x35, 0x5c, 0x46, 0xa0, 0xbb, 0xbd, 0x12, 0x03 };
    struct drive d;

    drive_init(&d);
    drive_eject(&d);
    for (size_t i = 0; i < sizeof(needs); i++)
        FAILS(&d, 2, 0x3a, 0, needs[i]);
    for (size_t i = 0; i < sizeof(works); i++)
        assert_int_not_equal(SEND(&d, works[i], 0, 0, 0, 0xff, 0, 0, 0xff, 0xff, 0xff),
                             ATAPI_CHECK);
    /* A medium that is smaller than a block is none. */
    d.block.present = true;
    d.block.size = 1536;
    FAILS(&d, 2, 0x3a, 0, 0x25);
}

static void test_opcodes_we_lack(void **state)
{
    static const uint8_t lacking[] = { 0x04, 0x2a, 0x45, 0x47, 0x4b, 0x4e,
                                       0xa3, 0xa4, 0xaa, 0x9e, 0x23, 0xff };
    struct drive d;

    drive_init(&d);
    for (size_t i = 0; i < sizeof(lacking); i++)
        FAILS(&d, 5, 0x20, 0, lacking[i], 0xff, 0xff);
    SEND(&d, 0xff);
    assert_int_equal(atapi_error(&d.a), 0x54);
}

static void test_sense_is_of_the_last_command(void **state)
{
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0xff), ATAPI_CHECK);
    assert_int_equal(SEND(&d, 0x00), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0x03, 0, 0, 0, 18), ATAPI_DATA_IN);
    assert_int_equal(d.a.buf[2], 0);
    /* Asking for nothing loses it too; asking for little gives little. */
    assert_int_equal(SEND(&d, 0xff), ATAPI_CHECK);
    assert_int_equal(SEND(&d, 0x03, 0, 0, 0, 3), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 3);
    assert_int_equal(d.a.buf[2], 5);
    assert_int_equal(SEND(&d, 0x03), ATAPI_NODATA);
}

static void test_inquiry(void **state)
{
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0x12, 0, 0, 0, 255), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 36);
    assert_int_equal(d.a.buf[0], 0x05);
    assert_int_equal(d.a.buf[1], 0x80);
    assert_int_equal(d.a.buf[4], 31);
    assert_memory_equal(d.a.buf + 8, "QEMU    QEMU DVD-ROM    2.5+", 28);
    assert_int_equal(SEND(&d, 0x12, 0, 0, 0, 5), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 5);
    assert_int_equal(SEND(&d, 0x12), ATAPI_NODATA);
    FAILS(&d, 5, 0x24, 0, 0x12, 0, 0x83, 0, 255);
    assert_int_equal(SEND(&d, 0x12, 1, 0, 0, 255), ATAPI_DATA_IN);
    assert_memory_equal(d.a.buf, ((uint8_t[]) { 0x05, 0, 0, 2, 0, 0x83 }), 6);
    assert_int_equal(d.a.len, 6);
    /* The longest id there can be. */
    memset(d.block.id, 'x', sizeof(d.block.id) - 1);
    assert_int_equal(SEND(&d, 0x12, 1, 0x83, 0, 255), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 4 + 4 + 24 + 63);
    assert_int_equal(d.a.buf[3], d.a.len - 4);
    assert_int_equal(d.a.buf[7], d.a.len - 8);
    FAILS(&d, 5, 0x24, 0, 0x12, 1, 0x80, 0, 255);
}

static void test_mode_sense(void **state)
{
    static const struct {
        uint8_t code, size;
    } pages[] = { { 0x01, 12 }, { 0x0d, 8 }, { 0x0e, 16 }, { 0x1a, 12 }, { 0x2a, 26 } };
    uint32_t all = 0;
    struct drive d;

    drive_init(&d);
    for (size_t i = 0; i < DM_ARRAY_LEN(pages); i++) {
        all += pages[i].size;
        assert_int_equal(SEND(&d, 0x5a, 0, pages[i].code, 0, 0, 0, 0, 0, 255), ATAPI_DATA_IN);
        assert_int_equal(d.a.len, 8 + pages[i].size);
        assert_int_equal(dm_get_be(d.a.buf, 2), d.a.len - 2);
        assert_int_equal(d.a.buf[2], 0x01);
        assert_int_equal(d.a.buf[8], pages[i].code);
        assert_int_equal(d.a.buf[9], pages[i].size - 2);
        assert_int_equal(SEND(&d, 0x1a, 0, pages[i].code, 0, 255), ATAPI_DATA_IN);
        assert_int_equal(d.a.len, 4 + pages[i].size);
        assert_int_equal(d.a.buf[0], d.a.len - 1);
        assert_int_equal(d.a.buf[4], pages[i].code);
    }
    assert_int_equal(SEND(&d, 0x5a, 0, 0x3f, 0, 0, 0, 0, 1, 0), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 8 + all);
    assert_int_equal(SEND(&d, 0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 11), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 11);
    assert_int_equal(dm_get_be(d.a.buf, 2), 8 + all - 2); /* of what there is, not of what goes */
    assert_int_equal(SEND(&d, 0x5a, 0, 0x3f), ATAPI_NODATA);
    FAILS(&d, 5, 0x24, 0, 0x5a, 0, 0x05, 0, 0, 0, 0, 0, 255);
    FAILS(&d, 5, 0x39, 0, 0x5a, 0, 0xc1, 0, 0, 0, 0, 0, 255);
    /* The lock shows, and what is in the tray. */
    assert_int_equal(SEND(&d, 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255), ATAPI_DATA_IN);
    assert_int_equal(d.a.buf[8 + 6], 0x29);
    SEND(&d, 0x1e, 0, 0, 0, 1);
    assert_int_equal(SEND(&d, 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255), ATAPI_DATA_IN);
    assert_int_equal(d.a.buf[8 + 6], 0x2b);
    SEND(&d, 0x1e);
    SEND(&d, 0x1b, 0, 0, 0, 2);
    assert_int_equal(SEND(&d, 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255), ATAPI_DATA_IN);
    assert_int_equal(d.a.buf[2], 0x71);
    drive_eject(&d);
    assert_int_equal(SEND(&d, 0x1a, 0, 0x2a, 0, 255), ATAPI_DATA_IN);
    assert_int_equal(d.a.buf[1], 0x70);
}

static void test_mode_select(void **state)
{
    static const uint8_t ten[12] = { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 20 };
    static const uint8_t six[12] = { 0x15, 0x10, 0, 0, 12 };
    uint8_t list[64] = { [8] = 0x01, [9] = 10, [10] = 0x21, [11] = 7 };
    struct drive d;

    drive_init(&d);
    assert_int_equal(send_list(&d, ten, list, 20), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0x5a, 0, 0x01, 0, 0, 0, 0, 0, 255), ATAPI_DATA_IN);
    assert_int_equal(d.a.buf[10], 0x21);
    assert_int_equal(d.a.buf[11], 7);
    assert_int_equal(SEND(&d, 0x5a, 0, 0x41, 0, 0, 0, 0, 0, 255), ATAPI_DATA_IN); /* changeable */
    assert_int_equal(d.a.buf[10], 0xff);
    assert_int_equal(SEND(&d, 0x5a, 0, 0x81, 0, 0, 0, 0, 0, 255), ATAPI_DATA_IN); /* default */
    assert_int_equal(d.a.buf[10], 0);
    /* SFF-8020i's short page, with 6 bytes of packet. */
    memset(list, 0, sizeof(list));
    list[4] = 0x01;
    list[5] = 6;
    list[6] = 0x11;
    assert_int_equal(send_list(&d, six, list, 12), ATAPI_NODATA);
    assert_int_equal(d.a.recovery, 0x11);
    /* Volume, behind a block descriptor. */
    memset(list, 0, sizeof(list));
    list[7] = 8;
    list[16] = 0x0e;
    list[17] = 14;
    list[16 + 9] = 0x40;
    list[16 + 11] = 0x41;
    assert_int_equal(
        send_list(&d, (const uint8_t[12]) { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 32 }, list, 32),
        ATAPI_NODATA);
    assert_int_equal(d.a.volume[0], 0x40);
    assert_int_equal(d.a.volume[1], 0x41);
    assert_int_equal(SEND(&d, 0x55), ATAPI_NODATA);
}

static void test_mode_select_refused(void **state)
{
    static const uint8_t ten[12] = { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 32 };
    uint8_t list[32] = { [8] = 0x01, [9] = 10, [10] = 0x21, [20] = 0x05, [21] = 10 };
    struct drive d;

    drive_init(&d);
    /* A page we know, then one we do not: neither is taken. */
    assert_int_equal(send_list(&d, ten, list, 32), ATAPI_CHECK);
    check_sense(&d, 5, 0x26, 0);
    assert_int_equal(d.a.recovery, 0);
    list[20] = 0x1a;
    list[21] = 11; /* one byte more than there is */
    assert_int_equal(send_list(&d, ten, list, 32), ATAPI_CHECK);
    check_sense(&d, 5, 0x1a, 0);
    list[21] = 9;
    assert_int_equal(send_list(&d, ten, list, 32), ATAPI_CHECK);
    check_sense(&d, 5, 0x26, 0);
    dm_put_be(list + 6, 2, 0xffff); /* block descriptors that end far behind */
    assert_int_equal(send_list(&d, ten, list, 32), ATAPI_CHECK);
    check_sense(&d, 5, 0x1a, 0);
    dm_put_be(list + 6, 2, 23); /* half a page header is left */
    assert_int_equal(send_list(&d, ten, list, 32), ATAPI_CHECK);
    check_sense(&d, 5, 0x1a, 0);
    assert_int_equal(d.a.recovery, 0);
    assert_int_equal(
        send_list(&d, (const uint8_t[12]) { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 7 }, list, 7),
        ATAPI_CHECK);
    check_sense(&d, 5, 0x1a, 0);
    FAILS(&d, 5, 0x24, 0, 0x55, 0x11, 0, 0, 0, 0, 0, 0, 20); /* save pages */
    FAILS(&d, 5, 0x1a, 0, 0x55, 0x10, 0, 0, 0, 0, 0, 0xff, 0xff);
    /* Data that no command asked for. */
    SEND(&d, 0x00);
    assert_int_equal(atapi_data_out(&d.a), ATAPI_CHECK);
    check_sense(&d, 0xb, 0, 0);
}

static void test_eject_and_load(void **state)
{
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0x1e, 0, 0, 0, 1), ATAPI_NODATA);
    FAILS(&d, 5, 0x53, 2, 0x1b, 0, 0, 0, 2);
    assert_int_equal(SEND(&d, 0x00), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0x1e, 0, 0, 0, 0), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0x1b, 0, 0, 0, 0), ATAPI_NODATA);    /* stops, that is all */
    assert_int_equal(SEND(&d, 0x1b, 0, 0, 0, 0x32), ATAPI_NODATA); /* power condition: standby */
    assert_int_equal(SEND(&d, 0x00), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0x1b, 0, 0, 0, 2), ATAPI_NODATA);
    assert_true(d.a.tray_open);
    assert_true(d.block.present); /* the tray holds it: nothing changes on the host */
    FAILS(&d, 2, 0x3a, 2, 0x00);
    FAILS(&d, 2, 0x3a, 2, 0x28, 0, 0, 0, 0, 0, 0, 0, 1);
    assert_int_equal(SEND(&d, 0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 8);
    assert_int_equal(d.a.buf[1], 0x10);
    assert_int_equal(SEND(&d, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), ATAPI_DATA_IN);
    assert_int_equal(d.a.buf[4], 3);
    assert_int_equal(d.a.buf[5], 1);                            /* open, empty */
    assert_int_equal(SEND(&d, 0x1b, 0, 0, 0, 2), ATAPI_NODATA); /* again: nothing new */
    assert_int_equal(d.a.event, 0);
    assert_int_equal(SEND(&d, 0x1b, 0, 0, 0, 3), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), ATAPI_DATA_IN);
    assert_int_equal(d.a.buf[4], 2);
    assert_int_equal(d.a.buf[5], 2);
    FAILS(&d, 6, 0x28, 0, 0x00);
    assert_int_equal(SEND(&d, 0x00), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0x1b, 0, 0, 0, 3), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0x00), ATAPI_NODATA);
}

static void test_media_change_by_the_toolstack(void **state)
{
    struct drive d;

    drive_init(&d);
    drive_eject(&d);
    assert_int_equal(SEND(&d, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), ATAPI_DATA_IN);
    assert_memory_equal(d.a.buf, ((uint8_t[]) { 0, 6, 4, 0x10, 3, 0, 0, 0 }), 8);
    FAILS(&d, 2, 0x3a, 0, 0x00);
    d.block.present = true;
    d.block.size = 10 * 2048;
    d.a.tray_open = true; /* the guest had opened it: we close it */
    atapi_medium_changed(&d.a);
    /* Asked for the header only: the event stays. */
    assert_int_equal(SEND(&d, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 4), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 4);
    assert_int_equal(SEND(&d, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), ATAPI_DATA_IN);
    assert_memory_equal(d.a.buf, ((uint8_t[]) { 0, 6, 4, 0x10, 2, 2, 0, 0 }), 8);
    assert_int_equal(SEND(&d, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), ATAPI_DATA_IN);
    assert_int_equal(d.a.buf[4], 0);
    FAILS(&d, 6, 0x28, 0, 0x25);
    assert_int_equal(SEND(&d, 0x25), ATAPI_DATA_IN);
    assert_int_equal(dm_get_be(d.a.buf, 4), 9);
    /* Changed and taken out before the guest looked: no attention, no medium. */
    atapi_medium_changed(&d.a);
    drive_eject(&d);
    FAILS(&d, 2, 0x3a, 0, 0x00);
}

static void test_event_status(void **state)
{
    struct drive d;

    drive_init(&d);
    FAILS(&d, 5, 0x24, 0, 0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8); /* asynchronous */
    assert_int_equal(SEND(&d, 0x4a, 1, 0, 0, 0x04, 0, 0, 0, 8), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 4);
    assert_memory_equal(d.a.buf, ((uint8_t[]) { 0, 2, 0x80, 0x10 }), 4);
    assert_int_equal(SEND(&d, 0x4a, 1, 0, 0, 0x10), ATAPI_NODATA);
}

static void test_capacity(void **state)
{
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0x25), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 8);
    assert_int_equal(dm_get_be(d.a.buf, 4), CD_BLOCKS - 1);
    assert_int_equal(dm_get_be(d.a.buf + 4, 4), 2048);
    d.block.size += 2047; /* a tail that is no block */
    assert_int_equal(SEND(&d, 0x25), ATAPI_DATA_IN);
    assert_int_equal(dm_get_be(d.a.buf, 4), CD_BLOCKS - 1);
    d.block.size = UINT64_MAX; /* more than 32 bits of blocks */
    assert_int_equal(SEND(&d, 0x25), ATAPI_DATA_IN);
    assert_int_equal(dm_get_be(d.a.buf, 4), UINT32_MAX - 1);
}

static void check_media(struct drive *d, uint64_t lba, uint32_t count, uint16_t size)
{
    assert_int_equal(d->a.lba, lba);
    assert_int_equal(d->a.count, count);
    assert_int_equal(d->a.sector_size, size);
}

static void test_read(void **state)
{
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0x28, 0, 0, 0, 1, 2, 0, 0, 16), ATAPI_READ_MEDIA);
    check_media(&d, 258, 16, 2048);
    assert_int_equal(SEND(&d, 0xa8, 0, 0, 0, 0, 3, 0, 0, 1, 0), ATAPI_READ_MEDIA);
    check_media(&d, 3, 256, 2048);
    assert_int_equal(SEND(&d, 0x28, 0, 0, 0, 3, 0xe7, 0, 0, 1), ATAPI_READ_MEDIA); /* the last */
    check_media(&d, 999, 1, 2048);
    assert_int_equal(SEND(&d, 0x28), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0x28, 0, 0, 0, 3, 0xe8), ATAPI_NODATA);
    FAILS(&d, 5, 0x21, 0, 0x28, 0, 0, 0, 3, 0xe7, 0, 0, 2);
    FAILS(&d, 5, 0x21, 0, 0x28, 0, 0, 0, 3, 0xe8, 0, 0, 1);
    FAILS(&d, 5, 0x21, 0, 0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1);
    /* A sum that wraps in 32 bits, and the largest there is. */
    FAILS(&d, 5, 0x21, 0, 0xa8, 0, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff);
    FAILS(&d, 5, 0x21, 0, 0xa8, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
    assert_int_equal(SEND(&d, 0x2b, 0, 0, 0, 3, 0xe7), ATAPI_NODATA);
    FAILS(&d, 5, 0x21, 0, 0x2b, 0, 0, 0, 3, 0xe8);
}

static void test_read_errors(void **state)
{
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0x28, 0, 0, 0, 0, 0, 0, 0, 1), ATAPI_READ_MEDIA);
    assert_int_equal(atapi_media_error(&d.a, -EIO), ATAPI_CHECK);
    check_sense(&d, 3, 0x11, 0);
    assert_int_equal(atapi_error(&d.a), 0x30);
    assert_int_equal(atapi_media_error(&d.a, -ENOMEM), ATAPI_CHECK);
    check_sense(&d, 4, 0x44, 0);
    assert_int_equal(atapi_media_error(&d.a, -ENOMEDIUM), ATAPI_CHECK);
    check_sense(&d, 2, 0x3a, 0);
    drive_eject(&d); /* while it was read */
    assert_int_equal(atapi_media_error(&d.a, -EIO), ATAPI_CHECK);
    check_sense(&d, 2, 0x3a, 0);
}

static void test_read_cd(void **state)
{
    static const struct {
        uint8_t bits;
        uint16_t size; /* 0: refused */
    } parts[] = {
        { 0x10, 2048 }, { 0xf8, 2352 }, { 0xb8, 2352 }, { 0x30, 2052 }, { 0x38, 2340 },
        { 0x18, 2336 }, { 0xb0, 2064 }, { 0x20, 4 },    { 0x80, 12 },   { 0xa0, 16 },
        { 0x90, 0 },    { 0x08, 0 },    { 0x28, 0 },    { 0x98, 0 },    { 0x12, 0 },
        { 0x14, 0 },    { 0x88, 0 },    { 0xa8, 0 },
    };
    struct drive d;

    drive_init(&d);
    for (size_t i = 0; i < DM_ARRAY_LEN(parts); i++) {
        enum atapi_result r = SEND(&d, 0xbe, 0, 0, 0, 0, 5, 0, 0, 2, parts[i].bits);

        if (!parts[i].size) {
            assert_int_equal(r, ATAPI_CHECK);
            check_sense(&d, 5, 0x24, 0);
            continue;
        }
        assert_int_equal(r, ATAPI_READ_MEDIA);
        check_media(&d, 5, 2, parts[i].size);
    }
    assert_int_equal(SEND(&d, 0xbe, 0, 0, 0, 0, 5, 0, 0, 2), ATAPI_NODATA); /* no part wanted */
    assert_int_equal(SEND(&d, 0xbe, 0, 0, 0, 0, 5, 0, 0, 2, 0x40), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0xbe, 0x08, 0, 0, 0, 5, 0, 0, 2, 0x10), ATAPI_READ_MEDIA);
    FAILS(&d, 5, 0x64, 0, 0xbe, 0x04, 0, 0, 0, 5, 0, 0, 2, 0x10); /* CD-DA wanted */
    FAILS(&d, 5, 0x64, 0, 0xbe, 0x14, 0, 0, 0, 5, 0, 0, 2, 0x10); /* mode 2 form 2 */
    FAILS(&d, 5, 0x24, 0, 0xbe, 0x18, 0, 0, 0, 5, 0, 0, 2, 0x10); /* no such type */
    FAILS(&d, 5, 0x24, 0, 0xbe, 0, 0, 0, 0, 5, 0, 0, 2, 0x10, 2); /* subchannel */
    FAILS(&d, 5, 0x21, 0, 0xbe, 0, 0, 0, 3, 0xe7, 0, 0, 2, 0x10);
    FAILS(&d, 5, 0x21, 0, 0xbe, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10);
    /* By MSF: 00:02:16 up to 00:03:00. */
    assert_int_equal(SEND(&d, 0xb9, 0, 0, 0, 2, 16, 0, 3, 0, 0xf8), ATAPI_READ_MEDIA);
    check_media(&d, 16, 59, 2352);
    assert_int_equal(SEND(&d, 0xb9, 0, 0, 0, 2, 16, 0, 2, 16, 0xf8), ATAPI_NODATA);
    FAILS(&d, 5, 0x24, 0, 0xb9, 0, 0, 0, 2, 16, 0, 2, 15, 0x10); /* ends before it starts */
    FAILS(&d, 5, 0x24, 0, 0xb9, 0, 0, 0, 60, 0, 0, 61, 0, 0x10); /* no such second */
    FAILS(&d, 5, 0x24, 0, 0xb9, 0, 0, 0, 2, 75, 0, 3, 0, 0x10);
    FAILS(&d, 5, 0x21, 0, 0xb9, 0, 0, 0, 1, 74, 0, 3, 0, 0x10); /* before LBA 0 */
    FAILS(&d, 5, 0x21, 0, 0xb9, 0, 0, 99, 59, 74, 255, 59, 74, 0x10);
}

/* Arithmetic of annex A by shift and add, as a check of what the frame's code does in another way.
 */
static uint8_t gf_mul(uint8_t a, uint8_t b)
{
    uint8_t product = 0;

    for (; b; b >>= 1) {
        if (b & 1)
            product ^= a;
        a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1d : 0));
    }
    return product;
}

static bool gf_word_is_good(const uint8_t *word, unsigned n)
{
    uint8_t sum = 0, weighted = 0;

    for (unsigned i = 0; i < n; i++) {
        sum ^= word[i];
        weighted = gf_mul(weighted, 2) ^ word[i]; /* Horner: sum of word[i] * 2^(n - 1 - i) */
    }
    return !sum && !weighted;
}

static void test_frame(void **state)
{
    uint8_t data[2048], frame[2352], part[2352], word[64];
    uint32_t crc = 0;
    struct drive d;

    drive_init(&d);
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 11 + i / 251);
    assert_int_equal(SEND(&d, 0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0xf8), ATAPI_READ_MEDIA);
    atapi_frame(&d.a, 75 * 61 - 1, data, frame);
    assert_memory_equal(frame, "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", 12);
    assert_memory_equal(frame + 12, "\x01\x02\x74\x01", 4); /* 01:02:74, BCD; mode 1 */
    assert_memory_equal(frame + 16, data, 2048);
    assert_memory_equal(frame + 2068, "\0\0\0\0\0\0\0\0", 8);
    /* Data with its EDC behind leaves no rest, from the polynomial's own division. */
    for (unsigned i = 0; i < 2068 * 8; i++) {
        uint32_t in = frame[i / 8] >> i % 8 & 1, out = crc >> 31;

        crc = crc << 1 ^ (in ^ out ? 0x8001801b : 0);
    }
    assert_int_equal(crc, 0);
    /* ECMA-130 annex A: words of P (26 bytes) and of Q (45), even and odd bytes apart. */
    for (unsigned plane = 0; plane < 2; plane++) {
        for (unsigned np = 0; np < 43; np++) {
            for (unsigned mp = 0; mp < 26; mp++)
                word[mp] = frame[12 + 2 * (43 * mp + np) + plane];
            assert_true(gf_word_is_good(word, 26));
        }
        for (unsigned nq = 0; nq < 26; nq++) {
            for (unsigned mq = 0; mq < 43; mq++)
                word[mq] = frame[12 + 2 * ((44 * mq + 43 * nq) % 1118) + plane];
            word[43] = frame[12 + 2 * (43 * 26 + nq) + plane];
            word[44] = frame[12 + 2 * (44 * 26 + nq) + plane];
            assert_true(gf_word_is_good(word, 45));
        }
    }
    /* Parts are cut out of the same. */
    assert_int_equal(SEND(&d, 0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0x38), ATAPI_READ_MEDIA);
    atapi_frame(&d.a, 75 * 61 - 1, data, part);
    assert_memory_equal(part, frame + 12, 2340);
    assert_int_equal(SEND(&d, 0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0x18), ATAPI_READ_MEDIA);
    atapi_frame(&d.a, 75 * 61 - 1, data, part);
    assert_memory_equal(part, frame + 16, 2336);
    assert_int_equal(SEND(&d, 0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0x80), ATAPI_READ_MEDIA);
    memset(part, 0x77, sizeof(part));
    atapi_frame(&d.a, 0, data, part);
    assert_memory_equal(part, frame, 12);
    assert_int_equal(part[12], 0x77);
}

static void test_toc(void **state)
{
    static const uint8_t lba[] = { 0, 18, 1, 1,    0,    0x14, 1, 0, 0,    0,
                                   0, 0,  0, 0x14, 0xaa, 0,    0, 0, 0x03, 0xe8 };
    static const uint8_t msf[] = { 0, 18, 1, 1,    0,    0x14, 1, 0, 0,  0,
                                   2, 0,  0, 0x14, 0xaa, 0,    0, 0, 15, 25 };
    static const uint8_t session[] = { 0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0 };
    static const uint8_t points[4][4] = {
        { 0xa0, 1, 0, 0 }, { 0xa1, 1, 0, 0 }, { 0xa2, 0, 15, 25 }, { 1, 0, 2, 0 }
    };
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0x43, 0, 0, 0, 0, 0, 0, 3, 0x24), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, sizeof(lba));
    assert_memory_equal(d.a.buf, lba, sizeof(lba));
    assert_int_equal(SEND(&d, 0x43, 2, 0, 0, 0, 0, 1, 3, 0x24), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, sizeof(msf));
    assert_memory_equal(d.a.buf, msf, sizeof(msf));
    assert_int_equal(SEND(&d, 0x43, 0, 0, 0, 0, 0, 0xaa, 3, 0x24), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 12);
    assert_memory_equal(d.a.buf + 4, lba + 12, 8);
    assert_int_equal(SEND(&d, 0x43, 0, 0, 0, 0, 0, 0, 0, 12), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 12);
    assert_int_equal(d.a.buf[1], 18);
    FAILS(&d, 5, 0x24, 0, 0x43, 0, 0, 0, 0, 0, 2, 3, 0x24);
    /* Format 1, in both places it can be named. */
    assert_int_equal(SEND(&d, 0x43, 0, 1, 0, 0, 0, 0, 0, 12), ATAPI_DATA_IN);
    assert_memory_equal(d.a.buf, session, sizeof(session));
    assert_int_equal(SEND(&d, 0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0x40), ATAPI_DATA_IN);
    assert_memory_equal(d.a.buf, session, sizeof(session));
    assert_int_equal(d.a.len, sizeof(session));
    /* Format 2: the lead-in. */
    assert_int_equal(SEND(&d, 0x43, 0, 2, 0, 0, 0, 1, 1, 0), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 4 + 4 * 11);
    assert_int_equal(dm_get_be(d.a.buf, 2), 46);
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *b = d.a.buf + 4 + 11 * i;

        assert_int_equal(b[0], 1);
        assert_int_equal(b[1], 0x14);
        assert_int_equal(b[3], points[i][0]);
        assert_memory_equal(b + 8, points[i] + 1, 3);
    }
    FAILS(&d, 5, 0x24, 0, 0x43, 0, 2, 0, 0, 0, 2, 1, 0);
    for (uint8_t format = 3; format < 16; format++)
        FAILS(&d, 5, 0x24, 0, 0x43, 0, format, 0, 0, 0, 0, 1, 0);
    /* Larger than MSF can say. */
    d.block.size = 2048ull * 5000000;
    assert_int_equal(SEND(&d, 0x43, 2, 0, 0, 0, 0, 0xaa, 0, 12), ATAPI_DATA_IN);
    assert_memory_equal(d.a.buf + 8, "\0\xff\x3b\x4a", 4);
}

static void test_subchannel(void **state)
{
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0x42, 0, 0, 1, 0, 0, 0, 0, 64), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 4);
    assert_int_equal(SEND(&d, 0x42, 2, 0x40, 1, 0, 0, 0, 0, 64), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 16);
    assert_memory_equal(d.a.buf, ((uint8_t[]) { 0, 0, 0, 12, 1, 0x14, 1, 1, 0, 0, 2, 0 }), 12);
    assert_int_equal(SEND(&d, 0x42, 0, 0x40, 2, 0, 0, 0, 0, 64), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 24);
    assert_int_equal(d.a.buf[8], 0); /* no number is valid */
    assert_int_equal(SEND(&d, 0x42, 0, 0x40, 3, 0, 0, 1, 0, 64), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 24);
    FAILS(&d, 5, 0x24, 0, 0x42, 0, 0x40, 3, 0, 0, 2, 0, 64);
    FAILS(&d, 5, 0x24, 0, 0x42, 0, 0x40, 0, 0, 0, 0, 0, 64);
    FAILS(&d, 5, 0x24, 0, 0x42, 0, 0x40, 4, 0, 0, 0, 0, 64);
}

static void test_disc_and_track(void **state)
{
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0x51, 0, 0, 0, 0, 0, 0, 0, 255), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 34);
    assert_memory_equal(d.a.buf, ((uint8_t[]) { 0, 32, 0x0e, 1, 1, 1, 1, 0x20 }), 8);
    assert_int_equal(SEND(&d, 0x51, 0, 0, 0, 0, 0, 0, 0, 2), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 2);
    FAILS(&d, 5, 0x24, 0, 0x51, 1, 0, 0, 0, 0, 0, 0, 255);
    for (uint8_t by = 0; by < 3; by++) { /* LBA 1, track 1, session 1 */
        assert_int_equal(SEND(&d, 0x52, by, 0, 0, 0, 1, 0, 0, 255), ATAPI_DATA_IN);
        assert_int_equal(d.a.len, 36);
        assert_memory_equal(d.a.buf, ((uint8_t[]) { 0, 34, 1, 1, 0, 4, 1 }), 7);
        assert_int_equal(dm_get_be(d.a.buf + 24, 4), CD_BLOCKS);
    }
    FAILS(&d, 5, 0x21, 0, 0x52, 0, 0, 0, 3, 0xe8, 0, 0, 255);
    FAILS(&d, 5, 0x24, 0, 0x52, 1, 0, 0, 0, 2, 0, 0, 255);
    FAILS(&d, 5, 0x24, 0, 0x52, 1, 0, 0, 0, 0xff, 0, 0, 255);
    FAILS(&d, 5, 0x24, 0, 0x52, 2, 0, 0, 0, 0, 0, 0, 255);
    FAILS(&d, 5, 0x24, 0, 0x52, 3, 0, 0, 0, 1, 0, 0, 255);
}

/* The feature's descriptor in an answer of GET CONFIGURATION, or NULL. Checks the lengths. */
static const uint8_t *find_feature(const struct drive *d, uint16_t code)
{
    const uint8_t *found = NULL;
    uint32_t at = 8;

    assert_int_equal(dm_get_be(d->a.buf, 4), d->a.len - 4);
    while (at < d->a.len) {
        assert_true(at + 4 <= d->a.len);
        if (dm_get_be(d->a.buf + at, 2) == code)
            found = d->a.buf + at;
        assert_int_equal(d->a.buf[at + 3] % 4, 0);
        at += 4u + d->a.buf[at + 3];
    }
    assert_int_equal(at, d->a.len);
    return found;
}

static void test_configuration(void **state)
{
    const uint8_t *f;
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0x46, 0, 0, 0, 0, 0, 0, 1, 0), ATAPI_DATA_IN);
    assert_int_equal(dm_get_be(d.a.buf + 6, 2), 0x0008);
    f = find_feature(&d, 0x0000);
    assert_memory_equal(f + 2, ((uint8_t[]) { 3, 8, 0, 0x10, 0, 0, 0, 8, 1, 0 }), 10);
    assert_true(find_feature(&d, 0x001e)[2] & 1);
    assert_false(find_feature(&d, 0x001f)[2] & 1);
    f = find_feature(&d, 0x0010);
    assert_int_equal(dm_get_be(f + 4, 4), 2048);
    assert_int_equal(dm_get_be(f + 8, 2), 1);
    assert_null(find_feature(&d, 0x0021)); /* no writing */
    /* Current ones only, from the third on; then a single one; one we lack. */
    assert_int_equal(SEND(&d, 0x46, 1, 0, 3, 0, 0, 0, 1, 0), ATAPI_DATA_IN);
    assert_null(find_feature(&d, 0x0000));
    assert_non_null(find_feature(&d, 0x0003));
    assert_null(find_feature(&d, 0x001f));
    assert_int_equal(SEND(&d, 0x46, 2, 0, 0x10, 0, 0, 0, 1, 0), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 8 + 12);
    assert_int_equal(SEND(&d, 0x46, 2, 0, 0x21, 0, 0, 0, 1, 0), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 8);
    assert_int_equal(SEND(&d, 0x46, 0, 0, 0, 0, 0, 0, 0, 8), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 8);
    assert_true(dm_get_be(d.a.buf, 4) > 8);
    FAILS(&d, 5, 0x24, 0, 0x46, 3, 0, 0, 0, 0, 0, 1, 0);
    d.block.size = DVD_BLOCKS * 2048ull;
    assert_int_equal(SEND(&d, 0x46, 0, 0, 0, 0, 0, 0, 1, 0), ATAPI_DATA_IN);
    assert_int_equal(dm_get_be(d.a.buf + 6, 2), 0x0010);
    assert_true(find_feature(&d, 0x001f)[2] & 1);
    assert_false(find_feature(&d, 0x001e)[2] & 1);
    drive_eject(&d);
    assert_int_equal(SEND(&d, 0x46, 0, 0, 0, 0, 0, 0, 1, 0), ATAPI_DATA_IN);
    assert_int_equal(dm_get_be(d.a.buf + 6, 2), 0);
    assert_false(find_feature(&d, 0x0010)[2] & 1);
}

static void test_dvd_structure(void **state)
{
    struct drive d;

    drive_init(&d);
    FAILS(&d, 5, 0x30, 0, 0xad, 0, 0, 0, 0, 0, 0, 0, 8, 4); /* of a CD */
    d.block.size = DVD_BLOCKS * 2048ull;
    assert_int_equal(SEND(&d, 0xad, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 2052);
    assert_int_equal(dm_get_be(d.a.buf, 2), 2050);
    assert_int_equal(dm_get_be(d.a.buf + 8, 4), 0x30000);
    assert_int_equal(dm_get_be(d.a.buf + 12, 4), 0x30000 + DVD_BLOCKS - 1);
    assert_int_equal(SEND(&d, 0xad, 0, 0, 0, 0, 0, 0, 0, 0, 20), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 20);
    assert_int_equal(SEND(&d, 0xad, 0, 0, 0, 0, 0, 0, 1, 0, 255), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 8);
    assert_int_equal(SEND(&d, 0xad, 0, 0, 0, 0, 0, 0, 4, 0xff, 0xff), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 2052);
    for (unsigned i = 4; i < 2052; i++)
        assert_int_equal(d.a.buf[i], 0); /* nothing of the answers before */
    assert_int_equal(SEND(&d, 0xad, 0, 0, 0, 0, 0, 0, 0xff, 0, 255), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 16);
    FAILS(&d, 5, 0x24, 0, 0xad, 0, 0, 0, 0, 0, 0, 3, 0, 255);
    FAILS(&d, 5, 0x24, 0, 0xad, 0, 0, 0, 0, 0, 1, 0, 0, 255); /* a second layer */
    FAILS(&d, 5, 0x24, 0, 0xad, 1, 0, 0, 0, 0, 0, 0, 0, 255); /* of a BD */
}

static void test_performance_and_the_like(void **state)
{
    struct drive d;

    drive_init(&d);
    assert_int_equal(SEND(&d, 0xac, 0x10, 0, 0, 0, 0, 0, 0, 0, 1), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 24);
    assert_int_equal(dm_get_be(d.a.buf, 4), 20);
    assert_int_equal(dm_get_be(d.a.buf + 16, 4), CD_BLOCKS - 1);
    assert_int_equal(SEND(&d, 0xac, 0x10), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 8);
    FAILS(&d, 5, 0x24, 0, 0xac, 0x14, 0, 0, 0, 0, 0, 0, 0, 1);
    FAILS(&d, 5, 0x24, 0, 0xac, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3);
    assert_int_equal(SEND(&d, 0xbb, 0, 0xff, 0xff), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0x35), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0xa7), ATAPI_NODATA);
    assert_int_equal(SEND(&d, 0x5c, 0, 0, 0, 0, 0, 0, 0, 12), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 12);
    assert_int_equal(dm_get_be(d.a.buf + 4, 4), 512 * 1024);
    assert_int_equal(SEND(&d, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 16);
    assert_int_equal(dm_get_be(d.a.buf, 4), 8);
    assert_int_equal(SEND(&d, 0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 3), ATAPI_DATA_IN);
    assert_int_equal(d.a.len, 3);
}

/* What a guest that asks for it byte by byte sees of the buffer is the answer, nothing else. */
static void test_answers_respect_the_allocation(void **state)
{
    static const uint8_t packets[][12] = {
        { 0x12 }, { 0x12, 1, 0x83 }, { 0x5a, 0, 0x3f },       { 0x43 }, { 0x43, 0, 2 },
        { 0x46 }, { 0x51 },          { 0x52, 1, 0, 0, 0, 1 }, { 0x5c }, { 0x42, 0, 0x40, 1 },
    };
    struct drive d;

    drive_init(&d);
    for (size_t i = 0; i < DM_ARRAY_LEN(packets); i++) {
        unsigned at = packets[i][0] == 0x12 ? 3 : 7; /* of the allocation length */
        uint8_t p[12], whole[ATAPI_BUF];
        uint32_t len;

        memcpy(p, packets[i], 12);
        dm_put_be(p + at, 2, 0xffff);
        assert_int_equal(atapi_command(&d.a, p), ATAPI_DATA_IN);
        len = d.a.len;
        memcpy(whole, d.a.buf, len);
        for (uint32_t alloc = 1; alloc <= len + 1; alloc++) {
            dm_put_be(p + at, 2, alloc);
            assert_int_equal(atapi_command(&d.a, p), ATAPI_DATA_IN);
            assert_int_equal(d.a.len, alloc < len ? alloc : len);
            assert_memory_equal(d.a.buf, whole, d.a.len);
        }
        dm_put_be(p + at, 2, 0);
        assert_int_equal(atapi_command(&d.a, p), ATAPI_NODATA);
    }
}

static void test_identify(void **state)
{
    uint16_t id[256];
    struct drive d;

    drive_init(&d);
    memset(id, 0xff, sizeof(id));
    atapi_identify(&d.a, id);
    assert_int_equal(id[0], 0x85c0);
    assert_int_equal(id[49] & 0x0300, 0x0300); /* LBA, DMA */
    assert_int_equal(id[88], 0x003f);
    assert_int_equal(id[255], 0);
}

static void test_state(void **state)
{
    struct dm_buf one = { 0 }, two = { 0 };
    static struct drive d, e;

    drive_init(&d);
    SEND(&d, 0x1e, 0, 0, 0, 1);
    atapi_medium_changed(&d.a);
    SEND(&d, 0x00);
    SEND(&d, 0xbe, 0, 0, 0, 0, 5, 0, 0, 2, 0x38);
    dm_fields_save(atapi_fields, &d.a, 1, &one);
    assert_false(one.failed);
    drive_init(&e);
    assert_int_equal(dm_fields_load(atapi_fields, &e.a, 1, one.data, one.len), one.len);
    assert_int_equal(atapi_post_load(&e.a), 0);
    dm_fields_save(atapi_fields, &e.a, 1, &two);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
    check_media(&e, 5, 2, 2340);
    assert_true(e.a.locked);
    dm_buf_finish(&one);
    dm_buf_finish(&two);
}

static void test_bad_state(void **state)
{
    struct drive d;

#define BAD(member, value)                                \
    do {                                                  \
        drive_init(&d);                                   \
        assert_int_equal(atapi_post_load(&d.a), 0);       \
        d.a.member = value;                               \
        assert_int_equal(atapi_post_load(&d.a), -EINVAL); \
    } while (0)
    BAD(sense_key, 0x10);
    BAD(event, 4);
    BAD(len, ATAPI_BUF + 1);
    BAD(sector_size, 0);
    BAD(sector_size, 2352); /* not what the frame's parts sum up to */
    BAD(sector_size, 0xffff);
    BAD(frame, 0);
    BAD(frame, 0xff);
    BAD(lba, UINT32_MAX + 1ull);
    BAD(lba, UINT64_MAX);
    drive_init(&d);
    d.a.lba = UINT32_MAX;
    d.a.count = 1;
    assert_int_equal(atapi_post_load(&d.a), -EINVAL);
}

UNIT_MAIN(cmocka_unit_test(test_power_on), cmocka_unit_test(test_soft_reset),
          cmocka_unit_test(test_no_medium), cmocka_unit_test(test_opcodes_we_lack),
          cmocka_unit_test(test_sense_is_of_the_last_command), cmocka_unit_test(test_inquiry),
          cmocka_unit_test(test_mode_sense), cmocka_unit_test(test_mode_select),
          cmocka_unit_test(test_mode_select_refused), cmocka_unit_test(test_eject_and_load),
          cmocka_unit_test(test_media_change_by_the_toolstack), cmocka_unit_test(test_event_status),
          cmocka_unit_test(test_capacity), cmocka_unit_test(test_read),
          cmocka_unit_test(test_read_errors), cmocka_unit_test(test_read_cd),
          cmocka_unit_test(test_frame), cmocka_unit_test(test_toc),
          cmocka_unit_test(test_subchannel), cmocka_unit_test(test_disc_and_track),
          cmocka_unit_test(test_configuration), cmocka_unit_test(test_dvd_structure),
          cmocka_unit_test(test_performance_and_the_like),
          cmocka_unit_test(test_answers_respect_the_allocation), cmocka_unit_test(test_identify),
          cmocka_unit_test(test_state), cmocka_unit_test(test_bad_state))
