/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VBE registers and the pixels of its modes. */
#include "tests/unit/vga-rig.h"

static int setup(void **state)
{
    (void)state;
    return vga_rig_setup("");
}

static void watch(void)
{
    fake_viewer_watch(&fk, &viewer);
    fake_advance(&fk, DM_DISPLAY_FRAME);
}

static uint32_t pixel(int x, int y)
{
    const struct dm_surface *s = &fk.machine.display.surface;

    assert_true(s->pixels && x < s->width && y < s->height);
    return s->pixels[(size_t)y * (size_t)s->width + (size_t)x];
}

/* The guest writes VRAM through its own mapping: the hypervisor knows of it. */
static void poke(size_t at, unsigned size, uint64_t val)
{
    dm_put_le(fk.vram + at, size, val);
    fk.vram_dirty[at >> 18] |= 1ull << (at >> 12 & 63);
}

static void test_negotiation(void **state)
{
    (void)state;
    for (unsigned id = 0xb0c0; id <= 0xb0c5; id++) {
        vga_dispi(&fk, DISPI_ID, id);
        assert_int_equal(vga_dispi_in(&fk, DISPI_ID), id);
    }
    vga_dispi(&fk, DISPI_ID, 0xb0c6);
    assert_int_equal(vga_dispi_in(&fk, DISPI_ID), 0xb0c5);
    assert_int_equal(vga_dispi_in(&fk, DISPI_VIDEO_MEMORY_64K), 256);
    vga_dispi(&fk, DISPI_ENABLE, DISPI_GETCAPS);
    assert_int_equal(vga_dispi_in(&fk, DISPI_XRES), DM_DISPLAY_MAX_WIDTH);
    assert_int_equal(vga_dispi_in(&fk, DISPI_YRES), DM_DISPLAY_MAX_HEIGHT);
    assert_int_equal(vga_dispi_in(&fk, DISPI_BPP), 32);
    vga_dispi(&fk, DISPI_ENABLE, 0);
    assert_int_equal(vga_dispi_in(&fk, DISPI_XRES), 0);
    /* The data port at 1D0 is the same; the index reads back; bytes are not for it. */
    vga_dispi(&fk, DISPI_XRES, 1024);
    assert_int_equal(fake_in(&fk, DISPI_PORT, 2), DISPI_XRES);
    assert_int_equal(fake_in(&fk, DISPI_PORT + 2, 2), 1024);
    fake_out(&fk, DISPI_PORT + 2, 2, 800);
    assert_int_equal(vga_dispi_in(&fk, DISPI_XRES), 800);
    assert_int_equal(fake_in(&fk, DISPI_PORT + 1, 1), 0xff);
    fake_out(&fk, DISPI_PORT + 1, 1, 5);
    assert_int_equal(vga_dispi_in(&fk, DISPI_XRES), 800);
}

static void test_limits(void **state)
{
    (void)state;
    vga_dispi(&fk, DISPI_XRES, 1024);
    vga_dispi(&fk, DISPI_XRES, 8193);
    assert_int_equal(vga_dispi_in(&fk, DISPI_XRES), 1024);
    vga_dispi(&fk, DISPI_YRES, 8193);
    assert_int_equal(vga_dispi_in(&fk, DISPI_YRES), 0);
    vga_dispi(&fk, DISPI_BPP, 12);
    assert_int_equal(vga_dispi_in(&fk, DISPI_BPP), 8);
    vga_dispi(&fk, DISPI_BPP, 24);
    vga_dispi(&fk, DISPI_BPP, 0); /* the old interface's 8 bits */
    assert_int_equal(vga_dispi_in(&fk, DISPI_BPP), 8);
    vga_dispi(&fk, 11, 1);
    assert_int_equal(vga_dispi_in(&fk, 11), 0);
    assert_non_null(strstr(fk.log, "DISPI register 1 set to 0x2001"));

    /* More than the memory holds: fewer lines. */
    vga_set_vbe(&fk, 8192, 8192, 32);
    assert_int_equal(vga_dispi_in(&fk, DISPI_YRES), 512);
    assert_int_equal(vga_dispi_in(&fk, DISPI_VIRT_WIDTH), 8192);
    vga_dispi(&fk, DISPI_VIRT_WIDTH, 0xffff);
    assert_int_equal(vga_dispi_in(&fk, DISPI_VIRT_HEIGHT), (16 << 20) / (0xffff * 4));
    assert_int_equal(vga_dispi_in(&fk, DISPI_YRES), 64);
    /* Nothing at all: one pixel. */
    vga_set_vbe(&fk, 0, 0, 16);
    assert_int_equal(vga_dispi_in(&fk, DISPI_XRES), 1);
    assert_int_equal(vga_dispi_in(&fk, DISPI_YRES), 1);
    vga_set_vbe(&fk, 3, 0, 4);
    assert_int_equal(vga_dispi_in(&fk, DISPI_XRES), 8);
}

