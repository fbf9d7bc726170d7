/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dm/net between a host and a card that refuse at times, change their minds about offloads,
 * pull the cable, stop the machine. Each frame that either end gets is compared with what a
 * second, slower implementation here makes of the one that was sent, so that none is lost,
 * doubled, reordered or cut at a wrong place. Headers may be hostile, and the memory that a
 * frame is in may change while it is being sent, as a guest's can.
 */
#include "dm/bytes.h"
#include "dm/net-offload.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_STEPS  200
#define FUZZ_PIECES 600 /* of a frame, so that an input does not take long */

/* The frame on its way in one direction. */
struct flight {
    uint8_t frame[DM_NET_MAX_LEN + 16]; /* what iov points into */
    uint8_t copy[DM_NET_MAX_LEN + 16];  /* as it was at first */
    struct dm_iov iov[DM_NET_IOV_MAX + 4];
    int n;
    size_t len;
    struct dm_net_offload off;
    bool has_off;
    bool proper;   /* in order: it must get there, with right sums */
    bool tampered; /* the guest changed it meanwhile: anything may come of it */
    bool active;   /* begun, not all of it has come */
    bool refused;  /* the sender still has it */
    size_t pos;    /* bytes of payload that have come */
    unsigned pieces;
};

struct fuzz {
    struct fuzz_input in;
    struct fake f;
    struct dm_net net;
    struct dm_net_monitor monitor;
    struct flight tx, rx;
    size_t host_room, card_room;
    bool have_card, tamper, accepted;
    uint64_t seen;
};

static struct fuzz fz;

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "net: %s\n", what);
    abort();
}

static uint64_t take(unsigned size)
{
    return fuzz_take(&fz.in, size);
}

/* The second implementation: byte by byte. */

static uint32_t slow_sum(const uint8_t *p, size_t len)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    return (uint32_t)(sum % 0xffff);
}

static void slow_put_sum(uint8_t *at, uint32_t sum)
{
    sum = 0xffff - sum % 0xffff; /* never 0, which is UDP's for none */
    at[0] = (uint8_t)(sum >> 8);
    at[1] = (uint8_t)sum;
}

static size_t slow_ip(const uint8_t *frame)
{
    size_t at = 12;

    while ((frame[at] == 0x81 && frame[at + 1] == 0) ||
           (frame[at] == 0x88 && frame[at + 1] == 0xa8))
        at += 4;
    return at + 2;
}

/* The next frame that the other end should get. Returns its payload; *last: there is no other. */
static size_t slow_piece(const struct flight *fl, uint8_t *out, size_t *len, bool *last)
{
    size_t l4 = fl->off.csum_start, hdr, ip, here, index;
    bool v6 = (fl->off.gso_type & 0x7f) == DM_NET_GSO_TCPV6;

    memcpy(out, fl->copy, fl->off.gso_type && fl->has_off ? DM_NET_HDR_MAX : fl->len);
    *len = fl->len;
    *last = true;
    if (!fl->has_off || !(fl->off.flags & DM_NET_F_NEEDS_CSUM)) {
        memcpy(out, fl->copy, fl->len);
        return fl->len;
    }
    if (fl->off.gso_type == DM_NET_GSO_NONE) {
        slow_put_sum(out + l4 + fl->off.csum_offset, slow_sum(out + l4, fl->len - l4));
        return fl->len;
    }
    ip = slow_ip(out);
    hdr = l4 + (size_t)(out[l4 + 12] >> 4) * 4;
    here = fl->len - hdr - fl->pos;
    *last = here <= fl->off.gso_size;
    if (!*last)
        here = fl->off.gso_size;
    index = fl->pos / fl->off.gso_size;
    memcpy(out + hdr, fl->copy + hdr + fl->pos, here);
    *len = hdr + here;
    if (v6) {
        dm_put_be(out + ip + 4, 2, *len - ip - 40);
    } else {
        dm_put_be(out + ip + 2, 2, *len - ip);
        dm_put_be(out + ip + 4, 2, dm_get_be(out + ip + 4, 2) + index);
        out[ip + 10] = out[ip + 11] = 0;
        slow_put_sum(out + ip + 10, slow_sum(out + ip, l4 - ip));
    }
    dm_put_be(out + l4 + 4, 4, dm_get_be(out + l4 + 4, 4) + fl->pos);
    if (!*last)
        out[l4 + 13] &= (uint8_t)~0x09; /* FIN, PSH */
    if (fl->pos)
        out[l4 + 13] &= 0x7f; /* CWR */
    /* The pseudo header's length was that of the whole. */
    slow_put_sum(out + l4 + 16, slow_sum(out + l4, *len - l4) + 2 * 0xffff -
                                    (uint32_t)((fl->len - l4) % 0xffff) +
                                    (uint32_t)((*len - l4) % 0xffff));
    return here;
}

