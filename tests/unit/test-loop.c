/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/loop.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#define THREADS 4
#define POSTS   2000

struct bench {
    struct host_loop loop;
    struct dm_error err;
};

static void bench_init(struct bench *b)
{
    assert_int_equal(host_loop_init(&b->loop, &b->err), 0);
}

/* A pipe that is watched; counts its calls and does what the test wants. */
struct source {
    struct host_loop *loop;
    struct host_watch watch;
    int in, out;
    unsigned calls;
    uint32_t events;
    struct source *other; /* to remove, or to change */
    bool remove, silence;
};

static void source_ready(void *opaque, uint32_t events)
{
    struct source *s = opaque;
    char c;

    s->calls++;
    s->events = events;
    if (events & EPOLLIN)
        assert_int_equal(read(s->in, &c, 1), 1);
    if (s->other && s->remove)
        host_loop_remove(s->loop, &s->other->watch);
    if (s->other && s->silence)
        host_loop_modify(s->loop, &s->other->watch, EPOLLPRI);
}

static void source_init(struct source *s, struct host_loop *loop)
{
    int fd[2];

    *s = (struct source) { .loop = loop };
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    s->in = fd[0];
    s->out = fd[1];
    s->watch =
        (struct host_watch) { .fd = s->in, .events = EPOLLIN, .ready = source_ready, .opaque = s };
    assert_int_equal(host_loop_add(loop, &s->watch), 0);
}

static void source_finish(struct source *s)
{
    host_loop_remove(s->loop, &s->watch);
    host_loop_remove(s->loop, &s->watch); /* twice is fine */
    close(s->in);
    close(s->out);
}

static void source_send(struct source *s)
{
    assert_int_equal(write(s->out, "x", 1), 1);
}

static void test_watches(void **state)
{
    struct source s;
    struct bench b;

    bench_init(&b);
    source_init(&s, &b.loop);
    host_loop_turn(&b.loop, false);
    assert_int_equal(s.calls, 0);
    source_send(&s);
    source_send(&s);
    host_loop_turn(&b.loop, true);
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.events, EPOLLIN);
    host_loop_turn(&b.loop, true); /* what was left is told again */
    assert_int_equal(s.calls, 2);
    source_send(&s);
    host_loop_modify(&b.loop, &s.watch, EPOLLPRI);
    host_loop_turn(&b.loop, false);
    assert_int_equal(s.calls, 2);
    host_loop_modify(&b.loop, &s.watch, EPOLLIN);
    host_loop_turn(&b.loop, true);
    assert_int_equal(s.calls, 3);
    host_loop_remove(&b.loop, &s.watch);
    source_send(&s);
    host_loop_modify(&b.loop, &s.watch, EPOLLIN); /* not added: nothing */
    host_loop_turn(&b.loop, false);
    assert_int_equal(s.calls, 3);
    assert_int_equal(host_loop_add(&b.loop, &s.watch), 0);
    assert_int_equal(host_loop_add(&b.loop, &s.watch), -17); /* EEXIST */
    host_loop_turn(&b.loop, true);
    assert_int_equal(s.calls, 4);
    source_finish(&s);
    host_loop_finish(&b.loop);
}

