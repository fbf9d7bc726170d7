/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host bridge of the 440FX chipset (PMC), function 00:00.0, and the two ports of
 * configuration mechanism 1.
 *
 * Intel 82441FX PCI and Memory Controller (PMC), document 290549-001.
 * PCI Local Bus Specification 3.0, section 3.2.2.3.2 (configuration mechanism 1).
 *
 * Xen latches what is written to CF8 itself and turns data accesses to functions we
 * registered into requests of their own (io-req calls dm_pci_config_*), yet it still
 * forwards CF8 and expects it to read back. Memory control is inert: Xen owns the
 * memory map, so PAM, SMRAM and the DRAM registers only store what is written.
 * Missing: error reporting (ERRSTS stays zero).
 */
#include "dm/bytes.h"
#include "dm/machine.h"
#include "dm/pci.h"
#include "hw/classes.h"

/* Ports, as offsets from CF8. */
#define CONFADD       0 /* section 3.1: 31 enable, 23:16 bus, 15:8 device and function, 7:2 register */
#define CONFADD_RESET 1 /* CF9, PIIX3's: byte accesses only */
#define CONFDATA      4
#define CONFADD_MASK  0x80fffffc

/* Section 3.2: configuration registers. */
#define PMCCFG        0x50
#define DRB0          0x60
#define CLT           0x71
#define SMRAM         0x72
#define TRC           0x93 /* turbo reset control: like CF9 of PIIX3 */
#define TRC_RST       0x04 /* rising: reset the CPU, or with bit 1 everything */

struct i440fx {
    struct dm_pci_device pci;
    uint32_t confadd;
    uint8_t trc; /* TRC as last seen, to find the rising edge */

    struct dm_region ports; /* CF8-CFF */
};

/* Writable bits and power-on values of registers 40h and up. What is not here reads 0. */
static const struct {
    uint8_t off, mask, reset;
} i440fx_regs[] = {
    { PMCCFG, 0x70, 0x00 },     /* PMCCFG: the straps are not writable */
    { PMCCFG + 1, 0xb8, 0x00 }, /* PMCCFG */
    { 0x52, 0x43, 0x00 },       /* DETURBO */
    { 0x53, 0x7f, 0x00 },       /* DBC */
    { 0x54, 0xff, 0x00 },       /* AXC */
    { 0x55, 0xff, 0x00 },       /* DRT: row types */
    { 0x56, 0xff, 0x00 },       /* DRT */
    { 0x57, 0x3f, 0x01 },       /* DRAMC */
    { 0x58, 0x7f, 0x10 },       /* DRAMT */
    { 0x59, 0xff, 0x00 },       /* PAM0: F0000-FFFFF */
    { 0x5a, 0xff, 0x00 },       /* PAM1: C0000-C7FFF */
    { 0x5b, 0xff, 0x00 },       /* PAM2: C8000-CFFFF */
    { 0x5c, 0xff, 0x00 },       /* PAM3: D0000-D7FFF */
    { 0x5d, 0xff, 0x00 },       /* PAM4: D8000-DFFFF */
    { 0x5e, 0xff, 0x00 },       /* PAM5: E0000-E7FFF */
    { 0x5f, 0xff, 0x00 },       /* PAM6: E8000-EFFFF */
    { DRB0 + 0, 0xff, 0x01 },   /* DRAM row boundaries, units of 8 MiB */
    { DRB0 + 1, 0xff, 0x01 },   { DRB0 + 2, 0xff, 0x01 }, { DRB0 + 3, 0xff, 0x01 },
    { DRB0 + 4, 0xff, 0x01 },   { DRB0 + 5, 0xff, 0x01 }, { DRB0 + 6, 0xff, 0x01 },
    { DRB0 + 7, 0xff, 0x01 },   { 0x68, 0xc0, 0x00 }, /* FDHC: the hole at 512 KiB or 15 MiB */
    { 0x70, 0xf8, 0x00 },                             /* MTT */
    { CLT, 0xff, 0x10 },                              /* CLT */
    { SMRAM, 0x78, 0x02 },                            /* SMRAM: bits 2:0 are 010b for ever */
    { 0x90, 0xff, 0x00 },                             /* ERRCMD */
    { TRC, 0x0e, 0x00 },                              /* TRC */
};

/* The function that CONFADD names, or NULL. */
static struct dm_pci_device *i440fx_target(const struct i440fx *s)
{
    if (!(s->confadd & 0x80000000) || s->confadd >> 16 & 0xff)
        return NULL;
    return s->pci.dev.machine->pci.fn[s->confadd >> 8 & 0xff];
}

