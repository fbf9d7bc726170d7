/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a test with each engine of host/aio; *state is the name of the engine it should be. */
#ifndef AIO_ENGINES_H
#define AIO_ENGINES_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Containers often refuse io_uring: then what is tested is that threads take over. */
static inline int with_ring(void **state)
{
    syscall(__NR_io_uring_setup, 0, NULL);
    setenv("XENDM_AIO", "io_uring", 1);
    *state = (void *)(uintptr_t)(errno == ENOSYS || errno == EPERM ? "threads" : "io_uring");
    return 0;
}

static inline int with_threads(void **state)
{
    setenv("XENDM_AIO", "threads", 1);
    *state = (void *)(uintptr_t) "threads";
    return 0;
}

#define BOTH_ENGINES(fn)                               \
    { #fn " (io_uring)", fn, with_ring, NULL, NULL },  \
    {                                                  \
#fn " (threads)", fn, with_threads, NULL, NULL \
    }

#endif
