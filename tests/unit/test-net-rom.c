/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Option ROMs of network cards, from files of the host. */
#include "tests/unit/unit.h"

#include "dm/pci.h"
#include "host/rom.h"
#include "hw/classes.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct dm_class *const classes[] = { &e1000_class, &rtl8139_class, NULL };
static const struct {
    const char *model, *rom;
} cards[] = { { "e1000", "pxe-e1000.rom" }, { "rtl8139", "pxe-rtl8139.rom" } };
static char dir[] = "/tmp/xendm-rom.XXXXXX";

static void write_rom(const char *name, size_t size)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < size; i++)
        fputc(i == 0 ? 0x55 : i == 1 ? 0xaa : (int)(i * 7 & 0xff), f);
    fclose(f);
}

static int setup(void **state)
{
    struct fake *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    fake_init(f, classes);
    f->machine.load_rom = host_rom_load;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fake_finish(*state);
    free(*state);
    return 0;
}

/* The guest reads the file through the ROM BAR, and ones behind it. */
static void check_rom(struct fake *f, struct dm_pci_device *dev, size_t size)
{
    assert_int_equal(dev->rom_size, size);
    fake_config_out(f, dev->devfn, PCI_ROM_ADDRESS, 4, 0xffffffff);
    assert_int_equal(fake_config_in(f, dev->devfn, PCI_ROM_ADDRESS, 4), 0xfffe0001);
    fake_config_out(f, dev->devfn, PCI_ROM_ADDRESS, 4, 0xf0000001);
    fake_config_out(f, dev->devfn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    assert_int_equal(fake_load(f, 0xf0000000, 2), 0xaa55);
    assert_int_equal(fake_load(f, 0xf0000000 + size - 1, 1), (size - 1) * 7 & 0xff);
    assert_int_equal(fake_load(f, 0xf0000000 + size, 4), 0xffffffff);
    fake_config_out(f, dev->devfn, PCI_ROM_ADDRESS, 4, 0);
}

static void test_usual(void **state)
{
    struct fake *f = *state;

    for (size_t i = 0; i < DM_ARRAY_LEN(cards); i++) {
        write_rom(cards[i].rom, 75264 + 512 * i);
        check_rom(f, fake_device(f, cards[i].model, ""), 75264 + 512 * i);
    }
    assert_int_equal(f->log_len, 0);
}

static void test_named(void **state)
{
    struct fake *f = *state;
    char options[128];

    write_rom("own.rom", 70000);
    snprintf(options, sizeof(options), "romfile=%s/own.rom", dir);
    for (size_t i = 0; i < DM_ARRAY_LEN(cards); i++) {
        check_rom(f, fake_device(f, cards[i].model, "romfile=own.rom"), 70000);
        check_rom(f, fake_device(f, cards[i].model, options), 70000);
    }
}

static void refused(struct fake *f, const char *model, const char *romfile, const char *why)
{
    struct dm_option opt = { "romfile", romfile };
    struct dm_error err = { { 0 } };

    assert_null(dm_device_create(&f->machine, model, &opt, romfile ? 1 : 0, &err));
    if (!strstr(err.text, why))
        fail_msg("'%s' has no '%s'", err.text, why);
    assert_null(strchr(err.text, '\n'));
}

/* A guest that may boot from the network needs the ROM; to others its absence is said once. */
static void test_missing(void **state)
{
    struct fake *f = *state;

    assert_int_equal(setenv("XENDM_FIRMWARE_DIR", "/nonexistent", 1), 0);
    for (size_t i = 0; i < DM_ARRAY_LEN(cards); i++) {
        struct dm_pci_device *dev;

        strcpy(f->machine.boot_order, "dc");
        f->log_len = 0;
        dev = fake_device(f, cards[i].model, "");
        assert_int_equal(dev->rom_size, 0);
        assert_int_equal(dev->bar[PCI_ROM_BAR].size, 0);
        assert_non_null(strstr(f->log, "no network boot: firmware '/nonexistent/pxe-"));
        assert_ptr_equal(strchr(f->log, '\n'), f->log + f->log_len - 1);
        strcpy(f->machine.boot_order, "cn");
        refused(f, cards[i].model, NULL, "/nonexistent/pxe-");
        fake_device(f, cards[i].model, "romfile=");
        fake_device(f, cards[i].model, "rombar=0");
    }
    assert_int_equal(setenv("XENDM_FIRMWARE_DIR", dir, 1), 0);
}

static void test_bad(void **state)
{
    struct fake *f = *state;
    char path[128];

    write_rom("empty.rom", 0);
    write_rom("large.rom", HOST_ROM_MAX + 1);
    snprintf(path, sizeof(path), "%s/folder.rom", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    for (size_t i = 0; i < DM_ARRAY_LEN(cards); i++) {
        refused(f, cards[i].model, "none.rom", "none.rom': No such file");
        refused(f, cards[i].model, "/nonexistent/none.rom", "/nonexistent/none.rom': No such file");
        refused(f, cards[i].model, "../own.rom", "../own.rom': neither");
        refused(f, cards[i].model, ".own.rom", ".own.rom': neither");
        refused(f, cards[i].model, "empty.rom", "empty.rom': not a file of");
        refused(f, cards[i].model, "large.rom", "large.rom': not a file of");
        refused(f, cards[i].model, "folder.rom", "folder.rom': not a file of");
    }
}

static int enter(void **state)
{
    (void)state;
    return mkdtemp(dir) ? setenv("XENDM_FIRMWARE_DIR", dir, 1) : -1;
}

static int leave(void **state)
{
    char line[64];

    (void)state;
    snprintf(line, sizeof(line), "rm -r %s", dir);
    return system(line);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(test_usual), TEST(test_named), TEST(test_missing),
                                        TEST(test_bad) };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, enter, leave);
}
