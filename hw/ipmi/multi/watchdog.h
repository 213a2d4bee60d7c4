/*
 * IPMI BMC with many channels: watchdog timer
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 27.
 *
 * Owns: the timer. Called by the watchdog commands; acts by the chassis, logs
 * by the sensors. Who has the message flags registers a hook.
 *
 * Life: ipmi_watchdog_init(); ipmi_watchdog_reset() with each Cold Reset;
 * ipmi_watchdog_stop() with each reset of the machine; ipmi_watchdog_exit().
 */

#ifndef IPMI_MULTI_WATCHDOG_H
#define IPMI_MULTI_WATCHDOG_H

#include "chassis.h"

typedef struct IPMIWatchdog {
    IPMIChassis *chassis;
    QEMUTimer timer;
    bool set;                   /* Set Watchdog Timer came since BMC reset */
    bool running;
    bool warned;                /* the pre-timeout is over */
    uint8_t use;                /* bits 7 and 2:0 of byte 1 */
    uint8_t action;             /* byte 2 */
    uint8_t pre_timeout;        /* seconds */
    uint8_t expired;            /* Timer Use Expiration flags */
    uint16_t initial;           /* 100 ms */
    int64_t deadline;           /* ns of virtual time, while running */
    uint16_t left;              /* 100 ms, while not running */
    /* hook: the pre-timeout's message flag is to be set, or cleared */
    void (*flag)(void *opaque, bool set);
    void *opaque;
} IPMIWatchdog;

/* sec 27.6: fields of byte 1 */
#define IPMI_WATCHDOG_DONT_LOG  0x80
#define IPMI_WATCHDOG_DONT_STOP 0x40    /* when read: is running */
#define IPMI_WATCHDOG_USE       0x07

void ipmi_watchdog_init(IPMIWatchdog *w, IPMIChassis *chassis);
void ipmi_watchdog_exit(IPMIWatchdog *w);
void ipmi_watchdog_reset(IPMIWatchdog *w);
void ipmi_watchdog_stop(IPMIWatchdog *w);

/*
 * ipmi_watchdog_start: count down from the initial value. False: it has not
 * been set since the BMC was reset.
 * ipmi_watchdog_set: @data: the six bytes of Set Watchdog Timer, reserved bits
 * 0. False if they ask for something that there is not.
 * ipmi_watchdog_left: in steps of 100 ms; one that has begun counts
 */
bool ipmi_watchdog_start(IPMIWatchdog *w);
bool ipmi_watchdog_set(IPMIWatchdog *w, const uint8_t *data);
uint16_t ipmi_watchdog_left(const IPMIWatchdog *w);

extern const VMStateDescription vmstate_ipmi_watchdog;

#endif
