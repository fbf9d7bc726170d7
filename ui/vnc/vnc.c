/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VNC console on libvncserver (RFC 6143). The library runs on a thread of its
 * own and nowhere else. What crosses, each under vnc->lock and short:
 *
 *   loop → VNC   pixels: updated() copies the damaged rectangle into stage and
 *                adds it to a list; the VNC thread copies it on into the
 *                library's frame buffer before it encodes.
 *   VNC → loop   key and pointer events, first client came, last client went:
 *                a bounded queue and one host_post.
 *
 * So neither thread waits for the other's long work, and a client that stalls
 * holds up the other clients at most VNC_CLIENT_WAIT, and the guest never. To end,
 * the loop shuts the clients' sockets down, so that the library waits for none.
 */
#include "ui/ui.h"
#include "ui/vnc/keys.h"
#include "ui/vnc/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rfb/rfb.h>

#define VNC_CLIENTS_MAX 16
#define VNC_CLIENT_WAIT 10000 /* ms that a read or write to one client may stand still */
#define VNC_EVENTS_MAX  256
#define VNC_RECTS_MAX   64

struct vnc_event {
    bool pointer;
    uint32_t keysym; /* key */
    bool down;
    int x, y, dz; /* pointer */
    unsigned buttons;
};

struct ui {
    struct dm_machine *machine;
    struct host_loop *loop;
    struct dm_viewer viewer;
    struct host_post post;
    struct vnc_listen listen;
    struct keys keys;
    pthread_t thread;
    int wake_fd;

    pthread_mutex_t lock; /* from here to the line below */
    bool stop;
    uint32_t *stage; /* what the guest's screen looks like; NULL: nobody watches */
    int width, height;
    bool resized;
    struct dm_rect rect[VNC_RECTS_MAX];
    int rects;
    struct vnc_event event[VNC_EVENTS_MAX];
    unsigned event_first, event_count;
    bool events_lost;
    unsigned clients;
    int socket[VNC_CLIENTS_MAX]; /* of the clients, duplicated: -1 is free */
    char password[9];            /* of 8 bytes at most: RFC 6143 section 7.2.2 */
    bool password_set;
    /* ---- */

    rfbScreenInfo *screen; /* VNC thread's from here on */
    uint32_t *fb;
    unsigned wheel_buttons;
    struct dm_log_budget log_budget;
};

static struct ui *vnc_of(rfbClientPtr cl)
{
    return cl->screen->screenData;
}

static void vnc_wake(struct ui *v)
{
    (void)!write(v->wake_fd, &(uint64_t) { 1 }, 8);
}

/* ---- loop thread ---- */

static void vnc_deliver_key(struct ui *v, const struct vnc_event *e)
{
    struct keys_event ev[KEYS_EVENTS_MAX];
    size_t n = keys_translate(&v->keys, e->keysym, e->down, v->machine->input.leds, ev);

    for (size_t i = 0; i < n; i++)
        dm_input_key(&v->machine->input, ev[i].code, ev[i].down);
}

static bool vnc_take_event(struct ui *v, struct vnc_event *e)
{
    bool any;

    pthread_mutex_lock(&v->lock);
    any = v->event_count;
    if (any) {
        *e = v->event[v->event_first];
        v->event_first = (v->event_first + 1) % VNC_EVENTS_MAX;
        v->event_count--;
    }
    pthread_mutex_unlock(&v->lock);
    return any;
}

/* What the VNC thread posted: events, and whether anyone is there. */
static void vnc_posted(void *opaque)
{
    struct ui *v = opaque;
    struct vnc_event e;
    bool lost, watch;

    while (vnc_take_event(v, &e)) {
        if (e.pointer)
            dm_input_pointer(&v->machine->input, e.x, e.y, e.dz, e.buttons,
                             v->machine->display.width, v->machine->display.height);
        else
            vnc_deliver_key(v, &e);
    }
    pthread_mutex_lock(&v->lock);
    lost = v->events_lost;
    v->events_lost = false;
    watch = v->clients > 0;
    pthread_mutex_unlock(&v->lock);
    if (lost || !watch) {
        keys_reset(&v->keys);
        dm_input_release_all(&v->machine->input);
    }
    dm_display_watch(&v->machine->display, &v->viewer, watch);
    if (!watch) {
        pthread_mutex_lock(&v->lock);
        free(v->stage);
        v->stage = NULL;
        v->rects = 0;
        pthread_mutex_unlock(&v->lock);
    } else {
        dm_display_kick(&v->machine->display);
    }
}

