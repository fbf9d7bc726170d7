/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 440FX host bridge, PIIX3's ISA bridge and PIIX4's power management. */
#include "tests/unit/unit.h"

#include "hw/classes.h"

#include <errno.h>

#define HOST_BRIDGE 0x00
#define ISA_BRIDGE  0x08
#define PM          0x0b

static const struct dm_class *const classes[] = { &i440fx_class, &piix3_class, &piix4_pm_class,
                                                  NULL };

static void setup(struct fake *f)
{
    fake_init(f, classes);
    f->machine.vcpus = 3;
    f->machine.max_vcpus = 20;
    fake_device(f, "i440fx", "");
    fake_device(f, "piix3", "");
    fake_device(f, "piix4-pm", "");
}

/* As hvmloader does it. */
static void setup_pm(struct fake *f)
{
    setup(f);
    fake_config_out(f, PM, 0x40, 4, 0xb001);
    fake_config_out(f, PM, 0x80, 1, 1);
}

/* A data access by ports. */
static uint32_t mech1_in(struct fake *f, uint8_t devfn, unsigned off, unsigned size)
{
    fake_out(f, 0xcf8, 4, 0x80000000 | (uint32_t)devfn << 8 | (off & 0xfc));
    return fake_in(f, (uint16_t)(0xcfc + (off & 3)), size);
}

static void mech1_out(struct fake *f, uint8_t devfn, unsigned off, unsigned size, uint32_t val)
{
    fake_out(f, 0xcf8, 4, 0x80000000 | (uint32_t)devfn << 8 | (off & 0xfc));
    fake_out(f, (uint16_t)(0xcfc + (off & 3)), size, val);
}

static void test_identity(void **state)
{
    struct fake f;

    setup(&f);
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 0, 4), 0x12378086);
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 8, 4), 0x06000002);
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 4, 4), 0x02800006);
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 0x72, 1), 0x02);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0, 4), 0x70008086);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 8, 4), 0x06010000);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 4, 4), 0x02000007);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0x0e, 1), 0x80);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0x60, 4), 0x80808080);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0x4c, 4), 0x0003004d);
    assert_int_equal(fake_config_in(&f, PM, 0, 4), 0x71138086);
    assert_int_equal(fake_config_in(&f, PM, 8, 4), 0x06800003);
    assert_int_equal(fake_config_in(&f, PM, 0x40, 4), 1);
    assert_int_equal(fake_config_in(&f, PM, 0x3d, 1), 1);
    fake_finish(&f);
}

static void test_config_ports(void **state)
{
    struct fake f;

    setup(&f);
    assert_int_equal(fake_in(&f, 0xcf8, 4), 0);
    assert_int_equal(fake_in(&f, 0xcfc, 4), 0xffffffff);
    /* What Linux looks for: it reads back, and bits that are not there do not. */
    fake_out(&f, 0xcfb, 1, 1);
    fake_out(&f, 0xcf8, 4, 0x80000000);
    assert_int_equal(fake_in(&f, 0xcf8, 4), 0x80000000);
    fake_out(&f, 0xcf8, 4, 0xffffffff);
    assert_int_equal(fake_in(&f, 0xcf8, 4), 0x80fffffc);
    /* Bytes and words of it are no latch. */
    fake_out(&f, 0xcf8, 2, 0);
    fake_out(&f, 0xcfa, 1, 0);
    assert_int_equal(fake_in(&f, 0xcf8, 4), 0x80fffffc);

    assert_int_equal(mech1_in(&f, ISA_BRIDGE, 0, 4), 0x70008086);
    assert_int_equal(mech1_in(&f, ISA_BRIDGE, 2, 2), 0x7000);
    assert_int_equal(mech1_in(&f, ISA_BRIDGE, 0x63, 1), 0x80);
    assert_int_equal(mech1_in(&f, 0x50, 0, 4), 0xffffffff);
    mech1_out(&f, ISA_BRIDGE, 0x61, 1, 10);
    assert_int_equal(f.link[1], 10);
    mech1_out(&f, 0x50, 4, 4, 0xffffffff);
    /* A word across the end of the window, bus 1, enable off. */
    assert_int_equal(fake_in(&f, 0xcff, 2) >> 8, 0xff);
    fake_out(&f, 0xcf8, 4, 0x80010000);
    assert_int_equal(fake_in(&f, 0xcfc, 4), 0xffffffff);
    fake_out(&f, 0xcf8, 4, 0);
    assert_int_equal(fake_in(&f, 0xcfc, 4), 0xffffffff);
    /* The last register: what is behind it reads as ones. */
    assert_int_equal(mech1_in(&f, HOST_BRIDGE, 0xfc, 4), 0);
    fake_finish(&f);
}

