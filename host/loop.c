/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/loop.h"

#include "dm/log.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LOOP_LOOK_NS 100000 /* the longest that spinning keeps a file descriptor waiting */

static uint64_t loop_clock_read(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * DM_NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static uint64_t loop_now(void *opaque)
{
    (void)opaque;
    return loop_clock_read(CLOCK_MONOTONIC);
}

static uint64_t loop_wall(void *opaque)
{
    (void)opaque;
    return loop_clock_read(CLOCK_REALTIME);
}

static struct host_post *loop_post_take(struct host_loop *loop)
{
    struct host_post *p;

    pthread_mutex_lock(&loop->lock);
    p = loop->posts;
    if (p) {
        loop->posts = p->next;
        if (!loop->posts)
            loop->posts_tail = &loop->posts;
        p->queued = false;
    }
    pthread_mutex_unlock(&loop->lock);
    return p;
}

static void loop_posts_run(void *opaque, uint32_t events)
{
    struct host_loop *loop = opaque;
    struct host_post *p;
    unsigned count = 0;
    uint64_t ignored;
    bool more;

    (void)events;
    if (read(loop->post_fd, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN)
        return;
    pthread_mutex_lock(&loop->lock);
    for (p = loop->posts; p; p = p->next)
        count++;
    pthread_mutex_unlock(&loop->lock);
    /* What a callback posts waits for the next turn: others get theirs too. */
    for (; count && (p = loop_post_take(loop)); count--)
        p->fn(p->opaque);
    pthread_mutex_lock(&loop->lock);
    more = loop->posts;
    pthread_mutex_unlock(&loop->lock);
    if (more)
        (void)!write(loop->post_fd, &(uint64_t) { 1 }, 8);
}

static void loop_timer_ready(void *opaque, uint32_t events)
{
    struct host_loop *loop = opaque;
    uint64_t ignored;

    (void)events;
    if (read(loop->timer_fd, &ignored, sizeof(ignored)) == sizeof(ignored))
        loop->timer_at = DM_NEVER;
}

int host_loop_init(struct host_loop *loop, struct dm_error *err)
{
    int rc;

    *loop = (struct host_loop) { .clock = { .now = loop_now, .wall = loop_wall },
                                 .post_fd = -1,
                                 .timer_fd = -1,
                                 .timer_at = DM_NEVER };
    loop->posts_tail = &loop->posts;
    pthread_mutex_init(&loop->lock, NULL);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0)
        return dm_error_set(err, errno, "event loop: epoll_create1: %s", strerror(errno));
    loop->post_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->post_fd < 0)
        return dm_error_set(err, errno, "event loop: eventfd: %s", strerror(errno));
    loop->post_watch = (struct host_watch) {
        .fd = loop->post_fd, .events = EPOLLIN, .ready = loop_posts_run, .opaque = loop
    };
    rc = host_loop_add(loop, &loop->post_watch);
    if (rc)
        return dm_error_set(err, -rc, "event loop: %s", strerror(-rc));
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop->timer_fd < 0)
        return dm_error_set(err, errno, "event loop: timerfd: %s", strerror(errno));
    loop->timer_watch = (struct host_watch) {
        .fd = loop->timer_fd, .events = EPOLLIN, .ready = loop_timer_ready, .opaque = loop
    };
    rc = host_loop_add(loop, &loop->timer_watch);
    if (rc)
        return dm_error_set(err, -rc, "event loop: %s", strerror(-rc));
    return 0;
}

void host_loop_finish(struct host_loop *loop)
{
    if (loop->timer_fd >= 0)
        close(loop->timer_fd);
    if (loop->post_fd >= 0)
        close(loop->post_fd);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    pthread_mutex_destroy(&loop->lock);
}

int host_loop_add(struct host_loop *loop, struct host_watch *watch)
{
    struct epoll_event ev = { .events = watch->events, .data.ptr = watch };

    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &ev))
        return -errno;
    watch->added = true;
    return 0;
}

void host_loop_modify(struct host_loop *loop, struct host_watch *watch, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = watch };

    if (!watch->added || watch->events == events)
        return;
    watch->events = events;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &ev);
}

void host_loop_remove(struct host_loop *loop, struct host_watch *watch)
{
    if (!watch->added)
        return;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->added = false;
    for (int i = 0; i < loop->pending_count; i++)
        if (loop->pending[i] == watch)
            loop->pending[i] = NULL;
}

void host_loop_post(struct host_loop *loop, struct host_post *post)
{
    bool wake = false;

    pthread_mutex_lock(&loop->lock);
    if (!post->queued) {
        wake = !loop->posts;
        post->queued = true;
        post->next = NULL;
        *loop->posts_tail = post;
        loop->posts_tail = &post->next;
    }
    pthread_mutex_unlock(&loop->lock);
    if (wake)
        (void)!write(loop->post_fd, &(uint64_t) { 1 }, 8);
}

void host_loop_unpost(struct host_loop *loop, struct host_post *post)
{
    struct host_post **p;

    pthread_mutex_lock(&loop->lock);
    for (p = &loop->posts; *p; p = &(*p)->next) {
        if (*p == post) {
            *p = post->next;
            post->queued = false;
            break;
        }
    }
    for (loop->posts_tail = &loop->posts; *loop->posts_tail;)
        loop->posts_tail = &(*loop->posts_tail)->next;
    pthread_mutex_unlock(&loop->lock);
}

