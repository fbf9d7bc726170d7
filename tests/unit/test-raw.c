/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend/raw on real files, with both engines of host/aio. */
#include "tests/unit/aio-engines.h"
#include "tests/unit/unit.h"

#include "backend/raw.h"
#include "host/aio.h"
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

#define IMAGE_SIZE (1u << 20)

/* In place of the C library's: counts, and fails when it is told to. */
static unsigned syncs;
static int sync_error;

int fdatasync(int fd)
{
    syncs++;
    errno = sync_error;
    return sync_error ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static unsigned tries; /* reads without waiting */
static bool no_nowait;

ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
    assert_int_equal(flags, RWF_NOWAIT);
    tries++;
    if (!no_nowait)
        return syscall(SYS_preadv2, fd, iov, count, offset, 0, flags);
    errno = EOPNOTSUPP;
    return -1;
}

static long waits; /* of this thread, so far */

static bool writes_wait;

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    waits += writes_wait;
    return syscall(SYS_pwritev, fd, iov, count, offset, 0);
}

int getrusage(__rusage_who_t who, struct rusage *use)
{
    assert_int_equal(who, RUSAGE_THREAD);
    *use = (struct rusage) { .ru_nvcsw = waits };
    return 0;
}

struct world {
    struct fake f;
    struct host_loop loop;
    struct dm_error err;
    char dir[64], path[96];
    int fd; /* the image, for looking at it */
};

static void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    fake_init(&w->f, none);
    assert_int_equal(host_loop_init(&w->loop, NULL), 0);
    snprintf(w->dir, sizeof(w->dir), "/tmp/xendm-raw-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof(w->path), "%s/image", w->dir);
    w->fd = open(w->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(w->fd >= 0);
    assert_int_equal(ftruncate(w->fd, IMAGE_SIZE), 0);
}

static void world_finish(struct world *w)
{
    fake_finish(&w->f);
    assert_null(w->loop.aio);
    host_loop_finish(&w->loop);
    close(w->fd);
    unlink(w->path);
    rmdir(w->dir);
}

static struct dm_block *world_open(struct world *w, bool readonly)
{
    int rc = raw_open(&w->f.machine, &w->loop, "hd0", w->path, readonly, &w->err);

    if (rc)
        print_message("# %s\n", w->err.text);
    assert_int_equal(rc, 0);
    return dm_block_find(&w->f.machine, "hd0");
}

struct io {
    struct dm_block_req req;
    struct dm_iov iov[4];
    unsigned done;
    int err;
    struct host_loop *loop;
    struct host_post wake;
};

static void io_wake(void *opaque)
{
    (void)opaque;
}

/* What is in the page cache ends before the loop sleeps: it is not to sleep then. */
static void io_done(struct dm_block_req *req, int err)
{
    struct io *io = req->opaque;

    io->done++;
    io->err = err;
    if (io->loop)
        host_loop_post(io->loop, &io->wake);
}

static void io_start(struct dm_block *b, struct io *io, enum dm_block_op op, uint64_t offset,
                     void *data, size_t len)
{
    *io = (struct io) { .iov = { { data, len } } };
    io->req = (struct dm_block_req) {
        .op = op,
        .offset = offset,
        .len = len,
        .iov = io->iov,
        .iov_count = data ? 1 : 0,
        .done = io_done,
        .opaque = io,
    };
    dm_block_submit(b, &io->req);
}

static int io_wait(struct world *w, struct io *io)
{
    io->loop = &w->loop;
    io->wake = (struct host_post) { .fn = io_wake };
    while (!io->done)
        host_loop_turn(&w->loop, true);
    host_loop_unpost(&w->loop, &io->wake);
    assert_int_equal(io->done, 1);
    return io->err;
}

static int io_run(struct world *w, struct dm_block *b, enum dm_block_op op, uint64_t offset,
                  void *data, size_t len)
{
    struct io io;

    io_start(b, &io, op, offset, data, len);
    return io_wait(w, &io);
}

static void test_read_write_flush(void **state)
{
    static uint8_t out[64 * 1024], in[sizeof(out)], seen[sizeof(out)];
    struct dm_block *b;
    struct world w;

    world_init(&w);
    b = world_open(&w, false);
    assert_string_equal(host_aio_engine(w.loop.aio), *state);
    assert_true(b->present);
    assert_false(b->readonly);
    assert_int_equal(b->size, IMAGE_SIZE);
    assert_string_equal(b->path, w.path);
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (uint8_t)(i * 7 + i / 256);
    assert_int_equal(io_run(&w, b, DM_BLOCK_WRITE, 4096 + 512, out, sizeof(out)), 0);
    assert_int_equal(io_run(&w, b, DM_BLOCK_FLUSH, 0, NULL, 0), 0);
    assert_int_equal(pread(w.fd, seen, sizeof(seen), 4096 + 512), sizeof(seen));
    assert_memory_equal(seen, out, sizeof(out));
    posix_fadvise(w.fd, 0, 0, POSIX_FADV_DONTNEED); /* so that the loop has to be woken */
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 4096 + 512, in, sizeof(in)), 0);
    assert_memory_equal(in, out, sizeof(out));
    /* The last sector, one too far, nothing at all. */
    assert_int_equal(io_run(&w, b, DM_BLOCK_WRITE, IMAGE_SIZE - 512, out, 512), 0);
    assert_int_equal(io_run(&w, b, DM_BLOCK_WRITE, IMAGE_SIZE - 512, out, 1024), -EINVAL);
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, IMAGE_SIZE, in, 512), -EINVAL);
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 0, in, 0), 0);
    assert_int_equal(b->wr_ops, 2);
    assert_int_equal(b->wr_bytes, sizeof(out) + 512);
    assert_int_equal(b->flush_ops, 1);
    world_finish(&w);
}

