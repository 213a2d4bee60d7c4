/*
 * Realm Management Monitor: protocol monitor
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       which conditions refused calls, and which answers BUSY or BLOCKED
 *             wait for a repetition. Findings that one call shows are noted
 *             where they are seen (finding.h); those of the end are worked out
 *             here.
 * Callers:    it registers with the dispatcher and the EL3 side; QMP reads.
 * Life cycle: from realize on; begins anew with a reset. Does not migrate.
 */

#ifndef RMM_MONITOR_H
#define RMM_MONITOR_H

#include "call.h"

/* A condition of a command that calls failed; the last of them */
typedef struct RmmRefusal {
    uint16_t num;
    const char *why;
    uint64_t count;
    uint64_t x0;
    uint64_t value;
} RmmRefusal;

/** rmm_monitor_init: look at all calls from now on */
void rmm_monitor_init(ArmRmm *rmm);

/** rmm_monitor_reset: forget refusals and what waits for a repetition */
void rmm_monitor_reset(ArmRmm *rmm);

/** rmm_monitor_refusals: of RmmRefusal */
const GArray *rmm_monitor_refusals(ArmRmm *rmm);

/**
 * rmm_monitor_query: findings, with those of a stop now
 *
 * One of each kind; of those of a stop, one for each command.
 */
ArmRmmFindingList *rmm_monitor_query(ArmRmm *rmm);

/** rmm_monitor_total: how many findings there are */
uint64_t rmm_monitor_total(ArmRmm *rmm);

/** rmm_monitor_report: print them, if the property report says so */
void rmm_monitor_report(ArmRmm *rmm);

#endif /* RMM_MONITOR_H */
