/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transmission of the RTL8139 in both modes, with what a hostile driver may ask for. */
#include "tests/unit/rtl8139-rig.h"

#define TX1 (DESC_OWN | DESC_FS | DESC_LS)

static void slot(struct rig *r, unsigned n, uint32_t addr, unsigned len)
{
    wr(r, TSAD0 + 4 * n, 4, addr);
    wr(r, TSD0 + 4 * n, 4, len);
}

static void test_c_slots(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_c(&r, 0);
    for (unsigned i = 0; i < 6; i++) {
        const uint8_t *sent;
        size_t len;

        rig_frame(r.f.ram + RIG_TX_BUF, 100 + i, (uint8_t)i);
        slot(&r, i % 4, RIG_TX_BUF, (8u << 16) | (100 + i));
        assert_int_equal(r.net->sent_count, i + 1);
        sent = rig_sent(&r, &len);
        assert_int_equal(len, 100 + i);
        assert_memory_equal(sent, r.f.ram + RIG_TX_BUF, len);
        assert_int_equal(rd(&r, TSD0 + 4 * (i % 4), 4), (8u << 16) | TSD_OWN | TSD_TOK | (100 + i));
        assert_int_equal(rd(&r, ISR, 2), INT_TOK);
        assert_true(rig_irq(&r));
        wr(&r, ISR, 2, INT_TOK);
    }
    assert_int_equal(rd(&r, TSAD, 2), 0xf00f);
    /* OWN = 1 starts nothing, nor does a write that leaves OWN alone. */
    wr(&r, TSD0, 4, TSD_OWN | 100);
    wr(&r, TSD0, 1, 90);
    assert_int_equal(r.net->sent_count, 6);
    /* Frames that the driver gave a check sequence lose it. */
    wr(&r, TCR, 4, TCR_CRC);
    slot(&r, 0, RIG_TX_BUF, 104);
    assert_int_equal(r.net->sent[6].len, 100);
    /* Zero length, and less than a header: done, but nothing goes out. */
    wr(&r, TCR, 4, 0);
    slot(&r, 1, RIG_TX_BUF, 0);
    slot(&r, 2, RIG_TX_BUF, 13);
    assert_int_equal(r.net->sent_count, 7);
    assert_int_equal(rd(&r, TSAD, 2) & 0xf, 0xf);
    rig_finish(&r);
}

static void test_c_disabled(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_c(&r, 0);
    wr(&r, CR, 1, CR_RE);
    slot(&r, 0, RIG_TX_BUF, 60);
    assert_int_equal(r.net->sent_count, 0);
    wr(&r, CR, 1, CR_RE | CR_TE);
    assert_int_equal(r.net->sent_count, 1);
    rig_finish(&r);
}

static void test_c_no_memory(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_c(&r, 0);
    slot(&r, 0, 0xfffffff0, 60);
    slot(&r, 1, FAKE_RAM_SIZE - 8, 60);
    assert_int_equal(r.net->sent_count, 0);
    assert_int_equal(rd(&r, ISR, 2), INT_SERR | INT_TER);
    assert_int_equal(rd(&r, TSAD, 2), 0x003f);
    fake_config_out(&r.f, RIG_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO);
    slot(&r, 2, RIG_TX_BUF, 60); /* no bus master */
    assert_int_equal(r.net->sent_count, 0);
    rig_finish(&r);
}

/* The host has no room: the slots stay, in order, and nothing is sent twice. */
static void test_c_backpressure(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_c(&r, 0);
    slot(&r, 0, RIG_TX_BUF, 60); /* so that the next one is slot 1 */
    fake_net_writable(r.net, 1);
    for (unsigned i = 0; i < 4; i++)
        slot(&r, (i + 1) % 4, RIG_TX_BUF, 61 + i);
    assert_int_equal(r.net->sent_count, 2);
    assert_int_equal(rd(&r, TSAD, 2) & 0xf, 0x2);
    assert_null(fake_state_roundtrip(&r.f, r.s));
    assert_int_equal(r.net->sent_count, 2);
    fake_net_writable(r.net, 1);
    assert_int_equal(r.net->sent_count, 3);
    fake_net_writable(r.net, SIZE_MAX);
    fake_advance(&r.f, 1);
    assert_int_equal(r.net->sent_count, 5);
    for (unsigned i = 1; i < 5; i++)
        assert_int_equal(r.net->sent[i].len, 60 + i);
    assert_int_equal(rd(&r, TSAD, 2) & 0xf, 0xf);
    rig_finish(&r);
}

