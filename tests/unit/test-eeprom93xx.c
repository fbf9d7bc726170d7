/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/net/eeprom93xx.h"
#include "tests/unit/unit.h"

/* The pins as a driver moves them. */
static void clock_out(struct eeprom93xx *e, unsigned val, unsigned bits)
{
    while (bits--) {
        eeprom93xx_set(e, true, false, val >> bits & 1);
        eeprom93xx_set(e, true, true, val >> bits & 1);
    }
    eeprom93xx_set(e, true, false, false);
}

static unsigned clock_in(struct eeprom93xx *e, unsigned bits)
{
    unsigned val = 0;

    while (bits--) {
        eeprom93xx_set(e, true, true, false);
        val = val << 1 | eeprom93xx_get(e);
        eeprom93xx_set(e, true, false, false);
    }
    return val;
}

static void deselect(struct eeprom93xx *e)
{
    eeprom93xx_set(e, false, false, false);
}

static unsigned read_word(struct eeprom93xx *e, unsigned addr)
{
    unsigned val;

    clock_out(e, 6 << 6 | addr, 9);
    val = clock_in(e, 16);
    deselect(e);
    return val;
}

static void command(struct eeprom93xx *e, unsigned start_op_addr)
{
    clock_out(e, start_op_addr, 9);
    deselect(e);
}

static void write_word(struct eeprom93xx *e, unsigned addr, unsigned val)
{
    clock_out(e, 5 << 6 | addr, 9);
    clock_out(e, val, 16);
    deselect(e);
}

static void setup(struct eeprom93xx *e)
{
    *e = (struct eeprom93xx) { 0 };
    for (unsigned i = 0; i < EEPROM93XX_WORDS; i++)
        e->word[i] = (uint16_t)(0x8100 + i * 3);
    eeprom93xx_reset(e);
}

static void test_read(void **state)
{
    struct eeprom93xx e;

    (void)state;
    setup(&e);
    for (unsigned i = 0; i < EEPROM93XX_WORDS; i++)
        assert_int_equal(read_word(&e, i), e.word[i]);
    /* The dummy zero comes with the last address bit, then words follow each other. */
    clock_out(&e, 6 << 6 | 62, 9);
    assert_false(eeprom93xx_get(&e));
    assert_int_equal(clock_in(&e, 16), e.word[62]);
    assert_int_equal(clock_in(&e, 16), e.word[63]);
    assert_int_equal(clock_in(&e, 16), e.word[0]);
    deselect(&e);
    /* Zeros before the start bit are ignored; without chip select nothing happens. */
    clock_out(&e, 6 << 6 | 5, 14);
    assert_int_equal(clock_in(&e, 16), e.word[5]);
    deselect(&e);
    eeprom93xx_set(&e, false, true, true);
    assert_true(eeprom93xx_get(&e));
}

/* Drivers find the size by a read with eight address bits: a 93C46 then answers early. */
static void test_probe_of_93c56(void **state)
{
    struct eeprom93xx e;

    (void)state;
    setup(&e);
    e.word[0] = 0x8129;
    clock_out(&e, 6 << 8, 11);
    assert_int_not_equal(clock_in(&e, 16), 0x8129);
    deselect(&e);
    assert_int_equal(read_word(&e, 0), 0x8129);
}

static void test_write(void **state)
{
    struct eeprom93xx e;
    uint16_t was;

    (void)state;
    setup(&e);
    was = e.word[7];
    write_word(&e, 7, 0x1234);
    assert_int_equal(read_word(&e, 7), was); /* protected at power-on */
    command(&e, 0x130);                      /* EWEN */
    write_word(&e, 7, 0x1234);
    assert_int_equal(read_word(&e, 7), 0x1234);
    clock_out(&e, 5 << 6 | 7, 9); /* cut off: 15 bits of data */
    clock_out(&e, 0x7fff, 15);
    deselect(&e);
    assert_int_equal(read_word(&e, 7), 0x1234);
    command(&e, 0x1c0 | 7); /* ERASE */
    assert_int_equal(read_word(&e, 7), 0xffff);
    clock_out(&e, 0x110, 9); /* WRAL */
    clock_out(&e, 0x5aa5, 16);
    deselect(&e);
    assert_int_equal(read_word(&e, 0), 0x5aa5);
    assert_int_equal(read_word(&e, 63), 0x5aa5);
    command(&e, 0x100); /* EWDS */
    command(&e, 0x120); /* ERAL */
    assert_int_equal(read_word(&e, 63), 0x5aa5);
    command(&e, 0x130);
    command(&e, 0x120);
    assert_int_equal(read_word(&e, 63), 0xffff);
    eeprom93xx_reset(&e);
    write_word(&e, 7, 0x1234);
    assert_int_equal(read_word(&e, 7), 0xffff);
}

static void test_state(void **state)
{
    struct dm_buf buf = { 0 };
    struct eeprom93xx e, two = { 0 };

    (void)state;
    setup(&e);
    clock_out(&e, 6 << 6 | 9, 9);
    assert_int_equal(clock_in(&e, 5), e.word[9] >> 11);
    dm_fields_save(eeprom93xx_fields, &e, 1, &buf);
    assert_int_equal(dm_fields_load(eeprom93xx_fields, &two, 1, buf.data, buf.len), buf.len);
    assert_int_equal(eeprom93xx_post_load(&two), 0);
    assert_int_equal(clock_in(&two, 11), e.word[9] & 0x7ff);
    two.addr = EEPROM93XX_WORDS;
    assert_int_not_equal(eeprom93xx_post_load(&two), 0);
    two.addr = 0;
    two.state = 99;
    assert_int_not_equal(eeprom93xx_post_load(&two), 0);
    two.state = 1;
    two.bits = 8;
    assert_int_not_equal(eeprom93xx_post_load(&two), 0);
    dm_buf_finish(&buf);
}

UNIT_MAIN(cmocka_unit_test(test_read), cmocka_unit_test(test_probe_of_93c56),
          cmocka_unit_test(test_write), cmocka_unit_test(test_state))
