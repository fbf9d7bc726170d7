/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dm/net and dm/net-offload: who is told what, counters, software checksums and segmentation. */
#include "dm/net-offload.h"
#include "tests/unit/nic-rig.h"

#include <errno.h>
#include <stdlib.h>

/* A card without a device: it takes `room` frames and keeps them. */
struct card {
    size_t room;
    unsigned got, writable, links;
    bool up;
    uint8_t frame[64][2048];
    size_t len[64];
    struct dm_net_offload off[64];
};

static bool card_room(void *opaque, size_t len)
{
    (void)len;
    return ((struct card *)opaque)->room > 0;
}

static bool card_receive(void *opaque, const struct dm_iov *iov, int n, size_t len,
                         const struct dm_net_offload *off)
{
    struct card *c = opaque;

    assert_true(c->got < 64);
    if (!c->room)
        return false;
    c->room--;
    assert_int_equal(dm_net_gather(iov, n, 0, c->frame[c->got], 2048), len < 2048 ? len : 2048);
    c->off[c->got] = off ? *off : (struct dm_net_offload) { 0 };
    c->len[c->got++] = len;
    return true;
}

static void card_writable(void *opaque)
{
    ((struct card *)opaque)->writable++;
}

static void card_link(void *opaque, bool up)
{
    ((struct card *)opaque)->links++;
    ((struct card *)opaque)->up = up;
}

static const struct dm_net_user card_user = {
    .room = card_room,
    .receive = card_receive,
    .writable = card_writable,
    .link_changed = card_link,
};

struct bench {
    struct fake f;
    struct fake_net *net;
    struct card card;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    fake_init(&b->f, classes);
    b->net = fake_net_create(&b->f, "net0");
    b->card.room = SIZE_MAX;
    dm_net_set_user(&b->net->net, &card_user, &b->card);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    fake_finish(&b->f);
    free(b);
    return 0;
}

/* The TCP or UDP checksum of a frame is right: the sum over it and its pseudo header is 0. */
static bool frame_sum_right(const uint8_t *frame, size_t len, size_t ip)
{
    bool v6 = frame[ip] >> 4 == 6;
    size_t l4 = ip + (v6 ? 40 : (size_t)(frame[ip] & 15) * 4), l4_len = len - l4;
    uint32_t sum = dm_net_sum(0, frame + ip + (v6 ? 8 : 12), v6 ? 32 : 8, false);

    sum += (uint32_t)l4_len + frame[ip + (v6 ? 6 : 9)];
    sum = dm_net_sum(sum, frame + l4, l4_len, false);
    return dm_net_sum_fold(sum) == 0;
}