static void test_scattered(void **state)
{
    uint8_t data[2048], a[100], c[1], d[1947];
    struct dm_block *b;
    struct world w;
    struct io io;

    world_init(&w);
    b = world_open(&w, true);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 3);
    assert_int_equal(pwrite(w.fd, data, sizeof(data), 512), sizeof(data));
    io = (struct io) { .iov = { { a, 100 }, { NULL, 0 }, { c, 1 }, { d, 1947 } } };
    io.req = (struct dm_block_req) { .op = DM_BLOCK_READ,
                                     .offset = 512,
                                     .len = 2048,
                                     .iov = io.iov,
                                     .iov_count = 4,
                                     .done = io_done,
                                     .opaque = &io };
    dm_block_submit(b, &io.req);
    assert_int_equal(io_wait(&w, &io), 0);
    assert_memory_equal(a, data, 100);
    assert_int_equal(c[0], data[100]);
    assert_memory_equal(d, data + 101, 1947);
    /* A list that is longer than the request would write past the end of the disk. */
    io.done = 0;
    io.req.len = 1024;
    dm_block_submit(b, &io.req);
    assert_int_equal(io_wait(&w, &io), -EINVAL);
    world_finish(&w);
}

static void test_discard(void **state)
{
    static uint8_t data[256 * 1024], zero[64 * 1024], in[64 * 1024];
    struct stat before, after;
    struct dm_block *b;
    struct world w;

    world_init(&w);
    memset(data, 0xa5, sizeof(data));
    assert_int_equal(pwrite(w.fd, data, sizeof(data), 0), sizeof(data));
    fsync(w.fd);
    b = world_open(&w, false);
    if (!b->discard) { /* a file system that cannot: then the device is told so */
        assert_int_equal(io_run(&w, b, DM_BLOCK_DISCARD, 65536, NULL, 65536), -EOPNOTSUPP);
        world_finish(&w);
        return;
    }
    fstat(w.fd, &before);
    assert_int_equal(io_run(&w, b, DM_BLOCK_DISCARD, 65536, NULL, 65536), 0);
    fstat(w.fd, &after);
    assert_int_equal(after.st_size, IMAGE_SIZE);
    assert_true(after.st_blocks < before.st_blocks);
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 65536, in, sizeof(in)), 0);
    assert_memory_equal(in, zero, sizeof(in));
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 0, in, sizeof(in)), 0);
    assert_memory_equal(in, data, sizeof(in));
    assert_int_equal(io_run(&w, b, DM_BLOCK_DISCARD, IMAGE_SIZE - 512, NULL, 1024), -EINVAL);
    assert_int_equal(io_run(&w, b, DM_BLOCK_DISCARD, 0, NULL, 0), 0);
    world_finish(&w);
}

