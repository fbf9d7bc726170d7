/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VNC module behind its door with a real client (libvncclient) over loopback. */
#include "tests/unit/unit.h"

#include "host/loop.h"
#include "tests/bench/vnc-client.h"
#include "ui/vnc/door.h"
#include "ui/vnc/gate.h"
#include "ui/vnc/keys.h"
#include "ui/vnc/listen.h"
#include "ui/vnc/tiles.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rfb/rfbclient.h>

#define DISPLAY_FIRST 4100 /* displays of these tests: ports 10000 and up */

enum { KEYSYM_SHIFT_L = 0xffe1, KEYSYM_RETURN = 0xff0d, KEYSYM_KP_7 = 0xffb7 };
enum { CODE_1 = 2, CODE_7 = 8, CODE_Q = 16, CODE_A = 30, CODE_SHIFT = 42, CODE_NUM = 69 };

static size_t press(struct keys *k, uint32_t keysym, unsigned leds, struct keys_event *ev)
{
    return keys_translate(k, keysym, true, leds, ev);
}

static void test_keys_us(void **state)
{
    struct keys_event ev[KEYS_EVENTS_MAX];
    struct keys k;

    assert_int_equal(keys_init(&k, "en-us", NULL), 0);
    assert_int_equal(press(&k, 'a', 0, ev), 1);
    assert_int_equal(ev[0].code, CODE_A);
    assert_true(ev[0].down);
    assert_int_equal(keys_translate(&k, 'a', false, 0, ev), 1);
    assert_false(ev[0].down);
    /* '!' without Shift held: Shift goes round it. */
    assert_int_equal(press(&k, '!', 0, ev), 3);
    assert_int_equal(ev[0].code, CODE_SHIFT);
    assert_int_equal(ev[1].code, CODE_1);
    assert_int_equal(ev[2].code, CODE_SHIFT);
    assert_false(ev[2].down);
    keys_translate(&k, '!', false, 0, ev);
    /* With Shift held it is the key alone, and its release is by what pressed it. */
    assert_int_equal(press(&k, KEYSYM_SHIFT_L, 0, ev), 1);
    assert_int_equal(press(&k, 'A', 0, ev), 1);
    assert_int_equal(ev[0].code, CODE_A);
    assert_int_equal(keys_translate(&k, KEYSYM_SHIFT_L, false, 0, ev), 1);
    assert_int_equal(keys_translate(&k, 'A', false, 0, ev), 1);
    assert_int_equal(ev[0].code, CODE_A);
    /* Caps Lock is on in the guest: the client's 'A' needs no Shift. */
    assert_int_equal(press(&k, 'A', DM_LED_CAPS, ev), 1);
    keys_reset(&k);
    /* Keypad digits switch Num Lock on first. */
    assert_int_equal(press(&k, KEYSYM_KP_7, 0, ev), 3);
    assert_int_equal(ev[0].code, CODE_NUM);
    keys_reset(&k);
    assert_int_equal(press(&k, KEYSYM_KP_7, DM_LED_NUM, ev), 1);
    assert_int_equal(press(&k, 0x12345678, 0, ev), 0);
    assert_int_equal(keys_translate(&k, 'z', false, 0, ev), 0);
    keys_finish(&k);
}

/* XKB has keys that PCs have not, '(' alone among them; it must be typed as Shift + 9. */
static void test_keys_of_a_real_keyboard(void **state)
{
    struct keys_event ev[KEYS_EVENTS_MAX];
    struct keys k;

    assert_int_equal(keys_init(&k, "us", NULL), 0);
    for (uint32_t sym = 0x20; sym < 0x7f; sym++) {
        size_t n = press(&k, sym, 0, ev);

        assert_true(n == 1 || n == 3);
        assert_true(ev[n / 2].code < 84); /* the main block */
        keys_translate(&k, sym, false, 0, ev);
    }
    assert_int_equal(press(&k, '(', 0, ev), 3);
    assert_int_equal(ev[1].code, 10);
    keys_finish(&k);
}

static void test_keys_layouts(void **state)
{
    struct keys_event ev[KEYS_EVENTS_MAX];
    struct dm_error err;
    struct keys k;

    assert_int_equal(keys_init(&k, "de", NULL), 0);
    assert_int_equal(press(&k, '@', 0, ev), 3); /* AltGr + Q */
    assert_int_equal(ev[0].code, 100);
    assert_int_equal(ev[1].code, CODE_Q);
    assert_int_equal(press(&k, '/', 0, ev), 3); /* Shift + 7 */
    assert_int_equal(ev[1].code, CODE_7);
    keys_finish(&k);
    assert_int_equal(keys_init(&k, "de-ch", NULL), 0);
    keys_finish(&k);
    assert_true(keys_init(&k, "no-such-layout", &err) < 0);
    assert_string_equal(err.text, "keymap 'no-such-layout': no such keyboard layout");
}

