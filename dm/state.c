/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/state.h"

#include "dm/bytes.h"
#include "dm/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STATE_MAGIC "xendm-1\n"

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

int dm_state_save(struct dm_machine *m, struct dm_buf *buf, struct dm_error *err)
{
    uint32_t n = 0;

    for (struct dm_device *d = m->devices; d; d = d->next)
        n++;
    dm_buf_put(buf, STATE_MAGIC, strlen(STATE_MAGIC));
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

int dm_state_load(struct dm_machine *m, const uint8_t *data, size_t len, struct dm_error *err)
{
    const uint8_t *magic = state_take(&data, &len, strlen(STATE_MAGIC));
    const uint8_t *count = magic ? state_take(&data, &len, 4) : NULL;
    struct dm_device *next;

    if (!count || memcmp(magic, STATE_MAGIC, strlen(STATE_MAGIC)))
        return dm_error_set(err, EINVAL, "saved state: not a stream of xendm");
    for (struct dm_device *d = m->devices; d; d = d->next)
        d->loaded = false;
    for (uint32_t n = (uint32_t)dm_get_le(count, 4); n; n--) {
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
        dm_device_destroy(d);
    }
    return 0;
}
