/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network card's driver, the least of it that moves frames: for net-bench.c. */
#ifndef NET_BENCH_H
#define NET_BENCH_H

#include "host/loop.h"
#include "tests/fake/fake.h"

struct bench {
    struct fake f; /* the guest: its RAM, its vCPU */
    struct host_loop loop;
    struct dm_net *net; /* the tap */
    /* The driver's: descriptors, and those of a frame; bytes of a ring of bytes. */
    unsigned tx_free, tx_need, tx_next, tx_clean, rx_next;
    uint64_t sent, received, received_bytes; /* frames; since the start */
};

/* Guest memory, as all drivers lay it out. */
#define BENCH_TX_RING 0x10000u
#define BENCH_RX_RING 0x20000u
#define BENCH_RX_BUF  0x200000u /* one behind the other, 2 KiB each */
#define BENCH_TX_BUF  0x100000u /* the frame, put there by the benchmark; 64 KiB at most */
#define BENCH_RING    256       /* descriptors */
#define BENCH_MMIO    0xf0000000u

struct bench_card {
    const char *name;
    /* Creates the device on netdev "tap" and sets it up: a driver's probe and open. */
    void (*open)(struct bench *b);
    /*
     * Sends the frame at BENCH_TX_BUF up to count times, as much as the ring holds, and
     * tells the card. mss: 0, or bytes of payload to segment to, the headers being hdr.
     */
    void (*send)(struct bench *b, unsigned count, size_t len, unsigned mss, unsigned hdr);
    void (*reap)(struct bench *b);    /* what was sent: counts in sent */
    void (*receive)(struct bench *b); /* takes what came, gives the buffers back */
    bool tso;
};

extern const struct bench_card bench_e1000, bench_rtl8139, bench_rtl8139_cp;

void bench_fail(const char *what);

#endif
