/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend/netdev.h"

#include "dm/machine.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static int netdev_bad(const char *id, const struct dm_option *o, struct dm_error *err)
{
    return dm_error_set(err, EINVAL, "netdev '%s': bad value '%s' for '%s'", id, o->value, o->key);
}

/* "no" and nothing mean the same to QEMU. */
static const char *netdev_file(const char *value)
{
    return *value && strcmp(value, "no") ? value : NULL;
}

static int tap_option(const char *id, struct tap_options *t, const struct dm_option *o,
                      struct dm_error *err)
{
    const char *key = o->key;
    uint64_t n;
    bool on;

    if (!strcmp(key, "ifname")) {
        t->ifname = o->value;
    } else if (!strcmp(key, "br")) {
        t->bridge = *o->value ? o->value : NULL;
    } else if (!strcmp(key, "script")) {
        t->script = netdev_file(o->value);
        t->no_script = !t->script;
    } else if (!strcmp(key, "downscript")) {
        t->downscript = netdev_file(o->value);
    } else if (!strcmp(key, "fd")) {
        if (dm_parse_uint(o->value, INT_MAX, &n))
            return netdev_bad(id, o, err);
        t->fd = (int)n;
    } else if (!strcmp(key, "sndbuf")) {
        if (dm_parse_uint(o->value, INT_MAX, &t->sndbuf))
            return netdev_bad(id, o, err);
    } else if (!strcmp(key, "vnet_hdr")) {
        if (dm_parse_bool(o->value, &on))
            return netdev_bad(id, o, err);
        t->no_vnet_hdr = !on;
    } else if (!strcmp(key, "vhost")) {
        if (dm_parse_bool(o->value, &on))
            return netdev_bad(id, o, err);
        if (on)
            return dm_error_set(err, EINVAL, "netdev '%s': vhost is for virtio cards", id);
    } else {
        return dm_error_set(err, EINVAL, "netdev '%s': 'tap' has no option '%s'", id, key);
    }
    return 0;
}

int netdev_open(struct dm_machine *machine, struct host_loop *loop, const char *id,
                const char *kind, const struct dm_option *options, size_t count,
                struct dm_error *err)
{
    struct tap_options t = { .fd = -1 };

    if (strlen(id) >= DM_NET_ID_MAX || !*id)
        return dm_error_set(err, EINVAL, "netdev id '%.64s' is empty or too long", id);
    if (dm_net_find(machine, id))
        return dm_error_set(err, EEXIST, "netdev id '%s' is used twice", id);
    if (strcmp(kind, "tap"))
        return dm_error_set(err, EINVAL, "netdev '%s': kind '%s' is not in xendm yet, use tap", id,
                            kind);
    for (size_t i = 0; i < count; i++) {
        int rc = strcmp(options[i].key, "id") ? tap_option(id, &t, &options[i], err) : 0;

        if (rc)
            return rc;
    }
    return tap_open(machine, loop, id, &t, err);
}
