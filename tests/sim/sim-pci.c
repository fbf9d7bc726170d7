/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver library: PCI as hvmloader sets it up (tools/firmware/hvmloader/pci.c). */
#include "tests/sim/driver.h"

#include <string.h>

#define PCI_ISA_DEVFN  0x08
#define PCI_MEM_FIRST  0xf0000000u
#define PCI_MEM_END    0xfc000000u
#define PCI_PORT_FIRST 0xc000u
#define PCI_PORT_END   0x10000u

static void cfg_address(struct sim *s, unsigned devfn, unsigned reg)
{
    sim_out(s, 0xcf8, 4, 0x80000000u | devfn << 8 | (reg & 0xfc));
}

uint32_t sim_cfg_read(struct sim *s, unsigned devfn, unsigned reg, unsigned size)
{
    cfg_address(s, devfn, reg);
    return sim_in(s, (uint16_t)(0xcfc + (reg & 3)), size);
}

void sim_cfg_write(struct sim *s, unsigned devfn, unsigned reg, unsigned size, uint32_t val)
{
    cfg_address(s, devfn, reg);
    sim_out(s, (uint16_t)(0xcfc + (reg & 3)), size, val);
}

static unsigned pci_bar_reg(unsigned bar)
{
    return bar == 6 ? 0x30 : 0x10 + 4 * bar;
}

static void pci_size_bars(struct sim *s, struct sim_pci_dev *d)
{
    for (unsigned b = 0; b < 7; b++) {
        unsigned reg = pci_bar_reg(b);
        struct sim_bar *bar = &d->bar[b];
        uint32_t was, low;
        uint64_t mask;

        if (b && d->bar[b - 1].wide)
            continue;
        was = sim_cfg_read(s, d->devfn, reg, 4);
        sim_cfg_write(s, d->devfn, reg, 4, b == 6 ? 0xfffff800u : 0xffffffffu);
        low = sim_cfg_read(s, d->devfn, reg, 4);
        bar->io = b < 6 && low & 1;
        bar->wide = b < 6 && (low & 7) == 4;
        mask = low & (b == 6 ? 0xfffff800u : bar->io ? 0xfffffffcu : 0xfffffff0u);
        if (bar->wide) {
            sim_cfg_write(s, d->devfn, reg + 4, 4, 0xffffffffu);
            mask |= (uint64_t)sim_cfg_read(s, d->devfn, reg + 4, 4) << 32;
            sim_cfg_write(s, d->devfn, reg + 4, 4, 0);
        }
        sim_cfg_write(s, d->devfn, reg, 4, was);
        bar->size = mask & (~mask + 1);
    }
}

static void pci_found(struct sim *s, struct sim_pci_dev *d)
{
    unsigned pin;
    uint32_t command;

    d->class_rev = sim_cfg_read(s, d->devfn, 0x08, 4);
    command = sim_cfg_read(s, d->devfn, 0x04, 2);
    sim_cfg_write(s, d->devfn, 0x04, 2, command & ~7u);
    switch (d->class_rev >> 16) {
    case 0x0101: /* both IDE channels decode */
        sim_cfg_write(s, d->devfn, 0x40, 2, 0x8000);
        sim_cfg_write(s, d->devfn, 0x42, 2, 0x8000);
        break;
    case 0x0680: /* power management: ports from B000 on, SCI is 9 */
        sim_cfg_write(s, d->devfn, 0x3c, 2, 0x0009);
        sim_cfg_write(s, d->devfn, 0x40, 4, 0xb001);
        sim_cfg_write(s, d->devfn, 0x80, 1, 1);
        break;
    default:
        break;
    }
    pci_size_bars(s, d);
    pin = sim_cfg_read(s, d->devfn, 0x3d, 1);
    if (pin && pin <= 4 && d->class_rev >> 16 != 0x0680) {
        unsigned slot = d->devfn >> 3, link = (pin - 1 + slot) & 3;

        d->gsi = sim_intx_gsi(slot, pin - 1);
        d->irq = sim_cfg_read(s, PCI_ISA_DEVFN, 0x60 + link, 1);
        sim_cfg_write(s, d->devfn, 0x3c, 1, d->irq);
    }
}

