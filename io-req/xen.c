/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor on Xen's stable libraries (4.17 and later): the ioreq server and
 * its event channels, guest memory, interrupts, VRAM. The two things those
 * libraries lack, allocating VRAM and HVM parameters, are raw hypercalls by
 * libxencall; libxenctrl is not used, its ABI changes with every release.
 *
 * Missing: passing devices through.
 */
#define __XEN_TOOLS__ 1 /* Xen's headers: the interface of the newest version */

#include "io-req/xen.h"

#include "dm/bytes.h"
#include "io-req/mapcache.h"
#include "io-req/server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <xencall.h>
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xentoolcore.h>
#include <xentoollog.h>

#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/ioreq.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

#define XEN_NO_PORT       UINT32_MAX

#define XEN_CACHE_BUCKETS 512    /* MiB of guest memory kept mapped */
#define XEN_MOVE_PAGES    0x8000 /* frames a relocate call: Xen counts them in 16 bits */
#define XEN_ROM_GFN       0xc0   /* C0000 to FFFFF */
#define XEN_ROM_PAGES     0x40
#define XEN_4G_PAGES      (1ull << 20)
#define XEN_GFN_MAX       (1ull << 40) /* frames that any processor can address */
#define XEN_SETTLE_POLLS  8
/* Guest RAM reaches at least here, or as far as there is any: libxl's longest MMIO hole. */
#define XEN_LOW_RAM_PAGES (1ull << 16)

static_assert(sizeof(ioreq_t) == sizeof(struct ioreq_slot), "proto.h");
static_assert(offsetof(ioreq_t, addr) == offsetof(struct ioreq_slot, addr), "proto.h");
static_assert(offsetof(ioreq_t, data) == offsetof(struct ioreq_slot, data), "proto.h");
static_assert(offsetof(ioreq_t, count) == offsetof(struct ioreq_slot, count), "proto.h");
static_assert(offsetof(ioreq_t, size) == offsetof(struct ioreq_slot, size), "proto.h");
static_assert(offsetof(ioreq_t, vp_eport) == offsetof(struct ioreq_slot, port), "proto.h");
static_assert(offsetof(ioreq_t, type) == offsetof(struct ioreq_slot, type), "proto.h");
static_assert(sizeof(buf_ioreq_t) == sizeof(struct ioreq_entry), "proto.h");
static_assert(offsetof(buf_ioreq_t, data) == offsetof(struct ioreq_entry, data), "proto.h");
static_assert(offsetof(buffered_iopage_t, write_pointer) ==
                  offsetof(struct ioreq_ring, write_pointer),
              "proto.h");
static_assert(offsetof(buffered_iopage_t, buf_ioreq) == offsetof(struct ioreq_ring, entry),
              "proto.h");
static_assert(IOREQ_BUFFER_SLOT_NUM == IOREQ_RING_SLOTS, "proto.h");
static_assert(STATE_IOREQ_READY == (int)IOREQ_READY && STATE_IOREQ_INPROCESS == IOREQ_INPROCESS &&
                  STATE_IORESP_READY == (int)IOREQ_RESPONSE,
              "proto.h");
static_assert(IOREQ_TYPE_PIO == (int)IOREQ_PIO && IOREQ_TYPE_COPY == (int)IOREQ_COPY &&
                  IOREQ_TYPE_PCI_CONFIG == (int)IOREQ_CONFIG &&
                  IOREQ_TYPE_TIMEOFFSET == (int)IOREQ_TIMEOFFSET &&
                  IOREQ_TYPE_INVALIDATE == (int)IOREQ_INVALIDATE,
              "proto.h");

struct xen {
    struct dm_hypervisor hv; /* first: the ops cast back */
    domid_t domid;
    struct host_loop *loop;
    xencall_handle *call;
    xendevicemodel_handle *dm;
    xenforeignmemory_handle *memory;
    xenevtchn_handle *evtchn;

    bool created, enabled; /* the server */
    ioservid_t id;
    xenforeignmemory_resource_handle *resource; /* both pages, or: */
    void *old_page, *old_ring;     /* each of its own, before XENMEM_acquire_resource */
    uint32_t port[IOREQ_VCPU_MAX]; /* ours, bound to the vCPU's */
    uint32_t ring_port;
    struct ioreq_server server;
    struct host_watch watch;
    struct host_post again; /* what one turn left in the ring */
    struct host_poller poller;
    uint32_t masked[IOREQ_VCPU_MAX + 1]; /* ports to be unmasked when the loop sleeps */
    unsigned masked_count;

