/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The picture of text and of the VGA's graphics modes, and what viewers hear of it.
 * With XENDM_TEST_DUMP=FOLDER every test leaves its last picture there as NAME.ppm.
 */
#include "tests/unit/vga-rig.h"

#include <stdio.h>
#include <stdlib.h>

static int setup(void **state)
{
    (void)state;
    return vga_rig_setup("vgamem_mb=1");
}

static void dump(const char *name)
{
    const struct dm_surface *s = &fk.machine.display.surface;
    const char *folder = getenv("XENDM_TEST_DUMP");
    char path[512];
    FILE *out;

    if (!folder || !s->pixels)
        return;
    snprintf(path, sizeof(path), "%s/%s.ppm", folder, name);
    out = fopen(path, "wb");
    if (!out)
        return;
    fprintf(out, "P6 %d %d 255\n", s->width, s->height);
    for (int i = 0; i < s->width * s->height; i++)
        for (int c = 16; c >= 0; c -= 8)
            fputc((int)(s->pixels[i] >> c & 0xff), out);
    fclose(out);
}

static void refresh(void)
{
    if (!viewer.viewer.watching)
        fake_viewer_watch(&fk, &viewer);
    fake_advance(&fk, DM_DISPLAY_FRAME);
}

static void quiet(void)
{
    viewer.updates = viewer.resizes = 0;
    viewer.pixels = 0;
}

static uint32_t pixel(int x, int y)
{
    const struct dm_surface *s = &fk.machine.display.surface;

    assert_true(s->pixels && x < s->width && y < s->height);
    return s->pixels[(size_t)y * (size_t)s->width + (size_t)x];
}

static void crtc(unsigned index, unsigned val)
{
    vga_out(&fk, VGA_CRTC_INDEX, index, val);
}

static void put(int col, int row, unsigned ch, unsigned attr)
{
    fake_store(&fk, 0xb8000 + (uint64_t)(row * 160 + col * 2), 2, ch | attr << 8);
}

/* The cell at (x, y) shows these rows of w dots. */
static void assert_glyph(int x, int y, int w, const uint16_t *rows, uint32_t fg, uint32_t bg)
{
    for (int r = 0; r < 16; r++)
        for (int i = 0; i < w; i++)
            if (pixel(x + i, y + r) != (rows[r] >> (w - 1 - i) & 1 ? fg : bg))
                fail_msg("dot %d of row %d is %#x", i, r, pixel(x + i, y + r));
}

static const uint8_t glyph_a[16] = { 0,    0,    0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe,
                                     0xc6, 0xc6, 0xc6, 0xc6, 0,    0,    0,    0x81 };
static const uint8_t glyph_box[16] = { [7] = 0xff, [8] = 0xff };

/* The glyph as dots of a 9 dot cell; line: the ninth repeats the eighth. */
static void wide(uint16_t *to, const uint8_t *rows, bool line)
{
    for (int r = 0; r < 16; r++)
        to[r] = (uint16_t)(rows[r] << 1 | (line ? rows[r] & 1 : 0));
}

static void text_screen(void)
{
    vga_set_mode(&fk, &vga_mode_03);
    vga_set_glyph(&fk, 'A', glyph_a);
    vga_set_glyph(&fk, 0xc4, glyph_box);
    vga_set_glyph(&fk, 0xb0, glyph_box);
    for (int i = 0; i < 2000; i++)
        put(i % 80, i / 80, ' ', 0x07);
    crtc(CRTC_CURSOR_START, CRTC_CURSOR_START_OFF);
}

