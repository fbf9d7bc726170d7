/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/classes.h"
#include "tests/unit/unit.h"

static const struct dm_class *const classes[] = { &uart16550_class, NULL };

#define COM1 0x3f8
enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };

struct bench {
    struct fake f;
    struct fake_chardev *chr;
    void *dev;
};

static void bench_init(struct bench *b)
{
    fake_init(&b->f, classes);
    b->chr = fake_chardev_create(&b->f, "serial0");
    b->dev = fake_device(&b->f, "isa-serial", "chardev=serial0,index=0");
}

static uint8_t in(struct bench *b, unsigned reg)
{
    return (uint8_t)fake_in(&b->f, (uint16_t)(COM1 + reg), 1);
}

static void out(struct bench *b, unsigned reg, uint8_t val)
{
    fake_out(&b->f, (uint16_t)(COM1 + reg), 1, val);
}

static void send(struct bench *b, const char *text)
{
    assert_int_equal(fake_chardev_send(b->chr, text, strlen(text)), strlen(text));
}

static void test_registers_at_reset(void **state)
{
    struct bench b;

    bench_init(&b);
    assert_int_equal(in(&b, IER), 0);
    assert_int_equal(in(&b, IIR), 0x01);
    assert_int_equal(in(&b, LCR), 0);
    assert_int_equal(in(&b, MCR), 0);
    assert_int_equal(in(&b, LSR), 0x60);
    assert_int_equal(in(&b, MSR), 0xb0);
    assert_int_equal(in(&b, SCR), 0);
    out(&b, IER, 0xff);
    assert_int_equal(in(&b, IER), 0x0f);
    out(&b, MCR, 0xef);
    assert_int_equal(in(&b, MCR), 0x0f);
    out(&b, SCR, 0x5a);
    assert_int_equal(in(&b, SCR), 0x5a);
    out(&b, LSR, 0xff);
    out(&b, MSR, 0xff);
    assert_int_equal(in(&b, LSR), 0x60);
    assert_int_equal(in(&b, MSR), 0xb0);
    out(&b, LCR, 0x83);
    out(&b, DATA, 0x34);
    out(&b, IER, 0x12);
    assert_int_equal(in(&b, DATA), 0x34);
    assert_int_equal(in(&b, IER), 0x12);
    out(&b, LCR, 0x03);
    assert_int_equal(in(&b, IER), 0x0f);
    dm_device_reset(b.dev);
    assert_int_equal(in(&b, IER), 0);
    assert_false(b.f.isa[4]);
    fake_finish(&b.f);
}

static void test_transmit_polled(void **state)
{
    struct bench b;

    bench_init(&b);
    for (const char *p = "hello"; *p; p++) {
        out(&b, DATA, (uint8_t)*p);
        assert_int_equal(in(&b, LSR) & 0x60, 0x60);
    }
    assert_int_equal(b.chr->out_len, 5);
    assert_memory_equal(b.chr->out, "hello", 5);
    /* Nobody looks: it leaves by itself, soon. */
    out(&b, DATA, '!');
    fake_advance(&b.f, 100 * DM_NS_PER_US);
    assert_int_equal(b.chr->out_len, 6);
    /* Without FIFOs a burst is not lost. */
    for (unsigned i = 0; i < 100; i++)
        out(&b, DATA, 'x');
    fake_advance(&b.f, DM_NS_PER_MS);
    assert_int_equal(b.chr->out_len, 106);
    assert_int_equal(dm_clock_deadline(&b.f.clock), DM_NEVER);
    fake_finish(&b.f);
}

