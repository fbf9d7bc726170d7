/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest is saved by one process and goes on in another, as libxl does it with xl migrate. */
#include "tests/sim/sim.h"
#include "tests/sim/test-disk.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define VRAM      (16u << 20)
#define STATE_MAX (256u << 10)

static struct sim_options base; /* from the command line */

static void qmp(struct sim_qmp *q, const char *command, const char *args)
{
    char *answer = sim_qmp_execute(q, command, args);

    if (!answer)
        fail_msg("%s: %s", command, sim_qmp_error(q));
    free(answer);
}

/* stop, add-fd, xen-save-devices-state: the state into buf. Returns its bytes. */
static size_t save(struct sim *s, uint8_t *buf)
{
    struct sim_qmp *q = sim_qmp_open(s, NULL, 5000);
    char path[] = "/tmp/test-sim-state.XXXXXX", *answer;
    int fd = mkstemp(path);
    ssize_t n;

    assert_non_null(q);
    assert_true(fd >= 0);
    qmp(q, "stop", NULL);
    answer = sim_qmp_execute_fd(q, "add-fd", NULL, fd);
    assert_non_null(answer);
    free(answer);
    qmp(q, "xen-save-devices-state", "{\"filename\":\"/dev/fdset/0\",\"live\":true}");
    n = pread(fd, buf, STATE_MAX, 0);
    assert_true(n > 0);
    sim_qmp_close(q);
    close(fd);
    unlink(path);
    return (size_t)n;
}

/* Starts a model that waits for a state. Returns where that goes. */
static int start_incoming(struct sim **s)
{
    struct sim_options o = base;
    int p[2];

    assert_int_equal(pipe(p), 0);
    fcntl(p[1], F_SETFD, FD_CLOEXEC);
    o.disk[0] = disk;
    o.incoming_fd = p[0];
    assert_int_equal(sim_start(s, &o), 0);
    close(p[0]);
    return p[1];
}

static void send_state(int fd, const uint8_t *buf, size_t len)
{
    assert_int_equal(write(fd, buf, len), len);
    close(fd);
}

static void expect_words(struct sim *s, unsigned sector, unsigned first)
{
    for (unsigned i = first; i < 256; i++)
        assert_int_equal(sim_in(s, 0x1f0, 2), sector * 16 + i);
}

static void test_migrate(void **state)
{
    static uint8_t buf[STATE_MAX], picture[VRAM];
    struct sim_options o = base;
    struct sim *a, *b;
    const struct sim_pci_dev *vga;
    struct sim_stats stats;
    struct sim_qmp *q;
    uint64_t bar;
    size_t len;
    int fd;

    o.disk[0] = disk;
    a = sim_start_running(&o);
    sim_pci_setup(a);
    vga = sim_pci_find_class(a, 0x0300);
    assert_non_null(vga);
    bar = vga->bar[0].addr;
    sim_mmio_write(a, bar + VRAM - 4, 4, 0x600df00d);

    /* Migration begins: what the model writes is reported, by DMA and by the VGA's window. */
    q = sim_qmp_open(a, NULL, 5000);
    assert_non_null(q);
    qmp(q, "xen-set-global-dirty-log", "{\"enable\":true}");
    sim_out(a, 0x1f6, 1, 0xe0);
    sim_out(a, 0x1f2, 1, 3);
    sim_out(a, 0x1f3, 1, 5);
    sim_out(a, 0x1f4, 1, 0);
    sim_out(a, 0x1f5, 1, 0);
    assert_false(sim_take_modified(a, 0x300000));
    sim_out(a, 0x1f7, 1, 0x20);
    assert_int_equal(sim_wait_irq(a, 14, 5000), 0);
    assert_int_equal(sim_in(a, 0x1f7, 1) & 0x89, 0x08);
    sim_rep_ins(a, 0x1f0, 2, 256, 0x300000);
    assert_true(sim_take_modified(a, 0x300000));
    sim_out(a, 0x3c4, 2, 0x0f02);
    sim_out(a, 0x3ce, 2, 0xff08);
    sim_take_modified(a, bar);
    sim_mmio_write(a, 0xa0000, 1, 0x77);
    sim_buffered_wait(a);
    qmp(q, "query-status", NULL); /* the turn of the loop is over */
    qmp(q, "query-status", NULL);
    assert_true(sim_take_modified(a, bar));
    sim_qmp_close(q);

    /* In the middle of the second of three sectors. */
    assert_int_equal(sim_wait_irq(a, 14, 5000), 0);
    assert_int_equal(sim_in(a, 0x1f7, 1) & 0x89, 0x08);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(sim_in(a, 0x1f0, 2), 6 * 16 + i);
    len = save(a, buf);
    assert_false(sim_server_enabled(a));
    assert_true(sim_mem_read(a, bar, picture, VRAM));
    assert_int_equal(WEXITSTATUS(sim_stop(a, SIGHUP, 5000)), 0);

    fd = start_incoming(&b);
    assert_int_equal(sim_populate(b, bar, VRAM), 0); /* Xen has the memory before we come */
    assert_true(sim_mem_write(b, bar, picture, VRAM));
    send_state(fd, buf, len);
    assert_int_equal(sim_wait_running(b, 20000), 0);
    sim_stats(b, &stats);
    assert_int_equal(stats.populated_pages, 0);
    assert_int_equal(stats.relocated_pages, 0);
    assert_int_equal(sim_cfg_read(b, vga->devfn, 0x10, 4) & ~15u, bar);
    assert_int_equal(sim_mmio_read(b, bar + VRAM - 4, 4), 0x600df00d);
    assert_int_equal(sim_mmio_read(b, 0xa0000, 1), 0x77);
    expect_words(b, 6, 100);
    assert_int_equal(sim_wait_irq(b, 14, 5000), 0);
    assert_int_equal(sim_in(b, 0x1f7, 1) & 0x89, 0x08);
    expect_words(b, 7, 0);
    assert_int_equal(sim_in(b, 0x1f7, 1) & 0x89, 0);
    sim_free(b);
    sim_free(a);
}

/* The domain has not the memory that the state speaks of: one line, nothing left. */
static void test_no_vram(void **state)
{
    static uint8_t buf[STATE_MAX];
    struct sim_options o = base;
    struct sim *a, *b;
    size_t len;
    char *log;

    o.disk[0] = disk;
    a = sim_start_running(&o);
    sim_pci_setup(a);
    len = save(a, buf);
    assert_int_equal(WEXITSTATUS(sim_stop(a, SIGHUP, 5000)), 0);
    sim_free(a);

    send_state(start_incoming(&b), buf, len);
    assert_int_equal(sim_wait_running(b, 20000), -ECHILD);
    log = sim_log_text(b);
    assert_non_null(strstr(log, "no 16 MiB of video memory"));
    free(log);
    sim_free(b);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_migrate),
        cmocka_unit_test(test_no_vram),
    };
    int failed;

    sim_options_parse(&base, &argc, argv);
    disk_make();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(disk);
    return failed;
}
