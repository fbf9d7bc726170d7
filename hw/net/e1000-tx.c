/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transmit ring of the e1000: SDM 3.3 (descriptors), 3.4 (ring, interrupts), 3.5 (TCP
 * segmentation), 3.6 (checksums), chapter 9 (VLAN tags).
 *
 * A frame goes to the host in pieces, as it lies in the guest's memory; what has to change
 * in it (VLAN tag, IP checksum, lengths of a frame to be segmented) does so in a copy of its
 * headers. Descriptors are consumed a frame at a time: until its last one (EOP) is there a
 * frame stays in the ring, and so it does while the host has no room. So nothing but the
 * ring's registers and the contexts is in flight when the state is saved.
 *
 * IFCS is taken as set: a driver that leaves it out would have to bring its own FCS, and the
 * host takes none.
 */
#include "dm/net-offload.h"
#include "hw/net/e1000.h"

#include <string.h>

#define TX_BATCH      64         /* descriptors read at once */
#define TX_FRAME_MAX  256        /* descriptors of a frame */
#define TX_TURN_BYTES (4u << 20) /* goes on in the loop's next turn after so much */
#define TX_UNIT_NS    1024ull
#define TX_HDR_MAX    (DM_NET_HDR_MAX - 4) /* leaves room for a VLAN tag */
#define TX_PIECES                                                                  \
    (DM_NET_IOV_MAX - 4) /* of a frame's data; headers, tag and padding go with it \
                          */
#define TX_LEN_MAX 16288 /* bytes, but of a frame to be segmented: SDM 3.3.3 */
#define TX_SEGMENT 64    /* bytes that one more segment is worth as work */
#define VLAN_AT    12

struct tx_desc {
    uint64_t addr;
    uint32_t cmd, status; /* words 2 and 3 */
};

/* A frame on its way out. */
struct tx_frame {
    struct dm_sg sg;     /* the guest's memory */
    struct dm_iov whole; /* all in one piece, when there were too many */
    const struct dm_iov *iov;
    int n;
    size_t len;
    uint8_t hdr[DM_NET_HDR_MAX]; /* the first hdr_len bytes, changed */
    size_t hdr_len;
    uint8_t tag[4];
    bool tagged;
    struct dm_net_offload off;
    unsigned segments;
    struct dm_iov out[DM_NET_IOV_MAX];
    int out_n;
    size_t out_len;
};

/* The ring while descriptors are worked on. */
struct tx_window {
    struct dm_sg sg;
    struct tx_desc desc[TX_FRAME_MAX];
    unsigned n;
    size_t written; /* bytes from the start on that may have changed */
    uint32_t cause; /* to be raised */
    bool delay;     /* TXDW may be delayed */
};

static bool tx_active(const struct e1000 *s)
{
    return (s->tctl & TCTL_EN) && e1000_powered(s) && s->pci.dma.enabled && !s->tx_blocked &&
           s->pci.dev.machine->run_state != DM_PAUSED;
}

static unsigned tx_pending(const struct e1000 *s)
{
    unsigned count = e1000_ring_count(s->tdlen);

    if (s->tdh >= count || s->tdt >= count)
        return 0;
    return s->tdt >= s->tdh ? s->tdt - s->tdh : count - s->tdh + s->tdt;
}

