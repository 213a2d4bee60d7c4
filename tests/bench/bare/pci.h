/*
 * The bare machine virt for benchmarks: start, console, time, and all PCI
 * devices with their addresses.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * To be included by the one C file of a benchmark, which has bench_main().
 * No MMU is on, hence no unaligned accesses.
 */
#ifndef RIG_BENCH_PCI_H
#define RIG_BENCH_PCI_H

#include <stdbool.h>
#include <stddef.h>

#include "fabric-regs.h"

void bench_main(void);

#define UART 0x09000000ull
#define UART_CONTROL 0x30
#define UART_TRANSMIT 0x101             /* UARTEN, TXE */
#define ECAM 0x4010000000ull
#define MMIO_FIRST 0x10000000u  /* 32-bit window of the host bridge */
#define PSCI_SYSTEM_OFF 0x84000008u

#define PATIENCE_SECONDS 20

#define REG8(addr) (*(volatile uint8_t *)(uintptr_t)(addr))
#define REG16(addr) (*(volatile uint16_t *)(uintptr_t)(addr))
#define REG32(addr) (*(volatile uint32_t *)(uintptr_t)(addr))
#define REG64(addr) (*(volatile uint64_t *)(uintptr_t)(addr))

/* --- start, console, end -------------------------------------------------- */

static uint8_t stack[65536] __attribute__((aligned(16), used));

asm(".globl _start\n"
    "_start:\n\t"
    "adrp x0, stack\n\t"
    "add x0, x0, :lo12:stack\n\t"
    "add sp, x0, #65536\n\t"
    "bl bench_main\n"
    "1:\twfi\n\t"
    "b 1b");

static void put(const char *text)
{
    while (*text) {
        REG32(UART) = (uint8_t)*text++;
    }
}

static void put_number(int64_t value)
{
    char digits[24];
    char *p = digits + sizeof(digits);
    uint64_t rest = value < 0 ? -value : value;

    *--p = '\0';
    do {
        *--p = '0' + rest % 10;
        rest /= 10;
    } while (rest);
    put(value < 0 ? " -" : " ");
    put(p);
}

static void __attribute__((noreturn)) power_off(void)
{
    register uint64_t function asm("x0") = PSCI_SYSTEM_OFF;

    asm volatile("hvc #0" :: "r"(function) : "memory");
    for (;;) {
    }
}

static void __attribute__((noreturn)) fail(const char *why, int64_t number)
{
    put("fail ");
    put(why);
    put_number(number);
    put("\n");
    power_off();
}

static uint64_t ticks(void)
{
    uint64_t value;

    asm volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(value) :: "memory");
    return value;
}

static uint64_t frequency(void)
{
    uint64_t value;

    asm("mrs %0, cntfrq_el0" : "=r"(value));
    return value;
}

static void barrier(void)
{
    asm volatile("dsb sy" ::: "memory");
}

/* The compiler calls them for structures. */
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);

void *memcpy(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    }
    return to;
}

void *memset(void *to, int value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)to)[i] = value;
    }
    return to;
}

/* --- PCI ------------------------------------------------------------------ */

#define PCI_COMMAND 0x04
#define PCI_COMMAND_ENABLE 0x06         /* memory, bus master */
#define PCI_CLASS 0x0a
#define PCI_HEADER_TYPE 0x0e
#define PCI_BAR0 0x10
#define PCI_BUSES 0x18
#define PCI_MEMORY_WINDOW 0x20
#define PCI_PREFETCH_WINDOW 0x24
#define PCI_CAPABILITIES 0x34
#define PCI_CAP_EXP 0x10
#define PCI_EXP_FLAGS 0x02
#define PCI_EXP_DEVCTL2 0x28
#define PCI_EXP_REQ_EN 0x0040
#define PCI_EXP_TYPE_UPSTREAM 5
#define ENDPOINT_ID 0x10f31af4u
#define NVME_CLASS 0x0108
#define MIB 0x100000u

typedef struct Endpoint {
    uint64_t config;
    uint64_t bar[6];
    int depth;                  /* switches above */
} Endpoint;

