/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kinds by name, their options; and the two simple ones, null and file. */
#include "backend/chardev.h"

#include "backend/chardev-stream.h"
#include "dm/bytes.h"
#include "dm/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHARDEV_OPTIONS 16

struct sink {
    struct dm_chardev chr; /* first */
    int fd;                /* -1: null */
    bool failed;           /* said so already */
};

/* A regular file takes all; what a full disk refuses is lost and said once. */
static size_t sink_write(struct dm_chardev *chr, const uint8_t *data, size_t len)
{
    struct sink *s = (struct sink *)chr;
    size_t done = 0;

    while (s->fd >= 0 && done < len) {
        ssize_t n = write(s->fd, data + done, len - done);

        if (n > 0) {
            done += (size_t)n;
            s->failed = false;
        } else if (errno != EINTR) {
            if (!s->failed)
                dm_log(DM_LOG_ERROR, chr->id, "%s: %s; output is lost", chr->filename,
                       strerror(errno));
            s->failed = true;
            break;
        }
    }
    return len;
}

static void sink_close(struct dm_chardev *chr)
{
    struct sink *s = (struct sink *)chr;

    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

static const struct dm_chardev_ops sink_ops = { .write = sink_write, .close = sink_close };

/* path NULL: null. */
static int chardev_sink_open(const char *id, const char *path, bool append, struct dm_chardev **chr,
                             struct dm_error *err)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    struct sink *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return dm_error_set(err, ENOMEM, "chardev '%s': out of memory", id);
    s->chr.ops = &sink_ops;
    s->fd = -1;
    if (path) {
        s->fd = open(path, flags | (append ? O_APPEND : O_TRUNC), 0666);
        if (s->fd < 0) {
            rc = dm_error_set(err, errno, "chardev '%s': %s: %s", id, path, strerror(errno));
            free(s);
            return rc;
        }
    }
    snprintf(s->chr.id, sizeof(s->chr.id), "%s", id);
    snprintf(s->chr.filename, sizeof(s->chr.filename), "%s", path ? path : "null");
    s->chr.connected = true;
    *chr = &s->chr;
    return 0;
}

struct chardev_args {
    const char *id;
    const struct dm_option *options;
    size_t count;
    bool used[CHARDEV_OPTIONS];
};

/* The value of a key, the last one given; NULL: none. Marks it as known. */
static const char *chardev_arg(struct chardev_args *a, const char *key)
{
    const char *value = NULL;

    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->options[i].key, key))
            continue;
        a->used[i] = true;
        value = a->options[i].value;
    }
    return value;
}

static int chardev_arg_bool(struct chardev_args *a, const char *key, bool *value,
                            struct dm_error *err)
{
    const char *text = chardev_arg(a, key);

    if (text && dm_parse_bool(text, value))
        return dm_error_set(err, EINVAL, "chardev '%s': bad value '%s' for '%s'", a->id, text, key);
    return 0;
}

/* Is there an option that no one asked for? */
static int chardev_args_done(const struct chardev_args *a, const char *kind, struct dm_error *err)
{
    for (size_t i = 0; i < a->count; i++)
        if (!a->used[i])
            return dm_error_set(err, EINVAL, "chardev '%s': '%s' has no option '%s'", a->id, kind,
                                a->options[i].key);
    return 0;
}

static int chardev_open_socket(struct host_loop *loop, struct chardev_args *a,
                               struct dm_chardev **chr, struct dm_error *err)
{
    struct chardev_socket_options o = { .fd = -1 };
    const char *fd = chardev_arg(a, "fd");
    bool wait = false, nodelay = true;
    uint64_t number;
    int rc;

    o.path = chardev_arg(a, "path");
    o.host = chardev_arg(a, "host");
    o.port = chardev_arg(a, "port");
    if ((rc = chardev_arg_bool(a, "server", &o.server, err)) ||
        (rc = chardev_arg_bool(a, "wait", &wait, err)) ||
        (rc = chardev_arg_bool(a, "delay", &o.delay, err)) ||
        (rc = chardev_arg_bool(a, "nodelay", &nodelay, err)) ||
        (rc = chardev_args_done(a, "socket", err)))
        return rc;
    o.delay |= !nodelay;
    if (!!fd + !!o.path + !!o.port != 1)
        return dm_error_set(err, EINVAL, "chardev '%s': 'socket' needs one of path, port and fd",
                            a->id);
    if (fd) {
        if (dm_parse_uint(fd, 65535, &number))
            return dm_error_set(err, EINVAL, "chardev '%s': bad value '%s' for 'fd'", a->id, fd);
        o.fd = (int)number;
    }
    if ((o.path && !*o.path) || (o.port && !*o.port))
        return dm_error_set(err, EINVAL, "chardev '%s': the socket's address is empty", a->id);
    return chardev_socket_open(loop, a->id, &o, chr, err);
}

/* The kinds that are a path and little else. */
static int chardev_open_path(struct host_loop *loop, const char *kind, struct chardev_args *a,
                             struct dm_chardev **chr, struct dm_error *err)
{
    const char *path = chardev_arg(a, "path");
    bool file = !strcmp(kind, "file"), append = false;
    int rc = file ? chardev_arg_bool(a, "append", &append, err) : 0;

    if (!rc)
        rc = chardev_args_done(a, kind, err);
    if (rc)
        return rc;
    if (!path || !*path)
        return dm_error_set(err, EINVAL, "chardev '%s': '%s' needs a path", a->id, kind);
    return file ? chardev_sink_open(a->id, path, append, chr, err)
                : chardev_tty_open(loop, a->id, path, chr, err);
}

