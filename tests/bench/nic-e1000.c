/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 82540EM as Linux' e1000 works it: 256 descriptors each way, the interrupt delays and
 * the throttle of bulk traffic, NAPI, receive buffers given back 16 at a time.
 */
#include "dm/bytes.h"
#include "hw/net/e1000-regs.h"
#include "tests/bench/nic.h"

#include <string.h>
#include <unistd.h>

#define RING    256
#define CHUNK   4096u /* bytes a descriptor */
#define BUDGET  64    /* frames a poll */
#define GIVE    16    /* buffers given back at once */
#define IFCS    0x02000000u
#define IRQS    (ICR_RXT0 | ICR_TXDW | ICR_RXDMT0 | ICR_RXSEQ | ICR_LSC)
#define ITR_4K  976 /* 4000 interrupts a second, in units of 256 ns */
#define FCS_LEN 4

static uint8_t *e1000_desc(struct nic *n, uint32_t ring, unsigned i)
{
    return n->ram + ring + i % RING * DESC_SIZE;
}

static void e1000_set(struct nic *n, uint32_t reg, uint32_t val)
{
    nic_out(n, reg, 4, val);
}

static uint32_t e1000_get(struct nic *n, uint32_t reg)
{
    return nic_in(n, reg, 4);
}

static void e1000_open(struct nic *n)
{
    e1000_set(n, IMC, ~0u);
    e1000_set(n, RCTL, 0);
    e1000_set(n, TCTL, TCTL_PSP);
    e1000_set(n, CTRL, e1000_get(n, CTRL) | CTRL_RST);
    e1000_set(n, IMC, ~0u);
    e1000_get(n, ICR);
    e1000_set(n, CTRL, e1000_get(n, CTRL) | CTRL_SLU);
    for (unsigned i = 0; i < RING; i++)
        dm_put_le(e1000_desc(n, NIC_RX_RING, i), 8, NIC_RAM + NIC_RX_BUF + i * NIC_BUF);
    e1000_set(n, TDBAL, NIC_RAM + NIC_TX_RING);
    e1000_set(n, TDBAH, 0);
    e1000_set(n, TDLEN, RING * DESC_SIZE);
    e1000_set(n, TDT, 0);
    e1000_set(n, TDH, 0);
    e1000_set(n, TIDV, 8);
    e1000_set(n, TADV, 32);
    e1000_set(n, TCTL, TCTL_EN | TCTL_PSP | 15 << 4 | 64 << 12);
    e1000_set(n, RDTR, 0);
    e1000_set(n, RADV, 8);
    e1000_set(n, ITR, ITR_4K);
    e1000_set(n, RDBAL, NIC_RAM + NIC_RX_RING);
    e1000_set(n, RDBAH, 0);
    e1000_set(n, RDLEN, RING * DESC_SIZE);
    e1000_set(n, RDT, 0);
    e1000_set(n, RDH, 0);
    e1000_set(n, RXCSUM, RXCSUM_TUOFL);
    e1000_set(n, RCTL, RCTL_EN | RCTL_BAM);
    e1000_set(n, RDT, RING - 1);
    e1000_set(n, IMS, IRQS);
    for (unsigned i = 0; !(e1000_get(n, STATUS) & STATUS_LU); i++) {
        if (i == 500)
            sim_fail(n->sim, "e1000: no link");
        usleep(10000);
    }
    n->tx_free = RING - 1;
}

static void e1000_context(struct nic *n, uint8_t *d, const struct nic_frame *f)
{
    dm_put_le(d, 4, 33u << 16 | 24 << 8 | 14);
    dm_put_le(d + 4, 4, 50 << 8 | 34);
    dm_put_le(d + 8, 4, (TUCMD_TCP | TUCMD_IP | TUCMD_TSE | TXD_DEXT) | (f->len - f->hdr));
    dm_put_le(d + 12, 4, (uint32_t)f->mss << 16 | (uint32_t)f->hdr << 8);
}

static bool e1000_put(struct nic *n, const struct nic_frame *f)
{
    unsigned chunks = (f->len + CHUNK - 1) / CHUNK, need = chunks + (f->mss != 0);
    uint32_t cmd = f->mss ? IFCS | TXD_DEXT | TXD_TSE | TXD_DTYP_DATA << 20 : IFCS;

    if (n->tx_free < need)
        return false;
    n->tx_free -= need;
    n->tx_need[n->tx_next % RING] = (uint8_t)need;
    if (f->mss)
        e1000_context(n, e1000_desc(n, NIC_TX_RING, n->tx_next++), f);
    for (uint32_t at = 0; at < f->len; at += CHUNK) {
        uint8_t *d = e1000_desc(n, NIC_TX_RING, n->tx_next++);
        uint32_t here = f->len - at < CHUNK ? f->len - at : CHUNK;

        dm_put_le(d, 8, NIC_RAM + f->at + at);
        dm_put_le(d + 8, 4, cmd | here | (at + here == f->len ? TXD_EOP | TXD_RS | TXD_IDE : 0));
        dm_put_le(d + 12, 4, f->mss ? TXD_IXSM | TXD_TXSM : 0);
    }
    return true;
}

static void e1000_kick(struct nic *n)
{
    e1000_set(n, TDT, n->tx_next % RING);
}

static void e1000_clean_tx(struct nic *n)
{
    while (n->tx_clean != n->tx_next) {
        unsigned need = n->tx_need[n->tx_clean % RING];
        volatile uint8_t *last = e1000_desc(n, NIC_TX_RING, n->tx_clean + need - 1);

        if (!(last[12] & TXD_STATUS_DD))
            break;
        n->tx_clean += need;
        n->tx_free += need;
        n->sent++;
    }
}

/* Buffers up to number end go back. */
static void e1000_give(struct nic *n)
{
    e1000_set(n, RDT, (n->rx_next + RING - 1) % RING);
}

static unsigned e1000_clean_rx(struct nic *n)
{
    unsigned done = 0, dirty = 0;

    while (done < BUDGET) {
        uint8_t *d = e1000_desc(n, NIC_RX_RING, n->rx_next);
        uint8_t status = *(volatile uint8_t *)(d + 12);
        unsigned len = (unsigned)dm_get_le(d + 8, 2) - FCS_LEN;

        if (!(status & RXD_STATUS_DD))
            break;
        if (!(status & RXD_STATUS_EOP) || d[13])
            sim_fail(n->sim, "e1000: received status %#x, errors %#x", status, d[13]);
        if (n->check)
            n->check(n, n->ram + NIC_RX_BUF + n->rx_next % RING * NIC_BUF, len);
        n->received++;
        n->received_bytes += len;
        d[12] = 0;
        n->rx_next++;
        done++;
        if (++dirty == GIVE) {
            e1000_give(n);
            dirty = 0;
        }
    }
    if (dirty)
        e1000_give(n);
    return done;
}

static void e1000_interrupt(struct nic *n)
{
    if (!e1000_get(n, ICR))
        return;
    e1000_set(n, IMC, ~0u);
    e1000_get(n, STATUS);
    do
        e1000_clean_tx(n);
    while (e1000_clean_rx(n) == BUDGET);
    e1000_set(n, IMS, IRQS);
    e1000_get(n, STATUS);
}

const struct nic_card nic_e1000 = {
    .name = "e1000",
    .model = "e1000",
    .vendor = 0x8086,
    .device = 0x100e,
    .bar = 0,
    .can_tso = true,
    .tso_blank = true,
    .open = e1000_open,
    .put = e1000_put,
    .kick = e1000_kick,
    .interrupt = e1000_interrupt,
};
