/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VNC console on libvncserver (RFC 6143). The library runs on a thread of its own and nowhere
 * else; it encodes and writes, while sockets are watched here: the library would go on
 * reading for as long as one client sends, and would wait for the rest of half a message. What
 * crosses between the threads:
 *
 *   loop → VNC   the screen. The loop holds vnc->screen from begin() to end(), the VNC thread
 *                while it copies what changed into the library's frame buffer. The loop does
 *                not wait for it: it looks a millisecond later.
 *   VNC → loop   key and pointer events, who is there, whether anybody can take a picture:
 *                under vnc->lock, short, and one host_post.
 *
 * The library writes all of an update before it does anything else. So it writes to a socket
 * what the kernel has room for, and else into memory (line.h); a client's next update, and what
 * would be answered, wait until that has gone over the line. A slow line holds up nobody else.
 */
#include "dm/bytes.h"
#include "ui/ui.h"
#include "ui/vnc/gate.h"
#include "ui/vnc/keys.h"
#include "ui/vnc/line.h"
#include "ui/vnc/listen.h"
#include "ui/vnc/tiles.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rfb/rfb.h>
#include <rfb/rfbregion.h>

#define VNC_CLIENTS_MAX 16
#define VNC_CLIENT_WAIT 5000 /* ms that a write may stand still: the kernel is out of memory */
#define VNC_EVENTS_MAX  256
#define VNC_MESSAGES    16  /* taken from a client in a turn, */
#define VNC_INPUT_MAX   128 /* ... in a window of time: 12,800 a second */
#define VNC_INPUT_NS    (10 * DM_NS_PER_MS)
#define VNC_DROP        4096                 /* bytes read away count as a message */
#define VNC_ADMIT       10000                /* ms from accept to ClientInit, password included */
#define VNC_ACCEPT_NS   DM_NS_PER_SEC        /* a rest when there is no file descriptor left */
#define VNC_GREET_NS    (5 * DM_NS_PER_MS)   /* ... after each newcomer, */
#define VNC_EVICT_NS    (300 * DM_NS_PER_MS) /* ... and after one that took another's place */
#define VNC_BEHIND      65536                /* bytes on the line that are no reason to wait */
#define VNC_BEHIND_NS   (5 * DM_NS_PER_MS)   /* when to look again if there are more; doubles, */
#define VNC_STALLED_NS  DM_NS_PER_SEC        /* ... up to this, while none of them goes */
#define VNC_KEPT_MAX    (256u << 20)         /* bytes of updates for which there is no room */
#define VNC_DEAD_MS     60000                /* a line is cut that takes nothing for so long */

struct vnc_event {
    bool pointer;
    uint32_t keysym; /* key */
    bool down;
    int x, y, dz; /* pointer */
    unsigned buttons;
};

struct vnc_client {
    rfbClientPtr cl; /* NULL: the place is free */
    uint64_t since;  /* accept */
    uint64_t window; /* start of the one that input counts in */
    unsigned input;  /* messages in it */
    uint64_t drop;   /* bytes to read away */
    int low_water;   /* bytes without which poll need not wake */
    struct line line;
    bool held;           /* its next message waits for the line */
    unsigned wheel;      /* buttons of it that are down */
    int width, height;   /* of the screen as it knows it */
    uint64_t behind;     /* bytes: an update is due, but they are still on the line; 0: none */
    uint64_t look_after; /* ns, at them */
    bool fresh;          /* it wants to see what the next look brings */
    uint64_t fresh_from; /* ... which is one behind this */
};

struct ui {
    struct dm_machine *machine;
    struct host_loop *loop;
    struct dm_viewer viewer;
    struct host_post post;
    const int *listen; /* sockets */
    int listen_count;
    struct keys keys;
    pthread_t thread;
    bool thread_runs;
    int wake_fd;