/* Maps and copies the next n descriptors. Returns how many there are: fewer where no RAM is. */
static unsigned tx_fetch(struct e1000 *s, struct tx_window *w, unsigned n)
{
    unsigned count = e1000_ring_count(s->tdlen), first = count - s->tdh < n ? count - s->tdh : n;
    uint64_t base = (uint64_t)s->tdbah << 32 | s->tdbal;
    uint8_t raw[TX_FRAME_MAX * DESC_SIZE];
    size_t got;

    dm_sg_init(&w->sg, &s->pci.dma);
    got = dm_sg_add(&w->sg, &s->pci.dma, base + (uint64_t)s->tdh * DESC_SIZE,
                    (size_t)first * DESC_SIZE);
    if (got == (size_t)first * DESC_SIZE && first < n)
        got += dm_sg_add(&w->sg, &s->pci.dma, base, (size_t)(n - first) * DESC_SIZE);
    w->n = (unsigned)(got / DESC_SIZE);
    w->written = 0;
    dm_sg_read(&w->sg, 0, raw, (size_t)w->n * DESC_SIZE);
    for (unsigned i = 0; i < w->n; i++) {
        const uint8_t *p = raw + (size_t)i * DESC_SIZE;

        w->desc[i] = (struct tx_desc) { dm_get_le(p, 8), (uint32_t)dm_get_le(p + 8, 4),
                                        (uint32_t)dm_get_le(p + 12, 4) };
    }
    return w->n;
}

/* Descriptors [from, to) are done: DD in those that ask for it, and the head moves. */
static void tx_done(struct e1000 *s, struct tx_window *w, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        uint8_t status = (uint8_t)w->desc[i].status | TXD_STATUS_DD;

        if (!(w->desc[i].cmd & TXD_RS))
            continue;
        dm_sg_write(&w->sg, (size_t)i * DESC_SIZE + 12, &status, 1);
        w->written = (size_t)i * DESC_SIZE + 13;
        w->cause |= ICR_TXDW;
        if (!(w->desc[i].cmd & TXD_IDE))
            w->delay = false;
    }
    s->tdh = (s->tdh + to - from) % e1000_ring_count(s->tdlen);
}

static void tx_context_load(struct e1000 *s, const struct tx_desc *d)
{
    struct e1000_context *c = &s->context[!!(d->cmd & TUCMD_TSE)];

    c->ipcss = (uint8_t)d->addr;
    c->ipcso = (uint8_t)(d->addr >> 8);
    c->ipcse = (uint16_t)(d->addr >> 16);
    c->tucss = (uint8_t)(d->addr >> 32);
    c->tucso = (uint8_t)(d->addr >> 40);
    c->tucse = (uint16_t)(d->addr >> 48);
    c->cmd = d->cmd & (TUCMD_TCP | TUCMD_IP | TUCMD_TSE);
    c->hdrlen = (uint8_t)(d->status >> 8);
    c->mss = (uint16_t)(d->status >> 16);
}

static bool tx_is_context(const struct tx_desc *d)
{
    return (d->cmd & TXD_DEXT) && TXD_DTYP(d->cmd) == TXD_DTYP_CTX;
}

static size_t tx_desc_len(const struct tx_desc *d)
{
    return d->cmd & (d->cmd & TXD_DEXT ? TXD_LEN : TXD_LEN_LEGACY);
}

/* Makes at least len bytes of the frame changeable. false: it has not so many. */
static bool tx_headers(struct tx_frame *f, size_t len)
{
    if (len > f->len || len > TX_HDR_MAX)
        return false;
    if (len > f->hdr_len) {
        dm_net_gather(f->iov, f->n, f->hdr_len, f->hdr + f->hdr_len, len - f->hdr_len);
        f->hdr_len = len;
    }
    return true;
}

/* The frame with its changed headers as it stands, without tag and padding, in out. */
static void tx_pieces(struct tx_frame *f)
{
    f->out_n = 0;
    if (f->hdr_len)
        f->out[f->out_n++] = (struct dm_iov) { f->hdr, f->hdr_len };
    f->out_n += dm_net_slice(f->iov, f->n, f->hdr_len, f->len - f->hdr_len, f->out + f->out_n,
                             DM_NET_IOV_MAX - 1);
    f->out_len = f->len;
}

/* The sum of [from, to) goes, complemented, to at. Not all in range: nothing happens. */
static void tx_sum(struct tx_frame *f, size_t from, size_t to, size_t at)
{
    uint16_t sum;

    if (from >= to || to > f->len || !tx_headers(f, at + 2))
        return;
    tx_pieces(f);
    sum = dm_net_sum_fold(dm_net_sum_iov(0, f->out, f->out_n, from, to - from));
    dm_put_be(f->hdr + at, 2, sum ? sum : 0xffff);
}

