/*
 * Realm Management Monitor: RTT_DATA_MAP_INIT, RTT_DATA_MAP, RTT_UNPROT_MAP
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A5.5, B4.4, B4.5. One loop maps both halves
 * of the address space: an entry at a time, each as large as the range, the
 * output addresses and the table allow.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "cmd.h"
#include "desc.h"
#include "gpt.h"
#include "granule.h"
#include "host.h"
#include "measure.h"
#include "memory.h"

/* There is a VOID entry of the last level. */
static uint64_t page_check(RmmCall *c, uint64_t ipa)
{
    uint64_t x0;

    rmm_rtt_walk(c->rmm, c->realm, ipa, RMM_LAST_LEVEL, c->walk);
    x0 = rmm_rtt_check_work(c, ipa);
    if (x0) {
        return x0;
    }
    if (c->walk->level < RMM_LAST_LEVEL) {
        return rmm_rtt_error(c, "walk ended above the last level");
    }
    return c->walk->state == RMI_RTT_UNASSIGNED ? RMI_SUCCESS :
           rmm_rtt_error(c, "entry is not VOID");
}

uint64_t rmm_data_map_init_check(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    uint64_t data = c->arg.data_map_init.data;
    uint64_t ipa = c->arg.data_map_init.ipa;
    uint64_t src = c->arg.data_map_init.src;
    uint64_t x0;

    if (!rmm_aligned(rmm, src) ||
        !rmm_ns_ok(rmm, src, rmm_granule_size(rmm))) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "src is not aligned, or not "
                          "Non-secure memory", src);
    }
    x0 = rmm_granule_check(c, data, RMM_G_DELEGATED);
    if (!x0) {
        x0 = rmm_check_rd(c, c->arg.data_map_init.rd);
    }
    if (x0) {
        return x0;
    }
    if (!c->realm->lpa2 && data >> 48) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "data needs LPA2", data);
    }
    if (!rmm_aligned(rmm, ipa) || !rmm_rtt_protected(c->realm, ipa)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "ipa is not aligned, or not "
                          "protected", ipa);
    }
    if (c->realm->state != RMM_REALM_NEW) {
        return rmm_refuse(c, RMI_ERROR_REALM, "realm is not NEW",
                          c->realm->state);
    }
    return page_check(c, ipa);
}

uint64_t rmm_data_map_init_commit(RmmCall *c)
{
    ArmRmm *rmm = c->rmm;
    uint64_t size = rmm_granule_size(rmm);
    g_autofree uint8_t *content = g_malloc(size);

    rmm_read(rmm, c->arg.data_map_init.src, content, size);
    rmm_granule_set(rmm, c->arg.data_map_init.data, 1, RMM_G_DELEGATED,
                    RMM_G_DATA);
    rmm_write(rmm, c->arg.data_map_init.data, content, size);
    rmm_rtt_put_data(rmm, c->realm, c->walk->entry_pa, RMM_LAST_LEVEL,
                     c->arg.data_map_init.data,
                     RMI_RIPAS_RAM);
    rmm_measure_data(rmm, c->realm, c->arg.data_map_init.ipa,
                     c->arg.data_map_init.flags, c->arg.data_map_init.data);
    c->realm->data++;
    return RMI_SUCCESS;
}

/*
 * Output addresses: one descriptor in the register, or a list in memory that is
 * copied once. Of a list a call uses RMI_LIST_MAX entries at most, and says how
 * far it came.
 */
typedef struct Output {
    const uint8_t *list;
    unsigned left;          /* further descriptors of the list */
    uint64_t base;
    uint64_t bytes;         /* of the current descriptor */
} Output;

static bool output_take(RmmCall *c, Output *o, uint64_t desc)
{
    RmmDesc d = rmm_range_parse(c->rmm, desc);

    o->base = d.base;
    o->bytes = d.granules * rmm_granule_size(c->rmm);
    return rmm_range_aligned(c->rmm, &d);
}

