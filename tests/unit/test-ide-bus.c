/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Selection, resets, interrupts, the bus master's ends, places, unplugging, saved state. */
#include "tests/unit/ide-rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define READY  (ATA_STATUS_DRDY | ATA_STATUS_DSC)
#define FAILED (READY | ATA_STATUS_ERR)

static void test_no_drives(void **state)
{
    struct rig r;

    rig_init(&r, "piix3-ide");
    for (unsigned reg = 1; reg < 8; reg++)
        assert_int_equal(rig_in(&r, reg), 0);
    rig_command(&r, 0, 0xec, 0, 0);
    rig_command(&r, 0, 0x90, 0, 0);
    assert_int_equal(rig_altstatus(&r), 0);
    assert_int_equal(fake_in(&r.f, 0x1f0, 2), 0xffff);
    fake_out(&r.f, 0x1f0, 2, 0);
    fake_out(&r.f, r.control, 1, ATA_CONTROL_SRST);
    fake_out(&r.f, r.control, 1, 0);
    assert_int_equal(r.f.isa_rises[14], 0);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_ACTIVE);
    rig_bm_stop(&r);
    assert_int_equal(rig_bm_status(&r), 0);
    rig_roundtrip(&r);
    fake_finish(&r.f);
}

static void test_no_slave(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    rig_out(&r, ATA_REG_DEVICE, 0xb0);
    assert_int_equal(rig_in(&r, ATA_REG_DEVICE), 0xb0);
    assert_int_equal(rig_in(&r, ATA_REG_COMMAND), 0);
    assert_int_equal(rig_altstatus(&r), 0);
    rig_out(&r, ATA_REG_COUNT, 0x55);
    rig_out(&r, ATA_REG_LBA_LOW, 0xaa);
    assert_int_equal(rig_in(&r, ATA_REG_COUNT), 0);
    rig_command(&r, 1, 0xec, 0, 0);
    assert_int_equal(r.f.isa_rises[14], 0);
    rig_out(&r, ATA_REG_DEVICE, 0xa0);
    assert_int_equal(rig_in(&r, ATA_REG_COMMAND), READY);
    fake_finish(&r.f);
}

/* Two drives: each has its own interrupt, seen when it is selected. */
static void test_two_drives(void **state)
{
    uint8_t buf[512];
    struct rig r;

    rig_disk(&r, 64);
    fake_block_create(&r.f, "hdb", 128 * 512)->data[5 * 512] = 0x42;
    fake_device(&r.f, "ide-hd", "drive=hdb,bus=ide.0,unit=1");
    rig_command(&r, 0, 0x20, 5, 1);
    assert_true(r.f.isa[14]);
    rig_out(&r, ATA_REG_DEVICE, 0xf0);
    assert_false(r.f.isa[14]);
    rig_out(&r, ATA_REG_DEVICE, 0xe0);
    assert_true(r.f.isa[14]);
    rig_roundtrip(&r);
    assert_true(r.f.isa[14]);
    rig_read_data(&r, buf, 512);
    rig_expect_buf(buf, 5, 512);
    rig_command(&r, 1, 0x20, 5, 1);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    rig_read_data(&r, buf, 512);
    assert_int_equal(buf[0], 0x42);

    /* EXECUTE DEVICE DIAGNOSTIC: both do it, device 0 answers. */
    rig_command(&r, 1, 0x90, 0, 7);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_int_equal(rig_in(&r, ATA_REG_DEVICE) & ATA_DEVICE_DEV, 0);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), 1);
    assert_int_equal(rig_in(&r, ATA_REG_COUNT), 1);
    rig_out(&r, ATA_REG_DEVICE, 0xb0);
    assert_int_equal(rig_in(&r, ATA_REG_COUNT), 1);
    fake_finish(&r.f);
}

