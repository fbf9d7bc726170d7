/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "firmware/classes.h"

#include <stddef.h>

const struct dm_class *const firmware_classes[] = {
    &cmos_class,
    &debugcon_class,
    NULL,
};
