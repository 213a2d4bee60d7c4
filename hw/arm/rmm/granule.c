/*
 * Realm Management Monitor: ledger of granules
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
#include "qemu/log.h"
#include "migration/qemu-file-types.h"
#include "migration/vmstate.h"
#include "gpt.h"
#include "granule.h"
#include "memory.h"
#include "trace.h"

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

static uint8_t *ledger_byte(ArmRmm *rmm, uint64_t pa)
{
    int64_t i = rmm_granule_index(rmm, pa);

    return i < 0 ? NULL : &rmm->ledger->byte[i];
}

const uint8_t *rmm_granule(ArmRmm *rmm, uint64_t pa)
{
    return ledger_byte(rmm, pa);
}

RmmGranuleState rmm_granule_state(ArmRmm *rmm, uint64_t pa)
{
    const uint8_t *g = rmm_granule(rmm, pa);

    return g ? *g & RMM_LEDGER_STATE : RMM_G_STATES;
}

bool rmm_granules_are(ArmRmm *rmm, uint64_t pa, uint64_t n,
                      RmmGranuleState state)
{
    const uint8_t *g = rmm_granule(rmm, pa);

    if (!rmm_granules_exist(rmm, pa, n)) {
        return false;
    }
    for (uint64_t i = 0; i < n; i++) {
        if ((g[i] & RMM_LEDGER_STATE) != state) {
            return false;
        }
    }
    return true;
}

void rmm_granules_acting(ArmRmm *rmm, uint16_t num)
{
    rmm->ledger->acting = num - RMI_NUM_FIRST + 1;
}

uint16_t rmm_granule_origin(ArmRmm *rmm, uint64_t pa)
{
    int64_t i = rmm_granule_index(rmm, pa);
    uint8_t origin = i < 0 ? 0 : rmm->ledger->origin[i];

    return origin ? origin + RMI_NUM_FIRST - 1 : 0;
}

const char *rmm_granule_origin_name(ArmRmm *rmm, uint64_t pa)
{
    uint16_t num = rmm_granule_origin(rmm, pa);

    return num ? rmm_command_name(num) : "reset";
}

/*
 * Locks. sec B4.3.3: who touches an object of another open operation is BLOCKED
 */
uint64_t rmm_blocked(ArmRmm *rmm)
{
    return rmm_auto(rmm->config.blocked, rmm->profile->blocked) ?
           RMI_BLOCKED : RMI_ERROR_INPUT;
}

bool rmm_granule_foreign(ArmRmm *rmm, unsigned owner, uint64_t pa)
{
    int64_t i = rmm->ledger->locked ? rmm_granule_index(rmm, pa) : -1;

    return i >= 0 && rmm->ledger->owner[i] &&
           rmm->ledger->owner[i] != owner;
}

static void change_owner(ArmRmm *rmm, uint64_t base, uint64_t top,
                         unsigned from, unsigned to)
{
    RmmLedger *l = rmm->ledger;

    for (uint64_t pa = base; pa < top; pa += rmm_granule_size(rmm)) {
        int64_t i = rmm_granule_index(rmm, pa);

        if (i >= 0 && l->owner[i] == from) {
            l->owner[i] = to;
            l->locked += to ? 1 : -1;
        }
    }
}

void rmm_granule_lock(ArmRmm *rmm, unsigned owner, uint64_t base, uint64_t top)
{
    change_owner(rmm, base, top, 0, owner);
}

