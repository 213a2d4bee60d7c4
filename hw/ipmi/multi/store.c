/*
 * IPMI BMC with many channels: the store on a drive
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The format is in docs/specs/ipmi-bmc-store.rst.
 *
 * The drive has two banks, and one of them is in use. It holds the whole state
 * as it was at some time, and after that a log of changes. A change is on the
 * drive before it is made in memory and acknowledged. When the bank is full,
 * the state is written into the other one; this counts from the moment when its
 * header is there, and the header is written last. So a QEMU that is killed at
 * any time leaves a bank with all acknowledged changes, and at most one change
 * that nobody was told of.
 */

#include "qemu/osdep.h"
#include "priv.h"
#include "qapi/error.h"
#include "qemu/bswap.h"
#include "qemu/crc32c.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "system/block-backend.h"
#include "system/runstate.h"
#include "trace.h"

#define STORE_MIN_SIZE      (2 * MiB)
#define STORE_MAX_BANK      (8 * MiB)
#define STORE_BANK_ALIGN    4096
#define STORE_VERSION       1

static const char store_magic[8] = "IPMISTOR";

/* Header of a bank: the first 512 bytes of it */
typedef struct QEMU_PACKED StoreBankHeader {
    char magic[8];
    uint32_t version;
    uint32_t crc;               /* CRC-32C of all 512 bytes, this as 0 */
    uint64_t bank_size;
    uint64_t generation;        /* the greater one is in use */
    uint64_t base_end;          /* end of the state; the log follows */
    uint8_t reserved[472];
} StoreBankHeader;

QEMU_BUILD_BUG_ON(sizeof(StoreBankHeader) != 512);

/* Header of a record; data follows, filled up with 00h to 8 bytes */
#define STORE_RECORD_MAGIC  0x52444249      /* "IBDR" */

typedef struct QEMU_PACKED StoreRecord {
    uint32_t magic;
    uint16_t kind;
    uint16_t len;
    uint64_t generation;        /* that of the bank */
    uint64_t sequence;          /* 1, 2, 3 ... in the bank */
    uint32_t key;
    uint32_t crc;               /* CRC-32C of header, this as 0, and data */
} StoreRecord;

QEMU_BUILD_BUG_ON(sizeof(StoreRecord) != 32);

static const IPMIStoreKind *const store_kinds[IPMI_STORE__MAX] = {
    [IPMI_STORE_SEL] = &ipmi_store_sel,
    [IPMI_STORE_SDR] = &ipmi_store_sdr,
    [IPMI_STORE_FRU] = &ipmi_store_fru,
    [IPMI_STORE_CHASSIS] = &ipmi_store_chassis,
    [IPMI_STORE_PARAM] = &ipmi_store_param,
    [IPMI_STORE_MISC] = &ipmi_store_misc,
    [IPMI_STORE_USER] = &ipmi_store_user,
    [IPMI_STORE_CHANNEL] = &ipmi_store_channel,
};

static uint32_t record_size(uint32_t len)
{
    return sizeof(StoreRecord) + ROUND_UP(len, 8);
}

/* Put a record, header and data, into record_size(@len) bytes at @p. */
static void record_encode(uint8_t *p, uint16_t kind, uint32_t key,
                          uint64_t generation, uint64_t sequence,
                          const void *data, uint32_t len)
{
    StoreRecord rec = {
        .magic = cpu_to_le32(STORE_RECORD_MAGIC),
        .kind = cpu_to_le16(kind),
        .len = cpu_to_le16(len),
        .generation = cpu_to_le64(generation),
        .sequence = cpu_to_le64(sequence),
        .key = cpu_to_le32(key),
    };

    memset(p, 0, record_size(len));
    memcpy(p, &rec, sizeof(rec));
    if (len) {
        memcpy(p + sizeof(rec), data, len);
    }
    rec.crc = cpu_to_le32(crc32c(0xffffffff, p, sizeof(rec) + len));
    memcpy(p, &rec, sizeof(rec));
}

/*
 * Is there a whole record at @p, the next one of the bank? @rec is in the
 * host's byte order afterwards.
 */
