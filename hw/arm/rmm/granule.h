/*
 * Realm Management Monitor: ledger of granules
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       for each granule: its state, who has it in work, which command
 *             made it what it is; and how many there are of each state.
 * Callers:    everybody above. No other module changes a granule.
 * Life cycle: made when the machine is complete; all UNDELEGATED after reset.
 *             Migrates in runs of equal granules; locks are taken anew by the
 *             operations that have them.
 */

#ifndef RMM_GRANULE_H
#define RMM_GRANULE_H

#include "bank.h"

typedef enum RmmGranuleState {
    RMM_G_UNDELEGATED,
    RMM_G_DELEGATED,
    RMM_G_RD,
    RMM_G_REC,
    RMM_G_RTT,
    RMM_G_DATA,
    RMM_G_INTERNAL,
    RMM_G_STATES,
} RmmGranuleState;

/* The byte of a granule: state, and what else is to be known */
#define RMM_LEDGER_STATE    0x0f
#define RMM_LEDGER_WAS_NS   0x20    /* INTERNAL that was UNDELEGATED */
#define RMM_LEDGER_USED     0x40    /* was more than DELEGATED */

struct RmmLedger {
    ArmRmm *rmm;
    uint8_t *byte;
    uint16_t *owner;                /* operation that has it in work, or 0 */
    uint8_t *origin;                /* command: number - RMI_NUM_FIRST + 1 */
    uint8_t acting;                 /* the same of the command at work */
    uint64_t count[RMM_G_STATES];
    uint64_t locked;
    uint64_t donated;               /* since reset, in granules */
    uint64_t reclaimed;
};

/** rmm_granules_init: make room, once the memory is known */
void rmm_granules_init(ArmRmm *rmm);

/** rmm_granules_reset: all UNDELEGATED, nobody's */
void rmm_granules_reset(ArmRmm *rmm);

/** rmm_granules_resize: the granule's size changed; all are UNDELEGATED */
void rmm_granules_resize(ArmRmm *rmm);

/** rmm_granules_acting: what changes from now on is the doing of a command */
void rmm_granules_acting(ArmRmm *rmm, uint16_t num);

/** rmm_granule: ledger byte, or NULL where no conventional memory is */
const uint8_t *rmm_granule(ArmRmm *rmm, uint64_t pa);

/** rmm_granule_state: state, RMM_G_STATES where no memory is */
RmmGranuleState rmm_granule_state(ArmRmm *rmm, uint64_t pa);

/** rmm_granules_are: do @n granules exist and have a state? */
bool rmm_granules_are(ArmRmm *rmm, uint64_t pa, uint64_t n,
                      RmmGranuleState state);

/** rmm_granule_origin: number of the command that put one into its state */
uint16_t rmm_granule_origin(ArmRmm *rmm, uint64_t pa);

/** rmm_granule_origin_name: the same in words: the command, or "reset" */
const char *rmm_granule_origin_name(ArmRmm *rmm, uint64_t pa);

/** rmm_granule_name: of a state */
const char *rmm_granule_name(RmmGranuleState state);

/** rmm_blocked: answer to who touches what another operation has in work */
uint64_t rmm_blocked(ArmRmm *rmm);

/** rmm_granule_foreign: does an operation other than @owner work on it? */
bool rmm_granule_foreign(ArmRmm *rmm, unsigned owner, uint64_t pa);

/**
 * rmm_granule_check: does a command find a granule as it needs it?
 *
 * Returns RMI_SUCCESS, RMI_ERROR_INPUT if not, or what the profile says for
 * one that another operation has in work.
 */
uint64_t rmm_granule_check(RmmCall *c, uint64_t pa, RmmGranuleState want);

/** rmm_granule_set: change the state of @n granules, all of them in @from */
void rmm_granule_set(ArmRmm *rmm, uint64_t pa, uint64_t n,
                     RmmGranuleState from, RmmGranuleState to);

/** rmm_granule_donate: DELEGATED or UNDELEGATED becomes INTERNAL */
void rmm_granule_donate(ArmRmm *rmm, uint64_t pa);

/** rmm_granule_return: INTERNAL becomes what it was */
void rmm_granule_return(ArmRmm *rmm, uint64_t pa, uint64_t n);

/**
 * rmm_granule_lock: an operation has granules in work
 * @owner: not 0
 *
 * Granules that another one has stay that one's; the caller has checked.
 */
void rmm_granule_lock(ArmRmm *rmm, unsigned owner, uint64_t base,
                      uint64_t top);

/** rmm_granule_unlock: not any more; those of other owners stay locked */
void rmm_granule_unlock(ArmRmm *rmm, unsigned owner, uint64_t base,
                        uint64_t top);

extern const VMStateDescription vmstate_rmm_ledger;

#endif /* RMM_GRANULE_H */
