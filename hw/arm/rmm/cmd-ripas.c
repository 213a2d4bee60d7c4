/*
 * Realm Management Monitor: RTT_INIT_RIPAS, RTT_SET_RIPAS
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A5.4, B4.5.
 */

#include "qemu/osdep.h"
#include "cmd.h"
#include "granule.h"

/*
 * sec A5.4: entries of the table that the walk ended in, as many as are whole
 * within the range.
 */
static uint64_t apply(RmmCall *c, uint64_t base, uint64_t top, RmiRipas ripas,
                      bool keep_destroyed)
{
    ArmRmm *rmm = c->rmm;
    uint64_t span = rmm_rtt_span(rmm, c->walk->level);
    uint64_t limit = c->chunk ? base + MIN(c->chunk, top - base) : top;
    uint64_t ipa = base;

    for (unsigned i = c->walk->index;
         i < rmm_rtt_entries(rmm) && ipa < limit && top - ipa >= span;
         i++, ipa += span) {
        RmmWalk e;

        rmm_rtt_entry(rmm, c->realm, c->walk, i, ipa, &e);
        if (e.state == RMI_RTT_TABLE || rmm_rtt_in_work(c, &e, ipa)) {
            break;
        }
        if (e.ripas != ripas &&
            !(keep_destroyed && e.ripas == RMI_RIPAS_DESTROYED)) {
            rmm_rtt_put_ripas(rmm, c->realm, &e, ripas);
        }
    }
    return ipa;
}

static bool base_aligned(RmmCall *c, uint64_t base)
{
    return !(base & (rmm_rtt_span(c->rmm, c->walk->level) - 1));
}

static bool makes_progress(RmmCall *c, uint64_t base, uint64_t top)
{
    return top - base >= rmm_rtt_span(c->rmm, c->walk->level);
}

uint64_t rmm_init_ripas_check(RmmCall *c)
{
    uint64_t base = c->arg.init_ripas.base, top = c->arg.init_ripas.top;
    uint64_t x0 = rmm_check_rd(c, c->arg.init_ripas.rd);

    if (x0) {
        return x0;
    }
    if (top <= base) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "top is not above base", top);
    }
    if (!rmm_rtt_protected(c->realm, top - 1)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "range is not protected", top);
    }
    if (c->realm->state != RMM_REALM_NEW) {
        return rmm_refuse(c, RMI_ERROR_REALM, "realm is not NEW",
                          c->realm->state);
    }
    rmm_rtt_walk(c->rmm, c->realm, base, RMM_LAST_LEVEL, c->walk);
    x0 = rmm_rtt_check_work(c, base);
    if (x0) {
        return x0;
    }
    if (!base_aligned(c, base) || c->walk->state == RMI_RTT_TABLE) {
        return rmm_rtt_error(c, "base is inside of a larger entry");
    }
    if (!rmm_aligned(c->rmm, top)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "top is not aligned", top);
    }
    return makes_progress(c, base, top) ? RMI_SUCCESS :
           rmm_rtt_error(c, "entry at base reaches over top");
}

uint64_t rmm_init_ripas_commit(RmmCall *c)
{
    c->out.range.top = apply(c, c->arg.init_ripas.base, c->arg.init_ripas.top,
                             RMI_RIPAS_RAM, false);
    return RMI_SUCCESS;
}

/* The range is the first part of what the REC asked for. */
static uint64_t request_check(RmmCall *c, uint64_t base, uint64_t top)
{
    if (c->rec->running || c->rec->realm != c->realm) {
        return rmm_refuse(c, RMI_ERROR_REC, "REC runs, or is another realm's",
                          c->rec->pa);
    }
    if (top <= base) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "top is not above base", top);
    }
    if (base != c->rec->ripas_addr) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "base is not where the request "
                          "of the REC is", c->rec->ripas_addr);
    }
    if (top > c->rec->ripas_top || !rmm_rtt_protected(c->realm, top - 1)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "top is above the request of the "
                          "REC", c->rec->ripas_top);
    }
    return RMI_SUCCESS;
}

uint64_t rmm_set_ripas_check(RmmCall *c)
{
    uint64_t base = c->arg.set_ripas.base, top = c->arg.set_ripas.top;
    uint64_t x0 = rmm_check_rd(c, c->arg.set_ripas.rd);
    bool differs;

    if (!x0) {
        x0 = rmm_check_rec(c, c->arg.set_ripas.rec, &c->rec);
    }
    if (!x0) {
        x0 = request_check(c, base, top);
    }
    if (x0) {
        return x0;
    }
    rmm_rtt_walk(c->rmm, c->realm, base, RMM_LAST_LEVEL, c->walk);
    x0 = rmm_rtt_check_work(c, base);
    if (x0) {
        return x0;
    }
    differs = c->walk->ripas != c->rec->ripas_value;
    if (!base_aligned(c, base) && differs) {
        return rmm_rtt_error(c, "base is inside of a larger entry");
    }
    if (!rmm_aligned(c->rmm, top)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "top is not aligned", top);
    }
    if (!makes_progress(c, base, top) && differs) {
        return rmm_rtt_error(c, "entry at base reaches over top");
    }
    return RMI_SUCCESS;
}

/* Part of an entry that has the wanted RIPAS already counts as done. */
uint64_t rmm_set_ripas_commit(RmmCall *c)
{
    uint64_t base = c->arg.set_ripas.base, top = c->arg.set_ripas.top;
    uint64_t span = rmm_rtt_span(c->rmm, c->walk->level);
    uint64_t end;

    if (!base_aligned(c, base) || !makes_progress(c, base, top)) {
        end = MIN((base & ~(span - 1)) + span, top);
    } else {
        end = apply(c, base, top, c->rec->ripas_value,
                    !c->rec->ripas_destroyed);
    }
    c->rec->ripas_addr = end;
    c->out.range.top = end;
    return RMI_SUCCESS;
}

void rmm_set_ripas_lock(RmmCall *c, RmmSro *sro)
{
    rmm_sro_lock(c, sro, c->arg.set_ripas.rec, c->arg.set_ripas.rec +
                 rmm_granule_size(c->rmm));
    rmm_sro_lock_entry(c, sro, c->arg.set_ripas.base);
}

void rmm_init_ripas_lock(RmmCall *c, RmmSro *sro)
{
    rmm_sro_lock_entry(c, sro, c->arg.init_ripas.base);
}
