/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * EEPROM of the e1000: a 93C46, reached bit by bit through EECD or word by word through EERD.
 * SDM chapter 5 (contents, interface), 13.4.3, 13.4.4.
 *
 * What the guest writes lasts as long as the process: the chip's contents go with the saved
 * state, but into no file. Missing: the flash memory interface; there is no flash.
 */
#include "hw/net/e1000.h"

#include <string.h>

void e1000_eeprom_init(struct e1000 *s)
{
    const struct dm_pci_info *info = s->pci.dev.class->pci;
    uint16_t *w = s->eeprom.word, sum = 0;

    memset(w, 0xff, sizeof(s->eeprom.word));
    for (unsigned i = 0; i < DM_NET_MAC_LEN / 2; i++)
        w[i] = (uint16_t)dm_get_le(s->mac + 2 * i, 2);
    w[0x03] = 0; /* compatibility: no LOM, no server */
    w[0x08] = 0; /* printed board assembly number: none */
    w[0x09] = 0;
    w[EE_INIT1] = 0x4403; /* valid (15:14 = 01), full duplex, IDs are loaded */
    w[EE_SUBSYSTEM] = info->subsystem;
    w[EE_SUBVENDOR] = info->subsystem_vendor;
    w[EE_DEVICE] = info->device;
    w[EE_VENDOR] = info->vendor;
    w[EE_INIT2] = 0x3040; /* symmetric and asymmetric pause */
    w[0x14] = 0;          /* no wake-up by the BIOS' leave */
    w[0x24] = 0;
    w[EE_LED] = 0x0602;
    for (unsigned i = 0; i < EE_CHECKSUM; i++)
        sum = (uint16_t)(sum + w[i]);
    w[EE_CHECKSUM] = (uint16_t)(EE_SUM - sum);
}

uint32_t e1000_eecd_read(struct e1000 *s, unsigned index)
{
    uint32_t val = s->eecd | EECD_PRES;

    /* Nobody else wants the bus: it is granted at once. */
    if (s->eecd & EECD_REQ)
        val |= EECD_GNT;
    if (eeprom93xx_get(&s->eeprom))
        val |= EECD_DO;
    return val;
}

void e1000_eecd_write(struct e1000 *s, unsigned index, uint32_t val)
{
    s->eecd = val & EECD_RW;
    eeprom93xx_set(&s->eeprom, val & EECD_CS, val & EECD_SK, val & EECD_DI);
}

void e1000_eerd_write(struct e1000 *s, unsigned index, uint32_t val)
{
    unsigned addr = val >> 8 & 0xff;

    s->eerd = val & 0xff00;
    if (val & EERD_START) /* words that a 93C46 lacks come round again */
        s->eerd |= (uint32_t)s->eeprom.word[addr & (EEPROM93XX_WORDS - 1)] << 16 | EERD_DONE;
}
