/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard VGA with the Bochs VBE extension, as PCI function 1234:1111: class,
 * ports, reset, state. After [VGA], [BOCHS] and [QSTD]; see vga-regs.h.
 *
 * BAR 0 is the video memory, which is guest memory: the hypervisor maps it where
 * the guest wants it, and no access to it comes here. BAR 2 has the registers
 * again (bochs-drm uses only these). The expansion ROM is the vgabios.
 *
 * Missing: the feature connector, the CRTC's interrupt, interlace, EDID. The legacy ports
 * and window answer whatever the PCI command register says, as QEMU's do.
 */
#include "hw/display/vga.h"

#include <errno.h>
#include <stdlib.h>

#define VGA_ROM_NAME "vgabios-stdvga.bin"

/* Bits that exist. */
static const uint8_t vga_seq_mask[SEQ_COUNT] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
static const uint8_t vga_gfx_mask[GFX_COUNT] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03,
                                                 0x7b, 0x0f, 0x0f, 0xff };
static const uint8_t vga_attr_mask[ATTR_COUNT] = {
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f,
};

static void vga_kick(struct vga *v)
{
    dm_display_kick(&v->pci.dev.machine->display);
}

/*
 * Input status 1. A frame of 525 lines and 60 Hz stands for every mode; the retrace is made
 * longer than the two lines it is, so that a guest that polls through a hypervisor sees it.
 */
static uint8_t vga_status1(struct vga *v)
{
    enum { LINE_NS = 31746, LINES = 525, SHOWN = 480, RETRACE = 490, RETRACE_END = 520 };
    uint64_t t = dm_clock_now(v->pci.dev.machine->clock) % (LINES * (uint64_t)LINE_NS);
    uint64_t line = t / LINE_NS, dot = t % LINE_NS;
    uint8_t val = 0;

    if (line >= SHOWN || dot >= LINE_NS * 4 / 5)
        val |= STATUS1_BLANK;
    if (line >= RETRACE && line < RETRACE_END)
        val |= STATUS1_RETRACE;
    return val;
}

static uint8_t vga_crtc_read(const struct vga *v)
{
    switch (v->crtc_index) {
    case CRTC_LATCH:
        return (uint8_t)(v->latch >> 8 * (v->gfx[GFX_READ_MAP] & 3));
    case CRTC_ATTR_FLIP:
        return v->attr_data ? 0x80 : 0;
    case CRTC_ATTR_INDEX:
        return v->attr_index;
    }
    return v->crtc_index < CRTC_COUNT ? v->crtc[v->crtc_index] : 0;
}

static void vga_crtc_write(struct vga *v, uint8_t val)
{
    unsigned index = v->crtc_index;

    if (index >= CRTC_COUNT)
        return;
    if (index <= CRTC_OVERFLOW && (v->crtc[CRTC_V_RETRACE_END] & CRTC_V_RETRACE_END_PROTECT)) {
        if (index != CRTC_OVERFLOW)
            return;
        /* The line compare's bit stays open. */
        val = (uint8_t)((v->crtc[index] & ~0x10) | (val & 0x10));
    }
    v->crtc[index] = val;
    vga_kick(v);
}

static void vga_attr_write(struct vga *v, uint8_t val)
{
    unsigned index = v->attr_index & 0x1f;

    v->attr_data = !v->attr_data;
    if (v->attr_data)
        v->attr_index = val & 0x3f;
    else if (index < ATTR_COUNT)
        v->attr[index] = val & vga_attr_mask[index];
    vga_kick(v);
}

static uint8_t vga_dac_data_read(struct vga *v)
{
    uint8_t val = v->dac[v->dac_read][v->dac_part];

    if (++v->dac_part == 3) {
        v->dac_part = 0;
        v->dac_read++;
    }
    return val;
}

static void vga_dac_data_write(struct vga *v, uint8_t val)
{
    if (!(v->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC))
        val &= 0x3f;
    if (v->dac_part < 2) {
        v->dac_latch[v->dac_part++] = val;
        return;
    }
    v->dac[v->dac_write][0] = v->dac_latch[0];
    v->dac[v->dac_write][1] = v->dac_latch[1];
    v->dac[v->dac_write][2] = val;
    v->dac_part = 0;
    v->dac_write++;
    vga_kick(v);
}

