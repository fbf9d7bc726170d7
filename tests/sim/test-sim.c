/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program itself on the sim: the sim works, and xendm does what libxl and a guest need. */
#include "tests/sim/sim.h"
#include "tests/sim/test-disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ALT_STATUS 0x3f6
#define IDE(reg)   (uint16_t)(0x1f0 + (reg))

static struct sim_options base; /* from the command line */

static struct sim_options options(void)
{
    struct sim_options o = base;

    o.disk[0] = disk;
    return o;
}

static struct sim *start(void)
{
    struct sim_options o = options();

    return sim_start_running(&o);
}

static void test_pio(void **state)
{
    struct sim *s = start();
    struct sim_stats stats, later;
    uint8_t was;

    /* CMOS: index and data reach the model, the clock's registers apart. */
    sim_out(s, 0x70, 1, 0x40);
    was = (uint8_t)sim_in(s, 0x71, 1);
    sim_out(s, 0x71, 1, was ^ 0xff);
    assert_int_equal(sim_in(s, 0x71, 1), was ^ 0xff);
    sim_stats(s, &stats);
    assert_int_equal(stats.requests, 4);
    /* Nobody has the PIT: it is Xen's. */
    assert_int_equal(sim_in(s, 0x40, 1), 0xff);
    assert_int_equal(sim_in(s, 0x40, 2), 0xffff);
    sim_stats(s, &later);
    assert_int_equal(later.requests, stats.requests);
    assert_int_equal(later.dropped, stats.dropped + 2);
    sim_free(s);
}

static void test_spin_and_old_pages(void **state)
{
    struct sim_options o = options();
    struct sim *s;

    o.wait = SIM_SPIN;
    o.old_pages = true;
    s = sim_start_running(&o);
    sim_out(s, 0x70, 1, 0x40);
    for (unsigned i = 0; i < 100; i++) {
        sim_out(s, 0x71, 1, i);
        assert_int_equal(sim_in(s, 0x71, 1), i);
    }
    sim_free(s);
}

struct vcpu_arg {
    struct sim *s;
    unsigned vcpu, bad;
};

/* vCPU n has the COM port's scratch register n to itself. */
static void *vcpu_main(void *opaque)
{
    struct vcpu_arg *a = opaque;
    uint16_t port = a->vcpu ? 0x2ff : 0x3ff;

    sim_vcpu(a->s, a->vcpu);
    for (unsigned i = 0; i < 2000; i++) {
        sim_out(a->s, port, 1, i & 0xff);
        a->bad += sim_in(a->s, port, 1) != (i & 0xff);
    }
    return NULL;
}

static void test_two_vcpus(void **state)
{
    struct sim_options o = options();
    struct vcpu_arg arg[2] = { { .vcpu = 0 }, { .vcpu = 1 } };
    pthread_t thread[2];

    o.vcpus = 2;
    o.serial[0] = o.serial[1] = "null";
    arg[0].s = arg[1].s = sim_start_running(&o);
    for (unsigned v = 0; v < 2; v++)
        assert_int_equal(pthread_create(&thread[v], NULL, vcpu_main, &arg[v]), 0);
    for (unsigned v = 0; v < 2; v++)
        pthread_join(thread[v], NULL);
    assert_int_equal(arg[0].bad + arg[1].bad, 0);
    sim_free(arg[0].s);
}

static void test_pci(void **state)
{
    struct sim *s = start();
    const struct sim_pci_dev *d;

    sim_pci_setup(s);
    d = sim_pci_find(s, 0x8086, 0x1237);
    assert_non_null(d);
    assert_int_equal(d->devfn, 0);
    assert_true(sim_has_pci(s, 0));
    assert_false(sim_has_pci(s, 0xf8));
    assert_int_equal(sim_cfg_read(s, 0xf8, 0, 4), 0xffffffff);
    assert_int_equal(sim_cfg_read(s, 0, 0, 1), 0x86);
    assert_int_equal(sim_cfg_read(s, 0, 1, 1), 0x80);
    assert_int_equal(sim_cfg_read(s, 0, 2, 2), 0x1237);
    d = sim_pci_find(s, 0x5853, 1);
    assert_non_null(d);
    assert_int_equal(d->gsi, sim_intx_gsi(d->devfn >> 3, 0));
    assert_int_equal(d->bar[1].size, 16 << 20);
    assert_true(d->bar[0].io);
    d = sim_pci_find_class(s, 0x0101);
    assert_non_null(d);
    assert_int_equal(d->bar[4].size, 16);
    /* The bus master's ports are where BAR 4 is. */
    sim_out(s, (uint16_t)(d->bar[4].addr + 4), 4, 0x12345678);
    assert_int_equal(sim_in(s, (uint16_t)(d->bar[4].addr + 4), 4), 0x12345678);
    sim_free(s);
}