/* Equal, but for the two forms of a sum of zero. */
static bool same_frame(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i]) {
            size_t at = i;

            if (at + 1 < len && !(a[at] | a[at + 1]) && (b[at] & b[at + 1]) == 0xff)
                i++;
            else
                return false;
        }
    return true;
}

/* As a receiver checks it, from the addresses on: of a frame that was in order. */
static void check_sums(const struct flight *fl, const uint8_t *p, size_t len)
{
    size_t ip = slow_ip(p), l4 = fl->off.csum_start;
    bool v6 = p[ip] >> 4 == 6;
    uint32_t sum = slow_sum(p + ip + (v6 ? 8 : 12), v6 ? 32 : 8);

    must(v6 || slow_sum(p + ip, l4 - ip) == 0, "IP header's sum is wrong");
    must(dm_get_be(p + ip + (v6 ? 4 : 2), 2) == len - ip - (v6 ? 40 : 0), "IP length is wrong");
    sum += p[ip + (v6 ? 6 : 9)] + (uint32_t)(len - l4) + slow_sum(p + l4, len - l4);
    must(sum % 0xffff == 0, "TCP or UDP sum is wrong");
}

/* One end got something of the frame: right? */
static void got(struct flight *fl, const struct dm_iov *iov, int n, size_t len,
                const struct dm_net_offload *off, unsigned can)
{
    static uint8_t have[DM_NET_MAX_LEN + 16], want[DM_NET_MAX_LEN + 16];
    size_t sum = 0, want_len, here;
    bool last;

    for (int i = 0; i < n; i++)
        sum += iov[i].len;
    must(sum == len && n > 0 && n <= DM_NET_IOV_MAX + 1, "pieces and length differ");
    must(len >= DM_NET_ETH_LEN && len <= DM_NET_MAX_LEN, "a frame of bad length");
    must(dm_net_gather(iov, n, 0, have, len) == len, "gather");
    must(fl->active, "a frame that nobody sent, or twice");
    fl->pieces++;
    if (off && off->flags & DM_NET_F_NEEDS_CSUM) { /* the other end finishes it */
        must(can & DM_NET_CAN_CSUM, "cannot sum");
        must(off->gso_type != DM_NET_GSO_TCPV4 || can & DM_NET_CAN_TSO4, "cannot cut IPv4");
        must(off->gso_type != DM_NET_GSO_TCPV6 || can & DM_NET_CAN_TSO6, "cannot cut IPv6");
        must(!(off->gso_type & DM_NET_GSO_ECN) || can & DM_NET_CAN_ECN, "cannot ECN");
        must(fl->pos == 0, "whole after a part");
        must(!memcmp(off, &fl->off, sizeof(*off)), "other offloads");
        must(fl->tampered || (len == fl->len && !memcmp(have, fl->copy, len)), "another frame");
        fl->active = false;
        return;
    }
    if (fl->tampered)
        return;
    here = slow_piece(fl, want, &want_len, &last);
    must(len == want_len, "a piece of wrong length");
    must(same_frame(have, want, len), "a piece is wrong");
    if (fl->proper && fl->off.flags & DM_NET_F_NEEDS_CSUM)
        check_sums(fl, have, len);
    fl->pos += here;
    fl->active = !last;
}

/* The host. */

static bool host_send(struct dm_net *net, const struct dm_iov *iov, int n, size_t len,
                      const struct dm_net_offload *off)
{
    if (fz.tamper && fz.tx.len > 16 && fz.tx.has_off) { /* the guest writes to it */
        fz.tx.tampered = true;
        fz.tx.frame[(fz.seen * 7 + 12) % (fz.tx.len < 90 ? fz.tx.len : 90)] ^=
            (uint8_t)(fz.seen + 1);
        fz.seen++;
    }
    if (!fz.host_room)
        return false;
    fz.host_room--;
    got(&fz.tx, iov, n, len, off, net->host_can);
    return true;
}

