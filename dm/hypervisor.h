/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devices and the machine ask of the hypervisor. io-req/xen.c implements
 * it on the Xen libraries, tests/fake in process; a device never learns which.
 * Loop thread only.
 */
#ifndef DM_HYPERVISOR_H
#define DM_HYPERVISOR_H

#include "dm/bus.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dm_shutdown { DM_SHUTDOWN_POWEROFF, DM_SHUTDOWN_REBOOT, DM_SHUTDOWN_CRASH };

#define DM_PAGE_SHIFT  12
#define DM_PAGE_SIZE   4096u
#define DM_VRAM_HIDDEN UINT64_MAX /* VRAM is at no address the guest can reach */

struct dm_hypervisor;

struct dm_hypervisor_ops {
    /*
     * Host address of guest-physical gpa, or NULL where there is no RAM. *len is
     * the length wanted and is cut to what is contiguous here. The mapping stays
     * until unmap, whatever the guest does to its memory meanwhile.
     */
    void *(*map)(struct dm_hypervisor *hv, uint64_t gpa, size_t *len);
    /* Ends it. written: bytes from gpa on that we changed (for dirty logging), 0 if none. */
    void (*unmap)(struct dm_hypervisor *hv, uint64_t gpa, void *host, size_t written);

    /* dm_space's claim, and the same for the config space of a PCI function. */
    int (*claim)(struct dm_hypervisor *hv, enum dm_space_kind kind, uint64_t first, uint64_t last,
                 bool on);
    int (*claim_pci)(struct dm_hypervisor *hv, uint8_t devfn, bool on);

    void (*set_isa_irq)(struct dm_hypervisor *hv, unsigned irq, bool level);
    void (*set_intx)(struct dm_hypervisor *hv, unsigned slot, unsigned pin, bool level);
    void (*set_pci_link)(struct dm_hypervisor *hv, unsigned link, unsigned irq); /* 0: none */
    void (*inject_msi)(struct dm_hypervisor *hv, uint64_t addr, uint32_t data);

    /*
     * Video memory: size bytes of guest memory, hidden at first, at *host for the life of the
     * process. Once only. Of it may be touched what vram_map made ready: bytes from its start,
     * page-aligned; more and more. It is as costly as it is large. A machine that is being restored
     * (dm_machine.restored) has it already, and nothing of it changes. move changes where the guest
     * sees it (page-aligned gpa or DM_VRAM_HIDDEN). dirty sets a bit in bitmap for each page
     * changed since the last call (bit n of word n/64), the first call sets all; it returns 0 or
     * -errno, and then nothing is known (treat all as dirty).
     */
    int (*vram_alloc)(struct dm_hypervisor *hv, size_t size, void **host);
    int (*vram_map)(struct dm_hypervisor *hv, size_t bytes);
    int (*vram_move)(struct dm_hypervisor *hv, uint64_t to);
    int (*vram_dirty)(struct dm_hypervisor *hv, uint64_t *bitmap, size_t pages);
    /* Where guest memory holds it, hidden or not, and its bytes. size 0: there is none. */
    void (*vram_place)(struct dm_hypervisor *hv, uint64_t *gpa, uint64_t *size);

    /*
     * Live migration: from now on (or no more) the hypervisor is told of guest memory that
     * we change, by unmap and, of bytes of VRAM written by its own mapping, by vram_written.
     */
    void (*set_log_dirty)(struct dm_hypervisor *hv, bool on);
    void (*vram_written)(struct dm_hypervisor *hv, uint64_t off, uint64_t len);

    /* Makes guest memory C0000-FFFFF read-only, or writable again. */
    int (*set_rom_lock)(struct dm_hypervisor *hv, bool on);

    /* Puts the domain to sleep (S3), ends it. The guest's ioreq is answered after. */
    int (*sleep)(struct dm_hypervisor *hv);
    int (*shutdown)(struct dm_hypervisor *hv, enum dm_shutdown reason);
};

struct dm_hypervisor {
    const struct dm_hypervisor_ops *ops;
};

#endif
