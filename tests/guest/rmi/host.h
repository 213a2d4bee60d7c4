/*
 * A host of the Realm Management Monitor: memory, calls, stateful operations
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec A2, B4. The engine looks at what it is asked
 * for before it does it, as the newest code of Linux does, keeps a list of 256
 * entries as Linux does, and, unlike Linux, goes on with an operation after a
 * donation was refused (sec B4.3.2.2). Its manners can be changed.
 */
#ifndef RIG_RMI_HOST_H
#define RIG_RMI_HOST_H

#include "machine.h"

#define PAGE            0x1000ull
#define SCRATCH         0x44000000ull   /* stays Non-secure */
#define PARAMS          (SCRATCH + 0 * PAGE)
#define CONFIG          (SCRATCH + 1 * PAGE)
#define RUN             (SCRATCH + 2 * PAGE)
#define CONTENT         (SCRATCH + 3 * PAGE)
#define LIST            (SCRATCH + 4 * PAGE)
#define LIST_ENTRIES    256
#define POOL            0x48000000ull
#define POOL_PAGES      32768           /* 128 MiB */
#define UNPROT          (1ull << 39)
#define PATTERN         0x5aa55aa5deadbeefull

#define STATUS(x0)      ((x0) & 0xff)
#define MEM(x0)         ((x0) >> 8 & 3)
#define CANCEL_BIT(x0)  ((x0) >> 10 & 1)
#define LEVEL(x0)       ((int8_t)((x0) >> 8))
enum {
    SUCCESS = 0, INPUT = 1, REALM = 2, REC = 3, RTT = 4, BUSY = 10,
    INCOMPLETE = 13, BLOCKED = 14,
};
enum { NONE, DONATE, RECLAIM };

/* What the engine says instead of an X0 */
#define UNKNOWN         UINT64_MAX      /* not a number of RMI */
#define CANCELED        0xf001ull       /* the host cancelled it */
#define ABANDONED       0xf002ull       /* the host gave up, it is still open */

enum {
    VERSION = 0x150, DATA_MAP_INIT = 0x153, REALM_ACTIVATE = 0x157,
    REALM_CREATE = 0x158, REALM_DESTROY = 0x159, REC_CREATE = 0x15a,
    REC_DESTROY = 0x15b, REC_ENTER = 0x15c, RTT_CREATE = 0x15d,
    RTT_DESTROY = 0x15e, RTT_READ = 0x161, PSCI_COMPLETE = 0x164,
    FEATURES = 0x165, RTT_FOLD = 0x166, INIT_RIPAS = 0x168,
    SET_RIPAS = 0x169, CONFIG_SET = 0x16e, TRACKING_GET = 0x1e1,
    DELEGATE = 0x1f1, UNDELEGATE = 0x1f2, GPT_L1_CREATE = 0x1f3,
    DATA_MAP = 0x1f5, DATA_UNMAP = 0x1f6, UNPROT_MAP = 0x1fb,
    UNPROT_UNMAP = 0x1fc, REALM_TERMINATE = 0x201, ACTIVATE = 0x202,
    OP_CONTINUE = 0x203, OP_DONATE = 0x208, OP_RECLAIM = 0x209,
    OP_CANCEL = 0x20a, GPT_INFO = 0x211,
};

/* --- manners --- */
typedef struct Manners {
    bool leaves;        /* leaves an operation at a refused donation: Linux */
    bool trusting;      /* does not look at requests: Linux v14 */
    bool follows;       /* takes X1 of every answer as the handle: TF-A-Tests */
    bool cancels;       /* cancels the next operation that asks for memory */
    unsigned blocked;   /* tries of a call that is BLOCKED; 0: for ever */
    unsigned patience;  /* steps of an operation, tries of a call */
    unsigned pages;     /* of the pool that it has */
} Manners;

extern Manners host;
extern bool bet3;

/* --- memory: pages of the pool --- */
extern unsigned in_use;
extern unsigned leaked;                 /* given up as lost, part of in_use */
uint64_t alloc(unsigned pages);         /* aligned to its size; 0: none */
void release(uint64_t addr, unsigned pages);
void clear(uint64_t addr);
uint64_t delegated(unsigned pages);
void give_back(uint64_t addr, unsigned pages);
/* @wanted pages are in use, all others can be read */
void nothing_lost(unsigned wanted);

/* --- calls: the answer is in out --- */
extern uint64_t out[5];
/* Once more while it is BUSY or BLOCKED, as patience has it */
uint64_t retry(unsigned num, const uint64_t in[6], uint64_t answer[5]);
/* @x0 of @num and its outputs are in; if it is INCOMPLETE, to the end of it */
uint64_t operation(unsigned num, uint64_t x0, uint64_t answer[5]);
/* All of it */
uint64_t call_at(unsigned num, const uint64_t in[6], uint64_t answer[5]);
#define IN(...) ((const uint64_t[6]) { __VA_ARGS__ })
#define CALL(num, ...) call_at(num, IN(__VA_ARGS__), out)
#define ONCE(num, ...) once(num, IN(__VA_ARGS__), out)
uint64_t once(unsigned num, const uint64_t in[6], uint64_t answer[5]);

/* All of a range in as many calls as it takes; how many pages were done */
unsigned range(unsigned num, uint64_t base, unsigned pages);

/* --- what was called: "REC_CREATE=50d,40 OP_MEM_DONATE=40d/16 ..." --- */
enum {
    T_SRO = 1, T_RANGE = 2, T_MAP = 4, T_RTT = 8, T_BOOT = 16, T_REC = 32,
};
void trace_begin(unsigned groups);
/* Every call, from one CPU at a time */
void trace_call(unsigned num, const uint64_t *in, const uint64_t *answer);
void trace_note(const char *text);      /* a decision of the host */
const char *trace_end(void);
/* A TAP line; says what came if it is not what was wanted */
void is_trace(const char *wanted, const char *what);

/* --- a realm of 40 bits, tables start with two pages at level 1 --- */
typedef struct Realm {
    uint64_t rd, roots;
} Realm;

uint64_t start_rmm(void);               /* CONFIG_SET and RMM_ACTIVATE */
uint64_t create_realm(Realm *r);
uint64_t create_rec(Realm *r, uint64_t rec, unsigned index, bool runnable);
uint64_t create_table(Realm *r, uint64_t ipa, unsigned level);
void destroy_realm(Realm *r);           /* only the realm: nothing in it */

#endif /* RIG_RMI_HOST_H */
