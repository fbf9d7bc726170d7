/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The accesses that the self test of Linux' e1000 driver makes (ethtool -t eth0 offline):
 * registers and their masks, EEPROM, interrupts, loopback, link.
 */
#include "tests/unit/e1000-rig.h"

static void pattern(struct rig *r, unsigned reg, uint32_t mask, uint32_t write)
{
    static const uint32_t patterns[] = { 0x5a5a5a5a, 0xa5a5a5a5, 0x00000000, 0xffffffff };

    for (unsigned i = 0; i < 4; i++) {
        wr(r, reg, write & patterns[i]);
        if (rd(r, reg) != (write & patterns[i] & mask))
            fail_msg("register %#x: %#x, not %#x", reg, rd(r, reg), write & patterns[i] & mask);
    }
}

static void set_and_check(struct rig *r, unsigned reg, uint32_t mask, uint32_t write)
{
    wr(r, reg, write & mask);
    assert_int_equal(rd(r, reg) & mask, write & mask);
}

static void test_registers(void **state)
{
    struct rig *r = *state;
    uint32_t status = rd(r, STATUS) & 0xfffff833;

    wr(r, STATUS, 0xfffff833);
    assert_int_equal(rd(r, STATUS) & 0xfffff833, status);
    pattern(r, FCAL, 0xffffffff, 0xffffffff);
    pattern(r, FCAH, 0x0000ffff, 0xffffffff);
    pattern(r, FCT, 0x0000ffff, 0xffffffff);
    pattern(r, VET, 0x0000ffff, 0xffffffff);
    pattern(r, RDTR, 0x0000ffff, 0xffffffff);
    pattern(r, RDBAH, 0xffffffff, 0xffffffff);
    pattern(r, RDLEN, 0x000fff80, 0x000fffff);
    pattern(r, RDH, 0x0000ffff, 0x0000ffff);
    pattern(r, RDT, 0x0000ffff, 0x0000ffff);
    pattern(r, FCRTH, 0x0000fff8, 0x0000fff8);
    pattern(r, FCTTV, 0x0000ffff, 0x0000ffff);
    pattern(r, TIPG, 0x3fffffff, 0x3fffffff);
    pattern(r, TDBAH, 0xffffffff, 0xffffffff);
    pattern(r, TDLEN, 0x000fff80, 0x000fffff);
    set_and_check(r, RCTL, 0xffffffff, 0x00000000);
    set_and_check(r, RCTL, 0x06dfb3fe, 0x003ffffb);
    set_and_check(r, TCTL, 0xffffffff, 0x00000000);
    set_and_check(r, RCTL, 0x06dfb3fe, 0xffffffff);
    pattern(r, RDBAL, 0xfffffff0, 0xffffffff);
    pattern(r, TXCW, 0xc000ffff, 0x0000ffff);
    pattern(r, TDBAL, 0xfffffff0, 0xffffffff);
    pattern(r, TIDV, 0x0000ffff, 0x0000ffff);
    for (unsigned i = 0; i < 15; i++)
        pattern(r, RA + 8 * i + 4, 0x8003ffff, 0xffffffff);
    for (unsigned i = 0; i < 128; i++)
        pattern(r, MTA + 4 * i, 0xffffffff, 0xffffffff);
}

static void ee_clock(struct rig *r, uint32_t eecd)
{
    wr(r, EECD, eecd | EECD_SK);
    wr(r, EECD, eecd);
}

static void ee_out(struct rig *r, unsigned bits, unsigned count)
{
    uint32_t eecd = rd(r, EECD) & ~(EECD_DO | EECD_DI);

    while (count--)
        ee_clock(r, eecd | (bits >> count & 1 ? EECD_DI : 0));
}

static uint16_t ee_read(struct rig *r, unsigned word)
{
    uint16_t val = 0;
    uint32_t eecd;

    wr(r, EECD, rd(r, EECD) | EECD_REQ);
    assert_true(rd(r, EECD) & EECD_GNT);
    eecd = rd(r, EECD) & ~(EECD_DI | EECD_SK);
    wr(r, EECD, eecd);
    wr(r, EECD, eecd | EECD_CS);
    ee_out(r, 6, 3);
    ee_out(r, word, 6);
    eecd = rd(r, EECD) & ~(EECD_DO | EECD_DI);
    for (unsigned i = 0; i < 16; i++) {
        wr(r, EECD, eecd | EECD_SK);
        val = (uint16_t)(val << 1 | !!(rd(r, EECD) & EECD_DO));
        wr(r, EECD, eecd);
    }
    wr(r, EECD, eecd & ~EECD_CS);
    wr(r, EECD, rd(r, EECD) & ~EECD_REQ);
    return val;
}

static void test_eeprom(void **state)
{
    struct rig *r = *state;
    uint16_t sum = 0;

    assert_true(rd(r, EECD) & EECD_PRES);
    assert_false(rd(r, EECD) & EECD_SIZE);
    for (unsigned i = 0; i < 64; i++)
        sum = (uint16_t)(sum + ee_read(r, i));
    assert_int_equal(sum, 0xbaba);
    assert_int_equal(ee_read(r, 0), 0x5452);
    assert_int_equal(ee_read(r, 1), 0x1200);
    assert_int_equal(ee_read(r, 2), 0x5634);
    assert_int_equal(ee_read(r, 0x0d), 0x100e);
    /* The same by EERD. */
    sum = 0;
    for (unsigned i = 0; i < 64; i++) {
        wr(r, EERD, i << 8 | EERD_START);
        assert_true(rd(r, EERD) & EERD_DONE);
        sum = (uint16_t)(sum + (rd(r, EERD) >> 16));
    }
    assert_int_equal(sum, 0xbaba);
}

