/*
 * Realm Management Monitor: descriptors of ranges of memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec B4.4. The width of the state, and with it
 * its place, came with bet3.
 */

#include "qemu/osdep.h"
#include "desc.h"

uint64_t rmm_block_granules(ArmRmm *rmm, unsigned size)
{
    return 1ull << (MIN(size, 3) * (rmm_granule_shift(rmm) - 3));
}

uint64_t rmm_range_max_count(ArmRmm *rmm)
{
    return MAKE_64BIT_MASK(0, rmm_granule_shift(rmm) - RMI_RANGE_COUNT_SHIFT);
}

uint64_t rmm_range_make(ArmRmm *rmm, uint64_t base, unsigned size,
                        uint64_t count, unsigned state)
{
    unsigned bits = rmm->profile->state_bits;
    uint64_t desc = base | size | count << RMI_RANGE_COUNT_SHIFT;

    return deposit64(desc, 64 - bits, bits, state);
}

RmmDesc rmm_range_parse(ArmRmm *rmm, uint64_t desc)
{
    unsigned g = rmm_granule_shift(rmm);
    unsigned bits = rmm->profile->state_bits;
    RmmDesc d = {
        .base = desc & MAKE_64BIT_MASK(g, RMI_RANGE_ADDR_BITS - g),
        .size = FIELD_EX64(desc, RMI_RANGE, SIZE),
        .state = extract64(desc, 64 - bits, bits),
    };

    d.granules = extract64(desc, RMI_RANGE_COUNT_SHIFT,
                           g - RMI_RANGE_COUNT_SHIFT) *
                 rmm_block_granules(rmm, d.size);
    return d;
}

bool rmm_range_aligned(ArmRmm *rmm, const RmmDesc *d)
{
    uint64_t size = rmm_block_granules(rmm, d->size) * rmm_granule_size(rmm);

    return !(d->base & (size - 1));
}
