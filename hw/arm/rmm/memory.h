/*
 * Realm Management Monitor: the RMM's own access to memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       nothing.
 * Callers:    whoever has made sure that the address is a granule: accesses to
 *             devices could come back to this code. What the host passes goes
 *             through host.h.
 * Life cycle: none.
 */

#ifndef RMM_MEMORY_H
#define RMM_MEMORY_H

#include "rmm.h"

/** rmm_read, rmm_write: @size bytes, little-endian as they lie there */
void rmm_read(ArmRmm *rmm, uint64_t pa, void *buf, uint64_t size);
void rmm_write(ArmRmm *rmm, uint64_t pa, const void *buf, uint64_t size);

/** rmm_wipe: zeros; memory that was never used does not become the host's */
void rmm_wipe(ArmRmm *rmm, uint64_t pa, uint64_t size);

/** rmm_ldq, rmm_stq: 64 bits, little-endian */
uint64_t rmm_ldq(ArmRmm *rmm, uint64_t pa);
void rmm_stq(ArmRmm *rmm, uint64_t pa, uint64_t val);

#endif /* RMM_MEMORY_H */
