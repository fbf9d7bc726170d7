/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/classes.h"

#include <stddef.h>

const struct dm_class *const hw_classes[] = {
    &i8042_class,     &uart16550_class,
    &i440fx_class,    &piix3_class,
    &piix4_pm_class,  &xen_platform_class,
    &vga_class,       &piix3_ide_class,
    &piix4_ide_class, &ide_hd_class,
    &ide_cd_class,    &rtl8139_class,
    &e1000_class,     NULL,
};
