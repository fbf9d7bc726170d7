/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bus master of an IDE channel: SFF-8038i rev 1.0; Intel 82371SB (PIIX3) data
 * sheet, section 2.7.
 *
 * Differences from the chip: a table entry in memory that is not there ends the
 * command with ABRT and an interrupt, besides the error bit, so that the guest need
 * not wait for its timeout.
 */
#include "hw/ide/ide.h"

#include "dm/bytes.h"
#include "hw/ide/ide-regs.h"

#define PRD_SIZE  8u
#define PRD_BATCH 32u /* entries fetched at once */

static void bm_start(struct ide_channel *ch)
{
    struct ide_bm *bm = &ch->bm;

    bm->next = bm->prdt;
    bm->left = 0;
    bm->last = false;
    bm->status |= BM_STATUS_ACTIVE;
    /* Nobody starts commands on both drives of a channel; the selected one goes first. */
    for (unsigned i = 0; i < IDE_DRIVES; i++) {
        struct ide_drive *d = ch->drive[(i + !!(ch->select & ATA_DEVICE_DEV)) % IDE_DRIVES];

        if (!d || d->phase != IDE_DMA || d->in_flight)
            continue;
        if (d->out == !!(bm->command & BM_COMMAND_READ))
            dm_guest_error(&d->dev, "bus master started in the wrong direction for command %02x",
                           d->command);
        ide_dma_run(d);
    }
}

static void bm_command_write(struct ide_channel *ch, uint8_t val)
{
    uint8_t old = ch->bm.command;

    ch->bm.command = val & (BM_COMMAND_START | BM_COMMAND_READ);
    if (!((old ^ val) & BM_COMMAND_START))
        return;
    /*
     * Stopped with a transfer under way: what is in flight ends, the drive then
     * waits for a new start or a reset.
     */
    if (val & BM_COMMAND_START)
        bm_start(ch);
    else
        ch->bm.status &= (uint8_t)~BM_STATUS_ACTIVE;
}

uint64_t ide_bm_read(struct ide_channel *ch, unsigned off, unsigned size)
{
    uint8_t regs[BM_REGS + 8] = { 0 };

    regs[BM_REG_COMMAND] = ch->bm.command;
    regs[BM_REG_STATUS] = ch->bm.status;
    dm_put_le(regs + BM_REG_PRDT, 4, ch->bm.prdt);
    return dm_get_le(regs + off, size);
}

void ide_bm_write(struct ide_channel *ch, unsigned off, unsigned size, uint64_t val)
{
    struct ide_bm *bm = &ch->bm;
    uint8_t prdt[4];

    for (unsigned i = 0; i < size; i++, off++, val >>= 8) {
        uint8_t v = (uint8_t)val;

        switch (off) {
        case BM_REG_COMMAND:
            bm_command_write(ch, v);
            break;
        case BM_REG_STATUS:
            bm->status =
                (uint8_t)((bm->status & (BM_STATUS_ACTIVE | BM_STATUS_ERROR | BM_STATUS_INT) &
                           ~(v & 0x06)) |
                          (v & BM_STATUS_DRV));
            break;
        case BM_REG_PRDT:
        case BM_REG_PRDT + 1:
        case BM_REG_PRDT + 2:
        case BM_REG_PRDT + 3:
            dm_put_le(prdt, 4, bm->prdt);
            prdt[off - BM_REG_PRDT] = v;
            bm->prdt = (uint32_t)dm_get_le(prdt, 4) & ~3u;
            break;
        }
    }
}

/* Copies entries from address at on, not beyond a page. Returns how many. */
static unsigned bm_fetch(struct ide_channel *ch, uint32_t at, uint8_t table[PRD_BATCH * PRD_SIZE])
{
    unsigned n = (DM_PAGE_SIZE - at % DM_PAGE_SIZE) / PRD_SIZE;

    n = n > PRD_BATCH ? PRD_BATCH : n ? n : 1;
    return dm_dma_read(ch->dma, at, table, n * PRD_SIZE) ? n : 0;
}

size_t ide_bm_collect(struct ide_channel *ch, struct dm_sg *sg, uint64_t want, unsigned unit,
                      bool *fault)
{
    struct ide_bm cur = ch->bm, mark = ch->bm;
    uint8_t table[PRD_BATCH * PRD_SIZE];
    unsigned have = 0, at = 0;
    size_t sum = 0, kept = 0;

    *fault = false;
    dm_sg_init(sg, ch->dma);
    if (!(ch->bm.status & BM_STATUS_ACTIVE))
        return 0;
    /* Every turn adds to the list, which has DM_SG_MAX places, or leaves. */
    while (sum < want && sg->n < DM_SG_MAX) {
        uint64_t n;
        size_t got;

        if (!cur.left) {
            uint32_t size;

            if (cur.last)
                break;
            if (at == have) {
                have = bm_fetch(ch, cur.next, table);
                at = 0;
            }
            *fault = !have;
            if (*fault)
                break;
            cur.addr = (uint32_t)dm_get_le(table + at * PRD_SIZE, 4) & ~1u;
            size = (uint32_t)dm_get_le(table + at * PRD_SIZE + 4, 4);
            cur.left = size & 0xfffe ? size & 0xfffe : 0x10000;
            cur.last = size & PRD_EOT;
            cur.next += PRD_SIZE;
            at++;
        }
        n = want - sum < cur.left ? want - sum : cur.left;
        got = dm_sg_add(sg, ch->dma, cur.addr, n);
        sum += got;
        cur.addr += (uint32_t)got;
        cur.left -= (uint32_t)got;
        if (sum / unit > kept / unit || sum == want) {
            uint32_t back = sum == want ? 0 : (uint32_t)(sum % unit);

            kept = sum - back;
            mark = cur;
            mark.addr -= back;
            mark.left += back;
        }
        *fault = got < n && sg->n < DM_SG_MAX;
        if (*fault)
            break;
    }
    dm_sg_trim(sg, kept);
    if (kept) {
        ch->bm = mark;
        *fault = false; /* it is found again when what comes before has moved */
        return kept;
    }
    ch->bm.status &= (uint8_t)~BM_STATUS_ACTIVE;
    if (*fault) {
        ch->bm.status |= BM_STATUS_ERROR;
        dm_guest_error(ch->owner, "bus master: no memory behind the table at %#x", ch->bm.prdt);
    } else {
        /* Table shorter than the transfer: neither active nor interrupt (SFF-8038i, 3.1). */
        dm_guest_error(ch->owner, "bus master: the table at %#x ends before the data", ch->bm.prdt);
    }
    return 0;
}

void ide_bm_end(struct ide_channel *ch)
{
    /* With more table than data the engine stays active until it is stopped. */
    if (ch->bm.last && !ch->bm.left)
        ch->bm.status &= (uint8_t)~BM_STATUS_ACTIVE;
}
