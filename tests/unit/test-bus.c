/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dm/bus: where regions may be, which access reaches which, splitting and widening. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>

/* A region of bytes that writes down what it is asked. */
struct board {
    struct dm_region region;
    uint8_t mem[64];
    char log[256];
    size_t block_limit;
};

static void note(struct board *b, const char *what, uint64_t off, unsigned size)
{
    size_t n = strlen(b->log);

    snprintf(b->log + n, sizeof(b->log) - n, "%s%u@%u ", what, size, (unsigned)off);
}

static uint64_t board_read(void *opaque, uint64_t off, unsigned size)
{
    struct board *b = opaque;

    assert_true(off + size <= b->region.size);
    note(b, "r", off, size);
    return dm_get_le(b->mem + off, size) | (size < 8 ? ~dm_ones(size) : 0); /* dirty upper bits */
}

static void board_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct board *b = opaque;

    assert_true(off + size <= b->region.size);
    assert_true((val & ~dm_ones(size)) == 0);
    note(b, "w", off, size);
    dm_put_le(b->mem + off, size, val);
}

static size_t board_read_block(void *opaque, uint64_t off, unsigned size, void *buf, size_t count)
{
    struct board *b = opaque;
    size_t n = count < b->block_limit ? count : b->block_limit;

    note(b, "R", off, size);
    memset(buf, 0x77, n * size);
    return n;
}

static size_t board_write_block(void *opaque, uint64_t off, unsigned size, const void *buf,
                                size_t count)
{
    struct board *b = opaque;

    (void)buf;
    note(b, "W", off, size);
    return count < b->block_limit ? count : b->block_limit;
}

#define OPS(lo, hi)                                                    \
    {                                                                  \
        .read = board_read, .write = board_write, .min = lo, .max = hi \
    }
static const struct dm_region_ops ops_any = OPS(0, 0), ops_byte = OPS(1, 1), ops_word = OPS(2, 2),
                                  ops_wide = OPS(4, 8), ops_dword = OPS(4, 4);
static const struct dm_region_ops ops_block = {
    .read = board_read,
    .write = board_write,
    .read_block = board_read_block,
    .write_block = board_write_block,
};
static const struct dm_region_ops ops_none = { .max = 4 };
static const struct dm_class *const none[] = { NULL };

static void board_init(struct board *b, const struct dm_region_ops *ops, uint64_t size)
{
    memset(b, 0, sizeof(*b));
    b->region = (struct dm_region) { .name = "board", .ops = ops, .opaque = b, .size = size };
    for (unsigned i = 0; i < sizeof(b->mem); i++)
        b->mem[i] = (uint8_t)(0x10 + i);
}

/* What the device saw since last asked. */
static const char *seen(struct board *b)
{
    static char copy[sizeof(b->log)];

    memcpy(copy, b->log, sizeof(copy));
    b->log[0] = 0;
    return copy;
}

static void test_overlap(void **state)
{
    static const uint64_t bad[][2] = {
        { 0x100, 16 }, { 0xff, 2 }, { 0x10f, 1 }, { 0x80, 512 }, { 0x104, 4 }
    };
    struct board a, b;
    struct fake f;

    fake_init(&f, none);
    board_init(&a, &ops_any, 16);
    assert_int_equal(dm_space_add(&f.machine.io, &a.region, 0x100), 0);
    for (unsigned i = 0; i < DM_ARRAY_LEN(bad); i++) {
        board_init(&b, &ops_any, bad[i][1]);
        assert_int_equal(dm_space_add(&f.machine.io, &b.region, bad[i][0]), -EEXIST);
        assert_null(b.region.space);
    }
    assert_int_equal(f.claims, 1);
    board_init(&b, &ops_any, 16);
    assert_int_equal(dm_space_add(&f.machine.io, &b.region, 0x110), 0);
    dm_space_remove(&b.region);
    assert_int_equal(dm_space_add(&f.machine.io, &b.region, 0xf0), 0);
    dm_space_remove(&b.region);
    dm_space_remove(&b.region); /* twice is fine */
    dm_space_remove(&a.region);
    assert_int_equal(f.claims, 0);
    fake_finish(&f);
}

static void test_bad_ranges(void **state)
{
    struct board b;
    struct fake f;

    fake_init(&f, none);
    board_init(&b, &ops_any, 0);
    assert_int_equal(dm_space_add(&f.machine.io, &b.region, 0x100), -EINVAL);
    board_init(&b, &ops_any, 16);
    assert_int_equal(dm_space_add(&f.machine.mem, &b.region, UINT64_MAX - 14), -EINVAL);
    assert_int_equal(dm_space_add(&f.machine.io, &b.region, 0xfff8), -EINVAL); /* the claim */
    assert_null(b.region.space);
    /* The last bytes there are. */
    assert_int_equal(dm_space_add(&f.machine.mem, &b.region, UINT64_MAX - 15), 0);
    assert_true(fake_load(&f, UINT64_MAX, 1) == 0x1f);
    assert_true(fake_load(&f, UINT64_MAX, 2) == 0xff1f);
    dm_space_remove(&b.region);
    fake_finish(&f);
}

