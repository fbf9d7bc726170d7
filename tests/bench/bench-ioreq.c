/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an access of the guest costs, beside the bare ping-pong of the same primitives in
 * the same placement. For any model that runs on the sim.
 *
 * usage: bench-ioreq --model PATH [--placement one|each] [--rounds N]
 * Prints "key value unit" lines; scripts/bench runs it for two models in turn.
 */
#include "tests/sim/sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BENCH_TURNS  5    /* parts that the kinds of access take turns in */
#define BENCH_PARTS  200  /* of the writes to the screen; the median part counts */
#define BENCH_WRITES 5000 /* a part */

enum { KIND_FLOOR, KIND_PIO, KIND_MMIO, KIND_CONFIG, KINDS };

static const char *const kind_names[KINDS] = { "floor", "pio", "mmio", "config" };

static void put(const char *what, const char *key, double value, const char *unit)
{
    printf("%s%s %.6g %s\n", what, key, value, unit);
}

static void kind_once(struct sim *s, unsigned kind)
{
    switch (kind) {
    case KIND_PIO:
        sim_in(s, 0x71, 1);
        break;
    case KIND_MMIO:
        sim_mmio_read(s, 0xb8000, 2);
        break;
    default:
        sim_in(s, 0xcfc, 4);
    }
}

static void bench_round_trips(struct sim *s, const struct sim_options *o, unsigned rounds)
{
    unsigned part = rounds / BENCH_TURNS;
    uint32_t *took[KINDS];
    double floor_ns = 0;

    for (unsigned k = 0; k < KINDS; k++) {
        took[k] = calloc(rounds, sizeof(**took));
        if (!took[k])
            exit(1);
    }
    sim_out(s, 0x70, 1, 0x40);
    sim_out(s, 0xcf8, 4, 0x80000000); /* the host bridge's identity */
    for (unsigned turn = 0; turn < BENCH_TURNS; turn++) {
        sim_floor(o, part, took[KIND_FLOOR] + (size_t)turn * part);
        for (unsigned k = KIND_PIO; k < KINDS; k++) {
            for (unsigned i = 0; i < part / 10; i++) /* warm */
                kind_once(s, k);
            for (unsigned i = 0; i < part; i++) {
                uint64_t start = sim_now_ns();

                kind_once(s, k);
                took[k][turn * part + i] = (uint32_t)(sim_now_ns() - start);
            }
        }
    }
    for (unsigned k = 0; k < KINDS; k++) {
        size_t n = (size_t)part * BENCH_TURNS;
        double median = sim_percentile(took[k], n, 0.5);

        put(kind_names[k], ".median", median, "ns");
        put(kind_names[k], ".p99", sim_percentile(took[k], n, 0.99), "ns");
        if (k == KIND_FLOOR)
            floor_ns = median;
        else
            put(kind_names[k], ".floors", median / floor_ns, "x");
        free(took[k]);
    }
}

/* The text screen: what a console writes before a driver takes over. */
static void bench_buffered(struct sim *s)
{
    static const uint16_t seq[] = { 0x0302, 0x0204 }, gfx[] = { 0x1005, 0x0e06, 0xff08 };
    uint32_t took[BENCH_PARTS];
    struct sim_usage before, after;
    double ns;

    sim_out(s, 0x3c2, 1, 0x67);
    for (unsigned i = 0; i < 2; i++)
        sim_out(s, 0x3c4, 2, seq[i]);
    for (unsigned i = 0; i < 3; i++)
        sim_out(s, 0x3ce, 2, gfx[i]);
    for (unsigned i = 0; i < BENCH_WRITES; i++)
        sim_mmio_write(s, 0xb8000 + i % 2000 * 2, 2, 0x0720);
    sim_mmio_read(s, 0xb8000, 2);
    sim_usage(s, &before);
    for (unsigned part = 0; part < BENCH_PARTS; part++) {
        uint64_t start = sim_now_ns();

        for (unsigned i = 0; i < BENCH_WRITES; i++)
            sim_mmio_write(s, 0xb8000 + i % 2000 * 2, 2, 0x0730 + (i + part) % 10);
        sim_mmio_read(s, 0xb8000, 2); /* after all of them */
        took[part] = (uint32_t)(sim_now_ns() - start);
    }
    sim_usage(s, &after);
    ns = (double)sim_percentile(took, BENCH_PARTS, 0.5) / BENCH_WRITES;
    put("vga", ".writes", 1e3 / ns, "M/s");
    put("vga", ".write", ns, "ns");
    put("vga", ".cpu", (double)(after.cpu_ns - before.cpu_ns) / BENCH_PARTS / BENCH_WRITES, "ns");
}

/* What a burst leaves behind: polling has to stop. */
static void bench_after(struct sim *s)
{
    struct sim_usage before, after;
    uint64_t start;

    for (unsigned i = 0; i < 1000; i++)
        kind_once(s, KIND_PIO);
    usleep(200000);
    sim_usage(s, &before);
    start = sim_now_ns();
    sleep(1);
    sim_usage(s, &after);
    put("after", ".cpu",
        (double)(after.cpu_ns - before.cpu_ns) * 1e2 / (double)(sim_now_ns() - start), "%");
    put("after", ".wakeups", (double)(after.voluntary - before.voluntary), "/s");
}

int main(int argc, char **argv)
{
    struct sim_options opt = { 0 };
    unsigned rounds = 20000;
    struct sim_stats before, after;
    struct sim *s;

    sim_options_parse(&opt, &argc, argv);
    if (argc == 3 && !strcmp(argv[1], "--rounds"))
        rounds = (unsigned)atoi(argv[2]);
    else if (argc != 1)
        opt.model = NULL;
    if (!opt.model || rounds < 100) {
        fprintf(stderr, "usage: bench-ioreq --model PATH [--placement one|each] [--rounds N]\n");
        return 2;
    }
    s = sim_start_running(&opt);
    sim_pci_setup(s);
    bench_round_trips(s, &opt, rounds);
    sim_stats(s, &before);
    for (unsigned i = 0; i < 1000; i++)
        kind_once(s, KIND_PIO);
    sim_stats(s, &after);
    put("pio", ".events", (double)(after.events - before.events) / 1000, "each");
    put("pio", ".calls",
        (double)(after.notifies - before.notifies + after.unmasks - before.unmasks +
                 after.pendings - before.pendings) /
            1000,
        "each");
    bench_buffered(s);
    bench_after(s);
    sim_stop(s, SIGTERM, 5000);
    sim_free(s);
    return 0;
}
