/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the toolstack reads in xenstore: the key
 * /local/domain/<our domid>/device-model/<guest>/state, which libxl waits for
 * when it starts us. Built without Xen there is no xenstore and open says so.
 */
#ifndef CONTROL_XENSTORE_H
#define CONTROL_XENSTORE_H

#include "dm/machine.h"

struct xenstore;

/* Connects. domid is the guest's. Returns 0 or -errno: no xenstored, no Xen. */
int xenstore_open(struct xenstore **xs, uint32_t domid, struct dm_error *err);

/* Writes the state ("running"). Waits for xenstored. Returns 0 or -errno. */
int xenstore_write_state(struct xenstore *xs, const char *state, struct dm_error *err);

/*
 * From now on writes "running" each time the machine enters that state; a
 * failure is logged. The machine must not change state after xenstore_close.
 */
void xenstore_follow(struct xenstore *xs, struct dm_machine *machine);

void xenstore_close(struct xenstore *xs); /* NULL is fine; the key stays */

#endif
