/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's ends of network cards: -netdev. Loop thread only. */
#ifndef BACKEND_NETDEV_H
#define BACKEND_NETDEV_H

#include "dm/device.h"
#include "dm/error.h"
#include "host/loop.h"

/*
 * Opens -netdev KIND,id=ID,options and registers it; the machine, or the device that uses
 * it, closes it. The kind tap takes
 *
 *   ifname=NAME        the interface: attached when it is there, else made (and gone with us);
 *                      without it the kernel chooses a name
 *   fd=N               or one that is open already
 *   script=FILE        run as FILE IFNAME [BRIDGE] when it is there; no: nothing is run
 *   downscript=FILE    the same before it is closed
 *   br=BRIDGE          without script=: the bridge it joins. With script=no it is the
 *                      toolstack's business and not looked at, as libxl has it
 *   sndbuf=BYTES       what may wait in the host's queues before the guest has to; 0: no limit
 *   vnet_hdr=off       checksums and segmentation are done here, not by the kernel
 *
 * Returns 0, or -errno with err set; nothing is left behind then.
 */
int netdev_open(struct dm_machine *machine, struct host_loop *loop, const char *id,
                const char *kind, const struct dm_option *options, size_t count,
                struct dm_error *err);

struct tap_options {
    const char *ifname, *script, *downscript, *bridge; /* NULL: not there, or "no" */
    bool no_script;                                    /* script=no */
    int fd;                                            /* -1: none */
    uint64_t sndbuf;                                   /* bytes; 0: no limit */
    bool no_vnet_hdr;
};

int tap_open(struct dm_machine *machine, struct host_loop *loop, const char *id,
             const struct tap_options *options, struct dm_error *err);

#endif
