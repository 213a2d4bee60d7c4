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
#include "host.h"
#include "kvm.h"

#define HAMMER          0x43000000ull
#define HAMMER_PAGES    16
#define HAMMER_ROUNDS   400
#define BLOCK_ROUNDS    12
#define RECS            3
#define DATA_PAGES      8
#define TRIES           8
#define RET             0xd65f03c0u
#define ESR_CLASS(esr)  ((esr) >> 26 & 0x3f)
#define ESR_STATUS(esr) ((esr) & 0x3f)
#define ESR_WRITE(esr)  ((esr) >> 6 & 1)
#define GPF             0x28
#define GPF_WALK_1      0x25            /* of a table, at level 1 */

static Realm realm;
static uint64_t rec[RECS];
static unsigned failures;               /* that were repeated */

/* A failure that a script makes is over when the call comes again. */
#define AGAIN(call) ({ \
    unsigned tries_ = 0; \
    uint64_t x0_ = (call); \
    while (x0_ && ++tries_ < TRIES) { \
        failures++; \
        x0_ = (call); \
    } \
    x0_; })

/* --- a realm --- */

static void delegate(uint64_t *page, unsigned pages)
{
    *page = alloc(pages);
    if (!*page || AGAIN(range(DELEGATE, *page, pages) != pages)) {
        ok(false, "delegation");
    }
}

static void begin_realm(void)
{
    if (create_realm(&realm)) {
        failures++;
        is(AGAIN(CALL(REALM_CREATE, realm.rd, PARAMS)), SUCCESS,
           "REALM_CREATE once more");
    }
}

static bool populate(void)
{
    uint64_t page;

    delegate(&page, 1);
    return kvm_populate(&realm, 0, page);
}

static bool map_data(void)
{
    uint64_t page;

    delegate(&page, DATA_PAGES);
    return kvm_map_private(&realm, PAGE, page, DATA_PAGES);
}

static void fill_realm(void)
{
    store(CONTENT, PATTERN);
    ok(!AGAIN(!populate()), "DATA_MAP_INIT");
    for (unsigned i = 0; i < RECS; i++) {
        delegate(&rec[i], 1);
        is(AGAIN(create_rec(&realm, rec[i], i, true)), SUCCESS, "REC_CREATE");
    }
    ok(!AGAIN(!kvm_ripas(&realm, 0, 0, 16 * PAGE)), "INIT_RIPAS");
    is(AGAIN(CALL(REALM_ACTIVATE, realm.rd)), SUCCESS, "REALM_ACTIVATE");
    ok(!AGAIN(!map_data()), "DATA_MAP");
    ok(!AGAIN(!kvm_map_shared(&realm, UNPROT, CONTENT, 2)), "UNPROT_MAP");
    ok(is_gpf(try_load(rec[0], NULL)), "a REC is out of reach");
    clear(RUN);
    is(AGAIN(CALL(REC_ENTER, rec[0], RUN)), SUCCESS, "REC_ENTER");
    is(load(RUN + 0x800), 3, "exit for PSCI");
}

static void end_realm(void)
{
    for (unsigned i = 0; i < RECS; i++) {
        is(AGAIN(CALL(REC_DESTROY, rec[i])), SUCCESS, "REC_DESTROY");
        give_back(rec[i], 1);
    }
    ok(!AGAIN(!kvm_unmap_private(&realm, 0, 32 * PAGE)), "DATA_UNMAP");
    is(AGAIN(CALL(REALM_TERMINATE, realm.rd)), SUCCESS, "REALM_TERMINATE");
    ok(!AGAIN(!kvm_tear_down(&realm, 2, 0, 1ull << 40)), "RTT_DESTROY");
    is(AGAIN(CALL(REALM_DESTROY, realm.rd)), SUCCESS, "REALM_DESTROY");
    give_back(realm.rd, 1);
    give_back(realm.roots, 2);
}

/* --- protection --- */

