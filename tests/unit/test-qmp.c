/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP on real sockets: framing, clients that behave and clients that do not, every command. */
#include "control/qmp-session.h"
#include "control/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define CAPABILITIES "{\"execute\":\"qmp_capabilities\"}"
#define OK           "{\"return\":{}}\r\n"

struct card {
    struct dm_device dev;
    struct dm_net *net;
};

static const struct dm_prop nic_props[] = {
    DM_PROP(struct card, net, DM_PROP_NET, "netdev"),
    DM_PROPS_END,
};

static const struct dm_class nic_class = {
    .name = "card", .size = sizeof(struct card), .version = 1, .props = nic_props
};
static const struct dm_class other_class = { .name = "other",
                                             .size = sizeof(struct card),
                                             .version = 1 };
static const struct dm_class *const classes[] = { &nic_class, &other_class, NULL };

struct world {
    struct fake fake;
    struct host_loop loop;
    char dir[32], path[64];
    struct qmp_hooks hooks;
    struct qmp *qmp;
    unsigned quits;
    uint64_t now;
    char answer[1 << 20];
    size_t len;
};

static void world_quit(void *opaque)
{
    ((struct world *)opaque)->quits++;
}

static uint64_t world_now(void *opaque)
{
    return ((struct world *)opaque)->now;
}

static int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct dm_error err;

    fake_init(&w->fake, classes);
    assert_int_equal(host_loop_init(&w->loop, &err), 0);
    w->loop.clock.now = world_now;
    w->loop.clock.opaque = w;
    w->now = 1;
    strcpy(w->dir, "/tmp/xendm-qmp-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof(w->path), "%s/s", w->dir);
    w->hooks = (struct qmp_hooks) { world_quit, w };
    assert_int_equal(qmp_listen(&w->qmp, &w->fake.machine, &w->loop, w->path, -1, &w->hooks, &err),
                     0);
    *state = w;
    return 0;
}

static int world_teardown(void **state)
{
    struct world *w = *state;

    qmp_close(w->qmp);
    assert_int_equal(access(w->path, F_OK), -1);
    assert_int_equal(rmdir(w->dir), 0);
    host_loop_finish(&w->loop);
    fake_finish(&w->fake);
    free(w);
    return 0;
}

/* Turns the loop until it has nothing to do: one turn takes 4 KiB of a client. */
static void settle(struct world *w)
{
    for (int i = 0; i < 100; i++)
        host_loop_turn(&w->loop, false);
}

static int dial(struct world *w)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    strcpy(addr.sun_path, w->path);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

/* All that has come, as one string. */
static const char *hear(struct world *w, int fd)
{
    ssize_t n;

    w->len = 0;
    do {
        settle(w);
        n = read(fd, w->answer + w->len, sizeof(w->answer) - 1 - w->len);
        if (n > 0)
            w->len += (size_t)n;
    } while (n > 0);
    w->answer[w->len] = '\0';
    return w->answer;
}

static const char *say(struct world *w, int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return hear(w, fd);
}

static bool hung_up(struct world *w, int fd)
{
    char c;

    settle(w);
    return read(fd, &c, 1) == 0;
}

/* A client behind the greeting and the negotiation. */
static int login(struct world *w)
{
    int fd = dial(w);

    assert_non_null(strstr(hear(w, fd), "{\"QMP\":"));
    assert_string_equal(say(w, fd, CAPABILITIES), OK);
    return fd;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    while ((text = strstr(text, what))) {
        n++;
        text += strlen(what);
    }
    return n;
}

static void test_greeting(void **state)
{
    struct world *w = *state;
    int fd = dial(w);
    const char *greeting = hear(w, fd);

    assert_string_equal(greeting,
                        "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":0,\"minor\":2,\"major\":"
                        "7},\"package\":\"xendm 0.1.0\"},\"capabilities\":[]}}\r\n");
    close(fd);
}

