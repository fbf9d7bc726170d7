/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel 82540EM Gigabit Ethernet controller (PRO/1000 MT Desktop), PCI 8086:100E.
 *
 * PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual, 317453-006,
 * revision 4.0 (SDM). This file: the class, registers, interrupts, reset. e1000-tx.c and
 * e1000-rx.c: the rings; e1000-eeprom.c, e1000-phy.c.
 *
 * Missing: wake-up (registers are kept, nothing wakes), management (SMBus, ASF), flash, the
 * packet buffer's own memory (10000h up reads 0), MSI (which the chip has, but no driver of
 * it uses: errata), pause frames are never sent, UDP segmentation, collisions and all that
 * half duplex brings, receive descriptors' write-back thresholds (each is written at once).
 */
#include "hw/net/e1000.h"
#include "hw/net/net-rom.h"

#include "hw/classes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define E1000_ROM_NAME "pxe-e1000.rom"
#define ITR_UNIT_NS    256u

struct e1000_reg {
    uint16_t off, count, stride; /* bytes; count registers, stride apart */
    uint16_t field;              /* of struct e1000, uint32_t each; 0: none */
    uint32_t mask;               /* bits that can be set */
    uint32_t reset;
    uint32_t (*read)(struct e1000 *s, unsigned index); /* NULL: the field */
    void (*write)(struct e1000 *s, unsigned index, uint32_t val);
    bool ro; /* with write NULL: the guest cannot set it */
};

bool e1000_powered(const struct e1000 *s)
{
    return (s->pci.config[PM_PMCSR] & PM_STATE) == 0;
}

/* The only place that drives the line: from cause, mask and throttle (SDM 13.4.18, ITR). */
void e1000_irq_update(struct e1000 *s)
{
    uint64_t now;

    if (!(s->icr & s->ims) || !e1000_powered(s)) {
        if (dm_timer_armed(&s->itr_timer))
            dm_timer_cancel(&s->itr_timer);
        if (s->pci.intx_wanted)
            dm_pci_intx(&s->pci, false);
        return;
    }
    if (s->pci.intx_wanted || dm_timer_armed(&s->itr_timer))
        return;
    if (s->itr) {
        now = dm_clock_now(s->pci.dev.machine->clock);
        if (now < s->itr_next) {
            dm_timer_arm(&s->itr_timer, s->itr_next);
            return;
        }
        s->itr_next = now + (uint64_t)s->itr * ITR_UNIT_NS;
    }
    dm_pci_intx(&s->pci, true);
}

static void e1000_itr_expired(void *opaque)
{
    struct e1000 *s = opaque;

    s->itr_next = 0;
    e1000_irq_update(s);
}

void e1000_raise(struct e1000 *s, uint32_t cause)
{
    s->icr |= cause;
    e1000_irq_update(s);
}

static uint32_t *e1000_stat(struct e1000 *s, unsigned reg)
{
    return &s->stats[(reg - STATS) / 4];
}

void e1000_count(struct e1000 *s, unsigned reg, uint32_t add)
{
    uint32_t *stat = e1000_stat(s, reg);

    *stat = *stat > UINT32_MAX - add ? UINT32_MAX : *stat + add;
}

void e1000_count_octets(struct e1000 *s, unsigned reg, uint32_t add)
{
    uint32_t *low = e1000_stat(s, reg);

    *low += add;
    if (*low < add)
        low[1]++;
}

void e1000_count_size(struct e1000 *s, unsigned reg, size_t len)
{
    unsigned n = 0;

    for (size_t max = 64; len > max && n < 5; max = max == 64 ? 127 : 2 * max + 1)
        n++;
    if (len <= 1522)
        e1000_count(s, reg + 4 * n, 1);
}

/* Statistics clear when they are read; of two halves, when the upper one is. */
static uint32_t stat_read(struct e1000 *s, unsigned index)
{
    uint32_t val = s->stats[index];

    switch (STATS + 4 * index) {
    case GORCL:
    case GOTCL:
    case TORL:
    case TOTL:
        return val;
    case GORCH:
    case GOTCH:
    case TORH:
    case TOTH:
        s->stats[index - 1] = 0;
    }
    s->stats[index] = 0;
    return val;
}

