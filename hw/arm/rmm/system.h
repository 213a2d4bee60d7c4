/*
 * Realm Management Monitor: the RMM as a whole
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the state of the RMM, and the memory that it was given for good.
 * Callers:    the commands that change it; the dispatcher, QMP and the monitor
 *             read.
 * Life cycle: INIT after reset, or ACTIVE with reset-active. Migrates.
 */

#ifndef RMM_SYSTEM_H
#define RMM_SYSTEM_H

#include "call.h"
#include "extent.h"

typedef enum RmmState {
    RMM_STATE_INIT,
    RMM_STATE_INTERMEDIATE,
    RMM_STATE_ACTIVE,
} RmmState;

struct RmmSystem {
    uint8_t state;                  /* RmmState */
    RmmExtents held;                /* donated to RMM_ACTIVATE */
    RmmExtents gpt_table;           /* of a GPT_L1_DESTROY that begins */
};

/** rmm_system_init: from realize */
void rmm_system_init(ArmRmm *rmm);

/** rmm_system_reset: nothing was donated, nothing is active */
void rmm_system_reset(ArmRmm *rmm);

/** rmm_system_ok: after loading: is it all INTERNAL that it holds? */
bool rmm_system_ok(ArmRmm *rmm);

extern const VMStateDescription vmstate_rmm_system;

#endif /* RMM_SYSTEM_H */
