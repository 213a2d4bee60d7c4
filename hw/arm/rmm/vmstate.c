/*
 * Realm Management Monitor: migration
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything that the host can observe migrates, open operations with their
 * course included, and what the monitor found. The tables of granule protection
 * are RAM and migrate as such; the script is configuration, how often its rules
 * matched is state.
 *
 * Incoming state is checked: the ledger is the master, and what does not agree
 * with it is refused.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "hw/arm/arm-rmm.h"
#include "migration/vmstate.h"

#define MAX_EXTENTS (1 << 26)

/* Granules that are equal in the ledger */
struct RmmRun {
    uint64_t n;
    uint8_t val;
    uint8_t origin;
};

static const VMStateDescription vmstate_run = {
    .name = "arm-rmm/run",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(n, struct RmmRun),
        VMSTATE_UINT8(val, struct RmmRun),
        VMSTATE_UINT8(origin, struct RmmRun),
        VMSTATE_END_OF_LIST()
    },
};

/* Donated memory */
static int extents_pre_load(void *opaque)
{
    rmm_extents_clear(opaque);
    return 0;
}

static bool extents_count_ok(void *opaque, int version)
{
    RmmExtents *e = opaque;

    return e->n >= 0 && e->n <= MAX_EXTENTS;
}

static int extents_post_load(void *opaque, int version)
{
    RmmExtents *e = opaque;

    e->allocated = e->n;
    return 0;
}

static const VMStateDescription vmstate_extent = {
    .name = "arm-rmm/extent",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(base, RmmExtent),
        VMSTATE_UINT64(granules, RmmExtent),
        VMSTATE_BOOL(was_ns, RmmExtent),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_extents = {
    .name = "arm-rmm/extents",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = extents_pre_load,
    .post_load = extents_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_INT32(n, RmmExtents),
        VMSTATE_VALIDATE("number of pieces", extents_count_ok),
        VMSTATE_STRUCT_VARRAY_ALLOC(ext, RmmExtents, n, 1, vmstate_extent,
                                    RmmExtent),
        VMSTATE_END_OF_LIST()
    },
};

/* Course of an operation */
static const VMStateDescription vmstate_req = {
    .name = "arm-rmm/request",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(size, RmmReq),
        VMSTATE_UINT16(count, RmmReq),
        VMSTATE_BOOL(contig, RmmReq),
        VMSTATE_UINT8(state, RmmReq),
        VMSTATE_UINT64(or, RmmReq),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_reqs = {
    .name = "arm-rmm/requests",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(n, RmmReqs),
        VMSTATE_STRUCT_ARRAY(req, RmmReqs, RMM_MAX_REQS, 1, vmstate_req,
                             RmmReq),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_shape = {
    .name = "arm-rmm/course",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_INT32(rounds, RmmShape),
        VMSTATE_UINT32(rounds_before, RmmShape),
        VMSTATE_BOOL(cancel, RmmShape),
        VMSTATE_BOOL(cancel_toggle, RmmShape),
        VMSTATE_STRUCT(donate, RmmShape, 1, vmstate_reqs, RmmReqs),
        VMSTATE_STRUCT(then_donate, RmmShape, 1, vmstate_reqs, RmmReqs),
        VMSTATE_STRUCT(cancel_donate, RmmShape, 1, vmstate_reqs, RmmReqs),
        VMSTATE_BOOL(repeat, RmmShape),
        VMSTATE_BOOL(cycle, RmmShape),
        VMSTATE_UINT8(n_consume, RmmShape),
        VMSTATE_UINT32_ARRAY(consume, RmmShape, RMM_MAX_CONSUME),
        VMSTATE_BOOL(consume_repeat, RmmShape),
        VMSTATE_UINT32(refuse_granule, RmmShape),
        VMSTATE_UINT64(fail, RmmShape),
        VMSTATE_BOOL(keep_memory, RmmShape),
        VMSTATE_UINT32(max_entries, RmmShape),
        VMSTATE_UINT32(max_granules, RmmShape),
        VMSTATE_UINT8(order, RmmShape),
        VMSTATE_INT32(empty, RmmShape),
        VMSTATE_UINT32(skip, RmmShape),
        VMSTATE_INT8(state, RmmShape),
        VMSTATE_BOOL(has_extra, RmmShape),
        VMSTATE_UINT64(extra, RmmShape),
        VMSTATE_UINT64(chunk, RmmShape),
        VMSTATE_BOOL(has_handle, RmmShape),
        VMSTATE_UINT64(handle, RmmShape),
        VMSTATE_BOOL(has_final, RmmShape),
        VMSTATE_UINT64(final, RmmShape),
        VMSTATE_END_OF_LIST()
    },
};

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
        VMSTATE_STRUCT(shape, RmmSro, 1, vmstate_shape, RmmShape),
        VMSTATE_UINT8(queue, RmmSro),
        VMSTATE_UINT8(req, RmmSro),
        VMSTATE_UINT64(left, RmmSro),
        VMSTATE_INT32(rounds, RmmSro),
        VMSTATE_UINT32(rounds_before, RmmSro),
        VMSTATE_INT32(empty, RmmSro),
        VMSTATE_UINT32(skip, RmmSro),
        VMSTATE_BOOL(extra_done, RmmSro),
        VMSTATE_UINT32(donations, RmmSro),
        VMSTATE_UINT64(accepted, RmmSro),
        VMSTATE_UINT64(handed_back, RmmSro),
        VMSTATE_UINT64(calls, RmmSro),
        VMSTATE_UINT16(last_num, RmmSro),
        VMSTATE_UINT64(last_x0, RmmSro),
        VMSTATE_INT64(last_ns, RmmSro),
        VMSTATE_STRUCT(held, RmmSro, 1, vmstate_extents, RmmExtents),
        VMSTATE_UINT8(n_locks, RmmSro),
        VMSTATE_STRUCT_ARRAY(lock, RmmSro, RMM_MAX_LOCKS, 1, vmstate_lock,
                             RmmLock),
        VMSTATE_END_OF_LIST()
    },
};

