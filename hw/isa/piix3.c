/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI to ISA bridge of PIIX3, function 00:01.0: routing of PCI interrupts to ISA
 * lines, the reset ports CF9 and 92, and the bridge's other registers as storage.
 *
 * Intel 82371FB (PIIX) and 82371SB (PIIX3), document 290550-002: sections 2.2
 * (configuration registers) and 2.5 (ISA-compatible registers).
 *
 * Xen emulates what else PIIX3 holds: the PICs with 4D0/4D1, the PIT, port 61, and it
 * carries out the routing that we pass on to it. Both kinds of reset restart the domain:
 * Xen has no way for a device model to reset just the CPUs.
 * Missing: the DMA controllers (00-0F, 81-8F, C0-DF; only a floppy drive or a Sound
 * Blaster would use them), port 61's and 92's effect on NMI and A20 (Xen's A20 is
 * always on), SMI. Port 80 is not claimed on purpose: what a guest writes there vanishes
 * in Xen, without a round trip through us for each of its I/O delays.
 */
#include "dm/bytes.h"
#include "dm/machine.h"
#include "dm/pci.h"
#include "hw/classes.h"

#define PIRQRC           0x60 /* PIRQRCA to PIRQRCD: 7 routing disabled, 3:0 ISA IRQ */
#define PIRQRC_OFF       0x80
#define PIRQS            4

#define RC_SRST          0x02 /* CF9: the reset that RCPU starts is of the system, else of the CPU */
#define RC_RCPU          0x04 /* CF9: rising starts it */

#define PORT92_FAST_INIT 0x01 /* rising resets the CPU */
#define PORT92_A20       0x02

struct piix3 {
    struct dm_pci_device pci;
    uint8_t rc;     /* CF9 */
    uint8_t port92; /* fast A20 and reset */

    uint8_t route[PIRQS]; /* what the hypervisor was told: ISA IRQ, 0 for none */
    struct dm_region cf9, p92;
};

/* Writable bits and power-on values of registers 40h and up. What is not here reads 0. */
static const struct {
    uint8_t off, mask, reset;
} piix3_regs[] = {
    { 0x4c, 0xff, 0x4d },             /* IORT: ISA I/O recovery */
    { 0x4e, 0xf7, 0x03 },             /* XBCS */
    { 0x4f, 0x01, 0x00 },             /* XBCS: I/O APIC chip select */
    { PIRQRC + 0, 0x8f, PIRQRC_OFF }, /* PIRQRCA */
    { PIRQRC + 1, 0x8f, PIRQRC_OFF }, /* PIRQRCB */
    { PIRQRC + 2, 0x8f, PIRQRC_OFF }, /* PIRQRCC */
    { PIRQRC + 3, 0x8f, PIRQRC_OFF }, /* PIRQRCD */
    { 0x69, 0xfe, 0x02 },             /* TOM: top of memory for ISA masters */
    { 0x6a, 0xd1, 0x00 },             /* MSTAT */
    { 0x70, 0xef, 0x80 },             /* MBIRQ0: motherboard device interrupt */
    { 0x76, 0x8f, 0x0c },
    { 0x77, 0x8f, 0x0c }, /* MBDMA0, 1 */
    { 0x78, 0xff, 0x02 },
    { 0x79, 0xff, 0x00 }, /* PCSC: programmable chip select */
    { 0x80, 0x7f, 0x00 }, /* APICBASE */
    { 0x82, 0x0f, 0x00 }, /* DLC: deterministic latency */
    { 0xa0, 0x1f, 0x08 }, /* SMICNTL */
    { 0xa2, 0xff, 0x00 },
    { 0xa3, 0x01, 0x00 }, /* SMIEN */
    { 0xa4, 0xff, 0x00 },
    { 0xa5, 0xff, 0x00 }, /* SEE */
    { 0xa6, 0xff, 0x00 },
    { 0xa7, 0xff, 0x00 }, /* SEE */
    { 0xa8, 0xff, 0x0f }, /* FTMR: fast-off timer */
    { 0xac, 0xff, 0x00 },
    { 0xae, 0xff, 0x00 }, /* CTLTMR, CTHTMR */
};

/* Tells the hypervisor where PIRQA# to PIRQD# go now. force: even what did not change. */
static void piix3_route(struct piix3 *s, bool force)
{
    struct dm_hypervisor *hv = s->pci.dev.machine->hv;

    for (unsigned n = 0; n < PIRQS; n++) {
        uint8_t reg = s->pci.config[PIRQRC + n], irq = reg & PIRQRC_OFF ? 0 : reg & 0xf;

        if (irq == s->route[n] && !force)
            continue;
        s->route[n] = irq;
        hv->ops->set_pci_link(hv, n, irq);
    }
}

