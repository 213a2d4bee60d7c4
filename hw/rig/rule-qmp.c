/*
 * Rules: QMP and HMP commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Schema: qapi/rig-rule.json. This file knows the families by name only: which
 * member of the union is whose list.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-rig-rule.h"
#include "hw/rig/rule-target.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qemu/module.h"

/* The list of rules in @set */
static void **list_of(RigRuleSet *set)
{
    switch (set->family) {
    case RIG_FAMILY_PCIE_FABRIC:
        return (void **)&set->u.pcie_fabric.rules;
    default:
        g_assert_not_reached();
    }
}

static RigFamily family_of(const RigRules *rr)
{
    return qapi_enum_parse(&RigFamily_lookup, rr->family->name, -1,
                           &error_abort);
}

void qmp_rig_rules_set(RigRuleSet *set, Error **errp)
{
    RigRules *rr = rig_rules_find(set->target, errp);

    if (!rr) {
        return;
    }
    if (set->family != family_of(rr)) {
        error_setg(errp, "family: '%s' has rules of family '%s'", set->target,
                   rr->family->name);
        return;
    }
    rig_rules_set(rr, *list_of(set), errp);
}

static int for_each_child(Object *obj, void *opaque)
{
    RigRules *rr = rig_rules_of(obj);
    GPtrArray *found = opaque;

    if (rr && rr->target) {
        g_ptr_array_add(found, rr);
    }
    return 0;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    const RigRules *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* One, or all that there are, by name; NULL: @errp is set */
static GPtrArray *find(const char *target, Error **errp)
{
    GPtrArray *found = g_ptr_array_new();
    RigRules *rr;

    if (!target) {
        object_child_foreach_recursive(object_get_root(), for_each_child,
                                       found);
        g_ptr_array_sort(found, by_name);
        return found;
    }
    rr = rig_rules_find(target, errp);
    if (!rr) {
        g_ptr_array_unref(found);
        return NULL;
    }
    g_ptr_array_add(found, rr);
    return found;
}

void qmp_rig_rules_clear(const char *target, Error **errp)
{
    g_autoptr(GPtrArray) found = find(target, errp);

    for (unsigned i = 0; found && i < found->len; i++) {
        rig_rules_set(g_ptr_array_index(found, i), NULL, &error_abort);
    }
}

static RigRuleInfo *info_of(const RigRules *rr)
{
    RigRuleInfo *info = g_new0(RigRuleInfo, 1);
    RigRuleCountList **tail = &info->counts;

    info->set = g_new0(RigRuleSet, 1);
    info->set->target = g_strdup(rr->name);
    info->set->family = family_of(rr);
    *list_of(info->set) = rig_rules_clone(rr->family, rr->list);
    for (unsigned i = 0; i < rr->n; i++) {
        RigRuleCount *count = g_new0(RigRuleCount, 1);

        count->matched = rr->counts[i].matched;
        count->applied = rr->counts[i].applied;
        QAPI_LIST_APPEND(tail, count);
    }
    return info;
}

RigRuleInfoList *qmp_query_rig_rules(const char *target, Error **errp)
{
    g_autoptr(GPtrArray) found = find(target, errp);
    RigRuleInfoList *list = NULL, **tail = &list;

    for (unsigned i = 0; found && i < found->len; i++) {
        const RigRules *rr = g_ptr_array_index(found, i);

        if (rr->n || target) {
            QAPI_LIST_APPEND(tail, info_of(rr));
        }
    }
    return list;
}

static void hmp_info_rules(Monitor *mon, const QDict *qdict)
{
    g_autoptr(GPtrArray) found = find(NULL, NULL);

    for (unsigned i = 0; i < found->len; i++) {
        const RigRules *rr = g_ptr_array_index(found, i);

        for (unsigned r = 0; r < rr->n; r++) {
            g_autofree char *text = rig_rule_text(rr, r);

            monitor_printf(mon, "%s: rules[%u]: matched %" PRIu64 ", acted %"
                           PRIu64 ": %s\n", rr->name, r, rr->counts[r].matched,
                           rr->counts[r].applied, text);
        }
    }
}

static void register_hmp(void)
{
    monitor_register_hmp("rules", true, hmp_info_rules);
}

type_init(register_hmp)