static void test_virtual(void **state)
{
    (void)state;
    vga_set_vbe(&fk, 800, 600, 16);
    assert_int_equal(vga_dispi_in(&fk, DISPI_VIRT_WIDTH), 800);
    assert_int_equal(vga_dispi_in(&fk, DISPI_VIRT_HEIGHT), (16 << 20) / 1600);
    vga_dispi(&fk, DISPI_VIRT_WIDTH, 1000);
    assert_int_equal(vga_dispi_in(&fk, DISPI_VIRT_HEIGHT), (16 << 20) / 2000);
    vga_dispi(&fk, DISPI_X_OFFSET, 100);
    vga_dispi(&fk, DISPI_Y_OFFSET, 50);
    poke((50 + 7) * 2000 + (100 + 3) * 2, 2, 0xf800);
    watch();
    assert_int_equal(pixel(3, 7), 0xff0000);
    /* Offsets stay within the virtual screen. */
    vga_dispi(&fk, DISPI_X_OFFSET, 0xffff);
    assert_int_equal(vga_dispi_in(&fk, DISPI_X_OFFSET), 200);
    vga_dispi(&fk, DISPI_Y_OFFSET, 0xffff);
    assert_int_equal(vga_dispi_in(&fk, DISPI_Y_OFFSET), (16 << 20) / 2000 - 600);
    vga_dispi(&fk, DISPI_VIRT_WIDTH, 10); /* not less than what is shown */
    assert_int_equal(vga_dispi_in(&fk, DISPI_VIRT_WIDTH), 800);
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_null(fake_state_roundtrip(&fk, vga));
}

static void test_clear(void **state)
{
    (void)state;
    memset(fk.vram, 0xaa, 1 << 20);
    vga_dispi(&fk, DISPI_XRES, 100);
    vga_dispi(&fk, DISPI_YRES, 10);
    vga_dispi(&fk, DISPI_BPP, 8);
    vga_dispi(&fk, DISPI_ENABLE, DISPI_ENABLED | DISPI_NOCLEARMEM);
    assert_int_equal(fk.vram[0], 0xaa);
    vga_dispi(&fk, DISPI_ENABLE, 0);
    vga_dispi(&fk, DISPI_ENABLE, DISPI_ENABLED);
    assert_int_equal(fk.vram[0], 0);
    assert_int_equal(fk.vram[999], 0);
    assert_int_equal(fk.vram[1000], 0xaa);
    fk.vram[0] = 1;
    vga_dispi(&fk, DISPI_ENABLE, DISPI_ENABLED); /* it is: nothing happens */
    assert_int_equal(fk.vram[0], 1);
}

/* Only what is touched is mapped: by a clear, by the window, by a look at the screen. */
static void test_mapped(void **state)
{
    (void)state;
    assert_int_equal(fk.vram_mapped, VGA_PLANES_SIZE);
    vga_set_vbe(&fk, 1024, 100, 32);
    assert_int_equal(fk.vram_mapped, 512 << 10);
    vga_dispi(&fk, DISPI_BANK, 8); /* the first byte behind that */
    fake_store(&fk, 0xa0000, 1, 0x12);
    assert_int_equal(fk.vram_mapped, 1 << 20);
    assert_int_equal(fk.vram[512 << 10], 0x12);
    vga_dispi(&fk, DISPI_YRES, 1024);
    vga_dispi(&fk, DISPI_ENABLE, 0);
    vga_dispi(&fk, DISPI_ENABLE, DISPI_ENABLED | DISPI_NOCLEARMEM | DISPI_LFB);
    assert_int_equal(fk.vram_mapped, 1 << 20);
    poke(1023 * 4096, 4, 0x654321);
    watch();
    assert_int_equal(fk.vram_mapped, 4 << 20);
    assert_int_equal(pixel(0, 1023), 0x654321);
}

