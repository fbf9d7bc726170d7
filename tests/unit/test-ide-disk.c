/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk's data: PIO, MULTIPLE, DMA, addresses, errors. */
#include "tests/unit/ide-rig.h"

#include <errno.h>
#include <stdlib.h>

#define READY  (ATA_STATUS_DRDY | ATA_STATUS_DSC)
#define FAILED (READY | ATA_STATUS_ERR)

static void test_power_on(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), 1);
    assert_int_equal(rig_in(&r, ATA_REG_COUNT), 1);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_LOW), 1);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_MID), 0);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_HIGH), 0);
    assert_int_equal(rig_in(&r, ATA_REG_DEVICE), 0xa0);
    assert_int_equal(rig_altstatus(&r), READY);
    assert_false(r.f.isa[14]);
    assert_int_equal(fake_config_in(&r.f, RIG_FN, 0, 4), 0x70108086);
    assert_int_equal(fake_config_in(&r.f, RIG_FN, PCI_CLASS_PROG, 4) & 0xffffff, 0x010180);
    assert_int_equal(fake_config_in(&r.f, RIG_FN, PIIX_IDETIM0, 4), 0);
    fake_config_out(&r.f, RIG_FN, PIIX_IDETIM0, 2, 0x8000);
    assert_int_equal(fake_config_in(&r.f, RIG_FN, PIIX_IDETIM0, 4), 0x8000);
    fake_config_out(&r.f, RIG_FN, PIIX_UDMACTL, 1, 0x0f);
    assert_int_equal(fake_config_in(&r.f, RIG_FN, PIIX_UDMACTL, 1), 0);
    rig_roundtrip(&r);
    fake_finish(&r.f);
}

static void test_piix4(void **state)
{
    struct rig r;

    rig_init(&r, "piix4-ide");
    assert_int_equal(fake_config_in(&r.f, RIG_FN, 0, 4), 0x71118086);
    fake_config_out(&r.f, RIG_FN, PIIX_UDMACTL, 4, 0xffffffff);
    assert_int_equal(fake_config_in(&r.f, RIG_FN, PIIX_UDMACTL, 4), 0x3333000f);
    fake_finish(&r.f);
}

static void test_pio_read(void **state)
{
    uint8_t buf[3 * 512];
    struct rig r;

    rig_disk(&r, 64);
    rig_command(&r, 0, 0x20, 5, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
        rig_read_data(&r, buf + 512 * i, 512);
    }
    assert_false(r.f.isa[14]); /* none after the last block */
    assert_int_equal(rig_in(&r, ATA_REG_COMMAND), READY);
    rig_expect_buf(buf, 5, sizeof(buf));
    assert_int_equal(r.f.isa_rises[14], 3);
    assert_int_equal(fake_in(&r.f, 0x1f0, 2), 0xffff); /* no data is left */
    fake_finish(&r.f);
}

static void test_pio_read_single_accesses(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    rig_command(&r, 0, 0x20, 1, 1);
    assert_int_equal(fake_in(&r.f, 0x1f0, 1), rig_pattern(512)); /* takes the whole word */
    for (unsigned i = 2; i < 512; i += i == 2 ? 2 : 4) {
        unsigned size = i == 2 ? 2 : 4;
        uint32_t val = fake_in(&r.f, 0x1f0, size), want = 0;

        for (unsigned b = 0; b < size; b++)
            want |= (uint32_t)rig_pattern(512 + i + b) << (8 * b);
        assert_int_equal(val, want);
    }
    assert_int_equal(rig_altstatus(&r), READY);
    fake_finish(&r.f);
}

static void test_pio_write(void **state)
{
    uint8_t buf[2 * 512];
    struct rig r;

    rig_disk(&r, 64);
    memset(buf, 0x5a, sizeof(buf));
    rig_command(&r, 0, 0x30, 7, 2);
    assert_false(r.f.isa[14]); /* the first block has none */
    assert_int_equal(rig_altstatus(&r), READY | ATA_STATUS_DRQ);
    rig_write_data(&r, buf, 512);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    rig_write_data(&r, buf + 512, 512);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_memory_equal(r.disk->data + 7 * 512, buf, sizeof(buf));
    assert_int_equal(r.disk->data[9 * 512], rig_pattern(9 * 512));
    assert_int_equal(r.disk->flushes, 0);
    fake_finish(&r.f);
}