    pthread_mutex_t screen; /* from here to the line below */
    struct tiles damage;
    bool damaged, resized; /* since the VNC thread took them */
    bool awaited;          /* it wants to hear of the next look */
    uint64_t looks;
    /* ---- */

    pthread_mutex_t lock; /* from here to the line below */
    bool stop;
    bool ready;    /* some client can take a picture */
    bool unready;  /* the loop saw that none could */
    bool fresh;    /* a client wants a look at once */
    unsigned seen; /* clients that may see the screen */
    struct vnc_event event[VNC_EVENTS_MAX];
    unsigned event_first, event_count;
    bool events_lost;
    int socket[VNC_CLIENTS_MAX]; /* of the clients, duplicated: -1 is free */
    char password[9];            /* of 8 bytes at most: RFC 6143 section 7.2.2 */
    bool password_set;
    /* ---- */

    rfbScreenInfo *rfb; /* VNC thread's from here on */
    uint32_t *fb;
    struct vnc_client client[VNC_CLIENTS_MAX];
    unsigned turn;
    uint64_t admit;               /* ns, as VNC_ADMIT */
    uint64_t accept_at, greet_at; /* not before: no descriptor, VNC_GREET_NS */
    int newcomer, line;           /* vnc_greet's, while it runs */
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

/* Events, of which more may come meanwhile. Returns whether there were any. */
static bool vnc_deliver(struct ui *v)
{
    struct vnc_event e;
    bool any = false;

    for (unsigned i = 0; i < VNC_EVENTS_MAX && vnc_take_event(v, &e); i++) {
        any = true;
        if (e.pointer)
            dm_input_pointer(&v->machine->input, e.x, e.y, e.dz, e.buttons,
                             v->machine->display.width, v->machine->display.height);
        else
            vnc_deliver_key(v, &e);
    }
    return any;
}

/* What the VNC thread posted. */
static void vnc_posted(void *opaque)
{
    struct ui *v = opaque;
    struct dm_display *d = &v->machine->display;
    bool input = vnc_deliver(v), lost, watch, fresh;

    pthread_mutex_lock(&v->lock);
    lost = v->events_lost;
    v->events_lost = false;
    watch = v->seen > 0;
    fresh = v->fresh;
    v->fresh = false;
    pthread_mutex_unlock(&v->lock);
    if (lost || !watch) {
        keys_reset(&v->keys);
        dm_input_release_all(&v->machine->input);
    }
    dm_display_watch(d, &v->viewer, watch);
    dm_display_ready(d);
    if (input || fresh) /* the guest will answer a key: look */
        dm_display_kick(d);
}

static bool vnc_begin(void *opaque, bool wait)
{
    struct ui *v = opaque;

    return wait ? !pthread_mutex_lock(&v->screen) : !pthread_mutex_trylock(&v->screen);
}

static void vnc_end(void *opaque)
{
    struct ui *v = opaque;
    bool news = v->damaged || v->resized || v->awaited;

    if (v->damaged || !v->resized) /* else a new surface that nothing is on yet */
        v->looks++;
    pthread_mutex_unlock(&v->screen);
    if (news)
        vnc_wake(v);
}

static void vnc_resized(void *opaque, const struct dm_surface *surface)
{
    struct ui *v = opaque;

    v->resized = true;
    tiles_resize(&v->damage, surface->width, surface->height);
}

static void vnc_updated(void *opaque, const struct dm_surface *surface, const struct dm_rect *rect)
{
    struct ui *v = opaque;

    (void)surface;
    if (!v->damage.bits) /* no memory: it will be all of the next size */
        return;
    v->damaged = true;
    tiles_mark(&v->damage, rect);
}

static bool vnc_ready(void *opaque)
{
    struct ui *v = opaque;
    bool ready;

    pthread_mutex_lock(&v->lock);
    ready = v->ready;
    v->unready = !ready;
    pthread_mutex_unlock(&v->lock);
    return ready;
}

static void vnc_set_password(struct ui *v, const char *password)
{
    pthread_mutex_lock(&v->lock);
    memset(v->password, 0, sizeof(v->password));
    snprintf(v->password, sizeof(v->password), "%s", password);
    v->password_set = *password;
    pthread_mutex_unlock(&v->lock);
}

/* ---- VNC thread: what the library asks of us ---- */

static uint64_t vnc_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * DM_NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

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
    struct vnc_client *c = cl->clientData;
    unsigned wheel = (unsigned)mask & 0x18, pressed = wheel & ~c->wheel;
    struct vnc_event e = { .pointer = true, .x = x, .y = y };

