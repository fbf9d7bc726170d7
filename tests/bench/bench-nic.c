/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast are the network cards of a device model, xendm or QEMU? The sim plays Xen, drivers
 * written after Linux' the guest; the tap is a real one in a network namespace of our own.
 *
 * Sending: nobody listens behind the tap, so the kernel drops the frames when it has them.
 * Receiving: the model is stopped while the tap's queue is filled, then the time to empty it
 * is taken. So neither a source nor a sink costs what the model is charged for.
 *
 * Beside each figure is its floor: a write to a tap or a read for each frame, and a bare
 * ping-pong for each access that the driver made; for receiving also that of the tap alone. In
 * one core's placement floor.together says what is left of that sum where a ping-pong, the
 * unmask of its event and a write to a tap follow each other: the most that a model can reach
 * with one frame a doorbell. System calls are counted in a run of their own, since that slows
 * them down. Before the clock runs a few frames are looked at on the other side.
 *
 * usage: bench-nic --model PATH [--placement one|each] [--time SECONDS a row] [CARD[.ROW] ...]
 * Prints "key value unit" lines; scripts/bench runs it for two models in turn.
 */
#include "dm/bytes.h"
#include "dm/net-offload.h"
#include "tests/bench/nic.h"
#include "tests/fake/netns.h"

#include <dirent.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IFNAME      "bench0"
#define FLOOR_IF    "floor0"
#define QUEUE       2048 /* frames in the tap's queue */
#define MSS         1448
#define HDR         54
#define SEGMENTS    44
/* QEMU sends an empty segment behind full ones. */
#define BIG_LEN     (HDR + SEGMENTS * MSS - 448)
#define BIG_QUEUE   40 /* frames of BIG_LEN: in pieces they fit the queue too */
#define PINGS       3000
#define PARTS       4096    /* of a figure, of which the median one counts */
#define PART_NS     1000000 /* at least, while sending */
#define PART_FRAMES 512     /* of a floor */
#define IDLE_MS     50      /* no more frames come */

struct row {
    const char *name;
    uint32_t len;
    uint16_t mss;
    unsigned burst; /* frames a doorbell; 0: receive */
};

static const struct row rows[] = {
    { "send-64-x1", 60, 0, 1 },      { "send-64-x16", 60, 0, 16 },
    { "send-1514-x1", 1514, 0, 1 },  { "send-1514-x16", 1514, 0, 16 },
    { "send-tso", BIG_LEN, MSS, 1 }, { "receive-64", 60, 0, 0 },
    { "receive-1514", 1514, 0, 0 },  { "receive-gro", BIG_LEN, MSS, 0 },
};

static const struct nic_card *const cards[] = { &nic_e1000, &nic_rtl8139, &nic_rtl8139_c };

/*
 * What was measured, in parts: others use the machine too, which hits some of them. ns and
 * requests are a frame's.
 */
struct result {
    unsigned parts;
    double ns[PARTS], requests[PARTS];
    uint64_t frames, lost, cpu_ns; /* in all; CPU time of others is known only to a few ms */
};

/* When a part began. */
struct part {
    uint64_t ns, cpu_ns, requests;
};

static double seconds = 0.2;

static uint64_t now(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench-nic: %s\n", what);
    exit(1);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const double *values, unsigned n)
{
    static double sorted[PARTS];

    if (!n)
        return 0;
    memcpy(sorted, values, n * sizeof(*values));
    qsort(sorted, n, sizeof(*sorted), compare);
    return sorted[n / 2];
}

static void part_add(struct result *r, uint64_t frames, uint64_t ns, uint64_t cpu_ns,
                     uint64_t requests)
{
    r->frames += frames;
    r->cpu_ns += cpu_ns;
    if (!frames || r->parts == PARTS)
        return;
    r->ns[r->parts] = (double)ns / (double)frames;
    r->requests[r->parts++] = (double)requests / (double)frames;
}

static void pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set))
        fail("sched_setaffinity");
}

/* --- frames --- */

/*
 * An IPv4 TCP frame from or to a host that is not here. blank: lengths and sums are left to
 * a card's segmentation, as Linux leaves them.
 */
static struct dm_net_offload frame_make(uint8_t *f, const struct row *row, bool blank)
{
    uint32_t len = row->len, sum;

