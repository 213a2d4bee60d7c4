/*
 * IPMI BMC with many channels: commands of the SDR repository, and device SDRs
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 33 and 35.2 to 35.4.
 *
 * Modelled: all commands of the repository, with modal and non-modal update;
 * the same records, which never change, as device SDRs.
 */

#include "qemu/osdep.h"
#include "bmc.h"
#include "cmd-record.h"
#include "qemu/bswap.h"

/* sec 33.9: operation support: all, and both ways to update */
#define SDR_SUPPORT             0x6f
#define SDR_OVERFLOW            0x80

/* sec 33.10: unit of allocation */
#define SDR_UNIT                8

/* sec 35.2: of LUN 0 only, and static */
#define SDR_DEVICE_LUN0         0x01
#define SDR_DEVICE_COUNT_SDRS   0x01

static uint8_t sdr_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISdr *sdr = &s->records.sdr;

    ipmi_rsp_u8(rsp, IPMI_DEFINITION_VERSION);
    ipmi_rsp_u16(rsp, sdr->count);
    ipmi_rsp_u16(rsp, sdr->size - sdr->used);
    ipmi_rsp_u32(rsp, sdr->add_time);
    ipmi_rsp_u32(rsp, sdr->erase_time);
    ipmi_rsp_u8(rsp, SDR_SUPPORT | (sdr->overflow ? SDR_OVERFLOW : 0));
    return IPMI_CC_OK;
}

static uint8_t sdr_alloc_info(IPMIBmcMulti *s, const IPMIReq *req,
                              IPMIRsp *rsp)
{
    IPMISdr *sdr = &s->records.sdr;
    uint16_t left = (sdr->size - sdr->used) / SDR_UNIT;

    ipmi_rsp_u16(rsp, sdr->size / SDR_UNIT);
    ipmi_rsp_u16(rsp, SDR_UNIT);
    ipmi_rsp_u16(rsp, left);
    ipmi_rsp_u16(rsp, left);
    ipmi_rsp_u8(rsp, DIV_ROUND_UP(SDR_RECORD_MAX, SDR_UNIT));
    return IPMI_CC_OK;
}

static uint8_t sdr_reserve(IPMISdr *sdr, IPMIRsp *rsp)
{
    ipmi_rsp_u16(rsp, ipmi_reserve(&sdr->reservation, &sdr->partial));
    return IPMI_CC_OK;
}

static uint8_t sdr_repo_reserve(IPMIBmcMulti *s, const IPMIReq *req,
                                IPMIRsp *rsp)
{
    return sdr_reserve(&s->records.sdr, rsp);
}

static uint8_t sdr_dev_reserve(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIRsp *rsp)
{
    return sdr_reserve(&s->records.dev, rsp);
}

/* sec 33.12: reservation, record ID, offset, count */
static uint8_t sdr_get(IPMISdr *sdr, const IPMIReq *req, IPMIRsp *rsp)
{
    const uint8_t *rec = ipmi_sdr_find(sdr, lduw_le_p(req->data + 2));
    const uint8_t *next;
    unsigned count = req->data[5];
    uint8_t offset = req->data[4];
    uint8_t cc;

    if (!rec) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    cc = ipmi_record_part(&sdr->reservation, lduw_le_p(req->data),
                          ipmi_sdr_record_len(rec), offset, &count,
                          ipmi_rsp_room(rsp) - 2);
    if (cc) {
        return cc;
    }
    next = ipmi_sdr_next(sdr, rec);
    ipmi_rsp_u16(rsp, next ? lduw_le_p(next) : IPMI_RECORD_LAST);
    ipmi_rsp_bytes(rsp, rec + offset, count);
    return IPMI_CC_OK;
}

/* sec 33.7: nobody reads a repository that is being updated. */
static uint8_t sdr_repo_get(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    if (s->records.sdr.update) {
        return IPMI_CC_SDR_UPDATE;
    }
    return sdr_get(&s->records.sdr, req, rsp);
}

static uint8_t sdr_dev_get(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return sdr_get(&s->records.dev, req, rsp);
}

static uint8_t sdr_add(IPMIBmcMulti *s, const uint8_t *rec, uint32_t len,
                       IPMIRsp *rsp)
{
    uint16_t id;
    uint8_t cc = ipmi_sdr_add(&s->records.sdr, rec, len, &id);

    if (!cc) {
        ipmi_rsp_u16(rsp, id);
    }
    return cc;
}

static uint8_t sdr_add_cmd(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return sdr_add(s, req->data, req->len, rsp);
}

static uint8_t sdr_partial_add(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIRsp *rsp)
{
    IPMISdr *sdr = &s->records.sdr;
    IPMIPiece piece;
    uint8_t cc = ipmi_req_piece(req, &piece);

    if (!cc) {
        cc = ipmi_partial_put(&sdr->partial, &sdr->reservation, &piece,
                              ipmi_sdr_new_id(sdr));
    }
    if (cc) {
        return cc;
    }
    if (!piece.last) {
        ipmi_rsp_u16(rsp, sdr->partial.id);
        return IPMI_CC_OK;
    }
    sdr->partial.active = false;
    return sdr_add(s, sdr->partial.data, sdr->partial.len, rsp);
}

