/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The e1000's registers, interrupts, link, EEPROM, power states, reset and saved state. */
#include "tests/unit/e1000-rig.h"

static void test_reset_values(void **state)
{
    static const struct {
        unsigned reg;
        uint32_t val;
    } expect[] = {
        { CTRL, 0x00000241 },
        { STATUS, 0x00000283 },
        { EECD, 0x00000118 },
        { EERD, 0 },
        { CTRL_EXT, 0 },
        { MDIC, MDIC_R },
        { VET, 0x8100 },
        { ICR, 0 },
        { ITR, 0 },
        { IMS, 0 },
        { RCTL, 0 },
        { TCTL, 0 },
        { TIPG, 0x00602008 },
        { PBA, 0x00100030 },
        { RDLEN, 0 },
        { RDH, 0 },
        { RDT, 0 },
        { RXDCTL, 0x10000 },
        { TDLEN, 0 },
        { TXDMAC, 1 },
        { TSPMT, 0x01000400 },
        { RXCSUM, 0 },
        { RA, 0x12005452 },
        { RA + 4, 0x80005634 },
        { RA + 12, 0 },
        { MTA, 0 },
        { VFTA + 508, 0 },
        { MANC, 0 },
    };
    struct rig *r = *state;

    for (unsigned i = 0; i < DM_ARRAY_LEN(expect); i++)
        if (rd(r, expect[i].reg) != expect[i].val)
            fail_msg("register %#x is %#x", expect[i].reg, rd(r, expect[i].reg));
    assert_false(rig_irq(r));
}

static void test_identity(void **state)
{
    struct rig *r = *state;
    struct fake *f = &r->f;

    assert_int_equal(fake_config_in(f, RIG_FN, 0, 4), 0x100e8086);
    assert_int_equal(fake_config_in(f, RIG_FN, 8, 4), 0x02000003);
    assert_int_equal(fake_config_in(f, RIG_FN, 0x2c, 4), 0x001e8086);
    assert_int_equal(fake_config_in(f, RIG_FN, PCI_INTERRUPT_PIN, 1), 1);
    fake_config_out(f, RIG_FN, PCI_BAR0, 4, 0xffffffff);
    assert_int_equal(fake_config_in(f, RIG_FN, PCI_BAR0, 4), 0xfffe0000);
    fake_config_out(f, RIG_FN, PCI_BAR0 + 4, 4, 0xffffffff);
    assert_int_equal(fake_config_in(f, RIG_FN, PCI_BAR0 + 4, 4), 0xffffffc1);
    fake_config_out(f, RIG_FN, PCI_ROM_ADDRESS, 4, 0xe1000001);
    assert_int_equal(fake_load(f, 0xe1000000, 2), 0xaa55);
}

static void test_io_window(void **state)
{
    struct rig *r = *state;

    fake_out(&r->f, RIG_IO, 4, RA);
    assert_int_equal(fake_in(&r->f, RIG_IO, 4), RA);
    assert_int_equal(fake_in(&r->f, RIG_IO + 4, 4), 0x12005452);
    fake_out(&r->f, RIG_IO, 4, FCAL);
    fake_out(&r->f, RIG_IO + 4, 4, 0x00c28001);
    assert_int_equal(rd(r, FCAL), 0x00c28001);
    /* Behind the registers is nothing. */
    fake_out(&r->f, RIG_IO, 4, 0x20000);
    fake_out(&r->f, RIG_IO + 4, 4, 0x5555);
    assert_int_equal(fake_in(&r->f, RIG_IO + 4, 4), 0);
    fake_out(&r->f, RIG_IO, 4, 0xffffffff);
    assert_int_equal(fake_in(&r->f, RIG_IO, 4), 0xfffff);
    assert_int_equal(fake_in(&r->f, RIG_IO + 4, 4), 0);
    /* A reset by this way, as Linux does it. */
    wr(r, VET, 0x1234);
    fake_out(&r->f, RIG_IO, 4, CTRL);
    fake_out(&r->f, RIG_IO + 4, 4, CTRL_RST);
    assert_int_equal(rd(r, VET), 0x8100);
}

