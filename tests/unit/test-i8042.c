/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/classes.h"
#include "tests/unit/unit.h"

#include <stdio.h>

static const struct dm_class *const classes[] = { &i8042_class, NULL };

struct bench {
    struct fake f;
    void *dev;
    unsigned leds;
};

static void bench_leds(void *opaque, unsigned leds)
{
    ((struct bench *)opaque)->leds = leds;
}

static void bench_init(struct bench *b)
{
    fake_init(&b->f, classes);
    b->leds = ~0u;
    b->f.machine.input.leds_changed = bench_leds;
    b->f.machine.input.leds_opaque = b;
    b->dev = fake_device(&b->f, "i8042", "");
}

static uint8_t status(struct bench *b)
{
    return (uint8_t)fake_in(&b->f, 0x64, 1);
}

static void command(struct bench *b, uint8_t byte)
{
    fake_out(&b->f, 0x64, 1, byte);
}

static void data(struct bench *b, uint8_t byte)
{
    fake_out(&b->f, 0x60, 1, byte);
}

static void mode(struct bench *b, uint8_t byte)
{
    command(b, 0x60);
    data(b, byte);
}

/* The bytes that come, from aux or not, are these and no more. */
static void expect_bytes(struct bench *b, bool aux, const uint8_t *bytes, size_t len)
{
    char got[200] = "", want[200] = "";
    size_t n = 0, w = 0;

    for (size_t i = 0; i < len; i++)
        w += (size_t)snprintf(want + w, sizeof(want) - w, " %02x", bytes[i]);
    for (unsigned i = 0; i < 32; i++) {
        uint8_t s = status(b);

        if (s & 0x01) {
            bool from_aux = s & 0x20;

            n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%02x",
                                  from_aux == aux ? " " : " other:", fake_in(&b->f, 0x60, 1));
        }
        fake_advance(&b->f, DM_NS_PER_MS);
    }
    assert_string_equal(got, want);
}

#define expect(b, aux, ...)                                             \
    do {                                                                \
        const uint8_t bytes_[] = { __VA_ARGS__ };                       \
        expect_bytes(b, aux, bytes_, sizeof(bytes_) / sizeof(uint8_t)); \
    } while (0)
#define expect_kbd(b, ...) expect(b, false, __VA_ARGS__)
#define expect_aux(b, ...) expect(b, true, __VA_ARGS__)

static void expect_none(struct bench *b)
{
    expect_bytes(b, false, NULL, 0);
}

static void key(struct bench *b, unsigned code, bool down)
{
    dm_input_key(&b->f.machine.input, code, down);
}

static void aux(struct bench *b, uint8_t byte)
{
    command(b, 0xd4);
    data(b, byte);
}

static void motion(struct bench *b, int dx, int dy, int dz, unsigned buttons)
{
    dm_input_motion(&b->f.machine.input, dx, dy, dz, buttons);
}

static void test_reset(void **state)
{
    struct bench b;

    bench_init(&b);
    assert_int_equal(status(&b), 0x18);
    assert_int_equal(b.leds, 0);
    command(&b, 0x20);
    assert_int_equal(status(&b), 0x19);
    expect_kbd(&b, 0x03);
    command(&b, 0xd0);
    expect_kbd(&b, 0xcf);
    expect_none(&b);
    assert_false(b.f.isa[1]);
    assert_int_equal(dm_clock_deadline(&b.f.clock), DM_NEVER);
    fake_finish(&b.f);
}

