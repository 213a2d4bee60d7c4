/*
 * Realm Management Monitor: descriptors of ranges of memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the encoding of RmiAddrRangeDesc, which depends on the granule
 *             and on the profile.
 * Callers:    the engine (donation, reclaim), commands (map, unmap).
 * Life cycle: none.
 */

#ifndef RMM_DESC_H
#define RMM_DESC_H

#include "bank.h"

/* A descriptor, decoded. Nothing is checked yet. */
typedef struct RmmDesc {
    uint64_t base;
    uint64_t granules;              /* 0: it is empty */
    unsigned size;                  /* code of its blocks */
    unsigned state;
} RmmDesc;

/** rmm_block_granules: granules of a block of a size code, 0 to 3 */
uint64_t rmm_block_granules(ArmRmm *rmm, unsigned size);

/** rmm_range_max_count: largest count of a descriptor */
uint64_t rmm_range_max_count(ArmRmm *rmm);

/** rmm_range_make: encode one, of @count blocks of a size code */
uint64_t rmm_range_make(ArmRmm *rmm, uint64_t base, unsigned size,
                        uint64_t count, unsigned state);

/** rmm_range_parse: decode one */
RmmDesc rmm_range_parse(ArmRmm *rmm, uint64_t desc);

/** rmm_range_aligned: is it aligned to its blocks? */
bool rmm_range_aligned(ArmRmm *rmm, const RmmDesc *d);

#endif /* RMM_DESC_H */
