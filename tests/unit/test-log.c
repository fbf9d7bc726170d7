/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dm/log and dm/error: what reaches the sink, and how much of it a guest can cause. */
#include "tests/unit/unit.h"

#include <stdio.h>

static const struct dm_class *const none[] = { NULL };

static unsigned lines(const struct fake *f)
{
    unsigned n = 0;

    for (size_t i = 0; i < f->log_len; i++)
        n += f->log[i] == '\n';
    return n;
}

static void test_levels(void **state)
{
    struct fake f;

    dm_log(DM_LOG_ERROR, "nobody", "listens");
    assert_false(dm_log_enabled(DM_LOG_ERROR));
    fake_init(&f, none);
    dm_log(DM_LOG_TRACE, "a", "no");
    dm_log(DM_LOG_INFO, "a", "%d", 1);
    dm_log_set_level(DM_LOG_ERROR);
    dm_log(DM_LOG_WARN, "a", "no");
    dm_log(DM_LOG_ERROR, "a", "2");
    dm_log_set_level(DM_LOG_TRACE);
    dm_log(DM_LOG_TRACE, "a", "3");
    dm_log_set_level(DM_LOG_INFO);
    assert_string_equal(f.log, "a: 1\na: 2\na: 3\n");
    fake_finish(&f);
}

static void test_contents(void **state)
{
    char text[3000];
    struct fake f;

    fake_init(&f, none);
    dm_log(DM_LOG_INFO, "m", "a\nb\x1b[2J\x7f\t.");
    assert_string_equal(f.log, "m: a?b?[2J??.\n");
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = 0;
    dm_log(DM_LOG_INFO, "m", "%s", text); /* cut, not dropped */
    assert_int_equal(lines(&f), 2);
    dm_log(DM_LOG_INFO, text, "module too long");
    assert_int_equal(lines(&f), 2);
    fake_finish(&f);
}

static void test_budget(void **state)
{
    struct dm_log_budget b = { 0 };
    uint64_t now = 5 * DM_LOG_BUDGET_WINDOW;
    unsigned taken = 0;

    for (int i = 0; i < 100; i++)
        taken += dm_log_budget_take(&b, now);
    assert_int_equal(taken, DM_LOG_BUDGET_BURST);
    assert_false(dm_log_budget_take(&b, now + DM_LOG_BUDGET_WINDOW - 1));
    assert_true(dm_log_budget_take(&b, now + DM_LOG_BUDGET_WINDOW));
    for (int i = 0; i < 1000; i++)
        dm_log_budget_take(&b, now += DM_LOG_BUDGET_WINDOW);
    assert_int_equal(b.total, DM_LOG_BUDGET_TOTAL);
}

static void put(struct dm_log_text *t, uint64_t now, const char *text)
{
    while (*text)
        dm_log_text_put(t, DM_LOG_INFO, "g", now, (uint8_t)*text++);
}

static void test_text(void **state)
{
    struct dm_log_text t = { 0 };
    struct fake f;
    char full[sizeof(t.line) + 1];

    fake_init(&f, none);
    put(&t, 0, "no end");
    assert_int_equal(f.log_len, 0);
    put(&t, 0, "\r\n\n\n");
    assert_string_equal(f.log, "g: no end\n"); /* empty lines are none */
    memset(full, 'y', sizeof(full));
    full[sizeof(full) - 1] = 0;
    put(&t, 0, full);
    assert_int_equal(lines(&f), 2);
    assert_int_equal(t.len, 0);
    put(&t, 0, "\n");
    assert_int_equal(lines(&f), 2);
    put(&t, 0, "\xe9\x9b\x01%s\n");
    assert_non_null(strstr(f.log, "g: ???%s\n"));
    for (int i = 0; i < 100; i++)
        put(&t, 0, "z\n");
    assert_int_equal(lines(&f), DM_LOG_BUDGET_BURST);
    /* Bounds of its own. */
    t = (struct dm_log_text) { .burst = 3, .total = 5 };
    f.log_len = 0;
    for (uint64_t w = 0; w < 4; w++)
        for (int i = 0; i < 10; i++)
            put(&t, w * DM_LOG_BUDGET_WINDOW, "z\n");
    assert_int_equal(lines(&f), 5);
    fake_finish(&f);
}

static void test_errors(void **state)
{
    struct dm_error err = { "" };
    char text[2000];

    assert_int_equal(dm_error_set(&err, 5, "disk '%s'", "a"), -5);
    dm_error_prefix(&err, "device %d", 3);
    assert_string_equal(err.text, "device 3: disk 'a'");
    assert_int_equal(dm_error_set(NULL, 7, "x"), -7);
    dm_error_prefix(NULL, "x");
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = 0;
    dm_error_set(&err, 1, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    dm_error_prefix(&err, "y");
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    assert_memory_equal(err.text, "y: x", 4);
    dm_error_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

UNIT_MAIN(cmocka_unit_test(test_levels), cmocka_unit_test(test_contents),
          cmocka_unit_test(test_budget), cmocka_unit_test(test_text), cmocka_unit_test(test_errors))
