/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A byte stream between a device (UART, debug port) and the host (pty, file,
 * socket). Loop thread only.
 */
#ifndef DM_CHARDEV_H
#define DM_CHARDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dm_chardev;
struct dm_machine;

/* The host's end. */
struct dm_chardev_ops {
    /* Takes up to len bytes to the host; never blocks. Returns how many it took. */
    size_t (*write)(struct dm_chardev *chr, const uint8_t *data, size_t len);
    /* The device has room again after it refused bytes. May be NULL. */
    void (*accept_input)(struct dm_chardev *chr);
    /* Line settings, send break. May be NULL. */
    void (*set_line)(struct dm_chardev *chr, unsigned baud, unsigned data_bits, char parity,
                     unsigned stop_bits);
    void (*close)(struct dm_chardev *chr); /* frees it */
};

/* The device's end. */
struct dm_chardev_user {
    size_t (*room)(void *opaque);                                   /* bytes it can take now */
    void (*receive)(void *opaque, const uint8_t *data, size_t len); /* len <= room */
    void (*writable)(void *opaque);               /* the host takes bytes again. May be NULL */
    void (*opened)(void *opaque, bool connected); /* a peer came or went. May be NULL */
};

#define DM_CHARDEV_ID_MAX 64

struct dm_chardev {
    const struct dm_chardev_ops *ops;
    char id[DM_CHARDEV_ID_MAX]; /* "serial0", "libxl-channel0" */
    char filename[256];         /* what query-chardev says: "pty:/dev/pts/3" */
    bool connected;
    const struct dm_chardev_user *user; /* NULL: bytes from the host are dropped */
    void *user_opaque;
    struct dm_machine *machine;
    struct dm_chardev *next; /* of the machine */
};

/* chr may be NULL: everything is taken and dropped. Returns bytes taken. */
size_t dm_chardev_write(struct dm_chardev *chr, const uint8_t *data, size_t len);
void dm_chardev_accept_input(struct dm_chardev *chr);
void dm_chardev_set_user(struct dm_chardev *chr, const struct dm_chardev_user *user, void *opaque);

/* For backends. */
size_t dm_chardev_room(struct dm_chardev *chr); /* what the device takes now; 0 while paused */
void dm_chardev_receive(struct dm_chardev *chr, const uint8_t *data, size_t len);
void dm_chardev_writable(struct dm_chardev *chr);
void dm_chardev_opened(struct dm_chardev *chr, bool connected);

/* The machine runs again: bytes that waited, either way, go on. */
void dm_chardev_resume(struct dm_chardev *chr);

void dm_chardev_register(struct dm_machine *machine, struct dm_chardev *chr);
struct dm_chardev *dm_chardev_find(struct dm_machine *machine, const char *id);

#endif
