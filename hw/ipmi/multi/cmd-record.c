/*
 * IPMI BMC with many channels: requests that SEL and SDR commands share
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 31.7, 31.9, 33.10, 33.14.
 */

#include "qemu/osdep.h"
#include "cmd-record.h"
#include "qemu/bswap.h"

#define ERASE_BEGIN     0xaa
#define ERASE_STATUS    0x00

/* reservation, "CLR", AAh to begin or 00h to ask */
uint8_t ipmi_req_erase(const IPMIReq *req, const IPMIReservation *r,
                       bool *erase)
{
    if (memcmp(req->data + 2, "CLR", 3) ||
        (req->data[5] != ERASE_BEGIN && req->data[5] != ERASE_STATUS)) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    if (!ipmi_reserved(r, lduw_le_p(req->data))) {
        return IPMI_CC_INVALID_RESERVATION;
    }
    *erase = req->data[5] == ERASE_BEGIN;
    return IPMI_CC_OK;
}

/* reservation, record ID, offset, progress, data */
uint8_t ipmi_req_piece(const IPMIReq *req, IPMIPiece *piece)
{
    if (req->data[5] > 1) {
        return IPMI_CC_INVALID_DATA_FIELD;
    }
    *piece = (IPMIPiece) {
        .reservation = lduw_le_p(req->data),
        .record = lduw_le_p(req->data + 2),
        .offset = req->data[4],
        .last = req->data[5] == 1,
        .data = req->data + 6,
        .len = req->len - 6,
    };
    return IPMI_CC_OK;
}
