/*
 * IPMI BMC with many channels: user commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 22.26 to 22.30, 24.6 and 24.7.
 */

#include "qemu/osdep.h"
#include "bmc.h"

/* sec 22.27: users with a name that cannot be changed */
#define FIXED_NAMES         1

/* sec 22.26: Fh is no access at all */
#define LIMIT_NO_ACCESS     0x0f
#define ACCESS_BITS         0x70

/* sec 22.30 */
enum { PASSWORD_DISABLE, PASSWORD_ENABLE, PASSWORD_SET, PASSWORD_TEST };
#define PASSWORD_IS_20      0x80
#define CC_PASSWORD_WRONG   0x80
#define CC_PASSWORD_SIZE    0x81

static IPMIUser *find_user(IPMIBmcMulti *s, uint8_t number)
{
    return ipmi_user_find(&s->records.users, number & 0x3f);
}

/* Settings are kept for each channel number, whether or not it has sessions. */
static bool is_channel(IPMIBmcMulti *s, uint8_t number)
{
    return number == IPMI_MULTI_CHAN_SYS ||
           s->records.chans.chan[number].kind == IPMI_CHAN_MEDIUM;
}

static uint8_t commit(IPMIBmcMulti *s, IPMIUser *u, const IPMIUser *changed)
{
    return ipmi_user_change(&s->records.users, u, changed);
}

/*
 * Access
 */

static uint8_t set_user_access(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIRsp *rsp)
{
    uint8_t number = ipmi_req_channel(req, req->data[0] & 0x0f);
    uint8_t limit = req->data[2] & 0x0f;
    IPMIUser *u = find_user(s, req->data[1]);
    IPMIUser changed;

    if (!u || !is_channel(s, number) ||
        (limit != LIMIT_NO_ACCESS && (limit < 1 || limit > 5))) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    changed = *u;
    changed.access[number] = (u->access[number] & ACCESS_BITS) | limit;
    if (req->data[0] & 0x80) {
        changed.access[number] = (req->data[0] & ACCESS_BITS) | limit;
    }
    if (req->len > 3) {
        changed.session_limit[number] = req->data[3] & 0x0f;
    }
    return commit(s, u, &changed);
}

static unsigned count_enabled(IPMIBmcMulti *s)
{
    unsigned i, n = 0;

    for (i = 1; i < IPMI_USERS; i++) {
        n += s->records.users.user[i].enabled;
    }
    return n;
}

