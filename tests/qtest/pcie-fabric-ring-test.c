/*
 * Registers, descriptor ring, interrupts, resets of pcie-fabric-endpoint
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: docs/specs/pcie-fabric-endpoint.rst; PCI Express Base r6.0, sec 2.8
 * (completion time-out), 6.6 (resets), 7.5.3.5 (Transactions Pending).
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "libqos/pcie-fabric-vmstate.h"
#include "pcie-fabric-flow-bench.h"

#define REF                     "endpoint reference"
#define NS_PER_US               1000LL
#define COUNTER                 RAM_TARGET
#define WORD_DONE               (QFEP_RESULT_COMPLETE | QFEP_DONE << 4)
#define WORD_TIMEOUT            (QFEP_RESULT_COMPLETE | QFEP_TIMEOUT << 4)
#define CANARY                  0x6b

static QFabricReq add_one(void)
{
    return qfabric_atomic(QFEP_FETCH_ADD, 8, COUNTER, 1, 0);
}

/* Nobody completes this one: sec 6.15, address not aligned */
static QFabricReq never_completed(void)
{
    return qfabric_atomic(QFEP_FETCH_ADD, 8, COUNTER + 4, 1, 0);
}

static bool reg(QFabricEp *ep, unsigned off, uint32_t want, const char *what)
{
    g_autofree char *name = g_strdup_printf("register 0x%03x", off);

    return qfabric_expect(ep->fn, name, want, qfabric_ep_readl(ep, off),
                          what);
}

static bool pending(QFabricEp *ep, bool want, const char *what)
{
    return qfabric_expect(ep->fn, "DevSta Transactions Pending",
                          want ? PCI_EXP_DEVSTA_TRPND : 0,
                          qfabric_cap_readw(ep->fn, PCI_CAP_ID_EXP,
                                            PCI_EXP_DEVSTA) &
                          PCI_EXP_DEVSTA_TRPND, what);
}

static uint64_t counter(FlowBench *b)
{
    return qtest_readq(b->qts, COUNTER);
}

/* What errors leave behind is not the subject here */
static void finish(FlowBench *b, QFabricEp *ep)
{
    qfabric_ep_writel(ep, QFEP_REG_CTRL, QFEP_CTRL_ENGINE_RESET);
    qfabric_ep_set_timeout(ep, TEST_TIMEOUT_US);
    flow_clear_all(b->m);
    flow_bench_end(b, true);
}

/* Registers */

static const struct {
    unsigned off;
    uint32_t reset;
    uint32_t rw;
} regs[] = {
    { QFEP_REG_ID, QFEP_ID }, { QFEP_REG_VERSION, QFEP_VERSION },
    { QFEP_REG_MEM_SIZE, EP_MEM_SIZE }, { QFEP_REG_MEM_SIZE + 4, 0 },
    { QFEP_REG_CTRL, 0 }, { QFEP_REG_STATUS, 0 }, { QFEP_REG_INT_STATUS, 0 },
    { QFEP_REG_INT_ENABLE, 0, 3 },
    { QFEP_REG_TIMEOUT_US, QFEP_TIMEOUT_RESET, 0xffff },
    { QFEP_REG_REQ_OP, 0, ~0u }, { QFEP_REG_REQ_LEN, 0, ~0u },
    { QFEP_REG_REQ_ADDR, 0, ~0u }, { QFEP_REG_REQ_ADDR + 4, 0, ~0u },
    { QFEP_REG_REQ_OPERAND0, 0, ~0u }, { QFEP_REG_REQ_OPERAND0 + 12, 0, ~0u },
    { QFEP_REG_REQ_OPERAND1, 0, ~0u }, { QFEP_REG_REQ_OPERAND1 + 12, 0, ~0u },
    { QFEP_REG_REQ_LOCAL, 0, ~0u }, { QFEP_REG_DOORBELL, 0 },
    { QFEP_REG_RES_STATUS, 0 }, { QFEP_REG_RES_WHERE, 0 },
    { QFEP_REG_RES_DATA, 0 }, { QFEP_REG_RES_DATA + 12, 0 },
    { QFEP_REG_RING_BASE, 0, ~63u }, { QFEP_REG_RING_BASE + 4, 0, ~0u },
    { QFEP_REG_RING_HEAD, 0 },
};

static const unsigned reserved[] = {
    0x00c, 0x018, 0x034, 0x03c, 0x074, 0x07c, 0x088, 0x0a0, 0x114, 0x200,
    0xffc,
};

static bool check_regs(QFabricEp *ep, const char *what)
{
    bool ok = true;
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(regs); i++) {
        ok &= reg(ep, regs[i].off, regs[i].reset, what);
    }
    return ok;
}

static void test_registers(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DIRECT];
    unsigned i;

    qfabric_ep_writel(ep, QFEP_REG_CTRL, QFEP_CTRL_ENGINE_RESET);
    check_regs(ep, "after ENGINE_RESET");
    for (i = 0; i < G_N_ELEMENTS(regs); i++) {
        uint32_t want = (regs[i].reset & ~regs[i].rw) |
                        (0x5a5a5a5a & regs[i].rw);

        if (!regs[i].rw) {
            continue;
        }
        qfabric_ep_writel(ep, regs[i].off, regs[i].rw & 0x5a5a5a5a);
        reg(ep, regs[i].off, want, "after a write");
    }
    qfabric_ep_writel(ep, QFEP_REG_CTRL, QFEP_CTRL_ENGINE_RESET);
    check_regs(ep, "after ENGINE_RESET, all written before");
    for (i = 0; i < G_N_ELEMENTS(reserved); i++) {
        qfabric_ep_writel(ep, reserved[i], ~0u);
        reg(ep, reserved[i], 0, "reserved: reads as 0, ignores writes");
    }
    for (i = 0; i <= QFEP_REG_MEM_SIZE; i += 4) {
        uint32_t was = qfabric_ep_readl(ep, i);

        qfabric_ep_writel(ep, i, ~was);
        reg(ep, i, was, "read-only");
    }
    finish(b, ep);
}

