/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CMOS memory and the debug ports. */
#include "tests/unit/unit.h"

#include "firmware/classes.h"

#include <stdio.h>

static uint8_t cmos_get(struct fake *f, uint8_t reg)
{
    fake_out(f, 0x70, 1, reg);
    return (uint8_t)fake_in(f, 0x71, 1);
}

static void cmos_put(struct fake *f, uint8_t reg, uint8_t val)
{
    fake_out(f, 0x70, 1, reg);
    fake_out(f, 0x71, 1, val);
}

static void test_cmos_reset_values(void **state)
{
    struct fake f;

    fake_init(&f, firmware_classes);
    f.machine.vcpus = 4;
    fake_device(&f, "cmos", "");
    assert_int_equal(fake_in(&f, 0x70, 1), 0xff);
    assert_int_equal(cmos_get(&f, 0x0f), 0);
    assert_int_equal(cmos_get(&f, 0x10), 0);
    assert_int_equal(cmos_get(&f, 0x14), 6);
    assert_int_equal(cmos_get(&f, 0x32), 0x20);
    assert_int_equal(cmos_get(&f, 0x37), 0x20);
    assert_int_equal(cmos_get(&f, 0x5f), 3);
    assert_int_equal(cmos_get(&f, 0x8f), 0); /* bit 7 is not the index */
    /* Xen's registers never come here; if they did, they would not be ours. */
    cmos_put(&f, 0x00, 0x12);
    assert_int_equal(cmos_get(&f, 0x00), 0xff);
    fake_finish(&f);
}

static void test_cmos_boot_order(void **state)
{
    static const struct {
        const char *order;
        uint8_t b12, b3;
    } tests[] = {
        { "c", 0x02, 0x00 },   { "dc", 0x23, 0x00 },     { "cda", 0x32, 0x10 },
        { "ndc", 0x34, 0x20 }, { "", 0x00, 0x00 },       { "xcyd", 0x32, 0x00 },
        { "a", 0x01, 0x00 },   { "ncdanc", 0x24, 0x30 },
    };

    for (unsigned i = 0; i < DM_ARRAY_LEN(tests); i++) {
        struct fake f;

        fake_init(&f, firmware_classes);
        snprintf(f.machine.boot_order, sizeof(f.machine.boot_order), "%s", tests[i].order);
        fake_device(&f, "cmos", "");
        assert_int_equal(cmos_get(&f, 0x3d), tests[i].b12);
        assert_int_equal(cmos_get(&f, 0x38), tests[i].b3);
        fake_finish(&f);
    }
}

static void test_cmos_memory(void **state)
{
    static const struct {
        uint64_t ram;
        uint16_t ext_kb, above_16m;
        uint32_t above_4g;
    } tests[] = {
        { 512 << 10, 0, 0, 0 },
        { 8 << 20, 7168, 0, 0 },
        { 256 << 20, 0xffff, 0xf00, 0 },
        { 0xf0000000, 0xffff, 0xef00, 0 },
        { 0x140000000, 0xffff, 0xef00, 0x5000 },
        { UINT64_MAX, 0xffff, 0xef00, 0xffffff },
    };

    for (unsigned i = 0; i < DM_ARRAY_LEN(tests); i++) {
        struct fake f;

        fake_init(&f, firmware_classes);
        f.machine.ram_size = tests[i].ram;
        fake_device(&f, "cmos", "");
        assert_int_equal(cmos_get(&f, 0x15) | cmos_get(&f, 0x16) << 8, 640);
        assert_int_equal(cmos_get(&f, 0x17) | cmos_get(&f, 0x18) << 8, tests[i].ext_kb);
        assert_int_equal(cmos_get(&f, 0x30) | cmos_get(&f, 0x31) << 8, tests[i].ext_kb);
        assert_int_equal(cmos_get(&f, 0x34) | cmos_get(&f, 0x35) << 8, tests[i].above_16m);
        assert_int_equal(cmos_get(&f, 0x5b) | cmos_get(&f, 0x5c) << 8 | cmos_get(&f, 0x5d) << 16,
                         tests[i].above_4g);
        fake_finish(&f);
    }
}

static void test_cmos_disks(void **state)
{
    static const uint64_t size[4] = { 64 << 20, 10ull << 30, 0, 1ull << 40 };
    struct fake f;

    fake_init(&f, firmware_classes);
    fake_device(&f, "cmos", "");
    /* The disks' devices come after us. */
    for (int n = 0; n < 4; n++) {
        struct fake_block *b = fake_block_create(&f, n ? "b" : "a", 512);

        b->block.size = size[n];
        f.machine.ide_disk[n] = size[n] ? &b->block : NULL;
    }
    assert_int_equal(cmos_get(&f, 0x12), 0xff);
    assert_int_equal(cmos_get(&f, 0x19), 47);
    assert_int_equal(cmos_get(&f, 0x1a), 47);
    assert_int_equal(cmos_get(&f, 0x1b), 130); /* 64 MiB / 504 KiB */
    assert_int_equal(cmos_get(&f, 0x1c), 0);
    assert_int_equal(cmos_get(&f, 0x1d), 16);
    assert_int_equal(cmos_get(&f, 0x23), 63);
    assert_int_equal(cmos_get(&f, 0x24), 0xff); /* 16383 */
    assert_int_equal(cmos_get(&f, 0x25), 0x3f);
    assert_int_equal(cmos_get(&f, 0x2c), 63);
    assert_int_equal(cmos_get(&f, 0x2d), 0);
    assert_int_equal(cmos_get(&f, 0x39), 0x44);
    fake_finish(&f);
}