static void test_socket_is_private(void **state)
{
    struct world *w = *state;
    struct stat st;

    assert_int_equal(stat(w->path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
}

static void test_negotiation(void **state)
{
    struct world *w = *state;
    int fd = dial(w);

    hear(w, fd);
    assert_string_equal(
        say(w, fd, "{\"execute\":\"query-status\",\"id\":1}\r\n"),
        "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"Expecting capabilities "
        "negotiation with 'qmp_capabilities'\"},\"id\":1}\r\n");
    assert_string_equal(
        say(w, fd, "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}"),
        "{\"error\":{\"class\":\"GenericError\",\"desc\":\"there are no capabilities to "
        "enable\"}}\r\n");
    assert_string_equal(
        say(w, fd, "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[]}}"), OK);
    assert_non_null(strstr(say(w, fd, CAPABILITIES), "already complete"));
    close(fd);
    settle(w);
    /* The next client begins again. */
    fd = dial(w);
    hear(w, fd);
    assert_non_null(strstr(say(w, fd, "{\"execute\":\"query-status\"}"), "CommandNotFound"));
    close(fd);
}

static void test_id(void **state)
{
    static const char *const ids[] = { "2020569344", "\"a\\\"b\"",           "[1,{\"x\":null}]",
                                       "null",       "-9223372036854775808", "1.5",
                                       "true" };
    struct world *w = *state;
    int fd = login(w);
    char text[128], want[128];

    for (size_t i = 0; i < DM_ARRAY_LEN(ids); i++) {
        snprintf(text, sizeof(text), "{\"execute\":\"cont\",\"id\":%s}\r\n", ids[i]);
        snprintf(want, sizeof(want), "{\"return\":{},\"id\":%s}\r\n", ids[i]);
        assert_string_equal(say(w, fd, text), want);
    }
    /* libxl: the id comes back with an error as well. */
    assert_non_null(
        strstr(say(w, fd, "{\"execute\":\"nonsense\",\"id\":7}\r\n"), ",\"id\":7}\r\n"));
    assert_non_null(strstr(say(w, fd, "{\"id\":8}\r\n"), ",\"id\":8}\r\n"));
    close(fd);
}

static void test_byte_by_byte(void **state)
{
    static const char text[] = "{ \"execute\" : \"query-status\" , \"id\" : 5 }";
    struct world *w = *state;
    int fd = login(w);

    for (size_t i = 0; i + 2 < sizeof(text); i++) {
        char one[2] = { text[i], '\0' };

        assert_string_equal(say(w, fd, one), "");
    }
    assert_string_equal(say(w, fd, "}"), "{\"return\":{\"running\":false,\"singlestep\":false,"
                                         "\"status\":\"prelaunch\"},\"id\":5}\r\n");
    close(fd);
}

static void test_several_at_once(void **state)
{
    struct world *w = *state;
    int fd = dial(w);

    hear(w, fd);
    assert_string_equal(say(w, fd,
                            CAPABILITIES "{\"execute\":\"cont\",\"id\":1}"
                                         "{\"execute\":\"stop\",\"id\":2}\r\n\r\n \t"
                                         "{\"execute\":\"cont\",\"id\":3}{\"execute\":"),
                        OK "{\"return\":{},\"id\":1}\r\n{\"return\":{},\"id\":2}\r\n"
                           "{\"return\":{},\"id\":3}\r\n");
    assert_string_equal(say(w, fd, "\"stop\"}"), OK);
    assert_int_equal(w->fake.machine.run_state, DM_PAUSED);
    close(fd);
}

static void test_line_end_only_at_the_end(void **state)
{
    struct world *w = *state;
    int fd = login(w);
    const char *answer = say(w, fd, "{\"execute\":\"stop\",\"id\":\"a\\r\\nb\"}\r\n");

    assert_int_equal(count(answer, "\r\n"), 1);
    assert_string_equal(answer, "{\"return\":{},\"id\":\"a\\r\\nb\"}\r\n");
    close(fd);
}

static void test_malformed(void **state)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "{\"execute\":\r\n}\r\n", "JSON parse error" },
        { "hello\r\n", "JSON parse error" },
        { "}\n", "JSON parse error" },
        { "{\"a\" 1}\n", "JSON parse error" },
        { "[1,2]\n", "QMP input must be a JSON object" },
        { "17\n", "QMP input must be a JSON object" },
        { "null\n", "QMP input must be a JSON object" },
        { "{}\n", "QMP input lacks member 'execute'" },
        { "{\"execute\":1}\n", "QMP input member 'execute' must be a string" },
        { "{\"execute\":null}\n", "QMP input member 'execute' must be a string" },
        { "{\"execute\":\"stop\",\"arguments\":[]}\n", "'arguments' must be an object" },
        { "{\"execute\":\"stop\",\"arguments\":null}\n", "'arguments' must be an object" },
        { "{\"execute\":\"stop\",\"argument\":{}}\n", "'argument' is unexpected" },
        { "{\"execute\":\"stop\",\"arguments\":{\"x\":1}}\n", "Parameter 'x' is unexpected" },
        { "{\"execute\":\"change-vnc-password\"}\n", "Parameter 'password' is missing" },
        { "{\"execute\":\"change-vnc-password\",\"arguments\":{\"password\":1}}\n",
          "Invalid parameter type for 'password', expected: string" },
        { "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"net0\"}}\n",
          "Parameter 'up' is missing" },
        { "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"net0\",\"up\":1}}\n",
          "Invalid parameter type for 'up', expected: boolean" },
    };
    struct world *w = *state;
    int fd = login(w);

    for (size_t i = 0; i < DM_ARRAY_LEN(rows); i++) {
        const char *answer = say(w, fd, rows[i].text);

        assert_non_null(strstr(answer, rows[i].want));
        assert_non_null(strstr(answer, "\"class\":\"GenericError\""));
        assert_int_equal(count(answer, "\r\n"), 1);
        assert_string_equal(say(w, fd, "{\"execute\":\"stop\"}"), OK);
    }
    close(fd);
}

