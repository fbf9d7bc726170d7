/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver library: the floor of the primitives, and what the model uses. */
#include "tests/sim/driver.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the floor --- */

#define FLOOR_PART 50 /* rounds, of which the mean is taken: others use the machine too */

struct floor_page {
    _Atomic uint32_t asked, answered;
};

static void floor_die(const char *what)
{
    fprintf(stderr, "sim: floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* The other side: what any model has to do at least. */
static void floor_partner(struct floor_page *page, int in, int out, void (*work)(void *),
                          void *opaque)
{
    struct epoll_event ev = { .events = EPOLLIN };
    int ep = epoll_create1(0);
    uint64_t count = 0, one = 1;

    if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, in, &ev))
        _exit(1);
    for (;;) {
        if (epoll_wait(ep, &ev, 1, -1) != 1 || read(in, &count, sizeof(count)) != sizeof(count))
            _exit(1);
        atomic_store_explicit(&page->answered, atomic_load(&page->asked), memory_order_release);
        if (write(out, &one, sizeof(one)) != sizeof(one))
            _exit(1);
        if (work)
            work(opaque);
    }
}

/* Puts what each round took into took. */
static void floor_run(const struct sim_options *opt, unsigned rounds, uint32_t *took,
                      void (*work)(void *), void *opaque)
{
    struct floor_page *page =
        mmap(NULL, SIM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int there = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE), back = eventfd(0, EFD_CLOEXEC);
    uint64_t count, one = 1;
    pid_t pid, parent = getpid();

    if (page == MAP_FAILED || there < 0 || back < 0)
        floor_die("start");
    pid = fork();
    if (pid < 0)
        floor_die("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || (opt->pin && driver_pin(opt->model_cpu)))
            _exit(1);
        floor_partner(page, there, back, work, opaque);
    }
    if (opt->pin && driver_pin(opt->driver_cpu))
        floor_die("pin");
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t start = sim_now_ns();

        atomic_store_explicit(&page->asked, i + 1, memory_order_release);
        if (write(there, &one, sizeof(one)) != sizeof(one))
            floor_die("write");
        if (opt->wait == SIM_SLEEP) {
            if (read(back, &count, sizeof(count)) != sizeof(count))
                floor_die("read");
        } else {
            while (atomic_load_explicit(&page->answered, memory_order_acquire) != i + 1)
                driver_relax();
        }
        took[i] = (uint32_t)(sim_now_ns() - start);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(there);
    close(back);
    munmap(page, SIM_PAGE);
}

double sim_floor(const struct sim_options *opt, unsigned rounds, uint32_t *out)
{
    uint32_t *took = out ? out : calloc(rounds, sizeof(*took)), *sorted;
    double median;

    if (!took)
        floor_die("start");
    floor_run(opt, rounds, took, NULL, NULL);
    sorted = malloc(rounds * sizeof(*sorted));
    if (!sorted)
        floor_die("sort");
    memcpy(sorted, took, rounds * sizeof(*sorted));
    median = sim_percentile(sorted, rounds, 0.5);
    free(sorted);
    if (!out)
        free(took);
    return median;
}

double sim_floor_with(const struct sim_options *opt, unsigned rounds, void (*work)(void *),
                      void *opaque)
{
    uint32_t *took = calloc(rounds, sizeof(*took)), n = 0;
    double mean;

    if (!took || rounds < FLOOR_PART)
        floor_die("start");
    floor_run(opt, rounds, took, work, opaque);
    for (; n < rounds / FLOOR_PART; n++) {
        uint64_t sum = 0;

        for (unsigned i = 0; i < FLOOR_PART; i++)
            sum += took[n * FLOOR_PART + i];
        took[n] = (uint32_t)(sum / FLOOR_PART);
    }
    mean = sim_percentile(took, n, 0.5);
    free(took);
    return mean;
}

static int figures_compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

uint32_t sim_percentile(uint32_t *samples, size_t n, double fraction)
{
    size_t at = (size_t)(fraction * (double)(n - 1) + 0.5);

    qsort(samples, n, sizeof(*samples), figures_compare);
    return samples[at < n ? at : n - 1];
}

/* --- what the model uses --- */

static FILE *usage_open(struct sim *s, const char *name)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)sim_pid(s), name);
    f = fopen(path, "re");
    if (!f)
        sim_fail(s, "%s: %s", path, strerror(errno));
    return f;
}

/* Is the mapping the guest's memory, or the sim's own? */
static bool usage_skip(const char *mapping)
{
    return strstr(mapping, "/memfd:sim-") || strstr(mapping, "libsim-xen");
}

static void usage_memory(struct sim *s, struct sim_usage *u)
{
    FILE *f = usage_open(s, "smaps");
    char line[512], key[64];
    bool skip = false;
    unsigned long long kb, from, to;

    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%llx-%llx ", &from, &to) == 2 && strchr(line, '-') < strchr(line, ' ')) {
            skip = usage_skip(line);
            continue;
        }
        if (skip || sscanf(line, "%63[^:]: %llu", key, &kb) != 2)
            continue;
        if (!strcmp(key, "Rss"))
            u->rss += kb << 10;
        else if (!strcmp(key, "Pss"))
            u->pss += kb << 10;
        else if (!strcmp(key, "Private_Dirty"))
            u->private_dirty += kb << 10;
        if (!strcmp(key, "Private_Dirty") || !strcmp(key, "Private_Clean"))
            u->private_all += kb << 10;
    }
    fclose(f);
}

/* All threads there are now; what ended threads did is in the process's CPU time only. */
static void usage_threads(struct sim *s, struct sim_usage *u)
{
    char path[300], line[256];
    struct dirent *e;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)sim_pid(s));
    dir = opendir(path);
    while (dir && (e = readdir(dir))) {
        unsigned long long n;
        FILE *f;

        if (*e->d_name == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)sim_pid(s), e->d_name);
        f = fopen(path, "re");
        if (!f)
            continue;
        u->threads++;
        while (fgets(line, sizeof(line), f)) {
            if (sscanf(line, "voluntary_ctxt_switches: %llu", &n) == 1)
                u->voluntary += n;
            else if (sscanf(line, "nonvoluntary_ctxt_switches: %llu", &n) == 1)
                u->involuntary += n;
        }
        fclose(f);
    }
    if (dir)
        closedir(dir);
}

void sim_usage(struct sim *s, struct sim_usage *out)
{
    struct timespec ts;
    clockid_t clock;

    memset(out, 0, sizeof(*out));
    usage_memory(s, out);
    usage_threads(s, out);
    if (!clock_getcpuclockid(sim_pid(s), &clock) && !clock_gettime(clock, &ts))
        out->cpu_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