/* Xen does not give all of it: that part is not there. */
static void test_not_mapped(void **state)
{
    (void)state;
    fk.vram_limit = 1 << 20;
    memset(fk.vram, 0xaa, 16 << 20);
    vga_set_vbe(&fk, 1024, 1024, 32); /* no clear */
    assert_int_equal(fk.vram[0], 0xaa);
    vga_dispi(&fk, DISPI_BANK, 15);
    fake_store(&fk, 0xa0000, 1, 0x12);
    assert_int_equal(fk.vram[15 << 16], 0x12);
    vga_dispi(&fk, DISPI_BANK, 16);
    fake_store(&fk, 0xa0000, 1, 0x12);
    assert_int_equal(fk.vram[16 << 16], 0xaa);
    assert_int_equal(fake_load(&fk, 0xa0000, 1), 0xff);
    watch();
    assert_int_equal(pixel(0, 255), 0xaaaaaa);
    assert_int_equal(pixel(0, 256), 0);
    assert_int_equal(fk.vram_mapped, 1 << 20);
}

/* 1366x768 in every depth: the width on which other adapters fail. */
static void test_depths(void **state)
{
    static const struct {
        unsigned bpp, bytes;
        uint32_t value, rgb;
    } want[] = {
        { 8, 1, 5, 0xff8208 },
        { 15, 2, 0x7c00 | 0x10 << 5 | 1, 0xff8408 },
        { 16, 2, 0xf800 | 0x20 << 5 | 1, 0xff8208 },
        { 24, 3, 0x123456, 0x123456 },
        { 32, 4, 0xff123456, 0x123456 },
    };
    (void)state;
    vga_colour(&fk, 5, 63, 32, 2);
    watch();
    for (unsigned i = 0; i < DM_ARRAY_LEN(want); i++) {
        unsigned n = want[i].bytes;

        vga_set_vbe(&fk, 1366, 768, want[i].bpp);
        assert_int_equal(vga_dispi_in(&fk, DISPI_XRES), 1366);
        for (unsigned k = 0; k < 4; k++) { /* the corners */
            unsigned x = k & 1 ? 1365 : 0, y = k & 2 ? 767 : 0;

            poke((y * 1366 + x) * n, n, want[i].value);
        }
        poke((100 * 1366 + 200) * n, n, want[i].value);
        fake_advance(&fk, DM_NS_PER_SEC);
        assert_int_equal(viewer.surface->width, 1366);
        assert_int_equal(viewer.surface->height, 768);
        assert_int_equal(pixel(0, 0), want[i].rgb);
        assert_int_equal(pixel(1365, 0), want[i].rgb);
        assert_int_equal(pixel(0, 767), want[i].rgb);
        assert_int_equal(pixel(1365, 767), want[i].rgb);
        assert_int_equal(pixel(200, 100), want[i].rgb);
        assert_int_equal(pixel(199, 100), 0);
        assert_int_equal(pixel(201, 100), 0);
        poke((101 * 1366 + 200) * n, n, UINT32_MAX); /* white */
        vga_colour(&fk, 255, 63, 63, 63);
        fake_advance(&fk, DM_NS_PER_SEC);
        assert_int_equal(pixel(200, 101), 0xffffff);
    }
}

static void test_4bpp(void **state)
{
    (void)state;
    vga_set_mode(&fk, &vga_mode_12);
    vga_set_vbe(&fk, 800, 600, 4);
    fake_store(&fk, 0xa0000 + 100 * 7 + 2, 1, 0x80); /* 100 bytes a line and plane */
    watch();
    assert_int_equal(pixel(16, 7), 0xffffff);
    assert_int_equal(pixel(17, 7), 0);
    vga_dispi(&fk, DISPI_VIRT_WIDTH, 1600);
    vga_dispi(&fk, DISPI_X_OFFSET, 3);
    fake_store(&fk, 0xa0000 + 200 * 9 + 1, 1, 0x40);
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(pixel(9 - 3, 9), 0xffffff);
    assert_int_equal(pixel(10 - 3, 9), 0);
}

