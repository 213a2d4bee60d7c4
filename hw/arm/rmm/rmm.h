/*
 * Realm Management Monitor: the device, as all its modules see it
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the properties, and a pointer to each module's part of the state.
 * Callers:    everybody. What is behind a pointer is known to those alone who
 *             include that module's header.
 * Life cycle: properties are fixed once the device is realized. The parts are
 *             made in realize, those that depend on memory when the machine is
 *             complete (rmm->ledger is NULL until then); never freed.
 *
 * All of the RMM runs under the BQL: SMCs are handled with it held, and so are
 * QMP commands, resets and migration.
 */

#ifndef RMM_RMM_H
#define RMM_RMM_H

#include "hw/arm/arm-rmm.h"
#include "hw/qdev-core.h"
#include "profile.h"

/*
 * Most memory that one call works on: it runs with the BQL held, and wiping
 * costs time. The host goes on from the address that it is told.
 */
#define RMM_CALL_BYTES      (1ull << 30)

typedef struct RmmBanks RmmBanks;
typedef struct RmmDispatch RmmDispatch;
typedef struct RmmFeatures RmmFeatures;
typedef struct RmmFindings RmmFindings;
typedef struct RmmGpt RmmGpt;
typedef struct RmmLedger RmmLedger;
typedef struct RmmMonitor RmmMonitor;
typedef struct RmmObjects RmmObjects;
typedef struct RmmRandom RmmRandom;
typedef struct RmmScript RmmScript;
typedef struct RmmSros RmmSros;
typedef struct RmmSystem RmmSystem;

/* Properties; docs/specs/arm-rmm.rst says what they mean */
typedef struct RmmConfig {
    ArmRmmAbi abi;
    char *script;
    char *bl33;
    uint64_t bl33_addr;
    uint64_t bl33_entry;
    bool gpc;
    bool dma_check;
    ArmRmmOwner gpt_owner;
    ArmRmmOwner tracking_owner;
    ArmRmmScrub scrub;
    ArmRmmAuto blocked;
    ArmRmmAuto strict_continue;
    ArmRmmAuto cancellable;
    ArmRmmAuto rim_params;
    bool swap_quirk;
    bool sbz_check;
    bool keep_active;
    bool report;
    uint32_t num_sros;
    uint32_t num_vmids;
    uint32_t rec_granules;
    uint32_t realm_granules;
    uint32_t activate_granules;
    uint8_t cancel_status;
} RmmConfig;

struct ArmRmm {
    DeviceState parent_obj;

    RmmConfig config;
    const RmmProfile *profile;

    RmmFindings *findings;
    RmmBanks *banks;
    RmmGpt *gpt;
    RmmLedger *ledger;
    RmmFeatures *features;
    RmmObjects *objects;
    RmmSros *sros;
    RmmSystem *system;
    RmmDispatch *dispatch;
    RmmScript *script;
    RmmRandom *random;
    RmmMonitor *monitor;

    uint8_t migrated_abi;           /* while it migrates */
};

/** rmm_get: the one RMM of the machine, or NULL */
ArmRmm *rmm_get(void);

/** rmm_set: this is the one; from realize */
void rmm_set(ArmRmm *rmm);

#endif /* RMM_RMM_H */
