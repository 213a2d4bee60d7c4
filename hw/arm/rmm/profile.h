/*
 * Realm Management Monitor: what differs between revisions of the interface
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       a table with one row for each revision (property abi).
 * Callers:    everybody; it knows nothing but numbers of the interface.
 * Life cycle: constant. realize looks the row up once: rmm->profile.
 */

#ifndef RMM_PROFILE_H
#define RMM_PROFILE_H

#include "abi.h"
#include "qapi/qapi-types-arm-rmm.h"

#define RMM_PROFILE_LACKS   8

typedef struct RmmProfile {
    const char *lacks_why;      /* what a call of such a command is told */
    uint16_t lacks[RMM_PROFILE_LACKS];  /* numbers of commands; ends with 0 */

    /* Widths */
    uint8_t state_bits;         /* of memory, in requests and descriptors */
    uint8_t min_outputs;        /* registers that every answer writes */
    bool s2oasz;                /* feature register 0 has the field */

    /* Codes */
    RmiStatus untracked;        /* a range in an untracked region */

    /* Defaults of properties */
    bool blocked;
    bool strict_continue;
    bool cancellable;
    bool rim_params;

    /* Ways */
    bool skips_done;            /* granules that are there count as progress */
    bool tracking_get_one;      /* asks for one region, not for a range */
    bool psci_finds_target;     /* PSCI_COMPLETE names no target REC */
    bool lpa2_by_size;          /* no flag: what needs LPA2 gets it */
    bool contig_in_one;         /* contiguous memory in one descriptor */
    bool forgives_donation;     /* a bad list is not a failure for good */
    bool list_fields_zero;      /* without a list, its fields hold nothing */
    bool unmap_whole_void;      /* DATA_UNMAP skips no part of an entry */
    bool unmap_skips_ns;        /* UNPROT_UNMAP skips what is not mapped */
} RmmProfile;

/** rmm_profile: the row of a revision */
const RmmProfile *rmm_profile(ArmRmmAbi abi);

/** rmm_profile_has: does a revision have a command? */
bool rmm_profile_has(const RmmProfile *profile, uint16_t num);

/** rmm_auto: value of a switch whose default comes from the profile */
static inline bool rmm_auto(ArmRmmAuto value, bool profile)
{
    return value == ARM_RMM_AUTO_AUTO ? profile : value == ARM_RMM_AUTO_ON;
}

#endif /* RMM_PROFILE_H */
