/*
 * IPMI BMC with many channels: numbers of the specification
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1. Where a comment of this directory cites a
 * section without naming a document, it is of this one.
 *
 * The bottom of all layers: it includes nothing of this directory, and has no
 * state. Completion codes that QEMU names have QEMU's names (hw/ipmi/ipmi.h).
 */

#ifndef IPMI_MULTI_NUMBERS_H
#define IPMI_MULTI_NUMBERS_H

#include "hw/ipmi/ipmi-bmc-multi.h"
#include "hw/ipmi/ipmi.h"

/* sec 5.1: network functions of requests */
#define IPMI_MULTI_NETFN_CHASSIS    0x00
#define IPMI_MULTI_NETFN_BRIDGE     0x02
#define IPMI_MULTI_NETFN_SENSOR     0x04
#define IPMI_MULTI_NETFN_APP        0x06
#define IPMI_MULTI_NETFN_FIRMWARE   0x08
#define IPMI_MULTI_NETFN_STORAGE    0x0a
#define IPMI_MULTI_NETFN_TRANSPORT  0x0c
#define IPMI_MULTI_NETFN_GROUP      0x2c

/*
 * sec 5.2, table 5-2: completion codes. D5h, "not supported in present state",
 * is IPMI_CC_COMMAND_NOT_SUPPORTED.
 */
#define IPMI_CC_OK                  0x00
#define IPMI_CC_NODE_BUSY           0xc0
#define IPMI_CC_ILLEGAL_TYPE        0xcd
#define IPMI_CC_NO_RESPONSE         0xce
#define IPMI_CC_SDR_UPDATE          0xd0
#define IPMI_CC_UNAVAILABLE         0xd3
#define IPMI_CC_PRIVILEGE           0xd4

/* sec 6.8: privilege levels */
#define IPMI_MULTI_PRIV_NONE        0
#define IPMI_MULTI_PRIV_CALLBACK    1
#define IPMI_MULTI_PRIV_USER        2
#define IPMI_MULTI_PRIV_OPERATOR    3
#define IPMI_MULTI_PRIV_ADMIN       4
#define IPMI_MULTI_PRIV_OEM         5

#endif
