/*
 * Rules: devices that have some
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/qdev-core.h"
#include "hw/rig/rule-target.h"
#include "hw/sysbus.h"
#include "qemu/error-report.h"
#include "qemu/module.h"
#include "system/reset.h"
#include "system/system.h"

RigRules *rig_rules_of(Object *obj)
{
    obj = object_dynamic_cast(obj, TYPE_RIG_RULE_TARGET);
    return obj ? RIG_RULE_TARGET_GET_CLASS(obj)->rules(obj) : NULL;
}

RigRules *rig_rules_find(const char *name, Error **errp)
{
    Object *obj = object_resolve_path_type(name, TYPE_RIG_RULE_TARGET, NULL);
    DeviceState *dev;

    if (!obj) {
        dev = qdev_find_recursive(sysbus_get_default(), name);
        obj = dev ? object_dynamic_cast(OBJECT(dev), TYPE_RIG_RULE_TARGET) :
                    NULL;
    }
    if (!obj || !DEVICE(obj)->realized) {
        error_setg(errp, "target: '%s' is no device that has rules", name);
        error_append_hint(errp, "query-rig-rules lists them.\n");
        return NULL;
    }
    return rig_rules_of(obj);
}

/*
 * Properties
 */

static bool take_text(RigRules *rr, const char *text, Error **errp)
{
    void *list;
    bool ok;

    if (!rig_rules_parse(rr->family, text, &list, errp)) {
        return false;
    }
    ok = rig_rules_set(rr, list, errp);
    rig_rules_free_list(rr->family, list);
    return ok;
}

static char *get_rules(Object *obj, Error **errp)
{
    RigRules *rr = rig_rules_of(obj);

    return rr->target ? rig_rules_text(rr) : g_strdup(rr->text ?: "");
}

/* Before realize it waits, for a check may look at other properties. */
static void set_rules(Object *obj, const char *value, Error **errp)
{
    RigRules *rr = rig_rules_of(obj);

    if (rr->target) {
        take_text(rr, value, errp);
    } else {
        g_free(rr->text);
        rr->text = g_strdup(value);
    }
}

static char *get_file(Object *obj, Error **errp)
{
    return g_strdup(rig_rules_of(obj)->file ?: "");
}

static void set_file(Object *obj, const char *value, Error **errp)
{
    RigRules *rr = rig_rules_of(obj);

    if (rr->target) {
        error_setg(errp, "rules-file: can be set at the start only; "
                   "rig-rules-set replaces rules");
        return;
    }
    g_free(rr->file);
    rr->file = g_strdup(value);
}

static bool get_report(Object *obj, Error **errp)
{
    return rig_rules_of(obj)->report;
}

static void set_report(Object *obj, bool value, Error **errp)
{
    rig_rules_of(obj)->report = value;
}

void rig_rules_class_init(ObjectClass *oc, RigRules *(*rules)(Object *obj))
{
    RIG_RULE_TARGET_CLASS(oc)->rules = rules;
    object_class_property_add_str(oc, "rules", get_rules, set_rules);
    object_class_property_set_description(oc, "rules",
        "rules by which it misbehaves: JSON");
    object_class_property_add_str(oc, "rules-file", get_file, set_file);
    object_class_property_set_description(oc, "rules-file",
        "name of a file with rules by which it misbehaves");
    object_class_property_add_bool(oc, "rules-report", get_report, set_report);
    object_class_property_set_description(oc, "rules-report",
        "say at the end which rules never matched or never acted "
        "(default: off)");
}

/*
 * Life
 */

static bool take_properties(RigRules *rr, Error **errp)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) gerr = NULL;

    if (rr->text && rr->file) {
        error_setg(errp, "rules and rules-file: only one of them can be given");
        return false;
    }
    if (rr->file) {
        if (!g_file_get_contents(rr->file, &text, NULL, &gerr)) {
            error_setg(errp, "rules-file=%s: %s", rr->file, gerr->message);
            return false;
        }
        if (!take_text(rr, text, errp)) {
            error_prepend(errp, "rules-file=%s: ", rr->file);
            return false;
        }
        return true;
    }
    return !rr->text || take_text(rr, rr->text, errp);
}

