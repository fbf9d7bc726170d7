/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of the VGA: register values of the BIOS's modes ([VGA] tables), as a driver sets them.
 */
#ifndef VGA_MODES_H
#define VGA_MODES_H

#include "hw/display/vga.h"
#include "tests/fake/fake.h"

struct vga_mode {
    uint8_t misc, seq[5], crtc[25], gfx[9], attr[21];
};

static const struct vga_mode vga_mode_03 = {
    /* text, 80x25, 720x400 */
    0x67,
    { 3, 0x00, 0x03, 0, 0x02 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0,    0x4f, 0x0d, 0x0e, 0,
      0,    0,    0,    0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff },
    { 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff },
    { 0,    1,    2,    3,    4,    5,    0x14, 7,    0x38, 0x39, 0x3a,
      0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0,    0x0f, 0x08, 0 },
};

static const struct vga_mode vga_mode_04 = {
    /* CGA, 320x200, 4 colours */
    0x63,
    { 3, 0x09, 0x03, 0, 0x02 },
    { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0,    0xc1, 0,    0,   0,
      0,    0,    0,    0x9c, 0x8e, 0x8f, 0x14, 0,    0x96, 0xb9, 0xa2, 0xff },
    { 0, 0, 0, 0, 0, 0x30, 0x0f, 0x0f, 0xff },
    { 0,    0x13, 0x15, 0x17, 2,    4,    6, 7,    0x10, 0x11, 0x12,
      0x13, 0x14, 0x15, 0x16, 0x17, 0x01, 0, 0x03, 0,    0 },
};

static const struct vga_mode vga_mode_06 = {
    /* CGA, 640x200, 2 colours */
    0x63,
    { 3, 0x01, 0x01, 0, 0x06 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0,    0xc1, 0,    0,   0,
      0,    0,    0,    0x9c, 0x8e, 0x8f, 0x28, 0,    0x96, 0xb9, 0xc2, 0xff },
    { 0, 0, 0, 0, 0, 0, 0x0d, 0x0f, 0xff },
    { 0,    0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17,
      0x17, 0x17, 0x17, 0x17, 0x17, 0x01, 0,    0x01, 0,    0 },
};

static const struct vga_mode vga_mode_0d = {
    /* 320x200, 16 colours */
    0x63,
    { 3, 0x09, 0x0f, 0, 0x06 },
    { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0,    0xc0, 0,    0,   0,
      0,    0,    0,    0x9c, 0x8e, 0x8f, 0x14, 0,    0x96, 0xb9, 0xe3, 0xff },
    { 0, 0, 0, 0, 0, 0, 0x05, 0x0f, 0xff },
    { 0, 1, 2, 3, 4, 5, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x01, 0, 0x0f, 0, 0 },
};

static const struct vga_mode
    vga_mode_12 = {
        /* 640x480, 16 colours */
        0xe3,
        { 3, 0x01, 0x0f, 0, 0x06 },
        { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0,    0x40, 0,    0,   0,
          0,    0,    0,    0xea, 0x8c, 0xdf, 0x28, 0,    0xe7, 0x04, 0xe3, 0xff },
        { 0, 0, 0, 0, 0, 0, 0x05, 0x0f, 0xff },
        { 0,    1,    2,    3,    4,    5,    0x14, 7,    0x38, 0x39, 0x3a,
          0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x01, 0,    0x0f, 0,    0 },
    };

static const struct vga_mode vga_mode_13 = {
    /* 320x200, 256 colours */
    0x63,
    { 3, 0x01, 0x0f, 0, 0x0e },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0,    0x41, 0,    0,   0,
      0,    0,    0,    0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff },
    { 0, 0, 0, 0, 0, 0x40, 0x05, 0x0f, 0xff },
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0, 0 },
};

static inline void vga_out(struct fake *f, unsigned port, unsigned index, unsigned val)
{
    fake_out(f, (uint16_t)port, 2, index | val << 8);
}

static inline void vga_attr(struct fake *f, unsigned index, unsigned val)
{
    fake_in(f, VGA_STATUS1, 1);
    fake_out(f, VGA_ATTR, 1, index);
    fake_out(f, VGA_ATTR, 1, val);
    fake_out(f, VGA_ATTR, 1, ATTR_INDEX_PAS);
}

static inline void vga_dispi(struct fake *f, unsigned index, unsigned val)
{
    fake_out(f, DISPI_PORT, 2, index);
    fake_out(f, DISPI_PORT + 1, 2, val);
}

