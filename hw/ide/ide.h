/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of an IDE controller with its drives.
 *
 * controller (piix-ide.c) has two channels (channel.c: registers, selection, INTRQ;
 * bmdma.c: the bus master) of two drives (drive.c). A command (ata.c, identify.c,
 * smart.c, cd.c) describes a transfer, transfer.c moves it by PIO or DMA, then
 * the command's end() is called.
 */
#ifndef HW_IDE_IDE_H
#define HW_IDE_IDE_H

#include "dm/block.h"
#include "dm/machine.h"

#define IDE_CHANNELS    2
#define IDE_DRIVES      2 /* of a channel */
#define IDE_SECTOR      512u
#define IDE_MULT_MAX    16u /* sectors of a READ MULTIPLE block */
#define IDE_BUF         (IDE_MULT_MAX * IDE_SECTOR)

#define IDE_SMART_TESTS 21 /* entries of the self-test log (ATA-6, 8.55.6.8.2) */

struct ide_drive;
struct ide_channel;

#define IDE_CD_SECTOR 2048u

enum ide_phase {
    IDE_IDLE,    /* no command */
    IDE_BUSY,    /* a request on the image is under way; never in a saved state */
    IDE_PIO_IN,  /* DRQ: the guest reads buf[buf_pos, buf_end) */
    IDE_PIO_OUT, /* DRQ: the guest writes it */
    IDE_DMA,     /* DMARQ: waits for the bus master */
};

/* Of a PACKET command: what its transfer is. */
enum ide_packet { IDE_PACKET_COMMAND, IDE_PACKET_REPLY, IDE_PACKET_MEDIA, IDE_PACKET_PARAMETERS };

/* Pending resets, the stronger one has the higher number. */
enum ide_reset { IDE_RESET_NONE, IDE_RESET_DEVICE, IDE_RESET_SOFT, IDE_RESET_POWER };

/* The bus master of a channel. */
struct ide_bm {
    uint8_t command, status;
    uint32_t prdt;
    /* Where the engine is. */
    uint32_t next;       /* address of the next table entry */
    uint32_t addr, left; /* rest of the current piece; left is 0 to 65536 */
    bool last;           /* the current piece is the table's last */
};

struct ide_channel {
    uint8_t select;  /* Device register as last written */
    uint8_t control; /* Device Control */
    struct ide_bm bm;

    struct ide_drive *drive[IDE_DRIVES]; /* NULL: none */
    struct dm_irq irq;                   /* INTRQ */
    struct dm_region command_block, control_block;
    struct dm_dma *dma;
    struct dm_device *owner; /* the controller */
};

struct ide_drive {
    struct dm_device dev;

    /* Set by -device. */
    struct dm_block *block;
    char *bus; /* "ide.0" or "ide.1"; NULL: the first place that is free */
    uint32_t unit;
    char *serial, *model, *ver;

    /* Task file. hob_: what was there before the last write (ATA-6, 6.20). */
    uint8_t status, error, device;
    uint8_t features, count, lba[3];
    uint8_t hob_features, hob_count, hob_lba[3];
    bool intrq; /* an interrupt waits */

    /* Settings. */
    uint8_t mult;     /* sectors of a READ MULTIPLE block; 0: not set */
    uint8_t heads;    /* current CHS translation */
    uint8_t spt;      /* sectors of a track */
    uint8_t dma_mode; /* as SET FEATURES 03h has it: 20h.., 40h..; 0: none */
    uint8_t power;    /* as CHECK POWER MODE answers */
    bool sleeping, write_cache, look_ahead, revert, smart;
    uint8_t tests; /* self-tests in the log, the newest last */
    uint8_t test[IDE_SMART_TESTS];

    /* The command under way and its transfer. */
    uint8_t command, phase, reset;
    bool dma;          /* else PIO */
    bool out;          /* from the guest */
    bool media;        /* data are the image's; else only what is in buf */
    bool framed;       /* CD blocks go through cd->frame */
    uint8_t packet;    /* enum ide_packet */
    uint64_t off;      /* bytes: where on the image it goes on */
    uint64_t left;     /* bytes of the image still to move */
    uint16_t drq_max;  /* bytes of a PIO block */
    uint16_t buf_pos;  /* buf_pos <= buf_end <= buf_fill <= IDE_BUF */
    uint16_t buf_end;  /* of the PIO block */
    uint16_t buf_fill; /* bytes that buf has, or will have */
    uint8_t buf[IDE_BUF];

    /* Derived. */
    struct ide_channel *channel;
    const struct ide_cd_ops *cd; /* NULL: a disk */
    uint64_t sectors;            /* of a disk */

    /* While a request is in flight; see ide_submit. */
    bool in_flight, looping;
    int err;
    uint32_t chunk; /* bytes of the request */
    void (*then)(struct ide_drive *d, int err);
    struct dm_block_req req;
    struct dm_iov iov;
    struct dm_sg sg;
    uint32_t logged; /* kinds of I/O error that were logged */
};

