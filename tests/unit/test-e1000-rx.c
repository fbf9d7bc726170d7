/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The e1000's receive ring: filters, descriptors, checksums, interrupts, backpressure. */
#include "tests/unit/e1000-rig.h"

static bool bring(struct rig *r, const uint8_t *frame, size_t len)
{
    return fake_net_bring(r->net, frame, len, NULL);
}

/* Does a frame to this address come through? */
static bool accepted(struct rig *r, const char *mac)
{
    uint8_t frame[64];

    rig_frame(frame, sizeof(frame));
    memcpy(frame, mac, 6);
    assert_true(bring(r, frame, sizeof(frame)));
    return rd(r, GPRC) == 1;
}

static void test_one_frame(void **state)
{
    static const uint8_t zeros[4];
    struct rig *r = *state;
    uint8_t frame[1000];
    struct rig_rxd d;

    rig_rx_start(r, 8, 0);
    wr(r, IMS, ICR_RXT0);
    rig_frame(frame, sizeof(frame));
    memset(r->f.ram + RIG_RX_BUF, 0xee, 2048);
    assert_true(bring(r, frame, sizeof(frame)));
    d = rig_rxd(r, 0);
    assert_int_equal(d.len, 1004);
    assert_int_equal(d.status, RXD_STATUS_DD | RXD_STATUS_EOP | RXD_STATUS_IXSM);
    assert_int_equal(d.errors, 0);
    assert_int_equal(d.special, 0);
    assert_memory_equal(d.data, frame, 1000);
    assert_memory_equal(d.data + 1000, zeros, 4);
    assert_int_equal(d.data[1004], 0xee);
    assert_int_equal(rd(r, RDH), 1);
    assert_true(rig_irq(r));
    assert_int_equal(rd(r, ICR), ICR_RXT0);
    /* Without the FCS; below Ethernet's least, padded. */
    wr(r, RCTL, RCTL_EN | RCTL_SECRC);
    assert_true(bring(r, frame, 42));
    assert_int_equal(rig_rxd(r, 1).len, 60);
    assert_int_equal(rig_rxd(r, 1).data[42], 0);
    assert_int_equal(rd(r, GPRC), 2);
    assert_int_equal(rd(r, GORCL), 1004 + 64);
    assert_int_equal(rd(r, TPR), 2);
    assert_int_equal(rd(r, PRC64), 1);
    assert_int_equal(rd(r, PRC64 + 16), 1);
}

static void test_buffer_sizes(void **state)
{
    static const struct {
        uint32_t rctl;
        size_t size;
    } sizes[] = {
        { 0, 2048 },
        { 1u << 16, 1024 },
        { 2u << 16, 512 },
        { 3u << 16, 256 },
        { RCTL_BSEX, 2048 },
        { RCTL_BSEX | 1u << 16, 16384 },
        { RCTL_BSEX | 2u << 16, 8192 },
        { RCTL_BSEX | 3u << 16, 4096 },
    };
    struct rig *r = *state;
    static uint8_t frame[9014];

    rig_frame(frame, sizeof(frame));
    for (unsigned i = 0; i < DM_ARRAY_LEN(sizes); i++) {
        size_t size = sizes[i].size, at = 0;
        unsigned n = (unsigned)((9014 + size - 1) / size);

        wr(r, RCTL, 0);
        rig_rx_start(r, 40, sizes[i].rctl | RCTL_LPE | RCTL_SECRC);
        assert_true(bring(r, frame, sizeof(frame)));
        assert_int_equal(rd(r, RDH), n);
        for (unsigned k = 0; k < n; k++) {
            struct rig_rxd d = rig_rxd(r, k);
            bool last = k == n - 1;

            assert_int_equal(d.len, last ? 9014 - at : size);
            assert_int_equal(d.status & 3, last ? 3 : 1);
            assert_memory_equal(d.data, frame + at, d.len);
            at += d.len;
        }
        /* Exactly full: no more; one byte over (the FCS): one more. */
        wr(r, RCTL, 0);
        rig_rx_start(r, 40, sizes[i].rctl | RCTL_LPE | RCTL_SECRC);
        if (size <= 8192) {
            assert_true(bring(r, frame, size));
            assert_int_equal(rd(r, RDH), 1);
            wr(r, RCTL, sizes[i].rctl | RCTL_LPE | RCTL_EN);
            assert_true(bring(r, frame, size));
            assert_int_equal(rd(r, RDH), 3);
            assert_int_equal(rig_rxd(r, 2).len, 4);
        }
    }
}

