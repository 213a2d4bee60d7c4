/*
 * IPMI BMC with many channels: what waits for system software
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 22.1 to 22.8.
 *
 * Owns: message flags, global enables, event message buffer, receive message
 * queue. System management software (SMS) fetches them by the system
 * interfaces, which listen for attention. Called by the bridge, by the message
 * commands, and, by hooks, by events and watchdog.
 *
 * Life: ipmi_sms_new() sets the hooks of events and watchdog;
 * ipmi_sms_free().
 */

#ifndef IPMI_MULTI_SMS_H
#define IPMI_MULTI_SMS_H

#include "message.h"
#include "qemu/queue.h"
#include "records.h"

/* sec 22.4: message flags */
#define IPMI_FLAG_RECEIVE       0x01
#define IPMI_FLAG_EVENT_BUFFER  0x02
#define IPMI_FLAG_PRE_TIMEOUT   0x08
#define IPMI_FLAG_OEM           0xe0

/* sec 22.1: global enables */
#define IPMI_ENABLE_RECEIVE_IRQ 0x01
#define IPMI_ENABLE_EVENT_IRQ   0x02
#define IPMI_ENABLE_EVENT_BUFFER 0x04
#define IPMI_ENABLE_SEL         0x08

#define IPMI_QUEUE_DEPTH        64

/* A message, as Get Message returns it behind the channel byte */
typedef struct IPMIQueueEntry {
    uint8_t chan;
    uint8_t priv;               /* 0 if the medium knows none */
    uint16_t len;
    uint8_t data[IPMI_MESSAGE_MAX];
} IPMIQueueEntry;

/*
 * A system interface. attention: what it has to show. interrupts: may it
 * interrupt at all?
 */
typedef struct IPMISmsListener {
    void (*attention)(void *opaque, bool atn, bool irq);
    void (*interrupts)(void *opaque, bool enable);
    void *opaque;
    QTAILQ_ENTRY(IPMISmsListener) next;
} IPMISmsListener;

typedef struct IPMISms {
    const char *name;           /* of the BMC */
    IPMIEvents *events;
    IPMIQueueEntry entry[IPMI_QUEUE_DEPTH];
    uint32_t head, n;           /* oldest; how many */
    uint8_t enables;
    uint8_t flags;              /* without those that follow from the rest */
    bool event_valid;
    uint8_t event[IPMI_SEL_RECORD];     /* event message buffer */
    QTAILQ_HEAD(, IPMISmsListener) listeners;
} IPMISms;

IPMISms *ipmi_sms_new(const char *name, IPMIEvents *events,
                      IPMIWatchdog *watchdog);
void ipmi_sms_free(IPMISms *sms);

/*
 * ipmi_sms_system_reset: the machine was reset.
 * ipmi_sms_bmc_reset: Cold Reset.
 * Who calls them calls ipmi_sms_update() afterwards.
 */
void ipmi_sms_system_reset(IPMISms *sms);
void ipmi_sms_bmc_reset(IPMISms *sms);

void ipmi_sms_listen(IPMISms *sms, IPMISmsListener *l);
void ipmi_sms_ignore(IPMISms *sms, IPMISmsListener *l);

/*
 * ipmi_sms_update: tell the listeners; after any change of what attention
 * depends on.
 * ipmi_sms_interrupts: whether the enables allow interrupts.
 */
void ipmi_sms_update(IPMISms *sms);
bool ipmi_sms_interrupts(const IPMISms *sms);

/*
 * ipmi_sms_flags: as Get Message Flags reports them.
 * ipmi_sms_clear: as Clear Message Flags does, with what they stand for.
 */
uint8_t ipmi_sms_flags(const IPMISms *sms);
void ipmi_sms_clear(IPMISms *sms, uint8_t flags);
void ipmi_sms_set_enables(IPMISms *sms, uint8_t enables);

/*
 * ipmi_sms_put: a message for software: @len bytes, at most IPMI_MESSAGE_MAX.
 * False if the queue is full.
 * ipmi_sms_take: the oldest, which leaves the queue; NULL if it is empty. Good
 * until the next call of ipmi_sms_put().
 */
bool ipmi_sms_put(IPMISms *sms, uint8_t chan, uint8_t priv,
                  const uint8_t *data, unsigned len);
const IPMIQueueEntry *ipmi_sms_take(IPMISms *sms);

/*
 * ipmi_sms_take_event: the event message buffer, which is empty then: 16 bytes
 * as in the SEL. False if it was empty before.
 */
bool ipmi_sms_take_event(IPMISms *sms, uint8_t *rec);

extern const VMStateDescription vmstate_ipmi_sms;

#endif
