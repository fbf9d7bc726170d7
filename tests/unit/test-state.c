/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dm/state: kinds of fields, versions, streams of a whole machine that are cut or wrong. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>

struct part {
    uint16_t a;
    bool b;
};

struct box {
    struct dm_device dev;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    uint32_t many[3];
    uint8_t bytes[5];
    bool flag, flags[2];
    struct part part, parts[2];
    uint32_t newer;
    struct dm_timer timer;
    unsigned fired, loads, quiesced;
    uint16_t loaded_version;
};

static const struct dm_field part_fields[] = {
    DM_UINT(struct part, a, 1),
    DM_BOOL(struct part, b, 1),
    DM_FIELDS_END,
};

static const struct dm_field box_fields[] = {
    DM_UINT(struct box, u8, 1),
    DM_UINT(struct box, u16, 1),
    DM_UINT(struct box, u32, 1),
    DM_UINT(struct box, u64, 1),
    DM_UINTS(struct box, many, 1),
    DM_BYTES(struct box, bytes, 1),
    DM_BOOL(struct box, flag, 1),
    DM_BOOLS(struct box, flags, 1),
    DM_STRUCT(struct box, part, 1, part_fields),
    DM_STRUCTS(struct box, parts, 1, part_fields),
    DM_UINT(struct box, newer, 2),
    DM_TIMER(struct box, timer, 1),
    DM_FIELDS_END,
};
#define BOX_BYTES_1 (1 + 2 + 4 + 8 + 12 + 5 + 1 + 2 + 3 + 6 + 8)
#define BOX_BYTES_2 (BOX_BYTES_1 + 4)
#define HEAD        (8 + 16 + 4) /* of a stream, with the number of records */
#define CRC         4
#define FLAG_AT     (1 + 2 + 4 + 8 + 12 + 5)

static void box_fired(void *opaque)
{
    ((struct box *)opaque)->fired++;
}

static int box_realize(struct dm_device *dev, struct dm_error *err)
{
    struct box *b = (struct box *)dev;

    (void)err;
    dm_timer_init(&b->timer, dev->machine->clock, box_fired, b);
    return 0;
}

static void box_unrealize(struct dm_device *dev)
{
    dm_timer_cancel(&((struct box *)dev)->timer);
}

static void box_reset(struct dm_device *dev)
{
    struct box *b = (struct box *)dev;

    b->u8 = 1;
    dm_timer_cancel(&b->timer);
}

static int box_post_load(struct dm_device *dev, uint16_t version)
{
    struct box *b = (struct box *)dev;

    b->loads++;
    b->loaded_version = version;
    return b->u8 == 0xee ? -EINVAL : 0;
}

static void box_quiesce(struct dm_device *dev)
{
    ((struct box *)dev)->quiesced++;
}

static void box_unplug(struct dm_device *dev, unsigned mask)
{
    (void)dev, (void)mask;
}

static const struct dm_class box_class = {
    .name = "box",
    .size = sizeof(struct box),
    .version = 2,
    .realize = box_realize,
    .unrealize = box_unrealize,
    .reset = box_reset,
    .fields = box_fields,
    .post_load = box_post_load,
    .quiesce = box_quiesce,
};

static const struct dm_class crate_class = {
    .name = "crate",
    .size = sizeof(struct box),
    .version = 2,
    .realize = box_realize,
    .unrealize = box_unrealize,
    .fields = box_fields,
    .unplug = box_unplug,
};

static const struct dm_class *const classes[] = { &box_class, &crate_class, NULL };

static void fill(struct box *b)
{
    b->u8 = 0x12;
    b->u16 = 0x3456;
    b->u32 = 0x789abcde;
    b->u64 = 0x1122334455667788;
    b->many[0] = 1;
    b->many[2] = 0xffffffff;
    memcpy(b->bytes, "hello", 5);
    b->flag = true;
    b->flags[1] = true;
    b->part = (struct part) { 0xabcd, true };
    b->parts[0] = (struct part) { 7, false };
    b->parts[1] = (struct part) { 8, true };
    b->newer = 0x55;
}

