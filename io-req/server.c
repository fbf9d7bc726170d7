/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ioreq protocol of Xen 4.17 (public/hvm/ioreq.h, common/ioreq.c,
 * arch/x86/hvm/emulate.c). The pages belong to Xen, but the guest chooses most
 * of a request, so each field is checked before use, on a copy.
 */
#include "io-req/server.h"

#include "dm/bytes.h"

#include <string.h>

/*
 * Elements of one request. Xen sends no more than fit a page, and never more
 * than 4096; what asks for more is refused so that no request holds the loop.
 */
#define SERVER_COUNT_MAX 4096u

#define SERVER_BOUNCE    4096 /* bytes of a block copied out of guest memory at a time */

/* Slots served before Xen may use them again: a locked instruction costs as much as a write. */
#define SERVER_BATCH     32u

/* A request, decoded and checked. */
struct server_req {
    uint64_t addr, data, step; /* step: from one element's data to the next, mod 2^64 */
    uint64_t addr_step;        /* the same for addr: 0 for a port */
    uint32_t count;
    unsigned size;
    enum ioreq_type type;
    bool read, ptr;
    struct dm_pci_device *pci; /* IOREQ_CONFIG: NULL where there is no function */
};

/* Takes a line from the budget: what follows is logged. */
static bool server_may_log(struct ioreq_server *s)
{
    return dm_log_budget_take(&s->errors, dm_clock_now(s->machine->clock));
}

static uint64_t server_element_read(struct dm_machine *m, const struct server_req *r, uint64_t addr)
{
    switch (r->type) {
    case IOREQ_PIO:
        return dm_space_read(&m->io, addr, r->size);
    case IOREQ_COPY:
        return dm_space_read(&m->mem, addr, r->size);
    default:
        return dm_pci_config_read(r->pci, (unsigned)addr, r->size) & dm_ones(r->size);
    }
}

static void server_element_write(struct dm_machine *m, const struct server_req *r, uint64_t addr,
                                 uint64_t val)
{
    switch (r->type) {
    case IOREQ_PIO:
        dm_space_write(&m->io, addr, r->size, val);
        break;
    case IOREQ_COPY:
        dm_space_write(&m->mem, addr, r->size, val);
        break;
    default:
        dm_pci_config_write(r->pci, (unsigned)addr, r->size, (uint32_t)val);
    }
}

/* Element by element between the device and guest memory, where pages may be missing. */
static void server_copy_elements(struct dm_machine *m, struct server_req *r, uint32_t count)
{
    for (; count; count--) {
        uint8_t val[8];

        if (r->read) {
            dm_put_le(val, r->size, server_element_read(m, r, r->addr));
            dm_dma_write(&m->ram, r->data, val, r->size);
        } else {
            dm_dma_read(&m->ram, r->data, val, r->size);
            server_element_write(m, r, r->addr, dm_get_le(val, r->size));
        }
        r->addr += r->addr_step;
        r->data += r->step;
    }
}

/*
 * rep ins and rep outs upwards through memory: whole blocks. Reads go straight
 * to guest memory; writes through a copy, so that no device can be made to read
 * the same guest bytes twice and find them changed.
 */
static void server_copy_block(struct dm_machine *m, struct server_req *r)
{
    struct dm_hypervisor *hv = m->ram.hv;
    uint8_t bounce[SERVER_BOUNCE];

    while (r->count) {
        size_t len = (size_t)r->count * r->size, n;
        void *host;

        if (len > SERVER_BOUNCE)
            len = SERVER_BOUNCE;
        host = hv->ops->map(hv, r->data, &len);
        n = host ? len / r->size : 0;
        if (n && r->read)
            dm_space_read_block(&m->io, r->addr, r->size, host, n);
        else if (n)
            memcpy(bounce, host, n * r->size);
        if (host)
            hv->ops->unmap(hv, r->data, host, r->read ? n * r->size : 0);
        if (n && !r->read)
            dm_space_write_block(&m->io, r->addr, r->size, bounce, n);
        r->data += n * r->size;
        r->count -= (uint32_t)n;
        if (n == 0) { /* a missing page, or an element on two pages */
            server_copy_elements(m, r, 1);
            r->count--;
        }
    }
}

