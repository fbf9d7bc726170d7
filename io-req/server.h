/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers the guest's I/O requests: pure logic on the two shared pages. Loop
 * thread only.
 */
#ifndef IO_REQ_SERVER_H
#define IO_REQ_SERVER_H

#include "dm/machine.h"
#include "io-req/proto.h"

#include <stdbool.h>

struct ioreq_server_ops {
    void (*notify)(void *opaque, unsigned vcpu); /* its request is answered */
    void (*invalidate)(void *opaque);            /* drop mappings of guest memory */
};

struct ioreq_server {
    struct ioreq_page *page;
    struct ioreq_ring *ring;
    unsigned vcpus;             /* slots of page in use, up to IOREQ_VCPU_MAX */
    struct dm_machine *machine; /* NULL: nothing is answered yet */
    const struct ioreq_server_ops *ops;
    void *opaque;
    struct dm_log_budget errors;
};

/*
 * Answers every vCPU that waits, draining the ring before each, and the ring
 * even if none waits: at most IOREQ_RING_SLOTS entries each time. Returns the
 * number of requests and entries that were served, so that a caller can keep
 * polling while there is some.
 */
unsigned ioreq_server_poll(struct ioreq_server *server);

/* Does a vCPU wait, or the ring hold something? */
bool ioreq_server_asked(const struct ioreq_server *server);

/* Does the ring hold more? Then poll again, after others had their turn. */
bool ioreq_server_more(const struct ioreq_server *server);

#endif
