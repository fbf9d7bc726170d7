/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xendm: options → machine → event loop. The only file that sees every layer.
 */
#include "backend/chardev.h"
#include "backend/filter-dump.h"
#include "backend/netdev.h"
#include "backend/raw.h"
#include "config.h"
#include "control/cmdline.h"
#include "control/qmp.h"
#include "control/state-file.h"
#include "control/xenstore.h"
#include "dm/bytes.h"
#include "dm/machine.h"
#include "firmware/classes.h"
#include "host/loop.h"
#include "host/rom.h"
#include "hw/classes.h"
#include "io-req/xen.h"
#include "ui/vnc/door.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define CLASSES_MAX  64
#define MONITORS_MAX 4

struct app {
    struct cmdline cmd;
    struct host_loop loop;
    struct dm_machine machine;
    bool have_machine;
    const struct dm_class *classes[CLASSES_MAX + 1];
    struct xen *xen;
    struct xenstore *xenstore;
    struct dm_run_notifier run_notifier;
    struct host_hook stir;
    struct vnc_door *vnc;
    struct qmp *qmp[MONITORS_MAX];
    size_t qmps;
    struct qmp_hooks qmp_hooks;
    struct host_watch signals;
    struct dm_buf state; /* of the guest to be restored */
    struct dm_state_head state_head;
};

/* ---- what is told, and to whom ---- */

static void app_log(void *opaque, enum dm_log_level level, const char *line)
{
    (void)opaque;
    (void)level;
    fprintf(stderr, "xendm: %s\n", line);
}

static void app_quit(void *opaque)
{
    struct app *app = opaque;

    host_loop_quit(&app->loop);
}

static void app_signal(void *opaque, uint32_t events)
{
    struct app *app = opaque;
    struct signalfd_siginfo info;

    (void)events;
    if (read(app->signals.fd, &info, sizeof(info)) == sizeof(info))
        host_loop_quit(&app->loop);
}

/* SIGHUP is how libxl ends us; SIGTERM and SIGINT are how people do. */
static int app_watch_signals(struct app *app, struct dm_error *err)
{
    sigset_t set;
    int rc;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* libxl limits our files: a write fails then, it does not kill */
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    app->signals = (struct host_watch) { .events = EPOLLIN, .ready = app_signal, .opaque = app };
    app->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    rc = app->signals.fd < 0 ? -errno : host_loop_add(&app->loop, &app->signals);
    return rc ? dm_error_set(err, -rc, "signals: %s", strerror(-rc)) : 0;
}

/* The ioreq server serves while the machine runs: a disabled one drops the guest's accesses. */
static void app_run_state(void *opaque, enum dm_run_state state)
{
    struct app *app = opaque;
    struct dm_error err;

    /* After a shutdown the domain still waits for the answer to its last access. */
    if (state != DM_SHUTDOWN_DONE && xen_run(app->xen, state == DM_RUNNING, &err))
        dm_log(DM_LOG_ERROR, "main", "%s", err.text);
}

/* Every wakeup of the loop is a hint that the guest did something. */
static void app_stir(void *opaque)
{
    struct app *app = opaque;

    dm_display_stir(&app->machine.display);
}

/* ---- the machine ---- */

static void app_collect_classes(struct app *app)
{
    static const struct dm_class *const *const tables[] = { hw_classes, firmware_classes };
    size_t n = 0;

    for (size_t t = 0; t < DM_ARRAY_LEN(tables); t++)
        for (const struct dm_class *const *c = tables[t]; *c && n < CLASSES_MAX; c++)
            app->classes[n++] = *c;
}

static void app_machine_init(struct app *app)
{
    const struct cmdline *cmd = &app->cmd;
    struct dm_machine *m = &app->machine;

    app_collect_classes(app);
    dm_machine_init(m, xen_hypervisor(app->xen), &app->loop.clock, app->classes);
    app->have_machine = true;
    m->name = cmd->name;
    m->domid = cmd->domid;
    m->ram_size = cmd->ram_mb << 20;
    m->vcpus = cmd->smp;
    m->max_vcpus = cmd->maxcpus;
    m->acpi = cmd->acpi;
    m->load_rom = host_rom_load;
    m->restored = cmd->incoming_fd >= 0 ? &app->state_head : NULL;
    if (*cmd->boot_order)
        snprintf(m->boot_order, sizeof(m->boot_order), "%s", cmd->boot_order);
    xen_attach(app->xen, m);
    app->stir = (struct host_hook) { .fn = app_stir, .opaque = app };
    host_loop_add_hook(&app->loop, &app->stir);
}

/*
 * What every machine has, in the order that gives each its PCI slot. The IDE function is
 * PIIX4's, as the power management is: drivers run its disks in Ultra DMA modes.
 */
