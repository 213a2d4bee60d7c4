/*
 * Tables and mappings of a realm, as KVM does them
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec A5, B4.5 RTT_*
 */
#include "kvm.h"

#define ADDRESS         0xffffffffff000ull
#define MAX_TRIES       8               /* without any progress */
#define SHARED_FLAGS    0x1e0001        /* normal memory, read and write */

static uint64_t align(uint64_t ipa, int level)
{
    return ipa & ~(map_size(level) - 1);
}

static uint64_t next(uint64_t ipa, int level)
{
    return align(ipa, level) + map_size(level);
}

/* The shallowest level whose entries begin at @base and end by @top */
static int level_for(uint64_t base, uint64_t top)
{
    int level = LAST_LEVEL;

    while (level > 1 && base == align(base, level - 1) &&
           base + map_size(level - 1) <= top) {
        level--;
    }
    return level;
}

/* How far out_top is from @base; 0 if that cannot be believed */
static uint64_t progress(uint64_t base, uint64_t top, uint64_t out_top)
{
    if (out_top <= base) {
        trace_note("!stuck");
    } else if (out_top > top) {
        trace_note("!beyond");
    } else if (out_top & (PAGE - 1)) {
        trace_note("!crooked");
    } else {
        return out_top - base;
    }
    return 0;
}

static bool more(unsigned *tries)
{
    if (++*tries < MAX_TRIES) {
        return true;
    }
    trace_note("!EAGAIN");
    return false;
}

bool kvm_table(Realm *r, uint64_t ipa, int level)
{
    uint64_t table = alloc(1);
    uint64_t x0;
    bool there;

    if (!table || range(DELEGATE, table, 1) != 1) {
        return false;
    }
    x0 = CALL(RTT_CREATE, r->rd, table, align(ipa, level - 1), level);
    there = STATUS(x0) == RTT && LEVEL(x0) == level - 1;
    if (there) {
        trace_note("!exists");
    }
    if (x0) {
        give_back(table, 1);
    }
    return !x0 || there;
}

static bool tables(Realm *r, uint64_t ipa, int from, int to)
{
    for (int level = from + 1; level <= to; level++) {
        if (!kvm_table(r, ipa, level)) {
            return false;
        }
    }
    return true;
}

/* What an ERROR_RTT wants: a table at the next level */
static bool deeper(Realm *r, uint64_t ipa, uint64_t x0)
{
    unsigned level = x0 >> 8 & 0xff; /* -1 is 255, and too deep */

    if (level >= LAST_LEVEL) {
        trace_note("!level");
        return false;
    }
    return kvm_table(r, ipa, level + 1);
}

static bool map_private(Realm *r, uint64_t *ipa, uint64_t top, uint64_t phys)
{
    unsigned tries = 0;

    while (*ipa < top && more(&tries)) {
        uint64_t pages = (top - *ipa) / PAGE, done;
        uint64_t x0 = CALL(DATA_MAP, r->rd, *ipa, top, 1, phys | pages << 2);

        if (STATUS(x0) == RTT) {
            if (!deeper(r, *ipa, x0)) {
                return false;
            }
            continue;
        }
        done = x0 ? 0 : progress(*ipa, top, out[1]);
        if (!done) {
            return false;
        }
        *ipa += done;
        phys += done;
        tries = 0;
    }
    return *ipa == top;
}

bool kvm_map_private(Realm *r, uint64_t ipa, uint64_t phys, unsigned pages)
{
    uint64_t base = ipa;

    if (map_private(r, &ipa, base + pages * PAGE, phys)) {
        return true;
    }
    if (ipa > base) {
        kvm_unmap_private(r, base, ipa);
    }
    give_back(phys + (ipa - base), pages - (ipa - base) / PAGE);
    return false;
}

/* An entry of UNMAP: memory of the pool is free again */
static bool take_back(uint64_t desc)
{
    uint64_t addr = desc & ADDRESS;
    unsigned pages = (desc >> 2 & 0x3ff) << (desc & 3) * 9;
    bool ns = desc >> (bet3 ? 62 : 63);

    if (!pages) {
        return true;
    }
    if (!ns && range(UNDELEGATE, addr, pages) != pages) {
        trace_note("!leak");
        return false;
    }
    release(addr, pages);
    return true;
}

bool kvm_unmap_private(Realm *r, uint64_t base, uint64_t top)
{
    unsigned tries = 0;

    while (base < top && more(&tries)) {
        uint64_t x0 = CALL(DATA_UNMAP, r->rd, base, top, 1, 0), done;

        if (STATUS(x0) == RTT && out[1] > base) {
            base = out[1];
            continue;
        }
        if (STATUS(x0) == RTT) {
            /* No look at the level: the RMM refuses a table at level 4. */
            if (!kvm_table(r, base, LEVEL(x0) + 1)) {
                return false;
            }
            continue;
        }
        done = x0 ? 0 : progress(base, top, out[1]);
        if (!done || !take_back(out[2])) {
            return false;
        }
        base += done;
        tries = 0;
    }
    return base >= top;
}

