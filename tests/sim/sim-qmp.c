/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver library: a QMP client, as libxl is one. */
#include "tests/sim/driver.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define QMP_EVENTS 64

struct sim_qmp {
    struct sim *sim;
    int fd;
    uint64_t greeting_ns;
    struct json_tokener *tokener;
    char buf[65536]; /* what follows a message that came with it */
    size_t len;
    unsigned id;
    char error[512];
    struct json_object *event[QMP_EVENTS];
    unsigned events;
};

/* The next message. NULL: none until then, or the other side is gone (errno). */
static struct json_object *qmp_next(struct sim_qmp *q, uint64_t until)
{
    for (;;) {
        struct pollfd p = { .fd = q->fd, .events = POLLIN };
        uint64_t now;
        ssize_t n;

        if (q->len) {
            struct json_object *o = json_tokener_parse_ex(q->tokener, q->buf, (int)q->len);
            size_t used = json_tokener_get_parse_end(q->tokener);

            if (!o && json_tokener_get_error(q->tokener) != json_tokener_continue)
                sim_fail(q->sim, "QMP: not JSON: %.*s", (int)(q->len < 200 ? q->len : 200), q->buf);
            memmove(q->buf, q->buf + used, q->len - used);
            q->len -= used;
            if (o && json_object_is_type(o, json_type_object))
                return o;
            json_object_put(o);
            if (o || q->len)
                continue;
        }
        now = sim_now_ns();
        if (poll(&p, 1, now < until ? (int)((until - now + 999999) / 1000000) : 0) <= 0) {
            errno = ETIMEDOUT;
            return NULL;
        }
        n = read(q->fd, q->buf, sizeof(q->buf));
        if (n <= 0) {
            errno = n ? errno : ECONNRESET;
            return NULL;
        }
        /* Between messages the server's line ends are only white space. */
        q->len = (size_t)n;
        if (strspn(q->buf, "\r\n") == q->len)
            q->len = 0;
    }
}

static uint64_t qmp_until(const struct sim_qmp *q)
{
    return sim_now_ns() + q->sim->opt.timeout_ms * 1000000ull;
}

static int qmp_connect(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(addr.sun_path))
        abort();
    strcpy(addr.sun_path, path);
    if (fd < 0 || !connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
        return fd;
    close(fd);
    return -1;
}

struct sim_qmp *sim_qmp_open(struct sim *s, const char *path, unsigned ms)
{
    struct sim_qmp *q = calloc(1, sizeof(*q));
    uint64_t until = sim_now_ns() + ms * 1000000ull;
    struct json_object *greeting;
    char own[128], *answer;

    if (!q)
        return NULL;
    snprintf(own, sizeof(own), "%s/qmp-libxl-%u", s->dir, s->opt.domid);
    q->sim = s;
    q->tokener = json_tokener_new();
    while ((q->fd = qmp_connect(path ? path : own)) < 0) {
        struct timespec ts = { 0, 100000 };

        if (atomic_load(&s->failed) == DRIVER_DEAD || sim_now_ns() >= until) {
            errno = atomic_load(&s->failed) == DRIVER_DEAD ? ECHILD : ETIMEDOUT;
            goto fail;
        }
        nanosleep(&ts, NULL);
    }
    greeting = qmp_next(q, until);
    q->greeting_ns = sim_now_ns();
    if (!greeting)
        goto fail;
    if (!json_object_object_get_ex(greeting, "QMP", NULL))
        sim_fail(s, "QMP: no greeting: %s", json_object_to_json_string(greeting));
    json_object_put(greeting);
    answer = sim_qmp_execute(q, "qmp_capabilities", NULL);
    if (!answer)
        sim_fail(s, "QMP: qmp_capabilities: %s", q->error);
    free(answer);
    return q;
fail:
    ms = (unsigned)errno;
    sim_qmp_close(q);
    errno = (int)ms;
    return NULL;
}

uint64_t sim_qmp_greeting_ns(const struct sim_qmp *q)
{
    return q->greeting_ns;
}

const char *sim_qmp_error(const struct sim_qmp *q)
{
    return q->error;
}

