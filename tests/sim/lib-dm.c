/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The preloaded library: ioreq servers, interrupts, VRAM (libxendevicemodel). */
#define __XEN_TOOLS__ 1

#include "io-req/proto.h"
#include "tests/sim/lib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xendevicemodel.h>

struct xendevicemodel_handle {
    int nothing;
};

SIM_EXPORT xendevicemodel_handle *xendevicemodel_open(struct xentoollog_logger *logger,
                                                      unsigned flags)
{
    return lib_open() ? calloc(1, sizeof(xendevicemodel_handle)) : NULL;
}

SIM_EXPORT int xendevicemodel_close(xendevicemodel_handle *h)
{
    free(h);
    return 0;
}

SIM_EXPORT int xendevicemodel_restrict(xendevicemodel_handle *h, domid_t domid)
{
    return lib_domain(domid) ? 0 : -1;
}

SIM_EXPORT int xendevicemodel_nr_vcpus(xendevicemodel_handle *h, domid_t domid, unsigned *vcpus)
{
    if (!lib_domain(domid))
        return -1;
    lib_hypercall();
    *vcpus = lib_ctl()->vcpus;
    return 0;
}

/* --- ioreq servers --- */

static struct sim_server *dm_server(domid_t domid, ioservid_t id)
{
    struct sim_ctl *c = lib_ctl();

    if (!lib_domain(domid))
        return NULL;
    lib_hypercall();
    if (id < SIM_SERVERS && c->server[id].used)
        return &c->server[id];
    errno = ENOENT;
    return NULL;
}

/* The driver reads the servers without a lock: the generation is odd meanwhile. */
static void dm_change_begin(void)
{
    lib_lock();
    atomic_fetch_add(&lib_ctl()->server_gen, 1);
}

static void dm_change_end(void)
{
    atomic_fetch_add(&lib_ctl()->server_gen, 1);
    lib_unlock();
}

SIM_EXPORT int xendevicemodel_create_ioreq_server(xendevicemodel_handle *h, domid_t domid,
                                                  int bufioreq, ioservid_t *id)
{
    struct sim_ctl *c = lib_ctl();

    if (!lib_domain(domid))
        return -1;
    lib_hypercall();
    for (unsigned i = 0; i < SIM_SERVERS; i++) {
        struct sim_server *s = &c->server[i];

        if (s->used)
            continue;
        dm_change_begin();
        memset(s, 0, sizeof(*s));
        s->bufioreq = (uint32_t)bufioreq;
        s->used = 1;
        dm_change_end();
        if (c->old_pages) {
            atomic_store(&c->p2m[SIM_OLD_GFN + 2 * i], 2 * i + 1);
            atomic_store(&c->p2m[SIM_OLD_GFN + 2 * i + 1], 2 * i + 2);
        }
        *id = (ioservid_t)i;
        return 0;
    }
    return lib_fail(ENOSPC);
}

SIM_EXPORT int xendevicemodel_destroy_ioreq_server(xendevicemodel_handle *h, domid_t domid,
                                                   ioservid_t id)
{
    struct sim_server *s = dm_server(domid, id);

    if (!s)
        return -1;
    dm_change_begin();
    s->used = 0;
    atomic_store(&s->enabled, 0);
    dm_change_end();
    return 0;
}

SIM_EXPORT int xendevicemodel_get_ioreq_server_info(xendevicemodel_handle *h, domid_t domid,
                                                    ioservid_t id, xen_pfn_t *page, xen_pfn_t *ring,
                                                    evtchn_port_t *port)
{
    struct sim_server *s = dm_server(domid, id);

    if (!s)
        return -1;
    if ((page || ring) && !lib_ctl()->old_pages)
        return lib_fail(EINVAL);
    if (ring)
        *ring = SIM_OLD_GFN + 2u * id;
    if (page)
        *page = SIM_OLD_GFN + 2u * id + 1;
    if (port)
        *port = SIM_REMOTE_RING(id);
    return 0;
}

