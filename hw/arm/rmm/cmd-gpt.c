/*
 * Realm Management Monitor: GPT_L1_CREATE, GPT_L1_DESTROY, GPT_INFO
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A2.3.4, B4.5; GPT_INFO of bet3.
 */

#include "qemu/osdep.h"
#include "cmd.h"
#include "desc.h"
#include "gpt.h"
#include "granule.h"
#include "system.h"

/*
 * sec A2.3.4: level 1 tables. On a platform that made them all, there is always
 * one already.
 */
static uint64_t region_check(RmmCall *c)
{
    return !(c->arg.gpt.base & (rmm_gpt_region_size(c->rmm) - 1)) &&
           !(c->arg.gpt.base >> c->rmm->gpt->pps_bits) ? RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, "base is not aligned to a region of "
                      "level 0, or too large", c->arg.gpt.base);
}

/* A script can have changed what there is; a table needs one piece. */
static RmmExtent *table_piece(ArmRmm *rmm, RmmExtents *held)
{
    uint64_t size = rmm_gpt_table_size(rmm);
    RmmExtent *e = held->n == 1 ? &held->ext[0] : NULL;

    return e && e->granules * rmm_granule_size(rmm) == size &&
           !(e->base & (size - 1)) ? e : NULL;
}

/* An open GPT_L1_DESTROY can still turn round and use its table again. */
static bool table_in_work(RmmCall *c)
{
    for (RmmSro *sro = NULL; (sro = rmm_sro_next(c->rmm, sro)); ) {
        if (sro->num == RMI_GPT_L1_DESTROY &&
            sro->arg.gpt.base == c->arg.gpt.base) {
            return true;
        }
    }
    return false;
}

uint64_t rmm_gpt_create_check(RmmCall *c)
{
    uint64_t x0 = region_check(c);

    if (x0) {
        return x0;
    }
    if (table_in_work(c)) {
        return rmm_refuse(c, rmm_blocked(c->rmm),
                          "GPT_L1_DESTROY of the region is open",
                          c->arg.gpt.base);
    }
    if (c->rmm->config.gpt_owner == ARM_RMM_OWNER_PLATFORM ||
        rmm_gpt_has_table(c->rmm, c->arg.gpt.base)) {
        return rmm_refuse(c, RMI_ERROR_GPT, "region has a level 1 table",
                          c->arg.gpt.base);
    }
    return c->sro && !table_piece(c->rmm, &c->sro->held) ?
           rmm_refuse(c, RMI_ERROR_INPUT, "what was donated is no table",
                      c->arg.gpt.base) : RMI_SUCCESS;
}

/* One aligned piece: 128 KiB for a region of 1 GiB */
void rmm_gpt_create_need(RmmCall *c, RmmReqs *reqs)
{
    uint64_t granules = rmm_gpt_table_size(c->rmm) / rmm_granule_size(c->rmm);
    RmmReq *req = &reqs->req[0];

    req->size = granules > rmm_range_max_count(c->rmm);
    req->count = granules / rmm_block_granules(c->rmm, req->size);
    req->contig = true;
    req->state = RMI_MEM_UNDELEGATED;
    reqs->n = 1;
}

/* What was donated while the region was a block is taken away now. */
static void protect_donated(ArmRmm *rmm, uint64_t base)
{
    uint64_t top = MIN(base + rmm_gpt_region_size(rmm), rmm_banks_end(rmm));

    for (uint64_t pa = base; pa < top; pa += rmm_granule_size(rmm)) {
        if (rmm_granule_state(rmm, pa) == RMM_G_INTERNAL) {
            rmm_gpt_set(rmm, pa, rmm_granule_size(rmm), RMM_GPI_REALM);
        }
    }
}

uint64_t rmm_gpt_create_commit(RmmCall *c)
{
    RmmExtent *e = c->sro ? table_piece(c->rmm, &c->sro->held) : NULL;

    if (!e) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "nothing was donated", 0);
    }
    rmm_gpt_add_table(c->rmm, c->arg.gpt.base, e->base);
    protect_donated(c->rmm, c->arg.gpt.base);
    rmm_extents_clear(&c->sro->held);
    return RMI_SUCCESS;
}

