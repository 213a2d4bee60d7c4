/*
 * IPMI BMC with many channels: bytes as text
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pure functions, for QMP and its events.
 */

#ifndef IPMI_MULTI_HEX_H
#define IPMI_MULTI_HEX_H

/*
 * ipmi_hex: bytes as hexadecimal digits; to be freed with g_free().
 * ipmi_unhex: the other way. Returns how many, at most @max; -1 with @errp set
 * if @text is something else, or longer.
 */
char *ipmi_hex(const uint8_t *p, unsigned n);
int ipmi_unhex(const char *text, uint8_t *buf, unsigned max, Error **errp);

#endif
