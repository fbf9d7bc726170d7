/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stand-ins of the Xen library functions that io-req/xen.c uses, defined here and so
 * taken instead of the libraries'. For one program: it holds what they are asked.
 */
#ifndef XEN_RIG_H
#define XEN_RIG_H

#define __XEN_TOOLS__ 1

#include "tests/unit/unit.h"

#include "io-req/proto.h"
#include "io-req/xen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xencall.h>
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xentoolcore.h>
#include <xentoollog.h>

#include <xen/hvm/ioreq.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>

#define DOMID  5
#define SERVER 3
#define VRAM   (16u << 20)
#define PAGES  (VRAM / 4096)
#define HIDDEN 0x120000ull /* 4 GiB + 512 MiB: above RAM however it is laid out */

static struct {
    char calls[8192]; /* one word or line each, in order */
    const char *fail; /* the call that fails, and how */
    int fail_errno;
    unsigned fail_after; /* that many succeed first */
    int vcpus;
    bool enabled;
    unsigned handles, mappings, bound, buffers;
    int event_fd;
    unsigned notified, unmasked, last_notified;
    bool burst; /* one unmask for many requests */
    uint64_t populate_first;
    size_t populate_pages;
    int populate_rc;
    struct xen_hvm_param param;
    uint64_t dirty_first;
    uint32_t dirty_pages;
} sim;

static _Alignas(4096) struct {
    struct ioreq_ring ring;
    struct ioreq_page page;
} shared;

static uint8_t guest[1 << 20]; /* what is mapped of it, at any frame */

static struct host_loop loop;
static struct dm_machine machine;
static struct dm_error err;
static struct xen *xen;
static struct dm_hypervisor *hv;
static char log_text[4096];

/* Notes the call. Returns -1 with errno set if the test wants it to fail. */
__attribute__((format(printf, 2, 3))) static int call(const char *name, const char *fmt, ...)
{
    size_t at = strlen(sim.calls);
    va_list ap;

    snprintf(sim.calls + at, sizeof(sim.calls) - at, "%s", name);
    at = strlen(sim.calls);
    va_start(ap, fmt);
    vsnprintf(sim.calls + at, sizeof(sim.calls) - at, fmt, ap);
    va_end(ap);
    at = strlen(sim.calls);
    snprintf(sim.calls + at, sizeof(sim.calls) - at, "\n");
    if (!sim.fail || strcmp(sim.fail, name))
        return 0;
    if (sim.fail_after) {
        sim.fail_after--;
        return 0;
    }
    errno = sim.fail_errno;
    return -1;
}

static void *open_handle(const char *name, struct xentoollog_logger *logger)
{
    if (call(name, "%s", "")) {
        /* As the libraries do: it must not reach stderr. */
        assert_non_null(logger);
        return NULL;
    }
    sim.handles++;
    return &sim;
}

static int close_handle(const char *name, const void *handle)
{
    if (!handle)
        return 0;
    assert_ptr_equal(handle, &sim);
    sim.handles--;
    return call(name, "%s", "");
}

xencall_handle *xencall_open(struct xentoollog_logger *logger, unsigned flags)
{
    return open_handle("call-open", logger);
}

int xencall_close(xencall_handle *h)
{
    return close_handle("call-close", h);
}

void *xencall_alloc_buffer(xencall_handle *h, size_t size)
{
    sim.buffers++;
    return malloc(size);
}

void xencall_free_buffer(xencall_handle *h, void *p)
{
    sim.buffers -= p != NULL;
    free(p);
}

int xencall2(xencall_handle *h, unsigned op, uint64_t a, uint64_t b)
{
    if (op == __HYPERVISOR_memory_op) {
        struct xen_memory_reservation *r = (void *)(uintptr_t)b;
        xen_pfn_t *frames = r->extent_start.p;

        assert_int_equal(a, XENMEM_populate_physmap);
        assert_int_equal(r->domid, DOMID);
        assert_int_equal(r->extent_order, 0);
        assert_int_equal(r->mem_flags, 0);
        for (size_t i = 1; i < r->nr_extents; i++)
            assert_int_equal(frames[i], frames[0] + i);
        sim.populate_first = frames[0];
        sim.populate_pages = r->nr_extents;
        if (call("populate", " %#llx %lu", (unsigned long long)frames[0], r->nr_extents))
            return -1;
        return sim.populate_rc ? sim.populate_rc : (int)r->nr_extents;
    }
    assert_int_equal(op, __HYPERVISOR_hvm_op);
    assert_int_equal(a, HVMOP_set_param);
    sim.param = *(struct xen_hvm_param *)(uintptr_t)b;
    return call("set-param", "%s", "");
}

xendevicemodel_handle *xendevicemodel_open(struct xentoollog_logger *logger, unsigned flags)
{
    return open_handle("dm-open", logger);
}

