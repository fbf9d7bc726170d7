/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/net.h"

#include "dm/machine.h"
#include "dm/net-offload.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NET_DRAIN_TRIES 64 /* times that the host may take a part of a frame being cut */

/* A frame being cut for the host, of which the host has taken a part. */
struct dm_net_held {
    size_t len, done; /* len 0: none */
    struct dm_net_offload off;
    uint8_t frame[DM_NET_MAX_LEN];
};

static void net_monitor(struct dm_net *net, const struct dm_iov *iov, int n, size_t len)
{
    for (struct dm_net_monitor *m = net->monitors; m; m = m->next)
        m->frame(m->opaque, iov, n, len);
}

static void net_count(struct dm_net_counters *c, size_t len)
{
    c->frames++;
    c->bytes += len;
}

/* What is still to be done at the other end, which can do can. NULL: nothing. */
static const struct dm_net_offload *net_needs(const struct dm_net_offload *off)
{
    return off && (off->flags || off->gso_type != DM_NET_GSO_NONE) ? off : NULL;
}

static bool net_can(const struct dm_net_offload *off, unsigned can)
{
    unsigned gso = off->gso_type & ~DM_NET_GSO_ECN;

    if (off->flags & DM_NET_F_NEEDS_CSUM && !(can & DM_NET_CAN_CSUM))
        return false;
    if (off->gso_type & DM_NET_GSO_ECN && !(can & DM_NET_CAN_ECN))
        return false;
    return gso == DM_NET_GSO_NONE || (gso == DM_NET_GSO_TCPV4 && can & DM_NET_CAN_TSO4) ||
           (gso == DM_NET_GSO_TCPV6 && can & DM_NET_CAN_TSO6);
}

static bool net_frame_valid(const struct dm_iov *iov, int n, size_t len,
                            const struct dm_net_offload *off)
{
    return len >= DM_NET_ETH_LEN && len <= DM_NET_MAX_LEN && n > 0 && n <= DM_NET_IOV_MAX &&
           (!off || dm_net_offload_valid(off, iov, n, len));
}

void dm_net_set_user(struct dm_net *net, const struct dm_net_user *user, void *opaque)
{
    if (!net)
        return;
    net->user = user;
    net->user_opaque = opaque;
    net->rx_done = 0;
    dm_net_set_offload(net, 0);
    dm_net_accept(net);
}

/* The frame of cut from done bytes of payload on. Returns where the host refused; 0: never. */
static bool net_send_cut(struct dm_net *net, struct dm_net_cut *cut, size_t *done)
{
    size_t next = *done;

    for (;;) {
        *done = next;
        next = dm_net_cut_step(cut, *done);
        if (!net->ops->send(net, cut->out, cut->out_n, cut->out_len, NULL))
            return false;
        if (!next)
            return true;
    }
}

static bool net_hold(struct dm_net *net, const struct dm_net_cut *cut, size_t done)
{
    if (!net->held)
        net->held = calloc(1, sizeof(*net->held));
    if (!net->held) {
        net->tx.dropped++;
        return true;
    }
    net->held->len = cut->len;
    net->held->done = done;
    net->held->off = cut->off;
    dm_net_gather(cut->iov, cut->n, 0, net->held->frame, cut->len);
    return true;
}

static bool net_send(struct dm_net *net, const struct dm_iov *iov, int n, size_t len,
                     const struct dm_net_offload *off)
{
    struct dm_net_cut cut;
    size_t done = 0;

    if (net->held && net->held->len)
        return false;
    if (!off || net_can(off, net->host_can))
        return net->ops->send(net, iov, n, len, off);
    if (!(off->flags & DM_NET_F_NEEDS_CSUM))
        return net->ops->send(net, iov, n, len, NULL);
    dm_net_cut_init(&cut, iov, n, len, off);
    if (net_send_cut(net, &cut, &done))
        return true;
    net->host_waits = true;
    return done ? net_hold(net, &cut, done) : false;
}

