/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Linux tap interface (Documentation/networking/tuntap.rst) as the host's end of a
 * network card. Frames carry a virtio_net_hdr, so that what the guest leaves to its card
 * (checksums, TCP segmentation) goes on to the kernel as it is, and comes the same way.
 *
 * Reading: several frames are read by one system call a turn, as many as lately were there.
 * A frame's first bytes, mostly all of it, go next to those of the others, the rest of a large
 * one to pages of its own: slots that all began at the start of a page would share an eighth of
 * the processor's first cache. What the card refuses stays in its slot, and nothing is read
 * until the card has room; then the kernel's queue fills, whose drops the interface counts.
 *
 * Writing: small frames are gathered until the loop's turn ends, when the vCPU that sent them
 * goes on already, and go out by one system call; a large one goes at once, from where it is,
 * with those before it. When the kernel's buffer is full (sndbuf=), the card waits.
 */
#include "backend/netdev.h"
#include "backend/script.h"
#include "dm/bytes.h"
#include "dm/machine.h"
#include "dm/net-offload.h"
#include "host/batch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define TAP_RX_SLOTS    32
#define TAP_RX_LARGE    8     /* slots in use while frames are large: they cost memory */
#define TAP_RX_SMALL    1536  /* bytes of a slot's first part: a header and a frame with two tags */
#define TAP_RX_REST     65536 /* bytes of its other part */
#define TAP_TX_SLOTS    63    /* and a large frame make a batch */
#define TAP_TX_SMALL    2048  /* bytes: up to here copied, with the header */
#define TAP_TX_ALIGN    64    /* bytes: a line of the processor's caches */
#define TAP_RETRY_NS    DM_NS_PER_MS
#define TAP_DRAIN_TRIES 50
#define TAP_HDR         sizeof(struct dm_net_offload)

static_assert(sizeof(struct dm_net_offload) == 10, "Linux' struct virtio_net_hdr");
static_assert(TAP_RX_SMALL + TAP_RX_REST >= TAP_HDR + DM_NET_MAX_LEN, "a slot holds any frame");
static_assert(TAP_TX_SLOTS + 1 <= HOST_BATCH_MAX, "slots and a large frame are one batch");
static_assert(sizeof(struct dm_iov) == sizeof(struct iovec) &&
                  offsetof(struct dm_iov, len) == offsetof(struct iovec, iov_len),
              "dm/dma.h");

struct tap {
    struct dm_net net; /* first */
    struct host_loop *loop;
    struct host_batch *batch;
    int fd;
    char ifname[IFNAMSIZ];
    char *downscript, *bridge;
    size_t hdr; /* TAP_HDR, or 0 without IFF_VNET_HDR */
    struct host_watch watch;
    struct host_hook hook;
    bool gone; /* the interface was deleted */

    uint8_t *rx; /* the slots: their first parts, then the others */
    struct iovec rx_iov[TAP_RX_SLOTS][2];
    unsigned rx_at, rx_count;      /* frames read, not delivered */
    uint8_t rx_slot[TAP_RX_SLOTS]; /* where they are */
    size_t rx_len[TAP_RX_SLOTS];
    unsigned want;             /* slots to read into next time */
    bool rx_wait, rx_accepted; /* the card refused; then: has room again */

    uint8_t *tx;    /* the gathered frames, one behind the other */
    size_t tx_used; /* bytes of it */
    unsigned tx_count;
    struct iovec tx_iov[TAP_TX_SLOTS];
    bool tx_wait; /* the kernel refused */
    struct dm_timer tx_retry;
};

static struct tap *tap_of(struct dm_net *net)
{
    return (struct tap *)net;
}

static void tap_update_watch(struct tap *t)
{
    /* EPOLLOUT says that a full buffer has room, nothing that memory is there again. */
    bool full = t->tx_wait && !dm_timer_armed(&t->tx_retry);
    uint32_t events = (t->rx_wait ? 0 : EPOLLIN) | (full ? EPOLLOUT : 0);

    if (!t->gone)
        host_loop_modify(t->loop, &t->watch, events);
}

