/*
 * Realm Management Monitor: conventional memory, its granules and regions
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A2.3.1 (tracking regions).
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/units.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "migration/vmstate.h"
#include "bank.h"

/* The smallest tracking region of all granule sizes: 16 KiB, code 0 */
#define REGION_UNIT (32 * MiB)
/* The smallest granule */
#define UNIT        (4 * KiB)
/* Banks begin and end at multiples of the largest granule. */
#define BANK_ALIGN  (64 * KiB)

unsigned rmm_granule_shift(ArmRmm *rmm)
{
    return rmm->banks->granule_shift;
}

hwaddr rmm_granule_size(ArmRmm *rmm)
{
    return 1ull << rmm->banks->granule_shift;
}

bool rmm_aligned(ArmRmm *rmm, uint64_t pa)
{
    return !(pa & (rmm_granule_size(rmm) - 1));
}

uint64_t rmm_granule_total(ArmRmm *rmm)
{
    return rmm->banks->units * UNIT >> rmm->banks->granule_shift;
}

hwaddr rmm_banks_end(ArmRmm *rmm)
{
    const RmmBank *last = &rmm->banks->bank[rmm->banks->n - 1];

    return last->base + last->size;
}

const RmmBank *rmm_bank_at(ArmRmm *rmm, uint64_t pa, uint64_t *next)
{
    *next = UINT64_MAX;
    for (unsigned i = 0; i < rmm->banks->n; i++) {
        const RmmBank *b = &rmm->banks->bank[i];

        if (pa >= b->base && pa - b->base < b->size) {
            *next = b->base + b->size;
            return b;
        }
        if (b->base > pa) {
            *next = MIN(*next, b->base);
        }
    }
    return NULL;
}

int64_t rmm_granule_index(ArmRmm *rmm, uint64_t pa)
{
    uint64_t next;
    const RmmBank *b = rmm_bank_at(rmm, pa, &next);

    return b ? (b->first * UNIT + (pa - b->base)) >>
               rmm->banks->granule_shift : -1;
}

bool rmm_granules_exist(ArmRmm *rmm, uint64_t pa, uint64_t n)
{
    int64_t first = rmm_granule_index(rmm, pa);

    return first >= 0 && rmm_aligned(rmm, pa) && n && n <= rmm->banks->units &&
           rmm_granule_index(rmm, pa + (n - 1) * rmm_granule_size(rmm)) ==
           first + (int64_t)(n - 1);
}

/*
 * Kept in units of the smallest size; a region of the configured size is so
 * many of them.
 */
uint64_t rmm_tracking_size(ArmRmm *rmm)
{
    switch (rmm->banks->granule_shift) {
    case 12:
        return 1 * GiB;
    case 14:
        return rmm->banks->tracking_code ? 64 * GiB : 32 * MiB;
    default:
        return rmm->banks->tracking_code ? 4 * TiB : 512 * MiB;
    }
}

RmiTracking rmm_tracking(ArmRmm *rmm, uint64_t pa)
{
    uint64_t i = pa / REGION_UNIT;

    return i < rmm->banks->n_regions ? rmm->banks->region[i] :
                                       RMI_TRACKING_NONE;
}

void rmm_tracking_set(ArmRmm *rmm, uint64_t pa, RmiTracking state)
{
    uint64_t size = rmm_tracking_size(rmm);
    uint64_t i = (pa & ~(size - 1)) / REGION_UNIT;
    uint64_t end = MIN(i + size / REGION_UNIT, rmm->banks->n_regions);

    for (; i < end; i++) {
        rmm->banks->region[i] = state;
    }
}

static bool find_ram(Int128 start, Int128 len, const MemoryRegion *mr,
                     hwaddr offset, void *opaque)
{
    RmmBanks *banks = opaque;
    hwaddr base = ROUND_UP(int128_get64(start), BANK_ALIGN);
    hwaddr top = ROUND_DOWN(int128_get64(int128_add(start, len)), BANK_ALIGN);

    if (!memory_region_is_ram((MemoryRegion *)mr) || mr->readonly ||
        memory_region_is_ram_device((MemoryRegion *)mr) || top <= base) {
        return false;
    }
    if (banks->n == RMM_MAX_BANKS) {
        return true;
    }
    banks->bank[banks->n++] = (RmmBank) {
        .base = base, .size = top - base, .first = banks->units,
    };
    banks->units += (top - base) / UNIT;
    return false;
}

bool rmm_banks_init(ArmRmm *rmm, Error **errp)
{
    RmmBanks *banks = g_new0(RmmBanks, 1);

    banks->rmm = rmm;
    rmm->banks = banks;
    WITH_RCU_READ_LOCK_GUARD() {
        flatview_for_each_range(address_space_to_flatview(
                                    &address_space_memory), find_ram, banks);
    }
    if (!banks->n) {
        error_setg(errp, "arm-rmm: the machine has no memory to delegate");
        return false;
    }
    banks->n_regions = DIV_ROUND_UP(rmm_banks_end(rmm), REGION_UNIT);
    banks->region = g_malloc0(banks->n_regions);
    return true;
}

void rmm_banks_reset(ArmRmm *rmm)
{
    rmm->banks->granule_shift = 12;
    rmm->banks->tracking_code = 0;
    memset(rmm->banks->region,
           rmm->config.tracking_owner == ARM_RMM_OWNER_HOST ?
           RMI_TRACKING_NONE : RMI_TRACKING_FINE, rmm->banks->n_regions);
}

/* Incoming sizes are those of the interface. */
static bool sizes_ok(void *opaque, int version)
{
    RmmBanks *banks = opaque;

    return (banks->granule_shift == 12 || banks->granule_shift == 14 ||
            banks->granule_shift == 16) && banks->tracking_code <= 1;
}

static int banks_post_load(void *opaque, int version)
{
    RmmBanks *banks = opaque;

    for (uint32_t i = 0; i < banks->n_regions; i++) {
        banks->region[i] = MIN(banks->region[i], RMI_TRACKING_COARSE);
    }
    return 0;
}

const VMStateDescription vmstate_rmm_banks = {
    .name = "arm-rmm/banks",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = banks_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_EQUAL(n_regions, RmmBanks, "the memory differs"),
        VMSTATE_UINT8(granule_shift, RmmBanks),
        VMSTATE_UINT8(tracking_code, RmmBanks),
        VMSTATE_VALIDATE("granule size", sizes_ok),
        VMSTATE_VBUFFER_UINT32(region, RmmBanks, 1, NULL, n_regions),
        VMSTATE_END_OF_LIST()
    },
};
