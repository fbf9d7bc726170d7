/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two address spaces a vCPU's access can hit: I/O ports and memory-mapped
 * registers. Regions do not overlap. Loop thread only.
 */
#ifndef DM_BUS_H
#define DM_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dm_region_ops {
    /*
     * size is 1, 2, 4 or 8 and within [min, max]; off is from the region's start, may be
     * unaligned, and off + size is within the region.
     */
    uint64_t (*read)(void *opaque, uint64_t off, unsigned size);
    void (*write)(void *opaque, uint64_t off, unsigned size, uint64_t val);
    /*
     * Optional: count elements of size bytes through one offset (rep ins, rep
     * outs). Returns how many were moved, 0 to let single accesses do it.
     */
    size_t (*read_block)(void *opaque, uint64_t off, unsigned size, void *buf, size_t count);
    size_t (*write_block)(void *opaque, uint64_t off, unsigned size, const void *buf, size_t count);
    uint8_t min, max; /* access sizes the device implements, bytes; 0 means 1 and 4 */
};

struct dm_space;

struct dm_region {
    const char *name;
    const struct dm_region_ops *ops;
    void *opaque;
    uint64_t base, size;
    struct dm_space *space; /* NULL while not mapped */
};

enum dm_space_kind { DM_SPACE_IO, DM_SPACE_MEM };

#define DM_SPACE_REGIONS 96 /* Xen allows a server 256 ranges of a type */

struct dm_space {
    enum dm_space_kind kind;
    struct dm_region *region[DM_SPACE_REGIONS]; /* sorted by base */
    unsigned count, last;                       /* last: index of the last hit */
    /* Tells the hypervisor that [first, last] is ours (or no longer). May be NULL. */
    int (*claim)(void *opaque, enum dm_space_kind kind, uint64_t first, uint64_t last, bool on);
    void *opaque;
};

/*
 * Maps a region at base. Returns 0, -EINVAL for an empty or wrapping range,
 * -EEXIST if it overlaps another, -ENOSPC, or what the claim returned.
 */
int dm_space_add(struct dm_space *space, struct dm_region *region, uint64_t base);
void dm_space_remove(struct dm_region *region); /* one that is not mapped is fine */

/* The region that holds addr, or NULL. */
struct dm_region *dm_space_find(struct dm_space *space, uint64_t addr);

/*
 * One access of size 1, 2, 4 or 8 bytes. An unclaimed read gives all ones, an
 * unclaimed write is dropped. Wider accesses than the device implements are split.
 * The value returned has no bits above the size.
 */
uint64_t dm_space_read(struct dm_space *space, uint64_t addr, unsigned size);
void dm_space_write(struct dm_space *space, uint64_t addr, unsigned size, uint64_t val);

/* count accesses through one address. Moves all of them. */
void dm_space_read_block(struct dm_space *space, uint64_t addr, unsigned size, void *buf,
                         size_t count);
void dm_space_write_block(struct dm_space *space, uint64_t addr, unsigned size, const void *buf,
                          size_t count);

#endif