static void test_host_bridge_registers(void **state)
{
    struct fake f;

    setup(&f);
    for (unsigned reg = 0; reg < 256; reg++)
        if (reg != 0x93)
            fake_config_out(&f, HOST_BRIDGE, reg, 1, 0xff);
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 0, 4), 0x12378086);
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 4, 2), 0x0146);
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 0x59, 4), 0xffffffff); /* PAM0-3 */
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 0x72, 1), 0x7a);       /* SMRAM */
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 0xa0, 4), 0);
    assert_int_equal(f.shutdown, -1);
    dm_machine_reset(&f.machine);
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 0x59, 4), 0);
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 0x72, 1), 2);
    /* Turbo reset control: only a rising bit 2 acts. */
    fake_config_out(&f, HOST_BRIDGE, 0x93, 1, 0x02);
    assert_int_equal(f.shutdown, -1);
    fake_config_out(&f, HOST_BRIDGE, 0x92, 2, 0x0600);
    assert_int_equal(f.shutdown, DM_SHUTDOWN_REBOOT);
    fake_finish(&f);
}

static void test_pirq_routes(void **state)
{
    static const uint8_t irq[] = { 5, 10, 11, 5 };
    struct fake f;

    setup(&f);
    for (unsigned n = 0; n < 4; n++) {
        fake_config_out(&f, ISA_BRIDGE, 0x60 + n, 1, irq[n]);
        assert_int_equal(f.link[n], irq[n]);
    }
    fake_config_out(&f, ISA_BRIDGE, 0x61, 1, 0x8a); /* _DIS of the tables */
    assert_int_equal(f.link[1], 0);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0x60, 4), 0x050b8a05);
    fake_config_out(&f, ISA_BRIDGE, 0x60, 4, 0x7f6f5f4f);
    for (unsigned n = 0; n < 4; n++)
        assert_int_equal(f.link[n], 15);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0x60, 4), 0x0f0f0f0f);
    dm_machine_reset(&f.machine);
    for (unsigned n = 0; n < 4; n++)
        assert_int_equal(f.link[n], 0);
    fake_finish(&f);
}

static void test_isa_registers(void **state)
{
    struct fake f;

    setup(&f);
    for (unsigned reg = 0; reg < 256; reg++)
        fake_config_out(&f, ISA_BRIDGE, reg, 1, 0xff);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0, 4), 0x70008086);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 4, 2), 0x010f);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0x4e, 2), 0x01f7);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0x60, 1), 0x8f);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0xf8, 4), 0);
    dm_machine_reset(&f.machine);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0x4c, 4), 0x0003004d);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0x69, 1), 2);
    assert_int_equal(fake_config_in(&f, ISA_BRIDGE, 0xa8, 1), 0x0f);
    fake_finish(&f);
}

static void test_reset_ports(void **state)
{
    struct fake f;

    setup(&f);
    assert_int_equal(fake_in(&f, 0xcf9, 1), 0);
    fake_out(&f, 0xcf9, 1, 0xfb);
    assert_int_equal(fake_in(&f, 0xcf9, 1), 0x02);
    assert_int_equal(f.shutdown, -1);
    fake_out(&f, 0xcf9, 1, 0x06);
    assert_int_equal(f.shutdown, DM_SHUTDOWN_REBOOT);
    assert_int_equal(f.machine.run_state, DM_SHUTDOWN_DONE);
    f.shutdown = -1;
    fake_out(&f, 0xcf9, 1, 0x06); /* it does not rise */
    assert_int_equal(f.shutdown, -1);
    fake_out(&f, 0xcf9, 1, 0x00);
    fake_out(&f, 0xcf9, 1, 0x04);
    assert_int_equal(f.shutdown, DM_SHUTDOWN_REBOOT);

    f.shutdown = -1;
    assert_int_equal(fake_in(&f, 0x92, 1), 0x02);
    fake_out(&f, 0x92, 1, 0xfe);
    assert_int_equal(fake_in(&f, 0x92, 1), 0x02);
    fake_out(&f, 0x92, 1, 0x00);
    assert_int_equal(fake_in(&f, 0x92, 1), 0x00);
    assert_int_equal(f.shutdown, -1);
    fake_out(&f, 0x92, 1, 0x03);
    assert_int_equal(f.shutdown, DM_SHUTDOWN_REBOOT);

    /* A wider write there is the address latch, which is not a reset. */
    f.shutdown = -1;
    dm_machine_reset(&f.machine);
    fake_out(&f, 0xcf8, 4, 0xffffffff);
    assert_int_equal(f.shutdown, -1);
    fake_finish(&f);
}

