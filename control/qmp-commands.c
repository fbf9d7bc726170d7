/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QMP commands; docs/QMP.md lists them with their answers. They follow
 * QEMU 7.2's schema where libxl, libxenstat or a person looks. What is not in the
 * table is CommandNotFound: libxl falls back on that name.
 */
#include "control/cmdline.h"
#include "control/qmp-session.h"
#include "control/qmp-state.h"

#include "config.h"

#include "dm/bytes.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* libxl asks for at least 2.11 before it uses what it needs; this is the newest it knows. */
#define QMP_MAJOR 7
#define QMP_MINOR 2
#define QMP_MICRO 0

static void put_int(struct json_object *o, const char *key, uint64_t value)
{
    json_object_object_add(o, key, json_object_new_uint64(value));
}

static void put_str(struct json_object *o, const char *key, const char *value)
{
    json_object_object_add(o, key, json_object_new_string(value));
}

static void put_bool(struct json_object *o, const char *key, bool value)
{
    json_object_object_add(o, key, json_object_new_boolean(value));
}

struct json_object *qmp_version(void)
{
    struct json_object *version = json_object_new_object(), *qemu = json_object_new_object();

    put_int(qemu, "micro", QMP_MICRO);
    put_int(qemu, "minor", QMP_MINOR);
    put_int(qemu, "major", QMP_MAJOR);
    json_object_object_add(version, "qemu", qemu);
    put_str(version, "package", "xendm " XENDM_VERSION);
    return version;
}

static struct json_object *command_capabilities(struct qmp_session *s, struct json_object *args,
                                                struct qmp_failure *failure)
{
    struct json_object *enable = json_object_object_get(args, "enable");

    if (enable && json_object_array_length(enable))
        qmp_fail(failure, "GenericError", "there are no capabilities to enable");
    else
        s->negotiated = true;
    return NULL;
}

static struct json_object *command_version(struct qmp_session *s, struct json_object *args,
                                           struct qmp_failure *failure)
{
    return qmp_version();
}

static struct json_object *command_quit(struct qmp_session *s, struct json_object *args,
                                        struct qmp_failure *failure)
{
    s->quit = true;
    return NULL;
}

/* libxl 4.20 looks here for run-with=chroot, user. Which keys an option has is not told. */
static struct json_object *command_options(struct qmp_session *s, struct json_object *args,
                                           struct qmp_failure *failure)
{
    struct json_object *list = json_object_new_array(), *option;
    const char *name, *want = json_object_get_string(json_object_object_get(args, "option"));

    for (size_t i = 0; (name = cmdline_option_name(i)); i++) {
        if (want && strcmp(want, name))
            continue;
        option = json_object_new_object();
        put_str(option, "option", name);
        json_object_object_add(option, "parameters", json_object_new_array());
        json_object_array_add(list, option);
    }
    if (want && !json_object_array_length(list))
        qmp_fail(failure, "GenericError", "invalid option name: %.64s", want);
    return list;
}

static struct json_object *command_name(struct qmp_session *s, struct json_object *args,
                                        struct qmp_failure *failure)
{
    struct json_object *name = json_object_new_object();

    if (*s->machine->name)
        put_str(name, "name", s->machine->name);
    return name;
}

static struct json_object *command_status(struct qmp_session *s, struct json_object *args,
                                          struct qmp_failure *failure)
{
    static const char *const names[] = {
        [DM_PRELAUNCH] = "prelaunch",
        [DM_RUNNING] = "running",
        [DM_PAUSED] = "paused",
        [DM_SHUTDOWN_DONE] = "shutdown",
    };
    struct json_object *status = json_object_new_object();

    put_bool(status, "running", s->machine->run_state == DM_RUNNING);
    put_bool(status, "singlestep", false);
    put_str(status, "status", names[s->machine->run_state]);
    return status;
}

/* libxl sends it with every unpause, also when the guest runs. */
static struct json_object *command_cont(struct qmp_session *s, struct json_object *args,
                                        struct qmp_failure *failure)
{
    if (s->machine->run_state == DM_SHUTDOWN_DONE)
        qmp_fail(failure, "GenericError", "Resetting the Virtual Machine is required");
    else
        dm_machine_set_run_state(s->machine, DM_RUNNING);
    /* Not when a restored machine starts: libxl puts the taps into their bridges after that. */
    if (s->machine->run_state == DM_RUNNING)
        dm_machine_arrived(s->machine);
    return NULL;
}

/* Only what runs can be stopped. Afterwards the images hold all that the guest wrote. */
static struct json_object *command_stop(struct qmp_session *s, struct json_object *args,
                                        struct qmp_failure *failure)
{
    if (s->machine->run_state == DM_RUNNING)
        dm_machine_set_run_state(s->machine, DM_PAUSED);
    return NULL;
}