static void test_malformed_without_newline(void **state)
{
    struct world *w = *state;
    int fd = login(w);

    assert_non_null(strstr(say(w, fd, "{\"execute\" stop}"), "JSON parse error"));
    assert_string_equal(say(w, fd, "{\"execute\":\"stop\"}"), OK);
    assert_int_equal(write(fd, "{\0}\n{\"execute\":\"stop\"}", 22), 22);
    assert_int_equal(count(hear(w, fd), "JSON parse error, a NUL byte"), 1);
    assert_int_equal(count(w->answer, OK), 1);
    close(fd);
}

static void test_too_deep(void **state)
{
    struct world *w = *state;
    int fd = login(w);
    char text[2001];

    memset(text, '[', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(count(say(w, fd, text), "JSON parse error"), 1);
    assert_string_equal(say(w, fd, "]]]\n{\"execute\":\"stop\"}"), OK);
    close(fd);
}

/* Writes as long as the loop takes it. */
static void pour(struct world *w, int fd, const char *text, size_t len)
{
    for (size_t done = 0, stalls = 0; done < len;) {
        ssize_t n = write(fd, text + done, len - done);

        settle(w);
        if (n > 0)
            done += (size_t)n;
        else
            assert_true(++stalls < 1000);
    }
}

static void test_too_long(void **state)
{
    static char text[4 * QMP_COMMAND_MAX];
    struct world *w = *state;
    int fd = login(w);

    memset(text, 'a', sizeof(text));
    pour(w, fd, "{\"execute\":\"", 12);
    pour(w, fd, text, sizeof(text));
    assert_int_equal(count(hear(w, fd), "\r\n"), 1);
    assert_non_null(strstr(w->answer, "JSON parse error, the command is too long"));
    assert_string_equal(say(w, fd, "\"}\n{\"execute\":\"stop\"}"), OK);
    /* White space is no command, however much of it. */
    memset(text, ' ', sizeof(text));
    pour(w, fd, text, sizeof(text));
    assert_string_equal(say(w, fd, "{\"execute\":\"stop\"}"), OK);
    close(fd);
}

static void test_command_not_found(void **state)
{
    static const char *const names[] = { "getfd",        "eject", "device_add", "migrate",
                                         "system_reset", "",      "STOP" };
    struct world *w = *state;
    int fd = login(w);
    char text[128], want[192];

    for (size_t i = 0; i < DM_ARRAY_LEN(names); i++) {
        snprintf(text, sizeof(text), "{\"execute\":\"%s\",\"arguments\":{\"x\":1}}\r\n", names[i]);
        snprintf(want, sizeof(want),
                 "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"The command %s has not been "
                 "found\"}}\r\n",
                 names[i]);
        assert_string_equal(say(w, fd, text), want);
    }
    close(fd);
}

static void test_clients_one_after_the_other(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 50; i++) {
        int fd = login(w);

        assert_string_equal(say(w, fd, "{\"execute\":\"cont\"}"), OK);
        close(fd);
    }
}

