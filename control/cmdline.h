/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: QEMU's, as libxl writes it (libxl_dm.c,
 * build_device_model_args_new) with what people commonly add to it by
 * device_model_args. One table knows every option. What xendm has goes into the
 * struct; what it does not have yet ends with one line that names it.
 */
#ifndef CONTROL_CMDLINE_H
#define CONTROL_CMDLINE_H

#include "dm/device.h"
#include "dm/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A -chardev: what chardev_open_options takes. */
struct cmdline_chardev {
    const char *id;
    const char *kind; /* socket, pty, null, stdio, file, serial, tty */
    struct dm_option *options;
    size_t count;
    const char *path; /* a Unix socket that we listen on; else NULL */
    int fd;           /* a Unix socket that listens already; else -1 */
    bool monitor;     /* a -mon has it (path or fd is there): not a stream for a device */
};

enum cmdline_drive_if { CMDLINE_IF_IDE, CMDLINE_IF_NONE };

struct cmdline_drive {
    enum cmdline_drive_if interface;
    unsigned index;   /* IDE: 0 to 3, primary master first */
    const char *id;   /* always there; made up ("ide0") where the option has none */
    const char *path; /* NULL: an empty drive. Always raw */
    bool cdrom;       /* media=cdrom */
    bool readonly;
};

struct cmdline_device {
    const char *driver;
    struct dm_option *options; /* for dm_device_create */
    size_t count;
};

/* A -netdev: what netdev_open takes. */
struct cmdline_netdev {
    const char *id;
    const char *kind; /* tap ... */
    struct dm_option *options;
    size_t count;
};

/* An -object filter-dump. */
struct cmdline_dump {
    const char *id, *netdev, *path;
    uint32_t max_len; /* bytes kept of each frame */
};

struct cmdline_vnc {
    bool enabled;     /* false: no -vnc, or -vnc none */
    const char *host; /* address to listen on, without brackets; "" means all */
    unsigned display; /* the port is 5900 + display */
    unsigned to;      /* last display to try; not below display */
    bool password;    /* nobody gets in until change-vnc-password */
};

struct cmdline {
    bool help, version; /* asked for; nothing else is checked then */
    bool probe;         /* -machine none: serve the monitors, there is no guest */

    uint32_t domid;
    bool have_domid;
    const char *name;      /* "" without -name */
    uint64_t ram_mb;       /* MiB of guest RAM without VRAM */
    uint64_t ram_below_4g; /* bytes; 0: no max-ram-below-4g */
    unsigned smp, maxcpus; /* 1 to 128, smp <= maxcpus */
    char boot_order[8];    /* letters a, c, d, n; "" without -boot */
    bool acpi;             /* false: -no-acpi */
    bool platform_device;  /* -machine xenfv: the Xen platform device is there */
    bool start_stopped;    /* -S */
    int incoming_fd;       /* -incoming: where the saved state is; -1: a new guest */
    bool no_shutdown;      /* -no-shutdown */
    const char *keymap;    /* -k; NULL: none */
    struct cmdline_vnc vnc;

    /* In the order of the command line. */
    struct cmdline_chardev *chardevs;
    size_t chardev_count;
    const char **serials; /* -serial, as written; "none" holds a place */
    size_t serial_count;
    struct cmdline_drive *drives;
    size_t drive_count;
    struct cmdline_netdev *netdevs; /* at most DM_NET_NICS_MAX */
    size_t netdev_count;
    struct cmdline_dump *dumps;
    size_t dump_count;
    struct cmdline_device *devices;
    size_t device_count;

    char **owned; /* the strings above */
    size_t owned_count;
};

/*
 * Reads argv[1] to argv[argc - 1]. Returns 0 or -EINVAL with err set: an option
 * that nobody knows, that is not in xendm yet, or with a bad value. On error cmd
 * needs cmdline_finish as well. Touches nothing outside of cmd.
 */
int cmdline_parse(struct cmdline *cmd, int argc, char **argv, struct dm_error *err);
void cmdline_finish(struct cmdline *cmd); /* zeroed is fine */

/* What -help prints: the options that work. */
void cmdline_print_help(FILE *out);

/* Names of the options that work, for query-command-line-options. NULL: no more. */
const char *cmdline_option_name(size_t n);

#endif
