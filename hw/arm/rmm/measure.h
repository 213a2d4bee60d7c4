/*
 * Realm Management Monitor: measurements
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       how a realm's initial measurement (RIM) is made; the value is the
 *             realm's.
 * Callers:    the commands that measure: REALM_CREATE, RTT_DATA_MAP_INIT,
 *             REC_CREATE.
 * Life cycle: none.
 */

#ifndef RMM_MEASURE_H
#define RMM_MEASURE_H

#include "object.h"

/** rmm_measure_init: RIM of a new realm; @params are RMI_PARAMS_SIZE bytes */
void rmm_measure_init(ArmRmm *rmm, RmmRealm *realm, const uint8_t *params);

/** rmm_measure_data: extend the RIM by a DATA granule */
void rmm_measure_data(ArmRmm *rmm, RmmRealm *realm, uint64_t ipa,
                      uint64_t flags, uint64_t pa);

/** rmm_measure_rec: extend the RIM by a REC; its first RMI_REC_PARAMS_NGPRS */
void rmm_measure_rec(ArmRmm *rmm, RmmRealm *realm, uint64_t flags, uint64_t pc,
                     const uint64_t *gprs);

/** rmm_hash_size: bytes of a digest, 0 if there is no such algorithm */
unsigned rmm_hash_size(uint8_t hash);

/** rmm_measures_ok: after loading: is there every realm's algorithm? */
bool rmm_measures_ok(ArmRmm *rmm);

#endif /* RMM_MEASURE_H */
