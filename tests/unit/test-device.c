/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dm/device: options, identifiers, errors, the order of things, unplugging. */
#include "tests/unit/unit.h"

#include <errno.h>

struct thing {
    struct dm_device dev;
    uint8_t small;
    uint16_t word;
    uint32_t number;
    uint64_t big;
    bool flag;
    char *text;
    struct dm_block *drive;
    struct dm_chardev *chardev;
    bool fail;
};

static unsigned realized, unrealized, resets, quiesced;

static int thing_realize(struct dm_device *dev, struct dm_error *err)
{
    struct thing *t = (struct thing *)dev;

    if (t->fail)
        return dm_error_set(err, EIO, "thing '%s' was told to fail", dev->id);
    realized++;
    return 0;
}

static void thing_unrealize(struct dm_device *dev)
{
    (void)dev;
    unrealized++;
}

static void thing_reset(struct dm_device *dev)
{
    (void)dev;
    resets++;
}

static void thing_quiesce(struct dm_device *dev)
{
    (void)dev;
    quiesced++;
}

static void thing_unplug(struct dm_device *dev, unsigned mask)
{
    if (mask & DM_UNPLUG_NICS)
        dm_device_destroy(dev);
}

static const struct dm_prop thing_props[] = {
    DM_PROP(struct thing, small, DM_PROP_UINT, "small"),
    DM_PROP(struct thing, word, DM_PROP_UINT, "word"),
    DM_PROP(struct thing, number, DM_PROP_UINT, "number"),
    DM_PROP(struct thing, big, DM_PROP_UINT, "big"),
    DM_PROP(struct thing, flag, DM_PROP_BOOL, "flag"),
    DM_PROP(struct thing, text, DM_PROP_STR, "text"),
    DM_PROP(struct thing, drive, DM_PROP_BLOCK, "drive"),
    DM_PROP(struct thing, chardev, DM_PROP_CHARDEV, "chardev"),
    DM_PROP(struct thing, fail, DM_PROP_BOOL, "fail"),
    DM_PROPS_END,
};

static const struct dm_class thing_class = {
    .name = "thing",
    .size = sizeof(struct thing),
    .version = 1,
    .props = thing_props,
    .realize = thing_realize,
    .unrealize = thing_unrealize,
    .reset = thing_reset,
    .quiesce = thing_quiesce,
    .unplug = thing_unplug,
};

static const struct dm_class solid_class = {
    .name = "solid",
    .size = sizeof(struct dm_device),
    .version = 1,
};

static const struct dm_pci_info card_pci = {
    .vendor = 0x1234,
    .device = 0x5678,
    .slot = PCI_SLOT_ANY,
};

static const struct dm_class card_class = {
    .name = "card",
    .size = sizeof(struct dm_pci_device),
    .version = 1,
    .pci = &card_pci,
};

static const struct dm_class *const classes[] = { &thing_class, &solid_class, &card_class, NULL };

/* Creates from "key=value" pairs ended by NULL; text of the error in *err. */
static struct dm_device *try(struct fake *f, struct dm_error *err, const char *class, ...)
{
    struct dm_option opt[8];
    const char *key;
    size_t n = 0;
    va_list ap;

    va_start(ap, class);
    while ((key = va_arg(ap, const char *)))
        opt[n++] = (struct dm_option) { key, va_arg(ap, const char *) };
    va_end(ap);
    err->text[0] = 0;
    return dm_device_create(&f->machine, class, opt, n, err);
}

static void test_values(void **state)
{
    struct fake_chardev *chr;
    struct fake_block *blk;
    struct dm_error err;
    struct thing *t;
    struct fake f;

    fake_init(&f, classes);
    blk = fake_block_create(&f, "hd0", 512);
    chr = fake_chardev_create(&f, "com1");
    realized = resets = 0;
    t = (struct thing *)try(&f, &err, "thing", "id", "t", "small", "255", "word", "0xffff",
                            "number", "0xffffffff", "big", "18446744073709551615", "flag", "on",
                            "drive", "hd0", "chardev", "com1", NULL);
    assert_non_null(t);
    assert_string_equal(t->dev.id, "t");
    assert_int_equal(t->small, 255);
    assert_int_equal(t->word, 0xffff);
    assert_int_equal(t->number, 0xffffffff);
    assert_true(t->big == UINT64_MAX);
    assert_true(t->flag);
    assert_ptr_equal(t->drive, &blk->block);
    assert_ptr_equal(t->chardev, &chr->chr);
    assert_true(blk->block.attached);
    assert_int_equal(realized, 1);
    assert_int_equal(resets, 1);
    assert_ptr_equal(dm_device_find(&f.machine, "t"), &t->dev);
    dm_device_destroy(&t->dev);
    assert_false(blk->block.attached);
    assert_null(dm_device_find(&f.machine, "t"));

    /* The last of two values counts, and the first string is not lost. */
    t = (struct thing *)try(&f, &err, "thing", "text", "one", "text", "two", "flag", "no", NULL);
    assert_non_null(t);
    assert_string_equal(t->text, "two");
    assert_false(t->flag);
    fake_finish(&f);
}

