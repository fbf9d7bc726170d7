/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile stream into a whole machine. The input is changes (u16 offset, u8 length, bytes)
 * to the stream of a guest in use, or, if its first byte is odd, a stream as it is; either
 * with the right checksum. What is accepted must save and load again as the same bytes, and
 * the machine must stand what a guest and a host do to it next. Has a body of its own.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/guest-rig.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The saved guest, made once. */
static const struct dm_buf *stream(void)
{
    static struct dm_buf saved;
    struct dm_error err;
    struct guest g;

    if (saved.len)
        return &saved;
    guest_start_sized(&g, "vgamem_mb=1", 65536);
    guest_add_nics(&g);
    firmware_pci_setup(&g);
    guest_use(&g);
    dm_machine_set_run_state(&g.f.machine, DM_PAUSED);
    if (dm_state_save(&g.f.machine, &saved, &err))
        abort();
    fake_finish(&g.f);
    return &saved;
}

static void change(struct dm_buf *buf, struct fuzz_input *in)
{
    while (in->left) {
        size_t at = fuzz_take(in, 2), len = fuzz_take(in, 1);

        len = len < in->left ? len : in->left;
        if (at == 0xffff) { /* cut it off */
            buf->len = len * 256 < buf->len ? len * 256 : buf->len;
        } else if (dm_in_range(at, len, buf->len)) {
            memcpy(buf->data + at, in->data, len);
        }
        in->data += len;
        in->left -= len;
    }
}

/* Accesses everywhere a guest reaches: ports, the VGA's window, BARs, configuration space. */
static void poke(struct guest *g, uint32_t seed)
{
    static const uint16_t ports[] = { 0x10,  0x12,  0x60,  0x64,  0x70,  0x71,   0x170,  0x177,
                                      0x1ce, 0x1cf, 0x1f0, 0x1f7, 0x3c0, 0x3c5,  0x3cf,  0x3d5,
                                      0x3f8, 0x3fa, 0x3fd, 0x376, 0x3f6, 0xafe0, 0xb004, 0xc000 };

    for (unsigned i = 0; i < 200; i++) {
        uint32_t r = seed = seed * 1664525 + 1013904223;
        struct dm_pci_device *fn = g->f.machine.pci.fn[r >> 24];
        uint16_t port = ports[(r >> 8) % DM_ARRAY_LEN(ports)];

        if (r & 1)
            fake_in(&g->f, port, 1u << (r >> 4) % 3);
        else
            fake_out(&g->f, port, 1u << (r >> 4) % 3, r >> 12);
        fake_store(&g->f, 0xa0000 + (r >> 8) % 0x20000, 1u << (r >> 4) % 4, r);
        fake_load(&g->f, 0xa0000 + (r >> 9) % 0x20000, 1u << (r >> 4) % 4);
        for (int bar = 0; fn && bar < PCI_BAR_COUNT; bar++)
            if (fn->bar[bar].addr != DM_PCI_UNMAPPED && fn->bar[bar].region.ops)
                fake_load(&g->f, fn->bar[bar].addr + r % fn->bar[bar].size, 4);
    }
}

static void live(struct guest *g, uint32_t seed)
{
    uint8_t frame[200] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    static struct fake_viewer viewer;
    struct dm_machine *m = &g->f.machine;

    fake_viewer_watch(&g->f, &viewer);
    dm_machine_set_run_state(m, DM_RUNNING);
    fake_chardev_send(g->serial, "hello", 5);
    dm_input_key(&m->input, 30, true);
    dm_input_motion(&m->input, 3, 3, 1, 1);
    for (struct dm_net *n = m->nets; n; n = n->next)
        if (dm_net_room(n, sizeof(frame)))
            fake_net_bring((struct fake_net *)n, frame, sizeof(frame), NULL);
    fake_advance(&g->f, DM_NS_PER_MS * 100);
    poke(g, seed);
    fake_advance(&g->f, DM_NS_PER_MS * 100);
    dm_display_remove_viewer(&m->display, &viewer.viewer);
}

/* Saves f's machine; the bytes must be those of want, if there are any. */
static void save(struct guest *g, struct dm_buf *buf, const struct dm_buf *want)
{
    struct dm_error err;

    buf->len = 0;
    if (dm_state_save(&g->f.machine, buf, &err))
        abort();
    if (want && (want->len != buf->len || memcmp(want->data, buf->data, buf->len)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct dm_buf buf = { 0 }, one = { 0 }, two = { 0 };
    uint32_t seed = (uint32_t)size;
    struct dm_error err;
    struct guest g;

    if (fuzz_take(&in, 1) & 1) {
        dm_buf_put(&buf, in.data, in.left);
    } else {
        dm_buf_put(&buf, stream()->data, stream()->len);
        change(&buf, &in);
    }
    if (buf.len >= 4)
        dm_state_seal(buf.data, buf.len);
    guest_start_sized(&g, "vgamem_mb=1", 65536);
    guest_add_nics(&g);
    dm_machine_set_run_state(&g.f.machine, DM_PAUSED);
    if (!dm_state_load(&g.f.machine, buf.data, buf.len, &err)) {
        save(&g, &one, NULL);
        if (dm_state_load(&g.f.machine, one.data, one.len, &err))
            abort();
        save(&g, &two, &one);
        live(&g, seed);
    } else if (!*err.text || strchr(err.text, '\n')) {
        abort();
    }
    dm_buf_finish(&buf);
    dm_buf_finish(&one);
    dm_buf_finish(&two);
    fake_finish(&g.f);
    return 0;
}
