/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VNC module behind its door with a real client (libvncclient) over loopback. */
#include "tests/unit/unit.h"

#include "host/loop.h"
#include "tests/bench/vnc-client.h"
#include "ui/vnc/door.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rfb/rfbclient.h>

#define DISPLAY_FIRST 4100 /* displays of these tests: ports 10000 and up */

enum { KEYSYM_RETURN = 0xff0d };

/* ---- the whole module, behind its door ---- */

static const struct dm_class *const none[] = { NULL };

struct console {
    struct fake f;
    struct host_loop loop;
    struct vnc_door *door;
    const char *keymap;
    struct dm_input_sink sink;
    uint32_t color; /* what the guest shows */
    unsigned key_code, buttons;
    int dx, dz;
    pthread_t client;
    volatile bool client_done, client_ok;
    const char *password;
    volatile uint32_t want; /* pixel that the client waits for */
    volatile int want_width;
    bool send_input;
    unsigned admit;
};

static void console_refresh(void *opaque, bool all)
{
    struct console *c = opaque;
    struct dm_display *d = &c->f.machine.display;

    if (!all)
        return;
    for (int i = 0; i < d->width * d->height; i++)
        d->surface.pixels[i] = c->color;
    dm_display_damage(d, &(struct dm_rect) { 0, 0, d->width, d->height });
}

static void console_key(void *opaque, unsigned code, bool down)
{
    struct console *c = opaque;

    if (down)
        c->key_code = code;
}

static void console_relative(void *opaque, int dx, int dy, int dz, unsigned buttons)
{
    struct console *c = opaque;

    c->dx += dx;
    c->dz += dz;
    c->buttons |= buttons;
}

static void console_open(struct console *c, bool password)
{
    struct vnc_door_config cfg = { .host = "127.0.0.1",
                                   .display = DISPLAY_FIRST + 10,
                                   .to = DISPLAY_FIRST + 90,
                                   .password = password,
                                   .keymap = c->keymap,
                                   .admit = c->admit };
    struct dm_error err = { "" };

    fake_init(&c->f, none);
    assert_int_equal(host_loop_init(&c->loop, &err), 0);
    dm_display_init(&c->f.machine.display, &c->loop.clock);
    dm_display_set_source(&c->f.machine.display, console_refresh, c);
    dm_display_resize(&c->f.machine.display, 64, 48);
    c->sink =
        (struct dm_input_sink) { .key = console_key, .relative = console_relative, .opaque = c };
    dm_input_add(&c->f.machine.input, &c->sink);
    if (vnc_door_open(&c->door, &c->f.machine, &c->loop, &cfg, &err))
        fail_msg("%s", err.text);
}

static void console_close(struct console *c)
{
    vnc_door_close(c->door);
    host_loop_finish(&c->loop);
    fake_finish(&c->f);
}

static char *client_password(rfbClient *cl)
{
    return strdup(((struct console *)rfbClientGetClientData(cl, NULL))->password);
}

static void client_silent(const char *fmt, ...)
{
}

static void *client_thread(void *opaque)
{
    struct console *c = opaque;
    rfbClient *cl = rfbGetClient(8, 3, 4);
    int argc = 0;

    rfbClientLog = client_silent;
    rfbClientErr = client_silent;
    rfbClientSetClientData(cl, NULL, c);
    cl->GetPassword = client_password;
    cl->canHandleNewFBSize = TRUE;
    cl->format.redShift = 16;
    cl->format.greenShift = 8;
    cl->format.blueShift = 0;
    free(cl->serverHost);
    cl->serverHost = strdup("127.0.0.1");
    cl->serverPort = atoi(c->f.machine.display.vnc.service);
    if (!rfbInitClient(cl, &argc, NULL)) {
        c->client_done = true;
        return NULL;
    }
    if (c->send_input) {
        SendKeyEvent(cl, KEYSYM_RETURN, TRUE);
        SendKeyEvent(cl, KEYSYM_RETURN, FALSE);
        SendPointerEvent(cl, 10, 10, 0);
        SendPointerEvent(cl, 15, 10, rfbButton1Mask);
        SendPointerEvent(cl, 15, 10, rfbButton4Mask);
    }
    while (!c->client_ok) {
        /* The library may have read a message already that the socket does not tell of. */
        int n = cl->buffered ? 1 : WaitForMessage(cl, 10000);

        if (n < 0 || (n > 0 && !HandleRFBServerMessage(cl)))
            break;
        c->client_ok = cl->width == c->want_width &&
                       (((uint32_t *)(void *)cl->frameBuffer)[0] & 0xffffff) == c->want;
    }
    c->client_done = true;
    free(cl->frameBuffer);
    cl->frameBuffer = NULL;
    rfbClientCleanup(cl);
    return NULL;
}

