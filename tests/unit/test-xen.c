/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io-req/xen.c against stand-ins of the Xen libraries. */
#include "tests/unit/xen-rig.h"

static void to_log(void *opaque, enum dm_log_level level, const char *line)
{
    size_t at = strlen(log_text);

    snprintf(log_text + at, sizeof(log_text) - at, "%s\n", line);
}

static void start(void)
{
    memset(&sim, 0, sizeof(sim));
    memset(&shared, 0, sizeof(shared));
    log_text[0] = 0;
    err.text[0] = 0;
    sim.vcpus = 2;
    sim.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    dm_log_set_sink(to_log, NULL);
    assert_int_equal(host_loop_init(&loop, &err), 0);
}

/* Everything was given back. */
static void end(void)
{
    assert_int_equal(sim.handles, 0);
    assert_int_equal(sim.mappings, 0);
    assert_int_equal(sim.bound, 0);
    assert_int_equal(sim.buffers, 0);
    dm_log_set_sink(NULL, NULL);
    host_loop_finish(&loop);
    close(sim.event_fd);
}

static void start_machine(void)
{
    static const struct dm_class *const none[] = { NULL };

    start();
    if (xen_open(&xen, DOMID, 1, &loop, &err))
        fail_msg("%s", err.text);
    hv = xen_hypervisor(xen);
    dm_machine_init(&machine, hv, &loop.clock, none);
    machine.ram_size = 512u << 20;
    xen_attach(xen, &machine);
    sim.calls[0] = 0;
}

/* The guest runs, and nothing is left to be done for that. */
static void run_machine(void)
{
    assert_int_equal(xen_run(xen, true, &err), 0);
    host_loop_turn(&loop, false);
    sim.calls[0] = 0;
}

static void end_machine(void)
{
    dm_machine_finish(&machine);
    xen_close(xen);
    end();
}

static void test_start_and_end(void **state)
{
    start();
    assert_int_equal(xen_open(&xen, DOMID, 1, &loop, &err), 0);
    assert_string_equal(sim.calls, "call-open\ndm-open\nmemory-open\nevtchn-open\n"
                                   "create\nmap-resource 0+2\ninfo port\nbind 99\n"
                                   "state 1\nbind 20\nbind 21\nstate 0\n");
    assert_false(sim.enabled);
    sim.calls[0] = 0;
    assert_int_equal(xen_run(xen, true, &err), 0);
    assert_int_equal(xen_run(xen, true, &err), 0);
    assert_string_equal(sim.calls, "state 1\n");
    sim.calls[0] = 0;
    xen_close(xen);
    assert_string_equal(sim.calls, "state 0\nunmap-resource\ndestroy\n"
                                   "evtchn-close\nmemory-close\ndm-close\ncall-close\n");
    xen_close(NULL);
    end();
}

static void test_pages_by_frame_number(void **state)
{
    start();
    sim.fail = "map-resource";
    sim.fail_errno = EOPNOTSUPP;
    assert_int_equal(xen_open(&xen, DOMID, 1, &loop, &err), 0);
    assert_non_null(strstr(sim.calls, "info gfns\nmap feff1+1\nmap feff0+1\ninfo port\n"
                                      "bind 99\nstate 1\nbind 20\n"));
    xen_close(xen);
    end();
}

static void test_vcpus_told_by_the_caller(void **state)
{
    start();
    sim.vcpus = -1;
    assert_int_equal(xen_open(&xen, DOMID, 3, &loop, &err), 0);
    assert_non_null(strstr(sim.calls, "bind 22\nstate 0\n"));
    xen_close(xen);
    end();
}

/* One step fails: one line, and nothing is left behind. */
static void refused(const char *step, int errnum, unsigned after, const char *line)
{
    start();
    sim.fail = step;
    sim.fail_errno = errnum;
    sim.fail_after = after;
    xen = (struct xen *)&sim;
    assert_int_equal(xen_open(&xen, DOMID, 1, &loop, &err), -errnum);
    assert_null(xen);
    assert_string_equal(err.text, line);
    assert_string_equal(log_text, "");
    assert_int_equal(!!strstr(sim.calls, "\ncreate\n") && strcmp(step, "create"),
                     !!strstr(sim.calls, "\ndestroy\n"));
    sim.fail = NULL;
    end();
}

