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
#include "channel.h"

/* The IPMI forum's number, for protocols that the specification defines */
#define IANA_IPMI           7154

/* sec 22.22, 22.23 */
#define CC_NO_SESSIONS      0x82
#define CC_ACCESS_MODE      0x83

/* First two bits of an access byte: which copy */
enum { ACCESS_KEEP, ACCESS_NV, ACCESS_VOLATILE };

/* sec 22.24: interrupt of event message buffer and attention: PCI INTA */
#define INTERRUPT_PCI_INTA  0x10

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

static unsigned live_sessions(const IPMIChannel *c)
{
    unsigned i, n = 0;

    for (i = 0; i < ARRAY_SIZE(c->handles); i++) {
        n += ctpop64(c->handles[i]);
    }
    return MIN(n, 0x3f);
}

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

static void put_system_info(IPMIBmcMulti *s, uint8_t number, IPMIRsp *rsp)
{
    int i;

    for (i = 0; i < IPMI_PORTS; i++) {
        if (s->ports[i] && s->ports[i]->chan == number) {
            put_info(rsp, number, IPMI_MEDIUM_TYPE_SYSTEM,
                     s->ports[i]->is_bt ? IPMI_PROTOCOL_BT15 :
                                          IPMI_PROTOCOL_KCS,
                     0, INTERRUPT_PCI_INTA);
            return;
        }
    }
    /* Fh is there even if nobody has plugged in an interface. */
    put_info(rsp, number, IPMI_MEDIUM_TYPE_SYSTEM, IPMI_PROTOCOL_KCS, 0, 0xff);
}

/* Never C1h: Linux would take it that there are no channels at all. */
static uint8_t get_channel_info(IPMIBmcMulti *s, const IPMIReq *req,
                                IPMIRsp *rsp)
{
    uint8_t number = ipmi_channel_resolve(req, req->data[0] & 0x0f);
    IPMIChannel *c = ipmi_channel(s, req, number);

    if (ipmi_channel_is_system(s, number)) {
        put_system_info(s, number, rsp);
        return IPMI_CC_OK;
    }
    if (!c) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    put_info(rsp, number, ipmi_channel_medium_type(c), ipmi_channel_protocol(c),
             session_bits[c->sessions].info | live_sessions(c), 0);
    return IPMI_CC_OK;
}

/*
 * Channel access
 */

/* A channel with sessions; else the completion code says why not */
static uint8_t session_channel(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIChannel **c)
{
    uint8_t number = ipmi_channel_resolve(req, req->data[0] & 0x0f);

    *c = ipmi_channel(s, req, number);
    if (ipmi_channel_is_system(s, number) ||
        (*c && (*c)->sessions == IPMI_SESSION_SUPPORT_NONE)) {
        return CC_NO_SESSIONS;
    }
    return *c ? IPMI_CC_OK : IPMI_CC_INVALID_DATA_FIELD;
}

/* Shared access is for serial connectors, pre-boot for what firmware shares. */
static bool has_access_mode(IPMIChannel *c, uint8_t mode)
{
    switch (mode) {
    case 0:
    case 2:
        return true;
    case 1:
    case 3:
        return c->medium == IPMI_MEDIUM_SERIAL;
    default:
        return false;
    }
}

static uint8_t check_set_access(IPMIChannel *c, const IPMIReq *req)
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

static bool store_access(IPMIChannel *c, const IPMIChannelAccess *nv)
{
    uint8_t rec[2] = { nv->access, nv->limit };

    return ipmi_store_put(c->bmc, IPMI_STORE_CHANNEL, c->number, rec,
                          sizeof(rec));
}

static uint8_t set_access(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t which = req->data[1] >> 6, limit_which = req->data[2] >> 6;
    IPMIChannelAccess nv, vol;
    IPMIChannel *c;
    uint8_t cc = session_channel(s, req, &c);

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
    if (memcmp(&nv, &c->nv, sizeof(nv)) && !store_access(c, &nv)) {
        return IPMI_CC_UNSPECIFIED;
    }
    c->nv = nv;
    c->vol = vol;
    if (!(vol.access & 7)) {
        ipmi_channel_end_sessions(c);
    }
    return IPMI_CC_OK;
}

static uint8_t get_access(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    uint8_t which = req->data[1] >> 6;
    IPMIChannel *c;
    uint8_t cc = session_channel(s, req, &c);
    const IPMIChannelAccess *a;

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
 * What is kept on the drive: the non-volatile copy
 */

static bool load_access(IPMIBmcMulti *s, uint32_t key, const uint8_t *data,
                        uint32_t len)
{
    if (key >= IPMI_MULTI_CHANNELS || len != 2 || (data[0] & 7) > 3 ||
        data[1] < 1 || data[1] > 5) {
        return false;
    }
    s->stored_access[key].access = data[0] & 0x3f;
    s->stored_access[key].limit = data[1];
    return true;
}

/* The drive may be written anew before the channels are there. */
static void dump_access(IPMIBmcMulti *s)
{
    int i;

    for (i = 0; i < IPMI_MULTI_CHANNELS; i++) {
        IPMIChannel *c = s->channels[i];
        uint8_t rec[2] = {
            c ? c->nv.access : s->stored_access[i].access,
            c ? c->nv.limit : s->stored_access[i].limit,
        };

        if (rec[1]) {
            ipmi_store_emit(s, IPMI_STORE_CHANNEL, i, rec, sizeof(rec));
        }
    }
}

const IPMIStoreKind ipmi_store_channel = {
    .name = "channel",
    .load = load_access,
    .dump = dump_access,
};

/* A channel is plugged in after its BMC has read the drive. */
void ipmi_channels_load(IPMIBmcMulti *s, uint8_t number)
{
    if (s->stored_access[number].limit) {
        s->channels[number]->nv.access = s->stored_access[number].access;
        s->channels[number]->nv.limit = s->stored_access[number].limit;
        s->channels[number]->vol = s->channels[number]->nv;
    }
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
        if (s->users[i].enabled) {
            bits |= s->users[i].name[0] ? AUTH_NONNULL_USERS : AUTH_NULL_USERS;
        }
    }
    return bits;
}

static uint8_t get_auth_caps(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    bool extended = req->data[0] & 0x80;
    uint8_t level = req->data[1] & 0x0f;
    IPMIChannel *c;
    uint8_t cc = session_channel(s, req, &c);

    if (cc != IPMI_CC_OK || level < 1 || level > 5) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_rsp_u8(rsp, c->number);
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
    IPMIChannel *c;

    if (session_channel(s, req, &c) != IPMI_CC_OK || req->data[1] != 0) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_rsp_u8(rsp, c->number);
    if (from < size) {
        ipmi_rsp_bytes(rsp, list + from, MIN(size - from, 16));
    }
    return IPMI_CC_OK;
}

/* sec 24.8: IPMI messages, and the payloads that set a session up */
static uint8_t get_payload_support(IPMIBmcMulti *s, const IPMIReq *req,
                                   IPMIRsp *rsp)
{
    IPMIChannel *c;

    if (session_channel(s, req, &c) != IPMI_CC_OK) {
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
    IPMIChannel *c;

    if (session_channel(s, req, &c) != IPMI_CC_OK) {
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