static void test_long_frames(void **state)
{
    struct rig *r = *state;
    static uint8_t frame[20000];

    rig_frame(frame, sizeof(frame));
    rig_rx_start(r, 16, RCTL_BSEX | 1u << 16);
    assert_true(bring(r, frame, 1518));
    assert_int_equal(rd(r, GPRC), 1);
    assert_true(bring(r, frame, 1519));
    assert_int_equal(rd(r, GPRC), 0);
    assert_int_equal(rd(r, ROC), 1);
    wr(r, RCTL, rd(r, RCTL) | RCTL_SBP); /* bad ones are wanted */
    assert_true(bring(r, frame, 1519));
    assert_int_equal(rd(r, GPRC), 1);
    wr(r, RCTL, rd(r, RCTL) | RCTL_LPE);
    assert_true(bring(r, frame, 16380));
    assert_int_equal(rd(r, GPRC), 1);
    assert_true(bring(r, frame, 16381));
    assert_int_equal(rd(r, GPRC), 0);
    assert_int_equal(rd(r, ROC), 1);
}

static void test_address_filter(void **state)
{
    struct rig *r = *state;

    rig_rx_start(r, 64, 0);
    assert_true(accepted(r, "\x52\x54\x00\x12\x34\x56"));
    assert_false(accepted(r, "\x52\x54\x00\x12\x34\x57"));
    assert_false(accepted(r, "\xff\xff\xff\xff\xff\xff"));
    assert_false(accepted(r, "\x01\x00\x5e\x00\x00\x01"));
    wr(r, RCTL, RCTL_EN | RCTL_BAM);
    assert_true(accepted(r, "\xff\xff\xff\xff\xff\xff"));
    assert_int_equal(rd(r, BPRC), 1);
    assert_false(accepted(r, "\x01\x00\x5e\x00\x00\x01"));
    wr(r, RCTL, RCTL_EN | RCTL_MPE);
    assert_true(accepted(r, "\x01\x00\x5e\x00\x00\x01"));
    assert_int_equal(rd(r, MPRC), 1);
    assert_true(accepted(r, "\xff\xff\xff\xff\xff\xff"));
    assert_false(accepted(r, "\x52\x54\x00\x12\x34\x57"));
    wr(r, RCTL, RCTL_EN | RCTL_UPE);
    assert_true(accepted(r, "\x52\x54\x00\x12\x34\x57"));
    assert_false(accepted(r, "\x01\x00\x5e\x00\x00\x01"));
    wr(r, RCTL, RCTL_EN);
    /* The other fifteen addresses; one that is not valid; one for the source. */
    wr(r, RA + 15 * 8, 0x005e0001);
    wr(r, RA + 15 * 8 + 4, RAH_AV | 0x0100);
    assert_true(accepted(r, "\x01\x00\x5e\x00\x00\x01"));
    wr(r, RA + 15 * 8 + 4, 0x0100);
    assert_false(accepted(r, "\x01\x00\x5e\x00\x00\x01"));
    wr(r, RA + 8, 0x013e1600);
    wr(r, RA + 12, RAH_AV | RAH_ASEL_SOURCE | 0x0302);
    assert_true(accepted(r, "\x02\x00\x00\x00\x00\x01"));
    wr(r, RA + 12, 0);
    assert_int_equal(rd(r, TPR), 14);
}

static void test_multicast_hash(void **state)
{
    /* The example of SDM 13.5.1: an address that ends in 34:56. */
    static const unsigned hashes[] = { 0x563, 0xac6, 0x58d, 0x634 };
    struct rig *r = *state;

    for (uint32_t mo = 0; mo < 4; mo++) {
        rig_rx_start(r, 64, mo << 12);
        assert_false(accepted(r, "\x13\x9a\xbc\x12\x34\x56"));
        wr(r, MTA + hashes[mo] / 32 * 4, 1u << hashes[mo] % 32);
        assert_true(accepted(r, "\x13\x9a\xbc\x12\x34\x56"));
        assert_false(accepted(r, "\x12\x9a\xbc\x12\x34\x56")); /* not a group address */
        wr(r, MTA + hashes[mo] / 32 * 4, 0);
    }
}

