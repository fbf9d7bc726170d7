/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reception of the RTL8139 in both modes. */
#include "tests/unit/rtl8139-rig.h"

/* Brings a frame of len bytes with a pattern. */
static bool bring(struct rig *r, uint8_t *frame, size_t len, uint8_t seed)
{
    rig_frame(frame, len, seed);
    return fake_net_bring(r->net, frame, len, NULL);
}

/*
 * Takes the next frame out of the C ring as 8139too does, and checks it. Returns its status
 * and length as the header has them; 0: the ring is empty.
 */
static uint32_t take(struct rig *r, unsigned *cur, const uint8_t *frame, size_t len)
{
    unsigned size = 8192u << (rd(r, RCR, 4) >> RCR_RBLEN & 3), off = *cur % size, at;
    bool straight = rd(r, RCR, 4) & RCR_WRAP && size < 65536;
    const uint8_t *ring = r->f.ram + RIG_RX_BUF;
    uint8_t copy[8192], fcs[4];
    uint32_t head;

    if (rd(r, CR, 1) & CR_BUFE)
        return 0;
    head = (uint32_t)dm_get_le(ring + off, 4);
    assert_true((head >> 16) <= sizeof(copy));
    for (unsigned i = 0; i < head >> 16; i++) {
        at = off + 4 + i;
        copy[i] = ring[straight ? at : at % size];
    }
    assert_int_equal(head >> 16, len + 4);
    assert_memory_equal(copy, frame, len);
    dm_put_le(fcs, 4, ether_crc(frame, len));
    assert_memory_equal(copy + len, fcs, 4);
    *cur = (*cur + (head >> 16) + 4 + 3) & ~3u;
    wr(r, CAPR, 2, (*cur - 16) & 0xffff);
    return head;
}

static void test_crc(void **state)
{
    uint8_t bytes[300];

    (void)state;
    assert_int_equal(ether_crc((const uint8_t *)"123456789", 9), 0xcbf43926);
    assert_int_equal(ether_crc((const uint8_t *)"12345678", 0), 0);
    /* Bit by bit, all lengths around those where it goes another way. */
    for (size_t len = 0; len < sizeof(bytes); len++) {
        uint32_t c = ~0u;

        bytes[len] = (uint8_t)(len * 73 ^ len >> 3);
        for (size_t i = 0; i < len; i++) {
            c ^= bytes[i];
            for (int bit = 0; bit < 8; bit++)
                c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        }
        assert_int_equal(ether_crc(bytes, len), (uint32_t)~c);
    }
    /* 01:00:5e:00:00:01 and 33:33:00:00:00:01, as Linux' ether_crc() >> 26 has them. */
    assert_int_equal(ether_crc_hash((const uint8_t *)"\x01\x00\x5e\x00\x00\x01", 6), 31);
    assert_int_equal(ether_crc_hash((const uint8_t *)"\x33\x33\x00\x00\x00\x01", 6), 62);
}

/* Every size of ring, with and without wrapping, several times round. */
static void test_c_ring_sizes(void **state)
{
    uint8_t frame[1514];
    struct rig r;

    (void)state;
    rig_setup(&r);
    for (unsigned mode = 0; mode < 8; mode++) {
        unsigned size = 8192u << (mode & 3), cur = 0, frames = 5 * size / 700;

        rig_start_c(&r, (mode & 3) << RCR_RBLEN | (mode & 4 ? RCR_WRAP : 0));
        assert_int_equal(rd(&r, CR, 1), CR_RE | CR_TE | CR_BUFE);
        for (unsigned i = 0; i < frames; i++) {
            size_t len = 60 + i * 131 % 1455;

            assert_true(bring(&r, frame, len, (uint8_t)i));
            assert_int_equal(rd(&r, CR, 1), CR_RE | CR_TE);
            assert_int_equal(take(&r, &cur, frame, len) & 0xffff, RSR_PAM | RSR_ROK);
            assert_int_equal(rd(&r, CR, 1), CR_RE | CR_TE | CR_BUFE);
            assert_int_equal(rd(&r, CBR, 2), cur % size & 0xffff);
        }
        assert_int_equal(rd(&r, ISR, 2), INT_ROK);
        assert_int_equal(r.s->stats.rx_ok, frames);
    }
    rig_finish(&r);
}

