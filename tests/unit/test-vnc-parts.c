/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the VNC module that need no client: keys, sockets, gate, tiles. */
#include "tests/unit/unit.h"

#include "ui/vnc/gate.h"
#include "ui/vnc/keys.h"
#include "ui/vnc/listen.h"
#include "ui/vnc/tiles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DISPLAY_FIRST 4100 /* displays of these tests: ports 10000 and up */

enum { KEYSYM_SHIFT_L = 0xffe1, KEYSYM_KP_7 = 0xffb7 };
enum { CODE_1 = 2, CODE_7 = 8, CODE_Q = 16, CODE_A = 30, CODE_SHIFT = 42, CODE_NUM = 69 };

static size_t press(struct keys *k, uint32_t keysym, unsigned leds, struct keys_event *ev)
{
    return keys_translate(k, keysym, true, leds, ev);
}

static void test_keys_us(void **state)
{
    struct keys_event ev[KEYS_EVENTS_MAX];
    struct keys k;

    assert_int_equal(keys_init(&k, "en-us", NULL), 0);
    assert_int_equal(press(&k, 'a', 0, ev), 1);
    assert_int_equal(ev[0].code, CODE_A);
    assert_true(ev[0].down);
    assert_int_equal(keys_translate(&k, 'a', false, 0, ev), 1);
    assert_false(ev[0].down);
    /* '!' without Shift held: Shift goes round it. */
    assert_int_equal(press(&k, '!', 0, ev), 3);
    assert_int_equal(ev[0].code, CODE_SHIFT);
    assert_int_equal(ev[1].code, CODE_1);
    assert_int_equal(ev[2].code, CODE_SHIFT);
    assert_false(ev[2].down);
    keys_translate(&k, '!', false, 0, ev);
    /* With Shift held it is the key alone, and its release is by what pressed it. */
    assert_int_equal(press(&k, KEYSYM_SHIFT_L, 0, ev), 1);
    assert_int_equal(press(&k, 'A', 0, ev), 1);
    assert_int_equal(ev[0].code, CODE_A);
    assert_int_equal(keys_translate(&k, KEYSYM_SHIFT_L, false, 0, ev), 1);
    assert_int_equal(keys_translate(&k, 'A', false, 0, ev), 1);
    assert_int_equal(ev[0].code, CODE_A);
    /* Caps Lock is on in the guest: the client's 'A' needs no Shift. */
    assert_int_equal(press(&k, 'A', DM_LED_CAPS, ev), 1);
    keys_reset(&k);
    /* Keypad digits switch Num Lock on first. */
    assert_int_equal(press(&k, KEYSYM_KP_7, 0, ev), 3);
    assert_int_equal(ev[0].code, CODE_NUM);
    keys_reset(&k);
    assert_int_equal(press(&k, KEYSYM_KP_7, DM_LED_NUM, ev), 1);
    assert_int_equal(press(&k, 0x12345678, 0, ev), 0);
    assert_int_equal(keys_translate(&k, 'z', false, 0, ev), 0);
    keys_finish(&k);
}

/* XKB has keys that PCs have not, '(' alone among them; it must be typed as Shift + 9. */
static void test_keys_of_a_real_keyboard(void **state)
{
    struct keys_event ev[KEYS_EVENTS_MAX];
    struct keys k;

    assert_int_equal(keys_init(&k, "us", NULL), 0);
    for (uint32_t sym = 0x20; sym < 0x7f; sym++) {
        size_t n = press(&k, sym, 0, ev);

        assert_true(n == 1 || n == 3);
        assert_true(ev[n / 2].code < 84); /* the main block */
        keys_translate(&k, sym, false, 0, ev);
    }
    assert_int_equal(press(&k, '(', 0, ev), 3);
    assert_int_equal(ev[1].code, 10);
    keys_finish(&k);
}

static void test_keys_layouts(void **state)
{
    struct keys_event ev[KEYS_EVENTS_MAX];
    struct dm_error err;
    struct keys k;

    assert_int_equal(keys_init(&k, "de", NULL), 0);
    assert_int_equal(press(&k, '@', 0, ev), 3); /* AltGr + Q */
    assert_int_equal(ev[0].code, 100);
    assert_int_equal(ev[1].code, CODE_Q);
    assert_int_equal(press(&k, '/', 0, ev), 3); /* Shift + 7 */
    assert_int_equal(ev[1].code, CODE_7);
    keys_finish(&k);
    assert_int_equal(keys_init(&k, "de-ch", NULL), 0);
    keys_finish(&k);
    assert_true(keys_init(&k, "no-such-layout", &err) < 0);
    assert_string_equal(err.text, "keymap 'no-such-layout': no such keyboard layout");
}

static void test_keys_without_data(void **state)
{
    struct dm_error err;
    struct keys k;

    setenv("XKB_CONFIG_ROOT", "/nowhere", 1);
    assert_true(keys_init(&k, "us", &err) < 0);
    unsetenv("XKB_CONFIG_ROOT");
    assert_string_equal(err.text, "keymap 'us': no XKB data (package xkb-data)");
}