/* The same registers in accesses of 8 bytes */
static void test_wide_access(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DIRECT];
    const uint64_t val = 0x1122334455667788ULL;

    qfabric_ep_writeq(ep, QFEP_REG_REQ_ADDR, val);
    reg(ep, QFEP_REG_REQ_ADDR, (uint32_t)val, "low half");
    reg(ep, QFEP_REG_REQ_ADDR + 4, val >> 32, "high half");
    qfabric_ep_writel(ep, QFEP_REG_REQ_OPERAND0, 0x01020304);
    qfabric_ep_writel(ep, QFEP_REG_REQ_OPERAND0 + 4, 0x05060708);
    qfabric_expect(ep->fn, "REQ_OPERAND0 in one access",
                   0x0506070801020304ULL,
                   qfabric_ep_readq(ep, QFEP_REG_REQ_OPERAND0), REF);
    qfabric_expect(ep->fn, "ID and VERSION in one access",
                   QFEP_ID | (uint64_t)QFEP_VERSION << 32,
                   qfabric_ep_readq(ep, QFEP_REG_ID), REF);
    finish(b, ep);
}

/* 1 to 1000000; what else is written leaves a value in that range */
static void test_timeout_range(void)
{
    static const uint32_t good[] = { 1, 2, 50000, 999999, 1000000 };
    static const uint32_t bad[] = { 0, 1000001, 0x80000000, ~0u };
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DIRECT];
    uint32_t val;
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(good); i++) {
        qfabric_ep_writel(ep, QFEP_REG_TIMEOUT_US, good[i]);
        reg(ep, QFEP_REG_TIMEOUT_US, good[i], "in range");
    }
    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        qfabric_ep_writel(ep, QFEP_REG_TIMEOUT_US, bad[i]);
        val = qfabric_ep_readl(ep, QFEP_REG_TIMEOUT_US);
        qfabric_expect(ep->fn, "TIMEOUT_US is in range", 1,
                       val >= 1 && val <= QFEP_TIMEOUT_MAX, REF);
    }
    finish(b, ep);
}

/* The time-out takes its time, neither more nor less (sec 2.8) */
static void test_timeout_length(const void *data)
{
    uint32_t us = GPOINTER_TO_UINT(data);
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_SWITCH];
    QFabricReq req = never_completed();
    QFabricRes res;

    qfabric_ep_set_timeout(ep, us);
    qfabric_ep_issue(ep, &req);
    reg(ep, QFEP_REG_STATUS, QFEP_STATUS_BUSY, "waiting");
    pending(ep, true, "waiting");
    qtest_clock_step(b->qts, us * NS_PER_US - 1);
    reg(ep, QFEP_REG_STATUS, QFEP_STATUS_BUSY, "1 ns before the time-out");
    pending(ep, true, "1 ns before the time-out");
    reg(ep, QFEP_REG_RES_STATUS, 0, "1 ns before the time-out");
    qtest_clock_step(b->qts, 1);
    reg(ep, QFEP_REG_STATUS, 0, "after the time-out");
    pending(ep, false, "after the time-out");
    res = qfabric_ep_result(ep);
    qfabric_expect(ep->fn, "outcome", QFEP_TIMEOUT, res.outcome, REF);
    qfabric_expect(ep->fn, "reason", QFEP_R_MALFORMED, res.reason, REF);
    finish(b, ep);
}

/* A second doorbell is ignored while the first request is under way */
static void test_doorbell_busy(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DIRECT];
    QFabricReq never = never_completed(), add = add_one();
    QFabricRes res;

    qtest_writeq(b->qts, COUNTER, 100);
    qfabric_ep_issue(ep, &never);
    qfabric_ep_issue(ep, &add);
    qfabric_expect(ep->fn, "counter", 100, counter(b), "ignored while BUSY");
    qfabric_ep_wait(ep);
    res = qfabric_ep_result(ep);
    qfabric_expect(ep->fn, "outcome", QFEP_TIMEOUT, res.outcome,
                   "of the first request");
    qfabric_expect(ep->fn, "counter", 100, counter(b), "ignored for good");
    res = qfabric_ep_do(ep, &add);
    qfabric_expect(ep->fn, "counter", 101, counter(b), "idle again");
    finish(b, ep);
}

/* Interrupts */

static void test_interrupts(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DEEP];
    QFabricReq add = add_one(), never = never_completed();

    qfabric_ep_arm(ep, RAM_EP_MSG);
    qfabric_ep_do(ep, &add);
    reg(ep, QFEP_REG_INT_STATUS, QFEP_INT_COMPLETE, "the doorbell raises it");
    qfabric_expect(ep->fn, "vector 0", 1,
                   qfabric_ep_took_complete(ep, RAM_EP_MSG), REF);
    qfabric_expect(ep->fn, "vector 1", 0,
                   qfabric_ep_took_error(ep, RAM_EP_MSG), REF);
    qfabric_ep_writel(ep, QFEP_REG_INT_STATUS, QFEP_INT_ERROR);
    reg(ep, QFEP_REG_INT_STATUS, QFEP_INT_COMPLETE, "RW1C: other bit");
    qfabric_ep_writel(ep, QFEP_REG_INT_STATUS, QFEP_INT_COMPLETE);
    reg(ep, QFEP_REG_INT_STATUS, 0, "RW1C");

    qfabric_ep_issue(ep, &never);
    reg(ep, QFEP_REG_INT_STATUS, 0, "not before the time-out");
    qfabric_ep_wait(ep);
    qfabric_expect(ep->fn, "vector 0 after a time-out", 1,
                   qfabric_ep_took_complete(ep, RAM_EP_MSG), REF);
    qfabric_ep_writel(ep, QFEP_REG_INT_STATUS, ~0u);

    qfabric_ep_writel(ep, QFEP_REG_INT_ENABLE, 0);
    qfabric_ep_do(ep, &add);
    reg(ep, QFEP_REG_INT_STATUS, QFEP_INT_COMPLETE, "status without enable");
    qfabric_expect(ep->fn, "vector 0 without enable", 0,
                   qfabric_ep_took_complete(ep, RAM_EP_MSG), REF);
    finish(b, ep);
}

/* sec 7.5.1.1.3: a message is a memory write, so BME gates it */
static void test_interrupt_without_bme(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DIRECT];
    QFabricReq add = add_one();
    QFabricRes res;

    qfabric_ep_arm(ep, RAM_EP_MSG);
    flow_set_command(b->fn[PLACE_DIRECT], PCI_COMMAND_MASTER, 0);
    res = qfabric_ep_do(ep, &add);
    qfabric_expect(ep->fn, "outcome", QFEP_NOT_ISSUED, res.outcome, REF);
    reg(ep, QFEP_REG_INT_STATUS, QFEP_INT_COMPLETE, "done, if not issued");
    qfabric_expect(ep->fn, "message without BME", 0,
                   qfabric_msg_take(b->fab, RAM_EP_MSG), REF);
    finish(b, ep);
}

