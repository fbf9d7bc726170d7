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

/* Nobody need look at a guest that tells by kicks. */
static void test_kicks(void **state)
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
    assert_int_equal(dm_clock_deadline(&f.clock), DM_NEVER);
    fake_advance(&f, 10 * DM_NS_PER_SEC);
    assert_int_equal(s.refreshes, 1);
    assert_int_equal(v.updates, 0);
    /* After a pause a kick is answered at once, and then no oftener than at the fast pace. */
    dm_display_kick(&f.machine.display);
    fake_advance(&f, 0);
    assert_int_equal(s.refreshes, 2);
    before = s.refreshes;
    for (int i = 0; i < 160; i++) {
        dm_display_kick(&f.machine.display);
        fake_advance(&f, DM_NS_PER_MS);
    }
    assert_in_range(s.refreshes - before, 19, 21);
    /* With much to draw: a frame. */
    s.damage = (struct dm_rect) { 0, 0, 640, 480 };
    before = s.refreshes;
    for (int i = 0; i < 160; i++) {
        dm_display_kick(&f.machine.display);
        fake_advance(&f, DM_NS_PER_MS);
    }
    assert_in_range(s.refreshes - before, 10, 12);
    assert_int_equal(s.all, 1);
    dm_display_remove_viewer(&f.machine.display, &v.viewer);
    assert_int_equal(dm_clock_deadline(&f.clock), DM_NEVER);
    assert_null(f.machine.display.surface.pixels);
    fake_finish(&f);
}

static unsigned looks(struct fake *f, struct source *s, uint64_t ns)
{
    unsigned before = s->refreshes;

    fake_advance(f, ns);
    return s->refreshes - before;
}

/* One that draws into memory is looked at: often while things change, rarely after that. */
static void test_polled(void **state)
{
    struct fake_viewer v;
    struct source s;
    struct fake f;

    setup(&f, &s);
    dm_display_set_polled(&f.machine.display, true);
    fake_viewer_watch(&f, &v);
    fake_advance(&f, 0);
    assert_in_range(looks(&f, &s, DM_DISPLAY_FAST_FOR), 60, 64);
    assert_in_range(looks(&f, &s, DM_NS_PER_SEC), 60, 64);
    fake_advance(&f, 6 * DM_NS_PER_SEC);
    assert_in_range(looks(&f, &s, 12 * DM_NS_PER_SEC), 9, 11);
    /* A change, however it was found. */
    s.damage = (struct dm_rect) { 1, 2, 3, 4 };
    fake_advance(&f, DM_DISPLAY_SLOW);
    assert_memory_equal(&v.last, &s.damage, sizeof(v.last));
    assert_in_range(looks(&f, &s, DM_NS_PER_SEC), 120, 128);
    /* Much of it: frames. */
    s.damage = (struct dm_rect) { 0, 0, 200, 100 };
    fake_advance(&f, DM_DISPLAY_FRAME);
    assert_in_range(looks(&f, &s, DM_NS_PER_SEC), 60, 64);
    /* Pause, then a kick: as after a change. */
    s.damage.w = 0;
    fake_advance(&f, 10 * DM_NS_PER_SEC);
    dm_display_kick(&f.machine.display);
    assert_in_range(looks(&f, &s, DM_DISPLAY_FAST_FOR / 2), 30, 34);
    assert_int_equal(s.all, 1);
    dm_display_remove_viewer(&f.machine.display, &v.viewer);
    fake_finish(&f);
}

/* The guest does something, perhaps it draws: a look at once, and some more. */
static void test_stirs(void **state)
{
    struct dm_display *d;
    struct fake_viewer v;
    struct source s;
    struct fake f;

    setup(&f, &s);
    d = &f.machine.display;
    dm_display_stir(d); /* nobody looks */
    assert_int_equal(dm_clock_deadline(&f.clock), DM_NEVER);
    fake_viewer_watch(&f, &v);
    fake_advance(&f, 0);
    dm_display_stir(d);
    dm_display_stir(d); /* not polled */
    assert_int_equal(dm_clock_deadline(&f.clock), DM_NEVER);
    dm_display_set_polled(d, true);
    dm_display_kick(d);
    fake_advance(&f, 20 * DM_NS_PER_SEC);
    dm_display_stir(d); /* the look's own wakeup */
    assert_int_equal(looks(&f, &s, 0), 0);
    dm_display_stir(d);
    assert_int_equal(looks(&f, &s, 0), 1);
    assert_in_range(looks(&f, &s, DM_NS_PER_SEC), 5, 8);
    dm_display_stir(d);
    assert_true(dm_clock_deadline(&f.clock) > f.now + DM_DISPLAY_FRAME);
    /* All the time: no oftener than frames. */
    s.refreshes = 0;
    for (unsigned i = 0; i < 1000; i++) {
        dm_display_stir(d);
        fake_advance(&f, DM_NS_PER_MS);
    }
    assert_in_range(s.refreshes, 60, 64);
    dm_display_remove_viewer(d, &v.viewer);
    fake_finish(&f);
}

/* A viewer that reads the surface on a thread of its own, and takes pictures when it can. */
struct reader {
    struct dm_viewer viewer;
    struct dm_display *display;
    bool reading, ready, begun;
    unsigned refused, waits, changes;
};