/* A full ring loses nothing: frames wait at the host, CAPR calls them. */
static void test_c_backpressure(void **state)
{
    uint8_t frame[1514];
    unsigned cur = 0, n = 0, taken = 0, accepts;
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_c(&r, 0);
    while (dm_net_room(&r.net->net, 1514)) {
        assert_true(bring(&r, frame, 1514, (uint8_t)n++));
        assert_true(n < 10);
    }
    assert_int_equal(n, 5);
    rig_frame(frame, 1514, (uint8_t)n);
    assert_false(fake_net_bring(r.net, frame, 1514, NULL));
    assert_true(bring(&r, frame, 60, 99));     /* a small one still fits */
    assert_int_equal(rd(&r, ISR, 2), INT_ROK); /* nothing was lost: no overflow */
    assert_int_equal(rd(&r, MPC, 4), 0);
    assert_true(dm_clock_deadline(&r.f.clock) == DM_NEVER);
    assert_null(fake_state_roundtrip(&r.f, r.s));
    dm_net_room(&r.net->net, 1514);
    accepts = r.net->accepts;
    for (; taken < n; taken++) {
        rig_frame(frame, 1514, (uint8_t)taken);
        assert_int_not_equal(take(&r, &cur, frame, 1514), 0);
    }
    assert_int_equal(r.net->accepts, accepts + 1);
    rig_frame(frame, 60, 99);
    assert_int_not_equal(take(&r, &cur, frame, 60), 0);
    assert_int_equal(take(&r, &cur, frame, 60), 0);
    rig_finish(&r);
}

/* 8139too acknowledges each frame that it takes, and stops after 64 with the rest in the ring. */
static void test_c_unread(void **state)
{
    uint8_t frame[64];
    unsigned cur = 0, n = 0;
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_c(&r, 0);
    while (bring(&r, frame, 60, (uint8_t)n))
        n++;
    assert_true(n > 66);
    wr(&r, IMR, 2, INT_TOK);
    for (unsigned i = 0; i < n; i++) {
        if (i == 64) {
            assert_int_equal(rd(&r, ISR, 2), 0);
            wr(&r, IMR, 2, INT_ROK | INT_TOK);
            assert_int_equal(rd(&r, ISR, 2), INT_ROK);
            assert_true(rig_irq(&r));
            wr(&r, ISR, 2, INT_ROK);
            wr(&r, IMR, 2, INT_ROK | INT_TOK); /* no news */
            assert_false(rig_irq(&r));
        }
        rig_frame(frame, 60, (uint8_t)i);
        assert_int_not_equal(take(&r, &cur, frame, 60), 0);
        wr(&r, ISR, 2, INT_ROK | INT_RXOVW | INT_FOVW);
    }
    wr(&r, IMR, 2, INT_TOK);
    wr(&r, IMR, 2, INT_ROK | INT_TOK);
    assert_int_equal(rd(&r, ISR, 2), 0);
    assert_false(rig_irq(&r));
    rig_finish(&r);
}

