/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/spin.h"
#include "tests/unit/unit.h"

#define SHORT (HOST_SPIN_SHORT_NS - 1)

static void test_only_within_a_burst(void **state)
{
    struct host_spin s = { 0 };
    uint64_t now = 1000000000;

    assert_false(host_spin_woken(&s, now)); /* the first of all */
    assert_false(host_spin_woken(&s, now += HOST_SPIN_SHORT_NS));
    assert_true(host_spin_woken(&s, now += SHORT));
    host_spin_found(&s, now += 1000);
    assert_true(host_spin_woken(&s, now + SHORT)); /* counted from what spinning found */
}

/* Short gaps that pass until it is tried again. */
static unsigned gaps(struct host_spin *s, uint64_t *now)
{
    unsigned n = 0;

    while (!host_spin_woken(s, *now += SHORT))
        n++;
    return n;
}

static void test_failures_make_it_rare(void **state)
{
    struct host_spin s = { 0 };
    uint64_t now = 1000000000;
    unsigned last = 0, n;

    host_spin_woken(&s, now);
    for (unsigned i = 1; i <= HOST_SPIN_BACKOFF + 2; i++) {
        host_spin_failed(&s, 1, false);
        n = gaps(&s, &now);
        assert_true(i == 1 ? n == 0 : i <= HOST_SPIN_BACKOFF ? n > last : n == last);
        last = n;
    }
    assert_int_equal(last, (1u << HOST_SPIN_BACKOFF) - 2);
    host_spin_failed(&s, 1, false);
    assert_false(host_spin_woken(&s, now += HOST_SPIN_SHORT_NS)); /* long gaps do not count */
    assert_int_equal(gaps(&s, &now), last);
    host_spin_found(&s, now);
    host_spin_failed(&s, 1, false); /* the end of a burst */
    assert_int_equal(gaps(&s, &now), 0);
}

static void test_held_up_is_worse(void **state)
{
    struct host_spin plain = { 0 }, held = { 0 };

    host_spin_failed(&plain, 1, false);
    host_spin_failed(&held, 1, true);
    assert_true(held.pass > plain.pass);
}

/* One core for both: the request comes when we sleep at last. Few successes do not excuse that. */
static void test_harm_makes_it_rare(void **state)
{
    struct host_spin s = { 0 };
    uint64_t now = 1000000000;
    unsigned last = 0, n = 0;

    host_spin_woken(&s, now);
    for (unsigned i = 0; i < HOST_SPIN_BACKOFF; i++) {
        for (unsigned k = 0; k < 100; k++)
            host_spin_found(&s, now += 5000);
        host_spin_failed(&s, now += HOST_SPIN_NS, false);
        assert_false(host_spin_woken(&s, now += HOST_SPIN_HARM_NS - 1));
        n = gaps(&s, &now);
        assert_true(n > last);
        last = n;
    }
    assert_int_equal(last, (1u << HOST_SPIN_BACKOFF) - 1);
    for (unsigned k = 0; k < 20000; k++) /* the guest has a core now */
        host_spin_found(&s, now += 5000);
    host_spin_failed(&s, now += HOST_SPIN_NS, false);
    assert_true(host_spin_woken(&s, now += HOST_SPIN_HARM_NS)); /* a pause, no harm */
}

UNIT_MAIN(cmocka_unit_test(test_only_within_a_burst), cmocka_unit_test(test_failures_make_it_rare),
          cmocka_unit_test(test_held_up_is_worse), cmocka_unit_test(test_harm_makes_it_rare))