static void test_many_regions(void **state)
{
    static struct board b[DM_SPACE_REGIONS + 1];
    struct fake f;

    fake_init(&f, none);
    for (unsigned i = 0; i <= DM_SPACE_REGIONS; i++) {
        unsigned at = i * 37 % (DM_SPACE_REGIONS + 1); /* not in order */

        board_init(&b[at], &ops_any, 4);
        assert_int_equal(dm_space_add(&f.machine.io, &b[at].region, 8 * at),
                         i < DM_SPACE_REGIONS ? 0 : -ENOSPC);
    }
    for (unsigned i = 0; i < 8 * DM_SPACE_REGIONS; i++) {
        struct dm_region *r = dm_space_find(&f.machine.io, i);

        assert_ptr_equal(r, i % 8 < 4 && b[i / 8].region.space ? &b[i / 8].region : NULL);
    }
    /* One after the other leaves; the others stay where they are. */
    for (unsigned i = 0; i <= DM_SPACE_REGIONS; i += 2)
        dm_space_remove(&b[i].region);
    for (unsigned i = 0; i < DM_SPACE_REGIONS; i++)
        assert_ptr_equal(dm_space_find(&f.machine.io, 8 * i),
                         i % 2 && b[i].region.space ? &b[i].region : NULL);
    for (unsigned i = 1; i <= DM_SPACE_REGIONS; i += 2)
        dm_space_remove(&b[i].region);
    assert_int_equal(f.machine.io.count, 0);
    assert_null(dm_space_find(&f.machine.io, 0));
    fake_finish(&f);
}

static void test_unclaimed(void **state)
{
    struct board b;
    struct fake f;

    fake_init(&f, none);
    assert_int_equal(fake_in(&f, 0x500, 1), 0xff);
    assert_int_equal(fake_in(&f, 0x500, 4), 0xffffffff);
    assert_true(fake_load(&f, 0x500, 8) == UINT64_MAX);
    fake_out(&f, 0x500, 4, 0);
    board_init(&b, &ops_none, 8);
    assert_int_equal(dm_space_add(&f.machine.io, &b.region, 0x500), 0);
    assert_int_equal(fake_in(&f, 0x500, 2), 0xffff);
    fake_out(&f, 0x500, 2, 0);
    dm_space_remove(&b.region);
    fake_finish(&f);
}

static void test_sizes(void **state)
{
    struct board b;
    struct fake f;

    fake_init(&f, none);
    board_init(&b, &ops_any, 64);
    assert_int_equal(dm_space_add(&f.machine.mem, &b.region, 0x1000), 0);
    assert_true(fake_load(&f, 0x1003, 2) == 0x1413);
    assert_string_equal(seen(&b), "r2@3 ");
    assert_true(fake_load(&f, 0x1000, 8) == 0x1716151413121110);
    assert_string_equal(seen(&b), "r4@0 r4@4 ");
    fake_store(&f, 0x1008, 8, 0x8877665544332211);
    assert_string_equal(seen(&b), "w4@8 w4@12 ");
    assert_true(dm_get_le(b.mem + 8, 8) == 0x8877665544332211);
    fake_store(&f, 0x1008, 1, 0xffffff01);
    assert_int_equal(b.mem[8], 1);
    assert_int_equal(b.mem[9], 0x22);
    dm_space_remove(&b.region);

    board_init(&b, &ops_byte, 64);
    assert_int_equal(dm_space_add(&f.machine.mem, &b.region, 0x1000), 0);
    assert_true(fake_load(&f, 0x1001, 4) == 0x14131211);
    assert_string_equal(seen(&b), "r1@1 r1@2 r1@3 r1@4 ");
    fake_store(&f, 0x1000, 2, 0xabcd);
    assert_string_equal(seen(&b), "w1@0 w1@1 ");
    dm_space_remove(&b.region);
    fake_finish(&f);
}

static void test_narrow_accesses_widen(void **state)
{
    struct board b;
    struct fake f;

    fake_init(&f, none);
    board_init(&b, &ops_dword, 62); /* a size that is no multiple */
    assert_int_equal(dm_space_add(&f.machine.mem, &b.region, 0x1000), 0);
    assert_true(fake_load(&f, 0x1005, 1) == 0x15);
    assert_string_equal(seen(&b), "r4@4 ");
    assert_true(fake_load(&f, 0x1006, 2) == 0x1716);
    assert_string_equal(seen(&b), "r4@4 ");
    assert_true(fake_load(&f, 0x1007, 2) == 0xffff); /* two registers: no device does that */
    assert_true(fake_load(&f, 0x103d, 1) == 0xff);   /* part of one beyond the end */
    fake_store(&f, 0x1004, 2, 0);
    assert_string_equal(seen(&b), "");
    assert_true(fake_load(&f, 0x1000, 8) == 0x1716151413121110);
    dm_space_remove(&b.region);

    board_init(&b, &ops_wide, 64);
    assert_int_equal(dm_space_add(&f.machine.mem, &b.region, 0x1000), 0);
    assert_true(fake_load(&f, 0x1000, 8) == 0x1716151413121110);
    assert_string_equal(seen(&b), "r8@0 ");
    dm_space_remove(&b.region);

    board_init(&b, &ops_word, 64);
    assert_int_equal(dm_space_add(&f.machine.mem, &b.region, 0x1000), 0);
    fake_store(&f, 0x1002, 4, 0x44332211);
    assert_string_equal(seen(&b), "w2@2 w2@4 ");
    dm_space_remove(&b.region);
    fake_finish(&f);
}