SIM_EXPORT int xendevicemodel_set_ioreq_server_state(xendevicemodel_handle *h, domid_t domid,
                                                     ioservid_t id, int enabled)
{
    struct sim_ctl *c = lib_ctl();
    struct sim_server *s = dm_server(domid, id);
    struct ioreq_page *page;

    if (!s)
        return -1;
    if (enabled) { /* only now the page tells the vCPUs' ports */
        page = mmap(NULL, SIM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, SIM_FD_RAM,
                    (off_t)(2 * id + 1) * SIM_PAGE);
        if (page == MAP_FAILED)
            return -1;
        for (unsigned v = 0; v < c->vcpus; v++)
            __atomic_store_n(&page->vcpu[v].port, SIM_REMOTE_VCPU(id, v), __ATOMIC_RELEASE);
        munmap(page, SIM_PAGE);
    }
    dm_change_begin();
    atomic_store(&s->enabled, enabled != 0);
    dm_change_end();
    return 0;
}

SIM_EXPORT int xendevicemodel_map_io_range_to_ioreq_server(xendevicemodel_handle *h, domid_t domid,
                                                           ioservid_t id, int is_mmio,
                                                           uint64_t start, uint64_t end)
{
    struct sim_server *s = dm_server(domid, id);
    unsigned kind = is_mmio != 0;

    if (!s)
        return -1;
    if (start > end)
        return lib_fail(EINVAL);
    if (s->count[kind] == SIM_RANGES)
        return lib_fail(ENOSPC);
    for (uint32_t i = 0; i < s->count[kind]; i++)
        if (start <= s->range[kind][i].last && s->range[kind][i].first <= end)
            return lib_fail(EEXIST);
    dm_change_begin();
    s->range[kind][s->count[kind]++] = (struct sim_range) { start, end };
    dm_change_end();
    return 0;
}

/* As Xen: any part of one range may be taken out; what is not all in one is an error. */
SIM_EXPORT int xendevicemodel_unmap_io_range_from_ioreq_server(xendevicemodel_handle *h,
                                                               domid_t domid, ioservid_t id,
                                                               int is_mmio, uint64_t start,
                                                               uint64_t end)
{
    struct sim_server *s = dm_server(domid, id);
    unsigned kind = is_mmio != 0;

    if (!s)
        return -1;
    if (start > end)
        return lib_fail(EINVAL);
    for (uint32_t i = 0; i < s->count[kind]; i++) {
        struct sim_range *r = &s->range[kind][i], was = *r;

        if (start < was.first || end > was.last)
            continue;
        if (start > was.first && end < was.last && s->count[kind] == SIM_RANGES)
            return lib_fail(ENOMEM);
        dm_change_begin();
        *r = s->range[kind][--s->count[kind]];
        if (was.first < start)
            s->range[kind][s->count[kind]++] = (struct sim_range) { was.first, start - 1 };
        if (end < was.last)
            s->range[kind][s->count[kind]++] = (struct sim_range) { end + 1, was.last };
        dm_change_end();
        return 0;
    }
    return lib_fail(ENOENT);
}

static int dm_pcidev(domid_t domid, ioservid_t id, uint16_t segment, uint8_t bus, uint8_t device,
                     uint8_t function, bool on)
{
    struct sim_server *s = dm_server(domid, id);
    unsigned devfn = device << 3 | function;

    if (!s)
        return -1;
    if (device > 31 || function > 7 || segment || bus) /* the sim's guests have bus 0 */
        return lib_fail(EINVAL);
    if (s->pci[devfn] == on)
        return lib_fail(on ? EEXIST : ENOENT);
    dm_change_begin();
    s->pci[devfn] = on;
    dm_change_end();
    return 0;
}

SIM_EXPORT int xendevicemodel_map_pcidev_to_ioreq_server(xendevicemodel_handle *h, domid_t domid,
                                                         ioservid_t id, uint16_t segment,
                                                         uint8_t bus, uint8_t device,
                                                         uint8_t function)
{
    return dm_pcidev(domid, id, segment, bus, device, function, true);
}

SIM_EXPORT int xendevicemodel_unmap_pcidev_from_ioreq_server(xendevicemodel_handle *h,
                                                             domid_t domid, ioservid_t id,
                                                             uint16_t segment, uint8_t bus,
                                                             uint8_t device, uint8_t function)
{
    return dm_pcidev(domid, id, segment, bus, device, function, false);
}

SIM_EXPORT int xendevicemodel_map_mem_type_to_ioreq_server(xendevicemodel_handle *h, domid_t domid,
                                                           ioservid_t id, uint16_t type,
                                                           uint32_t flags)
{
    return lib_fail(EOPNOTSUPP);
}

/* --- interrupts --- */