void rmm_granule_unlock(ArmRmm *rmm, unsigned owner, uint64_t base,
                        uint64_t top)
{
    change_owner(rmm, base, top, owner, 0);
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
    const uint8_t *g = rmm_granule(c->rmm, pa);

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
    if (rmm_granule_foreign(c->rmm, c->owner, pa)) {
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
    uint64_t bytes = n << rmm_granule_shift(rmm);

    rmm->ledger->count[from] -= n;
    rmm->ledger->count[to] += n;
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
    RmmLedger *l = rmm->ledger;
    uint64_t size = rmm_granule_size(rmm);
    uint8_t *g = ledger_byte(rmm, pa);
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
            g[i] = to | flags;
        }
        if (i > first) {
            memset(l->origin + (g - l->byte) + first, l->acting, i - first);
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
    uint8_t *g = ledger_byte(rmm, pa);
    uint64_t size = rmm_granule_size(rmm);
    uint64_t i, end;

    if (rmm->config.scrub == ARM_RMM_SCRUB_ALWAYS) {
        rmm_wipe(rmm, pa, n * size);
    } else if (rmm->config.scrub == ARM_RMM_SCRUB_USED) {
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
    rmm->ledger->donated++;
}

void rmm_granule_return(ArmRmm *rmm, uint64_t pa, uint64_t n)
{
    uint8_t *g = ledger_byte(rmm, pa);
    bool was_ns = g && (*g & RMM_LEDGER_WAS_NS);

    rmm_granule_set(rmm, pa, n, RMM_G_INTERNAL,
                    was_ns ? RMM_G_UNDELEGATED : RMM_G_DELEGATED);
    rmm->ledger->reclaimed += n;
}

void rmm_granules_init(ArmRmm *rmm)
{
    uint64_t units = rmm->banks->units;
    RmmLedger *l = g_new0(RmmLedger, 1);

    /* Untouched, they cost address space only. */
    l->byte = g_malloc0(units);
    l->origin = g_malloc0(units);
    l->owner = g_malloc0(units * sizeof(*l->owner));
    l->rmm = rmm;
    rmm->ledger = l;
}

void rmm_granules_resize(ArmRmm *rmm)
{
    rmm->ledger->count[RMM_G_UNDELEGATED] = rmm_granule_total(rmm);
}

void rmm_granules_reset(ArmRmm *rmm)
{
    uint64_t units = rmm->banks->units;
    RmmLedger *l = rmm->ledger;

    /* Reset costs what was used, not what there is. */
    if (l->count[RMM_G_UNDELEGATED] != units) {
        memset(l->byte, 0, units);
        memset(l->origin, 0, units);
    }
    if (l->locked) {
        memset(l->owner, 0, units * sizeof(*l->owner));
        l->locked = 0;
    }
    memset(l->count, 0, sizeof(l->count));
    l->count[RMM_G_UNDELEGATED] = units;
    l->donated = 0;
    l->reclaimed = 0;
}

/*
 * Migration: runs of granules that are equal. They go into the ledger one by
 * one as they arrive, so no number of them takes memory.
 */

/* Granules from @at on that are equal */
static uint64_t run_at(const RmmLedger *l, uint64_t at, uint64_t total)
{
    uint64_t n = 1;

    while (at + n < total && l->byte[at + n] == l->byte[at] &&
           l->origin[at + n] == l->origin[at]) {
        n++;
    }
    return n;
}

static int put_runs(QEMUFile *f, void *pv, size_t size,
                    const VMStateField *field, JSONWriter *vmdesc)
{
    RmmLedger *l = pv;
    uint64_t total = rmm_granule_total(l->rmm);

    for (uint64_t at = 0, n; at < total; at += n) {
        n = run_at(l, at, total);
        qemu_put_be64(f, n);
        qemu_put_byte(f, l->byte[at]);
        qemu_put_byte(f, l->origin[at]);
    }
    return 0;
}

static bool load_run(RmmLedger *l, uint64_t at, uint64_t n, uint8_t byte,
                     uint8_t origin)
{
    unsigned state = byte & RMM_LEDGER_STATE;

    if (!n || n > rmm_granule_total(l->rmm) - at || state >= RMM_G_STATES ||
        (origin && !rmm_command_name(origin + RMI_NUM_FIRST - 1))) {
        return false;
    }
    memset(l->byte + at, byte, n);
    memset(l->origin + at, origin, n);
    l->count[state] += n;
    return true;
}

static int get_runs(QEMUFile *f, void *pv, size_t size,
                    const VMStateField *field)
{
    RmmLedger *l = pv;
    uint64_t units = l->rmm->banks->units;
    uint64_t total = rmm_granule_total(l->rmm);

    memset(l->count, 0, sizeof(l->count));
    memset(l->owner, 0, units * sizeof(*l->owner));
    l->locked = 0;
    for (uint64_t at = 0, n; at < total; at += n) {
        uint8_t byte, origin;

        n = qemu_get_be64(f);
        byte = qemu_get_byte(f);
        origin = qemu_get_byte(f);
        if (qemu_file_get_error(f) || !load_run(l, at, n, byte, origin)) {
            return -EINVAL;
        }
    }
    memset(l->byte + total, 0, units - total);
    memset(l->origin + total, 0, units - total);
    return 0;
}

static const VMStateInfo info_runs = {
    .name = "arm-rmm/runs",
    .get = get_runs,
    .put = put_runs,
};

const VMStateDescription vmstate_rmm_ledger = {
    .name = "arm-rmm/ledger",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        {
            .name = "runs",
            .size = sizeof(RmmLedger),
            .info = &info_runs,
            .flags = VMS_SINGLE,
        },
        VMSTATE_UINT64(donated, RmmLedger),
        VMSTATE_UINT64(reclaimed, RmmLedger),
        VMSTATE_END_OF_LIST()
    },
};