static void test_cplus_ring(void **state)
{
    const uint8_t *sent;
    struct rig r;
    size_t len;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, 0);
    rig_frame(r.f.ram + RIG_TX_BUF, 2000, 9);
    /* A frame in three pieces, the ring's end behind the second. */
    rig_set_desc(&r, RIG_TX_RING, 0, TX1 | 100, 0, RIG_TX_BUF);
    rig_set_desc(&r, RIG_TX_RING, 1, DESC_OWN | DESC_FS | 14, 0, RIG_TX_BUF);
    rig_set_desc(&r, RIG_TX_RING, 2, DESC_OWN | DESC_EOR | 1, 0, RIG_TX_BUF + 14);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(r.net->sent_count, 1); /* the second one has no end yet */
    assert_int_equal(rig_opts(&r, RIG_TX_RING, 0), DESC_FS | DESC_LS);
    assert_int_equal(rig_opts(&r, RIG_TX_RING, 1), DESC_OWN | DESC_FS | 14);
    assert_int_equal(rd(&r, TDOKLA, 2), RIG_TX_RING & 0xffff);
    assert_int_equal(rd(&r, ISR, 2), INT_TOK);
    wr(&r, ISR, 2, 0xffff);
    rig_set_desc(&r, RIG_TX_RING, 0, DESC_OWN | DESC_LS | 85, 0, RIG_TX_BUF + 15);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    sent = rig_sent(&r, &len);
    assert_int_equal(len, 100);
    assert_memory_equal(sent, r.f.ram + RIG_TX_BUF, 100);
    assert_int_equal(rig_opts(&r, RIG_TX_RING, 2), DESC_EOR);
    assert_int_equal(rig_opts(&r, RIG_TX_RING, 0), DESC_LS);
    assert_int_equal(rd(&r, ISR, 2), INT_TOK);
    wr(&r, ISR, 2, 0xffff);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ); /* nothing there */
    assert_int_equal(rd(&r, ISR, 2), INT_TDU);
    assert_int_equal(r.net->sent_count, 2);
    rig_finish(&r);
}

static void test_cplus_priorities(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, 0);
    for (unsigned i = 0; i < 2; i++) {
        rig_set_desc(&r, RIG_TX_RING, i, TX1 | (60 + i), 0, RIG_TX_BUF);
        rig_set_desc(&r, RIG_HI_RING, i, TX1 | (70 + i), 0, RIG_TX_BUF);
    }
    wr(&r, TPPOLL, 1, TPPOLL_HPQ | TPPOLL_NPQ);
    assert_int_equal(r.net->sent_count, 4);
    assert_int_equal(r.net->sent[0].len, 70);
    assert_int_equal(r.net->sent[1].len, 71);
    assert_int_equal(r.net->sent[2].len, 60);
    assert_int_equal(r.net->sent[3].len, 61);
    rig_finish(&r);
}

static void test_cplus_backpressure(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, 0);
    for (unsigned i = 0; i < 4; i++)
        rig_set_desc(&r, RIG_TX_RING, i, TX1 | (60 + i), 0, RIG_TX_BUF);
    fake_net_writable(r.net, 2);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(r.net->sent_count, 2);
    assert_int_equal(rig_opts(&r, RIG_TX_RING, 2), TX1 | 62); /* still the card's */
    /* Saved and restored with frames waiting: each goes out once. */
    assert_null(fake_state_roundtrip(&r.f, r.s));
    fake_advance(&r.f, 1);
    assert_int_equal(r.net->sent_count, 2);
    fake_net_writable(r.net, SIZE_MAX);
    assert_int_equal(r.net->sent_count, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(r.net->sent[i].len, 60 + i);
    rig_finish(&r);
}

/* A machine that is stopped sends nothing; after that it does. */
static void test_paused(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    dm_machine_set_run_state(&r.f.machine, DM_RUNNING);
    rig_start_cplus(&r, 0);
    rig_set_desc(&r, RIG_TX_RING, 0, TX1 | 60, 0, RIG_TX_BUF);
    fake_net_writable(r.net, 0);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    dm_machine_set_run_state(&r.f.machine, DM_PAUSED);
    fake_net_writable(r.net, SIZE_MAX);
    assert_int_equal(r.net->sent_count, 0);
    dm_machine_set_run_state(&r.f.machine, DM_RUNNING);
    fake_advance(&r.f, 20 * DM_NS_PER_MS);
    assert_int_equal(r.net->sent_count, 1);
    rig_finish(&r);
}

