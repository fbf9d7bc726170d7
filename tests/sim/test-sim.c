/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program itself on the sim: the sim works, and xendm does what libxl and a guest need. */
#include "tests/sim/sim.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct sim_options opt;

static void test_pio(void **state)
{
    struct sim *s = sim_start_running(&opt);
    uint8_t was;

    /* CMOS: index and data reach the model, the clock's registers apart. */
    sim_out(s, 0x70, 1, 0x40);
    was = (uint8_t)sim_in(s, 0x71, 1);
    sim_out(s, 0x71, 1, was ^ 0xff);
    assert_int_equal(sim_in(s, 0x71, 1), was ^ 0xff);
    sim_free(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_pio) };

    sim_options_parse(&opt, &argc, argv);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