static bool record_decode(uint8_t *p, uint64_t room, uint64_t generation,
                          uint64_t sequence, StoreRecord *rec)
{
    StoreRecord raw;
    uint32_t len, crc;

    if (room < sizeof(raw)) {
        return false;
    }
    memcpy(&raw, p, sizeof(raw));
    len = le16_to_cpu(raw.len);
    if (le32_to_cpu(raw.magic) != STORE_RECORD_MAGIC ||
        le64_to_cpu(raw.generation) != generation ||
        le64_to_cpu(raw.sequence) != sequence ||
        len > IPMI_STORE_MAX_DATA || record_size(len) > room) {
        return false;
    }
    crc = le32_to_cpu(raw.crc);
    raw.crc = 0;
    memcpy(p, &raw, sizeof(raw));
    *rec = (StoreRecord) {
        .kind = le16_to_cpu(raw.kind),
        .len = len,
        .key = le32_to_cpu(raw.key),
    };
    return crc32c(0xffffffff, p, sizeof(raw) + len) == crc;
}

static uint32_t header_crc(const StoreBankHeader *header)
{
    StoreBankHeader h = *header;

    h.crc = 0;
    return crc32c(0xffffffff, (const uint8_t *)&h, sizeof(h));
}

/*
 * What a bank's header says.
 * Returns 1 if it is valid, 0 if there has never been one, -1 if something
 * else is there, or a negative errno below that.
 */
#define HEADER_FOREIGN (-1)
#define HEADER_IO      (-2)

static int header_read(IPMIStore *st, int bank, StoreBankHeader *h)
{
    if (blk_pread(st->blk, bank * st->bank_size, sizeof(*h), h, 0) < 0) {
        return HEADER_IO;
    }
    if (buffer_is_zero(h, sizeof(*h))) {
        return 0;
    }
    if (memcmp(h->magic, store_magic, sizeof(h->magic))) {
        return HEADER_FOREIGN;
    }
    /* Half a header: QEMU was killed while it wrote it. */
    if (le32_to_cpu(h->crc) != header_crc(h)) {
        return 0;
    }
    if (le32_to_cpu(h->version) != STORE_VERSION ||
        le64_to_cpu(h->bank_size) != st->bank_size ||
        le64_to_cpu(h->base_end) < sizeof(*h) ||
        le64_to_cpu(h->base_end) > st->bank_size) {
        return HEADER_FOREIGN;
    }
    return 1;
}

/*
 * Which bank is in use? @st->bank: -1 if the drive is new.
 */
static bool store_select(IPMIStore *st, StoreBankHeader *header, Error **errp)
{
    st->bank = -1;
    st->generation = 0;
    for (int bank = 0; bank < 2; bank++) {
        StoreBankHeader h;
        int ret = header_read(st, bank, &h);

        if (ret == HEADER_IO) {
            error_setg(errp, "drive: cannot read the header of bank %d", bank);
            return false;
        }
        if (ret == HEADER_FOREIGN) {
            error_setg(errp, "drive: bank %d holds something else than the "
                       "store of a BMC, or that of a drive of another size",
                       bank);
            error_append_hint(errp, "A new drive has to be filled with 00h.\n");
            return false;
        }
        if (ret > 0 && le64_to_cpu(h.generation) > st->generation) {
            st->bank = bank;
            st->generation = le64_to_cpu(h.generation);
            *header = h;
        }
    }
    return true;
}

void ipmi_store_emit(IPMIBmcMulti *s, IPMIStoreKindNr kind, uint32_t key,
                     const void *data, uint32_t len)
{
    IPMIStore *st = &s->stores.store;
    guint at = st->dump->len;

    g_assert(len <= IPMI_STORE_MAX_DATA);
    g_byte_array_set_size(st->dump, at + record_size(len));
    record_encode(st->dump->data + at, kind, key, st->generation + 1,
                  ++st->sequence, data, len);
}

static bool store_write(IPMIStore *st, int64_t offset, const void *p,
                        int64_t len)
{
    return blk_pwrite(st->blk, offset, len, p, 0) >= 0 &&
           blk_flush(st->blk) >= 0;
}

