/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -chardev, -mon, -drive, -device and their short forms. */
#include "control/cmdline-opts.h"

#include "dm/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -chardev, -mon, -qmp */

static struct cmdline_chardev *chardev_find(struct cmdline *cmd, const char *id)
{
    for (size_t i = 0; i < cmd->chardev_count; i++)
        if (!strcmp(cmd->chardevs[i].id, id))
            return &cmd->chardevs[i];
    return NULL;
}

static const char *const chardev_keys[] = { "id",     "path", "host",    "port",   "fd",
                                            "server", "wait", "nodelay", "append", NULL };
static const struct opts_form chardev_forms[] = {
    { "socket,id=", { "server", "wait" } },
};
static const struct opts_path chardev_path = { "path", chardev_keys, chardev_forms,
                                               DM_ARRAY_LEN(chardev_forms) };

/* Room for all keys but kind, which stands first. The keys are the back end's to check. */
static struct dm_option *device_options(const struct opts *opts)
{
    struct dm_option *copy = calloc(opts->count, sizeof(*copy));

    if (copy)
        memcpy(copy, opts->list + 1, (opts->count - 1) * sizeof(*copy));
    return copy;
}

/* What a monitor needs to know of a socket. */
static int chardev_socket(struct cmdline_chardev *chr, const struct opts *opts,
                          struct dm_error *err)
{
    bool server = false;
    uint64_t fd;
    int rc = 0;

    for (size_t i = 0; !rc && i < opts->count; i++) {
        const struct dm_option *o = &opts->list[i];

        if (!strcmp(o->key, "server")) {
            rc = opts_bool(opts, o, &server, err);
        } else if (!strcmp(o->key, "fd")) {
            rc = opts_uint(opts, o, INT32_MAX, &fd, err);
            if (!rc)
                chr->fd = (int)fd;
        }
    }
    if (server && chr->fd < 0)
        chr->path = opts_get(opts, "path");
    return rc;
}

int option_chardev(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    static const char *const kinds[] = {
        "socket", "pty", "null", "stdio", "file", "serial", "tty"
    };
    struct cmdline_chardev chr = { .fd = -1 }, *to;
    struct opts opts;
    size_t kind = 0;
    int rc = opts_parse(cmd, &opts, "-chardev", value, "kind", &chardev_path, err);

    if (rc)
        return rc;
    if (!opts.count || strcmp(opts.list[0].key, "kind"))
        return dm_error_set(err, EINVAL, "-chardev %s: must begin with the kind of stream", value);
    chr.kind = opts.list[0].value;
    while (kind < DM_ARRAY_LEN(kinds) && strcmp(kinds[kind], chr.kind))
        kind++;
    if (kind == DM_ARRAY_LEN(kinds))
        return dm_error_set(err, EINVAL, "-chardev %s: this kind of stream is not in xendm yet",
                            chr.kind);
    chr.id = opts_get(&opts, "id");
    if (!chr.id || !*chr.id)
        return dm_error_set(err, EINVAL, "-chardev %s: id= is missing", value);
    if (chardev_find(cmd, chr.id))
        return dm_error_set(err, EINVAL, "-chardev: id '%s' is there twice", chr.id);
    if (!strncmp(chr.id, "libxl-channel", 13))
        return dm_error_set(
            err, EINVAL,
            "-chardev %s: PV channels are not in xendm yet; remove channel= from the "
            "guest's configuration",
            chr.id);
    if (kind == 0) {
        rc = chardev_socket(&chr, &opts, err);
        if (rc)
            return rc;
    }
    chr.options = device_options(&opts);
    to = cmdline_grow(&cmd->chardevs, &cmd->chardev_count, sizeof(*to));
    if (!chr.options || !to) {
        free(chr.options);
        return cmdline_no_memory(err);
    }
    chr.count = opts.count - 1;
    *to = chr;
    return 0;
}

