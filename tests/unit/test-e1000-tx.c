/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The e1000's transmit ring: descriptors, offloads, interrupts, backpressure, saved state. */
#include "tests/unit/e1000-rig.h"

/* One legacy descriptor with len bytes of pattern; the ring's tail follows. */
static void send_plain(struct rig *r, unsigned i, size_t len, uint32_t cmd)
{
    rig_frame(r->f.ram + RIG_TX_BUF + i * RIG_BUF, len);
    rig_txd(r, i, RIG_TX_BUF + i * RIG_BUF, (uint32_t)len | RIG_TXD_CMD | cmd, 0);
    wr(r, TDT, i + 1);
}

static void test_legacy(void **state)
{
    struct rig *r = *state;
    const uint8_t *frame;
    size_t len;

    rig_tx_start(r, 8);
    wr(r, IMS, ICR_TXDW);
    send_plain(r, 0, 100, TXD_RS);
    frame = rig_sent(r, 0, &len);
    assert_int_equal(len, 100);
    assert_memory_equal(frame, r->f.ram + RIG_TX_BUF, 100);
    assert_int_equal(r->net->sent[0].off.flags, 0);
    assert_int_equal(rd(r, TDH), 1);
    assert_int_equal(rig_txd_status(r, 0), TXD_STATUS_DD);
    assert_true(rig_irq(r));
    assert_int_equal(rd(r, ICR), ICR_TXDW | ICR_TXQE);
    /* Without RS no status and no TXDW. */
    send_plain(r, 1, 60, 0);
    assert_int_equal(rig_txd_status(r, 1), 0);
    assert_int_equal(rd(r, ICR), ICR_TXQE);
    assert_int_equal(r->net->sent_count, 2);
}

static void test_padding(void **state)
{
    static const uint8_t zeros[60];
    struct rig *r = *state;
    const uint8_t *frame;
    size_t len;

    rig_tx_start(r, 8);
    send_plain(r, 0, 42, 0);
    frame = rig_sent(r, 0, &len);
    assert_int_equal(len, 60);
    assert_memory_equal(frame, r->f.ram + RIG_TX_BUF, 42);
    assert_memory_equal(frame + 42, zeros, 18);
    wr(r, TCTL, TCTL_EN);
    send_plain(r, 1, 42, 0);
    rig_sent(r, 1, &len);
    assert_int_equal(len, 42);
}

static void test_pieces_and_wrap(void **state)
{
    struct rig *r = *state;
    const uint8_t *frame;
    uint8_t *buf = r->f.ram + RIG_TX_BUF;
    size_t len;

    rig_tx_start(r, 8);
    wr(r, TDH, 6);
    wr(r, TDT, 6);
    rig_frame(buf, 3000);
    r->f.map_chunk = 0x1000;
    rig_txd(r, 6, RIG_TX_BUF, 14, 0);
    rig_txd(r, 7, RIG_TX_BUF + 14, 0 | TXD_RS, 0); /* empty: allowed (SDM 3.3.3) */
    rig_txd(r, 0, RIG_TX_BUF + 14, 1000, 0);
    rig_txd(r, 1, RIG_TX_BUF + 1014, 400 | RIG_TXD_CMD | TXD_RS, 0);
    /* Nothing goes before the last piece is there. */
    wr(r, TDT, 7);
    wr(r, TDT, 1);
    assert_int_equal(r->net->sent_count, 0);
    assert_int_equal(rd(r, TDH), 6);
    wr(r, TDT, 2);
    frame = rig_sent(r, 0, &len);
    assert_int_equal(len, 1414);
    assert_memory_equal(frame, buf, 1414);
    assert_int_equal(rd(r, TDH), 2);
    assert_int_equal(rig_txd_status(r, 6), 0);
    assert_int_equal(rig_txd_status(r, 7), TXD_STATUS_DD);
    assert_int_equal(rig_txd_status(r, 1), TXD_STATUS_DD);
}