static bool dm_gsi_wanted(const struct sim_ctl *c, unsigned gsi)
{
    if (gsi >= 16)
        return c->gsi_count[gsi];
    if (c->isa[gsi])
        return true;
    for (unsigned l = 0; l < 4; l++)
        if (gsi && c->link_route[l] == gsi && c->link_count[l])
            return true;
    return false;
}

/* Called with the lock held. true: it went up. */
static bool dm_gsi_update(struct sim_ctl *c, unsigned gsi)
{
    bool want = dm_gsi_wanted(c, gsi);

    if (atomic_load_explicit(&c->level[gsi], memory_order_relaxed) == want)
        return false;
    if (want)
        atomic_fetch_add_explicit(&c->raises[gsi], 1, memory_order_relaxed);
    atomic_store_explicit(&c->level[gsi], want, memory_order_release);
    atomic_fetch_add_explicit(&c->irq_seq, 1, memory_order_release);
    return want;
}

/* The one system call of such a hypercall. */
static void dm_irq_done(bool up)
{
    lib_ctl()->stats.irq_calls++;
    if (up)
        lib_kick(SIM_FD_IRQ);
    else
        lib_hypercall();
}

SIM_EXPORT int xendevicemodel_set_isa_irq_level(xendevicemodel_handle *h, domid_t domid,
                                                uint8_t irq, unsigned level)
{
    struct sim_ctl *c = lib_ctl();
    bool up;

    if (!lib_domain(domid))
        return -1;
    if (irq > 15)
        return lib_fail(EINVAL);
    lib_lock();
    c->isa[irq] = level != 0;
    up = dm_gsi_update(c, irq);
    lib_unlock();
    dm_irq_done(up);
    return 0;
}

SIM_EXPORT int xendevicemodel_set_pci_intx_level(xendevicemodel_handle *h, domid_t domid,
                                                 uint16_t segment, uint8_t bus, uint8_t device,
                                                 uint8_t intx, unsigned level)
{
    struct sim_ctl *c = lib_ctl();
    unsigned gsi = sim_intx_gsi(device, intx), link = (device + intx) & 3u;
    bool up = false;

    if (!lib_domain(domid))
        return -1;
    if (segment || bus || device > 31 || intx > 3)
        return lib_fail(EINVAL);
    lib_lock();
    if (c->intx[device][intx] != (level != 0)) {
        int step = level ? 1 : -1;

        c->intx[device][intx] = level != 0;
        c->gsi_count[gsi] = (uint8_t)(c->gsi_count[gsi] + step);
        c->link_count[link] = (uint8_t)(c->link_count[link] + step);
        up = dm_gsi_update(c, gsi);
        up |= dm_gsi_update(c, c->link_route[link]);
    }
    lib_unlock();
    dm_irq_done(up);
    return 0;
}

SIM_EXPORT int xendevicemodel_set_irq_level(xendevicemodel_handle *h, domid_t domid, unsigned irq,
                                            unsigned level)
{
    return lib_fail(EOPNOTSUPP);
}

SIM_EXPORT int xendevicemodel_set_pci_link_route(xendevicemodel_handle *h, domid_t domid,
                                                 uint8_t link, uint8_t irq)
{
    struct sim_ctl *c = lib_ctl();
    uint8_t old;
    bool up;

    if (!lib_domain(domid))
        return -1;
    if (link > 3 || irq > 15)
        return lib_fail(EINVAL);
    lib_lock();
    old = c->link_route[link];
    c->link_route[link] = irq;
    dm_gsi_update(c, old);
    up = dm_gsi_update(c, irq);
    lib_unlock();
    dm_irq_done(up);
    return 0;
}

SIM_EXPORT int xendevicemodel_inject_msi(xendevicemodel_handle *h, domid_t domid, uint64_t addr,
                                         uint32_t data)
{
    struct sim_ctl *c = lib_ctl();
    uint32_t n;

    if (!lib_domain(domid))
        return -1;
    lib_lock();
    n = atomic_load(&c->msis);
    c->msi[n % SIM_MSIS].addr = addr;
    c->msi[n % SIM_MSIS].data = data;
    c->stats.msi_calls++;
    atomic_store(&c->msis, n + 1);
    lib_unlock();
    lib_kick(SIM_FD_IRQ);
    return 0;
}

SIM_EXPORT int xendevicemodel_inject_event(xendevicemodel_handle *h, domid_t domid, int vcpu,
                                           uint8_t vector, uint8_t type, uint32_t error,
                                           uint8_t insn_len, uint64_t extra)
{
    return lib_fail(EOPNOTSUPP);
}

