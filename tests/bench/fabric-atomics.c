/*
 * Benchmark of the PCIe fabric's endpoint, on the bare machine.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs on QEMU's machine virt in place of a kernel: nothing but this program is
 * in the way. It gives all PCI devices their addresses, and has the endpoints
 * work through their rings by turns. The time between the doorbell and the last
 * descriptor is taken from the virtual counter, which goes with the host's
 * clock (no -icount). Results go to the UART, a line each:
 *
 *     sample ROUND DEPTH WHAT COUNT NANOSECONDS
 *
 * DEPTH is the number of switches above an endpoint, -1 for an NVMe controller.
 * fabric-atomics.py starts this and reads the lines.
 */
#include <stdbool.h>
#include <stddef.h>

#include "fabric-regs.h"

#define UART 0x09000000ull
#define UART_CONTROL 0x30
#define UART_TRANSMIT 0x101             /* UARTEN, TXE */
#define ECAM 0x4010000000ull
#define MMIO_FIRST 0x10000000u  /* 32-bit window of the host bridge */
#define PSCI_SYSTEM_OFF 0x84000008u

/* About as long as the host's scheduler lets a thread run undisturbed. */
#define RING_ORDER 12
#define BATCH 4000u
#ifndef ROUNDS
#define ROUNDS 100
#endif
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

/* --- the endpoint's ring -------------------------------------------------- */

enum { FETCH_ADD, WRITE_8, WRITE_64, READ_8, KINDS };
static const char *const kind_name[KINDS] = {
    "fetchadd-64", "write-8", "write-64", "read-8",
};

static FabricDesc ring[1u << RING_ORDER] __attribute__((aligned(4096)));
static uint64_t target[64] __attribute__((aligned(4096)));

static FabricDesc request(unsigned kind)
{
    static const uint32_t word[KINDS] = {
        FABRIC_FETCH_ADD | FABRIC_BITS(64), FABRIC_WRITE, FABRIC_WRITE,
        FABRIC_READ,
    };
    static const uint32_t length[KINDS] = { 0, 8, 64, 8 };

    return (FabricDesc) { .request = word[kind], .length = length[kind],
                          .addr = (uintptr_t)target, .operand0 = { 1 } };
}

static void fill(unsigned kind)
{
    unsigned i;

    for (i = 0; i < BATCH; i++) {
        ring[i] = request(kind);
    }
    barrier();
}

static void await_result(volatile uint32_t *result, const Endpoint *ep)
{
    uint64_t start = ticks();
    unsigned polls = 0;

    while (!(*result & FABRIC_COMPLETE)) {
        if (++polls % 65536 == 0 &&
            ticks() - start > PATIENCE_SECONDS * frequency()) {
            fail("ring stands still, depth", ep->depth);
        }
    }
}

static void check(unsigned kind, const Endpoint *ep)
{
    unsigned i;

    for (i = 0; i < BATCH; i++) {
        if (ring[i].result != (FABRIC_COMPLETE | FABRIC_DONE << 4) ||
            ring[i].where >> 16 != FABRIC_NONE) {
            put(kind_name[kind]);
            put(" result, where:");
            put_number(ring[i].result);
            put_number(ring[i].where);
            put("\n");
            fail("bad result, depth", ep->depth);
        }
    }
    if (kind == FETCH_ADD && target[0] != BATCH) {
        fail("wrong sum", target[0]);
    }
}

/* The ring is set up anew each time: RING_EN brings the head to 0. */
static uint64_t one_batch(const Endpoint *ep, unsigned kind)
{
    uint64_t regs = ep->bar[0], start;

    REG32(regs + FABRIC_CTRL) = 0;
    REG64(regs + FABRIC_RING_BASE) = (uintptr_t)ring;
    REG32(regs + FABRIC_RING_ORDER) = RING_ORDER;
    REG32(regs + FABRIC_CTRL) = FABRIC_CTRL_RING_EN;
    fill(kind);
    start = ticks();
    REG32(regs + FABRIC_RING_TAIL) = BATCH;
    await_result(&ring[BATCH - 1].result, ep);
    return ticks() - start;
}

static void sample_line(unsigned round, int depth, const char *what,
                        uint64_t count, uint64_t time)
{
    put("sample");
    put_number(round);
    put_number(depth);
    put(" ");
    put(what);
    put_number(count);
    put_number(time * 1000000 / (frequency() / 1000));
    put("\n");
}

static void sample(unsigned round, const Endpoint *ep, unsigned kind)
{
    uint64_t time;

    target[0] = 0;
    time = one_batch(ep, kind);
    check(kind, ep);
    sample_line(round, ep->depth, kind_name[kind], BATCH, time);
}

/* --- NVMe, for comparison ------------------------------------------------- */

