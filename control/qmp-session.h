/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One QMP client's dialogue, without the socket: bytes in, bytes out. For
 * qmp.c and the tests.
 */
#ifndef CONTROL_QMP_SESSION_H
#define CONTROL_QMP_SESSION_H

#include "control/fdset.h"
#include "dm/machine.h"
#include "dm/state.h"

struct json_object;
struct json_tokener;

/*
 * The longest command, in bytes. What libxl sends is a path at most; and a
 * parsed command can take a hundred times its bytes.
 */
#define QMP_COMMAND_MAX (64 * 1024)
#define QMP_DEPTH_MAX   32          /* of nested objects and arrays */
#define QMP_OUT_HIGH    (64 * 1024) /* bytes of unsent answers; then commands wait */

struct qmp_session {
    struct dm_machine *machine; /* NULL: no guest */
    struct json_tokener *tokener;
    size_t pending;  /* bytes of the command that is not complete yet */
    bool skipping;   /* after an error, up to the end of the line */
    bool negotiated; /* qmp_capabilities has come */
    bool quit;       /* "quit" has been answered */
    struct dm_buf out;
    struct fdsets fds; /* that the client has sent */
};

/* Begins with the greeting in out. Returns 0 or -ENOMEM. */
int qmp_session_init(struct qmp_session *s, struct dm_machine *machine);
void qmp_session_finish(struct qmp_session *s); /* zeroed is fine */

/*
 * Takes bytes from the client, does the commands that are complete and puts the
 * answers into out. Returns how many bytes it took: fewer than len after "quit"
 * or when out holds QMP_OUT_HIGH bytes; the caller brings the rest again later.
 */
size_t qmp_session_feed(struct qmp_session *s, const char *data, size_t len);

/* For qmp-commands.c. */

/* What went wrong with a command: QMP's class and text. */
struct qmp_failure {
    const char *class; /* NULL: nothing */
    char desc[256];
};

__attribute__((format(printf, 3, 4))) void qmp_fail(struct qmp_failure *failure, const char *class,
                                                    const char *fmt, ...);

/*
 * Does a command. arguments may be NULL. Returns the answer, which the caller
 * puts (NULL stands for an empty object); failure says if there is none.
 */
struct json_object *qmp_command(struct qmp_session *s, const char *name,
                                struct json_object *arguments, struct qmp_failure *failure);

/* {"qemu": {...}, "package": "..."} */
struct json_object *qmp_version(void);

#endif
