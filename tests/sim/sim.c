/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver library: starting, watching and ending the model. */
#include "tests/sim/driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DRIVER_WATCH_MS 100
#define DRIVER_SLACK    (8u << 8) /* pages above RAM and VRAM that the domain may have: 8 MiB */

static const char *sim_lib = SIM_LIB;

uint64_t sim_now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- options --- */

bool sim_cores_enough(void)
{
    cpu_set_t set;

    return !sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) > 1;
}

static void options_bad(const char *what)
{
    fprintf(stderr,
            "bad or missing value of %s\n"
            "options: --model PATH --placement one|each --cpus M,D --ram MB --lib PATH\n",
            what);
    exit(2);
}

void sim_options_parse(struct sim_options *opt, int *argc, char **argv)
{
    int kept = 1;
    int cpu[2] = { 0, 1 };
    const char *placement = NULL;

    for (int i = 1; i < *argc; i++) {
        static const char *const names[] = { "--model", "--placement", "--cpus", "--ram", "--lib" };
        const char *val = i + 1 < *argc ? argv[i + 1] : NULL;
        unsigned n = 0;

        while (n < 5 && strcmp(argv[i], names[n]))
            n++;
        if (n == 5) {
            argv[kept++] = argv[i];
            continue;
        }
        if (!val)
            options_bad(argv[i]);
        switch (n) {
        case 0:
            opt->model = val;
            break;
        case 1:
            placement = val;
            if (strcmp(val, "one") && strcmp(val, "each"))
                options_bad(argv[i]);
            break;
        case 2:
            if (sscanf(val, "%d,%d", &cpu[0], &cpu[1]) != 2)
                options_bad(argv[i]);
            break;
        case 3:
            opt->ram_mb = (unsigned)atoi(val);
            break;
        default:
            sim_lib = val;
        }
        i++;
    }
    argv[kept] = NULL;
    *argc = kept;
    if (!placement)
        return;
    opt->pin = opt->ready_memory = true;
    opt->model_cpu = cpu[0];
    opt->driver_cpu = strcmp(placement, "one") ? cpu[1] : cpu[0];
    opt->wait = strcmp(placement, "one") ? SIM_SPIN : SIM_SLEEP;
}

static void options_default(struct sim_options *o)
{
    o->name = o->name ? o->name : "sim";
    o->domid = o->domid ? o->domid : 7;
    o->ram_mb = o->ram_mb ? o->ram_mb : 240;
    o->vram_mb = o->vram_mb ? o->vram_mb : 16;
    o->vcpus = o->vcpus ? o->vcpus : 1;
    o->vga = o->vga ? o->vga : "VGA";
    o->vnc = o->vnc ? o->vnc : "none";
    o->timeout_ms = o->timeout_ms ? o->timeout_ms : 10000;
}

/* --- waiting and failing --- */

void driver_kick(struct sim *s, int which)
{
    uint64_t one = 1;

    if (write(s->fd[which], &one, sizeof(one)) != sizeof(one))
        sim_fail(s, "eventfd: %s", strerror(errno));
}

void driver_read(struct sim *s, int which)
{
    uint64_t count;

    while (read(s->fd[which], &count, sizeof(count)) != sizeof(count))
        if (errno != EINTR)
            sim_fail(s, "eventfd: %s", strerror(errno));
}

bool driver_read_timed(struct sim *s, int which, uint64_t until_ns)
{
    struct pollfd p = { .fd = s->fd[which], .events = POLLIN };

    for (;;) {
        uint64_t now = sim_now_ns();
        int n = poll(&p, 1, now < until_ns ? (int)((until_ns - now + 999999) / 1000000) : 0);

        if (n > 0) {
            driver_read(s, which);
            return true;
        }
        if (n == 0 && sim_now_ns() >= until_ns)
            return false;
        if (n < 0 && errno != EINTR)
            sim_fail(s, "poll: %s", strerror(errno));
    }
}