int xendevicemodel_close(xendevicemodel_handle *h)
{
    return close_handle("dm-close", h);
}

int xendevicemodel_create_ioreq_server(xendevicemodel_handle *h, domid_t domid, int buffered,
                                       ioservid_t *id)
{
    assert_int_equal(domid, DOMID);
    assert_int_equal(buffered, HVM_IOREQSRV_BUFIOREQ_ATOMIC);
    *id = SERVER;
    return call("create", "%s", "");
}

int xendevicemodel_destroy_ioreq_server(xendevicemodel_handle *h, domid_t domid, ioservid_t id)
{
    assert_int_equal(id, SERVER);
    return call("destroy", "%s", "");
}

int xendevicemodel_get_ioreq_server_info(xendevicemodel_handle *h, domid_t domid, ioservid_t id,
                                         xen_pfn_t *page, xen_pfn_t *ring, evtchn_port_t *port)
{
    if (page)
        *page = 0xfeff1;
    if (ring)
        *ring = 0xfeff0;
    if (port)
        *port = 99;
    return call("info", "%s%s", page ? " gfns" : "", port ? " port" : "");
}

int xendevicemodel_set_ioreq_server_state(xendevicemodel_handle *h, domid_t domid, ioservid_t id,
                                          int enabled)
{
    if (call("state", " %d", enabled))
        return -1;
    sim.enabled = enabled;
    /* Only now does Xen fill the ports in. */
    for (unsigned v = 0; enabled && v < IOREQ_VCPU_MAX; v++)
        shared.page.vcpu[v].port = 20 + v;
    return 0;
}

