/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the driver library and the preloaded libsim-xen.so share: file descriptors of
 * fixed numbers that the model inherits, and a control page (a sparse memfd) that holds
 * the tables of Xen and xenstore. The preloaded library keeps tables and does what the
 * hypervisor does on a hypercall; all policy, that is what the guest does, is the driver's.
 *
 * Guest memory is one memfd of page frames; p2m says which frame a guest frame number has.
 * Frames 2n and 2n + 1 of the first SIM_SERVERS pairs are ioreq server n's buffered ring and
 * request page, so that both map as one resource.
 *
 * Event channels, as Linux's evtchn driver has them: a port that gets an event is masked
 * and queued for its handle, whose eventfd (semaphore mode) counts the queued ports;
 * pending takes one, unmask lets the next event through, at once if one came meanwhile.
 */
#ifndef SIM_SHARED_H
#define SIM_SHARED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "tests/sim/sim.h"

/* Inherited descriptors. */
enum {
    SIM_FD_CTL = 200,
    SIM_FD_RAM,
    SIM_FD_SINK,         /* eventfd nobody reads: a hypercall without an effect on the driver */
    SIM_FD_IRQ,          /* eventfd: an interrupt line or an MSI */
    SIM_FD_XS_DRIVER,    /* eventfd: the model changed xenstore */
    SIM_FD_EVTCHN = 210, /* SIM_HANDLES of each: semaphore eventfds */
    SIM_FD_XS = 220,
    SIM_FD_VCPU = 230, /* SIM_VCPUS_MAX eventfds: the model notified that vCPU */
    SIM_FD_END = SIM_FD_VCPU + SIM_VCPUS_MAX,
};

#define SIM_MAGIC             0x314d4953u
#define SIM_HANDLES           8
#define SIM_SERVERS           8
#define SIM_RANGES            256
#define SIM_PORTS             256
#define SIM_GFNS              (1u << 22) /* guest frame numbers: 16 GiB of address space */
#define SIM_FRAMES            (1u << 21) /* 8 GiB of memory */
#define SIM_PAGE              4096u
#define SIM_OLD_GFN           0xfeff0u /* special pages: server n's ring and page, if they have gfns */
#define SIM_MSIS              64
#define SIM_HVM_PARAMS        64
#define SIM_XS_NODES          1024
#define SIM_XS_PATH           192
#define SIM_XS_VALUE          512
#define SIM_XS_CHANGES        256
#define SIM_XS_WATCHES        64

#define SIM_EVENT_MASKED      1u
#define SIM_EVENT_PENDING     2u /* only together with masked */

/* Ports on Xen's side: of vCPU v of server n, and of its ring. */
#define SIM_REMOTE_VCPU(n, v) (1u + (n) * (SIM_VCPUS_MAX + 1u) + (v))
#define SIM_REMOTE_RING(n)    (1u + (n) * (SIM_VCPUS_MAX + 1u) + SIM_VCPUS_MAX)

struct sim_port {
    _Atomic uint32_t state;  /* SIM_EVENT_ */
    _Atomic uint32_t remote; /* 0: this local port is free */
    uint32_t handle;
};

struct sim_server {
    uint32_t used;
    _Atomic uint32_t enabled;
    uint32_t bufioreq;
    uint32_t count[2]; /* of ports, of memory */
    struct sim_range range[2][SIM_RANGES];
    uint8_t pci[256]; /* bus 0, by devfn */
};

struct sim_xs_node {
    char path[SIM_XS_PATH]; /* "" is a free place */
    uint32_t len;
    uint8_t value[SIM_XS_VALUE];
};

struct sim_xs {
    pthread_mutex_t lock;     /* robust, between processes */
    uint32_t places;          /* nodes in use are below */
    _Atomic uint32_t handles; /* bit n: handle n of the model is open */
    _Atomic uint32_t changes; /* ever; number n is in change[n % SIM_XS_CHANGES] */
    struct {
        char path[SIM_XS_PATH];
        bool removed;
    } change[SIM_XS_CHANGES];
    char watch[SIM_HANDLES][SIM_XS_WATCHES][SIM_XS_PATH]; /* absolute; "": none */
    struct sim_xs_node node[SIM_XS_NODES];
};

