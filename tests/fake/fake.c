/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fake/fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct fake *fake_of(struct dm_hypervisor *hv)
{
    return (struct fake *)hv;
}

static uint64_t fake_now(void *opaque)
{
    return ((struct fake *)opaque)->now;
}

static uint64_t fake_wall(void *opaque)
{
    return ((struct fake *)opaque)->wall;
}

static void *fake_map(struct dm_hypervisor *hv, uint64_t gpa, size_t *len)
{
    struct fake *f = fake_of(hv);
    uint64_t end = FAKE_RAM_SIZE;

    if (*len == 0 || gpa >= end)
        return NULL;
    if (f->hole_first <= f->hole_last) {
        if (gpa >= f->hole_first && gpa <= f->hole_last)
            return NULL;
        if (gpa < f->hole_first)
            end = f->hole_first;
    }
    if (*len > end - gpa)
        *len = end - gpa;
    if (f->map_chunk && *len > f->map_chunk - gpa % f->map_chunk)
        *len = f->map_chunk - gpa % f->map_chunk;
    f->mapped++;
    return f->ram + gpa;
}

static void fake_unmap(struct dm_hypervisor *hv, uint64_t gpa, void *host, size_t written)
{
    struct fake *f = fake_of(hv);

    if (f->mapped == 0 || host != f->ram + gpa)
        abort();
    f->mapped--;
    f->dirty_bytes += written;
}

static int fake_claim(struct dm_hypervisor *hv, enum dm_space_kind kind, uint64_t first,
                      uint64_t last, bool on)
{
    struct fake *f = fake_of(hv);

    if (first > last || (kind == DM_SPACE_IO && last > 0xffff))
        return -EINVAL;
    f->claims += on ? 1u : -1u;
    return 0;
}

static int fake_claim_pci(struct dm_hypervisor *hv, uint8_t devfn, bool on)
{
    (void)devfn;
    fake_of(hv)->pci_claims += on ? 1u : -1u;
    return 0;
}

static void fake_set_isa_irq(struct dm_hypervisor *hv, unsigned irq, bool level)
{
    struct fake *f = fake_of(hv);

    if (irq > 15)
        abort();
    f->isa_rises[irq] += level && !f->isa[irq];
    f->isa[irq] = level;
}

static void fake_set_intx(struct dm_hypervisor *hv, unsigned slot, unsigned pin, bool level)
{
    struct fake *f = fake_of(hv);

    if (slot > 31 || pin > 3)
        abort();
    f->intx_rises += level && !f->intx[slot][pin];
    f->intx[slot][pin] = level;
}

static void fake_set_pci_link(struct dm_hypervisor *hv, unsigned link, unsigned irq)
{
    if (link > 3 || irq > 15)
        abort();
    fake_of(hv)->link[link] = irq;
}

static void fake_inject_msi(struct dm_hypervisor *hv, uint64_t addr, uint32_t data)
{
    struct fake *f = fake_of(hv);

    f->msi[f->msi_count % FAKE_MSI_LOG].addr = addr;
    f->msi[f->msi_count++ % FAKE_MSI_LOG].data = data;
}

static int fake_vram_alloc(struct dm_hypervisor *hv, size_t size, void **host)
{
    struct fake *f = fake_of(hv);
    int fd;

    if (f->vram || size > FAKE_VRAM_MAX)
        return -EINVAL;
    fd = memfd_create("fake-vram", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)size))
        abort();
    f->vram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    f->vram_host = mmap(NULL, size, PROT_NONE, MAP_SHARED, fd, 0);
    close(fd);
    f->vram_dirty = calloc(FAKE_VRAM_MAX / DM_PAGE_SIZE / 64, 8);
    if (f->vram == MAP_FAILED || f->vram_host == MAP_FAILED || !f->vram_dirty)
        abort();
    f->vram_size = size;
    *host = f->vram_host;
    return 0;
}

