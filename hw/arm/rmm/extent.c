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
#include "migration/qemu-file-types.h"
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

/*
 * Migration. How many pieces there are is what the other side says: memory is
 * taken for those alone that have arrived.
 */
static int put_extents(QEMUFile *f, void *pv, size_t size,
                       const VMStateField *field, JSONWriter *vmdesc)
{
    const RmmExtents *e = pv;

    qemu_put_be32(f, e->n);
    for (int i = 0; i < e->n; i++) {
        qemu_put_be64(f, e->ext[i].base);
        qemu_put_be64(f, e->ext[i].granules);
        qemu_put_byte(f, e->ext[i].was_ns);
    }
    return 0;
}

static int get_extents(QEMUFile *f, void *pv, size_t size,
                       const VMStateField *field)
{
    RmmExtents *e = pv;
    uint32_t n = qemu_get_be32(f);

    rmm_extents_clear(e);
    for (uint32_t i = 0; i < n; i++) {
        RmmExtent x = {
            .base = qemu_get_be64(f),
            .granules = qemu_get_be64(f),
            .was_ns = qemu_get_byte(f),
        };

        if (qemu_file_get_error(f) || i == MAX_EXTENTS) {
            return -EINVAL;
        }
        extents_push(e, &x);
    }
    return 0;
}

static const VMStateInfo info_extents = {
    .name = "arm-rmm/extents",
    .get = get_extents,
    .put = put_extents,
};

const VMStateDescription vmstate_rmm_extents = {
    .name = "arm-rmm/extents",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        {
            .name = "pieces",
            .size = sizeof(RmmExtents),
            .info = &info_extents,
            .flags = VMS_SINGLE,
        },
        VMSTATE_END_OF_LIST()
    },
};