static volatile unsigned warm;
static volatile bool go;
static volatile uint64_t seen[MAX_CPUS][ACCESSES];
static uint64_t shared;

static void access_all(unsigned cpu)
{
    for (unsigned how = 0; how < ACCESSES; how++) {
        seen[cpu][how] = try_access(how, shared + 2048);
    }
}

/* Have the translation in the TLB, then see it taken away. */
static void watch(unsigned cpu)
{
    if (cpu) {
        try_load(shared, NULL);
        __atomic_fetch_add(&warm, 1, __ATOMIC_SEQ_CST);
        while (!go) {
            try_load(shared + 8, NULL);
        }
    } else {
        while (warm < cpus - 1) {
            asm volatile("yield");
        }
        if (range(DELEGATE, shared, 1) != 1) {
            ok(false, "delegation");
        }
        go = true;
    }
    access_all(cpu);
}

static void all_fault(Access how, unsigned class, unsigned write,
                      const char *what)
{
    bool all = true;

    for (unsigned i = 0; i < cpus; i++) {
        uint64_t esr = seen[i][how];

        all &= ESR_CLASS(esr) == class && ESR_STATUS(esr) == GPF &&
               ESR_WRITE(esr) == write;
    }
    ok(all, what);
}

static void none_faults(void)
{
    uint64_t faults = 0;

    for (unsigned how = 0; how < ACCESSES; how++) {
        /* What a fetch wants; the others may have overwritten it. */
        *(volatile uint32_t *)(shared + 2048) = RET;
        faults |= try_access(how, shared + 2048);
    }
    is(faults, 0, "every access to Non-secure memory succeeds");
}

static void protection(void)
{
    uint64_t four = alloc(4); /* its neighbours are the host's as well */
    uint64_t value;

    shared = four + PAGE;
    store(shared, PATTERN);
    none_faults();
    on_all_cpus(watch);
    all_fault(LOAD, 0x25, 0, "delegated: a load takes a protection fault");
    all_fault(STORE, 0x25, 1, "a store");
    all_fault(ATOMIC, 0x25, 1, "an atomic addition");
    all_fault(EXCLUSIVE, 0x25, 0, "a load exclusive");
    all_fault(ZERO, 0x25, 1, "DC ZVA");
    all_fault(FETCH, 0x21, 0, "an instruction fetch");
    is(try_load(shared - PAGE, NULL), 0, "the page before it is there");
    is(try_load(shared + PAGE, NULL), 0, "the page behind it is there");
    is(range(UNDELEGATE, shared, 1), 1, "undelegation");
    is(try_load(shared, &value), 0, "undelegated: it is there again");
    is(value, 0, "and wiped");
    none_faults();
    release(four, 4);
}

/* A guest of the host, with stage 2 tables that the host made */
static void guest_protection(void)
{
    uint64_t table = alloc(1), page = alloc(1), esr;

    clear(table);
    /* A block of 1 GiB: itself, write-back, all permissions */
    store(table + 8, 0x40000000ull | 1 << 10 | 3 << 8 | 3 << 6 | 15 << 2 | 1);
    is(ESR_CLASS(guest_load(table, page)), 0x16, "a guest can read a page");
    is(range(DELEGATE, page, 1), 1, "delegation");
    esr = guest_load(table, page);
    is(ESR_CLASS(esr), 0x24, "delegated: its load takes a data abort");
    is(ESR_STATUS(esr), GPF, "for protection");
    is(range(UNDELEGATE, page, 1), 1, "undelegation");
    is(ESR_CLASS(guest_load(table, page)), 0x16, "it can read it again");
    is(range(DELEGATE, table, 1), 1, "delegation of the table");
    esr = guest_load(table, page);
    is(ESR_STATUS(esr), GPF_WALK_1, "its walk takes a protection fault");
    is(range(UNDELEGATE, table, 1), 1, "undelegation");
    release(table, 1);
    release(page, 1);
}

/* --- all CPUs at once --- */

static volatile unsigned strange;

