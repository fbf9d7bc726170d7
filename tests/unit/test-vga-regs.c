/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VGA's ports, PCI function and saved state. */
#include "tests/unit/unit.h"
#include "tests/unit/vga-modes.h"

#include <stdlib.h>

struct ctx {
    struct fake f;
    struct vga *v;
};

static int setup(void **state)
{
    static struct ctx c;

    fake_init(&c.f, vga_classes);
    c.v = fake_device(&c.f, "VGA", "vgamem_mb=2");
    *state = &c;
    return 0;
}

static int teardown(void **state)
{
    fake_finish(&((struct ctx *)*state)->f);
    return 0;
}

static void test_reset(void **state)
{
    struct fake *f = &((struct ctx *)*state)->f;

    assert_int_equal(fake_in(f, VGA_MISC_READ, 1), 0);
    assert_int_equal(fake_in(f, VGA_DAC_MASK, 1), 0xff);
    assert_int_equal(fake_in(f, VGA_DAC_READ_INDEX, 1), DAC_WRITING);
    assert_int_equal(fake_in(f, VGA_ATTR, 1), 0);
    assert_int_equal(vga_dispi_in(f, DISPI_ID), 0xb0c5);
    assert_int_equal(vga_dispi_in(f, DISPI_ENABLE), 0);
    assert_int_equal(vga_dispi_in(f, DISPI_VIDEO_MEMORY_64K), 2 * 16);
    assert_int_equal(f->machine.display.width, 640);
    assert_int_equal(f->machine.display.height, 480);
}

/* MISC bit 0 moves the CRTC; the other place does not answer. */
static void test_colour_ports(void **state)
{
    struct fake *f = &((struct ctx *)*state)->f;

    assert_int_equal(fake_in(f, 0x3d4, 1), 0xff);
    fake_out(f, 0x3b4, 2, 0x120c);
    assert_int_equal(fake_in(f, 0x3b5, 1), 0x12);
    fake_out(f, VGA_MISC_WRITE, 1, MISC_COLOUR);
    assert_int_equal(fake_in(f, 0x3b5, 1), 0xff);
    assert_int_equal(fake_in(f, 0x3d5, 1), 0x12);
    fake_out(f, 0x3b5, 1, 0x55);
    assert_int_equal(fake_in(f, 0x3d5, 1), 0x12);
    assert_int_equal(fake_in(f, VGA_MISC_READ, 1), 1);
    assert_int_equal(fake_in(f, VGA_MISC_WRITE, 1), STATUS0_SENSE);
    fake_out(f, VGA_STATUS1, 1, 0xff);
    assert_int_equal(fake_in(f, VGA_FEATURE_READ, 1), 3);
}

static void test_index_registers(void **state)
{
    struct fake *f = &((struct ctx *)*state)->f;

    fake_out(f, VGA_MISC_WRITE, 1, MISC_COLOUR);
    /* Bits that do not exist read as zeros, registers that do not exist too. */
    vga_out(f, VGA_SEQ_INDEX, SEQ_CLOCK, 0xff);
    assert_int_equal(fake_in(f, VGA_SEQ_DATA, 1), 0x3d);
    vga_out(f, VGA_SEQ_INDEX, 7, 0xff);
    assert_int_equal(fake_in(f, VGA_SEQ_DATA, 1), 0);
    vga_out(f, VGA_GFX_INDEX, GFX_MODE, 0xff);
    assert_int_equal(fake_in(f, VGA_GFX_DATA, 1), 0x7b);
    vga_out(f, VGA_GFX_INDEX, 15, 0xff);
    assert_int_equal(fake_in(f, VGA_GFX_DATA, 1), 0);
    vga_out(f, VGA_CRTC_INDEX, 0x19, 0xff);
    assert_int_equal(fake_in(f, VGA_CRTC_DATA, 1), 0);
}

