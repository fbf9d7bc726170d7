/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/cmdline-opts.h"

#include "dm/bytes.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CMDLINE_DOMID_MAX   0x7fef /* xen.h: DOMID_FIRST_RESERVED is 0x7ff0 */
#define CMDLINE_CPUS_MAX    128    /* HVM_MAX_VCPUS */
#define CMDLINE_RAM_MB_MAX  (16u << 20)
#define CMDLINE_DISPLAY_MAX (65535 - 5900)
#define CMDLINE_SERIAL_MAX  4

/* The handlers of the table's rows. value is "" for options without one. */

static int option_nothing(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    return 0;
}

static int option_help(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->help = true;
    return 0;
}

static int option_version(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->version = true;
    return 0;
}

static int option_domid(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    uint64_t n;

    if (dm_parse_uint(value, CMDLINE_DOMID_MAX, &n))
        return dm_error_set(err, EINVAL, "-xen-domid %s: must be a number up to %d", value,
                            CMDLINE_DOMID_MAX);
    cmd->domid = (uint32_t)n;
    cmd->have_domid = true;
    return 0;
}

static int option_no_shutdown(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->no_shutdown = true;
    return 0;
}

static int option_start_stopped(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->start_stopped = true;
    return 0;
}

static int option_incoming(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    uint64_t n;

    if (strncmp(value, "fd:", 3) || dm_parse_uint(value + 3, INT_MAX, &n))
        return dm_error_set(err, EINVAL, "-incoming %s: xendm restores from fd:N only", value);
    cmd->incoming_fd = (int)n;
    return 0;
}

static int option_no_acpi(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->acpi = false;
    return 0;
}

/* libxl writes the bare name; "guest=" is QEMU's long form. */
static int option_name(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->name = cmdline_keep(cmd, value, strlen(value));
    if (!cmd->name)
        return cmdline_no_memory(err);
    if (!strncmp(cmd->name, "guest=", 6))
        cmd->name += 6;
    return 0;
}

static int option_keymap(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    cmd->keymap = cmdline_keep(cmd, value, strlen(value));
    return cmd->keymap ? 0 : cmdline_no_memory(err);
}

static int option_memory(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    const char *size = strncmp(value, "size=", 5) ? value : value + 5;
    uint64_t bytes;

    if (cmdline_parse_size(size, 1 << 20, &bytes) || !(bytes >> 20) ||
        bytes >> 20 > CMDLINE_RAM_MB_MAX)
        return dm_error_set(err, EINVAL, "-m %s: must be a size in MiB, up to %u", value,
                            CMDLINE_RAM_MB_MAX);
    cmd->ram_mb = bytes >> 20;
    return 0;
}

static int option_smp(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    uint64_t cpus = 0, max = 0, *to;
    struct opts opts;
    int rc = opts_parse(cmd, &opts, "-smp", value, "cpus", NULL, err);

    for (size_t i = 0; !rc && i < opts.count; i++) {
        const struct dm_option *o = &opts.list[i];

        if (!strcmp(o->key, "cpus"))
            to = &cpus;
        else if (!strcmp(o->key, "maxcpus"))
            to = &max;
        else
            return opts_bad_key(&opts, o, err);
        rc = opts_uint(&opts, o, CMDLINE_CPUS_MAX, to, err);
        if (!rc && !*to)
            return opts_bad_value(&opts, o, "a guest has at least one CPU", err);
    }
    if (rc)
        return rc;
    cpus = cpus ? cpus : max ? max : 1;
    max = max ? max : cpus;
    if (cpus > max)
        return dm_error_set(err, EINVAL, "-smp %s: more CPUs than maxcpus", value);
    cmd->smp = (unsigned)cpus;
    cmd->maxcpus = (unsigned)max;
    return 0;
}

static int boot_order(struct cmdline *cmd, const char *letters, struct dm_error *err)
{
    size_t n = 0;

    for (const char *p = letters; *p; p++) {
        if (!strchr("acdn", *p))
            return dm_error_set(
                err, EINVAL, "-boot %s: the letters are a (floppy), c (disk), d (CD), n (network)",
                letters);
        if (memchr(cmd->boot_order, *p, n))
            return dm_error_set(err, EINVAL, "-boot %s: '%c' is there twice", letters, *p);
        cmd->boot_order[n++] = *p; /* four letters at most */
    }
    cmd->boot_order[n] = '\0';
    return 0;
}

