/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest without a hypervisor. The driver library here plays Xen, hvmloader and the
 * vCPUs for one device model process, xendm or QEMU, unmodified and with libxl's
 * command line: the model runs with libsim-xen.so preloaded, which stands in for the Xen
 * libraries (tests/sim/shared.h says how the two meet).
 *
 * What a primitive costs is what costs are compared with, so it is as it is with Xen:
 *   event to the model     one write to an eventfd that the model waits for; none while
 *                          the port is masked, that is between delivery and unmask
 *   pending, unmask        a system call each in the model (read, write)
 *   notify, interrupt      a system call each in the model (write to an eventfd)
 *   other hypercalls       a system call each in the model
 *   mapping guest memory   an mmap for each contiguous piece, pages mapped at once; what Xen
 *                          would take to allocate them is not counted (ready_memory)
 *   driver waits           one read of its eventfd (SIM_SLEEP), or a look at the shared
 *                          page in a loop (SIM_SPIN), the stand-in for Xen on another core
 * sim_floor measures the bare ping-pong of the same primitives in the same placement.
 *
 * Not here: grants, PV ring front ends, passthrough, shadow paging. One model at a time
 * in a process is the usual thing; more work, each with its struct sim.
 *
 * Unless said otherwise, a function does not return when the model does not answer or is
 * gone: one line and the model's own last lines go to stderr, the model is killed and the
 * program exits with status 1. So benches need no error handling, and no test can pass by
 * accident. Functions that return int return 0 or -errno.
 */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define SIM_DISKS_MAX   4
#define SIM_NICS_MAX    8
#define SIM_VCPUS_MAX   16
#define SIM_SERIALS_MAX 4

struct sim;

/* --- start and end --- */

enum sim_wait {
    SIM_SLEEP, /* the driver sleeps in a read until the model notifies it */
    SIM_SPIN,  /* it looks at the ioreq page until the answer is there */
};

struct sim_nic {
    const char *model;  /* NULL: no more; "e1000", "rtl8139" */
    const char *mac;    /* NULL: 00:16:3e:00:00:0N */
    const char *ifname; /* an existing tap */
};

/* Zeros are good defaults, model apart. */
struct sim_options {
    const char *model; /* the device model's program */
    char *const *argv; /* its whole argument list; NULL: as libxl writes it, from the following */
    const char *name;  /* NULL: "sim" */
    unsigned domid;    /* 0: 7 */
    unsigned ram_mb;   /* guest RAM without VRAM; 0: 240 */
    unsigned vram_mb;  /* 0: 16 */
    unsigned vcpus;    /* 0: 1 */
    const char *vga;   /* NULL: "VGA"; "" none; "cirrus-vga" */
    const char *vnc;   /* NULL: "none"; else what follows -vnc */
    const char *serial[SIM_SERIALS_MAX];
    const char *disk[SIM_DISKS_MAX]; /* raw images by IDE position, primary master first */
    const char *cd[SIM_DISKS_MAX];   /* the same for CDs; "" is an empty drive */
    struct sim_nic nic[SIM_NICS_MAX];
    bool no_platform;         /* xen_platform_pci=0 */
    bool start_stopped;       /* -S */
    int incoming_fd;          /* > 0: -incoming fd:N; the model inherits it */
    const char *const *extra; /* device_model_args; NULL ends it */

    enum sim_wait wait;
    bool pin;                  /* run the two on these CPUs: */
    int model_cpu, driver_cpu; /* the calling thread is the driver */
    bool ready_memory;         /* all guest memory is allocated before the start, as by Xen */
    bool old_pages;            /* no XENMEM_acquire_resource: the pages have gfns */
    bool no_xen;               /* /dev/xen is missing: the libraries' opens fail */
    bool no_xenstore;          /* xenstored does not answer */
    bool xenstore_refuses;     /* writes to xenstore fail */
    bool no_domain;            /* the domain does not exist */
    unsigned timeout_ms;       /* of one answer; 0: 10 s */
    const char *log;           /* file for what the model prints; NULL: in sim_dir */
    const char *const *env;    /* NAME=VALUE for the model, beside ours; NULL ends it */
    /* Called before the model starts: what a restored guest has already, more xenstore nodes. */
    void (*prepare)(struct sim *sim, void *opaque);
    void (*failed)(void *opaque, const char *why); /* instead of exit; must not return */
    void *opaque;
};

