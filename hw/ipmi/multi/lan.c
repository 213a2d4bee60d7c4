/*
 * IPMI BMC with many channels: LAN, serial and SOL configuration
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
#include "priv.h"

#define MEDIUM_LAN              0x04
#define MEDIUM_SERIAL           0x05
#define MEDIUM_OTHER_LAN        0x06

#define PARAM_REVISION          0x11
#define REVISION_ONLY           0x80

#define LAN_MAC                 5
#define LAN_DESTINATIONS        5       /* 0 is volatile */

#define BYTES(...) ((const uint8_t[]) { __VA_ARGS__ })

/* Address source: unspecified, static, DHCP, BIOS, other */
static uint8_t check_ip_source(const uint8_t *data)
{
    return data[0] > 4 ? IPMI_CC_INVALID_DATA_FIELD : IPMI_CC_OK;
}

/* Two levels a byte; 0 is not used, 5 is OEM */
static uint8_t check_cipher_privileges(const uint8_t *data)
{
    for (int i = 1; i < 9; i++) {
        if ((data[i] & 0x0f) > IPMI_MULTI_PRIV_OEM ||
            data[i] >> 4 > IPMI_MULTI_PRIV_OEM) {
            return IPMI_CC_INVALID_DATA_FIELD;
        }
    }
    return IPMI_CC_OK;
}

