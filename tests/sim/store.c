/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xenstore's tree in shared memory: both the driver and the preloaded library use it. */
#include "tests/sim/shared.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void sim_store_init(struct sim_xs *xs)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&xs->lock, &attr);
    pthread_mutexattr_destroy(&attr);
}

static void store_lock(struct sim_xs *xs)
{
    if (pthread_mutex_lock(&xs->lock) == EOWNERDEAD)
        pthread_mutex_consistent(&xs->lock); /* the model was killed; entries are whole enough */
}

static void store_unlock(struct sim_xs *xs)
{
    pthread_mutex_unlock(&xs->lock);
}

static struct sim_xs_node *store_find(struct sim_xs *xs, const char *path)
{
    for (uint32_t i = 0; i < xs->places; i++)
        if (!strcmp(xs->node[i].path, path))
            return &xs->node[i];
    return NULL;
}

bool sim_store_matches(const char *watch, const char *path, bool removed)
{
    size_t w = strlen(watch), p = strlen(path);

    if (!w)
        return false;
    if (!strncmp(watch, path, w) && (!path[w] || path[w] == '/'))
        return true;
    return removed && !strncmp(watch, path, p) && watch[p] == '/';
}

/* Notes the change. Returns the handles that watch it. */
static uint32_t store_changed(struct sim_xs *xs, const char *path, bool removed)
{
    uint32_t n = atomic_load(&xs->changes), kick = 0;

    memcpy(xs->change[n % SIM_XS_CHANGES].path, path, strlen(path) + 1);
    xs->change[n % SIM_XS_CHANGES].removed = removed;
    atomic_store(&xs->changes, n + 1);
    for (unsigned h = 0; h < SIM_HANDLES; h++)
        if (atomic_load(&xs->handles) >> h & 1)
            for (unsigned i = 0; i < SIM_XS_WATCHES; i++)
                if (sim_store_matches(xs->watch[h][i], path, removed))
                    kick |= 1u << h;
    return kick;
}

void sim_store_watch(struct sim_xs *xs, unsigned handle, unsigned n, const char *path)
{
    store_lock(xs);
    memcpy(xs->watch[handle][n], path, strlen(path) + 1);
    store_unlock(xs);
}

static struct sim_xs_node *store_add_one(struct sim_xs *xs, const char *path)
{
    struct sim_xs_node *n = store_find(xs, "");

    if (!n && xs->places < SIM_XS_NODES)
        n = &xs->node[xs->places++];
    if (!n) {
        errno = ENOSPC;
        return NULL;
    }
    memcpy(n->path, path, strlen(path) + 1);
    n->len = 0;
    return n;
}

/* The node, made with its parents. NULL with errno set. */
static struct sim_xs_node *store_add(struct sim_xs *xs, const char *path)
{
    struct sim_xs_node *n = store_find(xs, path);
    char parent[SIM_XS_PATH];

    if (n)
        return n;
    if (*path != '/' || strlen(path) >= SIM_XS_PATH) {
        errno = EINVAL;
        return NULL;
    }
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        memcpy(parent, path, (size_t)(slash - path));
        parent[slash - path] = 0;
        if (!store_find(xs, parent) && !store_add_one(xs, parent))
            return NULL;
    }
    return store_add_one(xs, path);
}

void *sim_store_read(struct sim_xs *xs, const char *path, unsigned *len)
{
    struct sim_xs_node *n;
    char *out = NULL;

    store_lock(xs);
    n = store_find(xs, path);
    if (n) {
        out = malloc(n->len + 1);
        if (out) {
            memcpy(out, n->value, n->len);
            out[n->len] = 0;
            if (len)
                *len = n->len;
        }
    }
    store_unlock(xs);
    if (!out)
        errno = n ? ENOMEM : ENOENT;
    return out;
}

bool sim_store_write(struct sim_xs *xs, const char *path, const void *data, unsigned len,
                     uint32_t *kick)
{
    struct sim_xs_node *n;

    *kick = 0;
    if (len > SIM_XS_VALUE) {
        errno = E2BIG;
        return false;
    }
    store_lock(xs);
    n = store_add(xs, path);
    if (n) {
        memcpy(n->value, data, len);
        n->len = len;
        *kick = store_changed(xs, path, false);
    }
    store_unlock(xs);
    return n;
}

bool sim_store_mkdir(struct sim_xs *xs, const char *path, uint32_t *kick)
{
    bool ok;

    *kick = 0;
    store_lock(xs);
    ok = store_find(xs, path);
    if (!ok && store_add(xs, path)) {
        *kick = store_changed(xs, path, false);
        ok = true;
    }
    store_unlock(xs);
    return ok;
}

/* What follows "path/" in name, or NULL. */
static const char *store_below(const char *path, const char *name)
{
    size_t len = strcmp(path, "/") ? strlen(path) : 0;

    return !strncmp(path, name, len) && name[len] == '/' && name[len + 1] ? name + len + 1 : NULL;
}

bool sim_store_rm(struct sim_xs *xs, const char *path, uint32_t *kick)
{
    struct sim_xs_node *n;

    *kick = 0;
    store_lock(xs);
    n = store_find(xs, path);
    if (n) {
        for (uint32_t i = 0; i < xs->places; i++)
            if (store_below(path, xs->node[i].path))
                *xs->node[i].path = 0;
        *n->path = 0;
        *kick = store_changed(xs, path, true);
    }
    store_unlock(xs);
    if (!n)
        errno = ENOENT;
    return n;
}

char **sim_store_directory(struct sim_xs *xs, const char *path, unsigned *count)
{
    size_t bytes = 0, at;
    unsigned n = 0;
    char **out = NULL;

    store_lock(xs);
    for (uint32_t i = 0; i < xs->places; i++) {
        const char *name = store_below(path, xs->node[i].path);

        if (name && !strchr(name, '/')) {
            n++;
            bytes += strlen(name) + 1;
        }
    }
    if (n || store_find(xs, path) || !strcmp(path, "/"))
        out = malloc((n + 1) * sizeof(*out) + bytes);
    else
        errno = ENOENT;
    if (out) {
        *count = n;
        out[n] = NULL;
        at = (n + 1) * sizeof(*out);
        for (uint32_t i = 0, k = 0; i < xs->places && k < n; i++) {
            const char *name = store_below(path, xs->node[i].path);

            if (!name || strchr(name, '/'))
                continue;
            out[k++] = memcpy((char *)out + at, name, strlen(name) + 1);
            at += strlen(name) + 1;
        }
    }
    store_unlock(xs);
    return out;
}