static void test_client_waits_for_the_one_before(void **state)
{
    struct world *w = *state;
    int first = login(w), second = dial(w), third = dial(w);

    assert_string_equal(hear(w, second), "");
    close(first);
    assert_int_equal(write(second, CAPABILITIES, strlen(CAPABILITIES)), strlen(CAPABILITIES));
    hear(w, second);
    assert_non_null(strstr(w->answer, "{\"QMP\":"));
    assert_non_null(strstr(w->answer, OK));
    assert_string_equal(hear(w, third), "");
    close(second);
    assert_non_null(strstr(hear(w, third), "{\"QMP\":"));
    close(third);
}

/* `echo ... | socat`: commands, end of file, then it reads. */
static void test_half_closed(void **state)
{
    struct world *w = *state;
    int fd = dial(w);
    const char *text = CAPABILITIES "{\"execute\":\"query-name\"}";

    w->fake.machine.name = "guest";
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    shutdown(fd, SHUT_WR);
    assert_non_null(strstr(hear(w, fd), "{\"return\":{\"name\":\"guest\"}}\r\n"));
    assert_true(hung_up(w, fd));
    close(fd);
}

static void test_client_that_leaves_at_once(void **state)
{
    struct world *w = *state;
    const char *text = CAPABILITIES "{\"execute\":\"cont\"}{\"execute\":\"query-commands\"}";
    int fd = dial(w);

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    settle(w);
    login(w);
}

static void test_client_that_never_reads(void **state)
{
    static const char text[] = "{\"execute\":\"query-commands\"}";
    struct world *w = *state;
    int fd = login(w), next = dial(w);
    unsigned stalls = 0;

    /* It may send for ever: at some point nothing is taken any more. */
    for (unsigned i = 0; i < 100000 && stalls < 100; i++) {
        if (write(fd, text, strlen(text)) < 0)
            stalls++;
        host_loop_turn(&w->loop, false);
    }
    assert_int_equal(stalls, 100);
    assert_true(dm_clock_deadline(&w->loop.clock) <= w->now + 30 * DM_NS_PER_SEC);
    w->now += 29 * DM_NS_PER_SEC;
    assert_string_equal(hear(w, next), "");
    w->now += 2 * DM_NS_PER_SEC;
    assert_non_null(strstr(hear(w, next), "{\"QMP\":"));
    close(fd);
    close(next);
    settle(w);
    assert_true(dm_clock_deadline(&w->loop.clock) == DM_NEVER);
}

static void test_client_that_reads_late_gets_all(void **state)
{
    static const char text[] = "{\"execute\":\"query-commands\"}\n";
    struct world *w = *state;
    int fd = login(w);
    size_t sent = 0, got = 0;

    for (unsigned i = 0; i < 5000; i++) {
        if (write(fd, text, strlen(text)) == (ssize_t)strlen(text))
            sent++;
        else
            break;
        host_loop_turn(&w->loop, false);
    }
    for (int i = 0; i < 1000 && got < sent; i++)
        got += count(hear(w, fd), "{\"return\":");
    assert_int_equal(got, sent);
    assert_true(sent > 100);
    close(fd);
}

static void test_no_wakeups(void **state)
{
    struct world *w = *state;
    int fd = login(w);

    settle(w);
    assert_true(dm_clock_deadline(&w->loop.clock) == DM_NEVER);
    close(fd);
    settle(w);
    assert_true(dm_clock_deadline(&w->loop.clock) == DM_NEVER);
}

static void test_run_states(void **state)
{
    struct world *w = *state;
    int fd = login(w);

    assert_string_equal(say(w, fd, "{\"execute\":\"stop\"}"), OK);
    assert_non_null(strstr(say(w, fd, "{\"execute\":\"query-status\"}"), "\"prelaunch\""));
    assert_string_equal(say(w, fd, "{\"execute\":\"cont\"}{\"execute\":\"cont\"}"), OK OK);
    assert_non_null(strstr(say(w, fd, "{\"execute\":\"query-status\"}"),
                           "{\"running\":true,\"singlestep\":false,\"status\":\"running\"}"));
    assert_string_equal(say(w, fd, "{\"execute\":\"stop\"}"), OK);
    assert_non_null(strstr(say(w, fd, "{\"execute\":\"query-status\"}"), "\"paused\""));
    dm_machine_set_run_state(&w->fake.machine, DM_SHUTDOWN_DONE);
    assert_non_null(strstr(say(w, fd, "{\"execute\":\"query-status\"}"), "\"shutdown\""));
    assert_non_null(strstr(say(w, fd, "{\"execute\":\"cont\"}"), "GenericError"));
    assert_string_equal(say(w, fd, "{\"execute\":\"stop\"}"), OK);
    assert_int_equal(w->fake.machine.run_state, DM_SHUTDOWN_DONE);
    close(fd);
}

