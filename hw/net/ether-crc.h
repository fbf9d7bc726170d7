/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame check sequence of Ethernet (IEEE 802.3 clause 3.2.9). */
#ifndef HW_NET_ETHER_CRC_H
#define HW_NET_ETHER_CRC_H

#include <stddef.h>
#include <stdint.h>

/* As it is sent, least significant byte first. */
uint32_t ether_crc(const uint8_t *data, size_t len);

/*
 * The first bits bits (1 to 31) of the sum of an address as it is on the wire: the index into
 * a table of multicast addresses.
 */
unsigned ether_crc_hash(const uint8_t addr[6], unsigned bits);

#endif
