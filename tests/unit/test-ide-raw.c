/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drives on real image files: from the guest's registers through the bus master to
 * io_uring (and to threads) and back, with the loop that main runs.
 */
#include "tests/unit/aio-engines.h"
#include "tests/unit/ide-rig.h"

#include "backend/raw.h"
#include "host/aio.h"
#include "host/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE_SIZE (4u << 20)
#define READY      (ATA_STATUS_DRDY | ATA_STATUS_DSC)

struct world {
    struct rig r;
    struct host_loop loop;
    char path[64];
    int fd; /* the image, for looking at it */
};

static void world_open(struct world *w, const char *class, bool readonly)
{
    static uint8_t data[IMAGE_SIZE];
    struct dm_error err;

    memset(w, 0, sizeof(*w));
    snprintf(w->path, sizeof(w->path), "/tmp/xendm-ide-XXXXXX");
    w->fd = mkostemp(w->path, O_CLOEXEC);
    assert_true(w->fd >= 0);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = rig_pattern(i);
    assert_int_equal(pwrite(w->fd, data, sizeof(data), 0), sizeof(data));
    fsync(w->fd);
    posix_fadvise(w->fd, 0, 0, POSIX_FADV_DONTNEED);
    assert_int_equal(host_loop_init(&w->loop, NULL), 0);
    rig_init(&w->r, "piix3-ide");
    w->r.f.map_chunk = DM_PAGE_SIZE; /* as the pages of a guest are */
    assert_int_equal(raw_open(&w->r.f.machine, &w->loop, "drive0", w->path, readonly, &err), 0);
    w->r.drive = fake_device(&w->r.f, class, "drive=drive0,bus=ide.0,unit=0");
}

static void world_finish(struct world *w)
{
    fake_finish(&w->r.f); /* also: no page is left mapped */
    host_loop_finish(&w->loop);
    close(w->fd);
    unlink(w->path);
}

/* The loop runs until the drive has something to say. */
static void wait_drive(struct world *w)
{
    for (unsigned i = 0; rig_altstatus(&w->r) & ATA_STATUS_BSY; i++) {
        assert_true(i < 100000);
        host_loop_turn(&w->loop, false);
        usleep(100);
    }
}

static void start_dma(struct world *w, uint8_t opcode, uint64_t lba, uint16_t count, bool to_memory)
{
    rig_command48(&w->r, 0, opcode, lba, count);
    rig_bm_start(&w->r, to_memory);
}

static void flush(struct world *w)
{
    rig_command(&w->r, 0, 0xea, 0, 0);
    wait_drive(w);
    assert_int_equal(rig_interrupt(&w->r), READY);
}

static void test_read_into_guest_pages(void **state)
{
    struct world w;

    world_open(&w, "ide-hd", false);
    assert_string_equal(host_aio_engine(w.loop.aio), *state);
    /* 256 KiB in pieces that begin and end within pages. */
    rig_prd(&w.r, 0, RIG_DATA + 0x202, 0x3fe, false);
    rig_prd(&w.r, 1, RIG_DATA + 0x1000, 65536, false);
    rig_prd(&w.r, 2, RIG_DATA + 0x20000, 65536, false);
    rig_prd(&w.r, 3, RIG_DATA + 0x40000, 65536, false);
    rig_prd(&w.r, 4, RIG_DATA + 0x60000, 65536 - 0x3fe, true);
    start_dma(&w, 0x25, 100, 512, true);
    /* Nothing is waited for in the guest's access. */
    assert_true(rig_altstatus(&w.r) & ATA_STATUS_BSY);
    assert_int_equal(rig_bm_status(&w.r), BM_STATUS_ACTIVE);
    assert_false(w.r.f.isa[14]);
    assert_true(w.r.f.mapped > 60);
    wait_drive(&w);
    assert_int_equal(rig_bm_status(&w.r), BM_STATUS_INT);
    assert_int_equal(rig_interrupt(&w.r), READY);
    for (unsigned i = 0, at = 0; i < 5; i++) {
        static const uint32_t addr[] = { 0x202, 0x1000, 0x20000, 0x40000, 0x60000 };
        static const uint32_t len[] = { 0x3fe, 65536, 65536, 65536, 65536 - 0x3fe };

        for (uint32_t k = 0; k < len[i]; k++, at++)
            assert_int_equal(w.r.f.ram[RIG_DATA + addr[i] + k], rig_pattern(100 * 512 + at));
    }
    assert_int_equal(w.r.f.ram[RIG_DATA + 0x201], 0);
    assert_int_equal(w.r.f.ram[RIG_DATA + 0x600], 0);
    assert_int_equal(w.r.f.dirty_bytes, 512 * 512);
    world_finish(&w);
}