static void count_done(struct dm_block_req *req, int err)
{
    *(int *)req->opaque += 1;
}

static void test_stop_finishes_requests(void **state)
{
    struct world *w = *state;
    struct fake_block *b = fake_block_create(&w->fake, "ide0-hd0", 4096);
    int fd = login(w), done = 0;
    struct dm_block_req req = { .op = DM_BLOCK_FLUSH, .done = count_done, .opaque = &done };

    b->deferred = true;
    dm_machine_set_run_state(&w->fake.machine, DM_RUNNING);
    dm_block_submit(&b->block, &req);
    assert_int_equal(done, 0);
    assert_string_equal(say(w, fd, "{\"execute\":\"stop\"}"), OK);
    assert_int_equal(done, 1);
    close(fd);
}

static void test_chardev(void **state)
{
    struct world *w = *state;
    struct fake_chardev *c = fake_chardev_create(&w->fake, "serial0");
    int fd = login(w);

    strcpy(c->chr.filename, "pty:/dev/pts/3");
    assert_string_equal(say(w, fd, "{\"execute\":\"query-chardev\"}"),
                        "{\"return\":[{\"label\":\"serial0\",\"filename\":\"pty:/dev/pts/3\","
                        "\"frontend-open\":false}]}\r\n");
    close(fd);
}

static char password[32];

static int set_password(void *opaque, const char *text)
{
    snprintf(password, sizeof(password), "%s", text);
    return *text == 'x' ? -5 : 0;
}

static void test_vnc(void **state)
{
    struct world *w = *state;
    struct dm_display_server *vnc = &w->fake.machine.display.vnc;
    int fd = login(w);
    const char *change =
        "{\"execute\":\"change-vnc-password\",\"arguments\":{\"password\":\"secret\"}}";

    assert_string_equal(say(w, fd, "{\"execute\":\"query-vnc\"}"),
                        "{\"return\":{\"enabled\":false}}\r\n");
    assert_non_null(strstr(say(w, fd, change), "GenericError"));
    *vnc = (struct dm_display_server) { .enabled = true, .host = "127.0.0.1", .service = "5901" };
    assert_string_equal(say(w, fd, "{\"execute\":\"query-vnc\"}"),
                        "{\"return\":{\"enabled\":true,\"host\":\"127.0.0.1\",\"service\":\"5901\","
                        "\"family\":\"ipv4\"}}\r\n");
    assert_non_null(strstr(say(w, fd, change), "GenericError"));
    vnc->set_password = set_password;
    assert_string_equal(say(w, fd, change), OK);
    assert_string_equal(password, "secret");
    assert_non_null(strstr(
        say(w, fd, "{\"execute\":\"change-vnc-password\",\"arguments\":{\"password\":\"x\"}}"),
        "Could not set password"));
    close(fd);
}

#define SET_LINK(name, up) \
    "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"" name "\",\"up\":" up "}}"

static void test_set_link(void **state)
{
    struct world *w = *state;
    struct fake_net *n = fake_net_create(&w->fake, "net0");
    int fd = login(w);

    fake_device(&w->fake, "card", "id=nic0,netdev=net0");
    fake_device(&w->fake, "card", "id=nic1");
    fake_device(&w->fake, "other", "id=nic2");
    assert_string_equal(say(w, fd, SET_LINK("net0", "false")), OK);
    assert_false(n->net.link_up);
    assert_string_equal(say(w, fd, SET_LINK("nic0", "true")), OK);
    assert_true(n->net.link_up);
    assert_string_equal(say(w, fd, SET_LINK("nic0", "false")), OK);
    assert_false(n->net.link_up);
    for (int i = 1; i < 4; i++) {
        char line[128], want[128];

        snprintf(line, sizeof(line), SET_LINK("nic%d", "true"), i);
        snprintf(want, sizeof(want), "\"DeviceNotFound\",\"desc\":\"Device 'nic%d' not found\"", i);
        assert_non_null(strstr(say(w, fd, line), want));
    }
    close(fd);
}

