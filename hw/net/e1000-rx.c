/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receive ring of the e1000: SDM 3.2 (filters, descriptors, delays, checksums), chapter 9
 * (VLAN tags), chapter 10 (address filter), 13.5 (tables).
 *
 * A frame that finds too few descriptors is refused and waits with the host, instead of the
 * chip's packet buffer. The FCS that a driver may want in its buffer reads as zeros. Packet
 * checksum: with RXCSUM.PCSS 0 it would hold the sum of the whole frame, Ethernet header
 * included, for which there is no use; then it is given only where it costs nothing.
 * IPv6 extension headers end the search for TCP and UDP.
 */
#include "dm/net-offload.h"
#include "hw/net/e1000.h"

#include <string.h>

#define RX_UNIT_NS 1024ull
#define RX_HDR     128 /* bytes that are looked at */
#define FCS_LEN    4
#define LEN_NO_LPE 1522 /* bytes with FCS */
#define LEN_MIN    60
#define TAG_AT     12
#define TAG_LEN    4

#define ETH_IPV4   0x0800
#define ETH_IPV6   0x86dd
#define IP_TCP     6
#define IP_UDP     17

/* A frame on its way in. */
struct rx_frame {
    const uint8_t *hdr; /* its first hdr_len bytes, before stripping */
    size_t hdr_len, len;
    uint8_t copy[RX_HDR];
    bool tagged, strip;
    uint16_t tag;
    struct dm_iov iov[DM_NET_IOV_MAX + 4]; /* as it goes to memory, with padding and FCS */
    int n;
    size_t size;
    uint16_t sum; /* packet checksum */
    uint8_t status, errors;
};

static bool rx_enabled(const struct e1000 *s)
{
    return (s->rctl & RCTL_EN) && e1000_powered(s) && s->pci.dma.enabled;
}

bool e1000_loopback(const struct e1000 *s)
{
    return (s->rctl & RCTL_LBM) || e1000_phy_loopback(s);
}

static size_t rx_buffer_size(const struct e1000 *s)
{
    unsigned bsize = RCTL_BSIZE(s->rctl);

    /* 2048 down to 256 bytes; extended: 16384 down to 4096 (0 is reserved, and taken as 0). */
    if ((s->rctl & RCTL_BSEX) && bsize)
        return 32768u >> bsize;
    return 2048u >> bsize;
}

/* Descriptors that the guest has given us. */
static unsigned rx_available(const struct e1000 *s)
{
    unsigned count = e1000_ring_count(s->rdlen);

    if (s->rdh >= count || s->rdt >= count)
        return 0;
    return s->rdt >= s->rdh ? s->rdt - s->rdh : count - s->rdh + s->rdt;
}

static unsigned rx_need(const struct e1000 *s, size_t size)
{
    size_t buffer = rx_buffer_size(s);

    return (unsigned)((size + buffer - 1) / buffer);
}

void e1000_rx_forget(struct e1000 *s)
{
    s->rx_count = 0;
}

void e1000_rx_continue(struct e1000 *s)
{
    s->rx_refused = false;
    dm_net_accept(s->net);
}

/* SDM 10.3.2: the perfect filter. */
static bool rx_accepts_address(const struct e1000 *s, const uint8_t *hdr)
{
    uint32_t low = (uint32_t)dm_get_le(hdr, 4), from = (uint32_t)dm_get_le(hdr + 6, 4);
    uint32_t high = (uint32_t)dm_get_le(hdr + 4, 2), from_high = (uint32_t)dm_get_le(hdr + 10, 2);

    for (unsigned i = 0; i < RA_COUNT; i++) {
        uint32_t rah = s->ra[2 * i + 1];

        if (!(rah & RAH_AV))
            continue;
        if ((rah & RAH_ASEL) == 0 && s->ra[2 * i] == low && (rah & 0xffff) == high)
            return true;
        if ((rah & RAH_ASEL) == RAH_ASEL_SOURCE && s->ra[2 * i] == from &&
            (rah & 0xffff) == from_high)
            return true;
    }
    return false;
}

