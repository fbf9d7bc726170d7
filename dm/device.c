/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/device.h"

#include "dm/bytes.h"
#include "dm/machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int dm_parse_bool(const char *text, bool *value)
{
    static const char *const yes[] = { "on", "true", "yes" }, *const no[] = { "off", "false",
                                                                              "no" };

    for (unsigned i = 0; i < DM_ARRAY_LEN(yes); i++) {
        if (!strcmp(text, yes[i]) || !strcmp(text, no[i])) {
            *value = !strcmp(text, yes[i]);
            return 0;
        }
    }
    return -EINVAL;
}

int dm_parse_uint(const char *text, uint64_t max, uint64_t *value)
{
    char *end;

    if (*text < '0' || *text > '9')
        return -EINVAL;
    errno = 0;
    *value = strtoull(text, &end, 0);
    return errno || *end || *value > max ? -EINVAL : 0;
}

static const struct dm_prop *device_prop_find(const struct dm_class *class, const char *name)
{
    for (const struct dm_prop *p = class->props; p && p->name; p++)
        if (!strcmp(p->name, name))
            return p;
    return NULL;
}

static int device_prop_set_block(struct dm_device *dev, struct dm_block **field, const char *id,
                                 struct dm_error *err)
{
    struct dm_block *block = dm_block_find(dev->machine, id);

    if (!block)
        return dm_error_set(err, ENOENT, "device '%s': no drive '%s'", dev->id, id);
    if (block->attached)
        return dm_error_set(err, EBUSY, "device '%s': drive '%s' is used by another device",
                            dev->id, id);
    *field = block;
    return 0;
}

static int device_prop_set_net(struct dm_device *dev, struct dm_net **field, const char *id,
                               struct dm_error *err)
{
    struct dm_net *net = dm_net_find(dev->machine, id);

    if (!net)
        return dm_error_set(err, ENOENT, "device '%s': no netdev '%s'", dev->id, id);
    if (net->attached)
        return dm_error_set(err, EBUSY, "device '%s': netdev '%s' is used by another device",
                            dev->id, id);
    *field = net;
    return 0;
}

static int device_prop_set(struct dm_device *dev, const struct dm_prop *prop, const char *value,
                           struct dm_error *err)
{
    uint8_t *field = (uint8_t *)dev + prop->offset;
    struct dm_chardev *chr;
    uint64_t number;
    char *copy;

    switch (prop->kind) {
    case DM_PROP_UINT:
        if (dm_parse_uint(value, dm_ones((unsigned)prop->size), &number))
            break;
        if (prop->size == 1)
            *field = (uint8_t)number;
        else if (prop->size == 2)
            *(uint16_t *)(void *)field = (uint16_t)number;
        else if (prop->size == 4)
            *(uint32_t *)(void *)field = (uint32_t)number;
        else
            *(uint64_t *)(void *)field = number;
        return 0;
    case DM_PROP_BOOL:
        if (dm_parse_bool(value, (bool *)field))
            break;
        return 0;
    case DM_PROP_STR:
        copy = strdup(value);
        if (!copy)
            return dm_error_set(err, ENOMEM, "device '%s': out of memory", dev->id);
        free(*(char **)(void *)field);
        *(char **)(void *)field = copy;
        return 0;
    case DM_PROP_BLOCK:
        return device_prop_set_block(dev, (struct dm_block **)(void *)field, value, err);
    case DM_PROP_CHARDEV:
        chr = dm_chardev_find(dev->machine, value);
        if (!chr)
            return dm_error_set(err, ENOENT, "device '%s': no chardev '%s'", dev->id, value);
        if (chr->user)
            return dm_error_set(err, EBUSY, "device '%s': chardev '%s' is used by another device",
                                dev->id, value);
        *(struct dm_chardev **)(void *)field = chr;
        return 0;
    case DM_PROP_NET:
        return device_prop_set_net(dev, (struct dm_net **)(void *)field, value, err);
    case DM_PROP_MAC:
        if (dm_net_parse_mac(value, field))
            break;
        return 0;
    }
    return dm_error_set(err, EINVAL, "device '%s': bad value '%s' for '%s'", dev->id, value,
                        prop->name);
}

/* addr=SLOT or SLOT.FUNCTION, hexadecimal as QEMU has it. */
static int device_parse_addr(const char *text, uint8_t *slot, uint8_t *fn)
{
    char *end;
    unsigned long s, f = 0;

    s = strtoul(text, &end, 16);
    if (end == text || s > 31)
        return -EINVAL;
    if (*end == '.') {
        text = end + 1;
        f = strtoul(text, &end, 16);
        if (end == text || f > 7)
            return -EINVAL;
    }
    *slot = (uint8_t)s;
    *fn = (uint8_t)f;
    return *end ? -EINVAL : 0;
}