static void test_readonly(void **state)
{
    uint8_t data[512] = { 1 };
    struct dm_block *b;
    struct world w;

    world_init(&w);
    b = world_open(&w, true);
    assert_true(b->readonly);
    assert_false(b->discard);
    assert_int_equal(io_run(&w, b, DM_BLOCK_WRITE, 0, data, 512), -EROFS);
    assert_int_equal(io_run(&w, b, DM_BLOCK_DISCARD, 0, NULL, 512), -EROFS);
    assert_int_equal(io_run(&w, b, DM_BLOCK_FLUSH, 0, NULL, 0), 0);
    assert_int_equal(pread(w.fd, data, 512, 0), 512);
    assert_int_equal(data[0], 0);
    world_finish(&w);
}

#define MANY 300 /* more than the slots of an image and the entries of the ring */

static void test_many_at_once(void **state)
{
    static uint8_t data[MANY][2048], in[MANY][2048];
    static struct io io[MANY];
    unsigned left = MANY;
    struct dm_block *b;
    uint64_t turns;
    struct world w;

    world_init(&w);
    b = world_open(&w, false);
    for (unsigned i = 0; i < MANY; i++) {
        memset(data[i], (int)(i + 1), sizeof(data[i]));
        io_start(b, &io[i], DM_BLOCK_WRITE, i * 2048, data[i], sizeof(data[i]));
        assert_int_equal(io[i].done, 0); /* never from within submit */
    }
    assert_int_equal(b->in_flight, MANY);
    dm_block_drain(b);
    assert_int_equal(b->in_flight, 0);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(io[i].done, 1);
        assert_int_equal(io[i].err, 0);
        io_start(b, &io[i], DM_BLOCK_READ, i * 2048, in[i], sizeof(in[i]));
    }
    while (left) {
        host_loop_turn(&w.loop, false);
        left = 0;
        for (unsigned i = 0; i < MANY; i++)
            left += !io[i].done;
    }
    assert_memory_equal(in, data, sizeof(in));
    /* Nothing to do: no turn of the loop is caused by us. */
    host_loop_turn(&w.loop, false);
    turns = w.loop.turns;
    dm_block_drain(b);
    host_loop_turn(&w.loop, false);
    assert_int_equal(w.loop.turns, turns + 1);
    assert_null(w.loop.posts);
    assert_int_equal(dm_clock_deadline(&w.loop.clock), DM_NEVER);
    world_finish(&w);
}

/* A transfer that goes on from its own completion, as a device's does. */
struct chain {
    struct io io;
    struct dm_block *b;
    uint8_t data[512];
    unsigned left;
};

static void chain_done(struct dm_block_req *req, int err)
{
    struct chain *c = req->opaque;

    assert_int_equal(err, 0);
    if (!c->left--)
        return;
    req->offset += 512;
    dm_block_submit(c->b, req);
}

static void test_drain_follows_a_chain(void **state)
{
    struct chain c = { .left = 100 };
    struct world w;

    world_init(&w);
    c.b = world_open(&w, true);
    c.io.iov[0] = (struct dm_iov) { c.data, 512 };
    c.io.req = (struct dm_block_req) { .op = DM_BLOCK_READ,
                                       .len = 512,
                                       .iov = c.io.iov,
                                       .iov_count = 1,
                                       .done = chain_done,
                                       .opaque = &c };
    dm_block_submit(c.b, &c.io.req);
    dm_block_drain(c.b);
    assert_int_equal(c.left, UINT32_MAX);
    assert_int_equal(c.b->rd_ops, 101);
    world_finish(&w);
}

