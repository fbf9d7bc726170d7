/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PS/2 mouse with wheel and five buttons.
 *
 * IBM Personal System/2 Hardware Interface Technical Reference, Mouse, October 1990
 * ("HITR"). The wheel and the fourth and fifth button are of Microsoft's
 * IntelliMouse and IntelliMouse Explorer: a driver sets three sample rates in a
 * row (200, 100, 80 or 200, 200, 80), and the mouse answers the ID command with 3
 * or 4 and sends a fourth byte.
 *
 * Movement is gathered until the guest takes it, at most one packet in a sample
 * period, so that a slow guest finds the pointer where it is and not where it was.
 * Button changes are never merged while there is room for packets.
 */
#include "dm/bytes.h"
#include "hw/input/ps2.h"

#include <errno.h>
#include <string.h>

/* Commands and replies, HITR "Mouse commands". */
#define MOUSE_SCALE_1        0xe6
#define MOUSE_SCALE_2        0xe7
#define MOUSE_RESOLUTION     0xe8
#define MOUSE_STATUS         0xe9
#define MOUSE_STREAM         0xea
#define MOUSE_READ           0xeb
#define MOUSE_UNWRAP         0xec
#define MOUSE_WRAP           0xee
#define MOUSE_REMOTE         0xf0
#define MOUSE_ID             0xf2
#define MOUSE_RATE           0xf3
#define MOUSE_ENABLE         0xf4
#define MOUSE_DISABLE        0xf5
#define MOUSE_DEFAULTS       0xf6
#define MOUSE_RESEND         0xfe
#define MOUSE_RESET          0xff
#define MOUSE_ACK            0xfa
#define MOUSE_BAT_OK         0xaa

#define MOUSE_ID_PLAIN       0
#define MOUSE_ID_WHEEL       3
#define MOUSE_ID_EXPLORER    4

#define MOUSE_PACKET_BUTTONS 0x07 /* left, right, middle */
#define MOUSE_PACKET_ONE     0x08
#define MOUSE_PACKET_X_NEG   0x10
#define MOUSE_PACKET_Y_NEG   0x20

#define MOUSE_GATHER         4096 /* counts each way; what moves beyond is lost */
#define MOUSE_STEP           255  /* of a packet */
#define MOUSE_STEP_Z         7
#define MOUSE_PACKETS        64 /* bytes of them that wait, for button changes only */
#define MOUSE_BUTTONS        (DM_BUTTON_LEFT | DM_BUTTON_MIDDLE | DM_BUTTON_RIGHT)
#define MOUSE_BUTTONS5       (MOUSE_BUTTONS | DM_BUTTON_SIDE | DM_BUTTON_EXTRA)

static int32_t mouse_clip(int64_t v, int32_t limit)
{
    return v > limit ? limit : v < -limit ? -limit : (int32_t)v;
}

/* 2:1 scaling, HITR "Data report": small steps stay fine. */
static int32_t mouse_scale(int32_t v)
{
    static const int32_t small[6] = { 0, 1, 1, 3, 6, 9 };
    int32_t n = v < 0 ? -v : v;

    n = n < 6 ? small[n] : 2 * n;
    return mouse_clip(v < 0 ? -n : n, MOUSE_STEP);
}

/* Buttons as the first byte of a packet has them. */
static uint8_t mouse_packet_buttons(const struct ps2_mouse *m)
{
    return (uint8_t)((m->buttons & DM_BUTTON_LEFT ? 1 : 0) |
                     (m->buttons & DM_BUTTON_RIGHT ? 2 : 0) |
                     (m->buttons & DM_BUTTON_MIDDLE ? 4 : 0));
}

static unsigned mouse_buttons_seen(const struct ps2_mouse *m)
{
    return m->id == MOUSE_ID_EXPLORER ? MOUSE_BUTTONS5 : MOUSE_BUTTONS;
}