/* A TCP frame with its pseudo header's sum in place. Returns its length. */
static size_t frame_make(uint8_t *f, bool v6, bool vlan, size_t payload, struct dm_net_offload *off)
{
    size_t ip = vlan ? 18 : 14, l4 = ip + (v6 ? 40 : 20), hdr = l4 + 32, len = hdr + payload;
    uint32_t sum;

    memset(f, 0, hdr);
    memset(f, 0x52, 12);
    if (vlan)
        dm_put_be(f + 12, 4, 0x81000005);
    dm_put_be(f + ip - 2, 2, v6 ? 0x86dd : 0x0800);
    if (v6) {
        f[ip] = 0x60;
        dm_put_be(f + ip + 4, 2, len - l4);
        f[ip + 6] = 6;
        memset(f + ip + 8, 0xfd, 16);
        memset(f + ip + 24, 0xfe, 16);
    } else {
        f[ip] = 0x45;
        dm_put_be(f + ip + 2, 2, len - ip);
        dm_put_be(f + ip + 4, 2, 0xffff); /* the identification wraps */
        f[ip + 9] = 6;
        dm_put_be(f + ip + 12, 8, 0x0a000001c0a80102);
    }
    dm_put_be(f + l4, 8, 0x12345678fffffff0); /* so does the sequence number */
    f[l4 + 12] = 8 << 4;
    f[l4 + 13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR ACK PSH FIN */
    for (size_t i = 0; i < payload; i++)
        f[hdr + i] = (uint8_t)(i * 7 + i / 251);
    sum = dm_net_sum(0, f + ip + (v6 ? 8 : 12), v6 ? 32 : 8, false);
    sum += (uint32_t)(len - l4) + 6;
    dm_put_be(f + l4 + 16, 2, (uint16_t)~dm_net_sum_fold(sum));
    *off = (struct dm_net_offload) {
        .flags = DM_NET_F_NEEDS_CSUM,
        .gso_type = v6 ? DM_NET_GSO_TCPV6 : DM_NET_GSO_TCPV4,
        .gso_size = 1000,
        .csum_start = (uint16_t)l4,
        .csum_offset = 16,
    };
    return len;
}

static void check_segment(const uint8_t *f, size_t len, const uint8_t *whole, size_t whole_len,
                          bool v6, bool vlan, unsigned i, unsigned last)
{
    size_t ip = vlan ? 18 : 14, l4 = ip + (v6 ? 40 : 20), hdr = l4 + 32, at = hdr + i * 1000u;

    assert_int_equal(len, i == last ? hdr + (whole_len - at) : hdr + 1000);
    assert_memory_equal(f, whole, ip);
    assert_memory_equal(f + hdr, whole + at, len - hdr);
    assert_int_equal(dm_get_be(f + l4 + 4, 4), (uint32_t)(0xfffffff0 + i * 1000u));
    assert_int_equal(f[l4 + 13], 0x10 | (i ? 0 : 0x80) | (i == last ? 0x09 : 0));
    assert_true(frame_sum_right(f, len, ip));
    if (v6) {
        assert_int_equal(dm_get_be(f + ip + 4, 2), len - l4);
    } else {
        assert_int_equal(dm_get_be(f + ip + 2, 2), len - ip);
        assert_int_equal(dm_get_be(f + ip + 4, 2), (uint16_t)(0xffff + i));
        assert_int_equal(dm_net_sum_fold(dm_net_sum(0, f + ip, 20, false)), 0);
    }
}

/* RFC 1071's own example, and any cut of data at any offset gives the same sum. */
static void test_sum(void **state)
{
    static const uint8_t example[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
    uint8_t data[257];
    struct dm_iov iov[3];
    uint32_t whole;

    (void)state;
    assert_int_equal((uint16_t)~dm_net_sum_fold(dm_net_sum(0, example, 8, false)), 0xddf2);
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 37 + 255);
    whole = dm_net_sum_fold(dm_net_sum(0, data, sizeof(data), false));
    for (size_t a = 0; a < sizeof(data); a += 5) {
        for (size_t b = a; b < sizeof(data); b += 3) {
            iov[0] = (struct dm_iov) { data, a };
            iov[1] = (struct dm_iov) { data + a, b - a };
            iov[2] = (struct dm_iov) { data + b, sizeof(data) - b };
            assert_int_equal(dm_net_sum_fold(dm_net_sum_iov(0, iov, 3, 0, sizeof(data))), whole);
        }
    }
    iov[0] = (struct dm_iov) { data, 100 };
    iov[1] = (struct dm_iov) { data + 100, 157 };
    assert_int_equal(dm_net_sum_fold(dm_net_sum_iov(0, iov, 2, 33, 99)),
                     dm_net_sum_fold(dm_net_sum(0, data + 33, 99, false)));
    memset(data, 0xff, sizeof(data)); /* carries all the way */
    assert_int_equal(dm_net_sum_fold(dm_net_sum(0xffffffff, data, 256, false)), 0);
}

static void test_segment_to_host(void **state)
{
    struct bench *b = *state;
    uint8_t frame[6000];
    struct dm_net_offload off;
    struct dm_iov iov[3];

    b->net->net.host_can = 0;
    for (int kind = 0; kind < 4; kind++) {
        bool v6 = kind & 1, vlan = kind & 2;
        size_t len = frame_make(frame, v6, vlan, 4321, &off);
        unsigned first = b->net->sent_count;

        iov[0] = (struct dm_iov) { frame, 20 }; /* a header in two pieces, an odd one */
        iov[1] = (struct dm_iov) { frame + 20, 1111 };
        iov[2] = (struct dm_iov) { frame + 1131, len - 1131 };
        assert_true(dm_net_send(&b->net->net, iov, 3, len, &off));
        assert_int_equal(b->net->sent_count, first + 5);
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(b->net->sent[first + i].off.flags, 0);
            assert_int_equal(b->net->sent[first + i].off.gso_type, 0);
            check_segment(b->net->sent[first + i].data, b->net->sent[first + i].len, frame, len, v6,
                          vlan, i, 4);
        }
    }
    assert_int_equal(b->net->net.tx.frames, 4);
    assert_int_equal(b->net->net.tx.dropped, 0);
}