static void test_file_cut_underneath(void **state)
{
    static uint8_t in[8192];
    struct dm_block *b;
    struct world w;

    world_init(&w);
    b = world_open(&w, true);
    assert_int_equal(ftruncate(w.fd, 4096 + 1000), 0);
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 0, in, 4096), 0);
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 0, in, 8192), -EIO); /* partly there */
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 65536, in, 512), -EIO);
    world_finish(&w);
}

/* The limit libxl sets: the part below it is written, the rest fails, we live. */
static void test_no_room(void **state)
{
    struct rlimit old, limit;
    static uint8_t data[8192];
    struct dm_block *b;
    struct world w;
    struct sigaction xfsz;
    int err;

    signal(SIGXFSZ, SIG_DFL);
    world_init(&w);
    b = world_open(&w, false);
    sigaction(SIGXFSZ, NULL, &xfsz); /* not every file system writes on a thread of the kernel's */
    assert_true(xfsz.sa_handler == SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit) { 256 * 1024, old.rlim_max };
    memset(data, 0x5a, sizeof(data));
    setrlimit(RLIMIT_FSIZE, &limit);
    err = io_run(&w, b, DM_BLOCK_WRITE, 256 * 1024 - 4096, data, sizeof(data));
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(err, -EFBIG);
    assert_int_equal(pread(w.fd, data, 4096, 256 * 1024 - 4096), 4096);
    assert_int_equal(data[4095], 0x5a); /* a short write went on to find the error */
    assert_int_equal(io_run(&w, b, DM_BLOCK_WRITE, 512 * 1024, data, sizeof(data)), 0);
    world_finish(&w);
}

struct aio_io {
    struct host_aio_req req;
    unsigned done;
    int err;
};

static void aio_io_done(struct host_aio_req *req, int err)
{
    struct aio_io *io = (struct aio_io *)req;

    io->done++;
    io->err = err;
}

#define PIECES 1500 /* more than the kernel takes at once */

/* Files in /proc answer with a page at most: a request goes on in the middle of an entry. */
static void test_short_answers(void **state)
{
    static uint8_t whole[12288], in[sizeof(whole)];
    struct iovec iov[PIECES] = { { in, 5000 }, { in + 5000, 1 }, { in + 5001, 7287 } };
    struct aio_io io = { 0 };
    struct host_aio *aio;
    struct world w;
    size_t have = 0;
    ssize_t n;
    int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);

    world_init(&w);
    aio = host_aio_get(&w.loop, NULL);
    while (have < sizeof(whole) && (n = read(fd, whole + have, sizeof(whole) - have)) > 0)
        have += (size_t)n;
    if (have == sizeof(whole)) { /* a kernel without the file: the rest is still tested */
        io.req = (struct host_aio_req) {
            .op = HOST_AIO_READV, .fd = fd, .len = 12288, .iov = iov, .iov_count = 3
        };
        io.req.done = aio_io_done;
        host_aio_submit(aio, &io.req);
        while (!io.done)
            host_aio_wait(aio);
        assert_int_equal(io.err, 0);
        assert_memory_equal(in, whole, sizeof(in));
    }
    for (unsigned i = 0; i < PIECES; i++) {
        whole[i] = (uint8_t)(i * 3);
        iov[i] = (struct iovec) { in + i, 1 };
    }
    assert_int_equal(pwrite(w.fd, whole, PIECES, 7), PIECES);
    io = (struct aio_io) { 0 };
    io.req = (struct host_aio_req) { .op = HOST_AIO_READV,
                                     .fd = w.fd,
                                     .offset = 7,
                                     .len = PIECES,
                                     .iov = iov,
                                     .iov_count = PIECES };
    io.req.done = aio_io_done;
    host_aio_submit(aio, &io.req);
    while (!io.done)
        host_aio_wait(aio);
    assert_int_equal(io.err, 0);
    assert_memory_equal(in, whole, PIECES);
    host_aio_put(aio);
    close(fd);
    world_finish(&w);
}

