/*
 * IPMI BMC with many channels: banks and records of a drive, in bytes
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns: nothing; pure functions. Called by store.c, and by a test. All numbers
 * are little endian on the drive. The format is in
 * docs/specs/ipmi-bmc-store.rst.
 */

#ifndef IPMI_MULTI_STORE_FORMAT_H
#define IPMI_MULTI_STORE_FORMAT_H

/* Bytes of a bank before its first record; of data of a record */
#define STORE_HEADER        512
#define STORE_MAX_DATA      1024

/* A header, in the host's byte order */
typedef struct StoreHeader {
    uint64_t bank_size;
    uint64_t generation;        /* of two valid banks the greater one counts */
    uint64_t base_end;          /* end of the state; the log follows */
} StoreHeader;

typedef enum StoreHeaderState {
    STORE_HEADER_NONE,          /* there has never been one: zeros */
    STORE_HEADER_VALID,
    STORE_HEADER_MENDED,        /* one bit was wrong, and is known */
    STORE_HEADER_TORN,          /* it was being written, for the first time */
    STORE_HEADER_DAMAGED,       /* it was there, and cannot be read */
    STORE_HEADER_FOREIGN,       /* something else, or of another size */
} StoreHeaderState;

/*
 * store_header_encode: @p: STORE_HEADER bytes
 * store_header_decode: @bank_size: what it has to be
 */
void store_header_encode(uint8_t *p, const StoreHeader *h);
StoreHeaderState store_header_decode(const uint8_t *p, uint64_t bank_size,
                                     StoreHeader *h);

typedef struct StoreRecord {
    uint16_t kind;
    uint32_t key;
    uint32_t len;
    const uint8_t *data;
} StoreRecord;

/* store_record_size: bytes on the drive of a record of @len bytes of data */
uint32_t store_record_size(uint32_t len);

/*
 * store_record_encode: into store_record_size() bytes at @p.
 * store_record_decode: is there a whole record at @p, with @room bytes left in
 * its bank, with this generation and sequence number? @rec->data is in @p.
 */
void store_record_encode(uint8_t *p, const StoreRecord *rec,
                         uint64_t generation, uint64_t sequence);
bool store_record_decode(const uint8_t *p, uint64_t room, uint64_t generation,
                         uint64_t sequence, StoreRecord *rec);

/*
 * store_record_mend: the same of a record with one wrong bit, which is put
 * right. Of others, bytes at @p may have changed.
 */
bool store_record_mend(uint8_t *p, uint64_t room, uint64_t generation,
                       uint64_t sequence, StoreRecord *rec);

/*
 * store_record_follows: is there a record with a later sequence number anywhere
 * in the @room bytes at @p? Then what is at @p was no end of the log.
 */
bool store_record_follows(const uint8_t *p, uint64_t room, uint64_t generation,
                          uint64_t sequence);

#endif
