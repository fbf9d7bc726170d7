/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a hostile guest does with the e1000's rings: the advisories against other models of it
 * by name, and what is like them. A test that ends has passed half; ASan and UBSan see the rest.
 */
#include "tests/unit/e1000-rig.h"

static const struct e1000_context tso = { .ipcss = 14,
                                          .ipcso = 24,
                                          .ipcse = 33,
                                          .tucss = 34,
                                          .tucso = 50,
                                          .hdrlen = 54,
                                          .mss = 1000,
                                          .cmd = TUCMD_TCP | TUCMD_IP | TUCMD_TSE };

static void send_tso(struct rig *r, const struct e1000_context *c, size_t len)
{
    unsigned i = rd(r, TDT);

    rig_context(r, i, c, (uint32_t)len);
    rig_txd(r, i + 1, RIG_TX_BUF,
            TXD_DEXT | 0x100000 | (uint32_t)len | RIG_TXD_CMD | TXD_TSE | TXD_RS,
            TXD_IXSM | TXD_TXSM);
    wr(r, TDT, i + 2);
}

/* A frame longer than 1522 bytes while the driver expects none went over the end of its buffer. */
static void test_xsa_41(void **state)
{
    struct rig *r = *state;
    static uint8_t frame[DM_NET_MAX_LEN];
    static const size_t lens[] = { 1519, 2045, 4096, 9014, 16380, 16381, 16384, 65535 };

    rig_frame(frame, sizeof(frame));
    for (unsigned lpe = 0; lpe < 2; lpe++) {
        for (unsigned i = 0; i < DM_ARRAY_LEN(lens); i++) {
            unsigned head;

            wr(r, RCTL, 0);
            memset(r->f.ram + RIG_RX_BUF, 0x5a, 64 * RIG_BUF);
            rig_rx_start(r, 64, lpe ? RCTL_LPE : 0);
            assert_true(fake_net_bring(r->net, frame, lens[i], NULL));
            head = rd(r, RDH);
            assert_int_equal(head, lpe && lens[i] <= 16380 ? (lens[i] + 4 + 2047) / 2048 : 0);
            for (unsigned k = 0; k < 64; k++)
                for (unsigned at = 2048; at < RIG_BUF; at++)
                    assert_int_equal(r->f.ram[RIG_RX_BUF + k * RIG_BUF + at], 0x5a);
        }
    }
    assert_int_equal(rd(r, ROC), DM_ARRAY_LEN(lens) + 3);
}

/* Segmentation with MSS and header such that the frame never came to its end. */
static void test_cve_2015_6815(void **state)
{
    struct rig *r = *state;
    struct e1000_context c;
    unsigned good = 0;

    rig_tx_start(r, 64);
    rig_ip_frame(r->f.ram + RIG_TX_BUF, 5000, false, 6);
    for (unsigned i = 0; i < 8; i++) {
        c = tso;
        if (i == 0)
            c.mss = 0;
        else if (i == 1)
            c.hdrlen = 0;
        else if (i == 2)
            c.hdrlen = 255; /* more than the headers are */
        else if (i == 3)
            c.tucss = 255;
        else if (i == 4)
            c.ipcss = 250;
        else if (i == 5)
            c.tucso = 0;
        else if (i == 6)
            c.cmd &= ~TUCMD_TCP;
        else
            c.mss = 0xffff;
        send_tso(r, &c, 5000);
        assert_int_equal(rd(r, TDH), rd(r, TDT));
        good += i == 7;
    }
    assert_int_equal(r->net->sent_count, good);
    assert_int_equal(rd(r, TSCTFC), 7);
    /* Frames that are no longer than their headers. */
    for (size_t len = 1; len <= 54; len++) {
        wr(r, TDH, 0);
        wr(r, TDT, 0);
        send_tso(r, &tso, len);
        assert_int_equal(rd(r, TDH), 2);
    }
    assert_int_equal(r->net->sent_count, good);
    /* One byte of payload a segment. */
    r->net->net.host_can = 0;
    c = tso;
    c.mss = 1;
    wr(r, TDH, 0);
    wr(r, TDT, 0);
    send_tso(r, &c, 5000);
    assert_int_equal(rd(r, TDH), 2);
    assert_int_equal(r->net->sent_count, good + 5000 - 54);
}

