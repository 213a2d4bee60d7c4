/*
 * Realm Management Monitor: a call, its answer, and why it was refused
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       what is known of a call while it is answered; results, and the
 *             names of commands and results.
 * Callers:    everybody. A layer fills in and reads what belongs to it or to
 *             one below; the rest are pointers to what it does not know.
 * Life cycle: the dispatcher makes one for each call (command.h: RmmFrame), the
 *             engine another one for the command that began an operation.
 */

#ifndef RMM_CALL_H
#define RMM_CALL_H

#include "rmm.h"

typedef struct RmmCommand RmmCommand;
typedef struct RmmParsed RmmParsed;
typedef struct RmmRealm RmmRealm;
typedef struct RmmRec RmmRec;
typedef struct RmmSro RmmSro;
typedef struct RmmWalk RmmWalk;

typedef struct RmmCall {
    /* The call and its answer */
    ArmRmm *rmm;
    int cpu;
    uint16_t num;                   /* of the command */
    RmiArgs arg;
    RmiOuts out;
    unsigned n_out;                 /* more than the command has */
    const char *why;                /* the condition that failed, or NULL */
    uint64_t why_value;             /* what did not meet it */

    /* memory: */
    unsigned owner;                 /* whose locks are one's own; 0: nobody's */
    uint8_t *copy;                  /* what was read of the host's memory */
    uint32_t n_copy;

    /* objects: what check() found, for commit() */
    RmmRealm *realm;
    RmmRec *rec;
    RmmRec *target;
    RmmWalk *walk;

    /* engine: */
    const RmmCommand *cmd;
    RmmSro *sro;                    /* the operation that goes on, or NULL */
    uint64_t chunk;                 /* most bytes of a range, 0: all */
    bool force;                     /* UNDELEGATE also what is in use */
    const ArmRmmRule *rule;         /* the policy's, of nobody else */

    /* commands: what check() read, for commit() */
    RmmParsed *parsed;
} RmmCall;

/**
 * rmm_refuse: a condition does not hold
 * @x0: the answer
 * @why: the condition, in words that never go away; the monitor counts by them
 * @value: what does not meet it
 *
 * Returns @x0. Of several, the last one is what the host is told.
 */
uint64_t rmm_refuse(RmmCall *c, uint64_t x0, const char *why, uint64_t value);

/** rmm_result_level: result with a level, for example ERROR_RTT */
uint64_t rmm_result_level(RmiStatus status, int level);

/** rmm_status_name: of the status field of an X0 */
const char *rmm_status_name(uint64_t x0);

/** rmm_command_name: of a number; NULL if no command has it */
const char *rmm_command_name(unsigned num);

/** rmm_name_command: give a number a name that never goes away */
void rmm_name_command(unsigned num, const char *name);

#endif /* RMM_CALL_H */