/* One pixel changed: a small rectangle; nothing changed: none, though pages are dirty. */
static void test_damage(void **state)
{
    (void)state;
    vga_set_vbe(&fk, 1024, 768, 32);
    watch();
    assert_int_equal(viewer.last.w, 1024);
    assert_int_equal(viewer.last.h, 768);
    assert_int_equal(viewer.pixels, 1024 * 768); /* the first picture comes once */
    fake_advance(&fk, DM_NS_PER_SEC);
    viewer.updates = 0;
    viewer.pixels = 0;
    poke((300 * 1024 + 500) * 4, 4, 0xffffff);
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(viewer.updates, 1);
    assert_int_equal(viewer.last.x, 496);
    assert_int_equal(viewer.last.y, 300);
    assert_int_equal(viewer.last.w, 16);
    assert_int_equal(viewer.last.h, 1);
    poke((300 * 1024 + 500) * 4, 4, 0xff000000 | 0xffffff); /* the unused byte */
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(viewer.updates, 1);
    /* Not told of by the hypervisor: not looked for. */
    dm_put_le(fk.vram, 4, 0xffffff);
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(viewer.updates, 1);
    /* It knows nothing: everything is looked at, and only what differs reported. */
    fk.vram_dirty_rc = -61;
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(viewer.updates, 2);
    assert_int_equal(viewer.last.w * viewer.last.h, 16);
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(viewer.updates, 2);
    fk.vram_dirty_rc = 0;
    /* A tall block over several bands of tiles is one rectangle, one far from it another. */
    viewer.updates = 0;
    viewer.pixels = 0;
    for (unsigned y = 101; y < 180; y++) {
        poke((y * 1024 + 64) * 4, 4, 0x112233);
        poke((y * 1024 + 600) * 4, 4, 0x112233);
    }
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(viewer.updates, 2);
    assert_int_equal(viewer.pixels, 2 * 16 * 79);
    assert_int_equal(viewer.last.y, 101);
    assert_int_equal(viewer.last.h, 79);
    /* A write through the banked window shows, soon. */
    viewer.updates = 0;
    vga_dispi(&fk, DISPI_BANK, 1);
    fake_store(&fk, 0xa0000, 4, 0x445566);
    fake_advance(&fk, DM_DISPLAY_FRAME);
    assert_int_equal(viewer.updates, 1);
    assert_int_equal(pixel(0, 16), 0x445566);
}

static uint64_t latency(uint64_t pause)
{
    uint64_t start;

    fake_advance(&fk, pause);
    viewer.updates = 0;
    start = fk.now;
    poke(0, 4, pixel(0, 0) ^ 0xffffff);
    while (!viewer.updates && fk.now - start < 5 * DM_NS_PER_SEC)
        fake_advance(&fk, DM_NS_PER_MS);
    return fk.now - start;
}

/* A guest that draws without telling is seen in a frame or less; after a long pause it takes
 * longer. */
static void test_latency(void **state)
{
    (void)state;
    vga_set_vbe(&fk, 640, 480, 32);
    watch();
    assert_true(latency(100 * DM_NS_PER_MS) <= DM_DISPLAY_FAST);
    assert_true(latency(5 * DM_NS_PER_SEC) <= DM_DISPLAY_FRAME);
    assert_true(latency(60 * DM_NS_PER_SEC) <= DM_DISPLAY_SLOW);
    assert_true(latency(100 * DM_NS_PER_MS) <= DM_DISPLAY_FAST);
}

static size_t dirty_asked;
static int (*dirty_real)(struct dm_hypervisor *hv, uint64_t *bitmap, size_t pages);

static int dirty_counted(struct dm_hypervisor *hv, uint64_t *bitmap, size_t pages)
{
    dirty_asked = pages;
    return dirty_real(hv, bitmap, pages);
}