static void test_start_errors(void **state)
{
    refused("call-open", ENOENT, 0,
            "no Xen here: cannot open /dev/xen/privcmd: No such file or directory");
    refused("dm-open", EPERM, 0,
            "cannot open Xen's device model interface: Operation not permitted");
    refused("memory-open", EACCES, 0,
            "cannot open Xen's interface to guest memory: Permission denied");
    refused("evtchn-open", ENOENT, 0, "cannot open /dev/xen/evtchn: No such file or directory");
    refused("create", ESRCH, 0, "domain 5 does not exist");
    refused("create", EINVAL, 0, "domain 5 is not an HVM guest");
    refused("create", ENOSPC, 0, "domain 5 has all the device models it can have");
    refused("create", EPERM, 0, "domain 5: cannot create an ioreq server: Operation not permitted");
    refused("map-resource", EPERM, 0,
            "domain 5: cannot map the ioreq pages: Operation not permitted");
    refused("info", ESRCH, 0, "domain 5: cannot find the ring's event channel: No such process");
    refused("bind", EINVAL, 0,
            "domain 5: cannot bind the event channel of the buffered ring: Invalid argument");
    refused("bind", EINVAL, 2,
            "domain 5: cannot bind the event channel of vCPU 1: Invalid argument");
    refused("state", EIO, 0, "domain 5: cannot enable the ioreq server: Input/output error");
    refused("state", EIO, 1, "domain 5: cannot disable the ioreq server: Input/output error");
}

static void test_start_arguments(void **state)
{
    start();
    assert_int_equal(xen_open(&xen, 0x7ff0, 1, &loop, &err), -EINVAL);
    assert_string_equal(err.text, "domain id 32752 is out of range");
    assert_int_equal(xen_open(&xen, 0x10005, 1, &loop, &err), -EINVAL);
    assert_string_equal(sim.calls, "");
    sim.vcpus = -1;
    assert_int_equal(xen_open(&xen, DOMID, 129, &loop, &err), -EINVAL);
    assert_string_equal(err.text, "domain 5: 129 vCPUs; 1 to 128 are possible");
    assert_int_equal(xen_open(&xen, DOMID, 0, &loop, &err), -EINVAL);
    end();
}

static uint64_t port_read(void *opaque, uint64_t off, unsigned size)
{
    return 0x42;
}

static void port_write_more(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    unsigned *left = opaque;

    if (*left)
        --*left, shared.ring.write_pointer++;
}

static void event(void)
{
    assert_int_equal(write(sim.event_fd, &(uint64_t) { 1 }, 8), 8);
    host_loop_turn(&loop, false);
}

static void test_a_request(void **state)
{
    static const struct dm_region_ops ops = { .read = port_read };
    struct dm_region region = { .ops = &ops, .size = 1 };

    start_machine();
    assert_int_equal(dm_space_add(&machine.io, &region, 0x80), 0);
    assert_string_equal(sim.calls, "map-range 0 80-80\n");
    run_machine();
    shared.page.vcpu[1] = (struct ioreq_slot) {
        .addr = 0x80, .count = 1, .size = 1, .flags = IOREQ_DIR_READ | IOREQ_READY
    };
    event();
    assert_int_equal(sim.unmasked, 1);
    assert_int_equal(sim.notified, 1);
    assert_int_equal(sim.last_notified, 1021);
    assert_int_equal(shared.page.vcpu[1].data, 0x42);
    assert_int_equal(shared.page.vcpu[1].flags, IOREQ_DIR_READ | IOREQ_RESPONSE);
    dm_space_remove(&region);
    end_machine();
}

static uint64_t clock_step(void *opaque)
{
    static uint64_t now = 1;

    return now += 1000;
}