static void test_block(void **state)
{
    struct world *w = *state;
    struct fake_block *disk = fake_block_create(&w->fake, "ide0-hd0", 4096);
    struct fake_block *cd = fake_block_create(&w->fake, "ide-5632", 2048);
    int fd = login(w);

    strcpy(disk->block.path, "/img/\"a\".raw");
    disk->block.rd_bytes = 1ull << 40;
    disk->block.rd_ops = 3;
    disk->block.wr_bytes = 512;
    disk->block.wr_ops = 1;
    disk->block.flush_ops = 2;
    cd->block.present = false;
    cd->block.readonly = true;
    assert_string_equal(
        say(w, fd, "{ \"execute\": \"query-block\" }"),
        "{\"return\":[{\"device\":\"ide0-hd0\",\"locked\":false,\"removable\":false,\"type\":"
        "\"unknown\",\"inserted\":{\"file\":\"/img/\\\"a\\\".raw\",\"ro\":false,\"drv\":\"raw\","
        "\"backing_file_depth\":0,\"image\":{\"filename\":\"/img/"
        "\\\"a\\\".raw\",\"format\":\"raw\","
        "\"virtual-size\":4096}}},{\"device\":\"ide-5632\",\"locked\":false,\"removable\":true,"
        "\"type\":\"unknown\"}]}\r\n");
    assert_non_null(strstr(say(w, fd, "{ \"execute\": \"query-blockstats\" }"),
                           "{\"return\":[{\"device\":\"ide0-hd0\",\"stats\":{\"rd_bytes\":"
                           "1099511627776,\"wr_bytes\":512,\"rd_operations\":3,\"wr_operations\":1,"
                           "\"flush_operations\":2}},{\"device\":\"ide-5632\""));
    close(fd);
}

static void test_cpus(void **state)
{
    struct world *w = *state;
    int fd = login(w);
    const char *answer;

    w->fake.machine.vcpus = 2;
    w->fake.machine.max_vcpus = 4;
    answer = say(w, fd, "{\"execute\":\"query-cpus-fast\"}");
    assert_int_equal(count(answer, "\"cpu-index\":"), 2);
    assert_non_null(strstr(answer,
                           "{\"cpu-index\":1,\"qom-path\":\"/machine/unattached/device[1]\","
                           "\"thread-id\":"));
    assert_non_null(
        strstr(answer, "\"props\":{\"socket-id\":1,\"core-id\":0,\"thread-id\":0}}]}\r\n"));
    close(fd);
}

static const struct dm_pci_info card_pci = {
    .vendor = 0x1234,
    .device = 0x1111,
    .class = 3,
    .pin = 1,
    .slot = 3,
    .bar[0] = { .size = 16, .flags = PCI_BAR_IO },
};
static const struct dm_class card_class = {
    .name = "card", .size = sizeof(struct dm_pci_device), .version = 1, .pci = &card_pci
};
static const struct dm_class *const card_classes[] = { &card_class, NULL };

static void test_pci(void **state)
{
    struct world *w = *state;
    int fd = login(w);

    assert_string_equal(say(w, fd, "{\"execute\":\"query-pci\"}"),
                        "{\"return\":[{\"bus\":0,\"devices\":[]}]}\r\n");
    w->fake.machine.classes = card_classes;
    fake_device(&w->fake, "card", "id=x");
    assert_string_equal(
        say(w, fd, "{\"execute\":\"query-pci\"}"),
        "{\"return\":[{\"bus\":0,\"devices\":[{\"bus\":0,\"slot\":3,\"function\":0,\"class_info\":{"
        "\"class\":768},\"id\":{\"device\":4369,\"vendor\":4660,\"subsystem\":0,\"subsystem-"
        "vendor\":"
        "0},\"irq\":0,\"irq_pin\":1,\"qdev_id\":\"x\",\"regions\":[{\"bar\":0,\"type\":\"io\","
        "\"address\":-1,\"size\":16}]}]}]}\r\n");
    close(fd);
}

static void test_lists(void **state)
{
    struct world *w = *state;
    int fd = login(w);
    const char *answer = say(w, fd, "{\"execute\":\"query-commands\"}");

    assert_non_null(strstr(answer, "{\"name\":\"query-status\"}"));
    assert_null(strstr(answer, "device_add"));
    assert_non_null(strstr(say(w, fd, "{\"execute\":\"query-version\"}"),
                           "{\"return\":{\"qemu\":{\"micro\":0,\"minor\":2,\"major\":7},"));
    answer = say(w, fd, "{\"execute\":\"query-command-line-options\"}");
    assert_non_null(strstr(answer, "{\"option\":\"drive\",\"parameters\":[]}"));
    assert_null(strstr(answer, "run-with"));
    assert_string_equal(say(w, fd,
                            "{\"execute\":\"query-command-line-options\",\"arguments\":{\"option\":"
                            "\"smp\"}}"),
                        "{\"return\":[{\"option\":\"smp\",\"parameters\":[]}]}\r\n");
    assert_non_null(strstr(say(w, fd,
                               "{\"execute\":\"query-command-line-options\",\"arguments\":{"
                               "\"option\":\"run-with\"}}"),
                           "GenericError"));
    close(fd);
}