/* TCP's or UDP's checksum: by the host, if it reaches to the frame's end as theirs do. */
static void tx_sum_l4(struct tx_frame *f, size_t from, size_t to, size_t at)
{
    if (from >= f->len || at + 2 > f->len)
        return;
    if (to == f->len && from >= DM_NET_ETH_LEN && at >= from && at + 2 <= TX_HDR_MAX)
        f->off = (struct dm_net_offload) { .flags = DM_NET_F_NEEDS_CSUM,
                                           .csum_start = (uint16_t)from,
                                           .csum_offset = (uint16_t)(at - from) };
    else
        tx_sum(f, from, to, at);
}

/*
 * SDM 3.5: one frame to be cut into many. The host, or dm/net for it, does it; it wants the
 * headers of the whole, of which the driver left out the lengths. false: what the context
 * says does not fit the frame.
 */
static bool tx_segment(struct tx_frame *f, const struct e1000_context *c)
{
    size_t ip = c->ipcss, tcp = c->tucss, hdr = c->hdrlen, l4_len = f->len - tcp;
    bool v4 = c->cmd & TUCMD_IP;
    uint32_t sum;

    if (!(c->cmd & TUCMD_TCP) || !c->mss || ip < DM_NET_ETH_LEN || tcp < ip + (v4 ? 20 : 40) ||
        hdr < tcp + 20 || c->tucso != tcp + 16 || f->len <= hdr || f->len - ip > 0xffff ||
        !tx_headers(f, hdr))
        return false;
    /* The TCP header ends where the payload begins, whatever else the guest wrote there. */
    if (hdr != tcp + (size_t)(f->hdr[tcp + 12] >> 4) * 4 || f->hdr[ip] >> 4 != (v4 ? 4 : 6))
        return false;
    if (v4) {
        if (tcp != ip + (size_t)(f->hdr[ip] & 15) * 4)
            return false;
        dm_put_be(f->hdr + ip + 2, 2, f->len - ip);
        dm_put_be(f->hdr + ip + 10, 2, 0);
        dm_put_be(f->hdr + ip + 10, 2,
                  dm_net_sum_fold(dm_net_sum(0, f->hdr + ip, tcp - ip, false)));
    } else {
        dm_put_be(f->hdr + ip + 4, 2, f->len - ip - 40);
    }
    /* The driver's sum of the pseudo header is one with the length 0. */
    sum = (uint32_t)dm_get_be(f->hdr + c->tucso, 2) + (uint32_t)l4_len;
    dm_put_be(f->hdr + c->tucso, 2, (uint16_t)~dm_net_sum_fold(sum));
    f->off = (struct dm_net_offload) { .flags = DM_NET_F_NEEDS_CSUM,
                                       .csum_start = (uint16_t)tcp,
                                       .csum_offset = 16 };
    if (f->len - hdr > c->mss) {
        f->off.gso_type = v4 ? DM_NET_GSO_TCPV4 : DM_NET_GSO_TCPV6;
        if (f->hdr[tcp + 13] & 0x80) /* CWR */
            f->off.gso_type |= DM_NET_GSO_ECN;
        f->off.gso_size = c->mss;
        f->off.hdr_len = (uint16_t)hdr;
        f->segments = (unsigned)((f->len - hdr + c->mss - 1) / c->mss);
    }
    return true;
}