static void test_vlan(void **state)
{
    struct rig *r = *state;
    uint8_t frame[100], plain[100];

    rig_rx_start(r, 64, RCTL_SECRC);
    rig_frame(frame, sizeof(frame));
    dm_put_be(frame + 12, 4, 0x81003005);
    assert_true(bring(r, frame, 100));
    assert_int_equal(rig_rxd(r, 0).len, 100);
    assert_int_equal(rig_rxd(r, 0).status & RXD_STATUS_VP, 0);
    /* Stripped. */
    wr(r, CTRL, rd(r, CTRL) | CTRL_VME);
    memcpy(plain, frame, 12);
    memcpy(plain + 12, frame + 16, 84);
    assert_true(bring(r, frame, 100));
    assert_int_equal(rig_rxd(r, 1).len, 96);
    assert_int_equal(rig_rxd(r, 1).special, 0x3005);
    assert_true(rig_rxd(r, 1).status & RXD_STATUS_VP);
    assert_memory_equal(rig_rxd(r, 1).data, plain, 96);
    /* Filtered: by number, by CFI. */
    wr(r, RCTL, RCTL_EN | RCTL_VFE);
    rd(r, GPRC);
    assert_true(bring(r, frame, 100));
    assert_int_equal(rd(r, GPRC), 0);
    wr(r, VFTA, 1u << 5);
    assert_true(bring(r, frame, 100));
    assert_int_equal(rd(r, GPRC), 1);
    wr(r, RCTL, RCTL_EN | RCTL_VFE | RCTL_CFIEN);
    assert_true(bring(r, frame, 100));
    assert_int_equal(rd(r, GPRC), 0);
    wr(r, RCTL, RCTL_EN | RCTL_VFE | RCTL_CFIEN | RCTL_CFI);
    assert_true(bring(r, frame, 100));
    assert_int_equal(rd(r, GPRC), 1);
    /* Another type, or none, is no VLAN frame. */
    wr(r, VET, 0x88a8);
    wr(r, VFTA, 0);
    assert_true(bring(r, frame, 100));
    assert_int_equal(rd(r, GPRC), 1);
    assert_int_equal(rig_rxd(r, rd(r, RDH) - 1).status & RXD_STATUS_VP, 0);
}

static struct rig_rxd checked(struct rig *r, const uint8_t *frame, size_t len,
                              const struct dm_net_offload *off)
{
    unsigned i = rd(r, RDH);

    assert_true(fake_net_bring(r->net, frame, len, off));
    wr(r, RDT, i);
    return rig_rxd(r, i);
}

