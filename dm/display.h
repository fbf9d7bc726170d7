/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's screen between the display device and the viewers. The device
 * renders damaged parts into one surface, and only while someone looks. All
 * calls on the loop thread; a viewer with a thread of its own copies the pixels
 * inside updated().
 */
#ifndef DM_DISPLAY_H
#define DM_DISPLAY_H

#include "dm/clock.h"

#include <stdbool.h>
#include <stdint.h>

struct dm_rect {
    int x, y, w, h; /* pixels */
};

struct dm_surface {
    uint32_t *pixels; /* 0x00RRGGBB, rows of width pixels */
    int width, height;
};

#define DM_DISPLAY_MAX_WIDTH  8192
#define DM_DISPLAY_MAX_HEIGHT 8192

/* A front end: VNC, SDL. */
struct dm_viewer {
    void (*resized)(void *opaque, const struct dm_surface *surface);
    void (*updated)(void *opaque, const struct dm_surface *surface, const struct dm_rect *rect);
    void *opaque;
    bool watching; /* wants pixels: dm_display_watch */
    struct dm_viewer *next;
};

/* Where the front end can be reached: what query-vnc says. */
struct dm_display_server {
    bool enabled;
    char host[256], service[16];
    int (*set_password)(void *opaque, const char *password); /* NULL: not supported */
    void *opaque;
};

#define DM_DISPLAY_FAST (16 * DM_NS_PER_MS)   /* between refreshes while things change */
#define DM_DISPLAY_SLOW (1000 * DM_NS_PER_MS) /* while nothing does */

struct dm_display {
    struct dm_clock *clock;
    struct dm_timer timer;
    struct dm_surface surface; /* pixels is NULL while nobody watches */
    int width, height;         /* of the guest's screen */
    /* The device's: render what changed (all: everything) and call dm_display_damage. */
    void (*refresh)(void *opaque, bool all);
    void *opaque;
    struct dm_viewer *viewers;
    struct dm_display_server vnc;
    uint64_t interval, last_refresh, idle;
    bool damaged, all;
};

void dm_display_init(struct dm_display *display, struct dm_clock *clock);
void dm_display_finish(struct dm_display *display);
void dm_display_set_source(struct dm_display *display, void (*refresh)(void *opaque, bool all),
                           void *opaque);

/*
 * The device's side. resize: the screen's new size in pixels; a size beyond
 * DM_DISPLAY_MAX_* or of zero is cut; from within refresh the device then
 * renders everything before it returns. damage: rendered rect into surface (cut
 * to the surface). kick: something may have changed (register or VRAM write by
 * port or window); cheap, and nothing happens when nobody watches.
 */
void dm_display_resize(struct dm_display *display, int width, int height);
void dm_display_damage(struct dm_display *display, const struct dm_rect *rect);
void dm_display_kick(struct dm_display *display);

/*
 * Longest time between refreshes (ns) while nothing changes: DM_DISPLAY_SLOW at
 * first. Shorter where the guest draws into memory and nobody can kick.
 */
void dm_display_set_idle(struct dm_display *display, uint64_t ns);

/* The front end's side. watch starts or stops the refreshes and gives all of the screen first. */
void dm_display_add_viewer(struct dm_display *display, struct dm_viewer *viewer);
void dm_display_remove_viewer(struct dm_display *display, struct dm_viewer *viewer);
void dm_display_watch(struct dm_display *display, struct dm_viewer *viewer, bool on);
bool dm_display_watched(const struct dm_display *display);

#endif
