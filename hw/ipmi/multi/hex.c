/*
 * IPMI BMC with many channels: bytes as text
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hex.h"
#include "qapi/error.h"

char *ipmi_hex(const uint8_t *p, unsigned n)
{
    GString *s = g_string_sized_new(2 * n + 1);

    while (n--) {
        g_string_append_printf(s, "%02x", *p++);
    }
    return g_string_free(s, false);
}

int ipmi_unhex(const char *text, uint8_t *buf, unsigned max, Error **errp)
{
    unsigned i, n = strlen(text);

    if (n % 2 || strspn(text, "0123456789abcdefABCDEF") != n) {
        error_setg(errp, "'%s': must be pairs of hexadecimal digits", text);
        return -1;
    }
    if (n / 2 > max) {
        error_setg(errp, "%u bytes: at most %u", n / 2, max);
        return -1;
    }
    for (i = 0; i < n; i += 2) {
        buf[i / 2] = g_ascii_xdigit_value(text[i]) << 4 |
                     g_ascii_xdigit_value(text[i + 1]);
    }
    return n / 2;
}