/* Who touches more than that gets a signal. */
static int fake_vram_map(struct dm_hypervisor *hv, size_t bytes)
{
    struct fake *f = fake_of(hv);

    if (!f->vram || bytes > f->vram_size || bytes % DM_PAGE_SIZE || bytes > f->vram_limit)
        return -EINVAL;
    if (bytes > f->vram_mapped && mprotect(f->vram_host, bytes, PROT_READ | PROT_WRITE))
        abort();
    f->vram_mapped = bytes > f->vram_mapped ? bytes : f->vram_mapped;
    return 0;
}

static int fake_vram_move(struct dm_hypervisor *hv, uint64_t to)
{
    if (to != DM_VRAM_HIDDEN && to % DM_PAGE_SIZE)
        return -EINVAL;
    fake_of(hv)->vram_at = to;
    return 0;
}

static int fake_vram_dirty(struct dm_hypervisor *hv, uint64_t *bitmap, size_t pages)
{
    struct fake *f = fake_of(hv);

    if (f->vram_dirty_rc)
        return f->vram_dirty_rc;
    memcpy(bitmap, f->vram_dirty, (pages + 63) / 64 * 8);
    memset(f->vram_dirty, 0, (pages + 63) / 64 * 8);
    return 0;
}

static void fake_vram_place(struct dm_hypervisor *hv, uint64_t *gpa, uint64_t *size)
{
    struct fake *f = fake_of(hv);

    *gpa = f->vram_at == DM_VRAM_HIDDEN ? FAKE_VRAM_HIDE : f->vram_at;
    *size = f->vram_size;
}

static void fake_set_log_dirty(struct dm_hypervisor *hv, bool on)
{
    fake_of(hv)->log_dirty = on;
}

static void fake_vram_written(struct dm_hypervisor *hv, uint64_t off, uint64_t len)
{
    struct fake *f = fake_of(hv);

    if (!dm_in_range(off, len, f->vram_size))
        abort();
    if (f->log_dirty)
        f->vram_written += len;
}

static int fake_set_rom_lock(struct dm_hypervisor *hv, bool on)
{
    fake_of(hv)->rom_lock = on;
    return 0;
}

static int fake_sleep(struct dm_hypervisor *hv)
{
    fake_of(hv)->slept = true;
    return 0;
}

static int fake_shutdown(struct dm_hypervisor *hv, enum dm_shutdown reason)
{
    fake_of(hv)->shutdown = (int)reason;
    return 0;
}

static const struct dm_hypervisor_ops fake_hv_ops = {
    .map = fake_map,
    .unmap = fake_unmap,
    .claim = fake_claim,
    .claim_pci = fake_claim_pci,
    .set_isa_irq = fake_set_isa_irq,
    .set_intx = fake_set_intx,
    .set_pci_link = fake_set_pci_link,
    .inject_msi = fake_inject_msi,
    .vram_alloc = fake_vram_alloc,
    .vram_map = fake_vram_map,
    .vram_move = fake_vram_move,
    .vram_dirty = fake_vram_dirty,
    .vram_place = fake_vram_place,
    .set_log_dirty = fake_set_log_dirty,
    .vram_written = fake_vram_written,
    .set_rom_lock = fake_set_rom_lock,
    .sleep = fake_sleep,
    .shutdown = fake_shutdown,
};

static void fake_log(void *opaque, enum dm_log_level level, const char *line)
{
    struct fake *f = opaque;
    int n;

    (void)level;
    n = snprintf(f->log + f->log_len, sizeof(f->log) - f->log_len, "%s\n", line);
    if (n > 0 && (size_t)n < sizeof(f->log) - f->log_len)
        f->log_len += (size_t)n;
}

/* A ROM of 32 KiB with the signature and nothing else. */
static int fake_load_rom(void *opaque, const char *name, uint8_t **data, size_t *size,
                         struct dm_error *err)
{
    (void)opaque;
    (void)name;
    (void)err;
    *size = 32768;
    *data = calloc(1, *size);
    if (!*data)
        abort();
    (*data)[0] = 0x55;
    (*data)[1] = 0xaa;
    (*data)[2] = 64;
    return 0;
}