/* Notices that the model ended or that it does not answer, and wakes who waits. */
static void *driver_watch(void *arg)
{
    struct sim *s = arg;
    struct pollfd p[2] = { { .fd = s->pidfd, .events = POLLIN },
                           { .fd = s->watchdog_fd, .events = POLLIN } };
    uint32_t seen[SIM_VCPUS_MAX] = { 0 };
    unsigned late[SIM_VCPUS_MAX] = { 0 };

    for (;;) {
        bool wake = false;
        uint64_t deadline;

        poll(p, 2, DRIVER_WATCH_MS);
        if (p[1].revents)
            return NULL;
        if (p[0].revents) {
            atomic_store(&s->failed, DRIVER_DEAD);
            p[0].fd = -1;
            wake = true;
        }
        for (unsigned v = 0; v < s->opt.vcpus; v++) {
            uint32_t seq = atomic_load(&s->vcpu[v].seq);

            late[v] = atomic_load(&s->vcpu[v].waiting) && seq == seen[v] ? late[v] + 1 : 0;
            seen[v] = seq;
            if (late[v] * DRIVER_WATCH_MS >= s->opt.timeout_ms && !atomic_load(&s->failed)) {
                atomic_store(&s->failed, DRIVER_TIMEOUT);
                wake = true;
            }
        }
        deadline = atomic_load(&s->irq_deadline);
        if (deadline && sim_now_ns() >= deadline)
            driver_kick(s, SIM_FD_IRQ);
        if (!wake)
            continue;
        driver_kick(s, SIM_FD_IRQ);
        driver_kick(s, SIM_FD_XS_DRIVER);
        for (unsigned v = 0; v < s->opt.vcpus; v++)
            driver_kick(s, SIM_FD_VCPU + (int)v);
    }
}

void driver_check(struct sim *s, const char *doing)
{
    switch (atomic_load(&s->failed)) {
    case DRIVER_DEAD:
        sim_fail(s, "the model ended during %s", doing);
    case DRIVER_TIMEOUT:
        sim_fail(s, "no answer within %u ms to %s", s->opt.timeout_ms, doing);
    default:
        break;
    }
}

void sim_fail(struct sim *s, const char *format, ...)
{
    char why[512], *log;
    va_list ap;
    size_t len;

    va_start(ap, format);
    vsnprintf(why, sizeof(why), format, ap);
    va_end(ap);
    if (s->opt.failed) {
        s->opt.failed(s->opt.opaque, why);
        abort();
    }
    log = sim_log_text(s);
    len = log ? strlen(log) : 0;
    fprintf(stderr, "sim: %s (model %s)\n%s", why, s->argv ? s->argv[0] : "?",
            log ? log + (len > 4000 ? len - 4000 : 0) : "");
    free(log);
    sim_free(s);
    exit(1);
}

/* --- start --- */