static void test_text(void **state)
{
    uint16_t rows[16];

    (void)state;
    text_screen();
    put(3, 2, 'A', 0x1e);  /* yellow on blue */
    put(4, 2, 0xc4, 0x07); /* a line: nine dots */
    put(5, 2, 0xb0, 0x07); /* not one: eight */
    put(79, 24, 'A', 0x0f);
    refresh();
    assert_int_equal(viewer.surface->width, 720);
    assert_int_equal(viewer.surface->height, 400);
    wide(rows, glyph_a, false);
    assert_glyph(27, 32, 9, rows, 0xffff55, 0x0000aa);
    assert_glyph(79 * 9, 24 * 16, 9, rows, 0xffffff, 0);
    wide(rows, glyph_box, true);
    assert_glyph(36, 32, 9, rows, 0xaaaaaa, 0);
    wide(rows, glyph_box, false);
    assert_glyph(45, 32, 9, rows, 0xaaaaaa, 0);
    dump("text");

    /* Eight dots, 640 wide. */
    vga_out(&fk, VGA_SEQ_INDEX, SEQ_CLOCK, 1);
    vga_attr(&fk, ATTR_PAN, 0);
    refresh();
    assert_int_equal(viewer.surface->width, 640);
    for (int r = 0; r < 16; r++)
        rows[r] = glyph_a[r];
    assert_glyph(24, 32, 8, rows, 0xffff55, 0x0000aa);
    /* Forty columns: each dot twice. */
    vga_out(&fk, VGA_SEQ_INDEX, SEQ_CLOCK, 9);
    crtc(CRTC_V_RETRACE_END, 0);
    crtc(CRTC_H_DISPLAY_END, 39);
    refresh();
    assert_int_equal(viewer.surface->width, 640);
    assert_int_equal(pixel(48 + 6, 34), 0xffff55); /* 10 hex: the fourth dot */
    assert_int_equal(pixel(48 + 7, 34), 0xffff55);
    assert_int_equal(pixel(48 + 5, 34), 0x0000aa);
    assert_int_equal(pixel(48 + 8, 34), 0x0000aa);
}

/* One character changed: one cell. A line: one rectangle. The same again: nothing. */
static void test_text_damage(void **state)
{
    (void)state;
    text_screen();
    refresh();
    assert_int_equal(viewer.pixels, 720 * 400);
    fake_advance(&fk, DM_NS_PER_SEC);
    quiet();
    put(10, 5, 'A', 0x07);
    refresh();
    assert_int_equal(viewer.updates, 1);
    assert_int_equal(viewer.last.x, 90);
    assert_int_equal(viewer.last.y, 80);
    assert_int_equal(viewer.last.w, 9);
    assert_int_equal(viewer.last.h, 16);
    put(10, 5, 'A', 0x07);
    refresh();
    assert_int_equal(viewer.updates, 1);
    quiet();
    for (int i = 20; i < 60; i++)
        put(i, 6, 'A', 0x07), put(i, 7, 'A', 0x07);
    refresh();
    assert_int_equal(viewer.updates, 1);
    assert_int_equal(viewer.last.w, 40 * 9);
    assert_int_equal(viewer.last.h, 32);
    quiet();
    put(0, 0, 'A', 0x07);
    put(79, 0, 'A', 0x07);
    refresh();
    assert_int_equal(viewer.updates, 2);
    assert_int_equal(viewer.pixels, 2 * 9 * 16);
    /* A colour that is set to what it was is no change; another one is. */
    quiet();
    vga_colour(&fk, 7, 42, 42, 42);
    refresh();
    assert_int_equal(viewer.updates, 0);
    vga_colour(&fk, 7, 42, 42, 43);
    refresh();
    assert_int_equal(viewer.updates, 1);
    assert_int_equal(viewer.pixels, 720 * 400);
    /* A changed font shows. */
    quiet();
    vga_set_glyph(&fk, ' ', glyph_box);
    refresh();
    assert_true(viewer.updates >= 1);
    assert_int_equal(pixel(9 * 40, 7), 0xaaaaae);
}

/* Scrolling by the start address, as a console driver does. */
static void test_text_scroll(void **state)
{
    (void)state;
    text_screen();
    put(0, 1, 'A', 0x07);
    refresh();
    quiet();
    crtc(CRTC_START_LOW, 80);
    refresh();
    assert_int_equal(pixel(3, 2), 0xaaaaaa);
    assert_int_equal(pixel(3, 18), 0);
    /* Smoothly: three lines up, two dots to the left. */
    crtc(CRTC_PRESET_ROW, 2);
    vga_attr(&fk, ATTR_PAN, 1); /* with 9 dots: 8 is none, 0 is one dot */
    refresh();
    assert_int_equal(pixel(1, 0), 0xaaaaaa);
    assert_int_equal(pixel(0, 0), 0);
    put(1, 1, 'A', 0x4f);
    refresh();
    assert_int_equal(pixel(7 + 3, 0), 0xffffff);
    assert_int_equal(pixel(7 + 2, 0), 0xaa0000);
    dump("scroll");
    /* Behind the line compare: address 0, no preset row. */
    crtc(CRTC_LINE_COMPARE, 99);
    crtc(CRTC_OVERFLOW, 0x0f);
    crtc(CRTC_MAX_SCAN, 0x0f);
    put(2, 0, 'A', 0x0e);
    refresh();
    assert_int_equal(pixel(18 - 2 + 3, 100 + 2), 0xffff55);
    vga_attr(&fk, ATTR_MODE, 0x0c | ATTR_MODE_PAN_TOP);
    refresh();
    assert_int_equal(pixel(18 + 3, 100 + 2), 0xffff55);
    assert_int_equal(pixel(1, 0), 0xaaaaaa);
}