/* Runs the loop until cond(c), or so long that even a machine under load must have come to it. */
static void console_run(struct console *c, bool (*cond)(struct console *))
{
    uint64_t end = dm_clock_now(&c->loop.clock) + 50 * DM_NS_PER_SEC;

    while (!cond(c) && dm_clock_now(&c->loop.clock) < end) {
        host_loop_turn(&c->loop, false);
        usleep(1000);
    }
    assert_true(cond(c));
}

static bool is_done(struct console *c)
{
    return c->client_done;
}

static bool is_watched(struct console *c)
{
    return dm_display_watched(&c->f.machine.display);
}

static bool is_unwatched(struct console *c)
{
    return !is_watched(c);
}

static void test_client_sees_and_types(void **state)
{
    struct console c = {
        .color = 0x123456, .want = 0x654321, .want_width = 101, .send_input = true
    };

    console_open(&c, false);
    assert_true(c.f.machine.display.vnc.enabled);
    assert_false(is_watched(&c)); /* nobody there: no surface, no timer */
    assert_int_equal(dm_clock_deadline(&c.loop.clock), DM_NEVER);
    pthread_create(&c.client, NULL, client_thread, &c);
    console_run(&c, is_watched);
    /* The guest changes its mode to an odd width and another picture. */
    c.color = 0x654321;
    dm_display_resize(&c.f.machine.display, 101, 50);
    console_run(&c, is_done);
    assert_true(c.client_ok);
    pthread_join(c.client, NULL);
    console_run(&c, is_unwatched);
    assert_int_equal(c.key_code, 28);
    assert_int_equal(c.dx, 5);
    assert_int_equal(c.dz, 1);
    assert_int_equal(c.buttons, DM_BUTTON_LEFT);
    console_close(&c);
}

static int console_connect(struct console *c)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_port = htons((uint16_t)atoi(c->f.machine.display.vnc.service));
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void try_password(struct console *c, const char *password, bool ok)
{
    c->password = password;
    c->client_done = c->client_ok = false;
    pthread_create(&c->client, NULL, client_thread, c);
    console_run(c, is_done);
    pthread_join(c->client, NULL);
    assert_int_equal(c->client_ok, ok);
}

static void test_password(void **state)
{
    struct console c = { .color = 0x0000ff, .want = 0x0000ff, .want_width = 64 };

    console_open(&c, true);
    try_password(&c, "", false); /* none set: nobody gets in */
    console_close(&c);
    console_open(&c, true); /* set before the module is there, and after */
    c.f.machine.display.vnc.set_password(c.f.machine.display.vnc.opaque, "before");
    try_password(&c, "before", true);
    console_run(&c, is_unwatched);
    c.f.machine.display.vnc.set_password(c.f.machine.display.vnc.opaque, "sesame");
    try_password(&c, "wrong", false);
    try_password(&c, "sesame", true);
    console_close(&c);
}

static bool module_is_loaded(void)
{
    char line[512];
    bool found = false;
    FILE *f = fopen("/proc/self/maps", "r");

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        found = found || strstr(line, "/xendm-vnc.so");
    fclose(f);
    return found;
}

/* First of all tests with a console: what is loaded stays. */
static void test_loaded_by_the_first_viewer(void **state)
{
    struct console c = { .color = 0x00ff00, .want = 0x00ff00, .want_width = 64 };

    console_open(&c, false);
    assert_true(c.f.machine.display.vnc.enabled);
    for (unsigned i = 0; i < 10; i++)
        host_loop_turn(&c.loop, false);
    assert_false(module_is_loaded());
    try_password(&c, "", true);
    assert_true(module_is_loaded());
    console_close(&c);
    assert_false(c.f.machine.display.vnc.enabled);
}

/* One who knocks, and the end before the module is there, or as it comes. */
static void test_end_while_loading(void **state)
{
    for (unsigned turns = 0; turns < 3; turns++) {
        struct console c = { 0 };
        int fd;

        console_open(&c, false);
        fd = console_connect(&c);
        for (unsigned i = 0; i < turns; i++)
            host_loop_turn(&c.loop, true);
        console_close(&c);
        close(fd);
    }
}