static void test_kinds(void **state)
{
    static const uint8_t head[] = { 0x12, 0x56, 0x34, 0xde, 0xbc, 0x9a, 0x78, 0x88, 0x77, 0x66,
                                    0x55, 0x44, 0x33, 0x22, 0x11, 1,    0,    0,    0 };
    struct dm_buf buf = { 0 };
    struct dm_error err;
    struct box *b;
    struct fake f;

    fake_init(&f, classes);
    b = fake_device(&f, "box", "");
    fill(b);
    assert_null(fake_state_roundtrip(&f, b));
    fill(b);
    dm_device_save(&b->dev, &buf);
    assert_true(b->quiesced > 0);
    assert_int_equal(buf.len, BOX_BYTES_2);
    assert_memory_equal(buf.data, head, sizeof(head)); /* little-endian, no gaps */
    assert_memory_equal(buf.data + 27, "hello", 5);
    dm_device_destroy(&b->dev);

    b = fake_device(&f, "box", "");
    assert_int_equal(dm_device_load(&b->dev, buf.data, buf.len, 2, &err), 0);
    assert_int_equal(b->u8, 0x12);
    assert_int_equal(b->u16, 0x3456);
    assert_int_equal(b->u32, 0x789abcde);
    assert_true(b->u64 == 0x1122334455667788);
    assert_int_equal(b->many[2], 0xffffffff);
    assert_memory_equal(b->bytes, "hello", 5);
    assert_true(b->flag && !b->flags[0] && b->flags[1]);
    assert_true(b->part.a == 0xabcd && b->part.b);
    assert_true(b->parts[0].a == 7 && !b->parts[0].b && b->parts[1].a == 8 && b->parts[1].b);
    assert_int_equal(b->newer, 0x55);
    assert_int_equal(b->loads, 1);

    /* Too long, too short, a bool that is none; the device is reset then. */
    for (size_t len = 0; len < buf.len; len++)
        assert_int_equal(dm_device_load(&b->dev, buf.data, len, 2, &err), -EINVAL);
    assert_int_equal(b->u8, 1);
    dm_buf_put_le(&buf, 1, 0);
    assert_int_equal(dm_device_load(&b->dev, buf.data, buf.len, 2, &err), -EINVAL);
    assert_non_null(strstr(err.text, "box-0"));
    buf.data[FLAG_AT] = 2;
    assert_int_equal(dm_device_load(&b->dev, buf.data, buf.len - 1, 2, &err), -EINVAL);
    assert_int_equal(b->loads, 1);
    /* post_load says no. */
    buf.data[FLAG_AT] = 0;
    buf.data[0] = 0xee;
    assert_int_equal(dm_device_load(&b->dev, buf.data, buf.len - 1, 2, &err), -EINVAL);
    assert_int_equal(b->loads, 2);
    assert_int_equal(b->u8, 1);
    dm_buf_finish(&buf);
    fake_finish(&f);
}