static void test_aliases_and_holes(void **state)
{
    struct rig *r = *state;

    wr(r, 0x0110, 0x12345670);
    assert_int_equal(rd(r, RDBAL), 0x12345670);
    wr(r, 0x0128, 0x77);
    assert_int_equal(rd(r, RDT), 0x77);
    wr(r, 0x0440, 5);
    assert_int_equal(rd(r, TIDV), 5);
    wr(r, 0x0204, 0xabcd);
    assert_int_equal(rd(r, MTA + 4), 0xabcd);
    assert_int_equal(rd(r, 0x0040), rd(r, RA));
    wr(r, 0x07fc, 9);
    assert_int_equal(rd(r, VFTA + 508), 9);
    wr(r, 0x8008, 0x1ffff);
    assert_int_equal(rd(r, RDFT), 0x1fff);
    /* No register, not aligned, packet buffer memory. */
    assert_int_equal(rd(r, 0x0034), 0);
    assert_int_equal(rd(r, 0x2804 + 2), 0);
    assert_int_equal(rd(r, 0x1fffc), 0);
    wr(r, 0x0034, 0xffffffff);
    wr(r, 0x1fffc, 0xffffffff);
    assert_non_null(strstr(r->f.log, "no register"));
    /* Wide accesses are two, narrow reads a part of one. */
    fake_store(&r->f, RIG_BAR + RA + 8, 8, 0x8000665544332211);
    assert_int_equal(rd(r, RA + 12), 0x80006655);
    assert_int_equal(fake_load(&r->f, RIG_BAR + RA + 9, 1), 0x22);
}

static void test_cause_and_mask(void **state)
{
    struct rig *r = *state;

    wr(r, ICS, ICR_RXT0 | ICR_LSC);
    assert_false(rig_irq(r));
    wr(r, IMS, ICR_RXT0);
    assert_true(rig_irq(r));
    wr(r, IMS, ICR_TXDW);
    assert_int_equal(rd(r, IMS), ICR_RXT0 | ICR_TXDW);
    wr(r, ICR, ICR_RXT0); /* writing clears too */
    assert_false(rig_irq(r));
    assert_int_equal(rd(r, ICR), ICR_LSC);
    assert_int_equal(rd(r, ICR), 0);
    wr(r, ICS, ICR_TXDW);
    assert_true(rig_irq(r));
    wr(r, IMC, ICR_TXDW);
    assert_false(rig_irq(r));
    assert_int_equal(rd(r, IMS), ICR_RXT0);
    assert_int_equal(rd(r, ICS), 0);
    assert_int_equal(rd(r, IMC), 0);
}

static void test_throttle(void **state)
{
    struct rig *r = *state;

    wr(r, ITR, 1000); /* 256 us */
    wr(r, IMS, ICR_RXT0);
    wr(r, ICS, ICR_RXT0);
    assert_true(rig_irq(r));
    rd(r, ICR);
    fake_advance(&r->f, 100 * DM_NS_PER_US);
    wr(r, ICS, ICR_RXT0);
    assert_false(rig_irq(r));
    fake_advance(&r->f, 155 * DM_NS_PER_US);
    assert_false(rig_irq(r));
    fake_advance(&r->f, 2 * DM_NS_PER_US);
    assert_true(rig_irq(r));
    /* A cause that goes away while it waits never comes. */
    rd(r, ICR);
    wr(r, ICS, ICR_RXT0);
    rd(r, ICR);
    fake_advance(&r->f, DM_NS_PER_MS);
    assert_false(rig_irq(r));
    assert_int_equal(r->f.intx_rises, 2);
    /* Without a throttle what waits comes at once. */
    wr(r, ICS, ICR_RXT0);
    rd(r, ICR);
    wr(r, ICS, ICR_RXT0);
    assert_false(rig_irq(r));
    wr(r, ITR, 0);
    assert_true(rig_irq(r));
}