/* --- memory --- */

SIM_EXPORT int xendevicemodel_track_dirty_vram(xendevicemodel_handle *h, domid_t domid,
                                               uint64_t first, uint32_t count,
                                               unsigned long *bitmap)
{
    struct sim_ctl *c = lib_ctl();
    uint8_t *out = (uint8_t *)bitmap;

    if (!lib_domain(domid))
        return -1;
    lib_hypercall();
    c->stats.tracks++;
    if (!count || !bitmap) {
        atomic_store(&c->track_count, 0);
        return 0;
    }
    memset(out, 0, (count + 7) / 8);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t frame = lib_frame(first + i);
        uint64_t bit;

        if (!frame--)
            continue;
        bit = 1ull << frame % 64;
        if (!(atomic_load_explicit(&c->dirty[frame / 64], memory_order_relaxed) & bit))
            continue;
        atomic_fetch_and(&c->dirty[frame / 64], ~bit);
        out[i / 8] |= (uint8_t)(1u << i % 8);
    }
    if (atomic_load(&c->track_first) != first || atomic_load(&c->track_count) != count) {
        atomic_store(&c->track_first, first);
        atomic_store(&c->track_count, count);
        memset(out, 0xff, (count + 7) / 8);
    }
    return 0;
}

SIM_EXPORT int xendevicemodel_modified_memory(xendevicemodel_handle *h, domid_t domid,
                                              uint64_t first, uint32_t count)
{
    struct sim_ctl *c = lib_ctl();

    if (!lib_domain(domid))
        return -1;
    lib_hypercall();
    c->stats.modified_calls++;
    c->stats.modified_pages += count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t frame = lib_frame(first + i);

        if (frame--)
            atomic_fetch_or(&c->modified[frame / 64], 1ull << frame % 64);
    }
    return 0;
}

SIM_EXPORT int xendevicemodel_modified_memory_bulk(xendevicemodel_handle *h, domid_t domid,
                                                   struct xen_dm_op_modified_memory_extent ext[],
                                                   uint32_t nr)
{
    for (uint32_t i = 0; i < nr; i++)
        if (xendevicemodel_modified_memory(h, domid, ext[i].first_pfn, ext[i].nr))
            return -1;
    return 0;
}

SIM_EXPORT int xendevicemodel_set_mem_type(xendevicemodel_handle *h, domid_t domid,
                                           hvmmem_type_t type, uint64_t first, uint32_t count)
{
    struct sim_ctl *c = lib_ctl();

    if (!lib_domain(domid))
        return -1;
    lib_hypercall();
    c->stats.mem_types++;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t frame = lib_frame(first + i);

        if (!frame--)
            return lib_fail(EINVAL);
        atomic_store(&c->mem_type[frame], (uint8_t)type);
    }
    return 0;
}

SIM_EXPORT int xendevicemodel_relocate_memory(xendevicemodel_handle *h, domid_t domid,
                                              uint32_t count, uint64_t src, uint64_t dst)
{
    struct sim_ctl *c = lib_ctl();
    int rc = 0;

    if (!lib_domain(domid))
        return -1;
    lib_lock();
    for (uint32_t i = 0; i < count; i++) {
        uint32_t frame = lib_frame(src + i);

        if (!frame || dst + i >= SIM_GFNS) {
            rc = lib_fail(EINVAL);
            break;
        }
        atomic_store(&c->p2m[src + i], 0);
        if (atomic_exchange(&c->p2m[dst + i], frame))
            atomic_fetch_add(&c->frames_free, 1); /* what was there is gone */
        c->stats.relocated_pages++;
    }
    lib_unlock();
    lib_hypercall();
    return rc;
}

SIM_EXPORT int xendevicemodel_pin_memory_cacheattr(xendevicemodel_handle *h, domid_t domid,
                                                   uint64_t start, uint64_t end, uint32_t type)
{
    if (!lib_domain(domid))
        return -1;
    lib_hypercall();
    if (start > end)
        return lib_fail(EINVAL);
    lib_ctl()->stats.pins++;
    return 0;
}

SIM_EXPORT int xendevicemodel_shutdown(xendevicemodel_handle *h, domid_t domid, unsigned reason)
{
    if (!lib_domain(domid))
        return -1;
    lib_hypercall();
    atomic_store(&lib_ctl()->shutdown, reason + 1);
    lib_kick(SIM_FD_IRQ);
    return 0;
}
