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

/* Saved, restored in another machine, saved there: the same bytes, and Xen hears the same. */
static void test_another_machine(void **state)
{
    struct dm_buf one = { 0 }, two = { 0 };
    struct dm_state_head head;
    struct dm_error err;
    struct guest a, b;

    guest_up(&a);
    guest_use(&a);
    dm_machine_set_run_state(&a.f.machine, DM_PAUSED);
    fake_advance(&a.f, 99 * DM_NS_PER_SEC); /* the time that it stands does not count */
    assert_int_equal(dm_state_save(&a.f.machine, &one, &err), 0);
    print_message("# %zu bytes\n", one.len);
    assert_int_equal(dm_state_check(one.data, one.len, &head, &err), 0);
    assert_int_equal(head.vram_at, a.f.vram_at);
    assert_int_equal(head.vram_size, 16 << 20);

    guest_start(&b);
    b.f.machine.restored = &head;
    guest_add_nics(&b);
    fake_advance(&b.f, 777777777);
    dm_machine_set_run_state(&b.f.machine, DM_PAUSED);
    if (dm_state_load(&b.f.machine, one.data, one.len, &err))
        fail_msg("%s", err.text);
    assert_int_equal(b.f.vram_at, a.f.vram_at);
    assert_true(b.f.rom_lock);
    assert_memory_equal(b.f.link, a.f.link, sizeof(a.f.link));
    assert_memory_equal(b.f.isa, a.f.isa, sizeof(a.f.isa));
    assert_memory_equal(b.f.intx, a.f.intx, sizeof(a.f.intx));
    fake_advance(&b.f, 5 * DM_NS_PER_SEC);
    assert_int_equal(dm_state_save(&b.f.machine, &two, &err), 0);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);

    /* It goes on: the rest of the disk's sector. */
    dm_machine_set_run_state(&b.f.machine, DM_RUNNING);
    for (unsigned i = 0; i < 212; i++)
        fake_in(&b.f, 0x1f0, 2);
    assert_int_equal(fake_in(&b.f, 0x1f7, 1) & 0x89, 0);
    dm_buf_finish(&one);
    dm_buf_finish(&two);
    fake_finish(&b.f);
    fake_finish(&a.f);
}

/* A frame that the host had no room for leaves once: from here, or from where it is restored. */
static void test_frame_in_flight(void **state)
{
    static const uint8_t to_all[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    struct dm_buf buf = { 0 };
    struct dm_error err;
    struct guest a, b;
    uint16_t io;

    guest_up(&a);
    io = (uint16_t)(config_in(&a, PCI_DEVFN(5, 0), 0x10, 4) & ~3u);
    config_out(&a, PCI_DEVFN(5, 0), 4, 2, 7);
    memcpy(a.f.ram + DATA, to_all, sizeof(to_all));
    fake_out(&a.f, (uint16_t)(io + 0x37), 1, 0x04);
    a.net[1]->room = 0;
    fake_out(&a.f, (uint16_t)(io + 0x20), 4, DATA);
    fake_out(&a.f, (uint16_t)(io + 0x10), 4, sizeof(to_all));
    assert_int_equal(a.net[1]->sent_count, 0);
    dm_machine_set_run_state(&a.f.machine, DM_PAUSED);
    assert_int_equal(dm_state_save(&a.f.machine, &buf, &err), 0);

    guest_start(&b);
    guest_add_nics(&b);
    memcpy(b.f.ram + DATA, to_all, sizeof(to_all));
    dm_machine_set_run_state(&b.f.machine, DM_PAUSED);
    assert_int_equal(dm_state_load(&b.f.machine, buf.data, buf.len, &err), 0);
    fake_advance(&b.f, DM_NS_PER_SEC);
    assert_int_equal(b.net[1]->sent_count, 0);
    dm_machine_set_run_state(&b.f.machine, DM_RUNNING);
    fake_advance(&b.f, DM_NS_PER_SEC);
    assert_int_equal(b.net[1]->sent_count, 1);
    assert_memory_equal(b.net[1]->sent[0].data, to_all, sizeof(to_all));

    /* Migration failed: it goes on here, and sends it. */
    fake_net_writable(a.net[1], SIZE_MAX);
    assert_int_equal(a.net[1]->sent_count, 0);
    dm_machine_set_run_state(&a.f.machine, DM_RUNNING);
    fake_advance(&a.f, DM_NS_PER_SEC);
    assert_int_equal(a.net[1]->sent_count, 1);
    dm_buf_finish(&buf);
    fake_finish(&b.f);
    fake_finish(&a.f);
}

/* The switches learn where the cards are now. */
static void test_announce(void **state)
{
    static const uint8_t want[60] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x16, 0x3e, 0x00, 0x00, 0x02, 0x80,
        0x35, 0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x03, 0x00, 0x16, 0x3e, 0x00,
        0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x16, 0x3e, 0x00, 0x00, 0x02,
    };
    struct guest g;

    guest_up(&g);
    dm_net_announce(&g.f.machine);
    assert_int_equal(g.net[0]->sent_count, 1);
    assert_int_equal(g.net[1]->sent_count, 1);
    assert_int_equal(g.net[1]->sent[0].len, 60);
    assert_memory_equal(g.net[1]->sent[0].data, want, sizeof(want));
    assert_int_equal(g.net[0]->sent[0].data[11], 1);
    fake_advance(&g.f, 60 * DM_NS_PER_MS);
    assert_int_equal(g.net[1]->sent_count, 2);
    dm_net_announce(&g.f.machine); /* from the beginning */
    fake_advance(&g.f, 10 * DM_NS_PER_SEC);
    assert_int_equal(g.net[0]->sent_count, 2 + 5);
    assert_int_equal(dm_clock_deadline(&g.f.clock), DM_NEVER);
    dm_net_announce(&g.f.machine); /* a guest that ends meanwhile */
    fake_finish(&g.f);
}

