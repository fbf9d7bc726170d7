/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An RTL8139 with a fake network, and the moves that its drivers make. */
#ifndef RTL8139_RIG_H
#define RTL8139_RIG_H

#include "hw/classes.h"
#include "hw/net/ether-crc.h"
#include "hw/net/rtl8139.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define RIG_IO       0xc100
#define RIG_MEM      0xf0000000u
#define RIG_DEVFN    PCI_DEVFN(0, 0)
#define RIG_TX_RING  0x10000 /* C+ */
#define RIG_RX_RING  0x11000
#define RIG_HI_RING  0x12000
#define RIG_RX_BUF   0x20000 /* C: the ring; C+: buffers of 2 KiB */
#define RIG_TX_BUF   0x80000
#define RIG_RX_DESCS 8

struct rig {
    struct fake f;
    struct fake_net *net;
    struct rtl8139 *s;
};

static const uint8_t rig_mac[] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
static const struct dm_class *const rig_classes[] = { &rtl8139_class, NULL };

static inline uint32_t rd(struct rig *r, unsigned reg, unsigned size)
{
    return fake_in(&r->f, (uint16_t)(RIG_IO + reg), size);
}

static inline void wr(struct rig *r, unsigned reg, unsigned size, uint32_t val)
{
    fake_out(&r->f, (uint16_t)(RIG_IO + reg), size, val);
}

static inline bool rig_irq(struct rig *r)
{
    return r->f.intx[0][0];
}

static inline void rig_setup(struct rig *r)
{
    fake_init(&r->f, rig_classes);
    r->net = fake_net_create(&r->f, "n0");
    r->s = fake_device(&r->f, "rtl8139", "netdev=n0,mac=52:54:00:12:34:56,addr=0");
    fake_config_out(&r->f, RIG_DEVFN, PCI_BAR0, 4, RIG_IO);
    fake_config_out(&r->f, RIG_DEVFN, PCI_BAR0 + 4, 4, RIG_MEM);
    fake_config_out(&r->f, RIG_DEVFN, PCI_COMMAND, 2,
                    PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static inline void rig_finish(struct rig *r)
{
    fake_finish(&r->f);
}

/* As 8139too starts the chip. rcr: beside the filter for us and for all. */
static inline void rig_start_c(struct rig *r, uint32_t rcr)
{
    wr(r, CR, 1, CR_RST);
    wr(r, RBSTART, 4, RIG_RX_BUF);
    wr(r, CR, 1, CR_RE | CR_TE);
    wr(r, RCR, 4, RCR_APM | RCR_AB | rcr);
    wr(r, IMR, 2, 0xe1ff);
}

static inline uint8_t *rig_desc(struct rig *r, uint32_t ring, unsigned i)
{
    return r->f.ram + ring + i * DESC_SIZE;
}

static inline void rig_set_desc(struct rig *r, uint32_t ring, unsigned i, uint32_t opts,
                                uint32_t opts2, uint64_t addr)
{
    dm_put_le(rig_desc(r, ring, i), 4, opts);
    dm_put_le(rig_desc(r, ring, i) + 4, 4, opts2);
    dm_put_le(rig_desc(r, ring, i) + 8, 8, addr);
}

static inline uint32_t rig_opts(struct rig *r, uint32_t ring, unsigned i)
{
    return (uint32_t)dm_get_le(rig_desc(r, ring, i), 4);
}

/* As 8139cp does, with RIG_RX_DESCS receive buffers of 1536 bytes. */
static inline void rig_start_cplus(struct rig *r, uint32_t cpcr)
{
    wr(r, CR, 1, CR_RST);
    wr(r, CPCR, 2, CPCR_TX | CPCR_RX | cpcr);
    wr(r, RDSAR, 4, RIG_RX_RING);
    wr(r, RDSAR + 4, 4, 0);
    wr(r, TNPDS, 4, RIG_TX_RING);
    wr(r, TNPDS + 4, 4, 0);
    wr(r, THPDS, 4, RIG_HI_RING);
    wr(r, CR, 1, CR_RE | CR_TE);
    wr(r, RCR, 4, RCR_APM | RCR_AB);
    wr(r, IMR, 2, 0xe1ff);
    for (unsigned i = 0; i < RIG_RX_DESCS; i++)
        rig_set_desc(r, RIG_RX_RING, i, DESC_OWN | 1536 | (i == RIG_RX_DESCS - 1 ? DESC_EOR : 0), 0,
                     RIG_RX_BUF + 2048 * i);
}

/* A frame to us with a pattern. */
static inline void rig_frame(uint8_t *frame, size_t len, uint8_t seed)
{
    for (size_t i = 0; i < len; i++)
        frame[i] = (uint8_t)(seed + i * 7);
    memcpy(frame, rig_mac, 6);
    memcpy(frame + 6, "\x52\x54\x00\x00\x00\x01", 6);
    dm_put_be(frame + 12, 2, 0x88b5);
}

/* A TCP or UDP packet in a frame of IPv4; sums are not set. Returns its length. */
static inline size_t rig_ip_frame(uint8_t *frame, unsigned proto, size_t payload)
{
    size_t l4 = proto == 6 ? 20 : 8, total = 20 + l4 + payload;

    rig_frame(frame, DM_NET_ETH_LEN + total, (uint8_t)payload);
    dm_put_be(frame + 12, 2, 0x0800);
    memset(frame + 14, 0, 20 + l4);
    frame[14] = 0x45;
    dm_put_be(frame + 16, 2, total);
    frame[22] = 64;
    frame[23] = (uint8_t)proto;
    dm_put_be(frame + 26, 4, 0x0a000001);
    dm_put_be(frame + 30, 4, 0x0a000002);
    if (proto == 6) {
        dm_put_be(frame + 38, 4, 1000);
        frame[46] = 0x50;
        frame[47] = 0x18;
    } else {
        dm_put_be(frame + 38, 2, 8 + payload);
    }
    return DM_NET_ETH_LEN + total;
}

/* RFC 1071, byte by byte: apart from what is tested. */
static inline uint16_t rig_sum(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static inline uint32_t rig_pseudo(const uint8_t *ip, size_t l4_len)
{
    uint32_t sum = ip[9] + (uint32_t)l4_len;

    for (int i = 12; i < 20; i += 2)
        sum += (uint32_t)dm_get_be(ip + i, 2);
    return sum;
}

/* The last frame that went to the host. */
static inline const uint8_t *rig_sent(struct rig *r, size_t *len)
{
    unsigned i = (r->net->sent_count - 1) % FAKE_NET_FRAMES;

    assert_true(r->net->sent_count > 0);
    *len = r->net->sent[i].len;
    return r->net->sent[i].data;
}

static inline const struct dm_net_offload *rig_sent_off(struct rig *r)
{
    return &r->net->sent[(r->net->sent_count - 1) % FAKE_NET_FRAMES].off;
}

#endif
