/*
 * IPMI BMC with many channels: time stamps
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 37.
 *
 * Owns: the distance of a BMC's clock to virtual time. Called by records and
 * commands. Life: set once before it is read.
 */

#ifndef IPMI_MULTI_CLOCK_H
#define IPMI_MULTI_CLOCK_H

#include "migration/vmstate.h"

/* Seconds since 1970, or since power-up below 20000000h */
typedef struct IPMIClock {
    int64_t base;               /* seconds, when the virtual clock was 0 */
} IPMIClock;

/* sec 37: a time that is not known */
#define IPMI_TIME_UNSPECIFIED   0xffffffff

void ipmi_clock_set(IPMIClock *clock, uint32_t now);
uint32_t ipmi_clock_get(const IPMIClock *clock);

/*
 * ipmi_clock_machine: what the machine's clock has (-rtc), in seconds.
 */
uint32_t ipmi_clock_machine(void);

extern const VMStateDescription vmstate_ipmi_clock;

#endif
