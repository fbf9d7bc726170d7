/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IDENTIFY DEVICE and IDENTIFY PACKET DEVICE: ATA/ATAPI-6 (T13/1410D rev 3b) 8.15, 8.16. */
#include "dm/bytes.h"
#include "hw/ide/ide-regs.h"
#include "hw/ide/ide.h"

#include <string.h>

/* Text in words, first letter in the high byte, filled with spaces (8.15.8). */
static void identify_string(uint16_t *id, unsigned words, const char *text)
{
    size_t len = strlen(text);

    for (unsigned i = 0; i < words * 2; i++) {
        uint8_t c = i < len && text[i] >= ' ' && text[i] <= '~' ? (uint8_t)text[i] : ' ';

        if (i % 2 == 0)
            id[i / 2] = (uint16_t)(c << 8);
        else
            id[i / 2] |= c;
    }
}

static void identify_number(uint16_t *id, unsigned words, uint64_t n)
{
    for (unsigned i = 0; i < words; i++, n >>= 16)
        id[i] = (uint16_t)n;
}

/* Modes that can be selected and the one that is: words 63 and 88 (8.15.28, 8.15.43). */
static void identify_modes(const struct ide_drive *d, uint16_t id[256])
{
    id[63] = 0x0007;
    id[88] = 0x003f;
    if (d->dma_mode >> 3 == 4)
        id[63] |= (uint16_t)(0x100 << (d->dma_mode & 7));
    if (d->dma_mode >> 3 == 8)
        id[88] |= (uint16_t)(0x100 << (d->dma_mode & 7));
    /* 80-wire cable; who we are was told by a jumper, and diagnosis passed (8.15.45). */
    id[93] = d->unit ? 0x6b00 : 0x600b;
}

static void identify_finish(struct ide_drive *d, const uint16_t id[256])
{
    uint8_t sum = 0xa5;

    for (unsigned i = 0; i < 256; i++)
        dm_put_le(d->buf + 2 * i, 2, id[i]);
    /* Integrity word: the 512 bytes add up to zero (8.15.61). */
    d->buf[510] = 0xa5;
    for (unsigned i = 0; i < 510; i++)
        sum = (uint8_t)(sum + d->buf[i]);
    d->buf[511] = (uint8_t)-sum;
}

static uint32_t identify_cylinders(const struct ide_drive *d, unsigned heads, unsigned spt,
                                   uint32_t max)
{
    uint64_t n = d->sectors / (heads * spt);

    return n < 1 ? 1 : n > max ? max : (uint32_t)n;
}

void ata_identify(struct ide_drive *d)
{
    uint32_t cylinders, current, heads = 16, spt = 63;
    uint16_t id[256] = { 0 };

    if (d->sectors < 16u * 63) {
        heads = 1;
        spt = d->sectors < 63 ? (uint32_t)d->sectors : 63;
    }
    cylinders = identify_cylinders(d, heads, spt, 16383);
    current = identify_cylinders(d, d->heads, d->spt, 65535);

    id[0] = 0x0040; /* ATA, not removable */
    id[1] = (uint16_t)cylinders;
    id[2] = 0xc837; /* spins up by itself; this data is complete */
    id[3] = (uint16_t)heads;
    id[6] = (uint16_t)spt;
    identify_string(id + 10, 10, d->serial);
    identify_string(id + 23, 4, d->ver);
    identify_string(id + 27, 20, d->model);
    id[47] = 0x8000 | IDE_MULT_MAX;
    id[48] = 0x0001; /* 32-bit data port accesses work (ATA-1); Linux then uses them */
    id[49] = 0x2f00; /* standby timer, IORDY, LBA, DMA */
    id[50] = 0x4000;
    id[51] = 0x0200; /* obsolete: PIO mode 2 */
    id[53] = 0x0007; /* words 54-58, 64-70, 88 are valid */
    id[54] = (uint16_t)current;
    id[55] = d->heads;
    id[56] = d->spt;
    identify_number(id + 57, 2, (uint64_t)current * d->heads * d->spt);
    id[59] = d->mult ? 0x0100 | d->mult : 0;
    identify_number(id + 60, 2, d->sectors < 0x0fffffff ? d->sectors : 0x0fffffff);
    id[64] = 0x0003;                         /* PIO 3 and 4 */
    id[65] = id[66] = id[67] = id[68] = 120; /* ns */
    id[80] = 0x00f0;                         /* ATA/ATAPI-4 to 7; TRIM needs 7 for Linux */
    id[82] = 0x4069;                         /* NOP, look-ahead, write cache, power, SMART */
    id[83] = 0x7400;                         /* FLUSH CACHE (EXT), 48-bit */
    id[84] = 0x4043;                         /* WRITE FUA, SMART self-test and log */
    id[85] = (uint16_t)(0x4008 | d->look_ahead << 6 | d->write_cache << 5 | d->smart);
    id[86] = 0x3400;
    id[87] = 0x4043;
    identify_modes(d, id);
    identify_number(id + 100, 4, d->sectors);
    if (d->block->discard) {
        id[105] = 8; /* blocks of ranges a DATA SET MANAGEMENT may have */
        id[169] = 0x0001;
    }
    identify_finish(d, id);
}

void ata_identify_packet(struct ide_drive *d)
{
    uint16_t id[256] = { 0 };

    d->cd->identify(d, id);
    identify_string(id + 10, 10, d->serial);
    identify_string(id + 23, 4, d->ver);
    identify_string(id + 27, 20, d->model);
    identify_modes(d, id);
    identify_finish(d, id);
}