/* Reads of what the page cache has, and writes, end before the guest goes on. */
static void test_at_once(void **state)
{
    static uint8_t out[HOST_AIO_TRY_MAX + 512], in[sizeof(out)];
    struct io io[4];
    struct dm_block *b;
    struct world w;

    unsetenv("XENDM_AIO");
    world_init(&w);
    b = world_open(&w, false);
    memset(out, 0x77, sizeof(out));
    io_start(b, &io[0], DM_BLOCK_WRITE, 4096, out, 65536);
    assert_int_equal(io[0].done, 1);
    assert_int_equal(io[0].err, 0);
    assert_int_equal(pread(w.fd, in, 65536, 4096), 65536);
    assert_memory_equal(in, out, 65536);
    memset(in, 0, sizeof(in));
    tries = 0;
    io_start(b, &io[0], DM_BLOCK_READ, 4096, in, 65536);
    assert_int_equal(io[0].done, 1);
    assert_int_equal(tries, 1);
    assert_memory_equal(in, out, 65536);
    assert_int_equal(b->in_flight, 0);
    assert_int_equal(b->rd_bytes, 65536);
    assert_int_equal(b->wr_bytes, 65536);

    /* Not a flush, not what takes long, not all there is to do in one turn. */
    io_start(b, &io[0], DM_BLOCK_FLUSH, 0, NULL, 0);
    assert_int_equal(io[0].done, 0);
    assert_int_equal(io_wait(&w, &io[0]), 0);
    io_start(b, &io[0], DM_BLOCK_WRITE, 0, out, sizeof(out));
    assert_int_equal(io[0].done, 0);
    assert_int_equal(io_wait(&w, &io[0]), 0);
    for (unsigned i = 0; i < 4; i++) {
        io_start(b, &io[i], DM_BLOCK_READ, i * 512, in, 131072);
        assert_int_equal(io[i].done, i < 3);
    }
    assert_int_equal(io_wait(&w, &io[3]), 0);
    io_start(b, &io[0], DM_BLOCK_READ, 0, in, 131072);
    assert_int_equal(io[0].done, 1);

    /* A file system that cannot tell is asked once. */
    no_nowait = true;
    tries = 0;
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 0, in, 512), 0);
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 0, in, 512), 0);
    no_nowait = false;
    assert_int_equal(tries, 1);
    io_start(b, &io[0], DM_BLOCK_WRITE, 0, in, 512);
    assert_int_equal(io[0].done, 1);
    world_finish(&w);
}

static uint64_t step_now(void *opaque)
{
    uint64_t *now = opaque;

    return *now += 300 * DM_NS_PER_US;
}

/* Writes at once stop for long when one made the loop wait, and while something is under way. */
static void test_writes_at_once(void **state)
{
    struct io io, other;
    uint8_t data[512] = { 1 };
    uint64_t now = 1;
    struct dm_block *b;
    struct world w;

    unsetenv("XENDM_AIO");
    world_init(&w);
    b = world_open(&w, false);
    io_start(b, &other, DM_BLOCK_FLUSH, 0, NULL, 0);
    io_start(b, &io, DM_BLOCK_WRITE, 0, data, 512);
    assert_int_equal(io.done, 0);
    dm_block_drain(b);
    assert_true(io.done && other.done);

    /* It took long, but did not wait: others had the CPU. */
    w.loop.clock.now = step_now;
    w.loop.clock.opaque = &now;
    for (unsigned i = 0; i < 2; i++) {
        io_start(b, &io, DM_BLOCK_WRITE, 0, data, 512);
        assert_int_equal(io.done, 1);
    }
    writes_wait = true;
    io_start(b, &io, DM_BLOCK_WRITE, 0, data, 512);
    writes_wait = false;
    assert_int_equal(io.done, 1);
    io_start(b, &io, DM_BLOCK_READ, 0, data, 512);
    assert_int_equal(io.done, 1);
    for (unsigned i = 0; i < 2; i++) {
        io_start(b, &io, DM_BLOCK_WRITE, 0, data, 512);
        assert_int_equal(io.done, i); /* not for 0.3 s */
        now += 300 * DM_NS_PER_MS;
        dm_block_drain(b);
    }
    world_finish(&w);
}

