/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_STEPS 4096

static void fuzz_port(struct fake *f, struct fuzz_input *in, bool write)
{
    uint8_t pick = (uint8_t)fuzz_take(in, 1), off = (uint8_t)fuzz_take(in, 1);
    unsigned size = 1u << (pick >> 6) % 3, n = 0;
    const struct fuzz_ports *p;

    while (n < DM_ARRAY_LEN(fuzz_target.ports) && fuzz_target.ports[n].count)
        n++;
    if (!n)
        return;
    p = &fuzz_target.ports[(pick & 63) % n];
    if (write)
        fake_out(f, (uint16_t)(p->first + off % p->count), size, (uint32_t)fuzz_take(in, size));
    else
        fake_in(f, (uint16_t)(p->first + off % p->count), size);
}

static void fuzz_block(struct fake *f, struct fuzz_input *in, bool write)
{
    uint8_t pick = (uint8_t)fuzz_take(in, 1), count = (uint8_t)fuzz_take(in, 1), buf[1024] = { 0 };
    unsigned size = 1u << (pick >> 6) % 3, n = 0;
    uint16_t port;

    while (n < DM_ARRAY_LEN(fuzz_target.ports) && fuzz_target.ports[n].count)
        n++;
    if (!n)
        return;
    port = fuzz_target.ports[(pick & 63) % n].first;
    if (write)
        dm_space_write_block(&f->machine.io, port, size, buf, count);
    else
        dm_space_read_block(&f->machine.io, port, size, buf, count);
}

static void fuzz_mem(struct fake *f, struct fuzz_input *in, bool write)
{
    uint8_t pick = (uint8_t)fuzz_take(in, 1);
    uint32_t off = (uint32_t)fuzz_take(in, 3);
    unsigned size = 1u << (pick >> 6), n = 0;
    uint64_t at;

    while (n < DM_ARRAY_LEN(fuzz_target.mem) && fuzz_target.mem[n].size)
        n++;
    if (!n)
        return;
    n = (pick & 63) % n;
    at = fuzz_target.mem[n].first + off % fuzz_target.mem[n].size;
    if (write)
        fake_store(f, at, size, fuzz_take(in, size));
    else
        fake_load(f, at, size);
}

static void fuzz_config(struct fake *f, struct fuzz_input *in)
{
    uint8_t pick = (uint8_t)fuzz_take(in, 1), off = (uint8_t)fuzz_take(in, 1);
    unsigned size = 1u << (pick >> 6) % 3, n = pick & 31;

    /* The n-th function there is, so that few bytes reach it. */
    for (unsigned pass = 0, fn = 0; pass < 2 * DM_ARRAY_LEN(f->machine.pci.fn); pass++, fn++) {
        if (!f->machine.pci.fn[fn % 256] || n--)
            continue;
        if (pick & 32)
            fake_config_in(f, (uint8_t)fn, off, size);
        else
            fake_config_out(f, (uint8_t)fn, off, size, (uint32_t)fuzz_take(in, size));
        return;
    }
}

static void fuzz_ram(struct fake *f, struct fuzz_input *in)
{
    uint32_t at = (uint32_t)fuzz_take(in, 3) % (FAKE_RAM_SIZE - 256);
    size_t len = fuzz_take(in, 1);

    len = len < in->left ? len : in->left;
    memcpy(f->ram + at, in->data, len);
    in->data += len;
    in->left -= len;
}

/*
 * A frame comes, to nobody, to all or to QEMU's first MAC address; or the host's side has no
 * room; or the cable is pulled.
 */
