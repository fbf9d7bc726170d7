/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the preloaded library share. */
#ifndef SIM_LIB_H
#define SIM_LIB_H

#include "tests/sim/shared.h"

#define SIM_EXPORT __attribute__((visibility("default")))

/* The control page. NULL with errno set: this process was not started by a sim. */
struct sim_ctl *lib_ctl(void);
/* The same for opening a door to the hypervisor: NULL too where Xen is to be missing. */
struct sim_ctl *lib_open(void);
void lib_hypercall(void); /* a system call, as a hypercall is */
void lib_kick(int fd);    /* the same, and it wakes who waits for fd */
void lib_lock(void);      /* the tables, among threads of the model */
void lib_unlock(void);
int lib_fail(int errnum); /* sets errno, returns -1 */
/* Is it our domain? false with errno ESRCH. */
bool lib_domain(uint32_t domid);
/* Gives count pages from gfns[] on; returns how many worked. */
unsigned lib_populate(const uint64_t *gfns, unsigned long count);
uint32_t lib_frame(uint64_t gfn); /* frame + 1, 0: none */

#endif
