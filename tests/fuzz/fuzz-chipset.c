/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host bridge, ISA bridge, power management, platform device, CMOS, debug ports: one machine. */
#include "tests/fuzz/fuzz.h"

#include "firmware/classes.h"
#include "hw/classes.h"

#define PM       0x0b
#define PLATFORM 0x10

/* Something to unplug. */
static void victim_unplug(struct dm_device *dev, unsigned mask)
{
    if (mask & DM_UNPLUG_NICS)
        dm_device_destroy(dev);
}

static const struct dm_class victim_class = {
    .name = "victim",
    .size = sizeof(struct dm_device),
    .version = 1,
    .unplug = victim_unplug,
};

static const struct dm_class *const classes[] = {
    &i440fx_class, &piix3_class,    &piix4_pm_class, &xen_platform_class,
    &cmos_class,   &debugcon_class, &victim_class,   NULL,
};

static void setup(struct fake *f)
{
    f->machine.max_vcpus = 200;
    dm_log_set_level(DM_LOG_TRACE);
    fake_device(f, "i440fx", "");
    fake_device(f, "piix3", "");
    fake_device(f, "piix4-pm", "");
    fake_device(f, "xen-platform", "");
    fake_device(f, "victim", "");
    fake_device(f, "cmos", "");
    fake_device(f, "debugcon", "");
    fake_config_out(f, PM, 0x40, 4, 0xb001);
    fake_config_out(f, PM, 0x80, 1, 1);
    fake_config_out(f, PLATFORM, 0x10, 4, 0xc100);
    fake_config_out(f, PLATFORM, 0x14, 4, 0xf2000000);
    fake_config_out(f, PLATFORM, 4, 2, 3);
    f->machine.ide_disk[0] = &fake_block_create(f, "hd0", 1 << 20)->block;
}

static void extra(struct fake *f, uint8_t a, uint8_t b)
{
    if (a & 1)
        dm_machine_cpu_plug(&f->machine, b);
    else
        dm_machine_reset(&f->machine);
}

const struct fuzz_target fuzz_target = {
    .classes = classes,
    .setup = setup,
    .ports = {
        { 0xcf8, 8 },
        { 0x10, 16 },
        { 0x70, 2 },
        { 0x92, 0x22 }, /* fast reset, APM */
        { 0xae00, 16 },
        { 0xaf00, 256 }, /* CPUs, GPE0 */
        { 0xb000, 0x48 },
        { 0x402, 1 },
    },
    .mem = { { 0xf2000000, 0x1000 } },
    .extra = extra,
};
