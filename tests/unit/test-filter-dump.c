/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend/filter-dump: the file's every byte, a slow and a full disk, errors. */
#include "tests/unit/unit.h"

#include "backend/filter-dump.h"
#include "host/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct dm_class *const none[] = { NULL };

struct bench {
    struct fake f;
    struct host_loop loop;
    struct dm_error err;
    struct fake_net *net;
    char dir[32], path[64];
    uint8_t *file; /* read back */
    size_t len;
};

static bool card_room(void *opaque, size_t len)
{
    return true;
}

static bool card_receive(void *opaque, const struct dm_iov *iov, int n, size_t len,
                         const struct dm_net_offload *off)
{
    return true;
}

static const struct dm_net_user card_user = { .room = card_room, .receive = card_receive };

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    fake_init(&b->f, none);
    assert_int_equal(host_loop_init(&b->loop, &b->err), 0);
    b->net = fake_net_create(&b->f, "net0");
    dm_net_set_user(&b->net->net, &card_user, b);
    strcpy(b->dir, "/tmp/xendm-dump-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    snprintf(b->path, sizeof(b->path), "%s/pcap", b->dir);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    fake_finish(&b->f);
    assert_null(b->loop.aio);
    host_loop_finish(&b->loop);
    unlink(b->path);
    assert_int_equal(rmdir(b->dir), 0);
    free(b->file);
    free(b);
    return 0;
}

/* Until the file has that size or the log says why not. */
static void settle(struct bench *b, off_t size)
{
    struct stat st = { 0 };

    for (int i = 0; i < 2000 && st.st_size < size && !b->f.log_len; i++) {
        host_loop_turn(&b->loop, false);
        assert_int_equal(stat(b->path, &st), 0);
        usleep(1000);
    }
    host_loop_turn(&b->loop, false);
    host_loop_turn(&b->loop, false);
}

static void read_back(struct bench *b)
{
    int fd = open(b->path, O_RDONLY);
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(b->file);
    b->len = (size_t)st.st_size;
    b->file = malloc(b->len + 1);
    assert_int_equal(read(fd, b->file, b->len + 1), b->len);
    close(fd);
}

static void test_file(void **state)
{
    struct bench *b = *state;
    uint8_t frame[100];
    struct dm_iov iov[] = { { frame, 30 }, { frame + 30, 50 } };
    uint8_t *r;

    for (unsigned i = 0; i < sizeof(frame); i++)
        frame[i] = (uint8_t)i;
    assert_int_equal(filter_dump_open(&b->f.machine, &b->loop, "d", "net0", b->path, 80, &b->err),
                     0);
    dm_net_send(&b->net->net, iov, 2, 80, NULL);
    fake_advance(&b->f, 1234567890);
    host_loop_turn(&b->loop, false);
    fake_net_bring(b->net, frame, 100, NULL);
    dm_net_close(&b->net->net); /* the capture ends with it, all written */
    read_back(b);
    assert_int_equal(b->len, 24 + 16 + 80 + 16 + 80);
    assert_int_equal(dm_get_le(b->file, 4), 0xa1b2c3d4);
    assert_int_equal(dm_get_le(b->file + 4, 4), 0x00040002);
    assert_int_equal(dm_get_le(b->file + 16, 4), 80);
    assert_int_equal(dm_get_le(b->file + 20, 4), 1);
    r = b->file + 24;
    assert_int_equal(dm_get_le(r, 4), 1700000000);
    assert_int_equal(dm_get_le(r + 4, 4), 0);
    assert_int_equal(dm_get_le(r + 8, 4), 80);
    assert_int_equal(dm_get_le(r + 12, 4), 80);
    assert_memory_equal(r + 16, frame, 80);
    r += 96;
    assert_int_equal(dm_get_le(r, 4), 1700000001);
    assert_int_equal(dm_get_le(r + 4, 4), 234567);
    assert_int_equal(dm_get_le(r + 8, 4), 80); /* cut */
    assert_int_equal(dm_get_le(r + 12, 4), 100);
    assert_memory_equal(r + 16, frame, 80);
}

/* More in one turn than the buffers hold: what is left out is counted, the rest is whole. */
static void test_too_fast(void **state)
{
    struct bench *b = *state;
    static uint8_t frame[60000];
    struct dm_iov iov = { frame, sizeof(frame) };
    size_t at = 24;
    unsigned n = 0;

    assert_int_equal(
        filter_dump_open(&b->f.machine, &b->loop, "d", "net0", b->path, 65536, &b->err), 0);
    for (int i = 0; i < 100; i++) {
        dm_put_le(frame, 4, (uint64_t)i);
        dm_net_send(&b->net->net, &iov, 1, sizeof(frame), NULL);
    }
    settle(b, 24 + 8 * 60016);
    dm_put_le(frame, 4, 100);
    dm_net_send(&b->net->net, &iov, 1, sizeof(frame), NULL);
    dm_net_close(&b->net->net);
    read_back(b);
    for (; at < b->len; at += 16 + sizeof(frame), n++)
        assert_int_equal(dm_get_le(b->file + at + 8, 4), sizeof(frame));
    assert_int_equal(at, b->len);
    assert_int_equal(n, 9); /* 8 fill a buffer */
    assert_int_equal(dm_get_le(b->file + at - sizeof(frame), 4), 100);
    assert_non_null(strstr(b->f.log, "frames are not in the capture"));
}

/* The disk says no: one line, and the frames go on. */
static void test_disk_full(void **state)
{
    struct bench *b = *state;
    struct rlimit old, small;
    uint8_t frame[1000] = { 0 };
    struct dm_iov iov = { frame, sizeof(frame) };

    assert_int_equal(
        filter_dump_open(&b->f.machine, &b->loop, "d", "net0", b->path, 65536, &b->err), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit) { 3000, old.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 1; i <= 50; i++) {
        assert_true(dm_net_send(&b->net->net, &iov, 1, sizeof(frame), NULL));
        settle(b, 24 + i * 1016);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(b->net->sent_count, 50);
    dm_net_close(&b->net->net);
    assert_non_null(strstr(b->f.log, "capture ends: File too large"));
    assert_null(strstr(strstr(b->f.log, "capture ends") + 1, "capture ends"));
    read_back(b);
    assert_in_range(b->len, 24, 3000);
}

static void test_errors(void **state)
{
    struct bench *b = *state;

    assert_int_equal(filter_dump_open(&b->f.machine, &b->loop, "d", "net1", b->path, 100, &b->err),
                     -ENOENT);
    assert_string_equal(b->err.text, "filter-dump 'd': no netdev 'net1'");
    assert_int_equal(
        filter_dump_open(&b->f.machine, &b->loop, "d", "net0", "/nowhere/x", 100, &b->err),
        -ENOENT);
    assert_string_equal(b->err.text, "filter-dump 'd': /nowhere/x: No such file or directory");
    assert_int_equal(
        filter_dump_open(&b->f.machine, &b->loop, "d", "net0", "/dev/null", 100, &b->err), -EINVAL);
    assert_string_equal(b->err.text, "filter-dump 'd': /dev/null is not a regular file");
    assert_int_equal(mkfifo(b->path, 0600), 0); /* does not hang */
    assert_true(filter_dump_open(&b->f.machine, &b->loop, "d", "net0", b->path, 100, &b->err) < 0);
    assert_null(b->net->net.monitors);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

UNIT_MAIN(TEST(test_file), TEST(test_too_fast), TEST(test_disk_full), TEST(test_errors))