static void test_keys_holds_are_bounded(void **state)
{
    struct keys_event ev[KEYS_EVENTS_MAX];
    struct keys k;

    assert_int_equal(keys_init(&k, "us", NULL), 0);
    for (uint32_t sym = 0x20; sym < 0x7f; sym++)
        press(&k, sym, 0, ev);
    assert_true(k.held_count <= KEYS_HELD_MAX);
    keys_finish(&k);
}

static void test_listen_searches_and_says_what_is_taken(void **state)
{
    struct vnc_listen a, b, c;
    struct dm_error err;

    assert_int_equal(vnc_listen_open(&a, "127.0.0.1", DISPLAY_FIRST, DISPLAY_FIRST, &err), 0);
    assert_int_equal(vnc_listen_open(&b, "127.0.0.1", DISPLAY_FIRST, DISPLAY_FIRST + 1, &err), 0);
    assert_int_equal(b.port, VNC_PORT_BASE + DISPLAY_FIRST + 1);
    assert_int_equal(vnc_listen_open(&c, "127.0.0.1", DISPLAY_FIRST, DISPLAY_FIRST + 1, &err),
                     -EADDRINUSE);
    assert_string_equal(err.text, "VNC: no free port on 127.0.0.1 from 10000 to 10001");
    assert_int_equal(vnc_listen_open(&c, "127.0.0.1", DISPLAY_FIRST, 0, &err), -EADDRINUSE);
    assert_string_equal(err.text,
                        "VNC: cannot listen on 127.0.0.1 port 10000: Address already in use");
    vnc_listen_close(&a);
    vnc_listen_close(&b);
    assert_true(vnc_listen_open(&c, "no such host.invalid", 0, 0, &err) < 0);
    assert_non_null(strstr(err.text, "VNC: address 'no such host.invalid'"));
    assert_int_equal(vnc_listen_open(&c, "", 70000, 0, &err), -EINVAL);
}

/* ---- the gate ---- */

static void gate_expect(enum gate_state state, const uint8_t *data, size_t have,
                        enum gate_what what, uint64_t len)
{
    struct gate_verdict v = gate_look(state, data, have);

    assert_int_equal(v.what, what);
    if (what != GATE_REFUSE)
        assert_int_equal(v.len, len);
}

/* Shifts are within a pixel; what the library answers at once is said, and asked for once. */
static void test_gate_looks_into_messages(void **state)
{
    static const uint8_t extended[] = { 0xc0, 0xa1, 0xe5, 0xce };
    uint8_t format[20] = { 0, 0, 0, 0, 16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0 };
    uint8_t list[4 + 4 * 3] = { 2, 0, 0, 3 };

    assert_int_equal(gate_look(GATE_NORMAL, format, 20).what, GATE_PASS);
    assert_false(gate_look(GATE_NORMAL, format, 20).answered);
    for (unsigned i = 14; i < 17; i++) {
        uint8_t was = format[i];

        format[i] = 16;
        assert_int_equal(gate_look(GATE_NORMAL, format, 20).what, GATE_REFUSE);
        format[i] = was;
    }
    format[7] = 0;
    assert_true(gate_look(GATE_NORMAL, format, 20).answered);
    assert_false(gate_look(GATE_NORMAL, list, sizeof(list)).answered);
    memcpy(list + 12, extended, 4);
    assert_int_equal(gate_look(GATE_NORMAL, list, sizeof(list)).what, GATE_PASS);
    assert_true(gate_look(GATE_NORMAL, list, sizeof(list)).answered);
    memcpy(list + 4, extended, 4);
    assert_int_equal(gate_look(GATE_NORMAL, list, sizeof(list)).what, GATE_REFUSE);
}

