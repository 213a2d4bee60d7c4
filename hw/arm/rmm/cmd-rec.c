/*
 * Realm Management Monitor: REC_CREATE, REC_DESTROY
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A4, B4.5 REC_*, B4.6 RmiRecParams.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "cpu.h"
#include "cmd.h"
#include "features.h"
#include "granule.h"
#include "host.h"
#include "measure.h"

/* sec B4.6: the parameters are a page, aligned to the granule. */
static bool read_params(RmmCall *c, uint64_t pa)
{
    const uint8_t *p = rmm_aligned(c->rmm, pa) ?
                       rmm_host_copy(c, pa, RMI_PARAMS_SIZE) : NULL;

    if (!p) {
        return false;
    }
    c->parsed->rec.flags = ldq_le_p(p + RMI_REC_PARAMS_FLAGS);
    c->parsed->rec.mpidr = ldq_le_p(p + RMI_REC_PARAMS_MPIDR);
    c->parsed->rec.pc = ldq_le_p(p + RMI_REC_PARAMS_PC);
    for (unsigned i = 0; i < RMI_REC_PARAMS_NGPRS; i++) {
        c->parsed->rec.gprs[i] = ldq_le_p(p + RMI_REC_PARAMS_GPRS + i * 8);
    }
    return true;
}

uint64_t rmm_rec_create_check(RmmCall *c)
{
    unsigned order = FIELD_EX64(c->rmm->features->reg[1], RMI_FEATURE1,
                                MAX_RECS_ORDER);
    uint64_t x0;

    if (!read_params(c, c->arg.rec_create.params)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "params are not aligned, or not "
                          "Non-secure memory", c->arg.rec_create.params);
    }
    x0 = rmm_granule_check(c, c->arg.rec_create.rec, RMM_G_DELEGATED);
    if (!x0) {
        x0 = rmm_check_rd(c, c->arg.rec_create.rd);
    }
    if (x0) {
        return x0;
    }
    if (c->realm->state != RMM_REALM_NEW) {
        return rmm_refuse(c, RMI_ERROR_REALM, "realm is not NEW",
                          c->realm->state);
    }
    if (c->realm->num_recs >= (1u << order) - 1) {
        return rmm_refuse(c, RMI_ERROR_REALM, "realm has all RECs it can have",
                          c->realm->num_recs);
    }
    return rmm_mpidr_index(c->parsed->rec.mpidr) == c->realm->next_index ?
           RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, "mpidr is not that of the next REC",
                      c->parsed->rec.mpidr);
}

uint64_t rmm_rec_create_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    RmmRealm *realm = c->realm;
    RmmRec *rec = g_new0(RmmRec, 1);

    rec->pa = c->arg.rec_create.rec;
    rec->realm = realm;
    rec->mpidr = c->parsed->rec.mpidr;
    rec->index = realm->next_index++;
    rec->runnable = FIELD_EX64(c->parsed->rec.flags, RMI_REC_FLAGS, RUNNABLE);
    rec->ctx.pc = c->parsed->rec.pc;
    rec->ctx.pstate = PSTATE_DAIF | PSTATE_MODE_EL1h;
    memcpy(rec->ctx.gprs, c->parsed->rec.gprs, sizeof(c->parsed->rec.gprs));
    if (rec->runnable) {
        rmm_measure_rec(rmm, realm, c->parsed->rec.flags, rec->ctx.pc,
                        rec->ctx.gprs);
    }
    if (c->sro) {
        rmm_extents_move(&rec->held, &c->sro->held);
    }
    rmm_granule_set(rmm, rec->pa, 1, RMM_G_DELEGATED, RMM_G_REC);
    rmm_rec_add(rmm, rec);
    return RMI_SUCCESS;
}

void rmm_rec_create_need(RmmCall *c, RmmReqs *reqs)
{
    if (c->rmm->config.rec_granules) {
        reqs->req[0].count = c->rmm->config.rec_granules;
        reqs->n = 1;
    }
}

void rmm_rec_create_lock(RmmCall *c, RmmSro *sro)
{
    rmm_sro_lock(c, sro, c->arg.rec_create.rec, c->arg.rec_create.rec +
                 rmm_granule_size(c->rmm));
}

uint64_t rmm_rec_destroy_check(RmmCall *c)
{
    uint64_t x0 = rmm_check_rec(c, c->arg.rec.rec, &c->rec);

    if (x0) {
        return x0;
    }
    return c->rec->running ?
           rmm_refuse(c, RMI_ERROR_REC, "REC runs", c->rec->pa) : RMI_SUCCESS;
}

RmmExtents *rmm_rec_memory(RmmCall *c)
{
    return &c->rec->held;
}

void rmm_rec_lock(RmmCall *c, RmmSro *sro)
{
    rmm_sro_lock(c, sro, c->arg.rec.rec, c->arg.rec.rec +
                 rmm_granule_size(c->rmm));
}

uint64_t rmm_rec_destroy_commit(RmmCall *c)
{
    uint64_t pa = c->rec->pa;

    rmm_rec_free(c->rmm, c->rec);
    rmm_granule_set(c->rmm, pa, 1, RMM_G_REC, RMM_G_DELEGATED);
    return RMI_SUCCESS;
}
