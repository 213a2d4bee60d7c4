/*
 * Realm Management Monitor: version, features, configuration, state
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A2.1, A2.3, B4.5.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "migration/vmstate.h"
#include "cmd.h"
#include "features.h"
#include "granule.h"
#include "host.h"
#include "memory.h"
#include "system.h"

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
        c->rmm->features->reg[c->arg.features.index] : 0;
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
        return FIELD_EX64(rmm->features->reg[1], RMI_FEATURE1, GRAN_4K) &&
               tracking == 0;
    case 1:
        return FIELD_EX64(rmm->features->reg[1], RMI_FEATURE1, GRAN_16K) &&
               tracking <= 1;
    case 2:
        return FIELD_EX64(rmm->features->reg[1], RMI_FEATURE1, GRAN_64K) &&
               tracking <= 1;
    default:
        return false;
    }
}

/* The host may write to the structure meanwhile: it is read once. */
static void read_config(RmmCall *c)
{
    rmm_read(c->rmm, c->arg.config.config + RMI_CONFIG_TRACKING,
             &c->parsed->config.tracking, 1);
    rmm_read(c->rmm, c->arg.config.config + RMI_CONFIG_GRANULE,
             &c->parsed->config.granule, 1);
}

uint64_t rmm_config_set_check(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    uint64_t x0 = config_check(c);

    if (x0) {
        return x0;
    }
    read_config(c);
    if (!granule_supported(rmm, c->parsed->config.granule,
                           c->parsed->config.tracking)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "granule or tracking size is not "
                          "supported", c->parsed->config.granule);
    }
    if (rmm->ledger->count[RMM_G_UNDELEGATED] != rmm_granule_total(rmm)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "not all granules are "
                          "UNDELEGATED", rmm->ledger->count[RMM_G_UNDELEGATED]);
    }
    return RMI_SUCCESS;
}

uint64_t rmm_config_set_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;

    rmm->banks->tracking_code = c->parsed->config.tracking;
    rmm->banks->granule_shift = 12 + 2 * c->parsed->config.granule;
    rmm_granules_resize(rmm);
    return RMI_SUCCESS;
}

uint64_t rmm_config_get_check(RmmCall *c)
{
    return config_check(c);
}

uint64_t rmm_config_get_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    g_autofree uint8_t *page = g_malloc0(CONFIG_SIZE);

    stq_le_p(page + RMI_CONFIG_TRACKING, rmm->banks->tracking_code);
    stq_le_p(page + RMI_CONFIG_GRANULE, (rmm_granule_shift(rmm) - 12) / 2);
    rmm_write(rmm, c->arg.config.config, page, CONFIG_SIZE);
    return RMI_SUCCESS;
}

uint64_t rmm_state_get_check(RmmCall *c)
{
    return RMI_SUCCESS;
}

uint64_t rmm_state_get_commit(RmmCall *c)
{
    c->out.state_get.state = c->rmm->system->state;
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
        rmm_extents_move(&c->rmm->system->held, &c->sro->held);
    }
    c->rmm->system->state = RMM_STATE_ACTIVE;
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
    need_pages(reqs, c->rmm->config.activate_granules);
    reqs->req[0].state = RMI_MEM_UNDELEGATED;
}

void rmm_activate_opened(RmmCall *c)
{
    c->rmm->system->state = RMM_STATE_INTERMEDIATE;
}

void rmm_activate_dropped(RmmCall *c)
{
    c->rmm->system->state = RMM_STATE_INIT;
}

RmmExtents *rmm_activate_memory(RmmCall *c)
{
    return &c->rmm->system->held;
}

/* Not before everything of the host's is back, and nobody is at work */
uint64_t rmm_deactivate_check(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;

    if (rmm->objects->n_realms) {
        return rmm_refuse(c, RMI_ERROR_GLOBAL, "there are realms",
                          rmm->objects->n_realms);
    }
    if (rmm->sros->n_open > (c->sro ? 1 : 0)) {
        return rmm_refuse(c, RMI_ERROR_GLOBAL, "operations are open",
                          rmm->sros->n_open);
    }
    return rmm->ledger->count[RMM_G_DELEGATED] ?
           rmm_refuse(c, RMI_ERROR_GLOBAL, "granules are DELEGATED",
                      rmm->ledger->count[RMM_G_DELEGATED]) : RMI_SUCCESS;
}

uint64_t rmm_deactivate_commit(RmmCall *c)
{
    c->rmm->system->state = RMM_STATE_INIT;
    return RMI_SUCCESS;
}

void rmm_system_init(ArmRmm *rmm)
{
    rmm->system = g_new0(RmmSystem, 1);
}

void rmm_system_reset(ArmRmm *rmm)
{
    rmm_extents_clear(&rmm->system->held);
    rmm_extents_clear(&rmm->system->gpt_table);
    rmm->system->state = rmm->config.keep_active ? RMM_STATE_ACTIVE :
                                                   RMM_STATE_INIT;
}

bool rmm_system_ok(ArmRmm *rmm)
{
    return rmm->system->state <= RMM_STATE_ACTIVE &&
           rmm_extents_ok(rmm, &rmm->system->held);
}

const VMStateDescription vmstate_rmm_system = {
    .name = "arm-rmm/system",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(state, RmmSystem),
        VMSTATE_STRUCT(held, RmmSystem, 1, vmstate_rmm_extents, RmmExtents),
        VMSTATE_END_OF_LIST()
    },
};