/* While the loop spins, requests need no event and no unmasking: that comes before it sleeps. */
static void test_requests_in_a_burst(void **state)
{
    static const struct dm_region_ops ops = { .read = port_read };
    struct dm_region region = { .ops = &ops, .size = 1 };
    const struct ioreq_slot request = {
        .addr = 0x80, .count = 1, .size = 1, .flags = IOREQ_DIR_READ | IOREQ_READY
    };

    start_machine();
    sim.burst = true;
    assert_int_equal(dm_space_add(&machine.io, &region, 0x80), 0);
    assert_int_equal(xen_run(xen, true, &err), 0);
    host_loop_turn(&loop, false);               /* the start looks at the pages too */
    loop.clock.now = clock_step;                /* of a machine that nobody else uses */
    loop.spin.last = dm_clock_now(&loop.clock); /* one just came */
    shared.page.vcpu[1] = request;
    event();
    assert_int_equal(sim.notified, 1);
    assert_int_equal(sim.unmasked, 0);
    shared.page.vcpu[1] = request;
    host_loop_turn(&loop, true);
    assert_int_equal(sim.notified, 2);
    assert_int_equal(sim.unmasked, 0);
    assert_int_equal(write(sim.event_fd, &(uint64_t) { 1 }, 8), 8);
    host_loop_turn(&loop, true);
    assert_in_range(sim.unmasked, 1, 2); /* before it slept, and of the event that woke it */

    /* What was signalled meanwhile comes then: it was served, and is not the next burst. */
    sim.unmasked = 0;
    event();
    assert_int_equal(sim.unmasked, 1);
    assert_false(loop.spinning);
    dm_space_remove(&region);
    end_machine();
}

static void test_a_full_ring_comes_again(void **state)
{
    static const struct dm_region_ops ops = { .write = port_write_more };
    unsigned left = 600;
    struct dm_region region = { .ops = &ops, .opaque = &left, .size = 1 };

    start_machine();
    assert_int_equal(dm_space_add(&machine.io, &region, 0), 0);
    run_machine();
    shared.ring.write_pointer = 1; /* every entry is: write 0 to port 0 */
    event();
    assert_int_equal(left, 600 - 511);
    host_loop_turn(&loop, false); /* no event: we come back by ourselves */
    assert_int_equal(left, 0);
    assert_int_equal(shared.ring.read_pointer, 601);
    assert_int_equal(shared.ring.read_pointer, shared.ring.write_pointer);
    dm_space_remove(&region);
    end_machine();
}

/* What the guest asked for before a stop is answered by it, what comes later by the next start. */
static void test_stop(void **state)
{
    static const struct dm_region_ops ops = { .read = port_read };
    const struct ioreq_slot request = {
        .addr = 0x80, .count = 1, .size = 1, .flags = IOREQ_DIR_READ | IOREQ_READY
    };
    struct dm_region region = { .ops = &ops, .size = 1 };

    start_machine();
    assert_int_equal(dm_space_add(&machine.io, &region, 0x80), 0);
    run_machine();
    sim.burst = true; /* served without an event */
    shared.page.vcpu[0] = request;
    shared.ring.write_pointer = 3;
    assert_int_equal(xen_run(xen, false, &err), 0);
    assert_int_equal(shared.page.vcpu[0].flags, IOREQ_DIR_READ | IOREQ_RESPONSE);
    assert_int_equal(shared.ring.read_pointer, 3);
    assert_false(sim.enabled);
    shared.page.vcpu[0] = request;
    shared.ring.write_pointer = 5;
    event();
    host_loop_turn(&loop, false);
    assert_int_equal(shared.page.vcpu[0].flags, IOREQ_DIR_READ | IOREQ_READY);
    assert_int_equal(shared.ring.read_pointer, 3);
    assert_int_equal(xen_run(xen, true, &err), 0);
    host_loop_turn(&loop, false);
    assert_int_equal(shared.page.vcpu[0].flags, IOREQ_DIR_READ | IOREQ_RESPONSE);
    assert_int_equal(shared.ring.read_pointer, 5);
    dm_space_remove(&region);
    end_machine();
}