/* The ring */

static void fill_ring(QFabricRing *ring, unsigned n)
{
    g_autofree uint8_t *mem = g_malloc0((size_t)n * QFEP_DESC_SIZE);
    QFabricReq req = add_one();
    unsigned i;

    for (i = 0; i < n; i++) {
        uint8_t *desc = mem + (size_t)i * QFEP_DESC_SIZE;

        stl_le_p(desc, qfabric_req_word(&req));
        stq_le_p(desc + QFEP_DESC_ADDR, req.addr);
        stq_le_p(desc + QFEP_DESC_OPERAND0, 1);
    }
    qtest_bufwrite(ring->ep->qts, ring->base, mem,
                   (size_t)n * QFEP_DESC_SIZE);
}

/* All descriptors carry the value that the counter had in their turn */
static bool check_ring(QFabricRing *ring, unsigned from, unsigned n,
                       uint64_t first)
{
    size_t size = (size_t)QFEP_DESC_SIZE << ring->order;
    g_autofree uint8_t *mem = g_malloc(size);
    bool ok = true;
    unsigned i;

    qtest_bufread(ring->ep->qts, ring->base, mem, size);
    for (i = 0; i < n && ok; i++) {
        unsigned at = (from + i) & ((1u << ring->order) - 1);
        uint8_t *desc = mem + (size_t)at * QFEP_DESC_SIZE;
        g_autofree char *why = g_strdup_printf("descriptor %u", at);

        ok &= qfabric_expect(ring->ep->fn, "result word", WORD_DONE,
                             (uint32_t)ldl_le_p(desc + QFEP_DESC_RESULT), why);
        ok &= qfabric_expect(ring->ep->fn, "original value", first + i,
                             ldq_le_p(desc + QFEP_DESC_OPERAND1), why);
    }
    return ok;
}

static void test_order(const void *data)
{
    unsigned order = GPOINTER_TO_UINT(data), size = 1u << order;
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_SWITCH];
    QFabricRing ring;
    uint64_t value = 0;
    unsigned round, n;

    qtest_writeq(b->qts, COUNTER, 0);
    qfabric_ring_start(&ring, ep, RAM_RING, order);
    reg(ep, QFEP_REG_RING_ORDER, order, "programmed");
    reg(ep, QFEP_REG_RING_HEAD, 0, "RING_EN 0 to 1");
    reg(ep, QFEP_REG_RING_TAIL, 0, "RING_EN 0 to 1");
    /* All but one, so that head and tail differ; goes round several times */
    for (round = 0; round < 3; round++) {
        unsigned from = ring.tail;

        n = round < 2 ? size - 1 : 1;
        fill_ring(&ring, size);
        ring.tail = (ring.tail + n) & (size - 1);
        qfabric_ring_kick(&ring);
        qfabric_ring_wait(&ring, 1000);
        reg(ep, QFEP_REG_RING_HEAD, ring.tail, "all taken");
        check_ring(&ring, from, n, value);
        value += n;
        qfabric_expect(ep->fn, "counter", value, counter(b), REF);
    }
    qfabric_ep_writel(ep, QFEP_REG_CTRL, 0);
    finish(b, ep);
}

/* An order outside 1 to 16 is either not taken, or the ring stops */
static void test_bad_order(void)
{
    static const uint32_t bad[] = { 0, 17, 32, 0x10001, ~0u };
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DIRECT];
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(bad); i++) {
        uint32_t order, status;

        qfabric_ep_writel(ep, QFEP_REG_RING_ORDER, 3);
        qfabric_ep_writel(ep, QFEP_REG_RING_ORDER, bad[i]);
        order = qfabric_ep_readl(ep, QFEP_REG_RING_ORDER);
        qfabric_ep_writeq(ep, QFEP_REG_RING_BASE, HOLE_ABOVE_RAM);
        qfabric_ep_writel(ep, QFEP_REG_CTRL, QFEP_CTRL_RING_EN);
        qfabric_ep_writel(ep, QFEP_REG_RING_TAIL, 1);
        qfabric_ep_wait(ep);
        status = qfabric_ep_readl(ep, QFEP_REG_STATUS);
        qfabric_expect(ep->fn, "order in range, or RING_ERROR", 1,
                       (order >= QFEP_ORDER_MIN && order <= QFEP_ORDER_MAX) ||
                       (status & QFEP_STATUS_RING_ERROR), REF);
        qfabric_ep_writel(ep, QFEP_REG_CTRL, 0);
    }
    finish(b, ep);
}

/* 64-byte aligned: the low bits are not there */
static void test_base_alignment(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DIRECT];
    unsigned bit;

    for (bit = 0; bit < 6; bit++) {
        qfabric_ep_writeq(ep, QFEP_REG_RING_BASE, RAM_RING | 1u << bit);
        reg(ep, QFEP_REG_RING_BASE, RAM_RING, "64-byte aligned");
    }
    qfabric_ep_writeq(ep, QFEP_REG_RING_BASE, RAM_RING | 1u << 6);
    reg(ep, QFEP_REG_RING_BASE, RAM_RING | 1u << 6, "64-byte aligned");
    finish(b, ep);
}