    memset(f, 0x5a, len);
    memcpy(f,
           row->burst ? "\x02\x00\x00\x00\x00\x01\x52\x54\x00\x12\x34\x56"
                      : "\x52\x54\x00\x12\x34\x56\x02\x00\x00\x00\x00\x01",
           12);
    dm_put_be(f + 12, 4, 0x08004500);
    dm_put_be(f + 16, 2, blank ? 0 : len - 14);
    dm_put_be(f + 18, 8, 0x1234400040060000);
    dm_put_be(f + 26, 8, 0xc6120001c6120002);
    if (!blank)
        dm_put_be(f + 24, 2, dm_net_sum_fold(dm_net_sum(0, f + 14, 20, false)));
    dm_put_be(f + 34, 8, 0x3039005000000000);
    dm_put_be(f + 42, 8, 0x0000000050100200);
    dm_put_be(f + 50, 4, 0);
    sum = dm_net_sum(0, f + 26, 8, false) + 6 + (blank ? 0 : len - 34);
    if (!row->mss)
        sum = dm_net_sum(sum, f + 34, len - 34, false);
    dm_put_be(f + 50, 2, row->mss ? (uint16_t)~dm_net_sum_fold(sum) : dm_net_sum_fold(sum));
    if (!row->mss)
        return (struct dm_net_offload) { 0 };
    return (struct dm_net_offload) { DM_NET_F_NEEDS_CSUM, DM_NET_GSO_TCPV4, HDR, MSS, 34, 16 };
}

/* Bytes of payload that have been seen in order. */
struct seen {
    uint64_t payload;
    uint32_t next; /* sequence number */
};

/* Looks at a frame, which may be a piece of one, or one still to be cut. */
static void frame_look(struct seen *seen, const uint8_t *f, size_t len)
{
    size_t ip_len = dm_get_be(f + 16, 2);

    if (len < 60 || dm_get_be(f + 12, 4) != 0x08004500 || ip_len < 40 || ip_len + 14 > len ||
        dm_get_be(f + 26, 8) != 0xc6120001c6120002)
        fail("a frame came out damaged");
    if (dm_net_sum_fold(dm_net_sum(0, f + 14, 20, false)))
        fail("a frame has a wrong IP checksum");
    if (dm_get_be(f + 38, 4) != seen->next && dm_get_be(f + 38, 4) != 0)
        fail("a frame's sequence number is wrong");
    for (size_t i = HDR; i < ip_len + 14; i++)
        if (f[i] != 0x5a)
            fail("a frame's payload is damaged");
    seen->next = (uint32_t)dm_get_be(f + 38, 4) + (uint32_t)(ip_len - 40);
    seen->payload += ip_len - 40;
}

/* --- floors --- */

static int floor_tap(void)
{
    struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, .ifr_name = FLOOR_IF };
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), size = 10;

    if (fd < 0 || ioctl(fd, TUNSETIFF, &req) || ioctl(fd, TUNSETVNETHDRSZ, &size) ||
        ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6))
        fail("no tap for the floor");
    netns_sh("ip link set " FLOOR_IF " txqueuelen %d", QUEUE);
    if (!netns_sh("ip link set " FLOOR_IF " up"))
        fail(FLOOR_IF " does not come up");
    return fd;
}

