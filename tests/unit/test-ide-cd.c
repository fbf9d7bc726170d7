/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A CD drive on the channel: packets, PIO and DMA of replies, media and parameters. */
#include "tests/unit/ide-rig.h"

#include <errno.h>

#define READY  (ATA_STATUS_DRDY | ATA_STATUS_DSC)
#define FAILED (READY | ATA_STATUS_ERR)
#define BLOCKS 40

static const uint8_t test_unit_ready[12] = { 0x00 };
static const uint8_t request_sense[12] = { 0x03, 0, 0, 0, 18 };
static const uint8_t inquiry[12] = { 0x12, 0, 0, 0, 36 };

/* Issues PACKET with a byte count limit and sends the packet. */
static void packet(struct rig *r, const uint8_t p[12], uint8_t features, uint16_t limit)
{
    rig_out(r, ATA_REG_FEATURES, features);
    rig_command(r, 0, 0xa0, (uint32_t)limit << 8, 0);
    assert_false(r->f.isa[r->irq]); /* packets are asked for without an interrupt */
    assert_int_equal(rig_altstatus(r), READY | ATA_STATUS_DRQ);
    assert_int_equal(rig_in(r, ATA_REG_COUNT), ATAPI_REASON_CD);
    rig_write_data(r, p, 12);
}

/* The status phase. */
static void good(struct rig *r)
{
    assert_int_equal(rig_interrupt(r), READY);
    assert_int_equal(rig_in(r, ATA_REG_COUNT), ATAPI_REASON_CD | ATAPI_REASON_IO);
}

static void check(struct rig *r, uint8_t error)
{
    assert_int_equal(rig_interrupt(r), FAILED);
    assert_int_equal(rig_in(r, ATA_REG_COUNT), ATAPI_REASON_CD | ATAPI_REASON_IO);
    assert_int_equal(rig_in(r, ATA_REG_FEATURES), error);
}

/* Reads one PIO block. Returns its bytes. */
static unsigned block_in(struct rig *r, uint8_t *buf)
{
    unsigned len;

    assert_int_equal(rig_interrupt(r), READY | ATA_STATUS_DRQ);
    assert_int_equal(rig_in(r, ATA_REG_COUNT), ATAPI_REASON_IO);
    len = rig_in(r, ATA_REG_LBA_MID) | (unsigned)rig_in(r, ATA_REG_LBA_HIGH) << 8;
    dm_space_read_block(&r->f.machine.io, r->port, 2, buf, (len + 1) / 2);
    return len;
}

/* A CD drive as secondary master, its unit attention taken. */
static void rig_cd(struct rig *r)
{
    rig_init(r, "piix3-ide");
    r->disk = fake_block_create(&r->f, "hdc", BLOCKS * 2048);
    r->disk->block.readonly = true;
    for (unsigned i = 0; i < BLOCKS * 2048; i++)
        r->disk->data[i] = rig_pattern(i);
    r->drive = fake_device(&r->f, "ide-cd", "drive=hdc,bus=ide.1,unit=0,id=ide-5632");
    r->port = 0x170;
    r->control = 0x376;
    r->bm = RIG_BM + 8;
    r->irq = 15;
}

static void rig_cd_ready(struct rig *r)
{
    rig_cd(r);
    packet(r, test_unit_ready, 0, 0);
    check(r, 0x60); /* unit attention */
}

static void read_10(uint8_t p[12], uint32_t lba, uint16_t count)
{
    memset(p, 0, 12);
    p[0] = 0x28;
    dm_put_be(p + 2, 4, lba);
    dm_put_be(p + 7, 2, count);
}

