/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File descriptors that a QMP client has sent (add-fd), in numbered sets. A command opens
 * one by the name /dev/fdset/N, as it would a file. They end with the client's connection.
 */
#ifndef CONTROL_FDSET_H
#define CONTROL_FDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FDSET_FDS_MAX 16 /* of all sets: a client cannot use up what the process has */

struct fdset_fd {
    int64_t set;
    int fd;
    char *opaque; /* the client's note; NULL: none */
};

struct fdsets {
    struct fdset_fd list[FDSET_FDS_MAX]; /* by set, then as they came */
    size_t count;
    bool have_spare;
    int spare; /* came with the last bytes; add-fd takes it */
};

void fdsets_finish(struct fdsets *sets); /* closes all; zeroed is fine */

/* Takes over a descriptor that came. One that nobody took is closed. */
void fdsets_receive(struct fdsets *sets, int fd);

/*
 * Puts the spare into set (below 0: the lowest number without a set). opaque may be NULL.
 * Returns it, or NULL with errno set: ENOENT no spare, ENOSPC, ENOMEM.
 */
const struct fdset_fd *fdsets_add(struct fdsets *sets, int64_t set, const char *opaque);

/* Closes fd of the set, or with fd below 0 all of it. Returns 0 or -ENOENT. */
int fdsets_remove(struct fdsets *sets, int64_t set, int64_t fd);

/*
 * A copy of the set's first descriptor that can be read and written as flags (O_RDONLY,
 * O_WRONLY, O_RDWR) say. Returns it, or -errno: -ENOENT no such set, -EACCES none can.
 */
int fdsets_open(const struct fdsets *sets, int64_t set, int flags);

/* The number in /dev/fdset/N. -1: it is another name. */
int64_t fdsets_parse(const char *name);

#endif
