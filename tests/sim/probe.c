/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What test-sim runs in a model's place: the stand-ins behave as the libraries do, seen from
 * the model's side. Each step of the two is told by a node in xenstore. Ends with status 0, or
 * 1 and a line.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xenstore.h>

#include <xen/hvm/ioreq.h>
#include <xen/memory.h>

#define DOMID 7

#define CHECK(ok)                                                                        \
    do {                                                                                 \
        if (!(ok)) {                                                                     \
            fprintf(stderr, "probe: line %d: %s: %s\n", __LINE__, #ok, strerror(errno)); \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

static struct xs_handle *xs;
static xendevicemodel_handle *dm;
static xenforeignmemory_handle *memory;
static xenevtchn_handle *evtchn;

static bool readable(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, ms) == 1;
}

static void tell(const char *step)
{
    CHECK(xs_write(xs, XBT_NULL, "probe/model", step, (unsigned)strlen(step)));
}

/* Until the driver wrote that step. */
static void await(const char *step)
{
    for (unsigned i = 0; i < 1000; i++) {
        unsigned len;
        char *now = xs_read(xs, XBT_NULL, "/local/domain/0/probe/driver", &len);
        bool there = now && !strcmp(now, step);

        free(now);
        if (there)
            return;
        poll(NULL, 0, 5);
    }
    CHECK(!"the driver's step");
}

static void expect_event(struct xs_handle *h, const char *path, const char *token)
{
    unsigned n;
    char **event;

    CHECK(readable(xs_fileno(h), 5000));
    event = xs_read_watch(h, &n);
    CHECK(event && n == 2);
    CHECK(!strcmp(event[XS_WATCH_PATH], path));
    CHECK(!strcmp(event[XS_WATCH_TOKEN], token));
    free(event);
}

static void probe_store(void)
{
    struct xs_handle *other = xs_open(0);
    unsigned n;
    char **names;

    CHECK(other);
    CHECK(!xs_read(xs, XBT_NULL, "probe/none", &n) && errno == ENOENT);
    CHECK(xs_watch(xs, "probe/watched", "A") && xs_watch(xs, "/probe", "B"));
    CHECK(xs_watch(other, "probe/never", "C"));
    /* Each fires once when it is set. */
    expect_event(xs, "probe/watched", "A");
    expect_event(xs, "/probe", "B");
    expect_event(other, "probe/never", "C");
    CHECK(!readable(xs_fileno(xs), 0));
    CHECK(!xs_check_watch(xs) && errno == EAGAIN);
    /* A change below; nobody else's descriptor moves. */
    CHECK(xs_write(other, XBT_NULL, "probe/watched/x/y", "1", 1));
    expect_event(xs, "probe/watched/x/y", "A");
    CHECK(!readable(xs_fileno(xs), 0) && !readable(xs_fileno(other), 0));
    CHECK(xs_write(other, XBT_NULL, "probe", "1", 1));
    CHECK(!readable(xs_fileno(xs), 0));
    /* Gone with its parent; the directory before and after. */
    names = xs_directory(xs, XBT_NULL, "probe/watched", &n);
    CHECK(names && n == 1 && !strcmp(names[0], "x"));
    free(names);
    CHECK(xs_rm(other, XBT_NULL, "probe"));
    expect_event(xs, "probe/watched", "A");
    expect_event(other, "probe/never", "C");
    CHECK(!xs_directory(xs, XBT_NULL, "probe", &n) && errno == ENOENT);
    /* The driver's writes come too. */
    tell("store");
    expect_event(xs, "/probe/from-driver", "B");
    CHECK(xs_unwatch(xs, "/probe", "B") && !xs_unwatch(xs, "/probe", "B"));
    xs_close(other);
}

static void probe_memory(void)
{
    xen_pfn_t frames[4] = { 0x9f, 0xa0, 0x100, 0x101 };
    int err[4];
    uint8_t *at;

    /* A0 is a hole, and 100 does not follow 9F in memory. */
    at = xenforeignmemory_map(memory, DOMID, PROT_READ | PROT_WRITE, 4, frames, err);
    CHECK(at && !err[0] && err[1] && !err[2] && !err[3]);
    at[0] = 1;
    at[2 * 4096] = 2;
    at[4 * 4096 - 1] = 3;
    CHECK(!xenforeignmemory_unmap(memory, at, 4));
    CHECK(!xenforeignmemory_map(memory, DOMID, PROT_READ, 4, frames, NULL) && errno == EINVAL);
    CHECK(!xenforeignmemory_map(memory, DOMID + 1, PROT_READ, 1, frames, NULL) && errno == ESRCH);
    at = xenforeignmemory_map(memory, DOMID, PROT_READ, 2, frames + 2, NULL);
    CHECK(at && at[0] == 2 && at[2 * 4096 - 1] == 3);
    xenforeignmemory_unmap(memory, at, 2);
    CHECK(!xendevicemodel_relocate_memory(dm, DOMID, 1, 0x100, 0x40000));
    CHECK(!xenforeignmemory_map(memory, DOMID, PROT_READ, 1, frames + 2, NULL));
    frames[0] = 0x40000;
    at = xenforeignmemory_map(memory, DOMID, PROT_READ, 1, frames, NULL);
    CHECK(at && at[0] == 2);
    xenforeignmemory_unmap(memory, at, 1);
    CHECK(xendevicemodel_relocate_memory(dm, DOMID, 1, 0x100, 0x40000) && errno == EINVAL);
}

static void probe_dirty(void)
{
    unsigned long bitmap[1] = { 0 };

    CHECK(!xendevicemodel_track_dirty_vram(dm, DOMID, 0x200, 64, bitmap));
    CHECK(bitmap[0] == ~0ul); /* at first everything */
    tell("dirty");
    await("dirty"); /* wrote on pages 203 and 205 */
    CHECK(!xendevicemodel_track_dirty_vram(dm, DOMID, 0x200, 64, bitmap));
    CHECK(bitmap[0] == (1ul << 3 | 1ul << 5));
    CHECK(!xendevicemodel_track_dirty_vram(dm, DOMID, 0x200, 64, bitmap));
    CHECK(bitmap[0] == 0);
    CHECK(!xendevicemodel_modified_memory(dm, DOMID, 0x300, 2));
}

static void probe_ranges(ioservid_t id)
{
    CHECK(!xendevicemodel_map_io_range_to_ioreq_server(dm, DOMID, id, 0, 0x100, 0x1ff));
    CHECK(xendevicemodel_map_io_range_to_ioreq_server(dm, DOMID, id, 0, 0x1ff, 0x200) &&
          errno == EEXIST);
    CHECK(xendevicemodel_unmap_io_range_from_ioreq_server(dm, DOMID, id, 0, 0x1f0, 0x200) &&
          errno == ENOENT);
    CHECK(!xendevicemodel_unmap_io_range_from_ioreq_server(dm, DOMID, id, 0, 0x110, 0x11f));
    CHECK(!xendevicemodel_map_pcidev_to_ioreq_server(dm, DOMID, id, 0, 0, 2, 1));
    CHECK(xendevicemodel_map_pcidev_to_ioreq_server(dm, DOMID, id, 0, 0, 2, 1) && errno == EEXIST);
    CHECK(xendevicemodel_map_pcidev_to_ioreq_server(dm, DOMID, 7, 0, 0, 2, 2) && errno == ENOENT);
}

/* Takes the port that is pending; the driver answers steps by requests of vCPU 0. */
static int take(void)
{
    CHECK(readable(xenevtchn_fd(evtchn), 5000));
    return xenevtchn_pending(evtchn);
}

static void probe_events(ioservid_t id)
{
    int fd = xenevtchn_fd(evtchn), ring, vcpu, first;
    xenforeignmemory_resource_handle *res;
    evtchn_port_t remote;
    shared_iopage_t *page;
    void *at = NULL;

    res = xenforeignmemory_map_resource(memory, DOMID, XENMEM_resource_ioreq_server, id, 1, 1, &at,
                                        PROT_READ | PROT_WRITE, 0);
    CHECK(res);
    page = at;
    CHECK(page->vcpu_ioreq[0].vp_eport == 0); /* not before it is enabled */
    CHECK(!xendevicemodel_get_ioreq_server_info(dm, DOMID, id, NULL, NULL, &remote));
    ring = xenevtchn_bind_interdomain(evtchn, DOMID, remote);
    CHECK(!xendevicemodel_set_ioreq_server_state(dm, DOMID, id, 1));
    vcpu = xenevtchn_bind_interdomain(evtchn, DOMID, page->vcpu_ioreq[0].vp_eport);
    CHECK(ring > 0 && vcpu > 0 && ring != vcpu);
    CHECK(xenevtchn_bind_interdomain(evtchn, DOMID, page->vcpu_ioreq[0].vp_eport) < 0);
    /* Both are pending from the start, and masked until we say so. */
    first = take();
    CHECK(first == ring || first == vcpu);
    CHECK(take() == ring + vcpu - first);
    CHECK(!readable(fd, 0));
    CHECK(!xenevtchn_unmask(evtchn, (evtchn_port_t)ring) &&
          !xenevtchn_unmask(evtchn, (evtchn_port_t)vcpu));
    CHECK(!readable(fd, 0));
    /* A request: one event, then masked: what comes meanwhile waits for the unmask. */
    tell("request 1");
    CHECK(take() == vcpu && !readable(fd, 0));
    CHECK(page->vcpu_ioreq[0].state == STATE_IOREQ_READY && page->vcpu_ioreq[0].addr == 0x100);
    page->vcpu_ioreq[0].data = 0x5a;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    page->vcpu_ioreq[0].state = STATE_IORESP_READY;
    CHECK(!xenevtchn_notify(evtchn, (evtchn_port_t)vcpu));
    tell("request 2"); /* sent while the port is masked */
    await("sent 2");
    CHECK(!readable(fd, 0));
    CHECK(page->vcpu_ioreq[0].state == STATE_IOREQ_READY);
    CHECK(!xenevtchn_unmask(evtchn, (evtchn_port_t)vcpu));
    CHECK(take() == vcpu && !readable(fd, 0));
    page->vcpu_ioreq[0].data = 0x5b;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    page->vcpu_ioreq[0].state = STATE_IORESP_READY;
    CHECK(!xenevtchn_notify(evtchn, (evtchn_port_t)vcpu));
    CHECK(!xenevtchn_unmask(evtchn, (evtchn_port_t)vcpu) && !readable(fd, 0));
    CHECK(xenevtchn_notify(evtchn, 99) && xenevtchn_unmask(evtchn, 99));
    CHECK(!xenforeignmemory_unmap_resource(memory, res));
}

/* Lines, links, and MSIs: the driver looks at each step. */
static void probe_interrupts(void)
{
    CHECK(!xendevicemodel_set_pci_link_route(dm, DOMID, 2, 11));
    CHECK(!xendevicemodel_set_pci_intx_level(dm, DOMID, 0, 0, 2, 0, 1)); /* link 2 */
    CHECK(!xendevicemodel_set_isa_irq_level(dm, DOMID, 14, 1));
    CHECK(!xendevicemodel_set_isa_irq_level(dm, DOMID, 14, 0));
    CHECK(xendevicemodel_set_isa_irq_level(dm, DOMID, 16, 1) && errno == EINVAL);
    CHECK(!xendevicemodel_inject_msi(dm, DOMID, 0xfee00000, 0x4041));
    tell("interrupts");
    await("interrupts");
    CHECK(!xendevicemodel_set_pci_link_route(dm, DOMID, 2, 5));
    tell("routed");
    await("routed");
}

int main(void)
{
    ioservid_t id;

    xs = xs_open(0);
    dm = xendevicemodel_open(NULL, 0);
    memory = xenforeignmemory_open(NULL, 0);
    evtchn = xenevtchn_open(NULL, 0);
    CHECK(xs && dm && memory && evtchn);
    CHECK(xendevicemodel_create_ioreq_server(dm, DOMID + 1, 2, &id) && errno == ESRCH);
    CHECK(!xendevicemodel_create_ioreq_server(dm, DOMID, 2, &id));
    probe_store();
    probe_memory();
    probe_dirty();
    probe_ranges(id);
    probe_events(id);
    probe_interrupts();
    CHECK(!xendevicemodel_destroy_ioreq_server(dm, DOMID, id));
    xenevtchn_close(evtchn);
    xs_close(xs);
    return 0;
}
