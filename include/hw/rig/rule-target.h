/*
 * Rules: devices that have some
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is the same for all devices with rules: properties "rules", "rules-file"
 * and "rules-report", a place in QMP, VMState, what a reset does.
 *
 * In instance_init: rig_rules_init(). In class_init: rig_rules_class_init(). In
 * realize: rig_rules_realize(), once whatever a check looks at is there. In
 * unrealize and instance_finalize: rig_rules_unrealize() and rig_rules_free().
 * In the VMState: VMSTATE_RIG_RULES().
 */

#ifndef HW_RIG_RULE_TARGET_H
#define HW_RIG_RULE_TARGET_H

#include "hw/rig/rule.h"
#include "migration/vmstate.h"

#define TYPE_RIG_RULE_TARGET "rig-rule-target"

typedef struct RigRuleTargetClass RigRuleTargetClass;
DECLARE_CLASS_CHECKERS(RigRuleTargetClass, RIG_RULE_TARGET,
                       TYPE_RIG_RULE_TARGET)

struct RigRuleTargetClass {
    InterfaceClass parent_class;

    RigRules *(*rules)(Object *obj);
};

/*
 * rig_rules_class_init: the properties.
 * @rules: finds the rules of an object of class @oc
 */
void rig_rules_class_init(ObjectClass *oc, RigRules *(*rules)(Object *obj));

/*
 * rig_rules_realize: take the rules of the properties.
 * rig_rules_unrealize: the device is to go; harmless if it never was realized.
 */
bool rig_rules_realize(RigRules *rr, Object *target, Error **errp);
void rig_rules_unrealize(RigRules *rr);

/* rig_rules_of: of an object, or NULL */
RigRules *rig_rules_of(Object *obj);

/*
 * rig_rules_find: those of the device with an ID or QOM path.
 */
RigRules *rig_rules_find(const char *name, Error **errp);

extern const VMStateDescription vmstate_rig_rules;

/*
 * How often the rules have matched and acted. The rules themselves are
 * configuration: they must be the same on both sides.
 */
#define VMSTATE_RIG_RULES(_field, _state)                                   \
    VMSTATE_STRUCT(_field, _state, 1, vmstate_rig_rules, RigRules)

#endif
