/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP's commands around a save, sets of file descriptors, and the state's way into a file. */
#include "control/qmp-session.h"
#include "control/state-file.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define OK "{\"return\":{}}\r\n"

struct box {
    struct dm_device dev;
    uint32_t value;
    uint8_t bulk[20000]; /* more than a chunk */
};

static const struct dm_field box_fields[] = {
    DM_UINT(struct box, value, 1),
    DM_BYTES(struct box, bulk, 1),
    DM_FIELDS_END,
};

static const struct dm_class box_class = {
    .name = "box", .size = sizeof(struct box), .version = 1, .fields = box_fields
};
static const struct dm_class *const classes[] = { &box_class, NULL };

struct world {
    struct fake f;
    struct box *box;
    struct qmp_session s;
    char answer[4096], path[64];
    int fd; /* of the file at path */
};

static int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    fake_init(&w->f, classes);
    w->box = fake_device(&w->f, "box", "");
    assert_int_equal(qmp_session_init(&w->s, &w->f.machine), 0);
    qmp_session_feed(&w->s, "{\"execute\":\"qmp_capabilities\"}", 30);
    w->s.out.len = 0;
    strcpy(w->path, "/tmp/xendm-save-XXXXXX");
    w->fd = mkstemp(w->path);
    assert_true(w->fd >= 0);
    *state = w;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *w = *state;

    qmp_session_finish(&w->s);
    fake_finish(&w->f);
    close(w->fd);
    unlink(w->path);
    free(w);
    return 0;
}

static const char *ask(struct world *w, const char *name, const char *args)
{
    char text[512];
    int len = snprintf(text, sizeof(text), "{\"execute\":\"%s\",\"arguments\":%s}", name, args);

    assert_int_equal(qmp_session_feed(&w->s, text, (size_t)len), len);
    assert_true(w->s.out.len < sizeof(w->answer));
    memcpy(w->answer, w->s.out.data, w->s.out.len);
    w->answer[w->s.out.len] = '\0';
    w->s.out.len = 0;
    return w->answer;
}

static void expect(const char *answer, const char *part)
{
    if (!strstr(answer, part))
        fail_msg("no %s in %s", part, answer);
}

/* As if fd had come with the next command. */
static void send_fd(struct world *w, int fd)
{
    fdsets_receive(&w->s.fds, dup(fd));
}

static off_t size_of(struct world *w)
{
    return lseek(w->fd, 0, SEEK_END);
}

/* As libxl does: the file may be there, and longer. */
static void test_libxl(void **state)
{
    struct world *w = *state;
    struct dm_buf buf = { 0 };
    struct dm_error err;

    assert_int_equal(ftruncate(w->fd, 100000), 0);
    dm_machine_set_run_state(&w->f.machine, DM_RUNNING);
    w->box->value = 0x1234;
    assert_string_equal(ask(w, "xen-set-global-dirty-log", "{\"enable\":true}"), OK);
    assert_true(w->f.log_dirty && w->f.machine.log_dirty);
    assert_string_equal(ask(w, "stop", "{}"), OK);
    send_fd(w, w->fd);
    expect(ask(w, "add-fd", "{}"), "{\"return\":{\"fdset-id\":0,\"fd\":");
    assert_string_equal(
        ask(w, "xen-save-devices-state", "{\"live\":true,\"filename\":\"/dev/fdset/0\"}"), OK);
    assert_int_equal(w->f.machine.run_state, DM_PAUSED);
    assert_string_equal(ask(w, "xen-set-global-dirty-log", "{\"enable\":false}"), OK);
    assert_false(w->f.log_dirty);

    assert_true(size_of(w) > 20000 && size_of(w) < 21000);
    lseek(w->fd, 0, SEEK_SET);
    assert_int_equal(state_file_read(w->fd, -1, &buf, &err), 0);
    w->box->value = 0;
    if (dm_state_load(&w->f.machine, buf.data, buf.len, &err))
        fail_msg("%s", err.text);
    assert_int_equal(w->box->value, 0x1234);
    assert_true(w->f.machine.moved);
    dm_buf_finish(&buf);
    assert_string_equal(ask(w, "cont", "{}"), OK); /* the migration failed */
    assert_int_equal(w->f.machine.run_state, DM_RUNNING);
    assert_false(w->f.machine.moved); /* a restored guest's cards are announced now */
    assert_int_equal(w->f.machine.announced, 1);
}

