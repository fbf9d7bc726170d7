/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A driver of the 82540EM as Linux' one works the chip, for net-bench. */
#include "tests/bench/net-bench.h"

#include "hw/net/e1000-regs.h"

#define SLOT  4
#define CHUNK 4096u /* bytes a descriptor: Linux' E1000_MAX_DATA_PER_TXD */

static void e1000_out(struct bench *b, uint32_t reg, uint32_t val)
{
    fake_store(&b->f, BENCH_MMIO + reg, 4, val);
}

static uint8_t *e1000_desc(struct bench *b, uint32_t ring, unsigned n)
{
    return b->f.ram + ring + n % BENCH_RING * DESC_SIZE;
}

static void e1000_open(struct bench *b)
{
    fake_device(&b->f, "e1000", "netdev=tap,mac=52:54:00:12:34:56,addr=4,rombar=0");
    fake_config_out(&b->f, PCI_DEVFN(SLOT, 0), 0x10, 4, BENCH_MMIO);
    fake_config_out(&b->f, PCI_DEVFN(SLOT, 0), PCI_COMMAND, 2,
                    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    for (unsigned i = 0; i < BENCH_RING; i++)
        dm_put_le(e1000_desc(b, BENCH_RX_RING, i), 8, BENCH_RX_BUF + i * 2048);
    e1000_out(b, CTRL, CTRL_SLU | CTRL_FD);
    e1000_out(b, TDBAL, BENCH_TX_RING);
    e1000_out(b, TDLEN, BENCH_RING * DESC_SIZE);
    e1000_out(b, TCTL, TCTL_EN | TCTL_PSP);
    e1000_out(b, RDBAL, BENCH_RX_RING);
    e1000_out(b, RDLEN, BENCH_RING * DESC_SIZE);
    e1000_out(b, RDT, BENCH_RING - 1);
    e1000_out(b, RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC);
    e1000_out(b, IMS, ICR_TXDW | ICR_RXT0 | ICR_RXDMT0 | ICR_LSC);
    b->tx_free = BENCH_RING - 1;
}

static void e1000_context(struct bench *b, uint8_t *d, size_t len, unsigned mss, unsigned hdr)
{
    dm_put_le(d, 4, 33u << 16 | 24 << 8 | 14);
    dm_put_le(d + 4, 4, 50 << 8 | 34);
    dm_put_le(d + 8, 4, (TUCMD_TCP | TUCMD_IP | TUCMD_TSE | TXD_DEXT) | (len - hdr));
    dm_put_le(d + 12, 4, mss << 16 | hdr << 8);
}

static void e1000_send(struct bench *b, unsigned count, size_t len, unsigned mss, unsigned hdr)
{
    unsigned chunks = (unsigned)(len + CHUNK - 1) / CHUNK, need = chunks + (mss != 0);
    uint32_t cmd = mss ? TXD_DEXT | TXD_TSE | 0x02000000 | TXD_DTYP_DATA << 20 : 0x02000000;
    bool some = false;

    for (; count && b->tx_free >= need; count--, some = true) {
        b->tx_free -= need;
        if (mss)
            e1000_context(b, e1000_desc(b, BENCH_TX_RING, b->tx_next++), len, mss, hdr);
        for (unsigned i = 0; i < chunks; i++) {
            uint8_t *d = e1000_desc(b, BENCH_TX_RING, b->tx_next++);
            size_t here = i == chunks - 1 ? len - i * CHUNK : CHUNK;

            dm_put_le(d, 8, BENCH_TX_BUF + i * CHUNK);
            dm_put_le(d + 8, 4, cmd | here | (i == chunks - 1 ? TXD_EOP | TXD_RS : 0));
            dm_put_le(d + 12, 4, mss ? TXD_IXSM | TXD_TXSM : 0);
        }
    }
    b->tx_need = need;
    if (some)
        e1000_out(b, TDT, b->tx_next % BENCH_RING);
}

static void e1000_irq(struct bench *b)
{
    if (b->f.intx[SLOT][0])
        fake_load(&b->f, BENCH_MMIO + ICR, 4);
}

static void e1000_reap(struct bench *b)
{
    e1000_irq(b);
    while (b->tx_clean != b->tx_next) {
        uint8_t *d = e1000_desc(b, BENCH_TX_RING, b->tx_clean + b->tx_need - 1);

        if (!(d[12] & TXD_STATUS_DD))
            break;
        b->tx_clean += b->tx_need;
        b->tx_free += b->tx_need;
        b->sent++;
    }
}

static void e1000_receive(struct bench *b)
{
    unsigned start = b->rx_next;

    e1000_irq(b);
    for (;;) {
        uint8_t *d = e1000_desc(b, BENCH_RX_RING, b->rx_next);

        if (!(d[12] & RXD_STATUS_DD))
            break;
        b->received += (d[12] & RXD_STATUS_EOP) != 0;
        b->received_bytes += dm_get_le(d + 8, 2);
        d[12] = 0;
        b->rx_next++;
    }
    if (b->rx_next != start)
        e1000_out(b, RDT, (b->rx_next + BENCH_RING - 1) % BENCH_RING);
}

const struct bench_card bench_e1000 = { "e1000",    e1000_open,    e1000_send,
                                        e1000_reap, e1000_receive, true };
