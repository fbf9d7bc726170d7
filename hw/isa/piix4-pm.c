/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Power management function of PIIX4, 00:01.3, and the ACPI blocks that the tables
 * of Xen's hvmloader use: general-purpose events, PCI and CPU hotplug, debug output.
 *
 * Intel 82371AB (PIIX4), document 290562-001: sections 7.1 (configuration registers)
 * and 7.2 (I/O registers). ACPI 1.0b, section 4.7. Xen: tools/libacpi/mk_dsdt.c, static_tables.c.
 *
 * Shared with Xen, which answers PM1a status and enable (PMBASE + 0 to 3) and the timer
 * (+ 8 to B) itself, so those read 0 here. SCI is ISA IRQ 9; Xen drives the same line for
 * its own events.
 * Missing: everything that makes SMIs or idles the CPU (registers 0C to 37 read 0), the
 * SMBus controller (hvmloader turns it off), plugging and ejecting of PCI slots: nothing is
 * ever offered in AE00/AE04, and a guest's eject is refused.
 */
#include "dm/bytes.h"
#include "dm/machine.h"
#include "dm/pci.h"
#include "hw/classes.h"

#include <errno.h>
#include <string.h>

/* Section 7.1: configuration registers. */
#define PMBA          0x40 /* 15:6 base of the I/O registers, bit 0 reads 1 */
#define PMREGMISC     0x80
#define PMREG_EN      0x01 /* the I/O registers are there */
#define SMBBA         0x90
#define PMBASE_SIZE   0x40

/* Section 7.2: I/O registers, from PMBASE. */
#define PMCNTRL       4
#define SCI_EN        0x0001
#define SLP_TYP       0x1c00
#define SLP_EN        0x2000     /* write only: go to sleep */
#define PMCNT_RW      0x1c03     /* SCI_EN, BRLD_EN_BM, SLP_TYP */
#define SLP_SOFF      (0u << 10) /* what the \_S5 and \_S4 packages of the tables say */
#define SLP_STR       (1u << 10) /* what \_S3 says */

/* APM ports. */
#define APMC          0    /* B2 */
#define APMS          1    /* B3 */
#define ACPI_ENABLE   0xf1 /* FADT: SMI_CMD values */
#define ACPI_DISABLE  0xf0

/* FADT: GPE0_BLK, 2 bytes of status, 2 of enable. */
#define GPE_PORT      0xafe0
#define GPE_STS       0
#define GPE_EN        2
#define GPE_CPU       0x04 /* _E02 */

/* DSDT: PCI hotplug, 32 slots a register. */
#define HOTPLUG_PORT  0xae00
#define HOTPLUG_UP    0x0
#define HOTPLUG_DOWN  0x4
#define HOTPLUG_EJECT 0x8
#define HOTPLUG_RMV   0xc

#define CPUS_PORT     0xaf00 /* DSDT: PRST, a bit for each CPU that is there */
#define CPUS_SIZE     32
#define CPUS_MAX      128 /* HVM_MAX_VCPUS */

#define DEBUG_PORT    0xb044 /* DSDT: DPT1, DPT2 */
#define SCI_IRQ       9

struct piix4_pm {
    struct dm_pci_device pci;
    uint16_t pmcntrl;
    uint8_t apm[2];
    uint8_t gpe[4];             /* status, enable */
    uint8_t cpus[CPUS_MAX / 8]; /* present */

    struct dm_irq sci;
    struct dm_region pm, apm_ports, gpe_ports, hotplug, cpu_ports, debug;
    struct dm_log_budget debug_lines;
};