/* Objects */
static int rec_pre_load(void *opaque)
{
    memset(opaque, 0, sizeof(RmmRec));
    return 0;
}

static const VMStateDescription vmstate_rec = {
    .name = "arm-rmm/rec",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = rec_pre_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(pa, RmmRec),
        VMSTATE_UINT64(index, RmmRec),
        VMSTATE_UINT64(mpidr, RmmRec),
        VMSTATE_BOOL(runnable, RmmRec),
        VMSTATE_BOOL(psci_pending, RmmRec),
        VMSTATE_BOOL(emulatable, RmmRec),
        VMSTATE_UINT64(ripas_addr, RmmRec),
        VMSTATE_UINT64(ripas_top, RmmRec),
        VMSTATE_UINT8(ripas_value, RmmRec),
        VMSTATE_BOOL(ripas_destroyed, RmmRec),
        VMSTATE_UINT64_ARRAY(ctx.gprs, RmmRec, 31),
        VMSTATE_UINT64(ctx.pc, RmmRec),
        VMSTATE_UINT64(ctx.pstate, RmmRec),
        VMSTATE_STRUCT(held, RmmRec, 1, vmstate_extents, RmmExtents),
        VMSTATE_END_OF_LIST()
    },
};

static int realm_pre_load(void *opaque)
{
    RmmRealm *realm = opaque;

    memset(realm, 0, sizeof(*realm));
    QTAILQ_INIT(&realm->recs);
    return 0;
}

static const VMStateDescription vmstate_realm = {
    .name = "arm-rmm/realm",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = realm_pre_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(rd, RmmRealm),
        VMSTATE_UINT8(state, RmmRealm),
        VMSTATE_UINT8(s2sz, RmmRealm),
        VMSTATE_INT8(rtt_level, RmmRealm),
        VMSTATE_BOOL(lpa2, RmmRealm),
        VMSTATE_UINT8(hash, RmmRealm),
        VMSTATE_UINT32(rtt_num, RmmRealm),
        VMSTATE_UINT64(rtt_base, RmmRealm),
        VMSTATE_UINT64(flags0, RmmRealm),
        VMSTATE_UINT64(next_index, RmmRealm),
        VMSTATE_UINT64(tables, RmmRealm),
        VMSTATE_UINT64(data, RmmRealm),
        VMSTATE_UINT8_ARRAY(rim, RmmRealm, RMI_HASH_BYTES),
        VMSTATE_UINT8_2DARRAY(rem, RmmRealm, 4, RMI_HASH_BYTES),
        VMSTATE_UINT8_ARRAY(rpv, RmmRealm, 64),
        VMSTATE_STRUCT(held, RmmRealm, 1, vmstate_extents, RmmExtents),
        VMSTATE_QTAILQ_V(recs, RmmRealm, 1, vmstate_rec, RmmRec, next),
        VMSTATE_END_OF_LIST()
    },
};