/* The next descriptor with something in it */
static bool output_next(RmmCall *c, Output *o)
{
    while (!o->bytes) {
        if (!o->left || !output_take(c, o, ldq_le_p(o->list))) {
            return false;
        }
        o->list += 8;
        o->left--;
    }
    return true;
}

static bool output_begin(RmmCall *c, Output *o)
{
    uint64_t flags = c->arg.map.flags;

    memset(o, 0, sizeof(*o));
    switch (FIELD_EX64(flags, RMI_MAP, OADDR_TYPE)) {
    case RMI_OADDR_SINGLE:
        if (!output_take(c, o, c->arg.map.oaddr)) {
            return false;
        }
        break;
    case RMI_OADDR_LIST:
        if (c->arg.map.oaddr & 7) {
            return false;
        }
        o->left = MIN(FIELD_EX64(flags, RMI_MAP, LIST_COUNT), RMI_LIST_MAX);
        o->list = rmm_host_copy(c, c->arg.map.oaddr, o->left * 8);
        if (!o->list) {
            return false;
        }
        break;
    default:
        return false;
    }
    return output_next(c, o);
}

/*
 * The largest step that is possible at @ipa: the entry is as large as its
 * level, a block needs an aligned output address.
 */
static bool step_fits(RmmCall *c, const RmmWalk *w, uint64_t ipa, uint64_t top,
                      const Output *o)
{
    uint64_t span = rmm_rtt_span(c->rmm, w->level);

    return w->state == RMI_RTT_UNASSIGNED &&
           rmm_rtt_may_map(c->rmm, w->level) && !(ipa & (span - 1)) &&
           top - ipa >= span && o->bytes >= span && !(o->base & (span - 1));
}

/* Conditions that both commands share, in the order of the tables */
static uint64_t map_check(RmmCall *c, bool protected, Output *o)
{
    ArmRmm *rmm = c->rmm;
    uint64_t base = c->arg.map.base, top = c->arg.map.top;
    uint64_t x0 = rmm_check_rd(c, c->arg.map.rd);

    if (x0) {
        return x0;
    }
    x0 = rmm_range_check(c, base, top, protected);
    if (x0) {
        return x0;
    }
    if (!output_begin(c, o)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "output addresses: type, "
                          "alignment, or not Non-secure memory",
                          c->arg.map.oaddr);
    }
    rmm_rtt_walk(rmm, c->realm, base, RMM_LAST_LEVEL, c->walk);
    x0 = rmm_rtt_check_work(c, base);
    if (x0) {
        return x0;
    }
    if (c->walk->state != RMI_RTT_UNASSIGNED) {
        return rmm_rtt_error(c, "entry at base is mapped");
    }
    return step_fits(c, c->walk, base, top, o) ? RMI_SUCCESS :
           rmm_rtt_error(c, "entry at base is larger than the range or the "
                         "output");
}

/* All granules of a step are there to be mapped. */
static uint64_t data_ready(RmmCall *c, uint64_t base, uint64_t bytes)
{
    uint64_t size = rmm_granule_size(c->rmm);

    for (uint64_t pa = base; pa < base + bytes; pa += size) {
        uint64_t x0 = rmm_granule_check(c, pa, RMM_G_DELEGATED);

        if (x0) {
            return x0;
        }
    }
    return RMI_SUCCESS;
}

uint64_t rmm_data_map_check(RmmCall *c)
{
    Output o;
    uint64_t x0 = map_check(c, true, &o);

    if (x0) {
        return x0;
    }
    if (!rmm_granule(c->rmm, o.base) || (!c->realm->lpa2 && o.base >> 48)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "granule is no memory, or needs "
                          "LPA2", o.base);
    }
    if (rmm_tracking(c->rmm, o.base) != RMI_TRACKING_FINE) {
        return rmm_refuse(c, RMI_ERROR_TRACKING, "granule is not tracked FINE",
                          o.base);
    }
    return data_ready(c, o.base, rmm_rtt_span(c->rmm, c->walk->level));
}

