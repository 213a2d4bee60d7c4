/*
 * Realm Management Monitor: conventional memory, its granules and regions
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       where the machine has memory that can be delegated, how large
 *             granules and tracking regions are, and the state of each region.
 * Callers:    everybody above the base layer.
 * Life cycle: found when the machine is complete, the same until its end. Size
 *             of granules and regions from RMM_CONFIG_SET to reset; migrates.
 */

#ifndef RMM_BANK_H
#define RMM_BANK_H

#include "call.h"
#include "exec/hwaddr.h"

#define RMM_MAX_BANKS       32

/* A piece of conventional memory. Sizes are cut to whole 64 KiB granules. */
typedef struct RmmBank {
    hwaddr base;
    hwaddr size;
    uint64_t first;                 /* 4 KiB units of the banks before it */
} RmmBank;

struct RmmBanks {
    ArmRmm *rmm;
    RmmBank bank[RMM_MAX_BANKS];
    unsigned n;
    uint64_t units;                 /* of 4 KiB, in all banks */
    uint8_t granule_shift;
    uint8_t tracking_code;          /* of RmiRmmConfig */
    uint32_t n_regions;             /* tracking regions of 32 MiB */
    uint8_t *region;                /* RmiTracking */
};

/** rmm_banks_init: find the conventional memory; false if there is none */
bool rmm_banks_init(ArmRmm *rmm, Error **errp);

/** rmm_banks_reset: granules of 4 KiB, regions as the property tracking says */
void rmm_banks_reset(ArmRmm *rmm);

/** rmm_banks_end: first address behind the last bank */
hwaddr rmm_banks_end(ArmRmm *rmm);

/**
 * rmm_bank_at: the bank of an address, or NULL
 * @next: where the bank ends, or where the next one begins; UINT64_MAX: none
 */
const RmmBank *rmm_bank_at(ArmRmm *rmm, uint64_t pa, uint64_t *next);

/** rmm_granule_shift: log2 of the granule's size in bytes: 12, 14 or 16 */
unsigned rmm_granule_shift(ArmRmm *rmm);

/** rmm_granule_size: in bytes */
hwaddr rmm_granule_size(ArmRmm *rmm);

/** rmm_granule_total: granules that the machine has */
uint64_t rmm_granule_total(ArmRmm *rmm);

/** rmm_aligned: is an address aligned to the RMI granule? */
bool rmm_aligned(ArmRmm *rmm, uint64_t pa);

/**
 * rmm_granule_index: number of the granule of an address, -1 if it has none
 *
 * Banks follow each other without a gap whatever the granule is, so what is
 * contiguous in memory has numbers in sequence, over two banks too.
 */
int64_t rmm_granule_index(ArmRmm *rmm, uint64_t pa);

/** rmm_granules_exist: are @n granules from @pa on all conventional memory? */
bool rmm_granules_exist(ArmRmm *rmm, uint64_t pa, uint64_t n);

/** rmm_tracking: state of the tracking region of an address */
RmiTracking rmm_tracking(ArmRmm *rmm, uint64_t pa);

/** rmm_tracking_size: bytes of a tracking region */
uint64_t rmm_tracking_size(ArmRmm *rmm);

/** rmm_tracking_set: change the state of one tracking region */
void rmm_tracking_set(ArmRmm *rmm, uint64_t pa, RmiTracking state);

extern const VMStateDescription vmstate_rmm_banks;

#endif /* RMM_BANK_H */
