/*
 * IPMI BMC with many channels: files that properties name
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pure functions, for the modules of records.
 */

#ifndef IPMI_MULTI_FILE_H
#define IPMI_MULTI_FILE_H

/*
 * ipmi_file_read: the file that property @prop names, of at most @max bytes,
 * whatever kind of file it is.
 * Returns how many bytes, which are in @buf; -1 with @errp set if it cannot be
 * read, or has more. @size_prop: the property that says @max
 */
ssize_t ipmi_file_read(const char *prop, const char *name, uint8_t *buf,
                       size_t max, const char *size_prop, Error **errp);

#endif
