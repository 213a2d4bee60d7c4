/*
 * Realm Management Monitor: migration of open operations
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Incoming state is checked against the ledger, which is loaded before, as are
 * realms, and the locks are taken anew.
 */

#include "qemu/osdep.h"
#include "migration/vmstate.h"
#include "granule.h"
#include "host.h"
#include "sro-internal.h"

static const VMStateDescription vmstate_lock = {
    .name = "arm-rmm/lock",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(base, RmmLock),
        VMSTATE_UINT64(top, RmmLock),
        VMSTATE_END_OF_LIST()
    },
};

static bool copy_ok(void *opaque, int version)
{
    RmmSro *sro = opaque;

    return sro->n_copy <= RMM_COPY_MAX;
}

static const VMStateDescription vmstate_sro = {
    .name = "arm-rmm/operation",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_BOOL(open, RmmSro),
        VMSTATE_UINT64(handle, RmmSro),
        VMSTATE_UINT16(num, RmmSro),
        VMSTATE_UINT64_ARRAY(arg.x, RmmSro, RMI_INPUTS),
        VMSTATE_UINT8(wants, RmmSro),
        VMSTATE_BOOL(cancellable, RmmSro),
        VMSTATE_BOOL(cancelled, RmmSro),
        VMSTATE_BOOL(taken, RmmSro),
        VMSTATE_UINT64(error, RmmSro),
        VMSTATE_STRUCT(course, RmmSro, 1, vmstate_rmm_course, RmmCourse),
        VMSTATE_UINT64(left, RmmSro),
        VMSTATE_UINT64(accepted, RmmSro),
        VMSTATE_UINT64(handed_back, RmmSro),
        VMSTATE_UINT64(calls, RmmSro),
        VMSTATE_UINT16(last_num, RmmSro),
        VMSTATE_UINT64(last_x0, RmmSro),
        VMSTATE_INT64(last_ns, RmmSro),
        VMSTATE_STRUCT(held, RmmSro, 1, vmstate_rmm_extents, RmmExtents),
        VMSTATE_UINT32(n_copy, RmmSro),
        VMSTATE_VALIDATE("size of the copy", copy_ok),
        VMSTATE_VBUFFER_ALLOC_UINT32(copy, RmmSro, 1, NULL, n_copy),
        VMSTATE_UINT8(n_locks, RmmSro),
        VMSTATE_STRUCT_ARRAY(lock, RmmSro, RMM_MAX_LOCKS, 1, vmstate_lock,
                             RmmLock),
        VMSTATE_UINT64(work_rd, RmmSro),
        VMSTATE_STRUCT(work, RmmSro, 1, vmstate_lock, RmmLock),
        VMSTATE_END_OF_LIST()
    },
};

static bool locks_ok(ArmRmm *rmm, const RmmSro *sro)
{
    for (unsigned i = 0; i < sro->n_locks; i++) {
        const RmmLock *l = &sro->lock[i];

        if (!rmm_aligned(rmm, l->base) || !rmm_aligned(rmm, l->top) ||
            l->top <= l->base ||
            (l->top - l->base) / rmm_granule_size(rmm) > rmm->banks->units) {
            return false;
        }
    }
    return true;
}

static bool sro_ok(ArmRmm *rmm, const RmmSro *sro)
{
    const RmmCommand *cmd = rmm_command(sro->num);

    return cmd && cmd->kind != RMM_PLAIN && rmm_command(sro->last_num) &&
           sro->wants <= RMI_MEM_RECLAIM && sro->n_locks <= RMM_MAX_LOCKS &&
           (!sro->taken || cmd->memory) && rmm_course_ok(&sro->course) &&
           locks_ok(rmm, sro) && rmm_extents_ok(rmm, &sro->held);
}

static void lock_again(ArmRmm *rmm, const RmmSro *sro)
{
    for (unsigned i = 0; i < sro->n_locks; i++) {
        rmm_granule_lock(rmm, rmm_sro_owner(rmm, sro), sro->lock[i].base,
                         sro->lock[i].top);
    }
    if (sro->work.top) {
        RmmRealm *realm = rmm_realm_find(rmm, sro->work_rd);

        if (realm) {
            rmm_rtt_work_begin(realm, rmm_sro_owner(rmm, sro), sro->work.base,
                               sro->work.top);
        }
    }
}

static int sros_pre_load(void *opaque)
{
    RmmSros *all = opaque;

    rmm_sros_reset(all->rmm);
    return 0;
}

static int sros_post_load(void *opaque, int version)
{
    RmmSros *all = opaque;

    all->n_open = 0;
    for (uint32_t i = 0; i < all->n; i++) {
        RmmSro *sro = &all->sro[i];

        if (!sro->open) {
            continue;
        }
        if (!sro_ok(all->rmm, sro)) {
            return -EINVAL;
        }
        lock_again(all->rmm, sro);
        all->n_open++;
    }
    return 0;
}

const VMStateDescription vmstate_rmm_sros = {
    .name = "arm-rmm/operations",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = sros_pre_load,
    .post_load = sros_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_EQUAL(n, RmmSros, "sro-contexts differs"),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(sro, RmmSros, n, vmstate_sro,
                                             RmmSro),
        VMSTATE_UINT64_ARRAY(dead, RmmSros, RMM_DEAD_HANDLES),
        VMSTATE_UINT32(n_dead, RmmSros),
        VMSTATE_END_OF_LIST()
    },
};
