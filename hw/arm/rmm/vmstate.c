/*
 * Realm Management Monitor: migration
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything that the host can observe migrates, open operations with their
 * course included, and what was found. The tables of granule protection are RAM
 * and migrate as such; the script is configuration, how often its rules matched
 * is state.
 *
 * Each module describes and checks its part. Parts that lean on others come
 * after them: the ledger is the master, and what does not agree with it is
 * refused.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "migration/vmstate.h"
#include "bank.h"
#include "dispatch.h"
#include "finding.h"
#include "gpt.h"
#include "granule.h"
#include "measure.h"
#include "object.h"
#include "random.h"
#include "rtt.h"
#include "script.h"
#include "sro.h"
#include "system.h"
#include "vmstate.h"

/* Another profile would answer the operations that are open in other ways. */
static bool same_abi(void *opaque, int version)
{
    ArmRmm *rmm = opaque;

    return rmm->migrated_abi == rmm->config.abi;
}

static int rmm_pre_save(void *opaque)
{
    ArmRmm *rmm = opaque;

    rmm->migrated_abi = rmm->config.abi;
    return 0;
}

static int rmm_post_load(void *opaque, int version)
{
    ArmRmm *rmm = opaque;

    if (!rmm_system_ok(rmm) || !rmm_rtts_ok(rmm) ||
        !rmm_measures_ok(rmm)) {
        error_report("arm-rmm: the incoming state contradicts itself");
        return -EINVAL;
    }
    return 0;
}

#define PART(name, type) \
    VMSTATE_STRUCT_POINTER(name, ArmRmm, vmstate_rmm_##name, type)

const VMStateDescription vmstate_arm_rmm = {
    .name = "arm-rmm",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = rmm_pre_save,
    .post_load = rmm_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(migrated_abi, ArmRmm),
        VMSTATE_VALIDATE("abi of the other side", same_abi),
        PART(banks, RmmBanks),
        PART(ledger, RmmLedger),
        PART(gpt, RmmGpt),
        PART(objects, RmmObjects),
        PART(sros, RmmSros),
        PART(system, RmmSystem),
        PART(dispatch, RmmDispatch),
        PART(random, RmmRandom),
        PART(script, RmmScript),
        PART(findings, RmmFindings),
        VMSTATE_END_OF_LIST()
    },
};