static void test_vram(void **state)
{
    struct sim *s = start();
    const struct sim_pci_dev *vga;
    struct sim_stats stats;
    uint64_t bar;

    sim_pci_setup(s);
    vga = sim_pci_find_class(s, 0x0300);
    assert_non_null(vga);
    bar = vga->bar[0].addr;
    assert_int_equal(vga->bar[0].size, 16 << 20);
    /* Memory of the guest's own now: no request for it. */
    assert_non_null(sim_ram(s, bar, 16 << 20));
    sim_stats(s, &stats);
    assert_in_range(stats.relocated_pages, 4096, UINT64_MAX);
    sim_mmio_write(s, bar + 100, 4, 0xabcd);
    assert_int_equal(sim_mmio_read(s, bar + 100, 4), 0xabcd);
    /* Moved by the guest: the pages go along. */
    sim_cfg_write(s, vga->devfn, 0x10, 4, 0xe0000000);
    assert_null(sim_ram(s, bar, 1));
    assert_int_equal(sim_mmio_read(s, 0xe0000000 + 100, 4), 0xabcd);
    sim_free(s);
}

static void test_mmio_and_ring(void **state)
{
    struct sim *s = start();
    struct sim_stats stats;

    /* Text memory at B8000: odd and even addresses are planes 1 and 0. */
    sim_pci_setup(s);
    sim_out(s, 0x3c2, 1, 0x67);
    sim_out(s, 0x3c4, 2, 0x0302); /* map mask: planes 0 and 1 */
    sim_out(s, 0x3c4, 2, 0x0204); /* memory mode: odd and even */
    sim_out(s, 0x3ce, 2, 0x1005); /* odd and even */
    sim_out(s, 0x3ce, 2, 0x0e06); /* B8000 */
    sim_out(s, 0x3ce, 2, 0xff08); /* all bits */
    for (unsigned i = 0; i < 3000; i++)
        sim_mmio_write(s, 0xb8000 + i % 2000 * 2, 2, 0x0700 + i);
    assert_int_equal(sim_mmio_read(s, 0xb8000, 2), 0x0700 + 2000);
    assert_int_equal(sim_mmio_read(s, 0xb8000 + 999 * 2, 2), 0x0700 + 2999);
    assert_int_equal(sim_mmio_read(s, 0xb8000 + 1000 * 2, 2), 0x0700 + 1000);
    sim_stats(s, &stats);
    assert_in_range(stats.buffered, 511, 3000);
    sim_time_offset(s, 5);
    sim_buffered_wait(s);
    assert_int_equal(sim_buffered_used(s), 0);
    /* Eight bytes at once take two slots. */
    assert_true(sim_buffered_write(s, 0xb8000, 8, 0x0704070307020701));
    assert_int_equal(sim_mmio_read(s, 0xb8006, 2), 0x0704);
    /* rep movs from the screen into memory that lies on two pages. */
    sim_rep_mmio_read(s, 0xb8000, 2, 1000, 0x5f00);
    assert_int_equal(sim_mmio_read(s, 0x5f06, 2), 0x0704);
    assert_int_equal(sim_mmio_read(s, 0x5f00 + 999 * 2, 2), 0x0700 + 2999);
    sim_free(s);
}

static void ide_command(struct sim *s, uint8_t command, uint32_t lba, unsigned sectors)
{
    sim_out(s, IDE(6), 1, 0xe0 | (lba >> 24 & 15));
    sim_out(s, IDE(2), 1, sectors & 0xff);
    sim_out(s, IDE(3), 1, lba & 0xff);
    sim_out(s, IDE(4), 1, lba >> 8 & 0xff);
    sim_out(s, IDE(5), 1, lba >> 16 & 0xff);
    sim_out(s, IDE(7), 1, command);
}

