/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast are IDE disks and CDs? The driver here sends the accesses that a guest's does, in
 * its order, to a device model on tests/sim:
 *   DMA    Linux's libata on a PIIX (libata-sff.c: ata_bmdma_qc_issue and ata_bmdma_port_intr),
 *          48-bit commands, a table entry a page, pages all over the guest's memory
 *   PIO    a BIOS or boot loader: status, the block by rep ins or rep outs, alternate status
 *   ATAPI  libata's PACKET by DMA
 *
 * A command's time is compared with its floor, taken in turns with it: what the
 * model's system calls for the same data cost here (preadv, pwritev, fdatasync on the same file,
 * the same guest pages), and as many bare ping-pongs as there were requests to the model. The
 * images are in the page cache. All are medians, so a busy machine disturbs them little.
 *
 * usage: bench-ide [options of sim_options_parse] [--seconds S] [--dir DIR] [ROW...]
 * Prints lines "KEY VALUE UNIT".
 */
#include "dm/bytes.h"
#include "hw/ide/ide-regs.h"
#include "tests/sim/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECTOR      512u
#define PAGE        4096u
#define IMAGE       (64u << 20) /* bytes */
#define SLICES      8           /* model and floor take turns so often */
#define BATCH       16          /* commands one after the other; the first is checked */
#define ROUNDS      1000        /* ping-pongs a slice */
#define SAMPLES     (1u << 18)
#define IRQ_MS      10000

/* Guest memory. */
#define TABLE_AT    0x100000u /* of the bus master */
#define DATA_AT     0x1000000u
#define DATA_PAGES  (64u << 8) /* 64 MiB */
#define COMMAND_MAX 32u        /* pages of a command */

enum how { DMA_READ, DMA_WRITE, PIO_READ, PIO_WRITE, CD_READ, CD_PIO_READ, FLUSH };

struct row {
    const char *name;
    enum how how;
    uint32_t bytes; /* a command */
    bool random;
    unsigned mult; /* sectors of a PIO block */
};

static const struct row rows[] = {
    { "ide_dma_read_128k", DMA_READ, 131072, false, 1 },
    { "ide_dma_read_4k_random", DMA_READ, 4096, true, 1 },
    { "ide_dma_write_128k", DMA_WRITE, 131072, false, 1 },
    { "ide_dma_write_4k_random", DMA_WRITE, 4096, true, 1 },
    { "ide_pio_read", PIO_READ, 65536, false, 1 },
    { "ide_pio_read_multiple_16", PIO_READ, 131072, false, 16 },
    { "ide_pio_write", PIO_WRITE, 65536, false, 1 },
    { "ide_pio_write_multiple_16", PIO_WRITE, 131072, false, 16 },
    { "atapi_dma_read_64k", CD_READ, 65536, false, 1 },
    { "atapi_pio_read_64k", CD_PIO_READ, 65536, false, 1 },
    { "ide_write_4k_flush", FLUSH, 4096, true, 1 },
};

struct channel {
    uint16_t command, control, bm;
    unsigned irq;
};

/* Where a command's data are. */
struct place {
    uint64_t off; /* on the image */
    unsigned pages;
    uint64_t gpa[COMMAND_MAX];
};

struct bench {
    struct sim *sim;
    struct channel disk, cd;
    int disk_fd, cd_fd;
    uint8_t *data;  /* guest memory from DATA_AT on, mapped again for the floor */
    uint32_t *page; /* the guest's pages, shuffled; numbers from DATA_AT on */
    unsigned next_page;
    uint64_t next, random; /* where the next command goes on the image */
    const struct row *row;
    struct place at; /* of the current command */
};

struct result {
    uint32_t *command_ns, *data_ns, *pong_ns;
    size_t commands, data, pongs;
    uint64_t requests, cpu_ns;
};

