/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include "io-req/server.h"

#define PORT     0x300
#define MMIO     0xf0000000
#define VGA      0xa0000
#define TRACE    8192
#define SENTINEL 0x1122334455667788

static const struct dm_class *const none[] = { NULL };

/* A device that writes down what is done to it; reads give its counter. */
struct recorder {
    struct dm_region port, mmio, vga;
    struct {
        uint64_t off, val;
        unsigned size;
        bool write;
    } trace[TRACE];
    unsigned count, blocks, block_elements;
    uint8_t next; /* bytes read count up from here */
    uint8_t state_seen;
    bool no_blocks;
};

static struct fake f;
static struct recorder rec;
static struct ioreq_page page;
static struct ioreq_ring ring;
static struct ioreq_server server;
static unsigned notified[IOREQ_VCPU_MAX], notifies, invalidates;

static void record(uint64_t off, unsigned size, bool write, uint64_t val)
{
    assert_true(rec.count < TRACE);
    rec.trace[rec.count].off = off;
    rec.trace[rec.count].size = size;
    rec.trace[rec.count].write = write;
    rec.trace[rec.count++].val = val;
    rec.state_seen = page.vcpu[0].flags & IOREQ_STATE_MASK;
}

static uint64_t rec_read(void *opaque, uint64_t off, unsigned size)
{
    uint64_t val = 0;

    for (unsigned i = 0; i < size; i++)
        val |= (uint64_t)rec.next++ << (8 * i);
    record(off, size, false, val);
    return val;
}

static void rec_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    rec.next = (uint8_t)(rec.next + size);
    record(off, size, true, val);
}

static size_t rec_read_block(void *opaque, uint64_t off, unsigned size, void *buf, size_t count)
{
    if (rec.no_blocks)
        return 0;
    for (size_t i = 0; i < count * size; i++)
        ((uint8_t *)buf)[i] = rec.next++;
    rec.blocks++;
    rec.block_elements += (unsigned)count;
    return count;
}

static size_t rec_write_block(void *opaque, uint64_t off, unsigned size, const void *buf,
                              size_t count)
{
    if (rec.no_blocks)
        return 0;
    for (size_t i = 0; i < count * size; i++)
        assert_int_equal(((const uint8_t *)buf)[i], rec.next++);
    rec.blocks++;
    rec.block_elements += (unsigned)count;
    return count;
}

static const struct dm_region_ops rec_ops = { rec_read,        rec_write, rec_read_block,
                                              rec_write_block, 1,         8 };

static void notify(void *opaque, unsigned vcpu)
{
    assert_ptr_equal(opaque, &rec);
    /* The vCPU may look now: all is there. */
    assert_int_equal(page.vcpu[vcpu].flags & IOREQ_STATE_MASK, IOREQ_RESPONSE);
    notified[vcpu]++;
    notifies++;
}

static void invalidate(void *opaque)
{
    invalidates++;
}

static const struct ioreq_server_ops ops = { notify, invalidate };

static void start(void)
{
    fake_init(&f, none);
    memset(&rec, 0, sizeof(rec));
    memset(&page, 0, sizeof(page));
    memset(&ring, 0, sizeof(ring));
    memset(notified, 0, sizeof(notified));
    notifies = invalidates = 0;
    rec.port = (struct dm_region) { .name = "port", .ops = &rec_ops, .size = 8 };
    rec.mmio = (struct dm_region) { .name = "mmio", .ops = &rec_ops, .size = 0x10000 };
    rec.vga = (struct dm_region) { .name = "vga", .ops = &rec_ops, .size = 0x20000 };
    assert_int_equal(dm_space_add(&f.machine.io, &rec.port, PORT), 0);
    assert_int_equal(dm_space_add(&f.machine.mem, &rec.mmio, MMIO), 0);
    assert_int_equal(dm_space_add(&f.machine.mem, &rec.vga, VGA), 0);
    server = (struct ioreq_server) {
        .page = &page, .ring = &ring, .vcpus = 4, .machine = &f.machine, .ops = &ops, .opaque = &rec
    };
}

static void end(void)
{
    dm_space_remove(&rec.port);
    dm_space_remove(&rec.mmio);
    dm_space_remove(&rec.vga);
    fake_finish(&f);
}

