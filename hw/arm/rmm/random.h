/*
 * Realm Management Monitor: random courses
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       a sequence of numbers that a seed determines.
 * Callers:    the script sets the seed. It registers as a policy, before
 *             scripts: a rule has the last word.
 * Life cycle: off until there is a seed; begins anew with a reset. Migrates.
 */

#ifndef RMM_RANDOM_H
#define RMM_RANDOM_H

#include "rmm.h"

struct RmmRandom {
    uint64_t seed;                  /* 0: off */
    uint64_t state;                 /* of the sequence; 0: off */
};

/** rmm_random_init: off; from realize */
void rmm_random_init(ArmRmm *rmm);

/** rmm_random_seed: begin with another seed, 0 for none */
void rmm_random_seed(ArmRmm *rmm, uint64_t seed);

/** rmm_random_reset: begin the sequence anew */
void rmm_random_reset(ArmRmm *rmm);

extern const VMStateDescription vmstate_rmm_random;

#endif /* RMM_RANDOM_H */
