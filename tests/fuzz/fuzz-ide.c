/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/classes.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define FUZZ_BM   0xc000
#define FUZZ_PRDT 0x1000

static const struct dm_class *const classes[] = { &piix4_ide_class, &ide_hd_class, &ide_cd_class,
                                                  NULL };

static void setup(struct fake *f)
{
    struct fake_block *cd;

    fake_block_create(f, "hda", 3000 * 512);
    fake_block_create(f, "hdb", 100 * 512);
    cd = fake_block_create(f, "hdc", 50 * 2048);
    cd->block.readonly = true;
    fake_device(f, "piix4-ide", "");
    fake_device(f, "ide-hd", "drive=hda,bus=ide.0,unit=0");
    fake_device(f, "ide-hd", "drive=hdb,bus=ide.0,unit=1");
    fake_device(f, "ide-cd", "drive=hdc,bus=ide.1,unit=0");
    fake_config_out(f, PCI_DEVFN(1, 1), PCI_BAR0 + 16, 4, FUZZ_BM);
    fake_config_out(f, PCI_DEVFN(1, 1), PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MASTER);
    /* A table that works, so that few bytes start a transfer. */
    for (unsigned i = 0; i < 4; i++) {
        dm_put_le(f->ram + FUZZ_PRDT + 8 * i, 4, 0x10000 + 0x20000 * i);
        dm_put_le(f->ram + FUZZ_PRDT + 8 * i + 4, 4, i == 3 ? 0x80000000u : i == 1 ? 1030 : 0);
    }
    fake_out(f, FUZZ_BM + 4, 4, FUZZ_PRDT);
    fake_out(f, FUZZ_BM + 12, 4, FUZZ_PRDT);
}

/* A whole command, or a packet and what goes with it; a rarely chosen unplug. */
static void extra(struct fake *f, uint8_t a, uint8_t b)
{
    static const uint8_t opcodes[] = { 0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39,
                                       0x06, 0xb0, 0xc4, 0xc5, 0xc8, 0xca, 0xea, 0xec,
                                       0x3d, 0x90, 0xef, 0x91, 0xc6, 0xe7, 0x08, 0xa1 };
    static const uint8_t packets[] = { 0x00, 0x03, 0x12, 0x1b, 0x1e, 0x25, 0x28, 0xa8,
                                       0x42, 0x43, 0x46, 0x4a, 0x51, 0x55, 0x5a, 0xbe };
    uint8_t packet[12] = { packets[a & 15], 0, 0, 0, 0, b >> 2, 0, 0, b & 3, 0xf8, 0, 0 };
    uint16_t port = a & 0x80 ? 0x170 : 0x1f0, bm = a & 0x80 ? FUZZ_BM + 8 : FUZZ_BM;

    if (a == 0x7f && b == 0x7f) {
        dm_machine_unplug(&f->machine, DM_UNPLUG_AUX_IDE);
        return;
    }
    if (a & 0x80) {
        fake_out(f, port + 1, 1, a >> 6 & 1);
        fake_out(f, port + 4, 1, b);
        fake_out(f, port + 5, 1, b >> 4);
        fake_out(f, port + 6, 1, 0xa0);
        fake_out(f, port + 7, 1, 0xa0);
        dm_space_write_block(&f->machine.io, port, 2, packet, 6);
    } else {
        fake_out(f, port + 6, 1, 0xe0 | (a & 0x40) >> 2);
        fake_out(f, port + 2, 1, b);
        fake_out(f, port + 7, 1, opcodes[(a & 31) % sizeof(opcodes)]);
    }
    fake_out(f, bm, 1, 0);
    fake_out(f, bm, 1, b & 1 ? 9 : 1);
}

const struct fuzz_target fuzz_target = {
    .classes = classes,
    .setup = setup,
    .ports = { { 0x1f0, 8 }, { 0x170, 8 }, { 0x3f6, 1 }, { 0x376, 1 }, { FUZZ_BM, 16 } },
    .extra = extra,
};
