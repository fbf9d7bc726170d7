/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ATAPI command set without its channel. The input is a list of steps: a packet with
 * the list of parameters that it may want, a medium that comes or goes, a failed read, a
 * reset, a saved state with a byte changed.
 */
#include "hw/ide/atapi-regs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_STEPS 4096

struct fuzz {
    const uint8_t *data;
    size_t left;
    struct atapi a;
    struct dm_block block;
};

static void fuzz_must(bool good, const char *what, const struct fuzz *f)
{
    if (good)
        return;
    fprintf(stderr, "atapi: command %02x: %s\n", f->a.opcode, what);
    abort();
}

static void fuzz_take(struct fuzz *f, void *to, size_t len)
{
    size_t n = len < f->left ? len : f->left;

    memset(to, 0, len);
    memcpy(to, f->data, n);
    f->data += n;
    f->left -= n;
}

static uint64_t fuzz_number(struct fuzz *f, unsigned size)
{
    uint8_t b[8];

    fuzz_take(f, b, size);
    return dm_get_le(b, size);
}

/* On the heap and of the exact size, so that the sanitizer sees one byte too many. */
static void fuzz_frame(struct fuzz *f)
{
    uint8_t data[ATAPI_SECTOR] = { 1, 2, 3 }, *out = malloc(f->a.sector_size);

    if (!out)
        abort();
    atapi_frame(&f->a, f->a.lba + f->a.count - 1, data, out);
    free(out);
}

static void fuzz_result(struct fuzz *f, enum atapi_result result)
{
    struct atapi *a = &f->a;

    fuzz_must(a->len <= ATAPI_BUF, "more than the buffer holds", f);
    switch (result) {
    case ATAPI_NODATA:
        break;
    case ATAPI_DATA_IN:
        fuzz_must(a->len, "an answer of nothing", f);
        break;
    case ATAPI_READ_MEDIA:
        fuzz_must(f->block.present && !a->tray_open, "reads with no medium", f);
        fuzz_must(a->count && dm_in_range(a->lba, a->count, f->block.size / ATAPI_SECTOR),
                  "reads beyond the end", f);
        fuzz_must(a->sector_size && a->sector_size <= ATAPI_FRAME, "size of a block", f);
        fuzz_frame(f);
        break;
    case ATAPI_DATA_OUT:
        fuzz_must(a->len, "wants nothing", f);
        fuzz_take(f, a->buf, a->len);
        result = atapi_data_out(a);
        fuzz_must(result == ATAPI_NODATA || result == ATAPI_CHECK, "data after data", f);
        break;
    case ATAPI_CHECK:
        fuzz_must(a->sense_key && atapi_error(a), "failed with no sense", f);
        break;
    }
    fuzz_must(!atapi_post_load(a), "a state that could not be loaded", f);
}

static void fuzz_packet(struct fuzz *f)
{
    uint8_t packet[ATAPI_PACKET];

    fuzz_take(f, packet, sizeof(packet));
    fuzz_result(f, atapi_command(&f->a, packet));
}

static void fuzz_medium(struct fuzz *f, uint8_t how)
{
    f->block.size = fuzz_number(f, 4) << (how & 31);
    f->block.present = f->block.size != 0;
    atapi_medium_changed(&f->a);
}

static void fuzz_state(struct fuzz *f)
{
    size_t at = fuzz_number(f, 2);
    uint8_t flip = (uint8_t)fuzz_number(f, 1);
    struct dm_buf buf = { 0 };

    dm_fields_save(atapi_fields, &f->a, 1, &buf);
    fuzz_must(!buf.failed, "not saved", f);
    buf.data[at % buf.len] ^= flip;
    if (dm_fields_load(atapi_fields, &f->a, 1, buf.data, buf.len) < 0 || atapi_post_load(&f->a))
        atapi_reset(&f->a);
    else if (f->a.len) /* a list was on its way */
        atapi_data_out(&f->a);
    dm_buf_finish(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int errors[] = { -EIO, -ENOMEDIUM, -ENOMEM, -EINVAL };
    struct fuzz f = { .data = data, .left = size };

    f.block.size = 700 << 20;
    f.block.present = true;
    memset(f.block.id, 'i', sizeof(f.block.id) - 1);
    f.a.block = &f.block;
    atapi_reset(&f.a);
    for (unsigned step = 0; f.left && step < FUZZ_STEPS; step++) {
        uint8_t op = (uint8_t)fuzz_number(&f, 1);
        uint16_t id[256];

        switch (op & 7) {
        case 0:
            fuzz_medium(&f, op >> 3);
            break;
        case 1:
            fuzz_state(&f);
            break;
        case 2:
            fuzz_must(atapi_media_error(&f.a, errors[op >> 3 & 3]) == ATAPI_CHECK,
                      "a failed read that is none", &f);
            fuzz_result(&f, ATAPI_CHECK);
            break;
        case 3:
            if (op & 8)
                atapi_reset(&f.a);
            else
                atapi_soft_reset(&f.a);
            atapi_identify(&f.a, id);
            break;
        default:
            fuzz_packet(&f);
        }
    }
    return 0;
}
