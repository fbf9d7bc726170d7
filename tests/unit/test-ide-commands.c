/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk's commands that move no disk data: IDENTIFY, features, power, SMART. */
#include "tests/unit/ide-rig.h"

#include <stdlib.h>

#define READY  (ATA_STATUS_DRDY | ATA_STATUS_DSC)
#define FAILED (READY | ATA_STATUS_ERR)

static uint16_t identify_word(const uint8_t *id, unsigned n)
{
    return (uint16_t)dm_get_le(id + 2 * n, 2);
}

static void identify(struct rig *r, unsigned dev, uint8_t *id)
{
    uint8_t sum = 0;

    rig_command(r, dev, 0xec, 0, 0);
    assert_int_equal(rig_interrupt(r), READY | ATA_STATUS_DRQ);
    rig_read_data(r, id, 512);
    assert_int_equal(rig_in(r, ATA_REG_COMMAND), READY);
    for (unsigned i = 0; i < 512; i++)
        sum = (uint8_t)(sum + id[i]);
    assert_int_equal(id[510], 0xa5);
    assert_int_equal(sum, 0);
}

static void identify_text(const uint8_t *id, unsigned word, unsigned len, char *text)
{
    for (unsigned i = 0; i < len; i++)
        text[i] = (char)id[(2 * word + i) ^ 1];
    text[len] = 0;
}

static void test_identify(void **state)
{
    char text[41];
    uint8_t id[512];
    struct rig r;

    rig_disk(&r, 20 * 16 * 63 + 9);
    identify(&r, 0, id);
    assert_int_equal(identify_word(id, 0) & 0x8000, 0);
    assert_int_equal(identify_word(id, 1), 20);
    assert_int_equal(identify_word(id, 3), 16);
    assert_int_equal(identify_word(id, 6), 63);
    identify_text(id, 10, 20, text);
    assert_string_equal(text, "QM00001             ");
    identify_text(id, 27, 40, text);
    assert_string_equal(text, "QEMU HARDDISK                           ");
    identify_text(id, 23, 8, text);
    assert_string_equal(text, "2.5+    ");
    assert_int_equal(dm_get_le(id + 2 * 57, 4), 20 * 16 * 63);
    assert_int_equal(dm_get_le(id + 2 * 60, 4), 20 * 16 * 63 + 9);
    assert_int_equal(dm_get_le(id + 2 * 100, 8), 20 * 16 * 63 + 9);
    assert_int_equal(identify_word(id, 63), 0x0007);
    assert_int_equal(identify_word(id, 88), 0x003f);
    assert_int_equal(identify_word(id, 93) & 0xe000, 0x6000); /* valid, 80 wires */
    assert_int_equal(identify_word(id, 169), 1);
    assert_int_equal(identify_word(id, 59), 0x0110);
    assert_int_equal(identify_word(id, 83) & 0xc400, 0x4400);

    r.disk->block.discard = false;
    identify(&r, 0, id);
    assert_int_equal(identify_word(id, 169), 0);
    assert_int_equal(identify_word(id, 105), 0);
    /* A translation other than the default shows in the current words. */
    rig_out(&r, ATA_REG_DEVICE, 0xa0 | 7);
    rig_out(&r, ATA_REG_COUNT, 32);
    rig_out(&r, ATA_REG_COMMAND, 0x91);
    identify(&r, 0, id);
    assert_int_equal(identify_word(id, 54), (20 * 16 * 63 + 9) / (8 * 32));
    assert_int_equal(identify_word(id, 55), 8);
    assert_int_equal(identify_word(id, 56), 32);
    fake_finish(&r.f);
}

/* A disk beyond what 28 bits can say; strings given; the second drive. */
static void test_identify_large(void **state)
{
    char text[41];
    uint8_t id[512];
    struct fake_block *b;
    struct rig r;

    rig_disk(&r, 64);
    b = fake_block_create(&r.f, "hdb", 512);
    b->block.size = 3ull << 40;
    fake_device(&r.f, "ide-hd", "drive=hdb,bus=ide.0,unit=1,serial=S1,model=A disk,ver=9");
    identify(&r, 1, id);
    assert_int_equal(identify_word(id, 1), 16383);
    assert_int_equal(dm_get_le(id + 2 * 60, 4), 0x0fffffff);
    assert_int_equal(dm_get_le(id + 2 * 100, 8), 3ull << 31);
    assert_int_equal(identify_word(id, 93) & 0xe100, 0x6100);
    identify_text(id, 10, 20, text);
    assert_memory_equal(text, "S1  ", 4);
    identify_text(id, 27, 40, text);
    assert_memory_equal(text, "A disk  ", 8);

    rig_command(&r, 1, 0xf8, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_LOW), 0xff);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_HIGH), 0xff);
    rig_command48(&r, 1, 0x27, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_MID), 0xff);
    fake_out(&r.f, r.control, 1, ATA_CONTROL_HOB);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_LOW), ((3ull << 31) - 1) >> 24 & 0xff);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_MID), 1);
    rig_out(&r, ATA_REG_FEATURES, 0); /* any write takes HOB away */
    assert_int_equal(rig_in(&r, ATA_REG_LBA_MID), 0xff);
    fake_finish(&r.f);
}

