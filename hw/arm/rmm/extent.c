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
#include "hw/arm/arm-rmm.h"

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