static uint16_t phy_read(struct rig *r, unsigned reg)
{
    wr(r, MDIC, 0x08200000u | reg << 16);
    return (uint16_t)rd(r, MDIC);
}

static void phy_write(struct rig *r, unsigned reg, uint16_t val)
{
    wr(r, MDIC, 0x04200000u | reg << 16 | val);
}

static void test_phy(void **state)
{
    struct rig *r = *state;

    assert_int_equal(phy_read(r, PHY_CTRL), 0x1140);
    assert_int_equal(phy_read(r, PHY_STATUS), 0x796d);
    assert_int_equal(phy_read(r, PHY_ID1), 0x0141);
    assert_int_equal(phy_read(r, PHY_ID2), 0x0c20);
    assert_int_equal(phy_read(r, PHY_LPA), 0x41e1);
    assert_int_equal(phy_read(r, PHY_GSTATUS), 0x3c00);
    assert_int_equal(phy_read(r, PHY_PSSTAT), 0xac00);
    phy_write(r, PHY_ID1, 0xffff); /* read-only */
    assert_int_equal(phy_read(r, PHY_ID1), 0x0141);
    phy_write(r, PHY_ANA, 0x0021);
    assert_int_equal(phy_read(r, PHY_ANA), 0x0021);
    /* Another PHY, no operation: an error. */
    wr(r, MDIC, 0x08400000);
    assert_int_equal(rd(r, MDIC) & (MDIC_R | MDIC_E), MDIC_R | MDIC_E);
    wr(r, MDIC, 0x00200000);
    assert_int_equal(rd(r, MDIC) & (MDIC_R | MDIC_E), MDIC_R | MDIC_E);
    /* Its interrupt. */
    wr(r, IMS, ICR_MDAC);
    wr(r, MDIC, 0x08200000 | MDIC_I);
    assert_true(rig_irq(r));
    assert_int_equal(rd(r, ICR), ICR_MDAC);
}

static void test_autonegotiation(void **state)
{
    static const struct {
        uint16_t ana, gcon, psstat;
        uint32_t status;
    } cases[] = {
        { 0x0de1, 0x0200, 0xac00, 0x283 }, /* 1000 full */
        { 0x0de1, 0x0000, 0x6c00, 0x143 }, /* 100 full */
        { 0x00e1, 0x0000, 0x4c00, 0x142 }, /* 100 half */
        { 0x0061, 0x0000, 0x2c00, 0x003 }, /* 10 full */
        { 0x0021, 0x0000, 0x0c00, 0x002 }, /* 10 half */
        { 0x0001, 0x0000, 0x8000, 0x000 }, /* nothing in common */
    };
    struct rig *r = *state;

    for (unsigned i = 0; i < DM_ARRAY_LEN(cases); i++) {
        phy_write(r, PHY_ANA, cases[i].ana);
        phy_write(r, PHY_GCON, cases[i].gcon);
        phy_write(r, PHY_CTRL, 0x1340);
        assert_int_equal(phy_read(r, PHY_CTRL), 0x1140);
        assert_false(rd(r, STATUS) & STATUS_LU);
        assert_false(phy_read(r, PHY_STATUS) & (PHY_STATUS_LINK | PHY_STATUS_DONE));
        fake_advance(&r->f, DM_NS_PER_SEC);
        assert_int_equal(rd(r, STATUS), cases[i].status);
        assert_int_equal(phy_read(r, PHY_PSSTAT), cases[i].psstat);
    }
    /* Forced: at once. The MAC's own bits win in STATUS. */
    phy_write(r, PHY_CTRL, 0x2100);
    assert_int_equal(rd(r, STATUS), 0x143);
    wr(r, CTRL, CTRL_FRCSPD | CTRL_FRCDPX | CTRL_SPEED_1000);
    assert_int_equal(rd(r, STATUS), 0x182);
    /* Power down, up. */
    phy_write(r, PHY_CTRL, 0x2900);
    assert_false(rd(r, STATUS) & STATUS_LU);
    phy_write(r, PHY_CTRL, 0x2100);
    assert_true(rd(r, STATUS) & STATUS_LU);
}