/* Posts a request as Xen does, without serving it. */
static void post(unsigned vcpu, unsigned type, unsigned flags, uint64_t addr, unsigned size,
                 uint32_t count, uint64_t data)
{
    page.vcpu[vcpu] = (struct ioreq_slot) { .addr = addr,
                                            .data = data,
                                            .count = count,
                                            .size = size,
                                            .port = 77 + vcpu,
                                            .unused = 0x1234,
                                            .flags = (uint8_t)(flags | IOREQ_READY),
                                            .type = (uint8_t)type };
}

/* A request of vCPU 0, served. Returns data. */
static uint64_t ask(unsigned type, unsigned flags, uint64_t addr, unsigned size, uint32_t count,
                    uint64_t data)
{
    struct ioreq_slot was;

    post(0, type, flags, addr, size, count, data);
    was = page.vcpu[0];
    assert_true(ioreq_server_asked(&server));
    assert_true(ioreq_server_poll(&server) >= 1);
    assert_false(ioreq_server_asked(&server));
    /* Nothing but data and the state may change. */
    assert_int_equal(page.vcpu[0].flags, (was.flags & ~IOREQ_STATE_MASK) | IOREQ_RESPONSE);
    was.data = page.vcpu[0].data;
    was.flags = page.vcpu[0].flags;
    assert_memory_equal(&was, &page.vcpu[0], sizeof(was));
    page.vcpu[0].flags &= (uint8_t)~IOREQ_STATE_MASK; /* Xen took the answer */
    return was.data;
}

static void buffer(unsigned type, uint32_t addr, unsigned size_code, uint32_t data)
{
    ring.entry[ring.write_pointer++ % IOREQ_RING_SLOTS] =
        (struct ioreq_entry) { .type = (uint8_t)type,
                               .bits = (uint8_t)(size_code << 2 | (addr & 15) << 4),
                               .addr = (uint16_t)(addr >> 4),
                               .data = data };
}

static void test_pio(void **state)
{
    start();
    rec.next = 0x10;
    assert_int_equal(ask(IOREQ_PIO, IOREQ_DIR_READ, PORT + 1, 1, 1, 0), 0x10);
    assert_int_equal(ask(IOREQ_PIO, IOREQ_DIR_READ, PORT, 2, 1, SENTINEL), 0x1211);
    assert_int_equal(ask(IOREQ_PIO, IOREQ_DIR_READ, PORT + 4, 4, 1, SENTINEL), 0x16151413);
    assert_int_equal(rec.state_seen, IOREQ_INPROCESS);
    ask(IOREQ_PIO, 0, PORT + 2, 2, 1, 0xffffffffffff5678);
    assert_int_equal(rec.trace[3].off, 2);
    assert_int_equal(rec.trace[3].size, 2);
    assert_true(rec.trace[3].write);
    assert_int_equal(rec.trace[3].val, 0x5678);
    assert_int_equal(notified[0], 4);
    /* Nobody's ports. */
    assert_int_equal(ask(IOREQ_PIO, IOREQ_DIR_READ, 0x200, 2, 1, 0), 0xffff);
    ask(IOREQ_PIO, 0, 0x200, 2, 1, 0);
    assert_int_equal(ask(IOREQ_PIO, IOREQ_DIR_READ, 0xffff, 1, 1, 0), 0xff);
    assert_int_equal(f.log_len, 0);
    end();
}

static void test_other_states_are_left_alone(void **state)
{
    start();
    for (unsigned s = 0; s < 16; s++) {
        if (s == IOREQ_READY)
            continue;
        post(1, IOREQ_PIO, IOREQ_DIR_READ, PORT, 1, 1, SENTINEL);
        page.vcpu[1].flags = (uint8_t)(IOREQ_DIR_READ | s);
        assert_int_equal(ioreq_server_poll(&server), 0);
        assert_int_equal(page.vcpu[1].flags, IOREQ_DIR_READ | s);
        assert_int_equal(page.vcpu[1].data, SENTINEL);
    }
    assert_int_equal(notifies, 0);
    assert_int_equal(rec.count, 0);
    end();
}

