/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests on the sim: a disk image whose content tells where it is from. */
#ifndef TEST_DISK_H
#define TEST_DISK_H

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define DISK_BYTES (1u << 20)

static char disk[] = "/tmp/test-sim-disk.XXXXXX";

/* Sector n of the disk is full of words 16 * n and up. */
static void disk_make(void)
{
    static uint16_t words[DISK_BYTES / 2];
    int fd = mkstemp(disk);

    for (unsigned i = 0; i < DISK_BYTES / 2; i++)
        words[i] = (uint16_t)(i / 256 * 16 + i % 256);
    if (fd < 0 || write(fd, words, sizeof(words)) != sizeof(words))
        exit(1);
    close(fd);
}

#endif
