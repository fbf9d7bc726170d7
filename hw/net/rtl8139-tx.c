/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transmission of the RTL8139C+: the four slots of the C mode, the two rings of the C+ mode.
 * A frame is gathered from guest memory first (once), then looked at, then sent; its
 * descriptors are given back only when the host has it. So nothing is ever half sent: what
 * the host refuses is read again from the ring when the host has room.
 */
#include "dm/net-offload.h"
#include "hw/net/rtl8139.h"

#include <string.h>

#define TX_PAUSED_NS (10 * DM_NS_PER_MS) /* the machine is stopped: look again then */
#define IP_TCP       6
#define IP_UDP       17
#define TCP_FLAGS    13
#define TCP_CWR      0x80

enum rtl_tx_result {
    TX_SENT,
    TX_FAILED,  /* the frame is gone; the driver is told */
    TX_REFUSED, /* by the host: again when it has room */
    TX_EMPTY,   /* nothing to send */
    TX_MORE,    /* enough for this turn */
};

/* An IPv4 packet in a frame. */
struct rtl_ip {
    uint8_t *ip, *l4;
    size_t off, len; /* of the packet in the frame; bytes to the frame's end */
    size_t hdr;      /* bytes of the IP header */
    uint8_t proto;
    bool fragment;
};

static bool tx_find_ip(uint8_t *frame, size_t len, struct rtl_ip *p)
{
    p->off = DM_NET_ETH_LEN;
    if (len >= p->off + RTL_VLAN_LEN && dm_get_be(frame + 12, 2) == 0x8100)
        p->off += RTL_VLAN_LEN;
    if (!dm_in_range(p->off, 20, len) || dm_get_be(frame + p->off - 2, 2) != 0x0800)
        return false;
    p->ip = frame + p->off;
    p->len = len - p->off;
    p->hdr = (p->ip[0] & 15) * 4u;
    if (p->ip[0] >> 4 != 4 || p->hdr < 20 || p->hdr > p->len)
        return false;
    p->l4 = p->ip + p->hdr;
    p->proto = p->ip[9];
    p->fragment = dm_get_be(p->ip + 6, 2) & 0x3fff;
    return true;
}

static void tx_ip_sum(struct rtl_ip *p)
{
    dm_put_be(p->ip + 10, 2, 0);
    dm_put_be(p->ip + 10, 2, dm_net_sum_fold(dm_net_sum(0, p->ip, p->hdr, false)));
}

/* Sum of the pseudo header (RFC 9293 3.1) for len bytes of TCP or UDP. */
static uint32_t tx_pseudo_sum(const struct rtl_ip *p, size_t len)
{
    uint32_t sum = dm_net_sum(0, p->ip + 12, 8, false);

    return sum + p->proto + (uint32_t)len;
}

static void tx_need_sum(const struct rtl_ip *p, size_t len, unsigned at, struct dm_net_offload *off)
{
    dm_put_be(p->l4 + at, 2, (uint16_t)~dm_net_sum_fold(tx_pseudo_sum(p, len)));
    off->flags = DM_NET_F_NEEDS_CSUM;
    off->csum_start = (uint16_t)(p->off + p->hdr);
    off->csum_offset = (uint16_t)at;
}

/*
 * Large send (9.2.1): one TCP/IPv4 frame that is to be cut to mss bytes of payload each. The
 * total length and the sums are ours to fill in. false: it is none.
 */
static bool tx_large_send(uint8_t *frame, size_t len, unsigned mss, struct dm_net_offload *off)
{
    struct rtl_ip p;
    size_t l4_len, tcp;

    if (!tx_find_ip(frame, len, &p) || p.proto != IP_TCP || p.fragment || p.len > 0xffff)
        return false;
    l4_len = p.len - p.hdr;
    if (l4_len < 20)
        return false;
    tcp = (p.l4[12] >> 4) * 4u;
    if (tcp < 20 || tcp > l4_len)
        return false;
    dm_put_be(p.ip + 2, 2, p.len);
    tx_ip_sum(&p);
    tx_need_sum(&p, l4_len, 16, off);
    if (l4_len - tcp <= mss)
        return true;
    off->gso_type = DM_NET_GSO_TCPV4;
    if (p.l4[TCP_FLAGS] & TCP_CWR)
        off->gso_type |= DM_NET_GSO_ECN;
    off->gso_size = (uint16_t)mss;
    off->hdr_len = (uint16_t)(p.off + p.hdr + tcp);
    return true;
}

