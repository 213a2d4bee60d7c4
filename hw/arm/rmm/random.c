/*
 * Realm Management Monitor: random courses
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Legal courses only: what is wanted in the end stays the same, but it comes in
 * other pieces, after other pauses, and goes back in another order.
 */

#include "qemu/osdep.h"
#include "migration/vmstate.h"
#include "bank.h"
#include "command.h"
#include "policy.h"
#include "random.h"

/* SplitMix64: small, and its state migrates */
static uint32_t draw(ArmRmm *rmm, uint32_t n)
{
    RmmRandom *r = rmm->random;
    uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    r->state += r->state == 0; /* 0 would mean: off */
    return n ? (z >> 32) % n : 0;
}

static void split_request(ArmRmm *rmm, RmmReqs *reqs)
{
    RmmReq *r = &reqs->req[0];

    while (reqs->n && reqs->n < 8 && !r->contig && r->size == 0 &&
           r->count > 1 && draw(rmm, 2)) {
        unsigned part = 1 + draw(rmm, r->count - 1);

        reqs->req[reqs->n] = *r;
        reqs->req[reqs->n++].count = part;
        r->count -= part;
    }
}

static void draw_course(ArmRmm *rmm, RmmCourse *course)
{
    RmmReqs *donate = &course->reqs[RMM_QUEUE_DONATE];

    course->rounds = draw(rmm, 2) ? draw(rmm, 4) : 0;
    course->rounds_before = draw(rmm, 4) ? 0 : draw(rmm, 3);
    course->cancel = draw(rmm, 2);
    course->cancel_toggle = !draw(rmm, 4);
    split_request(rmm, donate);
    /* What is to be in one piece comes in one piece. */
    if (donate->n && !donate->req[0].contig && draw(rmm, 2)) {
        course->n_consume = 1 + draw(rmm, 4);
        for (unsigned i = 0; i < course->n_consume; i++) {
            course->consume[i] = draw(rmm, 4);
        }
    }
    course->order = draw(rmm, ARM_RMM_RECLAIM_ORDER__MAX);
    course->max_granules = draw(rmm, 2) ? 1 + draw(rmm, 8) : 0;
    course->max_entries = draw(rmm, 2) ? 1 + draw(rmm, 4) : 0;
    course->empty = draw(rmm, 4) ? 0 : draw(rmm, 3);
}

static void random_plan(RmmCall *c, RmmCourse *course)
{
    if (c->rmm->random->state) {
        draw_course(c->rmm, course);
    }
}

/* Only S and SM commands: the others are not retried by every host. */
static uint64_t random_delay(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;

    if (!rmm->random->state || c->cmd->kind == RMM_PLAIN) {
        return RMI_SUCCESS;
    }
    if (!c->chunk && !draw(rmm, 4)) {
        c->chunk = rmm_granule_size(rmm) * (1 + draw(rmm, 16));
    }
    return draw(rmm, 8) ? RMI_SUCCESS : RMI_BUSY;
}

static const RmmPolicy random_courses = {
    .name = "random",
    .delay = random_delay,
    .plan = random_plan,
};

void rmm_random_init(ArmRmm *rmm)
{
    rmm->random = g_new0(RmmRandom, 1);
    rmm_policy_register(&random_courses);
}

void rmm_random_seed(ArmRmm *rmm, uint64_t seed)
{
    rmm->random->seed = seed;
    rmm->random->state = seed;
}

void rmm_random_reset(ArmRmm *rmm)
{
    rmm->random->state = rmm->random->seed;
}

const VMStateDescription vmstate_rmm_random = {
    .name = "arm-rmm/random",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(state, RmmRandom),
        VMSTATE_END_OF_LIST()
    },
};
