/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ethernet frames between a network card and the host. A frame begins with the destination
 * address and has no FCS. Loop thread only.
 *
 * Both ends may pass a frame whose checksum or segmentation is still to be done (struct
 * dm_net_offload): what the other end cannot take that way is finished here, in software,
 * so neither end needs to ask. Frames come to a card from the loop only, never from within
 * a call that the card made (CVE-2021-3416).
 */
#ifndef DM_NET_H
#define DM_NET_H

#include "dm/dma.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DM_NET_MAC_LEN 6
#define DM_NET_ETH_LEN 14 /* bytes: two addresses and the type */
#define DM_NET_MIN_LEN 60 /* bytes: Ethernet's least, without FCS */
#define DM_NET_MAX_LEN \
    65560                  /* bytes: Ethernet with two VLAN tags, the largest IP packet, and some */
#define DM_NET_IOV_MAX  64 /* pieces of a frame */
#define DM_NET_HDR_MAX  256 /* bytes of headers of a frame to be cut */
#define DM_NET_NICS_MAX 8   /* of a machine */

/* What is still to be done to a frame: the first ten bytes of Linux' virtio_net_hdr. */
struct dm_net_offload {
    uint8_t flags;        /* DM_NET_F_* */
    uint8_t gso_type;     /* DM_NET_GSO_* */
    uint16_t hdr_len;     /* bytes: all headers, of a frame to be cut */
    uint16_t gso_size;    /* bytes of payload of each piece (MSS) */
    uint16_t csum_start;  /* with NEEDS_CSUM: offset of the first byte that is summed ... */
    uint16_t csum_offset; /* ... and, from there, where the sum goes */
};

#define DM_NET_F_NEEDS_CSUM 1 /* the place of the sum holds that of the pseudo header */
#define DM_NET_F_DATA_VALID 2 /* the sums have been checked and are right */

#define DM_NET_GSO_NONE     0
#define DM_NET_GSO_TCPV4    1
#define DM_NET_GSO_TCPV6    4
#define DM_NET_GSO_ECN      0x80 /* flag: CWR only in the first piece */

/* What an end takes unfinished. */
#define DM_NET_CAN_CSUM     1 /* NEEDS_CSUM */
#define DM_NET_CAN_TSO4     2 /* GSO_TCPV4, needs CAN_CSUM */
#define DM_NET_CAN_TSO6     4
#define DM_NET_CAN_ECN      8 /* GSO_ECN */

struct dm_net;
struct dm_machine;

/* The host's end. */
struct dm_net_ops {
    /*
     * Takes a frame of len bytes (at least DM_NET_ETH_LEN) in n pieces to the host. They are
     * copied or written when this returns. off: NULL: nothing to be done. false: no room;
     * dm_net_writable follows.
     */
    bool (*send)(struct dm_net *net, const struct dm_iov *iov, int n, size_t len,
                 const struct dm_net_offload *off);
    /*
     * What was sent leaves now; without it at the end of the loop's turn, when the vCPU that
     * sent goes on already. May be NULL.
     */
    void (*flush)(struct dm_net *net);
    /* The card takes frames again after it refused one. Calls back from the loop, later. */
    void (*accept)(struct dm_net *net);
    /* Waits a little until what was sent has left. false: it has not. May be NULL */
    bool (*drain)(struct dm_net *net);
    void (*set_offload)(struct dm_net *net, unsigned can); /* of the card. May be NULL */
    void (*close)(struct dm_net *net);                     /* frees it */
};

/* The card's end. */
struct dm_net_user {
    /* Could a frame of len bytes be received now? false: dm_net_accept follows. */
    bool (*room)(void *opaque, size_t len);
    /*
     * A frame, at least DM_NET_ETH_LEN bytes, maybe below Ethernet's least. off: NULL, or
     * what is to be done: nothing but what dm_net_set_offload said. false: no room, it will
     * be offered again after dm_net_accept. A card that is off takes frames and drops them
     * (dm_net_drop counts).
     */
    bool (*receive)(void *opaque, const struct dm_iov *iov, int n, size_t len,
                    const struct dm_net_offload *off);
    /* The host takes frames again after it refused one, or the machine runs again after a stop. */
    void (*writable)(void *opaque);
    void (*link_changed)(void *opaque, bool up); /* by QMP's set_link. May be NULL */
};

