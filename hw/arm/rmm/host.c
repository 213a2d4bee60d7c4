/*
 * Realm Management Monitor: structures in the host's memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The RMM reads the host's structures only from conventional memory that is
 * Non-secure: an access to a device could come back to this code.
 */

#include "qemu/osdep.h"
#include "gpt.h"
#include "granule.h"
#include "host.h"
#include "memory.h"

bool rmm_ns_ok(ArmRmm *rmm, uint64_t pa, uint64_t size)
{
    uint64_t step = rmm_granule_size(rmm);
    uint64_t last = pa + size - 1;

    if (!size || last < pa) {
        return false;
    }
    for (uint64_t a = pa & ~(step - 1); a <= last; a += step) {
        const uint8_t *g = rmm_granule(rmm, a);

        if (!g || (*g & RMM_LEDGER_STATE) != RMM_G_UNDELEGATED ||
            rmm_gpt_get(rmm, a) != RMM_GPI_NS) {
            return false;
        }
    }
    return true;
}

bool rmm_ns_read(ArmRmm *rmm, uint64_t pa, void *buf, uint64_t size)
{
    if (!rmm_ns_ok(rmm, pa, size)) {
        return false;
    }
    rmm_read(rmm, pa, buf, size);
    return true;
}

bool rmm_ns_write(ArmRmm *rmm, uint64_t pa, const void *buf, uint64_t size)
{
    if (!rmm_ns_ok(rmm, pa, size)) {
        return false;
    }
    rmm_write(rmm, pa, buf, size);
    return true;
}

const uint8_t *rmm_host_copy(RmmCall *c, uint64_t pa, uint32_t size)
{
    if (c->copy) {
        return size <= c->n_copy ? c->copy : NULL;
    }
    if (!rmm_ns_ok(c->rmm, pa, size)) {
        return NULL;
    }
    c->copy = g_malloc(size);
    c->n_copy = size;
    rmm_read(c->rmm, pa, c->copy, size);
    return c->copy;
}