/* What the monitor found */
static const VMStateDescription vmstate_finding = {
    .name = "arm-rmm/finding",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(count, RmmFinding),
        VMSTATE_UINT16(num, RmmFinding),
        VMSTATE_INT32(cpu, RmmFinding),
        VMSTATE_INT64(time_ns, RmmFinding),
        VMSTATE_UINT64(address, RmmFinding),
        VMSTATE_BUFFER_UNSAFE(detail, RmmFinding, 1, RMM_FINDING_TEXT),
        VMSTATE_END_OF_LIST()
    },
};

/*
 * The device
 */
static void make_runs(ArmRmm *rmm)
{
    uint64_t total = rmm_granule_total(rmm);
    GArray *runs = g_array_new(false, true, sizeof(struct RmmRun));

    for (uint64_t i = 0; i < total; ) {
        struct RmmRun run = { .val = rmm->ledger[i],
                              .origin = rmm->origin[i] };

        while (i + run.n < total && rmm->ledger[i + run.n] == run.val &&
               rmm->origin[i + run.n] == run.origin) {
            run.n++;
        }
        i += run.n;
        g_array_append_val(runs, run);
    }
    rmm->n_runs = runs->len;
    rmm->run = (struct RmmRun *)g_array_free(runs, false);
}

static int rmm_pre_save(void *opaque)
{
    ArmRmm *rmm = opaque;

    rmm->migrated_abi = rmm->abi;
    rmm->n_rule_matched = rmm->n_rules;
    for (unsigned i = 0; i < rmm->n_rules; i++) {
        rmm->rule_matched[i] = rmm->rule[i].matched;
        rmm->rule_applied[i] = rmm->rule[i].applied;
    }
    g_free(rmm->run);
    make_runs(rmm);
    return 0;
}

static int rmm_post_save(void *opaque)
{
    ArmRmm *rmm = opaque;

    g_free(rmm->run);
    rmm->run = NULL;
    return 0;
}

static int rmm_pre_load(void *opaque)
{
    ArmRmm *rmm = opaque;
    RmmRealm *realm, *next;

    rmm_sros_reset(rmm);
    QTAILQ_FOREACH_SAFE(realm, &rmm->realms, next, next) {
        rmm_realm_free(rmm, realm);
    }
    g_free(rmm->run);
    rmm->run = NULL;
    return 0;
}

static bool same_abi(void *opaque, int version)
{
    ArmRmm *rmm = opaque;

    return rmm->migrated_abi == rmm->abi;
}

static bool granule_ok(void *opaque, int version)
{
    ArmRmm *rmm = opaque;

    return (rmm->granule_shift == 12 || rmm->granule_shift == 14 ||
            rmm->granule_shift == 16) && rmm->tracking_code <= 1 &&
           rmm->state <= RMM_STATE_ACTIVE;
}

static bool runs_ok(void *opaque, int version)
{
    ArmRmm *rmm = opaque;

    return rmm->n_runs >= 0 && (uint64_t)rmm->n_runs <= rmm->n_ledger;
}

static bool load_ledger(ArmRmm *rmm)
{
    uint64_t total = rmm_granule_total(rmm);
    uint64_t at = 0;

    memset(rmm->count, 0, sizeof(rmm->count));
    for (int32_t i = 0; i < rmm->n_runs; i++) {
        const struct RmmRun *run = &rmm->run[i];
        unsigned state = run->val & RMM_LEDGER_STATE;

        if (run->n > total - at || state >= RMM_G_STATES ||
            (run->origin && !rmm_command_at(run->origin - 1))) {
            return false;
        }
        memset(rmm->ledger + at, run->val, run->n);
        memset(rmm->origin + at, run->origin, run->n);
        rmm->count[state] += run->n;
        at += run->n;
    }
    memset(rmm->ledger + at, 0, rmm->n_ledger - at);
    memset(rmm->origin + at, 0, rmm->n_ledger - at);
    return at == total;
}

