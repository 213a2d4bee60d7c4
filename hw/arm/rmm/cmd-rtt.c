/*
 * Realm Management Monitor: RTT_CREATE, RTT_DESTROY, RTT_FOLD, RTT_READ_ENTRY
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A5.5, B4.5 RTT_*.
 */

#include "qemu/osdep.h"
#include "cmd.h"
#include "granule.h"
#include "memory.h"

/* Realm, level of a table below the root, address of an entry one level up */
static uint64_t common_check(RmmCall *c, uint64_t rd, uint64_t ipa,
                             uint64_t level_arg)
{
    int64_t level = level_arg;
    uint64_t x0 = rmm_check_rd(c, rd);

    if (x0) {
        return x0;
    }
    if (level <= c->realm->rtt_level || level > RMM_LAST_LEVEL) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "level is none below the root",
                          level);
    }
    if (ipa & (rmm_rtt_span(c->rmm, level - 1) - 1)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "ipa is not aligned to an entry "
                          "of level - 1", ipa);
    }
    if (ipa >> c->realm->s2sz) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "ipa is outside of the realm",
                          ipa);
    }
    return RMI_SUCCESS;
}

uint64_t rmm_rtt_create_check(RmmCall *c)
{
    uint64_t x0 = common_check(c, c->arg.rtt_create.rd, c->arg.rtt_create.ipa,
                               c->arg.rtt_create.level);
    int level = c->arg.rtt_create.level;

    if (!x0) {
        x0 = rmm_granule_check(c, c->arg.rtt_create.rtt, RMM_G_DELEGATED);
    }
    if (x0) {
        return x0;
    }
    if (!c->realm->lpa2 && c->arg.rtt_create.rtt >> 48) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "rtt needs LPA2",
                          c->arg.rtt_create.rtt);
    }
    rmm_rtt_walk(c->rmm, c->realm, c->arg.rtt_create.ipa, level - 1, c->walk);
    x0 = rmm_rtt_check_work(c, c->arg.rtt_create.ipa);
    if (x0) {
        return x0;
    }
    if (c->walk->level < level - 1) {
        return rmm_rtt_error(c, "walk ended above level - 1");
    }
    if (c->walk->state == RMI_RTT_TABLE) {
        return rmm_rtt_error(c, "there is a table already");
    }
    return RMI_SUCCESS;
}

/* The children say together what the parent said. */
uint64_t rmm_rtt_create_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    const RmmWalk *w = c->walk;
    uint64_t table = c->arg.rtt_create.rtt;
    uint64_t span = rmm_rtt_span(rmm, w->level + 1);
    uint64_t desc = w->desc;

    rmm_granule_set(rmm, table, 1, RMM_G_DELEGATED, RMM_G_RTT);
    for (unsigned i = 0; i < rmm_rtt_entries(rmm); i++) {
        if (w->state == RMI_RTT_ASSIGNED) {
            desc = rmm_rtt_set_addr(rmm, c->realm, w->desc,
                                    w->addr + i * span, w->level + 1);
        }
        rmm_stq(rmm, table + i * 8, desc);
    }
    rmm_rtt_put_table(rmm, c->realm, w->entry_pa, table);
    c->realm->tables++;
    return RMI_SUCCESS;
}

void rmm_rtt_create_lock(RmmCall *c, RmmSro *sro)
{
    uint64_t rtt = c->arg.rtt_create.rtt;

    rmm_sro_lock(c, sro, rtt, rtt + rmm_granule_size(c->rmm));
    rmm_sro_lock_entry(c, sro, c->arg.rtt_create.ipa);
}

/* Checks 1 to 3 of RTT_DESTROY and RTT_FOLD */
static uint64_t table_check(RmmCall *c)
{
    uint64_t x0 = common_check(c, c->arg.rtt.rd, c->arg.rtt.ipa,
                               c->arg.rtt.level);
    int level = c->arg.rtt.level;

    if (x0) {
        return x0;
    }
    rmm_rtt_walk(c->rmm, c->realm, c->arg.rtt.ipa, level - 1, c->walk);
    x0 = rmm_rtt_check_work(c, c->arg.rtt.ipa);
    if (x0) {
        return x0;
    }
    if (c->walk->level < level - 1 || c->walk->state != RMI_RTT_TABLE) {
        c->out.rtt_destroy.top = rmm_rtt_next_live(c->rmm, c->realm, c->walk,
                                                   c->arg.rtt.ipa);
        return rmm_rtt_error(c, "there is no such table");
    }
    /* Another operation may have the table in work. */
    return rmm_granule_check(c, c->walk->addr, RMM_G_RTT);
}

uint64_t rmm_rtt_destroy_check(RmmCall *c)
{
    uint64_t x0 = table_check(c);
    int level = c->arg.rtt.level;

    if (x0) {
        return x0;
    }
    if (rmm_rtt_table_live(c->rmm, c->realm, c->walk->addr, level,
                           c->arg.rtt.ipa)) {
        c->out.rtt_destroy.top = c->arg.rtt.ipa;
        return rmm_refuse(c, rmm_result_level(RMI_ERROR_RTT, level),
                          "table is live", c->walk->addr);
    }
    return RMI_SUCCESS;
}