static void test_secondary_channel(void **state)
{
    uint8_t buf[512];
    struct rig r;

    rig_init(&r, "piix3-ide");
    r.disk = fake_block_create(&r.f, "hdc", 64 * 512);
    fake_device(&r.f, "ide-hd", "drive=hdc,bus=ide.1");
    r.port = 0x170;
    r.control = 0x376;
    r.bm = RIG_BM + 8;
    r.irq = 15;
    rig_command(&r, 0, 0x20, 5, 1);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    assert_int_equal(r.f.isa_rises[14], 0);
    rig_read_data(&r, buf, 512);
    rig_prd(&r, 0, RIG_DATA, 512, true);
    rig_command(&r, 0, 0xc8, 5, 1);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
    assert_int_equal(fake_in(&r.f, RIG_BM + BM_REG_STATUS, 1), 0);
    fake_finish(&r.f);
}

static void test_interrupt_enable(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    fake_out(&r.f, r.control, 1, ATA_CONTROL_NIEN);
    rig_command(&r, 0, 0x20, 0, 1);
    assert_false(r.f.isa[14]);
    assert_int_equal(rig_bm_status(&r), 0);
    fake_out(&r.f, r.control, 1, 0); /* it waited */
    assert_true(r.f.isa[14]);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
    assert_int_equal(rig_altstatus(&r), READY | ATA_STATUS_DRQ);
    assert_true(r.f.isa[14]); /* the alternate one leaves it */
    rig_in(&r, ATA_REG_COMMAND);
    assert_false(r.f.isa[14]);
    fake_finish(&r.f);
}

static void test_software_reset(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    rig_command(&r, 0, 0x20, 9, 4); /* in the middle of data */
    assert_true(r.f.isa[14]);
    fake_out(&r.f, r.control, 1, ATA_CONTROL_SRST);
    assert_int_equal(rig_altstatus(&r), ATA_STATUS_BSY);
    assert_false(r.f.isa[14]);
    rig_out(&r, ATA_REG_COUNT, 9); /* busy: not taken */
    rig_command(&r, 0, 0xec, 0, 0);
    rig_roundtrip(&r);
    fake_out(&r.f, r.control, 1, 0);
    assert_int_equal(rig_altstatus(&r), READY);
    assert_int_equal(rig_in(&r, ATA_REG_COUNT), 1);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_LOW), 1);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), 1);
    assert_int_equal(r.f.isa_rises[14], 1);
    fake_finish(&r.f);
}

/* A reset with a request in flight: busy until it ends, and its result is dropped. */
static void test_reset_in_flight(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    r.disk->deferred = true;
    rig_prd(&r, 0, RIG_DATA, 512, true);
    for (unsigned i = 0; i < 3; i++) {
        rig_command(&r, 0, 0xc8, 5, 1);
        rig_bm_start(&r, true);
        fake_out(&r.f, r.control, 1, ATA_CONTROL_SRST);
        rig_bm_stop(&r);
        if (i == 1)
            fake_block_step(r.disk); /* ends before the reset is let go */
        if (i == 2)
            r.disk->fail = -EIO;
        fake_out(&r.f, r.control, 1, 0);
        assert_int_equal(rig_altstatus(&r), i == 1 ? READY : ATA_STATUS_BSY);
        assert_int_equal(fake_block_step(r.disk), i != 1);
        assert_int_equal(rig_altstatus(&r), READY);
        assert_int_equal(rig_in(&r, ATA_REG_FEATURES), 1);
        assert_int_equal(r.f.isa_rises[14], 0);
        assert_int_equal(rig_bm_status(&r), 0);
        assert_int_equal(r.f.mapped, 0);
    }
    /* The machine's reset: the same. */
    r.disk->fail = 0;
    rig_command(&r, 0, 0xc8, 5, 1);
    rig_bm_start(&r, true);
    dm_machine_reset(&r.f.machine);
    assert_int_equal(rig_altstatus(&r), ATA_STATUS_BSY);
    assert_true(fake_block_step(r.disk));
    assert_int_equal(rig_altstatus(&r), READY);
    fake_finish(&r.f);
}

static void test_commands_while_busy(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    r.disk->deferred = true;
    rig_command(&r, 0, 0xe7, 0, 0);
    assert_true(rig_altstatus(&r) & ATA_STATUS_BSY);
    rig_out(&r, ATA_REG_COMMAND, 0xec);
    assert_true(fake_block_step(r.disk));
    assert_int_equal(rig_interrupt(&r), READY);
    assert_false(fake_block_step(r.disk));
    assert_non_null(strstr(r.f.log, "command ec while e7"));
    fake_finish(&r.f);
}