static void test_signature(void **state)
{
    static const uint8_t disks_only[] = { 0xec, 0x20, 0xc8, 0xca, 0x25, 0xb0, 0xe7, 0x91, 0x00 };
    uint8_t id[512];
    struct rig r;

    rig_cd(&r);
    assert_int_equal(rig_altstatus(&r), 0); /* not ready before its first command */
    assert_int_equal(rig_in(&r, ATA_REG_LBA_MID), 0x14);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_HIGH), 0xeb);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), 1);
    for (unsigned i = 0; i < DM_ARRAY_LEN(disks_only); i++) {
        rig_command(&r, 0, disks_only[i], 0, 1);
        assert_int_equal(rig_interrupt(&r), FAILED);
        assert_int_equal(rig_in(&r, ATA_REG_FEATURES), ATA_ERROR_ABRT);
        if (i < 2) { /* IDENTIFY DEVICE and READ SECTORS say what it is */
            assert_int_equal(rig_in(&r, ATA_REG_COUNT), 1);
            assert_int_equal(rig_in(&r, ATA_REG_LBA_LOW), 1);
            assert_int_equal(rig_in(&r, ATA_REG_LBA_MID), 0x14);
            assert_int_equal(rig_in(&r, ATA_REG_LBA_HIGH), 0xeb);
        }
    }
    rig_command(&r, 0, 0xa1, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    rig_read_data(&r, id, 512);
    assert_int_equal(dm_get_le(id, 2), 0x85c0);
    assert_memory_equal(id + 20, "MQ0000 3", 8);
    assert_int_equal(dm_get_le(id + 2 * 88, 2), 0x003f);
    rig_features(&r, 0, ATA_SF_TRANSFER_MODE, 0x42);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_command(&r, 0, 0xa1, 0, 0);
    rig_read_data(&r, id, 512);
    assert_int_equal(dm_get_le(id + 2 * 88, 2), 0x043f);
    rig_features(&r, 0, ATA_SF_WRITE_CACHE_OFF, 0);
    assert_int_equal(rig_interrupt(&r), FAILED);
    rig_roundtrip(&r);
    fake_finish(&r.f);
}

static void test_sense(void **state)
{
    uint8_t buf[64];
    struct rig r;

    rig_cd_ready(&r);
    packet(&r, request_sense, 0, 64);
    assert_int_equal(block_in(&r, buf), 18);
    good(&r);
    assert_int_equal(buf[2], 6);
    assert_int_equal(buf[12], 0x29);
    packet(&r, test_unit_ready, 0, 0);
    good(&r);
    memset(buf, 0xff, 12); /* no such command */
    packet(&r, buf, 0, 0);
    check(&r, 0x54);
    fake_finish(&r.f);
}

/* Replies in pieces of the guest's limit; an odd end; no limit. */
static void test_reply_pieces(void **state)
{
    static const uint8_t odd[12] = { 0x12, 0, 0, 0, 7 };
    uint8_t whole[64], piece[64], buf[64];
    unsigned sum = 0;
    struct rig r;

    rig_cd_ready(&r);
    packet(&r, inquiry, 0, 0xffff);
    assert_int_equal(block_in(&r, whole), 36);
    good(&r);
    packet(&r, inquiry, 0, 11); /* odd: 10 a block */
    for (unsigned len = 0; sum < 36; sum += len) {
        len = block_in(&r, piece);
        assert_int_equal(len, sum == 30 ? 6 : 10);
        memcpy(buf + sum, piece, len);
        rig_roundtrip(&r);
    }
    good(&r);
    assert_memory_equal(buf, whole, 36);
    packet(&r, odd, 0, 64);
    assert_int_equal(block_in(&r, buf), 7);
    assert_memory_equal(buf, whole, 7);
    assert_int_equal(buf[7], 0);
    good(&r);
    packet(&r, odd, 0, 64); /* by dwords */
    rig_interrupt(&r);
    assert_int_equal(fake_in(&r.f, r.port, 4), dm_get_le(whole, 4));
    assert_int_equal(fake_in(&r.f, r.port, 4), dm_get_le(whole + 4, 3));
    good(&r);
    packet(&r, inquiry, 0, 0);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), ATA_ERROR_ABRT);
    fake_finish(&r.f);
}

static void test_overlap_refused(void **state)
{
    struct rig r;

    rig_cd_ready(&r);
    rig_out(&r, ATA_REG_FEATURES, 2);
    rig_command(&r, 0, 0xa0, 0, 0);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), ATA_ERROR_ABRT);
    fake_finish(&r.f);
}

static void test_media_pio(void **state)
{
    static const uint16_t limits[] = { 2048, 512, 0xfffe, 3000 };
    uint8_t buf[10 * 2048 + 16384], p[12];
    struct rig r;

    rig_cd_ready(&r);
    for (unsigned i = 0; i < DM_ARRAY_LEN(limits); i++) {
        unsigned sum = 0;

        read_10(p, 3, 10);
        packet(&r, p, 0, limits[i]);
        while (sum < 10 * 2048) {
            unsigned len = block_in(&r, buf + sum);

            assert_in_range(len, 1, limits[i]);
            if (i == 0)
                assert_int_equal(len, 2048); /* SeaBIOS counts on it */
            if (i == 1)
                rig_roundtrip(&r);
            sum += len;
        }
        assert_int_equal(sum, 10 * 2048);
        good(&r);
        rig_expect_buf(buf, 3 * 4, sum);
    }
    fake_finish(&r.f);
}

