/*
 * Realm Management Monitor: engine of stateful operations
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec B4.3.1 to B4.3.3.
 *
 * There is one engine for all commands. A command that needs memory, hands some
 * back, or is told by a script to take its time, becomes an operation once its
 * check passed: nothing is done yet, but what it works on is locked. The final
 * OP_CONTINUE checks again, since the world may have changed meanwhile, and
 * then commits. So a failure at any point leaves the objects as they were, and
 * all there is to undo is to hand back memory.
 */

#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "hw/arm/arm-rmm.h"
#include "trace.h"

static const char *const wants_names[] = {
    [RMI_MEM_NONE] = "continue",
    [RMI_MEM_DONATE] = "donate",
    [RMI_MEM_RECLAIM] = "reclaim",
};

const char *rmm_sro_wants_name(const RmmSro *sro)
{
    return wants_names[sro->wants];
}

RmmSro *rmm_sro_find(ArmRmm *rmm, uint64_t handle)
{
    for (unsigned i = 0; rmm->open_sros && i < rmm->num_sros; i++) {
        if (rmm->sro[i].open && rmm->sro[i].handle == handle) {
            return &rmm->sro[i];
        }
    }
    return NULL;
}

static bool is_dead(ArmRmm *rmm, uint64_t handle)
{
    for (unsigned i = 0; i < MIN(rmm->n_dead, RMM_DEAD_HANDLES); i++) {
        if (rmm->dead[i] == handle) {
            return true;
        }
    }
    return false;
}

/*
 * Some clients pass the flags of OP_CONTINUE in X1 and the handle in X2. That
 * can be told apart only while X1 is no handle.
 */
RmmSro *rmm_sro_lookup(RmmCall *c, bool may_be_swapped)
{
    ArmRmm *rmm = c->rmm;
    RmmSro *sro = rmm_sro_find(rmm, c->arg.op.handle);

    if (!sro && may_be_swapped && rmm->swap_quirk && c->arg.op.handle <= 1) {
        sro = rmm_sro_find(rmm, c->arg.op.flags);
        if (sro) {
            uint64_t flags = c->arg.op.handle;

            c->arg.op.handle = c->arg.op.flags;
            c->arg.op.flags = flags;
        }
    }
    if (!sro) {
        rmm_finding(rmm, is_dead(rmm, c->arg.op.handle) ?
                    ARM_RMM_FINDING_KIND_HANDLE_REUSED :
                    ARM_RMM_FINDING_KIND_UNKNOWN_HANDLE, c, c->arg.op.handle,
                    "no operation has handle 0x%" PRIx64, c->arg.op.handle);
        rmm_refuse(c, RMI_ERROR_INPUT, "no operation has the handle",
                   c->arg.op.handle);
        return NULL;
    }
    sro->calls++;
    sro->last_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    rmm->acting = rmm_command_index(rmm_command(sro->num)) + 1;
    return sro;
}

/*
 * Locks
 */
void rmm_sro_lock(RmmCall *c, RmmSro *sro, uint64_t base, uint64_t top)
{
    if (sro->n_locks < RMM_MAX_LOCKS && base < top) {
        sro->lock[sro->n_locks++] = (RmmLock) { base, top };
        rmm_granule_lock(c->rmm, base, top, true);
    }
}

bool rmm_sro_owns(const RmmSro *sro, uint64_t pa)
{
    for (unsigned i = 0; i < sro->n_locks; i++) {
        if (pa >= sro->lock[i].base && pa < sro->lock[i].top) {
            return true;
        }
    }
    return false;
}

static void unlock_all(ArmRmm *rmm, RmmSro *sro)
{
    for (unsigned i = 0; i < sro->n_locks; i++) {
        rmm_granule_lock(rmm, sro->lock[i].base, sro->lock[i].top, false);
    }
    sro->n_locks = 0;
}

/*
 * Requests for memory
 */
static RmmReqs *current_reqs(RmmSro *sro)
{
    switch (sro->queue) {
    case RMM_QUEUE_THEN:
        return &sro->shape.then_donate;
    case RMM_QUEUE_CANCEL:
        return &sro->shape.cancel_donate;
    default:
        return &sro->shape.donate;
    }
}

