/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VGA's window: expected values worked out by hand from [VGA] "Graphics controller". */
#include "tests/unit/vga-rig.h"

#define WINDOW 0xa0000u

static int setup(void **state)
{
    (void)state;
    return vga_rig_setup("vgamem_mb=1");
}

/* The planes at address a, plane 0 in the lowest byte. */
static uint32_t planes(unsigned a)
{
    return (uint32_t)dm_get_le(fk.vram + 4 * a, 4);
}

static void gfx(unsigned index, unsigned val)
{
    vga_out(&fk, VGA_GFX_INDEX, index, val);
}

static void seq(unsigned index, unsigned val)
{
    vga_out(&fk, VGA_SEQ_INDEX, index, val);
}

static void store(unsigned off, unsigned size, uint64_t val)
{
    fake_store(&fk, WINDOW + off, size, val);
}

static unsigned load(unsigned off)
{
    return (unsigned)fake_load(&fk, WINDOW + off, 1);
}

static void test_mode0(void **state)
{
    (void)state;
    vga_set_mode(&fk, &vga_mode_12);
    store(0, 1, 0xa5);
    assert_int_equal(planes(0), 0xa5a5a5a5);
    seq(SEQ_MAP_MASK, 0x5);
    store(0, 1, 0xff);
    assert_int_equal(planes(0), 0xa5ffa5ff);
    seq(SEQ_MAP_MASK, 0xf);

    /* Rotate right by 3: 10100101 becomes 10110100. */
    gfx(GFX_ROTATE, 3);
    store(1, 1, 0xa5);
    assert_int_equal(planes(1), 0xb4b4b4b4);
    gfx(GFX_ROTATE, 0);

    /* Set/reset on planes 0 and 3: 1 and 0; the byte on the others. */
    gfx(GFX_SET_RESET, 0x1);
    gfx(GFX_ENABLE_SET_RESET, 0x9);
    store(2, 1, 0x3c);
    assert_int_equal(planes(2), 0x003c3cff);
    gfx(GFX_ENABLE_SET_RESET, 0);

    /* Bit mask: the other bits come from the latches. */
    dm_put_le(fk.vram + 4 * 3, 4, 0x12345678);
    load(3);
    gfx(GFX_BIT_MASK, 0x0f);
    store(4, 1, 0xff);
    assert_int_equal(planes(4), 0x1f3f5f7f);
    assert_int_equal(planes(3), 0x12345678);
}

static void test_functions(void **state)
{

    (void)state;
    vga_set_mode(&fk, &vga_mode_12);
    dm_put_le(fk.vram, 4, 0x12345678);
    for (unsigned fn = 0; fn < 4; fn++) {
        gfx(GFX_ROTATE, fn << 3);
        load(0);
        store(8 + fn, 1, 0x66);
    }
    assert_int_equal(planes(8), 0x66666666);
    assert_int_equal(planes(9), 0x12345678 & 0x66666666);
    assert_int_equal(planes(10), 0x12345678 | 0x66666666);
    assert_int_equal(planes(11), 0x12345678 ^ 0x66666666);
}

static void test_modes_1_2_3(void **state)
{
    (void)state;
    vga_set_mode(&fk, &vga_mode_12);
    dm_put_le(fk.vram, 4, 0x12345678);
    gfx(GFX_MODE, 1); /* latches */
    load(0);
    store(5, 1, 0x99);
    assert_int_equal(planes(5), 0x12345678);
    seq(SEQ_MAP_MASK, 2);
    store(6, 1, 0x99);
    assert_int_equal(planes(6), 0x5600);
    seq(SEQ_MAP_MASK, 0xf);

    gfx(GFX_MODE, 2); /* a colour in bits 3-0, under the bit mask */
    gfx(GFX_BIT_MASK, 0xf0);
    store(7, 1, 0x0a);
    assert_int_equal(planes(7), 0xf204f608);
    gfx(GFX_BIT_MASK, 0xff);

    gfx(GFX_MODE, 3); /* the byte, turned, is a mask for the colour in set/reset */
    gfx(GFX_SET_RESET, 0x5);
    gfx(GFX_ROTATE, 4);
    gfx(GFX_BIT_MASK, 0x3c);
    store(8, 1, 0xf3); /* 3f & 3c = 3c */
    /* Planes 78, 56, 34, 12: bits 3c are 1, 0, 1, 0. */
    assert_int_equal(planes(8), ((0x12u & ~0x3cu) << 24) | ((0x34u | 0x3cu) << 16) |
                                    ((0x56u & ~0x3cu) << 8) | (0x78u | 0x3cu));
}