static int start_memory(struct sim *s)
{
    const struct sim_options *o = &s->opt;
    uint64_t ram = (uint64_t)o->ram_mb << 8, low = ram < 0xf0000 ? ram : 0xf0000;
    uint32_t frame = 2 * SIM_SERVERS;

    s->fd[SIM_FD_CTL] = memfd_create("sim-ctl", MFD_CLOEXEC);
    s->fd[SIM_FD_RAM] = memfd_create("sim-ram", MFD_CLOEXEC);
    if (s->fd[SIM_FD_CTL] < 0 || s->fd[SIM_FD_RAM] < 0 ||
        ftruncate(s->fd[SIM_FD_CTL], sizeof(struct sim_ctl)) ||
        ftruncate(s->fd[SIM_FD_RAM], (off_t)SIM_FRAMES * SIM_PAGE))
        return -errno;
    s->ctl = mmap(NULL, sizeof(struct sim_ctl), PROT_READ | PROT_WRITE, MAP_SHARED,
                  s->fd[SIM_FD_CTL], 0);
    s->ram = mmap(NULL, (size_t)SIM_FRAMES * SIM_PAGE, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_NORESERVE, s->fd[SIM_FD_RAM], 0);
    if (s->ctl == MAP_FAILED || s->ram == MAP_FAILED)
        return -ENOMEM;
    s->ctl->magic = SIM_MAGIC;
    s->ctl->domid = o->domid;
    s->ctl->vcpus = o->vcpus;
    s->ctl->frames_max = (uint32_t)ram + (o->vram_mb << 8) + DRIVER_SLACK;
    s->ctl->old_pages = o->old_pages;
    s->ctl->no_xen = o->no_xen;
    s->ctl->no_xenstore = o->no_xenstore;
    s->ctl->xenstore_refuses = o->xenstore_refuses;
    s->ctl->no_domain = o->no_domain;
    sim_store_init(&s->ctl->xs);
    /* RAM as libxl gives it: a hole for VGA, what does not fit below F0000000 from 4 GiB on. */
    for (uint64_t gfn = 0; gfn < low; gfn++)
        if (gfn < 0xa0 || gfn >= 0xc0)
            s->ctl->p2m[gfn] = ++frame;
    for (uint64_t i = 0; i < ram - low; i++)
        s->ctl->p2m[0x100000 + i] = ++frame;
    s->ctl->frames = frame;
    /* Touched, not only reserved: else the model's mapping would clear the pages. */
    if (o->ready_memory &&
        madvise(s->ram, (size_t)(2 * SIM_SERVERS + s->ctl->frames_max) * SIM_PAGE,
                MADV_POPULATE_WRITE))
        return -errno;
    return 0;
}

static int start_fds(struct sim *s)
{
    for (int i = SIM_FD_SINK; i < SIM_FD_END; i++) {
        bool semaphore = i >= SIM_FD_EVTCHN && i < SIM_FD_EVTCHN + SIM_HANDLES;
        bool used = i <= SIM_FD_XS_DRIVER || semaphore ||
                    (i >= SIM_FD_XS && i < SIM_FD_XS + SIM_HANDLES) ||
                    (i >= SIM_FD_VCPU && i < SIM_FD_VCPU + (int)s->opt.vcpus);

        if (!used)
            continue;
        s->fd[i] = eventfd(0, EFD_CLOEXEC | (semaphore ? EFD_SEMAPHORE : 0));
        if (s->fd[i] < 0)
            return -errno;
    }
    return 0;
}

/* What libxl and xenstored have there before a device model starts. */
static void start_store(struct sim *s)
{
    char path[SIM_XS_PATH];
    unsigned domid = s->opt.domid;

    sim_xs_write(s, "/local/domain/0/domid", "0");
    sim_xs_write(s, "/local/domain/0/name", "Domain-0");
    snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
    sim_xs_write(s, path, s->opt.name);
    snprintf(path, sizeof(path), "/local/domain/%u/domid", domid);
    sim_xs_write(s, path, "");
    snprintf(path, sizeof(path), "/local/domain/0/device-model/%u", domid);
    sim_xs_write(s, path, "");
    sim_xs_write(s, "/local/domain/0/backend", "");
}

int driver_pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

static struct rlimit start_files; /* what it was; the driver needs two dozen a guest */

static void start_limits(void)
{
    struct rlimit all;

    if (start_files.rlim_cur || getrlimit(RLIMIT_NOFILE, &start_files))
        return;
    all = (struct rlimit) { start_files.rlim_max, start_files.rlim_max };
    setrlimit(RLIMIT_NOFILE, &all);
}