void rmm_rtt_destroy_lock(RmmCall *c, RmmSro *sro)
{
    rmm_sro_lock(c, sro, c->walk->addr,
                 c->walk->addr + rmm_granule_size(c->rmm));
    rmm_sro_lock_entry(c, sro, c->arg.rtt.ipa);
}

static void free_table(RmmCall *c)
{
    rmm_granule_set(c->rmm, c->walk->addr, 1, RMM_G_RTT, RMM_G_DELEGATED);
    c->realm->tables--;
    c->out.rtt_destroy.rtt = c->walk->addr;
}

uint64_t rmm_rtt_destroy_commit(RmmCall *c)
{
    rmm_rtt_put_void(c->rmm, c->walk->entry_pa,
                     rmm_rtt_protected(c->realm, c->arg.rtt.ipa) ?
                     RMI_RIPAS_DESTROYED : RMI_RIPAS_EMPTY);
    free_table(c);
    c->out.rtt_destroy.top = rmm_rtt_next_live(c->rmm, c->realm, c->walk,
                                               c->arg.rtt.ipa);
    return RMI_SUCCESS;
}

/*
 * sec A5.5: a table can be folded if one entry can say the same: all unassigned
 * with one RIPAS, or all mapped to one aligned piece in the same way.
 */
static bool homogeneous(RmmCall *c, uint64_t *parent)
{
    ArmRmm *rmm = c->rmm;
    int level = c->arg.rtt.level;
    uint64_t span = rmm_rtt_span(rmm, level);
    RmmWalk table = { .level = level, .table = c->walk->addr };
    RmmWalk first, e;

    rmm_rtt_entry(rmm, c->realm, &table, 0, c->arg.rtt.ipa, &first);
    if (first.state == RMI_RTT_TABLE) {
        return false;
    }
    *parent = first.desc;
    if (first.state == RMI_RTT_ASSIGNED) {
        if (!rmm_rtt_may_map(rmm, level - 1) ||
            (first.addr & (rmm_rtt_span(rmm, level - 1) - 1))) {
            return false;
        }
        *parent = rmm_rtt_set_addr(rmm, c->realm, first.desc, first.addr,
                                   level - 1);
    }
    for (unsigned i = 1; i < rmm_rtt_entries(rmm); i++) {
        uint64_t want = first.desc;

        rmm_rtt_entry(rmm, c->realm, &table, i, c->arg.rtt.ipa + i * span, &e);
        if (first.state == RMI_RTT_ASSIGNED) {
            want = rmm_rtt_set_addr(rmm, c->realm, first.desc,
                                    first.addr + i * span, level);
        }
        if (e.desc != want) {
            return false;
        }
    }
    return true;
}

uint64_t rmm_rtt_fold_check(RmmCall *c)
{
    uint64_t x0 = table_check(c);
    uint64_t parent;

    c->out.rtt_destroy.top = 0; /* has no such output */
    if (x0) {
        return x0;
    }
    return homogeneous(c, &parent) ? RMI_SUCCESS :
           rmm_refuse(c, rmm_result_level(RMI_ERROR_RTT, c->arg.rtt.level),
                      "table is not homogeneous", c->walk->addr);
}

uint64_t rmm_rtt_fold_commit(RmmCall *c)
{
    uint64_t parent;

    if (homogeneous(c, &parent)) {
        rmm_stq(c->rmm, c->walk->entry_pa, parent);
        free_table(c);
    }
    return RMI_SUCCESS;
}

/* RTT_READ_ENTRY never fails because of the walk: it says where it ended. */
uint64_t rmm_rtt_read_check(RmmCall *c)
{
    int64_t level = c->arg.rtt.level;
    uint64_t x0 = rmm_check_rd(c, c->arg.rtt.rd);

    if (x0) {
        return x0;
    }
    if (level < c->realm->rtt_level || level > RMM_LAST_LEVEL) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "level is none of the realm",
                          level);
    }
    if (c->arg.rtt.ipa & (rmm_rtt_span(c->rmm, level) - 1)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "ipa is not aligned to an entry "
                          "of the level", c->arg.rtt.ipa);
    }
    if (c->arg.rtt.ipa >> c->realm->s2sz) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "ipa is outside of the realm",
                          c->arg.rtt.ipa);
    }
    return RMI_SUCCESS;
}

uint64_t rmm_rtt_read_commit(RmmCall *c)
{
    const RmmWalk *w = c->walk;

    rmm_rtt_walk(c->rmm, c->realm, c->arg.rtt.ipa, c->arg.rtt.level, c->walk);
    c->out.rtt_read.level = (int64_t)w->level;
    c->out.rtt_read.state = w->state;
    c->out.rtt_read.desc = w->addr;
    if (w->state == RMI_RTT_ASSIGNED &&
        !rmm_rtt_protected(c->realm, c->arg.rtt.ipa)) {
        /* MemAttr, S2AP */
        c->out.rtt_read.desc |= w->desc & MAKE_64BIT_MASK(2, 6);
    }
    c->out.rtt_read.ripas = w->state == RMI_RTT_TABLE ? 0 : w->ripas;
    return RMI_SUCCESS;
}
