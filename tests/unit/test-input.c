/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dm/input: which device an event reaches, and as what. */
#include "tests/unit/unit.h"

struct toy {
    struct dm_input_sink sink;
    unsigned keys, code, moves, buttons;
    bool down, absolute;
    int x, y, dz;
};

static void toy_key(void *opaque, unsigned code, bool down)
{
    struct toy *t = opaque;

    t->keys++;
    t->code = code;
    t->down = down;
}

static void toy_moved(struct toy *t, bool absolute, int x, int y, int dz, unsigned buttons)
{
    t->moves++;
    t->absolute = absolute;
    t->x = x;
    t->y = y;
    t->dz = dz;
    t->buttons = buttons;
}

static void toy_relative(void *opaque, int dx, int dy, int dz, unsigned buttons)
{
    toy_moved(opaque, false, dx, dy, dz, buttons);
}

static void toy_absolute(void *opaque, int x, int y, int dz, unsigned buttons)
{
    toy_moved(opaque, true, x, y, dz, buttons);
}

static void test_keys(void **state)
{
    struct toy old = { .sink = { .key = toy_key, .opaque = &old } };
    struct toy mouse = { .sink = { .relative = toy_relative, .opaque = &mouse } };
    struct toy new = { .sink = { .key = toy_key, .opaque = &new } };
    struct dm_input in = { 0 };

    dm_input_key(&in, 30, true); /* nobody there: remembered all the same */
    dm_input_add(&in, &old.sink);
    dm_input_add(&in, &mouse.sink);
    dm_input_key(&in, 30, true);
    assert_int_equal(old.keys, 1);
    dm_input_add(&in, &new.sink);
    dm_input_key(&in, 31, true);
    assert_int_equal(old.keys, 1);
    assert_int_equal(new.code, 31);
    dm_input_key(&in, DM_KEY_MAX, true);
    dm_input_key(&in, 0xffffffff, true);
    assert_int_equal(new.keys, 1);
    dm_input_key(&in, DM_KEY_MAX - 1, true);
    /* All that are held, once. */
    new.keys = 0;
    dm_input_release_all(&in);
    assert_int_equal(new.keys, 3);
    assert_false(new.down);
    dm_input_release_all(&in);
    assert_int_equal(new.keys, 3);
    dm_input_remove(&in, &new.sink);
    dm_input_remove(&in, &new.sink);
    dm_input_key(&in, 1, true);
    assert_int_equal(old.keys, 2);
}

static void test_pointer(void **state)
{
    struct toy mouse = { .sink = { .relative = toy_relative, .opaque = &mouse } };
    struct toy tablet = { .sink = { .absolute = toy_absolute, .opaque = &tablet } };
    struct toy keys = { .sink = { .key = toy_key, .opaque = &keys } };
    struct dm_input in = { 0 };

    dm_input_pointer(&in, 5, 5, 0, 0, 640, 480); /* nobody there */
    in = (struct dm_input) { 0 };
    dm_input_add(&in, &mouse.sink);
    dm_input_add(&in, &keys.sink);
    assert_false(dm_input_is_absolute(&in));
    /* The first place is no movement, the next are the way from there. */
    dm_input_pointer(&in, 100, 100, 0, DM_BUTTON_LEFT, 640, 480);
    assert_int_equal(mouse.x, 0);
    assert_int_equal(mouse.buttons, DM_BUTTON_LEFT);
    dm_input_pointer(&in, 90, 130, -1, 0, 640, 480);
    assert_int_equal(mouse.x, -10);
    assert_int_equal(mouse.y, 30);
    assert_int_equal(mouse.dz, -1);
    assert_int_equal(mouse.buttons, 0);
    dm_input_motion(&in, 7, -8, 1, DM_BUTTON_RIGHT);
    assert_int_equal(mouse.x, 7);
    assert_int_equal(mouse.y, -8);

    dm_input_add(&in, &tablet.sink);
    assert_true(dm_input_is_absolute(&in));
    dm_input_pointer(&in, 0, 479, 0, 0, 640, 480);
    assert_true(tablet.absolute);
    assert_int_equal(tablet.x, 0);
    assert_int_equal(tablet.y, DM_INPUT_AXIS);
    dm_input_pointer(&in, -50, 5000, 0, 0, 640, 480);
    assert_int_equal(tablet.x, 0);
    assert_int_equal(tablet.y, DM_INPUT_AXIS);
    dm_input_pointer(&in, 5, 5, 0, 0, 1, 0); /* a screen of nothing */
    assert_int_equal(tablet.x, 0);
    assert_int_equal(tablet.y, 0);
    /* Movement still goes to the mouse, since the tablet cannot take it. */
    dm_input_motion(&in, 1, 2, 0, 0);
    assert_int_equal(mouse.y, 2);
    dm_input_remove(&in, &mouse.sink);
    dm_input_motion(&in, 3, 4, 0, 0);
    assert_int_equal(mouse.y, 2);
}

static unsigned leds_seen;

static void leds_changed(void *opaque, unsigned leds)
{
    assert_int_equal(*(int *)opaque, 42);
    leds_seen = leds;
}

static void test_leds(void **state)
{
    struct dm_input in = { 0 };
    int mark = 42;

    dm_input_set_leds(&in, DM_LED_CAPS); /* nobody asks */
    in.leds_changed = leds_changed;
    in.leds_opaque = &mark;
    dm_input_set_leds(&in, DM_LED_NUM | DM_LED_SCROLL);
    assert_int_equal(leds_seen, DM_LED_NUM | DM_LED_SCROLL);
    assert_int_equal(in.leds, DM_LED_NUM | DM_LED_SCROLL);
}

/* While the guest is stopped: see dm_input_hold. */
static void test_hold(void **state)
{
    struct toy t = { .sink = { .key = toy_key, .relative = toy_relative, .opaque = &t } };
    struct dm_input in = { 0 };

    dm_input_add(&in, &t.sink);
    dm_input_key(&in, 30, true);
    dm_input_key(&in, 42, true);
    dm_input_pointer(&in, 10, 10, 0, 0, 100, 100);
    assert_int_equal(t.keys, 2);
    assert_int_equal(t.moves, 1);
    dm_input_hold(&in, true);
    dm_input_key(&in, 30, false);
    dm_input_key(&in, 31, true);
    dm_input_key(&in, 32, true);
    dm_input_key(&in, 32, false);
    dm_input_pointer(&in, 15, 12, 0, DM_BUTTON_LEFT, 100, 100);
    dm_input_motion(&in, 5, 5, 0, 0);
    assert_int_equal(t.keys, 2);
    assert_int_equal(t.moves, 1);
    dm_input_hold(&in, false);
    assert_int_equal(t.keys, 3); /* 30, which the guest thinks is down */
    assert_int_equal(t.code, 30);
    assert_false(t.down);
    dm_input_pointer(&in, 16, 12, 0, 0, 100, 100);
    assert_int_equal(t.x, 6);
    assert_int_equal(t.y, 2);
    dm_input_hold(&in, true);
    dm_input_hold(&in, false);
    assert_int_equal(t.keys, 3);
}

UNIT_MAIN(cmocka_unit_test(test_hold), cmocka_unit_test(test_keys), cmocka_unit_test(test_pointer),
          cmocka_unit_test(test_leds))