/* The port as 3Dx, where MISC has the CRTC's ports; 0: it does not answer. */
static unsigned vga_port_decode(const struct vga *v, unsigned port)
{
    bool colour = v->misc & MISC_COLOUR;

    if (port >= VGA_ATTR && port < VGA_ATTR + 16)
        return port;
    if (port < VGA_ATTR)
        return colour ? 0 : port + 0x20;
    return colour ? port : 0;
}

static uint8_t vga_port_read(struct vga *v, unsigned port)
{
    switch (vga_port_decode(v, port)) {
    case VGA_ATTR:
        return v->attr_data ? 0 : v->attr_index;
    case VGA_ATTR_READ:
        return (v->attr_index & 0x1f) < ATTR_COUNT ? v->attr[v->attr_index & 0x1f] : 0;
    case VGA_MISC_WRITE:
        return STATUS0_SENSE;
    case VGA_ENABLE:
        return v->enable;
    case VGA_SEQ_INDEX:
        return v->seq_index;
    case VGA_SEQ_DATA:
        return v->seq_index < SEQ_COUNT ? v->seq[v->seq_index] : 0;
    case VGA_DAC_MASK:
        return v->dac_mask;
    case VGA_DAC_READ_INDEX:
        return v->dac_state;
    case VGA_DAC_WRITE_INDEX:
        return v->dac_write;
    case VGA_DAC_DATA:
        return vga_dac_data_read(v);
    case VGA_FEATURE_READ:
        return v->feature;
    case VGA_MISC_READ:
        return v->misc;
    case VGA_GFX_INDEX:
        return v->gfx_index;
    case VGA_GFX_DATA:
        return v->gfx_index < GFX_COUNT ? v->gfx[v->gfx_index] : 0;
    case VGA_CRTC_INDEX:
        return v->crtc_index;
    case VGA_CRTC_DATA:
        return vga_crtc_read(v);
    case VGA_STATUS1:
        v->attr_data = false;
        return vga_status1(v);
    }
    return 0xff;
}

static void vga_port_write(struct vga *v, unsigned port, uint8_t val)
{
    switch (vga_port_decode(v, port)) {
    case VGA_ATTR:
        vga_attr_write(v, val);
        break;
    case VGA_MISC_WRITE:
        v->misc = val & 0xef;
        break;
    case VGA_ENABLE:
        v->enable = val & 1;
        break;
    case VGA_SEQ_INDEX:
        v->seq_index = val & 7;
        break;
    case VGA_SEQ_DATA:
        if (v->seq_index >= SEQ_COUNT)
            break;
        v->seq[v->seq_index] = val & vga_seq_mask[v->seq_index];
        vga_mem_update(v);
        vga_kick(v);
        break;
    case VGA_DAC_MASK:
        v->dac_mask = val;
        vga_kick(v);
        break;
    case VGA_DAC_READ_INDEX:
        v->dac_read = val;
        v->dac_part = 0;
        v->dac_state = DAC_READING;
        break;
    case VGA_DAC_WRITE_INDEX:
        v->dac_write = val;
        v->dac_part = 0;
        v->dac_state = DAC_WRITING;
        break;
    case VGA_DAC_DATA:
        vga_dac_data_write(v, val);
        break;
    case VGA_GFX_INDEX:
        v->gfx_index = val & 0x0f;
        break;
    case VGA_GFX_DATA:
        if (v->gfx_index >= GFX_COUNT)
            break;
        v->gfx[v->gfx_index] = val & vga_gfx_mask[v->gfx_index];
        vga_mem_update(v);
        vga_kick(v);
        break;
    case VGA_CRTC_INDEX:
        v->crtc_index = val & 0x3f;
        break;
    case VGA_CRTC_DATA:
        vga_crtc_write(v, val);
        break;
    case VGA_STATUS1:
        v->feature = val & 0x03; /* no connector: the bits go nowhere */
        break;
    }
}

static uint64_t vga_ports_read(void *opaque, uint64_t off, unsigned size)
{
    return vga_port_read(opaque, VGA_PORT_FIRST + (unsigned)off);
}

static void vga_ports_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    vga_port_write(opaque, VGA_PORT_FIRST + (unsigned)off, (uint8_t)val);
}

/* Bytes: a word to an index port is the index, then the data. */
static const struct dm_region_ops vga_ports_ops = {
    .read = vga_ports_read,
    .write = vga_ports_write,
    .min = 1,
    .max = 1,
};

