/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices and their classes. A device embeds struct dm_device (or struct
 * dm_pci_device, which begins with one) as its first member and is allocated,
 * zeroed, by dm_device_create. Loop thread only.
 */
#ifndef DM_DEVICE_H
#define DM_DEVICE_H

#include "dm/error.h"
#include "dm/log.h"
#include "dm/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dm_device;
struct dm_machine;
struct dm_net;
struct dm_pci_info;

/* key=value of a -device argument. */
struct dm_option {
    const char *key, *value;
};

enum dm_prop_kind {
    DM_PROP_UINT,    /* unsigned integer of size bytes; 0x prefix allowed */
    DM_PROP_BOOL,    /* on, off, true, false, yes, no */
    DM_PROP_STR,     /* char * owned by the device, freed at unrealize */
    DM_PROP_BLOCK,   /* struct dm_block *: the id of a -drive */
    DM_PROP_CHARDEV, /* struct dm_chardev *: the id of a -chardev or -serial */
    DM_PROP_NET,     /* struct dm_net *: the id of a -netdev; closed with the device */
    DM_PROP_MAC,     /* uint8_t[6]: a unicast Ethernet address, aa:bb:cc:dd:ee:ff */
};

/* A property that -device NAME,key=value sets. Zeroed objects must mean the default. */
struct dm_prop {
    const char *name;
    enum dm_prop_kind kind;
    size_t offset, size;
};

#define DM_PROP(S, m, kind, name)                       \
    {                                                   \
        name, kind, offsetof(S, m), sizeof(((S *)0)->m) \
    }
#define DM_PROPS_END             \
    {                            \
        NULL, DM_PROP_UINT, 0, 0 \
    }

/* What a guest with paravirtual drivers asks to be taken away (dm_machine_unplug). */
enum {
    DM_UNPLUG_IDE_DISKS = 1, /* all IDE and SCSI disks, not CDs */
    DM_UNPLUG_NICS = 2,
    DM_UNPLUG_AUX_IDE = 4, /* IDE disks but the primary master */
    DM_UNPLUG_NVME = 8,
};

struct dm_class {
    const char *name;              /* what -device names */
    size_t size;                   /* of the struct that embeds the dm_device */
    uint16_t version;              /* of the saved fields, from 1 */
    const struct dm_pci_info *pci; /* a PCI function; NULL: not one */
    const struct dm_prop *props;   /* may be NULL */
    /* Connects it: regions, IRQs, timers. Leaves nothing behind when it fails. */
    int (*realize)(struct dm_device *dev, struct dm_error *err);
    void (*unrealize)(struct dm_device *dev); /* may be NULL */
    void (*reset)(struct dm_device *dev);     /* power-on values */
    const struct dm_field *fields;            /* saved registers; may be NULL */
    /* Checks what was loaded, rebuilds derived values. Returns 0 or -EINVAL. */
    int (*post_load)(struct dm_device *dev, uint16_t version);
    /* Finishes what is in flight, before saving. May be NULL. */
    void (*quiesce)(struct dm_device *dev);
    /*
     * The guest takes over with paravirtual drivers: disappear if a bit of mask
     * means this device. It may destroy itself, but no other. NULL: never.
     */
    void (*unplug)(struct dm_device *dev, unsigned mask);
};

#define DM_DEVICE_ID_MAX 64

struct dm_device {
    const struct dm_class *class;
    struct dm_machine *machine;
    struct dm_device *next;
    char id[DM_DEVICE_ID_MAX]; /* id= or "CLASS-n" */
    struct dm_log_budget guest_errors;
    bool loaded; /* dm/state's: the stream being loaded had a record for it */
};

/*
 * Creates, realizes and resets a device of the named class. The options id and,
 * for PCI, addr=SLOT[.FN] are taken here; the others must be in class->props.
 * Returns NULL with err set: an unknown class, option or value, or what realize said.
 */
struct dm_device *dm_device_create(struct dm_machine *machine, const char *class_name,
                                   const struct dm_option *options, size_t count,
                                   struct dm_error *err);
void dm_device_destroy(struct dm_device *dev); /* NULL is fine */

struct dm_device *dm_device_find(struct dm_machine *machine, const char *id);

/* What its property netdev names. NULL: it has none, or nothing is there. */
struct dm_net *dm_device_net(const struct dm_device *dev);

/* Takes the network back end from dev: it does not end with it. NULL: it had none. */
struct dm_net *dm_device_take_net(struct dm_device *dev);

/* Its property mac, DM_NET_MAC_LEN bytes. NULL: it has none. */
const uint8_t *dm_device_mac(const struct dm_device *dev);

/* First device of a class, or the one after prev. NULL: no more. */
struct dm_device *dm_device_of_class(struct dm_machine *machine, const struct dm_class *class,
                                     struct dm_device *prev);

void dm_device_reset(struct dm_device *dev);
void dm_device_save(struct dm_device *dev, struct dm_buf *buf);
int dm_device_load(struct dm_device *dev, const uint8_t *data, size_t len, uint16_t version,
                   struct dm_error *err);

/* The guest did what hardware does not define. Logged within the device's budget. */
__attribute__((format(printf, 2, 3))) void dm_guest_error(struct dm_device *dev, const char *fmt,
                                                          ...);

/* "on", "0x10"...: the values of options. Return 0 or -EINVAL. */
int dm_parse_bool(const char *text, bool *value);
int dm_parse_uint(const char *text, uint64_t max, uint64_t *value);

#endif