static void test_chain_at_once(void **state)
{
    struct chain c = { .left = 100 };
    struct world w;

    unsetenv("XENDM_AIO");
    world_init(&w);
    c.b = world_open(&w, true);
    c.io.iov[0] = (struct dm_iov) { c.data, 512 };
    c.io.req = (struct dm_block_req) {
        .op = DM_BLOCK_READ, .len = 512, .iov = c.io.iov, .iov_count = 1, .done = chain_done
    };
    c.io.req.opaque = &c;
    dm_block_submit(c.b, &c.io.req);
    assert_int_equal(c.left, 99); /* one at once; no deeper */
    dm_block_drain(c.b);
    assert_int_equal(c.left, UINT32_MAX);
    assert_int_equal(c.b->rd_ops, 101);
    world_finish(&w);
}

/* /dev/full answers every write with ENOSPC, a pipe's end cannot be synced. */
static void test_errors_of_the_kernel(void **state)
{
    uint8_t data[512] = { 0 };
    struct iovec iov = { data, sizeof(data) };
    struct aio_io io[3] = { 0 };
    struct host_aio *aio;
    struct world w;
    int pipes[2], full = open("/dev/full", O_RDWR | O_CLOEXEC);

    world_init(&w);
    assert_true(full >= 0);
    assert_int_equal(pipe(pipes), 0);
    aio = host_aio_get(&w.loop, NULL);
    assert_ptr_equal(host_aio_get(&w.loop, NULL), aio);
    host_aio_put(aio);
    io[0].req = (struct host_aio_req) {
        .op = HOST_AIO_WRITEV, .fd = full, .len = 512, .iov = &iov, .iov_count = 1
    };
    io[1].req = (struct host_aio_req) { .op = HOST_AIO_FDATASYNC, .fd = pipes[0] };
    io[2].req = (struct host_aio_req) {
        .op = HOST_AIO_READV, .fd = -1, .len = 512, .iov = &iov, .iov_count = 1
    };
    for (unsigned i = 0; i < 3; i++) {
        io[i].req.done = aio_io_done;
        host_aio_submit(aio, &io[i].req);
    }
    while (!io[0].done || !io[1].done || !io[2].done)
        host_aio_wait(aio);
    host_aio_wait(aio); /* nothing in flight: does not sleep */
    assert_int_equal(io[0].err, -ENOSPC);
    assert_int_equal(io[1].err, -EINVAL);
    assert_int_equal(io[2].err, -EBADF);
    host_aio_put(aio);
    host_aio_put(NULL);
    close(full);
    close(pipes[0]);
    close(pipes[1]);
    world_finish(&w);
}

static void refused(struct world *w, const char *path, bool readonly, int err, const char *why)
{
    w->err.text[0] = 0;
    assert_int_equal(raw_open(&w->f.machine, &w->loop, "hd0", path, readonly, &w->err), -err);
    assert_non_null(strstr(w->err.text, path));
    if (!strstr(w->err.text, why))
        fail_msg("'%s' does not say '%s'", w->err.text, why);
    assert_null(w->f.machine.blocks);
    assert_null(w->loop.aio);
}

