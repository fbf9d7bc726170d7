/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/cmdline.h"

#include "dm/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define CMDLINE_DOMID_MAX   0x7fef /* xen.h: DOMID_FIRST_RESERVED is 0x7ff0 */
#define CMDLINE_CPUS_MAX    128    /* HVM_MAX_VCPUS */
#define CMDLINE_RAM_MB_MAX  (16u << 20)
#define CMDLINE_DISPLAY_MAX (65535 - 5900)
#define CMDLINE_SERIAL_MAX  4
#define CMDLINE_OPTS_MAX    32

/* Memory that belongs to the struct. */

/* Copies len bytes of text and ends them. NULL: out of memory. */
static char *cmdline_keep(struct cmdline *cmd, const char *text, size_t len)
{
    char **owned = realloc(cmd->owned, (cmd->owned_count + 1) * sizeof(*owned));
    char *copy;

    if (!owned)
        return NULL;
    cmd->owned = owned;
    copy = malloc(len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    owned[cmd->owned_count++] = copy;
    return copy;
}

__attribute__((format(printf, 2, 3))) static char *cmdline_print(struct cmdline *cmd,
                                                                 const char *fmt, ...)
{
    char *text = NULL, *copy;
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (len < 0)
        return NULL;
    copy = cmdline_keep(cmd, text, (size_t)len);
    free(text);
    return copy;
}

/* A new zeroed element behind the count elements of *array. NULL: out of memory. */
static void *cmdline_grow(void *array, size_t *count, size_t size)
{
    char *bigger = realloc(*(void **)array, (*count + 1) * size);

    if (!bigger)
        return NULL;
    *(void **)array = bigger;
    memset(bigger + *count * size, 0, size);
    return bigger + (*count)++ * size;
}

static int cmdline_no_memory(struct dm_error *err)
{
    return dm_error_set(err, ENOMEM, "command line: out of memory");
}

/* key=value,key=value lists. */

struct opts {
    const char *option; /* for messages */
    struct dm_option list[CMDLINE_OPTS_MAX];
    size_t count;
};

/*
 * libxl does not escape commas in the paths it writes, so a path ends where what
 * follows can only be the rest of the option. The forms libxl writes are known
 * exactly: first those are tried. Any other list is read from its right end: as
 * long as there is a known key that did not come yet, it does not belong to the
 * path. Only there QEMU's ",," stands for a comma.
 */
struct opts_form {
    const char *prefix;        /* what the option begins with */
    const char *const tail[8]; /* the keys behind the path, in order */
};

struct opts_path {
    const char *key;
    const char *const *keys; /* all the option has, NULL behind the last */
    const struct opts_form *forms;
    size_t form_count;
};

static bool opts_key_at(const char *at, const char *key)
{
    size_t len = strlen(key);

    return !strncmp(at, key, len) && at[len] == '=';
}

static int opts_key_find(const char *at, const char *const *keys)
{
    for (int i = 0; keys[i]; i++)
        if (opts_key_at(at, keys[i]))
            return i;
    return -1;
}

/* The last comma in [start, end). NULL: none. */
static const char *opts_last_comma(const char *start, const char *end)
{
    return memrchr(start, ',', (size_t)(end - start));
}

static const char *opts_form_end(const char *start, const struct opts_form *form)
{
    const char *end = start + strlen(start);
    int n = 0;

    while (form->tail[n])
        n++;
    while (n-- > 0) {
        const char *comma = opts_last_comma(start, end);

        if (!comma || !opts_key_at(comma + 1, form->tail[n]))
            return NULL;
        end = comma;
    }
    return end;
}

/* Where the path that begins at start ends; *literal: ",," in it is two commas. */
static const char *opts_path_end(const char *text, const char *start, const struct opts_path *path,
                                 bool *literal)
{
    const char *end = start + strlen(start), *comma;
    uint64_t seen = 0;
    int key;

    *literal = true;
    for (size_t i = 0; i < path->form_count; i++) {
        if (strncmp(text, path->forms[i].prefix, strlen(path->forms[i].prefix)))
            continue;
        comma = opts_form_end(start, &path->forms[i]);
        if (comma)
            return comma;
    }
    *literal = false;
    for (const char *p = text; p < start; p = strchr(p, ',') + 1) {
        key = opts_key_find(p, path->keys);
        if (key >= 0)
            seen |= 1ull << key;
        if (!strchr(p, ',') || strchr(p, ',') >= start)
            break;
    }
    while ((comma = opts_last_comma(start, end))) {
        key = opts_key_find(comma + 1, path->keys);
        if (key < 0 || seen & 1ull << key)
            break;
        seen |= 1ull << key;
        end = comma;
    }
    return end;
}

/* Ends at a single comma or at the end of the text. */
static const char *opts_value_end(const char *p)
{
    for (; *p; p++) {
        if (*p != ',')
            continue;
        if (p[1] != ',')
            break;
        p++;
    }
    return p;
}

static void opts_unescape(char *text)
{
    char *to = text;

    for (const char *p = text; *p; p++) {
        *to++ = *p;
        if (p[0] == ',' && p[1] == ',')
            p++;
    }
    *to = '\0';
}

/*
 * Splits text. A first word without '=' is the value of the key implied (NULL:
 * a flag like any other). Flags are "on", nowait is wait=off. path may be NULL.
 */
static int opts_parse(struct cmdline *cmd, struct opts *opts, const char *option, const char *text,
                      const char *implied, const struct opts_path *path, struct dm_error *err)
{
    opts->option = option;
    opts->count = 0;
    for (const char *p = text; *p;) {
        bool literal = false;
        const char *end;
        struct dm_option *o;
        char *item, *equals;

        if (opts->count == CMDLINE_OPTS_MAX)
            return dm_error_set(err, EINVAL, "%s: more than %d keys", option, CMDLINE_OPTS_MAX);
        if (path && opts_key_at(p, path->key))
            end = opts_path_end(text, p + strlen(path->key) + 1, path, &literal);
        else
            end = opts_value_end(p);
        item = cmdline_keep(cmd, p, (size_t)(end - p));
        if (!item)
            return cmdline_no_memory(err);
        if (!literal)
            opts_unescape(item);
        o = &opts->list[opts->count++];
        equals = strchr(item, '=');
        if (equals) {
            *equals = '\0';
            *o = (struct dm_option) { item, equals + 1 };
        } else if (p == text && implied) {
            *o = (struct dm_option) { implied, item };
        } else if (!strcmp(item, "nowait")) {
            *o = (struct dm_option) { "wait", "off" };
        } else {
            *o = (struct dm_option) { item, "on" };
        }
        if (!*o->key)
            return dm_error_set(err, EINVAL, "%s %s: a key is missing", option, text);
        p = *end ? end + 1 : end;
    }
    return 0;
}

static int opts_bad_value(const struct opts *opts, const struct dm_option *o, const char *want,
                          struct dm_error *err)
{
    return dm_error_set(err, EINVAL, "%s: %s=%s: %s", opts->option, o->key, o->value, want);
}

static int opts_bad_key(const struct opts *opts, const struct dm_option *o, struct dm_error *err)
{
    return dm_error_set(err, EINVAL, "%s: '%s' is not in xendm", opts->option, o->key);
}

static int opts_bool(const struct opts *opts, const struct dm_option *o, bool *value,
                     struct dm_error *err)
{
    if (dm_parse_bool(o->value, value))
        return opts_bad_value(opts, o, "must be on or off", err);
    return 0;
}

static int opts_uint(const struct opts *opts, const struct dm_option *o, uint64_t max,
                     uint64_t *value, struct dm_error *err)
{
    if (dm_parse_uint(o->value, max, value))
        return dm_error_set(err, EINVAL, "%s: %s=%s: must be a number up to %ju", opts->option,
                            o->key, o->value, (uintmax_t)max);
    return 0;
}

/* A size with K, M, G or T behind it, else in units of unit bytes. 0 or -EINVAL. */
static int cmdline_parse_size(const char *text, uint64_t unit, uint64_t *bytes)
{
    static const char suffixes[] = "KMGT";
    char digits[24];
    size_t len = strspn(text, "0123456789");
    const char *suffix;
    uint64_t n;

    if (!len || len >= sizeof(digits))
        return -EINVAL;
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (text[len]) {
        suffix = strchr(suffixes, text[len] & ~0x20);
        if (!suffix || text[len + 1])
            return -EINVAL;
        unit = 1024ull << 10 * (suffix - suffixes);
    }
    if (dm_parse_uint(digits, UINT64_MAX / unit, &n))
        return -EINVAL;
    *bytes = n * unit;
    return 0;
}

/* The handlers of the table's rows. value is "" for options without one. */

static int option_nothing(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    return 0;
}

static int option_help(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->help = true;
    return 0;
}

static int option_version(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->version = true;
    return 0;
}

static int option_domid(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    uint64_t n;

    if (dm_parse_uint(value, CMDLINE_DOMID_MAX, &n))
        return dm_error_set(err, EINVAL, "-xen-domid %s: must be a number up to %d", value,
                            CMDLINE_DOMID_MAX);
    cmd->domid = (uint32_t)n;
    cmd->have_domid = true;
    return 0;
}

static int option_no_shutdown(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->no_shutdown = true;
    return 0;
}

static int option_start_stopped(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->start_stopped = true;
    return 0;
}

static int option_no_acpi(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->acpi = false;
    return 0;
}

/* libxl writes the bare name; "guest=" is QEMU's long form. */
static int option_name(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->name = cmdline_keep(cmd, value, strlen(value));
    if (!cmd->name)
        return cmdline_no_memory(err);
    if (!strncmp(cmd->name, "guest=", 6))
        cmd->name += 6;
    return 0;
}

static int option_keymap(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->keymap = cmdline_keep(cmd, value, strlen(value));
    return cmd->keymap ? 0 : cmdline_no_memory(err);
}

static int option_memory(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    const char *size = strncmp(value, "size=", 5) ? value : value + 5;
    uint64_t bytes;

    if (cmdline_parse_size(size, 1 << 20, &bytes) || !(bytes >> 20) ||
        bytes >> 20 > CMDLINE_RAM_MB_MAX)
        return dm_error_set(err, EINVAL, "-m %s: must be a size in MiB, up to %u", value,
                            CMDLINE_RAM_MB_MAX);
    cmd->ram_mb = bytes >> 20;
    return 0;
}

static int option_smp(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    uint64_t cpus = 0, max = 0, *to;
    struct opts opts;
    int rc = opts_parse(cmd, &opts, "-smp", value, "cpus", NULL, err);

    for (size_t i = 0; !rc && i < opts.count; i++) {
        const struct dm_option *o = &opts.list[i];

        if (!strcmp(o->key, "cpus"))
            to = &cpus;
        else if (!strcmp(o->key, "maxcpus"))
            to = &max;
        else
            return opts_bad_key(&opts, o, err);
        rc = opts_uint(&opts, o, CMDLINE_CPUS_MAX, to, err);
        if (!rc && !*to)
            return opts_bad_value(&opts, o, "a guest has at least one CPU", err);
    }
    if (rc)
        return rc;
    cpus = cpus ? cpus : max ? max : 1;
    max = max ? max : cpus;
    if (cpus > max)
        return dm_error_set(err, EINVAL, "-smp %s: more CPUs than maxcpus", value);
    cmd->smp = (unsigned)cpus;
    cmd->maxcpus = (unsigned)max;
    return 0;
}

static int boot_order(struct cmdline *cmd, const char *letters, struct dm_error *err)
{
    size_t n = 0;

    for (const char *p = letters; *p; p++) {
        if (!strchr("acdn", *p))
            return dm_error_set(
                err, EINVAL, "-boot %s: the letters are a (floppy), c (disk), d (CD), n (network)",
                letters);
        if (memchr(cmd->boot_order, *p, n))
            return dm_error_set(err, EINVAL, "-boot %s: '%c' is there twice", letters, *p);
        cmd->boot_order[n++] = *p; /* four letters at most */
    }
    cmd->boot_order[n] = '\0';
    return 0;
}

static int option_boot(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct opts opts;
    bool on;
    int rc = opts_parse(cmd, &opts, "-boot", value, "order", NULL, err);

    for (size_t i = 0; !rc && i < opts.count; i++) {
        const struct dm_option *o = &opts.list[i];

        if (!strcmp(o->key, "order")) {
            rc = boot_order(cmd, o->value, err);
        } else if (!strcmp(o->key, "menu") || !strcmp(o->key, "strict")) {
            rc = opts_bool(&opts, o, &on, err);
            if (!rc && on)
                return dm_error_set(err, EINVAL, "-boot: %s=on is not in xendm yet", o->key);
        } else {
            return opts_bad_key(&opts, o, err);
        }
    }
    return rc;
}

static int option_machine(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct opts opts;
    const char *type = NULL, *accel = NULL;
    int rc = opts_parse(cmd, &opts, "-machine", value, "type", NULL, err);
    bool on;

    for (size_t i = 0; !rc && i < opts.count; i++) {
        const struct dm_option *o = &opts.list[i];

        if (!strcmp(o->key, "type")) {
            type = o->value;
        } else if (!strcmp(o->key, "accel")) {
            accel = o->value;
        } else if (!strcmp(o->key, "suppress-vmdesc") || !strcmp(o->key, "usb")) {
            rc = opts_bool(&opts, o, &on, err);
            if (!rc && on && *o->key == 'u')
                return dm_error_set(err, EINVAL, "-machine: USB is not in xendm yet");
        } else if (!strcmp(o->key, "max-ram-below-4g")) {
            if (cmdline_parse_size(o->value, 1, &cmd->ram_below_4g) ||
                cmd->ram_below_4g < 1 << 20 || cmd->ram_below_4g > 1ull << 32)
                return opts_bad_value(&opts, o, "must be bytes from 1 MiB to 4 GiB", err);
        } else if (!strcmp(o->key, "igd-passthru")) {
            rc = opts_bool(&opts, o, &on, err);
            if (!rc && on)
                return dm_error_set(err, EINVAL,
                                    "-machine: igd-passthru: graphics card passthrough is not in "
                                    "xendm yet");
        } else {
            return opts_bad_key(&opts, o, err);
        }
    }
    if (rc)
        return rc;
    if (accel && strcmp(accel, "xen"))
        return dm_error_set(err, EINVAL, "-machine: accel=%s: xendm serves Xen guests only", accel);
    if (type && !strcmp(type, "xenpv"))
        return dm_error_set(err, EINVAL,
                            "-machine xenpv: backends for PV and PVH guests are not in xendm yet");
    if (type && strcmp(type, "xenfv") && strcmp(type, "none") && (strcmp(type, "pc") || !accel))
        return dm_error_set(err, EINVAL, "-machine %s: the machines are xenfv and pc,accel=xen",
                            type);
    cmd->probe = type && !strcmp(type, "none");
    cmd->platform_device = !type || !strcmp(type, "xenfv");
    return 0;
}

static int option_accel(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    if (strcmp(value, "xen"))
        return dm_error_set(err, EINVAL, "-accel %s: xendm serves Xen guests only", value);
    return 0;
}

/* HOST:DISPLAY; the host may be empty, or an IPv6 address with or without brackets. */
static int vnc_address(struct cmdline *cmd, struct cmdline_vnc *vnc, const char *text,
                       struct dm_error *err)
{
    const char *colon = strrchr(text, ':'), *host = text;
    size_t len = colon ? (size_t)(colon - text) : 0;
    uint64_t display;

    if (!strncmp(text, "unix:", 5))
        return dm_error_set(err, EINVAL, "-vnc %s: VNC on a Unix socket is not in xendm yet", text);
    if (!colon || dm_parse_uint(colon + 1, CMDLINE_DISPLAY_MAX, &display))
        return dm_error_set(err, EINVAL, "-vnc %s: must be HOST:DISPLAY, a display up to %d", text,
                            CMDLINE_DISPLAY_MAX);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    vnc->host = cmdline_keep(cmd, host, len);
    if (!vnc->host)
        return cmdline_no_memory(err);
    vnc->display = vnc->to = (unsigned)display;
    vnc->enabled = true;
    return 0;
}

static int option_vnc(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct cmdline_vnc vnc = { 0 };
    const char *address = NULL;
    uint64_t to = 0;
    struct opts opts;
    int rc;

    if (!strcmp(value, "none"))
        return 0;
    if (cmd->vnc.enabled)
        return dm_error_set(err, EINVAL, "-vnc %s: a second VNC server is not in xendm", value);
    rc = opts_parse(cmd, &opts, "-vnc", value, "address", NULL, err);
    for (size_t i = 0; !rc && i < opts.count; i++) {
        const struct dm_option *o = &opts.list[i];

        if (!strcmp(o->key, "address"))
            address = o->value;
        else if (!strcmp(o->key, "password"))
            rc = opts_bool(&opts, o, &vnc.password, err);
        else if (!strcmp(o->key, "to"))
            rc = opts_uint(&opts, o, CMDLINE_DISPLAY_MAX, &to, err);
        else
            return opts_bad_key(&opts, o, err);
    }
    if (!rc)
        rc = vnc_address(cmd, &vnc, address ? address : "", err);
    if (rc)
        return rc;
    /* libxl always writes to=99, also for a first display that lies above. */
    if (to > vnc.to)
        vnc.to = (unsigned)to;
    cmd->vnc = vnc;
    return 0;
}

static int option_display(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    if (!strcmp(value, "none"))
        return 0;
    return dm_error_set(err, EINVAL,
                        "-display %s: this display is not in xendm yet; use vnc=1 and sdl=0 in the "
                        "guest's configuration",
                        value);
}

static int option_none_only(const char *option, const char *what, const char *value,
                            struct dm_error *err)
{
    if (!strcmp(value, "none") || !strcmp(value, "null") || !strcmp(value, "/dev/null"))
        return 0;
    return dm_error_set(err, EINVAL, "%s %s: %s not in xendm yet", option, value, what);
}

static int option_parallel(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    return option_none_only("-parallel", "parallel ports are", value, err);
}

static int option_monitor(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    return option_none_only("-monitor", "the human monitor is", value, err);
}

static int option_net(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    return option_none_only("-net", "emulated network cards are", value, err);
}

static int option_serial(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    const char **serial;

    if (cmd->serial_count == CMDLINE_SERIAL_MAX)
        return dm_error_set(err, EINVAL, "-serial %s: a PC has no more than %d serial ports", value,
                            CMDLINE_SERIAL_MAX);
    serial = cmdline_grow(&cmd->serials, &cmd->serial_count, sizeof(*serial));
    if (!serial || !(*serial = cmdline_keep(cmd, value, strlen(value))))
        return cmdline_no_memory(err);
    return 0;
}

/* -chardev, -mon, -qmp */

static struct cmdline_chardev *chardev_find(struct cmdline *cmd, const char *id)
{
    for (size_t i = 0; i < cmd->chardev_count; i++)
        if (!strcmp(cmd->chardevs[i].id, id))
            return &cmd->chardevs[i];
    return NULL;
}

struct chardev_opts {
    const char *kind, *id, *path, *host, *port;
    uint64_t fd;
    bool have_fd, server, wait;
};

static int chardev_key(const struct opts *opts, const struct dm_option *o, struct chardev_opts *c,
                       struct dm_error *err)
{
    if (!strcmp(o->key, "kind"))
        c->kind = o->value;
    else if (!strcmp(o->key, "id"))
        c->id = o->value;
    else if (!strcmp(o->key, "path"))
        c->path = o->value;
    else if (!strcmp(o->key, "host"))
        c->host = o->value;
    else if (!strcmp(o->key, "port"))
        c->port = o->value;
    else if (!strcmp(o->key, "server"))
        return opts_bool(opts, o, &c->server, err);
    else if (!strcmp(o->key, "wait"))
        return opts_bool(opts, o, &c->wait, err);
    else if (!strcmp(o->key, "fd"))
        return c->have_fd = true, opts_uint(opts, o, INT32_MAX, &c->fd, err);
    else
        return opts_bad_key(opts, o, err);
    return 0;
}

/* What -serial would call it. NULL with err set: it is not in xendm. */
static const char *chardev_spec(struct cmdline *cmd, const struct chardev_opts *c,
                                struct dm_error *err)
{
    const char *server = c->server ? c->wait ? ",server=on" : ",server=on,wait=off" : "";
    const char *spec = "";

    if (!strcmp(c->kind, "pty") || !strcmp(c->kind, "null") || !strcmp(c->kind, "stdio")) {
        spec = c->kind;
    } else if (!strcmp(c->kind, "file") && c->path) {
        spec = cmdline_print(cmd, "file:%s", c->path);
    } else if (!strcmp(c->kind, "socket") && c->path) {
        spec = cmdline_print(cmd, "unix:%s%s", c->path, server);
    } else if (!strcmp(c->kind, "socket") && c->port) {
        spec = cmdline_print(cmd, "tcp:%s:%s%s", c->host ? c->host : "", c->port, server);
    } else if (strcmp(c->kind, "socket") || !c->have_fd) {
        dm_error_set(err, EINVAL, "-chardev %s: this kind of stream is not in xendm yet", c->kind);
        return NULL;
    }
    if (!spec)
        cmdline_no_memory(err);
    return spec;
}

static const char *const chardev_keys[] = { "kind", "id",   "path",   "host", "port",
                                            "fd",   "wait", "server", NULL };
static const struct opts_form chardev_forms[] = {
    { "socket,id=", { "server", "wait" } },
};
static const struct opts_path chardev_path = { "path", chardev_keys, chardev_forms,
                                               DM_ARRAY_LEN(chardev_forms) };

static int option_chardev(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct chardev_opts c = { .kind = "", .wait = true };
    struct cmdline_chardev *chr;
    const char *spec;
    struct opts opts;
    int rc = opts_parse(cmd, &opts, "-chardev", value, "kind", &chardev_path, err);

    for (size_t i = 0; !rc && i < opts.count; i++)
        rc = chardev_key(&opts, &opts.list[i], &c, err);
    if (rc)
        return rc;
    if (!c.id || !*c.id)
        return dm_error_set(err, EINVAL, "-chardev %s: id= is missing", value);
    if (chardev_find(cmd, c.id))
        return dm_error_set(err, EINVAL, "-chardev: id '%s' is there twice", c.id);
    if (!strncmp(c.id, "libxl-channel", 13))
        return dm_error_set(
            err, EINVAL,
            "-chardev %s: PV channels are not in xendm yet; remove channel= from the "
            "guest's configuration",
            c.id);
    spec = chardev_spec(cmd, &c, err);
    if (!spec)
        return -EINVAL;
    chr = cmdline_grow(&cmd->chardevs, &cmd->chardev_count, sizeof(*chr));
    if (!chr)
        return cmdline_no_memory(err);
    *chr = (struct cmdline_chardev) { .id = c.id, .spec = spec, .fd = -1 };
    if (!strcmp(c.kind, "socket") && c.server && c.path)
        chr->path = c.path;
    else if (!strcmp(c.kind, "socket") && c.have_fd)
        chr->fd = (int)c.fd;
    return 0;
}

static int option_mon(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    const char *id = NULL, *mode = "readline";
    struct cmdline_chardev *chr;
    struct opts opts;
    int rc = opts_parse(cmd, &opts, "-mon", value, "chardev", NULL, err);

    for (size_t i = 0; !rc && i < opts.count; i++) {
        const struct dm_option *o = &opts.list[i];

        if (!strcmp(o->key, "chardev"))
            id = o->value;
        else if (!strcmp(o->key, "mode"))
            mode = o->value;
        else
            return opts_bad_key(&opts, o, err);
    }
    if (rc)
        return rc;
    if (strcmp(mode, "control"))
        return dm_error_set(err, EINVAL, "-mon %s: the human monitor is not in xendm yet", value);
    chr = id ? chardev_find(cmd, id) : NULL;
    if (!chr)
        return dm_error_set(err, EINVAL, "-mon %s: there is no such -chardev before it", value);
    if (!chr->path && chr->fd < 0)
        return dm_error_set(err, EINVAL, "-mon %s: the -chardev is not a listening Unix socket",
                            value);
    if (chr->monitor)
        return dm_error_set(err, EINVAL, "-mon %s: the -chardev has a monitor already", value);
    chr->monitor = true;
    return 0;
}

/* -qmp unix:PATH,server=on,wait=off is a -chardev and a -mon. */
static int option_qmp(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    char *text;
    int rc;

    if (strncmp(value, "unix:", 5))
        return dm_error_set(err, EINVAL, "-qmp %s: must be unix:PATH,server=on,wait=off", value);
    text = cmdline_print(cmd, "socket,id=qmp-%zu,path=%s", cmd->chardev_count, value + 5);
    if (!text)
        return cmdline_no_memory(err);
    rc = option_chardev(cmd, text, err);
    if (rc)
        return rc;
    text = cmdline_print(cmd, "chardev=%s,mode=control", cmd->chardevs[cmd->chardev_count - 1].id);
    return text ? option_mon(cmd, text, err) : cmdline_no_memory(err);
}

/* -drive */

static const char *const drive_keys[] = { "if",       "id",    "file",    "format", "media",
                                          "index",    "bus",   "unit",    "aio",    "detect-zeroes",
                                          "readonly", "cache", "discard", NULL };

/* libxl_dm.c: empty and full CD, SCSI disk, AHCI disk, IDE disk. */
static const struct opts_form drive_forms[] = {
    { "if=none,readonly=on,id=", { "format" } },
    { "file=", { "id", "format", "if", "readonly", "cache" } },
    { "file=", { "if", "id", "format", "cache" } },
    { "file=", { "if", "index", "media", "format", "cache" } },
};
static const struct opts_path drive_path = { "file", drive_keys, drive_forms,
                                             DM_ARRAY_LEN(drive_forms) };

static int drive_interface(const char *name, struct cmdline_drive *d, struct dm_error *err)
{
    if (!strcmp(name, "ide"))
        d->interface = CMDLINE_IF_IDE;
    else if (!strcmp(name, "none"))
        d->interface = CMDLINE_IF_NONE;
    else
        return dm_error_set(err, EINVAL, "-drive: if=%s: this kind of drive is not in xendm yet",
                            name);
    return 0;
}

static int drive_format(const char *name, struct dm_error *err)
{
    if (!strcmp(name, "raw") || !strcmp(name, "host_device"))
        return 0;
    return dm_error_set(err, EINVAL,
                        "-drive: image format '%s' is not in xendm yet; convert the image with "
                        "'qemu-img convert -O raw'",
                        name);
}

static int drive_cache(const struct opts *opts, const struct dm_option *o, struct cmdline_drive *d,
                       struct dm_error *err)
{
    static const char *const names[] = {
        [CMDLINE_CACHE_WRITEBACK] = "writeback",
        [CMDLINE_CACHE_NONE] = "none",
        [CMDLINE_CACHE_WRITETHROUGH] = "writethrough",
        [CMDLINE_CACHE_DIRECTSYNC] = "directsync",
        [CMDLINE_CACHE_UNSAFE] = "unsafe",
    };

    for (size_t i = 0; i < DM_ARRAY_LEN(names); i++) {
        if (!strcmp(o->value, names[i])) {
            d->cache = (enum cmdline_cache)i;
            return 0;
        }
    }
    return opts_bad_value(opts, o, "no such cache mode", err);
}

struct drive_opts {
    const char *format;
    uint64_t index, bus, unit;
    bool have_index, have_unit;
};

static int drive_key(const struct opts *opts, const struct dm_option *o, struct cmdline_drive *d,
                     struct drive_opts *x, struct dm_error *err)
{
    const char *k = o->key, *v = o->value;

    if (!strcmp(k, "if"))
        return drive_interface(v, d, err);
    if (!strcmp(k, "cache"))
        return drive_cache(opts, o, d, err);
    if (!strcmp(k, "readonly"))
        return opts_bool(opts, o, &d->readonly, err);
    if (!strcmp(k, "index"))
        return x->have_index = true, opts_uint(opts, o, 3, &x->index, err);
    if (!strcmp(k, "bus"))
        return x->have_unit = true, opts_uint(opts, o, 1, &x->bus, err);
    if (!strcmp(k, "unit"))
        return x->have_unit = true, opts_uint(opts, o, 1, &x->unit, err);
    if (!strcmp(k, "id")) {
        d->id = v;
    } else if (!strcmp(k, "file")) {
        d->path = *v ? v : NULL;
    } else if (!strcmp(k, "format")) {
        x->format = v;
    } else if (!strcmp(k, "media")) {
        d->cdrom = !strcmp(v, "cdrom");
        if (!d->cdrom && strcmp(v, "disk"))
            return opts_bad_value(opts, o, "must be disk or cdrom", err);
    } else if (!strcmp(k, "discard")) {
        d->discard = !strcmp(v, "unmap") || !strcmp(v, "on");
        if (!d->discard && strcmp(v, "ignore") && strcmp(v, "off"))
            return opts_bad_value(opts, o, "must be unmap or ignore", err);
    } else if (strcmp(k, "aio") && strcmp(k, "detect-zeroes")) {
        /* Those two are hints that change nothing a guest can see. */
        return opts_bad_key(opts, o, err);
    }
    return 0;
}

static bool drive_index_taken(const struct cmdline *cmd, unsigned index)
{
    for (size_t i = 0; i < cmd->drive_count; i++)
        if (cmd->drives[i].interface == CMDLINE_IF_IDE && cmd->drives[i].index == index)
            return true;
    return false;
}

/* Place on the IDE channels and a name, as QEMU gives them: libxenstat shows the name. */
static int drive_place(struct cmdline *cmd, struct cmdline_drive *d, const struct drive_opts *x,
                       struct dm_error *err)
{
    if (d->interface == CMDLINE_IF_IDE) {
        d->index = (unsigned)(x->have_unit ? x->bus * 2 + x->unit : x->index);
        if (!x->have_unit && !x->have_index)
            while (d->index < 3 && drive_index_taken(cmd, d->index))
                d->index++;
        if (drive_index_taken(cmd, d->index))
            return dm_error_set(err, EINVAL, "-drive: IDE drive %u is there twice", d->index);
        if (!d->id)
            d->id = cmdline_print(cmd, "ide%u-%s%u", d->index / 2, d->cdrom ? "cd" : "hd",
                                  d->index % 2);
    } else if (!d->id) {
        d->id = cmdline_print(cmd, "none%zu", cmd->drive_count);
    }
    if (!d->id)
        return cmdline_no_memory(err);
    for (size_t i = 0; i < cmd->drive_count; i++)
        if (!strcmp(cmd->drives[i].id, d->id))
            return dm_error_set(err, EINVAL, "-drive: id '%s' is there twice", d->id);
    return 0;
}

static int drive_add(struct cmdline *cmd, struct cmdline_drive *d, const struct drive_opts *x,
                     struct dm_error *err)
{
    struct cmdline_drive *to;
    int rc;

    if (d->path && !x->format)
        return dm_error_set(err, EINVAL,
                            "-drive: format= is missing for %s; xendm never guesses a format",
                            d->path);
    rc = x->format ? drive_format(x->format, err) : 0;
    if (!rc)
        rc = drive_place(cmd, d, x, err);
    if (rc)
        return rc;
    if (!d->path && !d->cdrom && d->interface == CMDLINE_IF_IDE)
        return dm_error_set(err, EINVAL, "-drive: file= is missing for the disk '%s'", d->id);
    d->readonly |= d->cdrom;
    to = cmdline_grow(&cmd->drives, &cmd->drive_count, sizeof(*to));
    if (!to)
        return cmdline_no_memory(err);
    *to = *d;
    return 0;
}

static int option_drive(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct cmdline_drive d = { 0 };
    struct drive_opts x = { 0 };
    struct opts opts;
    int rc = opts_parse(cmd, &opts, "-drive", value, NULL, &drive_path, err);

    for (size_t i = 0; !rc && i < opts.count; i++)
        rc = drive_key(&opts, &opts.list[i], &d, &x, err);
    return rc ? rc : drive_add(cmd, &d, &x, err);
}

static int option_cdrom(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct drive_opts x = { .format = "raw", .have_index = true, .index = 2 };
    struct cmdline_drive d = { .cdrom = true };

    d.path = cmdline_keep(cmd, value, strlen(value));
    return d.path ? drive_add(cmd, &d, &x, err) : cmdline_no_memory(err);
}

/* -device */

/* Models that libxl can ask for and people know, and what to do without them. */
static const struct device_later {
    const char *name, *hint; /* a name may end in '*' */
} device_later[] = {
    { "cirrus-vga", "use vga=\"stdvga\" in the guest's configuration" },
    { "qxl*", "use vga=\"stdvga\" in the guest's configuration" },
    { "lsi53c895a", "name the disks hda to hdd in the guest's configuration" },
    { "scsi-*", "name the disks hda to hdd in the guest's configuration" },
    { "ahci", "remove hdtype=\"ahci\" from the guest's configuration" },
    { "piix3-usb-uhci", "remove usbversion from the guest's configuration" },
    { "piix4-usb-uhci", "remove usbversion from the guest's configuration" },
    { "ich9-usb-*", "remove usbversion from the guest's configuration" },
    { "nec-usb-xhci", "remove usbversion from the guest's configuration" },
    { "qemu-xhci", "remove usbversion from the guest's configuration" },
    { "usb-*", "remove it from the guest's configuration" },
    { "ac97", "remove soundhw from the guest's configuration" },
    { "AC97", "remove soundhw from the guest's configuration" },
    { "adlib", "remove soundhw from the guest's configuration" },
    { "cs4231a", "remove soundhw from the guest's configuration" },
    { "es1370", "remove soundhw from the guest's configuration" },
    { "ES1370", "remove soundhw from the guest's configuration" },
    { "gus", "remove soundhw from the guest's configuration" },
    { "sb16", "remove soundhw from the guest's configuration" },
    { "intel-hda", "remove soundhw from the guest's configuration" },
    { "hda-duplex", "remove soundhw from the guest's configuration" },
    { "virtio-serial*", "remove spicevdagent from the guest's configuration" },
    { "virtserialport", "remove spicevdagent from the guest's configuration" },
    { "virtio-*", "remove it from the guest's configuration" },
    { "xen-pvdevice", "remove vendor_device from the guest's configuration" },
    { "xen-pci-passthrough", "remove pci from the guest's configuration" },
    { "vfio-pci", "remove it from the guest's configuration" },
};

static const char *const device_cards_later[] = {
    "rtl8139",    "e1000",    "e1000e", "e1000-82544gc",  "e1000-82545em", "igb",
    "ne2k_pci",   "ne2k_isa", "pcnet",  "i82551",         "i82557b",       "i82559er",
    "virtio-net", "vmxnet3",  "tulip",  "virtio-net-pci",
};

static bool device_matches(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);

    if (pattern[len - 1] == '*')
        return !strncmp(pattern, name, len - 1);
    return !strcmp(pattern, name);
}