static struct json_object *command_chardev(struct qmp_session *s, struct json_object *args,
                                           struct qmp_failure *failure)
{
    struct json_object *list = json_object_new_array(), *entry;

    for (const struct dm_chardev *c = s->machine->chardevs; c; c = c->next) {
        entry = json_object_new_object();
        put_str(entry, "label", c->id);
        put_str(entry, "filename", c->filename);
        put_bool(entry, "frontend-open", c->user != NULL);
        json_object_array_add(list, entry);
    }
    return list;
}

static struct json_object *command_vnc(struct qmp_session *s, struct json_object *args,
                                       struct qmp_failure *failure)
{
    const struct dm_display_server *vnc = &s->machine->display.vnc;
    struct json_object *answer = json_object_new_object();

    put_bool(answer, "enabled", vnc->enabled);
    if (vnc->enabled) {
        put_str(answer, "host", vnc->host);
        put_str(answer, "service", vnc->service);
        put_str(answer, "family", strchr(vnc->host, ':') ? "ipv6" : "ipv4");
    }
    return answer;
}

static struct json_object *command_vnc_password(struct qmp_session *s, struct json_object *args,
                                                struct qmp_failure *failure)
{
    const struct dm_display_server *vnc = &s->machine->display.vnc;
    const char *password = json_object_get_string(json_object_object_get(args, "password"));

    if (!vnc->enabled || !vnc->set_password)
        qmp_fail(failure, "GenericError", "there is no VNC server with a password");
    else if (vnc->set_password(vnc->opaque, password))
        qmp_fail(failure, "GenericError", "Could not set password");
    return NULL;
}

static struct json_object *block_inserted(const struct dm_block *b)
{
    struct json_object *inserted = json_object_new_object(), *image = json_object_new_object();

    put_str(image, "filename", b->path);
    put_str(image, "format", "raw");
    put_int(image, "virtual-size", b->size);
    put_str(inserted, "file", b->path);
    put_bool(inserted, "ro", b->readonly);
    put_str(inserted, "drv", "raw");
    put_int(inserted, "backing_file_depth", 0);
    json_object_object_add(inserted, "image", image);
    return inserted;
}

static struct json_object *command_block(struct qmp_session *s, struct json_object *args,
                                         struct qmp_failure *failure)
{
    struct json_object *list = json_object_new_array(), *entry;

    for (const struct dm_block *b = s->machine->blocks; b; b = b->next) {
        entry = json_object_new_object();
        put_str(entry, "device", b->id);
        put_bool(entry, "locked", false);
        put_bool(entry, "removable", b->readonly); /* a CD: hard disks are never read-only */
        put_str(entry, "type", "unknown");
        if (b->present)
            json_object_object_add(entry, "inserted", block_inserted(b));
        json_object_array_add(list, entry);
    }
    return list;
}

static struct json_object *command_blockstats(struct qmp_session *s, struct json_object *args,
                                              struct qmp_failure *failure)
{
    struct json_object *list = json_object_new_array(), *entry, *stats;

    for (const struct dm_block *b = s->machine->blocks; b; b = b->next) {
        stats = json_object_new_object();
        put_int(stats, "rd_bytes", b->rd_bytes);
        put_int(stats, "wr_bytes", b->wr_bytes);
        put_int(stats, "rd_operations", b->rd_ops);
        put_int(stats, "wr_operations", b->wr_ops);
        put_int(stats, "flush_operations", b->flush_ops);
        entry = json_object_new_object();
        put_str(entry, "device", b->id);
        json_object_object_add(entry, "stats", stats);
        json_object_array_add(list, entry);
    }
    return list;
}

/* libxl saves cpu-index of the CPUs that are there. All have one thread: ours. */
static struct json_object *command_cpus(struct qmp_session *s, struct json_object *args,
                                        struct qmp_failure *failure)
{
    struct json_object *list = json_object_new_array(), *entry, *props;
    char path[64];

    for (uint32_t i = 0; i < s->machine->vcpus; i++) {
        snprintf(path, sizeof(path), "/machine/unattached/device[%u]", i);
        props = json_object_new_object();
        put_int(props, "socket-id", i);
        put_int(props, "core-id", 0);
        put_int(props, "thread-id", 0);
        entry = json_object_new_object();
        put_int(entry, "cpu-index", i);
        put_str(entry, "qom-path", path);
        put_int(entry, "thread-id", (uint64_t)getpid());
        put_str(entry, "target", "i386");
        json_object_object_add(entry, "props", props);
        json_object_array_add(list, entry);
    }
    return list;
}

static struct json_object *pci_regions(const struct dm_pci_device *dev)
{
    struct json_object *list = json_object_new_array(), *entry;