/* CAPR and CBR may hold anything; the card writes inside the ring (and the slack behind it). */
static void test_c_hostile_pointers(void **state)
{
    static const unsigned caprs[] = {
        0, 1, 0xfff0, 0xffff, 0x7fff, 0x8000, 0x1ff0, 0x1fed, 0x2003
    };
    uint8_t frame[1514];
    struct rig r;

    (void)state;
    rig_setup(&r);
    for (unsigned mode = 0; mode < 8; mode++) {
        unsigned size = 8192u << (mode & 3);

        rig_start_c(&r, (mode & 3) << RCR_RBLEN | (mode & 4 ? RCR_WRAP : 0));
        memset(r.f.ram + RIG_RX_BUF + size, 0x77, 4096);
        for (unsigned i = 0; i < 300; i++) {
            wr(&r, CAPR, 2, caprs[i % DM_ARRAY_LEN(caprs)]);
            bring(&r, frame, 60 + i * 4, (uint8_t)i);
            assert_true(rd(&r, CBR, 2) < size);
            if (i % 50 == 0) /* the size changes under way */
                wr(&r, RCR, 4, rd(&r, RCR, 4) ^ (1 << RCR_RBLEN));
            if (i % 50 == 1)
                wr(&r, RCR, 4, rd(&r, RCR, 4) ^ (1 << RCR_RBLEN));
        }
        if (!(mode & 4)) {
            unsigned over = mode & 1 ? 0 : size; /* while the size was one more */

            for (unsigned i = over; i < 4096; i++)
                assert_int_equal(r.f.ram[RIG_RX_BUF + size + i], 0x77);
        }
    }
    /* A ring where there is no memory, and one that ends in it. */
    rig_start_c(&r, 0);
    wr(&r, RBSTART, 4, 0xfffff000);
    assert_true(bring(&r, frame, 1514, 0));
    assert_int_equal(rd(&r, ISR, 2), INT_SERR | INT_ROK);
    rig_start_c(&r, 0);
    wr(&r, RBSTART, 4, FAKE_RAM_SIZE - 100);
    assert_true(bring(&r, frame, 1514, 0));
    rig_finish(&r);
}

static void test_filters(void **state)
{
    static const struct {
        uint8_t dest[6];
        uint32_t rcr, rsr; /* rsr 0: not for us */
    } t[] = {
        { { 0x52, 0x54, 0, 0x12, 0x34, 0x56 }, RCR_APM, RSR_PAM | RSR_ROK },
        { { 0x52, 0x54, 0, 0x12, 0x34, 0x56 }, RCR_AAP, RSR_PAM | RSR_ROK },
        { { 0x52, 0x54, 0, 0x12, 0x34, 0x56 }, RCR_AM | RCR_AB, 0 },
        { { 0x52, 0x54, 0, 0x12, 0x34, 0x57 }, RCR_APM | RCR_AM | RCR_AB, 0 },
        { { 0x52, 0x54, 0, 0x12, 0x34, 0x57 }, RCR_AAP, RSR_ROK },
        { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, RCR_AB, RSR_BAR | RSR_ROK },
        { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, RCR_AAP | RCR_APM | RCR_AM, 0 },
        { { 0x01, 0x00, 0x5e, 0, 0, 1 }, RCR_AM, RSR_MAR | RSR_ROK }, /* bit 31 */
        { { 0x33, 0x33, 0, 0, 0, 1 }, RCR_AM, 0 },                    /* bit 62 */
        { { 0x01, 0x00, 0x5e, 0, 0, 1 }, RCR_AAP | RCR_APM | RCR_AB, 0 },
    };
    struct rig r;

    (void)state;
    rig_setup(&r);
    for (unsigned i = 0; i < DM_ARRAY_LEN(t); i++) {
        uint8_t frame[60];
        unsigned cur = 0;

        rig_start_c(&r, 0);
        wr(&r, MAR0, 4, 0x80000000);
        wr(&r, MAR0 + 4, 4, 0);
        wr(&r, RCR, 4, t[i].rcr);
        rig_frame(frame, sizeof(frame), 0);
        memcpy(frame, t[i].dest, 6);
        assert_true(fake_net_bring(r.net, frame, sizeof(frame), NULL));
        assert_int_equal(take(&r, &cur, frame, sizeof(frame)) & 0xffff, t[i].rsr);
        assert_int_equal(rd(&r, ISR, 2), t[i].rsr ? INT_ROK : 0);
    }
    /* The address may be changed by the driver. */
    wr(&r, IDR0, 4, 0x00005452);
    wr(&r, IDR4, 2, 0x0100);
    wr(&r, RCR, 4, RCR_APM);
    {
        uint8_t frame[60];
        unsigned cur = 0;

        bring(&r, frame, sizeof(frame), 0);
        assert_int_equal(take(&r, &cur, frame, sizeof(frame)), 0);
    }
    rig_finish(&r);
}

