/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VNC module with a real client (libvncclient) over loopback. */
#include "tests/unit/unit.h"

#include "host/loop.h"
#include "ui/ui.h"
#include "ui/vnc/keys.h"
#include "ui/vnc/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
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

/* ---- the whole module ---- */

static const struct dm_class *const none[] = { NULL };
extern const struct ui_module xendm_ui_module;

struct console {
    struct fake f;
    struct host_loop loop;
    struct ui *ui;
    struct ui_vnc_config cfg;
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
    struct dm_error err = { "" };

    fake_init(&c->f, none);
    assert_int_equal(host_loop_init(&c->loop, &err), 0);
    dm_display_init(&c->f.machine.display, &c->loop.clock);
    dm_display_set_source(&c->f.machine.display, console_refresh, c);
    dm_display_resize(&c->f.machine.display, 64, 48);
    c->sink =
        (struct dm_input_sink) { .key = console_key, .relative = console_relative, .opaque = c };
    dm_input_add(&c->f.machine.input, &c->sink);
    c->cfg = (struct ui_vnc_config) { .host = "127.0.0.1",
                                      .display = DISPLAY_FIRST + 10,
                                      .to = DISPLAY_FIRST + 90,
                                      .password = password };
    if (xendm_ui_module.open(&c->ui, &c->f.machine, &c->loop, &c->cfg, &err))
        fail_msg("%s", err.text);
}

static void console_close(struct console *c)
{
    xendm_ui_module.close(c->ui);
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
    for (int i = 0; i < 2000 && !c->client_ok; i++) {
        int n = WaitForMessage(cl, 10000);

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

/* Runs the loop until cond(c) or twenty seconds. */
static void console_run(struct console *c, bool (*cond)(struct console *))
{
    uint64_t end = dm_clock_now(&c->loop.clock) + 20 * DM_NS_PER_SEC;

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
    c.f.machine.display.vnc.set_password(c.f.machine.display.vnc.opaque, "sesame");
    try_password(&c, "wrong", false);
    try_password(&c, "sesame", true);
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

static int console_connect(struct console *c)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    at.sin_port = htons((uint16_t)atoi(c->f.machine.display.vnc.service));
    inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

/* Half a message: the VNC thread waits for the rest. The end of xendm does not. */
static void test_closes_at_once_with_clients_that_stall(void **state)
{
    struct console c = { .color = 0x00ff00 };
    uint64_t start;
    int fd[3];

    console_open(&c, false);
    for (unsigned i = 0; i < 3; i++) {
        fd[i] = console_connect(&c);
        assert_int_equal(write(fd[i], "RFB 0", 5), 5);
    }
    console_run(&c, is_watched);
    usleep(300000); /* the library looks 100 ms for a web browser at first */
    start = dm_clock_now(&c.loop.clock);
    console_close(&c);
    assert_true(dm_clock_now(&c.loop.clock) - start < 8 * DM_NS_PER_SEC); /* one of them: 10 */
    for (unsigned i = 0; i < 3; i++)
        close(fd[i]);
}

static void *flood_thread(void *opaque)
{
    static const char hello[] = "RFB 003.003\n\1";
    static uint8_t events[6 * 1024]; /* pointer events */
    int fd = *(int *)opaque;
    ssize_t n = write(fd, hello, sizeof(hello) - 1);

    for (size_t i = 0; i < sizeof(events); i += 6) {
        events[i] = 5;
        events[i + 3] = (uint8_t)i;
    }
    while (n > 0)
        n = send(fd, events, sizeof(events), MSG_NOSIGNAL);
    return NULL;
}

/* One that never stops sending: the end of xendm comes all the same. */
static void test_closes_at_once_with_a_client_that_floods(void **state)
{
    struct console c = { .color = 0x00ff00 };
    pthread_t flood;
    int fd;

    console_open(&c, false);
    fd = console_connect(&c);
    pthread_create(&flood, NULL, flood_thread, &fd);
    console_run(&c, is_watched);
    usleep(300000);
    console_close(&c);
    shutdown(fd, SHUT_RDWR);
    pthread_join(flood, NULL);
    close(fd);
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
          cmocka_unit_test(test_client_sees_and_types), cmocka_unit_test(test_password),
          cmocka_unit_test(test_client_that_says_nothing_holds_nobody_up),
          cmocka_unit_test(test_closes_at_once_with_clients_that_stall),
          cmocka_unit_test(test_closes_at_once_with_a_client_that_floods))
