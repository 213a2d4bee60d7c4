/*
 * IPMI BMC with many channels: what waits for system software
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 22.1 to 22.8.
 */

#include "qemu/osdep.h"
#include "sms.h"
#include "trace.h"

uint8_t ipmi_sms_flags(const IPMISms *sms)
{
    return sms->flags | (sms->n ? IPMI_FLAG_RECEIVE : 0) |
           (sms->event_valid ? IPMI_FLAG_EVENT_BUFFER : 0);
}

/* sec 22.4: attention is for any flag, its interrupt as far as enabled */
void ipmi_sms_update(IPMISms *sms)
{
    uint8_t flags = ipmi_sms_flags(sms);
    bool irq = ((flags & IPMI_FLAG_RECEIVE) &&
                (sms->enables & IPMI_ENABLE_RECEIVE_IRQ)) ||
               ((flags & IPMI_FLAG_EVENT_BUFFER) &&
                (sms->enables & IPMI_ENABLE_EVENT_IRQ)) ||
               (flags & (IPMI_FLAG_PRE_TIMEOUT | IPMI_FLAG_OEM));
    IPMISmsListener *l;

    trace_ipmi_flags(sms->name, flags, sms->enables);
    QTAILQ_FOREACH(l, &sms->listeners, next) {
        l->attention(l->opaque, flags, irq);
    }
}

bool ipmi_sms_interrupts(const IPMISms *sms)
{
    return sms->enables & (IPMI_ENABLE_RECEIVE_IRQ | IPMI_ENABLE_EVENT_IRQ);
}

static void store_enables(IPMISms *sms, uint8_t enables)
{
    sms->enables = enables;
    sms->events->log = enables & IPMI_ENABLE_SEL;
}

void ipmi_sms_set_enables(IPMISms *sms, uint8_t enables)
{
    IPMISmsListener *l;

    store_enables(sms, enables);
    QTAILQ_FOREACH(l, &sms->listeners, next) {
        l->interrupts(l->opaque, ipmi_sms_interrupts(sms));
    }
    ipmi_sms_update(sms);
}

void ipmi_sms_clear(IPMISms *sms, uint8_t flags)
{
    if (flags & IPMI_FLAG_RECEIVE) {
        sms->n = 0;
    }
    if (flags & IPMI_FLAG_EVENT_BUFFER) {
        sms->event_valid = false;
    }
    sms->flags &= ~flags;
    ipmi_sms_update(sms);
}

/*
 * Receive message queue
 */

bool ipmi_sms_put(IPMISms *sms, uint8_t chan, uint8_t priv,
                  const uint8_t *data, unsigned len)
{
    IPMIQueueEntry *e;

    if (sms->n == IPMI_QUEUE_DEPTH || len > IPMI_MESSAGE_MAX) {
        trace_ipmi_queue(sms->name, chan, len, sms->n, "lost");
        return false;
    }
    e = &sms->entry[(sms->head + sms->n) % IPMI_QUEUE_DEPTH];
    e->chan = chan;
    e->priv = priv;
    e->len = len;
    memcpy(e->data, data, len);
    sms->n++;
    trace_ipmi_queue(sms->name, chan, len, sms->n, "put");
    ipmi_sms_update(sms);
    return true;
}

const IPMIQueueEntry *ipmi_sms_take(IPMISms *sms)
{
    const IPMIQueueEntry *e = &sms->entry[sms->head];

    if (!sms->n) {
        return NULL;
    }
    sms->head = (sms->head + 1) % IPMI_QUEUE_DEPTH;
    sms->n--;
    trace_ipmi_queue(sms->name, e->chan, e->len, sms->n, "get");
    ipmi_sms_update(sms);
    return e;
}

/*
 * Event message buffer, and what the hooks do
 */

/* sec 22.8: nothing happens if it is full or not enabled */
static void show_event(void *opaque, const uint8_t rec[IPMI_SEL_RECORD])
{
    IPMISms *sms = opaque;

    if (!(sms->enables & IPMI_ENABLE_EVENT_BUFFER) || sms->event_valid) {
        return;
    }
    memcpy(sms->event, rec, sizeof(sms->event));
    sms->event_valid = true;
    ipmi_sms_update(sms);
}