static void test_vlan_tag(void **state)
{
    const uint8_t *sent;
    struct rig r;
    size_t len;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, 0);
    rig_frame(r.f.ram + RIG_TX_BUF, 100, 5);
    rig_set_desc(&r, RIG_TX_RING, 0, TX1 | 100, TXD2_TAGC | 0x2301, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    sent = rig_sent(&r, &len);
    assert_int_equal(len, 104);
    assert_memory_equal(sent, r.f.ram + RIG_TX_BUF, 12);
    assert_memory_equal(sent + 12, "\x81\x00\x01\x23", 4);
    assert_memory_equal(sent + 16, r.f.ram + RIG_TX_BUF + 12, 88);
    rig_finish(&r);
}

/* Finishes a frame as the host's end would, and checks its sums. */
static void check_sums(const uint8_t *frame, size_t len, const struct dm_net_offload *off,
                       size_t l4_len)
{
    uint8_t copy[2000];
    unsigned proto = frame[23], at = proto == 6 ? 16 : 6;

    assert_true(len <= sizeof(copy));
    memcpy(copy, frame, len);
    assert_int_equal(rig_sum(copy + 14, 20, 0), 0);
    if (off->flags & DM_NET_F_NEEDS_CSUM) {
        assert_int_equal(off->csum_start, 34);
        assert_int_equal(off->csum_offset, at);
        dm_put_be(copy + 34 + at, 2, rig_sum(copy + 34, len - 34, 0));
    }
    assert_int_equal(rig_sum(copy + 34, l4_len, rig_pseudo(copy + 14, l4_len)), 0);
}

static void test_checksum_offload(void **state)
{
    static const struct {
        unsigned proto, payload, pad;
        uint32_t opts;
        bool host; /* the host does the last step */
    } t[] = {
        { 6, 500, 0, TXD_IPCS | TXD_TCPCS, true }, { 17, 501, 0, TXD_IPCS | TXD_UDPCS, true },
        { 6, 3, 7, TXD_IPCS | TXD_TCPCS, false },  { 17, 0, 18, TXD_IPCS | TXD_UDPCS, false },
        { 17, 1, 0, TXD_IPCS | TXD_UDPCS, true },  { 6, 1, 5, TXD_IPCS | TXD_TCPCS, false },
    };
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, 0);
    for (unsigned i = 0; i < DM_ARRAY_LEN(t); i++) {
        uint8_t *frame = r.f.ram + RIG_TX_BUF;
        size_t len = rig_ip_frame(frame, t[i].proto, t[i].payload), got;
        const uint8_t *sent;

        memset(frame + len, 0xa5, t[i].pad); /* padding that is not zero */
        rig_set_desc(&r, RIG_TX_RING, i, TX1 | t[i].opts | (uint32_t)(len + t[i].pad), 0,
                     RIG_TX_BUF);
        wr(&r, TPPOLL, 1, TPPOLL_NPQ);
        sent = rig_sent(&r, &got);
        assert_int_equal(got, len + t[i].pad);
        assert_int_equal(rig_sent_off(&r)->flags, t[i].host ? DM_NET_F_NEEDS_CSUM : 0);
        check_sums(sent, got, rig_sent_off(&r), len - 34);
    }
    rig_finish(&r);
}

