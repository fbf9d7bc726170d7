/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What models cost that have nothing to do: memory of their own, threads, wakeups.
 *
 * usage: bench-idle --model PATH [--placement one|each] [--guests N] [--seconds N] [--disk PATH]
 * Prints "key value unit" lines, sums over all guests. Memory is without the guests' and the
 * sim's own.
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

int main(int argc, char **argv)
{
    struct sim_options opt = { .serial = { "null" }, .cd = { [2] = "" } };
    unsigned seconds = 10;
    struct sim_usage begin, end;

    sim_options_parse(&opt, &argc, argv);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seconds"))
            seconds = (unsigned)atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--guests"))
            guests = (unsigned)atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--disk"))
            opt.disk[0] = argv[i + 1];
        else
            opt.model = NULL;
    }
    if (!opt.model || argc % 2 == 0 || !seconds || !guests || guests > GUESTS_MAX) {
        fprintf(stderr,
                "usage: bench-idle --model PATH [--guests N] [--seconds N] [--disk PATH]\n");
        return 2;
    }
    for (unsigned i = 0; i < guests; i++) {
        opt.domid = i + 1;
        guest[i] = sim_start_running(&opt);
        sim_pci_setup(guest[i]);
    }
    sleep(2);
    begin = usage_all();
    put("memory.private_dirty", (double)begin.private_dirty / 1024, "KiB");
    put("memory.private", (double)begin.private_all / 1024, "KiB");
    put("memory.pss", (double)begin.pss / 1024, "KiB");
    put("memory.rss", (double)begin.rss / 1024, "KiB");
    put("threads", begin.threads, "threads");
    sleep(seconds);
    end = usage_all();
    put("idle.wakeups", (double)(end.voluntary - begin.voluntary) / seconds, "/s");
    put("idle.cpu", (double)(end.cpu_ns - begin.cpu_ns) / 1e7 / seconds, "%");
    for (unsigned i = 0; i < guests; i++) {
        sim_stop(guest[i], SIGTERM, 5000);
        sim_free(guest[i]);
    }
    return 0;
}