static void test_rep_and_irq(void **state)
{
    struct sim *s = start();
    struct sim_stats before, after;
    uint16_t id[256];
    unsigned raises = sim_irq_raises(s, 14);

    sim_out(s, ALT_STATUS, 1, 0);
    ide_command(s, 0xec, 0, 0); /* IDENTIFY DEVICE */
    assert_int_equal(sim_wait_irq(s, 14, 5000), 0);
    assert_int_equal(sim_in(s, IDE(7), 1) & 0x89, 0x08); /* DRQ */
    assert_int_equal(sim_wait_irq_low(s, 14, 5000), 0);
    assert_int_equal(sim_irq_raises(s, 14), raises + 1);
    /* 512 bytes that lie on two pages: two requests. */
    sim_stats(s, &before);
    sim_rep_ins(s, IDE(0), 2, 256, 0x10f02);
    sim_stats(s, &after);
    assert_int_equal(after.requests - before.requests, 2);
    assert_true(sim_mem_read(s, 0x10f02, id, sizeof(id)));
    assert_int_equal(id[60] | (uint32_t)id[61] << 16, DISK_BYTES / 512);
    assert_int_equal(sim_wait_irq(s, 14, 20), -ETIMEDOUT);
    assert_int_equal(sim_wait_irq_raises(s, 14, raises, 20), 0);
    assert_int_equal(sim_wait_irq_raises(s, 14, raises + 1, 1100), -ETIMEDOUT);
    sim_free(s);
}

/* Reads lba into gpa by the bus master. */
static void ide_dma(struct sim *s, uint16_t bm, uint32_t lba, uint64_t gpa, uint32_t bytes)
{
    uint32_t prd[2] = { (uint32_t)gpa, bytes | 0x80000000u };

    assert_true(sim_mem_write(s, 0x8000, prd, sizeof(prd)));
    sim_out(s, bm, 1, 0);
    sim_out(s, (uint16_t)(bm + 2), 1, 6);
    sim_out(s, (uint16_t)(bm + 4), 4, 0x8000);
    ide_command(s, 0xc8, lba, bytes / 512);
    sim_out(s, bm, 1, 9);
    assert_int_equal(sim_wait_irq(s, 14, 5000), 0);
    assert_int_equal(sim_in(s, (uint16_t)(bm + 2), 1) & 7, 4);
    assert_int_equal(sim_in(s, IDE(7), 1) & 0x89, 0);
    sim_out(s, bm, 1, 0);
    sim_out(s, (uint16_t)(bm + 2), 1, 6);
}

static void test_dma_and_balloon(void **state)
{
    struct sim *s = start();
    uint16_t sector[1024];
    uint16_t bm;

    sim_pci_setup(s);
    bm = (uint16_t)sim_pci_find_class(s, 0x0101)->bar[4].addr;
    sim_out(s, ALT_STATUS, 1, 0);
    ide_dma(s, bm, 3, 0x20e00, 2048); /* four sectors, two pages */
    assert_true(sim_mem_read(s, 0x20e00, sector, sizeof(sector)));
    assert_int_equal(sector[0], 3 * 16);
    assert_int_equal(sector[1023], 6 * 16 + 255);
    /* The page is given back and got anew: another one, and the model is told. */
    sim_unpopulate(s, 0x20000, 4096);
    assert_false(sim_mem_read(s, 0x20000, sector, 2));
    sim_invalidate(s);
    assert_int_equal(sim_populate(s, 0x20000, 4096), 0);
    assert_true(sim_mem_read(s, 0x20e00, sector, 2));
    assert_int_equal(sector[0], 0);
    ide_dma(s, bm, 5, 0x20e00, 512);
    assert_true(sim_mem_read(s, 0x20e00, sector, 512));
    assert_int_equal(sector[0], 5 * 16);
    assert_int_equal(sector[255], 5 * 16 + 255);
    sim_free(s);
}

static void test_qmp_and_xenstore(void **state)
{
    struct sim *s = start();
    struct sim_qmp *q = sim_qmp_open(s, NULL, 5000);
    char *text;

    assert_non_null(q);
    text = sim_xs_read(s, "/local/domain/0/device-model/7/state");
    assert_string_equal(text, "running");
    free(text);
    assert_in_range(sim_running_ns(s), sim_exec_ns(s), sim_now_ns());
    text = sim_qmp_execute(q, "query-status", NULL);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"running\""));
    free(text);
    assert_null(sim_qmp_execute(q, "no-such-command", NULL));
    assert_int_equal(strncmp(sim_qmp_error(q), "CommandNotFound: ", 17), 0);
    /* Stopped, the server is off: Xen drops what the guest does. */
    free(sim_qmp_execute(q, "stop", NULL));
    assert_false(sim_server_enabled(s));
    assert_int_equal(sim_in(s, 0x71, 1), 0xff);
    sim_xs_rm(s, "/local/domain/0/device-model/7/state");
    free(sim_qmp_execute(q, "cont", NULL));
    assert_int_equal(sim_xs_wait(s, "/local/domain/0/device-model/7/state", "running", 5000), 0);
    sim_qmp_close(q);
    sim_free(s);
}

