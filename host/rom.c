/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/rom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const rom_folders[] = { "/usr/share/seabios", "/usr/share/qemu",
                                           "/usr/lib/ipxe/qemu", "/usr/share/xen-qemu" };

static int rom_read(const char *path, uint8_t **data, size_t *size, struct dm_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
    struct stat st;
    ssize_t n;

    if (fd < 0)
        return dm_error_set(err, errno, "firmware '%s': %s", path, strerror(errno));
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > HOST_ROM_MAX) {
        close(fd);
        return dm_error_set(err, EINVAL, "firmware '%s': not a file of 1 to %u bytes", path,
                            HOST_ROM_MAX);
    }
    *size = (size_t)st.st_size;
    *data = malloc(*size);
    n = *data ? read(fd, *data, *size) : -1;
    rc = n == st.st_size ? 0 : -EIO;
    close(fd);
    if (rc) {
        free(*data);
        return dm_error_set(err, EIO, "firmware '%s': cannot be read", path);
    }
    return 0;
}

int host_rom_load(void *opaque, const char *name, uint8_t **data, size_t *size,
                  struct dm_error *err)
{
    const char *own = getenv("XENDM_FIRMWARE_DIR");
    char path[4096];
    int rc = -ENOENT;

    (void)opaque;
    if (*name == '/')
        return rom_read(name, data, size, err);
    if (strchr(name, '/') || *name == '.')
        return dm_error_set(err, EINVAL, "firmware '%s': neither a file name nor a full path",
                            name);
    if (own) {
        snprintf(path, sizeof(path), "%s/%s", own, name);
        return rom_read(path, data, size, err);
    }
    for (size_t i = 0; i < sizeof(rom_folders) / sizeof(rom_folders[0]) && rc == -ENOENT; i++) {
        snprintf(path, sizeof(path), "%s/%s", rom_folders[i], name);
        rc = rom_read(path, data, size, err);
    }
    if (rc == -ENOENT)
        return dm_error_set(err, ENOENT,
                            "firmware '%s': not in /usr/share/seabios, /usr/share/qemu or "
                            "/usr/lib/ipxe/qemu (Debian package seabios, ipxe-qemu)",
                            name);
    return rc;
}
