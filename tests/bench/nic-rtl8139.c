/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RTL8139C+ as Linux' drivers work it: 8139cp (descriptors, 64 each way) and 8139too
 * (four transmit slots, a ring of bytes).
 */
#include "dm/bytes.h"
#include "hw/net/rtl8139-regs.h"
#include "tests/bench/nic.h"

#include <string.h>

#define RING    64
#define CHUNK   4096u
#define BUDGET  64
#define RX_SIZE 1536
#define RX_IRQS (INT_ROK | INT_RER | INT_RXOVW | INT_FOVW)
#define TX_IRQS (INT_TOK | INT_TER)
#define FCS_LEN 4

static void rtl_set(struct nic *n, uint32_t reg, unsigned size, uint32_t val)
{
    nic_out(n, reg, size, val);
}

static uint32_t rtl_get(struct nic *n, uint32_t reg, unsigned size)
{
    return nic_in(n, reg, size);
}

static void rtl_reset(struct nic *n)
{
    rtl_set(n, CR, 1, CR_RST);
    while (rtl_get(n, CR, 1) & CR_RST)
        ;
}

/* 8139cp */

#define CP_IRQS (RX_IRQS | TX_IRQS | INT_TDU | INT_SERR | INT_LINKCHG)

static uint8_t *cp_desc(struct nic *n, uint32_t ring, unsigned i)
{
    return n->ram + ring + i % RING * DESC_SIZE;
}

static uint32_t cp_eor(unsigned i)
{
    return i % RING == RING - 1 ? DESC_EOR : 0;
}

static void cp_open(struct nic *n)
{
    for (unsigned i = 0; i < RING; i++) {
        dm_put_le(cp_desc(n, NIC_RX_RING, i), 4, DESC_OWN | cp_eor(i) | RX_SIZE);
        dm_put_le(cp_desc(n, NIC_RX_RING, i) + 8, 8, NIC_RAM + NIC_RX_BUF + i * NIC_BUF);
    }
    rtl_reset(n);
    rtl_set(n, CPCR, 2, CPCR_TX | CPCR_RX | CPCR_RXCHKSUM);
    rtl_set(n, THPDS, 4, 0);
    rtl_set(n, THPDS + 4, 4, 0);
    rtl_set(n, RDSAR, 4, NIC_RAM + NIC_RX_RING);
    rtl_set(n, RDSAR + 4, 4, 0);
    rtl_set(n, TNPDS, 4, NIC_RAM + NIC_TX_RING);
    rtl_set(n, TNPDS + 4, 4, 0);
    rtl_set(n, CR, 1, CR_RE | CR_TE);
    rtl_set(n, ETTHR, 1, 6);
    rtl_set(n, RCR, 4, 5 << 13 | 6 << 8 | RCR_AB | RCR_APM);
    rtl_set(n, TCR, 4, 3 << 24 | 6 << 8);
    rtl_set(n, IMR, 2, CP_IRQS);
    n->tx_free = RING - 1;
}

static bool cp_put(struct nic *n, const struct nic_frame *f)
{
    unsigned chunks = (f->len + CHUNK - 1) / CHUNK, first = n->tx_next;
    uint32_t opts = DESC_OWN | (f->mss ? TXD_LGSEN | (uint32_t)f->mss << TXD_MSS : 0);

    if (n->tx_free < chunks)
        return false;
    n->tx_free -= chunks;
    n->tx_next += chunks;
    n->tx_need[first % RING] = (uint8_t)chunks;
    for (unsigned i = chunks; i-- > 0;) { /* the first last: it is what the chip waits for */
        uint8_t *d = cp_desc(n, NIC_TX_RING, first + i);
        uint32_t here = i == chunks - 1 ? f->len - i * CHUNK : CHUNK;

        dm_put_le(d + 4, 4, 0);
        dm_put_le(d + 8, 8, NIC_RAM + f->at + i * CHUNK);
        dm_put_le(d, 4,
                  opts | cp_eor(first + i) | (i ? 0 : DESC_FS) | (i == chunks - 1 ? DESC_LS : 0) |
                      here);
    }
    return true;
}

