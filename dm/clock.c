/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/clock.h"

#include <stddef.h>

uint64_t dm_clock_now(struct dm_clock *clock)
{
    if (!clock->parent)
        return clock->now(clock->opaque);
    return clock->stopped_at != DM_NEVER ? clock->stopped_at
                                         : dm_clock_now(clock->parent) - clock->behind;
}

uint64_t dm_clock_wall(struct dm_clock *clock)
{
    return clock->parent ? dm_clock_wall(clock->parent) : clock->wall(clock->opaque);
}

/* The parent's timer follows the first of ours. */
static void clock_update_wake(struct dm_clock *c)
{
    uint64_t at = DM_NEVER;

    if (!c->parent)
        return;
    if (c->first && c->stopped_at == DM_NEVER && c->first->at < DM_NEVER - c->behind)
        at = c->first->at + c->behind;
    if (c->wake.at != at)
        dm_timer_arm(&c->wake, at);
}

static void clock_woken(void *opaque)
{
    struct dm_clock *c = opaque;

    dm_clock_run(c);
    clock_update_wake(c);
}

void dm_clock_init_guest(struct dm_clock *clock, struct dm_clock *parent)
{
    *clock = (struct dm_clock) { .parent = parent, .stopped_at = DM_NEVER };
    dm_timer_init(&clock->wake, parent, clock_woken, clock);
}

void dm_clock_stop(struct dm_clock *clock, bool stop)
{
    if (stop == (clock->stopped_at != DM_NEVER))
        return;
    if (stop) {
        clock->stopped_at = dm_clock_now(clock);
    } else {
        clock->behind = dm_clock_now(clock->parent) - clock->stopped_at;
        clock->stopped_at = DM_NEVER;
    }
    clock_update_wake(clock);
}

uint64_t dm_clock_deadline(const struct dm_clock *clock)
{
    return clock->first ? clock->first->at : DM_NEVER;
}

void dm_clock_run(struct dm_clock *clock)
{
    uint64_t now = dm_clock_now(clock);
    unsigned due = 0;

    /* Counted first: a timer that arms itself again in the past must not hold us here. */
    for (struct dm_timer *t = clock->first; t && t->at <= now; t = t->next)
        due++;
    for (; due && clock->first && clock->first->at <= now; due--) {
        struct dm_timer *t = clock->first;

        dm_timer_cancel(t);
        t->fn(t->opaque);
    }
}

void dm_timer_init(struct dm_timer *timer, struct dm_clock *clock, void (*fn)(void *opaque),
                   void *opaque)
{
    *timer = (struct dm_timer) { .clock = clock, .fn = fn, .opaque = opaque, .at = DM_NEVER };
}

bool dm_timer_armed(const struct dm_timer *timer)
{
    return timer->clock && timer->at != DM_NEVER;
}

static void timer_remove(struct dm_timer *timer)
{
    struct dm_timer **p;

    for (p = &timer->clock->first; *p != timer; p = &(*p)->next)
        ;
    *p = timer->next;
    timer->next = NULL;
    timer->at = DM_NEVER;
}

void dm_timer_cancel(struct dm_timer *timer)
{
    if (!dm_timer_armed(timer))
        return;
    timer_remove(timer);
    clock_update_wake(timer->clock);
}

void dm_timer_arm(struct dm_timer *timer, uint64_t at)
{
    struct dm_timer **p;

    if (dm_timer_armed(timer))
        timer_remove(timer);
    if (at != DM_NEVER) {
        timer->at = at;
        for (p = &timer->clock->first; *p && (*p)->at <= at; p = &(*p)->next)
            ;
        timer->next = *p;
        *p = timer;
    }
    clock_update_wake(timer->clock);
}