/* Head or tail beyond the ring: the loop that ends where they meet did not end. */
static void test_cve_2016_1981(void **state)
{
    static const unsigned bad[][2] = {
        { 8, 3 }, { 0xffff, 3 }, { 3, 8 }, { 3, 0xffff }, { 9, 9 }, { 100, 200 }, { 0xffff, 0 },
    };
    struct rig *r = *state;
    uint8_t frame[60];

    rig_frame(frame, 60);
    rig_tx_start(r, 8);
    rig_rx_start(r, 8, RCTL_UPE);
    for (unsigned i = 0; i < 8; i++)
        rig_txd(r, i, RIG_TX_BUF, 60 | RIG_TXD_CMD, 0);
    for (unsigned i = 0; i < DM_ARRAY_LEN(bad); i++) {
        wr(r, TDH, bad[i][0]);
        wr(r, TDT, bad[i][1]);
        assert_int_equal(r->net->sent_count, 0);
        wr(r, RDH, bad[i][0]);
        wr(r, RDT, bad[i][1]);
        assert_false(fake_net_bring(r->net, frame, 60, NULL));
        assert_int_equal(rd(r, RDH), bad[i][0]);
        assert_null(fake_state_roundtrip(&r->f, r->dev));
        fake_advance(&r->f, DM_NS_PER_MS);
    }
    /* A ring that shrinks under its head; one of length 0. */
    wr(r, TDH, 7);
    wr(r, TDLEN, 0);
    wr(r, TDT, 5);
    wr(r, RDLEN, 0);
    wr(r, RDH, 0);
    wr(r, RDT, 0);
    assert_true(fake_net_bring(r->net, frame, 60, NULL)); /* no ring: lost */
    assert_int_equal(rd(r, MPC), 1);
    assert_int_equal(r->net->sent_count, 0);
    /* And it works again. */
    rig_tx_start(r, 8);
    wr(r, TDT, 2);
    assert_int_equal(r->net->sent_count, 2);
}

/*
 * A frame looped back made the card send, which looped back... Ours never sends because it
 * receives: one that is looped back ends in the receive ring, also when the two share memory.
 */
static void test_cve_2021_3416(void **state)
{
    struct rig *r = *state;

    for (unsigned how = 0; how < 2; how++) {
        rig_tx_start(r, 64);
        rig_rx_start(r, 64, RCTL_UPE | (how ? 0x40 : 0xc0));
        for (unsigned i = 0; i < 64; i++) {
            /* Buffers of received frames are the transmit ring and the buffers that are sent. */
            dm_put_le(r->f.ram + RIG_RX + 16 * i, 8, i % 2 ? RIG_TX_BUF + 7 : RIG_TX);
            rig_txd(r, i, RIG_TX_BUF, 1000 | RIG_TXD_CMD | TXD_RS, 0);
        }
        rig_frame(r->f.ram + RIG_TX_BUF, 1000);
        wr(r, TDT, 63);
        fake_advance(&r->f, DM_NS_PER_SEC);
        assert_int_equal(rd(r, TDH), 63);
        assert_in_range(rd(r, RDH), 1, 63);
        wr(r, RCTL, 0);
    }
    /* The transmit registers are no memory that a frame could be received into. */
    rig_tx_start(r, 64);
    rig_rx_start(r, 64, RCTL_UPE | 0x40);
    for (unsigned i = 0; i < 64; i++) {
        dm_put_le(r->f.ram + RIG_RX + 16 * i, 8, RIG_BAR + TDBAL);
        rig_txd(r, i, RIG_TX_BUF, 100 | RIG_TXD_CMD, 0);
    }
    wr(r, TDT, 63);
    assert_int_equal(rd(r, TDBAL), RIG_TX);
    assert_int_equal(rd(r, TDH), 63);
    assert_int_equal(r->net->sent_count, 0);
}

/* Data descriptors after a context with nothing to be sent, so that nothing ever was. */
static void test_cve_2021_20257(void **state)
{
    struct rig *r = *state;
    struct e1000_context c = tso;

    rig_tx_start(r, 64);
    c.hdrlen = 255;
    c.mss = 1;
    rig_context(r, 0, &c, 0xfffff);
    for (unsigned i = 1; i < 64; i++)
        rig_txd(r, i, RIG_TX_BUF, TXD_DEXT | 0x100000 | TXD_TSE | (i % 4 ? 0 : RIG_TXD_CMD | 1),
                TXD_TXSM);
    wr(r, TDT, 63);
    fake_advance(&r->f, DM_NS_PER_SEC);
    assert_int_equal(rd(r, TDH), 61);
    assert_int_equal(r->net->sent_count, 0);
    /* The last three wait for an EOP; a doorbell does not make them more. */
    for (unsigned i = 0; i < 100; i++)
        wr(r, TDT, 63);
    assert_int_equal(rd(r, TDH), 61);
}

