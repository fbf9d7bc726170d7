/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of a client's bytes libvncserver gets to see: whole messages, so that it never waits for
 * the rest of one, and only of the kinds that a console needs (RFC 6143 section 7.5).
 */
#ifndef UI_VNC_GATE_H
#define UI_VNC_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the client is to send next. */
enum gate_state { GATE_VERSION, GATE_SECURITY, GATE_AUTH, GATE_INIT, GATE_NORMAL };

enum gate_what {
    GATE_WAIT,   /* until len bytes are there */
    GATE_PASS,   /* len bytes are a message: the library reads them */
    GATE_DROP,   /* read len bytes away */
    GATE_REFUSE, /* nothing that we understand: end the connection */
};

struct gate_verdict {
    enum gate_what what;
    uint64_t len;
    bool answered; /* the library may write when it reads this */
};

#define GATE_PEEK 4096 /* bytes: no message that passes is longer */

/* data: what has come so far, from the start of a message; at least GATE_PEEK bytes if so many. */
struct gate_verdict gate_look(enum gate_state state, const uint8_t *data, size_t have);

#endif