static void test_controller_commands(void **state)
{
    struct bench b;

    bench_init(&b);
    command(&b, 0xaa);
    assert_int_equal(status(&b) & 0x0d, 0x0d);
    expect_kbd(&b, 0x55);
    command(&b, 0xab);
    expect_kbd(&b, 0x00);
    command(&b, 0xa9);
    expect_kbd(&b, 0x00);
    command(&b, 0xa4);
    expect_kbd(&b, 0xf1);
    command(&b, 0xc0);
    expect_kbd(&b, 0x80);
    mode(&b, 0x47);
    assert_int_equal(status(&b) & 0x08, 0);
    command(&b, 0x20);
    expect_kbd(&b, 0x47);
    command(&b, 0xa7);
    command(&b, 0xad);
    command(&b, 0x20);
    expect_kbd(&b, 0x77);
    command(&b, 0xa8);
    command(&b, 0xae);
    command(&b, 0x20);
    expect_kbd(&b, 0x47);
    command(&b, 0x7f);
    data(&b, 0x5a);
    command(&b, 0x3f);
    expect_kbd(&b, 0x5a);
    command(&b, 0xd2);
    data(&b, 0x11);
    expect_kbd(&b, 0x11);
    command(&b, 0xd3); /* Linux's test for an auxiliary port */
    data(&b, 0x5a);
    assert_true(b.f.isa[12]);
    assert_false(b.f.isa[1]);
    expect_aux(&b, 0x5a);
    assert_false(b.f.isa[12]);
    command(&b, 0xdd);
    command(&b, 0xd0);
    expect_kbd(&b, 0xcd);
    command(&b, 0xdf);
    command(&b, 0xd0);
    expect_kbd(&b, 0xcf);
    command(&b, 0xd1);
    data(&b, 0xdd);
    command(&b, 0xd0);
    expect_kbd(&b, 0xcd);
    assert_int_equal(b.f.shutdown, -1);
    assert_int_equal(b.f.log_len, 0);
    command(&b, 0x99);
    assert_non_null(strstr(b.f.log, "keyboard controller command 0x99"));
    expect_none(&b);
    fake_finish(&b.f);
}

static void test_machine_reset(void **state)
{
    struct bench b;

    for (unsigned way = 0; way < 3; way++) {
        bench_init(&b);
        command(&b, 0xff); /* pulses nothing */
        assert_int_equal(b.f.shutdown, -1);
        command(&b, way == 0 ? 0xfe : way == 1 ? 0xf0 : 0xd1);
        if (way == 2)
            data(&b, 0xce);
        assert_int_equal(b.f.shutdown, DM_SHUTDOWN_REBOOT);
        fake_finish(&b.f);
    }
}

static void test_interrupts(void **state)
{
    struct bench b;

    bench_init(&b);
    mode(&b, 0x00);
    key(&b, 30, true);
    assert_int_equal(status(&b) & 0x21, 0x01);
    assert_false(b.f.isa[1]);
    mode(&b, 0x01); /* enabled with a byte there */
    assert_true(b.f.isa[1]);
    key(&b, 30, false);
    assert_int_equal(b.f.isa_rises[1], 1);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0x1c);
    assert_false(b.f.isa[1]);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0x1c); /* read twice it is the same byte */
    assert_int_equal(status(&b) & 0x01, 0);
    fake_advance(&b.f, DM_NS_PER_MS);
    assert_true(b.f.isa[1]);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0xf0);
    fake_advance(&b.f, DM_NS_PER_MS);
    assert_int_equal(b.f.isa_rises[1], 3);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0x1c);
    assert_int_equal(dm_clock_deadline(&b.f.clock), DM_NEVER);

    /* An answer of the controller waits for the byte before it, and has an edge of its own. */
    key(&b, 1, true);
    command(&b, 0xaa);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0x76);
    assert_true(b.f.isa[1]);
    assert_int_equal(b.f.isa_rises[1], 5);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0x55);

    /* Interfaces that are off: bytes wait. */
    mode(&b, 0x13);
    key(&b, 1, false);
    expect_none(&b);
    command(&b, 0xae);
    expect_kbd(&b, 0xf0, 0x76);
    mode(&b, 0x23);
    key(&b, 2, true);
    expect_kbd(&b, 0x16);
    aux(&b, 0xf4); /* sending turns it on */
    assert_true(b.f.isa[12]);
    expect_aux(&b, 0xfa);
    fake_finish(&b.f);
}