static void test_off(void **state)
{
    uint8_t frame[60];
    struct rig r;

    (void)state;
    rig_setup(&r);
    assert_true(dm_net_room(&r.net->net, 1514));
    assert_true(bring(&r, frame, sizeof(frame), 0));
    assert_int_equal(r.net->net.rx.dropped, 1);
    rig_start_c(&r, 0);
    fake_config_out(&r.f, RIG_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_IO); /* no bus master */
    assert_true(bring(&r, frame, sizeof(frame), 0));
    assert_int_equal(r.net->net.rx.dropped, 2);
    assert_int_equal(rd(&r, ISR, 2), 0);
    rig_finish(&r);
}

/* Turning the receiver off and on starts the ring anew, as 8139too does after an error. */
static void test_c_restart(void **state)
{
    uint8_t frame[100];
    unsigned cur = 0;
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_c(&r, RCR_WRAP);
    bring(&r, frame, 100, 1);
    bring(&r, frame, 100, 2);
    wr(&r, CR, 1, CR_TE);
    wr(&r, CR, 1, CR_TE | CR_RE);
    assert_int_equal(rd(&r, CBR, 2), 0);
    assert_int_equal(rd(&r, CR, 1) & CR_BUFE, CR_BUFE);
    bring(&r, frame, 100, 3);
    assert_int_not_equal(take(&r, &cur, frame, 100), 0);
    rig_finish(&r);
}

/* Short frames are filled up to Ethernet's least. */
static void test_short(void **state)
{
    uint8_t frame[60] = { 0 };
    unsigned cur = 0;
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_c(&r, 0);
    memset(r.s->rx_buf, 0x5e, sizeof(r.s->rx_buf));
    bring(&r, frame, 20, 1);
    assert_int_equal(take(&r, &cur, frame, 60) >> 16, 64);
    rig_finish(&r);
}

static void test_cplus_descriptors(void **state)
{
    uint8_t frame[1514], fcs[4];
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, 0);
    for (unsigned i = 0; i < 3 * RIG_RX_DESCS; i++) {
        unsigned n = i % RIG_RX_DESCS;
        uint32_t eor = n == RIG_RX_DESCS - 1 ? DESC_EOR : 0;
        size_t len = 60 + i * 60;

        assert_true(bring(&r, frame, len, (uint8_t)i));
        assert_int_equal(rig_opts(&r, RIG_RX_RING, n),
                         eor | DESC_FS | DESC_LS | 0x02000000 | (uint32_t)(len + 4));
        assert_int_equal(dm_get_le(rig_desc(&r, RIG_RX_RING, n) + 4, 4), 0);
        assert_memory_equal(r.f.ram + RIG_RX_BUF + 2048 * n, frame, len);
        dm_put_le(fcs, 4, ether_crc(frame, len));
        assert_memory_equal(r.f.ram + RIG_RX_BUF + 2048 * n + len, fcs, 4);
        assert_int_equal(rd(&r, ISR, 2), INT_ROK);
        assert_true(rig_irq(&r));
        wr(&r, ISR, 2, INT_ROK);
        rig_set_desc(&r, RIG_RX_RING, n, DESC_OWN | eor | 1536, 0, RIG_RX_BUF + 2048 * n);
    }
    rig_finish(&r);
}

