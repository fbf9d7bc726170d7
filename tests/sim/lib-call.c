/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The preloaded library: raw hypercalls (libxencall), what QEMU uses of libxenctrl and of
 * libxengnttab, and xentoolcore. What is about passthrough or PV back ends answers ENOSYS.
 */
#define __XEN_TOOLS__ 1

#include "tests/sim/lib.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xencall.h>
#include <xengnttab.h>
#include <xentoolcore.h>

struct xencall_handle {
    int nothing;
};

SIM_EXPORT int xentoolcore_restrict_all(domid_t domid)
{
    if (!lib_domain(domid))
        return -1;
    atomic_store(&lib_ctl()->restricted, 1);
    return 0;
}

/* --- libxencall --- */

SIM_EXPORT xencall_handle *xencall_open(struct xentoollog_logger *logger, unsigned flags)
{
    return lib_open() ? calloc(1, sizeof(xencall_handle)) : NULL;
}

SIM_EXPORT int xencall_close(xencall_handle *h)
{
    free(h);
    return 0;
}

SIM_EXPORT void *xencall_alloc_buffer(xencall_handle *h, size_t size)
{
    return calloc(1, size);
}

SIM_EXPORT void xencall_free_buffer(xencall_handle *h, void *p)
{
    free(p);
}

static int call_param(bool set, uint32_t domid, uint32_t index, uint64_t *value)
{
    struct sim_ctl *c = lib_ctl();

    if (!lib_domain(domid))
        return -1;
    lib_hypercall();
    if (index >= SIM_HVM_PARAMS)
        return lib_fail(EINVAL);
    if (set)
        atomic_store(&c->hvm_param[index], *value);
    else
        *value = atomic_load(&c->hvm_param[index]);
    return 0;
}

static int call_memory(unsigned cmd, uint64_t arg)
{
    struct xen_memory_reservation *res = (void *)(uintptr_t)arg;
    xen_pfn_t *frames;

    if (cmd != XENMEM_populate_physmap)
        return lib_fail(ENOSYS);
    if (!lib_domain(res->domid))
        return -1;
    if (res->extent_order)
        return lib_fail(EINVAL);
    frames = res->extent_start.p;
    return (int)lib_populate(frames, res->nr_extents);
}

SIM_EXPORT int xencall2(xencall_handle *h, unsigned op, uint64_t arg1, uint64_t arg2)
{
    xen_hvm_param_t *param = (void *)(uintptr_t)arg2;

    if (atomic_load(&lib_ctl()->restricted))
        return lib_fail(EBADF); /* its descriptor is /dev/null then */
    if (op == __HYPERVISOR_memory_op)
        return call_memory((unsigned)arg1, arg2);
    if (op == __HYPERVISOR_hvm_op && (arg1 == HVMOP_set_param || arg1 == HVMOP_get_param))
        return call_param(arg1 == HVMOP_set_param, param->domid, param->index, &param->value);
    return lib_fail(ENOSYS);
}

/* --- libxenctrl: its header is not made for C17 --- */

typedef struct xc_interface_core xc_interface;
typedef struct xentoollog_logger xentoollog_logger;

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *build,
                                unsigned flags);
int xc_interface_close(xc_interface *xch);
int xc_domain_populate_physmap_exact(xc_interface *xch, uint32_t domid, unsigned long count,
                                     unsigned order, unsigned flags, xen_pfn_t *gfns);
int xc_domain_shutdown(xc_interface *xch, uint32_t domid, int reason);
int xc_get_hvm_param(xc_interface *xch, uint32_t domid, int param, unsigned long *value);
int xc_set_hvm_param(xc_interface *xch, uint32_t domid, int param, unsigned long value);
int xc_domain_bind_pt_pci_irq(xc_interface *xch, uint32_t domid, uint8_t irq, uint8_t bus,
                              uint8_t device, uint8_t intx);
int xc_domain_unbind_pt_irq(xc_interface *xch, uint32_t domid, uint8_t irq, uint8_t type,
                            uint8_t bus, uint8_t device, uint8_t intx, uint8_t isa_irq);
int xc_domain_update_msi_irq(xc_interface *xch, uint32_t domid, uint32_t gvec, uint32_t pirq,
                             uint32_t gflags, uint64_t gtable);
int xc_domain_unbind_msi_irq(xc_interface *xch, uint32_t domid, uint32_t gvec, uint32_t pirq,
                             uint32_t gflags);
int xc_domain_iomem_permission(xc_interface *xch, uint32_t domid, unsigned long first,
                               unsigned long count, uint8_t allow);
int xc_domain_ioport_mapping(xc_interface *xch, uint32_t domid, uint32_t gport, uint32_t mport,
                             uint32_t count, uint32_t add);
int xc_domain_memory_mapping(xc_interface *xch, uint32_t domid, unsigned long gfn,
                             unsigned long mfn, unsigned long count, uint32_t add);
int xc_physdev_map_pirq(xc_interface *xch, uint32_t domid, int index, int *pirq);
int xc_physdev_map_pirq_msi(xc_interface *xch, uint32_t domid, int index, int *pirq, int devfn,
                            int bus, int entry, uint64_t table);
