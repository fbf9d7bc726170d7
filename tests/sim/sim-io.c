/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver library: the vCPU's accesses, routed and sent as Xen 4.17 does (common/ioreq.c,
 * arch/x86/hvm/{emulate,io,ioreq}.c).
 */
#include "tests/sim/driver.h"

#include <errno.h>
#include <string.h>

#define IO_COUNT_MAX 4096u /* repetitions Xen takes from one instruction */

static _Thread_local unsigned io_vcpu;

void sim_vcpu(struct sim *s, unsigned vcpu)
{
    if (vcpu >= s->opt.vcpus)
        sim_fail(s, "the guest has no vCPU %u", vcpu);
    io_vcpu = vcpu;
}

/* --- who has it --- */

static void view_take(struct sim *s, struct driver_view *v)
{
    struct sim_ctl *c = s->ctl;

    v->count[0] = v->count[1] = 0;
    v->last[0] = v->last[1] = v->route[0];
    v->buffered = v->enabled = 0;
    memset(v->pci, -1, sizeof(v->pci));
    /* The newest comes first. */
    for (int n = SIM_SERVERS - 1; n >= 0; n--) {
        const struct sim_server *srv = &c->server[n];

        if (!srv->used || !atomic_load(&srv->enabled))
            continue;
        v->enabled |= (uint8_t)(1u << n);
        if (srv->bufioreq)
            v->buffered |= (uint8_t)(1u << n);
        for (unsigned k = 0; k < 2; k++)
            for (uint32_t i = 0; i < srv->count[k] && i < SIM_RANGES; i++)
                v->route[k][v->count[k]++] =
                    (struct driver_route) { srv->range[k][i].first, srv->range[k][i].last,
                                            (unsigned)n };
        for (unsigned d = 0; d < 256; d++)
            if (srv->pci[d] && v->pci[d] < 0)
                v->pci[d] = (int8_t)n;
    }
}

/* The servers as this vCPU finds them now. */
static struct driver_view *view_now(struct sim *s)
{
    struct driver_view *v = &s->vcpu[io_vcpu].view;

    for (unsigned tries = 1;; tries++) {
        uint32_t gen = atomic_load_explicit(&s->ctl->server_gen, memory_order_acquire);

        if (gen == v->gen)
            return v;
        if (tries % 1000 == 0)
            driver_check(s, "a change of its ranges");
        if (gen & 1) {
            driver_relax();
            continue;
        }
        view_take(s, v);
        v->gen = gen; /* if it changed meanwhile, once more */
    }
}

/* The server that has first to last, all in one range; -1: nobody. */
static int view_find(struct sim *s, bool mem, uint64_t first, uint64_t last)
{
    struct driver_view *v = view_now(s);
    struct driver_route *r = v->last[mem];

    if (v->count[mem] && first >= r->first && last <= r->last)
        return (int)r->server;
    for (r = v->route[mem]; r < v->route[mem] + v->count[mem]; r++) {
        if (first >= r->first && last <= r->last) {
            v->last[mem] = r;
            return (int)r->server;
        }
    }
    return -1;
}

unsigned sim_ranges(struct sim *s, bool mem, struct sim_range *out, unsigned max)
{
    const struct driver_view *v = view_now(s);

    for (unsigned i = 0; i < v->count[mem] && i < max; i++)
        out[i] = (struct sim_range) { v->route[mem][i].first, v->route[mem][i].last };
    return v->count[mem];
}

bool sim_has_pci(struct sim *s, unsigned devfn)
{
    return devfn < 256 && view_now(s)->pci[devfn] >= 0;
}

bool sim_server_enabled(struct sim *s)
{
    return view_now(s)->enabled;
}

/* --- sending --- */

/* vCPUs are threads. */
static void io_count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

void driver_event(struct sim *s, uint32_t remote)
{
    struct sim_ctl *c = s->ctl;
    uint32_t local = atomic_load_explicit(&c->local[remote], memory_order_relaxed);

    if (!local || !sim_event_raise(&c->port[local]))
        return;
    sim_event_queue(c, local);
    io_count(&c->stats.events, 1);
    driver_kick(s, SIM_FD_EVTCHN + (int)c->port[local].handle);
}

static struct ioreq_page *io_page(struct sim *s, int server)
{
    return (struct ioreq_page *)(void *)(s->ram + (2u * (unsigned)server + 1) * SIM_PAGE);
}

