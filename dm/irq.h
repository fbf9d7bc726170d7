/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interrupt line as a device sees it: a level it drives. Loop thread only. */
#ifndef DM_IRQ_H
#define DM_IRQ_H

#include <stdbool.h>

struct dm_irq {
    void (*set)(void *opaque, unsigned n, bool level); /* NULL: not connected */
    void *opaque;
    unsigned n;
    bool level; /* last level driven */
};

/* Drives the line; does nothing if it already has that level. */
static inline void dm_irq_set(struct dm_irq *irq, bool level)
{
    if (irq->level == level)
        return;
    irq->level = level;
    if (irq->set)
        irq->set(irq->opaque, irq->n, level);
}

/* Drives the line even if we believe it has that level: for use in post_load. */
static inline void dm_irq_force(struct dm_irq *irq, bool level)
{
    irq->level = !level;
    dm_irq_set(irq, level);
}

#endif