static int option_boot(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct opts opts;
    bool on;
    int rc = opts_parse(cmd, &opts, "-boot", value, "order", NULL, err);

    for (size_t i = 0; !rc && i < opts.count; i++) {
        const struct dm_option *o = &opts.list[i];

        if (!strcmp(o->key, "order")) {
            rc = boot_order(cmd, o->value, err);
        } else if (!strcmp(o->key, "menu") || !strcmp(o->key, "strict")) {
            rc = opts_bool(&opts, o, &on, err);
            if (!rc && on)
                return dm_error_set(err, EINVAL, "-boot: %s=on is not in xendm yet", o->key);
        } else {
            return opts_bad_key(&opts, o, err);
        }
    }
    return rc;
}

static int option_machine(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct opts opts;
    const char *type = NULL, *accel = NULL;
    int rc = opts_parse(cmd, &opts, "-machine", value, "type", NULL, err);
    bool on;

    for (size_t i = 0; !rc && i < opts.count; i++) {
        const struct dm_option *o = &opts.list[i];

        if (!strcmp(o->key, "type")) {
            type = o->value;
        } else if (!strcmp(o->key, "accel")) {
            accel = o->value;
        } else if (!strcmp(o->key, "suppress-vmdesc") || !strcmp(o->key, "usb")) {
            rc = opts_bool(&opts, o, &on, err);
            if (!rc && on && *o->key == 'u')
                return dm_error_set(err, EINVAL, "-machine: USB is not in xendm yet");
        } else if (!strcmp(o->key, "max-ram-below-4g")) {
            if (cmdline_parse_size(o->value, 1, &cmd->ram_below_4g) ||
                cmd->ram_below_4g < 1 << 20 || cmd->ram_below_4g > 1ull << 32)
                return opts_bad_value(&opts, o, "must be bytes from 1 MiB to 4 GiB", err);
        } else if (!strcmp(o->key, "igd-passthru")) {
            rc = opts_bool(&opts, o, &on, err);
            if (!rc && on)
                return dm_error_set(err, EINVAL,
                                    "-machine: igd-passthru: graphics card passthrough is not in "
                                    "xendm yet");
        } else {
            return opts_bad_key(&opts, o, err);
        }
    }
    if (rc)
        return rc;
    if (accel && strcmp(accel, "xen"))
        return dm_error_set(err, EINVAL, "-machine: accel=%s: xendm serves Xen guests only", accel);
    if (type && !strcmp(type, "xenpv"))
        return dm_error_set(err, EINVAL,
                            "-machine xenpv: backends for PV and PVH guests are not in xendm yet");
    if (type && strcmp(type, "xenfv") && strcmp(type, "none") && (strcmp(type, "pc") || !accel))
        return dm_error_set(err, EINVAL, "-machine %s: the machines are xenfv and pc,accel=xen",
                            type);
    cmd->probe = type && !strcmp(type, "none");
    cmd->platform_device = !type || !strcmp(type, "xenfv");
    return 0;
}

static int option_accel(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    if (strcmp(value, "xen"))
        return dm_error_set(err, EINVAL, "-accel %s: xendm serves Xen guests only", value);
    return 0;
}

/* HOST:DISPLAY; the host may be empty, or an IPv6 address with or without brackets. */
static int vnc_address(struct cmdline *cmd, struct cmdline_vnc *vnc, const char *text,
                       struct dm_error *err)
{
    const char *colon = strrchr(text, ':'), *host = text;
    size_t len = colon ? (size_t)(colon - text) : 0;
    uint64_t display;

    if (!strncmp(text, "unix:", 5))
        return dm_error_set(err, EINVAL, "-vnc %s: VNC on a Unix socket is not in xendm yet", text);
    if (!colon || dm_parse_uint(colon + 1, CMDLINE_DISPLAY_MAX, &display))
        return dm_error_set(err, EINVAL, "-vnc %s: must be HOST:DISPLAY, a display up to %d", text,
                            CMDLINE_DISPLAY_MAX);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    vnc->host = cmdline_keep(cmd, host, len);
    if (!vnc->host)
        return cmdline_no_memory(err);
    vnc->display = vnc->to = (unsigned)display;
    vnc->enabled = true;
    return 0;
}