static void fuzz_net(struct fake *f, struct fuzz_input *in)
{
    static const uint8_t mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
    static const size_t max[] = { 64, 300, 1600, DM_NET_MAX_LEN };
    static uint8_t frame[DM_NET_MAX_LEN];
    uint8_t what = (uint8_t)fuzz_take(in, 1);
    size_t len = fuzz_take(in, 2) % max[what & 3] + 1, own = in->left < len ? in->left : len;
    struct dm_net_offload off = { 0 };

    if (what & 4) {
        off.flags = (uint8_t)fuzz_take(in, 1);
        off.gso_type = (uint8_t)fuzz_take(in, 1) & 0x85;
        off.gso_size = (uint16_t)fuzz_take(in, 2);
        off.csum_start = (uint16_t)fuzz_take(in, 1);
        off.csum_offset = (uint16_t)fuzz_take(in, 1);
        own = in->left < own ? in->left : own;
    }
    own = own < 128 ? own : 128; /* the rest is a pattern: few bytes make a large frame */
    memset(frame, what, len);
    memcpy(frame, in->data, own);
    in->data += own;
    in->left -= own;
    if (what & 8 && len >= sizeof(mac))
        memset(frame, 0xff, sizeof(mac));
    else if (what & 16 && len >= sizeof(mac))
        memcpy(frame, mac, sizeof(mac));
    for (struct dm_net *n = f->machine.nets; n; n = n->next) {
        if ((what & 0xe0) == 0x20)
            dm_net_set_link(n, !n->link_up);
        fake_net_writable((struct fake_net *)n, what & 0x80 ? what & 3 : SIZE_MAX);
        if (dm_net_room(n, len))
            fake_net_bring((struct fake_net *)n, frame, len, &off);
    }
}

static void fuzz_host(struct fake *f, struct fuzz_input *in)
{
    uint8_t what = (uint8_t)fuzz_take(in, 1), bytes[16];
    size_t len = what & 15;

    for (struct dm_block *b = f->machine.blocks; b; b = b->next) {
        struct fake_block *fb = (struct fake_block *)b;

        fb->deferred = what & 16;
        fb->fail = what & 32 ? -28 : 0; /* ENOSPC */
        fake_block_step(fb);
    }
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)fuzz_take(in, 1);
    for (struct dm_chardev *c = f->machine.chardevs; c; c = c->next) {
        ((struct fake_chardev *)c)->out_room = what & 64 ? 3 : SIZE_MAX;
        fake_chardev_send((struct fake_chardev *)c, bytes, len);
        dm_chardev_writable(c);
    }
    if (f->machine.nets)
        fuzz_net(f, in);
}

/* Saved state goes round; what: a byte of the stream is changed first, so load may refuse. */
static void fuzz_state(struct fake *f, struct fuzz_input *in)
{
    uint16_t at = (uint16_t)fuzz_take(in, 2);
    uint8_t flip = (uint8_t)fuzz_take(in, 1);
    struct dm_buf buf = { 0 };
    struct dm_error err;

    if (!dm_state_save(&f->machine, &buf, &err)) { /* a disk that stands still: nothing is saved */
        buf.data[at % buf.len] ^= flip;
        dm_state_seal(buf.data, buf.len);
        if (dm_state_load(&f->machine, buf.data, buf.len, &err))
            dm_machine_reset(&f->machine);
    }
    dm_buf_finish(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    static struct fake_viewer viewer;
    struct fake f;

    fake_init(&f, fuzz_target.classes);
    fuzz_target.setup(&f);
    fake_viewer_watch(&f, &viewer);
    for (unsigned step = 0; in.left && step < FUZZ_STEPS; step++) {
        uint8_t op = (uint8_t)fuzz_take(&in, 1);

        switch (op % 12) {
        case 0:
        case 1:
            fuzz_port(&f, &in, true);
            break;
        case 2:
            fuzz_port(&f, &in, false);
            break;
        case 3:
            fuzz_mem(&f, &in, true);
            break;
        case 4:
            fuzz_mem(&f, &in, false);
            break;
        case 5:
            fuzz_config(&f, &in);
            break;
        case 6:
            fuzz_ram(&f, &in);
            break;
        case 7:
            fuzz_host(&f, &in);
            break;
        case 8:
            fake_advance(&f, fuzz_take(&in, 2) << (op / 12 % 16));
            break;
        case 9:
            fuzz_state(&f, &in);
            break;
        case 10:
            fuzz_block(&f, &in, op / 12 & 1);
            break;
        case 11:
            if (fuzz_target.extra)
                fuzz_target.extra(&f, (uint8_t)fuzz_take(&in, 1), (uint8_t)fuzz_take(&in, 1));
            break;
        }
    }
    dm_display_remove_viewer(&f.machine.display, &viewer.viewer);
    fake_finish(&f);
    return 0;
}