static void fail(const char *what)
{
    fprintf(stderr, "bench-ide: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Each sector begins with its number: reads are checked by it. */
static int image_make(const char *dir, char path[4096])
{
    static uint64_t chunk[(1 << 20) / 8];
    int fd;

    snprintf(path, 4096, "%s/bench-ide-XXXXXX", dir);
    fd = mkstemp(path);
    if (fd < 0)
        fail(path);
    for (uint64_t at = 0; at < IMAGE; at += sizeof(chunk)) {
        for (unsigned i = 0; i < sizeof(chunk) / SECTOR; i++)
            chunk[i * (SECTOR / 8)] = at / SECTOR + i;
        if (write(fd, chunk, sizeof(chunk)) != (ssize_t)sizeof(chunk))
            fail(path);
    }
    if (fsync(fd))
        fail(path);
    return fd;
}

static uint64_t random_next(struct bench *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return b->random;
}

static void pages_map(struct bench *b)
{
    size_t len = (size_t)DATA_PAGES * PAGE;
    void *first = sim_ram(b->sim, DATA_AT, len);

    if (!first)
        sim_fail(b->sim, "guest memory is not in one piece");
    b->data = mremap(first, 0, len, MREMAP_MAYMOVE); /* of length 0: a second one */
    if (b->data == MAP_FAILED)
        fail("mremap");
    for (size_t at = 0; at < len; at += PAGE)
        *(volatile uint8_t *)(b->data + at) = 0;
}

static void pages_shuffle(struct bench *b)
{
    b->page = calloc(DATA_PAGES, sizeof(*b->page));
    if (!b->page)
        fail("memory");
    for (uint32_t i = 0; i < DATA_PAGES; i++)
        b->page[i] = i;
    for (uint32_t i = DATA_PAGES - 1; i; i--) {
        uint32_t j = (uint32_t)(random_next(b) % (i + 1)), other = b->page[j];

        b->page[j] = b->page[i];
        b->page[i] = other;
    }
}

static bool row_writes(const struct row *row)
{
    return row->how == DMA_WRITE || row->how == PIO_WRITE || row->how == FLUSH;
}

/* Sectors to be written get their numbers. Those to be read over: others. */
static void place_prepare(struct bench *b, const struct place *p)
{
    for (uint32_t at = 0; at < b->row->bytes; at += SECTOR) {
        uint64_t *word = sim_ram(b->sim, p->gpa[at / PAGE] + at % PAGE, 8);

        *word = row_writes(b->row) ? (p->off + at) / SECTOR : UINT64_MAX;
    }
}

/* Where the next command goes: on the image, and in memory. */
static void place_next(struct bench *b, struct place *p)
{
    uint64_t at = b->row->random ? random_next(b) : b->next++;

    p->off = at % (IMAGE / b->row->bytes) * b->row->bytes;
    p->pages = (b->row->bytes + PAGE - 1) / PAGE;
    for (unsigned i = 0; i < p->pages; i++)
        p->gpa[i] = DATA_AT + (uint64_t)b->page[b->next_page++ % DATA_PAGES] * PAGE;
    place_prepare(b, p);
}

static void place_check(struct bench *b, const struct place *p)
{
    for (uint32_t at = 0; at < b->row->bytes; at += SECTOR) {
        uint64_t *word = sim_ram(b->sim, p->gpa[at / PAGE] + at % PAGE, 8);
        uint64_t want = (p->off + at) / SECTOR;

        if (row_writes(b->row) && pread(b->disk_fd, word, 8, (off_t)(p->off + at)) != 8)
            fail("the image");
        if (*word != want)
            sim_fail(b->sim, "sector %llu has number %llu", (unsigned long long)want,
                     (unsigned long long)*word);
    }
}

/* --- what drivers do --- */

static uint8_t in8(struct bench *b, unsigned port)
{
    return (uint8_t)sim_in(b->sim, (uint16_t)port, 1);
}

static void out8(struct bench *b, unsigned port, unsigned val)
{
    sim_out(b->sim, (uint16_t)port, 1, val & 0xff);
}

/* ata_wait_idle and ata_sff_busy_wait */
static uint8_t wait_status(struct bench *b, const struct channel *c, uint8_t clear)
{
    uint8_t status;

    for (unsigned i = 0; i < 100000; i++) {
        status = in8(b, c->command + ATA_REG_COMMAND);
        if (!(status & clear))
            return status;
    }
    sim_fail(b->sim, "the drive stays busy: status %02x", status);
}

static void wait_irq(struct bench *b, const struct channel *c)
{
    if (sim_wait_irq(b->sim, c->irq, IRQ_MS))
        sim_fail(b->sim, "no interrupt %u; status %02x", c->irq, in8(b, c->control));
}

/* ata_dev_select */
static void libata_select(struct bench *b, const struct channel *c)
{
    wait_status(b, c, ATA_STATUS_BSY | ATA_STATUS_DRQ);
    out8(b, c->command + ATA_REG_DEVICE, ATA_DEVICE_OBS);
    in8(b, c->control);
    wait_status(b, c, ATA_STATUS_BSY | ATA_STATUS_DRQ);
}

/* ata_sff_tf_load */
static void libata_taskfile(struct bench *b, const struct channel *c, bool ext, unsigned features,
                            unsigned count, uint64_t lba, unsigned device)
{
    if (ext) {
        out8(b, c->command + ATA_REG_FEATURES, 0);
        out8(b, c->command + ATA_REG_COUNT, count >> 8);
        out8(b, c->command + ATA_REG_LBA_LOW, (unsigned)(lba >> 24));
        out8(b, c->command + ATA_REG_LBA_MID, (unsigned)(lba >> 32));
        out8(b, c->command + ATA_REG_LBA_HIGH, (unsigned)(lba >> 40));
    }
    out8(b, c->command + ATA_REG_FEATURES, features);
    out8(b, c->command + ATA_REG_COUNT, count);
    out8(b, c->command + ATA_REG_LBA_LOW, (unsigned)lba);
    out8(b, c->command + ATA_REG_LBA_MID, (unsigned)(lba >> 8));
    out8(b, c->command + ATA_REG_LBA_HIGH, (unsigned)(lba >> 16));
    out8(b, c->command + ATA_REG_DEVICE, device);
    wait_status(b, c, ATA_STATUS_BSY | ATA_STATUS_DRQ);
}

/* ata_sff_exec_command */
static void libata_exec(struct bench *b, const struct channel *c, unsigned command)
{
    out8(b, c->command + ATA_REG_COMMAND, command);
    in8(b, c->control);
}

/* ata_bmdma_qc_prep, in the guest's memory, and ata_bmdma_setup */
static void libata_dma_setup(struct bench *b, const struct channel *c, bool read, unsigned command)
{
    uint8_t *table = sim_ram(b->sim, TABLE_AT, COMMAND_MAX * 8);
    unsigned bm;

    for (unsigned i = 0; i < b->at.pages; i++) {
        dm_put_le(table + i * 8, 4, b->at.gpa[i]);
        dm_put_le(table + i * 8 + 4, 4, PAGE | (i == b->at.pages - 1 ? PRD_EOT : 0));
    }
    sim_out(b->sim, (uint16_t)(c->bm + BM_REG_PRDT), 4, TABLE_AT);
    bm = in8(b, c->bm + BM_REG_COMMAND) & (unsigned)~(BM_COMMAND_READ | BM_COMMAND_START);
    out8(b, c->bm + BM_REG_COMMAND, bm | (read ? BM_COMMAND_READ : 0));
    libata_exec(b, c, command);
}

static void libata_dma_start(struct bench *b, const struct channel *c)
{
    out8(b, c->bm + BM_REG_COMMAND, in8(b, c->bm + BM_REG_COMMAND) | BM_COMMAND_START);
}

/* ata_bmdma_port_intr */
static void libata_dma_end(struct bench *b, const struct channel *c)
{
    uint8_t status, bm;

    wait_irq(b, c);
    bm = in8(b, c->bm + BM_REG_STATUS);
    if (!(bm & BM_STATUS_INT))
        sim_fail(b->sim, "an interrupt, and the bus master says there is none: %02x", bm);
    out8(b, c->bm + BM_REG_COMMAND, in8(b, c->bm + BM_REG_COMMAND) & ~BM_COMMAND_START);
    in8(b, c->control); /* ata_sff_dma_pause */
    in8(b, c->control); /* ata_sff_irq_status */
    status = in8(b, c->command + ATA_REG_COMMAND);
    out8(b, c->bm + BM_REG_STATUS, in8(b, c->bm + BM_REG_STATUS)); /* ata_bmdma_irq_clear */
    if (status & (ATA_STATUS_BSY | ATA_STATUS_DRQ | ATA_STATUS_ERR | ATA_STATUS_DF))
        sim_fail(b->sim, "a DMA command ended with status %02x", status);
}

static void command_dma(struct bench *b, bool read)
{
    const struct channel *c = &b->disk;

    libata_select(b, c);
    libata_taskfile(b, c, true, 0, b->row->bytes / SECTOR, b->at.off / SECTOR,
                    ATA_DEVICE_OBS | ATA_DEVICE_LBA);
    libata_dma_setup(b, c, read, read ? 0x25 : 0x35);
    libata_dma_start(b, c);
    libata_dma_end(b, c);
}

static void command_flush(struct bench *b)
{
    const struct channel *c = &b->disk;
    uint8_t status;

    command_dma(b, false);
    libata_select(b, c);
    libata_taskfile(b, c, false, 0, 0, 0, ATA_DEVICE_OBS);
    libata_exec(b, c, 0xea);
    wait_irq(b, c);
    in8(b, c->control);
    status = in8(b, c->command + ATA_REG_COMMAND);
    if (status & (ATA_STATUS_BSY | ATA_STATUS_ERR | ATA_STATUS_DF))
        sim_fail(b->sim, "FLUSH CACHE EXT ended with status %02x", status);
}

/* A block of a PIO command by 16-bit words, by one instruction a page. */
static void pio_block(struct bench *b, const struct channel *c, uint32_t at, uint32_t len,
                      bool read)
{
    while (len) {
        uint64_t gpa = b->at.gpa[at / PAGE] + at % PAGE;
        uint32_t n = PAGE - at % PAGE < len ? PAGE - at % PAGE : len;

        if (read)
            sim_rep_ins(b->sim, c->command + ATA_REG_DATA, 2, n / 2, gpa);
        else
            sim_rep_outs(b->sim, c->command + ATA_REG_DATA, 2, n / 2, gpa);
        at += n;
        len -= n;
    }
}

static void command_pio(struct bench *b, bool read, unsigned mult)
{
    static const uint8_t opcodes[2][2] = { { 0x30, 0xc5 }, { 0x20, 0xc4 } };
    const struct channel *c = &b->disk;
    uint32_t block = mult * SECTOR;
    uint8_t status;

    out8(b, c->control, ATA_CONTROL_NIEN);
    wait_status(b, c, ATA_STATUS_BSY | ATA_STATUS_DRQ);
    libata_taskfile(b, c, false, 0, b->row->bytes / SECTOR, b->at.off / SECTOR,
                    ATA_DEVICE_OBS | ATA_DEVICE_LBA);
    out8(b, c->command + ATA_REG_COMMAND, opcodes[read][mult > 1]);
    in8(b, c->control);
    for (uint32_t at = 0; at < b->row->bytes; at += block) {
        status = wait_status(b, c, ATA_STATUS_BSY);
        if ((status & (ATA_STATUS_ERR | ATA_STATUS_DRQ)) != ATA_STATUS_DRQ)
            sim_fail(b->sim, "a PIO command has status %02x at byte %u", status, at);
        pio_block(b, c, at, block, read);
        in8(b, c->control);
    }
    status = wait_status(b, c, ATA_STATUS_BSY);
    if (status & (ATA_STATUS_ERR | ATA_STATUS_DRQ | ATA_STATUS_DF))
        sim_fail(b->sim, "a PIO command ended with status %02x", status);
    out8(b, c->control, 0);
}

/* atapi_send_cdb */
static void libata_packet(struct bench *b, const struct channel *c, const uint8_t cdb[12])
{
    uint8_t status = wait_status(b, c, ATA_STATUS_BSY);

    if (!(status & ATA_STATUS_DRQ))
        sim_fail(b->sim, "the drive takes no packet: status %02x", status);
    sim_mem_write(b->sim, TABLE_AT + PAGE, cdb, 12);
    sim_rep_outs(b->sim, c->command + ATA_REG_DATA, 2, 6, TABLE_AT + PAGE);
    in8(b, c->control);
}

static void command_cd(struct bench *b)
{
    const struct channel *c = &b->cd;
    uint8_t cdb[12] = { 0x28 };

    dm_put_be(cdb + 2, 4, b->at.off / 2048);
    dm_put_be(cdb + 7, 2, b->row->bytes / 2048);
    libata_select(b, c);
    libata_taskfile(b, c, false, 1, 0, 0, ATA_DEVICE_OBS);
    libata_dma_setup(b, c, true, 0xa0);
    libata_packet(b, c, cdb);
    libata_dma_start(b, c);
    libata_dma_end(b, c);
}

/* A BIOS's: blocks as the drive offers them. */
static void command_cd_pio(struct bench *b)
{
    const struct channel *c = &b->cd;
    uint8_t cdb[12] = { 0x28 }, status;
    uint32_t at = 0;

    dm_put_be(cdb + 2, 4, b->at.off / 2048);
    dm_put_be(cdb + 7, 2, b->row->bytes / 2048);
    out8(b, c->control, ATA_CONTROL_NIEN);
    libata_taskfile(b, c, false, 0, 0, 0x080000, ATA_DEVICE_OBS); /* 2048 bytes a block */
    libata_exec(b, c, 0xa0);
    libata_packet(b, c, cdb);
    while ((status = wait_status(b, c, ATA_STATUS_BSY)) & ATA_STATUS_DRQ) {
        uint32_t n = in8(b, c->command + ATA_REG_LBA_MID);

        n |= (uint32_t)in8(b, c->command + ATA_REG_LBA_HIGH) << 8;
        if (n % 2 || n > b->row->bytes - at)
            sim_fail(b->sim, "the drive has %u more bytes at %u of %u", n, at, b->row->bytes);
        pio_block(b, c, at, n, true);
        in8(b, c->control);
        at += n;
    }
    if (status & ATA_STATUS_ERR || at != b->row->bytes)
        sim_fail(b->sim, "READ (10) ended with status %02x after %u bytes", status, at);
    out8(b, c->control, 0);
}

static void command_run(struct bench *b, const struct row *row)
{
    switch (row->how) {
    case DMA_READ:
    case DMA_WRITE:
        command_dma(b, row->how == DMA_READ);
        break;
    case PIO_READ:
    case PIO_WRITE:
        command_pio(b, row->how == PIO_READ, row->mult);
        break;
    case CD_READ:
        command_cd(b);
        break;
    case CD_PIO_READ:
        command_cd_pio(b);
        break;
    case FLUSH:
        command_flush(b);
        break;
    }
}

/*
 * The same data by ourselves. Not through the mapping that the "guest" has just touched: the
 * model's is not in the TLB either.
 */
static void data_move(struct bench *b, const struct place *p)
{
    enum how how = b->row->how;
    struct iovec iov[COMMAND_MAX];
    int fd = how == CD_READ || how == CD_PIO_READ ? b->cd_fd : b->disk_fd;
    ssize_t n;

    for (unsigned i = 0; i < p->pages; i++)
        iov[i] = (struct iovec) { b->data + (p->gpa[i] - DATA_AT),
                                  i == p->pages - 1 ? b->row->bytes - i * PAGE : PAGE };
    if (row_writes(b->row))
        n = pwritev(fd, iov, (int)p->pages, (off_t)p->off);
    else
        n = preadv(fd, iov, (int)p->pages, (off_t)p->off);
    if (n != (ssize_t)b->row->bytes || (how == FLUSH && fdatasync(fd)))
        fail("the image");
}

/* --- running --- */

static void sample(uint32_t *out, size_t *n, uint64_t ns)
{
    if (*n < SAMPLES)
        out[(*n)++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

/*
 * A command by the model, then the data of another by us, and so on: what a system call
 * costs depends on what was done since the last one, and since its memory was touched.
 */
static void commands_run(struct bench *b, uint64_t for_ns, struct result *r)
{
    struct sim_stats before, after;
    struct sim_usage used_before, used_after;
    static struct place model[BATCH], own[BATCH];
    uint64_t end = sim_now_ns() + for_ns, start;

    sim_stats(b->sim, &before);
    sim_usage(b->sim, &used_before);
    do {
        for (unsigned i = 0; i < BATCH; i++) {
            place_next(b, &own[i]);
            place_next(b, &model[i]);
        }
        for (unsigned i = 0; i < BATCH; i++) {
            b->at = model[i];
            start = sim_now_ns();
            command_run(b, b->row);
            sample(r->command_ns, &r->commands, sim_now_ns() - start);
            start = sim_now_ns();
            data_move(b, &own[i]);
            sample(r->data_ns, &r->data, sim_now_ns() - start);
        }
        place_check(b, &own[0]);
        place_check(b, &model[0]);
    } while (sim_now_ns() < end);
    sim_stats(b->sim, &after);
    sim_usage(b->sim, &used_after);
    r->requests += after.requests - before.requests;
    r->cpu_ns += used_after.cpu_ns - used_before.cpu_ns;
}

static void row_run(struct bench *b, const struct sim_options *opt, const struct row *row,
                    double seconds)
{
    struct result r = {
        .command_ns = calloc(SAMPLES, sizeof(uint32_t)),
        .data_ns = calloc(SAMPLES, sizeof(uint32_t)),
        .pong_ns = calloc(SLICES * ROUNDS, sizeof(uint32_t)),
    };
    uint64_t slice = (uint64_t)(seconds * 1e9 / SLICES);
    double command, p99, data, pong, requests, least;
    size_t commands;

    b->row = row;
    if (!r.command_ns || !r.data_ns || !r.pong_ns)
        fail("memory");
    commands_run(b, slice / 4, &r); /* warm */
    r = (struct result) { r.command_ns, r.data_ns, r.pong_ns, 0, 0, 0, 0, 0 };
    for (unsigned i = 0; i < SLICES; i++) {
        commands_run(b, slice, &r);
        sim_floor(opt, ROUNDS, r.pong_ns + r.pongs);
        r.pongs += ROUNDS;
    }
    commands = r.commands;
    requests = (double)r.requests / (double)commands;
    command = sim_percentile(r.command_ns, r.commands, 0.5);
    p99 = sim_percentile(r.command_ns, r.commands, 0.99);
    data = sim_percentile(r.data_ns, r.data, 0.5);
    pong = sim_percentile(r.pong_ns, r.pongs, 0.5);
    least = data + requests * pong;
    if (row->random) {
        printf("%s %.0f commands/s\n", row->name, 1e9 / command);
        printf("%s_floor %.0f commands/s\n", row->name, 1e9 / least);
    } else {
        printf("%s %.1f MiB/s\n", row->name, row->bytes * 1e9 / command / 1048576);
        printf("%s_floor %.1f MiB/s\n", row->name, row->bytes * 1e9 / least / 1048576);
    }
    printf("%s_ratio %.3f of-floor\n", row->name, least / command);
    printf("%s_time %.1f us\n", row->name, command / 1e3);
    printf("%s_p99 %.1f us\n", row->name, p99 / 1e3);
    printf("%s_data %.1f us\n", row->name, data / 1e3);
    printf("%s_pingpong %.2f us\n", row->name, pong / 1e3);
    printf("%s_requests %.2f per-command\n", row->name, requests);
    printf("%s_cpu %.1f us-per-command\n", row->name, (double)r.cpu_ns / 1e3 / (double)commands);
    fflush(stdout);
    free(r.command_ns);
    free(r.data_ns);
    free(r.pong_ns);
}

/* --- start --- */

static void set_features(struct bench *b, const struct channel *c, unsigned command,
                         unsigned features, unsigned count)
{
    libata_select(b, c);
    libata_taskfile(b, c, false, features, count, 0, ATA_DEVICE_OBS);
    libata_exec(b, c, command);
    if (wait_status(b, c, ATA_STATUS_BSY) & ATA_STATUS_ERR)
        sim_fail(b->sim, "command %02x was refused", command);
}

static void channel_init(struct bench *b, struct channel *c, unsigned n, bool cd)
{
    const struct sim_pci_dev *ide = sim_pci_find_class(b->sim, 0x0101);

    if (!ide || !ide->bar[4].io)
        sim_fail(b->sim, "there is no IDE controller with a bus master");
    *c = (struct channel) { n ? 0x170 : 0x1f0, n ? 0x376 : 0x3f6,
                            (uint16_t)(ide->bar[4].addr + n * BM_REGS), n ? 15 : 14 };
    out8(b, c->control, ATA_CONTROL_SRST);
    out8(b, c->control, 0);
    wait_status(b, c, ATA_STATUS_BSY);
    set_features(b, c, 0xef, ATA_SF_TRANSFER_MODE, 0x22); /* multiword DMA 2 */
    if (!cd)
        set_features(b, c, 0xc6, 0, 16); /* SET MULTIPLE MODE */
}

/* Until the unit attentions of a reset and a new medium are gone. */
static void cd_ready(struct bench *b)
{
    const struct channel *c = &b->cd;
    uint8_t cdb[12] = { 0 }, status = ATA_STATUS_ERR;

    for (unsigned i = 0; i < 4 && status & ATA_STATUS_ERR; i++) {
        libata_select(b, c);
        libata_taskfile(b, c, false, 0, 0, 0, ATA_DEVICE_OBS);
        libata_exec(b, c, 0xa0);
        libata_packet(b, c, cdb);
        status = wait_status(b, c, ATA_STATUS_BSY);
    }
    if (status & ATA_STATUS_ERR)
        sim_fail(b->sim, "the CD drive does not get ready");
}

int main(int argc, char **argv)
{
    struct sim_options opt = { 0 };
    struct bench b = { .random = 88172645463325252u };
    char disk[4096], cd[4096];
    const char *dir = getenv("TMPDIR");
    double seconds = 2;
    unsigned chosen = 0;

    sim_options_parse(&opt, &argc, argv);
    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && !strcmp(argv[i], "--seconds"))
            seconds = atof(argv[++i]);
        else if (i + 1 < argc && !strcmp(argv[i], "--dir"))
            dir = argv[++i];
        else
            argv[chosen++] = argv[i];
    }
    pages_shuffle(&b);
    b.disk_fd = image_make(dir ? dir : "/var/tmp", disk);
    b.cd_fd = image_make(dir ? dir : "/var/tmp", cd);
    opt.disk[0] = disk;
    opt.cd[2] = cd;
    b.sim = sim_start_running(&opt);
    unlink(disk);
    unlink(cd);
    pages_map(&b);
    sim_pci_setup(b.sim);
    channel_init(&b, &b.disk, 0, false);
    channel_init(&b, &b.cd, 1, true);
    cd_ready(&b);
    for (unsigned i = 0; i < DM_ARRAY_LEN(rows); i++) {
        bool wanted = !chosen;

        for (unsigned j = 0; j < chosen; j++)
            wanted |= !strcmp(argv[j], rows[i].name);
        if (wanted)
            row_run(&b, &opt, &rows[i], seconds);
    }
    sim_free(b.sim);
    free(b.page);
    return 0;
}