static void test_event_channels_fail(void **state)
{
    uint64_t turns;

    start_machine();
    sim.fail = "pending";
    sim.fail_errno = EAGAIN;
    event();
    assert_string_equal(log_text, "");
    sim.fail_errno = EIO;
    host_loop_turn(&loop, false);
    assert_string_equal(log_text, "xen: domain 5: cannot read event channels, the guest stands "
                                  "still: Input/output error\n");
    turns = strlen(sim.calls);
    host_loop_turn(&loop, false); /* and it does not spin */
    assert_int_equal(strlen(sim.calls), turns);
    end_machine();
}

static void test_claims(void **state)
{
    start_machine();
    assert_int_equal(hv->ops->claim(hv, DM_SPACE_IO, 0x1f0, 0x1f7, true), 0);
    assert_int_equal(hv->ops->claim(hv, DM_SPACE_MEM, 0xf0000000, 0xf0ffffff, true), 0);
    assert_int_equal(hv->ops->claim(hv, DM_SPACE_MEM, 0xf0000000, 0xf0ffffff, false), 0);
    assert_int_equal(hv->ops->claim_pci(hv, PCI_DEVFN(31, 7), true), 0);
    assert_int_equal(hv->ops->claim_pci(hv, PCI_DEVFN(1, 3), false), 0);
    assert_string_equal(sim.calls, "map-range 0 1f0-1f7\nmap-range 1 f0000000-f0ffffff\n"
                                   "unmap-range 1 f0000000-f0ffffff\n"
                                   "map-pci 0:0:31.7\nunmap-pci 0:0:1.3\n");
    assert_int_equal(hv->ops->claim(hv, DM_SPACE_IO, 2, 1, true), -EINVAL);
    assert_int_equal(hv->ops->claim(hv, DM_SPACE_IO, 0xffff, 0x10000, true), -EINVAL);
    sim.fail = "map-range";
    sim.fail_errno = EEXIST;
    assert_int_equal(hv->ops->claim(hv, DM_SPACE_IO, 1, 1, true), -EEXIST);
    sim.fail = "map-pci";
    sim.fail_errno = ENOMEM;
    assert_int_equal(hv->ops->claim_pci(hv, 0, true), -ENOMEM);
    assert_string_equal(log_text, ""); /* the caller says it */
    sim.fail = "unmap-range";
    sim.fail_errno = ENOENT;
    assert_int_equal(hv->ops->claim(hv, DM_SPACE_IO, 1, 1, false), -ENOENT);
    assert_string_equal(log_text, "xen: domain 5: cannot give an address range back: No such file "
                                  "or directory\n");
    sim.fail = NULL;
    end_machine();
}

static void test_interrupts(void **state)
{
    start_machine();
    hv->ops->set_isa_irq(hv, 14, true);
    hv->ops->set_intx(hv, 3, 1, true);
    hv->ops->set_intx(hv, 31, 3, false);
    hv->ops->set_pci_link(hv, 2, 11);
    hv->ops->inject_msi(hv, 0xfee01000, 0x4031);
    assert_string_equal(sim.calls, "isa 14=1\nintx 0:0:3 1=1\nintx 0:0:31 3=0\nlink 2=11\n"
                                   "msi fee01000 4031\n");
    sim.fail = "isa";
    sim.fail_errno = ESRCH;
    for (unsigned i = 0; i < 1000; i++)
        hv->ops->set_isa_irq(hv, 1, i & 1);
    sim.fail = NULL;
    assert_true(strlen(log_text) < 100 * DM_LOG_BUDGET_BURST);
    assert_non_null(strstr(log_text, "cannot set an ISA interrupt: No such process"));
    end_machine();
}