static int chardev_open_kind(struct host_loop *loop, const char *kind, struct chardev_args *a,
                             struct dm_chardev **chr, struct dm_error *err)
{
    bool stdio = !strcmp(kind, "stdio"), pty = !strcmp(kind, "pty");
    int rc;

    if (!strcmp(kind, "socket"))
        return chardev_open_socket(loop, a, chr, err);
    if (!strcmp(kind, "file") || !strcmp(kind, "serial") || !strcmp(kind, "tty"))
        return chardev_open_path(loop, kind, a, chr, err);
    if (!stdio && !pty && strcmp(kind, "null"))
        return dm_error_set(err, ENOTSUP, "chardev '%s': kind '%s' is not supported", a->id, kind);
    rc = chardev_args_done(a, kind, err);
    if (rc)
        return rc;
    if (stdio)
        return chardev_stdio_open(loop, a->id, chr, err);
    return pty ? chardev_pty_open(loop, a->id, chr, err)
               : chardev_sink_open(a->id, NULL, false, chr, err);
}

int chardev_open_options(struct dm_machine *machine, struct host_loop *loop, const char *id,
                         const char *kind, const struct dm_option *options, size_t count,
                         struct dm_error *err)
{
    struct chardev_args a = { .id = id, .options = options, .count = count };
    struct dm_chardev *chr;
    int rc;

    if (!*id || strlen(id) >= DM_CHARDEV_ID_MAX)
        return dm_error_set(err, EINVAL, "chardev '%s': the id is empty or too long", id);
    if (dm_chardev_find(machine, id))
        return dm_error_set(err, EEXIST, "chardev '%s': the id is used twice", id);
    if (count > CHARDEV_OPTIONS)
        return dm_error_set(err, E2BIG, "chardev '%s': too many options", id);
    chardev_arg(&a, "id");
    rc = chardev_open_kind(loop, kind, &a, &chr, err);
    if (!rc)
        dm_chardev_register(machine, chr);
    return rc;
}

/* "key=value,flag": flags are on, noFLAG is off. Cuts text up. Returns the count or -E2BIG. */
static int chardev_split(char *text, struct dm_option *options, size_t max)
{
    size_t n = 0;

    for (char *item; (item = strsep(&text, ","));) {
        char *value = strchr(item, '=');

        if (!*item)
            continue;
        if (n == max)
            return -E2BIG;
        if (value) {
            *value = 0;
            options[n++] = (struct dm_option) { item, value + 1 };
        } else if (!strcmp(item, "nowait") || !strcmp(item, "nodelay")) {
            options[n++] = (struct dm_option) { item[2] == 'w' ? "wait" : "delay", "off" };
        } else {
            options[n++] = (struct dm_option) { item, "on" };
        }
    }
    return (int)n;
}

/* HOST:PORT, [HOST]:PORT or :PORT. Cuts text up. Returns 0 or -EINVAL. */
static int chardev_split_address(char *text, const char **host, const char **port)
{
    char *colon = strrchr(text, ':'), *end;

    if (!colon || !colon[1])
        return -EINVAL;
    *colon = 0;
    *host = text;
    *port = colon + 1;
    if (*text != '[')
        return strchr(text, ':') ? -EINVAL : 0;
    end = strchr(text, ']');
    if (!end || end[1])
        return -EINVAL;
    *end = 0;
    *host = text + 1;
    return 0;
}

static int chardev_open_address(struct dm_machine *machine, struct host_loop *loop, const char *id,
                                const char *spec, struct dm_error *err)
{
    struct dm_option options[CHARDEV_OPTIONS];
    const char *host, *port;
    char text[512], *rest;
    int n, used;

    if ((size_t)snprintf(text, sizeof(text), "%s", spec) >= sizeof(text))
        return dm_error_set(err, EINVAL, "chardev '%s': '%.32s...' is too long", id, spec);
    rest = strchr(text, ',');
    if (rest)
        *rest++ = 0;
    if (!strncmp(text, "unix:", 5)) {
        options[0] = (struct dm_option) { "path", text + 5 };
        used = 1;
    } else {
        if (chardev_split_address(text + 4, &host, &port))
            return dm_error_set(err, EINVAL, "chardev '%s': '%s' is not tcp:HOST:PORT", id, spec);
        options[0] = (struct dm_option) { "host", host };
        options[1] = (struct dm_option) { "port", port };
        used = 2;
    }
    n = rest ? chardev_split(rest, options + used, DM_ARRAY_LEN(options) - (size_t)used) : 0;
    if (n < 0)
        return dm_error_set(err, -n, "chardev '%s': '%s' has too many options", id, spec);
    return chardev_open_options(machine, loop, id, "socket", options, (size_t)(used + n), err);
}

int chardev_open(struct dm_machine *machine, struct host_loop *loop, const char *id,
                 const char *spec, struct dm_error *err)
{
    struct dm_option path = { "path", spec };

    if (!strcmp(spec, "pty") || !strcmp(spec, "null") || !strcmp(spec, "stdio"))
        return chardev_open_options(machine, loop, id, spec, NULL, 0, err);
    if (!strncmp(spec, "file:", 5)) {
        path.value = spec + 5;
        return chardev_open_options(machine, loop, id, "file", &path, 1, err);
    }
    if (!strncmp(spec, "/dev/", 5))
        return chardev_open_options(machine, loop, id, "serial", &path, 1, err);
    if (!strncmp(spec, "unix:", 5) || !strncmp(spec, "tcp:", 4))
        return chardev_open_address(machine, loop, id, spec, err);
    return dm_error_set(err, ENOTSUP,
                        "chardev '%s': '%s' is not supported (pty, null, stdio, file:PATH, "
                        "/dev/NAME, unix:PATH and tcp:HOST:PORT are)",
                        id, spec);
}
