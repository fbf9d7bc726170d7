/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One guest's machine: everything devices are connected to. Loop thread only. */
#ifndef DM_MACHINE_H
#define DM_MACHINE_H

#include "dm/block.h"
#include "dm/bus.h"
#include "dm/chardev.h"
#include "dm/clock.h"
#include "dm/device.h"
#include "dm/display.h"
#include "dm/dma.h"
#include "dm/hypervisor.h"
#include "dm/input.h"
#include "dm/irq.h"
#include "dm/net.h"
#include "dm/pci.h"

enum dm_run_state {
    DM_PRELAUNCH, /* never ran */
    DM_RUNNING,
    DM_PAUSED,
    DM_SHUTDOWN_DONE, /* the guest ended itself; we wait to be killed */
};

struct dm_machine;

/* Told of every change of run state, in the order of registration. */
struct dm_run_notifier {
    void (*changed)(void *opaque, enum dm_run_state state);
    void *opaque;
    struct dm_run_notifier *next;
};

struct dm_machine {
    /* From the command line; set before devices are created. */
    const char *name;
    uint32_t domid;
    uint64_t ram_size; /* bytes of guest RAM without VRAM */
    uint32_t vcpus;    /* present at boot */
    uint32_t max_vcpus;
    char boot_order[8]; /* letters a, c, d, n */
    bool acpi;

    struct dm_hypervisor *hv;
    struct dm_clock *clock; /* the guest's, for devices: stands still while it is paused */
    struct dm_clock guest_clock;
    const struct dm_class *const *classes; /* all there are, NULL behind the last */

    struct dm_space io, mem;
    struct dm_pci_bus pci;
    struct dm_dma ram;         /* guest memory for what is not a PCI bus master */
    struct dm_device *devices; /* in order of creation */
    struct dm_block *blocks;
    struct dm_chardev *chardevs;
    /* Hard disks by their place on IDE (channel * 2 + unit): what the CMOS tells the BIOS. Set
     * and cleared by the disk's device; NULL for no disk and for a CD. */
    struct dm_block *ide_disk[4];
    struct dm_net *nets;
    struct dm_run_notifier nets_run; /* dm/net's */
    unsigned default_macs;           /* given by dm_net_default_mac */
    struct dm_timer announce;        /* dm/net-announce's, and how often it did */
    unsigned announced;
    bool moved; /* restored, and has not arrived yet */
    struct dm_display display;
    struct dm_input input;

    int (*cpu_plug)(void *opaque, unsigned cpu); /* dm_machine_cpu_plug; NULL: cannot */
    void *cpu_plug_opaque;

    struct dm_log_budget errors; /* the guest can try again and again what fails */
    enum dm_run_state run_state;
    struct dm_run_notifier *run_notifiers;
    const struct dm_state_head *restored; /* until it has its state back; NULL: a new guest */
    bool log_dirty;                       /* a live migration goes on */
    /* Reads of the host that firmware needs, found by main: see dm_machine_rom. */
    int (*load_rom)(void *opaque, const char *name, uint8_t **data, size_t *size,
                    struct dm_error *err);
    void *load_rom_opaque;
};

/* hv, clock (the host's) and classes must live as long as the machine. */
void dm_machine_init(struct dm_machine *machine, struct dm_hypervisor *hv, struct dm_clock *clock,
                     const struct dm_class *const *classes);
void dm_machine_finish(struct dm_machine *machine); /* destroys the devices, last created first */

void dm_machine_reset(struct dm_machine *machine);

/*
 * Calls every class's unplug with the DM_UNPLUG_* bits of mask. A device may be
 * gone afterwards; the caller's own must not be of a class that unplugs.
 */
void dm_machine_unplug(struct dm_machine *machine, unsigned mask);

/*
 * Tells the guest that a CPU came. Returns 0 (also if it was there), -EINVAL for a
 * number of max_vcpus or above, -ENOTSUP with no device that tells guests.
 */
int dm_machine_cpu_plug(struct dm_machine *machine, unsigned cpu);

/* An ISA interrupt line (0 to 15) into irq. One device per line. */
void dm_machine_isa_irq(struct dm_machine *machine, struct dm_irq *irq, unsigned n);

/*
 * A firmware image by its file name ("vgabios-stdvga.bin"), from the packages on
 * the host. *data is malloc'ed, the caller frees it. Returns 0 or -errno.
 */
int dm_machine_rom(struct dm_machine *machine, const char *name, uint8_t **data, size_t *size,
                   struct dm_error *err);

void dm_machine_on_run(struct dm_machine *machine, struct dm_run_notifier *notifier);

/*
 * Enters a run state and tells everyone; nothing happens when it is that already. After
 * DM_PAUSED all that the guest asked for before is done, in its memory too, the images hold
 * what it wrote, and until it runs again no device changes: no timer, byte, frame or key
 * reaches one. Waits for the disks then.
 */
void dm_machine_set_run_state(struct dm_machine *machine, enum dm_run_state state);

/*
 * A restored machine runs for the toolstack too, which has put its taps into their bridges:
 * the switches are told, and back ends whose card the guest had unplugged end. Once.
 */
void dm_machine_arrived(struct dm_machine *machine);

/* Waits until no request is under way, and flushes. Returns 0, or what a flush said. */
int dm_machine_drain(struct dm_machine *machine, struct dm_error *err);

/* A live migration begins or ends: who changes guest memory says so (dm_hypervisor). */
void dm_machine_set_log_dirty(struct dm_machine *machine, bool on);

/* The guest powers off, resets or sleeps. Before its ioreq is answered. */
void dm_machine_shutdown(struct dm_machine *machine, enum dm_shutdown reason);
void dm_machine_sleep(struct dm_machine *machine);

#endif