/* A host that can gets it as it is. */
static void test_offload_passes(void **state)
{
    struct bench *b = *state;
    uint8_t frame[6000];
    struct dm_net_offload off;
    size_t len = frame_make(frame, false, false, 4321, &off);
    struct dm_iov iov = { frame, len };

    assert_true(dm_net_send(&b->net->net, &iov, 1, len, &off));
    assert_int_equal(b->net->sent_count, 1);
    assert_memory_equal(&b->net->sent[0].off, &off, sizeof(off));
    assert_memory_equal(b->net->sent[0].data, frame, len);
    off.gso_type |= DM_NET_GSO_ECN; /* but not what it cannot */
    b->net->net.host_can &= ~(unsigned)DM_NET_CAN_ECN;
    assert_true(dm_net_send(&b->net->net, &iov, 1, len, &off));
    assert_int_equal(b->net->sent_count, 6);

    dm_net_set_offload(&b->net->net, DM_NET_CAN_CSUM | DM_NET_CAN_TSO4);
    assert_int_equal(b->net->can, DM_NET_CAN_CSUM | DM_NET_CAN_TSO4);
    off.gso_type = DM_NET_GSO_TCPV4;
    assert_true(fake_net_bring(b->net, frame, len, &off));
    assert_int_equal(b->card.got, 1);
    assert_int_equal(b->card.len[0], len);
    assert_memory_equal(&b->card.off[0], &off, sizeof(off));
    dm_net_set_offload(&b->net->net, DM_NET_CAN_TSO4); /* makes no sense alone */
    assert_int_equal(b->net->can, 0);
}

/* The host refuses in the middle of a frame: what is left follows, once, in order. */
static void test_host_refuses_segment(void **state)
{
    struct bench *b = *state;
    uint8_t frame[6000], small[60] = { 0x52 };
    struct dm_net_offload off;
    size_t len = frame_make(frame, true, false, 4321, &off);
    struct dm_iov iov = { frame, len }, two = { small, sizeof(small) };

    b->net->net.host_can = 0;
    b->net->room = 0;
    assert_false(dm_net_send(&b->net->net, &iov, 1, len, &off));
    fake_net_writable(b->net, 2);
    assert_int_equal(b->card.writable, 1);
    assert_int_equal(b->net->sent_count, 0); /* it is the card's to send again */
    assert_true(dm_net_send(&b->net->net, &iov, 1, len, &off));
    assert_int_equal(b->net->sent_count, 2);
    memset(frame + 100, 0, 100); /* taken: the card may use the memory again */
    assert_false(dm_net_send(&b->net->net, &two, 1, sizeof(small), NULL));
    fake_net_writable(b->net, 1);
    assert_int_equal(b->card.writable, 1);
    assert_int_equal(b->net->sent_count, 3);
    fake_net_writable(b->net, SIZE_MAX);
    assert_int_equal(b->card.writable, 2);
    assert_int_equal(b->net->sent_count, 5);
    frame_make(frame, true, false, 4321, &off);
    for (unsigned i = 0; i < 5; i++)
        check_segment(b->net->sent[i].data, b->net->sent[i].len, frame, len, true, false, i, 4);
    assert_true(dm_net_send(&b->net->net, &two, 1, sizeof(small), NULL));
    assert_int_equal(b->net->sent_count, 6);
    assert_int_equal(b->net->net.tx.frames, 2);
    fake_net_writable(b->net, SIZE_MAX); /* told once */
    assert_int_equal(b->card.writable, 2);
}

/* The same for a card whose ring is full in the middle. */
static void test_card_refuses_segment(void **state)
{
    struct bench *b = *state;
    uint8_t frame[6000];
    struct dm_net_offload off;
    size_t len = frame_make(frame, false, true, 4321, &off);

    b->card.room = 3;
    assert_true(dm_net_room(&b->net->net, len));
    assert_false(fake_net_bring(b->net, frame, len, &off));
    assert_int_equal(b->card.got, 3);
    assert_false(dm_net_room(&b->net->net, len));
    assert_int_equal(b->net->accepts, 0);
    b->card.room = SIZE_MAX;
    dm_net_accept(&b->net->net);
    dm_net_accept(&b->net->net);
    assert_int_equal(b->net->accepts, 1);
    assert_true(fake_net_bring(b->net, frame, len, &off));
    assert_int_equal(b->card.got, 5);
    for (unsigned i = 0; i < 5; i++) {
        check_segment(b->card.frame[i], b->card.len[i], frame, len, false, true, i, 4);
        assert_int_equal(b->card.off[i].flags, DM_NET_F_DATA_VALID);
    }
    assert_int_equal(b->net->net.rx.frames, 1);
    assert_int_equal(b->net->net.rx.bytes, len);
}

