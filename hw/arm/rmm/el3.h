/*
 * Realm Management Monitor: the EL3 side
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the hook in QEMU's CPUs, SMCCC and TRNG.
 * Callers:    the device installs it; qtests call without a CPU that runs.
 *             Whoever wants to see exceptions registers.
 * Life cycle: from realize to the end of QEMU.
 */

#ifndef RMM_EL3_H
#define RMM_EL3_H

#include "rmm.h"
#include "hw/core/cpu.h"

/** rmm_el3_install: answer the SMCs of all CPUs from now on */
bool rmm_el3_install(ArmRmm *rmm, Error **errp);

/** rmm_el3_on_exception: see every exception but SMC, before it is taken */
void rmm_el3_on_exception(void (*seen)(ArmRmm *rmm, CPUState *cs));

/**
 * rmm_el3_smc: answer a call
 * @cs: the CPU that calls
 * @x: X0 to X17; the answer replaces them
 *
 * Returns whether the call is one that this monitor answers.
 */
bool rmm_el3_smc(ArmRmm *rmm, CPUState *cs, uint64_t x[18]);

#endif /* RMM_EL3_H */