static void test_pio_is_cut_short(void **state)
{
    uint8_t buf[1024];
    struct rig r;

    rig_disk(&r, 64);
    rig_command(&r, 0, 0x20, 0, 2);
    rig_read_data(&r, buf, 100);
    rig_roundtrip(&r); /* in the middle of a block */
    rig_read_data(&r, buf + 100, 412);
    rig_read_data(&r, buf + 512, 512);
    rig_expect_buf(buf, 0, 1024);
    rig_command(&r, 0, 0x30, 3, 1);
    rig_write_data(&r, buf, 10);
    rig_roundtrip(&r);
    rig_write_data(&r, buf + 10, 502);
    assert_memory_equal(r.disk->data + 3 * 512, buf, 512);
    fake_finish(&r.f);
}

static void test_multiple(void **state)
{
    uint8_t buf[20 * 512];
    struct rig r;

    rig_disk(&r, 64);
    rig_command(&r, 0, 0xc6, 0, 8);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_command(&r, 0, 0xc4, 2, 20);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    rig_read_data(&r, buf, 8 * 512);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    rig_read_data(&r, buf + 8 * 512, 8 * 512);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    rig_read_data(&r, buf + 16 * 512, 4 * 512); /* the rest */
    assert_int_equal(rig_in(&r, ATA_REG_COMMAND), READY);
    rig_expect_buf(buf, 2, sizeof(buf));

    memset(buf, 0xa5, sizeof(buf));
    rig_command(&r, 0, 0xc5, 30, 9);
    rig_write_data(&r, buf, 8 * 512);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    rig_write_data(&r, buf, 512);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_memory_equal(r.disk->data + 30 * 512, buf, 9 * 512);
    assert_int_equal(r.disk->writes, 2);

    /* Sizes that are none; then turned off. */
    rig_command(&r, 0, 0xc6, 0, 3);
    assert_int_equal(rig_interrupt(&r), FAILED);
    rig_command(&r, 0, 0xc6, 0, 32);
    assert_int_equal(rig_interrupt(&r), FAILED);
    rig_command(&r, 0, 0xc6, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_command(&r, 0, 0xc4, 0, 1);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), ATA_ERROR_ABRT);
    fake_finish(&r.f);
}

static void test_dma_read(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    rig_prd(&r, 0, RIG_DATA, 700, false);
    rig_prd(&r, 1, RIG_DATA + 700, 8192 - 700, true);
    rig_command(&r, 0, 0xc8, 3, 16);
    assert_false(r.f.isa[14]);
    assert_true(rig_altstatus(&r) & ATA_STATUS_BSY);
    rig_roundtrip(&r); /* waits for the bus master */
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_expect(&r, RIG_DATA, 3, 8192);
    assert_int_equal(r.disk->reads, 1);
    assert_int_equal(r.f.dirty_bytes, 8192);
    rig_bm_stop(&r);
    assert_int_equal(rig_bm_status(&r), 0);
    fake_finish(&r.f);
}

static void test_dma_started_before_the_command(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    rig_prd(&r, 0, RIG_DATA, 512, true);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_ACTIVE);
    rig_command(&r, 0, 0xc8, 3, 1);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
    rig_expect(&r, RIG_DATA, 3, 512);
    fake_finish(&r.f);
}

static void test_dma_write(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    memset(r.f.ram + RIG_DATA, 0x77, 4096);
    rig_prd(&r, 0, RIG_DATA, 4096, true);
    rig_command(&r, 0, 0xca, 10, 8);
    rig_bm_start(&r, false);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_memory_equal(r.disk->data + 10 * 512, r.f.ram + RIG_DATA, 4096);
    assert_int_equal(r.f.dirty_bytes, 0);
    fake_finish(&r.f);
}

