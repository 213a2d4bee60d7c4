/*
 * Random RMI calls from all CPUs
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Numbers, registers and lists are random, with a liking for what gets further:
 * addresses of the arena, small handles, valid parameters. In the end memory
 * that no call was told of must be as it was, and every page of the arena either
 * readable or behind a granule protection fault.
 */
#include "machine.h"

#define PAGE            0x1000ull
#define GUARD           0x43000000ull   /* never passed to a call */
#define GUARD_PAGES     256
#define SCRATCH         0x44000000ull   /* structures and lists */
#define SCRATCH_PAGES   16
#define ARENA           0x46000000ull
#define ARENA_PAGES     512
#ifndef SECONDS
#define SECONDS         4
#endif

static const uint16_t likely[] = {
    0x1f1, 0x1f1, 0x1f1, 0x1f2, 0x158, 0x159, 0x15a, 0x15a, 0x15b, 0x15c,
    0x15d, 0x15d, 0x15e, 0x161, 0x166, 0x168, 0x169, 0x153, 0x157, 0x1f5,
    0x1f6, 0x1fb, 0x1fc, 0x201, 0x203, 0x203, 0x203, 0x208, 0x208, 0x208,
    0x209, 0x209, 0x20a, 0x1e1, 0x1e3, 0x1f3, 0x1f4, 0x211, 0x164,
};

static uint64_t end_ticks;
static volatile uint64_t done[MAX_CPUS];
static volatile uint64_t successes[MAX_CPUS];

static uint64_t ticks(void)
{
    uint64_t now;

    asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r" (now));
    return now;
}

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* A store that may run into a granule that was delegated meanwhile */
static void try_store(uint64_t addr, uint64_t value)
{
    extern volatile uint64_t fault_expected[];

    fault_expected[this_cpu()] = 1;
    asm volatile("dsb sy\n\tstr %0, [%1]\n\tdsb sy" : : "r" (value),
                 "r" (addr) : "memory");
    fault_expected[this_cpu()] = 0;
}

static uint64_t arena(uint64_t *seed)
{
    return ARENA + next(seed) % ARENA_PAGES * PAGE;
}

static uint64_t argument(uint64_t *seed)
{
    uint64_t r = next(seed);

    switch (r % 12) {
    case 0:
    case 1:
    case 2:
    case 3:
        return ARENA + (r >> 8) % 32 * PAGE;
    case 4:
        return arena(seed);
    case 5:
        return SCRATCH + (r >> 8) % SCRATCH_PAGES * PAGE;
    case 6:
    case 7:
        return (r >> 8) % 6;
    case 8:
        return (r >> 8) % 4 << (12 + 9 * ((r >> 16) % 4));
    case 9:
        return arena(seed) | (r >> 8 & 0xf) << 2;
    case 10:
        return 1ull << ((r >> 8) % 64);
    default:
        /* Anything, but no address of memory that is watched */
        return next(seed) | 1ull << 60;
    }
}

static void prepare(uint64_t *seed)
{
    for (unsigned page = 0; page < SCRATCH_PAGES; page++) {
        uint64_t addr = SCRATCH + page * PAGE;

        if (page < 4) {
            try_store(addr + 0x008, 40);
            try_store(addr + 0x018, 1);
            try_store(addr + 0x020, 1);
            try_store(addr + 0x808, ARENA + (next(seed) % 16) * 2 * PAGE);
            try_store(addr + 0x810, 1);
            try_store(addr + 0x818, 2);
            continue;
        }
        for (unsigned i = 0; i < 24; i++) {
            try_store(addr + i * 8, argument(seed));
        }
    }
}

static void fuzz(unsigned cpu)
{
    uint64_t seed = 88172645463325252ull + cpu * 7919;

    while (ticks() < end_ticks) {
        uint64_t in[6], fid = next(&seed);

        if (done[cpu] % 64 == 0) {
            prepare(&seed);
        }
        fid = fid % 16 ? likely[fid / 16 % (sizeof(likely) / 2)] :
              0x150 + fid / 16 % 0x180;
        for (unsigned i = 0; i < 6; i++) {
            in[i] = argument(&seed);
        }
        if ((fid == 0x1f1 || fid == 0x1f2) && next(&seed) % 8) {
            in[0] = arena(&seed);
            in[1] = in[0] + (1 + next(&seed) % 8) * PAGE;
        } else if (fid == 0x1f1 || fid == 0x1f2) {
            in[0] |= 1ull << 60; /* no range over what is watched */
        }
        if (fid == 0x158) {
            in[1] = SCRATCH + next(&seed) % 4 * PAGE;
        } else if (fid == 0x15a) {
            in[2] = SCRATCH + (4 + next(&seed) % 4) * PAGE;
        } else if (fid >= 0x203 && fid <= 0x20a) {
            in[0] = next(&seed) % 8;
            in[1] = fid == 0x203 ? next(&seed) % 2 :
                    SCRATCH + (8 + next(&seed) % 8) * PAGE;
            in[2] = next(&seed) % 20;
        }
        successes[cpu] += smc(0xc4000000u | fid, in, 6, NULL) == 0;
        done[cpu]++;
    }
}

void rmi_main(void);
void rmi_main(void)
{
    uint64_t config[] = { SCRATCH };
    uint64_t hz, calls = 0, good = 0, changed = 0, strange = 0;

    for (unsigned i = 0; i < GUARD_PAGES * PAGE; i += 8) {
        store(GUARD + i, GUARD ^ i);
    }
    smc(0xc400016eu, config, 1, NULL);
    ok(smc(0xc4000202u, NULL, 0, NULL) == 0, "RMM_ACTIVATE");
    start_cpus();
    asm volatile("mrs %0, cntfrq_el0" : "=r" (hz));
    end_ticks = ticks() + SECONDS * hz;
    on_all_cpus(fuzz);
    for (unsigned i = 0; i < cpus; i++) {
        calls += done[i];
        good += successes[i];
    }
    put("# calls ");
    put_dec(calls);
    put(", successes ");
    put_dec(good);
    put("\n");
    ok(calls > 1000 && good > 100, "calls, some of them with success");
    for (unsigned i = 0; i < GUARD_PAGES * PAGE; i += 8) {
        uint64_t value = 0;

        changed += try_load(GUARD + i, &value) || value != (GUARD ^ i);
    }
    is(changed, 0, "memory that no call was told of is as it was");
    for (unsigned i = 0; i < ARENA_PAGES; i++) {
        uint64_t esr = try_load(ARENA + i * PAGE, NULL);

        strange += esr && !is_gpf(esr);
    }
    is(strange, 0, "a page is there, or behind a protection fault");
    plan();
    power_off();
}