static void test_watch_removed_by_a_handler(void **state)
{
    struct source s[8];
    unsigned calls = 0;
    struct bench b;

    bench_init(&b);
    for (unsigned i = 0; i < 8; i++)
        source_init(&s[i], &b.loop);
    for (unsigned i = 0; i < 8; i++) {
        s[i].other = &s[i ^ 1]; /* each removes its neighbour */
        s[i].remove = true;
        source_send(&s[i]);
    }
    host_loop_turn(&b.loop, true);
    for (unsigned i = 0; i < 8; i++)
        calls += s[i].calls;
    assert_int_equal(calls, 4);
    for (unsigned i = 0; i < 8; i += 2)
        assert_int_equal(s[i].calls + s[i + 1].calls, 1);
    for (unsigned i = 0; i < 8; i++)
        source_finish(&s[i]);

    /* One that removes itself. */
    source_init(&s[0], &b.loop);
    s[0].other = &s[0];
    s[0].remove = true;
    source_send(&s[0]);
    source_send(&s[0]);
    host_loop_turn(&b.loop, true);
    host_loop_turn(&b.loop, false);
    assert_int_equal(s[0].calls, 1);
    source_finish(&s[0]);

    /* One that no longer waits for what it would be told. */
    for (unsigned i = 0; i < 2; i++)
        source_init(&s[i], &b.loop);
    for (unsigned i = 0; i < 2; i++) {
        s[i].other = &s[i ^ 1];
        s[i].silence = true;
        source_send(&s[i]);
    }
    host_loop_turn(&b.loop, true);
    assert_int_equal(s[0].calls + s[1].calls, 1);
    for (unsigned i = 0; i < 2; i++)
        source_finish(&s[i]);
    host_loop_finish(&b.loop);
}

static void test_hang_up_is_always_told(void **state)
{
    struct source s;
    struct bench b;

    bench_init(&b);
    source_init(&s, &b.loop);
    host_loop_modify(&b.loop, &s.watch, EPOLLPRI);
    close(s.out);
    host_loop_turn(&b.loop, true);
    assert_int_equal(s.events, EPOLLHUP);
    s.out = dup(s.in);
    source_finish(&s);
    host_loop_finish(&b.loop);
}

struct alarm {
    struct dm_timer timer;
    struct host_loop *loop;
    unsigned fired;
};

static void alarm_fired(void *opaque)
{
    struct alarm *a = opaque;

    a->fired++;
    host_loop_quit(a->loop);
}

static void test_timers(void **state)
{
    struct alarm a = { .fired = 0 };
    struct bench b;
    uint64_t start;

    bench_init(&b);
    a.loop = &b.loop;
    dm_timer_init(&a.timer, &b.loop.clock, alarm_fired, &a);
    start = dm_clock_now(&b.loop.clock);
    dm_timer_arm(&a.timer, start + 3 * DM_NS_PER_MS + 300 * DM_NS_PER_US);
    host_loop_turn(&b.loop, false);
    assert_int_equal(a.fired, 0);
    b.loop.turns = 0;
    host_loop_run(&b.loop);
    assert_int_equal(a.fired, 1);
    assert_true(dm_clock_now(&b.loop.clock) - start >= 3300 * DM_NS_PER_US);
    assert_true(b.loop.turns <= 3); /* it slept */
    b.loop.quit = false;
    dm_timer_arm(&a.timer, 0); /* long due */
    host_loop_turn(&b.loop, true);
    assert_int_equal(a.fired, 2);
    assert_true(dm_clock_wall(&b.loop.clock) > 1600000000 * DM_NS_PER_SEC);
    host_loop_finish(&b.loop);
}

static void ignore(void *opaque)
{
}

/* A timer put off, taken back or brought forward while others wake the loop: in time, and cheap. */
static void test_timers_move(void **state)
{
    struct alarm a = { .fired = 0 }, never = { .fired = 0 };
    struct host_post post = { .fn = ignore };
    struct bench b;
    uint64_t start, at;

    bench_init(&b);
    a.loop = never.loop = &b.loop;
    dm_timer_init(&a.timer, &b.loop.clock, alarm_fired, &a);
    dm_timer_init(&never.timer, &b.loop.clock, alarm_fired, &never);
    start = dm_clock_now(&b.loop.clock);
    dm_timer_arm(&never.timer, start + 300 * DM_NS_PER_MS); /* far, for slow machines */
    for (unsigned i = 0; i < 100; i++) {
        at = start + (500 + i / 50) * DM_NS_PER_MS;
        dm_timer_arm(&a.timer, at);
        host_loop_post(&b.loop, &post);
        host_loop_turn(&b.loop, true);
    }
    dm_timer_cancel(&never.timer);
    b.loop.turns = 0;
    host_loop_run(&b.loop);
    assert_int_equal(a.fired, 1);
    assert_int_equal(never.fired, 0);
    assert_true(dm_clock_now(&b.loop.clock) >= at);
    assert_in_range(b.loop.turns, 1, 4);
    b.loop.quit = false;
    start = dm_clock_now(&b.loop.clock);
    dm_timer_arm(&never.timer, start + DM_NS_PER_SEC * 100);
    host_loop_post(&b.loop, &post);
    host_loop_turn(&b.loop, true);
    dm_timer_arm(&a.timer, start + DM_NS_PER_MS);
    host_loop_run(&b.loop);
    assert_int_equal(a.fired, 2);
    assert_true(dm_clock_now(&b.loop.clock) - start < DM_NS_PER_SEC * 50);
    host_loop_finish(&b.loop);
}

