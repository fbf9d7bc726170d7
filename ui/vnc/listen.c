/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/vnc/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_one(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int) { 1 }, sizeof(int));
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int) { 1 }, sizeof(int));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, 8)) {
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

/*
 * All addresses at one port. -EADDRINUSE if it is taken on any; another error
 * (an address family that the host does not have) counts only if none works.
 */
static int listen_port(struct vnc_listen *l, const char *host, unsigned port, struct dm_error *err)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                              .ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *list;
    char service[16];
    int rc, last = -EADDRNOTAVAIL;

    snprintf(service, sizeof(service), "%u", port);
    rc = getaddrinfo(*host ? host : NULL, service, &hints, &list);
    if (rc)
        return dm_error_set(err, EINVAL, "VNC: address '%s': %s", host, gai_strerror(rc));
    for (struct addrinfo *ai = list; ai && l->count < VNC_LISTEN_MAX; ai = ai->ai_next) {
        int fd = listen_one(ai);

        if (fd >= 0) {
            l->fd[l->count++] = fd;
            continue;
        }
        last = fd;
        if (fd == -EADDRINUSE) {
            vnc_listen_close(l);
            break;
        }
    }
    freeaddrinfo(list);
    if (l->count) {
        l->port = port;
        return 0;
    }
    return dm_error_set(err, -last, "VNC: cannot listen on %s port %u: %s",
                        *host ? host : "any address", port, strerror(-last));
}

int vnc_listen_open(struct vnc_listen *l, const char *host, unsigned display, unsigned to,
                    struct dm_error *err)
{
    int rc = -EINVAL;

    *l = (struct vnc_listen) { 0 };
    if (display > 65535 - VNC_PORT_BASE || to > 65535 - VNC_PORT_BASE)
        return dm_error_set(err, EINVAL, "VNC: display %u is beyond the last port",
                            display > to ? display : to);
    if (to < display)
        to = display;
    for (unsigned d = display; d <= to; d++) {
        rc = listen_port(l, host, VNC_PORT_BASE + d, err);
        if (rc != -EADDRINUSE)
            return rc;
    }
    if (to > display)
        dm_error_set(err, EADDRINUSE, "VNC: no free port on %s from %u to %u",
                     *host ? host : "any address", VNC_PORT_BASE + display, VNC_PORT_BASE + to);
    return rc;
}

void vnc_listen_close(struct vnc_listen *l)
{
    while (l->count)
        close(l->fd[--l->count]);
}
