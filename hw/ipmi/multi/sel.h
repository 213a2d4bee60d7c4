/*
 * IPMI BMC with many channels: System Event Log
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 31 and 32.
 *
 * Owns: the records of the log. Called by events and by the SEL's commands;
 * QMP adds records, too. A change is on the drive before it is in memory.
 *
 * Life: ipmi_sel_init() registers with the store, which then loads;
 * ipmi_sel_exit().
 */

#ifndef IPMI_MULTI_SEL_H
#define IPMI_MULTI_SEL_H

#include "clock.h"
#include "part.h"
#include "store.h"

#define IPMI_SEL_RECORD         16
#define IPMI_SEL_MAX            4096

/* sec 32: record types, and where the time stamp is */
#define IPMI_SEL_TYPE_SYSTEM        0x02
#define IPMI_SEL_TYPE_OEM           0xc0
#define IPMI_SEL_TYPE_OEM_NO_TIME   0xe0
#define IPMI_SEL_O_TYPE             2
#define IPMI_SEL_O_TIME             3

typedef struct IPMISel {
    IPMIStore *store;
    IPMIClock clock;
    uint32_t capacity;          /* property: records */
    uint8_t *data;              /* oldest record first */
    uint32_t used;              /* bytes */
    uint16_t next_id;
    bool overflow;              /* an event was lost: it is full */
    uint32_t add_time, erase_time;
    IPMIReservation reservation;
    IPMIPartial partial;
} IPMISel;

/*
 * ipmi_sel_init: Returns false with @errp set if the capacity is out of range.
 */
bool ipmi_sel_init(IPMISel *sel, IPMIStore *store, Error **errp);
void ipmi_sel_exit(IPMISel *sel);

/*
 * ipmi_sel_count, ipmi_sel_record: the records, oldest first, 16 bytes each.
 * ipmi_sel_index: of a record ID, 0000h and FFFFh included; ipmi_sel_count()
 * if there is none.
 */
unsigned ipmi_sel_count(const IPMISel *sel);
const uint8_t *ipmi_sel_record(const IPMISel *sel, unsigned index);
unsigned ipmi_sel_index(const IPMISel *sel, uint16_t id);

/*
 * ipmi_sel_new_id: the record ID that ipmi_sel_add() would give now.
 */
uint16_t ipmi_sel_new_id(const IPMISel *sel);

/*
 * ipmi_sel_add: a record for the SEL. Record ID, and time up to type DFh, are
 * filled in. @id may be NULL.
 * Returns a completion code: 00h, C4h if the log is full, FFh if it could not
 * be stored.
 */
uint8_t ipmi_sel_add(IPMISel *sel, const uint8_t rec[IPMI_SEL_RECORD],
                     uint16_t *id);

/*
 * ipmi_sel_delete, ipmi_sel_clear: 00h, or FFh if it could not be stored.
 * @index: less than ipmi_sel_count()
 */
uint8_t ipmi_sel_delete(IPMISel *sel, unsigned index);
uint8_t ipmi_sel_clear(IPMISel *sel);

extern const VMStateDescription vmstate_ipmi_sel;

#endif
