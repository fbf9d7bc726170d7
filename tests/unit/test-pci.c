/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dm/pci: configuration space as firmware and operating systems use it. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>

struct card {
    struct dm_pci_device pci;
    uint32_t reg[64];
    uint64_t vram_at;
    unsigned moves, written, last_off, last_size;
    bool gone; /* unrealize ran */
    uint8_t *rom;
};

static unsigned moves_when_gone;

static uint64_t card_read(void *opaque, uint64_t off, unsigned size)
{
    struct card *c = opaque;

    return dm_get_le((uint8_t *)c->reg + off % 128, size);
}

static void card_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct card *c = opaque;

    dm_put_le((uint8_t *)c->reg + off % 128, size, val);
}

static const struct dm_region_ops card_ops = { .read = card_read, .write = card_write, .max = 8 };

static void card_moved(struct dm_pci_device *pci, uint64_t addr)
{
    struct card *c = (struct card *)pci;

    moves_when_gone += c->gone;
    c->vram_at = addr;
    c->moves++;
}

static void card_config_written(struct dm_pci_device *pci, unsigned off, unsigned size)
{
    struct card *c = (struct card *)pci;

    c->written++;
    c->last_off = off;
    c->last_size = size;
}

static int card_realize(struct dm_device *dev, struct dm_error *err)
{
    struct card *c = (struct card *)dev;

    (void)err;
    c->rom = calloc(1, 5000);
    assert_non_null(c->rom);
    c->rom[0] = 0x55;
    c->rom[4999] = 0xaa;
    assert_int_equal(dm_pci_set_rom(&c->pci, c->rom, 0), -EINVAL);
    assert_int_equal(dm_pci_set_rom(&c->pci, c->rom, (16u << 20) + 1), -EINVAL);
    assert_int_equal(dm_pci_set_rom(&c->pci, c->rom, 5000), 0);
    c->pci.config[0x50] = 0x12;
    c->pci.wmask[0x51] = 0x0f;
    c->pci.w1cmask[0x52] = 0xff;
    return 0;
}

static void card_unrealize(struct dm_device *dev)
{
    struct card *c = (struct card *)dev;

    dm_pci_intx(&c->pci, false);
    free(c->rom);
    c->rom = NULL;
    c->gone = true;
}

static void card_reset(struct dm_device *dev)
{
    ((struct card *)dev)->pci.config[0x52] = 0xf0;
}

static const struct dm_pci_info card_pci = {
    .vendor = 0x1234,
    .device = 0x5678,
    .subsystem_vendor = 0x9abc,
    .subsystem = 0xdef0,
    .class = 3,
    .subclass = 1,
    .prog_if = 2,
    .revision = 7,
    .pin = 2,
    .slot = PCI_SLOT_ANY,
    .bar = {
        { .size = 32, .flags = PCI_BAR_IO, .ops = &card_ops },
        { .size = 4096, .ops = &card_ops },
        { .size = 1 << 20, .flags = PCI_BAR_PREFETCH, .moved = card_moved },
    },
    .config_written = card_config_written,
};

static const struct dm_class card_class = {
    .name = "card",
    .size = sizeof(struct card),
    .version = 1,
    .pci = &card_pci,
    .realize = card_realize,
    .unrealize = card_unrealize,
    .reset = card_reset,
};

static const struct dm_class *const classes[] = { &card_class, NULL };

static struct card *setup(struct fake *f)
{
    fake_init(f, classes);
    return fake_device(f, "card", "addr=3");
}

#define CARD (3 << 3)

static void put(struct fake *f, unsigned off, unsigned size, uint32_t val)
{
    fake_config_out(f, CARD, off, size, val);
}

static uint32_t get(struct fake *f, unsigned off, unsigned size)
{
    return fake_config_in(f, CARD, off, size);
}