/* SFF-8038i 3.1: what the status says when table and transfer have different sizes. */
static void test_table_sizes(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    rig_prd(&r, 0, RIG_DATA, 4096, true); /* longer: active stays */
    rig_command(&r, 0, 0xc8, 0, 2);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT | BM_STATUS_ACTIVE);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_bm_stop(&r);
    assert_int_equal(rig_bm_status(&r), 0);

    rig_prd(&r, 0, RIG_DATA, 1024, true); /* shorter: neither */
    rig_command(&r, 0, 0xc8, 8, 4);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), 0);
    assert_false(r.f.isa[14]);
    assert_true(rig_altstatus(&r) & ATA_STATUS_BSY);
    rig_expect(&r, RIG_DATA, 8, 1024);
    rig_roundtrip(&r);
    rig_bm_start(&r, true); /* the drive still has data: a new table takes them */
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT);
    rig_expect(&r, RIG_DATA, 10, 1024);
    assert_int_equal(rig_interrupt(&r), READY);

    rig_prd(&r, 0, RIG_DATA, 700, true); /* not even whole sectors */
    rig_command(&r, 0, 0xc8, 8, 2);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), 0);
    fake_out(&r.f, r.control, 1, ATA_CONTROL_SRST);
    fake_out(&r.f, r.control, 1, 0);
    assert_int_equal(rig_altstatus(&r), READY);

    rig_prd(&r, 0, RIG_DATA, 65536, true); /* count 0 */
    rig_command(&r, 0, 0xc8, 0, 64);
    rig_bm_start(&r, true);
    rig_expect(&r, RIG_DATA, 0, 64 * 512);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT | BM_STATUS_ACTIVE);
    assert_int_equal(r.f.mapped, 0);
    fake_finish(&r.f);
}

static void test_table_without_memory(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    rig_prd(&r, 0, RIG_DATA, 1024, false);
    rig_prd(&r, 1, FAKE_RAM_SIZE + 0x1000, 1024, true);
    rig_command(&r, 0, 0xc8, 4, 4);
    rig_bm_start(&r, true);
    rig_expect(&r, RIG_DATA, 4, 1024); /* what came before is there */
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT | BM_STATUS_ERROR);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), ATA_ERROR_ABRT);
    rig_bm_stop(&r);

    /* The table itself. */
    rig_command(&r, 0, 0xc8, 4, 4);
    fake_out(&r.f, RIG_BM + BM_REG_PRDT, 4, 0xfffffff8);
    fake_out(&r.f, RIG_BM, 1, BM_COMMAND_START | BM_COMMAND_READ);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT | BM_STATUS_ERROR);
    assert_int_equal(rig_interrupt(&r), FAILED);
    rig_bm_stop(&r);

    /* No bus master. */
    fake_config_out(&r.f, RIG_FN, PCI_COMMAND, 2, PCI_COMMAND_IO);
    rig_command(&r, 0, 0xc8, 4, 1);
    rig_bm_start(&r, true);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT | BM_STATUS_ERROR);
    assert_int_equal(rig_interrupt(&r), FAILED);
    rig_bm_stop(&r);

    /* A hole in the middle of a piece; the entries' own page ends after one and a half. */
    fake_config_out(&r.f, RIG_FN, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
    r.f.hole_first = RIG_DATA + 0x1000;
    r.f.hole_last = RIG_DATA + 0x1fff;
    dm_put_le(r.f.ram + 0x6ff4, 4, RIG_DATA);
    dm_put_le(r.f.ram + 0x6ff8, 4, 512);
    dm_put_le(r.f.ram + 0x6ffc, 4, RIG_DATA + 512);
    dm_put_le(r.f.ram + 0x7000, 4, PRD_EOT | 0x2000);
    rig_command(&r, 0, 0xc8, 7, 16);
    fake_out(&r.f, RIG_BM + BM_REG_PRDT, 4, 0x6ff4);
    fake_out(&r.f, RIG_BM, 1, BM_COMMAND_START | BM_COMMAND_READ);
    rig_expect(&r, RIG_DATA, 7, 0x1000);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT | BM_STATUS_ERROR);
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(r.f.mapped, 0);
    fake_finish(&r.f);
}

