/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Framing of QMP (QEMU's docs/interop/qmp-spec.txt): JSON objects follow each
 * other with or without white space between them; every message of ours ends
 * with CR LF, as libxl's reader wants it. After bytes that are no JSON we answer
 * once and go on behind the next newline, or where a read begins with '{':
 * libxenstat never sends a newline.
 */
#include "control/qmp-session.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void qmp_fail(struct qmp_failure *failure, const char *class, const char *fmt, ...)
{
    va_list ap;

    failure->class = class;
    va_start(ap, fmt);
    vsnprintf(failure->desc, sizeof(failure->desc), fmt, ap);
    va_end(ap);
}

/* Sends message and puts it. json-c escapes control characters: CR LF is only at the end. */
static void session_send(struct qmp_session *s, struct json_object *message)
{
    size_t len;
    const char *text = json_object_to_json_string_length(
        message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

    if (text) {
        dm_buf_put(&s->out, text, len);
        dm_buf_put(&s->out, "\r\n", 2);
    }
    json_object_put(message);
}

/* Takes over result. command's id comes back as it is; NULL: there was no command. */
static void session_answer(struct qmp_session *s, struct json_object *command,
                           struct json_object *result, const struct qmp_failure *failure)
{
    struct json_object *message = json_object_new_object(), *error, *id;

    if (failure->class) {
        error = json_object_new_object();
        json_object_object_add(error, "class", json_object_new_string(failure->class));
        json_object_object_add(error, "desc", json_object_new_string(failure->desc));
        json_object_object_add(message, "error", error);
        json_object_put(result);
    } else {
        json_object_object_add(message, "return", result ? result : json_object_new_object());
    }
    if (json_object_object_get_ex(command, "id", &id)) /* false for NULL; null is an id too */
        json_object_object_add(message, "id", json_object_get(id));
    session_send(s, message);
}

static void session_fail(struct qmp_session *s, const char *desc)
{
    struct qmp_failure failure = { 0 };

    qmp_fail(&failure, "GenericError", "%s", desc);
    session_answer(s, NULL, NULL, &failure);
}

/* The members a command may have. execute is NULL on failure. */
static void session_members(struct json_object *command, const char **execute,
                            struct json_object **arguments, struct qmp_failure *failure)
{
    struct json_object *name = NULL;

    *execute = NULL;
    *arguments = NULL;
    json_object_object_foreach(command, key, value)
    {
        if (!strcmp(key, "execute"))
            name = value;
        else if (!strcmp(key, "arguments"))
            *arguments = value;
        else if (strcmp(key, "id"))
            return qmp_fail(failure, "GenericError", "QMP input member '%.64s' is unexpected", key);
    }
    if (!json_object_object_get_ex(command, "execute", NULL))
        return qmp_fail(failure, "GenericError", "QMP input lacks member 'execute'");
    if (!json_object_is_type(name, json_type_string))
        return qmp_fail(failure, "GenericError", "QMP input member 'execute' must be a string");
    if (json_object_object_get_ex(command, "arguments", NULL) &&
        !json_object_is_type(*arguments, json_type_object))
        return qmp_fail(failure, "GenericError", "QMP input member 'arguments' must be an object");
    *execute = json_object_get_string(name);
}

/* Puts command. */
static void session_execute(struct qmp_session *s, struct json_object *command)
{
    struct qmp_failure failure = { 0 };
    struct json_object *arguments, *result = NULL;
    const char *execute;

    if (!json_object_is_type(command, json_type_object)) {
        json_object_put(command);
        session_fail(s, "QMP input must be a JSON object");
        return;
    }
    session_members(command, &execute, &arguments, &failure);
    if (execute)
        result = qmp_command(s, execute, arguments, &failure);
    session_answer(s, command, result, &failure);
    json_object_put(command);
}

static void session_bad_input(struct qmp_session *s, const char *why)
{
    char desc[128];

    snprintf(desc, sizeof(desc), "JSON parse error, %s", why);
    session_fail(s, desc);
    json_tokener_reset(s->tokener);
    s->pending = 0;
    s->skipping = true;
}

/* One step: up to the end of a command, of a bad line or of the data. Returns bytes taken. */
static size_t session_step(struct qmp_session *s, const char *data, size_t len)
{
    struct json_object *command;
    enum json_tokener_error error;
    const char *end;
    size_t used;

    if (s->skipping) {
        end = memchr(data, '\n', len);
        s->skipping = !end;
        return end ? (size_t)(end - data) + 1 : len;
    }
    if (!s->pending && isspace((unsigned char)*data))
        return 1;
    end = memchr(data, '\0', len); /* json-c takes a NUL for the end of the text */
    if (end == data) {
        session_bad_input(s, "a NUL byte");
        return 1;
    }
    if (end)
        len = (size_t)(end - data);
    if (len > QMP_COMMAND_MAX - s->pending)
        len = QMP_COMMAND_MAX - s->pending;
    command = json_tokener_parse_ex(s->tokener, data, (int)len);
    error = json_tokener_get_error(s->tokener);
    if (error == json_tokener_continue) {
        s->pending += len;
        if (s->pending == QMP_COMMAND_MAX)
            session_bad_input(s, "the command is too long");
        return len;
    }
    used = json_tokener_get_parse_end(s->tokener);
    if (error != json_tokener_success) {
        session_bad_input(s, json_tokener_error_desc(error));
        return used;
    }
    s->pending = 0;
    session_execute(s, command);
    return used;
}

size_t qmp_session_feed(struct qmp_session *s, const char *data, size_t len)
{
    size_t done = 0;

    if (len && *data == '{')
        s->skipping = false;
    while (done < len && !s->quit && s->out.len < QMP_OUT_HIGH)
        done += session_step(s, data + done, len - done);
    return done;
}

int qmp_session_init(struct qmp_session *s, struct dm_machine *machine)
{
    struct json_object *greeting, *body;

    *s = (struct qmp_session) { .machine = machine };
    s->tokener = json_tokener_new_ex(QMP_DEPTH_MAX);
    if (!s->tokener)
        return -ENOMEM;
    body = json_object_new_object();
    json_object_object_add(body, "version", qmp_version());
    json_object_object_add(body, "capabilities", json_object_new_array());
    greeting = json_object_new_object();
    json_object_object_add(greeting, "QMP", body);
    session_send(s, greeting);
    return 0;
}

void qmp_session_finish(struct qmp_session *s)
{
    if (s->tokener)
        json_tokener_free(s->tokener);
    dm_buf_finish(&s->out);
    fdsets_finish(&s->fds);
    *s = (struct qmp_session) { 0 };
}