static void test_write_reaches_the_file(void **state)
{
    static uint8_t in[96 * 512];
    struct world w;

    world_open(&w, "ide-hd", false);
    for (unsigned i = 0; i < sizeof(in); i++)
        w.r.f.ram[RIG_DATA + 6 + i] = (uint8_t)(i * 13 + 5);
    rig_prd(&w.r, 0, RIG_DATA + 6, 700, false);
    rig_prd(&w.r, 1, RIG_DATA + 706, sizeof(in) - 700, true);
    start_dma(&w, 0x35, 1000, 96, false);
    assert_true(rig_altstatus(&w.r) & ATA_STATUS_BSY);
    wait_drive(&w);
    assert_int_equal(rig_interrupt(&w.r), READY);
    flush(&w);
    assert_int_equal(pread(w.fd, in, sizeof(in), 1000 * 512), sizeof(in));
    assert_memory_equal(in, w.r.f.ram + RIG_DATA + 6, sizeof(in));
    assert_int_equal(w.r.f.dirty_bytes, 0); /* guest memory was only read */
    assert_int_equal(w.r.drive->block->flush_ops, 1);
    world_finish(&w);
}

static void test_pio(void **state)
{
    uint8_t buf[512];
    struct world w;

    world_open(&w, "ide-hd", false);
    rig_command(&w.r, 0, 0x20, 77, 2);
    for (unsigned i = 0; i < 2; i++) {
        wait_drive(&w);
        assert_int_equal(rig_interrupt(&w.r), READY | ATA_STATUS_DRQ);
        rig_read_data(&w.r, buf, 512);
        rig_expect_buf(buf, 77 + i, 512);
    }
    assert_int_equal(rig_altstatus(&w.r), READY);
    memset(buf, 0x3c, sizeof(buf));
    rig_command(&w.r, 0, 0x30, 78, 1);
    rig_write_data(&w.r, buf, 512);
    assert_true(rig_altstatus(&w.r) & ATA_STATUS_BSY);
    wait_drive(&w);
    assert_int_equal(rig_interrupt(&w.r), READY);
    memset(buf, 0, sizeof(buf));
    assert_int_equal(pread(w.fd, buf, 512, 78 * 512), 512);
    assert_int_equal(buf[511], 0x3c);
    world_finish(&w);
}

/* A reset does not wait either: the drive is busy until the kernel gave the pages back. */
static void test_reset_in_flight(void **state)
{
    struct world w;

    world_open(&w, "ide-hd", false);
    rig_prd(&w.r, 0, RIG_DATA, 65536, true);
    start_dma(&w, 0x25, 0, 128, true);
    assert_true(w.r.f.mapped > 0);
    fake_out(&w.r.f, w.r.control, 1, ATA_CONTROL_SRST);
    fake_out(&w.r.f, w.r.control, 1, 0);
    assert_int_equal(rig_altstatus(&w.r), ATA_STATUS_BSY);
    wait_drive(&w);
    assert_int_equal(rig_altstatus(&w.r), READY);
    assert_int_equal(rig_in(&w.r, ATA_REG_COUNT), 1);
    assert_false(w.r.f.isa[14]);
    assert_int_equal(w.r.f.mapped, 0);
    /* And it works again. */
    start_dma(&w, 0x25, 3, 128, true);
    wait_drive(&w);
    assert_int_equal(rig_interrupt(&w.r), READY);
    rig_expect(&w.r, RIG_DATA, 3, 65536);
    world_finish(&w);
}