    struct mapcache cache;
    bool log_dirty;

    uint8_t *vram;
    uint64_t vram_pages, vram_mapped, vram_gfn, vram_hidden_gfn; /* all in pages */
    bool vram_lost;                                              /* no more of it can be mapped */
    bool vram_all_dirty;
    uint64_t changed_first, changed_last; /* pages of VRAM to be reported; first > last: none */
    struct host_hook report;

    struct dm_log_budget errors;
};

/* The libraries would write lines of their own to stderr. */
static void xen_library_log(struct xentoollog_logger *logger, xentoollog_level level, int errnum,
                            const char *context, const char *format, va_list args)
{
    char text[256];

    if (!dm_log_enabled(DM_LOG_TRACE))
        return;
    vsnprintf(text, sizeof(text), format, args);
    dm_log(DM_LOG_TRACE, context ? context : "xen", "%s", text);
}

static struct xentoollog_logger xen_logger = { .vmessage = xen_library_log };

static struct xen *xen_of(struct dm_hypervisor *hv)
{
    return (struct xen *)hv;
}

/* For calls of the libraries: 0, or -errno with a line within the budget. */
static int xen_check(struct xen *x, int rc, const char *what)
{
    int errnum = errno;

    if (rc >= 0)
        return 0;
    if (dm_log_budget_take(&x->errors, dm_clock_now(&x->loop->clock)))
        dm_log(DM_LOG_ERROR, "xen", "domain %u: cannot %s: %s", x->domid, what, strerror(errnum));
    return -errnum;
}

/* --- guest memory --- */

static void *xen_cache_map(void *opaque, uint64_t gfn, size_t pages, int *err)
{
    struct xen *x = opaque;
    xen_pfn_t frames[MAPCACHE_PAGES];

    assert(pages <= MAPCACHE_PAGES);
    for (size_t i = 0; i < pages; i++)
        frames[i] = gfn + i;
    return xenforeignmemory_map(x->memory, x->domid, PROT_READ | PROT_WRITE, pages, frames, err);
}

static void xen_cache_unmap(void *opaque, void *host, size_t pages)
{
    struct xen *x = opaque;

    xen_check(x, xenforeignmemory_unmap(x->memory, host, pages), "unmap guest memory");
}

static const struct mapcache_ops xen_cache_ops = { xen_cache_map, xen_cache_unmap };

static void *xen_map(struct dm_hypervisor *hv, uint64_t gpa, size_t *len)
{
    return mapcache_get(&xen_of(hv)->cache, gpa, len);
}

static void xen_report(struct xen *x, uint64_t first, uint64_t last)
{
    xen_check(x,
              xendevicemodel_modified_memory(x->dm, x->domid, first, (uint32_t)(last - first + 1)),
              "report changed memory");
}

static void xen_unmap(struct dm_hypervisor *hv, uint64_t gpa, void *host, size_t written)
{
    struct xen *x = xen_of(hv);

    if (x->log_dirty && written)
        xen_report(x, gpa >> DM_PAGE_SHIFT, (gpa + written - 1) >> DM_PAGE_SHIFT);
    mapcache_put(&x->cache, gpa, host);
}

/*
 * Changes of VRAM by the model come in single bytes: a turn's are reported at its end, as one
 * span. Reports may come late, but must come before the last look at the log: that is after
 * a stop.
 */
static void xen_report_vram(void *opaque)
{
    struct xen *x = opaque;

    if (x->changed_first > x->changed_last)
        return;
    xen_report(x, x->vram_gfn + x->changed_first, x->vram_gfn + x->changed_last);
    x->changed_first = UINT64_MAX;
    x->changed_last = 0;
}

static void xen_vram_written(struct dm_hypervisor *hv, uint64_t off, uint64_t len)
{
    struct xen *x = xen_of(hv);
    uint64_t first = off >> DM_PAGE_SHIFT, last = (off + len - 1) >> DM_PAGE_SHIFT;

    if (!x->log_dirty || !len)
        return;
    x->changed_first = first < x->changed_first ? first : x->changed_first;
    x->changed_last = last > x->changed_last ? last : x->changed_last;
    if (!x->enabled)
        xen_report_vram(x);
}

static void xen_set_log_dirty(struct dm_hypervisor *hv, bool on)
{
    struct xen *x = xen_of(hv);

    if (x->log_dirty == on)
        return;
    x->log_dirty = on;
    x->changed_first = UINT64_MAX;
    x->changed_last = 0;
    x->report = (struct host_hook) { .fn = xen_report_vram, .opaque = x };
    if (on)
        host_loop_add_hook(x->loop, &x->report);
    else
        host_loop_remove_hook(x->loop, &x->report);
}

