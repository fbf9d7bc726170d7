/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/pci.h"

#include "dm/bytes.h"
#include "dm/machine.h"

#include <errno.h>

uint32_t dm_pci_get(const struct dm_pci_device *dev, unsigned off, unsigned size)
{
    return (uint32_t)dm_get_le(dev->config + off, size);
}

void dm_pci_put(struct dm_pci_device *dev, unsigned off, unsigned size, uint32_t val)
{
    dm_put_le(dev->config + off, size, val);
}

static unsigned pci_bar_offset(int n)
{
    return n == PCI_ROM_BAR ? PCI_ROM_ADDRESS : PCI_BAR0 + 4 * (unsigned)n;
}

static const struct dm_pci_bar_info *pci_bar_info(const struct dm_pci_device *dev, int n)
{
    return &dev->dev.class->pci->bar[n];
}

/* Where the guest wants the BAR, or DM_PCI_UNMAPPED. */
static uint64_t pci_bar_wanted(const struct dm_pci_device *dev, int n)
{
    uint32_t command = dm_pci_get(dev, PCI_COMMAND, 2);
    uint32_t raw = dm_pci_get(dev, pci_bar_offset(n), 4);
    uint32_t addr = raw & ~(dev->bar[n].size - 1);
    bool io = n != PCI_ROM_BAR && (pci_bar_info(dev, n)->flags & PCI_BAR_IO);

    if (!dev->bar[n].size || !(command & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)))
        return DM_PCI_UNMAPPED;
    if (n == PCI_ROM_BAR && !(raw & 1))
        return DM_PCI_UNMAPPED;
    /* Zero is "not assigned"; the top is where sizing puts it for a moment. */
    if (addr == 0 || addr > UINT32_MAX - (dev->bar[n].size - 1) ||
        (uint64_t)addr + dev->bar[n].size > UINT32_MAX || (io && addr > 0xffff))
        return DM_PCI_UNMAPPED;
    return addr;
}

static void pci_bar_unmap(struct dm_pci_device *dev, int n)
{
    struct dm_pci_bar *bar = &dev->bar[n];

    if (bar->addr == DM_PCI_UNMAPPED)
        return;
    bar->addr = DM_PCI_UNMAPPED;
    dm_space_remove(&bar->region);
    if (pci_bar_info(dev, n)->moved)
        pci_bar_info(dev, n)->moved(dev, DM_PCI_UNMAPPED);
}

static void pci_bar_map(struct dm_pci_device *dev, int n, uint64_t addr)
{
    const struct dm_pci_bar_info *info = pci_bar_info(dev, n);
    struct dm_machine *m = dev->dev.machine;
    struct dm_pci_bar *bar = &dev->bar[n];
    bool io = n != PCI_ROM_BAR && (info->flags & PCI_BAR_IO);
    int rc;

    if (bar->region.ops) {
        rc = dm_space_add(io ? &m->io : &m->mem, &bar->region, addr);
        if (rc) {
            dm_guest_error(&dev->dev, "BAR %d cannot be at %#llx: %s", n, (unsigned long long)addr,
                           rc == -EEXIST ? "another device is there" : "refused");
            return;
        }
    }
    bar->addr = addr;
    if (info->moved)
        info->moved(dev, addr);
}

/*
 * Makes every BAR of the bus be where its register says. All of them: a BAR that
 * was in another's way may have just left.
 */
static void pci_bus_update(struct dm_pci_bus *bus)
{
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned f = 0; f < DM_ARRAY_LEN(bus->fn); f++) {
            struct dm_pci_device *dev = bus->fn[f];

            for (int n = 0; dev && n < PCI_BAR_COUNT; n++) {
                uint64_t wanted = pci_bar_wanted(dev, n);

                if (wanted == dev->bar[n].addr)
                    continue;
                if (pass == 0)
                    pci_bar_unmap(dev, n);
                else
                    pci_bar_map(dev, n, wanted);
            }
        }
    }
}

static void pci_update_derived(struct dm_pci_device *dev)
{
    uint32_t command = dm_pci_get(dev, PCI_COMMAND, 2);

    dev->dma.enabled = command & PCI_COMMAND_MASTER;
    if (dev->intx_wanted)
        dev->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
    else
        dev->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
    dm_irq_set(&dev->intx, dev->intx_wanted && !(command & PCI_COMMAND_INTX_DISABLE));
}