/* A driver learns to take large frames while one is delivered in part: it goes on in parts. */
static void test_offload_changes_between(void **state)
{
    struct bench *b = *state;
    uint8_t frame[6000];
    struct dm_net_offload off;
    size_t len = frame_make(frame, false, true, 4321, &off);

    b->card.room = 3;
    assert_false(fake_net_bring(b->net, frame, len, &off));
    b->card.room = SIZE_MAX;
    dm_net_set_offload(&b->net->net, DM_NET_CAN_CSUM | DM_NET_CAN_TSO4);
    dm_net_accept(&b->net->net);
    assert_true(fake_net_bring(b->net, frame, len, &off));
    assert_int_equal(b->card.got, 5);
    for (unsigned i = 0; i < 5; i++)
        check_segment(b->card.frame[i], b->card.len[i], frame, len, false, true, i, 4);
    /* The next one comes whole; and after a change back the one behind it from its start. */
    assert_true(fake_net_bring(b->net, frame, len, &off));
    assert_int_equal(b->card.got, 6);
    assert_int_equal(b->card.len[5], len);
    dm_net_set_offload(&b->net->net, 0);
    b->card.got = 0;
    assert_true(fake_net_bring(b->net, frame, len, &off));
    assert_int_equal(b->card.got, 5);
    check_segment(b->card.frame[0], b->card.len[0], frame, len, false, true, 0, 4);
}

static void test_checksum_only(void **state)
{
    struct bench *b = *state;
    uint8_t frame[2000];
    struct dm_net_offload off;
    size_t len = frame_make(frame, false, false, 1001, &off);

    off.gso_type = DM_NET_GSO_NONE;
    assert_true(fake_net_bring(b->net, frame, len, &off));
    assert_int_equal(b->card.got, 1);
    assert_int_equal(b->card.len[0], len);
    assert_true(frame_sum_right(b->card.frame[0], len, 14));
    /* UDP: a sum that comes out as 0 is sent as ffff. */
    memset(frame, 0, sizeof(frame));
    off = (struct dm_net_offload) { .flags = DM_NET_F_NEEDS_CSUM,
                                    .csum_start = 34,
                                    .csum_offset = 6 };
    memset(frame + 42, 0xff, 2);
    assert_true(fake_net_bring(b->net, frame, 60, &off));
    assert_int_equal(dm_get_be(b->card.frame[1] + 40, 2), 0xffff);
}

/* What a hostile or broken end claims: dropped and counted, never read beyond the frame. */
static void test_bad_frames(void **state)
{
    struct bench *b = *state;
    uint8_t *frame = malloc(DM_NET_MAX_LEN + 1);
    struct dm_net_offload good, off;
    size_t len;
    unsigned n = 0;

    assert_non_null(frame);
    memset(frame, 0, DM_NET_MAX_LEN + 1);
    assert_true(fake_net_bring(b->net, frame, DM_NET_ETH_LEN - 1, NULL));
    assert_true(fake_net_bring(b->net, frame, 0, NULL));
    assert_true(fake_net_bring(b->net, frame, DM_NET_MAX_LEN + 1, NULL));
    assert_int_equal(b->net->net.rx.dropped, 3);
    len = frame_make(frame, false, false, 1500, &good);
#define BAD(what)                                              \
    do {                                                       \
        off = good;                                            \
        what;                                                  \
        assert_true(fake_net_bring(b->net, frame, len, &off)); \
        assert_int_equal(b->net->net.rx.dropped, 3 + ++n);     \
        len = frame_make(frame, false, false, 1500, &good);    \
    } while (0)
    BAD(off.csum_start = 0);
    BAD(off.csum_start = 0xffff; off.csum_offset = 0xffff);
    BAD(off.csum_start = (uint16_t)(len - 17));
    BAD(off.csum_offset = 6);
    BAD(off.gso_size = 0);
    BAD(off.flags = 0);
    BAD(off.gso_type = 3);
    BAD(off.gso_type = DM_NET_GSO_TCPV6);
    BAD(frame[12] = 0x86; frame[13] = 0xdd);
    BAD(frame[14] = 0x46);
    BAD(frame[14] = 0x55);
    BAD(frame[23] = 17);
    BAD(frame[46] = 4 << 4);
    BAD(len = 50; off.csum_start = 34);
    BAD(len = 60; frame[46] = 15 << 4);
    BAD(frame[12] = 0x81; frame[13] = 0; frame[16] = 0x81; frame[17] = 0; frame[20] = 0x81;
        frame[21] = 0);
    assert_int_equal(b->card.got, 0);
    assert_true(fake_net_bring(b->net, frame, len, &good));
    assert_int_equal(b->card.got, 2);
    free(frame);
}