/* The whole state, into the bank that is not in use. */
static bool store_write_bank(IPMIStore *st, int bank, const GByteArray *dump)
{
    int64_t start = bank * st->bank_size;
    StoreBankHeader h = {
        .version = cpu_to_le32(STORE_VERSION),
        .bank_size = cpu_to_le64(st->bank_size),
        .generation = cpu_to_le64(st->generation + 1),
        .base_end = cpu_to_le64(sizeof(h) + dump->len),
    };

    memcpy(h.magic, store_magic, sizeof(h.magic));
    h.crc = cpu_to_le32(header_crc(&h));
    return blk_pwrite_zeroes(st->blk, start, st->bank_size, 0) >= 0 &&
           blk_flush(st->blk) >= 0 &&
           store_write(st, start + sizeof(h), dump->data, dump->len) &&
           store_write(st, start, &h, sizeof(h));
}

/*
 * Write the state as it is in memory. The bank in use stays what it is until
 * the other one is complete.
 */
static bool store_rewrite(IPMIBmcMulti *s, Error **errp)
{
    IPMIStore *st = &s->stores.store;
    StoreBankHeader h;
    int target;
    bool ok;

    if (!store_select(st, &h, errp)) {
        return false;
    }
    target = st->bank == 0 ? 1 : 0;
    st->sequence = 0;
    st->dump = g_byte_array_new();
    for (int kind = 0; kind < IPMI_STORE__MAX; kind++) {
        if (store_kinds[kind]) {
            store_kinds[kind]->dump(s);
        }
    }
    ok = sizeof(h) + st->dump->len <= st->bank_size &&
         store_write_bank(st, target, st->dump);
    if (ok) {
        st->bank = target;
        st->generation++;
        st->sequence++;
        st->tail = sizeof(h) + st->dump->len;
        st->rewrite = false;
    } else {
        error_setg(errp, "drive: cannot write the state of the BMC");
    }
    trace_ipmi_store_rewrite(ipmi_bmc_name(s), target, st->generation,
                             st->dump->len, ok);
    g_byte_array_free(st->dump, true);
    st->dump = NULL;
    return ok;
}

/* A drive belongs to another QEMU while, and after, the machine migrates. */
static bool store_writable(void)
{
    return !runstate_check(RUN_STATE_INMIGRATE) &&
           !runstate_check(RUN_STATE_FINISH_MIGRATE) &&
           !runstate_check(RUN_STATE_POSTMIGRATE);
}

static bool store_append(IPMIBmcMulti *s, uint16_t kind, uint32_t key,
                         const void *data, uint32_t len)
{
    IPMIStore *st = &s->stores.store;
    uint8_t buf[sizeof(StoreRecord) + IPMI_STORE_MAX_DATA];
    uint32_t size = record_size(len);
    Error *err = NULL;

    if ((st->rewrite || st->tail + size > st->bank_size) &&
        !store_rewrite(s, &err)) {
        if (!st->failed) {
            error_report_err(err);
        } else {
            error_free(err);
        }
        return false;
    }
    if (st->tail + size > st->bank_size) {
        return false;
    }
    record_encode(buf, kind, key, st->generation, st->sequence, data, len);
    if (!store_write(st, st->bank * st->bank_size + st->tail, buf, size)) {
        /* What is there now is not known: begin anew elsewhere. */
        st->rewrite = true;
        return false;
    }
    st->tail += size;
    st->sequence++;
    return true;
}

bool ipmi_store_put(IPMIBmcMulti *s, IPMIStoreKindNr kind, uint32_t key,
                    const void *data, uint32_t len)
{
    IPMIStore *st = &s->stores.store;
    bool ok;

    if (!st->blk) {
        return true;
    }
    g_assert(len <= IPMI_STORE_MAX_DATA);
    /* A bottom half that runs while the block layer waits has to wait, too. */
    if (st->busy) {
        return false;
    }
    st->busy = true;
    ok = store_writable() && store_append(s, kind, key, data, len);
    st->busy = false;
    trace_ipmi_store_put(ipmi_bmc_name(s), store_kinds[kind]->name, key, len,
                         ok);
    if (!ok && !st->failed) {
        error_report("%s: a change of the BMC's state could not be written to "
                     "its drive", ipmi_bmc_name(s));
    }
    st->failed = !ok;
    return ok;
}