static bool region_undelegated(ArmRmm *rmm, uint64_t base, uint64_t table)
{
    uint64_t top = MIN(base + rmm_gpt_region_size(rmm), rmm_banks_end(rmm));
    uint64_t table_top = table + rmm_gpt_table_size(rmm);

    for (uint64_t pa = base; pa < top; pa += rmm_granule_size(rmm)) {
        const uint8_t *g = rmm_granule(rmm, pa);

        if (g && (*g & RMM_LEDGER_STATE) && !(pa >= table && pa < table_top)) {
            return false;
        }
    }
    return true;
}

uint64_t rmm_gpt_destroy_check(RmmCall *c)
{
    uint64_t x0 = region_check(c);
    uint64_t table;

    if (x0) {
        return x0;
    }
    if (c->rmm->config.gpt_owner == ARM_RMM_OWNER_PLATFORM) {
        return rmm_refuse(c, RMI_ERROR_GLOBAL, "tables are the platform's",
                          c->arg.gpt.base);
    }
    if (c->sro) {
        return RMI_SUCCESS; /* unlinked when the operation began */
    }
    if (!rmm_gpt_has_table(c->rmm, c->arg.gpt.base)) {
        return rmm_refuse(c, RMI_ERROR_GPT, "region has no level 1 table",
                          c->arg.gpt.base);
    }
    table = rmm_gpt_table(c->rmm, c->arg.gpt.base);
    return region_undelegated(c->rmm, c->arg.gpt.base, table) ? RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, "region is in use", c->arg.gpt.base);
}

/* Asked for once, when the operation begins; nothing has changed then. */
RmmExtents *rmm_gpt_destroy_memory(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;

    rmm_extents_clear(&rmm->system->gpt_table);
    rmm_extents_add(&rmm->system->gpt_table,
                    rmm_gpt_table(rmm, c->arg.gpt.base),
                    rmm_gpt_table_size(rmm) / rmm_granule_size(rmm),
                    rmm_granule_size(rmm), true);
    return &rmm->system->gpt_table;
}

/* The table goes out of use before its memory does. */
void rmm_gpt_destroy_opened(RmmCall *c)
{
    rmm_gpt_remove_table(c->rmm, c->arg.gpt.base);
}

void rmm_gpt_destroy_take_back(RmmCall *c, RmmExtents *held)
{
    RmmExtent *e = table_piece(c->rmm, held);

    if (e) {
        rmm_gpt_add_table(c->rmm, c->arg.gpt.base, e->base);
        protect_donated(c->rmm, c->arg.gpt.base);
        rmm_extents_clear(held);
    }
}

uint64_t rmm_gpt_destroy_commit(RmmCall *c)
{
    return RMI_SUCCESS;
}

static RmiGptState gpt_state(ArmRmm *rmm, uint64_t pa)
{
    if (rmm->config.gpt_owner == ARM_RMM_OWNER_PLATFORM) {
        return RMI_GPT_PLAT;
    }
    return rmm_gpt_has_table(rmm, pa) ? RMI_GPT_HOST_CREATED :
                                        RMI_GPT_HOST_NOT_CREATED;
}

uint64_t rmm_gpt_info_check(RmmCall *c)
{
    return rmm_addresses_check(c, 1ull << c->rmm->gpt->pps_bits);
}

uint64_t rmm_gpt_info_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    uint64_t size = rmm_gpt_region_size(rmm);
    uint64_t pa = (c->arg.range.base & ~(size - 1)) + size;
    RmiGptState state = gpt_state(rmm, c->arg.range.base);

    while (pa < c->arg.range.top && gpt_state(rmm, pa) == state) {
        pa += size;
    }
    c->out.gpt_info.top = MIN(pa, c->arg.range.top);
    c->out.gpt_info.state = state;
    return RMI_SUCCESS;
}
