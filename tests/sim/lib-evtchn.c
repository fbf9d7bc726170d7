/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The preloaded library: event channels (libxenevtchn) as Linux's /dev/xen/evtchn has them. */
#include "tests/sim/lib.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <xenevtchn.h>

struct xenevtchn_handle {
    uint32_t index;
};

static struct sim_port *evtchn_port(xenevtchn_handle *h, evtchn_port_t port)
{
    struct sim_port *p = port && port < SIM_PORTS ? &lib_ctl()->port[port] : NULL;

    if (p && atomic_load(&p->remote) && p->handle == h->index)
        return p;
    errno = ENOTCONN;
    return NULL;
}

SIM_EXPORT xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned flags)
{
    struct sim_ctl *c = lib_open();
    xenevtchn_handle *h = c ? calloc(1, sizeof(*h)) : NULL;

    if (!h)
        return NULL;
    for (uint32_t i = 0; i < SIM_HANDLES; i++) {
        if (!(atomic_fetch_or(&c->evtchn_handles, 1u << i) >> i & 1)) {
            h->index = i;
            return h;
        }
    }
    free(h);
    errno = EMFILE;
    return NULL;
}

SIM_EXPORT int xenevtchn_close(xenevtchn_handle *h)
{
    struct sim_ctl *c = lib_ctl();

    if (!h)
        return 0;
    for (uint32_t p = 1; p < SIM_PORTS; p++)
        if (evtchn_port(h, p))
            xenevtchn_unbind(h, p);
    atomic_fetch_and(&c->evtchn_handles, ~(1u << h->index));
    free(h);
    return 0;
}

SIM_EXPORT int xenevtchn_fd(xenevtchn_handle *h)
{
    return SIM_FD_EVTCHN + (int)h->index;
}

static void evtchn_deliver(struct sim_ctl *c, uint32_t port)
{
    sim_event_queue(c, port);
    __atomic_fetch_add(&c->stats.events, 1, __ATOMIC_RELAXED); /* the driver does too */
    lib_kick(SIM_FD_EVTCHN + (int)c->port[port].handle);
}

SIM_EXPORT xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t domid,
                                                                evtchn_port_t remote)
{
    struct sim_ctl *c = lib_ctl();
    uint32_t port = 1;

    if (!lib_domain(domid))
        return -1;
    if (!remote || remote >= SIM_PORTS || atomic_load(&c->local[remote]))
        return lib_fail(EINVAL);
    lib_lock();
    while (port < SIM_PORTS && atomic_load(&c->port[port].remote))
        port++;
    if (port == SIM_PORTS) {
        lib_unlock();
        return lib_fail(ENOSPC);
    }
    c->port[port].handle = h->index;
    /* Xen sets it pending: what was sent before it was bound is lost otherwise. */
    atomic_store(&c->port[port].state, SIM_EVENT_MASKED);
    atomic_store(&c->port[port].remote, remote);
    atomic_store(&c->local[remote], port);
    lib_unlock();
    evtchn_deliver(c, port);
    return (int)port;
}

SIM_EXPORT xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *h,
                                                                 uint32_t domid)
{
    return lib_fail(ENOSYS);
}

SIM_EXPORT xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *h, unsigned virq)
{
    return lib_fail(ENOSYS);
}

SIM_EXPORT int xenevtchn_unbind(xenevtchn_handle *h, evtchn_port_t port)
{
    struct sim_ctl *c = lib_ctl();
    struct sim_port *p = evtchn_port(h, port);

    if (!p)
        return -1;
    lib_lock();
    atomic_store(&c->local[atomic_load(&p->remote)], 0);
    atomic_store(&p->remote, 0);
    lib_unlock();
    lib_hypercall();
    return 0;
}

SIM_EXPORT xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
    struct sim_ctl *c = lib_ctl();
    _Atomic uint64_t *queued = c->queued[h->index];
    uint64_t one;

    if (read(SIM_FD_EVTCHN + (int)h->index, &one, sizeof(one)) != sizeof(one))
        return -1;
    c->stats.pendings++;
    for (unsigned w = 0; w < SIM_PORTS / 64; w++) {
        uint64_t bits = atomic_load(&queued[w]);

        if (bits) {
            unsigned bit = (unsigned)__builtin_ctzll(bits);

            atomic_fetch_and(&queued[w], ~(1ull << bit));
            return (int)(w * 64 + bit);
        }
    }
    return lib_fail(EIO); /* counted but not there: a fault of ours */
}

SIM_EXPORT int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
    struct sim_ctl *c = lib_ctl();
    struct sim_port *p = evtchn_port(h, port);
    uint32_t s = SIM_EVENT_MASKED;

    if (!p)
        return -1;
    c->stats.unmasks++;
    if (atomic_compare_exchange_strong(&p->state, &s, 0)) {
        lib_hypercall();
    } else if (s & SIM_EVENT_PENDING) {
        atomic_store(&p->state, SIM_EVENT_MASKED);
        evtchn_deliver(c, port);
    } else {
        lib_hypercall(); /* it was not masked */
    }
    return 0;
}

SIM_EXPORT int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
    struct sim_ctl *c = lib_ctl();
    struct sim_port *p = evtchn_port(h, port);
    uint32_t remote, server, vcpu;

    if (!p)
        return -1;
    c->stats.notifies++;
    remote = atomic_load_explicit(&p->remote, memory_order_relaxed) - 1;
    server = remote / (SIM_VCPUS_MAX + 1);
    vcpu = remote % (SIM_VCPUS_MAX + 1);
    if (server < SIM_SERVERS && vcpu < SIM_VCPUS_MAX)
        lib_kick(SIM_FD_VCPU + (int)vcpu);
    else
        lib_hypercall(); /* nobody waits for the ring's */
    return 0;
}

SIM_EXPORT int xenevtchn_restrict(xenevtchn_handle *h, domid_t domid)
{
    return lib_domain(domid) ? 0 : -1;
}