static void test_transfer_modes(void **state)
{
    static const struct {
        uint8_t mode;
        bool ok;
        uint16_t w63, w88;
    } modes[] = {
        { 0x22, true, 0x0407, 0x003f },  { 0x45, true, 0x0007, 0x203f },
        { 0x46, false, 0x0007, 0x203f }, { 0x0c, true, 0x0007, 0x203f },
        { 0x0d, false, 0x0007, 0x203f }, { 0x23, false, 0x0007, 0x203f },
        { 0x12, false, 0x0007, 0x203f }, { 0x20, true, 0x0107, 0x003f },
        { 0x00, true, 0x0107, 0x003f },  { 0x02, false, 0x0107, 0x003f },
        { 0xff, false, 0x0107, 0x003f },
    };
    uint8_t id[512];
    struct rig r;

    rig_disk(&r, 64);
    for (unsigned i = 0; i < DM_ARRAY_LEN(modes); i++) {
        rig_features(&r, 0, ATA_SF_TRANSFER_MODE, modes[i].mode);
        assert_int_equal(rig_interrupt(&r), modes[i].ok ? READY : FAILED);
        identify(&r, 0, id);
        assert_int_equal(identify_word(id, 63), modes[i].w63);
        assert_int_equal(identify_word(id, 88), modes[i].w88);
    }
    rig_roundtrip(&r);
    fake_finish(&r.f);
}

