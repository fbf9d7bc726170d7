/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dm/display: who gets told what, and that nothing runs while nobody looks. */
#include "tests/unit/unit.h"

static const struct dm_class *const none[] = { NULL };

/* A device that draws what the test says. */
struct source {
    struct dm_display *display;
    unsigned refreshes, all;
    struct dm_rect damage; /* on every refresh; none while w is 0 */
    int resize_to;         /* width, in the next refresh; 0: no */
};

static void source_refresh(void *opaque, bool all)
{
    struct source *s = opaque;

    s->refreshes++;
    s->all += all;
    if (s->resize_to) {
        dm_display_resize(s->display, s->resize_to, 100);
        s->resize_to = 0;
    }
    if (s->damage.w)
        dm_display_damage(s->display, &s->damage);
}

static void setup(struct fake *f, struct source *s)
{
    fake_init(f, none);
    *s = (struct source) { .display = &f->machine.display };
    dm_display_set_source(&f->machine.display, source_refresh, s);
    dm_display_resize(&f->machine.display, 640, 480);
}

static void test_nobody_looks(void **state)
{
    struct source s;
    struct fake f;

    setup(&f, &s);
    assert_false(dm_display_watched(&f.machine.display));
    dm_display_kick(&f.machine.display);
    dm_display_damage(&f.machine.display, &(struct dm_rect) { 0, 0, 10, 10 });
    fake_advance(&f, 10 * DM_NS_PER_SEC);
    assert_int_equal(s.refreshes, 0);
    assert_int_equal(dm_clock_deadline(&f.clock), DM_NEVER);
    assert_null(f.machine.display.surface.pixels);
    fake_finish(&f);
}

static void test_pace(void **state)
{
    struct fake_viewer v;
    struct source s;
    unsigned before;
    struct fake f;

    setup(&f, &s);
    fake_viewer_watch(&f, &v);
    assert_int_equal(v.resizes, 1);
    assert_int_equal(v.surface->width, 640);
    assert_int_equal(v.surface->height, 480);
    fake_advance(&f, 0);
    assert_int_equal(s.refreshes, 1);
    assert_int_equal(s.all, 1);
    /* Nothing changes: slower and slower, down to one a second. */
    fake_advance(&f, 10 * DM_NS_PER_SEC);
    before = s.refreshes;
    assert_true(before < 25);
    fake_advance(&f, 10 * DM_NS_PER_SEC);
    assert_in_range(s.refreshes - before, 9, 11);
    assert_int_equal(s.all, 1);
    assert_int_equal(v.updates, 0);
    /* A kick is answered soon, and no oftener than at the fast pace. */
    before = s.refreshes;
    for (int i = 0; i < 160; i++) {
        dm_display_kick(&f.machine.display);
        fake_advance(&f, DM_NS_PER_MS);
    }
    assert_in_range(s.refreshes - before, 9, 11);
    /* While there is damage, the pace stays. */
    s.damage = (struct dm_rect) { 1, 2, 3, 4 };
    before = s.refreshes;
    dm_display_kick(&f.machine.display);
    fake_advance(&f, DM_NS_PER_SEC);
    assert_in_range(s.refreshes - before, 60, 64);
    assert_memory_equal(&v.last, &s.damage, sizeof(v.last));
    dm_display_remove_viewer(&f.machine.display, &v.viewer);
    assert_int_equal(dm_clock_deadline(&f.clock), DM_NEVER);
    assert_null(f.machine.display.surface.pixels);
    fake_finish(&f);
}

static void test_damage_is_cut(void **state)
{
    static const struct {
        struct dm_rect in, out; /* out.w 0: not told */
    } tests[] = {
        { { 0, 0, 640, 480 }, { 0, 0, 640, 480 } },
        { { -10, -20, 30, 40 }, { 0, 0, 20, 20 } },
        { { 630, 470, 100, 100 }, { 630, 470, 10, 10 } },
        { { 0, 0, INT32_MAX, INT32_MAX }, { 0, 0, 640, 480 } },
        { { INT32_MIN, 0, INT32_MAX, 1 }, { 0 } },
        { { 640, 0, 1, 1 }, { 0 } },
        { { 0, 480, 1, 1 }, { 0 } },
        { { 5, 5, 0, 5 }, { 0 } },
        { { 5, 5, 5, -1 }, { 0 } },
        { { INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN }, { 0 } },
        { { -5, 0, 5, 5 }, { 0 } },
    };
    struct fake_viewer v;
    struct source s;
    struct fake f;

    setup(&f, &s);
    fake_viewer_watch(&f, &v);
    for (unsigned i = 0; i < DM_ARRAY_LEN(tests); i++) {
        unsigned before = v.updates;

        dm_display_damage(&f.machine.display, &tests[i].in);
        assert_int_equal(v.updates - before, tests[i].out.w != 0);
        if (tests[i].out.w)
            assert_memory_equal(&v.last, &tests[i].out, sizeof(v.last));
    }
    dm_display_remove_viewer(&f.machine.display, &v.viewer);
    fake_finish(&f);
}

