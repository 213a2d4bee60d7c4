/*
 * A host of the Realm Management Monitor, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec B4. Calls go through the qtest command
 * "smc" or x-arm-rmm-call, so no CPU has to run. Numbers are written out here,
 * not taken from the device.
 */
#ifndef RIG_LIBQOS_ARM_RMM_H
#define RIG_LIBQOS_ARM_RMM_H

#include "tests/qtest/libqtest.h"

/* Function numbers */
enum {
    R_VERSION = 0x150, R_DATA_MAP_INIT = 0x153, R_REALM_ACTIVATE = 0x157,
    R_REALM_CREATE = 0x158, R_REALM_DESTROY = 0x159, R_REC_CREATE = 0x15a,
    R_REC_DESTROY = 0x15b, R_REC_ENTER = 0x15c, R_RTT_CREATE = 0x15d,
    R_RTT_DESTROY = 0x15e, R_READ_ENTRY = 0x161, R_PSCI_COMPLETE = 0x164,
    R_FEATURES = 0x165, R_RTT_FOLD = 0x166, R_INIT_RIPAS = 0x168,
    R_SET_RIPAS = 0x169, R_CONFIG_SET = 0x16e, R_TRACKING_GET = 0x1e1,
    R_TRACKING_SET = 0x1e3, R_CONFIG_GET = 0x1ec, R_STATE_GET = 0x1ee,
    R_DELEGATE = 0x1f1, R_UNDELEGATE = 0x1f2, R_GPT_CREATE = 0x1f3,
    R_GPT_DESTROY = 0x1f4, R_DATA_MAP = 0x1f5, R_DATA_UNMAP = 0x1f6,
    R_UNPROT_MAP = 0x1fb, R_UNPROT_UNMAP = 0x1fc, R_REALM_TERMINATE = 0x201,
    R_ACTIVATE = 0x202, R_CONTINUE = 0x203, R_DONATE = 0x208,
    R_RECLAIM = 0x209, R_CANCEL = 0x20a, R_DEACTIVATE = 0x20f,
    R_GPT_INFO = 0x211,
};

/* Results */
#define OK          0x0ull
#define EINPUT      0x1ull
#define EREALM      0x2ull
#define EREC        0x3ull
#define ERTT(level) (0x4ull | (uint64_t)(level) << 8)
#define EBUSY_      0xaull
#define EGLOBAL     0xbull
#define ETRACKING   0xcull
#define INCOMPLETE  0xdull
#define WANT_DONATE 0x10dull
#define WANT_RECLAIM 0x20dull
#define CANCELLABLE 0x400ull
#define EBLOCKED    0xeull
#define EGPT        0xfull
#define UNKNOWN     UINT64_MAX

/* Memory: 256 MiB from 1 GiB on; the device tree is at its beginning */
#define RAM         0x40000000ull
#define RAM_SIZE    0x10000000ull
#define PAGE        0x1000ull
#define NS_BASE     0x44000000ull   /* pages that stay Non-secure */
#define NS(i)       (NS_BASE + (i) * PAGE)
#define PARAMS      NS(0)
#define REC_PARAMS  NS(1)
#define LIST        NS(2)
#define RUN         NS(3)
#define CONFIG      NS(4)
#define CONTENT     NS(5)
#define POOL        0x45000000ull   /* pages to delegate */
#define P(i)        (POOL + (i) * PAGE)

typedef struct RmmHost {
    QTestState *qts;
    int fd;                         /* of the qtest connection, or none */
    const char *abi;
    uint64_t x[18];                 /* of the last answer */
    QDict *before;                  /* findings of the tests before */
} RmmHost;

/**
 * rmm_start: a machine with arm-rmm; @more are further properties, or "". It is
 * that of the last test, if there was one like it, after a reset.
 */
void rmm_start(RmmHost *h, const char *abi, const char *more);

/** rmm_start_with: the same with further arguments of QEMU */
void rmm_start_with(RmmHost *h, const char *abi, const char *more,
                    const char *args);

/** rmm_start_args: a new machine, with further arguments of QEMU */
void rmm_start_args(RmmHost *h, const char *abi, const char *more,
                    const char *args);

/** rmm_stop: end it, unless rmm_start() keeps it */
void rmm_stop(RmmHost *h);

/** rmm_smc: call, X1 to X6 in @in; returns X0 */
uint64_t rmm_smc(RmmHost *h, int cpu, unsigned num, const uint64_t in[6]);

/** R: call on CPU 0 with up to six inputs, the others are junk */
#define R(h, num, ...) \
    rmm_smc(h, 0, num, (const uint64_t[6]) { __VA_ARGS__ })

/** rmm_active: configure and activate */
void rmm_active(RmmHost *h);

/** rmm_delegate, rmm_undelegate: a range, in as many calls as it takes */
void rmm_delegate(RmmHost *h, uint64_t base, uint64_t pages);
void rmm_undelegate(RmmHost *h, uint64_t base, uint64_t pages);

/** rmm_params: parameters of a realm of 2^40 bytes with two roots at @rtt */
void rmm_params(RmmHost *h, uint64_t rtt);

/** rmm_realm: delegates @rd and two pages at @rtt and creates a realm */
void rmm_realm(RmmHost *h, uint64_t rd, uint64_t rtt);

/** rmm_list: descriptors of single pages from @base on, at LIST */
void rmm_list(RmmHost *h, unsigned first, uint64_t base, unsigned n);

/** rmm_desc: descriptor; @state as the profile has it */
uint64_t rmm_desc(RmmHost *h, uint64_t base, unsigned size, unsigned count,
                  unsigned state);

/** rmm_rec_begin: REC_CREATE of delegated @rec; returns X0 */
uint64_t rmm_rec_begin(RmmHost *h, uint64_t rd, uint64_t rec, unsigned index);

/** rmm_rec: the same to its end, with 16 delegated pages behind @rec */
void rmm_rec(RmmHost *h, uint64_t rd, uint64_t rec, unsigned index);

/** rmm_script: set a script, JSON */
void rmm_script(RmmHost *h, const char *json);

/** rmm_granule_is: what query-rmm-granule says of state and PAS */
void rmm_granule_is(RmmHost *h, uint64_t pa, const char *state,
                    const char *pas);

/** rmm_count: granules in a state */
uint64_t rmm_count(RmmHost *h, const char *state);

/** rmm_rim: what query-rmm says of the measurement of a realm; to be freed */
char *rmm_rim(RmmHost *h, uint64_t rd);

/** rmm_found: how often the monitor found something */
uint64_t rmm_found(RmmHost *h, const char *kind);

#endif /* RIG_LIBQOS_ARM_RMM_H */
