/*
 * Benchmark of arm-rmm on the bare machine
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Started by rmm.py, on our QEMU and on Debian's. Lines on the UART:
 *
 *     sample WHAT COUNT NANOSECONDS
 */
#include "machine.h"

#define PAGE            0x1000ull
#define PSCI_VERSION    0x84000000u
#define RMI(num)        (0xc4000000u | (num))
#define CALLS           1000            /* less than the host's time slice */
#define SAMPLES         100
#define ROUNDS          5
#define REPEATS         100
#define CONFIG          0x44000000ull
#define PARAMS          0x44001000ull
#define REC_PARAMS      0x44002000ull
#define LIST            0x44003000ull
#define RD              0x44100000ull
#define REC             0x44110000ull
#define GIB             (1ull << 30)
#define BIG             0x80000000ull   /* 1 GiB from here on */

static uint64_t now(void)
{
    uint64_t ticks, hz;

    asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r" (ticks) : : "memory");
    asm volatile("mrs %0, cntfrq_el0" : "=r" (hz));
    return ticks * 1000 / (hz / 1000000);
}

static void sample(const char *what, uint64_t count, uint64_t since)
{
    uint64_t ns = now() - since;

    put("sample ");
    put(what);
    put(" ");
    put_dec(count);
    put(" ");
    put_dec(ns);
    put("\n");
}

static uint64_t call(unsigned num, uint64_t a, uint64_t b, uint64_t c,
                     uint64_t out[5])
{
    return smc(RMI(num), (const uint64_t[]) { a, b, c }, 3, out);
}

static void calls(const char *what, uint64_t fid, uint64_t arg)
{
    uint64_t in[] = { arg };
    uint64_t since = now();

    for (unsigned i = 0; i < CALLS; i++) {
        smc(fid, in, 1, NULL);
    }
    sample(what, CALLS, since);
}

static void delegation(void)
{
    uint64_t out[5];
    uint64_t since = now();

    if (call(0x1f1, BIG, BIG + GIB, 0, out) || out[1] != BIG + GIB) {
        put("error delegate\n");
    }
    sample("delegate-1gib", 1, since);
    since = now();
    if (call(0x1f2, BIG, BIG + GIB, 0, out) || out[1] != BIG + GIB) {
        put("error undelegate\n");
    }
    sample("undelegate-1gib", 1, since);
    since = now();
    for (unsigned i = 0; i < 4096; i++) {
        call(0x1f1, BIG + i * PAGE, BIG + (i + 1) * PAGE, 0, out);
    }
    sample("delegate-pages", 4096, since);
    call(0x1f2, BIG, BIG + 4096 * PAGE, 0, out);
}

static void create_realm(void)
{
    uint64_t out[5];

    call(0x1f1, RD, RD + 64 * PAGE, 0, out);
    store(PARAMS + 0x008, 40);
    store(PARAMS + 0x018, 1);
    store(PARAMS + 0x020, 1);
    store(PARAMS + 0x808, RD + 2 * PAGE);
    store(PARAMS + 0x810, 1);
    store(PARAMS + 0x818, 2);
    if (call(0x158, RD, PARAMS, 0, out)) {
        put("error realm\n");
    }
}

/* The script has REC_CREATE take so many rounds, one after the other. */
static void rec_rounds(void)
{
    static const char *const names[] = {
        "rec-rounds-0", "rec-rounds-100", "rec-rounds-200", "rec-rounds-500",
        "rec-rounds-1000",
    };
    uint64_t out[5], x0, since;

    for (unsigned i = 0; i < REPEATS * 5; i++) {
        /* Affinities 0 and 1 of the MPIDR, sec B4.6 */
        store(REC_PARAMS + 0x100, (i & 15) | (i >> 4) << 8);
        since = now();
        x0 = call(0x15a, RD, REC, REC_PARAMS, out);
        while ((x0 & 0xff) == 13) {
            x0 = call(0x203, 0, 0, 0, out);
        }
        sample(names[i / REPEATS], 1, since);
        if (x0 || call(0x15b, REC, 0, 0, out)) {
            put("error rec\n");
        }
    }
}

void rmi_main(void);
void rmi_main(void)
{
    uint64_t out[5];
    bool rmm = call(0x150, 0x20000, 0, 0, out) == 0;

    store(CONFIG, 0);
    store(CONFIG + 8, 0);
    if (rmm) {
        call(0x16e, CONFIG, 0, 0, out);
        call(0x202, 0, 0, 0, out);
    }
    for (unsigned i = 0; i < SAMPLES; i++) {
        calls("psci-version", PSCI_VERSION, 0);
        if (rmm) {
            calls("rmi-version", RMI(0x150), 0x20000);
        }
    }
    for (unsigned i = 0; rmm && i < ROUNDS; i++) {
        delegation();
    }
    if (rmm) {
        create_realm();
        rec_rounds();
    }
    power_off();
}