static struct ioreq_ring *io_ring(struct sim *s, unsigned server)
{
    return (struct ioreq_ring *)(void *)(s->ram + 2u * server * SIM_PAGE);
}

static bool io_answered(const struct ioreq_slot *slot)
{
    return (__atomic_load_n(&slot->flags, __ATOMIC_ACQUIRE) & IOREQ_STATE_MASK) == IOREQ_RESPONSE;
}

/* flags: IOREQ_DIR_READ and so on. Returns data as the model left it. */
static uint64_t io_send(struct sim *s, int server, enum ioreq_type type, uint64_t addr,
                        uint64_t data, uint32_t count, unsigned size, uint8_t flags)
{
    unsigned v = io_vcpu;
    struct driver_vcpu *vcpu = &s->vcpu[v];
    struct ioreq_slot *slot = &io_page(s, server)->vcpu[v];

    if ((slot->flags & IOREQ_STATE_MASK) != IOREQ_NONE)
        sim_fail(s, "ioreq of vCPU %u is in state %u before a request", v,
                 slot->flags & IOREQ_STATE_MASK);
    slot->addr = addr;
    slot->data = data;
    slot->count = count;
    slot->size = size;
    slot->type = (uint8_t)type;
    atomic_fetch_add_explicit(&vcpu->seq, 1, memory_order_relaxed);
    atomic_store_explicit(&vcpu->waiting, 1, memory_order_relaxed);
    __atomic_store_n(&slot->flags, flags | IOREQ_READY, __ATOMIC_RELEASE);
    driver_event(s, SIM_REMOTE_VCPU((unsigned)server, v));
    if (s->opt.wait == SIM_SLEEP) {
        do {
            driver_read(s, SIM_FD_VCPU + (int)v);
            if (atomic_load_explicit(&s->failed, memory_order_relaxed) && !io_answered(slot))
                driver_check(s, "an access");
        } while (!io_answered(slot));
    } else {
        for (unsigned n = 1; !io_answered(slot); n++) {
            driver_relax();
            if (!(n & 0xfff))
                driver_check(s, "an access");
        }
    }
    data = slot->data;
    __atomic_store_n(&slot->flags, flags, __ATOMIC_RELEASE); /* IOREQ_NONE */
    atomic_store_explicit(&vcpu->waiting, 0, memory_order_relaxed);
    io_count(&s->ctl->stats.requests, 1);
    return data;
}

static uint64_t io_ones(unsigned size)
{
    return size == 8 ? UINT64_MAX : (1ull << size * 8) - 1;
}

/* A port's server and what the request is: Xen turns CFC into config accesses. -1: nobody. */
static int io_route_port(struct sim *s, uint16_t port, unsigned size, enum ioreq_type *type,
                         uint64_t *addr)
{
    uint32_t cf8 = s->vcpu[io_vcpu].cf8;

    if (size != 1 && size != 2 && size != 4)
        sim_fail(s, "no port access has %u bytes", size);
    *type = IOREQ_PIO;
    *addr = port;
    if ((port & ~3u) != 0xcfc || !(cf8 >> 31))
        return view_find(s, false, port, port + size - 1u);
    *type = IOREQ_CONFIG;
    *addr = (uint64_t)(cf8 >> 8 & 0xffff) << 32 | (cf8 & 0xfc) | (port & 3);
    return cf8 >> 16 & 0xff ? -1 : view_now(s)->pci[cf8 >> 8 & 0xff];
}

uint32_t sim_in(struct sim *s, uint16_t port, unsigned size)
{
    enum ioreq_type type;
    uint64_t addr;
    int server = io_route_port(s, port, size, &type, &addr);

    if (server < 0) {
        io_count(&s->ctl->stats.dropped, 1);
        return (uint32_t)io_ones(size);
    }
    return (uint32_t)(io_send(s, server, type, addr, 0, 1, size, IOREQ_DIR_READ) & io_ones(size));
}

void sim_out(struct sim *s, uint16_t port, unsigned size, uint32_t val)
{
    enum ioreq_type type;
    uint64_t addr;
    int server;

    if (port == 0xcf8 && size == 4)
        s->vcpu[io_vcpu].cf8 = val; /* kept, and sent on all the same */
    server = io_route_port(s, port, size, &type, &addr);
    if (server < 0)
        io_count(&s->ctl->stats.dropped, 1);
    else
        io_send(s, server, type, addr, val & io_ones(size), 1, size, 0);
}

