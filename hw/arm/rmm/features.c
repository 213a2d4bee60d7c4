/*
 * Realm Management Monitor: feature registers
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec B4.6, RmiFeatureRegister0 to 4. What is
 * offered is what the configured CPU can do; devices, planes and private memory
 * encryption contexts are not modelled, so registers 2 to 4 are 0.
 */

#include "qemu/osdep.h"
#include "cpu.h"
#include "internals.h"
#include "crypto/hash.h"
#include "features.h"
#include "gpt.h"

/* max RECs of a realm: 2^9 - 1, the index range of AFF0 and part of AFF1 */
#define MAX_RECS_ORDER 9

static uint64_t feature0(ArmRmm *rmm, ARMCPU *cpu)
{
    bool lpa2 = cpu_isar_feature(aa64_tgran4_2_lpa2, cpu);
    bool sve = cpu_isar_feature(aa64_sve, cpu);
    uint64_t val = 0;

    val = FIELD_DP64(val, RMI_FEATURE0, S2SZ,
                     MIN(rmm->gpt->pa_bits, lpa2 ? 52 : 48));
    val = FIELD_DP64(val, RMI_FEATURE0, LPA2, lpa2);
    val = FIELD_DP64(val, RMI_FEATURE0, SVE, sve);
    if (sve) {
        val = FIELD_DP64(val, RMI_FEATURE0, SVE_VL, cpu->sve_max_vq - 1);
    }
    val = FIELD_DP64(val, RMI_FEATURE0, NUM_BPS, arm_num_brps(cpu) - 1);
    val = FIELD_DP64(val, RMI_FEATURE0, NUM_WPS, arm_num_wrps(cpu) - 1);
    if (arm_feature(&cpu->env, ARM_FEATURE_PMU)) {
        val = FIELD_DP64(val, RMI_FEATURE0, PMU, 1);
        val = FIELD_DP64(val, RMI_FEATURE0, PMU_NUM_CTRS,
                         pmu_num_counters(&cpu->env));
    }
    if (rmm->profile->s2oasz) {
        val = FIELD_DP64(val, RMI_FEATURE0, S2OASZ,
                         MIN(rmm->gpt->pa_bits, lpa2 ? 52 : 48));
    }
    return val;
}

static uint64_t feature1(ArmRmm *rmm, ARMCPU *cpu)
{
    uint64_t val = 0;

    val = FIELD_DP64(val, RMI_FEATURE1, GRAN_4K,
                     cpu_isar_feature(aa64_tgran4_2, cpu));
    val = FIELD_DP64(val, RMI_FEATURE1, GRAN_16K,
                     cpu_isar_feature(aa64_tgran16_2, cpu));
    val = FIELD_DP64(val, RMI_FEATURE1, GRAN_64K,
                     cpu_isar_feature(aa64_tgran64_2, cpu));
    val = FIELD_DP64(val, RMI_FEATURE1, SHA_256,
                     qcrypto_hash_supports(QCRYPTO_HASH_ALGO_SHA256));
    val = FIELD_DP64(val, RMI_FEATURE1, SHA_384,
                     qcrypto_hash_supports(QCRYPTO_HASH_ALGO_SHA384));
    val = FIELD_DP64(val, RMI_FEATURE1, SHA_512,
                     qcrypto_hash_supports(QCRYPTO_HASH_ALGO_SHA512));
    val = FIELD_DP64(val, RMI_FEATURE1, MAX_RECS_ORDER, MAX_RECS_ORDER);
    val = FIELD_DP64(val, RMI_FEATURE1, L0GPTSZ, rmm->gpt->l0gptsz);
    val = FIELD_DP64(val, RMI_FEATURE1, PPS, rmm->gpt->pps);
    return val;
}

void rmm_features_init(ArmRmm *rmm, ARMCPU *cpu)
{
    rmm->features = g_new0(RmmFeatures, 1);
    rmm->features->reg[0] = feature0(rmm, cpu);
    rmm->features->reg[1] = feature1(rmm, cpu);
}
