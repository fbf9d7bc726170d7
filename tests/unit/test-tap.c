/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backend/tap on real interfaces, in a network namespace of its own. */
#include "backend/netdev.h"
#include "dm/net-offload.h"
#include "host/batch.h"
#include "tests/fake/netns.h"
#include "tests/unit/nic-rig.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[] = "/tmp/xendm-tap.XXXXXX";

#define CARD_MAX 2048

struct bench {
    struct fake f;
    struct host_loop loop;
    struct dm_error err;
    struct dm_net *net;
    int wire; /* the host's end */
    /* The card. */
    size_t room;
    unsigned got, writable;
    uint32_t seq[CARD_MAX]; /* bytes 14 to 17 of each frame */
    size_t len[CARD_MAX];
    uint8_t last[DM_NET_MAX_LEN];
    struct dm_net_offload off;
};

static bool card_room(void *opaque, size_t len)
{
    (void)len;
    return ((struct bench *)opaque)->room > 0;
}

static bool card_receive(void *opaque, const struct dm_iov *iov, int n, size_t len,
                         const struct dm_net_offload *off)
{
    struct bench *b = opaque;

    if (!b->room || b->got == CARD_MAX)
        return false;
    b->room--;
    dm_net_gather(iov, n, 0, b->last, len);
    b->off = off ? *off : (struct dm_net_offload) { 0 };
    b->seq[b->got] = (uint32_t)dm_get_be(b->last + 14, 4);
    b->len[b->got++] = len;
    return true;
}

static void card_writable(void *opaque)
{
    ((struct bench *)opaque)->writable++;
}

static const struct dm_net_user card_user = {
    .room = card_room,
    .receive = card_receive,
    .writable = card_writable,
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    fake_init(&b->f, classes);
    assert_int_equal(host_loop_init(&b->loop, &b->err), 0);
    b->wire = -1;
    b->room = SIZE_MAX;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    if (b->wire >= 0)
        close(b->wire);
    fake_finish(&b->f);
    host_loop_finish(&b->loop);
    free(b);
    return 0;
}

static int open_tap(struct bench *b, const char *options)
{
    struct dm_option opt[16];
    char text[512], *at = text;
    size_t n = 0;

    snprintf(text, sizeof(text), "%s", options);
    for (char *item; (item = strsep(&at, ","));) {
        char *value = strchr(item, '=');

        *value = 0;
        opt[n++] = (struct dm_option) { item, value + 1 };
    }
    return netdev_open(&b->f.machine, &b->loop, "net0", "tap", opt, n, &b->err);
}

/* With a card, up, and a wire to it. */
static void open_up(struct bench *b, const char *options)
{
    if (open_tap(b, options))
        fail_msg("%s", b->err.text);
    b->net = dm_net_find(&b->f.machine, "net0");
    dm_net_set_user(b->net, &card_user, b);
    assert_true(netns_sh("ip link set vif1.0-emu up"));
    b->wire = netns_packet("vif1.0-emu");
    assert_true(b->wire >= 0);
}

/* Each refusal: a line with these words, nothing left. */
static void open_fails(struct bench *b, const char *options, const char *words)
{
    b->err.text[0] = 0;
    assert_true(open_tap(b, options) < 0);
    if (!strstr(b->err.text, words))
        fail_msg("'%s' not in '%s'", words, b->err.text);
    assert_non_null(strstr(b->err.text, "net0"));
    assert_null(strchr(b->err.text, '\n'));
    assert_null(dm_net_find(&b->f.machine, "net0"));
    assert_null(b->loop.hooks);
    assert_null(b->loop.batch);
    assert_int_equal(if_nametoindex("vif1.0-emu"), 0);
}

static void turns(struct bench *b, unsigned n)
{
    while (n--)
        host_loop_turn(&b->loop, false);
}

