/*
 * Realm Management Monitor: RECs
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A4, B4.5 REC_*, PSCI_COMPLETE, B4.6
 * RmiRecParams, RmiRecRun; PSCI 1.1.
 *
 * Not modelled: running a realm. REC_ENTER checks everything that it has to
 * check, and then ends with the exit that a rule describes or, by default, as
 * if the realm had called PSCI SYSTEM_OFF at once.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "cpu.h"
#include "kvm-consts.h"
#include "hw/core/cpu.h"
#include "hw/intc/arm_gicv3_common.h"
#include "hw/arm/arm-rmm.h"

#define EXIT_ESR            0x900
#define EXIT_FAR            0x908
#define EXIT_HPFAR          0x910
#define EXIT_CNTP_CTL       0xC00
#define EXIT_CNTP_CVAL      0xC08
#define EXIT_CNTV_CTL       0xC10
#define EXIT_CNTV_CVAL      0xC18
#define EXIT_RIPAS_BASE     0xD00
#define EXIT_RIPAS_TOP      0xD08
#define EXIT_RIPAS_VALUE    0xD10
#define EXIT_IMM            0xE00
#define EXIT_NGPRS          31

#define ESR_EC_DATA_ABORT   0x24
#define ESR_ISV             BIT(24)
#define LR_HW               BIT_ULL(61)     /* ICH_LR<n>_EL2.HW */

RmmRec *rmm_rec_find(ArmRmm *rmm, uint64_t pa)
{
    return rmm_granule_state(rmm, pa) == RMM_G_REC ?
           g_hash_table_lookup(rmm->objects, &pa) : NULL;
}

uint64_t rmm_check_rec(RmmCall *c, uint64_t pa, RmmRec **rec)
{
    uint64_t x0 = rmm_granule_check(c, pa, RMM_G_REC);

    if (x0) {
        return x0;
    }
    *rec = rmm_rec_find(c->rmm, pa);
    return *rec ? RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, "granule is no REC", pa);
}

/* sec B4.6: the parameters are a page, aligned to the granule. */
static bool read_params(RmmCall *c, uint64_t pa)
{
    const uint8_t *p = c->rmm->params;

    if (!rmm_aligned(c->rmm, pa) ||
        !rmm_ns_read(c->rmm, pa, c->rmm->params, RMI_PARAMS_SIZE)) {
        return false;
    }
    c->rec_params.flags = ldq_le_p(p + RMI_REC_PARAMS_FLAGS);
    c->rec_params.mpidr = ldq_le_p(p + RMI_REC_PARAMS_MPIDR);
    c->rec_params.pc = ldq_le_p(p + RMI_REC_PARAMS_PC);
    for (unsigned i = 0; i < RMI_REC_PARAMS_NGPRS; i++) {
        c->rec_params.gprs[i] = ldq_le_p(p + RMI_REC_PARAMS_GPRS + i * 8);
    }
    return true;
}

static uint64_t mpidr_index(uint64_t mpidr)
{
    return FIELD_EX64(mpidr, RMI_MPIDR, AFF0) |
           FIELD_EX64(mpidr, RMI_MPIDR, AFF1) << 4 |
           FIELD_EX64(mpidr, RMI_MPIDR, AFF2) << 12 |
           FIELD_EX64(mpidr, RMI_MPIDR, AFF3) << 20;
}

uint64_t rmm_rec_create_check(RmmCall *c)
{
    unsigned order = FIELD_EX64(c->rmm->feature[1], RMI_FEATURE1,
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
    return mpidr_index(c->rec_params.mpidr) == c->realm->next_index ?
           RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, "mpidr is not that of the next REC",
                      c->rec_params.mpidr);
}