/* The hypervisor is asked for the pages that show, and for no fewer when the guest flips pages. */
static void test_tracked(void **state)
{
    const struct dm_hypervisor_ops *real = fk.hv.ops;
    struct dm_hypervisor_ops ops = *real;

    (void)state;
    dirty_real = ops.vram_dirty;
    ops.vram_dirty = dirty_counted;
    fk.hv.ops = &ops;
    vga_set_vbe(&fk, 320, 200, 32);
    watch();
    assert_int_equal(dirty_asked, (320 * 200 * 4 + 4095) / 4096);
    vga_dispi(&fk, DISPI_Y_OFFSET, 200);
    fake_advance(&fk, DM_DISPLAY_FRAME);
    assert_int_equal(dirty_asked, 320 * 400 * 4 / 4096);
    vga_dispi(&fk, DISPI_Y_OFFSET, 0);
    fake_advance(&fk, DM_DISPLAY_FRAME);
    assert_int_equal(dirty_asked, 320 * 400 * 4 / 4096);
    fk.hv.ops = real;
}

/* Attribute bit 5 off, as bochs-drm blanks: black, the size stays. */
static void test_blank(void **state)
{
    (void)state;
    vga_set_vbe(&fk, 320, 200, 32);
    poke(0, 4, 0xffffff);
    watch();
    assert_int_equal(pixel(0, 0), 0xffffff);
    viewer.updates = viewer.resizes = 0;
    fake_in(&fk, VGA_STATUS1 - 0x20, 1);
    fake_out(&fk, VGA_ATTR, 1, 0);
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(pixel(0, 0), 0);
    assert_int_equal(viewer.updates, 1);
    fake_advance(&fk, 5 * DM_NS_PER_SEC);
    assert_int_equal(viewer.updates, 1);
    fake_in(&fk, VGA_STATUS1 - 0x20, 1);
    fake_out(&fk, VGA_ATTR, 1, ATTR_INDEX_PAS);
    fake_advance(&fk, DM_NS_PER_SEC);
    assert_int_equal(pixel(0, 0), 0xffffff);
    assert_int_equal(viewer.updates, 2);
    assert_int_equal(viewer.resizes, 0);
}

/* Nobody looks: no timer, no look at the memory, no surface. */
static void test_no_viewer(void **state)
{
    (void)state;
    vga_set_vbe(&fk, 320, 200, 32);
    fk.vram_dirty[0] = 1;
    fake_store(&fk, 0xa0000, 4, 0xffffff);
    assert_null(fk.clock.first);
    fake_advance(&fk, 10 * DM_NS_PER_SEC);
    assert_int_equal(fk.vram_dirty[0], 1);
    assert_null(fk.machine.display.surface.pixels);
    assert_null(vga->screen);
    watch();
    assert_int_equal(fk.vram_dirty[0], 0);
    assert_int_equal(pixel(0, 0), 0xffffff);
    dm_display_watch(&fk.machine.display, &viewer.viewer, false);
    fake_advance(&fk, 2 * DM_NS_PER_SEC);
    assert_null(fk.clock.first);
    fk.vram_dirty[0] = 1;
    fake_advance(&fk, 10 * DM_NS_PER_SEC);
    assert_int_equal(fk.vram_dirty[0], 1);
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(test_negotiation, setup, teardown),
          cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
          cmocka_unit_test_setup_teardown(test_virtual, setup, teardown),
          cmocka_unit_test_setup_teardown(test_clear, setup, teardown),
          cmocka_unit_test_setup_teardown(test_mapped, setup, teardown),
          cmocka_unit_test_setup_teardown(test_not_mapped, setup, teardown),
          cmocka_unit_test_setup_teardown(test_depths, setup, teardown),
          cmocka_unit_test_setup_teardown(test_4bpp, setup, teardown),
          cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
          cmocka_unit_test_setup_teardown(test_latency, setup, teardown),
          cmocka_unit_test_setup_teardown(test_tracked, setup, teardown),
          cmocka_unit_test_setup_teardown(test_blank, setup, teardown),
          cmocka_unit_test_setup_teardown(test_no_viewer, setup, teardown))
