/*
 * QTest of arm-rmm: the order of failure conditions, layout and tables
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef RIG_ARM_RMM_ORDER_H
#define RIG_ARM_RMM_ORDER_H

#include "libqos/arm-rmm.h"

/* Memory ends at 4 GiB: three tracking regions, fine, untracked and coarse */
#define UNTRACKED   0x80000000ull
#define COARSE      0xc0000000ull
#define NOT_RAM     0x9000000ull
#define MIB2        0x200000ull
#define GIB         0x40000000ull
#define UNPROT      (1ull << 39)
#define IPA_END     (1ull << 40)

/* Realms. NEW, ACTIVE, OFF and ZOMBIE have the same tables and mappings. */
enum { NEW, ACTIVE, OFF, ZOMBIE, FULL, EMPTY_ZOMBIE, EMPTY_NEW, REALMS };
#define REALM(k)    (0x50000000ull + (k) * 0x100000)
#define RD(k)       (REALM(k))
#define ROOTS(k)    (REALM(k) + 2 * PAGE)
#define TABLE(k, i) (REALM(k) + (4 + (i)) * PAGE)
#define REC(k, i)   (REALM(k) + (16 + (i)) * PAGE)
#define D(k, i)     (REALM(k) + (32 + (i)) * PAGE)  /* stay DELEGATED */
#define BLOCK(k)    (0x60000000ull + (k) * MIB2)
#define MANY_RECS   0x70000000ull
#define MAX_RECS    511
/* RECs of ACTIVE */
enum { RUNS, STOPPED, PENDING, TARGET, ASKS, ASKS_INSIDE, ASKS_BLOCK, RECS };

/* Non-secure pages */
#define RUN_EMUL    NS(6)                   /* with enter.flags.emul_mmio */
#define REC_NEXT    NS(7)                   /* parameters of REC 7 */
#define REC_LATER   NS(8)                   /* of a later one */
#define HOST(i)     (0x46000000ull + (i) * PAGE)
#define REALM_PARAMS(i) NS(16 + (i))        /* see wrong_params */

enum { BET0 = 1, BET1 = 2, BET3 = 4 };

/* A condition: what to put into which registers to meet it, and the answer */
typedef struct Row {
    const char *what;
    uint64_t want;
    struct {
        unsigned reg;
        uint64_t value;
    } set[3];
    unsigned abis;              /* where it is one; 0: everywhere */
} Row;

/* A command, a call that succeeds, and its conditions in their order */
typedef struct Table {
    const char *name;
    unsigned num;
    uint64_t good[6];
    const Row *row;             /* ends with one without a name */
    unsigned abis;
    bool anytime;               /* also before activation */
    void (*undo)(RmmHost *h);   /* the good call; NULL: nothing to do */
    bool no_good;               /* there is no good call in this machine */
} Table;

/* One field of the parameters of a realm that is wrong, on a page of its own */
typedef struct WrongField {
    unsigned offset;
    uint64_t value;
} WrongField;

extern const WrongField order_wrong_params[];
extern const unsigned order_num_wrong_params;
extern const Table order_tables[];
extern const unsigned order_num_tables;

/** order_world: builds all of this; FULL is full only with @many_recs */
void order_world(RmmHost *h, bool many_recs);

#endif /* RIG_ARM_RMM_ORDER_H */