static void test_media_dma(void **state)
{
    uint8_t p[12];
    struct rig r;

    rig_cd_ready(&r);
    rig_prd(&r, 0, RIG_DATA, 1000, false);
    rig_prd(&r, 1, RIG_DATA + 1000, 8 * 2048 - 1000, true);
    read_10(p, 5, 8);
    packet(&r, p, 1, 0);
    rig_roundtrip(&r);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
    good(&r);
    rig_expect(&r, RIG_DATA, 20, 8 * 2048);
    assert_int_equal(r.disk->reads, 1); /* straight to the pages */
    rig_bm_stop(&r);

    /* The bus master started first, the medium later. */
    r.disk->deferred = true;
    rig_prd(&r, 0, RIG_DATA, 2048, true);
    rig_bm_start(&r, true);
    read_10(p, 39, 1);
    packet(&r, p, 1, 0);
    assert_true(rig_altstatus(&r) & ATA_STATUS_BSY);
    assert_true(fake_block_step(r.disk));
    good(&r);
    rig_expect(&r, RIG_DATA, 39 * 4, 2048);
    rig_bm_stop(&r);
    r.disk->deferred = false;

    /* The table ends within a block: what waits then can be saved, and goes on. */
    rig_prd(&r, 0, RIG_DATA, 512, true);
    read_10(p, 5, 2);
    packet(&r, p, 1, 0);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), 0);
    rig_roundtrip(&r);
    rig_bm_stop(&r);
    rig_prd(&r, 0, RIG_DATA + 512, 2 * 2048 - 512, true);
    rig_bm_start(&r, true);
    good(&r);
    rig_expect(&r, RIG_DATA, 20, 2 * 2048);
    rig_bm_stop(&r);

    /* A reply by DMA; the table is larger. */
    rig_prd(&r, 0, RIG_DATA, 3, false);
    rig_prd(&r, 1, RIG_DATA + 2, 100, true);
    packet(&r, inquiry, 1, 0);
    rig_bm_start(&r, true);
    good(&r);
    assert_int_equal(r.f.ram[RIG_DATA], 5);
    assert_int_equal(r.f.ram[RIG_DATA + 4], 31);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT | BM_STATUS_ACTIVE);
    rig_bm_stop(&r);

    /* Nobody there. */
    rig_prd(&r, 0, FAKE_RAM_SIZE, 2048, true);
    packet(&r, p, 1, 0);
    rig_bm_start(&r, true);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT | BM_STATUS_ERROR);
    rig_bm_stop(&r);
    packet(&r, inquiry, 1, 0);
    rig_bm_start(&r, true);
    assert_int_equal(rig_interrupt(&r), FAILED);
    fake_finish(&r.f);
}

/* READ CD with all of the frame: 2352 bytes a block. */
static void test_frames(void **state)
{
    static const uint8_t p[12] = { 0xbe, 0, 0, 0, 0, 7, 0, 0, 3, 0xf8 };
    static uint8_t buf[3 * 2352 + 4096];
    static const uint8_t sync[12] = { 0,    0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    struct rig r;

    rig_cd_ready(&r);
    for (unsigned dma = 0; dma < 2; dma++) {
        unsigned sum = 0;

        packet(&r, p, (uint8_t)dma, dma ? 0 : 2352);
        if (dma) {
            rig_prd(&r, 0, RIG_DATA, 3000, false);
            rig_prd(&r, 1, RIG_DATA + 3000, 3 * 2352 - 3000, true);
            rig_roundtrip(&r);
            rig_bm_start(&r, true);
            assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
            memcpy(buf, r.f.ram + RIG_DATA, 3 * 2352);
        }
        while (!dma && sum < 3 * 2352) {
            sum += block_in(&r, buf + sum);
            rig_roundtrip(&r);
        }
        good(&r);
        for (unsigned i = 0; i < 3; i++) {
            assert_memory_equal(buf + 2352 * i, sync, 12);
            assert_int_equal(buf[2352 * i + 13], 2); /* second; block 0 is 00:02:00 */
            assert_int_equal(buf[2352 * i + 14], 7 + i);
            rig_expect_buf(buf + 2352 * i + 16, (7 + i) * 4, 2048);
        }
        memset(buf, 0, sizeof(buf));
    }
    fake_finish(&r.f);
}

static void test_parameters(void **state)
{
    /* MODE SELECT(10) of page 1, recovery 1, 5 retries: header 8, page 12 */
    static const uint8_t p[12] = { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 20 };
    uint8_t list[20] = { [8] = 0x01, 0x0a, 0x01, 0x05 };
    static const uint8_t sense[12] = { 0x5a, 0, 0x01, 0, 0, 0, 0, 0, 20 };
    uint8_t buf[32];
    struct rig r;

    rig_cd_ready(&r);
    packet(&r, p, 0, 12); /* in two blocks */
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    assert_int_equal(rig_in(&r, ATA_REG_COUNT), 0);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_MID), 12);
    rig_write_data(&r, list, 12);
    rig_roundtrip(&r);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_MID), 8);
    rig_write_data(&r, list + 12, 8);
    good(&r);
    packet(&r, sense, 0, 64);
    assert_int_equal(block_in(&r, buf), 20);
    assert_int_equal(buf[11], 5);
    good(&r);

    list[11] = 9;
    memcpy(r.f.ram + RIG_DATA, list, 20);
    rig_prd(&r, 0, RIG_DATA, 20, true);
    packet(&r, p, 1, 0);
    rig_bm_start(&r, false);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
    good(&r);
    packet(&r, sense, 0, 64);
    block_in(&r, buf);
    good(&r);
    assert_int_equal(buf[11], 9);
    list[8] = 0x3e; /* no such page */
    packet(&r, p, 0, 64);
    rig_interrupt(&r);
    rig_write_data(&r, list, 20);
    check(&r, 0x54);
    fake_finish(&r.f);
}