    c->wheel = wheel;
    e.dz = (pressed & 0x08 ? 1 : 0) - (pressed & 0x10 ? 1 : 0);
    e.buttons = (mask & 1 ? DM_BUTTON_LEFT : 0u) | (mask & 2 ? DM_BUTTON_MIDDLE : 0u) |
                (mask & 4 ? DM_BUTTON_RIGHT : 0u);
    vnc_queue(vnc_of(cl), &e);
}

/* Whoever asks for all of the screen sees what it is now, not what it was at the last look. */
static void vnc_requested(rfbClientPtr cl, rfbFramebufferUpdateRequestMsg *request)
{
    struct vnc_client *c = cl->clientData;
    struct ui *v = vnc_of(cl);

    if (request->incremental || c->fresh)
        return;
    c->fresh = true;
    pthread_mutex_lock(&v->screen);
    c->fresh_from = v->looks;
    v->awaited = true;
    pthread_mutex_unlock(&v->screen);
    pthread_mutex_lock(&v->lock);
    v->fresh = true;
    pthread_mutex_unlock(&v->lock);
    host_loop_post(v->loop, &v->post);
}

static void vnc_client_gone(rfbClientPtr cl)
{
    struct vnc_client *c = cl->clientData;
    struct ui *v = vnc_of(cl);
    int *place = &v->socket[c - v->client];

    line_finish(&c->line);
    c->cl = NULL;
    v->accept_at = 0; /* there is a descriptor now */
    pthread_mutex_lock(&v->lock);
    close(*place);
    *place = -1;
    v->events_lost = true; /* it may have held keys */
    pthread_mutex_unlock(&v->lock);
}

static struct vnc_client *vnc_free_place(struct ui *v)
{
    for (unsigned i = 0; i < VNC_CLIENTS_MAX; i++)
        if (!v->client[i].cl)
            return &v->client[i];
    return NULL;
}

/* The newcomer's socket instead of our line, from which it gets what the library has said. */
static bool vnc_connect(struct ui *v, rfbClientPtr cl)
{
    char said[64];
    ssize_t n = recv(v->line, said, sizeof(said), 0);

    return n > 0 && send(v->newcomer, said, (size_t)n, MSG_NOSIGNAL) == n &&
           dup3(v->newcomer, cl->sock, O_CLOEXEC) >= 0;
}

static enum rfbNewClientAction vnc_client_came(rfbClientPtr cl)
{
    struct ui *v = vnc_of(cl);
    struct vnc_client *c = vnc_free_place(v);
    bool stop;

