/*
 * IPMI BMC with many channels: banks and records of a drive, in bytes
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The format is in docs/specs/ipmi-bmc-store.rst.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/crc32c.h"
#include "qemu/cutils.h"
#include "store.h"
#include "store-format.h"

#define STORE_VERSION       1
#define STORE_RECORD_MAGIC  0x52444249      /* "IBDR" */

static const char store_magic[8] = "IPMISTOR";

typedef struct QEMU_PACKED RawHeader {
    char magic[8];
    uint32_t version;
    uint32_t crc;               /* CRC-32C of all 512 bytes, this as 0 */
    uint64_t bank_size;
    uint64_t generation;
    uint64_t base_end;
    uint8_t reserved[472];
} RawHeader;

QEMU_BUILD_BUG_ON(sizeof(RawHeader) != STORE_HEADER);

/* Data follows, filled up with 00h to 8 bytes */
typedef struct QEMU_PACKED RawRecord {
    uint32_t magic;
    uint16_t kind;
    uint16_t len;
    uint64_t generation;        /* that of the bank */
    uint64_t sequence;          /* 1, 2, 3 ... in the bank */
    uint32_t key;
    uint32_t crc;               /* CRC-32C of header, this as 0, and data */
} RawRecord;

QEMU_BUILD_BUG_ON(sizeof(RawRecord) != 32);

static uint32_t header_crc(const RawHeader *raw)
{
    RawHeader h = *raw;

    h.crc = 0;
    return crc32c(0xffffffff, (const uint8_t *)&h, sizeof(h));
}

void store_header_encode(uint8_t *p, const StoreHeader *h)
{
    RawHeader raw = {
        .version = cpu_to_le32(STORE_VERSION),
        .bank_size = cpu_to_le64(h->bank_size),
        .generation = cpu_to_le64(h->generation),
        .base_end = cpu_to_le64(h->base_end),
    };

    memcpy(raw.magic, store_magic, sizeof(raw.magic));
    raw.crc = cpu_to_le32(header_crc(&raw));
    memcpy(p, &raw, sizeof(raw));
}

StoreHeaderState store_header_decode(const uint8_t *p, uint64_t bank_size,
                                     StoreHeader *h)
{
    RawHeader raw;

    if (buffer_is_zero(p, STORE_HEADER)) {
        return STORE_HEADER_NONE;
    }
    memcpy(&raw, p, sizeof(raw));
    if (memcmp(raw.magic, store_magic, sizeof(raw.magic))) {
        return STORE_HEADER_FOREIGN;
    }
    if (le32_to_cpu(raw.crc) != header_crc(&raw)) {
        return STORE_HEADER_DAMAGED;
    }
    h->bank_size = le64_to_cpu(raw.bank_size);
    h->generation = le64_to_cpu(raw.generation);
    h->base_end = le64_to_cpu(raw.base_end);
    return le32_to_cpu(raw.version) == STORE_VERSION &&
           h->bank_size == bank_size && h->base_end >= STORE_HEADER &&
           h->base_end <= bank_size ? STORE_HEADER_VALID :
                                      STORE_HEADER_FOREIGN;
}

uint32_t store_record_size(uint32_t len)
{
    return sizeof(RawRecord) + ROUND_UP(len, 8);
}

/* Of a record whose own CRC field counts as 0 */
static uint32_t record_crc(RawRecord raw, const uint8_t *data, uint32_t len)
{
    uint8_t buf[sizeof(raw) + IPMI_STORE_MAX_DATA];

    raw.crc = 0;
    memcpy(buf, &raw, sizeof(raw));
    memcpy(buf + sizeof(raw), data, len);
    return crc32c(0xffffffff, buf, sizeof(raw) + len);
}

void store_record_encode(uint8_t *p, const StoreRecord *rec,
                         uint64_t generation, uint64_t sequence)
{
    RawRecord raw = {
        .magic = cpu_to_le32(STORE_RECORD_MAGIC),
        .kind = cpu_to_le16(rec->kind),
        .len = cpu_to_le16(rec->len),
        .generation = cpu_to_le64(generation),
        .sequence = cpu_to_le64(sequence),
        .key = cpu_to_le32(rec->key),
    };

    assert(rec->len <= IPMI_STORE_MAX_DATA);
    memset(p, 0, store_record_size(rec->len));
    if (rec->len) {
        memcpy(p + sizeof(raw), rec->data, rec->len);
    }
    raw.crc = cpu_to_le32(record_crc(raw, p + sizeof(raw), rec->len));
    memcpy(p, &raw, sizeof(raw));
}

bool store_record_decode(const uint8_t *p, uint64_t room, uint64_t generation,
                         uint64_t sequence, StoreRecord *rec)
{
    RawRecord raw;
    uint32_t len;

    if (room < sizeof(raw)) {
        return false;
    }
    memcpy(&raw, p, sizeof(raw));
    len = le16_to_cpu(raw.len);
    if (le32_to_cpu(raw.magic) != STORE_RECORD_MAGIC ||
        le64_to_cpu(raw.generation) != generation ||
        le64_to_cpu(raw.sequence) != sequence ||
        len > IPMI_STORE_MAX_DATA || store_record_size(len) > room) {
        return false;
    }
    *rec = (StoreRecord) {
        .kind = le16_to_cpu(raw.kind),
        .key = le32_to_cpu(raw.key),
        .len = len,
        .data = p + sizeof(raw),
    };
    return record_crc(raw, rec->data, len) == le32_to_cpu(raw.crc);
}