static void test_cmos_storage_and_state(void **state)
{
    struct dm_buf buf = { 0 };
    struct dm_device *cmos;
    struct dm_error err;
    struct fake f;

    fake_init(&f, firmware_classes);
    cmos = fake_device(&f, "cmos", "");
    for (unsigned reg = 0x0e; reg < 0x80; reg++)
        cmos_put(&f, (uint8_t)reg, (uint8_t)(reg ^ 0x5a));
    fake_out(&f, 0x70, 2, 0x770f); /* index and data at once */
    for (unsigned reg = 0x10; reg < 0x80; reg++)
        assert_int_equal(cmos_get(&f, (uint8_t)reg), reg ^ 0x5a);
    assert_int_equal(cmos_get(&f, 0x0f), 0x77);
    assert_null(fake_state_roundtrip(&f, cmos));
    dm_device_save(cmos, &buf);
    dm_device_reset(cmos);
    assert_int_equal(cmos_get(&f, 0x0f), 0);
    assert_int_equal(dm_device_load(cmos, buf.data, buf.len, 1, &err), 0);
    assert_int_equal(fake_in(&f, 0x71, 1), 0x77);
    buf.data[0] = 0x80; /* an index beyond the end */
    assert_true(dm_device_load(cmos, buf.data, buf.len, 1, &err) < 0);
    dm_buf_finish(&buf);
    fake_finish(&f);
}

static void test_debugcon(void **state)
{
    struct fake_chardev *chr;
    struct dm_device *dev;
    unsigned lines = 0;
    struct fake f;

    fake_init(&f, firmware_classes);
    dev = fake_device(&f, "debugcon", "");
    assert_int_equal(fake_in(&f, 0x402, 1), 0xe9);
    assert_int_equal(fake_in(&f, 0xe9, 1), 0xe9);
    fake_out(&f, 0x402, 1, 'a');
    fake_out(&f, 0x402, 1, '\n');
    assert_int_equal(f.log_len, 0);
    dm_log_set_level(DM_LOG_TRACE);
    fake_out(&f, 0x402, 1, 'h');
    fake_out(&f, 0xe9, 1, 0x9b);
    fake_out(&f, 0x402, 1, '\n');
    assert_string_equal(f.log, "debugcon-0: h?\n");
    for (int i = 0; i < 10000; i++) {
        f.log_len = 0;
        f.log[0] = 0;
        fake_out(&f, 0x402, 1, 'x');
        fake_out(&f, 0x402, 1, '\n');
        lines += f.log[0] != 0;
    }
    dm_log_set_level(DM_LOG_INFO);
    assert_int_equal(lines, 499); /* 500 a minute with the one before */
    assert_null(fake_state_roundtrip(&f, dev));
    dm_device_destroy(dev);

    chr = fake_chardev_create(&f, "debug");
    fake_device(&f, "debugcon", "chardev=debug");
    fake_out(&f, 0x402, 1, 'a');
    fake_out(&f, 0xe9, 1, 'b');
    chr->out_room = 0;
    fake_out(&f, 0xe9, 1, 'c');
    assert_int_equal(chr->out_len, 2);
    assert_memory_equal(chr->out, "ab", 2);
    fake_finish(&f);
}

static void test_ports_taken(void **state)
{
    static const struct {
        uint16_t port;
        const char *class;
    } tests[] = { { 0x71, "cmos" }, { 0xe9, "debugcon" }, { 0x402, "debugcon" } };
    static const struct dm_region_ops ops = { .max = 1 };

    for (unsigned i = 0; i < DM_ARRAY_LEN(tests); i++) {
        struct dm_region in_the_way = { .name = "x", .ops = &ops, .size = 1 };
        struct dm_error err;
        struct fake f;

        fake_init(&f, firmware_classes);
        assert_int_equal(dm_space_add(&f.machine.io, &in_the_way, tests[i].port), 0);
        assert_null(dm_device_create(&f.machine, tests[i].class, NULL, 0, &err));
        assert_non_null(strstr(err.text, "taken"));
        dm_space_remove(&in_the_way);
        fake_finish(&f);
    }
}

UNIT_MAIN(cmocka_unit_test(test_cmos_reset_values), cmocka_unit_test(test_cmos_boot_order),
          cmocka_unit_test(test_cmos_memory), cmocka_unit_test(test_cmos_disks),
          cmocka_unit_test(test_cmos_storage_and_state), cmocka_unit_test(test_debugcon),
          cmocka_unit_test(test_ports_taken))
