/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network cards' option ROMs, with which a BIOS boots from the network. */
#ifndef HW_NET_ROM_H
#define HW_NET_ROM_H

#include "dm/pci.h"

/*
 * Gives the card its ROM: romfile, where that is NULL usual; none for an empty name or
 * rombar=0. *rom is to be freed when the device goes. A ROM asked for by romfile= must be
 * there; the usual one only if the machine's boot order has network in it, else a line in
 * the log says that it is missing (QEMU ends in either case). Call from realize. Returns 0 or
 * -errno.
 */
int net_rom_init(struct dm_pci_device *pci, const char *romfile, const char *rombar,
                 const char *usual, uint8_t **rom, struct dm_error *err);

#endif