static char said[256];

static void say(void *opaque, enum dm_log_level level, const char *line)
{
    snprintf(said, sizeof(said), "%s", line);
}

static bool is_shut(struct console *c)
{
    return !c->f.machine.display.vnc.enabled;
}

/* What is no module is found out when it is needed: the guest runs on without a console. */
static void test_module_that_cannot_be_loaded(void **state)
{
    char folder[] = "/tmp/test-vnc.XXXXXX", path[64], *had = strdup(getenv("XENDM_MODULE_DIR"));
    struct console c = { 0 };
    struct vnc_door_config cfg = { .host = "127.0.0.1" };
    struct dm_error err;
    FILE *f;
    int fd;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/xendm-vnc.so", folder);
    setenv("XENDM_MODULE_DIR", folder, 1);
    fake_init(&c.f, none);
    assert_int_equal(vnc_door_open(&c.door, &c.f.machine, &c.loop, &cfg, &err), -ENOENT);
    assert_non_null(strstr(err.text, "module 'xendm-vnc.so' is not in /tmp/test-vnc."));
    fake_finish(&c.f);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("not a module\n", f);
    fclose(f);
    console_open(&c, false);
    setenv("XENDM_MODULE_DIR", had, 1);
    dm_log_set_sink(say, NULL);
    fd = console_connect(&c);
    console_run(&c, is_shut);
    dm_log_set_sink(NULL, NULL);
    assert_non_null(strstr(said, "module 'xendm-vnc.so' cannot be loaded: "));
    close(fd);
    console_close(&c);
    unlink(path);
    rmdir(folder);
    free(had);
}

/* A keymap that is asked for is looked at before the guest runs. */
static void test_keymap_at_the_start(void **state)
{
    struct vnc_door_config cfg = { .host = "127.0.0.1",
                                   .display = DISPLAY_FIRST + 10,
                                   .to = DISPLAY_FIRST + 90,
                                   .keymap = "no-such-layout" };
    struct console c = { .color = 0x00ff00, .want = 0x00ff00, .want_width = 64, .keymap = "de" };
    struct dm_error err;

    console_open(&c, false);
    try_password(&c, "", true);
    assert_int_equal(
        vnc_door_open(&(struct vnc_door *) { NULL }, &c.f.machine, &c.loop, &cfg, &err), -EINVAL);
    assert_string_equal(err.text, "keymap 'no-such-layout': no such keyboard layout");
    console_close(&c);
}

static void test_client_that_says_nothing_holds_nobody_up(void **state)
{
    struct console c = { .color = 0x00ff00, .want = 0x00ff00, .want_width = 64 };
    struct sockaddr_in at = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    console_open(&c, false);
    at.sin_port = htons((uint16_t)atoi(c.f.machine.display.vnc.service));
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    try_password(&c, "", true);
    close(fd);
    console_run(&c, is_unwatched);
    console_close(&c);
}

/* Half a message: nobody waits for the rest, neither another client nor the end of xendm. */
static void test_half_messages_hold_nobody_up(void **state)
{
    struct console c = { .color = 0x00ff00, .want = 0x00ff00, .want_width = 64 };
    uint64_t start;
    int fd[3];

    console_open(&c, false);
    for (unsigned i = 0; i < 3; i++) {
        fd[i] = console_connect(&c);
        assert_int_equal(write(fd[i], "RFB 0", 5), 5);
    }
    start = dm_clock_now(&c.loop.clock);
    try_password(&c, "", true);
    assert_true(dm_clock_now(&c.loop.clock) - start < 8 * DM_NS_PER_SEC); /* one of them: 10 */
    start = dm_clock_now(&c.loop.clock);
    console_close(&c);
    assert_true(dm_clock_now(&c.loop.clock) - start < 8 * DM_NS_PER_SEC);
    for (unsigned i = 0; i < 3; i++)
        close(fd[i]);
}

static void *trickle(void *opaque)
{
    int fd = *(int *)opaque;

    for (unsigned i = 0; i < 600 && send(fd, &"GET /"[i < 4 ? i : 4], 1, MSG_NOSIGNAL) == 1; i++)
        usleep(50000);
    return NULL;
}

/*
 * The library would look for a browser's or TLS's first bytes: for ever when one to three are
 * there, and then for as long as the browser takes for its request.
 */
