/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/state-file.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define FILE_CHUNK      4096  /* bytes: what a pipe that is ready takes without waiting */
#define FILE_WRITE_WAIT 30000 /* ms */
#define FILE_READ_WAIT  60000 /* ms: as long as libxl waits for us */

static int file_fail(struct dm_error *err, const char *what, int errnum)
{
    return dm_error_set(err, errnum, "saved state: cannot %s it: %s", what, strerror(errnum));
}

/* Until fd is ready. Returns 0, -ETIMEDOUT, -EINTR: stop_fd is. */
static int file_wait(int fd, short events, int stop_fd, int ms)
{
    struct pollfd p[] = { { .fd = fd, .events = events }, { .fd = stop_fd, .events = POLLIN } };
    int n;

    do
        n = poll(p, 2, ms);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n < 0 ? -errno : -ETIMEDOUT;
    return p[1].revents ? -EINTR : 0;
}

int state_file_write(int fd, const struct dm_buf *buf, struct dm_error *err)
{
    size_t done = 0;

    while (done < buf->len) {
        size_t left = buf->len - done;
        int rc = file_wait(fd, POLLOUT, -1, FILE_WRITE_WAIT);
        ssize_t n = rc ? 0 : write(fd, buf->data + done, left < FILE_CHUNK ? left : FILE_CHUNK);

        if (rc)
            return file_fail(err, "write", -rc);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return file_fail(err, "write", errno);
        done += n > 0 ? (size_t)n : 0;
    }
    /* EINVAL: a pipe or a socket. What was there before it is not ours to cut off. */
    if (ftruncate(fd, lseek(fd, 0, SEEK_CUR)) && errno != EINVAL)
        return file_fail(err, "end", errno);
    return 0;
}

int state_file_read(int fd, int stop_fd, struct dm_buf *buf, struct dm_error *err)
{
    uint8_t chunk[FILE_CHUNK];
    ssize_t n;

    do {
        int rc = file_wait(fd, POLLIN, stop_fd, FILE_READ_WAIT);

        if (rc == -EINTR)
            return dm_error_set(err, EINTR, "saved state: ended by a signal before all was read");
        if (rc)
            return file_fail(err, "read", -rc);
        n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return file_fail(err, "read", errno);
        if (n > 0)
            dm_buf_put(buf, chunk, (size_t)n);
        if (buf->failed)
            return dm_error_set(err, EFBIG, "saved state: more than %u bytes, not one of xendm's",
                                DM_STATE_MAX);
    } while (n);
    return 0;
}
