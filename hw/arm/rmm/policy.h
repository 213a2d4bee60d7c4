/*
 * Realm Management Monitor: who decides on what the specification leaves open
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the list of policies. The legal one, which is always there, plans
 *             what a command needs and nothing else; those that register come
 *             after it, in the order in which they did, and may change that.
 * Callers:    the dispatcher and the engine ask. A policy (scripts, random
 *             courses) is a module of the device layer that registers itself.
 * Life cycle: constant. The state of a policy is the policy's.
 */

#ifndef RMM_POLICY_H
#define RMM_POLICY_H

#include "course.h"

/* What a policy can have a say in; all members may be NULL */
typedef struct RmmPolicy {
    const char *name;

    /*
     * A call begins; @of is the command that began the operation which it is
     * about, or -1. May set @c's chunk, force and rule. Returns whether the
     * call is performed; if not, leave() has to give the answer.
     */
    bool (*enter)(RmmCall *c, int of);

    /* A command of class S or SM is to be checked: RMI_SUCCESS, or RMI_BUSY */
    uint64_t (*delay)(RmmCall *c);

    /* Course of the operation that a call may begin; others have been asked */
    void (*plan)(RmmCall *c, RmmCourse *course);

    /* How REC_ENTER ends, or NULL */
    const ArmRmmExit *(*exit)(RmmCall *c);

    /* The call ends with @x0; it and the outputs may be changed */
    uint64_t (*leave)(RmmCall *c, uint64_t x0);
} RmmPolicy;

/** rmm_policy_register: ask this one too, after the others */
void rmm_policy_register(const RmmPolicy *policy);

/* The questions, to all of them */
bool rmm_policy_enter(RmmCall *c, int of);
uint64_t rmm_policy_delay(RmmCall *c);
void rmm_policy_plan(RmmCall *c, RmmCourse *course);
const ArmRmmExit *rmm_policy_exit(RmmCall *c);
uint64_t rmm_policy_leave(RmmCall *c, uint64_t x0);

#endif /* RMM_POLICY_H */
