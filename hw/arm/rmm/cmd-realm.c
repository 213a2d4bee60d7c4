/*
 * Realm Management Monitor: REALM_CREATE, _ACTIVATE, _TERMINATE, _DESTROY
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A2.2, B4.5 REALM_*, B4.6 RmiRealmParams.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "cmd.h"
#include "features.h"
#include "granule.h"
#include "host.h"
#include "measure.h"
#include "memory.h"

/*
 * REALM_CREATE: parameters
 */

/* What a field of the parameters holds, and what the features allow */
typedef struct Param {
    uint64_t val;
    uint64_t min, max;
    const char *why;
} Param;

static uint64_t param_check(RmmCall *c, const Param *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (p[i].val < p[i].min || p[i].val > p[i].max) {
            return rmm_refuse(c, RMI_ERROR_INPUT, p[i].why, p[i].val);
        }
    }
    return RMI_SUCCESS;
}

static uint64_t flags_check(RmmCall *c, uint64_t flags0, uint64_t flags1)
{
    uint64_t f = c->rmm->features->reg[0];
    const Param flag[] = {
        { FIELD_EX64(flags0, RMI_REALM_FLAGS0, LPA2), 0,
          /* bet3: no longer a flag */
          c->rmm->profile->lpa2_by_size ? 1 :
          FIELD_EX64(f, RMI_FEATURE0, LPA2), "flags0: no LPA2" },
        { FIELD_EX64(flags0, RMI_REALM_FLAGS0, SVE), 0,
          FIELD_EX64(f, RMI_FEATURE0, SVE), "flags0: no SVE" },
        { FIELD_EX64(flags0, RMI_REALM_FLAGS0, PMU), 0,
          FIELD_EX64(f, RMI_FEATURE0, PMU), "flags0: no PMU" },
        { FIELD_EX64(flags0, RMI_REALM_FLAGS0, DA), 0, 0,
          "flags0: no devices" },
        /* sec B4.6: shared or private; which needs no MECID here. */
        { FIELD_EX64(flags0, RMI_REALM_FLAGS0, MEC), 0, 1,
          "flags0: no such MEC policy" },
        { FIELD_EX64(flags1, RMI_REALM_FLAGS1, S2AP_INDIRECT), 0, 0,
          "flags1: no indirect S2AP" },
        { FIELD_EX64(flags1, RMI_REALM_FLAGS1, ATS), 0, 0,
          "flags1: no ATS" },
    };

    return param_check(c, flag, ARRAY_SIZE(flag));
}

static uint64_t numbers_check(RmmCall *c, const uint8_t *p, uint64_t flags0)
{
    uint64_t f = c->rmm->features->reg[0];
    bool sve = FIELD_EX64(flags0, RMI_REALM_FLAGS0, SVE);
    bool pmu = FIELD_EX64(flags0, RMI_REALM_FLAGS0, PMU);
    const Param number[] = {
        { p[RMI_PARAMS_NUM_BPS], 1, FIELD_EX64(f, RMI_FEATURE0, NUM_BPS),
          "num_bps is 0 or more than feature register 0 says" },
        { p[RMI_PARAMS_NUM_WPS], 1, FIELD_EX64(f, RMI_FEATURE0, NUM_WPS),
          "num_wps is 0 or more than feature register 0 says" },
        { p[RMI_PARAMS_SVE_VL], 0,
          sve ? FIELD_EX64(f, RMI_FEATURE0, SVE_VL) : UINT8_MAX,
          "sve_vl is more than feature register 0 says" },
        { p[RMI_PARAMS_PMU_CTRS], 0,
          pmu ? FIELD_EX64(f, RMI_FEATURE0, PMU_NUM_CTRS) : UINT8_MAX,
          "pmu_num_ctrs is more than feature register 0 says" },
        { ldl_le_p(p + RMI_PARAMS_AUX_PLANES), 0, 0, "no auxiliary planes" },
        { ldq_le_p(p + RMI_PARAMS_ATS_PLANE), 0, 0, "no ATS plane" },
    };

    return rmm_hash_size(p[RMI_PARAMS_HASH]) ?
           param_check(c, number, ARRAY_SIZE(number)) :
           rmm_refuse(c, RMI_ERROR_INPUT, "no such hash_algo",
                      p[RMI_PARAMS_HASH]);
}

/*
 * bet3 has no flag any more: what needs LPA2 gets it. The flag of older hosts
 * still counts.
 */