struct poster {
    struct host_loop *loop;
    struct host_post post[POSTS];
    unsigned run; /* loop thread only */
    bool again;
    pthread_t thread, loop_thread;
};

static void poster_ran(void *opaque)
{
    struct poster *p = opaque;

    assert_true(pthread_equal(pthread_self(), p->loop_thread));
    p->run++;
    if (p->again)
        host_loop_post(p->loop, &p->post[0]);
}

static void *poster_main(void *opaque)
{
    struct poster *p = opaque;

    for (unsigned i = 0; i < POSTS; i++) {
        host_loop_post(p->loop, &p->post[i]);
        if (i % 64 == 0)
            sched_yield();
    }
    return NULL;
}

static void poster_init(struct poster *p, struct host_loop *loop)
{
    memset(p, 0, sizeof(*p));
    p->loop = loop;
    p->loop_thread = pthread_self();
    for (unsigned i = 0; i < POSTS; i++)
        p->post[i] = (struct host_post) { .fn = poster_ran, .opaque = p };
}

static void test_posts_of_threads(void **state)
{
    static struct poster p[THREADS];
    unsigned run = 0;
    struct alarm late = { .fired = 0 };
    struct bench b;

    bench_init(&b);
    /* A wake-up that was lost would sleep until this. */
    late.loop = &b.loop;
    dm_timer_init(&late.timer, &b.loop.clock, alarm_fired, &late);
    dm_timer_arm(&late.timer, dm_clock_now(&b.loop.clock) + 30 * DM_NS_PER_SEC);
    for (unsigned i = 0; i < THREADS; i++)
        poster_init(&p[i], &b.loop);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&p[i].thread, NULL, poster_main, &p[i]), 0);
    while (run < THREADS * POSTS && !late.fired) {
        host_loop_turn(&b.loop, true);
        run = 0;
        for (unsigned i = 0; i < THREADS; i++)
            run += p[i].run;
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(p[i].thread, NULL);
    assert_int_equal(late.fired, 0);
    assert_int_equal(run, THREADS * POSTS);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned n = 0; n < POSTS; n++)
            assert_false(p[i].post[n].queued);
    dm_timer_cancel(&late.timer);
    host_loop_finish(&b.loop);
}

static void test_posts(void **state)
{
    static struct poster p;
    struct source s;
    struct bench b;

    bench_init(&b);
    poster_init(&p, &b.loop);
    host_loop_post(&b.loop, &p.post[0]);
    host_loop_post(&b.loop, &p.post[0]); /* queued once */
    host_loop_post(&b.loop, &p.post[1]);
    host_loop_post(&b.loop, &p.post[2]);
    host_loop_unpost(&b.loop, &p.post[2]); /* the last */
    host_loop_post(&b.loop, &p.post[3]);
    host_loop_unpost(&b.loop, &p.post[1]); /* one between */
    host_loop_unpost(&b.loop, &p.post[1]); /* none */
    host_loop_turn(&b.loop, true);
    assert_int_equal(p.run, 2);
    host_loop_turn(&b.loop, false);
    assert_int_equal(p.run, 2);
    host_loop_post(&b.loop, &p.post[2]);
    host_loop_unpost(&b.loop, &p.post[2]); /* the only one */
    host_loop_post(&b.loop, &p.post[1]);
    host_loop_turn(&b.loop, true);
    assert_int_equal(p.run, 3);

    /* One that posts itself lets the others live. */
    p.again = true;
    source_init(&s, &b.loop);
    host_loop_post(&b.loop, &p.post[0]);
    for (unsigned i = 0; i < 10; i++) {
        source_send(&s);
        host_loop_turn(&b.loop, true);
    }
    assert_int_equal(s.calls, 10);
    assert_int_equal(p.run, 13);
    host_loop_unpost(&b.loop, &p.post[0]);
    source_finish(&s);
    host_loop_finish(&b.loop);
}