static void test_checksums(void **state)
{
    static const struct dm_net_offload valid = { .flags = DM_NET_F_DATA_VALID };
    enum { IP = RXD_STATUS_IPCS, L4 = RXD_STATUS_TCPCS, NO = RXD_STATUS_IXSM, ALL = IP | L4 | NO };
    struct rig *r = *state;
    uint8_t frame[301];
    struct rig_rxd d;
    size_t l4;

    rig_rx_start(r, 8, RCTL_SECRC);
    l4 = rig_ip_frame(frame, 301, false, 6);
    assert_int_equal(checked(r, frame, 301, NULL).status & ALL, NO);
    wr(r, RXCSUM, RXCSUM_IPOFL);
    assert_int_equal(checked(r, frame, 301, NULL).status & ALL, IP);
    wr(r, RXCSUM, RXCSUM_TUOFL);
    assert_int_equal(checked(r, frame, 301, NULL).status & ALL, L4);
    wr(r, RXCSUM, RXCSUM_TUOFL | RXCSUM_IPOFL);
    d = checked(r, frame, 301, NULL);
    assert_int_equal(d.status & ALL, IP | L4);
    assert_int_equal(d.errors, 0);
    frame[300] ^= 1;
    d = checked(r, frame, 301, NULL);
    assert_int_equal(d.status & ALL, IP | L4);
    assert_int_equal(d.errors, RXD_ERROR_TCPE);
    /* What the host has checked is not checked again. */
    assert_int_equal(checked(r, frame, 301, &valid).errors, 0);
    frame[300] ^= 1;
    frame[26] ^= 1; /* source address */
    assert_int_equal(checked(r, frame, 301, NULL).errors, RXD_ERROR_IPE | RXD_ERROR_TCPE);
    /* UDP; without a sum; in fragments. */
    l4 = rig_ip_frame(frame, 300, false, 17);
    d = checked(r, frame, 300, NULL);
    assert_int_equal(d.status & ALL, IP | L4);
    assert_int_equal(d.errors, 0);
    frame[l4 + 6] ^= 1;
    assert_int_equal(checked(r, frame, 300, NULL).errors, RXD_ERROR_TCPE);
    dm_put_be(frame + l4 + 6, 2, 0);
    assert_int_equal(checked(r, frame, 300, NULL).errors, 0);
    dm_put_be(frame + 20, 2, 0x2000);
    assert_int_equal(checked(r, frame, 300, NULL).status & ALL, IP);
    /* Padding and a VLAN tag do not count. */
    rig_ip_frame(frame, 50, false, 17);
    d = checked(r, frame, 50, NULL);
    assert_int_equal(d.status & ALL, IP | L4);
    assert_int_equal(d.errors, 0);
    rig_ip_frame(frame, 297, false, 6);
    memmove(frame + 16, frame + 12, 285);
    dm_put_be(frame + 12, 4, 0x81000001);
    assert_int_equal(checked(r, frame, 301, NULL).errors, 0);
    wr(r, CTRL, rd(r, CTRL) | CTRL_VME);
    d = checked(r, frame, 301, NULL);
    assert_int_equal(d.status & (ALL | RXD_STATUS_VP), IP | L4 | RXD_STATUS_VP);
    assert_int_equal(d.errors, 0);
    /* IPv6, when it is wanted. */
    rig_ip_frame(frame, 300, true, 6);
    assert_int_equal(checked(r, frame, 300, NULL).status & ALL, NO);
    wr(r, RXCSUM, RXCSUM_TUOFL | RXCSUM_IPV6OFL);
    d = checked(r, frame, 300, NULL);
    assert_int_equal(d.status & ALL, L4);
    assert_int_equal(d.errors, 0);
    frame[299] ^= 1;
    assert_int_equal(checked(r, frame, 300, NULL).errors, RXD_ERROR_TCPE);
    assert_int_equal(checked(r, frame, 300, &valid).errors, 0);
    /* No IP, or an IP header that lies. */
    rig_frame(frame, 300);
    assert_int_equal(checked(r, frame, 300, NULL).status & ALL, NO);
    rig_ip_frame(frame, 300, false, 6);
    dm_put_be(frame + 16, 2, 400);
    assert_int_equal(checked(r, frame, 300, NULL).status & ALL, NO);
    frame[14] = 0x44;
    assert_int_equal(checked(r, frame, 300, NULL).status & ALL, NO);
}

static void test_packet_checksum(void **state)
{
    struct rig *r = *state;
    uint8_t frame[301];

    rig_rx_start(r, 8, RCTL_SECRC);
    rig_frame(frame, 301);
    wr(r, RXCSUM, 14);
    assert_true(bring(r, frame, 301));
    assert_int_equal(rig_rxd(r, 0).sum,
                     (uint16_t)~dm_net_sum_fold(dm_net_sum(0, frame + 14, 287, false)));
    wr(r, RXCSUM, 255);
    assert_true(bring(r, frame, 60));
    assert_int_equal(rig_rxd(r, 1).sum, 0);
}

static void test_delays(void **state)
{
    struct rig *r = *state;
    uint8_t frame[60];

    rig_rx_start(r, 64, 0);
    rig_frame(frame, 60);
    wr(r, IMS, ICR_RXT0);
    wr(r, RDTR, 10);
    wr(r, RADV, 25);
    assert_true(bring(r, frame, 60));
    assert_true(rig_rxd(r, 0).status & RXD_STATUS_DD);
    assert_false(rig_irq(r));
    fake_advance(&r->f, 10 * 1024 - 1);
    assert_false(rig_irq(r));
    fake_advance(&r->f, 1);
    assert_true(rig_irq(r));
    rd(r, ICR);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(bring(r, frame, 60));
        if (i < 3)
            fake_advance(&r->f, 8 * 1024);
        assert_false(rig_irq(r));
    }
    assert_null(fake_state_roundtrip(&r->f, r->dev));
    fake_advance(&r->f, 1024);
    assert_true(rig_irq(r));
    rd(r, ICR);
    fake_advance(&r->f, DM_NS_PER_MS);
    assert_false(rig_irq(r));
    assert_true(bring(r, frame, 60));
    wr(r, RDTR, 10 | RDTR_FPD);
    assert_true(rig_irq(r));
}

