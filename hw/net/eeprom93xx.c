/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/net/eeprom93xx.h"

#include <errno.h>

#define ADDR_BITS 6
#define ADDR_MASK (EEPROM93XX_WORDS - 1)
#define DATA_BITS 16

enum { EEPROM_WAIT, EEPROM_COMMAND, EEPROM_READ, EEPROM_WRITE, EEPROM_DONE, EEPROM_STATES };

/* Opcodes, with those that take the two upper address bits as a part behind them. */
enum { OP_EXTEND, OP_WRITE, OP_READ, OP_ERASE, OP_EWDS = 4, OP_WRAL, OP_ERAL, OP_EWEN };

void eeprom93xx_reset(struct eeprom93xx *e)
{
    e->state = EEPROM_WAIT;
    e->bits = e->opcode = e->addr = 0;
    e->shift = 0;
    e->cs = e->sk = e->writable = false;
    e->out = true;
}

static void eeprom_fill(struct eeprom93xx *e, uint16_t val)
{
    for (unsigned i = 0; i < EEPROM93XX_WORDS; i++)
        e->word[i] = val;
}

/* The opcode and the address are in. */
static void eeprom_decode(struct eeprom93xx *e)
{
    e->addr = e->shift & ADDR_MASK;
    e->opcode = (uint8_t)(e->shift >> ADDR_BITS & 3);
    if (e->opcode == OP_EXTEND)
        e->opcode = (uint8_t)(OP_EWDS + (e->addr >> (ADDR_BITS - 2)));
    e->bits = 0;
    switch (e->opcode) {
    case OP_READ:
        e->state = EEPROM_READ;
        e->shift = e->word[e->addr];
        e->out = false; /* the dummy bit before D15 */
        break;
    case OP_WRITE:
    case OP_WRAL:
        e->state = EEPROM_WRITE;
        e->shift = 0;
        break;
    default:
        e->state = EEPROM_DONE;
    }
}

/* What waits for the end of chip select: the chip's self-timed part, here at once. */
static void eeprom_execute(struct eeprom93xx *e)
{
    if (e->state != EEPROM_DONE)
        return;
    if (e->opcode == OP_EWEN)
        e->writable = true;
    else if (e->opcode == OP_EWDS)
        e->writable = false;
    else if (e->writable && e->opcode == OP_WRITE)
        e->word[e->addr] = e->shift;
    else if (e->writable && e->opcode == OP_ERASE)
        e->word[e->addr] = 0xffff;
    else if (e->writable && e->opcode == OP_WRAL)
        eeprom_fill(e, e->shift);
    else if (e->writable && e->opcode == OP_ERAL)
        eeprom_fill(e, 0xffff);
}

static void eeprom_clock(struct eeprom93xx *e, bool di)
{
    switch (e->state) {
    case EEPROM_WAIT:
        if (di) { /* the start bit */
            e->state = EEPROM_COMMAND;
            e->bits = 0;
            e->shift = 0;
        }
        break;
    case EEPROM_COMMAND:
        e->shift = (uint16_t)(e->shift << 1 | di);
        if (++e->bits == 2 + ADDR_BITS)
            eeprom_decode(e);
        break;
    case EEPROM_READ:
        e->out = e->shift >> 15;
        e->shift = (uint16_t)(e->shift << 1);
        if (++e->bits == DATA_BITS) { /* goes on with the next word */
            e->bits = 0;
            e->addr = (e->addr + 1) & ADDR_MASK;
            e->shift = e->word[e->addr];
        }
        break;
    case EEPROM_WRITE:
        e->shift = (uint16_t)(e->shift << 1 | di);
        if (++e->bits == DATA_BITS)
            e->state = EEPROM_DONE;
        break;
    default: /* further clocks change nothing */
        break;
    }
}

void eeprom93xx_set(struct eeprom93xx *e, bool cs, bool sk, bool di)
{
    if (e->cs && !cs)
        eeprom_execute(e);
    if (e->cs != cs) {
        e->state = EEPROM_WAIT;
        e->out = true; /* selected: ready; else: not driven */
    } else if (cs && sk && !e->sk) {
        eeprom_clock(e, di);
    }
    e->cs = cs;
    e->sk = sk;
}

const struct dm_field eeprom93xx_fields[] = {
    DM_UINTS(struct eeprom93xx, word, 1),
    DM_UINT(struct eeprom93xx, state, 1),
    DM_UINT(struct eeprom93xx, bits, 1),
    DM_UINT(struct eeprom93xx, shift, 1),
    DM_UINT(struct eeprom93xx, opcode, 1),
    DM_UINT(struct eeprom93xx, addr, 1),
    DM_BOOL(struct eeprom93xx, cs, 1),
    DM_BOOL(struct eeprom93xx, sk, 1),
    DM_BOOL(struct eeprom93xx, out, 1),
    DM_BOOL(struct eeprom93xx, writable, 1),
    DM_FIELDS_END,
};

int eeprom93xx_post_load(struct eeprom93xx *e)
{
    unsigned limit = e->state == EEPROM_COMMAND ? 2 + ADDR_BITS : DATA_BITS + 1;

    return e->state < EEPROM_STATES && e->bits < limit && e->addr <= ADDR_MASK &&
                   e->opcode <= OP_EWEN
               ? 0
               : -EINVAL;
}
