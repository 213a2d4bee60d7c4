/*
 * Realm Management Monitor: lists of donated memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       nothing; a list belongs to the object or operation that has it.
 * Callers:    whoever holds memory of the host: operations, realms, RECs.
 * Life cycle: starts as zeros; rmm_extents_clear() frees. Migrates with its
 *             owner, who checks it with rmm_extents_ok().
 */

#ifndef RMM_EXTENT_H
#define RMM_EXTENT_H

#include "rmm.h"

/* Donated memory, in the order in which it came */
typedef struct RmmExtent {
    uint64_t base;
    uint64_t granules;
    bool was_ns;
} RmmExtent;

typedef struct RmmExtents {
    int32_t n;
    int32_t allocated;
    RmmExtent *ext;
} RmmExtents;

/** rmm_extents_add: append a piece, joining it with the last if it follows */
void rmm_extents_add(RmmExtents *e, uint64_t base, uint64_t granules,
                     uint64_t granule_size, bool was_ns);

/** rmm_extents_move: append all of @from and empty it */
void rmm_extents_move(RmmExtents *to, RmmExtents *from);

/** rmm_extents_total: granules in all pieces */
uint64_t rmm_extents_total(const RmmExtents *e);

/** rmm_extents_clear: forget them */
void rmm_extents_clear(RmmExtents *e);

/** rmm_extents_ok: after loading: is it all INTERNAL in the ledger? */
bool rmm_extents_ok(ArmRmm *rmm, const RmmExtents *e);

extern const VMStateDescription vmstate_rmm_extents;

#endif /* RMM_EXTENT_H */
