/*
 * Realm Management Monitor: RTT_DATA_UNMAP, RTT_UNPROT_UNMAP
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A5.5, B4.4, B4.5.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "cmd.h"
#include "desc.h"
#include "granule.h"
#include "host.h"

#define MAX_STEPS 0x40000   /* entries in a call, those that hold nothing too */

/* Where the freed addresses go: nowhere, one descriptor, or a list */
typedef struct Freed {
    unsigned type;
    unsigned state;
    uint64_t list;
    unsigned max;
    unsigned n;             /* descriptors that are complete */
    uint64_t base;          /* of the one that grows */
    int level;
    uint64_t count;
} Freed;

static uint64_t list_check(RmmCall *c)
{
    uint64_t n = FIELD_EX64(c->arg.map.flags, RMI_MAP, LIST_COUNT);

    switch (FIELD_EX64(c->arg.map.flags, RMI_MAP, OADDR_TYPE)) {
    case RMI_OADDR_NONE:
    case RMI_OADDR_SINGLE:
        /* TF-RMM does not let these fields hold anything. */
        return c->rmm->profile->list_fields_zero && (n || c->arg.map.oaddr) ?
               rmm_refuse(c, RMI_ERROR_INPUT, "list without type LIST",
                          c->arg.map.oaddr) : RMI_SUCCESS;
    case RMI_OADDR_LIST:
        return (c->arg.map.oaddr & 7) || !n ||
               !rmm_ns_ok(c->rmm, c->arg.map.oaddr, n * 8) ?
               rmm_refuse(c, RMI_ERROR_INPUT, "list is empty, not aligned, or "
                          "not Non-secure memory", c->arg.map.oaddr) :
                          RMI_SUCCESS;
    default:
        return rmm_refuse(c, RMI_ERROR_INPUT, "type of output addresses",
                          c->arg.map.flags);
    }
}

static uint64_t unmap_check(RmmCall *c, bool protected)
{
    ArmRmm *rmm = c->rmm;
    uint64_t base = c->arg.map.base;
    uint64_t x0 = rmm_check_rd(c, c->arg.map.rd);

    if (!x0) {
        x0 = rmm_range_check(c, base, c->arg.map.top, protected);
    }
    if (!x0) {
        x0 = list_check(c);
    }
    if (!x0) {
        rmm_rtt_walk(rmm, c->realm, base, RMM_LAST_LEVEL, c->walk);
        x0 = rmm_rtt_check_work(c, base);
    }
    return x0;
}

/* An entry that can only be unmapped as a whole: the host has to unfold it. */
static bool too_large(RmmCall *c, const RmmWalk *w, uint64_t ipa, uint64_t top)
{
    uint64_t span = rmm_rtt_span(c->rmm, w->level);

    return (ipa & (span - 1)) || top - ipa < span;
}

uint64_t rmm_data_unmap_check(RmmCall *c)
{
    uint64_t x0 = unmap_check(c, true);
    bool assigned = c->walk->state == RMI_RTT_ASSIGNED;

    if (x0) {
        return x0;
    }
    /* TF-RMM does not skip an entry that reaches over the range. */
    if ((assigned || c->rmm->profile->unmap_whole_void) &&
        too_large(c, c->walk, c->arg.map.base, c->arg.map.top)) {
        return rmm_rtt_error(c, "entry at base reaches over the range");
    }
    return RMI_SUCCESS;
}

uint64_t rmm_unprot_unmap_check(RmmCall *c)
{
    uint64_t x0 = unmap_check(c, false);
    bool assigned = c->walk->state == RMI_RTT_ASSIGNED;

    if (x0) {
        return x0;
    }
    if (!assigned && !c->rmm->profile->unmap_skips_ns) {
        return rmm_rtt_error(c, "entry at base is not mapped");
    }
    return assigned && too_large(c, c->walk, c->arg.map.base, c->arg.map.top) ?
           rmm_rtt_error(c, "entry at base reaches over the range") :
           RMI_SUCCESS;
}

static Freed freed_begin(const RmmCall *c, unsigned state)
{
    unsigned type = FIELD_EX64(c->arg.map.flags, RMI_MAP, OADDR_TYPE);

    return (Freed) {
        .type = type,
        .state = state,
        .list = c->arg.map.oaddr,
        .max = type == RMI_OADDR_LIST ?
               FIELD_EX64(c->arg.map.flags, RMI_MAP, LIST_COUNT) : 1,
    };
}

