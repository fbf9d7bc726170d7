/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/net-offload.h"

#include "dm/bytes.h"

#include <assert.h>
#include <string.h>

#define ETH_IPV4  0x0800
#define ETH_IPV6  0x86dd
#define ETH_VLAN  0x8100
#define ETH_QINQ  0x88a8
#define TCP_MIN   20
#define TCP_FLAGS 13
#define TCP_FIN   0x01
#define TCP_PSH   0x08
#define TCP_CWR   0x80

/* Two sums of 32-bit words in 64 bits each: what every x86-64 adds at once. */
typedef uint64_t net_words __attribute__((vector_size(16)));

uint32_t dm_net_sum(uint32_t sum, const void *data, size_t len, bool odd)
{
    const net_words half = { UINT32_MAX, UINT32_MAX };
    net_words low[2] = { { 0 } }, high[2] = { { 0 } };
    const uint8_t *p = data;
    uint64_t wide;
    uint32_t folded;

    for (; len >= 32; len -= 32, p += 32) {
        net_words w[2];

        memcpy(w, p, 32);
        low[0] += w[0] & half;
        high[0] += w[0] >> 32;
        low[1] += w[1] & half;
        high[1] += w[1] >> 32;
    }
    low[0] += low[1] + high[0] + high[1];
    wide = low[0][0] + low[0][1];
    for (; len >= 2; len -= 2, p += 2) {
        uint16_t w;

        memcpy(&w, p, 2);
        wide += w;
    }
    if (len) {
        uint16_t w = 0;

        memcpy(&w, p, 1);
        wide += w;
    }
    while (wide >> 16)
        wide = (wide & 0xffff) + (wide >> 16);
    folded = (uint32_t)wide;
    /* A sum of words in memory order: as a big-endian one it is the two bytes as they stand. */
    folded = (uint32_t)dm_get_be(&(uint16_t) { (uint16_t)folded }, 2);
    if (odd)
        folded = (folded & 0xff) << 8 | folded >> 8;
    sum += folded;
    return sum < folded ? sum + 1 : sum;
}

uint32_t dm_net_sum_iov(uint32_t sum, const struct dm_iov *iov, int n, size_t off, size_t len)
{
    bool odd = false;

    for (int i = 0; i < n && len; i++) {
        size_t here;

        if (off >= iov[i].len) {
            off -= iov[i].len;
            continue;
        }
        here = iov[i].len - off < len ? iov[i].len - off : len;
        sum = dm_net_sum(sum, (const uint8_t *)iov[i].base + off, here, odd);
        odd ^= here & 1;
        len -= here;
        off = 0;
    }
    return sum;
}

uint16_t dm_net_sum_fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

int dm_net_slice(const struct dm_iov *iov, int n, size_t off, size_t len, struct dm_iov *out,
                 int max)
{
    int count = 0;

    for (int i = 0; i < n && len; i++) {
        size_t here;

        if (off >= iov[i].len) {
            off -= iov[i].len;
            continue;
        }
        if (count == max)
            return -1;
        here = iov[i].len - off < len ? iov[i].len - off : len;
        out[count++] = (struct dm_iov) { (uint8_t *)iov[i].base + off, here };
        len -= here;
        off = 0;
    }
    return count;
}

size_t dm_net_gather(const struct dm_iov *iov, int n, size_t off, void *buf, size_t len)
{
    size_t got = 0;

    for (int i = 0; i < n && got < len; i++) {
        size_t here;

        if (off >= iov[i].len) {
            off -= iov[i].len;
            continue;
        }
        here = iov[i].len - off < len - got ? iov[i].len - off : len - got;
        memcpy((uint8_t *)buf + got, (const uint8_t *)iov[i].base + off, here);
        got += here;
        off = 0;
    }
    return got;
}

/* Offset of the IP header, behind VLAN tags; *type of what is there. 0: none. */
static size_t frame_ip(const uint8_t *frame, size_t len, unsigned *type)
{
    size_t at = 12;

    for (int tags = 0; tags <= 2 && dm_in_range(at, 2, len); tags++, at += 4) {
        *type = (unsigned)dm_get_be(frame + at, 2);
        if (*type != ETH_VLAN && *type != ETH_QINQ)
            return at + 2;
    }
    return 0;
}

/* Are the headers in hdr (have bytes of a frame of len) those of a TCP segment to be cut? */
static bool frame_cuttable(const struct dm_net_offload *off, const uint8_t *hdr, size_t have,
                           size_t len)
{
    unsigned gso = off->gso_type & ~DM_NET_GSO_ECN, type;
    size_t ip = frame_ip(hdr, have, &type), l4 = off->csum_start, tcp;

    if (!ip || !off->gso_size || off->csum_offset != 16 || !dm_in_range(l4, TCP_MIN, have))
        return false;
    tcp = (size_t)(hdr[l4 + 12] >> 4) * 4;
    if (tcp < TCP_MIN || !dm_in_range(l4, tcp, have) || len - ip > 0xffff)
        return false;
    if (gso == DM_NET_GSO_TCPV4)
        return type == ETH_IPV4 && l4 >= ip + 20 && (hdr[ip] >> 4) == 4 && hdr[ip + 9] == 6 &&
               l4 == ip + (size_t)(hdr[ip] & 15) * 4;
    return gso == DM_NET_GSO_TCPV6 && type == ETH_IPV6 && l4 >= ip + 40 && (hdr[ip] >> 4) == 6;
}

