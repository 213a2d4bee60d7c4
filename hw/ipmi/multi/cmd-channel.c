/*
 * IPMI BMC with many channels: commands about channels
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 22.13 (authentication), 22.15 (cipher
 * suites), 22.22 to 22.25 (access, info), 24.8 and 24.9 (payloads).
 */

#include "qemu/osdep.h"
#include "bmc.h"

/* The IPMI forum's number, for protocols that the specification defines */
#define IANA_IPMI           7154

/* sec 22.22, 22.23 */
#define CC_NO_SESSIONS      0x82
#define CC_ACCESS_MODE      0x83

/* First two bits of an access byte: which copy */
enum { ACCESS_KEEP, ACCESS_NV, ACCESS_VOLATILE };

/* sec 22.24: interrupt of event message buffer and attention: PCI INTA */
#define INTERRUPT_PCI_INTA  0x10
#define INTERRUPT_NONE      0xff

/* What fits into the field of active sessions */
#define SESSIONS_MAX        0x3f

static const struct {
    uint8_t info;
} session_bits[IPMI_SESSION_SUPPORT__MAX] = {
    [IPMI_SESSION_SUPPORT_NONE] = { 0x00 },
    [IPMI_SESSION_SUPPORT_SINGLE] = { 0x40 },
    [IPMI_SESSION_SUPPORT_MULTI] = { 0x80 },
    [IPMI_SESSION_SUPPORT_SWITCHABLE] = { 0xc0 },
};

/*
 * Get Channel Info
 */

static void put_info(IPMIRsp *rsp, uint8_t number, uint8_t medium,
                     uint8_t protocol, uint8_t sessions, uint8_t aux)
{
    ipmi_rsp_u8(rsp, number);
    ipmi_rsp_u8(rsp, medium);
    ipmi_rsp_u8(rsp, protocol);
    ipmi_rsp_u8(rsp, sessions);
    ipmi_rsp_u24(rsp, IANA_IPMI);
    ipmi_rsp_u8(rsp, aux);
    ipmi_rsp_u8(rsp, aux);
}

/* Never C1h: Linux would take it that there are no channels at all. */
static uint8_t get_channel_info(IPMIBmcMulti *s, const IPMIReq *req,
                                IPMIRsp *rsp)
{
    uint8_t number = ipmi_req_channel(req, req->data[0] & 0x0f);
    const IPMIChan *c = &s->records.chans.chan[number];

    switch (c->kind) {
    case IPMI_CHAN_SYSTEM:
        put_info(rsp, number, c->medium, c->protocol, 0,
                 c->plugged ? INTERRUPT_PCI_INTA : INTERRUPT_NONE);
        return IPMI_CC_OK;
    case IPMI_CHAN_MEDIUM:
        put_info(rsp, number, c->medium, c->protocol,
                 session_bits[c->sessions].info |
                 MIN(ipmi_chan_sessions(c), SESSIONS_MAX), 0);
        return IPMI_CC_OK;
    default:
        return IPMI_CC_INVALID_DATA_FIELD;
    }
}

/*
 * Channel access
 */

/* A channel with sessions; else the completion code says why not */
static uint8_t session_channel(IPMIBmcMulti *s, const IPMIReq *req,
                               uint8_t *number, IPMIChan **c)
{
    *number = ipmi_req_channel(req, req->data[0] & 0x0f);
    *c = &s->records.chans.chan[*number];
    switch ((*c)->kind) {
    case IPMI_CHAN_SYSTEM:
        return CC_NO_SESSIONS;
    case IPMI_CHAN_MEDIUM:
        return (*c)->sessions == IPMI_SESSION_SUPPORT_NONE ? CC_NO_SESSIONS :
                                                             IPMI_CC_OK;
    default:
        return IPMI_CC_INVALID_DATA_FIELD;
    }
}

/* Shared access is for serial connectors, pre-boot for what firmware shares. */
static bool has_access_mode(const IPMIChan *c, uint8_t mode)
{
    switch (mode) {
    case 0:
    case 2:
        return true;
    case 1:
    case 3:
        return c->medium == IPMI_MEDIUM_TYPE_SERIAL;
    default:
        return false;
    }
}