static void test_large_send(void **state)
{
    uint8_t *frame;
    const uint8_t *sent;
    const struct dm_net_offload *off;
    struct rig r;
    size_t len, got;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, 0);
    frame = r.f.ram + RIG_TX_BUF;
    len = rig_ip_frame(frame, 6, 60000);
    dm_put_be(frame + 16, 2, 0); /* some drivers leave the length out */
    dm_put_be(frame + 50, 2, 0x1234);
    frame[47] |= 0x80; /* CWR */
    rig_set_desc(&r, RIG_TX_RING, 0, DESC_OWN | DESC_FS | TXD_LGSEN | 1400u << TXD_MSS | 54, 0,
                 RIG_TX_BUF);
    rig_set_desc(&r, RIG_TX_RING, 1,
                 DESC_OWN | DESC_LS | TXD_LGSEN | 1400u << TXD_MSS | (uint32_t)(len - 54), 0,
                 RIG_TX_BUF + 54);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(r.net->sent_count, 1); /* one frame, which the host cuts */
    sent = rig_sent(&r, &got);
    off = rig_sent_off(&r);
    assert_int_equal(got, len);
    assert_int_equal(off->flags, DM_NET_F_NEEDS_CSUM);
    assert_int_equal(off->gso_type, DM_NET_GSO_TCPV4 | DM_NET_GSO_ECN);
    assert_int_equal(off->gso_size, 1400);
    assert_int_equal(off->hdr_len, 54);
    assert_int_equal(dm_get_be(sent + 16, 2), len - 14);
    assert_int_equal(rig_sum(sent + 14, 20, 0), 0);
    assert_int_equal((uint16_t)dm_get_be(sent + 50, 2),
                     (uint16_t)~rig_sum(NULL, 0, rig_pseudo(sent + 14, len - 34)));
    /* As little as one segment needs no cutting; tagged as well. */
    len = rig_ip_frame(frame, 6, 1400);
    rig_set_desc(&r, RIG_TX_RING, 2, TX1 | TXD_LGSEN | 1400u << TXD_MSS | (uint32_t)len,
                 TXD2_TAGC | 1, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    sent = rig_sent(&r, &got);
    assert_int_equal(got, len + 4);
    assert_int_equal(rig_sent_off(&r)->gso_type, DM_NET_GSO_NONE);
    assert_int_equal(rig_sent_off(&r)->csum_start, 38);
    rig_finish(&r);
}

