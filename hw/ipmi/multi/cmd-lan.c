/*
 * IPMI BMC with many channels: LAN, serial and SOL configuration commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 23, 25 and 26.
 *
 * Modelled: the parameters, for each channel with such a medium.
 * Not modelled: an effect of them. The network is the host's; what is set here
 * is kept and can be read.
 */

#include "qemu/osdep.h"
#include "bmc.h"
#include "cmd-param.h"

static bool is_lan(uint8_t medium)
{
    return medium == IPMI_MEDIUM_TYPE_LAN ||
           medium == IPMI_MEDIUM_TYPE_OTHER_LAN;
}

/*
 * Parameters of the channel that a byte names; NULL if it has no such medium,
 * or the reserved bits are not 0.
 */
static IPMILanParams *find_params(IPMIBmcMulti *s, const IPMIReq *req,
                                  bool serial)
{
    uint8_t number = ipmi_req_channel(req, req->data[0] & 0x0f);
    uint8_t medium;

    if (number >= IPMI_PARAM_CHANNELS) {
        return NULL;
    }
    medium = s->records.chans.chan[number].medium;
    return (serial ? medium == IPMI_MEDIUM_TYPE_SERIAL : is_lan(medium)) ?
           &s->records.settings.lan[number] : NULL;
}

typedef IPMIParams *ParamsOf(IPMILanParams *);

static IPMIParams *lan_of(IPMILanParams *p)
{
    return &p->lan;
}

static IPMIParams *serial_of(IPMILanParams *p)
{
    return &p->serial;
}

static IPMIParams *sol_of(IPMILanParams *p)
{
    return &p->sol;
}

/* channel, parameter, data */
static uint8_t set_config(IPMIBmcMulti *s, const IPMIReq *req, ParamsOf *of,
                          bool serial)
{
    IPMILanParams *p = find_params(s, req, serial);

    return p ? ipmi_params_set(of(p), req->data[1], req->data + 2,
                               req->len - 2) : IPMI_CC_INVALID_DATA_FIELD;
}

/* channel and revision only, parameter, set selector, block selector */
static uint8_t get_config(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp,
                          ParamsOf *of, bool serial)
{
    IPMILanParams *p = find_params(s, req, serial);

    return p ? ipmi_rsp_revision_param(rsp, of(p), req->data) :
               IPMI_CC_INVALID_DATA_FIELD;
}

static uint8_t set_lan(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return set_config(s, req, lan_of, false);
}

static uint8_t get_lan(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return get_config(s, req, rsp, lan_of, false);
}

static uint8_t set_serial(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return set_config(s, req, serial_of, true);
}

static uint8_t get_serial(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return get_config(s, req, rsp, serial_of, true);
}

static uint8_t set_sol(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return set_config(s, req, sol_of, false);
}

static uint8_t get_sol(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return get_config(s, req, rsp, sol_of, false);
}

/* sec 23.3: bits 1 and 0 suspend; the answer has what still goes on */
static uint8_t suspend_arps(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMILanParams *p = find_params(s, req, false);
    uint8_t control;

    if (!p) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    p->arp_suspend = req->data[1];
    control = *ipmi_params_value(&p->lan, IPMI_LAN_ARP_CONTROL);
    ipmi_rsp_u8(rsp, control & ~p->arp_suspend & 3);
    return IPMI_CC_OK;
}

/* sec 23.4: nine counters of packets; the BMC has no network, and sees none */
static uint8_t statistics(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    if (!find_params(s, req, false)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    for (int i = 0; i < 9; i++) {
        ipmi_rsp_u16(rsp, 0);
    }
    return IPMI_CC_OK;
}

static const IPMICommand transport_commands[] = {
    { 0x01, "Set LAN Configuration Parameters", 2, 36, ADMIN, 0, set_lan,
      { { 0, 0xf0 } } },
    { 0x02, "Get LAN Configuration Parameters", 4, 4, OPER, 0, get_lan,
      { { 0, 0x70 } } },
    { 0x03, "Suspend BMC ARPs", 2, 2, ADMIN, 0, suspend_arps,
      { { 0, 0xf0 }, { 1, 0xfc } } },
    { 0x04, "Get IP/UDP/RMCP Statistics", 2, 2, USER, 0, statistics,
      { { 0, 0xf0 }, { 1, 0xfe } } },
    { 0x10, "Set Serial/Modem Configuration", 2, 36, ADMIN, 0, set_serial,
      { { 0, 0xf0 } } },
    { 0x11, "Get Serial/Modem Configuration", 4, 4, OPER, 0, get_serial,
      { { 0, 0x70 } } },
    { 0x21, "Set SOL Configuration Parameters", 2, 36, ADMIN, 0, set_sol,
      { { 0, 0xf0 } } },
    { 0x22, "Get SOL Configuration Parameters", 4, 4, USER, 0, get_sol,
      { { 0, 0x70 } } },
};

const IPMICommandTable ipmi_cmds_transport =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_TRANSPORT, transport_commands);
