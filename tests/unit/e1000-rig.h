/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An e1000 with its BARs mapped, rings in memory, a network behind it. */
#ifndef E1000_RIG_H
#define E1000_RIG_H

#include "tests/unit/unit.h"

#include "dm/net-offload.h"
#include "hw/classes.h"
#include "hw/net/e1000-regs.h"
#include "hw/net/e1000.h"

#include <errno.h>
#include <stdlib.h>

#define RIG_BAR     0xe0000000u
#define RIG_IO      0xc000
#define RIG_FN      PCI_DEVFN(0, 0)
#define RIG_TX      0x10000u /* rings */
#define RIG_RX      0x20000u
#define RIG_TX_BUF  0x100000u /* buffers, 16 KiB apart */
#define RIG_RX_BUF  0x200000u
#define RIG_BUF     0x4000u
#define RIG_MAC     "52:54:00:12:34:56"
#define RIG_TXD_CMD (TXD_EOP | 0x02000000u) /* EOP, IFCS */

static const struct dm_class *const rig_classes[] = { &e1000_class, NULL };
static const uint8_t rig_mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

struct rig {
    struct fake f;
    struct fake_net *net;
    struct e1000 *dev;
};

static inline uint32_t rd(struct rig *r, unsigned reg)
{
    return (uint32_t)fake_load(&r->f, RIG_BAR + reg, 4);
}

static inline void wr(struct rig *r, unsigned reg, uint32_t val)
{
    fake_store(&r->f, RIG_BAR + reg, 4, val);
}

static inline bool rig_irq(struct rig *r)
{
    return r->f.intx[0][0];
}

