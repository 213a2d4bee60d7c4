/*
 * Realm Management Monitor: what a command is
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the shape of a row of the table of commands, look-up in it, and
 *             what a call needs while it is answered (RmmFrame).
 * Callers:    the table (table.c) registers itself; the engine knows commands
 *             as rows only; everybody above looks rows up.
 * Life cycle: the table is constant. A frame lives as long as its call.
 */

#ifndef RMM_COMMAND_H
#define RMM_COMMAND_H

#include "course.h"
#include "extent.h"
#include "rtt.h"

/*
 * A command. check() finds every failure and changes nothing; commit() cannot
 * fail any more. What a command wants of a stateful operation:
 */
struct RmmCommand {
    uint16_t num;
    const char *name;
    enum { RMM_PLAIN, RMM_STATEFUL, RMM_MEMORY } kind;
    enum { RMM_ANYTIME, RMM_BEFORE, RMM_WHEN_STARTED, RMM_WHEN_ACTIVE } when;
    uint8_t n_in;
    uint8_t n_out;
    const char *in[RMI_INPUTS - 1];
    const char *out[RMI_OUTPUTS - 1];
    uint64_t (*check)(RmmCall *c);
    uint64_t (*commit)(RmmCall *c);
    /* memory that it needs */
    void (*need)(RmmCall *c, RmmReqs *reqs);
    /* granules that are in an intermediate state while it is open */
    void (*lock)(RmmCall *c, RmmSro *sro);
    /*
     * memory that it hands back before it ends; and taking that back when
     * nothing was handed back yet, if moving it there again is not enough
     */
    RmmExtents *(*memory)(RmmCall *c);
    void (*take_back)(RmmCall *c, RmmExtents *held);
    /* when an operation is opened or dropped without a commit */
    void (*opened)(RmmCall *c);
    void (*dropped)(RmmCall *c);
};

/* What a command's check() read of the host's structures, for its commit() */
struct RmmParsed {
    union {
        struct {
            uint8_t granule, tracking;
        } config;
        struct {
            uint64_t flags0, rtt_base;
            int64_t rtt_level;
            uint32_t rtt_num;
            uint8_t s2sz, hash;
            bool lpa2;
        } realm;
        struct {
            uint64_t flags, mpidr, pc, gprs[RMI_REC_PARAMS_NGPRS];
        } rec;
    };
};

typedef struct RmmFrame {
    RmmCall call;
    RmmWalk walk;
    RmmParsed parsed;
} RmmFrame;

/** rmm_frame_begin: a call, but for its arguments */
RmmCall *rmm_frame_begin(RmmFrame *frame, ArmRmm *rmm, const RmmCommand *cmd,
                         int cpu);

/** rmm_frame_end: free what the call needed */
void rmm_frame_end(RmmFrame *frame);

/** rmm_commands_register: these are the commands; once, before any call */
void rmm_commands_register(const RmmCommand *table, unsigned n);

/** rmm_command: row of a number, or NULL */
const RmmCommand *rmm_command(unsigned num);

/** rmm_command_at: the @i-th row of the table, NULL behind the last */
const RmmCommand *rmm_command_at(unsigned i);

/** rmm_command_by_name: number, or -1 */
int rmm_command_by_name(const char *name);

#endif /* RMM_COMMAND_H */