static int option_vnc(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    struct cmdline_vnc vnc = { 0 };
    const char *address = NULL;
    uint64_t to = 0;
    struct opts opts;
    int rc;

    if (!strcmp(value, "none"))
        return 0;
    if (cmd->vnc.enabled)
        return dm_error_set(err, EINVAL, "-vnc %s: a second VNC server is not in xendm", value);
    rc = opts_parse(cmd, &opts, "-vnc", value, "address", NULL, err);
    for (size_t i = 0; !rc && i < opts.count; i++) {
        const struct dm_option *o = &opts.list[i];

        if (!strcmp(o->key, "address"))
            address = o->value;
        else if (!strcmp(o->key, "password"))
            rc = opts_bool(&opts, o, &vnc.password, err);
        else if (!strcmp(o->key, "to"))
            rc = opts_uint(&opts, o, CMDLINE_DISPLAY_MAX, &to, err);
        else
            return opts_bad_key(&opts, o, err);
    }
    if (!rc)
        rc = vnc_address(cmd, &vnc, address ? address : "", err);
    if (rc)
        return rc;
    /* libxl always writes to=99, also for a first display that lies above. */
    if (to > vnc.to)
        vnc.to = (unsigned)to;
    cmd->vnc = vnc;
    return 0;
}

static int option_display(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    if (!strcmp(value, "none"))
        return 0;
    return dm_error_set(err, EINVAL,
                        "-display %s: this display is not in xendm yet; use vnc=1 and sdl=0 in the "
                        "guest's configuration",
                        value);
}

static int option_none_only(const char *option, const char *what, const char *value,
                            struct dm_error *err)
{
    if (!strcmp(value, "none") || !strcmp(value, "null") || !strcmp(value, "/dev/null"))
        return 0;
    return dm_error_set(err, EINVAL, "%s %s: %s not in xendm yet", option, value, what);
}

static int option_parallel(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    return option_none_only("-parallel", "parallel ports are", value, err);
}

static int option_monitor(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    return option_none_only("-monitor", "the human monitor is", value, err);
}

static int option_serial(struct cmdline *cmd, const char *value, struct dm_error *err)
{
    const char **serial;

    if (cmd->serial_count == CMDLINE_SERIAL_MAX)
        return dm_error_set(err, EINVAL, "-serial %s: a PC has no more than %d serial ports", value,
                            CMDLINE_SERIAL_MAX);
    serial = cmdline_grow(&cmd->serials, &cmd->serial_count, sizeof(*serial));
    if (!serial || !(*serial = cmdline_keep(cmd, value, strlen(value))))
        return cmdline_no_memory(err);
    return 0;
}

/* The table. */

struct cmdline_row {
    const char *name;
    const char *arg; /* what -help calls its value; NULL: has none */
    int (*handle)(struct cmdline *cmd, const char *value, struct dm_error *err);
    const char *text; /* for -help, or, without a handler, why it is refused */
};

#define LATER_RESTRICT "confinement (dm_restrict, device_model_user) is not in xendm yet"
#define LATER_KERNEL   "direct kernel boot is not in xendm yet; boot from a disk or a CD"
#define LATER_USB      "USB is not in xendm yet; remove usb and usbdevice from the guest's configuration"
#define LATER_SOUND    "sound is not in xendm yet; remove soundhw from the guest's configuration"
#define LATER_OLD      "qemu-xen-traditional's command line is not in xendm yet"
#define LATER_FORMAT   "xendm never guesses a format; use -drive file=PATH,if=ide,index=N,format=raw"
#define LATER          "this option is not in xendm yet"

