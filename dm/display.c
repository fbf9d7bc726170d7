/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/display.h"

#include <stddef.h>
#include <stdlib.h>

static void display_tick(void *opaque)
{
    struct dm_display *d = opaque;
    uint64_t now = dm_clock_now(d->clock);
    bool all = d->all;

    if (!dm_display_watched(d))
        return;
    d->damaged = false;
    d->all = false;
    d->last_refresh = now;
    if (d->refresh)
        d->refresh(d->opaque, all);
    d->all = false;
    if (d->damaged)
        d->interval = DM_DISPLAY_FAST;
    else
        d->interval = d->interval * 2 < d->idle ? d->interval * 2 : d->idle;
    dm_timer_arm(&d->timer, now + d->interval);
}

void dm_display_init(struct dm_display *d, struct dm_clock *clock)
{
    *d = (struct dm_display) { .clock = clock,
                               .interval = DM_DISPLAY_FAST,
                               .idle = DM_DISPLAY_SLOW };
    dm_timer_init(&d->timer, clock, display_tick, d);
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
    free(d->surface.pixels);
    d->surface = (struct dm_surface) { 0 };
    if (d->width <= 0 || d->height <= 0)
        return;
    d->surface.pixels = calloc((size_t)d->width * (size_t)d->height, sizeof(uint32_t));
    if (!d->surface.pixels)
        return;
    d->surface.width = d->width;
    d->surface.height = d->height;
    d->all = true;
    for (struct dm_viewer *v = d->viewers; v; v = v->next)
        if (v->watching)
            v->resized(v->opaque, &d->surface);
}

static bool display_wanted(const struct dm_display *d)
{
    for (const struct dm_viewer *v = d->viewers; v; v = v->next)
        if (v->watching)
            return true;
    return false;
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
    dm_display_kick(d); /* there may have been no surface, hence no refreshes, till now */
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
    d->damaged = true;
    for (struct dm_viewer *v = d->viewers; v; v = v->next)
        if (v->watching)
            v->updated(v->opaque, &d->surface, &r);
}

void dm_display_kick(struct dm_display *d)
{
    uint64_t soon;

    if (!dm_display_watched(d))
        return;
    soon = d->last_refresh + DM_DISPLAY_FAST;
    if (d->timer.at > soon) {
        d->interval = DM_DISPLAY_FAST;
        dm_timer_arm(&d->timer, soon);
    }
}

void dm_display_set_idle(struct dm_display *d, uint64_t ns)
{
    d->idle = ns;
}

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
        dm_display_finish(d);
        return;
    }
    if (!on)
        return;
    if (!d->surface.pixels) {
        display_surface_make(d);
    } else {
        v->resized(v->opaque, &d->surface);
        d->all = true;
    }
    d->interval = DM_DISPLAY_FAST;
    dm_timer_arm(&d->timer, dm_clock_now(d->clock));
}
