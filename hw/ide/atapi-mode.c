/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mode pages of an ATAPI CD/DVD-ROM drive: MMC-5, 7; pages 0Dh and 0Eh: SFF-8020i, 10.8.6. */
#include "hw/ide/atapi-regs.h"

#include <string.h>

#define MODE_PAGE_ALL 0x3f
#define MODE_PAGE_MAX 26 /* bytes of the longest page, 2Ah */

enum {
    MODE_RECOVERY = 0x01,
    MODE_CD = 0x0d,
    MODE_AUDIO = 0x0e,
    MODE_POWER = 0x1a,
    MODE_CAPABILITIES = 0x2a,
};

enum { MODE_CURRENT, MODE_CHANGEABLE, MODE_DEFAULT, MODE_SAVED };

struct mode_page {
    uint8_t code, size; /* bytes, with the two of the page's header */
    void (*fill)(const struct atapi *a, uint8_t *page, unsigned control);
};

static void mode_fill_recovery(const struct atapi *a, uint8_t *page, unsigned control)
{
    static const uint8_t by_control[] = { [MODE_CHANGEABLE] = 0xff, [MODE_DEFAULT] = 0 };

    page[2] = control == MODE_CURRENT ? a->recovery : by_control[control];
    page[3] = control == MODE_CURRENT ? a->retries : by_control[control];
}

static void mode_fill_cd(const struct atapi *a, uint8_t *page, unsigned control)
{
    if (control == MODE_CHANGEABLE)
        return;
    page[3] = 0x0d; /* stops after 16 minutes */
    dm_put_be(page + 4, 2, 60);
    dm_put_be(page + 6, 2, 75);
}

static void mode_fill_audio(const struct atapi *a, uint8_t *page, unsigned control)
{
    page[2] = control == MODE_CHANGEABLE ? 0 : 0x04; /* IMMED */
    for (unsigned i = 0; i < 2; i++) {
        page[8 + 2 * i] = control == MODE_CHANGEABLE ? 0 : (uint8_t)(1 << i);
        page[9 + 2 * i] = control == MODE_CURRENT ? a->volume[i] : 0xff;
    }
}

static void mode_fill_nothing(const struct atapi *a, uint8_t *page, unsigned control)
{
    (void)a;
    (void)page;
    (void)control;
}

static void mode_fill_capabilities(const struct atapi *a, uint8_t *page, unsigned control)
{
    if (control == MODE_CHANGEABLE)
        return;
    page[2] = 0x0b; /* reads CD-R, CD-RW, DVD-ROM */
    page[4] = 0x40; /* multisession */
    page[6] = (uint8_t)(ATAPI_LOADING | (a->locked ? 0x02 : 0));
    dm_put_be(page + 8, 2, ATAPI_SPEED);
    dm_put_be(page + 10, 2, 256); /* volume levels */
    dm_put_be(page + 12, 2, ATAPI_BUFFER_KB);
    dm_put_be(page + 14, 2, ATAPI_SPEED);
}

static const struct mode_page mode_pages[] = {
    { MODE_RECOVERY, 12, mode_fill_recovery },
    { MODE_CD, 8, mode_fill_cd },
    { MODE_AUDIO, 16, mode_fill_audio },
    { MODE_POWER, 12, mode_fill_nothing },
    { MODE_CAPABILITIES, MODE_PAGE_MAX, mode_fill_capabilities },
};

/* SFF-8020i, table 78: what is in the tray. */
static uint8_t mode_medium_type(const struct atapi *a)
{
    if (a->tray_open)
        return 0x71;
    if (!atapi_blocks(a))
        return 0x70;
    return atapi_is_dvd(a) ? 0x00 : 0x01; /* DVDs have no type of their own; 120 mm data CD */
}

enum atapi_result atapi_mode_sense(struct atapi *a, const uint8_t *p)
{
    bool ten = p[0] == ATAPI_MODE_SENSE_10, found = false;
    uint8_t *b = atapi_answer(a), want = p[2] & 0x3f;
    uint32_t n = ten ? 8 : 4;
    unsigned control = p[2] >> 6;

    if (control == MODE_SAVED)
        return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_SAVING_NOT_SUPPORTED);
    for (size_t i = 0; i < DM_ARRAY_LEN(mode_pages); i++) {
        const struct mode_page *page = &mode_pages[i];

        if (want != MODE_PAGE_ALL && want != page->code)
            continue;
        b[n] = page->code;
        b[n + 1] = (uint8_t)(page->size - 2);
        page->fill(a, b + n, control);
        n += page->size;
        found = true;
    }
    if (!found)
        return atapi_invalid(a);
    if (ten) {
        dm_put_be(b, 2, n - 2);
        b[2] = mode_medium_type(a);
        return atapi_answered(a, n, (uint32_t)dm_get_be(p + 7, 2));
    }
    b[0] = (uint8_t)(n - 1);
    b[1] = mode_medium_type(a);
    return atapi_answered(a, n, p[4]);
}

enum atapi_result atapi_mode_select(struct atapi *a, const uint8_t *p)
{
    uint32_t len = p[0] == ATAPI_MODE_SELECT_10 ? (uint32_t)dm_get_be(p + 7, 2) : p[4];

    if (p[1] & 0x1) /* save pages */
        return atapi_invalid(a);
    if (len > ATAPI_BUF)
        return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH_ERROR);
    atapi_answer(a);
    a->len = len;
    return len ? ATAPI_DATA_OUT : ATAPI_NODATA;
}

static const struct mode_page *mode_find(uint8_t code)
{
    for (size_t i = 0; i < DM_ARRAY_LEN(mode_pages); i++)
        if (mode_pages[i].code == code)
            return &mode_pages[i];
    return NULL;
}

static void mode_apply(struct atapi *a, const uint8_t *page)
{
    if (page[0] == MODE_RECOVERY) {
        a->recovery = page[2];
        a->retries = page[3];
    } else if (page[0] == MODE_AUDIO) {
        a->volume[0] = page[9];
        a->volume[1] = page[11];
    }
}

/* First all pages are checked, then all are taken: a bad list changes nothing. */
enum atapi_result atapi_mode_selected(struct atapi *a)
{
    bool ten = a->opcode == ATAPI_MODE_SELECT_10;
    uint32_t start = ten ? 8 : 4;
    const uint8_t *b = a->buf;

    if (a->len < start)
        return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH_ERROR);
    start += ten ? (uint32_t)dm_get_be(b + 6, 2) : b[3]; /* block descriptors: not ours */
    for (unsigned pass = 0; pass < 2; pass++) {
        uint32_t at = start;

        while (at < a->len) {
            const struct mode_page *page = mode_find(b[at] & 0x3f);

            if (!dm_in_range(at, 2, a->len) || !dm_in_range(at + 2, b[at + 1], a->len))
                return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH_ERROR);
            /* SFF-8020i has a shorter page 01h: 8 bytes. */
            if (!page || (b[at + 1] + 2 != page->size &&
                          (page->code != MODE_RECOVERY || b[at + 1] + 2 != 8)))
                return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_PARAMETERS);
            if (pass)
                mode_apply(a, b + at);
            at += b[at + 1] + 2u;
        }
    }
    if (start > a->len)
        return atapi_check(a, SENSE_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH_ERROR);
    return ATAPI_NODATA;
}