static const struct cmdline_row cmdline_rows[] = {
    /* What libxl writes, in its order. */
    { "xen-domid", "ID", option_domid, "the guest" },
    { "no-shutdown", NULL, option_no_shutdown, "stay when the guest has powered itself off" },
    { "chardev", "KIND,id=ID,...", option_chardev, "a byte stream on the host" },
    { "mon", "chardev=ID,mode=control", option_mon, "a QMP monitor on a -chardev" },
    { "nodefaults", NULL, option_nothing, "no default devices (there are none anyway)" },
    { "no-user-config", NULL, option_nothing, "no configuration file (there is none anyway)" },
    { "xen-attach", NULL, NULL, "backends for PV and PVH guests are not in xendm yet" },
    { "name", "NAME", option_name, "the guest's name" },
    { "vnc", "HOST:DISPLAY[,password=on][,to=N]", option_vnc, "VNC server, or none" },
    { "display", "none", option_display, "no window" },
    { "k", "KEYMAP", option_keymap, "keyboard layout for VNC, such as de" },
    { "kernel", "FILE", NULL, LATER_KERNEL },
    { "initrd", "FILE", NULL, LATER_KERNEL },
    { "append", "TEXT", NULL, LATER_KERNEL },
    { "serial", "STREAM", option_serial, "a serial port: pty, file:PATH, unix:PATH, none, ..." },
    { "nographic", NULL, option_nothing, "no window" },
    { "spice", "OPTIONS", NULL,
      "SPICE is not in xendm yet; use vnc=1 in the guest's configuration" },
    { "device", "MODEL,...", option_device, "a device" },
    { "boot", "order=LETTERS", option_boot, "where to boot from: a, c, d, n" },
    { "usb", NULL, NULL, LATER_USB },
    { "usbdevice", "NAME", NULL, LATER_USB },
    { "no-acpi", NULL, option_no_acpi, "no ACPI" },
    { "smp", "N[,maxcpus=M]", option_smp, "virtual CPUs" },
    { "netdev", "tap,id=ID,ifname=NAME,...", option_netdev, "the host's end of a network card" },
    { "net", "none", option_net, "no network card" },
    { "object", "filter-dump,id=ID,netdev=ID,file=PATH", option_object,
      "capture frames to a pcap file" },
    { "xen-domid-restrict", NULL, NULL, LATER_RESTRICT },
    { "chroot", "DIR", NULL, LATER_RESTRICT },
    { "run-with", "OPTIONS", NULL, LATER_RESTRICT },
    { "incoming", "fd:N", option_incoming, "restore the guest whose state is there" },
    { "machine", "xenfv | pc,accel=xen", option_machine, "with or without Xen platform device" },
    { "m", "MB", option_memory, "guest memory without video memory, in MiB" },
    { "drive", "file=PATH,format=raw,...", option_drive, "a disk or a CD" },
    { "runas", "USER", NULL, LATER_RESTRICT },
    { "S", NULL, option_start_stopped, "wait for cont before the guest runs" },
    /* What people add. */
    { "M", "xenfv | pc,accel=xen", option_machine, "the same as -machine" },
    { "accel", "xen", option_accel, "Xen" },
    { "qmp", "unix:PATH,server=on,wait=off", option_qmp, "a QMP monitor" },
    { "monitor", "none", option_monitor, "no human monitor" },
    { "parallel", "none", option_parallel, "no parallel port" },
    { "nic", "none", option_net, "no network card" },
    { "vga", "std | none", option_vga, "the display device" },
    { "cdrom", "FILE", option_cdrom, "a CD in the secondary master drive" },
    { "version", NULL, option_version, "print the version" },
    { "help", NULL, option_help, "print this" },
    { "h", NULL, option_help, "print this" },
    { "hda", "FILE", NULL, LATER_FORMAT },
    { "hdb", "FILE", NULL, LATER_FORMAT },
    { "hdc", "FILE", NULL, LATER_FORMAT },
    { "hdd", "FILE", NULL, LATER_FORMAT },
    { "fda", "FILE", NULL, "floppy drives are not in xendm yet" },
    { "fdb", "FILE", NULL, "floppy drives are not in xendm yet" },
    { "audio", "OPTIONS", NULL, LATER_SOUND },
    { "audiodev", "OPTIONS", NULL, LATER_SOUND },
    { "soundhw", "NAMES", NULL, LATER_SOUND },
    { "sdl", NULL, NULL, "SDL is not in xendm yet; use vnc=1 in the guest's configuration" },
    { "daemonize", NULL, NULL, LATER },
    { "pidfile", "FILE", NULL, LATER },
    { "sandbox", "OPTIONS", NULL, LATER },
    { "global", "OPTIONS", NULL, LATER },
    { "add-fd", "OPTIONS", NULL, LATER },
    { "uuid", "UUID", NULL, LATER },
    { "rtc", "OPTIONS", NULL, LATER },
    { "cpu", "MODEL", NULL, "the guest's CPUs are Xen's; set them in the guest's configuration" },
    { "bios", "FILE", NULL, "the BIOS is libxl's; set it in the guest's configuration" },
    { "fw_cfg", "OPTIONS", NULL, LATER },
    { "option-rom", "FILE", NULL, LATER },
    { "debugcon", "STREAM", NULL, LATER },
    { "blockdev", "OPTIONS", NULL, LATER },
    { "snapshot", NULL, NULL, LATER },
    { "loadvm", "NAME", NULL, LATER },
    { "no-reboot", NULL, NULL, LATER },
    { "full-screen", NULL, NULL, LATER },
    { "smbios", "OPTIONS", NULL, LATER },
    { "trace", "OPTIONS", NULL, LATER },
    { "msg", "OPTIONS", NULL, LATER },
    { "D", "FILE", NULL, LATER },
    { "gdb", "STREAM", NULL, LATER },
    { "readconfig", "FILE", NULL, LATER },
    { "enable-kvm", NULL, NULL, "xendm serves Xen guests only" },
    /* qemu-xen-traditional's. */
    { "d", "ID", NULL, LATER_OLD },
    { "domid", "ID", NULL, LATER_OLD },
    { "domain-name", "NAME", NULL, LATER_OLD },
    { "videoram", "MB", NULL, LATER_OLD },
    { "std-vga", NULL, NULL, LATER_OLD },
    { "vncunused", NULL, NULL, LATER_OLD },
    { "acpi", NULL, NULL, LATER_OLD },
    { "vcpus", "N", NULL, LATER_OLD },
    { "vcpu_avail", "MASK", NULL, LATER_OLD },
    { "gfx_passthru", NULL, NULL, LATER_OLD },
};