static void test_what_may_be_a_browser_holds_nobody_up(void **state)
{
    static const char first[2][4] = { "R", "\x16\3\1" };
    struct console c = { .color = 0x00ff00, .want = 0x00ff00, .want_width = 64 };
    uint64_t start;
    pthread_t slow;
    int fd[3];

    console_open(&c, false);
    for (unsigned i = 0; i < 2; i++) {
        fd[i] = console_connect(&c);
        usleep(20000); /* the thread has seen it and found nothing so far */
        assert_int_equal(write(fd[i], first[i], i ? 3 : 1), i ? 3 : 1);
    }
    shutdown(fd[1], SHUT_WR);
    fd[2] = console_connect(&c);
    pthread_create(&slow, NULL, trickle, &fd[2]);
    start = dm_clock_now(&c.loop.clock);
    try_password(&c, "", true);
    assert_true(dm_clock_now(&c.loop.clock) - start < 8 * DM_NS_PER_SEC);
    start = dm_clock_now(&c.loop.clock);
    console_close(&c);
    assert_true(dm_clock_now(&c.loop.clock) - start < 8 * DM_NS_PER_SEC);
    pthread_join(slow, NULL);
    for (unsigned i = 0; i < 3; i++)
        close(fd[i]);
}

/* A client on a thread of its own, that speaks the protocol by hand. */
struct talker {
    struct console *c;
    pthread_t thread;
    struct vnc_client rfb;
    const void *data; /* sent again and again */
    size_t len;
    atomic_bool in, ended;
};

static void *talker_thread(void *opaque)
{
    struct talker *t = opaque;
    unsigned port = (unsigned)atoi(t->c->f.machine.display.vnc.service);

    if (!vnc_client_open(&t->rfb, "127.0.0.1", port, VNC_ENCODING_RAW, -1)) {
        t->in = true;
        while (t->len && send(t->rfb.fd, t->data, t->len, MSG_NOSIGNAL) > 0)
            ;
    }
    t->ended = true;
    return NULL;
}

static struct talker *talker_now;

static bool talker_is_in(struct console *c)
{
    return talker_now->in || talker_now->ended;
}

static void talker_start(struct talker *t, struct console *c)
{
    t->c = c;
    pthread_create(&t->thread, NULL, talker_thread, t);
    talker_now = t;
    console_run(c, talker_is_in);
    assert_true(t->in);
}

static void talker_finish(struct talker *t)
{
    shutdown(t->rfb.fd, SHUT_RDWR);
    pthread_join(t->thread, NULL);
    vnc_client_close(&t->rfb);
}

/* One that never stops sending: others are served, input goes on, and xendm ends all the same. */
static void test_a_flood_starves_nobody(void **state)
{
    static uint8_t events[6 * 1024]; /* of the pointer */
    static const uint8_t text[65536] = { 6, 0, 0, 0, 0, 0, 0xff, 0xf8 };
    struct console c = { .color = 0x00ff00, .want = 0x00ff00, .want_width = 64 };
    struct talker pointer = { .data = events, .len = sizeof(events) };
    struct talker clipboard = { .data = text, .len = sizeof(text) };

    for (size_t i = 0; i < sizeof(events); i += 6) {
        events[i] = 5;
        events[i + 3] = (uint8_t)(i % 64);
    }
    console_open(&c, false);
    talker_start(&pointer, &c);
    talker_start(&clipboard, &c);
    c.send_input = true;
    try_password(&c, "", true);
    assert_int_equal(c.key_code, 28);
    assert_false(pointer.ended);
    assert_false(clipboard.ended);
    console_close(&c);
    talker_finish(&pointer);
    talker_finish(&clipboard);
}

/* More connections than there are places, and none says a word: a client gets in, at once. */
static void test_the_silent_hold_no_place(void **state)
{
    struct console c = {
        .color = 0x00ff00, .want = 0x00ff00, .want_width = 64, .admit = 1500, .keymap = "us"
    };
    int fd[18];

    console_open(&c, false);
    for (unsigned i = 0; i < 18; i++)
        fd[i] = console_connect(&c);
    try_password(&c, "", true);
    /* And they go on their own, without another coming. */
    for (unsigned i = 0; i < 18; i++) {
        struct pollfd p = { .fd = fd[i], .events = POLLRDHUP };

        assert_int_equal(poll(&p, 1, 40000), 1);
        close(fd[i]);
    }
    console_close(&c);
}

