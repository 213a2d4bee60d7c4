/*
 * IPMI BMC with many channels: FRU commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 34.
 */

#include "qemu/osdep.h"
#include "bmc.h"
#include "qemu/bswap.h"

static IPMIFru *req_fru(IPMIBmcMulti *s, const IPMIReq *req)
{
    uint8_t id = req->data[0];

    return id < IPMI_FRUS ? &s->records.frus.fru[id] : NULL;
}

/* sec 34.1: size, and access by bytes */
static uint8_t fru_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIFru *fru = req_fru(s, req);

    if (!fru) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    ipmi_rsp_u16(rsp, fru->size);
    ipmi_rsp_u8(rsp, 0);
    return IPMI_CC_OK;
}

/* sec 34.2: at the end of the data, fewer bytes than asked for */
static uint8_t fru_read(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIFru *fru = req_fru(s, req);
    unsigned offset = lduw_le_p(req->data + 1);
    unsigned count = req->data[3];

    if (!fru) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (offset >= fru->size) {
        return IPMI_CC_PARM_OUT_OF_RANGE;
    }
    count = MIN(count, fru->size - offset);
    if (count + 1 > ipmi_rsp_room(rsp)) {
        return IPMI_CC_CANNOT_RETURN_REQ_NUM_BYTES;
    }
    ipmi_rsp_u8(rsp, count);
    ipmi_rsp_bytes(rsp, fru->data + offset, count);
    return IPMI_CC_OK;
}

static uint8_t fru_write(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIFru *fru = req_fru(s, req);
    unsigned offset = lduw_le_p(req->data + 1);
    unsigned count = req->len - 3;

    if (!fru) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (offset >= fru->size || count > fru->size - offset) {
        return IPMI_CC_PARM_OUT_OF_RANGE;
    }
    if (!ipmi_fru_write(&s->records.frus, req->data[0], offset, req->data + 3,
                        count)) {
        return IPMI_CC_UNSPECIFIED;
    }
    ipmi_rsp_u8(rsp, count);
    return IPMI_CC_OK;
}

/* The count of a write that is returned is one byte. */
#define FRU_WRITE_MAX (3 + 255)

static const IPMICommand fru_commands[] = {
    { 0x10, "Get FRU Inventory Area Info", 1, 1, IPMI_MULTI_PRIV_USER, 0,
      fru_info },
    { 0x11, "Read FRU Data", 4, 4, IPMI_MULTI_PRIV_USER, 0, fru_read },
    { 0x12, "Write FRU Data", 4, FRU_WRITE_MAX, IPMI_MULTI_PRIV_OPERATOR, 0,
      fru_write },
};

const IPMICommandTable ipmi_cmds_fru =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_STORAGE, fru_commands);
