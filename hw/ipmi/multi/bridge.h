/*
 * IPMI BMC with many channels: bridging between channels
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 6.13.
 */

#ifndef IPMI_MULTI_BRIDGE_H
#define IPMI_MULTI_BRIDGE_H

#include "channel.h"

/*
 * ipmi_bridge_init: once, before anything is tracked.
 * ipmi_bridge_reset: forget all that is tracked.
 * ipmi_bridge_loaded: what is tracked has come out of a snapshot.
 */
void ipmi_bridge_init(IPMIBmcMulti *s);
void ipmi_bridge_reset(IPMIBmcMulti *s);
void ipmi_bridge_loaded(IPMIBmcMulti *s);

/*
 * ipmi_bridge_response: a response has come on channel @c. Returns true if it
 * was one that is tracked, and has been routed back.
 */
bool ipmi_bridge_response(IPMIChannel *c, const IPMIMessage *msg,
                          const uint8_t *data, unsigned len);

/*
 * ipmi_bmc_request: a request to the BMC itself has come on channel @c: carry
 * it out, and send the response.
 */
void ipmi_bmc_request(IPMIChannel *c, const IPMIMessage *msg, uint8_t priv);

extern const VMStateDescription vmstate_ipmi_tracked;

#endif
