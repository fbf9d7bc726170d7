/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drivers of the RTL8139C+ for net-bench: as Linux' 8139too works it (four transmit slots,
 * a receive ring of bytes), and as 8139cp does (descriptors).
 */
#include "tests/bench/net-bench.h"

#include "hw/net/rtl8139-regs.h"

#define SLOT    4
#define RING    64 /* descriptors: the most there are in C+ mode */
#define CP_IRQS (INT_ROK | INT_TOK | INT_TDU | INT_RXOVW | INT_FOVW | INT_LINKCHG)
#define CHUNK   4096u
#define RX_LEN  65536u /* bytes of the ring */

static void rtl_out(struct bench *b, uint32_t reg, unsigned size, uint32_t val)
{
    fake_store(&b->f, BENCH_MMIO + reg, size, val);
}

static uint32_t rtl_in(struct bench *b, uint32_t reg, unsigned size)
{
    return (uint32_t)fake_load(&b->f, BENCH_MMIO + reg, size);
}

static void rtl_probe(struct bench *b)
{
    fake_device(&b->f, "rtl8139", "netdev=tap,mac=52:54:00:12:34:56,addr=4,rombar=0");
    fake_config_out(&b->f, PCI_DEVFN(SLOT, 0), 0x14, 4, BENCH_MMIO);
    fake_config_out(&b->f, PCI_DEVFN(SLOT, 0), PCI_COMMAND, 2,
                    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    rtl_out(b, CR, 1, CR_RST);
}

/* What an interrupt handler does first. */
static void rtl_irq(struct bench *b)
{
    if (b->f.intx[SLOT][0])
        rtl_out(b, ISR, 2, rtl_in(b, ISR, 2));
}

/* 8139too */

static void rtl_open(struct bench *b)
{
    rtl_probe(b);
    rtl_out(b, RBSTART, 4, BENCH_RX_BUF);
    rtl_out(b, CR, 1, CR_RE | CR_TE);
    rtl_out(b, RCR, 4, 3u << RCR_RBLEN | RCR_WRAP | RCR_APM | RCR_AB | 7 << 8 | 7 << 13);
    rtl_out(b, TCR, 4, 7 << 8);
    for (unsigned i = 0; i < 4; i++)
        rtl_out(b, TSAD0 + 4 * i, 4, BENCH_TX_BUF);
    rtl_out(b, IMR, 2, INT_ROK | INT_TOK | INT_RXOVW | INT_FOVW | INT_LINKCHG);
    b->tx_free = 4;
}

static void rtl_send(struct bench *b, unsigned count, size_t len, unsigned mss, unsigned hdr)
{
    for (; count && b->tx_free; count--, b->tx_free--)
        rtl_out(b, TSD0 + 4 * (b->tx_next++ % 4), 4, (uint32_t)len);
}

static void rtl_reap(struct bench *b)
{
    rtl_irq(b);
    for (; b->tx_clean != b->tx_next; b->tx_clean++, b->tx_free++, b->sent++)
        if (!(rtl_in(b, TSD0 + 4 * (b->tx_clean % 4), 4) & (TSD_TOK | TSD_TABT | TSD_TUN)))
            break;
}

static void rtl_receive(struct bench *b)
{
    rtl_irq(b);
    while (!(rtl_in(b, CR, 1) & CR_BUFE)) {
        const uint8_t *head = b->f.ram + BENCH_RX_BUF + b->rx_next % RX_LEN;
        unsigned len = (unsigned)dm_get_le(head + 2, 2);

        b->received++;
        b->received_bytes += len - 4;
        b->rx_next += (len + 4 + 3) & ~3u;
        rtl_out(b, CAPR, 2, (b->rx_next - 16) % RX_LEN);
    }
}

/* 8139cp */

static uint8_t *cp_desc(struct bench *b, uint32_t ring, unsigned n)
{
    return b->f.ram + ring + n % RING * DESC_SIZE;
}

static uint32_t cp_eor(unsigned n)
{
    return n % RING == RING - 1 ? DESC_EOR : 0;
}

static void cp_open(struct bench *b)
{
    rtl_probe(b);
    rtl_out(b, CPCR, 2, CPCR_TX | CPCR_RX | CPCR_RXCHKSUM);
    for (unsigned i = 0; i < RING; i++) {
        dm_put_le(cp_desc(b, BENCH_RX_RING, i), 4, DESC_OWN | cp_eor(i) | 1536);
        dm_put_le(cp_desc(b, BENCH_RX_RING, i) + 8, 8, BENCH_RX_BUF + i * 2048);
    }
    rtl_out(b, TNPDS, 4, BENCH_TX_RING);
    rtl_out(b, TNPDS + 4, 4, 0);
    rtl_out(b, RDSAR, 4, BENCH_RX_RING);
    rtl_out(b, RDSAR + 4, 4, 0);
    rtl_out(b, CR, 1, CR_RE | CR_TE);
    rtl_out(b, RCR, 4, RCR_APM | RCR_AB | 7 << 8 | 7 << 13);
    rtl_out(b, TCR, 4, 7 << 8);
    rtl_out(b, IMR, 2, CP_IRQS);
    b->tx_free = RING - 1;
}

static void cp_send(struct bench *b, unsigned count, size_t len, unsigned mss, unsigned hdr)
{
    unsigned chunks = (unsigned)(len + CHUNK - 1) / CHUNK;
    bool some = false;

    for (; count && b->tx_free >= chunks; count--, some = true) {
        unsigned first = b->tx_next;

        b->tx_free -= chunks;
        b->tx_next += chunks;
        for (unsigned i = chunks; i-- > 0;) { /* the first last: it starts the chip */
            uint8_t *d = cp_desc(b, BENCH_TX_RING, first + i);
            uint32_t here = (uint32_t)(i == chunks - 1 ? len - i * CHUNK : CHUNK);

            dm_put_le(d + 4, 4, 0);
            dm_put_le(d + 8, 8, BENCH_TX_BUF + i * CHUNK);
            dm_put_le(d, 4,
                      DESC_OWN | cp_eor(first + i) | (i ? 0 : DESC_FS) |
                          (i == chunks - 1 ? DESC_LS : 0) | (mss ? TXD_LGSEN | mss << TXD_MSS : 0) |
                          here);
        }
    }
    b->tx_need = chunks;
    if (some)
        rtl_out(b, TPPOLL, 1, TPPOLL_NPQ);
}

static void cp_reap(struct bench *b)
{
    rtl_irq(b);
    while (b->tx_clean != b->tx_next) {
        const uint8_t *d = cp_desc(b, BENCH_TX_RING, b->tx_clean + b->tx_need - 1);

        if (dm_get_le(d, 4) & DESC_OWN)
            break;
        b->tx_clean += b->tx_need;
        b->tx_free += b->tx_need;
        b->sent++;
    }
}

static void cp_receive(struct bench *b)
{
    unsigned start = b->rx_next;

    rtl_irq(b);
    for (;; b->rx_next++) {
        uint8_t *d = cp_desc(b, BENCH_RX_RING, b->rx_next);
        uint32_t status = (uint32_t)dm_get_le(d, 4);

        if (status & DESC_OWN)
            break;
        b->received += (status & DESC_LS) != 0;
        b->received_bytes += (status & RXD_SIZE) - 4;
        dm_put_le(d, 4, DESC_OWN | cp_eor(b->rx_next) | 1536);
    }
    if (b->rx_next != start) /* the end of cp_rx_poll */
        rtl_out(b, IMR, 2, CP_IRQS);
}

const struct bench_card bench_rtl8139 = { "rtl8139", rtl_open,    rtl_send,
                                          rtl_reap,  rtl_receive, false };
const struct bench_card bench_rtl8139_cp = { "rtl8139 C+", cp_open,    cp_send,
                                             cp_reap,      cp_receive, true };