static void test_thre_interrupt(void **state)
{
    struct bench b;

    bench_init(&b);
    out(&b, IIR, 0x01);
    assert_int_equal(in(&b, IIR), 0xc1);
    out(&b, IER, 0x02); /* enabling it while THR is empty raises it */
    assert_true(b.f.isa[4]);
    assert_int_equal(in(&b, IIR), 0xc2);
    assert_false(b.f.isa[4]); /* reading IIR clears it */
    assert_int_equal(in(&b, IIR), 0xc1);
    for (unsigned i = 0; i < 16; i++)
        out(&b, DATA, (uint8_t)('a' + i));
    assert_false(b.f.isa[4]);
    fake_advance(&b.f, DM_NS_PER_MS);
    assert_true(b.f.isa[4]);
    assert_int_equal(b.f.isa_rises[4], 2); /* one interrupt for sixteen bytes */
    assert_int_equal(b.chr->out_len, 16);
    out(&b, DATA, 'z'); /* writing THR clears it too */
    assert_false(b.f.isa[4]);
    out(&b, IER, 0); /* empties first; disabled it does not interrupt */
    assert_false(b.f.isa[4]);
    out(&b, IER, 0x02);
    assert_true(b.f.isa[4]);
    assert_int_equal(in(&b, IIR), 0xc2);
    fake_finish(&b.f);
}

static void test_receive_without_fifos(void **state)
{
    struct bench b;

    bench_init(&b);
    out(&b, IER, 0x01);
    send(&b, "A");
    assert_int_equal(dm_chardev_room(&b.chr->chr), 0);
    assert_true(b.f.isa[4]);
    assert_int_equal(in(&b, IIR), 0x04);
    assert_int_equal(in(&b, LSR), 0x61);
    assert_int_equal(in(&b, DATA), 'A');
    assert_false(b.f.isa[4]);
    assert_int_equal(in(&b, LSR), 0x60);
    assert_int_equal(in(&b, DATA), 'A'); /* empty: the last one again */
    assert_int_equal(dm_chardev_room(&b.chr->chr), 1);
    fake_finish(&b.f);
}

static void test_trigger_and_timeout(void **state)
{
    static const uint8_t trigger[4] = { 1, 4, 8, 14 };
    struct bench b;

    bench_init(&b);
    out(&b, LCR, 0x83);
    out(&b, DATA, 1); /* 115200 8N1: 4 characters are 347 us */
    out(&b, IER, 0);
    out(&b, LCR, 0x03);
    for (unsigned t = 0; t < 4; t++) {
        out(&b, IIR, (uint8_t)(t << 6 | 0x07));
        out(&b, IER, 0x01);
        for (unsigned i = 1; i < trigger[t]; i++) {
            send(&b, "x");
            assert_false(b.f.isa[4]);
        }
        send(&b, "y");
        assert_true(b.f.isa[4]);
        assert_int_equal(in(&b, IIR), 0xc4);
        for (unsigned i = 0; i < trigger[t]; i++)
            in(&b, DATA);
        assert_false(b.f.isa[4]);
    }
    send(&b, "pq");
    fake_advance(&b.f, 300 * DM_NS_PER_US);
    assert_false(b.f.isa[4]);
    fake_advance(&b.f, 50 * DM_NS_PER_US);
    assert_true(b.f.isa[4]);
    assert_int_equal(in(&b, IIR), 0xcc);
    assert_int_equal(in(&b, DATA), 'p'); /* a read begins the time anew */
    assert_false(b.f.isa[4]);
    fake_advance(&b.f, DM_NS_PER_MS);
    assert_int_equal(in(&b, IIR), 0xcc);
    assert_int_equal(in(&b, DATA), 'q');
    fake_advance(&b.f, DM_NS_PER_MS);
    assert_int_equal(in(&b, IIR), 0xc1);
    assert_int_equal(dm_clock_deadline(&b.f.clock), DM_NEVER);
    fake_finish(&b.f);
}

static void test_fifo_reset_and_room(void **state)
{
    struct bench b;

    bench_init(&b);
    out(&b, IIR, 0x01);
    assert_int_equal(fake_chardev_send(b.chr, "0123456789abcdefgh", 18), 16);
    assert_int_equal(in(&b, DATA), '0');
    out(&b, IIR, 0x03);
    assert_int_equal(in(&b, LSR), 0x60);
    send(&b, "z");
    out(&b, IIR, 0x02); /* bit 0 clear: the mode changes, and that empties both */
    assert_int_equal(in(&b, LSR), 0x60);
    assert_int_equal(in(&b, IIR), 0x01);
    out(&b, IIR, 0xc8); /* without bit 0 nothing is programmed */
    out(&b, IER, 0x01);
    send(&b, "z");
    assert_true(b.f.isa[4]);
    fake_finish(&b.f);
}