static void test_gate(void **state)
{
    static const struct {
        uint8_t head[8];
        size_t need; /* bytes before anything is said */
        enum gate_what what;
        uint64_t len;
    } tests[] = {
        { { 0, 0, 0, 0, 8 }, 20, GATE_PASS, 20 },
        { { 0, 0, 0, 0, 16 }, 20, GATE_PASS, 20 },
        { { 0, 0, 0, 0, 32, 24, 0, 1 }, 20, GATE_PASS, 20 },
        { { 0, 0, 0, 0, 24, 24, 0, 1 }, 20, GATE_REFUSE, 0 },
        { { 0, 0, 0, 0, 0 }, 20, GATE_REFUSE, 0 },
        { { 1 }, 1, GATE_REFUSE, 0 },
        { { 2, 0, 0, 0 }, 4, GATE_PASS, 4 },
        { { 2, 0, 0, 3 }, 16, GATE_PASS, 16 },
        { { 2, 0, 2, 0 }, 4 + 4 * 512, GATE_PASS, 4 + 4 * 512 },
        { { 2, 0, 2, 1 }, 4, GATE_REFUSE, 0 },
        { { 2, 0, 0xff, 0xff }, 4, GATE_REFUSE, 0 },
        { { 3 }, 10, GATE_PASS, 10 },
        { { 4 }, 8, GATE_PASS, 8 },
        { { 5 }, 6, GATE_PASS, 6 },
        { { 6, 0, 0, 0, 0, 0, 0, 0 }, 8, GATE_DROP, 8 },
        { { 6, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff }, 8, GATE_DROP, 8 + 0x7fffffffull },
        { { 6, 0, 0, 0, 0xff, 0xff, 0xff, 0xff }, 8, GATE_DROP, 9 },
        { { 6, 0, 0, 0, 0x80, 0, 0, 0 }, 8, GATE_DROP, 8 + 0x80000000ull },
        { { 7 }, 1, GATE_REFUSE, 0 }, /* file transfer */
        { { 8, 2 }, 1, GATE_DROP, 4 },
        { { 11 }, 1, GATE_REFUSE, 0 }, /* chat */
        { { 15, 2 }, 1, GATE_DROP, 4 },
        { { 251, 0, 0, 0, 0, 0, 0, 0 }, 8, GATE_PASS, 8 },
        { { 251, 0, 0, 0, 0, 0, 128, 0 }, 8 + 16 * 128, GATE_PASS, 8 + 16 * 128 },
        { { 251, 0, 0, 0, 0, 0, 129, 0 }, 8, GATE_REFUSE, 0 },
        { { 255 }, 1, GATE_REFUSE, 0 },
    };
    static const size_t fixed[] = { 12, 1, 16, 1 };
    uint8_t data[GATE_PEEK] = { 0 };

    for (size_t i = 0; i < DM_ARRAY_LEN(tests); i++) {
        memcpy(data, tests[i].head, sizeof(tests[i].head));
        gate_expect(GATE_NORMAL, data, 0, GATE_WAIT, 1);
        for (size_t have = 1; have < tests[i].need; have++) {
            struct gate_verdict v = gate_look(GATE_NORMAL, data, have);

            assert_int_equal(v.what, GATE_WAIT);
            assert_in_range(v.len, have + 1, tests[i].need);
        }
        gate_expect(GATE_NORMAL, data, tests[i].need, tests[i].what, tests[i].len);
        gate_expect(GATE_NORMAL, data, sizeof(data), tests[i].what, tests[i].len);
    }
    for (unsigned s = 0; s < DM_ARRAY_LEN(fixed); s++) {
        for (size_t have = 0; have < fixed[s]; have++)
            gate_expect((enum gate_state)s, data, have, GATE_WAIT, have ? fixed[s] : 1);
        gate_expect((enum gate_state)s, data, sizeof(data), GATE_PASS, fixed[s]);
    }
}

/* ---- tiles ---- */

/* Random marks on a screen of an odd size: every one comes out once, and nothing else. */
static void test_tiles(void **state)
{
    static uint8_t want[200][300];
    struct tiles t = { 0 };
    uint32_t seed = 1;

    for (unsigned round = 0; round < 200; round++) {
        int width = 1 + (int)(round * 37 % 4000), height = 1 + (int)(round * 53 % 2500), row = 0;
        int max = round % 2 ? 64 : 8192;
        struct dm_rect r;

        assert_int_equal(tiles_resize(&t, width, height), 0);
        memset(want, 0, sizeof(want));
        for (unsigned i = 0; i < round % 8; i++) {
            seed = seed * 1664525 + 1013904223;
            r.x = (int)(seed >> 8) % width;
            r.y = (int)(seed >> 4 & 0xffffff) % height;
            r.w = 1 + (int)(seed >> 10) % (width - r.x);
            r.h = 1 + (int)(seed >> 6) % (height - r.y);
            tiles_mark(&t, &r);
            for (int y = r.y / TILE; y <= (r.y + r.h - 1) / TILE; y++)
                for (int x = r.x / TILE; x <= (r.x + r.w - 1) / TILE; x++)
                    want[y][x] = 1;
        }
        while (tiles_next(&t, &row, max, max, &r)) {
            assert_true(r.x >= 0 && r.y >= 0 && r.w > 0 && r.h > 0);
            assert_true(r.w <= max && r.h <= max);
            assert_true(r.x + r.w <= width && r.y + r.h <= height);
            for (int y = r.y / TILE; y <= (r.y + r.h - 1) / TILE; y++)
                for (int x = r.x / TILE; x <= (r.x + r.w - 1) / TILE; x++)
                    assert_int_equal(want[y][x]--, 1);
        }
        for (size_t i = 0; i < sizeof(want); i++)
            assert_int_equal(((uint8_t *)want)[i], 0);
    }
    tiles_finish(&t);
}

UNIT_MAIN(cmocka_unit_test(test_keys_us), cmocka_unit_test(test_keys_of_a_real_keyboard),
          cmocka_unit_test(test_keys_layouts), cmocka_unit_test(test_keys_without_data),
          cmocka_unit_test(test_keys_holds_are_bounded),
          cmocka_unit_test(test_listen_searches_and_says_what_is_taken),
          cmocka_unit_test(test_gate), cmocka_unit_test(test_gate_looks_into_messages),
          cmocka_unit_test(test_tiles))