/* --- ranges --- */

static int xen_claim(struct dm_hypervisor *hv, enum dm_space_kind kind, uint64_t first,
                     uint64_t last, bool on)
{
    struct xen *x = xen_of(hv);
    int mem = kind == DM_SPACE_MEM;

    if (first > last || (!mem && last > 0xffff))
        return -EINVAL;
    if (!on)
        return xen_check(x,
                         xendevicemodel_unmap_io_range_from_ioreq_server(x->dm, x->domid, x->id,
                                                                         mem, first, last),
                         "give an address range back");
    if (xendevicemodel_map_io_range_to_ioreq_server(x->dm, x->domid, x->id, mem, first, last))
        return -errno; /* the caller says what it was for */
    return 0;
}

static int xen_claim_pci(struct dm_hypervisor *hv, uint8_t devfn, bool on)
{
    struct xen *x = xen_of(hv);
    uint8_t slot = devfn >> 3, fn = devfn & 7;

    if (!on)
        return xen_check(
            x,
            xendevicemodel_unmap_pcidev_from_ioreq_server(x->dm, x->domid, x->id, 0, 0, slot, fn),
            "give a PCI function back");
    if (xendevicemodel_map_pcidev_to_ioreq_server(x->dm, x->domid, x->id, 0, 0, slot, fn))
        return -errno;
    return 0;
}

/* --- interrupts --- */

static void xen_set_isa_irq(struct dm_hypervisor *hv, unsigned irq, bool level)
{
    struct xen *x = xen_of(hv);

    assert(irq < 16);
    xen_check(x, xendevicemodel_set_isa_irq_level(x->dm, x->domid, (uint8_t)irq, level),
              "set an ISA interrupt");
}

static void xen_set_intx(struct dm_hypervisor *hv, unsigned slot, unsigned pin, bool level)
{
    struct xen *x = xen_of(hv);

    assert(slot < 32 && pin < 4);
    xen_check(x,
              xendevicemodel_set_pci_intx_level(x->dm, x->domid, 0, 0, (uint8_t)slot, (uint8_t)pin,
                                                level),
              "set a PCI interrupt");
}

static void xen_set_pci_link(struct dm_hypervisor *hv, unsigned link, unsigned irq)
{
    struct xen *x = xen_of(hv);

    assert(link < 4 && irq < 16);
    xen_check(x, xendevicemodel_set_pci_link_route(x->dm, x->domid, (uint8_t)link, (uint8_t)irq),
              "route a PCI interrupt");
}

static void xen_inject_msi(struct dm_hypervisor *hv, uint64_t addr, uint32_t data)
{
    struct xen *x = xen_of(hv);

    xen_check(x, xendevicemodel_inject_msi(x->dm, x->domid, addr, data), "send an MSI");
}

/* --- video memory --- */

/* Gives the guest pages of memory from gfn on. */
static int xen_populate(struct xen *x, uint64_t gfn, size_t pages)
{
    struct xen_memory_reservation *res = xencall_alloc_buffer(x->call, sizeof(*res));
    xen_pfn_t *frames = xencall_alloc_buffer(x->call, pages * sizeof(*frames));
    int rc = -ENOMEM;

    if (!res || !frames)
        goto out;
    for (size_t i = 0; i < pages; i++)
        frames[i] = gfn + i;
    memset(res, 0, sizeof(*res));
    set_xen_guest_handle(res->extent_start, frames);
    res->nr_extents = pages;
    res->domid = x->domid;
    rc = xencall2(x->call, __HYPERVISOR_memory_op, XENMEM_populate_physmap, (uintptr_t)res);
    if (rc < 0)
        rc = -errno;
    else
        rc = (size_t)rc == pages ? 0 : -ENOMEM; /* Xen stops at the domain's maximum */
out:
    xencall_free_buffer(x->call, frames);
    xencall_free_buffer(x->call, res);
    return rc;
}

/* RAM that is surely there wins over a BAR, else the guest's RAM would be gone. */
static bool xen_vram_fits(const struct xen *x, uint64_t gfn)
{
    uint64_t ram = x->server.machine->ram_size >> DM_PAGE_SHIFT;

    return gfn >= (ram < XEN_LOW_RAM_PAGES ? ram : XEN_LOW_RAM_PAGES) && gfn <= XEN_GFN_MAX;
}

