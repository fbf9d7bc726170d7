/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The least model: linked with the Xen libraries, it says that it runs and waits for its end. */
#include <unistd.h>

#include <xenstore.h>

int main(void)
{
    struct xs_handle *xs = xs_open(0);

    if (!xs || !xs_write(xs, XBT_NULL, "device-model/7/state", "running", 7))
        return 1;
    for (;;)
        pause();
}