static uint32_t status_read(struct e1000 *s, unsigned index)
{
    unsigned speed = e1000_phy_speed(s);
    bool fd = e1000_phy_duplex(s);
    uint32_t val = STATUS_ASDV(speed);

    if (s->ctrl & CTRL_FRCSPD)
        speed = (s->ctrl & CTRL_SPEED) >> 8 > 2 ? 2 : (s->ctrl & CTRL_SPEED) >> 8;
    if (s->ctrl & CTRL_FRCDPX)
        fd = s->ctrl & CTRL_FD;
    val |= STATUS_SPEED(speed) | (fd ? STATUS_FD : 0);
    return s->phy_link ? val | STATUS_LU : val;
}

static void e1000_soft_reset(struct e1000 *s);

static void ctrl_write(struct e1000 *s, unsigned index, uint32_t val)
{
    uint32_t old = s->ctrl;

    s->ctrl = val & (CTRL_RW | CTRL_PHY_RST);
    if (val & ~old & CTRL_PHY_RST)
        e1000_phy_reset(s, false);
    if (val & CTRL_RST)
        e1000_soft_reset(s);
}

/* The address of the card, from the EEPROM. */
static void e1000_load_mac(struct e1000 *s)
{
    const uint16_t *w = s->eeprom.word;

    s->ra[0] = (uint32_t)w[1] << 16 | w[0];
    s->ra[1] = RAH_AV | w[2];
}

static void ctrl_ext_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->ctrl_ext = val & CTRL_EXT_RW & ~CTRL_EXT_EE_RST;
    if (val & CTRL_EXT_EE_RST)
        e1000_load_mac(s);
}

static uint32_t icr_read(struct e1000 *s, unsigned index)
{
    uint32_t val = s->icr;

    s->icr = 0;
    e1000_irq_update(s);
    return val;
}

static void icr_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->icr &= ~val;
    e1000_irq_update(s);
}

static void ics_write(struct e1000 *s, unsigned index, uint32_t val)
{
    e1000_raise(s, val & ICR_ALL);
}

static void ims_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->ims |= val & ICR_ALL;
    e1000_irq_update(s);
}

static void imc_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->ims &= ~val;
    e1000_irq_update(s);
}

static void itr_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->itr = val & 0xffff;
    if (s->itr == 0) {
        s->itr_next = 0;
        dm_timer_cancel(&s->itr_timer);
    }
    e1000_irq_update(s);
}

static void rctl_write(struct e1000 *s, unsigned index, uint32_t val)
{
    if ((s->rctl ^ val) & RCTL_EN)
        e1000_rx_forget(s);
    s->rctl = val & RCTL_RW;
    e1000_rx_continue(s);
}

static void rdh_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->rdh = val & 0xffff;
    e1000_rx_forget(s);
    e1000_rx_continue(s);
}

static void rdbal_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->rdbal = val & ~15u;
    e1000_rx_forget(s);
}

static void rdbah_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->rdbah = val;
    e1000_rx_forget(s);
}

static void rdlen_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->rdlen = val & 0xfff80;
    e1000_rx_forget(s);
    e1000_rx_continue(s);
}

static void rdt_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->rdt = val & 0xffff;
    e1000_rx_continue(s);
}

static void rdtr_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->rdtr = val & 0xffff;
    if (val & RDTR_FPD)
        e1000_rx_flush_delay(s);
}

static void tctl_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->tctl = val & TCTL_RW;
    if (!(val & TCTL_EN))
        s->tx_skip = false;
    e1000_tx_run(s);
}

static void tdh_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->tdh = val & 0xffff;
    s->tx_skip = false;
}

static void tdt_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->tdt = val & 0xffff;
    e1000_tx_run(s);
}

static void tidv_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->tidv = val & 0xffff;
    if (val & TIDV_FPD)
        e1000_tx_flush_delay(s);
}

static void ra_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->ra[index] = index % 2 ? val & RAH_RW : val;
}

static void pba_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->pba = val & 0x7f;
}

