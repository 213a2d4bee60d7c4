/*
 * Realm Management Monitor: the RMM's own access to memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/units.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "memory.h"

void rmm_read(ArmRmm *rmm, uint64_t pa, void *buf, uint64_t size)
{
    address_space_read(&address_space_memory, pa, MEMTXATTRS_UNSPECIFIED, buf,
                       size);
}

void rmm_write(ArmRmm *rmm, uint64_t pa, const void *buf, uint64_t size)
{
    address_space_write(&address_space_memory, pa, MEMTXATTRS_UNSPECIFIED, buf,
                        size);
}

/* Memory that the guest never used is not to become the host's now. */
static void wipe_pages(uint8_t *p, hwaddr len)
{
    for (hwaddr i = 0; i < len; i += 4 * KiB) {
        if (!buffer_is_zero(p + i, MIN(len - i, 4 * KiB))) {
            memset(p + i, 0, MIN(len - i, 4 * KiB));
        }
    }
}

void rmm_wipe(ArmRmm *rmm, uint64_t pa, uint64_t size)
{
    while (size) {
        hwaddr len = size;
        void *p = address_space_map(&address_space_memory, pa, &len, true,
                                    MEMTXATTRS_UNSPECIFIED);

        if (!p) {
            return; /* unplugged meanwhile: nothing is left to be seen */
        }
        wipe_pages(p, len);
        address_space_unmap(&address_space_memory, p, len, true, len);
        pa += len;
        size -= len;
    }
}

uint64_t rmm_ldq(ArmRmm *rmm, uint64_t pa)
{
    return address_space_ldq_le(&address_space_memory, pa,
                                MEMTXATTRS_UNSPECIFIED, NULL);
}

void rmm_stq(ArmRmm *rmm, uint64_t pa, uint64_t val)
{
    address_space_stq_le(&address_space_memory, pa, val,
                         MEMTXATTRS_UNSPECIFIED, NULL);
}