static int device_is_later(const char *driver, struct dm_error *err)
{
    for (size_t i = 0; i < DM_ARRAY_LEN(device_cards_later); i++)
        if (!strcmp(driver, device_cards_later[i]))
            return dm_error_set(
                err, EINVAL,
                "-device %s: network card '%s' is not in xendm yet; use type=vif in "
                "the vif of the guest's configuration",
                driver, driver);
    for (size_t i = 0; i < DM_ARRAY_LEN(device_later); i++)
        if (device_matches(device_later[i].name, driver))
            return dm_error_set(err, EINVAL,
                                "-device %s: this device model is not in xendm yet; %s", driver,
                                device_later[i].hint);
    return 0;
}

static int option_device(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct cmdline_device *dev;
    struct opts opts;
    const char *driver;
    int rc = opts_parse(cmd, &opts, "-device", value, "driver", NULL, err);

    if (rc)
        return rc;
    if (!opts.count || strcmp(opts.list[0].key, "driver") || !*opts.list[0].value)
        return dm_error_set(err, EINVAL, "-device %s: must begin with the name of a device model",
                            value);
    driver = opts.list[0].value;
    rc = device_is_later(driver, err);
    if (rc)
        return rc;
    dev = cmdline_grow(&cmd->devices, &cmd->device_count, sizeof(*dev));
    if (!dev)
        return cmdline_no_memory(err);
    dev->driver = driver;
    dev->options = calloc(opts.count, sizeof(*dev->options));
    if (!dev->options)
        return cmdline_no_memory(err);
    dev->count = opts.count - 1;
    memcpy(dev->options, opts.list + 1, dev->count * sizeof(*dev->options));
    return 0;
}

