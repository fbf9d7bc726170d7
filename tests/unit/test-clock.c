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

/* A guest's clock stands still and goes on; its timers with it, the host's do not wait. */
static void test_guest_clock(void **state)
{
    struct count a = { .again = 100 }, b = { .again = DM_NEVER }, host = { .again = DM_NEVER };
    struct dm_clock guest;
    uint64_t start;
    struct fake f;

    fake_init(&f, none);
    dm_clock_init_guest(&guest, &f.clock);
    dm_timer_init(&a.timer, &guest, count_fired, &a);
    dm_timer_init(&b.timer, &guest, count_fired, &b);
    dm_timer_init(&host.timer, &f.clock, count_fired, &host);
    start = f.now;
    assert_int_equal(dm_clock_now(&guest), start);
    assert_int_equal(dm_clock_wall(&guest), f.wall);
    dm_timer_arm(&b.timer, start + 30);
    dm_timer_arm(&a.timer, start + 10);
    dm_timer_arm(&host.timer, start + 40);
    assert_int_equal(dm_clock_deadline(&f.clock), start + 10); /* the loop knows */
    fake_advance(&f, 20);
    assert_int_equal(a.fired, 1);
    assert_int_equal(dm_clock_deadline(&f.clock), start + 30);

    dm_clock_stop(&guest, true);
    dm_clock_stop(&guest, true);
    assert_int_equal(dm_clock_deadline(&f.clock), start + 40);
    dm_timer_arm(&b.timer, start + 25); /* may be moved meanwhile */
    fake_advance(&f, 1000);
    assert_int_equal(dm_clock_now(&guest), start + 20);
    assert_int_equal(a.fired + b.fired, 1);
    assert_int_equal(host.fired, 1);
    assert_int_equal(dm_clock_wall(&guest), f.wall);
    assert_int_equal(dm_clock_deadline(&f.clock), DM_NEVER);

    dm_clock_stop(&guest, false);
    dm_clock_stop(&guest, false);
    assert_int_equal(dm_clock_now(&guest), start + 20);
    fake_advance(&f, 4);
    assert_int_equal(b.fired, 0);
    fake_advance(&f, 1);
    assert_int_equal(b.fired, 1);
    fake_advance(&f, 85);
    assert_int_equal(dm_clock_now(&guest), start + 110);
    assert_int_equal(a.fired, 2);
    dm_clock_stop(&guest, true); /* a second time: spans add up */
    fake_advance(&f, 500);
    dm_clock_stop(&guest, false);
    fake_advance(&f, 100);
    assert_int_equal(a.fired, 3);
    assert_int_equal(dm_clock_now(&guest), start + 210);
    dm_timer_cancel(&a.timer);
    fake_finish(&f); /* no timer of the host's is left */
}

UNIT_MAIN(cmocka_unit_test(test_order_and_cancel), cmocka_unit_test(test_guest_clock),
          cmocka_unit_test(test_rearm_in_the_past_does_not_hang))
