/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Realtek RTL8139C+ Fast Ethernet controller, PCI 10EC:8139 revision 20h.
 *
 * RTL8139C(L)+ data sheet 1.6 and, for the C mode, RTL8139C(L) data sheet 1.4; section numbers
 * in comments are the former's. This file: the class, registers, interrupts, timer, EEPROM,
 * PHY, reset. rtl8139-tx.c and rtl8139-rx.c: the rings.
 *
 * Drivers that were looked at: Linux 8139cp and 8139too, iPXE. 8139too and the drivers of
 * Windows use the C mode, the others the C+ mode.
 *
 * Missing: wake-up (its registers are kept, nothing wakes), flash memory, vital product data,
 * CardBus, early receive interrupts (a frame is always whole when it comes), frames with
 * errors, collisions and pause frames. What the guest writes to the EEPROM goes with the saved
 * state, but into no file. The station address and CONFIG5 are not locked by CR9346, as
 * drivers write them without.
 */
#include "hw/net/rtl8139.h"
#include "hw/net/net-rom.h"

#include "hw/classes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RTL_ROM_NAME        "pxe-rtl8139.rom"
#define RTL_TICK_NS         30 /* TCTR at 33 MHz */

/* Power management capability (PCI Power Management 1.1, 3.2). */
#define PM_CAP              0x50
#define PM_PMC              (PM_CAP + 2)
#define PM_PMCSR            (PM_CAP + 4)
#define PM_STATE            3
#define PM_PMC_VALUE        0xf7c2 /* PME from D0 to D3cold, D1, D2, version 1.1 */

#define STATUS_MASTER_ABORT 0x2000

struct rtl_reg {
    uint8_t off, size, count; /* size in bytes; count of them, one behind the other */
    bool locked;              /* needs CR9346_CONFIG */
    bool kept;                /* by CR.RST */
    uint32_t mask;            /* bits that can be written, when there is no write */
    uint32_t reset;
    /* val: bits that were not written are as they are; bytes: ones where they were. */
    void (*write)(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes);
};

bool rtl_awake(const struct rtl8139 *s)
{
    return s->power == 0 && s->pci.dma.enabled;
}

/* The only place that drives the line (6.7). */
static void rtl_update_irq(struct rtl8139 *s)
{
    bool level = s->power == 0 && rtl_get(s, ISR, 2) & rtl_get(s, IMR, 2);

    if (level != s->pci.intx_wanted)
        dm_pci_intx(&s->pci, level);
}

void rtl_raise(struct rtl8139 *s, unsigned bits)
{
    rtl_put(s, ISR, 2, rtl_get(s, ISR, 2) | bits);
    rtl_update_irq(s);
}

void rtl_bus_error(struct rtl8139 *s, const char *what)
{
    uint32_t status = dm_pci_get(&s->pci, PCI_STATUS, 2);

    dm_guest_error(&s->pci.dev, "%s where there is no memory", what);
    dm_pci_put(&s->pci, PCI_STATUS, 2, status | STATUS_MASTER_ABORT);
    rtl_raise(s, INT_SERR);
}

/* TCTR counts from the last write on; INT_TIMEOUT comes when it is TIMERINT, if not 0 (6.20). */
static uint64_t rtl_ticks(const struct rtl8139 *s)
{
    return (dm_clock_now(s->pci.dev.machine->clock) - s->tctr_zero) / RTL_TICK_NS;
}

static void rtl_timer_update(struct rtl8139 *s)
{
    uint64_t ticks = rtl_ticks(s);
    uint32_t at = rtl_get(s, TIMERINT, 4), left = at - (uint32_t)ticks;

    if (at == 0)
        dm_timer_cancel(&s->timeout);
    else
        dm_timer_arm(&s->timeout,
                     s->tctr_zero + (ticks + (left ? left : 1ull << 32)) * RTL_TICK_NS);
}