static uint32_t pba_read(struct e1000 *s, unsigned index)
{
    return s->pba < PBA_TOTAL ? s->pba | (PBA_TOTAL - s->pba) << 16 : s->pba;
}

#define FIELD(m) ((uint16_t)offsetof(struct e1000, m))
#define REG(off, m, mask, reset)                            \
    {                                                       \
        off, 1, 4, FIELD(m), mask, reset, NULL, NULL, false \
    }
#define REG_FN(off, m, mask, reset, read, write)            \
    {                                                       \
        off, 1, 4, FIELD(m), mask, reset, read, write, true \
    }
#define REGS(off, m, n, stride, mask)                        \
    {                                                        \
        off, n, stride, FIELD(m), mask, 0, NULL, NULL, false \
    }

/* In order of their offsets. SDM 13.4 to 13.8. */
static const struct e1000_reg e1000_regs[] = {
    REG_FN(CTRL, ctrl, CTRL_RW | CTRL_PHY_RST, CTRL_FD | CTRL_SLU | CTRL_SPEED_1000, NULL,
           ctrl_write),
    { STATUS, 1, 4, 0, 0, 0, status_read, NULL, true },
    REG_FN(EECD, eecd, EECD_RW, 0x10, e1000_eecd_read, e1000_eecd_write),
    REG_FN(EERD, eerd, 0xffffff10, 0, NULL, e1000_eerd_write),
    REG_FN(CTRL_EXT, ctrl_ext, CTRL_EXT_RW, 0, NULL, ctrl_ext_write),
    REG(FLA, fla, 0x0000003f, 0),
    REG_FN(MDIC, mdic, 0x7fffffff, MDIC_R, NULL, e1000_mdic_write),
    REG(FCAL, fcal, 0xffffffff, 0),
    REG(FCAH, fcah, 0x0000ffff, 0),
    REG(FCT, fct, 0x0000ffff, 0),
    REG(VET, vet, 0x0000ffff, 0x8100),
    REG_FN(ICR, icr, ICR_ALL, 0, icr_read, icr_write),
    REG_FN(ITR, itr, 0xffff, 0, NULL, itr_write),
    { ICS, 1, 4, 0, 0, 0, NULL, ics_write, true },
    REG_FN(IMS, ims, ICR_ALL, 0, NULL, ims_write),
    { IMC, 1, 4, 0, 0, 0, NULL, imc_write, true },
    REG_FN(RCTL, rctl, RCTL_RW, 0, NULL, rctl_write),
    REG(FCTTV, fcttv, 0x0000ffff, 0),
    REG(TXCW, txcw, 0xc000ffff, 0),
    { RXCW, 1, 4, 0, 0, 0, NULL, NULL, true },
    REG_FN(TCTL, tctl, TCTL_RW, 0, NULL, tctl_write),
    REG(TIPG, tipg, 0x3fffffff, 0x00602008),
    REG(AIT, ait, 0x0000ffff, 0),
    REG(LEDCTL, ledctl, 0xcfcfcfcf, 0x07068302),
    REG_FN(PBA, pba, 0x0000007f, 0x30, pba_read, pba_write),
    REG(FCRTL, fcrtl, 0x8000fff8, 0),
    REG(FCRTH, fcrth, 0x8000fff8, 0),
    REGS(RDFH, rx_fifo, 5, 8, 0x1fff),
    REG_FN(RDBAL, rdbal, 0xfffffff0, 0, NULL, rdbal_write),
    REG_FN(RDBAH, rdbah, 0xffffffff, 0, NULL, rdbah_write),
    REG_FN(RDLEN, rdlen, 0x000fff80, 0, NULL, rdlen_write),
    REG_FN(RDH, rdh, 0x0000ffff, 0, NULL, rdh_write),
    REG_FN(RDT, rdt, 0x0000ffff, 0, NULL, rdt_write),
    REG_FN(RDTR, rdtr, 0x0000ffff, 0, NULL, rdtr_write),
    REG(RXDCTL, rxdctl, 0x013f3f3f, 0x00010000),
    REG(RADV, radv, 0x0000ffff, 0),
    REG(RSRPD, rsrpd, 0x00000fff, 0),
    REG(TXDMAC, txdmac, 0x00000001, 0x00000001),
    REGS(TDFH, tx_fifo, 5, 8, 0x1fff),
    REG(TDBAL, tdbal, 0xfffffff0, 0),
    REG(TDBAH, tdbah, 0xffffffff, 0),
    REG(TDLEN, tdlen, 0x000fff80, 0),
    REG_FN(TDH, tdh, 0x0000ffff, 0, NULL, tdh_write),
    REG_FN(TDT, tdt, 0x0000ffff, 0, NULL, tdt_write),
    REG_FN(TIDV, tidv, 0x0000ffff, 0, NULL, tidv_write),
    REG(TXDCTL, txdctl, 0xff3f3f3f, 0),
    REG(TADV, tadv, 0x0000ffff, 0),
    REG(TSPMT, tspmt, 0xffffffff, 0x01000400),
    { STATS, STATS_COUNT, 4, FIELD(stats), 0xffffffff, 0, stat_read, NULL, true },
    REG(RXCSUM, rxcsum, 0x000007ff, 0),
    REGS(MTA, mta, 128, 4, 0xffffffff),
    { RA, 2 * RA_COUNT, 4, FIELD(ra), 0xffffffff, 0, NULL, ra_write, true },
    REGS(VFTA, vfta, 128, 4, 0xffffffff),
    REG(WUC, wuc, 0x0000000f, 0),
    REG(WUFC, wufc, 0x000f00ff, 0),
    { WUS, 1, 4, FIELD(wus), 0, 0, NULL, NULL, true },
    REG(MANC, manc, 0x33ffff07, 0),
    REG(IPAV, ipav, 0x0001000f, 0),
    REGS(IP4AT, ip4at, 4, 8, 0xffffffff),
    REGS(IP6AT, ip6at, 4, 4, 0xffffffff),
    { WUPL, 1, 4, FIELD(wupl), 0, 0, NULL, NULL, true },
    REGS(FFLT, fflt, 4, 8, 0x000007ff),
    REGS(FFMT, ffmt, 128, 8, 0x0000000f),
    REGS(FFVT, ffvt, 128, 8, 0xffffffff),
};