static uint64_t i440fx_port_read(void *opaque, uint64_t off, unsigned size)
{
    struct i440fx *s = opaque;
    struct dm_region *reset = s->pci.dev.machine->pci.reset_port;

    if (off >= CONFDATA)
        return dm_pci_config_read(i440fx_target(s), (s->confadd & 0xfc) + (off - CONFDATA), size);
    if (off == CONFADD_RESET && size == 1 && reset)
        return reset->ops->read(reset->opaque, 0, 1);
    if (dm_in_range(off, size, 4))
        return s->confadd >> (8 * off);
    return dm_ones(size);
}

static void i440fx_port_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct i440fx *s = opaque;
    struct dm_region *reset = s->pci.dev.machine->pci.reset_port;

    if (off >= CONFDATA)
        dm_pci_config_write(i440fx_target(s), (s->confadd & 0xfc) + (off - CONFDATA), size,
                            (uint32_t)val);
    else if (off == CONFADD && size == 4)
        s->confadd = (uint32_t)val & CONFADD_MASK;
    else if (off == CONFADD_RESET && size == 1 && reset)
        reset->ops->write(reset->opaque, 0, 1, val);
    /* Other bytes and words of CONFADD are plain I/O: nobody is there. */
}

static const struct dm_region_ops i440fx_port_ops = {
    .read = i440fx_port_read,
    .write = i440fx_port_write,
    .max = 4,
};

static void i440fx_config_written(struct dm_pci_device *pci, unsigned off, unsigned size)
{
    struct i440fx *s = (struct i440fx *)pci;
    uint8_t was = s->trc;

    if (off > TRC || off + size <= TRC)
        return;
    s->trc = pci->config[TRC];
    if (s->trc & ~was & TRC_RST)
        dm_machine_shutdown(pci->dev.machine, DM_SHUTDOWN_REBOOT);
}

static void i440fx_reset(struct dm_device *dev)
{
    struct i440fx *s = (struct i440fx *)dev;

    s->confadd = 0;
    s->trc = 0;
    /* PCICMD, PCISTS: decoding and mastering are always on; medium DEVSEL#, fast back to back. */
    dm_pci_put(&s->pci, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    dm_pci_put(&s->pci, PCI_STATUS, 2, 0x0280);
    for (unsigned i = 0; i < DM_ARRAY_LEN(i440fx_regs); i++)
        s->pci.config[i440fx_regs[i].off] = i440fx_regs[i].reset;
}

static int i440fx_realize(struct dm_device *dev, struct dm_error *err)
{
    struct i440fx *s = (struct i440fx *)dev;
    int rc;

    for (unsigned i = 0; i < DM_ARRAY_LEN(i440fx_regs); i++)
        s->pci.wmask[i440fx_regs[i].off] = i440fx_regs[i].mask;
    dm_put_le(s->pci.wmask + PCI_COMMAND, 2, 0x0140); /* SERR#, parity: all that is writable */
    s->pci.wmask[PCI_CACHE_LINE_SIZE] = 0;
    s->pci.wmask[PCI_LATENCY_TIMER] = 0xf8;
    s->pci.wmask[PCI_INTERRUPT_LINE] = 0;
    s->ports = (struct dm_region) {
        .name = "pci-config", .ops = &i440fx_port_ops, .opaque = s, .size = 8
    };
    rc = dm_space_add(&dev->machine->io, &s->ports, 0xcf8);
    if (rc)
        return dm_error_set(err, -rc, "device '%s': ports cf8-cff are taken", dev->id);
    return 0;
}

static void i440fx_unrealize(struct dm_device *dev)
{
    dm_space_remove(&((struct i440fx *)dev)->ports);
}

static const struct dm_field i440fx_fields[] = {
    DM_UINT(struct i440fx, confadd, 1),
    DM_FIELDS_END,
};

static int i440fx_post_load(struct dm_device *dev, uint16_t version)
{
    struct i440fx *s = (struct i440fx *)dev;

    (void)version;
    s->confadd &= CONFADD_MASK;
    s->trc = s->pci.config[TRC];
    return 0;
}

static const struct dm_pci_info i440fx_pci = {
    .vendor = 0x8086,
    .device = 0x1237,
    .class = 0x06,
    .revision = 2,
    .slot = 0,
    .config_written = i440fx_config_written,
};

const struct dm_class i440fx_class = {
    .name = "i440fx",
    .size = sizeof(struct i440fx),
    .version = 1,
    .pci = &i440fx_pci,
    .realize = i440fx_realize,
    .unrealize = i440fx_unrealize,
    .reset = i440fx_reset,
    .fields = i440fx_fields,
    .post_load = i440fx_post_load,
};
