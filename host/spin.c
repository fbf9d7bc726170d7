/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/spin.h"

static void spin_book(struct host_spin *spin, int64_t amount)
{
    spin->account += amount;
    if (spin->account > HOST_SPIN_SAVED_NS)
        spin->account = HOST_SPIN_SAVED_NS;
    if (spin->account < -HOST_SPIN_DEBT_NS)
        spin->account = -HOST_SPIN_DEBT_NS;
}

/* Only debt: nothing is earned by waiting. */
static void spin_pay(struct host_spin *spin, uint64_t now)
{
    uint64_t part = (now - spin->paid) / HOST_SPIN_SHARE;

    spin->paid = now;
    if (spin->account >= 0)
        return;
    spin->account = part < (uint64_t)-spin->account ? spin->account + (int64_t)part : 0;
}

bool host_spin_woken(struct host_spin *spin, uint64_t now)
{
    bool is_short = spin->last && now - spin->last < HOST_SPIN_SHORT_NS;

    spin->last = now;
    spin_pay(spin, now);
    /* It came as soon as we slept: we had the core that the guest wanted. */
    if (spin->failed && now - spin->failed < HOST_SPIN_AFTER_NS) {
        spin_book(spin, -((int64_t)HOST_SPIN_NS << spin->harms));
        if (spin->harms < HOST_SPIN_HARMS)
            spin->harms++;
        spin->found = 0;
    }
    spin->failed = 0;
    return is_short && spin->account >= 0;
}

bool host_spin_found(struct host_spin *spin, uint64_t start, uint64_t now)
{
    spin->last = now;
    if (spin->harms && ++spin->found == HOST_SPIN_FORGET) {
        spin->harms--;
        spin->found = 0;
    }
    spin_book(spin, HOST_SPIN_GAIN_NS - (int64_t)((now - start) / HOST_SPIN_WORTH));
    return spin->account >= 0;
}

void host_spin_failed(struct host_spin *spin, uint64_t start, uint64_t now, bool held_up)
{
    /* What came while we were held up did not wait for us. */
    spin->failed = held_up ? 0 : now;
    spin_book(spin, held_up ? -HOST_SPIN_BUSY_NS : -(int64_t)(now - start));
}