struct sim_ctl {
    uint32_t magic, domid, vcpus;
    uint32_t frames_max; /* what the domain may have */
    bool old_pages, no_xen, no_xenstore, xenstore_refuses, no_domain;
    _Atomic uint64_t exec_ns, running_ns;

    _Atomic uint32_t frames;                   /* given out so far */
    _Atomic uint32_t frames_free;              /* given back: counted only, not used again */
    _Atomic uint64_t track_first, track_count; /* VRAM tracking, in gfns; count 0: off */
    _Atomic uint32_t shutdown;                 /* reason + 1 */
    _Atomic uint32_t restricted;
    _Atomic uint64_t hvm_param[SIM_HVM_PARAMS];

    _Atomic uint32_t server_gen; /* odd while the servers change */
    struct sim_server server[SIM_SERVERS];

    _Atomic uint32_t local[SIM_PORTS]; /* of a remote port; 0: unbound */
    struct sim_port port[SIM_PORTS];   /* by local port; 0 is none */
    _Atomic uint64_t queued[SIM_HANDLES][SIM_PORTS / 64];
    _Atomic uint32_t evtchn_handles;

    uint8_t isa[16], intx[32][4], link_route[4], link_count[4], gsi_count[SIM_GSIS];
    _Atomic uint8_t level[SIM_GSIS];
    _Atomic uint32_t raises[SIM_GSIS];
    _Atomic uint32_t irq_seq; /* every change of a level */
    _Atomic uint32_t msis;
    struct {
        uint64_t addr;
        uint32_t data;
    } msi[SIM_MSIS];

    struct sim_stats stats;

    struct sim_xs xs;
    _Atomic uint64_t dirty[SIM_FRAMES / 64];    /* by frame: the guest wrote */
    _Atomic uint64_t modified[SIM_FRAMES / 64]; /* by frame: the model reported */
    _Atomic uint8_t mem_type[SIM_FRAMES];
    _Atomic uint32_t p2m[SIM_GFNS]; /* frame + 1; 0: nothing there */
};

/* Both sides: takes the port's state on; true: it was not masked, so it is to be queued. */
static inline bool sim_event_raise(struct sim_port *p)
{
    uint32_t s = atomic_load(&p->state);

    for (;;) {
        if (s & SIM_EVENT_MASKED) {
            if (s & SIM_EVENT_PENDING ||
                atomic_compare_exchange_weak(&p->state, &s, s | SIM_EVENT_PENDING))
                return false;
        } else if (atomic_compare_exchange_weak(&p->state, &s, SIM_EVENT_MASKED)) {
            return true;
        }
    }
}

/* Queues the port; the caller then writes to the handle's eventfd. */
static inline void sim_event_queue(struct sim_ctl *c, uint32_t local)
{
    atomic_fetch_or(&c->queued[c->port[local].handle][local / 64], 1ull << local % 64);
}

/* store.c: the tree, for both sides. Paths are absolute. */
void sim_store_init(struct sim_xs *xs);
void *sim_store_read(struct sim_xs *xs, const char *path, unsigned *len); /* NULL + errno */
/*
 * Changes; parents are created. kick: bits of the handles that watch it, whose eventfds the
 * caller writes to. false with errno set.
 */
bool sim_store_write(struct sim_xs *xs, const char *path, const void *data, unsigned len,
                     uint32_t *kick);
bool sim_store_mkdir(struct sim_xs *xs, const char *path, uint32_t *kick);
bool sim_store_rm(struct sim_xs *xs, const char *path, uint32_t *kick);
/* A watch of a handle in place n, "" takes it away. */
void sim_store_watch(struct sim_xs *xs, unsigned handle, unsigned n, const char *path);
/* Does a change of path (removed: with all below) concern a watch? */
bool sim_store_matches(const char *watch, const char *path, bool removed);
/* Names of the children, in one block as xs_directory has it. NULL + errno. */
char **sim_store_directory(struct sim_xs *xs, const char *path, unsigned *count);

#endif