static void test_keyboard_commands(void **state)
{
    struct bench b;

    bench_init(&b);
    data(&b, 0xff);
    expect_kbd(&b, 0xfa, 0xaa);
    data(&b, 0xee);
    expect_kbd(&b, 0xee);
    data(&b, 0xf2);
    expect_kbd(&b, 0xfa, 0xab, 0x83);
    data(&b, 0xed);
    expect_kbd(&b, 0xfa);
    data(&b, 0x05);
    expect_kbd(&b, 0xfa);
    assert_int_equal(b.leds, DM_LED_CAPS | DM_LED_SCROLL);
    data(&b, 0xed);
    expect_kbd(&b, 0xfa);
    data(&b, 0xf4); /* a command in place of the parameter */
    expect_kbd(&b, 0xfa);
    data(&b, 0x02);
    expect_kbd(&b, 0xfe);
    assert_int_equal(b.leds, DM_LED_CAPS | DM_LED_SCROLL);
    data(&b, 0xf3);
    expect_kbd(&b, 0xfa);
    data(&b, 0x00);
    expect_kbd(&b, 0xfa);
    data(&b, 0xf0);
    expect_kbd(&b, 0xfa);
    data(&b, 0x00);
    expect_kbd(&b, 0xfa, 0x02);
    data(&b, 0xf0);
    expect_kbd(&b, 0xfa);
    data(&b, 0x04);
    expect_kbd(&b, 0xfe);
    data(&b, 0x01);
    expect_kbd(&b, 0xfa);
    data(&b, 0xf0);
    expect_kbd(&b, 0xfa);
    data(&b, 0x00);
    expect_kbd(&b, 0xfa, 0x01);
    data(&b, 0xfe); /* resend */
    expect_kbd(&b, 0x01);
    data(&b, 0xef);
    expect_kbd(&b, 0xfe);
    data(&b, 0xfe);
    expect_kbd(&b, 0x01);
    data(&b, 0xf5);
    expect_kbd(&b, 0xfa);
    key(&b, 30, true);
    key(&b, 30, false);
    expect_none(&b);
    data(&b, 0xf4);
    expect_kbd(&b, 0xfa);
    key(&b, 30, true);
    expect_kbd(&b, 0x1c); /* set 2 again: F5 set the defaults */
    data(&b, 0xf6);
    expect_kbd(&b, 0xfa);
    /* A reply overtakes keys. */
    key(&b, 30, true);
    key(&b, 31, true);
    data(&b, 0xee);
    expect_kbd(&b, 0x1c, 0xee, 0x1b);
    data(&b, 0xff);
    assert_int_equal(b.leds, 0);
    expect_kbd(&b, 0xfa, 0xaa);
    fake_finish(&b.f);
}

