/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character back ends on the host: where the bytes of a serial port, a debug
 * port or a PV channel go. All are non-blocking and cost nothing while idle.
 * Loop thread only.
 */
#ifndef BACKEND_CHARDEV_H
#define BACKEND_CHARDEV_H

#include "dm/device.h"
#include "dm/error.h"
#include "dm/machine.h"
#include "host/loop.h"

/*
 * Opens what a -serial argument names and registers it with the machine under id:
 *   pty, null, stdio, file:PATH, /dev/NAME,
 *   unix:PATH[,server][,nowait], tcp:[HOST]:PORT[,server][,nowait]
 * server and nowait may be written server=on and wait=off. "none" is the caller's:
 * no port at all. A server never makes the guest wait for its first client, whatever
 * wait= says. Returns 0 or -errno with err set to a line that names id and cause.
 */
int chardev_open(struct dm_machine *machine, struct host_loop *loop, const char *id,
                 const char *spec, struct dm_error *err);

/*
 * The same for -chardev KIND,id=ID,key=value...: kinds pty, null, stdio, file (path,
 * append), serial and tty (path), socket (path or host and port, or fd of one that
 * listens already; server, wait, nodelay, delay).
 */
int chardev_open_options(struct dm_machine *machine, struct host_loop *loop, const char *id,
                         const char *kind, const struct dm_option *options, size_t count,
                         struct dm_error *err);

#endif