static void cp_kick(struct nic *n)
{
    rtl_set(n, TPPOLL, 1, TPPOLL_NPQ);
}

static void cp_clean_tx(struct nic *n)
{
    while (n->tx_clean != n->tx_next) {
        unsigned need = n->tx_need[n->tx_clean % RING];
        const uint8_t *d = cp_desc(n, NIC_TX_RING, n->tx_clean + need - 1);
        uint32_t status = *(const volatile uint32_t *)(const void *)d;

        if (status & DESC_OWN)
            break;
        if (status & (TXD_TES | TXD_UNF))
            sim_fail(n->sim, "rtl8139: transmit status %#x", status);
        n->tx_clean += need;
        n->tx_free += need;
        n->sent++;
    }
}

static unsigned cp_poll_rx(struct nic *n)
{
    unsigned done;

    rtl_set(n, ISR, 2, RX_IRQS);
    for (done = 0; done < BUDGET; done++, n->rx_next++) {
        uint8_t *d = cp_desc(n, NIC_RX_RING, n->rx_next);
        uint32_t status = *(const volatile uint32_t *)(const void *)d;
        unsigned len = (status & RXD_SIZE) - FCS_LEN;

        if (status & DESC_OWN)
            break;
        if ((status & (DESC_FS | DESC_LS)) != (DESC_FS | DESC_LS))
            sim_fail(n->sim, "rtl8139: received status %#x", status);
        if (n->check)
            n->check(n, n->ram + NIC_RX_BUF + n->rx_next % RING * NIC_BUF, len);
        n->received++;
        n->received_bytes += len;
        dm_put_le(d + 4, 4, 0);
        dm_put_le(d, 4, DESC_OWN | cp_eor(n->rx_next) | RX_SIZE);
    }
    return done;
}

static void cp_interrupt(struct nic *n)
{
    uint32_t status;

    if (!rtl_get(n, IMR, 2))
        return;
    status = rtl_get(n, ISR, 2);
    if (!status)
        return;
    rtl_set(n, ISR, 2, status & ~(uint32_t)RX_IRQS);
    if (status & RX_IRQS) {
        rtl_set(n, IMR, 2, CP_IRQS & ~(uint32_t)RX_IRQS);
        rtl_get(n, IMR, 2);
    }
    if (status & (TX_IRQS | INT_TDU))
        cp_clean_tx(n);
    if (!(status & RX_IRQS))
        return;
    while (cp_poll_rx(n) == BUDGET)
        ;
    rtl_set(n, IMR, 2, CP_IRQS);
    rtl_get(n, IMR, 2);
}

const struct nic_card nic_rtl8139 = {
    .name = "rtl8139",
    .model = "rtl8139",
    .vendor = 0x10ec,
    .device = 0x8139,
    .bar = 1,
    .can_tso = true,
    .open = cp_open,
    .put = cp_put,
    .kick = cp_kick,
    .interrupt = cp_interrupt,
};

/* 8139too */

#define TOO_SLOTS 4
#define TOO_RING  32768u
#define RX_ACK    (INT_ROK | INT_RXOVW | INT_FOVW)
#define TOO_IRQS  (RX_IRQS | TX_IRQS | INT_SERR | INT_TIMEOUT | INT_LINKCHG)

static void too_open(struct nic *n)
{
    rtl_reset(n);
    rtl_set(n, CR, 1, CR_RE | CR_TE);
    rtl_set(n, RCR, 4, 7 << 13 | 2 << RCR_RBLEN | 7 << 8 | RCR_WRAP);
    rtl_set(n, TCR, 4, 6 << 8);
    rtl_set(n, RBSTART, 4, NIC_RAM + NIC_RX_BUF);
    for (unsigned i = 0; i < TOO_SLOTS; i++)
        rtl_set(n, TSAD0 + 4 * i, 4, NIC_RAM + NIC_TX_BIG + i * NIC_BUF);
    rtl_set(n, MPC, 4, 0);
    rtl_set(n, RCR, 4, 7 << 13 | 2 << RCR_RBLEN | 7 << 8 | RCR_WRAP | RCR_AB | RCR_APM);
    rtl_set(n, CR, 1, CR_RE | CR_TE);
    rtl_set(n, IMR, 2, TOO_IRQS);
    n->tx_free = TOO_SLOTS;
}

