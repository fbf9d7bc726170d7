/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the e1000 share. See e1000.c for what it models. */
#ifndef HW_NET_E1000_H
#define HW_NET_E1000_H

#include "dm/bytes.h"
#include "dm/machine.h"
#include "hw/net/e1000-regs.h"
#include "hw/net/eeprom93xx.h"

#define RX_LEN_MAX        16384 /* bytes of a frame with FCS: the receiver takes no longer one */
#define E1000_RX_PREFETCH 16    /* receive descriptors read at once */

/* SDM 3.3.6: what a context descriptor says about the frames behind it. */
struct e1000_context {
    uint8_t ipcss, ipcso, tucss, tucso;
    uint16_t ipcse, tucse;
    uint8_t hdrlen;
    uint16_t mss;
    uint32_t cmd; /* TUCMD_*, at their place in the descriptor */
};

struct e1000 {
    struct dm_pci_device pci; /* first */

    /* Registers. */
    uint32_t ctrl, eecd, eerd, ctrl_ext, fla, mdic, fcal, fcah, fct, vet, fcttv, txcw;
    uint32_t icr, itr, ims;
    uint32_t rctl, fcrtl, fcrth, rdbal, rdbah, rdlen, rdh, rdt, rdtr, rxdctl, radv, rsrpd, rxcsum;
    uint32_t tctl, tipg, ait, txdmac, tdbal, tdbah, tdlen, tdh, tdt, tidv, txdctl, tadv, tspmt;
    uint32_t rx_fifo[5], tx_fifo[5];
    uint32_t ledctl, pba;
    uint32_t mta[128], ra[2 * RA_COUNT], vfta[128];
    uint32_t wuc, wufc, wus, manc, ipav, ip4at[4], ip6at[4], wupl, fflt[4], ffmt[128], ffvt[128];
    uint32_t stats[STATS_COUNT];
    uint32_t ioaddr;
    struct eeprom93xx eeprom;
    uint16_t phy[32];
    bool phy_link;      /* with the partner, by autonegotiation or forced */
    bool phy_link_lost; /* PHY_STATUS shows no link until it is read */

    /* What the chip knows beside them. */
    struct e1000_context context[2]; /* of plain frames, of frames to be segmented */
    bool tx_skip;                    /* the rest of a frame that is too long is coming */
    struct dm_timer autoneg, itr_timer, tidv_timer, tadv_timer, rdtr_timer, radv_timer;

    /* Derived. */
    uint8_t d_state;                     /* power state, of PM_PMCSR */
    uint64_t itr_next;                   /* ns: no interrupt before */
    bool tx_blocked;                     /* the host has no room; it will say when */
    bool rx_refused;                     /* a frame waits for descriptors */
    struct dm_timer tx_turn;             /* goes on sending in the loop's next turn */
    uint64_t rx_addr[E1000_RX_PREFETCH]; /* buffers of the descriptors from rx_first on */
    unsigned rx_first, rx_count;

    /* The host's side, from the command line. */
    struct dm_net *net;
    uint8_t mac[DM_NET_MAC_LEN];
    char *romfile, *rombar;
    uint8_t *rom;

    uint8_t frame[DM_NET_MAX_LEN]; /* one that is sent, and lies in too many pieces */
    uint8_t loop[RX_LEN_MAX];      /* one that is looped back */
};

/* e1000.c */
bool e1000_powered(const struct e1000 *s); /* in D0 */
void e1000_raise(struct e1000 *s, uint32_t cause);
void e1000_irq_update(struct e1000 *s);
void e1000_count(struct e1000 *s, unsigned reg, uint32_t add);
void e1000_count_octets(struct e1000 *s, unsigned reg_low, uint32_t add); /* 64 bits */
void e1000_count_size(struct e1000 *s, unsigned reg_64, size_t len);      /* PRC64, PTC64 ... */
static inline unsigned e1000_ring_count(uint32_t len)                     /* descriptors */
{
    return len / DESC_SIZE;
}

/* e1000-eeprom.c */
void e1000_eeprom_init(struct e1000 *s); /* its contents, for s->mac */
uint32_t e1000_eecd_read(struct e1000 *s, unsigned index);
void e1000_eecd_write(struct e1000 *s, unsigned index, uint32_t val);
void e1000_eerd_write(struct e1000 *s, unsigned index, uint32_t val);

/* e1000-phy.c */
void e1000_phy_reset(struct e1000 *s, bool power_on); /* power_on: the link is there at once */
void e1000_phy_link_changed(struct e1000 *s);         /* the cable */
void e1000_phy_loaded(struct e1000 *s); /* after a restore, where the cable may be another */
bool e1000_phy_loopback(const struct e1000 *s);
unsigned e1000_phy_speed(const struct e1000 *s); /* 0: 10, 1: 100, 2: 1000 Mbit/s */
bool e1000_phy_duplex(const struct e1000 *s);
void e1000_autoneg_done(void *opaque);
void e1000_mdic_write(struct e1000 *s, unsigned index, uint32_t val);

/* e1000-tx.c */
void e1000_tx_run(struct e1000 *s); /* sends what the ring has, as far as the host takes it */
void e1000_tx_timers_init(struct e1000 *s);
void e1000_tx_flush_delay(struct e1000 *s); /* the delayed interrupt comes now */

/* e1000-rx.c */
extern const struct dm_net_user e1000_net_user;
void e1000_rx_timers_init(struct e1000 *s);
void e1000_rx_flush_delay(struct e1000 *s);
void e1000_rx_forget(struct e1000 *s);   /* the ring is another one: nothing read ahead counts */
void e1000_rx_continue(struct e1000 *s); /* there may be room again */
/* A frame, complete; false: no room for it now. */
bool e1000_rx_frame(struct e1000 *s, const struct dm_iov *iov, int n, size_t len,
                    const struct dm_net_offload *off);
bool e1000_loopback(const struct e1000 *s);
void e1000_rx_loopback(struct e1000 *s, const struct dm_iov *iov, int n, size_t len);

#endif
