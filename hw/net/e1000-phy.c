/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PHY of the e1000: the 88E1011 that the 82540EM contains, and its link to a partner that can
 * do everything (as a switch). SDM 13.4.6 (MDIC) and its PHY registers; IEEE 802.3 clauses 22,
 * 28 and 40.
 *
 * Missing: next pages, cable test, counters of errors (there are none), LED registers do nothing.
 */
#include "hw/net/e1000.h"

#include <string.h>

/*
 * A real one takes two seconds. Drivers expect that the link comes back after they have
 * returned from starting it, with interrupts on by then; what is long enough for all that are
 * known is this.
 */
#define AUTONEG_NS (500 * DM_NS_PER_MS)

static const struct {
    uint16_t reset, mask; /* mask: bits the guest may write */
} phy_regs[32] = {
    [PHY_CTRL] = { 0x1140, 0xffc0 },
    [PHY_STATUS] = { 0x7949, 0 },
    [PHY_ID1] = { 0x0141, 0 },
    [PHY_ID2] = { 0x0c20, 0 },
    [PHY_ANA] = { 0x0de1, 0xffff },
    [PHY_LPA] = { 0, 0 },
    [PHY_ANE] = { 0x0004, 0 },
    [PHY_NPT] = { 0x2001, 0xffff },
    [PHY_GCON] = { 0x0e00, 0xff00 },
    [PHY_GSTATUS] = { 0, 0 },
    [PHY_ESTATUS] = { 0x3000, 0 },
    [PHY_PSCON] = { 0x0360, 0xffff },
    [PHY_PSSTAT] = { 0x8000, 0 },
    [PHY_PINTE] = { 0, 0xffff },
    [PHY_EPSCON1] = { 0x0d60, 0xffff },
    [24] = { 0x4100, 0xffff }, /* LED control, LED override */
    [25] = { 0, 0xffff },
    [26] = { 0x000a, 0xffff }, /* extended specific control 2 */
    [29] = { 0, 0xffff },      /* R30 page select and access: analogue tuning */
    [30] = { 0, 0xffff },
};

bool e1000_phy_loopback(const struct e1000 *s)
{
    return s->phy[PHY_CTRL] & PHY_CTRL_LOOPBACK;
}

/* Best common way with a partner that can do all: 4 and 5 are 1000 Mbit/s, -1: none. */
static int phy_resolve(const struct e1000 *s)
{
    uint16_t ana = s->phy[PHY_ANA];

    if (s->phy[PHY_GCON] & PHY_GCON_FD)
        return 5;
    for (int way = 3; way >= 0; way--)
        if (ana & 0x20 << way) /* 10 half, 10 full, 100 half, 100 full */
            return way;
    return -1;
}

unsigned e1000_phy_speed(const struct e1000 *s)
{
    uint16_t ctrl = s->phy[PHY_CTRL];

    if (ctrl & PHY_CTRL_AUTONEG)
        return phy_resolve(s) < 0 ? 0 : (unsigned)phy_resolve(s) / 2;
    if (ctrl & PHY_CTRL_SPEED1)
        return 2;
    return ctrl & PHY_CTRL_SPEED0 ? 1 : 0;
}

bool e1000_phy_duplex(const struct e1000 *s)
{
    if (s->phy[PHY_CTRL] & PHY_CTRL_AUTONEG)
        return phy_resolve(s) > 0 && phy_resolve(s) % 2;
    return s->phy[PHY_CTRL] & PHY_CTRL_FD;
}

static void phy_event(struct e1000 *s, uint16_t what)
{
    s->phy[PHY_PINTS] |= what;
    if (s->phy[PHY_PINTE] & what)
        e1000_raise(s, ICR_PHYINT);
}

/* What follows from the link being there, or not. */
static void phy_link_set(struct e1000 *s, bool up)
{
    bool autoneg = s->phy[PHY_CTRL] & PHY_CTRL_AUTONEG, gigabit = e1000_phy_speed(s) == 2;

    s->phy[PHY_STATUS] &= (uint16_t) ~(PHY_STATUS_LINK | PHY_STATUS_DONE);
    s->phy[PHY_PSSTAT] = 0x8000;
    s->phy[PHY_LPA] = 0;
    s->phy[PHY_ANE] = 0x0004;
    s->phy[PHY_GSTATUS] = 0;
    if (up) {
        s->phy[PHY_STATUS] |= PHY_STATUS_LINK;
        s->phy[PHY_PSSTAT] =
            (uint16_t)(e1000_phy_speed(s) << 14 | PHY_PSSTAT_DONE | PHY_PSSTAT_LINK |
                       (e1000_phy_duplex(s) ? PHY_PSSTAT_FD : 0));
        if (gigabit)
            s->phy[PHY_GSTATUS] = 0x3000; /* both receivers are well */
    }
    if (up && autoneg) {
        s->phy[PHY_STATUS] |= PHY_STATUS_DONE;
        s->phy[PHY_LPA] = 0x41e1; /* acknowledged; 10 and 100 in both duplexes; no pause */
        s->phy[PHY_ANE] = 0x000f;
        s->phy[PHY_GSTATUS] |= 0x0c00;
    }
    if (up == s->phy_link)
        return;
    s->phy_link = up;
    s->phy_link_lost |= !up;
    phy_event(s, PHY_PINT_LINK);
    e1000_raise(s, ICR_LSC);
    e1000_rx_continue(s);
}

