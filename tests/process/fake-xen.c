/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stand-in for io-req/xen.c and control/xenstore.c, linked with main.c into
 * xendm-fake: the whole program but for the hypervisor, so that start-up errors, QMP
 * and signals are tested where there is no Xen. No guest runs. The state that would go
 * to xenstore is written to the file $XENDM_FAKE_STATE.
 */
#include "control/xenstore.h"
#include "dm/machine.h"
#include "io-req/xen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define FAKE_DOMID_MISSING 404 /* a domain that does not exist */

struct xen {
    struct dm_hypervisor hv;
    void *vram;
    size_t vram_size;
};

static void *fake_map(struct dm_hypervisor *hv, uint64_t gpa, size_t *len)
{
    return NULL;
}

static void fake_unmap(struct dm_hypervisor *hv, uint64_t gpa, void *host, size_t written)
{
}

static int fake_claim(struct dm_hypervisor *hv, enum dm_space_kind kind, uint64_t first,
                      uint64_t last, bool on)
{
    return 0;
}

static int fake_claim_pci(struct dm_hypervisor *hv, uint8_t devfn, bool on)
{
    return 0;
}

static void fake_set_isa_irq(struct dm_hypervisor *hv, unsigned irq, bool level)
{
}

static void fake_set_intx(struct dm_hypervisor *hv, unsigned slot, unsigned pin, bool level)
{
}

static void fake_set_pci_link(struct dm_hypervisor *hv, unsigned link, unsigned irq)
{
}

static void fake_inject_msi(struct dm_hypervisor *hv, uint64_t addr, uint32_t data)
{
}

static int fake_vram_alloc(struct dm_hypervisor *hv, size_t size, void **host)
{
    struct xen *xen = (struct xen *)hv;

    xen->vram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (xen->vram == MAP_FAILED)
        return -errno;
    xen->vram_size = size;
    *host = xen->vram;
    return 0;
}

static int fake_vram_move(struct dm_hypervisor *hv, uint64_t to)
{
    return 0;
}

static int fake_vram_dirty(struct dm_hypervisor *hv, uint64_t *bitmap, size_t pages)
{
    return -ENODATA;
}

static void fake_vram_place(struct dm_hypervisor *hv, uint64_t *gpa, uint64_t *size)
{
    *gpa = 0x140000000;
    *size = ((struct xen *)hv)->vram_size;
}

static void fake_set_log_dirty(struct dm_hypervisor *hv, bool on)
{
}

static void fake_vram_written(struct dm_hypervisor *hv, uint64_t off, uint64_t len)
{
}

static int fake_set_rom_lock(struct dm_hypervisor *hv, bool on)
{
    return 0;
}

static int fake_sleep(struct dm_hypervisor *hv)
{
    return 0;
}

static int fake_shutdown(struct dm_hypervisor *hv, enum dm_shutdown reason)
{
    return 0;
}

static const struct dm_hypervisor_ops fake_ops = {
    .map = fake_map,
    .unmap = fake_unmap,
    .claim = fake_claim,
    .claim_pci = fake_claim_pci,
    .set_isa_irq = fake_set_isa_irq,
    .set_intx = fake_set_intx,
    .set_pci_link = fake_set_pci_link,
    .inject_msi = fake_inject_msi,
    .vram_alloc = fake_vram_alloc,
    .vram_move = fake_vram_move,
    .vram_dirty = fake_vram_dirty,
    .vram_place = fake_vram_place,
    .set_log_dirty = fake_set_log_dirty,
    .vram_written = fake_vram_written,
    .set_rom_lock = fake_set_rom_lock,
    .sleep = fake_sleep,
    .shutdown = fake_shutdown,
};

int xen_open(struct xen **out, uint32_t domid, uint32_t max_vcpus, struct host_loop *loop,
             struct dm_error *err)
{
    if (domid == FAKE_DOMID_MISSING)
        return dm_error_set(err, ESRCH, "domain %u does not exist", domid);
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return dm_error_set(err, ENOMEM, "out of memory");
    (*out)->hv.ops = &fake_ops;
    return 0;
}

struct dm_hypervisor *xen_hypervisor(struct xen *xen)
{
    return &xen->hv;
}

void xen_attach(struct xen *xen, struct dm_machine *machine)
{
}

int xen_run(struct xen *xen, bool on, struct dm_error *err)
{
    return 0;
}

void xen_close(struct xen *xen)
{
    if (xen && xen->vram)
        munmap(xen->vram, xen->vram_size);
    free(xen);
}

struct xenstore {
    struct dm_run_notifier notifier;
};

int xenstore_open(struct xenstore **xs, uint32_t domid, struct dm_error *err)
{
    *xs = calloc(1, sizeof(**xs));
    return *xs ? 0 : dm_error_set(err, ENOMEM, "out of memory");
}

int xenstore_write_state(struct xenstore *xs, const char *state, struct dm_error *err)
{
    const char *path = getenv("XENDM_FAKE_STATE");
    FILE *f = path ? fopen(path, "w") : NULL;

    if (!f || fputs(state, f) < 0 || fclose(f))
        return dm_error_set(err, EIO, "XENDM_FAKE_STATE cannot be written");
    return 0;
}

static void fake_changed(void *opaque, enum dm_run_state state)
{
    if (state == DM_RUNNING)
        xenstore_write_state(opaque, "running", NULL);
}

void xenstore_follow(struct xenstore *xs, struct dm_machine *machine)
{
    xs->notifier = (struct dm_run_notifier) { .changed = fake_changed, .opaque = xs };
    dm_machine_on_run(machine, &xs->notifier);
}

void xenstore_close(struct xenstore *xs)
{
    free(xs);
}
