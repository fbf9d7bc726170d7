/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Firmware images, which packages put on the host (seabios, ipxe-qemu). */
#ifndef HOST_ROM_H
#define HOST_ROM_H

#include "dm/error.h"

#include <stddef.h>
#include <stdint.h>

#define HOST_ROM_MAX (1u << 20) /* bytes */

/*
 * Reads the image called name from $XENDM_FIRMWARE_DIR, else from the folders of Debian's
 * packages; a name that begins with a slash is a path. *data is malloc'ed. Returns 0, or
 * -errno with one line that names the file and where it was looked for.
 * dm_machine's load_rom; opaque is not used.
 */
int host_rom_load(void *opaque, const char *name, uint8_t **data, size_t *size,
                  struct dm_error *err);

#endif