/* A frame over several descriptors, with the check sequence cut in two. */
static void test_cplus_fragments(void **state)
{
    uint8_t frame[300], fcs[4];
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, 0);
    rig_set_desc(&r, RIG_RX_RING, 0, DESC_OWN | 128, 0, RIG_RX_BUF);
    rig_set_desc(&r, RIG_RX_RING, 1, DESC_OWN | 0, 0, RIG_RX_BUF + 0x1000);
    rig_set_desc(&r, RIG_RX_RING, 2, DESC_OWN | 174, 0, RIG_RX_BUF + 0x2000);
    rig_set_desc(&r, RIG_RX_RING, 3, DESC_OWN | 8 | DESC_EOR, 0, RIG_RX_BUF + 0x3000);
    assert_true(bring(&r, frame, 300, 7));
    assert_int_equal(rig_opts(&r, RIG_RX_RING, 0), DESC_FS);
    assert_int_equal(rig_opts(&r, RIG_RX_RING, 1), 0);
    assert_int_equal(rig_opts(&r, RIG_RX_RING, 2), 0);
    assert_int_equal(rig_opts(&r, RIG_RX_RING, 3), DESC_EOR | DESC_LS | 0x02000000 | 304);
    dm_put_le(fcs, 4, ether_crc(frame, 300));
    assert_memory_equal(r.f.ram + RIG_RX_BUF, frame, 128);
    assert_memory_equal(r.f.ram + RIG_RX_BUF + 0x2000, frame + 128, 172);
    assert_memory_equal(r.f.ram + RIG_RX_BUF + 0x2000 + 172, fcs, 2);
    assert_memory_equal(r.f.ram + RIG_RX_BUF + 0x3000, fcs + 2, 2);
    assert_int_equal(r.s->rx_index, 0);
    rig_finish(&r);
}

/* The driver gives descriptors back without a word: acknowledging or time brings the frames. */
static void test_cplus_backpressure(void **state)
{
    uint8_t frame[100];
    unsigned accepts;
    struct rig r;

    (void)state;
    rig_setup(&r);
    rig_start_cplus(&r, 0);
    for (unsigned i = 0; i < RIG_RX_DESCS; i++)
        assert_true(bring(&r, frame, 100, (uint8_t)i));
    assert_int_equal(rd(&r, ISR, 2), INT_ROK);
    assert_false(bring(&r, frame, 100, 100));
    assert_int_equal(rd(&r, ISR, 2), INT_ROK | INT_RXOVW);
    assert_false(dm_net_room(&r.net->net, 100));
    accepts = r.net->accepts;
    wr(&r, ISR, 2, 0xffff);
    fake_advance(&r.f, 100 * DM_NS_PER_MS);
    assert_int_equal(r.net->accepts, accepts); /* still none */
    assert_int_equal(rd(&r, ISR, 2), 0);       /* told once */
    rig_set_desc(&r, RIG_RX_RING, 0, DESC_OWN | 1536, 0, RIG_RX_BUF);
    fake_advance(&r.f, 40 * DM_NS_PER_MS);
    assert_int_equal(r.net->accepts, accepts + 1);
    assert_true(dm_clock_deadline(&r.f.clock) == DM_NEVER);
    assert_true(bring(&r, frame, 100, 100));
    assert_false(bring(&r, frame, 100, 101));
    rig_set_desc(&r, RIG_RX_RING, 1, DESC_OWN | 1536, 0, RIG_RX_BUF);
    wr(&r, IMR, 2, 0xffff); /* as NAPI ends */
    assert_int_equal(r.net->accepts, accepts + 2);
    assert_int_equal(rd(&r, MPC, 4), 0);
    rig_finish(&r);
}