static void rtl_timer_fired(void *opaque)
{
    struct rtl8139 *s = opaque;

    rtl_raise(s, INT_TIMEOUT);
    rtl_timer_update(s);
}

static void rtl_set_ticks(struct rtl8139 *s, uint32_t ticks)
{
    s->tctr_zero = dm_clock_now(s->pci.dev.machine->clock) - (uint64_t)ticks * RTL_TICK_NS;
    rtl_timer_update(s);
}

/* Registers that others determine. Called before a read of [off, off + size), and before saving. */
static void rtl_refresh(struct rtl8139 *s, unsigned off, unsigned size)
{
    bool up = dm_net_link(s->net);
    unsigned sum = 0;

    if (off <= CR && off + size > CR)
        s->regs[CR] = (uint8_t)((s->regs[CR] & ~CR_BUFE) | (rtl_rx_empty(s) ? CR_BUFE : 0));
    if (off + size <= TCTR || (off >= IMR && off + size <= TCR))
        return;
    rtl_put(s, TCTR, 4, (uint32_t)rtl_ticks(s));
    s->regs[CR9346] =
        (uint8_t)((s->regs[CR9346] & ~CR9346_EEDO) |
                  (s->regs[CR9346] >> CR9346_MODE == CR9346_PROGRAM && eeprom93xx_get(&s->eeprom)
                       ? CR9346_EEDO
                       : 0));
    s->regs[MSR] = (uint8_t)((s->regs[MSR] & ~(MSR_LINKB | MSR_SPEED10)) | (up ? 0 : MSR_LINKB) |
                             (rtl_get(s, BMCR, 2) & (BMCR_SPEED | BMCR_ANE) ? 0 : MSR_SPEED10));
    for (unsigned n = 0; n < RTL_SLOTS; n++) {
        uint32_t tsd = rtl_get(s, TSD0 + 4 * n, 4);

        sum |= (tsd & TSD_OWN ? 0x1u : 0) << n | (tsd & TSD_TABT ? 0x10u : 0) << n |
               (tsd & TSD_TUN ? 0x100u : 0) << n | (tsd & TSD_TOK ? 0x1000u : 0) << n;
    }
    rtl_put(s, TSAD, 2, sum);
    rtl_put(s, BMSR, 2, BMSR_NO_LINK | (up ? BMSR_UP : 0));
    rtl_put(s, ANLPAR, 2, up ? ANLPAR_UP : 0);
    rtl_put(s, ANER, 2, up ? ANER_UP : 0);
    rtl_put(s, CSCR, 2, (rtl_get(s, CSCR, 2) & ~(unsigned)CSCR_LINK) | (up ? CSCR_LINK : 0));
}

/* Station address from the EEPROM, at power-on and on request (7). */
static void rtl_load_address(struct rtl8139 *s)
{
    for (unsigned i = 0; i < DM_NET_MAC_LEN / 2; i++)
        rtl_put(s, IDR0 + 2 * i, 2, s->eeprom.word[EE_MAC + i]);
}

static void rtl_eeprom_init(struct rtl8139 *s)
{
    const struct dm_pci_info *info = s->pci.dev.class->pci;
    uint16_t *w = s->eeprom.word;

    memset(w, 0, sizeof(s->eeprom.word));
    w[EE_ID] = 0x8129;
    w[EE_VENDOR] = info->vendor;
    w[EE_DEVICE] = info->device;
    w[EE_SUBVENDOR] = info->subsystem_vendor;
    w[EE_SUBSYSTEM] = info->subsystem;
    w[EE_GNT_LAT] = 0x4020;
    w[EE_MSRBMCR] = 0x01e1;
    for (unsigned i = 0; i < DM_NET_MAC_LEN / 2; i++)
        w[EE_MAC + i] = (uint16_t)dm_get_le(s->mac + 2 * i, 2);
    w[EE_CONFIG01] = 0x0d00;
    w[EE_PMC] = PM_PMC_VALUE;
    eeprom93xx_reset(&s->eeprom);
}