static bool granules_are(ArmRmm *rmm, uint64_t pa, uint64_t n,
                         RmmGranuleState state)
{
    const uint8_t *g = rmm_granule(rmm, pa);

    if (!rmm_granules_exist(rmm, pa, n)) {
        return false;
    }
    for (uint64_t i = 0; i < n; i++) {
        if ((g[i] & RMM_LEDGER_STATE) != state) {
            return false;
        }
    }
    return true;
}

static bool extents_ok(ArmRmm *rmm, const RmmExtents *e)
{
    for (int i = 0; i < e->n; i++) {
        if (!granules_are(rmm, e->ext[i].base, e->ext[i].granules,
                          RMM_G_INTERNAL)) {
            return false;
        }
    }
    return true;
}

static bool locks_ok(ArmRmm *rmm, const RmmSro *sro)
{
    for (unsigned i = 0; i < sro->n_locks; i++) {
        const RmmLock *l = &sro->lock[i];

        if (!rmm_aligned(rmm, l->base) || !rmm_aligned(rmm, l->top) ||
            l->top <= l->base ||
            (l->top - l->base) / rmm_granule_size(rmm) > rmm->n_ledger) {
            return false;
        }
    }
    return true;
}

static bool reqs_ok(const RmmReqs *reqs)
{
    for (unsigned i = 0; i < RMM_MAX_REQS; i++) {
        if (reqs->req[i].size > 3 || reqs->req[i].count > 16383) {
            return false;
        }
    }
    return reqs->n <= RMM_MAX_REQS;
}

static bool shape_ok(const RmmShape *shape)
{
    return shape->n_consume <= RMM_MAX_CONSUME &&
           shape->order < ARM_RMM_RECLAIM_ORDER__MAX &&
           reqs_ok(&shape->donate) && reqs_ok(&shape->then_donate) &&
           reqs_ok(&shape->cancel_donate);
}

static bool sro_ok(ArmRmm *rmm, const RmmSro *sro)
{
    const RmmCommand *cmd = rmm_command(sro->num);

    return cmd && cmd->kind != RMM_PLAIN && rmm_command(sro->last_num) &&
           sro->wants <= RMI_MEM_RECLAIM && sro->queue <= RMM_QUEUE_CANCEL &&
           sro->req < RMM_MAX_REQS && sro->n_locks <= RMM_MAX_LOCKS &&
           (!sro->taken || cmd->memory) && shape_ok(&sro->shape) &&
           locks_ok(rmm, sro) && extents_ok(rmm, &sro->held);
}

static bool load_sros(ArmRmm *rmm)
{
    rmm->open_sros = 0;
    for (unsigned i = 0; i < rmm->num_sros; i++) {
        if (!rmm->sro[i].open) {
            continue;
        }
        if (!sro_ok(rmm, &rmm->sro[i])) {
            return false;
        }
        rmm->open_sros++;
    }
    return true;
}

static bool load_recs(ArmRmm *rmm, RmmRealm *realm)
{
    RmmRec *rec;

    realm->num_recs = 0;
    QTAILQ_FOREACH(rec, &realm->recs, next) {
        if (rmm_granule_state(rmm, rec->pa) != RMM_G_REC ||
            !extents_ok(rmm, &rec->held)) {
            return false;
        }
        rec->realm = realm;
        realm->num_recs++;
        g_hash_table_insert(rmm->objects, &rec->pa, rec);
    }
    return true;
}

static bool load_realms(ArmRmm *rmm)
{
    RmmRealm *realm;

    rmm->n_realms = 0;
    QTAILQ_FOREACH(realm, &rmm->realms, next) {
        if (rmm_granule_state(rmm, realm->rd) != RMM_G_RD ||
            realm->state >= RMM_REALM_STATES ||
            !rmm_realm_geometry_ok(rmm, realm->s2sz, realm->rtt_level,
                                   realm->rtt_num, realm->lpa2) ||
            !granules_are(rmm, realm->rtt_base, realm->rtt_num, RMM_G_RTT) ||
            !rmm_hash_size(realm->hash) || !extents_ok(rmm, &realm->held) ||
            !load_recs(rmm, realm)) {
            return false;
        }
        rmm->n_realms++;
        g_hash_table_insert(rmm->objects, &realm->rd, realm);
    }
    return true;
}

