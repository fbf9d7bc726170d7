/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PS/2 keyboard of 105 keys with the Japanese, Korean, Brazilian and multimedia ones.
 *
 * IBM Personal System/2 Hardware Interface Technical Reference, Keyboards (101- and
 * 102-key), October 1990 ("HITR" below); Microsoft, Keyboard Scan Code Specification,
 * rev. 1.3a ("MSKB") for the keys IBM's has not.
 *
 * What is typed faster than the guest reads is lost as whole keys, and a key whose
 * make was sent gets its break through: none stays down in the guest.
 *
 * Missing: typematic repeat, since the viewers repeat keys themselves (a repeat is
 * a make without a break, and passes); the fake shifts that keep the cursor pad
 * apart from the numeric one for software of the PC XT's time.
 */
#include "dm/bytes.h"
#include "hw/input/ps2.h"

#include <errno.h>
#include <string.h>

/* Commands and replies, HITR "Keyboard commands". */
#define KBD_LEDS           0xed
#define KBD_ECHO           0xee
#define KBD_SCAN_SET       0xf0
#define KBD_ID             0xf2
#define KBD_RATE           0xf3
#define KBD_ENABLE         0xf4
#define KBD_DISABLE        0xf5
#define KBD_DEFAULTS       0xf6
#define KBD_ALL_REPEAT     0xf7 /* set 3 only, as are those up to KBD_KEY_MAKE */
#define KBD_ALL_BREAK      0xf8
#define KBD_ALL_MAKE       0xf9
#define KBD_ALL            0xfa
#define KBD_KEY_REPEAT     0xfb
#define KBD_KEY_BREAK      0xfc
#define KBD_KEY_MAKE       0xfd
#define KBD_RESEND         0xfe
#define KBD_RESET          0xff
#define KBD_ACK            0xfa
#define KBD_BAT_OK         0xaa
#define KBD_ID_0           0xab
#define KBD_ID_1           0x83
#define KBD_COMMAND_LOWEST KBD_LEDS

/* Places of the queue that stay free: a make needs more of them than a break. */
#define KBD_SPARE_MAKE     128
#define KBD_SPARE_BREAK    0

/* Linux's codes of the keys that are not one code. */
#define CODE_LEFTCTRL      29
#define CODE_LEFTSHIFT     42
#define CODE_RIGHTSHIFT    54
#define CODE_LEFTALT       56
#define CODE_RIGHTCTRL     97
#define CODE_SYSRQ         99
#define CODE_RIGHTALT      100
#define CODE_PAUSE         119
#define CODE_HANGEUL       122
#define CODE_HANJA         123

#define E0                 0xe000

/* Linux code → set 2; 0: no such key here. HITR, MSKB appendix. */
static const uint16_t kbd_set2[DM_KEY_MAX] = {
    [1] = 0x76,
    0x16,
    0x1e,
    0x26,
    0x25,
    0x2e,
    0x36,
    [8] = 0x3d,
    0x3e,
    0x46,
    0x45,
    0x4e,
    0x55,
    0x66,
    [15] = 0x0d,
    0x15,
    0x1d,
    0x24,
    0x2d,
    0x2c,
    0x35,
    [22] = 0x3c,
    0x43,
    0x44,
    0x4d,
    0x54,
    0x5b,
    0x5a,
    [29] = 0x14,
    0x1c,
    0x1b,
    0x23,
    0x2b,
    0x34,
    0x33,
    [36] = 0x3b,
    0x42,
    0x4b,
    0x4c,
    0x52,
    0x0e,
    0x12,
    [43] = 0x5d,
    0x1a,
    0x22,
    0x21,
    0x2a,
    0x32,
    0x31,
    [50] = 0x3a,
    0x41,
    0x49,
    0x4a,
    0x59,
    0x7c,
    0x11,
    [57] = 0x29,
    0x58,
    0x05,
    0x06,
    0x04,
    0x0c,
    0x03,
    [64] = 0x0b,
    0x83,
    0x0a,
    0x01,
    0x09,
    0x77,
    0x7e,
    [71] = 0x6c,
    0x75,
    0x7d,
    0x7b,
    0x6b,
    0x73,
    0x74,
    [78] = 0x79,
    0x69,
    0x72,
    0x7a,
    0x70,
    0x71,
    [85] = 0x5f,
    0x61,
    0x78,
    0x07,
    0x51,
    0x63,
    0x62,
    [92] = 0x64,
    0x13,
    0x67,
    0x27,
    E0 | 0x5a,
    E0 | 0x14,
    E0 | 0x4a,
    [99] = E0 | 0x7c,
    E0 | 0x11,
    0,
    E0 | 0x6c,
    E0 | 0x75,
    E0 | 0x7d,
    E0 | 0x6b,
    [106] = E0 | 0x74,
    E0 | 0x69,
    E0 | 0x72,
    E0 | 0x7a,
    E0 | 0x70,
    E0 | 0x71,
    [113] = E0 | 0x23,
    E0 | 0x21,
    E0 | 0x32,
    E0 | 0x37,
    0x0f, /* mute ... power, KP= */
    [119] = E0 | 0x7e,
    0,
    0x6d,
    0xf2,
    0xf1,
    0x6a,
    E0 | 0x1f,
    E0 | 0x27,
    E0 | 0x2f,
    E0 | 0x28,
    [140] = E0 | 0x2b,
    [142] = E0 | 0x3f,
    E0 | 0x5e,
    [155] = E0 | 0x48,
    E0 | 0x18,
    E0 | 0x40,
    E0 | 0x38,
    E0 | 0x30,
    [163] = E0 | 0x4d,
    E0 | 0x34,
    E0 | 0x15,
    E0 | 0x3b,
    [172] = E0 | 0x3a,
    E0 | 0x20,
    [183] = 0x08,
    0x10,
    0x18,
    0x20,
    0x28,
    0x30,
    0x38,
    [190] = 0x40,
    0x48,
    0x50,
    0x57,
    0x5f,
    [217] = E0 | 0x10,
    [226] = E0 | 0x50,
};

