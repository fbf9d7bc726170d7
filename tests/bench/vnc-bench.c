/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast and how dear the screen is for a VNC client, and what an idle one costs: the real
 * VGA, display and VNC server in a process of their own; this one plays the guest, which
 * draws into video memory, and the client.
 *
 *   vnc-bench [SECONDS a row [WORDS: only rows with them in their name]]
 */
#include "dm/bytes.h"
#include "host/loop.h"
#include "hw/classes.h"
#include "tests/bench/vnc-client.h"
#include "tests/fake/fake.h"
#include "ui/ui.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WIDTH   1024
#define HEIGHT  768
#define VRAM    (16u << 20)
#define FRAMES  4 /* pictures that take turns */
#define BOX     64
#define SAMPLES 200

extern const struct ui_module xendm_ui_module;

static const char *only = "";

/* What guest and server share. */
static uint8_t *vram;
static _Atomic uint64_t *dirty; /* a bit a page */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "vnc-bench: %s\n", what);
    exit(1);
}

static double now(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void nap(double seconds)
{
    struct timespec ts = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };

    while (nanosleep(&ts, &ts) && errno == EINTR)
        ;
}

/* --- the server's process --- */

static int bench_vram_alloc(struct dm_hypervisor *hv, size_t size, void **host)
{
    (void)hv;
    *host = vram;
    return size > VRAM ? -ENOMEM : 0;
}

static int bench_vram_dirty(struct dm_hypervisor *hv, uint64_t *bitmap, size_t pages)
{
    (void)hv;
    for (size_t i = 0; i < (pages + 63) / 64; i++)
        bitmap[i] = atomic_exchange(&dirty[i], 0);
    return 0;
}

static void server_mode(struct fake *f)
{
    static const uint16_t mode[][2] = {
        { 4, 0 }, { 1, WIDTH }, { 2, HEIGHT }, { 3, 32 }, { 4, 0x41 },
    };

    for (size_t i = 0; i < DM_ARRAY_LEN(mode); i++) {
        fake_out(f, 0x1ce, 2, mode[i][0]);
        fake_out(f, 0x1cf, 2, mode[i][1]);
    }
    fake_in(f, 0x3da, 1);
    fake_out(f, 0x3c0, 1, 0x20); /* the screen shows */
}

static _Noreturn void server_run(int tell)
{
    static struct fake f;
    static struct host_loop loop;
    struct dm_hypervisor_ops ops;
    struct ui_vnc_config cfg = { .host = "127.0.0.1", .display = 4000, .to = 4999 };
    struct dm_error err = { "" };
    struct ui *ui;
    int port;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fake_init(&f, hw_classes);
    if (host_loop_init(&loop, &err))
        fail(err.text);
    ops = *f.hv.ops;
    ops.vram_alloc = bench_vram_alloc;
    ops.vram_dirty = bench_vram_dirty;
    f.hv.ops = &ops;
    f.machine.clock = &loop.clock;
    dm_display_init(&f.machine.display, &loop.clock);
    fake_device(&f, "VGA", "vgamem_mb=16");
    server_mode(&f);
    if (xendm_ui_module.open(&ui, &f.machine, &loop, &cfg, &err))
        fail(err.text);
    port = atoi(f.machine.display.vnc.service);
    if (write(tell, &port, sizeof(port)) != sizeof(port))
        fail("no port told");
    host_loop_run(&loop);
    exit(0);
}

static pid_t server_start(unsigned *port)
{
    int pipe_fd[2], p;
    pid_t pid;

    if (pipe(pipe_fd))
        fail("no pipe");
    pid = fork();
    if (!pid)
        server_run(pipe_fd[1]);
    close(pipe_fd[1]);
    if (pid < 0 || read(pipe_fd[0], &p, sizeof(p)) != sizeof(p))
        fail("the server did not start");
    close(pipe_fd[0]);
    *port = (unsigned)p;
    return pid;
}

static double server_cpu(pid_t pid)
{
    clockid_t clock;

    return clock_getcpuclockid(pid, &clock) ? 0 : now(clock);
}

/* How often the server's threads went to sleep so far. */
static long server_wakeups(pid_t pid)
{
    char path[64], line[128];
    long sum = 0, n;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char file[400];
        FILE *in;

        snprintf(file, sizeof(file), "%s/%s/status", path, e->d_name);
        in = *e->d_name == '.' ? NULL : fopen(file, "r");
        while (in && fgets(line, sizeof(line), in))
            if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
                sum += n;
        if (in)
            fclose(in);
    }
    if (dir)
        closedir(dir);
    return sum;
}

/* --- the guest --- */

