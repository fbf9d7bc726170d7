/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io-req/mapcache.h"

#include "dm/bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAPCACHE_BYTES    ((size_t)1 << MAPCACHE_SHIFT)
#define MAPCACHE_GPA_BITS 52 /* no x86 processor has wider physical addresses */

struct mapcache_bucket {
    uint8_t *host;
    uint64_t index; /* gpa >> MAPCACHE_SHIFT */
    unsigned pins;
    bool stale;
    bool whole; /* all pages are there */
    uint64_t valid[MAPCACHE_PAGES / 64];
    struct mapcache_bucket *chain;         /* of the hash, or of the stale ones */
    struct mapcache_bucket *newer, *older; /* by use */
};

static struct mapcache_bucket **mapcache_head(struct mapcache *c, uint64_t index)
{
    return &c->hash[(index ^ index >> 8) % MAPCACHE_HASH];
}

static bool mapcache_page_valid(const struct mapcache_bucket *b, unsigned page)
{
    return b->valid[page / 64] >> page % 64 & 1;
}

static void mapcache_order_remove(struct mapcache *c, struct mapcache_bucket *b)
{
    *(b->newer ? &b->newer->older : &c->newest) = b->older;
    *(b->older ? &b->older->newer : &c->oldest) = b->newer;
}

static void mapcache_order_add(struct mapcache *c, struct mapcache_bucket *b)
{
    b->newer = NULL;
    b->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = b;
    c->newest = b;
}

static void mapcache_chain_remove(struct mapcache_bucket **head, struct mapcache_bucket *b)
{
    while (*head != b)
        head = &(*head)->chain;
    *head = b->chain;
}

/* Takes a bucket out of the lookup. */
static void mapcache_unlink(struct mapcache *c, struct mapcache_bucket *b)
{
    mapcache_chain_remove(mapcache_head(c, b->index), b);
    mapcache_order_remove(c, b);
    if (c->last == b)
        c->last = NULL;
}

/* Frees a bucket that nothing refers to. */
static void mapcache_free(struct mapcache *c, struct mapcache_bucket *b)
{
    c->ops->unmap(c->opaque, b->host, MAPCACHE_PAGES);
    free(b);
    c->count--;
}

/* Lookups forget the bucket; it goes now, or when the last pin does. */
static void mapcache_drop(struct mapcache *c, struct mapcache_bucket *b)
{
    mapcache_unlink(c, b);
    if (!b->pins) {
        mapcache_free(c, b);
        return;
    }
    b->stale = true;
    b->chain = c->stale;
    c->stale = b;
}

/* Makes room for one more. false: too much is in use. */
static bool mapcache_make_room(struct mapcache *c)
{
    struct mapcache_bucket *b = c->oldest;

    if (c->count < c->limit)
        return true;
    while (b && b->pins)
        b = b->newer;
    if (b) {
        mapcache_drop(c, b);
        return true;
    }
    return c->count < c->hard_limit;
}

static struct mapcache_bucket *mapcache_find(struct mapcache *c, uint64_t index)
{
    struct mapcache_bucket *b = *mapcache_head(c, index);

    while (b && b->index != index)
        b = b->chain;
    return b;
}

/* Maps a bucket. NULL: no page of it is there, or there is no room. */
static struct mapcache_bucket *mapcache_add(struct mapcache *c, uint64_t index)
{
    uint64_t gfn = index << (MAPCACHE_SHIFT - 12);
    struct mapcache_bucket *b, **head;
    int err[MAPCACHE_PAGES];
    unsigned there = 0;

    if (!mapcache_make_room(c))
        return NULL;
    b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    memset(err, 0, sizeof(err));
    b->host = c->ops->map(c->opaque, gfn, MAPCACHE_PAGES, err);
    if (!b->host) {
        free(b);
        return NULL;
    }
    c->absent = UINT64_MAX;
    c->count++;
    for (unsigned i = 0; i < MAPCACHE_PAGES; i++) {
        if (!err[i]) {
            b->valid[i / 64] |= 1ull << i % 64;
            there++;
        }
    }
    if (!there) {
        mapcache_free(c, b);
        c->absent = index;
        return NULL;
    }
    b->index = index;
    b->whole = there == MAPCACHE_PAGES;
    head = mapcache_head(c, index);
    b->chain = *head;
    *head = b;
    mapcache_order_add(c, b);
    return b;
}