static double cpu_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* No descriptor for a newcomer: the thread waits, it does not try without end; then it is let in.
 */
static void test_no_descriptor_left(void **state)
{
    struct console c = { .color = 0x00ff00, .want = 0x00ff00, .want_width = 64, .keymap = "us" };
    int fd[2048], count = 0, client;
    struct rlimit limit, low;
    double cpu;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    console_open(&c, false);
    client = socket(AF_INET, SOCK_STREAM, 0);
    while (count < 2048 && (fd[count] = open("/dev/null", O_RDONLY)) >= 0)
        count++;
    assert_true(count < 2048);
    {
        struct sockaddr_in at = { .sin_family = AF_INET };

        at.sin_port = htons((uint16_t)atoi(c.f.machine.display.vnc.service));
        inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
        assert_int_equal(connect(client, (struct sockaddr *)&at, sizeof(at)), 0);
    }
    usleep(100000);
    cpu = cpu_now();
    usleep(800000);
    cpu = cpu_now() - cpu;
    while (count)
        close(fd[--count]);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_true(cpu < 0.04);
    try_password(&c, "", true);
    close(client);
    console_close(&c);
}

/* Our format is the one that viewers ask for, so that pixels need not be turned into themselves. */
static void test_pixels_go_as_they_are(void **state)
{
    static const uint8_t format[16] = { 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0 };
    struct console c = { .color = 0x123456 };
    struct talker t = { 0 };

    console_open(&c, false);
    for (unsigned i = 0; i < 2; i++) { /* before and after the size changed */
        talker_start(&t, &c);
        t.rfb.format[3] = t.rfb.format[3] != 0; /* true colours: any but zero says so */
        assert_memory_equal(t.rfb.format, format, sizeof(format));
        assert_int_equal(vnc_client_request(&t.rfb, false), 0);
        for (unsigned n = 0; t.rfb.pixels[0] != 0x123456 && n < 20000; n++) {
            host_loop_turn(&c.loop, false);
            if (vnc_client_update(&t.rfb, 1, 0, 0, 1, 1) >= 0)
                vnc_client_request(&t.rfb, true);
        }
        assert_int_equal(t.rfb.pixels[0], 0x123456);
        talker_finish(&t);
        t = (struct talker) { 0 };
    }
    console_close(&c);
}

/* How often threads other than the caller's went to sleep so far. */
static long others_slept(void)
{
    DIR *dir = opendir("/proc/self/task");
    long sum = 0, n;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        char path[300], line[128];
        FILE *in;

        if (*e->d_name == '.' || atoi(e->d_name) == gettid())
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", e->d_name);
        in = fopen(path, "r");
        while (in && fgets(line, sizeof(line), in))
            if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
                sum += n;
        if (in)
            fclose(in);
    }
    closedir(dir);
    return sum;
}

static void console_paint(struct console *c)
{
    dm_display_set_source(&c->f.machine.display, console_refresh, c);
    c->f.machine.display.all = true;
    dm_display_kick(&c->f.machine.display);
}

/* One that asks and does not read: others see the screen, and nobody is busy waiting for it. */
static void test_one_that_does_not_read(void **state)
{
    struct console c = { .color = 0x00ff00, .want = 0x0000ff, .want_width = 300 };
    struct talker t = { 0 };
    uint64_t start;
    long slept;

    console_open(&c, false);
    dm_display_resize(&c.f.machine.display, 300, 280);
    talker_start(&t, &c);
    for (unsigned i = 0; i < 4; i++) /* size, a picture, and others that wait for it */
        assert_int_equal(vnc_client_request(&t.rfb, false), 0);
    for (unsigned i = 0; i < 25; i++) {
        console_paint(&c);
        vnc_client_request(&t.rfb, true);
        host_loop_turn(&c.loop, false);
        usleep(10000);
    }
    c.color = 0x0000ff;
    console_paint(&c);
    start = dm_clock_now(&c.loop.clock);
    try_password(&c, "", true);
    assert_true(dm_clock_now(&c.loop.clock) - start < 8 * DM_NS_PER_SEC);
    usleep(1500000); /* its line is looked at ever less often */
    slept = others_slept();
    usleep(1000000);
    assert_in_range(others_slept() - slept, 0, 5);
    talker_finish(&t);
    console_close(&c);
}