/* [VGA] "Vertical Retrace End": bit 7 protects 0 to 7, but not the line compare's bit in 7. */
static void test_crtc_protect(void **state)
{
    struct fake *f = &((struct ctx *)*state)->f;

    fake_out(f, VGA_MISC_WRITE, 1, MISC_COLOUR);
    vga_out(f, VGA_CRTC_INDEX, 0, 0x11);
    vga_out(f, VGA_CRTC_INDEX, 7, 0x22);
    vga_out(f, VGA_CRTC_INDEX, 0x11, 0x80);
    vga_out(f, VGA_CRTC_INDEX, 0, 0xff);
    assert_int_equal(fake_in(f, VGA_CRTC_DATA, 1), 0x11);
    vga_out(f, VGA_CRTC_INDEX, 7, 0xdd);
    assert_int_equal(fake_in(f, VGA_CRTC_DATA, 1), 0x32);
    vga_out(f, VGA_CRTC_INDEX, 8, 0x1f);
    assert_int_equal(fake_in(f, VGA_CRTC_DATA, 1), 0x1f);
    vga_out(f, VGA_CRTC_INDEX, 0x11, 0);
    vga_out(f, VGA_CRTC_INDEX, 0, 0xff);
    assert_int_equal(fake_in(f, VGA_CRTC_DATA, 1), 0xff);
}

static void test_attribute_flip_flop(void **state)
{
    struct fake *f = &((struct ctx *)*state)->f;

    fake_out(f, VGA_MISC_WRITE, 1, MISC_COLOUR);
    fake_in(f, VGA_STATUS1, 1);
    fake_out(f, VGA_ATTR, 1, ATTR_MODE);
    fake_out(f, VGA_CRTC_INDEX, 1, CRTC_ATTR_FLIP);
    assert_int_equal(fake_in(f, VGA_CRTC_DATA, 1), 0x80);
    fake_out(f, VGA_ATTR, 1, 0xff);
    assert_int_equal(fake_in(f, VGA_CRTC_DATA, 1), 0);
    fake_out(f, VGA_ATTR, 1, ATTR_MODE | ATTR_INDEX_PAS);
    assert_int_equal(fake_in(f, VGA_ATTR_READ, 1), 0xef);
    /* Status 1 makes the next write an index. */
    fake_in(f, VGA_STATUS1, 1);
    assert_int_equal(fake_in(f, VGA_ATTR, 1), ATTR_MODE | ATTR_INDEX_PAS);
    fake_out(f, VGA_ATTR, 1, 0x1f);
    assert_int_equal(fake_in(f, VGA_ATTR_READ, 1), 0);
    fake_out(f, VGA_ATTR, 1, 0x55); /* no such register */
    fake_out(f, VGA_ATTR, 1, 3);
    fake_out(f, VGA_ATTR, 1, 0x7f);
    assert_int_equal(fake_in(f, VGA_ATTR_READ, 1), 0x3f);
    fake_out(f, VGA_CRTC_INDEX, 1, CRTC_ATTR_INDEX);
    assert_int_equal(fake_in(f, VGA_CRTC_DATA, 1), 3);
}

static void test_dac(void **state)
{
    struct fake *f = &((struct ctx *)*state)->f;

    fake_out(f, VGA_DAC_WRITE_INDEX, 1, 255);
    for (unsigned i = 0; i < 6; i++)
        fake_out(f, VGA_DAC_DATA, 1, 0xc1 + i);
    assert_int_equal(fake_in(f, VGA_DAC_WRITE_INDEX, 1), 1); /* it wrapped */
    fake_out(f, VGA_DAC_DATA, 1, 9);                         /* red alone changes nothing */
    fake_out(f, VGA_DAC_READ_INDEX, 1, 255);
    assert_int_equal(fake_in(f, VGA_DAC_READ_INDEX, 1), DAC_READING);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(fake_in(f, VGA_DAC_DATA, 1), 1 + i);
    assert_int_equal(fake_in(f, VGA_DAC_DATA, 1), 0);
    fake_out(f, VGA_DAC_MASK, 1, 0x0f);
    assert_int_equal(fake_in(f, VGA_DAC_MASK, 1), 0x0f);
}