/* Linux code → set 3, HITR. The same as set 2 where it is 0 and set 2 has no prefix. */
static const uint8_t kbd_set3[128] = {
    [1] = 0x08,   [29] = 0x11,  [43] = 0x5c,  [55] = 0x7e,  [56] = 0x19,  [58] = 0x14,
    [59] = 0x07,  [60] = 0x0f,  [61] = 0x17,  [62] = 0x1f,  [63] = 0x27,  [64] = 0x2f,
    [65] = 0x37,  [66] = 0x3f,  [67] = 0x47,  [68] = 0x4f,  [69] = 0x76,  [70] = 0x5f,
    [74] = 0x84,  [78] = 0x7c,  [86] = 0x13,  [87] = 0x56,  [88] = 0x5e,  [92] = 0x86,
    [93] = 0x87,  [94] = 0x85,  [96] = 0x79,  [97] = 0x58,  [98] = 0x77,  [99] = 0x57,
    [100] = 0x39, [102] = 0x6e, [103] = 0x63, [104] = 0x6f, [105] = 0x61, [106] = 0x6a,
    [107] = 0x65, [108] = 0x60, [109] = 0x6d, [110] = 0x67, [111] = 0x64, [119] = 0x62,
    [124] = 0x5d, [125] = 0x8b, [126] = 0x8c, [127] = 0x8d,
};

/* Set 2 → set 1, HITR "Scan code tables"; also what the keyboard controller does. */
const uint8_t ps2_set2_to_set1[256] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
    0x80, 0x81, 0x82, 0x41, 0x54, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
    0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f,
    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
    0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf,
    0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf,
    0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,
    0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef,
    0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
};

/* How PrintScreen is sent: HITR, note 4 of the scan code tables. */
enum { SYSRQ_UP, SYSRQ_PLAIN, SYSRQ_SHIFTED, SYSRQ_ALT };

struct kbd_bytes {
    uint8_t data[16];
    size_t len;
};

static bool kbd_bit(const uint8_t *map, unsigned n)
{
    return map[n / 8] & 1u << n % 8;
}

static void kbd_set_bit(uint8_t *map, unsigned n, bool on)
{
    if (on)
        map[n / 8] |= (uint8_t)(1u << n % 8);
    else
        map[n / 8] &= (uint8_t) ~(1u << n % 8);
}

static void kbd_add(struct kbd_bytes *b, uint16_t code, bool down)
{
    if (code & E0)
        b->data[b->len++] = 0xe0;
    if (!down)
        b->data[b->len++] = 0xf0;
    b->data[b->len++] = (uint8_t)code;
}

