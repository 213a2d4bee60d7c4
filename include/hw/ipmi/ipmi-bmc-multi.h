/*
 * IPMI BMC with many channels: names and numbers for boards and users
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1. Everything else of the family is private
 * to hw/ipmi/multi/.
 */

#ifndef HW_IPMI_BMC_MULTI_H
#define HW_IPMI_BMC_MULTI_H

/* -device: the BMC, a channel of it, a controller on an IPMB of it */
#define TYPE_IPMI_BMC_MULTI "ipmi-bmc-multi"
#define TYPE_IPMI_CHANNEL   "ipmi-channel"
#define TYPE_IPMI_IPMB_MC   "ipmi-ipmb-mc"

/* sec 6.3: channel numbers */
#define IPMI_MULTI_CHANNELS         12      /* 0 to Bh: ipmi-channel devices */
#define IPMI_MULTI_CHAN_SELF        0x0e    /* in a request: that it came by */
#define IPMI_MULTI_CHAN_SYS         0x0f    /* first system interface */
#define IPMI_MULTI_CHAN_NUMBERS     16

#endif