/* Checksum offload (9.2.2). What is no such packet goes out as it is. */
static void tx_checksum(uint8_t *frame, size_t len, uint32_t opts, struct dm_net_offload *off)
{
    unsigned at = opts & TXD_TCPCS ? 16 : 6;
    struct rtl_ip p;
    size_t total, l4_len;

    if (!tx_find_ip(frame, len, &p))
        return;
    if (opts & TXD_IPCS)
        tx_ip_sum(&p);
    total = dm_get_be(p.ip + 2, 2);
    if (total < p.hdr || total > p.len || p.fragment)
        return;
    l4_len = total - p.hdr;
    if (!(opts & TXD_TCPCS && p.proto == IP_TCP && l4_len >= 20) &&
        !(opts & TXD_UDPCS && p.proto == IP_UDP && l4_len >= 8))
        return;
    at = p.proto == IP_TCP ? 16 : 6;
    if (total == p.len) {
        tx_need_sum(&p, l4_len, at, off);
    } else { /* padding behind the packet is not part of the sum */
        uint16_t sum;

        dm_put_be(p.l4 + at, 2, 0);
        sum = dm_net_sum_fold(dm_net_sum(tx_pseudo_sum(&p, l4_len), p.l4, l4_len, false));
        dm_put_be(p.l4 + at, 2, sum ? sum : 0xffff);
    }
}

static bool tx_loops_back(const struct rtl8139 *s)
{
    return (rtl_get(s, TCR, 4) & TCR_LBK) == TCR_LBK;
}

/* A looped frame ends in the receive ring and cannot cause another one (CVE-2021-3416). */
static bool tx_send(struct rtl8139 *s, uint8_t *frame, size_t len, const struct dm_net_offload *off)
{
    struct dm_iov iov = { frame, len };

    if (!tx_loops_back(s))
        return dm_net_send(s->net, &iov, 1, len, off);
    if (off->flags & DM_NET_F_NEEDS_CSUM) {
        uint8_t *at = frame + off->csum_start + off->csum_offset;
        uint16_t sum =
            dm_net_sum_fold(dm_net_sum(0, frame + off->csum_start, len - off->csum_start, false));

        dm_put_be(at, 2, sum ? sum : 0xffff);
    }
    /* A large one stays in one piece, as far as the receiver takes it. */
    rtl_rx_loopback(s, frame, len);
    return true;
}

/* A slot whose OWN bit the driver cleared (6.2), round robin from the last one on. */
static int tx_next_slot(const struct rtl8139 *s)
{
    for (unsigned i = 0; i < RTL_SLOTS; i++) {
        unsigned n = (s->tx_slot + i) % RTL_SLOTS;

        if (!(rtl_get(s, TSD0 + 4 * n, 4) & TSD_OWN))
            return (int)n;
    }
    return -1;
}

static enum rtl_tx_result tx_slot(struct rtl8139 *s)
{
    int n = tx_next_slot(s);
    unsigned reg = TSD0 + 4 * (unsigned)n;
    const struct dm_net_offload none = { 0 };
    uint8_t *frame = s->tx_buf;
    uint32_t tsd;
    size_t len;