int option_mon(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    const char *id = NULL, *mode = "readline";
    struct cmdline_chardev *chr;
    struct opts opts;
    int rc = opts_parse(cmd, &opts, "-mon", value, "chardev", NULL, err);

    for (size_t i = 0; !rc && i < opts.count; i++) {
        const struct dm_option *o = &opts.list[i];

        if (!strcmp(o->key, "chardev"))
            id = o->value;
        else if (!strcmp(o->key, "mode"))
            mode = o->value;
        else
            return opts_bad_key(&opts, o, err);
    }
    if (rc)
        return rc;
    if (strcmp(mode, "control"))
        return dm_error_set(err, EINVAL, "-mon %s: the human monitor is not in xendm yet", value);
    chr = id ? chardev_find(cmd, id) : NULL;
    if (!chr)
        return dm_error_set(err, EINVAL, "-mon %s: there is no such -chardev before it", value);
    if (!chr->path && chr->fd < 0)
        return dm_error_set(err, EINVAL, "-mon %s: the -chardev is not a listening Unix socket",
                            value);
    if (chr->monitor)
        return dm_error_set(err, EINVAL, "-mon %s: the -chardev has a monitor already", value);
    chr->monitor = true;
    return 0;
}

/* -qmp unix:PATH,server=on,wait=off is a -chardev and a -mon. */
int option_qmp(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    char *text;
    int rc;

    if (strncmp(value, "unix:", 5))
        return dm_error_set(err, EINVAL, "-qmp %s: must be unix:PATH,server=on,wait=off", value);
    text = cmdline_print(cmd, "socket,id=qmp-%zu,path=%s", cmd->chardev_count, value + 5);
    if (!text)
        return cmdline_no_memory(err);
    rc = option_chardev(cmd, text, err);
    if (rc)
        return rc;
    text = cmdline_print(cmd, "chardev=%s,mode=control", cmd->chardevs[cmd->chardev_count - 1].id);
    return text ? option_mon(cmd, text, err) : cmdline_no_memory(err);
}

/* -drive */

static const char *const drive_keys[] = { "if",    "id",      "file", "format", "media",
                                          "index", "bus",     "unit", "aio",    "readonly",
                                          "cache", "discard", NULL };

/* libxl_dm.c: empty and full CD, SCSI disk, AHCI disk, IDE disk. */
static const struct opts_form drive_forms[] = {
    { "if=none,readonly=on,id=", { "format" } },
    { "file=", { "id", "format", "if", "readonly", "cache" } },
    { "file=", { "if", "id", "format", "cache" } },
    { "file=", { "if", "index", "media", "format", "cache" } },
};
static const struct opts_path drive_path = { "file", drive_keys, drive_forms,
                                             DM_ARRAY_LEN(drive_forms) };

static int drive_interface(const char *name, struct cmdline_drive *d, struct dm_error *err)
{
    if (!strcmp(name, "ide"))
        d->interface = CMDLINE_IF_IDE;
    else if (!strcmp(name, "none"))
        d->interface = CMDLINE_IF_NONE;
    else
        return dm_error_set(err, EINVAL, "-drive: if=%s: this kind of drive is not in xendm yet",
                            name);
    return 0;
}

static int drive_format(const char *name, struct dm_error *err)
{
    if (!strcmp(name, "raw") || !strcmp(name, "host_device"))
        return 0;
    return dm_error_set(err, EINVAL,
                        "-drive: image format '%s' is not in xendm yet; convert the image with "
                        "'qemu-img convert -O raw'",
                        name);
}

struct drive_opts {
    const char *format;
    uint64_t index, bus, unit;
    bool have_index, have_unit;
};

static int drive_key(const struct opts *opts, const struct dm_option *o, struct cmdline_drive *d,
                     struct drive_opts *x, struct dm_error *err)
{
    const char *k = o->key, *v = o->value;

    if (!strcmp(k, "if"))
        return drive_interface(v, d, err);
    if (!strcmp(k, "readonly"))
        return opts_bool(opts, o, &d->readonly, err);
    if (!strcmp(k, "index"))
        return x->have_index = true, opts_uint(opts, o, 3, &x->index, err);
    if (!strcmp(k, "bus"))
        return x->have_unit = true, opts_uint(opts, o, 1, &x->bus, err);
    if (!strcmp(k, "unit"))
        return x->have_unit = true, opts_uint(opts, o, 1, &x->unit, err);
    if (!strcmp(k, "id")) {
        d->id = v;
    } else if (!strcmp(k, "file")) {
        d->path = *v ? v : NULL;
    } else if (!strcmp(k, "format")) {
        x->format = v;
    } else if (!strcmp(k, "media")) {
        d->cdrom = !strcmp(v, "cdrom");
        if (!d->cdrom && strcmp(v, "disk"))
            return opts_bad_value(opts, o, "must be disk or cdrom", err);
    } else if (!strcmp(k, "cache") || !strcmp(k, "discard")) {
        if (strcmp(v, *k == 'c' ? "writeback" : "unmap"))
            return opts_bad_value(opts, o, "is not in xendm yet", err);
    } else if (strcmp(k, "aio")) {
        /* aio= says how QEMU shall do it, nothing that can be seen. */
        return opts_bad_key(opts, o, err);
    }
    return 0;
}

