/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command set of an ATAPI CD/DVD-ROM drive as pure logic: packets in, answers
 * and media ranges out. The IDE channel moves the bytes (PIO or DMA), sets the task
 * file and raises interrupts; nothing here waits or reads the medium.
 *
 * One command: atapi_command() says what follows.
 *   ATAPI_NODATA      done, good status.
 *   ATAPI_DATA_IN     len bytes (1 to ATAPI_BUF) of buf go to the guest, then good status.
 *   ATAPI_READ_MEDIA  count blocks from lba on go to the guest, sector_size bytes each.
 *                     With sector_size == ATAPI_SECTOR they are what the medium holds from
 *                     byte lba * ATAPI_SECTOR on. With another size read each block and
 *                     let atapi_frame() make the bytes.
 *   ATAPI_DATA_OUT    take len bytes (1 to ATAPI_BUF) into buf, then call atapi_data_out().
 *   ATAPI_CHECK       the command failed: CHK in the status, atapi_error() in the error
 *                     register; the guest asks for the rest by REQUEST SENSE.
 */
#ifndef HW_IDE_ATAPI_H
#define HW_IDE_ATAPI_H

#include "dm/block.h"
#include "dm/device.h"

#include <stdbool.h>
#include <stdint.h>

#define ATAPI_SECTOR 2048u /* bytes of user data in a block */
#define ATAPI_FRAME  2352u /* the largest sector_size */
#define ATAPI_BUF    2304u /* a DVD structure, 2052 bytes, is the largest answer */
#define ATAPI_PACKET 12u

enum atapi_result {
    ATAPI_NODATA,
    ATAPI_DATA_IN,
    ATAPI_READ_MEDIA,
    ATAPI_DATA_OUT,
    ATAPI_CHECK,
};

struct atapi {
    /* Saved. */
    uint8_t sense_key, asc, ascq; /* of the last command, for REQUEST SENSE */
    bool attention_reset;         /* unit attention 29/00 waits */
    bool attention_medium;        /* unit attention 28/00 waits */
    bool locked;                  /* PREVENT MEDIUM REMOVAL */
    bool tray_open;
    uint8_t event;             /* media event for GET EVENT STATUS NOTIFICATION */
    uint8_t opcode;            /* of the command under way: what atapi_data_out finishes */
    uint8_t recovery, retries; /* mode page 01h */
    uint8_t volume[2];         /* mode page 0Eh, ports 0 and 1 */
    uint8_t frame;             /* parts of a raw frame that READ CD asked for */
    uint16_t sector_size;      /* bytes that the guest gets of a block, 1 to ATAPI_FRAME */
    uint32_t len;              /* bytes of buf, at most ATAPI_BUF */
    uint64_t lba;              /* of ATAPI_READ_MEDIA: first block */
    uint32_t count;            /* blocks; lba + count <= the medium's */
    uint8_t buf[ATAPI_BUF];

    /* Set before the first call, not saved. */
    struct dm_block *block; /* the drive's; never NULL, may have no medium */
};

extern const struct dm_field atapi_fields[];

/* Power-on values: tray closed, door unlocked, unit attention 29/00 waiting. */
void atapi_reset(struct atapi *a);

/*
 * DEVICE RESET or SRST: no command is under way and the door is unlocked; the tray and
 * a waiting unit attention stay.
 */
void atapi_soft_reset(struct atapi *a);

/* Checks what was loaded. Returns 0 or -EINVAL. */
int atapi_post_load(struct atapi *a);

/* Starts the command of a packet. Overwrites buf, len, lba, count and sector_size. */
enum atapi_result atapi_command(struct atapi *a, const uint8_t packet[ATAPI_PACKET]);

/* len bytes are in buf. Returns ATAPI_NODATA or ATAPI_CHECK. */
enum atapi_result atapi_data_out(struct atapi *a);

/* Reading the medium ended with err (-errno). Sets the sense; returns ATAPI_CHECK. */
enum atapi_result atapi_media_error(struct atapi *a, int err);

/*
 * The bytes READ CD asked for of block lba, from its user data: 2352 bytes are sync,
 * header, data, EDC and ECC of a mode 1 sector (ECMA-130, 14), or parts of it. Writes
 * sector_size bytes.
 */
void atapi_frame(const struct atapi *a, uint64_t lba, const uint8_t data[ATAPI_SECTOR],
                 uint8_t *out);

/* The toolstack put a medium in, changed it or took it out: block says which. Closes the tray. */
void atapi_medium_changed(struct atapi *a);

/* The task file's error register after ATAPI_CHECK: sense key and ABRT (SFF-8020i, 7.1.3). */
uint8_t atapi_error(const struct atapi *a);

/*
 * IDENTIFY PACKET DEVICE, what the command set decides. The channel puts in the names
 * (words 10-46), the selected transfer modes (63, 88) and the cable (93).
 */
void atapi_identify(const struct atapi *a, uint16_t id[256]);

#endif