static void test_scan_codes(void **state)
{
    struct bench b;

    bench_init(&b);
    key(&b, 16, true); /* Q, with a repeat of the viewer's */
    key(&b, 16, true);
    key(&b, 16, false);
    key(&b, 16, false);
    expect_kbd(&b, 0x15, 0x15, 0xf0, 0x15);
    key(&b, 103, true); /* up */
    key(&b, 103, false);
    expect_kbd(&b, 0xe0, 0x75, 0xe0, 0xf0, 0x75);
    key(&b, 119, true); /* Pause */
    key(&b, 119, false);
    expect_kbd(&b, 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
    key(&b, 99, true); /* PrintScreen */
    expect_kbd(&b, 0xe0, 0x12, 0xe0, 0x7c);
    key(&b, 99, false);
    expect_kbd(&b, 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);
    key(&b, 42, true);
    key(&b, 99, true);
    key(&b, 42, false);
    key(&b, 99, false);
    expect_kbd(&b, 0x12, 0xe0, 0x7c, 0xf0, 0x12, 0xe0, 0xf0, 0x7c);
    key(&b, 56, true); /* SysRq */
    key(&b, 99, true);
    key(&b, 56, false);
    key(&b, 99, false);
    expect_kbd(&b, 0x11, 0x84, 0xf0, 0x11, 0xf0, 0x84);
    key(&b, 29, true); /* Break */
    key(&b, 119, true);
    key(&b, 119, false);
    key(&b, 29, false);
    expect_kbd(&b, 0x14, 0xe0, 0x7e, 0xe0, 0xf0, 0x7e, 0xf0, 0x14);
    key(&b, 122, true); /* Hangul: no break */
    key(&b, 122, false);
    expect_kbd(&b, 0xf2);
    key(&b, 125, true);
    key(&b, 127, true);
    key(&b, 86, true);
    key(&b, 65, true);
    expect_kbd(&b, 0xe0, 0x1f, 0xe0, 0x2f, 0x61, 0x83);
    key(&b, 84, true); /* no such key */
    key(&b, 255, true);
    key(&b, 0, true);
    key(&b, 0x1000, true);
    expect_none(&b);

    /* Set 1, as the keyboard itself sends it. */
    data(&b, 0xf0);
    data(&b, 0x01);
    expect_kbd(&b, 0xfa, 0xfa);
    key(&b, 30, true);
    key(&b, 30, false);
    key(&b, 97, true);
    key(&b, 97, false);
    expect_kbd(&b, 0x1e, 0x9e, 0xe0, 0x1d, 0xe0, 0x9d);

    /* Set 3, with keys that send no break. */
    data(&b, 0xf0);
    data(&b, 0x03);
    expect_kbd(&b, 0xfa, 0xfa);
    key(&b, 30, true);
    key(&b, 30, false);
    key(&b, 103, true);
    key(&b, 103, false);
    key(&b, 119, true);
    key(&b, 119, false);
    expect_kbd(&b, 0x1c, 0xf0, 0x1c, 0x63, 0xf0, 0x63, 0x62, 0xf0, 0x62);
    data(&b, 0xf9);
    expect_kbd(&b, 0xfa);
    data(&b, 0xfc);
    expect_kbd(&b, 0xfa);
    data(&b, 0x63);
    expect_kbd(&b, 0xfa);
    data(&b, 0xf4);
    expect_kbd(&b, 0xfa);
    key(&b, 30, true);
    key(&b, 30, false);
    key(&b, 103, true);
    key(&b, 103, false);
    expect_kbd(&b, 0x1c, 0x63, 0xf0, 0x63);
    data(&b, 0xfa);
    expect_kbd(&b, 0xfa);
    key(&b, 30, true);
    key(&b, 30, false);
    expect_kbd(&b, 0x1c, 0xf0, 0x1c);
    fake_finish(&b.f);
}

static void test_translation(void **state)
{
    static const struct {
        unsigned code;
        uint8_t set1;
    } keys[] = { { 1, 0x01 },  { 2, 0x02 },  { 14, 0x0e }, { 28, 0x1c },  { 43, 0x2b },
                 { 57, 0x39 }, { 58, 0x3a }, { 59, 0x3b }, { 65, 0x41 },  { 69, 0x45 },
                 { 70, 0x46 }, { 83, 0x53 }, { 86, 0x56 }, { 88, 0x58 },  { 89, 0x73 },
                 { 92, 0x79 }, { 93, 0x70 }, { 94, 0x7b }, { 124, 0x7d }, { 183, 0x64 } };
    struct bench b;

    bench_init(&b);
    mode(&b, 0x43);
    /* Up to F10 and the numeric pad, set 1 is Linux's code itself. */
    for (unsigned code = 1; code <= 83; code++) {
        key(&b, code, true);
        key(&b, code, false);
        expect_kbd(&b, (uint8_t)code, (uint8_t)(code | 0x80));
    }
    for (unsigned i = 0; i < DM_ARRAY_LEN(keys); i++) {
        key(&b, keys[i].code, true);
        key(&b, keys[i].code, false);
        expect_kbd(&b, keys[i].set1, keys[i].set1 | 0x80);
    }
    key(&b, 111, true); /* Delete */
    key(&b, 111, false);
    expect_kbd(&b, 0xe0, 0x53, 0xe0, 0xd3);
    key(&b, 99, true);
    key(&b, 99, false);
    expect_kbd(&b, 0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa);
    key(&b, 119, true);
    expect_kbd(&b, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
    data(&b, 0xf2);
    expect_kbd(&b, 0xfa, 0xab, 0x41);
    data(&b, 0xff);
    expect_kbd(&b, 0xfa, 0xaa);
    fake_finish(&b.f);
}

static void test_queue_is_bounded(void **state)
{
    unsigned makes = 0, breaks = 0, held = 0;
    struct bench b;

    bench_init(&b);
    mode(&b, 0x43);
    for (unsigned i = 0; i < 10000; i++) {
        key(&b, 2 + i % 10, true);
        key(&b, 103, i % 2); /* of three bytes */
    }
    data(&b, 0xee); /* a command is answered all the same */
    for (unsigned code = 0; code < 256; code++)
        key(&b, code, false);
    assert_true(status(&b) & 1);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0x02);
    fake_advance(&b.f, DM_NS_PER_MS);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0xee);
    for (unsigned i = 0; i < 1000; i++) {
        fake_advance(&b.f, DM_NS_PER_MS);
        if (status(&b) & 1) {
            uint8_t byte = (uint8_t)fake_in(&b.f, 0x60, 1);

            if (byte == 0xe0)
                continue;
            makes += !(byte & 0x80);
            breaks += byte >> 7;
            if (byte == 0x03 || byte == 0x83) /* every key that went down comes up */
                held = byte == 0x03;
        }
    }
    assert_true(makes > 20 && makes < 256);
    assert_true(breaks >= 10 && breaks < 256);
    assert_int_equal(held, 0);
    key(&b, 30, true); /* it works again */
    expect_kbd(&b, 0x1e);
    fake_finish(&b.f);
}

