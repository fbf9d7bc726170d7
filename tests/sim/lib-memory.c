/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The preloaded library: its control page, and guest memory (libxenforeignmemory). */
#include "tests/sim/lib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/memory.h>
#include <xenforeignmemory.h>

static struct sim_ctl *lib_page;
static pthread_mutex_t lib_mutex = PTHREAD_MUTEX_INITIALIZER;

/* The opaque handles of the libraries: nobody looks inside. */
struct xenforeignmemory_handle {
    int nothing;
};

struct xenforeignmemory_resource_handle {
    void *at;
    size_t size;
};

__attribute__((constructor)) static void lib_start(void)
{
    void *at =
        mmap(NULL, sizeof(struct sim_ctl), PROT_READ | PROT_WRITE, MAP_SHARED, SIM_FD_CTL, 0);

    /* Not for programs that the model starts. */
    unsetenv("LD_PRELOAD");
    if (at != MAP_FAILED && ((struct sim_ctl *)at)->magic == SIM_MAGIC)
        lib_page = at;
}

struct sim_ctl *lib_ctl(void)
{
    if (!lib_page)
        errno = ENOENT;
    return lib_page;
}

struct sim_ctl *lib_open(void)
{
    struct sim_ctl *c = lib_ctl();

    if (c && !c->no_xen)
        return c;
    errno = ENOENT;
    return NULL;
}

void lib_kick(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof(one));

    (void)n; /* it can only fail when it was counted 2^64 times */
}

void lib_hypercall(void)
{
    lib_kick(SIM_FD_SINK);
}

void lib_lock(void)
{
    pthread_mutex_lock(&lib_mutex);
}

void lib_unlock(void)
{
    pthread_mutex_unlock(&lib_mutex);
}

int lib_fail(int errnum)
{
    errno = errnum;
    return -1;
}

bool lib_domain(uint32_t domid)
{
    if (lib_page && domid == lib_page->domid && !lib_page->no_domain)
        return true;
    errno = ESRCH;
    return false;
}

uint32_t lib_frame(uint64_t gfn)
{
    return gfn < SIM_GFNS ? atomic_load_explicit(&lib_page->p2m[gfn], memory_order_relaxed) : 0;
}

unsigned lib_populate(const uint64_t *gfns, unsigned long count)
{
    struct sim_ctl *c = lib_page;
    unsigned done = 0;

    lib_lock();
    for (; done < count; done++) {
        uint32_t used = atomic_load(&c->frames) - atomic_load(&c->frames_free);

        if (gfns[done] >= SIM_GFNS || lib_frame(gfns[done]) || used >= c->frames_max ||
            atomic_load(&c->frames) >= SIM_FRAMES)
            break;
        atomic_store(&c->p2m[gfns[done]], atomic_fetch_add(&c->frames, 1) + 1);
    }
    c->stats.populated_pages += done;
    lib_unlock();
    lib_hypercall();
    return done;
}

SIM_EXPORT xenforeignmemory_handle *xenforeignmemory_open(struct xentoollog_logger *logger,
                                                          unsigned flags)
{
    return lib_open() ? calloc(1, sizeof(xenforeignmemory_handle)) : NULL;
}

SIM_EXPORT int xenforeignmemory_close(xenforeignmemory_handle *h)
{
    free(h);
    return 0;
}

/* How many of the pages from arr[0] on are one after the other in the memfd; 0: no such page. */
static size_t lib_run(const xen_pfn_t *arr, size_t pages)
{
    uint32_t first = lib_frame(arr[0]);
    size_t n = 1;

    if (!first)
        return 0;
    while (n < pages && lib_frame(arr[n]) == first + n)
        n++;
    return n;
}

/*
 * Maps frames from first on. Two system calls, and the pages are in the page tables when it
 * returns, as with privcmd. Read accesses put them there, several at a time, writable like
 * the mapping: that is closer to what privcmd takes for a page than MAP_POPULATE's fault a page.
 */