static void vbe(struct sim *s, unsigned index, unsigned value)
{
    sim_out(s, 0x1ce, 2, index);
    sim_out(s, 0x1cf, 2, value);
}

static void copy_memory(struct sim *to, void *from)
{
    assert_int_equal(sim_memory_copy(to, from), 0);
}

/* The guest goes on in a second process: devices by libxl's stream, memory by Xen. */
static void test_save_and_restore(void **state)
{
    struct sim *s = start(), *next;
    struct sim_options o = options();
    struct sim_qmp *q = sim_qmp_open(s, NULL, 5000);
    int fd = memfd_create("saved", 0);
    uint64_t bar;
    char *text;

    assert_non_null(q);
    sim_pci_setup(s);
    bar = sim_pci_find_class(s, 0x0300)->bar[0].addr;
    sim_out(s, 0x70, 1, 0x41);
    sim_out(s, 0x71, 1, 0xa5);
    vbe(s, 4, 0); /* 640 by 480 with 8 bits, bank 1 in the window */
    vbe(s, 1, 640);
    vbe(s, 2, 480);
    vbe(s, 3, 8);
    vbe(s, 4, 0xc1);
    vbe(s, 5, 1);
    sim_mmio_write(s, bar + 0x10004, 4, 0x12345678);
    assert_int_equal(sim_mmio_read(s, 0xa0004, 4), 0x12345678);
    free(sim_qmp_execute(q, "stop", NULL));
    text = sim_qmp_execute_fd(q, "add-fd", "{\"fdset-id\":3}", fd);
    assert_non_null(text);
    free(text);
    text = sim_qmp_execute(q, "xen-save-devices-state",
                           "{\"filename\":\"/dev/fdset/3\",\"live\":true}");
    assert_non_null(text);
    free(text);
    sim_qmp_close(q);
    lseek(fd, 0, SEEK_SET);
    o.incoming_fd = fd;
    o.prepare = copy_memory;
    o.opaque = s;
    next = sim_start_running(&o);
    sim_free(s);
    assert_int_equal(sim_in(next, 0x71, 1), 0xa5);
    assert_int_equal(sim_mmio_read(next, bar + 0x10004, 4), 0x12345678);
    assert_int_equal(sim_mmio_read(next, 0xa0004, 4), 0x12345678);
    sim_mmio_write(next, 0xa0008, 4, 0x9abcdef0);
    assert_int_equal(sim_mmio_read(next, 0xa0008, 4), 0x9abcdef0);
    assert_int_equal(sim_mmio_read(next, bar + 0x10008, 4), 0x9abcdef0);
    sim_free(next);
    close(fd);
}

static void test_power_off(void **state)
{
    struct sim *s = start();

    sim_pci_setup(s);
    assert_int_equal(sim_shutdown_reason(s), -1);
    sim_out(s, 0xb004, 2, 0x2000); /* SLP_EN, SLP_TYP 0 */
    assert_int_equal(sim_shutdown_reason(s), 0);
    assert_int_equal(sim_stop(s, 0, 100), -ETIMEDOUT); /* -no-shutdown */
    sim_free(s);
}

static void test_sigterm_leaves_nothing(void **state)
{
    struct sim *s = start();
    char *log = NULL, path[128];
    int status = sim_stop(s, SIGTERM, 5000);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(sim_ranges(s, false, NULL, 0), 0);
    snprintf(path, sizeof(path), "%s/qmp-libxl-7", sim_dir(s));
    assert_int_equal(access(path, F_OK), -1);
    log = sim_log_text(s);
    assert_string_equal(log, "");
    free(log);
    sim_free(s);
}

static void expect_refused(const struct sim_options *o, const char *words)
{
    struct sim *s;
    char *log;
    int status;

    assert_int_equal(sim_start(&s, o), 0);
    assert_int_equal(sim_wait_running(s, 10000), -ECHILD);
    status = sim_stop(s, 0, 5000);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    log = sim_log_text(s);
    if (!strstr(log, words))
        fail_msg("no '%s' in '%s'", words, log);
    assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1);
    free(log);
    sim_free(s);
}

