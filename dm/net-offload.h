/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checksums and TCP segmentation in software, for an end that cannot do them. Pure
 * functions on frames in pieces.
 */
#ifndef DM_NET_OFFLOAD_H
#define DM_NET_OFFLOAD_H

#include "dm/net.h"

/* Ones' complement sum (RFC 1071) of data, added to sum; odd: it begins at an odd offset. */
uint32_t dm_net_sum(uint32_t sum, const void *data, size_t len, bool odd);
/* The sum of bytes [off, off + len) of a frame; the first one counts as even. */
uint32_t dm_net_sum_iov(uint32_t sum, const struct dm_iov *iov, int n, size_t off, size_t len);
uint16_t dm_net_sum_fold(uint32_t sum); /* its complement, as it stands in a header (host order) */

/* Pieces [off, off + len) of iov in out, of at most max entries. Returns how many, -1: too many. */
int dm_net_slice(const struct dm_iov *iov, int n, size_t off, size_t len, struct dm_iov *out,
                 int max);
size_t dm_net_gather(const struct dm_iov *iov, int n, size_t off, void *buf, size_t len);

/* Is off meant for a frame of len bytes? */
bool dm_net_offload_valid(const struct dm_net_offload *off, const struct dm_iov *iov, int n,
                          size_t len);

/* A frame being finished: each step gives the next frame to be passed on. */
struct dm_net_cut {
    const struct dm_iov *iov;
    int n;
    size_t len;
    struct dm_net_offload off;
    size_t ip, l4; /* offsets of the IP and the TCP header, of a frame to be segmented */
    uint32_t seq;  /* of the frame's first byte */
    uint8_t hdr[DM_NET_HDR_MAX]; /* as it came */
    /* What a step made. */
    uint8_t out_hdr[DM_NET_HDR_MAX];
    struct dm_iov out[DM_NET_IOV_MAX + 1];
    int out_n;
    size_t out_len;
};

/* off must be valid for the frame; iov stays as it is while cut is in use. */
void dm_net_cut_init(struct dm_net_cut *cut, const struct dm_iov *iov, int n, size_t len,
                     const struct dm_net_offload *off);
/*
 * Makes the frame whose payload begins done bytes into the whole payload in out, out_n,
 * out_len. Returns done for the next step, 0: that was the last one.
 */
size_t dm_net_cut_step(struct dm_net_cut *cut, size_t done);

#endif
