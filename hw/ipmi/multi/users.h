/*
 * IPMI BMC with many channels: users
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 6.9, 22.26 to 22.30, 24.6, 24.7.
 *
 * Owns: names, passwords and access of the users. Called by the user commands.
 * Life: ipmi_users_init() before the store loads.
 */

#ifndef IPMI_MULTI_USERS_H
#define IPMI_MULTI_USERS_H

#include "migration/vmstate.h"
#include "numbers.h"
#include "store.h"

#define IPMI_USERS              16
#define IPMI_USER_NAME          16
#define IPMI_USER_PASSWORD      20

/* User 1 has no name, for good. */
#define IPMI_USER_NULL          1

typedef struct IPMIUser {
    uint8_t name[IPMI_USER_NAME];       /* padded with 00h */
    uint8_t password[IPMI_USER_PASSWORD];
    bool password20;            /* stored as one of 20 bytes */
    bool enabled;
    uint8_t access[IPMI_MULTI_CHAN_NUMBERS];    /* [6:4] and limit [3:0] */
    uint8_t session_limit[IPMI_MULTI_CHAN_NUMBERS];
    uint8_t payload_access[IPMI_MULTI_CHAN_NUMBERS][4];
} IPMIUser;

typedef struct IPMIUsers {
    IPMIStore *store;
    IPMIUser user[IPMI_USERS];  /* [0] is not used */
} IPMIUsers;

/* Users of a BMC as it comes from its maker */
void ipmi_users_init(IPMIUsers *users, IPMIStore *store);

/*
 * ipmi_user_find: number, 1 to 15; NULL if there is no such user.
 * ipmi_user_by_name: the first of them, @name of 16 bytes; NULL if none.
 */
IPMIUser *ipmi_user_find(IPMIUsers *users, uint8_t number);
IPMIUser *ipmi_user_by_name(IPMIUsers *users, const uint8_t *name);

/*
 * ipmi_user_change: first on the drive, then in memory.
 * Returns 00h, or FFh if it could not be stored.
 */
uint8_t ipmi_user_change(IPMIUsers *users, IPMIUser *u,
                         const IPMIUser *changed);

extern const VMStateDescription vmstate_ipmi_users;

#endif
