/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VGA with 1 MiB: ports, window, BAR 2; the body's viewer watches. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/vga-modes.h"

#include <string.h>

#define MMIO 0xe0000000u

static void setup(struct fake *f)
{
    struct vga *v = fake_device(f, "VGA", "vgamem_mb=1");

    fake_config_out(f, v->pci.devfn, PCI_BAR0, 4, 0xf0000000);
    fake_config_out(f, v->pci.devfn, PCI_BAR0 + 8, 4, MMIO);
    fake_config_out(f, v->pci.devfn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
}

/* A whole mode at once, the guest's writes to VRAM, a hypervisor without dirty tracking, time. */
static void extra(struct fake *f, uint8_t a, uint8_t b)
{
    static const struct vga_mode *const modes[] = { &vga_mode_03, &vga_mode_04, &vga_mode_06,
                                                    &vga_mode_0d, &vga_mode_12, &vga_mode_13 };
    static const uint8_t bpp[8] = { 4, 8, 15, 16, 24, 32, 32, 8 };

    switch (a & 3) {
    case 0:
        vga_set_mode(f, modes[b % DM_ARRAY_LEN(modes)]);
        break;
    case 1:
        vga_set_vbe(f, (unsigned)(a >> 2) * 9, b * 2u, bpp[b & 7]);
        break;
    case 2:
        memset(f->vram + (size_t)b * 4096, a, 4096);
        f->vram_dirty[b / 64] |= 1ull << b % 64;
        break;
    case 3:
        f->vram_dirty_rc = a & 4 ? -61 : 0; /* ENODATA */
        break;
    }
    fake_advance(f, DM_DISPLAY_FRAME);
}

const struct fuzz_target fuzz_target = {
    .classes = vga_classes,
    .setup = setup,
    .ports = { { VGA_PORT_FIRST, VGA_PORT_LAST + 1 - VGA_PORT_FIRST },
               { DISPI_PORT, DISPI_PORTS } },
    .mem = { { VGA_WINDOW_BASE, VGA_WINDOW_SIZE }, { MMIO, VGA_MMIO_SIZE } },
    .extra = extra,
};