/* Somebody deleted the interface under us: like a pulled cable. */
static void tap_is_gone(struct tap *t)
{
    if (t->gone)
        return;
    t->gone = true;
    host_loop_remove(t->loop, &t->watch);
    dm_log(DM_LOG_ERROR, t->net.id, "interface '%s' was deleted: the network card has no link",
           t->ifname);
    t->net.tx.dropped += t->tx_count;
    t->tx_count = 0;
    t->tx_wait = false;
    dm_net_set_link(&t->net, false);
    dm_net_writable(&t->net);
}

/* Sending */

/* A frame met result. false: it must wait. */
static bool tap_sent(struct tap *t, int result)
{
    if (result >= 0)
        return true;
    if (result == -EAGAIN || result == -ENOBUFS || result == -ENOMEM) {
        t->tx_wait = true;
        if (result != -EAGAIN)
            dm_timer_arm(&t->tx_retry, dm_clock_now(&t->loop->clock) + TAP_RETRY_NS);
        return false;
    }
    /* EIO: the interface is down. EINVAL: the kernel has no such offload, or does not like it. */
    t->net.tx.dropped++;
    return true;
}

/*
 * Writes what is gathered and, behind it, one more frame (iov NULL: none). Returns whether
 * that one is done with; what the kernel refused stays gathered.
 */
static bool tap_write(struct tap *t, const struct iovec *iov, int n)
{
    struct host_batch_op ops[TAP_TX_SLOTS + 1];
    unsigned count = t->tx_count, left = 0;
    bool done = true;

    if (!count && !iov)
        return true;
    for (unsigned i = 0; i < count; i++)
        ops[i] = (struct host_batch_op) { t->fd, true, &t->tx_iov[i], 1, 0 };
    if (iov)
        ops[count] = (struct host_batch_op) { t->fd, true, iov, n, 0 };
    host_batch_run(t->batch, ops, count + (iov != NULL));
    for (unsigned i = 0; i < count; i++) {
        if (!tap_sent(t, ops[i].result))
            t->tx_iov[left++] = t->tx_iov[i];
    }
    t->tx_count = left;
    if (!left)
        t->tx_used = 0;
    if (iov)
        done = tap_sent(t, ops[count].result);
    if (t->tx_wait)
        tap_update_watch(t);
    return done;
}

static bool tap_send(struct dm_net *net, const struct dm_iov *iov, int n, size_t len,
                     const struct dm_net_offload *off)
{
    static const struct dm_net_offload nothing;
    struct tap *t = tap_of(net);
    const struct dm_net_offload *hdr = off ? off : &nothing;
    struct iovec out[DM_NET_IOV_MAX + 2];
    uint8_t *at;

    if (t->gone) {
        net->tx.dropped++;
        return true;
    }
    if (t->tx_wait)
        return false;
    if (t->hdr + len > TAP_TX_SMALL) {
        out[0] = (struct iovec) { (void *)(uintptr_t)hdr, t->hdr };
        memcpy(out + 1, iov, (size_t)n * sizeof(*iov));
        return t->hdr ? tap_write(t, out, n + 1) : tap_write(t, out + 1, n);
    }
    if (t->tx_count == TAP_TX_SLOTS) {
        tap_write(t, NULL, 0);
        if (t->tx_wait)
            return false;
    }
    /* While some wait, nothing is added: there is room for TAP_TX_SLOTS of TAP_TX_SMALL. */
    assert(dm_in_range(t->tx_used, t->hdr + len, TAP_TX_SLOTS * TAP_TX_SMALL));
    at = t->tx + t->tx_used;
    memcpy(at, hdr, t->hdr);
    dm_net_gather(iov, n, 0, at + t->hdr, len);
    t->tx_iov[t->tx_count++] = (struct iovec) { at, t->hdr + len };
    t->tx_used += (t->hdr + len + TAP_TX_ALIGN - 1) & ~(size_t)(TAP_TX_ALIGN - 1);
    return true;
}

