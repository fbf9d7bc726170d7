/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest on the real hypervisor: its I/O requests come to a machine, and the
 * machine's struct dm_hypervisor is served. Loop thread only.
 */
#ifndef IO_REQ_XEN_H
#define IO_REQ_XEN_H

#include "dm/error.h"
#include "dm/machine.h"
#include "host/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct xen;

/*
 * Creates an ioreq server for the domain, maps its pages, binds its event
 * channels and watches them in loop. The server is left disabled: the guest's
 * accesses are dropped until xen_run. max_vcpus (1 to 128) counts only where the
 * hypervisor does not tell itself how many vCPUs the domain has. Returns 0 and
 * *out, or -errno and one line that says what is missing: Xen, the domain...
 */
int xen_open(struct xen **out, uint32_t domid, uint32_t max_vcpus, struct host_loop *loop,
             struct dm_error *err);

/* What the machine is made with. Lives until xen_close. */
struct dm_hypervisor *xen_hypervisor(struct xen *xen);

/* Where requests go. After dm_machine_init with ram_size set, before devices are created. */
void xen_attach(struct xen *xen, struct dm_machine *machine);

/*
 * Lets the guest's requests come, or not. What came before is served before this returns;
 * from then on nothing is. Returns 0 or -errno with err set.
 */
int xen_run(struct xen *xen, bool on, struct dm_error *err);

/*
 * From here on this process can reach no domain but this one, and no privileged
 * call (VRAM allocation, sleep) works. Covers every Xen library in use, xenstore too.
 */
int xen_restrict(struct xen *xen, struct dm_error *err);

/* Destroys the server and all mappings. The machine is gone already. NULL is fine. */
void xen_close(struct xen *xen);

#endif
