/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop: file descriptors, timers, calls posted by other threads. One
 * per process; everything a guest can see happens on its thread.
 */
#ifndef HOST_LOOP_H
#define HOST_LOOP_H

#include "dm/clock.h"
#include "dm/error.h"
#include "host/spin.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A file descriptor to watch. events and ready's argument are EPOLLIN, EPOLLOUT ... */
struct host_watch {
    int fd;
    uint32_t events;
    void (*ready)(void *opaque, uint32_t events);
    void *opaque;
    bool added;
};

/* A call to be made on the loop's thread. Owned by the poster until fn runs. */
struct host_post {
    void (*fn)(void *opaque);
    void *opaque;
    struct host_post *next;
    bool queued;
};

/* Called before the loop sleeps, to send what was gathered in this turn. */
struct host_hook {
    void (*fn)(void *opaque);
    void *opaque;
    struct host_hook *next;
};

/*
 * Work that can be seen in memory, before and without a file descriptor becoming ready.
 * poll does what there is and tells if there was any. rest is called before the loop
 * sleeps again: from there on a file descriptor has to tell of new work.
 */
struct host_poller {
    bool (*poll)(void *opaque);
    void (*rest)(void *opaque);
    void *opaque;
};

#define HOST_LOOP_BATCH 32

struct host_aio;
struct host_batch;

struct host_loop {
    struct dm_clock clock;
    int epoll_fd, post_fd;
    struct host_watch post_watch;
    int timer_fd;
    struct host_watch timer_watch;
    uint64_t timer_at; /* ns: what timer_fd is set to; DM_NEVER: nothing */
    struct host_hook *hooks;
    const struct host_poller *poller;
    struct host_spin spin;
    bool spinning;
    /*
     * Things under way that others do for us, and file descriptors tell of. The guest most
     * likely waits for them, and they may need this core: no spinning meanwhile.
     */
    unsigned others;
    uint64_t looked;      /* ns: when the file descriptors were looked at, while spinning */
    bool hurry;           /* they are to be looked at before it spins again */
    pthread_mutex_t lock; /* posts */
    struct host_post *posts, **posts_tail;
    struct host_aio *aio;     /* host/aio's; NULL while no file is open */
    struct host_batch *batch; /* host/batch's, likewise */
    bool quit;
    bool failed; /* it ended because it could not go on */
    /* Events of this turn, so that a watch removed meanwhile is not called. */
    struct host_watch *pending[HOST_LOOP_BATCH];
    int pending_count;
    uint64_t turns; /* times it woke: what the idle tests look at */
};

int host_loop_init(struct host_loop *loop, struct dm_error *err);
void host_loop_finish(struct host_loop *loop);

/* add returns 0 or -errno. modify changes the events. remove: one not added is fine. */
int host_loop_add(struct host_loop *loop, struct host_watch *watch);
void host_loop_modify(struct host_loop *loop, struct host_watch *watch, uint32_t events);
void host_loop_remove(struct host_loop *loop, struct host_watch *watch);

/* Runs post->fn on the loop's thread. Any thread. One that is queued already stays queued once. */
void host_loop_post(struct host_loop *loop, struct host_post *post);

/* Takes back a post that has not run. Loop thread, poster stopped. */
void host_loop_unpost(struct host_loop *loop, struct host_post *post);

void host_loop_add_hook(struct host_loop *loop, struct host_hook *hook);
void host_loop_remove_hook(struct host_loop *loop, struct host_hook *hook);

/* The loop's only poller; NULL: none any more. */
void host_loop_set_poller(struct host_loop *loop, const struct host_poller *poller);

/*
 * The poller's file descriptor is ready; work: and there is some. Returns whether the loop
 * spins from now on, until it calls rest; if not, the file descriptor has to tell of the next work.
 */
bool host_loop_woken(struct host_loop *loop, bool work);

/*
 * There is more to be had from a file descriptor now: the next turn serves the poller and looks
 * at the file descriptors, instead of spinning first.
 */
void host_loop_hurry(struct host_loop *loop);

/* One turn: hooks, wait (at most until the next timer, not at all if !wait), handlers, timers. */
void host_loop_turn(struct host_loop *loop, bool wait);

/* Turns until host_loop_quit. */
void host_loop_run(struct host_loop *loop);
void host_loop_quit(struct host_loop *loop);

#endif
