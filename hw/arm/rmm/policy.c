/*
 * Realm Management Monitor: who decides on what the specification leaves open
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "command.h"
#include "policy.h"

/*
 * The legal course: memory that the command needs. Linux' newest series wants
 * to be able to cancel what takes memory.
 */
static void legal_plan(RmmCall *c, RmmCourse *course)
{
    memset(course, 0, sizeof(*course));
    course->cancel = rmm_auto(c->rmm->config.cancellable,
                              c->rmm->profile->cancellable);
    if (c->cmd->need) {
        c->cmd->need(c, &course->reqs[RMM_QUEUE_DONATE]);
    }
}

static const RmmPolicy legal = {
    .name = "legal",
    .plan = legal_plan,
};

#define MAX_POLICIES 4

static const RmmPolicy *policies[MAX_POLICIES] = { &legal };
static unsigned n_policies = 1;

void rmm_policy_register(const RmmPolicy *policy)
{
    assert(n_policies < MAX_POLICIES);
    policies[n_policies++] = policy;
}

bool rmm_policy_enter(RmmCall *c, int of)
{
    bool performed = true;

    for (unsigned i = 0; i < n_policies; i++) {
        if (policies[i]->enter && !policies[i]->enter(c, of)) {
            performed = false;
        }
    }
    return performed;
}

uint64_t rmm_policy_delay(RmmCall *c)
{
    uint64_t x0 = RMI_SUCCESS;

    for (unsigned i = 0; !x0 && i < n_policies; i++) {
        x0 = policies[i]->delay ? policies[i]->delay(c) : RMI_SUCCESS;
    }
    return x0;
}

void rmm_policy_plan(RmmCall *c, RmmCourse *course)
{
    for (unsigned i = 0; i < n_policies; i++) {
        if (policies[i]->plan) {
            policies[i]->plan(c, course);
        }
    }
}

const ArmRmmExit *rmm_policy_exit(RmmCall *c)
{
    const ArmRmmExit *e = NULL;

    for (unsigned i = 0; !e && i < n_policies; i++) {
        e = policies[i]->exit ? policies[i]->exit(c) : NULL;
    }
    return e;
}

uint64_t rmm_policy_leave(RmmCall *c, uint64_t x0)
{
    for (unsigned i = 0; i < n_policies; i++) {
        if (policies[i]->leave) {
            x0 = policies[i]->leave(c, x0);
        }
    }
    return x0;
}