static void test_every_vcpu_in_one_turn(void **state)
{
    start();
    post(0, IOREQ_PIO, IOREQ_DIR_READ, PORT, 1, 1, 0);
    post(2, IOREQ_PIO, 0, PORT, 1, 1, 7);
    post(3, IOREQ_COPY, IOREQ_DIR_READ, MMIO, 4, 1, 0);
    post(4, IOREQ_PIO, IOREQ_DIR_READ, PORT, 1, 1, 0); /* a vCPU we do not have */
    assert_int_equal(ioreq_server_poll(&server), 3);
    assert_int_equal(notified[0], 1);
    assert_int_equal(notified[1], 0);
    assert_int_equal(notified[2], 1);
    assert_int_equal(notified[3], 1);
    assert_int_equal(page.vcpu[4].flags & IOREQ_STATE_MASK, IOREQ_READY);
    assert_int_equal(ioreq_server_poll(&server), 0);
    end();
}

static void test_nothing_before_attach(void **state)
{
    start();
    server.machine = NULL;
    post(0, IOREQ_PIO, IOREQ_DIR_READ, PORT, 1, 1, 0);
    buffer(IOREQ_COPY, VGA, 0, 1);
    assert_int_equal(ioreq_server_poll(&server), 0);
    assert_false(ioreq_server_more(&server));
    assert_false(ioreq_server_asked(&server));
    assert_int_equal(page.vcpu[0].flags & IOREQ_STATE_MASK, IOREQ_READY);
    server.machine = &f.machine;
    assert_true(ioreq_server_asked(&server));
    assert_int_equal(ioreq_server_poll(&server), 2);
    end();
}

static void test_mmio(void **state)
{
    start();
    rec.next = 1;
    assert_true(ask(IOREQ_COPY, IOREQ_DIR_READ, MMIO + 8, 8, 1, 0) == 0x0807060504030201);
    ask(IOREQ_COPY, 0, MMIO + 0xfff8, 8, 1, SENTINEL);
    assert_true(rec.trace[1].val == SENTINEL);
    assert_int_equal(rec.trace[1].off, 0xfff8);
    assert_true(ask(IOREQ_COPY, IOREQ_DIR_READ, 0xdead0000, 8, 1, 0) == UINT64_MAX);
    /* The end of the address space does not wrap to a device. */
    assert_true(ask(IOREQ_COPY, IOREQ_DIR_READ, UINT64_MAX, 4, 1, 0) == 0xffffffff);
    end();
}

static void test_stos_to_registers(void **state)
{
    start();
    ask(IOREQ_COPY, 0, MMIO + 0x100, 2, 5, 0xabcd);
    assert_int_equal(rec.count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(rec.trace[i].off, 0x100 + 2 * i);
        assert_int_equal(rec.trace[i].val, 0xabcd);
    }
    ask(IOREQ_COPY, IOREQ_DF, MMIO + 0x100, 4, 3, 0x12345678);
    assert_int_equal(rec.trace[5].off, 0x100);
    assert_int_equal(rec.trace[7].off, 0x100 - 8);
    end();
}

static void test_copy_between_memory_and_registers(void **state)
{
    start();
    dm_put_le(f.ram + 0x2000, 4, 0x11111111);
    dm_put_le(f.ram + 0x2004, 4, 0x22222222);
    ask(IOREQ_COPY, IOREQ_DATA_IS_PTR, MMIO, 4, 2, 0x2000);
    assert_int_equal(rec.trace[0].val, 0x11111111);
    assert_int_equal(rec.trace[1].val, 0x22222222);
    assert_int_equal(rec.trace[1].off, 4);
    /* Down: both addresses. */
    ask(IOREQ_COPY, IOREQ_DATA_IS_PTR | IOREQ_DF, MMIO + 0x40, 4, 2, 0x2004);
    assert_int_equal(rec.trace[2].val, 0x22222222);
    assert_int_equal(rec.trace[2].off, 0x40);
    assert_int_equal(rec.trace[3].val, 0x11111111);
    assert_int_equal(rec.trace[3].off, 0x3c);
    /* To memory, in both directions; the data field keeps the address. */
    rec.next = 0x50;
    assert_int_equal(ask(IOREQ_COPY, IOREQ_DATA_IS_PTR | IOREQ_DIR_READ, MMIO + 8, 1, 3, 0x3000),
                     0x3000);
    assert_memory_equal(f.ram + 0x3000, "\x50\x51\x52\0", 4);
    ask(IOREQ_COPY, IOREQ_DATA_IS_PTR | IOREQ_DIR_READ | IOREQ_DF, MMIO + 8, 2, 2, 0x3102);
    assert_memory_equal(f.ram + 0x3100, "\x55\x56\x53\x54\0", 5);
    end();
}

