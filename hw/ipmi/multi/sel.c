/*
 * IPMI BMC with many channels: System Event Log
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 31 and 32.
 *
 * Not modelled: an erasure that takes time; it is complete at once.
 */

#include "qemu/osdep.h"
#include "kinds.h"
#include "numbers.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "sel.h"
#include "trace.h"

/* In the store: a record, and its time; or only the time: erased */
#define SEL_STORE_ADD           (IPMI_SEL_RECORD + 4)
#define SEL_STORE_ERASE         4
/* An empty log, and both times */
#define SEL_STORE_BASE          8

unsigned ipmi_sel_count(const IPMISel *sel)
{
    return sel->used / IPMI_SEL_RECORD;
}

const uint8_t *ipmi_sel_record(const IPMISel *sel, unsigned index)
{
    assert(index < ipmi_sel_count(sel));
    return sel->data + index * IPMI_SEL_RECORD;
}

unsigned ipmi_sel_index(const IPMISel *sel, uint16_t id)
{
    unsigned n = ipmi_sel_count(sel);
    unsigned i;

    if (id == IPMI_RECORD_FIRST) {
        return 0;
    }
    if (id == IPMI_RECORD_LAST) {
        return n ? n - 1 : 0;
    }
    for (i = 0; i < n && lduw_le_p(ipmi_sel_record(sel, i)) != id; i++) {
        /* look on */
    }
    return i;
}

static void sel_insert(IPMISel *sel, const uint8_t *rec, uint32_t now)
{
    memcpy(sel->data + sel->used, rec, IPMI_SEL_RECORD);
    sel->used += IPMI_SEL_RECORD;
    sel->next_id = ipmi_next_id(lduw_le_p(rec));
    sel->add_time = now;
}

static void sel_remove(IPMISel *sel, unsigned index, uint32_t now)
{
    uint8_t *p = sel->data + index * IPMI_SEL_RECORD;
    uint8_t *end = sel->data + sel->used;

    memmove(p, p + IPMI_SEL_RECORD, end - p - IPMI_SEL_RECORD);
    sel->used -= IPMI_SEL_RECORD;
    sel->erase_time = now;
    sel->overflow = false;
}

static void sel_empty(IPMISel *sel, uint32_t now)
{
    sel->used = 0;
    sel->next_id = 1;
    sel->erase_time = now;
    sel->overflow = false;
}

/* An ID that no record has: the next one, after the wrap the next free one. */
uint16_t ipmi_sel_new_id(const IPMISel *sel)
{
    uint16_t id = sel->next_id;

    while (ipmi_sel_index(sel, id) < ipmi_sel_count(sel)) {
        id = ipmi_next_id(id);
    }
    return id;
}

uint8_t ipmi_sel_add(IPMISel *sel, const uint8_t rec[IPMI_SEL_RECORD],
                     uint16_t *id)
{
    uint32_t now = ipmi_clock_get(&sel->clock);
    uint8_t buf[SEL_STORE_ADD];

    if (ipmi_sel_count(sel) == sel->capacity) {
        sel->overflow = true;
        return IPMI_CC_OUT_OF_SPACE;
    }
    memcpy(buf, rec, IPMI_SEL_RECORD);
    stw_le_p(buf, ipmi_sel_new_id(sel));
    if (rec[IPMI_SEL_O_TYPE] < IPMI_SEL_TYPE_OEM_NO_TIME) {
        stl_le_p(buf + IPMI_SEL_O_TIME, now);
    }
    stl_le_p(buf + IPMI_SEL_RECORD, now);
    if (!ipmi_store_put(sel->store, IPMI_STORE_SEL, lduw_le_p(buf), buf,
                        sizeof(buf))) {
        return IPMI_CC_UNSPECIFIED;
    }
    sel_insert(sel, buf, now);
    ipmi_unreserve(&sel->reservation, &sel->partial);
    if (id) {
        *id = lduw_le_p(buf);
    }
    trace_ipmi_sel_add(sel->store->name, lduw_le_p(buf), buf[IPMI_SEL_O_TYPE],
                       ipmi_sel_count(sel));
    return IPMI_CC_OK;
}

/* The time of an erasure, with the record ID or the key that means all */
static bool store_erasure(IPMISel *sel, uint32_t key, uint32_t now)
{
    uint8_t time[SEL_STORE_ERASE];

    stl_le_p(time, now);
    return ipmi_store_put(sel->store, IPMI_STORE_SEL, key, time, sizeof(time));
}

uint8_t ipmi_sel_delete(IPMISel *sel, unsigned index)
{
    uint16_t id = lduw_le_p(ipmi_sel_record(sel, index));
    uint32_t now = ipmi_clock_get(&sel->clock);

    if (!store_erasure(sel, id, now)) {
        return IPMI_CC_UNSPECIFIED;
    }
    sel_remove(sel, index, now);
    ipmi_unreserve(&sel->reservation, &sel->partial);
    return IPMI_CC_OK;
}

