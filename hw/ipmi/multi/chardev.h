/*
 * IPMI BMC with many channels: a peer on a character device
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns: the framing, described in docs/specs/ipmi-bmc-multi.rst, and what the
 * peer has not read yet. A part of the channel, and called by it only.
 *
 * Life: ipmi_chardev_init(), ipmi_chardev_exit(); without chardev= nothing
 * happens.
 */

#ifndef IPMI_MULTI_CHARDEV_H
#define IPMI_MULTI_CHARDEV_H

#include "channel.h"

void ipmi_chardev_init(IPMIChannel *c);
void ipmi_chardev_exit(IPMIChannel *c);

/*
 * ipmi_chardev_is_open: is a peer connected?
 * ipmi_chardev_send: a message for it, in the format of the medium.
 * @from: channel that it came from
 */
bool ipmi_chardev_is_open(IPMIChannel *c);
void ipmi_chardev_send(IPMIChannel *c, uint8_t from, const uint8_t *data,
                       unsigned len);

#endif