static void test_media_errors(void **state)
{
    uint8_t p[12], buf[32];
    struct rig r;

    rig_cd_ready(&r);
    read_10(p, BLOCKS - 1, 2);
    packet(&r, p, 0, 2048);
    check(&r, 0x54);
    r.disk->fail = -EIO;
    read_10(p, 0, 1);
    packet(&r, p, 0, 2048);
    check(&r, 0x30);
    assert_non_null(strstr(r.f.log, "Input/output error"));
    rig_prd(&r, 0, RIG_DATA, 2048, true);
    packet(&r, p, 1, 0);
    rig_bm_start(&r, true);
    check(&r, 0x30);
    rig_bm_stop(&r);
    packet(&r, request_sense, 0, 64);
    block_in(&r, buf);
    good(&r);
    assert_int_equal(buf[2], 3);
    r.disk->fail = 0;
    r.disk->block.present = false;
    packet(&r, p, 0, 2048);
    check(&r, 0x20);
    assert_int_equal(r.f.mapped, 0);
    fake_finish(&r.f);
}

/* DEVICE RESET gets through whatever goes on. */
static void test_device_reset(void **state)
{
    uint8_t p[12];
    struct rig r;

    rig_cd_ready(&r);
    read_10(p, 0, 4);
    packet(&r, p, 0, 2048);
    rig_out(&r, ATA_REG_COMMAND, 0x08); /* in a data phase */
    assert_int_equal(rig_altstatus(&r), 0);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_HIGH), 0xeb);
    assert_false(r.f.isa[15]);
    packet(&r, test_unit_ready, 0, 0);
    check(&r, 0x60);
    r.disk->deferred = true;
    packet(&r, p, 0, 2048);
    assert_true(rig_altstatus(&r) & ATA_STATUS_BSY);
    rig_out(&r, ATA_REG_COMMAND, 0x08);
    assert_int_equal(rig_altstatus(&r), ATA_STATUS_BSY); /* the read is still under way */
    assert_true(fake_block_step(r.disk));
    assert_int_equal(rig_altstatus(&r), 0);
    assert_false(r.f.isa[15]);
    fake_out(&r.f, r.control, 1, ATA_CONTROL_SRST);
    fake_out(&r.f, r.control, 1, 0);
    assert_int_equal(rig_altstatus(&r), 0);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_MID), 0x14);
    dm_machine_unplug(&r.f.machine, DM_UNPLUG_IDE_DISKS); /* not CD drives */
    assert_int_equal(rig_in(&r, ATA_REG_LBA_MID), 0x14);
    fake_finish(&r.f);
}

UNIT_MAIN(cmocka_unit_test(test_signature), cmocka_unit_test(test_sense),
          cmocka_unit_test(test_reply_pieces), cmocka_unit_test(test_overlap_refused),
          cmocka_unit_test(test_media_pio), cmocka_unit_test(test_media_dma),
          cmocka_unit_test(test_frames), cmocka_unit_test(test_parameters),
          cmocka_unit_test(test_media_errors), cmocka_unit_test(test_device_reset))