static void host_accept(struct dm_net *net)
{
    fz.accepted = true;
}

static bool host_drain(struct dm_net *net)
{
    return fz.host_room > 0;
}

static void host_close(struct dm_net *net)
{
}

static const struct dm_net_ops host_ops = {
    .send = host_send,
    .accept = host_accept,
    .drain = host_drain,
    .close = host_close,
};

static void host_bring(void)
{
    struct flight *fl = &fz.rx;
    uint64_t dropped = fz.net.rx.dropped;

    fl->refused = !dm_net_receive(&fz.net, fl->iov, fl->n, fl->len, fl->has_off ? &fl->off : NULL);
    if (fl->refused)
        return;
    if (fz.net.rx.dropped != dropped)
        must(!fl->proper || !fz.net.link_up || !fz.have_card, "a frame to the card was dropped");
    else
        must(!fl->active, "a part of a frame to the card is missing");
    fl->active = false;
}

/* The card. */

static bool card_room(void *opaque, size_t len)
{
    return fz.card_room > 0;
}

static bool card_receive(void *opaque, const struct dm_iov *iov, int n, size_t len,
                         const struct dm_net_offload *off)
{
    must(fz.have_card && fz.net.link_up && fz.f.machine.run_state != DM_PAUSED, "to no card");
    if (!fz.card_room)
        return false;
    fz.card_room--;
    got(&fz.rx, iov, n, len, off, fz.net.user_can);
    return true;
}

static void card_send(void)
{
    struct flight *fl = &fz.tx;
    uint64_t dropped = fz.net.tx.dropped, frames = fz.net.tx.frames;
    size_t pos = fl->pos;

    fl->refused = !dm_net_send(&fz.net, fl->iov, fl->n, fl->len, fl->has_off ? &fl->off : NULL);
    if (fl->refused) {
        must(fl->tampered || fl->pos == pos, "refused, but a part of it went");
        return;
    }
    if (fz.net.tx.dropped != dropped) {
        must(fl->pos == pos, "dropped, but a part of it went");
        must(!fl->proper || !fz.net.link_up, "a frame from the card was dropped");
        fl->active = false;
    } else {
        must(fz.net.tx.frames == frames + 1, "a frame was not counted");
    }
}

static void card_writable(void *opaque)
{
    /* Whatever was held has gone before. */
    if (!fz.tx.refused) {
        must(!fz.tx.active || fz.tx.tampered, "a held frame was not finished");
    } else {
        card_send();
    }
}

static const struct dm_net_user card_user = {
    .room = card_room,
    .receive = card_receive,
    .writable = card_writable,
};

static void monitor_frame(void *opaque, const struct dm_iov *iov, int n, size_t len)
{
    must(dm_net_gather(iov, n, 0, (uint8_t[64]) { 0 }, 64) == (len < 64 ? len : 64), "monitor");
}

/* Frames. */

static uint32_t pseudo_sum(const uint8_t *ip, bool v6, unsigned proto, size_t len)
{
    return slow_sum(ip + (v6 ? 8 : 12), v6 ? 32 : 8) + proto + (uint32_t)len;
}

