/*
 * Realm Management Monitor: ledger of granules, and access to them
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A2.3 (granules and their tracking).
 *
 * The ledger is the only truth about a granule, and rmm_granule_set() the only
 * way to change it: it knows which transitions exist, gives the granule to the
 * physical address space that belongs to the new state, and keeps count.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/log.h"
#include "qemu/units.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "hw/arm/arm-rmm.h"
#include "trace.h"

/* The smallest tracking region of all granule sizes: 16 KiB, code 0 */
#define REGION_UNIT (32 * MiB)
/* Memory of one ledger byte with the smallest granule */
#define LEDGER_UNIT (4 * KiB)
/* Banks begin and end at multiples of the largest granule. */
#define BANK_ALIGN  (64 * KiB)

static const char *const granule_names[RMM_G_STATES] = {
    [RMM_G_UNDELEGATED] = "undelegated",
    [RMM_G_DELEGATED] = "delegated",
    [RMM_G_RD] = "rd",
    [RMM_G_REC] = "rec",
    [RMM_G_RTT] = "rtt",
    [RMM_G_DATA] = "data",
    [RMM_G_INTERNAL] = "internal",
};

/* sec A2.3.3: which state may follow which, one bit for each */
static const uint8_t granule_follows[RMM_G_STATES] = {
    [RMM_G_UNDELEGATED] = BIT(RMM_G_DELEGATED) | BIT(RMM_G_INTERNAL),
    [RMM_G_DELEGATED] = BIT(RMM_G_UNDELEGATED) | BIT(RMM_G_RD) |
                        BIT(RMM_G_REC) | BIT(RMM_G_RTT) | BIT(RMM_G_DATA) |
                        BIT(RMM_G_INTERNAL),
    [RMM_G_RD] = BIT(RMM_G_DELEGATED),
    [RMM_G_REC] = BIT(RMM_G_DELEGATED),
    [RMM_G_RTT] = BIT(RMM_G_DELEGATED),
    [RMM_G_DATA] = BIT(RMM_G_DELEGATED),
    [RMM_G_INTERNAL] = BIT(RMM_G_DELEGATED) | BIT(RMM_G_UNDELEGATED),
};

const char *rmm_granule_name(RmmGranuleState state)
{
    return state < RMM_G_STATES ? granule_names[state] : "absent";
}

hwaddr rmm_granule_size(ArmRmm *rmm)
{
    return 1ull << rmm->granule_shift;
}

bool rmm_aligned(ArmRmm *rmm, uint64_t pa)
{
    return !(pa & (rmm_granule_size(rmm) - 1));
}

uint64_t rmm_granule_total(ArmRmm *rmm)
{
    return rmm->n_ledger * LEDGER_UNIT >> rmm->granule_shift;
}

static RmmBank *find_bank(ArmRmm *rmm, uint64_t pa)
{
    for (unsigned i = 0; i < rmm->n_banks; i++) {
        if (pa >= rmm->bank[i].base &&
            pa - rmm->bank[i].base < rmm->bank[i].size) {
            return &rmm->bank[i];
        }
    }
    return NULL;
}

/*
 * Banks follow each other in the ledger without a gap whatever the granule is,
 * so what is contiguous in memory is so in the ledger, over two banks too.
 */
uint8_t *rmm_granule(ArmRmm *rmm, uint64_t pa)
{
    RmmBank *b = find_bank(rmm, pa);

    return b ? &rmm->ledger[(b->first * LEDGER_UNIT + (pa - b->base)) >>
                            rmm->granule_shift] : NULL;
}

bool rmm_granules_exist(ArmRmm *rmm, uint64_t pa, uint64_t n)
{
    uint64_t size = rmm_granule_size(rmm);
    uint8_t *first = rmm_granule(rmm, pa);

    return first && rmm_aligned(rmm, pa) && n && n <= rmm->n_ledger &&
           rmm_granule(rmm, pa + (n - 1) * size) == first + (n - 1);
}

