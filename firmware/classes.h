/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that exist for the guest's firmware. A table of its own since hw/ and
 * firmware/ do not know each other; main joins it with hw_classes.
 */
#ifndef FIRMWARE_CLASSES_H
#define FIRMWARE_CLASSES_H

#include "dm/device.h"

extern const struct dm_class *const firmware_classes[]; /* NULL behind the last */

extern const struct dm_class cmos_class;
extern const struct dm_class debugcon_class;

#endif