void fake_init(struct fake *f, const struct dm_class *const *classes)
{
    *f = (struct fake) { .hv = { &fake_hv_ops }, .hole_first = 1, .shutdown = -1 };
    f->now = FAKE_DEFAULT_NS;
    f->wall = 1700000000 * DM_NS_PER_SEC;
    f->vram_at = DM_VRAM_HIDDEN;
    f->vram_limit = SIZE_MAX;
    f->clock = (struct dm_clock) { .now = fake_now, .wall = fake_wall, .opaque = f };
    f->ram = calloc(1, FAKE_RAM_SIZE);
    if (!f->ram)
        abort();
    dm_machine_init(&f->machine, &f->hv, &f->clock, classes);
    f->machine.ram_size = FAKE_RAM_SIZE;
    f->machine.name = "fake";
    f->machine.load_rom = fake_load_rom;
    dm_log_set_sink(fake_log, f);
}

void fake_finish(struct fake *f)
{
    dm_machine_finish(&f->machine);
    dm_log_set_sink(NULL, NULL);
    if (f->mapped || f->claims || f->pci_claims || f->clock.first) {
        fprintf(stderr, "fake: left behind: %u mappings, %u claims, %u functions%s\n", f->mapped,
                f->claims, f->pci_claims, f->clock.first ? ", a timer" : "");
        abort();
    }
    free(f->ram);
    if (f->vram) {
        munmap(f->vram, f->vram_size);
        munmap(f->vram_host, f->vram_size);
    }
    free(f->vram_dirty);
}

void fake_advance(struct fake *f, uint64_t ns)
{
    uint64_t end = f->now + ns;
    unsigned bound = 1000000;

    while (dm_clock_deadline(&f->clock) <= end && bound--) {
        uint64_t at = dm_clock_deadline(&f->clock);

        if (at > f->now) {
            f->wall += at - f->now;
            f->now = at;
        }
        dm_clock_run(&f->clock);
    }
    f->wall += end - f->now;
    f->now = end;
}

void *fake_device(struct fake *f, const char *class_name, const char *options)
{
    struct dm_option opt[16];
    struct dm_error err = { "" };
    struct dm_device *dev;
    char text[512], *at = text;
    size_t n = 0;

    snprintf(text, sizeof(text), "%s", options);
    for (char *item; n < DM_ARRAY_LEN(opt) && (item = strsep(&at, ","));) {
        char *value = strchr(item, '=');

        if (!value)
            continue;
        *value = 0;
        opt[n++] = (struct dm_option) { item, value + 1 };
    }
    dev = dm_device_create(&f->machine, class_name, opt, n, &err);
    if (!dev) {
        fprintf(stderr, "fake_device %s: %s\n", class_name, err.text);
        abort();
    }
    return dev;
}

uint32_t fake_in(struct fake *f, uint16_t port, unsigned size)
{
    return (uint32_t)dm_space_read(&f->machine.io, port, size);
}

void fake_out(struct fake *f, uint16_t port, unsigned size, uint32_t val)
{
    dm_space_write(&f->machine.io, port, size, val);
}

uint64_t fake_load(struct fake *f, uint64_t addr, unsigned size)
{
    return dm_space_read(&f->machine.mem, addr, size);
}

void fake_store(struct fake *f, uint64_t addr, unsigned size, uint64_t val)
{
    dm_space_write(&f->machine.mem, addr, size, val);
}

uint32_t fake_config_in(struct fake *f, uint8_t devfn, unsigned off, unsigned size)
{
    return dm_pci_config_read(f->machine.pci.fn[devfn], off, size);
}

void fake_config_out(struct fake *f, uint8_t devfn, unsigned off, unsigned size, uint32_t val)
{
    dm_pci_config_write(f->machine.pci.fn[devfn], off, size, val);
}

const char *fake_state_roundtrip(struct fake *f, void *device)
{
    struct dm_buf one = { 0 }, two = { 0 };
    struct dm_device *dev = device;
    const char *bad = NULL;
    struct dm_error err;

    (void)f;
    dm_device_save(dev, &one);
    for (size_t cut = 0; cut < one.len && !bad; cut += 1 + one.len / 64)
        if (!dm_device_load(dev, one.data, cut, dev->class->version, &err))
            bad = "a stream that was cut off was accepted";
    if (!bad && dm_device_load(dev, one.data, one.len, dev->class->version, &err))
        bad = "its own state was refused";
    if (!bad) {
        dm_device_save(dev, &two);
        if (two.len != one.len || (one.len && memcmp(one.data, two.data, one.len)))
            bad = "the second save differs from the first";
    }
    dm_buf_finish(&one);
    dm_buf_finish(&two);
    return bad;
}

