/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/classes.h"
#include "hw/net/e1000-regs.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_BAR  0xe0000000u
#define FUZZ_IO   0xc000
#define FUZZ_TX   0x10000u /* rings of 32 */
#define FUZZ_RX   0x20000u
#define FUZZ_RING 32

static const struct dm_class *const classes[] = { &e1000_class, NULL };

static void set(struct fake *f, unsigned reg, uint32_t val)
{
    fake_store(f, FUZZ_BAR + reg, 4, val);
}

/* Rings that work, so that few bytes make frames go either way. */
static void setup(struct fake *f)
{
    fake_net_create(f, "net0");
    fake_device(f, "e1000", "netdev=net0,mac=52:54:00:12:34:56");
    fake_config_out(f, 0, PCI_BAR0, 4, FUZZ_BAR);
    fake_config_out(f, 0, PCI_BAR0 + 4, 4, FUZZ_IO);
    fake_config_out(f, 0, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    for (unsigned i = 0; i < FUZZ_RING; i++)
        dm_put_le(f->ram + FUZZ_RX + i * DESC_SIZE, 8, 0x200000 + i * 0x4000);
    set(f, TDBAL, FUZZ_TX);
    set(f, TDLEN, FUZZ_RING * DESC_SIZE);
    set(f, RDBAL, FUZZ_RX);
    set(f, RDLEN, FUZZ_RING * DESC_SIZE);
    set(f, RDT, FUZZ_RING - 1);
    set(f, TCTL, TCTL_EN | TCTL_PSP);
    set(f, RCTL, RCTL_EN | RCTL_BAM | RCTL_LPE);
    set(f, RXCSUM, RXCSUM_TUOFL | RXCSUM_IPOFL | RXCSUM_IPV6OFL);
    set(f, IMS, ICR_ALL);
}

/* A frame of a TCP connection at 0x100000, for descriptors to point to. */
static void segment(struct fake *f, bool v6, uint8_t b)
{
    uint8_t *p = f->ram + 0x100000;

    dm_put_be(p + 12, 2, v6 ? 0x86dd : 0x0800);
    p[14] = v6 ? 0x60 : 0x45;
    p[v6 ? 20 : 23] = 6;
    p[(v6 ? 54 : 34) + 12] = b & 1 ? 0xf0 : 0x50;
    p[(v6 ? 54 : 34) + 13] = b;
}

/*
 * Writes a descriptor behind the tail and moves the tail on; or steps through the registers
 * that a driver uses, so that few bytes reach them.
 */
static void extra(struct fake *f, uint8_t a, uint8_t b)
{
    static const uint16_t regs[] = { CTRL, RCTL, TCTL, ICR, ICS, IMC,    ITR, TIDV,
                                     TADV, RDTR, RADV, RDT, TDT, RXCSUM, VET, TXDCTL };
    static const uint16_t mss[] = { 0, 1, 7, 100, 536, 1460, 9000, 65535 };
    static const uint32_t lens[] = { 0,    1,    14,    54,    60,    74,     300,
                                     1514, 4000, 16288, 65535, 65536, 0xfffff };
    uint32_t tail = (uint32_t)fake_load(f, FUZZ_BAR + TDT, 4) % FUZZ_RING;
    uint8_t *d = f->ram + FUZZ_TX + tail * DESC_SIZE;
    bool v6 = a & 0x20;

    switch (a >> 6) {
    case 0: /* legacy */
        dm_put_le(d, 8, a & 0x10 ? 0x100000 : (uint64_t)b << 14);
        dm_put_le(d + 8, 4, (lens[a % 13] & 0xffff) | (uint32_t)(b | (a & 0x20 ? 1 : 0)) << 24);
        dm_put_le(d + 12, 4, (uint32_t)b << 8 | (uint32_t)a << 16);
        d[11] &= (uint8_t)~0x20;
        break;
    case 1: /* context */
        segment(f, v6, b);
        dm_put_le(d, 8, v6 ? 0x00004636000000e : 0x0000322200211800 | 14);
        dm_put_le(d + 4, 4, v6 ? 0x4636 : 0x3222);
        dm_put_le(d + 8, 4, 0x20000000 | (v6 ? 0x05000000 : 0x07000000));
        if (a & 0x10)
            d[b & 7] ^= b;
        d[13] = (uint8_t)(v6 ? 74 : 54) + (a & 1 ? b >> 5 : 0);
        dm_put_le(d + 14, 2, mss[a >> 1 & 7]);
        break;
    case 2: /* data */
        dm_put_le(d, 8, a & 0x10 ? 0x100000 : (uint64_t)b << 14);
        dm_put_le(d + 8, 4, lens[a % 13] | 0x20100000 | (uint32_t)(b & 0xd5) << 24);
        dm_put_le(d + 12, 4, (uint32_t)(a & 3) << 8 | (uint32_t)b << 16);
        break;
    default:
        set(f, regs[a & 15], (uint32_t)b << (a >> 4 & 3) * 8 | (a & 15) % 3 * 2);
        return;
    }
    set(f, TDT, (tail + 1) % FUZZ_RING);
}

const struct fuzz_target fuzz_target = {
    .classes = classes,
    .setup = setup,
    .ports = { { FUZZ_IO, 64 } },
    .mem = { { FUZZ_BAR, 0x6000 }, { FUZZ_BAR, E1000_MMIO_SIZE } },
    .extra = extra,
};
