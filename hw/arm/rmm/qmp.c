/*
 * Realm Management Monitor: QMP commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Schema: qapi/arm-rmm.json
 */

#include "qemu/osdep.h"
#include "qapi/clone-visitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-arm-rmm.h"
#include "qapi/qapi-visit-arm-rmm.h"
#include "qemu/timer.h"
#include "bank.h"
#include "dispatch.h"
#include "gpt.h"
#include "granule.h"
#include "measure.h"
#include "monitor.h"
#include "rtt.h"
#include "script.h"
#include "sro.h"
#include "system.h"

static ArmRmm *get(Error **errp)
{
    ArmRmm *rmm = rmm_get();

    if (!rmm || !rmm->ledger) {
        error_setg(errp, "the machine has no arm-rmm");
        return NULL;
    }
    return rmm;
}

void qmp_arm_rmm_set_script(ArmRmmScript *script, Error **errp)
{
    ArmRmm *rmm = get(errp);

    if (rmm) {
        rmm_script_set(rmm, script, errp);
    }
}

ArmRmmRuleInfoList *qmp_query_rmm_script(Error **errp)
{
    ArmRmm *rmm = get(errp);
    ArmRmmRuleInfoList *list = NULL, **tail = &list;

    for (unsigned i = 0; rmm && i < rmm->script->n_rules; i++) {
        ArmRmmRuleInfo *info = g_new0(ArmRmmRuleInfo, 1);

        info->rule = QAPI_CLONE(ArmRmmRule, rmm->script->rule[i].rule);
        info->matched = rmm->script->rule[i].matched;
        info->applied = rmm->script->rule[i].applied;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

static ArmRmmGranuleCountList *granule_counts(ArmRmm *rmm)
{
    ArmRmmGranuleCountList *list = NULL, **tail = &list;

    for (unsigned i = 0; i < RMM_G_STATES; i++) {
        ArmRmmGranuleCount *count = g_new0(ArmRmmGranuleCount, 1);

        count->state = g_strdup(rmm_granule_name(i));
        count->count = rmm->ledger->count[i];
        QAPI_LIST_APPEND(tail, count);
    }
    return list;
}

static ArmRmmRecInfoList *rec_infos(RmmRealm *realm)
{
    ArmRmmRecInfoList *list = NULL, **tail = &list;
    RmmRec *rec;

    QTAILQ_FOREACH(rec, &realm->recs, next) {
        ArmRmmRecInfo *info = g_new0(ArmRmmRecInfo, 1);

        info->address = rec->pa;
        info->index = rec->index;
        info->mpidr = rec->mpidr;
        info->runnable = rec->runnable;
        info->granules = rmm_extents_total(&rec->held);
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

static char *hex(const uint8_t *buf, unsigned n)
{
    GString *s = g_string_new(NULL);

    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(s, "%02x", buf[i]);
    }
    return g_string_free(s, false);
}

static ArmRmmRealmInfoList *realm_infos(ArmRmm *rmm)
{
    ArmRmmRealmInfoList *list = NULL, **tail = &list;
    RmmRealm *realm;

    QTAILQ_FOREACH(realm, &rmm->objects->realms, next) {
        ArmRmmRealmInfo *info = g_new0(ArmRmmRealmInfo, 1);

        info->rd = realm->rd;
        info->state = g_strdup(rmm_realm_state_name(realm->state));
        info->ipa_bits = realm->s2sz;
        info->rtt_base = realm->rtt_base;
        info->rtt_level = realm->rtt_level;
        info->rtt_count = realm->rtt_num;
        info->tables = realm->tables;
        info->data = realm->data;
        info->rim = hex(realm->rim, rmm_hash_size(realm->hash));
        info->granules = rmm_extents_total(&realm->held);
        info->recs = rec_infos(realm);
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

static ArmRmmSroInfoList *sro_infos(ArmRmm *rmm)
{
    ArmRmmSroInfoList *list = NULL, **tail = &list;

    for (RmmSro *sro = NULL; (sro = rmm_sro_next(rmm, sro)); ) {
        ArmRmmSroInfo *info = g_new0(ArmRmmSroInfo, 1);

        info->handle = sro->handle;
        info->command = g_strdup(rmm_command_name(sro->num));
        info->wants = g_strdup(rmm_sro_wants_name(sro));
        info->request = rmm_sro_request(rmm, sro);
        info->cancellable = sro->cancellable;
        info->cancelled = sro->cancelled;
        info->error = sro->error;
        info->held = rmm_extents_total(&sro->held);
        info->calls = sro->calls;
        info->age_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) - sro->last_ns;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

static ArmRmmRefusalList *refusals(ArmRmm *rmm)
{
    const GArray *all = rmm_monitor_refusals(rmm);
    ArmRmmRefusalList *list = NULL, **tail = &list;

    for (unsigned i = 0; i < all->len; i++) {
        const RmmRefusal *r = &g_array_index(all, RmmRefusal, i);
        ArmRmmRefusal *info = g_new0(ArmRmmRefusal, 1);

        info->command = g_strdup(rmm_command_name(r->num));
        info->condition = g_strdup(r->why);
        info->count = r->count;
        info->x0 = r->x0;
        info->value = r->value;
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}

ArmRmmInfo *qmp_query_rmm(Error **errp)
{
    static const char *const states[] = { "init", "intermediate", "active" };
    ArmRmm *rmm = get(errp);
    ArmRmmInfo *info;

    if (!rmm) {
        return NULL;
    }
    info = g_new0(ArmRmmInfo, 1);
    info->abi = rmm->config.abi;
    info->state = g_strdup(states[rmm->system->state]);
    info->granule_size = rmm_granule_size(rmm);
    info->tracking_region_size = rmm_tracking_size(rmm);
    info->granules = granule_counts(rmm);
    info->gpt_flushes = rmm->gpt->flushes;
    info->calls = rmm->dispatch->calls;
    info->donated = rmm->ledger->donated;
    info->reclaimed = rmm->ledger->reclaimed;
    info->realms = realm_infos(rmm);
    info->sros = sro_infos(rmm);
    info->refusals = refusals(rmm);
    info->findings = rmm_monitor_total(rmm);
    return info;
}

static const char *pas_name(unsigned gpi)
{
    switch (gpi) {
    case RMM_GPI_NONE:
        return "none";
    case RMM_GPI_SECURE:
        return "secure";
    case RMM_GPI_NS:
        return "ns";
    case RMM_GPI_ROOT:
        return "root";
    case RMM_GPI_REALM:
        return "realm";
    case RMM_GPI_ANY:
        return "any";
    default:
        return "invalid";
    }
}

ArmRmmGranuleInfo *qmp_query_rmm_granule(uint64_t address, Error **errp)
{
    ArmRmm *rmm = get(errp);
    ArmRmmGranuleInfo *info;
    const uint8_t *g;

    if (!rmm) {
        return NULL;
    }
    g = rmm_granule(rmm, address);
    if (!g) {
        error_setg(errp, "there is no memory at 0x%" PRIx64, address);
        return NULL;
    }
    info = g_new0(ArmRmmGranuleInfo, 1);
    info->address = address & ~(rmm_granule_size(rmm) - 1);
    info->state = g_strdup(rmm_granule_name(*g & RMM_LEDGER_STATE));
    info->pas = g_strdup(pas_name(rmm_gpt_get(rmm, address)));
    info->blocked = rmm_granule_foreign(rmm, 0, address);
    info->was_ns = *g & RMM_LEDGER_WAS_NS;
    return info;
}

static const char *rtt_state_name(RmiRttState state)
{
    static const char *const names[] = {
        [RMI_RTT_UNASSIGNED] = "unassigned",
        [RMI_RTT_ASSIGNED] = "assigned",
        [RMI_RTT_TABLE] = "table",
    };

    return names[state];
}

static const char *ripas_name(const RmmRealm *realm, const RmmWalk *w,
                              uint64_t ipa)
{
    static const char *const names[] = {
        [RMI_RIPAS_EMPTY] = "empty",
        [RMI_RIPAS_RAM] = "ram",
        [RMI_RIPAS_DESTROYED] = "destroyed",
    };

    return w->state == RMI_RTT_TABLE || !rmm_rtt_protected(realm, ipa) ?
           "none" : names[w->ripas];
}

ArmRmmRttInfoList *qmp_query_rmm_rtt(uint64_t rd, uint64_t ipa, Error **errp)
{
    ArmRmm *rmm = get(errp);
    ArmRmmRttInfoList *list = NULL, **tail = &list;
    RmmRealm *realm;
    RmmWalk w;
    int level;

    if (!rmm) {
        return NULL;
    }
    realm = rmm_realm_find(rmm, rd);
    if (!realm || ipa >> realm->s2sz) {
        error_setg(errp, realm ? "0x%" PRIx64 " is outside of the realm" :
                   "0x%" PRIx64 " is no realm descriptor", realm ? ipa : rd);
        return NULL;
    }
    level = realm->rtt_level;
    do {
        ArmRmmRttInfo *info = g_new0(ArmRmmRttInfo, 1);

        rmm_rtt_walk(rmm, realm, ipa, level, &w);
        info->level = w.level;
        info->entry = w.entry_pa;
        info->descriptor = w.desc;
        info->state = g_strdup(rtt_state_name(w.state));
        info->ripas = g_strdup(ripas_name(realm, &w, ipa));
        info->address = w.addr;
        QAPI_LIST_APPEND(tail, info);
    } while (w.state == RMI_RTT_TABLE && level++ < 3);
    return list;
}

ArmRmmFindingList *qmp_query_rmm_findings(Error **errp)
{
    ArmRmm *rmm = get(errp);

    return rmm ? rmm_monitor_query(rmm) : NULL;
}

static strList *name_list(const char *const *names, unsigned max)
{
    strList *list = NULL, **tail = &list;

    for (unsigned i = 0; i < max && names[i]; i++) {
        QAPI_LIST_APPEND(tail, g_strdup(names[i]));
    }
    return list;
}

ArmRmmCommandInfoList *qmp_query_rmm_commands(Error **errp)
{
    static const char *const kinds[] = { "P", "S", "SM" };
    ArmRmm *rmm = get(errp);
    ArmRmmCommandInfoList *list = NULL, **tail = &list;
    const RmmCommand *cmd;

    for (unsigned i = 0; rmm && (cmd = rmm_command_at(i)); i++) {
        ArmRmmCommandInfo *info = g_new0(ArmRmmCommandInfo, 1);

        info->num = cmd->num;
        info->name = g_strdup(cmd->name);
        info->kind = g_strdup(kinds[cmd->kind]);
        info->answered = rmm_profile_has(rmm->profile, cmd->num);
        info->calls = rmm->dispatch->by_num[cmd->num - RMI_NUM_FIRST];
        info->inputs = name_list(cmd->in, RMI_INPUTS - 1);
        info->outputs = name_list(cmd->out, RMI_OUTPUTS - 1);
        QAPI_LIST_APPEND(tail, info);
    }
    return list;
}
