/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The back ends on real ptys, sockets and files, in a folder of their own. */
#include "backend/chardev.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static const struct dm_class *const none[] = { NULL };

/* A device that notes what it is told. */
struct bench {
    struct fake f;
    struct host_loop loop;
    struct dm_error err;
    struct dm_chardev *chr;
    char dir[64];
    uint8_t got[65536];
    size_t len, room; /* room: of the device */
    unsigned writable, opened, closed;
};

static size_t dev_room(void *opaque)
{
    return ((struct bench *)opaque)->room;
}

static void dev_receive(void *opaque, const uint8_t *data, size_t len)
{
    struct bench *b = opaque;

    assert_true(len <= b->room);
    assert_true(dm_in_range(b->len, len, sizeof(b->got)));
    memcpy(b->got + b->len, data, len);
    b->len += len;
    b->room -= len;
}

static void dev_writable(void *opaque)
{
    ((struct bench *)opaque)->writable++;
}

static void dev_opened(void *opaque, bool connected)
{
    struct bench *b = opaque;

    b->opened += connected;
    b->closed += !connected;
}

static const struct dm_chardev_user dev_user = { dev_room, dev_receive, dev_writable, dev_opened };

static void bench_init(struct bench *b)
{
    *b = (struct bench) { .room = 1 << 20, .dir = "/tmp/test-chardev-XXXXXX" };
    fake_init(&b->f, none);
    assert_int_equal(host_loop_init(&b->loop, &b->err), 0);
    assert_non_null(mkdtemp(b->dir));
}

static void bench_finish(struct bench *b)
{
    fake_finish(&b->f);
    host_loop_finish(&b->loop);
    assert_int_equal(rmdir(b->dir), 0); /* whatever it made is gone */
}

static void bench_use(struct bench *b, const char *id)
{
    b->chr = dm_chardev_find(&b->f.machine, id);
    assert_non_null(b->chr);
    dm_chardev_set_user(b->chr, &dev_user, b);
}

static void bench_open(struct bench *b, const char *spec)
{
    if (chardev_open(&b->f.machine, &b->loop, "serial0", spec, &b->err))
        fail_msg("%s", b->err.text);
    bench_use(b, "serial0");
}

/* The kernel passes a pty's bytes on in a thread of its own: give it time. */
static void spin(struct bench *b)
{
    for (unsigned i = 0; i < 10; i++) {
        host_loop_turn(&b->loop, false);
        usleep(300);
    }
}

/* Turns until a number is at least so high; five seconds are for a machine that is busy. */
static void spin_until(struct bench *b, const unsigned *number, unsigned least)
{
    for (unsigned i = 0; i < 10000 && *number < least; i++) {
        host_loop_turn(&b->loop, false);
        usleep(500);
    }
    assert_true(*number >= least);
}

/* Is there always something to do? 0 for a back end that is idle. */
static unsigned wakeups(struct bench *b)
{
    struct pollfd p = { .fd = b->loop.epoll_fd, .events = POLLIN };
    unsigned n = 0;

    spin(b);
    for (unsigned i = 0; i < 20; i++) {
        n += poll(&p, 1, 0) > 0;
        host_loop_turn(&b->loop, false);
    }
    /* A straggler is no busy loop. */
    return (n > 4 ? n : 0) + (dm_clock_deadline(&b->loop.clock) != DM_NEVER);
}

static size_t put(struct bench *b, const char *text)
{
    return dm_chardev_write(b->chr, (const uint8_t *)text, strlen(text));
}

static void expect_input(struct bench *b, const char *text)
{
    for (unsigned i = 0; i < 10000 && b->len < strlen(text); i++) {
        host_loop_turn(&b->loop, false);
        usleep(500);
    }
    spin(b);
    assert_int_equal(b->len, strlen(text));
    assert_memory_equal(b->got, text, b->len);
    b->len = 0;
}

static void expect_read(int fd, const char *text)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char buf[256];
    ssize_t n;

    assert_int_equal(poll(&p, 1, 5000), 1);
    n = read(fd, buf, sizeof(buf));
    assert_int_equal(n, strlen(text));
    assert_memory_equal(buf, text, (size_t)n);
}

