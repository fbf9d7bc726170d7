/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reception of the RTL8139C+: the ring of the C mode, the descriptors of the C+ mode. A frame
 * for which there is no room is refused and waits at the host, where a wire would lose it.
 */
#include "dm/net-offload.h"
#include "hw/net/ether-crc.h"
#include "hw/net/rtl8139.h"

#include <string.h>

/* C+ drivers say nothing when they give descriptors back, so we look. */
#define RX_RETRY_MIN DM_NS_PER_MS
#define RX_RETRY_MAX (32 * DM_NS_PER_MS)

enum rtl_rx_fit { RX_FITS, RX_WAIT, RX_NEVER };

struct rtl_rx_frame {
    const uint8_t *data;
    size_t len;
    unsigned rsr;   /* RSR_MAR, RSR_PAM, RSR_BAR */
    uint32_t sums;  /* RXD_*: protocol and failed sums */
    uint32_t opts2; /* VLAN tag */
};

/* Descriptors that a frame goes to. */
struct rtl_rx_chain {
    uint64_t at[RTL_RING_MAX], buf[RTL_RING_MAX];
    uint32_t opts[RTL_RING_MAX];
    unsigned n, next;
};

unsigned rtl_rx_ring_size(const struct rtl8139 *s)
{
    return 8192u << (rtl_get(s, RCR, 4) >> RCR_RBLEN & 3);
}

static unsigned rx_ring_read(const struct rtl8139 *s)
{
    return (rtl_get(s, CAPR, 2) + 16) & (rtl_rx_ring_size(s) - 4);
}

static unsigned rx_ring_write(const struct rtl8139 *s)
{
    return rtl_get(s, CBR, 2) & (rtl_rx_ring_size(s) - 4);
}

bool rtl_rx_empty(const struct rtl8139 *s)
{
    return rtl_get(s, CPCR, 2) & CPCR_RX || rx_ring_read(s) == rx_ring_write(s);
}

static bool rx_cplus(const struct rtl8139 *s)
{
    return rtl_get(s, CPCR, 2) & CPCR_RX;
}

/* Bytes of a frame in the ring: header, frame, check sequence, to the next 4 (RCR, 6.9). */
static unsigned rx_ring_need(size_t len)
{
    return (unsigned)(len + 4 + RTL_FCS_LEN + 3) & ~3u;
}

static enum rtl_rx_fit rx_ring_fits(const struct rtl8139 *s, size_t len)
{
    unsigned size = rtl_rx_ring_size(s);
    unsigned used = (rx_ring_write(s) - rx_ring_read(s)) & (size - 1);

    if (rx_ring_need(len) >= size)
        return RX_NEVER;
    return rx_ring_need(len) < size - used ? RX_FITS : RX_WAIT;
}

static enum rtl_rx_fit rx_chain_find(struct rtl8139 *s, size_t len, struct rtl_rx_chain *c)
{
    uint64_t ring = rtl_get(s, RDSAR, 4) | (uint64_t)rtl_get(s, RDSAR + 4, 4) << 32;
    size_t room = 0;

    c->n = 0;
    c->next = s->rx_index;
    while (c->n < RTL_RING_MAX) {
        uint8_t desc[DESC_SIZE];

        c->at[c->n] = ring + c->next * DESC_SIZE;
        if (!dm_dma_read(&s->pci.dma, c->at[c->n], desc, sizeof(desc))) {
            rtl_bus_error(s, "receive ring");
            return RX_NEVER;
        }
        c->opts[c->n] = (uint32_t)dm_get_le(desc, 4);
        c->buf[c->n] = dm_get_le(desc + 8, 8);
        if (!(c->opts[c->n] & DESC_OWN))
            return RX_WAIT;
        c->next = c->opts[c->n] & DESC_EOR || c->next + 1 == RTL_RING_MAX ? 0 : c->next + 1;
        room += c->opts[c->n++] & RXD_SIZE;
        if (room >= len + RTL_FCS_LEN)
            return RX_FITS;
        if (c->next == s->rx_index)
            break;
    }
    return RX_NEVER; /* all that the driver has is not enough */
}