/* BAR 2 [QSTD]. No EDID: its place reads as zeros, and drivers then use their list of modes. */
static uint64_t vga_mmio_read(void *opaque, uint64_t off, unsigned size)
{
    struct vga *v = opaque;
    uint64_t val = 0;

    if (dm_in_range(off - VGA_MMIO_PORTS, size, VGA_MMIO_PORTS_SIZE)) {
        for (unsigned i = 0; i < size; i++)
            val |= (uint64_t)vga_port_read(v, VGA_ATTR + (unsigned)(off - VGA_MMIO_PORTS) + i)
                   << 8 * i;
    } else if (dm_in_range(off - VGA_MMIO_DISPI, size, VGA_MMIO_DISPI_SIZE)) {
        for (unsigned i = 0; i < size; i++) {
            unsigned at = (unsigned)(off - VGA_MMIO_DISPI) + i;

            val |= (uint64_t)(vga_dispi_read(v, at / 2) >> at % 2 * 8 & 0xff) << 8 * i;
        }
    } else if (off == VGA_MMIO_EXT_SIZE) {
        val = 8;
    } else if (off == VGA_MMIO_EXT_ENDIAN) {
        val = VGA_ENDIAN_LITTLE; /* and stays so: only x86 guests exist */
    }
    return val;
}

static void vga_mmio_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct vga *v = opaque;

    if (dm_in_range(off - VGA_MMIO_PORTS, size, VGA_MMIO_PORTS_SIZE)) {
        for (unsigned i = 0; i < size; i++, val >>= 8)
            vga_port_write(v, VGA_ATTR + (unsigned)(off - VGA_MMIO_PORTS) + i, (uint8_t)val);
    } else if (dm_in_range(off - VGA_MMIO_DISPI, size, VGA_MMIO_DISPI_SIZE) && size >= 2 &&
               off % 2 == 0) {
        for (unsigned i = 0; i < size; i += 2, val >>= 16)
            vga_dispi_write(v, (unsigned)(off - VGA_MMIO_DISPI + i) / 2, (uint16_t)val);
    }
}

static const struct dm_region_ops vga_mmio_ops = {
    .read = vga_mmio_read,
    .write = vga_mmio_write,
    .min = 1,
    .max = 4,
};

static void vga_vram_moved(struct dm_pci_device *pci, uint64_t addr)
{
    struct dm_hypervisor *hv = pci->dev.machine->hv;
    int rc = hv->ops->vram_move(hv, addr == DM_PCI_UNMAPPED ? DM_VRAM_HIDDEN : addr);

    if (rc)
        dm_guest_error(&pci->dev, "video memory cannot move to %#llx: error %d",
                       (unsigned long long)addr, -rc);
}

static void vga_blink(void *opaque)
{
    struct vga *v = opaque;

    vga_kick(v);
}

static void vga_reset(struct dm_device *dev)
{
    struct vga *v = (struct vga *)dev;

    v->misc = v->enable = v->feature = 0;
    v->seq_index = v->crtc_index = v->gfx_index = v->attr_index = 0;
    memset(v->seq, 0, sizeof(v->seq));
    memset(v->crtc, 0, sizeof(v->crtc));
    memset(v->gfx, 0, sizeof(v->gfx));
    memset(v->attr, 0, sizeof(v->attr));
    v->attr_data = false;
    v->dac_mask = 0xff;
    v->dac_state = DAC_WRITING;
    v->dac_read = v->dac_write = v->dac_part = 0;
    memset(v->dac_latch, 0, sizeof(v->dac_latch));
    memset(v->dac, 0, sizeof(v->dac));
    v->latch = 0;
    vga_dispi_reset(v);
    vga_mem_update(v);
    vga_kick(v);
}

/* Twice as much each time: a mode takes a few steps at most, and the picture after it none. */
bool vga_reach_more(struct vga *v, uint64_t end)
{
    struct dm_hypervisor *hv = v->pci.dev.machine->hv;
    uint32_t size = VGA_PLANES_SIZE;

    if (end > v->vram_size)
        return false;
    while (size < end)
        size *= 2;
    if (hv->ops->vram_map(hv, size))
        return false;
    v->vram_there = size;
    return true;
}

