/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers of the IBM VGA and of the Bochs VBE display interface.
 * [VGA]   IBM Personal System/2 Hardware Interface Technical Reference, "Video Subsystem";
 *         the same registers: Intel OpenSource HD Graphics PRM, volume 3 part 1, "VGA registers"
 * [BOCHS] Bochs VBE Display API 1.00 to 1.04
 * [QSTD]  QEMU standard VGA, PCI variant (docs/specs/standard-vga)
 */
#ifndef HW_DISPLAY_VGA_REGS_H
#define HW_DISPLAY_VGA_REGS_H

enum {
    /* I/O ports. The CRTC and status are at 3Bx or 3Dx: MISC_COLOUR. */
    VGA_PORT_FIRST = 0x3b0,
    VGA_PORT_LAST = 0x3df,
    VGA_CRTC_INDEX = 0x3d4,
    VGA_CRTC_DATA = 0x3d5,
    VGA_STATUS1 = 0x3da, /* write: feature control */
    VGA_ATTR = 0x3c0,    /* index and data in turn; read: index */
    VGA_ATTR_READ = 0x3c1,
    VGA_MISC_WRITE = 0x3c2, /* read: input status 0 */
    VGA_ENABLE = 0x3c3,
    VGA_SEQ_INDEX = 0x3c4,
    VGA_SEQ_DATA = 0x3c5,
    VGA_DAC_MASK = 0x3c6,
    VGA_DAC_READ_INDEX = 0x3c7, /* read: DAC state */
    VGA_DAC_WRITE_INDEX = 0x3c8,
    VGA_DAC_DATA = 0x3c9,
    VGA_FEATURE_READ = 0x3ca,
    VGA_MISC_READ = 0x3cc,
    VGA_GFX_INDEX = 0x3ce,
    VGA_GFX_DATA = 0x3cf,

    /* Miscellaneous output */
    MISC_COLOUR = 0x01, /* CRTC at 3Dx */

    /* Input status 0 */
    STATUS0_SENSE = 0x10, /* the comparator sees a colour monitor */

    /* Input status 1 */
    STATUS1_BLANK = 0x01,   /* no pixel goes out: horizontal or vertical blank */
    STATUS1_RETRACE = 0x08, /* vertical retrace */

    /* Sequencer */
    SEQ_RESET = 0,
    SEQ_CLOCK = 1,
    SEQ_CLOCK_8DOT = 0x01,
    SEQ_CLOCK_HALF = 0x08, /* dot clock / 2: every dot is two wide */
    SEQ_CLOCK_OFF = 0x20,  /* screen off */
    SEQ_MAP_MASK = 2,
    SEQ_FONT = 3,
    SEQ_MEMORY = 4,
    SEQ_MEMORY_SEQUENTIAL = 0x04, /* not odd/even */
    SEQ_MEMORY_CHAIN4 = 0x08,
    SEQ_COUNT = 5,

    /* CRT controller */
    CRTC_H_DISPLAY_END = 0x01,
    CRTC_OVERFLOW = 0x07,
    CRTC_PRESET_ROW = 0x08, /* bits 4-0 row, 6-5 byte panning */
    CRTC_MAX_SCAN = 0x09,
    CRTC_MAX_SCAN_DOUBLE = 0x80,
    CRTC_CURSOR_START = 0x0a,
    CRTC_CURSOR_START_OFF = 0x20,
    CRTC_CURSOR_END = 0x0b,
    CRTC_START_HIGH = 0x0c,
    CRTC_START_LOW = 0x0d,
    CRTC_CURSOR_HIGH = 0x0e,
    CRTC_CURSOR_LOW = 0x0f,
    CRTC_V_RETRACE_END = 0x11,
    CRTC_V_RETRACE_END_PROTECT = 0x80, /* registers 0-7 are read-only */
    CRTC_V_DISPLAY_END = 0x12,
    CRTC_OFFSET = 0x13,
    CRTC_UNDERLINE = 0x14,
    CRTC_UNDERLINE_COUNT4 = 0x20,
    CRTC_UNDERLINE_DWORD = 0x40,
    CRTC_MODE = 0x17,
    CRTC_MODE_NO_CGA = 0x01,      /* address bit 13 is not row scan bit 0 */
    CRTC_MODE_NO_HERCULES = 0x02, /* address bit 14 is not row scan bit 1 */
    CRTC_MODE_COUNT2 = 0x08,
    CRTC_MODE_WRAP = 0x20, /* word mode: bit 15 goes to bit 0, else bit 13 */
    CRTC_MODE_BYTE = 0x40,
    CRTC_LINE_COMPARE = 0x18,
    CRTC_COUNT = 0x19,
    CRTC_LATCH = 0x22,     /* read-only: the latch of the read plane */
    CRTC_ATTR_FLIP = 0x24, /* read-only: bit 7, attribute data comes next */
    CRTC_ATTR_INDEX = 0x26,