/* Decodes and checks in. Returns NULL, or what is wrong with it. */
static const char *server_decode(struct dm_machine *m, const struct ioreq_slot *in,
                                 struct server_req *r)
{
    unsigned size_max = in->type == IOREQ_COPY ? 8 : 4;

    *r = (struct server_req) {
        .addr = in->addr,
        .data = in->data,
        .count = in->count,
        .size = in->size,
        .type = in->type,
        .read = in->flags & IOREQ_DIR_READ,
        .ptr = in->flags & IOREQ_DATA_IS_PTR,
    };
    if (in->type != IOREQ_PIO && in->type != IOREQ_COPY && in->type != IOREQ_CONFIG)
        return "type";
    if (in->size == 0 || in->size > size_max || (in->size & (in->size - 1)))
        return "size";
    if (in->count == 0 || in->count > SERVER_COUNT_MAX)
        return "count";
    r->step = in->flags & IOREQ_DF ? -(uint64_t)in->size : in->size;
    switch (in->type) {
    case IOREQ_PIO:
        if (!dm_in_range(in->addr, in->size, 0x10000))
            return "port";
        break;
    case IOREQ_COPY:
        r->addr_step = r->step;
        break;
    default: /* we have bus 0 of segment 0 */
        if (in->addr >> 40 == 0)
            r->pci = m->pci.fn[in->addr >> 32 & 0xff];
        r->addr = (uint32_t)in->addr;
    }
    return NULL;
}

/* Does what in asks. Returns what becomes of data: for writes, what it was. */
static uint64_t server_handle(struct ioreq_server *s, const struct ioreq_slot *in)
{
    struct dm_machine *m = s->machine;
    const char *bad;
    struct server_req r;
    uint64_t val = in->data;

    if (in->type == IOREQ_INVALIDATE) {
        s->ops->invalidate(s->opaque);
        return val;
    }
    if (in->type == IOREQ_TIMEOFFSET)
        return val;
    bad = server_decode(m, in, &r);
    if (bad) {
        if (server_may_log(s))
            dm_log(DM_LOG_WARN, "ioreq",
                   "bad %s in a request: type %u addr %#llx size %u count %u flags %#x", bad,
                   in->type, (unsigned long long)in->addr, in->size, in->count, in->flags);
        return in->flags & IOREQ_DIR_READ ? UINT64_MAX : val;
    }
    if (r.ptr) {
        if (r.type == IOREQ_PIO && !(in->flags & IOREQ_DF))
            server_copy_block(m, &r);
        else
            server_copy_elements(m, &r, r.count);
        return val;
    }
    /* The usual case goes round once. rep stos to registers writes one value to many addresses. */
    for (; r.count; r.count--, r.addr += r.addr_step) {
        if (r.read)
            val = server_element_read(m, &r, r.addr);
        else
            server_element_write(m, &r, r.addr, val);
    }
    return val;
}

/* A buffered write: nothing can be returned to it, and it does not concern one vCPU. */
static void server_handle_entry(struct ioreq_server *s, const struct ioreq_entry *e, uint32_t high)
{
    struct dm_machine *m = s->machine;
    unsigned size = IOREQ_ENTRY_SIZE(e->bits);
    uint32_t addr = IOREQ_ENTRY_ADDR(e->bits, e->addr);
    bool write = !(e->bits & IOREQ_ENTRY_READ);

    if (write && e->type == IOREQ_COPY)
        dm_space_write(&m->mem, addr, size, e->data | (uint64_t)high << 32);
    else if (write && e->type == IOREQ_PIO && size <= 4 && dm_in_range(addr, size, 0x10000))
        dm_space_write(&m->io, addr, size, e->data);
    else if (!(write && e->type == IOREQ_TIMEOFFSET) && server_may_log(s))
        dm_log(DM_LOG_WARN, "ioreq", "bad buffered request: type %u addr %#x bits %#x", e->type,
               addr, e->bits);
}

/*
 * Serves up to max entries, of used that are there, from slot at on. Returns the slots taken,
 * one more where the last write has two.
 */
static uint32_t server_handle_entries(struct ioreq_server *s, uint32_t at, uint32_t used,
                                      uint32_t max)
{
    const volatile struct ioreq_entry *slots = s->ring->entry;
    uint32_t n = 0;

    while (n < used && n < max) {
        struct ioreq_entry entry = slots[(at + n) % IOREQ_RING_SLOTS];
        uint32_t high = 0;

        n++;
        if (IOREQ_ENTRY_SIZE(entry.bits) == 8) {
            if (n == used) { /* Xen publishes both slots at once */
                if (server_may_log(s))
                    dm_log(DM_LOG_ERROR, "ioreq", "half of a buffered request");
                break;
            }
            high = slots[(at + n++) % IOREQ_RING_SLOTS].data;
        }
        server_handle_entry(s, &entry, high);
    }
    return n;
}