static bool mouse_has_news(const struct ps2_mouse *m)
{
    return m->dx || m->dy || (m->dz && m->id != MOUSE_ID_PLAIN) ||
           (m->buttons ^ m->sent_buttons) & mouse_buttons_seen(m);
}

/* Takes a packet out of what was gathered. Returns its length. */
static size_t mouse_make_packet(struct ps2_mouse *m, uint8_t *p, bool scaled)
{
    int32_t x = mouse_clip((int32_t)m->dx, MOUSE_STEP), y = mouse_clip((int32_t)m->dy, MOUSE_STEP);
    int32_t z = mouse_clip((int32_t)m->dz, MOUSE_STEP_Z);

    m->dx -= (uint32_t)x;
    m->dy -= (uint32_t)y;
    m->dz = m->id == MOUSE_ID_PLAIN ? 0 : m->dz - (uint32_t)z;
    m->sent_buttons = m->buttons;
    if (scaled) {
        x = mouse_scale(x);
        y = mouse_scale(y);
    }
    p[0] = (uint8_t)(mouse_packet_buttons(m) | MOUSE_PACKET_ONE | (x < 0 ? MOUSE_PACKET_X_NEG : 0) |
                     (y < 0 ? MOUSE_PACKET_Y_NEG : 0));
    p[1] = (uint8_t)x;
    p[2] = (uint8_t)y;
    p[3] = (uint8_t)z;
    if (m->id == MOUSE_ID_EXPLORER)
        p[3] = (uint8_t)((z & 0x0f) | (m->buttons & DM_BUTTON_SIDE ? 0x10 : 0) |
                         (m->buttons & DM_BUTTON_EXTRA ? 0x20 : 0));
    return m->id == MOUSE_ID_PLAIN ? 3 : 4;
}

static void mouse_queue_packet(struct ps2_mouse *m)
{
    m->last_len = (uint8_t)mouse_make_packet(m, m->last, m->scaled);
    ps2_queue_put(&m->q, m->last, m->last_len, PS2_QUEUE - MOUSE_PACKETS);
    dm_timer_arm(&m->sample, dm_clock_now(m->machine->clock) + DM_NS_PER_SEC / m->rate);
}

/* Queues a packet if it is time and the guest took the one before. */
static void mouse_report(struct ps2_mouse *m)
{
    if (!m->stream || !m->enabled || m->wrap || ps2_queue_count(&m->q) ||
        dm_timer_armed(&m->sample) || !mouse_has_news(m))
        return;
    mouse_queue_packet(m);
}

static void mouse_sample(void *opaque)
{
    struct ps2_mouse *m = opaque;

    mouse_report(m);
    m->changed(m->opaque);
}

void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, unsigned buttons)
{
    bool live = m->stream && m->enabled && !m->wrap;

    buttons &= MOUSE_BUTTONS5;
    /* A second change: the first must not be lost in it. */
    if (live && buttons != m->buttons && (m->buttons ^ m->sent_buttons) & mouse_buttons_seen(m) &&
        m->q.count <= MOUSE_PACKETS - 4)
        mouse_queue_packet(m);
    m->buttons = (uint8_t)buttons;
    if (!m->enabled && m->stream) /* HITR: disabled, it does not count */
        return;
    m->dx = (uint32_t)mouse_clip((int64_t)(int32_t)m->dx + dx, MOUSE_GATHER);
    m->dy = (uint32_t)mouse_clip((int64_t)(int32_t)m->dy - dy, MOUSE_GATHER);
    m->dz = (uint32_t)mouse_clip((int64_t)(int32_t)m->dz - dz, MOUSE_GATHER);
    mouse_report(m);
}

static void mouse_forget(struct ps2_mouse *m)
{
    ps2_queue_clear(&m->q);
    m->dx = m->dy = m->dz = 0;
}

static void mouse_defaults(struct ps2_mouse *m)
{
    mouse_forget(m);
    m->rate = 100;
    m->resolution = 2;
    m->scaled = m->enabled = m->wrap = false;
    m->stream = true;
}