static int pty_slave(struct bench *b)
{
    int fd;

    assert_memory_equal(b->chr->filename, "pty:/dev/pts/", 13);
    fd = open(b->chr->filename + 4, O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(fd >= 0);
    return fd;
}

static void test_pty(void **state)
{
    struct termios t;
    struct bench b;
    int fd;

    bench_init(&b);
    bench_open(&b, "pty");
    assert_int_equal(wakeups(&b), 0);
    assert_false(b.chr->connected);
    assert_int_equal(put(&b, "nobody reads this"), 17);
    for (unsigned round = 0; round < 3; round++) {
        fd = pty_slave(&b);
        assert_int_equal(tcgetattr(fd, &t), 0);
        assert_int_equal(t.c_lflag & (ECHO | ICANON | ISIG), 0);
        assert_int_equal(t.c_oflag & OPOST, 0);
        spin_until(&b, &b.opened, round + 1);
        assert_true(b.chr->connected);
        assert_int_equal(put(&b, "hello\r\n"), 7);
        expect_read(fd, "hello\r\n");
        assert_int_equal(write(fd, "ls\n", 3), 3);
        expect_input(&b, "ls\n");
        assert_int_equal(wakeups(&b), 0);
        close(fd);
        spin_until(&b, &b.closed, round + 1);
        assert_int_equal(wakeups(&b), 0);
        assert_false(b.chr->connected);
        assert_int_equal(put(&b, "dropped"), 7);
        assert_int_equal(b.opened, round + 1);
        assert_int_equal(b.closed, round + 1);
    }
    /* Written and gone before we looked. */
    fd = pty_slave(&b);
    assert_int_equal(write(fd, "quick", 5), 5);
    close(fd);
    expect_input(&b, "quick");
    assert_false(b.chr->connected);
    bench_finish(&b);
}

static void test_pty_flow(void **state)
{
    size_t sent = 0, got = 0;
    char block[4096];
    struct bench b;
    ssize_t n;
    int fd;

    bench_init(&b);
    bench_open(&b, "pty");
    fd = pty_slave(&b);
    spin_until(&b, &b.opened, 1);

    /* In: no more than there is room for, and no wake-ups while there is none. */
    b.room = 3;
    assert_int_equal(write(fd, "abcdef", 6), 6);
    expect_input(&b, "abc");
    assert_int_equal(wakeups(&b), 0);
    b.room = 100;
    dm_chardev_accept_input(b.chr);
    expect_input(&b, "def");

    /* Out: takes what the kernel's buffer holds, then tells when there is room again. */
    memset(block, 'x', sizeof(block));
    do { /* it makes room when it moves the first of them to the slave */
        b.writable = 0;
        do {
            n = (ssize_t)dm_chardev_write(b.chr, (const uint8_t *)block, sizeof(block));
            sent += (size_t)n;
        } while ((size_t)n == sizeof(block) && sent < 1 << 24);
        assert_true(sent < 1 << 24);
        assert_int_equal(wakeups(&b), 0);
    } while (b.writable);
    for (unsigned i = 0; i < 10000 && (got < sent || !b.writable); i++) {
        while ((n = read(fd, block, sizeof(block))) > 0)
            got += (size_t)n;
        usleep(500);
        host_loop_turn(&b.loop, false);
    }
    assert_true(b.writable > 0);
    assert_int_equal(got, sent);

    /* It goes while the device is full and has output waiting. */
    b.room = 0;
    assert_int_equal(write(fd, "tail", 4), 4);
    while (dm_chardev_write(b.chr, (const uint8_t *)block, sizeof(block)) == sizeof(block))
        ;
    spin(&b);
    b.writable = 0;
    close(fd);
    spin(&b);
    assert_int_equal(wakeups(&b), 0);
    b.room = 100;
    dm_chardev_accept_input(b.chr);
    expect_input(&b, "tail");
    assert_false(b.chr->connected);
    assert_true(b.writable > 0);
    assert_int_equal(put(&b, "x"), 1);
    assert_int_equal(wakeups(&b), 0);
    bench_finish(&b);
}

static void test_pty_without_inotify(void **state)
{
    struct rlimit before, now;
    struct bench b;
    int fd;

    bench_init(&b);
    /* Two more descriptors, master and slave, then no more. */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = before;
    fd = dup(0);
    now.rlim_cur = (rlim_t)dup(0) + 1;
    close(fd);
    close((int)now.rlim_cur - 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    bench_open(&b, "pty");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(b.chr->connected);
    assert_int_equal(put(&b, "early"), 5);
    for (unsigned round = 0; round < 2; round++) {
        fd = pty_slave(&b);
        expect_read(fd, round ? "late" : "early");
        assert_int_equal(write(fd, "in", 2), 2);
        expect_input(&b, "in");
        close(fd);
        assert_int_equal(wakeups(&b), 0);
        assert_int_equal(put(&b, "late"), 4);
    }
    bench_finish(&b);
}

static int unix_connect(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    return fd;
}

static void test_unix_server(void **state)
{
    char path[100], spec[200], name[300];
    int one, two;
    struct bench b;
    struct stat st;

    bench_init(&b);
    snprintf(path, sizeof(path), "%s/s", b.dir);
    snprintf(spec, sizeof(spec), "unix:%s,server,nowait", path);
    bench_open(&b, spec);
    snprintf(name, sizeof(name), "disconnected:unix:%s,server=on", path);
    assert_string_equal(b.chr->filename, name);
    assert_int_equal(put(&b, "dropped"), 7);

    one = unix_connect(path);
    two = unix_connect(path); /* waits */
    assert_int_equal(wakeups(&b), 0);
    assert_true(b.chr->connected);
    assert_string_equal(b.chr->filename, name + 13);
    assert_int_equal(put(&b, "to one"), 6);
    expect_read(one, "to one");
    assert_int_equal(write(one, "1", 1), 1);
    expect_input(&b, "1");
    assert_int_equal(read(two, name, 1), -1);
    close(one);
    spin(&b);
    assert_int_equal(b.closed, 1);
    assert_int_equal(b.opened, 2);
    assert_int_equal(put(&b, "to two"), 6);
    expect_read(two, "to two");

    /* Gone while the device is full: what it said still arrives; the next is let in. */
    b.room = 0;
    assert_int_equal(write(two, "bye", 3), 3);
    spin(&b);
    close(two);
    assert_int_equal(put(&b, "x"), 1);
    assert_int_equal(put(&b, "x"), 1);
    assert_int_equal(wakeups(&b), 0);
    assert_false(b.chr->connected);
    b.room = 10;
    dm_chardev_accept_input(b.chr);
    expect_input(&b, "bye");
    b.room = 0;
    one = unix_connect(path);
    assert_int_equal(write(one, "lost", 4), 4);
    spin(&b);
    close(one);
    put(&b, "x");
    two = unix_connect(path);
    spin(&b);
    b.room = 10;
    dm_chardev_accept_input(b.chr);
    assert_int_equal(write(two, "kept", 4), 4);
    expect_input(&b, "kept");
    assert_int_equal(put(&b, "ok"), 2);
    expect_read(two, "ok");
    close(two);
    spin(&b);
    assert_int_equal(lstat(path, &st), 0);
    bench_finish(&b);
}

static void test_unix_blocked(void **state)
{
    char path[100], spec[200], block[8192] = { 0 };
    size_t sent = 0, n;
    struct bench b;
    int fd;

    bench_init(&b);
    snprintf(path, sizeof(path), "%s/s", b.dir);
    snprintf(spec, sizeof(spec), "unix:%s,server=on,wait=off", path);
    bench_open(&b, spec);
    fd = unix_connect(path);
    spin(&b);
    do
        sent += n = dm_chardev_write(b.chr, (const uint8_t *)block, sizeof(block));
    while (n == sizeof(block) && sent < 1 << 24);
    assert_int_not_equal(n, sizeof(block));
    assert_int_equal(wakeups(&b), 0);
    b.writable = 0;
    close(fd); /* whoever waits for room is released */
    spin(&b);
    assert_true(b.writable > 0);
    assert_int_equal(put(&b, "dropped"), 7);
    bench_finish(&b);
}

/* Opens under its own id; the error must hold the text. */
static void refuse(struct bench *b, const char *spec, int rc, const char *text)
{
    int got = chardev_open(&b->f.machine, &b->loop, "bad", spec, &b->err);

    if (got != rc || !strstr(b->err.text, text) || strncmp(b->err.text, "chardev 'bad': ", 15) ||
        strchr(b->err.text, '\n'))
        fail_msg("%s: %d, '%s'; wanted %d, '%s'", spec, got, b->err.text, rc, text);
    assert_null(dm_chardev_find(&b->f.machine, "bad"));
}

static void test_unix_names(void **state)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    char path[100], spec[200];
    struct bench b;
    struct stat st;
    int fd;

    bench_init(&b);
    snprintf(path, sizeof(path), "%s/s", b.dir);
    snprintf(spec, sizeof(spec), "unix:%s,server,nowait", path);
    /* One that died left its socket. */
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    close(fd);
    bench_open(&b, spec);
    /* One that lives is not touched. */
    refuse(&b, spec, -EADDRINUSE, "/s: Address already in use");
    assert_int_equal(lstat(path, &st), 0);
    /* Neither is a file that is no socket. */
    snprintf(spec, sizeof(spec), "unix:%s/file,server,nowait", b.dir);
    snprintf(path, sizeof(path), "%s/file", b.dir);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    refuse(&b, spec, -EADDRINUSE, "Address already in use");
    assert_int_equal(unlink(path), 0);
    refuse(&b, "unix:/no/such/folder/s,server", -ENOENT,
           "unix:/no/such/folder/s: No such file or directory");
    refuse(&b, "unix:/no/such/folder/s", -ENOENT, "No such file or directory");
    memset(spec, 'a', 150);
    memcpy(spec, "unix:/", 6);
    spec[150] = 0;
    refuse(&b, spec, -ENAMETOOLONG, "File name too long");
    refuse(&b, "unix:", -EINVAL, "address is empty");
    refuse(&b, "unix:/x,server,telnet=on", -EINVAL, "no option 'telnet'");
    refuse(&b, "unix:/x,server=perhaps", -EINVAL, "'perhaps' for 'server'");

    /* A socket put in the place of ours is not ours to remove. */
    snprintf(path, sizeof(path), "%s/s", b.dir);
    assert_int_equal(unlink(path), 0);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    fake_finish(&b.f);
    host_loop_finish(&b.loop);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(b.dir), 0);
}