static int source_open(const char *ifname)
{
    int wire = netns_packet(ifname), room = 1 << 30;

    if (wire < 0 || setsockopt(wire, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
        fail("no packet socket");
    return wire;
}

/* Fills the queue of a tap that nobody reads. Returns the frames in it. */
static unsigned source_fill(int wire, const struct row *row)
{
    static uint8_t frame[BIG_LEN];
    unsigned count = row->mss ? BIG_QUEUE : QUEUE - 48;
    struct dm_net_offload off = frame_make(frame, row, false);

    for (unsigned i = 0; i < count; i++)
        if (!netns_send(wire, frame, row->len, &off))
            fail("the tap's queue is full");
    return count;
}

/* The tap alone, on the CPU of the model. */
static void floor_frame(const struct sim_options *opt, const struct row *row, struct result *r)
{
    static uint8_t buf[10 + DM_NET_MAX_LEN];
    struct dm_net_offload off = frame_make(buf + 10, row, false);
    uint64_t ns = 0, limit = (uint64_t)(seconds * 3e8), start, cpu_start, took;
    int fd = floor_tap(), wire = row->burst ? -1 : source_open(FLOOR_IF);

    *r = (struct result) { 0 };
    memcpy(buf, &off, sizeof(off));
    for (; ns < limit; ns += took) {
        unsigned todo = wire < 0 ? PART_FRAMES : source_fill(wire, row);

        if (opt->pin)
            pin(opt->model_cpu);
        cpu_start = now(CLOCK_THREAD_CPUTIME_ID);
        start = now(CLOCK_MONOTONIC);
        for (unsigned i = 0; i < todo; i++) {
            ssize_t n = wire < 0 ? write(fd, buf, 10 + row->len) : read(fd, buf, sizeof(buf));

            if (n != (ssize_t)(10 + row->len))
                fail("the tap alone does not work");
        }
        took = now(CLOCK_MONOTONIC) - start;
        part_add(r, todo, took, now(CLOCK_THREAD_CPUTIME_ID) - cpu_start, 0);
        if (opt->pin) /* the frames come from there, as when the model reads */
            pin(opt->driver_cpu);
    }
    if (wire >= 0)
        close(wire);
    close(fd);
}

/* What a model does for a frame with a doorbell of its own. */
struct turn {
    int tap, unmask;
    uint8_t frame[10 + 1514];
};

static void turn_work(void *opaque)
{
    const struct turn *t = opaque;
    uint64_t one = 1;

    if (write(t->unmask, &one, sizeof(one)) != sizeof(one) ||
        write(t->tap, t->frame, sizeof(t->frame)) != (ssize_t)sizeof(t->frame))
        _exit(1);
}

static void floor_together(const struct sim_options *opt)
{
    static const struct row row = { "", 1514, 0, 1 };
    static struct result alone;
    static struct turn turn;
    double part[5];

    frame_make(turn.frame + 10, &row, false);
    turn.unmask = eventfd(0, EFD_CLOEXEC);
    for (unsigned i = 0; i < DM_ARRAY_LEN(part); i++) {
        double sum = sim_floor(opt, PINGS, NULL);

        floor_frame(opt, &row, &alone);
        sum += median(alone.ns, alone.parts);
        turn.tap = floor_tap();
        part[i] = sum / sim_floor_with(opt, PINGS, turn_work, &turn);
        close(turn.tap);
    }
    close(turn.unmask);
    printf("floor.together %.6g of-floor\n", median(part, DM_ARRAY_LEN(part)));
}

/* --- the model's system calls --- */

/* A counter for each thread, of the kernel's tracepoint; -1: the kernel has none for us. */
static int calls_fd[64];
static unsigned calls_fds;
static int calls_id = -1; /* of the tracepoint */

/* Where no tracefs is mounted, one is, in a mount namespace of ours. */
static void calls_init(void)
{
    static const char path[] = "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id";
    FILE *f = fopen(path, "re");

    if (!f && !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
        !mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL))
        f = fopen(path, "re");
    if (f && fscanf(f, "%d", &calls_id) != 1)
        calls_id = -1;
    if (f)
        fclose(f);
}

static bool calls_start(pid_t model)
{
    struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT,
                                    .size = sizeof(attr),
                                    .config = (uint64_t)calls_id };
    char path[64];
    struct dirent *e;
    DIR *dir;

    if (calls_id < 0)
        return false;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)model);
    dir = opendir(path);
    while (dir && (e = readdir(dir))) {
        int fd;

        if (*e->d_name == '.' || calls_fds == DM_ARRAY_LEN(calls_fd))
            continue;
        fd =
            (int)syscall(SYS_perf_event_open, &attr, atoi(e->d_name), -1, -1, PERF_FLAG_FD_CLOEXEC);
        if (fd >= 0)
            calls_fd[calls_fds++] = fd;
    }
    if (dir)
        closedir(dir);
    return calls_fds;
}

static uint64_t calls_stop(void)
{
    uint64_t sum = 0, n;

    while (calls_fds) {
        if (read(calls_fd[--calls_fds], &n, sizeof(n)) == sizeof(n))
            sum += n;
        close(calls_fd[calls_fds]);
    }
    return sum;
}

/* --- the guest --- */

