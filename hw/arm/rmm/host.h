/*
 * Realm Management Monitor: structures in the host's memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       nothing; a copy belongs to the call it was made for.
 * Callers:    commands and the engine, for what a host passes by address.
 * Life cycle: a copy lives as long as its call, or the operation that the call
 *             began.
 */

#ifndef RMM_HOST_H
#define RMM_HOST_H

#include "call.h"

#define RMM_COPY_MAX        0x1000

/** rmm_ns_ok: is all of a range Non-secure conventional memory? */
bool rmm_ns_ok(ArmRmm *rmm, uint64_t pa, uint64_t size);

/** rmm_ns_read, rmm_ns_write: false, and nothing done, if not rmm_ns_ok() */
bool rmm_ns_read(ArmRmm *rmm, uint64_t pa, void *buf, uint64_t size);
bool rmm_ns_write(ArmRmm *rmm, uint64_t pa, const void *buf, uint64_t size);

/**
 * rmm_host_copy: what the host passes, read once
 *
 * Other CPUs of the host can write to it meanwhile, so check(), lock() and
 * commit() look at the copy, not at the memory, and so does the end of an
 * operation. A call passes one structure; to a second request for it the copy
 * is the answer. Returns NULL if not rmm_ns_ok(). RMM_COPY_MAX bytes at most.
 */
const uint8_t *rmm_host_copy(RmmCall *c, uint64_t pa, uint32_t size);

#endif /* RMM_HOST_H */