/* Scaling on the server's side is not done, whatever a client asks for; modes go on changing. */
static void test_scaling_is_refused(void **state)
{
    static const uint8_t scale[] = { 8, 2, 0, 0, 15, 3, 0, 0 };
    struct console c = { .color = 0x00ff00 };
    struct talker t = { 0 };

    console_open(&c, false);
    talker_start(&t, &c);
    for (unsigned i = 0; i < 3; i++) {
        int width = 101 + 200 * (int)i;
        uint64_t end = dm_clock_now(&c.loop.clock) + 30 * DM_NS_PER_SEC;

        assert_int_equal(send(t.rfb.fd, scale, sizeof(scale), 0), sizeof(scale));
        dm_display_resize(&c.f.machine.display, width, 50);
        vnc_client_request(&t.rfb, true);
        while (t.rfb.width != width && dm_clock_now(&c.loop.clock) < end) {
            host_loop_turn(&c.loop, false);
            if (vnc_client_update(&t.rfb, 1, 0, 0, 1, 1) >= 0)
                vnc_client_request(&t.rfb, true);
        }
        assert_int_equal(t.rfb.width, width);
        assert_int_equal(t.rfb.height, 50);
    }
    talker_finish(&t);
    console_close(&c);
}

/* Takes updates until the first pixel has this colour and the screen this width. */
static void talker_see(struct talker *t, uint32_t color, int width)
{
    uint64_t end = dm_clock_now(&t->c->loop.clock) + 30 * DM_NS_PER_SEC;

    vnc_client_request(&t->rfb, true);
    while ((t->rfb.pixels[0] != color || t->rfb.width != width) &&
           dm_clock_now(&t->c->loop.clock) < end) {
        host_loop_turn(&t->c->loop, false);
        if (vnc_client_update(&t->rfb, 1, 0, 0, 1, 1) >= 0)
            vnc_client_request(&t->rfb, true);
    }
    assert_int_equal(t->rfb.pixels[0], color);
    assert_int_equal(t->rfb.width, width);
}

/* The guest's mode changes before the client could say that it wants to hear of it. */
static void test_a_size_that_changed_early(void **state)
{
    static const uint8_t raw[] = { 2, 0, 0, 1, 0, 0, 0, 0 };
    static const uint8_t raw_and_size[] = { 2, 0, 0, 2, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21 };
    struct console c = { .color = 0x00ff00 };
    struct talker t = { 0 };

    console_open(&c, false);
    talker_start(&t, &c);
    talker_see(&t, 0x00ff00, 64);
    assert_int_equal(send(t.rfb.fd, raw, sizeof(raw), 0), sizeof(raw));
    usleep(50000);
    c.color = 0x0000ff;
    dm_display_resize(&c.f.machine.display, 101, 50);
    talker_see(&t, 0x0000ff, 64);
    assert_int_equal(send(t.rfb.fd, raw_and_size, sizeof(raw_and_size), 0), sizeof(raw_and_size));
    vnc_client_request(&t.rfb, false);
    talker_see(&t, 0x0000ff, 101);
    assert_int_equal(t.rfb.height, 50);
    talker_finish(&t);
    console_close(&c);
}

/* The right to more room in the kernel, for the threads to come. Nothing where it is not ours. */
static void set_net_admin(bool on)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];

    assert_int_equal(syscall(SYS_capget, &head, data), 0);
    data[0].effective &= ~(1u << CAP_NET_ADMIN);
    if (on)
        data[0].effective |= data[0].permitted & 1u << CAP_NET_ADMIN;
    assert_int_equal(syscall(SYS_capset, &head, data), 0);
}

/*
 * One that reads nothing, on a line that has no room for an update: others do not wait for
 * it, and when it reads after all, all is there.
 */
static void test_a_full_line_holds_nobody_up(void **state)
{
    struct console c = { .color = 0x123456, .want = 0x0000ff, .want_width = 2400 };
    struct talker t = { 0 };
    uint64_t start;

    set_net_admin(false);
    console_open(&c, false);
    dm_display_resize(&c.f.machine.display, 2400, 2000);
    talker_start(&t, &c);
    set_net_admin(true);
    assert_int_equal(setsockopt(t.rfb.fd, SOL_SOCKET, SO_RCVBUF, &(int) { 65536 }, sizeof(int)), 0);
    talker_see(&t, 0x123456, 2400);
    assert_int_equal(vnc_client_request(&t.rfb, false), 0);
    for (unsigned i = 0; i < 50; i++) {
        host_loop_turn(&c.loop, false);
        usleep(2000);
    }
    c.color = 0x0000ff;
    console_paint(&c);
    start = dm_clock_now(&c.loop.clock);
    try_password(&c, "", true);
    assert_true(dm_clock_now(&c.loop.clock) - start < 4 * DM_NS_PER_SEC);
    talker_see(&t, 0x0000ff, 2400);
    for (int i = 0; i < 2400 * 2000; i++)
        assert_int_equal(t.rfb.pixels[i], 0x0000ff);
    talker_finish(&t);
    console_close(&c);
}

