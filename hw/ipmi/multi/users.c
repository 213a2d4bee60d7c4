/*
 * IPMI BMC with many channels: users
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 6.9, 22.26 to 22.30, 24.6, 24.7.
 */

#include "qemu/osdep.h"
#include "kinds.h"
#include "users.h"

/* sec 22.26: Fh is no access at all */
#define LIMIT_NO_ACCESS     0x0f
#define ACCESS_MESSAGING    0x10

IPMIUser *ipmi_user_find(IPMIUsers *users, uint8_t number)
{
    return number >= 1 && number < IPMI_USERS ? &users->user[number] : NULL;
}

IPMIUser *ipmi_user_by_name(IPMIUsers *users, const uint8_t *name)
{
    for (int i = 1; i < IPMI_USERS; i++) {
        if (!memcmp(users->user[i].name, name, IPMI_USER_NAME)) {
            return &users->user[i];
        }
    }
    return NULL;
}

/*
 * What is kept on the drive: a user, as it is in memory, field after field
 */

#define STORED_SIZE (IPMI_USER_NAME + IPMI_USER_PASSWORD + 1 +              \
                     IPMI_MULTI_CHAN_NUMBERS * (1 + 1 + 4))

static void encode(const IPMIUser *u, uint8_t *p)
{
    memcpy(p, u->name, IPMI_USER_NAME);
    p += IPMI_USER_NAME;
    memcpy(p, u->password, IPMI_USER_PASSWORD);
    p += IPMI_USER_PASSWORD;
    *p++ = u->enabled | u->password20 << 1;
    memcpy(p, u->access, IPMI_MULTI_CHAN_NUMBERS);
    p += IPMI_MULTI_CHAN_NUMBERS;
    memcpy(p, u->session_limit, IPMI_MULTI_CHAN_NUMBERS);
    p += IPMI_MULTI_CHAN_NUMBERS;
    memcpy(p, u->payload_access, sizeof(u->payload_access));
}

static bool load_user(void *opaque, uint32_t key, const uint8_t *p,
                      uint32_t len)
{
    IPMIUser *u = key < IPMI_USERS ? ipmi_user_find(opaque, key) : NULL;

    if (!u || len != STORED_SIZE) {
        return false;
    }
    memcpy(u->name, p, IPMI_USER_NAME);
    p += IPMI_USER_NAME;
    memcpy(u->password, p, IPMI_USER_PASSWORD);
    p += IPMI_USER_PASSWORD;
    u->enabled = *p & 1;
    u->password20 = *p++ >> 1 & 1;
    memcpy(u->access, p, IPMI_MULTI_CHAN_NUMBERS);
    p += IPMI_MULTI_CHAN_NUMBERS;
    memcpy(u->session_limit, p, IPMI_MULTI_CHAN_NUMBERS);
    p += IPMI_MULTI_CHAN_NUMBERS;
    memcpy(u->payload_access, p, sizeof(u->payload_access));
    return true;
}

static void dump_users(void *opaque, IPMIStore *st)
{
    IPMIUsers *users = opaque;
    uint8_t rec[STORED_SIZE];
    int i;

    for (i = 1; i < IPMI_USERS; i++) {
        encode(&users->user[i], rec);
        ipmi_store_emit(st, IPMI_STORE_USER, i, rec, sizeof(rec));
    }
}

static const IPMIStoreKind user_kind = {
    .name = "user",
    .load = load_user,
    .dump = dump_users,
};

uint8_t ipmi_user_change(IPMIUsers *users, IPMIUser *u,
                         const IPMIUser *changed)
{
    uint8_t rec[STORED_SIZE];

    encode(changed, rec);
    if (!ipmi_store_put(users->store, IPMI_STORE_USER, u - users->user, rec,
                        sizeof(rec))) {
        return IPMI_CC_UNSPECIFIED;
    }
    *u = *changed;
    return IPMI_CC_OK;
}

void ipmi_users_init(IPMIUsers *users, IPMIStore *store)
{
    IPMIUser *admin = &users->user[2];

    users->store = store;
    for (int i = 1; i < IPMI_USERS; i++) {
        memset(users->user[i].access, LIMIT_NO_ACCESS,
               IPMI_MULTI_CHAN_NUMBERS);
    }
    /* An administrator without a password, as servers come out of the box */
    memset(admin->access, ACCESS_MESSAGING | IPMI_MULTI_PRIV_ADMIN,
           IPMI_MULTI_CHAN_NUMBERS);
    memcpy(admin->name, "admin", strlen("admin"));
    ipmi_store_register(store, IPMI_STORE_USER, &user_kind, users);
}

static const VMStateDescription vmstate_user = {
    .name = "ipmi-user",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8_ARRAY(name, IPMIUser, IPMI_USER_NAME),
        VMSTATE_UINT8_ARRAY(password, IPMIUser, IPMI_USER_PASSWORD),
        VMSTATE_BOOL(password20, IPMIUser),
        VMSTATE_BOOL(enabled, IPMIUser),
        VMSTATE_UINT8_ARRAY(access, IPMIUser, IPMI_MULTI_CHAN_NUMBERS),
        VMSTATE_UINT8_ARRAY(session_limit, IPMIUser, IPMI_MULTI_CHAN_NUMBERS),
        VMSTATE_UINT8_2DARRAY(payload_access, IPMIUser,
                              IPMI_MULTI_CHAN_NUMBERS, 4),
        VMSTATE_END_OF_LIST()
    }
};

const VMStateDescription vmstate_ipmi_users = {
    .name = "ipmi-users",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_ARRAY(user, IPMIUsers, IPMI_USERS, 1, vmstate_user,
                             IPMIUser),
        VMSTATE_END_OF_LIST()
    }
};
