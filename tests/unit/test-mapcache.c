/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include "tests/fake/foreign.h"

#define MIB (1u << 20)

static struct foreign mem;
static struct mapcache cache;

static void start(unsigned limit)
{
    foreign_init(&mem);
    mapcache_init(&cache, &foreign_ops, &mem, limit);
}

static void end(void)
{
    mapcache_finish(&cache);
    foreign_finish(&mem);
}

/* Maps, checks the length, returns the address: still pinned. */
static uint8_t *get(uint64_t gpa, size_t want, size_t expect)
{
    size_t len = want;
    uint8_t *host = mapcache_get(&cache, gpa, &len);

    assert_non_null(host);
    assert_int_equal(len, expect);
    return host;
}

static void touch(uint64_t gpa)
{
    mapcache_put(&cache, gpa, get(gpa, 1, 1));
}

static void absent(uint64_t gpa)
{
    size_t len = 1;

    assert_null(mapcache_get(&cache, gpa, &len));
}

static void test_lazy_and_shared(void **state)
{
    uint8_t *a, *b;

    start(4);
    assert_int_equal(mem.maps, 0);
    memcpy(mem.view + 0x1234, "guest", 5);
    a = get(0x1234, 5, 5);
    assert_memory_equal(a, "guest", 5);
    b = get(0x1000, 16, 16);
    assert_ptr_equal(b + 0x234, a);
    assert_int_equal(mem.maps, 1);
    memcpy(b, "model", 5);
    assert_memory_equal(mem.view + 0x1000, "model", 5);
    mapcache_put(&cache, 0x1234, a);
    mapcache_put(&cache, 0x1000, b);
    end();
}

static void test_cut_at_the_bucket(void **state)
{
    start(4);
    mapcache_put(&cache, MIB - 16, get(MIB - 16, 64, 16));
    mapcache_put(&cache, MIB, get(MIB, 8 * MIB, MIB));
    mapcache_put(&cache, MIB + 5, get(MIB + 5, SIZE_MAX, MIB - 5));
    end();
}

static void test_cut_at_a_hole(void **state)
{
    start(4);
    mem.hole[3] = mem.hole[255] = true;
    mapcache_put(&cache, 0x1ff0, get(0x1ff0, 0x4000, 0x1010));
    mapcache_put(&cache, 0x2fff, get(0x2fff, 1, 1));
    absent(0x3000);
    absent(0x3fff);
    mapcache_put(&cache, 0x4000, get(0x4000, MIB, MIB - 0x5000));
    absent(0xff000);
    assert_int_equal(mem.maps, 1); /* the hole was asked for page by page */
    assert_int_equal(mem.probes, 3);
    end();
}

static void test_a_hole_that_is_filled(void **state)
{
    uint8_t *pinned, *filled;

    start(4);
    mem.hole[5] = true;
    pinned = get(0x4000, 4096, 4096);
    absent(0x5000);
    mem.hole[5] = false;
    mem.view[0x5000] = 0x77;
    filled = get(0x5000, 1, 1);
    assert_int_equal(*filled, 0x77);
    pinned[0] = 1; /* the mapping in use is the old one and stays */
    assert_int_equal(mem.view[0x4000], 1);
    assert_int_equal(cache.count, 2);
    mapcache_put(&cache, 0x4000, pinned);
    assert_int_equal(cache.count, 1);
    mapcache_put(&cache, 0x5000, filled);
    mapcache_put(&cache, 0x4fff, get(0x4fff, 2, 2));
    assert_int_equal(mem.maps, 2);
    end();
}

static void test_nothing_there(void **state)
{
    start(4);
    absent((uint64_t)FOREIGN_PAGES * 4096);
    absent(UINT64_MAX);
    absent(1ull << 52);
    absent((1ull << 52) - 1);
    assert_int_equal(cache.count, 0);
    assert_int_equal(mem.mapped, 0);
    /* Asked again, that costs one page and not a bucket; it may come at any time. */
    memset(mem.hole, 1, 256);
    absent(0x3000);
    mem.maps = mem.probes = 0;
    absent(0x3000);
    absent(0x4000);
    assert_int_equal(mem.maps, 0);
    assert_int_equal(mem.probes, 2);
    mem.hole[4] = false;
    absent(0x3000);
    touch(0x4000);
    assert_int_equal(mem.maps, 1);
    memset(mem.hole, 0, 256);
    mapcache_invalidate(&cache);
    mem.refuse = true;
    absent(0);
    mem.refuse = false;
    touch(0);
    end();
}