static void test_straddling(void **state)
{
    struct board a, b;
    struct fake f;

    fake_init(&f, none);
    board_init(&a, &ops_any, 4);
    board_init(&b, &ops_any, 4);
    assert_int_equal(dm_space_add(&f.machine.io, &a.region, 0x100), 0);
    assert_int_equal(dm_space_add(&f.machine.io, &b.region, 0x104), 0);
    assert_int_equal(fake_in(&f, 0x102, 4), 0x11101312);
    assert_string_equal(seen(&a), "r1@2 r1@3 ");
    assert_string_equal(seen(&b), "r1@0 r1@1 ");
    fake_out(&f, 0x0ff, 2, 0xaabb);
    assert_int_equal(a.mem[0], 0xaa);
    assert_int_equal(fake_in(&f, 0x107, 4), 0xffffff13);
    dm_space_remove(&a.region);
    dm_space_remove(&b.region);
    fake_finish(&f);
}

static void test_blocks(void **state)
{
    uint16_t words[8];
    struct board b;
    struct fake f;

    fake_init(&f, none);
    board_init(&b, &ops_block, 8);
    assert_int_equal(dm_space_add(&f.machine.io, &b.region, 0x1f0), 0);
    b.block_limit = 5; /* the rest goes one by one */
    dm_space_read_block(&f.machine.io, 0x1f0, 2, words, 8);
    assert_string_equal(seen(&b), "R2@0 r2@0 r2@0 r2@0 ");
    assert_int_equal(words[4], 0x7777);
    assert_int_equal(words[5], 0x1110);
    b.block_limit = 8;
    dm_space_write_block(&f.machine.io, 0x1f0, 2, words, 8);
    assert_string_equal(seen(&b), "W2@0 ");
    b.block_limit = 0;
    words[1] = 0xbeef;
    dm_space_write_block(&f.machine.io, 0x1f2, 2, words, 2);
    assert_string_equal(seen(&b), "W2@2 w2@2 w2@2 ");
    assert_int_equal(b.mem[2] | b.mem[3] << 8, 0xbeef);
    dm_space_remove(&b.region);

    /* Nobody there; a device without the handler; across the edge. */
    dm_space_read_block(&f.machine.io, 0x1f0, 2, words, 8);
    assert_int_equal(words[7], 0xffff);
    dm_space_write_block(&f.machine.io, 0x1f0, 2, words, 8);
    board_init(&b, &ops_block, 1);
    assert_int_equal(dm_space_add(&f.machine.io, &b.region, 0x1f0), 0);
    b.block_limit = 8;
    dm_space_read_block(&f.machine.io, 0x1f0, 2, words, 1);
    assert_string_equal(seen(&b), "r1@0 ");
    assert_int_equal(words[0], 0xff10);
    dm_space_remove(&b.region);
    fake_finish(&f);
}

/* A device that leaves in the middle of an access (it moves its own BAR). */
static void leave_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    (void)off, (void)size, (void)val;
    dm_space_remove(&((struct board *)opaque)->region);
}

static void test_region_removes_itself(void **state)
{
    static const struct dm_region_ops ops = { .read = board_read, .write = leave_write };
    uint8_t bytes[16] = { 0 };
    struct board b;
    struct fake f;

    fake_init(&f, none);
    board_init(&b, &ops, 8);
    assert_int_equal(dm_space_add(&f.machine.io, &b.region, 0x100), 0);
    assert_int_equal(fake_in(&f, 0x100, 1), 0x10);
    dm_space_write_block(&f.machine.io, 0x100, 1, bytes, sizeof(bytes));
    assert_null(b.region.space);
    assert_int_equal(fake_in(&f, 0x100, 1), 0xff);
    fake_finish(&f);
}

UNIT_MAIN(cmocka_unit_test(test_overlap), cmocka_unit_test(test_bad_ranges),
          cmocka_unit_test(test_many_regions), cmocka_unit_test(test_unclaimed),
          cmocka_unit_test(test_sizes), cmocka_unit_test(test_narrow_accesses_widen),
          cmocka_unit_test(test_straddling), cmocka_unit_test(test_blocks),
          cmocka_unit_test(test_region_removes_itself))