/* Serves at most what one ring holds. Returns the slots taken. */
static unsigned server_drain(struct ioreq_server *s)
{
    struct ioreq_ring *ring = s->ring;
    unsigned done = 0;

    while (done < IOREQ_RING_SLOTS) {
        struct ioreq_ring now; /* the pointers alone */
        uint32_t used, left = IOREQ_RING_SLOTS - done;

        /* Acquire: the entries below write_pointer are read after it. */
        now.both = __atomic_load_n(&ring->both, __ATOMIC_ACQUIRE);
        used = now.write_pointer - now.read_pointer;
        if (!used)
            break;
        if (used > IOREQ_RING_SLOTS) { /* not Xen's doing: lost, go on from where it writes */
            if (server_may_log(s))
                dm_log(DM_LOG_ERROR, "ioreq", "buffered ring is corrupt: read %u, write %u",
                       now.read_pointer, now.write_pointer);
            __atomic_fetch_add(&ring->read_pointer, used, __ATOMIC_SEQ_CST);
            break;
        }
        used = server_handle_entries(s, now.read_pointer, used,
                                     left < SERVER_BATCH ? left : SERVER_BATCH);
        /* After they were served. Added, for Xen takes whole rings off both pointers meanwhile. */
        __atomic_fetch_add(&ring->read_pointer, used, __ATOMIC_SEQ_CST);
        done += used;
    }
    return done;
}

static uint8_t server_with_state(uint8_t flags, enum ioreq_state state)
{
    return (uint8_t)((flags & ~IOREQ_STATE_MASK) | state);
}

unsigned ioreq_server_poll(struct ioreq_server *s)
{
    unsigned answered = 0, drained = 0;

    if (!s->machine)
        return 0;
    for (unsigned v = 0; v < s->vcpus; v++) {
        struct ioreq_slot *slot = &s->page->vcpu[v], req;
        /* Acquire: the rest of the request is read after its state. */
        uint8_t flags = __atomic_load_n(&slot->flags, __ATOMIC_ACQUIRE);

        if ((flags & IOREQ_STATE_MASK) != IOREQ_READY)
            continue;
        __atomic_store_n(&slot->flags, server_with_state(flags, IOREQ_INPROCESS), __ATOMIC_RELAXED);
        req.addr = __atomic_load_n(&slot->addr, __ATOMIC_RELAXED);
        req.data = __atomic_load_n(&slot->data, __ATOMIC_RELAXED);
        req.count = __atomic_load_n(&slot->count, __ATOMIC_RELAXED);
        req.size = __atomic_load_n(&slot->size, __ATOMIC_RELAXED);
        req.type = __atomic_load_n(&slot->type, __ATOMIC_RELAXED);
        req.flags = flags;
        drained += server_drain(s); /* what this vCPU wrote before */
        __atomic_store_n(&slot->data, server_handle(s, &req), __ATOMIC_RELAXED);
        /* Release: the answer is there before its state says so. */
        __atomic_store_n(&slot->flags, server_with_state(flags, IOREQ_RESPONSE), __ATOMIC_RELEASE);
        s->ops->notify(s->opaque, v);
        answered++;
    }
    if (drained < IOREQ_RING_SLOTS)
        drained += server_drain(s);
    return answered + drained;
}

bool ioreq_server_more(const struct ioreq_server *s)
{
    struct ioreq_ring now;

    now.both = __atomic_load_n(&s->ring->both, __ATOMIC_ACQUIRE);
    return s->machine && now.read_pointer != now.write_pointer;
}

bool ioreq_server_asked(const struct ioreq_server *s)
{
    for (unsigned v = 0; s->machine && v < s->vcpus; v++) {
        uint8_t flags = __atomic_load_n(&s->page->vcpu[v].flags, __ATOMIC_RELAXED);

        if ((flags & IOREQ_STATE_MASK) == IOREQ_READY)
            return true;
    }
    return ioreq_server_more(s);
}
