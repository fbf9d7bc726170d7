/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver library: guest memory, interrupts, what Xen and xenstore know. */
#include "tests/sim/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- memory --- */

uint32_t driver_frame(const struct sim *s, uint64_t gfn)
{
    return gfn < SIM_GFNS ? atomic_load_explicit(&s->ctl->p2m[gfn], memory_order_acquire) : 0;
}

void *sim_ram(struct sim *s, uint64_t gpa, size_t len)
{
    uint64_t gfn = gpa / SIM_PAGE;
    uint32_t first = driver_frame(s, gfn);
    uint64_t last = (gpa + (len ? len - 1 : 0)) / SIM_PAGE;

    if (!first)
        return NULL;
    for (uint64_t n = 1; gfn + n <= last; n++)
        if (driver_frame(s, gfn + n) != first + n)
            return NULL;
    return s->ram + (uint64_t)(first - 1) * SIM_PAGE + gpa % SIM_PAGE;
}

void sim_mark_dirty(struct sim *s, uint64_t gpa, size_t len)
{
    for (uint64_t gfn = gpa / SIM_PAGE; len && gfn <= (gpa + len - 1) / SIM_PAGE; gfn++) {
        uint32_t frame = driver_frame(s, gfn);
        uint64_t bit;

        if (!frame--)
            continue;
        bit = 1ull << frame % 64;
        if (!(atomic_load_explicit(&s->ctl->dirty[frame / 64], memory_order_relaxed) & bit))
            atomic_fetch_or(&s->ctl->dirty[frame / 64], bit);
    }
}

static bool memory_copy(struct sim *s, uint64_t gpa, uint8_t *buf, size_t len, bool write)
{
    while (len) {
        size_t n = SIM_PAGE - gpa % SIM_PAGE;
        uint8_t *at = sim_ram(s, gpa, 1);

        if (!at)
            return false;
        n = n < len ? n : len;
        if (write) {
            memcpy(at, buf, n);
            sim_mark_dirty(s, gpa, n);
        } else {
            memcpy(buf, at, n);
        }
        gpa += n;
        buf += n;
        len -= n;
    }
    return true;
}

bool sim_mem_read(struct sim *s, uint64_t gpa, void *buf, size_t len)
{
    return memory_copy(s, gpa, buf, len, false);
}

bool sim_mem_write(struct sim *s, uint64_t gpa, const void *buf, size_t len)
{
    return memory_copy(s, gpa, (uint8_t *)(uintptr_t)buf, len, true);
}

int sim_populate(struct sim *s, uint64_t gpa, size_t len)
{
    struct sim_ctl *c = s->ctl;

    for (uint64_t gfn = gpa / SIM_PAGE; len && gfn <= (gpa + len - 1) / SIM_PAGE; gfn++) {
        if (gfn >= SIM_GFNS)
            return -EINVAL;
        if (driver_frame(s, gfn))
            continue;
        if (atomic_load(&c->frames) - atomic_load(&c->frames_free) >= c->frames_max ||
            atomic_load(&c->frames) >= SIM_FRAMES)
            return -ENOMEM;
        atomic_store(&c->p2m[gfn], atomic_fetch_add(&c->frames, 1) + 1);
    }
    return 0;
}

void sim_unpopulate(struct sim *s, uint64_t gpa, size_t len)
{
    for (uint64_t gfn = gpa / SIM_PAGE; len && gfn <= (gpa + len - 1) / SIM_PAGE; gfn++) {
        uint32_t frame = gfn < SIM_GFNS ? atomic_exchange(&s->ctl->p2m[gfn], 0) : 0;

        if (!frame)
            continue;
        atomic_fetch_add(&s->ctl->frames_free, 1);
        fallocate(s->fd[SIM_FD_RAM], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)(frame - 1) * SIM_PAGE, SIM_PAGE);
    }
}

uint64_t sim_next_memory(struct sim *s, uint64_t *gpa)
{
    uint64_t gfn = *gpa / SIM_PAGE, end;

    while (gfn < SIM_GFNS && !driver_frame(s, gfn))
        gfn++;
    for (end = gfn; end < SIM_GFNS && driver_frame(s, end);)
        end++;
    *gpa = gfn * SIM_PAGE;
    return (end - gfn) * SIM_PAGE;
}

int sim_memory_copy(struct sim *to, struct sim *from)
{
    uint64_t gpa = 0, len;

    for (; (len = sim_next_memory(from, &gpa)); gpa += len) {
        int rc = sim_populate(to, gpa, len);

        if (rc)
            return rc;
        for (uint64_t at = gpa; at < gpa + len; at += SIM_PAGE) {
            off_t frame = (off_t)(driver_frame(from, at / SIM_PAGE) - 1) * SIM_PAGE;

            /* What was never touched stays a hole: reading it would make a page. */
            if (lseek(from->fd[SIM_FD_RAM], frame, SEEK_DATA) == frame)
                memcpy(sim_ram(to, at, SIM_PAGE), from->ram + frame, SIM_PAGE);
        }
    }
    return 0;
}

bool sim_take_modified(struct sim *s, uint64_t gpa)
{
    uint32_t frame = driver_frame(s, gpa / SIM_PAGE);
    uint64_t bit;

    if (!frame--)
        return false;
    bit = 1ull << frame % 64;
    return atomic_fetch_and(&s->ctl->modified[frame / 64], ~bit) & bit;
}

uint8_t sim_mem_type(struct sim *s, uint64_t gpa)
{
    uint32_t frame = driver_frame(s, gpa / SIM_PAGE);

    return frame ? atomic_load(&s->ctl->mem_type[frame - 1]) : 0xff;
}