static void test_cursor(void **state)
{
    (void)state;
    text_screen();
    crtc(CRTC_CURSOR_START, 13);
    crtc(CRTC_CURSOR_END, 14);
    crtc(CRTC_CURSOR_HIGH, 0);
    crtc(CRTC_CURSOR_LOW, 81);
    fk.now = 1000 * DM_NS_PER_SEC;
    refresh();
    assert_int_equal(pixel(9, 16 + 13), 0xaaaaaa);
    assert_int_equal(pixel(17, 16 + 14), 0xaaaaaa);
    assert_int_equal(pixel(9, 16 + 12), 0);
    assert_int_equal(pixel(9, 16 + 15), 0);
    assert_int_equal(pixel(18, 16 + 13), 0);
    /* It blinks: half a second on, half a second off; only its cell is drawn. */
    quiet();
    fake_advance(&fk, 500 * DM_NS_PER_MS);
    assert_int_equal(pixel(9, 16 + 13), 0);
    assert_int_equal(viewer.updates, 1);
    assert_int_equal(viewer.pixels, 9 * 16);
    fake_advance(&fk, 500 * DM_NS_PER_MS);
    assert_int_equal(pixel(9, 16 + 13), 0xaaaaaa);
    assert_int_equal(viewer.updates, 2);
    fake_advance(&fk, 10 * DM_NS_PER_SEC);
    assert_int_equal(viewer.updates, 22);
    /* Moved: two cells, one rectangle as they are neighbours. */
    quiet();
    crtc(CRTC_CURSOR_LOW, 82);
    refresh();
    assert_int_equal(viewer.updates, 1);
    assert_int_equal(viewer.pixels, 2 * 9 * 16);
    /* Off, or start behind end: nothing blinks, and no timer but the display's runs. */
    crtc(CRTC_CURSOR_START, 15);
    refresh();
    assert_int_equal(pixel(18, 16 + 14), 0);
    assert_false(dm_timer_armed(&vga->blink));
    /* Blinking text. */
    put(0, 0, 'A', 0x87);
    refresh();
    assert_true(dm_timer_armed(&vga->blink));
    fk.now = fk.now / DM_NS_PER_SEC * DM_NS_PER_SEC + DM_NS_PER_SEC;
    fake_advance(&fk, 10 * DM_NS_PER_MS);
    assert_int_equal(pixel(3, 2), 0xaaaaaa);
    fake_advance(&fk, 500 * DM_NS_PER_MS);
    assert_int_equal(pixel(3, 2), 0);
    /* Without blinking that bit is a bright background. */
    vga_attr(&fk, ATTR_MODE, 0x04);
    refresh();
    assert_int_equal(pixel(3, 2), 0xaaaaaa);
    assert_int_equal(pixel(2, 2), 0x555555);
    assert_false(dm_timer_armed(&vga->blink));
}

/* Two fonts of 256 by attribute bit 3; underline in attribute 1. */
static void test_fonts(void **state)
{
    uint16_t rows[16];

    (void)state;
    text_screen();
    for (unsigned r = 0; r < 16; r++) /* font 1 at 4000 of plane 2 */
        fk.vram[4 * (0x4000 + 'A' * 32 + r) + 2] = glyph_box[r];
    vga_out(&fk, VGA_SEQ_INDEX, SEQ_FONT, 1 << 2); /* A (bit 3 set): 1; B: 0 */
    put(0, 0, 'A', 0x07);
    put(1, 0, 'A', 0x0f);
    crtc(CRTC_UNDERLINE, 14);
    put(2, 0, 'A', 0x01);
    refresh();
    wide(rows, glyph_a, false);
    assert_glyph(0, 0, 9, rows, 0xaaaaaa, 0);
    rows[14] = 0x1ff;
    assert_glyph(18, 0, 9, rows, 0x0000aa, 0);
    wide(rows, glyph_box, false);
    assert_glyph(9, 0, 9, rows, 0xffffff, 0);
}