RmmGranuleState rmm_granule_state(ArmRmm *rmm, uint64_t pa)
{
    uint8_t *g = rmm_granule(rmm, pa);

    return g ? *g & RMM_LEDGER_STATE : RMM_G_STATES;
}

const char *rmm_granule_origin(ArmRmm *rmm, uint64_t pa)
{
    uint8_t *g = rmm_granule(rmm, pa);
    unsigned origin = g ? rmm->origin[g - rmm->ledger] : 0;

    return origin ? rmm_command_at(origin - 1)->name : "reset";
}

/* sec B4.3.3: who touches an object of another open operation is BLOCKED */
uint64_t rmm_blocked(ArmRmm *rmm)
{
    return rmm_auto(rmm->blocked, rmm->profile->blocked) ?
           RMI_BLOCKED : RMI_ERROR_INPUT;
}

static const char *const not_in_state[RMM_G_STATES] = {
    [RMM_G_UNDELEGATED] = "granule is not UNDELEGATED",
    [RMM_G_DELEGATED] = "granule is not DELEGATED",
    [RMM_G_RD] = "granule is no realm descriptor",
    [RMM_G_REC] = "granule is no REC",
    [RMM_G_RTT] = "granule is no RTT",
    [RMM_G_DATA] = "granule is not DATA",
    [RMM_G_INTERNAL] = "granule is not INTERNAL",
};

uint64_t rmm_granule_check(RmmCall *c, uint64_t pa, RmmGranuleState want)
{
    uint8_t *g = rmm_granule(c->rmm, pa);

    if (!rmm_aligned(c->rmm, pa)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "granule is not aligned", pa);
    }
    if (!g) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "granule is no memory", pa);
    }
    if (rmm_tracking(c->rmm, pa) != RMI_TRACKING_FINE) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "granule is not tracked FINE",
                          pa);
    }
    if ((*g & RMM_LEDGER_LOCKED) && !(c->sro && rmm_sro_owns(c->sro, pa))) {
        return rmm_refuse(c, rmm_blocked(c->rmm),
                          "granule is in work by an open operation", pa);
    }
    return (*g & RMM_LEDGER_STATE) == want ? RMI_SUCCESS :
           rmm_refuse(c, RMI_ERROR_INPUT, not_in_state[want], pa);
}

static unsigned state_gpi(RmmGranuleState state)
{
    return state == RMM_G_UNDELEGATED ? RMM_GPI_NS : RMM_GPI_REALM;
}

/* What else a change of state means, for a run of granules that had it */
static void account_run(ArmRmm *rmm, uint64_t pa, uint64_t n,
                        RmmGranuleState from, RmmGranuleState to)
{
    uint64_t bytes = n << rmm->granule_shift;

    rmm->count[from] -= n;
    rmm->count[to] += n;
    if (state_gpi(from) != state_gpi(to)) {
        rmm_gpt_set(rmm, pa, bytes, state_gpi(to));
    }
    trace_arm_rmm_granule(pa, bytes, rmm_granule_name(from),
                          rmm_granule_name(to));
}

/*
 * The one place where the ledger changes. Callers have made sure that the
 * transition exists and that all granules are in @from; what is not stays as
 * it is, whatever the caller believes.
 */