static void test_ring_enable(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DIRECT];
    QFabricReq add = add_one();
    QFabricRing ring;

    qtest_writeq(b->qts, COUNTER, 0);
    qfabric_ring_start(&ring, ep, RAM_RING, 4);
    qfabric_ep_writeq(ep, QFEP_REG_RING_BASE, RAM_RING + 0x10000);
    reg(ep, QFEP_REG_RING_BASE, RAM_RING, "not writable: RING_EN is 1");
    qfabric_ep_writel(ep, QFEP_REG_RING_ORDER, 5);
    reg(ep, QFEP_REG_RING_ORDER, 4, "not writable: RING_EN is 1");
    qfabric_ep_writel(ep, QFEP_REG_RING_HEAD, 7);
    reg(ep, QFEP_REG_RING_HEAD, 0, "read-only");

    qfabric_ring_push(&ring, &add);
    qfabric_ring_push(&ring, &add);
    qfabric_ring_push(&ring, &add);
    qfabric_expect(ep->fn, "counter", 0, counter(b), "before the tail moves");
    qfabric_ring_kick(&ring);
    qfabric_ring_wait(&ring, 0);
    reg(ep, QFEP_REG_RING_HEAD, 3, "three taken");
    qfabric_ep_writel(ep, QFEP_REG_CTRL, QFEP_CTRL_RING_EN);
    reg(ep, QFEP_REG_RING_HEAD, 3, "RING_EN 1 to 1 changes nothing");
    reg(ep, QFEP_REG_RING_TAIL, 3, "RING_EN 1 to 1 changes nothing");
    qfabric_ring_kick(&ring);
    reg(ep, QFEP_REG_STATUS, 0, "head and tail are equal");

    qfabric_ep_writel(ep, QFEP_REG_CTRL, 0);
    qfabric_ring_push(&ring, &add);
    qfabric_ring_kick(&ring);
    qfabric_expect(ep->fn, "counter", 3, counter(b), "RING_EN is 0");
    qfabric_ep_writel(ep, QFEP_REG_CTRL, QFEP_CTRL_RING_EN);
    reg(ep, QFEP_REG_RING_HEAD, 0, "RING_EN 0 to 1");
    reg(ep, QFEP_REG_RING_TAIL, 0, "RING_EN 0 to 1");
    qfabric_expect(ep->fn, "counter", 3, counter(b), "RING_EN 0 to 1");
    /* The tail is taken modulo the size of the ring */
    qfabric_ep_writel(ep, QFEP_REG_RING_TAIL, 16 + 2);
    qfabric_ring_wait(&ring, 0);
    reg(ep, QFEP_REG_RING_HEAD, 2, "tail modulo 16");
    reg(ep, QFEP_REG_RING_TAIL, 2, "tail modulo 16");
    qfabric_expect(ep->fn, "counter", 5, counter(b), "two more");
    finish(b, ep);
}

/* What is written back to a descriptor, and what is kept */
static void test_descriptor(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_SWITCH];
    uint8_t desc[QFEP_DESC_SIZE], now[QFEP_DESC_SIZE];
    QFabricReq req = qfabric_atomic(QFEP_CAS, 16, COUNTER, 1, 2);
    QFabricRing ring;
    unsigned i;

    qtest_writeq(b->qts, COUNTER, 0x1111222233334444ULL);
    qtest_writeq(b->qts, COUNTER + 8, 0x5555666677778888ULL);
    qfabric_ring_start(&ring, ep, RAM_RING, 1);
    memset(desc, CANARY, sizeof(desc));
    stl_le_p(desc, qfabric_req_word(&req));
    stl_le_p(desc + QFEP_DESC_LEN, 0);
    stq_le_p(desc + QFEP_DESC_ADDR, COUNTER);
    stl_le_p(desc + QFEP_DESC_RESULT, 0);
    qtest_memwrite(b->qts, RAM_RING, desc, sizeof(desc));
    qtest_memset(b->qts, RAM_RING - QFEP_DESC_SIZE, CANARY, QFEP_DESC_SIZE);
    qtest_memset(b->qts, RAM_RING + QFEP_DESC_SIZE, CANARY, QFEP_DESC_SIZE);
    ring.tail = 1;
    qfabric_ring_kick(&ring);
    qfabric_ring_wait(&ring, 0);

    stq_le_p(desc + QFEP_DESC_OPERAND1, 0x1111222233334444ULL);
    stq_le_p(desc + QFEP_DESC_OPERAND1 + 8, 0x5555666677778888ULL);
    stl_le_p(desc + QFEP_DESC_RESULT, WORD_DONE);
    stl_le_p(desc + QFEP_DESC_WHERE, 0);
    qtest_memread(b->qts, RAM_RING, now, sizeof(now));
    for (i = 0; i < sizeof(desc); i++) {
        g_autofree char *what = g_strdup_printf("byte %u", i);

        qfabric_expect(ep->fn, what, desc[i], now[i], "descriptor");
    }
    for (i = 0; i < QFEP_DESC_SIZE; i++) {
        qfabric_expect(ep->fn, "byte before the ring", CANARY,
                       qtest_readb(b->qts, RAM_RING - 1 - i), REF);
        qfabric_expect(ep->fn, "byte of the next descriptor", CANARY,
                       qtest_readb(b->qts, RAM_RING + QFEP_DESC_SIZE + i),
                       REF);
    }
    finish(b, ep);
}

/* Every operation through the ring; outcomes of all kinds in its words */
static void test_ring_outcomes(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_SWITCH];
    uint64_t own = ep->fn->bar[QFEP_BAR_MEM].addr;
    uint64_t peer = b->fn[PLACE_SWITCH_PEER]->fn->bar[QFEP_BAR_REGS].addr;
    QFabricReq reqs[] = {
        add_one(), never_completed(),
        qfabric_read_req(COUNTER, 8, 0x100),
        qfabric_write_req(COUNTER + 0x40, 8, 0x100),
        qfabric_atomic(QFEP_SWAP, 4, HOLE_PCI64, 1, 0),
        qfabric_atomic(QFEP_SWAP, 4, peer, 1, 0),
        qfabric_atomic(QFEP_SWAP, 2, COUNTER, 1, 0),
        add_one(),
    };
    static const struct {
        QFabricOutcome outcome;
        QFabricCpl status;
        QFabricReason reason;
    } want[] = {
        { QFEP_DONE, QFEP_SC, QFEP_R_NONE }, { QFEP_TIMEOUT, 0,
          QFEP_R_MALFORMED },
        { QFEP_DONE, QFEP_SC, QFEP_R_NONE }, { QFEP_DONE, QFEP_SC,
          QFEP_R_NONE },
        { QFEP_DONE, QFEP_UR, QFEP_R_NO_TARGET },
        { QFEP_DONE, QFEP_CA, QFEP_R_NOT_ATOMIC },
        { QFEP_NOT_ISSUED, 0, QFEP_R_BAD_REQUEST },
        { QFEP_DONE, QFEP_SC, QFEP_R_NONE },
    };
    QFabricRing ring;
    unsigned i;

    qtest_writeq(b->qts, COUNTER, 7);
    qtest_writeq(b->qts, COUNTER + 0x40, 0);
    qtest_writeq(b->qts, own + 0x100, 0);
    qfabric_ring_start(&ring, ep, RAM_RING, 4);
    for (i = 0; i < G_N_ELEMENTS(reqs); i++) {
        qfabric_ring_push(&ring, &reqs[i]);
    }
    qfabric_ring_kick(&ring);
    qfabric_ring_wait(&ring, 2);
    for (i = 0; i < G_N_ELEMENTS(reqs); i++) {
        QFabricRes res = qfabric_ring_get(&ring, i);
        g_autofree char *why = g_strdup_printf("descriptor %u", i);

        qfabric_expect(ep->fn, "complete", 1, res.complete, why);
        qfabric_expect(ep->fn, "outcome", want[i].outcome, res.outcome, why);
        qfabric_expect(ep->fn, "reason", want[i].reason, res.reason, why);
        if (want[i].outcome == QFEP_DONE) {
            qfabric_expect(ep->fn, "status", want[i].status, res.status, why);
        }
    }
    qfabric_expect(ep->fn, "what the read left", 8,
                   qtest_readq(b->qts, own + 0x100), "in order");
    qfabric_expect(ep->fn, "what the write left", 8,
                   qtest_readq(b->qts, COUNTER + 0x40), "in order");
    qfabric_expect(ep->fn, "counter", 9, counter(b), "in order");
    finish(b, ep);
}

