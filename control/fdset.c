/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/fdset.h"

#include "dm/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fdset_close(struct fdsets *s, size_t at)
{
    close(s->list[at].fd);
    free(s->list[at].opaque);
    s->count--;
    memmove(&s->list[at], &s->list[at + 1], (s->count - at) * sizeof(*s->list));
}

void fdsets_finish(struct fdsets *s)
{
    while (s->count)
        fdset_close(s, s->count - 1);
    if (s->have_spare)
        close(s->spare);
    s->have_spare = false;
}

void fdsets_receive(struct fdsets *s, int fd)
{
    if (s->have_spare)
        close(s->spare);
    s->have_spare = true;
    s->spare = fd;
}

const struct fdset_fd *fdsets_add(struct fdsets *s, int64_t set, const char *opaque)
{
    char *copy = NULL;
    size_t at;

    if (!s->have_spare || s->count == FDSET_FDS_MAX) {
        errno = s->have_spare ? ENOSPC : ENOENT;
        return NULL;
    }
    if (opaque && !(copy = strdup(opaque)))
        return NULL;
    if (set < 0) {
        set = 0;
        for (size_t i = 0; i < s->count && s->list[i].set <= set; i++)
            set = s->list[i].set + 1;
    }
    for (at = 0; at < s->count && s->list[at].set <= set; at++)
        ;
    memmove(&s->list[at + 1], &s->list[at], (s->count - at) * sizeof(*s->list));
    s->list[at] = (struct fdset_fd) { set, s->spare, copy };
    s->count++;
    s->have_spare = false;
    return &s->list[at];
}

int fdsets_remove(struct fdsets *s, int64_t set, int64_t fd)
{
    int rc = -ENOENT;

    for (size_t i = s->count; i-- > 0;) {
        if (s->list[i].set != set || (fd >= 0 && s->list[i].fd != fd))
            continue;
        fdset_close(s, i);
        rc = 0;
    }
    return rc;
}

/* Can a descriptor with these flags be used as wanted? */
static bool fdset_mode_fits(int have, int wanted)
{
    return (have & O_ACCMODE) == O_RDWR || (have & O_ACCMODE) == (wanted & O_ACCMODE);
}

int fdsets_open(const struct fdsets *s, int64_t set, int flags)
{
    int rc = -ENOENT;

    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i].set != set)
            continue;
        if (fdset_mode_fits(fcntl(s->list[i].fd, F_GETFL), flags)) {
            rc = fcntl(s->list[i].fd, F_DUPFD_CLOEXEC, 0);
            return rc < 0 ? -errno : rc;
        }
        rc = -EACCES;
    }
    return rc;
}

int64_t fdsets_parse(const char *name)
{
    static const char prefix[] = "/dev/fdset/";
    uint64_t n;

    if (strncmp(name, prefix, strlen(prefix)) ||
        dm_parse_uint(name + strlen(prefix), INT64_MAX, &n))
        return -1;
    return (int64_t)n;
}