static void test_bm_registers(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    fake_out(&r.f, RIG_BM + BM_REG_PRDT, 4, 0x12345677);
    assert_int_equal(fake_in(&r.f, RIG_BM + BM_REG_PRDT, 4), 0x12345674);
    fake_out(&r.f, RIG_BM + BM_REG_PRDT + 2, 1, 0xab);
    assert_int_equal(fake_in(&r.f, RIG_BM + BM_REG_PRDT, 4), 0x12ab5674);
    assert_int_equal(fake_in(&r.f, RIG_BM + BM_REG_PRDT + 2, 2), 0x12ab);
    fake_out(&r.f, RIG_BM, 4, 0xff60ff08); /* a dword reaches command and status */
    assert_int_equal(fake_in(&r.f, RIG_BM, 4), 0x00600008);
    fake_out(&r.f, RIG_BM + BM_REG_STATUS, 1, 0);
    assert_int_equal(fake_in(&r.f, RIG_BM + BM_REG_STATUS, 1), 0);
    fake_out(&r.f, RIG_BM + BM_REG_STATUS, 1, 0x01); /* active is read-only */
    assert_int_equal(fake_in(&r.f, RIG_BM + BM_REG_STATUS, 1), 0);
    rig_roundtrip(&r);
    dm_machine_reset(&r.f.machine);
    fake_config_out(&r.f, RIG_FN, PCI_BAR0 + 16, 4, RIG_BM);
    fake_config_out(&r.f, RIG_FN, PCI_COMMAND, 2, PCI_COMMAND_IO);
    assert_int_equal(fake_in(&r.f, RIG_BM + BM_REG_PRDT, 4), 0);
    fake_finish(&r.f);
}

/* Stopped with a request in flight: the drive ends it and waits, or is done. */
static void test_stop_while_active(void **state)
{
    struct rig r;

    rig_disk(&r, 1000);
    r.disk->deferred = true;
    r.f.map_chunk = 1024;
    for (unsigned i = 0; i < 8; i++)
        rig_prd(&r, i, RIG_DATA + i * 65536, 65536, i == 7);
    rig_command48(&r, 0, 0x25, 0, 900); /* two requests */
    rig_bm_start(&r, true);
    fake_out(&r.f, RIG_BM, 1, 0);
    assert_int_equal(rig_bm_status(&r), 0);
    assert_true(fake_block_step(r.disk));
    assert_false(fake_block_step(r.disk)); /* no more without the bus master */
    assert_false(r.f.isa[14]);
    assert_true(rig_altstatus(&r) & ATA_STATUS_BSY);
    rig_roundtrip(&r);
    rig_prd(&r, 0, RIG_DATA, 65536, false);
    rig_bm_start(&r, true); /* the rest goes where the table begins */
    while (fake_block_step(r.disk))
        ;
    assert_int_equal(rig_interrupt(&r), READY);
    rig_expect(&r, RIG_DATA, 512, 388 * 512);
    fake_finish(&r.f);
}

/* Saving with a request in flight ends it first. */
static void test_save_in_flight(void **state)
{
    struct dm_buf buf = { 0 };
    struct dm_error err;
    struct rig r;

    rig_disk(&r, 1000);
    r.disk->deferred = true;
    r.f.map_chunk = 1024;
    for (unsigned i = 0; i < 8; i++)
        rig_prd(&r, i, RIG_DATA + i * 65536, 65536, i == 7);
    rig_command48(&r, 0, 0x25, 0, 900);
    rig_bm_start(&r, true);
    assert_int_equal(dm_state_save(&r.f.machine, &buf, &err), 0);
    assert_int_equal(r.f.mapped, 0);
    assert_true(r.f.isa[14]);
    assert_int_equal(dm_state_load(&r.f.machine, buf.data, buf.len, &err), 0);
    assert_true(r.f.isa[14]);
    assert_int_equal(rig_bm_status(&r), BM_STATUS_INT | BM_STATUS_ACTIVE);
    assert_int_equal(rig_interrupt(&r), READY);
    dm_buf_finish(&buf);
    fake_finish(&r.f);
}