/* It copies each frame to where the slot is. Writing the slot's length starts it. */
static bool too_put(struct nic *n, const struct nic_frame *f)
{
    unsigned slot = n->tx_next % TOO_SLOTS;
    uint32_t len = f->len < 60 ? 60 : f->len;

    if (!n->tx_free)
        return false;
    memcpy(n->ram + NIC_TX_BIG + slot * NIC_BUF, n->ram + f->at, f->len);
    n->tx_free--;
    n->tx_next++;
    rtl_set(n, TSD0 + 4 * slot, 4, 8 << 16 | len); /* early transmit threshold */
    return true;
}

static void too_kick(struct nic *n)
{
}

static void too_clean_tx(struct nic *n)
{
    while (n->tx_clean != n->tx_next) {
        uint32_t status = rtl_get(n, TSD0 + 4 * (n->tx_clean % TOO_SLOTS), 4);

        if (!(status & (TSD_TOK | TSD_TABT | TSD_TUN)))
            break;
        if (!(status & TSD_TOK))
            sim_fail(n->sim, "rtl8139: transmit status %#x", status);
        n->tx_clean++;
        n->tx_free++;
        n->sent++;
    }
}

static void too_ack_rx(struct nic *n)
{
    if (rtl_get(n, ISR, 2) & RX_ACK) {
        rtl_set(n, ISR, 2, RX_ACK);
        rtl_get(n, ISR, 2);
    }
}

static unsigned too_poll_rx(struct nic *n)
{
    unsigned done = 0;

    if (!(rtl_get(n, ISR, 2) & RX_ACK))
        return 0;
    while (done < BUDGET && !(rtl_get(n, CR, 1) & CR_BUFE)) {
        const uint8_t *head = n->ram + NIC_RX_BUF + n->rx_next % TOO_RING;
        unsigned size = (unsigned)dm_get_le(head + 2, 2), len = size - FCS_LEN;

        if (!(dm_get_le(head, 2) & RSR_ROK) || size > 1522)
            sim_fail(n->sim, "rtl8139: received status %#x, %u bytes", (unsigned)dm_get_le(head, 2),
                     size);
        if (n->check)
            n->check(n, head + 4, len);
        n->received++;
        n->received_bytes += len;
        n->rx_next = (n->rx_next + size + 4 + 3) & ~3u;
        rtl_set(n, CAPR, 2, (n->rx_next - 16) % 65536);
        too_ack_rx(n);
        done++;
    }
    if (!done)
        too_ack_rx(n);
    return done;
}

static void too_interrupt(struct nic *n)
{
    uint32_t status = rtl_get(n, ISR, 2);

    if (!(status & TOO_IRQS))
        return;
    if (status & ~(uint32_t)(RX_ACK | INT_TER))
        rtl_set(n, ISR, 2, status & ~(uint32_t)(RX_ACK | INT_TER));
    if (status & RX_ACK) {
        rtl_set(n, IMR, 2, TOO_IRQS & ~(uint32_t)RX_IRQS);
        rtl_get(n, IMR, 2);
    }
    if (status & TX_IRQS)
        too_clean_tx(n);
    if (!(status & RX_ACK))
        return;
    while (too_poll_rx(n) == BUDGET)
        ;
    rtl_set(n, IMR, 2, TOO_IRQS);
    rtl_get(n, IMR, 2);
}

const struct nic_card nic_rtl8139_c = {
    .name = "rtl8139-c",
    .model = "rtl8139",
    .vendor = 0x10ec,
    .device = 0x8139,
    .bar = 1,
    .open = too_open,
    .put = too_put,
    .kick = too_kick,
    .interrupt = too_interrupt,
};
