/*
 * Realm Management Monitor: realm translation tables
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: RMM 2.0-bet0, sec A5; Arm ARM (DDI 0487) D8.3, stage 2
 * descriptors, FEAT_S2FWB, Realm translation regime.
 *
 * Tables are in the format of the architecture, in the granules that the host
 * delegated, so that a walker can use them as they are. Descriptors that are
 * not valid have bits of their own:
 *
 *   bit 2     the entry holds an address (DATA that is not RAM)
 *   bits 5:4  RIPAS
 *
 * A DMA of the host can spoil a table where DMA is not checked. So nothing that
 * is read from one is believed: next tables must be RTTs in the ledger, and the
 * users of output addresses look at the ledger too.
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "hw/registerfields.h"
#include "features.h"
#include "gpt.h"
#include "granule.h"
#include "memory.h"
#include "rtt.h"

#define DESC_VALID      BIT_ULL(0)
#define DESC_TABLE      BIT_ULL(1)      /* or page, at level 3 */
FIELD(DESC, SW_ASSIGNED, 2, 1)          /* not valid */
FIELD(DESC, SW_RIPAS, 4, 2)             /* not valid */
FIELD(DESC, MEMATTR, 2, 4)
FIELD(DESC, S2AP, 6, 2)
FIELD(DESC, SH, 8, 2)                   /* without LPA2 */
FIELD(DESC, AF, 10, 1)
FIELD(DESC, XN, 53, 2)
FIELD(DESC, NS, 55, 1)
#define S2AP_RW         3
#define SH_OUTER        2
#define SH_INNER        3
#define MEMATTR_WB      6               /* with FWB */
#define XN_ALL          2

unsigned rmm_rtt_entries(ArmRmm *rmm)
{
    return 1u << (rmm_granule_shift(rmm) - 3);
}

unsigned rmm_rtt_shift(ArmRmm *rmm, int level)
{
    return rmm_granule_shift(rmm) +
           (rmm_granule_shift(rmm) - 3) * (RMM_LAST_LEVEL - level);
}

uint64_t rmm_rtt_span(ArmRmm *rmm, int level)
{
    return 1ull << rmm_rtt_shift(rmm, level);
}

bool rmm_rtt_may_map(ArmRmm *rmm, int level)
{
    return level == RMM_LAST_LEVEL || level == 2 ||
           (level == 1 && rmm_granule_shift(rmm) == 12);
}

bool rmm_rtt_protected(const RmmRealm *realm, uint64_t ipa)
{
    return ipa >> (realm->s2sz - 1) == 0;
}

uint64_t rmm_rtt_error(RmmCall *c, const char *why)
{
    return rmm_refuse(c, rmm_result_level(RMI_ERROR_RTT, c->walk->level), why,
                      c->walk->entry_pa);
}

uint64_t rmm_range_check(RmmCall *c, uint64_t base, uint64_t top,
                         bool protected)
{
    if (!rmm_aligned(c->rmm, base | top)) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "base or top is not aligned",
                          base | top);
    }
    if (top <= base) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "top is not above base", top);
    }
    if ((top - 1) >> c->realm->s2sz) {
        return rmm_refuse(c, RMI_ERROR_INPUT, "range is outside of the realm",
                          top);
    }
    if (rmm_rtt_protected(c->realm, base) != protected ||
        rmm_rtt_protected(c->realm, top - 1) != protected) {
        return rmm_refuse(c, RMI_ERROR_INPUT, protected ?
                          "range is not protected" : "range is protected",
                          base);
    }
    return RMI_SUCCESS;
}

/*
 * Entries in work
 */
void rmm_rtt_work_begin(RmmRealm *realm, unsigned owner, uint64_t base,
                        uint64_t top)
{
    RmmSpan span = { base, top, owner };

    if (!realm->in_work) {
        realm->in_work = g_array_new(false, false, sizeof(RmmSpan));
    }
    g_array_append_val(realm->in_work, span);
}

void rmm_rtt_work_end(RmmRealm *realm, unsigned owner)
{
    GArray *all = realm->in_work;

    for (unsigned i = all ? all->len : 0; i-- > 0; ) {
        if (g_array_index(all, RmmSpan, i).owner == owner) {
            g_array_remove_index_fast(all, i);
        }
    }
}