static void test_timers(void **state)
{
    struct dm_buf buf = { 0 };
    struct dm_error err;
    struct box *b;
    struct fake f;

    fake_init(&f, classes);
    b = fake_device(&f, "box", "");
    dm_timer_arm(&b->timer, f.now + 1000);
    dm_device_save(&b->dev, &buf);
    dm_timer_cancel(&b->timer);
    fake_advance(&f, 5000); /* the time it spent saved does not count */
    assert_int_equal(dm_device_load(&b->dev, buf.data, buf.len, 2, &err), 0);
    fake_advance(&f, 999);
    assert_int_equal(b->fired, 0);
    fake_advance(&f, 1);
    assert_int_equal(b->fired, 1);
    buf.len = 0;

    /* Not armed; overdue; a span that would wrap. */
    dm_device_save(&b->dev, &buf);
    dm_timer_arm(&b->timer, f.now + 10);
    assert_int_equal(dm_device_load(&b->dev, buf.data, buf.len, 2, &err), 0);
    assert_false(dm_timer_armed(&b->timer));
    buf.len = 0;
    dm_timer_arm(&b->timer, f.now - 10);
    dm_device_save(&b->dev, &buf);
    assert_int_equal(dm_device_load(&b->dev, buf.data, buf.len, 2, &err), 0);
    fake_advance(&f, 0);
    assert_int_equal(b->fired, 2);
    dm_put_le(buf.data + buf.len - 8, 8, UINT64_MAX - 5);
    assert_int_equal(dm_device_load(&b->dev, buf.data, buf.len, 2, &err), 0);
    assert_false(dm_timer_armed(&b->timer));
    dm_buf_finish(&buf);
    fake_finish(&f);
}

/* Loads a stream that was changed, with the right checksum. */
static int load(struct fake *f, struct dm_buf *buf, struct dm_error *err)
{
    dm_state_seal(buf->data, buf->len);
    return dm_state_load(&f->machine, buf->data, buf->len, err);
}

static void test_versions(void **state)
{
    struct dm_buf one = { 0 }, all = { 0 };
    struct dm_error err;
    struct box *b;
    struct fake f;

    fake_init(&f, classes);
    b = fake_device(&f, "box", "");
    fill(b);
    dm_fields_save(box_fields, b, 1, &one);
    assert_int_equal(one.len, BOX_BYTES_1);
    b->newer = 0x77;
    assert_int_equal(dm_device_load(&b->dev, one.data, one.len, 1, &err), 0);
    assert_int_equal(b->newer, 0x77); /* left as it was */
    assert_int_equal(b->loaded_version, 1);
    assert_int_equal(dm_device_load(&b->dev, one.data, one.len, 2, &err), -EINVAL);

    /* A whole stream whose record says 0, 1, 2, 3. */
    fill(b);
    assert_int_equal(dm_state_save(&f.machine, &all, &err), 0);
    for (uint16_t v = 0; v < 4; v++) {
        dm_put_le(all.data + HEAD + 1 + 5, 2, v);
        assert_int_equal(load(&f, &all, &err), v == 2 ? 0 : -EINVAL);
    }
    assert_non_null(strstr(err.text, "version 3"));
    dm_buf_finish(&one);
    dm_buf_finish(&all);
    fake_finish(&f);
}

