/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory that is mapped piece by piece, as the map cache sees it: every
 * mapping of a page shows the same bytes, and a page the guest does not have
 * faults when it is touched.
 */
#ifndef FOREIGN_H
#define FOREIGN_H

#include "io-req/mapcache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FOREIGN_PAGES 8192 /* 32 MiB */

struct foreign {
    int fd;
    uint8_t *view;            /* all of it, without holes */
    bool hole[FOREIGN_PAGES]; /* the guest does not have the page */
    bool refuse;              /* nothing can be mapped */
    size_t mapped;            /* pages in mappings that are not undone */
    unsigned maps, probes;    /* calls for a bucket, for one page */
};

static inline void *foreign_map(void *opaque, uint64_t gfn, size_t pages, int *err)
{
    struct foreign *f = opaque;
    uint8_t *host;

    *(pages == 1 ? &f->probes : &f->maps) += 1;
    if (f->refuse) {
        errno = ENOMEM;
        return NULL;
    }
    host = mmap(NULL, pages * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (host == MAP_FAILED)
        abort();
    for (size_t i = 0; i < pages; i++)
        err[i] = gfn + i >= FOREIGN_PAGES || f->hole[gfn + i] ? -EINVAL : 0;
    for (size_t i = 0, n; i < pages; i += n) {
        for (n = 1; i + n < pages && !err[i + n] == !err[i];)
            n++;
        if (!err[i] && mmap(host + i * 4096, n * 4096, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_FIXED, f->fd, (off_t)(gfn + i) * 4096) == MAP_FAILED)
            abort();
    }
    f->mapped += pages;
    return host;
}

static inline void foreign_unmap(void *opaque, void *host, size_t pages)
{
    struct foreign *f = opaque;

    if (munmap(host, pages * 4096) || f->mapped < pages)
        abort();
    f->mapped -= pages;
}

static const struct mapcache_ops foreign_ops = { foreign_map, foreign_unmap };

static inline void foreign_init(struct foreign *f)
{
    memset(f, 0, sizeof(*f));
    f->fd = memfd_create("foreign", MFD_CLOEXEC);
    if (f->fd < 0 || ftruncate(f->fd, FOREIGN_PAGES * 4096))
        abort();
    f->view = mmap(NULL, FOREIGN_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
    if (f->view == MAP_FAILED)
        abort();
}

/* Checks that every mapping was undone. */
static inline void foreign_finish(struct foreign *f)
{
    if (f->mapped)
        abort();
    munmap(f->view, FOREIGN_PAGES * 4096);
    close(f->fd);
}

#endif
