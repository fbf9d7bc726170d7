/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/spin.h"
#include "tests/unit/unit.h"

#define SHORT   (HOST_SPIN_SHORT_NS - 1)
#define SECOND  UINT64_C(1000000000)
#define WAKE_NS 6000 /* until a request is there, when we sleep and have the core to share */

static void test_only_within_a_burst(void **state)
{
    struct host_spin s = { 0 };
    uint64_t now = SECOND;

    assert_false(host_spin_woken(&s, now)); /* the first of all */
    assert_false(host_spin_woken(&s, now += HOST_SPIN_SHORT_NS));
    assert_true(host_spin_woken(&s, now += SHORT));
    assert_true(host_spin_found(&s, now, now + 1000));
    now += 1000;
    assert_true(host_spin_woken(&s, now + SHORT)); /* counted from what spinning found */
}

/*
 * A driver that shares our core for a second: it goes on only while we sleep, but for
 * lucky in a hundred, whose next request is there at once. Returns the ns spun in vain.
 */
static uint64_t one_core(struct host_spin *s, unsigned lucky, unsigned slow_ns, unsigned *requests)
{
    uint64_t now = SECOND, wasted = 0;
    bool spin = false;

    for (*requests = 0; now < 2 * SECOND; ++*requests) {
        if (spin && *requests % 100 < lucky) {
            spin = host_spin_found(s, now, now);
            now += 4000;
            continue;
        }
        if (spin) {
            host_spin_failed(s, now, now + HOST_SPIN_NS, false);
            now += HOST_SPIN_NS;
            wasted += HOST_SPIN_NS;
        }
        spin = host_spin_woken(s, now += slow_ns);
    }
    return wasted;
}

static void test_one_core_wastes_little(void **state)
{
    for (unsigned lucky = 0; lucky < 100; lucky += 7) {
        struct host_spin s = { 0 };
        unsigned requests;

        assert_true(one_core(&s, lucky, WAKE_NS, &requests) < SECOND / 250);
        assert_true(requests > SECOND / WAKE_NS * 99 / 100);
    }
}

/* The same on a busy machine, where each wake-up takes too long to tell whose fault it was. */
static void test_one_core_wastes_little_when_busy(void **state)
{
    for (unsigned lucky = 0; lucky < 70; lucky += 7) {
        struct host_spin s = { 0 };
        unsigned requests;

        /* What luck earns may be spent. */
        assert_true(one_core(&s, lucky, HOST_SPIN_AFTER_NS + WAKE_NS, &requests) < SECOND / 12);
    }
}

/* A core each, bursts with pauses: it spins in all of them. */
static void test_a_core_each(void **state)
{
    struct host_spin s = { 0 };
    uint64_t now = SECOND;

    for (unsigned burst = 0; burst < 100; burst++) {
        assert_false(host_spin_woken(&s, now += SECOND / 1000));
        assert_true(host_spin_woken(&s, now += 10000));
        for (unsigned i = 0; i < 60; i++, now += 700)
            assert_true(host_spin_found(&s, now, now + 700));
        host_spin_failed(&s, now, now + HOST_SPIN_NS, false);
        now += HOST_SPIN_NS;
    }
}

/* Others have our core for a while now and then: it is spun again soon. */
static void test_held_up(void **state)
{
    struct host_spin s = { 0 };
    uint64_t now = SECOND;

    host_spin_woken(&s, now);
    assert_true(host_spin_woken(&s, now += 10000));
    for (unsigned i = 0; i < 100; i++)
        host_spin_found(&s, now, now);
    host_spin_failed(&s, now, now + SECOND / 100, true);
    now += SECOND / 100;
    host_spin_woken(&s, now += 3000); /* it was there already */
    assert_true(host_spin_woken(&s, now += 10000));
    for (unsigned i = 0; i < 10; i++) {
        host_spin_failed(&s, now, now + 1000000, true);
        host_spin_woken(&s, now += 1003000);
    }
    assert_false(host_spin_woken(&s, now += 10000));
}

/* A pause that ends just behind an attempt looks like that: now and then it costs nothing. */
static void test_a_harm_now_and_then(void **state)
{
    struct host_spin s = { 0 };
    uint64_t now = SECOND;

    host_spin_woken(&s, now);
    for (unsigned burst = 0; burst < 20; burst++) {
        assert_true(host_spin_woken(&s, now += 10000));
        for (unsigned i = 0; i < HOST_SPIN_FORGET; i++, now += 700)
            assert_true(host_spin_found(&s, now, now + 700));
        host_spin_failed(&s, now, now + HOST_SPIN_NS, false);
        host_spin_woken(&s, now += HOST_SPIN_NS + 2000);
    }
}

/* Requests that are long in coming: looking for them would take the core and save little. */
static void test_slow_requests_are_not_worth_it(void **state)
{
    struct host_spin s = { 0 };
    uint64_t now = SECOND, spun = 0;
    bool spin = false;

    while (now < 2 * SECOND) {
        now += 40000;
        if (spin) {
            spun += 40000;
            spin = host_spin_found(&s, now - 40000, now);
        } else {
            spin = host_spin_woken(&s, now);
        }
    }
    assert_true(spun < SECOND / 8);
}

static void test_debt_ends(void **state)
{
    struct host_spin s = { 0 };
    uint64_t now = SECOND;

    host_spin_woken(&s, now);
    for (unsigned i = 0; i < 100; i++) {
        host_spin_failed(&s, now, now + HOST_SPIN_NS, false);
        host_spin_woken(&s, now += HOST_SPIN_NS + 1);
    }
    assert_false(host_spin_woken(&s, now + SHORT));
    now += (uint64_t)HOST_SPIN_DEBT_NS * HOST_SPIN_SHARE;
    host_spin_woken(&s, now);
    assert_true(host_spin_woken(&s, now + SHORT));
}

UNIT_MAIN(cmocka_unit_test(test_only_within_a_burst), cmocka_unit_test(test_one_core_wastes_little),
          cmocka_unit_test(test_one_core_wastes_little_when_busy),
          cmocka_unit_test(test_a_core_each), cmocka_unit_test(test_held_up),
          cmocka_unit_test(test_a_harm_now_and_then),
          cmocka_unit_test(test_slow_requests_are_not_worth_it), cmocka_unit_test(test_debt_ends))