/* What is answered in an instant, asked for without end by one that reads no answer. */
static void test_unread_answers_hold_nobody_up(void **state)
{
    static const uint8_t ask[2][20] = {
        { 0, 0, 0, 0, 8, 8 },                              /* a colour map */
        { 2, 0, 0, 2, 0, 0, 0, 0, 0xc0, 0xa1, 0xe5, 0xce } /* the clipboard's kinds */
    };
    struct console c = { .color = 0x00ff00, .want = 0x00ff00, .want_width = 64 };

    for (unsigned kind = 0; kind < 2; kind++) {
        size_t each = kind ? 12 : 20;
        uint8_t data[20 * 500];
        struct talker t = { .data = data, .len = 500 * each };
        uint64_t start;

        for (size_t i = 0; i < 500; i++)
            memcpy(data + i * each, ask[kind], each);
        console_open(&c, false);
        talker_start(&t, &c);
        usleep(300000); /* enough to fill the line */
        start = dm_clock_now(&c.loop.clock);
        try_password(&c, "", true);
        assert_true(dm_clock_now(&c.loop.clock) - start < 4 * DM_NS_PER_SEC);
        assert_false(t.ended); /* it is not cut off for it */
        talker_finish(&t);
        console_close(&c);
    }
}

/* One whose message waits for a full line is gone when its connection is. */
static void test_held_and_gone(void **state)
{
    static const uint8_t ask[20 * 50] = { 0, 0, 0, 0, 8, 8 };
    struct console c = { .color = 0x00ff00 };
    struct talker t = { 0 };
    uint8_t data[sizeof(ask)];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = ask[i % 20];
    t.data = data;
    t.len = sizeof(data);
    set_net_admin(false);
    console_open(&c, false);
    dm_display_resize(&c.f.machine.display, 2400, 2000);
    talker_start(&t, &c);
    console_run(&c, is_watched);
    set_net_admin(true);
    usleep(300000);
    talker_finish(&t);
    console_run(&c, is_unwatched);
    console_close(&c);
}

/* One that changes its mind about encodings and levels with each message. */
struct fickle {
    struct console *c;
    pthread_t thread;
    const char *const *encodings; /* up to a NULL; all without loss */
    atomic_bool settle, right, broken;
};

static void fickle_paint(void *opaque, bool all)
{
    struct console *c = opaque;
    struct dm_display *d = &c->f.machine.display;

    for (int i = 0; i < d->width * d->height; i++) /* noise, stripes, one colour */
        d->surface.pixels[i] = (i / 2000 % 3 ? i / 2000 % 3 > 1 ? 1u : (uint32_t)i % 3
                                             : (uint32_t)i * 2654435761u >> 8) *
                                   c->color &
                               0xffffff;
    dm_display_damage(d, &(struct dm_rect) { 0, 0, d->width, all ? d->height : d->height / 2 });
}

static bool fickle_is_right(const struct fickle *f, const rfbClient *cl)
{
    const struct dm_surface *s = &f->c->f.machine.display.surface;
    const uint32_t *p = (const uint32_t *)(const void *)cl->frameBuffer;
    int i = 0;

    if (!f->settle || cl->width != s->width || cl->height != s->height)
        return false;
    while (i < s->width * s->height && (p[i] & 0xffffff) == s->pixels[i])
        i++;
    return i == s->width * s->height;
}