/* The process is told to end, or the guest's disks are unplugged, while data move. */
static void test_end_in_flight(void **state)
{
    uint8_t in[512];
    struct world w;

    world_open(&w, "ide-hd", false);
    memset(w.r.f.ram + RIG_DATA, 0x99, 65536);
    rig_prd(&w.r, 0, RIG_DATA, 65536, true);
    start_dma(&w, 0x35, 0, 128, false);
    dm_machine_unplug(&w.r.f.machine, DM_UNPLUG_IDE_DISKS);
    assert_int_equal(w.r.f.mapped, 0);
    assert_int_equal(pread(w.fd, in, 512, 127 * 512), 512);
    assert_int_equal(in[511], 0x99); /* what was sent before is on the disk */
    world_finish(&w);

    world_open(&w, "ide-hd", false);
    rig_prd(&w.r, 0, RIG_DATA, 65536, true);
    start_dma(&w, 0x25, 0, 128, true);
    world_finish(&w);
}

static void test_save_in_flight(void **state)
{
    struct dm_buf buf = { 0 };
    struct world w;

    world_open(&w, "ide-hd", false);
    rig_prd(&w.r, 0, RIG_DATA, 65536, true);
    start_dma(&w, 0x25, 5, 128, true);
    assert_int_equal(dm_state_save(&w.r.f.machine, &buf, NULL), 0);
    assert_int_equal(w.r.f.mapped, 0);
    rig_expect(&w.r, RIG_DATA, 5, 65536);
    assert_int_equal(rig_interrupt(&w.r), READY);
    dm_buf_finish(&buf);
    world_finish(&w);
}

/* Lines about I/O that failed. */
static unsigned failures_logged(const struct world *w)
{
    unsigned n = 0;

    for (const char *at = w->r.f.log; (at = strstr(at, "failed")); at++)
        n++;
    return n;
}

/* The image cannot grow: the guest hears of it, the log once, and we go on. */
static void test_no_room(void **state)
{
    struct rlimit old, limit;
    struct world w;

    world_open(&w, "ide-hd", false);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit) { 256 * 1024, old.rlim_max };
    rig_prd(&w.r, 0, RIG_DATA, 65536, true);
    setrlimit(RLIMIT_FSIZE, &limit);
    for (unsigned i = 0; i < 3; i++) {
        start_dma(&w, 0x35, 500, 128, false);
        wait_drive(&w);
        assert_int_equal(rig_interrupt(&w.r), READY | ATA_STATUS_ERR);
        assert_int_equal(rig_in(&w.r, ATA_REG_FEATURES), ATA_ERROR_ABRT);
        rig_bm_stop(&w.r);
    }
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(failures_logged(&w), 1);
    assert_non_null(strstr(w.r.f.log, w.path));
    assert_non_null(strstr(w.r.f.log, "File too large"));
    start_dma(&w, 0x35, 600, 128, false);
    wait_drive(&w);
    assert_int_equal(rig_interrupt(&w.r), READY);
    world_finish(&w);
}

/* Somebody cut the file: an error, not somebody else's memory. */
static void test_image_cut_short(void **state)
{
    struct world w;

    world_open(&w, "ide-hd", false);
    assert_int_equal(ftruncate(w.fd, 1000 * 512), 0);
    rig_prd(&w.r, 0, RIG_DATA, 65536, true);
    start_dma(&w, 0x25, 900, 128, true);
    wait_drive(&w);
    assert_int_equal(rig_interrupt(&w.r), READY | ATA_STATUS_ERR);
    assert_int_equal(rig_in(&w.r, ATA_REG_FEATURES), ATA_ERROR_UNC);
    rig_bm_stop(&w.r);
    /* By PIO what we read ahead of the guest fails only when it comes to it. */
    rig_command(&w.r, 0, 0x20, 999, 2);
    wait_drive(&w);
    assert_int_equal(rig_interrupt(&w.r), READY | ATA_STATUS_DRQ);
    world_finish(&w);
}