static void rtl_stop_rings(struct rtl8139 *s)
{
    dm_timer_cancel(&s->tx_timer);
    dm_timer_cancel(&s->rx_timer);
    s->tx_waits = false;
    rtl_rx_look(s); /* a receiver that is off has room: it drops */
}

static void rtl_rx_restart(struct rtl8139 *s)
{
    s->rx_index = 0;
    rtl_put(s, CAPR, 2, 0xfff0);
    rtl_put(s, CBR, 2, 0);
}

static void rtl_regs_reset(struct rtl8139 *s, bool power_on);

/* 6.6 */
static void rtl_cr_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes)
{
    uint8_t was = s->regs[CR];

    (void)r;
    (void)bytes;
    if (val & CR_RST) {
        rtl_regs_reset(s, false);
        return;
    }
    if (val & CR_RE && !(was & CR_RE))
        rtl_rx_restart(s);
    if (val & CR_TE && !(was & CR_TE))
        s->tx_index[0] = s->tx_index[1] = 0;
    s->regs[CR] = (uint8_t)((was & CR_BUFE) | (val & (CR_TE | CR_RE)));
    rtl_rx_look(s);
    if (val & CR_TE && !(was & CR_TE) && !(rtl_get(s, CPCR, 2) & CPCR_TX))
        rtl_tx_run(s, 0);
}

/* 64 bytes of counters go to memory (6.3). */
static void rtl_dump_counters(struct rtl8139 *s)
{
    uint64_t at = (rtl_get(s, DTCCR, 4) & ~0x3fu) | (uint64_t)rtl_get(s, DTCCR + 4, 4) << 32;
    const struct rtl_stats *st = &s->stats;
    uint8_t buf[64];

    dm_put_le(buf, 8, st->tx_ok);
    dm_put_le(buf + 8, 8, st->rx_ok);
    dm_put_le(buf + 16, 8, st->tx_err);
    dm_put_le(buf + 24, 4, st->rx_err);
    dm_put_le(buf + 28, 2, st->missed);
    dm_put_le(buf + 30, 2, st->align);
    dm_put_le(buf + 32, 4, st->tx_one_collision);
    dm_put_le(buf + 36, 4, st->tx_collisions);
    dm_put_le(buf + 40, 8, st->rx_phys);
    dm_put_le(buf + 48, 8, st->rx_broadcast);
    dm_put_le(buf + 56, 4, st->rx_multicast);
    dm_put_le(buf + 60, 2, st->tx_abort);
    dm_put_le(buf + 62, 2, st->tx_underrun);
    if (!dm_dma_write(&s->pci.dma, at, buf, sizeof(buf)))
        rtl_bus_error(s, "counters");
}

/* Transmit status of a slot (6.2); the first two are DTCCR in C+ mode. */
static void rtl_tsd_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes)
{
    if (rtl_get(s, CPCR, 2) & CPCR_TX) {
        if (r->off == DTCCR + 4) {
            rtl_put(s, r->off, 4, val);
        } else if (r->off == DTCCR) {
            rtl_put(s, r->off, 4, val & ~(uint32_t)DTCCR_CMD);
            if (val & bytes & DTCCR_CMD)
                rtl_dump_counters(s);
        }
        return;
    }
    /* A write of OWN = 0 starts it; the status bits are read-only and start anew. */
    rtl_put(s, r->off, 4, val & (TSD_SIZE | TSD_OWN | TSD_ERTXTH));
    if (bytes & TSD_OWN && !(val & TSD_OWN))
        rtl_tx_run(s, 0);
}

/* Buffers of the C mode, rings of the C+ mode (6.4). */
static void rtl_tsad_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes)
{
    bool cplus = rtl_get(s, CPCR, 2) & CPCR_TX, low = (r->off & 4) == 0;

    (void)bytes;
    rtl_put(s, r->off, 4, cplus && low ? val & ~(uint32_t)RING_ALIGN : val);
    if (cplus)
        s->tx_index[r->off >= THPDS] = 0;
}

