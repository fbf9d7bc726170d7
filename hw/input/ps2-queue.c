/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/input/ps2.h"

#include "dm/bytes.h"

#include <assert.h>
#include <string.h>

void ps2_queue_clear(struct ps2_queue *q)
{
    *q = (struct ps2_queue) { .head = 0 };
}

bool ps2_queue_put(struct ps2_queue *q, const uint8_t *data, size_t len, size_t spare)
{
    if (!dm_in_range(q->count + len, spare, PS2_QUEUE))
        return false;
    for (size_t i = 0; i < len; i++)
        q->data[(q->head + q->count++) % PS2_QUEUE] = data[i];
    return true;
}

void ps2_queue_reply(struct ps2_queue *q, const uint8_t *data, size_t len)
{
    assert(len <= PS2_REPLY);
    memcpy(q->reply, data, len);
    q->reply_count = (uint8_t)len;
}

bool ps2_queue_take(struct ps2_queue *q, uint8_t *byte)
{
    if (q->reply_count) {
        *byte = q->reply[0];
        memmove(q->reply, q->reply + 1, --q->reply_count);
        return true;
    }
    if (!q->count)
        return false;
    *byte = q->data[q->head];
    q->head = (q->head + 1) % PS2_QUEUE;
    q->count--;
    return true;
}

bool ps2_queue_is_valid(const struct ps2_queue *q)
{
    return q->head < PS2_QUEUE && q->count <= PS2_QUEUE && q->reply_count <= PS2_REPLY;
}

const struct dm_field ps2_queue_fields[] = {
    DM_BYTES(struct ps2_queue, data, 1),       DM_UINT(struct ps2_queue, head, 1),
    DM_UINT(struct ps2_queue, count, 1),       DM_BYTES(struct ps2_queue, reply, 1),
    DM_UINT(struct ps2_queue, reply_count, 1), DM_FIELDS_END,
};