/* Elements of one request: those that fit the page, or one that lies on two. */
static uint32_t io_page_count(uint64_t ram, unsigned size, uint32_t count)
{
    uint32_t fit = (uint32_t)(SIM_PAGE - ram % SIM_PAGE) / size;

    if (count > IO_COUNT_MAX)
        count = IO_COUNT_MAX;
    return fit == 0 ? 1 : count < fit ? count : fit;
}

static void io_rep_port(struct sim *s, uint16_t port, unsigned size, uint32_t count, uint64_t ram,
                        uint8_t flags)
{
    while (count) {
        uint32_t n = io_page_count(ram, size, count);
        enum ioreq_type type;
        uint64_t addr;
        int server = io_route_port(s, port, size, &type, &addr);

        if (!driver_frame(s, ram / SIM_PAGE))
            sim_fail(s, "no memory at %#llx for a repeated access", (unsigned long long)ram);
        if (server < 0)
            io_count(&s->ctl->stats.dropped, 1);
        else
            io_send(s, server, type, addr, ram, n, size, flags | IOREQ_DATA_IS_PTR);
        ram += (uint64_t)n * size;
        count -= n;
    }
}

void sim_rep_ins(struct sim *s, uint16_t port, unsigned size, uint32_t count, uint64_t gpa)
{
    io_rep_port(s, port, size, count, gpa, IOREQ_DIR_READ);
}

void sim_rep_outs(struct sim *s, uint16_t port, unsigned size, uint32_t count, uint64_t gpa)
{
    io_rep_port(s, port, size, count, gpa, 0);
}

/* --- memory --- */

static void io_check_size(struct sim *s, uint64_t gpa, unsigned size)
{
    if (size == 0 || size > 8 || size & (size - 1) || gpa % SIM_PAGE > SIM_PAGE - size)
        sim_fail(s, "bad access of %u bytes at %#llx", size, (unsigned long long)gpa);
}

uint64_t sim_mmio_read(struct sim *s, uint64_t gpa, unsigned size)
{
    uint64_t val = 0;
    int server;
    void *ram;

    io_check_size(s, gpa, size);
    ram = sim_ram(s, gpa, size);
    if (ram) {
        memcpy(&val, ram, size);
        return val;
    }
    server = view_find(s, true, gpa, gpa + size - 1);
    if (server < 0) {
        io_count(&s->ctl->stats.dropped, 1);
        return io_ones(size);
    }
    return io_send(s, server, IOREQ_COPY, gpa, 0, 1, size, IOREQ_DIR_READ) & io_ones(size);
}

void sim_mmio_write(struct sim *s, uint64_t gpa, unsigned size, uint64_t val)
{
    int server;

    io_check_size(s, gpa, size);
    if (driver_frame(s, gpa / SIM_PAGE)) {
        sim_mem_write(s, gpa, &val, size);
        return;
    }
    if (gpa >= 0xa0000 && gpa + size <= 0xc0000 && sim_buffered_write(s, gpa, size, val))
        return;
    server = view_find(s, true, gpa, gpa + size - 1);
    if (server < 0)
        io_count(&s->ctl->stats.dropped, 1);
    else
        io_send(s, server, IOREQ_COPY, gpa, val & io_ones(size), 1, size, 0);
}

/* A request may cross a page neither here nor there. */
static void io_rep_mmio(struct sim *s, uint64_t gpa, unsigned size, uint32_t count, uint64_t ram,
                        uint8_t flags)
{
    while (count) {
        uint32_t n = io_page_count(ram, size, count), m = io_page_count(gpa, size, count);
        int server;

        n = n < m ? n : m;
        server = view_find(s, true, gpa, gpa + (uint64_t)n * size - 1);
        if (!driver_frame(s, ram / SIM_PAGE))
            sim_fail(s, "no memory at %#llx for a repeated access", (unsigned long long)ram);
        if (server < 0)
            io_count(&s->ctl->stats.dropped, 1);
        else
            io_send(s, server, IOREQ_COPY, gpa, ram, n, size, flags | IOREQ_DATA_IS_PTR);
        ram += (uint64_t)n * size;
        gpa += (uint64_t)n * size;
        count -= n;
    }
}

void sim_rep_mmio_read(struct sim *s, uint64_t gpa, unsigned size, uint32_t count, uint64_t ram)
{
    io_rep_mmio(s, gpa, size, count, ram, IOREQ_DIR_READ);
}

void sim_rep_mmio_write(struct sim *s, uint64_t gpa, unsigned size, uint32_t count, uint64_t ram)
{
    io_rep_mmio(s, gpa, size, count, ram, 0);
}

