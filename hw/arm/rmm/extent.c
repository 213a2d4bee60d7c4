/*
 * Realm Management Monitor: lists of donated memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A list never has more pieces than there are granules, so its size is bounded
 * by the guest's memory.
 */

#include "qemu/osdep.h"
#include "migration/vmstate.h"
#include "extent.h"
#include "granule.h"

#define MAX_EXTENTS (1 << 26)

static void extents_push(RmmExtents *e, const RmmExtent *x)
{
    if (e->n == e->allocated) {
        e->allocated = MAX(16, e->allocated * 2);
        e->ext = g_renew(RmmExtent, e->ext, e->allocated);
    }
    e->ext[e->n++] = *x;
}

void rmm_extents_add(RmmExtents *e, uint64_t base, uint64_t granules,
                     uint64_t granule_size, bool was_ns)
{
    RmmExtent *last = e->n ? &e->ext[e->n - 1] : NULL;

    if (last && last->was_ns == was_ns &&
        last->base + last->granules * granule_size == base) {
        last->granules += granules;
        return;
    }
    extents_push(e, &(RmmExtent) { base, granules, was_ns });
}

void rmm_extents_move(RmmExtents *to, RmmExtents *from)
{
    for (int i = 0; i < from->n; i++) {
        extents_push(to, &from->ext[i]);
    }
    rmm_extents_clear(from);
}

uint64_t rmm_extents_total(const RmmExtents *e)
{
    uint64_t total = 0;

    for (int i = 0; i < e->n; i++) {
        total += e->ext[i].granules;
    }
    return total;
}

void rmm_extents_clear(RmmExtents *e)
{
    g_free(e->ext);
    memset(e, 0, sizeof(*e));
}

bool rmm_extents_ok(ArmRmm *rmm, const RmmExtents *e)
{
    for (int i = 0; i < e->n; i++) {
        if (!rmm_granules_are(rmm, e->ext[i].base, e->ext[i].granules,
                              RMM_G_INTERNAL)) {
            return false;
        }
    }
    return true;
}

/* Migration */
static int extents_pre_load(void *opaque)
{
    rmm_extents_clear(opaque);
    return 0;
}

static bool extents_count_ok(void *opaque, int version)
{
    RmmExtents *e = opaque;

    return e->n >= 0 && e->n <= MAX_EXTENTS;
}

static int extents_post_load(void *opaque, int version)
{
    RmmExtents *e = opaque;

    e->allocated = e->n;
    return 0;
}

static const VMStateDescription vmstate_extent = {
    .name = "arm-rmm/extent",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(base, RmmExtent),
        VMSTATE_UINT64(granules, RmmExtent),
        VMSTATE_BOOL(was_ns, RmmExtent),
        VMSTATE_END_OF_LIST()
    },
};

const VMStateDescription vmstate_rmm_extents = {
    .name = "arm-rmm/extents",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_load = extents_pre_load,
    .post_load = extents_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_INT32(n, RmmExtents),
        VMSTATE_VALIDATE("number of pieces", extents_count_ok),
        VMSTATE_STRUCT_VARRAY_ALLOC(ext, RmmExtents, n, 1, vmstate_extent,
                                    RmmExtent),
        VMSTATE_END_OF_LIST()
    },
};
