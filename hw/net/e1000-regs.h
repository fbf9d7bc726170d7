/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel 82540EM: register offsets, bits and descriptors.
 *
 * PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual, 317453-006,
 * revision 4.0 (SDM). Section numbers below are its own.
 */
#ifndef HW_NET_E1000_REGS_H
#define HW_NET_E1000_REGS_H

#define E1000_MMIO_SIZE    0x20000u
#define E1000_IO_SIZE      0x40u

/* SDM 13.2.2: the I/O window. */
#define IOADDR             0x00
#define IODATA             0x04

/* SDM 13.4: registers, in order of their offsets. */
#define CTRL               0x0000 /* 13.4.1: device control */
#define CTRL_FD            0x00000001u
#define CTRL_LRST          0x00000008u
#define CTRL_ASDE          0x00000020u
#define CTRL_SLU           0x00000040u
#define CTRL_ILOS          0x00000080u
#define CTRL_SPEED_1000    0x00000200u
#define CTRL_SPEED         0x00000300u
#define CTRL_FRCSPD        0x00000800u
#define CTRL_FRCDPX        0x00001000u
#define CTRL_RST           0x04000000u
#define CTRL_RFCE          0x08000000u
#define CTRL_VME           0x40000000u
#define CTRL_PHY_RST       0x80000000u
#define CTRL_RW            0x7bfc1be9u /* without RST and the reserved bits */

#define STATUS             0x0008 /* 13.4.2: device status */
#define STATUS_FD          0x00000001u
#define STATUS_LU          0x00000002u
#define STATUS_TXOFF       0x00000010u
#define STATUS_SPEED(n)    ((uint32_t)(n) << 6) /* 0: 10, 1: 100, 2: 1000 Mbit/s */
#define STATUS_ASDV(n)     ((uint32_t)(n) << 8)

#define EECD               0x0010 /* 13.4.3: EEPROM control */
#define EECD_SK            0x001u
#define EECD_CS            0x002u
#define EECD_DI            0x004u
#define EECD_DO            0x008u
#define EECD_FWE           0x030u
#define EECD_REQ           0x040u
#define EECD_GNT           0x080u
#define EECD_PRES          0x100u
#define EECD_RW            0x077u /* without DO, GNT, PRES, SIZE */
#define EECD_SIZE          0x200u /* 0: 64 words */

#define EERD               0x0014 /* 13.4.4: EEPROM read */
#define EERD_START         0x01u
#define EERD_DONE          0x10u

#define CTRL_EXT           0x0018
#define CTRL_EXT_EE_RST    0x00002000u
#define CTRL_EXT_RW        0x00c08ffcu

#define FLA                0x001c /* flash access */

#define MDIC               0x0020
#define MDIC_DATA          0x0000ffffu
#define MDIC_REG(v)        ((v) >> 16 & 0x1f)
#define MDIC_PHY(v)        ((v) >> 21 & 0x1f)
#define MDIC_OP(v)         ((v) >> 26 & 3)
#define MDIC_WRITE         1
#define MDIC_READ          2
#define MDIC_R             0x10000000u
#define MDIC_I             0x20000000u
#define MDIC_E             0x40000000u

#define FCAL               0x0028
#define FCAH               0x002c
#define FCT                0x0030
#define VET                0x0038

#define ICR                0x00c0 /* interrupt cause, cleared by reading */
#define ICR_TXDW           0x00000001u
#define ICR_TXQE           0x00000002u
#define ICR_LSC            0x00000004u
#define ICR_RXSEQ          0x00000008u
#define ICR_RXDMT0         0x00000010u
#define ICR_RXO            0x00000040u
#define ICR_RXT0           0x00000080u
#define ICR_MDAC           0x00000200u
#define ICR_PHYINT         0x00001000u
#define ICR_TXD_LOW        0x00008000u
#define ICR_SRPD           0x00010000u
#define ICR_ALL            0x0001ffffu /* reserved ones too: ICS sets them (ethtool's self test) */
#define ITR                0x00c4      /* units of 256 ns */
#define ICS                0x00c8
#define IMS                0x00d0
#define IMC                0x00d8