static int option_vga(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    if (!strcmp(value, "none"))
        return 0;
    if (!strcmp(value, "std"))
        return option_device(cmd, "VGA", err);
    return dm_error_set(err, EINVAL,
                        "-vga %s: this display device is not in xendm yet; use -vga std", value);
}

/* The table. */

struct cmdline_row {
    const char *name;
    const char *arg; /* what -help calls its value; NULL: has none */
    int (*handle)(struct cmdline *cmd, const char *value, struct dm_error *err);
    const char *text; /* for -help, or, without a handler, why it is refused */
};

#define LATER_RESTRICT "confinement (dm_restrict, device_model_user) is not in xendm yet"
#define LATER_KERNEL   "direct kernel boot is not in xendm yet; boot from a disk or a CD"
#define LATER_USB      "USB is not in xendm yet; remove usb and usbdevice from the guest's configuration"
#define LATER_SOUND    "sound is not in xendm yet; remove soundhw from the guest's configuration"
#define LATER_OLD      "qemu-xen-traditional's command line is not in xendm yet"
#define LATER_FORMAT   "xendm never guesses a format; use -drive file=PATH,if=ide,index=N,format=raw"
#define LATER          "this option is not in xendm yet"

static const struct cmdline_row cmdline_rows[] = {
    /* What libxl writes, in its order. */
    { "xen-domid", "ID", option_domid, "the guest" },
    { "no-shutdown", NULL, option_no_shutdown, "stay when the guest has powered itself off" },
    { "chardev", "KIND,id=ID,...", option_chardev, "a byte stream on the host" },
    { "mon", "chardev=ID,mode=control", option_mon, "a QMP monitor on a -chardev" },
    { "nodefaults", NULL, option_nothing, "no default devices (there are none anyway)" },
    { "no-user-config", NULL, option_nothing, "no configuration file (there is none anyway)" },
    { "xen-attach", NULL, NULL, "backends for PV and PVH guests are not in xendm yet" },
    { "name", "NAME", option_name, "the guest's name" },
    { "vnc", "HOST:DISPLAY[,password=on][,to=N]", option_vnc, "VNC server, or none" },
    { "display", "none", option_display, "no window" },
    { "k", "KEYMAP", option_keymap, "keyboard layout for VNC, such as de" },
    { "kernel", "FILE", NULL, LATER_KERNEL },
    { "initrd", "FILE", NULL, LATER_KERNEL },
    { "append", "TEXT", NULL, LATER_KERNEL },
    { "serial", "STREAM", option_serial, "a serial port: pty, file:PATH, unix:PATH, none, ..." },
    { "nographic", NULL, option_nothing, "no window" },
    { "spice", "OPTIONS", NULL,
      "SPICE is not in xendm yet; use vnc=1 in the guest's configuration" },
    { "device", "MODEL,...", option_device, "a device" },
    { "boot", "order=LETTERS", option_boot, "where to boot from: a, c, d, n" },
    { "usb", NULL, NULL, LATER_USB },
    { "usbdevice", "NAME", NULL, LATER_USB },
    { "no-acpi", NULL, option_no_acpi, "no ACPI" },
    { "smp", "N[,maxcpus=M]", option_smp, "virtual CPUs" },
    { "netdev", "KIND,...", NULL, "emulated network cards are not in xendm yet" },
    { "net", "none", option_net, "no network card" },
    { "object", "KIND,...", NULL, "objects (COLO and others) are not in xendm yet" },
    { "xen-domid-restrict", NULL, NULL, LATER_RESTRICT },
    { "chroot", "DIR", NULL, LATER_RESTRICT },
    { "run-with", "OPTIONS", NULL, LATER_RESTRICT },
    { "incoming", "fd:N", NULL, "restoring a saved guest is not in xendm yet" },
    { "machine", "xenfv | pc,accel=xen", option_machine, "with or without Xen platform device" },
    { "m", "MB", option_memory, "guest memory without video memory, in MiB" },
    { "drive", "file=PATH,format=raw,...", option_drive, "a disk or a CD" },
    { "runas", "USER", NULL, LATER_RESTRICT },
    { "S", NULL, option_start_stopped, "wait for cont before the guest runs" },
    /* What people add. */
    { "M", "xenfv | pc,accel=xen", option_machine, "the same as -machine" },
    { "accel", "xen", option_accel, "Xen" },
    { "qmp", "unix:PATH,server=on,wait=off", option_qmp, "a QMP monitor" },
    { "monitor", "none", option_monitor, "no human monitor" },
    { "parallel", "none", option_parallel, "no parallel port" },
    { "nic", "none", option_net, "no network card" },
    { "vga", "std | none", option_vga, "the display device" },
    { "cdrom", "FILE", option_cdrom, "a CD in the secondary master drive" },
    { "version", NULL, option_version, "print the version" },
    { "help", NULL, option_help, "print this" },
    { "h", NULL, option_help, "print this" },
    { "hda", "FILE", NULL, LATER_FORMAT },
    { "hdb", "FILE", NULL, LATER_FORMAT },
    { "hdc", "FILE", NULL, LATER_FORMAT },
    { "hdd", "FILE", NULL, LATER_FORMAT },
    { "fda", "FILE", NULL, "floppy drives are not in xendm yet" },
    { "fdb", "FILE", NULL, "floppy drives are not in xendm yet" },
    { "audio", "OPTIONS", NULL, LATER_SOUND },
    { "audiodev", "OPTIONS", NULL, LATER_SOUND },
    { "soundhw", "NAMES", NULL, LATER_SOUND },
    { "sdl", NULL, NULL, "SDL is not in xendm yet; use vnc=1 in the guest's configuration" },
    { "daemonize", NULL, NULL, LATER },
    { "pidfile", "FILE", NULL, LATER },
    { "sandbox", "OPTIONS", NULL, LATER },
    { "global", "OPTIONS", NULL, LATER },
    { "add-fd", "OPTIONS", NULL, LATER },
    { "uuid", "UUID", NULL, LATER },
    { "rtc", "OPTIONS", NULL, LATER },
    { "cpu", "MODEL", NULL, "the guest's CPUs are Xen's; set them in the guest's configuration" },
    { "bios", "FILE", NULL, "the BIOS is libxl's; set it in the guest's configuration" },
    { "fw_cfg", "OPTIONS", NULL, LATER },
    { "option-rom", "FILE", NULL, LATER },
    { "debugcon", "STREAM", NULL, LATER },
    { "blockdev", "OPTIONS", NULL, LATER },
    { "snapshot", NULL, NULL, LATER },
    { "loadvm", "NAME", NULL, LATER },
    { "no-reboot", NULL, NULL, LATER },
    { "full-screen", NULL, NULL, LATER },
    { "smbios", "OPTIONS", NULL, LATER },
    { "trace", "OPTIONS", NULL, LATER },
    { "msg", "OPTIONS", NULL, LATER },
    { "D", "FILE", NULL, LATER },
    { "gdb", "STREAM", NULL, LATER },
    { "readconfig", "FILE", NULL, LATER },
    { "enable-kvm", NULL, NULL, "xendm serves Xen guests only" },
    /* qemu-xen-traditional's. */
    { "d", "ID", NULL, LATER_OLD },
    { "domid", "ID", NULL, LATER_OLD },
    { "domain-name", "NAME", NULL, LATER_OLD },
    { "videoram", "MB", NULL, LATER_OLD },
    { "std-vga", NULL, NULL, LATER_OLD },
    { "vncunused", NULL, NULL, LATER_OLD },
    { "acpi", NULL, NULL, LATER_OLD },
    { "vcpus", "N", NULL, LATER_OLD },
    { "vcpu_avail", "MASK", NULL, LATER_OLD },
    { "gfx_passthru", NULL, NULL, LATER_OLD },
};