/* More pieces than an iov has go as one. */
static void test_many_pieces(void **state)
{
    struct rig *r = *state;
    const uint8_t *frame;
    size_t len;

    rig_tx_start(r, 256);
    rig_frame(r->f.ram + RIG_TX_BUF, 1000);
    for (unsigned i = 0; i < 200; i++)
        rig_txd(r, i, RIG_TX_BUF + 5 * i, 5 | (i == 199 ? RIG_TXD_CMD : 0), 0);
    wr(r, TDT, 200);
    frame = rig_sent(r, 0, &len);
    assert_int_equal(len, 1000);
    assert_memory_equal(frame, r->f.ram + RIG_TX_BUF, 1000);
    assert_int_equal(rd(r, TDH), 200);
}

static void test_disabled(void **state)
{
    struct rig *r = *state;

    rig_tx_start(r, 8);
    wr(r, TCTL, 0);
    send_plain(r, 0, 60, 0);
    assert_int_equal(r->net->sent_count, 0);
    wr(r, TCTL, TCTL_EN);
    assert_int_equal(r->net->sent_count, 1);
    /* No bus master: no DMA; it goes on when there is one. */
    fake_config_out(&r->f, RIG_FN, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    send_plain(r, 1, 60, 0);
    assert_int_equal(r->net->sent_count, 1);
    fake_config_out(&r->f, RIG_FN, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    assert_int_equal(r->net->sent_count, 2);
    /* A cable that is out: the frame is lost, the ring goes on. */
    dm_net_set_link(&r->net->net, false);
    send_plain(r, 2, 60, TXD_RS);
    assert_int_equal(r->net->sent_count, 2);
    assert_int_equal(rig_txd_status(r, 2), TXD_STATUS_DD);
}

static void test_vlan(void **state)
{
    struct rig *r = *state;
    const uint8_t *frame;
    size_t len;

    rig_tx_start(r, 8);
    rig_frame(r->f.ram + RIG_TX_BUF, 100);
    rig_txd(r, 0, RIG_TX_BUF, 100 | RIG_TXD_CMD | TXD_VLE, 0x2064u << 16);
    wr(r, TDT, 1); /* VME is off */
    rig_sent(r, 0, &len);
    assert_int_equal(len, 100);
    wr(r, CTRL, rd(r, CTRL) | CTRL_VME);
    wr(r, VET, 0x88a8);
    rig_txd(r, 1, RIG_TX_BUF, 100 | RIG_TXD_CMD | TXD_VLE, 0x2064u << 16);
    wr(r, TDT, 2);
    frame = rig_sent(r, 1, &len);
    assert_int_equal(len, 104);
    assert_memory_equal(frame, r->f.ram + RIG_TX_BUF, 12);
    assert_int_equal(dm_get_be(frame + 12, 4), 0x88a82064);
    assert_memory_equal(frame + 16, r->f.ram + RIG_TX_BUF + 12, 88);
}

static const struct e1000_context tcp4 = { .ipcss = 14,
                                           .ipcso = 24,
                                           .ipcse = 33,
                                           .tucss = 34,
                                           .tucso = 50,
                                           .hdrlen = 54,
                                           .mss = 1000,
                                           .cmd = TUCMD_TCP | TUCMD_IP };

/* A TCP frame as a driver prepares it: the sum is that of the pseudo header, without length. */
static void prepare(uint8_t *frame, size_t len, bool v6, bool with_len)
{
    size_t l4 = rig_ip_frame(frame, len, v6, 6);
    uint32_t sum = dm_net_sum(0, v6 ? frame + 22 : frame + 26, v6 ? 32 : 8, false) + 6;

    if (with_len)
        sum += (uint32_t)(len - l4);
    else
        dm_put_be(frame + (v6 ? 18 : 16), 2, 0);
    dm_put_be(frame + l4 + 16, 2, (uint16_t)~dm_net_sum_fold(sum));
    if (!v6)
        dm_put_be(frame + 24, 2, 0);
}

static void send_offloaded(struct rig *r, const struct e1000_context *c, size_t len, uint32_t dcmd,
                           uint32_t status)
{
    unsigned i = rd(r, TDT);

    rig_context(r, i, c, 0);
    rig_txd(r, i + 1, RIG_TX_BUF, TXD_DEXT | 0x100000 | (uint32_t)len | RIG_TXD_CMD | dcmd, status);
    wr(r, TDT, i + 2);
}

static void test_checksums(void **state)
{
    struct rig *r = *state;
    struct e1000_context part = tcp4;
    const uint8_t *frame;
    uint8_t want[300];
    size_t len;

    rig_tx_start(r, 32);
    rig_ip_frame(want, 300, false, 6);
    /* The host takes it unfinished: only IP's sum is ours. */
    prepare(r->f.ram + RIG_TX_BUF, 300, false, true);
    send_offloaded(r, &tcp4, 300, 0, TXD_IXSM | TXD_TXSM);
    frame = rig_sent(r, 0, &len);
    assert_int_equal(r->net->sent[0].off.flags, DM_NET_F_NEEDS_CSUM);
    assert_int_equal(r->net->sent[0].off.csum_start, 34);
    assert_int_equal(r->net->sent[0].off.csum_offset, 16);
    assert_memory_equal(frame, want, 50);
    assert_int_equal(dm_get_be(r->f.ram + RIG_TX_BUF + 24, 2), 0); /* not touched */
    /* It does not: finished. */
    r->net->net.host_can = 0;
    send_offloaded(r, &tcp4, 300, 0, TXD_IXSM | TXD_TXSM);
    frame = rig_sent(r, 1, &len);
    assert_int_equal(len, 300);
    assert_memory_equal(frame, want, 300);
    assert_int_equal(r->net->sent[1].off.flags, 0);
    /* A sum that ends where the frame does is the host's, one that ends before it ours. */
    part.tucse = 299;
    r->net->net.host_can = DM_NET_CAN_CSUM;
    send_offloaded(r, &part, 300, 0, TXD_IXSM | TXD_TXSM);
    assert_int_equal(r->net->sent[2].off.flags, DM_NET_F_NEEDS_CSUM);
    part.tucse = 200;
    send_offloaded(r, &part, 300, 0, TXD_TXSM);
    frame = rig_sent(r, 3, &len);
    assert_int_equal(dm_get_be(frame + 24, 2), 0);
    /* What stood in its place was summed too. */
    assert_int_equal(dm_net_sum_fold(dm_net_sum(0, frame + 34, 167, false)),
                     dm_get_be(r->f.ram + RIG_TX_BUF + 50, 2));
    /* Legacy: start and place in the descriptor. */
    rig_txd(r, 8, RIG_TX_BUF, 300 | 50 << 16 | RIG_TXD_CMD | TXD_IC, 34 << 8);
    r->net->net.host_can = 0;
    wr(r, TDT, 9);
    frame = rig_sent(r, 4, &len);
    assert_memory_equal(frame + 34, want + 34, 266);
    /* With a VLAN tag the offsets are those of the frame in memory. */
    wr(r, CTRL, rd(r, CTRL) | CTRL_VME);
    send_offloaded(r, &tcp4, 300, TXD_VLE, TXD_IXSM | TXD_TXSM | 7u << 16);
    frame = rig_sent(r, 5, &len);
    assert_int_equal(len, 304);
    assert_memory_equal(frame, want, 12);
    assert_int_equal(dm_get_be(frame + 12, 4), 0x81000007);
    assert_memory_equal(frame + 16, want + 12, 288);
}

static void test_tso(void **state)
{
    struct rig *r = *state;
    struct e1000_context c = tcp4;
    const struct dm_net_offload *off = &r->net->sent[0].off;
    const uint8_t *frame;
    size_t len;

    c.cmd |= TUCMD_TSE;
    rig_tx_start(r, 32);
    prepare(r->f.ram + RIG_TX_BUF, 5054, false, false);
    send_offloaded(r, &c, 5054, TXD_TSE | TXD_RS, TXD_IXSM | TXD_TXSM);
    frame = rig_sent(r, 0, &len);
    assert_int_equal(len, 5054);
    assert_int_equal(r->net->sent_count, 1);
    assert_int_equal(off->flags, DM_NET_F_NEEDS_CSUM);
    assert_int_equal(off->gso_type, DM_NET_GSO_TCPV4);
    assert_int_equal(off->gso_size, 1000);
    assert_int_equal(off->hdr_len, 54);
    assert_int_equal(off->csum_start, 34);
    assert_int_equal(off->csum_offset, 16);
    assert_int_equal(dm_get_be(frame + 16, 2), 5040);
    assert_int_equal(dm_net_sum_fold(dm_net_sum(0, frame + 14, 20, false)), 0);
    /* The pseudo header's sum now has the length. */
    assert_int_equal((uint16_t)~dm_net_sum_fold(dm_net_sum(0, frame + 26, 8, false) + 6 + 5020),
                     dm_get_be(frame + 50, 2));
    assert_memory_equal(frame + 54, r->f.ram + RIG_TX_BUF + 54, 5000);
    assert_int_equal(rig_txd_status(r, 1), TXD_STATUS_DD);
    assert_int_equal(rd(r, TSCTC), 1);
    assert_int_equal(rd(r, GPTC), 5);
    assert_int_equal(rd(r, GOTCL), 5 * 1058);
    assert_int_equal(rd(r, PTC64 + 20), 5);

    /* In software: five frames that are right each for itself. */
    r->net->net.host_can = 0;
    send_offloaded(r, &c, 5054, TXD_TSE, TXD_IXSM | TXD_TXSM);
    assert_int_equal(r->net->sent_count, 6);
    for (unsigned i = 0; i < 5; i++) {
        uint32_t sum;

        frame = rig_sent(r, 1 + i, &len);
        assert_int_equal(len, 1054);
        assert_int_equal(dm_get_be(frame + 16, 2), 1040);
        assert_int_equal(dm_get_be(frame + 18, 2), 0x1234 + i);
        assert_int_equal(frame[47], i == 4 ? 0x19 : 0x10);
        assert_int_equal(dm_net_sum_fold(dm_net_sum(0, frame + 14, 20, false)), 0);
        sum = dm_net_sum(0, frame + 26, 8, false) + 6 + 1020;
        assert_int_equal(dm_net_sum_fold(dm_net_sum(sum, frame + 34, 1020, false)), 0);
        assert_memory_equal(frame + 54, r->f.ram + RIG_TX_BUF + 54 + 1000 * i, 1000);
    }

    /* What fits one segment is an ordinary frame. */
    r->net->net.host_can = DM_NET_CAN_CSUM | DM_NET_CAN_TSO4;
    prepare(r->f.ram + RIG_TX_BUF, 1054, false, false);
    send_offloaded(r, &c, 1054, TXD_TSE, TXD_IXSM | TXD_TXSM);
    rig_sent(r, 6, &len);
    assert_int_equal(r->net->sent[6].off.gso_type, DM_NET_GSO_NONE);
    assert_int_equal(r->net->sent[6].off.flags, DM_NET_F_NEEDS_CSUM);
}

static void test_tso_v6(void **state)
{
    struct rig *r = *state;
    struct e1000_context c = { .ipcss = 14,
                               .tucss = 54,
                               .tucso = 70,
                               .hdrlen = 74,
                               .mss = 500,
                               .cmd = TUCMD_TCP | TUCMD_TSE };
    const uint8_t *frame;
    size_t len;

    rig_tx_start(r, 32);
    wr(r, CTRL, rd(r, CTRL) | CTRL_VME);
    prepare(r->f.ram + RIG_TX_BUF, 2000, true, false);
    r->f.ram[RIG_TX_BUF + 54 + 13] |= 0x80; /* CWR */
    send_offloaded(r, &c, 2000, TXD_TSE | TXD_VLE, TXD_TXSM | 9u << 16);
    frame = rig_sent(r, 0, &len);
    assert_int_equal(len, 2004);
    assert_int_equal(r->net->sent[0].off.gso_type, DM_NET_GSO_TCPV6 | DM_NET_GSO_ECN);
    assert_int_equal(r->net->sent[0].off.csum_start, 58);
    assert_int_equal(r->net->sent[0].off.hdr_len, 78);
    assert_int_equal(dm_get_be(frame + 12, 4), 0x81000009);
    assert_int_equal(dm_get_be(frame + 22, 2), 1946);
    r->net->net.host_can = 0;
    send_offloaded(r, &c, 2000, TXD_TSE, TXD_TXSM);
    assert_int_equal(r->net->sent_count, 5);
    frame = rig_sent(r, 4, &len);
    assert_int_equal(len, 74 + 426);
    assert_int_equal(dm_get_be(frame + 18, 2), 446);
    assert_int_equal(dm_net_sum_fold(dm_net_sum(dm_net_sum(6 + 446, frame + 22, 32, false),
                                                frame + 54, 446, false)),
                     0);
}

static void test_delays(void **state)
{
    struct rig *r = *state;

    rig_tx_start(r, 32);
    wr(r, IMS, ICR_TXDW);
    wr(r, TIDV, 10);
    wr(r, TADV, 25);
    send_plain(r, 0, 60, TXD_RS | TXD_IDE);
    assert_int_equal(rig_txd_status(r, 0), TXD_STATUS_DD);
    assert_false(rig_irq(r));
    fake_advance(&r->f, 10 * 1024 - 1);
    assert_false(rig_irq(r));
    fake_advance(&r->f, 1);
    assert_true(rig_irq(r));
    rd(r, ICR);
    /* Each frame begins the short delay anew; the long one ends it. */
    for (unsigned i = 1; i < 5; i++) {
        send_plain(r, i, 60, TXD_RS | TXD_IDE);
        if (i < 4)
            fake_advance(&r->f, 8 * 1024);
        assert_false(rig_irq(r));
    }
    fake_advance(&r->f, 1024);
    assert_true(rig_irq(r));
    rd(r, ICR);
    fake_advance(&r->f, DM_NS_PER_MS);
    assert_false(rig_irq(r));
    /* A frame without IDE, or the flush bit, ends it too. */
    send_plain(r, 5, 60, TXD_RS | TXD_IDE);
    send_plain(r, 6, 60, TXD_RS);
    assert_true(rig_irq(r));
    rd(r, ICR);
    send_plain(r, 7, 60, TXD_RS | TXD_IDE);
    assert_null(fake_state_roundtrip(&r->f, r->dev));
    wr(r, TIDV, 10 | TIDV_FPD);
    assert_true(rig_irq(r));
    rd(r, ICR);
    fake_advance(&r->f, DM_NS_PER_MS);
    assert_false(rig_irq(r));
}

/* A delay within the throttle is none: one timer, and the interrupt when the throttle ends. */
static void test_delay_within_throttle(void **state)
{
    struct rig *r = *state;
    uint64_t start;

    rig_tx_start(r, 32);
    wr(r, IMS, ICR_TXDW);
    wr(r, TIDV, 8);
    wr(r, TADV, 32);
    wr(r, ITR, 976); /* 249.856 us */
    send_plain(r, 0, 60, TXD_RS | TXD_IDE);
    fake_advance(&r->f, 8 * 1024);
    assert_true(rig_irq(r));
    start = dm_clock_now(&r->f.clock);
    rd(r, ICR);
    for (unsigned i = 1; i < 12; i++) {
        fake_advance(&r->f, 20000);
        send_plain(r, i, 60, TXD_RS | TXD_IDE);
        assert_true(dm_clock_deadline(&r->f.clock) == start + 976 * 256);
        assert_false(rig_irq(r));
    }
    fake_advance(&r->f, 976 * 256 - 11 * 20000 - 1);
    assert_false(rig_irq(r));
    fake_advance(&r->f, 1);
    assert_true(rig_irq(r));
    assert_int_equal(rd(r, ICR) & ICR_TXDW, ICR_TXDW);
    /* One that ends behind it is kept. */
    fake_advance(&r->f, 976 * 256 - 100);
    send_plain(r, 12, 60, TXD_RS | TXD_IDE);
    fake_advance(&r->f, 8 * 1024 - 1);
    assert_int_equal(rd(r, ICR) & ICR_TXDW, 0);
    fake_advance(&r->f, 1);
    assert_true(rig_irq(r));
}

static void test_low_threshold(void **state)
{
    struct rig *r = *state;

    rig_tx_start(r, 32);
    wr(r, TXDCTL, 1u << 25); /* 8 descriptors */
    r->net->room = 20;
    for (unsigned i = 0; i < 30; i++)
        rig_txd(r, i, RIG_TX_BUF, 60 | RIG_TXD_CMD, 0);
    wr(r, TDT, 30);
    assert_int_equal(rd(r, ICR) & ICR_TXD_LOW, 0);
    fake_net_writable(r->net, 3);
    assert_int_equal(rd(r, ICR) & ICR_TXD_LOW, ICR_TXD_LOW);
}

static void test_backpressure(void **state)
{
    struct rig *r = *state;

    rig_tx_start(r, 32);
    r->net->room = 3;
    for (unsigned i = 0; i < 10; i++) {
        rig_frame(r->f.ram + RIG_TX_BUF + i * RIG_BUF, 60);
        r->f.ram[RIG_TX_BUF + i * RIG_BUF + 14] = (uint8_t)i;
        rig_txd(r, i, RIG_TX_BUF + i * RIG_BUF, 60 | RIG_TXD_CMD | TXD_RS, 0);
    }
    wr(r, TDT, 8);
    assert_int_equal(r->net->sent_count, 3);
    assert_int_equal(rd(r, TDH), 3);
    assert_int_equal(rig_txd_status(r, 3), 0);
    assert_false(rd(r, ICR) & ICR_TXQE);
    wr(r, TDT, 10); /* it does not try again on its own */
    assert_int_equal(rd(r, TDH), 3);
    assert_null(fake_state_roundtrip(&r->f, r->dev));
    r->net->room = 0;
    fake_advance(&r->f, DM_NS_PER_MS);
    assert_int_equal(r->net->sent_count, 3);
    fake_net_writable(r->net, 2);
    assert_int_equal(rd(r, TDH), 5);
    fake_net_writable(r->net, SIZE_MAX);
    assert_int_equal(rd(r, TDH), 10);
    assert_int_equal(r->net->sent_count, 10);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(r->net->sent[i].data[14], i);
}

/* What waits in the ring when the state is saved goes out of the other machine, once. */
static void test_save_in_flight(void **state)
{
    struct rig *r = *state, *to = rig_create();
    struct e1000_context c = tcp4;
    struct dm_buf buf = { 0 };
    struct dm_error err;

    c.cmd |= TUCMD_TSE;
    rig_tx_start(r, 32);
    r->net->room = 2;
    prepare(r->f.ram + RIG_TX_BUF, 3054, false, false);
    for (unsigned i = 0; i < 5; i++) {
        rig_frame(r->f.ram + RIG_TX_BUF + (i + 1) * RIG_BUF, 60);
        r->f.ram[RIG_TX_BUF + (i + 1) * RIG_BUF + 14] = (uint8_t)i;
        rig_txd(r, i, RIG_TX_BUF + (i + 1) * RIG_BUF, 60 | RIG_TXD_CMD | TXD_RS, 0);
    }
    rig_context(r, 5, &c, 3000);
    rig_txd(r, 6, RIG_TX_BUF, TXD_DEXT | 0x100000 | 54 | TXD_TSE, TXD_TXSM | TXD_IXSM);
    rig_txd(r, 7, RIG_TX_BUF + 54, TXD_DEXT | 0x100000 | 3000 | TXD_TSE | RIG_TXD_CMD, 0);
    wr(r, TDT, 7); /* half of the last one is there */
    assert_int_equal(r->net->sent_count, 2);
    dm_device_save(&r->dev->pci.dev, &buf);
    memcpy(to->f.ram, r->f.ram, FAKE_RAM_SIZE);
    dm_machine_set_run_state(&to->f.machine, DM_PAUSED);
    assert_int_equal(dm_device_load(&to->dev->pci.dev, buf.data, buf.len, 1, &err), 0);
    fake_advance(&to->f, DM_NS_PER_MS);
    assert_int_equal(to->net->sent_count, 0); /* not while it is stopped */
    dm_machine_set_run_state(&to->f.machine, DM_RUNNING);
    fake_advance(&to->f, 1);
    assert_int_equal(to->net->sent_count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(to->net->sent[i].data[14], 2 + i);
    wr(to, TDT, 8);
    assert_int_equal(to->net->sent_count, 4);
    assert_int_equal(to->net->sent[3].len, 3054);
    assert_int_equal(to->net->sent[3].off.gso_size, 1000);
    dm_buf_finish(&buf);
    fake_finish(&to->f);
    free(to);
}

static void test_statistics(void **state)
{
    struct rig *r = *state;

    rig_tx_start(r, 8);
    send_plain(r, 0, 60, 0);
    memset(r->f.ram + RIG_TX_BUF, 0xff, 6);
    rig_txd(r, 1, RIG_TX_BUF, 200 | RIG_TXD_CMD, 0);
    wr(r, TDT, 2);
    r->f.ram[RIG_TX_BUF] = 0x01;
    rig_txd(r, 2, RIG_TX_BUF, 1514 | RIG_TXD_CMD, 0);
    wr(r, TDT, 3);
    assert_int_equal(rd(r, GPTC), 3);
    assert_int_equal(rd(r, TPT), 3);
    assert_int_equal(rd(r, BPTC), 1);
    assert_int_equal(rd(r, MPTC), 1);
    assert_int_equal(rd(r, GOTCL), 60 + 200 + 1514 + 12);
    assert_int_equal(rd(r, PTC64), 1);
    assert_int_equal(rd(r, PTC64 + 8), 1);
    assert_int_equal(rd(r, PTC1522), 1);
}

/* A long ring is sent in turns of the loop. */
static void test_turns(void **state)
{
    struct rig *r = *state;

    rig_tx_start(r, 1024);
    for (unsigned i = 0; i < 1024; i++)
        rig_txd(r, i, RIG_TX_BUF, 16000 | RIG_TXD_CMD, 0);
    wr(r, TDT, 1023);
    assert_in_range(r->net->sent_count, 100, 600);
    assert_int_equal(rd(r, TDH), r->net->sent_count);
    fake_advance(&r->f, 1);
    assert_int_equal(rd(r, TDH), 1023);
    assert_int_equal(r->net->sent_count, 1023);
}

UNIT_MAIN(RIG_TEST(test_legacy), RIG_TEST(test_padding), RIG_TEST(test_pieces_and_wrap),
          RIG_TEST(test_many_pieces), RIG_TEST(test_disabled), RIG_TEST(test_vlan),
          RIG_TEST(test_checksums), RIG_TEST(test_tso), RIG_TEST(test_tso_v6),
          RIG_TEST(test_delays), RIG_TEST(test_delay_within_throttle), RIG_TEST(test_low_threshold),
          RIG_TEST(test_backpressure), RIG_TEST(test_save_in_flight), RIG_TEST(test_statistics),
          RIG_TEST(test_turns))
