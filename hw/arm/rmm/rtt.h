/*
 * Realm Management Monitor: realm translation tables
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns:       the format of the tables, which lie in granules of the host.
 *             Nobody else encodes or decodes an entry.
 * Callers:    commands; QMP reads.
 * Life cycle: that of their realm.
 */

#ifndef RMM_RTT_H
#define RMM_RTT_H

#include "object.h"

#define RMM_LAST_LEVEL      3

/* sec A5.5: where a walk ended */
struct RmmWalk {
    int level;
    uint64_t table;
    unsigned index;
    uint64_t entry_pa;
    uint64_t desc;
    RmiRttState state;
    RmiRipas ripas;
    uint64_t addr;
};

/**
 * rmm_rtt_geometry_ok: can a realm have such translation tables?
 * @s2sz: bits of its address space
 * @level: where a walk starts
 * @num: tables at this level
 * @lpa2: with 52 bits
 */
bool rmm_rtt_geometry_ok(ArmRmm *rmm, unsigned s2sz, int64_t level,
                         uint64_t num, bool lpa2);

/** rmm_rtt_shift: log2 of the bytes that an entry of a level covers */
unsigned rmm_rtt_shift(ArmRmm *rmm, int level);

/** rmm_rtt_span: bytes that an entry of a level covers */
uint64_t rmm_rtt_span(ArmRmm *rmm, int level);

/** rmm_rtt_walk: go down to @level, or to where the tables end */
void rmm_rtt_walk(ArmRmm *rmm, const RmmRealm *realm, uint64_t ipa, int level,
                  RmmWalk *w);

/** rmm_rtt_protected: is an address in the protected half? */
bool rmm_rtt_protected(const RmmRealm *realm, uint64_t ipa);

/** rmm_rtt_entries: entries of a table */
unsigned rmm_rtt_entries(ArmRmm *rmm);

/** rmm_rtt_put_table: entry that points to a table */
void rmm_rtt_put_table(ArmRmm *rmm, const RmmRealm *realm, uint64_t entry_pa,
                       uint64_t table);

/** rmm_rtt_put_void: VOID entry with a RIPAS, or UNMAPPED_NS with EMPTY */
void rmm_rtt_put_void(ArmRmm *rmm, uint64_t entry_pa, RmiRipas ripas);

/** rmm_rtt_put_data: DATA entry */
void rmm_rtt_put_data(ArmRmm *rmm, const RmmRealm *realm, uint64_t entry_pa,
                      int level, uint64_t addr, RmiRipas ripas);

/** rmm_rtt_put_ns: MAPPED_NS entry */
void rmm_rtt_put_ns(ArmRmm *rmm, const RmmRealm *realm, uint64_t entry_pa,
                    int level, uint64_t addr, unsigned memattr, unsigned s2ap);

/** rmm_rtt_set_addr: descriptor of a leaf with another output address */
uint64_t rmm_rtt_set_addr(ArmRmm *rmm, const RmmRealm *realm, uint64_t desc,
                          uint64_t addr, int level);

/** rmm_rtt_put_ripas: change the RIPAS of a VOID or DATA entry */
void rmm_rtt_put_ripas(ArmRmm *rmm, const RmmRealm *realm, const RmmWalk *w,
                       RmiRipas ripas);

/** rmm_rtt_next_live: address of the next live entry of the walk's table */
uint64_t rmm_rtt_next_live(ArmRmm *rmm, const RmmRealm *realm,
                           const RmmWalk *w, uint64_t ipa);

/** rmm_rtt_entry: decode entry @index of the table that @w is in */
void rmm_rtt_entry(ArmRmm *rmm, const RmmRealm *realm, const RmmWalk *w,
                   unsigned index, uint64_t ipa, RmmWalk *entry);

/** rmm_rtt_error: refuse with ERROR_RTT and the level of @c's walk */
uint64_t rmm_rtt_error(RmmCall *c, const char *why);

/** rmm_rtt_may_map: are leaves with addresses possible at a level? */
bool rmm_rtt_may_map(ArmRmm *rmm, int level);

/** rmm_rtt_table_live: has a table an entry that holds DATA or a table? */
bool rmm_rtt_table_live(ArmRmm *rmm, const RmmRealm *realm, uint64_t table,
                        int level, uint64_t ipa);

/** rmm_range_check: is a range aligned, and in one half of @c->realm? */
uint64_t rmm_range_check(RmmCall *c, uint64_t base, uint64_t top,
                         bool protected);

/*
 * sec B4.3.3: entries that an open operation has in work, as a range of the
 * realm's addresses: what lies below an entry is in work with it.
 */

/** rmm_rtt_work_begin: @owner, not 0, has entries of a range in work */
void rmm_rtt_work_begin(RmmRealm *realm, unsigned owner, uint64_t base,
                        uint64_t top);

/** rmm_rtt_work_end: @owner has none in work any more */
void rmm_rtt_work_end(RmmRealm *realm, unsigned owner);

/** rmm_rtt_foreign: has anybody but @owner a part of a range in work? */
bool rmm_rtt_foreign(const RmmRealm *realm, unsigned owner, uint64_t base,
                     uint64_t top);

/** rmm_rtt_entry_base: first address of the entry that @w is at */
uint64_t rmm_rtt_entry_base(ArmRmm *rmm, const RmmWalk *w, uint64_t ipa);

/** rmm_rtt_in_work: has another operation the entry of @w, or what is below? */
bool rmm_rtt_in_work(RmmCall *c, const RmmWalk *w, uint64_t ipa);

/** rmm_rtt_check_work: refuse if rmm_rtt_in_work() of @c's walk */
uint64_t rmm_rtt_check_work(RmmCall *c, uint64_t ipa);

/** rmm_rtts_ok: after loading: can all realms have the tables they have? */
bool rmm_rtts_ok(ArmRmm *rmm);

#endif /* RMM_RTT_H */