static void refused(struct rig *r, const char *class, const char *key, const char *value,
                    const char *says)
{
    struct dm_option opt[] = { { "drive", "spare" }, { key, value }, { "bus", "ide.0" } };
    struct dm_error err = { "" };
    bool has_bus = !strcmp(key, "bus");

    assert_null(dm_device_create(&r->f.machine, class, opt, has_bus ? 2 : 3, &err));
    assert_non_null(strstr(err.text, says));
    assert_false(dm_block_find(&r->f.machine, "spare")->attached);
}

static void test_places(void **state)
{
    struct dm_error err = { "" };
    struct fake_block *spare;
    struct fake f;
    struct rig r;
    char text[64];

    rig_disk(&r, 64);
    spare = fake_block_create(&r.f, "spare", 512);
    refused(&r, "ide-hd", "bus", "ide.2", "no bus 'ide.2'");
    refused(&r, "ide-hd", "unit", "2", "units 0 and 1");
    refused(&r, "ide-hd", "unit", "0", "has a drive already");
    spare->block.readonly = true;
    refused(&r, "ide-hd", "unit", "1", "read-only");
    spare->block.readonly = false;
    spare->block.size = 511;
    refused(&r, "ide-hd", "unit", "1", "not even one sector");
    spare->block.size = 512;
    assert_null(dm_device_create(&r.f.machine, "ide-hd", NULL, 0, &err));
    assert_non_null(strstr(err.text, "drive= is missing"));
    assert_null(dm_device_create(&r.f.machine, "piix4-ide", NULL, 0, &err));
    /* Without bus=: the next free place. */
    for (unsigned i = 1; i < 4; i++) {
        struct ide_drive *d;

        snprintf(text, sizeof(text), "hd%u", i);
        fake_block_create(&r.f, text, 512 * 64);
        snprintf(text, sizeof(text), "drive=hd%u", i);
        d = fake_device(&r.f, "ide-hd", text);
        assert_ptr_equal(d, ide_channel_find(&r.f.machine, i / 2)->drive[i % 2]);
        snprintf(text, sizeof(text), "QM0000%u", i + 1);
        assert_string_equal(d->serial, text);
    }
    assert_null(dm_device_create(&r.f.machine, "ide-hd",
                                 (struct dm_option[]) { { "drive", "spare" } }, 1, &err));
    assert_non_null(strstr(err.text, "all four"));
    fake_finish(&r.f);

    fake_init(&f, rig_classes);
    fake_block_create(&f, "hda", 512);
    assert_null(dm_device_create(&f.machine, "ide-hd", (struct dm_option[]) { { "drive", "hda" } },
                                 1, &err));
    assert_non_null(strstr(err.text, "no IDE controller"));
    fake_finish(&f);
}

static void test_unplug(void **state)
{
    struct fake_block *b;
    struct rig r;

    rig_disk(&r, 64);
    b = fake_block_create(&r.f, "hdb", 64 * 512);
    fake_device(&r.f, "ide-hd", "drive=hdb,bus=ide.0,unit=1");
    b->deferred = true;
    rig_prd(&r, 0, RIG_DATA, 512, true);
    rig_command(&r, 1, 0xca, 0, 1);
    rig_bm_start(&r, false);
    dm_machine_unplug(&r.f.machine, DM_UNPLUG_NICS);
    assert_true(rig_altstatus(&r) & ATA_STATUS_BSY);
    dm_machine_unplug(&r.f.machine, DM_UNPLUG_AUX_IDE);
    assert_int_equal(rig_altstatus(&r), 0); /* gone, nothing is left in flight */
    assert_false(r.f.isa[14]);
    assert_int_equal(b->writes, 1);
    assert_int_equal(b->flushes, 1);
    assert_int_equal(b->block.in_flight, 0);
    assert_false(b->block.attached);
    rig_out(&r, ATA_REG_DEVICE, 0xe0);
    assert_int_equal(rig_altstatus(&r), READY);
    rig_command(&r, 0, 0x20, 0, 1);
    assert_true(r.f.isa[14]);
    dm_machine_unplug(&r.f.machine, DM_UNPLUG_IDE_DISKS);
    assert_int_equal(rig_altstatus(&r), 0);
    assert_false(r.f.isa[14]);
    assert_int_equal(r.disk->flushes, 1);
    assert_false(r.disk->block.attached);
    fake_finish(&r.f);
}