static void rtl_rdsar_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val,
                            uint32_t bytes)
{
    (void)bytes;
    rtl_put(s, r->off, 4, r->off == RDSAR ? val & ~(uint32_t)RING_ALIGN : val);
    s->rx_index = 0;
}

static void rtl_capr_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes)
{
    (void)r;
    (void)bytes;
    rtl_put(s, CAPR, 2, val);
    rtl_rx_look(s);
}

/*
 * The retries are for drivers that took frames out: these writes end their work.
 *
 * 8139too stops after 64 frames, when it has acknowledged as many, and goes on only if the bit
 * is there again: with the next frame. Rings seldom hold so many on a wire, but here they do,
 * and there may be no next frame as long as one waits for room. So they are told of again.
 */
static void rtl_imr_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes)
{
    uint32_t on = val & ~rtl_get(s, IMR, 2);

    (void)r;
    (void)bytes;
    rtl_put(s, IMR, 2, val & INT_ALL);
    if (on & INT_ROK && s->regs[CR] & CR_RE && !rtl_rx_empty(s))
        rtl_put(s, ISR, 2, rtl_get(s, ISR, 2) | INT_ROK);
    rtl_update_irq(s);
    rtl_rx_look(s);
}

static void rtl_isr_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes)
{
    (void)r;
    rtl_put(s, ISR, 2, rtl_get(s, ISR, 2) & ~(val & bytes));
    if (val & bytes & INT_LINKCHG)
        rtl_put(s, CSCR, 2, rtl_get(s, CSCR, 2) & ~(unsigned)CSCR_CHANGED);
    rtl_update_irq(s);
    rtl_rx_look(s);
}

static void rtl_rcr_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes)
{
    unsigned size = rtl_rx_ring_size(s);

    (void)r;
    (void)bytes;
    rtl_put(s, RCR, 4, val & RCR_WRITABLE);
    if (rtl_rx_ring_size(s) != size) /* the old pointers mean nothing in it */
        rtl_rx_restart(s);
    rtl_rx_look(s);
}

static void rtl_tctr_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes)
{
    (void)r;
    (void)val;
    (void)bytes;
    rtl_set_ticks(s, 0);
}

static void rtl_mpc_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes)
{
    (void)r;
    (void)val;
    (void)bytes;
    rtl_put(s, MPC, 4, 0);
}

static void rtl_timerint_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val,
                               uint32_t bytes)
{
    (void)r;
    (void)bytes;
    rtl_put(s, TIMERINT, 4, val);
    rtl_timer_update(s);
}

/* 6.11 */
static void rtl_cr9346_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val,
                             uint32_t bytes)
{
    bool program = val >> CR9346_MODE == CR9346_PROGRAM;

    (void)r;
    (void)bytes;
    if (val >> CR9346_MODE == CR9346_LOAD) {
        rtl_load_address(s);
        val = CR9346_NORMAL; /* it ends by itself */
    }
    eeprom93xx_set(&s->eeprom, program && val & CR9346_EECS, program && val & CR9346_EESK,
                   program && val & CR9346_EEDI);
    s->regs[CR9346] =
        (uint8_t)(val & (3u << CR9346_MODE | CR9346_EECS | CR9346_EESK | CR9346_EEDI));
}

/* The PHY's reset and negotiation take no time. */
static void rtl_bmcr_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes)
{
    (void)bytes;
    if (val & BMCR_RESET)
        val = r->reset;
    rtl_put(s, BMCR, 2, val & (BMCR_SPEED | BMCR_ANE | BMCR_DUPLEX));
}

