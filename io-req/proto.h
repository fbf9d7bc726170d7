/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pages that Xen and an ioreq server share, in our own words, so that all but
 * io-req/xen.c builds without Xen's headers. Xen public headers 4.17,
 * hvm/ioreq.h; xen.c and tests/unit/test-xen.c compare the two.
 */
#ifndef IO_REQ_PROTO_H
#define IO_REQ_PROTO_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define IOREQ_VCPU_MAX 128 /* what one page holds; HVM_MAX_VCPUS is no more */

enum ioreq_state {
    IOREQ_NONE = 0,
    IOREQ_READY = 1,     /* Xen: for us */
    IOREQ_INPROCESS = 2, /* we: taken */
    IOREQ_RESPONSE = 3,  /* we: answered */
};

enum ioreq_type {
    IOREQ_PIO = 0,
    IOREQ_COPY = 1,
    IOREQ_CONFIG = 2,
    IOREQ_TIMEOFFSET = 7,
    IOREQ_INVALIDATE = 8,
};

/* Bits of ioreq_slot.flags, which are bit fields in Xen's header. */
enum {
    IOREQ_STATE_MASK = 0x0f,
    IOREQ_DATA_IS_PTR = 0x10, /* data is a guest-physical address */
    IOREQ_DIR_READ = 0x20,    /* the guest reads */
    IOREQ_DF = 0x40,          /* addresses step down */
};

/* The request of one vCPU. */
struct ioreq_slot {
    uint64_t addr;  /* port, guest-physical address, or SBDF << 32 | register */
    uint64_t data;  /* the value, or where it is */
    uint32_t count; /* elements (rep) */
    uint32_t size;  /* bytes of an element */
    uint32_t port;  /* event channel of this vCPU; never changed by us */
    uint16_t unused;
    uint8_t flags; /* the state and the bits above */
    uint8_t type;
};

struct ioreq_page {
    struct ioreq_slot vcpu[IOREQ_VCPU_MAX];
};

#define IOREQ_RING_SLOTS 511u

/* A buffered write. 8 bytes take two slots, the second holds the upper half of data. */
struct ioreq_entry {
    uint8_t type;
    uint8_t bits;  /* 1: dir, 2-3: log2 of the size, 4-7: address bits 0-3 */
    uint16_t addr; /* address bits 4-19 */
    uint32_t data;
};

#define IOREQ_ENTRY_READ        0x02
#define IOREQ_ENTRY_SIZE(bits)  (1u << ((bits) >> 2 & 3))
#define IOREQ_ENTRY_ADDR(b, hi) ((uint32_t)((b) >> 4) | (uint32_t)(hi) << 4)

/*
 * The buffered ring. The counters run freely and differ by at most
 * IOREQ_RING_SLOTS; Xen takes multiples of that from both at once to keep them
 * small, so read both at once and add to read_pointer atomically.
 */
struct ioreq_ring {
    union {
        struct {
            uint32_t read_pointer, write_pointer;
        };
        uint64_t both;
    };
    struct ioreq_entry entry[IOREQ_RING_SLOTS];
};

static_assert(sizeof(struct ioreq_slot) == 32, "as in Xen's header");
static_assert(offsetof(struct ioreq_slot, flags) == 30, "as in Xen's header");
static_assert(sizeof(struct ioreq_page) == 4096, "one page");
static_assert(sizeof(struct ioreq_entry) == 8, "as in Xen's header");
static_assert(sizeof(struct ioreq_ring) == 4096, "one page");

#endif