/* Checksums and segmentation as the descriptors want them. false: the frame is lost. */
static bool tx_offload(struct e1000 *s, struct tx_frame *f, const struct tx_desc *first,
                       const struct tx_desc *last)
{
    const struct e1000_context *c = &s->context[0];

    if (!(first->cmd & TXD_DEXT)) {
        if (last->cmd & TXD_IC)
            tx_sum_l4(f, TXD_CSS(first->status), f->len, TXD_CSO(first->cmd));
    } else if (first->cmd & TXD_TSE) {
        if (!tx_segment(f, &s->context[1])) {
            e1000_count(s, TSCTFC, 1);
            dm_guest_error(&s->pci.dev, "segmentation context does not fit a frame of %zu bytes",
                           f->len);
            return false;
        }
        e1000_count(s, TSCTC, 1);
        return true;
    } else {
        if (first->status & TXD_IXSM)
            tx_sum(f, c->ipcss, c->ipcse ? c->ipcse + 1u : f->len, c->ipcso);
        if (first->status & TXD_TXSM)
            tx_sum_l4(f, c->tucss, c->tucse ? c->tucse + 1u : f->len, c->tucso);
    }
    if (f->len > TX_LEN_MAX) {
        dm_guest_error(&s->pci.dev, "frame of %zu bytes is too long to be sent", f->len);
        return false;
    }
    return true;
}

/* The frame as it leaves, in out: with tag and padding. */
static void tx_finish(const struct e1000 *s, struct tx_frame *f)
{
    static const uint8_t zeros[DM_NET_MIN_LEN];

    tx_pieces(f);
    if (f->tagged) {
        size_t behind = f->hdr_len - VLAN_AT;

        memmove(f->out + 3, f->out + 1, (size_t)(f->out_n - 1) * sizeof(f->out[0]));
        f->out[0].len = VLAN_AT;
        f->out[1] = (struct dm_iov) { f->tag, sizeof(f->tag) };
        f->out[2] = (struct dm_iov) { f->hdr + VLAN_AT, behind };
        f->out_n += 2;
        f->out_len += sizeof(f->tag);
        if (f->off.flags)
            f->off.csum_start += sizeof(f->tag);
        if (f->off.hdr_len)
            f->off.hdr_len += sizeof(f->tag);
    }
    if (f->out_len < DM_NET_MIN_LEN && (s->tctl & TCTL_PSP)) {
        f->out[f->out_n++] =
            (struct dm_iov) { (uint8_t *)(uintptr_t)zeros, DM_NET_MIN_LEN - f->out_len };
        f->out_len = DM_NET_MIN_LEN;
    }
}

static void tx_count(struct e1000 *s, const struct tx_frame *f)
{
    uint8_t to[DM_NET_MAC_LEN];
    size_t payload = f->off.hdr_len ? f->out_len - f->off.hdr_len : f->out_len;
    size_t each = f->segments > 1 ? f->off.hdr_len + f->off.gso_size : f->out_len;
    size_t octets = payload + f->segments * (f->off.hdr_len + 4u);

    dm_net_gather(f->out, f->out_n, 0, to, sizeof(to));
    e1000_count(s, GPTC, f->segments);
    e1000_count(s, TPT, f->segments);
    e1000_count_octets(s, GOTCL, (uint32_t)octets);
    e1000_count_octets(s, TOTL, (uint32_t)octets);
    for (unsigned i = 1; i < f->segments; i++)
        e1000_count_size(s, PTC64, each + 4);
    e1000_count_size(s, PTC64,
                     f->segments > 1 ? octets - (f->segments - 1) * (each + 4) : each + 4);
    if (to[0] & 1)
        e1000_count(s, dm_get_le(to, 6) == 0xffffffffffff ? BPTC : MPTC, f->segments);
}

/* Through the chip and back in: nothing waits for the other end. */
static void tx_loopback(struct e1000 *s, struct tx_frame *f)
{
    struct dm_net_cut cut;
    size_t done = 0;

    if (f->out_len < DM_NET_ETH_LEN)
        return;
    if (!f->off.flags) {
        e1000_rx_loopback(s, f->out, f->out_n, f->out_len);
        return;
    }
    if (!dm_net_offload_valid(&f->off, f->out, f->out_n, f->out_len))
        return;
    dm_net_cut_init(&cut, f->out, f->out_n, f->out_len, &f->off);
    do {
        done = dm_net_cut_step(&cut, done);
        e1000_rx_loopback(s, cut.out, cut.out_n, cut.out_len);
    } while (done);
}

