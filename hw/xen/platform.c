/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Xen platform device: a PCI function that paravirtual drivers bind to, and the
 * ports 10-1F by which they take emulated devices away and write to our log.
 *
 * Xen: docs/misc/hvm-emulated-unplug.pandoc, include/public/hvm/pvdrivers.h,
 * docs/misc/pci-device-reservations; PV drivers map their grant tables and shared pages
 * over BAR 1, whose own contents nobody defines.
 *
 * Missing: the blacklist of driver versions (magic D249), which only the traditional
 * device model has ever read from xenstore.
 */
#include "dm/bytes.h"
#include "dm/machine.h"
#include "dm/pci.h"
#include "hw/classes.h"

#include <errno.h>

/* Fixed ports, as offsets from 10. What each does depends on the access size. */
#define PORT_0         0      /* r8, w8 flags; r16 magic; w16 unplug; w32 build number */
#define PORT_2         2      /* r8 protocol version; w8 log; w16 product number */
#define MAGIC          0x49d2 /* drivers may load */
#define PROTOCOL       1      /* Linux accepts no other */
#define UNPLUG_KNOWN   (DM_UNPLUG_IDE_DISKS | DM_UNPLUG_NICS | DM_UNPLUG_AUX_IDE | DM_UNPLUG_NVME)

/* BAR 0. */
#define BAR_FLAGS      0
#define BAR_UNPLUG_ALL 4 /* old SUSE and VMDP drivers: 1 for disks and NICs */
#define BAR_LOG        8 /* a byte of the log, but VMDP: 1 for disks, 2 for NICs */

#define FLAG_ROM_LOCK  0x01 /* guest memory C0000-FFFFF is read-only */

struct xen_platform {
    struct dm_pci_device pci;
    uint8_t flags;
    uint16_t product;
    uint32_t build;

    struct dm_region ports;
    struct dm_log_text text; /* host side: a line not ended yet is not worth saving */
    struct dm_log_budget notes;
};

static void platform_rom_lock(struct xen_platform *s)
{
    struct dm_hypervisor *hv = s->pci.dev.machine->hv;
    int rc = hv->ops->set_rom_lock(hv, s->flags & FLAG_ROM_LOCK);

    if (rc)
        dm_guest_error(&s->pci.dev, "the hypervisor refuses to %s C0000-FFFFF",
                       s->flags & FLAG_ROM_LOCK ? "lock" : "unlock");
}

static void platform_set_flags(struct xen_platform *s, uint8_t val)
{
    uint8_t was = s->flags;

    s->flags = val & FLAG_ROM_LOCK;
    if (s->flags != was)
        platform_rom_lock(s);
}

/* May we say something that a guest can make us say again and again? */
static bool platform_may_note(struct xen_platform *s)
{
    return dm_log_enabled(DM_LOG_INFO) &&
           dm_log_budget_take(&s->notes, dm_clock_now(s->pci.dev.machine->clock));
}

static void platform_unplug(struct xen_platform *s, unsigned mask)
{
    mask &= UNPLUG_KNOWN;
    if (mask && platform_may_note(s))
        dm_log(DM_LOG_INFO, s->pci.dev.id, "guest takes over%s%s%s%s",
               mask & DM_UNPLUG_IDE_DISKS ? " disks" : "", mask & DM_UNPLUG_NICS ? " NICs" : "",
               mask & DM_UNPLUG_AUX_IDE ? " secondary IDE disks" : "",
               mask & DM_UNPLUG_NVME ? " NVMe disks" : "");
    if (mask)
        dm_machine_unplug(s->pci.dev.machine, mask);
}

static void platform_log(struct xen_platform *s, uint8_t byte)
{
    dm_log_text_put(&s->text, DM_LOG_INFO, s->pci.dev.id, dm_clock_now(s->pci.dev.machine->clock),
                    byte);
}

static uint64_t platform_port_read(void *opaque, uint64_t off, unsigned size)
{
    const struct xen_platform *s = opaque;

    if (off == PORT_0 && size == 1)
        return s->flags;
    if (off == PORT_0 && size == 2)
        return MAGIC;
    if (off == PORT_2 && size == 1)
        return PROTOCOL;
    return dm_ones(size);
}

