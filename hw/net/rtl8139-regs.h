/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers of the RTL8139C(L)+, offsets from BAR 0 or BAR 1. RTL8139C(L)+ data sheet,
 * revision 1.6, chapter 6 (registers), 7 (EEPROM), 9 (descriptors); the ring of the C mode as
 * in the RTL8139C(L) data sheet, revision 1.4, chapter 6.
 */
#ifndef HW_NET_RTL8139_REGS_H
#define HW_NET_RTL8139_REGS_H

#define IDR0           0x00 /* station address, 6 bytes */
#define IDR4           0x04
#define MAR0           0x08 /* multicast hash, 8 bytes */
#define TSD0           0x10 /* C mode: four transmit status descriptors */
#define DTCCR          0x10 /* C+ mode: 64 bits, where counters go */
#define TSAD0          0x20 /* C mode: four transmit buffers */
#define TNPDS          0x20 /* C+ mode: 64 bits, normal priority ring */
#define THPDS          0x28 /* C+ mode: high priority ring */
#define RBSTART        0x30 /* C mode: the receive ring */
#define CR             0x37
#define CAPR           0x38 /* 16 bytes before the next byte the driver reads */
#define CBR            0x3a /* where the next frame goes */
#define IMR            0x3c
#define ISR            0x3e
#define TCR            0x40
#define RCR            0x44
#define TCTR           0x48 /* counts at 33 MHz */
#define MPC            0x4c /* missed packets, 24 bits */
#define CR9346         0x50
#define CONFIG0        0x51
#define CONFIG1        0x52
#define TIMERINT       0x54
#define MSR            0x58
#define CONFIG3        0x59
#define CONFIG4        0x5a
#define MULINT         0x5c
#define RERID          0x5e
#define TSAD           0x60 /* TOK, TUN, TABT, OWN of all four */
#define BMCR           0x62 /* the PHY's, as in IEEE 802.3 clause 22 */
#define BMSR           0x64
#define ANAR           0x66
#define ANLPAR         0x68
#define ANER           0x6a
#define CSCR           0x74
#define PHY1_PARM      0x78
#define TW_PARM        0x7c
#define PHY2_PARM      0x80
#define TDOKLA         0x82 /* low half of the address of the last descriptor sent */
#define WAKE           0x84 /* CRC0 to LSBCRC7: patterns of wake-up frames, 80 bytes */
#define CONFIG5        0xd8
#define TPPOLL         0xd9
#define CPCR           0xe0
#define RDSAR          0xe4 /* C+ mode: 64 bits, the receive ring */
#define ETTHR          0xec

#define TSD_SIZE       0x1fff
#define TSD_OWN        0x2000 /* the driver's */
#define TSD_TUN        0x4000
#define TSD_TOK        0x8000
#define TSD_ERTXTH     0x003f0000
#define TSD_TABT       0x40000000

#define DTCCR_CMD      0x08
#define RING_ALIGN     0xff /* of the rings and of the counters' address (0x3f) */

#define CR_BUFE        0x01
#define CR_TE          0x04
#define CR_RE          0x08
#define CR_RST         0x10

#define INT_ROK        0x0001
#define INT_RER        0x0002
#define INT_TOK        0x0004
#define INT_TER        0x0008
#define INT_RXOVW      0x0010 /* C+ mode: RDU, no receive descriptor */
#define INT_LINKCHG    0x0020
#define INT_FOVW       0x0040
#define INT_TDU        0x0080 /* C+ mode: no transmit descriptor */
#define INT_SWINT      0x0100
#define INT_TIMEOUT    0x4000
#define INT_SERR       0x8000
#define INT_ALL        0xe1ff

#define TCR_LBK        0x00060000 /* both bits: loopback */
#define TCR_CRC        0x00010000 /* the driver appends the check sequence */
#define TCR_WRITABLE   0x030f07f0
#define TCR_RESET      0x77800000 /* C+ (0x74800000) and the standard gap between frames */

