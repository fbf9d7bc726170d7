/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a model costs that has nothing to do: memory of its own, threads, wakeups.
 *
 * usage: bench-idle --model PATH [--placement one|each] [--seconds N] [--disk PATH]
 * Prints "key value unit" lines. Memory is without the guest's and the sim's own.
 */
#include "tests/sim/sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const char *key, double value, const char *unit)
{
    printf("%s %.6g %s\n", key, value, unit);
}

int main(int argc, char **argv)
{
    struct sim_options opt = { .serial = { "null" }, .cd = { [2] = "" } };
    unsigned seconds = 10;
    struct sim_usage u, end;
    struct sim *s;

    sim_options_parse(&opt, &argc, argv);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seconds"))
            seconds = (unsigned)atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--disk"))
            opt.disk[0] = argv[i + 1];
        else
            opt.model = NULL;
    }
    if (!opt.model || argc % 2 == 0 || !seconds) {
        fprintf(stderr, "usage: bench-idle --model PATH [--seconds N] [--disk PATH]\n");
        return 2;
    }
    s = sim_start_running(&opt);
    sim_pci_setup(s);
    sleep(1);
    sim_usage(s, &u);
    put("memory.private_dirty", (double)u.private_dirty / 1024, "KiB");
    put("memory.private", (double)u.private_all / 1024, "KiB");
    put("memory.pss", (double)u.pss / 1024, "KiB");
    put("memory.rss", (double)u.rss / 1024, "KiB");
    put("threads", u.threads, "threads");
    sleep(seconds);
    sim_usage(s, &end);
    put("idle.wakeups", (double)(end.voluntary - u.voluntary) / seconds, "/s");
    put("idle.cpu", (double)(end.cpu_ns - u.cpu_ns) / 1e7 / seconds, "%");
    sim_stop(s, SIGTERM, 5000);
    sim_free(s);
    return 0;
}
