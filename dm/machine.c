/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/machine.h"

#include <errno.h>
#include <string.h>

static int machine_claim(void *opaque, enum dm_space_kind kind, uint64_t first, uint64_t last,
                         bool on)
{
    struct dm_hypervisor *hv = opaque;

    return hv->ops->claim(hv, kind, first, last, on);
}

void dm_machine_init(struct dm_machine *m, struct dm_hypervisor *hv, struct dm_clock *clock,
                     const struct dm_class *const *classes)
{
    *m = (struct dm_machine) {
        .name = "",
        .hv = hv,
        .classes = classes,
        .vcpus = 1,
        .max_vcpus = 1,
        .acpi = true,
        .boot_order = "cda",
    };
    dm_clock_init_guest(&m->guest_clock, clock);
    m->clock = &m->guest_clock;
    m->io = (struct dm_space) { .kind = DM_SPACE_IO, .claim = machine_claim, .opaque = hv };
    m->mem = (struct dm_space) { .kind = DM_SPACE_MEM, .claim = machine_claim, .opaque = hv };
    m->ram = (struct dm_dma) { .hv = hv, .enabled = true };
    dm_display_init(&m->display, clock);
}

void dm_machine_finish(struct dm_machine *m)
{
    dm_timer_cancel(&m->announce);
    while (m->devices) {
        struct dm_device *last = m->devices;

        while (last->next)
            last = last->next;
        dm_device_destroy(last);
    }
    while (m->blocks) {
        struct dm_block *b = m->blocks;

        m->blocks = b->next;
        dm_block_drain(b);
        b->ops->close(b);
    }
    while (m->chardevs) {
        struct dm_chardev *c = m->chardevs;

        m->chardevs = c->next;
        c->ops->close(c);
    }
    while (m->nets)
        dm_net_close(m->nets);
    dm_display_finish(&m->display);
}

void dm_machine_reset(struct dm_machine *m)
{
    for (struct dm_device *d = m->devices; d; d = d->next)
        dm_device_reset(d);
}

void dm_machine_unplug(struct dm_machine *m, unsigned mask)
{
    struct dm_device *next;

    for (struct dm_device *d = m->devices; d; d = next) {
        next = d->next;
        if (d->class->unplug)
            d->class->unplug(d, mask);
    }
}

int dm_machine_cpu_plug(struct dm_machine *m, unsigned cpu)
{
    if (!m->cpu_plug)
        return -ENOTSUP;
    if (cpu >= m->max_vcpus)
        return -EINVAL;
    return m->cpu_plug(m->cpu_plug_opaque, cpu);
}

static void machine_isa_set(void *opaque, unsigned n, bool level)
{
    struct dm_hypervisor *hv = opaque;

    hv->ops->set_isa_irq(hv, n, level);
}

void dm_machine_isa_irq(struct dm_machine *m, struct dm_irq *irq, unsigned n)
{
    *irq = (struct dm_irq) { .set = machine_isa_set, .opaque = m->hv, .n = n };
}

int dm_machine_rom(struct dm_machine *m, const char *name, uint8_t **data, size_t *size,
                   struct dm_error *err)
{
    if (!m->load_rom)
        return dm_error_set(err, ENOENT, "firmware '%s': nowhere to look for it", name);
    return m->load_rom(m->load_rom_opaque, name, data, size, err);
}

void dm_machine_on_run(struct dm_machine *m, struct dm_run_notifier *notifier)
{
    struct dm_run_notifier **p = &m->run_notifiers;

    while (*p)
        p = &(*p)->next;
    notifier->next = NULL;
    *p = notifier;
}

static void machine_drain_blocks(struct dm_machine *m)
{
    for (struct dm_block *b = m->blocks; b; b = b->next)
        dm_block_drain(b);
}

int dm_machine_drain(struct dm_machine *m, struct dm_error *err)
{
    int rc = 0;

    machine_drain_blocks(m);
    for (struct dm_net *n = m->nets; n; n = n->next)
        dm_net_drain(n);
    for (struct dm_block *b = m->blocks; b; b = b->next) {
        int one = dm_block_sync(b);

        if (one && !rc)
            rc = dm_error_set(err, -one, "drive '%s': flush: %s", b->id, strerror(-one));
    }
    return rc;
}

void dm_machine_set_run_state(struct dm_machine *m, enum dm_run_state state)
{
    struct dm_error err;

    if (m->run_state == state)
        return;
    m->run_state = state;
    dm_clock_stop(m->clock, state == DM_PAUSED);
    dm_input_hold(&m->input, state == DM_PAUSED);
    for (struct dm_run_notifier *n = m->run_notifiers; n; n = n->next)
        n->changed(n->opaque, state);
    if (state == DM_RUNNING)
        for (struct dm_chardev *c = m->chardevs; c; c = c->next)
            dm_chardev_resume(c);
    /* Behind the notifiers: from there on the guest asks for no more. */
    if (state == DM_SHUTDOWN_DONE)
        machine_drain_blocks(m);
    else if (state == DM_PAUSED && dm_machine_drain(m, &err))
        dm_log(DM_LOG_ERROR, "machine", "%s", err.text);
}

void dm_machine_arrived(struct dm_machine *m)
{
    struct dm_net *next;

    if (!m->moved)
        return;
    m->moved = false;
    for (struct dm_net *n = m->nets; n; n = next) {
        next = n->next;
        if (n->unplugged)
            dm_net_close(n);
    }
    dm_net_announce(m);
}

void dm_machine_set_log_dirty(struct dm_machine *m, bool on)
{
    m->log_dirty = on;
    m->hv->ops->set_log_dirty(m->hv, on);
}

/* What the guest asked for was refused by the hypervisor. */
static void machine_log_failure(struct dm_machine *m, const char *what, int rc)
{
    if (dm_log_budget_take(&m->errors, dm_clock_now(m->clock)))
        dm_log(DM_LOG_ERROR, "machine", "%s of domain %u failed: %s", what, m->domid,
               strerror(-rc));
}

void dm_machine_shutdown(struct dm_machine *m, enum dm_shutdown reason)
{
    static const char *const names[] = { "power-off", "reboot", "crash" };
    int rc = m->hv->ops->shutdown(m->hv, reason);

    if (rc)
        machine_log_failure(m, names[reason], rc);
    else
        dm_machine_set_run_state(m, DM_SHUTDOWN_DONE);
}

void dm_machine_sleep(struct dm_machine *m)
{
    int rc = m->hv->ops->sleep(m->hv);

    if (rc)
        machine_log_failure(m, "sleep (S3)", rc);
}