/* As Linux does it: requests wait, the interrupt comes later. */
static void test_dma_deferred(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    r.disk->deferred = true;
    rig_prd(&r, 0, RIG_DATA, 1024, true);
    rig_command48(&r, 0, 0x25, 4, 2);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_ACTIVE);
    assert_true(rig_altstatus(&r) & ATA_STATUS_BSY);
    assert_true(fake_block_step(r.disk));
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_expect(&r, RIG_DATA, 4, 1024);
    fake_finish(&r.f);
}

/* More pieces than a list holds, and 48-bit counts: several requests, one command. */
static void test_dma_long(void **state)
{
    enum { SECTORS = 3000 };
    struct rig r;
    unsigned n = 0;

    rig_disk(&r, SECTORS + 100);
    r.f.map_chunk = 4096;
    for (uint32_t at = 0; at < SECTORS * 512; at += 65536, n++)
        rig_prd(&r, n, RIG_DATA + at, SECTORS * 512 - at < 65536 ? SECTORS * 512 - at : 65536,
                at + 65536 >= SECTORS * 512);
    rig_command48(&r, 0, 0x25, 77, SECTORS);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_expect(&r, RIG_DATA, 77, SECTORS * 512);
    assert_int_equal(r.disk->reads, 2); /* 375 pages, 256 a list */
    fake_finish(&r.f);
}

/* Pieces so small that a list ends inside a sector. */
static void test_dma_tiny_pieces(void **state)
{
    struct rig r;
    unsigned n = 0;

    rig_disk(&r, 64);
    for (uint32_t at = 0; at < 8 * 512; at += 6, n++)
        rig_prd(&r, n, RIG_DATA + at, 8 * 512 - at < 6 ? 8 * 512 - at : 6, at + 6 >= 8 * 512);
    rig_command(&r, 0, 0xc8, 9, 8);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
    rig_expect(&r, RIG_DATA, 9, 8 * 512);
    assert_true(r.disk->reads >= 3);
    fake_finish(&r.f);
}