static bool load_findings(ArmRmm *rmm)
{
    for (unsigned i = 0; i < ARM_RMM_FINDING_KIND__MAX; i++) {
        RmmFinding *f = &rmm->finding[i];

        f->detail[RMM_FINDING_TEXT - 1] = '\0';
        if (f->num && !rmm_command(f->num)) {
            return false;
        }
    }
    return true;
}

static int rmm_post_load(void *opaque, int version)
{
    ArmRmm *rmm = opaque;
    bool ok = load_ledger(rmm);

    g_free(rmm->run);
    rmm->run = NULL;
    if (!ok || !load_sros(rmm) || !extents_ok(rmm, &rmm->held) ||
        !load_realms(rmm) || !load_findings(rmm)) {
        error_report("arm-rmm: the incoming state contradicts itself");
        return -EINVAL;
    }
    for (unsigned i = 0; i < rmm->n_rules; i++) {
        bool same = rmm->n_rule_matched == rmm->n_rules;

        rmm->rule[i].matched = same ? rmm->rule_matched[i] : 0;
        rmm->rule[i].applied = same ? rmm->rule_applied[i] : 0;
    }
    for (uint32_t i = 0; i < rmm->n_regions; i++) {
        rmm->region[i] = MIN(rmm->region[i], RMI_TRACKING_COARSE);
    }
    return 0;
}

const VMStateDescription vmstate_arm_rmm = {
    .name = "arm-rmm",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = rmm_pre_save,
    .post_save = rmm_post_save,
    .pre_load = rmm_pre_load,
    .post_load = rmm_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(migrated_abi, ArmRmm),
        VMSTATE_VALIDATE("abi of the other side", same_abi),
        VMSTATE_UINT32_EQUAL(num_sros, ArmRmm, "sro-contexts differs"),
        VMSTATE_UINT32_EQUAL(n_regions, ArmRmm, "the memory differs"),
        VMSTATE_UINT8(state, ArmRmm),
        VMSTATE_UINT8(granule_shift, ArmRmm),
        VMSTATE_UINT8(tracking_code, ArmRmm),
        VMSTATE_VALIDATE("granule size", granule_ok),
        VMSTATE_VBUFFER_UINT32(region, ArmRmm, 1, NULL, n_regions),
        VMSTATE_INT32(n_runs, ArmRmm),
        VMSTATE_VALIDATE("number of runs", runs_ok),
        VMSTATE_STRUCT_VARRAY_ALLOC(run, ArmRmm, n_runs, 1, vmstate_run,
                                    struct RmmRun),
        VMSTATE_STRUCT(held, ArmRmm, 1, vmstate_extents, RmmExtents),
        VMSTATE_STRUCT_VARRAY_POINTER_UINT32(sro, ArmRmm, num_sros,
                                             vmstate_sro, RmmSro),
        VMSTATE_UINT64_ARRAY(dead, ArmRmm, RMM_DEAD_HANDLES),
        VMSTATE_UINT32(n_dead, ArmRmm),
        VMSTATE_QTAILQ_V(realms, ArmRmm, 1, vmstate_realm, RmmRealm, next),
        VMSTATE_UINT64(calls, ArmRmm),
        VMSTATE_UINT64(donated, ArmRmm),
        VMSTATE_UINT64(reclaimed, ArmRmm),
        VMSTATE_UINT64(gpt_flushes, ArmRmm),
        VMSTATE_UINT64(random, ArmRmm),
        VMSTATE_UINT32(n_rule_matched, ArmRmm),
        VMSTATE_UINT64_ARRAY(rule_matched, ArmRmm, RMM_MAX_RULES),
        VMSTATE_UINT64_ARRAY(rule_applied, ArmRmm, RMM_MAX_RULES),
        VMSTATE_STRUCT_ARRAY(finding, ArmRmm, ARM_RMM_FINDING_KIND__MAX, 1,
                             vmstate_finding, RmmFinding),
        VMSTATE_END_OF_LIST()
    },
};
