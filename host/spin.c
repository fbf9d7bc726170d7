/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/spin.h"

#define SPIN_HELD_UP_FAILURES 4 /* as bad as so many plain failures */

bool host_spin_woken(struct host_spin *spin, uint64_t now)
{
    bool is_short = spin->last && now - spin->last < HOST_SPIN_SHORT_NS;

    spin->last = now;
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
}

void host_spin_failed(struct host_spin *spin, bool held_up)
{
    spin->failures += held_up ? SPIN_HELD_UP_FAILURES : 1;
    if (spin->failures > HOST_SPIN_BACKOFF)
        spin->failures = HOST_SPIN_BACKOFF;
    /* One failure ends every burst: that costs the next burst nothing. */
    spin->pass = (1u << spin->failures) - 2;
}