static void test_vram(void **state)
{
    static uint64_t bits[PAGES / 64];
    void *host = NULL;

    start_machine();
    assert_int_equal(hv->ops->vram_move(hv, 0xf0000000), -EINVAL);
    assert_int_equal(hv->ops->vram_dirty(hv, bits, 1), -EINVAL);
    assert_int_equal(hv->ops->vram_alloc(hv, 4095, &host), -EINVAL);
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), 0);
    assert_string_equal(sim.calls, "populate 0x120000 4096\n");
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), -EINVAL);
    /* Hidden: all at first, then nothing, and Xen is not asked. */
    assert_int_equal(hv->ops->vram_dirty(hv, bits, PAGES), 0);
    for (unsigned i = 0; i < PAGES / 64; i++)
        assert_true(bits[i] == UINT64_MAX);
    assert_int_equal(hv->ops->vram_dirty(hv, bits, PAGES), 0);
    for (unsigned i = 0; i < PAGES / 64; i++)
        assert_true(bits[i] == 0);
    sim.calls[0] = 0;
    /* To the BAR, to another place, back. */
    assert_int_equal(hv->ops->vram_move(hv, 0xf0000000), 0);
    assert_string_equal(sim.calls, "relocate 1000 120000>f0000\npin f0000-f0fff 6\n");
    sim.calls[0] = 0;
    assert_int_equal(hv->ops->vram_move(hv, 0xf0000000), 0);
    assert_string_equal(sim.calls, "");
    assert_int_equal(hv->ops->vram_move(hv, 0xe1000000), 0);
    assert_string_equal(sim.calls, "relocate 1000 f0000>e1000\npin f0000-f0fff -1\n"
                                   "pin e1000-e1fff 6\n");
    sim.calls[0] = 0;
    assert_int_equal(hv->ops->vram_dirty(hv, bits, 65), 0);
    assert_string_equal(sim.calls, "track e1000 65\n");
    assert_true(bits[0] == UINT64_MAX && bits[1] == 1);
    assert_int_equal(hv->ops->vram_dirty(hv, bits, 65), 0);
    assert_true(bits[0] == 0x10 && bits[1] == 0);
    /* It is mapped from where it is now, what there is once. */
    assert_int_equal(hv->ops->vram_map(hv, VRAM + 4096), -EINVAL);
    assert_int_equal(hv->ops->vram_map(hv, 1), -EINVAL);
    sim.calls[0] = 0;
    assert_int_equal(hv->ops->vram_map(hv, 0x40000), 0);
    ((uint8_t *)host)[0x3ffff] = 1;
    assert_int_equal(hv->ops->vram_map(hv, 0x20000), 0);
    assert_int_equal(hv->ops->vram_map(hv, VRAM), 0);
    ((uint8_t *)host)[VRAM - 1] = 1;
    assert_int_equal(((uint8_t *)host)[0x3ffff], 1);
    assert_string_equal(sim.calls, "map e1000+40\nmap e1040+fc0\n");
    assert_int_equal(hv->ops->vram_dirty(hv, bits, PAGES + 1), -EINVAL);
    sim.calls[0] = 0;
    assert_int_equal(hv->ops->vram_move(hv, DM_VRAM_HIDDEN), 0);
    assert_string_equal(sim.calls, "relocate 1000 e1000>120000\npin e1000-e1fff -1\n");
    end_machine();
    assert_non_null(strstr(sim.calls, "unmap 1000\n"));
}

/* A guest that was saved has its VRAM already: nothing of it is made or moved. */
static void test_vram_of_a_restored_guest(void **state)
{
    struct dm_state_head head = { .vram_at = 0xf0000000, .vram_size = VRAM };
    uint64_t at, size;
    void *host = NULL;

    start_machine();
    hv->ops->vram_place(hv, &at, &size);
    assert_int_equal(size, 0);
    machine.restored = &head;
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM / 2, &host), -EINVAL);
    head.vram_at = 0x1000; /* over RAM */
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), -EINVAL);
    head.vram_at = 0xf0000800;
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), -EINVAL);
    head.vram_at = UINT64_MAX & ~0xfffull;
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), -EINVAL);
    assert_string_equal(sim.calls, "");
    head.vram_at = 0xf0000000;
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), 0);
    assert_int_equal(hv->ops->vram_map(hv, 0x1000), 0);
    assert_string_equal(sim.calls, "pin f0000-f0fff 6\nmap f0000+1\n");
    machine.restored = NULL;
    hv->ops->vram_place(hv, &at, &size);
    assert_true(at == 0xf0000000 && size == VRAM);
    sim.calls[0] = 0;
    assert_int_equal(hv->ops->vram_move(hv, 0xf0000000), 0); /* its BAR is loaded */
    assert_string_equal(sim.calls, "");
    assert_int_equal(hv->ops->vram_move(hv, DM_VRAM_HIDDEN), 0);
    assert_string_equal(sim.calls, "relocate 1000 f0000>120000\npin f0000-f0fff -1\n");
    hv->ops->vram_place(hv, &at, &size);
    assert_int_equal(at, HIDDEN << 12);
    end_machine();

    /* It was hidden. */
    start_machine();
    head.vram_at = HIDDEN << 12;
    machine.restored = &head;
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), 0);
    assert_string_equal(sim.calls, "");
    end_machine();
}

