/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/display.h"

#include <stddef.h>
#include <stdlib.h>

/* ---- the viewers ---- */

static bool display_wanted(const struct dm_display *d)
{
    for (const struct dm_viewer *v = d->viewers; v; v = v->next)
        if (v->watching)
            return true;
    return false;
}

static bool display_any_ready(const struct dm_display *d)
{
    for (const struct dm_viewer *v = d->viewers; v; v = v->next)
        if (v->watching && (!v->ready || v->ready(v->opaque)))
            return true;
    return false;
}

/* Until stop, which did not begin. */
static void display_end(struct dm_display *d, const struct dm_viewer *stop)
{
    for (const struct dm_viewer *v = d->viewers; v != stop; v = v->next)
        if (v->end)
            v->end(v->opaque);
    d->begun = false;
}

static bool display_begin(struct dm_display *d, bool wait)
{
    for (const struct dm_viewer *v = d->viewers; v; v = v->next) {
        if (v->begin && !v->begin(v->opaque, wait)) {
            display_end(d, v);
            return false;
        }
    }
    d->begun = true;
    return true;
}

/* ---- when to look ---- */

static uint64_t display_interval(const struct dm_display *d)
{
    uint64_t quiet = d->last - d->alive;
    bool much = d->damage >= (uint64_t)d->surface.width * (uint64_t)d->surface.height / 16;

    if (d->kicked || (d->polled && quiet < DM_DISPLAY_FAST_FOR))
        return much ? DM_DISPLAY_FRAME : DM_DISPLAY_FAST;
    if (!d->polled)
        return DM_NEVER;
    if (quiet < DM_DISPLAY_FRAME_FOR || d->last - d->stirred < DM_DISPLAY_STIR_FOR)
        return DM_DISPLAY_FRAME;
    return DM_DISPLAY_SLOW;
}

static void display_plan(struct dm_display *d)
{
    uint64_t interval = display_interval(d);

    dm_timer_arm(&d->timer, interval == DM_NEVER ? DM_NEVER : d->last + interval);
}

static void display_look(void *opaque)
{
    struct dm_display *d = opaque;
    bool all = d->all;

    d->looked = true;
    if (!dm_display_watched(d)) {
        d->kicked = false;
        return;
    }
    d->waiting = !display_any_ready(d);
    if (d->waiting)
        return;
    if (!display_begin(d, false)) {
        dm_timer_arm(&d->timer, dm_clock_now(d->clock) + DM_DISPLAY_RETRY);
        return;
    }
    d->last = dm_clock_now(d->clock);
    d->damage = 0;
    d->all = false;
    if (d->moved)
        d->stirred = d->last;
    if (d->kicked)
        d->alive = d->last;
    d->moved = d->kicked = false;
    if (d->refresh)
        d->refresh(d->opaque, all);
    d->all = false;
    display_end(d, NULL);
    if (d->damage)
        d->alive = d->last;
    display_plan(d);
}

void dm_display_kick(struct dm_display *d)
{
    if (d->kicked || !dm_display_watched(d))
        return;
    d->kicked = true;
    if (!d->waiting)
        display_plan(d);
}

void dm_display_stir(struct dm_display *d)
{
    if (d->looked) {
        d->looked = false;
        return;
    }
    if (!d->polled || !dm_display_watched(d))
        return;
    d->moved = true;
    if (!d->waiting && d->timer.at > d->last + DM_DISPLAY_FRAME)
        dm_timer_arm(&d->timer, d->last + DM_DISPLAY_FRAME);
}

void dm_display_ready(struct dm_display *d)
{
    if (!d->waiting)
        return;
    d->waiting = false;
    display_plan(d);
}

void dm_display_set_polled(struct dm_display *d, bool polled)
{
    d->polled = polled;
}

/* ---- the surface ---- */

void dm_display_init(struct dm_display *d, struct dm_clock *clock)
{
    *d = (struct dm_display) { .clock = clock };
    dm_timer_init(&d->timer, clock, display_look, d);
}

