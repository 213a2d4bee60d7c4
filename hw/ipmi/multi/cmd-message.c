/*
 * IPMI BMC with many channels: message commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 22.1 to 22.8.
 */

#include "qemu/osdep.h"
#include "bridge.h"
#include "sms.h"

/* sec 22.7: first byte of Send Message */
#define SEND_CHANNEL(b)     ((b) & 0x0f)
#define SEND_TRACKING(b)    ((b) >> 6)

/* sec 22.6, 22.8: nothing to be had */
#define CC_EMPTY            0x80

/* sec 22.5: operations of Enable Message Channel Receive */
enum { RECEIVE_DISABLE, RECEIVE_ENABLE, RECEIVE_GET, RECEIVE__MAX };

static uint8_t set_enables(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_sms_set_enables(s->sms, req->data[0]);
    return IPMI_CC_OK;
}

static uint8_t get_enables(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, s->sms->enables);
    return IPMI_CC_OK;
}

static uint8_t clear_flags(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_sms_clear(s->sms, req->data[0]);
    return IPMI_CC_OK;
}

static uint8_t get_flags(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, ipmi_sms_flags(s->sms));
    return IPMI_CC_OK;
}

static uint8_t enable_receive(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t number = ipmi_req_channel(req, req->data[0] & 0x0f);
    IPMIChan *c = &s->records.chans.chan[number];
    uint8_t op = req->data[1] & 3;

    if (op >= RECEIVE__MAX || c->kind == IPMI_CHAN_NONE) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (c->kind == IPMI_CHAN_SYSTEM && op == RECEIVE_DISABLE) {
        /* sec 22.5: system software always hears itself */
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (op != RECEIVE_GET) {
        c->receive = op == RECEIVE_ENABLE;
    }
    ipmi_rsp_u8(rsp, number);
    ipmi_rsp_u8(rsp, c->receive);
    return IPMI_CC_OK;
}

/* What the interface cannot carry would stay at the head for ever: it goes. */
static uint8_t get_message(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    const IPMIQueueEntry *e = ipmi_sms_take(s->sms);

    if (!e) {
        return CC_EMPTY;
    }
    ipmi_rsp_u8(rsp, e->priv << 4 | e->chan);
    ipmi_rsp_bytes(rsp, e->data, e->len);
    return IPMI_CC_OK;
}

static uint8_t read_event_buffer(IPMIBmcMulti *s, const IPMIReq *req,
                                 IPMIRsp *rsp)
{
    uint8_t rec[IPMI_SEL_RECORD];

    if (!ipmi_sms_take_event(s->sms, rec)) {
        return CC_EMPTY;
    }
    ipmi_rsp_bytes(rsp, rec, sizeof(rec));
    return IPMI_CC_OK;
}

static uint8_t send_message(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t number = ipmi_req_channel(req, SEND_CHANNEL(req->data[0]));
    uint32_t resets = s->resets;
    uint8_t cc;

    if (s->records.chans.chan[number].kind == IPMI_CHAN_SYSTEM) {
        return ipmi_bridge_to_system(s->bridge, req, req->data + 1,
                                     req->len - 1);
    }
    cc = ipmi_bridge_send(s->bridge, req, number, SEND_TRACKING(req->data[0]),
                          req->data + 1, req->len - 1);
    /* A fault in the middle of it: nobody is left to answer. */
    rsp->none = s->resets != resets;
    return cc;
}

static const IPMICommand commands[] = {
    { 0x2e, "Set BMC Global Enables", 1, 1, IPMI_MULTI_PRIV_USER,
      IPMI_CMD_SYS_ONLY, set_enables, { { 0, 0x10 } } },
    { 0x2f, "Get BMC Global Enables", 0, 0, IPMI_MULTI_PRIV_USER, 0,
      get_enables },
    { 0x30, "Clear Message Flags", 1, 1, IPMI_MULTI_PRIV_USER,
      IPMI_CMD_SYS_ONLY, clear_flags, { { 0, 0x14 } } },
    { 0x31, "Get Message Flags", 0, 0, IPMI_MULTI_PRIV_USER,
      IPMI_CMD_SYS_ONLY, get_flags },
    { 0x32, "Enable Message Channel Receive", 2, 2, IPMI_MULTI_PRIV_USER,
      IPMI_CMD_SYS_ONLY, enable_receive, { { 0, 0xf0 }, { 1, 0xfc } } },
    { 0x33, "Get Message", 0, 0, IPMI_MULTI_PRIV_USER,
      IPMI_CMD_SYS_ONLY, get_message },
    { 0x34, "Send Message", 2, IPMI_MESSAGE_MAX + 1, IPMI_MULTI_PRIV_USER,
      0, send_message },
    { 0x35, "Read Event Message Buffer", 0, 0, IPMI_MULTI_PRIV_USER,
      IPMI_CMD_SYS_ONLY, read_event_buffer },
};

const IPMICommandTable ipmi_cmds_message =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_APP, commands);