static bool drive_index_taken(const struct cmdline *cmd, unsigned index)
{
    for (size_t i = 0; i < cmd->drive_count; i++)
        if (cmd->drives[i].interface == CMDLINE_IF_IDE && cmd->drives[i].index == index)
            return true;
    return false;
}

/* Place on the IDE channels and a name, as QEMU gives them: libxenstat shows the name. */
static int drive_place(struct cmdline *cmd, struct cmdline_drive *d, const struct drive_opts *x,
                       struct dm_error *err)
{
    if (d->interface == CMDLINE_IF_IDE) {
        d->index = (unsigned)(x->have_unit ? x->bus * 2 + x->unit : x->index);
        if (!x->have_unit && !x->have_index)
            while (d->index < 3 && drive_index_taken(cmd, d->index))
                d->index++;
        if (drive_index_taken(cmd, d->index))
            return dm_error_set(err, EINVAL, "-drive: IDE drive %u is there twice", d->index);
        if (!d->id)
            d->id = cmdline_print(cmd, "ide%u-%s%u", d->index / 2, d->cdrom ? "cd" : "hd",
                                  d->index % 2);
    } else if (!d->id) {
        d->id = cmdline_print(cmd, "none%zu", cmd->drive_count);
    }
    if (!d->id)
        return cmdline_no_memory(err);
    for (size_t i = 0; i < cmd->drive_count; i++)
        if (!strcmp(cmd->drives[i].id, d->id))
            return dm_error_set(err, EINVAL, "-drive: id '%s' is there twice", d->id);
    return 0;
}

static int drive_add(struct cmdline *cmd, struct cmdline_drive *d, const struct drive_opts *x,
                     struct dm_error *err)
{
    struct cmdline_drive *to;
    int rc;

    if (d->path && !x->format)
        return dm_error_set(err, EINVAL,
                            "-drive: format= is missing for %s; xendm never guesses a format",
                            d->path);
    rc = x->format ? drive_format(x->format, err) : 0;
    if (!rc)
        rc = drive_place(cmd, d, x, err);
    if (rc)
        return rc;
    if (!d->path && !d->cdrom && d->interface == CMDLINE_IF_IDE)
        return dm_error_set(err, EINVAL, "-drive: file= is missing for the disk '%s'", d->id);
    d->readonly |= d->cdrom;
    to = cmdline_grow(&cmd->drives, &cmd->drive_count, sizeof(*to));
    if (!to)
        return cmdline_no_memory(err);
    *to = *d;
    return 0;
}

int option_drive(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct cmdline_drive d = { 0 };
    struct drive_opts x = { 0 };
    struct opts opts;
    int rc = opts_parse(cmd, &opts, "-drive", value, NULL, &drive_path, err);

    for (size_t i = 0; !rc && i < opts.count; i++)
        rc = drive_key(&opts, &opts.list[i], &d, &x, err);
    return rc ? rc : drive_add(cmd, &d, &x, err);
}

int option_cdrom(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct drive_opts x = { .format = "raw", .have_index = true, .index = 2 };
    struct cmdline_drive d = { .cdrom = true };

    d.path = cmdline_keep(cmd, value, strlen(value));
    return d.path ? drive_add(cmd, &d, &x, err) : cmdline_no_memory(err);
}

/* -device */