static void test_chs_and_limits(void **state)
{
    uint8_t buf[512];
    struct rig r;

    rig_disk(&r, 2 * 16 * 63 + 5);
    rig_out(&r, ATA_REG_DEVICE, 0xa0 | 3); /* head 3 */
    rig_out(&r, ATA_REG_COUNT, 1);
    rig_out(&r, ATA_REG_LBA_LOW, 7);
    rig_out(&r, ATA_REG_LBA_MID, 1);
    rig_out(&r, ATA_REG_LBA_HIGH, 0);
    rig_out(&r, ATA_REG_COMMAND, 0x20);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    rig_read_data(&r, buf, 512);
    rig_expect_buf(buf, (1 * 16 + 3) * 63 + 6, 512);

    /* Another translation: 4 heads, 10 sectors. */
    rig_out(&r, ATA_REG_DEVICE, 0xa0 | 3);
    rig_out(&r, ATA_REG_COUNT, 10);
    rig_out(&r, ATA_REG_COMMAND, 0x91);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_out(&r, ATA_REG_DEVICE, 0xa0 | 2);
    rig_out(&r, ATA_REG_COUNT, 1);
    rig_out(&r, ATA_REG_LBA_LOW, 10);
    rig_out(&r, ATA_REG_COMMAND, 0x20);
    rig_read_data(&r, buf, 512);
    rig_expect_buf(buf, (1 * 4 + 2) * 10 + 9, 512);
    /* Sector 0, sector 11 and head 4 are none. */
    for (unsigned i = 0; i < 3; i++) {
        rig_out(&r, ATA_REG_DEVICE, i == 2 ? 0xa4 : 0xa0);
        rig_out(&r, ATA_REG_LBA_LOW, i == 0 ? 0 : i == 1 ? 11 : 1);
        rig_out(&r, ATA_REG_COMMAND, 0x20);
        assert_int_equal(rig_interrupt(&r), FAILED);
        assert_int_equal(rig_in(&r, ATA_REG_FEATURES), ATA_ERROR_IDNF);
    }
    rig_out(&r, ATA_REG_COUNT, 0);
    rig_out(&r, ATA_REG_COMMAND, 0x91);
    assert_int_equal(rig_interrupt(&r), FAILED);

    /* The last sector is there, the next is not. */
    rig_command(&r, 0, 0x20, 2 * 16 * 63 + 4, 1);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    rig_read_data(&r, buf, 512);
    rig_command(&r, 0, 0xc8, 2 * 16 * 63 + 4, 2);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), ATA_ERROR_IDNF);
    rig_command48(&r, 0, 0x35, 0xffffffffffff, 0xffff);
    assert_int_equal(rig_interrupt(&r), FAILED);
    rig_command(&r, 0, 0x40, 2 * 16 * 63, 5);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_command(&r, 0, 0x40, 2 * 16 * 63, 6);
    assert_int_equal(rig_interrupt(&r), FAILED);
    rig_command(&r, 0, 0x70, 2 * 16 * 63 + 4, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_command(&r, 0, 0x77, 2 * 16 * 63 + 5, 0);
    assert_int_equal(rig_interrupt(&r), FAILED);
    /* Count 0 is 256 sectors. */
    rig_command(&r, 0, 0x40, 2 * 16 * 63 + 5 - 256, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_command(&r, 0, 0x40, 2 * 16 * 63 + 5 - 255, 0);
    assert_int_equal(rig_interrupt(&r), FAILED);
    rig_command48(&r, 0, 0x42, 0, 0); /* 65536: more than there is */
    assert_int_equal(rig_interrupt(&r), FAILED);
    rig_roundtrip(&r);
    fake_finish(&r.f);
}

static unsigned rig_log_lines(struct rig *r)
{
    unsigned n = 0;

    for (size_t i = 0; i < r->f.log_len; i++)
        n += r->f.log[i] == '\n';
    return n;
}

static void test_image_errors(void **state)
{
    uint8_t buf[512] = { 0 };
    struct rig r;

    rig_disk(&r, 64);
    rig_prd(&r, 0, RIG_DATA, 1024, true);
    r.disk->fail = -EIO;
    rig_command(&r, 0, 0xc8, 0x21, 2);
    rig_bm_start(&r, true);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), ATA_ERROR_UNC);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_LOW), 0x21);
    assert_int_equal(rig_log_lines(&r), 1);
    rig_bm_stop(&r);
    rig_command(&r, 0, 0x20, 0x22, 1);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_log_lines(&r), 1); /* said once */

    r.disk->fail = -ENOSPC;
    rig_command(&r, 0, 0xca, 0x22, 2);
    rig_bm_start(&r, false);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), ATA_ERROR_ABRT);
    assert_int_equal(rig_bm_status(&r) & BM_STATUS_INT, BM_STATUS_INT);
    assert_int_equal(rig_log_lines(&r), 2);
    rig_command(&r, 0, 0x30, 0x23, 2);
    rig_write_data(&r, buf, 512);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_LOW), 0x23);
    assert_int_equal(rig_log_lines(&r), 2);
    rig_command(&r, 0, 0xe7, 0, 0);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_log_lines(&r), 3);
    r.disk->fail = 0;
    rig_command(&r, 0, 0xea, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_int_equal(r.disk->flushes, 1);
    fake_finish(&r.f);
}

/* Read ahead of the guest failed: it still gets what is good. */
static void test_read_ahead_error(void **state)
{
    uint8_t buf[512];
    struct rig r;

    rig_disk(&r, 64);
    r.disk->deferred = true;
    r.disk->fail = -EIO;
    rig_command(&r, 0, 0x20, 0, 4);
    assert_true(fake_block_step(r.disk)); /* 4 sectors at once */
    r.disk->fail = 0;
    assert_true(fake_block_step(r.disk)); /* then one */
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    rig_read_data(&r, buf, 512);
    rig_expect_buf(buf, 0, 512);
    r.disk->fail = -EIO;
    assert_true(fake_block_step(r.disk));
    assert_true(fake_block_step(r.disk));
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_LOW), 1);
    assert_false(fake_block_step(r.disk));
    fake_finish(&r.f);
}