static void vnc_resized(void *opaque, const struct dm_surface *surface)
{
    struct ui *v = opaque;
    size_t pixels = (size_t)surface->width * (size_t)surface->height;

    pthread_mutex_lock(&v->lock);
    free(v->stage);
    v->stage = calloc(pixels, sizeof(uint32_t));
    if (v->stage)
        memcpy(v->stage, surface->pixels, pixels * sizeof(uint32_t));
    v->width = surface->width;
    v->height = surface->height;
    v->resized = true;
    v->rects = 0;
    pthread_mutex_unlock(&v->lock);
    vnc_wake(v);
}

static void vnc_copy_rect(uint32_t *to, const uint32_t *from, int width, const struct dm_rect *r)
{
    size_t off = (size_t)r->y * (size_t)width + (size_t)r->x;

    for (int y = 0; y < r->h; y++, off += (size_t)width)
        memcpy(to + off, from + off, (size_t)r->w * sizeof(*to));
}

static struct dm_rect vnc_rect_union(const struct dm_rect *a, const struct dm_rect *b)
{
    int x1 = a->x + a->w > b->x + b->w ? a->x + a->w : b->x + b->w;
    int y1 = a->y + a->h > b->y + b->h ? a->y + a->h : b->y + b->h;
    int x = a->x < b->x ? a->x : b->x, y = a->y < b->y ? a->y : b->y;

    return (struct dm_rect) { x, y, x1 - x, y1 - y };
}

static void vnc_updated(void *opaque, const struct dm_surface *surface, const struct dm_rect *rect)
{
    struct ui *v = opaque;

    pthread_mutex_lock(&v->lock);
    if (v->stage && v->width == surface->width && v->height == surface->height) {
        vnc_copy_rect(v->stage, surface->pixels, v->width, rect);
        if (v->rects < VNC_RECTS_MAX)
            v->rect[v->rects++] = *rect;
        else
            v->rect[VNC_RECTS_MAX - 1] = vnc_rect_union(&v->rect[VNC_RECTS_MAX - 1], rect);
    }
    pthread_mutex_unlock(&v->lock);
    vnc_wake(v);
}

static int vnc_set_password(void *opaque, const char *password)
{
    struct ui *v = opaque;

    pthread_mutex_lock(&v->lock);
    memset(v->password, 0, sizeof(v->password));
    snprintf(v->password, sizeof(v->password), "%s", password);
    v->password_set = *password;
    pthread_mutex_unlock(&v->lock);
    return 0;
}

/* ---- VNC thread ---- */

/* Queues an event. A full queue loses it: then all keys are released, none sticks. */
static void vnc_queue(struct ui *v, const struct vnc_event *e)
{
    pthread_mutex_lock(&v->lock);
    if (e->pointer && v->event_count) {
        struct vnc_event *last = &v->event[(v->event_first + v->event_count - 1) % VNC_EVENTS_MAX];

        /* Motion with the same buttons replaces motion that nobody has seen yet. */
        if (last->pointer && last->buttons == e->buttons && !last->dz && !e->dz) {
            *last = *e;
            pthread_mutex_unlock(&v->lock);
            return;
        }
    }
    if (v->event_count == VNC_EVENTS_MAX)
        v->events_lost = true;
    else
        v->event[(v->event_first + v->event_count++) % VNC_EVENTS_MAX] = *e;
    pthread_mutex_unlock(&v->lock);
    host_loop_post(v->loop, &v->post);
}

