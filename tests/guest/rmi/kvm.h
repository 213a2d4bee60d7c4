/*
 * Tables and mappings of a realm, as KVM does them
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The loops are those of a hypervisor: map what can be mapped, create the table
 * that is missing, try again. Unlike one, they give up where nothing advances,
 * and say so in the trace: !stuck, !beyond, !crooked (not aligned), !level.
 */
#ifndef RIG_RMI_KVM_H
#define RIG_RMI_KVM_H

#include "host.h"

#define LAST_LEVEL 3

/* Bytes that an entry of a table at @level covers */
static inline uint64_t map_size(int level)
{
    return 1ull << (12 + 9 * (3 - level));
}

/* One more table; false if there can be none. It may be there already. */
bool kvm_table(Realm *r, uint64_t ipa, int level);
/* Delegated pages to protected addresses; undone if it fails */
bool kvm_map_private(Realm *r, uint64_t ipa, uint64_t phys, unsigned pages);
/* Pages that came back are given back, too */
bool kvm_unmap_private(Realm *r, uint64_t base, uint64_t top);
bool kvm_map_shared(Realm *r, uint64_t ipa, uint64_t phys, unsigned pages);
bool kvm_unmap_shared(Realm *r, uint64_t base, uint64_t top);
bool kvm_populate(Realm *r, uint64_t ipa, uint64_t page);
/* INIT_RIPAS, or SET_RIPAS for @rec */
bool kvm_ripas(Realm *r, uint64_t rec, uint64_t base, uint64_t top);
/* All tables below the first ones */
bool kvm_tear_down(Realm *r, int level, uint64_t base, uint64_t top);
/* < 0: error; else how many could not be folded */
int kvm_fold(Realm *r, int level, uint64_t base, uint64_t top);

#endif /* RIG_RMI_KVM_H */
