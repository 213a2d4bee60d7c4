/*
 * IPMI BMC with many channels: files that properties name
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "file.h"
#include "qapi/error.h"

/* The rest of @max bytes; -1 with errno set */
static ssize_t read_all(int fd, uint8_t *buf, size_t max)
{
    size_t at = 0;

    while (at < max) {
        ssize_t n = RETRY_ON_EINTR(read(fd, buf + at, max - at));

        if (n <= 0) {
            return n < 0 ? -1 : at;
        }
        at += n;
    }
    return at;
}

ssize_t ipmi_file_read(const char *prop, const char *name, uint8_t *buf,
                       size_t max, const char *size_prop, Error **errp)
{
    uint8_t more;
    ssize_t n, rest = 0;
    int fd = qemu_open(name, O_RDONLY, errp);

    if (fd < 0) {
        error_prepend(errp, "%s: ", prop);
        return -1;
    }
    n = read_all(fd, buf, max);
    if (n == max) {
        rest = read_all(fd, &more, 1);
    }
    if (n < 0 || rest < 0) {
        error_setg_errno(errp, errno, "%s: cannot read '%s'", prop, name);
        n = -1;
    } else if (rest) {
        error_setg(errp, "%s: '%s' has more bytes than %s=%zu", prop, name,
                   size_prop, max);
        n = -1;
    }
    close(fd);
    return n;
}
