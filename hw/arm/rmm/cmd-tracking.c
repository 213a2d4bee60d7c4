/*
 * Realm Management Monitor: GRANULE_TRACKING_GET, GRANULE_TRACKING_SET
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A2.3, B4.5.
 */

#include "qemu/osdep.h"
#include "cmd.h"
#include "gpt.h"
#include "granule.h"

/* Start and end of a range of physical addresses in X1 and X2 */
uint64_t rmm_addresses_check(RmmCall *c, uint64_t limit)
{
    if (!rmm_aligned(c->rmm, c->arg.range.base | c->arg.range.top)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "base or top is not aligned",
                          c->arg.range.base | c->arg.range.top);
    }
    return c->arg.range.top <= c->arg.range.base || c->arg.range.top > limit ?
           rmm_refuse(c, RMI_ERROR_INPUT, "top is not above base, or too "
                      "large", c->arg.range.top) : RMI_SUCCESS;
}

/*
 * sec A2.3: GRANULE_TRACKING_GET. bet0 asks for one region; later revisions for
 * a range, and are told how far the answer holds.
 */
uint64_t rmm_tracking_get_check(RmmCall *c)
{
    uint64_t limit = 1ull << c->rmm->gpt->pa_bits;

    if (c->rmm->profile->tracking_get_one) {
        return (c->arg.range.base & (rmm_tracking_size(c->rmm) - 1)) ||
               c->arg.range.base >= limit ?
               rmm_refuse(c, RMI_ERROR_INPUT, "address is not aligned to a "
                          "region, or too large", c->arg.range.base) :
                          RMI_SUCCESS;
    }
    return rmm_addresses_check(c, limit);
}

uint64_t rmm_tracking_get_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    bool one = rmm->profile->tracking_get_one;
    uint64_t size = rmm_tracking_size(rmm);
    uint64_t pa = c->arg.range.base;
    RmiTracking state = RMI_TRACKING_NONE;
    uint64_t next;

    if (one) {
        /* A region is conventional if memory begins anywhere in it. */
        if (!rmm_bank_at(rmm, pa, &next) && next < pa + size) {
            pa = next;
        }
    }
    if (rmm_bank_at(rmm, pa, &next)) {
        uint64_t end = (pa & ~(size - 1)) + size;

        state = rmm_tracking(rmm, pa);
        while (end < next && rmm_tracking(rmm, end) == state) {
            end += size;
        }
        next = MIN(next, end);
    }
    c->out.tracking_get.category = RMI_CATEGORY_CONVENTIONAL;
    c->out.tracking_get.state = state;
    c->out.tracking_get.top = one ? c->arg.x[3] : MIN(next, c->arg.range.top);
    return RMI_SUCCESS;
}

/* GRANULE_TRACKING_SET */
static bool region_unused(ArmRmm *rmm, uint64_t base, bool *has_memory)
{
    uint64_t top = MIN(base + rmm_tracking_size(rmm), rmm_banks_end(rmm));

    *has_memory = false;
    for (uint64_t pa = base; pa < top; pa += rmm_granule_size(rmm)) {
        const uint8_t *g = rmm_granule(rmm, pa);

        if (g) {
            *has_memory = true;
            if ((*g & RMM_LEDGER_STATE) ||
                rmm_granule_foreign(rmm, 0, pa)) {
                return false;
            }
        }
    }
    return true;
}

uint64_t rmm_tracking_set_check(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    uint64_t state = c->arg.tracking_set.state;
    bool has_memory;

    if (state != RMI_TRACKING_NONE && state != RMI_TRACKING_FINE &&
        state != RMI_TRACKING_COARSE) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "no such state", state);
    }
    if ((c->arg.tracking_set.address & (rmm_tracking_size(rmm) - 1)) ||
        c->arg.tracking_set.address >> rmm->gpt->pa_bits) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "address is not aligned to a "
                          "region, or too large", c->arg.tracking_set.address);
    }
    if (c->arg.tracking_set.category != RMI_CATEGORY_CONVENTIONAL) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "category is not CONVENTIONAL",
                          c->arg.tracking_set.category);
    }
    if (!region_unused(rmm, c->arg.tracking_set.address, &has_memory) &&
        rmm_tracking(rmm, c->arg.tracking_set.address) != state) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "region is in use",
                          c->arg.tracking_set.address);
    }
    return has_memory ? RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, "region has no memory",
                      c->arg.tracking_set.address);
}

uint64_t rmm_tracking_set_commit(RmmCall *c)
{
    rmm_tracking_set(c->rmm, c->arg.tracking_set.address,
                     c->arg.tracking_set.state);
    return RMI_SUCCESS;
}
