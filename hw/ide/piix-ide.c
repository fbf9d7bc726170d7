/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IDE function of Intel's south bridges: 82371SB (PIIX3) data sheet 2.3 and 2.7,
 * 82371AB (PIIX4) data sheet 5. Both decode the legacy ports and interrupts 14 and 15
 * only. They differ in the device ID and in PIIX4's Ultra DMA registers; drivers go by
 * the ID, so that with PIIX3 Linux and Windows use multiword DMA and with PIIX4 Ultra DMA.
 *
 * Difference from the chips: the ports answer whatever the decode enable bits of IDETIM
 * and the command register say; the bits are kept, for software that looks at them.
 */
#include "dm/bytes.h"
#include "hw/classes.h"
#include "hw/ide/ide-regs.h"
#include "hw/ide/ide.h"

#include <errno.h>

struct piix_ide {
    struct dm_pci_device pci;
    struct ide_channel channel[IDE_CHANNELS];
};

static const struct {
    uint16_t command, control;
    uint8_t irq;
} piix_ports[IDE_CHANNELS] = { { 0x1f0, 0x3f6, 14 }, { 0x170, 0x376, 15 } };

static uint64_t piix_bm_read(void *opaque, uint64_t off, unsigned size)
{
    struct piix_ide *p = opaque;

    return ide_bm_read(&p->channel[off / BM_REGS], off % BM_REGS, size);
}

static void piix_bm_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct piix_ide *p = opaque;

    ide_bm_write(&p->channel[off / BM_REGS], off % BM_REGS, size, val);
}

static const struct dm_region_ops piix_bm_ops = {
    .read = piix_bm_read,
    .write = piix_bm_write,
    .min = 1,
    .max = 4,
};

struct ide_channel *ide_channel_find(struct dm_machine *machine, unsigned n)
{
    struct dm_device *dev = dm_device_of_class(machine, &piix3_ide_class, NULL);

    if (!dev)
        dev = dm_device_of_class(machine, &piix4_ide_class, NULL);
    return dev && n < IDE_CHANNELS ? &((struct piix_ide *)dev)->channel[n] : NULL;
}

static int piix_channel_realize(struct piix_ide *p, unsigned n, struct dm_error *err)
{
    struct dm_machine *m = p->pci.dev.machine;
    struct ide_channel *ch = &p->channel[n];
    int rc;

    ch->owner = &p->pci.dev;
    ch->dma = &p->pci.dma;
    dm_machine_isa_irq(m, &ch->irq, piix_ports[n].irq);
    ch->command_block =
        (struct dm_region) { .name = "ide", .ops = &ide_command_ops, .opaque = ch, .size = 8 };
    ch->control_block =
        (struct dm_region) { .name = "ide", .ops = &ide_control_ops, .opaque = ch, .size = 1 };
    rc = dm_space_add(&m->io, &ch->command_block, piix_ports[n].command);
    if (!rc)
        rc = dm_space_add(&m->io, &ch->control_block, piix_ports[n].control);
    if (rc)
        return dm_error_set(err, -rc, "device '%s': the ports of IDE channel %u are taken",
                            p->pci.dev.id, n);
    return 0;
}

static void piix_unrealize(struct dm_device *dev)
{
    struct piix_ide *p = (struct piix_ide *)dev;

    for (unsigned n = 0; n < IDE_CHANNELS; n++) {
        for (unsigned i = 0; i < IDE_DRIVES; i++)
            if (p->channel[n].drive[i])
                p->channel[n].drive[i]->channel = NULL;
        dm_irq_set(&p->channel[n].irq, false);
        dm_space_remove(&p->channel[n].command_block);
        dm_space_remove(&p->channel[n].control_block);
    }
}

static int piix_realize(struct dm_device *dev, struct dm_error *err)
{
    struct piix_ide *p = (struct piix_ide *)dev;
    uint8_t *wmask = p->pci.wmask;

    if (ide_channel_find(dev->machine, 0))
        return dm_error_set(err, EEXIST, "device '%s': there is an IDE controller already",
                            dev->id);
    for (unsigned n = 0; n < IDE_CHANNELS; n++) {
        int rc = piix_channel_realize(p, n, err);

        if (rc) {
            piix_unrealize(dev);
            return rc;
        }
    }
    dm_put_le(wmask + PIIX_IDETIM0, 2, 0xf3ff);
    dm_put_le(wmask + PIIX_IDETIM1, 2, 0xf3ff);
    wmask[PIIX_SIDETIM] = 0xff;
    if (dev->class == &piix4_ide_class) {
        wmask[PIIX_UDMACTL] = 0x0f;
        dm_put_le(wmask + PIIX_UDMATIM, 2, 0x3333);
    }
    return 0;
}

static void piix_reset(struct dm_device *dev)
{
    struct piix_ide *p = (struct piix_ide *)dev;

    for (unsigned n = 0; n < IDE_CHANNELS; n++)
        ide_channel_reset(&p->channel[n]);
}

/* The drives' transfers move our cursors: they end before these are saved. */
static void piix_quiesce(struct dm_device *dev)
{
    struct piix_ide *p = (struct piix_ide *)dev;

    for (unsigned i = 0; i < IDE_CHANNELS * IDE_DRIVES; i++) {
        struct ide_drive *d = p->channel[i / IDE_DRIVES].drive[i % IDE_DRIVES];

        if (d)
            ide_drive_quiesce(d);
    }
}

static int piix_post_load(struct dm_device *dev, uint16_t version)
{
    struct piix_ide *p = (struct piix_ide *)dev;
    int rc = 0;

    for (unsigned n = 0; n < IDE_CHANNELS && !rc; n++) {
        rc = ide_channel_post_load(&p->channel[n]);
        ide_channel_restore_irq(&p->channel[n]);
    }
    return rc;
}

static const struct dm_field piix_fields[] = {
    DM_STRUCTS(struct piix_ide, channel, 1, ide_channel_fields),
    DM_FIELDS_END,
};

#define PIIX_INFO(id)                                                                     \
    {                                                                                     \
        .vendor = 0x8086, .device = id, .subsystem_vendor = 0x1af4, .subsystem = 0x1100,  \
        .class = 0x01, .subclass = 0x01, .prog_if = 0x80, .slot = 1, .fn = 1, .bar[4] = { \
            .size = IDE_CHANNELS * BM_REGS,                                               \
            .flags = PCI_BAR_IO,                                                          \
            .ops = &piix_bm_ops                                                           \
        }                                                                                 \
    }

static const struct dm_pci_info piix3_info = PIIX_INFO(0x7010), piix4_info = PIIX_INFO(0x7111);

const struct dm_class piix3_ide_class = {
    .name = "piix3-ide",
    .size = sizeof(struct piix_ide),
    .version = 1,
    .pci = &piix3_info,
    .realize = piix_realize,
    .unrealize = piix_unrealize,
    .reset = piix_reset,
    .fields = piix_fields,
    .post_load = piix_post_load,
    .quiesce = piix_quiesce,
};

const struct dm_class piix4_ide_class = {
    .name = "piix4-ide",
    .size = sizeof(struct piix_ide),
    .version = 1,
    .pci = &piix4_info,
    .realize = piix_realize,
    .unrealize = piix_unrealize,
    .reset = piix_reset,
    .fields = piix_fields,
    .post_load = piix_post_load,
    .quiesce = piix_quiesce,
};