#define RCR_AAP        0x01
#define RCR_APM        0x02
#define RCR_AM         0x04
#define RCR_AB         0x08
#define RCR_WRAP       0x80
#define RCR_RBLEN      11         /* 2 bits: 8 KiB << RBLEN */
#define RCR_WRITABLE   0x0f03ffbf /* bit 6, 9356SEL: a 93C46 */

#define CR9346_MODE    6 /* 2 bits */
#define CR9346_NORMAL  0
#define CR9346_LOAD    1
#define CR9346_PROGRAM 2
#define CR9346_CONFIG  3 /* CONFIG registers and BMCR may be written */
#define CR9346_EECS    0x08
#define CR9346_EESK    0x04
#define CR9346_EEDI    0x02
#define CR9346_EEDO    0x01

#define MSR_LINKB      0x04 /* no link */
#define MSR_SPEED10    0x08

#define BMCR_RESET     0x8000
#define BMCR_SPEED     0x2000
#define BMCR_ANE       0x1000
#define BMCR_RESTART   0x0200
#define BMCR_DUPLEX    0x0100
#define BMSR_NO_LINK   0x7809 /* 10 and 100 Mb/s, can negotiate, extended registers */
#define BMSR_UP        0x0024 /* negotiation done, link */
#define ANLPAR_UP      0x45e1 /* acknowledged; pause, 10 and 100 Mb/s */
#define ANER_UP        0x0001
#define CSCR_CHANGED   0x0800 /* 8139too asks here whether INT_LINKCHG is one */
#define CSCR_LINK      0x0400

#define TPPOLL_HPQ     0x80
#define TPPOLL_NPQ     0x40
#define TPPOLL_FSWINT  0x01

#define CPCR_TX        0x01
#define CPCR_RX        0x02
#define CPCR_RXCHKSUM  0x20
#define CPCR_RXVLAN    0x40
#define CPCR_WRITABLE  0x7b

/* Status of a received frame: low half of the header in the C ring. */
#define RSR_ROK        0x0001
#define RSR_BAR        0x2000
#define RSR_PAM        0x4000
#define RSR_MAR        0x8000
#define RSR_TO_DESC    11 /* left shift to where descriptors have MAR, PAM, BAR */

/* C+ descriptors: two words of options, 64 bits of address. */
#define DESC_SIZE      16
#define DESC_OWN       0x80000000u /* the chip's */
#define DESC_EOR       0x40000000
#define DESC_FS        0x20000000
#define DESC_LS        0x10000000
#define TXD_LGSEN      0x08000000
#define TXD_MSS        16 /* 11 bits */
#define TXD_IPCS       0x00040000
#define TXD_UDPCS      0x00020000
#define TXD_TCPCS      0x00010000
#define TXD_SIZE       0xffff
#define TXD_UNF        0x02000000 /* status: underrun */
#define TXD_TES        0x00800000 /* status: any error */
#define TXD2_TAGC      0x00020000
#define RXD_SIZE       0x1fff
#define RXD_TCP        0x00010000 /* PID */
#define RXD_UDP        0x00020000
#define RXD_IP         0x00030000
#define RXD_IPF        0x8000
#define RXD_UDPF       0x4000
#define RXD_TCPF       0x2000
#define RXD2_TAVA      0x00010000

/* EEPROM, words (chapter 7). */
#define EE_ID          0x00 /* 8129 */
#define EE_VENDOR      0x01
#define EE_DEVICE      0x02
#define EE_SUBVENDOR   0x03
#define EE_SUBSYSTEM   0x04
#define EE_GNT_LAT     0x05
#define EE_MSRBMCR     0x06 /* and CONFIG3 */
#define EE_MAC         0x07 /* 3 words */
#define EE_CONFIG01    0x0a
#define EE_PMC         0x0b
#define EE_CONFIG4     0x0c /* high byte; low: PMCSR */

#endif