/* Apply what is in a bank, which is in @buf. */
static bool store_replay(IPMIBmcMulti *s, uint8_t *buf, uint64_t base_end,
                         Error **errp)
{
    IPMIStore *st = &s->stores.store;
    StoreRecord rec;
    uint64_t at = sizeof(StoreBankHeader);

    st->sequence = 1;
    while (record_decode(buf + at, st->bank_size - at, st->generation,
                         st->sequence, &rec)) {
        const IPMIStoreKind *kind = rec.kind < IPMI_STORE__MAX ?
                                    store_kinds[rec.kind] : NULL;

        if (!kind || !kind->load(s, rec.key, buf + at + sizeof(StoreRecord),
                                 rec.len)) {
            error_setg(errp, "drive: record %" PRIu64 " (%s, key 0x%x) does "
                       "not fit this BMC", st->sequence,
                       kind ? kind->name : "unknown", rec.key);
            error_append_hint(errp, "Have sel-entries, fru-size or the like "
                              "been changed since?\n");
            return false;
        }
        at += record_size(rec.len);
        st->sequence++;
    }
    if (at < base_end) {
        error_setg(errp, "drive: bank %d is damaged at offset 0x%" PRIx64,
                   st->bank, at);
        return false;
    }
    st->tail = at;
    /* Half a record at the end: it was never acknowledged. */
    st->rewrite = !buffer_is_zero(buf + at, st->bank_size - at);
    return true;
}

static bool store_load(IPMIBmcMulti *s, Error **errp)
{
    IPMIStore *st = &s->stores.store;
    g_autofree uint8_t *buf = NULL;
    StoreBankHeader h = { };

    if (!store_select(st, &h, errp)) {
        return false;
    }
    if (st->bank >= 0) {
        buf = g_malloc(st->bank_size);
        if (blk_pread(st->blk, st->bank * st->bank_size, st->bank_size, buf,
                      0) < 0) {
            error_setg(errp, "drive: cannot read bank %d", st->bank);
            return false;
        }
        if (!store_replay(s, buf, le64_to_cpu(h.base_end), errp)) {
            return false;
        }
    } else {
        st->rewrite = true;
    }
    trace_ipmi_store_load(ipmi_bmc_name(s), st->bank, st->generation,
                          st->sequence, st->rewrite);
    return !st->rewrite || store_rewrite(s, errp);
}

/* State came from elsewhere, and the drive does not have it yet. */
static void store_vm_state(void *opaque, bool running, RunState state)
{
    IPMIBmcMulti *s = opaque;
    IPMIStore *st = &s->stores.store;
    Error *err = NULL;

    if (!running || !st->rewrite || st->busy) {
        return;
    }
    st->busy = true;
    if (!store_rewrite(s, &err)) {
        error_report_err(err);
    }
    st->busy = false;
}

void ipmi_store_stale(IPMIBmcMulti *s)
{
    s->stores.store.rewrite = true;
}

bool ipmi_store_open(IPMIBmcMulti *s, Error **errp)
{
    IPMIStore *st = &s->stores.store;
    int64_t size;

    st->bank = -1;
    if (!st->blk) {
        return true;
    }
    if (!blk_supports_write_perm(st->blk)) {
        error_setg(errp, "drive: is read-only, and has to be writable");
        return false;
    }
    if (blk_set_perm(st->blk, BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE,
                     BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED,
                     errp) < 0) {
        return false;
    }
    size = blk_getlength(st->blk);
    if (size < STORE_MIN_SIZE) {
        error_setg(errp, "drive: has %" PRId64 " bytes, and needs at least "
                   "%" PRId64, size, (int64_t)STORE_MIN_SIZE);
        return false;
    }
    st->bank_size = MIN(QEMU_ALIGN_DOWN(size / 2, STORE_BANK_ALIGN),
                        STORE_MAX_BANK);
    st->vmstate = qemu_add_vm_change_state_handler(store_vm_state, s);
    /* The state comes with the migration. */
    if (runstate_check(RUN_STATE_INMIGRATE)) {
        st->rewrite = true;
        return true;
    }
    return store_load(s, errp);
}

void ipmi_store_close(IPMIBmcMulti *s)
{
    IPMIStore *st = &s->stores.store;

    if (st->vmstate) {
        qemu_del_vm_change_state_handler(st->vmstate);
        st->vmstate = NULL;
    }
}
