/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of the VGA: a machine with one, and a viewer that may watch it. */
#ifndef VGA_RIG_H
#define VGA_RIG_H

#include "tests/unit/unit.h"
#include "tests/unit/vga-modes.h"

static struct fake fk;
static struct vga *vga;
static struct fake_viewer viewer;

static int vga_rig_setup(const char *props)
{
    fake_init(&fk, vga_classes);
    vga = fake_device(&fk, "VGA", props);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dm_display_remove_viewer(&fk.machine.display, &viewer.viewer);
    fake_finish(&fk);
    return 0;
}

#endif
