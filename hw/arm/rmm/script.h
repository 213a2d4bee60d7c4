/*
 * Realm Management Monitor: scripted behaviour
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the rules of the script, and how often each was met.
 * Callers:    the device and QMP set and read them. It registers as a policy;
 *             nobody else asks it.
 * Life cycle: from the property script on, until QMP sets another. Counts begin
 *             anew with a reset; they migrate, the rules do not.
 */

#ifndef RMM_SCRIPT_H
#define RMM_SCRIPT_H

#include "rmm.h"

#define RMM_MAX_RULES       256

typedef struct RmmRule {
    ArmRmmRule *rule;
    int num;                        /* command, -1 for all */
    int of;                         /* beginning command, -1 for all */
    uint64_t matched;
    uint64_t applied;
} RmmRule;

struct RmmScript {
    RmmRule *rule;
    unsigned n_rules;

    /* while it migrates */
    uint32_t n_saved;
    uint64_t matched[RMM_MAX_RULES];
    uint64_t applied[RMM_MAX_RULES];
};

/** rmm_script_init: no rules; from realize */
void rmm_script_init(ArmRmm *rmm);

/** rmm_script_reset: no rule was met yet */
void rmm_script_reset(ArmRmm *rmm);

/** rmm_script_load: take the rules of the property; JSON text or a file */
bool rmm_script_load(ArmRmm *rmm, const char *script, Error **errp);

/** rmm_script_set: take other rules, and the seed that comes with them */
bool rmm_script_set(ArmRmm *rmm, ArmRmmScript *script, Error **errp);

extern const VMStateDescription vmstate_rmm_script;

#endif /* RMM_SCRIPT_H */