/* The row of "-name" or "--name". NULL: nobody knows it. */
static const struct cmdline_row *cmdline_row(const char *arg)
{
    const char *name = arg + (arg[0] == '-' && arg[1] == '-' ? 2 : 1);

    for (size_t i = 0; i < DM_ARRAY_LEN(cmdline_rows); i++)
        if (!strcmp(cmdline_rows[i].name, name))
            return &cmdline_rows[i];
    return NULL;
}

/* What only the whole command line shows. */
static int cmdline_check(const struct cmdline *cmd, struct dm_error *err)
{
    if (cmd->probe)
        return 0;
    if (!cmd->have_domid)
        return dm_error_set(err, EINVAL,
                            "-xen-domid is missing: whose device model shall this be?");
    if (!cmd->ram_mb)
        return dm_error_set(err, EINVAL, "-m is missing: how much memory has the guest?");
    for (size_t i = 0; i < cmd->chardev_count; i++)
        if (cmd->chardevs[i].fd >= 0 && !cmd->chardevs[i].monitor)
            return dm_error_set(err, EINVAL, "-chardev %s: fd= is for monitors only",
                                cmd->chardevs[i].id);
    return 0;
}

int cmdline_parse(struct cmdline *cmd, int argc, char **argv, struct dm_error *err)
{
    *cmd = (struct cmdline) {
        .name = "", .smp = 1, .maxcpus = 1, .acpi = true, .platform_device = true
    };
    for (int i = 1; i < argc; i++) {
        const struct cmdline_row *row;
        const char *value = "";
        int rc;

        if (argv[i][0] != '-')
            return dm_error_set(err, EINVAL, "'%s': is not an option", argv[i]);
        row = cmdline_row(argv[i]);
        if (!row)
            return dm_error_set(err, EINVAL, "%s: unknown option", argv[i]);
        if (!row->handle)
            return dm_error_set(err, EINVAL, "-%s: %s", row->name, row->text);
        if (row->arg && !argv[++i])
            return dm_error_set(err, EINVAL, "-%s: needs a value", row->name);
        if (row->arg)
            value = argv[i];
        rc = row->handle(cmd, value, err);
        if (rc)
            return rc;
        if (cmd->help || cmd->version)
            return 0;
    }
    return cmdline_check(cmd, err);
}