    if (!c || !vnc_connect(v, cl))
        return RFB_CLIENT_REFUSE;
    pthread_mutex_lock(&v->lock);
    stop = v->stop;
    if (!stop) {
        v->socket[c - v->client] = v->newcomer;
        v->newcomer = -1;
    }
    pthread_mutex_unlock(&v->lock);
    if (stop)
        return RFB_CLIENT_REFUSE;
    *c = (struct vnc_client) { .cl = cl, .low_water = 1 };
    c->since = c->window = vnc_now();
    cl->clientData = c;
    cl->clientGoneHook = vnc_client_gone;
    cl->clientFramebufferUpdateRequestHook = vnc_requested;
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

/* As viewers ask for it. With a depth of 32 the library would turn each pixel into itself. */
static void vnc_set_format(rfbScreenInfo *s)
{
    s->serverFormat.depth = 24;
    s->serverFormat.redShift = 16;
    s->serverFormat.greenShift = 8;
    s->serverFormat.blueShift = 0;
}

/* ---- VNC thread: the screen ---- */

/* The library's frame buffer gets the size of the surface. vnc->screen is held. */
static bool vnc_new_buffer(struct ui *v, const struct dm_surface *s)
{
    uint32_t *fb = calloc((size_t)s->width * (size_t)s->height, sizeof(uint32_t)), *old = v->fb;

    if (!fb)
        return false;
    v->fb = fb;
    rfbNewFramebuffer(v->rfb, (char *)fb, s->width, s->height, 8, 3, 4);
    vnc_set_format(v->rfb);
    for (unsigned i = 0; i < VNC_CLIENTS_MAX; i++)
        if (v->client[i].cl && v->client[i].cl->sock >= 0)
            rfbSetTranslateFunction(v->client[i].cl);
    free(old);
    return true;
}

/* Takes over what the loop saw on the screen. vnc->screen is held. */
static void vnc_take_pixels(struct ui *v)
{
    const struct dm_surface *s = &v->machine->display.surface;
    struct dm_rect r;
    int row = 0;

    if (!s->pixels || !v->damage.bits)
        return;
    if (v->resized) {
        if ((v->rfb->width != s->width || v->rfb->height != s->height) && !vnc_new_buffer(v, s))
            return;
        tiles_mark(&v->damage, &(struct dm_rect) { 0, 0, s->width, s->height });
        v->resized = false;
    }
    while (tiles_next(&v->damage, &row, s->width, s->height, &r)) {
        size_t off = (size_t)r.y * (size_t)s->width + (size_t)r.x;

        for (int y = 0; y < r.h; y++, off += (size_t)s->width)
            memcpy(v->fb + off, s->pixels + off, (size_t)r.w * sizeof(*v->fb));
        rfbMarkRectAsModified(v->rfb, r.x, r.y, r.x + r.w, r.y + r.h);
    }
    v->damaged = false;
}

static void vnc_take_news(struct ui *v)
{
    pthread_mutex_lock(&v->screen);
    if (v->damaged || v->resized)
        vnc_take_pixels(v);
    v->awaited = false;
    for (unsigned i = 0; i < VNC_CLIENTS_MAX; i++) {
        struct vnc_client *c = &v->client[i];

        c->fresh = c->fresh && v->looks <= c->fresh_from;
        v->awaited = v->awaited || (c->cl && c->fresh);
    }
    pthread_mutex_unlock(&v->screen);
}

/* ---- VNC thread: sockets ---- */

static bool vnc_admitted(const struct vnc_client *c)
{
    return c->cl->state == RFB_NORMAL;
}

static enum gate_state vnc_gate_state(const struct vnc_client *c)
{
    switch (c->cl->state) {
    case RFB_PROTOCOL_VERSION:
        return GATE_VERSION;
    case RFB_SECURITY_TYPE:
        return GATE_SECURITY;
    case RFB_AUTHENTICATION:
        return GATE_AUTH;
    case RFB_NORMAL:
        return GATE_NORMAL;
    default:
        return GATE_INIT;
    }
}

/* poll need not wake before len bytes are there. */
static void vnc_low_water(struct vnc_client *c, int len)
{
    if (len == c->low_water)
        return;
    c->low_water = len;
    setsockopt(c->cl->sock, SOL_SOCKET, SO_RCVLOWAT, &len, sizeof(len));
}

/* Reads some of what is of no interest. false: nothing more for now. */
static bool vnc_client_drop(struct vnc_client *c)
{
    uint8_t bytes[GATE_PEEK];
    ssize_t n = 1;

    for (size_t done = 0; c->drop && done < VNC_DROP && n > 0; done += (size_t)n) {
        n = recv(c->cl->sock, bytes, c->drop < sizeof(bytes) ? (size_t)c->drop : sizeof(bytes),
                 MSG_DONTWAIT);
        if (n > 0)
            c->drop -= (uint64_t)n;
    }
    if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
        rfbCloseClient(c->cl);
    return !c->drop;
}

/* The most that an update can have: pixels as they are, and what the encodings add. */
static size_t vnc_update_bytes(const rfbScreenInfo *s)
{
    size_t raw = (size_t)s->width * (size_t)s->height * 4;

    return raw + raw / 8 + 65536;
}

/* Notes how much of what was sent before is still on the line, if that is a reason to wait. */
static bool vnc_client_is_behind(struct vnc_client *c, bool wait)
{
    uint64_t was = c->behind;

    c->behind = wait ? line_owed(&c->line, c->cl->sock) : 0;
    if (!was || c->behind < was)
        c->look_after = VNC_BEHIND_NS;
    else if (c->look_after < VNC_STALLED_NS)
        c->look_after *= 2;
    return c->behind;
}

/* Must a message wait to which the library may write an answer? That does not wait for room. */
static bool vnc_client_hold(struct vnc_client *c)
{
    rfbClientPtr cl = c->cl;

    c->held = vnc_client_is_behind(
        c, c->line.kept || (line_owed(&c->line, cl->sock) &&
                            !line_has_room(&c->line, cl->sock, vnc_update_bytes(cl->screen))));
    return c->held;
}

/* One message. false: there is none, or the client is gone. */
static bool vnc_client_message(struct vnc_client *c, bool ended)
{
    uint8_t data[GATE_PEEK];
    struct gate_verdict verdict;
    ssize_t n;

    c->input++;
    if (c->drop)
        return vnc_client_drop(c);
    n = recv(c->cl->sock, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT);
    if (!n || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        rfbCloseClient(c->cl);
        return false;
    }
    verdict = gate_look(vnc_gate_state(c), data, n > 0 ? (size_t)n : 0);
    vnc_low_water(c, verdict.what == GATE_WAIT ? (int)verdict.len : 1);
    switch (verdict.what) {
    case GATE_PASS:
        if (verdict.answered && vnc_client_hold(c))
            return false;
        if (!vnc_admitted(c)) { /* the last of these is answered with the size */
            c->width = c->cl->screen->width;
            c->height = c->cl->screen->height;
        }
        rfbProcessClientMessage(c->cl);
        return c->cl->sock >= 0;
    case GATE_DROP:
        c->drop = verdict.len;
        return vnc_client_drop(c);
    case GATE_WAIT:
        if (!ended)
            return false;
        break;
    case GATE_REFUSE:
        break;
    }
    rfbCloseClient(c->cl);
    return false;
}

/* Into memory instead of the socket. */
static void vnc_client_keep(struct vnc_client *c)
{
    const struct vnc_client *all = vnc_of(c->cl)->client;
    int sock = c->cl->sock;
    uint64_t kept = 0;

    for (unsigned i = 0; i < VNC_CLIENTS_MAX; i++)
        if (all[i].line.kept)
            kept += (uint64_t)all[i].line.end;
    if (kept > VNC_KEPT_MAX || line_open(&c->line) < 0) {
        rfbCloseClient(c->cl);
        return;
    }
    c->cl->sock = c->line.fd;
    rfbUpdateClient(c->cl);
    if (c->cl->sock >= 0)
        line_keep(&c->line);
    c->cl->sock = sock;
    if (!c->line.kept || !line_flush(&c->line, sock)) /* the library closed that file, ... */
        rfbCloseClient(c->cl);
}

static void vnc_client_update(struct vnc_client *c)
{
    rfbClientPtr cl = c->cl;

    if (c->held)
        return;
    /* The library forgets a change that came before the client said that it cares. */
    if (cl->useNewFBSize && (c->width != cl->screen->width || c->height != cl->screen->height))
        cl->newFBSizePending = TRUE;
    if (!FB_UPDATE_PENDING(cl) || sraRgnEmpty(cl->requestedRegion) || c->fresh) {
        c->behind = 0;
        return;
    }
    if (vnc_client_is_behind(c, c->line.kept || line_owed(&c->line, cl->sock) > VNC_BEHIND))
        return;
    if (line_has_room(&c->line, cl->sock, vnc_update_bytes(cl->screen)))
        rfbUpdateClient(cl);
    else
        vnc_client_keep(c);
    if (cl->useNewFBSize && !cl->newFBSizePending) {
        c->width = cl->screen->width;
        c->height = cl->screen->height;
    }
}

/* A turn of one client. */
static void vnc_client_turn(struct vnc_client *c, short events, uint64_t now)
{
    if (!vnc_admitted(c) && now - c->since >= vnc_of(c->cl)->admit)
        rfbCloseClient(c->cl);
    if (c->cl->sock >= 0 && !line_flush(&c->line, c->cl->sock))
        rfbCloseClient(c->cl);
    if (c->cl->sock >= 0 && c->held && events & (POLLHUP | POLLERR))
        rfbCloseClient(c->cl);
    events = c->held ? POLLIN : events & ~POLLOUT;
    c->held = false;
    for (unsigned i = 0; i < VNC_MESSAGES && events && c->cl->sock >= 0; i++)
        if (!vnc_client_message(c, events & (POLLRDHUP | POLLHUP | POLLERR)))
            break;
    if (c->cl->sock >= 0 && vnc_admitted(c))
        vnc_client_update(c);
    if (c->cl->sock < 0)
        rfbClientConnectionGone(c->cl); /* frees the place */
}

/*
 * Makes a place for a newcomer. When all are taken, the one goes that has been longest on its
 * way in; those who are in stay.
 */
static bool vnc_make_place(struct ui *v, uint64_t now)
{
    struct vnc_client *oldest = NULL;

    v->greet_at = now + VNC_GREET_NS;
    for (unsigned i = 0; i < VNC_CLIENTS_MAX; i++) {
        struct vnc_client *c = &v->client[i];

        if (!c->cl)
            return true;
        if (!vnc_admitted(c) && (!oldest || c->since < oldest->since))
            oldest = c;
    }
    if (!oldest)
        return false;
    v->greet_at = now + VNC_EVICT_NS;
    rfbCloseClient(oldest->cl);
    rfbClientConnectionGone(oldest->cl);
    return true;
}

/*
 * Left to itself, the library would look for a browser or TLS in a newcomer's first bytes: it would
 * wait 0.1 s for them, for ever if one to three come, and for a browser's request as long as
 * that likes to take. So it meets the newcomer on a line of ours, where it finds "RFB " at
 * once; the socket takes the place of that line in vnc_client_came.
 */
static void vnc_greet(struct ui *v, int fd)
{
    int line[2];

    v->newcomer = fd;
    if (!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line)) {
        v->line = line[1];
        if (line[0] < FD_SETSIZE && write(line[1], "RFB ", 4) == 4)
            rfbNewClient(v->rfb, line[0]); /* closes line[0] itself when it refuses */
        else
            close(line[0]);
        close(line[1]);
    }
    if (v->newcomer >= 0)
        close(v->newcomer);
}