    if (n < 0)
        return TX_EMPTY;
    tsd = rtl_get(s, reg, 4);
    len = tsd & TSD_SIZE;
    if (!dm_dma_read(&s->pci.dma, rtl_get(s, TSAD0 + 4 * (unsigned)n, 4), frame, len)) {
        rtl_bus_error(s, "transmit buffer");
        rtl_put(s, reg, 4, tsd | TSD_OWN | TSD_TABT);
        s->tx_slot = (uint8_t)((n + 1) % RTL_SLOTS);
        s->stats.tx_err++;
        s->stats.tx_abort++;
        return TX_FAILED;
    }
    if (rtl_get(s, TCR, 4) & TCR_CRC)
        len = len > RTL_FCS_LEN ? len - RTL_FCS_LEN : 0;
    if (len < DM_NET_ETH_LEN)
        dm_guest_error(&s->pci.dev, "a frame of %zu bytes", len);
    else if (!tx_send(s, frame, len, &none))
        return TX_REFUSED;
    rtl_put(s, reg, 4, tsd | TSD_OWN | TSD_TOK);
    s->tx_slot = (uint8_t)((n + 1) % RTL_SLOTS);
    s->stats.tx_ok++;
    return TX_SENT;
}

/* Descriptors of one frame. */
struct rtl_tx_chain {
    uint64_t at[RTL_RING_MAX];
    uint32_t opts[RTL_RING_MAX];
    unsigned n, next; /* next: index of the descriptor behind it */
    uint32_t opts2;   /* of the first */
    size_t len;
    bool bad;
};

/* Copies the frame at index of a ring to s->tx_buf. false: it is not (yet) there. */
static bool tx_gather(struct rtl8139 *s, uint64_t ring, unsigned index, struct rtl_tx_chain *c)
{
    uint8_t *frame = s->tx_buf + RTL_VLAN_LEN;

    c->n = 0;
    c->len = 0;
    c->bad = false;
    do {
        uint8_t desc[DESC_SIZE];
        uint32_t opts;
        size_t size;

        if (!dm_dma_read(&s->pci.dma, ring + index * DESC_SIZE, desc, sizeof(desc))) {
            rtl_bus_error(s, "transmit ring");
            return false;
        }
        opts = (uint32_t)dm_get_le(desc, 4);
        if (!(opts & DESC_OWN))
            return false;
        if (c->n == 0)
            c->opts2 = (uint32_t)dm_get_le(desc + 4, 4);
        c->at[c->n] = ring + index * DESC_SIZE;
        c->opts[c->n++] = opts;
        size = opts & TXD_SIZE;
        if (!dm_in_range(c->len, size, DM_NET_MAX_LEN)) {
            dm_guest_error(&s->pci.dev, "a frame of more than %u bytes", DM_NET_MAX_LEN);
            c->bad = true;
        } else if (!c->bad) {
            c->bad = !dm_dma_read(&s->pci.dma, dm_get_le(desc + 8, 8), frame + c->len, size);
            if (c->bad)
                rtl_bus_error(s, "transmit buffer");
            c->len += size;
        }
        index = opts & DESC_EOR || index + 1 == RTL_RING_MAX ? 0 : index + 1;
        c->next = index;
        if (opts & DESC_LS)
            return true;
    } while (c->n < RTL_RING_MAX);
    dm_guest_error(&s->pci.dev, "a frame without an end");
    c->bad = true;
    return true;
}

/* Gives the descriptors back, the first one last. false: there is no RAM to write to. */
static bool tx_give_back(struct rtl8139 *s, const struct rtl_tx_chain *c, uint32_t status)
{
    bool ok = true;

    for (unsigned i = c->n; i-- > 0;) {
        uint8_t word[4];

        dm_put_le(word, 4,
                  (c->opts[i] & (DESC_EOR | DESC_FS | DESC_LS)) |
                      (c->opts[i] & DESC_LS ? status : 0));
        ok &= dm_dma_write(&s->pci.dma, c->at[i], word, sizeof(word));
    }
    rtl_put(s, TDOKLA, 2, (uint32_t)c->at[c->n - 1] & 0xffff);
    return ok;
}

/* Does what the descriptors ask for and sends. */
static enum rtl_tx_result tx_chain_send(struct rtl8139 *s, struct rtl_tx_chain *c)
{
    uint8_t *frame = s->tx_buf + RTL_VLAN_LEN;
    struct dm_net_offload off = { 0 };
    uint32_t opts = c->opts[0];
    unsigned mss = opts >> TXD_MSS & 0x7ff;