static void test_write_cache_off(void **state)
{
    uint8_t buf[512] = { 1 };
    struct rig r;

    rig_disk(&r, 64);
    rig_features(&r, 0, ATA_SF_WRITE_CACHE_OFF, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_int_equal(r.disk->flushes, 1);
    rig_command(&r, 0, 0x30, 0, 1);
    rig_write_data(&r, buf, 512);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_int_equal(r.disk->flushes, 2);
    rig_features(&r, 0, ATA_SF_WRITE_CACHE_ON, 0);
    rig_command(&r, 0, 0x30, 0, 1);
    rig_write_data(&r, buf, 512);
    assert_int_equal(r.disk->flushes, 2);
    rig_prd(&r, 0, RIG_DATA, 512, true);
    rig_command48(&r, 0, 0x3d, 1, 1); /* FUA */
    rig_bm_start(&r, false);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_int_equal(r.disk->flushes, 3);
    fake_finish(&r.f);
}

static void test_trim(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    dm_put_le(r.f.ram + RIG_DATA, 8, 5 | 3ull << 48);
    dm_put_le(r.f.ram + RIG_DATA + 16, 8, 60 | 4ull << 48);
    rig_prd(&r, 0, RIG_DATA, 512, true);
    rig_out(&r, ATA_REG_FEATURES, 0);
    rig_out(&r, ATA_REG_FEATURES, 1);
    rig_command48(&r, 0, 0x06, 0, 1);
    rig_bm_start(&r, false);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_int_equal(r.disk->discards, 2);
    assert_int_equal(r.disk->data[5 * 512], 0);
    assert_int_equal(r.disk->data[8 * 512 - 1], 0);
    assert_int_equal(r.disk->data[8 * 512], rig_pattern(8 * 512));
    assert_int_equal(r.disk->data[63 * 512 + 5], 0);

    /* Beyond the end: nothing is discarded. */
    dm_put_le(r.f.ram + RIG_DATA, 8, 10 | 1ull << 48);
    dm_put_le(r.f.ram + RIG_DATA + 16, 8, 61 | 4ull << 48);
    rig_command48(&r, 0, 0x06, 0, 1);
    rig_bm_start(&r, false);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(r.disk->discards, 2);
    for (unsigned n = 0; n < 10; n += 9) { /* no blocks, too many blocks */
        rig_command48(&r, 0, 0x06, 0, (uint16_t)n);
        assert_int_equal(rig_interrupt(&r), FAILED);
    }
    rig_out(&r, ATA_REG_FEATURES, 0); /* not TRIM */
    rig_command48(&r, 0, 0x06, 0, 1);
    assert_int_equal(rig_interrupt(&r), FAILED);
    r.disk->block.discard = false;
    rig_out(&r, ATA_REG_FEATURES, 1);
    rig_command48(&r, 0, 0x06, 0, 1);
    assert_int_equal(rig_interrupt(&r), FAILED);
    fake_finish(&r.f);
}

UNIT_MAIN(cmocka_unit_test(test_power_on), cmocka_unit_test(test_piix4),
          cmocka_unit_test(test_pio_read), cmocka_unit_test(test_pio_read_single_accesses),
          cmocka_unit_test(test_pio_write), cmocka_unit_test(test_pio_is_cut_short),
          cmocka_unit_test(test_multiple), cmocka_unit_test(test_dma_read),
          cmocka_unit_test(test_dma_started_before_the_command), cmocka_unit_test(test_dma_write),
          cmocka_unit_test(test_dma_deferred), cmocka_unit_test(test_dma_long),
          cmocka_unit_test(test_dma_tiny_pieces), cmocka_unit_test(test_chs_and_limits),
          cmocka_unit_test(test_image_errors), cmocka_unit_test(test_read_ahead_error),
          cmocka_unit_test(test_write_cache_off), cmocka_unit_test(test_trim))