bool dm_net_send(struct dm_net *net, const struct dm_iov *iov, int n, size_t len,
                 const struct dm_net_offload *off)
{
    bool taken;

    if (!net)
        return true;
    off = net_needs(off);
    if (!net->link_up || !net_frame_valid(iov, n, len, off)) {
        net->tx.dropped++;
        return true;
    }
    net->sending = true;
    taken = net_send(net, iov, n, len, off);
    net->sending = false;
    if (!taken) {
        net->host_waits = true;
        return false;
    }
    net_count(&net->tx, len);
    net_monitor(net, iov, n, len);
    return true;
}

void dm_net_flush(struct dm_net *net)
{
    if (!net || !net->ops->flush)
        return;
    net->sending = true;
    net->ops->flush(net);
    net->sending = false;
}

void dm_net_accept(struct dm_net *net)
{
    if (!net || !net->user_waits)
        return;
    net->user_waits = false;
    net->sending = true;
    net->ops->accept(net);
    net->sending = false;
}

void dm_net_drop(struct dm_net *net)
{
    if (net)
        net->rx.dropped++;
}

void dm_net_set_offload(struct dm_net *net, unsigned can)
{
    if (!net)
        return;
    if (!(can & DM_NET_CAN_CSUM))
        can = 0;
    if (net->user_can == can)
        return;
    net->user_can = can;
    if (net->ops->set_offload)
        net->ops->set_offload(net, can);
}

bool dm_net_link(const struct dm_net *net)
{
    return net && net->link_up;
}

bool dm_net_room(struct dm_net *net, size_t len)
{
    bool room;

    if (!net->user || !net->link_up)
        return true;
    /* A device that is being saved does not change. */
    room = net->machine->run_state != DM_PAUSED && net->user->room(net->user_opaque, len);
    net->user_waits = !room;
    return room;
}

static bool net_receive_cut(struct dm_net *net, const struct dm_iov *iov, int n, size_t len,
                            const struct dm_net_offload *off)
{
    struct dm_net_cut cut;
    size_t next;

    dm_net_cut_init(&cut, iov, n, len, off);
    if (net->rx_done > len - cut.off.hdr_len)
        net->rx_done = 0; /* not the frame that was refused */
    for (;; net->rx_done = next) {
        static const struct dm_net_offload valid = { .flags = DM_NET_F_DATA_VALID };

        next = dm_net_cut_step(&cut, net->rx_done);
        if (!net->user->receive(net->user_opaque, cut.out, cut.out_n, cut.out_len, &valid))
            return false;
        if (!next)
            break;
    }
    net->rx_done = 0;
    return true;
}

bool dm_net_receive(struct dm_net *net, const struct dm_iov *iov, int n, size_t len,
                    const struct dm_net_offload *off)
{
    bool taken;

    assert(!net->sending);
    off = net_needs(off);
    if (!net->user || !net->link_up || !net_frame_valid(iov, n, len, off)) {
        net->rx_done = 0;
        net->rx.dropped++;
        return true;
    }
    if (net->machine->run_state == DM_PAUSED)
        taken = false;
    else if (!off || !(off->flags & DM_NET_F_NEEDS_CSUM) ||
             (!net->rx_done && net_can(off, net->user_can))) /* once cut, always cut */
        taken = net->user->receive(net->user_opaque, iov, n, len, off);
    else
        taken = net_receive_cut(net, iov, n, len, off);
    if (!taken) {
        net->user_waits = true;
        return false;
    }
    net_count(&net->rx, len);
    net_monitor(net, iov, n, len);
    return true;
}

/* Goes on with the frame that the host took in part. false: it refused again. */
static bool net_send_held(struct dm_net *net)
{
    struct dm_net_held *held = net->held;
    struct dm_iov iov;
    struct dm_net_cut cut;

    if (!held || !held->len)
        return true;
    iov = (struct dm_iov) { held->frame, held->len };
    dm_net_cut_init(&cut, &iov, 1, held->len, &held->off);
    if (!net_send_cut(net, &cut, &held->done))
        return false;
    held->len = 0;
    return true;
}

void dm_net_writable(struct dm_net *net)
{
    if (!net->host_waits || !net_send_held(net))
        return;
    net->host_waits = false;
    /* A device that is being saved does not change: net_run_changed tells it. */
    if (net->user && net->user->writable && net->machine->run_state != DM_PAUSED)
        net->user->writable(net->user_opaque);
}

