/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line that libxl writes for an HVM guest (libxl_dm.c, build_device_model_args_new). */
#include "tests/sim/driver.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 160

struct args {
    char **v;
    size_t n;
};

__attribute__((format(printf, 2, 3))) static void args_add(struct args *a, const char *format, ...)
{
    va_list ap;

    if (a->n == ARGS_MAX)
        abort();
    va_start(ap, format);
    if (vasprintf(&a->v[a->n], format, ap) < 0)
        abort();
    va_end(ap);
    a->n++;
}

static void args_monitor(struct args *a, const char *id, const char *path)
{
    args_add(a, "-chardev");
    args_add(a, "socket,id=%s,path=%s,server=on,wait=off", id, path);
    args_add(a, "-mon");
    args_add(a, "chardev=%s,mode=control", id);
}

static void args_nics(struct args *a, const struct sim_options *o)
{
    unsigned n = 0;

    for (; n < SIM_NICS_MAX && o->nic[n].model; n++) {
        const struct sim_nic *nic = &o->nic[n];
        char mac[20];

        snprintf(mac, sizeof(mac), "00:16:3e:00:00:%02x", n);
        args_add(a, "-device");
        args_add(a, "%s,id=nic%u,netdev=net%u,mac=%s", nic->model, n, n, nic->mac ? nic->mac : mac);
        args_add(a, "-netdev");
        args_add(a, "type=tap,id=net%u,ifname=%s,br=xenbr0,script=no,downscript=no", n,
                 nic->ifname);
    }
    if (!n) {
        args_add(a, "-net");
        args_add(a, "none");
    }
}

static void args_disks(struct args *a, const struct sim_options *o)
{
    static const unsigned vdev[SIM_DISKS_MAX] = { 768, 832, 5632, 5696 };

    for (unsigned i = 0; i < SIM_DISKS_MAX; i++) {
        if (o->disk[i]) {
            args_add(a, "-drive");
            args_add(a, "file=%s,if=ide,index=%u,media=disk,format=raw,cache=writeback", o->disk[i],
                     i);
        } else if (o->cd[i]) {
            args_add(a, "-drive");
            if (*o->cd[i])
                args_add(a, "if=none,readonly=on,id=ide-%u,file=%s,format=raw", vdev[i], o->cd[i]);
            else
                args_add(a, "if=none,readonly=on,id=ide-%u", vdev[i]);
            args_add(a, "-device");
            args_add(a, "ide-cd,id=ide-%u,drive=ide-%u,bus=ide.%u,unit=%u", vdev[i], vdev[i], i / 2,
                     i % 2);
        }
    }
}

char **driver_args(const struct sim_options *o, const char *dir)
{
    struct args a = { .v = calloc(ARGS_MAX + 1, sizeof(char *)) };
    char path[128];

    if (!a.v)
        return NULL;
    args_add(&a, "%s", o->model);
    args_add(&a, "-xen-domid");
    args_add(&a, "%u", o->domid);
    args_add(&a, "-no-shutdown");
    snprintf(path, sizeof(path), "%s/qmp-libxl-%u", dir, o->domid);
    args_monitor(&a, "libxl-cmd", path);
    snprintf(path, sizeof(path), "%s/qmp-libxenstat-%u", dir, o->domid);
    args_monitor(&a, "libxenstat-cmd", path);
    args_add(&a, "-nodefaults");
    args_add(&a, "-no-user-config");
    args_add(&a, "-name");
    args_add(&a, "%s", o->name);
    args_add(&a, "-vnc");
    args_add(&a, "%s", o->vnc);
    args_add(&a, "-display");
    args_add(&a, "none");
    for (unsigned i = 0; i < SIM_SERIALS_MAX && o->serial[i]; i++) {
        args_add(&a, "-serial");
        args_add(&a, "%s", o->serial[i]);
    }
    if (*o->vga) {
        args_add(&a, "-device");
        args_add(&a, "%s,vgamem_mb=%u", o->vga, o->vram_mb);
    }
    args_add(&a, "-boot");
    args_add(&a, "order=cda");
    if (o->vcpus > 1) {
        args_add(&a, "-smp");
        args_add(&a, "%u,maxcpus=%u", o->vcpus, o->vcpus);
    }
    args_nics(&a, o);
    if (o->start_stopped)
        args_add(&a, "-S");
    if (o->incoming_fd > 0) {
        args_add(&a, "-incoming");
        args_add(&a, "fd:%d", o->incoming_fd);
    }
    for (const char *const *e = o->extra; e && *e; e++)
        args_add(&a, "%s", *e);
    args_add(&a, "-machine");
    args_add(&a, o->no_platform ? "pc,accel=xen,suppress-vmdesc=on" : "xenfv,suppress-vmdesc=on");
    args_add(&a, "-m");
    args_add(&a, "%u", o->ram_mb);
    args_disks(&a, o);
    return a.v;
}

void driver_args_free(char **argv)
{
    for (char **p = argv; p && *p; p++)
        free(*p);
    free(argv);
}
