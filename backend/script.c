/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backend/script.h"

#include "dm/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRIPT_POLL_MS 10 /* where the kernel has no pidfd */

/* In the child: only calls that are safe between fork and exec. */
_Noreturn static void script_exec(const char *script, const char *ifname, const char *bridge,
                                  int keep_fd, int report)
{
    sigset_t none;
    int error;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0); /* so that all of it can be killed */
    if (keep_fd >= 0)
        fcntl(keep_fd, F_SETFD, 0);
    execl(script, script, ifname, bridge, (char *)NULL);
    error = errno;
    (void)!write(report, &error, sizeof(error));
    _exit(127);
}

/* Starts it. Returns 0, or -errno when it could not be executed. */
static int script_start(const char *script, const char *ifname, const char *bridge, int keep_fd,
                        bool detached, pid_t *pid)
{
    int report[2], error = 0;
    ssize_t got;

    if (pipe2(report, O_CLOEXEC))
        return -errno;
    *pid = fork();
    if (*pid < 0) {
        error = errno;
        close(report[0]);
        close(report[1]);
        return -error;
    }
    if (*pid == 0) {
        /* One whose parent has ended is nobody's zombie. */
        if (detached && fork())
            _exit(0);
        script_exec(script, ifname, bridge, keep_fd, report[1]);
    }
    close(report[1]);
    do
        got = read(report[0], &error, sizeof(error)); /* ends when exec closes the pipe */
    while (got < 0 && errno == EINTR);
    close(report[0]);
    if (detached || got > 0)
        while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
            ;
    return got > 0 ? -error : 0;
}

/* Returns the status of waitpid, or -ETIMEDOUT after killing it. */
static int script_wait(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0), status = 0;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    pid_t ended = 0;

    if (fd >= 0) {
        while (poll(&p, 1, SCRIPT_SECONDS * 1000) < 0 && errno == EINTR)
            ;
        close(fd);
        ended = waitpid(pid, &status, WNOHANG);
    } else {
        for (int i = 0; i < SCRIPT_SECONDS * 1000 / SCRIPT_POLL_MS && !ended; i++) {
            ended = waitpid(pid, &status, WNOHANG);
            if (!ended)
                poll(NULL, 0, SCRIPT_POLL_MS);
        }
    }
    if (ended == pid)
        return status;
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return -ETIMEDOUT;
}

int script_run_up(const char *script, const char *ifname, const char *bridge, struct dm_error *err)
{
    pid_t pid;
    int rc = script_start(script, ifname, bridge, -1, false, &pid);

    if (rc)
        return dm_error_set(err, -rc, "script '%s': %s", script, strerror(-rc));
    rc = script_wait(pid);
    if (rc < 0)
        return dm_error_set(err, -rc, "script '%s' did not end within %d s", script,
                            SCRIPT_SECONDS);
    if (WIFSIGNALED(rc))
        return dm_error_set(err, EIO, "script '%s' was killed by signal %d", script, WTERMSIG(rc));
    if (WEXITSTATUS(rc))
        return dm_error_set(err, EIO, "script '%s' failed with status %d", script, WEXITSTATUS(rc));
    return 0;
}

void script_run_down(const char *script, const char *ifname, const char *bridge, int keep_fd,
                     bool detached)
{
    struct dm_error err;
    pid_t pid;
    int rc;

    if (!detached) {
        if (script_run_up(script, ifname, bridge, &err))
            dm_log(DM_LOG_WARN, ifname, "%s", err.text);
        return;
    }
    rc = script_start(script, ifname, bridge, keep_fd, true, &pid);
    if (rc)
        dm_log(DM_LOG_WARN, ifname, "script '%s': %s", script, strerror(-rc));
}