static void report_rules(RigRules *rr)
{
    for (unsigned i = 0; i < rr->n; i++) {
        const RigRuleCounts *c = &rr->counts[i];

        if (!c->applied) {
            g_autofree char *text = rig_rule_text(rr, i);

            info_report("%s: rules[%u] has matched %" PRIu64 " times and never "
                        "acted: %s", rr->name, i, c->matched, text);
        }
    }
}

/* Those of other devices report by themselves. */
static int report_child(Object *obj, void *opaque)
{
    RigRules *rr = rig_rules_of(obj);

    if (rr && rr->target && rr->report) {
        report_rules(rr);
    }
    return 0;
}

static void report_all(Notifier *notifier, void *data)
{
    object_child_foreach_recursive(object_get_root(), report_child, NULL);
}

static void report_at_exit(void)
{
    static Notifier notifier = { .notify = report_all };
    static bool done;

    if (!done) {
        done = true;
        qemu_add_exit_notifier(&notifier);
    }
}

static void rules_reset(void *opaque)
{
    rig_rules_restart(opaque);
}

bool rig_rules_realize(RigRules *rr, Object *target, Error **errp)
{
    DeviceState *dev = DEVICE(target);

    rr->target = target;
    g_free(rr->name);
    rr->name = dev->id ? g_strdup(dev->id) : object_get_canonical_path(target);
    if (!take_properties(rr, errp)) {
        rr->target = NULL;
        return false;
    }
    qemu_register_reset(rules_reset, rr);
    report_at_exit();
    return true;
}

void rig_rules_unrealize(RigRules *rr)
{
    if (rr->target) {
        qemu_unregister_reset(rules_reset, rr);
        if (rr->report) {
            report_rules(rr);
        }
        rig_rules_set(rr, NULL, &error_abort);
        rr->target = NULL;
    }
}

/*
 * Migration
 */

static int rules_pre_save(void *opaque)
{
    RigRules *rr = opaque;

    rr->saved_n = rr->n;
    memcpy(rr->saved_digest, rr->digest, sizeof(rr->digest));
    return 0;
}

static bool rules_are_the_same(void *opaque, int version_id)
{
    RigRules *rr = opaque;

    if (rr->saved_n == rr->n &&
        !memcmp(rr->saved_digest, rr->digest, sizeof(rr->digest))) {
        return true;
    }
    error_report("%s: the incoming state was saved with other rules; give both "
                 "sides the same", rr->name);
    return false;
}

static const VMStateDescription vmstate_rig_rule_counts = {
    .name = "rig-rule-counts",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(matched, RigRuleCounts),
        VMSTATE_UINT64(applied, RigRuleCounts),
        VMSTATE_END_OF_LIST()
    }
};

const VMStateDescription vmstate_rig_rules = {
    .name = "rig-rules",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = rules_pre_save,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8_ARRAY(saved_digest, RigRules, RIG_DIGEST_SIZE),
        VMSTATE_UINT32(saved_n, RigRules),
        VMSTATE_VALIDATE("same rules", rules_are_the_same),
        VMSTATE_STRUCT_VARRAY_UINT32(counts, RigRules, saved_n, 1,
                                     vmstate_rig_rule_counts, RigRuleCounts),
        VMSTATE_END_OF_LIST()
    }
};

static const TypeInfo rule_target_info = {
    .name = TYPE_RIG_RULE_TARGET,
    .parent = TYPE_INTERFACE,
    .class_size = sizeof(RigRuleTargetClass),
};

static void rule_target_register_types(void)
{
    type_register_static(&rule_target_info);
}

type_init(rule_target_register_types)