static void test_cplus_hostile(void **state)
{
    uint8_t frame[1514];
    struct rig r;

    (void)state;
    rig_setup(&r);
    /* All descriptors are the card's, none has a byte, none is the last. */
    rig_start_cplus(&r, 0);
    for (unsigned i = 0; i < RTL_RING_MAX; i++)
        rig_set_desc(&r, RIG_RX_RING, i, DESC_OWN, 0, RIG_RX_BUF);
    assert_true(dm_net_room(&r.net->net, 100));
    assert_true(bring(&r, frame, 100, 0));
    assert_int_equal(rd(&r, MPC, 4), 1);
    assert_int_equal(rd(&r, ISR, 2), INT_RXOVW);
    assert_int_equal(r.net->net.rx.dropped, 1);
    /* A ring of one that is too small. */
    rig_start_cplus(&r, 0);
    rig_set_desc(&r, RIG_RX_RING, 0, DESC_OWN | DESC_EOR | 64, 0, RIG_RX_BUF);
    assert_true(bring(&r, frame, 100, 0));
    assert_int_equal(rd(&r, MPC, 4), 1);
    assert_true(bring(&r, frame, 60, 0));
    assert_int_equal(rd(&r, MPC, 4), 1);
    /* No memory for the ring, or for the buffer. */
    rig_start_cplus(&r, 0);
    wr(&r, RDSAR + 4, 4, 0xffffffff);
    assert_true(bring(&r, frame, 100, 0));
    assert_int_equal(rd(&r, ISR, 2), INT_SERR | INT_RXOVW);
    rig_start_cplus(&r, 0);
    rig_set_desc(&r, RIG_RX_RING, 0, DESC_OWN | 1536, 0, UINT64_MAX - 16);
    assert_true(bring(&r, frame, 100, 0));
    assert_int_equal(rd(&r, ISR, 2), INT_SERR | INT_ROK);
    /* A buffer over the ring: the status comes last. */
    rig_start_cplus(&r, 0);
    rig_set_desc(&r, RIG_RX_RING, 0, DESC_OWN | 1536, 0, RIG_RX_RING);
    assert_true(bring(&r, frame, 100, 0));
    assert_int_equal(rig_opts(&r, RIG_RX_RING, 0), DESC_FS | DESC_LS | 0x02000000 | 104);
    /* Larger than a descriptor can say. */
    {
        static uint8_t large[9000];

        assert_true(bring(&r, large, sizeof(large), 0));
        assert_int_equal(rd(&r, MPC, 4), 1);
    }
    rig_finish(&r);
}

static void test_vlan_untag(void **state)
{
    uint8_t frame[200];
    struct rig r;

    (void)state;
    rig_setup(&r);
    for (unsigned i = 0; i < 3; i++) {
        struct dm_iov two[2] = { { frame, 17 }, { frame + 17, 183 } };
        const uint8_t *got = r.f.ram + RIG_RX_BUF;

        rig_start_cplus(&r, i ? CPCR_RXVLAN : 0);
        rig_frame(frame, sizeof(frame), (uint8_t)i);
        memcpy(frame + 12, "\x81\x00\x01\x23", 4);
        assert_true(dm_net_receive(&r.net->net, two, i == 2 ? 2 : 1, i == 2 ? 200 : 17, NULL) ||
                    i != 2);
        if (i != 2) {
            rig_start_cplus(&r, i ? CPCR_RXVLAN : 0);
            assert_true(fake_net_bring(r.net, frame, 200, NULL));
        }
        if (i == 0) {
            assert_memory_equal(got, frame, 200);
            assert_int_equal(dm_get_le(rig_desc(&r, RIG_RX_RING, 0) + 4, 4), 0);
            continue;
        }
        assert_int_equal(rig_opts(&r, RIG_RX_RING, 0) & RXD_SIZE, 200);
        assert_int_equal(dm_get_le(rig_desc(&r, RIG_RX_RING, 0) + 4, 4), RXD2_TAVA | 0x2301);
        assert_memory_equal(got, frame, 12);
        assert_memory_equal(got + 12, frame + 16, 184);
    }
    rig_finish(&r);
}