bool rmm_rtt_foreign(const RmmRealm *realm, unsigned owner, uint64_t base,
                     uint64_t top)
{
    for (unsigned i = 0; realm->in_work && i < realm->in_work->len; i++) {
        const RmmSpan *s = &g_array_index(realm->in_work, RmmSpan, i);

        if (s->owner != owner && s->base < top && base < s->top) {
            return true;
        }
    }
    return false;
}

uint64_t rmm_rtt_entry_base(ArmRmm *rmm, const RmmWalk *w, uint64_t ipa)
{
    return ipa & ~(rmm_rtt_span(rmm, w->level) - 1);
}

bool rmm_rtt_in_work(RmmCall *c, const RmmWalk *w, uint64_t ipa)
{
    uint64_t base = rmm_rtt_entry_base(c->rmm, w, ipa);

    return rmm_rtt_foreign(c->realm, c->owner, base,
                           base + rmm_rtt_span(c->rmm, w->level));
}

uint64_t rmm_rtt_check_work(RmmCall *c, uint64_t ipa)
{
    return rmm_rtt_in_work(c, c->walk, ipa) ?
           rmm_refuse(c, rmm_blocked(c->rmm),
                      "entry is in work by an open operation",
                      c->walk->entry_pa) : RMI_SUCCESS;
}

/*
 * Addresses: with LPA2, bits 51:50 are at 9:8; 64 KiB granules have 51:48 at
 * 15:12.
 */
static bool has_lpa2_format(ArmRmm *rmm, const RmmRealm *realm)
{
    return realm->lpa2 && rmm_granule_shift(rmm) != 16;
}

static uint64_t addr_mask(ArmRmm *rmm, const RmmRealm *realm)
{
    unsigned g = rmm_granule_shift(rmm);
    unsigned top = has_lpa2_format(rmm, realm) ? 50 : 48;

    return MAKE_64BIT_MASK(g, top - g);
}

static uint64_t put_addr(ArmRmm *rmm, const RmmRealm *realm, uint64_t addr)
{
    uint64_t desc = addr & addr_mask(rmm, realm);

    if (has_lpa2_format(rmm, realm)) {
        desc = deposit64(desc, 8, 2, addr >> 50);
    } else if (rmm_granule_shift(rmm) == 16) {
        desc = deposit64(desc, 12, 4, addr >> 48);
    }
    return desc;
}

static uint64_t get_addr(ArmRmm *rmm, const RmmRealm *realm, uint64_t desc)
{
    uint64_t addr = desc & addr_mask(rmm, realm);

    if (has_lpa2_format(rmm, realm)) {
        addr = deposit64(addr, 50, 2, extract64(desc, 8, 2));
    } else if (rmm_granule_shift(rmm) == 16) {
        addr = deposit64(addr, 48, 4, extract64(desc, 12, 4));
    }
    return addr;
}

uint64_t rmm_rtt_set_addr(ArmRmm *rmm, const RmmRealm *realm, uint64_t desc,
                          uint64_t addr, int level)
{
    desc &= ~(addr_mask(rmm, realm) | DESC_TABLE);
    if (has_lpa2_format(rmm, realm)) {
        desc = deposit64(desc, 8, 2, 0);
    } else if (rmm_granule_shift(rmm) == 16) {
        desc = deposit64(desc, 12, 4, 0);
    }
    if ((desc & DESC_VALID) && level == RMM_LAST_LEVEL) {
        desc |= DESC_TABLE;
    }
    return desc | put_addr(rmm, realm, addr);
}

/*
 * Decoding
 */
