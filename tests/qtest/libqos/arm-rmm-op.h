/*
 * A stateful operation of the RMM as the specification wants it, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM 2.0-bet0, sec B4.3.2: an oracle of the phase machine. Each call is
 * made and its answer compared with what the oracle says.
 */
#ifndef RIG_LIBQOS_ARM_RMM_OP_H
#define RIG_LIBQOS_ARM_RMM_OP_H

#include "arm-rmm.h"

#define RMM_OP_REQS 4
#define RMM_OP_PAGES 16

/* The course, as the script is given it */
typedef struct RmmCourse {
    const char *command;            /* name in scripts */
    unsigned num;
    unsigned rounds;
    unsigned request[RMM_OP_REQS];  /* single pages; ends with 0 */
    uint64_t pages;                 /* RMM_OP_PAGES of them, to donate */
    uint64_t list;                  /* a page that holds them */
    bool undelegated;               /* that is how they are wanted */
    bool cancel;
    bool fails;                     /* in the end, with ERROR_GLOBAL */
    bool keeps;                     /* what was donated, if it succeeds */
} RmmCourse;

typedef struct RmmOp {
    RmmHost *h;
    RmmCourse course;
    uint64_t handle;
    unsigned donated, handed_back;
    unsigned wants;                 /* 0 CONTINUE, 1 DONATE, 2 RECLAIM */
    unsigned req, left, rounds;
    bool cancellable, cancelled, ended;
    uint64_t error;
    unsigned cpu;                   /* each call from the next one */
} RmmOp;

/** rmm_op_list: writes the list of the pages of a course */
void rmm_op_list(RmmHost *h, const RmmCourse *course);

/** rmm_op_script: the same, and makes it the script of its command */
void rmm_op_script(RmmHost *h, const RmmCourse *course);

/** rmm_op_begin: calls the command with @in and compares the answer */
void rmm_op_begin(RmmOp *op, RmmHost *h, const RmmCourse *course,
                  const uint64_t in[6]);

/** rmm_op_call: one OP_* with one page or entry; compares; returns X0 */
uint64_t rmm_op_call(RmmOp *op, unsigned num);

/** rmm_op_forward: the call that the last answer asked for */
uint64_t rmm_op_forward(RmmOp *op);

/** rmm_op_end: go on to the end; returns the final X0 */
uint64_t rmm_op_end(RmmOp *op);

#endif /* RIG_LIBQOS_ARM_RMM_OP_H */