bool dm_net_offload_valid(const struct dm_net_offload *off, const struct dm_iov *iov, int n,
                          size_t len)
{
    size_t end = (size_t)off->csum_start + off->csum_offset + 2;
    uint8_t hdr[DM_NET_HDR_MAX];

    if (off->flags & DM_NET_F_NEEDS_CSUM) {
        if (off->csum_start < DM_NET_ETH_LEN || end > len || end > DM_NET_HDR_MAX)
            return false;
    } else if (off->gso_type != DM_NET_GSO_NONE) {
        return false;
    }
    if (off->gso_type == DM_NET_GSO_NONE)
        return true;
    return frame_cuttable(off, hdr, dm_net_gather(iov, n, 0, hdr, sizeof(hdr)), len);
}

void dm_net_cut_init(struct dm_net_cut *cut, const struct dm_iov *iov, int n, size_t len,
                     const struct dm_net_offload *off)
{
    unsigned type;

    cut->iov = iov;
    cut->n = n;
    cut->len = len;
    cut->off = *off;
    cut->l4 = off->csum_start;
    dm_net_gather(iov, n, 0, cut->hdr, sizeof(cut->hdr));
    if (off->gso_type == DM_NET_GSO_NONE) {
        cut->off.hdr_len = (uint16_t)(off->csum_start + off->csum_offset + 2);
        return;
    }
    cut->ip = frame_ip(cut->hdr, DM_NET_HDR_MAX, &type);
    cut->seq = (uint32_t)dm_get_be(cut->hdr + cut->l4 + 4, 4);
    /* hdr_len of a frame is a hint; the headers themselves are not. */
    cut->off.hdr_len = (uint16_t)(cut->l4 + (size_t)(cut->hdr[cut->l4 + 12] >> 4) * 4);
    /* iov may be guest memory, which changes between the check and this copy. */
    if (cut->off.hdr_len > DM_NET_HDR_MAX)
        cut->off.hdr_len = DM_NET_HDR_MAX;
    if (cut->off.hdr_len > len)
        cut->off.hdr_len = (uint16_t)len;
}

/* Length, identification and sum of the IP header of the frame at number index. */
static void cut_ip(struct dm_net_cut *cut, size_t index)
{
    uint8_t *ip = cut->out_hdr + cut->ip;
    size_t len = cut->out_len - cut->ip;

    if ((cut->off.gso_type & ~DM_NET_GSO_ECN) == DM_NET_GSO_TCPV6) {
        dm_put_be(ip + 4, 2, len - 40);
        return;
    }
    dm_put_be(ip + 2, 2, len);
    dm_put_be(ip + 4, 2, dm_get_be(ip + 4, 2) + index);
    dm_put_be(ip + 10, 2, 0);
    dm_put_be(ip + 10, 2, dm_net_sum_fold(dm_net_sum(0, ip, cut->l4 - cut->ip, false)));
}

static void cut_tcp(struct dm_net_cut *cut, size_t done, bool last)
{
    uint8_t *tcp = cut->out_hdr + cut->l4;
    uint32_t pseudo = (uint32_t)dm_get_be(tcp + 16, 2);

    dm_put_be(tcp + 4, 4, cut->seq + (uint32_t)done);
    if (!last)
        tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (done)
        tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
    /* The pseudo header's sum had the length of the whole. */
    pseudo += 0xffff - (uint32_t)(cut->len - cut->l4);
    pseudo += (uint32_t)(cut->out_len - cut->l4);
    dm_put_be(tcp + 16, 2, (uint16_t)~dm_net_sum_fold(pseudo));
}

size_t dm_net_cut_step(struct dm_net_cut *cut, size_t done)
{
    bool whole = cut->off.gso_type == DM_NET_GSO_NONE, last = true;
    size_t hdr = cut->off.hdr_len, left = cut->len - hdr - done, here = left;
    uint32_t sum;
    uint16_t result;

    assert(done <= cut->len - hdr);
    if (!whole && here > cut->off.gso_size) {
        here = cut->off.gso_size;
        last = false;
    }
    memcpy(cut->out_hdr, cut->hdr, hdr);
    cut->out_len = hdr + here;
    cut->out[0] = (struct dm_iov) { cut->out_hdr, hdr };
    cut->out_n = 1 + dm_net_slice(cut->iov, cut->n, hdr + done, here, cut->out + 1, DM_NET_IOV_MAX);
    if (!whole) {
        cut_ip(cut, done / cut->off.gso_size);
        cut_tcp(cut, done, last);
    }
    sum = dm_net_sum_iov(0, cut->out, cut->out_n, cut->l4, cut->out_len - cut->l4);
    result = dm_net_sum_fold(sum);
    /* UDP's 0 means none (RFC 768); to all others both zeros are the same. */
    dm_put_be(cut->out_hdr + cut->l4 + cut->off.csum_offset, 2, result ? result : 0xffff);
    return last ? 0 : done + here;
}