static void frame_fill(uint8_t *frame, size_t len, uint32_t seq)
{
    memset(frame, (int)seq, len);
    memset(frame, 0xff, 6);
    memset(frame + 6, 0x02, 6);
    dm_put_be(frame + 12, 2, 0x88b5); /* for experiments */
    dm_put_be(frame + 14, 4, seq);
}

static void write_script(const char *name, const char *body)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    fclose(f);
    chmod(path, 0755);
}

static bool file_has(const char *name, const char *words)
{
    char path[128], text[256] = "";
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "r");
    if (!f)
        return false;
    (void)!fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    return !strcmp(text, words);
}

/* As libxl asks: made, and gone with us; br= is not looked at. */
static void test_libxl(void **state)
{
    struct bench *b = *state;

    assert_int_equal(open_tap(b, "ifname=vif1.0-emu,br=xenbr0,script=no,downscript=no"), 0);
    assert_int_not_equal(if_nametoindex("vif1.0-emu"), 0);
    b->net = dm_net_find(&b->f.machine, "net0");
    assert_string_equal(b->net->info, "tap vif1.0-emu");
    assert_int_equal(b->net->host_can,
                     DM_NET_CAN_CSUM | DM_NET_CAN_TSO4 | DM_NET_CAN_TSO6 | DM_NET_CAN_ECN);
    assert_int_equal(netdev_open(&b->f.machine, &b->loop, "net0", "tap", NULL, 0, &b->err),
                     -EEXIST);
    dm_net_close(b->net);
    assert_int_equal(if_nametoindex("vif1.0-emu"), 0);
    assert_null(b->loop.batch);
}

/* The guest's PV drivers take over: the interface goes at once. */
static void test_unplug(void **state)
{
    struct bench *b = *state;
    uint8_t frame[60];

    assert_int_equal(open_tap(b, "ifname=vif1.0-emu,script=no"), 0);
    fake_device(&b->f, "nic", "netdev=net0");
    assert_true(netns_sh("ip link set vif1.0-emu up"));
    frame_fill(frame, sizeof(frame), 1);
    assert_true(dm_net_send(dm_net_find(&b->f.machine, "net0"),
                            &(struct dm_iov) { frame, sizeof(frame) }, 1, sizeof(frame), NULL));
    dm_machine_unplug(&b->f.machine, DM_UNPLUG_IDE_DISKS);
    assert_int_not_equal(if_nametoindex("vif1.0-emu"), 0);
    dm_machine_unplug(&b->f.machine, DM_UNPLUG_NICS);
    assert_int_equal(if_nametoindex("vif1.0-emu"), 0);
    turns(b, 2);
}

static void test_persistent(void **state)
{
    struct bench *b = *state;

    assert_true(netns_sh("ip tuntap add dev vif1.0-emu mode tap"));
    open_up(b, "ifname=vif1.0-emu,script=no,downscript=no");
    dm_net_close(b->net);
    assert_int_not_equal(if_nametoindex("vif1.0-emu"), 0);
    assert_true(netns_sh("ip link del vif1.0-emu"));
}

static void test_fd(void **state)
{
    struct bench *b = *state;
    struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
                         .ifr_name = "vif1.0-emu" };
    int fd = open("/dev/net/tun", O_RDWR), null = open("/dev/null", O_RDWR);
    uint8_t frame[60], got[100];
    struct dm_iov iov = { frame, sizeof(frame) };
    struct dm_net_offload off;
    char text[32];

    snprintf(text, sizeof(text), "fd=%d", null);
    open_fails(b, text, "is not an open tap interface");
    open_fails(b, "fd=x", "bad value 'x' for 'fd'");
    close(null);
    assert_int_equal(ioctl(fd, TUNSETIFF, &req), 0);
    snprintf(text, sizeof(text), "fd=%d", fd);
    open_up(b, text);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    frame_fill(frame, sizeof(frame), 1);
    assert_true(dm_net_send(b->net, &iov, 1, sizeof(frame), NULL));
    dm_net_flush(b->net);
    assert_int_equal(netns_receive(b->wire, got, sizeof(got), &off), sizeof(frame));
}

