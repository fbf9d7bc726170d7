/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP commands that save, and the file descriptors that clients send: for qmp-commands.c. */
#ifndef CONTROL_QMP_STATE_H
#define CONTROL_QMP_STATE_H

#include "control/qmp-session.h"

/* Handlers of rows of the table. */
struct json_object *command_save(struct qmp_session *s, struct json_object *args,
                                 struct qmp_failure *failure);
struct json_object *command_log_dirty(struct qmp_session *s, struct json_object *args,
                                      struct qmp_failure *failure);
struct json_object *command_add_fd(struct qmp_session *s, struct json_object *args,
                                   struct qmp_failure *failure);
struct json_object *command_remove_fd(struct qmp_session *s, struct json_object *args,
                                      struct qmp_failure *failure);
struct json_object *command_fdsets(struct qmp_session *s, struct json_object *args,
                                   struct qmp_failure *failure);

#endif