/* SDM 13.2: where the 82542 had them; later chips answer there too. */
static const struct {
    uint16_t first, last, at; /* at: where first is now */
} e1000_aliases[] = {
    { 0x0040, 0x00bc, RA },    { 0x0108, 0x0108, RDTR },  { 0x0110, 0x0128, RDBAL },
    { 0x0160, 0x0160, FCRTH }, { 0x0168, 0x0168, FCRTL }, { 0x0200, 0x03fc, MTA },
    { 0x0420, 0x0440, TDBAL }, { 0x0600, 0x07fc, VFTA },  { 0x8000, 0x8000, RDFH },
    { 0x8008, 0x8008, RDFT },  { 0x8010, 0x8010, TDFH },  { 0x8018, 0x8018, TDFT },
};

/* The register at off and its number in its row. NULL: there is none. */
static const struct e1000_reg *e1000_find(uint32_t off, unsigned *index)
{
    unsigned low = 0, high = DM_ARRAY_LEN(e1000_regs) - 1;
    const struct e1000_reg *r;

    while (low < high) {
        unsigned mid = (low + high + 1) / 2;

        if (e1000_regs[mid].off <= off)
            low = mid;
        else
            high = mid - 1;
    }
    r = &e1000_regs[low];
    *index = (off - r->off) / r->stride;
    if (*index < r->count && (off - r->off) % r->stride == 0)
        return r;
    for (unsigned i = 0; i < DM_ARRAY_LEN(e1000_aliases); i++)
        if (off >= e1000_aliases[i].first && off <= e1000_aliases[i].last)
            return e1000_find(off - e1000_aliases[i].first + e1000_aliases[i].at, index);
    return NULL;
}

static uint32_t *e1000_reg_field(struct e1000 *s, const struct e1000_reg *r, unsigned index)
{
    return (uint32_t *)(void *)((uint8_t *)s + r->field) + index;
}

