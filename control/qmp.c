/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/qmp.h"

#include <errno.h>

int qmp_listen(struct qmp **qmp, struct dm_machine *machine, struct host_loop *loop,
               const char *path, int fd, const struct qmp_hooks *hooks, struct dm_error *err)
{
    return dm_error_set(err, ENOSYS, "QMP: not built yet");
}

void qmp_close(struct qmp *qmp)
{
}