/* Has the guest got this page now? */
static bool mapcache_probe(struct mapcache *c, uint64_t gfn)
{
    int err = 0;
    void *host = c->ops->map(c->opaque, gfn, 1, &err);

    if (host)
        c->ops->unmap(c->opaque, host, 1);
    return host && !err;
}

/* The bucket of index with page there, mapped or mapped anew as needed. */
static struct mapcache_bucket *mapcache_bring(struct mapcache *c, uint64_t index, unsigned page)
{
    struct mapcache_bucket *b = mapcache_find(c, index);

    if (!b || !mapcache_page_valid(b, page)) {
        /* One page first: asking for a hole again and again must stay cheap. */
        if ((b || c->absent == index) &&
            !mapcache_probe(c, (index << (MAPCACHE_SHIFT - 12)) + page))
            return NULL;
        if (b)
            mapcache_drop(c, b);
        b = mapcache_add(c, index);
        return b && mapcache_page_valid(b, page) ? b : NULL;
    }
    if (c->newest != b) {
        mapcache_order_remove(c, b);
        mapcache_order_add(c, b);
    }
    return b;
}

void mapcache_init(struct mapcache *c, const struct mapcache_ops *ops, void *opaque, unsigned limit)
{
    assert(limit);
    *c = (struct mapcache) {
        .ops = ops,
        .opaque = opaque,
        .limit = limit,
        .hard_limit = 4 * limit,
        .absent = UINT64_MAX,
    };
}

void mapcache_finish(struct mapcache *c)
{
    if (!c->ops)
        return;
    while (c->oldest) {
        struct mapcache_bucket *b = c->oldest;

        mapcache_unlink(c, b);
        mapcache_free(c, b);
    }
    while (c->stale) {
        struct mapcache_bucket *b = c->stale;

        c->stale = b->chain;
        mapcache_free(c, b);
    }
}

void *mapcache_get(struct mapcache *c, uint64_t gpa, size_t *len)
{
    uint64_t index = gpa >> MAPCACHE_SHIFT;
    size_t off = gpa & (MAPCACHE_BYTES - 1), room = MAPCACHE_BYTES - off;
    unsigned page = (unsigned)(off >> 12);
    struct mapcache_bucket *b = c->last;

    if (!b || b->index != index || !mapcache_page_valid(b, page)) {
        if (*len == 0 || gpa >> MAPCACHE_GPA_BITS)
            return NULL;
        b = mapcache_bring(c, index, page);
        if (!b)
            return NULL;
        c->last = b;
    }
    if (!b->whole) {
        room = 4096 - (off & 4095);
        while (room < *len && ++page < MAPCACHE_PAGES && mapcache_page_valid(b, page))
            room += 4096;
    }
    if (*len > room)
        *len = room;
    b->pins++;
    return b->host + off;
}

/* Does host lie in the bucket? */
static bool mapcache_holds(const struct mapcache_bucket *b, const void *host)
{
    return (uintptr_t)host - (uintptr_t)b->host < MAPCACHE_BYTES;
}

void mapcache_put(struct mapcache *c, uint64_t gpa, void *host)
{
    struct mapcache_bucket *b = c->last;

    if (!b || !mapcache_holds(b, host)) {
        b = mapcache_find(c, gpa >> MAPCACHE_SHIFT);
        if (!b || !mapcache_holds(b, host))
            for (b = c->stale; b && !mapcache_holds(b, host);)
                b = b->chain;
    }
    assert(b && b->pins && b->index == gpa >> MAPCACHE_SHIFT);
    if (--b->pins)
        return;
    if (b->stale) {
        mapcache_chain_remove(&c->stale, b);
        mapcache_free(c, b);
    } else if (c->count > c->limit) {
        mapcache_drop(c, b);
    }
}

void mapcache_invalidate(struct mapcache *c)
{
    while (c->oldest)
        mapcache_drop(c, c->oldest);
    c->absent = UINT64_MAX;
}