static void test_link_change(void **state)
{
    struct rig *r = *state;

    wr(r, IMS, ICR_LSC | ICR_PHYINT);
    phy_write(r, PHY_PINTE, 0x0c00);
    dm_net_set_link(&r->net->net, false);
    assert_true(rig_irq(r));
    assert_int_equal(rd(r, ICR), ICR_LSC | ICR_PHYINT);
    assert_int_equal(phy_read(r, PHY_PINTS), PHY_PINT_LINK);
    assert_int_equal(phy_read(r, PHY_PINTS), 0);
    assert_false(rd(r, STATUS) & STATUS_LU);
    fake_advance(&r->f, 10 * DM_NS_PER_SEC);
    assert_false(rd(r, STATUS) & STATUS_LU);
    dm_net_set_link(&r->net->net, true);
    assert_false(rig_irq(r));
    fake_advance(&r->f, DM_NS_PER_SEC);
    assert_int_equal(rd(r, ICR), ICR_LSC | ICR_PHYINT);
    assert_int_equal(phy_read(r, PHY_PINTS), PHY_PINT_LINK | PHY_PINT_DONE);
    /* That it was away is seen once (IEEE 802.3 22.2.4.2.13). */
    assert_false(phy_read(r, PHY_STATUS) & PHY_STATUS_LINK);
    assert_true(phy_read(r, PHY_STATUS) & PHY_STATUS_LINK);
    /* The MAC's reset leaves the PHY alone; the PHY's begins anew. */
    wr(r, CTRL, CTRL_RST);
    assert_true(rd(r, STATUS) & STATUS_LU);
    phy_write(r, PHY_ANA, 0x0021);
    wr(r, CTRL, CTRL_PHY_RST);
    assert_int_equal(phy_read(r, PHY_ANA), 0x0de1);
    assert_false(rd(r, STATUS) & STATUS_LU);
    wr(r, CTRL, 0);
    fake_advance(&r->f, DM_NS_PER_SEC);
    assert_true(rd(r, STATUS) & STATUS_LU);
    /* Both at once, as iPXE does it. */
    wr(r, CTRL, CTRL_RST | CTRL_PHY_RST);
    assert_false(rd(r, STATUS) & STATUS_LU);
    assert_int_equal(rd(r, ICR), 0);
    fake_advance(&r->f, DM_NS_PER_SEC);
    assert_int_equal(rd(r, ICR), ICR_LSC);
}

static void test_eeprom_write(void **state)
{
    struct rig *r = *state;
    struct eeprom93xx *ee = &r->dev->eeprom;
    static const struct {
        uint32_t bits;
        unsigned count;
    } steps[] = { { 0x130, 9 }, { 5 << 22 | 2 << 16 | 0xcafe, 25 } }; /* EWEN; WRITE word 2 */

    for (unsigned i = 0; i < 2; i++) {
        wr(r, EECD, EECD_CS);
        for (unsigned n = steps[i].count; n--;) {
            uint32_t di = steps[i].bits >> n & 1 ? EECD_DI : 0;

            wr(r, EECD, EECD_CS | di);
            wr(r, EECD, EECD_CS | EECD_SK | di);
        }
        wr(r, EECD, 0);
    }
    assert_int_equal(ee->word[2], 0xcafe);
    /* The chip takes its address from there when it is told to. */
    wr(r, CTRL_EXT, CTRL_EXT_EE_RST);
    assert_int_equal(rd(r, CTRL_EXT), 0);
    assert_int_equal(rd(r, RA + 4), 0x8000cafe);
    wr(r, EERD, 2 << 8 | EERD_START);
    assert_int_equal(rd(r, EERD), 0xcafe0210);
}

