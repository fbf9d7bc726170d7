/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers of the ATAPI command set: INF-8090 (Mt. Fuji) 5, T10 MMC-5 rev 4, SPC-3 rev 23.
 * Also what the files atapi*.c share.
 */
#ifndef HW_IDE_ATAPI_REGS_H
#define HW_IDE_ATAPI_REGS_H

#include "dm/bytes.h"
#include "hw/ide/atapi.h"

/* Operation codes, MMC-5 table 257. */
enum {
    ATAPI_TEST_UNIT_READY = 0x00,
    ATAPI_REQUEST_SENSE = 0x03,
    ATAPI_INQUIRY = 0x12,
    ATAPI_MODE_SELECT_6 = 0x15,
    ATAPI_MODE_SENSE_6 = 0x1a,
    ATAPI_START_STOP_UNIT = 0x1b,
    ATAPI_PREVENT_ALLOW = 0x1e,
    ATAPI_READ_CAPACITY = 0x25,
    ATAPI_READ_10 = 0x28,
    ATAPI_SEEK_10 = 0x2b,
    ATAPI_SYNCHRONIZE_CACHE = 0x35,
    ATAPI_READ_SUBCHANNEL = 0x42,
    ATAPI_READ_TOC = 0x43,
    ATAPI_GET_CONFIGURATION = 0x46,
    ATAPI_GET_EVENT_STATUS = 0x4a,
    ATAPI_READ_DISC_INFORMATION = 0x51,
    ATAPI_READ_TRACK_INFORMATION = 0x52,
    ATAPI_MODE_SELECT_10 = 0x55,
    ATAPI_MODE_SENSE_10 = 0x5a,
    ATAPI_READ_BUFFER_CAPACITY = 0x5c,
    ATAPI_REPORT_LUNS = 0xa0,
    ATAPI_SET_READ_AHEAD = 0xa7,
    ATAPI_READ_12 = 0xa8,
    ATAPI_GET_PERFORMANCE = 0xac,
    ATAPI_READ_DVD_STRUCTURE = 0xad,
    ATAPI_READ_CD_MSF = 0xb9,
    ATAPI_SET_CD_SPEED = 0xbb,
    ATAPI_MECHANISM_STATUS = 0xbd,
    ATAPI_READ_CD = 0xbe,
};

/* Sense keys, SPC-3 table 27. */
enum {
    SENSE_NONE = 0x0,
    SENSE_NOT_READY = 0x2,
    SENSE_MEDIUM_ERROR = 0x3,
    SENSE_HARDWARE_ERROR = 0x4,
    SENSE_ILLEGAL_REQUEST = 0x5,
    SENSE_UNIT_ATTENTION = 0x6,
    SENSE_ABORTED_COMMAND = 0xb,
};

/* Additional sense codes with their qualifiers, ASC << 8 | ASCQ, SPC-3 table 28. */
enum {
    ASC_UNRECOVERED_READ_ERROR = 0x1100,
    ASC_PARAMETER_LIST_LENGTH_ERROR = 0x1a00,
    ASC_INVALID_OPCODE = 0x2000,
    ASC_LBA_OUT_OF_RANGE = 0x2100,
    ASC_INVALID_FIELD_IN_CDB = 0x2400,
    ASC_INVALID_FIELD_IN_PARAMETERS = 0x2600,
    ASC_MEDIUM_MAY_HAVE_CHANGED = 0x2800,
    ASC_POWER_ON_OR_RESET = 0x2900,
    ASC_INCOMPATIBLE_MEDIUM = 0x3000,
    ASC_SAVING_NOT_SUPPORTED = 0x3900,
    ASC_MEDIUM_NOT_PRESENT = 0x3a00,
    ASC_MEDIUM_NOT_PRESENT_TRAY_OPEN = 0x3a02,
    ASC_INTERNAL_TARGET_FAILURE = 0x4400,
    ASC_MEDIUM_REMOVAL_PREVENTED = 0x5302,
    ASC_ILLEGAL_MODE_FOR_TRACK = 0x6400,
};

/* Media events, MMC-5 table 299. */
enum {
    MEDIA_EVENT_NONE = 0,
    MEDIA_EVENT_EJECT_REQUEST = 1,
    MEDIA_EVENT_NEW = 2,
    MEDIA_EVENT_REMOVAL = 3,
};

/* Parts of a frame, in the order they are on the disc (atapi.frame). */
enum {
    FRAME_SYNC = 0x8,   /* 12 bytes */
    FRAME_HEADER = 0x4, /* 4 */
    FRAME_DATA = 0x2,   /* 2048 */
    FRAME_ECC = 0x1,    /* 288: EDC, zeroes, ECC */
};

#define ATAPI_CD_BLOCKS     360000u /* of an 80 minute CD; what is larger is a DVD */
#define ATAPI_LEAD_IN       150u    /* blocks before LBA 0 in MSF addresses */
#define ATAPI_SPEED         7056u   /* kB/s: 40 times a CD player's */
#define ATAPI_BUFFER_KB     512u    /* of the drive's cache */
#define ATAPI_DATA_TRACK    0x14    /* ADR 1, control 4: data, copying prohibited */
#define ATAPI_LOADING       0x29    /* tray, can eject, can lock: mode page 2Ah, feature 0003h */
#define ATAPI_EVENT_CLASSES 0x10    /* of events that we report: media */

/* The medium's blocks, 0 with no medium or an open tray. Fits 32 bits, the last LBA too. */
uint32_t atapi_blocks(const struct atapi *a);
bool atapi_is_dvd(const struct atapi *a); /* a DVD is in */

/* M, S, F of an LBA into msf[0..2]; what MSF cannot express is FF:59:74 (MMC-5, 6.25). */
void atapi_put_msf(uint8_t msf[3], uint32_t lba);

enum atapi_result atapi_check(struct atapi *a, uint8_t key, uint16_t asc_ascq);
enum atapi_result atapi_invalid(struct atapi *a); /* 5/24/00 */

/* All of buf is zeroes; the answer is put there... */
uint8_t *atapi_answer(struct atapi *a);
/* ... and has size bytes, of which the guest takes at most alloc. */
enum atapi_result atapi_answered(struct atapi *a, uint32_t size, uint32_t alloc);

/* Bytes of a frame's parts; 0 for a combination that READ CD does not allow. */
uint16_t atapi_frame_size(uint8_t parts);

/* atapi-mode.c */
enum atapi_result atapi_mode_sense(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_mode_select(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_mode_selected(struct atapi *a);

/* atapi-info.c */
enum atapi_result atapi_inquiry(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_report_luns(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_read_capacity(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_read_toc(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_read_subchannel(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_read_disc_information(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_read_track_information(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_read_buffer_capacity(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_read_dvd_structure(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_get_configuration(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_get_event_status(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_get_performance(struct atapi *a, const uint8_t *p);
enum atapi_result atapi_mechanism_status(struct atapi *a, const uint8_t *p);

#endif
