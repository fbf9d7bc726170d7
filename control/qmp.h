/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QMP monitor (docs/QMP.md): JSON commands on a Unix socket, one client at a
 * time. Loop thread only; nothing here waits for a client.
 */
#ifndef CONTROL_QMP_H
#define CONTROL_QMP_H

#include "dm/machine.h"
#include "host/loop.h"

struct qmp;

/* What only main can do. */
struct qmp_hooks {
    void (*quit)(void *opaque); /* the answer to "quit" has been sent */
    void *opaque;
};

/*
 * A monitor that listens on the Unix socket path, or, with path NULL, on the
 * socket fd, which listens already and is closed by qmp_close. A socket left at
 * path by a dead process is replaced. machine NULL: there is no guest (libxl's
 * probe), commands about it are not there. machine, loop and hooks must live
 * until qmp_close. Returns 0 or -errno: the path is in use, too long, not
 * writable; fd is no listening socket.
 */
int qmp_listen(struct qmp **qmp, struct dm_machine *machine, struct host_loop *loop,
               const char *path, int fd, const struct qmp_hooks *hooks, struct dm_error *err);

/* Ends the client, closes and unlinks the socket. NULL is fine. */
void qmp_close(struct qmp *qmp);

#endif