static void test_features(void **state)
{
    uint8_t id[512];
    struct rig r;

    rig_disk(&r, 64);
    identify(&r, 0, id);
    assert_int_equal(identify_word(id, 85), 0x4069);
    rig_features(&r, 0, ATA_SF_WRITE_CACHE_OFF, 0);
    rig_features(&r, 0, ATA_SF_LOOK_AHEAD_OFF, 0);
    identify(&r, 0, id);
    assert_int_equal(identify_word(id, 85), 0x4009);
    rig_features(&r, 0, 0x05, 0x80); /* advanced power management: none */
    assert_int_equal(rig_interrupt(&r), FAILED);
    assert_int_equal(rig_in(&r, ATA_REG_FEATURES), ATA_ERROR_ABRT);

    /* Settings survive a software reset, unless told otherwise. */
    fake_out(&r.f, r.control, 1, ATA_CONTROL_SRST);
    fake_out(&r.f, r.control, 1, 0);
    identify(&r, 0, id);
    assert_int_equal(identify_word(id, 85), 0x4009);
    rig_features(&r, 0, ATA_SF_REVERT_SETTINGS, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    fake_out(&r.f, r.control, 1, ATA_CONTROL_SRST);
    fake_out(&r.f, r.control, 1, 0);
    identify(&r, 0, id);
    assert_int_equal(identify_word(id, 85), 0x4069);
    fake_finish(&r.f);
}

static void test_power(void **state)
{
    static const struct {
        uint8_t opcode, power;
    } steps[] = { { 0xe5, 0xff }, { 0xe3, 0x80 }, { 0xe2, 0x00 }, { 0xe1, 0x80 }, { 0xe0, 0x00 },
                  { 0x40, 0xff }, { 0x97, 0x80 }, { 0x94, 0x00 }, { 0x95, 0x80 }, { 0x96, 0x00 } };
    struct rig r;

    rig_disk(&r, 64);
    for (unsigned i = 0; i < DM_ARRAY_LEN(steps); i++) {
        rig_command(&r, 0, steps[i].opcode, 0, 1);
        assert_int_equal(rig_interrupt(&r), READY);
        rig_command(&r, 0, i % 2 ? 0x98 : 0xe5, 0, 0);
        assert_int_equal(rig_interrupt(&r), READY);
        assert_int_equal(rig_in(&r, ATA_REG_COUNT), steps[i].power);
    }
    rig_command(&r, 0, 0xe6, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_command(&r, 0, 0xe5, 0, 0); /* asleep: hears nothing but a reset */
    assert_false(r.f.isa[14]);
    rig_roundtrip(&r);
    fake_out(&r.f, r.control, 1, ATA_CONTROL_SRST);
    fake_out(&r.f, r.control, 1, 0);
    rig_command(&r, 0, 0xe5, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_int_equal(rig_in(&r, ATA_REG_COUNT), 0xff);
    fake_finish(&r.f);
}

static void smart(struct rig *r, uint8_t sub, uint8_t low, uint8_t count)
{
    rig_out(r, ATA_REG_FEATURES, sub);
    rig_command(r, 0, 0xb0, 0xc24f00u | low, count);
}

static uint8_t smart_sum(const uint8_t *buf)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 512; i++)
        sum = (uint8_t)(sum + buf[i]);
    return sum;
}

static void test_smart(void **state)
{
    uint8_t buf[512];
    struct rig r;

    rig_disk(&r, 64);
    smart(&r, SMART_RETURN_STATUS, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_MID), 0x4f);
    assert_int_equal(rig_in(&r, ATA_REG_LBA_HIGH), 0xc2);

    smart(&r, SMART_READ_DATA, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY | ATA_STATUS_DRQ);
    rig_read_data(&r, buf, 512);
    assert_int_equal(smart_sum(buf), 0);
    assert_int_equal(dm_get_le(buf, 2), 0x10);
    assert_int_equal(buf[2], 1);
    smart(&r, SMART_READ_THRESHOLDS, 0, 0);
    rig_read_data(&r, buf, 512);
    assert_int_equal(smart_sum(buf), 0);
    assert_int_equal(buf[2], 1);
    assert_int_equal(buf[3], 6);

    smart(&r, SMART_READ_LOG, 0, 1);
    rig_read_data(&r, buf, 512);
    assert_int_equal(buf[2 * 6], 1);
    smart(&r, SMART_READ_LOG, 1, 1);
    rig_read_data(&r, buf, 512);
    assert_int_equal(smart_sum(buf), 0);
    smart(&r, SMART_READ_LOG, 9, 1);
    assert_int_equal(rig_interrupt(&r), FAILED);
    smart(&r, SMART_READ_LOG, 1, 2);
    assert_int_equal(rig_interrupt(&r), FAILED);

    /* Self-tests: the log holds the newest 21. */
    smart(&r, SMART_EXECUTE, 0x05, 0);
    assert_int_equal(rig_interrupt(&r), FAILED);
    for (unsigned i = 0; i < 22; i++) {
        smart(&r, SMART_EXECUTE, i ? 1 : 2, 0);
        assert_int_equal(rig_interrupt(&r), READY);
    }
    smart(&r, SMART_EXECUTE, 0x7f, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    smart(&r, SMART_READ_LOG, 6, 1);
    rig_read_data(&r, buf, 512);
    assert_int_equal(smart_sum(buf), 0);
    assert_int_equal(buf[508], 21);
    assert_int_equal(buf[2], 1); /* the extended one has left */

    smart(&r, SMART_AUTOSAVE, 0, 0xf1);
    assert_int_equal(rig_interrupt(&r), READY);
    smart(&r, 0x77, 0, 0);
    assert_int_equal(rig_interrupt(&r), FAILED);
    smart(&r, SMART_DISABLE, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    smart(&r, SMART_READ_DATA, 0, 0);
    assert_int_equal(rig_interrupt(&r), FAILED);
    rig_roundtrip(&r);
    smart(&r, SMART_ENABLE, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_out(&r, ATA_REG_FEATURES, SMART_READ_DATA);
    rig_command(&r, 0, 0xb0, 0, 0); /* without the key */
    assert_int_equal(rig_interrupt(&r), FAILED);
    fake_finish(&r.f);
}

static void test_refused(void **state)
{
    /* NOP, packet device's, download, security, HPA, none at all. */
    static const uint8_t bad[] = { 0x00, 0x08, 0x92, 0xa0, 0xa1, 0xf1, 0xf2, 0xf3,
                                   0xf4, 0xf5, 0xf6, 0x37, 0xf9, 0x60, 0xff };
    struct rig r;

    rig_disk(&r, 64);
    for (unsigned i = 0; i < DM_ARRAY_LEN(bad); i++) {
        rig_command(&r, 0, bad[i], 0, 1);
        assert_int_equal(rig_interrupt(&r), FAILED);
        assert_int_equal(rig_in(&r, ATA_REG_FEATURES), ATA_ERROR_ABRT);
    }
    rig_command(&r, 0, 0x10, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    rig_command(&r, 0, 0x1f, 0, 0);
    assert_int_equal(rig_interrupt(&r), READY);
    fake_finish(&r.f);
}

UNIT_MAIN(cmocka_unit_test(test_identify), cmocka_unit_test(test_identify_large),
          cmocka_unit_test(test_transfer_modes), cmocka_unit_test(test_features),
          cmocka_unit_test(test_power), cmocka_unit_test(test_smart),
          cmocka_unit_test(test_refused))
