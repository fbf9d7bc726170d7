/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pcap format (draft-ietf-opsawg-pcap): a file header, then records, here in the host's
 * byte order, times in microseconds. Records go to one of two buffers while the other one
 * is being written, so a capture costs a copy, never waits, and its memory is bounded.
 */
#include "backend/filter-dump.h"

#include "dm/machine.h"
#include "host/aio.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DUMP_BUFFER   (512 * 1024) /* bytes each; a record is at most 262144 and its header */
#define PCAP_MAGIC    0xa1b2c3d4u
#define PCAP_ETHERNET 1

struct pcap_file {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, max_len, link_type;
};

struct pcap_record {
    uint32_t seconds, microseconds, len, whole_len;
};

struct dump {
    struct dm_net_monitor monitor;
    struct dm_clock *clock;
    struct host_aio *aio;
    char id[DM_NET_ID_MAX];
    int fd;
    uint32_t max_len;
    uint8_t *buf[2]; /* frames go to buf[active] */
    size_t len[2];
    unsigned active;
    bool writing, failed;
    uint64_t at, dropped; /* bytes written; frames left out */
    struct iovec iov;
    struct host_aio_req req;
};

static void dump_written(struct host_aio_req *req, int rc);

/* Writes what there is, unless a write is under way. */
static void dump_kick(struct dump *d)
{
    if (d->writing || d->failed || !d->len[d->active])
        return;
    d->writing = true;
    d->iov = (struct iovec) { d->buf[d->active], d->len[d->active] };
    d->req = (struct host_aio_req) { .op = HOST_AIO_WRITEV,
                                     .fd = d->fd,
                                     .offset = d->at,
                                     .len = d->iov.iov_len,
                                     .iov = &d->iov,
                                     .iov_count = 1,
                                     .done = dump_written,
                                     .opaque = d };
    d->active ^= 1;
    host_aio_submit(d->aio, &d->req);
}

static void dump_written(struct host_aio_req *req, int rc)
{
    struct dump *d = req->opaque;

    d->writing = false;
    d->at += req->len;
    d->len[d->active ^ 1] = 0;
    if (rc) {
        dm_log(DM_LOG_ERROR, d->id, "capture ends: %s", strerror(-rc));
        d->failed = true;
    }
    dump_kick(d);
}

static void dump_frame(void *opaque, const struct dm_iov *iov, int n, size_t len)
{
    struct dump *d = opaque;
    uint64_t now = dm_clock_wall(d->clock);
    struct pcap_record r = { .seconds = (uint32_t)(now / DM_NS_PER_SEC),
                             .microseconds = (uint32_t)(now % DM_NS_PER_SEC / DM_NS_PER_US),
                             .len = len < d->max_len ? (uint32_t)len : d->max_len,
                             .whole_len = (uint32_t)len };
    size_t left = r.len;
    uint8_t *to;

    if (d->failed)
        return;
    if (sizeof(r) + r.len > DUMP_BUFFER - d->len[d->active]) {
        d->dropped++;
        return;
    }
    to = d->buf[d->active] + d->len[d->active];
    memcpy(to, &r, sizeof(r));
    to += sizeof(r);
    for (int i = 0; i < n && left; i++) {
        size_t here = iov[i].len < left ? iov[i].len : left;

        memcpy(to, iov[i].base, here);
        to += here;
        left -= here;
    }
    d->len[d->active] += sizeof(r) + r.len;
    dump_kick(d);
}

static void dump_free(struct dump *d)
{
    host_aio_put(d->aio);
    if (d->fd >= 0)
        close(d->fd);
    free(d->buf[0]);
    free(d->buf[1]);
    free(d);
}

/* The netdev ends. */
static void dump_closed(void *opaque)
{
    struct dump *d = opaque;

    while (d->writing)
        host_aio_wait(d->aio);
    if (d->dropped)
        dm_log(DM_LOG_WARN, d->id, "%" PRIu64 " frames are not in the capture: the disk is slow",
               d->dropped);
    dump_free(d);
}

static int dump_open_file(struct dump *d, const char *path, struct dm_error *err)
{
    struct stat st;

    /* O_NONBLOCK: a FIFO in its place must not stop us. */
    d->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (d->fd < 0 || fstat(d->fd, &st))
        return dm_error_set(err, errno, "filter-dump '%s': %s: %s", d->id, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return dm_error_set(err, EINVAL, "filter-dump '%s': %s is not a regular file", d->id, path);
    if (ftruncate(d->fd, 0))
        return dm_error_set(err, errno, "filter-dump '%s': %s: %s", d->id, path, strerror(errno));
    return 0;
}

int filter_dump_open(struct dm_machine *machine, struct host_loop *loop, const char *id,
                     const char *netdev, const char *path, uint32_t max_len, struct dm_error *err)
{
    struct pcap_file header = { PCAP_MAGIC, 2, 4, 0, 0, max_len, PCAP_ETHERNET };
    struct dm_net *net = dm_net_find(machine, netdev);
    struct dump *d;
    int rc;

    if (!net)
        return dm_error_set(err, ENOENT, "filter-dump '%s': no netdev '%s'", id, netdev);
    d = calloc(1, sizeof(*d));
    if (!d)
        return dm_error_set(err, ENOMEM, "filter-dump '%s': out of memory", id);
    d->monitor =
        (struct dm_net_monitor) { .frame = dump_frame, .closed = dump_closed, .opaque = d };
    d->clock = machine->clock;
    d->fd = -1;
    d->max_len = max_len;
    snprintf(d->id, sizeof(d->id), "%s", id);
    d->buf[0] = malloc(DUMP_BUFFER);
    d->buf[1] = malloc(DUMP_BUFFER);
    rc = d->buf[0] && d->buf[1] ? dump_open_file(d, path, err)
                                : dm_error_set(err, ENOMEM, "filter-dump '%s': out of memory", id);
    if (!rc) {
        d->aio = host_aio_get(loop, err);
        rc = d->aio ? 0 : -ENOMEM;
    }
    if (rc) {
        dump_free(d);
        return rc;
    }
    memcpy(d->buf[0], &header, sizeof(header));
    d->len[0] = sizeof(header);
    dump_kick(d);
    dm_net_add_monitor(net, &d->monitor);
    return 0;
}
