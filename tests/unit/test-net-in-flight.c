/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames in flight while a machine is stopped and saved, with each network card: what the
 * guest gave its card and the host has not, what the card gave the guest, what the card refused.
 * Whether the guest goes on here or from the stream elsewhere, each arrives once, in order.
 */
#include "tests/unit/unit.h"

#include "hw/classes.h"
#include "hw/net/rtl8139-regs.h"

#include <stdlib.h>

#define BAR_MEM  0xf0000000u
#define BAR_IO   0xc000
#define TX_RING  0x10000u
#define RX_RING  0x11000u
#define TX_BUF   0x20000u /* 4 KiB each */
#define RX_BUF   0x80000u
#define RX_DESCS 8
#define LEN      1000
#define TX_COUNT 4 /* frames that are sent: as many as the C mode has slots */

struct guest;

/* A card with a driver of a few lines. */
struct card {
    const char *name, *model;
    void (*start)(struct guest *g);
    void (*send)(struct guest *g, unsigned n); /* frame n, from its buffer */
    /* The driver's next frame, or NULL. Its place is the card's again. */
    const uint8_t *(*take)(struct guest *g);
};

struct guest {
    struct fake f;
    struct fake_net *net;
    const struct card *card;
    unsigned taken; /* by the driver: goes with the guest */
    unsigned at;    /* C mode: offset in the ring */
};

static const struct dm_class *const classes[] = { &e1000_class, &rtl8139_class, NULL };

static void frame_make(uint8_t *frame, unsigned n)
{
    memset(frame, (int)n + 1, LEN);
    memcpy(frame, "\x52\x54\x00\x12\x34\x56\x52\x54\x00\x00\x00\x01\x88\xb5", 14);
}

static bool frame_is(const uint8_t *frame, unsigned n)
{
    uint8_t want[LEN];

    frame_make(want, n);
    return !memcmp(frame, want, LEN);
}

/* e1000: some of e1000-regs.h, which has names of rtl8139-regs.h too. */

enum {
    E_IMS = 0xd0,
    E_RCTL = 0x100,
    E_TCTL = 0x400,
    E_RDBAL = 0x2800,
    E_RDLEN = 0x2808,
    E_RDT = 0x2818,
    E_TDBAL = 0x3800,
    E_TDLEN = 0x3808,
    E_TDT = 0x3818,
};

static void e1000_set(struct guest *g, unsigned reg, uint32_t val)
{
    fake_store(&g->f, BAR_MEM + reg, 4, val);
}

static void e1000_start(struct guest *g)
{
    for (unsigned i = 0; i < RX_DESCS; i++)
        dm_put_le(g->f.ram + RX_RING + 16 * i, 8, RX_BUF + 0x1000 * i);
    e1000_set(g, E_TDBAL, TX_RING);
    e1000_set(g, E_TDLEN, 16 * 16);
    e1000_set(g, E_RDBAL, RX_RING);
    e1000_set(g, E_RDLEN, 16 * RX_DESCS);
    e1000_set(g, E_RDT, RX_DESCS - 1);
    e1000_set(g, E_TCTL, 1u << 1);
    e1000_set(g, E_RCTL, 1u << 1 | 1u << 26);
    e1000_set(g, E_IMS, 0x81);
}

static void e1000_send(struct guest *g, unsigned n)
{
    uint8_t *d = g->f.ram + TX_RING + 16 * n;

    dm_put_le(d, 8, TX_BUF + 0x1000 * n);
    dm_put_le(d + 8, 4, LEN | 0x09000000 /* EOP, RS */);
    dm_put_le(d + 12, 4, 0);
    e1000_set(g, E_TDT, n + 1);
}

static const uint8_t *e1000_take(struct guest *g)
{
    unsigned i = g->taken % RX_DESCS;
    uint8_t *d = g->f.ram + RX_RING + 16 * i;

    if (!(d[12] & 1))
        return NULL;
    d[12] = 0;
    e1000_set(g, E_RDT, i);
    g->taken++;
    return g->f.ram + RX_BUF + 0x1000 * i;
}

/* rtl8139 */

static void rtl_set(struct guest *g, unsigned reg, unsigned size, uint32_t val)
{
    fake_out(&g->f, (uint16_t)(BAR_IO + reg), size, val);
}

static void c_slot(struct guest *g, unsigned slot, unsigned n)
{
    rtl_set(g, TSAD0 + 4 * slot, 4, TX_BUF + 0x1000 * n);
    rtl_set(g, TSD0 + 4 * slot, 4, LEN);
}

/* Two slots have been used, so that the frames' order is not that of the slots. */
static void c_start(struct guest *g)
{
    rtl_set(g, RBSTART, 4, RX_BUF);
    rtl_set(g, CR, 1, CR_RE | CR_TE);
    rtl_set(g, RCR, 4, RCR_APM | RCR_WRAP);
    rtl_set(g, IMR, 2, INT_ROK | INT_TOK);
    c_slot(g, 0, 0);
    c_slot(g, 1, 0);
    rtl_set(g, ISR, 2, INT_TOK);
    g->net->sent_count = 0;
}