static void test_mouse_commands(void **state)
{
    struct bench b;

    bench_init(&b);
    mode(&b, 0x47);
    aux(&b, 0xff);
    expect_aux(&b, 0xfa, 0xaa, 0x00);
    aux(&b, 0xf2);
    expect_aux(&b, 0xfa, 0x00);
    aux(&b, 0xe9);
    expect_aux(&b, 0xfa, 0x00, 2, 100);
    aux(&b, 0xe8);
    expect_aux(&b, 0xfa);
    aux(&b, 0x03);
    expect_aux(&b, 0xfa);
    aux(&b, 0xe8);
    expect_aux(&b, 0xfa);
    aux(&b, 0x04);
    expect_aux(&b, 0xfe);
    aux(&b, 0xf3);
    expect_aux(&b, 0xfa);
    aux(&b, 40);
    expect_aux(&b, 0xfa);
    aux(&b, 0xf3);
    aux(&b, 0);
    expect_aux(&b, 0xfa, 0xfe);
    aux(&b, 0xe7);
    expect_aux(&b, 0xfa);
    aux(&b, 0xf0);
    expect_aux(&b, 0xfa);
    aux(&b, 0xf4);
    expect_aux(&b, 0xfa);
    motion(&b, 0, 0, 0, DM_BUTTON_LEFT | DM_BUTTON_RIGHT);
    aux(&b, 0xe9);
    expect_aux(&b, 0xfa, 0x75, 3, 40);
    motion(&b, 10, -20, 0, DM_BUTTON_MIDDLE);
    expect_none(&b); /* remote mode: only when asked */
    aux(&b, 0xeb);
    expect_aux(&b, 0xfa, 0x0c, 10, 20);
    aux(&b, 0xfe);
    expect_aux(&b, 0xfa, 0x0c, 10, 20);
    aux(&b, 0xeb);
    expect_aux(&b, 0xfa, 0x0c, 0, 0);
    aux(&b, 0xee);
    expect_aux(&b, 0xfa);
    aux(&b, 0xf2);
    expect_aux(&b, 0xf2); /* wrap mode: an echo */
    aux(&b, 0xec);
    expect_aux(&b, 0xfa);
    aux(&b, 0xea);
    expect_aux(&b, 0xfa);
    aux(&b, 0xe1);
    expect_aux(&b, 0xfe);
    aux(&b, 0xf6);
    expect_aux(&b, 0xfa);
    motion(&b, 0, 0, 0, 0);
    aux(&b, 0xe9);
    expect_aux(&b, 0xfa, 0x00, 2, 100);
    expect_none(&b);
    fake_finish(&b.f);
}

