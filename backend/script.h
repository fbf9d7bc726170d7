/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network scripts as QEMU runs them: SCRIPT IFNAME [BRIDGE]. */
#ifndef BACKEND_SCRIPT_H
#define BACKEND_SCRIPT_H

#include "dm/error.h"

#include <stdbool.h>

/*
 * Runs the script and waits until it ends, at most SCRIPT_SECONDS. bridge may be NULL.
 * Returns 0, or -errno with err set: it cannot be run, ended with a status but 0, was
 * killed, or did not end in time (then it is killed).
 */
#define SCRIPT_SECONDS 60
int script_run_up(const char *script, const char *ifname, const char *bridge, struct dm_error *err);

/*
 * Runs it at the end of an interface; failure is logged. detached: does not wait; keep_fd
 * stays open in the script, so that the interface lasts as long as it runs.
 */
void script_run_down(const char *script, const char *ifname, const char *bridge, int keep_fd,
                     bool detached);

#endif