static void xen_vram_pin(struct xen *x)
{
    xen_check(x,
              xendevicemodel_pin_memory_cacheattr(x->dm, x->domid, x->vram_gfn,
                                                  x->vram_gfn + x->vram_pages - 1,
                                                  XEN_DMOP_MEM_CACHEATTR_WB),
              "make video memory cacheable");
}

static int xen_vram_alloc(struct dm_hypervisor *hv, size_t size, void **host)
{
    struct xen *x = xen_of(hv);
    const struct dm_state_head *restored;
    size_t pages = size >> DM_PAGE_SHIFT;
    uint64_t align = 1, end;
    void *at;
    int rc = 0;

    if (x->vram || !x->server.machine || !size || size % DM_PAGE_SIZE || pages > XEN_4G_PAGES)
        return -EINVAL;
    restored = x->server.machine->restored;
    /*
     * The hiding place: above guest RAM however that is split at 4 GiB, and
     * aligned as the BAR is, so that the two never overlap in part.
     */
    while (align < pages)
        align <<= 1;
    end = XEN_4G_PAGES + ((x->server.machine->ram_size + DM_PAGE_SIZE - 1) >> DM_PAGE_SHIFT);
    x->vram_hidden_gfn = (end + align - 1) & ~(align - 1);
    x->vram_gfn = restored ? restored->vram_at >> DM_PAGE_SHIFT : x->vram_hidden_gfn;
    if (restored && (restored->vram_size != size || restored->vram_at % DM_PAGE_SIZE ||
                     !xen_vram_fits(x, x->vram_gfn)))
        return -EINVAL;
    if (!restored)
        rc = xen_populate(x, x->vram_gfn, pages);
    if (rc) {
        errno = -rc;
        return xen_check(x, -1, "allocate video memory");
    }
    at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return xen_check(x, -1, "reserve addresses for video memory");
    x->vram = at;
    x->vram_pages = pages;
    x->vram_all_dirty = true;
    if (x->vram_gfn != x->vram_hidden_gfn)
        xen_vram_pin(x);
    *host = x->vram;
    return 0;
}

/*
 * Within the addresses that are reserved for all of it. Most guests draw little, and a mapping
 * takes Xen and the kernel time, and the kernel memory, for every page.
 */
static int xen_vram_map(struct dm_hypervisor *hv, size_t bytes)
{
    struct xen *x = xen_of(hv);
    uint64_t pages = bytes >> DM_PAGE_SHIFT, first = x->vram_mapped;
    xen_pfn_t *frames;
    void *at;
    int rc;

    if (!x->vram || bytes % DM_PAGE_SIZE || pages > x->vram_pages)
        return -EINVAL;
    if (pages <= first)
        return 0;
    if (x->vram_lost)
        return -EFAULT;
    frames = calloc(pages - first, sizeof(*frames));
    if (!frames)
        return -ENOMEM;
    for (uint64_t i = first; i < pages; i++)
        frames[i - first] = x->vram_gfn + i;
    at = xenforeignmemory_map2(x->memory, x->domid, x->vram + (first << DM_PAGE_SHIFT),
                               PROT_READ | PROT_WRITE, MAP_FIXED, pages - first, frames, NULL);
    rc = errno;
    free(frames);
    if (!at) {
        x->vram_lost = true; /* the library may have given the addresses back */
        errno = rc;
        return xen_check(x, -1, "map video memory");
    }
    x->vram_mapped = pages;
    return 0;
}

static void xen_vram_free(struct xen *x)
{
    if (x->vram_mapped)
        xenforeignmemory_unmap(x->memory, x->vram, x->vram_mapped);
    if (x->vram && !x->vram_lost && x->vram_mapped < x->vram_pages)
        munmap(x->vram + (x->vram_mapped << DM_PAGE_SHIFT), (x->vram_pages - x->vram_mapped)
                                                                << DM_PAGE_SHIFT);
}

/* Moves the VRAM's pages, back again if it cannot move all. */
static int xen_relocate(struct xen *x, uint64_t from, uint64_t to)
{
    for (uint64_t done = 0; done < x->vram_pages; done += XEN_MOVE_PAGES) {
        uint64_t left = x->vram_pages - done;
        uint32_t n = (uint32_t)(left < XEN_MOVE_PAGES ? left : XEN_MOVE_PAGES);
        int errnum;

        if (!xendevicemodel_relocate_memory(x->dm, x->domid, n, from + done, to + done))
            continue;
        errnum = errno;
        for (uint64_t back = 0; back < done; back += XEN_MOVE_PAGES)
            xen_check(x,
                      xendevicemodel_relocate_memory(x->dm, x->domid, XEN_MOVE_PAGES, to + back,
                                                     from + back),
                      "move video memory back");
        errno = errnum;
        return -1;
    }
    return 0;
}