/* SDM 13.5.1: 12 bits of the address choose a bit of the table. */
static bool rx_accepts_hash(const struct e1000 *s, const uint8_t *hdr)
{
    static const uint8_t shift[] = { 4, 3, 2, 0 };
    unsigned hash = (unsigned)dm_get_le(hdr + 4, 2) >> shift[RCTL_MO(s->rctl)] & 0xfff;

    return s->mta[hash / 32] >> hash % 32 & 1;
}

/* Flow control from the partner: counted, and passed on only if the driver wants it. */
static bool rx_is_pause(struct e1000 *s, const uint8_t *hdr)
{
    if ((uint32_t)dm_get_le(hdr, 4) != s->fcal || dm_get_le(hdr + 4, 2) != s->fcah ||
        dm_get_be(hdr + 12, 2) != s->fct || !s->fct)
        return false;
    if (!(s->ctrl & CTRL_RFCE))
        e1000_count(s, FCRUC, 1);
    else
        e1000_count(s, hdr[16] || hdr[17] ? XOFFRXC : XONRXC, 1);
    return true;
}

static bool rx_accepts(const struct e1000 *s, const struct rx_frame *f)
{
    static const uint8_t all[DM_NET_MAC_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    const uint8_t *hdr = f->hdr;
    unsigned vid = f->tag & 0xfff;

    if (f->tagged && (s->rctl & RCTL_VFE)) {
        if (!(s->vfta[vid / 32] >> vid % 32 & 1))
            return false;
        if ((s->rctl & RCTL_CFIEN) && !(f->tag & 0x1000) != !(s->rctl & RCTL_CFI))
            return false;
    }
    if (!memcmp(hdr, all, sizeof(all)) && (s->rctl & RCTL_BAM))
        return true;
    if (s->rctl & (hdr[0] & 1 ? RCTL_MPE : RCTL_UPE))
        return true;
    return rx_accepts_address(s, hdr) || ((hdr[0] & 1) && rx_accepts_hash(s, hdr));
}

/* The TCP or UDP checksum of the frame in f->iov, whose IP payload begins at l4. */
static void rx_check_l4(struct rx_frame *f, unsigned proto, size_t l4, size_t len, uint32_t pseudo,
                        const uint8_t *at, size_t have)
{
    bool wrong;

    if (proto != IP_TCP && proto != IP_UDP)
        return;
    if (len < (proto == IP_TCP ? 20u : 8u) || have < 8)
        return;
    f->status |= RXD_STATUS_TCPCS;
    if (proto == IP_UDP && !dm_get_be(at + 6, 2)) /* none was sent */
        return;
    wrong = dm_net_sum_fold(dm_net_sum_iov(pseudo + proto + (uint32_t)len, f->iov, f->n, l4, len));
    if (wrong)
        f->errors |= RXD_ERROR_TCPE;
}

/* SDM 3.2.9: checks what is there to be checked; valid: the host has done it already. */
static void rx_check(const struct e1000 *s, struct rx_frame *f, bool valid)
{
    size_t skip = f->strip ? TAG_LEN : 0, ip = DM_NET_ETH_LEN + (f->tagged ? TAG_LEN : 0), len;
    const uint8_t *h = f->hdr + ip;
    bool ipofl = s->rxcsum & RXCSUM_IPOFL, tuofl = s->rxcsum & RXCSUM_TUOFL;
    size_t have, ihl, body;
    uint32_t pseudo;

    if ((!ipofl && !tuofl) || f->hdr_len < ip + 20) {
        f->status |= RXD_STATUS_IXSM;
        return;
    }
    have = f->hdr_len - ip;
    body = f->len - ip; /* without padding of ours */
    switch (dm_get_be(f->hdr + ip - 2, 2)) {
    case ETH_IPV4:
        ihl = (size_t)(h[0] & 15) * 4;
        len = dm_get_be(h + 2, 2);
        if (h[0] >> 4 != 4 || ihl < 20 || ihl > have || len < ihl || len > body)
            break;
        if (ipofl) {
            f->status |= RXD_STATUS_IPCS;
            if (dm_net_sum_fold(dm_net_sum(0, h, ihl, false)))
                f->errors |= RXD_ERROR_IPE;
        }
        if (!tuofl || dm_get_be(h + 6, 2) & 0x3fff) /* fragments have no sum of their own */
            return;
        if (valid && (h[9] == IP_TCP || h[9] == IP_UDP)) {
            f->status |= RXD_STATUS_TCPCS;
            return;
        }
        pseudo = dm_net_sum(0, h + 12, 8, false);
        rx_check_l4(f, h[9], ip - skip + ihl, len - ihl, pseudo, h + ihl, have - ihl);
        return;
    case ETH_IPV6:
        if (!tuofl || !(s->rxcsum & RXCSUM_IPV6OFL) || have < 40 || h[0] >> 4 != 6)
            break;
        len = dm_get_be(h + 4, 2);
        if (len > body - 40)
            break;
        if (valid && (h[6] == IP_TCP || h[6] == IP_UDP)) {
            f->status |= RXD_STATUS_TCPCS;
            return;
        }
        pseudo = dm_net_sum(0, h + 8, 32, false);
        rx_check_l4(f, h[6], ip - skip + 40, len, pseudo, h + 40, have - 40);
        return;
    }
    f->status |= RXD_STATUS_IXSM;
}

/* The frame as it goes to memory: without its tag, padded, with room for the FCS. */
static void rx_layout(const struct e1000 *s, struct rx_frame *f, const struct dm_iov *iov, int n)
{
    static const uint8_t zeros[LEN_MIN + FCS_LEN];
    size_t pad = f->len < LEN_MIN ? LEN_MIN - f->len : 0;

    if (f->strip) {
        f->n = dm_net_slice(iov, n, 0, TAG_AT, f->iov, DM_NET_IOV_MAX);
        f->n += dm_net_slice(iov, n, TAG_AT + TAG_LEN, f->len - TAG_AT - TAG_LEN, f->iov + f->n,
                             DM_NET_IOV_MAX + 3 - f->n);
        f->size = f->len - TAG_LEN;
    } else {
        memcpy(f->iov, iov, (size_t)n * sizeof(*iov));
        f->n = n;
        f->size = f->len;
    }
    if (!(s->rctl & RCTL_SECRC))
        pad += FCS_LEN;
    if (pad) {
        f->iov[f->n++] = (struct dm_iov) { (uint8_t *)(uintptr_t)zeros, pad };
        f->size += pad;
    }
}

/* Address of the buffer of the next descriptor. Reads some ahead, in one go. */
static uint64_t rx_next_buffer(struct e1000 *s)
{
    unsigned count = e1000_ring_count(s->rdlen), n = rx_available(s);
    uint64_t base = (uint64_t)s->rdbah << 32 | s->rdbal;
    uint8_t raw[E1000_RX_PREFETCH * DESC_SIZE];

    if (s->rx_count == 0) {
        n = n < count - s->rdh ? n : count - s->rdh;
        n = n < E1000_RX_PREFETCH ? n : E1000_RX_PREFETCH;
        if (!dm_dma_read(&s->pci.dma, base + (uint64_t)s->rdh * DESC_SIZE, raw,
                         (size_t)n * DESC_SIZE))
            dm_guest_error(&s->pci.dev, "receive ring is not in memory");
        for (unsigned i = 0; i < n; i++)
            s->rx_addr[i] = dm_get_le(raw + (size_t)i * DESC_SIZE, 8);
        s->rx_first = 0;
        s->rx_count = n;
    }
    s->rx_count--;
    return s->rx_addr[s->rx_first++];
}

/* Bytes [off, off + len) of the frame to the guest. */
static void rx_copy(struct e1000 *s, const struct rx_frame *f, size_t off, uint64_t to, size_t len)
{
    for (int i = 0; i < f->n && len; i++) {
        size_t here = f->iov[i].len;

        if (off >= here) {
            off -= here;
            continue;
        }
        here = here - off < len ? here - off : len;
        dm_dma_write(&s->pci.dma, to, (const uint8_t *)f->iov[i].base + off, here);
        to += here;
        len -= here;
        off = 0;
    }
}

/* There are enough descriptors. */
static void rx_store(struct e1000 *s, const struct rx_frame *f)
{
    size_t buffer = rx_buffer_size(s);
    uint64_t base = (uint64_t)s->rdbah << 32 | s->rdbal;
    unsigned count = e1000_ring_count(s->rdlen);

    for (size_t off = 0; off < f->size; off += buffer) {
        size_t len = f->size - off < buffer ? f->size - off : buffer;
        uint64_t addr = rx_next_buffer(s);
        bool last = off + len == f->size;
        uint8_t desc[8];

        if (addr) /* a descriptor with none is skipped: SDM 3.2.3 */
            rx_copy(s, f, off, addr, len);
        dm_put_le(desc, 2, len);
        dm_put_le(desc + 2, 2, f->sum);
        desc[4] = (uint8_t)(RXD_STATUS_DD | (last ? RXD_STATUS_EOP | f->status : 0));
        desc[5] = last ? f->errors : 0;
        dm_put_le(desc + 6, 2, f->strip ? f->tag : 0);
        dm_dma_write(&s->pci.dma, base + (uint64_t)s->rdh * DESC_SIZE + 8, desc, sizeof(desc));
        s->rdh = (s->rdh + 1) % count;
    }
}

static void rx_count_total(struct e1000 *s, size_t len)
{
    e1000_count(s, TPR, 1);
    e1000_count_octets(s, TORL, (uint32_t)len);
}

static void rx_count_good(struct e1000 *s, const struct rx_frame *f, size_t len)
{
    e1000_count(s, GPRC, 1);
    e1000_count_octets(s, GORCL, (uint32_t)len);
    e1000_count_size(s, PRC64, len);
    if (f->hdr[0] & 1)
        e1000_count(s, dm_get_le(f->hdr, 6) == 0xffffffffffff ? BPRC : MPRC, 1);
}

/* SDM 3.2.7: RXT0 at once or after the delays; and when few descriptors are left. */
static void rx_interrupt(struct e1000 *s, size_t len)
{
    uint64_t now;
    uint32_t cause = 0;

    if ((uint64_t)rx_available(s) * DESC_SIZE <= s->rdlen >> (RCTL_RDMTS(s->rctl) + 1))
        cause |= ICR_RXDMT0;
    if (s->rsrpd && len <= s->rsrpd)
        cause |= ICR_SRPD;
    if (!s->rdtr) {
        cause |= ICR_RXT0;
    } else {
        now = dm_clock_now(s->pci.dev.machine->clock);
        dm_timer_arm(&s->rdtr_timer, now + s->rdtr * RX_UNIT_NS);
        if (s->radv && !dm_timer_armed(&s->radv_timer))
            dm_timer_arm(&s->radv_timer, now + s->radv * RX_UNIT_NS);
    }
    if (cause)
        e1000_raise(s, cause);
}

/* No room for it. The first time that this frame hears it, the driver does too. */
static void rx_overrun(struct e1000 *s)
{
    if (s->rx_refused)
        return;
    s->rx_refused = true;
    e1000_count(s, RNBC, 1);
    e1000_raise(s, ICR_RXO);
}

bool e1000_rx_frame(struct e1000 *s, const struct dm_iov *iov, int n, size_t len,
                    const struct dm_net_offload *off)
{
    bool valid = off && (off->flags & DM_NET_F_DATA_VALID);
    size_t wire = (len < LEN_MIN ? LEN_MIN : len) + FCS_LEN;
    struct rx_frame f;
    unsigned need;

    if (iov[0].len >= RX_HDR) {
        f.hdr = iov[0].base;
        f.hdr_len = RX_HDR;
    } else {
        memset(f.copy, 0, DM_NET_ETH_LEN + TAG_LEN);
        f.hdr_len = dm_net_gather(iov, n, 0, f.copy, sizeof(f.copy));
        f.hdr = f.copy;
    }
    f.len = len;
    f.tagged = len >= DM_NET_ETH_LEN + TAG_LEN && dm_get_be(f.hdr + TAG_AT, 2) == s->vet && s->vet;
    f.tag = f.tagged ? (uint16_t)dm_get_be(f.hdr + DM_NET_ETH_LEN, 2) : 0;
    f.strip = f.tagged && (s->ctrl & CTRL_VME);
    if (wire > RX_LEN_MAX || (wire > LEN_NO_LPE && !(s->rctl & (RCTL_LPE | RCTL_SBP)))) {
        rx_count_total(s, wire);
        e1000_count(s, ROC, 1);
        return true;
    }
    if ((rx_is_pause(s, f.hdr) && (s->rctl & RCTL_DPF)) || !rx_accepts(s, &f)) {
        rx_count_total(s, wire);
        return true;
    }
    rx_layout(s, &f, iov, n);
    need = rx_need(s, f.size);
    if (need > rx_available(s)) {
        rx_overrun(s);
        if (need < e1000_ring_count(s->rdlen))
            return false;
        /* It never will have room. */
        s->rx_refused = false;
        rx_count_total(s, wire);
        e1000_count(s, MPC, 1);
        return true;
    }
    s->rx_refused = false;
    f.status = f.strip ? RXD_STATUS_VP : 0;
    f.errors = 0;
    f.sum = 0;
    rx_check(s, &f, valid);
    if (s->rxcsum & RXCSUM_PCSS) {
        size_t from = s->rxcsum & RXCSUM_PCSS;

        f.sum = from < f.size
                    ? (uint16_t)~dm_net_sum_fold(dm_net_sum_iov(0, f.iov, f.n, from, f.size - from))
                    : 0;
    }
    rx_store(s, &f);
    rx_count_total(s, wire);
    rx_count_good(s, &f, wire);
    rx_interrupt(s, wire);
    return true;
}

void e1000_rx_loopback(struct e1000 *s, const struct dm_iov *iov, int n, size_t len)
{
    struct dm_iov whole = { s->loop, len };

    if (!rx_enabled(s) || len > sizeof(s->loop))
        return;
    /* A copy: the guest may have it sent from where it is to be received. */
    dm_net_gather(iov, n, 0, s->loop, len);
    if (!e1000_rx_frame(s, &whole, 1, len, NULL)) {
        s->rx_refused = false;
        e1000_count(s, MPC, 1);
    }
}

/* A card that does not listen takes all and loses it. */
static bool rx_listens(const struct e1000 *s)
{
    return rx_enabled(s) && s->phy_link && !e1000_loopback(s);
}

static bool rx_room(void *opaque, size_t len)
{
    struct e1000 *s = opaque;
    size_t most = s->rctl & RCTL_LPE ? RX_LEN_MAX : LEN_NO_LPE;
    unsigned need;

    if (!rx_listens(s))
        return true;
    need = rx_need(s, len + FCS_LEN < most ? len + FCS_LEN : most);
    return need <= rx_available(s) || need >= e1000_ring_count(s->rdlen);
}

static bool rx_receive(void *opaque, const struct dm_iov *iov, int n, size_t len,
                       const struct dm_net_offload *off)
{
    struct e1000 *s = opaque;

    if (rx_listens(s))
        return e1000_rx_frame(s, iov, n, len, off);
    dm_net_drop(s->net);
    return true;
}

static void rx_writable(void *opaque)
{
    struct e1000 *s = opaque;

    s->tx_blocked = false;
    e1000_tx_run(s);
}

static void rx_link_changed(void *opaque, bool up)
{
    e1000_phy_link_changed(opaque);
}

const struct dm_net_user e1000_net_user = {
    .room = rx_room,
    .receive = rx_receive,
    .writable = rx_writable,
    .link_changed = rx_link_changed,
};

void e1000_rx_flush_delay(struct e1000 *s)
{
    bool waits = dm_timer_armed(&s->rdtr_timer) || dm_timer_armed(&s->radv_timer);

    dm_timer_cancel(&s->rdtr_timer);
    dm_timer_cancel(&s->radv_timer);
    if (waits)
        e1000_raise(s, ICR_RXT0);
}

/* Either delay is over: it ends both. */
static void rx_delay_over(void *opaque)
{
    struct e1000 *s = opaque;

    dm_timer_cancel(&s->rdtr_timer);
    dm_timer_cancel(&s->radv_timer);
    e1000_raise(s, ICR_RXT0);
}

void e1000_rx_timers_init(struct e1000 *s)
{
    struct dm_clock *clock = s->pci.dev.machine->clock;

    dm_timer_init(&s->rdtr_timer, clock, rx_delay_over, s);
    dm_timer_init(&s->radv_timer, clock, rx_delay_over, s);
}
