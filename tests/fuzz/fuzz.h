/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fuzz body shared by all devices. Bytes are decoded to steps: an access to
 * one of the target's ports, to one of its mapped BARs or its config space, time,
 * guest memory contents, a completion, bytes and frames from the host, save and load. Each
 * file fuzz-*.c says what the target is; the same program replays the corpus as a
 * test and is libFuzzer's target.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "tests/fake/fake.h"

#include <string.h>

struct fuzz_input {
    const uint8_t *data;
    size_t left;
};

/* The next size bytes, up to 8, as a little-endian number; zeroes when there are no more. */
static inline uint64_t fuzz_take(struct fuzz_input *in, unsigned size)
{
    uint8_t b[8] = { 0 };
    size_t n = in->left < size ? in->left : size;

    memcpy(b, in->data, n);
    in->data += n;
    in->left -= n;
    return dm_get_le(b, size);
}

struct fuzz_ports {
    uint16_t first, count;
};

struct fuzz_target {
    const struct dm_class *const *classes;
    void (*setup)(struct fake *f); /* creates back ends and devices */
    struct fuzz_ports ports[8];    /* ended by count 0 */
    struct {
        uint64_t first, size;
    } mem[4]; /* ended by size 0 */
    /* An extra step of the target's own (a key, a packet). May be NULL. */
    void (*extra)(struct fake *f, uint8_t a, uint8_t b);
};

extern const struct fuzz_target fuzz_target;

#endif
