/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host/batch on files that know RWF_NOWAIT (sockets), and on some that do not (terminals). */
#include "tests/unit/unit.h"

#include "host/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MAX HOST_BATCH_MAX

struct bench {
    struct host_loop loop;
    struct host_batch *batch;
    bool ring; /* there should be one */
    int fd[2];
    uint8_t buf[MAX][512];
    struct iovec iov[MAX][2];
    struct host_batch_op op[MAX];
};

static bool io_uring_there(void)
{
    struct {
        uint32_t word[30];
    } params = { { 0 } };
    int fd = (int)syscall(SYS_io_uring_setup, 1, &params);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    const char *engine = getenv("XENDM_AIO");
    struct dm_error err;

    assert_non_null(b);
    b->ring = io_uring_there() && (!engine || strcmp(engine, "threads"));
    assert_int_equal(host_loop_init(&b->loop, &err), 0);
    b->batch = host_batch_get(&b->loop);
    assert_non_null(b->batch);
    /* One for all of a loop. */
    assert_ptr_equal(host_batch_get(&b->loop), b->batch);
    host_batch_put(b->batch);
    b->fd[0] = b->fd[1] = -1;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    host_batch_put(b->batch);
    assert_null(b->loop.batch);
    host_loop_finish(&b->loop);
    for (int i = 0; i < 2; i++)
        if (b->fd[i] >= 0)
            close(b->fd[i]);
    free(b);
    return 0;
}

/* Datagrams, as a tap's frames are. */
static void open_sockets(struct bench *b)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, b->fd), 0);
}

static void open_terminal(struct bench *b)
{
    struct termios raw;

    memset(&raw, 0, sizeof(raw));
    cfmakeraw(&raw);
    assert_int_equal(openpty(&b->fd[0], &b->fd[1], NULL, &raw, NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fcntl(b->fd[i], F_SETFL, O_RDWR | O_NONBLOCK), 0);
}

/* Does io_uring get a straight answer from the file? Before Linux 6.4 sockets are as terminals. */
static bool knows_nowait(int fd)
{
    uint8_t byte;
    struct iovec iov = { &byte, 1 };

    return preadv2(fd, &iov, 1, -1, RWF_NOWAIT) >= 0 || errno != EOPNOTSUPP;
}

/* Operation i, on two pieces of its buffer. */
static void prepare(struct bench *b, unsigned i, int fd, bool write, size_t len)
{
    size_t first = len / 3;

    if (write)
        memset(b->buf[i], (int)i + 1, len);
    b->iov[i][0] = (struct iovec) { b->buf[i], first };
    b->iov[i][1] = (struct iovec) { b->buf[i] + first, len - first };
    b->op[i] = (struct host_batch_op) { fd, write, b->iov[i], 2, 12345 };
}

/* Runs the first count; a watchdog ends the test should it block. Returns the system calls. */
static uint64_t run(struct bench *b, unsigned count)
{
    uint64_t before = host_batch_calls(b->batch);

    alarm(10);
    host_batch_run(b->batch, b->op, count);
    alarm(0);
    return host_batch_calls(b->batch) - before;
}

static void test_write_and_read(void **state)
{
    struct bench *b = *state;
    uint64_t calls;
    bool nowait;

    open_sockets(b);
    nowait = knows_nowait(b->fd[1]);
    /* A queue of datagrams holds no more than 11 by default. */
    for (unsigned i = 0; i < 10; i++)
        prepare(b, i, b->fd[0], true, 20 + i);
    calls = run(b, 10);
    assert_int_equal(calls, !b->ring ? 10 : nowait ? 1 : 11);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(b->op[i].result, 20 + i);

    memset(b->buf, 0, sizeof(b->buf));
    for (unsigned i = 0; i < 12; i++)
        prepare(b, i, b->fd[1], false, sizeof(b->buf[i]));
    calls = run(b, 12);
    assert_int_equal(calls,
                     b->ring && nowait ? 1 : 11); /* after one that would block no other is tried */
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(b->op[i].result, 20 + i);
        assert_int_equal(b->buf[i][0], i + 1);
        assert_int_equal(b->buf[i][19 + i], i + 1);
        assert_int_equal(b->buf[i][20 + i], 0);
    }
    assert_int_equal(b->op[10].result, -EAGAIN);
    assert_int_equal(b->op[11].result, -EAGAIN);
}

