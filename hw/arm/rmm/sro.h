/*
 * Realm Management Monitor: engine of stateful operations
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the contexts of operations: what began one, what it wants, what
 *             it holds and has in work.
 * Callers:    the dispatcher begins operations; the rows of OP_* are here;
 *             commands look at their own; QMP and the monitor read.
 * Life cycle: contexts are made in realize (sro-contexts of them), and all free
 *             after reset. Open ones migrate with their course.
 */

#ifndef RMM_SRO_H
#define RMM_SRO_H

#include "command.h"

#define RMM_MAX_SROS        1024
#define RMM_MAX_LOCKS       2
#define RMM_DEAD_HANDLES    64

typedef struct RmmLock {
    uint64_t base;
    uint64_t top;
} RmmLock;

/* sec B4.3.1: context of a stateful operation */
struct RmmSro {
    bool open;
    uint64_t handle;
    uint16_t num;                   /* command that began it */
    RmiArgs arg;
    uint8_t wants;                  /* RmiMem: the phase */
    bool cancellable;               /* as last answered */
    bool cancelled;
    bool taken;                     /* held memory comes from an object */
    uint64_t error;                 /* recorded failure */
    RmmCourse course;
    uint64_t left;                  /* granules that a request still wants */
    uint64_t accepted;              /* granules, since it began */
    uint64_t handed_back;
    uint64_t calls;
    uint16_t last_num;              /* latest command about it */
    uint64_t last_x0;               /* and its answer */
    int64_t last_ns;
    RmmExtents held;
    uint8_t *copy;                  /* what the host passed by address */
    uint32_t n_copy;
    uint8_t n_locks;
    RmmLock lock[RMM_MAX_LOCKS];    /* granules */
    uint64_t work_rd;               /* entries in work: of which realm, */
    RmmLock work;                   /* and of which addresses; 0, 0: none */
};

struct RmmSros {
    ArmRmm *rmm;
    uint32_t n;                     /* contexts */
    RmmSro *sro;
    uint32_t n_open;
    uint64_t dead[RMM_DEAD_HANDLES];
    uint32_t n_dead;
};

/** rmm_sros_init: contexts, none of them open; from realize */
void rmm_sros_init(ArmRmm *rmm);

/** rmm_sros_reset: forget all operations */
void rmm_sros_reset(ArmRmm *rmm);

/**
 * rmm_sro_begin: open an operation for a command that passed its check
 *
 * Returns INCOMPLETE, BUSY or BLOCKED; or RMI_SUCCESS if it needs none: then
 * the caller commits.
 */
uint64_t rmm_sro_begin(RmmCall *c);

/** rmm_sro_answered: a call about an operation, or that began it, ended */
void rmm_sro_answered(RmmCall *c, uint64_t x0);

/** rmm_sro_find: operation of a handle, or NULL */
RmmSro *rmm_sro_find(ArmRmm *rmm, uint64_t handle);

/** rmm_sro_next: the open operation behind @sro, NULL: the first */
RmmSro *rmm_sro_next(ArmRmm *rmm, const RmmSro *sro);

/** rmm_sro_lock: a range of granules is in an intermediate state */
void rmm_sro_lock(RmmCall *c, RmmSro *sro, uint64_t base, uint64_t top);

/** rmm_sro_lock_entry: so is the entry of @c's walk, which is for @ipa */
void rmm_sro_lock_entry(RmmCall *c, RmmSro *sro, uint64_t ipa);

/** rmm_sro_request: value of the donation request register; 0 if it has none */
uint64_t rmm_sro_request(ArmRmm *rmm, RmmSro *sro);

/** rmm_sro_wants_name: for people */
const char *rmm_sro_wants_name(const RmmSro *sro);

/* Bodies of OP_* */
uint64_t rmm_op_continue(RmmCall *c);
uint64_t rmm_op_cancel(RmmCall *c);
uint64_t rmm_op_mem_donate(RmmCall *c);
uint64_t rmm_op_mem_reclaim(RmmCall *c);

extern const VMStateDescription vmstate_rmm_sros;

#endif /* RMM_SRO_H */
