/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 93C46 serial EEPROM (Microwire) behind a network card: 64 words of 16 bits, read and
 * written over three pins. Microchip 93AA46/93LC46 data sheet DS21749, section 2.
 */
#ifndef HW_NET_EEPROM93XX_H
#define HW_NET_EEPROM93XX_H

#include "dm/state.h"

#include <stdbool.h>
#include <stdint.h>

#define EEPROM93XX_WORDS 64

struct eeprom93xx {
    uint16_t word[EEPROM93XX_WORDS]; /* set by the card */
    uint8_t state;
    uint8_t bits;   /* shifted in or out in this state */
    uint16_t shift; /* of these */
    uint8_t opcode, addr;
    bool cs, sk;   /* levels of the input pins */
    bool out;      /* level of the output pin */
    bool writable; /* EWEN came, and no EWDS since */
};

/* Power-on: deselected and write-protected. The words stay. */
void eeprom93xx_reset(struct eeprom93xx *e);

/* New levels of chip select, clock and data in. */
void eeprom93xx_set(struct eeprom93xx *e, bool cs, bool sk, bool di);

/* Level of data out. Not driven reads as one, as with the pull-up of a card. */
static inline bool eeprom93xx_get(const struct eeprom93xx *e)
{
    return e->out;
}

extern const struct dm_field eeprom93xx_fields[];
int eeprom93xx_post_load(struct eeprom93xx *e); /* 0 or -EINVAL */

#endif
