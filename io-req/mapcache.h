/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mappings of guest memory, kept in buckets of 1 MiB that are mapped when first
 * used. A page the guest does not have (ballooned out, a hole) is never touched;
 * each later lookup of it asks again, since the guest may have got it back. Loop
 * thread only.
 */
#ifndef IO_REQ_MAPCACHE_H
#define IO_REQ_MAPCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAPCACHE_SHIFT 20 /* log2 of a bucket's bytes */
#define MAPCACHE_PAGES (1u << (MAPCACHE_SHIFT - 12))
#define MAPCACHE_HASH  256u

/* The mapping primitive: xenforeignmemory, or memory of a test. */
struct mapcache_ops {
    /*
     * Maps pages pages from guest frame gfn on, in one piece. err[i] is not 0 where
     * there is no page i. Returns NULL, with errno set, if nothing could be mapped.
     */
    void *(*map)(void *opaque, uint64_t gfn, size_t pages, int *err);
    void (*unmap)(void *opaque, void *host, size_t pages);
};

struct mapcache_bucket;

struct mapcache {
    const struct mapcache_ops *ops;
    void *opaque;
    unsigned limit;               /* buckets that are kept without use */
    unsigned hard_limit;          /* buckets, all in use at once, that there may be */
    unsigned count;               /* buckets there are, stale ones included */
    struct mapcache_bucket *last; /* last hit */
    uint64_t absent; /* index of the last bucket that had no page at all; UINT64_MAX: none */
    struct mapcache_bucket *newest, *oldest; /* by use; pinned ones too, stale ones not */
    struct mapcache_bucket *stale;           /* invalidated while in use */
    struct mapcache_bucket *hash[MAPCACHE_HASH];
};

/* limit: buckets (1 MiB each) to keep, 1 at least; four times as many may be in use at once. */
void mapcache_init(struct mapcache *cache, const struct mapcache_ops *ops, void *opaque,
                   unsigned limit);
void mapcache_finish(struct mapcache *cache); /* unmaps all; a zeroed cache is fine */

/*
 * Host address of guest-physical gpa, pinned until mapcache_put. *len (1 at least)
 * is cut to what is contiguous here. NULL: no page there, or too much is in use.
 */
void *mapcache_get(struct mapcache *cache, uint64_t gpa, size_t *len);

/* Ends it. host is what mapcache_get returned for gpa. */
void mapcache_put(struct mapcache *cache, uint64_t gpa, void *host);

/*
 * The guest's memory changed: everything is mapped afresh from now on. What is
 * pinned stays as it is until it is put.
 */
void mapcache_invalidate(struct mapcache *cache);

#endif