static void test_header(void **state)
{
    struct fake f;

    setup(&f);
    assert_int_equal(get(&f, 0, 4), 0x56781234);
    assert_int_equal(get(&f, 4, 4), 0);
    assert_int_equal(get(&f, 8, 4), 0x03010207);
    assert_int_equal(get(&f, 0x0c, 4), 0);
    assert_int_equal(get(&f, 0x10, 4), 1);
    assert_int_equal(get(&f, 0x14, 4), 0);
    assert_int_equal(get(&f, 0x18, 4), 8);
    assert_int_equal(get(&f, 0x1c, 4), 0);
    assert_int_equal(get(&f, 0x2c, 4), 0xdef09abc);
    assert_int_equal(get(&f, 0x3c, 4), 0x0200);
    /* Everything written: only what is writable changes. */
    for (unsigned off = 0; off < 256; off++)
        if (off != 4 && off != 5)
            put(&f, off, 1, 0xff);
    assert_int_equal(get(&f, 0, 4), 0x56781234);
    assert_int_equal(get(&f, 8, 4), 0x03010207);
    assert_int_equal(get(&f, 0x0c, 4), 0x0000ffff);
    assert_int_equal(get(&f, 0x1c, 4), 0);
    assert_int_equal(get(&f, 0x2c, 4), 0xdef09abc);
    assert_int_equal(get(&f, 0x3c, 4), 0x02ff);
    assert_int_equal(get(&f, 0x50, 4), 0x00000f12);
    dm_machine_reset(&f.machine);
    assert_int_equal(get(&f, 0x0c, 4), 0);
    assert_int_equal(get(&f, 0x10, 4), 1);
    assert_int_equal(get(&f, 0x3c, 4), 0x0200);
    assert_int_equal(get(&f, 0x50, 4), 0x00f00012); /* realize's byte stays */
    fake_finish(&f);
}

static void test_sizing(void **state)
{
    struct card *c;
    struct fake f;

    c = setup(&f);
    /* With decoding on, as some systems do it: the BAR leaves and comes back. */
    put(&f, 0x14, 4, 0xf2000000);
    put(&f, 4, 2, 3);
    assert_int_equal(fake_load(&f, 0xf2000000, 4), 0);
    put(&f, 0x10, 4, 0xffffffff);
    put(&f, 0x14, 4, 0xffffffff);
    put(&f, 0x18, 4, 0xffffffff);
    put(&f, 0x30, 4, 0xfffffffe);
    assert_int_equal(get(&f, 0x10, 4), 0xffffffe1);
    assert_int_equal(get(&f, 0x14, 4), 0xfffff000);
    assert_int_equal(get(&f, 0x18, 4), 0xfff00008);
    assert_int_equal(get(&f, 0x30, 4), 0xffffe000); /* 5000 bytes take 8 KiB */
    assert_int_equal(f.claims, 0);
    assert_true(c->vram_at == DM_PCI_UNMAPPED || c->moves == 0);
    put(&f, 0x14, 4, 0xf2000000);
    assert_int_equal(fake_load(&f, 0xf2000000, 4), 0);
    /* Byte by byte. */
    put(&f, 0x10, 1, 0x40);
    put(&f, 0x11, 1, 0xc0);
    put(&f, 0x12, 2, 0);
    assert_int_equal(get(&f, 0x10, 4), 0xc041);
    fake_out(&f, 0xc044, 4, 0x12345678);
    assert_int_equal(fake_load(&f, 0xf2000004, 4), 0x12345678);
    put(&f, 0x10, 2, 0);
    assert_int_equal(fake_in(&f, 0xc044, 4), 0xffffffff);
    fake_finish(&f);
}

