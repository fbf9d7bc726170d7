/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of the VGA share this: registers (vga.c), memory accesses (vga-mem.c),
 * the VBE extension (vbe.c), the picture (vga-draw.c). Loop thread only.
 *
 * Video memory is kept as the hardware's four planes side by side: the four
 * bytes at 4 * A are what planes 0 to 3 have at address A. In VBE modes it is
 * what the guest sees through BAR 0.
 */
#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include "dm/bytes.h"
#include "dm/machine.h"
#include "hw/display/vga-regs.h"

#include <string.h>

#define VGA_PLANE_MASK  0xffffu  /* an address in a plane of 64 KiB */
#define VGA_PLANES_SIZE 0x40000u /* bytes of the four of them */

/* How the CPU's window reaches the planes. */
enum vga_access {
    VGA_ACCESS_LINEAR, /* VBE: a bank of the frame buffer */
    VGA_ACCESS_CHAIN4, /* address bits 1-0 choose the plane */
    VGA_ACCESS_ODDEVEN,
    VGA_ACCESS_PLANAR,
};

struct vga_screen;

struct vga {
    struct dm_pci_device pci;
    uint32_t vgamem_mb; /* property; 0: 16 */

    /* Registers */
    uint8_t misc, enable, feature;
    uint8_t seq_index, seq[SEQ_COUNT];
    uint8_t crtc_index, crtc[CRTC_COUNT];
    uint8_t gfx_index, gfx[GFX_COUNT];
    uint8_t attr_index, attr[ATTR_COUNT]; /* the index with ATTR_INDEX_PAS */
    bool attr_data;                       /* the next write to 3C0 is data */
    uint8_t dac_mask, dac_state, dac_read, dac_write;
    uint8_t dac_part;     /* 0 to 2: red, green, blue comes next */
    uint8_t dac_latch[2]; /* red and green, until blue comes */
    uint8_t dac[256][3];  /* 6 or 8 bits: DISPI_8BIT_DAC */
    uint32_t latch;       /* of the four planes */
    uint16_t dispi_index, dispi_id;
    uint16_t dispi[DISPI_COUNT]; /* [DISPI_ID] is not used */

    /* Follows from the registers: vga_mem_update */
    enum vga_access access;
    uint32_t window_first, window_size; /* the part of A0000-BFFFF that answers */
    uint32_t bank;                      /* LINEAR: bytes; else plane addresses */
    uint32_t plane_mask;                /* FF in the byte of each writable plane */
    bool writes_plain;                  /* write mode 0 with no function, mask or set/reset */

    /* What the guest changed since the last refresh */
    uint64_t *dirty;  /* a bit a page of VRAM: changed by window writes */
    uint64_t *pages;  /* the same, with the hypervisor's, during a refresh */
    uint32_t fonts;   /* counts writes to plane 2 */
    uint32_t tracked; /* pages that the hypervisor was asked for */

    /* The host's */
    uint8_t *vram;
    uint32_t vram_size;  /* bytes, a power of two, at least 1 MiB */
    uint32_t vram_there; /* bytes of it that can be touched: vga_reach */
    uint8_t *rom;
    struct dm_region ports, dispi_ports, window;
    struct dm_timer blink;     /* armed while something blinks and someone looks */
    struct vga_screen *screen; /* what the surface shows; from the first refresh on */
};

extern const struct dm_class vga_class;

static inline bool vga_dispi_enabled(const struct vga *v)
{
    return v->dispi[DISPI_ENABLE] & DISPI_ENABLED;
}

/* Notes a change of size bytes (at most a page) of VRAM at off, both in range. */
static inline void vga_mark(struct vga *v, uint32_t off, uint32_t size)
{
    uint32_t first = off >> DM_PAGE_SHIFT, last = (off + size - 1) >> DM_PAGE_SHIFT;

    v->dirty[first / 64] |= 1ull << first % 64;
    v->dirty[last / 64] |= 1ull << last % 64;
    if (v->pci.dev.machine->log_dirty)
        v->pci.dev.machine->hv->ops->vram_written(v->pci.dev.machine->hv, off, size);
}

/*
 * VRAM below end is going to be touched. false: it ends before, or the hypervisor does not give it.
 * What the VGA's own modes use, VGA_PLANES_SIZE, is always there.
 */
bool vga_reach_more(struct vga *v, uint64_t end);

static inline bool vga_reach(struct vga *v, uint64_t end)
{
    return end <= v->vram_there || vga_reach_more(v, end);
}

/* A little-endian dword of VRAM, by one load. */
static inline uint32_t vga_load32(const uint8_t *p)
{
    uint32_t d;

    memcpy(&d, p, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    d = __builtin_bswap32(d);
#endif
    return d;
}

static inline void vga_store32(uint8_t *p, uint32_t d)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    d = __builtin_bswap32(d);
#endif
    memcpy(p, &d, 4);
}

/* The four planes at address a, which the caller has masked: plane 0 is the lowest byte. */
static inline uint32_t vga_planes(const struct vga *v, uint32_t a)
{
    return vga_load32(v->vram + 4 * (size_t)a);
}

/* vga-mem.c */
extern const struct dm_region_ops vga_window_ops;
void vga_mem_update(struct vga *v); /* after any change of registers */

/* vbe.c */
extern const struct dm_region_ops vga_dispi_ops;
uint16_t vga_dispi_read(struct vga *v, unsigned index);
void vga_dispi_write(struct vga *v, unsigned index, uint16_t val);
unsigned vga_dispi_stride(const struct vga *v); /* bytes from one line to the next */
bool vga_dispi_valid(const struct vga *v);      /* could a guest have set this? */
void vga_dispi_reset(struct vga *v);

/* vga-draw.c: dm_display's source, and the end of it. */
void vga_refresh(void *opaque, bool all);
void vga_screen_free(struct vga *v);

#endif