static void test_reset_port_without_piix3(void **state)
{
    struct dm_device *isa;
    struct fake f;

    fake_init(&f, classes);
    fake_device(&f, "i440fx", "");
    assert_int_equal(fake_in(&f, 0xcf9, 1), 0);
    fake_out(&f, 0xcf9, 1, 6);
    assert_int_equal(f.shutdown, -1);
    isa = fake_device(&f, "piix3", "");
    dm_device_destroy(isa);
    fake_out(&f, 0xcf9, 1, 6);
    assert_int_equal(f.shutdown, -1);
    fake_finish(&f);
}

static void test_pm_base(void **state)
{
    struct fake f;

    setup(&f);
    assert_int_equal(fake_in(&f, 0xb004, 2), 0xffff);
    fake_config_out(&f, PM, 0x40, 4, 0xb001);
    assert_int_equal(fake_in(&f, 0xb004, 2), 0xffff);
    fake_config_out(&f, PM, 0x80, 1, 1);
    assert_int_equal(fake_in(&f, 0xb004, 2), 0);
    assert_int_equal(fake_in(&f, 0xb03c, 4), 0);
    assert_int_equal(fake_in(&f, 0xb040, 1), 0xff);
    fake_config_out(&f, PM, 0x40, 4, 0xffffc03f);
    assert_int_equal(fake_config_in(&f, PM, 0x40, 4), 0xc001);
    assert_int_equal(fake_in(&f, 0xb004, 2), 0xffff);
    assert_int_equal(fake_in(&f, 0xc004, 2), 0);
    fake_config_out(&f, PM, 0x40, 4, 0x0000); /* nowhere */
    assert_int_equal(fake_in(&f, 0xc004, 2), 0xffff);
    /* In the way of the host bridge's ports: stays out, until moved again. */
    fake_config_out(&f, PM, 0x40, 4, 0x0cc1);
    assert_int_equal(fake_in(&f, 0xcc4, 2), 0xffff);
    assert_non_null(strstr(f.log, "cannot be at port 0xcc0"));
    fake_config_out(&f, PM, 0x40, 4, 0xffc1);
    assert_int_equal(fake_in(&f, 0xffc4, 2), 0);
    fake_config_out(&f, PM, 0x80, 1, 0);
    assert_int_equal(fake_in(&f, 0xffc4, 2), 0xffff);
    fake_finish(&f);
}

static void test_sci_enable(void **state)
{
    struct fake f;

    setup_pm(&f);
    assert_int_equal(fake_in(&f, 0xb004, 1) & 1, 0);
    fake_out(&f, 0xb2, 1, 0xf1);
    assert_int_equal(fake_in(&f, 0xb004, 1) & 1, 1);
    assert_int_equal(fake_in(&f, 0xb2, 1), 0xf1);
    fake_out(&f, 0xb2, 1, 0x55);
    fake_out(&f, 0xb3, 1, 0xf0);
    assert_int_equal(fake_in(&f, 0xb004, 1) & 1, 1);
    assert_int_equal(fake_in(&f, 0xb2, 2), 0xf055);
    fake_out(&f, 0xb2, 1, 0xf0);
    assert_int_equal(fake_in(&f, 0xb004, 2), 0);
    fake_finish(&f);
}

static void test_power_off(void **state)
{
    struct fake f;

    setup_pm(&f);
    fake_out(&f, 0xb004, 2, 0x0001);
    assert_int_equal(f.shutdown, -1);
    fake_out(&f, 0xb004, 2, 0x2001);
    assert_int_equal(f.shutdown, DM_SHUTDOWN_POWEROFF);
    assert_int_equal(fake_in(&f, 0xb004, 2), 0x0001); /* SLP_EN reads 0 */
    fake_finish(&f);
}

static void test_sleep(void **state)
{
    struct fake f;

    setup_pm(&f);
    /* Type first, then enable, as Linux does; by bytes, as nobody should. */
    fake_out(&f, 0xb004, 2, 0x0401);
    assert_false(f.slept);
    fake_out(&f, 0xb005, 1, 0x24);
    assert_true(f.slept);
    assert_int_equal(f.shutdown, -1);
    assert_int_equal(fake_in(&f, 0xb004, 2), 0x0401);
    f.slept = false;
    fake_out(&f, 0xb004, 4, 0x2401);
    assert_true(f.slept);
    f.slept = false;
    fake_out(&f, 0xb003, 2, 0xff00); /* only its low byte: no SLP_EN there */
    assert_false(f.slept);
    fake_out(&f, 0xb004, 2, 0x3c00); /* a type that is none */
    assert_false(f.slept);
    assert_int_equal(f.shutdown, -1);
    assert_non_null(strstr(f.log, "sleep type 7"));
    fake_finish(&f);
}

