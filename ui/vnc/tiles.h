/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which parts of a screen changed: a bit for each 16 × 16 pixels. A zeroed one is of no size. */
#ifndef UI_VNC_TILES_H
#define UI_VNC_TILES_H

#include "dm/display.h"

#include <stddef.h>

#define TILE 16 /* pixels */

struct tiles {
    int width, height; /* pixels */
    int columns, rows;
    size_t stride; /* words a row */
    uint64_t *bits;
};

/* All clear. Returns 0 or -ENOMEM, and then it is of no size. */
int tiles_resize(struct tiles *t, int width, int height);
void tiles_finish(struct tiles *t);

void tiles_clear(struct tiles *t);
void tiles_mark(struct tiles *t, const struct dm_rect *rect); /* rect: within */
void tiles_add(struct tiles *t, const struct tiles *from);    /* where both are */
void tiles_drop(struct tiles *t, const struct tiles *what);   /* of the same size */
bool tiles_any(const struct tiles *t, const struct dm_rect *within);

/* Moves what is marked in the rectangle to another of the same size, that is clear. */
void tiles_move(struct tiles *t, const struct dm_rect *rect, struct tiles *to);

/*
 * Takes out the next rectangle, at most width × height pixels (multiples of TILE), from the top on.
 * from is where to start, in tiles: 0 first, then as it was left. false: no more.
 */
bool tiles_next(struct tiles *t, int *from, int width, int height, struct dm_rect *rect);

#endif