/* The frame in descriptors [first, last] of the window. false: the host has no room for it. */
static bool tx_send(struct e1000 *s, struct tx_window *w, unsigned first, unsigned last,
                    size_t *work)
{
    const struct tx_desc *head = NULL, *tail = &w->desc[last];
    struct tx_frame f;
    bool taken = true;
    size_t len = 0;

    dm_sg_init(&f.sg, &s->pci.dma);
    for (unsigned i = first; i <= last; i++) {
        const struct tx_desc *d = &w->desc[i];
        size_t here = tx_desc_len(d);

        if (tx_is_context(d)) {
            tx_context_load(s, d);
            continue;
        }
        if (!head)
            head = d;
        len += here;
        if (len <= DM_NET_MAX_LEN && here && f.sg.len == len - here)
            dm_sg_add(&f.sg, &s->pci.dma, d->addr, here);
    }
    *work += len < DM_NET_MAX_LEN ? len : DM_NET_MAX_LEN;
    if (!head || !len)
        goto out;
    if (f.sg.len != len) {
        dm_guest_error(&s->pci.dev, "frame of %zu bytes is too long or not in memory", len);
        goto out;
    }
    f.iov = f.sg.iov;
    f.n = f.sg.n;
    f.len = len;
    if (f.n > TX_PIECES) {
        dm_sg_read(&f.sg, 0, s->frame, len);
        f.whole = (struct dm_iov) { s->frame, len };
        f.iov = &f.whole;
        f.n = 1;
    }
    f.hdr_len = 0;
    f.segments = 1;
    f.off = (struct dm_net_offload) { 0 };
    f.tagged = (tail->cmd & TXD_VLE) && (s->ctrl & CTRL_VME) && tx_headers(&f, DM_NET_ETH_LEN);
    if (f.tagged) {
        dm_put_be(f.tag, 2, s->vet);
        dm_put_be(f.tag + 2, 2, TXD_SPECIAL(tail->status));
    }
    if (!tx_offload(s, &f, head, tail))
        goto out;
    tx_finish(s, &f);
    *work += (size_t)f.segments * TX_SEGMENT;
    if (e1000_loopback(s))
        tx_loopback(s, &f);
    else
        taken = dm_net_send(s->net, f.out, f.out_n, f.out_len, &f.off);
    if (taken)
        tx_count(s, &f);
out:
    dm_sg_release(&f.sg, 0);
    return taken;
}

/* Does what is whole in the window. Returns the descriptors that are done with. */
static unsigned tx_window_run(struct e1000 *s, struct tx_window *w, size_t *work)
{
    unsigned first = 0;

    for (unsigned i = 0; i < w->n && *work < TX_TURN_BYTES; i++) {
        const struct tx_desc *d = &w->desc[i];

        if (!s->tx_skip && i == first && tx_is_context(d)) {
            tx_context_load(s, d);
        } else if (!(d->cmd & TXD_EOP) || tx_is_context(d)) {
            continue;
        } else if (s->tx_skip) {
            s->tx_skip = false;
        } else if (!tx_send(s, w, first, i, work)) {
            s->tx_blocked = true;
            return first;
        }
        tx_done(s, w, first, i + 1);
        first = i + 1;
    }
    if (s->tx_skip || (first == 0 && w->n == TX_FRAME_MAX)) {
        if (!s->tx_skip)
            dm_guest_error(&s->pci.dev, "frame of more than %u descriptors", TX_FRAME_MAX);
        s->tx_skip = true;
        tx_done(s, w, first, w->n);
        first = w->n;
    }
    return first;
}