/* One at a time: nothing overtakes a request that waits for its time-out */
static void test_ring_order_of_requests(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DIRECT];
    QFabricReq add = add_one(), never = never_completed();
    QFabricRing ring;

    qfabric_ep_arm(ep, RAM_EP_MSG);
    qtest_writeq(b->qts, COUNTER, 0);
    qfabric_ring_start(&ring, ep, RAM_RING, 3);
    qfabric_ring_push(&ring, &add);
    qfabric_ring_push(&ring, &never);
    qfabric_ring_push(&ring, &add);
    add.irq = true;
    qfabric_ring_push(&ring, &add);
    qfabric_ring_kick(&ring);
    reg(ep, QFEP_REG_STATUS, QFEP_STATUS_BUSY, "descriptor 1 waits");
    pending(ep, true, "descriptor 1 waits");
    qfabric_expect(ep->fn, "counter", 1, counter(b), "descriptor 1 waits");
    qfabric_expect(ep->fn, "descriptor 0", WORD_DONE,
                   qfabric_ring_get(&ring, 0).word, "complete");
    qfabric_expect(ep->fn, "descriptor 1", 0, qfabric_ring_get(&ring, 1).word,
                   "not complete");
    reg(ep, QFEP_REG_INT_STATUS, 0, "no descriptor asked for it yet");
    qfabric_ring_wait(&ring, 1);
    qfabric_expect(ep->fn, "descriptor 1", WORD_TIMEOUT,
                   qfabric_ring_get(&ring, 1).word, "complete");
    qfabric_expect(ep->fn, "counter", 3, counter(b), "after the time-out");
    reg(ep, QFEP_REG_INT_STATUS, QFEP_INT_COMPLETE, "bit 12 of the word");
    qfabric_expect(ep->fn, "vector 0", 1,
                   qfabric_ep_took_complete(ep, RAM_EP_MSG), REF);
    pending(ep, false, "idle");
    finish(b, ep);
}

/* While descriptors wait the doorbell does nothing */
static void test_ring_and_doorbell(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DIRECT];
    QFabricReq add = add_one(), never = never_completed();
    QFabricRing ring;

    qtest_writeq(b->qts, COUNTER, 0);
    qfabric_ring_start(&ring, ep, RAM_RING, 2);
    qfabric_ring_push(&ring, &never);
    qfabric_ring_kick(&ring);
    qfabric_ep_issue(ep, &add);
    qfabric_expect(ep->fn, "counter", 0, counter(b), "ignored while BUSY");
    qfabric_ring_wait(&ring, 1);
    qfabric_expect(ep->fn, "counter", 0, counter(b), "ignored for good");
    qfabric_ep_do(ep, &add);
    qfabric_expect(ep->fn, "counter", 1, counter(b), "idle ring, doorbell");
    qfabric_ring_push(&ring, &add);
    qfabric_ring_kick(&ring);
    qfabric_ring_wait(&ring, 0);
    qfabric_expect(ep->fn, "counter", 2, counter(b), "ring after doorbell");
    finish(b, ep);
}

/* Failure of the ring's own requests */

static bool ring_fails(FlowBench *b, QFabricEp *ep, uint64_t base, bool msg,
                       const char *why)
{
    QFabricRing ring = { .ep = ep, .base = base, .order = 3 };
    bool ok;

    qfabric_ep_writel(ep, QFEP_REG_CTRL, 0);
    qfabric_ep_writel(ep, QFEP_REG_INT_STATUS, ~0u);
    qfabric_ep_arm(ep, RAM_EP_MSG);
    qfabric_ep_writeq(ep, QFEP_REG_RING_BASE, base);
    qfabric_ep_writel(ep, QFEP_REG_RING_ORDER, 3);
    qfabric_ep_writel(ep, QFEP_REG_CTRL, QFEP_CTRL_RING_EN);
    reg(ep, QFEP_REG_STATUS, 0, "RING_EN 0 to 1 clears RING_ERROR");
    ring.tail = 2;
    qfabric_ring_kick(&ring);
    qfabric_ring_wait(&ring, 1);
    ok = reg(ep, QFEP_REG_STATUS, QFEP_STATUS_RING_ERROR, why);
    ok &= reg(ep, QFEP_REG_INT_STATUS, QFEP_INT_ERROR, why);
    ok &= qfabric_expect(ep->fn, "vector 1", msg,
                         qfabric_ep_took_error(ep, RAM_EP_MSG), why);
    ok &= qfabric_expect(ep->fn, "vector 0", 0,
                         qfabric_ep_took_complete(ep, RAM_EP_MSG), why);
    ok &= reg(ep, QFEP_REG_RING_HEAD, 0, why);
    return ok;
}

/* A good ring after a bad one; the counter shows that it ran */
static bool ring_works(FlowBench *b, QFabricEp *ep, uint64_t base,
                       const char *why)
{
    QFabricReq add = add_one();
    QFabricRing ring;
    bool ok;

    qtest_writeq(b->qts, COUNTER, 0);
    qfabric_ring_start(&ring, ep, base, 3);
    qfabric_ring_push(&ring, &add);
    qfabric_ring_push(&ring, &add);
    qfabric_ring_kick(&ring);
    qfabric_ring_wait(&ring, 1);
    ok = reg(ep, QFEP_REG_STATUS, 0, why);
    ok &= qfabric_expect(ep->fn, "counter", 2, counter(b), why);
    ok &= qfabric_expect(ep->fn, "descriptor 1", WORD_DONE,
                         qfabric_ring_get(&ring, 1).word, why);
    return ok;
}