static uint32_t picture[FRAMES][WIDTH * HEIGHT];

static uint32_t noise(void)
{
    static uint32_t s = 0x12345678;

    s ^= s << 13;
    s ^= s >> 17;
    s ^= s << 5;
    return s;
}

/* Windows with flat areas, two-coloured text and a gradient; no pixel stays from one to the next.
 */
static void picture_desktop(uint32_t *p, uint32_t n)
{
    uint32_t tint = n * 0x030507;

    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            uint32_t c = 0x204060;

            if (y >= 40 && y < 700 && x >= 30 && x < 560)
                c = y < 64 ? 0x3050a0 : 0xf0f0f0;
            else if (y >= 90 && y < 740 && x >= 600 && x < 1000)
                c = y < 114 ? 0x3050a0 : (uint32_t)(x / 4 + y / 8) * 0x010101;
            p[y * WIDTH + x] = (c + tint) & 0xffffff;
        }
    }
    for (int row = 0; row < 38; row++)
        for (int col = 0; col < 60; col++)
            for (int i = 0; i < 40; i++) {
                uint32_t r = noise();
                int x = 40 + col * 8 + (int)(r % 7), y = 72 + row * 16 + (int)(r >> 8) % 12;

                if (r >> 30 || col % 7)
                    p[y * WIDTH + x] = (0x101010 + tint) & 0xffffff;
            }
}

static void picture_noise(uint32_t *p, uint32_t n)
{
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        p[i] = ((noise() & 0x3fffff) << 2 | n) & 0xffffff;
}

static void guest_dirty(uint32_t first, uint32_t last)
{
    for (uint32_t page = first >> DM_PAGE_SHIFT; page <= last >> DM_PAGE_SHIFT; page++)
        atomic_fetch_or(&dirty[page / 64], 1ull << page % 64);
}

/* The next picture: not the one that is there. */
static void guest_draw(void)
{
    static unsigned n;

    memcpy(vram, picture[++n % FRAMES], sizeof(picture[0]));
    guest_dirty(0, sizeof(picture[0]) - 1);
}

static void guest_draw_box(int x, int y, uint32_t colour)
{
    uint32_t at = 4 * (uint32_t)(y * WIDTH + x);

    for (int i = 0; i < BOX; i++, at += 4 * WIDTH) {
        for (uint32_t j = 0; j < BOX; j++)
            memcpy(vram + at + 4 * j, &colour, 4);
        guest_dirty(at, at + 4 * BOX - 1);
    }
}

/* --- rows --- */

/* Asks and reads until the box of pixels has come. */
static void client_await(struct vnc_client *c, int x, int y, int w, int h)
{
    double end = now(CLOCK_MONOTONIC) + 10;

    for (long left = (long)w * h; left > 0;) {
        long n;

        if (vnc_client_request(c, true))
            fail("cannot write to the server");
        n = vnc_client_update(c, 10000, x, y, w, h);
        if (n < 0 || now(CLOCK_MONOTONIC) > end)
            fail("no update from the server");
        left -= n;
    }
}

static void client_start(struct vnc_client *c, unsigned port, enum vnc_encoding encoding)
{
    long n;

    if (vnc_client_open(c, "127.0.0.1", port, encoding))
        fail("cannot connect to the server");
    do { /* all of it, and at its size */
        if (vnc_client_request(c, false))
            fail("cannot write to the server");
        n = vnc_client_update(c, 10000, 0, 0, WIDTH, HEIGHT);
        if (n < 0)
            fail("no first update");
    } while (n < (long)WIDTH * HEIGHT);
    nap(0.3);
}