/* Writable bits and power-on values of registers 40h and up. What is not here reads 0. */
static const struct {
    uint8_t off, mask, reset;
} piix4_pm_regs[] = {
    { PMBA, 0xc0, 0x01 },      { PMBA + 1, 0xff, 0x00 }, { 0x44, 0xff, 0x00 },
    { 0x45, 0xff, 0x00 }, /* CNTA: idle timers */
    { 0x46, 0xff, 0x00 },      { 0x47, 0xff, 0x00 },     { 0x48, 0xff, 0x00 },
    { 0x49, 0xff, 0x00 }, /* CNTB */
    { 0x4a, 0xff, 0x00 },      { 0x4b, 0x07, 0x00 },     { 0x4c, 0xff, 0x00 },
    { 0x4d, 0xff, 0x00 }, /* GPICTL */
    { 0x4e, 0xff, 0x00 },      { 0x4f, 0xff, 0x00 },     { 0x50, 0xff, 0x00 },
    { 0x51, 0xff, 0x00 },                            /* DEVRESD */
    { 0x52, 0xff, 0x00 },      { 0x58, 0xff, 0x00 }, /* DEVACTB */
    { 0x59, 0xff, 0x00 },      { 0x5a, 0xff, 0x00 },     { 0x5b, 0x03, 0x00 },
    { PMREGMISC, 0x01, 0x00 }, { SMBBA, 0xf0, 0x01 },    { SMBBA + 1, 0xff, 0x00 },
    { 0xd2, 0x0f, 0x00 },      { 0xd3, 0xff, 0x00 }, /* SMBHSTCFG, SMBSLVC */
    { 0xd4, 0xff, 0x00 },      { 0xd5, 0xff, 0x00 }, /* SMBSHDW1, 2 */
};

static void piix4_pm_update_sci(struct piix4_pm *s)
{
    bool event = (s->gpe[0] & s->gpe[2]) | (s->gpe[1] & s->gpe[3]);

    dm_irq_set(&s->sci, event && (s->pmcntrl & SCI_EN));
}

static void piix4_pm_sleep(struct piix4_pm *s)
{
    struct dm_machine *m = s->pci.dev.machine;

    switch (s->pmcntrl & SLP_TYP) {
    case SLP_SOFF:
        dm_machine_shutdown(m, DM_SHUTDOWN_POWEROFF);
        break;
    case SLP_STR:
        dm_machine_sleep(m);
        break;
    default:
        dm_guest_error(&s->pci.dev, "sleep type %u is none that the tables offer",
                       (s->pmcntrl & SLP_TYP) >> 10);
    }
}

static uint64_t piix4_pm_read(void *opaque, uint64_t off, unsigned size)
{
    const struct piix4_pm *s = opaque;
    uint8_t regs[PMBASE_SIZE] = { 0 };

    dm_put_le(regs + PMCNTRL, 2, s->pmcntrl);
    return dm_get_le(regs + off, size);
}

static void piix4_pm_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct piix4_pm *s = opaque;
    uint8_t regs[PMBASE_SIZE] = { 0 };
    uint16_t v;

    if (off + size <= PMCNTRL || off >= PMCNTRL + 2)
        return;
    dm_put_le(regs + PMCNTRL, 2, s->pmcntrl);
    dm_put_le(regs + off, size, val);
    v = (uint16_t)dm_get_le(regs + PMCNTRL, 2);
    s->pmcntrl = v & PMCNT_RW;
    piix4_pm_update_sci(s);
    if (v & SLP_EN)
        piix4_pm_sleep(s);
}

static const struct dm_region_ops piix4_pm_ops = {
    .read = piix4_pm_read,
    .write = piix4_pm_write,
    .max = 4,
};

static uint64_t piix4_pm_apm_read(void *opaque, uint64_t off, unsigned size)
{
    (void)size;
    return ((const struct piix4_pm *)opaque)->apm[off];
}

static void piix4_pm_apm_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct piix4_pm *s = opaque;

    (void)size;
    s->apm[off] = (uint8_t)val;
    if (off != APMC)
        return;
    /* On a real PC the BIOS' SMI handler does this. */
    if (val == ACPI_ENABLE)
        s->pmcntrl |= SCI_EN;
    else if (val == ACPI_DISABLE)
        s->pmcntrl &= (uint16_t)~SCI_EN;
    piix4_pm_update_sci(s);
}

static const struct dm_region_ops piix4_pm_apm_ops = {
    .read = piix4_pm_apm_read,
    .write = piix4_pm_apm_write,
    .max = 1,
};

static uint64_t piix4_pm_gpe_read(void *opaque, uint64_t off, unsigned size)
{
    (void)size;
    return ((const struct piix4_pm *)opaque)->gpe[off];
}

