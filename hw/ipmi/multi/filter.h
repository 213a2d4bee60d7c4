/*
 * IPMI BMC with many channels: what a fault makes of a channel's messages
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One mechanism for both directions, between a channel and the bridge: a rule
 * changes, multiplies, delays or swallows a message, and what is left of it
 * goes on where it was going. Which rule, says fault.h; this is the acting.
 *
 * Owns: the messages that are delayed. Called by the channel, which registers
 * the functions by which a message goes on.
 *
 * Life: ipmi_filter_init(); ipmi_filter_reset() with each Cold Reset and at the
 * end.
 */

#ifndef IPMI_MULTI_FILTER_H
#define IPMI_MULTI_FILTER_H

#include "bridge.h"
#include "fault.h"

/* Messages of a channel that may be delayed at a time */
#define IPMI_LATE_MAX           64

/* A message on its way through a channel */
typedef struct IPMIPassing {
    bool out;                   /* to the medium; otherwise from there */
    uint8_t who;                /* out: from which channel; in: privilege */
    IPMIMessage msg;
} IPMIPassing;

/* One that is delayed, in virtual milliseconds */
typedef struct IPMILate {
    int64_t due_ms;
    IPMIPassing passing;
} IPMILate;

/*
 * pass: the message goes on. Returns what became of it; one that leaves is OK.
 * count: in the statistics, what became of one that was not waited for.
 * put: a response onto the medium, without the rules.
 */
typedef struct IPMIFilterOps {
    IPMIReceived (*pass)(void *opaque, const IPMIPassing *p);
    void (*count)(void *opaque, const IPMIPassing *p, IPMIReceived what);
    void (*put)(void *opaque, const IPMIMessage *msg);
} IPMIFilterOps;

typedef struct IPMIFilter {
    IPMIBmcMulti *bmc;
    uint8_t chan;
    const IPMIFilterOps *ops;
    void *opaque;
    IPMILate late[IPMI_LATE_MAX];   /* in the order in which they came */
    uint32_t late_n;
    QEMUTimer timer;
} IPMIFilter;

void ipmi_filter_init(IPMIFilter *f, IPMIBmcMulti *bmc, uint8_t chan,
                      const IPMIFilterOps *ops, void *opaque);
void ipmi_filter_reset(IPMIFilter *f);

/*
 * ipmi_filter_pass: a message passes, which may be changed.
 * @cc: completion code of the Send Message that it is from, if it is from one;
 *      changed if a fault says so
 * Returns what became of it.
 */
IPMIReceived ipmi_filter_pass(IPMIFilter *f, IPMIPassing *p, uint8_t *cc);

extern const VMStateDescription vmstate_ipmi_filter;

#endif