static void test_tcp(void **state)
{
    struct sockaddr_in in = { .sin_family = AF_INET };
    socklen_t size = sizeof(in);
    char spec[64];
    struct bench b;
    int fd, client;

    bench_init(&b);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%u,server,nowait", ntohs(in.sin_port));
    refuse(&b, spec, -EADDRINUSE, "Address already in use"); /* bound without SO_REUSEADDR */
    *strchr(spec, ',') = 0;
    refuse(&b, spec, -ECONNREFUSED, "Connection refused");

    /* As client. */
    assert_int_equal(listen(fd, 1), 0);
    bench_open(&b, spec);
    assert_string_equal(b.chr->filename, spec);
    client = accept(fd, NULL, NULL);
    assert_true(client >= 0);
    assert_int_equal(put(&b, "hi"), 2);
    expect_read(client, "hi");
    assert_int_equal(write(client, "yo", 2), 2);
    expect_input(&b, "yo");
    close(client);
    close(fd);
    assert_int_equal(wakeups(&b), 0);
    assert_false(b.chr->connected);
    assert_int_equal(put(&b, "dropped"), 7);

    /* As server, on a port that is free. */
    in.sin_port = 0;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    close(fd);
    snprintf(spec, sizeof(spec), "tcp::%u,server=on,wait=off,nodelay", ntohs(in.sin_port));
    if (chardev_open(&b.f.machine, &b.loop, "two", spec, &b.err))
        fail_msg("%s", b.err.text);
    bench_use(&b, "two");
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    spin(&b);
    assert_int_equal(put(&b, "hi"), 2);
    expect_read(fd, "hi");
    close(fd);

    refuse(&b, "tcp:4444", -EINVAL, "is not tcp:HOST:PORT");
    refuse(&b, "tcp:localhost:", -EINVAL, "is not tcp:HOST:PORT");
    refuse(&b, "tcp:::1:44", -EINVAL, "is not tcp:HOST:PORT");
    refuse(&b, "tcp:[::1]x:44", -EINVAL, "is not tcp:HOST:PORT");
    refuse(&b, "tcp:127.0.0.1:nonsense,server", -EINVAL, "tcp:127.0.0.1:nonsense: Serv");
    bench_finish(&b);
}

