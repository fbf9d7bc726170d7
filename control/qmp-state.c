/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libxl asks for around a save (libxl_dom_suspend.c, libxl_qmp.c): dirty logging, the
 * state into a file that it sends by add-fd and names /dev/fdset/N.
 */
#include "control/qmp-state.h"

#include "control/state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

/* Returns a descriptor, or -1 with failure set. */
static int state_open(const struct qmp_session *s, const char *name, struct qmp_failure *failure)
{
    int64_t set = fdsets_parse(name);
    int fd;

    if (set >= 0)
        fd = fdsets_open(&s->fds, set, O_WRONLY);
    else
        fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd >= 0)
        return fd;
    qmp_fail(failure, "GenericError", "saved state: cannot open %.96s: %s", name,
             strerror(set >= 0 ? -fd : errno));
    return -1;
}

/*
 * A guest that runs is stopped meanwhile; libxl has stopped it. "live" makes no difference:
 * images are not locked, and hold all that the guest wrote.
 */
struct json_object *command_save(struct qmp_session *s, struct json_object *args,
                                 struct qmp_failure *failure)
{
    const char *name = json_object_get_string(json_object_object_get(args, "filename"));
    struct dm_machine *m = s->machine;
    enum dm_run_state was = m->run_state;
    struct dm_buf buf = { 0 };
    struct dm_error err;
    int fd, rc;

    if (was == DM_SHUTDOWN_DONE) {
        qmp_fail(failure, "GenericError", "saved state: the guest has ended itself");
        return NULL;
    }
    fd = state_open(s, name, failure);
    if (fd < 0)
        return NULL;
    dm_machine_set_run_state(m, DM_PAUSED);
    rc = dm_state_save(m, &buf, &err);
    if (!rc)
        rc = state_file_write(fd, &buf, &err);
    if (close(fd) && !rc)
        rc = dm_error_set(&err, errno, "saved state: close: %s", strerror(errno));
    dm_buf_finish(&buf);
    dm_machine_set_run_state(m, was);
    if (rc) {
        dm_log(DM_LOG_ERROR, "qmp", "%s", err.text);
        qmp_fail(failure, "GenericError", "%s", err.text);
    }
    return NULL;
}

struct json_object *command_log_dirty(struct qmp_session *s, struct json_object *args,
                                      struct qmp_failure *failure)
{
    dm_machine_set_log_dirty(s->machine,
                             json_object_get_boolean(json_object_object_get(args, "enable")));
    return NULL;
}

struct json_object *command_add_fd(struct qmp_session *s, struct json_object *args,
                                   struct qmp_failure *failure)
{
    struct json_object *id = json_object_object_get(args, "fdset-id"), *answer;
    const char *opaque = json_object_get_string(json_object_object_get(args, "opaque"));
    const struct fdset_fd *fd;

    if (id && json_object_get_int64(id) < 0) {
        qmp_fail(failure, "GenericError", "Parameter 'fdset-id' expects a non-negative value");
        return NULL;
    }
    fd = fdsets_add(&s->fds, id ? json_object_get_int64(id) : -1, opaque);
    if (!fd) {
        qmp_fail(failure, "GenericError", "%s",
                 errno == ENOENT   ? "No file descriptor supplied via SCM_RIGHTS"
                 : errno == ENOSPC ? "this monitor has all the file descriptors it can have"
                                   : strerror(errno));
        return NULL;
    }
    answer = json_object_new_object();
    json_object_object_add(answer, "fdset-id", json_object_new_int64(fd->set));
    json_object_object_add(answer, "fd", json_object_new_int(fd->fd));
    return answer;
}

struct json_object *command_remove_fd(struct qmp_session *s, struct json_object *args,
                                      struct qmp_failure *failure)
{
    struct json_object *fd = json_object_object_get(args, "fd");
    int64_t set = json_object_get_int64(json_object_object_get(args, "fdset-id"));
    int64_t n = fd ? json_object_get_int64(fd) : -1;

    if ((fd && n < 0) || fdsets_remove(&s->fds, set, n))
        qmp_fail(failure, "GenericError", "File descriptor named 'fdset-id:%lld' not found",
                 (long long)set);
    return NULL;
}

struct json_object *command_fdsets(struct qmp_session *s, struct json_object *args,
                                   struct qmp_failure *failure)
{
    struct json_object *list = json_object_new_array(), *set = NULL, *fds = NULL, *entry;

    for (size_t i = 0; i < s->fds.count; i++) {
        const struct fdset_fd *fd = &s->fds.list[i];

        if (!i || fd->set != fd[-1].set) {
            set = json_object_new_object();
            fds = json_object_new_array();
            json_object_object_add(set, "fdset-id", json_object_new_int64(fd->set));
            json_object_object_add(set, "fds", fds);
            json_object_array_add(list, set);
        }
        entry = json_object_new_object();
        json_object_object_add(entry, "fd", json_object_new_int(fd->fd));
        if (fd->opaque)
            json_object_object_add(entry, "opaque", json_object_new_string(fd->opaque));
        json_object_array_add(fds, entry);
    }
    return list;
}