/* --- interrupts --- */

bool sim_irq_level(struct sim *s, unsigned gsi)
{
    return gsi < SIM_GSIS && atomic_load_explicit(&s->ctl->level[gsi], memory_order_acquire);
}

unsigned sim_irq_raises(struct sim *s, unsigned gsi)
{
    return gsi < SIM_GSIS ? atomic_load(&s->ctl->raises[gsi]) : 0;
}

enum irq_wish { IRQ_HIGH, IRQ_LOW, IRQ_RAISES, IRQ_MSI };

static bool irq_there(struct sim *s, enum irq_wish wish, unsigned gsi, unsigned n)
{
    switch (wish) {
    case IRQ_HIGH:
        return sim_irq_level(s, gsi);
    case IRQ_LOW:
        return !sim_irq_level(s, gsi);
    case IRQ_RAISES:
        return (int)(sim_irq_raises(s, gsi) - n) > 0;
    default:
        return (int)(atomic_load(&s->ctl->msis) - n) > 0;
    }
}

/*
 * Sleeping, one read a wait: the watchdog ends it when time is up. Lines that fall wake
 * nobody (the model's call is a plain one then), so those are looked at in between.
 */
static int irq_wait(struct sim *s, enum irq_wish wish, unsigned gsi, unsigned n, unsigned ms)
{
    uint64_t until = 0;

    for (unsigned looks = 1; !irq_there(s, wish, gsi, n); looks++) {
        if (!until)
            until = sim_now_ns() + ms * 1000000ull;
        else if ((s->opt.wait == SIM_SLEEP || !(looks & 0xff)) && sim_now_ns() >= until)
            return -ETIMEDOUT;
        if (s->opt.wait == SIM_SPIN) {
            driver_relax();
            if (!(looks & 0xfff))
                driver_check(s, "a wait for an interrupt");
            continue;
        }
        if (wish == IRQ_LOW) {
            uint64_t soon = sim_now_ns() + 1000000;

            driver_read_timed(s, SIM_FD_IRQ, soon < until ? soon : until);
        } else if (ms < 1000) {
            driver_read_timed(s, SIM_FD_IRQ, until);
        } else {
            atomic_store(&s->irq_deadline, until);
            driver_read(s, SIM_FD_IRQ);
            atomic_store(&s->irq_deadline, 0);
        }
        if (!irq_there(s, wish, gsi, n))
            driver_check(s, "a wait for an interrupt");
    }
    return 0;
}

int sim_wait_irq(struct sim *s, unsigned gsi, unsigned ms)
{
    return irq_wait(s, IRQ_HIGH, gsi, 0, ms);
}

int sim_wait_irq_low(struct sim *s, unsigned gsi, unsigned ms)
{
    return irq_wait(s, IRQ_LOW, gsi, 0, ms);
}

int sim_wait_irq_raises(struct sim *s, unsigned gsi, unsigned raises, unsigned ms)
{
    return irq_wait(s, IRQ_RAISES, gsi, raises, ms);
}

unsigned sim_msi_count(struct sim *s)
{
    return atomic_load(&s->ctl->msis);
}

int sim_wait_msi(struct sim *s, unsigned n, uint64_t *addr, uint32_t *data, unsigned ms)
{
    int rc = irq_wait(s, IRQ_MSI, 0, n, ms);

    if (rc)
        return rc;
    if (addr)
        *addr = s->ctl->msi[n % SIM_MSIS].addr;
    if (data)
        *data = s->ctl->msi[n % SIM_MSIS].data;
    return 0;
}

/* --- Xen --- */

void sim_stats(struct sim *s, struct sim_stats *out)
{
    *out = s->ctl->stats;
}

int sim_shutdown_reason(struct sim *s)
{
    return (int)atomic_load(&s->ctl->shutdown) - 1;
}

uint64_t sim_hvm_param(struct sim *s, unsigned index)
{
    return index < SIM_HVM_PARAMS ? atomic_load(&s->ctl->hvm_param[index]) : 0;
}

bool sim_restricted(struct sim *s)
{
    return atomic_load(&s->ctl->restricted);
}

/* --- xenstore --- */

char *sim_xs_read(struct sim *s, const char *path)
{
    return sim_store_read(&s->ctl->xs, path, NULL);
}

static void xs_kick(struct sim *s, uint32_t handles)
{
    for (int i = 0; i < SIM_HANDLES; i++)
        if (handles >> i & 1)
            driver_kick(s, SIM_FD_XS + i);
}

int sim_xs_write(struct sim *s, const char *path, const char *value)
{
    uint32_t kick;

    if (!sim_store_write(&s->ctl->xs, path, value, (unsigned)strlen(value), &kick))
        return -errno;
    xs_kick(s, kick);
    return 0;
}

int sim_xs_rm(struct sim *s, const char *path)
{
    uint32_t kick;

    if (!sim_store_rm(&s->ctl->xs, path, &kick))
        return -errno;
    xs_kick(s, kick);
    return 0;
}

int sim_xs_wait(struct sim *s, const char *path, const char *value, unsigned ms)
{
    uint64_t until = sim_now_ns() + ms * 1000000ull;

    for (;;) {
        char *now = sim_xs_read(s, path);
        bool same = now && !strcmp(now, value);

        free(now);
        if (same)
            return 0;
        driver_check(s, "a wait for xenstore");
        if (!driver_read_timed(s, SIM_FD_XS_DRIVER, until))
            return -ETIMEDOUT;
    }
}