static void vnc_accept(struct ui *v, int listen_fd, uint64_t now)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        /* EMFILE and its like: the connection waits in the queue, and would wake us at once. */
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            v->accept_at = now + VNC_ACCEPT_NS;
        return;
    }
    if (!vnc_make_place(v, now)) {
        close(fd);
        return;
    }
    /* Who is gone without a word is found out by the kernel, not by us. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int) { 1 }, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int) { VNC_DEAD_MS / 1000 }, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(unsigned) { VNC_DEAD_MS }, sizeof(unsigned));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) { 1 }, sizeof(int));
    vnc_greet(v, fd);
}

/* Tells the loop who is there, and whether somebody can take a picture. */
static bool vnc_tell(struct ui *v)
{
    unsigned seen = 0;
    bool ready = false, post, stop;

    for (unsigned i = 0; i < VNC_CLIENTS_MAX; i++) {
        const struct vnc_client *c = &v->client[i];

        if (!c->cl || !vnc_admitted(c))
            continue;
        seen++;
        ready = ready || (!c->behind && !sraRgnEmpty(c->cl->requestedRegion));
    }
    pthread_mutex_lock(&v->lock);
    post = seen != v->seen || v->events_lost || (ready && v->unready);
    v->seen = seen;
    v->ready = ready;
    v->unready = v->unready && !ready;
    stop = v->stop;
    pthread_mutex_unlock(&v->lock);
    if (post)
        host_loop_post(v->loop, &v->post);
    return !stop;
}

