/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The saved state on its way to and from the toolstack: a file, a pipe, a socket. */
#ifndef CONTROL_STATE_FILE_H
#define CONTROL_STATE_FILE_H

#include "dm/error.h"
#include "dm/state.h"

/*
 * Writes buf to fd, and cuts a file off behind it: libxl does not. Waits while fd takes
 * nothing, half a minute at most. Returns 0 or -errno with err set.
 */
int state_file_write(int fd, const struct dm_buf *buf, struct dm_error *err);

/*
 * Reads fd to its end, at most DM_STATE_MAX bytes, while stop_fd (-1: none) has nothing to
 * read. Waits for them, a minute at most. Returns 0 or -errno with err set; buf needs
 * dm_buf_finish in either case.
 */
int state_file_read(int fd, int stop_fd, struct dm_buf *buf, struct dm_error *err);

#endif
