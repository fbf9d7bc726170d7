/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The preloaded library: libxenstore on a tree in shared memory. Transactions are not
 * isolated: a model is the only writer of what it changes in one.
 */
#include "tests/sim/lib.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenstore.h>

struct store_watch {
    char *path;   /* absolute; NULL: free */
    size_t given; /* bytes of it that were put before what the caller named */
    char *token;
    bool first; /* fires once when it is set */
};

struct xs_handle {
    uint32_t index;
    uint32_t seen; /* changes looked at */
    struct store_watch watch[SIM_XS_WATCHES];
    unsigned next_watch; /* of the change looked at */
    char **held;         /* an event that was found already */
    pthread_mutex_t lock;
};

/* Into out, SIM_XS_PATH bytes. Relative paths belong to our own domain, 0. */
static bool store_path(char *out, const char *path)
{
    int n = snprintf(out, SIM_XS_PATH, *path == '/' ? "%s" : "/local/domain/0/%s", path);

    while (n > 1 && n < SIM_XS_PATH && out[n - 1] == '/')
        out[--n] = 0;
    errno = EINVAL;
    return n < SIM_XS_PATH;
}

static struct sim_xs *store(void)
{
    return &lib_ctl()->xs;
}

static void store_kick(uint32_t handles)
{
    for (int i = 0; i < SIM_HANDLES; i++)
        if (handles >> i & 1)
            lib_kick(SIM_FD_XS + i);
    lib_kick(SIM_FD_XS_DRIVER);
}

SIM_EXPORT struct xs_handle *xs_open(unsigned long flags)
{
    struct sim_ctl *c = lib_ctl();
    struct xs_handle *h;

    if (!c || c->no_xenstore) {
        errno = ECONNREFUSED;
        return NULL;
    }
    h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    pthread_mutex_init(&h->lock, NULL);
    for (uint32_t i = 0; i < SIM_HANDLES; i++) {
        if (!(atomic_fetch_or(&c->xs.handles, 1u << i) >> i & 1)) {
            h->index = i;
            h->seen = atomic_load(&c->xs.changes);
            return h;
        }
    }
    free(h);
    errno = EMFILE;
    return NULL;
}

SIM_EXPORT struct xs_handle *xs_daemon_open(void)
{
    return xs_open(0);
}

SIM_EXPORT struct xs_handle *xs_domain_open(void)
{
    return xs_open(0);
}

SIM_EXPORT struct xs_handle *xs_daemon_open_readonly(void)
{
    return xs_open(0);
}

SIM_EXPORT void xs_close(struct xs_handle *h)
{
    if (!h)
        return;
    for (unsigned i = 0; i < SIM_XS_WATCHES; i++) {
        if (h->watch[i].path)
            sim_store_watch(store(), h->index, i, "");
        free(h->watch[i].path);
        free(h->watch[i].token);
    }
    atomic_fetch_and(&store()->handles, ~(1u << h->index));
    free(h->held);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

SIM_EXPORT void xs_daemon_close(struct xs_handle *h)
{
    xs_close(h);
}

SIM_EXPORT void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned *len)
{
    char full[SIM_XS_PATH];

    return store_path(full, path) ? sim_store_read(store(), full, len) : NULL;
}

static bool store_may_write(void)
{
    if (lib_ctl()->xenstore_refuses || atomic_load(&lib_ctl()->restricted)) {
        errno = lib_ctl()->xenstore_refuses ? EACCES : EBADF;
        return false;
    }
    return true;
}

SIM_EXPORT bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
                         const void *data, unsigned len)
{
    struct sim_ctl *c = lib_ctl();
    char full[SIM_XS_PATH], state[SIM_XS_PATH];
    uint32_t kick;

    if (!store_may_write() || !store_path(full, path))
        return false;
    snprintf(state, sizeof(state), "/local/domain/0/device-model/%u/state", c->domid);
    if (len == 7 && !memcmp(data, "running", 7) && !strcmp(full, state)) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        atomic_store(&c->running_ns, (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec);
    }
    if (!sim_store_write(&c->xs, full, data, len, &kick))
        return false;
    store_kick(kick);
    return true;
}

SIM_EXPORT bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    char full[SIM_XS_PATH];
    uint32_t kick;

    if (!store_may_write() || !store_path(full, path) || !sim_store_mkdir(store(), full, &kick))
        return false;
    store_kick(kick);
    return true;
}

SIM_EXPORT bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    char full[SIM_XS_PATH];
    uint32_t kick;

    if (!store_may_write() || !store_path(full, path) || !sim_store_rm(store(), full, &kick))
        return false;
    store_kick(kick);
    return true;
}

SIM_EXPORT char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path,
                               unsigned *num)
{
    char full[SIM_XS_PATH];

    return store_path(full, path) ? sim_store_directory(store(), full, num) : NULL;
}

SIM_EXPORT bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                                   struct xs_permissions *perms, unsigned count)
{
    return store_may_write();
}

