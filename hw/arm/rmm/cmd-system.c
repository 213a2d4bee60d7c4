/*
 * Realm Management Monitor: version, features, configuration, tracking, GPT
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A2.1, A2.3, B4.5.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/arm/arm-rmm.h"

/* VERSION: 2.0 is all there is, so what is asked for is it or not. */
uint64_t rmm_version_check(RmmCall *c)
{
    return RMI_SUCCESS;
}

uint64_t rmm_version_commit(RmmCall *c)
{
    c->out.version.lower = RMI_VERSION_2_0;
    c->out.version.higher = RMI_VERSION_2_0;
    return c->arg.version.requested == RMI_VERSION_2_0 ? RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, "version is not 2.0",
                      c->arg.version.requested);
}

uint64_t rmm_features_check(RmmCall *c)
{
    return RMI_SUCCESS;
}

uint64_t rmm_features_commit(RmmCall *c)
{
    c->out.features.value = c->arg.features.index < RMI_FEATURE_REGS ?
        c->rmm->feature[c->arg.features.index] : 0;
    return RMI_SUCCESS;
}

/* RMM_CONFIG_SET and _GET: the structure is 4 KiB whatever the granule is. */
#define CONFIG_SIZE 0x1000

static uint64_t config_check(RmmCall *c)
{
    return !(c->arg.config.config & (CONFIG_SIZE - 1)) &&
           rmm_ns_ok(c->rmm, c->arg.config.config, CONFIG_SIZE) ? RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, "config is not aligned, or not "
                      "Non-secure memory", c->arg.config.config);
}

static bool granule_supported(ArmRmm *rmm, unsigned code, unsigned tracking)
{
    switch (code) {
    case 0:
        return FIELD_EX64(rmm->feature[1], RMI_FEATURE1, GRAN_4K) &&
               tracking == 0;
    case 1:
        return FIELD_EX64(rmm->feature[1], RMI_FEATURE1, GRAN_16K) &&
               tracking <= 1;
    case 2:
        return FIELD_EX64(rmm->feature[1], RMI_FEATURE1, GRAN_64K) &&
               tracking <= 1;
    default:
        return false;
    }
}

/* The host may write to the structure meanwhile: it is read once. */
static void read_config(RmmCall *c)
{
    rmm_read(c->rmm, c->arg.config.config + RMI_CONFIG_TRACKING,
             &c->config.tracking, 1);
    rmm_read(c->rmm, c->arg.config.config + RMI_CONFIG_GRANULE,
             &c->config.granule, 1);
}

uint64_t rmm_config_set_check(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    uint64_t x0 = config_check(c);

    if (x0) {
        return x0;
    }
    read_config(c);
    if (!granule_supported(rmm, c->config.granule, c->config.tracking)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "granule or tracking size is not "
                          "supported", c->config.granule);
    }
    if (rmm->count[RMM_G_UNDELEGATED] != rmm_granule_total(rmm)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "not all granules are "
                          "UNDELEGATED", rmm->count[RMM_G_UNDELEGATED]);
    }
    return RMI_SUCCESS;
}

uint64_t rmm_config_set_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;

    rmm->tracking_code = c->config.tracking;
    rmm->granule_shift = 12 + 2 * c->config.granule;
    rmm->count[RMM_G_UNDELEGATED] = rmm_granule_total(rmm);
    return RMI_SUCCESS;
}

uint64_t rmm_config_get_check(RmmCall *c)
{
    return config_check(c);
}

uint64_t rmm_config_get_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;

    memset(rmm->params, 0, sizeof(rmm->params));
    stq_le_p(rmm->params + RMI_CONFIG_TRACKING, rmm->tracking_code);
    stq_le_p(rmm->params + RMI_CONFIG_GRANULE, (rmm->granule_shift - 12) / 2);
    rmm_write(rmm, c->arg.config.config, rmm->params, CONFIG_SIZE);
    return RMI_SUCCESS;
}

uint64_t rmm_state_get_check(RmmCall *c)
{
    return RMI_SUCCESS;
}

uint64_t rmm_state_get_commit(RmmCall *c)
{
    c->out.state_get.state = c->rmm->state;
    return RMI_SUCCESS;
}

/* RMM_ACTIVATE, RMM_DEACTIVATE */
uint64_t rmm_activate_check(RmmCall *c)
{
    return RMI_SUCCESS; /* the dispatcher knows that the state is INIT */
}

uint64_t rmm_activate_commit(RmmCall *c)
{
    if (c->sro) {
        rmm_extents_move(&c->rmm->held, &c->sro->held);
    }
    c->rmm->state = RMM_STATE_ACTIVE;
    return RMI_SUCCESS;
}

static void need_pages(RmmReqs *reqs, uint32_t granules)
{
    if (granules) {
        reqs->req[0].count = granules;
        reqs->n = 1;
    }
}

/* Before activation nothing can be delegated: the memory comes as it is. */
void rmm_activate_need(RmmCall *c, RmmReqs *reqs)
{
    need_pages(reqs, c->rmm->activate_granules);
    reqs->req[0].state = RMI_MEM_UNDELEGATED;
}

void rmm_activate_opened(RmmCall *c)
{
    c->rmm->state = RMM_STATE_INTERMEDIATE;
}

void rmm_activate_dropped(RmmCall *c)
{
    c->rmm->state = RMM_STATE_INIT;
}

RmmExtents *rmm_activate_memory(RmmCall *c)
{
    return &c->rmm->held;
}