static void c_send(struct guest *g, unsigned n)
{
    c_slot(g, (n + 2) % 4, n);
}

static const uint8_t *c_take(struct guest *g)
{
    const uint8_t *p = g->f.ram + RX_BUF + g->at;

    if (fake_in(&g->f, BAR_IO + CR, 1) & CR_BUFE)
        return NULL;
    assert_int_equal(dm_get_le(p + 2, 2), LEN + 4);
    g->at = (g->at + LEN + 4 + 4 + 3) & ~3u & 8191;
    g->taken++;
    rtl_set(g, CAPR, 2, g->at - 16);
    return p + 4;
}

static void cplus_start(struct guest *g)
{
    for (unsigned i = 0; i < RX_DESCS; i++) {
        uint8_t *d = g->f.ram + RX_RING + 16 * i;

        dm_put_le(d, 4, DESC_OWN | 0x1000 | (i == RX_DESCS - 1 ? DESC_EOR : 0));
        dm_put_le(d + 8, 8, RX_BUF + 0x1000 * i);
    }
    rtl_set(g, CPCR, 2, CPCR_TX | CPCR_RX);
    rtl_set(g, RDSAR, 4, RX_RING);
    rtl_set(g, TNPDS, 4, TX_RING);
    rtl_set(g, CR, 1, CR_RE | CR_TE);
    rtl_set(g, RCR, 4, RCR_APM);
    rtl_set(g, IMR, 2, INT_ROK | INT_TOK);
}

static void cplus_send(struct guest *g, unsigned n)
{
    uint8_t *d = g->f.ram + TX_RING + 16 * n;

    dm_put_le(d, 4, DESC_OWN | DESC_FS | DESC_LS | LEN);
    dm_put_le(d + 4, 4, 0);
    dm_put_le(d + 8, 8, TX_BUF + 0x1000 * n);
    rtl_set(g, TPPOLL, 1, TPPOLL_NPQ);
}

static const uint8_t *cplus_take(struct guest *g)
{
    unsigned i = g->taken % RX_DESCS;
    uint8_t *d = g->f.ram + RX_RING + 16 * i;

    if (dm_get_le(d, 4) & DESC_OWN)
        return NULL;
    dm_put_le(d, 4, DESC_OWN | 0x1000 | (i == RX_DESCS - 1 ? DESC_EOR : 0));
    rtl_set(g, ISR, 2, INT_ROK);
    g->taken++;
    return g->f.ram + RX_BUF + 0x1000 * i;
}

static const struct card cards[] = {
    { "e1000", "e1000", e1000_start, e1000_send, e1000_take },
    { "rtl8139, C mode", "rtl8139", c_start, c_send, c_take },
    { "rtl8139, C+ mode", "rtl8139", cplus_start, cplus_send, cplus_take },
};

/* Machines */

