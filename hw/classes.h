/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every device model we have. A new one: one declaration here, one row in classes.c. */
#ifndef HW_CLASSES_H
#define HW_CLASSES_H

#include "dm/device.h"

extern const struct dm_class *const hw_classes[]; /* NULL behind the last */

extern const struct dm_class i8042_class;
extern const struct dm_class uart16550_class;
extern const struct dm_class i440fx_class, piix3_class, piix4_pm_class, xen_platform_class;
extern const struct dm_class vga_class;
extern const struct dm_class piix3_ide_class, piix4_ide_class, ide_hd_class, ide_cd_class;
extern const struct dm_class rtl8139_class;
extern const struct dm_class e1000_class;

#endif
