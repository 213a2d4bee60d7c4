/*
 * Realm Management Monitor: what differs between revisions of the interface
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, -bet1 and -bet3. bet1 is what TF-RMM of July
 * 2026 does, which is where it differs from the specification.
 */

#include "qemu/osdep.h"
#include "profile.h"

static const RmmProfile profiles[] = {
    [ARM_RMM_ABI_BET0] = {
        .lacks_why = "profile bet0 has no such command",
        .lacks = { RMI_RMM_STATE_GET, RMI_RMM_DEACTIVATE, RMI_GPT_INFO },
        .state_bits = 1,
        .untracked = RMI_ERROR_TRACKING,
        .blocked = true,
        .tracking_get_one = true,
    },
    [ARM_RMM_ABI_BET1] = {
        .lacks_why = "profile bet1 has no such command",
        .lacks = { RMI_GRANULE_TRACKING_SET, RMI_RMM_DEACTIVATE,
                   RMI_GPT_INFO },
        .state_bits = 1,
        .min_outputs = 3,
        .untracked = RMI_ERROR_INPUT,
        .strict_continue = true,
        .rim_params = true,
        .contig_in_one = true,
        .forgives_donation = true,
        .list_fields_zero = true,
        .unmap_whole_void = true,
        .unmap_skips_ns = true,
    },
    [ARM_RMM_ABI_BET3] = {
        .lacks_why = "profile bet3 has no such command",
        .state_bits = 2,
        .s2oasz = true,
        .untracked = RMI_ERROR_TRACKING,
        .blocked = true,
        .cancellable = true,
        .skips_done = true,
        .psci_finds_target = true,
        .lpa2_by_size = true,
    },
};

const RmmProfile *rmm_profile(ArmRmmAbi abi)
{
    return &profiles[abi];
}

bool rmm_profile_has(const RmmProfile *profile, uint16_t num)
{
    for (unsigned i = 0; i < RMM_PROFILE_LACKS && profile->lacks[i]; i++) {
        if (profile->lacks[i] == num) {
            return false;
        }
    }
    return true;
}