/* A socket that listens already, as libxl hands one with dm_restrict. */
static void test_socket_fd(void **state)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct dm_option opt[3] = { { "fd", NULL }, { "server", "on" }, { "wait", "off" } };
    char number[16];
    struct bench b;
    int fd, client;

    bench_init(&b);
    snprintf(un.sun_path, sizeof(un.sun_path), "%s/q", b.dir);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(number, sizeof(number), "%d", fd);
    opt[0].value = number;
    assert_int_equal(chardev_open_options(&b.f.machine, &b.loop, "qmp", "socket", opt, 3, &b.err),
                     -EINVAL);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    assert_int_equal(listen(fd, 1), 0);
    client = unix_connect(un.sun_path);
    assert_int_equal(chardev_open_options(&b.f.machine, &b.loop, "qmp", "socket", opt, 3, &b.err),
                     0);
    bench_use(&b, "qmp");
    spin(&b);
    assert_int_equal(put(&b, "{}"), 2);
    expect_read(client, "{}");
    close(client);
    unlink(un.sun_path);
    bench_finish(&b);
}

static void expect_file(const char *path, const char *text)
{
    char buf[256];
    FILE *f = fopen(path, "r");
    size_t n;

    assert_non_null(f);
    n = fread(buf, 1, sizeof(buf), f);
    fclose(f);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(buf, text, n);
}

