/*
 * IPMI BMC with many channels: reservations, and records in pieces
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 31.4, 31.5, 31.7, 33.10 to 33.12.
 */

#include "qemu/osdep.h"
#include "numbers.h"
#include "part.h"

uint16_t ipmi_reserve(IPMIReservation *r, IPMIPartial *p)
{
    p->active = false;
    r->last = r->last == UINT16_MAX ? 1 : r->last + 1;
    r->valid = true;
    return r->last;
}

bool ipmi_reserved(const IPMIReservation *r, uint16_t id)
{
    return r->valid && r->last == id;
}

void ipmi_unreserve(IPMIReservation *r, IPMIPartial *p)
{
    r->valid = false;
    p->active = false;
}

uint16_t ipmi_next_id(uint16_t id)
{
    return id >= IPMI_RECORD_LAST - 1 ? 1 : id + 1;
}

/*
 * A reservation of 0000h is good for reading from the start of a record;
 * any other has to be valid.
 */
uint8_t ipmi_record_part(const IPMIReservation *r, uint16_t reservation,
                         uint32_t len, uint8_t offset, unsigned *count,
                         unsigned room)
{
    if ((offset || reservation) && !ipmi_reserved(r, reservation)) {
        return IPMI_CC_INVALID_RESERVATION;
    }
    if (offset >= len) {
        return IPMI_CC_PARM_OUT_OF_RANGE;
    }
    if (*count == 0xff) {
        *count = len - offset;
    }
    if (offset + *count > len || *count > room) {
        return IPMI_CC_CANNOT_RETURN_REQ_NUM_BYTES;
    }
    return IPMI_CC_OK;
}

/*
 * sec 31.7, 33.10: the first piece names record 0000h and begins at offset 0;
 * the others name what was returned, and follow without a gap.
 */
uint8_t ipmi_partial_put(IPMIPartial *p, const IPMIReservation *r,
                         const IPMIPiece *piece, uint16_t id)
{
    bool first = piece->record == 0;

    if (!ipmi_reserved(r, piece->reservation)) {
        return IPMI_CC_INVALID_RESERVATION;
    }
    if (!first && (!p->active || piece->record != p->id)) {
        return IPMI_CC_REQ_ENTRY_NOT_PRESENT;
    }
    if (piece->offset != (first ? 0 : p->len)) {
        return IPMI_CC_PARM_OUT_OF_RANGE;
    }
    if (piece->offset + piece->len > IPMI_PARTIAL_MAX) {
        return IPMI_CC_RECORD;
    }
    if (first) {
        *p = (IPMIPartial) { .active = true, .id = id };
    }
    memcpy(p->data + piece->offset, piece->data, piece->len);
    p->len = piece->offset + piece->len;
    return IPMI_CC_OK;
}

const VMStateDescription vmstate_ipmi_reservation = {
    .name = "ipmi-bmc-multi/reservation",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT16(last, IPMIReservation),
        VMSTATE_BOOL(valid, IPMIReservation),
        VMSTATE_END_OF_LIST()
    }
};

static bool partial_valid(void *opaque, int version_id)
{
    IPMIPartial *p = opaque;

    return p->len <= IPMI_PARTIAL_MAX;
}

const VMStateDescription vmstate_ipmi_partial = {
    .name = "ipmi-bmc-multi/partial",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(active, IPMIPartial),
        VMSTATE_UINT16(id, IPMIPartial),
        VMSTATE_UINT32(len, IPMIPartial),
        VMSTATE_VALIDATE("partial record", partial_valid),
        VMSTATE_UINT8_ARRAY(data, IPMIPartial, IPMI_PARTIAL_MAX),
        VMSTATE_END_OF_LIST()
    }
};