static uint8_t get_user_access(IPMIBmcMulti *s, const IPMIReq *req,
                               IPMIRsp *rsp)
{
    uint8_t number = ipmi_req_channel(req, req->data[0] & 0x0f);
    IPMIUser *u = find_user(s, req->data[1]);

    if (!u || !is_channel(s, number)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_rsp_u8(rsp, IPMI_USERS - 1);
    ipmi_rsp_u8(rsp, (u->enabled ? 0x40 : 0x80) | count_enabled(s));
    ipmi_rsp_u8(rsp, FIXED_NAMES);
    ipmi_rsp_u8(rsp, u->access[number]);
    return IPMI_CC_OK;
}

/*
 * Names
 */

/* sec 22.28: printable, and nothing after the first 00h */
static bool name_is_valid(const uint8_t *name)
{
    bool ended = false;
    int i;

    for (i = 0; i < IPMI_USER_NAME; i++) {
        if (!name[i]) {
            ended = true;
        } else if (ended || name[i] <= ' ' || name[i] > '~') {
            return false;
        }
    }
    return true;
}

/* Several users may have no name. */
static bool name_is_taken(IPMIBmcMulti *s, const IPMIUser *u,
                          const uint8_t *name)
{
    const IPMIUser *other = ipmi_user_by_name(&s->records.users, name);

    return name[0] && other && other != u;
}

static uint8_t set_user_name(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIUser *u = find_user(s, req->data[0]);
    const uint8_t *name = req->data + 1;
    IPMIUser changed;

    if (!u || u == find_user(s, IPMI_USER_NULL) || !name_is_valid(name) ||
        name_is_taken(s, u, name)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    changed = *u;
    memcpy(changed.name, name, IPMI_USER_NAME);
    return commit(s, u, &changed);
}

static uint8_t get_user_name(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    IPMIUser *u = find_user(s, req->data[0]);

    if (!u) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_rsp_bytes(rsp, u->name, IPMI_USER_NAME);
    return IPMI_CC_OK;
}

/*
 * Passwords
 */

/* In a time that does not depend on where they differ */
static bool same(const uint8_t *a, const uint8_t *b, unsigned n)
{
    uint8_t diff = 0;

    while (n--) {
        diff |= *a++ ^ *b++;
    }
    return !diff;
}

static uint8_t set_password(IPMIBmcMulti *s, const IPMIReq *req, IPMIRsp *rsp)
{
    bool is20 = req->data[0] & PASSWORD_IS_20;
    uint8_t op = req->data[1] & 3;
    unsigned size = is20 ? 20 : 16;
    IPMIUser *u = find_user(s, req->data[0]);
    IPMIUser changed;

    if (!u) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (op >= PASSWORD_SET ? req->len != 2 + size :
                             req->len != 2 && req->len != 2 + size) {
        return IPMI_CC_REQUEST_DATA_LENGTH_INVALID;
    }
    changed = *u;
    switch (op) {
    case PASSWORD_DISABLE:
    case PASSWORD_ENABLE:
        changed.enabled = op == PASSWORD_ENABLE;
        return commit(s, u, &changed);
    case PASSWORD_SET:
        memset(changed.password, 0, IPMI_USER_PASSWORD);
        memcpy(changed.password, req->data + 2, size);
        changed.password20 = is20;
        return commit(s, u, &changed);
    default:
        if (u->password20 != is20) {
            return CC_PASSWORD_SIZE;
        }
        return same(u->password, req->data + 2, size) ? IPMI_CC_OK :
                                                        CC_PASSWORD_WRONG;
    }
}

/*
 * Payload access
 */

static uint8_t set_payload_access(IPMIBmcMulti *s, const IPMIReq *req,
                                  IPMIRsp *rsp)
{
    uint8_t number = ipmi_req_channel(req, req->data[0] & 0x0f);
    uint8_t op = req->data[1] >> 6;
    IPMIUser *u = find_user(s, req->data[1]);
    IPMIUser changed;
    int i;

    if (!u || op > 1 || !is_channel(s, number)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    changed = *u;
    for (i = 0; i < 4; i++) {
        uint8_t *bits = &changed.payload_access[number][i];

        *bits = op ? *bits & ~req->data[2 + i] : *bits | req->data[2 + i];
    }
    return commit(s, u, &changed);
}

static uint8_t get_payload_access(IPMIBmcMulti *s, const IPMIReq *req,
                                  IPMIRsp *rsp)
{
    uint8_t number = ipmi_req_channel(req, req->data[0] & 0x0f);
    IPMIUser *u = find_user(s, req->data[1]);

    if (!u || !is_channel(s, number)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    ipmi_rsp_bytes(rsp, u->payload_access[number], 4);
    return IPMI_CC_OK;
}

static const IPMICommand commands[] = {
    { 0x43, "Set User Access", 3, 4, IPMI_MULTI_PRIV_ADMIN, 0, set_user_access,
      { { 1, 0xc0 }, { 2, 0xf0 }, { 3, 0xf0 } } },
    { 0x44, "Get User Access", 2, 2, IPMI_MULTI_PRIV_OPERATOR, 0,
      get_user_access, { { 0, 0xf0 }, { 1, 0xc0 } } },
    { 0x45, "Set User Name", 17, 17, IPMI_MULTI_PRIV_ADMIN, 0, set_user_name,
      { { 0, 0xc0 } } },
    { 0x46, "Get User Name", 1, 1, IPMI_MULTI_PRIV_OPERATOR, 0, get_user_name,
      { { 0, 0xc0 } } },
    { 0x47, "Set User Password", 2, 22, IPMI_MULTI_PRIV_ADMIN, 0, set_password,
      { { 0, 0x40 }, { 1, 0xfc } } },
    { 0x4c, "Set User Payload Access", 6, 6, IPMI_MULTI_PRIV_ADMIN, 0,
      set_payload_access, { { 0, 0xf0 } } },
    { 0x4d, "Get User Payload Access", 2, 2, IPMI_MULTI_PRIV_OPERATOR, 0,
      get_payload_access, { { 0, 0xf0 }, { 1, 0xc0 } } },
};

const IPMICommandTable ipmi_cmds_users =
    IPMI_COMMAND_TABLE(IPMI_MULTI_NETFN_APP, commands);
