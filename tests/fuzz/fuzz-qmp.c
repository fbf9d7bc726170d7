/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QMP from a hostile client: any bytes, cut anywhere. The input is chunks, each
 * behind a byte with its length; every message that comes out must be one JSON
 * object with CR LF at its end and nowhere else.
 */
#include "control/qmp-session.h"
#include "tests/fake/fake.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Taken in place of libc's: a fuzzer that finds xen-save-devices-state writes no files. */
int open(const char *path, int flags, ...)
{
    (void)path, (void)flags;
    errno = EACCES;
    return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(bool ok)
{
    if (!ok)
        abort();
}

/* Takes what the session sent, as a client would. */
static void fuzz_drain(struct qmp_session *s)
{
    const char *p = (const char *)s->out.data, *end = p + s->out.len;

    fuzz_check(!s->out.failed);
    while (p < end) {
        const char *stop = memmem(p, (size_t)(end - p), "\r\n", 2);
        struct json_tokener *tokener = json_tokener_new_ex(QMP_DEPTH_MAX + 8);
        struct json_object *message;

        fuzz_check(stop);
        message = json_tokener_parse_ex(tokener, p, (int)(stop - p));
        fuzz_check(message && json_object_is_type(message, json_type_object));
        fuzz_check(json_tokener_get_parse_end(tokener) == (size_t)(stop - p));
        fuzz_check(json_object_object_get_ex(message, "return", NULL) ||
                   json_object_object_get_ex(message, "error", NULL) ||
                   json_object_object_get_ex(message, "QMP", NULL));
        json_object_put(message);
        json_tokener_free(tokener);
        p = stop + 2;
    }
    s->out.len = 0;
}

/* One machine for all inputs: of it, commands change the run state only. */
static struct dm_machine *fuzz_machine(void)
{
    static const struct dm_class *const no_classes[] = { NULL };
    static struct fake f;

    if (!f.ram) {
        fake_init(&f, no_classes);
        f.machine.name = "guest";
        fake_block_create(&f, "ide0-hd0", 4096);
        fake_chardev_create(&f, "serial0");
    }
    dm_machine_set_run_state(&f.machine, DM_PRELAUNCH);
    return &f.machine;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    struct qmp_session s;

    if (file < 0)
        file = memfd_create("state", MFD_CLOEXEC);
    fuzz_check(!qmp_session_init(&s, fuzz_machine()));
    fdsets_receive(&s.fds, dup(file)); /* for add-fd */
    fuzz_check(lseek(file, 0, SEEK_SET) == 0);
    while (size && !s.quit) {
        size_t len = *data ? *data : 1, taken;

        data++;
        size--;
        len = len < size ? len : size;
        taken = qmp_session_feed(&s, (const char *)data, len);
        /* It stops only for these two reasons, and never takes more than there is. */
        fuzz_check(taken == len || (taken < len && (s.quit || s.out.len >= QMP_OUT_HIGH)));
        fuzz_check(s.pending <= QMP_COMMAND_MAX);
        fuzz_check(s.out.len < 4 * QMP_OUT_HIGH);
        data += taken;
        size -= taken;
        fuzz_drain(&s);
    }
    qmp_session_finish(&s);
    return 0;
}
