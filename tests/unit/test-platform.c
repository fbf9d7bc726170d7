/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Xen platform device: unplug protocol, log port, ROM lock. */
#include "tests/unit/unit.h"

#include "hw/classes.h"

#define PLATFORM 0x10

static unsigned unplugged; /* masks seen, all together */

static void plug_unplug(struct dm_device *dev, unsigned mask)
{
    unplugged |= mask;
    if (mask & DM_UNPLUG_NICS)
        dm_device_destroy(dev);
}

static const struct dm_class plug_class = {
    .name = "plug",
    .size = sizeof(struct dm_device),
    .version = 1,
    .unplug = plug_unplug,
};

static const struct dm_class *const classes[] = { &i440fx_class, &piix3_class, &xen_platform_class,
                                                  &plug_class, NULL };

static void setup(struct fake *f)
{
    fake_init(f, classes);
    fake_device(f, "i440fx", "");
    fake_device(f, "piix3", "");
    fake_device(f, "xen-platform", "");
    unplugged = 0;
}

static void say(struct fake *f, const char *text)
{
    while (*text)
        fake_out(f, 0x12, 1, (uint8_t)*text++);
}

static void test_identity(void **state)
{
    struct fake f;

    setup(&f);
    assert_int_equal(fake_config_in(&f, PLATFORM, 0, 4), 0x00015853);
    assert_int_equal(fake_config_in(&f, PLATFORM, 8, 4), 0xff800001);
    assert_int_equal(fake_config_in(&f, PLATFORM, 0x2c, 4), 0x00015853);
    assert_int_equal(fake_config_in(&f, PLATFORM, 0x3d, 1), 1);
    fake_config_out(&f, PLATFORM, 0x10, 4, 0xffffffff);
    fake_config_out(&f, PLATFORM, 0x14, 4, 0xffffffff);
    assert_int_equal(fake_config_in(&f, PLATFORM, 0x10, 4), 0xffffff01);
    assert_int_equal(fake_config_in(&f, PLATFORM, 0x14, 4), 0xff000008);
    fake_config_out(&f, PLATFORM, 0x14, 4, 0xf2000000);
    fake_config_out(&f, PLATFORM, 4, 2, 2);
    assert_int_equal(fake_load(&f, 0xf2000ff0, 4), 0xffffffff);
    fake_store(&f, 0xf2000ff0, 4, 0);
    assert_int_equal(fake_load(&f, 0xf2000ff0, 8), UINT64_MAX);
    fake_finish(&f);
}

static void test_unplug_protocol(void **state)
{
    struct fake f;

    setup(&f);
    fake_device(&f, "plug", "");
    fake_device(&f, "plug", "");
    assert_int_equal(fake_in(&f, 0x10, 2), 0x49d2);
    assert_int_equal(fake_in(&f, 0x12, 1), 1);
    assert_int_equal(fake_in(&f, 0x10, 4), 0xffffffff);
    assert_int_equal(fake_in(&f, 0x12, 2), 0xffff);
    assert_int_equal(fake_in(&f, 0x11, 1), 0xff);
    assert_int_equal(fake_in(&f, 0x1f, 1), 0xff);
    fake_out(&f, 0x12, 2, 3);
    fake_out(&f, 0x10, 4, 0xff);
    assert_non_null(strstr(f.log, "product 3, build 255"));
    assert_int_equal(fake_in(&f, 0x10, 2), 0x49d2);
    fake_out(&f, 0x10, 2, 0xfff0);
    assert_int_equal(unplugged, 0);
    fake_out(&f, 0x10, 2, DM_UNPLUG_AUX_IDE | DM_UNPLUG_NVME);
    assert_int_equal(unplugged, DM_UNPLUG_AUX_IDE | DM_UNPLUG_NVME);
    fake_out(&f, 0x10, 2, 0xffff);
    assert_int_equal(unplugged, 15);
    assert_null(dm_device_of_class(&f.machine, &plug_class, NULL));
    assert_non_null(strstr(f.log, "guest takes over disks NICs"));
    fake_out(&f, 0x10, 2, 0x3); /* again: nothing is left */
    fake_finish(&f);
}