static void decode(ArmRmm *rmm, const RmmRealm *realm, RmmWalk *w,
                   uint64_t ipa)
{
    uint64_t d = rmm_ldq(rmm, w->entry_pa);
    bool last = w->level == RMM_LAST_LEVEL;

    w->desc = d;
    w->addr = 0;
    w->state = RMI_RTT_UNASSIGNED;
    w->ripas = RMI_RIPAS_EMPTY;
    if (!(d & DESC_VALID)) {
        w->ripas = MIN(FIELD_EX64(d, DESC, SW_RIPAS), RMI_RIPAS_DESTROYED);
        if (FIELD_EX64(d, DESC, SW_ASSIGNED)) {
            w->state = RMI_RTT_ASSIGNED;
            w->addr = get_addr(rmm, realm, d);
        }
        return;
    }
    w->addr = get_addr(rmm, realm, d);
    if (!last && (d & DESC_TABLE)) {
        if (rmm_granule_state(rmm, w->addr) == RMM_G_RTT) {
            w->state = RMI_RTT_TABLE;
            return;
        }
    } else if (last == !!(d & DESC_TABLE) && rmm_rtt_may_map(rmm, w->level)) {
        w->state = RMI_RTT_ASSIGNED;
        w->ripas = rmm_rtt_protected(realm, ipa) ? RMI_RIPAS_RAM :
                                                   RMI_RIPAS_EMPTY;
        return;
    }
    w->addr = 0;
    qemu_log_mask(LOG_GUEST_ERROR, "arm-rmm: entry 0x%" PRIx64 " at 0x%" PRIx64
                  " is none of the RMM's\n", d, w->entry_pa);
}

void rmm_rtt_walk(ArmRmm *rmm, const RmmRealm *realm, uint64_t ipa, int level,
                  RmmWalk *w)
{
    uint64_t size = rmm_granule_size(rmm);
    unsigned entries = rmm_rtt_entries(rmm);
    uint64_t i = ipa >> rmm_rtt_shift(rmm, realm->rtt_level);

    w->level = realm->rtt_level;
    i &= (uint64_t)realm->rtt_num * entries - 1;
    w->table = realm->rtt_base + i / entries * size;
    for (;;) {
        w->index = (ipa >> rmm_rtt_shift(rmm, w->level)) & (entries - 1);
        w->entry_pa = w->table + w->index * 8;
        decode(rmm, realm, w, ipa);
        if (w->level == level || w->state != RMI_RTT_TABLE) {
            return;
        }
        w->table = w->addr;
        w->level++;
    }
}

void rmm_rtt_entry(ArmRmm *rmm, const RmmRealm *realm, const RmmWalk *w,
                   unsigned index, uint64_t ipa, RmmWalk *entry)
{
    entry->level = w->level;
    entry->table = w->table;
    entry->index = index;
    entry->entry_pa = w->table + index * 8;
    decode(rmm, realm, entry, ipa);
}

bool rmm_rtt_table_live(ArmRmm *rmm, const RmmRealm *realm, uint64_t table,
                        int level, uint64_t ipa)
{
    RmmWalk w = { .level = level, .table = table };

    for (unsigned i = 0; i < rmm_rtt_entries(rmm); i++) {
        uint64_t at = ipa + i * rmm_rtt_span(rmm, level);
        RmmWalk e;

        rmm_rtt_entry(rmm, realm, &w, i, at, &e);
        /* sec A5.5: a table with nothing but MAPPED_NS is not live. */
        if (e.state == RMI_RTT_TABLE ||
            (e.state == RMI_RTT_ASSIGNED && rmm_rtt_protected(realm, at))) {
            return true;
        }
    }
    return false;
}

uint64_t rmm_rtt_next_live(ArmRmm *rmm, const RmmRealm *realm,
                           const RmmWalk *w, uint64_t ipa)
{
    uint64_t span = rmm_rtt_span(rmm, w->level);
    uint64_t base = ipa & ~(span * rmm_rtt_entries(rmm) - 1);
    RmmWalk e;

    for (unsigned i = w->index; i < rmm_rtt_entries(rmm); i++) {
        rmm_rtt_entry(rmm, realm, w, i, base + i * span, &e);
        if (e.state != RMI_RTT_UNASSIGNED) {
            return MAX(ipa, base + i * span);
        }
    }
    return base + span * rmm_rtt_entries(rmm);
}

/*
 * Encoding
 */
void rmm_rtt_put_table(ArmRmm *rmm, const RmmRealm *realm, uint64_t entry_pa,
                       uint64_t table)
{
    rmm_stq(rmm, entry_pa, put_addr(rmm, realm, table) | DESC_TABLE |
            DESC_VALID);
}

void rmm_rtt_put_void(ArmRmm *rmm, uint64_t entry_pa, RmiRipas ripas)
{
    rmm_stq(rmm, entry_pa, FIELD_DP64(0, DESC, SW_RIPAS, ripas));
}