/* The rest of a frame being cut has left the guest's ring: it is sent here, or nowhere. */
void dm_net_drain(struct dm_net *net)
{
    dm_net_flush(net);
    if (!net->ops->drain || !net->ops->drain(net))
        return;
    for (unsigned tries = 0; !net_send_held(net) && tries < NET_DRAIN_TRIES; tries++) {
        dm_net_flush(net);
        if (!net->ops->drain(net))
            break;
    }
    dm_net_flush(net);
    net->ops->drain(net);
}

void dm_net_set_link(struct dm_net *net, bool up)
{
    if (net->link_up == up)
        return;
    net->link_up = up;
    if (net->user && net->user->link_changed)
        net->user->link_changed(net->user_opaque, up);
    if (!up)
        dm_net_accept(net); /* what waits is dropped */
}

void dm_net_add_monitor(struct dm_net *net, struct dm_net_monitor *monitor)
{
    monitor->next = net->monitors;
    net->monitors = monitor;
}

void dm_net_remove_monitor(struct dm_net *net, struct dm_net_monitor *monitor)
{
    struct dm_net_monitor **p = &net->monitors;

    while (*p && *p != monitor)
        p = &(*p)->next;
    if (*p)
        *p = monitor->next;
}

/* A machine that goes on after a stop takes what waited, and sends what it could not. */
static void net_run_changed(void *opaque, enum dm_run_state state)
{
    struct dm_machine *m = opaque;

    for (struct dm_net *n = m->nets; n && state == DM_RUNNING; n = n->next) {
        dm_net_accept(n);
        if (!n->host_waits && n->user && n->user->writable)
            n->user->writable(n->user_opaque);
    }
}

void dm_net_register(struct dm_machine *m, struct dm_net *net)
{
    struct dm_net **p = &m->nets;

    if (!m->nets_run.changed) {
        m->nets_run = (struct dm_run_notifier) { .changed = net_run_changed, .opaque = m };
        dm_machine_on_run(m, &m->nets_run);
    }
    while (*p)
        p = &(*p)->next;
    net->machine = m;
    net->link_up = true;
    net->next = NULL;
    *p = net;
}

void dm_net_close(struct dm_net *net)
{
    struct dm_net **p = &net->machine->nets;

    while (*p != net)
        p = &(*p)->next;
    *p = net->next;
    for (struct dm_net_monitor *m = net->monitors, *next; m; m = next) {
        next = m->next;
        if (m->closed)
            m->closed(m->opaque);
    }
    net->monitors = NULL;
    if (net->tx.dropped || net->rx.dropped)
        dm_log(DM_LOG_INFO, net->id,
               "dropped %" PRIu64 " frames of %" PRIu64 " sent, %" PRIu64 " of %" PRIu64
               " received",
               net->tx.dropped, net->tx.frames, net->rx.dropped, net->rx.frames);
    free(net->held);
    net->held = NULL;
    net->ops->close(net);
}

struct dm_net *dm_net_find(struct dm_machine *m, const char *id)
{
    for (struct dm_net *n = m->nets; n; n = n->next)
        if (!strcmp(n->id, id))
            return n;
    return NULL;
}

static int mac_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int dm_net_parse_mac(const char *text, uint8_t mac[DM_NET_MAC_LEN])
{
    static const uint8_t zeros[DM_NET_MAC_LEN];
    uint8_t m[DM_NET_MAC_LEN];

    for (int i = 0; i < DM_NET_MAC_LEN; i++, text += 3) {
        int high = mac_digit(text[0]), low = high < 0 ? -1 : mac_digit(text[1]);

        if (low < 0 || text[2] != (i < DM_NET_MAC_LEN - 1 ? ':' : '\0'))
            return -EINVAL;
        m[i] = (uint8_t)(high << 4 | low);
    }
    if (m[0] & 1 || !memcmp(m, zeros, sizeof(m)))
        return -EINVAL;
    memcpy(mac, m, sizeof(m));
    return 0;
}

void dm_net_default_mac(struct dm_machine *m, uint8_t mac[DM_NET_MAC_LEN])
{
    static const uint8_t zeros[DM_NET_MAC_LEN], first[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

    if (memcmp(mac, zeros, sizeof(zeros)))
        return;
    memcpy(mac, first, sizeof(first));
    mac[5] = (uint8_t)(mac[5] + m->default_macs++);
}