static void test_checksum_status(void **state)
{
    static const struct {
        unsigned proto, off, val; /* a byte changed, if off is not 0 */
        uint32_t status;
    } t[] = {
        { 6, 0, 0, RXD_TCP },
        { 17, 0, 0, RXD_UDP },
        { 6, 60, 0xff, RXD_TCP | RXD_TCPF },
        { 17, 60, 0xff, RXD_UDP | RXD_UDPF },
        { 6, 15, 0x7f, RXD_TCP | RXD_IPF },
        { 6, 14, 0x41, RXD_IP | RXD_IPF },
        { 6, 14, 0x65, 0 }, /* no IPv4 */
        { 6, 12, 0x86, 0 },
        { 6, 16, 0xff, RXD_IP | RXD_IPF }, /* longer than the frame */
        { 6, 20, 0x20, RXD_IP | RXD_IPF }, /* a fragment (and its sum is wrong) */
        { 6, 23, 1, RXD_IP | RXD_IPF },    /* another protocol */
    };
    struct rig r;

    (void)state;
    rig_setup(&r);
    for (unsigned i = 0; i < DM_ARRAY_LEN(t); i++) {
        uint8_t frame[300];
        size_t len = rig_ip_frame(frame, t[i].proto, 101);
        unsigned at = t[i].proto == 6 ? 16 : 6;

        dm_put_be(frame + 24, 2, rig_sum(frame + 14, 20, 0));
        dm_put_be(frame + 34 + at, 2,
                  rig_sum(frame + 34, len - 34, rig_pseudo(frame + 14, len - 34)));
        if (t[i].off)
            frame[t[i].off] = (uint8_t)t[i].val;
        rig_start_cplus(&r, CPCR_RXCHKSUM);
        assert_true(fake_net_bring(r.net, frame, len, NULL));
        assert_int_equal(rig_opts(&r, RIG_RX_RING, 0) & 0x3e000, t[i].status);
    }
    /* A UDP packet without a sum, a frame whose sum the host left to do, and one that is checked.
     */
    for (unsigned i = 0; i < 3; i++) {
        uint8_t frame[300];
        size_t len = rig_ip_frame(frame, 17, 100);
        struct dm_net_offload off = { 0 };

        dm_put_be(frame + 24, 2, rig_sum(frame + 14, 20, 0));
        if (i == 1) {
            dm_put_be(frame + 40, 2, (uint16_t)~rig_sum(NULL, 0, rig_pseudo(frame + 14, len - 34)));
            off = (struct dm_net_offload) { .flags = DM_NET_F_NEEDS_CSUM,
                                            .csum_start = 34,
                                            .csum_offset = 6 };
        } else if (i == 2) {
            off.flags = DM_NET_F_DATA_VALID;
            frame[40] = 0x12; /* not what it should be: the host has looked */
        }
        rig_start_cplus(&r, CPCR_RXCHKSUM);
        assert_true(fake_net_bring(r.net, frame, len, &off));
        assert_int_equal(rig_opts(&r, RIG_RX_RING, 0) & 0x3e000, RXD_UDP);
        if (i == 1) { /* done by now */
            const uint8_t *got = r.f.ram + RIG_RX_BUF;

            assert_int_equal(rig_sum(got + 34, len - 34, rig_pseudo(got + 14, len - 34)), 0);
        }
    }
    rig_finish(&r);
}

UNIT_MAIN(cmocka_unit_test(test_crc), cmocka_unit_test(test_c_ring_sizes),
          cmocka_unit_test(test_c_backpressure), cmocka_unit_test(test_c_unread),
          cmocka_unit_test(test_c_hostile_pointers), cmocka_unit_test(test_filters),
          cmocka_unit_test(test_off), cmocka_unit_test(test_c_restart),
          cmocka_unit_test(test_short), cmocka_unit_test(test_cplus_descriptors),
          cmocka_unit_test(test_cplus_fragments), cmocka_unit_test(test_cplus_backpressure),
          cmocka_unit_test(test_cplus_hostile), cmocka_unit_test(test_vlan_untag),
          cmocka_unit_test(test_checksum_status))
