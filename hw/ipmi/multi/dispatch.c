/*
 * IPMI BMC with many channels: from a request to its command
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 5 (messages), 13.8 (checksum).
 *
 * What is wrong with any command's request is found here; handlers see only
 * those of the right length, with reserved bits 0.
 */

#include "qemu/osdep.h"
#include "bmc.h"
#include "qemu/bswap.h"
#include "qemu/log.h"
#include "trace.h"

static const IPMICommandTable *const tables[] = {
    &ipmi_cmds_app, &ipmi_cmds_channel, &ipmi_cmds_users,
    &ipmi_cmds_bridge,
    &ipmi_cmds_chassis, &ipmi_cmds_sensor, &ipmi_cmds_fru, &ipmi_cmds_sdr,
    &ipmi_cmds_sdr_dev,
    &ipmi_cmds_sel, &ipmi_cmds_transport, &ipmi_cmds_dcmi,
    &ipmi_cmds_watchdog, &ipmi_cmds_sysinfo,
};

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

    for (i = 0; i < ARRAY_SIZE(tables); i++) {
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
    if (((c->flags & IPMI_CMD_SYS_ONLY) && !req->port) ||
        (!req->port && req->priv && req->priv < c->priv)) {
        return IPMI_CC_PRIVILEGE;
    }
    if (req->len < c->min || req->len > c->max) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    return reserved_bits_set(c, req) ? IPMI_CC_INVALID_DATA_FIELD :
                                       IPMI_CC_OK;
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
    if (cc == IPMI_CC_REQUEST_DATA_LENGTH_INVALID ||
        cc == IPMI_CC_INVALID_DATA_FIELD) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: netfn 0x%02x cmd 0x%02x (%s): %s\n",
                      ipmi_bmc_name(s), req->netfn, req->cmd, c->name,
                      cc == IPMI_CC_REQUEST_DATA_LENGTH_INVALID ? "wrong length" :
                      "invalid field");
    }
    trace_ipmi_reply(ipmi_bmc_name(s), req->chan, req->netfn, req->cmd, cc,
                     rsp->len);
    return cc;
}

uint8_t ipmi_checksum(const uint8_t *p, unsigned n)
{
    uint8_t sum = 0;

    while (n--) {
        sum += *p++;
    }
    return -sum;
}
