/*
 * Realm Management Monitor: realms and RECs
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       realms and their RECs, by address. A realm costs the host a
 *             granule for its descriptor, so there are never more of them than
 *             memory, and vmids= is a further limit.
 * Callers:    translation tables, measurements, commands; QMP and the monitor
 *             read.
 * Life cycle: the commands' commit() makes and frees objects; none after reset.
 *             They migrate, and are checked against the ledger.
 */

#ifndef RMM_OBJECT_H
#define RMM_OBJECT_H

#include "call.h"
#include "extent.h"
#include "qemu/queue.h"

/* State that REC_ENTER will load into a CPU */
typedef struct RmmRecContext {
    uint64_t gprs[31];
    uint64_t pc;
    uint64_t pstate;
} RmmRecContext;

struct RmmRec {
    uint64_t pa;
    uint64_t index;
    uint64_t mpidr;
    bool runnable;
    bool running;
    bool psci_pending;
    bool emulatable;                /* last exit was an emulatable abort */
    uint64_t ripas_addr;
    uint64_t ripas_top;
    uint8_t ripas_value;
    bool ripas_destroyed;           /* request covers DESTROYED as well */
    RmmRecContext ctx;
    RmmExtents held;
    RmmRealm *realm;
    QTAILQ_ENTRY(RmmRec) next;
};

typedef enum RmmRealmState {
    RMM_REALM_NEW,
    RMM_REALM_ACTIVE,
    RMM_REALM_SYSTEM_OFF,
    RMM_REALM_ZOMBIE,
    RMM_REALM_STATES,
} RmmRealmState;

/* Part of a realm's address space whose entries an operation has in work */
typedef struct RmmSpan {
    uint64_t base;
    uint64_t top;
    unsigned owner;
} RmmSpan;

struct RmmRealm {
    uint64_t rd;
    uint8_t state;
    uint8_t s2sz;
    int8_t rtt_level;
    bool lpa2;
    uint8_t hash;
    uint32_t rtt_num;
    uint64_t rtt_base;
    uint64_t flags0;
    uint64_t next_index;
    uint64_t num_recs;
    uint64_t tables;
    uint64_t data;
    uint8_t rim[RMI_HASH_BYTES];
    uint8_t rem[4][RMI_HASH_BYTES];
    uint8_t rpv[64];
    RmmExtents held;
    GArray *in_work;                /* RmmSpan; NULL: none yet */
    QTAILQ_HEAD(, RmmRec) recs;
    QTAILQ_ENTRY(RmmRealm) next;
};

struct RmmObjects {
    ArmRmm *rmm;
    QTAILQ_HEAD(, RmmRealm) realms;
    uint32_t n_realms;
    GHashTable *by_pa;              /* realms and RECs */
};

/** rmm_objects_init: none yet; from realize */
void rmm_objects_init(ArmRmm *rmm);

/** rmm_objects_clear: forget all realms and RECs */
void rmm_objects_clear(ArmRmm *rmm);

/** rmm_realm_find: the realm of a descriptor, or NULL */
RmmRealm *rmm_realm_find(ArmRmm *rmm, uint64_t rd);

/** rmm_check_rd: standard checks of a realm descriptor; sets @c->realm */
uint64_t rmm_check_rd(RmmCall *c, uint64_t rd);

/** rmm_realm_add: a realm that is filled in becomes known */
void rmm_realm_add(ArmRmm *rmm, RmmRealm *realm);

/** rmm_realm_free: forget a realm and its RECs */
void rmm_realm_free(ArmRmm *rmm, RmmRealm *realm);

/** rmm_realm_state_name: for people */
const char *rmm_realm_state_name(RmmRealmState state);

/** rmm_check_rec: standard checks of a REC */
uint64_t rmm_check_rec(RmmCall *c, uint64_t pa, RmmRec **rec);

/** rmm_mpidr_index: of a REC, by the affinity fields of an MPIDR */
uint64_t rmm_mpidr_index(uint64_t mpidr);

/** rmm_rec_add: a REC that is filled in becomes known, in its realm */
void rmm_rec_add(ArmRmm *rmm, RmmRec *rec);

/** rmm_rec_free: forget a REC; its index is not used again */
void rmm_rec_free(ArmRmm *rmm, RmmRec *rec);

extern const VMStateDescription vmstate_rmm_objects;

#endif /* RMM_OBJECT_H */
