/*
 * IPMI BMC with many channels: System Info commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 22.14a and 22.14b.
 */

#include "qemu/osdep.h"
#include "bmc.h"
#include "cmd-param.h"

static uint8_t set_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return ipmi_params_set(&s->records.settings.info, req->data[0],
                           req->data + 1, req->len - 1);
}

/* revision only, parameter, set selector, block selector */
static uint8_t get_info(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return ipmi_rsp_revision_param(rsp, &s->records.settings.info, req->data);
}

static const IPMICommand sysinfo_commands[] = {
    { 0x58, "Set System Info Parameters", 2, 18, IPMI_MULTI_PRIV_ADMIN, 0,
      set_info },
    { 0x59, "Get System Info Parameters", 4, 4, IPMI_MULTI_PRIV_USER, 0,
      get_info, { { 0, 0x7f } } },
};

const IPMICommandTable ipmi_cmds_sysinfo =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_APP, sysinfo_commands);