static void test_machine(void **state)
{
    struct dm_buf buf = { 0 };
    struct box *a, *b;
    struct dm_error err;
    struct fake f;

    fake_init(&f, classes);
    a = fake_device(&f, "box", "id=left");
    b = fake_device(&f, "box", "id=right");
    a->u32 = 1;
    b->u32 = 2;
    assert_int_equal(dm_state_save(&f.machine, &buf, &err), 0);
    assert_memory_equal(buf.data, "xendm-1\n", 8);
    assert_int_equal(dm_get_le(buf.data + 8, 8), FAKE_VRAM_HIDE);
    assert_int_equal(dm_get_le(buf.data + 16, 8), 0); /* bytes of video memory */
    assert_memory_equal(buf.data + 24, "\2\0\0\0\4left\2\0", 4 + 5 + 2);
    for (size_t cut = 0; cut < buf.len; cut++)
        assert_int_equal(dm_state_load(&f.machine, buf.data, cut, &err), -EINVAL);
    for (size_t cut = HEAD + CRC; cut < buf.len; cut++) {
        uint8_t *copy = malloc(cut);

        assert_non_null(copy);
        memcpy(copy, buf.data, cut);
        dm_state_seal(copy, cut); /* the checksum is right: the records are not */
        assert_int_equal(dm_state_load(&f.machine, copy, cut, &err), -EINVAL);
        free(copy);
    }
    a->u32 = b->u32 = 9;
    assert_int_equal(dm_state_load(&f.machine, buf.data, buf.len, &err), 0);
    assert_int_equal(a->u32, 1);
    assert_int_equal(b->u32, 2);
    dm_buf_put_le(&buf, 1, 0);
    assert_int_equal(dm_state_load(&f.machine, buf.data, buf.len, &err), -EINVAL);
    assert_non_null(strstr(err.text, "checksum"));
    assert_int_equal(load(&f, &buf, &err), -EINVAL);
    assert_non_null(strstr(err.text, "behind the last device"));
    buf.len--;
    for (size_t i = 0; i < buf.len; i++) { /* any bit that turned */
        buf.data[i] ^= 0x10;
        assert_int_equal(dm_state_load(&f.machine, buf.data, buf.len, &err), -EINVAL);
        buf.data[i] ^= 0x10;
    }
    /* A name we do not have, one that is too long, none at all, a body that is too long. */
    buf.data[HEAD + 1] = 'L';
    assert_int_equal(load(&f, &buf, &err), -EINVAL);
    assert_non_null(strstr(err.text, "no device 'Left'"));
    buf.data[HEAD + 1] = '\n';
    assert_int_equal(load(&f, &buf, &err), -EINVAL);
    assert_string_equal(err.text, "saved state: a device's name is no text");
    buf.data[HEAD + 1] = 'L';
    buf.data[HEAD] = DM_DEVICE_ID_MAX;
    assert_int_equal(load(&f, &buf, &err), -EINVAL);
    buf.data[HEAD] = 0;
    assert_int_equal(load(&f, &buf, &err), -EINVAL);
    buf.data[HEAD] = 4;
    buf.data[HEAD + 1] = 'l';
    dm_put_le(buf.data + HEAD + 7, 4, 0xffffffff);
    assert_int_equal(load(&f, &buf, &err), -EINVAL);
    dm_buf_finish(&buf);
    fake_finish(&f);
}

static void test_the_same_devices(void **state)
{
    struct dm_buf one = { 0 }, two = { 0 };
    struct dm_error err;
    struct fake f;

    fake_init(&f, classes);
    fake_device(&f, "box", "id=aa");
    assert_int_equal(dm_state_save(&f.machine, &one, &err), 0);
    fake_device(&f, "box", "id=bb");
    assert_int_equal(dm_state_save(&f.machine, &two, &err), 0);
    /* One too few. */
    assert_int_equal(dm_state_load(&f.machine, one.data, one.len, &err), -EINVAL);
    assert_non_null(strstr(err.text, "lacks device 'bb'"));
    /* One twice. */
    memcpy(two.data + one.len - CRC, one.data + HEAD, one.len - HEAD - CRC);
    assert_int_equal(load(&f, &two, &err), -EINVAL);
    assert_non_null(strstr(err.text, "'aa' is there twice"));
    /* A count that is a lie. */
    dm_put_le(two.data + HEAD - 4, 4, 0xffffffff);
    assert_int_equal(load(&f, &two, &err), -EINVAL);
    dm_device_destroy(dm_device_find(&f.machine, "bb"));

    /* A device the guest unplugged before it was saved goes away here too; order is free. */
    fake_device(&f, "crate", "id=cc");
    assert_int_equal(dm_state_load(&f.machine, one.data, one.len, &err), 0);
    assert_null(dm_device_find(&f.machine, "cc"));
    assert_int_equal(dm_state_load(&f.machine, one.data, one.len, &err), 0);
    dm_device_destroy(dm_device_find(&f.machine, "aa"));
    fake_device(&f, "crate", "id=cc");
    fake_device(&f, "box", "id=aa");
    two.len = 0;
    assert_int_equal(dm_state_save(&f.machine, &two, &err), 0);
    fake_finish(&f);
    fake_init(&f, classes);
    fake_device(&f, "box", "id=aa");
    fake_device(&f, "crate", "id=cc");
    assert_int_equal(dm_state_load(&f.machine, two.data, two.len, &err), 0);
    dm_buf_finish(&one);
    dm_buf_finish(&two);
    fake_finish(&f);
}