static void tap_flush(struct dm_net *net)
{
    struct tap *t = tap_of(net);

    if (!t->tx_wait)
        tap_write(t, NULL, 0);
}

/* The kernel may take frames again. */
static void tap_retry(void *opaque)
{
    struct tap *t = opaque;

    t->tx_wait = false;
    tap_write(t, NULL, 0);
    tap_update_watch(t);
    if (!t->tx_wait)
        dm_net_writable(&t->net);
    if (!t->tx_wait)
        tap_write(t, NULL, 0); /* what the card had */
}

/* Before a stop: the process may end next. */
static bool tap_drain(struct dm_net *net)
{
    struct tap *t = tap_of(net);
    bool waited = t->tx_wait;

    for (unsigned tries = 0; t->tx_count && tries < TAP_DRAIN_TRIES; tries++) {
        t->tx_wait = false;
        tap_write(t, NULL, 0);
        if (t->tx_wait)
            usleep(TAP_RETRY_NS / DM_NS_PER_US);
    }
    if (waited && !t->tx_wait) /* the card is told from the loop */
        dm_timer_arm(&t->tx_retry, dm_clock_now(&t->loop->clock));
    if (waited)
        tap_update_watch(t);
    return !t->tx_count;
}

/* Receiving */

/* Delivers what was read. false: the card refused, the rest waits. */
static bool tap_deliver(struct tap *t)
{
    while (t->rx_at < t->rx_count) {
        const struct iovec *slot = t->rx_iov[t->rx_slot[t->rx_at]];
        size_t len = t->rx_len[t->rx_at], first = len < TAP_RX_SMALL ? len : TAP_RX_SMALL;

        if (len < t->hdr) {
            t->net.rx.dropped++;
        } else {
            struct dm_net_offload off = { 0 };
            struct dm_iov iov[] = { { (uint8_t *)slot[0].iov_base + t->hdr, first - t->hdr },
                                    { slot[1].iov_base, len - first } };

            memcpy(&off, slot[0].iov_base, t->hdr);
            if (!dm_net_receive(&t->net, iov, len > first ? 2 : 1, len - t->hdr, &off))
                return false;
        }
        t->rx_at++;
    }
    t->rx_at = t->rx_count = 0;
    return true;
}

/* Reads a batch. Returns whether there may be more. */
static bool tap_read(struct tap *t)
{
    struct host_batch_op ops[TAP_RX_SLOTS];
    unsigned want = t->want;
    size_t sum = 0;

    for (unsigned i = 0; i < want; i++)
        ops[i] = (struct host_batch_op) { t->fd, false, t->rx_iov[i], 2, 0 };
    host_batch_run(t->batch, ops, want);
    t->rx_at = t->rx_count = 0;
    for (unsigned i = 0; i < want; i++) {
        if (ops[i].result == -EBADFD) {
            tap_is_gone(t);
            break;
        }
        if (ops[i].result <= 0)
            continue;
        t->rx_slot[t->rx_count] = (uint8_t)i; /* a frame may come between two reads */
        t->rx_len[t->rx_count++] = (size_t)ops[i].result;
        sum += (size_t)ops[i].result;
    }
    if (t->rx_count == want)
        t->want = want * 2 < TAP_RX_SLOTS ? want * 2 : TAP_RX_SLOTS;
    else
        t->want = t->rx_count ? t->rx_count : 1;
    if (t->want > TAP_RX_LARGE && sum > (size_t)t->rx_count * TAP_TX_SMALL)
        t->want = TAP_RX_LARGE;
    return t->rx_count == want;
}

/*
 * One batch a turn: a vCPU that writes to a register meanwhile, to give buffers back mostly,
 * stands still until the turn ends.
 */