static void test_least_recently_used_goes(void **state)
{
    start(3);
    for (unsigned i = 0; i < 3; i++)
        touch(i * MIB);
    touch(0); /* 1 is the oldest now */
    touch(3 * MIB);
    assert_int_equal(cache.count, 3);
    assert_int_equal(mem.maps, 4);
    touch(0);
    touch(2 * MIB);
    touch(3 * MIB);
    assert_int_equal(mem.maps, 4);
    touch(1 * MIB);
    assert_int_equal(mem.maps, 5);
    touch(0); /* had gone for it */
    assert_int_equal(mem.maps, 6);
    end();
}

static void test_memory_stays_bounded(void **state)
{
    start(5);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < FOREIGN_PAGES / MAPCACHE_PAGES; i++) {
            touch(i * MIB);
            assert_true(cache.count <= 5);
            assert_true(mem.mapped <= 5 * MAPCACHE_PAGES);
        }
    end();
}

static void test_pinned_stay(void **state)
{
    uint8_t *host[8];

    start(2);
    for (unsigned i = 0; i < 8; i++) { /* four times the limit may be in use */
        host[i] = get(i * MIB, 1, 1);
        *host[i] = (uint8_t)(i + 1);
    }
    assert_int_equal(cache.count, 8);
    absent(8 * MIB);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(mem.view[i * MIB], i + 1);
        mapcache_put(&cache, i * MIB, host[i]);
    }
    assert_int_equal(cache.count, 2);
    touch(8 * MIB);
    assert_int_equal(cache.count, 2);
    end();
}

static void test_invalidate(void **state)
{
    uint8_t *in_use, *again, *fresh;

    start(4);
    touch(2 * MIB);
    in_use = get(MIB, 4096, 4096);
    again = get(MIB + 8, 8, 8);
    mapcache_invalidate(&cache);
    assert_int_equal(cache.count, 1); /* the one in use */
    assert_int_equal(mem.mapped, MAPCACHE_PAGES);
    mapcache_invalidate(&cache);
    in_use[0] = 0x5a; /* still there */
    assert_int_equal(mem.view[MIB], 0x5a);
    fresh = get(MIB, 4096, 4096);
    assert_ptr_not_equal(fresh, in_use);
    assert_int_equal(mem.maps, 3);
    mapcache_put(&cache, MIB, in_use);
    assert_int_equal(cache.count, 2); /* a second pin holds it */
    mapcache_put(&cache, MIB + 8, again);
    assert_int_equal(cache.count, 1);
    mapcache_put(&cache, MIB, fresh);
    assert_int_equal(cache.count, 1);
    mapcache_invalidate(&cache);
    assert_int_equal(cache.count, 0);
    end();
}

static void test_memory_that_went_is_not_seen(void **state)
{
    start(4);
    touch(0x7000);
    mem.hole[7] = true; /* ballooned out: Xen sends INVALIDATE */
    mapcache_invalidate(&cache);
    absent(0x7000);
    touch(0x6000);
    end();
}

static void test_finish_with_pins(void **state)
{
    start(4);
    get(0, 1, 1);
    mapcache_invalidate(&cache);
    get(0, 1, 1);
    end(); /* aborts if a mapping is left */
    mapcache_finish(&(struct mapcache) { 0 });
}

UNIT_MAIN(cmocka_unit_test(test_lazy_and_shared), cmocka_unit_test(test_cut_at_the_bucket),
          cmocka_unit_test(test_cut_at_a_hole), cmocka_unit_test(test_a_hole_that_is_filled),
          cmocka_unit_test(test_nothing_there), cmocka_unit_test(test_least_recently_used_goes),
          cmocka_unit_test(test_memory_stays_bounded), cmocka_unit_test(test_pinned_stay),
          cmocka_unit_test(test_invalidate), cmocka_unit_test(test_memory_that_went_is_not_seen),
          cmocka_unit_test(test_finish_with_pins))