static void test_refused_images(void **state)
{
    char path[128], *longer = malloc(8192);
    struct world w;

    world_init(&w);
    snprintf(path, sizeof(path), "%s/missing", w.dir);
    refused(&w, path, true, ENOENT, "No such file");
    refused(&w, w.dir, true, EISDIR, "is a directory");
    refused(&w, "/dev/null", false, EINVAL, "neither a file nor a block device");
    snprintf(path, sizeof(path), "%s/fifo", w.dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    refused(&w, path, true, EINVAL, "neither a file nor a block device");
    unlink(path);
    assert_int_equal(ftruncate(w.fd, 511), 0);
    refused(&w, w.path, false, EINVAL, "empty (511 bytes)");
    memset(longer, 'x', 8191);
    longer[8191] = 0;
    assert_int_equal(raw_open(&w.f.machine, &w.loop, "hd0", longer, true, &w.err), -ENAMETOOLONG);
    longer[80] = 0;
    assert_int_equal(raw_open(&w.f.machine, &w.loop, longer, NULL, true, &w.err), -EINVAL);
    assert_int_equal(raw_open(&w.f.machine, &w.loop, "", NULL, true, &w.err), -EINVAL);
    assert_null(w.f.machine.blocks);
    free(longer);
    world_finish(&w);
}

static void test_unreadable(void **state)
{
    struct world w;

    world_init(&w);
    assert_int_equal(fchmod(w.fd, 0), 0);
    assert_int_equal(chmod(w.dir, 0755), 0); /* root tries as nobody */
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    refused(&w, w.path, true, EACCES, "cannot open for reading: Permission denied");
    refused(&w, "/proc/version", false, EACCES, "cannot open for writing: Permission denied");
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    world_finish(&w);
}

/* SIGTERM, or libxl's SIGHUP: what was written is on the disk when we have gone. */
static void test_flush_at_the_end(void **state)
{
    uint8_t data[512] = { 1 };
    struct dm_block *b;
    struct world w;

    world_init(&w);
    b = world_open(&w, false);
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 0, data, 512), 0);
    syncs = 0;
    world_finish(&w);
    assert_int_equal(syncs, 0); /* nothing was written */

    world_init(&w);
    b = world_open(&w, false);
    assert_int_equal(io_run(&w, b, DM_BLOCK_WRITE, 0, data, 512), 0);
    sync_error = EIO;
    dm_block_drain(b);
    w.f.machine.blocks = NULL; /* closed here, so that the log is still there to be read */
    b->ops->close(b);
    sync_error = 0;
    assert_int_equal(syncs, 1);
    assert_non_null(strstr(w.f.log, "flush at the end failed: Input/output error"));
    world_finish(&w);
}

static void test_odd_size(void **state)
{
    struct dm_block *b;
    uint8_t in[512];
    struct world w;

    world_init(&w);
    assert_int_equal(ftruncate(w.fd, 10 * 512 + 7), 0);
    b = world_open(&w, true);
    assert_int_equal(b->size, 10 * 512);
    assert_non_null(strstr(w.f.log, "cannot see the last 7 bytes"));
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 9 * 512, in, 512), 0);
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 10 * 512, in, 512), -EINVAL);
    world_finish(&w);
}

static void test_no_medium_and_ids(void **state)
{
    struct dm_block *b;
    uint8_t in[512];
    struct world w;

    world_init(&w);
    assert_int_equal(raw_open(&w.f.machine, &w.loop, "cd0", NULL, true, &w.err), 0);
    assert_null(w.loop.aio); /* nothing is set up before it is needed */
    b = dm_block_find(&w.f.machine, "cd0");
    assert_false(b->present);
    assert_int_equal(b->size, 0);
    assert_string_equal(b->path, "");
    assert_int_equal(io_run(&w, b, DM_BLOCK_READ, 0, in, 512), -ENOMEDIUM);
    dm_block_drain(b);
    assert_int_equal(raw_open(&w.f.machine, &w.loop, "cd0", NULL, true, &w.err), -EEXIST);
    assert_non_null(strstr(w.err.text, "cd0"));
    /* One image twice: the PV disk is the same file. */
    world_open(&w, false);
    assert_int_equal(raw_open(&w.f.machine, &w.loop, "pv0", w.path, false, &w.err), 0);
    world_finish(&w);
}

UNIT_MAIN(BOTH_ENGINES(test_read_write_flush), BOTH_ENGINES(test_scattered),
          BOTH_ENGINES(test_discard), BOTH_ENGINES(test_readonly), BOTH_ENGINES(test_many_at_once),
          BOTH_ENGINES(test_drain_follows_a_chain), BOTH_ENGINES(test_file_cut_underneath),
          BOTH_ENGINES(test_no_room), BOTH_ENGINES(test_errors_of_the_kernel),
          BOTH_ENGINES(test_short_answers), cmocka_unit_test(test_at_once),
          cmocka_unit_test(test_writes_at_once), cmocka_unit_test(test_chain_at_once),
          cmocka_unit_test(test_refused_images), cmocka_unit_test(test_unreadable),
          cmocka_unit_test(test_flush_at_the_end), BOTH_ENGINES(test_odd_size),
          BOTH_ENGINES(test_no_medium_and_ids))