static void test_bad_options(void **state)
{
    static const char *const bad[][2] = {
        { "small", "256" },
        { "small", "-1" },
        { "small", "" },
        { "small", "1x" },
        { "number", "+1" },
        { "number", " 1" },
        { "flag", "maybe" },
        { "flag", "" },
        { "drive", "nosuch" },
        { "chardev", "no" },
        { "colour", "blue" },
        { "addr", "3" },
        { "id", "" },
        { "fail", "yes" },
        { "word", "65536" },
        { "number", "0x" },
        { "big", "18446744073709551616" },
    };
    struct dm_error err;
    char id[80];
    struct fake f;

    fake_init(&f, classes);
    realized = unrealized = 0;
    for (unsigned i = 0; i < DM_ARRAY_LEN(bad); i++) {
        /* A string before it: it must be freed. */
        assert_null(try(&f, &err, "thing", "text", "x", bad[i][0], bad[i][1], NULL));
        assert_true(strlen(err.text) > 10);
        assert_null(f.machine.devices);
    }
    memset(id, 'a', sizeof(id));
    id[sizeof(id) - 1] = 0;
    assert_null(try(&f, &err, "thing", "id", id, NULL));
    assert_null(try(&f, &err, "nothing", NULL));
    assert_non_null(strstr(err.text, "nothing"));
    assert_int_equal(realized, 0);
    assert_int_equal(unrealized, 0);
    fake_finish(&f);
}

static void test_names_and_sharing(void **state)
{
    struct dm_device *a, *b, *c;
    struct dm_error err;
    struct fake f;

    fake_init(&f, classes);
    fake_block_create(&f, "hd0", 512);
    a = try(&f, &err, "thing", NULL);
    b = try(&f, &err, "thing", "drive", "hd0", NULL);
    assert_string_equal(a->id, "thing-0");
    assert_string_equal(b->id, "thing-1");
    assert_null(try(&f, &err, "thing", "id", "thing-1", NULL));
    assert_non_null(strstr(err.text, "twice"));
    assert_null(try(&f, &err, "thing", "drive", "hd0", NULL));
    assert_non_null(strstr(err.text, "another device"));
    dm_device_destroy(a);
    c = try(&f, &err, "solid", NULL);
    a = try(&f, &err, "thing", NULL);
    assert_string_equal(a->id, "thing-0");
    assert_ptr_equal(dm_device_of_class(&f.machine, &thing_class, NULL), b);
    assert_ptr_equal(dm_device_of_class(&f.machine, &thing_class, b), a);
    assert_null(dm_device_of_class(&f.machine, &thing_class, a));
    assert_ptr_equal(dm_device_of_class(&f.machine, &solid_class, NULL), c);
    dm_device_destroy(NULL);
    fake_finish(&f);
}

/* One character back end has one user. */
struct listener {
    struct dm_device dev;
    struct dm_chardev *chardev;
};

static size_t listener_room(void *opaque)
{
    (void)opaque;
    return 1;
}

static void listener_receive(void *opaque, const uint8_t *data, size_t len)
{
    (void)opaque, (void)data, (void)len;
}

static const struct dm_chardev_user listener_user = { .room = listener_room,
                                                      .receive = listener_receive };

static int listener_realize(struct dm_device *dev, struct dm_error *err)
{
    (void)err;
    dm_chardev_set_user(((struct listener *)dev)->chardev, &listener_user, dev);
    return 0;
}

static void listener_unrealize(struct dm_device *dev)
{
    dm_chardev_set_user(((struct listener *)dev)->chardev, NULL, NULL);
}

static const struct dm_prop listener_props[] = {
    DM_PROP(struct listener, chardev, DM_PROP_CHARDEV, "chardev"),
    DM_PROPS_END,
};