static void *lib_map(void *addr, size_t size, int prot, int flags, uint32_t first)
{
    void *at = mmap(addr, size, prot, MAP_SHARED | (flags & ~MAP_POPULATE), SIM_FD_RAM,
                    (off_t)first * SIM_PAGE);

    if (at != MAP_FAILED)
        madvise(at, size, MADV_POPULATE_READ); /* before Linux 5.14: faults later on */
    return at;
}

SIM_EXPORT void *xenforeignmemory_map2(xenforeignmemory_handle *h, uint32_t dom, void *addr,
                                       int prot, int flags, size_t pages, const xen_pfn_t arr[],
                                       int err[])
{
    size_t size = pages * SIM_PAGE, run;
    uint8_t *at;

    if (!h || !lib_domain(dom))
        return NULL;
    if (!pages) {
        errno = EINVAL;
        return NULL;
    }
    lib_page->stats.maps++;
    lib_page->stats.map_pages += pages;
    run = lib_run(arr, pages);
    if (run == pages) {
        if (err)
            memset(err, 0, pages * sizeof(*err));
        at = lib_map(addr, size, prot, flags, lib_frame(arr[0]) - 1);
        return at == MAP_FAILED ? NULL : at;
    }
    /* Page by page errors, and what is there in pieces. A touch of the rest is a fault. */
    at = mmap(addr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    for (size_t i = 0; i < pages; i += run) {
        run = lib_run(arr + i, pages - i);
        if (!run) {
            if (!err) {
                munmap(at, size);
                errno = EINVAL;
                return NULL;
            }
            err[i] = -EINVAL;
            run = 1;
            continue;
        }
        if (err)
            memset(err + i, 0, run * sizeof(*err));
        if (lib_map(at + i * SIM_PAGE, run * SIM_PAGE, prot, MAP_FIXED, lib_frame(arr[i]) - 1) ==
            MAP_FAILED) {
            munmap(at, size);
            return NULL;
        }
    }
    return at;
}

SIM_EXPORT void *xenforeignmemory_map(xenforeignmemory_handle *h, uint32_t dom, int prot,
                                      size_t pages, const xen_pfn_t arr[], int err[])
{
    return xenforeignmemory_map2(h, dom, NULL, prot, 0, pages, arr, err);
}

SIM_EXPORT int xenforeignmemory_unmap(xenforeignmemory_handle *h, void *addr, size_t pages)
{
    lib_page->stats.unmaps++;
    return munmap(addr, pages * SIM_PAGE);
}

SIM_EXPORT xenforeignmemory_resource_handle *xenforeignmemory_map_resource(
    xenforeignmemory_handle *h, domid_t domid, unsigned type, unsigned id, unsigned long frame,
    unsigned long count, void **paddr, int prot, int flags)
{
    xenforeignmemory_resource_handle *res;

    if (!h || !lib_domain(domid))
        return NULL;
    if (lib_page->old_pages) {
        errno = EOPNOTSUPP;
        return NULL;
    }
    if (type != XENMEM_resource_ioreq_server || id >= SIM_SERVERS || !lib_page->server[id].used ||
        !count || frame > 1 || count > 2 - frame) {
        errno = EINVAL;
        return NULL;
    }
    res = calloc(1, sizeof(*res));
    if (!res)
        return NULL;
    res->size = count * SIM_PAGE;
    res->at = lib_map(*paddr, res->size, prot, flags, 2 * id + (uint32_t)frame);
    if (res->at == MAP_FAILED) {
        free(res);
        return NULL;
    }
    *paddr = res->at;
    return res;
}

SIM_EXPORT int xenforeignmemory_unmap_resource(xenforeignmemory_handle *h,
                                               xenforeignmemory_resource_handle *res)
{
    int rc = munmap(res->at, res->size);

    free(res);
    return rc;
}

SIM_EXPORT int xenforeignmemory_resource_size(xenforeignmemory_handle *h, domid_t domid,
                                              unsigned type, unsigned id, size_t *size)
{
    if (!lib_domain(domid))
        return -1;
    *size = 2 * SIM_PAGE;
    return 0;
}

SIM_EXPORT int xenforeignmemory_restrict(xenforeignmemory_handle *h, domid_t domid)
{
    return lib_domain(domid) ? 0 : -1;
}