static void test_bar0(void **state)
{
    struct fake f;

    setup(&f);
    fake_device(&f, "plug", "");
    fake_config_out(&f, PLATFORM, 0x10, 4, 0xc100);
    fake_config_out(&f, PLATFORM, 4, 2, 1);
    assert_int_equal(fake_in(&f, 0xc100, 1), 0);
    assert_int_equal(fake_in(&f, 0xc104, 1), 0xff);
    fake_out(&f, 0xc100, 1, 0xff);
    assert_true(f.rom_lock);
    assert_int_equal(fake_in(&f, 0xc100, 1), 1);
    assert_int_equal(fake_in(&f, 0x10, 1), 1);
    fake_out(&f, 0xc104, 1, 2);
    assert_int_equal(unplugged, 0);
    fake_out(&f, 0xc108, 1, 1);
    assert_int_equal(unplugged, DM_UNPLUG_IDE_DISKS);
    unplugged = 0;
    fake_out(&f, 0xc108, 1, 'h');
    fake_out(&f, 0xc108, 1, '\n');
    assert_non_null(strstr(f.log, "xen-platform-0: h\n"));
    fake_out(&f, 0xc104, 4, 1);
    assert_int_equal(unplugged, DM_UNPLUG_IDE_DISKS | DM_UNPLUG_NICS);
    fake_device(&f, "plug", "");
    unplugged = 0;
    fake_out(&f, 0xc108, 1, 2);
    assert_int_equal(unplugged, DM_UNPLUG_NICS);
    fake_finish(&f);
}

static void test_rom_lock(void **state)
{
    struct fake f;

    setup(&f);
    fake_out(&f, 0x10, 1, 0xfe);
    assert_false(f.rom_lock);
    assert_int_equal(fake_in(&f, 0x10, 1), 0);
    fake_out(&f, 0x10, 1, 1);
    assert_true(f.rom_lock);
    dm_machine_reset(&f.machine);
    assert_false(f.rom_lock);
    assert_int_equal(fake_in(&f, 0x10, 1), 0);
    fake_finish(&f);
}

static void test_log(void **state)
{
    struct fake f;
    unsigned lines = 0;

    setup(&f);
    say(&f, "hello, \x1b[31mworld\xff\r\n\n");
    assert_string_equal(f.log, "xen-platform-0: hello, ?[31mworld?\n");
    /* A line without end is cut, and the number of lines is bounded. */
    for (int i = 0; i < 100000; i++)
        say(&f, "x");
    for (char *c = f.log; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, DM_LOG_BUDGET_BURST);
    fake_finish(&f);
}

static void test_notes_are_bounded(void **state)
{
    struct fake f;

    setup(&f);
    for (int i = 0; i < 1000; i++) {
        fake_out(&f, 0x10, 2, 4);
        fake_out(&f, 0x10, 4, 4);
    }
    assert_true(f.log_len < 1000);
    fake_finish(&f);
}

static void test_state(void **state)
{
    struct dm_buf buf = { 0 };
    struct dm_error err;
    struct fake f;

    setup(&f);
    fake_out(&f, 0x10, 1, 1);
    fake_out(&f, 0x12, 2, 3);
    fake_out(&f, 0x10, 4, 77);
    assert_null(
        fake_state_roundtrip(&f, dm_device_of_class(&f.machine, &xen_platform_class, NULL)));
    assert_int_equal(dm_state_save(&f.machine, &buf, &err), 0);
    fake_finish(&f);

    /* The new domain's memory is locked too; a NIC that was gone stays away. */
    setup(&f);
    fake_device(&f, "plug", "");
    assert_false(f.rom_lock);
    assert_int_equal(dm_state_load(&f.machine, buf.data, buf.len, &err), 0);
    assert_true(f.rom_lock);
    assert_null(dm_device_of_class(&f.machine, &plug_class, NULL));
    /* Flags that nobody could have set. */
    buf.data[buf.len - 4 - 7] = 3;
    dm_state_seal(buf.data, buf.len);
    assert_true(dm_state_load(&f.machine, buf.data, buf.len, &err) < 0);
    assert_non_null(strstr(err.text, "xen-platform-0"));
    fake_finish(&f);
    dm_buf_finish(&buf);
}

UNIT_MAIN(cmocka_unit_test(test_identity), cmocka_unit_test(test_unplug_protocol),
          cmocka_unit_test(test_bar0), cmocka_unit_test(test_rom_lock), cmocka_unit_test(test_log),
          cmocka_unit_test(test_notes_are_bounded), cmocka_unit_test(test_state))