static void test_start_errors(void **state)
{
    struct sim_options o = options();

    o.no_xen = true;
    expect_refused(&o, "no Xen here");
    o = options();
    o.no_domain = true;
    expect_refused(&o, "domain 7 does not exist");
    o = options();
    o.no_xenstore = true;
    expect_refused(&o, "cannot connect to xenstored");
    o = options();
    o.xenstore_refuses = true;
    expect_refused(&o, "cannot write /local/domain/0/device-model/7/state");
    o = options();
    o.disk[1] = "/nonexistent/disk";
    expect_refused(&o, "/nonexistent/disk");
}

static jmp_buf failed_jump;
static char failed_why[256];

static void failed(void *opaque, const char *why)
{
    snprintf(failed_why, sizeof(failed_why), "%s", why);
    longjmp(failed_jump, 1);
}

/* The sim notices a model that hangs or dies. */
static void test_hang_and_death(void **state)
{
    struct sim_options o = options();
    struct sim *s;

    o.failed = failed;
    o.timeout_ms = 500;
    o.name = "hang";
    assert_int_equal(sim_start(&s, &o), 0);
    assert_int_equal(sim_wait_running(s, 10000), 0);
    kill(sim_pid(s), SIGSTOP);
    if (!setjmp(failed_jump)) {
        sim_in(s, 0x71, 1);
        fail_msg("an answer from a stopped model");
    }
    assert_non_null(strstr(failed_why, "no answer"));
    sim_free(s);

    o.timeout_ms = 10000;
    o.wait = SIM_SPIN;
    assert_int_equal(sim_start(&s, &o), 0);
    assert_int_equal(sim_wait_running(s, 10000), 0);
    kill(sim_pid(s), SIGKILL);
    if (!setjmp(failed_jump)) {
        sim_in(s, 0x71, 1);
        fail_msg("an answer from a dead model");
    }
    assert_non_null(strstr(failed_why, "ended"));
    sim_free(s);
}