/* What makes a drive a CD drive. */
struct ide_cd_ops {
    void (*reset)(struct ide_drive *d, enum ide_reset kind);
    int (*post_load)(struct ide_drive *d);
    void (*packet_run)(struct ide_drive *d); /* PACKET; then the end of each of its transfers */
    void (*packet_end)(struct ide_drive *d);
    void (*media_error)(struct ide_drive *d, int err); /* ends the command */
    void (*identify)(const struct ide_drive *d, uint16_t id[256]);
    /* Makes the bytes that the guest asked for of the block at byte off. Returns how many. */
    unsigned (*frame)(const struct ide_drive *d, uint64_t off, const uint8_t *data, uint8_t *out);
};

/* A command: what runs when it is written, and when its transfer has ended. */
struct ata_cmd {
    const char *name;
    uint8_t flags;
    void (*run)(struct ide_drive *d);
    void (*end)(struct ide_drive *d); /* NULL: it has no transfer */
};

enum {
    ATA_DISK = 0x01,  /* a disk has it */
    ATA_CD = 0x02,    /* a CD drive has it */
    ATA_EXT = 0x04,   /* 48-bit addresses */
    ATA_DMA = 0x08,   /* data by DMA */
    ATA_MULT = 0x10,  /* blocks of mult sectors */
    ATA_FUA = 0x20,   /* on the medium before it ends */
    ATA_TOUCH = 0x40, /* spins up: power mode becomes active */
};

/* Channel n of the machine's controller. NULL: no controller. */
struct ide_channel *ide_channel_find(struct dm_machine *machine, unsigned n);

/* channel.c */
extern const struct dm_region_ops ide_command_ops, ide_control_ops;
extern const struct dm_field ide_channel_fields[];
void ide_channel_reset(struct ide_channel *ch);
void ide_channel_update_irq(struct ide_channel *ch);
void ide_channel_raise(struct ide_channel *ch, struct ide_drive *d); /* d has an interrupt */
void ide_channel_restore_irq(struct ide_channel *ch); /* after a load: the line as it was */
void ide_channel_diagnose(struct ide_channel *ch);    /* EXECUTE DEVICE DIAGNOSTIC */
int ide_channel_post_load(struct ide_channel *ch);

/* bmdma.c */
uint64_t ide_bm_read(struct ide_channel *ch, unsigned off, unsigned size);
void ide_bm_write(struct ide_channel *ch, unsigned off, unsigned size, uint64_t val);
/*
 * Maps guest memory for the next bytes, as the table says: up to want, in all a
 * multiple of unit (1 or 512) unless that is want. Returns the bytes; 0 when the engine does
 * not run, or it now stopped: at the end of the table, or (fault) with BM_STATUS_ERROR.
 */
size_t ide_bm_collect(struct ide_channel *ch, struct dm_sg *sg, uint64_t want, unsigned unit,
                      bool *fault);
void ide_bm_end(struct ide_channel *ch); /* the drive has moved all data */

/* drive.c */
extern const struct dm_prop ide_drive_props[];
extern const struct dm_field ide_drive_fields[];
int ide_drive_realize(struct ide_drive *d, struct dm_error *err);
void ide_drive_unrealize(struct dm_device *dev);
void ide_drive_power_on(struct dm_device *dev);
int ide_drive_post_load(struct dm_device *dev, uint16_t version);
void ide_drive_quiesce_device(struct dm_device *dev);
/* Ends a command well: with an interrupt or (quietly) without. */
void ide_drive_finish(struct ide_drive *d);
void ide_drive_finish_quietly(struct ide_drive *d);
void ide_drive_fail(struct ide_drive *d, uint8_t error); /* ERR with an interrupt */
void ide_drive_signature(struct ide_drive *d);
void ide_drive_reset(struct ide_drive *d, enum ide_reset kind);
void ide_drive_reset_finish(struct ide_drive *d); /* of the pending one, if it can */
void ide_drive_quiesce(struct ide_drive *d);
uint64_t ide_drive_size(const struct ide_drive *d); /* bytes of the image the guest can see */

/* transfer.c */
/* One request on the image. then() runs when it has ended, maybe before this returns. */
void ide_submit(struct ide_drive *d, enum dm_block_op op, uint64_t off, uint64_t len,
                struct dm_iov *iov, int iov_count, void (*then)(struct ide_drive *d, int err));
/* Starts what dma, out, media, off, left, drq_max and buf_fill describe. */
void ide_transfer_start(struct ide_drive *d);
/* The same for a reply of len bytes in buf by PIO, or a parameter block into it. */
void ide_transfer_buffer(struct ide_drive *d, bool out, bool dma, unsigned len);
void ide_dma_run(struct ide_drive *d);
size_t ide_data_read(struct ide_drive *d, unsigned size, void *buf, size_t count);
size_t ide_data_write(struct ide_drive *d, unsigned size, const void *buf, size_t count);
void ide_io_error(struct ide_drive *d, enum dm_block_op op, int err); /* ends the command */
bool ide_transfer_valid(const struct ide_drive *d);                   /* of a loaded state */

/* ata.c */
const struct ata_cmd *ata_cmd_find(const struct ide_drive *d, uint8_t opcode);
void ata_cmd_run(struct ide_drive *d, uint8_t opcode);
void ata_put_lba(struct ide_drive *d, uint64_t lba);

/* identify.c */
void ata_identify(struct ide_drive *d);
void ata_identify_packet(struct ide_drive *d);

/* smart.c */
void smart_run(struct ide_drive *d);

#endif
