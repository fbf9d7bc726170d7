/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of networks: a card without registers, as a guest unplugs it. */
#ifndef NIC_RIG_H
#define NIC_RIG_H

#include "tests/unit/unit.h"

struct nic {
    struct dm_device dev;
    struct dm_net *net;
    uint8_t mac[6];
};

static const struct dm_prop nic_props[] = {
    DM_PROP(struct nic, net, DM_PROP_NET, "netdev"),
    DM_PROP(struct nic, mac, DM_PROP_MAC, "mac"),
    DM_PROPS_END,
};

static void nic_unplug(struct dm_device *dev, unsigned mask)
{
    if (mask & DM_UNPLUG_NICS)
        dm_device_destroy(dev);
}

static const struct dm_class nic_class = { .name = "nic",
                                           .size = sizeof(struct nic),
                                           .version = 1,
                                           .props = nic_props,
                                           .unplug = nic_unplug };
static const struct dm_class *const classes[] = { &nic_class, NULL };

#endif