void ps2_mouse_reset(struct ps2_mouse *m)
{
    mouse_defaults(m);
    m->id = MOUSE_ID_PLAIN;
    m->command = m->last_len = 0;
    memset(m->knock, 0, sizeof(m->knock));
    memset(m->last, 0, sizeof(m->last));
    m->buttons = m->sent_buttons = 0;
    dm_timer_cancel(&m->sample);
}

/* The reply is what a resend repeats. */
static void mouse_reply(struct ps2_mouse *m, const uint8_t *data, size_t len)
{
    ps2_queue_reply(&m->q, data, len);
    m->last_len = (uint8_t)(len < sizeof(m->last) ? len : sizeof(m->last));
    memcpy(m->last, data, m->last_len);
}

static void mouse_reply_byte(struct ps2_mouse *m, uint8_t byte)
{
    mouse_reply(m, &byte, 1);
}

static void mouse_set_rate(struct ps2_mouse *m, uint8_t rate)
{
    if (!rate) {
        mouse_reply_byte(m, MOUSE_RESEND);
        return;
    }
    m->rate = rate;
    memmove(m->knock, m->knock + 1, 2);
    m->knock[2] = rate;
    if (m->knock[0] == 200 && m->knock[1] == 100 && rate == 80)
        m->id = MOUSE_ID_WHEEL;
    else if (m->knock[0] == 200 && m->knock[1] == 200 && rate == 80)
        m->id = MOUSE_ID_EXPLORER;
    m->sent_buttons = m->buttons; /* two more may count from now on: no news of theirs */
    mouse_reply_byte(m, MOUSE_ACK);
}

static void mouse_parameter(struct ps2_mouse *m, uint8_t byte)
{
    uint8_t command = m->command;

    m->command = 0;
    if (command == MOUSE_RATE) {
        mouse_set_rate(m, byte);
    } else if (byte > 3) {
        mouse_reply_byte(m, MOUSE_RESEND);
    } else {
        m->resolution = byte;
        mouse_reply_byte(m, MOUSE_ACK);
    }
}

/* HITR "Status request". */
static void mouse_status(struct ps2_mouse *m)
{
    uint8_t flags =
        (uint8_t)((m->stream ? 0 : 0x40) | (m->enabled ? 0x20 : 0) | (m->scaled ? 0x10 : 0) |
                  (m->buttons & DM_BUTTON_LEFT ? 4 : 0) | (m->buttons & DM_BUTTON_MIDDLE ? 2 : 0) |
                  (m->buttons & DM_BUTTON_RIGHT ? 1 : 0));

    mouse_reply(m, (uint8_t[]) { MOUSE_ACK, flags, m->resolution, m->rate }, 4);
}

static void mouse_read(struct ps2_mouse *m)
{
    uint8_t reply[5] = { MOUSE_ACK };

    mouse_reply(m, reply, 1 + mouse_make_packet(m, reply + 1, false));
}

static void mouse_command(struct ps2_mouse *m, uint8_t byte)
{
    uint8_t reply = MOUSE_ACK;

    switch (byte) {
    case MOUSE_SCALE_1:
    case MOUSE_SCALE_2:
        m->scaled = byte == MOUSE_SCALE_2;
        break;
    case MOUSE_RESOLUTION:
    case MOUSE_RATE:
        m->command = byte;
        break;
    case MOUSE_STATUS:
        mouse_status(m);
        return;
    case MOUSE_STREAM:
    case MOUSE_REMOTE:
        mouse_forget(m);
        m->stream = byte == MOUSE_STREAM;
        break;
    case MOUSE_READ:
        mouse_read(m);
        return;
    case MOUSE_UNWRAP:
        break;
    case MOUSE_WRAP:
        mouse_forget(m);
        m->wrap = true;
        break;
    case MOUSE_ID:
        mouse_reply(m, (uint8_t[]) { MOUSE_ACK, m->id }, 2);
        return;
    case MOUSE_ENABLE:
    case MOUSE_DISABLE:
        mouse_forget(m);
        m->enabled = byte == MOUSE_ENABLE;
        break;
    case MOUSE_DEFAULTS:
        mouse_defaults(m);
        break;
    case MOUSE_RESEND:
        ps2_queue_reply(&m->q, m->last, m->last_len);
        return;
    case MOUSE_RESET:
        ps2_mouse_reset(m);
        mouse_reply(m, (uint8_t[]) { MOUSE_ACK, MOUSE_BAT_OK, m->id }, 3);
        return;
    default:
        reply = MOUSE_RESEND;
        break;
    }
    mouse_reply_byte(m, reply);
}