    if (c->bad)
        return TX_FAILED;
    if (c->len < DM_NET_ETH_LEN) {
        dm_guest_error(&s->pci.dev, "a frame of %zu bytes", c->len);
        return TX_FAILED;
    }
    if (c->opts2 & TXD2_TAGC) { /* behind the addresses (9.2.1) */
        frame = s->tx_buf;
        memmove(frame, frame + RTL_VLAN_LEN, 12);
        dm_put_be(frame + 12, 2, 0x8100);
        dm_put_le(frame + 14, 2, c->opts2 & 0xffff);
        c->len += RTL_VLAN_LEN;
    }
    if (opts & TXD_LGSEN) {
        if (mss && !tx_large_send(frame, c->len, mss, &off)) {
            dm_guest_error(&s->pci.dev, "large send of what is no TCP segment");
            return TX_FAILED;
        }
    } else if (opts & (TXD_IPCS | TXD_UDPCS | TXD_TCPCS)) {
        tx_checksum(frame, c->len, opts, &off);
    }
    return tx_send(s, frame, c->len, &off) ? TX_SENT : TX_REFUSED;
}

static enum rtl_tx_result tx_ring_frame(struct rtl8139 *s, unsigned q, unsigned *budget)
{
    unsigned reg = q ? THPDS : TNPDS;
    uint64_t ring = rtl_get(s, reg, 4) | (uint64_t)rtl_get(s, reg + 4, 4) << 32;
    enum rtl_tx_result result;
    struct rtl_tx_chain c;

    if (!*budget)
        return TX_MORE;
    if (!tx_gather(s, ring, s->tx_index[q], &c))
        return TX_EMPTY;
    result = tx_chain_send(s, &c);
    if (result == TX_REFUSED)
        return result;
    *budget -= c.n < *budget ? c.n : *budget;
    s->tx_index[q] = (uint8_t)c.next;
    if (result == TX_FAILED) {
        s->stats.tx_err++;
        s->stats.tx_underrun++;
    } else {
        s->stats.tx_ok++;
    }
    if (!tx_give_back(s, &c, result == TX_FAILED ? TXD_TES | TXD_UNF : 0)) {
        rtl_bus_error(s, "transmit ring");
        return TX_EMPTY;
    }
    return result;
}

void rtl_tx_run(struct rtl8139 *s, unsigned queues)
{
    bool cplus = rtl_get(s, CPCR, 2) & CPCR_TX;
    unsigned budget = RTL_RING_MAX, sent = 0, failed = 0, high;
    enum rtl_tx_result result;

    if (!(s->regs[CR] & CR_TE) || !rtl_awake(s) || s->tx_waits)
        return;
    if (s->pci.dev.machine->run_state == DM_PAUSED) { /* the state is being saved */
        dm_timer_arm(&s->tx_timer, dm_clock_now(s->pci.dev.machine->clock) + TX_PAUSED_NS);
        return;
    }
    high = queues & TPPOLL_HPQ ? 1 : 0;
    for (;;) {
        if (!cplus)
            result = budget-- ? tx_slot(s) : TX_MORE;
        else
            result = tx_ring_frame(s, high, &budget);
        sent += result == TX_SENT;
        failed += result == TX_FAILED;
        if (cplus && result == TX_EMPTY && high && queues & TPPOLL_NPQ)
            high = 0;
        else if (result != TX_SENT && result != TX_FAILED)
            break;
    }
    s->tx_waits = result == TX_REFUSED;
    if (result == TX_MORE)
        dm_timer_arm(&s->tx_timer, dm_clock_now(s->pci.dev.machine->clock));
    rtl_raise(s, (sent ? INT_TOK : 0) | (failed ? INT_TER : 0) |
                     (cplus && queues & RTL_TX_DOORBELL && result == TX_EMPTY && !sent && !failed
                          ? INT_TDU
                          : 0));
}

void rtl_tx_timer(void *opaque)
{
    rtl_tx_run(opaque, TPPOLL_HPQ | TPPOLL_NPQ);
}

void rtl_tx_writable(void *opaque)
{
    struct rtl8139 *s = opaque;

    s->tx_waits = false;
    rtl_tx_run(s, TPPOLL_HPQ | TPPOLL_NPQ);
}
