/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The devices of a guest together, as xl's arguments ask for them: nothing is in another's
 * way, and what hvmloader does before the BIOS runs works.
 */
#include "tests/unit/guest-rig.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>

static uint8_t cmos(struct guest *g, uint8_t reg)
{
    fake_out(&g->f, 0x70, 1, reg);
    return (uint8_t)fake_in(&g->f, 0x71, 1);
}

static void test_firmware_setup(void **state)
{
    struct guest g;

    guest_start(&g);
    assert_int_equal(firmware_pci_setup(&g), 6);
    assert_int_equal(config_in(&g, 0x00, 0, 4), 0x12378086);
    assert_int_equal(config_in(&g, 0x08, 0, 4), 0x70008086);
    assert_int_equal(config_in(&g, 0x09, 0, 4), 0x70108086);
    assert_int_equal(config_in(&g, 0x0b, 0, 4), 0x71138086);
    assert_int_equal(config_in(&g, 0x10, 0, 4), 0x00015853);
    assert_int_equal(config_in(&g, 0x18, 0, 4), 0x11111234);
    for (unsigned link = 0; link < 4; link++)
        assert_int_equal(g.f.link[link], config_in(&g, 0x08, 0x60 + link, 1));
    assert_int_equal(config_in(&g, 0x10, 0x3c, 1), 11); /* slot 2, INTA */
    assert_true(g.f.vram_at != DM_VRAM_HIDDEN);
    assert_null(strstr(g.f.log, "another device"));
    assert_int_equal(config_in(&g, 0x09, 4, 2) & 1, 1);

    assert_int_equal(fake_in(&g.f, 0xb004, 2) & 1, 0);
    fake_out(&g.f, 0xb2, 1, 0xf1);
    assert_int_equal(fake_in(&g.f, 0xb004, 2) & 1, 1);
    assert_int_equal(fake_in(&g.f, 0xaf00, 1), 3);

    assert_int_equal(cmos(&g, 0x3d), 0x23);
    assert_int_equal(cmos(&g, 0x12), 0xff);
    assert_int_equal(cmos(&g, 0x1b), 16); /* 8 MiB in cylinders of 504 KiB */
    assert_int_equal(cmos(&g, 0x24), 8);
    fake_finish(&g.f);
}

static void test_only_disks_are_disks(void **state)
{
    struct guest g;

    guest_start(&g);
    assert_ptr_equal(g.f.machine.ide_disk[0], &g.disk->block);
    assert_ptr_equal(g.f.machine.ide_disk[1], &g.second->block);
    assert_null(g.f.machine.ide_disk[2]);
    assert_null(g.f.machine.ide_disk[3]);
    fake_out(&g.f, 0x10, 2, DM_UNPLUG_AUX_IDE);
    assert_ptr_equal(g.f.machine.ide_disk[0], &g.disk->block);
    assert_null(g.f.machine.ide_disk[1]);
    fake_finish(&g.f);
}

/* Linux with PV drivers, then a migration: the new machine has no disks any more either. */
static void test_unplugged_and_saved(void **state)
{
    struct dm_buf buf = { 0 }, again = { 0 };
    struct dm_error err;
    struct guest g;

    guest_start(&g);
    firmware_pci_setup(&g);
    assert_int_equal(fake_in(&g.f, 0x10, 2), 0x49d2);
    fake_out(&g.f, 0x10, 2, DM_UNPLUG_IDE_DISKS | DM_UNPLUG_NICS);
    assert_null(dm_device_of_class(&g.f.machine, &ide_hd_class, NULL));
    assert_non_null(dm_device_of_class(&g.f.machine, &ide_cd_class, NULL));
    assert_int_equal(g.disk->flushes, 1);
    assert_int_equal(dm_state_save(&g.f.machine, &buf, &err), 0);
    fake_finish(&g.f);

    guest_start(&g);
    assert_non_null(dm_device_of_class(&g.f.machine, &ide_hd_class, NULL));
    assert_int_equal(dm_state_load(&g.f.machine, buf.data, buf.len, &err), 0);
    assert_null(dm_device_of_class(&g.f.machine, &ide_hd_class, NULL));
    assert_null(g.f.machine.ide_disk[0]);
    assert_true(g.f.vram_at != DM_VRAM_HIDDEN);
    assert_int_equal(g.f.link[1], 10);
    assert_int_equal(dm_state_save(&g.f.machine, &again, &err), 0);
    assert_int_equal(again.len, buf.len);
    assert_memory_equal(again.data, buf.data, buf.len);
    fake_finish(&g.f);
    dm_buf_finish(&buf);
    dm_buf_finish(&again);
}