static void test_thresholds(void **state)
{
    static const unsigned left[] = { 16, 8, 4 };
    struct rig *r = *state;
    uint8_t frame[60];

    rig_frame(frame, 60);
    for (uint32_t i = 0; i < 3; i++) {
        wr(r, RCTL, 0);
        rig_rx_start(r, 32, i << 8);
        for (unsigned n = 31; n > left[i]; n--) {
            assert_int_equal(rd(r, ICR) & ICR_RXDMT0, 0);
            assert_true(bring(r, frame, 60));
        }
        assert_int_equal(rd(r, ICR) & ICR_RXDMT0, ICR_RXDMT0);
    }
    wr(r, RSRPD, 64);
    assert_true(bring(r, frame, 60));
    assert_true(rd(r, ICR) & ICR_SRPD);
    wr(r, RSRPD, 63);
    rd(r, ICR);
    wr(r, RDT, 20);
    assert_true(bring(r, frame, 60));
    assert_false(rd(r, ICR) & ICR_SRPD);
}

static void test_backpressure(void **state)
{
    struct rig *r = *state;
    uint8_t frame[1500];

    rig_rx_start(r, 8, 1u << 16); /* 1024 */
    rig_frame(frame, sizeof(frame));
    for (unsigned i = 0; i < 3; i++) {
        frame[20] = (uint8_t)i;
        assert_true(dm_net_room(&r->net->net, sizeof(frame)));
        assert_true(bring(r, frame, sizeof(frame)));
    }
    rd(r, ICR);
    /* One descriptor is left: room for one that is small, not for this. */
    frame[20] = 3;
    assert_true(dm_net_room(&r->net->net, 100));
    assert_false(dm_net_room(&r->net->net, sizeof(frame)));
    assert_false(bring(r, frame, sizeof(frame)));
    assert_false(bring(r, frame, sizeof(frame)));
    assert_int_equal(rd(r, ICR), ICR_RXO);
    assert_int_equal(rd(r, RNBC), 1);
    assert_int_equal(rd(r, MPC), 0);
    assert_int_equal(r->net->accepts, 0);
    assert_null(fake_state_roundtrip(&r->f, r->dev));
    wr(r, RDT, 1);
    assert_int_equal(r->net->accepts, 1);
    assert_true(bring(r, frame, sizeof(frame)));
    assert_int_equal(rd(r, RDH), 0);
    assert_int_equal(rig_rxd(r, 6).data[20], 3);
    assert_int_equal(rig_rxd(r, 6).status & 3, 1);
    assert_int_equal(rig_rxd(r, 7).status & 3, 3);
    assert_int_equal(rd(r, GPRC), 4);
}

/* The descriptors that were read ahead are those of the ring that is there now. */
static void test_ring_moves(void **state)
{
    struct rig *r = *state;
    uint8_t frame[60];

    rig_rx_start(r, 8, 0);
    rig_frame(frame, 60);
    assert_true(bring(r, frame, 60));
    for (unsigned i = 0; i < 8; i++)
        dm_put_le(r->f.ram + RIG_RX + 0x1000 + 16 * i, 8, RIG_RX_BUF + 0x80000 + i * 2048);
    wr(r, RDBAL, RIG_RX + 0x1000);
    assert_true(bring(r, frame, 60));
    assert_memory_equal(r->f.ram + RIG_RX_BUF + 0x80000 + 2048, frame, 60);
    wr(r, RDH, 5);
    assert_true(bring(r, frame, 60));
    assert_memory_equal(r->f.ram + RIG_RX_BUF + 0x80000 + 5 * 2048, frame, 60);
    /* A descriptor without a buffer: the frame is lost, its length is not. */
    wr(r, RDH, 2);
    memset(r->f.ram + RIG_RX + 0x1000 + 2 * 16, 0, 16);
    assert_true(bring(r, frame, 60));
    assert_int_equal(dm_get_le(r->f.ram + RIG_RX + 0x1000 + 2 * 16 + 8, 2), 64);
    assert_int_equal(r->f.ram[0], 0);
}