/* The other end is closed: nothing comes any more, and it is said at once. */
static bool ended(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

/* A file that was added is used without being looked up; taken back, it is free at once. */
static void test_files(void **state)
{
    struct bench *b = *state;
    int pair[3][2];
    bool nowait;

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair[i]), 0);
    nowait = knows_nowait(pair[0][0]);
    /* Two are known, one comes later, one never does. */
    host_batch_add_file(b->batch, pair[0][0]);
    host_batch_add_file(b->batch, pair[1][0]);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 6; i++)
            prepare(b, i, pair[i % 3][0], true, 20 + i);
        run(b, 6);
        for (unsigned i = 0; i < 6; i++) {
            uint8_t got[64];

            assert_int_equal(b->op[i].result, 20 + i);
            assert_int_equal(read(pair[i % 3][1], got, sizeof(got)), 20 + i);
            assert_int_equal(got[19 + i], i + 1);
        }
        if (round == 0)
            host_batch_add_file(b->batch, pair[2][0]);
        if (round == 1) /* the others move up */
            host_batch_remove_file(b->batch, pair[0][0]);
    }
    /* Nobody but the ring has it now. */
    close(pair[1][0]);
    assert_int_equal(ended(pair[1][1]), !b->ring);
    host_batch_remove_file(b->batch, pair[1][0]);
    assert_true(ended(pair[1][1]));
    host_batch_remove_file(b->batch, pair[1][0]); /* one that is not there */
    /* Another file under its number is another file. */
    assert_int_equal(dup2(pair[0][0], pair[1][0]), pair[1][0]);
    for (unsigned i = 0; i < 4; i++)
        prepare(b, i, pair[1 + i % 2][0], true, 30 + i);
    run(b, 4);
    for (unsigned i = 0; i < 4; i++) {
        uint8_t got[64];

        assert_int_equal(b->op[i].result, 30 + i);
        assert_int_equal(read(pair[i % 2 ? 2 : 0][1], got, sizeof(got)), 30 + i);
    }
    /* More than there is room for. */
    for (unsigned i = 0; i < HOST_BATCH_FILES + 2; i++)
        host_batch_add_file(b->batch, pair[0][0]);
    prepare(b, 0, pair[0][0], true, 7);
    prepare(b, 1, pair[2][0], true, 8);
    assert_int_equal(run(b, 2), b->ring && nowait ? 1 : b->ring ? 3 : 2);
    assert_int_equal(b->op[0].result, 7);
    assert_int_equal(b->op[1].result, 8);
    for (unsigned i = 0; i < 3; i++) {
        close(pair[i][0]);
        close(pair[i][1]);
    }
}

static void test_one(void **state)
{
    struct bench *b = *state;

    open_sockets(b);
    prepare(b, 0, b->fd[0], true, 30);
    assert_int_equal(run(b, 1), 1);
    assert_int_equal(b->op[0].result, 30);
    prepare(b, 0, b->fd[1], false, 7); /* shorter than the datagram */
    assert_int_equal(run(b, 1), 1);
    assert_int_equal(b->op[0].result, 7);
    prepare(b, 0, b->fd[1], false, 7);
    assert_int_equal(run(b, 1), 1);
    assert_int_equal(b->op[0].result, -EAGAIN);
    assert_int_equal(run(b, 0), 0);
}

