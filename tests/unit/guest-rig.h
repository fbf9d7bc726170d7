/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A whole guest on the fakes: the devices that xl's arguments ask for, and its firmware. */
#ifndef GUEST_RIG_H
#define GUEST_RIG_H

#include "firmware/classes.h"
#include "hw/classes.h"
#include "tests/fake/fake.h"

#include <stdio.h>
#include <string.h>

#define GUEST_CLASSES 64

struct guest {
    struct fake f;
    const struct dm_class *classes[GUEST_CLASSES];
    struct fake_block *disk, *second, *cd;
    struct fake_chardev *serial;
    struct fake_net *net[2];
};

/* vga: options of the VGA. unit: bytes of the smallest disk, the CD. */
static inline void guest_start_sized(struct guest *g, const char *vga, uint64_t unit)
{
    static const struct dm_class *const *const tables[] = { hw_classes, firmware_classes };
    unsigned n = 0;

    memset(g->classes, 0, sizeof(g->classes));
    for (unsigned t = 0; t < DM_ARRAY_LEN(tables); t++)
        for (const struct dm_class *const *c = tables[t]; *c && n < GUEST_CLASSES - 1; c++)
            g->classes[n++] = *c;
    fake_init(&g->f, g->classes);
    g->f.machine.ram_size = 256 << 20;
    g->f.machine.vcpus = g->f.machine.max_vcpus = 2;
    snprintf(g->f.machine.boot_order, sizeof(g->f.machine.boot_order), "dc");
    g->disk = fake_block_create(&g->f, "hda", 8 * unit);
    g->second = fake_block_create(&g->f, "hdb", 4 * unit);
    g->cd = fake_block_create(&g->f, "hdc", unit);
    g->cd->block.readonly = true;
    g->serial = fake_chardev_create(&g->f, "serial0");
    fake_device(&g->f, "cmos", "");
    fake_device(&g->f, "i440fx", "");
    fake_device(&g->f, "piix3", "");
    fake_device(&g->f, "piix3-ide", "");
    fake_device(&g->f, "piix4-pm", "");
    fake_device(&g->f, "i8042", "");
    fake_device(&g->f, "xen-platform", "");
    fake_device(&g->f, "VGA", vga);
    fake_device(&g->f, "isa-serial", "chardev=serial0");
    fake_device(&g->f, "debugcon", "");
    fake_device(&g->f, "ide-hd", "drive=hda,bus=ide.0,unit=0");
    fake_device(&g->f, "ide-hd", "drive=hdb,bus=ide.0,unit=1");
    fake_device(&g->f, "ide-cd", "drive=hdc,bus=ide.1,unit=0");
}

static inline void guest_start(struct guest *g)
{
    guest_start_sized(g, "", 1 << 20);
}

static inline uint32_t config_in(struct guest *g, uint8_t devfn, unsigned off, unsigned size)
{
    fake_out(&g->f, 0xcf8, 4, 0x80000000 | (uint32_t)devfn << 8 | (off & 0xfc));
    return fake_in(&g->f, (uint16_t)(0xcfc + (off & 3)), size);
}

static inline void config_out(struct guest *g, uint8_t devfn, unsigned off, unsigned size,
                              uint32_t val)
{
    fake_out(&g->f, 0xcf8, 4, 0x80000000 | (uint32_t)devfn << 8 | (off & 0xfc));
    fake_out(&g->f, (uint16_t)(0xcfc + (off & 3)), size, val);
}

