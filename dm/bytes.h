/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Little- and big-endian values in byte buffers, and range checks. */
#ifndef DM_BYTES_H
#define DM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DM_ARRAY_LEN(a)       (sizeof(a) / sizeof((a)[0]))
#define DM_CONTAINER(p, t, m) ((t *)((char *)(p)-offsetof(t, m)))
#define DM_BIT(n)             (1u << (n))

static inline uint64_t dm_get_le(const void *buf, unsigned size)
{
    const uint8_t *b = buf;
    uint64_t v = 0;

    for (unsigned i = size; i-- > 0;)
        v = v << 8 | b[i];
    return v;
}

static inline void dm_put_le(void *buf, unsigned size, uint64_t v)
{
    uint8_t *b = buf;

    for (unsigned i = 0; i < size; i++, v >>= 8)
        b[i] = (uint8_t)v;
}

static inline uint64_t dm_get_be(const void *buf, unsigned size)
{
    const uint8_t *b = buf;
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++)
        v = v << 8 | b[i];
    return v;
}

static inline void dm_put_be(void *buf, unsigned size, uint64_t v)
{
    uint8_t *b = buf;

    for (unsigned i = size; i-- > 0; v >>= 8)
        b[i] = (uint8_t)v;
}

/* All ones of an access of size bytes (1 to 8): what an unclaimed read returns. */
static inline uint64_t dm_ones(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (1ull << (size * 8)) - 1;
}

/* Does [off, off + len) lie in [0, size)? */
static inline bool dm_in_range(uint64_t off, uint64_t len, uint64_t size)
{
    return off <= size && len <= size - off;
}

#endif
