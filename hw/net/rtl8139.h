/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the RTL8139C+ share: rtl8139.c, rtl8139-tx.c, rtl8139-rx.c. */
#ifndef HW_NET_RTL8139_H
#define HW_NET_RTL8139_H

#include "dm/bytes.h"
#include "dm/machine.h"
#include "dm/net.h"
#include "hw/net/eeprom93xx.h"
#include "hw/net/rtl8139-regs.h"

#define RTL_RING_MAX 64 /* descriptors (chapter 9) */
#define RTL_SLOTS    4
#define RTL_VLAN_LEN 4
#define RTL_FCS_LEN  4
#define RTL_RX_MAX   (RXD_SIZE - RTL_FCS_LEN) /* bytes: what a descriptor can say */

/* Dumped by DTCCR, in this order (6.3). */
struct rtl_stats {
    uint64_t tx_ok, rx_ok, tx_err;
    uint32_t rx_err;
    uint16_t missed, align;
    uint32_t tx_one_collision, tx_collisions;
    uint64_t rx_phys, rx_broadcast;
    uint32_t rx_multicast;
    uint16_t tx_abort, tx_underrun;
};

struct rtl8139 {
    struct dm_pci_device pci;
    uint8_t regs[256]; /* as the guest reads them, but what rtl_refresh adds */
    struct eeprom93xx eeprom;
    struct rtl_stats stats;
    uint8_t tx_slot;     /* C mode: the one after the last sent */
    uint8_t tx_index[2]; /* C+ mode: next descriptor, normal and high priority */
    uint8_t rx_index;
    uint8_t power; /* D state */

    /* From here on derived, or the host's. */
    uint64_t tctr_zero; /* ns: when TCTR was 0 */
    bool tx_waits;      /* the host refused a frame */
    bool rx_waits;      /* we did */
    uint64_t rx_retry;  /* ns to the next look at the receive ring */
    struct dm_timer timeout, tx_timer, rx_timer;
    uint8_t reg_at[256]; /* index + 1 into the table of registers */
    struct dm_net *net;
    uint8_t mac[DM_NET_MAC_LEN];
    char *romfile, *rombar;
    uint8_t *rom;
    uint8_t tx_buf[RTL_VLAN_LEN + DM_NET_MAX_LEN]; /* a frame, with room for a tag before it */
    uint8_t rx_buf[RTL_VLAN_LEN + RTL_RX_MAX];
};

static inline uint32_t rtl_get(const struct rtl8139 *s, unsigned off, unsigned size)
{
    return (uint32_t)dm_get_le(s->regs + off, size);
}

static inline void rtl_put(struct rtl8139 *s, unsigned off, unsigned size, uint32_t val)
{
    dm_put_le(s->regs + off, size, val);
}

/* rtl8139.c */
bool rtl_awake(const struct rtl8139 *s);                 /* in D0, and may be bus master */
void rtl_raise(struct rtl8139 *s, unsigned bits);        /* of ISR */
void rtl_bus_error(struct rtl8139 *s, const char *what); /* DMA met no RAM (PCI master abort) */

/* rtl8139-tx.c. queues: TPPOLL_HPQ, TPPOLL_NPQ, and whether the driver asks; C mode: any. */
#define RTL_TX_DOORBELL 0x100
void rtl_tx_run(struct rtl8139 *s, unsigned queues);
void rtl_tx_timer(void *opaque);
void rtl_tx_writable(void *opaque);

/* rtl8139-rx.c */
unsigned rtl_rx_ring_size(const struct rtl8139 *s); /* C mode, bytes */
bool rtl_rx_empty(const struct rtl8139 *s);         /* C mode: the driver has read all */
void rtl_rx_loopback(struct rtl8139 *s, const uint8_t *frame, size_t len);
void rtl_rx_look(struct rtl8139 *s); /* there may be room again: say so */
void rtl_rx_timer(void *opaque);
bool rtl_rx_room(void *opaque, size_t len);
bool rtl_rx_receive(void *opaque, const struct dm_iov *iov, int n, size_t len,
                    const struct dm_net_offload *off);

#endif
