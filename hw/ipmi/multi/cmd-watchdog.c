/*
 * IPMI BMC with many channels: watchdog commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 27.5 to 27.7.
 */

#include "qemu/osdep.h"
#include "bmc.h"

/* sec 27.5: there is nothing to count down since the BMC was reset */
#define CC_NOT_SET      0x80

static uint8_t reset_timer(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return ipmi_watchdog_start(&s->records.watchdog) ? IPMI_CC_OK : CC_NOT_SET;
}

static uint8_t set_timer(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return ipmi_watchdog_set(&s->records.watchdog, req->data) ?
           IPMI_CC_OK : IPMI_CC_INVALID_DATA_FIELD;
}

static uint8_t get_timer(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIWatchdog *w = &s->records.watchdog;

    ipmi_rsp_u8(rsp, w->use | (w->running ? IPMI_WATCHDOG_DONT_STOP : 0));
    ipmi_rsp_u8(rsp, w->action);
    ipmi_rsp_u8(rsp, w->pre_timeout);
    ipmi_rsp_u8(rsp, w->expired);
    ipmi_rsp_u16(rsp, w->initial);
    ipmi_rsp_u16(rsp, ipmi_watchdog_left(w));
    return IPMI_CC_OK;
}

static const IPMICommand watchdog_commands[] = {
    { 0x22, "Reset Watchdog Timer", 0, 0, IPMI_MULTI_PRIV_OPERATOR, 0,
      reset_timer },
    { 0x24, "Set Watchdog Timer", 6, 6, IPMI_MULTI_PRIV_OPERATOR, 0,
      set_timer, { { 0, 0x38 }, { 1, 0x88 }, { 3, 0xc1 } } },
    { 0x25, "Get Watchdog Timer", 0, 0, IPMI_MULTI_PRIV_USER, 0,
      get_timer },
};

const IPMICommandTable ipmi_cmds_watchdog =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_APP, watchdog_commands);