static void test_planar(void **state)
{
    (void)state;
    vga_set_mode(&fk, &vga_mode_12);
    refresh();
    assert_int_equal(viewer.surface->width, 640);
    assert_int_equal(viewer.surface->height, 480);
    fake_advance(&fk, DM_NS_PER_SEC);
    quiet();
    vga_out(&fk, VGA_SEQ_INDEX, SEQ_MAP_MASK, 0xb);
    fake_store(&fk, 0xa0000 + 80 * 33 + 5, 1, 0x81); /* colour 11: bright cyan */
    refresh();
    assert_int_equal(pixel(40, 33), 0x55ffff);
    assert_int_equal(pixel(47, 33), 0x55ffff);
    assert_int_equal(pixel(41, 33), 0);
    assert_int_equal(viewer.updates, 1);
    assert_int_equal(viewer.last.x, 32);
    assert_int_equal(viewer.last.y, 33);
    assert_int_equal(viewer.pixels, 16);
    /* Panning by three dots and a byte; the colour plane enable; the screen below the split. */
    vga_attr(&fk, ATTR_PAN, 3);
    crtc(CRTC_PRESET_ROW, 1 << 5);
    refresh();
    assert_int_equal(pixel(40 - 3 - 8, 33), 0x55ffff);
    vga_attr(&fk, ATTR_PLANES, 0x3);
    refresh();
    assert_int_equal(pixel(40 - 3 - 8, 33), 0x00aaaa);
    crtc(CRTC_LINE_COMPARE, 199);
    crtc(CRTC_OVERFLOW, 0x2e);
    crtc(CRTC_MAX_SCAN, 0);
    refresh();
    assert_int_equal(pixel(40 - 3, 200 + 33), 0x00aaaa);
    /* The palette mask of the DAC, and the upper bits by the colour select. */
    fake_out(&fk, VGA_DAC_MASK, 1, 0x01);
    refresh();
    assert_int_equal(pixel(37, 233), 0x0000aa);
    fake_out(&fk, VGA_DAC_MASK, 1, 0xff);
    vga_colour(&fk, 0xd3, 1, 2, 3);
    vga_attr(&fk, ATTR_MODE, 0x81);
    vga_attr(&fk, ATTR_COLOUR_SELECT, 0x0d);
    refresh();
    assert_int_equal(pixel(37, 233), 0x04080c);
    dump("planar");
}

static void test_mode13(void **state)
{
    (void)state;
    vga_set_mode(&fk, &vga_mode_13);
    vga_colour(&fk, 200, 63, 0, 21);
    refresh();
    assert_int_equal(viewer.surface->width, 640);
    assert_int_equal(viewer.surface->height, 400);
    quiet();
    fake_store(&fk, 0xa0000 + 320 * 50 + 101, 1, 200);
    refresh();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pixel(202 + i % 2, 100 + i / 2), 0xff0055);
    assert_int_equal(pixel(201, 100), 0);
    assert_int_equal(pixel(204, 100), 0);
    assert_int_equal(pixel(202, 99), 0);
    assert_int_equal(pixel(202, 102), 0);
    assert_int_equal(viewer.updates, 1);
    assert_int_equal(viewer.pixels, 16 * 2);
    /* The last pixel of the screen. */
    fake_store(&fk, 0xa0000 + 63999, 1, 200);
    refresh();
    assert_int_equal(pixel(639, 399), 0xff0055);
    /* Unchained, byte addresses (mode X): plane 1 of address 80 * 50 + 3. */
    vga_out(&fk, VGA_SEQ_INDEX, SEQ_MEMORY, 0x06);
    crtc(CRTC_UNDERLINE, 0);
    crtc(CRTC_MODE, 0xe3);
    vga_out(&fk, VGA_SEQ_INDEX, SEQ_MAP_MASK, 2);
    fake_store(&fk, 0xa0000 + 80 * 50 + 3, 1, 200);
    refresh();
    assert_int_equal(pixel(26, 100), 0xff0055);
    assert_int_equal(pixel(28, 100), 0);
}

static void test_cga(void **state)
{
    (void)state;
    vga_set_mode(&fk, &vga_mode_04);
    vga_cga_colours(&fk);
    fake_store(&fk, 0xb8000 + 80 * 10 + 6, 2, 0x80e4); /* pixels 3 2 1 0, then 2 0 0 0 */
    fake_store(&fk, 0xba000 + 80 * 10, 1, 0x40);       /* odd lines are 2000h further */
    refresh();
    assert_int_equal(viewer.surface->width, 640);
    assert_int_equal(viewer.surface->height, 400);
    assert_int_equal(pixel(48, 40), 0xffffff); /* 3: attribute 17h */
    assert_int_equal(pixel(50, 40), 0xff55ff); /* 2: 15h */
    assert_int_equal(pixel(52, 41), 0x55ffff); /* 1: 13h */
    assert_int_equal(pixel(54, 40), 0);
    assert_int_equal(pixel(56, 40), 0xff55ff);
    assert_int_equal(pixel(0, 40), 0);
    assert_int_equal(pixel(0, 42), 0x55ffff);
    assert_int_equal(pixel(2, 42), 0);
    vga_set_mode(&fk, &vga_mode_06);
    vga_cga_colours(&fk);
    memset(fk.vram, 0, 0x40000);
    fake_store(&fk, 0xb8000 + 80 * 3 + 2, 1, 0x40);
    fake_store(&fk, 0xba000 + 80 * 3 + 2, 1, 0x20);
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(pixel(17, 12), 0xffffff);
    assert_int_equal(pixel(16, 12), 0);
    assert_int_equal(pixel(18, 14), 0xffffff);
    assert_int_equal(pixel(17, 14), 0);
}