static void vnc_key(rfbBool down, rfbKeySym keysym, rfbClientPtr cl)
{
    vnc_queue(vnc_of(cl), &(struct vnc_event) { .keysym = keysym, .down = down });
}

/* Bits of RFC 6143 section 7.5.5: left, middle, right, wheel up, wheel down. */
static void vnc_pointer(int mask, int x, int y, rfbClientPtr cl)
{
    struct ui *v = vnc_of(cl);
    unsigned wheel = (unsigned)mask & 0x18, pressed = wheel & ~v->wheel_buttons;
    struct vnc_event e = { .pointer = true, .x = x, .y = y };

    v->wheel_buttons = wheel;
    e.dz = (pressed & 0x08 ? 1 : 0) - (pressed & 0x10 ? 1 : 0);
    e.buttons = (mask & 1 ? DM_BUTTON_LEFT : 0u) | (mask & 2 ? DM_BUTTON_MIDDLE : 0u) |
                (mask & 4 ? DM_BUTTON_RIGHT : 0u);
    vnc_queue(v, &e);
}

static void vnc_client_gone(rfbClientPtr cl)
{
    struct ui *v = vnc_of(cl);
    int *place = cl->clientData;

    pthread_mutex_lock(&v->lock);
    close(*place);
    *place = -1;
    v->clients--;
    v->events_lost = true; /* it may have held keys */
    pthread_mutex_unlock(&v->lock);
    host_loop_post(v->loop, &v->post);
}