/* With 8 bits the colours stay what they were. */
static void test_dac_8bit(void **state)
{
    struct fake *f = &((struct ctx *)*state)->f;

    vga_colour(f, 7, 63, 32, 1);
    vga_dispi(f, DISPI_ENABLE, DISPI_ENABLED | DISPI_8BIT_DAC);
    fake_out(f, VGA_DAC_READ_INDEX, 1, 7);
    assert_int_equal(fake_in(f, VGA_DAC_DATA, 1), 255);
    assert_int_equal(fake_in(f, VGA_DAC_DATA, 1), 130);
    assert_int_equal(fake_in(f, VGA_DAC_DATA, 1), 4);
    vga_colour(f, 7, 0xab, 0xcd, 0xef);
    fake_out(f, VGA_DAC_READ_INDEX, 1, 7);
    assert_int_equal(fake_in(f, VGA_DAC_DATA, 1), 0xab);
    vga_dispi(f, DISPI_ENABLE, 0);
    fake_out(f, VGA_DAC_READ_INDEX, 1, 7);
    assert_int_equal(fake_in(f, VGA_DAC_DATA, 1), 0xab >> 2);
}

/* A guest that polls sees both values of both bits within a frame. */
static void test_retrace(void **state)
{
    struct fake *f = &((struct ctx *)*state)->f;
    unsigned seen[4] = { 0 };

    fake_out(f, VGA_MISC_WRITE, 1, MISC_COLOUR);
    for (unsigned i = 0; i < 1000; i++) {
        unsigned s = fake_in(f, VGA_STATUS1, 1);

        assert_int_equal(s & ~(STATUS1_BLANK | STATUS1_RETRACE), 0);
        seen[(s & 1) | (s >> 2 & 2)]++;
        fake_advance(f, 17000);
    }
    assert_true(seen[0] > 500); /* pixels */
    assert_true(seen[1] > 50);  /* blank */
    assert_int_equal(seen[2], 0);
    assert_true(seen[3] > 20); /* retrace, which is blank too */
}