static int xen_vram_move(struct dm_hypervisor *hv, uint64_t to)
{
    struct xen *x = xen_of(hv);
    bool hide = to == DM_VRAM_HIDDEN;
    uint64_t gfn = hide ? x->vram_hidden_gfn : to >> DM_PAGE_SHIFT;
    int rc;

    if (!x->vram || (!hide && to % DM_PAGE_SIZE))
        return -EINVAL;
    if (gfn == x->vram_gfn)
        return 0;
    if (!xen_vram_fits(x, gfn))
        return -EINVAL;
    xen_report_vram(x);
    rc = xen_check(x, xen_relocate(x, x->vram_gfn, gfn), "move video memory");
    if (rc)
        return rc;
    /* Xen keeps at most 64 such ranges, so the old one has to go. It may be none: no error. */
    if (x->vram_gfn != x->vram_hidden_gfn)
        xendevicemodel_pin_memory_cacheattr(x->dm, x->domid, x->vram_gfn,
                                            x->vram_gfn + x->vram_pages - 1,
                                            XEN_DMOP_DELETE_MEM_CACHEATTR);
    x->vram_gfn = gfn;
    if (!hide)
        xen_vram_pin(x);
    x->vram_all_dirty = true;
    mapcache_invalidate(&x->cache);
    return 0;
}

static int xen_vram_dirty(struct dm_hypervisor *hv, uint64_t *bitmap, size_t pages)
{
    struct xen *x = xen_of(hv);
    size_t bytes = (pages + 63) / 64 * 8;

    if (!x->vram || !pages || pages > x->vram_pages)
        return -EINVAL;
    memset(bitmap, 0, bytes);
    /* Hidden, the guest cannot write to it. ENODATA with shadow paging: nothing is known. */
    if (x->vram_gfn != x->vram_hidden_gfn &&
        xendevicemodel_track_dirty_vram(x->dm, x->domid, x->vram_gfn, (uint32_t)pages,
                                        (unsigned long *)(void *)bitmap)) {
        if (errno == ENODATA)
            return -ENODATA;
        return xen_check(x, -1, "track changes of video memory");
    }
    if (x->vram_all_dirty) {
        memset(bitmap, 0xff, bytes);
        if (pages % 64)
            bitmap[pages / 64] = (1ull << pages % 64) - 1;
        x->vram_all_dirty = false;
    }
    return 0;
}

static void xen_vram_place(struct dm_hypervisor *hv, uint64_t *gpa, uint64_t *size)
{
    struct xen *x = xen_of(hv);

    *gpa = x->vram_gfn << DM_PAGE_SHIFT;
    *size = x->vram_pages << DM_PAGE_SHIFT;
}

/* --- the rest of dm_hypervisor --- */

static int xen_set_rom_lock(struct dm_hypervisor *hv, bool on)
{
    struct xen *x = xen_of(hv);

    return xen_check(x,
                     xendevicemodel_set_mem_type(x->dm, x->domid,
                                                 on ? HVMMEM_ram_ro : HVMMEM_ram_rw, XEN_ROM_GFN,
                                                 XEN_ROM_PAGES),
                     "protect the ROM area");
}

static int xen_sleep(struct dm_hypervisor *hv)
{
    struct xen *x = xen_of(hv);
    struct xen_hvm_param *param = xencall_alloc_buffer(x->call, sizeof(*param));
    int rc;

    if (!param)
        return -ENOMEM;
    *param =
        (struct xen_hvm_param) { .domid = x->domid, .index = HVM_PARAM_ACPI_S_STATE, .value = 3 };
    rc = xencall2(x->call, __HYPERVISOR_hvm_op, HVMOP_set_param, (uintptr_t)param);
    rc = rc < 0 ? -errno : 0;
    xencall_free_buffer(x->call, param);
    return rc;
}

static int xen_shutdown(struct dm_hypervisor *hv, enum dm_shutdown reason)
{
    static const unsigned codes[] = {
        [DM_SHUTDOWN_POWEROFF] = SHUTDOWN_poweroff,
        [DM_SHUTDOWN_REBOOT] = SHUTDOWN_reboot,
        [DM_SHUTDOWN_CRASH] = SHUTDOWN_crash,
    };
    struct xen *x = xen_of(hv);

    return xendevicemodel_shutdown(x->dm, x->domid, codes[reason]) ? -errno : 0;
}