uint64_t rmm_unprot_map_check(RmmCall *c)
{
    Output o;
    uint64_t x0 = map_check(c, false, &o);

    if (x0) {
        return x0;
    }
    return o.base >> c->rmm->gpt->pa_bits || (!c->realm->lpa2 && o.base >> 48) ?
           rmm_refuse(c, RMI_ERROR_INPUT, "output address is too large",
                      o.base) : RMI_SUCCESS;
}

static bool map_data(RmmCall *c, const RmmWalk *w, const Output *o)
{
    uint64_t span = rmm_rtt_span(c->rmm, w->level);
    uint64_t n = span >> rmm_granule_shift(c->rmm);

    if (data_ready(c, o->base, span)) {
        return false;
    }
    rmm_granule_set(c->rmm, o->base, n, RMM_G_DELEGATED, RMM_G_DATA);
    rmm_wipe(c->rmm, o->base, span);
    rmm_rtt_put_data(c->rmm, c->realm, w->entry_pa, w->level, o->base,
                     w->ripas);
    c->realm->data += n;
    return true;
}

/* S2AP of the interface: bit 0 write, bit 1 read; of the tables the reverse */
static bool map_ns(RmmCall *c, const RmmWalk *w, const Output *o)
{
    unsigned s2ap = FIELD_EX64(c->arg.map.flags, RMI_MAP, S2AP);

    if (o->base >> c->rmm->gpt->pa_bits || (!c->realm->lpa2 && o->base >> 48)) {
        return false;
    }
    rmm_rtt_put_ns(c->rmm, c->realm, w->entry_pa, w->level, o->base,
                   FIELD_EX64(c->arg.map.flags, RMI_MAP, MEMATTR),
                   (s2ap >> 1 & 1) | (s2ap & 1) << 1);
    return true;
}

static uint64_t map_commit(RmmCall *c,
                           bool (*map)(RmmCall *, const RmmWalk *,
                                       const Output *))
{
    uint64_t ipa = c->arg.map.base, top = c->arg.map.top;
    uint64_t limit = c->chunk ? c->arg.map.base + MIN(c->chunk, top - ipa) :
                     top;
    Output o;

    output_begin(c, &o);
    while (ipa < limit && ipa - c->arg.map.base < RMM_CALL_BYTES &&
           output_next(c, &o)) {
        uint64_t span;
        RmmWalk w;

        rmm_rtt_walk(c->rmm, c->realm, ipa, RMM_LAST_LEVEL, &w);
        if (rmm_rtt_in_work(c, &w, ipa) || !step_fits(c, &w, ipa, top, &o) ||
            !map(c, &w, &o)) {
            break;
        }
        span = rmm_rtt_span(c->rmm, w.level);
        ipa += span;
        o.base += span;
        o.bytes -= span;
    }
    c->out.range.top = ipa;
    return RMI_SUCCESS;
}

uint64_t rmm_data_map_commit(RmmCall *c)
{
    return map_commit(c, map_data);
}

uint64_t rmm_unprot_map_commit(RmmCall *c)
{
    return map_commit(c, map_ns);
}

/* The first step is in work. */
void rmm_data_map_lock(RmmCall *c, RmmSro *sro)
{
    Output o;

    if (output_begin(c, &o)) {
        rmm_sro_lock(c, sro, o.base,
                     o.base + rmm_rtt_span(c->rmm, c->walk->level));
    }
    rmm_sro_lock_entry(c, sro, c->arg.map.base);
}

void rmm_unprot_map_lock(RmmCall *c, RmmSro *sro)
{
    rmm_sro_lock_entry(c, sro, c->arg.map.base);
}

void rmm_data_map_init_lock(RmmCall *c, RmmSro *sro)
{
    uint64_t data = c->arg.data_map_init.data;

    rmm_sro_lock(c, sro, data, data + rmm_granule_size(c->rmm));
    rmm_sro_lock_entry(c, sro, c->arg.data_map_init.ipa);
}