/* A guest that runs goes on after it; one that never ran does not begin to. To a path, too. */
static void test_run_state(void **state)
{
    struct world *w = *state;
    char args[128];

    snprintf(args, sizeof(args), "{\"filename\":\"%s\"}", w->path);
    assert_string_equal(ask(w, "xen-save-devices-state", args), OK);
    assert_int_equal(w->f.machine.run_state, DM_PRELAUNCH);
    assert_true(size_of(w) > 20000);
    dm_machine_set_run_state(&w->f.machine, DM_RUNNING);
    assert_string_equal(ask(w, "xen-save-devices-state", args), OK);
    assert_int_equal(w->f.machine.run_state, DM_RUNNING);
    dm_machine_set_run_state(&w->f.machine, DM_SHUTDOWN_DONE);
    expect(ask(w, "xen-save-devices-state", args), "the guest has ended itself");
}

static void test_errors(void **state)
{
    struct rlimit limit = { 4096, 4096 }, old;
    struct world *w = *state;
    int fd = open("/dev/null", O_RDONLY);
    char args[128];

    dm_machine_set_run_state(&w->f.machine, DM_RUNNING);
    expect(ask(w, "xen-save-devices-state", "{}"), "Parameter 'filename' is missing");
    expect(ask(w, "xen-save-devices-state", "{\"filename\":\"x\",\"live\":1}"),
           "expected: boolean");
    expect(ask(w, "xen-set-global-dirty-log", "{}"), "Parameter 'enable' is missing");
    expect(ask(w, "xen-save-devices-state", "{\"filename\":\"/dev/fdset/3\"}"),
           "cannot open /dev/fdset/3: No such file or directory");
    expect(ask(w, "xen-save-devices-state", "{\"filename\":\"/nowhere/at/all\"}"),
           "cannot open /nowhere/at/all: No such file");
    send_fd(w, fd);
    ask(w, "add-fd", "{\"fdset-id\":3}");
    expect(ask(w, "xen-save-devices-state", "{\"filename\":\"/dev/fdset/3\"}"),
           "cannot open /dev/fdset/3: Permission denied");
    close(fd);
    fd = open("/dev/full", O_WRONLY);
    send_fd(w, fd);
    ask(w, "add-fd", "{\"fdset-id\":4}");
    expect(ask(w, "xen-save-devices-state", "{\"filename\":\"/dev/fdset/4\"}"),
           "saved state: cannot write it: No space left on device");
    close(fd);
    /* libxl's limit on what a confined device model may write. */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    snprintf(args, sizeof(args), "{\"filename\":\"%s\"}", w->path);
    expect(ask(w, "xen-save-devices-state", args), "cannot write it: File too large");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(w->f.machine.run_state, DM_RUNNING);
    assert_non_null(strstr(w->f.log, "File too large"));
}

