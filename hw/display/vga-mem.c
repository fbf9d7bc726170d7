/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VGA's memory as the CPU sees it at A0000-BFFFF: write modes 0 to 3, read
 * modes 0 and 1, chain 4, odd/even, latches, and the banked window of the VBE.
 * After [VGA] "Graphics controller registers" and [BOCHS]; see vga-regs.h.
 *
 * Writes come in bursts from the hypervisor's buffered ring, so they do not
 * look at registers: vga_mem_update has put into few words what they say.
 * Missing: the 128 KiB window (it repeats the 64 KiB of the planes), the page
 * bit of odd/even, and MISC's "enable RAM": bochs-drm clears that bit and
 * firmware that draws afterwards does not set it again.
 */
#include "hw/display/vga.h"

/* A byte of FF for each of bits 0 to 3. */
static uint32_t vga_expand(unsigned bits)
{
    return ((bits & 1) ? 0xffu : 0) | ((bits & 2) ? 0xff00u : 0) | ((bits & 4) ? 0xff0000u : 0) |
           ((bits & 8) ? 0xff000000u : 0);
}

void vga_mem_update(struct vga *v)
{
    static const struct {
        uint32_t first, size;
    } map[4] = { { 0, 0x20000 }, { 0, 0x10000 }, { 0x10000, 0x8000 }, { 0x18000, 0x8000 } };
    unsigned m = v->gfx[GFX_MISC] >> 2 & 3;

    v->window_first = map[m].first;
    v->window_size = map[m].size;
    v->bank = 0;
    v->plane_mask = vga_expand(v->seq[SEQ_MAP_MASK]);
    v->writes_plain = (v->gfx[GFX_MODE] & 3) == 0 && !v->gfx[GFX_ENABLE_SET_RESET] &&
                      !v->gfx[GFX_ROTATE] && v->gfx[GFX_BIT_MASK] == 0xff;
    if (v->seq[SEQ_MEMORY] & SEQ_MEMORY_CHAIN4)
        v->access = VGA_ACCESS_CHAIN4;
    else if (!(v->seq[SEQ_MEMORY] & SEQ_MEMORY_SEQUENTIAL))
        v->access = VGA_ACCESS_ODDEVEN;
    else
        v->access = VGA_ACCESS_PLANAR;
    if (!vga_dispi_enabled(v))
        return;
    v->window_first = 0;
    v->window_size = 0x10000;
    v->bank = (uint32_t)v->dispi[DISPI_BANK] << 16;
    v->access = v->dispi[DISPI_BPP] == 4 ? VGA_ACCESS_PLANAR : VGA_ACCESS_LINEAR;
}

static void vga_planes_write(struct vga *v, uint32_t a, uint32_t val, uint32_t mask)
{
    uint32_t d = vga_planes(v, a);

    vga_store32(v->vram + 4 * (size_t)a, (d & ~mask) | (val & mask));
    vga_mark(v, 4 * a, 4);
    if (mask & 0x00ff0000)
        v->fonts++;
}

/* What the graphics controller makes of a byte: [VGA] "Graphics Mode Register". */
static uint32_t vga_write_value(const struct vga *v, uint8_t val)
{
    unsigned rotate = v->gfx[GFX_ROTATE] & 7;
    uint8_t turned = (uint8_t)(val >> rotate | val << (8 - rotate));
    uint32_t bits = v->gfx[GFX_BIT_MASK] * 0x01010101u, set, data;

    switch (v->gfx[GFX_MODE] & 3) {
    case 0:
        set = vga_expand(v->gfx[GFX_ENABLE_SET_RESET]);
        data = (turned * 0x01010101u & ~set) | (vga_expand(v->gfx[GFX_SET_RESET]) & set);
        break;
    case 1:
        return v->latch;
    case 2:
        data = vga_expand(val);
        break;
    default:
        data = vga_expand(v->gfx[GFX_SET_RESET]);
        bits &= turned * 0x01010101u;
        break;
    }
    switch (v->gfx[GFX_ROTATE] >> 3 & 3) {
    case 1:
        data &= v->latch;
        break;
    case 2:
        data |= v->latch;
        break;
    case 3:
        data ^= v->latch;
        break;
    }
    return (data & bits) | (v->latch & ~bits);
}

/*
 * The plane address of the byte at off of the window; false: there is no memory.
 * In VBE's 4 bit modes the bank may lie beyond the memory (XSA-179).
 */
static bool vga_plane_address(struct vga *v, uint32_t off, uint32_t *a)
{
    *a = (v->bank + (off & VGA_PLANE_MASK)) & (v->access == VGA_ACCESS_PLANAR   ? ~0u
                                               : v->access == VGA_ACCESS_CHAIN4 ? ~3u
                                                                                : ~1u);
    return vga_reach(v, 4 * ((uint64_t)*a + 1));
}

