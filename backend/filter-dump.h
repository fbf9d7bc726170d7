/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Captures a network card's frames to a pcap file (-object filter-dump). Loop thread only. */
#ifndef BACKEND_FILTER_DUMP_H
#define BACKEND_FILTER_DUMP_H

#include "dm/error.h"

#include <stdint.h>

struct dm_machine;
struct host_loop;

/*
 * Writes all frames of the netdev, both ways, up to max_len bytes of each, to the regular
 * file path, which is made or emptied. Ends with the netdev. What the disk is too slow for
 * is left out and counted. Returns 0, or -errno with err set: no such netdev, or the file
 * cannot be had; nothing is left behind then.
 */
int filter_dump_open(struct dm_machine *machine, struct host_loop *loop, const char *id,
                     const char *netdev, const char *path, uint32_t max_len, struct dm_error *err);

#endif
