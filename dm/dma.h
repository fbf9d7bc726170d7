/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device's access to guest memory. Loop thread only. */
#ifndef DM_DMA_H
#define DM_DMA_H

#include "dm/hypervisor.h"

struct dm_dma {
    struct dm_hypervisor *hv;
    bool enabled; /* bus master enable, kept by dm/pci */
};

/*
 * Copies len bytes between guest-physical gpa and buf. false: bus mastering is
 * off or some part is not RAM; then that part reads as ones, and is not written.
 */
bool dm_dma_read(struct dm_dma *dma, uint64_t gpa, void *buf, size_t len);
bool dm_dma_write(struct dm_dma *dma, uint64_t gpa, const void *buf, size_t len);

/* Laid out as struct iovec is; backends check that. */
struct dm_iov {
    void *base;
    size_t len;
};

#define DM_SG_MAX 256

/* A list of pieces of guest memory, mapped: where an asynchronous transfer goes. */
struct dm_sg {
    struct dm_hypervisor *hv;
    struct dm_iov iov[DM_SG_MAX];
    uint64_t gpa[DM_SG_MAX];
    int n;
    size_t len; /* bytes in all */
};

void dm_sg_init(struct dm_sg *sg, const struct dm_dma *dma);

/*
 * Adds [gpa, gpa + len). Returns the bytes added: fewer than len when the list
 * is full (n == DM_SG_MAX) or where there is no RAM; 0 with bus mastering off.
 */
size_t dm_sg_add(struct dm_sg *sg, const struct dm_dma *dma, uint64_t gpa, size_t len);

/* Cuts the list to its first len bytes; the rest is unmapped, not written. */
void dm_sg_trim(struct dm_sg *sg, size_t len);

/* Unmaps all and empties the list. written: bytes that were changed, from the start on. */
void dm_sg_release(struct dm_sg *sg, size_t written);

/* Copy between buf and the list, from byte off of the list on. Returns bytes moved. */
size_t dm_sg_write(struct dm_sg *sg, size_t off, const void *buf, size_t len);
size_t dm_sg_read(const struct dm_sg *sg, size_t off, void *buf, size_t len);

#endif
