/*
 * IPMI BMC with many channels: events
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 29.
 *
 * Owns: where events go: the event receiver, and whether the SEL wants them.
 * Called by sensors, watchdog, the commands of sec 29 and QMP. What happens
 * above is told by a hook: whoever has the event message buffer registers it.
 *
 * Life: ipmi_events_init() once; ipmi_events_reset() with each Cold Reset.
 */

#ifndef IPMI_MULTI_EVENT_H
#define IPMI_MULTI_EVENT_H

#include "sel.h"

/* sec 29.1: address of a receiver that says: no events */
#define IPMI_RECEIVER_NONE      0xff

/* Bytes of an event message on an IPMB (sec 29.3) */
#define IPMI_EVENT_MESSAGE      7

/* Events that may wait for a write to end */
#define IPMI_EVENTS_WAITING     64

typedef struct IPMIEvents {
    IPMISel *sel;
    uint8_t waiting[IPMI_EVENTS_WAITING][IPMI_SEL_RECORD];  /* oldest first */
    unsigned n_waiting;
    uint8_t address;            /* own slave address */
    uint8_t receiver, receiver_lun;
    bool log;                   /* global enable bit 3 */
    /* hook: an event, as the SEL has it, for system software */
    void (*show)(void *opaque, const uint8_t rec[IPMI_SEL_RECORD]);
    void *opaque;
    /* hook: an event for another receiver: data of Platform Event (sec 29.3) */
    void (*forward)(void *opaque, uint8_t receiver, uint8_t lun,
                    const uint8_t data[IPMI_EVENT_MESSAGE]);
    void *forward_opaque;
} IPMIEvents;

void ipmi_events_init(IPMIEvents *ev, IPMISel *sel, uint8_t address);
void ipmi_events_reset(IPMIEvents *ev);

/*
 * ipmi_event: an event happened. It goes into the SEL and to the hook, as far
 * as they are enabled. @rec: as for ipmi_sel_add(). If the drive is being
 * written to, further down on the stack, it happens when that is over.
 * Returns what ipmi_sel_add() does; 00h if it has to wait.
 * ipmi_events_flush: those that wait happen now, as far as they can.
 */
uint8_t ipmi_event(IPMIEvents *ev, const uint8_t rec[IPMI_SEL_RECORD]);
void ipmi_events_flush(IPMIEvents *ev);

/*
 * ipmi_event_post: an event of a sensor of this BMC, for the event receiver:
 * the BMC itself, another controller on the primary IPMB, or nobody.
 * @type, @number: of the sensor (sec 42.2); @dir_type: bit 7: deassertion, then
 * the event/reading type (sec 42.1); @data: event data 1 to 3
 */
void ipmi_event_post(IPMIEvents *ev, uint8_t type, uint8_t number,
                     uint8_t dir_type, const uint8_t data[3]);

#endif
