/* SPDX-License-Identifier: GPL-2.0-or-later */
/* X keysyms, as VNC sends them, to the key codes of dm/input.h, by an XKB layout. */
#ifndef UI_VNC_KEYS_H
#define UI_VNC_KEYS_H

#include "dm/error.h"
#include "dm/input.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One keysym: which key gives it, and with which modifiers held. */
struct keys_entry {
    uint32_t keysym;
    uint8_t code;
    bool shift, altgr;
};

#define KEYS_HELD_MAX 32

struct keys {
    struct keys_entry *entry; /* sorted by keysym */
    size_t count;
    /* Keys a client holds, by the keysym that pressed them. */
    struct {
        uint32_t keysym;
        uint8_t code;
    } held[KEYS_HELD_MAX];
    size_t held_count;
};

/*
 * Loads the layout that -k names: QEMU's names ("en-us", "de-ch", "pt-br") and
 * XKB's ("us", "de"). Returns 0 or -EINVAL with one line in err. Any thread.
 */
int keys_init(struct keys *keys, const char *keymap, struct dm_error *err);
void keys_finish(struct keys *keys);

#define KEYS_EVENTS_MAX 8

struct keys_event {
    uint8_t code;
    bool down;
};

/*
 * Key events for one keysym going down or up, at most KEYS_EVENTS_MAX: the key,
 * and around it Shift or AltGr where the client sent a character without them.
 * leds: what the guest shows (DM_LED_*), so that Caps Lock is not applied twice.
 * Returns their number; 0 for a keysym the layout does not have.
 */
size_t keys_translate(struct keys *keys, uint32_t keysym, bool down, unsigned leds,
                      struct keys_event events[KEYS_EVENTS_MAX]);

/* Forgets what is held: the clients are gone. */
void keys_reset(struct keys *keys);

#endif
