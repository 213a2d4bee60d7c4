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
#include "desc.h"
#include "finding.h"
#include "granule.h"
#include "policy.h"
#include "sro-internal.h"
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
    RmmSro *sro = NULL;

    while ((sro = rmm_sro_next(rmm, sro)) && sro->handle != handle) {
        /* another one's */
    }
    return sro;
}

static bool is_dead(ArmRmm *rmm, uint64_t handle)
{
    for (unsigned i = 0; i < MIN(rmm->sros->n_dead, RMM_DEAD_HANDLES); i++) {
        if (rmm->sros->dead[i] == handle) {
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

    if (!sro && may_be_swapped && rmm->config.swap_quirk &&
        c->arg.op.handle <= 1) {
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
    rmm_granules_acting(rmm, sro->num);
    return sro;
}

/*
 * Locks
 */
unsigned rmm_sro_owner(ArmRmm *rmm, const RmmSro *sro)
{
    return sro - rmm->sros->sro + 1;
}

void rmm_sro_lock(RmmCall *c, RmmSro *sro, uint64_t base, uint64_t top)
{
    if (sro->n_locks < RMM_MAX_LOCKS && base < top) {
        sro->lock[sro->n_locks++] = (RmmLock) { base, top };
        rmm_granule_lock(c->rmm, rmm_sro_owner(c->rmm, sro), base, top);
    }
}

void rmm_sro_lock_entry(RmmCall *c, RmmSro *sro, uint64_t ipa)
{
    uint64_t base = rmm_rtt_entry_base(c->rmm, c->walk, ipa);
    uint64_t top = base + rmm_rtt_span(c->rmm, c->walk->level);

    sro->work_rd = c->realm->rd;
    sro->work = (RmmLock) { base, top };
    rmm_rtt_work_begin(c->realm, rmm_sro_owner(c->rmm, sro), base, top);
}

static void unlock_all(ArmRmm *rmm, RmmSro *sro)
{
    RmmRealm *realm = sro->work.top ? rmm_realm_find(rmm, sro->work_rd) : NULL;

    if (realm) {
        rmm_rtt_work_end(realm, rmm_sro_owner(rmm, sro));
    }
    sro->work = (RmmLock) { 0, 0 };
    for (unsigned i = 0; i < sro->n_locks; i++) {
        rmm_granule_unlock(rmm, rmm_sro_owner(rmm, sro), sro->lock[i].base,
                           sro->lock[i].top);
    }
    sro->n_locks = 0;
}

/*
 * Requests for memory
 */

/*
 * What is left of a request keeps its form as long as it can: whole blocks, and
 * contiguous only as a power of two.
 */
RmmReq rmm_sro_current(ArmRmm *rmm, RmmSro *sro)
{
    const RmmReq *whole = rmm_course_request(&sro->course);
    RmmReq req = whole ? *whole : (RmmReq) { 0 };
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

uint64_t rmm_sro_request(ArmRmm *rmm, RmmSro *sro)
{
    RmmReq req = rmm_sro_current(rmm, sro);
    uint64_t val = req.or;

    if (sro->wants != RMI_MEM_DONATE) {
        return 0;
    }
    val = FIELD_DP64(val, RMI_DONATE, SIZE, req.size);
    val = FIELD_DP64(val, RMI_DONATE, COUNT, req.count);
    val = FIELD_DP64(val, RMI_DONATE, CONTIG, req.contig);
    return FIELD_DP64(val, RMI_DONATE, STATE, req.state);
}

void rmm_sro_want(ArmRmm *rmm, RmmSro *sro, RmiMem wants)
{
    sro->wants = wants;
    trace_arm_rmm_sro_phase(sro->handle, wants_names[wants],
                            rmm_sro_request(rmm, sro),
                            rmm_extents_total(&sro->held));
}

static void ask(ArmRmm *rmm, RmmSro *sro)
{
    const RmmReq *req = rmm_course_request(&sro->course);

    if (!req) {
        rmm_sro_want(rmm, sro, RMI_MEM_NONE);
        return;
    }
    sro->left = req->count * rmm_block_granules(rmm, req->size);
    rmm_sro_want(rmm, sro, RMI_MEM_DONATE);
}

void rmm_sro_next_request(ArmRmm *rmm, RmmSro *sro)
{
    rmm_course_next(&sro->course);
    ask(rmm, sro);
}

void rmm_sro_queue(ArmRmm *rmm, RmmSro *sro, RmmQueue queue)
{
    rmm_course_queue(&sro->course, queue);
    ask(rmm, sro);
}

/* sec B4.6.73: the cancel bit of the latest answer is the one that counts. */
uint64_t rmm_sro_answer(RmmCall *c, RmmSro *sro)
{
    uint64_t x0 = RMI_INCOMPLETE;

    sro->cancellable = rmm_course_cancel(&sro->course, !sro->cancelled);
    c->out.op.request = rmm_sro_request(c->rmm, sro);
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
    for (unsigned i = 0; i < rmm->sros->n; i++) {
        if (!rmm->sros->sro[i].open) {
            return &rmm->sros->sro[i];
        }
    }
    return NULL;
}

/*
 * The index of the context, unless the policy wants another handle, or wanted
 * this one for another operation.
 */
static uint64_t choose_handle(ArmRmm *rmm, const RmmCourse *course,
                              uint64_t index)
{
    uint64_t handle = rmm_course_handle(course, index);

    if (!rmm_sro_find(rmm, handle)) {
        return handle;
    }
    while (rmm_sro_find(rmm, index)) {
        index += rmm->sros->n;
    }
    return index;
}

static void open_context(RmmCall *c, RmmSro *sro, const RmmCourse *course)
{
    memset(sro, 0, sizeof(*sro));
    sro->course = *course;
    sro->handle = choose_handle(c->rmm, course, sro - c->rmm->sros->sro);
    sro->open = true;
    sro->num = c->num;
    sro->last_num = c->num;
    sro->last_x0 = RMI_INCOMPLETE;
    sro->arg = c->arg;
    sro->last_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    c->rmm->sros->n_open++;
    trace_arm_rmm_sro_open(sro->handle, c->cmd->name);
    if (c->cmd->lock) {
        c->cmd->lock(c, sro);
    }
    if (c->cmd->opened) {
        c->cmd->opened(c);
    }
    sro->copy = g_steal_pointer(&c->copy);
    sro->n_copy = c->n_copy;
}

static void first_phase(ArmRmm *rmm, RmmSro *sro)
{
    if (rmm_course_waits(&sro->course)) {
        rmm_sro_want(rmm, sro, RMI_MEM_NONE);
    } else if (sro->taken) {
        rmm_sro_want(rmm, sro, RMI_MEM_RECLAIM);
    } else {
        rmm_sro_queue(rmm, sro, RMM_QUEUE_DONATE);
        if (sro->wants == RMI_MEM_NONE) {
            rmm_course_round(&sro->course); /* this answer is the first */
        }
    }
}

uint64_t rmm_sro_begin(RmmCall *c)
{
    RmmExtents *memory = c->cmd->memory ? c->cmd->memory(c) : NULL;
    RmmCourse course;
    RmmSro *sro;
    uint64_t fail;

    rmm_policy_plan(c, &course);
    if (!(memory && memory->n) && rmm_course_at_once(&course)) {
        fail = rmm_course_fail(&course);
        return fail ? rmm_refuse(c, fail, "a rule of the script", 0) :
                      RMI_SUCCESS;
    }
    sro = free_context(c->rmm);
    if (!sro) {
        /* sec B4.3.2: BUSY if one were executing now, which none can be. */
        return rmm_refuse(c, RMI_BLOCKED, "no context is free",
                          c->rmm->sros->n_open);
    }
    open_context(c, sro, &course);
    if (memory && memory->n) {
        sro->taken = true;
        rmm_extents_move(&sro->held, memory);
    }
    first_phase(c->rmm, sro);
    c->out.op.handle = sro->handle;
    return rmm_sro_answer(c, sro);
}

RmmCall *rmm_sro_resume(RmmCall *c, RmmSro *sro, RmmFrame *begun)
{
    RmmCall *b = rmm_frame_begin(begun, c->rmm, rmm_command(sro->num), c->cpu);

    b->sro = sro;
    b->owner = rmm_sro_owner(c->rmm, sro);
    b->arg = sro->arg;
    b->copy = g_memdup2(sro->copy, sro->n_copy);
    b->n_copy = sro->n_copy;
    return b;
}

void rmm_sro_answered(RmmCall *c, uint64_t x0)
{
    RmmSro *sro = c->cmd->check ? NULL :
                  rmm_sro_find(c->rmm, c->arg.op.handle);

    if (sro) {
        sro->last_num = c->num;
        sro->last_x0 = x0;
    }
}

void rmm_sro_restore(RmmCall *c, RmmSro *sro)
{
    RmmFrame frame;
    RmmCall *begun = rmm_sro_resume(c, sro, &frame);

    if (begun->cmd->check(begun) == RMI_SUCCESS) {
        if (begun->cmd->take_back) {
            begun->cmd->take_back(begun, &sro->held);
        } else {
            rmm_extents_move(begun->cmd->memory(begun), &sro->held);
        }
        sro->taken = false;
    }
    rmm_frame_end(&frame);
}

static void forget(ArmRmm *rmm, RmmSro *sro)
{
    unlock_all(rmm, sro);
    rmm_extents_clear(&sro->held);
    g_free(sro->copy);
    sro->copy = NULL;
    sro->n_copy = 0;
    sro->open = false;
}

void rmm_sro_close(RmmCall *c, RmmSro *sro, uint64_t x0)
{
    RmmSros *all = c->rmm->sros;
    RmmFrame frame;
    RmmCall *begun = rmm_sro_resume(c, sro, &frame);

    trace_arm_rmm_sro_close(sro->handle, begun->cmd->name, x0);
    if (x0 != RMI_SUCCESS && begun->cmd->dropped) {
        begun->cmd->dropped(begun);
    }
    rmm_frame_end(&frame);
    all->dead[all->n_dead++ % RMM_DEAD_HANDLES] = sro->handle;
    forget(c->rmm, sro);
    all->n_open--;
}

RmmSro *rmm_sro_next(ArmRmm *rmm, const RmmSro *sro)
{
    RmmSros *all = rmm->sros;

    for (uint32_t i = sro ? sro - all->sro + 1 : 0;
         all->n_open && i < all->n; i++) {
        if (all->sro[i].open) {
            return &all->sro[i];
        }
    }
    return NULL;
}

void rmm_sros_reset(ArmRmm *rmm)
{
    RmmSros *all = rmm->sros;

    for (RmmSro *sro = NULL; (sro = rmm_sro_next(rmm, sro)); ) {
        forget(rmm, sro);
    }
    all->n_open = 0;
    all->n_dead = 0;
}

void rmm_sros_init(ArmRmm *rmm)
{
    RmmSros *all = g_new0(RmmSros, 1);

    all->rmm = rmm;
    all->n = rmm->config.num_sros;
    all->sro = g_new0(RmmSro, all->n);
    rmm->sros = all;
}
