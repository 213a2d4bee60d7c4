/*
 * IPMI BMC with many channels: System Event Log and events
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 31 and 32.
 *
 * Modelled: all SEL device commands but the Auxiliary Log's.
 * Not modelled: an erasure that takes time; it is complete at once.
 */

#include "qemu/osdep.h"
#include "priv.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "trace.h"

/* sec 32: record types, and where the time stamp is */
#define SEL_TYPE_SYSTEM         0x02
#define SEL_TYPE_OEM            0xc0
#define SEL_TYPE_OEM_NO_TIME    0xe0
#define SEL_O_TYPE              2
#define SEL_O_TIME              3

/* sec 31.2: operation support */
#define SEL_SUPPORT             0x0f
#define SEL_OVERFLOW            0x80

/* sec 31.11a: minutes, or not specified */
#define UTC_OFFSET_MAX          1440
#define UTC_OFFSET_NONE         0x7ff

/* In the store: a record, and its time; or only the time: erased */
#define SEL_STORE_ADD           (IPMI_SEL_RECORD + 4)
#define SEL_STORE_ERASE         4
/* An empty log, and both times */
#define SEL_STORE_BASE          8

unsigned ipmi_sel_count(IPMIBmcMulti *s)
{
    return s->stores.sel.used / IPMI_SEL_RECORD;
}

const uint8_t *ipmi_sel_record(IPMIBmcMulti *s, unsigned index)
{
    assert(index < ipmi_sel_count(s));
    return s->stores.sel.data + index * IPMI_SEL_RECORD;
}