    for (int i = 0; i < PCI_BAR_COUNT; i++) {
        const struct dm_pci_bar_info *info = &dev->dev.class->pci->bar[i];
        const struct dm_pci_bar *bar = &dev->bar[i];

        if (!bar->size)
            continue;
        entry = json_object_new_object();
        put_int(entry, "bar", (uint64_t)i);
        put_str(entry, "type", info->flags & PCI_BAR_IO ? "io" : "memory");
        json_object_object_add(
            entry, "address",
            json_object_new_int64(bar->addr == DM_PCI_UNMAPPED ? -1 : (int64_t)bar->addr));
        put_int(entry, "size", bar->size);
        if (!(info->flags & PCI_BAR_IO)) {
            put_bool(entry, "prefetch", info->flags & PCI_BAR_PREFETCH);
            put_bool(entry, "mem_type_64", info->flags & PCI_BAR_MEM64);
        }
        json_object_array_add(list, entry);
    }
    return list;
}

static struct json_object *pci_function(const struct dm_pci_device *dev)
{
    struct json_object *entry = json_object_new_object(), *class = json_object_new_object(),
                       *id = json_object_new_object();

    put_int(class, "class", dm_pci_get(dev, PCI_CLASS_DEVICE, 2));
    put_int(id, "device", dm_pci_get(dev, PCI_DEVICE_ID, 2));
    put_int(id, "vendor", dm_pci_get(dev, PCI_VENDOR_ID, 2));
    put_int(id, "subsystem", dm_pci_get(dev, PCI_SUBSYSTEM_ID, 2));
    put_int(id, "subsystem-vendor", dm_pci_get(dev, PCI_SUBSYSTEM_VENDOR_ID, 2));
    put_int(entry, "bus", 0);
    put_int(entry, "slot", PCI_SLOT(dev->devfn));
    put_int(entry, "function", PCI_FUNC(dev->devfn));
    json_object_object_add(entry, "class_info", class);
    json_object_object_add(entry, "id", id);
    if (dm_pci_get(dev, PCI_INTERRUPT_PIN, 1))
        put_int(entry, "irq", dm_pci_get(dev, PCI_INTERRUPT_LINE, 1));
    put_int(entry, "irq_pin", dm_pci_get(dev, PCI_INTERRUPT_PIN, 1));
    put_str(entry, "qdev_id", dev->dev.id);
    json_object_object_add(entry, "regions", pci_regions(dev));
    return entry;
}

static struct json_object *command_pci(struct qmp_session *s, struct json_object *args,
                                       struct qmp_failure *failure)
{
    struct json_object *list = json_object_new_array(), *bus = json_object_new_object(),
                       *devices = json_object_new_array();

    for (size_t i = 0; i < DM_ARRAY_LEN(s->machine->pci.fn); i++)
        if (s->machine->pci.fn[i])
            json_object_array_add(devices, pci_function(s->machine->pci.fn[i]));
    put_int(bus, "bus", 0);
    json_object_object_add(bus, "devices", devices);
    json_object_array_add(list, bus);
    return list;
}

/* name: of the card, or of its netdev. */
static struct json_object *command_set_link(struct qmp_session *s, struct json_object *args,
                                            struct qmp_failure *failure)
{
    const char *name = json_object_get_string(json_object_object_get(args, "name"));
    struct dm_device *dev = dm_device_find(s->machine, name);
    struct dm_net *net = dev ? dm_device_net(dev) : dm_net_find(s->machine, name);

    if (net)
        dm_net_set_link(net, json_object_get_boolean(json_object_object_get(args, "up")));
    else
        qmp_fail(failure, "DeviceNotFound", "Device '%.64s' not found", name);
    return NULL;
}

static struct json_object *command_commands(struct qmp_session *s, struct json_object *args,
                                            struct qmp_failure *failure);

enum { QMP_GUEST = 1, QMP_ARG_OPTIONAL = 2, QMP_ARG2_OPTIONAL = 4 };

