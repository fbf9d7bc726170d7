/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers and opcodes: ATA/ATAPI-6 (T13/1410D rev 3b), ACS-2 (T13/2015-D) for
 * DATA SET MANAGEMENT, SFF-8038i rev 1.0 (bus master), Intel 82371SB (PIIX3) and
 * 82371AB (PIIX4) data sheets.
 */
#ifndef HW_IDE_REGS_H
#define HW_IDE_REGS_H

/* Command block, offsets from 1F0h or 170h (ATA-6, 7.2 to 7.15) */
enum {
    ATA_REG_DATA = 0,
    ATA_REG_FEATURES = 1, /* write; Error when read */
    ATA_REG_COUNT = 2,
    ATA_REG_LBA_LOW = 3,
    ATA_REG_LBA_MID = 4,
    ATA_REG_LBA_HIGH = 5,
    ATA_REG_DEVICE = 6,
    ATA_REG_COMMAND = 7, /* write; Status when read */
};

/* Device Control (7.8), 3F6h or 376h; reads give Alternate Status (7.3) */
#define ATA_CONTROL_NIEN 0x02
#define ATA_CONTROL_SRST 0x04
#define ATA_CONTROL_HOB  0x80

/* Device (7.7) */
#define ATA_DEVICE_DEV   0x10
#define ATA_DEVICE_LBA   0x40
#define ATA_DEVICE_OBS   0xa0 /* obsolete bits; read as ones */
#define ATA_DEVICE_HEAD  0x0f

/* Status (7.15) */
#define ATA_STATUS_ERR   0x01 /* CHK for a packet device */
#define ATA_STATUS_DRQ   0x08
#define ATA_STATUS_DSC   0x10 /* seek complete, obsolete but looked at */
#define ATA_STATUS_DF    0x20
#define ATA_STATUS_DRDY  0x40
#define ATA_STATUS_BSY   0x80

/* Error (7.9) */
#define ATA_ERROR_ABRT   0x04
#define ATA_ERROR_IDNF   0x10
#define ATA_ERROR_UNC    0x40
#define ATA_DIAG_OK      0x01 /* diagnostic code: device 0 passed, device 1 passed or absent */

/* Interrupt reason, in the Count register of a packet device (9.9) */
#define ATAPI_REASON_CD  0x01
#define ATAPI_REASON_IO  0x02

/* Bus master, offsets in a channel's half of BAR4 (SFF-8038i, 3.0) */
enum {
    BM_REG_COMMAND = 0,
    BM_REG_STATUS = 2,
    BM_REG_PRDT = 4,
    BM_REGS = 8,
};

#define BM_COMMAND_START 0x01
#define BM_COMMAND_READ  0x08 /* the bus master writes memory */

#define BM_STATUS_ACTIVE 0x01
#define BM_STATUS_ERROR  0x02
#define BM_STATUS_INT    0x04
#define BM_STATUS_DRV    0x60 /* drives can do DMA: kept for software */

#define PRD_EOT          0x80000000u /* in the second word of an entry */

/* Configuration space (PIIX3 2.3.10 to 2.3.12, PIIX4 5.1.11 to 5.1.15) */
enum {
    PIIX_IDETIM0 = 0x40, /* bit 15: decode enable */
    PIIX_IDETIM1 = 0x42,
    PIIX_SIDETIM = 0x44,
    PIIX_UDMACTL = 0x48, /* PIIX4 */
    PIIX_UDMATIM = 0x4a, /* PIIX4 */
};

/* SET FEATURES subcommands (8.46) */
enum {
    ATA_SF_WRITE_CACHE_ON = 0x02,
    ATA_SF_TRANSFER_MODE = 0x03,
    ATA_SF_LOOK_AHEAD_OFF = 0x55,
    ATA_SF_KEEP_SETTINGS = 0x66,
    ATA_SF_WRITE_CACHE_OFF = 0x82,
    ATA_SF_LOOK_AHEAD_ON = 0xaa,
    ATA_SF_REVERT_SETTINGS = 0xcc,
};

/* SMART subcommands (8.48 to 8.57), and the key in LBA Mid and High */
enum {
    SMART_READ_DATA = 0xd0,
    SMART_READ_THRESHOLDS = 0xd1,
    SMART_AUTOSAVE = 0xd2,
    SMART_SAVE_VALUES = 0xd3,
    SMART_EXECUTE = 0xd4,
    SMART_READ_LOG = 0xd5,
    SMART_ENABLE = 0xd8,
    SMART_DISABLE = 0xd9,
    SMART_RETURN_STATUS = 0xda,
    SMART_AUTO_OFFLINE = 0xdb,
    SMART_KEY_MID = 0x4f,
    SMART_KEY_HIGH = 0xc2,
};

/* CHECK POWER MODE results (8.6) */
enum { ATA_POWER_STANDBY = 0x00, ATA_POWER_IDLE = 0x80, ATA_POWER_ACTIVE = 0xff };

#endif