/* Index of a record; ipmi_sel_count() if there is none. */
static unsigned sel_index(IPMIBmcMulti *s, uint16_t id)
{
    unsigned n = ipmi_sel_count(s);
    unsigned i;

    if (id == IPMI_RECORD_FIRST) {
        return 0;
    }
    if (id == IPMI_RECORD_LAST) {
        return n ? n - 1 : 0;
    }
    for (i = 0; i < n && lduw_le_p(ipmi_sel_record(s, i)) != id; i++) {
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

static void sel_clear(IPMISel *sel, uint32_t now)
{
    sel->used = 0;
    sel->next_id = 1;
    sel->erase_time = now;
    sel->overflow = false;
}

/* An ID that no record has: the next one, after the wrap the next free one. */
static uint16_t sel_new_id(IPMIBmcMulti *s)
{
    uint16_t id = s->stores.sel.next_id;

    while (sel_index(s, id) < ipmi_sel_count(s)) {
        id = ipmi_next_id(id);
    }
    return id;
}

uint8_t ipmi_sel_add(IPMIBmcMulti *s, const uint8_t rec[IPMI_SEL_RECORD],
                     uint16_t *id)
{
    IPMISel *sel = &s->stores.sel;
    uint32_t now = ipmi_clock_get(&s->stores.sel_clock);
    uint8_t buf[SEL_STORE_ADD];

    if (ipmi_sel_count(s) == sel->capacity) {
        sel->overflow = true;
        return IPMI_CC_OUT_OF_SPACE;
    }
    memcpy(buf, rec, IPMI_SEL_RECORD);
    stw_le_p(buf, sel_new_id(s));
    if (rec[SEL_O_TYPE] < SEL_TYPE_OEM_NO_TIME) {
        stl_le_p(buf + SEL_O_TIME, now);
    }
    stl_le_p(buf + IPMI_SEL_RECORD, now);
    if (!ipmi_store_put(s, IPMI_STORE_SEL, lduw_le_p(buf), buf, sizeof(buf))) {
        return IPMI_CC_UNSPECIFIED;
    }
    sel_insert(sel, buf, now);
    ipmi_unreserve(&sel->reservation, &sel->partial);
    if (id) {
        *id = lduw_le_p(buf);
    }
    trace_ipmi_sel_add(ipmi_bmc_name(s), lduw_le_p(buf), buf[SEL_O_TYPE],
                       ipmi_sel_count(s));
    return IPMI_CC_OK;
}

uint8_t ipmi_event(IPMIBmcMulti *s, const uint8_t rec[IPMI_SEL_RECORD])
{
    uint8_t event[IPMI_SEL_RECORD];
    uint16_t id = 0;
    uint8_t cc = IPMI_CC_OK;

    memcpy(event, rec, sizeof(event));
    if (ipmi_enable_sel_logging(s)) {
        cc = ipmi_sel_add(s, event, &id);
    }
    /* sec 22.8: software reads it in the form that it has in the SEL */
    stw_le_p(event, id);
    if (event[SEL_O_TYPE] < SEL_TYPE_OEM_NO_TIME) {
        stl_le_p(event + SEL_O_TIME, ipmi_clock_get(&s->stores.sel_clock));
    }
    ipmi_event_buffer_put(s, event);
    return cc;
}

/* sec 31.2: also says whether an event was lost */
static uint8_t sel_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISel *sel = &s->stores.sel;
    uint32_t bytes = sel->capacity * IPMI_SEL_RECORD - sel->used;

    ipmi_rsp_u8(rsp, IPMI_DEFINITION_VERSION);
    ipmi_rsp_u16(rsp, ipmi_sel_count(s));
    ipmi_rsp_u16(rsp, MIN(bytes, UINT16_MAX));
    ipmi_rsp_u32(rsp, sel->add_time);
    ipmi_rsp_u32(rsp, sel->erase_time);
    ipmi_rsp_u8(rsp, SEL_SUPPORT | (sel->overflow ? SEL_OVERFLOW : 0));
    return IPMI_CC_OK;
}

/* sec 31.3: a unit is a record */
static uint8_t sel_alloc_info(IPMIBmcMulti *s, const IPMIReq *req,
                              IPMIRsp *rsp)
{
    uint32_t capacity = s->stores.sel.capacity;
    uint32_t left = capacity - ipmi_sel_count(s);

    ipmi_rsp_u16(rsp, capacity);
    ipmi_rsp_u16(rsp, IPMI_SEL_RECORD);
    ipmi_rsp_u16(rsp, left);
    ipmi_rsp_u16(rsp, left);
    ipmi_rsp_u8(rsp, 1);
    return IPMI_CC_OK;
}

static uint8_t sel_reserve(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    s->stores.sel.partial.active = false;
    ipmi_rsp_u16(rsp, ipmi_reserve(&s->stores.sel.reservation));
    return IPMI_CC_OK;
}

/* sec 31.5: reservation, record ID, offset, count */
static uint8_t sel_get(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    unsigned i = sel_index(s, lduw_le_p(req->data + 2));
    unsigned n = ipmi_sel_count(s);
    unsigned count = req->data[5];
    uint8_t offset = req->data[4];
    uint8_t cc;

    if (i >= n) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    cc = ipmi_record_part(&s->stores.sel.reservation, lduw_le_p(req->data),
                          IPMI_SEL_RECORD, offset, &count,
                          ipmi_rsp_room(rsp) - 2);
    if (cc) {
        return cc;
    }
    ipmi_rsp_u16(rsp, i + 1 < n ? lduw_le_p(ipmi_sel_record(s, i + 1)) :
                                  IPMI_RECORD_LAST);
    ipmi_rsp_bytes(rsp, ipmi_sel_record(s, i) + offset, count);
    return IPMI_CC_OK;
}

/* sec 32: the types between are reserved */
static bool sel_type_known(uint8_t type)
{
    return type == SEL_TYPE_SYSTEM || type >= SEL_TYPE_OEM;
}

static uint8_t sel_add_answer(IPMIBmcMulti *s, const uint8_t *rec,
                              IPMIRsp *rsp)
{
    uint16_t id;
    uint8_t cc;

    if (!sel_type_known(rec[SEL_O_TYPE])) {
        return IPMI_CC_RECORD;
    }
    cc = ipmi_sel_add(s, rec, &id);
    if (!cc) {
        ipmi_rsp_u16(rsp, id);
    }
    return cc;
}

static uint8_t sel_add(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return sel_add_answer(s, req->data, rsp);
}

/* sec 31.7: the record is there when the last piece is */
static uint8_t sel_partial_add(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIRsp *rsp)
{
    IPMISel *sel = &s->stores.sel;
    bool last;
    uint8_t cc = ipmi_partial_put(&sel->partial, &sel->reservation, req,
                                  sel_new_id(s), &last);

    if (cc) {
        return cc;
    }
    if (!last) {
        ipmi_rsp_u16(rsp, sel->partial.id);
        return IPMI_CC_OK;
    }
    sel->partial.active = false;
    if (sel->partial.len != IPMI_SEL_RECORD) {
        return IPMI_CC_RECORD;
    }
    return sel_add_answer(s, sel->partial.data, rsp);
}

static uint8_t sel_delete(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISel *sel = &s->stores.sel;
    unsigned i = sel_index(s, lduw_le_p(req->data + 2));
    uint32_t now = ipmi_clock_get(&s->stores.sel_clock);
    uint8_t time[SEL_STORE_ERASE];
    uint16_t id;

    if (!ipmi_reserved(&sel->reservation, lduw_le_p(req->data))) {
        return IPMI_CC_INVALID_RESERVATION;
    }
    if (i >= ipmi_sel_count(s)) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    id = lduw_le_p(ipmi_sel_record(s, i));
    stl_le_p(time, now);
    if (!ipmi_store_put(s, IPMI_STORE_SEL, id, time, sizeof(time))) {
        return IPMI_CC_UNSPECIFIED;
    }
    sel_remove(sel, i, now);
    ipmi_unreserve(&sel->reservation, &sel->partial);
    ipmi_rsp_u16(rsp, id);
    return IPMI_CC_OK;
}

static uint8_t sel_clear_cmd(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISel *sel = &s->stores.sel;
    uint32_t now = ipmi_clock_get(&s->stores.sel_clock);
    uint8_t time[SEL_STORE_ERASE];
    bool erase;
    uint8_t cc = ipmi_erase_check(&sel->reservation, req, &erase);

    if (cc) {
        return cc;
    }
    if (erase) {
        stl_le_p(time, now);
        if (!ipmi_store_put(s, IPMI_STORE_SEL, IPMI_STORE_KEY_CLEAR, time,
                            sizeof(time))) {
            return IPMI_CC_UNSPECIFIED;
        }
        sel_clear(sel, now);
        ipmi_unreserve(&sel->reservation, &sel->partial);
        trace_ipmi_sel_clear(ipmi_bmc_name(s));
    }
    ipmi_rsp_u8(rsp, 1);        /* erasure completed */
    return IPMI_CC_OK;
}

static uint8_t sel_get_time(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u32(rsp, ipmi_clock_get(&s->stores.sel_clock));
    return IPMI_CC_OK;
}

static uint8_t sel_set_time(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_clock_set(&s->stores.sel_clock, ldl_le_p(req->data));
    return IPMI_CC_OK;
}

static uint8_t sel_get_utc(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u16(rsp, s->stores.utc_offset);
    return IPMI_CC_OK;
}

static uint8_t sel_set_utc(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    int16_t offset = lduw_le_p(req->data);

    if ((offset < -UTC_OFFSET_MAX || offset > UTC_OFFSET_MAX) &&
        offset != UTC_OFFSET_NONE) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (!ipmi_store_put(s, IPMI_STORE_MISC, IPMI_MISC_UTC_OFFSET, req->data,
                        2)) {
        return IPMI_CC_UNSPECIFIED;
    }
    s->stores.utc_offset = offset;
    return IPMI_CC_OK;
}

static const IPMICommand sel_commands[] = {
    { 0x40, "Get SEL Info", 0, 0, USER, 0, sel_info },
    { 0x41, "Get SEL Allocation Info", 0, 0, USER, 0, sel_alloc_info },
    { 0x42, "Reserve SEL", 0, 0, USER, 0, sel_reserve },
    { 0x43, "Get SEL Entry", 6, 6, USER, 0, sel_get },
    { 0x44, "Add SEL Entry", 16, 16, OPER, 0, sel_add },
    { 0x45, "Partial Add SEL Entry", 7, 22, OPER, 0, sel_partial_add,
      { { 5, 0xf0 } } },
    { 0x46, "Delete SEL Entry", 4, 4, OPER, 0, sel_delete },
    { 0x47, "Clear SEL", 6, 6, OPER, 0, sel_clear_cmd },
    { 0x48, "Get SEL Time", 0, 0, USER, 0, sel_get_time },
    { 0x49, "Set SEL Time", 4, 4, OPER, 0, sel_set_time },
    { 0x5c, "Get SEL Time UTC Offset", 0, 0, USER, 0, sel_get_utc },
    { 0x5d, "Set SEL Time UTC Offset", 2, 2, OPER, 0, sel_set_utc },
};

const IPMICommandTable ipmi_cmds_sel =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_STORAGE, sel_commands);

