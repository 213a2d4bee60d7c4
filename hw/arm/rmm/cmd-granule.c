/*
 * Realm Management Monitor: GRANULE_RANGE_DELEGATE, GRANULE_RANGE_UNDELEGATE
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A2.3, B4.5.17, B4.5.18. A call does
 * a whole range, or RMM_CALL_BYTES of it, unless a script says otherwise.
 */

#include "qemu/osdep.h"
#include "cmd.h"
#include "finding.h"
#include "gpt.h"
#include "granule.h"

/*
 * bet3 counts granules that are already where they should go as progress.
 * Everywhere else, and in TF-RMM, they are an error or the end.
 */
static bool skips(ArmRmm *rmm)
{
    return rmm->profile->skips_done;
}

static uint64_t range_tracking(RmmCall *c)
{
    uint64_t mask = rmm_tracking_size(c->rmm) - 1;

    switch (rmm_tracking(c->rmm, c->arg.range.base)) {
    case RMI_TRACKING_FINE:
        return RMI_SUCCESS;
    case RMI_TRACKING_COARSE:
        return (c->arg.range.base & mask) ||
               c->arg.range.top - c->arg.range.base <= mask ?
               rmm_refuse(c, RMI_ERROR_INPUT, "part of a COARSE region",
                          c->arg.range.base) : RMI_SUCCESS;
    default:
        return rmm_refuse(c, c->rmm->profile->untracked,
                          "region is not tracked", c->arg.range.base);
    }
}

static uint64_t range_check(RmmCall *c, RmmGranuleState from,
                            RmmGranuleState to, ArmRmmFindingKind kind)
{
    ArmRmm *rmm = c->rmm;
    uint64_t base = c->arg.range.base;
    const uint8_t *g = rmm_granule(rmm, base);
    RmmGranuleState state;
    uint64_t x0;

    if (!rmm_aligned(rmm, base | c->arg.range.top)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "base or top is not aligned",
                          base | c->arg.range.top);
    }
    if (c->arg.range.top <= base) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "top is not above base",
                          c->arg.range.top);
    }
    if (!g) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "granule is no memory", base);
    }
    x0 = range_tracking(c);
    if (x0) {
        return x0;
    }
    if (!rmm_gpt_has_table(rmm, base)) {
        return rmm_refuse(c, RMI_ERROR_GPT, "region has no level 1 table",
                          base);
    }
    state = *g & RMM_LEDGER_STATE;
    if (rmm_granule_foreign(rmm, c->owner, base)) {
        return rmm_granule_check(c, base, from);
    }
    if (state == from || (skips(rmm) && state == to) || c->force) {
        return RMI_SUCCESS;
    }
    rmm_finding(rmm, kind, c, base, "0x%" PRIx64 " is %s", base,
                rmm_granule_name(state));
    return rmm_refuse(c, RMI_ERROR_INPUT, from == RMM_G_DELEGATED ?
                      "granule is not DELEGATED" : "granule is not UNDELEGATED",
                      base);
}

/* Granules from @pa on that are in one state and can be changed */
static uint64_t run_of(RmmCall *c, uint64_t pa, uint64_t limit,
                       RmmGranuleState *state)
{
    ArmRmm *rmm = c->rmm;
    uint64_t size = rmm_granule_size(rmm);
    uint64_t n = 0;
    RmiTracking tracking = rmm_tracking(rmm, pa);

    *state = rmm_granule_state(rmm, pa);
    if (!rmm_gpt_has_table(rmm, pa) ||
        (tracking != RMI_TRACKING_FINE && tracking != RMI_TRACKING_COARSE)) {
        return 0;
    }
    limit = MIN(limit, ROUND_DOWN(pa, 32 * 1024 * 1024) + 32 * 1024 * 1024);
    for (; pa < limit; pa += size, n++) {
        const uint8_t *g = rmm_granule(rmm, pa);

        if (!g || (*g & RMM_LEDGER_STATE) != *state ||
            rmm_granule_foreign(rmm, c->owner, pa)) {
            break;
        }
    }
    return n;
}

/* A script can have a granule given back that is in use: the bug to be found */
static bool make_delegated(RmmCall *c, uint64_t pa, uint64_t n,
                           RmmGranuleState state)
{
    if (!c->force || state == RMM_G_INTERNAL || state == RMM_G_UNDELEGATED) {
        return false;
    }
    rmm_granule_set(c->rmm, pa, n, state, RMM_G_DELEGATED);
    return true;
}

/* How far one call goes. A COARSE region is changed as a whole. */
static uint64_t range_limit(RmmCall *c)
{
    bool coarse =
        rmm_tracking(c->rmm, c->arg.range.base) == RMI_TRACKING_COARSE;
    uint64_t unit = coarse ? rmm_tracking_size(c->rmm) :
                             rmm_granule_size(c->rmm);
    uint64_t most = c->chunk ? MIN(c->chunk, RMM_CALL_BYTES) : RMM_CALL_BYTES;

    return c->arg.range.base + MIN(c->arg.range.top - c->arg.range.base,
                          MAX(ROUND_DOWN(most, unit), unit));
}

static uint64_t range_commit(RmmCall *c, RmmGranuleState from,
                             RmmGranuleState to)
{
    ArmRmm *rmm = c->rmm;
    uint64_t size = rmm_granule_size(rmm);
    uint64_t pa = c->arg.range.base;
    uint64_t limit = range_limit(c);

    while (pa < limit) {
        RmmGranuleState state;
        uint64_t n = run_of(c, pa, limit, &state);

        if (!n) {
            break;
        }
        if (state == from || (from == RMM_G_DELEGATED && state != to &&
                              make_delegated(c, pa, n, state))) {
            rmm_granule_set(rmm, pa, n, from, to);
        } else if (!skips(rmm) || state != to) {
            break;
        }
        pa += n * size;
    }
    c->out.range.top = pa;
    return RMI_SUCCESS;
}

uint64_t rmm_delegate_check(RmmCall *c)
{
    return range_check(c, RMM_G_UNDELEGATED, RMM_G_DELEGATED,
                       ARM_RMM_FINDING_KIND_DOUBLE_DELEGATE);
}

uint64_t rmm_delegate_commit(RmmCall *c)
{
    return range_commit(c, RMM_G_UNDELEGATED, RMM_G_DELEGATED);
}

uint64_t rmm_undelegate_check(RmmCall *c)
{
    return range_check(c, RMM_G_DELEGATED, RMM_G_UNDELEGATED,
                       ARM_RMM_FINDING_KIND_UNDELEGATE_IN_USE);
}

uint64_t rmm_undelegate_commit(RmmCall *c)
{
    return range_commit(c, RMM_G_DELEGATED, RMM_G_UNDELEGATED);
}

/* What is in work: the chunk of the script, or one granule */
void rmm_range_lock(RmmCall *c, RmmSro *sro)
{
    uint64_t size = rmm_granule_size(c->rmm);
    uint64_t chunk = MAX(ROUND_DOWN(rmm_course_chunk(&sro->course), size),
                         size);
    uint64_t len = MIN(c->arg.range.top - c->arg.range.base, chunk);
    RmmGranuleState state;

    rmm_sro_lock(c, sro, c->arg.range.base,
                 c->arg.range.base +
                 run_of(c, c->arg.range.base, c->arg.range.base + len,
                        &state) * size);
}
