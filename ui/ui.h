/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A front end (VNC, SDL) is a module: main loads it when the command line asks
 * for it, so that a guest without a console pays nothing for it. The module
 * exports `const struct ui_module xendm_ui_module`.
 */
#ifndef UI_UI_H
#define UI_UI_H

#include "dm/error.h"
#include "dm/machine.h"
#include "host/loop.h"

#define UI_MODULE_SYMBOL  "xendm_ui_module"
#define UI_MODULE_VERSION 3 /* changes with every change of what a module sees of us */

/* What -vnc asks for. */
struct ui_vnc_config {
    const char *host;   /* name or address; "" is every address */
    unsigned display;   /* port 5900 + display */
    unsigned to;        /* last display to try */
    bool password;      /* nobody gets in before change-vnc-password */
    const char *keymap; /* of -k: "en-us", "de" ... NULL: "en-us" */
    unsigned admit;     /* ms that a client may take to get in; 0: 10,000 */
};

struct ui;

struct ui_module {
    unsigned version;
    const char *name;
    /*
     * Starts the front end on machine->display and machine->input. config is the
     * kind the module knows. Returns 0 or -errno with one line in err.
     */
    int (*open)(struct ui **ui, struct dm_machine *machine, struct host_loop *loop,
                const void *config, struct dm_error *err);
    /* Stops its threads, closes its sockets. */
    void (*close)(struct ui *ui);
};

#endif