/*
 * What is left of a request keeps its form as long as it can: whole blocks, and
 * contiguous only as a power of two.
 */
RmmReq rmm_sro_current(ArmRmm *rmm, const RmmSro *sro)
{
    RmmReq req = current_reqs((RmmSro *)sro)->req[sro->req];
    uint64_t block = rmm_block_granules(rmm, req.size);

    if (sro->left == block * req.count) {
        return req;
    }
    req.or = 0;
    if (sro->left % block) {
        req.size = 0;
        block = 1;
    }
    req.count = MIN(sro->left / block, 16383);
    req.contig = req.contig && is_power_of_2(sro->left) &&
                 sro->left / block <= 16383;
    return req;
}

uint64_t rmm_sro_request(ArmRmm *rmm, const RmmSro *sro)
{
    RmmReq req = rmm_sro_current(rmm, sro);
    uint64_t val = req.or;

    val = FIELD_DP64(val, RMI_DONATE, SIZE, req.size);
    val = FIELD_DP64(val, RMI_DONATE, COUNT, req.count);
    val = FIELD_DP64(val, RMI_DONATE, CONTIG, req.contig);
    return FIELD_DP64(val, RMI_DONATE, STATE, req.state);
}

void rmm_sro_want(ArmRmm *rmm, RmmSro *sro, RmiMem wants)
{
    sro->wants = wants;
    trace_arm_rmm_sro_phase(sro->handle, wants_names[wants],
                            wants == RMI_MEM_DONATE ?
                            rmm_sro_request(rmm, sro) : 0,
                            rmm_extents_total(&sro->held));
}

static void ask(ArmRmm *rmm, RmmSro *sro)
{
    RmmReqs *reqs = current_reqs(sro);

    if (sro->req >= reqs->n && sro->shape.repeat &&
        sro->queue == RMM_QUEUE_DONATE) {
        sro->req = 0;
    }
    if (sro->req >= reqs->n) {
        rmm_sro_want(rmm, sro, RMI_MEM_NONE);
        return;
    }
    sro->left = reqs->req[sro->req].count *
                rmm_block_granules(rmm, reqs->req[sro->req].size);
    rmm_sro_want(rmm, sro, RMI_MEM_DONATE);
}

void rmm_sro_next_request(ArmRmm *rmm, RmmSro *sro)
{
    sro->req++;
    ask(rmm, sro);
}

void rmm_sro_queue(ArmRmm *rmm, RmmSro *sro, RmmQueue queue)
{
    sro->queue = queue;
    sro->req = 0;
    ask(rmm, sro);
}

/* sec B4.6.73: the cancel bit of the latest answer is the one that counts. */
uint64_t rmm_sro_answer(RmmCall *c, RmmSro *sro)
{
    uint64_t x0 = RMI_INCOMPLETE;

    if (sro->cancelled || !sro->shape.cancel) {
        sro->cancellable = false;
    } else if (sro->shape.cancel_toggle) {
        sro->cancellable = !sro->cancellable;
    } else {
        sro->cancellable = true;
    }
    c->out.op.request = sro->wants == RMI_MEM_DONATE ?
        rmm_sro_request(c->rmm, sro) : 0;
    x0 = FIELD_DP64(x0, RMI_RESULT, MEM, sro->wants);
    return FIELD_DP64(x0, RMI_RESULT, CANCEL, sro->cancellable);
}

void rmm_sro_fail(RmmSro *sro, uint64_t x0)
{
    if (!sro->error) {
        sro->error = x0;
    }
}

/*
 * Begin and end
 */
static RmmSro *free_context(ArmRmm *rmm)
{
    for (unsigned i = 0; i < rmm->num_sros; i++) {
        if (!rmm->sro[i].open) {
            return &rmm->sro[i];
        }
    }
    return NULL;
}

/*
 * The index of the context, unless the script wants another handle, or wanted
 * this one for another operation.
 */
static uint64_t choose_handle(ArmRmm *rmm, const RmmShape *shape,
                              uint64_t index)
{
    if (shape->has_handle && !rmm_sro_find(rmm, shape->handle)) {
        return shape->handle;
    }
    while (rmm_sro_find(rmm, index)) {
        index += rmm->num_sros;
    }
    return index;
}

