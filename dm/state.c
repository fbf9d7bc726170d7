/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/state.h"

#include "dm/bytes.h"
#include "dm/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STATE_MAGIC     "xendm-1\n"
#define STATE_MAGIC_LEN 8
#define STATE_HEAD_LEN  (STATE_MAGIC_LEN + 8 + 8 + 4)
#define STATE_CRC_LEN   4
#define QEMU_MAGIC      "QEVM"

void dm_buf_put(struct dm_buf *buf, const void *data, size_t len)
{
    if (buf->failed || !dm_in_range(buf->len, len, DM_STATE_MAX)) {
        buf->failed = true;
        return;
    }
    if (buf->len + len > buf->size) {
        size_t size = buf->size ? buf->size : 4096;
        uint8_t *bigger;

        while (size < buf->len + len)
            size *= 2;
        bigger = realloc(buf->data, size);
        if (!bigger) {
            buf->failed = true;
            return;
        }
        buf->data = bigger;
        buf->size = size;
    }
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

void dm_buf_put_le(struct dm_buf *buf, unsigned size, uint64_t val)
{
    uint8_t b[8];

    dm_put_le(b, size, val);
    dm_buf_put(buf, b, size);
}

void dm_buf_finish(struct dm_buf *buf)
{
    free(buf->data);
    *buf = (struct dm_buf) { 0 };
}

static uint64_t state_uint_get(const void *p, unsigned size)
{
    switch (size) {
    case 1:
        return *(const uint8_t *)p;
    case 2:
        return *(const uint16_t *)p;
    case 4:
        return *(const uint32_t *)p;
    default:
        return *(const uint64_t *)p;
    }
}

static void state_uint_set(void *p, unsigned size, uint64_t v)
{
    switch (size) {
    case 1:
        *(uint8_t *)p = (uint8_t)v;
        break;
    case 2:
        *(uint16_t *)p = (uint16_t)v;
        break;
    case 4:
        *(uint32_t *)p = (uint32_t)v;
        break;
    default:
        *(uint64_t *)p = v;
        break;
    }
}

static void state_timer_save(const struct dm_timer *t, struct dm_buf *buf)
{
    uint64_t now, left = DM_NEVER;

    if (dm_timer_armed(t)) {
        now = dm_clock_now(t->clock);
        left = t->at > now ? t->at - now : 0;
    }
    dm_buf_put_le(buf, 8, left);
}

static void state_timer_load(struct dm_timer *t, uint64_t left)
{
    uint64_t now = dm_clock_now(t->clock);

    dm_timer_arm(t, left >= DM_NEVER - now ? DM_NEVER : now + left);
}

void dm_fields_save(const struct dm_field *f, const void *obj, uint16_t version, struct dm_buf *buf)
{
    for (; f->name; f++) {
        const uint8_t *p = (const uint8_t *)obj + f->offset;

        if (f->since > version)
            continue;
        for (uint32_t i = 0; i < f->count; i++, p += f->size) {
            switch (f->kind) {
            case DM_FIELD_UINT:
                dm_buf_put_le(buf, f->size, state_uint_get(p, f->size));
                break;
            case DM_FIELD_BYTES:
                dm_buf_put(buf, p, f->size);
                break;
            case DM_FIELD_BOOL:
                dm_buf_put_le(buf, 1, *(const bool *)p);
                break;
            case DM_FIELD_TIMER:
                state_timer_save((const struct dm_timer *)p, buf);
                break;
            case DM_FIELD_STRUCT:
                dm_fields_save(f->sub, p, version, buf);
                break;
            }
        }
    }
}

/* Bytes that one element takes in the stream; not for structs. */
static size_t state_field_width(const struct dm_field *f)
{
    return f->kind == DM_FIELD_BOOL ? 1 : f->kind == DM_FIELD_TIMER ? 8 : f->size;
}

int dm_fields_load(const struct dm_field *f, void *obj, uint16_t version, const uint8_t *data,
                   size_t len)
{
    size_t used = 0;

    for (; f->name; f++) {
        uint8_t *p = (uint8_t *)obj + f->offset;

        if (f->since > version)
            continue;
        for (uint32_t i = 0; i < f->count; i++, p += f->size) {
            size_t width = state_field_width(f);
            const uint8_t *from = data + used;

            if (f->kind == DM_FIELD_STRUCT) {
                int n = dm_fields_load(f->sub, p, version, from, len - used);

                if (n < 0)
                    return n;
                used += (size_t)n;
                continue;
            }
            if (!dm_in_range(used, width, len))
                return -EINVAL;
            used += width;
            switch (f->kind) {
            case DM_FIELD_UINT:
                state_uint_set(p, f->size, dm_get_le(from, f->size));
                break;
            case DM_FIELD_BYTES:
                memcpy(p, from, f->size);
                break;
            case DM_FIELD_BOOL:
                if (*from > 1)
                    return -EINVAL;
                *(bool *)p = *from;
                break;
            case DM_FIELD_TIMER:
                state_timer_load((struct dm_timer *)p, dm_get_le(from, 8));
                break;
            case DM_FIELD_STRUCT:
                break;
            }
        }
    }
    return (int)used;
}

/* CRC-32 of IEEE 802.3, four bits at a time. */
static uint32_t state_crc(const uint8_t *data, size_t len)
{
    static const uint32_t table[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                        0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

void dm_state_seal(uint8_t *data, size_t len)
{
    dm_put_le(data + len - STATE_CRC_LEN, STATE_CRC_LEN, state_crc(data, len - STATE_CRC_LEN));
}

int dm_state_save(struct dm_machine *m, struct dm_buf *buf, struct dm_error *err)
{
    uint64_t vram_at = 0, vram_size = 0;
    size_t start = buf->len;
    uint32_t n = 0;
    int rc;

    for (struct dm_device *d = m->devices; d; d = d->next) {
        n++;
        if (d->class->quiesce)
            d->class->quiesce(d);
    }
    rc = dm_machine_drain(m, err);
    if (rc)
        return rc;
    m->hv->ops->vram_place(m->hv, &vram_at, &vram_size);
    dm_buf_put(buf, STATE_MAGIC, STATE_MAGIC_LEN);
    dm_buf_put_le(buf, 8, vram_at);
    dm_buf_put_le(buf, 8, vram_size);
    dm_buf_put_le(buf, 4, n);
    for (struct dm_device *d = m->devices; d; d = d->next) {
        struct dm_buf body = { 0 };

        dm_device_save(d, &body);
        dm_buf_put_le(buf, 1, strlen(d->id));
        dm_buf_put(buf, d->id, strlen(d->id));
        dm_buf_put_le(buf, 2, d->class->version);
        dm_buf_put_le(buf, 4, body.len);
        dm_buf_put(buf, body.data, body.len);
        buf->failed |= body.failed;
        dm_buf_finish(&body);
    }
    dm_buf_put_le(buf, STATE_CRC_LEN, 0);
    if (!buf->failed)
        dm_state_seal(buf->data + start, buf->len - start);
    if (buf->failed)
        return dm_error_set(err, EFBIG, "saved state is larger than %u bytes", DM_STATE_MAX);
    return 0;
}

/* Takes len bytes off the front. NULL: there are not that many. */
static const uint8_t *state_take(const uint8_t **data, size_t *left, size_t len)
{
    const uint8_t *at = *data;

    if (len > *left)
        return NULL;
    *data += len;
    *left -= len;
    return at;
}

static int state_record_load(struct dm_machine *m, const uint8_t **data, size_t *left,
                             struct dm_error *err)
{
    char id[DM_DEVICE_ID_MAX];
    const uint8_t *p = state_take(data, left, 1), *name, *head, *body;
    struct dm_device *d;
    uint16_t version;
    size_t len;

    name = p && *p && *p < sizeof(id) ? state_take(data, left, *p) : NULL;
    head = name ? state_take(data, left, 6) : NULL;
    if (!head)
        return dm_error_set(err, EINVAL, "saved state: cut off in a record's head");
    memcpy(id, name, *p);
    id[*p] = 0;
    for (const char *c = id; c < id + *p; c++) /* it will stand in a line of the log */
        if (*c < ' ' || *c > '~')
            return dm_error_set(err, EINVAL, "saved state: a device's name is no text");
    version = (uint16_t)dm_get_le(head, 2);
    len = dm_get_le(head + 2, 4);
    body = state_take(data, left, len);
    if (!body)
        return dm_error_set(err, EINVAL, "saved state: cut off in device '%s'", id);
    d = dm_device_find(m, id);
    if (!d)
        return dm_error_set(err, EINVAL, "saved state: this machine has no device '%s'", id);
    if (version == 0 || version > d->class->version)
        return dm_error_set(err, EINVAL, "saved state: device '%s' has version %u, we know 1 to %u",
                            id, version, d->class->version);
    if (d->loaded)
        return dm_error_set(err, EINVAL, "saved state: device '%s' is there twice", id);
    d->loaded = true;
    return dm_device_load(d, body, len, version, err);
}

int dm_state_check(const uint8_t *data, size_t len, struct dm_state_head *head,
                   struct dm_error *err)
{
    if (len >= strlen(QEMU_MAGIC) && !memcmp(data, QEMU_MAGIC, strlen(QEMU_MAGIC)))
        return dm_error_set(err, EINVAL,
                            "saved state: it was made by QEMU, which has to restore this guest");
    if (len < STATE_MAGIC_LEN || memcmp(data, STATE_MAGIC, STATE_MAGIC_LEN))
        return dm_error_set(err, EINVAL, "saved state: not a stream of xendm");
    if (len < STATE_HEAD_LEN + STATE_CRC_LEN)
        return dm_error_set(err, EINVAL, "saved state: cut off after %zu bytes", len);
    if (dm_get_le(data + len - STATE_CRC_LEN, STATE_CRC_LEN) !=
        state_crc(data, len - STATE_CRC_LEN))
        return dm_error_set(err, EINVAL, "saved state: cut off or damaged: wrong checksum");
    *head = (struct dm_state_head) {
        .vram_at = dm_get_le(data + STATE_MAGIC_LEN, 8),
        .vram_size = dm_get_le(data + STATE_MAGIC_LEN + 8, 8),
        .devices = (uint32_t)dm_get_le(data + STATE_MAGIC_LEN + 16, 4),
    };
    return 0;
}

int dm_state_load(struct dm_machine *m, const uint8_t *data, size_t len, struct dm_error *err)
{
    struct dm_state_head head;
    struct dm_device *next;
    struct dm_net *net;
    int checked = dm_state_check(data, len, &head, err);

    if (checked)
        return checked;
    data += STATE_HEAD_LEN;
    len -= STATE_HEAD_LEN + STATE_CRC_LEN;
    for (struct dm_device *d = m->devices; d; d = d->next)
        d->loaded = false;
    for (uint32_t n = head.devices; n; n--) {
        int rc = state_record_load(m, &data, &len, err);

        if (rc)
            return rc;
    }
    if (len)
        return dm_error_set(err, EINVAL, "saved state: %zu bytes behind the last device", len);
    for (struct dm_device *d = m->devices; d; d = next) {
        next = d->next;
        if (d->loaded)
            continue;
        if (!d->class->unplug)
            return dm_error_set(err, EINVAL, "saved state: it lacks device '%s'", d->id);
        /* Not its tap: libxl looks for it before the guest runs. See dm_machine_arrived. */
        net = dm_device_take_net(d);
        if (net)
            net->unplugged = true;
        dm_device_destroy(d);
    }
    m->moved = true;
    return 0;
}