/* 6.32 */
static void rtl_tppoll_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val,
                             uint32_t bytes)
{
    (void)r;
    (void)bytes;
    if (val & TPPOLL_FSWINT)
        rtl_raise(s, INT_SWINT);
    if (val & (TPPOLL_HPQ | TPPOLL_NPQ) && rtl_get(s, CPCR, 2) & CPCR_TX)
        rtl_tx_run(s, RTL_TX_DOORBELL | (val & (TPPOLL_HPQ | TPPOLL_NPQ)));
}

/* 6.33 */
static void rtl_cpcr_write(struct rtl8139 *s, const struct rtl_reg *r, uint32_t val, uint32_t bytes)
{
    uint32_t was = rtl_get(s, CPCR, 2);

    (void)r;
    (void)bytes;
    rtl_put(s, CPCR, 2, val & CPCR_WRITABLE);
    if ((val ^ was) & CPCR_TX) { /* the registers at 10h change their meaning */
        s->tx_waits = false;
        s->tx_index[0] = s->tx_index[1] = 0;
        for (unsigned n = 0; n < RTL_SLOTS; n++)
            rtl_put(s, TSD0 + 4 * n, 4, val & CPCR_TX ? 0 : TSD_OWN);
    }
    if ((val ^ was) & CPCR_RX)
        s->rx_index = 0;
    rtl_rx_look(s);
}

static const struct rtl_reg rtl_regs[] = {
    { IDR0, 4, 1, .mask = ~0u, .kept = true },
    { IDR4, 2, 1, .mask = 0xffff, .kept = true },
    { MAR0, 4, 2, .mask = ~0u, .kept = true },
    { TSD0, 4, RTL_SLOTS, .reset = TSD_OWN, .write = rtl_tsd_write },
    { TSAD0, 4, RTL_SLOTS, .write = rtl_tsad_write },
    { RBSTART, 4, 1, .mask = ~0u },
    { CR, 1, 1, .reset = CR_BUFE, .write = rtl_cr_write },
    { CAPR, 2, 1, .reset = 0xfff0, .write = rtl_capr_write },
    { CBR, 2, 1, .mask = 0 },
    { IMR, 2, 1, .write = rtl_imr_write },
    { ISR, 2, 1, .write = rtl_isr_write },
    { TCR, 4, 1, .mask = TCR_WRITABLE, .reset = TCR_RESET },
    { RCR, 4, 1, .write = rtl_rcr_write },
    { TCTR, 4, 1, .write = rtl_tctr_write },
    { MPC, 4, 1, .write = rtl_mpc_write },
    { CR9346, 1, 1, .write = rtl_cr9346_write },
    { CONFIG0, 1, 1, .mask = 0, .kept = true },
    { CONFIG1, 1, 1, .mask = 0xf0, .reset = 0x0d, .locked = true, .kept = true },
    { TIMERINT, 4, 1, .write = rtl_timerint_write },
    { MSR, 1, 1, .mask = 0xc0 },
    { CONFIG3, 1, 1, .mask = 0xf0, .reset = 0x01, .locked = true, .kept = true },
    { CONFIG4, 1, 1, .mask = 0xf4, .locked = true, .kept = true },
    { MULINT, 2, 1, .mask = 0x0fff },
    { RERID, 1, 1, .mask = 0, .reset = 0x20 },
    { BMCR, 2, 1, .reset = 0x3100, .locked = true, .kept = true, .write = rtl_bmcr_write },
    { ANAR, 2, 1, .mask = 0x2de0, .reset = 0x05e1, .kept = true },
    { CSCR, 2, 1, .mask = 0x83e5, .reset = 0x0340, .kept = true },
    { PHY1_PARM, 4, 2, .mask = ~0u, .kept = true },
    { PHY2_PARM, 1, 1, .mask = 0xff, .kept = true },
    { WAKE, 4, 20, .mask = ~0u, .kept = true },
    { CONFIG5, 1, 1, .mask = 0x7f, .kept = true },
    { TPPOLL, 1, 1, .write = rtl_tppoll_write },
    { CPCR, 2, 1, .write = rtl_cpcr_write },
    { RDSAR, 4, 2, .write = rtl_rdsar_write },
    { ETTHR, 1, 1, .mask = 0x3f },
};