static void test_decode_bits(void **state)
{
    struct card *c;
    struct fake f;

    c = setup(&f);
    put(&f, 0x10, 4, 0xc000);
    put(&f, 0x14, 4, 0xf2000000);
    put(&f, 0x18, 4, 0xf3000000);
    put(&f, 0x30, 4, 0xf4000001);
    assert_int_equal(f.claims, 0);
    put(&f, 4, 2, PCI_COMMAND_IO);
    assert_int_equal(f.claims, 1);
    assert_int_equal(fake_in(&f, 0xc000, 4), 0);
    assert_int_equal(c->moves, 0);
    put(&f, 4, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
    assert_int_equal(f.claims, 3);
    assert_true(c->vram_at == 0xf3000000);
    assert_int_equal(c->moves, 1);
    assert_int_equal(fake_load(&f, 0xf4000000, 2), 0x55);
    assert_int_equal(fake_load(&f, 0xf4001387, 1), 0xaa);
    assert_int_equal(fake_load(&f, 0xf4001388, 1), 0xff); /* behind the image */
    fake_store(&f, 0xf4000000, 1, 0);
    assert_int_equal(fake_load(&f, 0xf4000000, 1), 0x55);
    put(&f, 0x30, 4, 0xf4000000); /* ROM enable off */
    assert_int_equal(fake_load(&f, 0xf4000000, 1), 0xff);
    put(&f, 4, 2, 0);
    assert_int_equal(f.claims, 0);
    assert_true(c->vram_at == DM_PCI_UNMAPPED);
    assert_int_equal(c->moves, 2);
    put(&f, 4, 2, 3);
    dm_machine_reset(&f.machine);
    assert_int_equal(f.claims, 0);
    fake_finish(&f);
}

static void test_places_that_are_none(void **state)
{
    static const uint32_t io[] = { 0, 0x10000, 0xffffffe0, 0x80000000 };
    static const uint32_t mem[] = { 0, 0xfffff000 };
    struct fake f;

    setup(&f);
    put(&f, 4, 2, 3);
    for (unsigned i = 0; i < DM_ARRAY_LEN(io); i++) {
        put(&f, 0x10, 4, io[i]);
        assert_int_equal(f.claims, 0);
    }
    for (unsigned i = 0; i < DM_ARRAY_LEN(mem); i++) {
        put(&f, 0x14, 4, mem[i]);
        assert_int_equal(f.claims, 0);
    }
    put(&f, 0x10, 4, 0xffe0);
    put(&f, 0x14, 4, 0xffffe000);
    assert_int_equal(f.claims, 2);
    fake_finish(&f);
}

static void test_overlap(void **state)
{
    struct card *a, *b;
    struct fake f;

    a = setup(&f);
    b = fake_device(&f, "card", "addr=4");
    a->reg[0] = 0xa;
    b->reg[0] = 0xb;
    put(&f, 0x14, 4, 0xf2000000);
    put(&f, 4, 2, 2);
    fake_config_out(&f, 4 << 3, 0x14, 4, 0xf2000000);
    fake_config_out(&f, 4 << 3, 4, 2, 2);
    /* The first one keeps it, the second is told of. */
    assert_int_equal(fake_load(&f, 0xf2000000, 4), 0xa);
    assert_non_null(strstr(f.log, "BAR 1"));
    assert_non_null(strstr(f.log, "another device"));
    /* When the first moves away, the second gets its place without a write of its own. */
    put(&f, 0x14, 4, 0xf2010000);
    assert_int_equal(fake_load(&f, 0xf2000000, 4), 0xb);
    assert_int_equal(fake_load(&f, 0xf2010000, 4), 0xa);
    /* Swapped, by way of overlapping. */
    put(&f, 0x14, 4, 0xf2000000);
    assert_int_equal(fake_load(&f, 0xf2000000, 4), 0xb);
    fake_config_out(&f, 4 << 3, 0x14, 4, 0xf2010000);
    assert_int_equal(fake_load(&f, 0xf2000000, 4), 0xa);
    assert_int_equal(fake_load(&f, 0xf2010000, 4), 0xb);
    /* The device leaves for good. */
    put(&f, 0x14, 4, 0xf2010000);
    dm_device_destroy(&b->pci.dev);
    assert_int_equal(fake_load(&f, 0xf2010000, 4), 0xa);
    fake_finish(&f);
}

static void test_destroy_order(void **state)
{
    struct card *c;
    struct fake f;

    c = setup(&f);
    put(&f, 0x18, 4, 0xf3000000);
    put(&f, 0x30, 4, 0xf4000001);
    put(&f, 4, 2, 7);
    dm_pci_intx(&c->pci, true);
    assert_true(f.intx[3][1]);
    moves_when_gone = 0;
    dm_device_destroy(&c->pci.dev);
    assert_int_equal(moves_when_gone, 0);
    assert_false(f.intx[3][1]);
    assert_int_equal(get(&f, 0, 4), 0xffffffff);
    put(&f, 4, 2, 7);
    fake_finish(&f);
}

static void test_intx(void **state)
{
    struct card *c;
    struct fake f;

    c = setup(&f);
    dm_pci_intx(&c->pci, true);
    assert_true(f.intx[3][1]);
    assert_int_equal(get(&f, 6, 2) & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
    put(&f, 4, 2, PCI_COMMAND_INTX_DISABLE);
    assert_false(f.intx[3][1]);
    assert_int_equal(get(&f, 6, 2) & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
    put(&f, 4, 2, 0);
    assert_true(f.intx[3][1]);
    dm_pci_intx(&c->pci, true);
    assert_int_equal(f.intx_rises, 2);
    put(&f, 6, 2, 0xffff);
    assert_int_equal(get(&f, 6, 2) & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
    dm_pci_intx(&c->pci, false);
    assert_false(f.intx[3][1]);
    assert_int_equal(get(&f, 6, 2), 0);
    dm_pci_intx(&c->pci, true);
    dm_machine_reset(&f.machine);
    assert_false(f.intx[3][1]);
    fake_finish(&f);
}

static void test_bus_master(void **state)
{
    struct card *c;
    uint32_t v = 0;
    struct fake f;

    c = setup(&f);
    f.ram[0x100] = 0x42;
    assert_false(dm_dma_read(&c->pci.dma, 0x100, &v, 4));
    assert_int_equal(v, 0xffffffff);
    put(&f, 4, 2, PCI_COMMAND_MASTER);
    assert_true(dm_dma_read(&c->pci.dma, 0x100, &v, 4));
    assert_int_equal(v, 0x42);
    dm_machine_reset(&f.machine);
    assert_false(dm_dma_write(&c->pci.dma, 0x100, &v, 4));
    fake_finish(&f);
}

static void test_edges(void **state)
{
    struct card *c;
    struct fake f;

    c = setup(&f);
    assert_int_equal(get(&f, 0xfc, 4), 0);
    assert_int_equal(get(&f, 0xfe, 4), 0xffffffff);
    assert_int_equal(get(&f, 0xff, 2), 0xffff);
    assert_int_equal(get(&f, 0x100, 1), 0xff);
    assert_int_equal(get(&f, 0xfffffffe, 4), 0xffffffff);
    c->written = 0;
    put(&f, 0xfe, 4, 0);
    put(&f, 0xffffffff, 1, 0);
    assert_int_equal(c->written, 0);
    put(&f, 0x3b, 4, 0x0000a500); /* across registers, unaligned */
    assert_int_equal(get(&f, 0x3c, 1), 0xa5);
    assert_int_equal(get(&f, 0x3d, 1), 2);
    assert_int_equal(c->last_off, 0x3b);
    assert_int_equal(c->last_size, 4);
    assert_int_equal(fake_config_in(&f, 0xff, 0, 2), 0xffff);
    /* A 1 clears. */
    put(&f, 0x52, 1, 0x30);
    assert_int_equal(get(&f, 0x52, 1), 0xc0);
    fake_finish(&f);
}

static void test_state(void **state)
{
    struct dm_buf buf = { 0 };
    struct card *c;
    struct dm_error err;
    struct fake f;

    c = setup(&f);
    put(&f, 0x10, 4, 0xc000);
    put(&f, 0x18, 4, 0xf3000000);
    put(&f, 0x3c, 1, 11);
    put(&f, 4, 2, 7);
    dm_pci_intx(&c->pci, true);
    assert_null(fake_state_roundtrip(&f, c));
    assert_true(f.intx[3][1]);
    assert_int_equal(dm_state_save(&f.machine, &buf, &err), 0);
    fake_finish(&f);

    c = setup(&f);
    assert_int_equal(dm_state_load(&f.machine, buf.data, buf.len, &err), 0);
    assert_true(c->vram_at == 0xf3000000);
    assert_int_equal(fake_in(&f, 0xc000, 4), 0);
    assert_int_equal(get(&f, 0x3c, 1), 11);
    assert_true(f.intx[3][1]);
    assert_true(c->pci.dma.enabled);
    fake_finish(&f);

    /* A stream that lies about what the guest cannot change: the header stays ours. */
    c = setup(&f);
    memset(buf.data + buf.len - 4 - 257, 0xff, 256); /* before the checksum */
    buf.data[buf.len - 4 - 257 + 4] = 0;
    dm_state_seal(buf.data, buf.len);
    assert_int_equal(dm_state_load(&f.machine, buf.data, buf.len, &err), 0);
    assert_int_equal(get(&f, 0, 4), 0x56781234);
    assert_int_equal(get(&f, 8, 4), 0x03010207);
    assert_int_equal(get(&f, 0x0e, 2), 0);
    assert_int_equal(get(&f, 0x10, 4), 0xffffffe1);
    assert_int_equal(get(&f, 0x1c, 4), 0);
    assert_int_equal(get(&f, 0x34, 4), 0);
    assert_int_equal(get(&f, 0x3d, 1), 2);
    fake_finish(&f);
    dm_buf_finish(&buf);
}

UNIT_MAIN(cmocka_unit_test(test_header), cmocka_unit_test(test_sizing),
          cmocka_unit_test(test_decode_bits), cmocka_unit_test(test_places_that_are_none),
          cmocka_unit_test(test_overlap), cmocka_unit_test(test_destroy_order),
          cmocka_unit_test(test_intx), cmocka_unit_test(test_bus_master),
          cmocka_unit_test(test_edges), cmocka_unit_test(test_state))