static void nic_serve(struct nic *nic)
{
    for (unsigned i = 0; sim_irq_level(nic->sim, nic->gsi); i++) {
        if (i == 1000)
            sim_fail(nic->sim, "the interrupt stays");
        nic->interrupts++;
        nic->card->interrupt(nic);
    }
}

/* Until there is an interrupt. false: none came. */
static bool nic_wait(struct nic *nic, unsigned ms)
{
    if (!sim_irq_level(nic->sim, nic->gsi) && sim_wait_irq(nic->sim, nic->gsi, ms))
        return false;
    nic_serve(nic);
    return true;
}

static void nic_open(struct nic *nic, const struct nic_card *card, const struct sim_options *base)
{
    struct sim_options opt = *base;
    const struct sim_pci_dev *dev;

    opt.nic[0] = (struct sim_nic) { card->model, NIC_MAC, IFNAME };
    *nic = (struct nic) { .sim = sim_start_running(&opt), .card = card };
    netns_sh("ip link set " IFNAME " mtu 1500 txqueuelen %d", QUEUE);
    if (!netns_sh("ip link set " IFNAME " up"))
        sim_fail(nic->sim, IFNAME " does not come up");
    sim_pci_setup(nic->sim);
    dev = sim_pci_find(nic->sim, card->vendor, card->device);
    if (!dev)
        sim_fail(nic->sim, "there is no %s", card->name);
    nic->mmio = dev->bar[card->bar].addr;
    nic->gsi = dev->gsi;
    nic->ram = sim_ram(nic->sim, NIC_RAM, NIC_RAM_SIZE);
    if (!nic->ram)
        sim_fail(nic->sim, "the guest has no %u bytes at %#x", NIC_RAM_SIZE, NIC_RAM);
    memset(nic->ram, 0, NIC_RAM_SIZE);
    card->open(nic);
    nic_serve(nic);
}

static void nic_close(struct nic *nic)
{
    sim_stop(nic->sim, SIGTERM, 5000);
    sim_free(nic->sim);
}

static uint64_t nic_cpu(const struct nic *nic)
{
    clockid_t clock;

    return clock_getcpuclockid(sim_pid(nic->sim), &clock) ? 0 : now(clock);
}

static uint64_t nic_requests(const struct nic *nic)
{
    struct sim_stats stats;

    sim_stats(nic->sim, &stats);
    return stats.requests;
}

static struct part part_begin(const struct nic *nic)
{
    return (struct part) { now(CLOCK_MONOTONIC), nic_cpu(nic), nic_requests(nic) };
}

static void part_end(struct result *r, const struct nic *nic, struct part p, uint64_t frames,
                     uint64_t end)
{
    part_add(r, frames, end - p.ns, nic_cpu(nic) - p.cpu_ns, nic_requests(nic) - p.requests);
}

/* Sends for so long, count frames at least. */
static void nic_send(struct nic *nic, const struct row *row, uint64_t count, uint64_t ns,
                     struct result *r)
{
    struct nic_frame frame = { .len = row->len, .mss = row->mss, .hdr = row->mss ? HDR : 0 };
    uint64_t sent = nic->sent, put = 0, before = 0, start = now(CLOCK_MONOTONIC), at;
    unsigned slots = row->mss ? NIC_BIGS : NIC_BUFS, size = row->mss ? NIC_BIG : NIC_BUF;
    uint32_t base = row->mss ? NIC_TX_BIG : NIC_TX_BUF;
    struct part part;

    *r = (struct result) { 0 };
    for (unsigned i = 0; i < slots; i++)
        frame_make(nic->ram + base + i * size, row, row->mss && nic->card->tso_blank);
    part = part_begin(nic);
    do {
        for (unsigned i = 0; i < row->burst; i++, put++) {
            frame.at = base + put % slots * size;
            while (!nic->card->put(nic, &frame)) {
                nic->card->kick(nic);
                if (!nic_wait(nic, 1000))
                    sim_fail(nic->sim, "%s: the ring stays full", row->name);
            }
        }
        nic->card->kick(nic);
        nic_serve(nic);
        at = now(CLOCK_MONOTONIC);
        if (at - part.ns >= PART_NS) {
            part_end(r, nic, part, put - before, at);
            before = put;
            part = part_begin(nic);
        }
    } while (put < count || at - start < ns);
    while (nic->sent - sent < put)
        if (!nic_wait(nic, 1000))
            sim_fail(nic->sim, "%s: %ju frames were not sent", row->name,
                     (uintmax_t)(put - (nic->sent - sent)));
}

