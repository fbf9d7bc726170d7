/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VBE extension of the Bochs VGA: high resolutions in a linear frame buffer
 * or a banked window. After [BOCHS] and [QSTD]; see vga-regs.h. Any width and
 * height that the memory holds will do, odd ones as well.
 *
 * Unlike Bochs, XRES, YRES and BPP may change while enabled (QEMU lets guests do
 * so, and some rely on it). Words only: bytes at the ports read as ones.
 */
#include "hw/display/vga.h"

#define DISPI_ENABLE_BITS \
    (DISPI_ENABLED | DISPI_GETCAPS | DISPI_8BIT_DAC | DISPI_LFB | DISPI_NOCLEARMEM)

/* Bytes of a line of width pixels. 4 bit modes: 8 pixels are a dword of the four planes. */
static unsigned dispi_line(const uint16_t *r, unsigned width)
{
    switch (r[DISPI_BPP]) {
    case 4:
        return width / 8 * 4;
    case 15:
        return width * 2;
    default:
        return width * (r[DISPI_BPP] / 8u);
    }
}

unsigned vga_dispi_stride(const struct vga *v)
{
    return dispi_line(v->dispi, v->dispi[DISPI_VIRT_WIDTH]);
}

static bool dispi_bpp_valid(unsigned bpp)
{
    return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

/* Makes the geometry fit itself and the memory. Only while enabled; idempotent. */
static void dispi_fit(uint16_t *r, uint32_t vram_size)
{
    unsigned lines, banks = vram_size >> 16;

    if (r[DISPI_BPP] == 4 && r[DISPI_XRES] < 8)
        r[DISPI_XRES] = 8;
    if (r[DISPI_XRES] == 0)
        r[DISPI_XRES] = 1;
    if (r[DISPI_YRES] == 0)
        r[DISPI_YRES] = 1;
    if (r[DISPI_VIRT_WIDTH] < r[DISPI_XRES])
        r[DISPI_VIRT_WIDTH] = r[DISPI_XRES];
    lines = vram_size / dispi_line(r, r[DISPI_VIRT_WIDTH]);
    if (lines > UINT16_MAX)
        lines = UINT16_MAX;
    r[DISPI_VIRT_HEIGHT] = (uint16_t)lines;
    if (r[DISPI_YRES] > lines)
        r[DISPI_YRES] = (uint16_t)lines;
    if (r[DISPI_X_OFFSET] > r[DISPI_VIRT_WIDTH] - r[DISPI_XRES])
        r[DISPI_X_OFFSET] = r[DISPI_VIRT_WIDTH] - r[DISPI_XRES];
    if (r[DISPI_Y_OFFSET] > lines - r[DISPI_YRES])
        r[DISPI_Y_OFFSET] = (uint16_t)(lines - r[DISPI_YRES]);
    if (r[DISPI_BPP] == 4)
        banks /= 4;
    r[DISPI_BANK] &= (uint16_t)(banks - 1);
}

bool vga_dispi_valid(const struct vga *v)
{
    uint16_t copy[DISPI_COUNT];

    if (v->dispi_id < DISPI_ID_FIRST || v->dispi_id > DISPI_ID_LAST ||
        !dispi_bpp_valid(v->dispi[DISPI_BPP]) || v->dispi[DISPI_XRES] > DM_DISPLAY_MAX_WIDTH ||
        v->dispi[DISPI_YRES] > DM_DISPLAY_MAX_HEIGHT ||
        (v->dispi[DISPI_ENABLE] & ~DISPI_ENABLE_BITS))
        return false;
    if (!vga_dispi_enabled(v))
        return true;
    memcpy(copy, v->dispi, sizeof(copy));
    dispi_fit(copy, v->vram_size);
    return !memcmp(copy, v->dispi, sizeof(copy));
}

/* The DAC goes from 6 to 8 bits or back: the colours stay. */
static void dispi_dac_width(struct vga *v, bool wide)
{
    for (unsigned i = 0; i < 256; i++)
        for (unsigned c = 0; c < 3; c++)
            v->dac[i][c] =
                wide ? (uint8_t)(v->dac[i][c] << 2 | v->dac[i][c] >> 4) : v->dac[i][c] >> 2;
    memset(v->dac_latch, 0, sizeof(v->dac_latch));
}

static void dispi_clear(struct vga *v)
{
    uint32_t len = v->dispi[DISPI_YRES] * vga_dispi_stride(v); /* fits: dispi_fit */

    if (!vga_reach(v, len))
        return;
    memset(v->vram, 0, len);
    for (uint32_t off = 0; off < len; off += DM_PAGE_SIZE)
        vga_mark(v, off, 1);
}

static void dispi_enable(struct vga *v, uint16_t val)
{
    uint16_t *r = v->dispi, was = r[DISPI_ENABLE];

    val &= DISPI_ENABLE_BITS;
    if (!(val & DISPI_ENABLED))
        val &= (uint16_t)~DISPI_8BIT_DAC;
    if ((val ^ was) & DISPI_8BIT_DAC)
        dispi_dac_width(v, val & DISPI_8BIT_DAC);
    r[DISPI_ENABLE] = val;
    if (!(val & DISPI_ENABLED)) {
        r[DISPI_BANK] = 0;
        return;
    }
    if (was & DISPI_ENABLED)
        return;
    r[DISPI_VIRT_WIDTH] = r[DISPI_XRES];
    r[DISPI_X_OFFSET] = 0;
    r[DISPI_Y_OFFSET] = 0;
    dispi_fit(r, v->vram_size);
    if (!(val & DISPI_NOCLEARMEM))
        dispi_clear(v);
}

uint16_t vga_dispi_read(struct vga *v, unsigned index)
{
    bool caps = v->dispi[DISPI_ENABLE] & DISPI_GETCAPS;

    switch (index) {
    case DISPI_ID:
        return v->dispi_id;
    case DISPI_XRES:
        return caps ? DM_DISPLAY_MAX_WIDTH : v->dispi[index];
    case DISPI_YRES:
        return caps ? DM_DISPLAY_MAX_HEIGHT : v->dispi[index];
    case DISPI_BPP:
        return caps ? DISPI_MAX_BPP : v->dispi[index];
    case DISPI_VIDEO_MEMORY_64K:
        return (uint16_t)(v->vram_size >> 16);
    }
    return index < DISPI_COUNT ? v->dispi[index] : 0;
}

void vga_dispi_write(struct vga *v, unsigned index, uint16_t val)
{
    bool ok = true;

    switch (index) {
    case DISPI_ID: /* a guest asks for a version of the interface: it gets what we know */
        ok = val >= DISPI_ID_FIRST && val <= DISPI_ID_LAST;
        if (ok)
            v->dispi_id = val;
        break;
    case DISPI_XRES:
        ok = val <= DM_DISPLAY_MAX_WIDTH;
        break;
    case DISPI_YRES:
        ok = val <= DM_DISPLAY_MAX_HEIGHT;
        break;
    case DISPI_BPP:
        val = val ? val : 8; /* [BOCHS]: as VBE 0.1 had it */
        ok = dispi_bpp_valid(val);
        break;
    case DISPI_ENABLE:
        dispi_enable(v, val);
        break;
    case DISPI_BANK:
    case DISPI_VIRT_WIDTH:
    case DISPI_VIRT_HEIGHT:
    case DISPI_X_OFFSET:
    case DISPI_Y_OFFSET:
        break;
    default:
        ok = false;
        break;
    }
    if (!ok) {
        dm_guest_error(&v->pci.dev, "DISPI register %u set to %#x", index, val);
        return;
    }
    if (index != DISPI_ID && index != DISPI_ENABLE)
        v->dispi[index] = val;
    if (vga_dispi_enabled(v))
        dispi_fit(v->dispi, v->vram_size);
    vga_mem_update(v);
    dm_display_kick(&v->pci.dev.machine->display);
}

void vga_dispi_reset(struct vga *v)
{
    memset(v->dispi, 0, sizeof(v->dispi));
    v->dispi[DISPI_BPP] = 8;
    v->dispi_index = 0;
    v->dispi_id = DISPI_ID_LAST;
}

static uint64_t dispi_port_read(void *opaque, uint64_t off, unsigned size)
{
    struct vga *v = opaque;

    if (size != 2 || off > 2)
        return dm_ones(size);
    return off == 0 ? v->dispi_index : vga_dispi_read(v, v->dispi_index);
}

static void dispi_port_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct vga *v = opaque;

    if (size != 2 || off > 2)
        return;
    if (off == 0)
        v->dispi_index = (uint16_t)val;
    else
        vga_dispi_write(v, v->dispi_index, (uint16_t)val);
}

const struct dm_region_ops vga_dispi_ops = {
    .read = dispi_port_read,
    .write = dispi_port_write,
    .min = 1,
    .max = 2,
};
