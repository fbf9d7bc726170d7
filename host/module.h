/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of xendm that are loaded when they are asked for. */
#ifndef HOST_MODULE_H
#define HOST_MODULE_H

#include "dm/error.h"

/*
 * Opens NAME.so of $XENDM_MODULE_DIR, else from beside the program (as built: its folder
 * ui/), else from where it is installed. Returns a file descriptor, or -errno with one line in err.
 */
int host_module_find(const char *name, struct dm_error *err);

/*
 * Loads what host_module_find opened, at any later time: it is that file, also when another
 * version was installed meanwhile. Returns the address of symbol; it stays loaded. NULL with one
 * line in err. Any thread; it may take long.
 */
void *host_module_load(int fd, const char *name, const char *symbol, struct dm_error *err);

#endif
