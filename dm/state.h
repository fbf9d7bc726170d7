/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved state: one table of fields per device class, used to save, to restore
 * and by the round-trip test. Values are little-endian and of fixed width.
 *
 * Stream: "xendm-1\n"; u64 guest-physical address and u64 size of the video memory;
 * u32 number of records; the records; u32 CRC-32 (IEEE 802.3) of all before. A record is
 * u8 length + id, u16 version, u32 length, then the fields in table order with no gaps.
 */
#ifndef DM_STATE_H
#define DM_STATE_H

#include "dm/clock.h"
#include "dm/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dm_field_kind {
    DM_FIELD_UINT,   /* count unsigned integers of size bytes (1, 2, 4, 8) */
    DM_FIELD_BYTES,  /* size bytes as they are */
    DM_FIELD_BOOL,   /* count bools; a byte of 0 or 1 each, anything else is refused */
    DM_FIELD_TIMER,  /* struct dm_timer: ns left as u64, DM_NEVER if not armed */
    DM_FIELD_STRUCT, /* count structs of size bytes, each by the sub table */
};

struct dm_field {
    const char *name;
    enum dm_field_kind kind;
    uint32_t offset, size, count;
    uint16_t since; /* first version of the class that has it */
    const struct dm_field *sub;
};

/* Rows of a table. S: struct, m: member, v: since version. */
#define DM_UINT(S, m, v)                                                   \
    {                                                                      \
#m, DM_FIELD_UINT, offsetof(S, m), sizeof(((S *)0)->m), 1, v, NULL \
    }
#define DM_UINTS(S, m, v)                                          \
    {                                                              \
#m, DM_FIELD_UINT, offsetof(S, m), sizeof(((S *)0)->m[0]), \
            sizeof(((S *)0)->m) / sizeof(((S *)0)->m[0]), v, NULL  \
    }
#define DM_BYTES(S, m, v)                                                   \
    {                                                                       \
#m, DM_FIELD_BYTES, offsetof(S, m), sizeof(((S *)0)->m), 1, v, NULL \
    }
#define DM_BOOL(S, m, v)                                            \
    {                                                               \
#m, DM_FIELD_BOOL, offsetof(S, m), sizeof(bool), 1, v, NULL \
    }
#define DM_BOOLS(S, m, v)                                                                       \
    {                                                                                           \
#m, DM_FIELD_BOOL, offsetof(S, m), sizeof(bool), sizeof(((S *)0)->m) / sizeof(bool), v, \
            NULL                                                                                \
    }
#define DM_TIMER(S, m, v)                                                       \
    {                                                                           \
#m, DM_FIELD_TIMER, offsetof(S, m), sizeof(struct dm_timer), 1, v, NULL \
    }
#define DM_STRUCT(S, m, v, sub)                                             \
    {                                                                       \
#m, DM_FIELD_STRUCT, offsetof(S, m), sizeof(((S *)0)->m), 1, v, sub \
    }
#define DM_STRUCTS(S, m, v, sub)                                     \
    {                                                                \
#m, DM_FIELD_STRUCT, offsetof(S, m), sizeof(((S *)0)->m[0]), \
            sizeof(((S *)0)->m) / sizeof(((S *)0)->m[0]), v, sub     \
    }
#define DM_FIELDS_END                         \
    {                                         \
        NULL, DM_FIELD_UINT, 0, 0, 0, 0, NULL \
    }

#define DM_STATE_MAX (256u * 1024) /* bytes of a whole stream: libxl's RLIMIT_FSIZE */

/* A growing byte buffer. Zero-initialised is empty. */
struct dm_buf {
    uint8_t *data;
    size_t len, size;
    bool failed; /* out of memory, or more than DM_STATE_MAX */
};

void dm_buf_put(struct dm_buf *buf, const void *data, size_t len);
void dm_buf_put_le(struct dm_buf *buf, unsigned size, uint64_t val);
void dm_buf_finish(struct dm_buf *buf);

/* Appends the fields that version has. */
void dm_fields_save(const struct dm_field *fields, const void *obj, uint16_t version,
                    struct dm_buf *buf);

/*
 * Reads them back. Returns the bytes used or -EINVAL when data is too short or
 * a bool is neither 0 nor 1. Fields newer than version are left as they are.
 */
int dm_fields_load(const struct dm_field *fields, void *obj, uint16_t version, const uint8_t *data,
                   size_t len);

struct dm_machine;

/*
 * The whole machine, appended to buf. It should be paused. Returns 0, -ENOMEM, -EFBIG, or
 * what a disk said that cannot flush.
 */
int dm_state_save(struct dm_machine *machine, struct dm_buf *buf, struct dm_error *err);

/* What has to be known before devices are made. */
struct dm_state_head {
    /* The video memory is guest memory, which was saved where it was, BAR or hiding place. */
    uint64_t vram_at, vram_size; /* size 0: there is none */
    uint32_t devices;
};

/*
 * Is this a whole stream of ours? Returns 0 and *head, or -EINVAL: another's (QEMU's is
 * named), cut off, damaged.
 */
int dm_state_check(const uint8_t *data, size_t len, struct dm_state_head *head,
                   struct dm_error *err);

/* Writes the checksum into the last four bytes. For save, and for tests that change a stream. */
void dm_state_seal(uint8_t *data, size_t len);

/*
 * Restores a stream into a machine with the same devices. A device of a class
 * that can be unplugged and that the stream lacks was unplugged by the guest: it
 * is destroyed. Returns 0 or -EINVAL; then the machine must not run. The stream
 * is not trusted.
 */
int dm_state_load(struct dm_machine *machine, const uint8_t *data, size_t len,
                  struct dm_error *err);

#endif