static const struct dm_hypervisor_ops xen_ops = {
    .map = xen_map,
    .unmap = xen_unmap,
    .claim = xen_claim,
    .claim_pci = xen_claim_pci,
    .set_isa_irq = xen_set_isa_irq,
    .set_intx = xen_set_intx,
    .set_pci_link = xen_set_pci_link,
    .inject_msi = xen_inject_msi,
    .vram_alloc = xen_vram_alloc,
    .vram_map = xen_vram_map,
    .vram_move = xen_vram_move,
    .vram_dirty = xen_vram_dirty,
    .vram_place = xen_vram_place,
    .set_log_dirty = xen_set_log_dirty,
    .vram_written = xen_vram_written,
    .set_rom_lock = xen_set_rom_lock,
    .sleep = xen_sleep,
    .shutdown = xen_shutdown,
};

/* --- requests --- */

static void xen_notify(void *opaque, unsigned vcpu)
{
    struct xen *x = opaque;

    xen_check(x, xenevtchn_notify(x->evtchn, x->port[vcpu]), "signal a vCPU");
}

static void xen_invalidate(void *opaque)
{
    struct xen *x = opaque;

    mapcache_invalidate(&x->cache);
}

static const struct ioreq_server_ops xen_server_ops = { xen_notify, xen_invalidate };

static void xen_serve(void *opaque)
{
    struct xen *x = opaque;

    if (!x->enabled)
        return;
    ioreq_server_poll(&x->server);
    if (ioreq_server_more(&x->server))
        host_loop_post(x->loop, &x->again);
}

static void xen_event(void *opaque, uint32_t events)
{
    struct xen *x = opaque;
    xenevtchn_port_or_error_t port = xenevtchn_pending(x->evtchn);
    bool asked;

    if (port < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return;
        xen_check(x, -1, "read event channels, the guest stands still");
        host_loop_remove(x->loop, &x->watch); /* it would fail for ever */
        return;
    }
    /*
     * While the loop spins, the port stays masked: what is signalled is seen in the pages, and
     * comes again when xen_rest unmasks it. By then it was served long ago and is no work.
     */
    asked = x->enabled && ioreq_server_asked(&x->server);
    if (host_loop_woken(x->loop, asked) && x->masked_count < DM_ARRAY_LEN(x->masked))
        x->masked[x->masked_count++] = (uint32_t)port;
    else /* before the pages are looked at: what is signalled from here on comes again */
        xen_check(x, xenevtchn_unmask(x->evtchn, (evtchn_port_t)port), "unmask an event channel");
    xen_serve(x);
}

static bool xen_poll(void *opaque)
{
    struct xen *x = opaque;

    return x->enabled && ioreq_server_poll(&x->server);
}

static void xen_rest(void *opaque)
{
    struct xen *x = opaque;

    while (x->masked_count)
        xen_check(x, xenevtchn_unmask(x->evtchn, x->masked[--x->masked_count]),
                  "unmask an event channel");
}

/* --- start and end --- */

static int xen_open_libraries(struct xen *x, struct dm_error *err)
{
    x->call = xencall_open(&xen_logger, 0);
    if (!x->call)
        return dm_error_set(err, errno, "no Xen here: cannot open /dev/xen/privcmd: %s",
                            strerror(errno));
    x->dm = xendevicemodel_open(&xen_logger, 0);
    if (!x->dm)
        return dm_error_set(err, errno, "cannot open Xen's device model interface: %s",
                            strerror(errno));
    x->memory = xenforeignmemory_open(&xen_logger, 0);
    if (!x->memory)
        return dm_error_set(err, errno, "cannot open Xen's interface to guest memory: %s",
                            strerror(errno));
    x->evtchn = xenevtchn_open(&xen_logger, 0);
    if (!x->evtchn)
        return dm_error_set(err, errno, "cannot open /dev/xen/evtchn: %s", strerror(errno));
    return 0;
}

static int xen_create_server(struct xen *x, struct dm_error *err)
{
    if (!xendevicemodel_create_ioreq_server(x->dm, x->domid, HVM_IOREQSRV_BUFIOREQ_ATOMIC,
                                            &x->id)) {
        x->created = true;
        return 0;
    }
    switch (errno) {
    case ESRCH:
        return dm_error_set(err, ESRCH, "domain %u does not exist", x->domid);
    case EINVAL:
        return dm_error_set(err, EINVAL, "domain %u is not an HVM guest", x->domid);
    case ENOSPC:
        return dm_error_set(err, ENOSPC, "domain %u has all the device models it can have",
                            x->domid);
    default:
        return dm_error_set(err, errno, "domain %u: cannot create an ioreq server: %s", x->domid,
                            strerror(errno));
    }
}

