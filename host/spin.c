/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/spin.h"

#define SPIN_HELD_UP_FAILURES 4    /* as bad as so many plain failures */
#define SPIN_FORGET           1000 /* successes that make up for one harm */

bool host_spin_woken(struct host_spin *spin, uint64_t now)
{
    bool is_short = spin->last && now - spin->last < HOST_SPIN_SHORT_NS;

    spin->last = now;
    /* It came as soon as we slept: we had the core that the guest wanted. */
    if (spin->failed && now - spin->failed < HOST_SPIN_HARM_NS) {
        if (spin->harm < HOST_SPIN_BACKOFF)
            spin->harm++;
        spin->found = 0;
        spin->pass = 1u << spin->harm;
    }
    spin->failed = 0;
    if (!is_short)
        return false;
    if (!spin->pass)
        return true;
    spin->pass--;
    return false;
}

void host_spin_found(struct host_spin *spin, uint64_t now)
{
    spin->last = now;
    spin->failures = 0;
    if (spin->harm && ++spin->found == SPIN_FORGET) {
        spin->harm--;
        spin->found = 0;
    }
}

void host_spin_failed(struct host_spin *spin, uint64_t now, bool held_up)
{
    spin->failed = now;
    spin->failures += held_up ? SPIN_HELD_UP_FAILURES : 1;
    if (spin->failures > HOST_SPIN_BACKOFF)
        spin->failures = HOST_SPIN_BACKOFF;
    /* One failure ends every burst: that costs the next burst nothing. */
    spin->pass = (1u << spin->failures) - 2;
}
