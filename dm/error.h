/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One error line for the person who started us. */
#ifndef DM_ERROR_H
#define DM_ERROR_H

struct dm_error {
    char text[512];
};

/*
 * Stores the formatted line and returns -errnum, so that a caller can write
 * `return dm_error_set(err, EINVAL, ...)`. err may be NULL. The line names the
 * thing and the cause and has no newline.
 */
__attribute__((format(printf, 3, 4))) int dm_error_set(struct dm_error *err, int errnum,
                                                       const char *fmt, ...);

/* Puts "text: " before the line that is already stored. Returns nothing new. */
__attribute__((format(printf, 2, 3))) void dm_error_prefix(struct dm_error *err, const char *fmt,
                                                           ...);

#endif
