/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine with an IDE controller, for the tests of hw/ide: a driver in few lines. */
#ifndef IDE_RIG_H
#define IDE_RIG_H

#include "hw/classes.h"
#include "hw/ide/ide-regs.h"
#include "hw/ide/ide.h"
#include "tests/unit/unit.h"

#define RIG_BM   0xc000u
#define RIG_PRDT 0x8000u
#define RIG_DATA 0x100000u
#define RIG_FN   PCI_DEVFN(1, 1)

struct rig {
    struct fake f;
    struct dm_device *controller;
    struct ide_drive *drive; /* the one under test */
    struct fake_block *disk;
    uint16_t port, control, bm;
    unsigned irq;
};

static const struct dm_class *const rig_classes[] = { &piix3_ide_class, &piix4_ide_class,
                                                      &ide_hd_class, &ide_cd_class, NULL };

/* The controller with its bus master at RIG_BM, and no drive. */
static inline void rig_init(struct rig *r, const char *controller)
{
    *r = (struct rig) { .port = 0x1f0, .control = 0x3f6, .bm = RIG_BM, .irq = 14 };
    fake_init(&r->f, rig_classes);
    r->controller = fake_device(&r->f, controller, "");
    fake_config_out(&r->f, RIG_FN, PCI_BAR0 + 16, 4, RIG_BM);
    fake_config_out(&r->f, RIG_FN, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
}

/* Byte of the pattern at an offset of a disk. */
static inline uint8_t rig_pattern(uint64_t off)
{
    return (uint8_t)(off / 512 * 7 + off % 512 + 1);
}

/* A controller with a patterned disk as primary master. */
static inline void rig_disk(struct rig *r, uint64_t sectors)
{
    rig_init(r, "piix3-ide");
    r->disk = fake_block_create(&r->f, "hda", sectors * 512);
    for (uint64_t i = 0; i < sectors * 512; i++)
        r->disk->data[i] = rig_pattern(i);
    r->drive = fake_device(&r->f, "ide-hd", "drive=hda,bus=ide.0,unit=0,id=hda");
}

static inline uint8_t rig_in(struct rig *r, unsigned reg)
{
    return (uint8_t)fake_in(&r->f, (uint16_t)(r->port + reg), 1);
}

static inline void rig_out(struct rig *r, unsigned reg, uint8_t val)
{
    fake_out(&r->f, (uint16_t)(r->port + reg), 1, val);
}

static inline uint8_t rig_altstatus(struct rig *r)
{
    return (uint8_t)fake_in(&r->f, r->control, 1);
}

/* An LBA28 command to device 0 or 1. */
static inline void rig_command(struct rig *r, unsigned dev, uint8_t opcode, uint32_t lba,
                               uint8_t count)
{
    rig_out(r, ATA_REG_DEVICE, (uint8_t)(0xe0 | dev << 4 | (lba >> 24 & 15)));
    rig_out(r, ATA_REG_COUNT, count);
    rig_out(r, ATA_REG_LBA_LOW, (uint8_t)lba);
    rig_out(r, ATA_REG_LBA_MID, (uint8_t)(lba >> 8));
    rig_out(r, ATA_REG_LBA_HIGH, (uint8_t)(lba >> 16));
    rig_out(r, ATA_REG_COMMAND, opcode);
}

static inline void rig_command48(struct rig *r, unsigned dev, uint8_t opcode, uint64_t lba,
                                 uint16_t count)
{
    rig_out(r, ATA_REG_DEVICE, (uint8_t)(0x40 | dev << 4));
    rig_out(r, ATA_REG_COUNT, (uint8_t)(count >> 8));
    rig_out(r, ATA_REG_LBA_LOW, (uint8_t)(lba >> 24));
    rig_out(r, ATA_REG_LBA_MID, (uint8_t)(lba >> 32));
    rig_out(r, ATA_REG_LBA_HIGH, (uint8_t)(lba >> 40));
    rig_out(r, ATA_REG_COUNT, (uint8_t)count);
    rig_out(r, ATA_REG_LBA_LOW, (uint8_t)lba);
    rig_out(r, ATA_REG_LBA_MID, (uint8_t)(lba >> 8));
    rig_out(r, ATA_REG_LBA_HIGH, (uint8_t)(lba >> 16));
    rig_out(r, ATA_REG_COMMAND, opcode);
}

/* SET FEATURES */
static inline void rig_features(struct rig *r, unsigned dev, uint8_t sub, uint8_t count)
{
    rig_out(r, ATA_REG_FEATURES, sub);
    rig_command(r, dev, 0xef, 0, count);
}

/* The interrupt is there; the Status register that takes it back. */
static inline uint8_t rig_interrupt(struct rig *r)
{
    uint8_t status;

    assert_true(r->f.isa[r->irq]);
    status = rig_in(r, ATA_REG_COMMAND);
    assert_false(r->f.isa[r->irq]);
    return status;
}

static inline void rig_read_data(struct rig *r, void *buf, size_t len)
{
    dm_space_read_block(&r->f.machine.io, r->port, 2, buf, len / 2);
}

static inline void rig_write_data(struct rig *r, const void *buf, size_t len)
{
    dm_space_write_block(&r->f.machine.io, r->port, 2, buf, len / 2);
}

/* Entry n of the table. len 65536 is written as 0. */
static inline void rig_prd(struct rig *r, unsigned n, uint32_t addr, uint32_t len, bool last)
{
    dm_put_le(r->f.ram + RIG_PRDT + 8 * n, 4, addr);
    dm_put_le(r->f.ram + RIG_PRDT + 8 * n + 4, 4, (len & 0xffff) | (last ? PRD_EOT : 0));
}

static inline void rig_bm_start(struct rig *r, bool to_memory)
{
    fake_out(&r->f, (uint16_t)(r->bm + BM_REG_PRDT), 4, RIG_PRDT);
    fake_out(&r->f, r->bm, 1, to_memory ? BM_COMMAND_READ : 0);
    fake_out(&r->f, (uint16_t)(r->bm + BM_REG_STATUS), 1, 0x66);
    fake_out(&r->f, r->bm, 1, BM_COMMAND_START | (to_memory ? BM_COMMAND_READ : 0));
}

/* Active, error and interrupt. */
static inline uint8_t rig_bm_status(struct rig *r)
{
    return fake_in(&r->f, (uint16_t)(r->bm + BM_REG_STATUS), 1) & 7;
}

static inline void rig_bm_stop(struct rig *r)
{
    fake_out(&r->f, r->bm, 1, 0);
    fake_out(&r->f, (uint16_t)(r->bm + BM_REG_STATUS), 1, 0x66);
}

/* Guest memory holds the disk's pattern from sector lba on. */
static inline void rig_expect(struct rig *r, uint32_t addr, uint64_t lba, size_t len)
{
    for (size_t i = 0; i < len; i++)
        assert_int_equal(r->f.ram[addr + i], rig_pattern(lba * 512 + i));
}

static inline void rig_expect_buf(const uint8_t *buf, uint64_t lba, size_t len)
{
    for (size_t i = 0; i < len; i++)
        assert_int_equal(buf[i], rig_pattern(lba * 512 + i));
}

/* Every device's state goes round. */
static inline void rig_roundtrip(struct rig *r)
{
    for (struct dm_device *d = r->f.machine.devices; d; d = d->next)
        assert_null(fake_state_roundtrip(&r->f, d));
}

#endif