static uint64_t leaf(ArmRmm *rmm, const RmmRealm *realm, int level,
                     uint64_t addr, unsigned memattr, unsigned s2ap,
                     unsigned sh)
{
    uint64_t desc = DESC_VALID | (level == RMM_LAST_LEVEL ? DESC_TABLE : 0);

    desc = FIELD_DP64(desc, DESC, MEMATTR, memattr);
    desc = FIELD_DP64(desc, DESC, S2AP, s2ap);
    desc = FIELD_DP64(desc, DESC, AF, 1);
    if (!has_lpa2_format(rmm, realm)) {
        desc = FIELD_DP64(desc, DESC, SH, sh);
    }
    return desc | put_addr(rmm, realm, addr);
}

void rmm_rtt_put_data(ArmRmm *rmm, const RmmRealm *realm, uint64_t entry_pa,
                      int level, uint64_t addr, RmiRipas ripas)
{
    uint64_t desc;

    if (ripas == RMI_RIPAS_RAM) {
        desc = leaf(rmm, realm, level, addr, MEMATTR_WB, S2AP_RW, SH_INNER);
    } else {
        desc = put_addr(rmm, realm, addr);
        desc = FIELD_DP64(desc, DESC, SW_ASSIGNED, 1);
        desc = FIELD_DP64(desc, DESC, SW_RIPAS, ripas);
    }
    rmm_stq(rmm, entry_pa, desc);
}

/* sec A5.5: cacheable memory is inner shareable, all other outer shareable. */
void rmm_rtt_put_ns(ArmRmm *rmm, const RmmRealm *realm, uint64_t entry_pa,
                    int level, uint64_t addr, unsigned memattr, unsigned s2ap)
{
    uint64_t desc = leaf(rmm, realm, level, addr, memattr, s2ap,
                         memattr == MEMATTR_WB ? SH_INNER : SH_OUTER);

    desc = FIELD_DP64(desc, DESC, NS, 1);
    desc = FIELD_DP64(desc, DESC, XN, XN_ALL);
    rmm_stq(rmm, entry_pa, desc);
}

void rmm_rtt_put_ripas(ArmRmm *rmm, const RmmRealm *realm, const RmmWalk *w,
                       RmiRipas ripas)
{
    if (w->state == RMI_RTT_ASSIGNED) {
        rmm_rtt_put_data(rmm, realm, w->entry_pa, w->level, w->addr, ripas);
    } else {
        rmm_rtt_put_void(rmm, w->entry_pa, ripas);
    }
}

/*
 * Roots
 */

/*
 * Arm ARM D8.2: which levels a walk may start at. One table at level L resolves
 * the bits of L and below; up to 16 may be joined at the start level.
 */
static int first_level(ArmRmm *rmm, bool lpa2)
{
    switch (rmm_granule_shift(rmm)) {
    case 12:
        return lpa2 ? -1 : rmm->gpt->pa_bits >= 44 ? 0 : 1;
    case 14:
        return lpa2 ? 0 : 1;
    default:
        return 1;
    }
}

bool rmm_rtt_geometry_ok(ArmRmm *rmm, unsigned s2sz, int64_t level,
                         uint64_t num, bool lpa2)
{
    unsigned max = FIELD_EX64(rmm->features->reg[0], RMI_FEATURE0, S2SZ);
    unsigned covered;
    int extra;

    if (!lpa2 && rmm_granule_shift(rmm) != 16) {
        max = MIN(max, 48);
    }
    if (s2sz < 32 || s2sz > max || level < first_level(rmm, lpa2) ||
        level > 2) {
        return false;
    }
    covered = rmm_rtt_shift(rmm, level) + rmm_granule_shift(rmm) - 3;
    extra = (int)s2sz - (int)covered;
    if (extra > 4 || s2sz <= rmm_rtt_shift(rmm, level)) {
        return false;
    }
    return num == (extra > 0 ? 1u << extra : 1);
}

bool rmm_rtts_ok(ArmRmm *rmm)
{
    RmmRealm *realm;

    QTAILQ_FOREACH(realm, &rmm->objects->realms, next) {
        if (!rmm_rtt_geometry_ok(rmm, realm->s2sz, realm->rtt_level,
                                 realm->rtt_num, realm->lpa2)) {
            return false;
        }
    }
    return true;
}
