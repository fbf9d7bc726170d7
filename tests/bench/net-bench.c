/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast are the network cards on a tap? No Xen, no guest: drivers of a few lines are the
 * vCPU, the devices and the tap are the real ones, in a network namespace of their own.
 *
 * Sending: the driver fills its ring in bursts, as a guest under load does, and the kernel
 * takes the frames (and drops them, nobody listens). Receiving: the tap's queue is filled
 * first, then the time to empty it is taken. CPU time has the kernel's part, and is what a
 * busy machine can be compared by. Each figure comes from a process of its own;
 * the number of system calls from a second one that is traced.
 *
 * usage: net-bench [SECONDS a figure, 0.5 without]
 */
#include "tests/bench/net-bench.h"

#include "backend/netdev.h"
#include "dm/net-offload.h"
#include "hw/classes.h"
#include "tests/fake/netns.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define BURST   32
#define QUEUE   2048 /* frames put into the tap's queue at once */
#define TRACED  20000
#define GSO_MSS 1448
#define GSO_HDR 54
#define GSO_LEN (GSO_HDR + 44 * GSO_MSS)

struct row {
    const char *name;
    size_t len;
    unsigned mss, burst;
    bool receive;
};

static const struct row rows[] = {
    { "send 64, one by one", 60, 0, 1, false },
    { "send 64", 60, 0, BURST, false },
    { "send 1514", 1514, 0, BURST, false },
    { "send TSO 64 KiB", GSO_LEN, GSO_MSS, 8, false },
    { "receive 64", 60, 0, 0, true },
    { "receive 1514", 1514, 0, 0, true },
    { "receive GRO 64 KiB", GSO_LEN, GSO_MSS, 0, true },
};

/* Of one run, in memory that both processes have. */
static struct result {
    uint64_t frames, bytes, ns, cpu_ns, dropped;
} * result;

void bench_fail(const char *what)
{
    fprintf(stderr, "net-bench: %s\n", what);
    exit(1);
}

