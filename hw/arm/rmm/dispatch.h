/*
 * Realm Management Monitor: dispatcher
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the way of a call through state, policy, check and commit; counts
 *             of calls; who wants to be told of answers.
 * Callers:    the EL3 side calls; QMP reads the counts.
 * Life cycle: from realize on; counts begin anew with a reset. The number of
 *             all calls migrates.
 */

#ifndef RMM_DISPATCH_H
#define RMM_DISPATCH_H

#include "call.h"
#include "qemu/notify.h"

struct RmmDispatch {
    uint64_t calls;
    uint64_t by_num[RMI_NUM_LAST - RMI_NUM_FIRST + 1];
    NotifierList answered;          /* data: the RmmCall, X0 in its out */
};

/** rmm_dispatch_init: from realize */
void rmm_dispatch_init(ArmRmm *rmm);

/** rmm_dispatch_reset: no calls yet */
void rmm_dispatch_reset(ArmRmm *rmm);

/**
 * rmm_call: answer an RMI call
 * @in: X0 to X6
 * @out: X0 to X4
 * @n_out: the last of them that the host is to see
 *
 * Returns false if the number is none of ours.
 */
bool rmm_call(ArmRmm *rmm, int cpu, uint16_t num, const uint64_t *in,
              uint64_t *out, unsigned *n_out);

extern const VMStateDescription vmstate_rmm_dispatch;

#endif /* RMM_DISPATCH_H */
