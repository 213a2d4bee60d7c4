/*
 * IPMI BMC with many channels: System Info parameters
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 22.14a and 22.14b.
 */

#include "qemu/osdep.h"
#include "priv.h"

#define PARAM_REVISION          0x11
#define REVISION_ONLY           0x80

/*
 * A string is in blocks of 16 bytes that the set selector numbers; in the
 * first, two bytes say encoding and length.
 */
#define INFO_BLOCK              16
#define INFO_BLOCKS             4

#define INFO_STRING(_param, _name, _flags) \
    { _param, INFO_BLOCK, INFO_BLOCKS, IPMI_PARAM_SHORT | (_flags), _name }

static const IPMIParamDesc info_params[] = {
    { 0, 1, 0, IPMI_PARAM_PROGRESS, "Set In Progress" },
    INFO_STRING(1, "System Firmware Version", 0),
    INFO_STRING(2, "System Name", 0),
    INFO_STRING(3, "Primary Operating System Name", 0),
    INFO_STRING(4, "Operating System Name", IPMI_PARAM_VOLATILE),
    INFO_STRING(5, "Present OS Version", IPMI_PARAM_VOLATILE),
    INFO_STRING(6, "BMC URL", 0),
    INFO_STRING(7, "Base OS or Hypervisor URL", 0),
};

const IPMIParamSet ipmi_params_info = {
    IPMI_PARAM_INFO, info_params, ARRAY_SIZE(info_params)
};

static uint8_t set_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return ipmi_params_set(s, &ipmi_params_info, &s->stores.info, 0,
                           req->data[0], req->data + 1, req->len - 1);
}

/* revision only, parameter, set selector, block selector */
static uint8_t get_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    ipmi_rsp_u8(rsp, PARAM_REVISION);
    if (req->data[0] & REVISION_ONLY) {
        return IPMI_CC_OK;
    }
    return ipmi_params_get(&ipmi_params_info, &s->stores.info, req->data[1],
                           req->data[2], req->data[3], rsp);
}

static const IPMICommand sysinfo_commands[] = {
    { 0x58, "Set System Info Parameters", 2, 18, IPMI_MULTI_PRIV_ADMIN, 0,
      set_info },
    { 0x59, "Get System Info Parameters", 4, 4, IPMI_MULTI_PRIV_USER, 0,
      get_info, { { 0, 0x7f } } },
};

const IPMICommandTable ipmi_cmds_sysinfo =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_APP, sysinfo_commands);