/* Live migration: what the model draws is reported once a turn, and before a stop has ended. */
static void test_vram_written(void **state)
{
    void *host;

    start_machine();
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), 0);
    run_machine();
    hv->ops->vram_written(hv, 0x5000, 1); /* nobody asked */
    host_loop_turn(&loop, false);
    hv->ops->set_log_dirty(hv, true);
    host_loop_turn(&loop, false);
    assert_string_equal(sim.calls, "");
    hv->ops->vram_written(hv, 0x5fff, 2);
    hv->ops->vram_written(hv, 0x3000, 1);
    assert_string_equal(sim.calls, "");
    host_loop_turn(&loop, false);
    host_loop_turn(&loop, false);
    assert_string_equal(sim.calls, "modified 120003 4\n");
    sim.calls[0] = 0;
    hv->ops->vram_written(hv, 0, 1);
    assert_int_equal(hv->ops->vram_move(hv, 0xf0000000), 0); /* where it was written */
    hv->ops->vram_written(hv, 0, 1);
    assert_int_equal(xen_run(xen, false, &err), 0);
    assert_string_equal(sim.calls, "modified 120000 1\nrelocate 1000 120000>f0000\n"
                                   "pin f0000-f0fff 6\nstate 0\nmodified f0000 1\n");
    sim.calls[0] = 0;
    hv->ops->vram_written(hv, 0x7000, 1); /* behind it: at once */
    assert_string_equal(sim.calls, "modified f0007 1\n");
    hv->ops->set_log_dirty(hv, false);
    hv->ops->vram_written(hv, 0x7000, 1);
    assert_string_equal(sim.calls, "modified f0007 1\n");
    end_machine();
}

static void test_vram_is_not_laid_over_ram(void **state)
{
    void *host;

    start_machine();
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), 0);
    sim.calls[0] = 0;
    assert_int_equal(hv->ops->vram_move(hv, 0), -EINVAL);
    assert_int_equal(hv->ops->vram_move(hv, 0xf000000), -EINVAL);
    assert_int_equal(hv->ops->vram_move(hv, 0xf0000800), -EINVAL);
    assert_string_equal(sim.calls, "");
    assert_int_equal(hv->ops->vram_move(hv, 0x20000000), 0); /* where RAM ends */
    end_machine();
}

static void test_vram_errors(void **state)
{
    uint64_t bits[1];
    void *host;

    start_machine();
    sim.populate_rc = 4000;
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), -ENOMEM);
    sim.populate_rc = 0;
    sim.fail = "populate";
    sim.fail_errno = EPERM;
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), -EPERM);
    sim.fail = NULL;
    assert_int_equal(hv->ops->vram_map(hv, 0x1000), -EINVAL);
    assert_int_equal(hv->ops->vram_alloc(hv, VRAM, &host), 0);
    assert_int_equal(hv->ops->vram_map(hv, 0x1000), 0);
    sim.fail = "map";
    sim.fail_errno = EFAULT;
    assert_int_equal(hv->ops->vram_map(hv, 0x3000), -EFAULT);
    sim.fail = NULL;
    assert_int_equal(hv->ops->vram_map(hv, 0x3000), -EFAULT); /* its addresses are gone */
    assert_int_equal(hv->ops->vram_map(hv, 0x1000), 0);
    assert_string_equal(log_text, "xen: domain 5: cannot allocate video memory: Cannot allocate "
                                  "memory\n"
                                  "xen: domain 5: cannot allocate video memory: Operation not "
                                  "permitted\n"
                                  "xen: domain 5: cannot map video memory: Bad address\n");
    sim.fail = "track";
    sim.fail_errno = ENODATA; /* shadow paging: normal */
    log_text[0] = 0;
    assert_int_equal(hv->ops->vram_move(hv, 0xf0000000), 0);
    assert_int_equal(hv->ops->vram_dirty(hv, bits, 64), -ENODATA);
    assert_string_equal(log_text, "");
    sim.fail_errno = EINVAL;
    assert_int_equal(hv->ops->vram_dirty(hv, bits, 64), -EINVAL);
    sim.fail = "relocate";
    assert_int_equal(hv->ops->vram_move(hv, 0xe0000000), -EINVAL);
    sim.fail = NULL;
    sim.calls[0] = 0;
    /* It is still where it was. */
    assert_int_equal(hv->ops->vram_move(hv, 0xf0000000), 0);
    assert_int_equal(hv->ops->vram_dirty(hv, bits, 64), 0);
    assert_string_equal(sim.calls, "track f0000 64\n");
    end_machine();
}