static void vnc_sooner(uint64_t *sleep, uint64_t ns)
{
    if (ns < *sleep)
        *sleep = ns;
}

/* Fills p; returns how many ns poll may sleep for this client. UINT64_MAX: for ever. */
static uint64_t vnc_poll_client(struct vnc_client *c, struct pollfd *p, uint64_t now)
{
    uint64_t sleep = c->behind ? c->look_after : UINT64_MAX, admit = vnc_of(c->cl)->admit;

    if (now - c->window >= VNC_INPUT_NS) {
        c->window = now;
        c->input = 0;
    }
    if (c->line.kept || c->held) /* the end of the connection comes in any case */
        *p = (struct pollfd) { c->cl->sock, c->line.kept ? POLLOUT : 0, 0 };
    if (c->input >= VNC_INPUT_MAX) /* it floods us: later */
        vnc_sooner(&sleep, c->window + VNC_INPUT_NS - now);
    else if (!c->held)
        *p = (struct pollfd) { c->cl->sock, (short)(p->events | POLLIN | POLLRDHUP), 0 };
    if (!vnc_admitted(c))
        vnc_sooner(&sleep, now - c->since < admit ? c->since + admit - now : 0);
    return sleep;
}

/* Sleeps until there is something to do, and does a piece of it for everyone. */
static void vnc_turn(struct ui *v)
{
    struct pollfd p[1 + VNC_LISTEN_MAX + VNC_CLIENTS_MAX] = { { v->wake_fd, POLLIN, 0 } };
    struct pollfd *clients = p + 1 + VNC_LISTEN_MAX;
    uint64_t now = vnc_now(), sleep = UINT64_MAX, ignored, listen_at;
    struct timespec ts;

    listen_at = v->accept_at > v->greet_at ? v->accept_at : v->greet_at;
    for (int i = 0; i < VNC_LISTEN_MAX; i++)
        p[1 + i] = (struct pollfd) { i < v->listen_count && now >= listen_at ? v->listen[i] : -1,
                                     POLLIN, 0 };
    if (now < listen_at)
        sleep = listen_at - now;
    for (unsigned i = 0; i < VNC_CLIENTS_MAX; i++) {
        clients[i] = (struct pollfd) { .fd = -1 };
        if (v->client[i].cl)
            vnc_sooner(&sleep, vnc_poll_client(&v->client[i], &clients[i], now));
    }
    ts.tv_sec = (time_t)(sleep / DM_NS_PER_SEC);
    ts.tv_nsec = (long)(sleep % DM_NS_PER_SEC);
    if (ppoll(p, DM_ARRAY_LEN(p), sleep == UINT64_MAX ? NULL : &ts, NULL) < 0)
        return;
    if (p[0].revents && read(v->wake_fd, &ignored, sizeof(ignored)) < 0)
        return;
    vnc_take_news(v);
    now = vnc_now();
    v->turn++;
    for (unsigned i = 0; i < VNC_CLIENTS_MAX; i++) {
        unsigned n = (v->turn + i) % VNC_CLIENTS_MAX;

        if (v->client[n].cl)
            vnc_client_turn(&v->client[n], clients[n].revents, now);
    }
    for (int i = 0; i < VNC_LISTEN_MAX; i++)
        if (p[1 + i].revents)
            vnc_accept(v, p[1 + i].fd, now);
}

