/*
 * Realm Management Monitor: scripted behaviour
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A script is a list of rules (qapi/arm-rmm.json). The first rule whose
 * conditions a call meets decides; what the rule does not mention stays as it
 * is. Besides, a seeded sequence can choose the course of every call among the
 * legal ones.
 */

#include "qemu/osdep.h"
#include "qapi/clone-visitor.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-arm-rmm.h"
#include "qapi/qobject-input-visitor.h"
#include "qobject/qjson.h"
#include "qobject/qobject.h"
#include "hw/arm/arm-rmm.h"
#include "trace.h"

/*
 * Reading a script
 */
static bool check_reqs(const char *what, ArmRmmDonateList *l, Error **errp)
{
    unsigned n = 0;

    for (; l; l = l->next) {
        if (++n > RMM_MAX_REQS) {
            error_setg(errp, "arm-rmm: script: %s has more than %u requests",
                       what, RMM_MAX_REQS);
            return false;
        }
        if ((l->value->has_size && l->value->size > 3) ||
            l->value->count > 16383) {
            error_setg(errp, "arm-rmm: script: %s: size=%u count=%u; size must "
                       "be 0 to 3 and count 0 to 16383", what,
                       l->value->has_size ? l->value->size : 0,
                       l->value->count);
            return false;
        }
    }
    return true;
}

static bool check_shape(const ArmRmmSroShape *s, Error **errp)
{
    const uint32List *l;
    unsigned n = 0;

    for (l = s->consume; l; l = l->next) {
        n++;
    }
    if (n > RMM_MAX_CONSUME) {
        error_setg(errp, "arm-rmm: script: consume has %u numbers; there may "
                   "be %u", n, RMM_MAX_CONSUME);
        return false;
    }
    if (s->has_rounds && s->rounds < -1) {
        error_setg(errp, "arm-rmm: script: rounds=%d must be -1 (for ever) or "
                   "more", s->rounds);
        return false;
    }
    return check_reqs("donate", s->donate, errp) &&
           check_reqs("then-donate", s->then_donate, errp) &&
           check_reqs("cancel-donate", s->cancel_donate, errp);
}

static bool check_registers(const ArmRmmRule *r, Error **errp)
{
    for (ArmRmmMatchList *l = r->match; l; l = l->next) {
        if (l->value->reg < 1 || l->value->reg >= RMI_INPUTS) {
            error_setg(errp, "arm-rmm: script: match: reg=%u must be 1 to %u",
                       l->value->reg, RMI_INPUTS - 1);
            return false;
        }
    }
    for (ArmRmmOutList *l = r->out; l; l = l->next) {
        if (l->value->reg >= RMI_OUTPUTS ||
            (l->value->has_from && (l->value->from < 1 ||
                                    l->value->from >= RMI_INPUTS))) {
            error_setg(errp, "arm-rmm: script: out: reg=%u must be 0 to %u, "
                       "from 1 to %u", l->value->reg, RMI_OUTPUTS - 1,
                       RMI_INPUTS - 1);
            return false;
        }
    }
    return true;
}

static bool find_command(const char *name, int *num, Error **errp)
{
    *num = -1;
    if (!name || !strcmp(name, "*")) {
        return true;
    }
    *num = rmm_command_by_name(name);
    if (*num < 0) {
        error_setg(errp, "arm-rmm: script: command '%s' is unknown; "
                   "query-rmm-commands lists them", name);
        return false;
    }
    return true;
}

static bool read_rule(RmmRule *rule, ArmRmmRule *r, Error **errp)
{
    const RmmCommand *cmd;

    if (!find_command(r->command, &rule->num, errp) ||
        !find_command(r->of, &rule->of, errp) || !check_registers(r, errp)) {
        return false;
    }
    cmd = rule->num < 0 ? NULL : rmm_command(rule->num);
    if (r->of && cmd && cmd->check) {
        error_setg(errp, "arm-rmm: script: of=%s belongs to OP_* commands, not "
                   "to %s", r->of, r->command);
        return false;
    }
    if (r->sro && cmd && cmd->kind == RMM_PLAIN) {
        error_setg(errp, "arm-rmm: script: %s is not stateful; it has no sro",
                   r->command);
        return false;
    }
    return !r->sro || check_shape(r->sro, errp);
}

bool rmm_script_set(ArmRmm *rmm, ArmRmmScript *script, Error **errp)
{
    g_autofree RmmRule *rules = g_new0(RmmRule, RMM_MAX_RULES);
    unsigned n = 0;

    for (ArmRmmRuleList *l = script->rules; l; l = l->next) {
        if (n == RMM_MAX_RULES) {
            error_setg(errp, "arm-rmm: script: more than %u rules",
                       RMM_MAX_RULES);
            return false;
        }
        if (!read_rule(&rules[n++], l->value, errp)) {
            return false;
        }
    }
    rmm_script_clear(rmm);
    n = 0;
    for (ArmRmmRuleList *l = script->rules; l; l = l->next) {
        rules[n++].rule = QAPI_CLONE(ArmRmmRule, l->value);
    }
    rmm->rule = g_steal_pointer(&rules);
    rmm->n_rules = n;
    rmm->seed = script->has_random_seed ? script->random_seed : 0;
    rmm->random = rmm->seed;
    return true;
}

