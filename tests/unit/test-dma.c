/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

static const struct dm_class *const none[] = { NULL };

static void test_trim(void **state)
{
    struct dm_sg sg;
    struct fake f;

    fake_init(&f, none);
    f.map_chunk = 256;
    dm_sg_init(&sg, &f.machine.ram);
    assert_int_equal(dm_sg_add(&sg, &f.machine.ram, 0x1000, 1000), 1000);
    assert_int_equal(sg.n, 4);
    dm_sg_trim(&sg, 2000); /* longer than it is: nothing to do */
    assert_int_equal(sg.len, 1000);
    dm_sg_trim(&sg, 512); /* at a seam */
    assert_int_equal(sg.n, 2);
    assert_int_equal(f.mapped, 2);
    dm_sg_trim(&sg, 300); /* inside a piece */
    assert_int_equal(sg.n, 2);
    assert_int_equal(sg.iov[1].len, 44);
    assert_int_equal(sg.len, 300);
    dm_sg_release(&sg, 300);
    assert_int_equal(f.dirty_bytes, 300);
    dm_sg_trim(&sg, 0);
    assert_int_equal(f.mapped, 0);
    fake_finish(&f);
}

static void test_copy(void **state)
{
    uint8_t buf[0x3000];
    struct fake f;

    fake_init(&f, none);
    for (unsigned i = 0; i < 0x4000; i++)
        f.ram[i] = (uint8_t)(i * 7);
    f.map_chunk = 512; /* many mappings, none left behind: fake_finish looks */
    assert_true(dm_dma_read(&f.machine.ram, 0x123, buf, sizeof(buf)));
    assert_memory_equal(buf, f.ram + 0x123, sizeof(buf));
    memset(buf, 0x5a, sizeof(buf));
    assert_true(dm_dma_write(&f.machine.ram, 0x10001, buf, sizeof(buf)));
    assert_int_equal(f.ram[0x10000], 0);
    assert_memory_equal(f.ram + 0x10001, buf, sizeof(buf));
    assert_int_equal(f.ram[0x13001], 0);
    assert_int_equal(f.dirty_bytes, sizeof(buf));
    assert_true(dm_dma_read(&f.machine.ram, UINT64_MAX, buf, 0));
    fake_finish(&f);
}

static void test_holes(void **state)
{
    uint8_t buf[0x3000];
    struct fake f;

    fake_init(&f, none);
    memset(f.ram, 0x11, 0x10000);
    f.hole_first = 0x2000;
    f.hole_last = 0x2fff;
    /* The part that is no RAM reads as ones, the rest is there. */
    assert_false(dm_dma_read(&f.machine.ram, 0x1800, buf, sizeof(buf)));
    assert_int_equal(buf[0x7ff], 0x11);
    assert_int_equal(buf[0x800], 0xff);
    assert_int_equal(buf[0x17ff], 0xff);
    assert_int_equal(buf[0x1800], 0x11);
    memset(buf, 0x22, sizeof(buf));
    assert_false(dm_dma_write(&f.machine.ram, 0x1800, buf, sizeof(buf)));
    assert_int_equal(f.ram[0x1fff], 0x22);
    assert_int_equal(f.ram[0x2000], 0x11);
    assert_int_equal(f.ram[0x2fff], 0x11);
    assert_int_equal(f.ram[0x3000], 0x22);
    assert_int_equal(f.dirty_bytes, 0x2000);
    /* Beyond the end of RAM, and of everything: no way round to address 0. */
    assert_false(dm_dma_read(&f.machine.ram, FAKE_RAM_SIZE - 4, buf, 8));
    assert_int_equal(buf[3], 0);
    assert_int_equal(buf[4], 0xff);
    assert_false(dm_dma_read(&f.machine.ram, UINT64_MAX - 3, buf, 16));
    assert_int_equal(buf[4], 0xff);
    assert_int_equal(buf[15], 0xff);
    memset(buf, 0, 16);
    assert_false(dm_dma_write(&f.machine.ram, UINT64_MAX - 3, buf, 16));
    assert_int_equal(f.ram[0], 0x11);
    fake_finish(&f);
}

