/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dm/chardev.h"

#include "dm/machine.h"

#include <string.h>

size_t dm_chardev_write(struct dm_chardev *chr, const uint8_t *data, size_t len)
{
    return chr ? chr->ops->write(chr, data, len) : len;
}

void dm_chardev_accept_input(struct dm_chardev *chr)
{
    if (chr && chr->ops->accept_input)
        chr->ops->accept_input(chr);
}

void dm_chardev_set_user(struct dm_chardev *chr, const struct dm_chardev_user *user, void *opaque)
{
    if (!chr)
        return;
    chr->user = user;
    chr->user_opaque = opaque;
}

/* A device that is being saved does not change. */
static bool chardev_paused(const struct dm_chardev *chr)
{
    return chr->machine && chr->machine->run_state == DM_PAUSED;
}

size_t dm_chardev_room(struct dm_chardev *chr)
{
    if (chardev_paused(chr))
        return 0;
    /* With nobody there the bytes are read and dropped, so that a peer never blocks. */
    return chr->user ? chr->user->room(chr->user_opaque) : SIZE_MAX;
}

void dm_chardev_receive(struct dm_chardev *chr, const uint8_t *data, size_t len)
{
    if (chr->user)
        chr->user->receive(chr->user_opaque, data, len);
}

void dm_chardev_writable(struct dm_chardev *chr)
{
    if (chr->user && chr->user->writable && !chardev_paused(chr))
        chr->user->writable(chr->user_opaque);
}

void dm_chardev_resume(struct dm_chardev *chr)
{
    dm_chardev_writable(chr);
    dm_chardev_accept_input(chr);
}

void dm_chardev_opened(struct dm_chardev *chr, bool connected)
{
    if (chr->connected == connected)
        return;
    chr->connected = connected;
    if (chr->user && chr->user->opened)
        chr->user->opened(chr->user_opaque, connected);
}

void dm_chardev_register(struct dm_machine *m, struct dm_chardev *chr)
{
    struct dm_chardev **p = &m->chardevs;

    while (*p)
        p = &(*p)->next;
    chr->machine = m;
    chr->next = NULL;
    *p = chr;
}

struct dm_chardev *dm_chardev_find(struct dm_machine *m, const char *id)
{
    for (struct dm_chardev *c = m->chardevs; c; c = c->next)
        if (!strcmp(c->id, id))
            return c;
    return NULL;
}
