/*
 * IPMI BMC with many channels: what the BMC knows of its channels
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 6, 22.5, 22.22 to 22.24.
 *
 * Owns: a directory of the sixteen channel numbers: medium, access, session
 * handles, counters. The devices that are channels or system interfaces fill it
 * in; commands and the bridge read it, and never look at the devices.
 *
 * Life: ipmi_chans_init() before the store loads; ipmi_chan_add() when a
 * channel is plugged in, ipmi_chan_remove() when it goes;
 * ipmi_chans_reset() with each Cold Reset.
 */

#ifndef IPMI_MULTI_CHANS_H
#define IPMI_MULTI_CHANS_H

#include "migration/vmstate.h"
#include "numbers.h"
#include "qapi/qapi-types-ipmi-bmc-multi.h"
#include "store.h"

/* sec 6.5, table 6-3: medium types */
#define IPMI_MEDIUM_TYPE_NONE        0x00
#define IPMI_MEDIUM_TYPE_IPMB        0x01
#define IPMI_MEDIUM_TYPE_LAN         0x04
#define IPMI_MEDIUM_TYPE_SERIAL      0x05
#define IPMI_MEDIUM_TYPE_OTHER_LAN   0x06
#define IPMI_MEDIUM_TYPE_SYSTEM      0x0c

/* sec 6.4, table 6-2: protocol types */
#define IPMI_PROTOCOL_IPMB      0x01
#define IPMI_PROTOCOL_ICMB      0x02
#define IPMI_PROTOCOL_SMBUS     0x04
#define IPMI_PROTOCOL_KCS       0x05
#define IPMI_PROTOCOL_BT15      0x08
#define IPMI_PROTOCOL_OEM       0x1c

typedef enum IPMIChanKind {
    IPMI_CHAN_NONE,             /* there is no such channel */
    IPMI_CHAN_MEDIUM,           /* an ipmi-channel */
    IPMI_CHAN_SYSTEM,           /* a system interface */
} IPMIChanKind;

/* sec 22.22: what Set Channel Access sets */
typedef struct IPMIChanAccess {
    uint8_t access;             /* [2:0] mode, [5:3] what is disabled */
    uint8_t limit;              /* privilege level, 1 to 5; 0: never set */
} IPMIChanAccess;

#define IPMI_CHAN_MODE(access)  ((access) & 7)  /* 0: disabled */

typedef struct IPMIChan {
    IPMIChanKind kind;
    uint8_t medium, protocol;   /* types of sec 6.5, 6.4 */
    bool plugged;               /* of a system interface: is it there? */
    IpmiSessionSupport sessions;
    bool receive;               /* Enable Message Channel Receive */
    IPMIChanAccess nv, vol;
    uint64_t handles[4];        /* bit N: session handle N is alive */
    /* messages, since it was plugged in; see IpmiChannelInfo */
    uint64_t n_received, n_sent, n_queued, n_dropped;
} IPMIChan;

typedef struct IPMIChans {
    IPMIStore *store;
    IPMIChan chan[IPMI_MULTI_CHAN_NUMBERS];
} IPMIChans;

void ipmi_chans_init(IPMIChans *chans, IPMIStore *store);
void ipmi_chans_reset(IPMIChans *chans);

/*
 * ipmi_chan_add: @number gets kind, medium, protocol, sessions and
 * non-volatile access of @as; the access that the drive has comes first.
 * ipmi_chan_remove: Fh, a system interface, stays without a device.
 */
void ipmi_chan_add(IPMIChans *chans, uint8_t number, const IPMIChan *as);
void ipmi_chan_remove(IPMIChans *chans, uint8_t number);

/* Is it disabled (sec 6.6)? Then it has no sessions, and takes nothing. */
bool ipmi_chan_is_disabled(const IPMIChan *c);

/*
 * Session handles: alive from the first message that comes with one.
 */
void ipmi_chan_set_handle(IPMIChan *c, uint8_t handle);
bool ipmi_chan_handle_is_alive(const IPMIChan *c, uint8_t handle);
unsigned ipmi_chan_sessions(const IPMIChan *c);
void ipmi_chan_end_sessions(IPMIChan *c);

/*
 * ipmi_chan_set_nv: the non-volatile copy. False, and nothing has changed, if
 * it could not be stored.
 */
bool ipmi_chan_set_nv(IPMIChans *chans, uint8_t number,
                      const IPMIChanAccess *nv);

extern const VMStateDescription vmstate_ipmi_chans;

#endif