/* Key: record ID, or all of them. Data: see SEL_STORE_* */
static bool sel_load(IPMIBmcMulti *s, uint32_t key, const uint8_t *data,
                     uint32_t len)
{
    IPMISel *sel = &s->stores.sel;
    unsigned i;

    if (len == SEL_STORE_ADD) {
        if (ipmi_sel_count(s) == sel->capacity || lduw_le_p(data) != key) {
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
        sel_clear(sel, ldl_le_p(data));
        return true;
    }
    i = key && key < IPMI_RECORD_LAST ? sel_index(s, key) : ipmi_sel_count(s);
    if (i >= ipmi_sel_count(s)) {
        return false;
    }
    sel_remove(sel, i, ldl_le_p(data));
    return true;
}

static void sel_dump(IPMIBmcMulti *s)
{
    IPMISel *sel = &s->stores.sel;
    uint8_t buf[SEL_STORE_ADD];

    stl_le_p(buf, sel->erase_time);
    stl_le_p(buf + 4, sel->add_time);
    ipmi_store_emit(s, IPMI_STORE_SEL, IPMI_STORE_KEY_CLEAR, buf,
                    SEL_STORE_BASE);
    stl_le_p(buf + IPMI_SEL_RECORD, sel->add_time);
    for (unsigned i = 0; i < ipmi_sel_count(s); i++) {
        memcpy(buf, ipmi_sel_record(s, i), IPMI_SEL_RECORD);
        ipmi_store_emit(s, IPMI_STORE_SEL, lduw_le_p(buf), buf, sizeof(buf));
    }
}

const IPMIStoreKind ipmi_store_sel = { "sel", sel_load, sel_dump };

bool ipmi_sel_realize(IPMIBmcMulti *s, Error **errp)
{
    IPMISel *sel = &s->stores.sel;

    if (sel->capacity < 16 || sel->capacity > IPMI_SEL_MAX) {
        error_setg(errp, "sel-entries is %u, and has to be 16 to %u",
                   sel->capacity, IPMI_SEL_MAX);
        return false;
    }
    sel->data = g_malloc0(sel->capacity * IPMI_SEL_RECORD);
    sel->next_id = 1;
    return true;
}

void ipmi_sel_unrealize(IPMIBmcMulti *s)
{
    g_clear_pointer(&s->stores.sel.data, g_free);
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
