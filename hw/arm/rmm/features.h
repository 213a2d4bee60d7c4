/*
 * Realm Management Monitor: feature registers
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the registers that the command FEATURES reads.
 * Callers:    whoever has to know what is on offer.
 * Life cycle: worked out from the CPU when the machine is complete; constant.
 */

#ifndef RMM_FEATURES_H
#define RMM_FEATURES_H

#include "rmm.h"
#include "target/arm/cpu-qom.h"

struct RmmFeatures {
    uint64_t reg[RMI_FEATURE_REGS];
};

/** rmm_features_init: what the configured CPU can offer to realms */
void rmm_features_init(ArmRmm *rmm, ARMCPU *cpu);

#endif /* RMM_FEATURES_H */
