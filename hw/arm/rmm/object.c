/*
 * Realm Management Monitor: realms and RECs
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A2.2 (realms), A2.4 (RECs).
 */

#include "qemu/osdep.h"
#include "migration/vmstate.h"
#include "granule.h"
#include "object.h"

static const char *const realm_states[RMM_REALM_STATES] = {
    [RMM_REALM_NEW] = "new",
    [RMM_REALM_ACTIVE] = "active",
    [RMM_REALM_SYSTEM_OFF] = "system-off",
    [RMM_REALM_ZOMBIE] = "zombie",
};

const char *rmm_realm_state_name(RmmRealmState state)
{
    return state < RMM_REALM_STATES ? realm_states[state] : "invalid";
}

RmmRealm *rmm_realm_find(ArmRmm *rmm, uint64_t rd)
{
    return rmm_granule_state(rmm, rd) == RMM_G_RD ?
           g_hash_table_lookup(rmm->objects->by_pa, &rd) : NULL;
}

uint64_t rmm_check_rd(RmmCall *c, uint64_t rd)
{
    uint64_t x0 = rmm_granule_check(c, rd, RMM_G_RD);

    if (x0) {
        return x0;
    }
    c->realm = rmm_realm_find(c->rmm, rd);
    return c->realm ? RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, "granule is no realm descriptor", rd);
}

void rmm_realm_add(ArmRmm *rmm, RmmRealm *realm)
{
    QTAILQ_INSERT_TAIL(&rmm->objects->realms, realm, next);
    g_hash_table_insert(rmm->objects->by_pa, &realm->rd, realm);
    rmm->objects->n_realms++;
}

void rmm_realm_free(ArmRmm *rmm, RmmRealm *realm)
{
    RmmRec *rec, *next;

    QTAILQ_FOREACH_SAFE(rec, &realm->recs, next, next) {
        rmm_rec_free(rmm, rec);
    }
    g_hash_table_remove(rmm->objects->by_pa, &realm->rd);
    rmm_extents_clear(&realm->held);
    if (realm->in_work) {
        g_array_unref(realm->in_work);
    }
    QTAILQ_REMOVE(&rmm->objects->realms, realm, next);
    rmm->objects->n_realms--;
    g_free(realm);
}

uint64_t rmm_check_rec(RmmCall *c, uint64_t pa, RmmRec **rec)
{
    uint64_t x0 = rmm_granule_check(c, pa, RMM_G_REC);

    if (x0) {
        return x0;
    }
    *rec = g_hash_table_lookup(c->rmm->objects->by_pa, &pa);
    return *rec ? RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, "granule is no REC", pa);
}

uint64_t rmm_mpidr_index(uint64_t mpidr)
{
    return FIELD_EX64(mpidr, RMI_MPIDR, AFF0) |
           FIELD_EX64(mpidr, RMI_MPIDR, AFF1) << 4 |
           FIELD_EX64(mpidr, RMI_MPIDR, AFF2) << 12 |
           FIELD_EX64(mpidr, RMI_MPIDR, AFF3) << 20;
}

void rmm_rec_add(ArmRmm *rmm, RmmRec *rec)
{
    QTAILQ_INSERT_TAIL(&rec->realm->recs, rec, next);
    g_hash_table_insert(rmm->objects->by_pa, &rec->pa, rec);
    rec->realm->num_recs++;
}

void rmm_rec_free(ArmRmm *rmm, RmmRec *rec)
{
    g_hash_table_remove(rmm->objects->by_pa, &rec->pa);
    QTAILQ_REMOVE(&rec->realm->recs, rec, next);
    rec->realm->num_recs--;
    rmm_extents_clear(&rec->held);
    g_free(rec);
}

void rmm_objects_init(ArmRmm *rmm)
{
    RmmObjects *o = g_new0(RmmObjects, 1);

    o->rmm = rmm;
    QTAILQ_INIT(&o->realms);
    o->by_pa = g_hash_table_new(g_int64_hash, g_int64_equal);
    rmm->objects = o;
}

void rmm_objects_clear(ArmRmm *rmm)
{
    RmmRealm *realm, *next;

    QTAILQ_FOREACH_SAFE(realm, &rmm->objects->realms, next, next) {
        rmm_realm_free(rmm, realm);
    }
}

/*
 * Migration
 */
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
        VMSTATE_STRUCT(held, RmmRec, 1, vmstate_rmm_extents, RmmExtents),
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
        VMSTATE_STRUCT(held, RmmRealm, 1, vmstate_rmm_extents, RmmExtents),
        VMSTATE_QTAILQ_V(recs, RmmRealm, 1, vmstate_rec, RmmRec, next),
        VMSTATE_END_OF_LIST()
    },
};

/* Who belongs to whom; nothing is believed yet. */
static void link_objects(ArmRmm *rmm)
{
    RmmRealm *realm;
    RmmRec *rec;

    rmm->objects->n_realms = 0;
    QTAILQ_FOREACH(realm, &rmm->objects->realms, next) {
        rmm->objects->n_realms++;
        realm->num_recs = 0;
        QTAILQ_FOREACH(rec, &realm->recs, next) {
            rec->realm = realm;
            realm->num_recs++;
        }
    }
}

static bool recs_ok(ArmRmm *rmm, RmmRealm *realm)
{
    RmmRec *rec;

    QTAILQ_FOREACH(rec, &realm->recs, next) {
        if (rmm_granule_state(rmm, rec->pa) != RMM_G_REC ||
            !rmm_extents_ok(rmm, &rec->held)) {
            return false;
        }
        g_hash_table_insert(rmm->objects->by_pa, &rec->pa, rec);
    }
    return true;
}

/* Does the ledger know them? */
static bool objects_ok(ArmRmm *rmm)
{
    RmmRealm *realm;

    link_objects(rmm);
    QTAILQ_FOREACH(realm, &rmm->objects->realms, next) {
        if (rmm_granule_state(rmm, realm->rd) != RMM_G_RD ||
            realm->state >= RMM_REALM_STATES ||
            !rmm_granules_are(rmm, realm->rtt_base, realm->rtt_num,
                              RMM_G_RTT) ||
            !rmm_extents_ok(rmm, &realm->held) || !recs_ok(rmm, realm)) {
            return false;
        }
        g_hash_table_insert(rmm->objects->by_pa, &realm->rd, realm);
    }
    return true;
}

static int objects_post_load(void *opaque, int version)
{
    RmmObjects *o = opaque;

    return objects_ok(o->rmm) ? 0 : -EINVAL;
}

static int objects_pre_load(void *opaque)
{
    RmmObjects *o = opaque;

    rmm_objects_clear(o->rmm);
    return 0;
}

const VMStateDescription vmstate_rmm_objects = {
    .name = "arm-rmm/objects",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = objects_pre_load,
    .post_load = objects_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_QTAILQ_V(realms, RmmObjects, 1, vmstate_realm, RmmRealm, next),
        VMSTATE_END_OF_LIST()
    },
};