static void *fickle_thread(void *opaque)
{
    struct fickle *f = opaque;
    rfbClient *cl = rfbGetClient(8, 3, 4);
    unsigned turn = 0, next = 0;
    int argc = 0;

    rfbClientLog = rfbClientErr = client_silent;
    cl->canHandleNewFBSize = TRUE;
    cl->format.redShift = 16;
    cl->format.greenShift = 8;
    cl->format.blueShift = 0;
    cl->appData.enableJPEG = FALSE;
    free(cl->serverHost);
    cl->serverHost = strdup("127.0.0.1");
    cl->serverPort = atoi(f->c->f.machine.display.vnc.service);
    if (!rfbInitClient(cl, &argc, NULL)) {
        f->broken = true;
        return NULL;
    }
    while (!f->broken && !fickle_is_right(f, cl)) {
        int n = cl->buffered ? 1 : WaitForMessage(cl, 10000);

        f->broken = n < 0 || (n > 0 && !HandleRFBServerMessage(cl));
        if (n <= 0 || f->broken || f->settle)
            continue;
        next = f->encodings[next + 1] ? next + 1 : 0;
        cl->appData.encodingsString = f->encodings[next];
        cl->appData.compressLevel = (int)(turn++ * 7 % 10);
        f->broken = !SetFormatAndEncodings(cl);
    }
    f->right = !f->broken;
    free(cl->frameBuffer);
    cl->frameBuffer = NULL;
    rfbClientCleanup(cl);
    return NULL;
}

/*
 * Encodings, levels and the screen's size change in the middle of compressed streams: all pixels
 * come out right. (The client library has one stream for both zlib and ZRLE: not in one client.)
 */
static void test_streams_survive_changes(void **state)
{
    static const char *const lists[][7] = {
        { "zlib", "hextile", "zlib raw", "tight", "corre", "zlib tight", NULL },
        { "zrle", "tight", "zrle raw", "rre", "tight zrle", "ultra", NULL },
        { "zlib hextile raw", NULL },
    };
    struct console c = { .color = 0x123456 };
    struct fickle f[3] = { 0 };

    console_open(&c, false);
    dm_display_set_source(&c.f.machine.display, fickle_paint, &c);
    for (unsigned i = 0; i < 3; i++) {
        f[i].c = &c;
        f[i].encodings = lists[i];
        pthread_create(&f[i].thread, NULL, fickle_thread, &f[i]);
    }
    for (unsigned i = 0; i < 300; i++) {
        c.color = i * 2654435761u >> 8;
        if (i % 16 == 0)
            dm_display_resize(&c.f.machine.display, 100 + (int)(i * 37 % 500), 40 + (int)i);
        c.f.machine.display.all = i % 3;
        dm_display_kick(&c.f.machine.display);
        host_loop_turn(&c.loop, false);
        usleep(2000);
    }
    c.f.machine.display.all = true;
    dm_display_kick(&c.f.machine.display);
    for (unsigned i = 0; i < 100; i++) {
        host_loop_turn(&c.loop, false);
        usleep(1000);
    }
    for (unsigned i = 0; i < 3; i++)
        f[i].settle = true;
    for (unsigned i = 0; i < 20000; i++) {
        if ((f[0].right || f[0].broken) && (f[1].right || f[1].broken) &&
            (f[2].right || f[2].broken))
            break;
        host_loop_turn(&c.loop, false);
        usleep(1000);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_false(f[i].broken);
        assert_true(f[i].right);
        pthread_join(f[i].thread, NULL);
    }
    console_close(&c);
}

/* The client library, not ours, loses a byte when a password is refused. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libvncclient\n";
}

UNIT_MAIN(cmocka_unit_test(test_loaded_by_the_first_viewer),
          cmocka_unit_test(test_client_sees_and_types), cmocka_unit_test(test_end_while_loading),
          cmocka_unit_test(test_module_that_cannot_be_loaded),
          cmocka_unit_test(test_keymap_at_the_start), cmocka_unit_test(test_password),
          cmocka_unit_test(test_client_that_says_nothing_holds_nobody_up),
          cmocka_unit_test(test_half_messages_hold_nobody_up),
          cmocka_unit_test(test_what_may_be_a_browser_holds_nobody_up),
          cmocka_unit_test(test_a_flood_starves_nobody),
          cmocka_unit_test(test_the_silent_hold_no_place),
          cmocka_unit_test(test_no_descriptor_left), cmocka_unit_test(test_one_that_does_not_read),
          cmocka_unit_test(test_pixels_go_as_they_are), cmocka_unit_test(test_scaling_is_refused),
          cmocka_unit_test(test_a_size_that_changed_early),
          cmocka_unit_test(test_a_full_line_holds_nobody_up),
          cmocka_unit_test(test_unread_answers_hold_nobody_up),
          cmocka_unit_test(test_held_and_gone), cmocka_unit_test(test_streams_survive_changes))
