/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -netdev, -net, -nic and -object filter-dump. */
#include "control/cmdline-opts.h"

#include "dm/bytes.h"
#include "dm/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct cmdline_netdev *netdev_find(const struct cmdline *cmd, const char *id)
{
    for (size_t i = 0; i < cmd->netdev_count; i++)
        if (!strcmp(cmd->netdevs[i].id, id))
            return &cmd->netdevs[i];
    return NULL;
}

/* libxl_dm.c's scripts are never there; people's may have commas. */
int option_netdev(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct cmdline_netdev net = { 0 }, *to;
    struct opts opts;
    int rc = opts_parse(cmd, &opts, "-netdev", value, "type", NULL, err);

    if (rc)
        return rc;
    net.kind = opts_get(&opts, "type");
    net.id = opts_get(&opts, "id");
    if (!net.kind)
        return dm_error_set(err, EINVAL, "-netdev %s: must begin with the kind, such as tap",
                            value);
    if (!net.id || !*net.id)
        return dm_error_set(err, EINVAL, "-netdev %s: id= is missing", value);
    if (netdev_find(cmd, net.id))
        return dm_error_set(err, EINVAL, "-netdev: id '%s' is there twice", net.id);
    if (cmd->netdev_count == DM_NET_NICS_MAX)
        return dm_error_set(err, EINVAL, "-netdev %s: a guest has at most %d network cards", net.id,
                            DM_NET_NICS_MAX);
    net.options = calloc(opts.count, sizeof(*net.options));
    to = cmdline_grow(&cmd->netdevs, &cmd->netdev_count, sizeof(*to));
    if (!net.options || !to) {
        free(net.options);
        return cmdline_no_memory(err);
    }
    for (size_t i = 0; i < opts.count; i++)
        if (strcmp(opts.list[i].key, "type") && strcmp(opts.list[i].key, "id"))
            net.options[net.count++] = opts.list[i];
    *to = net;
    return 0;
}

/* Without -netdev and a card there is no network, so "none" changes nothing. */
int option_net(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    if (!strcmp(value, "none"))
        return 0;
    return dm_error_set(err, EINVAL,
                        "-net %s: this form is not in xendm; use -netdev tap,id=ID,... and "
                        "-device MODEL,netdev=ID",
                        value);
}

static const char *const dump_keys[] = { "qom-type", "id", "netdev", "file", "maxlen", NULL };
static const struct opts_path dump_path = { "file", dump_keys, NULL, 0 };

int option_object(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct cmdline_dump dump = { .max_len = 65536 }, *to;
    const char *type = NULL;
    uint64_t n;
    struct opts opts;
    int rc = opts_parse(cmd, &opts, "-object", value, "qom-type", &dump_path, err);

    if (!rc)
        type = opts_get(&opts, "qom-type");
    if (!rc && (!type || strcmp(type, "filter-dump")))
        return dm_error_set(err, EINVAL,
                            "-object %s: this kind of object is not in xendm yet, but filter-dump",
                            type ? type : value);
    for (size_t i = 0; !rc && i < opts.count; i++) {
        const struct dm_option *o = &opts.list[i];

        if (!strcmp(o->key, "id"))
            dump.id = o->value;
        else if (!strcmp(o->key, "netdev"))
            dump.netdev = o->value;
        else if (!strcmp(o->key, "file"))
            dump.path = o->value;
        else if (!strcmp(o->key, "maxlen"))
            rc = opts_uint(&opts, o, 262144, &n, err), dump.max_len = rc ? 0 : (uint32_t)n;
        else if (strcmp(o->key, "qom-type"))
            return opts_bad_key(&opts, o, err);
    }
    if (rc)
        return rc;
    if (!dump.id || !*dump.id || !dump.netdev || !dump.path || !*dump.path || !dump.max_len)
        return dm_error_set(err, EINVAL, "-object filter-dump: id=, netdev= and file= are needed");
    for (size_t i = 0; i < cmd->dump_count; i++)
        if (!strcmp(cmd->dumps[i].id, dump.id))
            return dm_error_set(err, EINVAL, "-object: id '%s' is there twice", dump.id);
    to = cmdline_grow(&cmd->dumps, &cmd->dump_count, sizeof(*to));
    if (!to)
        return cmdline_no_memory(err);
    *to = dump;
    return 0;
}
