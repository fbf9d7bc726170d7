/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the driver library share. */
#ifndef SIM_DRIVER_H
#define SIM_DRIVER_H

#include "io-req/proto.h"
#include "tests/sim/shared.h"

#include <sys/types.h>

enum driver_failure { DRIVER_WELL, DRIVER_TIMEOUT, DRIVER_DEAD };

struct driver_route {
    uint64_t first, last;
    unsigned server;
};

/* The servers' ranges as of a generation: what accesses are routed by. */
struct driver_view {
    uint32_t gen;
    uint32_t count[2];
    struct driver_route *last[2]; /* hit */
    struct driver_route route[2][SIM_SERVERS * SIM_RANGES];
    int8_t pci[256];  /* server, or -1 */
    uint8_t buffered; /* bit n: server n has a ring */
    uint8_t enabled;
};

struct driver_vcpu {
    _Atomic uint32_t seq, waiting; /* for the watchdog */
    uint32_t cf8;
    struct driver_view view;
};

struct sim {
    struct sim_options opt;
    struct sim_ctl *ctl;
    uint8_t *ram;       /* all frames */
    int fd[SIM_FD_END]; /* ours, by the number the model has them under; 0: none */
    pid_t pid;
    int pidfd;
    bool reaped;
    int status;
    char dir[64], log[256];
    char **argv;

    _Atomic int failed;            /* enum driver_failure */
    _Atomic uint64_t irq_deadline; /* of the one who waits for an interrupt; 0: nobody */
    pthread_t watchdog;
    bool has_watchdog;
    int watchdog_fd;

    struct driver_vcpu vcpu[SIM_VCPUS_MAX];
    pthread_mutex_t ring_lock; /* as Xen has one: vCPUs are threads */
    struct sim_pci pci;
    bool pci_done;
};

/* Fails the sim if the model is dead or late: call it after being woken for nothing. */
void driver_check(struct sim *s, const char *doing);
void driver_kick(struct sim *s, int which); /* writes to an eventfd */
/* Takes what the eventfd counted; sleeps while that is nothing. */
void driver_read(struct sim *s, int which);
/* The same, at most so long. false: time is up. */
bool driver_read_timed(struct sim *s, int which, uint64_t until_ns);
void driver_event(struct sim *s, uint32_t remote); /* to the model */
int driver_pin(int cpu);
/* libxl's command line; frees with driver_args_free. NULL: no memory. */
char **driver_args(const struct sim_options *opt, const char *dir);
void driver_args_free(char **argv);
uint32_t driver_frame(const struct sim *s, uint64_t gfn); /* frame + 1; 0: none */

static inline void driver_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

#endif