bool ipmi_sms_take_event(IPMISms *sms, uint8_t *rec)
{
    if (!sms->event_valid) {
        return false;
    }
    memcpy(rec, sms->event, sizeof(sms->event));
    sms->event_valid = false;
    ipmi_sms_update(sms);
    return true;
}

static void pre_timeout(void *opaque, bool set)
{
    IPMISms *sms = opaque;

    if (set) {
        sms->flags |= IPMI_FLAG_PRE_TIMEOUT;
        ipmi_sms_update(sms);
    } else {
        ipmi_sms_clear(sms, IPMI_FLAG_PRE_TIMEOUT);
    }
}

/*
 * Life
 */

static void empty_queue(IPMISms *sms)
{
    sms->n = 0;
    sms->head = 0;
}

void ipmi_sms_system_reset(IPMISms *sms)
{
    store_enables(sms, IPMI_ENABLE_SEL);
    empty_queue(sms);
}

void ipmi_sms_bmc_reset(IPMISms *sms)
{
    sms->flags = 0;
    sms->event_valid = false;
    empty_queue(sms);
    ipmi_sms_set_enables(sms, IPMI_ENABLE_SEL);
}

void ipmi_sms_listen(IPMISms *sms, IPMISmsListener *l)
{
    QTAILQ_INSERT_TAIL(&sms->listeners, l, next);
}

void ipmi_sms_ignore(IPMISms *sms, IPMISmsListener *l)
{
    QTAILQ_REMOVE(&sms->listeners, l, next);
}

IPMISms *ipmi_sms_new(const char *name, IPMIEvents *events,
                      IPMIWatchdog *watchdog)
{
    IPMISms *sms = g_new0(IPMISms, 1);

    sms->name = name;
    sms->events = events;
    QTAILQ_INIT(&sms->listeners);
    events->show = show_event;
    events->opaque = sms;
    watchdog->flag = pre_timeout;
    watchdog->opaque = sms;
    store_enables(sms, IPMI_ENABLE_SEL);
    return sms;
}

void ipmi_sms_free(IPMISms *sms)
{
    g_free(sms);
}

/* A snapshot is as little to be trusted as a guest. */
static int sms_post_load(void *opaque, int version_id)
{
    IPMISms *sms = opaque;

    sms->flags &= IPMI_FLAG_PRE_TIMEOUT | IPMI_FLAG_OEM;
    if (sms->n > IPMI_QUEUE_DEPTH || sms->head >= IPMI_QUEUE_DEPTH) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < IPMI_QUEUE_DEPTH; i++) {
        if (sms->entry[i].len > IPMI_MESSAGE_MAX ||
            sms->entry[i].chan >= IPMI_MULTI_CHAN_NUMBERS) {
            return -EINVAL;
        }
    }
    store_enables(sms, sms->enables);
    return 0;
}

static const VMStateDescription vmstate_queue_entry = {
    .name = "ipmi-queue-entry",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(chan, IPMIQueueEntry),
        VMSTATE_UINT8(priv, IPMIQueueEntry),
        VMSTATE_UINT16(len, IPMIQueueEntry),
        VMSTATE_UINT8_ARRAY(data, IPMIQueueEntry, IPMI_MESSAGE_MAX),
        VMSTATE_END_OF_LIST()
    }
};

const VMStateDescription vmstate_ipmi_sms = {
    .name = "ipmi-bmc-multi/sms",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = sms_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(enables, IPMISms),
        VMSTATE_UINT8(flags, IPMISms),
        VMSTATE_BOOL(event_valid, IPMISms),
        VMSTATE_UINT8_ARRAY(event, IPMISms, IPMI_SEL_RECORD),
        VMSTATE_STRUCT_ARRAY(entry, IPMISms, IPMI_QUEUE_DEPTH, 1,
                             vmstate_queue_entry, IPMIQueueEntry),
        VMSTATE_UINT32(head, IPMISms),
        VMSTATE_UINT32(n, IPMISms),
        VMSTATE_END_OF_LIST()
    }
};