void dm_display_finish(struct dm_display *d)
{
    dm_timer_cancel(&d->timer);
    free(d->surface.pixels);
    d->surface = (struct dm_surface) { 0 };
}

void dm_display_set_source(struct dm_display *d, void (*refresh)(void *opaque, bool all),
                           void *opaque)
{
    d->refresh = refresh;
    d->opaque = opaque;
}

bool dm_display_watched(const struct dm_display *d)
{
    return d->surface.pixels;
}

/* A black surface of the guest's size, told to every viewer. On no memory: none. */
static void display_surface_make(struct dm_display *d)
{
    bool begun = d->begun;

    if (!begun)
        display_begin(d, true);
    free(d->surface.pixels);
    d->surface = (struct dm_surface) { 0 };
    if (d->width > 0 && d->height > 0)
        d->surface.pixels = calloc((size_t)d->width * (size_t)d->height, sizeof(uint32_t));
    if (d->surface.pixels) {
        d->surface.width = d->width;
        d->surface.height = d->height;
        d->all = true;
        for (struct dm_viewer *v = d->viewers; v; v = v->next)
            if (v->watching)
                v->resized(v->opaque, &d->surface);
    }
    if (!begun)
        display_end(d, NULL);
}

void dm_display_resize(struct dm_display *d, int width, int height)
{
    if (width > DM_DISPLAY_MAX_WIDTH)
        width = DM_DISPLAY_MAX_WIDTH;
    if (height > DM_DISPLAY_MAX_HEIGHT)
        height = DM_DISPLAY_MAX_HEIGHT;
    if (width < 1)
        width = 1;
    if (height < 1)
        height = 1;
    if (width == d->width && height == d->height)
        return;
    d->width = width;
    d->height = height;
    if (!display_wanted(d))
        return;
    display_surface_make(d);
    dm_display_kick(d); /* there may have been no surface, hence no looks, till now */
}

void dm_display_damage(struct dm_display *d, const struct dm_rect *rect)
{
    struct dm_rect r = *rect;

    if (!d->surface.pixels || r.w <= 0 || r.h <= 0)
        return;
    if (r.x < 0) {
        r.w += r.x;
        r.x = 0;
    }
    if (r.y < 0) {
        r.h += r.y;
        r.y = 0;
    }
    if (r.x >= d->surface.width || r.y >= d->surface.height)
        return;
    if (r.w > d->surface.width - r.x)
        r.w = d->surface.width - r.x;
    if (r.h > d->surface.height - r.y)
        r.h = d->surface.height - r.y;
    if (r.w <= 0 || r.h <= 0)
        return;
    d->damage += (uint64_t)r.w * (uint64_t)r.h;
    for (struct dm_viewer *v = d->viewers; v; v = v->next)
        if (v->watching)
            v->updated(v->opaque, &d->surface, &r);
}

/* ---- front ends ---- */

void dm_display_add_viewer(struct dm_display *d, struct dm_viewer *v)
{
    v->watching = false;
    v->next = d->viewers;
    d->viewers = v;
}

void dm_display_remove_viewer(struct dm_display *d, struct dm_viewer *v)
{
    struct dm_viewer **p = &d->viewers;

    dm_display_watch(d, v, false);
    while (*p && *p != v)
        p = &(*p)->next;
    if (*p)
        *p = v->next;
}

void dm_display_watch(struct dm_display *d, struct dm_viewer *v, bool on)
{
    if (v->watching == on)
        return;
    v->watching = on;
    if (!display_wanted(d)) {
        display_begin(d, true);
        dm_display_finish(d);
        display_end(d, NULL);
        return;
    }
    if (!on)
        return;
    if (!d->surface.pixels) {
        display_surface_make(d);
    } else {
        display_begin(d, true);
        v->resized(v->opaque, &d->surface);
        display_end(d, NULL);
        d->all = true;
    }
    d->waiting = false;
    d->kicked = true;
    dm_timer_arm(&d->timer, dm_clock_now(d->clock));
}
