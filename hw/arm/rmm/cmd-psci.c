/*
 * Realm Management Monitor: PSCI_COMPLETE
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec B4.5 PSCI_COMPLETE; PSCI 1.1.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "kvm-consts.h"
#include "cmd.h"
#include "granule.h"

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
        if (rmm_mpidr_index(rec->mpidr) == rmm_mpidr_index(mpidr)) {
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
        rmm_mpidr_index(c->target->mpidr) !=
        rmm_mpidr_index(c->rec->ctx.gprs[1])) {
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
