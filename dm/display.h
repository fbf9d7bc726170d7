/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's screen between the display device and the viewers. The device
 * renders damaged parts into one surface, and only while someone looks and can
 * take a new picture. All calls on the loop thread; a viewer with a thread of its
 * own may read the surface there while it keeps begin() from succeeding.
 *
 * When to look for changes: docs/ARCHITECTURE.md, "The screen".
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

/* A front end: VNC, SDL. Only resized and updated must be there. */
struct dm_viewer {
    void (*resized)(void *opaque, const struct dm_surface *surface);
    void (*updated)(void *opaque, const struct dm_surface *surface, const struct dm_rect *rect);
    /*
     * The surface - pixels, size, the memory itself - changes between begin and end and at no
     * other time; resized and updated come in between. begin may say false unless it is to wait:
     * then there is another attempt soon.
     */
    bool (*begin)(void *opaque, bool wait);
    void (*end)(void *opaque);
    /* Can it take a new picture? Whoever says false calls dm_display_ready when it can. */
    bool (*ready)(void *opaque);
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

/* Between two looks at the guest's screen: */
#define DM_DISPLAY_FRAME     (16 * DM_NS_PER_MS) /* while much changes, or something did of late */
#define DM_DISPLAY_FAST      (8 * DM_NS_PER_MS)  /* while little changes */
#define DM_DISPLAY_SLOW      (1200 * DM_NS_PER_MS) /* when nothing has changed for long */
#define DM_DISPLAY_RETRY     DM_NS_PER_MS          /* a viewer was reading */
/* How long after the last sign of life it stays at FAST, at FRAME: */
#define DM_DISPLAY_FAST_FOR  (500 * DM_NS_PER_MS)
#define DM_DISPLAY_FRAME_FOR (6 * DM_NS_PER_SEC)
#define DM_DISPLAY_STIR_FOR  (100 * DM_NS_PER_MS) /* after dm_display_stir */

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
    uint64_t last;           /* look */
    uint64_t alive, stirred; /* last time that something changed; that the guest did anything */
    uint64_t damage;         /* pixels, of the last look */
    bool polled;             /* dm_display_set_polled */
    bool all;                /* the next look is at everything */
    bool kicked, moved;      /* since the last look: dm_display_kick, dm_display_stir */
    bool looked;             /* in this turn of the loop */
    bool waiting;            /* no viewer is ready: no timer runs */
    bool begun;              /* viewers' begin */
};

void dm_display_init(struct dm_display *display, struct dm_clock *clock);
void dm_display_finish(struct dm_display *display);
void dm_display_set_source(struct dm_display *display, void (*refresh)(void *opaque, bool all),
                           void *opaque);

/*
 * The device's side. resize: the screen's new size in pixels; a size beyond
 * DM_DISPLAY_MAX_* or of zero is cut; from within refresh the device then
 * renders everything before it returns. damage: rendered rect into surface (cut
 * to the surface), from within refresh. kick: something may have changed
 * (register or VRAM write by port or window); cheap, and nothing happens when
 * nobody watches.
 */
void dm_display_resize(struct dm_display *display, int width, int height);
void dm_display_damage(struct dm_display *display, const struct dm_rect *rect);
void dm_display_kick(struct dm_display *display);

/*
 * The guest draws into memory, and nobody kicks: the screen is looked at from time to time.
 * false, as at first: only after a kick.
 */
void dm_display_set_polled(struct dm_display *display, bool polled);

/*
 * The process woke, so perhaps the guest did something; it may have drawn as well. Once before
 * the loop sleeps; wakeups of dm/display's own are not counted.
 */
void dm_display_stir(struct dm_display *display);

/* The front end's side. watch starts or stops the looks and gives all of the screen first. */
void dm_display_add_viewer(struct dm_display *display, struct dm_viewer *viewer);
void dm_display_remove_viewer(struct dm_display *display, struct dm_viewer *viewer);
void dm_display_watch(struct dm_display *display, struct dm_viewer *viewer, bool on);
bool dm_display_watched(const struct dm_display *display);
void dm_display_ready(struct dm_display *display); /* a viewer became ready */

#endif
