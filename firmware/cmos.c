/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CMOS memory 0E to 7F: what the BIOS wants to know about the machine. Registers below
 * 0E are the clock, which Xen emulates: only higher indices, and the data accesses that
 * follow them, come to us.
 *
 * IBM PC AT Technical Reference (6280070), section 1, "CMOS RAM addresses"; Motorola
 * MC146818A for the two ports; SeaBIOS src/hw/rtc.h for the registers emulators use.
 *
 * hvmloader writes 15-18, 30/31 and 34/35 again from the memory map it builds.
 * Missing: the checksum 2E/2F (no firmware that runs here checks it; hvmloader does not
 * update it), floppy drives.
 */
#include "dm/bytes.h"
#include "dm/machine.h"
#include "firmware/classes.h"

#include <errno.h>
#include <string.h>

#define CMOS_SIZE       0x80
#define CMOS_FIRST      0x0e /* below: Xen's */

/* Ports, as offsets from 70. */
#define CMOS_INDEX      0 /* bit 7 masks the NMI and is no part of the index */
#define CMOS_DATA       1

#define REG_FLOPPY      0x10 /* types of A: and B: */
#define REG_DISK        0x12 /* types of the first two disks: 15 is "see 19 or 1A" */
#define REG_EQUIPMENT   0x14
#define REG_BASE_KB     0x15 /* memory below 1 MiB */
#define REG_EXT_KB      0x17 /* from 1 MiB on; at most 65535 */
#define REG_DISK_EXT    0x19 /* and 1A: types of the first two disks: 47 is "own table" */
#define REG_DISK_TABLE  0x1b /* 9 bytes a disk */
#define REG_EXT2_KB     0x30 /* as 17 */
#define REG_CENTURY     0x32 /* BCD */
#define REG_ABOVE_16M   0x34 /* units of 64 KiB */
#define REG_CENTURY_PS2 0x37 /* BCD */
#define REG_BOOT_3      0x38 /* 7:4 third device, bit 0: do not ask floppies for a signature */
#define REG_TRANSLATION 0x39 /* 2 bits an IDE disk: 0 none, 1 LBA, 2 large */
#define REG_BOOT_12     0x3d /* 3:0 first device, 7:4 second */
#define REG_ABOVE_4G    0x5b /* 3 bytes, units of 64 KiB */
#define REG_CPUS        0x5f /* less one */

#define EQUIPMENT_FPU   0x02
#define EQUIPMENT_MOUSE 0x04

#define LOW_RAM_END     0xf0000000 /* where hvmloader starts its PCI window at the latest */

struct cmos {
    struct dm_device dev;
    uint8_t index;
    uint8_t reg[CMOS_SIZE];
    bool disks_known;

    struct dm_region ports;
};

static uint8_t cmos_bcd(unsigned n)
{
    return (uint8_t)(n / 10 % 10 << 4 | n % 10);
}

/* Number of the BIOS for a letter of -boot order=, 0 for none. */
static uint8_t cmos_boot_device(char letter)
{
    switch (letter) {
    case 'a':
        return 1;
    case 'c':
        return 2;
    case 'd':
        return 3;
    case 'n':
        return 4;
    default:
        return 0;
    }
}

static void cmos_fill_boot_order(struct cmos *s)
{
    const char *order = s->dev.machine->boot_order;
    uint8_t bdev[3] = { 0 };

    for (unsigned n = 0, i = 0; n < 3 && i < sizeof(s->dev.machine->boot_order) && order[i]; i++) {
        bdev[n] = cmos_boot_device(order[i]);
        n += bdev[n] != 0;
    }
    s->reg[REG_BOOT_12] = (uint8_t)(bdev[1] << 4 | bdev[0]);
    s->reg[REG_BOOT_3] = (uint8_t)(bdev[2] << 4);
}

static void cmos_fill_memory(struct cmos *s)
{
    uint64_t ram = s->dev.machine->ram_size;
    uint64_t low = ram < LOW_RAM_END ? ram : LOW_RAM_END;
    uint64_t ext = low > 1 << 20 ? (low - (1 << 20)) >> 10 : 0;
    uint64_t mid = low > 16 << 20 ? (low - (16 << 20)) >> 16 : 0;
    uint64_t high = (ram - low) >> 16;

    if (ext > 0xffff)
        ext = 0xffff;
    if (high > 0xffffff)
        high = 0xffffff;
    dm_put_le(&s->reg[REG_BASE_KB], 2, 640);
    dm_put_le(&s->reg[REG_EXT_KB], 2, ext);
    dm_put_le(&s->reg[REG_EXT2_KB], 2, ext);
    dm_put_le(&s->reg[REG_ABOVE_16M], 2, mid); /* below 4 GiB it fits */
    dm_put_le(&s->reg[REG_ABOVE_4G], 3, high);
}

