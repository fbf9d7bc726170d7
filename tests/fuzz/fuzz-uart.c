/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/classes.h"
#include "tests/fuzz/fuzz.h"

static const struct dm_class *const classes[] = { &uart16550_class, NULL };

static void setup(struct fake *f)
{
    fake_chardev_create(f, "serial0");
    fake_chardev_create(f, "serial2");
    fake_device(f, "isa-serial", "chardev=serial0,index=0");
    fake_device(f, "isa-serial", "chardev=serial2,index=2");
}

const struct fuzz_target fuzz_target = {
    .classes = classes,
    .setup = setup,
    .ports = { { 0x3f8, 8 }, { 0x3e8, 8 } },
};