static void test_trim_makes_a_hole(void **state)
{
    struct stat before, after;
    uint8_t in[512];
    struct world w;

    world_open(&w, "ide-hd", false);
    if (!w.r.drive->block->discard) { /* the file system cannot: the guest is told no */
        rig_out(&w.r, ATA_REG_FEATURES, 1);
        rig_command48(&w.r, 0, 0x06, 0, 1);
        assert_int_equal(rig_interrupt(&w.r), READY | ATA_STATUS_ERR);
        world_finish(&w);
        return;
    }
    fstat(w.fd, &before);
    memset(w.r.f.ram + RIG_DATA, 0, 512);
    dm_put_le(w.r.f.ram + RIG_DATA, 6, 1024);
    dm_put_le(w.r.f.ram + RIG_DATA + 6, 2, 2048);
    rig_prd(&w.r, 0, RIG_DATA, 512, true);
    rig_out(&w.r, ATA_REG_FEATURES, 1);
    start_dma(&w, 0x06, 0, 1, false);
    wait_drive(&w);
    assert_int_equal(rig_interrupt(&w.r), READY);
    fstat(w.fd, &after);
    assert_int_equal(after.st_size, before.st_size);
    assert_true(after.st_blocks <= before.st_blocks - 2048 + 16);
    assert_int_equal(pread(w.fd, in, 512, 3071 * 512), 512);
    assert_int_equal(in[0], 0);
    assert_int_equal(pread(w.fd, in, 512, 3072 * 512), 512);
    rig_expect_buf(in, 3072, 512);
    world_finish(&w);
}

static void packet(struct world *w, const uint8_t p[12], uint8_t features)
{
    rig_out(&w->r, ATA_REG_FEATURES, features);
    rig_command(&w->r, 0, 0xa0, 0xfffe00, 0);
    rig_write_data(&w->r, p, 12);
}

static void test_cd(void **state)
{
    static const uint8_t ready[12] = { 0 };
    static const uint8_t read_10[12] = { 0x28, 0, 0, 0, 0, 20, 0, 0, 16 };
    static const uint8_t read_cd[12] = { 0xbe, 0, 0, 0, 0, 9, 0, 0, 1, 0xf8 };
    uint8_t frame[2352];
    struct world w;

    world_open(&w, "ide-cd", true);
    packet(&w, ready, 0);
    assert_int_equal(rig_interrupt(&w.r), READY | ATA_STATUS_ERR);
    rig_prd(&w.r, 0, RIG_DATA, 16 * 2048, true);
    packet(&w, read_10, 1);
    rig_bm_start(&w.r, true);
    assert_true(rig_altstatus(&w.r) & ATA_STATUS_BSY);
    wait_drive(&w);
    assert_int_equal(rig_interrupt(&w.r), READY);
    rig_expect(&w.r, RIG_DATA, 80, 16 * 2048);
    rig_bm_stop(&w.r);
    packet(&w, read_cd, 0);
    wait_drive(&w);
    assert_int_equal(rig_interrupt(&w.r), READY | ATA_STATUS_DRQ);
    assert_int_equal(rig_in(&w.r, ATA_REG_LBA_MID) | rig_in(&w.r, ATA_REG_LBA_HIGH) << 8, 2352);
    rig_read_data(&w.r, frame, sizeof(frame));
    assert_int_equal(rig_interrupt(&w.r), READY);
    rig_expect_buf(frame + 16, 36, 2048);
    assert_memory_equal(frame + 12, "\x00\x02\x09\x01", 4);
    /* The file is cut underneath: sense 3/11. */
    assert_int_equal(ftruncate(w.fd, 22 * 2048), 0);
    packet(&w, read_10, 1);
    rig_bm_start(&w.r, true);
    wait_drive(&w);
    assert_int_equal(rig_interrupt(&w.r), READY | ATA_STATUS_ERR);
    assert_int_equal(rig_in(&w.r, ATA_REG_FEATURES), 0x30);
    world_finish(&w);
}

UNIT_MAIN(BOTH_ENGINES(test_read_into_guest_pages), BOTH_ENGINES(test_write_reaches_the_file),
          BOTH_ENGINES(test_pio), BOTH_ENGINES(test_reset_in_flight),
          BOTH_ENGINES(test_end_in_flight), BOTH_ENGINES(test_save_in_flight),
          BOTH_ENGINES(test_no_room), BOTH_ENGINES(test_image_cut_short),
          BOTH_ENGINES(test_trim_makes_a_hole), BOTH_ENGINES(test_cd))