static void test_read_modes(void **state)
{
    (void)state;
    vga_set_mode(&fk, &vga_mode_12);
    dm_put_le(fk.vram + 4 * 9, 4, 0x0ff0cc55);
    for (unsigned p = 0; p < 4; p++) {
        gfx(GFX_READ_MAP, p);
        assert_int_equal(load(9), 0x0ff0cc55u >> 8 * p & 0xff);
    }
    /* Colour compare with 0101: planes 55, ~cc, f0, ~0f; all must have the bit. */
    gfx(GFX_MODE, GFX_MODE_READ1);
    gfx(GFX_COMPARE, 0x5);
    gfx(GFX_DONT_CARE, 0xf);
    assert_int_equal(load(9), 0x55 & 0x33 & 0xf0 & 0xf0);
    gfx(GFX_DONT_CARE, 0x1);
    assert_int_equal(load(9), 0x55);
    gfx(GFX_DONT_CARE, 0);
    assert_int_equal(load(9), 0xff);
    fake_out(&fk, VGA_CRTC_INDEX, 1, CRTC_LATCH); /* the latch of the read plane, 3 */
    assert_int_equal(fake_in(&fk, VGA_CRTC_DATA, 1), 0x0f);
}

/* Mode 13h: byte A is plane A & 3 at address A & ~3. */
static void test_chain4(void **state)
{
    (void)state;
    vga_set_mode(&fk, &vga_mode_13);
    store(0, 4, 0x44332211);
    store(5, 1, 0x55);
    store(0xffff, 1, 0x66);
    assert_int_equal(planes(0), 0x44332211);
    assert_int_equal(planes(4), 0x5500);
    assert_int_equal(planes(0xfffc), 0x66000000);
    store(2, 8, 0x8877665544332211); /* across two dwords */
    assert_int_equal(planes(0), 0x22112211);
    assert_int_equal(planes(4), 0x66554433);
    assert_int_equal(planes(8), 0x8877);
    assert_int_equal(fake_load(&fk, WINDOW + 1, 8), 0x7766554433221122);
    seq(SEQ_MAP_MASK, 0x2);
    store(0, 4, 0xffffffff);
    assert_int_equal(planes(0), 0x2211ff11);
}

/* Text: even bytes go to plane 0 (and 2), odd ones to plane 1 (and 3). */
static void test_odd_even(void **state)
{
    (void)state;
    vga_set_mode(&fk, &vga_mode_03);
    store(0x18000, 2, 0x0741);
    store(0x18002, 1, 0x42);
    store(0x18003, 1, 0x1f);
    store(0x18004, 8, 0x1234567807430741);
    assert_int_equal(planes(0), 0x0741);
    assert_int_equal(planes(2), 0x1f42);
    assert_int_equal(planes(4), 0x0741);
    assert_int_equal(planes(6), 0x0743);
    assert_int_equal(planes(8), 0x5678);
    assert_int_equal(planes(10), 0x1234);
    assert_int_equal(fake_load(&fk, 0xb8000, 4), 0x1f420741);
    /* Outside of B8000-BFFFF nothing answers. */
    store(0, 2, 0x5555);
    assert_int_equal(planes(0), 0x0741);
    assert_int_equal(load(0), 0xff);
    /* One that reaches over the edge does so byte by byte. */
    fake_store(&fk, 0xb7fff, 2, 0x4499);
    assert_int_equal(planes(0), 0x0744);
    /* Not aligned, and with all planes. */
    seq(SEQ_MAP_MASK, 0xf);
    fake_store(&fk, 0xb8001, 2, 0x6655);
    assert_int_equal(planes(0), 0x55005544);
    assert_int_equal(planes(2), 0x00661f66);
}