struct gather {
    struct host_loop *loop;
    struct host_hook hook;
    unsigned calls;
    bool once;
};

static void gather_run(void *opaque)
{
    struct gather *g = opaque;

    g->calls++;
    if (g->once) {
        host_loop_remove_hook(g->loop, &g->hook);
        g->hook.next = NULL; /* whoever owns it may use it again */
    }
}

static void test_hooks(void **state)
{
    struct gather g[3];
    struct bench b;

    bench_init(&b);
    for (unsigned i = 0; i < 3; i++) {
        g[i] = (struct gather) { .loop = &b.loop, .once = i == 1 };
        g[i].hook = (struct host_hook) { .fn = gather_run, .opaque = &g[i] };
        host_loop_add_hook(&b.loop, &g[i].hook);
    }
    host_loop_turn(&b.loop, false);
    host_loop_turn(&b.loop, false);
    assert_int_equal(g[0].calls, 2);
    assert_int_equal(g[1].calls, 1);
    assert_int_equal(g[2].calls, 2);
    host_loop_remove_hook(&b.loop, &g[1].hook); /* not there: fine */
    host_loop_remove_hook(&b.loop, &g[2].hook);
    host_loop_turn(&b.loop, false);
    assert_int_equal(g[0].calls, 3);
    assert_int_equal(g[2].calls, 2);
    host_loop_finish(&b.loop);
}

/* A clock that goes on with each look, and work that comes at a time. */
struct spin {
    uint64_t now, step, work_at;
    unsigned polls, rests;
};

static uint64_t spin_now(void *opaque)
{
    struct spin *s = opaque;

    return s->now += s->step;
}

static bool spin_poll(void *opaque)
{
    struct spin *s = opaque;

    s->polls++;
    return s->now >= s->work_at;
}

static void spin_rest(void *opaque)
{
    struct spin *s = opaque;

    s->rests++;
}