bool kvm_map_shared(Realm *r, uint64_t ipa, uint64_t phys, unsigned pages)
{
    uint64_t top = ipa + pages * PAGE;
    unsigned tries = 0;

    while (ipa < top && more(&tries)) {
        uint64_t n = (top - ipa) / PAGE, done;
        uint64_t x0 = CALL(UNPROT_MAP, r->rd, ipa, top, SHARED_FLAGS,
                           phys | n << 2 | 1ull << (bet3 ? 62 : 63));

        if (STATUS(x0) == RTT && LEVEL(x0) >= level_for(ipa, top)) {
            /* There is something already: away with it */
            if (!kvm_unmap_shared(r, ipa, top)) {
                return false;
            }
            continue;
        }
        if (STATUS(x0) == RTT) {
            if (!tables(r, ipa, LEVEL(x0), level_for(ipa, top))) {
                return false;
            }
            continue;
        }
        done = x0 ? 0 : progress(ipa, top, out[1]);
        if (!done) {
            return false;
        }
        ipa += done;
        phys += done;
        tries = 0;
    }
    return ipa == top;
}

bool kvm_unmap_shared(Realm *r, uint64_t base, uint64_t top)
{
    unsigned tries = 0;

    while (base < top && more(&tries)) {
        uint64_t x0 = CALL(UNPROT_UNMAP, r->rd, base, top, 0, 0), done;

        if (STATUS(x0) == RTT && LEVEL(x0) >= level_for(base, top)) {
            base += map_size(LEVEL(x0)); /* nothing there */
            continue;
        }
        if (STATUS(x0) == RTT) {
            if (!tables(r, base, LEVEL(x0), level_for(base, top))) {
                return false;
            }
            continue;
        }
        done = x0 ? 0 : progress(base, top, out[1]);
        if (!done) {
            return false;
        }
        base += done;
        tries = 0;
    }
    return base >= top;
}

bool kvm_populate(Realm *r, uint64_t ipa, uint64_t page)
{
    unsigned tries = 0;
    uint64_t x0;

    do {
        x0 = CALL(DATA_MAP_INIT, r->rd, page, ipa, CONTENT, 1);
    } while (STATUS(x0) == RTT && more(&tries) && deeper(r, ipa, x0));
    if (x0 && range(UNDELEGATE, page, 1) != 1) {
        trace_note("!leak");
    } else if (x0) {
        release(page, 1);
    }
    return !x0;
}

bool kvm_ripas(Realm *r, uint64_t rec, uint64_t base, uint64_t top)
{
    unsigned tries = 0;

    while (base < top && more(&tries)) {
        uint64_t x0 = rec ? CALL(SET_RIPAS, r->rd, rec, base, top) :
                            CALL(INIT_RIPAS, r->rd, base, top);
        uint64_t done;

        if (STATUS(x0) == RTT) {
            if (LEVEL(x0) >= level_for(base, top)) {
                trace_note("!level");
                return false;
            }
            if (!tables(r, base, LEVEL(x0), level_for(base, top))) {
                return false;
            }
            continue;
        }
        done = x0 ? 0 : progress(base, top, out[1]);
        if (!done) {
            return false;
        }
        base += done;
        tries = 0;
    }
    return base == top;
}

bool kvm_tear_down(Realm *r, int level, uint64_t base, uint64_t top)
{
    uint64_t addr = base, after;
    unsigned tries = 0;

    for (; addr < top; addr = after) {
        uint64_t x0 = CALL(RTT_DESTROY, r->rd, addr, level);

        after = out[2];
        if (!x0 && after > addr) {
            give_back(out[1], 1);
            tries = 0;
        } else if (STATUS(x0) != RTT) {
            trace_note(x0 ? "!EBUSY" : "!stuck");
            return false;
        } else if (after <= addr) {
            /* Something is in it. */
            if (LEVEL(x0) != level || level == LAST_LEVEL) {
                trace_note("!EBUSY");
                return false;
            }
            if (!more(&tries) || !kvm_tear_down(r, level + 1, addr,
                                                next(addr, level - 1))) {
                return false;
            }
            after = addr;
        }
    }
    return true;
}

int kvm_fold(Realm *r, int level, uint64_t base, uint64_t top)
{
    uint64_t addr, after;
    unsigned tries = 0;
    int left = 0;

    for (addr = base; addr < top; addr = after) {
        uint64_t x0 = CALL(RTT_FOLD, r->rd, align(addr, level - 1), level);

        after = next(addr, level - 1);
        if (!x0) {
            if (range(UNDELEGATE, out[1], 1) != 1) {
                trace_note("!leak");
                return -1;
            }
            release(out[1], 1);
        } else if (STATUS(x0) != RTT) {
            return -1;
        } else if (level == LAST_LEVEL || LEVEL(x0) < level) {
            left++;
        } else {
            int below;

            if (!more(&tries)) {
                return -1;
            }
            below = kvm_fold(r, level + 1, addr, after < top ? after : top);
            if (below < 0) {
                return below;
            }
            left += below > 0;
            after = below ? after : addr;
        }
    }
    return left;
}