/*
 * Asleep, as it is when frames begin to come: stopped while it looks for requests in a loop, it
 * would take the time until it goes on for time spent in vain, and not look again for a second.
 */
static void nic_stop(struct nic *nic)
{
    siginfo_t info;

    usleep(1000);
    kill(sim_pid(nic->sim), SIGSTOP);
    if (waitid(P_PID, (id_t)sim_pid(nic->sim), &info, WSTOPPED))
        sim_fail(nic->sim, "cannot be stopped");
}

static void nic_receive(struct nic *nic, const struct row *row, int wire, uint64_t ns,
                        struct result *r)
{
    unsigned pieces = row->mss ? SEGMENTS : 1;
    uint64_t spent = 0;

    *r = (struct result) { 0 };
    do {
        uint64_t before = nic->received, frames, end;
        struct part part;
        unsigned queued;

        nic_stop(nic);
        queued = source_fill(wire, row);
        part = part_begin(nic);
        end = part.ns;
        kill(sim_pid(nic->sim), SIGCONT);
        while (nic->received - before < (uint64_t)queued * pieces && nic_wait(nic, IDLE_MS))
            end = now(CLOCK_MONOTONIC);
        frames = (nic->received - before) / pieces;
        part_end(r, nic, part, frames, end);
        spent += end - part.ns;
        r->lost += queued - frames;
        if (!frames)
            break;
    } while (spent < ns);
}

/* --- rows --- */

static void check_received(struct nic *nic, const uint8_t *frame, unsigned len)
{
    frame_look(nic->opaque, frame, len);
}

/* Are the frames right on the other side? Warms up, too. false: nothing comes in any more. */
static bool row_check(struct nic *nic, const struct row *row, int wire)
{
    static uint8_t frame[10 + DM_NET_MAX_LEN];
    static struct result result;
    uint64_t count = row->burst ? 8 * row->burst : 1, payload = (row->len - HDR) * count;
    struct pollfd wait = { .fd = wire, .events = POLLIN };
    struct dm_net_offload off;
    struct seen seen = { 0 };
    ssize_t len;

    if (row->burst) {
        nic_send(nic, row, count, 0, &result);
        while (seen.payload < payload) {
            while ((len = netns_receive(wire, frame, sizeof(frame), &off)) >= 0)
                frame_look(&seen, frame, (size_t)len);
            if (seen.payload < payload && poll(&wait, 1, 1000) != 1)
                sim_fail(nic->sim, "%s: %ju bytes came out of %ju", row->name,
                         (uintmax_t)seen.payload, (uintmax_t)payload);
        }
        return true;
    }
    nic->check = check_received;
    nic->opaque = &seen;
    off = frame_make(frame, row, false);
    netns_send(wire, frame, row->len, &off);
    while (seen.payload < payload && nic_wait(nic, 1000))
        ;
    nic->check = NULL;
    return seen.payload == payload;
}

static uint64_t tap_packets(void)
{
    unsigned long long n = 0;
    FILE *f = fopen("/sys/class/net/" IFNAME "/statistics/rx_packets", "re");

    /* Of the namespace that sysfs was mounted in: not there is not counted. */
    if (f && fscanf(f, "%llu", &n) != 1)
        n = 0;
    if (f)
        fclose(f);
    return n;
}

static void row_print(const char *card, const struct row *row, const char *what, double value,
                      const char *unit)
{
    printf("%s.%s%s %.6g %s\n", card, row->name, what, value, unit);
}

static void row_figures(const char *card, const struct row *row, const struct result *r,
                        const struct result *floor, double ping_ns)
{
    static double part[PARTS];
    double ns = median(r->ns, r->parts), floor_ns = median(floor->ns, floor->parts);

    for (unsigned i = 0; i < r->parts; i++)
        part[i] = (floor_ns + ping_ns * r->requests[i]) / r->ns[i];
    row_print(card, row, "", 1e9 / ns, "frames/s");
    row_print(card, row, ".bits", row->len * 8 / ns, "Gbit/s");
    row_print(card, row, ".floors", median(part, r->parts), "of-floor");
    if (!row->burst)
        row_print(card, row, ".tap-floors", floor_ns / ns, "of-floor");
    row_print(card, row, ".cpu", (double)r->cpu_ns / 1e3 / (double)r->frames, "us/frame");
    row_print(card, row, ".cpu-floor", (double)floor->cpu_ns / 1e3 / (double)floor->frames,
              "us/frame");
    row_print(card, row, ".accesses", median(r->requests, r->parts), "/frame");
}