/* Begins anew to look for a link; now: it takes no time. */
static void phy_link_start(struct e1000 *s, bool now)
{
    uint16_t ctrl = s->phy[PHY_CTRL];
    bool cable = dm_net_link(s->net) && !(ctrl & PHY_CTRL_POWER);

    dm_timer_cancel(&s->autoneg);
    if (!(ctrl & PHY_CTRL_AUTONEG)) {
        phy_link_set(s, cable || (ctrl & PHY_CTRL_LOOPBACK));
        return;
    }
    phy_link_set(s, now && cable && phy_resolve(s) >= 0);
    if (cable && !now)
        dm_timer_arm(&s->autoneg, dm_clock_now(s->pci.dev.machine->clock) + AUTONEG_NS);
}

void e1000_autoneg_done(void *opaque)
{
    struct e1000 *s = opaque;

    phy_link_set(s, phy_resolve(s) >= 0);
    phy_event(s, PHY_PINT_DONE);
}

void e1000_phy_link_changed(struct e1000 *s)
{
    phy_link_start(s, false);
}

void e1000_phy_loaded(struct e1000 *s)
{
    uint16_t ctrl = s->phy[PHY_CTRL];
    bool cable = dm_net_link(s->net) && !(ctrl & PHY_CTRL_POWER);
    bool can = cable && (!(ctrl & PHY_CTRL_AUTONEG) || phy_resolve(s) >= 0);

    if (!(ctrl & PHY_CTRL_AUTONEG) && (ctrl & PHY_CTRL_LOOPBACK))
        can = true;
    if (s->phy_link != can && !(can && dm_timer_armed(&s->autoneg)))
        phy_link_start(s, false);
    else if (!can)
        dm_timer_cancel(&s->autoneg);
}

void e1000_phy_reset(struct e1000 *s, bool power_on)
{
    for (unsigned i = 0; i < DM_ARRAY_LEN(phy_regs); i++)
        s->phy[i] = phy_regs[i].reset;
    phy_link_start(s, power_on);
    if (power_on)
        s->phy_link_lost = false;
}

static uint16_t phy_read(struct e1000 *s, unsigned reg)
{
    uint16_t val = s->phy[reg];

    if (reg == PHY_STATUS) {
        if (s->phy_link_lost)
            val &= (uint16_t)~PHY_STATUS_LINK;
        s->phy_link_lost = false;
    } else if (reg == PHY_PINTS) {
        s->phy[reg] = 0;
    }
    return val;
}

static void phy_write(struct e1000 *s, unsigned reg, uint16_t val)
{
    uint16_t old = s->phy[reg];

    val = (uint16_t)((old & ~phy_regs[reg].mask) | (val & phy_regs[reg].mask));
    s->phy[reg] = val;
    if (reg != PHY_CTRL)
        return;
    /* These two clear themselves. A reset keeps what is written with it (Marvell's way). */
    s->phy[reg] &= (uint16_t) ~(PHY_CTRL_RESET | PHY_CTRL_RESTART);
    if ((val & (PHY_CTRL_RESET | PHY_CTRL_RESTART)) ||
        (val ^ old) & (PHY_CTRL_AUTONEG | PHY_CTRL_POWER | PHY_CTRL_LOOPBACK | PHY_CTRL_FD |
                       PHY_CTRL_SPEED0 | PHY_CTRL_SPEED1))
        phy_link_start(s, false);
}

void e1000_mdic_write(struct e1000 *s, unsigned index, uint32_t val)
{
    unsigned reg = MDIC_REG(val);

    s->mdic = (val & ~(MDIC_E | 0x80000000u)) | MDIC_R;
    if (MDIC_PHY(val) != PHY_ADDRESS) {
        s->mdic |= MDIC_E;
    } else if (MDIC_OP(val) == MDIC_READ) {
        s->mdic = (s->mdic & ~MDIC_DATA) | phy_read(s, reg);
    } else if (MDIC_OP(val) == MDIC_WRITE) {
        phy_write(s, reg, (uint16_t)val);
    } else {
        s->mdic |= MDIC_E;
    }
    if (val & MDIC_I)
        e1000_raise(s, ICR_MDAC);
}
