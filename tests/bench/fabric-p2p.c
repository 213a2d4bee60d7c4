/*
 * Benchmark of peer-to-peer copies between two endpoints, on the bare machine.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The same megabyte, by turns: from endpoint to endpoint below one switch; from
 * endpoint to endpoint through two root ports; and from endpoint to RAM, then
 * from RAM to endpoint. The time is from the first doorbell to the last result.
 *
 *     sample ROUND WAY BYTES NANOSECONDS
 *
 * fabric-p2p.py starts this and reads the lines.
 */
#include "bare/pci.h"

#define RING_ORDER 9
#define CHUNK 4096u
#define CHUNKS 256u
#define SIZE (CHUNK * CHUNKS)
#ifndef ROUNDS
#define ROUNDS 100
#endif

static FabricDesc ring[1u << RING_ORDER] __attribute__((aligned(4096)));
static uint8_t buffer[SIZE] __attribute__((aligned(4096)));

/* Have one endpoint copy between its own memory and an address. */
static uint64_t run(const Endpoint *ep, uint32_t op, uint64_t addr)
{
    uint64_t regs = ep->bar[0], start;
    unsigned i;

    for (i = 0; i < CHUNKS; i++) {
        ring[i] = (FabricDesc) { .request = op, .length = CHUNK,
                                 .addr = addr + i * CHUNK,
                                 .local = i * CHUNK };
    }
    REG32(regs + FABRIC_CTRL) = 0;
    REG64(regs + FABRIC_RING_BASE) = (uintptr_t)ring;
    REG32(regs + FABRIC_RING_ORDER) = RING_ORDER;
    REG32(regs + FABRIC_CTRL) = FABRIC_CTRL_RING_EN;
    barrier();
    start = ticks();
    REG32(regs + FABRIC_RING_TAIL) = CHUNKS;
    while (!(*(volatile uint32_t *)&ring[CHUNKS - 1].result &
             FABRIC_COMPLETE)) {
        if (ticks() - start > PATIENCE_SECONDS * frequency()) {
            fail("the ring stands still", op);
        }
    }
    start = ticks() - start;
    for (i = 0; i < CHUNKS; i++) {
        if (ring[i].where >> 16 != FABRIC_NONE) {
            fail("a request was refused, reason", ring[i].where >> 16);
        }
    }
    return start;
}

/* A word of each chunk, so that the CPU's own reads take no time. */
static void mark(const Endpoint *ep, uint64_t seed)
{
    unsigned i;

    for (i = 0; i < CHUNKS; i++) {
        REG64(ep->bar[2] + i * CHUNK + 8 * (i % 512)) = seed + i;
    }
}

static void check(const Endpoint *ep, uint64_t seed)
{
    unsigned i;

    for (i = 0; i < CHUNKS; i++) {
        if (REG64(ep->bar[2] + i * CHUNK + 8 * (i % 512)) != seed + i) {
            fail("wrong data in chunk", i);
        }
    }
}

static void sample(unsigned round, const char *way, uint64_t time)
{
    put("sample");
    put_number(round);
    put(" ");
    put(way);
    put_number(SIZE);
    put_number(time * 1000000 / (frequency() / 1000));
    put("\n");
}

void bench_main(void)
{
    const Endpoint *from = &endpoint[0], *near = &endpoint[1],
                   *far = &endpoint[2];
    uint64_t seed = 0x1122334455667788ull, time;
    unsigned round, i;

    REG32(UART + UART_CONTROL) = UART_TRANSMIT;
    scan(0, 0);
    if (endpoints != 3) {
        fail("endpoints", endpoints);
    }
    for (i = 0; i < endpoints; i++) {
        identify(&endpoint[i]);
    }
    for (round = 0; round <= ROUNDS; round++) {
        mark(from, seed += 1000);
        time = run(from, FABRIC_WRITE, near->bar[2]);
        check(near, seed);
        sample(round, "direct", time);

        mark(from, seed += 1000);
        time = run(from, FABRIC_WRITE, far->bar[2]);
        check(far, seed);
        sample(round, "across", time);

        mark(from, seed += 1000);
        time = run(from, FABRIC_WRITE, (uintptr_t)buffer);
        time += run(near, FABRIC_READ, (uintptr_t)buffer);
        check(near, seed);
        sample(round, "memory", time);
    }
    put("done\n");
    power_off();
}
