/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/module.h"

#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int module_try(const char *folder, const char *name)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/%s.so", folder, name), fd;

    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENOENT;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int host_module_find(const char *name, struct dm_error *err)
{
    const char *own = getenv("XENDM_MODULE_DIR");
    char exe[2048], beside[2100];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    int fd = -ENOENT;

    if (own) {
        fd = module_try(own, name);
    } else {
        if (n > 0) {
            exe[n] = 0;
            snprintf(beside, sizeof(beside), "%s/ui", dirname(exe));
            fd = module_try(beside, name);
        }
        if (fd == -ENOENT)
            fd = module_try(XENDM_MODULE_DIR, name);
    }
    if (fd == -ENOENT)
        dm_error_set(err, ENOENT, "module '%s.so' is not in %s", name,
                     own ? own : XENDM_MODULE_DIR);
    else if (fd < 0)
        dm_error_set(err, -fd, "module '%s.so' cannot be read: %s", name, strerror(-fd));
    return fd;
}

void *host_module_load(int fd, const char *name, const char *symbol, struct dm_error *err)
{
    char path[40];
    void *handle, *found;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    found = handle ? dlsym(handle, symbol) : NULL;
    if (!found) {
        dm_error_set(err, EINVAL, "module '%s.so' cannot be loaded: %s", name, dlerror());
        close(fd);
    }
    return found; /* fd stays open: the next module under its name would be taken for this one */
}
