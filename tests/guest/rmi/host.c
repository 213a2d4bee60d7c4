/*
 * A host of the Realm Management Monitor: memory, calls, a realm
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec A2, B4.5
 */
#include "host.h"

Manners host = { .blocked = 0, .patience = 300, .pages = POOL_PAGES };
bool bet3;
uint64_t out[5];
unsigned in_use, leaked;
static uint8_t used[POOL_PAGES];

/* --- memory --- */

uint64_t alloc(unsigned pages)
{
    for (unsigned i = 0; pages && i + pages <= host.pages; i += pages) {
        unsigned n = 0;

        while (n < pages && !used[i + n]) {
            n++;
        }
        if (n == pages) {
            for (n = 0; n < pages; n++) {
                used[i + n] = 1;
            }
            in_use += pages;
            return POOL + i * PAGE;
        }
    }
    return 0;
}

void release(uint64_t addr, unsigned pages)
{
    if (addr < POOL || addr >= POOL + POOL_PAGES * PAGE) {
        trace_note("!foreign");
        return;
    }
    for (unsigned i = 0; i < pages; i++) {
        used[(addr - POOL) / PAGE + i] = 0;
    }
    in_use -= pages;
}

void clear(uint64_t addr)
{
    for (unsigned i = 0; i < PAGE; i += 8) {
        store(addr + i, 0);
    }
}

uint64_t delegated(unsigned pages)
{
    uint64_t addr = alloc(pages);

    ok(addr && range(DELEGATE, addr, pages) == pages, "delegation");
    return addr;
}

void give_back(uint64_t addr, unsigned pages)
{
    if (range(UNDELEGATE, addr, pages) == pages) {
        release(addr, pages);
    } else {
        leaked += pages;
        ok(false, "undelegation");
    }
}

void nothing_lost(unsigned wanted)
{
    unsigned faults = 0;

    is(in_use, wanted, "all memory came back");
    for (unsigned i = 0; i < host.pages; i++) {
        faults += !used[i] && try_load(POOL + i * PAGE, NULL) != 0;
    }
    is(faults, 0, "and none of it is out of reach");
}

/* --- calls --- */

uint64_t once(unsigned num, const uint64_t in[6], uint64_t answer[5])
{
    uint64_t x0 = smc(0xc4000000u | num, in, 6, answer);

    trace_call(num, in, answer);
    return x0;
}

/* sec B4.3.2.5: BUSY and BLOCKED change nothing; once more */
uint64_t retry(unsigned num, const uint64_t in[6], uint64_t answer[5])
{
    unsigned tries = 0, blocked = 0;
    uint64_t x0;

    do {
        x0 = once(num, in, answer);
        blocked += STATUS(x0) == BLOCKED;
    } while (x0 != UNKNOWN && ++tries < host.patience &&
             (STATUS(x0) == BUSY ||
              (STATUS(x0) == BLOCKED && blocked != host.blocked)));
    return x0;
}

uint64_t call_at(unsigned num, const uint64_t in[6], uint64_t answer[5])
{
    return operation(num, retry(num, in, answer), answer);
}

unsigned range(unsigned num, uint64_t base, unsigned pages)
{
    uint64_t from = base, top = base + pages * PAGE;
    uint64_t answer[5];

    while (base < top) {
        if (call_at(num, IN(base, top), answer)) {
            break;
        }
        /* What does not advance would go on for ever. */
        if (answer[1] <= base) {
            trace_note("!stuck");
            break;
        }
        if (answer[1] > top) {
            trace_note("!beyond");
            answer[1] = top;
        }
        base = answer[1];
    }
    return (base - from) / PAGE;
}

/* --- a realm --- */

uint64_t start_rmm(void)
{
    clear(CONFIG);
    /* Only bet3 knows this number, in any state. */
    bet3 = once(GPT_INFO, IN(0, PAGE), out) != UNKNOWN;
    CALL(CONFIG_SET, CONFIG);
    return CALL(ACTIVATE);
}

uint64_t create_realm(Realm *r)
{
    r->rd = delegated(1);
    r->roots = delegated(2);
    clear(PARAMS);
    store(PARAMS + 0x008, 40);
    store(PARAMS + 0x018, 1);
    store(PARAMS + 0x020, 1);
    store(PARAMS + 0x808, r->roots);
    store(PARAMS + 0x810, 1);
    store(PARAMS + 0x818, 2);
    return CALL(REALM_CREATE, r->rd, PARAMS);
}

uint64_t create_rec(Realm *r, uint64_t rec, unsigned index, bool runnable)
{
    clear(PARAMS);
    store(PARAMS, runnable);
    store(PARAMS + 0x100, index);
    return CALL(REC_CREATE, r->rd, rec, PARAMS);
}

uint64_t create_table(Realm *r, uint64_t ipa, unsigned level)
{
    uint64_t table = delegated(1);
    uint64_t x0;

    ipa &= ~((1ull << (12 + 9 * (4 - level))) - 1);
    x0 = CALL(RTT_CREATE, r->rd, table, ipa, level);
    if (x0) {
        give_back(table, 1);
    }
    return x0;
}

void destroy_realm(Realm *r)
{
    is(CALL(REALM_TERMINATE, r->rd), SUCCESS, "REALM_TERMINATE");
    is(CALL(REALM_DESTROY, r->rd), SUCCESS, "REALM_DESTROY");
    give_back(r->rd, 1);
    give_back(r->roots, 2);
}
