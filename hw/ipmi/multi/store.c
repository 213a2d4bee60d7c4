/*
 * IPMI BMC with many channels: records on a drive
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
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
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "store.h"
#include "store-format.h"
#include "system/block-backend.h"
#include "system/runstate.h"
#include "trace.h"

#define STORE_MIN_SIZE      (2 * MiB)
#define STORE_MAX_BANK      (8 * MiB)
#define STORE_BANK_ALIGN    4096

void ipmi_store_init(IPMIStore *st, const char *name)
{
    st->name = name;
    st->bank = -1;
}

void ipmi_store_register(IPMIStore *st, unsigned nr, const IPMIStoreKind *ops,
                         void *opaque)
{
    assert(nr && nr < IPMI_STORE_KINDS && !st->kind[nr].ops);
    st->kind[nr].ops = ops;
    st->kind[nr].opaque = opaque;
}

/*
 * Which bank is in use? @st->bank: -1 if the drive is new.
 */
static bool store_select(IPMIStore *st, StoreHeader *header, Error **errp)
{
    st->bank = -1;
    st->generation = 0;
    for (int bank = 0; bank < 2; bank++) {
        uint8_t raw[STORE_HEADER];
        StoreHeader h;
        StoreHeaderState state;

        if (blk_pread(st->blk, bank * st->bank_size, sizeof(raw), raw,
                      0) < 0) {
            error_setg(errp, "drive: cannot read the header of bank %d", bank);
            return false;
        }
        state = store_header_decode(raw, st->bank_size, &h);
        if (state == STORE_HEADER_FOREIGN) {
            error_setg(errp, "drive: bank %d holds something else than the "
                       "store of a BMC, or that of a drive of another size",
                       bank);
            error_append_hint(errp, "A new drive has to be filled with 00h.\n");
            return false;
        }
        if (state == STORE_HEADER_DAMAGED) {
            error_setg(errp, "drive: the header of bank %d is damaged", bank);
            return false;
        }
        if (state == STORE_HEADER_MENDED) {
            warn_report("%s: drive: the header of bank %d has a wrong bit, "
                        "which is put right", st->name, bank);
            st->rewrite = true;
        }
        if ((state == STORE_HEADER_VALID || state == STORE_HEADER_MENDED) &&
            h.generation > st->generation) {
            st->bank = bank;
            st->generation = h.generation;
            *header = h;
        }
    }
    return true;
}

void ipmi_store_emit(IPMIStore *st, unsigned nr, uint32_t key,
                     const void *data, uint32_t len)
{
    StoreRecord rec = { .kind = nr, .key = key, .len = len, .data = data };
    guint at = st->dump->len;

    g_byte_array_set_size(st->dump, at + store_record_size(len));
    store_record_encode(st->dump->data + at, &rec, st->generation + 1,
                        ++st->sequence);
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
    uint8_t raw[STORE_HEADER];
    StoreHeader h = {
        .bank_size = st->bank_size,
        .generation = st->generation + 1,
        .base_end = STORE_HEADER + dump->len,
    };

    store_header_encode(raw, &h);
    return blk_pwrite_zeroes(st->blk, start, st->bank_size, 0) >= 0 &&
           blk_flush(st->blk) >= 0 &&
           store_write(st, start + STORE_HEADER, dump->data, dump->len) &&
           store_write(st, start, raw, sizeof(raw));
}

static void dump_all(IPMIStore *st)
{
    st->sequence = 0;
    st->dump = g_byte_array_new();
    for (unsigned nr = 0; nr < IPMI_STORE_KINDS; nr++) {
        if (st->kind[nr].ops) {
            st->kind[nr].ops->dump(st->kind[nr].opaque, st);
        }
    }
}

/*
 * Write the state as it is in memory. The bank in use stays what it is until
 * the other one is complete.
 */