static const struct qmp_row {
    const char *name;
    struct json_object *(*handle)(struct qmp_session *s, struct json_object *args,
                                  struct qmp_failure *failure);
    unsigned flags; /* QMP_GUEST: about the guest */
    struct qmp_arg {
        const char *name; /* NULL: no more */
        enum json_type type;
    } arg[2];
} qmp_rows[] = {
    { "add-fd",
      command_add_fd,
      QMP_ARG_OPTIONAL,
      { { "fdset-id", json_type_int }, { "opaque", json_type_string } } },
    { "change-vnc-password",
      command_vnc_password,
      QMP_GUEST,
      { { "password", json_type_string } } },
    { "cont", command_cont, QMP_GUEST, { { 0 } } },
    { "qmp_capabilities",
      command_capabilities,
      QMP_ARG_OPTIONAL,
      { { "enable", json_type_array } } },
    { "query-block", command_block, QMP_GUEST, { { 0 } } },
    { "query-blockstats", command_blockstats, QMP_GUEST, { { 0 } } },
    { "query-chardev", command_chardev, QMP_GUEST, { { 0 } } },
    { "query-command-line-options",
      command_options,
      QMP_ARG_OPTIONAL,
      { { "option", json_type_string } } },
    { "query-commands", command_commands, 0, { { 0 } } },
    { "query-cpus-fast", command_cpus, QMP_GUEST, { { 0 } } },
    { "query-fdsets", command_fdsets, 0, { { 0 } } },
    { "query-name", command_name, QMP_GUEST, { { 0 } } },
    { "query-pci", command_pci, QMP_GUEST, { { 0 } } },
    { "query-status", command_status, QMP_GUEST, { { 0 } } },
    { "query-version", command_version, 0, { { 0 } } },
    { "query-vnc", command_vnc, QMP_GUEST, { { 0 } } },
    { "quit", command_quit, 0, { { 0 } } },
    { "remove-fd",
      command_remove_fd,
      QMP_ARG2_OPTIONAL,
      { { "fdset-id", json_type_int }, { "fd", json_type_int } } },
    { "set_link",
      command_set_link,
      QMP_GUEST,
      { { "name", json_type_string }, { "up", json_type_boolean } } },
    { "stop", command_stop, QMP_GUEST, { { 0 } } },
    { "xen-save-devices-state",
      command_save,
      QMP_GUEST | QMP_ARG2_OPTIONAL,
      { { "filename", json_type_string }, { "live", json_type_boolean } } },
    { "xen-set-global-dirty-log",
      command_log_dirty,
      QMP_GUEST,
      { { "enable", json_type_boolean } } },
};

static struct json_object *command_commands(struct qmp_session *s, struct json_object *args,
                                            struct qmp_failure *failure)
{
    struct json_object *list = json_object_new_array(), *entry;

    for (size_t i = 0; i < DM_ARRAY_LEN(qmp_rows); i++) {
        if (!s->machine && qmp_rows[i].flags & QMP_GUEST)
            continue;
        entry = json_object_new_object();
        put_str(entry, "name", qmp_rows[i].name);
        json_object_array_add(list, entry);
    }
    return list;
}

static const struct qmp_row *qmp_row(const struct qmp_session *s, const char *name)
{
    for (size_t i = 0; i < DM_ARRAY_LEN(qmp_rows); i++)
        if (!strcmp(qmp_rows[i].name, name) && (s->machine || !(qmp_rows[i].flags & QMP_GUEST)))
            return &qmp_rows[i];
    return NULL;
}

static bool qmp_takes(const struct qmp_row *row, const char *key)
{
    for (size_t i = 0; i < DM_ARRAY_LEN(row->arg) && row->arg[i].name; i++)
        if (!strcmp(row->arg[i].name, key))
            return true;
    return false;
}

static void qmp_check_arguments(const struct qmp_row *row, struct json_object *args,
                                struct qmp_failure *failure)
{
    struct json_object *arg = NULL;

    if (args) {
        json_object_object_foreach(args, key, value)
        {
            (void)value;
            if (!qmp_takes(row, key))
                return qmp_fail(failure, "GenericError", "Parameter '%.64s' is unexpected", key);
        }
    }
    for (size_t i = 0; i < DM_ARRAY_LEN(row->arg) && row->arg[i].name; i++) {
        const struct qmp_arg *want = &row->arg[i];

        if (!json_object_object_get_ex(args, want->name, &arg)) {
            if (!(row->flags & QMP_ARG_OPTIONAL) && !(i == 1 && row->flags & QMP_ARG2_OPTIONAL))
                return qmp_fail(failure, "GenericError", "Parameter '%s' is missing", want->name);
        } else if (!json_object_is_type(arg, want->type)) {
            return qmp_fail(failure, "GenericError",
                            "Invalid parameter type for '%s', expected: %s", want->name,
                            json_type_to_name(want->type));
        }
    }
}

struct json_object *qmp_command(struct qmp_session *s, const char *name,
                                struct json_object *arguments, struct qmp_failure *failure)
{
    const struct qmp_row *row = qmp_row(s, name);
    bool negotiation = !strcmp(name, "qmp_capabilities");

    dm_log(DM_LOG_TRACE, "qmp", "%s", name);
    if (!s->negotiated && !negotiation) {
        qmp_fail(failure, "CommandNotFound",
                 "Expecting capabilities negotiation with 'qmp_capabilities'");
    } else if (s->negotiated && negotiation) {
        qmp_fail(failure, "CommandNotFound",
                 "Capabilities negotiation is already complete, command ignored");
    } else if (!row) {
        qmp_fail(failure, "CommandNotFound", "The command %.64s has not been found", name);
    } else {
        qmp_check_arguments(row, arguments, failure);
        if (!failure->class)
            return row->handle(s, arguments, failure);
    }
    return NULL;
}