/* PrintScreen, by what else is held. */
static void kbd_add_sysrq(struct ps2_kbd *k, struct kbd_bytes *b, bool down)
{
    if (down && k->sysrq == SYSRQ_UP) {
        k->sysrq = SYSRQ_PLAIN;
        if (kbd_bit(k->down, CODE_LEFTSHIFT) || kbd_bit(k->down, CODE_RIGHTSHIFT) ||
            kbd_bit(k->down, CODE_LEFTCTRL) || kbd_bit(k->down, CODE_RIGHTCTRL))
            k->sysrq = SYSRQ_SHIFTED;
        if (kbd_bit(k->down, CODE_LEFTALT) || kbd_bit(k->down, CODE_RIGHTALT))
            k->sysrq = SYSRQ_ALT;
    }
    if (k->sysrq == SYSRQ_PLAIN && down)
        kbd_add(b, E0 | 0x12, true);
    kbd_add(b, k->sysrq == SYSRQ_ALT ? 0x84 : E0 | 0x7c, down);
    if (k->sysrq == SYSRQ_PLAIN && !down)
        kbd_add(b, E0 | 0x12, false);
    if (!down)
        k->sysrq = SYSRQ_UP;
}

/* Pause has no break: it all goes at the make. */
static void kbd_add_pause(const struct ps2_kbd *k, struct kbd_bytes *b, bool down)
{
    static const uint8_t pause[] = { 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77 };

    if (!down)
        return;
    if (kbd_bit(k->down, CODE_LEFTCTRL) || kbd_bit(k->down, CODE_RIGHTCTRL)) {
        kbd_add(b, E0 | 0x7e, true);
        kbd_add(b, E0 | 0x7e, false);
        return;
    }
    memcpy(b->data, pause, sizeof(pause));
    b->len = sizeof(pause);
}

static void kbd_encode_set2(struct ps2_kbd *k, struct kbd_bytes *b, unsigned code, bool down)
{
    if (!kbd_set2[code])
        return;
    if (code == CODE_SYSRQ)
        kbd_add_sysrq(k, b, down);
    else if (code == CODE_PAUSE)
        kbd_add_pause(k, b, down);
    else if (code != CODE_HANGEUL && code != CODE_HANJA)
        kbd_add(b, kbd_set2[code], down);
    else if (down) /* MSKB: these have no break */
        b->data[b->len++] = (uint8_t)kbd_set2[code];
}

/* The same keys as the PC XT sent them. */
static void kbd_set2_to_set1(struct kbd_bytes *b)
{
    size_t n = 0;
    uint8_t up = 0;

    for (size_t i = 0; i < b->len; i++) {
        if (b->data[i] == 0xf0) {
            up = 0x80;
            continue;
        }
        b->data[n++] = ps2_set2_to_set1[b->data[i]] | up;
        up = 0;
    }
    b->len = n;
}

static void kbd_encode_set3(const struct ps2_kbd *k, struct kbd_bytes *b, unsigned code, bool down)
{
    uint8_t one = code < sizeof(kbd_set3) ? kbd_set3[code] : 0;

    if (!one && !(kbd_set2[code] & E0))
        one = (uint8_t)kbd_set2[code];
    if (!one || (!down && kbd_bit(k->make_only, one)))
        return;
    kbd_add(b, one, down);
}

void ps2_kbd_key(struct ps2_kbd *k, unsigned code, bool down)
{
    uint8_t sysrq = k->sysrq;
    struct kbd_bytes b = { .len = 0 };

    if (code >= DM_KEY_MAX || !k->scanning || (!down && !kbd_bit(k->down, code)))
        return;
    if (k->set == 3)
        kbd_encode_set3(k, &b, code, down);
    else
        kbd_encode_set2(k, &b, code, down);
    if (k->set == 1)
        kbd_set2_to_set1(&b);
    if (down && !ps2_queue_put(&k->q, b.data, b.len, KBD_SPARE_MAKE)) {
        k->sysrq = sysrq;
        return;
    }
    if (!down)
        ps2_queue_put(&k->q, b.data, b.len, KBD_SPARE_BREAK);
    kbd_set_bit(k->down, code, down);
}

static void kbd_set_leds(struct ps2_kbd *k, uint8_t leds)
{
    k->leds = leds & (DM_LED_SCROLL | DM_LED_NUM | DM_LED_CAPS);
    dm_input_set_leds(&k->machine->input, k->leds);
}

static void kbd_defaults(struct ps2_kbd *k)
{
    ps2_queue_clear(&k->q);
    k->set = 2;
    memset(k->make_only, 0, sizeof(k->make_only));
}

void ps2_kbd_reset(struct ps2_kbd *k)
{
    kbd_defaults(k);
    k->command = k->last = 0;
    k->sysrq = SYSRQ_UP;
    k->scanning = true;
    memset(k->down, 0, sizeof(k->down));
    kbd_set_leds(k, 0);
}

