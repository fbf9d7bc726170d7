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

struct dm_timer {
    struct dm_clock *clock;
    void (*fn)(void *opaque);
    void *opaque;
    uint64_t at; /* ns, DM_NEVER while not armed */
    struct dm_timer *next;
};

struct dm_clock {
    uint64_t (*now)(void *opaque);  /* monotonic, ns */
    uint64_t (*wall)(void *opaque); /* since 1970-01-01 UTC, ns */
    void *opaque;
    struct dm_timer *first; /* armed timers, soonest first */
    /* A guest's clock, which can stand still. */
    struct dm_clock *parent; /* NULL: this is the host's */
    uint64_t behind;         /* ns that it stood still */
    uint64_t stopped_at;     /* its time while it stands, else DM_NEVER */
    struct dm_timer wake;    /* the parent's: the first timer of ours is due */
};

/*
 * A guest's clock: that of the host (parent), but it can be stopped. parent must live as
 * long; who runs the parent's timers runs these.
 */
void dm_clock_init_guest(struct dm_clock *clock, struct dm_clock *parent);

/* Stops a guest's clock and its timers, or lets it go on where it stood. */
void dm_clock_stop(struct dm_clock *clock, bool stop);

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
