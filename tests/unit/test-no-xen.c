/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a program says that was built without the Xen libraries. */
#include "tests/unit/unit.h"

#include "io-req/no-xen.c"

static void test_one_line(void **state)
{
    struct dm_error err = { "" };
    struct xen *xen = (struct xen *)&err;

    assert_int_equal(xen_open(&xen, 7, 1, NULL, &err), -ENOTSUP);
    assert_null(xen);
    assert_string_equal(err.text, "domain 7: this xendm was built without the Xen libraries");
    xen_close(xen);
}

UNIT_MAIN(cmocka_unit_test(test_one_line))
