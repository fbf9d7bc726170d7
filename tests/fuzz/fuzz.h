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