/* No model outlives its driver, however that ends. */
static void test_driver_dies(void **state)
{
    int pipes[2];
    pid_t child, model = 0;
    char path[64], dir[64];

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    if (child == 0) {
        struct sim *s = start();
        pid_t pid = sim_pid(s);

        snprintf(dir, sizeof(dir), "%s", sim_dir(s));
        if (write(pipes[1], &pid, sizeof(pid)) != sizeof(pid) ||
            write(pipes[1], dir, sizeof(dir)) != sizeof(dir))
            _exit(1);
        pause();
    }
    assert_int_equal(read(pipes[0], &model, sizeof(model)), sizeof(model));
    assert_int_equal(read(pipes[0], dir, sizeof(dir)), sizeof(dir));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    snprintf(path, sizeof(path), "/proc/%d/fd/0", (int)model); /* a zombie has none */
    for (unsigned i = 0; i < 500 && !access(path, F_OK); i++)
        usleep(10000);
    assert_int_equal(access(path, F_OK), -1);
    for (unsigned i = 0; i < 3; i++) { /* what the dead could not remove */
        static const char *const names[] = { "log", "qmp-libxl-7", "qmp-libxenstat-7" };

        snprintf(path, sizeof(path), "%.40s/%s", dir, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(dir), 0);
    close(pipes[0]);
    close(pipes[1]);
}

static const char *probe; /* the program probe.c */

static void step(struct sim *s, const char *name)
{
    assert_int_equal(sim_xs_wait(s, "/local/domain/0/probe/model", name, 5000), 0);
}

struct probe_request {
    struct sim *s;
    uint32_t data;
};

static void *probe_request(void *opaque)
{
    struct probe_request *r = opaque;

    r->data = sim_in(r->s, 0x100, 1);
    return NULL;
}

/* The stand-ins from the model's side; probe.c says what it does in between. */
static void test_probe(void **state)
{
    char *const argv[] = { (char *)(uintptr_t)probe, NULL };
    struct sim_options o = { .argv = argv };
    struct sim_range range[4];
    struct probe_request request[2];
    pthread_t thread[2];
    struct sim *s;
    uint64_t addr;
    uint32_t msi;
    char *log;
    int status;

    assert_int_equal(sim_start(&s, &o), 0);
    request[0].s = request[1].s = s;
    step(s, "store");
    assert_int_equal(sim_xs_write(s, "/probe/from-driver", "1"), 0);
    step(s, "dirty");
    assert_true(sim_mem_write(s, 0x203ff0, "1", 1));
    assert_true(sim_mem_write(s, 0x205000, "1", 1));
    sim_xs_write(s, "/local/domain/0/probe/driver", "dirty");
    /* Requests come from a thread of their own: they wait for their answers. */
    step(s, "request 1");
    assert_true(sim_take_modified(s, 0x301000));
    assert_false(sim_take_modified(s, 0x301000) || sim_take_modified(s, 0x302000));
    assert_int_equal(sim_ranges(s, false, range, 4), 2);
    assert_int_equal(range[0].first + range[1].first, 0x100 + 0x120);
    assert_int_equal(range[0].last + range[1].last, 0x10f + 0x1ff);
    assert_true(sim_has_pci(s, 0x11));
    assert_int_equal(sim_in(s, 0x10e, 4), 0xffffffff); /* not in one range */
    assert_int_equal(pthread_create(&thread[0], NULL, probe_request, &request[0]), 0);
    step(s, "request 2");
    pthread_join(thread[0], NULL);
    assert_int_equal(pthread_create(&thread[1], NULL, probe_request, &request[1]), 0);
    usleep(100000);
    sim_xs_write(s, "/local/domain/0/probe/driver", "sent 2");
    pthread_join(thread[1], NULL);
    assert_int_equal(request[0].data, 0x5a);
    assert_int_equal(request[1].data, 0x5b);
    step(s, "interrupts");
    assert_int_equal(sim_wait_irq(s, 11, 5000), 0);
    assert_true(sim_irq_level(s, sim_intx_gsi(2, 0)));
    assert_false(sim_irq_level(s, 14) || sim_irq_level(s, 5));
    assert_int_equal(sim_irq_raises(s, 14), 1);
    assert_int_equal(sim_wait_msi(s, 0, &addr, &msi, 5000), 0);
    assert_int_equal(addr, 0xfee00000);
    assert_int_equal(msi, 0x4041);
    sim_xs_write(s, "/local/domain/0/probe/driver", "interrupts");
    step(s, "routed");
    assert_true(sim_irq_level(s, 5) && !sim_irq_level(s, 11));
    sim_xs_write(s, "/local/domain/0/probe/driver", "routed");
    status = sim_stop(s, 0, 5000);
    log = sim_log_text(s);
    assert_string_equal(log, "");
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    free(log);
    sim_free(s);
}

static void figures_work(void *opaque)
{
    uint64_t end = sim_now_ns() + *(const uint64_t *)opaque;

    while (sim_now_ns() < end)
        ;
}

static void test_figures(void **state)
{
    uint64_t work_ns = 50000;
    struct sim_options o = options();
    struct sim *s = sim_start_running(&o);
    uint32_t samples[5] = { 5, 1, 4, 2, 3 };
    struct sim_usage u;

    sim_usage(s, &u);
    assert_in_range(u.threads, 1, 8);
    assert_in_range(u.private_dirty, 4096, u.private_all);
    assert_in_range(u.pss, u.private_all, u.rss);
    assert_true(u.cpu_ns > 0);
    sim_free(s);
    assert_int_equal(sim_percentile(samples, 5, 0.5), 3);
    assert_int_equal(sim_percentile(samples, 5, 0.99), 5);
    assert_true(sim_floor(&o, 100, NULL) > 100);
    assert_true(sim_floor_with(&o, 100, figures_work, &work_ns) > (double)work_ns);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_pio),
        cmocka_unit_test(test_spin_and_old_pages),
        cmocka_unit_test(test_two_vcpus),
        cmocka_unit_test(test_pci),
        cmocka_unit_test(test_vram),
        cmocka_unit_test(test_mmio_and_ring),
        cmocka_unit_test(test_rep_and_irq),
        cmocka_unit_test(test_dma_and_balloon),
        cmocka_unit_test(test_qmp_and_xenstore),
        cmocka_unit_test(test_save_and_restore),
        cmocka_unit_test(test_power_off),
        cmocka_unit_test(test_sigterm_leaves_nothing),
        cmocka_unit_test(test_start_errors),
        cmocka_unit_test(test_hang_and_death),
        cmocka_unit_test(test_driver_dies),
        cmocka_unit_test(test_figures),
    };
    int rc;

    sim_options_parse(&base, &argc, argv);
    if (argc != 2)
        return 2; /* test-sim --model XENDM PROBE */
    probe = argv[1];
    disk_make();
    cmocka_set_message_output(CM_OUTPUT_TAP);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(disk);
    return rc;
}
