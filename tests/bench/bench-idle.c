/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What models cost that have nothing to do: memory of their own, threads, wakeups.
 *
 * usage: bench-idle --model PATH [--ram MB] [--guests N] [--disks N] [--nics N] [--seconds N]
 *                   [--reads MIB]
 * Prints "key value unit" lines, sums over all guests. Memory is without the guests' and the
 * sim's own. --disks, --nics: so many in each guest; the cards are e1000, their taps in a network
 * namespace of our own, and down. --reads: the same after as much was read from the disk by DMA,
 * all over the guest's memory.
 */
#include "tests/fake/netns.h"
#include "tests/sim/sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUESTS_MAX 200

struct option {
    const char *name;
    unsigned *value, min, max;
};

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

static char image[SIM_DISKS_MAX][32];

static void read_all(struct sim *s, unsigned mib, unsigned ram_mb)
{
    const struct sim_pci_dev *ide = sim_pci_find_class(s, 0x0101);

    sim_out(s, 0x3f6, 1, 0);
    for (unsigned i = 0; i < mib * 16; i++)
        read_dma(s, (uint16_t)ide->bar[4].addr,
                 0x1000000 + (uint64_t)(i % ((ram_mb - 32) * 16)) * 0x10000);
}

static bool parse(int argc, char **argv, const struct option *options)
{
    for (int i = 1; i < argc; i += 2) {
        const struct option *o = options;

        while (o->name && strcmp(argv[i], o->name))
            o++;
        if (!o->name || i + 1 == argc)
            return false;
        *o->value = (unsigned)atoi(argv[i + 1]);
        if (*o->value < o->min || *o->value > o->max)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct sim_options opt = { .serial = { "null" } };
    unsigned seconds = 10, reads = 0, disks = 0, nics = 0;
    const struct option options[] = {
        { "--seconds", &seconds, 1, 3600 },   { "--guests", &guests, 1, GUESTS_MAX },
        { "--reads", &reads, 0, 65536 },      { "--disks", &disks, 0, SIM_DISKS_MAX },
        { "--nics", &nics, 0, SIM_NICS_MAX }, { 0 },
    };
    static char ifname[GUESTS_MAX * SIM_NICS_MAX][32];
    struct sim_usage begin, end;
    const char *why;
    int fd;

    sim_options_parse(&opt, &argc, argv);
    if (!parse(argc, argv, options) || !opt.model) {
        fprintf(stderr, "usage: bench-idle --model PATH [--ram MB] [--guests N] [--disks N] "
                        "[--nics N] [--seconds N] [--reads MIB]\n");
        return 2;
    }
    why = nics ? netns_enter() : NULL;
    if (why) {
        fprintf(stderr, "bench-idle: skipped: %s\n", why);
        return 77;
    }
    if (reads && !disks)
        disks = 1;
    for (unsigned i = 0; i < disks; i++) {
        strcpy(image[i], "/tmp/bench-idle.XXXXXX");
        fd = mkstemp(image[i]);
        if (fd < 0 || ftruncate(fd, 1 << 20))
            exit(1);
        close(fd);
        opt.disk[i] = image[i];
    }
    if (disks < 3)
        opt.cd[2] = "";
    for (unsigned i = 0; i < guests; i++) {
        opt.domid = i + 1;
        for (unsigned n = 0; n < nics; n++) {
            char *name = ifname[i * SIM_NICS_MAX + n];

            snprintf(name, sizeof(ifname[0]), "idle%u.%u", i + 1, n);
            opt.nic[n] = (struct sim_nic) { .model = "e1000", .ifname = name };
        }
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
        read_all(guest[i], reads, opt.ram_mb ? opt.ram_mb : 240);
    if (reads) {
        end = usage_all();
        put_memory("_after_reads", &end);
    }
    for (unsigned i = 0; i < disks; i++)
        unlink(image[i]);
    for (unsigned i = 0; i < guests; i++) {
        sim_stop(guest[i], SIGTERM, 5000);
        sim_free(guest[i]);
    }
    return 0;
}
