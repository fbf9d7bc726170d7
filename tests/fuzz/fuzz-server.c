/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ioreq server on top of the map cache, with guest memory that comes and
 * goes: requests and buffered entries of any content, garbage in the ring's
 * pointers, mappings that stay in use meanwhile. Has a body of its own.
 */
#include "tests/fake/foreign.h"
#include "tests/fuzz/fuzz.h"

#include "io-req/server.h"

#define STEPS   2048
#define PINS    16
#define VCPUS   4
#define PORT    0x1f0
#define MMIO    0xf0000000u
#define BUCKETS 3 /* of the 32 the memory has */

static struct foreign mem;
static struct mapcache cache;
static struct fake fake;
static struct ioreq_page page;
static struct ioreq_ring ring;
static struct ioreq_server server;
static unsigned answered;

static struct {
    uint64_t gpa;
    uint8_t *host;
    size_t len;
} pin[PINS];

static void *server_map(struct dm_hypervisor *hv, uint64_t gpa, size_t *len)
{
    return mapcache_get(&cache, gpa, len);
}

static void server_unmap(struct dm_hypervisor *hv, uint64_t gpa, void *host, size_t written)
{
    mapcache_put(&cache, gpa, host);
}

/* The device: 64 KiB of bytes, of which ports see the first 8. */
static uint8_t store[65536];

static uint64_t store_read(void *opaque, uint64_t off, unsigned size)
{
    if (!dm_in_range(off, size, sizeof(store)))
        abort();
    return dm_get_le(store + off, size);
}

static void store_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    if (!dm_in_range(off, size, sizeof(store)) || (val & ~dm_ones(size)))
        abort();
    dm_put_le(store + off, size, val);
}

/* Moves no more than it feels like, as a device at the end of a sector does. */
static size_t store_read_block(void *opaque, uint64_t off, unsigned size, void *buf, size_t count)
{
    size_t n = count < 100 ? count : 100;

    memset(buf, store[off], n * size);
    return n;
}

static size_t store_write_block(void *opaque, uint64_t off, unsigned size, const void *buf,
                                size_t count)
{
    size_t n = count < 100 ? count : 100;

    if (n)
        memcpy(store, buf, size);
    return n;
}

static const struct dm_region_ops store_ops = { store_read,        store_write, store_read_block,
                                                store_write_block, 1,           8 };

static void notified(void *opaque, unsigned vcpu)
{
    if (vcpu >= VCPUS || (page.vcpu[vcpu].flags & IOREQ_STATE_MASK) != IOREQ_RESPONSE)
        abort();
    page.vcpu[vcpu].flags &= (uint8_t)~IOREQ_STATE_MASK;
    answered++;
}

static void invalidated(void *opaque)
{
    mapcache_invalidate(&cache);
}

static const struct ioreq_server_ops server_ops = { notified, invalidated };

/* Addresses near something, mostly. */
static uint64_t take_gpa(struct fuzz_input *in)
{
    uint8_t pick = (uint8_t)fuzz_take(in, 1);

    switch (pick % 4) {
    case 0:
        return fuzz_take(in, 8);
    case 1:
        return (uint64_t)FOREIGN_PAGES * 4096 - fuzz_take(in, 1);
    default:
        return fuzz_take(in, 4) % ((uint64_t)FOREIGN_PAGES * 4096);
    }
}

static uint64_t take_addr(struct fuzz_input *in, unsigned type)
{
    uint8_t pick = (uint8_t)fuzz_take(in, 1);

    if (pick % 8 == 0)
        return fuzz_take(in, 8);
    switch (type) {
    case IOREQ_PIO:
        return PORT - 4 + fuzz_take(in, 1) % 16;
    case IOREQ_CONFIG:
        return (uint64_t)(pick & 8) << 29 | fuzz_take(in, 2);
    default:
        return MMIO - 8 + fuzz_take(in, 3) % (sizeof(store) + 16);
    }
}

static void request(struct fuzz_input *in)
{
    uint8_t what = (uint8_t)fuzz_take(in, 1), shape = (uint8_t)fuzz_take(in, 1);
    struct ioreq_slot *slot = &page.vcpu[what / 16 % VCPUS];
    unsigned before = answered;

    *slot = (struct ioreq_slot) {
        .type = what % 16 < 12 ? what % 3 : (uint8_t)(what % 16 - 5),
        .size = shape & 3 ? 1u << (shape & 3) : 1,
        .flags = (uint8_t)((shape & 0x70) | IOREQ_READY),
        .count = (uint32_t)fuzz_take(in, 1),
    };
    if (shape & 4)
        slot->count = slot->count << 8 | (uint32_t)fuzz_take(in, 1);
    if (shape & 8)
        slot->size = (uint32_t)fuzz_take(in, 4);
    slot->addr = take_addr(in, slot->type);
    slot->data = take_gpa(in);
    ioreq_server_poll(&server);
    if (answered != before + 1)
        abort();
}

