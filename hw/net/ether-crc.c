/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/net/ether-crc.h"

#include "dm/bytes.h"

#include <stdbool.h>
#include <string.h>

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

/* The next len bytes, c being the sum of those before. */
static uint32_t crc_table_add(uint32_t c, const uint8_t *data, size_t len)
{
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
    return c;
}

#if defined(__x86_64__)

/*
 * Carry-less multiplication: 16 bytes are worth the same many bytes further on when both
 * halves are multiplied by x to that many bits, modulo the polynomial. So a frame folds to
 * 16 bytes with the same sum. (Gopal et al., Fast CRC Computation for Generic Polynomials
 * Using PCLMULQDQ, Intel 2009, for reversed bits.)
 */
typedef long long crc_lane __attribute__((vector_size(16)));

static const crc_lane crc_by_64 = { 0x154442bd4, 0x1c6e41596 }; /* bytes further on */
static const crc_lane crc_by_16 = { 0x1751997d0, 0x0ccaa009e };

static crc_lane crc_load(const uint8_t *data)
{
    crc_lane lane;

    memcpy(&lane, data, sizeof(lane));
    return lane;
}

__attribute__((target("pclmul"))) static inline crc_lane crc_fold(crc_lane lane, crc_lane by,
                                                                  crc_lane next)
{
    return __builtin_ia32_pclmulqdq128(lane, by, 0x00) ^
           __builtin_ia32_pclmulqdq128(lane, by, 0x11) ^ next;
}

/* At least 64 bytes; len a multiple of 16. */
__attribute__((target("pclmul"))) static uint32_t crc_folded_add(uint32_t c, const uint8_t *data,
                                                                 size_t len)
{
    const uint8_t *end = data + len;
    crc_lane lane[4], x;
    uint8_t out[16];

    for (int i = 0; i < 4; i++, data += 16)
        lane[i] = crc_load(data);
    lane[0] ^= (crc_lane) { c, 0 };
    for (; end - data >= 64; data += 64)
        for (int i = 0; i < 4; i++)
            lane[i] = crc_fold(lane[i], crc_by_64, crc_load(data + 16 * i));
    x = lane[0];
    for (int i = 1; i < 4; i++)
        x = crc_fold(x, crc_by_16, lane[i]);
    for (; data < end; data += 16)
        x = crc_fold(x, crc_by_16, crc_load(data));
    memcpy(out, &x, sizeof(out));
    return crc_table_add(0, out, sizeof(out));
}

static bool crc_can_fold(void)
{
    return __builtin_cpu_supports("pclmul");
}

#else

static uint32_t crc_folded_add(uint32_t c, const uint8_t *data, size_t len)
{
    return crc_table_add(c, data, len);
}

static bool crc_can_fold(void)
{
    return false;
}

#endif

uint32_t ether_crc(const uint8_t *data, size_t len)
{
    size_t folded = len >= 64 && crc_can_fold() ? len & ~(size_t)15 : 0;
    uint32_t c = ~0u;

    if (folded)
        c = crc_folded_add(c, data, folded);
    return ~crc_table_add(c, data + folded, len - folded);
}

unsigned ether_crc_hash(const uint8_t addr[6], unsigned bits)
{
    uint32_t c = ~ether_crc(addr, 6);
    unsigned hash = 0;

    for (; bits; bits--, c >>= 1)
        hash = hash << 1 | (c & 1);
    return hash;
}