/* The pages' frame numbers, for kernels and hypervisors that map no resources. */
static int xen_map_old_pages(struct xen *x, struct dm_error *err)
{
    xen_pfn_t page, ring;

    if (xendevicemodel_get_ioreq_server_info(x->dm, x->domid, x->id, &page, &ring, NULL))
        return dm_error_set(err, errno, "domain %u: cannot find the ioreq pages: %s", x->domid,
                            strerror(errno));
    x->old_page = xenforeignmemory_map(x->memory, x->domid, PROT_READ | PROT_WRITE, 1, &page, NULL);
    if (x->old_page)
        x->old_ring =
            xenforeignmemory_map(x->memory, x->domid, PROT_READ | PROT_WRITE, 1, &ring, NULL);
    if (!x->old_page || !x->old_ring)
        return dm_error_set(err, errno, "domain %u: cannot map the ioreq pages: %s", x->domid,
                            strerror(errno));
    x->server.page = x->old_page;
    x->server.ring = x->old_ring;
    return 0;
}

static int xen_map_pages(struct xen *x, struct dm_error *err)
{
    void *at = NULL;

    static_assert(XENMEM_resource_ioreq_server_frame_bufioreq == 0 &&
                      XENMEM_resource_ioreq_server_frame_ioreq(0) == 1,
                  "the ring comes first");
    x->resource = xenforeignmemory_map_resource(x->memory, x->domid, XENMEM_resource_ioreq_server,
                                                x->id, 0, 2, &at, PROT_READ | PROT_WRITE, 0);
    if (x->resource) {
        x->server.ring = at;
        x->server.page = (struct ioreq_page *)((uint8_t *)at + DM_PAGE_SIZE);
        return 0;
    }
    if (errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOSYS)
        return xen_map_old_pages(x, err);
    return dm_error_set(err, errno, "domain %u: cannot map the ioreq pages: %s", x->domid,
                        strerror(errno));
}

static int xen_bind(struct xen *x, uint32_t remote, uint32_t *local, const char *what,
                    struct dm_error *err)
{
    xenevtchn_port_or_error_t port = xenevtchn_bind_interdomain(x->evtchn, x->domid, remote);

    if (port < 0)
        return dm_error_set(err, errno, "domain %u: cannot bind the event channel of %s: %s",
                            x->domid, what, strerror(errno));
    *local = (uint32_t)port;
    return 0;
}

/* The server has to be enabled meanwhile: only then the page holds the vCPUs' ports. */
static int xen_bind_ports(struct xen *x, struct dm_error *err)
{
    evtchn_port_t ring;
    char what[32];
    int rc;

    if (xendevicemodel_get_ioreq_server_info(x->dm, x->domid, x->id, NULL, NULL, &ring))
        return dm_error_set(err, errno, "domain %u: cannot find the ring's event channel: %s",
                            x->domid, strerror(errno));
    rc = xen_bind(x, ring, &x->ring_port, "the buffered ring", err);
    if (rc)
        return rc;
    rc = xen_run(x, true, err);
    for (unsigned v = 0; !rc && v < x->server.vcpus; v++) {
        uint32_t remote = __atomic_load_n(&x->server.page->vcpu[v].port, __ATOMIC_ACQUIRE);

        snprintf(what, sizeof(what), "vCPU %u", v);
        rc = xen_bind(x, remote, &x->port[v], what, err);
    }
    return rc ? rc : xen_run(x, false, err);
}

static int xen_count_vcpus(struct xen *x, uint32_t told, struct dm_error *err)
{
    unsigned n;

    if (xendevicemodel_nr_vcpus(x->dm, x->domid, &n))
        n = told;
    if (n == 0 || n > IOREQ_VCPU_MAX)
        return dm_error_set(err, EINVAL, "domain %u: %u vCPUs; 1 to %d are possible", x->domid, n,
                            IOREQ_VCPU_MAX);
    x->server.vcpus = n;
    return 0;
}

int xen_open(struct xen **out, uint32_t domid, uint32_t max_vcpus, struct host_loop *loop,
             struct dm_error *err)
{
    struct xen *x;
    int rc;