/* A ring with no end of a frame at all: what is too long is dropped, up to its end. */
static void test_descriptor_loop(void **state)
{
    struct rig *r = *state;

    rig_tx_start(r, 4096);
    for (unsigned i = 0; i < 4096; i++)
        rig_txd(r, i, RIG_TX_BUF, 16 | TXD_RS, 0);
    wr(r, TDT, 4095);
    fake_advance(&r->f, DM_NS_PER_SEC);
    assert_int_equal(rd(r, TDH), 4095);
    assert_int_equal(r->net->sent_count, 0);
    assert_int_equal(rig_txd_status(r, 0), TXD_STATUS_DD);
    assert_null(fake_state_roundtrip(&r->f, r->dev));
    /* Its end comes at last; the next one is whole. */
    rig_txd(r, 4095, RIG_TX_BUF, 60 | RIG_TXD_CMD, 0);
    rig_txd(r, 0, RIG_TX_BUF, 60 | RIG_TXD_CMD, 0);
    wr(r, TDT, 0);
    assert_int_equal(r->net->sent_count, 0);
    wr(r, TDT, 1);
    assert_int_equal(r->net->sent_count, 1);
    /* Only contexts, all around. */
    for (unsigned i = 0; i < 4096; i++)
        rig_context(r, i, &tso, 0xfffff);
    for (unsigned i = 0; i < 4; i++)
        wr(r, TDT, i % 2 ? 1 : 2);
    fake_advance(&r->f, DM_NS_PER_SEC);
    assert_int_equal(rd(r, TDH), rd(r, TDT));
}

/* Frames that are nowhere, nothing, enormous, or wrap around the address space. */
static void test_bad_buffers(void **state)
{
    static const struct {
        uint64_t addr;
        uint32_t cmd;
    } bad[] = {
        { RIG_TX_BUF, 0 },
        { 0, 0 },
        { RIG_TX_BUF, 1 },
        { RIG_TX_BUF, 13 },
        { FAKE_RAM_SIZE, 100 },
        { FAKE_RAM_SIZE - 50, 100 },
        { UINT64_MAX, 100 },
        { UINT64_MAX - 49, 100 },
        { UINT64_MAX - 49, TXD_DEXT | 0x100000 | 0xfffff },
        { RIG_TX_BUF, TXD_DEXT | 0x100000 | 0xfffff },
        { RIG_TX_BUF, TXD_DEXT | 0x100000 | 16289 },
        { RIG_TX_BUF, TXD_DEXT | 0xf00000 | 0xfffff },
        { RIG_BAR, 100 },
    };
    struct rig *r = *state;

    rig_tx_start(r, 64);
    for (unsigned i = 0; i < DM_ARRAY_LEN(bad); i++) {
        rig_txd(r, i, bad[i].addr, bad[i].cmd | RIG_TXD_CMD | TXD_RS, 0);
        wr(r, TCTL, TCTL_EN);
        wr(r, TDT, i + 1);
        assert_int_equal(rd(r, TDH), i + 1);
        assert_int_equal(rig_txd_status(r, i), TXD_STATUS_DD);
    }
    assert_int_equal(r->net->sent_count, 0);
    /* Many descriptors of the largest length. */
    for (unsigned i = 0; i < 63; i++)
        rig_txd(r, i, RIG_TX_BUF, TXD_DEXT | 0x100000 | 0xfffff | (i == 62 ? RIG_TXD_CMD : 0), 0);
    wr(r, TDH, 0);
    wr(r, TDT, 63);
    assert_int_equal(rd(r, TDH), 63);
    assert_int_equal(r->net->sent_count, 0);
}

/* Rings that are not in memory, or end in the middle of it. */
static void test_bad_rings(void **state)
{
    static const struct {
        uint32_t high, low;
    } bases[] = {
        { 0, FAKE_RAM_SIZE },
        { 0xffffffff, 0xfffffff0 },
        { 0xffffffff, 0xffffff80 },
        { 0, FAKE_RAM_SIZE - 64 },
        { 0, RIG_BAR },
        { 0x80000000, 0 },
    };
    struct rig *r = *state;
    uint8_t frame[60];

    rig_frame(frame, 60);
    for (unsigned i = 0; i < DM_ARRAY_LEN(bases); i++) {
        rig_tx_start(r, 64);
        wr(r, TDBAL, bases[i].low);
        wr(r, TDBAH, bases[i].high);
        wr(r, TDT, 63);
        wr(r, TDT, 62);
        rig_rx_start(r, 64, RCTL_UPE);
        wr(r, RDBAL, bases[i].low);
        wr(r, RDBAH, bases[i].high);
        for (unsigned n = 0; n < 63; n++)
            assert_true(fake_net_bring(r->net, frame, 60, NULL));
        assert_false(fake_net_bring(r->net, frame, 60, NULL));
        fake_advance(&r->f, DM_NS_PER_SEC);
        wr(r, TCTL, 0);
    }
    /* A hole in the middle of the ring. */
    rig_tx_start(r, 1024);
    for (unsigned i = 0; i < 1024; i++)
        rig_txd(r, i, RIG_TX_BUF, 60 | RIG_TXD_CMD, 0);
    r->f.hole_first = RIG_TX + 0x1000;
    r->f.hole_last = RIG_TX + 0x1fff;
    r->net->sent_count = 0;
    wr(r, TDT, 1000);
    assert_in_range(rd(r, TDH), 192, 256);
    assert_non_null(strstr(r->f.log, "not in memory"));
    r->f.hole_first = 1;
    r->f.hole_last = 0;
}

