/*
 * A host of the Realm Management Monitor on the bare machine
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: RMM (DEN0137) 2.0-bet0, sec A2, B4. It does what a kernel does with the
 * interface, takes every course that the RMM chooses, and in the end wants all
 * its memory back. rmi-host.py starts it with one script after the other.
 */
#include "machine.h"

#define PAGE            0x1000ull
#define SCRATCH         0x44000000ull   /* stays Non-secure */
#define PARAMS          (SCRATCH + 0 * PAGE)
#define CONFIG          (SCRATCH + 1 * PAGE)
#define RUN             (SCRATCH + 2 * PAGE)
#define CONTENT         (SCRATCH + 3 * PAGE)
#define LIST            (SCRATCH + 4 * PAGE)
#define LIST_ENTRIES    256
#define POOL            0x48000000ull
#define POOL_PAGES      8192            /* 32 MiB */
#define HAMMER          0x4c000000ull
#define HAMMER_PAGES    16
#define HAMMER_ROUNDS   400
#define PATTERN         0x5aa55aa5deadbeefull
#define UNPROT          (1ull << 39)
#define RECS            3
#define DATA_PAGES      8
#define TRIES           8

#define STATUS(x0)      ((x0) & 0xff)
#define MEM(x0)         ((x0) >> 8 & 3)
#define CANCEL_BIT(x0)  ((x0) >> 10 & 1)
enum { SUCCESS, INPUT, RTT = 4, BUSY = 10, INCOMPLETE = 13, BLOCKED = 14 };
enum { NONE, DONATE, RECLAIM };

enum {
    VERSION = 0x150, DATA_MAP_INIT = 0x153, REALM_ACTIVATE = 0x157,
    REALM_CREATE = 0x158, REALM_DESTROY = 0x159, REC_CREATE = 0x15a,
    REC_DESTROY = 0x15b, REC_ENTER = 0x15c, RTT_CREATE = 0x15d,
    RTT_DESTROY = 0x15e, INIT_RIPAS = 0x168, CONFIG_SET = 0x16e,
    DELEGATE = 0x1f1, UNDELEGATE = 0x1f2, DATA_MAP = 0x1f5,
    DATA_UNMAP = 0x1f6, UNPROT_MAP = 0x1fb, UNPROT_UNMAP = 0x1fc,
    REALM_TERMINATE = 0x201, ACTIVATE = 0x202, OP_CONTINUE = 0x203,
    OP_DONATE = 0x208, OP_RECLAIM = 0x209, OP_CANCEL = 0x20a,
    GPT_INFO = 0x211,
};

static bool bet3;
static uint64_t out[5];
static uint8_t used[POOL_PAGES];
static unsigned in_use;
static bool cancel_next;
static unsigned failures;               /* final failures that were repeated */

/* --- memory --- */

static uint64_t alloc(unsigned pages)
{
    for (unsigned i = 0; i + pages <= POOL_PAGES; i += pages) {
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
    ok(false, "there is memory left");
    plan();
    power_off();
}

static void release(uint64_t addr, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++) {
        used[(addr - POOL) / PAGE + i] = 0;
    }
    in_use -= pages;
}

static void clear(uint64_t addr)
{
    for (unsigned i = 0; i < PAGE; i += 8) {
        store(addr + i, 0);
    }
}

/* --- calls --- */

/* sec B4.3.2.5: BUSY and BLOCKED change nothing; once more */
static uint64_t retry(unsigned num, const uint64_t in[6], uint64_t answer[5])
{
    uint64_t x0;

    do {
        x0 = smc(0xc4000000u | num, in, 6, answer);
    } while (STATUS(x0) == BUSY || STATUS(x0) == BLOCKED);
    return x0;
}

static uint64_t operation(uint64_t x0, uint64_t answer[5]);

static uint64_t call_at(unsigned num, const uint64_t in[6],
                        uint64_t answer[5])
{
    return operation(retry(num, in, answer), answer);
}

#define CALL(num, ...) call_at(num, (const uint64_t[6]) { __VA_ARGS__ }, out)

/* A range in as many calls as it takes; false at an error */
static bool range(unsigned num, uint64_t base, uint64_t pages)
{
    uint64_t top = base + pages * PAGE;
    uint64_t answer[5];

    while (base < top) {
        if (call_at(num, (const uint64_t[6]) { base, top }, answer) ||
            answer[1] <= base || answer[1] > top) {
            return false;
        }
        base = answer[1];
    }
    return true;
}