static void guest_create(struct guest *g, const struct card *card)
{
    bool io_first = !strcmp(card->model, "rtl8139");

    *g = (struct guest) { .card = card };
    fake_init(&g->f, classes);
    g->net = fake_net_create(&g->f, "net0");
    fake_device(&g->f, card->model, "netdev=net0,mac=52:54:00:12:34:56");
    fake_config_out(&g->f, 0, PCI_BAR0, 4, io_first ? BAR_IO : BAR_MEM);
    fake_config_out(&g->f, 0, PCI_BAR0 + 4, 4, io_first ? BAR_MEM : BAR_IO);
    fake_config_out(&g->f, 0, PCI_COMMAND, 2,
                    PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void guest_boot(struct guest *g, const struct card *card)
{
    guest_create(g, card);
    dm_machine_set_run_state(&g->f.machine, DM_RUNNING);
    card->start(g);
    for (unsigned n = 0; n < TX_COUNT; n++)
        frame_make(g->f.ram + TX_BUF + 0x1000 * n, n);
}

static bool bring(struct guest *g, unsigned n)
{
    uint8_t frame[LEN];

    frame_make(frame, n);
    return fake_net_bring(g->net, frame, LEN, NULL);
}

/* Stops the guest, and saves it. */
static void guest_save(struct guest *g, struct dm_buf *buf)
{
    struct dm_error err;

    dm_machine_set_run_state(&g->f.machine, DM_PAUSED);
    assert_int_equal(dm_state_save(&g->f.machine, buf, &err), 0);
}

/* The same guest with its memory, elsewhere. Not running yet. */
static void guest_load(struct guest *to, const struct guest *from, struct dm_buf *buf)
{
    struct dm_error err = { { 0 } };

    guest_create(to, from->card);
    dm_machine_set_run_state(&to->f.machine, DM_PAUSED);
    memcpy(to->f.ram, from->f.ram, FAKE_RAM_SIZE);
    to->taken = from->taken;
    to->at = from->at;
    if (dm_state_load(&to->f.machine, buf->data, buf->len, &err))
        fail_msg("%s: %s", from->card->name, err.text);
    dm_buf_finish(buf);
}

static void check_sent(const struct guest *g, unsigned first, unsigned count)
{
    assert_int_equal(g->net->sent_count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(g->net->sent[i].len, LEN);
        assert_true(frame_is(g->net->sent[i].data, first + i));
    }
}

/* From the guest: of so many the host has room for only some when the guest stops. */
static void send(const struct card *card, unsigned room, bool elsewhere)
{
    struct dm_buf buf = { 0 };
    struct guest g, to;

    guest_boot(&g, card);
    g.net->room = room;
    for (unsigned n = 0; n < TX_COUNT; n++)
        card->send(&g, n);
    fake_advance(&g.f, DM_NS_PER_MS);
    check_sent(&g, 0, room);
    guest_save(&g, &buf);
    /* The host has room again, but what would go out now goes out elsewhere too. */
    fake_net_writable(g.net, SIZE_MAX);
    fake_advance(&g.f, DM_NS_PER_SEC);
    check_sent(&g, 0, room);
    if (elsewhere) {
        guest_load(&to, &g, &buf);
        fake_advance(&to.f, DM_NS_PER_SEC);
        check_sent(&to, 0, 0);
        dm_machine_set_run_state(&to.f.machine, DM_RUNNING);
        fake_advance(&to.f, DM_NS_PER_SEC);
        check_sent(&to, room, TX_COUNT - room);
        assert_true(to.f.intx[0][0]);
        fake_finish(&to.f);
    } else {
        dm_machine_set_run_state(&g.f.machine, DM_RUNNING);
        fake_advance(&g.f, DM_NS_PER_SEC);
        check_sent(&g, 0, TX_COUNT);
        dm_buf_finish(&buf);
    }
    fake_finish(&g.f);
}

static void test_send_here(void **state)
{
    for (unsigned i = 0; i < DM_ARRAY_LEN(cards); i++)
        for (unsigned room = 0; room <= TX_COUNT; room++)
            send(&cards[i], room, false);
}

static void test_send_elsewhere(void **state)
{
    for (unsigned i = 0; i < DM_ARRAY_LEN(cards); i++)
        for (unsigned room = 0; room <= TX_COUNT; room++)
            send(&cards[i], room, true);
}

/* The driver finds frames [first, last), and no other. */
static void check_taken(struct guest *g, unsigned first, unsigned last)
{
    for (unsigned n = first; n < last; n++) {
        const uint8_t *frame = g->card->take(g);

        if (!frame || !frame_is(frame, n))
            fail_msg("%s: frame %u is %s", g->card->name, n, frame ? "another one" : "missing");
    }
    assert_null(g->card->take(g));
}

/* To the guest: its card has some, which the driver has not seen; it may be full. */
static void receive(const struct card *card, unsigned count, unsigned seen, bool elsewhere)
{
    struct dm_buf buf = { 0 };
    struct guest g, to, *on = &g;
    unsigned n = 0;

    guest_boot(&g, card);
    while (n < count && bring(&g, n))
        n++;
    for (unsigned i = 0; i < seen && i < n; i++)
        assert_true(frame_is(card->take(&g), i));
    guest_save(&g, &buf);
    assert_false(dm_net_room(&g.net->net, LEN));
    assert_false(bring(&g, n)); /* waits at the host */
    if (elsewhere) {
        guest_load(&to, &g, &buf);
        on = &to;
    } else {
        dm_buf_finish(&buf);
    }
    assert_false(bring(on, n));
    dm_machine_set_run_state(&on->f.machine, DM_RUNNING);
    fake_advance(&on->f, DM_NS_PER_MS);
    assert_true(on->f.intx[0][0] || n == 0 || seen);
    if (seen >= n) /* there is room at once */
        assert_true(bring(on, n));
    check_taken(on, seen < n ? seen : n, seen < n ? n : n + 1);
    fake_advance(&on->f, DM_NS_PER_SEC);
    if (seen < n)
        assert_true(bring(on, n));
    for (unsigned i = n + 1; i < n + 20; i++) {
        if (seen < n || i > n + 1)
            check_taken(on, i - 1, i);
        assert_true(bring(on, i));
    }
    if (elsewhere)
        fake_finish(&to.f);
    fake_finish(&g.f);
}

static void test_receive_here(void **state)
{
    for (unsigned i = 0; i < DM_ARRAY_LEN(cards); i++) {
        receive(&cards[i], 3, 0, false);
        receive(&cards[i], 100, 0, false); /* until it is full */
        receive(&cards[i], 100, 2, false);
        receive(&cards[i], 3, 3, false);
    }
}

static void test_receive_elsewhere(void **state)
{
    for (unsigned i = 0; i < DM_ARRAY_LEN(cards); i++) {
        receive(&cards[i], 3, 0, true);
        receive(&cards[i], 100, 0, true);
        receive(&cards[i], 100, 2, true);
        receive(&cards[i], 3, 3, true);
    }
}

UNIT_MAIN(cmocka_unit_test(test_send_here), cmocka_unit_test(test_send_elsewhere),
          cmocka_unit_test(test_receive_here), cmocka_unit_test(test_receive_elsewhere))
