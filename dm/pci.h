/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI bus 0 and its functions (PCI Local Bus 3.0, chapter 6): configuration
 * space with write masks, base address registers, INTx. Loop thread only.
 */
#ifndef DM_PCI_H
#define DM_PCI_H

#include "dm/bus.h"
#include "dm/device.h"
#include "dm/dma.h"
#include "dm/irq.h"

enum {
    PCI_VENDOR_ID = 0x00,
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION_ID = 0x08,
    PCI_CLASS_PROG = 0x09,
    PCI_CLASS_DEVICE = 0x0a,
    PCI_CACHE_LINE_SIZE = 0x0c,
    PCI_LATENCY_TIMER = 0x0d,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_SUBSYSTEM_VENDOR_ID = 0x2c,
    PCI_SUBSYSTEM_ID = 0x2e,
    PCI_ROM_ADDRESS = 0x30,
    PCI_CAPABILITY_LIST = 0x34,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_INTERRUPT_PIN = 0x3d,
    PCI_HEADER_SIZE = 0x40,

    PCI_COMMAND_IO = 0x1,
    PCI_COMMAND_MEMORY = 0x2,
    PCI_COMMAND_MASTER = 0x4,
    PCI_COMMAND_SERR = 0x100,
    PCI_COMMAND_INTX_DISABLE = 0x400,

    PCI_STATUS_INTERRUPT = 0x8,
    PCI_STATUS_CAP_LIST = 0x10,

    PCI_BAR_IO = 0x1,
    PCI_BAR_MEM64 = 0x4,
    PCI_BAR_PREFETCH = 0x8,

    PCI_BARS = 6,
    PCI_ROM_BAR = 6, /* index of the expansion ROM in bar[] */
    PCI_BAR_COUNT = 7,
};

#define PCI_DEVFN(slot, fn) ((uint8_t)((slot) << 3 | (fn)))
#define PCI_SLOT(devfn)     ((devfn) >> 3)
#define PCI_FUNC(devfn)     ((devfn)&7)
#define PCI_SLOT_ANY        0xff
#define DM_PCI_UNMAPPED     UINT64_MAX

struct dm_pci_device;

struct dm_pci_bar_info {
    uint32_t size; /* power of two, at least 4 for I/O and 16 for memory; 0: no BAR */
    uint8_t flags; /* PCI_BAR_IO, PCI_BAR_PREFETCH */
    const struct dm_region_ops *ops; /* registers; opaque is the device. NULL with moved: RAM */
    /* The BAR went to addr, or DM_PCI_UNMAPPED. For RAM the hypervisor maps itself. May be NULL. */
    void (*moved)(struct dm_pci_device *dev, uint64_t addr);
};

struct dm_pci_info {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint8_t class, subclass, prog_if, revision;
    uint8_t pin;  /* 0: none, 1: INTA# ... */
    uint8_t slot; /* 0 and up; PCI_SLOT_ANY: the first free one */
    uint8_t fn;
    bool multifunction;
    struct dm_pci_bar_info bar[PCI_BAR_COUNT];
    /* After a write to [off, off + size) took effect. May be NULL. */
    void (*config_written)(struct dm_pci_device *dev, unsigned off, unsigned size);
};

struct dm_pci_bar {
    struct dm_region region; /* registers */
    uint32_t size;           /* 0: none. ROM's is known at realize */
    uint64_t addr;           /* where it is mapped, or DM_PCI_UNMAPPED */
};

struct dm_pci_device {
    struct dm_device dev;
    uint8_t devfn;
    uint8_t config[256];
    uint8_t wmask[256];   /* bits the guest may write */
    uint8_t w1cmask[256]; /* bits that a written 1 clears */
    struct dm_pci_bar bar[PCI_BAR_COUNT];
    const uint8_t *rom; /* not owned */
    size_t rom_size;
    struct dm_irq intx; /* drive with dm_pci_intx */
    bool intx_wanted;
    struct dm_dma dma;
};

struct dm_pci_bus {
    struct dm_pci_device *fn[256]; /* by devfn */
    /* Port CF9: it lies inside the host bridge's CF8-CFF, which passes bytes there. Not mapped. */
    struct dm_region *reset_port;
};

/* Little-endian values in the configuration space. off + size <= 256. */
uint32_t dm_pci_get(const struct dm_pci_device *dev, unsigned off, unsigned size);
void dm_pci_put(struct dm_pci_device *dev, unsigned off, unsigned size, uint32_t val);

/*
 * A guest's access. off is any, size 1, 2 or 4; what lies beyond 256 reads as
 * ones. An absent function (NULL) reads as ones.
 */
uint32_t dm_pci_config_read(struct dm_pci_device *dev, unsigned off, unsigned size);
void dm_pci_config_write(struct dm_pci_device *dev, unsigned off, unsigned size, uint32_t val);

/* Level of the function's interrupt pin; PCI_COMMAND_INTX_DISABLE holds it low. */
void dm_pci_intx(struct dm_pci_device *dev, bool level);

/*
 * The expansion ROM: size bytes (rounded up to a power of two) that stay valid
 * until the device is destroyed. Call from realize. Returns 0 or -EINVAL.
 */
int dm_pci_set_rom(struct dm_pci_device *dev, const uint8_t *rom, size_t size);

/*
 * Gives memory BAR n another size than its class says (a power of two, at least
 * 16): for BARs whose size is an option. Call from realize.
 */
void dm_pci_set_bar_size(struct dm_pci_device *dev, int n, uint32_t size);

/*
 * For dm/device only: place on the bus, undo it, power-on values, and what
 * follows from the loaded configuration space. attach returns 0 or -errno. ours:
 * the configuration space before it was loaded.
 */
int dm_pci_attach(struct dm_pci_device *dev, uint8_t slot, uint8_t fn, struct dm_error *err);
void dm_pci_detach(struct dm_pci_device *dev);
void dm_pci_reset(struct dm_pci_device *dev);
void dm_pci_post_load(struct dm_pci_device *dev, const uint8_t *ours);
extern const struct dm_field dm_pci_fields[];

#endif