static void kbd_reply(struct ps2_kbd *k, uint8_t byte)
{
    ps2_queue_reply(&k->q, &byte, 1);
}

/* The parameter of k->command came. Another stays in wait where a command has many. */
static void kbd_parameter(struct ps2_kbd *k, uint8_t byte)
{
    uint8_t command = k->command;

    k->command = 0;
    switch (command) {
    case KBD_LEDS:
        kbd_set_leds(k, byte);
        break;
    case KBD_SCAN_SET:
        if (byte > 3) {
            k->command = command;
            kbd_reply(k, KBD_RESEND);
            return;
        }
        if (byte == 0) {
            ps2_queue_reply(&k->q, (uint8_t[]) { KBD_ACK, k->set }, 2);
            return;
        }
        ps2_queue_clear(&k->q);
        k->set = byte;
        break;
    case KBD_KEY_REPEAT:
    case KBD_KEY_BREAK:
    case KBD_KEY_MAKE:
        kbd_set_bit(k->make_only, byte, command != KBD_KEY_BREAK);
        k->command = command;
        break;
    default: /* KBD_RATE: repeating is not ours */
        break;
    }
    kbd_reply(k, KBD_ACK);
}

static void kbd_command(struct ps2_kbd *k, uint8_t byte)
{
    uint8_t reply = KBD_ACK;

    k->command = 0;
    switch (byte) {
    case KBD_LEDS:
    case KBD_SCAN_SET:
    case KBD_RATE:
    case KBD_KEY_REPEAT:
    case KBD_KEY_BREAK:
    case KBD_KEY_MAKE:
        k->command = byte;
        break;
    case KBD_ECHO:
        reply = KBD_ECHO;
        break;
    case KBD_ID:
        ps2_queue_reply(&k->q, (uint8_t[]) { KBD_ACK, KBD_ID_0, KBD_ID_1 }, 3);
        return;
    case KBD_ENABLE:
        ps2_queue_clear(&k->q);
        k->scanning = true;
        break;
    case KBD_DISABLE:
    case KBD_DEFAULTS:
        kbd_defaults(k);
        k->scanning = byte == KBD_DEFAULTS;
        break;
    case KBD_ALL_REPEAT:
    case KBD_ALL_MAKE:
        memset(k->make_only, 0xff, sizeof(k->make_only));
        break;
    case KBD_ALL_BREAK:
    case KBD_ALL:
        memset(k->make_only, 0, sizeof(k->make_only));
        break;
    case KBD_RESEND:
        reply = k->last;
        break;
    case KBD_RESET:
        ps2_kbd_reset(k);
        ps2_queue_reply(&k->q, (uint8_t[]) { KBD_ACK, KBD_BAT_OK }, 2);
        return;
    default:
        reply = KBD_RESEND;
        break;
    }
    kbd_reply(k, reply);
}

void ps2_kbd_write(struct ps2_kbd *k, uint8_t byte)
{
    /* HITR: a command where a parameter is due is taken as the command it is. */
    if (k->command && byte < KBD_COMMAND_LOWEST)
        kbd_parameter(k, byte);
    else
        kbd_command(k, byte);
}

bool ps2_kbd_take(struct ps2_kbd *k, uint8_t *byte)
{
    if (!ps2_queue_take(&k->q, byte))
        return false;
    if (*byte != KBD_RESEND)
        k->last = *byte;
    return true;
}

void ps2_kbd_init(struct ps2_kbd *k, struct dm_machine *machine)
{
    k->machine = machine;
}

const struct dm_field ps2_kbd_fields[] = {
    DM_STRUCT(struct ps2_kbd, q, 1, ps2_queue_fields),
    DM_UINT(struct ps2_kbd, command, 1),
    DM_UINT(struct ps2_kbd, set, 1),
    DM_UINT(struct ps2_kbd, leds, 1),
    DM_UINT(struct ps2_kbd, sysrq, 1),
    DM_UINT(struct ps2_kbd, last, 1),
    DM_BOOL(struct ps2_kbd, scanning, 1),
    DM_BYTES(struct ps2_kbd, down, 1),
    DM_BYTES(struct ps2_kbd, make_only, 1),
    DM_FIELDS_END,
};

int ps2_kbd_post_load(struct ps2_kbd *k)
{
    if (!ps2_queue_is_valid(&k->q) || k->set < 1 || k->set > 3 || k->sysrq > SYSRQ_ALT ||
        k->leds & ~(DM_LED_SCROLL | DM_LED_NUM | DM_LED_CAPS))
        return -EINVAL;
    dm_input_set_leds(&k->machine->input, k->leds);
    return 0;
}
