/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/input.h"

#include <stddef.h>

void dm_input_add(struct dm_input *in, struct dm_input_sink *sink)
{
    sink->next = in->sinks;
    in->sinks = sink;
}

void dm_input_remove(struct dm_input *in, struct dm_input_sink *sink)
{
    struct dm_input_sink **p = &in->sinks;

    while (*p && *p != sink)
        p = &(*p)->next;
    if (*p)
        *p = sink->next;
}

static void input_note_key(uint32_t *keys, unsigned code, bool down)
{
    uint32_t bit = 1u << (code % 32);

    if (down)
        keys[code / 32] |= bit;
    else
        keys[code / 32] &= ~bit;
}

static bool input_key_noted(const uint32_t *keys, unsigned code)
{
    return keys[code / 32] >> code % 32 & 1;
}

void dm_input_key(struct dm_input *in, unsigned code, bool down)
{
    if (code >= DM_KEY_MAX)
        return;
    input_note_key(in->down, code, down);
    if (in->held)
        return;
    input_note_key(in->told, code, down);
    for (struct dm_input_sink *s = in->sinks; s; s = s->next) {
        if (s->key) {
            s->key(s->opaque, code, down);
            return;
        }
    }
}

void dm_input_release_all(struct dm_input *in)
{
    for (unsigned code = 0; code < DM_KEY_MAX; code++)
        if (input_key_noted(in->down, code))
            dm_input_key(in, code, false);
}

void dm_input_hold(struct dm_input *in, bool hold)
{
    if (in->held == hold)
        return;
    in->held = hold;
    for (unsigned code = 0; code < DM_KEY_MAX && !hold; code++)
        if (input_key_noted(in->told, code) && !input_key_noted(in->down, code))
            dm_input_key(in, code, false);
}

/* The sink that pointer events go to: the newest that takes any. */
static struct dm_input_sink *input_pointer_sink(const struct dm_input *in)
{
    struct dm_input_sink *s = in->sinks;

    while (s && !s->absolute && !s->relative)
        s = s->next;
    return s;
}

bool dm_input_is_absolute(const struct dm_input *in)
{
    const struct dm_input_sink *s = input_pointer_sink(in);

    return s && s->absolute;
}

static int input_scale(int at, int size)
{
    if (at < 0)
        at = 0;
    if (size < 2)
        return 0;
    if (at >= size)
        at = size - 1;
    return (int)((int64_t)at * DM_INPUT_AXIS / (size - 1));
}

void dm_input_pointer(struct dm_input *in, int x, int y, int dz, unsigned buttons, int width,
                      int height)
{
    struct dm_input_sink *s = input_pointer_sink(in);
    int dx = in->placed ? x - in->x : 0, dy = in->placed ? y - in->y : 0;

    if (in->held)
        return;
    in->x = x;
    in->y = y;
    in->placed = true;
    in->buttons = buttons;
    if (s && s->absolute)
        s->absolute(s->opaque, input_scale(x, width), input_scale(y, height), dz, buttons);
    else if (s)
        s->relative(s->opaque, dx, dy, dz, buttons);
}

void dm_input_motion(struct dm_input *in, int dx, int dy, int dz, unsigned buttons)
{
    if (in->held)
        return;
    in->buttons = buttons;
    for (struct dm_input_sink *s = in->sinks; s; s = s->next) {
        if (s->relative) {
            s->relative(s->opaque, dx, dy, dz, buttons);
            return;
        }
    }
}

void dm_input_set_leds(struct dm_input *in, unsigned leds)
{
    in->leds = (uint8_t)leds;
    if (in->leds_changed)
        in->leds_changed(in->leds_opaque, leds);
}
