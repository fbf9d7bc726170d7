/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/classes.h"
#include "hw/net/rtl8139-regs.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define FUZZ_IO  0xc000
#define FUZZ_MEM 0xf0000000u
#define FUZZ_TX  0x1000
#define FUZZ_RX  0x2000
#define FUZZ_BUF 0x10000

static const struct dm_class *const classes[] = { &rtl8139_class, NULL };

static void setup(struct fake *f)
{
    fake_net_create(f, "n0");
    fake_device(f, "rtl8139", "netdev=n0,addr=0");
    fake_config_out(f, 0, PCI_BAR0, 4, FUZZ_IO);
    fake_config_out(f, 0, PCI_BAR0 + 4, 4, FUZZ_MEM);
    fake_config_out(f, 0, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    fake_out(f, FUZZ_IO + IMR, 2, 0xffff);
}

static void descriptor(struct fake *f, uint32_t at, uint32_t opts, uint32_t opts2, uint32_t buf)
{
    dm_put_le(f->ram + at, 4, opts);
    dm_put_le(f->ram + at + 4, 4, opts2);
    dm_put_le(f->ram + at + 8, 8, buf);
}

/* A TCP/IPv4 frame that is in order, but for one byte. */
static void packet(struct fake *f, uint8_t off, uint8_t val)
{
    uint8_t *p = f->ram + FUZZ_BUF;

    memset(p, 0, 54);
    memset(p, 0xff, 6);
    p[12] = 8;
    p[14] = 0x45;
    dm_put_be(p + 16, 2, 0x2000 - 14);
    p[23] = off & 64 ? 17 : 6;
    p[46] = 0x50;
    p[off & 63] = val;
}

/* What a driver does in several writes: starts the chip, fills a ring, sends. */
static void extra(struct fake *f, uint8_t a, uint8_t b)
{
    unsigned i = b & 63;

    switch (a & 7) {
    case 0: /* C mode; b: size of the ring, wrapping, filters */
        fake_out(f, FUZZ_IO + CPCR, 2, 0);
        fake_out(f, FUZZ_IO + RBSTART, 4, FUZZ_BUF);
        fake_out(f, FUZZ_IO + CR, 1, CR_RE | CR_TE);
        fake_out(f, FUZZ_IO + RCR, 4,
                 (b & 3u) << RCR_RBLEN | (b & 4 ? RCR_WRAP : 0) | (b >> 3 & 7) | RCR_AB);
        break;
    case 1: /* C+ mode */
        fake_out(f, FUZZ_IO + CPCR, 2, CPCR_TX | CPCR_RX | (b & 0x60));
        fake_out(f, FUZZ_IO + TNPDS, 4, FUZZ_TX);
        fake_out(f, FUZZ_IO + THPDS, 4, b & 4 ? FUZZ_RX : FUZZ_TX);
        fake_out(f, FUZZ_IO + RDSAR, 4, b & 8 ? FUZZ_TX : FUZZ_RX);
        fake_out(f, FUZZ_IO + CR, 1, CR_RE | CR_TE);
        fake_out(f, FUZZ_IO + RCR, 4, RCR_AAP | RCR_APM | RCR_AB | RCR_AM);
        break;
    case 2: /* a slot */
        fake_out(f, FUZZ_IO + TSAD0 + 4 * (b & 3u), 4, FUZZ_BUF);
        fake_out(f, FUZZ_IO + TSD0 + 4 * (b & 3u), 4, (b & 0xfcu) << (a >> 5));
        break;
    case 3: /* a descriptor to send */
        descriptor(f, FUZZ_TX + 16 * i,
                   DESC_OWN | (a & 8 ? DESC_FS | DESC_LS : 0) | (a & 16 ? DESC_EOR : 0) |
                       (a & 32 ? TXD_LGSEN | 0x05000000u : (a & 192u) << 11) |
                       (b & 64 ? 0x2000 : b * 3u),
                   b & 128 ? TXD2_TAGC | b : 0, FUZZ_BUF);
        break;
    case 4: /* to receive */
        descriptor(f, FUZZ_RX + 16 * i, DESC_OWN | (a & 16 ? DESC_EOR : 0) | (a & 0xe0u) << 4, 0,
                   b & 64 ? FUZZ_TX : FUZZ_BUF + 0x800 * i);
        break;
    case 5:
        fake_out(f, FUZZ_IO + TPPOLL, 1, TPPOLL_NPQ | (b & TPPOLL_HPQ));
        break;
    case 6:
        packet(f, a >> 3 | (b & 0x60), b);
        break;
    case 7:
        fake_out(f, FUZZ_IO + TCR, 4, b & 1 ? TCR_LBK : 0);
        fake_out(f, FUZZ_IO + CAPR, 2, b << 5);
        if (a == 0xff && b == 0xff)
            dm_machine_unplug(&f->machine, DM_UNPLUG_NICS);
        break;
    }
}

const struct fuzz_target fuzz_target = {
    .classes = classes,
    .setup = setup,
    .ports = { { FUZZ_IO, 256 } },
    .mem = { { FUZZ_MEM, 256 } },
    .extra = extra,
};