void rmm_script_clear(ArmRmm *rmm)
{
    for (unsigned i = 0; i < rmm->n_rules; i++) {
        qapi_free_ArmRmmRule(rmm->rule[i].rule);
    }
    g_free(rmm->rule);
    rmm->rule = NULL;
    rmm->n_rules = 0;
}

bool rmm_script_load(ArmRmm *rmm, const char *script, Error **errp)
{
    g_autofree char *text = NULL;
    g_autoptr(ArmRmmScript) s = NULL;
    g_autoptr(GError) gerr = NULL;
    QObject *obj;
    Visitor *v;

    if (*script != '{') {
        if (!g_file_get_contents(script, &text, NULL, &gerr)) {
            error_setg(errp, "arm-rmm: script=%s: %s", script, gerr->message);
            return false;
        }
        script = text;
    }
    obj = qobject_from_json(script, errp);
    if (!obj) {
        error_prepend(errp, "arm-rmm: script: ");
        return false;
    }
    v = qobject_input_visitor_new(obj);
    visit_type_ArmRmmScript(v, NULL, &s, errp);
    visit_free(v);
    qobject_unref(obj);
    return s && rmm_script_set(rmm, s, errp);
}

/*
 * Using it
 */
static bool conditions_hold(const RmmCall *c, const RmmRule *rule, int of)
{
    if ((rule->num >= 0 && rule->num != c->cmd->num) ||
        (rule->of >= 0 && rule->of != of)) {
        return false;
    }
    for (ArmRmmMatchList *l = rule->rule->match; l; l = l->next) {
        uint64_t mask = l->value->has_mask ? l->value->mask : UINT64_MAX;

        if ((c->arg.x[l->value->reg] ^ l->value->value) & mask) {
            return false;
        }
    }
    return true;
}

const ArmRmmRule *rmm_script_match(RmmCall *c, int of)
{
    ArmRmm *rmm = c->rmm;

    for (unsigned i = 0; i < rmm->n_rules; i++) {
        RmmRule *rule = &rmm->rule[i];
        uint64_t nth = rule->rule->has_nth ? MAX(rule->rule->nth, 1) : 1;
        uint64_t times = rule->rule->has_times ? rule->rule->times : 1;

        if (!conditions_hold(c, rule, of)) {
            continue;
        }
        rule->matched++;
        if (rule->matched < nth || (times && rule->matched >= nth + times)) {
            continue;
        }
        rule->applied++;
        trace_arm_rmm_rule(c->cmd->name, i, rule->matched);
        return rule->rule;
    }
    return NULL;
}

void rmm_script_outputs(RmmCall *c, const ArmRmmRule *rule, uint64_t *x0)
{
    for (ArmRmmOutList *l = rule->out; l; l = l->next) {
        const ArmRmmOut *o = l->value;
        uint64_t *reg = o->reg ? &c->out.x[o->reg] : x0;
        uint64_t val = o->has_value ? o->value :
                       o->has_from ? c->arg.x[o->from] : *reg;

        val += o->has_add ? o->add : 0;
        val |= o->has_q_or ? o->q_or : 0;
        *reg = val & ~(o->has_clear ? o->clear : 0);
        c->n_out = MAX(c->n_out, o->reg);
    }
}

/*
 * Course of an operation: what the command needs, then what the script wants
 */
static void set_reqs(RmmReqs *reqs, ArmRmmDonateList *l)
{
    memset(reqs, 0, sizeof(*reqs));
    for (; l && reqs->n < RMM_MAX_REQS; l = l->next) {
        const ArmRmmDonate *d = l->value;

        reqs->req[reqs->n++] = (RmmReq) {
            .size = d->has_size ? d->size : 0,
            .count = d->count,
            .contig = d->has_contig && d->contig,
            .state = d->has_state ? d->state : 0,
            .or = d->has_q_or ? d->q_or : 0,
        };
    }
}

static void apply_reclaim(RmmShape *shape, const ArmRmmReclaim *r)
{
    shape->max_entries = r->has_max_entries ? r->max_entries : 0;
    shape->max_granules = r->has_max_granules ? r->max_granules : 0;
    shape->order = r->has_order ? r->order : ARM_RMM_RECLAIM_ORDER_FORWARD;
    shape->empty = r->has_empty ? r->empty : 0;
    shape->skip = r->has_skip ? r->skip : 0;
    shape->state = r->has_state ? r->state : -1;
    shape->has_extra = r->has_extra;
    shape->extra = r->extra;
}