static void test_statistics(void **state)
{
    struct rig *r = *state;

    r->dev->stats[(TPR - STATS) / 4] = 5;
    r->dev->stats[(TORL - STATS) / 4] = 7;
    r->dev->stats[(TORH - STATS) / 4] = 8;
    assert_int_equal(rd(r, TPR), 5);
    assert_int_equal(rd(r, TPR), 0);
    assert_int_equal(rd(r, TORL), 7);
    assert_int_equal(rd(r, TORL), 7);
    assert_int_equal(rd(r, TORH), 8);
    assert_int_equal(rd(r, TORL), 0);
    wr(r, TPR, 5);
    assert_int_equal(rd(r, TPR), 0);
    r->dev->stats[(TPT - STATS) / 4] = UINT32_MAX;
    e1000_count(r->dev, TPT, 1);
    assert_int_equal(rd(r, TPT), UINT32_MAX);
    r->dev->stats[(GOTCL - STATS) / 4] = UINT32_MAX;
    e1000_count_octets(r->dev, GOTCL, 1);
    assert_int_equal(rd(r, GOTCL), 0);
    assert_int_equal(rd(r, GOTCH), 1);
    static const size_t sizes[] = { 64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024, 1522, 1523 };
    static const unsigned counts[] = { 1, 2, 2, 2, 2, 2 };

    for (unsigned i = 0; i < DM_ARRAY_LEN(sizes); i++)
        e1000_count_size(r->dev, PRC64, sizes[i]);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(rd(r, PRC64 + 4 * i), counts[i]);
}

static void test_pba(void **state)
{
    struct rig *r = *state;

    wr(r, PBA, 0x28);
    assert_int_equal(rd(r, PBA), 0x00180028);
}