/* Cards that the guest had unplugged: their taps stay until libxl has found them. */
static void test_unplugged_cards(void **state)
{
    struct dm_buf buf = { 0 };
    struct dm_error err;
    struct guest a, b;

    guest_up(&a);
    fake_out(&a.f, 0x10, 2, DM_UNPLUG_NICS);
    assert_null(a.f.machine.nets); /* at once, where it happens */
    dm_machine_set_run_state(&a.f.machine, DM_PAUSED);
    assert_int_equal(dm_state_save(&a.f.machine, &buf, &err), 0);

    guest_start(&b);
    guest_add_nics(&b);
    dm_machine_set_run_state(&b.f.machine, DM_PAUSED);
    if (dm_state_load(&b.f.machine, buf.data, buf.len, &err))
        fail_msg("%s", err.text);
    assert_null(dm_device_find(&b.f.machine, "nic0"));
    assert_null(dm_device_find(&b.f.machine, "nic1"));
    dm_machine_set_run_state(&b.f.machine, DM_RUNNING);
    assert_ptr_equal(b.f.machine.nets, b.net[0]);
    assert_ptr_equal(b.f.machine.nets->next, b.net[1]);
    assert_false(b.f.machine.nets->attached);
    dm_machine_arrived(&b.f.machine);
    assert_null(b.f.machine.nets);
    dm_machine_arrived(&b.f.machine);
    dm_buf_finish(&buf);
    fake_finish(&b.f);
    fake_finish(&a.f);
}

/* Live migration: what the model draws is reported, and only then. */
static void test_log_dirty(void **state)
{
    struct guest g;

    guest_up(&g);
    fake_store(&g.f, 0xa0000, 4, 0x01020304);
    assert_int_equal(g.f.vram_written, 0);
    dm_machine_set_log_dirty(&g.f.machine, true);
    assert_true(g.f.log_dirty);
    fake_out(&g.f, 0x3c4, 2, 0x0f02); /* all planes */
    fake_out(&g.f, 0x3c4, 2, 0x0604);
    fake_out(&g.f, 0x3ce, 2, 0x0506);
    fake_out(&g.f, 0x3ce, 2, 0xff08);
    fake_store(&g.f, 0xa0000, 1, 0x55);
    assert_true(g.f.vram_written > 0);
    dm_machine_set_log_dirty(&g.f.machine, false);
    assert_false(g.f.log_dirty);
    fake_finish(&g.f);
}

/* The saved guest had another screen. */
static void test_other_vram(void **state)
{
    static const struct dm_option opt[] = { { "vgamem_mb", "8" } };
    struct dm_state_head head = { .vram_at = FAKE_VRAM_HIDE, .vram_size = 16 << 20 };
    const struct dm_class *const classes[] = { &vga_class, NULL };
    struct dm_error err;
    struct fake f;

    fake_init(&f, classes);
    f.machine.restored = &head;
    assert_null(dm_device_create(&f.machine, "VGA", opt, 1, &err));
    assert_non_null(strstr(err.text, "the saved guest has 16384 KiB of video memory, not 8192"));
    fake_finish(&f);
}

UNIT_MAIN(cmocka_unit_test(test_another_machine), cmocka_unit_test(test_frame_in_flight),
          cmocka_unit_test(test_log_dirty), cmocka_unit_test(test_announce),
          cmocka_unit_test(test_unplugged_cards), cmocka_unit_test(test_other_vram),
          cmocka_unit_test(test_stop_finishes_requests),
          cmocka_unit_test(test_stop_that_cannot_flush), cmocka_unit_test(test_stop_holds_all))