static void ledger_change(ArmRmm *rmm, uint64_t pa, uint64_t n,
                          RmmGranuleState from, RmmGranuleState to,
                          uint8_t flags)
{
    uint64_t size = rmm_granule_size(rmm);
    uint8_t *g = rmm_granule(rmm, pa);
    uint64_t i = 0;

    if (!rmm_granules_exist(rmm, pa, n) || !(granule_follows[from] & BIT(to))) {
        qemu_log_mask(LOG_GUEST_ERROR, "arm-rmm: 0x%" PRIx64 "+0x%" PRIx64
                      ": no transition %s -> %s\n", pa, n * size,
                      rmm_granule_name(from), rmm_granule_name(to));
        return;
    }
    while (i < n) {
        uint64_t first = i;

        for (; i < n && (g[i] & RMM_LEDGER_STATE) == from; i++) {
            g[i] = (g[i] & RMM_LEDGER_LOCKED) | to | flags;
        }
        if (i > first) {
            memset(rmm->origin + (g - rmm->ledger) + first, rmm->acting,
                   i - first);
            account_run(rmm, pa + first * size, i - first, from, to);
        }
        if (i < n) {
            qemu_log_mask(LOG_GUEST_ERROR, "arm-rmm: 0x%" PRIx64 " is %s, not "
                          "%s\n", pa + i * size,
                          rmm_granule_name(g[i] & RMM_LEDGER_STATE),
                          rmm_granule_name(from));
            i++;
        }
    }
}

/* What undelegation must not leave behind, from one run of equal granules */
static void scrub(ArmRmm *rmm, uint64_t pa, uint64_t n)
{
    uint8_t *g = rmm_granule(rmm, pa);
    uint64_t size = rmm_granule_size(rmm);
    uint64_t i, end;

    if (rmm->scrub == ARM_RMM_SCRUB_ALWAYS) {
        rmm_wipe(rmm, pa, n * size);
    } else if (rmm->scrub == ARM_RMM_SCRUB_USED) {
        for (i = 0; i < n; i = end + 1) {
            for (end = i; end < n && (g[end] & RMM_LEDGER_USED); end++) {
                /* a run of granules to wipe */
            }
            rmm_wipe(rmm, pa + i * size, (end - i) * size);
        }
    }
}

void rmm_granule_set(ArmRmm *rmm, uint64_t pa, uint64_t n,
                     RmmGranuleState from, RmmGranuleState to)
{
    uint8_t flags = 0;

    if (to == RMM_G_UNDELEGATED) {
        scrub(rmm, pa, n);
    } else if (from != RMM_G_UNDELEGATED) {
        flags = RMM_LEDGER_USED;
    }
    ledger_change(rmm, pa, n, from, to, flags);
}

void rmm_granule_donate(ArmRmm *rmm, uint64_t pa)
{
    RmmGranuleState from = rmm_granule_state(rmm, pa);

    ledger_change(rmm, pa, 1, from, RMM_G_INTERNAL, RMM_LEDGER_USED |
                  (from == RMM_G_UNDELEGATED ? RMM_LEDGER_WAS_NS : 0));
    rmm->donated++;
}

void rmm_granule_return(ArmRmm *rmm, uint64_t pa, uint64_t n)
{
    uint8_t *g = rmm_granule(rmm, pa);
    bool was_ns = g && (*g & RMM_LEDGER_WAS_NS);

    rmm_granule_set(rmm, pa, n, RMM_G_INTERNAL,
                    was_ns ? RMM_G_UNDELEGATED : RMM_G_DELEGATED);
    rmm->reclaimed += n;
}

void rmm_granule_lock(ArmRmm *rmm, uint64_t base, uint64_t top, bool on)
{
    for (uint64_t pa = base; pa < top; pa += rmm_granule_size(rmm)) {
        uint8_t *g = rmm_granule(rmm, pa);

        if (g) {
            *g = on ? *g | RMM_LEDGER_LOCKED : *g & ~RMM_LEDGER_LOCKED;
        }
    }
}

/*
 * Access. The RMM reads the host's structures only from conventional memory
 * that is Non-secure: an access to a device could come back to this code.
 */
bool rmm_ns_ok(ArmRmm *rmm, uint64_t pa, uint64_t size)
{
    uint64_t step = rmm_granule_size(rmm);
    uint64_t last = pa + size - 1;

    if (!size || last < pa) {
        return false;
    }
    for (uint64_t a = pa & ~(step - 1); a <= last; a += step) {
        uint8_t *g = rmm_granule(rmm, a);

        if (!g || (*g & RMM_LEDGER_STATE) != RMM_G_UNDELEGATED ||
            rmm_gpt_get(rmm, a) != RMM_GPI_NS) {
            return false;
        }
    }
    return true;
}

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