static void test_other_pm_registers_are_inert(void **state)
{
    struct fake f;

    setup_pm(&f);
    for (unsigned off = 0; off < 0x40; off++)
        if (off != 4 && off != 5)
            fake_out(&f, (uint16_t)(0xb000 + off), 1, 0xff);
    for (unsigned off = 0; off < 0x40; off += 4)
        assert_int_equal(fake_in(&f, (uint16_t)(0xb000 + off), 4), 0);
    fake_finish(&f);
}

static void test_hotplug_blocks(void **state)
{
    struct fake f;

    setup(&f);
    assert_int_equal(fake_in(&f, 0xae00, 4), 0);
    assert_int_equal(fake_in(&f, 0xae04, 4), 0);
    assert_int_equal(fake_in(&f, 0xae08, 4), 0);
    assert_int_equal(fake_in(&f, 0xae0c, 4), 0xfffffffc);
    assert_int_equal(fake_in(&f, 0xae0c, 1), 0xfc);
    fake_out(&f, 0xae00, 4, 0xffffffff);
    fake_out(&f, 0xae08, 4, 0);
    assert_int_equal(f.log_len, 0);
    fake_out(&f, 0xae08, 4, 1 << 3);
    assert_non_null(strstr(f.log, "ejects"));
    assert_int_equal(f.pci_claims, 3);
    fake_finish(&f);
}

static void test_cpu_hotplug(void **state)
{
    struct fake f;

    setup_pm(&f);
    assert_int_equal(fake_in(&f, 0xaf00, 4), 7);
    assert_int_equal(fake_in(&f, 0xaf10, 4), 0);
    fake_out(&f, 0xaf00, 1, 0xff);
    assert_int_equal(fake_in(&f, 0xaf00, 1), 7);
    assert_int_equal(dm_machine_cpu_plug(&f.machine, 2), 0); /* is there */
    assert_int_equal(fake_in(&f, 0xafe0, 4), 0);
    assert_int_equal(dm_machine_cpu_plug(&f.machine, 20), -EINVAL);

    fake_out(&f, 0xb2, 1, 0xf1);
    fake_out(&f, 0xafe2, 1, 0x04);
    assert_false(f.isa[9]);
    assert_int_equal(dm_machine_cpu_plug(&f.machine, 9), 0);
    assert_int_equal(fake_in(&f, 0xaf01, 1), 2);
    assert_int_equal(fake_in(&f, 0xafe0, 2), 4);
    assert_true(f.isa[9]);
    fake_out(&f, 0xafe0, 1, 0x02); /* another bit */
    assert_true(f.isa[9]);
    fake_out(&f, 0xafe0, 1, 0x04);
    assert_false(f.isa[9]);
    /* The level follows enable and SCI_EN too. */
    assert_int_equal(dm_machine_cpu_plug(&f.machine, 10), 0);
    assert_true(f.isa[9]);
    fake_out(&f, 0xafe2, 2, 0);
    assert_false(f.isa[9]);
    fake_out(&f, 0xafe2, 2, 0xff);
    assert_true(f.isa[9]);
    fake_out(&f, 0xb004, 2, 0);
    assert_false(f.isa[9]);
    fake_out(&f, 0xb004, 2, 1);
    assert_true(f.isa[9]);
    dm_machine_reset(&f.machine);
    assert_false(f.isa[9]);
    assert_int_equal(fake_in(&f, 0xaf00, 4), 7);
    dm_device_destroy(dm_device_of_class(&f.machine, &piix4_pm_class, NULL));
    assert_int_equal(dm_machine_cpu_plug(&f.machine, 3), -ENOTSUP);
    fake_finish(&f);
}

static void test_many_cpus(void **state)
{
    struct fake f;

    fake_init(&f, classes);
    f.machine.vcpus = f.machine.max_vcpus = 1000;
    fake_device(&f, "piix4-pm", "");
    assert_int_equal(fake_in(&f, 0xaf0c, 4), 0xffffffff);
    assert_int_equal(fake_in(&f, 0xaf10, 4), 0);
    assert_int_equal(dm_machine_cpu_plug(&f.machine, 128), -EINVAL);
    fake_finish(&f);
}

