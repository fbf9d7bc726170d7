/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines. A line goes to one sink, set by main (stderr) or by a test.
 * What a guest can cause is bounded: see dm_guest_error in dm/device.h.
 */
#ifndef DM_LOG_H
#define DM_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum dm_log_level { DM_LOG_ERROR, DM_LOG_WARN, DM_LOG_INFO, DM_LOG_TRACE };

typedef void dm_log_sink(void *opaque, enum dm_log_level level, const char *line);

/* Where lines go. With no sink (NULL) they are dropped. Set before threads start. */
void dm_log_set_sink(dm_log_sink *sink, void *opaque);

/* Lines above this level are dropped before they are formatted. Default: DM_LOG_INFO. */
void dm_log_set_level(enum dm_log_level level);
bool dm_log_enabled(enum dm_log_level level);

/*
 * Writes "module: text" to the sink. Control bytes in the text are replaced by
 * '?', so that a guest cannot send escapes to a terminal (XSA-17). Any thread.
 */
__attribute__((format(printf, 3, 4))) void dm_log(enum dm_log_level level, const char *module,
                                                  const char *fmt, ...);

/* A budget of lines for one source that a guest controls. Zero-initialised is full. */
struct dm_log_budget {
    uint64_t window_start; /* ns */
    uint32_t in_window;
    uint32_t total;
};

#define DM_LOG_BUDGET_WINDOW 60000000000u /* ns: one minute */
#define DM_LOG_BUDGET_BURST  10           /* lines a window */
#define DM_LOG_BUDGET_TOTAL  200          /* lines in a process's life */

/* Takes a line from the budget at time now (ns). false: say nothing. */
bool dm_log_budget_take(struct dm_log_budget *budget, uint64_t now);

/*
 * Text that a guest sends byte by byte (a debug port): gathered to lines, whose
 * number is bounded as above. Zero-initialised is empty. Bytes that are not
 * printable ASCII become '?'.
 */
struct dm_log_text {
    char line[128];
    unsigned len;
    uint32_t burst, total; /* instead of DM_LOG_BUDGET_*, if not 0 */
    struct dm_log_budget budget;
};

/* Takes a byte at time now (ns). A newline, or a full line, goes to the log. */
void dm_log_text_put(struct dm_log_text *text, enum dm_log_level level, const char *module,
                     uint64_t now, uint8_t byte);

#endif
