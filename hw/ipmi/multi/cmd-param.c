/*
 * IPMI BMC with many channels: answers of commands that get parameters
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 22.14b, 23.2, 25.2, 26.3, 28.13.
 */

#include "qemu/osdep.h"
#include "cmd-param.h"

#define PARAM_REVISION          0x11
#define REVISION_ONLY           0x80

uint8_t ipmi_rsp_param(IPMIRsp *rsp, const IPMIParams *p, uint8_t param,
                       uint8_t selector, uint8_t block)
{
    IPMIParamValue value;
    uint8_t cc = ipmi_params_get(p, param, selector, block, &value);

    if (cc) {
        return cc;
    }
    if (value.has_selector) {
        ipmi_rsp_u8(rsp, selector);
    }
    ipmi_rsp_bytes(rsp, value.data, value.len);
    return IPMI_CC_OK;
}

uint8_t ipmi_rsp_revision_param(IPMIRsp *rsp, const IPMIParams *p,
                                const uint8_t *data)
{
    ipmi_rsp_u8(rsp, PARAM_REVISION);
    return data[0] & REVISION_ONLY ? IPMI_CC_OK :
           ipmi_rsp_param(rsp, p, data[1], data[2], data[3]);
}
