/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/cmdline-opts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

char *cmdline_keep(struct cmdline *cmd, const char *text, size_t len)
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

char *cmdline_print(struct cmdline *cmd, const char *fmt, ...)
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

void *cmdline_grow(void *array, size_t *count, size_t size)
{
    char *bigger = realloc(*(void **)array, (*count + 1) * size);

    if (!bigger)
        return NULL;
    *(void **)array = bigger;
    memset(bigger + *count * size, 0, size);
    return bigger + (*count)++ * size;
}

int cmdline_no_memory(struct dm_error *err)
{
    return dm_error_set(err, ENOMEM, "command line: out of memory");
}

static bool opts_key_at(const char *at, const char *key)
{
    size_t len = strlen(key);

    return !strncmp(at, key, len) && at[len] == '=';
}

/* Is at the word itself, up to a comma or the end? */
static bool opts_flag_at(const char *at, const char *flag)
{
    size_t len = strlen(flag);

    return !strncmp(at, flag, len) && (!at[len] || at[len] == ',');
}

/* The index of the key at at. -1: none of them. Of flags, only those of sockets end a path. */
static int opts_key_find(const char *at, const char *const *keys)
{
    for (int i = 0; keys[i]; i++)
        if (opts_key_at(at, keys[i]) ||
            (!strcmp(keys[i], "server") && opts_flag_at(at, "server")) ||
            (!strcmp(keys[i], "wait") && opts_flag_at(at, "nowait")))
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

int opts_parse(struct cmdline *cmd, struct opts *opts, const char *option, const char *text,
               const char *implied, const struct opts_path *path, struct dm_error *err)
{
    opts->option = option;
    opts->count = 0;
    for (const char *p = text; *p;) {
        bool literal = false;
        const char *end;
        struct dm_option *o;
        char *item, *equals;

        if (opts->count == OPTS_MAX)
            return dm_error_set(err, EINVAL, "%s: more than %d keys", option, OPTS_MAX);
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

const char *opts_get(const struct opts *opts, const char *key)
{
    const char *value = NULL;

    for (size_t i = 0; i < opts->count; i++)
        if (!strcmp(opts->list[i].key, key))
            value = opts->list[i].value;
    return value;
}

int opts_bad_value(const struct opts *opts, const struct dm_option *o, const char *want,
                   struct dm_error *err)
{
    return dm_error_set(err, EINVAL, "%s: %s=%s: %s", opts->option, o->key, o->value, want);
}

int opts_bad_key(const struct opts *opts, const struct dm_option *o, struct dm_error *err)
{
    return dm_error_set(err, EINVAL, "%s: '%s' is not in xendm", opts->option, o->key);
}

int opts_bool(const struct opts *opts, const struct dm_option *o, bool *value, struct dm_error *err)
{
    if (dm_parse_bool(o->value, value))
        return opts_bad_value(opts, o, "must be on or off", err);
    return 0;
}

int opts_uint(const struct opts *opts, const struct dm_option *o, uint64_t max, uint64_t *value,
              struct dm_error *err)
{
    if (dm_parse_uint(o->value, max, value))
        return dm_error_set(err, EINVAL, "%s: %s=%s: must be a number up to %ju", opts->option,
                            o->key, o->value, (uintmax_t)max);
    return 0;
}

int cmdline_parse_size(const char *text, uint64_t unit, uint64_t *bytes)
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