static void test_rep_ins(void **state)
{
    start();
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR | IOREQ_DIR_READ, PORT, 2, 256, 0x5000);
    assert_int_equal(rec.blocks, 1);
    assert_int_equal(rec.block_elements, 256);
    for (unsigned i = 0; i < 512; i++)
        assert_int_equal(f.ram[0x5000 + i], i & 0xff);
    assert_int_equal(f.ram[0x5200], 0);
    assert_int_equal(f.dirty_bytes, 512);
    /* Single accesses give the same. */
    rec.no_blocks = true;
    rec.next = 0;
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR | IOREQ_DIR_READ, PORT, 4, 64, 0x6000);
    assert_int_equal(rec.count, 64);
    assert_memory_equal(f.ram + 0x5000, f.ram + 0x6000, 256);
    /* Down through memory. */
    rec.next = 0;
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR | IOREQ_DIR_READ | IOREQ_DF, PORT, 2, 3, 0x7004);
    assert_memory_equal(f.ram + 0x7000, "\4\5\2\3\0\1\0", 7);
    end();
}

static void test_rep_outs(void **state)
{
    start();
    for (unsigned i = 0; i < 3 * 4096; i++)
        f.ram[0x8000 + i] = (uint8_t)i;
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR, PORT, 4, 3 * 1024, 0x8000);
    assert_int_equal(rec.block_elements, 3 * 1024);
    assert_int_equal(rec.blocks, 3); /* what the copy holds at a time */
    assert_int_equal(f.dirty_bytes, 0);
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR | IOREQ_DF, PORT + 4, 2, 2, 0x8012);
    assert_int_equal(rec.trace[0].val, 0x1312);
    assert_int_equal(rec.trace[1].val, 0x1110);
    assert_int_equal(rec.trace[1].off, 4);
    end();
}

static void test_elements_across_pages(void **state)
{
    start();
    f.map_chunk = DM_PAGE_SIZE;
    /* Element 1 lies on two pages; they are not contiguous here. */
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR | IOREQ_DIR_READ, PORT, 4, 3, 0x5ffa);
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(f.ram[0x5ffa + i], i);
    assert_int_equal(rec.block_elements, 2);
    rec.next = 0;
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR, PORT, 4, 3, 0x5ffa);
    assert_int_equal(rec.trace[1].val, 0x07060504);
    ask(IOREQ_COPY, IOREQ_DATA_IS_PTR, MMIO, 8, 1, 0x5ffc);
    assert_true(rec.trace[2].val == 0x0908070605040302);
    end();
}

static void test_unpopulated_memory(void **state)
{
    start();
    f.hole_first = 0x9000;
    f.hole_last = 0x9fff;
    memset(f.ram + 0x9000, 0x33, 0x1000);
    /* Writes to the device: ones. */
    ask(IOREQ_COPY, IOREQ_DATA_IS_PTR, MMIO, 4, 1, 0x9004);
    assert_int_equal(rec.trace[0].val, 0xffffffff);
    rec.no_blocks = true;
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR, PORT, 2, 4, 0x8ffc);
    assert_int_equal(rec.trace[1].val, 0);
    assert_int_equal(rec.trace[2].val, 0);
    assert_int_equal(rec.trace[3].val, 0xffff);
    assert_int_equal(rec.trace[4].val, 0xffff);
    /* Reads of the device happen, what they give is lost; beyond the hole it goes on. */
    rec.next = 0;
    rec.count = 0;
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR | IOREQ_DIR_READ, PORT, 4, 1025, 0x8ffe);
    assert_int_equal(rec.count, 1025);
    assert_memory_equal(f.ram + 0x8ffe, "\0\1\x33\x33", 4);
    assert_int_equal(f.ram[0x9fff], 0x33);
    assert_int_equal(f.ram[0xa000], (4096 + 2) & 0xff);
    /* At the very end of the address space, and around it. */
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR | IOREQ_DIR_READ, PORT, 4, 4096, UINT64_MAX - 1);
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR | IOREQ_DF, PORT, 4, 1, 0);
    end();
}