/* A host without these abilities gets finished frames. */
static void test_large_send_in_software(void **state)
{
    uint8_t *frame;
    struct rig r;
    size_t len;

    (void)state;
    rig_setup(&r);
    r.net->net.host_can = 0;
    rig_start_cplus(&r, 0);
    frame = r.f.ram + RIG_TX_BUF;
    len = rig_ip_frame(frame, 6, 3500);
    rig_set_desc(&r, RIG_TX_RING, 0, TX1 | TXD_LGSEN | 1400u << TXD_MSS | (uint32_t)len, 0,
                 RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(r.net->sent_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        const struct dm_net_offload none = { 0 };
        size_t l4 = r.net->sent[i].len - 34;

        assert_int_equal(l4, i < 2 ? 1420 : 720);
        assert_int_equal(dm_get_be(r.net->sent[i].data + 38, 4), 1000 + 1400 * i);
        check_sums(r.net->sent[i].data, r.net->sent[i].len, &none, l4);
    }
    rig_finish(&r);
}

/*
 * XSA-140: header lengths of the packet that lie beyond the frame, or are too short, must not
 * make the card send or sum what the driver did not give it.
 */
static void test_xsa_140(void **state)
{
    static const struct {
        unsigned off, val; /* byte of the frame changed */
        size_t len;        /* of the frame, 0: whole */
        bool large;        /* with large send, else sums */
    } t[] = {
        { 14, 0x40, 0, true },  { 14, 0x44, 0, true },   { 14, 0x4f, 40, true },
        { 14, 0x65, 0, true },  { 46, 0x00, 0, true },   { 46, 0x40, 0, true },
        { 46, 0xf0, 60, true }, { 23, 17, 0, true },     { 20, 0x20, 0, true },
        { 14, 0x45, 34, true }, { 14, 0x45, 53, true },  { 14, 0x45, 15, true },
        { 14, 0x40, 0, false }, { 14, 0x4f, 40, false }, { 16, 0xff, 0, false },
        { 46, 0x00, 0, false }, { 14, 0x45, 34, false }, { 14, 0x45, 15, false },
        { 17, 0x13, 0, false }, { 20, 0x3f, 0, false },
    };
    uint8_t *frame;
    struct rig r;

    (void)state;
    rig_setup(&r);
    frame = r.f.ram + RIG_TX_BUF;
    for (unsigned i = 0; i < DM_ARRAY_LEN(t); i++) {
        size_t len = rig_ip_frame(frame, 6, 100), got;
        unsigned before = r.net->sent_count;

        rig_start_cplus(&r, 0);
        memset(r.s->tx_buf, 0x5e, sizeof(r.s->tx_buf)); /* a secret of an earlier frame */
        frame[t[i].off] = (uint8_t)t[i].val;
        len = t[i].len ? t[i].len : len;
        rig_set_desc(
            &r, RIG_TX_RING, 0,
            TX1 | (uint32_t)len |
                (t[i].large ? TXD_LGSEN | 50u << TXD_MSS : TXD_IPCS | TXD_TCPCS | TXD_UDPCS),
            0, RIG_TX_BUF);
        wr(&r, TPPOLL, 1, TPPOLL_NPQ);
        assert_int_equal(rig_opts(&r, RIG_TX_RING, 0) & DESC_OWN, 0);
        if (t[i].large) { /* no TCP segment: an error, and nothing goes out */
            assert_int_equal(r.net->sent_count, before);
            assert_int_equal(rig_opts(&r, RIG_TX_RING, 0) & TXD_TES, TXD_TES);
            assert_int_equal(rd(&r, ISR, 2), INT_TER);
        } else {
            const uint8_t *sent = rig_sent(&r, &got);

            assert_int_equal(r.net->sent_count, before + 1);
            assert_int_equal(got, len);
            for (size_t b = 54; b < got; b++)
                assert_int_equal(sent[b], frame[b]);
        }
    }
    rig_finish(&r);
}

/* CVE-2016-8910: rings whose descriptors never end keep the card busy for one ring at most. */
static void test_cve_2016_8910(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    /* Every descriptor is the card's, none is the last, none has a byte. */
    rig_start_cplus(&r, 0);
    for (unsigned i = 0; i < RTL_RING_MAX; i++)
        rig_set_desc(&r, RIG_TX_RING, i, DESC_OWN, 0, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(r.net->sent_count, 0);
    assert_int_equal(rd(&r, ISR, 2), INT_TER);
    assert_int_equal(rig_opts(&r, RIG_TX_RING, 5), 0);
    /* A ring of one without an end: read 64 times as one frame, then given back. */
    rig_start_cplus(&r, 0);
    rig_set_desc(&r, RIG_TX_RING, 0, DESC_OWN | DESC_EOR | 100, 0, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(rig_opts(&r, RIG_TX_RING, 0), DESC_EOR);
    assert_int_equal(r.net->sent_count, 0);
    /* A whole ring of frames and no EOR: one turn sends 64, then it goes on in the next. */
    rig_start_cplus(&r, 0);
    for (unsigned i = 0; i < RTL_RING_MAX; i++)
        rig_set_desc(&r, RIG_TX_RING, i, TX1 | 60, 0, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(r.net->sent_count, RTL_RING_MAX);
    rig_set_desc(&r, RIG_TX_RING, 0, TX1 | 60, 0, RIG_TX_BUF); /* behind number 63 */
    fake_advance(&r.f, 0);
    assert_int_equal(r.net->sent_count, RTL_RING_MAX + 1);
    fake_advance(&r.f, 1000);
    assert_int_equal(r.net->sent_count, RTL_RING_MAX + 1);
    assert_true(dm_clock_deadline(&r.f.clock) == DM_NEVER);
    rig_finish(&r);
}

/* CVE-2021-3416: frames looped back, with the receive buffers over the rings they come from. */
static void test_cve_2021_3416(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, 0);
    wr(&r, TCR, 4, TCR_LBK);
    rig_frame(r.f.ram + RIG_TX_BUF, 100, 1);
    /* What is received becomes transmit descriptors again. */
    for (unsigned i = 0; i < RIG_RX_DESCS; i++)
        rig_set_desc(&r, RIG_RX_RING, i, DESC_OWN | 1024 | (i == RIG_RX_DESCS - 1 ? DESC_EOR : 0),
                     0, RIG_TX_RING);
    for (unsigned i = 0; i < RTL_RING_MAX; i++)
        rig_set_desc(&r, RIG_TX_RING, i, TX1 | 100, 0, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    fake_advance(&r.f, 1000);
    assert_int_equal(r.net->sent_count, 0); /* nothing on the wire */
    assert_true(r.s->stats.rx_ok >= 1 && r.s->stats.rx_ok <= RIG_RX_DESCS);
    /* C mode: into the buffer that is being sent. */
    rig_start_c(&r, RCR_WRAP);
    wr(&r, TCR, 4, TCR_LBK);
    rig_frame(r.f.ram + RIG_RX_BUF, 100, 1);
    slot(&r, 0, RIG_RX_BUF, 100);
    assert_int_equal(dm_get_le(r.f.ram + RIG_RX_BUF, 4), 104u << 16 | RSR_PAM | RSR_ROK);
    assert_int_equal(rd(&r, ISR, 2), INT_TOK | INT_ROK);
    assert_int_equal(r.net->sent_count, 0);
    rig_finish(&r);
}

static void test_loopback(void **state)
{
    uint8_t *frame;
    size_t len;
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, CPCR_RXCHKSUM);
    wr(&r, TCR, 4, TCR_LBK);
    frame = r.f.ram + RIG_TX_BUF;
    len = rig_ip_frame(frame, 6, 77);
    rig_set_desc(&r, RIG_TX_RING, 0, TX1 | TXD_IPCS | TXD_TCPCS | (uint32_t)len, 0, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(rig_opts(&r, RIG_RX_RING, 0),
                     DESC_FS | DESC_LS | 0x02000000 | RXD_TCP | (uint32_t)(len + 4));
    /* More than a receiver takes, and more than it has room for: lost, and counted. */
    rig_set_desc(&r, RIG_TX_RING, 1, TX1 | 20000, 0, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(rd(&r, MPC, 4), 1);
    for (unsigned i = 2; i < 12; i++)
        rig_set_desc(&r, RIG_TX_RING, i, TX1 | 60, 0, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(rd(&r, MPC, 4), 1 + 10 - (RIG_RX_DESCS - 1));
    assert_int_equal(rd(&r, ISR, 2) & INT_RXOVW, INT_RXOVW);
    wr(&r, MPC, 4, 0xffffff);
    assert_int_equal(rd(&r, MPC, 4), 0);
    rig_finish(&r);
}

static void test_hostile_rings(void **state)
{
    struct rig r;

    (void)state;
    rig_setup(&r);
    /* The ring, then the buffer, where there is no memory. */
    rig_start_cplus(&r, 0);
    wr(&r, TNPDS, 4, 0xffffff00);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(rd(&r, ISR, 2), INT_SERR | INT_TDU);
    wr(&r, TNPDS + 4, 4, 0xffffffff);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    rig_start_cplus(&r, 0);
    rig_set_desc(&r, RIG_TX_RING, 0, TX1 | 100, 0, UINT64_MAX - 50);
    rig_set_desc(&r, RIG_TX_RING, 1, TX1 | 0, 0, RIG_TX_BUF);
    rig_set_desc(&r, RIG_TX_RING, 2, TX1 | 60, 0, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(rd(&r, ISR, 2), INT_SERR | INT_TER | INT_TOK);
    assert_int_equal(rig_opts(&r, RIG_TX_RING, 0), DESC_FS | DESC_LS | TXD_TES | TXD_UNF);
    assert_int_equal(rig_opts(&r, RIG_TX_RING, 1), DESC_FS | DESC_LS | TXD_TES | TXD_UNF);
    assert_int_equal(r.net->sent_count, 1);
    /* More bytes than any frame has. */
    rig_start_cplus(&r, 0);
    for (unsigned i = 0; i < 3; i++)
        rig_set_desc(&r, RIG_TX_RING, i, (i == 2 ? DESC_LS : 0) | DESC_OWN | 0xffff, 0, RIG_TX_BUF);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(rd(&r, ISR, 2), INT_TER);
    assert_int_equal(r.net->sent_count, 1);
    /* A buffer over its own descriptor: what was read is what is sent. */
    rig_start_cplus(&r, 0);
    rig_set_desc(&r, RIG_TX_RING, 0, TX1 | 64, 0, RIG_TX_RING);
    wr(&r, TPPOLL, 1, TPPOLL_NPQ);
    assert_int_equal(r.net->sent_count, 2);
    assert_int_equal(dm_get_le(r.net->sent[1].data, 4), TX1 | 64);
    assert_int_equal(rig_opts(&r, RIG_TX_RING, 0), DESC_FS | DESC_LS);
    rig_finish(&r);
}

UNIT_MAIN(cmocka_unit_test(test_c_slots), cmocka_unit_test(test_c_disabled),
          cmocka_unit_test(test_c_no_memory), cmocka_unit_test(test_c_backpressure),
          cmocka_unit_test(test_cplus_ring), cmocka_unit_test(test_cplus_priorities),
          cmocka_unit_test(test_cplus_backpressure), cmocka_unit_test(test_paused),
          cmocka_unit_test(test_vlan_tag), cmocka_unit_test(test_checksum_offload),
          cmocka_unit_test(test_large_send), cmocka_unit_test(test_large_send_in_software),
          cmocka_unit_test(test_xsa_140), cmocka_unit_test(test_cve_2016_8910),
          cmocka_unit_test(test_cve_2021_3416), cmocka_unit_test(test_loopback),
          cmocka_unit_test(test_hostile_rings))