static void tap_receive(struct tap *t)
{
    t->rx_wait = !tap_deliver(t) || !dm_net_room(&t->net, DM_NET_MIN_LEN);
    if (t->rx_wait || t->gone)
        return;
    if (tap_read(t))
        host_loop_hurry(t->loop);
    t->rx_wait = !tap_deliver(t);
}

static void tap_accept(struct dm_net *net)
{
    tap_of(net)->rx_accepted = true; /* the hook goes on, not the card's own access */
}

static void tap_ready(void *opaque, uint32_t events)
{
    struct tap *t = opaque;

    if (events & (EPOLLERR | EPOLLHUP)) {
        tap_is_gone(t);
        return;
    }
    if (events & EPOLLOUT)
        tap_retry(t);
    if (!(events & EPOLLIN))
        return;
    if (!t->rx_wait)
        tap_receive(t);
    /* Only now, so that a card that is full for a moment costs no system call. */
    if (t->rx_wait)
        tap_update_watch(t);
}

/* Before the loop sleeps. */
static void tap_turn(void *opaque)
{
    struct tap *t = opaque;

    if (t->tx_count && !t->tx_wait)
        tap_write(t, NULL, 0);
    if (t->rx_accepted) {
        t->rx_accepted = false;
        t->rx_wait = false;
        tap_receive(t);
        tap_update_watch(t);
    }
}

/* What the kernel may leave unfinished: all, since dm/net finishes what the card cannot. */
static void tap_set_offload(struct tap *t)
{
    if (t->hdr && ioctl(t->fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN))
        dm_log(DM_LOG_WARN, t->net.id, "interface '%s': TUNSETOFFLOAD: %s", t->ifname,
               strerror(errno));
}

/* Opening and closing */

static void tap_free(struct tap *t)
{
    if (t->batch)
        host_batch_remove_file(t->batch, t->fd);
    host_batch_put(t->batch);
    if (t->rx)
        munmap(t->rx, TAP_RX_SLOTS * (size_t)(TAP_RX_SMALL + TAP_RX_REST));
    if (t->fd >= 0)
        close(t->fd);
    free(t->tx);
    free(t->downscript);
    free(t->bridge);
    free(t);
}

static void tap_close(struct dm_net *net)
{
    struct tap *t = tap_of(net);

    if (t->tx_count && !t->gone)
        tap_write(t, NULL, 0);
    host_loop_remove(t->loop, &t->watch);
    host_loop_remove_hook(t->loop, &t->hook);
    dm_timer_cancel(&t->tx_retry);
    /* A script of a guest that goes on is not waited for; it holds the interface. */
    if (t->downscript && !t->gone)
        script_run_down(t->downscript, t->ifname, t->bridge, t->fd, !t->loop->quit);
    tap_free(t);
}

static const struct dm_net_ops tap_ops = {
    .send = tap_send,
    .flush = tap_flush,
    .accept = tap_accept,
    .drain = tap_drain,
    .close = tap_close,
};

static int tap_attach(struct tap *t, const struct tap_options *o, struct dm_error *err)
{
    struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    const char *id = t->net.id;
    bool exists;

    if (!o->no_vnet_hdr)
        req.ifr_flags |= IFF_VNET_HDR;
    if (o->ifname && strlen(o->ifname) >= IFNAMSIZ)
        return dm_error_set(err, EINVAL, "netdev '%s': interface name '%s' is longer than %d bytes",
                            id, o->ifname, IFNAMSIZ - 1);
    if (o->ifname)
        snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", o->ifname);
    exists = *req.ifr_name && if_nametoindex(req.ifr_name);
    t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (t->fd < 0)
        return dm_error_set(err, errno, "netdev '%s': interface '%s': /dev/net/tun: %s%s", id,
                            req.ifr_name, strerror(errno),
                            errno == ENOENT || errno == ENODEV ? " (kernel module tun)" : "");
    if (!ioctl(t->fd, TUNSETIFF, &req)) {
        snprintf(t->ifname, sizeof(t->ifname), "%s", req.ifr_name);
        return 0;
    }
    if (errno == EBUSY)
        return dm_error_set(err, EBUSY, "netdev '%s': interface '%s' is in use by another process",
                            id, req.ifr_name);
    if (errno == EPERM)
        return dm_error_set(err, EPERM, "netdev '%s': interface '%s' %s: no permission", id,
                            req.ifr_name, exists ? "exists but is not ours" : "cannot be made");
    if (errno == EINVAL)
        return dm_error_set(err, EINVAL, "netdev '%s': interface '%s' %s", id, req.ifr_name,
                            exists ? "is not a tap with one queue" : "has a name not allowed");
    return dm_error_set(err, errno, "netdev '%s': interface '%s': %s", id, req.ifr_name,
                        strerror(errno));
}

