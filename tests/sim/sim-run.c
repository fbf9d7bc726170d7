/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a device model on the sim with the arguments given, for tests in other languages. No
 * guest runs. Its output is the model's; signals go to the model; it ends as the model does.
 *
 * usage: sim-run [--domain N] [--state FILE] [--no-xen] [--refuse] PROGRAM ARGUMENTS...
 * --domain: the guest there is (7). --state: its node in xenstore is copied to FILE.
 * --refuse: xenstore takes nothing.
 */
#include "tests/sim/sim.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t model; /* its process */

static void run_signal(int sig)
{
    if (model)
        kill(model, sig);
}

static void run_copy_state(struct sim *s, const char *path, const char *file)
{
    char *now = sim_xs_read(s, path), temporary[256];
    FILE *f;

    if (now && *now) {
        snprintf(temporary, sizeof(temporary), "%s.new", file);
        f = fopen(temporary, "w");
        if (!f || fputs(now, f) < 0 || fclose(f) || rename(temporary, file))
            sim_fail(s, "%s: %s", file, strerror(errno));
        sim_xs_rm(s, path); /* as libxl does: the next one is seen too */
    }
    free(now);
}

int main(int argc, char **argv)
{
    struct sim_options opt = { .log = "/dev/stderr" };
    const char *state = NULL;
    char path[64];
    struct sim *s;
    int i = 1, rc;

    for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
        if (!strcmp(argv[i], "--no-xen"))
            opt.no_xen = true;
        else if (!strcmp(argv[i], "--refuse"))
            opt.xenstore_refuses = true;
        else if (!strcmp(argv[i], "--domain") && i + 1 < argc)
            opt.domid = (unsigned)atoi(argv[++i]);
        else if (!strcmp(argv[i], "--state") && i + 1 < argc)
            state = argv[++i];
        else
            break;
    }
    if (i == argc || !strncmp(argv[i], "--", 2)) {
        fprintf(stderr, "usage: sim-run [--domain N] [--state FILE] [--no-xen] [--refuse] "
                        "PROGRAM ARGUMENTS...\n");
        return 2;
    }
    opt.argv = argv + i;
    opt.domid = opt.domid ? opt.domid : 7;
    snprintf(path, sizeof(path), "/local/domain/0/device-model/%u/state", opt.domid);
    signal(SIGHUP, run_signal);
    signal(SIGTERM, run_signal);
    signal(SIGINT, run_signal);
    rc = sim_start(&s, &opt);
    if (rc) {
        fprintf(stderr, "sim-run: %s\n", strerror(-rc));
        return 2;
    }
    model = sim_pid(s);
    do {
        rc = sim_stop(s, 0, 5);
        if (state)
            run_copy_state(s, path, state);
    } while (rc == -ETIMEDOUT);
    sim_free(s);
    return WIFEXITED(rc) ? WEXITSTATUS(rc) : 128 + WTERMSIG(rc);
}
