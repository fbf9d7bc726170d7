/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/vnc/door.h"

#include "dm/log.h"
#include "host/module.h"
#include "ui/ui.h"
#include "ui/vnc/listen.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define DOOR_MODULE "xendm-vnc"

struct vnc_door {
    struct dm_machine *machine;
    struct host_loop *loop;
    struct vnc_listen listen;
    struct host_watch watch[VNC_LISTEN_MAX];
    struct ui_vnc_config config;
    char password[9]; /* of 8 bytes at most: RFC 6143 section 7.2.2 */
    pthread_t thread; /* that loads */
    bool loading;
    struct host_post loaded;
    int module_fd; /* from here on the thread's while it loads */
    const struct ui_module *module;
    struct ui *ui;
    struct dm_error error;
    int rc;
};

/* Any thread. */
static int door_load(struct vnc_door *d, struct dm_error *err)
{
    d->module = host_module_load(d->module_fd, DOOR_MODULE, UI_MODULE_SYMBOL, err);
    d->module_fd = -1;
    if (!d->module)
        return -ENOENT;
    if (d->module->version != UI_MODULE_VERSION)
        return dm_error_set(err, EINVAL, "module '%s.so' is of another version of xendm",
                            DOOR_MODULE);
    return d->module->open(&d->ui, d->machine, d->loop, &d->config, err);
}

static void *door_thread(void *opaque)
{
    struct vnc_door *d = opaque;

    d->rc = door_load(d, &d->error);
    host_loop_post(d->loop, &d->loaded);
    return NULL;
}

static int door_start(struct vnc_door *d, struct dm_error *err)
{
    d->module->set_password(d->ui, d->password);
    return d->module->start(d->ui, err);
}

/* Nobody gets through any more, and nobody is told to try. */
static void door_shut(struct vnc_door *d)
{
    for (int i = 0; i < d->listen.count; i++)
        host_loop_remove(d->loop, &d->watch[i]);
    vnc_listen_close(&d->listen);
    d->machine->display.vnc = (struct dm_display_server) { 0 };
}

static void door_fail(struct vnc_door *d, const struct dm_error *err)
{
    dm_log(DM_LOG_ERROR, "vnc", "%s", err->text);
    door_shut(d);
}

static void door_loaded(void *opaque)
{
    struct vnc_door *d = opaque;

    pthread_join(d->thread, NULL);
    d->loading = false;
    if (!d->rc)
        d->rc = door_start(d, &d->error);
    if (d->rc)
        door_fail(d, &d->error);
}

/* Somebody knocks. The connection waits in the socket's queue until the module takes it. */
static void door_knock(void *opaque, uint32_t events)
{
    struct vnc_door *d = opaque;
    sigset_t all, old;
    int rc;

    (void)events;
    for (int i = 0; i < d->listen.count; i++)
        host_loop_remove(d->loop, &d->watch[i]);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&d->thread, NULL, door_thread, d);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    d->loading = !rc;
    if (rc) {
        dm_error_set(&d->error, rc, "VNC: no thread: %s", strerror(rc));
        door_fail(d, &d->error);
    }
}

static int door_set_password(void *opaque, const char *password)
{
    struct vnc_door *d = opaque;

    memset(d->password, 0, sizeof(d->password));
    snprintf(d->password, sizeof(d->password), "%s", password);
    if (d->ui && !d->loading)
        d->module->set_password(d->ui, d->password);
    return 0;
}

static int door_watch(struct vnc_door *d, struct dm_error *err)
{
    for (int i = 0; i < d->listen.count; i++) {
        int rc;

        d->watch[i] = (struct host_watch) {
            .fd = d->listen.fd[i], .events = EPOLLIN, .ready = door_knock, .opaque = d
        };
        rc = host_loop_add(d->loop, &d->watch[i]);
        if (rc)
            return dm_error_set(err, -rc, "VNC: %s", strerror(-rc));
    }
    return 0;
}

int vnc_door_open(struct vnc_door **door, struct dm_machine *machine, struct host_loop *loop,
                  const struct vnc_door_config *config, struct dm_error *err)
{
    struct dm_display_server *info = &machine->display.vnc;
    struct vnc_door *d = calloc(1, sizeof(*d));
    int rc;

    if (!d)
        return dm_error_set(err, ENOMEM, "VNC: out of memory");
    d->machine = machine;
    d->loop = loop;
    d->loaded = (struct host_post) { .fn = door_loaded, .opaque = d };
    rc = d->module_fd = host_module_find(DOOR_MODULE, err);
    if (rc >= 0)
        rc = vnc_listen_open(&d->listen, config->host, config->display, config->to, err);
    if (!rc) {
        d->config = (struct ui_vnc_config) { .sockets = d->listen.fd,
                                             .count = d->listen.count,
                                             .password = config->password,
                                             .admit = config->admit,
                                             .keymap = config->keymap ? config->keymap : "en-us" };
        rc = config->keymap ? door_load(d, err) : door_watch(d, err);
    }
    if (!rc && config->keymap)
        rc = door_start(d, err);
    if (rc) {
        vnc_door_close(d);
        return rc;
    }
    info->enabled = true;
    info->opaque = d;
    info->set_password = door_set_password;
    snprintf(info->host, sizeof(info->host), "%s", *config->host ? config->host : "0.0.0.0");
    snprintf(info->service, sizeof(info->service), "%u", d->listen.port);
    *door = d;
    return 0;
}

void vnc_door_close(struct vnc_door *d)
{
    if (!d)
        return;
    if (d->loading)
        pthread_join(d->thread, NULL);
    host_loop_unpost(d->loop, &d->loaded);
    if (d->ui)
        d->module->close(d->ui);
    door_shut(d);
    if (d->module_fd >= 0)
        close(d->module_fd);
    free(d);
}
