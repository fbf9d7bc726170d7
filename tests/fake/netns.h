/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network namespace for a test of its own, with an end of the interface to talk to: the
 * host's side of a tap, as a packet socket with virtio_net_hdr.
 */
#ifndef NETNS_H
#define NETNS_H

#include "dm/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Enters a new namespace. NULL, or why that, or a tap in it, cannot be had. */
static inline const char *netns_enter(void)
{
    static char why[128];
    struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int fd;

    if (system("ip -V >/dev/null 2>&1")) {
        snprintf(why, sizeof(why), "no program ip (Debian package iproute2)");
        return why;
    }
    if (unshare(CLONE_NEWNET)) {
        snprintf(why, sizeof(why), "no network namespace: %s", strerror(errno));
        return why;
    }
    fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &req)) {
        snprintf(why, sizeof(why), "no tap interface: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return why;
    }
    close(fd);
    /* No traffic of the kernel's own. */
    fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!write(fd, "1", 1);
        close(fd);
    }
    return NULL;
}

/* Do taps know RWF_NOWAIT (Linux 6.4 and later)? */
static inline bool netns_tap_nowait(void)
{
    struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    char byte;
    bool known = fd >= 0 && !ioctl(fd, TUNSETIFF, &req) &&
                 preadv2(fd, &(struct iovec) { &byte, 1 }, 1, -1, RWF_NOWAIT) < 0 &&
                 errno != EOPNOTSUPP;

    if (fd >= 0)
        close(fd);
    return known;
}

/* Runs a command of the shell, quietly. false: it failed. */
__attribute__((format(printf, 1, 2))) static inline bool netns_sh(const char *fmt, ...)
{
    char line[512];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    snprintf(line + n, sizeof(line) - (size_t)n, " >/dev/null 2>&1");
    return system(line) == 0;
}

/* What the kernel sees of the interface; frames with virtio_net_hdr in front. -1: no. */
static inline int netns_packet(const char *ifname)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)), on = 1,
        room = 16 << 20;
    struct sockaddr_ll at = { .sll_family = AF_PACKET,
                              .sll_protocol = htons(ETH_P_ALL),
                              .sll_ifindex = (int)if_nametoindex(ifname) };

    if (fd >= 0 && (bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
                    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
                    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) ||
                    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)))) {
        close(fd);
        return -1;
    }
    return fd;
}

static inline bool netns_send(int fd, const void *frame, size_t len,
                              const struct dm_net_offload *off)
{
    struct dm_net_offload none = { 0 };
    struct iovec iov[] = { { off ? (void *)(uintptr_t)off : &none, 10 },
                           { (void *)(uintptr_t)frame, len } };

    return writev(fd, iov, 2) == (ssize_t)(10 + len);
}

/* The next frame of at least DM_NET_ETH_LEN bytes. -1: none for now. */
static inline ssize_t netns_receive(int fd, void *frame, size_t size, struct dm_net_offload *off)
{
    struct iovec iov[] = { { off, 10 }, { frame, size } };
    ssize_t n = readv(fd, iov, 2);

    return n < 10 ? -1 : n - 10;
}

#endif
