/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the fuzz body on the files of a corpus folder, then on seeded random bytes. Prints TAP. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLAY_RANDOM 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t replay_buf[1 << 16];

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t n;

    if (!f) {
        perror(path);
        return 1;
    }
    n = fread(replay_buf, 1, sizeof(replay_buf), f);
    fclose(f);
    LLVMFuzzerTestOneInput(replay_buf, n);
    return 0;
}

static void replay_random(unsigned seed)
{
    uint32_t x = seed * 2654435761u + 1;
    size_t n = 64 + seed * 37 % 4000;

    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        replay_buf[i] = (uint8_t)(x >> 11);
    }
    LLVMFuzzerTestOneInput(replay_buf, n);
}

int main(int argc, char **argv)
{
    struct dirent **names;
    int n, bad = 0;
    char path[4096];

    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    n = scandir(argv[1], &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "%s/%s", argv[1], names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            bad |= replay_file(path);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    printf("%sok 1 - corpus (%d files)\n", n < 2 || bad ? "not " : "", n > 2 ? n - 2 : 0);
    for (unsigned seed = 0; seed < REPLAY_RANDOM; seed++)
        replay_random(seed);
    printf("ok 2 - %d random inputs\n1..2\n", REPLAY_RANDOM);
    return n < 2 || bad;
}