static void row_run(struct nic *nic, const struct row *row, const struct sim_options *opt)
{
    static struct result floor, r;
    uint64_t packets, calls, limit = (uint64_t)(seconds * 1e9);
    double ping_ns = sim_floor(opt, PINGS, NULL);
    const char *card = nic->card->name;
    int wire = source_open(IFNAME);
    bool comes;

    floor_frame(opt, row, &floor);
    comes = row_check(nic, row, wire);
    if (row->burst) {
        close(wire); /* it would get copies */
        wire = -1;
        packets = tap_packets();
        nic_send(nic, row, 0, limit, &r);
        packets = tap_packets() - packets;
        if (packets && packets < r.frames)
            r.lost = r.frames - packets;
    } else if (comes) {
        nic_receive(nic, row, wire, limit, &r);
    }
    if ((!row->burst && !comes) || !r.frames) {
        /* QEMU's rtl8139 in C mode: frames in the ring, no interrupt. */
        row_print(card, row, ".lost", 100, "%");
        close(wire);
        return;
    }
    row_figures(card, row, &r, &floor, ping_ns);
    if (r.lost)
        row_print(card, row, ".lost", 100.0 * (double)r.lost / (double)(r.lost + r.frames), "%");
    if (calls_start(sim_pid(nic->sim))) {
        if (row->burst)
            nic_send(nic, row, 0, limit / 4, &r);
        else
            nic_receive(nic, row, wire, limit / 4, &r);
        calls = calls_stop();
        if (r.frames)
            row_print(card, row, ".syscalls", (double)calls / (double)r.frames, "/frame");
    }
    if (wire >= 0)
        close(wire);
    fflush(stdout);
}

/* Is the row asked for? With no names all are; a name is the beginning of the row's. */
static bool row_wanted(const char *card, const struct row *row, int argc, char **argv)
{
    char name[64];
    bool names = false;

    snprintf(name, sizeof(name), "%s.%s", card, row->name);
    for (int i = 1; i < argc; i++) {
        names = true;
        if (!strncmp(name, argv[i], strlen(argv[i])))
            return true;
    }
    return !names;
}

int main(int argc, char **argv)
{
    struct sim_options opt = { 0 };
    const char *why;
    static struct nic nic;

    sim_options_parse(&opt, &argc, argv);
    if (argc > 2 && !strcmp(argv[1], "--time")) {
        seconds = atof(argv[2]);
        argc -= 2;
        memmove(argv + 1, argv + 3, (size_t)argc * sizeof(*argv));
    }
    if (seconds <= 0 || seconds > 600 || (argc > 1 && argv[1][0] == '-')) {
        fprintf(stderr, "usage: bench-nic --model PATH [--placement one|each] "
                        "[--time SECONDS] [CARD[.ROW] ...]\n");
        return 2;
    }
    why = netns_enter();
    if (why) {
        fprintf(stderr, "bench-nic: skipped: %s\n", why);
        return 77;
    }
    calls_init();
    printf("floor.ping-pong %.6g us\n", sim_floor(&opt, PINGS, NULL) / 1e3);
    if (opt.wait == SIM_SLEEP)
        floor_together(&opt);
    for (size_t c = 0; c < DM_ARRAY_LEN(cards); c++) {
        bool open = false;

        for (size_t i = 0; i < DM_ARRAY_LEN(rows); i++) {
            if (!row_wanted(cards[c]->name, &rows[i], argc, argv) ||
                (rows[i].mss && rows[i].burst && !cards[c]->can_tso))
                continue;
            if (!open)
                nic_open(&nic, cards[c], &opt);
            open = true;
            row_run(&nic, &rows[i], &opt);
        }
        if (open)
            nic_close(&nic);
    }
    return 0;
}
