/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keyboard and pointer events from front ends to devices. Key codes are those of
 * Linux's input layer (1 = Esc, 30 = A ...; input-event-codes.h), which xkbcommon
 * uses too, less its offset of 8. Loop thread only.
 */
#ifndef DM_INPUT_H
#define DM_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#define DM_KEY_MAX    0x100
#define DM_INPUT_AXIS 0x7fff /* absolute positions go from 0 to this */

enum {
    DM_BUTTON_LEFT = 1,
    DM_BUTTON_MIDDLE = 2,
    DM_BUTTON_RIGHT = 4,
    DM_BUTTON_SIDE = 8, /* "back" */
    DM_BUTTON_EXTRA = 16,
};
enum { DM_LED_SCROLL = 1, DM_LED_NUM = 2, DM_LED_CAPS = 4 };

/* A device that takes events. Any function may be NULL. */
struct dm_input_sink {
    void (*key)(void *opaque, unsigned code, bool down);
    void (*relative)(void *opaque, int dx, int dy, int dz, unsigned buttons); /* y down, z up */
    void (*absolute)(void *opaque, int x, int y, int dz, unsigned buttons);
    void *opaque;
    struct dm_input_sink *next;
};

struct dm_input {
    struct dm_input_sink *sinks; /* last registered first: it gets the event if it can take it */
    unsigned buttons;
    int x, y; /* last position, pixels */
    bool placed;
    uint8_t leds;
    uint32_t down[DM_KEY_MAX / 32];                    /* keys held, so that all can be released */
    uint32_t told[DM_KEY_MAX / 32];                    /* the same, as the device knows */
    bool held;                                         /* events reach no device */
    void (*leds_changed)(void *opaque, unsigned leds); /* the front end's. May be NULL */
    void *leds_opaque;
};

void dm_input_add(struct dm_input *input, struct dm_input_sink *sink);
void dm_input_remove(struct dm_input *input, struct dm_input_sink *sink);

/* A key went down or up. Codes of DM_KEY_MAX and above are dropped. */
void dm_input_key(struct dm_input *input, unsigned code, bool down);
void dm_input_release_all(struct dm_input *input);

/*
 * While hold no event reaches a device: keys pressed are lost, moves come later in one.
 * Keys released meanwhile are released at the end.
 */
void dm_input_hold(struct dm_input *input, bool hold);

/*
 * The pointer is at pixel x, y of a screen of width × height; dz is wheel steps
 * (up positive). An absolute device gets the place, a relative one the way from
 * the last place.
 */
void dm_input_pointer(struct dm_input *input, int x, int y, int dz, unsigned buttons, int width,
                      int height);
void dm_input_motion(struct dm_input *input, int dx, int dy, int dz, unsigned buttons);
bool dm_input_is_absolute(const struct dm_input *input);

void dm_input_set_leds(struct dm_input *input, unsigned leds); /* the device's side */

#endif