/* Is the frame for us (6.9)? Its RSR bits, 0: no. */
static unsigned rx_filter(const struct rtl8139 *s, const uint8_t *dest)
{
    static const uint8_t all[DM_NET_MAC_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    uint32_t rcr = rtl_get(s, RCR, 4);
    bool own;

    if (!memcmp(dest, all, sizeof(all)))
        return rcr & RCR_AB ? RSR_BAR : 0;
    if (dest[0] & 1) {
        unsigned bit = ether_crc_hash(dest, 6);

        return rcr & RCR_AM && s->regs[MAR0 + bit / 8] >> bit % 8 & 1 ? RSR_MAR : 0;
    }
    own = !memcmp(dest, s->regs + IDR0, DM_NET_MAC_LEN);
    if (own && rcr & (RCR_APM | RCR_AAP))
        return RSR_PAM;
    return rcr & RCR_AAP ? RSR_ROK : 0;
}

/* Protocol and sums of an IPv4 packet (9.1.2); valid: the host has checked them. */
static uint32_t rx_checksum(const uint8_t *frame, size_t len, bool valid)
{
    const uint8_t *ip = frame + DM_NET_ETH_LEN;
    size_t at = DM_NET_ETH_LEN, hdr, total;
    uint32_t sums, pseudo;
    unsigned proto;

    if (len >= at + RTL_VLAN_LEN && dm_get_be(frame + 12, 2) == 0x8100) {
        at += RTL_VLAN_LEN;
        ip += RTL_VLAN_LEN;
    }
    if (!dm_in_range(at, 20, len) || dm_get_be(ip - 2, 2) != 0x0800 || ip[0] >> 4 != 4)
        return 0;
    hdr = (ip[0] & 15) * 4u;
    total = dm_get_be(ip + 2, 2);
    if (hdr < 20 || total < hdr || total > len - at)
        return RXD_IP | RXD_IPF;
    sums = dm_net_sum_fold(dm_net_sum(0, ip, hdr, false)) ? RXD_IPF : 0;
    proto = ip[9];
    if (dm_get_be(ip + 6, 2) & 0x3fff || (proto != 6 && proto != 17) ||
        total - hdr < (proto == 6 ? 20u : 8u))
        return RXD_IP | sums;
    sums |= proto == 6 ? RXD_TCP : RXD_UDP;
    if (valid || (proto == 17 && !dm_get_be(ip + hdr + 6, 2)))
        return sums;
    pseudo = dm_net_sum(0, ip + 12, 8, false) + proto + (uint32_t)(total - hdr);
    if (dm_net_sum_fold(dm_net_sum(pseudo, ip + hdr, total - hdr, false)))
        sums |= proto == 6 ? RXD_TCPF : RXD_UDPF;
    return sums;
}

/* What C+ mode does to a frame: takes the tag off, looks at the sums. */
static void rx_offload(struct rtl8139 *s, struct rtl_rx_frame *f, bool valid)
{
    uint32_t cpcr = rtl_get(s, CPCR, 2);

    if (cpcr & CPCR_RXCHKSUM)
        f->sums = rx_checksum(f->data, f->len, valid);
    if (!(cpcr & CPCR_RXVLAN) || f->len < DM_NET_ETH_LEN + RTL_VLAN_LEN ||
        dm_get_be(f->data + 12, 2) != 0x8100)
        return;
    f->opts2 = RXD2_TAVA | (uint32_t)dm_get_le(f->data + 14, 2);
    f->len -= RTL_VLAN_LEN;
    if (f->data != s->rx_buf)
        memcpy(s->rx_buf + RTL_VLAN_LEN + 12, f->data + 16, f->len - 12);
    memmove(s->rx_buf + RTL_VLAN_LEN, f->data, 12);
    f->data = s->rx_buf + RTL_VLAN_LEN;
}

/* Writes to the ring of the C mode at *off, around its end unless RCR.WRAP. */
static bool rx_ring_put(struct rtl8139 *s, unsigned *off, const uint8_t *data, size_t len)
{
    unsigned size = rtl_rx_ring_size(s), ring = rtl_get(s, RBSTART, 4);
    bool straight = rtl_get(s, RCR, 4) & RCR_WRAP && size < 65536, ok = true;

    while (len) {
        size_t n = straight || len < size - *off ? len : size - *off;

        ok &= dm_dma_write(&s->pci.dma, ring + (uint64_t)*off, data, n);
        *off += (unsigned)n;
        if (!straight)
            *off &= size - 1;
        data += n;
        len -= n;
    }
    return ok;
}

static void rx_ring_store(struct rtl8139 *s, const struct rtl_rx_frame *f)
{
    unsigned off = rx_ring_write(s), size = rtl_rx_ring_size(s);
    uint8_t head[4], fcs[RTL_FCS_LEN];
    bool ok;

    dm_put_le(head, 2, (f->rsr & (RSR_MAR | RSR_PAM | RSR_BAR)) | RSR_ROK);
    dm_put_le(head + 2, 2, f->len + RTL_FCS_LEN);
    dm_put_le(fcs, RTL_FCS_LEN, ether_crc(f->data, f->len));
    rtl_put(s, CBR, 2, (off + rx_ring_need(f->len)) & (size - 1));
    ok = rx_ring_put(s, &off, head, sizeof(head));
    ok &= rx_ring_put(s, &off, f->data, f->len);
    ok &= rx_ring_put(s, &off, fcs, sizeof(fcs));
    if (!ok)
        rtl_bus_error(s, "receive ring");
}

static void rx_chain_store(struct rtl8139 *s, const struct rtl_rx_frame *f,
                           const struct rtl_rx_chain *c)
{
    uint8_t fcs[RTL_FCS_LEN], words[8];
    size_t done = 0, all = f->len + RTL_FCS_LEN;
    bool ok = true;

    dm_put_le(fcs, RTL_FCS_LEN, ether_crc(f->data, f->len));
    for (unsigned i = 0; i < c->n; i++) {
        size_t room = c->opts[i] & RXD_SIZE, n = 0;

        if (done < f->len) {
            n = room < f->len - done ? room : f->len - done;
            ok &= dm_dma_write(&s->pci.dma, c->buf[i], f->data + done, n);
        }
        if (done + n >= f->len && n < room) {
            size_t part = all - done - n < room - n ? all - done - n : room - n;

            ok &= dm_dma_write(&s->pci.dma, c->buf[i] + n, fcs + (done + n - f->len), part);
            n += part;
        }
        done += n;
    }
    for (unsigned i = c->n; i-- > 0;) { /* the first one last: the driver waits for it */
        uint32_t opts = c->opts[i] & DESC_EOR;

        if (i == 0)
            opts |= DESC_FS;
        if (i == c->n - 1)
            opts |= DESC_LS | f->sums | (uint32_t)all |
                    (f->rsr & (RSR_MAR | RSR_PAM | RSR_BAR)) << RSR_TO_DESC;
        dm_put_le(words, 4, opts);
        dm_put_le(words + 4, 4, i == c->n - 1 ? f->opts2 : 0);
        ok &= dm_dma_write(&s->pci.dma, c->at[i], words, sizeof(words));
    }
    s->rx_index = (uint8_t)c->next;
    if (!ok)
        rtl_bus_error(s, "receive buffer");
}

static void rx_count(struct rtl8139 *s, unsigned rsr)
{
    s->stats.rx_ok++;
    if (rsr & RSR_BAR)
        s->stats.rx_broadcast++;
    else if (rsr & RSR_MAR)
        s->stats.rx_multicast++;
    else
        s->stats.rx_phys++;
}

static void rx_missed(struct rtl8139 *s)
{
    rtl_put(s, MPC, 4, (rtl_get(s, MPC, 4) + 1) & 0xffffff);
    s->stats.missed++;
}

static bool rx_on(const struct rtl8139 *s)
{
    return s->regs[CR] & CR_RE && rtl_awake(s);
}

/* Puts a frame of at least DM_NET_MIN_LEN bytes where the driver finds it. */
static enum rtl_rx_fit rx_store(struct rtl8139 *s, const uint8_t *data, size_t len, bool valid)
{
    struct rtl_rx_frame f = { .data = data, .len = len, .rsr = rx_filter(s, data) };
    enum rtl_rx_fit fit;

    if (!f.rsr)
        return RX_FITS;
    if (rx_cplus(s)) {
        struct rtl_rx_chain c;

        rx_offload(s, &f, valid);
        fit = rx_chain_find(s, f.len, &c);
        if (fit == RX_FITS)
            rx_chain_store(s, &f, &c);
    } else {
        fit = rx_ring_fits(s, len);
        if (fit == RX_FITS)
            rx_ring_store(s, &f);
    }
    if (fit == RX_FITS) {
        rx_count(s, f.rsr);
        rtl_raise(s, INT_ROK);
    }
    return fit;
}

/*
 * A frame was refused, and we wait for the driver. In C+ mode it is told once that it owes
 * descriptors (RDU). In C mode the same bit says that frames were lost, which they are not.
 */
static void rx_wait(struct rtl8139 *s)
{
    if (s->rx_waits)
        return;
    s->rx_waits = true;
    s->rx_retry = RX_RETRY_MIN;
    if (!rx_cplus(s))
        return;
    rtl_raise(s, INT_RXOVW);
    dm_timer_arm(&s->rx_timer, dm_clock_now(s->pci.dev.machine->clock) + s->rx_retry);
}

void rtl_rx_look(struct rtl8139 *s)
{
    struct rtl_rx_chain c;
    enum rtl_rx_fit fit = RX_FITS;

    if (!s->rx_waits)
        return;
    if (rx_on(s))
        fit = rx_cplus(s) ? rx_chain_find(s, DM_NET_MIN_LEN, &c) : rx_ring_fits(s, 1514);
    if (fit == RX_WAIT)
        return;
    s->rx_waits = false;
    dm_timer_cancel(&s->rx_timer);
    dm_net_accept(s->net);
}

void rtl_rx_timer(void *opaque)
{
    struct rtl8139 *s = opaque;

    rtl_rx_look(s);
    if (!s->rx_waits)
        return;
    if (s->rx_retry < RX_RETRY_MAX)
        s->rx_retry *= 2;
    dm_timer_arm(&s->rx_timer, dm_clock_now(s->pci.dev.machine->clock) + s->rx_retry);
}

bool rtl_rx_room(void *opaque, size_t len)
{
    struct rtl8139 *s = opaque;
    struct rtl_rx_chain c;
    enum rtl_rx_fit fit;

    if (!rx_on(s) || len > RTL_RX_MAX)
        return true;
    if (len < DM_NET_MIN_LEN)
        len = DM_NET_MIN_LEN;
    fit = rx_cplus(s) ? rx_chain_find(s, len, &c) : rx_ring_fits(s, len);
    if (fit == RX_WAIT)
        rx_wait(s);
    return fit != RX_WAIT;
}

static void rx_drop(struct rtl8139 *s)
{
    rx_missed(s);
    rtl_raise(s, INT_RXOVW);
    dm_net_drop(s->net);
}

bool rtl_rx_receive(void *opaque, const struct dm_iov *iov, int n, size_t len,
                    const struct dm_net_offload *off)
{
    struct rtl8139 *s = opaque;
    const uint8_t *data = iov[0].base;

    if (!rx_on(s)) {
        dm_net_drop(s->net);
        return true;
    }
    if (len > RTL_RX_MAX) {
        rx_drop(s);
        return true;
    }
    if (n > 1 || len < DM_NET_MIN_LEN) {
        dm_net_gather(iov, n, 0, s->rx_buf, len);
        if (len < DM_NET_MIN_LEN) { /* no wire has shorter ones */
            memset(s->rx_buf + len, 0, DM_NET_MIN_LEN - len);
            len = DM_NET_MIN_LEN;
        }
        data = s->rx_buf;
    }
    switch (rx_store(s, data, len, off && off->flags & DM_NET_F_DATA_VALID)) {
    case RX_FITS:
        break;
    case RX_WAIT:
        rx_wait(s);
        return false;
    case RX_NEVER:
        rx_drop(s);
        break;
    }
    return true;
}

/* From the transmitter; there is nobody to wait for, so without room it is lost. */
void rtl_rx_loopback(struct rtl8139 *s, const uint8_t *frame, size_t len)
{
    if (!rx_on(s))
        return;
    if (len > RTL_RX_MAX) {
        rx_missed(s);
        return;
    }
    if (len < DM_NET_MIN_LEN) {
        memset(s->rx_buf, 0, DM_NET_MIN_LEN);
        memcpy(s->rx_buf, frame, len);
        frame = s->rx_buf;
        len = DM_NET_MIN_LEN;
    }
    if (rx_store(s, frame, len, false) == RX_FITS)
        return;
    rx_missed(s);
    rtl_raise(s, INT_RXOVW);
}