static int app_create_board(struct app *app, struct dm_error *err)
{
    static const char *const board[] = { "i440fx", "piix3", "piix4-ide", "piix4-pm",
                                         "i8042",  "cmos",  "debugcon" };

    for (size_t i = 0; i < DM_ARRAY_LEN(board); i++)
        if (!dm_device_create(&app->machine, board[i], NULL, 0, err))
            return -EINVAL;
    if (app->cmd.platform_device && !dm_device_create(&app->machine, "xen-platform", NULL, 0, err))
        return -EINVAL;
    return 0;
}

static int app_create_chardevs(struct app *app, struct dm_error *err)
{
    for (size_t i = 0; i < app->cmd.chardev_count; i++) {
        const struct cmdline_chardev *c = &app->cmd.chardevs[i];
        int rc = c->monitor ? 0
                            : chardev_open_options(&app->machine, &app->loop, c->id, c->kind,
                                                   c->options, c->count, err);

        if (rc)
            return rc;
    }
    return 0;
}

static int app_create_serials(struct app *app, struct dm_error *err)
{
    for (size_t i = 0; i < app->cmd.serial_count; i++) {
        char id[32], index[32];
        struct dm_option opt[] = { { "chardev", id }, { "index", index } };
        int rc;

        if (!strcmp(app->cmd.serials[i], "none"))
            continue;
        snprintf(id, sizeof(id), "serial%zu", i);
        snprintf(index, sizeof(index), "%zu", i);
        rc = chardev_open(&app->machine, &app->loop, id, app->cmd.serials[i], err);
        if (rc)
            return rc;
        if (!dm_device_create(&app->machine, "isa-serial", opt, DM_ARRAY_LEN(opt), err))
            return -EINVAL;
    }
    return 0;
}

static int app_create_drives(struct app *app, struct dm_error *err)
{
    for (size_t i = 0; i < app->cmd.drive_count; i++) {
        const struct cmdline_drive *d = &app->cmd.drives[i];
        char bus[16], unit[16];
        struct dm_option opt[] = { { "drive", d->id }, { "bus", bus }, { "unit", unit } };
        int rc = raw_open(&app->machine, &app->loop, d->id, d->path, d->readonly, err);

        if (rc)
            return rc;
        if (d->interface != CMDLINE_IF_IDE)
            continue;
        snprintf(bus, sizeof(bus), "ide.%u", d->index / 2);
        snprintf(unit, sizeof(unit), "%u", d->index % 2);
        if (!dm_device_create(&app->machine, d->cdrom ? "ide-cd" : "ide-hd", opt, DM_ARRAY_LEN(opt),
                              err))
            return -EINVAL;
    }
    return 0;
}

/* The host's ends of network cards: libxl names them behind the cards that use them. */
static int app_create_netdevs(struct app *app, struct dm_error *err)
{
    for (size_t i = 0; i < app->cmd.netdev_count; i++) {
        const struct cmdline_netdev *n = &app->cmd.netdevs[i];
        int rc = netdev_open(&app->machine, &app->loop, n->id, n->kind, n->options, n->count, err);

        if (rc)
            return rc;
    }
    for (size_t i = 0; i < app->cmd.dump_count; i++) {
        const struct cmdline_dump *d = &app->cmd.dumps[i];
        int rc =
            filter_dump_open(&app->machine, &app->loop, d->id, d->netdev, d->path, d->max_len, err);

        if (rc)
            return rc;
    }
    return 0;
}

static int app_create_devices(struct app *app, struct dm_error *err)
{
    for (size_t i = 0; i < app->cmd.device_count; i++) {
        const struct cmdline_device *d = &app->cmd.devices[i];

        if (!dm_device_create(&app->machine, d->driver, d->options, d->count, err))
            return -EINVAL;
    }
    return 0;
}

static int app_open_vnc(struct app *app, struct dm_error *err)
{
    const struct cmdline_vnc *vnc = &app->cmd.vnc;
    struct vnc_door_config cfg = { .host = vnc->host,
                                   .display = vnc->display,
                                   .to = vnc->to,
                                   .password = vnc->password,
                                   .keymap = app->cmd.keymap };

    return vnc->enabled ? vnc_door_open(&app->vnc, &app->machine, &app->loop, &cfg, err) : 0;
}

static int app_open_monitors(struct app *app, struct dm_error *err)
{
    app->qmp_hooks = (struct qmp_hooks) { .quit = app_quit, .opaque = app };
    for (size_t i = 0; i < app->cmd.chardev_count; i++) {
        const struct cmdline_chardev *c = &app->cmd.chardevs[i];
        int rc;

        if (!c->monitor)
            continue;
        if (app->qmps == MONITORS_MAX)
            return dm_error_set(err, EINVAL, "-mon: at most %d monitors", MONITORS_MAX);
        rc = qmp_listen(&app->qmp[app->qmps], app->have_machine ? &app->machine : NULL, &app->loop,
                        c->path, c->fd, &app->qmp_hooks, err);
        if (rc)
            return rc;
        app->qmps++;
    }
    return 0;
}