static void test_spinning(void **state)
{
    struct spin s = { .now = 1, .step = 1000, .work_at = UINT64_MAX };
    struct host_poller poller = { spin_poll, spin_rest, &s };
    struct source src;
    struct bench b;

    bench_init(&b);
    source_init(&src, &b.loop);
    b.loop.clock.now = spin_now;
    b.loop.clock.opaque = &s;
    assert_false(host_loop_woken(&b.loop, true)); /* nothing to spin for */
    host_loop_set_poller(&b.loop, &poller);
    assert_false(host_loop_woken(&b.loop, true));
    assert_false(host_loop_woken(&b.loop, false)); /* for nothing: not within a burst */
    assert_true(host_loop_woken(&b.loop, true));
    assert_true(host_loop_woken(&b.loop, true)); /* still */

    /* Work comes: the turn ends, the loop still spins and has not asked for a wake-up. */
    s.work_at = s.now + 10000;
    host_loop_turn(&b.loop, true);
    assert_true(s.polls >= 10 && s.polls <= 11);
    assert_true(b.loop.spinning);
    assert_int_equal(s.rests, 0);

    /* Work without end does not keep the file descriptors waiting for ever. */
    source_send(&src);
    s.work_at = 0;
    for (unsigned i = 0; i < 200 && !src.calls; i++)
        host_loop_turn(&b.loop, true);
    assert_int_equal(src.calls, 1);
    assert_true(b.loop.spinning);

    /* In a hurry it looks at them at once, at the work before; and once only. */
    source_send(&src);
    s.work_at = UINT64_MAX;
    s.polls = 0;
    host_loop_hurry(&b.loop);
    host_loop_turn(&b.loop, true);
    assert_int_equal(src.calls, 2);
    assert_int_equal(s.polls, 1);
    assert_true(b.loop.spinning);
    host_loop_hurry(&b.loop); /* nothing there: it does not sleep over it */
    host_loop_turn(&b.loop, true);
    assert_int_equal(s.polls, 2);
    assert_true(b.loop.spinning);
    s.work_at = 0;
    for (unsigned i = 0; i < 50; i++) {
        host_loop_hurry(&b.loop);
        host_loop_turn(&b.loop, true);
    }
    assert_int_equal(s.polls, 52);
    assert_true(b.loop.spinning);

    /* No work: it rests, then sleeps until a file descriptor is ready. */
    source_send(&src);
    s.work_at = UINT64_MAX;
    s.polls = 0;
    host_loop_turn(&b.loop, true);
    assert_false(b.loop.spinning);
    assert_int_equal(s.polls, HOST_SPIN_NS / 1000);
    assert_int_equal(s.rests, 1);
    assert_int_equal(src.calls, 3);
    host_loop_turn(&b.loop, false);
    assert_int_equal(s.polls, HOST_SPIN_NS / 1000);

    /* Somebody else had the core: it gives up at once. */
    s.now += (uint64_t)HOST_SPIN_NS * HOST_SPIN_SHARE;
    assert_false(host_loop_woken(&b.loop, true));
    assert_true(host_loop_woken(&b.loop, true));
    source_send(&src);
    s.step = HOST_SPIN_HELD_UP_NS;
    s.polls = 0;
    host_loop_turn(&b.loop, true);
    assert_int_equal(s.polls, 1);
    assert_int_equal(s.rests, 2);
    assert_false(b.loop.spinning);
    source_finish(&src);
    host_loop_finish(&b.loop);
}

/* Others are at work for us: they get this core, and wake us when they are done. */
static void test_no_spinning_while_others_work(void **state)
{
    struct spin s = { .now = 1, .step = 1000, .work_at = UINT64_MAX };
    struct host_poller poller = { spin_poll, spin_rest, &s };
    struct source src;
    struct bench b;

    bench_init(&b);
    source_init(&src, &b.loop);
    b.loop.clock.now = spin_now;
    b.loop.clock.opaque = &s;
    host_loop_set_poller(&b.loop, &poller);
    host_loop_woken(&b.loop, true);
    assert_true(host_loop_woken(&b.loop, true));
    b.loop.others = 1;
    source_send(&src);
    host_loop_turn(&b.loop, true);
    assert_int_equal(src.calls, 1);
    assert_int_equal(s.polls, 0);
    assert_int_equal(s.rests, 1);
    assert_false(b.loop.spinning);
    assert_false(host_loop_woken(&b.loop, true));
    b.loop.others = 0;
    assert_true(host_loop_woken(&b.loop, true)); /* and nothing is held against it */
    source_finish(&src);
    host_loop_finish(&b.loop);
}

static void test_it_ends_rather_than_spins(void **state)
{
    struct bench b;

    bench_init(&b);
    close(b.loop.epoll_fd);
    b.loop.epoll_fd = -1;
    host_loop_run(&b.loop);
    assert_int_equal(b.loop.turns, 1);
    host_loop_finish(&b.loop);
}

UNIT_MAIN(cmocka_unit_test(test_watches), cmocka_unit_test(test_watch_removed_by_a_handler),
          cmocka_unit_test(test_hang_up_is_always_told), cmocka_unit_test(test_timers),
          cmocka_unit_test(test_timers_move), cmocka_unit_test(test_posts_of_threads),
          cmocka_unit_test(test_posts), cmocka_unit_test(test_hooks),
          cmocka_unit_test(test_spinning), cmocka_unit_test(test_no_spinning_while_others_work),
          cmocka_unit_test(test_it_ends_rather_than_spins))