/* Headers in order, but for what the input changes. Returns the length. */
static size_t make_frame(struct flight *fl)
{
    static const uint16_t types[] = { 0x8100, 0x88a8 };
    uint8_t kind = (uint8_t)take(1), opts = (uint8_t)take(1), flips, *p = fl->frame;
    bool v6 = kind & 1, udp = kind & 2, tso = (kind & 0x0c) && !udp;
    size_t at = 12, ip, l4, hdr, payload = take(2);
    uint32_t sum;

    fl->proper = true;
    memset(p, 0, 256);
    memcpy(p, "\x52\x54\x00\x12\x34\x56\x02\x00\x00\x00\x00\x01", 12);
    for (unsigned tags = kind >> 4 & 3; tags > 1; tags--, at += 4) /* none, none, one, two */
        dm_put_be(p + at, 4, (uint32_t)types[tags & 1] << 16 | 0x0123);
    dm_put_be(p + at, 2, v6 ? 0x86dd : 0x0800);
    ip = at + 2;
    l4 = ip + (v6 ? 40 + (opts & 3) * 8u : 20 + (opts & 7) * 4u);
    hdr = l4 + (udp ? 8 : 20 + (opts >> 3 & 7) * 4u);
    payload = tso ? payload % 65000 : payload % (kind & 0x40 ? 9000 : 1400);
    if (ip + 65535 < hdr + payload)
        payload = ip + 65535 - hdr;
    fl->len = hdr + payload;
    for (size_t i = 0; i < payload; i++)
        p[hdr + i] = (uint8_t)(i * 31 + i / 251 + kind);
    for (size_t i = ip; i < hdr; i++)
        p[i] = (uint8_t)(i * 5 + opts);
    if (v6) {
        p[ip] = 0x60;
        p[ip + 6] = udp ? 17 : 6;
        dm_put_be(p + ip + 4, 2, fl->len - ip - 40);
    } else {
        p[ip] = (uint8_t)(0x40 | (l4 - ip) / 4);
        p[ip + 9] = udp ? 17 : 6;
        dm_put_be(p + ip + 2, 2, fl->len - ip);
        p[ip + 10] = p[ip + 11] = 0;
        slow_put_sum(p + ip + 10, slow_sum(p + ip, l4 - ip));
    }
    if (!udp)
        p[l4 + 12] = (uint8_t)((hdr - l4) / 4 << 4);
    if (!udp)
        p[l4 + 13] = opts;
    sum = pseudo_sum(p + ip, v6, udp ? 17 : 6, fl->len - l4) % 0xffff;
    dm_put_be(p + l4 + (udp ? 6 : 16), 2, sum);
    fl->has_off = kind & 0x8c;
    fl->off = (struct dm_net_offload) { 0 };
    if (fl->has_off) {
        fl->off.flags = DM_NET_F_NEEDS_CSUM;
        fl->off.csum_start = (uint16_t)l4;
        fl->off.csum_offset = udp ? 6 : 16;
        fl->off.hdr_len = (uint16_t)hdr;
    }
    if (tso) {
        fl->off.gso_type = (v6 ? DM_NET_GSO_TCPV6 : DM_NET_GSO_TCPV4);
        if (kind & 8)
            fl->off.gso_type |= DM_NET_GSO_ECN;
        fl->off.gso_size = (uint16_t)(take(2) % 3000 + 1);
    }
    /* The hostile part. */
    flips = (uint8_t)take(1);
    for (unsigned i = 0; i < (flips & 7); i++) {
        uint8_t where = (uint8_t)take(1), what = (uint8_t)take(1);

        fl->proper = false;
        if (where >= 0xf0)
            ((uint8_t *)&fl->off)[where & 0xf ? (where & 0xf) % sizeof(fl->off) : 0] = what;
        else
            p[where % fl->len] = what;
    }
    if (flips & 8) {
        fl->proper = false;
        fl->has_off = true;
        fl->off.flags = (uint8_t)take(1);
        fl->off.gso_type = (uint8_t)take(1);
        fl->off.csum_start = (uint16_t)take(2);
        fl->off.csum_offset = (uint16_t)take(2);
    }
    if (flips & 16) {
        fl->proper = false;
        fl->len = take(2) % sizeof(fl->frame);
    }
    /* Bounds this program, not dm/net: a frame may be cut into as many pieces as it has bytes. */
    if (fl->off.gso_size && fl->off.gso_size < fl->len / FUZZ_PIECES)
        fl->off.gso_size = (uint16_t)(fl->len / FUZZ_PIECES);
    return fl->len;
}

static void make_flight(struct flight *fl)
{
    size_t len = make_frame(fl), at = 0;
    uint8_t cuts = (uint8_t)take(1);

    memcpy(fl->copy, fl->frame, sizeof(fl->copy));
    fl->active = true;
    fl->tampered = fl->refused = false;
    fl->pos = fl->pieces = 0;
    /* In pieces of 1, 3, 5... bytes or so; the last one is what remains. */
    fl->n = 0;
    for (size_t i = 0; i < (cuts & 63); i++) {
        size_t here = cuts & 64 ? 2 * i + 1 : cuts & 128 ? len / 63 : i % 3;

        here = here < len - at ? here : len - at;
        fl->iov[fl->n++] = (struct dm_iov) { fl->frame + at, here };
        at += here;
    }
    fl->iov[fl->n++] = (struct dm_iov) { fl->frame + at, len - at };
}

/* Steps. */