static bool reader_begin(void *opaque, bool wait)
{
    struct reader *r = opaque;

    assert_false(r->begun);
    r->waits += wait;
    r->refused += r->reading && !wait;
    r->begun = wait || !r->reading;
    return r->begun;
}

static void reader_end(void *opaque)
{
    struct reader *r = opaque;

    assert_true(r->begun);
    r->begun = false;
}

static bool reader_ready(void *opaque)
{
    struct reader *r = opaque;

    return r->ready;
}

static void reader_resized(void *opaque, const struct dm_surface *surface)
{
    struct reader *r = opaque;

    assert_true(r->begun);
    r->changes++;
}

static void reader_updated(void *opaque, const struct dm_surface *surface,
                           const struct dm_rect *rect)
{
    reader_resized(opaque, surface);
}

static void reader_watch(struct fake *f, struct reader *r)
{
    *r = (struct reader) { .ready = true, .display = &f->machine.display };
    r->viewer = (struct dm_viewer) { .resized = reader_resized,
                                     .updated = reader_updated,
                                     .begin = reader_begin,
                                     .end = reader_end,
                                     .ready = reader_ready,
                                     .opaque = r };
    dm_display_add_viewer(&f->machine.display, &r->viewer);
    dm_display_watch(&f->machine.display, &r->viewer, true);
}

static void test_reader(void **state)
{
    struct fake_viewer v;
    struct reader r;
    struct source s;
    struct fake f;

    setup(&f, &s);
    reader_watch(&f, &r);
    assert_int_equal(r.waits, 1); /* a new surface */
    assert_int_equal(r.changes, 1);
    s.damage = (struct dm_rect) { 0, 0, 1, 1 };
    fake_advance(&f, 0);
    assert_int_equal(r.changes, 2);
    assert_false(r.begun);
    /* While it reads there is no look, but one soon after. Those before it in the list go on. */
    fake_viewer_watch(&f, &v);
    fake_advance(&f, DM_NS_PER_SEC);
    s.refreshes = 0;
    r.reading = true;
    dm_display_kick(&f.machine.display);
    fake_advance(&f, 5 * DM_DISPLAY_RETRY);
    assert_int_equal(s.refreshes, 0);
    assert_in_range(r.refused, 5, 6);
    r.reading = false;
    fake_advance(&f, DM_DISPLAY_RETRY);
    assert_int_equal(s.refreshes, 1);
    /* The size changes all the same, by the guest or within a look. */
    r.reading = true;
    r.waits = 0;
    dm_display_resize(&f.machine.display, 800, 600);
    assert_int_equal(r.waits, 1);
    r.reading = false;
    s.resize_to = 1024;
    fake_advance(&f, DM_NS_PER_SEC);
    assert_int_equal(r.waits, 1);
    assert_int_equal(f.machine.display.surface.width, 1024);
    /* The end of the surface is a change as well. */
    dm_display_remove_viewer(&f.machine.display, &v.viewer);
    dm_display_remove_viewer(&f.machine.display, &r.viewer);
    assert_int_equal(r.waits, 2);
    fake_finish(&f);
}

/* Nobody can take a picture: no look, no timer, whatever the guest does. */
static void test_ready(void **state)
{
    struct dm_display *d;
    struct reader r;
    struct source s;
    struct fake f;

    setup(&f, &s);
    d = &f.machine.display;
    dm_display_set_polled(d, true);
    reader_watch(&f, &r);
    fake_advance(&f, DM_NS_PER_SEC);
    r.ready = false;
    fake_advance(&f, DM_DISPLAY_FRAME);
    assert_int_equal(dm_clock_deadline(&f.clock), DM_NEVER);
    s.refreshes = 0;
    dm_display_kick(d);
    dm_display_stir(d);
    dm_display_stir(d);
    fake_advance(&f, DM_NS_PER_SEC);
    assert_int_equal(s.refreshes, 0);
    assert_int_equal(dm_clock_deadline(&f.clock), DM_NEVER);
    /* It can: now, since the last look is long ago. */
    r.ready = true;
    dm_display_ready(d);
    fake_advance(&f, 0);
    assert_int_equal(s.refreshes, 1);
    dm_display_ready(d); /* nothing waits for that */
    fake_advance(&f, DM_NS_PER_MS);
    assert_int_equal(s.refreshes, 1);
    /* One that is not ready does not stop another. */
    r.ready = false;
    {
        struct fake_viewer v;

        fake_viewer_watch(&f, &v);
        assert_in_range(looks(&f, &s, DM_NS_PER_SEC / 2), 25, 70);
        dm_display_remove_viewer(d, &v.viewer);
    }
    dm_display_remove_viewer(d, &r.viewer);
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
    dm_display_set_polled(&f.machine.display, true);
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
    dm_display_set_polled(&f.machine.display, true);
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

UNIT_MAIN(cmocka_unit_test(test_nobody_looks), cmocka_unit_test(test_kicks),
          cmocka_unit_test(test_polled), cmocka_unit_test(test_stirs),
          cmocka_unit_test(test_reader), cmocka_unit_test(test_ready),
          cmocka_unit_test(test_damage_is_cut), cmocka_unit_test(test_resize),
          cmocka_unit_test(test_viewer_before_any_size), cmocka_unit_test(test_two_viewers))