static const struct dm_class listener_class = {
    .name = "listener",
    .size = sizeof(struct listener),
    .version = 1,
    .props = listener_props,
    .realize = listener_realize,
    .unrealize = listener_unrealize,
};

static void test_chardev_has_one_user(void **state)
{
    static const struct dm_class *const both[] = { &listener_class, NULL };
    struct dm_device *a;
    struct dm_error err;
    struct fake f;

    fake_init(&f, both);
    fake_chardev_create(&f, "com1");
    a = try(&f, &err, "listener", "chardev", "com1", NULL);
    assert_non_null(a);
    assert_null(try(&f, &err, "listener", "chardev", "com1", NULL));
    assert_non_null(strstr(err.text, "another device"));
    dm_device_destroy(a);
    assert_non_null(try(&f, &err, "listener", "chardev", "com1", NULL));
    fake_finish(&f);
}

static void test_pci_addresses(void **state)
{
    static const char *const bad[] = { "", "20", "1.8", "1.", "x", "1.0.0", "-1", "0x20", "1 " };
    struct dm_device *a;
    struct dm_error err;
    struct fake f;

    fake_init(&f, classes);
    for (unsigned i = 0; i < DM_ARRAY_LEN(bad); i++)
        assert_null(try(&f, &err, "card", "addr", bad[i], NULL));
    a = try(&f, &err, "card", "addr", "1d.7", NULL);
    assert_non_null(a);
    assert_int_equal(((struct dm_pci_device *)a)->devfn, 0x1d * 8 + 7);
    assert_null(try(&f, &err, "card", "addr", "0x1d.7", NULL));
    assert_non_null(strstr(err.text, "taken"));
    a = try(&f, &err, "card", NULL);
    assert_int_equal(((struct dm_pci_device *)a)->devfn, 0);
    /* Slot 1d has a function already, if not function 0: it is not free. */
    for (int i = 1; i < 31; i++)
        assert_non_null(try(&f, &err, "card", NULL));
    assert_null(try(&f, &err, "card", NULL));
    assert_non_null(strstr(err.text, "no free PCI slot"));
    assert_int_equal(f.pci_claims, 32);
    fake_finish(&f);
}

static void test_unplug(void **state)
{
    struct dm_error err;
    struct fake f;

    fake_init(&f, classes);
    quiesced = unrealized = 0;
    try(&f, &err, "thing", NULL);
    try(&f, &err, "solid", NULL);
    try(&f, &err, "thing", NULL);
    dm_machine_unplug(&f.machine, DM_UNPLUG_IDE_DISKS);
    assert_int_equal(unrealized, 0);
    dm_machine_unplug(&f.machine, DM_UNPLUG_NICS | DM_UNPLUG_IDE_DISKS);
    assert_int_equal(unrealized, 2);
    assert_int_equal(quiesced, 2);
    assert_string_equal(f.machine.devices->id, "solid-0");
    assert_null(f.machine.devices->next);
    dm_machine_unplug(&f.machine, DM_UNPLUG_NICS);
    fake_finish(&f);
}

static void test_guest_errors_are_bounded(void **state)
{
    struct dm_error err;
    struct dm_device *d;
    struct fake f;
    size_t quiet;

    fake_init(&f, classes);
    d = try(&f, &err, "solid", NULL);
    for (int i = 0; i < 1000; i++)
        dm_guest_error(d, "wrote \x1b[2J %d", i);
    assert_non_null(strstr(f.log, "solid-0: guest: wrote ?[2J 0\n"));
    assert_non_null(strstr(f.log, " 9\n"));
    assert_null(strstr(f.log, " 10\n"));
    quiet = f.log_len;
    fake_advance(&f, 60 * DM_NS_PER_SEC);
    dm_guest_error(d, "again");
    assert_true(f.log_len > quiet);
    for (int i = 0; i < 1000; i++) {
        fake_advance(&f, 60 * DM_NS_PER_SEC);
        f.log_len = 0;
        dm_guest_error(d, "on");
    }
    assert_int_equal(d->guest_errors.total, DM_LOG_BUDGET_TOTAL);
    fake_finish(&f);
}

UNIT_MAIN(cmocka_unit_test(test_values), cmocka_unit_test(test_bad_options),
          cmocka_unit_test(test_names_and_sharing), cmocka_unit_test(test_chardev_has_one_user),
          cmocka_unit_test(test_pci_addresses), cmocka_unit_test(test_unplug),
          cmocka_unit_test(test_guest_errors_are_bounded))