static void entry(struct fuzz_input *in, bool any)
{
    struct ioreq_entry *e = &ring.entry[ring.write_pointer++ % IOREQ_RING_SLOTS];

    dm_put_le(e, 8, fuzz_take(in, 8));
    if (!any)
        e->type %= 3;
}

static void pin_toggle(struct fuzz_input *in)
{
    unsigned n = (unsigned)fuzz_take(in, 1) % PINS;

    if (pin[n].host) {
        memset(pin[n].host, (int)n, pin[n].len); /* what is pinned can be touched */
        mapcache_put(&cache, pin[n].gpa, pin[n].host);
        pin[n].host = NULL;
        return;
    }
    pin[n].gpa = take_gpa(in);
    pin[n].len = 1 + fuzz_take(in, 3);
    pin[n].host = mapcache_get(&cache, pin[n].gpa, &pin[n].len);
}

static void holes(struct fuzz_input *in)
{
    size_t at = fuzz_take(in, 2) % FOREIGN_PAGES, count = fuzz_take(in, 1);
    bool hole = count & 1;

    for (; count && at < FOREIGN_PAGES; count--)
        mem.hole[at++] = hole;
}

static void start(struct dm_region *io, struct dm_region *mmio, struct dm_pci_device *dev)
{
    static const struct dm_class *const none[] = { NULL };
    static const struct dm_pci_info info = { .vendor = 0x8086 };
    static const struct dm_class class = { .name = "function", .pci = &info };
    static struct dm_hypervisor_ops ops;

    if (!mem.view)
        foreign_init(&mem);
    else if (ftruncate(mem.fd, 0) || ftruncate(mem.fd, FOREIGN_PAGES * 4096))
        abort(); /* zeroes, so that an input always does the same */
    memset(mem.hole, 0, sizeof(mem.hole));
    mem.refuse = false;
    memset(&page, 0, sizeof(page));
    memset(&ring, 0, sizeof(ring));
    memset(store, 0, sizeof(store));
    mapcache_init(&cache, &foreign_ops, &mem, BUCKETS);
    fake_init(&fake, none);
    ops = *fake.hv.ops;
    ops.map = server_map;
    ops.unmap = server_unmap;
    fake.hv.ops = &ops;
    *io = (struct dm_region) { .ops = &store_ops, .size = 8 };
    *mmio = (struct dm_region) { .ops = &store_ops, .size = sizeof(store) };
    *dev = (struct dm_pci_device) { .dev = { .class = &class, .machine = &fake.machine } };
    if (dm_space_add(&fake.machine.io, io, PORT) || dm_space_add(&fake.machine.mem, mmio, MMIO))
        abort();
    memset(dev->wmask, 0xff, sizeof(dev->wmask));
    fake.machine.pci.fn[0] = dev;
    server = (struct ioreq_server) {
        .page = &page, .ring = &ring, .vcpus = VCPUS, .machine = &fake.machine, .ops = &server_ops
    };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct dm_region io, mmio;
    struct dm_pci_device dev;

    start(&io, &mmio, &dev);
    for (unsigned step = 0; in.left && step < STEPS; step++) {
        uint8_t op = (uint8_t)fuzz_take(&in, 1);

        switch (op % 12) {
        case 0:
        case 1:
        case 2:
        case 3:
            request(&in);
            break;
        case 4:
        case 5:
            entry(&in, op & 16);
            break;
        case 6:
            ioreq_server_poll(&server);
            break;
        case 7:
            pin_toggle(&in);
            break;
        case 8:
            holes(&in);
            break;
        case 9:
            if (op & 16)
                mem.refuse = op & 32;
            else
                mapcache_invalidate(&cache);
            break;
        case 10: /* Xen keeps the counters small */
            if (ring.read_pointer >= IOREQ_RING_SLOTS) {
                ring.read_pointer -= IOREQ_RING_SLOTS;
                ring.write_pointer -= IOREQ_RING_SLOTS;
            }
            break;
        case 11:
            ring.both = fuzz_take(&in, 8);
            break;
        }
        if (cache.count > cache.hard_limit || mem.mapped != cache.count * MAPCACHE_PAGES)
            abort();
    }
    ioreq_server_poll(&server);
    for (unsigned n = 0; n < PINS; n++) {
        if (pin[n].host)
            mapcache_put(&cache, pin[n].gpa, pin[n].host);
        pin[n].host = NULL;
    }
    if (cache.count > cache.limit || cache.stale)
        abort();
    mapcache_finish(&cache);
    if (mem.mapped)
        abort();
    fake.machine.pci.fn[0] = NULL;
    dm_space_remove(&io);
    dm_space_remove(&mmio);
    fake_finish(&fake);
    return 0;
}