static uint64_t delegated(unsigned pages)
{
    uint64_t addr = alloc(pages);

    if (!range(DELEGATE, addr, pages)) {
        ok(false, "delegation");
    }
    return addr;
}

static void give_back(uint64_t addr, unsigned pages)
{
    if (range(UNDELEGATE, addr, pages)) {
        release(addr, pages);
    } else {
        ok(false, "undelegation");
    }
}

/* --- stateful operations --- */

static unsigned state_shift(void)
{
    return bet3 ? 62 : 63;
}

/* Meet a request with as much as the list holds; keep what is not taken. */
static uint64_t meet(uint64_t handle, uint64_t request, uint64_t answer[5])
{
    unsigned block = 1u << (request & 3) * 9;
    unsigned count = request >> 2 & 0x3fff;
    bool contig = request >> 16 & 1;
    uint64_t state = request >> 17 & (bet3 ? 3 : 1);
    unsigned entries = contig ? 1 : count < 64 ? count : 64;
    unsigned pages = contig ? block * count : block;
    uint64_t taken, x0;

    for (unsigned i = 0; i < entries; i++) {
        uint64_t addr = alloc(pages);

        if (!state) {
            range(DELEGATE, addr, pages);
        }
        store(LIST + i * 8, addr | (request & 3) |
              (uint64_t)(contig ? count : 1) << 2 | state << state_shift());
    }
    x0 = retry(OP_DONATE, (const uint64_t[6]) { handle, LIST, entries },
               answer);
    taken = answer[1];
    for (unsigned i = 0; i < entries; i++) {
        uint64_t addr = load(LIST + i * 8) & 0xffffffff000ull;
        unsigned n = taken < pages ? taken : pages;

        taken -= n;
        if (n < pages) {
            if (!state) {
                range(UNDELEGATE, addr + n * PAGE, pages - n);
            }
            release(addr + n * PAGE, pages - n);
        }
    }
    return x0;
}

static uint64_t take_back(uint64_t handle, uint64_t answer[5])
{
    uint64_t x0 = retry(OP_RECLAIM,
                        (const uint64_t[6]) { handle, LIST, LIST_ENTRIES },
                        answer);

    for (unsigned i = 0; i < answer[1] && STATUS(x0) == INCOMPLETE; i++) {
        uint64_t desc = load(LIST + i * 8);
        unsigned pages = (desc >> 2 & 0x3ff) << (desc & 3) * 9;

        if (desc >> state_shift()) {
            release(desc & 0xffffffff000ull, pages);
        } else {
            give_back(desc & 0xffffffff000ull, pages);
        }
    }
    return x0;
}

static uint64_t operation(uint64_t x0, uint64_t answer[5])
{
    uint64_t handle = answer[1];
    uint64_t request = answer[2];

    while (STATUS(x0) == INCOMPLETE) {
        if (cancel_next && CANCEL_BIT(x0) && MEM(x0) == DONATE) {
            cancel_next = false;
            x0 = retry(OP_CANCEL, (const uint64_t[6]) { handle }, answer);
        } else if (MEM(x0) == DONATE) {
            x0 = meet(handle, request, answer);
            if (STATUS(x0) != INCOMPLETE) {
                /* sec B4.3.2.2: the failure is recorded, go on */
                x0 = retry(OP_CONTINUE, (const uint64_t[6]) { handle }, answer);
            }
        } else if (MEM(x0) == RECLAIM) {
            x0 = take_back(handle, answer);
        } else {
            x0 = retry(OP_CONTINUE, (const uint64_t[6]) { handle }, answer);
        }
        request = answer[2];
    }
    return x0;
}

/* A failure that a script makes is over when the call comes again. */
static uint64_t tries(unsigned num, const uint64_t in[6])
{
    uint64_t x0 = call_at(num, in, out);

    for (unsigned i = 0; i < TRIES && x0 && STATUS(x0) != RTT; i++) {
        failures++;
        x0 = call_at(num, in, out);
    }
    return x0;
}

#define TRY(num, ...) tries(num, (const uint64_t[6]) { __VA_ARGS__ })

/* --- a realm --- */

static uint64_t rd, roots, rec[RECS], data;

