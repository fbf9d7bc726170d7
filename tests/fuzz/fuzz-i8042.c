/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/classes.h"
#include "tests/fuzz/fuzz.h"

static const struct dm_class *const classes[] = { &i8042_class, NULL };

static void setup(struct fake *f)
{
    fake_device(f, "i8042", "");
}

/* Keys, held and let go, and the pointer. */
static void extra(struct fake *f, uint8_t a, uint8_t b)
{
    switch (a >> 6) {
    case 0:
    case 1:
        dm_input_key(&f->machine.input, b, a & 1);
        break;
    case 2:
        for (unsigned i = 0; i <= (a & 0x3fu); i++)
            dm_input_key(&f->machine.input, b + i, a & 1);
        break;
    default:
        dm_input_motion(&f->machine.input, (int8_t)b * (a & 7 ? 1 : 0x1000000), (a & 0x18) - 12,
                        (a >> 5 & 1) * (int8_t)b, b & 31);
        break;
    }
}

const struct fuzz_target fuzz_target = {
    .classes = classes,
    .setup = setup,
    .ports = { { 0x60, 1 }, { 0x64, 1 } },
    .extra = extra,
};
