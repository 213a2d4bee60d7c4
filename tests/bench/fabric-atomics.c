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
#include "bare/pci.h"

/* About as long as the host's scheduler lets a thread run undisturbed. */
#define RING_ORDER 12
#define BATCH 4000u
#ifndef ROUNDS
#define ROUNDS 100
#endif

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