/*
 * Reads the options common to benches and tests from argv: --model PATH,
 * --placement one|each (one core: both pinned to it, the driver sleeps; a core each: the
 * driver spins; ready_memory is set with either), --cpus M,D (model's and driver's; 0,1), --ram MB,
 * --lib PATH. Takes them out of argv and *argc. Prints a line and exits with status 2 on a bad one.
 */
void sim_options_parse(struct sim_options *opt, int *argc, char **argv);
bool sim_cores_enough(void); /* are there two, for a core each? */

/* Starts the model. It runs until sim_stop, sim_free or the death of the calling thread. */
int sim_start(struct sim **out, const struct sim_options *opt);

/* Until the model wrote "running" to xenstore. -ETIMEDOUT, or -ECHILD: it ended before. */
int sim_wait_running(struct sim *sim, unsigned ms);
/* Start and wait, or fail as the rest does. */
struct sim *sim_start_running(const struct sim_options *opt);

/* Sends the signal (0: none) and waits for the end. Returns waitpid's status, or -ETIMEDOUT. */
int sim_stop(struct sim *sim, int signal, unsigned ms);
void sim_free(struct sim *sim); /* kills what still runs, removes sim_dir; NULL is fine */

pid_t sim_pid(const struct sim *sim);
const char *sim_dir(const struct sim *sim); /* sockets, log; in $TMPDIR; removed by sim_free */
const char *sim_log_path(const struct sim *sim);
char *sim_log_text(struct sim *sim);            /* what the model printed; free it */
uint64_t sim_exec_ns(const struct sim *sim);    /* CLOCK_MONOTONIC just before exec */
uint64_t sim_running_ns(const struct sim *sim); /* when "running" was written */
void sim_fail(struct sim *sim, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* --- the vCPU's accesses, as Xen sends them --- */

/*
 * Which vCPU the calling thread plays (0 at first). Threads with different vCPUs may
 * have accesses on their way at the same time; everything else is one thread's.
 */
void sim_vcpu(struct sim *sim, unsigned vcpu);

/* Ports: size 1, 2 or 4. All ones where no server has the range or it is disabled. */
uint32_t sim_in(struct sim *sim, uint16_t port, unsigned size);
void sim_out(struct sim *sim, uint16_t port, unsigned size, uint32_t val);

/*
 * Repeated string instructions, direction flag clear, between a port and guest-physical
 * memory: a request per page as Xen splits them. What the model writes is not marked dirty,
 * as with Xen: it has to report that itself.
 */
void sim_rep_ins(struct sim *sim, uint16_t port, unsigned size, uint32_t count, uint64_t gpa);
void sim_rep_outs(struct sim *sim, uint16_t port, unsigned size, uint32_t count, uint64_t gpa);

/*
 * Memory: size 1, 2, 4 or 8. An address that is guest RAM or VRAM is plain memory and
 * never reaches the model. Writes to the VGA window (A0000 to BFFFF) go to the buffered
 * ring, or are sent like others when it is full.
 */
uint64_t sim_mmio_read(struct sim *sim, uint64_t gpa, unsigned size);
void sim_mmio_write(struct sim *sim, uint64_t gpa, unsigned size, uint64_t val);
/* rep movs (device to guest memory, or back) and rep stos to a device: a page at a time. */
void sim_rep_mmio_read(struct sim *sim, uint64_t gpa, unsigned size, uint32_t count, uint64_t ram);
void sim_rep_mmio_write(struct sim *sim, uint64_t gpa, unsigned size, uint32_t count, uint64_t ram);
/* Into the ring only. false: it is full (or no server is there). */
bool sim_buffered_write(struct sim *sim, uint64_t gpa, unsigned size, uint64_t val);
unsigned sim_buffered_used(struct sim *sim); /* slots the model has not taken yet */
void sim_buffered_wait(struct sim *sim);     /* until there are none */

/* PCI config by CF8 and CFC: two accesses, the second of which Xen sends as PCI_CONFIG. */
uint32_t sim_cfg_read(struct sim *sim, unsigned devfn, unsigned reg, unsigned size);
void sim_cfg_write(struct sim *sim, unsigned devfn, unsigned reg, unsigned size, uint32_t val);

void sim_invalidate(struct sim *sim); /* IOREQ_TYPE_INVALIDATE, to every server */
void sim_time_offset(struct sim *sim, uint64_t seconds); /* TIMEOFFSET: two ring slots */

/* --- guest memory --- */

/*
 * Host address of len bytes of guest memory. NULL: not there, or not contiguous here.
 * Stays good until it is unpopulated or moved. The model sees writes at once, but only
 * sim_mark_dirty tells the tracking of VRAM and migration of them.
 */
void *sim_ram(struct sim *sim, uint64_t gpa, size_t len);
void sim_mark_dirty(struct sim *sim, uint64_t gpa, size_t len);
/* Copies, page by page, and marks. false: some page is not there (what is before is done). */
bool sim_mem_read(struct sim *sim, uint64_t gpa, void *buf, size_t len);
bool sim_mem_write(struct sim *sim, uint64_t gpa, const void *buf, size_t len);
int sim_populate(struct sim *sim, uint64_t gpa, size_t len);    /* -ENOMEM: above its maximum */
void sim_unpopulate(struct sim *sim, uint64_t gpa, size_t len); /* balloon; then sim_invalidate */
/* From *gpa on, the next memory there is: its start in *gpa, its bytes returned; 0: no more. */
uint64_t sim_next_memory(struct sim *sim, uint64_t *gpa);
/* Gives to all memory that from has, with its contents: in prepare, what Xen does in a restore. */
int sim_memory_copy(struct sim *to, struct sim *from);
/* Global log-dirty (migration): pages the model reported, taken and cleared. */
bool sim_take_modified(struct sim *sim, uint64_t gpa);

/* --- interrupts --- */

#define SIM_GSIS 48

/* GSI of a PCI interrupt pin (0 is INTA#): 16 to 47. */
static inline unsigned sim_intx_gsi(unsigned slot, unsigned pin)
{
    return 16 + ((slot * 4 + slot / 8 + pin) & 31);
}
/* Level of an interrupt line: 0 to 15 ISA, with PCI links routed there; 16 and up PCI's own. */
bool sim_irq_level(struct sim *sim, unsigned gsi);
unsigned sim_irq_raises(struct sim *sim, unsigned gsi); /* times it went up, ever */
/* Until the line is up; as the driver waits (wait). -ETIMEDOUT. */
int sim_wait_irq(struct sim *sim, unsigned gsi, unsigned ms);
int sim_wait_irq_low(struct sim *sim, unsigned gsi, unsigned ms);
/* Until the line went up more often than raises. */
int sim_wait_irq_raises(struct sim *sim, unsigned gsi, unsigned raises, unsigned ms);
unsigned sim_msi_count(struct sim *sim);
/* Until number n (0 is the first ever) came. Only the last 64 are kept. */
int sim_wait_msi(struct sim *sim, unsigned n, uint64_t *addr, uint32_t *data, unsigned ms);

/* --- hvmloader --- */

struct sim_bar {
    uint64_t addr; /* 0: there is none */
    uint64_t size;
    bool io, wide; /* wide: 64 bits, it takes the next one too */
};

struct sim_pci_dev {
    unsigned devfn;
    uint16_t vendor, device;
    uint32_t class_rev;    /* register 8 */
    struct sim_bar bar[7]; /* 6: ROM */
    unsigned gsi;          /* of its interrupt pin; 0: it has none */
    unsigned irq;          /* ISA interrupt its link is routed to, as INTERRUPT_LINE has it */
};

#define SIM_PCI_MAX 32

struct sim_pci {
    unsigned count;
    struct sim_pci_dev dev[SIM_PCI_MAX];
};

/*
 * What hvmloader does: routes the links to 5, 10, 11, 5, sizes the BARs, gives memory
 * from F0000000 and ports from C000 on, largest first, turns decoding and bus mastering on,
 * and the IDE and power management functions' own enable bits.
 */
void sim_pci_setup(struct sim *sim);
const struct sim_pci *sim_pci(struct sim *sim); /* after sim_pci_setup */
/* NULL: there is none. class: base class and sub-class, 0x0101 for IDE. */
const struct sim_pci_dev *sim_pci_find(struct sim *sim, uint16_t vendor, uint16_t device);
const struct sim_pci_dev *sim_pci_find_class(struct sim *sim, uint16_t class_code);

/* --- what Xen knows --- */

struct sim_stats {
    uint64_t requests;                    /* sent and answered */
    uint64_t buffered;                    /* ring slots filled */
    uint64_t dropped;                     /* accesses that nobody has */
    uint64_t events;                      /* delivered to the model; others found the port masked */
    uint64_t notifies, unmasks, pendings; /* by the model */
    uint64_t irq_calls, msi_calls;
    uint64_t modified_calls, modified_pages;
    uint64_t maps, map_pages, unmaps; /* guest memory */
    uint64_t relocated_pages, populated_pages, tracks, pins, mem_types;
};

void sim_stats(struct sim *sim, struct sim_stats *out);

struct sim_range {
    uint64_t first, last;
};

/* Ranges of all servers. Returns how many there are; puts at most max into out. */
unsigned sim_ranges(struct sim *sim, bool mem, struct sim_range *out, unsigned max);
bool sim_has_pci(struct sim *sim, unsigned devfn); /* claimed by a server? */
bool sim_server_enabled(struct sim *sim);
int sim_shutdown_reason(
    struct sim *sim); /* -1: none yet; 0 power-off, 1 reboot, 2 suspend, 3 crash */
uint64_t sim_hvm_param(struct sim *sim, unsigned index);
bool sim_restricted(struct sim *sim);                /* xentoolcore_restrict_all was called */
uint8_t sim_mem_type(struct sim *sim, uint64_t gpa); /* hvmmem_type_t: 0 RAM, 1 read-only */

/* --- xenstore --- */

char *sim_xs_read(struct sim *sim, const char *path); /* NULL: no such node; free it */
int sim_xs_write(struct sim *sim, const char *path, const char *value); /* fires watches */
int sim_xs_rm(struct sim *sim, const char *path);
/* Until path has that value. -ETIMEDOUT. */
int sim_xs_wait(struct sim *sim, const char *path, const char *value, unsigned ms);

/* --- QMP --- */

struct sim_qmp;

/*
 * Connects to a monitor (path NULL: libxl's), trying again until ms are over, reads the
 * greeting and sends qmp_capabilities. NULL with errno set.
 */
struct sim_qmp *sim_qmp_open(struct sim *sim, const char *path, unsigned ms);
uint64_t sim_qmp_greeting_ns(const struct sim_qmp *qmp); /* when it had arrived */
/*
 * Executes a command; args is a JSON object as text or NULL. Returns the text of "return"
 * (free it), or NULL: sim_qmp_error has "CLASS: description". fd: sent along; -1: none.
 */
char *sim_qmp_execute(struct sim_qmp *qmp, const char *command, const char *args);
char *sim_qmp_execute_fd(struct sim_qmp *qmp, const char *command, const char *args, int fd);
const char *sim_qmp_error(const struct sim_qmp *qmp);
/* Text of the event's object, also if it came earlier; each once. NULL: none within ms. */
char *sim_qmp_event(struct sim_qmp *qmp, const char *name, unsigned ms);
void sim_qmp_close(struct sim_qmp *qmp);

/* --- figures --- */

uint64_t sim_now_ns(void); /* CLOCK_MONOTONIC */

/*
 * Nanoseconds of a bare ping-pong, placed and waiting as the sim: write to the other's
 * eventfd; it returns from epoll_wait, reads, answers by memory and a write; we wait.
 * The median of rounds; all of them in out if that is not NULL (unsorted).
 */
double sim_floor(const struct sim_options *opt, unsigned rounds, uint32_t *out);
/*
 * The same with work behind each answer, called in the other's process: what the primitives alone
 * cost in turn, which is more than the sum of each in a loop of its own. The median of means of
 * some rounds each, since the work comes when it can. At least 50 rounds.
 */
double sim_floor_with(const struct sim_options *opt, unsigned rounds, void (*work)(void *opaque),
                      void *opaque);

/* The value at fraction (0 to 1) of n samples; sorts them. */
uint32_t sim_percentile(uint32_t *samples, size_t n, double fraction);

struct sim_usage {
    uint64_t private_dirty, private_all, pss, rss; /* bytes, guest memory and sim's own left out */
    unsigned threads;
    uint64_t cpu_ns;                 /* user and system time of all threads */
    uint64_t voluntary, involuntary; /* context switches of all threads: wakeups */
};

void sim_usage(struct sim *sim, struct sim_usage *out);

#endif
