/*
 * Realm Management Monitor: measurements
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A7.1. A measurement is extended by the hash
 * of a descriptor of 256 bytes that holds its old value and what happened. bet0
 * starts with zeros; TF-RMM with the hash of the parameters (rim-params).
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "crypto/hash.h"
#include "bank.h"
#include "measure.h"
#include "memory.h"

#define DESC_SIZE       0x100
#define DESC_TYPE       0x00
#define DESC_LENGTH     0x08
#define DESC_RIM        0x10
#define DESC_DATA_IPA   0x50
#define DESC_DATA_FLAGS 0x58
#define DESC_DATA_HASH  0x60
#define DESC_REC_HASH   0x50
#define DESC_TYPE_DATA  0
#define DESC_TYPE_REC   1

static const struct {
    QCryptoHashAlgo algo;
    unsigned size;
} hashes[] = {
    [RMI_HASH_SHA_256] = { QCRYPTO_HASH_ALGO_SHA256, 32 },
    [RMI_HASH_SHA_512] = { QCRYPTO_HASH_ALGO_SHA512, 64 },
    [RMI_HASH_SHA_384] = { QCRYPTO_HASH_ALGO_SHA384, 48 },
};

unsigned rmm_hash_size(uint8_t hash)
{
    return hash < ARRAY_SIZE(hashes) &&
           qcrypto_hash_supports(hashes[hash].algo) ? hashes[hash].size : 0;
}

/* Shorter digests are padded with zeros. */
static void digest(const RmmRealm *realm, const void *buf, size_t len,
                   uint8_t *out)
{
    g_autofree uint8_t *result = NULL;
    size_t size = 0;

    memset(out, 0, RMI_HASH_BYTES);
    if (qcrypto_hash_bytes(hashes[realm->hash].algo, buf, len, &result, &size,
                           NULL) == 0) {
        memcpy(out, result, MIN(size, RMI_HASH_BYTES));
    }
}

static void extend(RmmRealm *realm, uint8_t *desc, uint8_t type)
{
    desc[DESC_TYPE] = type;
    stq_le_p(desc + DESC_LENGTH, DESC_SIZE);
    memcpy(desc + DESC_RIM, realm->rim, RMI_HASH_BYTES);
    digest(realm, desc, DESC_SIZE, realm->rim);
}

void rmm_measure_init(ArmRmm *rmm, RmmRealm *realm, const uint8_t *params)
{
    static const uint16_t measured[][2] = {
        { RMI_PARAMS_FLAGS0, 8 }, { RMI_PARAMS_S2SZ, 1 },
        { RMI_PARAMS_SVE_VL, 1 }, { RMI_PARAMS_NUM_BPS, 1 },
        { RMI_PARAMS_NUM_WPS, 1 }, { RMI_PARAMS_PMU_CTRS, 1 },
        { RMI_PARAMS_HASH, 1 },
    };
    uint8_t buf[RMI_PARAMS_SIZE] = { 0 };

    memset(realm->rim, 0, sizeof(realm->rim));
    memset(realm->rem, 0, sizeof(realm->rem));
    if (!rmm_auto(rmm->config.rim_params, rmm->profile->rim_params)) {
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(measured); i++) {
        memcpy(buf + measured[i][0], params + measured[i][0], measured[i][1]);
    }
    digest(realm, buf, sizeof(buf), realm->rim);
}

void rmm_measure_data(ArmRmm *rmm, RmmRealm *realm, uint64_t ipa,
                      uint64_t flags, uint64_t pa)
{
    uint64_t size = rmm_granule_size(rmm);
    uint8_t desc[DESC_SIZE] = { 0 };

    stq_le_p(desc + DESC_DATA_IPA, ipa);
    stq_le_p(desc + DESC_DATA_FLAGS, flags);
    if (FIELD_EX64(flags, RMI_DATA, MEASURE)) {
        g_autofree uint8_t *content = g_malloc(size);

        rmm_read(rmm, pa, content, size);
        digest(realm, content, size, desc + DESC_DATA_HASH);
    }
    extend(realm, desc, DESC_TYPE_DATA);
}

void rmm_measure_rec(ArmRmm *rmm, RmmRealm *realm, uint64_t flags, uint64_t pc,
                     const uint64_t *gprs)
{
    uint8_t params[RMI_PARAMS_SIZE] = { 0 };
    uint8_t desc[DESC_SIZE] = { 0 };

    stq_le_p(params + RMI_REC_PARAMS_FLAGS, flags);
    stq_le_p(params + RMI_REC_PARAMS_PC, pc);
    for (unsigned i = 0; i < RMI_REC_PARAMS_NGPRS; i++) {
        stq_le_p(params + RMI_REC_PARAMS_GPRS + i * 8, gprs[i]);
    }
    digest(realm, params, sizeof(params), desc + DESC_REC_HASH);
    extend(realm, desc, DESC_TYPE_REC);
}

bool rmm_measures_ok(ArmRmm *rmm)
{
    RmmRealm *realm;

    QTAILQ_FOREACH(realm, &rmm->objects->realms, next) {
        if (!rmm_hash_size(realm->hash)) {
            return false;
        }
    }
    return true;
}