/* Models that libxl can ask for and people know, and what to do without them. */
static const struct device_later {
    const char *name, *hint; /* a name may end in '*' */
} device_later[] = {
    { "cirrus-vga", "use vga=\"stdvga\" in the guest's configuration" },
    { "qxl*", "use vga=\"stdvga\" in the guest's configuration" },
    { "lsi53c895a", "name the disks hda to hdd in the guest's configuration" },
    { "scsi-*", "name the disks hda to hdd in the guest's configuration" },
    { "ahci", "remove hdtype=\"ahci\" from the guest's configuration" },
    { "piix3-usb-uhci", "remove usbversion from the guest's configuration" },
    { "piix4-usb-uhci", "remove usbversion from the guest's configuration" },
    { "ich9-usb-*", "remove usbversion from the guest's configuration" },
    { "nec-usb-xhci", "remove usbversion from the guest's configuration" },
    { "qemu-xhci", "remove usbversion from the guest's configuration" },
    { "usb-*", "remove it from the guest's configuration" },
    { "ac97", "remove soundhw from the guest's configuration" },
    { "AC97", "remove soundhw from the guest's configuration" },
    { "adlib", "remove soundhw from the guest's configuration" },
    { "cs4231a", "remove soundhw from the guest's configuration" },
    { "es1370", "remove soundhw from the guest's configuration" },
    { "ES1370", "remove soundhw from the guest's configuration" },
    { "gus", "remove soundhw from the guest's configuration" },
    { "sb16", "remove soundhw from the guest's configuration" },
    { "intel-hda", "remove soundhw from the guest's configuration" },
    { "hda-duplex", "remove soundhw from the guest's configuration" },
    { "virtio-serial*", "remove spicevdagent from the guest's configuration" },
    { "virtserialport", "remove spicevdagent from the guest's configuration" },
    { "virtio-*", "remove it from the guest's configuration" },
    { "xen-pvdevice", "remove vendor_device from the guest's configuration" },
    { "xen-pci-passthrough", "remove pci from the guest's configuration" },
    { "vfio-pci", "remove it from the guest's configuration" },
};

static const char *const device_cards_later[] = {
    "e1000e", "e1000-82544gc",  "e1000-82545em", "igb",      "ne2k_pci",   "ne2k_isa",
    "pcnet",  "i82551",         "i82557b",       "i82559er", "virtio-net", "vmxnet3",
    "tulip",  "virtio-net-pci",
};

static bool device_matches(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);

    if (pattern[len - 1] == '*')
        return !strncmp(pattern, name, len - 1);
    return !strcmp(pattern, name);
}

static int device_is_later(const char *driver, struct dm_error *err)
{
    for (size_t i = 0; i < DM_ARRAY_LEN(device_cards_later); i++)
        if (!strcmp(driver, device_cards_later[i]))
            return dm_error_set(
                err, EINVAL,
                "-device %s: network card '%s' is not in xendm yet; use "
                "model=e1000 or model=rtl8139 in the vif of the guest's configuration",
                driver, driver);
    for (size_t i = 0; i < DM_ARRAY_LEN(device_later); i++)
        if (device_matches(device_later[i].name, driver))
            return dm_error_set(err, EINVAL,
                                "-device %s: this device model is not in xendm yet; %s", driver,
                                device_later[i].hint);
    return 0;
}

int option_device(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct cmdline_device *dev;
    struct opts opts;
    const char *driver;
    int rc = opts_parse(cmd, &opts, "-device", value, "driver", NULL, err);

    if (rc)
        return rc;
    if (!opts.count || strcmp(opts.list[0].key, "driver") || !*opts.list[0].value)
        return dm_error_set(err, EINVAL, "-device %s: must begin with the name of a device model",
                            value);
    driver = opts.list[0].value;
    rc = device_is_later(driver, err);
    if (rc)
        return rc;
    dev = cmdline_grow(&cmd->devices, &cmd->device_count, sizeof(*dev));
    if (!dev)
        return cmdline_no_memory(err);
    dev->driver = driver;
    dev->options = device_options(&opts);
    if (!dev->options)
        return cmdline_no_memory(err);
    dev->count = opts.count - 1;
    return 0;
}

int option_vga(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    if (!strcmp(value, "none"))
        return 0;
    if (!strcmp(value, "std"))
        return option_device(cmd, "VGA", err);
    return dm_error_set(err, EINVAL,
                        "-vga %s: this display device is not in xendm yet; use -vga std", value);
}
