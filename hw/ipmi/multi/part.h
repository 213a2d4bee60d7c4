/*
 * IPMI BMC with many channels: reservations, and records in pieces
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 31.4, 31.5, 31.7, 33.10 to 33.12.
 *
 * What SEL and SDR repository have in common: each has an IPMIReservation and
 * an IPMIPartial, zeroed at first. Called by these and by their commands. Where
 * a completion code is returned, nothing has changed unless it is 00h.
 */

#ifndef IPMI_MULTI_PART_H
#define IPMI_MULTI_PART_H

#include "migration/vmstate.h"

/* In requests: the first and the last record */
#define IPMI_RECORD_FIRST       0x0000
#define IPMI_RECORD_LAST        0xffff

/* Version of the SEL, SDR and PEF definitions: 1.5 and later */
#define IPMI_DEFINITION_VERSION 0x51

/* Completion code of commands that do not fit the record (sec 31.6, 33.9) */
#define IPMI_CC_RECORD          0x80

typedef struct IPMIReservation {
    uint16_t last;              /* handed out most recently; 0: none ever */
    bool valid;                 /* and not cancelled since */
} IPMIReservation;

#define IPMI_PARTIAL_MAX        260

typedef struct IPMIPartial {
    bool active;
    uint16_t id;                /* what the pieces name it by */
    uint32_t len;               /* bytes received */
    uint8_t data[IPMI_PARTIAL_MAX];
} IPMIPartial;

/* A piece, as Partial Add has it */
typedef struct IPMIPiece {
    uint16_t reservation, record;
    uint8_t offset;
    bool last;
    const uint8_t *data;
    unsigned len;
} IPMIPiece;

/*
 * ipmi_reserve: a new reservation; cancels the one before.
 * ipmi_reserved: is this the one that counts?
 * ipmi_unreserve: the store has changed, or the system was reset.
 */
uint16_t ipmi_reserve(IPMIReservation *r, IPMIPartial *p);
bool ipmi_reserved(const IPMIReservation *r, uint16_t id);
void ipmi_unreserve(IPMIReservation *r, IPMIPartial *p);

/*
 * ipmi_record_part: which part of a record of @len bytes is wanted (sec 31.5,
 * 33.12). @count: FFh is all that is left; on success the true number.
 * @room: bytes that the response can carry.
 * Returns the completion code.
 */
uint8_t ipmi_record_part(const IPMIReservation *r, uint16_t reservation,
                         uint32_t len, uint8_t offset, unsigned *count,
                         unsigned room);

/*
 * ipmi_partial_put: a piece of a record. @id: record ID that a first piece
 * gets. Returns the completion code.
 */
uint8_t ipmi_partial_put(IPMIPartial *p, const IPMIReservation *r,
                         const IPMIPiece *piece, uint16_t id);

/*
 * ipmi_next_id: the record ID after @id; 0000h and FFFFh name no record.
 */
uint16_t ipmi_next_id(uint16_t id);

extern const VMStateDescription vmstate_ipmi_reservation;
extern const VMStateDescription vmstate_ipmi_partial;

#endif
