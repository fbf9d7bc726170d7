/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/dma.h"

#include <assert.h>
#include <string.h>

enum dma_dir { DMA_FROM_GUEST, DMA_TO_GUEST };

static bool dma_copy(struct dm_dma *dma, uint64_t gpa, uint8_t *buf, size_t len, enum dma_dir dir)
{
    struct dm_hypervisor *hv = dma->hv;
    bool all = true, wraps = len && len - 1 > UINT64_MAX - gpa;

    while (len) {
        size_t n = len;
        void *host = dma->enabled && !wraps ? hv->ops->map(hv, gpa, &n) : NULL;

        if (!host) {
            size_t page = DM_PAGE_SIZE - (gpa & (DM_PAGE_SIZE - 1));

            all = false;
            n = page < len ? page : len;
            if (dir == DMA_FROM_GUEST)
                memset(buf, 0xff, n);
        } else {
            assert(n > 0);
            if (dir == DMA_FROM_GUEST)
                memcpy(buf, host, n);
            else
                memcpy(host, buf, n);
            hv->ops->unmap(hv, gpa, host, dir == DMA_TO_GUEST ? n : 0);
        }
        gpa += n;
        buf += n;
        len -= n;
    }
    return all;
}

bool dm_dma_read(struct dm_dma *dma, uint64_t gpa, void *buf, size_t len)
{
    return dma_copy(dma, gpa, buf, len, DMA_FROM_GUEST);
}

bool dm_dma_write(struct dm_dma *dma, uint64_t gpa, const void *buf, size_t len)
{
    return dma_copy(dma, gpa, (uint8_t *)(uintptr_t)buf, len, DMA_TO_GUEST);
}

void dm_sg_init(struct dm_sg *sg, const struct dm_dma *dma)
{
    sg->hv = dma->hv;
    sg->n = 0;
    sg->len = 0;
}

size_t dm_sg_add(struct dm_sg *sg, const struct dm_dma *dma, uint64_t gpa, size_t len)
{
    size_t done = 0;

    if (!dma->enabled || len == 0 || len - 1 > UINT64_MAX - gpa)
        return 0;
    while (done < len && sg->n < DM_SG_MAX) {
        size_t n = len - done;
        void *host = sg->hv->ops->map(sg->hv, gpa + done, &n);

        if (!host)
            break;
        assert(n > 0);
        sg->iov[sg->n] = (struct dm_iov) { host, n };
        sg->gpa[sg->n++] = gpa + done;
        done += n;
    }
    sg->len += done;
    return done;
}

void dm_sg_trim(struct dm_sg *sg, size_t len)
{
    while (sg->len > len) {
        struct dm_iov *iov = &sg->iov[sg->n - 1];
        size_t over = sg->len - len;

        if (over < iov->len) {
            iov->len -= over;
            sg->len = len;
            return;
        }
        sg->len -= iov->len;
        sg->n--;
        sg->hv->ops->unmap(sg->hv, sg->gpa[sg->n], iov->base, 0);
    }
}

void dm_sg_release(struct dm_sg *sg, size_t written)
{
    for (int i = 0; i < sg->n; i++) {
        size_t n = written < sg->iov[i].len ? written : sg->iov[i].len;

        sg->hv->ops->unmap(sg->hv, sg->gpa[i], sg->iov[i].base, n);
        written -= n;
    }
    sg->n = 0;
    sg->len = 0;
}

static size_t sg_copy(const struct dm_sg *sg, size_t off, uint8_t *buf, size_t len,
                      enum dma_dir dir)
{
    size_t done = 0;

    for (int i = 0; i < sg->n && done < len; i++) {
        size_t n = sg->iov[i].len;
        uint8_t *host = sg->iov[i].base;

        if (off >= n) {
            off -= n;
            continue;
        }
        n -= off;
        if (n > len - done)
            n = len - done;
        if (dir == DMA_TO_GUEST)
            memcpy(host + off, buf + done, n);
        else
            memcpy(buf + done, host + off, n);
        done += n;
        off = 0;
    }
    return done;
}

size_t dm_sg_write(struct dm_sg *sg, size_t off, const void *buf, size_t len)
{
    return sg_copy(sg, off, (uint8_t *)(uintptr_t)buf, len, DMA_TO_GUEST);
}

size_t dm_sg_read(const struct dm_sg *sg, size_t off, void *buf, size_t len)
{
    return sg_copy(sg, off, buf, len, DMA_FROM_GUEST);
}