#define RCTL               0x0100
#define RCTL_EN            0x00000002u
#define RCTL_SBP           0x00000004u
#define RCTL_UPE           0x00000008u
#define RCTL_MPE           0x00000010u
#define RCTL_LPE           0x00000020u
#define RCTL_LBM           0x000000c0u
#define RCTL_RDMTS(v)      ((v) >> 8 & 3)
#define RCTL_MO(v)         ((v) >> 12 & 3)
#define RCTL_BAM           0x00008000u
#define RCTL_BSIZE(v)      ((v) >> 16 & 3)
#define RCTL_VFE           0x00040000u
#define RCTL_CFIEN         0x00080000u
#define RCTL_CFI           0x00100000u
#define RCTL_DPF           0x00400000u
#define RCTL_BSEX          0x02000000u
#define RCTL_SECRC         0x04000000u
#define RCTL_RW            0x06dfb3feu /* what ethtool's self test wants to stick is all there is */

#define FCTTV              0x0170
#define TXCW               0x0178
#define RXCW               0x0180

#define TCTL               0x0400
#define TCTL_EN            0x00000002u
#define TCTL_PSP           0x00000008u
#define TCTL_RW            0x03fffffau
#define TIPG               0x0410
#define AIT                0x0458

#define LEDCTL             0x0e00
#define PBA                0x1000 /* KiB of the packet buffer: receive 6:0, transmit 22:16 */
#define PBA_TOTAL          64

#define FCRTL              0x2160
#define FCRTH              0x2168
#define RDFH               0x2410 /* 13.8: FIFO pointers of the packet buffer */
#define RDFT               0x2418
#define RDFHS              0x2420
#define RDFTS              0x2428
#define RDFPC              0x2430
#define RDBAL              0x2800
#define RDBAH              0x2804
#define RDLEN              0x2808
#define RDH                0x2810
#define RDT                0x2818
#define RDTR               0x2820 /* 13.4.30: units of 1.024 us */
#define RDTR_FPD           0x80000000u
#define RXDCTL             0x2828
#define RADV               0x282c
#define RSRPD              0x2c00

#define TXDMAC             0x3000
#define TDFH               0x3410
#define TDFT               0x3418
#define TDFHS              0x3420
#define TDFTS              0x3428
#define TDFPC              0x3430
#define TDBAL              0x3800
#define TDBAH              0x3804
#define TDLEN              0x3808
#define TDH                0x3810
#define TDT                0x3818
#define TIDV               0x3820
#define TIDV_FPD           0x80000000u
#define TXDCTL             0x3828
#define TXDCTL_LWTHRESH(v) ((v) >> 25) /* units of 8 descriptors */
#define TADV               0x382c
#define TSPMT              0x3830

/* 13.7: statistics. All clear when they are read and stop at their largest value. */
#define STATS              0x4000
#define MPC                0x4010
#define XONRXC             0x4048
#define XOFFRXC            0x4050
#define FCRUC              0x4058
#define PRC64              0x405c
#define PRC1522            0x4070
#define GPRC               0x4074
#define BPRC               0x4078
#define MPRC               0x407c
#define GPTC               0x4080
#define GORCL              0x4088
#define GORCH              0x408c
#define GOTCL              0x4090
#define GOTCH              0x4094
#define RNBC               0x40a0
#define ROC                0x40ac
#define TORL               0x40c0
#define TORH               0x40c4
#define TOTL               0x40c8
#define TOTH               0x40cc
#define TPR                0x40d0
#define TPT                0x40d4
#define PTC64              0x40d8
#define PTC1522            0x40ec
#define MPTC               0x40f0
#define BPTC               0x40f4
#define TSCTC              0x40f8
#define TSCTFC             0x40fc
#define STATS_COUNT        64

#define RXCSUM             0x5000 /* receive checksum control */
#define RXCSUM_PCSS        0x000000ffu
#define RXCSUM_IPOFL       0x00000100u
#define RXCSUM_TUOFL       0x00000200u
#define RXCSUM_IPV6OFL     0x00000400u
#define MTA                0x5200
#define RA                 0x5400 /* RAL and RAH in turn */
#define RA_COUNT           16
#define RAH_ASEL           0x00030000u
#define RAH_ASEL_SOURCE    0x00010000u
#define RAH_AV             0x80000000u
#define RAH_RW             0x8003ffffu
#define VFTA               0x5600
#define WUC                0x5800
#define WUFC               0x5808
#define WUS                0x5810
#define MANC               0x5820
#define IPAV               0x5838
#define IP4AT              0x5840
#define IP6AT              0x5880
#define WUPL               0x5900
#define WUPM               0x5a00
#define FFLT               0x5f00
#define FFMT               0x9000
#define FFVT               0x9800