/* Before all else: a stream that is not ours leaves the domain as it is. */
static int app_read_state(struct app *app, struct dm_error *err)
{
    int fd = app->cmd.incoming_fd, flags, rc;

    if (fd < 0)
        return 0;
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY)
        return dm_error_set(err, EBADF, "-incoming fd:%d: is not a file open for reading", fd);
    rc = state_file_read(fd, app->signals.fd, &app->state, err);
    close(fd);
    return rc ? rc : dm_state_check(app->state.data, app->state.len, &app->state_head, err);
}

/* Paused, so that no time passes for the guest before it runs. */
static int app_restore(struct app *app, struct dm_error *err)
{
    struct dm_machine *m = &app->machine;
    int rc;

    if (!m->restored)
        return 0;
    dm_machine_set_run_state(m, DM_PAUSED);
    rc = dm_state_load(m, app->state.data, app->state.len, err);
    m->restored = NULL;
    dm_buf_finish(&app->state);
    return rc;
}

/* The first run: here a failure ends us with its line, later ones are logged. */
static int app_run(struct app *app, struct dm_error *err)
{
    int rc = xen_run(app->xen, true, err);

    if (rc)
        return rc;
    dm_machine_set_run_state(&app->machine, DM_RUNNING);
    return xenstore_write_state(app->xenstore, "running", err);
}

/* Everything between the command line and the first access of the guest. */
static int app_start_guest(struct app *app, struct dm_error *err)
{
    int rc;

    if (!app->cmd.have_domid)
        return dm_error_set(err, EINVAL,
                            "-xen-domid is missing: xendm is started by xl or libvirt");
    rc = app_read_state(app, err);
    if (rc)
        return rc;
    rc = xen_open(&app->xen, app->cmd.domid, app->cmd.maxcpus, &app->loop, err);
    if (rc)
        return rc;
    app_machine_init(app);
    rc = xenstore_open(&app->xenstore, app->cmd.domid, err);
    if (!rc)
        rc = app_create_board(app, err);
    if (!rc)
        rc = app_create_chardevs(app, err);
    if (!rc)
        rc = app_create_serials(app, err);
    if (!rc)
        rc = app_create_drives(app, err);
    if (!rc)
        rc = app_create_netdevs(app, err);
    if (!rc)
        rc = app_create_devices(app, err);
    if (!rc)
        rc = app_restore(app, err);
    if (!rc)
        rc = app_open_vnc(app, err);
    if (!rc)
        rc = app_open_monitors(app, err);
    if (rc)
        return rc;
    app->run_notifier = (struct dm_run_notifier) { .changed = app_run_state, .opaque = app };
    dm_machine_on_run(&app->machine, &app->run_notifier);
    if (!app->cmd.start_stopped)
        rc = app_run(app, err);
    xenstore_follow(app->xenstore, &app->machine);
    return rc;
}

/* In reverse order; every part takes that it was never opened. */
static void app_finish(struct app *app)
{
    while (app->qmps)
        qmp_close(app->qmp[--app->qmps]);
    vnc_door_close(app->vnc);
    if (app->have_machine)
        dm_machine_finish(&app->machine);
    xenstore_close(app->xenstore);
    xen_close(app->xen);
    if (app->signals.fd > 0)
        close(app->signals.fd);
    host_loop_finish(&app->loop);
    dm_buf_finish(&app->state);
    cmdline_finish(&app->cmd);
}

static int app_fail(struct app *app, const struct dm_error *err)
{
    fprintf(stderr, "xendm: %s\n", err->text);
    app_finish(app);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static struct app app;
    struct dm_error err = { "" };
    int rc;

    dm_log_set_sink(app_log, NULL);
    rc = host_loop_init(&app.loop, &err);
    if (!rc)
        rc = cmdline_parse(&app.cmd, argc, argv, &err);
    if (rc)
        return app_fail(&app, &err);
    if (app.cmd.help || app.cmd.version) {
        printf("xendm %s, device model for Xen HVM guests\n", XENDM_VERSION);
        if (app.cmd.help)
            cmdline_print_help(stdout);
        app_finish(&app);
        return EXIT_SUCCESS;
    }
    rc = app_watch_signals(&app, &err);
    if (!rc)
        rc = app.cmd.probe ? app_open_monitors(&app, &err) : app_start_guest(&app, &err);
    if (rc)
        return app_fail(&app, &err);
    host_loop_run(&app.loop);
    rc = app.loop.failed;
    app_finish(&app);
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
