/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the command line share: memory of the struct, key=value lists, handlers. */
#ifndef CONTROL_CMDLINE_OPTS_H
#define CONTROL_CMDLINE_OPTS_H

#include "control/cmdline.h"

/* Memory that cmdline_finish frees. All return NULL when there is none. */

char *cmdline_keep(struct cmdline *cmd, const char *text, size_t len);
__attribute__((format(printf, 2, 3))) char *cmdline_print(struct cmdline *cmd, const char *fmt,
                                                          ...);
/* A new zeroed element of size bytes behind the *count elements of *array. */
void *cmdline_grow(void *array, size_t *count, size_t size);
int cmdline_no_memory(struct dm_error *err); /* -ENOMEM */

/* A size with K, M, G or T behind it, else in units of unit bytes. Returns 0 or -EINVAL. */
int cmdline_parse_size(const char *text, uint64_t unit, uint64_t *bytes);

/* key=value,key=value lists. */

#define OPTS_MAX 32

struct opts {
    const char *option; /* for messages */
    struct dm_option list[OPTS_MAX];
    size_t count;
};

/*
 * libxl does not escape commas in the paths it writes, so a path ends where what
 * follows can only be the rest of the option. The forms libxl writes are known
 * exactly: those are tried first. Any other list is read from its right end: as
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

/*
 * Splits text. A first word without '=' is the value of the key implied (NULL: a
 * flag like any other). Flags are "on", nowait is wait=off. path: the key whose
 * value may hold commas; may be NULL. Returns 0, -EINVAL or -ENOMEM.
 */
int opts_parse(struct cmdline *cmd, struct opts *opts, const char *option, const char *text,
               const char *implied, const struct opts_path *path, struct dm_error *err);

/* The value of key, the last if there are several. NULL: not there. */
const char *opts_get(const struct opts *opts, const char *key);

/* Values, and what to say about one. All return 0 or -EINVAL with err set. */
int opts_bool(const struct opts *opts, const struct dm_option *o, bool *value,
              struct dm_error *err);
int opts_uint(const struct opts *opts, const struct dm_option *o, uint64_t max, uint64_t *value,
              struct dm_error *err);
int opts_bad_value(const struct opts *opts, const struct dm_option *o, const char *want,
                   struct dm_error *err);
int opts_bad_key(const struct opts *opts, const struct dm_option *o, struct dm_error *err);

/* Handlers of rows of the table: cmdline-devices.c, cmdline-net.c. */
int option_chardev(struct cmdline *cmd, const char *value, struct dm_error *err);
int option_mon(struct cmdline *cmd, const char *value, struct dm_error *err);
int option_qmp(struct cmdline *cmd, const char *value, struct dm_error *err);
int option_drive(struct cmdline *cmd, const char *value, struct dm_error *err);
int option_cdrom(struct cmdline *cmd, const char *value, struct dm_error *err);
int option_device(struct cmdline *cmd, const char *value, struct dm_error *err);
int option_netdev(struct cmdline *cmd, const char *value, struct dm_error *err);
int option_net(struct cmdline *cmd, const char *value, struct dm_error *err);
int option_object(struct cmdline *cmd, const char *value, struct dm_error *err);
int option_vga(struct cmdline *cmd, const char *value, struct dm_error *err);

#endif
