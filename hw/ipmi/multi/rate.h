/*
 * IPMI BMC with many channels: how many events go to QMP
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QEMU keeps what a QMP client does not read, without a limit, so there is one
 * here for events that a guest causes: IPMI_RATE_BURST in a row, and
 * IPMI_RATE_SECOND a second of virtual time. Called by whoever sends them.
 * Life: zeroed at first, but for the name; not in snapshots.
 */

#ifndef IPMI_MULTI_RATE_H
#define IPMI_MULTI_RATE_H

#define IPMI_RATE_BURST     1000
#define IPMI_RATE_SECOND    100

typedef struct IPMIRate {
    const char *name;           /* of the BMC, for the trace */
    unsigned n;                 /* that went to QMP, less what time forgives */
    int64_t since_ms;           /* when it last did */
} IPMIRate;

/*
 * ipmi_rate_allows: may one more be sent? It counts.
 */
bool ipmi_rate_allows(IPMIRate *r);

#endif