static void test_buffers(void **state)
{
    static uint8_t block[65536];
    struct dm_buf buf = { 0 };

    dm_buf_put(&buf, NULL, 0);
    assert_false(buf.failed);
    for (unsigned i = 0; i < DM_STATE_MAX / sizeof(block); i++)
        dm_buf_put(&buf, block, sizeof(block));
    assert_int_equal(buf.len, DM_STATE_MAX);
    assert_false(buf.failed);
    dm_buf_put_le(&buf, 1, 0);
    assert_true(buf.failed);
    assert_int_equal(buf.len, DM_STATE_MAX);
    dm_buf_finish(&buf);
    dm_buf_put(&buf, block, SIZE_MAX);
    assert_true(buf.failed);
    dm_buf_finish(&buf);
}

/* More than a stream may hold. */
struct hog {
    struct dm_device dev;
    uint8_t bytes[DM_STATE_MAX / 2];
};

static const struct dm_field hog_fields[] = { DM_BYTES(struct hog, bytes, 1), DM_FIELDS_END };

static const struct dm_class hog_class = {
    .name = "hog",
    .size = sizeof(struct hog),
    .version = 1,
    .fields = hog_fields,
};

static void test_too_much(void **state)
{
    static const struct dm_class *const hogs[] = { &hog_class, NULL };
    struct dm_buf buf = { 0 };
    struct dm_error err;
    struct fake f;

    fake_init(&f, hogs);
    fake_device(&f, "hog", "");
    assert_int_equal(dm_state_save(&f.machine, &buf, &err), 0);
    fake_device(&f, "hog", "");
    buf.len = 0;
    assert_int_equal(dm_state_save(&f.machine, &buf, &err), -EFBIG);
    dm_buf_finish(&buf);
    fake_finish(&f);
}

/* Streams of others, each with a line that says so. */
static void test_foreign_streams(void **state)
{
    static const struct {
        const char *data, *line;
        size_t len;
    } foreign[] = {
        { "QEVM\0\0\0\3", "made by QEMU", 8 },
        { "QEVM", "made by QEMU", 4 },
        { "xendm-2\n", "not a stream of xendm", 8 },
        { "", "not a stream of xendm", 0 },
        { "xendm-1", "not a stream of xendm", 7 },
        { "xendm-1\n", "cut off after 8 bytes", 8 },
        { "xendm-1\n0123456701234567\0\0\0\0CRC", "cut off after 31 bytes", 31 },
        { "xendm-1\n0123456701234567\0\0\0\0CRCC", "checksum", 32 },
    };
    struct dm_state_head head;
    struct dm_error err;

    for (size_t i = 0; i < DM_ARRAY_LEN(foreign); i++) {
        assert_int_equal(
            dm_state_check((const uint8_t *)foreign[i].data, foreign[i].len, &head, &err), -EINVAL);
        assert_non_null(strstr(err.text, foreign[i].line));
    }
}

/* The checksum is what every other program calls CRC-32. */
static void test_checksum(void **state)
{
    uint8_t data[13] = "123456789";

    dm_state_seal(data, sizeof(data));
    assert_int_equal(dm_get_le(data + 9, 4), 0xcbf43926);
}

UNIT_MAIN(cmocka_unit_test(test_foreign_streams), cmocka_unit_test(test_checksum),
          cmocka_unit_test(test_kinds), cmocka_unit_test(test_timers),
          cmocka_unit_test(test_versions), cmocka_unit_test(test_machine),
          cmocka_unit_test(test_the_same_devices), cmocka_unit_test(test_buffers),
          cmocka_unit_test(test_too_much))