/*
 * sec A2.3.1: tracking regions. Kept in units of the smallest size; a region of
 * the configured size is so many of them.
 */
uint64_t rmm_tracking_size(ArmRmm *rmm)
{
    switch (rmm->granule_shift) {
    case 12:
        return 1 * GiB;
    case 14:
        return rmm->tracking_code ? 64 * GiB : 32 * MiB;
    default:
        return rmm->tracking_code ? 4 * TiB : 512 * MiB;
    }
}

RmiTracking rmm_tracking(ArmRmm *rmm, uint64_t pa)
{
    uint64_t i = pa / REGION_UNIT;

    return i < rmm->n_regions ? rmm->region[i] : RMI_TRACKING_NONE;
}

void rmm_tracking_set(ArmRmm *rmm, uint64_t pa, RmiTracking state)
{
    uint64_t size = rmm_tracking_size(rmm);
    uint64_t i = (pa & ~(size - 1)) / REGION_UNIT;
    uint64_t end = MIN(i + size / REGION_UNIT, rmm->n_regions);

    for (; i < end; i++) {
        rmm->region[i] = state;
    }
}

static bool find_ram(Int128 start, Int128 len, const MemoryRegion *mr,
                     hwaddr offset, void *opaque)
{
    ArmRmm *rmm = opaque;
    hwaddr base = ROUND_UP(int128_get64(start), BANK_ALIGN);
    hwaddr top = ROUND_DOWN(int128_get64(int128_add(start, len)), BANK_ALIGN);

    if (!memory_region_is_ram((MemoryRegion *)mr) || mr->readonly ||
        memory_region_is_ram_device((MemoryRegion *)mr) || top <= base) {
        return false;
    }
    if (rmm->n_banks == RMM_MAX_BANKS) {
        return true;
    }
    rmm->bank[rmm->n_banks++] = (RmmBank) {
        .base = base, .size = top - base, .first = rmm->n_ledger,
    };
    rmm->n_ledger += (top - base) / LEDGER_UNIT;
    return false;
}

bool rmm_granules_init(ArmRmm *rmm, Error **errp)
{
    RmmBank *last;

    WITH_RCU_READ_LOCK_GUARD() {
        flatview_for_each_range(address_space_to_flatview(
                                    &address_space_memory), find_ram, rmm);
    }
    if (!rmm->n_banks) {
        error_setg(errp, "arm-rmm: the machine has no memory to delegate");
        return false;
    }
    last = &rmm->bank[rmm->n_banks - 1];
    rmm->n_regions = DIV_ROUND_UP(last->base + last->size, REGION_UNIT);
    rmm->region = g_malloc0(rmm->n_regions);
    /* Untouched, they cost address space only. */
    rmm->ledger = g_malloc0(rmm->n_ledger);
    rmm->origin = g_malloc0(rmm->n_ledger);
    return true;
}

void rmm_granules_reset(ArmRmm *rmm)
{
    /* Reset costs what was used, not what there is. */
    if (rmm->count[RMM_G_UNDELEGATED] != rmm->n_ledger) {
        memset(rmm->ledger, 0, rmm->n_ledger);
        memset(rmm->origin, 0, rmm->n_ledger);
    }
    memset(rmm->count, 0, sizeof(rmm->count));
    rmm->count[RMM_G_UNDELEGATED] = rmm->n_ledger;
    memset(rmm->region, rmm->tracking_owner == ARM_RMM_OWNER_HOST ?
           RMI_TRACKING_NONE : RMI_TRACKING_FINE, rmm->n_regions);
    rmm->donated = 0;
    rmm->reclaimed = 0;
}