/* One value of a valid state replaced: it must be refused. */
#define REFUSED_WITH(r, field, value)                                                 \
    do {                                                                              \
        struct dm_buf buf = { 0 };                                                    \
        struct dm_error err;                                                          \
        struct ide_drive *d = (r)->drive;                                             \
        __typeof__(d->field) was = d->field;                                          \
        d->field = (value);                                                           \
        dm_device_save(&d->dev, &buf);                                                \
        d->field = was;                                                               \
        assert_int_not_equal(dm_device_load(&d->dev, buf.data, buf.len, 1, &err), 0); \
        dm_buf_finish(&buf);                                                          \
    } while (0)

static void test_bad_state(void **state)
{
    struct rig r;

    rig_disk(&r, 64);
    REFUSED_WITH(&r, mult, 3);
    REFUSED_WITH(&r, mult, 32);
    REFUSED_WITH(&r, heads, 0);
    REFUSED_WITH(&r, heads, 17);
    REFUSED_WITH(&r, spt, 0);
    REFUSED_WITH(&r, tests, 22);
    REFUSED_WITH(&r, reset, IDE_RESET_POWER);
    REFUSED_WITH(&r, buf_fill, IDE_BUF + 1);
    REFUSED_WITH(&r, buf_end, 1);
    REFUSED_WITH(&r, buf_pos, 1);
    REFUSED_WITH(&r, phase, IDE_BUSY);
    REFUSED_WITH(&r, phase, IDE_PIO_IN);
    for (unsigned i = 0; i < 4; i++) {
        /* A load that is refused resets the drive: a new command each time. */
        rig_command(&r, 0, i < 2 ? 0x20 : 0x30, 0, 2);
        assert_null(fake_state_roundtrip(&r.f, r.drive));
        rig_command(&r, 0, i < 2 ? 0x20 : 0x30, 0, 2);
        if (i == 0)
            REFUSED_WITH(&r, drq_max, 0);
        else if (i == 1)
            REFUSED_WITH(&r, command, 0xe7); /* has no transfer */
        else if (i == 2)
            REFUSED_WITH(&r, left, 64 * 512 + 512);
        else
            REFUSED_WITH(&r, drq_max, 100);
    }
    rig_command(&r, 0, 0xc8, 0, 2);
    REFUSED_WITH(&r, off, UINT64_MAX);
    rig_command(&r, 0, 0xc8, 0, 2);
    REFUSED_WITH(&r, media, false);
    rig_command(&r, 0, 0xc8, 0, 2);
    REFUSED_WITH(&r, framed, true);
    fake_finish(&r.f);
}

UNIT_MAIN(cmocka_unit_test(test_no_drives), cmocka_unit_test(test_no_slave),
          cmocka_unit_test(test_two_drives), cmocka_unit_test(test_secondary_channel),
          cmocka_unit_test(test_interrupt_enable), cmocka_unit_test(test_software_reset),
          cmocka_unit_test(test_reset_in_flight), cmocka_unit_test(test_commands_while_busy),
          cmocka_unit_test(test_table_sizes), cmocka_unit_test(test_table_without_memory),
          cmocka_unit_test(test_bm_registers), cmocka_unit_test(test_stop_while_active),
          cmocka_unit_test(test_save_in_flight), cmocka_unit_test(test_places),
          cmocka_unit_test(test_unplug), cmocka_unit_test(test_bad_state))
