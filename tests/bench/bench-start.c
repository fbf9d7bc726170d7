/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a model takes from exec to `running`, without a console, with VNC that nobody looks
 * at, and the least that any program takes; and what memory VNC costs then.
 *
 * usage: bench-start --model PATH [--placement one|each] [--starts N]
 * Prints "key value unit" lines: medians of N starts (9), the kinds in turn.
 */
#include "tests/sim/sim.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STARTS_MAX 1000

enum { START_LEAST, START_PLAIN, START_VNC, START_GREETING, STARTS };

static uint32_t took[STARTS][STARTS_MAX];

static struct sim *start_once(const struct sim_options *o, uint32_t *ns)
{
    struct sim *s = sim_start_running(o);

    *ns = (uint32_t)(sim_running_ns(s) - sim_exec_ns(s));
    return s;
}

static void wait_greeting(struct sim *s, uint32_t *ns)
{
    struct sim_qmp *q = sim_qmp_open(s, NULL, 10000);

    if (!q)
        sim_fail(s, "no QMP");
    *ns = (uint32_t)(sim_qmp_greeting_ns(q) - sim_exec_ns(s));
    sim_qmp_close(q);
}

static void put_median(const char *key, unsigned what, unsigned n)
{
    printf("%s %.3f ms\n", key, sim_percentile(took[what], n, 0.5) / 1e6);
}

static void put_memory(struct sim *s)
{
    struct sim_usage u;

    sleep(1);
    sim_usage(s, &u);
    printf("memory_vnc.private_dirty %.6g KiB\n", (double)u.private_dirty / 1024);
    printf("memory_vnc.pss %.6g KiB\n", (double)u.pss / 1024);
    printf("threads_vnc %u threads\n", u.threads);
}

int main(int argc, char **argv)
{
    static char path[4096];
    struct sim_options opt = { .serial = { "null" }, .cd = { [2] = "" } }, vnc, least;
    char *least_argv[] = { path, NULL };
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 32);
    unsigned starts = 9;

    sim_options_parse(&opt, &argc, argv);
    if (argc == 3 && !strcmp(argv[1], "--starts"))
        starts = (unsigned)atoi(argv[2]);
    else if (argc != 1)
        opt.model = NULL;
    if (!opt.model || !starts || starts > STARTS_MAX || len < 0) {
        fprintf(stderr, "usage: bench-start --model PATH [--placement one|each] [--starts N]\n");
        return 2;
    }
    path[len] = 0;
    strcpy(strrchr(path, '/'), "/../sim/sim-least");
    least = vnc = opt;
    least.argv = least_argv;
    vnc.vnc = "127.0.0.1:3000,to=3999";
    for (unsigned n = 0; n < starts; n++) {
        struct sim *s;

        sim_free(start_once(&least, &took[START_LEAST][n]));
        s = start_once(&opt, &took[START_PLAIN][n]);
        wait_greeting(s, &took[START_GREETING][n]);
        sim_free(s);
        s = start_once(&vnc, &took[START_VNC][n]);
        if (n + 1 == starts)
            put_memory(s);
        sim_free(s);
    }
    put_median("start.floor", START_LEAST, starts);
    put_median("start.running", START_PLAIN, starts);
    put_median("start.running_vnc", START_VNC, starts);
    put_median("start.greeting", START_GREETING, starts);
    return 0;
}
