/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state key, written through libxenstore into a xenstored of ours (docs/misc/xenstore.txt). */
#include "control/xenstore.h"

#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#ifdef HAVE_XEN

enum { XS_READ = 2, XS_WRITE = 11, XS_ERROR = 16 }; /* xs_wire.h */

struct message {
    uint32_t type, request, transaction, len;
};

struct store {
    char dir[32], path[64];
    int listener;
    pthread_t thread;
    const char *domid; /* what "domid" reads as; NULL: no such key */
    bool refuse;       /* writes fail */
    char written[512]; /* "PATH=VALUE\n" each */
    unsigned unexpected;
};

static void store_answer(struct store *st, int fd, struct message m, const char *body)
{
    const char *key = body, *error = NULL, *reply = "OK";
    size_t used = strlen(st->written);

    if (m.type == XS_READ && !strcmp(key, "domid")) {
        reply = st->domid;
        error = reply ? NULL : "ENOENT";
    } else if (m.type == XS_WRITE && st->refuse) {
        error = "EACCES";
    } else if (m.type == XS_WRITE) {
        size_t skip = strlen(key) + 1;

        snprintf(st->written + used, sizeof(st->written) - used, "%s=%.*s\n", key,
                 (int)(m.len - skip), body + skip);
    } else {
        st->unexpected++;
        error = "EINVAL";
    }
    m.type = error ? XS_ERROR : m.type;
    reply = error ? error : reply;
    /* Values have no NUL at their end, errors and OK have. */
    m.len = (uint32_t)(strlen(reply) + (m.type != XS_READ));
    (void)!write(fd, &m, sizeof(m));
    (void)!write(fd, reply, m.len);
}

static void *store_serve(void *opaque)
{
    struct store *st = opaque;
    int fd = accept(st->listener, NULL, NULL);
    struct message m;
    char body[512];

    while (recv(fd, &m, sizeof(m), MSG_WAITALL) == sizeof(m) && m.len < sizeof(body) &&
           recv(fd, body, m.len, MSG_WAITALL) == (ssize_t)m.len) {
        body[m.len] = '\0';
        store_answer(st, fd, m, body);
    }
    close(fd);
    return NULL;
}

static int store_setup(void **state)
{
    struct store *st = calloc(1, sizeof(*st));
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    strcpy(st->dir, "/tmp/xendm-xs-XXXXXX");
    assert_non_null(mkdtemp(st->dir));
    snprintf(st->path, sizeof(st->path), "%s/socket", st->dir);
    strcpy(addr.sun_path, st->path);
    st->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(st->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(st->listener, 1), 0);
    setenv("XENSTORED_PATH", st->path, 1);
    assert_int_equal(pthread_create(&st->thread, NULL, store_serve, st), 0);
    *state = st;
    return 0;
}

static int store_teardown(void **state)
{
    struct store *st = *state;

    shutdown(st->listener, SHUT_RDWR); /* for a test that never came */
    pthread_join(st->thread, NULL);
    close(st->listener);
    unlink(st->path);
    rmdir(st->dir);
    assert_int_equal(st->unexpected, 0);
    free(st);
    return 0;
}

static void test_dom0(void **state)
{
    struct store *st = *state;
    struct xenstore *xs;
    struct dm_error err;

    st->domid = "0";
    assert_int_equal(xenstore_open(&xs, 42, &err), 0);
    assert_int_equal(xenstore_write_state(xs, "running", &err), 0);
    xenstore_close(xs);
    assert_string_equal(st->written, "/local/domain/0/device-model/42/state=running\n");
}

static void test_stub_domain(void **state)
{
    struct store *st = *state;
    struct xenstore *xs;
    struct dm_error err;

    st->domid = "9";
    assert_int_equal(xenstore_open(&xs, 8, &err), 0);
    assert_int_equal(xenstore_write_state(xs, "running", &err), 0);
    xenstore_close(xs);
    assert_string_equal(st->written, "/local/domain/9/device-model/8/state=running\n");
}

static void test_no_domid_key(void **state)
{
    struct store *st = *state;
    struct xenstore *xs;
    struct dm_error err;

    assert_int_equal(xenstore_open(&xs, 1, &err), 0);
    assert_int_equal(xenstore_write_state(xs, "running", &err), 0);
    xenstore_close(xs);
    assert_string_equal(st->written, "/local/domain/0/device-model/1/state=running\n");
}

static void test_refused(void **state)
{
    struct store *st = *state;
    struct xenstore *xs;
    struct dm_error err;

    st->refuse = true;
    assert_int_equal(xenstore_open(&xs, 1, &err), 0);
    assert_int_equal(xenstore_write_state(xs, "running", &err), -EACCES);
    assert_string_equal(err.text, "xenstore: cannot write /local/domain/0/device-model/1/state: "
                                  "Permission denied");
    xenstore_close(xs);
}

/* Each time the machine begins to run, and only then. */
static void test_follow(void **state)
{
    static const struct dm_class *const no_classes[] = { NULL };
    struct store *st = *state;
    struct xenstore *xs;
    struct dm_error err;
    struct fake fake;

    fake_init(&fake, no_classes);
    assert_int_equal(xenstore_open(&xs, 5, &err), 0);
    xenstore_follow(xs, &fake.machine);
    assert_string_equal(st->written, "");
    dm_machine_set_run_state(&fake.machine, DM_RUNNING);
    assert_string_equal(st->written, "/local/domain/0/device-model/5/state=running\n");
    dm_machine_set_run_state(&fake.machine, DM_PAUSED);
    dm_machine_set_run_state(&fake.machine, DM_RUNNING);
    dm_machine_set_run_state(&fake.machine, DM_SHUTDOWN_DONE);
    assert_string_equal(st->written, "/local/domain/0/device-model/5/state=running\n"
                                     "/local/domain/0/device-model/5/state=running\n");
    st->refuse = true;
    dm_machine_set_run_state(&fake.machine, DM_RUNNING);
    assert_non_null(strstr(fake.log, "cannot write /local/domain/0/device-model/5/state"));
    xenstore_close(xs);
    fake_finish(&fake);
}

static void test_no_xenstored(void **state)
{
    struct xenstore *xs = NULL;
    struct dm_error err;

    if (!access("/dev/xen/xenbus", F_OK) || !access("/proc/xen/xenbus", F_OK))
        UNIT_SKIP("a Xen host: libxenstore would go on to the kernel's xenbus");
    setenv("XENSTORED_PATH", "/nonexistent/socket", 1);
    assert_int_equal(xenstore_open(&xs, 1, &err), -ENOENT);
    assert_string_equal(err.text,
                        "xenstore: cannot connect to xenstored: No such file or directory");
    assert_null(xs);
    xenstore_close(xs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

UNIT_MAIN(TEST(test_dom0), TEST(test_stub_domain), TEST(test_no_domid_key), TEST(test_refused),
          TEST(test_follow), cmocka_unit_test(test_no_xenstored))

#else

static void test_built_without_xen(void **state)
{
    struct xenstore *xs;
    struct dm_error err;

    assert_int_equal(xenstore_open(&xs, 1, &err), -ENOSYS);
    assert_string_equal(err.text, "xenstore: this xendm was built without Xen");
    assert_null(xs);
    xenstore_close(xs);
}

UNIT_MAIN(cmocka_unit_test(test_built_without_xen))

#endif
