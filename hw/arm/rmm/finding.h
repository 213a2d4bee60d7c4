/*
 * Realm Management Monitor: what hosts did wrong
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       one finding of each kind: the first occurrence in words, and a
 *             count, so that a host that repeats a mistake for ever costs
 *             nothing.
 * Callers:    whoever sees a mistake notes it; the monitor and QMP read.
 * Life cycle: from realize on. Kept over resets; migrates.
 */

#ifndef RMM_FINDING_H
#define RMM_FINDING_H

#include "call.h"

#define RMM_FINDING_TEXT    160

typedef struct RmmFinding {
    uint64_t count;
    uint16_t num;                   /* command, 0 if none */
    int32_t cpu;                    /* -1 if none */
    int64_t time_ns;                /* virtual clock */
    uint64_t address;
    char detail[RMM_FINDING_TEXT];
} RmmFinding;

struct RmmFindings {
    RmmFinding kind[ARM_RMM_FINDING_KIND__MAX];
};

/** rmm_findings_init: none yet */
void rmm_findings_init(ArmRmm *rmm);

/**
 * rmm_finding: note one
 * @c: the call that shows it, or NULL
 * @address: what it is about; also in the words of @fmt
 */
void G_GNUC_PRINTF(5, 6)
rmm_finding(ArmRmm *rmm, ArmRmmFindingKind kind, RmmCall *c, uint64_t address,
            const char *fmt, ...);

extern const VMStateDescription vmstate_rmm_findings;

#endif /* RMM_FINDING_H */
