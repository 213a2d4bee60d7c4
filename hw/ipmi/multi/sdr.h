/*
 * IPMI BMC with many channels: a repository of Sensor Data Records
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: sec 33 and 35.2 to 35.4.
 *
 * Owns: records, one after the other in one buffer, with their IDs in them.
 * Called by sensors and by the SDR's commands. The repository of a BMC changes
 * and is on the drive; its device SDRs are a copy of what it was made with, and
 * never change.
 *
 * Life: ipmi_sdr_init() fills the repository from a file, or with what is built
 * in, and registers with the store, which then loads; ipmi_sdr_copy() before
 * that makes the device SDRs; ipmi_sdr_exit() of each.
 */

#ifndef IPMI_MULTI_SDR_H
#define IPMI_MULTI_SDR_H

#include "clock.h"
#include "part.h"
#include "sdr-layout.h"
#include "store.h"

typedef struct IPMISdr {
    IPMIStore *store;           /* NULL: never changes */
    IPMIClock clock;
    uint32_t size;              /* property: bytes that it can hold */
    uint8_t *data;
    uint32_t used;              /* bytes */
    uint32_t count;             /* records */
    uint16_t next_id;
    bool overflow;
    bool update;                /* in modal update mode */
    uint32_t add_time, erase_time;
    IPMIReservation reservation;
    IPMIPartial partial;
} IPMISdr;

/*
 * ipmi_sdr_init: @file: SDRs to begin with; NULL: what is built in.
 * Returns false with @errp set if the size is out of range, or the file cannot
 * be read, has something else in it, or more than fits.
 */
bool ipmi_sdr_init(IPMISdr *sdr, IPMIStore *store, const char *file,
                   Error **errp);
void ipmi_sdr_copy(IPMISdr *to, const IPMISdr *from);
void ipmi_sdr_exit(IPMISdr *sdr);

/*
 * ipmi_sdr_find: record by ID, 0000h and FFFFh included; NULL if absent.
 * ipmi_sdr_first, ipmi_sdr_next: NULL at the end.
 * ipmi_sdr_record_len: bytes of a record, header included.
 */
const uint8_t *ipmi_sdr_find(const IPMISdr *sdr, uint16_t id);
const uint8_t *ipmi_sdr_first(const IPMISdr *sdr);
const uint8_t *ipmi_sdr_next(const IPMISdr *sdr, const uint8_t *rec);
uint32_t ipmi_sdr_record_len(const uint8_t *rec);

/*
 * ipmi_sdr_new_id: the record ID that ipmi_sdr_add() would give now.
 */
uint16_t ipmi_sdr_new_id(const IPMISdr *sdr);

/*
 * ipmi_sdr_append: while it is being filled: @rec, of @len bytes, gets an ID.
 * Returns false if there is no room.
 */
bool ipmi_sdr_append(IPMISdr *sdr, const uint8_t *rec, uint32_t len);
void ipmi_sdr_add_defaults(IPMISdr *sdr);

/*
 * ipmi_sdr_add: @rec gets an ID, which is put into @id.
 * Returns a completion code: 80h: @len is not the record's; CCh: another
 * version; C4h: no room; FFh: it could not be stored.
 * ipmi_sdr_delete, ipmi_sdr_clear: 00h, or FFh if it could not be stored.
 */
uint8_t ipmi_sdr_add(IPMISdr *sdr, const uint8_t *rec, uint32_t len,
                     uint16_t *id);
uint8_t ipmi_sdr_delete(IPMISdr *sdr, const uint8_t *rec);
uint8_t ipmi_sdr_clear(IPMISdr *sdr);

extern const VMStateDescription vmstate_ipmi_sdr;

#endif