static void step_send(void)
{
    if (fz.tx.refused)
        return; /* a card that keeps a frame sends no other one */
    if (fz.tx.active && !fz.tx.tampered)
        return;         /* dm/net holds the rest of it */
    if (fz.tx.active) { /* and may hold this one: what comes of it is not known */
        fz.tamper = false;
        fz.host_room = 1u << 20;
        dm_net_writable(&fz.net);
        fz.tx.active = false;
    }
    make_flight(&fz.tx);
    card_send();
}

static void step_receive(void)
{
    if (!fz.rx.refused)
        make_flight(&fz.rx);
    else if (!fz.accepted)
        return;
    fz.accepted = false;
    if (dm_net_room(&fz.net, fz.rx.len))
        host_bring();
    else
        fz.rx.refused = true;
}

static void step_sum(void)
{
    size_t from = take(1), len = take(2) % 2000;
    struct dm_iov *iov = fz.rx.iov;
    uint32_t start = (uint32_t)take(2), sum;

    if (fz.rx.n && from < fz.rx.len && len <= fz.rx.len - from) {
        sum = dm_net_sum_iov(start, iov, fz.rx.n, from, len);
        must((uint16_t)~dm_net_sum_fold(sum) % 0xffff ==
                 (start + slow_sum(fz.rx.frame + from, len)) % 0xffff,
             "sum of pieces");
    }
    sum = dm_net_sum(start, fz.rx.frame + from, len, from & 1);
    if (from & 1)
        start += slow_sum(fz.rx.frame + from, len) * 256 % 0xffff;
    else
        start += slow_sum(fz.rx.frame + from, len);
    must((uint16_t)~dm_net_sum_fold(sum) % 0xffff == start % 0xffff, "sum");
}

static void step(uint8_t op)
{
    switch (op & 15) {
    case 0:
    case 1:
    case 2:
        step_send();
        break;
    case 3:
    case 4:
    case 5:
        step_receive();
        break;
    case 6:
        fz.host_room = op & 0x80 ? 1u << 20 : op >> 4;
        dm_net_writable(&fz.net);
        break;
    case 7:
        fz.card_room = op & 0x80 ? 1u << 20 : op >> 4;
        if (fz.have_card)
            dm_net_accept(&fz.net);
        break;
    case 8:
        if (fz.have_card)
            dm_net_set_offload(&fz.net, op >> 4);
        break;
    case 9:
        dm_net_set_link(&fz.net, op & 0x80);
        break;
    case 10:
        dm_machine_set_run_state(&fz.f.machine, op & 0x80 ? DM_RUNNING : DM_PAUSED);
        break;
    case 11: /* the card is unplugged, or another one comes */
        fz.have_card = op & 0x80;
        fz.rx.pos = 0;
        fz.tx.refused = false; /* went with it */
        if (!fz.tx.pos && !fz.tx.tampered)
            fz.tx.active = false;
        dm_net_set_user(&fz.net, fz.have_card ? &card_user : NULL, &fz);
        break;
    case 12:
        fz.tamper = op & 0x80;
        break;
    case 13:
        step_sum();
        break;
    case 14:
        if (op & 0x80) {
            dm_net_drain(&fz.net);
            must(fz.host_room < FUZZ_PIECES || !fz.tx.active || fz.tx.tampered || fz.tx.refused,
                 "a held frame did not go before the stop");
        } else {
            dm_net_flush(&fz.net);
        }
        break;
    default:
        dm_net_remove_monitor(&fz.net, &fz.monitor);
        if (op & 0x80)
            dm_net_add_monitor(&fz.net, &fz.monitor);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dm_class *const classes[] = { NULL };

    memset(&fz, 0, sizeof(fz));
    fz.in = (struct fuzz_input) { data, size };
    fz.monitor.frame = monitor_frame;
    fz.host_room = fz.card_room = 1u << 20;
    fake_init(&fz.f, classes);
    fz.net.ops = &host_ops;
    fz.net.host_can = (unsigned)take(1) & 15;
    if (!(fz.net.host_can & DM_NET_CAN_CSUM))
        fz.net.host_can = 0;
    dm_net_register(&fz.f.machine, &fz.net);
    dm_machine_set_run_state(&fz.f.machine, DM_RUNNING);
    dm_net_set_user(&fz.net, &card_user, &fz);
    fz.have_card = true;
    for (unsigned i = 0; i < FUZZ_STEPS && fz.in.left; i++)
        step((uint8_t)take(1));
    fake_finish(&fz.f);
    return 0;
}
