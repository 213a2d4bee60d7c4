/*
 * Realm Management Monitor: OP_CONTINUE and OP_CANCEL
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec B4.3.2, B4.5.21, B4.5.22.
 */

#include "qemu/osdep.h"
#include "hw/arm/arm-rmm.h"

static uint64_t answer(RmmCall *c, RmmSro *sro)
{
    c->out.op.handle = sro->handle; /* some clients go on with this one */
    return rmm_sro_answer(c, sro);
}

static uint64_t close_with(RmmCall *c, RmmSro *sro, uint64_t x0)
{
    if (sro->shape.has_final) {
        x0 = sro->shape.final;
    }
    rmm_sro_close(c, sro, x0);
    return x0;
}

/* sec B4.3.2.3: everything goes back before the final status */
static uint64_t end_without_commit(RmmCall *c, RmmSro *sro)
{
    if (sro->taken && !sro->handed_back) {
        rmm_sro_restore(c, sro);
    }
    if (sro->held.n && !sro->shape.keep_memory) {
        rmm_sro_want(c->rmm, sro, RMI_MEM_RECLAIM);
        return answer(c, sro);
    }
    if (!c->why) {
        rmm_refuse(c, sro->error, sro->error ? "the operation failed before" :
                   "the operation was cancelled", sro->handle);
    }
    return close_with(c, sro, sro->error ?: c->rmm->cancel_status);
}

static uint64_t end_with_commit(RmmCall *c, RmmSro *sro)
{
    uint64_t granule = rmm_granule_size(c->rmm);
    RmmCall begun;
    uint64_t x0;

    rmm_sro_resume(c, sro, &begun);
    x0 = begun.cmd->check(&begun);
    c->why = begun.why;
    c->why_value = begun.why_value;
    if (FIELD_EX64(x0, RMI_RESULT, STATUS) == RMI_BLOCKED) {
        c->out.op.handle = sro->handle;
        return x0;
    }
    if (x0) {
        c->out = begun.out;
        rmm_sro_fail(sro, x0);
        return end_without_commit(c, sro);
    }
    if (!begun.cmd->need && sro->held.n && !sro->shape.keep_memory) {
        /* Asked for by a script, and of no use */
        rmm_sro_want(c->rmm, sro, RMI_MEM_RECLAIM);
        return answer(c, sro);
    }
    if (FIELD_EX64(c->arg.op.flags, RMI_CONTINUE, STOP)) {
        begun.chunk = MAX(sro->shape.chunk, granule);
    }
    x0 = begun.cmd->commit(&begun);
    c->why = begun.why;
    c->why_value = begun.why_value;
    c->out = begun.out;
    c->n_out = begun.cmd->n_out;
    return close_with(c, sro, x0);
}

static uint64_t finish(RmmCall *c, RmmSro *sro)
{
    if (sro->shape.fail) {
        rmm_sro_fail(sro, sro->shape.fail);
        rmm_refuse(c, sro->error, "a rule of the script", sro->handle);
    }
    return sro->error || sro->cancelled ? end_without_commit(c, sro) :
                                          end_with_commit(c, sro);
}

/* Rounds that want nothing come before memory, and before the end. */
static uint64_t go_on(RmmCall *c, RmmSro *sro)
{
    if (sro->error || sro->cancelled) {
        return finish(c, sro);
    }
    if (sro->rounds_before) {
        if (--sro->rounds_before == 0) {
            if (sro->taken) {
                rmm_sro_want(c->rmm, sro, RMI_MEM_RECLAIM);
            } else {
                rmm_sro_queue(c->rmm, sro, RMM_QUEUE_DONATE);
            }
        }
        if (sro->rounds_before || sro->wants != RMI_MEM_NONE) {
            return answer(c, sro);
        }
    }
    if (sro->rounds) {
        sro->rounds -= sro->rounds > 0;
        return answer(c, sro);
    }
    return finish(c, sro);
}

uint64_t rmm_op_continue(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    RmmSro *sro = rmm_sro_lookup(c, true);
    bool strict = rmm_auto(rmm->strict_continue,
                           rmm->profile->strict_continue);

    if (!sro) {
        return RMI_ERROR_INPUT;
    }
    if (rmm->sbz_check &&
        (c->arg.op.flags & ~(uint64_t)R_RMI_CONTINUE_STOP_MASK)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "sbz-check: flags",
                          c->arg.op.flags);
    }
    if (sro->wants == RMI_MEM_NONE) {
        return go_on(c, sro);
    }
    rmm_finding(rmm, ARM_RMM_FINDING_KIND_WRONG_PHASE, c, sro->handle,
                "handle 0x%" PRIx64 " of %s wants %s",
                sro->handle, rmm_command(sro->num)->name,
                rmm_sro_wants_name(sro));
    if (strict) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "the operation wants something "
                          "else", sro->wants);
    }
    if (sro->wants == RMI_MEM_DONATE) {
        /* sec B4.3.2.2: the host has nothing to give */
        rmm_sro_fail(sro, RMI_ERROR_INPUT);
        rmm_sro_want(rmm, sro, RMI_MEM_NONE);
        return finish(c, sro);
    }
    return answer(c, sro);
}

/*
 * sec B4.3.2.4. An operation that hands back the memory of an object cannot
 * turn round once some of it is gone: then it goes on to its end.
 */
uint64_t rmm_op_cancel(RmmCall *c)
{
    RmmSro *sro = rmm_sro_lookup(c, true);

    if (!sro) {
        return RMI_ERROR_INPUT;
    }
    if (!sro->cancellable) {
        rmm_finding(c->rmm, ARM_RMM_FINDING_KIND_NOT_CANCELLABLE, c,
                    sro->handle, "handle 0x%" PRIx64
                    " of %s cannot be cancelled", sro->handle,
                    rmm_command(sro->num)->name);
        return rmm_refuse(c, RMI_ERROR_INPUT, "the cancel bit was 0",
                          sro->handle);
    }
    if (sro->taken && sro->handed_back) {
        sro->shape.cancel = false;
        return rmm_sro_answer(c, sro);
    }
    sro->cancelled = true;
    if (sro->taken) {
        rmm_sro_restore(c, sro);
    }
    if (sro->shape.cancel_donate.n) {
        rmm_sro_queue(c->rmm, sro, RMM_QUEUE_CANCEL);
    } else {
        rmm_sro_want(c->rmm, sro, sro->held.n && !sro->shape.keep_memory ?
                     RMI_MEM_RECLAIM : RMI_MEM_NONE);
    }
    return rmm_sro_answer(c, sro);
}