static void bad(unsigned type, uint64_t addr, unsigned size, uint32_t count)
{
    static const unsigned flags[] = { 0, IOREQ_DATA_IS_PTR, IOREQ_DF };
    unsigned seen = rec.count;

    for (unsigned i = 0; i < DM_ARRAY_LEN(flags); i++) {
        assert_true(ask(type, flags[i] | IOREQ_DIR_READ, addr, size, count, 0x1000) == UINT64_MAX);
        assert_int_equal(ask(type, flags[i], addr, size, count, 0x1000), 0x1000);
    }
    assert_int_equal(rec.count, seen);
    assert_int_equal(rec.blocks, 0);
}

static void test_bad_requests(void **state)
{
    static const unsigned sizes[] = { 0, 3, 5, 6, 7, 9, 16, 0x80000000, UINT32_MAX };

    start();
    for (unsigned i = 0; i < DM_ARRAY_LEN(sizes); i++) {
        bad(IOREQ_PIO, PORT, sizes[i], 1);
        bad(IOREQ_COPY, MMIO, sizes[i], 1);
        bad(IOREQ_CONFIG, 0, sizes[i], 1);
    }
    bad(IOREQ_PIO, PORT, 8, 1);
    bad(IOREQ_CONFIG, 0, 8, 1);
    /* XSA-199: ports beyond 16 bits, also by their last byte. */
    bad(IOREQ_PIO, 0x10000, 1, 1);
    bad(IOREQ_PIO, 0x10000 + PORT, 1, 1);
    bad(IOREQ_PIO, 0xffff, 2, 1);
    bad(IOREQ_PIO, 0xfffd, 4, 1);
    bad(IOREQ_PIO, UINT64_MAX, 1, 1);
    bad(IOREQ_COPY, MMIO, 4, 0);
    bad(IOREQ_PIO, PORT, 1, 0);
    bad(IOREQ_COPY, MMIO, 1, 4097);
    bad(IOREQ_PIO, PORT, 4, UINT32_MAX);
    for (unsigned type = 3; type < 256; type++)
        if (type != IOREQ_TIMEOFFSET && type != IOREQ_INVALIDATE)
            bad(type, PORT, 1, 1);
    assert_memory_equal(f.ram + 0x1000, "\0\0\0\0", 4);
    /* All this was said, but not line by line. */
    assert_non_null(strstr(f.log, "bad size in a request: type 0 addr 0x300"));
    assert_true(server.errors.total <= DM_LOG_BUDGET_BURST);
    end();
}

static void test_most_elements(void **state)
{
    start();
    rec.no_blocks = false;
    ask(IOREQ_PIO, IOREQ_DATA_IS_PTR | IOREQ_DIR_READ, PORT, 4, 4096, 0x10000);
    assert_int_equal(rec.block_elements, 4096);
    end();
}

static void test_broadcasts(void **state)
{
    start();
    assert_int_equal(ask(IOREQ_INVALIDATE, 0, 0, 0, 0, UINT64_MAX), UINT64_MAX);
    assert_int_equal(invalidates, 1);
    ask(IOREQ_TIMEOFFSET, IOREQ_DIR_READ, 0, 8, 1, 5);
    assert_int_equal(invalidates, 1);
    assert_int_equal(notified[0], 2);
    assert_int_equal(f.log_len, 0);
    end();
}

