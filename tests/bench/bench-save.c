/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a model's part of a migration takes: its state written, read, and the guest running
 * again. Memory is Xen's business and not in these times.
 *
 * usage: bench-save --model PATH [--placement one|each]
 * Prints "key value unit" lines.
 */
#include "tests/sim/sim.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void copy_memory(struct sim *to, void *from)
{
    if (sim_memory_copy(to, from))
        sim_fail(to, "memory cannot be copied");
}

static void ask(struct sim *s, struct sim_qmp *q, const char *command, const char *args, int fd)
{
    char *text = sim_qmp_execute_fd(q, command, args, fd);

    if (!text)
        sim_fail(s, "%s: %s", command, sim_qmp_error(q));
    free(text);
}

int main(int argc, char **argv)
{
    struct sim_options opt = { .serial = { "null" }, .cd = { [2] = "" } };
    struct sim *s, *next;
    struct sim_qmp *q;
    uint64_t start;
    char path[40];
    int fd, out;

    sim_options_parse(&opt, &argc, argv);
    if (!opt.model || argc != 1) {
        fprintf(stderr, "usage: bench-save --model PATH [--placement one|each]\n");
        return 2;
    }
    s = sim_start_running(&opt);
    sim_pci_setup(s);
    q = sim_qmp_open(s, NULL, 10000);
    fd = memfd_create("saved", 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    out = open(path, O_WRONLY); /* QEMU wants it so, and libxl has it so */
    if (!q || fd < 0 || out < 0)
        sim_fail(s, "no QMP or no memory");
    ask(s, q, "stop", NULL, -1);
    ask(s, q, "add-fd", "{\"fdset-id\":3}", out);
    start = sim_now_ns();
    ask(s, q, "xen-save-devices-state", "{\"filename\":\"/dev/fdset/3\",\"live\":true}", -1);
    printf("save.time %.3f ms\n", (double)(sim_now_ns() - start) / 1e6);
    sim_qmp_close(q);
    printf("save.size %.1f KiB\n", (double)lseek(fd, 0, SEEK_END) / 1024);
    lseek(fd, 0, SEEK_SET);
    opt.incoming_fd = fd;
    opt.prepare = copy_memory;
    opt.opaque = s;
    next = sim_start_running(&opt);
    printf("restore.running %.3f ms\n", (double)(sim_running_ns(next) - sim_exec_ns(next)) / 1e6);
    sim_free(s);
    sim_in(next, 0x3f6, 1); /* it answers */
    sim_free(next);
    return 0;
}
