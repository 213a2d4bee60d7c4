/*
 * IPMI BMC with many channels: from a request to its command
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 5.
 */

#include "qemu/osdep.h"
#include "bmc.h"
#include "qemu/bswap.h"
#include "qemu/log.h"
#include "trace.h"

#define TABLES_MAX  32

static const IPMICommandTable *tables[TABLES_MAX];
static unsigned n_tables;

void ipmi_commands_add(const IPMICommandTable *table)
{
    assert(n_tables < TABLES_MAX);
    tables[n_tables++] = table;
}

uint8_t ipmi_req_channel(const IPMIReq *req, uint8_t number)
{
    return number == IPMI_MULTI_CHAN_SELF ? req->chan : number;
}

/*
 * Responses
 */

void ipmi_rsp_bytes(IPMIRsp *rsp, const void *p, unsigned n)
{
    if (n > ipmi_rsp_room(rsp)) {
        rsp->overflow = true;
        return;
    }
    memcpy(rsp->data + rsp->len, p, n);
    rsp->len += n;
}

void ipmi_rsp_u8(IPMIRsp *rsp, uint8_t val)
{
    ipmi_rsp_bytes(rsp, &val, 1);
}

void ipmi_rsp_u16(IPMIRsp *rsp, uint16_t val)
{
    uint8_t buf[2];

    stw_le_p(buf, val);
    ipmi_rsp_bytes(rsp, buf, 2);
}

void ipmi_rsp_u24(IPMIRsp *rsp, uint32_t val)
{
    uint8_t buf[4];

    stl_le_p(buf, val);
    ipmi_rsp_bytes(rsp, buf, 3);
}

void ipmi_rsp_u32(IPMIRsp *rsp, uint32_t val)
{
    uint8_t buf[4];

    stl_le_p(buf, val);
    ipmi_rsp_bytes(rsp, buf, 4);
}

/*
 * Dispatcher
 */

const IPMICommand *ipmi_find_command(uint8_t netfn, uint8_t cmd)
{
    unsigned i, j;

    for (i = 0; i < n_tables; i++) {
        for (j = 0; tables[i]->netfn == netfn && j < tables[i]->n; j++) {
            if (tables[i]->commands[j].cmd == cmd) {
                return &tables[i]->commands[j];
            }
        }
    }
    return NULL;
}

static bool reserved_bits_set(const IPMICommand *c, const IPMIReq *req)
{
    unsigned i;

    for (i = 0; i < IPMI_CMD_RESERVED; i++) {
        if (c->reserved[i].byte < req->len &&
            (req->data[c->reserved[i].byte] & c->reserved[i].mask)) {
            return true;
        }
    }
    return false;
}

/* sec 5.2: what is wrong with a request, before its command looks at it */
static uint8_t check(const IPMICommand *c, const IPMIReq *req)
{
    if (req->lun) {
        return IPMI_CC_COMMAND_INVALID_FOR_LUN;
    }
    if (!c) {
        return IPMI_CC_INVALID_CMD;
    }
    if (((c->flags & IPMI_CMD_SYS_ONLY) && !req->system) ||
        (!req->system && req->priv && req->priv < c->priv)) {
        return IPMI_CC_PRIVILEGE;
    }
    if (req->len < c->min || req->len > c->max) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    return reserved_bits_set(c, req) ? IPMI_CC_INVALID_DATA_FIELD :
                                       IPMI_CC_OK;
}

static void log_refusal(IPMIBmcMulti *s, const IPMIReq *req,
                        const IPMICommand *c, uint8_t cc)
{
    const char *why = cc == IPMI_CC_REQUEST_DATA_LENGTH_INVALID ?
                      "wrong length" :
                      cc == IPMI_CC_INVALID_DATA_FIELD ? "invalid field" :
                      NULL;

    if (why) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: netfn 0x%02x cmd 0x%02x (%s): %s\n",
                      ipmi_bmc_name(s), req->netfn, req->cmd, c->name, why);
    }
}

uint8_t ipmi_dispatch(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    const IPMICommand *c = ipmi_find_command(req->netfn, req->cmd);
    uint8_t cc = check(c, req);

    trace_ipmi_request(ipmi_bmc_name(s), req->chan, req->netfn, req->cmd,
                       c ? c->name : "unknown", req->len);
    rsp->len = 0;
    rsp->overflow = false;
    rsp->none = false;
    if (cc == IPMI_CC_OK) {
        cc = c->handler(s, req, rsp);
    }
    if (rsp->overflow) {
        cc = IPMI_CC_CANNOT_RETURN_REQ_NUM_BYTES;
    }
    if (cc != IPMI_CC_OK) {
        rsp->len = 0;
    }
    log_refusal(s, req, c, cc);
    trace_ipmi_reply(ipmi_bmc_name(s), req->chan, req->netfn, req->cmd, cc,
                     rsp->len);
    return cc;
}