static void fake_block_do(struct fake_block *b, struct dm_block_req *req)
{
    uint8_t *at = b->data + (req->op == DM_BLOCK_FLUSH ? 0 : req->offset); /* a flush has none */

    if (b->fail) {
        dm_block_complete(req, b->fail);
        return;
    }
    switch (req->op) {
    case DM_BLOCK_READ:
        b->reads++;
        break;
    case DM_BLOCK_WRITE:
        b->writes++;
        break;
    case DM_BLOCK_FLUSH:
        b->flushes++;
        break;
    case DM_BLOCK_DISCARD:
        b->discards++;
        memset(at, 0, req->len);
        break;
    }
    for (int i = 0; i < req->iov_count; i++, at += req->iov[i - 1].len) {
        if (req->op == DM_BLOCK_READ)
            memcpy(req->iov[i].base, at, req->iov[i].len);
        else if (req->op == DM_BLOCK_WRITE)
            memcpy(at, req->iov[i].base, req->iov[i].len);
    }
    dm_block_complete(req, 0);
}

static void fake_block_submit(struct dm_block *block, struct dm_block_req *req)
{
    struct fake_block *b = (struct fake_block *)block;
    struct dm_block_req **p = &b->queue;
    uint64_t sum = 0;

    for (int i = 0; i < req->iov_count; i++)
        sum += req->iov[i].len;
    if ((req->op == DM_BLOCK_READ || req->op == DM_BLOCK_WRITE) && sum != req->len)
        abort();
    if (!b->deferred) {
        fake_block_do(b, req);
        return;
    }
    while (*p)
        p = &(*p)->next;
    *p = req;
}

bool fake_block_step(struct fake_block *b)
{
    struct dm_block_req *req = b->queue;

    if (!req)
        return false;
    b->queue = req->next;
    fake_block_do(b, req);
    return true;
}

static void fake_block_drain(struct dm_block *block)
{
    while (fake_block_step((struct fake_block *)block))
        ;
}

static void fake_block_close(struct dm_block *block)
{
    free(((struct fake_block *)block)->data);
    free(block);
}

static const struct dm_block_ops fake_block_ops = {
    .submit = fake_block_submit,
    .drain = fake_block_drain,
    .close = fake_block_close,
};

struct fake_block *fake_block_create(struct fake *f, const char *id, uint64_t size)
{
    struct fake_block *b = calloc(1, sizeof(*b));

    if (!b)
        abort();
    b->data = calloc(1, size ? size : 1);
    if (!b->data)
        abort();
    b->block.ops = &fake_block_ops;
    snprintf(b->block.id, sizeof(b->block.id), "%s", id);
    b->block.size = size;
    b->block.present = size != 0;
    b->block.discard = true;
    dm_block_register(&f->machine, &b->block);
    return b;
}

static size_t fake_chardev_write(struct dm_chardev *chr, const uint8_t *data, size_t len)
{
    struct fake_chardev *c = (struct fake_chardev *)chr;

    if (len > c->out_room)
        len = c->out_room;
    if (c->out_room != SIZE_MAX)
        c->out_room -= len;
    for (size_t i = 0; i < len; i++)
        c->out[c->out_len++ % sizeof(c->out)] = data[i];
    return len;
}

static void fake_chardev_close(struct dm_chardev *chr)
{
    free(chr);
}

static const struct dm_chardev_ops fake_chardev_ops = {
    .write = fake_chardev_write,
    .close = fake_chardev_close,
};

struct fake_chardev *fake_chardev_create(struct fake *f, const char *id)
{
    struct fake_chardev *c = calloc(1, sizeof(*c));

    if (!c)
        abort();
    c->chr.ops = &fake_chardev_ops;
    c->chr.connected = true;
    c->out_room = SIZE_MAX;
    snprintf(c->chr.id, sizeof(c->chr.id), "%s", id);
    dm_chardev_register(&f->machine, &c->chr);
    return c;
}