static int device_set_options(struct dm_device *dev, const struct dm_option *options, size_t count,
                              uint8_t *slot, uint8_t *fn, struct dm_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct dm_prop *prop = device_prop_find(dev->class, options[i].key);
        int rc;

        if (!strcmp(options[i].key, "id"))
            continue;
        if (dev->class->pci && !strcmp(options[i].key, "addr")) {
            if (device_parse_addr(options[i].value, slot, fn))
                return dm_error_set(err, EINVAL, "device '%s': bad PCI address '%s'", dev->id,
                                    options[i].value);
            continue;
        }
        if (!prop)
            return dm_error_set(err, EINVAL, "device '%s': '%s' has no option '%s'", dev->id,
                                dev->class->name, options[i].key);
        rc = device_prop_set(dev, prop, options[i].value, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int device_choose_id(struct dm_device *dev, const struct dm_option *options, size_t count,
                            struct dm_error *err)
{
    const char *id = NULL;
    int n;

    for (size_t i = 0; i < count; i++)
        if (!strcmp(options[i].key, "id"))
            id = options[i].value;
    for (unsigned k = 0;; k++) {
        if (id)
            n = snprintf(dev->id, sizeof(dev->id), "%s", id);
        else
            n = snprintf(dev->id, sizeof(dev->id), "%s-%u", dev->class->name, k);
        if (n <= 0 || (size_t)n >= sizeof(dev->id))
            return dm_error_set(err, EINVAL, "device id '%s' is empty or too long", dev->id);
        if (!dm_device_find(dev->machine, dev->id))
            return 0;
        if (id)
            return dm_error_set(err, EEXIST, "device id '%s' is used twice", id);
    }
}

static void device_free(struct dm_device *dev)
{
    for (const struct dm_prop *p = dev->class->props; p && p->name; p++)
        if (p->kind == DM_PROP_STR)
            free(*(char **)(void *)((uint8_t *)dev + p->offset));
    free(dev);
}

/* A network back end ends with its card: a guest that unplugs it needs the host's end free. */
static void device_attach_net(struct dm_net *net, bool on)
{
    if (!net)
        return;
    if (on) {
        net->attached = true;
    } else {
        dm_net_set_user(net, NULL, NULL);
        dm_net_close(net);
    }
}

static void device_attach_backends(struct dm_device *dev, bool on)
{
    for (const struct dm_prop *p = dev->class->props; p && p->name; p++) {
        struct dm_block *block;

        if (p->kind == DM_PROP_NET)
            device_attach_net(*(struct dm_net **)(void *)((uint8_t *)dev + p->offset), on);
        if (p->kind != DM_PROP_BLOCK)
            continue;
        block = *(struct dm_block **)(void *)((uint8_t *)dev + p->offset);
        if (block)
            block->attached = on;
    }
}

static struct dm_pci_device *device_pci(struct dm_device *dev)
{
    return dev->class->pci ? (struct dm_pci_device *)dev : NULL;
}

struct dm_device *dm_device_create(struct dm_machine *machine, const char *class_name,
                                   const struct dm_option *options, size_t count,
                                   struct dm_error *err)
{
    const struct dm_class *const *class = machine->classes;
    struct dm_device *dev, **tail;
    uint8_t slot, fn;

    while (*class && strcmp((*class)->name, class_name))
        class ++;
    if (!*class) {
        dm_error_set(err, ENOENT, "no device model '%s' in this xendm", class_name);
        return NULL;
    }
    dev = calloc(1, (*class)->size);
    if (!dev) {
        dm_error_set(err, ENOMEM, "device '%s': out of memory", class_name);
        return NULL;
    }
    dev->class = *class;
    dev->machine = machine;
    if (device_choose_id(dev, options, count, err))
        goto fail;
    slot = dev->class->pci ? dev->class->pci->slot : 0;
    fn = dev->class->pci ? dev->class->pci->fn : 0;
    if (device_set_options(dev, options, count, &slot, &fn, err))
        goto fail;
    if (device_pci(dev) && dm_pci_attach(device_pci(dev), slot, fn, err))
        goto fail;
    if (dev->class->realize && dev->class->realize(dev, err))
        goto fail_pci;
    device_attach_backends(dev, true);
    for (tail = &machine->devices; *tail; tail = &(*tail)->next)
        ;
    *tail = dev;
    dm_device_reset(dev);
    return dev;

fail_pci:
    if (device_pci(dev))
        dm_pci_detach(device_pci(dev));
fail:
    device_free(dev);
    return NULL;
}

void dm_device_destroy(struct dm_device *dev)
{
    struct dm_device **p;

    if (!dev)
        return;
    for (p = &dev->machine->devices; *p != dev; p = &(*p)->next)
        ;
    *p = dev->next;
    if (dev->class->quiesce)
        dev->class->quiesce(dev);
    /* Off the bus first: no access and no moved() may meet a device taken apart. */
    if (device_pci(dev))
        dm_pci_detach(device_pci(dev));
    if (dev->class->unrealize)
        dev->class->unrealize(dev);
    device_attach_backends(dev, false);
    device_free(dev);
}

struct dm_device *dm_device_find(struct dm_machine *machine, const char *id)
{
    for (struct dm_device *d = machine->devices; d; d = d->next)
        if (!strcmp(d->id, id))
            return d;
    return NULL;
}

static const struct dm_prop *device_prop_of_kind(const struct dm_class *class,
                                                 enum dm_prop_kind kind)
{
    for (const struct dm_prop *p = class->props; p && p->name; p++)
        if (p->kind == kind)
            return p;
    return NULL;
}

/* The field of its first property of that kind. NULL: it has none. */
static const void *device_field(const struct dm_device *dev, enum dm_prop_kind kind)
{
    const struct dm_prop *p = device_prop_of_kind(dev->class, kind);

    return p ? (const uint8_t *)dev + p->offset : NULL;
}

struct dm_net *dm_device_net(const struct dm_device *dev)
{
    struct dm_net *const *field = device_field(dev, DM_PROP_NET);

    return field ? *field : NULL;
}

struct dm_net *dm_device_take_net(struct dm_device *dev)
{
    const struct dm_prop *p = device_prop_of_kind(dev->class, DM_PROP_NET);
    struct dm_net **field, *net;

    if (!p)
        return NULL;
    field = (struct dm_net **)(void *)((uint8_t *)dev + p->offset);
    net = *field;
    *field = NULL;
    if (net) {
        dm_net_set_user(net, NULL, NULL);
        net->attached = false;
    }
    return net;
}

const uint8_t *dm_device_mac(const struct dm_device *dev)
{
    return device_field(dev, DM_PROP_MAC);
}

struct dm_device *dm_device_of_class(struct dm_machine *machine, const struct dm_class *class,
                                     struct dm_device *prev)
{
    for (struct dm_device *d = prev ? prev->next : machine->devices; d; d = d->next)
        if (d->class == class)
            return d;
    return NULL;
}

void dm_device_reset(struct dm_device *dev)
{
    if (device_pci(dev))
        dm_pci_reset(device_pci(dev));
    if (dev->class->reset)
        dev->class->reset(dev);
}

void dm_device_save(struct dm_device *dev, struct dm_buf *buf)
{
    if (dev->class->quiesce)
        dev->class->quiesce(dev);
    if (device_pci(dev))
        dm_fields_save(dm_pci_fields, dev, 1, buf);
    if (dev->class->fields)
        dm_fields_save(dev->class->fields, dev, dev->class->version, buf);
}

int dm_device_load(struct dm_device *dev, const uint8_t *data, size_t len, uint16_t version,
                   struct dm_error *err)
{
    uint8_t ours[sizeof(((struct dm_pci_device *)0)->config)];
    int n, used = 0;

    if (device_pci(dev)) {
        memcpy(ours, device_pci(dev)->config, sizeof(ours));
        used = dm_fields_load(dm_pci_fields, dev, 1, data, len);
        if (used < 0)
            goto bad;
    }
    if (dev->class->fields) {
        n = dm_fields_load(dev->class->fields, dev, version, data + used, len - (size_t)used);
        if (n < 0)
            goto bad;
        used += n;
    }
    if ((size_t)used != len)
        goto bad;
    if (device_pci(dev))
        dm_pci_post_load(device_pci(dev), ours);
    if (dev->class->post_load && dev->class->post_load(dev, version)) {
        dm_device_reset(dev);
        return dm_error_set(err, EINVAL, "saved state of device '%s' is not valid", dev->id);
    }
    return 0;

bad:
    dm_device_reset(dev);
    return dm_error_set(err, EINVAL, "saved state of device '%s' has the wrong length or form",
                        dev->id);
}

void dm_guest_error(struct dm_device *dev, const char *fmt, ...)
{
    char line[256];
    va_list ap;

    if (!dm_log_enabled(DM_LOG_WARN) ||
        !dm_log_budget_take(&dev->guest_errors, dm_clock_now(dev->machine->clock)))
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    dm_log(DM_LOG_WARN, dev->id, "guest: %s", line);
}