static void test_large_vram_moves_in_parts(void **state)
{
    void *host;

    start_machine();
    assert_int_equal(hv->ops->vram_alloc(hv, 256u << 20, &host), 0);
    assert_int_equal(sim.populate_first, HIDDEN);
    assert_int_equal(sim.populate_pages, 65536);
    sim.calls[0] = 0;
    sim.fail = "relocate";
    sim.fail_errno = ENOMEM;
    sim.fail_after = 1;
    assert_int_equal(hv->ops->vram_move(hv, 0xe0000000), -ENOMEM);
    assert_non_null(strstr(sim.calls, "relocate 8000 120000>e0000\nrelocate 8000 128000>e8000\n"
                                      "relocate 8000 e0000>120000\n"));
    sim.fail = NULL;
    sim.calls[0] = 0;
    assert_int_equal(hv->ops->vram_move(hv, 0xe0000000), 0);
    assert_string_equal(sim.calls, "relocate 8000 120000>e0000\nrelocate 8000 128000>e8000\n"
                                   "pin e0000-effff 6\n");
    end_machine();
}

static void test_guest_memory(void **state)
{
    size_t len = 100;
    void *host;

    start_machine();
    run_machine();
    host = hv->ops->map(hv, 0x2006ff0, &len);
    assert_ptr_equal(host, guest + 0x6ff0);
    assert_int_equal(len, 16); /* frame 2007 is not there */
    assert_string_equal(sim.calls, "map 2000+100\n");
    hv->ops->unmap(hv, 0x2006ff0, host, 16);
    assert_string_equal(sim.calls, "map 2000+100\n");
    /* Live migration: what we write is reported, what we read is not. */
    hv->ops->set_log_dirty(hv, true);
    len = 8192;
    host = hv->ops->map(hv, 0x2008ffe, &len);
    hv->ops->unmap(hv, 0x2008ffe, host, 0);
    len = 8192;
    host = hv->ops->map(hv, 0x2008ffe, &len);
    hv->ops->unmap(hv, 0x2008ffe, host, 4099);
    assert_string_equal(sim.calls, "map 2000+100\nmodified 2008 3\n");
    /* INVALIDATE drops it. */
    sim.calls[0] = 0;
    shared.page.vcpu[0] = (struct ioreq_slot) { .flags = IOREQ_READY, .type = IOREQ_INVALIDATE };
    event();
    assert_int_equal(sim.last_notified, 1020);
    assert_string_equal(sim.calls, "pending\nunmap 100\n");
    end_machine();
}