static void rtl_regs_index(struct rtl8139 *s)
{
    for (unsigned i = 0; i < DM_ARRAY_LEN(rtl_regs); i++)
        memset(s->reg_at + rtl_regs[i].off, (int)i + 1,
               (size_t)rtl_regs[i].size * rtl_regs[i].count);
}

/* CR.RST (6.6) leaves the station address, the multicast table and what the EEPROM loads. */
static void rtl_regs_reset(struct rtl8139 *s, bool power_on)
{
    for (unsigned i = 0; i < DM_ARRAY_LEN(rtl_regs); i++) {
        const struct rtl_reg *r = &rtl_regs[i];

        for (unsigned n = 0; n < r->count && (power_on || !r->kept); n++)
            rtl_put(s, r->off + n * r->size, r->size, r->reset);
    }
    rtl_put(s, TDOKLA, 2, 0);
    s->tx_slot = s->tx_index[0] = s->tx_index[1] = s->rx_index = 0;
    s->stats = (struct rtl_stats) { 0 };
    eeprom93xx_set(&s->eeprom, false, false, false);
    rtl_set_ticks(s, 0);
    rtl_stop_rings(s);
    rtl_update_irq(s);
}

static uint64_t rtl_read(void *opaque, uint64_t off, unsigned size)
{
    struct rtl8139 *s = opaque;

    rtl_refresh(s, (unsigned)off, size);
    return rtl_get(s, (unsigned)off, size);
}

static void rtl_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    struct rtl8139 *s = opaque;

    for (unsigned i = 0; i < size;) {
        unsigned at = (unsigned)off + i, index = s->reg_at[at], n = size - i, shift;
        const struct rtl_reg *r;
        struct rtl_reg one;
        uint32_t bytes, old, new;

        if (!index) {
            i++;
            continue;
        }
        r = &rtl_regs[index - 1];
        if (r->count > 1) { /* this one of them */
            one = *r;
            one.off = (uint8_t)(at - (at - r->off) % r->size);
            r = &one;
        }
        if (n > r->off + r->size - at)
            n = r->off + r->size - at;
        shift = 8 * (at - r->off);
        bytes = (uint32_t)dm_ones(n) << shift;
        old = rtl_get(s, r->off, r->size);
        new = (old & ~bytes) | ((uint32_t)(val >> 8 * i) << shift & bytes);
        i += n;
        if (r->locked && s->regs[CR9346] >> CR9346_MODE != CR9346_CONFIG)
            continue;
        if (r->write)
            r->write(s, r, new, bytes);
        else
            rtl_put(s, r->off, r->size, (old & ~r->mask) | (new & r->mask));
    }
}

static const struct dm_region_ops rtl_ops = {
    .read = rtl_read,
    .write = rtl_write,
    .min = 1,
    .max = 4,
};

static void rtl_link_changed(void *opaque, bool up)
{
    struct rtl8139 *s = opaque;

    (void)up;
    rtl_put(s, CSCR, 2, rtl_get(s, CSCR, 2) | CSCR_CHANGED);
    rtl_raise(s, INT_LINKCHG);
}

static const struct dm_net_user rtl_net_user = {
    .room = rtl_rx_room,
    .receive = rtl_rx_receive,
    .writable = rtl_tx_writable,
    .link_changed = rtl_link_changed,
};

/* Back from a low power state the chip is as after CR.RST. */
static void rtl_config_written(struct dm_pci_device *pci, unsigned off, unsigned size)
{
    struct rtl8139 *s = (struct rtl8139 *)pci;
    uint8_t state = pci->config[PM_PMCSR] & PM_STATE;

    (void)off;
    (void)size;
    if (state != s->power) {
        s->power = state;
        if (state == 0)
            rtl_regs_reset(s, false);
        rtl_update_irq(s);
    }
    rtl_rx_look(s);
}

