/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When to look for the next request by spinning, and when to sleep. Only the decision: no
 * clock, no I/O. A guest's driver sends requests in bursts; sleeping between two of them
 * costs more than serving them. But spinning must cost nothing where it cannot help: with
 * no burst, and where the guest has no core of its own to go on with meanwhile.
 *
 * So it is tried only after a short gap between two requests, and it has an account. What is
 * found earns a little; an attempt that finds nothing costs the time it took, more if others
 * wanted the core, and ever more each time that it was the guest. No attempt is made in debt, and
 * debt is paid back by time passing. So attempts in vain take no more than what was earned, and 1
 * part in HOST_SPIN_SHARE of the time.
 */
#ifndef HOST_SPIN_H
#define HOST_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/* All in ns. */
#define HOST_SPIN_NS         50000  /* how long one attempt looks */
#define HOST_SPIN_SHORT_NS   100000 /* a gap that belongs to a burst, waking up included */
#define HOST_SPIN_HELD_UP_NS 20000  /* between two looks: somebody else had this core */
#define HOST_SPIN_AFTER_NS                                                                        \
    20000                         /* what comes so soon after a failed attempt waited for its end \
                                   */
#define HOST_SPIN_GAIN_NS  3000   /* earned by a request that was found: the guest goes on sooner */
#define HOST_SPIN_BUSY_NS  200000 /* the price of an attempt that was held up: no core to spare? */
#define HOST_SPIN_HARMS    6      /* keeping the guest from running costs 2^n times HOST_SPIN_NS */
#define HOST_SPIN_FORGET   1000   /* successes that make one of them forgotten */
#define HOST_SPIN_SAVED_NS 300000 /* the account's most: a few failures */
#define HOST_SPIN_DEBT_NS  4000000 /* and its least: half a second */
#define HOST_SPIN_SHARE    128
#define HOST_SPIN_WORTH    4 /* looking so many times the gain for a request is in vain */

/* Zero-initialised is ready for use. */
struct host_spin {
    uint64_t last;   /* when the last request was found */
    uint64_t failed; /* when an attempt looked to its end in vain, 0: not since the last request */
    uint64_t paid;   /* until when debt is paid back */
    int64_t account;
    unsigned harms; /* times that the guest was kept from running, up to HOST_SPIN_HARMS */
    unsigned found; /* successes since that changed */
};

/* A request was found at now, after sleeping. Returns whether to spin for the next one. */
bool host_spin_woken(struct host_spin *spin, uint64_t now);

/* A request was found at now, by spinning since start. Returns whether to go on spinning. */
bool host_spin_found(struct host_spin *spin, uint64_t start, uint64_t now);

/* Nothing was found since start: it is given up at now. held_up: somebody else had this core. */
void host_spin_failed(struct host_spin *spin, uint64_t start, uint64_t now, bool held_up);

#endif