/* A place for a client. NULL: all are taken, or there is no descriptor. Lock held. */
static int *vnc_place(struct ui *v, int fd)
{
    for (unsigned i = 0; i < VNC_CLIENTS_MAX && !v->stop; i++) {
        if (v->socket[i] >= 0)
            continue;
        v->socket[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        return v->socket[i] < 0 ? NULL : &v->socket[i];
    }
    return NULL;
}

static enum rfbNewClientAction vnc_client_came(rfbClientPtr cl)
{
    struct ui *v = vnc_of(cl);
    int *place;

    pthread_mutex_lock(&v->lock);
    place = vnc_place(v, cl->sock);
    if (place)
        v->clients++;
    pthread_mutex_unlock(&v->lock);
    if (!place)
        return RFB_CLIENT_REFUSE;
    cl->clientData = place;
    cl->clientGoneHook = vnc_client_gone;
    host_loop_post(v->loop, &v->post);
    return RFB_CLIENT_ACCEPT;
}

static rfbBool vnc_check_password(rfbClientPtr cl, const char *response, int len)
{
    struct ui *v = vnc_of(cl);
    unsigned char expected[CHALLENGESIZE], bad = 0;
    char password[sizeof(v->password)];
    bool set;

    pthread_mutex_lock(&v->lock);
    memcpy(password, v->password, sizeof(password));
    set = v->password_set;
    pthread_mutex_unlock(&v->lock);
    if (!set || len != CHALLENGESIZE)
        return FALSE;
    memcpy(expected, cl->authChallenge, CHALLENGESIZE);
    rfbEncryptBytes(expected, password);
    for (int i = 0; i < CHALLENGESIZE; i++)
        bad |= (unsigned char)(expected[i] ^ (unsigned char)response[i]);
    return bad == 0;
}

static void vnc_set_format(rfbScreenInfo *screen)
{
    screen->serverFormat.redShift = 16;
    screen->serverFormat.greenShift = 8;
    screen->serverFormat.blueShift = 0;
}

/* The library's frame buffer gets the size of the stage. Lock held. */
static bool vnc_new_buffer(struct ui *v)
{
    uint32_t *fb = calloc((size_t)v->width * (size_t)v->height, sizeof(uint32_t)), *old = v->fb;
    rfbClientIteratorPtr it;
    rfbClientPtr cl;

    if (!fb)
        return false;
    v->fb = fb;
    rfbNewFramebuffer(v->screen, (char *)fb, v->width, v->height, 8, 3, 4);
    vnc_set_format(v->screen);
    it = rfbGetClientIterator(v->screen);
    while ((cl = rfbClientIteratorNext(it)))
        rfbSetTranslateFunction(cl);
    rfbReleaseClientIterator(it);
    free(old);
    return true;
}

/* A new stage: all of it is new, its size may be. Lock held. */
static bool vnc_take_size(struct ui *v)
{
    bool same = v->screen->width == v->width && v->screen->height == v->height;

    if (!same && !vnc_new_buffer(v))
        return false;
    v->rect[0] = (struct dm_rect) { 0, 0, v->width, v->height };
    v->rects = 1;
    v->resized = false;
    return true;
}

/* Takes over what the loop staged and tells the library what is new. */
static void vnc_take_pixels(struct ui *v)
{
    pthread_mutex_lock(&v->lock);
    if (v->stage && (!v->resized || vnc_take_size(v))) {
        for (int i = 0; i < v->rects; i++) {
            const struct dm_rect *r = &v->rect[i];

            vnc_copy_rect(v->fb, v->stage, v->width, r);
            rfbMarkRectAsModified(v->screen, r->x, r->y, r->x + r->w, r->y + r->h);
        }
    }
    v->rects = 0;
    pthread_mutex_unlock(&v->lock);
}

static void vnc_accept(struct ui *v, int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (fd >= FD_SETSIZE) {
        close(fd);
        return;
    }
    rfbNewClient(v->screen, fd); /* closes fd itself when it refuses */
}

static void *vnc_thread(void *opaque)
{
    struct ui *v = opaque;
    bool stop = false;

    while (!stop) {
        fd_set fds = v->screen->allFds;
        int max = v->screen->maxFd > v->wake_fd ? v->screen->maxFd : v->wake_fd;
        uint64_t ignored;

        FD_SET(v->wake_fd, &fds);
        for (int i = 0; i < v->listen.count; i++) {
            FD_SET(v->listen.fd[i], &fds);
            if (v->listen.fd[i] > max)
                max = v->listen.fd[i];
        }
        if (select(max + 1, &fds, NULL, NULL, NULL) < 0)
            continue;
        if (FD_ISSET(v->wake_fd, &fds) && read(v->wake_fd, &ignored, sizeof(ignored)) < 0)
            continue;
        for (int i = 0; i < v->listen.count; i++)
            if (FD_ISSET(v->listen.fd[i], &fds))
                vnc_accept(v, v->listen.fd[i]);
        vnc_take_pixels(v);
        rfbProcessEvents(v->screen, 0);
        pthread_mutex_lock(&v->lock);
        stop = v->stop;
        pthread_mutex_unlock(&v->lock);
    }
    rfbShutdownServer(v->screen, TRUE);
    return NULL;
}

/* ---- start and stop ---- */

static struct dm_log_budget vnc_log_budget;

/* The library tells about every client: bounded, since clients are not trusted. */
static void vnc_log(const char *fmt, ...)
{
    char line[256];
    va_list ap;

    if (!dm_log_enabled(DM_LOG_TRACE) || !dm_log_budget_take(&vnc_log_budget, 0))
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    line[strcspn(line, "\n")] = 0;
    dm_log(DM_LOG_TRACE, "vnc", "%s", line);
}

static int vnc_screen_create(struct ui *v, const struct ui_vnc_config *cfg, struct dm_error *err)
{
    rfbScreenInfo *s;

    rfbLog = vnc_log;
    rfbErr = vnc_log;
    v->fb = calloc(640 * 480, sizeof(uint32_t));
    s = v->fb ? rfbGetScreen(NULL, NULL, 640, 480, 8, 3, 4) : NULL;
    if (!s)
        return dm_error_set(err, ENOMEM, "VNC: out of memory");
    v->screen = s;
    vnc_set_format(s);
    s->frameBuffer = (char *)v->fb;
    s->screenData = v;
    s->desktopName = v->machine->name;
    s->port = 0; /* we listen ourselves */
    s->ipv6port = 0;
    s->httpPort = 0;
    s->alwaysShared = TRUE;
    s->deferUpdateTime = 0; /* dm/display paces updates */
    s->deferPtrUpdateTime = 0;
    s->handleEventsEagerly = TRUE;
    s->maxClientWait = VNC_CLIENT_WAIT;
    s->permitFileTransfer = FALSE;
    s->cursor = NULL; /* the guest draws its own */
    s->kbdAddEvent = vnc_key;
    s->ptrAddEvent = vnc_pointer;
    s->newClientHook = vnc_client_came;
    if (cfg->password) {
        s->authPasswdData = v->password;
        s->passwordCheck = vnc_check_password;
    }
    rfbInitServer(s);
    return 0;
}

static void vnc_close(struct ui *v)
{
    struct dm_display_server *info = &v->machine->display.vnc;

    if (v->thread) {
        pthread_mutex_lock(&v->lock);
        v->stop = true;
        for (unsigned i = 0; i < VNC_CLIENTS_MAX; i++)
            if (v->socket[i] >= 0)
                shutdown(v->socket[i], SHUT_RDWR);
        pthread_mutex_unlock(&v->lock);
        vnc_wake(v);
        pthread_join(v->thread, NULL);
        host_loop_unpost(v->loop, &v->post);
        dm_display_remove_viewer(&v->machine->display, &v->viewer);
        *info = (struct dm_display_server) { 0 };
    }
    if (v->screen)
        rfbScreenCleanup(v->screen);
    vnc_listen_close(&v->listen);
    if (v->wake_fd >= 0)
        close(v->wake_fd);
    keys_finish(&v->keys);
    pthread_mutex_destroy(&v->lock);
    free(v->stage);
    free(v->fb);
    free(v);
}

static int vnc_thread_start(struct ui *v, struct dm_error *err)
{
    sigset_t all, old;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&v->thread, NULL, vnc_thread, v);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) {
        v->thread = 0;
        return dm_error_set(err, rc, "VNC: no thread: %s", strerror(rc));
    }
    return 0;
}

