/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers, interrupts, timer, EEPROM, PHY, power and state of the RTL8139. */
#include "tests/unit/rtl8139-rig.h"

static void test_reset_values(void **state)
{
    static const struct {
        unsigned reg, size;
        uint32_t val;
    } expect[] = {
        { IDR0, 4, 0x12005452 },
        { IDR4, 2, 0x5634 },
        { MAR0, 4, 0 },
        { TSD0, 4, TSD_OWN },
        { TSD0 + 12, 4, TSD_OWN },
        { TSAD0, 4, 0 },
        { CR, 1, CR_BUFE },
        { CAPR, 2, 0xfff0 },
        { CBR, 2, 0 },
        { IMR, 2, 0 },
        { ISR, 2, 0 },
        { TCR, 4, 0x77800000 },
        { RCR, 4, 0 },
        { MPC, 4, 0 },
        { CR9346, 1, 0 },
        { CONFIG0, 1, 0 },
        { CONFIG1, 1, 0x0d },
        { MSR, 1, 0 },
        { CONFIG3, 1, 0x01 },
        { CONFIG4, 1, 0 },
        { TSAD, 2, 0x000f },
        { BMCR, 2, 0x3100 },
        { BMSR, 2, 0x782d },
        { ANAR, 2, 0x05e1 },
        { ANLPAR, 2, 0x45e1 },
        { ANER, 2, 1 },
        { CSCR, 2, 0x0740 },
        { CONFIG5, 1, 0 },
        { CPCR, 2, 0 },
        { TPPOLL, 1, 0 },
        { 0xda, 2, 0 },
        { 0xf0, 4, 0 },
    };
    struct rig r;

    (void)state;
    rig_setup(&r);
    for (unsigned i = 0; i < DM_ARRAY_LEN(expect); i++) {
        assert_int_equal(rd(&r, expect[i].reg, expect[i].size), expect[i].val);
        assert_int_equal(fake_load(&r.f, RIG_MEM + expect[i].reg, expect[i].size), expect[i].val);
    }
    assert_int_equal(fake_config_in(&r.f, RIG_DEVFN, 0, 4), 0x813910ec);
    assert_int_equal(fake_config_in(&r.f, RIG_DEVFN, 8, 4), 0x02000020);
    assert_int_equal(fake_config_in(&r.f, RIG_DEVFN, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
    assert_int_equal(fake_config_in(&r.f, RIG_DEVFN, PCI_INTERRUPT_PIN, 1), 1);
    assert_false(rig_irq(&r));
    rig_finish(&r);
}

/* Each access size, unaligned and across registers, is the same as bytes. */
static void test_access_sizes(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    for (unsigned i = 0; i < 8; i++)
        wr(&r, MAR0 + i, 1, 0x11 * (i + 1));
    assert_int_equal(rd(&r, MAR0, 4), 0x44332211);
    assert_int_equal(rd(&r, MAR0 + 2, 4), 0x66554433);
    fake_store(&r.f, RIG_MEM + MAR0 + 2, 4, 0xaabbccdd);
    assert_int_equal(rd(&r, MAR0, 4), 0xccdd2211);
    assert_int_equal(rd(&r, MAR0 + 4, 4), 0x8877aabb);
    wr(&r, IMR, 4, 0x0000e1ff); /* with ISR: clears nothing */
    assert_int_equal(rd(&r, IMR, 2), 0xe1ff);
    wr(&r, IMR + 1, 1, 0);
    assert_int_equal(rd(&r, IMR, 2), 0x00ff);
    assert_int_equal(fake_load(&r.f, RIG_MEM, 8), 0x0000563412005452);
    rig_finish(&r);
}

static void test_config_lock(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    wr(&r, CONFIG1, 1, 0xff);
    wr(&r, CONFIG3, 1, 0xff);
    wr(&r, BMCR, 2, 0x2100);
    assert_int_equal(rd(&r, CONFIG1, 1), 0x0d);
    assert_int_equal(rd(&r, CONFIG3, 1), 0x01);
    assert_int_equal(rd(&r, BMCR, 2), 0x3100);
    wr(&r, CR9346, 1, 0xc0);
    wr(&r, CONFIG1, 1, 0xff);
    wr(&r, CONFIG3, 1, 0xff);
    wr(&r, CONFIG4, 1, 0xff);
    wr(&r, BMCR, 2, 0x2100);
    wr(&r, CR9346, 1, 0);
    assert_int_equal(rd(&r, CONFIG1, 1), 0xfd);
    assert_int_equal(rd(&r, CONFIG3, 1), 0xf1);
    assert_int_equal(rd(&r, CONFIG4, 1), 0xf4);
    assert_int_equal(rd(&r, BMCR, 2), 0x2100);
    wr(&r, CONFIG1, 1, 0);
    assert_int_equal(rd(&r, CONFIG1, 1), 0xfd);
    wr(&r, CONFIG5, 1, 0xff); /* not locked */
    assert_int_equal(rd(&r, CONFIG5, 1), 0x7f);
    rig_finish(&r);
}

static void test_software_reset(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_c(&r, 0);
    wr(&r, IDR0, 4, 0x04030202);
    wr(&r, MAR0, 4, 0x1234);
    wr(&r, TPPOLL, 1, TPPOLL_FSWINT);
    assert_true(rig_irq(&r));
    wr(&r, CR, 1, CR_RST | CR_RE | CR_TE);
    assert_int_equal(rd(&r, CR, 1), CR_BUFE);
    assert_int_equal(rd(&r, ISR, 2), 0);
    assert_int_equal(rd(&r, IMR, 2), 0);
    assert_int_equal(rd(&r, RCR, 4), 0);
    assert_int_equal(rd(&r, IDR0, 4), 0x04030202);
    assert_int_equal(rd(&r, MAR0, 4), 0x1234);
    assert_false(rig_irq(&r));
    dm_device_reset(&r.s->pci.dev);
    assert_int_equal(r.s->regs[IDR0], 0x52);
    rig_finish(&r);
}

static void test_interrupts(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    wr(&r, TPPOLL, 1, TPPOLL_FSWINT);
    assert_int_equal(rd(&r, ISR, 2), INT_SWINT);
    assert_false(rig_irq(&r)); /* masked */
    wr(&r, IMR, 2, INT_SWINT | INT_LINKCHG);
    assert_true(rig_irq(&r));
    assert_int_equal(rd(&r, ISR, 2), INT_SWINT); /* reading changes nothing */
    dm_net_set_link(&r.net->net, false);
    wr(&r, ISR + 1, 1, INT_SWINT >> 8);
    assert_int_equal(rd(&r, ISR, 2), INT_LINKCHG);
    assert_true(rig_irq(&r));
    wr(&r, ISR, 2, 0);
    assert_true(rig_irq(&r));
    wr(&r, ISR, 2, INT_LINKCHG);
    assert_false(rig_irq(&r));
    fake_config_out(&r.f, RIG_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_INTX_DISABLE);
    wr(&r, TPPOLL, 1, TPPOLL_FSWINT);
    assert_false(rig_irq(&r));
    rig_finish(&r);
}

static void test_link(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    dm_net_set_link(&r.net->net, false);
    assert_int_equal(rd(&r, MSR, 1), MSR_LINKB);
    assert_int_equal(rd(&r, BMSR, 2), 0x7809);
    assert_int_equal(rd(&r, ANLPAR, 2), 0);
    assert_int_equal(rd(&r, CSCR, 2) & (CSCR_CHANGED | CSCR_LINK), CSCR_CHANGED);
    wr(&r, ISR, 2, INT_LINKCHG);
    assert_int_equal(rd(&r, CSCR, 2) & CSCR_CHANGED, 0);
    dm_net_set_link(&r.net->net, true);
    assert_int_equal(rd(&r, MSR, 1), 0);
    assert_int_equal(rd(&r, BMSR, 2), 0x782d);
    assert_int_equal(rd(&r, CSCR, 2) & (CSCR_CHANGED | CSCR_LINK), CSCR_CHANGED | CSCR_LINK);
    assert_int_equal(rd(&r, ISR, 2), INT_LINKCHG);
    wr(&r, CR9346, 1, 0xc0);
    wr(&r, BMCR, 2, 0x0000);
    assert_int_equal(rd(&r, MSR, 1), MSR_SPEED10);
    wr(&r, BMCR, 2, 0x8000);
    assert_int_equal(rd(&r, BMCR, 2), 0x3100);
    wr(&r, BMCR, 2, 0x1200); /* negotiates at once */
    assert_int_equal(rd(&r, BMCR, 2), 0x1000);
    rig_finish(&r);
}

static void test_timer(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    wr(&r, TCTR, 4, 0x12345);
    assert_int_equal(rd(&r, TCTR, 4), 0);
    fake_advance(&r.f, 30 * 1000);
    assert_int_equal(rd(&r, TCTR, 4), 1000);
    assert_true(dm_clock_deadline(&r.f.clock) == DM_NEVER); /* idle: no timer */
    wr(&r, TIMERINT, 4, 3000);
    fake_advance(&r.f, 30 * 1999);
    assert_int_equal(rd(&r, ISR, 2), 0);
    fake_advance(&r.f, 30);
    assert_int_equal(rd(&r, ISR, 2), INT_TIMEOUT);
    wr(&r, ISR, 2, INT_TIMEOUT);
    fake_advance(&r.f, 30ull << 31);
    assert_int_equal(rd(&r, ISR, 2), 0);
    fake_advance(&r.f, 30ull << 31); /* once round */
    assert_int_equal(rd(&r, ISR, 2), INT_TIMEOUT);
    wr(&r, TIMERINT, 4, 0);
    assert_true(dm_clock_deadline(&r.f.clock) == DM_NEVER);
    rig_finish(&r);
}

/* As 8139cp reads a word. */
static unsigned ee_read(struct rig *r, unsigned addr, unsigned bits)
{
    unsigned cmd = 6u << bits | addr, val = 0;

    wr(r, CR9346, 1, 0x80);
    wr(r, CR9346, 1, 0x88);
    for (unsigned i = bits + 5; i-- > 0;) {
        wr(r, CR9346, 1, 0x88 | (cmd >> i & 1) << 1);
        wr(r, CR9346, 1, 0x8c | (cmd >> i & 1) << 1);
    }
    wr(r, CR9346, 1, 0x88);
    for (int i = 0; i < 16; i++) {
        wr(r, CR9346, 1, 0x8c);
        val = val << 1 | (rd(r, CR9346, 1) & 1);
        wr(r, CR9346, 1, 0x88);
    }
    wr(r, CR9346, 1, 0);
    return val;
}

static void test_eeprom(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    assert_int_not_equal(ee_read(&r, 0, 8), 0x8129); /* no 93C56 */
    assert_int_equal(ee_read(&r, 0, 6), 0x8129);
    assert_int_equal(ee_read(&r, EE_VENDOR, 6), 0x10ec);
    assert_int_equal(ee_read(&r, EE_DEVICE, 6), 0x8139);
    assert_int_equal(ee_read(&r, EE_MAC, 6), 0x5452);
    assert_int_equal(ee_read(&r, EE_MAC + 1, 6), 0x1200);
    assert_int_equal(ee_read(&r, EE_MAC + 2, 6), 0x5634);
    /* The pins do nothing in other modes. */
    wr(&r, CR9346, 1, 0x0e);
    assert_int_equal(rd(&r, CR9346, 1), 0x0e);
    /* Auto-load brings the address back and ends by itself. */
    wr(&r, IDR0, 4, 0);
    wr(&r, CR9346, 1, 0x40);
    assert_int_equal(rd(&r, CR9346, 1), 0);
    assert_int_equal(rd(&r, IDR0, 4), 0x12005452);
    rig_finish(&r);
}

static void test_counters(void **state)
{
    static const uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    uint8_t mine[60];
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, 0);
    rig_frame(mine, sizeof(mine), 1);
    assert_true(fake_net_bring(r.net, frame, sizeof(frame), NULL));
    assert_true(fake_net_bring(r.net, mine, sizeof(mine), NULL));
    rig_set_desc(&r, RIG_TX_RING, 0, DESC_OWN | DESC_FS | DESC_LS | 60, 0, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    memset(r.f.ram + 0x3000, 0xee, 80);
    wr(&r, DTCCR + 4, 4, 0);
    wr(&r, DTCCR, 4, 0x3000 | DTCCR_CMD);
    assert_int_equal(rd(&r, DTCCR, 4), 0x3000);
    assert_int_equal(dm_get_le(r.f.ram + 0x3000, 8), 1); /* sent */
    assert_int_equal(dm_get_le(r.f.ram + 0x3008, 8), 2); /* received */
    assert_int_equal(dm_get_le(r.f.ram + 0x3010, 8), 0);
    assert_int_equal(dm_get_le(r.f.ram + 0x3028, 8), 1); /* to us */
    assert_int_equal(dm_get_le(r.f.ram + 0x3030, 8), 1); /* to all */
    assert_int_equal(r.f.ram[0x3040], 0xee);
    wr(&r, ISR, 2, 0xffff);
    wr(&r, DTCCR + 4, 4, 1); /* beyond all memory */
    wr(&r, DTCCR, 4, DTCCR_CMD);
    assert_int_equal(rd(&r, ISR, 2), INT_SERR);
    assert_int_equal(fake_config_in(&r.f, RIG_DEVFN, PCI_STATUS, 2) & 0x2000, 0x2000);
    rig_finish(&r);
}

static void test_power(void **state)
{
    uint8_t frame[60];
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_c(&r, 0);
    rig_frame(frame, sizeof(frame), 0);
    assert_int_equal(fake_config_in(&r.f, RIG_DEVFN, PCI_CAPABILITY_LIST, 1), 0x50);
    assert_int_equal(fake_config_in(&r.f, RIG_DEVFN, 0x50, 4), 0xf7c20001);
    wr(&r, TPPOLL, 1, TPPOLL_FSWINT);
    assert_true(rig_irq(&r));
    fake_config_out(&r.f, RIG_DEVFN, 0x54, 2, 3); /* D3 */
    assert_false(rig_irq(&r));
    assert_true(fake_net_bring(r.net, frame, sizeof(frame), NULL));
    assert_int_equal(r.net->net.rx.dropped, 1);
    fake_config_out(&r.f, RIG_DEVFN, 0x54, 2, 0);
    assert_int_equal(rd(&r, CR, 1), CR_BUFE); /* as after a reset */
    assert_int_equal(rd(&r, ISR, 2), 0);
    rig_finish(&r);
}

static void test_options(void **state)
{
    static const char *const bad[] = { "rombar=2", "mac=01:00:00:00:00:00", "netdev=none" };
    struct fake f;

    (void)state;
    fake_init(&f, rig_classes);
    for (unsigned i = 0; i < DM_ARRAY_LEN(bad); i++) {
        char text[64];
        struct dm_error err;
        struct dm_option opt;

        snprintf(text, sizeof(text), "%s", bad[i]);
        *strchr(text, '=') = 0;
        opt = (struct dm_option) { text, text + strlen(text) + 1 };
        assert_null(dm_device_create(&f.machine, "rtl8139", &opt, 1, &err));
    }
    assert_int_equal(((struct rtl8139 *)fake_device(&f, "rtl8139", "rombar=0"))->pci.rom_size, 0);
    assert_int_equal(((struct rtl8139 *)fake_device(&f, "rtl8139", "romfile="))->pci.rom_size, 0);
    assert_int_not_equal(((struct rtl8139 *)fake_device(&f, "rtl8139", ""))->pci.rom_size, 0);
    dm_machine_unplug(&f.machine, DM_UNPLUG_IDE_DISKS);
    assert_non_null(f.machine.devices);
    dm_machine_unplug(&f.machine, DM_UNPLUG_NICS);
    assert_null(f.machine.devices);
    fake_finish(&f);
}

static void test_state(void **state)
{
    uint8_t frame[200];
    struct rig r;

    (void)state;
    rig_setup(&r);
    assert_null(fake_state_roundtrip(&r.f, r.s));
    rig_start_c(&r, RCR_AM | RCR_WRAP);
    wr(&r, TIMERINT, 4, 100000);
    rig_frame(frame, sizeof(frame), 3);
    fake_net_bring(r.net, frame, sizeof(frame), NULL);
    wr(&r, CR9346, 1, 0x88);
    wr(&r, CR9346, 1, 0x8e);
    dm_net_set_link(&r.net->net, false);
    fake_advance(&r.f, 12345);
    assert_null(fake_state_roundtrip(&r.f, r.s));
    assert_true(rig_irq(&r));
    assert_int_equal(rd(&r, TCTR, 4), 12345 / 30);
    fake_advance(&r.f, 30 * (100000 - 12345 / 30) - 30);
    assert_int_equal(rd(&r, ISR, 2) & INT_TIMEOUT, 0);
    fake_advance(&r.f, 60);
    assert_int_equal(rd(&r, ISR, 2) & INT_TIMEOUT, INT_TIMEOUT);
    rig_start_cplus(&r, CPCR_RXVLAN);
    assert_null(fake_state_roundtrip(&r.f, r.s));
    rig_finish(&r);
}

/* Streams with values that no chip has. */
static void test_state_refused(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    for (unsigned i = 0; i < 7; i++) {
        struct dm_buf buf = { 0 };
        struct dm_error err;

        switch (i) {
        case 0:
            r.s->tx_slot = RTL_SLOTS;
            break;
        case 1:
            r.s->tx_index[0] = RTL_RING_MAX;
            break;
        case 2:
            r.s->tx_index[1] = RTL_RING_MAX;
            break;
        case 3:
            r.s->rx_index = 255;
            break;
        case 4:
            r.s->power = 2;
            break;
        case 5:
            r.s->regs[TCR + 3] ^= 0x40;
            break;
        case 6:
            r.s->eeprom.addr = 64;
            break;
        }
        dm_device_save(&r.s->pci.dev, &buf);
        assert_int_not_equal(dm_device_load(&r.s->pci.dev, buf.data, buf.len, 1, &err), 0);
        dm_buf_finish(&buf);
    }
    rig_finish(&r);
}

UNIT_MAIN(cmocka_unit_test(test_reset_values), cmocka_unit_test(test_access_sizes),
          cmocka_unit_test(test_config_lock), cmocka_unit_test(test_software_reset),
          cmocka_unit_test(test_interrupts), cmocka_unit_test(test_link),
          cmocka_unit_test(test_timer), cmocka_unit_test(test_eeprom),
          cmocka_unit_test(test_counters), cmocka_unit_test(test_power),
          cmocka_unit_test(test_options), cmocka_unit_test(test_state),
          cmocka_unit_test(test_state_refused))