static void qmp_send(struct sim_qmp *q, const char *text, int fd)
{
    struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
    union {
        struct cmsghdr hdr;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .room = { 0 } };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (fd >= 0) {
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
        *CMSG_FIRSTHDR(&msg) = (struct cmsghdr) { .cmsg_level = SOL_SOCKET,
                                                  .cmsg_type = SCM_RIGHTS,
                                                  .cmsg_len = CMSG_LEN(sizeof(int)) };
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &fd, sizeof(fd));
    }
    if (sendmsg(q->fd, &msg, MSG_NOSIGNAL) != (ssize_t)iov.iov_len)
        sim_fail(q->sim, "QMP: cannot send: %s", strerror(errno));
}

/* An event is kept for who asks. true: it was one. */
static bool qmp_keep_event(struct sim_qmp *q, struct json_object *o)
{
    if (!json_object_object_get_ex(o, "event", NULL))
        return false;
    if (q->events == QMP_EVENTS) {
        json_object_put(q->event[0]);
        memmove(q->event, q->event + 1, --q->events * sizeof(*q->event));
    }
    q->event[q->events++] = o;
    return true;
}

char *sim_qmp_execute_fd(struct sim_qmp *q, const char *command, const char *args, int fd)
{
    struct json_object *o, *part, *word;
    uint64_t until = qmp_until(q);
    char *text, *out = NULL;

    q->id++;
    if (asprintf(&text, "{\"execute\":\"%s\",\"id\":%u%s%s}\r\n", command, q->id,
                 args ? ",\"arguments\":" : "", args ? args : "") < 0)
        abort();
    qmp_send(q, text, fd);
    free(text);
    do {
        o = qmp_next(q, until);
        if (!o)
            sim_fail(q->sim, "QMP: no answer to %s: %s", command, strerror(errno));
    } while (qmp_keep_event(q, o));
    if (!json_object_object_get_ex(o, "id", &part) || json_object_get_int(part) != (int)q->id)
        sim_fail(q->sim, "QMP: answer to %s without its id: %s", command,
                 json_object_to_json_string(o));
    if (json_object_object_get_ex(o, "return", &part)) {
        out = strdup(json_object_to_json_string_ext(part, JSON_C_TO_STRING_PLAIN));
    } else if (json_object_object_get_ex(o, "error", &part)) {
        const char *class =
            json_object_object_get_ex(part, "class", &word) ? json_object_get_string(word) : "?";

        snprintf(q->error, sizeof(q->error), "%s: ", class);
        if (json_object_object_get_ex(part, "desc", &word))
            snprintf(q->error + strlen(q->error), sizeof(q->error) - strlen(q->error), "%s",
                     json_object_get_string(word));
    } else {
        sim_fail(q->sim, "QMP: neither return nor error: %s", json_object_to_json_string(o));
    }
    json_object_put(o);
    return out;
}

char *sim_qmp_execute(struct sim_qmp *q, const char *command, const char *args)
{
    return sim_qmp_execute_fd(q, command, args, -1);
}

char *sim_qmp_event(struct sim_qmp *q, const char *name, unsigned ms)
{
    uint64_t until = sim_now_ns() + ms * 1000000ull;
    struct json_object *o;

    for (;;) {
        for (unsigned i = 0; i < q->events; i++) {
            struct json_object *word;
            char *out;

            json_object_object_get_ex(q->event[i], "event", &word);
            if (strcmp(json_object_get_string(word), name))
                continue;
            out = strdup(json_object_to_json_string_ext(q->event[i], JSON_C_TO_STRING_PLAIN));
            json_object_put(q->event[i]);
            memmove(q->event + i, q->event + i + 1, (--q->events - i) * sizeof(*q->event));
            return out;
        }
        o = qmp_next(q, until);
        if (!o)
            return NULL;
        if (!qmp_keep_event(q, o))
            sim_fail(q->sim, "QMP: neither event nor answer: %s", json_object_to_json_string(o));
    }
}

void sim_qmp_close(struct sim_qmp *q)
{
    if (!q)
        return;
    if (q->fd >= 0)
        close(q->fd);
    while (q->events)
        json_object_put(q->event[--q->events]);
    json_tokener_free(q->tokener);
    free(q);
}