static void test_quit(void **state)
{
    struct world *w = *state;
    int fd = login(w);

    assert_string_equal(say(w, fd, "{\"execute\":\"quit\",\"id\":9}{\"execute\":\"cont\"}"),
                        "{\"return\":{},\"id\":9}\r\n");
    assert_int_equal(w->quits, 1);
    assert_int_equal(w->fake.machine.run_state, DM_PRELAUNCH);
    assert_true(hung_up(w, fd));
    close(fd);
}

static void test_probe_without_guest(void **state)
{
    struct world *w = *state;
    struct dm_error err;
    int fd;

    qmp_close(w->qmp);
    assert_int_equal(qmp_listen(&w->qmp, NULL, &w->loop, w->path, -1, &w->hooks, &err), 0);
    fd = login(w);
    assert_non_null(strstr(say(w, fd, "{\"execute\":\"query-status\"}"), "CommandNotFound"));
    assert_null(strstr(say(w, fd, "{\"execute\":\"query-commands\"}"), "query-status"));
    assert_non_null(strstr(say(w, fd, "{\"execute\":\"query-command-line-options\"}"), "\"vnc\""));
    assert_string_equal(say(w, fd, "{\"execute\":\"quit\"}"), OK);
    assert_int_equal(w->quits, 1);
    close(fd);
}

static void test_two_monitors(void **state)
{
    struct world *w = *state, *other = calloc(1, sizeof(*other));
    struct qmp *second = NULL;
    struct dm_error err;
    int one, two;

    snprintf(other->path, sizeof(other->path), "%s/t", w->dir);
    assert_int_equal(
        qmp_listen(&second, &w->fake.machine, &w->loop, other->path, -1, &w->hooks, &err), 0);
    one = login(w);
    two = dial(other);
    assert_non_null(strstr(hear(w, two), "{\"QMP\":"));
    assert_string_equal(say(w, one, "{\"execute\":\"stop\"}"), OK);
    assert_string_equal(say(w, two, CAPABILITIES), OK);
    close(one);
    close(two);
    qmp_close(second);
    assert_int_equal(access(other->path, F_OK), -1);
    free(other);
}

static void test_path_in_use(void **state)
{
    struct world *w = *state;
    struct qmp *q = NULL;
    struct dm_error err;
    char want[128];
    int fd;

    assert_int_equal(qmp_listen(&q, &w->fake.machine, &w->loop, w->path, -1, &w->hooks, &err),
                     -EADDRINUSE);
    snprintf(want, sizeof(want), "QMP socket %s: Address already in use", w->path);
    assert_string_equal(err.text, want);
    assert_null(q);
    fd = dial(w); /* the first goes on: its queue has the visitor from above, then us */
    assert_non_null(strstr(hear(w, fd), "{\"QMP\":"));
    close(fd);
}