uint32_t dm_pci_config_read(struct dm_pci_device *dev, unsigned off, unsigned size)
{
    if (!dev || !dm_in_range(off, size, sizeof(dev->config)))
        return (uint32_t)dm_ones(size);
    return dm_pci_get(dev, off, size);
}

void dm_pci_config_write(struct dm_pci_device *dev, unsigned off, unsigned size, uint32_t val)
{
    if (!dev || !dm_in_range(off, size, sizeof(dev->config)))
        return;
    for (unsigned i = 0; i < size; i++, val >>= 8) {
        uint8_t *reg = &dev->config[off + i], v = (uint8_t)val;

        *reg = (uint8_t)((*reg & ~dev->wmask[off + i]) | (v & dev->wmask[off + i]));
        *reg &= (uint8_t) ~(v & dev->w1cmask[off + i]);
    }
    pci_update_derived(dev);
    if (off < PCI_STATUS + 2 || (off < PCI_ROM_ADDRESS + 4 && off + size > PCI_BAR0))
        pci_bus_update(&dev->dev.machine->pci);
    if (dev->dev.class->pci->config_written)
        dev->dev.class->pci->config_written(dev, off, size);
}

void dm_pci_intx(struct dm_pci_device *dev, bool level)
{
    dev->intx_wanted = level;
    pci_update_derived(dev);
}

static uint64_t pci_rom_read(void *opaque, uint64_t off, unsigned size)
{
    struct dm_pci_device *dev = opaque;

    if (!dm_in_range(off, size, dev->rom_size))
        return dm_ones(size);
    return dm_get_le(dev->rom + off, size);
}

static const struct dm_region_ops pci_rom_ops = { .read = pci_rom_read, .min = 1, .max = 8 };

int dm_pci_set_rom(struct dm_pci_device *dev, const uint8_t *rom, size_t size)
{
    uint32_t span = 2048; /* smallest: PCI 3.0 section 6.2.5.2 has bits 31-11 */

    if (size == 0 || size > 16u << 20)
        return -EINVAL;
    while (span < size)
        span *= 2;
    dev->rom = rom;
    dev->rom_size = size;
    dev->bar[PCI_ROM_BAR].size = span;
    dev->bar[PCI_ROM_BAR].region =
        (struct dm_region) { .name = "rom", .ops = &pci_rom_ops, .opaque = dev, .size = span };
    dm_put_le(dev->wmask + PCI_ROM_ADDRESS, 4, ~(span - 1) | 1);
    return 0;
}

void dm_pci_set_bar_size(struct dm_pci_device *dev, int n, uint32_t size)
{
    dev->bar[n].size = size;
    dev->bar[n].region.size = size;
    dm_put_le(dev->wmask + pci_bar_offset(n), 4, ~(size - 1));
}

static void pci_intx_set(void *opaque, unsigned pin, bool level)
{
    struct dm_pci_device *dev = opaque;
    struct dm_hypervisor *hv = dev->dev.machine->hv;

    hv->ops->set_intx(hv, PCI_SLOT(dev->devfn), pin, level);
}

static int pci_choose_slot(struct dm_pci_bus *bus, uint8_t *slot, uint8_t fn)
{
    if (*slot != PCI_SLOT_ANY)
        return bus->fn[PCI_DEVFN(*slot, fn)] ? -EBUSY : 0;
    for (uint8_t s = 0; s < 32; s++) {
        uint8_t f = 0;

        while (f < 8 && !bus->fn[PCI_DEVFN(s, f)])
            f++;
        if (f == 8) {
            *slot = s;
            return 0;
        }
    }
    return -ENOSPC;
}