static void create_realm(void)
{
    rd = delegated(1);
    roots = delegated(2);
    clear(PARAMS);
    store(PARAMS + 0x008, 40);
    store(PARAMS + 0x018, 1);
    store(PARAMS + 0x020, 1);
    store(PARAMS + 0x808, roots);
    store(PARAMS + 0x810, 1);
    store(PARAMS + 0x818, 2);
    is(TRY(REALM_CREATE, rd, PARAMS), SUCCESS, "REALM_CREATE");
}

static void create_table(uint64_t ipa, unsigned level)
{
    uint64_t table = delegated(1);

    ipa &= ~((1ull << (12 + 9 * (4 - level))) - 1);
    if (TRY(RTT_CREATE, rd, table, ipa, level)) {
        give_back(table, 1);
    }
}

/* A range command that may want tables; @addr counts with it if it is not 0 */
static bool mapped(unsigned num, uint64_t base, uint64_t top, uint64_t flags,
                   uint64_t addr)
{
    while (base < top) {
        uint64_t pages = (top - base) / PAGE;
        uint64_t x0 = TRY(num, rd, base, top, flags,
                          addr ? addr | pages << 2 : 0);

        if (STATUS(x0) == RTT && x0 >> 8 < 3) {
            create_table(base, (x0 >> 8) + 1);
        } else if (x0 || out[1] <= base) {
            return false;
        } else {
            addr += addr ? out[1] - base : 0;
            base = out[1];
        }
    }
    return true;
}

static void populate_realm(void)
{
    uint64_t page = delegated(1);
    uint64_t x0;

    store(CONTENT, PATTERN);
    while (STATUS(x0 = TRY(DATA_MAP_INIT, rd, page, 0, CONTENT, 1)) == RTT) {
        create_table(0, (x0 >> 8) + 1);
    }
    is(x0, SUCCESS, "DATA_MAP_INIT");
    for (unsigned i = 0; i < RECS; i++) {
        rec[i] = delegated(1);
        clear(PARAMS);
        store(PARAMS, 1);
        store(PARAMS + 0x100, i);
        is(TRY(REC_CREATE, rd, rec[i], PARAMS), SUCCESS, "REC_CREATE");
    }
    ok(mapped(INIT_RIPAS, 0, 16 * PAGE, 0, 0), "INIT_RIPAS");
    is(TRY(REALM_ACTIVATE, rd), SUCCESS, "REALM_ACTIVATE");
    data = delegated(DATA_PAGES);
    ok(mapped(DATA_MAP, PAGE, (1 + DATA_PAGES) * PAGE, 1, data), "DATA_MAP");
    ok(mapped(UNPROT_MAP, UNPROT, UNPROT + 2 * PAGE, 0x1e0001, CONTENT),
       "UNPROT_MAP");
    ok(is_gpf(try_load(data, NULL)), "memory of the realm is out of reach");
    ok(is_gpf(try_load(rec[0], NULL)), "so is a REC");
    clear(RUN);
    is(TRY(REC_ENTER, rec[0], RUN), SUCCESS, "REC_ENTER");
    is(load(RUN + 0x800), 3, "exit for PSCI");
}

static void unmap_all(void)
{
    uint64_t base = 0;

    while (base < 32 * PAGE) {
        if (TRY(DATA_UNMAP, rd, base, 32 * PAGE, 1, 0) || out[1] <= base) {
            ok(false, "DATA_UNMAP");
            return;
        }
        base = out[1];
        if (out[2]) {
            give_back(out[2] & 0xffffffff000ull, out[2] >> 2 & 0x3ff);
        }
    }
    ok(true, "DATA_UNMAP");
}

static void destroy_realm(void)
{
    static const uint64_t where[] = { 0, UNPROT };
    bool good = true;

    for (unsigned i = 0; i < RECS; i++) {
        is(TRY(REC_DESTROY, rec[i]), SUCCESS, "REC_DESTROY");
        give_back(rec[i], 1);
    }
    unmap_all();
    is(TRY(REALM_TERMINATE, rd), SUCCESS, "REALM_TERMINATE");
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned level = 3; level > 1; level--) {
            good &= !TRY(RTT_DESTROY, rd, where[i], level);
            give_back(out[1], 1);
        }
    }
    ok(good, "RTT_DESTROY");
    is(TRY(REALM_DESTROY, rd), SUCCESS, "REALM_DESTROY");
    give_back(rd, 1);
    give_back(roots, 2);
}

/* --- what the tests are --- */

