/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where VNC viewers knock. The program listens itself, and loads the module, libvncserver and
 * the libraries behind it only when the first viewer connects: most guests' consoles
 * are never looked at, and then cost neither the time at the start nor the memory. It is
 * loaded on a thread of its own, since it may come from a slow disk: the guest runs on.
 */
#ifndef UI_VNC_DOOR_H
#define UI_VNC_DOOR_H

#include "dm/error.h"
#include "dm/machine.h"
#include "host/loop.h"

/* What -vnc and -k ask for. */
struct vnc_door_config {
    const char *host;   /* name or address; "" is every address */
    unsigned display;   /* port 5900 + display */
    unsigned to;        /* last display to try */
    bool password;      /* nobody gets in before change-vnc-password */
    unsigned admit;     /* as in ui.h */
    const char *keymap; /* NULL: "en-us". Given, the module is loaded at once, to look at it */
};

struct vnc_door;

/*
 * Listens, and says so in machine->display.vnc. What config points to stays until close. Returns
 * 0 or -errno with one line in err: no such address, ports taken, no module, no such keymap.
 * A module that cannot be loaded later is logged, and the door is closed.
 */
int vnc_door_open(struct vnc_door **door, struct dm_machine *machine, struct host_loop *loop,
                  const struct vnc_door_config *config, struct dm_error *err);
void vnc_door_close(struct vnc_door *door); /* NULL is fine */

#endif
