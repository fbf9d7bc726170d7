/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When to look for the next request by spinning, and when to sleep. Only the decision: no
 * clock, no I/O. A guest's driver sends requests in bursts; sleeping between two of them
 * costs more than serving them. But spinning must cost nothing where it cannot help: with
 * no burst, and where the guest has no core of its own to go on with meanwhile.
 *
 * So it is tried only after a short gap between two requests, and a failed attempt makes
 * ever more short gaps pass before the next one, until one succeeds.
 */
#ifndef HOST_SPIN_H
#define HOST_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define HOST_SPIN_NS         50000  /* how long one attempt looks */
#define HOST_SPIN_SHORT_NS   100000 /* a gap that belongs to a burst, waking up included */
#define HOST_SPIN_HELD_UP_NS 20000  /* between two looks: somebody else had this core */
#define HOST_SPIN_HARM_NS    20000 /* what comes so soon after a failed attempt waited for its end */
#define HOST_SPIN_BACKOFF    12    /* at most 2^n short gaps pass before the next attempt */

/* Zero-initialised is ready for use. */
struct host_spin {
    uint64_t last;     /* ns: when the last request was found */
    uint32_t pass;     /* short gaps to let pass */
    unsigned failures; /* attempts in a row that found nothing */
    uint64_t failed;   /* ns: when the last one gave up, 0: none since the last request */
    unsigned harm;     /* attempts that kept the guest from running; forgotten slowly */
    unsigned found;    /* successes since harm changed */
};

/* A request was found at now, after sleeping. Returns whether to spin for the next one. */
bool host_spin_woken(struct host_spin *spin, uint64_t now);

/* A request was found at now, by spinning. */
void host_spin_found(struct host_spin *spin, uint64_t now);

/* Nothing was found until now. held_up: somebody else ran on this core, there is none to spare. */
void host_spin_failed(struct host_spin *spin, uint64_t now, bool held_up);

#endif