int xendevicemodel_nr_vcpus(xendevicemodel_handle *h, domid_t domid, unsigned *vcpus)
{
    if (sim.vcpus < 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    *vcpus = (unsigned)sim.vcpus;
    return 0;
}

int xendevicemodel_map_io_range_to_ioreq_server(xendevicemodel_handle *h, domid_t domid,
                                                ioservid_t id, int mem, uint64_t a, uint64_t b)
{
    return call("map-range", " %d %llx-%llx", mem, (unsigned long long)a, (unsigned long long)b);
}

int xendevicemodel_unmap_io_range_from_ioreq_server(xendevicemodel_handle *h, domid_t domid,
                                                    ioservid_t id, int mem, uint64_t a, uint64_t b)
{
    return call("unmap-range", " %d %llx-%llx", mem, (unsigned long long)a, (unsigned long long)b);
}

int xendevicemodel_map_pcidev_to_ioreq_server(xendevicemodel_handle *h, domid_t domid,
                                              ioservid_t id, uint16_t segment, uint8_t bus,
                                              uint8_t slot, uint8_t fn)
{
    return call("map-pci", " %u:%u:%u.%u", segment, bus, slot, fn);
}

int xendevicemodel_unmap_pcidev_from_ioreq_server(xendevicemodel_handle *h, domid_t domid,
                                                  ioservid_t id, uint16_t segment, uint8_t bus,
                                                  uint8_t slot, uint8_t fn)
{
    return call("unmap-pci", " %u:%u:%u.%u", segment, bus, slot, fn);
}

int xendevicemodel_set_pci_intx_level(xendevicemodel_handle *h, domid_t domid, uint16_t segment,
                                      uint8_t bus, uint8_t slot, uint8_t pin, unsigned level)
{
    return call("intx", " %u:%u:%u %u=%u", segment, bus, slot, pin, level);
}

int xendevicemodel_set_isa_irq_level(xendevicemodel_handle *h, domid_t domid, uint8_t irq,
                                     unsigned level)
{
    return call("isa", " %u=%u", irq, level);
}

int xendevicemodel_set_pci_link_route(xendevicemodel_handle *h, domid_t domid, uint8_t link,
                                      uint8_t irq)
{
    return call("link", " %u=%u", link, irq);
}

int xendevicemodel_inject_msi(xendevicemodel_handle *h, domid_t domid, uint64_t addr, uint32_t data)
{
    return call("msi", " %llx %x", (unsigned long long)addr, data);
}

int xendevicemodel_track_dirty_vram(xendevicemodel_handle *h, domid_t domid, uint64_t first,
                                    uint32_t pages, unsigned long *bitmap)
{
    bitmap[0] |= 0x10;
    return call("track", " %llx %u", (unsigned long long)first, pages);
}

int xendevicemodel_modified_memory(xendevicemodel_handle *h, domid_t domid, uint64_t first,
                                   uint32_t pages)
{
    return call("modified", " %llx %u", (unsigned long long)first, pages);
}

int xendevicemodel_set_mem_type(xendevicemodel_handle *h, domid_t domid, hvmmem_type_t type,
                                uint64_t first, uint32_t pages)
{
    return call("type", " %s %llx %x", type == HVMMEM_ram_ro ? "ro" : "rw",
                (unsigned long long)first, pages);
}

int xendevicemodel_shutdown(xendevicemodel_handle *h, domid_t domid, unsigned reason)
{
    return call("shutdown", " %u", reason);
}

int xendevicemodel_relocate_memory(xendevicemodel_handle *h, domid_t domid, uint32_t size,
                                   uint64_t from, uint64_t to)
{
    return call("relocate", " %x %llx>%llx", size, (unsigned long long)from,
                (unsigned long long)to);
}

int xendevicemodel_pin_memory_cacheattr(xendevicemodel_handle *h, domid_t domid, uint64_t first,
                                        uint64_t last, uint32_t type)
{
    return call("pin", " %llx-%llx %d", (unsigned long long)first, (unsigned long long)last,
                (int)type);
}

xenforeignmemory_handle *xenforeignmemory_open(struct xentoollog_logger *logger, unsigned flags)
{
    return open_handle("memory-open", logger);
}

int xenforeignmemory_close(xenforeignmemory_handle *h)
{
    return close_handle("memory-close", h);
}

void *xenforeignmemory_map(xenforeignmemory_handle *h, uint32_t domid, int prot, size_t pages,
                           const xen_pfn_t *frames, int *errors)
{
    void *host = guest;

    assert_int_equal(domid, DOMID);
    assert_int_equal(prot, PROT_READ | PROT_WRITE);
    if (call("map", " %lx+%zx", frames[0], pages))
        return NULL;
    for (size_t i = 0; i < pages; i++) {
        assert_int_equal(frames[i], frames[0] + i);
        if (errors)
            errors[i] = frames[i] == 0x2007 ? -EINVAL : 0;
    }
    sim.mappings++;
    if (frames[0] == 0xfeff0)
        host = &shared.ring;
    else if (frames[0] == 0xfeff1)
        host = &shared.page;
    return host;
}

/* VRAM: into addresses of its own. */
void *xenforeignmemory_map2(xenforeignmemory_handle *h, uint32_t domid, void *at, int prot,
                            int flags, size_t pages, const xen_pfn_t *frames, int *errors)
{
    static uint8_t *end;

    assert_non_null(at);
    assert_int_equal(flags, MAP_FIXED);
    assert_int_equal(mprotect(at, pages << 12, prot), 0);
    if (!xenforeignmemory_map(h, domid, prot, pages, frames, errors))
        return NULL;
    sim.mappings -= at == end; /* one unmap for all of it */
    end = (uint8_t *)at + (pages << 12);
    return at;
}

int xenforeignmemory_unmap(xenforeignmemory_handle *h, void *host, size_t pages)
{
    sim.mappings--;
    return call("unmap", " %zx", pages);
}

xenforeignmemory_resource_handle *xenforeignmemory_map_resource(xenforeignmemory_handle *h,
                                                                domid_t domid, unsigned type,
                                                                unsigned id, unsigned long frame,
                                                                unsigned long count, void **at,
                                                                int prot, int flags)
{
    assert_int_equal(type, XENMEM_resource_ioreq_server);
    assert_int_equal(id, SERVER);
    assert_null(*at);
    if (call("map-resource", " %lu+%lu", frame, count))
        return NULL;
    sim.mappings++;
    *at = &shared;
    return (void *)&shared;
}

int xenforeignmemory_unmap_resource(xenforeignmemory_handle *h, xenforeignmemory_resource_handle *r)
{
    assert_ptr_equal(r, &shared);
    sim.mappings--;
    return call("unmap-resource", "%s", "");
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned flags)
{
    return open_handle("evtchn-open", logger);
}

int xenevtchn_close(xenevtchn_handle *h)
{
    return close_handle("evtchn-close", h);
}

int xenevtchn_fd(xenevtchn_handle *h)
{
    return sim.event_fd;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t domid,
                                                     evtchn_port_t remote)
{
    if (call("bind", " %u", remote))
        return -1;
    sim.bound++;
    return (int)remote + 1000;
}

int xenevtchn_unbind(xenevtchn_handle *h, evtchn_port_t port)
{
    assert_true(port >= 1000);
    sim.bound--;
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
    uint64_t ignored;

    if (call("pending", "%s", ""))
        return -1;
    if (read(sim.event_fd, &ignored, 8) != 8)
        return -1;
    return 1020;
}

int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
    assert_int_equal(port, 1020);
    /* Before the request is taken, else an event between the two were lost. */
    if (!sim.burst)
        assert_int_equal(sim.notified, sim.unmasked);
    sim.unmasked++;
    return 0;
}

int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
    sim.notified++;
    sim.last_notified = port;
    return 0;
}

int xentoolcore_restrict_all(domid_t domid)
{
    return call("restrict", " %u", domid);
}

#endif