void cmdline_finish(struct cmdline *cmd)
{
    for (size_t i = 0; i < cmd->device_count; i++)
        free(cmd->devices[i].options);
    for (size_t i = 0; i < cmd->owned_count; i++)
        free(cmd->owned[i]);
    free(cmd->owned);
    free(cmd->devices);
    free(cmd->drives);
    free(cmd->serials);
    free(cmd->chardevs);
    *cmd = (struct cmdline) { 0 };
}

void cmdline_print_help(FILE *out)
{
    fprintf(out, "usage: xendm -xen-domid ID -m MB [options]\n"
                 "The device model of a Xen HVM guest, started by xl. See xendm(8).\n\n");
    for (size_t i = 0; i < DM_ARRAY_LEN(cmdline_rows); i++) {
        const struct cmdline_row *row = &cmdline_rows[i];

        if (row->handle)
            fprintf(out, "-%s%s%s\n        %s\n", row->name, row->arg ? " " : "",
                    row->arg ? row->arg : "", row->text);
    }
}

const char *cmdline_option_name(size_t n)
{
    for (size_t i = 0; i < DM_ARRAY_LEN(cmdline_rows); i++)
        if (cmdline_rows[i].handle && cmdline_rows[i].arg && !n--)
            return cmdline_rows[i].name;
    return NULL;
}