/* In the child, up to exec. */
static void start_child(struct sim *s, pid_t parent)
{
    int null = open("/dev/null", O_RDONLY), log;
    struct timespec ts;

    log = open(s->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(126);
    setsid();
    signal(SIGPIPE, SIG_DFL);
    /* Out of the way first: with many guests ours have such numbers themselves. */
    for (int i = SIM_FD_CTL; i < SIM_FD_END; i++)
        if (s->fd[i] && (s->fd[i] = fcntl(s->fd[i], F_DUPFD_CLOEXEC, SIM_FD_END)) < 0)
            _exit(126);
    for (int i = SIM_FD_CTL; i < SIM_FD_END; i++)
        if (s->fd[i] && dup2(s->fd[i], i) < 0) /* no close-on-exec there */
            _exit(126);
    setrlimit(RLIMIT_NOFILE, &start_files);
    for (const char *const *e = s->opt.env; e && *e; e++)
        putenv((char *)(uintptr_t)*e);
    setenv("LD_PRELOAD", sim_lib, 1);
    if (s->opt.pin && driver_pin(s->opt.model_cpu))
        _exit(126);
    clock_gettime(CLOCK_MONOTONIC, &ts);
    atomic_store(&s->ctl->exec_ns, (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec);
    execvp(s->argv[0], s->argv);
    dprintf(2, "sim: cannot run %s: %s\n", s->argv[0], strerror(errno));
    _exit(127);
}

int sim_start(struct sim **out, const struct sim_options *opt)
{
    struct sim *s = calloc(1, sizeof(*s));
    char asan[512];
    const char *had = getenv("ASAN_OPTIONS");
    pid_t parent = getpid();
    int rc;

    *out = NULL;
    if (!s)
        return -ENOMEM;
    s->opt = *opt;
    s->pidfd = s->watchdog_fd = -1;
    options_default(&s->opt);
    pthread_mutex_init(&s->ring_lock, NULL);
    for (unsigned v = 0; v < SIM_VCPUS_MAX; v++)
        s->vcpu[v].view.gen = UINT32_MAX; /* odd: never the one there is */
    rc = snprintf(s->dir, sizeof(s->dir), "%s/sim.XXXXXX", getenv("TMPDIR") ?: "/tmp");
    if (rc >= (int)sizeof(s->dir)) { /* sockets' names are short */
        *s->dir = 0;
        rc = -ENAMETOOLONG;
        goto fail;
    }
    if ((!s->opt.model && !s->opt.argv) || s->opt.vcpus > SIM_VCPUS_MAX || s->opt.ram_mb > 7168 ||
        s->opt.vram_mb > 512) {
        *s->dir = 0;
        rc = -EINVAL;
        goto fail;
    }
    if (!mkdtemp(s->dir)) {
        rc = -errno;
        *s->dir = 0;
        goto fail;
    }
    snprintf(s->log, sizeof(s->log), "%s/log", s->dir);
    if (s->opt.log)
        snprintf(s->log, sizeof(s->log), "%s", s->opt.log);
    start_limits();
    rc = start_memory(s);
    if (!rc)
        rc = start_fds(s);
    if (rc)
        goto fail;
    start_store(s);
    if (s->opt.prepare)
        s->opt.prepare(s, s->opt.opaque);
    s->argv = s->opt.argv ? (char **)(uintptr_t)s->opt.argv : driver_args(&s->opt, s->dir);
    /* A model with the sanitizer's library linked wants to be the first in the list. */
    snprintf(asan, sizeof(asan), "%s%sverify_asan_link_order=0", had ? had : "", had ? ":" : "");
    setenv("ASAN_OPTIONS", asan, 1);
    s->pid = fork();
    if (s->pid == 0)
        start_child(s, parent);
    if (had)
        setenv("ASAN_OPTIONS", strndupa(asan, strlen(had)), 1);
    else
        unsetenv("ASAN_OPTIONS");
    if (s->pid < 0) {
        rc = -errno;
        goto fail;
    }
    s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    s->watchdog_fd = eventfd(0, EFD_CLOEXEC);
    if (s->pidfd < 0 || s->watchdog_fd < 0) {
        rc = -errno;
        goto fail;
    }
    rc = -pthread_create(&s->watchdog, NULL, driver_watch, s);
    if (rc)
        goto fail;
    s->has_watchdog = true;
    if (s->opt.pin)
        rc = driver_pin(s->opt.driver_cpu);
    if (rc)
        goto fail;
    *out = s;
    return 0;
fail:
    sim_free(s);
    return rc;
}

int sim_wait_running(struct sim *s, unsigned ms)
{
    uint64_t until = sim_now_ns() + ms * 1000000ull;

    while (!atomic_load(&s->ctl->running_ns)) {
        if (atomic_load(&s->failed) == DRIVER_DEAD)
            return -ECHILD;
        if (!driver_read_timed(s, SIM_FD_XS_DRIVER, until))
            return -ETIMEDOUT;
    }
    return 0;
}

struct sim *sim_start_running(const struct sim_options *opt)
{
    struct sim *s;
    int rc = sim_start(&s, opt);

    if (rc) {
        fprintf(stderr, "sim: cannot start %s: %s\n", opt->model ? opt->model : "a model",
                strerror(-rc));
        exit(1);
    }
    rc = sim_wait_running(s, s->opt.timeout_ms);
    if (rc)
        sim_fail(s,
                 rc == -ECHILD ? "the model ended instead of running" : "the model does not run");
    return s;
}

/* --- end --- */

static bool stop_reap(struct sim *s, int flags)
{
    if (!s->reaped && s->pid > 0 && waitpid(s->pid, &s->status, flags) == s->pid)
        s->reaped = true;
    return s->reaped;
}

int sim_stop(struct sim *s, int sig, unsigned ms)
{
    struct pollfd p = { .fd = s->pidfd, .events = POLLIN };

    if (sig && !s->reaped)
        kill(s->pid, sig);
    if (!s->reaped && poll(&p, 1, (int)ms) <= 0)
        return -ETIMEDOUT;
    stop_reap(s, 0);
    return s->status;
}

static void stop_remove_dir(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    while (d && (e = readdir(d)))
        if (*e->d_name != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    rmdir(dir);
}

void sim_free(struct sim *s)
{
    if (!s)
        return;
    if (s->pid > 0 && !s->reaped) {
        kill(s->pid, SIGKILL);
        stop_reap(s, 0);
    }
    if (s->has_watchdog) {
        uint64_t one = 1;

        if (write(s->watchdog_fd, &one, sizeof(one)) == sizeof(one))
            pthread_join(s->watchdog, NULL);
    }
    if (s->pidfd >= 0)
        close(s->pidfd);
    if (s->watchdog_fd >= 0)
        close(s->watchdog_fd);
    if (s->ctl && s->ctl != MAP_FAILED)
        munmap(s->ctl, sizeof(*s->ctl));
    if (s->ram && s->ram != MAP_FAILED)
        munmap(s->ram, (size_t)SIM_FRAMES * SIM_PAGE);
    for (int i = SIM_FD_CTL; i < SIM_FD_END; i++)
        if (s->fd[i] > 0)
            close(s->fd[i]);
    if (*s->dir)
        stop_remove_dir(s->dir);
    if (!s->opt.argv)
        driver_args_free(s->argv);
    pthread_mutex_destroy(&s->ring_lock);
    free(s);
}

pid_t sim_pid(const struct sim *s)
{
    return s->pid;
}

const char *sim_dir(const struct sim *s)
{
    return s->dir;
}

const char *sim_log_path(const struct sim *s)
{
    return s->log;
}

char *sim_log_text(struct sim *s)
{
    int fd = open(s->log, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *text;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st)) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    text = malloc((size_t)st.st_size + 1);
    n = text ? read(fd, text, (size_t)st.st_size) : -1;
    close(fd);
    if (text)
        text[n < 0 ? 0 : n] = 0;
    return text;
}

uint64_t sim_exec_ns(const struct sim *s)
{
    return atomic_load(&s->ctl->exec_ns);
}

uint64_t sim_running_ns(const struct sim *s)
{
    return atomic_load(&s->ctl->running_ns);
}