static uint64_t now(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * DM_NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* The tracer counts the system calls between two of these. */
static void mark(void)
{
    syscall(SYS_getppid);
}

/* An IPv4 TCP frame to a host that is not here. */
static void frame_make(uint8_t *f, size_t len, bool to_guest, struct dm_net_offload *off)
{
    uint32_t sum;

    memset(f, 0x5a, len);
    memcpy(f,
           to_guest ? "\x52\x54\x00\x12\x34\x56\x02\x00\x00\x00\x00\x01"
                    : "\x02\x00\x00\x00\x00\x01\x52\x54\x00\x12\x34\x56",
           12);
    dm_put_be(f + 12, 4, 0x08004500);
    dm_put_be(f + 16, 2, len - 14);
    dm_put_be(f + 18, 8, 0x1234400040060000);
    dm_put_be(f + 26, 8, 0xc6120001c6120002);
    dm_put_be(f + 24, 2, dm_net_sum_fold(dm_net_sum(0, f + 14, 20, false)));
    dm_put_be(f + 34, 8, 0x3039005000000000);
    dm_put_be(f + 42, 8, 0x0000000050100200);
    sum = dm_net_sum(0, f + 26, 8, false) + 6 + (uint32_t)(len - 34);
    dm_put_be(f + 50, 4, (uint64_t)(uint16_t)~dm_net_sum_fold(sum) << 16);
    *off = (struct dm_net_offload) { 0 };
    if (len > 1514)
        *off = (struct dm_net_offload) {
            DM_NET_F_NEEDS_CSUM, DM_NET_GSO_TCPV4, GSO_HDR, GSO_MSS, 34, 16
        };
}

/* No card: frames to and from a buffer. */

static bool none_room(void *opaque, size_t len)
{
    return true;
}

static bool none_receive(void *opaque, const struct dm_iov *iov, int n, size_t len,
                         const struct dm_net_offload *off)
{
    struct bench *b = opaque;

    dm_net_gather(iov, n, 0, b->f.ram + BENCH_RX_BUF + b->rx_next++ % BENCH_RING * 2048, len);
    b->received++;
    b->received_bytes += len;
    return true;
}

static const struct dm_net_user none_user = { .room = none_room, .receive = none_receive };

static void none_open(struct bench *b)
{
    dm_net_set_user(b->net, &none_user, b);
}

static void none_send(struct bench *b, unsigned count, size_t len, unsigned mss, unsigned hdr)
{
    struct dm_iov iov = { b->f.ram + BENCH_TX_BUF, len };
    struct dm_net_offload off = {
        DM_NET_F_NEEDS_CSUM, DM_NET_GSO_TCPV4, (uint16_t)hdr, (uint16_t)mss, 34, 16
    };

    while (count-- && dm_net_send(b->net, &iov, 1, len, mss ? &off : NULL))
        b->sent++;
    dm_net_flush(b->net);
}

static void none_nothing(struct bench *b)
{
}

static const struct bench_card none = { "tap alone",  none_open,    none_send,
                                        none_nothing, none_nothing, true };

static const struct bench_card *const cards[] = { &none, &bench_e1000, &bench_rtl8139,
                                                  &bench_rtl8139_cp };

/* The benchmark. */

static void bench_open(struct bench *b, const struct bench_card *card, bool receive)
{
    struct dm_option opt[] = { { "ifname", "bench0" }, { "script", "no" } };
    struct dm_error err;

    fake_init(&b->f, hw_classes);
    if (host_loop_init(&b->loop, &err) ||
        netdev_open(&b->f.machine, &b->loop, "tap", "tap", opt, 2, &err))
        bench_fail(err.text);
    b->f.machine.clock = &b->loop.clock;
    b->net = dm_net_find(&b->f.machine, "tap");
    card->open(b);
    netns_sh("ip link set bench0 mtu 1500 txqueuelen %d", QUEUE);
    if (!netns_sh("ip link set bench0 up"))
        bench_fail("bench0 does not come up");
}

static void bench_send(struct bench *b, const struct bench_card *card, const struct row *row,
                       uint64_t frames, uint64_t ns)
{
    struct dm_net_offload off;
    uint64_t start, end, taken, cpu;

    frame_make(b->f.ram + BENCH_TX_BUF, row->len, false, &off);
    mark();
    cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    start = now(CLOCK_MONOTONIC);
    end = start + ns;
    do {
        card->send(b, row->burst, row->len, row->mss, GSO_HDR);
        host_loop_turn(&b->loop, false);
        card->reap(b);
    } while (frames ? b->sent < frames : now(CLOCK_MONOTONIC) < end);
    taken = now(CLOCK_MONOTONIC) - start;
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    mark();
    *result = (struct result) { b->sent, b->sent * row->len, taken, cpu, b->net->tx.dropped };
}

static void bench_receive(struct bench *b, const struct bench_card *card, const struct row *row,
                          uint64_t frames, uint64_t ns)
{
    static uint8_t frame[DM_NET_MAX_LEN];
    struct dm_net_offload off;
    uint64_t taken = 0, cpu = 0, total = 0, start, cpu_start, spin;
    unsigned queue = row->mss ? 256 : QUEUE - 48;
    unsigned pieces = row->mss ? (unsigned)(row->len - GSO_HDR) / row->mss : 1;
    int wire = netns_packet("bench0"), room = 1 << 30;

    if (wire < 0 || setsockopt(wire, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
        bench_fail("no packet socket");
    frame_make(frame, row->len, true, &off);
    do {
        uint64_t before = b->received;

        for (unsigned i = 0; i < queue; i++)
            if (!netns_send(wire, frame, row->len, &off))
                bench_fail("the tap's queue is full");
        mark();
        cpu_start = now(CLOCK_PROCESS_CPUTIME_ID);
        start = now(CLOCK_MONOTONIC);
        for (spin = 0; b->received - before < queue * (uint64_t)pieces && spin < 1000000; spin++) {
            host_loop_turn(&b->loop, false);
            card->receive(b);
        }
        taken += now(CLOCK_MONOTONIC) - start;
        cpu += now(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
        mark();
        if (b->received - before != queue * (uint64_t)pieces)
            bench_fail("frames were lost");
        total += queue;
    } while (frames ? total < frames : taken < ns);
    *result = (struct result) { total, total * row->len, taken, cpu, b->net->rx.dropped };
    close(wire);
}

/* In a process of its own. frames: so many; 0: for so long. */
static void bench_run(const struct bench_card *card, const struct row *row, uint64_t frames,
                      uint64_t ns)
{
    static struct bench b;

    bench_open(&b, card, row->receive);
    if (row->receive)
        bench_receive(&b, card, row, frames, ns);
    else
        bench_send(&b, card, row, frames, ns);
    fake_finish(&b.f);
    host_loop_finish(&b.loop);
}

static bool bench_time(const struct bench_card *card, const struct row *row, uint64_t ns)
{
    int status;
    pid_t pid = fork();

    if (!pid) {
        bench_run(card, row, 0, ns);
        _exit(0);
    }
    return waitpid(pid, &status, 0) == pid && !status;
}

/* System calls a frame; below 0: cannot be traced. */
static double bench_trace(const struct bench_card *card, const struct row *row)
{
    uint64_t frames = row->mss ? TRACED / 20 : TRACED, calls = 0;
    bool inside = false, entry = true;
    int status;
    pid_t pid = fork();

    if (!pid) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
            _exit(1);
        raise(SIGSTOP);
        bench_run(card, row, frames, 0);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        return -1;
    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
    for (int sig = 0;;) {
        struct __ptrace_syscall_info info = { 0 };

        ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)sig);
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
            break;
        sig = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
        if (sig)
            continue;
        ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info);
        entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
        if (entry && info.entry.nr == SYS_getppid)
            inside = !inside;
        else
            calls += entry && inside;
    }
    return status ? -1 : (double)calls / (double)result->frames;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 0.5;
    const char *why = netns_enter();
    int failed = 0;

    if (why) {
        printf("net-bench: skipped: %s\n", why);
        return 0;
    }
    result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (result == MAP_FAILED)
        bench_fail("no memory");
    printf("%-20s %-20s %12s %9s %13s %15s\n", "card", "frames", "frames/s", "Gbit/s",
           "CPU us/frame", "syscalls/frame");
    for (size_t c = 0; c < DM_ARRAY_LEN(cards); c++) {
        for (size_t r = 0; r < DM_ARRAY_LEN(rows); r++) {
            const struct row *row = &rows[r];
            struct result got;
            double s, calls;

            if (row->mss && !row->receive && !cards[c]->tso)
                continue;
            fflush(stdout);
            if (!bench_time(cards[c], row, (uint64_t)(seconds * 1e9))) {
                printf("%-20s %-20s failed\n", cards[c]->name, row->name);
                failed = 1;
                continue;
            }
            got = *result;
            s = (double)got.ns / 1e9;
            calls = bench_trace(cards[c], row);
            printf("%-20s %-20s %12.0f %9.2f %13.3f ", cards[c]->name, row->name,
                   (double)got.frames / s, (double)got.bytes * 8 / s / 1e9,
                   (double)got.cpu_ns / 1e3 / (double)got.frames);
            if (calls < 0)
                printf("%15s", "-");
            else
                printf("%15.3f", calls);
            printf(got.dropped ? "  %ju dropped\n" : "\n", (uintmax_t)got.dropped);
        }
    }
    return failed;
}