size_t fake_chardev_send(struct fake_chardev *c, const void *data, size_t len)
{
    size_t room = dm_chardev_room(&c->chr);

    if (len > room)
        len = room;
    dm_chardev_receive(&c->chr, data, len);
    return len;
}

static bool fake_net_send(struct dm_net *net, const struct dm_iov *iov, int n, size_t len,
                          const struct dm_net_offload *off)
{
    struct fake_net *fn = (struct fake_net *)net;
    unsigned slot = fn->sent_count % FAKE_NET_FRAMES;
    size_t sum = 0;

    for (int i = 0; i < n; i++)
        sum += iov[i].len;
    if (sum != len || n > DM_NET_IOV_MAX + 1)
        abort();
    if (!fn->room)
        return false;
    if (fn->room != SIZE_MAX)
        fn->room--;
    free(fn->sent[slot].data);
    fn->sent[slot].data = malloc(len);
    if (!fn->sent[slot].data)
        abort();
    sum = 0;
    for (int i = 0; i < n; i++) {
        memcpy(fn->sent[slot].data + sum, iov[i].base, iov[i].len);
        sum += iov[i].len;
    }
    fn->sent[slot].len = len;
    fn->sent[slot].off = off ? *off : (struct dm_net_offload) { 0 };
    fn->sent_count++;
    return true;
}

static void fake_net_flush(struct dm_net *net)
{
    ((struct fake_net *)net)->flushes++;
}

static void fake_net_accept(struct dm_net *net)
{
    ((struct fake_net *)net)->accepts++;
}

static void fake_net_set_offload(struct dm_net *net, unsigned can)
{
    ((struct fake_net *)net)->can = can;
}

static void fake_net_close(struct dm_net *net)
{
    for (unsigned i = 0; i < FAKE_NET_FRAMES; i++)
        free(((struct fake_net *)net)->sent[i].data);
    free(net);
}

static const struct dm_net_ops fake_net_ops = {
    .send = fake_net_send,
    .flush = fake_net_flush,
    .accept = fake_net_accept,
    .set_offload = fake_net_set_offload,
    .close = fake_net_close,
};

struct fake_net *fake_net_create(struct fake *f, const char *id)
{
    struct fake_net *n = calloc(1, sizeof(*n));

    if (!n)
        abort();
    n->net.ops = &fake_net_ops;
    n->net.host_can = DM_NET_CAN_CSUM | DM_NET_CAN_TSO4 | DM_NET_CAN_TSO6 | DM_NET_CAN_ECN;
    n->room = SIZE_MAX;
    snprintf(n->net.id, sizeof(n->net.id), "%s", id);
    dm_net_register(&f->machine, &n->net);
    return n;
}

void fake_net_writable(struct fake_net *n, size_t room)
{
    n->room = room;
    dm_net_writable(&n->net);
}

bool fake_net_bring(struct fake_net *n, const void *frame, size_t len,
                    const struct dm_net_offload *off)
{
    struct dm_iov iov = { (void *)(uintptr_t)frame, len };

    return dm_net_receive(&n->net, &iov, 1, len, off);
}

static void fake_viewer_resized(void *opaque, const struct dm_surface *surface)
{
    struct fake_viewer *v = opaque;

    v->resizes++;
    v->surface = surface;
}

static void fake_viewer_updated(void *opaque, const struct dm_surface *surface,
                                const struct dm_rect *rect)
{
    struct fake_viewer *v = opaque;

    v->updates++;
    v->surface = surface;
    v->last = *rect;
    v->pixels += (uint64_t)rect->w * (uint64_t)rect->h;
}

void fake_viewer_watch(struct fake *f, struct fake_viewer *v)
{
    *v = (struct fake_viewer) { 0 };
    v->viewer = (struct dm_viewer) { .resized = fake_viewer_resized,
                                     .updated = fake_viewer_updated,
                                     .opaque = v };
    dm_display_add_viewer(&f->machine.display, &v->viewer);
    dm_display_watch(&f->machine.display, &v->viewer, true);
}
