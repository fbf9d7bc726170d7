/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/vnc/gate.h"

#include "dm/bytes.h"

enum {
    SET_PIXEL_FORMAT = 0,
    SET_ENCODINGS = 2,
    UPDATE_REQUEST = 3,
    KEY_EVENT = 4,
    POINTER_EVENT = 5,
    CLIENT_CUT_TEXT = 6,
    SET_SCALE = 8,       /* UltraVNC's, */
    SET_SCALE_PALM = 15, /* PalmVNC's: server-side scaling, which we do not have */
    SET_DESKTOP_SIZE = 251,
};

#define ENCODINGS_MAX      512
#define SCREENS_MAX        128
#define EXTENDED_CLIPBOARD 0xc0a1e5ceu

static uint32_t gate_be(const uint8_t *p, unsigned bytes)
{
    uint32_t v = 0;

    while (bytes--)
        v = v << 8 | *p++;
    return v;
}

static struct gate_verdict gate_message(size_t len, size_t have)
{
    return (struct gate_verdict) { have < len ? GATE_WAIT : GATE_PASS, len, false };
}

/* head bytes say how many entries of each bytes follow: count of them is at at, wide bytes. */
static struct gate_verdict gate_list(const uint8_t *data, size_t have, size_t head, size_t at,
                                     unsigned wide, size_t each, uint32_t max)
{
    uint32_t count;

    if (have < head)
        return (struct gate_verdict) { GATE_WAIT, head, false };
    count = gate_be(data + at, wide);
    if (count > max)
        return (struct gate_verdict) { GATE_REFUSE, 0, false };
    return gate_message(head + count * each, have);
}

/*
 * RFC 6143 section 7.4: 8, 16 or 32 bits a pixel. The library would take 24, and read beyond its
 * buffers in Tight; and it shifts by what it is told. A client that wants a colour map gets
 * one as the answer.
 */
static struct gate_verdict gate_format(const uint8_t *data, size_t have)
{
    struct gate_verdict v = gate_message(20, have);
    unsigned bits;

    if (v.what != GATE_PASS)
        return v;
    bits = data[4];
    if ((bits != 8 && bits != 16 && bits != 32) ||
        (data[7] && (data[14] >= bits || data[15] >= bits || data[16] >= bits)))
        return (struct gate_verdict) { GATE_REFUSE, 0, false };
    v.answered = !data[7];
    return v;
}

/* The extended clipboard is answered each time that it is in the list: once is enough. */
static struct gate_verdict gate_encodings(const uint8_t *data, size_t have)
{
    struct gate_verdict v = gate_list(data, have, 4, 2, 2, 4, ENCODINGS_MAX);

    for (size_t at = 4; v.what == GATE_PASS && at < v.len; at += 4) {
        if (gate_be(data + at, 4) != EXTENDED_CLIPBOARD)
            continue;
        if (v.answered)
            return (struct gate_verdict) { GATE_REFUSE, 0, false };
        v.answered = true;
    }
    return v;
}

/* The clipboard goes nowhere. A negative length is that of the extended one. */
static struct gate_verdict gate_cut_text(const uint8_t *data, size_t have)
{
    uint32_t len;

    if (have < 8)
        return (struct gate_verdict) { GATE_WAIT, 8, false };
    len = gate_be(data + 4, 4);
    return (struct gate_verdict) { GATE_DROP, 8 + (uint64_t)(len >> 31 ? 0u - len : len), false };
}

static struct gate_verdict gate_normal(const uint8_t *data, size_t have)
{
    switch (data[0]) {
    case SET_PIXEL_FORMAT:
        return gate_format(data, have);
    case SET_ENCODINGS:
        return gate_encodings(data, have);
    case UPDATE_REQUEST:
        return gate_message(10, have);
    case KEY_EVENT:
        return gate_message(8, have);
    case POINTER_EVENT:
        return gate_message(6, have);
    case CLIENT_CUT_TEXT:
        return gate_cut_text(data, have);
    case SET_SCALE:
    case SET_SCALE_PALM:
        return (struct gate_verdict) { GATE_DROP, 4, false };
    case SET_DESKTOP_SIZE: /* the library says no, politely */
        return gate_list(data, have, 8, 6, 1, 16, SCREENS_MAX);
    }
    return (struct gate_verdict) { GATE_REFUSE, 0, false };
}

struct gate_verdict gate_look(enum gate_state state, const uint8_t *data, size_t have)
{
    static const uint8_t fixed[] = {
        [GATE_VERSION] = 12, [GATE_SECURITY] = 1, [GATE_AUTH] = 16, [GATE_INIT] = 1
    };

    if (!have)
        return (struct gate_verdict) { GATE_WAIT, 1, false };
    if ((size_t)state < DM_ARRAY_LEN(fixed))
        return gate_message(fixed[state], have);
    return gate_normal(data, have);
}