static void test_loopback(void **state)
{
    struct bench b;

    bench_init(&b);
    out(&b, LCR, 0x03);
    out(&b, MCR, 0x1f);
    assert_int_equal(in(&b, MSR) & 0xf0, 0xf0);
    assert_int_equal(in(&b, MSR), 0xf0); /* deltas are gone */
    out(&b, MCR, 0x1a);                  /* Linux's test for a UART */
    assert_int_equal(in(&b, MSR), 0x90 | 0x06);
    out(&b, IER, 0x08);
    out(&b, MCR, 0x1b);
    assert_true(b.f.isa[4]);
    assert_int_equal(in(&b, IIR), 0x00);
    assert_int_equal(in(&b, MSR), 0xb2);
    assert_false(b.f.isa[4]);

    out(&b, DATA, 0xa5);
    assert_int_equal(in(&b, LSR), 0x61);
    assert_int_equal(in(&b, DATA), 0xa5);
    assert_int_equal(b.chr->out_len, 0);
    assert_int_equal(dm_chardev_room(&b.chr->chr), 0);
    out(&b, LCR, 0x00); /* five bits */
    out(&b, DATA, 0xff);
    assert_int_equal(in(&b, DATA), 0x1f);

    /* Overrun, with its interrupt. */
    out(&b, IER, 0x05);
    out(&b, LCR, 0x03);
    out(&b, DATA, 1);
    out(&b, DATA, 2);
    assert_int_equal(in(&b, IIR), 0x06);
    assert_int_equal(in(&b, LSR), 0x63);
    assert_int_equal(in(&b, IIR), 0x04);
    assert_int_equal(in(&b, DATA), 2); /* without FIFOs the newer stays */
    out(&b, IIR, 0x01);
    for (uint8_t i = 0; i < 17; i++) {
        out(&b, DATA, i);
        fake_advance(&b.f, DM_NS_PER_MS);
    }
    assert_int_equal(in(&b, LSR), 0x63);
    for (uint8_t i = 0; i < 16; i++)
        assert_int_equal(in(&b, DATA), i);
    assert_int_equal(in(&b, LSR), 0x60);

    /* A break behind a good byte shows when it is at the top. */
    out(&b, DATA, 7);
    out(&b, LCR, 0x43);
    assert_int_equal(in(&b, LSR), 0xe1);
    assert_int_equal(in(&b, DATA), 7);
    assert_int_equal(in(&b, IIR), 0xc6);
    assert_int_equal(in(&b, LSR), 0xf1);
    assert_int_equal(in(&b, LSR), 0x61);
    assert_int_equal(in(&b, DATA), 0);

    out(&b, MCR, 0x0b);
    assert_int_equal(in(&b, MSR) & 0xf0, 0xb0);
    assert_int_equal(dm_chardev_room(&b.chr->chr), 16);
    fake_finish(&b.f);
}

