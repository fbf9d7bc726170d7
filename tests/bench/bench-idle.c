/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What models cost that have nothing to do: memory of their own, threads, wakeups.
 *
 * usage: bench-idle --model PATH [--placement one|each] [--guests N] [--seconds N] [--reads MIB]
 * Prints "key value unit" lines, sums over all guests. Memory is without the guests' and the
 * sim's own. --reads: the same after as much was read from the disk by DMA, all over the
 * guest's memory.
 */
#include "tests/sim/sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUESTS_MAX 200

static struct sim *guest[GUESTS_MAX];
static unsigned guests = 1;

static void put(const char *key, double value, const char *unit)
{
    printf("%s %.6g %s\n", key, value, unit);
}

static struct sim_usage usage_all(void)
{
    struct sim_usage all = { 0 };

    for (unsigned i = 0; i < guests; i++) {
        struct sim_usage u;

        sim_usage(guest[i], &u);
        all.private_dirty += u.private_dirty;
        all.private_all += u.private_all;
        all.pss += u.pss;
        all.rss += u.rss;
        all.threads += u.threads;
        all.cpu_ns += u.cpu_ns;
        all.voluntary += u.voluntary;
    }
    return all;
}

static void put_memory(const char *when, const struct sim_usage *u)
{
    char key[64];

    snprintf(key, sizeof(key), "memory%s.private_dirty", when);
    put(key, (double)u->private_dirty / 1024, "KiB");
    snprintf(key, sizeof(key), "memory%s.private", when);
    put(key, (double)u->private_all / 1024, "KiB");
    snprintf(key, sizeof(key), "memory%s.pss", when);
    put(key, (double)u->pss / 1024, "KiB");
    snprintf(key, sizeof(key), "memory%s.rss", when);
    put(key, (double)u->rss / 1024, "KiB");
}

/* 64 KiB from the disk's start by the bus master to gpa. */
static void read_dma(struct sim *s, uint16_t bm, uint64_t gpa)
{
    uint32_t prd[2] = { (uint32_t)gpa, 0x80000000u }; /* 0 bytes means 64 KiB */

    sim_mem_write(s, 0x8000, prd, sizeof(prd));
    sim_out(s, (uint16_t)(bm + 2), 1, 6);
    sim_out(s, (uint16_t)(bm + 4), 4, 0x8000);
    sim_out(s, 0x1f6, 1, 0xe0);
    sim_out(s, 0x1f2, 1, 128);
    for (uint16_t port = 0x1f3; port < 0x1f6; port++)
        sim_out(s, port, 1, 0);
    sim_out(s, 0x1f7, 1, 0xc8);
    sim_out(s, bm, 1, 9);
    if (sim_wait_irq(s, 14, 10000) || sim_in(s, 0x1f7, 1) & 0x89)
        sim_fail(s, "a DMA read failed");
    sim_out(s, bm, 1, 0);
}

static char image[] = "/tmp/bench-idle.XXXXXX";

static void read_all(struct sim *s, unsigned mib)
{
    const struct sim_pci_dev *ide = sim_pci_find_class(s, 0x0101);

    sim_out(s, 0x3f6, 1, 0);
    for (unsigned i = 0; i < mib * 16; i++)
        read_dma(s, (uint16_t)ide->bar[4].addr, 0x1000000 + (uint64_t)i % 3000 * 0x10000);
}

int main(int argc, char **argv)
{
    struct sim_options opt = { .serial = { "null" }, .cd = { [2] = "" } };
    unsigned seconds = 10, reads = 0;
    struct sim_usage begin, end;
    int fd;

    sim_options_parse(&opt, &argc, argv);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seconds"))
            seconds = (unsigned)atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--guests"))
            guests = (unsigned)atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--reads"))
            reads = (unsigned)atoi(argv[i + 1]);
        else
            opt.model = NULL;
    }
    if (!opt.model || argc % 2 == 0 || !seconds || !guests || guests > GUESTS_MAX) {
        fprintf(stderr,
                "usage: bench-idle --model PATH [--guests N] [--seconds N] [--reads MIB]\n");
        return 2;
    }
    if (reads) {
        fd = mkstemp(image);
        if (fd < 0 || ftruncate(fd, 1 << 20))
            exit(1);
        close(fd);
        opt.disk[0] = image;
    }
    for (unsigned i = 0; i < guests; i++) {
        opt.domid = i + 1;
        guest[i] = sim_start_running(&opt);
        sim_pci_setup(guest[i]);
    }
    sleep(2);
    begin = usage_all();
    put_memory("", &begin);
    put("threads", begin.threads, "threads");
    sleep(seconds);
    end = usage_all();
    put("idle.wakeups", (double)(end.voluntary - begin.voluntary) / seconds, "/s");
    put("idle.cpu", (double)(end.cpu_ns - begin.cpu_ns) / 1e7 / seconds, "%");
    for (unsigned i = 0; reads && i < guests; i++)
        read_all(guest[i], reads);
    if (reads) {
        end = usage_all();
        put_memory("_after_reads", &end);
        unlink(image);
    }
    for (unsigned i = 0; i < guests; i++) {
        sim_stop(guest[i], SIGTERM, 5000);
        sim_free(guest[i]);
    }
    return 0;
}