static void test_pci_config(void **state)
{
    static const struct dm_pci_info info = { .vendor = 0x8086 };
    static const struct dm_class class = { .name = "function", .pci = &info };
    struct dm_pci_device dev;
    uint64_t at = (uint64_t)PCI_DEVFN(3, 1) << 32;

    start();
    memset(&dev, 0, sizeof(dev));
    dev.dev.class = &class;
    dev.dev.machine = &f.machine;
    dm_put_le(dev.config, 4, 0x12348086);
    dm_put_le(dev.config + 4, 4, 0xaabbccdd);
    f.machine.pci.fn[PCI_DEVFN(3, 1)] = &dev;
    assert_int_equal(ask(IOREQ_CONFIG, IOREQ_DIR_READ, at, 4, 1, SENTINEL), 0x12348086);
    assert_int_equal(ask(IOREQ_CONFIG, IOREQ_DIR_READ, at | 2, 2, 1, 0), 0x1234);
    assert_int_equal(ask(IOREQ_CONFIG, IOREQ_DIR_READ, at | 7, 1, 1, 0), 0xaa);
    assert_int_equal(ask(IOREQ_CONFIG, IOREQ_DIR_READ, at | 256, 4, 1, 0), 0xffffffff);
    assert_int_equal(ask(IOREQ_CONFIG, IOREQ_DIR_READ, at | 0xfffffffd, 2, 1, 0), 0xffff);
    /* Another function, bus 1, segment 1: nobody. */
    assert_int_equal(ask(IOREQ_CONFIG, IOREQ_DIR_READ, at + (1ull << 32), 2, 1, 0), 0xffff);
    assert_int_equal(ask(IOREQ_CONFIG, IOREQ_DIR_READ, at | 1ull << 40, 4, 1, 0), 0xffffffff);
    assert_int_equal(ask(IOREQ_CONFIG, IOREQ_DIR_READ, at | 1ull << 48, 1, 1, 0), 0xff);
    ask(IOREQ_CONFIG, 0, at | 1ull << 40, 4, 1, 0);
    /* rep insl from CFC: one register, count times. */
    ask(IOREQ_CONFIG, IOREQ_DIR_READ | IOREQ_DATA_IS_PTR, at, 4, 2, 0x1000);
    assert_memory_equal(f.ram + 0x1000, "\x86\x80\x34\x12\x86\x80\x34\x12\0", 9);
    dev.wmask[0x40] = 0xff;
    ask(IOREQ_CONFIG, 0, at | 0x40, 1, 1, 0x1ff);
    assert_int_equal(dev.config[0x40], 0xff);
    f.machine.pci.fn[PCI_DEVFN(3, 1)] = NULL;
    end();
}

static void test_buffered(void **state)
{
    start();
    buffer(IOREQ_COPY, VGA + 1, 0, 0xffffff12);
    buffer(IOREQ_COPY, VGA + 0x1fffe, 1, 0x3456);
    buffer(IOREQ_COPY, VGA + 8, 2, 0x12345678);
    buffer(IOREQ_PIO, PORT, 0, 0x42);
    assert_int_equal(ioreq_server_poll(&server), 4);
    assert_int_equal(ring.read_pointer, 4);
    assert_false(ioreq_server_more(&server));
    assert_int_equal(rec.count, 4);
    assert_int_equal(rec.trace[0].off, 1);
    assert_int_equal(rec.trace[0].val, 0x12);
    assert_int_equal(rec.trace[1].off, 0x1fffe);
    assert_int_equal(rec.trace[1].val, 0x3456);
    assert_int_equal(rec.trace[1].size, 2);
    assert_int_equal(rec.trace[2].val, 0x12345678);
    assert_int_equal(rec.trace[3].val, 0x42);
    assert_int_equal(notifies, 0);
    end();
}

static void test_buffered_eight_bytes(void **state)
{
    start();
    ring.read_pointer = ring.write_pointer = IOREQ_RING_SLOTS - 1; /* the halves lie apart */
    buffer(IOREQ_COPY, VGA, 3, 0x11223344);
    buffer(0xee, 0xeeeee, 3, 0x55667788); /* only data counts */
    buffer(IOREQ_COPY, VGA + 8, 0, 1);
    buffer(IOREQ_TIMEOFFSET, 0, 3, 1);
    buffer(IOREQ_TIMEOFFSET, 0, 3, 0);
    assert_int_equal(ioreq_server_poll(&server), 5);
    assert_int_equal(rec.count, 2);
    assert_true(rec.trace[0].val == 0x5566778811223344);
    assert_int_equal(rec.trace[0].size, 8);
    assert_int_equal(rec.trace[1].off, 8);
    assert_int_equal(ring.read_pointer, ring.write_pointer);
    /* The second half is not there. */
    buffer(IOREQ_COPY, VGA, 3, 1);
    assert_int_equal(ioreq_server_poll(&server), 1);
    assert_int_equal(rec.count, 2);
    assert_int_equal(ring.read_pointer, ring.write_pointer);
    assert_non_null(strstr(f.log, "half of a buffered request"));
    end();
}

static void test_buffered_before_sync(void **state)
{
    start();
    buffer(IOREQ_COPY, VGA, 0, 0xaa);
    post(0, IOREQ_COPY, IOREQ_DIR_READ, VGA, 1, 1, 0);
    assert_int_equal(ioreq_server_poll(&server), 2);
    assert_true(rec.trace[0].write);
    assert_false(rec.trace[1].write);
    end();
}