static void test_resize(void **state)
{
    struct fake_viewer v;
    struct source s;
    unsigned before;
    struct fake f;

    setup(&f, &s);
    fake_viewer_watch(&f, &v);
    fake_advance(&f, 10 * DM_NS_PER_SEC);
    dm_display_resize(&f.machine.display, 640, 480); /* no change */
    assert_int_equal(v.resizes, 1);
    before = s.refreshes;
    dm_display_resize(&f.machine.display, 1366, 768);
    assert_int_equal(v.resizes, 2);
    assert_int_equal(v.surface->width, 1366);
    fake_advance(&f, DM_DISPLAY_FAST);
    assert_true(s.refreshes > before);
    assert_int_equal(s.all, 2);
    /* In the middle of a refresh. */
    s.resize_to = 800;
    s.damage = (struct dm_rect) { 790, 90, 100, 100 };
    fake_advance(&f, 2 * DM_NS_PER_SEC);
    assert_int_equal(v.surface->width, 800);
    assert_int_equal(v.last.w, 10);
    assert_int_equal(v.last.h, 10);
    /* Sizes that are none. */
    dm_display_resize(&f.machine.display, 0, -7);
    assert_int_equal(v.surface->width, 1);
    assert_int_equal(v.surface->height, 1);
    dm_display_resize(&f.machine.display, 1 << 30, 2);
    assert_int_equal(v.surface->width, DM_DISPLAY_MAX_WIDTH);
    dm_display_remove_viewer(&f.machine.display, &v.viewer);
    fake_finish(&f);
}

static void test_viewer_before_any_size(void **state)
{
    struct fake_viewer v;
    struct source s;
    struct fake f;

    fake_init(&f, none);
    s = (struct source) { .display = &f.machine.display };
    dm_display_set_source(&f.machine.display, source_refresh, &s);
    fake_viewer_watch(&f, &v);
    fake_advance(&f, DM_NS_PER_SEC);
    assert_int_equal(v.resizes, 0);
    assert_int_equal(s.refreshes, 0);
    dm_display_resize(&f.machine.display, 720, 400);
    assert_int_equal(v.resizes, 1);
    fake_advance(&f, DM_NS_PER_SEC);
    assert_true(s.refreshes > 0);
    assert_int_equal(s.all, 1);
    dm_display_remove_viewer(&f.machine.display, &v.viewer);
    fake_finish(&f);
}

static void test_two_viewers(void **state)
{
    struct fake_viewer a, b;
    struct source s;
    struct fake f;

    setup(&f, &s);
    fake_viewer_watch(&f, &a);
    fake_advance(&f, DM_NS_PER_SEC);
    fake_viewer_watch(&f, &b);
    assert_int_equal(a.resizes, 1);
    assert_int_equal(b.resizes, 1);
    fake_advance(&f, 0);
    assert_int_equal(s.all, 2); /* the newcomer gets everything */
    s.damage = (struct dm_rect) { 0, 0, 1, 1 };
    fake_advance(&f, DM_NS_PER_SEC);
    assert_true(a.updates > 0);
    assert_int_equal(a.updates, b.updates);
    /* One stops looking; the other goes on. */
    dm_display_watch(&f.machine.display, &a.viewer, false);
    dm_display_watch(&f.machine.display, &a.viewer, false);
    a.updates = b.updates = 0;
    fake_advance(&f, DM_NS_PER_SEC);
    assert_int_equal(a.updates, 0);
    assert_true(b.updates > 0);
    dm_display_remove_viewer(&f.machine.display, &b.viewer);
    dm_display_remove_viewer(&f.machine.display, &b.viewer);
    assert_false(dm_display_watched(&f.machine.display));
    dm_display_watch(&f.machine.display, &a.viewer, true);
    assert_true(dm_display_watched(&f.machine.display));
    dm_display_remove_viewer(&f.machine.display, &a.viewer);
    fake_finish(&f);
}

UNIT_MAIN(cmocka_unit_test(test_nobody_looks), cmocka_unit_test(test_pace),
          cmocka_unit_test(test_damage_is_cut), cmocka_unit_test(test_resize),
          cmocka_unit_test(test_viewer_before_any_size), cmocka_unit_test(test_two_viewers))