void host_loop_add_hook(struct host_loop *loop, struct host_hook *hook)
{
    hook->next = loop->hooks;
    loop->hooks = hook;
}

void host_loop_remove_hook(struct host_loop *loop, struct host_hook *hook)
{
    struct host_hook **p = &loop->hooks;

    while (*p && *p != hook)
        p = &(*p)->next;
    if (*p)
        *p = hook->next;
}

void host_loop_set_poller(struct host_loop *loop, const struct host_poller *poller)
{
    loop->poller = poller;
    loop->spinning = false;
}

bool host_loop_woken(struct host_loop *loop, bool work)
{
    uint64_t now;

    if (!loop->poller || loop->spinning || loop->others || !work)
        return loop->spinning;
    now = loop->clock.now(loop->clock.opaque);
    loop->spinning = host_spin_woken(&loop->spin, now);
    loop->looked = now;
    return loop->spinning;
}

static void loop_rest(struct host_loop *loop)
{
    loop->spinning = false;
    loop->poller->rest(loop->poller->opaque);
}

void host_loop_hurry(struct host_loop *loop)
{
    loop->hurry = true;
}

/* While it spins, requests are seen by the poller only. */
static void loop_poll_once(struct host_loop *loop)
{
    uint64_t now;

    if (!loop->poller->poll(loop->poller->opaque))
        return;
    now = loop->clock.now(loop->clock.opaque);
    if (!host_spin_found(&loop->spin, now, now))
        loop_rest(loop);
}

/* Spins until there is work or it is not worth it any more. Returns whether to look at the fds. */
static bool loop_spin(struct host_loop *loop)
{
    uint64_t start = loop->clock.now(loop->clock.opaque), now = start, before;

    while (!loop->poller->poll(loop->poller->opaque)) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
        before = now;
        now = loop->clock.now(loop->clock.opaque);
        if (now - before < HOST_SPIN_HELD_UP_NS && now - start < HOST_SPIN_NS)
            continue;
        host_spin_failed(&loop->spin, start, now, now - before >= HOST_SPIN_HELD_UP_NS);
        loop_rest(loop);
        return true;
    }
    if (!host_spin_found(&loop->spin, start, now)) {
        loop_rest(loop);
        return false;
    }
    if (now - loop->looked < LOOP_LOOK_NS)
        return false;
    loop->looked = now;
    return true;
}

/*
 * How long to wait for file descriptors, in epoll_wait's way: not at all, or for ever, since
 * the timers have one too. It is set only to earlier times: one that is cancelled or put off
 * may wake us for nothing, once. A device's timer that is put off again and again, or far
 * away while the guest sends requests, costs nothing that way.
 */
static int loop_timeout(struct host_loop *loop, bool wait)
{
    uint64_t at = dm_clock_deadline(&loop->clock);
    struct itimerspec its = { 0 };

    if (!wait || at >= loop->timer_at)
        return wait ? -1 : 0;
    if (at <= dm_clock_now(&loop->clock))
        return 0;
    its.it_value.tv_sec = (time_t)(at / DM_NS_PER_SEC);
    its.it_value.tv_nsec = (long)(at % DM_NS_PER_SEC);
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &its, NULL))
        return 1; /* cannot be; then often */
    loop->timer_at = at;
    return -1;
}

static void loop_dispatch(struct host_loop *loop, const struct epoll_event *ev, int n)
{
    loop->pending_count = n;
    for (int i = 0; i < n; i++)
        loop->pending[i] = ev[i].data.ptr;
    for (int i = 0; i < n; i++) {
        struct host_watch *w = loop->pending[i];
        uint32_t events;

        if (!w)
            continue;
        /* A handler before it in this turn may have changed what it waits for. */
        events = ev[i].events & (w->events | EPOLLERR | EPOLLHUP);
        if (events)
            w->ready(w->opaque, events);
    }
    loop->pending_count = 0;
}

void host_loop_turn(struct host_loop *loop, bool wait)
{
    struct epoll_event ev[HOST_LOOP_BATCH];
    struct host_hook *h, *next;
    int n;

    assert(!loop->pending_count); /* no turn within a turn */
    for (h = loop->hooks; h; h = next) {
        next = h->next; /* it may remove itself */
        h->fn(h->opaque);
    }
    if (loop->spinning && loop->others)
        loop_rest(loop);
    n = 0;
    if (loop->spinning && loop->hurry)
        loop_poll_once(loop);
    if (!loop->spinning || !wait || loop->hurry || loop_spin(loop))
        n = epoll_wait(loop->epoll_fd, ev, HOST_LOOP_BATCH,
                       loop_timeout(loop, wait && !loop->spinning));
    loop->hurry = false;
    loop->turns++;
    if (n > 0) {
        loop_dispatch(loop, ev, n);
    } else if (n < 0 && errno != EINTR) { /* signals come by signalfd, a debugger may stop us */
        dm_log(DM_LOG_ERROR, "loop", "epoll_wait: %s; ending", strerror(errno));
        loop->failed = true;
        loop->quit = true;
    }
    if (loop->clock.first)
        dm_clock_run(&loop->clock);
}

void host_loop_run(struct host_loop *loop)
{
    while (!loop->quit)
        host_loop_turn(loop, true);
}

void host_loop_quit(struct host_loop *loop)
{
    loop->quit = true;
}
