/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of xendm that are loaded when they are asked for. */
#ifndef HOST_MODULE_H
#define HOST_MODULE_H

#include "dm/error.h"

/*
 * Loads NAME.so from $XENDM_MODULE_DIR, else from beside the program (as built:
 * its folder ui/), else from where it is installed, and returns the address of
 * symbol. It stays loaded. NULL with one line in err when there is none.
 */
void *host_module_load(const char *name, const char *symbol, struct dm_error *err);

#endif