static void boot(void)
{
    is(CALL(VERSION, 0x20000), SUCCESS, "VERSION");
    clear(CONFIG);
    is(TRY(CONFIG_SET, CONFIG), SUCCESS, "RMM_CONFIG_SET");
    /* Only bet3 knows this number. */
    bet3 = CALL(GPT_INFO, 0, PAGE) != UINT64_MAX;
    is(TRY(ACTIVATE), SUCCESS, "RMM_ACTIVATE");
}

static volatile unsigned warm;
static volatile bool go;
static volatile uint64_t seen_esr[MAX_CPUS];
static uint64_t shared;

/* Have the translation in the TLB, then see it taken away. */
static void watch(unsigned cpu)
{
    if (cpu) {
        try_load(shared, NULL);
        __atomic_fetch_add(&warm, 1, __ATOMIC_SEQ_CST);
        while (!go) {
            try_load(shared + 8, NULL);
        }
        seen_esr[cpu] = try_load(shared, NULL);
        return;
    }
    while (warm < cpus - 1) {
        asm volatile("yield");
    }
    if (!range(DELEGATE, shared, 1)) {
        ok(false, "delegation");
    }
    go = true;
    seen_esr[0] = try_load(shared, NULL);
}

static void protection(void)
{
    uint64_t four = alloc(4); /* its neighbours are the host's as well */
    uint64_t value;
    bool all = true;

    shared = four + PAGE;
    store(shared, PATTERN);
    is(try_load(shared, &value), 0, "Non-secure memory can be read");
    is(value, PATTERN, "what was written");
    on_all_cpus(watch);
    for (unsigned i = 0; i < cpus; i++) {
        all &= is_gpf(seen_esr[i]);
    }
    ok(all, "delegated: every CPU takes a granule protection fault");
    is(try_load(shared - PAGE, NULL), 0, "the page before it is there");
    is(try_load(shared + PAGE, NULL), 0, "the page behind it is there");
    ok(range(UNDELEGATE, shared, 1), "undelegation");
    is(try_load(shared, &value), 0, "undelegated: it is there again");
    is(value, 0, "and wiped");
    release(four, 4);
}

/* Everybody delegates and undelegates the same few pages. */
static volatile unsigned strange;

static void hammer(unsigned cpu)
{
    uint32_t seed = 12345 + cpu;
    uint64_t answer[5];

    for (unsigned i = 0; i < HAMMER_ROUNDS; i++) {
        uint64_t addr, x0;

        seed = seed * 1664525 + 1013904223;
        addr = HAMMER + (seed >> 16) % HAMMER_PAGES * PAGE;
        x0 = retry(seed >> 28 & 1 ? DELEGATE : UNDELEGATE,
                   (const uint64_t[6]) { addr, addr + PAGE }, answer);
        while (STATUS(x0) == INCOMPLETE) {
            x0 = retry(OP_CONTINUE, (const uint64_t[6]) { answer[1] }, answer);
        }
        if (x0 > INPUT) {
            strange++;
        }
    }
}

static void hammering(void)
{
    bool back = true;

    on_all_cpus(hammer);
    is(strange, 0, "delegation from all CPUs: only the answers of the table");
    for (unsigned i = 0; i < HAMMER_PAGES; i++) {
        uint64_t addr = HAMMER + i * PAGE;

        /* Whatever state it was left in */
        CALL(DELEGATE, addr, addr + PAGE);
        back &= is_gpf(try_load(addr, NULL));
        back &= range(UNDELEGATE, addr, 1);
        back &= !try_load(addr, NULL);
    }
    ok(back, "each page can be taken and given back");
}

/* Every page is the host's again, and can be read. */
static void nothing_lost(unsigned wanted)
{
    unsigned faults = 0;

    is(in_use, wanted, "all memory came back");
    for (unsigned i = 0; i < POOL_PAGES; i++) {
        faults += !used[i] && try_load(POOL + i * PAGE, NULL) != 0;
    }
    is(faults, 0, "and none of it is out of reach");
}

void rmi_main(void);
void rmi_main(void)
{
    unsigned kept;

    start_cpus();
    is(cpus, MAX_CPUS, "CPUs");
    boot();
    kept = in_use; /* what RMM_ACTIVATE took */
    protection();
    nothing_lost(kept);
    for (unsigned round = 0; round < 2; round++) {
        create_realm();
        cancel_next = round; /* the second time, cancel what can be */
        populate_realm();
        destroy_realm();
        nothing_lost(kept);
    }
    hammering();
    nothing_lost(kept);
    put("# repeated after failures: ");
    put_dec(failures);
    put("\n");
    plan();
    power_off();
}