#define NVME_CC 0x14
#define NVME_CSTS 0x1c
#define NVME_AQA 0x24
#define NVME_ASQ 0x28
#define NVME_ACQ 0x30
#define NVME_DOORBELL 0x1000            /* stride 4 */
#define NVME_CC_ENABLE (4u << 20 | 6u << 16 | 1)    /* CQE 16, SQE 64 bytes */
#define NVME_CREATE_SQ 0x01
#define NVME_CREATE_CQ 0x05
#define NVME_READ 0x02
#define NVME_ENTRIES 1024u
#define NVME_COMMANDS 1000u

typedef struct NvmeCommand {
    uint32_t opcode, nsid;
    uint64_t reserved, metadata;
    uint64_t prp[2];
    uint32_t dword[6];
} NvmeCommand;

_Static_assert(sizeof(NvmeCommand) == 64, "an SQ entry has 64 bytes");

typedef struct NvmeCompletion {
    uint32_t result, reserved;
    uint16_t head, queue, id;
    volatile uint16_t status;           /* bit 0: phase */
} NvmeCompletion;

typedef struct NvmeQueue {
    NvmeCommand sq[NVME_ENTRIES];
    NvmeCompletion cq[NVME_ENTRIES];
    unsigned number, tail, phase;
} __attribute__((aligned(4096))) NvmeQueue;

static NvmeQueue nvme_queue[2];
static uint8_t nvme_buffer[4096] __attribute__((aligned(4096)));

/* Hand n commands over, wait for their completions. */
static uint64_t nvme_run(NvmeQueue *q, unsigned n)
{
    uint64_t regs = nvme.bar[0] + NVME_DOORBELL + 8 * q->number, start;
    unsigned i;

    barrier();
    start = ticks();
    REG32(regs) = (q->tail + n) % NVME_ENTRIES;
    for (i = 0; i < n; i++) {
        NvmeCompletion *c = &q->cq[q->tail];

        while ((c->status & 1) == q->phase) {
            if (ticks() - start > PATIENCE_SECONDS * frequency()) {
                fail("NVMe stands still, queue", q->number);
            }
        }
        if (c->status >> 1) {
            fail("NVMe status", c->status >> 1);
        }
        q->tail = (q->tail + 1) % NVME_ENTRIES;
        q->phase ^= q->tail == 0;
    }
    REG32(regs + 4) = q->tail;
    return ticks() - start;
}

static void nvme_command(NvmeQueue *q, unsigned n, NvmeCommand command)
{
    unsigned at = (q->tail + n) % NVME_ENTRIES;

    command.opcode |= at << 16;
    q->sq[at] = command;
}

static void nvme_start(void)
{
    uint64_t regs = nvme.bar[0];
    NvmeQueue *admin = &nvme_queue[0], *io = &nvme_queue[1];

    io->number = 1;
    REG32(regs + NVME_AQA) = (NVME_ENTRIES - 1) << 16 | (NVME_ENTRIES - 1);
    REG64(regs + NVME_ASQ) = (uintptr_t)admin->sq;
    REG64(regs + NVME_ACQ) = (uintptr_t)admin->cq;
    REG32(regs + NVME_CC) = NVME_CC_ENABLE;
    while (!(REG32(regs + NVME_CSTS) & 1)) {
    }
    nvme_command(admin, 0, (NvmeCommand) {
        .opcode = NVME_CREATE_CQ, .prp = { (uintptr_t)io->cq },
        .dword = { (NVME_ENTRIES - 1) << 16 | 1, 1 } });
    nvme_run(admin, 1);
    nvme_command(admin, 0, (NvmeCommand) {
        .opcode = NVME_CREATE_SQ, .prp = { (uintptr_t)io->sq },
        .dword = { (NVME_ENTRIES - 1) << 16 | 1, 1 << 16 | 1 } });
    nvme_run(admin, 1);
}

/* Reads of one block of 512 bytes. */
static void nvme_sample(unsigned round)
{
    unsigned i;

    for (i = 0; i < NVME_COMMANDS; i++) {
        nvme_command(&nvme_queue[1], i, (NvmeCommand) {
            .opcode = NVME_READ, .nsid = 1,
            .prp = { (uintptr_t)nvme_buffer } });
    }
    sample_line(round, -1, "nvme-read-512", NVME_COMMANDS,
                nvme_run(&nvme_queue[1], NVME_COMMANDS));
}

/* --- all ------------------------------------------------------------------ */

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

void bench_main(void);

void bench_main(void)
{
    unsigned round, kind, i;

    REG32(UART + UART_CONTROL) = UART_TRANSMIT;
    scan(0, 0);
    for (i = 0; i < endpoints; i++) {
        identify(&endpoint[i]);
    }
    if (nvme.config) {
        nvme_start();
    }
    /* Round 0 warms caches and translations up; nobody counts it. */
    for (round = 0; round <= ROUNDS; round++) {
        for (kind = 0; kind < KINDS; kind++) {
            for (i = 0; i < endpoints; i++) {
                sample(round, &endpoint[i], kind);
            }
        }
        if (nvme.config) {
            nvme_sample(round);
        }
    }
    put("done\n");
    power_off();
}