    *out = NULL;
    if (domid >= DOMID_FIRST_RESERVED)
        return dm_error_set(err, EINVAL, "domain id %u is out of range", domid);
    x = calloc(1, sizeof(*x));
    if (!x)
        return dm_error_set(err, ENOMEM, "out of memory");
    x->hv.ops = &xen_ops;
    x->domid = (domid_t)domid;
    x->loop = loop;
    x->server.ops = &xen_server_ops;
    x->server.opaque = x;
    x->again = (struct host_post) { .fn = xen_serve, .opaque = x };
    x->ring_port = XEN_NO_PORT;
    x->changed_first = UINT64_MAX;
    for (unsigned v = 0; v < IOREQ_VCPU_MAX; v++)
        x->port[v] = XEN_NO_PORT;
    mapcache_init(&x->cache, &xen_cache_ops, x, XEN_CACHE_BUCKETS);
    rc = xen_open_libraries(x, err);
    if (!rc)
        rc = xen_create_server(x, err);
    if (!rc)
        rc = xen_count_vcpus(x, max_vcpus, err);
    if (!rc)
        rc = xen_map_pages(x, err);
    if (!rc)
        rc = xen_bind_ports(x, err);
    if (!rc) {
        x->watch = (struct host_watch) {
            .fd = xenevtchn_fd(x->evtchn), .events = EPOLLIN, .ready = xen_event, .opaque = x
        };
        rc = host_loop_add(loop, &x->watch);
        if (rc)
            dm_error_set(err, -rc, "cannot wait for event channels: %s", strerror(-rc));
        x->poller = (struct host_poller) { xen_poll, xen_rest, x };
        host_loop_set_poller(loop, &x->poller);
    }
    if (rc)
        xen_close(x);
    else
        *out = x;
    return rc;
}

struct dm_hypervisor *xen_hypervisor(struct xen *x)
{
    return &x->hv;
}

void xen_attach(struct xen *x, struct dm_machine *machine)
{
    x->server.machine = machine;
}

/* Serves what is there: each poll takes all of the page and a ring's worth of writes. */
static void xen_settle(struct xen *x)
{
    for (unsigned n = 0; n < XEN_SETTLE_POLLS && ioreq_server_poll(&x->server); n++)
        ;
}

/*
 * Stopping: Xen disables a server with the domain paused. Nothing comes after that, so that
 * what is served behind it is the last: no vCPU waits, no buffered write is lost.
 */
int xen_run(struct xen *x, bool on, struct dm_error *err)
{
    if (x->enabled == on)
        return 0;
    if (!on)
        xen_settle(x);
    if (xendevicemodel_set_ioreq_server_state(x->dm, x->domid, x->id, on))
        return dm_error_set(err, errno, "domain %u: cannot %s the ioreq server: %s", x->domid,
                            on ? "enable" : "disable", strerror(errno));
    x->enabled = on;
    if (on && x->server.machine) {
        host_loop_post(x->loop, &x->again); /* what came when nobody looked */
    } else if (!on) {
        xen_settle(x);
        xen_report_vram(x);
    }
    return 0;
}

int xen_restrict(struct xen *x, struct dm_error *err)
{
    if (xentoolcore_restrict_all(x->domid))
        return dm_error_set(err, errno, "domain %u: cannot restrict this process to it: %s",
                            x->domid, strerror(errno));
    return 0;
}

/* The domain may be gone already, so that nothing here can be an error. */
void xen_close(struct xen *x)
{
    if (!x)
        return;
    host_loop_remove(x->loop, &x->watch);
    host_loop_unpost(x->loop, &x->again);
    xen_set_log_dirty(&x->hv, false);
    host_loop_set_poller(x->loop, NULL);
    if (x->enabled)
        xendevicemodel_set_ioreq_server_state(x->dm, x->domid, x->id, 0);
    for (unsigned v = 0; v < x->server.vcpus; v++)
        if (x->port[v] != XEN_NO_PORT)
            xenevtchn_unbind(x->evtchn, x->port[v]);
    if (x->ring_port != XEN_NO_PORT)
        xenevtchn_unbind(x->evtchn, x->ring_port);
    mapcache_finish(&x->cache);
    xen_vram_free(x);
    if (x->resource)
        xenforeignmemory_unmap_resource(x->memory, x->resource);
    if (x->old_page)
        xenforeignmemory_unmap(x->memory, x->old_page, 1);
    if (x->old_ring)
        xenforeignmemory_unmap(x->memory, x->old_ring, 1);
    if (x->created)
        xendevicemodel_destroy_ioreq_server(x->dm, x->domid, x->id);
    xenevtchn_close(x->evtchn);
    xenforeignmemory_close(x->memory);
    xendevicemodel_close(x->dm);
    xencall_close(x->call);
    free(x);
}
