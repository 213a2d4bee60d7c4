/*
 * Realm Management Monitor: what the files of the engine share
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       steps from one phase of an operation to the next.
 * Callers:    sro.c, sro-ops.c, sro-mem.c, and nobody else.
 * Life cycle: that of sro.h.
 */

#ifndef RMM_SRO_INTERNAL_H
#define RMM_SRO_INTERNAL_H

#include "sro.h"

/** rmm_sro_lookup: operation of the handle in X1, with a finding if none */
RmmSro *rmm_sro_lookup(RmmCall *c, bool may_be_swapped);

/** rmm_sro_answer: INCOMPLETE result for the operation's phase */
uint64_t rmm_sro_answer(RmmCall *c, RmmSro *sro);

/** rmm_sro_want: go to a phase */
void rmm_sro_want(ArmRmm *rmm, RmmSro *sro, RmiMem wants);

/** rmm_sro_current: what is still wanted of the current request */
RmmReq rmm_sro_current(ArmRmm *rmm, RmmSro *sro);

/** rmm_sro_resume: call of the command that began an operation */
RmmCall *rmm_sro_resume(RmmCall *c, RmmSro *sro, RmmFrame *begun);

/** rmm_sro_restore: memory taken from an object goes back to it */
void rmm_sro_restore(RmmCall *c, RmmSro *sro);

/** rmm_sro_close: the handle dies */
void rmm_sro_close(RmmCall *c, RmmSro *sro, uint64_t x0);

/** rmm_sro_fail: record a failure; OP_CONTINUE leads to its end */
void rmm_sro_fail(RmmSro *sro, uint64_t x0);

/** rmm_sro_next_request: ask for more memory, or go on without */
void rmm_sro_next_request(ArmRmm *rmm, RmmSro *sro);

/** rmm_sro_queue: go to another list of requests */
void rmm_sro_queue(ArmRmm *rmm, RmmSro *sro, RmmQueue queue);

/** rmm_sro_owner: who it is for the ledger: not 0 */
unsigned rmm_sro_owner(ArmRmm *rmm, const RmmSro *sro);

#endif /* RMM_SRO_INTERNAL_H */
