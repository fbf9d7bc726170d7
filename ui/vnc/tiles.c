/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/vnc/tiles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t tiles_bytes(const struct tiles *t)
{
    return (size_t)t->rows * t->stride * sizeof(*t->bits);
}

int tiles_resize(struct tiles *t, int width, int height)
{
    tiles_finish(t);
    t->width = width;
    t->height = height;
    t->columns = (width + TILE - 1) / TILE;
    t->rows = (height + TILE - 1) / TILE;
    t->stride = ((size_t)t->columns + 63) / 64;
    t->bits = calloc((size_t)t->rows * t->stride + 1, sizeof(*t->bits));
    if (t->bits)
        return 0;
    *t = (struct tiles) { 0 };
    return -ENOMEM;
}

void tiles_finish(struct tiles *t)
{
    free(t->bits);
    *t = (struct tiles) { 0 };
}

void tiles_clear(struct tiles *t)
{
    if (t->bits)
        memset(t->bits, 0, tiles_bytes(t));
}

/* The bits of columns [first, end) that are in word n. */
static uint64_t tiles_mask(int first, int end, size_t n)
{
    int low = first - (int)n * 64, high = end - (int)n * 64;

    if (low >= 64 || high <= 0)
        return 0;
    if (low < 0)
        low = 0;
    return (high >= 64 ? ~0ull : (1ull << high) - 1) & ~0ull << low;
}

void tiles_mark(struct tiles *t, const struct dm_rect *r)
{
    int first = r->x / TILE, end = (r->x + r->w + TILE - 1) / TILE;

    for (int y = r->y / TILE; y * TILE < r->y + r->h; y++)
        for (size_t n = 0; n < t->stride; n++)
            t->bits[(size_t)y * t->stride + n] |= tiles_mask(first, end, n);
}

void tiles_add(struct tiles *t, const struct tiles *from)
{
    int rows = t->rows < from->rows ? t->rows : from->rows;

    for (int y = 0; y < rows; y++)
        for (size_t n = 0; n < t->stride && n < from->stride; n++)
            t->bits[(size_t)y * t->stride + n] |=
                from->bits[(size_t)y * from->stride + n] & tiles_mask(0, t->columns, n);
}

void tiles_drop(struct tiles *t, const struct tiles *what)
{
    for (size_t i = 0; i < (size_t)t->rows * t->stride; i++)
        t->bits[i] &= ~what->bits[i];
}

bool tiles_any(const struct tiles *t, const struct dm_rect *r)
{
    int first = r->x / TILE, end = (r->x + r->w + TILE - 1) / TILE;

    for (int y = r->y / TILE; y * TILE < r->y + r->h && y < t->rows; y++)
        for (size_t n = 0; n < t->stride; n++)
            if (t->bits[(size_t)y * t->stride + n] & tiles_mask(first, end, n))
                return true;
    return false;
}

void tiles_move(struct tiles *t, const struct dm_rect *r, struct tiles *to)
{
    int first = r->x / TILE, end = (r->x + r->w + TILE - 1) / TILE;

    for (int y = r->y / TILE; y * TILE < r->y + r->h && y < t->rows; y++) {
        for (size_t n = 0; n < t->stride; n++) {
            size_t at = (size_t)y * t->stride + n;
            uint64_t mask = tiles_mask(first, end, n);

            to->bits[at] = t->bits[at] & mask;
            t->bits[at] &= ~mask;
        }
    }
}

/* Are columns [first, end) of row y all marked? */
static bool tiles_run(const struct tiles *t, int y, int first, int end)
{
    for (size_t n = (size_t)first / 64; n < t->stride; n++) {
        uint64_t mask = tiles_mask(first, end, n);

        if ((t->bits[(size_t)y * t->stride + n] & mask) != mask)
            return false;
    }
    return true;
}

bool tiles_next(struct tiles *t, int *from, int width, int height, struct dm_rect *r)
{
    int y = *from, x = 0, end, bottom;

    for (; y < t->rows; y++) {
        uint64_t *row = t->bits + (size_t)y * t->stride;
        size_t n = 0;

        while (n < t->stride && !row[n])
            n++;
        if (n == t->stride)
            continue;
        x = (int)n * 64 + __builtin_ctzll(row[n]);
        break;
    }
    *from = y;
    if (y >= t->rows)
        return false;
    end = x + 1;
    while (end < t->columns && (end - x) * TILE < width && tiles_run(t, y, end, end + 1))
        end++;
    bottom = y + 1;
    while (bottom < t->rows && (bottom - y) * TILE < height && tiles_run(t, bottom, x, end))
        bottom++;
    for (int i = y; i < bottom; i++)
        for (size_t n = 0; n < t->stride; n++)
            t->bits[(size_t)i * t->stride + n] &= ~tiles_mask(x, end, n);
    *r = (struct dm_rect) { x * TILE, y * TILE, (end - x) * TILE, (bottom - y) * TILE };
    if (r->w > t->width - r->x)
        r->w = t->width - r->x;
    if (r->h > t->height - r->y)
        r->h = t->height - r->y;
    return true;
}
