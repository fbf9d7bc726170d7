/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test includes: cmocka with what it needs, the fakes, a main. */
#ifndef UNIT_H
#define UNIT_H

#include "tests/fake/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/*
 * Ends the test that runs: why it cannot be made here. scripts/count-tests counts it as skipped.
 * (cmocka's skip() prints "not ok # SKIP", which meson takes for a failure.)
 */
#define UNIT_SKIP(why)                     \
    do {                                   \
        print_message("# SKIP %s\n", why); \
        return;                            \
    } while (0)

/* main that runs the tests and prints TAP. */
#define UNIT_MAIN(...)                                     \
    int main(void)                                         \
    {                                                      \
        const struct CMUnitTest tests[] = { __VA_ARGS__ }; \
        cmocka_set_message_output(CM_OUTPUT_TAP);          \
        return cmocka_run_group_tests(tests, NULL, NULL);  \
    }

#endif