static void test_mouse_packets(void **state)
{
    struct bench b;

    bench_init(&b);
    mode(&b, 0x47);
    motion(&b, 5, 5, 0, 0);
    expect_none(&b); /* not enabled */
    aux(&b, 0xf4);
    expect_aux(&b, 0xfa);
    motion(&b, 3, 2, 1, DM_BUTTON_LEFT);
    assert_true(b.f.isa[12]);
    expect_aux(&b, 0x29, 3, 0xfe);
    motion(&b, -1, -1, 0, 0);
    expect_aux(&b, 0x18, 0xff, 1);
    /* Far: several packets, none beyond nine bits. */
    motion(&b, -600, 300, 0, 0);
    expect_aux(&b, 0x38, 0x01, 0x01, 0x38, 0x01, 0xd3, 0x18, 0xa6, 0x00);
    assert_int_equal(dm_clock_deadline(&b.f.clock), DM_NEVER);

    /* At most one packet in a period; what happens meanwhile is one movement. */
    for (unsigned i = 0; i < 9; i++)
        motion(&b, 1, 0, 0, 0);
    expect_aux(&b, 0x08, 1, 0, 0x08, 8, 0);
    /* A click within a period is not lost. */
    motion(&b, 1, 0, 0, 0);
    motion(&b, 0, 0, 0, DM_BUTTON_LEFT);
    motion(&b, 0, 0, 0, 0);
    motion(&b, 0, 0, 0, DM_BUTTON_LEFT);
    motion(&b, 0, 0, 0, 0);
    expect_aux(&b, 0x08, 1, 0, 0x09, 0, 0, 0x08, 0, 0, 0x09, 0, 0, 0x08, 0, 0);
    /* However often. */
    for (unsigned i = 0; i < 10000; i++)
        motion(&b, 100, 0, 0, i % 2 ? 0 : DM_BUTTON_RIGHT);
    for (unsigned i = 0; i < 300; i++) {
        fake_advance(&b.f, DM_NS_PER_MS);
        fake_in(&b.f, 0x60, 1);
    }
    expect_none(&b);

    /* 2:1 scaling. */
    aux(&b, 0xe7);
    expect_aux(&b, 0xfa);
    motion(&b, 5, -3, 0, 0);
    expect_aux(&b, 0x08, 9, 3);
    motion(&b, -20, 200, 0, 0);
    expect_aux(&b, 0x38, 0xd8, 0x01);
    /* A command ends the packet. */
    aux(&b, 0xe6);
    expect_aux(&b, 0xfa);
    motion(&b, 7, 7, 0, 0);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0x28);
    fake_advance(&b.f, DM_NS_PER_MS);
    aux(&b, 0xe6);
    expect_aux(&b, 7, 0xfa);
    aux(&b, 0xf5);
    expect_aux(&b, 0xfa);
    motion(&b, 7, 7, 0, 0);
    expect_none(&b);
    fake_finish(&b.f);
}

static void set_rates(struct bench *b, uint8_t r0, uint8_t r1, uint8_t r2)
{
    uint8_t rates[3] = { r0, r1, r2 };

    for (unsigned i = 0; i < 3; i++) {
        aux(b, 0xf3);
        expect_aux(b, 0xfa);
        aux(b, rates[i]);
        expect_aux(b, 0xfa);
    }
}

