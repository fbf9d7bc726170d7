/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dm/block and dm/chardev: what is refused before a back end sees it, counters, hand-over. */
#include "tests/unit/unit.h"

#include <errno.h>

static const struct dm_class *const none[] = { NULL };

struct outcome {
    unsigned done;
    int err;
};

static void outcome_done(struct dm_block_req *req, int err)
{
    struct outcome *o = req->opaque;

    o->done++;
    o->err = err;
}

/* Submits and tells how it ended; 1: not yet. */
static int go(struct fake_block *b, enum dm_block_op op, uint64_t offset, uint64_t len)
{
    static uint8_t data[4096];
    static struct outcome o;
    static struct dm_iov iov;
    static struct dm_block_req req;

    o = (struct outcome) { 0 };
    iov = (struct dm_iov) { data, len <= sizeof(data) ? len : sizeof(data) };
    req = (struct dm_block_req) {
        .op = op,
        .offset = offset,
        .len = len,
        .iov = &iov,
        .iov_count = op == DM_BLOCK_READ || op == DM_BLOCK_WRITE ? 1 : 0,
        .done = outcome_done,
        .opaque = &o,
    };
    dm_block_submit(&b->block, &req);
    assert_true(o.done <= 1);
    return o.done ? o.err : 1;
}

static void test_refused(void **state)
{
    struct fake_block *b;
    struct fake f;

    fake_init(&f, none);
    b = fake_block_create(&f, "hd", 8192);
    assert_int_equal(go(b, DM_BLOCK_READ, 8192, 0), 0);
    assert_int_equal(go(b, DM_BLOCK_READ, 7680, 512), 0);
    assert_int_equal(go(b, DM_BLOCK_READ, 7680, 1024), -EINVAL);
    assert_int_equal(go(b, DM_BLOCK_WRITE, 8193, 0), -EINVAL);
    assert_int_equal(go(b, DM_BLOCK_WRITE, UINT64_MAX - 511, 512), -EINVAL);
    assert_int_equal(go(b, DM_BLOCK_DISCARD, 4096, UINT64_MAX), -EINVAL);
    assert_int_equal(go(b, DM_BLOCK_DISCARD, 0, 4096), 0);
    b->block.discard = false;
    assert_int_equal(go(b, DM_BLOCK_DISCARD, 0, 4096), -EOPNOTSUPP);
    b->block.readonly = true;
    assert_int_equal(go(b, DM_BLOCK_WRITE, 0, 512), -EROFS);
    assert_int_equal(go(b, DM_BLOCK_DISCARD, 0, 512), -EROFS);
    assert_int_equal(go(b, DM_BLOCK_READ, 0, 512), 0);
    assert_int_equal(go(b, DM_BLOCK_FLUSH, UINT64_MAX, 0), 0); /* it has no range */
    b->block.present = false;
    assert_int_equal(go(b, DM_BLOCK_READ, 0, 512), -ENOMEDIUM);
    assert_int_equal(go(b, DM_BLOCK_FLUSH, 0, 0), -ENOMEDIUM);
    assert_int_equal(b->block.in_flight, 0);
    assert_int_equal(b->writes, 0);
    fake_finish(&f);
}

static void test_counters(void **state)
{
    struct fake_block *b;
    struct fake f;

    fake_init(&f, none);
    b = fake_block_create(&f, "hd", 8192);
    go(b, DM_BLOCK_READ, 0, 512);
    go(b, DM_BLOCK_READ, 0, 1024);
    go(b, DM_BLOCK_WRITE, 0, 2048);
    go(b, DM_BLOCK_FLUSH, 0, 0);
    b->fail = -EIO;
    assert_int_equal(go(b, DM_BLOCK_WRITE, 0, 512), -EIO);
    go(b, DM_BLOCK_READ, 9000, 512);
    assert_int_equal(b->block.rd_ops, 2);
    assert_int_equal(b->block.rd_bytes, 1536);
    assert_int_equal(b->block.wr_ops, 1);
    assert_int_equal(b->block.wr_bytes, 2048);
    assert_int_equal(b->block.flush_ops, 1);
    b->fail = 0;
    b->deferred = true;
    assert_int_equal(go(b, DM_BLOCK_READ, 0, 512), 1);
    assert_int_equal(b->block.in_flight, 1);
    dm_block_drain(&b->block);
    assert_int_equal(b->block.in_flight, 0);
    assert_int_equal(b->block.rd_ops, 3);
    dm_block_drain(&b->block);
    fake_finish(&f);
}

static void test_find(void **state)
{
    struct fake_block *a, *b;
    struct fake f;

    fake_init(&f, none);
    a = fake_block_create(&f, "a", 512);
    b = fake_block_create(&f, "b", 512);
    assert_ptr_equal(f.machine.blocks, &a->block);
    assert_ptr_equal(dm_block_find(&f.machine, "b"), &b->block);
    assert_null(dm_block_find(&f.machine, "c"));
    fake_finish(&f);
}

struct ear {
    size_t room, got;
    unsigned writable, opened;
};

static size_t ear_room(void *opaque)
{
    return ((struct ear *)opaque)->room;
}

static void ear_receive(void *opaque, const uint8_t *data, size_t len)
{
    (void)data;
    ((struct ear *)opaque)->got += len;
}

static void ear_writable(void *opaque)
{
    ((struct ear *)opaque)->writable++;
}

static void ear_opened(void *opaque, bool connected)
{
    ((struct ear *)opaque)->opened += connected ? 1 : 16;
}

static void test_chardev(void **state)
{
    static const struct dm_chardev_user user = { ear_room, ear_receive, ear_writable, ear_opened };
    static const struct dm_chardev_user deaf = { ear_room, ear_receive, NULL, NULL };
    struct ear ear = { .room = 3 };
    struct fake_chardev *c;
    struct fake f;

    fake_init(&f, none);
    c = fake_chardev_create(&f, "com1");
    assert_ptr_equal(dm_chardev_find(&f.machine, "com1"), &c->chr);
    assert_null(dm_chardev_find(&f.machine, "com2"));
    /* With nobody there bytes are taken and dropped, so that a peer never waits. */
    assert_int_equal(fake_chardev_send(c, "hello", 5), 5);
    assert_int_equal(dm_chardev_write(NULL, (const uint8_t *)"x", 1), 1);
    dm_chardev_accept_input(NULL);
    dm_chardev_set_user(NULL, &user, &ear);
    dm_chardev_opened(&c->chr, false);
    dm_chardev_writable(&c->chr);
    dm_chardev_set_user(&c->chr, &user, &ear);
    assert_int_equal(fake_chardev_send(c, "hello", 5), 3);
    assert_int_equal(ear.got, 3);
    dm_chardev_opened(&c->chr, true);
    dm_chardev_opened(&c->chr, true);
    dm_chardev_opened(&c->chr, false);
    assert_int_equal(ear.opened, 17);
    dm_chardev_writable(&c->chr);
    assert_int_equal(ear.writable, 1);
    dm_chardev_accept_input(&c->chr); /* this back end does not care */
    dm_chardev_set_user(&c->chr, &deaf, &ear);
    dm_chardev_opened(&c->chr, true);
    dm_chardev_writable(&c->chr);
    assert_int_equal(ear.opened, 17);
    dm_chardev_set_user(&c->chr, NULL, NULL);
    assert_int_equal(fake_chardev_send(c, "hello", 5), 5);
    assert_int_equal(ear.got, 3);
    fake_finish(&f);
}

UNIT_MAIN(cmocka_unit_test(test_refused), cmocka_unit_test(test_counters),
          cmocka_unit_test(test_find), cmocka_unit_test(test_chardev))