static void test_reset(void **state)
{
    struct guest g;

    guest_start(&g);
    firmware_pci_setup(&g);
    dm_machine_reset(&g.f.machine);
    assert_int_equal(g.f.vram_at == DM_VRAM_HIDDEN, true);
    assert_int_equal(config_in(&g, 0x10, 0x10, 4), 1);
    assert_int_equal(firmware_pci_setup(&g), 6);
    assert_true(g.f.vram_at != DM_VRAM_HIDDEN);
    fake_finish(&g.f);
}

struct watcher {
    struct dm_run_notifier notifier;
    enum dm_run_state seen[8];
    unsigned count;
};

static void watcher_changed(void *opaque, enum dm_run_state s)
{
    struct watcher *w = opaque;

    w->seen[w->count++ % 8] = s;
}

static int refuse_shutdown(struct dm_hypervisor *hv, enum dm_shutdown reason)
{
    (void)hv, (void)reason;
    return -EPERM;
}

static int refuse_sleep(struct dm_hypervisor *hv)
{
    (void)hv;
    return -EPERM;
}

static int refuse_rom_lock(struct dm_hypervisor *hv, bool on)
{
    (void)hv, (void)on;
    return -ENOENT;
}

static void test_run_states(void **state)
{
    static const enum dm_run_state expected[] = { DM_RUNNING, DM_PAUSED, DM_RUNNING,
                                                  DM_SHUTDOWN_DONE };
    struct watcher a = { .notifier = { watcher_changed, &a, NULL } };
    struct watcher b = { .notifier = { watcher_changed, &b, NULL } };
    struct guest g;

    guest_start(&g);
    dm_machine_on_run(&g.f.machine, &a.notifier);
    dm_machine_on_run(&g.f.machine, &b.notifier);
    assert_int_equal(g.f.machine.run_state, DM_PRELAUNCH);
    dm_machine_set_run_state(&g.f.machine, DM_RUNNING);
    dm_machine_set_run_state(&g.f.machine, DM_RUNNING);
    dm_machine_set_run_state(&g.f.machine, DM_PAUSED);
    dm_machine_set_run_state(&g.f.machine, DM_RUNNING);
    fake_out(&g.f, 0xcf9, 1, 6);
    assert_int_equal(a.count, 4);
    assert_memory_equal(a.seen, expected, sizeof(expected));
    assert_memory_equal(b.seen, expected, sizeof(expected));
    fake_finish(&g.f);
}

static void test_hypervisor_refuses(void **state)
{
    struct dm_hypervisor_ops ops;
    struct guest g;

    guest_start(&g);
    firmware_pci_setup(&g);
    ops = *g.f.hv.ops;
    ops.shutdown = refuse_shutdown;
    ops.sleep = refuse_sleep;
    ops.set_rom_lock = refuse_rom_lock;
    g.f.hv.ops = &ops;
    dm_machine_set_run_state(&g.f.machine, DM_RUNNING);
    fake_out(&g.f, 0xb004, 2, 0x2000);
    fake_out(&g.f, 0xb004, 2, 0x2400);
    fake_out(&g.f, 0x10, 1, 1);
    assert_int_equal(g.f.machine.run_state, DM_RUNNING);
    assert_non_null(strstr(g.f.log, "power-off of domain 0 failed"));
    assert_non_null(strstr(g.f.log, "sleep (S3) of domain 0 failed"));
    assert_non_null(strstr(g.f.log, "refuses to lock C0000-FFFFF"));
    for (int i = 0; i < 1000; i++)
        fake_out(&g.f, 0xb004, 2, 0x2400);
    assert_true(g.f.log_len < 2000); /* it may try again, but not fill the log */
    fake_finish(&g.f);
}

static void test_roms(void **state)
{
    struct dm_error err;
    uint8_t *data;
    struct guest g;
    size_t size;

    guest_start(&g);
    assert_int_equal(dm_machine_rom(&g.f.machine, "x.bin", &data, &size, &err), 0);
    assert_int_equal(data[0], 0x55);
    free(data);
    g.f.machine.load_rom = NULL;
    assert_int_equal(dm_machine_rom(&g.f.machine, "x.bin", &data, &size, &err), -ENOENT);
    assert_non_null(strstr(err.text, "x.bin"));
    fake_finish(&g.f);
}

UNIT_MAIN(cmocka_unit_test(test_firmware_setup), cmocka_unit_test(test_only_disks_are_disks),
          cmocka_unit_test(test_unplugged_and_saved), cmocka_unit_test(test_reset),
          cmocka_unit_test(test_run_states), cmocka_unit_test(test_hypervisor_refuses),
          cmocka_unit_test(test_roms))
