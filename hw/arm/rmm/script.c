/*
 * Realm Management Monitor: scripted behaviour
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A script is a list of rules (qapi/arm-rmm.json). The first rule whose
 * conditions a call meets decides; what the rule does not mention stays as it
 * is.
 */

#include "qemu/osdep.h"
#include "qapi/clone-visitor.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-arm-rmm.h"
#include "qapi/qobject-input-visitor.h"
#include "qemu/module.h"
#include "qobject/qjson.h"
#include "qobject/qobject.h"
#include "migration/vmstate.h"
#include "command.h"
#include "policy.h"
#include "random.h"
#include "script.h"
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

static void clear_rules(ArmRmm *rmm)
{
    for (unsigned i = 0; i < rmm->script->n_rules; i++) {
        qapi_free_ArmRmmRule(rmm->script->rule[i].rule);
    }
    g_free(rmm->script->rule);
    rmm->script->rule = NULL;
    rmm->script->n_rules = 0;
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
    clear_rules(rmm);
    n = 0;
    for (ArmRmmRuleList *l = script->rules; l; l = l->next) {
        rules[n++].rule = QAPI_CLONE(ArmRmmRule, l->value);
    }
    rmm->script->rule = g_steal_pointer(&rules);
    rmm->script->n_rules = n;
    rmm_random_seed(rmm, script->has_random_seed ? script->random_seed : 0);
    return true;
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

/* The rule for a call, or NULL */
static const ArmRmmRule *find_rule(RmmCall *c, int of)
{
    RmmScript *script = c->rmm->script;

    for (unsigned i = 0; i < script->n_rules; i++) {
        RmmRule *rule = &script->rule[i];
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

static bool gives_answer(const ArmRmmRule *r)
{
    return r->has_status || r->has_x0;
}

static bool script_enter(RmmCall *c, int of)
{
    const ArmRmmRule *r = find_rule(c, of);

    c->rule = r;
    if (!r) {
        return true;
    }
    c->chunk = r->has_chunk ? r->chunk : 0;
    c->force = r->has_perform && r->perform == ARM_RMM_PERFORM_FORCE;
    return !gives_answer(r) ||
           (r->has_perform && r->perform != ARM_RMM_PERFORM_NO);
}

static void change_outputs(RmmCall *c, const ArmRmmRule *rule, uint64_t *x0)
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

static uint64_t script_leave(RmmCall *c, uint64_t x0)
{
    const ArmRmmRule *r = c->rule;

    if (!r) {
        return x0;
    }
    if (gives_answer(r)) {
        rmm_refuse(c, x0, "a rule of the script", 0);
    }
    if (r->has_status) {
        x0 = rmm_result_level(r->status, r->has_level ? r->level : 0);
    }
    if (r->has_x0) {
        x0 = r->x0;
    }
    change_outputs(c, r, &x0);
    return x0;
}

static const ArmRmmExit *script_exit(RmmCall *c)
{
    return c->rule ? c->rule->exit : NULL;
}

/*
 * Course of an operation
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

static void apply_reclaim(RmmCourse *course, const ArmRmmReclaim *r)
{
    course->max_entries = r->has_max_entries ? r->max_entries : 0;
    course->max_granules = r->has_max_granules ? r->max_granules : 0;
    course->order = r->has_order ? r->order : ARM_RMM_RECLAIM_ORDER_FORWARD;
    course->empty = r->has_empty ? r->empty : 0;
    course->skip = r->has_skip ? r->skip : 0;
    course->has_state = r->has_state;
    course->state = r->state;
    course->has_extra = r->has_extra;
    course->extra = r->extra;
}

static void apply_memory(RmmCourse *course, const ArmRmmSroShape *s)
{
    const uint32List *l;

    if (s->has_donate) {
        set_reqs(&course->reqs[RMM_QUEUE_DONATE], s->donate);
    }
    set_reqs(&course->reqs[RMM_QUEUE_THEN], s->then_donate);
    set_reqs(&course->reqs[RMM_QUEUE_CANCEL], s->cancel_donate);
    course->repeat = s->has_repeat && s->repeat;
    course->cycle = s->has_cycle && s->cycle;
    for (l = s->consume; l; l = l->next) {
        course->consume[course->n_consume++] = l->value;
    }
    course->consume_repeat = s->has_consume_repeat && s->consume_repeat;
    course->refuse_granule = s->has_refuse_granule ? s->refuse_granule : 0;
    course->keep_memory = s->has_keep_memory && s->keep_memory;
    if (s->reclaim) {
        apply_reclaim(course, s->reclaim);
    }
}

static void apply_course(RmmCourse *course, const ArmRmmSroShape *s)
{
    course->rounds = s->has_rounds ? s->rounds : 0;
    course->rounds_before = s->has_rounds_before ? s->rounds_before : 0;
    if (s->has_cancel) {
        course->cancel = s->cancel;
    }
    course->cancel_toggle = s->has_cancel_toggle && s->cancel_toggle;
    if (s->has_fail) {
        course->fail = rmm_result_level(s->fail,
                                       s->has_fail_level ? s->fail_level : 0);
    }
    course->chunk = s->has_chunk ? s->chunk : 0;
    course->has_handle = s->has_handle;
    course->handle = s->handle;
    course->has_final = s->has_final;
    course->final = s->final;
    apply_memory(course, s);
}

static void script_plan(RmmCall *c, RmmCourse *course)
{
    if (c->rule && c->rule->sro) {
        apply_course(course, c->rule->sro);
    }
}

static const RmmPolicy scripted = {
    .name = "scripted",
    .enter = script_enter,
    .plan = script_plan,
    .exit = script_exit,
    .leave = script_leave,
};

void rmm_script_init(ArmRmm *rmm)
{
    rmm->script = g_new0(RmmScript, 1);
    rmm_policy_register(&scripted);
}

void rmm_script_reset(ArmRmm *rmm)
{
    for (unsigned i = 0; i < rmm->script->n_rules; i++) {
        rmm->script->rule[i].matched = 0;
        rmm->script->rule[i].applied = 0;
    }
}

/*
 * Migration: the counts, if the other side has as many rules
 */
static int script_pre_save(void *opaque)
{
    RmmScript *script = opaque;

    script->n_saved = script->n_rules;
    for (unsigned i = 0; i < script->n_rules; i++) {
        script->matched[i] = script->rule[i].matched;
        script->applied[i] = script->rule[i].applied;
    }
    return 0;
}

static int script_post_load(void *opaque, int version)
{
    RmmScript *script = opaque;
    bool same = script->n_saved == script->n_rules;

    for (unsigned i = 0; i < script->n_rules; i++) {
        script->rule[i].matched = same ? script->matched[i] : 0;
        script->rule[i].applied = same ? script->applied[i] : 0;
    }
    return 0;
}

const VMStateDescription vmstate_rmm_script = {
    .name = "arm-rmm/script",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = script_pre_save,
    .post_load = script_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(n_saved, RmmScript),
        VMSTATE_UINT64_ARRAY(matched, RmmScript, RMM_MAX_RULES),
        VMSTATE_UINT64_ARRAY(applied, RmmScript, RMM_MAX_RULES),
        VMSTATE_END_OF_LIST()
    },
};