/* fd=: somebody, libvirt mostly, opened it for us. */
static int tap_adopt(struct tap *t, int fd, struct dm_error *err)
{
    struct ifreq req = { 0 };

    if (ioctl(fd, TUNGETIFF, &req) || !(req.ifr_flags & IFF_TAP) || !(req.ifr_flags & IFF_NO_PI))
        return dm_error_set(err, EINVAL, "netdev '%s': fd %d is not an open tap interface",
                            t->net.id, fd);
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
        return dm_error_set(err, errno, "netdev '%s': fd %d: %s", t->net.id, fd, strerror(errno));
    t->fd = fd;
    snprintf(t->ifname, sizeof(t->ifname), "%s", req.ifr_name);
    return 0;
}

static int tap_configure(struct tap *t, const struct tap_options *o, struct dm_error *err)
{
    int size = (int)TAP_HDR, sndbuf = o->sndbuf ? (int)o->sndbuf : INT32_MAX;
    struct ifreq req = { 0 };

    if (ioctl(t->fd, TUNGETIFF, &req))
        return dm_error_set(err, errno, "netdev '%s': interface '%s': TUNGETIFF: %s", t->net.id,
                            t->ifname, strerror(errno));
    if (req.ifr_flags & IFF_VNET_HDR) {
        if (ioctl(t->fd, TUNSETVNETHDRSZ, &size))
            return dm_error_set(err, errno, "netdev '%s': interface '%s': TUNSETVNETHDRSZ: %s",
                                t->net.id, t->ifname, strerror(errno));
        t->hdr = TAP_HDR;
        t->net.host_can = DM_NET_CAN_CSUM | DM_NET_CAN_TSO4 | DM_NET_CAN_TSO6 | DM_NET_CAN_ECN;
        tap_set_offload(t);
    }
    if (ioctl(t->fd, TUNSETSNDBUF, &sndbuf))
        return dm_error_set(err, errno, "netdev '%s': interface '%s': sndbuf=%d: %s", t->net.id,
                            t->ifname, sndbuf, strerror(errno));
    return 0;
}

/* Up, and into the bridge: where no script does it and nobody else is to. */
static int tap_join(const struct tap *t, const char *bridge, struct dm_error *err)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;
    struct ifreq req = { 0 };

    if (fd < 0)
        return dm_error_set(err, errno, "netdev '%s': socket: %s", t->net.id, strerror(errno));
    snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", bridge);
    req.ifr_ifindex = (int)if_nametoindex(t->ifname);
    if (ioctl(fd, SIOCBRADDIF, &req)) {
        rc = errno == EOPNOTSUPP || errno == EINVAL
                 ? dm_error_set(err, EINVAL, "netdev '%s': interface '%s' is not a bridge",
                                t->net.id, bridge)
                 : dm_error_set(err, errno, "netdev '%s': interface '%s' into bridge '%s': %s",
                                t->net.id, t->ifname, bridge, strerror(errno));
    } else {
        snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", t->ifname);
        if (ioctl(fd, SIOCGIFFLAGS, &req) ||
            (req.ifr_flags |= IFF_UP, ioctl(fd, SIOCSIFFLAGS, &req)))
            rc = dm_error_set(err, errno, "netdev '%s': interface '%s' up: %s", t->net.id,
                              t->ifname, strerror(errno));
    }
    close(fd);
    return rc;
}