/* sec 23.1, table 23-4. Cipher suites: 3 and 17 */
static const IPMIParamDesc lan_params[] = {
    { 0, 1, 0, IPMI_PARAM_PROGRESS, "Set In Progress" },
    { 1, 1, 0, IPMI_PARAM_RO, "Authentication Type Support" },
    { 2, 5, 0, 0, "Authentication Type Enables", NULL,
      BYTES(0xc8, 0xc8, 0xc8, 0xc8, 0xc8) },
    { 3, 4, 0, 0, "IP Address" },
    { 4, 1, 0, 0, "IP Address Source", BYTES(1), BYTES(0xf0),
      check_ip_source },
    { LAN_MAC, 6, 0, IPMI_PARAM_RO, "MAC Address" },
    { 6, 4, 0, 0, "Subnet Mask" },
    { 7, 3, 0, 0, "IPv4 Header Parameters", BYTES(0x40, 0x40, 0x10),
      BYTES(0x00, 0x1f, 0x01) },
    { 8, 2, 0, 0, "Primary RMCP Port Number", BYTES(0x6f, 0x02) },
    { 9, 2, 0, 0, "Secondary RMCP Port Number", BYTES(0x98, 0x02) },
    { 10, 1, 0, 0, "BMC-generated ARP Control", BYTES(0x02), BYTES(0xfc) },
    { 11, 1, 0, 0, "Gratuitous ARP Interval", BYTES(0x03) },
    { 12, 4, 0, 0, "Default Gateway Address" },
    { 13, 6, 0, 0, "Default Gateway MAC Address" },
    { 14, 4, 0, 0, "Backup Gateway Address" },
    { 15, 6, 0, 0, "Backup Gateway MAC Address" },
    { 16, 18, 0, 0, "Community String",
      BYTES('p', 'u', 'b', 'l', 'i', 'c', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0) },
    { 17, 1, 0, IPMI_PARAM_RO, "Number of Destinations",
      BYTES(LAN_DESTINATIONS - 1) },
    { 18, 3, LAN_DESTINATIONS, 0, "Destination Type", NULL,
      BYTES(0x78, 0x00, 0xf8) },
    { 19, 12, LAN_DESTINATIONS, 0, "Destination Addresses" },
    { 20, 2, 0, 0, "802.1q VLAN ID", NULL, BYTES(0x00, 0x70) },
    { 21, 1, 0, 0, "802.1q VLAN Priority", NULL, BYTES(0xf8) },
    { 22, 1, 0, IPMI_PARAM_RO, "Cipher Suite Entry Support", BYTES(2) },
    { 23, 17, 0, IPMI_PARAM_RO, "Cipher Suite Entries",
      BYTES(0, 3, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
    { 24, 9, 0, 0, "Cipher Suite Privilege Levels",
      BYTES(0, 0x44, 0, 0, 0, 0, 0, 0, 0),
      BYTES(0xff, 0, 0, 0, 0, 0, 0, 0, 0), check_cipher_privileges },
    { 25, 3, LAN_DESTINATIONS, 0, "Destination Address VLAN TAGs", NULL,
      BYTES(0xef, 0x00, 0x10) },
    { 26, 6, 0, 0, "Bad Password Threshold", NULL,
      BYTES(0xfe, 0, 0, 0, 0, 0) },
};

const IPMIParamSet ipmi_params_lan = {
    IPMI_PARAM_LAN, lan_params, ARRAY_SIZE(lan_params)
};

/* sec 25.1, table 25-4 */
static const IPMIParamDesc serial_params[] = {
    { 0, 1, 0, IPMI_PARAM_PROGRESS, "Set In Progress" },
    { 1, 1, 0, IPMI_PARAM_RO, "Authentication Type Support" },
    { 2, 5, 0, 0, "Authentication Type Enables", NULL,
      BYTES(0xc8, 0xc8, 0xc8, 0xc8, 0xc8) },
    { 3, 1, 0, 0, "Connection Mode", BYTES(0x81), BYTES(0x78) },
    { 4, 1, 0, 0, "Session Inactivity Timeout", BYTES(2), BYTES(0xf0) },
    { 5, 5, 0, 0, "Channel Callback Control", NULL,
      BYTES(0xfc, 0xe0, 0, 0, 0) },
    { 6, 1, 0, 0, "Session Termination", NULL, BYTES(0xfc) },
    { 7, 2, 0, 0, "IPMI Messaging Comm Settings", BYTES(0x40, 0x0a),
      BYTES(0x1f, 0xf0) },
    { 8, 2, 0, 0, "Mux Switch Control", NULL, BYTES(0x80, 0xf0) },
    { 9, 2, 0, 0, "Modem Ring Time", BYTES(0x3f, 0x00), BYTES(0xc0, 0xf0) },
    { 29, 2, 0, 0, "Terminal Mode Configuration", BYTES(0x62, 0x11),
      BYTES(0x1c, 0x00) },
};

const IPMIParamSet ipmi_params_serial = {
    IPMI_PARAM_SERIAL, serial_params, ARRAY_SIZE(serial_params)
};

/* Bit rates: 6 9600 to 10 115200; 0 is that of serial over LAN's serial port */
static uint8_t check_bit_rate(const uint8_t *data)
{
    return data[0] && (data[0] < 6 || data[0] > 10) ?
           IPMI_CC_INVALID_DATA_FIELD : IPMI_CC_OK;
}

static uint8_t check_sol_privilege(const uint8_t *data)
{
    uint8_t level = data[0] & 0x0f;

    return level < IPMI_MULTI_PRIV_USER || level > IPMI_MULTI_PRIV_OEM ?
           IPMI_CC_INVALID_DATA_FIELD : IPMI_CC_OK;
}

/* sec 26.3, table 26-5 */
static const IPMIParamDesc sol_params[] = {
    { 0, 1, 0, IPMI_PARAM_PROGRESS, "Set In Progress" },
    { 1, 1, 0, 0, "SOL Enable", NULL, BYTES(0xfe) },
    { 2, 1, 0, 0, "SOL Authentication", BYTES(0xc4), BYTES(0x30),
      check_sol_privilege },
    { 3, 2, 0, 0, "Character Accumulate Interval and Send Threshold",
      BYTES(0x0c, 0x60) },
    { 4, 2, 0, 0, "SOL Retry", BYTES(0x07, 0x32), BYTES(0xf8, 0x00) },
    { 5, 1, 0, 0, "Non-volatile Bit Rate", BYTES(0x0a), BYTES(0xf0),
      check_bit_rate },
    { 6, 1, 0, IPMI_PARAM_VOLATILE, "Volatile Bit Rate", BYTES(0x0a),
      BYTES(0xf0), check_bit_rate },
    { 7, 1, 0, IPMI_PARAM_RO, "SOL Payload Channel" },
    { 8, 2, 0, 0, "SOL Payload Port Number", BYTES(0x6f, 0x02) },
};

const IPMIParamSet ipmi_params_sol = {
    IPMI_PARAM_SOL, sol_params, ARRAY_SIZE(sol_params)
};

#define SOL_CHANNEL             7

static bool is_lan(uint8_t medium)
{
    return medium == MEDIUM_LAN || medium == MEDIUM_OTHER_LAN;
}

/*
 * Parameters of the channel that a byte names; NULL if it has no such medium,
 * or the reserved bits are not 0.
 */
static IPMILanParams *find_params(IPMIBmcMulti *s, const IPMIReq *req,
                                  bool serial, uint8_t *number)
{
    uint8_t medium;

    *number = ipmi_channel_resolve(req, req->data[0] & 0x0f);
    if (*number >= IPMI_PARAM_CHANNELS) {
        return NULL;
    }
    medium = ipmi_channel_medium(s, *number);
    return (serial ? medium == MEDIUM_SERIAL : is_lan(medium)) ?
           &s->stores.lan[*number] : NULL;
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
static uint8_t set_config(IPMIBmcMulti *s, const IPMIReq *req,
                          const IPMIParamSet *set, ParamsOf *of, bool serial)
{
    uint8_t chan;
    IPMILanParams *p = find_params(s, req, serial, &chan);

    if (!p) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    return ipmi_params_set(s, set, of(p), chan, req->data[1], req->data + 2,
                           req->len - 2);
}

/* channel and revision only, parameter, set selector, block selector */
static uint8_t get_config(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp,
                          const IPMIParamSet *set, ParamsOf *of, bool serial)
{
    uint8_t chan;
    IPMILanParams *p = find_params(s, req, serial, &chan);

    if (!p) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_rsp_u8(rsp, PARAM_REVISION);
    if (req->data[0] & REVISION_ONLY) {
        return IPMI_CC_OK;
    }
    return ipmi_params_get(set, of(p), req->data[1], req->data[2],
                           req->data[3], rsp);
}

static uint8_t set_lan(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return set_config(s, req, &ipmi_params_lan, lan_of, false);
}

static uint8_t get_lan(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return get_config(s, req, rsp, &ipmi_params_lan, lan_of, false);
}

static uint8_t set_serial(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return set_config(s, req, &ipmi_params_serial, serial_of, true);
}

static uint8_t get_serial(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return get_config(s, req, rsp, &ipmi_params_serial, serial_of, true);
}

static uint8_t set_sol(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return set_config(s, req, &ipmi_params_sol, sol_of, false);
}

static uint8_t get_sol(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    return get_config(s, req, rsp, &ipmi_params_sol, sol_of, false);
}

/* sec 23.3: bits 1 and 0 suspend; the answer has what still goes on */
static uint8_t suspend_arps(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t chan;
    IPMILanParams *p = find_params(s, req, false, &chan);
    unsigned at;
    uint8_t control;

    if (!p) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    p->arp_suspend = req->data[1];
    ipmi_params_find(&ipmi_params_lan, 10, &at);
    control = p->lan.data[at];
    ipmi_rsp_u8(rsp, control & ~p->arp_suspend & 3);
    return IPMI_CC_OK;
}

/* sec 23.4: nine counters of packets; the BMC has no network, and sees none */
static uint8_t statistics(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t chan;

    if (!find_params(s, req, false, &chan)) {
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

/* A locally administered MAC address for each channel, and its own number */
void ipmi_lan_init(IPMIBmcMulti *s)
{
    for (int i = 0; i < IPMI_PARAM_CHANNELS; i++) {
        IPMILanParams *p = &s->stores.lan[i];
        const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x62, 0x6d, i };
        unsigned at;

        ipmi_params_init(&ipmi_params_lan, &p->lan);
        ipmi_params_init(&ipmi_params_serial, &p->serial);
        ipmi_params_init(&ipmi_params_sol, &p->sol);
        ipmi_params_find(&ipmi_params_lan, LAN_MAC, &at);
        memcpy(p->lan.data + at, mac, sizeof(mac));
        ipmi_params_find(&ipmi_params_sol, SOL_CHANNEL, &at);
        p->sol.data[at] = i;
    }
    ipmi_params_init(&ipmi_params_info, &s->stores.info);
}