static void test_debug_port(void **state)
{
    struct fake f;

    setup(&f);
    fake_out(&f, 0xb044, 1, 0x42);
    assert_int_equal(f.log_len, 0);
    dm_log_set_level(DM_LOG_TRACE);
    for (int i = 0; i < 100; i++)
        fake_out(&f, 0xb045, 1, 0x42);
    dm_log_set_level(DM_LOG_INFO);
    assert_non_null(strstr(f.log, "debug port 1: 42\n"));
    assert_true(f.log_len < 600);
    assert_int_equal(fake_in(&f, 0xb044, 4), 0xffffffff);
    fake_finish(&f);
}

static void test_ports_taken(void **state)
{
    static const uint16_t ports[] = { 0xb3, 0xafe1, 0xae0f, 0xaf1f, 0xb047, 0x92, 0xcff };
    static const struct dm_region_ops ops = { .max = 1 };

    for (unsigned i = 0; i < DM_ARRAY_LEN(ports); i++) {
        struct dm_region in_the_way = { .name = "x", .ops = &ops, .size = 1 };
        struct dm_error err;
        struct fake f;

        fake_init(&f, classes);
        assert_int_equal(dm_space_add(&f.machine.io, &in_the_way, ports[i]), 0);
        assert_null(dm_device_create(&f.machine,
                                     ports[i] == 0x92    ? "piix3"
                                     : ports[i] == 0xcff ? "i440fx"
                                                         : "piix4-pm",
                                     NULL, 0, &err));
        assert_non_null(strstr(err.text, "taken"));
        assert_null(f.machine.cpu_plug);
        dm_space_remove(&in_the_way);
        fake_finish(&f); /* nothing is left claimed */
    }
}

static void test_state(void **state)
{
    struct dm_buf buf = { 0 };
    struct dm_error err;
    struct fake f;

    setup_pm(&f);
    fake_out(&f, 0xcf8, 4, 0x80000810);
    fake_out(&f, 0xcf9, 1, 2);
    fake_config_out(&f, ISA_BRIDGE, 0x60, 4, 0x050b0a05);
    fake_config_out(&f, HOST_BRIDGE, 0x59, 1, 0x30);
    fake_out(&f, 0xb2, 1, 0xf1);
    fake_out(&f, 0xafe2, 1, 0xff);
    assert_int_equal(dm_machine_cpu_plug(&f.machine, 4), 0);
    for (struct dm_device *d = f.machine.devices; d; d = d->next)
        assert_null(fake_state_roundtrip(&f, d));
    assert_int_equal(dm_state_save(&f.machine, &buf, &err), 0);
    fake_finish(&f);

    setup(&f);
    assert_int_equal(dm_state_load(&f.machine, buf.data, buf.len, &err), 0);
    assert_int_equal(fake_in(&f, 0xcf8, 4), 0x80000810);
    assert_int_equal(fake_in(&f, 0xcf9, 1), 2);
    assert_int_equal(f.link[0], 5);
    assert_int_equal(f.link[1], 10);
    assert_int_equal(f.link[2], 11);
    assert_int_equal(f.link[3], 5);
    assert_int_equal(fake_config_in(&f, HOST_BRIDGE, 0x59, 1), 0x30);
    assert_int_equal(fake_in(&f, 0xb004, 2), 1);
    assert_int_equal(fake_in(&f, 0xaf00, 4), 0x17);
    assert_true(f.isa[9]);
    fake_finish(&f);
    dm_buf_finish(&buf);
}

UNIT_MAIN(cmocka_unit_test(test_identity), cmocka_unit_test(test_config_ports),
          cmocka_unit_test(test_host_bridge_registers), cmocka_unit_test(test_pirq_routes),
          cmocka_unit_test(test_isa_registers), cmocka_unit_test(test_reset_ports),
          cmocka_unit_test(test_reset_port_without_piix3), cmocka_unit_test(test_pm_base),
          cmocka_unit_test(test_sci_enable), cmocka_unit_test(test_power_off),
          cmocka_unit_test(test_sleep), cmocka_unit_test(test_other_pm_registers_are_inert),
          cmocka_unit_test(test_hotplug_blocks), cmocka_unit_test(test_cpu_hotplug),
          cmocka_unit_test(test_many_cpus), cmocka_unit_test(test_debug_port),
          cmocka_unit_test(test_ports_taken), cmocka_unit_test(test_state))