/* --- the buffered ring --- */

static void io_ring_shrink(struct ioreq_ring *ring)
{
    struct ioreq_ring was, now;

    /* Both counters at once: the model adds to the first. */
    was.both = __atomic_load_n(&ring->both, __ATOMIC_RELAXED);
    while (was.read_pointer >= IOREQ_RING_SLOTS) {
        now.read_pointer = was.read_pointer - IOREQ_RING_SLOTS;
        now.write_pointer = was.write_pointer - IOREQ_RING_SLOTS;
        if (__atomic_compare_exchange_n(&ring->both, &was.both, now.both, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED))
            was.both = now.both;
    }
}

static bool io_buffer_locked(struct sim *s, int server, enum ioreq_type type, uint64_t addr,
                             unsigned size, uint64_t val)
{
    struct ioreq_ring *ring = io_ring(s, (unsigned)server);
    struct ioreq_entry e = {
        .type = (uint8_t)type,
        .bits = (uint8_t)((unsigned)__builtin_ctz(size) << 2 | (addr & 15) << 4),
        .addr = (uint16_t)(addr >> 4),
        .data = (uint32_t)val,
    };
    unsigned slots = size == 8 ? 2 : 1;
    uint32_t w = ring->write_pointer;

    if (w - __atomic_load_n(&ring->read_pointer, __ATOMIC_ACQUIRE) > IOREQ_RING_SLOTS - slots)
        return false;
    ring->entry[w % IOREQ_RING_SLOTS] = e;
    if (slots == 2) {
        e.data = (uint32_t)(val >> 32);
        ring->entry[(w + 1) % IOREQ_RING_SLOTS] = e;
    }
    __atomic_store_n(&ring->write_pointer, w + slots, __ATOMIC_RELEASE);
    io_ring_shrink(ring);
    io_count(&s->ctl->stats.buffered, slots);
    driver_event(s, SIM_REMOTE_RING((unsigned)server));
    return true;
}

static bool io_buffer(struct sim *s, int server, enum ioreq_type type, uint64_t addr, unsigned size,
                      uint64_t val)
{
    bool ok;

    if (s->opt.vcpus == 1)
        return io_buffer_locked(s, server, type, addr, size, val);
    pthread_mutex_lock(&s->ring_lock);
    ok = io_buffer_locked(s, server, type, addr, size, val);
    pthread_mutex_unlock(&s->ring_lock);
    return ok;
}

bool sim_buffered_write(struct sim *s, uint64_t gpa, unsigned size, uint64_t val)
{
    int server = view_find(s, true, gpa, gpa + size - 1);

    io_check_size(s, gpa, size);
    return server >= 0 && gpa + size <= 0x100000 && view_now(s)->buffered >> server & 1 &&
           io_buffer(s, server, IOREQ_COPY, gpa, size, val);
}

unsigned sim_buffered_used(struct sim *s)
{
    const struct driver_view *v = view_now(s);
    unsigned used = 0;

    for (unsigned n = 0; n < SIM_SERVERS; n++) {
        struct ioreq_ring now;

        if (!(v->enabled >> n & 1))
            continue;
        now.both = __atomic_load_n(&io_ring(s, n)->both, __ATOMIC_ACQUIRE);
        used += now.write_pointer - now.read_pointer;
    }
    return used;
}

void sim_buffered_wait(struct sim *s)
{
    uint64_t until = sim_now_ns() + s->opt.timeout_ms * 1000000ull;

    while (sim_buffered_used(s)) {
        struct timespec ts = { 0, 20000 };

        driver_check(s, "buffered writes");
        if (sim_now_ns() > until)
            sim_fail(s, "buffered writes are not taken");
        if (s->opt.wait == SIM_SLEEP)
            nanosleep(&ts, NULL);
        else
            driver_relax();
    }
}

void sim_time_offset(struct sim *s, uint64_t seconds)
{
    const struct driver_view *v = view_now(s);

    for (unsigned n = 0; n < SIM_SERVERS; n++)
        if (v->enabled & v->buffered & 1u << n)
            io_buffer(s, (int)n, IOREQ_TIMEOFFSET, 0, 8, seconds);
}

void sim_invalidate(struct sim *s)
{
    const struct driver_view *v = view_now(s);

    for (unsigned n = 0; n < SIM_SERVERS; n++)
        if (v->enabled >> n & 1)
            io_send(s, (int)n, IOREQ_INVALIDATE, 0, UINT64_MAX, 0, 4, 0);
}