/* The guest draws all of the screen whenever the client has seen it. */
static void row_updates(pid_t pid, unsigned port, const char *name, enum vnc_encoding encoding,
                        double seconds)
{
    struct vnc_client c;
    double start, cpu, s;
    uint64_t bytes;
    unsigned n = 0;

    if (!strstr(name, only))
        return;
    client_start(&c, port, encoding);
    guest_draw();
    client_await(&c, 0, 0, WIDTH, HEIGHT);
    cpu = server_cpu(pid);
    bytes = c.bytes;
    start = now(CLOCK_MONOTONIC);
    do {
        guest_draw();
        client_await(&c, 0, 0, WIDTH, HEIGHT);
        n++;
        s = now(CLOCK_MONOTONIC) - start;
    } while (s < seconds);
    cpu = server_cpu(pid) - cpu;
    if (encoding == VNC_ENCODING_RAW && memcmp(c.pixels, vram, sizeof(picture[0])))
        fail("the client's picture is not the guest's");
    printf("%-40s %7.1f/s %8.2f ms CPU %6.1f %% %9.1f KB each\n", name, n / s, cpu * 1e3 / n,
           cpu / s * 100, (double)(c.bytes - bytes) / 1e3 / n);
    vnc_client_close(&c);
    nap(0.1);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* One change every pause (plus up to a fifth of a second): from the write to the last pixel. */
static void row_latency(pid_t pid, unsigned port, const char *name, enum vnc_encoding encoding,
                        double pause, unsigned samples)
{
    double took[SAMPLES], cpu;
    struct vnc_client c;

    if (!strstr(name, only))
        return;
    client_start(&c, port, encoding);
    cpu = server_cpu(pid);
    for (unsigned i = 0; i < samples; i++) {
        int x = 16 * (int)(noise() % ((WIDTH - BOX) / 16));
        int y = 16 * (int)(noise() % ((HEIGHT - BOX) / 16));
        double start;

        if (vnc_client_request(&c, true))
            fail("cannot write to the server");
        nap(pause + (double)(noise() % 1000) / 5000);
        start = now(CLOCK_MONOTONIC);
        guest_draw_box(x, y, noise() & 0xffffff);
        client_await(&c, x, y, BOX, BOX);
        took[i] = (now(CLOCK_MONOTONIC) - start) * 1e3;
    }
    cpu = server_cpu(pid) - cpu;
    qsort(took, samples, sizeof(took[0]), compare);
    printf("%-40s %7.2f ms median %7.2f p90 %7.2f worst, %.2f ms CPU each\n", name,
           took[samples / 2], took[samples * 9 / 10], took[samples - 1], cpu * 1e3 / samples);
    vnc_client_close(&c);
    nap(0.1);
}

static void row_idle(pid_t pid, unsigned port, const char *name, bool viewer, double settle,
                     double seconds)
{
    struct vnc_client c;
    double cpu;
    long wakeups;

    if (!strstr(name, only))
        return;
    if (viewer) {
        client_start(&c, port, VNC_ENCODING_RAW);
        vnc_client_request(&c, true);
    }
    nap(settle);
    cpu = server_cpu(pid);
    wakeups = server_wakeups(pid);
    nap(seconds);
    wakeups = server_wakeups(pid) - wakeups;
    cpu = server_cpu(pid) - cpu;
    printf("%-40s %7.2f wakeups/s %8.3f ms CPU/s\n", name, (double)wakeups / seconds,
           cpu * 1e3 / seconds);
    if (viewer)
        vnc_client_close(&c);
    nap(0.1);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 3;
    unsigned port;
    pid_t pid;

    if (argc > 2)
        only = argv[2];
    setlinebuf(stdout);
    vram = mmap(NULL, VRAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    dirty = mmap(NULL, VRAM / DM_PAGE_SIZE / 8, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    if (vram == MAP_FAILED || dirty == MAP_FAILED)
        fail("no memory");
    memset(vram, 0, VRAM);
    pid = server_start(&port);
    for (uint32_t i = 0; i < FRAMES; i++)
        picture_desktop(picture[i], i);
    row_updates(pid, port, "full screen, desktop, raw", VNC_ENCODING_RAW, seconds);
    row_updates(pid, port, "full screen, desktop, tight", VNC_ENCODING_TIGHT, seconds);
    row_updates(pid, port, "full screen, desktop, zrle", VNC_ENCODING_ZRLE, seconds);
    for (uint32_t i = 0; i < FRAMES; i++)
        picture_noise(picture[i], i);
    row_updates(pid, port, "full screen, noise, raw", VNC_ENCODING_RAW, seconds);
    row_updates(pid, port, "full screen, noise, tight", VNC_ENCODING_TIGHT, seconds);
    row_updates(pid, port, "full screen, noise, zrle", VNC_ENCODING_ZRLE, seconds);
    row_latency(pid, port, "64x64, raw, every 0.1 to 0.3 s", VNC_ENCODING_RAW, 0.1,
                (unsigned)(seconds * 20 > SAMPLES ? SAMPLES : seconds * 20));
    row_latency(pid, port, "64x64, tight, every 0.1 to 0.3 s", VNC_ENCODING_TIGHT, 0.1,
                (unsigned)(seconds * 20 > SAMPLES ? SAMPLES : seconds * 20));
    row_latency(pid, port, "64x64, raw, after 5 s", VNC_ENCODING_RAW, 5, seconds < 2 ? 2 : 9);
    row_idle(pid, port, "idle, no viewer", false, 0.5, 5);
    row_idle(pid, port, "idle, a viewer, nothing changes", true, 10, 10);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return 0;
}
