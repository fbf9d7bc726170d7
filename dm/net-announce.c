/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After a migration the switches still send to the host that the guest left. Linux' PV
 * drivers tell them; the drivers of emulated cards know of no migration, so we do: a RARP
 * request (RFC 903) in the name of each card, which nobody answers, some times.
 */
#include "dm/machine.h"

#include "dm/bytes.h"

#include <string.h>

#define ANNOUNCE_ROUNDS 5
#define ANNOUNCE_FIRST  (50 * DM_NS_PER_MS)
#define ANNOUNCE_STEP   (100 * DM_NS_PER_MS) /* each pause is longer by this */

#define ETH_RARP        0x8035
#define ARP_ETHERNET    1
#define ARP_IP          0x0800
#define ARP_REVERSE     3

static void announce_card(struct dm_net *net, const uint8_t *mac)
{
    uint8_t frame[DM_NET_MIN_LEN] = { 0 }, *arp = frame + DM_NET_ETH_LEN;
    struct dm_iov iov = { frame, sizeof(frame) };

    memset(frame, 0xff, DM_NET_MAC_LEN);
    memcpy(frame + 6, mac, DM_NET_MAC_LEN);
    dm_put_be(frame + 12, 2, ETH_RARP);
    dm_put_be(arp, 2, ARP_ETHERNET);
    dm_put_be(arp + 2, 2, ARP_IP);
    arp[4] = DM_NET_MAC_LEN;
    arp[5] = 4;
    dm_put_be(arp + 6, 2, ARP_REVERSE);
    memcpy(arp + 8, mac, DM_NET_MAC_LEN);  /* sender; its IP address is unknown: zeroes */
    memcpy(arp + 18, mac, DM_NET_MAC_LEN); /* whose IP address is wanted */
    dm_net_send(net, &iov, 1, sizeof(frame), NULL);
    dm_net_flush(net);
}

static void announce_round(void *opaque)
{
    struct dm_machine *m = opaque;

    for (struct dm_device *d = m->devices; d; d = d->next) {
        const uint8_t *mac = dm_device_mac(d);
        struct dm_net *net = dm_device_net(d);

        if (mac && net)
            announce_card(net, mac);
    }
    m->announced++;
    if (m->announced < ANNOUNCE_ROUNDS)
        dm_timer_arm(&m->announce,
                     dm_clock_now(m->clock) + ANNOUNCE_FIRST + (m->announced - 1) * ANNOUNCE_STEP);
}

void dm_net_announce(struct dm_machine *m)
{
    dm_timer_cancel(&m->announce);
    dm_timer_init(&m->announce, m->clock, announce_round, m);
    m->announced = 0;
    announce_round(m);
}