static void test_file_and_null(void **state)
{
    struct dm_option opt[2] = { { "path", NULL }, { "append", "on" } };
    char spec[100];
    struct bench b;

    bench_init(&b);
    snprintf(spec, sizeof(spec), "file:%s/log", b.dir);
    opt[0].value = spec + 5;
    bench_open(&b, spec);
    assert_string_equal(b.chr->filename, spec + 5);
    assert_int_equal(put(&b, "first boot\n"), 11);
    expect_file(spec + 5, "first boot\n");
    assert_int_equal(chardev_open_options(&b.f.machine, &b.loop, "a", "file", opt, 2, &b.err), 0);
    bench_use(&b, "a");
    put(&b, "more\n");
    expect_file(spec + 5, "first boot\nmore\n");
    assert_int_equal(chardev_open(&b.f.machine, &b.loop, "b", spec, &b.err), 0);
    expect_file(spec + 5, ""); /* truncated, as QEMU does */

    refuse(&b, "file:/no/such/folder/x", -ENOENT, "/no/such/folder/x: No such file");
    refuse(&b, "file:", -EINVAL, "'file' needs a path");
    assert_int_equal(chardev_open(&b.f.machine, &b.loop, "full", "file:/dev/full", &b.err), 0);
    bench_use(&b, "full");
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(put(&b, "x"), 1);
    assert_string_equal(b.f.log, "full: /dev/full: No space left on device; output is lost\n");

    assert_int_equal(chardev_open(&b.f.machine, &b.loop, "n", "null", &b.err), 0);
    bench_use(&b, "n");
    assert_string_equal(b.chr->filename, "null");
    assert_int_equal(put(&b, "x"), 1);
    assert_int_equal(wakeups(&b), 0);
    unlink(spec + 5);
    bench_finish(&b);
}

static void test_tty(void **state)
{
    char name[64];
    struct termios t;
    struct bench b;
    int master;

    bench_init(&b);
    master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_int_equal(unlockpt(master), 0);
    assert_int_equal(ptsname_r(master, name, sizeof(name)), 0);
    bench_open(&b, name);
    assert_int_equal(put(&b, "AT\n"), 3);
    expect_read(master, "AT\n");
    assert_int_equal(write(master, "OK\r", 3), 3);
    expect_input(&b, "OK\r");
    b.chr->ops->set_line(b.chr, 9600, 7, 'O', 2); /* a pty keeps all but size and PARENB */
    assert_int_equal(tcgetattr(master, &t), 0);
    assert_int_equal(cfgetospeed(&t), B9600);
    assert_int_equal(t.c_cflag & (PARODD | CSTOPB), PARODD | CSTOPB);
    b.chr->ops->set_line(b.chr, 12345, 8, 'N', 1); /* a rate there is no name for */
    close(master);
    assert_int_equal(wakeups(&b), 0);
    assert_false(b.chr->connected);
    assert_int_equal(put(&b, "dropped"), 7);
    refuse(&b, "/dev/no-such-tty", -ENOENT, "/dev/no-such-tty: No such file");
    assert_int_equal(chardev_open(&b.f.machine, &b.loop, "n", "/dev/null", &b.err), 0);
    bench_use(&b, "n");
    assert_int_equal(put(&b, "x"), 1);
    assert_int_equal(wakeups(&b), 0);
    bench_finish(&b);
}