static void test_off(void **state)
{
    struct rig *r = *state;
    uint8_t frame[60];

    rig_rx_start(r, 8, 0);
    wr(r, RCTL, 0);
    rig_frame(frame, 60);
    assert_true(dm_net_room(&r->net->net, 60));
    assert_true(bring(r, frame, 60));
    assert_int_equal(r->net->net.rx.dropped, 1);
    /* In loopback nothing comes from outside. */
    wr(r, RCTL, RCTL_EN | 0x40);
    assert_true(bring(r, frame, 60));
    assert_int_equal(r->net->net.rx.dropped, 2);
    wr(r, RCTL, RCTL_EN);
    assert_true(bring(r, frame, 60));
    assert_int_equal(rd(r, RDH), 1);
    /* A frame that the ring could never hold. */
    wr(r, RDLEN, 128);
    wr(r, RDH, 0);
    wr(r, RDT, 7);
    wr(r, RCTL, RCTL_EN | RCTL_LPE | 3u << 16);
    static uint8_t big[2044];

    rig_frame(big, sizeof(big));
    assert_true(bring(r, big, sizeof(big)));
    assert_int_equal(rd(r, MPC), 1);
}

static void test_pause_frames(void **state)
{
    struct rig *r = *state;
    uint8_t frame[60];

    rig_rx_start(r, 8, RCTL_MPE);
    rig_frame(frame, 60);
    memcpy(frame, "\x01\x80\xc2\x00\x00\x01", 6);
    dm_put_be(frame + 12, 2, 0x8808);
    dm_put_be(frame + 16, 2, 0xffff);
    wr(r, FCAL, 0x00c28001);
    wr(r, FCAH, 0x0100);
    wr(r, FCT, 0x8808);
    assert_true(bring(r, frame, 60));
    assert_int_equal(rd(r, FCRUC), 1);
    assert_int_equal(rd(r, RDH), 1);
    wr(r, CTRL, rd(r, CTRL) | CTRL_RFCE);
    wr(r, RCTL, rd(r, RCTL) | RCTL_DPF);
    assert_true(bring(r, frame, 60));
    dm_put_be(frame + 16, 2, 0);
    assert_true(bring(r, frame, 60));
    assert_int_equal(rd(r, XOFFRXC), 1);
    assert_int_equal(rd(r, XONRXC), 1);
    assert_int_equal(rd(r, RDH), 1);
}

/* A frame that the host brings in many pieces. */
static void test_pieces(void **state)
{
    struct rig *r = *state;
    struct dm_iov iov[60];
    uint8_t frame[600];

    rig_rx_start(r, 8, 3u << 16);
    wr(r, CTRL, rd(r, CTRL) | CTRL_VME);
    rig_frame(frame, 600);
    dm_put_be(frame + 12, 4, 0x81000001);
    for (unsigned i = 0; i < 60; i++)
        iov[i] = (struct dm_iov) { frame + 10 * i, 10 };
    assert_true(dm_net_receive(&r->net->net, iov, 60, 600, NULL));
    assert_memory_equal(rig_rxd(r, 0).data, frame, 12);
    assert_memory_equal(rig_rxd(r, 0).data + 12, frame + 16, 244);
    assert_memory_equal(rig_rxd(r, 1).data, frame + 260, 256);
    assert_int_equal(rig_rxd(r, 2).len, 600 - 512);
}

UNIT_MAIN(RIG_TEST(test_one_frame), RIG_TEST(test_buffer_sizes), RIG_TEST(test_long_frames),
          RIG_TEST(test_address_filter), RIG_TEST(test_multicast_hash), RIG_TEST(test_vlan),
          RIG_TEST(test_checksums), RIG_TEST(test_packet_checksum), RIG_TEST(test_delays),
          RIG_TEST(test_thresholds), RIG_TEST(test_backpressure), RIG_TEST(test_ring_moves),
          RIG_TEST(test_off), RIG_TEST(test_pause_frames), RIG_TEST(test_pieces))