void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte)
{
    /* HITR: a command ends the packet that is being sent. */
    m->q.count = 0;
    if (m->wrap && byte != MOUSE_UNWRAP && byte != MOUSE_RESET) {
        mouse_reply_byte(m, byte);
        return;
    }
    m->wrap = false;
    if (m->command)
        mouse_parameter(m, byte);
    else
        mouse_command(m, byte);
}

bool ps2_mouse_ready(struct ps2_mouse *m)
{
    mouse_report(m);
    return ps2_queue_count(&m->q) != 0;
}

bool ps2_mouse_take(struct ps2_mouse *m, uint8_t *byte)
{
    mouse_report(m);
    return ps2_queue_take(&m->q, byte);
}

void ps2_mouse_init(struct ps2_mouse *m, struct dm_machine *machine, void (*changed)(void *opaque),
                    void *opaque)
{
    m->machine = machine;
    m->changed = changed;
    m->opaque = opaque;
    dm_timer_init(&m->sample, machine->clock, mouse_sample, m);
}

void ps2_mouse_finish(struct ps2_mouse *m)
{
    dm_timer_cancel(&m->sample);
}

const struct dm_field ps2_mouse_fields[] = {
    DM_STRUCT(struct ps2_mouse, q, 1, ps2_queue_fields),
    DM_UINT(struct ps2_mouse, command, 1),
    DM_UINT(struct ps2_mouse, id, 1),
    DM_UINT(struct ps2_mouse, rate, 1),
    DM_UINT(struct ps2_mouse, resolution, 1),
    DM_BYTES(struct ps2_mouse, knock, 1),
    DM_BOOL(struct ps2_mouse, stream, 1),
    DM_BOOL(struct ps2_mouse, enabled, 1),
    DM_BOOL(struct ps2_mouse, wrap, 1),
    DM_BOOL(struct ps2_mouse, scaled, 1),
    DM_UINT(struct ps2_mouse, buttons, 1),
    DM_UINT(struct ps2_mouse, sent_buttons, 1),
    DM_UINT(struct ps2_mouse, dx, 1),
    DM_UINT(struct ps2_mouse, dy, 1),
    DM_UINT(struct ps2_mouse, dz, 1),
    DM_BYTES(struct ps2_mouse, last, 1),
    DM_UINT(struct ps2_mouse, last_len, 1),
    DM_TIMER(struct ps2_mouse, sample, 1),
    DM_FIELDS_END,
};

static bool mouse_in_gather(uint32_t v)
{
    return (int32_t)v >= -MOUSE_GATHER && (int32_t)v <= MOUSE_GATHER;
}

int ps2_mouse_post_load(struct ps2_mouse *m)
{
    bool command = !m->command || m->command == MOUSE_RATE || m->command == MOUSE_RESOLUTION;
    bool id = m->id == MOUSE_ID_PLAIN || m->id == MOUSE_ID_WHEEL || m->id == MOUSE_ID_EXPLORER;

    if (!ps2_queue_is_valid(&m->q) || !command || !id || !m->rate || m->resolution > 3 ||
        m->last_len > sizeof(m->last) || (m->buttons | m->sent_buttons) & ~MOUSE_BUTTONS5 ||
        !mouse_in_gather(m->dx) || !mouse_in_gather(m->dy) || !mouse_in_gather(m->dz))
        return -EINVAL;
    return 0;
}
