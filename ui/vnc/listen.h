/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listening sockets of the VNC server: libxl's HOST:DISP[,to=N]. */
#ifndef UI_VNC_LISTEN_H
#define UI_VNC_LISTEN_H

#include "dm/error.h"

#define VNC_PORT_BASE  5900u
#define VNC_LISTEN_MAX 4

struct vnc_listen {
    int fd[VNC_LISTEN_MAX];
    int count;
    unsigned port;
};

/*
 * Listens on every address of host ("" is all) at the first display of
 * [display, to] whose port is free on all of them. Returns 0 or -errno with one
 * line in err that names host and ports.
 */
int vnc_listen_open(struct vnc_listen *listen, const char *host, unsigned display, unsigned to,
                    struct dm_error *err);
void vnc_listen_close(struct vnc_listen *listen);

#endif