/* The size asked for, rounded down to a power of two: what BAR 0 can have, and Xen has paid for. */
static int vga_vram_size(struct vga *v, struct dm_error *err)
{
    uint32_t mb = v->vgamem_mb ? v->vgamem_mb : 16, pow2 = 1;

    if (mb > 256)
        return dm_error_set(err, EINVAL, "device '%s': vgamem_mb=%u is not within 1 and 256",
                            v->pci.dev.id, mb);
    while (pow2 * 2 <= mb)
        pow2 *= 2;
    if (pow2 != mb)
        dm_log(DM_LOG_INFO, v->pci.dev.id, "vgamem_mb=%u is no power of two, using %u", mb, pow2);
    v->vram_size = pow2 << 20;
    return 0;
}

static void vga_unrealize(struct dm_device *dev)
{
    struct vga *v = (struct vga *)dev;

    if (dev->machine->display.opaque == v)
        dm_display_set_source(&dev->machine->display, NULL, NULL);
    dm_timer_cancel(&v->blink);
    dm_space_remove(&v->window);
    dm_space_remove(&v->dispi_ports);
    dm_space_remove(&v->ports);
    vga_screen_free(v);
    free(v->dirty);
    free(v->pages);
    free(v->rom);
}

static int vga_map(struct vga *v, struct dm_space *space, struct dm_region *r, uint64_t base,
                   struct dm_error *err)
{
    int rc = dm_space_add(space, r, base);

    if (rc)
        return dm_error_set(err, -rc, "device '%s': %s at %#llx %s", v->pci.dev.id, r->name,
                            (unsigned long long)base,
                            rc == -EEXIST ? "is another device's" : "was refused");
    return 0;
}

static int vga_realize(struct dm_device *dev, struct dm_error *err)
{
    struct vga *v = (struct vga *)dev;
    struct dm_machine *m = dev->machine;
    struct dm_hypervisor *hv = m->hv;
    size_t words, rom_size;
    void *vram;
    int rc = vga_vram_size(v, err);

    if (rc)
        return rc;
    dm_timer_init(&v->blink, m->clock, vga_blink, v);
    v->ports = (struct dm_region) { .name = "VGA ports",
                                    .ops = &vga_ports_ops,
                                    .opaque = v,
                                    .size = VGA_PORT_LAST + 1 - VGA_PORT_FIRST };
    v->dispi_ports = (struct dm_region) {
        .name = "VBE ports", .ops = &vga_dispi_ops, .opaque = v, .size = DISPI_PORTS
    };
    v->window = (struct dm_region) {
        .name = "VGA window", .ops = &vga_window_ops, .opaque = v, .size = VGA_WINDOW_SIZE
    };
    words = (v->vram_size / DM_PAGE_SIZE + 63) / 64;
    v->dirty = calloc(words, sizeof(*v->dirty));
    v->pages = calloc(words, sizeof(*v->pages));
    if (!v->dirty || !v->pages) {
        rc = dm_error_set(err, ENOMEM, "device '%s': out of memory", dev->id);
        goto fail;
    }
    rc = dm_machine_rom(m, VGA_ROM_NAME, &v->rom, &rom_size, err);
    if (rc)
        goto fail;
    rc = dm_pci_set_rom(&v->pci, v->rom, rom_size);
    if (rc) {
        dm_error_set(err, -rc, "device '%s': firmware '%s' has no usable size", dev->id,
                     VGA_ROM_NAME);
        goto fail;
    }
    if ((rc = vga_map(v, &m->io, &v->ports, VGA_PORT_FIRST, err)) ||
        (rc = vga_map(v, &m->io, &v->dispi_ports, DISPI_PORT, err)) ||
        (rc = vga_map(v, &m->mem, &v->window, VGA_WINDOW_BASE, err)))
        goto fail;
    if (m->restored && m->restored->vram_size != v->vram_size) {
        rc = dm_error_set(
            err, EINVAL, "device '%s': the saved guest has %llu KiB of video memory, not %u",
            dev->id, (unsigned long long)m->restored->vram_size >> 10, v->vram_size >> 10);
        goto fail;
    }
    /* Last: it cannot be undone. */
    rc = hv->ops->vram_alloc(hv, v->vram_size, &vram);
    if (!rc)
        rc = hv->ops->vram_map(hv, VGA_PLANES_SIZE);
    if (rc) {
        dm_error_set(err, -rc, "device '%s': no %u MiB of video memory: %s", dev->id,
                     v->vram_size >> 20, strerror(-rc));
        goto fail;
    }
    v->vram = vram;
    v->vram_there = VGA_PLANES_SIZE;
    dm_pci_set_bar_size(&v->pci, 0, v->vram_size);
    dm_display_set_source(&m->display, vga_refresh, v);
    dm_display_resize(&m->display, 640, 480);
    return 0;

fail:
    vga_unrealize(dev);
    return rc;
}