/* off is from the start of the part that answers. */
static void vga_byte_write(struct vga *v, uint32_t off, uint8_t val)
{
    uint32_t a, mask = v->plane_mask;

    if (!vga_plane_address(v, off, &a))
        return;
    if (v->access == VGA_ACCESS_CHAIN4) {
        vga_planes_write(v, a, val * 0x01010101u, mask & 0xffu << 8 * (off & 3));
        return;
    }
    if (v->access == VGA_ACCESS_ODDEVEN)
        mask &= off & 1 ? 0xff00ff00u : 0x00ff00ffu;
    vga_planes_write(v, a, v->writes_plain ? val * 0x01010101u : vga_write_value(v, val), mask);
}

static uint8_t vga_byte_read(struct vga *v, uint32_t off)
{
    unsigned plane = v->gfx[GFX_READ_MAP] & 3;
    uint32_t a, differs;

    if (!vga_plane_address(v, off, &a))
        return 0xff;
    v->latch = vga_planes(v, a);
    if (v->access == VGA_ACCESS_CHAIN4)
        return (uint8_t)(v->latch >> 8 * (off & 3));
    if (v->gfx[GFX_MODE] & GFX_MODE_READ1) {
        differs = (v->latch ^ vga_expand(v->gfx[GFX_COMPARE])) & vga_expand(v->gfx[GFX_DONT_CARE]);
        differs |= differs >> 16;
        return (uint8_t) ~(differs | differs >> 8);
    }
    if (v->gfx[GFX_MODE] & GFX_MODE_ODD_EVEN && v->access == VGA_ACCESS_ODDEVEN)
        plane = (plane & 2) | (off & 1);
    return (uint8_t)(v->latch >> 8 * plane);
}

/* size bytes at off of the banked window, or NULL when not all of them are there (XSA-179). */
static uint8_t *vga_bank_at(struct vga *v, uint32_t off, unsigned size)
{
    if (!dm_in_range(off, size, v->window_size) || !vga_reach(v, (uint64_t)v->bank + off + size))
        return NULL;
    return v->vram + v->bank + off;
}

/* off may wrap: then it is below the part that answers. */
static uint8_t vga_window_byte(struct vga *v, uint32_t off)
{
    const uint8_t *p;

    if (v->access == VGA_ACCESS_LINEAR) {
        p = vga_bank_at(v, off, 1);
        return p ? *p : 0xff;
    }
    return off < v->window_size ? vga_byte_read(v, off) : 0xff;
}

static uint64_t vga_window_read(void *opaque, uint64_t addr, unsigned size)
{
    struct vga *v = opaque;
    uint32_t off = (uint32_t)addr - v->window_first;
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i++)
        val |= (uint64_t)vga_window_byte(v, off + i) << 8 * i;
    return val;
}

static void vga_bank_write(struct vga *v, uint32_t off, unsigned size, uint64_t val)
{
    uint8_t *p = vga_bank_at(v, off, size);

    if (p) {
        dm_put_le(p, size, val);
        vga_mark(v, v->bank + off, size);
    } else if (size > 1) { /* over the window's edge: what is inside */
        for (unsigned i = 0; i < size; i++)
            vga_bank_write(v, off + i, 1, val >> 8 * i & 0xff);
    }
}

/* Writes bytes, or a whole cell of text or dword of chain 4 at once. Returns how many bytes. */
static unsigned vga_planar_write(struct vga *v, uint32_t off, unsigned size, uint64_t val)
{
    if (off >= v->window_size)
        return 1;
    if (v->access == VGA_ACCESS_ODDEVEN && v->writes_plain && size >= 2 && !(off & 1)) {
        vga_planes_write(v, off & VGA_PLANE_MASK, (val & 0xffff) * 0x10001u, v->plane_mask);
        return 2;
    }
    if (v->access == VGA_ACCESS_CHAIN4 && size >= 4 && !(off & 3)) {
        vga_planes_write(v, off & VGA_PLANE_MASK, (uint32_t)val, v->plane_mask);
        return 4;
    }
    vga_byte_write(v, off, (uint8_t)val);
    return 1;
}

static void vga_window_write(void *opaque, uint64_t addr, unsigned size, uint64_t val)
{
    struct vga *v = opaque;
    uint32_t off = (uint32_t)addr - v->window_first;

    dm_display_kick(&v->pci.dev.machine->display);
    if (v->access == VGA_ACCESS_LINEAR) {
        vga_bank_write(v, off, size, val);
        return;
    }
    while (size) {
        unsigned n = vga_planar_write(v, off, size, val);

        off += n;
        size -= n;
        val >>= 8 * n; /* n < 8 */
    }
}

const struct dm_region_ops vga_window_ops = {
    .read = vga_window_read,
    .write = vga_window_write,
    .min = 1,
    .max = 8,
};