/* The engine of one CPU: for operations that want no memory */
static uint64_t finish(unsigned num, uint64_t base, uint64_t top,
                       uint64_t answer[5])
{
    uint64_t x0 = retry(num, IN(base, top), answer);

    while (STATUS(x0) == INCOMPLETE) {
        x0 = retry(OP_CONTINUE, IN(answer[1]), answer);
    }
    return x0;
}

/* Everybody delegates and undelegates the same few pages. */
static void hammer(unsigned cpu)
{
    uint32_t seed = 12345 + cpu;
    uint64_t answer[5];

    for (unsigned i = 0; i < HAMMER_ROUNDS; i++) {
        uint64_t addr, x0;

        seed = seed * 1664525 + 1013904223;
        addr = HAMMER + (seed >> 16) % HAMMER_PAGES * PAGE;
        x0 = finish(seed >> 28 & 1 ? DELEGATE : UNDELEGATE, addr, addr + PAGE,
                    answer);
        strange += x0 != SUCCESS && STATUS(x0) != INPUT;
    }
}

/* Everybody has a block of 2 MiB, writes to it, and sees nobody else's. */
static uint64_t block[MAX_CPUS];

static bool whole(unsigned num, unsigned cpu)
{
    uint64_t base = block[cpu], top = base + (1 << 21);
    uint64_t answer[5];

    while (base < top) {
        if (finish(num, base, top, answer) || answer[1] <= base) {
            return false;
        }
        base = answer[1];
    }
    return true;
}

static void blocks(unsigned cpu)
{
    for (unsigned i = 0; i < BLOCK_ROUNDS; i++) {
        unsigned at = (i * 7919 + cpu) % 512 * PAGE;
        uint64_t mark = PATTERN + i * MAX_CPUS + cpu;

        store(block[cpu] + at, mark);
        if (load(block[cpu] + at) != mark || !whole(DELEGATE, cpu) ||
            !is_gpf(try_load(block[cpu] + at, NULL)) ||
            !whole(UNDELEGATE, cpu) || try_load(block[cpu] + at, NULL)) {
            strange++;
        }
    }
}

static void hammering(void)
{
    unsigned patience = host.patience;
    bool back = true;

    /* What another CPU works on is BLOCKED as long as that CPU takes. */
    host.patience = -1u;
    on_all_cpus(hammer);
    is(strange, 0, "delegation from all CPUs: only the answers of the table");
    for (unsigned i = 0; i < HAMMER_PAGES; i++) {
        uint64_t addr = HAMMER + i * PAGE;

        /* Whatever state it was left in */
        CALL(DELEGATE, addr, addr + PAGE);
        back &= is_gpf(try_load(addr, NULL));
        back &= range(UNDELEGATE, addr, 1) == 1;
        back &= !try_load(addr, NULL);
        store(addr, PATTERN);
        back &= load(addr) == PATTERN;
    }
    ok(back, "each page can be taken, given back, and used");
    for (unsigned i = 0; i < cpus; i++) {
        block[i] = alloc(512);
    }
    on_all_cpus(blocks);
    host.patience = patience;
    is(strange, 0, "a block of each CPU: taken, given back, and used");
    for (unsigned i = 0; i < cpus; i++) {
        release(block[i], 512);
    }
}

void rmi_main(void);
void rmi_main(void)
{
    unsigned kept;

    host.pages = 8192; /* enough, and quickly read */
    start_cpus();
    is(cpus, MAX_CPUS, "CPUs");
    is(CALL(VERSION, 0x20000), SUCCESS, "VERSION");
    is(AGAIN(start_rmm()), SUCCESS, "RMM_ACTIVATE");
    kept = in_use; /* what RMM_ACTIVATE took */
    protection();
    guest_protection();
    nothing_lost(kept);
    for (unsigned round = 0; round < 2; round++) {
        begin_realm();
        host.cancels = round; /* the second time, cancel what can be */
        fill_realm();
        end_realm();
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