static void open_context(RmmCall *c, RmmSro *sro, const RmmShape *shape)
{
    memset(sro, 0, sizeof(*sro));
    sro->shape = *shape;
    sro->handle = choose_handle(c->rmm, shape, sro - c->rmm->sro);
    sro->open = true;
    sro->num = c->cmd->num;
    sro->last_num = c->cmd->num;
    sro->last_x0 = RMI_INCOMPLETE;
    sro->arg = c->arg;
    sro->rounds = shape->rounds;
    sro->rounds_before = shape->rounds_before;
    sro->empty = shape->empty;
    sro->skip = shape->skip;
    sro->last_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    c->rmm->open_sros++;
    trace_arm_rmm_sro_open(sro->handle, c->cmd->name);
    if (c->cmd->lock) {
        c->cmd->lock(c, sro);
    }
    if (c->cmd->opened) {
        c->cmd->opened(c);
    }
}

uint64_t rmm_sro_begin(RmmCall *c)
{
    RmmExtents *memory = c->cmd->memory ? c->cmd->memory(c) : NULL;
    RmmShape shape;
    RmmSro *sro;

    rmm_script_shape(c, &shape);
    if (!(memory && memory->n) && !shape.donate.n && !shape.rounds &&
        !shape.rounds_before) {
        return shape.fail ? rmm_refuse(c, shape.fail, "a rule of the script",
                                       0) : RMI_SUCCESS;
    }
    sro = free_context(c->rmm);
    if (!sro) {
        /* sec B4.3.2: BUSY if one were executing now, which none can be. */
        return rmm_refuse(c, RMI_BLOCKED, "no context is free",
                          c->rmm->open_sros);
    }
    open_context(c, sro, &shape);
    if (memory && memory->n) {
        sro->taken = true;
        rmm_extents_move(&sro->held, memory);
    }
    if (sro->rounds_before) {
        rmm_sro_want(c->rmm, sro, RMI_MEM_NONE);
    } else if (sro->taken) {
        rmm_sro_want(c->rmm, sro, RMI_MEM_RECLAIM);
    } else {
        rmm_sro_queue(c->rmm, sro, RMM_QUEUE_DONATE);
        if (sro->wants == RMI_MEM_NONE && sro->rounds > 0) {
            sro->rounds--; /* this answer is the first of them */
        }
    }
    c->out.op.handle = sro->handle;
    return rmm_sro_answer(c, sro);
}

void rmm_sro_resume(RmmCall *c, RmmSro *sro, RmmCall *begun)
{
    *begun = (RmmCall) {
        .rmm = c->rmm,
        .cmd = rmm_command(sro->num),
        .cpu = c->cpu,
        .sro = sro,
    };
    begun->arg = sro->arg;
}

void rmm_sro_restore(RmmCall *c, RmmSro *sro)
{
    RmmCall begun;

    rmm_sro_resume(c, sro, &begun);
    if (begun.cmd->check(&begun) != RMI_SUCCESS) {
        return;
    }
    if (begun.cmd->take_back) {
        begun.cmd->take_back(&begun, &sro->held);
    } else {
        rmm_extents_move(begun.cmd->memory(&begun), &sro->held);
    }
    sro->taken = false;
}

void rmm_sro_close(RmmCall *c, RmmSro *sro, uint64_t x0)
{
    ArmRmm *rmm = c->rmm;
    RmmCall begun;

    trace_arm_rmm_sro_close(sro->handle, rmm_command(sro->num)->name, x0);
    unlock_all(rmm, sro);
    rmm_sro_resume(c, sro, &begun);
    if (x0 != RMI_SUCCESS && begun.cmd->dropped) {
        begun.cmd->dropped(&begun);
    }
    rmm->dead[rmm->n_dead++ % RMM_DEAD_HANDLES] = sro->handle;
    rmm_extents_clear(&sro->held);
    sro->open = false;
    rmm->open_sros--;
}

void rmm_sros_reset(ArmRmm *rmm)
{
    for (unsigned i = 0; i < rmm->num_sros; i++) {
        unlock_all(rmm, &rmm->sro[i]);
        rmm_extents_clear(&rmm->sro[i].held);
    }
    memset(rmm->sro, 0, rmm->num_sros * sizeof(*rmm->sro));
    rmm->open_sros = 0;
    rmm->n_dead = 0;
}
