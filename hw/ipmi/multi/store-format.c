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
#include "qemu/host-utils.h"
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

static bool is_whole(const RawHeader *raw)
{
    return !memcmp(raw->magic, store_magic, sizeof(raw->magic)) &&
           le32_to_cpu(raw->crc) == header_crc(raw);
}

static void flip(void *p, int bit)
{
    ((uint8_t *)p)[bit / 8] ^= 1 << (bit % 8);
}

/*
 * CRCs are linear: a wrong bit changes that of @len bytes by a value that
 * depends on its place only. Which bit changes it by @syndrome? -1: none
 */
static int wrong_bit(uint32_t syndrome, unsigned len)
{
    static const uint8_t zero;
    uint32_t effect[8];

    for (int b = 0; b < 8; b++) {
        uint8_t byte = 1 << b;

        effect[b] = ~crc32c(0, &byte, 1);
    }
    for (int i = len - 1; i >= 0; i--) {
        for (int b = 0; b < 8; b++) {
            if (effect[b] == syndrome) {
                return i * 8 + b;
            }
            effect[b] = ~crc32c(effect[b], &zero, 1);
        }
    }
    return -1;
}

/* Is it whole but for one bit? Then that is put right. */
static bool header_mend(RawHeader *raw)
{
    uint32_t syndrome = le32_to_cpu(raw->crc) ^ header_crc(raw);
    int bit = is_power_of_2(syndrome) ?
              offsetof(RawHeader, crc) * 8 + ctz32(syndrome) :
              wrong_bit(syndrome, sizeof(*raw));

    if (bit >= 0) {
        flip(raw, bit);
    }
    return is_whole(raw);
}

/*
 * A header that has never been complete: a write of it begins at its start, and
 * the end of the state is its last field. Nothing in such a bank counts.
 */
static bool is_torn(const RawHeader *raw)
{
    return le64_to_cpu(raw->base_end) < STORE_HEADER;
}

StoreHeaderState store_header_decode(const uint8_t *p, uint64_t bank_size,
                                     StoreHeader *h)
{
    StoreHeaderState state = STORE_HEADER_VALID;
    RawHeader raw;

    if (buffer_is_zero(p, STORE_HEADER)) {
        return STORE_HEADER_NONE;
    }
    memcpy(&raw, p, sizeof(raw));
    if (!is_whole(&raw)) {
        if (!header_mend(&raw)) {
            return memcmp(raw.magic, store_magic, sizeof(raw.magic)) ?
                   STORE_HEADER_FOREIGN :
                   is_torn(&raw) ? STORE_HEADER_TORN : STORE_HEADER_DAMAGED;
        }
        state = STORE_HEADER_MENDED;
    }
    h->bank_size = le64_to_cpu(raw.bank_size);
    h->generation = le64_to_cpu(raw.generation);
    h->base_end = le64_to_cpu(raw.base_end);
    return le32_to_cpu(raw.version) == STORE_VERSION &&
           h->bank_size == bank_size && h->base_end >= STORE_HEADER &&
           h->base_end <= bank_size ? state : STORE_HEADER_FOREIGN;
}

uint32_t store_record_size(uint32_t len)
{
    return sizeof(RawRecord) + ROUND_UP(len, 8);
}

/* Of a record whose own CRC field counts as 0 */
static uint32_t record_crc(RawRecord raw, const uint8_t *data, uint32_t len)
{
    uint8_t buf[sizeof(raw) + STORE_MAX_DATA];

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

    assert(rec->len <= STORE_MAX_DATA);
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
        len > STORE_MAX_DATA || store_record_size(len) > room) {
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

bool store_record_mend(uint8_t *p, uint64_t room, uint64_t generation,
                       uint64_t sequence, StoreRecord *rec)
{
    RawRecord raw;
    uint32_t syndrome;
    int bit;

    if (room < sizeof(raw)) {
        return false;
    }
    /* One of those that say the length? */
    for (bit = 0; bit < 16; bit++) {
        flip(p + offsetof(RawRecord, len), bit);
        if (store_record_decode(p, room, generation, sequence, rec)) {
            return true;
        }
        flip(p + offsetof(RawRecord, len), bit);
    }
    memcpy(&raw, p, sizeof(raw));
    if (le16_to_cpu(raw.len) > STORE_MAX_DATA ||
        store_record_size(le16_to_cpu(raw.len)) > room) {
        return false;
    }
    syndrome = le32_to_cpu(raw.crc) ^
               record_crc(raw, p + sizeof(raw), le16_to_cpu(raw.len));
    bit = is_power_of_2(syndrome) ?
          offsetof(RawRecord, crc) * 8 + ctz32(syndrome) :
          wrong_bit(syndrome, sizeof(raw) + le16_to_cpu(raw.len));
    if (bit < 0) {
        return false;
    }
    flip(p, bit);
    return store_record_decode(p, room, generation, sequence, rec);
}

/* Records begin at multiples of 8 bytes. */
bool store_record_follows(const uint8_t *p, uint64_t room, uint64_t generation,
                          uint64_t sequence)
{
    for (uint64_t at = 8; at + sizeof(RawRecord) <= room; at += 8) {
        RawRecord raw;
        StoreRecord rec;

        memcpy(&raw, p + at, sizeof(raw));
        if (le32_to_cpu(raw.magic) == STORE_RECORD_MAGIC &&
            le64_to_cpu(raw.sequence) > sequence &&
            store_record_decode(p + at, room - at, generation,
                                le64_to_cpu(raw.sequence), &rec)) {
            return true;
        }
    }
    return false;
}