static void piix4_pm_gpe_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct piix4_pm *s = opaque;

    (void)size;
    if (off < GPE_EN)
        s->gpe[off] &= (uint8_t)~val; /* status: a 1 clears */
    else
        s->gpe[off] = (uint8_t)val;
    piix4_pm_update_sci(s);
}

static const struct dm_region_ops piix4_pm_gpe_ops = {
    .read = piix4_pm_gpe_read,
    .write = piix4_pm_gpe_write,
    .max = 1,
};

static uint64_t piix4_pm_hotplug_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque, (void)size;
    /* Slots 0 and 1 are the chipset; the rest could be taken out. */
    return off == HOTPLUG_RMV ? 0xfffffffc : 0;
}

static void piix4_pm_hotplug_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct piix4_pm *s = opaque;

    (void)size;
    if (off == HOTPLUG_EJECT && val)
        dm_guest_error(&s->pci.dev, "ejects PCI slots %#x, which nobody asked it to",
                       (unsigned)val);
}

static const struct dm_region_ops piix4_pm_hotplug_ops = {
    .read = piix4_pm_hotplug_read,
    .write = piix4_pm_hotplug_write,
    .min = 4,
    .max = 4,
};

static uint64_t piix4_pm_cpus_read(void *opaque, uint64_t off, unsigned size)
{
    const struct piix4_pm *s = opaque;

    (void)size;
    return off < sizeof(s->cpus) ? s->cpus[off] : 0;
}

static int piix4_pm_cpu_plug(void *opaque, unsigned cpu)
{
    struct piix4_pm *s = opaque;
    uint8_t bit = (uint8_t)(1u << cpu % 8);

    if (cpu >= CPUS_MAX)
        return -EINVAL;
    if (!(s->cpus[cpu / 8] & bit)) {
        s->cpus[cpu / 8] |= bit;
        s->gpe[GPE_STS] |= GPE_CPU;
        piix4_pm_update_sci(s);
    }
    return 0;
}

static const struct dm_region_ops piix4_pm_cpus_ops = { .read = piix4_pm_cpus_read, .max = 1 };

static void piix4_pm_debug_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct piix4_pm *s = opaque;

    if (dm_log_enabled(DM_LOG_TRACE) &&
        dm_log_budget_take(&s->debug_lines, dm_clock_now(s->pci.dev.machine->clock)))
        dm_log(DM_LOG_TRACE, s->pci.dev.id, "debug port %u: %0*x", (unsigned)off, 2 * (int)size,
               (unsigned)val);
}

static const struct dm_region_ops piix4_pm_debug_ops = { .write = piix4_pm_debug_write, .max = 4 };

/* Puts the I/O registers where PMBA and PMREGMISC say. */
static void piix4_pm_map(struct piix4_pm *s)
{
    uint16_t base = dm_pci_get(&s->pci, PMBA, 2) & 0xffc0;
    bool on = (s->pci.config[PMREGMISC] & PMREG_EN) && base;
    int rc;

    if (s->pm.space && on && s->pm.base == base)
        return;
    dm_space_remove(&s->pm);
    if (!on)
        return;
    rc = dm_space_add(&s->pci.dev.machine->io, &s->pm, base);
    if (rc)
        dm_guest_error(&s->pci.dev, "PM registers cannot be at port %#x", base);
}

static void piix4_pm_config_written(struct dm_pci_device *pci, unsigned off, unsigned size)
{
    (void)off, (void)size;
    piix4_pm_map((struct piix4_pm *)pci);
}

static void piix4_pm_reset(struct dm_device *dev)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    s->pmcntrl = 0;
    memset(s->apm, 0, sizeof(s->apm));
    memset(s->gpe, 0, sizeof(s->gpe));
    memset(s->cpus, 0, sizeof(s->cpus));
    for (uint32_t n = 0; n < dev->machine->vcpus && n < CPUS_MAX; n++)
        s->cpus[n / 8] |= (uint8_t)(1u << n % 8);
    dm_pci_put(&s->pci, PCI_STATUS, 2, 0x0280); /* PCISTS: medium DEVSEL#, fast back to back */
    for (unsigned i = 0; i < DM_ARRAY_LEN(piix4_pm_regs); i++)
        s->pci.config[piix4_pm_regs[i].off] = piix4_pm_regs[i].reset;
    piix4_pm_map(s);
    piix4_pm_update_sci(s);
}

