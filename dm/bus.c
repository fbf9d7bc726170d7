/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/bus.h"

#include "dm/bytes.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Index of the first region whose end lies above addr. */
static unsigned bus_space_search(const struct dm_space *s, uint64_t addr)
{
    unsigned lo = 0, hi = s->count;

    while (lo < hi) {
        unsigned mid = lo + (hi - lo) / 2;
        const struct dm_region *r = s->region[mid];

        if (addr - r->base < r->size || r->base > addr)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

int dm_space_add(struct dm_space *s, struct dm_region *r, uint64_t base)
{
    unsigned at;
    int rc;

    assert(!r->space);
    if (r->size == 0 || base > UINT64_MAX - (r->size - 1))
        return -EINVAL;
    if (s->count == DM_SPACE_REGIONS)
        return -ENOSPC;
    at = bus_space_search(s, base);
    if (at < s->count && s->region[at]->base <= base + (r->size - 1))
        return -EEXIST;
    if (s->claim) {
        rc = s->claim(s->opaque, s->kind, base, base + (r->size - 1), true);
        if (rc)
            return rc;
    }
    memmove(&s->region[at + 1], &s->region[at], (s->count - at) * sizeof(s->region[0]));
    s->region[at] = r;
    s->count++;
    r->base = base;
    r->space = s;
    return 0;
}

void dm_space_remove(struct dm_region *r)
{
    struct dm_space *s = r->space;
    unsigned at;

    if (!s)
        return;
    at = bus_space_search(s, r->base);
    s->count--;
    memmove(&s->region[at], &s->region[at + 1], (s->count - at) * sizeof(s->region[0]));
    if (s->claim)
        s->claim(s->opaque, s->kind, r->base, r->base + (r->size - 1), false);
    r->space = NULL;
}

struct dm_region *dm_space_find(struct dm_space *s, uint64_t addr)
{
    struct dm_region *r;
    unsigned at = s->last;

    if (at < s->count && addr - s->region[at]->base < s->region[at]->size)
        return s->region[at];
    at = bus_space_search(s, addr);
    if (at == s->count)
        return NULL;
    r = s->region[at];
    if (addr - r->base >= r->size)
        return NULL;
    s->last = at;
    return r;
}

static unsigned bus_region_max(const struct dm_region *r)
{
    return r->ops->max ? r->ops->max : 4;
}

static unsigned bus_region_min(const struct dm_region *r)
{
    return r->ops->min ? r->ops->min : 1;
}

/* An access that fits the region: widened or split to what the device implements. */
static uint64_t bus_region_read(struct dm_region *r, uint64_t off, unsigned size)
{
    unsigned max = bus_region_max(r), min = bus_region_min(r);
    uint64_t val = 0;

    if (!r->ops->read)
        return dm_ones(size);
    if (size < min) {
        uint64_t at = off & ~(uint64_t)(min - 1);

        if (off + size > at + min || !dm_in_range(at, min, r->size))
            return dm_ones(size);
        val = r->ops->read(r->opaque, at, min) >> (8 * (off - at));
        return val & dm_ones(size);
    }
    if (size <= max)
        return r->ops->read(r->opaque, off, size) & dm_ones(size);
    for (unsigned i = 0; i < size; i += max)
        val |= (r->ops->read(r->opaque, off + i, max) & dm_ones(max)) << (8 * i);
    return val;
}

static void bus_region_write(struct dm_region *r, uint64_t off, unsigned size, uint64_t val)
{
    unsigned max = bus_region_max(r);

    if (!r->ops->write || size < bus_region_min(r))
        return;
    if (size <= max) {
        r->ops->write(r->opaque, off, size, val & dm_ones(size));
        return;
    }
    for (unsigned i = 0; i < size; i += max)
        r->ops->write(r->opaque, off + i, max, val >> (8 * i) & dm_ones(max));
}

uint64_t dm_space_read(struct dm_space *s, uint64_t addr, unsigned size)
{
    struct dm_region *r = dm_space_find(s, addr);
    uint64_t val = 0;

    if (r && dm_in_range(addr - r->base, size, r->size))
        return bus_region_read(r, addr - r->base, size);
    if (size == 1)
        return dm_ones(1);
    /* Straddles a region's edge: byte by byte, as the ISA bus would. */
    for (unsigned i = 0; i < size; i++)
        val |= dm_space_read(s, addr + i, 1) << (8 * i);
    return val;
}

void dm_space_write(struct dm_space *s, uint64_t addr, unsigned size, uint64_t val)
{
    struct dm_region *r = dm_space_find(s, addr);

    if (r && dm_in_range(addr - r->base, size, r->size)) {
        bus_region_write(r, addr - r->base, size, val);
        return;
    }
    if (size == 1)
        return;
    for (unsigned i = 0; i < size; i++)
        dm_space_write(s, addr + i, 1, val >> (8 * i) & 0xff);
}

void dm_space_read_block(struct dm_space *s, uint64_t addr, unsigned size, void *buf, size_t count)
{
    struct dm_region *r = dm_space_find(s, addr);
    uint8_t *at = buf;

    if (r && r->ops->read_block && dm_in_range(addr - r->base, size, r->size)) {
        size_t n = r->ops->read_block(r->opaque, addr - r->base, size, at, count);

        assert(n <= count);
        at += n * size;
        count -= n;
    }
    for (; count; count--, at += size)
        dm_put_le(at, size, dm_space_read(s, addr, size));
}

void dm_space_write_block(struct dm_space *s, uint64_t addr, unsigned size, const void *buf,
                          size_t count)
{
    struct dm_region *r = dm_space_find(s, addr);
    const uint8_t *at = buf;

    if (r && r->ops->write_block && dm_in_range(addr - r->base, size, r->size)) {
        size_t n = r->ops->write_block(r->opaque, addr - r->base, size, at, count);

        assert(n <= count);
        at += n * size;
        count -= n;
    }
    for (; count; count--, at += size)
        dm_space_write(s, addr, size, dm_get_le(at, size));
}
