/*
 * IPMI BMC with many channels: events
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 29.
 */

#include "qemu/osdep.h"
#include "event.h"
#include "numbers.h"
#include "qemu/bswap.h"
#include "trace.h"

/* sec 29.3: format of an event message: IPMI 1.5, 2.0 */
#define EVMREV              0x04

static void idle(void *opaque)
{
    ipmi_events_flush(opaque);
}

void ipmi_events_init(IPMIEvents *ev, IPMISel *sel, uint8_t address)
{
    ev->sel = sel;
    ev->address = address;
    ipmi_store_on_idle(sel->store, idle, ev);
    ipmi_events_reset(ev);
}

void ipmi_events_reset(IPMIEvents *ev)
{
    ev->receiver = ev->address;
    ev->receiver_lun = 0;
}

static uint8_t happen(IPMIEvents *ev, const uint8_t rec[IPMI_SEL_RECORD])
{
    uint8_t event[IPMI_SEL_RECORD];
    uint16_t id = 0;
    uint8_t cc = IPMI_CC_OK;

    memcpy(event, rec, sizeof(event));
    if (ev->log) {
        cc = ipmi_sel_add(ev->sel, event, &id);
    }
    /* sec 22.8: software reads it in the form that it has in the SEL */
    stw_le_p(event, id);
    if (event[IPMI_SEL_O_TYPE] < IPMI_SEL_TYPE_OEM_NO_TIME) {
        stl_le_p(event + IPMI_SEL_O_TIME, ipmi_clock_get(&ev->sel->clock));
    }
    ev->show(ev->opaque, event);
    return cc;
}

void ipmi_events_flush(IPMIEvents *ev)
{
    while (ev->n_waiting) {
        uint8_t rec[IPMI_SEL_RECORD];

        if (ipmi_store_is_busy(ev->sel->store)) {
            ipmi_store_await(ev->sel->store);
            return;
        }
        memcpy(rec, ev->waiting[0], sizeof(rec));
        ev->n_waiting--;
        memmove(ev->waiting[0], ev->waiting[1],
                ev->n_waiting * sizeof(ev->waiting[0]));
        happen(ev, rec);
    }
}

uint8_t ipmi_event(IPMIEvents *ev, const uint8_t rec[IPMI_SEL_RECORD])
{
    if (!ipmi_store_is_busy(ev->sel->store)) {
        ipmi_events_flush(ev);
        return happen(ev, rec);
    }
    if (ev->n_waiting == IPMI_EVENTS_WAITING) {
        return IPMI_CC_UNSPECIFIED;
    }
    memcpy(ev->waiting[ev->n_waiting++], rec, IPMI_SEL_RECORD);
    ipmi_store_await(ev->sel->store);
    return IPMI_CC_OK;
}

void ipmi_event_post(IPMIEvents *ev, uint8_t type, uint8_t number,
                     uint8_t dir_type, const uint8_t data[3])
{
    uint8_t rec[IPMI_SEL_RECORD] = {
        [2] = IPMI_SEL_TYPE_SYSTEM,
        [7] = ev->address,                      /* generator */
        [9] = EVMREV,
        [10] = type,
        [11] = number,
        [12] = dir_type,
        [13] = data[0], data[1], data[2],
    };

    if (ev->receiver == IPMI_RECEIVER_NONE) {
        return;
    }
    trace_ipmi_sensor_event(ev->sel->store->name, number, dir_type & 0x7f,
                            data[0] & 0x0f, !(dir_type & 0x80));
    if (ev->receiver == ev->address) {
        ipmi_event(ev, rec);
    } else {
        ev->forward(ev->forward_opaque, ev->receiver, ev->receiver_lun,
                    rec + 9);
    }
}