/* Received frames over their own ring, and over each other. */
static void test_overlapping_buffers(void **state)
{
    struct rig *r = *state;
    uint8_t frame[1500];

    rig_frame(frame, sizeof(frame));
    for (unsigned at = 0; at < 1024; at += 17) {
        wr(r, RCTL, 0);
        rig_rx_start(r, 64, RCTL_UPE | 3u << 16);
        for (unsigned i = 0; i < 64; i++)
            dm_put_le(r->f.ram + RIG_RX + 16 * i, 8, RIG_RX + at);
        for (unsigned n = 0; n < 8; n++)
            fake_net_bring(r->net, frame, sizeof(frame), NULL);
        assert_in_range(rd(r, RDH), 0, 63);
    }
}

/* Registers that matter, changed while the card works. */
static void test_changes_while_enabled(void **state)
{
    static const uint32_t values[] = { 0, 0x80, 0xfff80, 0xffffffff, 0x5a5a5a5a };
    static const unsigned regs[] = { RDLEN, RDH, RDT,   RDBAL, RDBAH, TDLEN,
                                     TDH,   TDT, TDBAL, TDBAH, RCTL,  TCTL };
    struct rig *r = *state;
    uint8_t frame[60];

    rig_frame(frame, 60);
    for (unsigned i = 0; i < DM_ARRAY_LEN(regs); i++) {
        for (unsigned v = 0; v < DM_ARRAY_LEN(values); v++) {
            rig_tx_start(r, 64);
            rig_rx_start(r, 64, RCTL_UPE);
            fake_net_bring(r->net, frame, 60, NULL);
            r->net->room = 1;
            rig_txd(r, 0, RIG_TX_BUF, 60 | RIG_TXD_CMD, 0);
            rig_txd(r, 1, RIG_TX_BUF, 60 | RIG_TXD_CMD, 0);
            wr(r, TDT, 2);
            wr(r, regs[i], values[v]);
            fake_net_bring(r->net, frame, 60, NULL);
            fake_net_writable(r->net, SIZE_MAX);
            fake_advance(&r->f, DM_NS_PER_MS);
            assert_null(fake_state_roundtrip(&r->f, r->dev));
            wr(r, CTRL, CTRL_RST);
        }
    }
}

/* Offsets of checksums beyond the frame, or before its header. */
static void test_bad_checksum_offsets(void **state)
{
    struct rig *r = *state;

    rig_frame(r->f.ram + RIG_TX_BUF, 300);
    for (unsigned can = 0; can < 2; can++) {
        r->net->net.host_can = can ? DM_NET_CAN_CSUM : 0;
        for (unsigned i = 0; i < 256 * 3; i++) {
            struct e1000_context c = { .ipcss = (uint8_t)(i / 3),
                                       .ipcso = (uint8_t)(i * 7),
                                       .ipcse = (uint16_t)(i * 977),
                                       .tucss = (uint8_t)(255 - i / 3),
                                       .tucso = (uint8_t)i,
                                       .tucse = (uint16_t)(i % 3 * 299) };

            rig_tx_start(r, 8);
            rig_context(r, 0, &c, 0);
            rig_txd(r, 1, RIG_TX_BUF, TXD_DEXT | 0x100000 | (i % 2 ? 300 : 60) | RIG_TXD_CMD,
                    TXD_IXSM | TXD_TXSM);
            rig_txd(r, 2, RIG_TX_BUF, 300 | (i & 255) << 16 | RIG_TXD_CMD | TXD_IC, i / 3 << 8);
            wr(r, TDT, 3);
            assert_int_equal(rd(r, TDH), 3);
        }
    }
    assert_int_equal(r->net->net.tx.dropped, 0);
}

UNIT_MAIN(RIG_TEST(test_xsa_41), RIG_TEST(test_cve_2015_6815), RIG_TEST(test_cve_2016_1981),
          RIG_TEST(test_cve_2021_3416), RIG_TEST(test_cve_2021_20257),
          RIG_TEST(test_descriptor_loop), RIG_TEST(test_bad_buffers), RIG_TEST(test_bad_rings),
          RIG_TEST(test_overlapping_buffers), RIG_TEST(test_changes_while_enabled),
          RIG_TEST(test_bad_checksum_offsets))
