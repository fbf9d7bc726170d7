/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands for xen.c in a build without the Xen libraries: there is never a struct xen. */
#include "io-req/xen.h"

#include <errno.h>

int xen_open(struct xen **out, uint32_t domid, uint32_t max_vcpus, struct host_loop *loop,
             struct dm_error *err)
{
    *out = NULL;
    return dm_error_set(err, ENOTSUP, "domain %u: this xendm was built without the Xen libraries",
                        domid);
}

struct dm_hypervisor *xen_hypervisor(struct xen *x)
{
    return NULL;
}

void xen_attach(struct xen *x, struct dm_machine *machine)
{
}

int xen_run(struct xen *x, bool on, struct dm_error *err)
{
    return dm_error_set(err, ENOTSUP, "built without the Xen libraries");
}

int xen_restrict(struct xen *x, struct dm_error *err)
{
    return dm_error_set(err, ENOTSUP, "built without the Xen libraries");
}

void xen_close(struct xen *x)
{
}
