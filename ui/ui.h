/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A front end (VNC, SDL) is a module, so that a guest pays for what it uses: for VNC it is
 * loaded when the first viewer comes (ui/vnc/door.h). It exports
 * `const struct ui_module xendm_ui_module`.
 */
#ifndef UI_UI_H
#define UI_UI_H

#include "dm/error.h"
#include "dm/machine.h"
#include "host/loop.h"

#define UI_MODULE_SYMBOL  "xendm_ui_module"
#define UI_MODULE_VERSION 4 /* changes with every change of what a module sees of us */

/* What the VNC module is given. */
struct ui_vnc_config {
    const int *sockets; /* that listen: not closed by the module */
    int count;
    bool password;      /* nobody gets in before set_password */
    const char *keymap; /* of -k: "en-us", "de" ... */
    unsigned admit;     /* ms that a client may take to get in; 0: 10,000 */
};

struct ui;

struct ui_module {
    unsigned version;
    const char *name;
    /*
     * Makes everything ready for start, which may take long. Any thread; what machine and loop
     * hold is not looked at yet. config is the kind the module knows; it stays until close.
     * Returns 0 or -errno with one line in err.
     */
    int (*open)(struct ui **ui, struct dm_machine *machine, struct host_loop *loop,
                const void *config, struct dm_error *err);
    /* Starts it on machine->display and machine->input. */
    int (*start)(struct ui *ui, struct dm_error *err);
    void (*set_password)(struct ui *ui, const char *password); /* "": nobody gets in */
    /* Stops its threads. Started or not. */
    void (*close)(struct ui *ui);
};

#endif
