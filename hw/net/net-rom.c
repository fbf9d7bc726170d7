/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/net/net-rom.h"

#include "dm/log.h"
#include "dm/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int net_rom_init(struct dm_pci_device *pci, const char *romfile, const char *rombar,
                 const char *usual, uint8_t **rom, struct dm_error *err)
{
    const char *name = romfile ? romfile : usual, *id = pci->dev.id;
    struct dm_machine *m = pci->dev.machine;
    struct dm_error why;
    uint64_t bar = 1;
    size_t size;
    int rc;

    if (rombar && dm_parse_uint(rombar, 1, &bar))
        return dm_error_set(err, EINVAL, "device '%s': rombar=%s is neither 0 nor 1", id, rombar);
    if (!bar || !*name)
        return 0;
    rc = dm_machine_rom(m, name, rom, &size, &why);
    if (rc && !romfile && !strchr(m->boot_order, 'n')) {
        dm_log(DM_LOG_WARN, id, "no network boot: %s", why.text);
        return 0;
    }
    if (rc)
        return dm_error_set(err, -rc, "device '%s': no network boot: %s", id, why.text);
    rc = dm_pci_set_rom(pci, *rom, size);
    if (rc) {
        free(*rom);
        *rom = NULL;
        return dm_error_set(err, -rc, "device '%s': ROM '%s' has a bad size", id, name);
    }
    return 0;
}