/*
 * Disks of the first IDE channel get types and geometry, as the BIOS' setup program would
 * have stored them; all four get the translation that SeaBIOS asks for. Geometry is that of
 * ATA: 16 heads, 63 sectors, at most 16383 cylinders.
 */
static void cmos_fill_disks(struct cmos *s)
{
    const struct dm_machine *m = s->dev.machine;

    s->disks_known = true;
    for (unsigned n = 0; n < DM_ARRAY_LEN(m->ide_disk); n++) {
        uint8_t *t = &s->reg[REG_DISK_TABLE + 9 * n];
        uint64_t cyls;

        if (!m->ide_disk[n])
            continue;
        cyls = m->ide_disk[n]->size / (512 * 16 * 63);
        if (cyls > 16383)
            cyls = 16383;
        if (cyls > 1024)
            s->reg[REG_TRANSLATION] |= (uint8_t)(1u << 2 * n);
        if (n > 1)
            continue;
        s->reg[REG_DISK] |= n ? 0x0f : 0xf0;
        s->reg[REG_DISK_EXT + n] = 47;
        dm_put_le(t, 2, cyls);
        t[2] = 16;
        dm_put_le(t + 3, 2, 0xffff); /* no write precompensation */
        t[5] = 0xc8;                 /* control byte: no retries, more than 8 heads */
        dm_put_le(t + 6, 2, cyls);   /* landing zone */
        t[8] = 63;
    }
}

static uint64_t cmos_read(void *opaque, uint64_t off, unsigned size)
{
    struct cmos *s = opaque;

    (void)size;
    if (off != CMOS_DATA || s->index < CMOS_FIRST)
        return 0xff;
    if (!s->disks_known)
        cmos_fill_disks(s);
    return s->reg[s->index];
}

static void cmos_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct cmos *s = opaque;

    (void)size;
    if (off == CMOS_INDEX) {
        s->index = val & (CMOS_SIZE - 1);
        return;
    }
    if (!s->disks_known)
        cmos_fill_disks(s);
    if (s->index >= CMOS_FIRST)
        s->reg[s->index] = (uint8_t)val;
}

static const struct dm_region_ops cmos_ops = {
    .read = cmos_read,
    .write = cmos_write,
    .max = 1,
};

static void cmos_reset(struct dm_device *dev)
{
    struct cmos *s = (struct cmos *)dev;
    uint64_t years = dm_clock_wall(dev->machine->clock) / DM_NS_PER_SEC / 31556952;
    uint32_t cpus = dev->machine->vcpus;

    s->index = 0;
    memset(s->reg, 0, sizeof(s->reg));
    s->reg[REG_EQUIPMENT] = EQUIPMENT_FPU | EQUIPMENT_MOUSE;
    s->reg[REG_CENTURY] = s->reg[REG_CENTURY_PS2] = cmos_bcd((unsigned)(1970 + years) / 100);
    s->reg[REG_CPUS] = (uint8_t)(cpus > 256 ? 255 : cpus ? cpus - 1 : 0);
    cmos_fill_boot_order(s);
    cmos_fill_memory(s);
    /* The disks may be created after us: looked at when the guest first does. */
    s->disks_known = false;
}

static int cmos_realize(struct dm_device *dev, struct dm_error *err)
{
    struct cmos *s = (struct cmos *)dev;
    int rc;

    s->ports = (struct dm_region) { .name = "cmos", .ops = &cmos_ops, .opaque = s, .size = 2 };
    rc = dm_space_add(&dev->machine->io, &s->ports, 0x70);
    if (rc)
        return dm_error_set(err, -rc, "device '%s': ports 70-71 are taken", dev->id);
    return 0;
}

static void cmos_unrealize(struct dm_device *dev)
{
    dm_space_remove(&((struct cmos *)dev)->ports);
}

static const struct dm_field cmos_fields[] = {
    DM_UINT(struct cmos, index, 1),
    DM_BYTES(struct cmos, reg, 1),
    DM_BOOL(struct cmos, disks_known, 1),
    DM_FIELDS_END,
};

static int cmos_post_load(struct dm_device *dev, uint16_t version)
{
    (void)version;
    return ((struct cmos *)dev)->index < CMOS_SIZE ? 0 : -EINVAL;
}

const struct dm_class cmos_class = {
    .name = "cmos",
    .size = sizeof(struct cmos),
    .version = 1,
    .realize = cmos_realize,
    .unrealize = cmos_unrealize,
    .reset = cmos_reset,
    .fields = cmos_fields,
    .post_load = cmos_post_load,
};