uint64_t rmm_rec_create_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    RmmRealm *realm = c->realm;
    RmmRec *rec = g_new0(RmmRec, 1);

    rec->pa = c->arg.rec_create.rec;
    rec->realm = realm;
    rec->mpidr = c->rec_params.mpidr;
    rec->index = realm->next_index++;
    rec->runnable = FIELD_EX64(c->rec_params.flags, RMI_REC_FLAGS, RUNNABLE);
    rec->ctx.pc = c->rec_params.pc;
    rec->ctx.pstate = PSTATE_DAIF | PSTATE_MODE_EL1h;
    memcpy(rec->ctx.gprs, c->rec_params.gprs, sizeof(c->rec_params.gprs));
    realm->num_recs++;
    if (rec->runnable) {
        rmm_measure_rec(rmm, realm, c->rec_params.flags, rec->ctx.pc,
                        rec->ctx.gprs);
    }
    if (c->sro) {
        rmm_extents_move(&rec->held, &c->sro->held);
    }
    rmm_granule_set(rmm, rec->pa, 1, RMM_G_DELEGATED, RMM_G_REC);
    QTAILQ_INSERT_TAIL(&realm->recs, rec, next);
    g_hash_table_insert(rmm->objects, &rec->pa, rec);
    return RMI_SUCCESS;
}