/* A full queue: those that found room did, in order, and the others are told. */
static void test_full(void **state)
{
    struct bench *b = *state;
    int room = 8192;
    unsigned done = 0;

    open_sockets(b);
    assert_int_equal(setsockopt(b->fd[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    for (unsigned i = 0; i < MAX; i++)
        prepare(b, i, b->fd[0], true, 40);
    run(b, MAX);
    while (done < MAX && b->op[done].result == 40)
        done++;
    assert_in_range(done, 1, MAX - 1);
    for (unsigned i = done; i < MAX; i++)
        assert_int_equal(b->op[i].result, -EAGAIN);
    for (unsigned i = 0; i < done; i++) {
        uint8_t got[64];

        assert_int_equal(read(b->fd[1], got, sizeof(got)), 40);
        assert_int_equal(got[0], i + 1);
    }
    assert_int_equal(read(b->fd[1], b->buf[0], 1), -1);
}

static void test_errors(void **state)
{
    struct bench *b = *state;

    open_sockets(b);
    prepare(b, 0, b->fd[0], true, 10);
    prepare(b, 1, -1, true, 10);
    prepare(b, 2, b->fd[0], true, 12);
    prepare(b, 3, b->fd[1], false, 100);
    run(b, 4);
    assert_int_equal(b->op[0].result, 10);
    assert_int_equal(b->op[1].result, -EBADF);
    assert_int_equal(b->op[2].result, 12);
    assert_int_equal(b->op[3].result, 10);
    close(b->fd[1]);
    b->fd[1] = -1;
    run(b, 3);
    assert_true(b->op[0].result == -ECONNREFUSED || b->op[0].result == -ENOTCONN);
    assert_int_equal(b->op[1].result, -EBADF);
    assert_true(b->op[2].result == -ECONNREFUSED || b->op[2].result == -ENOTCONN);
}

/* Files without RWF_NOWAIT: the first batch finds out, then writes go by the ring all the same. */
static void test_no_nowait(void **state)
{
    struct bench *b = *state;
    uint64_t calls;
    uint8_t got[64];

    open_terminal(b);
    assert_false(knows_nowait(b->fd[0]));
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < 4; i++)
            prepare(b, i, b->fd[0], true, 10);
        calls = run(b, 4);
        assert_int_equal(calls, !b->ring ? 4 : turn ? 1 : 5);
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(b->op[i].result, 10);
        for (unsigned n = 0; n < 40;) {
            struct pollfd p = { b->fd[1], POLLIN, 0 };
            ssize_t len;

            assert_int_equal(poll(&p, 1, 5000), 1);
            len = read(b->fd[1], got, 40 - n);
            assert_in_range(len, 1, 40 - n);
            for (ssize_t k = 0; k < len; k++)
                assert_int_equal(got[k], (n + (unsigned)k) / 10 + 1);
            n += (unsigned)len;
        }
    }
    /* Reading what is not there must not wait. */
    for (unsigned i = 0; i < 4; i++)
        prepare(b, i, b->fd[1], false, 10);
    assert_int_equal(run(b, 4), 1);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(b->op[i].result, -EAGAIN);
}

/* The same, and the file is full: what would wait is called off, and never happens. */
static void test_no_nowait_full(void **state)
{
    struct bench *b = *state;
    size_t written = 0, drained = 0;
    unsigned waited = 0, shortened = 0;
    uint8_t got[4096];
    uint64_t calls;

    open_terminal(b);
    for (unsigned turn = 0; turn < 8; turn++) {
        for (unsigned i = 0; i < MAX; i++)
            prepare(b, i, b->fd[0], true, 300);
        calls = run(b, MAX);
        if (b->ring && turn > 1)
            assert_in_range(calls, 2, 4); /* the second calls them off */
        for (unsigned i = 0; i < MAX; i++) {
            if (b->op[i].result == -EAGAIN) {
                waited++;
            } else {
                assert_in_range(b->op[i].result, 1, 300);
                shortened += b->op[i].result < 300;
                written += (size_t)b->op[i].result;
            }
        }
    }
    assert_in_range(waited, MAX, 8 * MAX);
    assert_in_range(shortened, 1, 8 * MAX);
    for (;;) {
        struct pollfd p = { b->fd[1], POLLIN, 0 };
        ssize_t len;

        if (poll(&p, 1, 200) != 1)
            break;
        len = read(b->fd[1], got, sizeof(got));
        assert_in_range(len, 1, sizeof(got));
        drained += (size_t)len;
    }
    assert_int_equal(drained, written);
    /* And there is room again. */
    prepare(b, 0, b->fd[0], true, 10);
    prepare(b, 1, b->fd[0], true, 10);
    run(b, 2);
    assert_int_equal(b->op[0].result, 10);
    assert_int_equal(b->op[1].result, 10);
}

static int child_tests(void);

/* Runs all of them again where the kernel refuses io_uring, as under a container's seccomp. */
static void test_refused(void **state)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = { DM_ARRAY_LEN(code), code };
    int status;
    pid_t pid;

    (void)state;
    fflush(stdout);
    pid = fork();
    if (!pid) {
        int quiet = open("/dev/null", O_WRONLY);

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
            _exit(77);
        dup2(quiet, 1);
        _exit(io_uring_there() ? 78 : child_tests());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        UNIT_SKIP("no seccomp");
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define TESTS                                                                      \
    TEST(test_write_and_read), TEST(test_one), TEST(test_full), TEST(test_errors), \
        TEST(test_no_nowait), TEST(test_no_nowait_full), TEST(test_files)

static int child_tests(void)
{
    const struct CMUnitTest tests[] = { TESTS };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

UNIT_MAIN(TESTS, cmocka_unit_test(test_refused))
