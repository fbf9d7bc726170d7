/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/clock.h"

#include <stddef.h>

uint64_t dm_clock_now(struct dm_clock *clock)
{
    return clock->now(clock->opaque);
}

uint64_t dm_clock_wall(struct dm_clock *clock)
{
    return clock->wall(clock->opaque);
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

void dm_timer_cancel(struct dm_timer *timer)
{
    struct dm_timer **p;

    if (!dm_timer_armed(timer))
        return;
    for (p = &timer->clock->first; *p != timer; p = &(*p)->next)
        ;
    *p = timer->next;
    timer->next = NULL;
    timer->at = DM_NEVER;
}

void dm_timer_arm(struct dm_timer *timer, uint64_t at)
{
    struct dm_timer **p;

    dm_timer_cancel(timer);
    if (at == DM_NEVER)
        return;
    timer->at = at;
    for (p = &timer->clock->first; *p && (*p)->at <= at; p = &(*p)->next)
        ;
    timer->next = *p;
    *p = timer;
}
