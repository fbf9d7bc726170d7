/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/xenstore.h"

#include "config.h"

#include <errno.h>

#ifdef HAVE_XEN

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

struct xenstore {
    struct xs_handle *handle;
    uint32_t domid;
    char state_path[96];
    struct dm_run_notifier notifier;
};

/* The domain we run in: "domid" relative to our own home. Dom0 of old has no such key. */
static unsigned long xenstore_own_domid(struct xs_handle *handle)
{
    unsigned len;
    char *text = xs_read(handle, XBT_NULL, "domid", &len);
    unsigned long domid = text ? strtoul(text, NULL, 10) : 0;

    free(text);
    return domid;
}

int xenstore_open(struct xenstore **out, uint32_t domid, struct dm_error *err)
{
    struct xenstore *xs = calloc(1, sizeof(*xs));
    int errnum;

    if (!xs)
        return dm_error_set(err, ENOMEM, "xenstore: out of memory");
    xs->handle = xs_open(0);
    if (!xs->handle) {
        errnum = errno ? errno : EIO;
        free(xs);
        return dm_error_set(err, errnum, "xenstore: cannot connect to xenstored: %s",
                            strerror(errnum));
    }
    xs->domid = domid;
    snprintf(xs->state_path, sizeof(xs->state_path), "/local/domain/%lu/device-model/%u/state",
             xenstore_own_domid(xs->handle), domid);
    *out = xs;
    return 0;
}

int xenstore_write_state(struct xenstore *xs, const char *state, struct dm_error *err)
{
    int errnum;

    if (xs_write(xs->handle, XBT_NULL, xs->state_path, state, (unsigned)strlen(state)))
        return 0;
    errnum = errno ? errno : EIO;
    return dm_error_set(err, errnum, "xenstore: cannot write %s: %s", xs->state_path,
                        strerror(errnum));
}

static void xenstore_run_changed(void *opaque, enum dm_run_state state)
{
    struct dm_error err;

    if (state == DM_RUNNING && xenstore_write_state(opaque, "running", &err))
        dm_log(DM_LOG_ERROR, "xenstore", "%s", err.text);
}

void xenstore_follow(struct xenstore *xs, struct dm_machine *machine)
{
    xs->notifier = (struct dm_run_notifier) { .changed = xenstore_run_changed, .opaque = xs };
    dm_machine_on_run(machine, &xs->notifier);
}

void xenstore_close(struct xenstore *xs)
{
    if (!xs)
        return;
    xs_close(xs->handle);
    free(xs);
}

#else

int xenstore_open(struct xenstore **out, uint32_t domid, struct dm_error *err)
{
    (void)domid;
    *out = NULL;
    return dm_error_set(err, ENOSYS, "xenstore: this xendm was built without Xen");
}

int xenstore_write_state(struct xenstore *xs, const char *state, struct dm_error *err)
{
    (void)xs, (void)state;
    return dm_error_set(err, ENOSYS, "xenstore: this xendm was built without Xen");
}

void xenstore_follow(struct xenstore *xs, struct dm_machine *machine)
{
    (void)xs, (void)machine;
}

void xenstore_close(struct xenstore *xs)
{
    (void)xs;
}

#endif