static void rtl_pm_init(struct rtl8139 *s)
{
    dm_pci_put(&s->pci, PCI_STATUS, 2, dm_pci_get(&s->pci, PCI_STATUS, 2) | PCI_STATUS_CAP_LIST);
    s->pci.config[PCI_CAPABILITY_LIST] = PM_CAP;
    s->pci.config[PM_CAP] = 1;
    dm_pci_put(&s->pci, PM_PMC, 2, PM_PMC_VALUE);
    dm_put_le(s->pci.wmask + PM_PMCSR, 2, 0x0100 | PM_STATE); /* PME_En */
    dm_put_le(s->pci.w1cmask + PM_PMCSR, 2, 0x8000);
    s->pci.config[PCI_INTERRUPT_PIN + 1] = 0x20; /* minimum grant and latency, 250 ns */
    s->pci.config[PCI_INTERRUPT_PIN + 2] = 0x40;
}

static int rtl_realize(struct dm_device *dev, struct dm_error *err)
{
    struct rtl8139 *s = (struct rtl8139 *)dev;
    struct dm_clock *clock = dev->machine->clock;
    int rc = net_rom_init(&s->pci, s->romfile, s->rombar, RTL_ROM_NAME, &s->rom, err);

    if (rc)
        return rc;
    dm_net_default_mac(dev->machine, s->mac);
    rtl_regs_index(s);
    rtl_eeprom_init(s);
    rtl_pm_init(s);
    dm_timer_init(&s->timeout, clock, rtl_timer_fired, s);
    dm_timer_init(&s->tx_timer, clock, rtl_tx_timer, s);
    dm_timer_init(&s->rx_timer, clock, rtl_rx_timer, s);
    dm_net_set_user(s->net, &rtl_net_user, s);
    return 0;
}

static void rtl_unrealize(struct dm_device *dev)
{
    struct rtl8139 *s = (struct rtl8139 *)dev;

    dm_net_set_user(s->net, NULL, NULL);
    dm_timer_cancel(&s->timeout);
    dm_timer_cancel(&s->tx_timer);
    dm_timer_cancel(&s->rx_timer);
    free(s->rom);
}

static void rtl_unplug(struct dm_device *dev, unsigned mask)
{
    if (mask & DM_UNPLUG_NICS)
        dm_device_destroy(dev);
}

static void rtl_reset(struct dm_device *dev)
{
    struct rtl8139 *s = (struct rtl8139 *)dev;

    s->power = 0;
    eeprom93xx_reset(&s->eeprom);
    rtl_regs_reset(s, true);
    rtl_load_address(s);
}

/* The registers that time and the host determine are saved as they read. */
static void rtl_quiesce(struct dm_device *dev)
{
    rtl_refresh((struct rtl8139 *)dev, 0, sizeof(((struct rtl8139 *)dev)->regs));
}

static int rtl_post_load(struct dm_device *dev, uint16_t version)
{
    struct rtl8139 *s = (struct rtl8139 *)dev;
    struct dm_clock *clock = dev->machine->clock;

    (void)version;
    if (eeprom93xx_post_load(&s->eeprom) || s->tx_slot >= RTL_SLOTS ||
        s->tx_index[0] >= RTL_RING_MAX || s->tx_index[1] >= RTL_RING_MAX ||
        s->rx_index >= RTL_RING_MAX || s->power != (s->pci.config[PM_PMCSR] & PM_STATE))
        return -EINVAL;
    for (unsigned i = 0; i < DM_ARRAY_LEN(rtl_regs); i++) {
        const struct rtl_reg *r = &rtl_regs[i];
        uint32_t set = r->off == CSCR ? CSCR_LINK | CSCR_CHANGED : 0, val;

        for (unsigned n = 0; n < r->count && !r->write && r->off != CBR && r->off != MSR; n++) {
            val = rtl_get(s, r->off + n * r->size, r->size);
            if ((val ^ r->reset) & ~(r->mask | set) & dm_ones(r->size))
                return -EINVAL;
        }
    }
    rtl_set_ticks(s, rtl_get(s, TCTR, 4));
    /* What waits is looked at when the machine runs: nothing was sent in part. */
    s->tx_waits = false;
    s->rx_waits = false;
    dm_timer_cancel(&s->rx_timer);
    dm_timer_cancel(&s->tx_timer);
    if (s->regs[CR] & CR_TE && dm_net_link(s->net))
        dm_timer_arm(&s->tx_timer, dm_clock_now(clock));
    rtl_update_irq(s);
    return 0;
}