static void test_link(void **state)
{
    struct bench *b = *state;
    uint8_t frame[60] = { 0x52 };
    struct dm_iov iov = { frame, sizeof(frame) };

    assert_true(dm_net_link(&b->net->net));
    b->card.room = 0;
    assert_false(fake_net_bring(b->net, frame, 60, NULL));
    dm_net_set_link(&b->net->net, false);
    dm_net_set_link(&b->net->net, false);
    assert_int_equal(b->card.links, 1);
    assert_int_equal(b->net->accepts, 1); /* to let the host's end drop what it holds */
    assert_true(dm_net_room(&b->net->net, 60));
    assert_true(fake_net_bring(b->net, frame, 60, NULL));
    assert_true(dm_net_send(&b->net->net, &iov, 1, 60, NULL));
    assert_int_equal(b->net->net.rx.dropped, 1);
    assert_int_equal(b->net->net.tx.dropped, 1);
    assert_int_equal(b->net->sent_count + b->card.got, 0);
    dm_net_set_link(&b->net->net, true);
    assert_true(b->card.up);
    assert_true(dm_net_send(&b->net->net, &iov, 1, 60, NULL));
    assert_int_equal(b->net->sent_count, 1);
    assert_true(dm_net_send(NULL, &iov, 1, 60, NULL)); /* no back end at all */
    assert_false(dm_net_link(NULL));
    dm_net_accept(NULL);
    dm_net_flush(NULL);
}

/* A stopped guest gets nothing; what waits comes when it goes on. */
static void test_paused(void **state)
{
    struct bench *b = *state;
    uint8_t frame[60] = { 0x52 };

    dm_machine_set_run_state(&b->f.machine, DM_RUNNING);
    dm_machine_set_run_state(&b->f.machine, DM_PAUSED);
    assert_false(dm_net_room(&b->net->net, 60));
    assert_false(fake_net_bring(b->net, frame, 60, NULL));
    dm_machine_set_run_state(&b->f.machine, DM_RUNNING);
    assert_int_equal(b->net->accepts, 1);
    assert_int_equal(b->card.writable, 2); /* at each start: it may have something to send */
    assert_true(fake_net_bring(b->net, frame, 60, NULL));
    assert_int_equal(b->card.got, 1);
}

/* The host takes frames again while the guest is stopped: the card hears of it later, once. */
static void test_writable_while_paused(void **state)
{
    struct bench *b = *state;
    uint8_t frame[60] = { 0x52 };
    struct dm_iov iov = { frame, sizeof(frame) };

    dm_machine_set_run_state(&b->f.machine, DM_RUNNING);
    b->net->room = 0;
    assert_false(dm_net_send(&b->net->net, &iov, 1, 60, NULL));
    dm_machine_set_run_state(&b->f.machine, DM_PAUSED);
    assert_int_equal(b->card.writable, 1);
    fake_net_writable(b->net, SIZE_MAX);
    assert_int_equal(b->card.writable, 1);
    dm_machine_set_run_state(&b->f.machine, DM_RUNNING);
    assert_int_equal(b->card.writable, 2);
}

/* Headers that change after they were checked: the guest's memory does. */
static void test_headers_change(void **state)
{
    struct dm_net_offload off = { DM_NET_F_NEEDS_CSUM, DM_NET_GSO_TCPV4, 54, 100, 230, 16 };
    static uint8_t frame[400];
    struct dm_iov iov = { frame, sizeof(frame) };
    struct dm_net_cut cut;
    size_t done = 0;
    unsigned n = 0;

    (void)state;
    frame[230 + 12] = 0xf0; /* 60 bytes of TCP header: to 290 */
    dm_net_cut_init(&cut, &iov, 1, sizeof(frame), &off);
    do {
        done = dm_net_cut_step(&cut, done);
        assert_in_range(cut.out_len, 1, sizeof(frame));
        n++;
    } while (done);
    assert_int_equal(n, 2);
    dm_net_cut_init(&cut, &iov, 1, 250, &off);
    assert_int_equal(dm_net_cut_step(&cut, 0), 0);
    assert_int_equal(cut.out_len, 250);
}

static unsigned seen;