int dm_pci_attach(struct dm_pci_device *dev, uint8_t slot, uint8_t fn, struct dm_error *err)
{
    const struct dm_pci_info *info = dev->dev.class->pci;
    struct dm_machine *m = dev->dev.machine;
    int rc = pci_choose_slot(&m->pci, &slot, fn);

    if (rc)
        return dm_error_set(err, -rc, "device '%s': %s", dev->dev.id,
                            rc == -EBUSY ? "its PCI slot is taken" : "no free PCI slot");
    dev->devfn = PCI_DEVFN(slot, fn);
    dev->dma.hv = m->hv;
    if (info->pin)
        dev->intx = (struct dm_irq) { .set = pci_intx_set, .opaque = dev, .n = info->pin - 1u };

    dm_put_le(dev->wmask + PCI_COMMAND, 2,
              PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR |
                  PCI_COMMAND_INTX_DISABLE);
    dm_put_le(dev->w1cmask + PCI_STATUS, 2, 0xf900);
    dev->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
    dev->wmask[PCI_LATENCY_TIMER] = 0xff;
    dev->wmask[PCI_INTERRUPT_LINE] = 0xff;
    for (int n = 0; n < PCI_BAR_COUNT; n++) {
        const struct dm_pci_bar_info *bar = &info->bar[n];

        dev->bar[n].addr = DM_PCI_UNMAPPED;
        dev->bar[n].size = bar->size;
        if (!bar->size)
            continue;
        dev->bar[n].region = (struct dm_region) {
            .name = dev->dev.id, .ops = bar->ops, .opaque = dev, .size = bar->size
        };
        dm_put_le(dev->wmask + pci_bar_offset(n), 4, ~(bar->size - 1));
    }
    rc = m->hv->ops->claim_pci(m->hv, dev->devfn, true);
    if (rc)
        return dm_error_set(err, -rc, "device '%s': the hypervisor refuses PCI function %02x.%x",
                            dev->dev.id, slot, fn);
    m->pci.fn[dev->devfn] = dev;
    return 0;
}

void dm_pci_detach(struct dm_pci_device *dev)
{
    struct dm_machine *m = dev->dev.machine;

    dm_pci_intx(dev, false);
    for (int n = 0; n < PCI_BAR_COUNT; n++)
        pci_bar_unmap(dev, n);
    m->pci.fn[dev->devfn] = NULL;
    m->hv->ops->claim_pci(m->hv, dev->devfn, false);
    pci_bus_update(&m->pci);
}

void dm_pci_reset(struct dm_pci_device *dev)
{
    const struct dm_pci_info *info = dev->dev.class->pci;

    /* Bits the guest can write go to zero; the rest is what realize put there. */
    for (unsigned i = 0; i < sizeof(dev->config); i++)
        dev->config[i] &= (uint8_t) ~(dev->wmask[i] | dev->w1cmask[i]);
    dm_pci_put(dev, PCI_VENDOR_ID, 2, info->vendor);
    dm_pci_put(dev, PCI_DEVICE_ID, 2, info->device);
    dev->config[PCI_REVISION_ID] = info->revision;
    dev->config[PCI_CLASS_PROG] = info->prog_if;
    dev->config[PCI_CLASS_DEVICE] = info->subclass;
    dev->config[PCI_CLASS_DEVICE + 1] = info->class;
    dev->config[PCI_HEADER_TYPE] = info->multifunction ? 0x80 : 0;
    dm_pci_put(dev, PCI_SUBSYSTEM_VENDOR_ID, 2, info->subsystem_vendor);
    dm_pci_put(dev, PCI_SUBSYSTEM_ID, 2, info->subsystem);
    dev->config[PCI_INTERRUPT_PIN] = info->pin;
    for (int n = 0; n < PCI_BARS; n++)
        if (info->bar[n].size)
            dev->config[pci_bar_offset(n)] = info->bar[n].flags;
    dev->intx_wanted = false;
    pci_update_derived(dev);
    pci_bus_update(&dev->dev.machine->pci);
}

void dm_pci_post_load(struct dm_pci_device *dev, const uint8_t *ours)
{
    /*
     * What the guest cannot write in the header is ours, whatever the stream says.
     * Behind the header a device may keep registers that only it changes.
     */
    for (unsigned i = 0; i < PCI_HEADER_SIZE; i++) {
        uint8_t mask = dev->wmask[i] | dev->w1cmask[i];

        dev->config[i] = (uint8_t)((ours[i] & ~mask) | (dev->config[i] & mask));
    }
    pci_update_derived(dev);
    dm_irq_force(&dev->intx, dev->intx.level);
    pci_bus_update(&dev->dev.machine->pci);
}

const struct dm_field dm_pci_fields[] = {
    DM_BYTES(struct dm_pci_device, config, 1),
    DM_BOOL(struct dm_pci_device, intx_wanted, 1),
    DM_FIELDS_END,
};