/*
 * SDM 3.4.3: TXDW, at once or after the delays, and the causes that the ring's level gives. A
 * delay that ends before the throttle lets an interrupt through is none: saves two timers.
 */
static void tx_interrupt(struct e1000 *s, struct tx_window *w)
{
    uint64_t now = dm_clock_now(s->pci.dev.machine->clock);
    unsigned left = tx_pending(s), low = TXDCTL_LWTHRESH(s->txdctl) * 8;

    if (left == 0)
        w->cause |= ICR_TXQE;
    if (low && left <= low)
        w->cause |= ICR_TXD_LOW;
    if ((w->cause & ICR_TXDW) && w->delay && s->tidv && now + s->tidv * TX_UNIT_NS > s->itr_next) {
        w->cause &= ~ICR_TXDW;
        dm_timer_arm(&s->tidv_timer, now + s->tidv * TX_UNIT_NS);
        if (s->tadv && !dm_timer_armed(&s->tadv_timer))
            dm_timer_arm(&s->tadv_timer, now + s->tadv * TX_UNIT_NS);
    } else if (w->cause & ICR_TXDW) {
        dm_timer_cancel(&s->tidv_timer);
        dm_timer_cancel(&s->tadv_timer);
    }
    e1000_raise(s, w->cause);
}

void e1000_tx_run(struct e1000 *s)
{
    unsigned left = e1000_ring_count(s->tdlen), want = TX_BATCH, used, done = 0;
    struct tx_window w; /* not cleared: it is large */
    size_t work = 0;

    if (!tx_active(s) || s->tdh == s->tdt)
        return;
    if (s->tdh >= left || s->tdt >= left) {
        dm_guest_error(&s->pci.dev, "transmit head %u or tail %u is not in a ring of %u", s->tdh,
                       s->tdt, left);
        return;
    }
    w.cause = 0;
    w.delay = true;
    while (left && work < TX_TURN_BYTES && tx_pending(s)) {
        unsigned pending = tx_pending(s), n = pending < want ? pending : want;

        if (tx_fetch(s, &w, n) < n) {
            dm_sg_release(&w.sg, 0);
            dm_guest_error(&s->pci.dev, "transmit ring is not in memory");
            left = 0;
            break;
        }
        used = tx_window_run(s, &w, &work);
        dm_sg_release(&w.sg, w.written);
        done += used;
        left -= used < left ? used : left;
        if (s->tx_blocked)
            break;
        if (used == 0 && n == pending)
            break; /* the rest of the frame is not there yet */
        want = used ? TX_BATCH : TX_FRAME_MAX;
    }
    if (done)
        tx_interrupt(s, &w);
    if (!s->tx_blocked && (done && (!left || work >= TX_TURN_BYTES)) && tx_pending(s))
        dm_timer_arm(&s->tx_turn, dm_clock_now(s->pci.dev.machine->clock));
}

void e1000_tx_flush_delay(struct e1000 *s)
{
    bool waits = dm_timer_armed(&s->tidv_timer) || dm_timer_armed(&s->tadv_timer);

    dm_timer_cancel(&s->tidv_timer);
    dm_timer_cancel(&s->tadv_timer);
    if (waits)
        e1000_raise(s, ICR_TXDW);
}

/* Either delay is over: it ends both. */
static void tx_delay_over(void *opaque)
{
    struct e1000 *s = opaque;

    dm_timer_cancel(&s->tidv_timer);
    dm_timer_cancel(&s->tadv_timer);
    e1000_raise(s, ICR_TXDW);
}

static void tx_turn(void *opaque)
{
    e1000_tx_run(opaque);
}

void e1000_tx_timers_init(struct e1000 *s)
{
    struct dm_clock *clock = s->pci.dev.machine->clock;

    dm_timer_init(&s->tidv_timer, clock, tx_delay_over, s);
    dm_timer_init(&s->tadv_timer, clock, tx_delay_over, s);
    dm_timer_init(&s->tx_turn, clock, tx_turn, s);
}