static void test_power(void **state)
{
    struct rig *r = *state;
    struct fake *f = &r->f;
    uint8_t frame[100];

    assert_int_equal(fake_config_in(f, RIG_FN, PCI_CAPABILITY_LIST, 1), PM_CAP);
    assert_int_equal(fake_config_in(f, RIG_FN, PM_CAP, 4), 0x00220001);
    assert_true(fake_config_in(f, RIG_FN, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
    /* States there are not. */
    fake_config_out(f, RIG_FN, PM_PMCSR, 2, 1);
    assert_int_equal(fake_config_in(f, RIG_FN, PM_PMCSR, 2), 0);
    rig_rx_start(r, 8, RCTL_UPE);
    rig_tx_start(r, 8);
    wr(r, IMS, ICR_LSC);
    wr(r, ICS, ICR_LSC);
    assert_true(rig_irq(r));
    fake_config_out(f, RIG_FN, PM_PMCSR, 2, 3);
    assert_false(rig_irq(r));
    fake_config_out(f, RIG_FN, PM_PMCSR, 2, 2);
    assert_int_equal(fake_config_in(f, RIG_FN, PM_PMCSR, 2), 3);
    assert_int_equal(rd(r, RCTL), 0xffffffff);
    assert_int_equal(fake_in(f, RIG_IO, 4), 0xffffffff);
    wr(r, TDT, 1);
    /* No DMA: a frame is taken and lost. */
    rig_frame(frame, sizeof(frame));
    assert_true(dm_net_room(&r->net->net, 100));
    assert_true(fake_net_bring(r->net, frame, sizeof(frame), NULL));
    assert_int_equal(r->net->net.rx.dropped, 1);
    assert_int_equal(rig_rxd(r, 0).status, 0);
    assert_int_equal(r->net->sent_count, 0);
    assert_null(fake_state_roundtrip(f, r->dev));
    /* Back in D0 it was reset. */
    fake_config_out(f, RIG_FN, PM_PMCSR, 2, 0);
    assert_int_equal(rd(r, RCTL), 0);
    assert_int_equal(rd(r, RA), 0x12005452);
    assert_int_equal(fake_config_in(f, RIG_FN, PCI_COMMAND, 2), 7);
}

static void test_reset(void **state)
{
    struct rig *r = *state;

    rig_rx_start(r, 8, RCTL_UPE);
    wr(r, IMS, ICR_LSC);
    wr(r, ICS, ICR_LSC);
    wr(r, ITR, 100);
    wr(r, MTA, 5);
    wr(r, RA, 5);
    wr(r, CTRL, rd(r, CTRL) | CTRL_RST);
    assert_false(rig_irq(r));
    assert_int_equal(rd(r, CTRL) & CTRL_RST, 0);
    assert_int_equal(rd(r, RCTL), 0);
    assert_int_equal(rd(r, IMS), 0);
    assert_int_equal(rd(r, MTA), 0);
    assert_int_equal(rd(r, RA), 0x12005452);
    assert_int_equal(fake_config_in(&r->f, RIG_FN, PCI_BAR0, 4), RIG_BAR);
    dm_machine_reset(&r->f.machine);
    assert_int_equal(fake_config_in(&r->f, RIG_FN, PCI_BAR0, 4), 0);
    assert_int_equal(fake_load(&r->f, RIG_BAR, 4), 0xffffffff);
}

static void test_save(void **state)
{
    struct rig *r = *state;
    struct dm_buf buf = { 0 };
    struct dm_error err;

    rig_rx_start(r, 8, RCTL_UPE);
    wr(r, ITR, 1000);
    wr(r, IMS, ICR_LSC | ICR_RXT0);
    wr(r, ICS, ICR_LSC);
    rd(r, ICR);
    wr(r, ICS, ICR_RXT0); /* waits for the throttle */
    wr(r, EECD, EECD_CS | EECD_SK | EECD_DI);
    phy_write(r, PHY_CTRL, 0x1340); /* the link is coming */
    wr(r, VFTA + 40, 0x1234);
    assert_null(fake_state_roundtrip(&r->f, r->dev));
    dm_device_save(&r->dev->pci.dev, &buf);
    dm_machine_reset(&r->f.machine);
    assert_int_equal(dm_device_load(&r->dev->pci.dev, buf.data, buf.len, 1, &err), 0);
    assert_int_equal(rd(r, VFTA + 40), 0x1234);
    assert_false(rig_irq(r));
    assert_false(rd(r, STATUS) & STATUS_LU);
    fake_advance(&r->f, DM_NS_PER_MS);
    assert_true(rig_irq(r));
    fake_advance(&r->f, DM_NS_PER_SEC);
    assert_true(rd(r, STATUS) & STATUS_LU);
    /* On a host whose cable is out the link goes. */
    dm_net_set_link(&r->net->net, false);
    dm_device_load(&r->dev->pci.dev, buf.data, buf.len, 1, &err);
    fake_advance(&r->f, DM_NS_PER_SEC);
    assert_false(rd(r, STATUS) & STATUS_LU);
    dm_buf_finish(&buf);
}

static void test_load_refuses(void **state)
{
    struct rig *r = *state;
    struct e1000 *s = r->dev;
    struct dm_buf buf = { 0 };
    struct dm_error err;
    uint32_t *const bad[] = { &s->rdlen, &s->rdh, &s->rctl, &s->tdt, &s->ims, &s->ioaddr, &s->pba };

    for (unsigned i = 0; i < DM_ARRAY_LEN(bad); i++) {
        uint32_t good = *bad[i];

        *bad[i] = 0xffffffff;
        dm_device_save(&s->pci.dev, &buf);
        *bad[i] = good;
        assert_int_equal(dm_device_load(&s->pci.dev, buf.data, buf.len, 1, &err), -EINVAL);
        dm_buf_finish(&buf);
    }
    s->ra[1] = 0x00040000;
    dm_device_save(&s->pci.dev, &buf);
    assert_int_equal(dm_device_load(&s->pci.dev, buf.data, buf.len, 1, &err), -EINVAL);
    dm_buf_finish(&buf);
    s->eeprom.state = 77;
    dm_device_save(&s->pci.dev, &buf);
    assert_int_equal(dm_device_load(&s->pci.dev, buf.data, buf.len, 1, &err), -EINVAL);
    dm_buf_finish(&buf);
    s->pci.config[PM_PMCSR] = 2;
    dm_device_save(&s->pci.dev, &buf);
    assert_int_equal(dm_device_load(&s->pci.dev, buf.data, buf.len, 1, &err), -EINVAL);
    dm_buf_finish(&buf);
}

static void test_unplug(void **state)
{
    struct rig *r = *state;

    dm_machine_unplug(&r->f.machine, DM_UNPLUG_IDE_DISKS);
    assert_non_null(dm_device_find(&r->f.machine, "nic0"));
    wr(r, IMS, ICR_LSC);
    wr(r, ICS, ICR_LSC);
    phy_write(r, PHY_CTRL, 0x1340);
    dm_machine_unplug(&r->f.machine, DM_UNPLUG_NICS);
    assert_null(dm_device_find(&r->f.machine, "nic0"));
    assert_null(r->f.machine.nets);
    assert_false(rig_irq(r));
}

static int no_rom(void *opaque, const char *name, uint8_t **data, size_t *size,
                  struct dm_error *err)
{
    return dm_error_set(err, ENOENT, "firmware '%s': not here", name);
}

static void test_options(void **state)
{
    struct fake f;
    struct dm_error err;
    struct dm_option rom = { "romfile", "x.rom" }, bar = { "rombar", "2" }, mac = { "mac", "01:" };
    struct e1000 *s;

    fake_init(&f, rig_classes);
    /* No network behind it, the next default address, no ROM wanted. */
    fake_device(&f, "e1000", "id=a,mac=00:16:3e:00:00:01,rombar=0");
    s = fake_device(&f, "e1000", "id=b,romfile=");
    assert_int_equal(s->pci.bar[PCI_ROM_BAR].size, 0);
    assert_memory_equal(s->mac, rig_mac, 6);
    assert_false(s->phy_link);
    s = fake_device(&f, "e1000", "id=c,rombar=1");
    assert_int_equal(s->pci.bar[PCI_ROM_BAR].size, 32768);
    assert_int_equal(s->mac[5], 0x57);
    assert_null(dm_device_create(&f.machine, "e1000", &bar, 1, &err));
    assert_non_null(strstr(err.text, "rombar=2"));
    assert_null(dm_device_create(&f.machine, "e1000", &mac, 1, &err));
    /* A ROM that is not there: only one that was named is missed. */
    f.machine.load_rom = no_rom;
    assert_null(dm_device_create(&f.machine, "e1000", &rom, 1, &err));
    assert_non_null(strstr(err.text, "x.rom"));
    s = fake_device(&f, "e1000", "id=d");
    assert_int_equal(s->pci.bar[PCI_ROM_BAR].size, 0);
    assert_non_null(strstr(f.log, "no network boot"));
    fake_finish(&f);
}

UNIT_MAIN(RIG_TEST(test_reset_values), RIG_TEST(test_identity), RIG_TEST(test_io_window),
          RIG_TEST(test_aliases_and_holes), RIG_TEST(test_cause_and_mask), RIG_TEST(test_throttle),
          RIG_TEST(test_phy), RIG_TEST(test_autonegotiation), RIG_TEST(test_link_change),
          RIG_TEST(test_eeprom_write), RIG_TEST(test_statistics), RIG_TEST(test_pba),
          RIG_TEST(test_power), RIG_TEST(test_reset), RIG_TEST(test_save),
          RIG_TEST(test_load_refuses), RIG_TEST(test_unplug), cmocka_unit_test(test_options))
