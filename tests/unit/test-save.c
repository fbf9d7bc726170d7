/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole guest that is stopped, saved, and goes on, here or in another machine: nothing
 * happens while it is stopped, nothing is lost, nothing comes twice.
 */
#include "tests/unit/guest-rig.h"
#include "tests/unit/unit.h"

#include "hw/ide/ide-regs.h"

#include <errno.h>
#include <stdlib.h>

#define DATA 0x100000u
#define PRDT 0x8000u
#define COM1 0x3f8
#define LSR  5

static uint32_t bus_master(struct guest *g)
{
    return config_in(g, PCI_DEVFN(1, 1), 0x20, 4) & ~3u;
}

/* One LBA28 command on the primary master, with one PRD of len bytes at DATA. */
static void disk_dma(struct guest *g, uint8_t opcode, uint32_t lba, uint32_t len)
{
    uint16_t bm = (uint16_t)bus_master(g);
    bool read = opcode == 0xc8;

    dm_put_le(g->f.ram + PRDT, 4, DATA);
    dm_put_le(g->f.ram + PRDT + 4, 4, (len & 0xffff) | PRD_EOT);
    config_out(g, PCI_DEVFN(1, 1), 4, 2, config_in(g, PCI_DEVFN(1, 1), 4, 2) | PCI_COMMAND_MASTER);
    fake_out(&g->f, (uint16_t)(bm + BM_REG_PRDT), 4, PRDT);
    fake_out(&g->f, bm, 1, read ? BM_COMMAND_READ : 0);
    fake_out(&g->f, (uint16_t)(bm + BM_REG_STATUS), 1, 0x66);
    fake_out(&g->f, 0x1f6, 1, 0xe0);
    fake_out(&g->f, 0x1f2, 1, len / 512);
    fake_out(&g->f, 0x1f3, 1, lba & 0xff);
    fake_out(&g->f, 0x1f4, 1, lba >> 8 & 0xff);
    fake_out(&g->f, 0x1f5, 1, lba >> 16);
    fake_out(&g->f, 0x1f7, 1, opcode);
    fake_out(&g->f, bm, 1, BM_COMMAND_START | (read ? BM_COMMAND_READ : 0));
}

static void guest_up(struct guest *g)
{
    guest_start(g);
    guest_add_nics(g);
    firmware_pci_setup(g);
    dm_machine_set_run_state(&g->f.machine, DM_RUNNING);
}

/* What the guest asked for before the stop is done when the stop is: in memory, with interrupt. */
static void test_stop_finishes_requests(void **state)
{
    struct guest g;

    guest_up(&g);
    memset(g.disk->data, 0x5a, 8192);
    g.disk->deferred = true;
    disk_dma(&g, 0xc8, 2, 4096);
    assert_non_null(g.disk->queue);
    assert_false(g.f.isa[14]);
    dm_machine_set_run_state(&g.f.machine, DM_PAUSED);
    assert_null(g.disk->queue);
    assert_int_equal(g.f.mapped, 0);
    assert_true(g.f.isa[14]);
    assert_int_equal(g.f.ram[DATA], 0x5a);
    assert_int_equal(g.f.ram[DATA + 4095], 0x5a);
    assert_int_equal(g.disk->flushes, 0); /* nothing was written */

    dm_machine_set_run_state(&g.f.machine, DM_RUNNING);
    memset(g.f.ram + DATA, 0xa5, 4096);
    disk_dma(&g, 0xca, 2, 4096);
    dm_machine_set_run_state(&g.f.machine, DM_PAUSED);
    assert_int_equal(g.disk->data[1024 + 4095], 0xa5);
    assert_int_equal(g.disk->flushes, 1); /* another host may open the image next */
    dm_machine_set_run_state(&g.f.machine, DM_RUNNING);
    dm_machine_set_run_state(&g.f.machine, DM_PAUSED);
    assert_int_equal(g.disk->flushes, 1);
    fake_finish(&g.f);
}

/* A flush that fails is said, not swallowed. */
static void test_stop_that_cannot_flush(void **state)
{
    struct dm_error err;
    struct guest g;

    guest_up(&g);
    disk_dma(&g, 0xca, 0, 512);
    g.disk->fail = -EIO;
    dm_machine_set_run_state(&g.f.machine, DM_PAUSED);
    assert_non_null(strstr(g.f.log, "'hda': flush"));
    assert_int_equal(dm_machine_drain(&g.f.machine, &err), -EIO);
    g.disk->fail = 0;
    assert_int_equal(dm_machine_drain(&g.f.machine, &err), 0);
    fake_finish(&g.f);
}

/* No timer, byte, key or frame reaches a device of a stopped guest; what waits comes later. */
static void test_stop_holds_all(void **state)
{
    uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct dm_buf one = { 0 }, two = { 0 };
    struct dm_error err;
    struct guest g;

    guest_up(&g);
    g.serial->out_room = 0;
    fake_out(&g.f, COM1 + 1, 1, 7);
    fake_out(&g.f, 0x64, 1, 0x60);
    fake_out(&g.f, 0x60, 1, 0x03); /* keyboard and mouse interrupts */
    fake_out(&g.f, 0x60, 1, 0xf4);
    fake_advance(&g.f, DM_NS_PER_MS);
    assert_int_equal(fake_in(&g.f, 0x60, 1), 0xfa);
    fake_advance(&g.f, DM_NS_PER_MS);
    assert_false(g.f.isa[1]);
    fake_out(&g.f, COM1, 1, 'x'); /* leaves after a while, by a timer */
    dm_machine_set_run_state(&g.f.machine, DM_PAUSED);
    assert_int_equal(dm_state_save(&g.f.machine, &one, &err), 0);
    assert_int_equal(fake_chardev_send(g.serial, "y", 1), 0);
    assert_false(dm_net_room(&g.net[0]->net, 60));
    assert_false(fake_net_bring(g.net[0], frame, sizeof(frame), NULL));
    dm_input_key(&g.f.machine.input, 30, true);
    dm_input_motion(&g.f.machine.input, 5, 5, 0, 1);
    fake_advance(&g.f, 60 * DM_NS_PER_SEC);
    g.serial->out_room = SIZE_MAX;
    dm_chardev_writable(&g.serial->chr);
    assert_int_equal(dm_state_save(&g.f.machine, &two, &err), 0);
    assert_int_equal(g.serial->out_len, 0); /* what is in the stream is sent by who runs next */
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);

    dm_machine_set_run_state(&g.f.machine, DM_RUNNING);
    assert_int_equal(g.serial->out_len, 1);
    assert_int_equal(g.serial->out[0], 'x');
    assert_int_equal(fake_chardev_send(g.serial, "y", 1), 1);
    assert_int_equal(fake_in(&g.f, COM1 + LSR, 1) & 1, 1);
    dm_input_key(&g.f.machine.input, 31, true);
    fake_advance(&g.f, DM_NS_PER_MS);
    assert_true(g.f.isa[1]);
    dm_buf_finish(&one);
    dm_buf_finish(&two);
    fake_finish(&g.f);
}

UNIT_MAIN(cmocka_unit_test(test_stop_finishes_requests),
          cmocka_unit_test(test_stop_that_cannot_flush), cmocka_unit_test(test_stop_holds_all))