static void test_host_takes_nothing(void **state)
{
    struct bench b;

    bench_init(&b);
    out(&b, IIR, 0x01);
    out(&b, IER, 0x02);
    in(&b, IIR);
    b.chr->out_room = 2;
    for (const char *p = "abcdef"; *p; p++)
        out(&b, DATA, (uint8_t)*p);
    assert_int_equal(in(&b, LSR), 0x00); /* four wait: THR is not empty */
    assert_int_equal(b.chr->out_len, 2);
    assert_false(b.f.isa[4]);
    for (unsigned i = 0; i < 20; i++) /* beyond the FIFO: lost */
        out(&b, DATA, 'x');
    b.chr->out_room = SIZE_MAX;
    dm_chardev_writable(&b.chr->chr);
    assert_int_equal(b.chr->out_len, 18);
    assert_memory_equal(b.chr->out, "abcdefxxxxxxxxxxxx", 18);
    assert_int_equal(in(&b, LSR), 0x60);
    assert_true(b.f.isa[4]);

    /* It never takes them: half a second, then they are dropped, and later ones at once. */
    b.chr->out_room = 0;
    out(&b, DATA, 'y');
    assert_int_equal(in(&b, LSR), 0x00);
    fake_advance(&b.f, 400 * DM_NS_PER_MS);
    assert_int_equal(in(&b, LSR), 0x00);
    fake_advance(&b.f, 200 * DM_NS_PER_MS);
    assert_int_equal(in(&b, LSR), 0x60);
    assert_true(b.f.isa[4]);
    out(&b, DATA, 'y');
    assert_int_equal(in(&b, LSR), 0x60);
    b.chr->out_room = SIZE_MAX;
    dm_chardev_writable(&b.chr->chr);
    out(&b, DATA, 'z');
    in(&b, LSR);
    assert_int_equal(b.chr->out[b.chr->out_len - 1], 'z');
    b.chr->out_room = 0;
    out(&b, DATA, 'y'); /* and it is waited for again */
    assert_int_equal(in(&b, LSR), 0x00);
    out(&b, IIR, 0x05); /* a reset of the FIFO drops it */
    assert_int_equal(in(&b, LSR), 0x60);
    fake_finish(&b.f);
}

static void test_divisor_zero(void **state)
{
    struct bench b;

    bench_init(&b);
    out(&b, LCR, 0x83);
    out(&b, DATA, 0);
    out(&b, IER, 0);
    out(&b, LCR, 0x03);
    out(&b, IIR, 0x81);
    out(&b, IER, 0x01);
    send(&b, "x");
    fake_advance(&b.f, DM_NS_PER_MS);
    assert_int_equal(in(&b, IIR), 0xcc);
    fake_finish(&b.f);
}

static void test_shared_line(void **state)
{
    struct bench b;
    struct fake_chardev *chr;
    void *com3;

    bench_init(&b);
    chr = fake_chardev_create(&b.f, "serial2");
    fake_device(&b.f, "isa-serial", ""); /* COM2 */
    com3 = fake_device(&b.f, "isa-serial", "chardev=serial2");
    assert_non_null(dm_space_find(&b.f.machine.io, 0x2f8));
    fake_out(&b.f, 0x3e9, 1, 0x01);
    out(&b, IER, 0x01);
    send(&b, "a");
    fake_chardev_send(chr, "b", 1);
    assert_true(b.f.isa[4]);
    in(&b, DATA);
    assert_true(b.f.isa[4]); /* COM3 still wants it */
    assert_int_equal(b.f.isa_rises[4], 1);
    send(&b, "c");
    assert_int_equal(fake_in(&b.f, 0x3e8, 1), 'b');
    assert_true(b.f.isa[4]);
    in(&b, DATA);
    assert_false(b.f.isa[4]);
    send(&b, "d");
    assert_true(b.f.isa[4]);
    assert_null(fake_state_roundtrip(&b.f, com3));
    assert_true(b.f.isa[4]);
    in(&b, DATA);
    assert_false(b.f.isa[4]);
    fake_chardev_send(chr, "e", 1);
    assert_true(b.f.isa[4]);
    dm_device_destroy(com3);
    assert_false(b.f.isa[4]);
    fake_finish(&b.f);
}

static unsigned accepted;

static void count_accept(struct dm_chardev *chr)
{
    accepted += dm_chardev_room(chr) != 0;
}

