/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time for devices. Devices ask here and never the host, so tests and fuzzers
 * drive time by hand. Loop thread only.
 */
#ifndef DM_CLOCK_H
#define DM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define DM_NS_PER_US  1000ull
#define DM_NS_PER_MS  1000000ull
#define DM_NS_PER_SEC 1000000000ull
#define DM_NEVER      UINT64_MAX

struct dm_timer;

struct dm_clock {
    uint64_t (*now)(void *opaque);  /* monotonic, ns */
    uint64_t (*wall)(void *opaque); /* since 1970-01-01 UTC, ns */
    void *opaque;
    struct dm_timer *first; /* armed timers, soonest first */
};

struct dm_timer {
    struct dm_clock *clock;
    void (*fn)(void *opaque);
    void *opaque;
    uint64_t at; /* ns, DM_NEVER while not armed */
    struct dm_timer *next;
};

/* Monotonic time in ns. */
uint64_t dm_clock_now(struct dm_clock *clock);

/* Wall-clock time in ns since 1970-01-01 UTC. */
uint64_t dm_clock_wall(struct dm_clock *clock);

/* Soonest deadline of an armed timer in ns, DM_NEVER if none is armed. */
uint64_t dm_clock_deadline(const struct dm_clock *clock);

/*
 * Runs at most as many callbacks as timers were due on entry: a timer that arms
 * itself in the past cannot keep the loop here.
 */
void dm_clock_run(struct dm_clock *clock);

void dm_timer_init(struct dm_timer *timer, struct dm_clock *clock, void (*fn)(void *opaque),
                   void *opaque);

/* Arms, or moves, the timer to the absolute time at (ns). DM_NEVER cancels. */
void dm_timer_arm(struct dm_timer *timer, uint64_t at);
void dm_timer_cancel(struct dm_timer *timer); /* a zeroed timer is fine */
bool dm_timer_armed(const struct dm_timer *timer);

#endif
