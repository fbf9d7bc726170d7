/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/module.h"

#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int module_try(const char *folder, const char *name, void **handle)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/%s.so", folder, name);

    if (n < 0 || (size_t)n >= sizeof(path) || access(path, F_OK))
        return -ENOENT;
    *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return *handle ? 0 : -EINVAL;
}

void *host_module_load(const char *name, const char *symbol, struct dm_error *err)
{
    const char *own = getenv("XENDM_MODULE_DIR");
    char exe[2048], beside[2100];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    void *handle = NULL, *found;
    int rc = -ENOENT;

    if (own) {
        rc = module_try(own, name, &handle);
    } else {
        if (n > 0) {
            exe[n] = 0;
            snprintf(beside, sizeof(beside), "%s/ui", dirname(exe));
            rc = module_try(beside, name, &handle);
        }
        if (rc == -ENOENT)
            rc = module_try(XENDM_MODULE_DIR, name, &handle);
    }
    if (rc == -ENOENT) {
        dm_error_set(err, ENOENT, "module '%s.so' is not in %s", name,
                     own ? own : XENDM_MODULE_DIR);
        return NULL;
    }
    found = handle ? dlsym(handle, symbol) : NULL;
    if (!found)
        dm_error_set(err, EINVAL, "module '%s.so' cannot be loaded: %s", name, dlerror());
    return found;
}