static void monitor_frame(void *opaque, const struct dm_iov *iov, int n, size_t len)
{
    (void)opaque;
    (void)iov;
    (void)n;
    seen += (unsigned)len;
}

static void test_monitor(void **state)
{
    struct bench *b = *state;
    struct dm_net_monitor m = { .frame = monitor_frame }, other = m;
    uint8_t frame[70] = { 0x52 };
    struct dm_iov iov = { frame, 60 };

    seen = 0;
    dm_net_add_monitor(&b->net->net, &m);
    dm_net_add_monitor(&b->net->net, &other);
    dm_net_remove_monitor(&b->net->net, &other);
    dm_net_send(&b->net->net, &iov, 1, 60, NULL);
    b->card.room = 0;
    fake_net_bring(b->net, frame, 70, NULL);
    assert_int_equal(seen, 60);
    b->card.room = 1;
    fake_net_bring(b->net, frame, 70, NULL);
    assert_int_equal(seen, 130);
    dm_net_remove_monitor(&b->net->net, &m);
    dm_net_send(&b->net->net, &iov, 1, 60, NULL);
    assert_int_equal(seen, 130);
}

static void create_fails(struct fake *f, const char *netdev, const char *mac, const char *want)
{
    struct dm_option o[] = { { "id", "nic0" }, { "netdev", netdev }, { "mac", mac } };
    struct dm_error err = { "" };

    assert_null(dm_device_create(&f->machine, "nic", o, 3, &err));
    assert_string_equal(err.text, want);
}

static void test_device(void **state)
{
    struct bench *b = *state;
    struct nic *n;

    dm_net_set_user(&b->net->net, NULL, NULL);
    create_fails(&b->f, "net1", "52:54:00:12:34:56", "device 'nic0': no netdev 'net1'");
    create_fails(&b->f, "net0", "53:54:00:12:34:56",
                 "device 'nic0': bad value '53:54:00:12:34:56' for 'mac'");
    create_fails(&b->f, "net0", "52:54:00:12:34",
                 "device 'nic0': bad value '52:54:00:12:34' for 'mac'");
    n = fake_device(&b->f, "nic", "netdev=net0,mac=00:16:3E:0a:0b:0C");
    assert_memory_equal(n->mac, "\x00\x16\x3e\x0a\x0b\x0c", 6);
    assert_ptr_equal(n->net, &b->net->net);
    create_fails(&b->f, "net0", "52:54:00:12:34:56",
                 "device 'nic0': netdev 'net0' is used by another device");
    dm_machine_unplug(&b->f.machine, DM_UNPLUG_IDE_DISKS);
    assert_ptr_equal(dm_net_find(&b->f.machine, "net0"), &b->net->net);
    dm_machine_unplug(&b->f.machine, DM_UNPLUG_NICS);
    assert_null(dm_net_find(&b->f.machine, "net0"));
}

static void test_mac(void **state)
{
    static const char *const bad[] = { "",
                                       "52:54:00:12:34:5",
                                       "52:54:00:12:34:56:",
                                       "52:54:00:12:34:567",
                                       "52-54-00-12-34-56",
                                       "52:54:00:12:34:5g",
                                       "01:00:5e:00:00:01",
                                       "ff:ff:ff:ff:ff:ff",
                                       "00:00:00:00:00:00" };
    struct bench *b = *state;
    uint8_t mac[6] = { 0 }, mine[6] = { 2, 0, 0, 0, 0, 1 };

    for (size_t i = 0; i < DM_ARRAY_LEN(bad); i++)
        assert_int_equal(dm_net_parse_mac(bad[i], mac), -EINVAL);
    dm_net_default_mac(&b->f.machine, mac);
    assert_memory_equal(mac, "\x52\x54\x00\x12\x34\x56", 6);
    memset(mac, 0, 6);
    dm_net_default_mac(&b->f.machine, mac);
    assert_int_equal(mac[5], 0x57);
    dm_net_default_mac(&b->f.machine, mine);
    assert_int_equal(mine[0], 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

UNIT_MAIN(TEST(test_sum), TEST(test_segment_to_host), TEST(test_offload_passes),
          TEST(test_host_refuses_segment), TEST(test_card_refuses_segment),
          TEST(test_offload_changes_between), TEST(test_checksum_only), TEST(test_headers_change),
          TEST(test_bad_frames), TEST(test_link), TEST(test_paused),
          TEST(test_writable_while_paused), TEST(test_monitor), TEST(test_device), TEST(test_mac))
