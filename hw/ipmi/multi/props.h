/*
 * IPMI BMC with many channels: properties of the device
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A part of the device: ipmi_bmc_add_props() when its class is made,
 * ipmi_bmc_check_props() when it is realized.
 */

#ifndef IPMI_MULTI_PROPS_H
#define IPMI_MULTI_PROPS_H

#include "bmc.h"

void ipmi_bmc_add_props(ObjectClass *oc);

/* Also makes the GUID. Returns false with @errp set if a value is none. */
bool ipmi_bmc_check_props(IPMIBmcMulti *s, Error **errp);

#endif
