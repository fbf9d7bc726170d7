/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CD frames as READ CD wants them: ECMA-130, 14 (sectors) and annex A (error correction). */
#include "hw/ide/atapi-regs.h"

#include <assert.h>
#include <string.h>

#define FRAME_EDC_AT 2064
#define FRAME_P_AT   2076
#define FRAME_Q_AT   2248

static_assert(FRAME_Q_AT + 104 == ATAPI_FRAME, "the Q parities end the frame");

uint16_t atapi_frame_size(uint8_t parts)
{
    static const uint16_t sizes[] = {
        [FRAME_HEADER] = 4,
        [FRAME_SYNC] = 12,
        [FRAME_SYNC | FRAME_HEADER] = 16,
        [FRAME_DATA] = 2048,
        [FRAME_DATA | FRAME_ECC] = 2336,
        [FRAME_HEADER | FRAME_DATA] = 2052,
        [FRAME_HEADER | FRAME_DATA | FRAME_ECC] = 2340,
        [FRAME_SYNC | FRAME_HEADER | FRAME_DATA] = 2064,
        [FRAME_SYNC | FRAME_HEADER | FRAME_DATA | FRAME_ECC] = ATAPI_FRAME,
    };

    return parts < DM_ARRAY_LEN(sizes) ? sizes[parts] : 0;
}

static uint8_t frame_bcd(uint8_t v)
{
    return (uint8_t)(v / 10 % 10 << 4 | v % 10);
}

/* ECMA-130, 14.3: CRC of (x^16 + x^15 + x^2 + 1)(x^16 + x^2 + x + 1), low bit first. */
static uint32_t frame_edc(const uint8_t *data, size_t len)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xd8018001u : 0);
    }
    return crc;
}

/* Times alpha in GF(2^8) of x^8 + x^4 + x^3 + x^2 + 1. */
static uint8_t frame_gf_double(uint8_t v)
{
    return (uint8_t)(v << 1 ^ (v & 0x80 ? 0x1d : 0));
}

/* Divides by alpha + 1 (3): times its inverse, f4h. */
static uint8_t frame_gf_divide(uint8_t v)
{
    uint8_t product = 0, factor = 0xf4;

    for (unsigned bit = 0; bit < 8; bit++, v = frame_gf_double(v))
        product ^= factor >> bit & 1 ? v : 0;
    return product;
}

/*
 * Two parity bytes for each of the words, which are size bytes long. Even and odd bytes
 * of the frame are words of their own; a word's bytes are byte_step apart and wrap at
 * total. With its parities a word sums up to zero, and so it does weighted by alpha^n.
 */
static void frame_parity(const uint8_t *in, uint8_t *out, unsigned words, unsigned size,
                         unsigned word_step, unsigned byte_step, unsigned total)
{
    for (unsigned w = 0; w < words; w++) {
        unsigned at = (w >> 1) * word_step + (w & 1);
        uint8_t sum = 0, weighted = 0;

        for (unsigned k = 0; k < size; k++, at += byte_step) {
            uint8_t v = in[at % total];

            weighted = frame_gf_double(weighted ^ v);
            sum ^= v;
        }
        weighted = frame_gf_divide(frame_gf_double(weighted) ^ sum);
        out[w] = weighted;
        out[w + words] = weighted ^ sum;
    }
}

static void frame_make(uint8_t frame[ATAPI_FRAME], uint32_t lba, const uint8_t *data)
{
    uint8_t msf[3];

    memset(frame, 0, ATAPI_FRAME);
    memset(frame + 1, 0xff, 10);
    atapi_put_msf(msf, lba);
    for (unsigned i = 0; i < 3; i++)
        frame[12 + i] = frame_bcd(msf[i]);
    frame[15] = 1; /* mode */
    memcpy(frame + 16, data, ATAPI_SECTOR);
    dm_put_le(frame + FRAME_EDC_AT, 4, frame_edc(frame, FRAME_EDC_AT));
    frame_parity(frame + 12, frame + FRAME_P_AT, 86, 24, 2, 86, FRAME_P_AT - 12);
    frame_parity(frame + 12, frame + FRAME_Q_AT, 52, 43, 86, 88, FRAME_Q_AT - 12);
}

void atapi_frame(const struct atapi *a, uint64_t lba, const uint8_t data[ATAPI_SECTOR],
                 uint8_t *out)
{
    unsigned at = a->frame & FRAME_SYNC ? 0 : a->frame & FRAME_HEADER ? 12 : 16;
    uint8_t frame[ATAPI_FRAME];

    frame_make(frame, (uint32_t)lba, data);
    memcpy(out, frame + at, a->sector_size);
}
