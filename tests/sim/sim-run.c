/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a device model on the sim with the arguments given, for tests in other languages. No
 * guest runs. Its output is the model's; signals go to the model; it ends as the model does.
 *
 * usage: sim-run [--domain N] [--state FILE] [--pages FILE] [--no-xen] [--refuse]
 *                PROGRAM ARGUMENTS...
 * --domain: the guest there is (7). --state: its node in xenstore is copied to FILE.
 * --pages: where the guest has memory beyond its RAM (video memory) is written to FILE at the
 * end; with -incoming it is read instead, and that memory is there from the start, as it is when
 * Xen restored the guest. Its contents do not come along. --refuse: xenstore takes nothing.
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

/* Populates what FILE lists: lines of address and length. */
static void run_prepare(struct sim *s, void *file)
{
    FILE *f = fopen(file, "r");
    unsigned long long gpa, len;

    if (!f)
        sim_fail(s, "%s: %s", (char *)file, strerror(errno));
    while (fscanf(f, "%llx %llx", &gpa, &len) == 2)
        if (sim_populate(s, gpa, len))
            sim_fail(s, "%s: no memory for %#llx", (char *)file, gpa);
    fclose(f);
}

static void run_write_pages(struct sim *s, const char *file)
{
    FILE *f = fopen(file, "w");
    uint64_t gpa = 0, len;

    if (!f)
        sim_fail(s, "%s: %s", file, strerror(errno));
    while ((len = sim_next_memory(s, &gpa))) {
        fprintf(f, "%#llx %#llx\n", (unsigned long long)gpa, (unsigned long long)len);
        gpa += len;
    }
    fclose(f);
}

static bool run_has(char **argv, const char *word)
{
    while (*argv && strcmp(*argv, word))
        argv++;
    return *argv;
}

int main(int argc, char **argv)
{
    struct sim_options opt = { .log = "/dev/stderr" };
    const char *state = NULL;
    char *pages = NULL;
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
        else if (!strcmp(argv[i], "--pages") && i + 1 < argc)
            pages = argv[++i];
        else
            break;
    }
    if (i == argc || !strncmp(argv[i], "--", 2)) {
        fprintf(stderr,
                "usage: sim-run [--domain N] [--state FILE] [--pages FILE] [--no-xen] [--refuse] "
                "PROGRAM ARGUMENTS...\n");
        return 2;
    }
    opt.argv = argv + i;
    if (pages && run_has(argv + i, "-incoming")) {
        opt.prepare = run_prepare;
        opt.opaque = pages;
    }
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
    if (pages && !opt.prepare)
        run_write_pages(s, pages);
    sim_free(s);
    return WIFEXITED(rc) ? WEXITSTATUS(rc) : 128 + WTERMSIG(rc);
}