static void test_pci(void **state)
{
    struct ctx *c = *state;
    struct fake *f = &c->f;
    uint8_t fn = c->v->pci.devfn;

    assert_int_equal(fake_config_in(f, fn, 0, 4), 0x11111234);
    assert_int_equal(fake_config_in(f, fn, 8, 4), 0x03000002);
    assert_int_equal(fake_config_in(f, fn, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
    fake_config_out(f, fn, PCI_BAR0, 4, 0xffffffff);
    assert_int_equal(fake_config_in(f, fn, PCI_BAR0, 4), 0xffe00008); /* 2 MiB, prefetchable */
    fake_config_out(f, fn, PCI_BAR0 + 8, 4, 0xffffffff);
    assert_int_equal(fake_config_in(f, fn, PCI_BAR0 + 8, 4), 0xfffff000);

    /* The memory goes where BAR 0 says, and hides when it says nothing. */
    fake_config_out(f, fn, PCI_BAR0, 4, 0xf0000000);
    assert_true(f->vram_at == DM_VRAM_HIDDEN);
    fake_config_out(f, fn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    assert_true(f->vram_at == 0xf0000000);
    fake_config_out(f, fn, PCI_BAR0, 4, 0xe0000000);
    assert_true(f->vram_at == 0xe0000000);
    assert_int_equal(fake_load(f, 0xe0000000, 4), 0xffffffff); /* not ours to answer */
    fake_config_out(f, fn, PCI_COMMAND, 2, 0);
    assert_true(f->vram_at == DM_VRAM_HIDDEN);
    fake_config_out(f, fn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    dm_machine_reset(&f->machine);
    assert_true(f->vram_at == DM_VRAM_HIDDEN);

    /* The expansion ROM. */
    fake_config_out(f, fn, PCI_ROM_ADDRESS, 4, 0xe1000001);
    fake_config_out(f, fn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    assert_int_equal(fake_load(f, 0xe1000000, 2), 0xaa55);
}

/* BAR 2: what bochs-drm uses. */
static void test_mmio(void **state)
{
    struct ctx *c = *state;
    struct fake *f = &c->f;
    uint64_t at = 0xe2000000;

    fake_config_out(f, c->v->pci.devfn, PCI_BAR0 + 8, 4, (uint32_t)at);
    fake_config_out(f, c->v->pci.devfn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    assert_int_equal(fake_load(f, at + 0x500, 2), 0xb0c5);
    assert_int_equal(fake_load(f, at + 0x514, 2), 32);
    fake_store(f, at + 0x502, 2, 800);
    fake_store(f, at + 0x504, 4, 24 << 16 | 600);
    assert_int_equal(vga_dispi_in(f, DISPI_XRES), 800);
    assert_int_equal(vga_dispi_in(f, DISPI_YRES), 600);
    assert_int_equal(vga_dispi_in(f, DISPI_BPP), 24);
    assert_int_equal(fake_load(f, at + 0x502, 4), 600 << 16 | 800);
    fake_store(f, at + 0x506, 1, 8); /* bytes do not write */
    assert_int_equal(vga_dispi_in(f, DISPI_BPP), 24);
    fake_store(f, at + 0x402, 1, MISC_COLOUR);
    assert_int_equal(fake_in(f, VGA_MISC_READ, 1), 1);
    fake_store(f, at + 0x404, 2, 0x0f02);
    assert_int_equal(fake_load(f, at + 0x405, 1), 0x0f);
    assert_int_equal(fake_load(f, at + 0x404, 2), 0x0f02);
    assert_int_equal(fake_load(f, at + 0x600, 4), 8);
    assert_int_equal(fake_load(f, at + 0x604, 4), VGA_ENDIAN_LITTLE);
    assert_int_equal(fake_load(f, at, 4), 0); /* no EDID */
    assert_int_equal(fake_load(f, at + 0x420, 4), 0);
}

static void test_state(void **state)
{
    struct ctx *c = *state;
    struct fake *f = &c->f;
    struct dm_buf one = { 0 }, two = { 0 };
    struct dm_error err;

    vga_set_mode(f, &vga_mode_03);
    assert_null(fake_state_roundtrip(f, c->v));
    vga_set_vbe(f, 1366, 300, 24);
    vga_dispi(f, DISPI_Y_OFFSET, 3);
    vga_dispi(f, DISPI_ENABLE, DISPI_ENABLED | DISPI_8BIT_DAC);
    fake_out(f, VGA_DAC_WRITE_INDEX, 1, 3);
    fake_out(f, VGA_DAC_DATA, 1, 0xfe);
    fake_in(f, VGA_STATUS1, 1);
    fake_out(f, VGA_ATTR, 1, 5);
    assert_null(fake_state_roundtrip(f, c->v));

    /* Into a machine after reset: the same state, and half-done things go on. */
    dm_device_save(&c->v->pci.dev, &one);
    dm_machine_reset(&f->machine);
    assert_int_equal(dm_device_load(&c->v->pci.dev, one.data, one.len, 1, &err), 0);
    dm_device_save(&c->v->pci.dev, &two);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
    fake_out(f, VGA_DAC_DATA, 1, 0xdc);
    fake_out(f, VGA_DAC_DATA, 1, 0xba);
    assert_int_equal(c->v->dac[3][0], 0xfe);
    assert_int_equal(c->v->dac[3][2], 0xba);
    assert_int_equal(c->v->access, VGA_ACCESS_LINEAR);
    dm_buf_finish(&one);
    dm_buf_finish(&two);
}

/* A stream with a value no guest can set is refused. */
static void test_state_bad(void **state)
{
    struct ctx *c = *state;
    struct fake *f = &c->f;
    struct vga *v = c->v, *saved = malloc(sizeof(*v));
    struct dm_error err;

    assert_non_null(saved);
    vga_set_vbe(f, 640, 400, 32);
    memcpy(saved, v, sizeof(*v));
#define BAD(set)                                                                          \
    do {                                                                                  \
        struct dm_buf buf = { 0 };                                                        \
        memcpy(v, saved, sizeof(*v));                                                     \
        set;                                                                              \
        dm_device_save(&v->pci.dev, &buf);                                                \
        assert_int_not_equal(dm_device_load(&v->pci.dev, buf.data, buf.len, 1, &err), 0); \
        dm_buf_finish(&buf);                                                              \
    } while (0)
    BAD(v->dac_part = 3);
    BAD(v->dac_state = 1);
    BAD(v->seq_index = 8);
    BAD(v->gfx_index = 0x10);
    BAD(v->crtc_index = 0x40);
    BAD(v->attr_index = 0x40);
    BAD(v->seq[SEQ_MAP_MASK] = 0x10);
    BAD(v->gfx[GFX_READ_MAP] = 4);
    BAD(v->attr[ATTR_PLANES] = 0x40);
    BAD(v->dac[9][1] = 0x40);
    BAD(v->dispi[DISPI_BPP] = 0);
    BAD(v->dispi[DISPI_XRES] = 0);
    BAD(v->dispi[DISPI_XRES] = 65535);
    BAD(v->dispi[DISPI_YRES] = 4096);
    BAD(v->dispi[DISPI_BANK] = 0x8000);
    BAD(v->dispi[DISPI_X_OFFSET] = 1);
    BAD(v->dispi[DISPI_ENABLE] |= 0x8000);
    BAD(v->dispi_id = 0);
#undef BAD
    free(saved);
}

static void test_realize(void **state)
{
    struct dm_option opt = { "vgamem_mb", "257" };
    struct dm_error err;
    struct fake f;
    struct vga *v;

    (void)state;
    fake_init(&f, vga_classes);
    assert_null(dm_device_create(&f.machine, "VGA", &opt, 1, &err));
    assert_non_null(strstr(err.text, "257"));
    opt.value = "256"; /* more than the fake has */
    assert_null(dm_device_create(&f.machine, "VGA", &opt, 1, &err));
    assert_non_null(strstr(err.text, "256 MiB"));
    assert_null(f.machine.display.refresh);
    opt.value = "15"; /* no power of two: the next lower */
    v = (struct vga *)dm_device_create(&f.machine, "VGA", &opt, 1, &err);
    assert_non_null(v);
    assert_int_equal(v->vram_size, 8 << 20);
    /* The ports are taken; the first one goes on. */
    assert_null(dm_device_create(&f.machine, "VGA", NULL, 0, &err));
    assert_non_null(strstr(err.text, "0x3b0"));
    assert_true(f.machine.display.opaque == v);
    fake_finish(&f);
}

UNIT_MAIN(cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
          cmocka_unit_test_setup_teardown(test_colour_ports, setup, teardown),
          cmocka_unit_test_setup_teardown(test_index_registers, setup, teardown),
          cmocka_unit_test_setup_teardown(test_crtc_protect, setup, teardown),
          cmocka_unit_test_setup_teardown(test_attribute_flip_flop, setup, teardown),
          cmocka_unit_test_setup_teardown(test_dac, setup, teardown),
          cmocka_unit_test_setup_teardown(test_dac_8bit, setup, teardown),
          cmocka_unit_test_setup_teardown(test_retrace, setup, teardown),
          cmocka_unit_test_setup_teardown(test_pci, setup, teardown),
          cmocka_unit_test_setup_teardown(test_mmio, setup, teardown),
          cmocka_unit_test_setup_teardown(test_state, setup, teardown),
          cmocka_unit_test_setup_teardown(test_state_bad, setup, teardown),
          cmocka_unit_test(test_realize))