static void piix3_config_written(struct dm_pci_device *pci, unsigned off, unsigned size)
{
    if (off < PIRQRC + PIRQS && off + size > PIRQRC)
        piix3_route((struct piix3 *)pci, false);
}

static uint64_t piix3_cf9_read(void *opaque, uint64_t off, unsigned size)
{
    (void)off, (void)size;
    return ((struct piix3 *)opaque)->rc;
}

static void piix3_cf9_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct piix3 *s = opaque;
    bool rises = val & ~(uint64_t)s->rc & RC_RCPU;

    (void)off, (void)size;
    s->rc = val & (RC_SRST | RC_RCPU);
    if (rises)
        dm_machine_shutdown(s->pci.dev.machine, DM_SHUTDOWN_REBOOT);
}

static const struct dm_region_ops piix3_cf9_ops = {
    .read = piix3_cf9_read,
    .write = piix3_cf9_write,
    .max = 1,
};

static uint64_t piix3_port92_read(void *opaque, uint64_t off, unsigned size)
{
    (void)off, (void)size;
    return ((struct piix3 *)opaque)->port92;
}

static void piix3_port92_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct piix3 *s = opaque;
    bool rises = val & ~(uint64_t)s->port92 & PORT92_FAST_INIT;

    (void)off, (void)size;
    s->port92 = val & (PORT92_FAST_INIT | PORT92_A20);
    if (rises)
        dm_machine_shutdown(s->pci.dev.machine, DM_SHUTDOWN_REBOOT);
}

static const struct dm_region_ops piix3_port92_ops = {
    .read = piix3_port92_read,
    .write = piix3_port92_write,
    .max = 1,
};

static void piix3_reset(struct dm_device *dev)
{
    struct piix3 *s = (struct piix3 *)dev;

    s->rc = 0;
    s->port92 = PORT92_A20; /* as A20 is: always on under Xen */
    /* PCICMD, PCISTS: decoding, mastering are always on; medium DEVSEL#. */
    dm_pci_put(&s->pci, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    dm_pci_put(&s->pci, PCI_STATUS, 2, 0x0200);
    for (unsigned i = 0; i < DM_ARRAY_LEN(piix3_regs); i++)
        s->pci.config[piix3_regs[i].off] = piix3_regs[i].reset;
    piix3_route(s, true);
}

static int piix3_realize(struct dm_device *dev, struct dm_error *err)
{
    struct piix3 *s = (struct piix3 *)dev;
    struct dm_machine *m = dev->machine;
    int rc;

    for (unsigned i = 0; i < DM_ARRAY_LEN(piix3_regs); i++)
        s->pci.wmask[piix3_regs[i].off] = piix3_regs[i].mask;
    dm_put_le(s->pci.wmask + PCI_COMMAND, 2, 0x0108); /* SERR#, special cycles */
    s->pci.wmask[PCI_CACHE_LINE_SIZE] = 0;
    s->pci.wmask[PCI_LATENCY_TIMER] = 0;
    s->pci.wmask[PCI_INTERRUPT_LINE] = 0;
    s->p92 =
        (struct dm_region) { .name = "port92", .ops = &piix3_port92_ops, .opaque = s, .size = 1 };
    s->cf9 = (struct dm_region) { .name = "cf9", .ops = &piix3_cf9_ops, .opaque = s, .size = 1 };
    rc = dm_space_add(&m->io, &s->p92, 0x92);
    if (rc)
        return dm_error_set(err, -rc, "device '%s': port 92 is taken", dev->id);
    m->pci.reset_port = &s->cf9;
    return 0;
}

static void piix3_unrealize(struct dm_device *dev)
{
    struct piix3 *s = (struct piix3 *)dev;

    dev->machine->pci.reset_port = NULL;
    dm_space_remove(&s->p92);
}

static const struct dm_field piix3_fields[] = {
    DM_UINT(struct piix3, rc, 1),
    DM_UINT(struct piix3, port92, 1),
    DM_FIELDS_END,
};

static int piix3_post_load(struct dm_device *dev, uint16_t version)
{
    struct piix3 *s = (struct piix3 *)dev;

    (void)version;
    s->rc &= RC_SRST | RC_RCPU;
    s->port92 &= PORT92_FAST_INIT | PORT92_A20;
    piix3_route(s, true);
    return 0;
}

static const struct dm_pci_info piix3_pci = {
    .vendor = 0x8086,
    .device = 0x7000,
    .class = 0x06,
    .subclass = 0x01,
    .slot = 1,
    .multifunction = true,
    .config_written = piix3_config_written,
};

const struct dm_class piix3_class = {
    .name = "piix3",
    .size = sizeof(struct piix3),
    .version = 1,
    .pci = &piix3_pci,
    .realize = piix3_realize,
    .unrealize = piix3_unrealize,
    .reset = piix3_reset,
    .fields = piix3_fields,
    .post_load = piix3_post_load,
};