static int vnc_open(struct ui **out, struct dm_machine *machine, struct host_loop *loop,
                    const void *config, struct dm_error *err)
{
    const struct ui_vnc_config *cfg = config;
    struct dm_display_server *info = &machine->display.vnc;
    struct ui *v = calloc(1, sizeof(*v));
    int rc;

    if (!v)
        return dm_error_set(err, ENOMEM, "VNC: out of memory");
    v->machine = machine;
    v->loop = loop;
    v->post = (struct host_post) { .fn = vnc_posted, .opaque = v };
    v->viewer = (struct dm_viewer) { .resized = vnc_resized, .updated = vnc_updated, .opaque = v };
    pthread_mutex_init(&v->lock, NULL);
    for (unsigned i = 0; i < VNC_CLIENTS_MAX; i++)
        v->socket[i] = -1;
    v->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = v->wake_fd < 0 ? dm_error_set(err, errno, "VNC: eventfd: %s", strerror(errno)) : 0;
    if (!rc)
        rc = keys_init(&v->keys, cfg->keymap ? cfg->keymap : "en-us", err);
    if (!rc)
        rc = vnc_listen_open(&v->listen, cfg->host, cfg->display, cfg->to, err);
    if (!rc)
        rc = vnc_screen_create(v, cfg, err);
    if (!rc)
        rc = vnc_thread_start(v, err);
    if (rc) {
        vnc_close(v);
        return rc;
    }
    dm_display_add_viewer(&machine->display, &v->viewer);
    info->enabled = true;
    info->opaque = v;
    info->set_password = vnc_set_password;
    snprintf(info->host, sizeof(info->host), "%s", *cfg->host ? cfg->host : "0.0.0.0");
    snprintf(info->service, sizeof(info->service), "%u", v->listen.port);
    *out = v;
    return 0;
}

extern const struct ui_module xendm_ui_module;
const struct ui_module xendm_ui_module = {
    .version = UI_MODULE_VERSION,
    .name = "vnc",
    .open = vnc_open,
    .close = vnc_close,
};