static void platform_port_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct xen_platform *s = opaque;

    if (off == PORT_0 && size == 1) {
        platform_set_flags(s, (uint8_t)val);
    } else if (off == PORT_0 && size == 2) {
        platform_unplug(s, (unsigned)val);
    } else if (off == PORT_0 && size == 4) {
        s->build = (uint32_t)val;
        if (platform_may_note(s))
            dm_log(DM_LOG_INFO, s->pci.dev.id, "guest has drivers of product %u, build %u",
                   s->product, s->build);
    } else if (off == PORT_2 && size == 1) {
        platform_log(s, (uint8_t)val);
    } else if (off == PORT_2 && size == 2) {
        s->product = (uint16_t)val;
    }
}

static const struct dm_region_ops platform_port_ops = {
    .read = platform_port_read,
    .write = platform_port_write,
    .max = 4,
};

static uint64_t platform_bar_read(void *opaque, uint64_t off, unsigned size)
{
    (void)size;
    return off == BAR_FLAGS ? ((const struct xen_platform *)opaque)->flags : 0xff;
}

static void platform_bar_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct xen_platform *s = opaque;

    (void)size;
    if (off == BAR_FLAGS)
        platform_set_flags(s, (uint8_t)val);
    else if (off == BAR_UNPLUG_ALL && val == 1)
        platform_unplug(s, DM_UNPLUG_IDE_DISKS | DM_UNPLUG_NICS);
    else if (off == BAR_LOG && val == 1)
        platform_unplug(s, DM_UNPLUG_IDE_DISKS);
    else if (off == BAR_LOG && val == 2)
        platform_unplug(s, DM_UNPLUG_NICS);
    else if (off == BAR_LOG)
        platform_log(s, (uint8_t)val);
}

static const struct dm_region_ops platform_bar_ops = {
    .read = platform_bar_read,
    .write = platform_bar_write,
    .max = 1,
};

/* BAR 1 belongs to the drivers: what is not a page they mapped there reads as ones. */
static const struct dm_region_ops platform_mem_ops = { .max = 8 };

static void platform_reset(struct dm_device *dev)
{
    struct xen_platform *s = (struct xen_platform *)dev;

    platform_set_flags(s, 0);
    s->product = 0;
    s->build = 0;
    s->text.len = 0;
}

static int platform_realize(struct dm_device *dev, struct dm_error *err)
{
    struct xen_platform *s = (struct xen_platform *)dev;
    int rc;

    s->ports = (struct dm_region) {
        .name = "xen-platform", .ops = &platform_port_ops, .opaque = s, .size = 16
    };
    rc = dm_space_add(&dev->machine->io, &s->ports, 0x10);
    if (rc)
        return dm_error_set(err, -rc, "device '%s': ports 10-1f are taken", dev->id);
    return 0;
}

static void platform_unrealize(struct dm_device *dev)
{
    dm_space_remove(&((struct xen_platform *)dev)->ports);
}

static const struct dm_field platform_fields[] = {
    DM_UINT(struct xen_platform, flags, 1),
    DM_UINT(struct xen_platform, product, 1),
    DM_UINT(struct xen_platform, build, 1),
    DM_FIELDS_END,
};

static int platform_post_load(struct dm_device *dev, uint16_t version)
{
    struct xen_platform *s = (struct xen_platform *)dev;

    (void)version;
    if (s->flags & ~FLAG_ROM_LOCK)
        return -EINVAL;
    /* A new domain's memory is writable; telling it so before it has any would fail. */
    if (s->flags)
        platform_rom_lock(s);
    return 0;
}

static const struct dm_pci_info platform_pci = {
    .vendor = 0x5853,
    .device = 0x0001,
    .subsystem_vendor = 0x5853,
    .subsystem = 0x0001,
    .class = 0xff,
    .subclass = 0x80,
    .revision = 1,
    .pin = 1,
    .slot = PCI_SLOT_ANY,
    .bar = {
        { .size = 0x100, .flags = PCI_BAR_IO, .ops = &platform_bar_ops },
        { .size = 16u << 20, .flags = PCI_BAR_PREFETCH, .ops = &platform_mem_ops },
    },
};

const struct dm_class xen_platform_class = {
    .name = "xen-platform",
    .size = sizeof(struct xen_platform),
    .version = 1,
    .pci = &platform_pci,
    .realize = platform_realize,
    .unrealize = platform_unrealize,
    .reset = platform_reset,
    .fields = platform_fields,
    .post_load = platform_post_load,
};