static uint64_t e1000_read(void *opaque, uint64_t off, unsigned size)
{
    struct e1000 *s = opaque;
    unsigned index;
    const struct e1000_reg *r = off % 4 ? NULL : e1000_find((uint32_t)off, &index);

    if (!e1000_powered(s))
        return dm_ones(size);
    if (!r)
        return 0;
    if (r->read)
        return r->read(s, index);
    return r->field ? *e1000_reg_field(s, r, index) : 0;
}

static void e1000_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct e1000 *s = opaque;
    unsigned index;
    const struct e1000_reg *r = off % 4 ? NULL : e1000_find((uint32_t)off, &index);

    if (!e1000_powered(s))
        return;
    if (!r) {
        dm_guest_error(&s->pci.dev, "no register at %#x (write of %#x)", (unsigned)off,
                       (unsigned)val);
        return;
    }
    if (r->write)
        r->write(s, index, (uint32_t)val);
    else if (r->field && !r->ro)
        *e1000_reg_field(s, r, index) = (uint32_t)val & r->mask;
}

static const struct dm_region_ops e1000_mmio_ops = {
    .read = e1000_read,
    .write = e1000_write,
    .min = 4,
    .max = 4,
};

/* SDM 13.2.2: all registers through two ports. */
static uint64_t e1000_io_read(void *opaque, uint64_t off, unsigned size)
{
    struct e1000 *s = opaque;

    if (!e1000_powered(s))
        return dm_ones(size);
    if (off == IOADDR)
        return s->ioaddr;
    return off == IODATA && s->ioaddr < E1000_MMIO_SIZE ? e1000_read(s, s->ioaddr, 4) : 0;
}

static void e1000_io_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct e1000 *s = opaque;

    if (!e1000_powered(s))
        return;
    if (off == IOADDR)
        s->ioaddr = (uint32_t)val & 0x000fffff;
    else if (off == IODATA && s->ioaddr < E1000_MMIO_SIZE)
        e1000_write(s, s->ioaddr, 4, val);
}

static const struct dm_region_ops e1000_io_ops = {
    .read = e1000_io_read,
    .write = e1000_io_write,
    .min = 4,
    .max = 4,
};

/* CTRL.RST: everything but PCI configuration, PHY and EEPROM. */
static void e1000_soft_reset(struct e1000 *s)
{
    struct dm_timer *const timers[] = { &s->itr_timer,  &s->tidv_timer, &s->tadv_timer,
                                        &s->rdtr_timer, &s->radv_timer, &s->tx_turn };

    for (unsigned i = 0; i < DM_ARRAY_LEN(timers); i++)
        dm_timer_cancel(timers[i]);
    for (unsigned i = 0; i < DM_ARRAY_LEN(e1000_regs); i++)
        for (unsigned n = 0; n < e1000_regs[i].count && e1000_regs[i].field; n++)
            *e1000_reg_field(s, &e1000_regs[i], n) = e1000_regs[i].reset;
    memset(s->context, 0, sizeof(s->context));
    s->tx_skip = s->tx_blocked = false;
    s->itr_next = 0;
    eeprom93xx_set(&s->eeprom, false, false, false);
    e1000_load_mac(s);
    e1000_rx_forget(s);
    e1000_rx_continue(s);
    e1000_irq_update(s);
}

static void e1000_reset(struct dm_device *dev)
{
    struct e1000 *s = (struct e1000 *)dev;

    s->ioaddr = 0;
    s->d_state = 0;
    eeprom93xx_reset(&s->eeprom);
    e1000_phy_reset(s, true);
    e1000_soft_reset(s);
}

