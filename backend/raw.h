/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Raw disk images and block devices. The format is never probed: what the file holds is
 * the disk. What fails while it runs is told to the device, which logs it. Loop thread only.
 */
#ifndef BACKEND_RAW_H
#define BACKEND_RAW_H

#include "dm/error.h"

#include <stdbool.h>

struct dm_machine;
struct host_loop;

/*
 * Opens path as the drive id of machine and registers it; the machine closes it at its
 * end. path NULL: a drive with no medium. Nothing is locked: the same image serves the
 * IDE disk and the PV disk of a guest. Returns 0, or -errno with err set: the id is
 * taken, or path is missing, may not be opened so, is neither a regular file nor a
 * block device, or is empty. Nothing is left behind then.
 */
int raw_open(struct dm_machine *machine, struct host_loop *loop, const char *id, const char *path,
             bool readonly, struct dm_error *err);

#endif
