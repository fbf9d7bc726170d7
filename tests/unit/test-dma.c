/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

static const struct dm_class *const none[] = { NULL };

static void test_trim(void **state)
{
    struct dm_sg sg;
    struct fake f;

    fake_init(&f, none);
    f.map_chunk = 256;
    dm_sg_init(&sg, &f.machine.ram);
    assert_int_equal(dm_sg_add(&sg, &f.machine.ram, 0x1000, 1000), 1000);
    assert_int_equal(sg.n, 4);
    dm_sg_trim(&sg, 2000); /* longer than it is: nothing to do */
    assert_int_equal(sg.len, 1000);
    dm_sg_trim(&sg, 512); /* at a seam */
    assert_int_equal(sg.n, 2);
    assert_int_equal(f.mapped, 2);
    dm_sg_trim(&sg, 300); /* inside a piece */
    assert_int_equal(sg.n, 2);
    assert_int_equal(sg.iov[1].len, 44);
    assert_int_equal(sg.len, 300);
    dm_sg_release(&sg, 300);
    assert_int_equal(f.dirty_bytes, 300);
    dm_sg_trim(&sg, 0);
    assert_int_equal(f.mapped, 0);
    fake_finish(&f);
}

UNIT_MAIN(cmocka_unit_test(test_trim))