static void test_ring_error(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_SWITCH];
    FlowNode *fn = b->fn[PLACE_SWITCH];
    FlowNode *ds0 = flow_port(b, "ds0"), *rp1 = flow_port(b, "rp1");

    ring_fails(b, ep, HOLE_PCI64, true, "ring in a hole");
    ring_works(b, ep, RAM_RING, "after a ring in a hole");
    flow_set_command(ds0, PCI_COMMAND_MASTER, 0);
    ring_fails(b, ep, RAM_RING, false, "ds0 without BME");
    flow_set_command(ds0, 0, PCI_COMMAND_MASTER);
    flow_set_command(rp1, PCI_COMMAND_MASTER, 0);
    ring_fails(b, ep, RAM_RING, false, "rp1 without BME");
    flow_set_command(rp1, 0, PCI_COMMAND_MASTER);
    flow_set_command(fn, PCI_COMMAND_MASTER, 0);
    ring_fails(b, ep, RAM_RING, false, "function without BME");
    flow_set_command(fn, 0, PCI_COMMAND_MASTER);
    ring_works(b, ep, RAM_RING, "BME again");
    finish(b, ep);
}

/* A ring in the memory of a peer obeys ACS like any request */
static void test_ring_in_peer(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_SWITCH];
    FlowNode *ds0 = flow_port(b, "ds0");
    uint64_t ring = b->fn[PLACE_SWITCH_PEER]->fn->bar[QFEP_BAR_MEM].addr +
                    MEM_TARGET;

    ring_works(b, ep, ring, "ring in the neighbour's memory");
    flow_set_acs(ds0, PCI_ACS_EC, ~0u);
    ring_fails(b, ep, ring, true, "ACS egress control");
    flow_set_acs(ds0, PCI_ACS_RR | PCI_ACS_UF, 0);
    ring_works(b, ep, ring, "redirected, and back down");
    flow_set_acs(ds0, 0, 0);
    ring_works(b, ep, ring, "direct again");
    finish(b, ep);
}

/* The ring's reads and writes are no AtomicOps: routing bits do not matter */
static void test_ring_ignores_atomic_gates(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_SWITCH];
    FlowNode *fn = b->fn[PLACE_SWITCH];
    QFabricReq add = add_one();
    QFabricRing ring;
    QFabricRes res;

    flow_set_devctl2(flow_port(b, "us0"), 0,
                     PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK);
    qfabric_ring_start(&ring, ep, RAM_RING, 2);
    qfabric_ring_push(&ring, &add);
    qfabric_ring_kick(&ring);
    qfabric_ring_wait(&ring, 1);
    res = qfabric_ring_get(&ring, 0);
    reg(ep, QFEP_REG_STATUS, 0, "no RING_ERROR");
    qfabric_expect(ep->fn, "status", QFEP_UR, res.status, "egress blocked");
    qfabric_expect(ep->fn, "reason", QFEP_R_EGRESS_BLOCKED, res.reason, REF);
    flow_set_devctl2(fn, PCI_EXP_DEVCTL2_ATOMIC_REQ, 0);
    qfabric_ring_push(&ring, &add);
    qfabric_ring_kick(&ring);
    qfabric_ring_wait(&ring, 1);
    res = qfabric_ring_get(&ring, 1);
    qfabric_expect(ep->fn, "outcome", QFEP_NOT_ISSUED, res.outcome, REF);
    qfabric_expect(ep->fn, "reason", QFEP_R_NO_REQ_EN, res.reason, REF);
    finish(b, ep);
}

/* Resets in the middle */

typedef enum ResetKind {
    RESET_ENGINE,
    RESET_FLR,
    RESET_HOT_PARENT,
    RESET_HOT_UPSTREAM,
    RESET_HOT_ROOT,
    RESET_COLD,
} ResetKind;

typedef struct ResetCase {
    const char *name;
    ResetKind kind;
    bool ring;
} ResetCase;

#define RESETS(n, k) { n "/doorbell", k, false }, { n "/ring", k, true }
static const ResetCase reset_cases[] = {
    RESETS("engine-reset", RESET_ENGINE),
    RESETS("flr", RESET_FLR),
    RESETS("hot-by-its-port", RESET_HOT_PARENT),
    RESETS("hot-by-upper-switch", RESET_HOT_UPSTREAM),
    RESETS("hot-by-root-port", RESET_HOT_ROOT),
    RESETS("cold", RESET_COLD),
};

/* A request that waits; with the ring, another is ready behind it */
static void wait_in_the_middle(FlowBench *b, QFabricEp *ep,
                               QFabricRing *ring, bool use_ring)
{
    QFabricReq never = never_completed(), add = add_one();

    qfabric_ep_arm(ep, RAM_EP_MSG);
    qtest_writeq(b->qts, COUNTER, 0);
    if (use_ring) {
        never.irq = add.irq = true;
        qfabric_ring_start(ring, ep, RAM_RING, 2);
        qfabric_ring_push(ring, &never);
        qfabric_ring_push(ring, &add);
        qfabric_ring_kick(ring);
    } else {
        qfabric_ep_issue(ep, &never);
    }
    qtest_clock_step(b->qts, ep->timeout_us * NS_PER_US / 2);
    reg(ep, QFEP_REG_STATUS, QFEP_STATUS_BUSY, "in the middle");
    pending(ep, true, "in the middle");
}

static void make_reset(FlowBench *b, QFabricEp *ep, ResetKind kind)
{
    QFabricFn *port = ep->fn->parent;

    switch (kind) {
    case RESET_ENGINE:
        qfabric_ep_writel(ep, QFEP_REG_CTRL, QFEP_CTRL_ENGINE_RESET);
        break;
    case RESET_FLR:
        qfabric_flr(ep->fn);
        break;
    case RESET_HOT_PARENT:
        qfabric_secondary_bus_reset(port);
        break;
    case RESET_HOT_UPSTREAM:
        while (port->parent->type != PCI_EXP_TYPE_ROOT_PORT) {
            port = port->parent;
        }
        qfabric_secondary_bus_reset(port);
        break;
    case RESET_HOT_ROOT:
        while (port->parent) {
            port = port->parent;
        }
        qfabric_secondary_bus_reset(port);
        break;
    case RESET_COLD:
        qfabric_cold_reset(b->fab);
        break;
    }
}