/* Whatever makes room tells the host, which waits for that. */
static void test_host_is_told_of_room(void **state)
{
    struct dm_chardev_ops ops;
    struct bench b;

    bench_init(&b);
    ops = *b.chr->chr.ops;
    ops.accept_input = count_accept;
    b.chr->chr.ops = &ops;
    send(&b, "a");
    accepted = 0;
    in(&b, DATA);
    assert_int_equal(accepted, 1);
    out(&b, MCR, 0x10);
    accepted = 0;
    out(&b, MCR, 0x00);
    assert_int_equal(accepted, 1);
    send(&b, "a");
    accepted = 0;
    out(&b, IIR, 0x01); /* the FIFO comes on, empty */
    assert_true(accepted > 0);
    send(&b, "0123456789abcdef");
    out(&b, IIR, 0x01);
    accepted = 0;
    for (unsigned i = 0; i < 16; i++)
        in(&b, DATA);
    assert_int_equal(accepted, 9); /* from half empty on */
    send(&b, "a");
    accepted = 0;
    out(&b, IIR, 0x03);
    assert_true(accepted > 0);
    send(&b, "0123456789abcdef");
    accepted = 0;
    dm_device_reset(b.dev);
    assert_true(accepted > 0);
    fake_finish(&b.f);
}

static void refuse(struct bench *b, const char *key, const char *value, const char *text)
{
    struct dm_option opt = { key, value };
    struct dm_error err = { "" };

    assert_null(dm_device_create(&b->f.machine, "isa-serial", &opt, 1, &err));
    if (!strstr(err.text, text))
        fail_msg("'%s' does not say '%s'", err.text, text);
}

static void test_options(void **state)
{
    struct bench b;

    bench_init(&b);
    refuse(&b, "index", "4", "index '4' is not 0 to 3");
    refuse(&b, "index", "0", "I/O ports 0x3f8: File exists");
    refuse(&b, "irq", "16", "irq 16");
    refuse(&b, "iobase", "0xfff9", "iobase");
    refuse(&b, "chardev", "serial0", "used by another");
    fake_device(&b.f, "isa-serial", "iobase=0x220,irq=5");
    fake_out(&b.f, 0x221, 1, 0x02);
    assert_true(b.f.isa[5]);
    fake_device(&b.f, "isa-serial", "");
    fake_device(&b.f, "isa-serial", "");
    fake_device(&b.f, "isa-serial", "");
    refuse(&b, "irq", "7", "all four COM ports are taken");
    fake_finish(&b.f);
}

static void test_state(void **state)
{
    struct dm_buf buf = { 0 };
    struct dm_error err;
    struct bench b;
    uint8_t *at;

    bench_init(&b);
    out(&b, LCR, 0x1b);
    out(&b, IIR, 0xc1);
    out(&b, IER, 0x0f);
    out(&b, SCR, 0x77);
    in(&b, IIR);
    send(&b, "abc");
    b.chr->out_room = 0;
    out(&b, DATA, 'q');
    assert_null(fake_state_roundtrip(&b.f, b.dev));
    assert_int_equal(in(&b, SCR), 0x77);
    assert_int_equal(in(&b, DATA), 'a');
    b.chr->out_room = SIZE_MAX;
    dm_chardev_writable(&b.chr->chr);
    assert_int_equal(b.chr->out[0], 'q');

    /* Indices beyond the FIFO are refused: rx_head and rx_count are behind 8 + 32 bytes. */
    for (unsigned i = 0; i < 2; i++) {
        dm_device_save(b.dev, &buf);
        at = buf.data + 8 + 32 + i;
        *at = (uint8_t)(17 + i);
        assert_int_equal(dm_device_load(b.dev, buf.data, buf.len, 1, &err), -22);
        dm_buf_finish(&buf);
        buf = (struct dm_buf) { 0 };
    }
    assert_int_equal(in(&b, LSR), 0x60);
    fake_finish(&b.f);
}

UNIT_MAIN(cmocka_unit_test(test_registers_at_reset), cmocka_unit_test(test_transmit_polled),
          cmocka_unit_test(test_thre_interrupt), cmocka_unit_test(test_receive_without_fifos),
          cmocka_unit_test(test_trigger_and_timeout), cmocka_unit_test(test_fifo_reset_and_room),
          cmocka_unit_test(test_loopback), cmocka_unit_test(test_host_takes_nothing),
          cmocka_unit_test(test_host_is_told_of_room), cmocka_unit_test(test_divisor_zero),
          cmocka_unit_test(test_shared_line), cmocka_unit_test(test_options),
          cmocka_unit_test(test_state))