static bool wants_lpa2(ArmRmm *rmm, uint64_t flags0, unsigned s2sz)
{
    if (rmm->profile->lpa2_by_size &&
        !FIELD_EX64(rmm->features->reg[0], RMI_FEATURE0, LPA2)) {
        return false;
    }
    return FIELD_EX64(flags0, RMI_REALM_FLAGS0, LPA2) ||
           (rmm->profile->lpa2_by_size && s2sz > 48);
}

static uint64_t read_params(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    uint64_t pa = c->arg.realm_create.params;
    const uint8_t *p = !(pa & (RMI_PARAMS_SIZE - 1)) && rmm_aligned(rmm, pa) ?
                       rmm_host_copy(c, pa, RMI_PARAMS_SIZE) : NULL;
    uint64_t flags0, flags1, x0;

    if (!p) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "params are not aligned, or not "
                          "Non-secure memory", pa);
    }
    flags0 = ldq_le_p(p + RMI_PARAMS_FLAGS0);
    flags1 = ldq_le_p(p + RMI_PARAMS_FLAGS1);
    c->parsed->realm.flags0 = flags0;
    c->parsed->realm.s2sz = p[RMI_PARAMS_S2SZ];
    c->parsed->realm.lpa2 = wants_lpa2(rmm, flags0, p[RMI_PARAMS_S2SZ]);
    c->parsed->realm.hash = p[RMI_PARAMS_HASH];
    c->parsed->realm.rtt_base = ldq_le_p(p + RMI_PARAMS_RTT_BASE);
    c->parsed->realm.rtt_level = ldq_le_p(p + RMI_PARAMS_RTT_LEVEL);
    c->parsed->realm.rtt_num = ldl_le_p(p + RMI_PARAMS_RTT_NUM);
    x0 = flags_check(c, flags0, flags1);
    return x0 ?: numbers_check(c, p, flags0);
}

static uint64_t roots_check(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    uint64_t size = rmm_granule_size(rmm);
    uint64_t base = c->parsed->realm.rtt_base;
    uint64_t bytes = c->parsed->realm.rtt_num * size;

    if ((base & (bytes - 1)) || base + bytes < base) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "rtt_base is not aligned to all "
                          "root tables", base);
    }
    if (c->arg.realm_create.rd >= base &&
        c->arg.realm_create.rd - base < bytes) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "rd is among the root tables",
                          c->arg.realm_create.rd);
    }
    for (uint64_t pa = base; pa < base + bytes; pa += size) {
        uint64_t x0 = rmm_granule_check(c, pa, RMM_G_DELEGATED);

        if (x0) {
            return x0;
        }
    }
    return RMI_SUCCESS;
}

uint64_t rmm_realm_create_check(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    uint64_t x0 = read_params(c);

    if (!x0) {
        x0 = rmm_granule_check(c, c->arg.realm_create.rd, RMM_G_DELEGATED);
    }
    if (x0) {
        return x0;
    }
    if (!rmm_rtt_geometry_ok(rmm, c->parsed->realm.s2sz,
                             c->parsed->realm.rtt_level,
                             c->parsed->realm.rtt_num,
                             c->parsed->realm.lpa2)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "s2sz, rtt_level_start and "
                          "rtt_num_start do not go together",
                          c->parsed->realm.s2sz);
    }
    x0 = roots_check(c);
    if (x0) {
        return x0;
    }
    return rmm->objects->n_realms >= rmm->config.num_vmids ?
           rmm_refuse(c, RMI_ERROR_GLOBAL, "no VMID is left",
                      rmm->objects->n_realms) :
           RMI_SUCCESS;
}

uint64_t rmm_realm_create_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    uint64_t size = rmm_granule_size(rmm);
    RmmRealm *realm = g_new0(RmmRealm, 1);

    realm->rd = c->arg.realm_create.rd;
    realm->state = RMM_REALM_NEW;
    realm->s2sz = c->parsed->realm.s2sz;
    realm->lpa2 = c->parsed->realm.lpa2;
    realm->hash = c->parsed->realm.hash;
    realm->flags0 = c->parsed->realm.flags0;
    realm->rtt_base = c->parsed->realm.rtt_base;
    realm->rtt_level = c->parsed->realm.rtt_level;
    realm->rtt_num = c->parsed->realm.rtt_num;
    memcpy(realm->rpv, c->copy + RMI_PARAMS_RPV, sizeof(realm->rpv));
    QTAILQ_INIT(&realm->recs);
    rmm_measure_init(rmm, realm, c->copy);

    rmm_granule_set(rmm, realm->rd, 1, RMM_G_DELEGATED, RMM_G_RD);
    rmm_granule_set(rmm, realm->rtt_base, realm->rtt_num, RMM_G_DELEGATED,
                    RMM_G_RTT);
    /* All zeros: VOID with RIPAS EMPTY, and UNMAPPED_NS */
    rmm_wipe(rmm, realm->rtt_base, realm->rtt_num * size);
    if (c->sro) {
        rmm_extents_move(&realm->held, &c->sro->held);
    }
    rmm_realm_add(rmm, realm);
    return RMI_SUCCESS;
}