SIM_EXPORT struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t,
                                                     const char *path, unsigned *num)
{
    *num = 1;
    return calloc(1, sizeof(struct xs_permissions)); /* domain 0 owns all */
}

SIM_EXPORT xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    return 1;
}

SIM_EXPORT bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort_it)
{
    return true;
}

SIM_EXPORT char *xs_get_domain_path(struct xs_handle *h, unsigned domid)
{
    char path[40];

    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    return strdup(path);
}

SIM_EXPORT bool xs_is_domain_introduced(struct xs_handle *h, unsigned domid)
{
    return domid == 0 || lib_domain(domid);
}

/* --- watches --- */

SIM_EXPORT int xs_fileno(struct xs_handle *h)
{
    return SIM_FD_XS + (int)h->index;
}

SIM_EXPORT bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    char full[SIM_XS_PATH];

    /* Special watches (@releaseDomain) never fire here. */
    if (*path != '@' && !store_path(full, path))
        return false;
    pthread_mutex_lock(&h->lock);
    for (unsigned i = 0; i < SIM_XS_WATCHES; i++) {
        struct store_watch *w = &h->watch[i];

        if (w->path)
            continue;
        w->given = *path == '/' || *path == '@' ? 0 : strlen("/local/domain/0/");
        w->path = strdup(*path == '@' ? path : full);
        w->token = strdup(token);
        w->first = true;
        sim_store_watch(store(), h->index, i, w->path);
        pthread_mutex_unlock(&h->lock);
        lib_kick(SIM_FD_XS + (int)h->index);
        return true;
    }
    pthread_mutex_unlock(&h->lock);
    errno = ENOSPC;
    return false;
}

/* As xs_read_watch returns it: { path, token }, one block. */
static char **store_event(const struct store_watch *w, const char *path)
{
    const char *seen = path + (strlen(path) > w->given ? w->given : 0);
    size_t a = strlen(seen) + 1, b = strlen(w->token) + 1;
    char **out = malloc(2 * sizeof(*out) + a + b);

    if (out) {
        out[0] = memcpy(out + 2, seen, a);
        out[1] = memcpy((char *)(out + 2) + a, w->token, b);
    }
    return out;
}

static char **store_next_event(struct xs_handle *h)
{
    struct sim_xs *xs = store();

    for (unsigned i = 0; i < SIM_XS_WATCHES; i++) {
        if (h->watch[i].path && h->watch[i].first) {
            h->watch[i].first = false;
            return store_event(&h->watch[i], h->watch[i].path);
        }
    }
    for (; h->seen != atomic_load(&xs->changes); h->seen++, h->next_watch = 0) {
        const char *changed = xs->change[h->seen % SIM_XS_CHANGES].path;
        bool removed = xs->change[h->seen % SIM_XS_CHANGES].removed;

        if (atomic_load(&xs->changes) - h->seen > SIM_XS_CHANGES)
            continue; /* too late: overwritten */
        while (h->next_watch < SIM_XS_WATCHES) {
            struct store_watch *w = &h->watch[h->next_watch++];

            if (w->path && sim_store_matches(w->path, changed, removed))
                return store_event(w, strlen(changed) < strlen(w->path) ? w->path : changed);
        }
    }
    return NULL;
}

/* As with libxenstore the descriptor is readable exactly while there is an event to take. */
SIM_EXPORT char **xs_check_watch(struct xs_handle *h)
{
    struct pollfd p = { .fd = SIM_FD_XS + (int)h->index, .events = POLLIN };
    char **event;
    uint64_t count;

    pthread_mutex_lock(&h->lock);
    event = h->held ? h->held : store_next_event(h);
    h->held = NULL;
    if (poll(&p, 1, 0) == 1 && read(p.fd, &count, sizeof(count)) != sizeof(count))
        abort();
    h->held = store_next_event(h);
    if (h->held)
        lib_kick(p.fd);
    pthread_mutex_unlock(&h->lock);
    if (!event)
        errno = EAGAIN;
    return event;
}

SIM_EXPORT char **xs_read_watch(struct xs_handle *h, unsigned *num)
{
    struct pollfd p = { .fd = SIM_FD_XS + (int)h->index, .events = POLLIN };
    char **event;

    while (!(event = xs_check_watch(h)))
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return NULL;
    *num = 2;
    return event;
}

SIM_EXPORT bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    char full[SIM_XS_PATH];

    if (*path == '@')
        snprintf(full, sizeof(full), "%s", path);
    else if (!store_path(full, path))
        return false;
    pthread_mutex_lock(&h->lock);
    for (unsigned i = 0; i < SIM_XS_WATCHES; i++) {
        struct store_watch *w = &h->watch[i];

        if (w->path && !strcmp(w->path, full) && !strcmp(w->token, token)) {
            free(w->path);
            free(w->token);
            *w = (struct store_watch) { 0 };
            sim_store_watch(store(), h->index, i, "");
            pthread_mutex_unlock(&h->lock);
            return true;
        }
    }
    pthread_mutex_unlock(&h->lock);
    errno = ENOENT;
    return false;
}