static int tap_bring_up(const struct tap *t, const struct tap_options *o, struct dm_error *err)
{
    int rc;

    if (o->no_script)
        return 0; /* libxl's way: its hotplug script comes later, br= is for that one */
    if (o->bridge && (strlen(o->bridge) >= IFNAMSIZ || !if_nametoindex(o->bridge)))
        return dm_error_set(err, ENODEV, "netdev '%s': bridge '%s' does not exist", t->net.id,
                            o->bridge);
    if (!o->script)
        return o->bridge ? tap_join(t, o->bridge, err) : 0;
    rc = script_run_up(o->script, t->ifname, o->bridge, err);
    if (rc)
        dm_error_prefix(err, "netdev '%s': interface '%s'", t->net.id, t->ifname);
    return rc;
}

static int tap_allocate(struct tap *t, const struct tap_options *o, struct dm_error *err)
{
    t->batch = host_batch_get(t->loop);
    t->tx = calloc(TAP_TX_SLOTS, TAP_TX_SMALL);
    t->downscript = o->downscript ? strdup(o->downscript) : NULL;
    t->bridge = o->bridge ? strdup(o->bridge) : NULL;
    t->rx = mmap(NULL, TAP_RX_SLOTS * (size_t)(TAP_RX_SMALL + TAP_RX_REST), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (t->rx == MAP_FAILED)
        t->rx = NULL;
    if (!t->batch || !t->tx || !t->rx || (o->downscript && !t->downscript) ||
        (o->bridge && !t->bridge))
        return dm_error_set(err, ENOMEM, "netdev '%s': out of memory", t->net.id);
    for (unsigned i = 0; i < TAP_RX_SLOTS; i++) {
        uint8_t *rest = t->rx + TAP_RX_SLOTS * (size_t)TAP_RX_SMALL + i * (size_t)TAP_RX_REST;

        t->rx_iov[i][0] = (struct iovec) { t->rx + i * (size_t)TAP_RX_SMALL, TAP_RX_SMALL };
        t->rx_iov[i][1] = (struct iovec) { rest, TAP_RX_REST };
    }
    return 0;
}

int tap_open(struct dm_machine *machine, struct host_loop *loop, const char *id,
             const struct tap_options *o, struct dm_error *err)
{
    struct tap *t = calloc(1, sizeof(*t));
    int rc;

    if (!t)
        return dm_error_set(err, ENOMEM, "netdev '%s': out of memory", id);
    *t = (struct tap) { .loop = loop, .fd = -1, .want = 1 };
    t->net.ops = &tap_ops;
    snprintf(t->net.id, sizeof(t->net.id), "%s", id);
    dm_timer_init(&t->tx_retry, &loop->clock, tap_retry, t);
    rc = tap_allocate(t, o, err);
    if (!rc)
        rc = o->fd >= 0 ? tap_adopt(t, o->fd, err) : tap_attach(t, o, err);
    if (!rc)
        rc = tap_configure(t, o, err);
    if (!rc)
        rc = tap_bring_up(t, o, err);
    if (rc)
        goto fail;
    host_batch_add_file(t->batch, t->fd);
    t->watch =
        (struct host_watch) { .fd = t->fd, .events = EPOLLIN, .ready = tap_ready, .opaque = t };
    rc = host_loop_add(loop, &t->watch);
    if (rc) {
        dm_error_set(err, -rc, "netdev '%s': interface '%s': %s", id, t->ifname, strerror(-rc));
        goto fail;
    }
    t->hook = (struct host_hook) { .fn = tap_turn, .opaque = t };
    host_loop_add_hook(loop, &t->hook);
    snprintf(t->net.info, sizeof(t->net.info), "tap %s", t->ifname);
    dm_net_register(machine, &t->net);
    return 0;

fail:
    tap_free(t);
    return rc;
}