static void test_wheel(void **state)
{
    struct bench b;

    bench_init(&b);
    mode(&b, 0x47);
    set_rates(&b, 200, 100, 80);
    aux(&b, 0xf2);
    expect_aux(&b, 0xfa, 0x03);
    aux(&b, 0xf4);
    expect_aux(&b, 0xfa);
    motion(&b, 0, 0, 1, 0);
    expect_aux(&b, 0x08, 0, 0, 0xff);
    motion(&b, 0, 0, -10, DM_BUTTON_SIDE);
    expect_aux(&b, 0x08, 0, 0, 7, 0x08, 0, 0, 3);
    motion(&b, 0, 0, 0, 0);
    expect_none(&b); /* it has three buttons */
    set_rates(&b, 200, 200, 80);
    aux(&b, 0xf2);
    expect_aux(&b, 0xfa, 0x04);
    motion(&b, 0, 0, 1, DM_BUTTON_SIDE);
    expect_aux(&b, 0x08, 0, 0, 0x1f);
    motion(&b, 0, 0, -1, DM_BUTTON_EXTRA | DM_BUTTON_LEFT);
    expect_aux(&b, 0x09, 0, 0, 0x21);
    motion(&b, 0, 0, 0, 0);
    expect_aux(&b, 0x08, 0, 0, 0);
    aux(&b, 0xff);
    expect_aux(&b, 0xfa, 0xaa, 0x00);
    fake_finish(&b.f);
}

static void test_late_reader_gets_the_rest(void **state)
{
    struct bench b;

    bench_init(&b);
    mode(&b, 0x47);
    aux(&b, 0xf4);
    expect_aux(&b, 0xfa);
    motion(&b, 1, 0, 0, 0);
    motion(&b, 2, 0, 0, 0);
    fake_advance(&b.f, DM_NS_PER_SEC); /* its period is long over */
    motion(&b, 4, 0, 0, 0);
    expect_aux(&b, 0x08, 1, 0, 0x08, 6, 0);
    assert_int_equal(dm_clock_deadline(&b.f.clock), DM_NEVER);
    fake_finish(&b.f);
}

static void test_state(void **state)
{
    struct dm_buf buf = { 0 };
    struct dm_error err;
    struct bench b;
    unsigned refused = 0;

    bench_init(&b);
    mode(&b, 0x47);
    data(&b, 0xed);
    data(&b, 0x07);
    expect_kbd(&b, 0xfa, 0xfa);
    aux(&b, 0xf4);
    expect_aux(&b, 0xfa);
    key(&b, 30, true);
    key(&b, 103, true);
    key(&b, 103, false);
    motion(&b, 300, 5, 0, DM_BUTTON_LEFT);
    command(&b, 0xd3);
    assert_null(fake_state_roundtrip(&b.f, b.dev));
    assert_int_equal(b.leds, 7);
    assert_true(b.f.isa[1]);
    data(&b, 0x77);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0x1e);
    assert_int_equal(status(&b) & 0x21, 0x21);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0x77);
    fake_advance(&b.f, DM_NS_PER_MS);
    assert_int_equal(fake_in(&b.f, 0x60, 1), 0xe0);

    /* Each byte of the stream at its worst: it is refused or it works. */
    dm_device_save(b.dev, &buf);
    for (size_t i = 0; i < buf.len; i++) {
        uint8_t was = buf.data[i];

        buf.data[i] = 0xff;
        refused += dm_device_load(b.dev, buf.data, buf.len, 1, &err) != 0;
        buf.data[i] = was;
        key(&b, 31, true);
        motion(&b, 1, 1, 1, 1);
        for (unsigned n = 0; n < 5; n++) {
            fake_in(&b.f, 0x60, 1);
            fake_advance(&b.f, 10 * DM_NS_PER_MS);
        }
    }
    assert_true(refused > 10);
    dm_buf_finish(&buf);
    fake_finish(&b.f);
}

UNIT_MAIN(cmocka_unit_test(test_reset), cmocka_unit_test(test_controller_commands),
          cmocka_unit_test(test_machine_reset), cmocka_unit_test(test_interrupts),
          cmocka_unit_test(test_keyboard_commands), cmocka_unit_test(test_scan_codes),
          cmocka_unit_test(test_translation), cmocka_unit_test(test_queue_is_bounded),
          cmocka_unit_test(test_mouse_commands), cmocka_unit_test(test_mouse_packets),
          cmocka_unit_test(test_wheel), cmocka_unit_test(test_late_reader_gets_the_rest),
          cmocka_unit_test(test_state))
