/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/log.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
    dm_log_sink *sink;
    void *opaque;
    enum dm_log_level level;
} dm_log_state = { .level = DM_LOG_INFO };

void dm_log_set_sink(dm_log_sink *sink, void *opaque)
{
    dm_log_state.sink = sink;
    dm_log_state.opaque = opaque;
}

void dm_log_set_level(enum dm_log_level level)
{
    dm_log_state.level = level;
}

bool dm_log_enabled(enum dm_log_level level)
{
    return dm_log_state.sink && level <= dm_log_state.level;
}

void dm_log(enum dm_log_level level, const char *module, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    int n;

    if (!dm_log_enabled(level))
        return;
    n = snprintf(line, sizeof(line), "%s: ", module);
    if (n < 0 || (size_t)n >= sizeof(line))
        return;
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
    va_end(ap);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    dm_log_state.sink(dm_log_state.opaque, level, line);
}

static bool log_budget_take(struct dm_log_budget *budget, uint64_t now, uint32_t burst,
                            uint32_t total)
{
    if (budget->total >= total)
        return false;
    if (now - budget->window_start >= DM_LOG_BUDGET_WINDOW) {
        budget->window_start = now;
        budget->in_window = 0;
    }
    if (budget->in_window >= burst)
        return false;
    budget->in_window++;
    budget->total++;
    return true;
}

bool dm_log_budget_take(struct dm_log_budget *budget, uint64_t now)
{
    return log_budget_take(budget, now, DM_LOG_BUDGET_BURST, DM_LOG_BUDGET_TOTAL);
}

void dm_log_text_put(struct dm_log_text *t, enum dm_log_level level, const char *module,
                     uint64_t now, uint8_t byte)
{
    if (!dm_log_enabled(level) || byte == '\r')
        return;
    if (byte != '\n')
        t->line[t->len++] = (char)(byte >= 0x20 && byte < 0x7f ? byte : '?');
    if (byte != '\n' && t->len < sizeof(t->line))
        return;
    if (t->len && log_budget_take(&t->budget, now, t->burst ? t->burst : DM_LOG_BUDGET_BURST,
                                  t->total ? t->total : DM_LOG_BUDGET_TOTAL))
        dm_log(level, module, "%.*s", (int)t->len, t->line);
    t->len = 0;
}