static inline unsigned vga_dispi_in(struct fake *f, unsigned index)
{
    fake_out(f, DISPI_PORT, 2, index);
    return fake_in(f, DISPI_PORT + 1, 2);
}

static inline void vga_colour(struct fake *f, unsigned index, unsigned r, unsigned g, unsigned b)
{
    fake_out(f, VGA_DAC_WRITE_INDEX, 1, index);
    fake_out(f, VGA_DAC_DATA, 1, r);
    fake_out(f, VGA_DAC_DATA, 1, g);
    fake_out(f, VGA_DAC_DATA, 1, b);
}

/* The 64 colours of the EGA in the first entries: bits 5-0 are rgbRGB. */
static inline void vga_ega_colours(struct fake *f)
{
    for (unsigned i = 0; i < 64; i++)
        vga_colour(f, i, (i >> 2 & 1) * 42 + (i >> 5 & 1) * 21,
                   (i >> 1 & 1) * 42 + (i >> 4 & 1) * 21, (i & 1) * 42 + (i >> 3 & 1) * 21);
}

/* What the BIOS loads for modes of 200 lines: bit 4 is intensity. */
static inline void vga_cga_colours(struct fake *f)
{
    for (unsigned i = 0; i < 32; i++) {
        unsigned more = (i >> 4) * 21;

        vga_colour(f, i, (i >> 2 & 1) * 42 + more, (i >> 1 & 1) * 42 + more, (i & 1) * 42 + more);
    }
}

static inline void vga_set_mode(struct fake *f, const struct vga_mode *m)
{
    fake_in(f, VGA_STATUS1, 1);
    fake_out(f, VGA_MISC_WRITE, 1, m->misc);
    for (unsigned i = 0; i < 5; i++)
        vga_out(f, VGA_SEQ_INDEX, i, m->seq[i]);
    vga_out(f, VGA_CRTC_INDEX, CRTC_V_RETRACE_END, 0);
    for (unsigned i = 0; i < 25; i++)
        vga_out(f, VGA_CRTC_INDEX, i, m->crtc[i]);
    for (unsigned i = 0; i < 9; i++)
        vga_out(f, VGA_GFX_INDEX, i, m->gfx[i]);
    fake_in(f, VGA_STATUS1, 1);
    for (unsigned i = 0; i < 21; i++) {
        fake_out(f, VGA_ATTR, 1, i);
        fake_out(f, VGA_ATTR, 1, m->attr[i]);
    }
    fake_out(f, VGA_ATTR, 1, ATTR_INDEX_PAS);
    vga_ega_colours(f);
}

static inline void vga_set_vbe(struct fake *f, unsigned w, unsigned h, unsigned bpp)
{
    vga_dispi(f, DISPI_ENABLE, 0);
    vga_dispi(f, DISPI_XRES, w);
    vga_dispi(f, DISPI_YRES, h);
    vga_dispi(f, DISPI_BPP, bpp);
    vga_dispi(f, DISPI_ENABLE, DISPI_ENABLED | DISPI_LFB);
    fake_in(f, VGA_STATUS1, 1);
    fake_in(f, VGA_STATUS1 - 0x20, 1);
    fake_out(f, VGA_ATTR, 1, ATTR_INDEX_PAS);
}

/* Puts glyph ch (16 lines) into font 0, as a BIOS does: [VGA] plane 2 through the window. */
static inline void vga_set_glyph(struct fake *f, unsigned ch, const uint8_t *rows)
{
    vga_out(f, VGA_SEQ_INDEX, SEQ_MAP_MASK, 4);
    vga_out(f, VGA_SEQ_INDEX, SEQ_MEMORY, 7);
    vga_out(f, VGA_GFX_INDEX, GFX_MODE, 0);
    vga_out(f, VGA_GFX_INDEX, GFX_MISC, 4);
    for (unsigned i = 0; i < 16; i++)
        fake_store(f, 0xa0000 + ch * 32 + i, 1, rows[i]);
    vga_out(f, VGA_SEQ_INDEX, SEQ_MAP_MASK, 3);
    vga_out(f, VGA_SEQ_INDEX, SEQ_MEMORY, 2);
    vga_out(f, VGA_GFX_INDEX, GFX_MODE, 0x10);
    vga_out(f, VGA_GFX_INDEX, GFX_MISC, 0x0e);
}

static const struct dm_class *const vga_classes[] = { &vga_class, NULL };

#endif