void rmm_realm_create_need(RmmCall *c, RmmReqs *reqs)
{
    if (c->rmm->config.realm_granules) {
        reqs->req[0].count = c->rmm->config.realm_granules;
        reqs->n = 1;
    }
}

void rmm_realm_create_lock(RmmCall *c, RmmSro *sro)
{
    uint64_t size = rmm_granule_size(c->rmm);

    rmm_sro_lock(c, sro, c->arg.realm_create.rd, c->arg.realm_create.rd + size);
    rmm_sro_lock(c, sro, c->parsed->realm.rtt_base, c->parsed->realm.rtt_base +
                 c->parsed->realm.rtt_num * size);
}

/* REALM_ACTIVATE, REALM_TERMINATE, REALM_DESTROY */
uint64_t rmm_realm_activate_check(RmmCall *c)
{
    uint64_t x0 = rmm_check_rd(c, c->arg.realm.rd);

    if (x0) {
        return x0;
    }
    return c->realm->state == RMM_REALM_NEW ? RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_REALM, "realm is not NEW", c->realm->state);
}

uint64_t rmm_realm_activate_commit(RmmCall *c)
{
    c->realm->state = RMM_REALM_ACTIVE;
    return RMI_SUCCESS;
}

uint64_t rmm_realm_terminate_check(RmmCall *c)
{
    uint64_t x0 = rmm_check_rd(c, c->arg.realm.rd);
    RmmRec *rec;

    if (x0) {
        return x0;
    }
    QTAILQ_FOREACH(rec, &c->realm->recs, next) {
        if (rec->running) {
            return rmm_refuse(c, RMI_ERROR_REALM, "a REC runs", rec->pa);
        }
    }
    return RMI_SUCCESS;
}

uint64_t rmm_realm_terminate_commit(RmmCall *c)
{
    c->realm->state = RMM_REALM_ZOMBIE;
    return RMI_SUCCESS;
}

void rmm_realm_lock(RmmCall *c, RmmSro *sro)
{
    rmm_sro_lock(c, sro, c->arg.realm.rd, c->arg.realm.rd +
                 rmm_granule_size(c->rmm));
}

static bool realm_live(ArmRmm *rmm, const RmmRealm *realm)
{
    uint64_t size = rmm_granule_size(rmm);
    uint64_t span = rmm_rtt_span(rmm, realm->rtt_level);

    if (realm->num_recs) {
        return true;
    }
    for (unsigned i = 0; i < realm->rtt_num; i++) {
        if (rmm_rtt_table_live(rmm, realm, realm->rtt_base + i * size,
                               realm->rtt_level,
                               i * span * rmm_rtt_entries(rmm))) {
            return true;
        }
    }
    return false;
}

uint64_t rmm_realm_destroy_check(RmmCall *c)
{
    uint64_t x0 = rmm_check_rd(c, c->arg.realm.rd);

    if (x0) {
        return x0;
    }
    if (c->realm->state != RMM_REALM_ZOMBIE) {
        return rmm_refuse(c, RMI_ERROR_REALM, "realm is not ZOMBIE",
                          c->realm->state);
    }
    if (rmm_rtt_foreign(c->realm, c->owner, 0, UINT64_MAX)) {
        return rmm_refuse(c, rmm_blocked(c->rmm),
                          "entry is in work by an open operation",
                          c->realm->rtt_base);
    }
    return realm_live(c->rmm, c->realm) ?
           rmm_refuse(c, RMI_ERROR_REALM, "realm is live: RECs",
                      c->realm->num_recs) : RMI_SUCCESS;
}

RmmExtents *rmm_realm_memory(RmmCall *c)
{
    return &c->realm->held;
}

uint64_t rmm_realm_destroy_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    RmmRealm *realm = c->realm;
    uint64_t rd = realm->rd;

    rmm_granule_set(rmm, realm->rtt_base, realm->rtt_num, RMM_G_RTT,
                    RMM_G_DELEGATED);
    rmm_realm_free(rmm, realm);
    rmm_granule_set(rmm, rd, 1, RMM_G_RD, RMM_G_DELEGATED);
    return RMI_SUCCESS;
}
