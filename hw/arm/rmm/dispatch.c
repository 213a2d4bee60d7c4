/*
 * Realm Management Monitor: dispatcher
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A2.1, B1, B4.3.2.
 */

#include "qemu/osdep.h"
#include "migration/vmstate.h"
#include "dispatch.h"
#include "finding.h"
#include "granule.h"
#include "policy.h"
#include "sro.h"
#include "system.h"
#include "trace.h"

/* sec A2.1: what the state of the RMM allows; before the arguments are read */
static bool state_allows(ArmRmm *rmm, const RmmCommand *cmd)
{
    switch (cmd->when) {
    case RMM_BEFORE:
        return rmm->system->state == RMM_STATE_INIT;
    case RMM_WHEN_ACTIVE:
        return rmm->system->state == RMM_STATE_ACTIVE;
    case RMM_WHEN_STARTED:
        return rmm->system->state != RMM_STATE_INIT;
    default:
        return true;
    }
}

/* Not in the specification, for strict hosts: what is unused should be zero */
static bool unused_are_zero(RmmCall *c)
{
    for (unsigned i = c->cmd->n_in + 1; i < RMI_INPUTS; i++) {
        if (c->arg.x[i]) {
            rmm_finding(c->rmm, ARM_RMM_FINDING_KIND_UNUSED_NOT_ZERO, c,
                        c->arg.x[i], "X%u is 0x%" PRIx64, i, c->arg.x[i]);
            return false;
        }
    }
    return true;
}

static uint64_t execute(RmmCall *c)
{
    uint64_t x0;

    if (!state_allows(c->rmm, c->cmd)) {
        return rmm_refuse(c, RMI_ERROR_GLOBAL, "state of the RMM",
                          c->rmm->system->state);
    }
    if (c->rmm->config.sbz_check && !unused_are_zero(c)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "sbz-check: junk in a register "
                          "that is no input", 0);
    }
    if (!c->cmd->check) {
        return c->cmd->commit(c);
    }
    x0 = rmm_policy_delay(c);
    if (!x0) {
        x0 = c->cmd->check(c);
    }
    if (!x0 && c->cmd->kind != RMM_PLAIN) {
        x0 = rmm_sro_begin(c);
    }
    return x0 ?: c->cmd->commit(c);
}

/* Command that began the operation which an OP_* call is about, or -1 */
static int begun_by(RmmCall *c)
{
    RmmSro *sro = c->cmd->check ? NULL :
                  rmm_sro_find(c->rmm, c->arg.op.handle);

    return sro ? sro->num : -1;
}

/*
 * sec B1: what is no output is preserved. An answer INCOMPLETE has two outputs
 * whatever the command has; TF-RMM writes X1 to X3 in any case.
 */
static unsigned outputs(RmmCall *c, uint64_t x0)
{
    unsigned n = MAX(c->cmd->n_out, c->n_out);

    if (FIELD_EX64(x0, RMI_RESULT, STATUS) == RMI_INCOMPLETE) {
        n = MAX(n, 2);
    }
    return MAX(n, c->rmm->profile->min_outputs);
}

static uint64_t answer(RmmCall *c)
{
    uint64_t x0 = RMI_SUCCESS;

    if (rmm_policy_enter(c, begun_by(c))) {
        x0 = execute(c);
    }
    return rmm_policy_leave(c, x0);
}

/* The interface knows it, this revision does not. */
static void lacking(ArmRmm *rmm, int cpu, const RmmCommand *cmd,
                    const uint64_t *in)
{
    RmmFrame frame;
    RmmCall *c = rmm_frame_begin(&frame, rmm, cmd, cpu);

    memcpy(&c->arg, in, sizeof(c->arg));
    c->out.x[0] = rmm_refuse(c, RMI_UNKNOWN, rmm->profile->lacks_why,
                             cmd->num);
    notifier_list_notify(&rmm->dispatch->answered, c);
    rmm_frame_end(&frame);
}

bool rmm_call(ArmRmm *rmm, int cpu, uint16_t num, const uint64_t *in,
              uint64_t *out, unsigned *n_out)
{
    const RmmCommand *cmd = rmm_command(num);
    RmmFrame frame;
    RmmCall *c;

    if (!cmd) {
        return false;
    }
    if (!rmm_profile_has(rmm->profile, num)) {
        lacking(rmm, cpu, cmd, in);
        return false;
    }
    c = rmm_frame_begin(&frame, rmm, cmd, cpu);
    memcpy(&c->arg, in, sizeof(c->arg));
    trace_arm_rmm_call(cpu, cmd->name, in[1], in[2], in[3], in[4], in[5],
                       in[6]);
    rmm->dispatch->calls++;
    rmm->dispatch->by_num[num - RMI_NUM_FIRST]++;
    rmm_granules_acting(rmm, num);
    c->out.x[0] = answer(c);
    rmm_sro_answered(c, c->out.x[0]);
    notifier_list_notify(&rmm->dispatch->answered, c);
    *n_out = outputs(c, c->out.x[0]);
    memcpy(out, &c->out, sizeof(c->out));
    trace_arm_rmm_return(cpu, cmd->name, rmm_status_name(out[0]), out[0],
                         out[1], out[2], out[3], out[4]);
    rmm_frame_end(&frame);
    return true;
}

void rmm_dispatch_init(ArmRmm *rmm)
{
    rmm->dispatch = g_new0(RmmDispatch, 1);
    notifier_list_init(&rmm->dispatch->answered);
}

void rmm_dispatch_reset(ArmRmm *rmm)
{
    rmm->dispatch->calls = 0;
    memset(rmm->dispatch->by_num, 0, sizeof(rmm->dispatch->by_num));
}

const VMStateDescription vmstate_rmm_dispatch = {
    .name = "arm-rmm/calls",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(calls, RmmDispatch),
        VMSTATE_END_OF_LIST()
    },
};