static void test_interrupts(void **state)
{
    struct rig *r = *state;

    wr(r, IMC, 0xffffffff);
    for (unsigned i = 0; i < 10; i++) {
        uint32_t mask = 1u << i;

        wr(r, IMC, mask);
        wr(r, ICS, mask);
        assert_false(rig_irq(r));
        rd(r, ICR);
        wr(r, IMS, mask);
        wr(r, ICS, mask);
        assert_true(rig_irq(r));
        assert_true(rd(r, ICR) & mask);
        assert_false(rig_irq(r));
        wr(r, IMC, ~mask & 0x7fff);
        wr(r, ICS, ~mask & 0x7fff);
        assert_false(rig_irq(r));
        rd(r, ICR);
    }
}

static void phy_write(struct rig *r, unsigned reg, uint16_t val)
{
    wr(r, MDIC, 0x04200000u | reg << 16 | val);
    assert_true(rd(r, MDIC) & MDIC_R);
    assert_false(rd(r, MDIC) & MDIC_E);
}

static uint16_t phy_read(struct rig *r, unsigned reg)
{
    wr(r, MDIC, 0x08200000u | reg << 16);
    assert_true(rd(r, MDIC) & MDIC_R);
    return (uint16_t)rd(r, MDIC);
}

static void test_loopback(void **state)
{
    struct rig *r = *state;
    unsigned k = 0, l = 0;

    /* Rings of 256, buffers of 2 KiB: 1 MiB each would not fit, so they are shared in fours. */
    for (unsigned i = 0; i < 256; i++) {
        rig_txd(r, i, RIG_TX_BUF + i % 64 * 0x1000, 1024 | RIG_TXD_CMD | 0x10000000, 0);
        dm_put_le(r->f.ram + RIG_RX + 16 * i, 8, RIG_RX_BUF + i * 2048);
    }
    wr(r, TDBAL, RIG_TX);
    wr(r, TDLEN, 4096);
    wr(r, TDH, 0);
    wr(r, TDT, 0);
    wr(r, TCTL, TCTL_PSP | TCTL_EN | 0xf0 | 0x40000);
    wr(r, RCTL, rd(r, RCTL) & ~RCTL_EN);
    wr(r, RDBAL, RIG_RX);
    wr(r, RDLEN, 4096);
    wr(r, RDH, 0);
    wr(r, RDT, 0);
    wr(r, RCTL, RCTL_EN | RCTL_BAM);

    phy_write(r, 16, 0x0808);
    phy_write(r, PHY_CTRL, 0x9140);
    phy_write(r, PHY_CTRL, 0x8140);
    phy_write(r, PHY_CTRL, 0x4140);
    wr(r, CTRL,
       (rd(r, CTRL) & ~CTRL_SPEED) | CTRL_FRCSPD | CTRL_FRCDPX | CTRL_SPEED_1000 | CTRL_FD |
           CTRL_ILOS);
    phy_write(r, 29, 0x001f);
    phy_write(r, 30, 0x8ffc);
    phy_write(r, 29, 0x001a);
    phy_write(r, 30, 0x8ff0);

    wr(r, RDT, 255);
    for (unsigned i = 0; i < 64; i++) {
        uint8_t *data = r->f.ram + RIG_TX_BUF + i * 0x1000;

        memset(data, 0xff, 1024);
        memset(data + 512, 0xaa, 511);
        data[512 + 10] = 0xbe;
        data[512 + 12] = 0xaf;
    }
    for (unsigned j = 0; j < 10; j++) {
        k = (k + 64) % 256;
        wr(r, TDT, k);
        fake_advance(&r->f, 200 * DM_NS_PER_MS);
        for (unsigned i = 0; i < 64; i++, l = (l + 1) % 256) {
            const uint8_t *data = r->f.ram + RIG_RX_BUF + l * 2048;

            if (l == 255) /* the descriptor that the card never owned */
                continue;
            assert_int_equal(data[3], 0xff);
            assert_int_equal(data[512 + 10], 0xbe);
            assert_int_equal(data[512 + 12], 0xaf);
        }
    }
    assert_int_equal(r->net->sent_count, 0);
    assert_int_equal(rd(r, TDH), k);
    assert_int_equal(rd(r, GPRC), 255);
    assert_int_equal(rd(r, MPC), 640 - 255);

    wr(r, RCTL, rd(r, RCTL) & ~RCTL_LBM);
    phy_write(r, PHY_CTRL, phy_read(r, PHY_CTRL) & 0xbfff);
    phy_write(r, PHY_CTRL, phy_read(r, PHY_CTRL) | 0x8000);
    assert_false(phy_read(r, PHY_CTRL) & 0xc000);
}

static void test_link(void **state)
{
    struct rig *r = *state;

    assert_true(rd(r, STATUS) & STATUS_LU);
    phy_write(r, PHY_CTRL, phy_read(r, PHY_CTRL) | 0x1200);
    assert_false(rd(r, STATUS) & STATUS_LU);
    fake_advance(&r->f, 4 * DM_NS_PER_SEC);
    assert_true(rd(r, STATUS) & STATUS_LU);
}

UNIT_MAIN(RIG_TEST(test_registers), RIG_TEST(test_eeprom), RIG_TEST(test_interrupts),
          RIG_TEST(test_loopback), RIG_TEST(test_link))
