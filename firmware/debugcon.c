/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug ports: bytes written to 402 (SeaBIOS, OVMF) or E9 (the Bochs convention) go to a
 * chardev if one is given, else line by line to the log at trace level. Both read E9,
 * by which firmware sees that somebody listens.
 *
 * SeaBIOS: docs/Debugging.md. Xen takes writes to E9 itself (they are in its console), so of
 * that port only reads come here.
 */
#include "dm/device.h"
#include "dm/machine.h"
#include "firmware/classes.h"

#define DEBUGCON_SIGN        0xe9

/* SeaBIOS prints some hundred lines a boot, so the bound of the log is wider than usual. */
#define DEBUGCON_LINES_BURST 500 /* a minute */
#define DEBUGCON_LINES_TOTAL 4000

static const uint16_t debugcon_ports[] = { 0xe9, 0x402 };
#define DEBUGCON_PORTS 2

struct debugcon {
    struct dm_device dev;

    struct dm_chardev *chardev;
    struct dm_region region[DEBUGCON_PORTS];
    struct dm_log_text text;
};

static uint64_t debugcon_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque, (void)off, (void)size;
    return DEBUGCON_SIGN;
}

static void debugcon_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct debugcon *s = opaque;
    uint8_t byte = (uint8_t)val;

    (void)off, (void)size;
    if (s->chardev)
        dm_chardev_write(s->chardev, &byte, 1); /* one that is full loses the byte */
    else
        dm_log_text_put(&s->text, DM_LOG_TRACE, s->dev.id, dm_clock_now(s->dev.machine->clock),
                        byte);
}

static const struct dm_region_ops debugcon_ops = {
    .read = debugcon_read,
    .write = debugcon_write,
    .max = 1,
};

static void debugcon_unrealize(struct dm_device *dev)
{
    struct debugcon *s = (struct debugcon *)dev;

    for (unsigned i = 0; i < DEBUGCON_PORTS; i++)
        dm_space_remove(&s->region[i]);
}

static int debugcon_realize(struct dm_device *dev, struct dm_error *err)
{
    struct debugcon *s = (struct debugcon *)dev;

    s->text.burst = DEBUGCON_LINES_BURST;
    s->text.total = DEBUGCON_LINES_TOTAL;
    for (unsigned i = 0; i < DEBUGCON_PORTS; i++) {
        int rc;

        s->region[i] =
            (struct dm_region) { .name = "debugcon", .ops = &debugcon_ops, .opaque = s, .size = 1 };
        rc = dm_space_add(&dev->machine->io, &s->region[i], debugcon_ports[i]);
        if (rc) {
            debugcon_unrealize(dev);
            return dm_error_set(err, -rc, "device '%s': port %x is taken", dev->id,
                                debugcon_ports[i]);
        }
    }
    return 0;
}

/* Nothing here that a guest could see: no fields. */
static void debugcon_reset(struct dm_device *dev)
{
    ((struct debugcon *)dev)->text.len = 0;
}

static const struct dm_prop debugcon_props[] = {
    DM_PROP(struct debugcon, chardev, DM_PROP_CHARDEV, "chardev"),
    DM_PROPS_END,
};

const struct dm_class debugcon_class = {
    .name = "debugcon",
    .size = sizeof(struct debugcon),
    .version = 1,
    .props = debugcon_props,
    .realize = debugcon_realize,
    .unrealize = debugcon_unrealize,
    .reset = debugcon_reset,
};