static uint8_t sdr_delete(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISdr *sdr = &s->records.sdr;
    const uint8_t *rec = ipmi_sdr_find(sdr, lduw_le_p(req->data + 2));
    uint16_t id;
    uint8_t cc;

    if (!ipmi_reserved(&sdr->reservation, lduw_le_p(req->data))) {
        return IPMI_CC_INVALID_RESERVATION;
    }
    if (!rec) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    id = lduw_le_p(rec);
    cc = ipmi_sdr_delete(sdr, rec);
    ipmi_rsp_u16(rsp, id);
    return cc;
}

static uint8_t sdr_clear(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMISdr *sdr = &s->records.sdr;
    bool erase;
    uint8_t cc = ipmi_req_erase(req, &sdr->reservation, &erase);

    if (!cc && erase) {
        cc = ipmi_sdr_clear(sdr);
    }
    ipmi_rsp_u8(rsp, 1);        /* erasure completed */
    return cc;
}

static uint8_t sdr_get_time(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u32(rsp, ipmi_clock_get(&s->records.sdr.clock));
    return IPMI_CC_OK;
}

static uint8_t sdr_set_time(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_clock_set(&s->records.sdr.clock, ldl_le_p(req->data));
    return IPMI_CC_OK;
}

static uint8_t sdr_enter_update(IPMIBmcMulti *s, const IPMIReq *req,
                                IPMIRsp *rsp)
{
    s->records.sdr.update = true;
    return IPMI_CC_OK;
}

static uint8_t sdr_exit_update(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIRsp *rsp)
{
    s->records.sdr.update = false;
    return IPMI_CC_OK;
}

/* sec 33.21: bit 0: run it; else say whether it is complete */
static uint8_t sdr_init_agent(IPMIBmcMulti *s, const IPMIReq *req,
                              IPMIRsp *rsp)
{
    if (req->data[0] & 1) {
        ipmi_sensors_agent(&s->records.sensors);
    }
    ipmi_rsp_u8(rsp, 1);
    return IPMI_CC_OK;
}

/* sec 35.2: without data, or bit 0 clear: number of sensors; else of SDRs */
static uint8_t sdr_dev_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    bool sdrs = req->len && (req->data[0] & SDR_DEVICE_COUNT_SDRS);

    ipmi_rsp_u8(rsp, MIN(sdrs ? s->records.dev.count : s->records.sensors.n,
                         UINT8_MAX));
    ipmi_rsp_u8(rsp, SDR_DEVICE_LUN0);
    return IPMI_CC_OK;
}

static const IPMICommand sdr_commands[] = {
    { 0x20, "Get SDR Repository Info", 0, 0, USER, 0, sdr_info },
    { 0x21, "Get SDR Repository Allocation Info", 0, 0, USER, 0,
      sdr_alloc_info },
    { 0x22, "Reserve SDR Repository", 0, 0, USER, 0, sdr_repo_reserve },
    { 0x23, "Get SDR", 6, 6, USER, 0, sdr_repo_get },
    { 0x24, "Add SDR", SDR_HEADER, SDR_RECORD_MAX, OPER, 0, sdr_add_cmd },
    { 0x25, "Partial Add SDR", 7, 6 + SDR_RECORD_MAX, OPER, 0,
      sdr_partial_add, { { 5, 0xf0 } } },
    { 0x26, "Delete SDR", 4, 4, OPER, 0, sdr_delete },
    { 0x27, "Clear SDR Repository", 6, 6, OPER, 0, sdr_clear },
    { 0x28, "Get SDR Repository Time", 0, 0, USER, 0, sdr_get_time },
    { 0x29, "Set SDR Repository Time", 4, 4, OPER, 0, sdr_set_time },
    { 0x2a, "Enter SDR Repository Update Mode", 0, 0, OPER, 0,
      sdr_enter_update },
    { 0x2b, "Exit SDR Repository Update Mode", 0, 0, OPER, 0,
      sdr_exit_update },
    { 0x2c, "Run Initialization Agent", 1, 1, OPER, 0, sdr_init_agent,
      { { 0, 0xfe } } },
};

const IPMICommandTable ipmi_cmds_sdr =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_STORAGE, sdr_commands);

static const IPMICommand sdr_dev_commands[] = {
    { 0x20, "Get Device SDR Info", 0, 1, USER, 0, sdr_dev_info,
      { { 0, 0xfe } } },
    { 0x21, "Get Device SDR", 6, 6, USER, 0, sdr_dev_get },
    { 0x22, "Reserve Device SDR Repository", 0, 0, USER, 0, sdr_dev_reserve },
};

const IPMICommandTable ipmi_cmds_sdr_dev =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_SENSOR, sdr_dev_commands);
