/*
 * IPMI BMC with many channels: kinds and keys of records on the drive
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * They are a format: never renumber. Called by the modules of records.
 */

#ifndef IPMI_MULTI_KINDS_H
#define IPMI_MULTI_KINDS_H

enum {
    IPMI_STORE_SEL = 1,
    IPMI_STORE_SDR,
    IPMI_STORE_FRU,
    IPMI_STORE_CHASSIS,
    IPMI_STORE_PARAM,
    IPMI_STORE_MISC,
    IPMI_STORE_USER,
    IPMI_STORE_CHANNEL,
};

/* Key of a record that empties the SEL, or the SDR repository */
#define IPMI_STORE_KEY_CLEAR    0xffffffff

#endif
