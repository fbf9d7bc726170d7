/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network card's driver on the sim, as Linux' one works the chip: for bench-nic.c. */
#ifndef BENCH_NIC_H
#define BENCH_NIC_H

#include "tests/sim/sim.h"

#define NIC_MAC "52:54:00:12:34:56"

struct nic_card;

struct nic {
    struct sim *sim;
    const struct nic_card *card;
    uint64_t mmio; /* BAR */
    unsigned gsi;
    uint8_t *ram; /* NIC_RAM_SIZE bytes of guest memory from NIC_RAM on */
    /* The driver's own: descriptors and frames; bytes of a ring of bytes. */
    unsigned tx_free, tx_next, tx_clean, rx_next;
    uint8_t tx_need[256]; /* descriptors of the frame that begins here */
    uint64_t sent, received, received_bytes;
    /* Looks at a frame that came. May be NULL */
    void (*check)(struct nic *nic, const uint8_t *frame, unsigned len);
    void *opaque; /* check's */
    unsigned interrupts;
};

/* Guest memory. Offsets from NIC_RAM. */
#define NIC_RAM      0x2000000u
#define NIC_RAM_SIZE 0x800000u
#define NIC_TX_RING  0x0u
#define NIC_RX_RING  0x10000u
#define NIC_RX_BUF   0x100000u /* one behind the other, NIC_BUF bytes each; or a ring of bytes */
#define NIC_TX_BUF   0x200000u /* NIC_BUFS of NIC_BUF bytes */
#define NIC_TX_BIG   0x400000u /* NIC_BIGS of NIC_BIG bytes */
#define NIC_BUF      2048u
#define NIC_BUFS     64u
#define NIC_BIG      0x20000u
#define NIC_BIGS     8u

/* A frame to be sent: in guest memory at NIC_RAM + at. */
struct nic_frame {
    uint32_t at, len;
    uint16_t mss, hdr; /* bytes: to be cut to so much payload each; 0: not */
};

struct nic_card {
    const char *name, *model;
    uint16_t vendor, device;
    unsigned bar;
    bool can_tso;
    bool tso_blank; /* Linux blanks the lengths in the headers, the card fills them in */
    void (*open)(struct nic *nic); /* the driver's probe and open */
    /* Puts a frame into the ring. false: it is full. */
    bool (*put)(struct nic *nic, const struct nic_frame *frame);
    void (*kick)(struct nic *nic);      /* tells the card of what was put */
    void (*interrupt)(struct nic *nic); /* the handler, and what it starts */
};

extern const struct nic_card nic_e1000, nic_rtl8139, nic_rtl8139_c;

static inline void nic_out(struct nic *nic, uint32_t reg, unsigned size, uint32_t val)
{
    sim_mmio_write(nic->sim, nic->mmio + reg, size, val);
}

static inline uint32_t nic_in(struct nic *nic, uint32_t reg, unsigned size)
{
    return (uint32_t)sim_mmio_read(nic->sim, nic->mmio + reg, size);
}

#endif