uint8_t ipmi_sel_clear(IPMISel *sel)
{
    uint32_t now = ipmi_clock_get(&sel->clock);

    if (!store_erasure(sel, IPMI_STORE_KEY_CLEAR, now)) {
        return IPMI_CC_UNSPECIFIED;
    }
    sel_empty(sel, now);
    ipmi_unreserve(&sel->reservation, &sel->partial);
    trace_ipmi_sel_clear(sel->store->name);
    return IPMI_CC_OK;
}

/* Key: record ID, or all of them. Data: see SEL_STORE_* */
static bool sel_load(void *opaque, uint32_t key, const uint8_t *data,
                     uint32_t len)
{
    IPMISel *sel = opaque;
    unsigned i;

    if (len == SEL_STORE_ADD) {
        if (ipmi_sel_count(sel) == sel->capacity || lduw_le_p(data) != key) {
            return false;
        }
        sel_insert(sel, data, ldl_le_p(data + IPMI_SEL_RECORD));
        return true;
    }
    if (len != SEL_STORE_ERASE &&
        (len != SEL_STORE_BASE || key != IPMI_STORE_KEY_CLEAR)) {
        return false;
    }
    if (key == IPMI_STORE_KEY_CLEAR) {
        sel->add_time = len == SEL_STORE_BASE ? ldl_le_p(data + 4) :
                                                sel->add_time;
        sel_empty(sel, ldl_le_p(data));
        return true;
    }
    i = key && key < IPMI_RECORD_LAST ? ipmi_sel_index(sel, key) :
                                        ipmi_sel_count(sel);
    if (i >= ipmi_sel_count(sel)) {
        return false;
    }
    sel_remove(sel, i, ldl_le_p(data));
    return true;
}

static void sel_dump(void *opaque, IPMIStore *st)
{
    IPMISel *sel = opaque;
    uint8_t buf[SEL_STORE_ADD];

    stl_le_p(buf, sel->erase_time);
    stl_le_p(buf + 4, sel->add_time);
    ipmi_store_emit(st, IPMI_STORE_SEL, IPMI_STORE_KEY_CLEAR, buf,
                    SEL_STORE_BASE);
    stl_le_p(buf + IPMI_SEL_RECORD, sel->add_time);
    for (unsigned i = 0; i < ipmi_sel_count(sel); i++) {
        memcpy(buf, ipmi_sel_record(sel, i), IPMI_SEL_RECORD);
        ipmi_store_emit(st, IPMI_STORE_SEL, lduw_le_p(buf), buf, sizeof(buf));
    }
}

static const IPMIStoreKind sel_kind = { "sel", sel_load, sel_dump };

bool ipmi_sel_init(IPMISel *sel, IPMIStore *store, Error **errp)
{
    if (sel->capacity < 16 || sel->capacity > IPMI_SEL_MAX) {
        error_setg(errp, "sel-entries is %u, and has to be 16 to %u",
                   sel->capacity, IPMI_SEL_MAX);
        return false;
    }
    sel->store = store;
    ipmi_store_register(store, IPMI_STORE_SEL, &sel_kind, sel);
    sel->data = g_malloc0(sel->capacity * IPMI_SEL_RECORD);
    sel->next_id = 1;
    /* sec 31.2: there has never been one */
    sel->add_time = IPMI_TIME_UNSPECIFIED;
    sel->erase_time = IPMI_TIME_UNSPECIFIED;
    return true;
}

void ipmi_sel_exit(IPMISel *sel)
{
    g_clear_pointer(&sel->data, g_free);
}

static bool sel_valid(void *opaque, int version_id)
{
    IPMISel *sel = opaque;

    return sel->used <= sel->capacity * IPMI_SEL_RECORD &&
           sel->used % IPMI_SEL_RECORD == 0 &&
           sel->next_id && sel->next_id != IPMI_RECORD_LAST;
}

const VMStateDescription vmstate_ipmi_sel = {
    .name = "ipmi-bmc-multi/sel",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT(clock, IPMISel, 1, vmstate_ipmi_clock, IPMIClock),
        VMSTATE_UINT32(used, IPMISel),
        VMSTATE_UINT16(next_id, IPMISel),
        VMSTATE_VALIDATE("size of the SEL", sel_valid),
        VMSTATE_VBUFFER_UINT32(data, IPMISel, 1, NULL, used),
        VMSTATE_BOOL(overflow, IPMISel),
        VMSTATE_UINT32(add_time, IPMISel),
        VMSTATE_UINT32(erase_time, IPMISel),
        VMSTATE_STRUCT(reservation, IPMISel, 1, vmstate_ipmi_reservation,
                       IPMIReservation),
        VMSTATE_STRUCT(partial, IPMISel, 1, vmstate_ipmi_partial, IPMIPartial),
        VMSTATE_END_OF_LIST()
    }
};