/* SDM 3.2.3: receive descriptor: address, length, packet checksum, status, errors, special. */
#define DESC_SIZE          16
#define RXD_STATUS_DD      0x01
#define RXD_STATUS_EOP     0x02
#define RXD_STATUS_IXSM    0x04
#define RXD_STATUS_VP      0x08
#define RXD_STATUS_TCPCS   0x20
#define RXD_STATUS_IPCS    0x40
#define RXD_STATUS_PIF     0x80
#define RXD_ERROR_TCPE     0x20
#define RXD_ERROR_IPE      0x40

/* SDM 3.3: transmit descriptors: 8 bytes of address or context, a command, a status. */
#define TXD_LEN_LEGACY     0x0000ffffu
#define TXD_LEN            0x000fffffu
#define TXD_CSO(v)         ((v) >> 16 & 0xff) /* legacy: where the checksum goes */
#define TXD_DTYP(v)        ((v) >> 20 & 0xf)
#define TXD_DTYP_CTX       0
#define TXD_DTYP_DATA      1
#define TXD_EOP            0x01000000u
#define TXD_IC             0x04000000u /* legacy: insert checksum */
#define TXD_TSE            0x04000000u /* data: segment */
#define TXD_RS             0x08000000u
#define TXD_DEXT           0x20000000u
#define TXD_VLE            0x40000000u
#define TXD_IDE            0x80000000u
#define TXD_STATUS_DD      0x01
#define TXD_CSS(v)         ((v) >> 8 & 0xff) /* legacy: where the sum begins */
#define TXD_IXSM           0x00000100u
#define TXD_TXSM           0x00000200u
#define TXD_SPECIAL(v)     ((v) >> 16)
/* Context: command bits in the same word. */
#define TUCMD_TCP          0x01000000u
#define TUCMD_IP           0x02000000u /* IPv4 */
#define TUCMD_TSE          0x04000000u

/* PHY: 88E1011 within the 82540EM; SDM 13.4 (MDIC) and IEEE 802.3 clause 22. */
#define PHY_ADDRESS        1
#define PHY_CTRL           0
#define PHY_CTRL_RESET     0x8000
#define PHY_CTRL_LOOPBACK  0x4000
#define PHY_CTRL_SPEED0    0x2000
#define PHY_CTRL_AUTONEG   0x1000
#define PHY_CTRL_POWER     0x0800 /* down */
#define PHY_CTRL_RESTART   0x0200
#define PHY_CTRL_FD        0x0100
#define PHY_CTRL_SPEED1    0x0040
#define PHY_STATUS         1
#define PHY_STATUS_DONE    0x0020
#define PHY_STATUS_LINK    0x0004
#define PHY_ID1            2
#define PHY_ID2            3
#define PHY_ANA            4
#define PHY_LPA            5
#define PHY_ANE            6
#define PHY_NPT            7
#define PHY_GCON           9
#define PHY_GCON_FD        0x0200
#define PHY_GSTATUS        10
#define PHY_ESTATUS        15
#define PHY_PSCON          16
#define PHY_PSSTAT         17
#define PHY_PSSTAT_LINK    0x0400
#define PHY_PSSTAT_DONE    0x0800
#define PHY_PSSTAT_FD      0x2000
#define PHY_PINTE          18
#define PHY_PINTS          19
#define PHY_PINT_LINK      0x0400
#define PHY_PINT_DONE      0x0800
#define PHY_EPSCON1        20

/* EEPROM: SDM 5.6. Word numbers. */
#define EE_INIT1           0x0a
#define EE_SUBSYSTEM       0x0b
#define EE_SUBVENDOR       0x0c
#define EE_DEVICE          0x0d
#define EE_VENDOR          0x0e
#define EE_INIT2           0x0f
#define EE_LED             0x2f
#define EE_CHECKSUM        0x3f
#define EE_SUM             0xbaba

/* PCI power management 1.1, and where the chip has it. */
#define PM_CAP             0xdc
#define PM_PMCSR           (PM_CAP + 4)
#define PM_STATE           0x03
#define PM_D3HOT           3

#endif