/* hvmloader's pci_setup in short: sizes, addresses, decoding. Returns the functions found. */
static inline unsigned firmware_pci_setup(struct guest *g)
{
    static const uint8_t route[4] = { 5, 10, 11, 5 };
    uint32_t mem = 0xf0000000, io = 0xc000;
    unsigned found = 0;

    for (unsigned link = 0; link < 4; link++)
        config_out(g, 1 << 3, 0x60 + link, 1, route[link]);
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        uint8_t fn = (uint8_t)devfn;
        uint32_t command = 0;

        if (config_in(g, fn, 0, 2) == 0xffff)
            continue;
        found++;
        config_out(g, fn, 4, 2, config_in(g, fn, 4, 2) & ~3u);
        for (unsigned bar = 0; bar <= 6; bar++) {
            unsigned reg = bar == 6 ? 0x30 : 0x10 + 4 * bar;
            uint32_t was = config_in(g, fn, reg, 4), size;

            config_out(g, fn, reg, 4, bar == 6 ? 0xfffff800 : 0xffffffff);
            size = config_in(g, fn, reg, 4);
            config_out(g, fn, reg, 4, was);
            if (size == 0)
                continue;
            if (bar < 6 && (size & 1)) {
                size = -(size & ~3u);
                io = (io + size - 1) & ~(size - 1);
                config_out(g, fn, reg, 4, io);
                io += size;
                command |= PCI_COMMAND_IO;
            } else {
                size = -(size & ~15u);
                mem = (mem + size - 1) & ~(size - 1);
                config_out(g, fn, reg, 4, mem);
                mem += size;
                command |= PCI_COMMAND_MEMORY;
            }
        }
        if (config_in(g, fn, 0x3d, 1))
            config_out(g, fn, 0x3c, 1, route[((fn >> 3) + config_in(g, fn, 0x3d, 1) - 1) & 3]);
        config_out(g, fn, 4, 2, config_in(g, fn, 4, 2) | command);
    }
    config_out(g, 0x0b, 0x40, 4, 0xb001);
    config_out(g, 0x0b, 0x80, 1, 1);
    return found;
}

/* One of each model; after guest_start. */
static inline void guest_add_nics(struct guest *g)
{
    g->net[0] = fake_net_create(&g->f, "net0");
    g->net[1] = fake_net_create(&g->f, "net1");
    fake_device(&g->f, "e1000", "id=nic0,netdev=net0,mac=00:16:3e:00:00:01");
    fake_device(&g->f, "rtl8139", "id=nic1,netdev=net1,mac=00:16:3e:00:00:02");
}

/* As after a boot: modes, rings, half of a command everywhere. With NICs and their BARs set. */
static inline void guest_use(struct guest *g)
{
    uint64_t bar0 = config_in(g, PCI_DEVFN(4, 0), 0x10, 4) & ~15u;
    uint16_t io = (uint16_t)(config_in(g, PCI_DEVFN(5, 0), 0x10, 4) & ~3u);

    fake_out(&g->f, 0x1f6, 1, 0xe0);
    fake_out(&g->f, 0x1f2, 1, 2);
    fake_out(&g->f, 0x1f7, 1, 0x20); /* READ SECTORS: one of two is read */
    for (unsigned i = 0; i < 300; i++)
        fake_in(&g->f, 0x1f0, 2);
    fake_out(&g->f, 0x176, 1, 0xa0);
    fake_out(&g->f, 0x177, 1, 0xa0); /* PACKET, half of it */
    fake_out(&g->f, 0x170, 2, 0x12);
    fake_out(&g->f, 0x64, 1, 0xd4);
    fake_out(&g->f, 0x60, 1, 0xf4);
    fake_out(&g->f, 0x3f8 + 3, 1, 0x83);
    fake_out(&g->f, 0x3f8, 1, 1);
    fake_out(&g->f, 0x3f8 + 3, 1, 3);
    fake_out(&g->f, 0x70, 1, 0x34);
    fake_out(&g->f, 0x71, 1, 0x77);
    fake_out(&g->f, 0xb2, 1, 0xf1);
    fake_out(&g->f, 0x10, 1, 1); /* the ROM area is locked */
    fake_out(&g->f, 0x1ce, 2, 1);
    fake_out(&g->f, 0x1cf, 2, 800);
    fake_out(&g->f, 0x1ce, 2, 2);
    fake_out(&g->f, 0x1cf, 2, 600);
    fake_out(&g->f, 0x1ce, 2, 3);
    fake_out(&g->f, 0x1cf, 2, 32);
    fake_out(&g->f, 0x1ce, 2, 4);
    fake_out(&g->f, 0x1cf, 2, 0x41);
    fake_store(&g->f, bar0 + 0x100, 4, 2);      /* e1000: receive on */
    fake_store(&g->f, bar0 + 0xc4, 4, 1000);    /* ITR */
    fake_store(&g->f, bar0 + 0xd0, 4, 0x1f6dc); /* IMS */
    fake_out(&g->f, (uint16_t)(io + 0x30), 4, 0x20000);
    fake_out(&g->f, (uint16_t)(io + 0x37), 1, 0x0c); /* rtl8139: both on */
    fake_out(&g->f, (uint16_t)(io + 0x54), 4, 33000000);
    fake_advance(&g->f, 12345678);
}

#endif