static void test_stdio(void **state)
{
    int in[2], out[2], keep[2] = { dup(0), dup(1) };
    struct bench b;

    bench_init(&b);
    fflush(stdout);
    assert_int_equal(pipe(in) | pipe(out), 0);
    dup2(in[0], 0);
    dup2(out[1], 1);
    bench_open(&b, "stdio");
    assert_int_equal(put(&b, "login: "), 7);
    assert_int_equal(write(in[1], "root\n", 5), 5);
    spin(&b);
    close(in[1]);
    close(in[0]);
    b.writable = 0;
    for (size_t n = 0; n < 1 << 24 && put(&b, "0123456789abcdef") == 16;)
        n += 16;
    unsigned idle = wakeups(&b), before = b.writable;
    char buf[8192];
    ssize_t n = read(out[0], buf, sizeof(buf));

    spin(&b);
    unsigned after = b.writable;
    close(out[0]);
    close(out[1]);
    size_t dropped = put(&b, "dropped"); /* and no SIGPIPE */

    dup2(keep[0], 0);
    dup2(keep[1], 1);
    close(keep[0]);
    close(keep[1]);
    assert_int_equal(b.len, 5);
    assert_memory_equal(b.got, "root\n", 5);
    assert_true(n > 7);
    assert_memory_equal(buf, "login: ", 7);
    assert_int_equal(idle, 0);
    assert_int_equal(before, 0);
    assert_true(after > 0);
    assert_int_equal(dropped, 7);
    assert_false(b.chr->connected);
    bench_finish(&b);
}

static void test_arguments(void **state)
{
    struct dm_option many[17], opt[2] = { { "id", "x" }, { "mux", "on" } };
    struct bench b;

    bench_init(&b);
    refuse(&b, "telnet:localhost:23,server", -ENOTSUP, "'telnet:localhost:23,server' is not");
    refuse(&b, "vc", -ENOTSUP, "'vc' is not supported");
    refuse(&b, "", -ENOTSUP, "'' is not supported");
    assert_int_equal(chardev_open_options(&b.f.machine, &b.loop, "x", "spicevmc", NULL, 0, &b.err),
                     -ENOTSUP);
    assert_string_equal(b.err.text, "chardev 'x': kind 'spicevmc' is not supported");
    assert_int_equal(chardev_open_options(&b.f.machine, &b.loop, "x", "null", opt, 2, &b.err),
                     -EINVAL);
    assert_string_equal(b.err.text, "chardev 'x': 'null' has no option 'mux'");
    assert_int_equal(chardev_open_options(&b.f.machine, &b.loop, "x", "null", opt, 1, &b.err), 0);
    assert_int_equal(chardev_open(&b.f.machine, &b.loop, "x", "null", &b.err), -EEXIST);
    assert_int_equal(chardev_open(&b.f.machine, &b.loop, "", "null", &b.err), -EINVAL);
    assert_int_equal(chardev_open_options(&b.f.machine, &b.loop, "s", "socket", NULL, 0, &b.err),
                     -EINVAL);
    assert_string_equal(b.err.text, "chardev 's': 'socket' needs one of path, port and fd");
    for (unsigned i = 0; i < 17; i++)
        many[i] = opt[0];
    assert_int_equal(chardev_open_options(&b.f.machine, &b.loop, "m", "null", many, 17, &b.err),
                     -E2BIG);
    bench_finish(&b);
}

UNIT_MAIN(cmocka_unit_test(test_pty), cmocka_unit_test(test_pty_flow),
          cmocka_unit_test(test_pty_without_inotify), cmocka_unit_test(test_unix_server),
          cmocka_unit_test(test_unix_blocked), cmocka_unit_test(test_unix_names),
          cmocka_unit_test(test_tcp), cmocka_unit_test(test_socket_fd),
          cmocka_unit_test(test_file_and_null), cmocka_unit_test(test_tty),
          cmocka_unit_test(test_stdio), cmocka_unit_test(test_arguments))