/* Not before everything of the host's is back, and nobody is at work */
uint64_t rmm_deactivate_check(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;

    if (rmm->n_realms) {
        return rmm_refuse(c, RMI_ERROR_GLOBAL, "there are realms",
                          rmm->n_realms);
    }
    if (rmm->open_sros > (c->sro ? 1 : 0)) {
        return rmm_refuse(c, RMI_ERROR_GLOBAL, "operations are open",
                          rmm->open_sros);
    }
    return rmm->count[RMM_G_DELEGATED] ?
           rmm_refuse(c, RMI_ERROR_GLOBAL, "granules are DELEGATED",
                      rmm->count[RMM_G_DELEGATED]) : RMI_SUCCESS;
}

uint64_t rmm_deactivate_commit(RmmCall *c)
{
    c->rmm->state = RMM_STATE_INIT;
    return RMI_SUCCESS;
}

/*
 * sec A2.3: GRANULE_TRACKING_GET. bet0 asks for one region; later revisions for
 * a range, and are told how far the answer holds.
 */
static const RmmBank *bank_at(ArmRmm *rmm, uint64_t pa, uint64_t *next)
{
    *next = UINT64_MAX;
    for (unsigned i = 0; i < rmm->n_banks; i++) {
        const RmmBank *b = &rmm->bank[i];

        if (pa >= b->base && pa - b->base < b->size) {
            *next = b->base + b->size;
            return b;
        }
        if (b->base > pa) {
            *next = MIN(*next, b->base);
        }
    }
    return NULL;
}

/* Start and end of a range of physical addresses in X1 and X2 */
static uint64_t addresses_check(RmmCall *c, uint64_t limit)
{
    if (!rmm_aligned(c->rmm, c->arg.range.base | c->arg.range.top)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "base or top is not aligned",
                          c->arg.range.base | c->arg.range.top);
    }
    return c->arg.range.top <= c->arg.range.base || c->arg.range.top > limit ?
           rmm_refuse(c, RMI_ERROR_INPUT, "top is not above base, or too "
                      "large", c->arg.range.top) : RMI_SUCCESS;
}

uint64_t rmm_tracking_get_check(RmmCall *c)
{
    uint64_t limit = 1ull << c->rmm->pa_bits;

    if (c->rmm->profile->tracking_get_one) {
        return (c->arg.range.base & (rmm_tracking_size(c->rmm) - 1)) ||
               c->arg.range.base >= limit ?
               rmm_refuse(c, RMI_ERROR_INPUT, "address is not aligned to a "
                          "region, or too large", c->arg.range.base) :
                          RMI_SUCCESS;
    }
    return addresses_check(c, limit);
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
        if (!bank_at(rmm, pa, &next) && next < pa + size) {
            pa = next;
        }
    }
    if (bank_at(rmm, pa, &next)) {
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

/* Where to stop looking for memory */
static uint64_t clip_to_memory(ArmRmm *rmm, uint64_t top)
{
    const RmmBank *last = &rmm->bank[rmm->n_banks - 1];

    return MIN(top, last->base + last->size);
}

/* GRANULE_TRACKING_SET */
static bool region_unused(ArmRmm *rmm, uint64_t base, bool *has_memory)
{
    uint64_t top = clip_to_memory(rmm, base + rmm_tracking_size(rmm));

    *has_memory = false;
    for (uint64_t pa = base; pa < top; pa += rmm_granule_size(rmm)) {
        uint8_t *g = rmm_granule(rmm, pa);

        if (g) {
            *has_memory = true;
            if (*g & (RMM_LEDGER_STATE | RMM_LEDGER_LOCKED)) {
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
        c->arg.tracking_set.address >> rmm->pa_bits) {
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

/*
 * sec A2.3.4: level 1 tables. On a platform that made them all, there is always
 * one already.
 */
static uint64_t region_check(RmmCall *c)
{
    return !(c->arg.gpt.base & (rmm_gpt_region_size(c->rmm) - 1)) &&
           !(c->arg.gpt.base >> c->rmm->pps_bits) ? RMI_SUCCESS :
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
    for (unsigned i = 0; c->rmm->open_sros && i < c->rmm->num_sros; i++) {
        const RmmSro *sro = &c->rmm->sro[i];

        if (sro->open && sro->num == RMI_GPT_L1_DESTROY &&
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
    if (c->rmm->gpt_owner == ARM_RMM_OWNER_PLATFORM ||
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
    uint64_t top = clip_to_memory(rmm, base + rmm_gpt_region_size(rmm));

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
    uint64_t top = clip_to_memory(rmm, base + rmm_gpt_region_size(rmm));
    uint64_t table_top = table + rmm_gpt_table_size(rmm);

    for (uint64_t pa = base; pa < top; pa += rmm_granule_size(rmm)) {
        uint8_t *g = rmm_granule(rmm, pa);

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
    if (c->rmm->gpt_owner == ARM_RMM_OWNER_PLATFORM) {
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

    rmm_extents_clear(&rmm->gpt_table);
    rmm_extents_add(&rmm->gpt_table, rmm_gpt_table(rmm, c->arg.gpt.base),
                    rmm_gpt_table_size(rmm) / rmm_granule_size(rmm),
                    rmm_granule_size(rmm), true);
    return &rmm->gpt_table;
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
    if (rmm->gpt_owner == ARM_RMM_OWNER_PLATFORM) {
        return RMI_GPT_PLAT;
    }
    return rmm_gpt_has_table(rmm, pa) ? RMI_GPT_HOST_CREATED :
                                        RMI_GPT_HOST_NOT_CREATED;
}

uint64_t rmm_gpt_info_check(RmmCall *c)
{
    return addresses_check(c, 1ull << c->rmm->pps_bits);
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
