/*
 * Realm Management Monitor: OP_CONTINUE and OP_CANCEL
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec B4.3.2, B4.5.21, B4.5.22.
 */

#include "qemu/osdep.h"
#include "finding.h"
#include "granule.h"
#include "sro-internal.h"

static uint64_t answer(RmmCall *c, RmmSro *sro)
{
    c->out.op.handle = sro->handle; /* some clients go on with this one */
    return rmm_sro_answer(c, sro);
}

static uint64_t close_with(RmmCall *c, RmmSro *sro, uint64_t x0)
{
    x0 = rmm_course_final(&sro->course, x0);
    rmm_sro_close(c, sro, x0);
    return x0;
}

/* sec B4.3.2.3: everything goes back before the final status */
static uint64_t end_without_commit(RmmCall *c, RmmSro *sro)
{
    if (sro->taken && !sro->handed_back) {
        rmm_sro_restore(c, sro);
    }
    if (sro->held.n && !rmm_course_keeps(&sro->course)) {
        rmm_sro_want(c->rmm, sro, RMI_MEM_RECLAIM);
        return answer(c, sro);
    }
    if (!c->why) {
        rmm_refuse(c, sro->error, sro->error ? "the operation failed before" :
                   "the operation was cancelled", sro->handle);
    }
    return close_with(c, sro, sro->error ?: c->rmm->config.cancel_status);
}

/* The answer of the command that began the operation becomes this one's. */
static void take_answer(RmmCall *c, const RmmCall *begun)
{
    c->why = begun->why;
    c->why_value = begun->why_value;
    c->out = begun->out;
}

/* The world may have changed since the operation began: all is checked again */
static uint64_t check_again(RmmCall *c, RmmSro *sro, RmmCall *begun)
{
    uint64_t x0 = begun->cmd->check(begun);

    if (FIELD_EX64(x0, RMI_RESULT, STATUS) == RMI_BLOCKED) {
        c->why = begun->why;
        c->why_value = begun->why_value;
        c->out.op.handle = sro->handle;
    } else if (x0) {
        take_answer(c, begun);
        rmm_sro_fail(sro, x0);
        x0 = end_without_commit(c, sro);
    }
    return x0;
}

static uint64_t end_with_commit(RmmCall *c, RmmSro *sro, RmmCall *begun)
{
    uint64_t x0 = check_again(c, sro, begun);

    if (x0) {
        return x0;
    }
    if (!begun->cmd->need && sro->held.n && !rmm_course_keeps(&sro->course)) {
        /* Asked for by a policy, and of no use */
        rmm_sro_want(c->rmm, sro, RMI_MEM_RECLAIM);
        return answer(c, sro);
    }
    if (FIELD_EX64(c->arg.op.flags, RMI_CONTINUE, STOP)) {
        begun->chunk = MAX(rmm_course_chunk(&sro->course),
                           rmm_granule_size(c->rmm));
    }
    x0 = begun->cmd->commit(begun);
    take_answer(c, begun);
    c->n_out = begun->cmd->n_out;
    return close_with(c, sro, x0);
}

static uint64_t finish(RmmCall *c, RmmSro *sro)
{
    uint64_t fail = rmm_course_fail(&sro->course);
    RmmFrame frame;
    uint64_t x0;

    if (fail) {
        rmm_sro_fail(sro, fail);
        rmm_refuse(c, sro->error, "a rule of the script", sro->handle);
    }
    if (sro->error || sro->cancelled) {
        return end_without_commit(c, sro);
    }
    x0 = end_with_commit(c, sro, rmm_sro_resume(c, sro, &frame));
    rmm_frame_end(&frame);
    return x0;
}

/* A round before memory is over. Was it the last, and does memory move now? */
static bool memory_moves(RmmCall *c, RmmSro *sro)
{
    if (!rmm_course_wait(&sro->course)) {
        return false;
    }
    if (sro->taken) {
        rmm_sro_want(c->rmm, sro, RMI_MEM_RECLAIM);
    } else {
        rmm_sro_queue(c->rmm, sro, RMM_QUEUE_DONATE);
    }
    return true;
}

/* Rounds that want nothing come before memory, and before the end. */
static uint64_t go_on(RmmCall *c, RmmSro *sro)
{
    if (sro->error || sro->cancelled) {
        return finish(c, sro);
    }
    if (rmm_course_waits(&sro->course) &&
        (!memory_moves(c, sro) || sro->wants != RMI_MEM_NONE)) {
        return answer(c, sro);
    }
    return rmm_course_round(&sro->course) ? answer(c, sro) : finish(c, sro);
}

uint64_t rmm_op_continue(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    RmmSro *sro = rmm_sro_lookup(c, true);
    bool strict = rmm_auto(rmm->config.strict_continue,
                           rmm->profile->strict_continue);

    if (!sro) {
        return RMI_ERROR_INPUT;
    }
    if (rmm->config.sbz_check &&
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
        rmm_course_no_cancel(&sro->course);
        return rmm_sro_answer(c, sro);
    }
    sro->cancelled = true;
    if (sro->taken) {
        rmm_sro_restore(c, sro);
    }
    if (rmm_course_has_cancel(&sro->course)) {
        rmm_sro_queue(c->rmm, sro, RMM_QUEUE_CANCEL);
    } else {
        rmm_sro_want(c->rmm, sro, sro->held.n &&
                     !rmm_course_keeps(&sro->course) ?
                     RMI_MEM_RECLAIM : RMI_MEM_NONE);
    }
    return rmm_sro_answer(c, sro);
}
