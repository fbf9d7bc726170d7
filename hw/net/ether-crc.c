/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/net/ether-crc.h"

#include "dm/bytes.h"

#include <stdbool.h>

#define POLYNOMIAL 0xedb88320u /* bits reversed */

/* Eight bytes a step: table n is for a byte with n others behind it. Filled on first use. */
static uint32_t crc_table[8][256];

static void crc_table_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? POLYNOMIAL : 0);
        crc_table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int n = 1; n < 8; n++)
            crc_table[n][i] = crc_table[n - 1][i] >> 8 ^ crc_table[0][crc_table[n - 1][i] & 0xff];
}

uint32_t ether_crc(const uint8_t *data, size_t len)
{
    uint32_t c = ~0u;

    if (!crc_table[0][1])
        crc_table_fill();
    for (; len >= 8; len -= 8, data += 8) {
        uint32_t next = (uint32_t)dm_get_le(data + 4, 4);

        c ^= (uint32_t)dm_get_le(data, 4);
        c = crc_table[7][c & 0xff] ^ crc_table[6][c >> 8 & 0xff] ^ crc_table[5][c >> 16 & 0xff] ^
            crc_table[4][c >> 24] ^ crc_table[3][next & 0xff] ^ crc_table[2][next >> 8 & 0xff] ^
            crc_table[1][next >> 16 & 0xff] ^ crc_table[0][next >> 24];
    }
    for (; len; len--, data++)
        c = c >> 8 ^ crc_table[0][(c ^ *data) & 0xff];
    return ~c;
}

unsigned ether_crc_hash(const uint8_t addr[6], unsigned bits)
{
    uint32_t c = ~ether_crc(addr, 6);
    unsigned hash = 0;

    for (; bits; bits--, c >>= 1)
        hash = hash << 1 | (c & 1);
    return hash;
}