static void test_path_stale(void **state)
{
    struct world *w = *state;
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct dm_error err;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    qmp_close(w->qmp);
    strcpy(addr.sun_path, w->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    close(fd);
    assert_int_equal(qmp_listen(&w->qmp, &w->fake.machine, &w->loop, w->path, -1, &w->hooks, &err),
                     0);
    close(login(w));
}

static void test_path_bad(void **state)
{
    struct world *w = *state;
    struct qmp *q = NULL;
    struct dm_error err;
    char path[128];
    FILE *f;

    assert_int_equal(
        qmp_listen(&q, &w->fake.machine, &w->loop, "/nonexistent/s", -1, &w->hooks, &err), -ENOENT);
    assert_string_equal(err.text, "QMP socket /nonexistent/s: No such file or directory");
    memset(path, 'a', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(qmp_listen(&q, &w->fake.machine, &w->loop, path, -1, &w->hooks, &err),
                     -ENAMETOOLONG);
    snprintf(path, sizeof(path), "%s/file", w->dir);
    f = fopen(path, "w");
    fputs("precious", f);
    fclose(f);
    assert_int_equal(qmp_listen(&q, &w->fake.machine, &w->loop, path, -1, &w->hooks, &err),
                     -EEXIST);
    assert_non_null(strstr(err.text, "there is a file that is no socket"));
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    assert_null(q);
}

/* The toolstack took the name for someone else: it is not ours to remove. */
static void test_path_of_another(void **state)
{
    struct world *w = *state;
    struct qmp *other = NULL;
    struct dm_error err;

    assert_int_equal(unlink(w->path), 0);
    assert_int_equal(qmp_listen(&other, &w->fake.machine, &w->loop, w->path, -1, &w->hooks, &err),
                     0);
    qmp_close(w->qmp);
    w->qmp = other;
    assert_int_equal(access(w->path, F_OK), 0);
    close(login(w));
}

/* dm_restrict: libxl has made the socket, with a queue of one. */
static void test_listening_fd(void **state)
{
    struct world *w = *state;
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct dm_error err;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), bad[2];
    struct qmp *q = NULL;

    qmp_close(w->qmp);
    w->qmp = NULL;
    strcpy(addr.sun_path, w->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(qmp_listen(&q, &w->fake.machine, &w->loop, NULL, fd, &w->hooks, &err),
                     -EINVAL);
    assert_non_null(strstr(err.text, "is no listening Unix socket"));
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(qmp_listen(&w->qmp, &w->fake.machine, &w->loop, NULL, fd, &w->hooks, &err), 0);
    close(login(w));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, bad), 0);
    assert_int_equal(qmp_listen(&q, &w->fake.machine, &w->loop, NULL, bad[0], &w->hooks, &err),
                     -EINVAL);
    assert_int_equal(qmp_listen(&q, &w->fake.machine, &w->loop, NULL, 999, &w->hooks, &err),
                     -EBADF);
    close(bad[0]);
    close(bad[1]);
    assert_int_equal(unlink(w->path), 0); /* its maker's to remove */
}

/* Descriptors sent along are add-fd's, and end with the client. */
static void test_fds(void **state)
{
    struct world *w = *state;
    int fd = login(w), pipes[2];
    char control[CMSG_SPACE(sizeof(int))] = { 0 }, c;
    struct iovec iov = { (char *)"{\"execute\":\"add-fd\"}", 20 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
    };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

    assert_int_equal(pipe(pipes), 0);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cmsg), &pipes[1], sizeof(int));
    assert_int_equal(sendmsg(fd, &msg, 0), 20);
    assert_non_null(strstr(hear(w, fd), "{\"return\":{\"fdset-id\":0,\"fd\":"));
    assert_int_equal(fcntl(pipes[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(read(pipes[0], &c, 1), -1);
    assert_non_null(strstr(say(w, fd, "{\"execute\":\"add-fd\"}"), "No file descriptor"));
    iov.iov_len = 19; /* not a whole command: nobody takes this one */
    assert_int_equal(sendmsg(fd, &msg, 0), 19);
    assert_string_equal(hear(w, fd), "");
    close(pipes[1]);
    close(fd);
    settle(w);
    assert_int_equal(read(pipes[0], &c, 1), 0); /* the client is gone: no writer is left */
    close(pipes[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

UNIT_MAIN(TEST(test_greeting), TEST(test_socket_is_private), TEST(test_negotiation), TEST(test_id),
          TEST(test_byte_by_byte), TEST(test_several_at_once), TEST(test_line_end_only_at_the_end),
          TEST(test_malformed), TEST(test_malformed_without_newline), TEST(test_too_deep),
          TEST(test_too_long), TEST(test_command_not_found), TEST(test_clients_one_after_the_other),
          TEST(test_client_waits_for_the_one_before), TEST(test_half_closed),
          TEST(test_client_that_leaves_at_once), TEST(test_client_that_never_reads),
          TEST(test_client_that_reads_late_gets_all), TEST(test_no_wakeups), TEST(test_run_states),
          TEST(test_stop_finishes_requests), TEST(test_chardev), TEST(test_vnc),
          TEST(test_set_link), TEST(test_block), TEST(test_cpus), TEST(test_pci), TEST(test_lists),
          TEST(test_quit), TEST(test_probe_without_guest), TEST(test_two_monitors),
          TEST(test_path_in_use), TEST(test_path_stale), TEST(test_path_bad),
          TEST(test_path_of_another), TEST(test_listening_fd), TEST(test_fds))