/* Sees all frames, as they pass: a capture. */
struct dm_net_monitor {
    void (*frame)(void *opaque, const struct dm_iov *iov, int n, size_t len);
    void (*closed)(void *opaque); /* the netdev ends, and this with it. May be NULL */
    void *opaque;
    struct dm_net_monitor *next;
};

struct dm_net_counters {
    uint64_t frames, bytes;
    uint64_t dropped; /* lost here, with the link down, or by the card or the host */
};

#define DM_NET_ID_MAX 64

struct dm_net {
    const struct dm_net_ops *ops;
    char id[DM_NET_ID_MAX]; /* of -netdev */
    char info[64];          /* "tap vif1.0-emu" */
    bool link_up;
    bool attached;  /* a device has it */
    bool unplugged; /* its card was, before the machine was saved: it ends when that has arrived */
    unsigned host_can; /* DM_NET_CAN_*: what ops->send takes; set before registering */
    unsigned user_can; /* what the card takes */
    struct dm_net_counters tx, rx;
    const struct dm_net_user *user; /* NULL: frames from the host are dropped */
    void *user_opaque;
    struct dm_machine *machine;
    struct dm_net *next; /* of the machine */
    struct dm_net_monitor *monitors;
    /* dm/net's own. */
    bool sending;                /* the card is in dm_net_send or the like */
    bool user_waits, host_waits; /* refused a frame, not told yet that there is room */
    size_t rx_done;              /* bytes of payload that the card has of the frame offered */
    struct dm_net_held *held;    /* the rest of a frame being cut for a host that refused it */
};

/* For cards. net may be NULL: frames go nowhere. */

/* Sets who receives; user NULL: nobody. */
void dm_net_set_user(struct dm_net *net, const struct dm_net_user *user, void *opaque);

/*
 * Sends. true: taken, the card may forget it. Frames that are too short, too long or whose
 * off makes no sense are dropped and counted. false: the card keeps the frame, sends no
 * other one, and is told by user->writable.
 */
bool dm_net_send(struct dm_net *net, const struct dm_iov *iov, int n, size_t len,
                 const struct dm_net_offload *off);
void dm_net_accept(struct dm_net *net); /* the card has room. Cheap when nothing waits */
void dm_net_drop(struct dm_net *net);   /* the card lost a frame that it has taken */
/* What the guest's driver can receive. Nothing (0) at first. */
void dm_net_set_offload(struct dm_net *net, unsigned can);
bool dm_net_link(const struct dm_net *net); /* false also for NULL */

/* For hosts. */

/* Is it worth to bring frames? false: wait for ops->accept. */
bool dm_net_room(struct dm_net *net, size_t len);

/*
 * Brings a frame in n pieces, len bytes in all. true: done with. false: bring the same frame
 * again (it may be delivered in part) after ops->accept. Not from within ops.
 */
bool dm_net_receive(struct dm_net *net, const struct dm_iov *iov, int n, size_t len,
                    const struct dm_net_offload *off);
void dm_net_writable(struct dm_net *net); /* there is room after send said false */

/* For the machine and its control. */

void dm_net_flush(struct dm_net *net); /* what was sent leaves now, not at the end of the turn */
void dm_net_set_link(struct dm_net *net, bool up);

/* What the card has sent leaves now. Waits a little where the host is slow. For stop and save. */
void dm_net_drain(struct dm_net *net);

void dm_net_add_monitor(struct dm_net *net, struct dm_net_monitor *monitor);
void dm_net_remove_monitor(struct dm_net *net, struct dm_net_monitor *monitor);
/* Tells the switches, a few times, that the machine's cards are here now. */
void dm_net_announce(struct dm_machine *machine);
void dm_net_register(struct dm_machine *machine, struct dm_net *net);
void dm_net_close(struct dm_net *net); /* takes it from the machine and ends it */
struct dm_net *dm_net_find(struct dm_machine *machine, const char *id);

/* "52:54:00:12:34:56". Returns 0, or -EINVAL: malformed, multicast, or all zeros. */
int dm_net_parse_mac(const char *text, uint8_t mac[DM_NET_MAC_LEN]);
/* A card without mac= (all zeros in mac) gets the next one of QEMU's: 52:54:00:12:34:56 on. */
void dm_net_default_mac(struct dm_machine *machine, uint8_t mac[DM_NET_MAC_LEN]);

#endif