int xc_physdev_unmap_pirq(xc_interface *xch, uint32_t domid, int pirq);

static char call_xch; /* what a handle points at */

SIM_EXPORT xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *build,
                                           unsigned flags)
{
    return lib_open() ? (xc_interface *)(void *)&call_xch : NULL;
}

SIM_EXPORT int xc_interface_close(xc_interface *xch)
{
    return 0;
}

SIM_EXPORT int xc_domain_populate_physmap_exact(xc_interface *xch, uint32_t domid,
                                                unsigned long count, unsigned order, unsigned flags,
                                                xen_pfn_t *gfns)
{
    if (!lib_domain(domid))
        return -1;
    if (order)
        return lib_fail(EINVAL);
    return lib_populate(gfns, count) == count ? 0 : lib_fail(ENOMEM);
}

SIM_EXPORT int xc_domain_shutdown(xc_interface *xch, uint32_t domid, int reason)
{
    if (!lib_domain(domid))
        return -1;
    lib_hypercall();
    atomic_store(&lib_ctl()->shutdown, (uint32_t)reason + 1);
    lib_kick(SIM_FD_IRQ);
    return 0;
}

SIM_EXPORT int xc_get_hvm_param(xc_interface *xch, uint32_t domid, int param, unsigned long *value)
{
    uint64_t v = 0;

    if (param < 0 || call_param(false, domid, (uint32_t)param, &v))
        return param < 0 ? lib_fail(EINVAL) : -1;
    *value = v;
    return 0;
}

SIM_EXPORT int xc_set_hvm_param(xc_interface *xch, uint32_t domid, int param, unsigned long value)
{
    uint64_t v = value;

    return param < 0 ? lib_fail(EINVAL) : call_param(true, domid, (uint32_t)param, &v);
}

SIM_EXPORT int xc_domain_bind_pt_pci_irq(xc_interface *xch, uint32_t domid, uint8_t irq,
                                         uint8_t bus, uint8_t device, uint8_t intx)
{
    return lib_fail(ENOSYS);
}

SIM_EXPORT int xc_domain_unbind_pt_irq(xc_interface *xch, uint32_t domid, uint8_t irq, uint8_t type,
                                       uint8_t bus, uint8_t device, uint8_t intx, uint8_t isa_irq)
{
    return lib_fail(ENOSYS);
}

SIM_EXPORT int xc_domain_update_msi_irq(xc_interface *xch, uint32_t domid, uint32_t gvec,
                                        uint32_t pirq, uint32_t gflags, uint64_t gtable)
{
    return lib_fail(ENOSYS);
}

SIM_EXPORT int xc_domain_unbind_msi_irq(xc_interface *xch, uint32_t domid, uint32_t gvec,
                                        uint32_t pirq, uint32_t gflags)
{
    return lib_fail(ENOSYS);
}

SIM_EXPORT int xc_domain_iomem_permission(xc_interface *xch, uint32_t domid, unsigned long first,
                                          unsigned long count, uint8_t allow)
{
    return lib_fail(ENOSYS);
}

SIM_EXPORT int xc_domain_ioport_mapping(xc_interface *xch, uint32_t domid, uint32_t gport,
                                        uint32_t mport, uint32_t count, uint32_t add)
{
    return lib_fail(ENOSYS);
}

SIM_EXPORT int xc_domain_memory_mapping(xc_interface *xch, uint32_t domid, unsigned long gfn,
                                        unsigned long mfn, unsigned long count, uint32_t add)
{
    return lib_fail(ENOSYS);
}

SIM_EXPORT int xc_physdev_map_pirq(xc_interface *xch, uint32_t domid, int index, int *pirq)
{
    return lib_fail(ENOSYS);
}

SIM_EXPORT int xc_physdev_map_pirq_msi(xc_interface *xch, uint32_t domid, int index, int *pirq,
                                       int devfn, int bus, int entry, uint64_t table)
{
    return lib_fail(ENOSYS);
}

SIM_EXPORT int xc_physdev_unmap_pirq(xc_interface *xch, uint32_t domid, int pirq)
{
    return lib_fail(ENOSYS);
}

/* --- libxengnttab: it opens, there are no grants --- */

struct xengntdev_handle {
    int nothing;
};

SIM_EXPORT xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned flags)
{
    return lib_open() ? calloc(1, sizeof(xengnttab_handle)) : NULL;
}

SIM_EXPORT int xengnttab_close(xengnttab_handle *h)
{
    free(h);
    return 0;
}

SIM_EXPORT int xengnttab_set_max_grants(xengnttab_handle *h, uint32_t count)
{
    return 0;
}

SIM_EXPORT void *xengnttab_map_domain_grant_refs(xengnttab_handle *h, uint32_t count,
                                                 uint32_t domid, uint32_t *refs, int prot)
{
    errno = EINVAL;
    return NULL;
}

SIM_EXPORT int xengnttab_unmap(xengnttab_handle *h, void *at, uint32_t count)
{
    return lib_fail(EINVAL);
}

SIM_EXPORT int xengnttab_grant_copy(xengnttab_handle *h, uint32_t count,
                                    xengnttab_grant_copy_segment_t *segs)
{
    return lib_fail(EINVAL);
}
