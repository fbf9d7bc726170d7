/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world of a device under test, in process: a hypervisor with RAM and
 * interrupt levels, a clock that stands still until told, block and character
 * back ends that do what the test says.
 */
#ifndef FAKE_H
#define FAKE_H

#include "dm/bytes.h"
#include "dm/machine.h"

#define FAKE_RAM_SIZE   (4u << 20)
#define FAKE_VRAM_MAX   (16u << 20)
#define FAKE_VRAM_HIDE  0x140000000ull /* where vram_place says hidden VRAM is */
#define FAKE_MSI_LOG    16
#define FAKE_DEFAULT_NS (1000 * DM_NS_PER_SEC)

struct fake {
    struct dm_hypervisor hv; /* first: the ops cast back */
    struct dm_machine machine;
    struct dm_clock clock;
    uint64_t now, wall; /* ns; fake_advance moves both */

    uint8_t *ram;                   /* guest-physical 0 to FAKE_RAM_SIZE */
    uint64_t hole_first, hole_last; /* no RAM here; none while first > last */
    size_t map_chunk;               /* a mapping is cut at multiples of this; 0: never */
    unsigned mapped;                /* mappings not undone yet */
    uint64_t dirty_bytes;           /* sum of what unmap said was written */

    bool isa[16], intx[32][4];
    unsigned isa_rises[16], intx_rises;
    unsigned link[4];
    struct {
        uint64_t addr;
        uint32_t data;
    } msi[FAKE_MSI_LOG];
    unsigned msi_count;
    unsigned claims, pci_claims;

    uint8_t *vram; /* as the guest sees it; the device sees vram_mapped bytes at vram_host */
    uint8_t *vram_host;
    size_t vram_size, vram_mapped;
    size_t vram_limit; /* more cannot be mapped: SIZE_MAX at first */
    uint64_t vram_at;
    uint64_t *vram_dirty; /* a bit a page; the test sets them */
    int vram_dirty_rc;
    uint64_t vram_written; /* sum of what vram_written was told, while log_dirty */
    bool log_dirty;
    bool rom_lock, slept;
    int shutdown; /* enum dm_shutdown, -1: none */

    char log[4096]; /* what dm_log wrote, lines */
    size_t log_len;
};

/* classes: those the test creates, NULL behind the last. */
void fake_init(struct fake *f, const struct dm_class *const *classes);
void fake_finish(struct fake *f); /* checks that no mapping is left */

void fake_advance(struct fake *f, uint64_t ns); /* runs timers in order on the way */

/* Creates a device from "key=value,key=value" (or ""); fails the program if it cannot. */
void *fake_device(struct fake *f, const char *class_name, const char *options);

/* A vCPU's accesses. */
uint32_t fake_in(struct fake *f, uint16_t port, unsigned size);
void fake_out(struct fake *f, uint16_t port, unsigned size, uint32_t val);
uint64_t fake_load(struct fake *f, uint64_t addr, unsigned size);
void fake_store(struct fake *f, uint64_t addr, unsigned size, uint64_t val);
uint32_t fake_config_in(struct fake *f, uint8_t devfn, unsigned off, unsigned size);
void fake_config_out(struct fake *f, uint8_t devfn, unsigned off, unsigned size, uint32_t val);

/*
 * save → load into the same device → save: the bytes are equal; every cut of
 * the stream is refused. Returns an error line or NULL. Leaves the device as it was.
 */
const char *fake_state_roundtrip(struct fake *f, void *device);

/* A disk in memory. */
struct fake_block {
    struct dm_block block; /* first */
    uint8_t *data;
    bool deferred;              /* requests wait for fake_block_step */
    int fail;                   /* -errno for every request; 0: do it */
    struct dm_block_req *queue; /* waiting, oldest first */
    unsigned reads, writes, flushes, discards;
};

struct fake_block *fake_block_create(struct fake *f, const char *id, uint64_t size);
bool fake_block_step(struct fake_block *b); /* completes the oldest; false: none waits */

/* A character back end. */
struct fake_chardev {
    struct dm_chardev chr; /* first */
    uint8_t out[4096];
    size_t out_len, out_room; /* out_room: bytes it still takes; starts without limit */
};

struct fake_chardev *fake_chardev_create(struct fake *f, const char *id);
size_t fake_chardev_send(struct fake_chardev *c, const void *data, size_t len); /* taken */

/* A network back end: keeps the last frames sent, brings frames to the card. */
#define FAKE_NET_FRAMES 64

struct fake_net {
    struct dm_net net; /* first; all of DM_NET_CAN_* but what the test takes away */
    struct {
        uint8_t *data; /* len bytes, malloc'ed */
        size_t len;
        struct dm_net_offload off;
    } sent[FAKE_NET_FRAMES]; /* frame i is at i % FAKE_NET_FRAMES */
    unsigned sent_count, flushes, accepts;
    size_t room;  /* frames it still takes; starts without limit. fake_net_writable after */
    unsigned can; /* what the card said it can receive */
};

struct fake_net *fake_net_create(struct fake *f, const char *id);
void fake_net_writable(struct fake_net *n, size_t room); /* room for so many from now on */
/* Brings a frame of one piece. false: refused, to be brought again. off may be NULL. */
bool fake_net_bring(struct fake_net *n, const void *frame, size_t len,
                    const struct dm_net_offload *off);

/* A display viewer that counts. */
struct fake_viewer {
    struct dm_viewer viewer;
    unsigned resizes, updates;
    struct dm_rect last; /* of the last update */
    uint64_t pixels;     /* sum of the areas */
    const struct dm_surface *surface;
};

void fake_viewer_watch(struct fake *f, struct fake_viewer *v);

#endif