/* The guest's memory is as it was, now and after the time-out */
static void check_nothing_came(FlowBench *b, QFabricFn *fn, const char *why)
{
    unsigned i;

    qfabric_expect(fn, "counter", 0, counter(b), why);
    for (i = 0; i < 2; i++) {
        qfabric_expect(fn, "message", 0,
                       qfabric_msg_take(b->fab, RAM_EP_MSG + 4 * i), why);
        qfabric_expect(fn, "result word", 0,
                       qtest_readl(b->qts, RAM_RING + i * QFEP_DESC_SIZE +
                                   QFEP_DESC_RESULT), why);
    }
}

static void test_reset(const void *data)
{
    const ResetCase *rc = data;
    FlowBench *b = flow_bench(&flow_full);
    QFabricEp *ep = b->ep[PLACE_DEEP];
    QFabricFn *fn = ep->fn;
    QFabricReq add = add_one();
    QFabricRing ring;

    qfabric_ep_set_timeout(ep, 1000);
    qtest_memset(b->qts, RAM_RING, 0, 4 * QFEP_DESC_SIZE);
    wait_in_the_middle(b, ep, &ring, rc->ring);
    make_reset(b, ep, rc->kind);
    if (rc->kind >= RESET_HOT_PARENT) {
        qfabric_scan(b->fab, NULL);
    }
    pending(ep, false, "right after the reset");
    check_nothing_came(b, fn, "right after the reset");
    qtest_clock_step(b->qts, 10 * 1000 * NS_PER_US);
    check_nothing_came(b, fn, "long after the reset");
    pending(ep, false, "long after the reset");
    qfabric_expect(fn, "Completion Timeout", 0,
                   qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR,
                                     PCI_ERR_UNCOR_STATUS) &
                   PCI_ERR_UNC_COMP_TIME, "abandoned, so not logged");
    flow_bench_reprogram(b);
    ep = b->ep[PLACE_DEEP];
    /* attach() has set the time-out for the tests: back to the reset value */
    reg(ep, QFEP_REG_INT_STATUS, 0, "after the reset");
    reg(ep, QFEP_REG_INT_ENABLE, 0, "after the reset");
    reg(ep, QFEP_REG_CTRL, 0, "after the reset");
    reg(ep, QFEP_REG_STATUS, 0, "after the reset");
    reg(ep, QFEP_REG_RING_HEAD, 0, "after the reset");
    reg(ep, QFEP_REG_RING_TAIL, 0, "after the reset");
    reg(ep, QFEP_REG_RING_BASE, 0, "after the reset");
    reg(ep, QFEP_REG_RES_STATUS, 0, "after the reset");
    qfabric_ep_do(ep, &add);
    qfabric_expect(fn, "counter", 1, counter(b), "works after the reset");
    flow_bench_quit();
}

/* Snapshot and migration in the middle */

#define LONG_TIMEOUT_US         1000
/* 1: done, 2: times out, 3: done, 4: times out, 5: read, 6: done with IRQ */
#define MIDDLE_DESCS            6

static void start_middle(FlowBench *b, QFabricEp *ep, QFabricRing *ring)
{
    QFabricReq add = add_one(), never = never_completed();
    QFabricReq rd = qfabric_read_req(COUNTER, 8, 0x200);

    qfabric_ep_set_timeout(ep, LONG_TIMEOUT_US);
    qfabric_ep_arm(ep, RAM_EP_MSG);
    qtest_writeq(b->qts, COUNTER, 40);
    qtest_writeq(b->qts, ep->fn->bar[QFEP_BAR_MEM].addr + 0x200, 0);
    qfabric_ring_start(ring, ep, RAM_RING, 3);
    qfabric_ring_push(ring, &add);
    qfabric_ring_push(ring, &never);
    qfabric_ring_push(ring, &add);
    qfabric_ring_push(ring, &never);
    qfabric_ring_push(ring, &rd);
    add.irq = true;
    qfabric_ring_push(ring, &add);
    qfabric_ring_kick(ring);
    qtest_clock_step(b->qts, LONG_TIMEOUT_US * NS_PER_US / 2);
}

static void check_middle(FlowBench *b, QFabricEp *ep, QFabricRing *ring,
                         const char *why)
{
    reg(ep, QFEP_REG_STATUS, QFEP_STATUS_BUSY, why);
    reg(ep, QFEP_REG_CTRL, QFEP_CTRL_RING_EN, why);
    reg(ep, QFEP_REG_TIMEOUT_US, LONG_TIMEOUT_US, why);
    reg(ep, QFEP_REG_RING_BASE, ring->base, why);
    reg(ep, QFEP_REG_RING_ORDER, ring->order, why);
    reg(ep, QFEP_REG_RING_TAIL, MIDDLE_DESCS, why);
    reg(ep, QFEP_REG_INT_ENABLE, 3, why);
    pending(ep, true, why);
    qfabric_expect(ep->fn, "counter", 41, counter(b), why);
    qfabric_expect(ep->fn, "descriptor 0", WORD_DONE,
                   qfabric_ring_get(ring, 0).word, why);
    qfabric_expect(ep->fn, "descriptor 1", 0,
                   qfabric_ring_get(ring, 1).word, why);
}

static void check_end(FlowBench *b, QFabricEp *ep, QFabricRing *ring,
                      const char *why)
{
    static const uint32_t words[MIDDLE_DESCS] = {
        WORD_DONE, WORD_TIMEOUT, WORD_DONE, WORD_TIMEOUT, WORD_DONE,
        WORD_DONE,
    };
    unsigned i;

    qfabric_ring_wait(ring, 4);
    for (i = 0; i < MIDDLE_DESCS; i++) {
        g_autofree char *what = g_strdup_printf("descriptor %u", i);

        qfabric_expect(ep->fn, what, words[i],
                       qfabric_ring_get(ring, i).word, why);
    }
    qfabric_expect(ep->fn, "counter", 43, counter(b), why);
    qfabric_expect(ep->fn, "what the read left", 42,
                   qtest_readq(b->qts, ep->fn->bar[QFEP_BAR_MEM].addr +
                               0x200), why);
    reg(ep, QFEP_REG_RING_HEAD, MIDDLE_DESCS, why);
    reg(ep, QFEP_REG_INT_STATUS, QFEP_INT_COMPLETE, why);
    qfabric_expect(ep->fn, "vector 0", 1,
                   qfabric_ep_took_complete(ep, RAM_EP_MSG), why);
    pending(ep, false, why);
    qfabric_expect(ep->fn, "Completion Timeout", PCI_ERR_UNC_COMP_TIME,
                   qfabric_ext_readl(ep->fn, PCI_EXT_CAP_ID_ERR,
                                     PCI_ERR_UNCOR_STATUS) &
                   PCI_ERR_UNC_COMP_TIME, why);
}