static void test_power(void **state)
{
    start_machine();
    assert_int_equal(hv->ops->set_rom_lock(hv, true), 0);
    assert_int_equal(hv->ops->set_rom_lock(hv, false), 0);
    assert_int_equal(hv->ops->shutdown(hv, DM_SHUTDOWN_POWEROFF), 0);
    assert_int_equal(hv->ops->shutdown(hv, DM_SHUTDOWN_REBOOT), 0);
    assert_int_equal(hv->ops->shutdown(hv, DM_SHUTDOWN_CRASH), 0);
    assert_string_equal(sim.calls, "type ro c0 40\ntype rw c0 40\n"
                                   "shutdown 0\nshutdown 1\nshutdown 3\n");
    assert_int_equal(hv->ops->sleep(hv), 0);
    assert_int_equal(sim.param.domid, DOMID);
    assert_int_equal(sim.param.index, HVM_PARAM_ACPI_S_STATE);
    assert_int_equal(sim.param.value, 3);
    sim.fail = "set-param";
    sim.fail_errno = EPERM;
    assert_int_equal(hv->ops->sleep(hv), -EPERM);
    sim.fail = "shutdown";
    sim.fail_errno = ESRCH;
    assert_int_equal(hv->ops->shutdown(hv, DM_SHUTDOWN_CRASH), -ESRCH);
    sim.fail = "restrict";
    sim.fail_errno = EOPNOTSUPP;
    assert_int_equal(xen_restrict(xen, &err), -EOPNOTSUPP);
    assert_string_equal(err.text, "domain 5: cannot restrict this process to it: Operation not "
                                  "supported");
    sim.fail = NULL;
    assert_int_equal(xen_restrict(xen, &err), 0);
    end_machine();
}

/* proto.h has masks where Xen's header has bit fields. */
static void test_layout(void **state)
{
    union {
        ioreq_t xen;
        struct ioreq_slot ours;
    } r;
    union {
        buf_ioreq_t xen;
        struct ioreq_entry ours;
    } b;

    memset(&r, 0, sizeof(r));
    r.xen.state = 15;
    assert_int_equal(r.ours.flags, IOREQ_STATE_MASK);
    r.xen.state = 0;
    r.xen.data_is_ptr = 1;
    assert_int_equal(r.ours.flags, IOREQ_DATA_IS_PTR);
    r.xen.data_is_ptr = 0;
    r.xen.dir = IOREQ_READ;
    assert_int_equal(r.ours.flags, IOREQ_DIR_READ);
    r.xen.dir = IOREQ_WRITE;
    r.xen.df = 1;
    assert_int_equal(r.ours.flags, IOREQ_DF);

    memset(&b, 0, sizeof(b));
    b.xen.type = 0x81;
    b.xen.dir = IOREQ_READ;
    assert_int_equal(b.ours.bits, IOREQ_ENTRY_READ);
    b.xen.dir = IOREQ_WRITE;
    b.xen.size = 3;
    b.xen.addr = 0xabcde;
    b.xen.data = 0x12345678;
    assert_int_equal(b.ours.type, 0x81);
    assert_int_equal(b.ours.bits & IOREQ_ENTRY_READ, 0);
    assert_int_equal(IOREQ_ENTRY_SIZE(b.ours.bits), 8);
    assert_int_equal(IOREQ_ENTRY_ADDR(b.ours.bits, b.ours.addr), 0xabcde);
    assert_int_equal(b.ours.data, 0x12345678);
}

UNIT_MAIN(cmocka_unit_test(test_start_and_end), cmocka_unit_test(test_pages_by_frame_number),
          cmocka_unit_test(test_vcpus_told_by_the_caller), cmocka_unit_test(test_start_errors),
          cmocka_unit_test(test_start_arguments), cmocka_unit_test(test_a_request),
          cmocka_unit_test(test_requests_in_a_burst),
          cmocka_unit_test(test_a_full_ring_comes_again),
          cmocka_unit_test(test_event_channels_fail), cmocka_unit_test(test_claims),
          cmocka_unit_test(test_interrupts), cmocka_unit_test(test_vram),
          cmocka_unit_test(test_vram_is_not_laid_over_ram), cmocka_unit_test(test_stop),
          cmocka_unit_test(test_vram_of_a_restored_guest), cmocka_unit_test(test_vram_written),
          cmocka_unit_test(test_vram_errors), cmocka_unit_test(test_large_vram_moves_in_parts),
          cmocka_unit_test(test_guest_memory), cmocka_unit_test(test_power),
          cmocka_unit_test(test_layout))