    /* Graphics controller */
    GFX_SET_RESET = 0,
    GFX_ENABLE_SET_RESET = 1,
    GFX_COMPARE = 2,
    GFX_ROTATE = 3, /* bits 2-0 rotate, 4-3 function */
    GFX_READ_MAP = 4,
    GFX_MODE = 5, /* bits 1-0: write mode */
    GFX_MODE_READ1 = 0x08,
    GFX_MODE_ODD_EVEN = 0x10,
    GFX_MODE_SHIFT_CGA = 0x20,
    GFX_MODE_SHIFT_256 = 0x40,
    GFX_MISC = 6,
    GFX_MISC_GRAPHICS = 0x01,
    GFX_DONT_CARE = 7,
    GFX_BIT_MASK = 8,
    GFX_COUNT = 9,

    /* Attribute controller */
    ATTR_INDEX_PAS = 0x20, /* palette address source: the screen shows */
    ATTR_MODE = 0x10,
    ATTR_MODE_LINE = 0x04, /* ninth dot of C0-DF is the eighth */
    ATTR_MODE_BLINK = 0x08,
    ATTR_MODE_PAN_TOP = 0x20, /* no panning behind the line compare */
    ATTR_MODE_P54 = 0x80,     /* palette bits 5-4 are those of the colour select */
    ATTR_OVERSCAN = 0x11,
    ATTR_PLANES = 0x12,
    ATTR_PAN = 0x13,
    ATTR_COLOUR_SELECT = 0x14,
    ATTR_COUNT = 0x15,

    /* DAC state, as 3C7 reads */
    DAC_WRITING = 0,
    DAC_READING = 3,

    /* Bochs VBE. Index port 1CE; data 1CF or, where words must be aligned, 1D0: 16 bits. */
    DISPI_PORT = 0x1ce,
    DISPI_PORTS = 4,
    DISPI_ID = 0,
    DISPI_ID_FIRST = 0xb0c0,
    DISPI_ID_LAST = 0xb0c5,
    DISPI_XRES = 1,
    DISPI_YRES = 2,
    DISPI_BPP = 3,
    DISPI_ENABLE = 4,
    DISPI_ENABLED = 0x01,
    DISPI_GETCAPS = 0x02, /* XRES, YRES and BPP read as their largest values */
    DISPI_8BIT_DAC = 0x20,
    DISPI_LFB = 0x40,
    DISPI_NOCLEARMEM = 0x80,
    DISPI_BANK = 5, /* of 64 KiB */
    DISPI_VIRT_WIDTH = 6,
    DISPI_VIRT_HEIGHT = 7,
    DISPI_X_OFFSET = 8,
    DISPI_Y_OFFSET = 9,
    DISPI_COUNT = 10,
    DISPI_VIDEO_MEMORY_64K = 10, /* read-only */
    DISPI_MAX_BPP = 32,

    /* PCI BAR 2 [QSTD] */
    VGA_MMIO_SIZE = 0x1000,
    VGA_MMIO_PORTS = 0x400, /* 3C0 to 3DF */
    VGA_MMIO_PORTS_SIZE = 0x20,
    VGA_MMIO_DISPI = 0x500, /* the registers without index and data */
    VGA_MMIO_DISPI_SIZE = 0x16,
    VGA_MMIO_EXT_SIZE = 0x600,   /* how many bytes follow, this one included */
    VGA_MMIO_EXT_ENDIAN = 0x604, /* of the framebuffer */
};

#define VGA_ENDIAN_LITTLE 0x1e1e1e1eu

#define VGA_WINDOW_BASE   0xa0000u
#define VGA_WINDOW_SIZE   0x20000u

#endif