static const struct dm_prop rtl_props[] = {
    DM_PROP(struct rtl8139, net, DM_PROP_NET, "netdev"),
    DM_PROP(struct rtl8139, mac, DM_PROP_MAC, "mac"),
    DM_PROP(struct rtl8139, romfile, DM_PROP_STR, "romfile"),
    DM_PROP(struct rtl8139, rombar, DM_PROP_STR, "rombar"),
    DM_PROPS_END,
};

static const struct dm_field rtl_stats_fields[] = {
    DM_UINT(struct rtl_stats, tx_ok, 1),
    DM_UINT(struct rtl_stats, rx_ok, 1),
    DM_UINT(struct rtl_stats, tx_err, 1),
    DM_UINT(struct rtl_stats, rx_err, 1),
    DM_UINT(struct rtl_stats, missed, 1),
    DM_UINT(struct rtl_stats, align, 1),
    DM_UINT(struct rtl_stats, tx_one_collision, 1),
    DM_UINT(struct rtl_stats, tx_collisions, 1),
    DM_UINT(struct rtl_stats, rx_phys, 1),
    DM_UINT(struct rtl_stats, rx_broadcast, 1),
    DM_UINT(struct rtl_stats, rx_multicast, 1),
    DM_UINT(struct rtl_stats, tx_abort, 1),
    DM_UINT(struct rtl_stats, tx_underrun, 1),
    DM_FIELDS_END,
};

static const struct dm_field rtl_fields[] = {
    DM_BYTES(struct rtl8139, regs, 1),
    DM_STRUCT(struct rtl8139, eeprom, 1, eeprom93xx_fields),
    DM_STRUCT(struct rtl8139, stats, 1, rtl_stats_fields),
    DM_UINT(struct rtl8139, tx_slot, 1),
    DM_UINTS(struct rtl8139, tx_index, 1),
    DM_UINT(struct rtl8139, rx_index, 1),
    DM_UINT(struct rtl8139, power, 1),
    DM_FIELDS_END,
};

static const struct dm_pci_info rtl_info = {
    .vendor = 0x10ec,
    .device = 0x8139,
    .subsystem_vendor = 0x1af4, /* as QEMU, so that guests keep their settings */
    .subsystem = 0x1100,
    .class = 0x02,
    .revision = 0x20,
    .pin = 1,
    .slot = PCI_SLOT_ANY,
    .bar[0] = { .size = 256, .flags = PCI_BAR_IO, .ops = &rtl_ops },
    .bar[1] = { .size = 256, .ops = &rtl_ops },
    .config_written = rtl_config_written,
};

const struct dm_class rtl8139_class = {
    .name = "rtl8139",
    .size = sizeof(struct rtl8139),
    .version = 1,
    .pci = &rtl_info,
    .props = rtl_props,
    .realize = rtl_realize,
    .unrealize = rtl_unrealize,
    .reset = rtl_reset,
    .fields = rtl_fields,
    .post_load = rtl_post_load,
    .quiesce = rtl_quiesce,
    .unplug = rtl_unplug,
};
