/*
 * IPMI BMC with many channels: records on a drive
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns: the drive, and which of its two banks is in use. Knows nothing of what
 * the records mean: each kind of them is registered by the module that reads
 * and writes it. The format is in docs/specs/ipmi-bmc-store.rst.
 *
 * Called by: the modules of records, under the BQL.
 *
 * Life: ipmi_store_init(), then ipmi_store_register() for each kind, then
 * ipmi_store_open(), which calls each kind's load() for what the drive has.
 * ipmi_store_put() at any time after that; ipmi_store_close() at the end.
 */

#ifndef IPMI_MULTI_STORE_H
#define IPMI_MULTI_STORE_H

#include "block/aio.h"
#include "block/block.h"
#include "store-format.h"
#include "system/block-backend-global-state.h"

/* Bytes of data of a record */
#define IPMI_STORE_MAX_DATA     STORE_MAX_DATA

/* Kinds are numbered from 1 on; the numbers are a part of the format. */
#define IPMI_STORE_KINDS        16

typedef struct IPMIStore IPMIStore;

/*
 * IPMIStoreKind: who reads and writes records of a kind.
 *
 * load: a record from the drive, @len bytes; the later of two with the same
 * @key counts. It must not trust it. Returns false if it makes no sense.
 * dump: give all of the present state to ipmi_store_emit().
 */
typedef struct IPMIStoreKind {
    const char *name;
    bool (*load)(void *opaque, uint32_t key, const uint8_t *data,
                 uint32_t len);
    void (*dump)(void *opaque, IPMIStore *st);
} IPMIStoreKind;

struct IPMIStore {
    BlockBackend *blk;          /* property; NULL: nothing is kept */
    const char *name;           /* of the BMC, for messages */
    struct {
        const IPMIStoreKind *ops;       /* NULL: no such kind */
        void *opaque;
    } kind[IPMI_STORE_KINDS];
    int64_t bank_size;
    int bank;                   /* in use; -1: none yet */
    uint64_t generation;        /* of the bank */
    uint64_t sequence;          /* of the next record */
    int64_t tail;               /* where it goes, from the start of the bank */
    bool rewrite;               /* the log is not the state: write a new one */
    bool failed;                /* the last write failed; said so */
    bool busy;                  /* within a write, which runs an event loop */
    bool awaited;               /* somebody waits for its end */
    QEMUBH *idle_bh;            /* and is called by this */
    GByteArray *dump;           /* the state that is being written */
    VMChangeStateEntry *vmstate;
};

/*
 * ipmi_store_init: @name lives as long as the store.
 * ipmi_store_register: @nr: 1 to IPMI_STORE_KINDS - 1, not taken yet.
 */
void ipmi_store_init(IPMIStore *st, const char *name);
void ipmi_store_register(IPMIStore *st, unsigned nr, const IPMIStoreKind *ops,
                         void *opaque);

/*
 * ipmi_store_open: read the drive, if there is one.
 * Returns false with @errp set if it cannot be used; then, too,
 * ipmi_store_close() has to be called.
 */
bool ipmi_store_open(IPMIStore *st, Error **errp);
void ipmi_store_close(IPMIStore *st);

/*
 * ipmi_store_put: one record, on the drive when this returns. To be called
 * before the state in memory changes: if it returns false, nothing may change
 * and the command fails with FFh. Without a drive it does nothing, and returns
 * true.
 * @nr: kind; @len: at most IPMI_STORE_MAX_DATA
 */
bool ipmi_store_put(IPMIStore *st, unsigned nr, uint32_t key, const void *data,
                    uint32_t len);

/*
 * ipmi_store_is_busy: is a write under way, further down on the stack? The
 * block layer runs an event loop meanwhile, so anybody may be called; but the
 * state in memory is not yet what is on its way to the drive.
 */
bool ipmi_store_is_busy(const IPMIStore *st);

/*
 * ipmi_store_on_idle: who is to be called. Once, before ipmi_store_open().
 * ipmi_store_await: the write that is under way is to end with that call, from
 * the main loop: then the state in memory has followed.
 */
void ipmi_store_on_idle(IPMIStore *st, QEMUBHFunc *cb, void *opaque);
void ipmi_store_await(IPMIStore *st);

/*
 * ipmi_store_emit: from an IPMIStoreKind.dump only.
 */
void ipmi_store_emit(IPMIStore *st, unsigned nr, uint32_t key,
                     const void *data, uint32_t len);

/*
 * ipmi_store_stale: the state in memory came from elsewhere, and is written as
 * a whole when the machine runs.
 */
void ipmi_store_stale(IPMIStore *st);

#endif