static void test_windows(void **state)
{
    static const struct {
        unsigned first, last;
    } want[4] = { { 0, 0x1ffff }, { 0, 0xffff }, { 0x10000, 0x17fff }, { 0x18000, 0x1ffff } };
    (void)state;
    vga_set_mode(&fk, &vga_mode_12);
    for (unsigned m = 0; m < 4; m++) {
        memset(fk.vram, 0, 0x40000);
        gfx(GFX_MISC, m << 2 | 1);
        for (unsigned off = 0x7fff; off < 0x20000; off += 0x8000) {
            bool in = off >= want[m].first && off <= want[m].last;

            store(off, 1, 0x77);
            assert_int_equal(load(off), in ? 0x77 : 0xff);
        }
        store(want[m].first, 1, 0x12);
        assert_int_equal(planes(0), 0x12121212);
    }
}

/* VBE without LFB: 64 KiB banks, and no bank beyond the memory (XSA-179). */
static void test_banks(void **state)
{
    (void)state;
    vga_set_vbe(&fk, 640, 400, 16);
    vga_dispi(&fk, DISPI_BANK, 3);
    store(0x10, 4, 0x11223344);
    assert_int_equal(dm_get_le(fk.vram + 0x30010, 4), 0x11223344);
    assert_int_equal(fake_load(&fk, WINDOW + 0x10, 4), 0x11223344);
    store(0x10010, 1, 0x55); /* B0000 is not in the window */
    assert_int_equal(fake_load(&fk, 0xb0010, 1), 0xff);
    vga_dispi(&fk, DISPI_BANK, 0xffff);
    assert_int_equal(vga_dispi_in(&fk, DISPI_BANK), 15);
    store(0xfffc, 4, 0xaabbccdd);
    assert_int_equal(dm_get_le(fk.vram + 0xffffc, 4), 0xaabbccdd);
    store(0xfffd, 4, 0x01020304); /* splits at the window's end */
    assert_int_equal(dm_get_le(fk.vram + 0xffffc, 4), 0x020304dd);

    /* 4 bits: planes, four times as many bytes a bank. The bank stays when the depth changes. */
    vga_dispi(&fk, DISPI_BPP, 4);
    assert_int_equal(vga_dispi_in(&fk, DISPI_BANK), 3);
    seq(SEQ_MAP_MASK, 0xf);
    gfx(GFX_BIT_MASK, 0xff);
    gfx(GFX_MODE, 0);
    store(0xffff, 1, 0x5a);
    assert_int_equal(dm_get_le(fk.vram + 0xffffc, 4), 0x5a5a5a5a);
    gfx(GFX_READ_MAP, 2);
    assert_int_equal(load(0xffff), 0x5a);
    vga_dispi(&fk, DISPI_ENABLE, 0);
    assert_int_equal(vga_dispi_in(&fk, DISPI_BANK), 0);
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(test_mode0, setup, teardown),
          cmocka_unit_test_setup_teardown(test_functions, setup, teardown),
          cmocka_unit_test_setup_teardown(test_modes_1_2_3, setup, teardown),
          cmocka_unit_test_setup_teardown(test_read_modes, setup, teardown),
          cmocka_unit_test_setup_teardown(test_chain4, setup, teardown),
          cmocka_unit_test_setup_teardown(test_odd_even, setup, teardown),
          cmocka_unit_test_setup_teardown(test_windows, setup, teardown),
          cmocka_unit_test_setup_teardown(test_banks, setup, teardown))