static void *vnc_thread(void *opaque)
{
    struct ui *v = opaque;

    while (vnc_tell(v))
        vnc_turn(v);
    rfbShutdownServer(v->rfb, TRUE);
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

static int vnc_rfb_create(struct ui *v, const struct ui_vnc_config *cfg, struct dm_error *err)
{
    rfbScreenInfo *s;

    rfbLog = vnc_log;
    rfbErr = vnc_log;
    v->fb = calloc(640 * 480, sizeof(uint32_t));
    s = v->fb ? rfbGetScreen(NULL, NULL, 640, 480, 8, 3, 4) : NULL;
    if (!s)
        return dm_error_set(err, ENOMEM, "VNC: out of memory");
    v->rfb = s;
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
    if (v->thread_runs) {
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
    }
    if (v->rfb)
        rfbScreenCleanup(v->rfb);
    if (v->wake_fd >= 0)
        close(v->wake_fd);
    keys_finish(&v->keys);
    tiles_finish(&v->damage);
    pthread_mutex_destroy(&v->lock);
    pthread_mutex_destroy(&v->screen);
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
    if (rc)
        return dm_error_set(err, rc, "VNC: no thread: %s", strerror(rc));
    v->thread_runs = true;
    return 0;
}

static int vnc_open(struct ui **out, struct dm_machine *machine, struct host_loop *loop,
                    const void *config, struct dm_error *err)
{
    const struct ui_vnc_config *cfg = config;
    struct ui *v = calloc(1, sizeof(*v));
    int rc;

    if (!v)
        return dm_error_set(err, ENOMEM, "VNC: out of memory");
    v->machine = machine;
    v->loop = loop;
    v->admit = (cfg->admit ? cfg->admit : VNC_ADMIT) * DM_NS_PER_MS;
    v->post = (struct host_post) { .fn = vnc_posted, .opaque = v };
    v->viewer = (struct dm_viewer) { .resized = vnc_resized,
                                     .updated = vnc_updated,
                                     .begin = vnc_begin,
                                     .end = vnc_end,
                                     .ready = vnc_ready,
                                     .opaque = v };
    pthread_mutex_init(&v->lock, NULL);
    pthread_mutex_init(&v->screen, NULL);
    for (unsigned i = 0; i < VNC_CLIENTS_MAX; i++)
        v->socket[i] = -1;
    v->listen = cfg->sockets;
    v->listen_count = cfg->count < VNC_LISTEN_MAX ? cfg->count : VNC_LISTEN_MAX;
    v->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = v->wake_fd < 0 ? dm_error_set(err, errno, "VNC: eventfd: %s", strerror(errno)) : 0;
    if (!rc)
        rc = keys_init(&v->keys, cfg->keymap, err);
    if (!rc)
        rc = vnc_rfb_create(v, cfg, err);
    if (rc) {
        vnc_close(v);
        return rc;
    }
    *out = v;
    return 0;
}

static int vnc_start(struct ui *v, struct dm_error *err)
{
    int rc;

    dm_display_add_viewer(&v->machine->display, &v->viewer);
    rc = vnc_thread_start(v, err);
    if (rc)
        dm_display_remove_viewer(&v->machine->display, &v->viewer);
    return rc;
}

extern const struct ui_module xendm_ui_module;
const struct ui_module xendm_ui_module = {
    .version = UI_MODULE_VERSION,
    .name = "vnc",
    .open = vnc_open,
    .start = vnc_start,
    .set_password = vnc_set_password,
    .close = vnc_close,
};
