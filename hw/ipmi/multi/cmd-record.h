/*
 * IPMI BMC with many channels: requests that SEL and SDR commands share
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 31.7, 31.9, 33.10, 33.14. Pure functions, for the
 * commands of both. A completion code is returned.
 */

#ifndef IPMI_MULTI_CMD_RECORD_H
#define IPMI_MULTI_CMD_RECORD_H

#include "command.h"
#include "part.h"

/*
 * ipmi_req_erase: what Clear SEL and Clear SDR Repository ask for. @erase:
 * whether to do it, or only to say how far it is.
 */
uint8_t ipmi_req_erase(const IPMIReq *req, const IPMIReservation *r,
                       bool *erase);

/*
 * ipmi_req_piece: the piece of a Partial Add; points into the request.
 */
uint8_t ipmi_req_piece(const IPMIReq *req, IPMIPiece *piece);

#endif