void rmm_rec_create_need(RmmCall *c, RmmReqs *reqs)
{
    if (c->rmm->rec_granules) {
        reqs->req[0].count = c->rmm->rec_granules;
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

/* The index is not used again. */
uint64_t rmm_rec_destroy_commit(RmmCall *c)
{
    RmmRec *rec = c->rec;
    uint64_t pa = rec->pa;

    g_hash_table_remove(c->rmm->objects, &rec->pa);
    QTAILQ_REMOVE(&rec->realm->recs, rec, next);
    rec->realm->num_recs--;
    rmm_extents_clear(&rec->held);
    g_free(rec);
    rmm_granule_set(c->rmm, pa, 1, RMM_G_REC, RMM_G_DELEGATED);
    return RMI_SUCCESS;
}

/*
 * REC_ENTER
 */

/* sec B4.5.51: the host must not give the realm hardware interrupts. */
static bool gic_ok(RmmCall *c)
{
    CPUState *cs = qemu_get_cpu(c->cpu);
    GICv3CPUState *gic = cs ? cpu_env(cs)->gicv3state : NULL;

    for (int i = 0; gic && i < gic->num_list_regs; i++) {
        if (gic->ich_lr_el2[i] & LR_HW) {
            return false;
        }
    }
    return true;
}

static uint64_t may_enter(RmmCall *c, uint64_t flags)
{
    const struct {
        bool ok;
        const char *why;
    } need[] = {
        { !c->rec->running, "REC runs" },
        { c->rec->runnable, "REC is not runnable" },
        { !FIELD_EX64(flags, RMI_ENTER, EMUL_MMIO) || c->rec->emulatable,
          "emul_mmio, but the last exit was no emulatable abort" },
        { gic_ok(c), "a list register has HW set" },
        { !c->rec->psci_pending, "PSCI_COMPLETE is missing" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(need); i++) {
        if (!need[i].ok) {
            return rmm_refuse(c, RMI_ERROR_REC, need[i].why, c->rec->pa);
        }
    }
    return RMI_SUCCESS;
}

uint64_t rmm_rec_enter_check(RmmCall *c)
{
    uint64_t x0;

    if (!rmm_aligned(c->rmm, c->arg.rec_enter.run) ||
        !rmm_ns_ok(c->rmm, c->arg.rec_enter.run, RMI_RUN_SIZE)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "run is not aligned, or not "
                          "Non-secure memory", c->arg.rec_enter.run);
    }
    x0 = rmm_check_rec(c, c->arg.rec_enter.rec, &c->rec);
    if (x0) {
        return x0;
    }
    if (c->rec->realm->state != RMM_REALM_ACTIVE) {
        return rmm_refuse(c, RMI_ERROR_REALM, "realm is not ACTIVE",
                          c->rec->realm->state);
    }
    return may_enter(c, rmm_ldq(c->rmm, c->arg.rec_enter.run + RMI_RUN_FLAGS));
}

static void exit_gpr(uint8_t *run, unsigned i, uint64_t val)
{
    stq_le_p(run + RMI_RUN_EXIT_GPRS + i * 8, val);
}

/* What the RMM would remember about the exit */
static void note_exit(RmmRec *rec, const ArmRmmExit *e, const uint64_t *gprs)
{
    switch (e->reason) {
    case RMI_EXIT_SYNC:
        rec->emulatable = extract64(e->esr, 26, 6) == ESR_EC_DATA_ABORT &&
                          (e->esr & ESR_ISV);
        break;
    case RMI_EXIT_PSCI:
        memcpy(rec->ctx.gprs, gprs, 4 * sizeof(*gprs));
        switch ((uint32_t)gprs[0]) {
        case QEMU_PSCI_0_2_FN_CPU_ON:
        case QEMU_PSCI_0_2_FN64_CPU_ON:
        case QEMU_PSCI_0_2_FN_AFFINITY_INFO:
        case QEMU_PSCI_0_2_FN64_AFFINITY_INFO:
            rec->psci_pending = true;
            break;
        case QEMU_PSCI_0_2_FN_CPU_OFF:
            rec->runnable = false;
            break;
        case QEMU_PSCI_0_2_FN_SYSTEM_OFF:
        case QEMU_PSCI_0_2_FN_SYSTEM_RESET:
            rec->realm->state = RMM_REALM_SYSTEM_OFF;
            break;
        }
        break;
    case RMI_EXIT_RIPAS_CHANGE:
        rec->ripas_addr = e->ripas_base;
        rec->ripas_top = e->ripas_top;
        rec->ripas_value = e->ripas_value;
        break;
    }
}

static void write_exit(uint8_t *run, const ArmRmmExit *e, const uint64_t *gprs)
{
    const struct {
        unsigned offset;
        uint64_t val;
    } field[] = {
        { RMI_RUN_EXIT_REASON, e->reason },
        { EXIT_ESR, e->esr }, { EXIT_FAR, e->far }, { EXIT_HPFAR, e->hpfar },
        { EXIT_CNTP_CTL, e->cntp_ctl }, { EXIT_CNTP_CVAL, e->cntp_cval },
        { EXIT_CNTV_CTL, e->cntv_ctl }, { EXIT_CNTV_CVAL, e->cntv_cval },
        { EXIT_RIPAS_BASE, e->ripas_base }, { EXIT_RIPAS_TOP, e->ripas_top },
        { EXIT_RIPAS_VALUE, e->ripas_value }, { EXIT_IMM, e->imm },
    };

    memset(run + RMI_RUN_EXIT, 0, RMI_RUN_SIZE - RMI_RUN_EXIT);
    for (unsigned i = 0; i < ARRAY_SIZE(field); i++) {
        stq_le_p(run + field[i].offset, field[i].val);
    }
    for (unsigned i = 0; i < EXIT_NGPRS; i++) {
        exit_gpr(run, i, gprs[i]);
    }
}

uint64_t rmm_rec_enter_commit(RmmCall *c)
{
    const ArmRmmExit *e = c->rule ? c->rule->exit : NULL;
    ArmRmmExit off = { .reason = RMI_EXIT_PSCI };
    uint64_t gprs[EXIT_NGPRS] = { 0 };
    uint64List *l;
    unsigned n = 0;

    if (!e) {
        e = &off;
        gprs[0] = QEMU_PSCI_0_2_FN_SYSTEM_OFF;
    }
    for (l = e->gprs; l && n < EXIT_NGPRS; l = l->next) {
        gprs[n++] = l->value;
    }
    c->rec->emulatable = false;
    write_exit(c->rmm->params, e, gprs);
    rmm_write(c->rmm, c->arg.rec_enter.run + RMI_RUN_EXIT, c->rmm->params +
              RMI_RUN_EXIT,
              RMI_RUN_SIZE - RMI_RUN_EXIT);
    note_exit(c->rec, e, gprs);
    return RMI_SUCCESS;
}

/*
 * PSCI_COMPLETE. Until bet1 the host names the target, from then on the RMM
 * finds it. An address of a REC in X2 tells which form a client uses.
 */
static bool names_target(RmmCall *c)
{
    return !c->rmm->profile->psci_finds_target ||
           rmm_granule_state(c->rmm, c->arg.psci.target) == RMM_G_REC;
}

static int64_t psci_status(RmmCall *c)
{
    return names_target(c) ? c->arg.psci.status : c->arg.psci_found.status;
}

static RmmRec *rec_by_mpidr(RmmRealm *realm, uint64_t mpidr)
{
    RmmRec *rec;

    QTAILQ_FOREACH(rec, &realm->recs, next) {
        if (mpidr_index(rec->mpidr) == mpidr_index(mpidr)) {
            return rec;
        }
    }
    return NULL;
}

static bool is_cpu_on(const RmmRec *rec)
{
    uint32_t fid = rec->ctx.gprs[0];

    return fid == QEMU_PSCI_0_2_FN_CPU_ON || fid == QEMU_PSCI_0_2_FN64_CPU_ON;
}

static bool status_permitted(RmmCall *c)
{
    int64_t status = psci_status(c);

    if (status == QEMU_PSCI_RET_SUCCESS) {
        return true;
    }
    return is_cpu_on(c->rec) && status == QEMU_PSCI_RET_DENIED &&
           !c->target->runnable;
}

uint64_t rmm_psci_complete_check(RmmCall *c)
{
    bool named = names_target(c);
    uint64_t x0;

    if (named && c->arg.psci.calling == c->arg.psci.target) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "calling REC is the target",
                          c->arg.psci.target);
    }
    x0 = rmm_check_rec(c, c->arg.psci.calling, &c->rec);
    if (!x0 && named) {
        x0 = rmm_check_rec(c, c->arg.psci.target, &c->target);
    }
    if (x0) {
        return x0;
    }
    if (!c->rec->psci_pending) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "REC has no PSCI call pending",
                          c->rec->pa);
    }
    if (!named) {
        c->target = rec_by_mpidr(c->rec->realm, c->rec->ctx.gprs[1]);
    }
    if (!c->target || c->target->realm != c->rec->realm ||
        mpidr_index(c->target->mpidr) != mpidr_index(c->rec->ctx.gprs[1])) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "target is not the REC that was "
                          "asked for", c->rec->ctx.gprs[1]);
    }
    return status_permitted(c) ? RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, "status is not permitted",
                      psci_status(c));
}

static void start_rec(RmmRec *target, const RmmRec *caller)
{
    memset(&target->ctx, 0, sizeof(target->ctx));
    target->ctx.gprs[0] = caller->ctx.gprs[3];
    target->ctx.pc = caller->ctx.gprs[2];
    target->ctx.pstate = PSTATE_DAIF | PSTATE_MODE_EL1h;
    target->runnable = true;
}

uint64_t rmm_psci_complete_commit(RmmCall *c)
{
    RmmRec *caller = c->rec, *target = c->target;
    int64_t result = psci_status(c);

    if (result == QEMU_PSCI_RET_SUCCESS && is_cpu_on(caller)) {
        if (target->runnable) {
            result = QEMU_PSCI_RET_ALREADY_ON;
        } else {
            start_rec(target, caller);
        }
    } else if (result == QEMU_PSCI_RET_SUCCESS) {
        result = target->runnable ? 0 : 1; /* ON, OFF */
    }
    caller->ctx.gprs[0] = result;
    memset(&caller->ctx.gprs[1], 0, 3 * sizeof(caller->ctx.gprs[0]));
    caller->psci_pending = false;
    return RMI_SUCCESS;
}