static void test_keys_without_data(void **state)
{
    struct dm_error err;
    struct keys k;

    setenv("XKB_CONFIG_ROOT", "/nowhere", 1);
    assert_true(keys_init(&k, "us", &err) < 0);
    unsetenv("XKB_CONFIG_ROOT");
    assert_string_equal(err.text, "keymap 'us': no XKB data (package xkb-data)");
}

static void test_keys_holds_are_bounded(void **state)
{
    struct keys_event ev[KEYS_EVENTS_MAX];
    struct keys k;

    assert_int_equal(keys_init(&k, "us", NULL), 0);
    for (uint32_t sym = 0x20; sym < 0x7f; sym++)
        press(&k, sym, 0, ev);
    assert_true(k.held_count <= KEYS_HELD_MAX);
    keys_finish(&k);
}

static void test_listen_searches_and_says_what_is_taken(void **state)
{
    struct vnc_listen a, b, c;
    struct dm_error err;

    assert_int_equal(vnc_listen_open(&a, "127.0.0.1", DISPLAY_FIRST, DISPLAY_FIRST, &err), 0);
    assert_int_equal(vnc_listen_open(&b, "127.0.0.1", DISPLAY_FIRST, DISPLAY_FIRST + 1, &err), 0);
    assert_int_equal(b.port, VNC_PORT_BASE + DISPLAY_FIRST + 1);
    assert_int_equal(vnc_listen_open(&c, "127.0.0.1", DISPLAY_FIRST, DISPLAY_FIRST + 1, &err),
                     -EADDRINUSE);
    assert_string_equal(err.text, "VNC: no free port on 127.0.0.1 from 10000 to 10001");
    assert_int_equal(vnc_listen_open(&c, "127.0.0.1", DISPLAY_FIRST, 0, &err), -EADDRINUSE);
    assert_string_equal(err.text,
                        "VNC: cannot listen on 127.0.0.1 port 10000: Address already in use");
    vnc_listen_close(&a);
    vnc_listen_close(&b);
    assert_true(vnc_listen_open(&c, "no such host.invalid", 0, 0, &err) < 0);
    assert_non_null(strstr(err.text, "VNC: address 'no such host.invalid'"));
    assert_int_equal(vnc_listen_open(&c, "", 70000, 0, &err), -EINVAL);
}

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
        .color = 0x00ff00, .want = 0x00ff00, .want_width = 64, .admit = 2000, .keymap = "us"
    };
    int fd[20];

    console_open(&c, false);
    for (unsigned i = 0; i < 20; i++)
        fd[i] = console_connect(&c);
    try_password(&c, "", true);
    /* And they go on their own, without another coming. */
    for (unsigned i = 0; i < 20; i++) {
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
    usleep(1000000);
    cpu = cpu_now() - cpu;
    while (count)
        close(fd[--count]);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_true(cpu < 0.05);
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
    for (unsigned i = 0; i < 50; i++) {
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

/* ---- the gate ---- */

static void gate_expect(enum gate_state state, const uint8_t *data, size_t have,
                        enum gate_what what, uint64_t len)
{
    struct gate_verdict v = gate_look(state, data, have);

    assert_int_equal(v.what, what);
    if (what != GATE_REFUSE)
        assert_int_equal(v.len, len);
}

static void test_gate(void **state)
{
    static const struct {
        uint8_t head[8];
        size_t need; /* bytes before anything is said */
        enum gate_what what;
        uint64_t len;
    } tests[] = {
        { { 0 }, 20, GATE_PASS, 20 },
        { { 1 }, 1, GATE_REFUSE, 0 },
        { { 2, 0, 0, 0 }, 4, GATE_PASS, 4 },
        { { 2, 0, 0, 3 }, 16, GATE_PASS, 16 },
        { { 2, 0, 2, 0 }, 4 + 4 * 512, GATE_PASS, 4 + 4 * 512 },
        { { 2, 0, 2, 1 }, 4, GATE_REFUSE, 0 },
        { { 2, 0, 0xff, 0xff }, 4, GATE_REFUSE, 0 },
        { { 3 }, 10, GATE_PASS, 10 },
        { { 4 }, 8, GATE_PASS, 8 },
        { { 5 }, 6, GATE_PASS, 6 },
        { { 6, 0, 0, 0, 0, 0, 0, 0 }, 8, GATE_DROP, 8 },
        { { 6, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff }, 8, GATE_DROP, 8 + 0x7fffffffull },
        { { 6, 0, 0, 0, 0xff, 0xff, 0xff, 0xff }, 8, GATE_DROP, 9 },
        { { 6, 0, 0, 0, 0x80, 0, 0, 0 }, 8, GATE_DROP, 8 + 0x80000000ull },
        { { 7 }, 1, GATE_REFUSE, 0 }, /* file transfer */
        { { 8, 2 }, 1, GATE_DROP, 4 },
        { { 11 }, 1, GATE_REFUSE, 0 }, /* chat */
        { { 15, 2 }, 1, GATE_DROP, 4 },
        { { 251, 0, 0, 0, 0, 0, 0, 0 }, 8, GATE_PASS, 8 },
        { { 251, 0, 0, 0, 0, 0, 128, 0 }, 8 + 16 * 128, GATE_PASS, 8 + 16 * 128 },
        { { 251, 0, 0, 0, 0, 0, 129, 0 }, 8, GATE_REFUSE, 0 },
        { { 255 }, 1, GATE_REFUSE, 0 },
    };
    static const size_t fixed[] = { 12, 1, 16, 1 };
    uint8_t data[GATE_PEEK] = { 0 };

    for (size_t i = 0; i < DM_ARRAY_LEN(tests); i++) {
        memcpy(data, tests[i].head, sizeof(tests[i].head));
        gate_expect(GATE_NORMAL, data, 0, GATE_WAIT, 1);
        for (size_t have = 1; have < tests[i].need; have++) {
            struct gate_verdict v = gate_look(GATE_NORMAL, data, have);

            assert_int_equal(v.what, GATE_WAIT);
            assert_in_range(v.len, have + 1, tests[i].need);
        }
        gate_expect(GATE_NORMAL, data, tests[i].need, tests[i].what, tests[i].len);
        gate_expect(GATE_NORMAL, data, sizeof(data), tests[i].what, tests[i].len);
    }
    for (unsigned s = 0; s < DM_ARRAY_LEN(fixed); s++) {
        for (size_t have = 0; have < fixed[s]; have++)
            gate_expect((enum gate_state)s, data, have, GATE_WAIT, have ? fixed[s] : 1);
        gate_expect((enum gate_state)s, data, sizeof(data), GATE_PASS, fixed[s]);
    }
}

/* ---- tiles ---- */

/* Random marks on a screen of an odd size: every one comes out once, and nothing else. */
static void test_tiles(void **state)
{
    static uint8_t want[200][300];
    struct tiles t = { 0 };
    uint32_t seed = 1;

    for (unsigned round = 0; round < 200; round++) {
        int width = 1 + (int)(round * 37 % 4000), height = 1 + (int)(round * 53 % 2500), row = 0;
        int max = round % 2 ? 64 : 8192;
        struct dm_rect r;

        assert_int_equal(tiles_resize(&t, width, height), 0);
        memset(want, 0, sizeof(want));
        for (unsigned i = 0; i < round % 8; i++) {
            seed = seed * 1664525 + 1013904223;
            r.x = (int)(seed >> 8) % width;
            r.y = (int)(seed >> 4 & 0xffffff) % height;
            r.w = 1 + (int)(seed >> 10) % (width - r.x);
            r.h = 1 + (int)(seed >> 6) % (height - r.y);
            tiles_mark(&t, &r);
            for (int y = r.y / TILE; y <= (r.y + r.h - 1) / TILE; y++)
                for (int x = r.x / TILE; x <= (r.x + r.w - 1) / TILE; x++)
                    want[y][x] = 1;
        }
        while (tiles_next(&t, &row, max, max, &r)) {
            assert_true(r.x >= 0 && r.y >= 0 && r.w > 0 && r.h > 0);
            assert_true(r.w <= max && r.h <= max);
            assert_true(r.x + r.w <= width && r.y + r.h <= height);
            for (int y = r.y / TILE; y <= (r.y + r.h - 1) / TILE; y++)
                for (int x = r.x / TILE; x <= (r.x + r.w - 1) / TILE; x++)
                    assert_int_equal(want[y][x]--, 1);
        }
        for (size_t i = 0; i < sizeof(want); i++)
            assert_int_equal(((uint8_t *)want)[i], 0);
    }
    tiles_finish(&t);
}

/* The client library, not ours, loses a byte when a password is refused. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libvncclient\n";
}

UNIT_MAIN(cmocka_unit_test(test_keys_us), cmocka_unit_test(test_keys_of_a_real_keyboard),
          cmocka_unit_test(test_keys_layouts), cmocka_unit_test(test_keys_without_data),
          cmocka_unit_test(test_keys_holds_are_bounded),
          cmocka_unit_test(test_listen_searches_and_says_what_is_taken),
          cmocka_unit_test(test_loaded_by_the_first_viewer),
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
          cmocka_unit_test(test_a_size_that_changed_early), cmocka_unit_test(test_gate),
          cmocka_unit_test(test_tiles))