/* PCI power management 1.1: D0 and D3hot; SDM 6.3. Leaving D3 resets the chip. */
static void e1000_config_written(struct dm_pci_device *pci, unsigned off, unsigned size)
{
    struct e1000 *s = (struct e1000 *)pci;
    uint8_t state = pci->config[PM_PMCSR] & PM_STATE;

    if (state != 0 && state != PM_D3HOT) /* states it does not have are not entered */
        pci->config[PM_PMCSR] = (uint8_t)((pci->config[PM_PMCSR] & ~PM_STATE) | s->d_state);
    else if (state != s->d_state) {
        s->d_state = state;
        if (state == 0)
            e1000_soft_reset(s);
        e1000_rx_continue(s);
        e1000_irq_update(s);
    }
    if (off < PCI_COMMAND + 2) {
        e1000_rx_forget(s);
        e1000_rx_continue(s);
        e1000_tx_run(s);
    }
}

static void e1000_pm_init(struct e1000 *s)
{
    uint8_t *cap = s->pci.config + PM_CAP;

    s->pci.config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    s->pci.config[PCI_CAPABILITY_LIST] = PM_CAP;
    cap[0] = 0x01;                 /* power management */
    cap[1] = 0;                    /* the last capability */
    dm_put_le(cap + 2, 2, 0x0022); /* version 1.1, needs its driver's set-up; no PME */
    s->pci.wmask[PM_PMCSR] = PM_STATE;
}

static int e1000_realize(struct dm_device *dev, struct dm_error *err)
{
    struct e1000 *s = (struct e1000 *)dev;
    struct dm_clock *clock = dev->machine->clock;
    int rc = net_rom_init(&s->pci, s->romfile, s->rombar, E1000_ROM_NAME, &s->rom, err);

    if (rc)
        return rc;
    dm_net_default_mac(dev->machine, s->mac);
    e1000_eeprom_init(s);
    e1000_pm_init(s);
    dm_timer_init(&s->autoneg, clock, e1000_autoneg_done, s);
    dm_timer_init(&s->itr_timer, clock, e1000_itr_expired, s);
    e1000_tx_timers_init(s);
    e1000_rx_timers_init(s);
    dm_net_set_user(s->net, &e1000_net_user, s);
    return 0;
}

static void e1000_unrealize(struct dm_device *dev)
{
    struct e1000 *s = (struct e1000 *)dev;

    dm_net_set_user(s->net, NULL, NULL);
    e1000_soft_reset(s);
    dm_timer_cancel(&s->autoneg);
    free(s->rom);
}

static void e1000_unplug(struct dm_device *dev, unsigned mask)
{
    if (mask & DM_UNPLUG_NICS)
        dm_device_destroy(dev);
}

/* Could the registers have these values? */
static bool e1000_regs_valid(struct e1000 *s)
{
    for (unsigned i = 0; i < DM_ARRAY_LEN(e1000_regs); i++)
        for (unsigned n = 0; n < e1000_regs[i].count && e1000_regs[i].field; n++)
            if (*e1000_reg_field(s, &e1000_regs[i], n) & ~e1000_regs[i].mask)
                return false;
    for (unsigned n = 1; n < DM_ARRAY_LEN(s->ra); n += 2)
        if (s->ra[n] & ~RAH_RW)
            return false;
    return s->ioaddr <= 0xfffff;
}

static int e1000_post_load(struct dm_device *dev, uint16_t version)
{
    struct e1000 *s = (struct e1000 *)dev;
    uint8_t state = s->pci.config[PM_PMCSR] & PM_STATE;

    if (!e1000_regs_valid(s) || eeprom93xx_post_load(&s->eeprom) ||
        (state != 0 && state != PM_D3HOT))
        return -EINVAL;
    e1000_pm_init(s);
    s->d_state = state;
    s->itr_next = dm_timer_armed(&s->itr_timer) ? s->itr_timer.at : 0;
    s->tx_blocked = false;
    e1000_rx_forget(s);
    s->rx_refused = false;
    e1000_phy_loaded(s); /* what the ring has to send goes when the machine runs: see writable */
    return 0;
}

static const struct dm_prop e1000_props[] = {
    DM_PROP(struct e1000, net, DM_PROP_NET, "netdev"),
    DM_PROP(struct e1000, mac, DM_PROP_MAC, "mac"),
    DM_PROP(struct e1000, romfile, DM_PROP_STR, "romfile"),
    DM_PROP(struct e1000, rombar, DM_PROP_STR, "rombar"),
    DM_PROPS_END,
};