/* Finish the descriptor that grows */
static void freed_flush(RmmCall *c, Freed *f)
{
    uint64_t desc;

    if (!f->count) {
        return;
    }
    desc = rmm_range_make(c->rmm, f->base, RMM_LAST_LEVEL - f->level, f->count,
                          f->state);
    if (f->type == RMI_OADDR_LIST) {
        desc = cpu_to_le64(desc);
        rmm_ns_write(c->rmm, f->list + f->n * 8, &desc, sizeof(desc));
    } else {
        c->out.unmap.range = desc;
    }
    f->n++;
    f->count = 0;
}

/* Is there room to tell of one more piece? */
static bool freed_add(RmmCall *c, Freed *f, const RmmWalk *w)
{
    uint64_t span = rmm_rtt_span(c->rmm, w->level);

    if (f->type == RMI_OADDR_NONE) {
        return true;
    }
    if (f->count && f->level == w->level &&
        w->addr == f->base + f->count * span &&
        f->count < rmm_range_max_count(c->rmm)) {
        f->count++;
        return true;
    }
    if (f->count && f->n + 1 >= f->max) {
        return false;
    }
    freed_flush(c, f);
    f->base = w->addr;
    f->level = w->level;
    f->count = 1;
    return true;
}

/* Only what the ledger knows as DATA becomes DELEGATED. */
static void unmap_data(RmmCall *c, const RmmWalk *w)
{
    uint64_t size = rmm_granule_size(c->rmm);
    uint64_t span = rmm_rtt_span(c->rmm, w->level);

    for (uint64_t pa = w->addr; pa < w->addr + span; pa += size) {
        if (rmm_granule_state(c->rmm, pa) == RMM_G_DATA) {
            rmm_granule_set(c->rmm, pa, 1, RMM_G_DATA, RMM_G_DELEGATED);
        }
        c->realm->data -= c->realm->data > 0;
    }
    rmm_rtt_put_void(c->rmm, w->entry_pa, w->ripas == RMI_RIPAS_RAM ?
                     RMI_RIPAS_DESTROYED : w->ripas);
}

static void unmap_ns(RmmCall *c, const RmmWalk *w)
{
    rmm_rtt_put_void(c->rmm, w->entry_pa, RMI_RIPAS_EMPTY);
}

static uint64_t unmap_commit(RmmCall *c, unsigned state,
                             void (*unmap)(RmmCall *, const RmmWalk *))
{
    ArmRmm *rmm = c->rmm;
    uint64_t ipa = c->arg.map.base, top = c->arg.map.top;
    uint64_t limit = c->chunk ? ipa + MIN(c->chunk, top - ipa) : top;
    uint64_t unmapped = 0;
    Freed f = freed_begin(c, state);

    for (unsigned i = 0;
         ipa < limit && i < MAX_STEPS && unmapped < RMM_CALL_BYTES; i++) {
        uint64_t span, end;
        RmmWalk w;

        rmm_rtt_walk(rmm, c->realm, ipa, RMM_LAST_LEVEL, &w);
        span = rmm_rtt_span(rmm, w.level);
        end = MIN((ipa & ~(span - 1)) + span, top);
        if (rmm_rtt_in_work(c, &w, ipa)) {
            break;
        }
        if (w.state == RMI_RTT_ASSIGNED) {
            if (too_large(c, &w, ipa, top) || !freed_add(c, &f, &w)) {
                break;
            }
            unmap(c, &w);
            unmapped += span;
        }
        ipa = end;
    }
    freed_flush(c, &f);
    c->out.unmap.top = ipa;
    if (f.type == RMI_OADDR_LIST) {
        c->out.unmap.count = f.n;
    }
    return RMI_SUCCESS;
}

uint64_t rmm_data_unmap_commit(RmmCall *c)
{
    return unmap_commit(c, RMI_MEM_DELEGATED, unmap_data);
}

uint64_t rmm_unprot_unmap_commit(RmmCall *c)
{
    return unmap_commit(c, RMI_MEM_UNDELEGATED, unmap_ns);
}

/* The first entry is in work, if there is memory behind it. */
void rmm_data_unmap_lock(RmmCall *c, RmmSro *sro)
{
    if (c->walk->state == RMI_RTT_ASSIGNED) {
        rmm_sro_lock(c, sro, c->walk->addr, c->walk->addr +
                     rmm_rtt_span(c->rmm, c->walk->level));
    }
    rmm_sro_lock_entry(c, sro, c->arg.map.base);
}