static void test_fdsets(void **state)
{
    struct world *w = *state;
    int first = open("/dev/null", O_RDONLY), second = open("/dev/null", O_WRONLY), copy;
    char text[128];

    expect(ask(w, "add-fd", "{}"), "No file descriptor supplied");
    assert_string_equal(ask(w, "query-fdsets", "{}"), "{\"return\":[]}\r\n");
    send_fd(w, first);
    expect(ask(w, "add-fd", "{\"fdset-id\":-1}"), "non-negative");
    expect(ask(w, "add-fd", "{\"opaque\":\"stub-devid:5632\"}"), "\"fdset-id\":0,");
    send_fd(w, first);
    expect(ask(w, "add-fd", "{\"fdset-id\":2}"), "\"fdset-id\":2,");
    send_fd(w, first);
    expect(ask(w, "add-fd", "{}"), "\"fdset-id\":1,");
    send_fd(w, second);
    expect(ask(w, "add-fd", "{\"fdset-id\":0}"), "\"fdset-id\":0,");
    ask(w, "query-fdsets", "{}");
    snprintf(text, sizeof(text),
             "[{\"fdset-id\":0,\"fds\":[{\"fd\":%d,\"opaque\":"
             "\"stub-devid:5632\"},{\"fd\":%d}]},{\"fdset-id\":1,",
             w->s.fds.list[0].fd, w->s.fds.list[1].fd);
    expect(w->answer, text);
    copy = fdsets_open(&w->s.fds, 0, O_WRONLY);
    assert_true(copy >= 0);
    assert_int_equal(write(copy, "x", 1), 1);
    close(copy);
    assert_int_equal(fdsets_open(&w->s.fds, 0, O_RDWR), -EACCES);
    assert_int_equal(fdsets_open(&w->s.fds, 7, O_RDONLY), -ENOENT);

    snprintf(text, sizeof(text), "{\"fdset-id\":0,\"fd\":%d}", w->s.fds.list[0].fd);
    assert_string_equal(ask(w, "remove-fd", text), OK);
    expect(ask(w, "remove-fd", text), "not found");
    assert_string_equal(ask(w, "remove-fd", "{\"fdset-id\":0}"), OK);
    expect(ask(w, "remove-fd", "{\"fdset-id\":0}"), "not found");
    expect(ask(w, "remove-fd", "{}"), "Parameter 'fdset-id' is missing");
    /* Full. */
    while (w->s.fds.count < FDSET_FDS_MAX) {
        send_fd(w, first);
        expect(ask(w, "add-fd", "{}"), "\"return\"");
    }
    send_fd(w, first);
    expect(ask(w, "add-fd", "{}"), "all the file descriptors it can have");
    send_fd(w, second); /* closes the one before */
    close(first);
    close(second);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(fdsets_parse("/dev/fdset/0"), 0);
    assert_int_equal(fdsets_parse("/dev/fdset/9223372036854775807"), INT64_MAX);
    assert_int_equal(fdsets_parse("/dev/fdset/9223372036854775808"), -1);
    assert_int_equal(fdsets_parse("/dev/fdset/"), -1);
    assert_int_equal(fdsets_parse("/dev/fdset/-1"), -1);
    assert_int_equal(fdsets_parse("/dev/fdset/1x"), -1);
    assert_int_equal(fdsets_parse("/dev/fd/1"), -1);
}

/* Through a pipe in pieces; without an end; too much; a signal meanwhile. */
static void test_read(void **state)
{
    struct world *w = *state;
    static uint8_t block[65536];
    struct dm_buf buf = { 0 };
    struct dm_error err;
    int p[2], stop[2];

    assert_int_equal(pipe(p), 0);
    assert_int_equal(write(p[1], "xendm", 5), 5);
    close(p[1]);
    assert_int_equal(state_file_read(p[0], -1, &buf, &err), 0);
    assert_int_equal(buf.len, 5);
    close(p[0]);
    dm_buf_finish(&buf);

    assert_int_equal(pipe(p), 0);
    assert_int_equal(pipe(stop), 0);
    assert_int_equal(write(stop[1], "", 1), 1);
    assert_int_equal(state_file_read(p[0], stop[0], &buf, &err), -EINTR);
    assert_non_null(strstr(err.text, "signal"));
    dm_buf_finish(&buf);
    close(p[0]);
    close(p[1]);
    close(stop[0]);
    close(stop[1]);

    for (size_t i = 0; i < DM_STATE_MAX / sizeof(block); i++)
        assert_int_equal(write(w->fd, block, sizeof(block)), sizeof(block));
    lseek(w->fd, 0, SEEK_SET);
    assert_int_equal(state_file_read(w->fd, -1, &buf, &err), 0);
    assert_int_equal(buf.len, DM_STATE_MAX);
    dm_buf_finish(&buf);
    assert_int_equal(write(w->fd, block, 1), 1);
    lseek(w->fd, 0, SEEK_SET);
    assert_int_equal(state_file_read(w->fd, -1, &buf, &err), -EFBIG);
    dm_buf_finish(&buf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

UNIT_MAIN(TEST(test_libxl), TEST(test_run_state), TEST(test_errors), TEST(test_fdsets),
          cmocka_unit_test(test_names), TEST(test_read))