static inline void rig_map(struct rig *r)
{
    fake_config_out(&r->f, RIG_FN, PCI_BAR0, 4, RIG_BAR);
    fake_config_out(&r->f, RIG_FN, PCI_BAR0 + 4, 4, RIG_IO);
    fake_config_out(&r->f, RIG_FN, PCI_COMMAND, 2,
                    PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static inline struct rig *rig_create(void)
{
    struct rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    fake_init(&r->f, rig_classes);
    r->net = fake_net_create(&r->f, "net0");
    r->dev = fake_device(&r->f, "e1000", "id=nic0,netdev=net0,mac=" RIG_MAC);
    rig_map(r);
    return r;
}

static inline int rig_setup(void **state)
{
    *state = rig_create();
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *r = *state;

    fake_finish(&r->f);
    free(r);
    return 0;
}

/* The transmit ring of n descriptors, empty, and enabled. */
static inline void rig_tx_start(struct rig *r, unsigned n)
{
    wr(r, TDBAL, RIG_TX);
    wr(r, TDBAH, 0);
    wr(r, TDLEN, n * DESC_SIZE);
    wr(r, TDH, 0);
    wr(r, TDT, 0);
    wr(r, TCTL, TCTL_EN | TCTL_PSP);
}

/* The receive ring of n descriptors with buffers, all but one given to the card, and enabled. */
static inline void rig_rx_start(struct rig *r, unsigned n, uint32_t rctl)
{
    for (unsigned i = 0; i < n; i++) {
        memset(r->f.ram + RIG_RX + i * DESC_SIZE, 0, DESC_SIZE);
        dm_put_le(r->f.ram + RIG_RX + i * DESC_SIZE, 8, RIG_RX_BUF + i * RIG_BUF);
    }
    wr(r, RDBAL, RIG_RX);
    wr(r, RDBAH, 0);
    wr(r, RDLEN, n * DESC_SIZE);
    wr(r, RDH, 0);
    wr(r, RDT, n - 1);
    wr(r, RCTL, rctl | RCTL_EN);
}

/* A descriptor of the transmit ring. */
static inline void rig_txd(struct rig *r, unsigned i, uint64_t addr, uint32_t cmd, uint32_t status)
{
    uint8_t *d = r->f.ram + RIG_TX + i * DESC_SIZE;

    dm_put_le(d, 8, addr);
    dm_put_le(d + 8, 4, cmd);
    dm_put_le(d + 12, 4, status);
}

/* A context descriptor of it. */
static inline void rig_context(struct rig *r, unsigned i, const struct e1000_context *c,
                               uint32_t paylen)
{
    uint64_t low = c->ipcss | (uint64_t)c->ipcso << 8 | (uint64_t)c->ipcse << 16 |
                   (uint64_t)c->tucss << 32 | (uint64_t)c->tucso << 40 | (uint64_t)c->tucse << 48;

    rig_txd(r, i, low, TXD_DEXT | c->cmd | paylen,
            (uint32_t)c->mss << 16 | (uint32_t)c->hdrlen << 8);
}

static inline uint8_t rig_txd_status(struct rig *r, unsigned i)
{
    return r->f.ram[RIG_TX + i * DESC_SIZE + 12];
}

struct rig_rxd {
    uint16_t len, sum, special;
    uint8_t status, errors;
    const uint8_t *data;
};

static inline struct rig_rxd rig_rxd(struct rig *r, unsigned i)
{
    const uint8_t *d = r->f.ram + RIG_RX + i * DESC_SIZE;

    return (struct rig_rxd) { .len = (uint16_t)dm_get_le(d + 8, 2),
                              .sum = (uint16_t)dm_get_le(d + 10, 2),
                              .status = d[12],
                              .errors = d[13],
                              .special = (uint16_t)dm_get_le(d + 14, 2),
                              .data = r->f.ram + dm_get_le(d, 8) };
}

/* A frame to the card's address, with a pattern as its payload. */
static inline void rig_frame(uint8_t *frame, size_t len)
{
    for (size_t i = 0; i < len; i++)
        frame[i] = (uint8_t)(i * 7 + i / 256);
    memcpy(frame, rig_mac, 6);
    memcpy(frame + 6, "\x00\x16\x3e\x01\x02\x03\x88\xb5", 8);
}

/* An IPv4 (or v6) TCP or UDP frame with right sums. Returns the offset of the L4 header. */
static inline size_t rig_ip_frame(uint8_t *frame, size_t len, bool v6, uint8_t proto)
{
    size_t ip = 14, l4 = v6 ? 54 : 34, at = l4 + (proto == 6 ? 16 : 6);
    uint32_t sum;

    rig_frame(frame, len);
    memset(frame + ip, 0, l4 - ip);
    dm_put_be(frame + 12, 2, v6 ? 0x86dd : 0x0800);
    if (v6) {
        frame[ip] = 0x60;
        dm_put_be(frame + ip + 4, 2, len - l4);
        frame[ip + 6] = proto;
        frame[ip + 7] = 64;
        for (unsigned i = 8; i < 40; i++)
            frame[ip + i] = (uint8_t)(i * 3);
        sum = dm_net_sum(0, frame + ip + 8, 32, false);
    } else {
        frame[ip] = 0x45;
        dm_put_be(frame + ip + 2, 2, len - ip);
        dm_put_be(frame + ip + 4, 2, 0x1234);
        frame[ip + 8] = 64;
        frame[ip + 9] = proto;
        memcpy(frame + ip + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
        dm_put_be(frame + ip + 10, 2, dm_net_sum_fold(dm_net_sum(0, frame + ip, 20, false)));
        sum = dm_net_sum(0, frame + ip + 12, 8, false);
    }
    if (proto == 6) {
        frame[l4 + 12] = 0x50;
        frame[l4 + 13] = 0x19; /* FIN, PSH, ACK */
    } else {
        dm_put_be(frame + l4 + 4, 2, len - l4);
    }
    dm_put_be(frame + at, 2, 0);
    sum += proto + (uint32_t)(len - l4);
    dm_put_be(frame + at, 2, dm_net_sum_fold(dm_net_sum(sum, frame + l4, len - l4, false)));
    return l4;
}

/* The frame number n that went out. */
static inline const uint8_t *rig_sent(struct rig *r, unsigned n, size_t *len)
{
    assert_true(n < r->net->sent_count);
    *len = r->net->sent[n % FAKE_NET_FRAMES].len;
    return r->net->sent[n % FAKE_NET_FRAMES].data;
}

#define RIG_TEST(t) cmocka_unit_test_setup_teardown(t, rig_setup, rig_teardown)

#endif