/* The largest BAR without an address. NULL: all have one. */
static struct sim_bar *pci_largest(struct sim_pci *p, struct sim_pci_dev **of, unsigned *number)
{
    struct sim_bar *best = NULL;

    for (unsigned i = 0; i < p->count; i++)
        for (unsigned b = 0; b < 7; b++) {
            struct sim_bar *bar = &p->dev[i].bar[b];

            if (!bar->size || bar->addr || (best && bar->size <= best->size))
                continue;
            best = bar;
            *of = &p->dev[i];
            *number = b;
        }
    return best;
}

void sim_pci_setup(struct sim *s)
{
    static const uint8_t route[4] = { 5, 10, 11, 5 };
    struct sim_pci *p = &s->pci;
    uint64_t mem = PCI_MEM_FIRST, port = PCI_PORT_FIRST;
    struct sim_pci_dev *d = NULL;
    struct sim_bar *bar;
    unsigned b = 0;

    memset(p, 0, sizeof(*p));
    for (unsigned link = 0; link < 4; link++)
        sim_cfg_write(s, PCI_ISA_DEVFN, 0x60 + link, 1, route[link]);
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        uint32_t id = sim_cfg_read(s, devfn, 0, 4);

        if ((id & 0xffff) == 0xffff)
            continue;
        if (p->count == SIM_PCI_MAX)
            sim_fail(s, "more than %d PCI functions", SIM_PCI_MAX);
        d = &p->dev[p->count++];
        *d = (struct sim_pci_dev) { .devfn = devfn,
                                    .vendor = (uint16_t)id,
                                    .device = (uint16_t)(id >> 16) };
        pci_found(s, d);
    }
    while ((bar = pci_largest(p, &d, &b))) {
        uint64_t *next = bar->io ? &port : &mem;

        *next = (*next + bar->size - 1) & ~(bar->size - 1);
        bar->addr = *next;
        *next += bar->size;
        if (*next > (bar->io ? PCI_PORT_END : PCI_MEM_END))
            sim_fail(s, "no room for BAR %u of %02x.%x", b, d->devfn >> 3, d->devfn & 7);
        sim_cfg_write(s, d->devfn, pci_bar_reg(b), 4, (uint32_t)bar->addr);
        if (bar->wide)
            sim_cfg_write(s, d->devfn, pci_bar_reg(b) + 4, 4, (uint32_t)(bar->addr >> 32));
    }
    for (unsigned i = 0; i < p->count; i++) {
        uint32_t on = 4;

        d = &p->dev[i];
        for (b = 0; b < 6; b++)
            if (d->bar[b].size)
                on |= d->bar[b].io ? 1 : 2;
        if (d->class_rev >> 16 == 0x0101 || d->class_rev >> 16 == 0x0680)
            on |= 1;
        if (d->class_rev >> 16 == 0x0300)
            on |= 3;
        sim_cfg_write(s, d->devfn, 0x04, 2, on);
    }
    s->pci_done = true;
}

const struct sim_pci *sim_pci(struct sim *s)
{
    if (!s->pci_done)
        sim_fail(s, "sim_pci before sim_pci_setup");
    return &s->pci;
}

const struct sim_pci_dev *sim_pci_find(struct sim *s, uint16_t vendor, uint16_t device)
{
    const struct sim_pci *p = sim_pci(s);

    for (unsigned i = 0; i < p->count; i++)
        if (p->dev[i].vendor == vendor && p->dev[i].device == device)
            return &p->dev[i];
    return NULL;
}

const struct sim_pci_dev *sim_pci_find_class(struct sim *s, uint16_t class_code)
{
    const struct sim_pci *p = sim_pci(s);

    for (unsigned i = 0; i < p->count; i++)
        if (p->dev[i].class_rev >> 16 == class_code)
            return &p->dev[i];
    return NULL;
}