static Endpoint endpoint[32], nvme;
static unsigned endpoints;
static uint32_t next_address = MMIO_FIRST;
static uint8_t last_bus;

static uint32_t allocate(uint32_t size)
{
    uint32_t address = (next_address + size - 1) & ~(size - 1);

    next_address = address + size;
    return address;
}

static uint64_t exp_cap(uint64_t config)
{
    uint8_t cap = REG8(config + PCI_CAPABILITIES);

    while (cap && REG8(config + cap) != PCI_CAP_EXP) {
        cap = REG8(config + cap + 1);
    }
    return cap ? config + cap : 0;
}

/* Everything goes below 4 GiB; a window's alignment is 1 MiB. */
static void place_bars(uint64_t config, uint64_t bar[6])
{
    unsigned i;

    for (i = 0; i < 6; i++) {
        uint64_t reg = config + PCI_BAR0 + 4 * i;
        uint32_t mask;

        REG32(reg) = ~0u;
        mask = REG32(reg);
        if (!mask || mask & 1) {
            REG32(reg) = 0;
            continue;
        }
        bar[i] = allocate(~(mask & ~0xfu) + 1);
        REG32(reg) = bar[i];
        if (mask & 4) {
            REG32(reg + 4) = 0;
            i++;
        }
    }
    REG16(config + PCI_COMMAND) = PCI_COMMAND_ENABLE;
}

static void add_endpoint(uint64_t config, int depth)
{
    Endpoint *ep = &endpoint[endpoints];

    if (REG32(config) == ENDPOINT_ID && endpoints < 32) {
        endpoints++;
    } else if (REG16(config + PCI_CLASS) == NVME_CLASS) {
        ep = &nvme;
    } else {
        return;
    }
    ep->config = config;
    ep->depth = depth;
    place_bars(config, ep->bar);
    if (exp_cap(config)) {
        REG16(exp_cap(config) + PCI_EXP_DEVCTL2) |= PCI_EXP_REQ_EN;
    }
}

static void scan(uint8_t bus, int depth);

static void add_bridge(uint64_t config, uint8_t bus, int depth)
{
    uint64_t cap = exp_cap(config);
    bool upstream = cap && (REG16(cap + PCI_EXP_FLAGS) >> 4 & 0xf) ==
                    PCI_EXP_TYPE_UPSTREAM;
    uint8_t secondary = ++last_bus;
    uint32_t first = allocate(MIB);

    next_address = first;
    REG32(config + PCI_BUSES) = 0xffu << 16 | secondary << 8 | bus;
    scan(secondary, depth + upstream);
    REG32(config + PCI_BUSES) = last_bus << 16 | secondary << 8 | bus;
    /* At least 1 MiB, so that no bridge has an inverted window. */
    if (next_address == first) {
        next_address += MIB;
    }
    next_address = allocate(MIB);
    REG32(config + PCI_MEMORY_WINDOW) =
        ((next_address - 1) & 0xfff00000u) | first >> 16;
    REG32(config + PCI_PREFETCH_WINDOW) = 0x0000fff0;
    REG16(config + PCI_COMMAND) = PCI_COMMAND_ENABLE;
}

static void scan(uint8_t bus, int depth)
{
    unsigned slot;

    for (slot = 0; slot < 32; slot++) {
        uint64_t config = ECAM + ((uint64_t)bus << 20) + (slot << 15);

        if (REG16(config) == 0xffff) {
            continue;
        }
        if ((REG8(config + PCI_HEADER_TYPE) & 0x7f) == 1) {
            add_bridge(config, bus, depth);
        } else {
            add_endpoint(config, depth);
        }
    }
}

static void identify(const Endpoint *ep)
{
    if (REG32(ep->bar[0] + FABRIC_ID) != FABRIC_ID_MAGIC ||
        REG32(ep->bar[0] + FABRIC_VERSION) != 1) {
        fail("not the endpoint this program knows, depth", ep->depth);
    }
    if (REG32(ep->bar[0] + FABRIC_TIMEOUT_US) != FABRIC_TIMEOUT_US_RESET) {
        fail("the endpoint issues no requests, depth", ep->depth);
    }
}

#endif