static void test_bus_master_off(void **state)
{
    struct dm_dma dma;
    uint32_t v = 5;
    struct dm_sg sg;
    struct fake f;

    fake_init(&f, none);
    dma = (struct dm_dma) { .hv = &f.hv, .enabled = false };
    assert_false(dm_dma_read(&dma, 0, &v, 4));
    assert_int_equal(v, 0xffffffff);
    assert_false(dm_dma_write(&dma, 0, &v, 4));
    assert_int_equal(f.ram[0], 0);
    dm_sg_init(&sg, &dma);
    assert_int_equal(dm_sg_add(&sg, &dma, 0, 4096), 0);
    assert_int_equal(sg.n, 0);
    fake_finish(&f);
}

static void test_sg(void **state)
{
    struct dm_dma *ram;
    uint8_t buf[600];
    struct dm_sg sg;
    struct fake f;

    fake_init(&f, none);
    ram = &f.machine.ram;
    f.map_chunk = 256;
    dm_sg_init(&sg, ram);
    assert_int_equal(dm_sg_add(&sg, ram, 0x1080, 300), 300);
    assert_int_equal(dm_sg_add(&sg, ram, 0x5000, 100), 100);
    assert_int_equal(sg.n, 3);
    assert_int_equal(sg.len, 400);
    assert_int_equal(f.mapped, 3);
    for (unsigned i = 0; i < sizeof(buf); i++)
        buf[i] = (uint8_t)(i + 1);
    assert_int_equal(dm_sg_write(&sg, 100, buf, 250), 250);
    assert_int_equal(f.ram[0x1080 + 99], 0);
    assert_memory_equal(f.ram + 0x1080 + 100, buf, 200);
    assert_memory_equal(f.ram + 0x5000, buf + 200, 50);
    assert_int_equal(f.ram[0x5000 + 50], 0);
    memset(buf, 0, sizeof(buf));
    assert_int_equal(dm_sg_read(&sg, 299, buf, sizeof(buf)), 101);
    assert_int_equal(buf[0], 200);
    assert_int_equal(buf[1], 201);
    assert_int_equal(dm_sg_read(&sg, 400, buf, 1), 0);
    assert_int_equal(dm_sg_write(&sg, SIZE_MAX, buf, 1), 0);
    dm_sg_release(&sg, 350);
    assert_int_equal(f.dirty_bytes, 350);
    assert_int_equal(f.mapped, 0);
    assert_int_equal(sg.len, 0);
    dm_sg_release(&sg, 5); /* an empty one is fine */
    fake_finish(&f);
}

static void test_sg_limits(void **state)
{
    struct dm_dma *ram;
    struct dm_sg sg;
    struct fake f;

    fake_init(&f, none);
    ram = &f.machine.ram;
    dm_sg_init(&sg, ram);
    assert_int_equal(dm_sg_add(&sg, ram, 0, 0), 0);
    assert_int_equal(dm_sg_add(&sg, ram, UINT64_MAX - 10, 100), 0);
    assert_int_equal(dm_sg_add(&sg, ram, FAKE_RAM_SIZE - 16, 100), 16);
    f.hole_first = 0x2000;
    f.hole_last = 0x2fff;
    assert_int_equal(dm_sg_add(&sg, ram, 0x1000, 0x4000), 0x1000);
    assert_int_equal(dm_sg_add(&sg, ram, 0x2000, 0x10), 0);
    assert_int_equal(sg.n, 2);
    dm_sg_release(&sg, 0);
    assert_int_equal(f.dirty_bytes, 0);
    /* Full: what fits is what it says. */
    f.map_chunk = 16;
    assert_int_equal(dm_sg_add(&sg, ram, 0x10000, 0x10000), 16 * DM_SG_MAX);
    assert_int_equal(dm_sg_add(&sg, ram, 0x10000, 1), 0);
    assert_int_equal(f.mapped, DM_SG_MAX);
    dm_sg_release(&sg, sg.len);
    fake_finish(&f);
}

UNIT_MAIN(cmocka_unit_test(test_copy), cmocka_unit_test(test_holes),
          cmocka_unit_test(test_bus_master_off), cmocka_unit_test(test_sg),
          cmocka_unit_test(test_sg_limits), cmocka_unit_test(test_trim))
