/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

static const struct dm_class *const none[] = { NULL };

struct count {
    struct dm_timer timer;
    unsigned fired;
    uint64_t again; /* re-arm so far ahead; DM_NEVER: no */
};

static void count_fired(void *opaque)
{
    struct count *c = opaque;

    c->fired++;
    if (c->again != DM_NEVER)
        dm_timer_arm(&c->timer, dm_clock_now(c->timer.clock) + c->again);
}

static void test_order_and_cancel(void **state)
{
    struct count a = { .again = DM_NEVER }, b = { .again = DM_NEVER };
    struct fake f;

    fake_init(&f, none);
    dm_timer_init(&a.timer, &f.clock, count_fired, &a);
    dm_timer_init(&b.timer, &f.clock, count_fired, &b);
    dm_timer_arm(&b.timer, f.now + 20);
    dm_timer_arm(&a.timer, f.now + 10);
    assert_int_equal(dm_clock_deadline(&f.clock), f.now + 10);
    fake_advance(&f, 10);
    assert_int_equal(a.fired, 1);
    assert_int_equal(b.fired, 0);
    dm_timer_cancel(&b.timer);
    dm_timer_cancel(&b.timer);
    fake_advance(&f, 100);
    assert_int_equal(b.fired, 0);
    assert_int_equal(dm_clock_deadline(&f.clock), DM_NEVER);
    fake_finish(&f);
}

static void test_rearm_in_the_past_does_not_hang(void **state)
{
    struct count a = { .again = 0 };
    struct fake f;

    fake_init(&f, none);
    dm_timer_init(&a.timer, &f.clock, count_fired, &a);
    dm_timer_arm(&a.timer, f.now);
    dm_clock_run(&f.clock);
    assert_int_equal(a.fired, 1);
    dm_clock_run(&f.clock);
    assert_int_equal(a.fired, 2);
    dm_timer_cancel(&a.timer);
    fake_finish(&f);
}

UNIT_MAIN(cmocka_unit_test(test_order_and_cancel),
          cmocka_unit_test(test_rearm_in_the_past_does_not_hang))
