/*
 * IPMI BMC with many channels: SEL commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 31.
 *
 * Modelled: all SEL device commands but the Auxiliary Log's.
 */

#include "qemu/osdep.h"
#include "bmc.h"
#include "cmd-record.h"
#include "qemu/bswap.h"

/* sec 31.2: operation support */
#define SEL_SUPPORT             0x0f
#define SEL_OVERFLOW            0x80

/* sec 31.11a: minutes, or not specified */
#define UTC_OFFSET_MAX          1440

/* sec 31.2: also says whether an event was lost */
static uint8_t sel_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISel *sel = &s->records.sel;
    uint32_t bytes = sel->capacity * IPMI_SEL_RECORD - sel->used;

    ipmi_rsp_u8(rsp, IPMI_DEFINITION_VERSION);
    ipmi_rsp_u16(rsp, ipmi_sel_count(sel));
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
    IPMISel *sel = &s->records.sel;
    uint32_t left = sel->capacity - ipmi_sel_count(sel);

    ipmi_rsp_u16(rsp, sel->capacity);
    ipmi_rsp_u16(rsp, IPMI_SEL_RECORD);
    ipmi_rsp_u16(rsp, left);
    ipmi_rsp_u16(rsp, left);
    ipmi_rsp_u8(rsp, 1);
    return IPMI_CC_OK;
}

static uint8_t sel_reserve(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISel *sel = &s->records.sel;

    ipmi_rsp_u16(rsp, ipmi_reserve(&sel->reservation, &sel->partial));
    return IPMI_CC_OK;
}

/* sec 31.5: reservation, record ID, offset, count */
static uint8_t sel_get(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISel *sel = &s->records.sel;
    unsigned i = ipmi_sel_index(sel, lduw_le_p(req->data + 2));
    unsigned n = ipmi_sel_count(sel);
    unsigned count = req->data[5];
    uint8_t offset = req->data[4];
    uint8_t cc;

    if (i >= n) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    cc = ipmi_record_part(&sel->reservation, lduw_le_p(req->data),
                          IPMI_SEL_RECORD, offset, &count,
                          ipmi_rsp_room(rsp) - 2);
    if (cc) {
        return cc;
    }
    ipmi_rsp_u16(rsp, i + 1 < n ? lduw_le_p(ipmi_sel_record(sel, i + 1)) :
                                  IPMI_RECORD_LAST);
    ipmi_rsp_bytes(rsp, ipmi_sel_record(sel, i) + offset, count);
    return IPMI_CC_OK;
}

/* sec 32: the types between are reserved */
static bool sel_type_known(uint8_t type)
{
    return type == IPMI_SEL_TYPE_SYSTEM || type >= IPMI_SEL_TYPE_OEM;
}

static uint8_t sel_add_answer(IPMIBmcMulti *s, const uint8_t *rec,
                              IPMIRsp *rsp)
{
    uint16_t id;
    uint8_t cc;

    if (!sel_type_known(rec[IPMI_SEL_O_TYPE])) {
        return IPMI_CC_RECORD;
    }
    cc = ipmi_sel_add(&s->records.sel, rec, &id);
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
    IPMISel *sel = &s->records.sel;
    IPMIPiece piece;
    uint8_t cc = ipmi_req_piece(req, &piece);

    if (!cc) {
        cc = ipmi_partial_put(&sel->partial, &sel->reservation, &piece,
                              ipmi_sel_new_id(sel));
    }
    if (cc) {
        return cc;
    }
    if (!piece.last) {
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
    IPMISel *sel = &s->records.sel;
    unsigned i = ipmi_sel_index(sel, lduw_le_p(req->data + 2));
    uint16_t id;
    uint8_t cc;

    if (!ipmi_reserved(&sel->reservation, lduw_le_p(req->data))) {
        return IPMI_CC_INVALID_RESERVATION;
    }
    if (i >= ipmi_sel_count(sel)) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    id = lduw_le_p(ipmi_sel_record(sel, i));
    cc = ipmi_sel_delete(sel, i);
    ipmi_rsp_u16(rsp, id);
    return cc;
}

static uint8_t sel_clear(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISel *sel = &s->records.sel;
    bool erase;
    uint8_t cc = ipmi_req_erase(req, &sel->reservation, &erase);

    if (!cc && erase) {
        cc = ipmi_sel_clear(sel);
    }
    ipmi_rsp_u8(rsp, 1);        /* erasure completed */
    return cc;
}

static uint8_t sel_get_time(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u32(rsp, ipmi_clock_get(&s->records.sel.clock));
    return IPMI_CC_OK;
}

static uint8_t sel_set_time(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_clock_set(&s->records.sel.clock, ldl_le_p(req->data));
    return IPMI_CC_OK;
}

static uint8_t sel_get_utc(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u16(rsp, s->records.settings.utc_offset);
    return IPMI_CC_OK;
}

static uint8_t sel_set_utc(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    int16_t offset = lduw_le_p(req->data);

    if ((offset < -UTC_OFFSET_MAX || offset > UTC_OFFSET_MAX) &&
        offset != IPMI_UTC_OFFSET_NONE) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    return ipmi_settings_set_utc(&s->records.settings, offset);
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
    { 0x47, "Clear SEL", 6, 6, OPER, 0, sel_clear },
    { 0x48, "Get SEL Time", 0, 0, USER, 0, sel_get_time },
    { 0x49, "Set SEL Time", 4, 4, OPER, 0, sel_set_time },
    { 0x5c, "Get SEL Time UTC Offset", 0, 0, USER, 0, sel_get_utc },
    { 0x5d, "Set SEL Time UTC Offset", 2, 2, OPER, 0, sel_set_utc },
};

const IPMICommandTable ipmi_cmds_sel =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_STORAGE, sel_commands);