static void test_ring_wraps_and_is_bounded(void **state)
{
    start();
    ring.read_pointer = ring.write_pointer = UINT32_MAX - 3; /* free-running */
    for (unsigned round = 0; round < 5; round++) {
        rec.count = 0;
        for (unsigned i = 0; i < 300; i++)
            buffer(IOREQ_COPY, VGA + i, 0, i & 0xff);
        assert_int_equal(ioreq_server_poll(&server), 300);
        assert_int_equal(ring.read_pointer, ring.write_pointer);
        for (unsigned i = 0; i < 300 && round; i++)
            assert_int_equal(rec.trace[i].off, i);
    }
    end();
}

/* A device that makes the guest post another write each time one is served. */
static void endless_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
    rec.blocks++;
    buffer(IOREQ_COPY, VGA, 0, 1);
}

static void test_an_endless_ring_leaves_the_loop(void **state)
{
    static const struct dm_region_ops endless = { .write = endless_write };

    start();
    rec.vga.ops = &endless;
    buffer(IOREQ_COPY, VGA, 0, 1);
    assert_int_equal(ioreq_server_poll(&server), IOREQ_RING_SLOTS);
    assert_int_equal(rec.blocks, IOREQ_RING_SLOTS);
    assert_true(ioreq_server_more(&server));
    assert_true(ioreq_server_asked(&server));
    post(0, IOREQ_PIO, IOREQ_DIR_READ, PORT, 1, 1, 0);
    assert_int_equal(ioreq_server_poll(&server), IOREQ_RING_SLOTS + 1);
    end();
}

static void test_garbage_in_the_ring(void **state)
{
    static const uint32_t far[] = { 512, 1000, 0x80000000, UINT32_MAX };

    start();
    for (unsigned i = 0; i < DM_ARRAY_LEN(far); i++) {
        ring.read_pointer = 5;
        ring.write_pointer = 5 + far[i];
        ioreq_server_poll(&server);
        assert_int_equal(ring.read_pointer, ring.write_pointer);
        assert_int_equal(rec.count, 0);
    }
    assert_non_null(strstr(f.log, "buffered ring is corrupt"));
    /* Entries that no one may buffer. */
    buffer(IOREQ_COPY, VGA, 0, 1);
    ring.entry[(ring.write_pointer - 1) % IOREQ_RING_SLOTS].bits |= IOREQ_ENTRY_READ;
    buffer(IOREQ_INVALIDATE, 0, 0, 0);
    buffer(IOREQ_CONFIG, 0, 2, 0);
    buffer(200, 0, 2, 0);
    buffer(IOREQ_PIO, PORT, 3, 0);
    buffer(IOREQ_PIO, PORT, 3, 0);
    buffer(IOREQ_PIO, 0x10000, 0, 0);
    assert_int_equal(ioreq_server_poll(&server), 7);
    assert_int_equal(rec.count, 0);
    assert_int_equal(invalidates, 0);
    end();
}

UNIT_MAIN(cmocka_unit_test(test_pio), cmocka_unit_test(test_other_states_are_left_alone),
          cmocka_unit_test(test_every_vcpu_in_one_turn),
          cmocka_unit_test(test_nothing_before_attach), cmocka_unit_test(test_mmio),
          cmocka_unit_test(test_stos_to_registers),
          cmocka_unit_test(test_copy_between_memory_and_registers), cmocka_unit_test(test_rep_ins),
          cmocka_unit_test(test_rep_outs), cmocka_unit_test(test_elements_across_pages),
          cmocka_unit_test(test_unpopulated_memory), cmocka_unit_test(test_bad_requests),
          cmocka_unit_test(test_most_elements), cmocka_unit_test(test_broadcasts),
          cmocka_unit_test(test_pci_config), cmocka_unit_test(test_buffered),
          cmocka_unit_test(test_buffered_eight_bytes), cmocka_unit_test(test_buffered_before_sync),
          cmocka_unit_test(test_ring_wraps_and_is_bounded),
          cmocka_unit_test(test_an_endless_ring_leaves_the_loop),
          cmocka_unit_test(test_garbage_in_the_ring))