static const struct dm_field e1000_context_fields[] = {
    DM_UINT(struct e1000_context, ipcss, 1),  DM_UINT(struct e1000_context, ipcso, 1),
    DM_UINT(struct e1000_context, tucss, 1),  DM_UINT(struct e1000_context, tucso, 1),
    DM_UINT(struct e1000_context, ipcse, 1),  DM_UINT(struct e1000_context, tucse, 1),
    DM_UINT(struct e1000_context, hdrlen, 1), DM_UINT(struct e1000_context, mss, 1),
    DM_UINT(struct e1000_context, cmd, 1),    DM_FIELDS_END,
};

#define R(m)  DM_UINT(struct e1000, m, 1)
#define RS(m) DM_UINTS(struct e1000, m, 1)
static const struct dm_field e1000_fields[] = {
    R(ctrl),
    R(eecd),
    R(eerd),
    R(ctrl_ext),
    R(fla),
    R(mdic),
    R(fcal),
    R(fcah),
    R(fct),
    R(vet),
    R(fcttv),
    R(txcw),
    R(icr),
    R(itr),
    R(ims),
    R(rctl),
    R(fcrtl),
    R(fcrth),
    R(rdbal),
    R(rdbah),
    R(rdlen),
    R(rdh),
    R(rdt),
    R(rdtr),
    R(rxdctl),
    R(radv),
    R(rsrpd),
    R(rxcsum),
    R(tctl),
    R(tipg),
    R(ait),
    R(txdmac),
    R(tdbal),
    R(tdbah),
    R(tdlen),
    R(tdh),
    R(tdt),
    R(tidv),
    R(txdctl),
    R(tadv),
    R(tspmt),
    RS(rx_fifo),
    RS(tx_fifo),
    R(ledctl),
    R(pba),
    RS(mta),
    RS(ra),
    RS(vfta),
    R(wuc),
    R(wufc),
    R(wus),
    R(manc),
    R(ipav),
    RS(ip4at),
    RS(ip6at),
    R(wupl),
    RS(fflt),
    RS(ffmt),
    RS(ffvt),
    RS(stats),
    R(ioaddr),
    DM_STRUCT(struct e1000, eeprom, 1, eeprom93xx_fields),
    RS(phy),
    DM_BOOL(struct e1000, phy_link, 1),
    DM_BOOL(struct e1000, phy_link_lost, 1),
    DM_STRUCTS(struct e1000, context, 1, e1000_context_fields),
    DM_BOOL(struct e1000, tx_skip, 1),
    DM_TIMER(struct e1000, autoneg, 1),
    DM_TIMER(struct e1000, itr_timer, 1),
    DM_TIMER(struct e1000, tidv_timer, 1),
    DM_TIMER(struct e1000, tadv_timer, 1),
    DM_TIMER(struct e1000, rdtr_timer, 1),
    DM_TIMER(struct e1000, radv_timer, 1),
    DM_FIELDS_END,
};
#undef R
#undef RS

static const struct dm_pci_info e1000_pci = {
    .vendor = 0x8086,
    .device = 0x100e,
    /* The PRO/1000 MT Desktop Adapter: what Windows' own driver lists by name. */
    .subsystem_vendor = 0x8086,
    .subsystem = 0x001e,
    .class = 0x02,
    .subclass = 0x00,
    .revision = 3,
    .pin = 1,
    .slot = PCI_SLOT_ANY,
    .bar = {
        [0] = { .size = E1000_MMIO_SIZE, .ops = &e1000_mmio_ops },
        [1] = { .size = E1000_IO_SIZE, .flags = PCI_BAR_IO, .ops = &e1000_io_ops },
    },
    .config_written = e1000_config_written,
};

const struct dm_class e1000_class = {
    .name = "e1000",
    .size = sizeof(struct e1000),
    .version = 1,
    .pci = &e1000_pci,
    .props = e1000_props,
    .realize = e1000_realize,
    .unrealize = e1000_unrealize,
    .reset = e1000_reset,
    .fields = e1000_fields,
    .post_load = e1000_post_load,
    .unplug = e1000_unplug,
};