/* No bit that does not exist. */
static bool vga_bits_valid(const uint8_t *reg, const uint8_t *mask, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (reg[i] & ~mask[i])
            return false;
    return true;
}

static int vga_post_load(struct dm_device *dev, uint16_t version)
{
    struct vga *v = (struct vga *)dev;
    bool wide = v->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC;

    if (v->seq_index > 7 || v->gfx_index > 0x0f || v->crtc_index > 0x3f || v->attr_index > 0x3f ||
        v->dac_part > 2 || (v->dac_state != DAC_READING && v->dac_state != DAC_WRITING) ||
        (v->misc & ~0xef) || v->enable > 1 || v->feature > 3)
        return -EINVAL;
    if (!vga_bits_valid(v->seq, vga_seq_mask, SEQ_COUNT) ||
        !vga_bits_valid(v->gfx, vga_gfx_mask, GFX_COUNT) ||
        !vga_bits_valid(v->attr, vga_attr_mask, ATTR_COUNT) || !vga_dispi_valid(v))
        return -EINVAL;
    for (unsigned i = 0; i < 256 * 3 && !wide; i++)
        if (v->dac[i / 3][i % 3] > 0x3f || v->dac_latch[i % 2] > 0x3f)
            return -EINVAL;
    /* All of the picture may be another one. */
    memset(v->dirty, 0xff, (v->vram_size / DM_PAGE_SIZE + 63) / 64 * sizeof(*v->dirty));
    v->fonts++;
    vga_mem_update(v);
    vga_kick(v);
    return 0;
}

static const struct dm_prop vga_props[] = {
    DM_PROP(struct vga, vgamem_mb, DM_PROP_UINT, "vgamem_mb"),
    DM_PROPS_END,
};

static const struct dm_field vga_fields[] = {
    DM_UINT(struct vga, misc, 1),        DM_UINT(struct vga, enable, 1),
    DM_UINT(struct vga, feature, 1),     DM_UINT(struct vga, seq_index, 1),
    DM_UINTS(struct vga, seq, 1),        DM_UINT(struct vga, crtc_index, 1),
    DM_UINTS(struct vga, crtc, 1),       DM_UINT(struct vga, gfx_index, 1),
    DM_UINTS(struct vga, gfx, 1),        DM_UINT(struct vga, attr_index, 1),
    DM_UINTS(struct vga, attr, 1),       DM_BOOL(struct vga, attr_data, 1),
    DM_UINT(struct vga, dac_mask, 1),    DM_UINT(struct vga, dac_state, 1),
    DM_UINT(struct vga, dac_read, 1),    DM_UINT(struct vga, dac_write, 1),
    DM_UINT(struct vga, dac_part, 1),    DM_UINTS(struct vga, dac_latch, 1),
    DM_BYTES(struct vga, dac, 1),        DM_UINT(struct vga, latch, 1),
    DM_UINT(struct vga, dispi_index, 1), DM_UINT(struct vga, dispi_id, 1),
    DM_UINTS(struct vga, dispi, 1),      DM_FIELDS_END,
};

static const struct dm_pci_info vga_pci = {
    .vendor = 0x1234,
    .device = 0x1111,
    .subsystem_vendor = 0x1af4,
    .subsystem = 0x1100,
    .class = 0x03,
    .subclass = 0x00,
    .revision = 2, /* BAR 2 exists */
    .slot = PCI_SLOT_ANY,
    .bar = {
        [0] = { .size = 16u << 20, .flags = PCI_BAR_PREFETCH, .moved = vga_vram_moved },
        [2] = { .size = VGA_MMIO_SIZE, .ops = &vga_mmio_ops },
    },
};

const struct dm_class vga_class = {
    .name = "VGA",
    .size = sizeof(struct vga),
    .version = 1,
    .pci = &vga_pci,
    .props = vga_props,
    .realize = vga_realize,
    .unrealize = vga_unrealize,
    .reset = vga_reset,
    .fields = vga_fields,
    .post_load = vga_post_load,
};
