/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two devices behind the keyboard controller: parts of the i8042 device, not
 * classes of their own. Each hands over one byte at a time when it is asked.
 */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include "dm/machine.h"

#define PS2_QUEUE 256 /* a power of two */
#define PS2_REPLY 8

/* Bytes on their way to the controller. Replies to a command overtake what is queued. */
struct ps2_queue {
    uint8_t data[PS2_QUEUE];
    uint16_t head, count; /* a ring */
    uint8_t reply[PS2_REPLY], reply_count;
};

/* Bytes that wait, replies included. */
static inline unsigned ps2_queue_count(const struct ps2_queue *q)
{
    return q->reply_count + q->count;
}

void ps2_queue_clear(struct ps2_queue *q);

/* All of them or, if they would leave fewer than spare free places, none. */
bool ps2_queue_put(struct ps2_queue *q, const uint8_t *data, size_t len, size_t spare);

/* Answers a command; an answer not fetched yet is replaced. len: up to PS2_REPLY. */
void ps2_queue_reply(struct ps2_queue *q, const uint8_t *data, size_t len);

/* Takes the next byte. false: there is none. */
bool ps2_queue_take(struct ps2_queue *q, uint8_t *byte);
bool ps2_queue_is_valid(const struct ps2_queue *q);

extern const struct dm_field ps2_queue_fields[];

struct ps2_kbd {
    struct ps2_queue q;
    uint8_t command;       /* waits for its parameter; 0: none */
    uint8_t set;           /* scan codes, 1 to 3 */
    uint8_t leds;          /* DM_LED_... */
    uint8_t sysrq;         /* how PrintScreen went down, so that it comes up alike */
    uint8_t last;          /* byte sent, for resend */
    bool scanning;         /* sends keys */
    uint8_t down[32];      /* a bit a Linux code: its make was sent, its break is due */
    uint8_t make_only[32]; /* a bit a code of set 3: sends no break */

    struct dm_machine *machine;
};

void ps2_kbd_init(struct ps2_kbd *k, struct dm_machine *machine);
void ps2_kbd_reset(struct ps2_kbd *k);
void ps2_kbd_write(struct ps2_kbd *k, uint8_t byte); /* from the controller */
bool ps2_kbd_take(struct ps2_kbd *k, uint8_t *byte); /* to the controller */
void ps2_kbd_key(struct ps2_kbd *k, unsigned code, bool down);
int ps2_kbd_post_load(struct ps2_kbd *k);

extern const struct dm_field ps2_kbd_fields[];
extern const uint8_t ps2_set2_to_set1[256]; /* what the controller's translation does */

struct ps2_mouse {
    struct ps2_queue q;
    uint8_t command; /* waits for its parameter; 0: none */
    uint8_t id;      /* 0, 3 IntelliMouse, 4 IntelliMouse Explorer */
    uint8_t rate, resolution;
    uint8_t knock[3]; /* the last rates set, newest last */
    bool stream, enabled, wrap, scaled;
    uint8_t buttons, sent_buttons; /* DM_BUTTON_...: now, and in the last packet */
    uint32_t dx, dy, dz;           /* int32_t: movement not reported yet */
    uint8_t last[4], last_len;     /* sent, for resend */
    struct dm_timer sample;        /* armed: too soon for another packet */

    struct dm_machine *machine;
    void (*changed)(void *opaque); /* there may be bytes to take */
    void *opaque;
};

void ps2_mouse_init(struct ps2_mouse *m, struct dm_machine *machine, void (*changed)(void *opaque),
                    void *opaque);
void ps2_mouse_finish(struct ps2_mouse *m);
void ps2_mouse_reset(struct ps2_mouse *m);
void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte);
bool ps2_mouse_ready(struct ps2_mouse *m); /* are there bytes to take? */
bool ps2_mouse_take(struct ps2_mouse *m, uint8_t *byte);
/* As dm_input_sink: y down, z up. */
void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, unsigned buttons);
int ps2_mouse_post_load(struct ps2_mouse *m);

extern const struct dm_field ps2_mouse_fields[];

#endif