static void test_snapshot(void)
{
    g_autofree char *drive = NULL;
    QFabricFiles f;
    QFabricRing ring;
    FlowBench *b;
    QFabricEp *ep;

    if (!have_qemu_img()) {
        g_test_skip("QTEST_QEMU_IMG is not set");
        return;
    }
    flow_bench_quit();
    qfabric_files_open(&f);
    drive = qfabric_files_drive(&f);
    b = flow_bench_new(&flow_full, drive);
    ep = b->ep[PLACE_DEEP];
    start_middle(b, ep, &ring);
    check_middle(b, ep, &ring, "before savevm");
    if (qfabric_hmp_quiet(b->qts, "savevm middle")) {
        check_middle(b, ep, &ring, "after savevm");
        check_end(b, ep, &ring, "the original");
        qfabric_ep_writel(ep, QFEP_REG_CTRL, QFEP_CTRL_ENGINE_RESET);
        qtest_memset(b->qts, RAM_RING, 0, 8 * QFEP_DESC_SIZE);
        if (qfabric_hmp_quiet(b->qts, "loadvm middle")) {
            check_end(b, ep, &ring, "loaded");
        }
    }
    flow_bench_free(b);
    qfabric_files_close(&f);
}

/* The destination's clock starts anew, so its time-out may come late */
static void test_migration(const void *data)
{
    bool use_ring = GPOINTER_TO_UINT(data);
    g_autofree char *uri = NULL, *devices = NULL, *args = NULL;
    QFabricFiles f;
    QFabricRing ring;
    QTestState *to, *from;
    QFabricReq never = never_completed();
    QFabricEp *ep;
    FlowBench *b;

    flow_bench_quit();
    qfabric_files_open(&f);
    uri = g_strdup_printf("file:%s", f.stream);
    b = flow_bench_new(&flow_full, NULL);
    ep = b->ep[PLACE_DEEP];
    devices = flow_bench_devices(&flow_full);
    args = g_strconcat(devices, " -incoming defer", NULL);
    to = qfabric_boot(args);
    if (use_ring) {
        start_middle(b, ep, &ring);
    } else {
        qfabric_ep_set_timeout(ep, LONG_TIMEOUT_US);
        qfabric_ep_arm(ep, RAM_EP_MSG);
        qfabric_ep_issue(ep, &never);
    }
    qfabric_migrate_out(b->qts, uri);
    g_assert_true(qfabric_migrate_in(to, uri));
    /* The same functions, seen in the other process */
    from = b->qts;
    b->qts = b->fab->qts = to;
    ep->qts = to;
    if (use_ring) {
        check_middle(b, ep, &ring, "right after migration");
        check_end(b, ep, &ring, "migrated");
    } else {
        reg(ep, QFEP_REG_STATUS, QFEP_STATUS_BUSY, "right after migration");
        pending(ep, true, "right after migration");
        qfabric_ep_wait(ep);
        qfabric_expect(ep->fn, "outcome", QFEP_TIMEOUT,
                       qfabric_ep_result(ep).outcome, "migrated");
        qfabric_expect(ep->fn, "vector 0", 1,
                       qfabric_ep_took_complete(ep, RAM_EP_MSG), "migrated");
    }
    flow_bench_free(b);
    qtest_quit(from);
    qfabric_files_close(&f);
}

#define ADD(name, fn)           qtest_add_func("/pcie-fabric/ring/" name, fn)

static void add_data(const char *fmt, unsigned n, GTestDataFunc fn)
{
    g_autofree char *path = g_strdup_printf(fmt, n);

    qtest_add_data_func(path, GUINT_TO_POINTER(n), fn);
}

int main(int argc, char **argv)
{
    static const unsigned timeouts[] = { 1, 10, 50000, 1000000 };
    unsigned i;
    int ret;

    g_test_init(&argc, &argv, NULL);
    ADD("registers/reset-and-access", test_registers);
    ADD("registers/8-byte-access", test_wide_access);
    ADD("registers/timeout-range", test_timeout_range);
    for (i = 0; i < G_N_ELEMENTS(timeouts); i++) {
        add_data("/pcie-fabric/ring/timeout/%u-us", timeouts[i],
                 test_timeout_length);
    }
    ADD("doorbell/ignored-while-busy", test_doorbell_busy);
    ADD("interrupt/doorbell", test_interrupts);
    ADD("interrupt/needs-bme", test_interrupt_without_bme);
    for (i = QFEP_ORDER_MIN; i <= QFEP_ORDER_MAX; i++) {
        add_data("/pcie-fabric/ring/wrap/order-%u", i, test_order);
    }
    ADD("bad-order", test_bad_order);
    ADD("base-alignment", test_base_alignment);
    ADD("enable", test_ring_enable);
    ADD("descriptor-bytes", test_descriptor);
    ADD("outcomes", test_ring_outcomes);
    ADD("one-at-a-time", test_ring_order_of_requests);
    ADD("doorbell-while-ring-is-busy", test_ring_and_doorbell);
    ADD("error/fetch", test_ring_error);
    ADD("in-peer-memory", test_ring_in_peer);
    ADD("atomic-gates-do-not-stop-it", test_ring_ignores_atomic_gates);
    for (i = 0; i < G_N_ELEMENTS(reset_cases); i++) {
        g_autofree char *path = g_strdup_printf(
            "/pcie-fabric/ring/reset/%s", reset_cases[i].name);

        qtest_add_data_func(path, &reset_cases[i], test_reset);
    }
    ADD("snapshot-in-the-middle", test_snapshot);
    qtest_add_data_func("/pcie-fabric/ring/migration/doorbell",
                        GUINT_TO_POINTER(false), test_migration);
    qtest_add_data_func("/pcie-fabric/ring/migration/ring",
                        GUINT_TO_POINTER(true), test_migration);
    ret = g_test_run();
    flow_bench_quit();
    return ret;
}
