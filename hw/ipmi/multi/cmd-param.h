/*
 * IPMI BMC with many channels: answers of commands that get parameters
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pure functions, for the commands of LAN, serial, SOL, System Info and boot.
 * A completion code is returned.
 */

#ifndef IPMI_MULTI_CMD_PARAM_H
#define IPMI_MULTI_CMD_PARAM_H

#include "command.h"
#include "params.h"

/*
 * ipmi_rsp_param: selector and value of a parameter.
 * ipmi_rsp_revision_param: the same behind the revision (sec 23.2, 22.14b).
 * @data: bit 7 revision only; parameter; set selector; block selector
 */
uint8_t ipmi_rsp_param(IPMIRsp *rsp, const IPMIParams *p, uint8_t param,
                       uint8_t selector, uint8_t block);
uint8_t ipmi_rsp_revision_param(IPMIRsp *rsp, const IPMIParams *p,
                                const uint8_t *data);

#endif