static uint8_t check_set_access(const IPMIChan *c, const IPMIReq *req)
{
    uint8_t which = req->data[1] >> 6, limit_which = req->data[2] >> 6;
    uint8_t limit = req->data[2] & 0x0f;

    if (which > ACCESS_VOLATILE || limit_which > ACCESS_VOLATILE ||
        (limit_which && (limit < 1 || limit > 5)) ||
        (which && (req->data[1] & 7) > 3)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    return which && !has_access_mode(c, req->data[1] & 7) ? CC_ACCESS_MODE :
                                                            IPMI_CC_OK;
}

static uint8_t set_access(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t which = req->data[1] >> 6, limit_which = req->data[2] >> 6;
    IPMIChanAccess nv, vol;
    uint8_t number;
    IPMIChan *c;
    uint8_t cc = session_channel(s, req, &number, &c);

    if (cc == IPMI_CC_OK) {
        cc = check_set_access(c, req);
    }
    if (cc != IPMI_CC_OK) {
        return cc;
    }
    nv = c->nv;
    vol = c->vol;
    if (which) {
        *(which == ACCESS_NV ? &nv.access : &vol.access) = req->data[1] & 0x3f;
    }
    if (limit_which) {
        *(limit_which == ACCESS_NV ? &nv.limit : &vol.limit) =
            req->data[2] & 0x0f;
    }
    if (!ipmi_chan_set_nv(&s->records.chans, number, &nv)) {
        return IPMI_CC_UNSPECIFIED;
    }
    c->vol = vol;
    if (!IPMI_CHAN_MODE(vol.access)) {
        ipmi_chan_end_sessions(c);
    }
    return IPMI_CC_OK;
}

static uint8_t get_access(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t which = req->data[1] >> 6;
    uint8_t number;
    IPMIChan *c;
    uint8_t cc = session_channel(s, req, &number, &c);
    const IPMIChanAccess *a;

    if (cc != IPMI_CC_OK) {
        return cc;
    }
    if (which != ACCESS_NV && which != ACCESS_VOLATILE) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    a = which == ACCESS_NV ? &c->nv : &c->vol;
    ipmi_rsp_u8(rsp, a->access);
    ipmi_rsp_u8(rsp, a->limit);
    return IPMI_CC_OK;
}

/*
 * Authentication and payloads: what a session on the channel could have
 */

#define AUTH_NONE           0x01
#define AUTH_IPMI20         0x80
#define AUTH_NONNULL_USERS  0x04
#define AUTH_NULL_USERS     0x02
#define AUTH_SUPPORTS_15    0x01
#define AUTH_SUPPORTS_20    0x02

static uint8_t user_kinds(IPMIBmcMulti *s)
{
    uint8_t bits = 0;
    int i;

    for (i = 1; i < IPMI_USERS; i++) {
        const IPMIUser *u = ipmi_user_find(&s->records.users, i);

        if (u->enabled) {
            bits |= u->name[0] ? AUTH_NONNULL_USERS : AUTH_NULL_USERS;
        }
    }
    return bits;
}

static uint8_t get_auth_caps(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    bool extended = req->data[0] & 0x80;
    uint8_t level = req->data[1] & 0x0f;
    uint8_t number;
    IPMIChan *c;
    uint8_t cc = session_channel(s, req, &number, &c);

    if (cc != IPMI_CC_OK || level < 1 || level > 5) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_rsp_u8(rsp, number);
    /* No authentication of IPMI 1.5: what there is comes with RMCP+. */
    ipmi_rsp_u8(rsp, extended ? AUTH_IPMI20 : 0);
    ipmi_rsp_u8(rsp, user_kinds(s) | ((c->vol.access >> 3 & 1) << 3) |
                     ((c->vol.access >> 4 & 1) << 4));
    ipmi_rsp_u8(rsp, extended ? AUTH_SUPPORTS_20 : 0);
    ipmi_rsp_u24(rsp, 0);
    ipmi_rsp_u8(rsp, 0);
    return IPMI_CC_OK;
}

/*
 * Suites 3 and 17, by suite (C0h, number, then algorithms tagged by kind), and
 * as a list of algorithms
 */
static const uint8_t suites[] = {
    0xc0, 0x03, 0x01, 0x41, 0x81,
    0xc0, 0x11, 0x03, 0x44, 0x81,
};
static const uint8_t algorithms[] = { 0x01, 0x03, 0x41, 0x44, 0x81 };

static uint8_t get_cipher_suites(IPMIBmcMulti *s, const IPMIReq *req,
                                 IPMIRsp *rsp)
{
    bool by_suite = req->data[2] & 0x80;
    const uint8_t *list = by_suite ? suites : algorithms;
    unsigned size = by_suite ? sizeof(suites) : sizeof(algorithms);
    unsigned from = (req->data[2] & 0x3f) * 16;
    uint8_t number;
    IPMIChan *c;

    if (session_channel(s, req, &number, &c) != IPMI_CC_OK ||
        req->data[1] != 0) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_rsp_u8(rsp, number);
    if (from < size) {
        ipmi_rsp_bytes(rsp, list + from, MIN(size - from, 16));
    }
    return IPMI_CC_OK;
}

/* sec 24.8: IPMI messages, and the payloads that set a session up */
static uint8_t get_payload_support(IPMIBmcMulti *s, const IPMIReq *req,
                                   IPMIRsp *rsp)
{
    uint8_t number;
    IPMIChan *c;

    if (session_channel(s, req, &number, &c) != IPMI_CC_OK) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_rsp_u16(rsp, 0x0001);
    ipmi_rsp_u16(rsp, 0x003f);
    ipmi_rsp_u32(rsp, 0);
    return IPMI_CC_OK;
}

#define CC_NO_PAYLOAD       0x80
#define PAYLOAD_VERSION_1_0 0x10

static uint8_t get_payload_version(IPMIBmcMulti *s, const IPMIReq *req,
                                   IPMIRsp *rsp)
{
    uint8_t type = req->data[1] & 0x3f;
    uint8_t number;
    IPMIChan *c;

    if (session_channel(s, req, &number, &c) != IPMI_CC_OK) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (type != 0 && (type < 0x10 || type > 0x15)) {
        return CC_NO_PAYLOAD;
    }
    ipmi_rsp_u8(rsp, PAYLOAD_VERSION_1_0);
    return IPMI_CC_OK;
}

static const IPMICommand commands[] = {
    { 0x38, "Get Channel Authentication Capabilities", 2, 2,
      IPMI_MULTI_PRIV_NONE, 0, get_auth_caps, { { 0, 0x70 }, { 1, 0xf0 } } },
    { 0x40, "Set Channel Access", 3, 3, IPMI_MULTI_PRIV_ADMIN, 0, set_access,
      { { 0, 0xf0 }, { 2, 0x30 } } },
    { 0x41, "Get Channel Access", 2, 2, IPMI_MULTI_PRIV_USER, 0, get_access,
      { { 0, 0xf0 }, { 1, 0x3f } } },
    { 0x42, "Get Channel Info", 1, 1, IPMI_MULTI_PRIV_USER, 0,
      get_channel_info, { { 0, 0xf0 } } },
    { 0x4e, "Get Channel Payload Support", 1, 1, IPMI_MULTI_PRIV_USER, 0,
      get_payload_support, { { 0, 0xf0 } } },
    { 0x4f, "Get Channel Payload Version", 2, 2, IPMI_MULTI_PRIV_USER, 0,
      get_payload_version, { { 0, 0xf0 }, { 1, 0xc0 } } },
    { 0x54, "Get Channel Cipher Suites", 3, 3, IPMI_MULTI_PRIV_NONE, 0,
      get_cipher_suites, { { 0, 0xf0 }, { 1, 0xc0 }, { 2, 0x40 } } },
};

const IPMICommandTable ipmi_cmds_channel =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_APP, commands);