static void apply_memory(RmmShape *shape, const ArmRmmSroShape *s)
{
    const uint32List *l;

    if (s->has_donate) {
        set_reqs(&shape->donate, s->donate);
    }
    set_reqs(&shape->then_donate, s->then_donate);
    set_reqs(&shape->cancel_donate, s->cancel_donate);
    shape->repeat = s->has_repeat && s->repeat;
    shape->cycle = s->has_cycle && s->cycle;
    for (l = s->consume; l; l = l->next) {
        shape->consume[shape->n_consume++] = l->value;
    }
    shape->consume_repeat = s->has_consume_repeat && s->consume_repeat;
    shape->refuse_granule = s->has_refuse_granule ? s->refuse_granule : 0;
    shape->keep_memory = s->has_keep_memory && s->keep_memory;
    if (s->reclaim) {
        apply_reclaim(shape, s->reclaim);
    }
}

static void apply_shape(RmmShape *shape, const ArmRmmSroShape *s)
{
    shape->rounds = s->has_rounds ? s->rounds : 0;
    shape->rounds_before = s->has_rounds_before ? s->rounds_before : 0;
    if (s->has_cancel) {
        shape->cancel = s->cancel;
    }
    shape->cancel_toggle = s->has_cancel_toggle && s->cancel_toggle;
    if (s->has_fail) {
        shape->fail = rmm_result_level(s->fail,
                                       s->has_fail_level ? s->fail_level : 0);
    }
    shape->chunk = s->has_chunk ? s->chunk : 0;
    shape->has_handle = s->has_handle;
    shape->handle = s->handle;
    shape->has_final = s->has_final;
    shape->final = s->final;
    apply_memory(shape, s);
}

/*
 * Legal courses only: what is wanted in the end stays the same, but it comes in
 * other pieces, after other pauses, and goes back in another order.
 */
static void split_request(ArmRmm *rmm, RmmReqs *reqs)
{
    RmmReq *r = &reqs->req[0];

    while (reqs->n && reqs->n < 8 && !r->contig && r->size == 0 &&
           r->count > 1 && rmm_random(rmm, 2)) {
        unsigned part = 1 + rmm_random(rmm, r->count - 1);

        reqs->req[reqs->n] = *r;
        reqs->req[reqs->n++].count = part;
        r->count -= part;
    }
}

static void random_shape(ArmRmm *rmm, RmmShape *shape)
{
    shape->rounds = rmm_random(rmm, 2) ? rmm_random(rmm, 4) : 0;
    shape->rounds_before = rmm_random(rmm, 4) ? 0 : rmm_random(rmm, 3);
    shape->cancel = rmm_random(rmm, 2);
    shape->cancel_toggle = !rmm_random(rmm, 4);
    split_request(rmm, &shape->donate);
    /* What is to be in one piece comes in one piece. */
    if (shape->donate.n && !shape->donate.req[0].contig &&
        rmm_random(rmm, 2)) {
        shape->n_consume = 1 + rmm_random(rmm, 4);
        for (unsigned i = 0; i < shape->n_consume; i++) {
            shape->consume[i] = rmm_random(rmm, 4);
        }
    }
    shape->order = rmm_random(rmm, ARM_RMM_RECLAIM_ORDER__MAX);
    shape->max_granules = rmm_random(rmm, 2) ? 1 + rmm_random(rmm, 8) : 0;
    shape->max_entries = rmm_random(rmm, 2) ? 1 + rmm_random(rmm, 4) : 0;
    shape->empty = rmm_random(rmm, 4) ? 0 : rmm_random(rmm, 3);
}

void rmm_script_shape(RmmCall *c, RmmShape *shape)
{
    ArmRmm *rmm = c->rmm;

    memset(shape, 0, sizeof(*shape));
    shape->state = -1;
    /* Linux' newest series wants to be able to cancel what takes memory. */
    shape->cancel = rmm_auto(rmm->cancellable, rmm->profile->cancellable);
    if (c->cmd->need) {
        c->cmd->need(c, &shape->donate);
    }
    if (rmm->random) {
        random_shape(rmm, shape);
    }
    if (c->rule && c->rule->sro) {
        apply_shape(shape, c->rule->sro);
    }
}

/* SplitMix64: small, and its state migrates */
uint32_t rmm_random(ArmRmm *rmm, uint32_t n)
{
    uint64_t z = rmm->random += 0x9e3779b97f4a7c15ull;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    rmm->random += rmm->random == 0; /* 0 would mean: off */
    return n ? (z >> 32) % n : 0;
}

/* Only S and SM commands: the others are not retried by every host. */
uint64_t rmm_random_status(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;

    if (!rmm->random || c->cmd->kind == RMM_PLAIN) {
        return RMI_SUCCESS;
    }
    if (!c->chunk && !rmm_random(rmm, 4)) {
        c->chunk = rmm_granule_size(rmm) * (1 + rmm_random(rmm, 16));
    }
    return rmm_random(rmm, 8) ? RMI_SUCCESS : RMI_BUSY;
}
