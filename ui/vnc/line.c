/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/vnc/line.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

bool line_has_room(struct line *l, int sock, size_t bytes)
{
    int ask = bytes < LINE_ROOM_MAX ? (int)bytes : LINE_ROOM_MAX;
    uint32_t info[SK_MEMINFO_VARS] = { 0 };
    socklen_t len = sizeof(info);

    if (ask > l->asked) {
        l->asked = ask;
        if (setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &ask, sizeof(ask)))
            setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &ask, sizeof(ask));
    }
    return !getsockopt(sock, SOL_SOCKET, SO_MEMINFO, info, &len) &&
           info[SK_MEMINFO_SNDBUF] >= info[SK_MEMINFO_WMEM_QUEUED] &&
           info[SK_MEMINFO_SNDBUF] - info[SK_MEMINFO_WMEM_QUEUED] >= bytes;
}

uint64_t line_owed(const struct line *l, int sock)
{
    int bytes;

    if (ioctl(sock, SIOCOUTQ, &bytes) || bytes < 0)
        bytes = 0;
    return (uint64_t)bytes + (l->kept ? (uint64_t)(l->end - l->at) : 0);
}

int line_open(struct line *l)
{
    int fd = memfd_create("vnc-update", MFD_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (fd >= FD_SETSIZE) { /* libvncserver's limit */
        close(fd);
        return -EMFILE;
    }
    l->fd = fd;
    return fd;
}

void line_keep(struct line *l)
{
    l->kept = true;
    l->at = 0;
    l->end = lseek(l->fd, 0, SEEK_CUR);
}

bool line_flush(struct line *l, int sock)
{
    while (l->kept) {
        ssize_t n;

        if (l->at >= l->end) {
            line_finish(l);
            break;
        }
        n = sendfile(sock, l->fd, &l->at, (size_t)(l->end - l->at));
        if (n < 0 && errno == EAGAIN)
            break;
        if (!n || (n < 0 && errno != EINTR))
            return false;
    }
    return true;
}

void line_finish(struct line *l)
{
    if (l->kept)
        close(l->fd);
    l->kept = false;
}