static void test_ega(void **state)
{
    (void)state;
    vga_set_mode(&fk, &vga_mode_0d);
    vga_cga_colours(&fk);
    vga_out(&fk, VGA_SEQ_INDEX, SEQ_MAP_MASK, 0xc);
    fake_store(&fk, 0xa0000 + 40 * 20 + 1, 1, 0x40); /* 12: bright red */
    refresh();
    assert_int_equal(viewer.surface->width, 640);
    assert_int_equal(viewer.surface->height, 400);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pixel(18 + i % 2, 40 + i / 2), 0xff5555);
    assert_int_equal(pixel(17, 40), 0);
    assert_int_equal(pixel(20, 40), 0);
}

/* Each viewer hears of a new size before it gets pixels of that size, once. */
static void test_resize(void **state)
{
    (void)state;
    text_screen();
    refresh();
    assert_int_equal(viewer.resizes, 2); /* 640x480 at first */
    quiet();
    vga_set_mode(&fk, &vga_mode_12);
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(viewer.resizes, 1);
    assert_int_equal(viewer.updates, 1);
    assert_int_equal(viewer.pixels, 640 * 480);
    /* The same size: one update. The old text's pixels go. */
    quiet();
    vga_set_vbe(&fk, 640, 480, 16);
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(viewer.resizes, 0);
    /* Screen off while a mode is set: no other size meanwhile. */
    vga_dispi(&fk, DISPI_ENABLE, 0);
    vga_out(&fk, VGA_SEQ_INDEX, SEQ_CLOCK, SEQ_CLOCK_OFF);
    crtc(CRTC_V_RETRACE_END, 0);
    crtc(CRTC_H_DISPLAY_END, 200);
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(viewer.resizes, 0);
}

/* Whatever the registers say, nothing outside of memory is read (the sanitizers watch). */
static void test_hostile(void **state)
{
    uint32_t x = 12345;

    (void)state;
    vga_set_mode(&fk, &vga_mode_03);
    refresh();
    for (int i = 0; i < 3000; i++) {
        x = x * 1103515245 + 12345;
        switch (x >> 28 & 3) {
        case 0:
            crtc(x >> 8 & 0x1f, x >> 16 & 0xff);
            break;
        case 1:
            vga_out(&fk, VGA_GFX_INDEX, x >> 8 & 15, x >> 16 & 0xff);
            break;
        case 2:
            vga_attr(&fk, x >> 8 & 0x1f, x >> 16 & 0xff);
            break;
        case 3:
            vga_out(&fk, VGA_SEQ_INDEX, x >> 8 & 7, x >> 16 & ((x >> 8 & 7) == 1 ? 0xdf : 0xff));
            break;
        }
        fake_store(&fk, 0xa0000 + (x >> 3 & 0x1ffff), 1, x >> 20);
        if (i % 10 == 0)
            refresh();
        if (i % 100 == 0)
            vga_set_mode(&fk, i % 200 ? &vga_mode_12 : &vga_mode_03);
    }
    dump("hostile");
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(test_text, setup, teardown),
          cmocka_unit_test_setup_teardown(test_text_damage, setup, teardown),
          cmocka_unit_test_setup_teardown(test_text_scroll, setup, teardown),
          cmocka_unit_test_setup_teardown(test_cursor, setup, teardown),
          cmocka_unit_test_setup_teardown(test_fonts, setup, teardown),
          cmocka_unit_test_setup_teardown(test_planar, setup, teardown),
          cmocka_unit_test_setup_teardown(test_mode13, setup, teardown),
          cmocka_unit_test_setup_teardown(test_cga, setup, teardown),
          cmocka_unit_test_setup_teardown(test_ega, setup, teardown),
          cmocka_unit_test_setup_teardown(test_resize, setup, teardown),
          cmocka_unit_test_setup_teardown(test_hostile, setup, teardown))