/* The row of "-name" or "--name". NULL: nobody knows it. */
static const struct cmdline_row *cmdline_row(const char *arg)
{
    const char *name = arg + (arg[0] == '-' && arg[1] == '-' ? 2 : 1);

    for (size_t i = 0; i < DM_ARRAY_LEN(cmdline_rows); i++)
        if (!strcmp(cmdline_rows[i].name, name))
            return &cmdline_rows[i];
    return NULL;
}

/* What only the whole command line shows. */
static int cmdline_check(const struct cmdline *cmd, struct dm_error *err)
{
    if (cmd->probe)
        return 0;
    if (!cmd->have_domid)
        return dm_error_set(err, EINVAL,
                            "-xen-domid is missing: whose device model shall this be?");
    if (!cmd->ram_mb)
        return dm_error_set(err, EINVAL, "-m is missing: how much memory has the guest?");
    return 0;
}

int cmdline_parse(struct cmdline *cmd, int argc, char **argv, struct dm_error *err)
{
    *cmd = (struct cmdline) {
        .name = "", .incoming_fd = -1, .smp = 1, .maxcpus = 1, .acpi = true, .platform_device = true
    };
    for (int i = 1; i < argc; i++) {
        const struct cmdline_row *row;
        const char *value = "";
        int rc;

        if (argv[i][0] != '-')
            return dm_error_set(err, EINVAL, "'%s': is not an option", argv[i]);
        row = cmdline_row(argv[i]);
        if (!row)
            return dm_error_set(err, EINVAL, "%s: unknown option", argv[i]);
        if (!row->handle)
            return dm_error_set(err, EINVAL, "-%s: %s", row->name, row->text);
        if (row->arg && !argv[++i])
            return dm_error_set(err, EINVAL, "-%s: needs a value", row->name);
        if (row->arg)
            value = argv[i];
        rc = row->handle(cmd, value, err);
        if (rc)
            return rc;
        if (cmd->help || cmd->version)
            return 0;
    }
    return cmdline_check(cmd, err);
}

void cmdline_finish(struct cmdline *cmd)
{
    for (size_t i = 0; i < cmd->chardev_count; i++)
        free(cmd->chardevs[i].options);
    for (size_t i = 0; i < cmd->netdev_count; i++)
        free(cmd->netdevs[i].options);
    for (size_t i = 0; i < cmd->device_count; i++)
        free(cmd->devices[i].options);
    for (size_t i = 0; i < cmd->owned_count; i++)
        free(cmd->owned[i]);
    free(cmd->owned);
    free(cmd->netdevs);
    free(cmd->dumps);
    free(cmd->devices);
    free(cmd->drives);
    free(cmd->serials);
    free(cmd->chardevs);
    *cmd = (struct cmdline) { 0 };
}

void cmdline_print_help(FILE *out)
{
    fprintf(out, "usage: xendm -xen-domid ID -m MB [options]\n"
                 "The device model of a Xen HVM guest, started by xl. See xendm(8).\n\n");
    for (size_t i = 0; i < DM_ARRAY_LEN(cmdline_rows); i++) {
        const struct cmdline_row *row = &cmdline_rows[i];

        if (row->handle)
            fprintf(out, "-%s%s%s\n        %s\n", row->name, row->arg ? " " : "",
                    row->arg ? row->arg : "", row->text);
    }
}

const char *cmdline_option_name(size_t n)
{
    for (size_t i = 0; i < DM_ARRAY_LEN(cmdline_rows); i++)
        if (cmdline_rows[i].handle && cmdline_rows[i].arg && !n--)
            return cmdline_rows[i].name;
    return NULL;
}