static void test_errors(void **state)
{
    struct bench *b = *state;
    struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI, .ifr_name = "busy" };
    int fd = open("/dev/net/tun", O_RDWR);
    int status;
    pid_t pid;

    assert_int_equal(ioctl(fd, TUNSETIFF, &req), 0);
    open_fails(b, "ifname=busy,script=no", "interface 'busy' is in use by another process");
    close(fd);
    open_fails(b, "ifname=lo,script=no", "interface 'lo' is not a tap");
    open_fails(b, "ifname=a-name-with-too-many-bytes,script=no", "is longer than 15 bytes");
    open_fails(b, "ifname=a/b,script=no", "interface 'a/b' has a name not allowed");
    open_fails(b, "ifname=vif1.0-emu,br=xenbr9", "bridge 'xenbr9' does not exist");
    open_fails(b, "ifname=vif1.0-emu,br=lo", "interface 'lo' is not a bridge");
    open_fails(b, "ifname=vif1.0-emu,vhost=on", "vhost is for virtio cards");
    open_fails(b, "ifname=vif1.0-emu,bridge=x", "'tap' has no option 'bridge'");
    open_fails(b, "ifname=vif1.0-emu,vnet_hdr=maybe", "bad value 'maybe' for 'vnet_hdr'");
    open_fails(b, "ifname=vif1.0-emu,sndbuf=-1", "bad value '-1' for 'sndbuf'");
    assert_int_equal(netdev_open(&b->f.machine, &b->loop, "n", "user", NULL, 0, &b->err), -EINVAL);
    assert_string_equal(b->err.text, "netdev 'n': kind 'user' is not in xendm yet, use tap");
    assert_int_equal(netdev_open(&b->f.machine, &b->loop, "", "tap", NULL, 0, &b->err), -EINVAL);
    /* Those that need another world: no right, and no device node. */
    fflush(stdout);
    pid = fork();
    if (!pid) {
        if (setegid(65534) || seteuid(65534))
            _exit(2);
        open_fails(b, "ifname=vif1.0-emu,script=no", "Permission denied");
        if (seteuid(0) || unshare(CLONE_NEWNS) ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount("none", "/dev/net", "tmpfs", 0, NULL))
            _exit(2);
        open_fails(b, "ifname=vif1.0-emu,script=no", "/dev/net/tun: No such file or directory");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        print_message("# not tested here: no right, no device node\n");
    else
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_scripts(void **state)
{
    struct bench *b = *state;
    char text[512];

    write_script("up", "echo \"$@\" > \"${0%/*}/up.out\"; ip link set \"$1\" up");
    write_script("down", "ip link show \"$1\" >/dev/null && echo \"$@\" > \"${0%/*}/down.out\"");
    write_script("slow",
                 "sleep 0.3; ip link show \"$1\" >/dev/null && echo \"$@\" > \"${0%/*}/slow.out\"");
    write_script("bad", "exit 3");
    write_script("killed", "kill -9 $$");
    snprintf(text, sizeof(text), "ifname=vif1.0-emu,script=%s/bad", dir);
    open_fails(b, text, "bad' failed with status 3");
    assert_non_null(strstr(b->err.text, "interface 'vif1.0-emu'"));
    snprintf(text, sizeof(text), "ifname=vif1.0-emu,script=%s/killed", dir);
    open_fails(b, text, "killed' was killed by signal 9");
    snprintf(text, sizeof(text), "ifname=vif1.0-emu,script=%s/missing", dir);
    open_fails(b, text, "missing': No such file or directory");
    snprintf(text, sizeof(text), "ifname=vif1.0-emu,br=xenbr9,script=%s/up", dir);
    open_fails(b, text, "bridge 'xenbr9' does not exist");

    if (!netns_sh("ip link add xenbr0 type bridge"))
        UNIT_SKIP("no bridge interface");
    snprintf(text, sizeof(text), "ifname=vif1.0-emu,br=xenbr0,script=%s/up,downscript=%s/down", dir,
             dir);
    assert_int_equal(open_tap(b, text), 0);
    assert_true(file_has("up.out", "vif1.0-emu xenbr0\n"));
    assert_true(netns_sh("ip link show vif1.0-emu | grep -q ,UP"));
    b->loop.quit = true; /* the end of the process: it waits */
    dm_net_close(dm_net_find(&b->f.machine, "net0"));
    assert_true(file_has("down.out", "vif1.0-emu xenbr0\n"));
    assert_int_equal(if_nametoindex("vif1.0-emu"), 0);

    snprintf(text, sizeof(text), "ifname=vif1.0-emu,downscript=%s/slow", dir);
    assert_int_equal(open_tap(b, text), 0);
    b->loop.quit = false; /* an unplugged card: the guest does not wait */
    dm_net_close(dm_net_find(&b->f.machine, "net0"));
    assert_false(file_has("slow.out", "vif1.0-emu\n"));
    for (int i = 0; i < 500 && if_nametoindex("vif1.0-emu"); i++)
        usleep(10000);
    assert_true(file_has("slow.out", "vif1.0-emu\n"));
    assert_int_equal(if_nametoindex("vif1.0-emu"), 0);

    /* A bridge and no script: we do what is needed. */
    assert_int_equal(open_tap(b, "ifname=vif1.0-emu,br=xenbr0"), 0);
    assert_true(netns_sh("ip link show vif1.0-emu | grep -q 'UP.* master xenbr0'"));
    assert_true(netns_sh("ip link del xenbr0"));
}

/* Frames of all sizes reach the kernel in order, few calls carry many. */
static void test_send(void **state)
{
    struct bench *b = *state;
    uint8_t frame[9018], got[9018];
    struct dm_net_offload off;
    uint64_t calls;

    open_up(b, "ifname=vif1.0-emu,script=no");
    assert_true(netns_sh("ip link set vif1.0-emu mtu 9000"));
    calls = host_batch_calls(b->loop.batch);
    for (uint32_t i = 0; i < 200; i++) {
        size_t len = i % 50 == 49 ? 9014 : 18 + i * 7;
        struct dm_iov iov[] = { { frame, 5 }, { frame + 5, 9 }, { frame + 14, len - 14 } };

        frame_fill(frame, len, i);
        assert_true(dm_net_send(b->net, iov, 3, len, NULL));
    }
    dm_net_flush(b->net);
    calls = host_batch_calls(b->loop.batch) - calls;
    for (uint32_t i = 0; i < 200; i++) {
        size_t len = i % 50 == 49 ? 9014 : 18 + i * 7;

        frame_fill(frame, len, i);
        assert_int_equal(netns_receive(b->wire, got, sizeof(got), &off), len);
        assert_memory_equal(got, frame, len);
    }
    /* An old kernel says of the first batch that it cannot be done without waiting. */
    if (!getenv("XENDM_AIO"))
        assert_in_range(calls, 1, netns_tap_nowait() ? 8 : 8 + HOST_BATCH_MAX);
    assert_int_equal(b->net->tx.frames, 200);
    assert_int_equal(b->net->tx.dropped, 0);
    /* Without a flush they go at the end of the turn. */
    frame_fill(frame, 60, 7);
    assert_true(dm_net_send(b->net, &(struct dm_iov) { frame, 60 }, 1, 60, NULL));
    assert_int_equal(netns_receive(b->wire, got, sizeof(got), &off), -1);
    turns(b, 1);
    assert_int_equal(netns_receive(b->wire, got, sizeof(got), &off), 60);
}

/* An IPv4 TCP frame with a pseudo header's sum. */
static size_t frame_tcp(uint8_t *f, size_t payload, struct dm_net_offload *off)
{
    size_t len = 54 + payload;
    uint32_t sum;

    frame_fill(f, len, 0x5a);
    memset(f, 0x02, 12);
    f[5] = 1;
    dm_put_be(f + 12, 4, 0x08004500);
    dm_put_be(f + 16, 2, len - 14);
    dm_put_be(f + 18, 4, 0x12344000);
    dm_put_be(f + 22, 4, 0x40060000);
    dm_put_be(f + 26, 8, 0x0a0000010a000002);
    dm_put_be(f + 24, 2, dm_net_sum_fold(dm_net_sum(0, f + 14, 20, false)));
    dm_put_be(f + 34, 4, 0x30390050);
    dm_put_be(f + 38, 8, 0);
    dm_put_be(f + 46, 4, 0x50180200);
    sum = dm_net_sum(0, f + 26, 8, false) + 6 + (uint32_t)(len - 34);
    dm_put_be(f + 50, 4, (uint64_t)(uint16_t)~dm_net_sum_fold(sum) << 16);
    *off = (struct dm_net_offload) { .flags = DM_NET_F_NEEDS_CSUM,
                                     .gso_type = DM_NET_GSO_TCPV4,
                                     .hdr_len = 54,
                                     .gso_size = 1448,
                                     .csum_start = 34,
                                     .csum_offset = 16 };
    return len;
}

static bool frame_tcp_right(const uint8_t *f, size_t len)
{
    uint32_t sum = dm_net_sum(0, f + 26, 8, false) + 6 + (uint32_t)(len - 34);

    return !dm_net_sum_fold(dm_net_sum(sum, f + 34, len - 34, false)) &&
           !dm_net_sum_fold(dm_net_sum(0, f + 14, 20, false));
}

/* The guest's large send stays one packet in the kernel; so it comes back. */
static void test_gso(void **state)
{
    struct bench *b = *state;
    uint8_t *frame = malloc(DM_NET_MAX_LEN), *got = malloc(DM_NET_MAX_LEN);
    struct dm_net_offload off, back;
    size_t len;

    assert_true(frame && got);
    open_up(b, "ifname=vif1.0-emu,script=no");
    len = frame_tcp(frame, 60000, &off);
    assert_true(dm_net_send(b->net, &(struct dm_iov) { frame, len }, 1, len, &off));
    assert_int_equal(netns_receive(b->wire, got, DM_NET_MAX_LEN, &back), len);
    assert_memory_equal(got, frame, len);
    assert_int_equal(back.gso_type, DM_NET_GSO_TCPV4);
    assert_int_equal(back.gso_size, 1448);
    assert_true(back.flags & DM_NET_F_NEEDS_CSUM);

    dm_net_set_offload(b->net, DM_NET_CAN_CSUM | DM_NET_CAN_TSO4);
    assert_true(netns_send(b->wire, frame, len, &off));
    turns(b, 3);
    assert_int_equal(b->got, 1);
    assert_int_equal(b->len[0], len);
    assert_memory_equal(b->last, frame, len);
    assert_int_equal(b->off.gso_size, 1448);

    dm_net_set_offload(b->net, 0); /* a driver that cannot: cut here */
    assert_true(netns_send(b->wire, frame, len, &off));
    turns(b, 3);
    assert_int_equal(b->got, 1 + (60000 + 1447) / 1448);
    assert_true(frame_tcp_right(b->last, b->len[b->got - 1]));
    assert_int_equal(b->net->rx.dropped, 0);
    free(frame);
    free(got);
}

/* A kernel without virtio_net_hdr: everything is finished before it gets there. */
static void test_no_vnet_hdr(void **state)
{
    struct bench *b = *state;
    uint8_t *frame = malloc(DM_NET_MAX_LEN), got[2048];
    struct dm_net_offload off, back;
    size_t len, sum = 0;
    ssize_t n;

    assert_non_null(frame);
    open_up(b, "ifname=vif1.0-emu,script=no,vnet_hdr=off");
    assert_int_equal(b->net->host_can, 0);
    len = frame_tcp(frame, 30000, &off);
    assert_true(dm_net_send(b->net, &(struct dm_iov) { frame, len }, 1, len, &off));
    dm_net_flush(b->net);
    while ((n = netns_receive(b->wire, got, sizeof(got), &back)) > 0) {
        assert_int_equal(back.gso_type, 0);
        assert_true(frame_tcp_right(got, (size_t)n));
        sum += (size_t)n - 54;
    }
    assert_int_equal(sum, 30000);
    assert_true(netns_send(b->wire, frame, len, &off)); /* the kernel cuts */
    turns(b, 5);
    assert_int_equal(b->got, (30000 + 1447) / 1448);
    assert_true(frame_tcp_right(b->last, b->len[b->got - 1]));
    free(frame);
}

/* Bursts, in order, a few system calls for many. */
static void test_receive(void **state)
{
    struct bench *b = *state;
    uint8_t frame[1514];
    uint64_t calls;

    open_up(b, "ifname=vif1.0-emu,script=no");
    turns(b, 2);
    b->got = 0;
    calls = host_batch_calls(b->loop.batch);
    for (uint32_t i = 0; i < 400; i++) {
        frame_fill(frame, 60 + i, i);
        assert_true(netns_send(b->wire, frame, 60 + i, NULL));
    }
    turns(b, 20);
    calls = host_batch_calls(b->loop.batch) - calls;
    assert_int_equal(b->got, 400);
    for (uint32_t i = 0; i < 400; i++) {
        assert_int_equal(b->seq[i], i);
        assert_int_equal(b->len[i], 60 + i);
    }
    if (!getenv("XENDM_AIO") && netns_tap_nowait())
        assert_in_range(calls, 10, 40);
    /* After a full batch the loop looks for more before it spins; after the last one it may. */
    for (uint32_t i = 0; i < 40; i++)
        assert_true(netns_send(b->wire, frame, 60, NULL));
    turns(b, 1);
    assert_in_range(b->got, 401, 432);
    assert_true(b->loop.hurry);
    turns(b, 8);
    assert_int_equal(b->got, 440);
    assert_false(b->loop.hurry);
}

/* A frame may end anywhere in its slot's two parts: all of it comes, with and without header. */
static void test_receive_sizes(void **state)
{
    static const char *const options[] = { "ifname=vif1.0-emu,script=no",
                                           "ifname=vif1.0-emu,script=no,vnet_hdr=off" };
    static const size_t around[] = { 1536 - 10, 1536, 9014 };
    struct bench *b = *state;
    uint8_t frame[9018];

    for (size_t o = 0; o < 2; o++) {
        open_up(b, options[o]);
        assert_true(netns_sh("ip link set vif1.0-emu mtu 9001"));
        for (size_t i = 0; i < 3 * 3; i++) {
            size_t len = around[i / 3] - 1 + i % 3;

            b->got = 0;
            frame_fill(frame, len, 0);
            for (size_t at = 14; at < len; at++)
                frame[at] = (uint8_t)(at * 7 + at / 256);
            /* The first of a batch, and one behind others. */
            for (unsigned n = 0; n < 5; n++)
                assert_true(netns_send(b->wire, frame, n & 1 ? 60 : len, NULL));
            turns(b, 8);
            assert_int_equal(b->got, 5);
            for (unsigned n = 0; n < 5; n++)
                assert_int_equal(b->len[n], n & 1 ? 60 : len);
            assert_memory_equal(b->last, frame, len);
        }
        close(b->wire);
        b->wire = -1;
        dm_net_close(b->net);
    }
}

/* A full ring stops the reading, and the loop sleeps; nothing is lost, nothing comes twice. */
static void test_backpressure(void **state)
{
    struct bench *b = *state;
    uint8_t frame[60];

    open_up(b, "ifname=vif1.0-emu,script=no");
    b->room = 0;
    for (uint32_t i = 0; i < 300; i++) {
        frame_fill(frame, 60, i);
        assert_true(netns_send(b->wire, frame, 60, NULL));
    }
    turns(b, 4);
    assert_int_equal(b->got, 0);
    for (uint32_t step = 0; b->got < 300; step++) {
        assert_true(step < 300);
        b->room = 1 + step % 7;
        dm_net_accept(b->net);
        turns(b, 2);
        assert_int_equal(b->room, b->got == 300 ? b->room : 0);
    }
    for (uint32_t i = 0; i < 300; i++)
        assert_int_equal(b->seq[i], i);
    assert_int_equal(b->net->rx.dropped, 0);
    assert_int_equal(b->net->rx.frames, 300);
}

/* While the card is full, a loop that may sleep does: no wakeups. */
static void test_full_sleeps(void **state)
{
    struct bench *b = *state;
    uint8_t frame[60];
    uint64_t start;
    struct dm_timer stop;

    open_up(b, "ifname=vif1.0-emu,script=no");
    b->room = 0;
    frame_fill(frame, 60, 1);
    for (int i = 0; i < 10; i++)
        assert_true(netns_send(b->wire, frame, 60, NULL));
    turns(b, 4);
    dm_timer_init(&stop, &b->loop.clock, (void (*)(void *))host_loop_quit, &b->loop);
    dm_timer_arm(&stop, dm_clock_now(&b->loop.clock) + 50 * DM_NS_PER_MS);
    start = b->loop.turns;
    host_loop_run(&b->loop);
    b->loop.quit = false;
    assert_in_range(b->loop.turns - start, 1, 3);
}

/*
 * Forwards what the tap sends into a link so slow that the frames stay in the kernel, charged to
 * the tap: sndbuf bytes, and it is full. false: that cannot be made here.
 */
static bool open_slow(struct bench *b, unsigned sndbuf)
{
    char options[64];

    if (!netns_sh("ip link add xenbr0 type bridge && ip link add v0 type veth peer name v1 && "
                  "ip link set v0 master xenbr0 && ip link set v0 up && ip link set v1 up && "
                  "ip link set xenbr0 up && tc qdisc add dev v0 root tbf rate 8kbit burst 2000 "
                  "limit 10000000"))
        return false;
    snprintf(options, sizeof(options), "ifname=vif1.0-emu,br=xenbr0,sndbuf=%u", sndbuf);
    assert_int_equal(open_tap(b, options), 0);
    b->net = dm_net_find(&b->f.machine, "net0");
    dm_net_set_user(b->net, &card_user, b);
    for (int i = 0; i < 100 && !netns_sh("bridge link show dev vif1.0-emu | grep -q forwarding");
         i++)
        usleep(50000);
    return true;
}

/* The kernel's buffer is full: the card waits, then all arrives. */
static void test_sndbuf(void **state)
{
    struct bench *b = *state;
    static uint8_t frame[1000];
    struct dm_iov iov = { frame, sizeof(frame) };
    unsigned sent = 0, total;

    if (!open_slow(b, 60000))
        UNIT_SKIP("no traffic control");
    frame_fill(frame, sizeof(frame), 0);
    memset(frame, 0x02, 5); /* to one: a frame to all is copied, and the copies are not charged */
    while (sent < 1000 && dm_net_send(b->net, &iov, 1, sizeof(frame), NULL)) {
        sent++;
        dm_net_flush(b->net);
    }
    assert_in_range(sent, 10, 100); /* 60000 bytes, and what a frame costs */
    turns(b, 2);
    assert_int_equal(b->writable, 0);
    assert_int_equal(b->net->tx.dropped, 0);
    total = sent;
    assert_true(netns_sh("tc qdisc del dev v0 root")); /* the queue is gone, buffers are free */
    turns(b, 3);
    assert_int_equal(b->writable, 1);
    assert_true(dm_net_send(b->net, &iov, 1, sizeof(frame), NULL));
    dm_net_flush(b->net);
    assert_int_equal(b->net->tx.frames, total + 1);
    assert_true(netns_sh("ip link del xenbr0 && ip link del v0"));
}

/* Of many gathered frames the kernel takes some: the others stay what they are, in order. */
static void test_sndbuf_batch(void **state)
{
    struct bench *b = *state;
    uint8_t frame[1514], got[1524];
    struct dm_net_offload off;
    uint32_t n = 0, next, left;
    ssize_t len;

    if (!open_slow(b, 50000))
        UNIT_SKIP("no traffic control");
    for (;; n++) {
        size_t size = 100 + n * 37 % 1400;

        assert_true(n < 1000);
        frame_fill(frame, size, n);
        memset(frame, 0x02, 5); /* to one, as above */
        if (!dm_net_send(b->net, &(struct dm_iov) { frame, size }, 1, size, NULL))
            break;
    }
    b->wire = netns_packet("v1");
    assert_true(b->wire >= 0);
    assert_true(netns_sh("tc qdisc del dev v0 root"));
    turns(b, 3);
    assert_int_equal(b->writable, 1);
    left = 0;
    next = 0;
    while ((len = netns_receive(b->wire, got, sizeof(got), &off)) >= 0) {
        uint32_t seq = (uint32_t)dm_get_be(got + 14, 4);

        if (left++)
            assert_int_equal(seq, next);
        next = seq + 1;
        frame_fill(frame, 100 + seq * 37 % 1400, seq);
        memset(frame, 0x02, 5);
        assert_int_equal(len, 100 + seq * 37 % 1400);
        assert_memory_equal(got, frame, (size_t)len);
    }
    assert_in_range(left, 2, n - 1);
    assert_int_equal(next, n);
    assert_true(netns_sh("ip link del xenbr0 && ip link del v0"));
}

/* An interface that is down, or is deleted: drops are counted, nothing spins. */
static void test_down_and_gone(void **state)
{
    struct bench *b = *state;
    uint8_t frame[60];
    struct dm_iov iov = { frame, sizeof(frame) };
    uint64_t start;

    open_up(b, "ifname=vif1.0-emu,script=no");
    assert_true(netns_sh("ip link set vif1.0-emu down"));
    frame_fill(frame, sizeof(frame), 0);
    for (int i = 0; i < 5; i++)
        assert_true(dm_net_send(b->net, &iov, 1, sizeof(frame), NULL));
    dm_net_flush(b->net);
    assert_int_equal(b->net->tx.dropped, 5);
    assert_true(netns_sh("ip link set vif1.0-emu up"));
    assert_true(dm_net_send(b->net, &iov, 1, sizeof(frame), NULL));
    dm_net_flush(b->net);
    assert_int_equal(b->net->tx.dropped, 5);

    assert_true(netns_sh("ip link del vif1.0-emu"));
    turns(b, 3);
    assert_false(dm_net_link(b->net));
    assert_non_null(strstr(b->f.log, "interface 'vif1.0-emu' was deleted"));
    dm_net_set_link(b->net, true);
    assert_true(dm_net_send(b->net, &iov, 1, sizeof(frame), NULL));
    dm_net_flush(b->net);
    assert_int_equal(b->net->tx.dropped, 6);
    start = b->loop.turns;
    turns(b, 5);
    assert_int_equal(b->loop.turns, start + 5);
}

static int enter(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    return netns_sh("rm -r %s", dir) ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_libxl),         TEST(test_unplug),
        TEST(test_persistent),    TEST(test_fd),
        TEST(test_errors),        TEST(test_scripts),
        TEST(test_send),          TEST(test_gso),
        TEST(test_no_vnet_hdr),   TEST(test_receive),
        TEST(test_receive_sizes), TEST(test_backpressure),
        TEST(test_full_sleeps),   TEST(test_sndbuf),
        TEST(test_sndbuf_batch),  TEST(test_down_and_gone),
    };
    const char *why = netns_enter();

    if (why) {
        printf("1..0 # SKIP %s\n", why);
        return 0;
    }
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, enter, leave);
}