static bool store_rewrite(IPMIStore *st, Error **errp)
{
    StoreHeader h;
    int target;
    bool ok;

    if (!store_select(st, &h, errp)) {
        return false;
    }
    target = st->bank == 0 ? 1 : 0;
    dump_all(st);
    ok = STORE_HEADER + st->dump->len <= st->bank_size &&
         store_write_bank(st, target, st->dump);
    if (ok) {
        st->bank = target;
        st->generation++;
        st->sequence++;
        st->tail = STORE_HEADER + st->dump->len;
        st->rewrite = false;
    } else {
        error_setg(errp, "drive: cannot write the state of the BMC");
    }
    trace_ipmi_store_rewrite(st->name, target, st->generation, st->dump->len,
                             ok);
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

static bool store_append(IPMIStore *st, const StoreRecord *rec)
{
    uint8_t buf[64 + IPMI_STORE_MAX_DATA];
    uint32_t size = store_record_size(rec->len);
    Error *err = NULL;

    assert(size <= sizeof(buf));
    if ((st->rewrite || st->tail + size > st->bank_size) &&
        !store_rewrite(st, &err)) {
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
    store_record_encode(buf, rec, st->generation, st->sequence);
    if (!store_write(st, st->bank * st->bank_size + st->tail, buf, size)) {
        /* What is there now is not known: begin anew elsewhere. */
        st->rewrite = true;
        return false;
    }
    st->tail += size;
    st->sequence++;
    return true;
}

static void write_ends(IPMIStore *st)
{
    st->busy = false;
    if (st->awaited) {
        st->awaited = false;
        qemu_bh_schedule(st->idle_bh);
    }
}

bool ipmi_store_put(IPMIStore *st, unsigned nr, uint32_t key, const void *data,
                    uint32_t len)
{
    StoreRecord rec = { .kind = nr, .key = key, .len = len, .data = data };
    bool ok;

    if (!st->blk) {
        return true;
    }
    /* Who is called while the block layer waits: see ipmi_store_is_busy(). */
    if (st->busy) {
        return false;
    }
    st->busy = true;
    ok = store_writable() && store_append(st, &rec);
    write_ends(st);
    trace_ipmi_store_put(st->name, st->kind[nr].ops->name, key, len, ok);
    if (!ok && !st->failed) {
        error_report("%s: a change of the BMC's state could not be written to "
                     "its drive", st->name);
    }
    st->failed = !ok;
    return ok;
}

bool ipmi_store_is_busy(const IPMIStore *st)
{
    return st->busy;
}

void ipmi_store_on_idle(IPMIStore *st, QEMUBHFunc *cb, void *opaque)
{
    assert(!st->idle_bh);
    st->idle_bh = qemu_bh_new(cb, opaque);
}

void ipmi_store_await(IPMIStore *st)
{
    assert(st->busy && st->idle_bh);
    st->awaited = true;
}

static bool load_record(IPMIStore *st, const StoreRecord *rec, Error **errp)
{
    const IPMIStoreKind *ops = rec->kind < IPMI_STORE_KINDS ?
                               st->kind[rec->kind].ops : NULL;

    if (ops && ops->load(st->kind[rec->kind].opaque, rec->key, rec->data,
                         rec->len)) {
        return true;
    }
    error_setg(errp, "drive: record %" PRIu64 " (%s, key 0x%x) does not fit "
               "this BMC", st->sequence, ops ? ops->name : "unknown",
               rec->key);
    error_append_hint(errp, "Have sel-entries, fru-size or the like been "
                      "changed since?\n");
    return false;
}

/*
 * The next record. What is none is the end of the log, or a record that had
 * been written and is damaged: one wrong bit is put right.
 */
static bool next_record(IPMIStore *st, uint8_t *p, uint64_t room,
                        StoreRecord *rec)
{
    if (store_record_decode(p, room, st->generation, st->sequence, rec)) {
        return true;
    }
    if (buffer_is_zero(p, room) ||
        !store_record_mend(p, room, st->generation, st->sequence, rec)) {
        return false;
    }
    warn_report("%s: drive: record %" PRIu64 " of bank %d has a wrong bit, "
                "which is put right", st->name, st->sequence, st->bank);
    st->rewrite = true;
    return true;
}

/* Apply what is in a bank, which is in @buf. */
static bool store_replay(IPMIStore *st, uint8_t *buf, uint64_t base_end,
                         Error **errp)
{
    uint64_t at = STORE_HEADER;
    StoreRecord rec;

    st->sequence = 1;
    while (next_record(st, buf + at, st->bank_size - at, &rec)) {
        if (!load_record(st, &rec, errp)) {
            return false;
        }
        at += store_record_size(rec.len);
        st->sequence++;
    }
    if (at < base_end ||
        store_record_follows(buf + at, st->bank_size - at, st->generation,
                             st->sequence)) {
        error_setg(errp, "drive: bank %d is damaged at offset 0x%" PRIx64,
                   st->bank, at);
        return false;
    }
    st->tail = at;
    /* Half a record at the end: it was never acknowledged. */
    st->rewrite |= !buffer_is_zero(buf + at, st->bank_size - at);
    return true;
}

static bool store_load(IPMIStore *st, Error **errp)
{
    g_autofree uint8_t *buf = NULL;
    StoreHeader h = { };

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
        if (!store_replay(st, buf, h.base_end, errp)) {
            return false;
        }
    } else {
        st->rewrite = true;
    }
    trace_ipmi_store_load(st->name, st->bank, st->generation, st->sequence,
                          st->rewrite);
    return !st->rewrite || store_rewrite(st, errp);
}

/* State came from elsewhere, and the drive does not have it yet. */
static void store_vm_state(void *opaque, bool running, RunState state)
{
    IPMIStore *st = opaque;
    Error *err = NULL;

    if (!running || !st->rewrite || st->busy) {
        return;
    }
    st->busy = true;
    if (!store_rewrite(st, &err)) {
        error_report_err(err);
    }
    write_ends(st);
}

void ipmi_store_stale(IPMIStore *st)
{
    st->rewrite = true;
}

bool ipmi_store_open(IPMIStore *st, Error **errp)
{
    int64_t size;

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
    st->vmstate = qemu_add_vm_change_state_handler(store_vm_state, st);
    /* The state comes with the migration. */
    if (runstate_check(RUN_STATE_INMIGRATE)) {
        st->rewrite = true;
        return true;
    }
    return store_load(st, errp);
}

void ipmi_store_close(IPMIStore *st)
{
    g_clear_pointer(&st->idle_bh, qemu_bh_delete);
    if (st->vmstate) {
        qemu_del_vm_change_state_handler(st->vmstate);
        st->vmstate = NULL;
    }
}