static void piix4_pm_unrealize(struct dm_device *dev)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    dm_irq_set(&s->sci, false);
    dev->machine->cpu_plug = NULL;
    dm_space_remove(&s->pm);
    dm_space_remove(&s->apm_ports);
    dm_space_remove(&s->gpe_ports);
    dm_space_remove(&s->hotplug);
    dm_space_remove(&s->cpu_ports);
    dm_space_remove(&s->debug);
}

static int piix4_pm_realize(struct dm_device *dev, struct dm_error *err)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;
    const struct {
        struct dm_region *region;
        const char *name;
        const struct dm_region_ops *ops;
        uint16_t port, size;
    } fixed[] = {
        { &s->apm_ports, "apm", &piix4_pm_apm_ops, 0xb2, 2 },
        { &s->gpe_ports, "gpe0", &piix4_pm_gpe_ops, GPE_PORT, 4 },
        { &s->hotplug, "pci-hotplug", &piix4_pm_hotplug_ops, HOTPLUG_PORT, 16 },
        { &s->cpu_ports, "cpu-hotplug", &piix4_pm_cpus_ops, CPUS_PORT, CPUS_SIZE },
        { &s->debug, "acpi-debug", &piix4_pm_debug_ops, DEBUG_PORT, 4 },
    };

    for (unsigned i = 0; i < DM_ARRAY_LEN(piix4_pm_regs); i++)
        s->pci.wmask[piix4_pm_regs[i].off] = piix4_pm_regs[i].mask;
    dm_machine_isa_irq(dev->machine, &s->sci, SCI_IRQ);
    s->pm =
        (struct dm_region) { .name = "pm", .ops = &piix4_pm_ops, .opaque = s, .size = PMBASE_SIZE };
    for (unsigned i = 0; i < DM_ARRAY_LEN(fixed); i++) {
        int rc;

        *fixed[i].region = (struct dm_region) {
            .name = fixed[i].name, .ops = fixed[i].ops, .opaque = s, .size = fixed[i].size
        };
        rc = dm_space_add(&dev->machine->io, fixed[i].region, fixed[i].port);
        if (rc) {
            piix4_pm_unrealize(dev);
            return dm_error_set(err, -rc, "device '%s': port %x is taken", dev->id, fixed[i].port);
        }
    }
    dev->machine->cpu_plug = piix4_pm_cpu_plug;
    dev->machine->cpu_plug_opaque = s;
    return 0;
}

static const struct dm_field piix4_pm_fields[] = {
    DM_UINT(struct piix4_pm, pmcntrl, 1),
    DM_BYTES(struct piix4_pm, apm, 1),
    DM_BYTES(struct piix4_pm, gpe, 1),
    DM_BYTES(struct piix4_pm, cpus, 1),
    DM_FIELDS_END,
};

static int piix4_pm_post_load(struct dm_device *dev, uint16_t version)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    (void)version;
    s->pmcntrl &= PMCNT_RW;
    s->pci.config[PMBA] = (s->pci.config[PMBA] & 0xc0) | 1;
    piix4_pm_map(s);
    piix4_pm_update_sci(s);
    dm_irq_force(&s->sci, s->sci.level);
    return 0;
}

static const struct dm_pci_info piix4_pm_pci = {
    .vendor = 0x8086,
    .device = 0x7113,
    .class = 0x06,
    .subclass = 0x80,
    .revision = 3,
    .pin = 1,
    .slot = 1,
    .fn = 3,
    .config_written = piix4_pm_config_written,
};

const struct dm_class piix4_pm_class = {
    .name = "piix4-pm",
    .size = sizeof(struct piix4_pm),
    .version = 1,
    .pci = &piix4_pm_pci,
    .realize = piix4_pm_realize,
    .unrealize = piix4_pm_unrealize,
    .reset = piix4_pm_reset,
    .fields = piix4_pm_fields,
    .post_load = piix4_pm_post_load,
};
