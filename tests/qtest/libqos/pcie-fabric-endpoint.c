/*
 * Driver of pcie-fabric-endpoint, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: docs/specs/pcie-fabric-endpoint.rst.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "pcie-fabric-endpoint.h"

#define NS_PER_US               1000LL
#define REQ_REGS_SIZE           (QFEP_REG_REQ_LOCAL + 4 - QFEP_REG_REQ_OP)

/* Request word */
#define WORD_SIZE_SHIFT         4
#define WORD_POISONED           (1u << 8)
#define WORD_RELAXED            (1u << 9)
#define WORD_AT_SHIFT           10
#define WORD_IRQ                (1u << 12)

/* Result word and RES_WHERE */
#define RESULT_STATUS_MASK      7u
#define RESULT_OUTCOME_SHIFT    4
#define RESULT_OUTCOME_MASK     0xfu
#define WHERE_REASON_SHIFT      16

static uint64_t reg_addr(const QFabricEp *ep, unsigned reg)
{
    g_assert_cmphex(ep->fn->bar[QFEP_BAR_REGS].addr, !=, 0);
    return ep->fn->bar[QFEP_BAR_REGS].addr + reg;
}

/* memread and memwrite: the registers are little-endian on every host */

uint32_t qfabric_ep_readl(QFabricEp *ep, unsigned reg)
{
    uint32_t val;

    qtest_memread(ep->qts, reg_addr(ep, reg), &val, sizeof(val));
    return le32_to_cpu(val);
}

uint64_t qfabric_ep_readq(QFabricEp *ep, unsigned reg)
{
    uint64_t val;

    qtest_memread(ep->qts, reg_addr(ep, reg), &val, sizeof(val));
    return le64_to_cpu(val);
}

void qfabric_ep_writel(QFabricEp *ep, unsigned reg, uint32_t val)
{
    val = cpu_to_le32(val);
    qtest_memwrite(ep->qts, reg_addr(ep, reg), &val, sizeof(val));
}

void qfabric_ep_writeq(QFabricEp *ep, unsigned reg, uint64_t val)
{
    val = cpu_to_le64(val);
    qtest_memwrite(ep->qts, reg_addr(ep, reg), &val, sizeof(val));
}

void qfabric_ep_set_timeout(QFabricEp *ep, uint32_t us)
{
    qfabric_ep_writel(ep, QFEP_REG_TIMEOUT_US, us);
    ep->timeout_us = us;
}

QFabricEp *qfabric_ep_new(QFabricFn *fn)
{
    QFabricEp *ep = g_new0(QFabricEp, 1);

    g_assert_nonnull(fn);
    ep->fn = fn;
    ep->qts = fn->fab->qts;
    ep->timeout_us = qfabric_ep_readl(ep, QFEP_REG_TIMEOUT_US);
    return ep;
}

void qfabric_ep_free(QFabricEp *ep)
{
    g_free(ep);
}

/* Requests */

QFabricReq qfabric_atomic(QFabricOp op, unsigned size, uint64_t addr,
                          uint64_t operand0, uint64_t operand1)
{
    return (QFabricReq) {
        .op = op,
        .size = size,
        .addr = addr,
        .operand = { { .lo = operand0 }, { .lo = operand1 } },
    };
}

QFabricReq qfabric_read_req(uint64_t addr, uint32_t len, uint32_t local)
{
    return (QFabricReq) {
        .op = QFEP_READ, .addr = addr, .len = len, .local = local,
    };
}

QFabricReq qfabric_write_req(uint64_t addr, uint32_t len, uint32_t local)
{
    return (QFabricReq) {
        .op = QFEP_WRITE, .addr = addr, .len = len, .local = local,
    };
}

bool qfabric_req_is_atomic(const QFabricReq *req)
{
    return req->op >= QFEP_FETCH_ADD;
}

uint32_t qfabric_req_word(const QFabricReq *req)
{
    uint32_t word = req->op;

    if (qfabric_req_is_atomic(req)) {
        word |= ctz32(req->size) << WORD_SIZE_SHIFT;
    }
    word |= req->poisoned ? WORD_POISONED : 0;
    word |= req->relaxed ? WORD_RELAXED : 0;
    word |= req->at << WORD_AT_SHIFT;
    word |= req->irq ? WORD_IRQ : 0;
    return word ^ req->extra;
}

static const char *const op_names[] = {
    [QFEP_READ] = "read",
    [QFEP_WRITE] = "write",
    [QFEP_FETCH_ADD] = "FetchAdd",
    [QFEP_SWAP] = "Swap",
    [QFEP_CAS] = "CAS",
};

static const char *const outcome_names[] = {
    [QFEP_NONE_YET] = "none yet",
    [QFEP_DONE] = "DONE",
    [QFEP_TIMEOUT] = "TIMEOUT",
    [QFEP_NOT_ISSUED] = "NOT_ISSUED",
};

static const char *const reason_names[QFEP_R_MAX] = {
    [QFEP_R_NONE] = "NONE",
    [QFEP_R_NO_BME] = "NO_BME",
    [QFEP_R_NO_REQ_EN] = "NO_REQ_EN",
    [QFEP_R_BAD_REQUEST] = "BAD_REQUEST",
    [QFEP_R_POWER_STATE] = "POWER_STATE",
    [QFEP_R_EGRESS_BLOCKED] = "EGRESS_BLOCKED",
    [QFEP_R_NO_ROUTING] = "NO_ROUTING",
    [QFEP_R_ACS_VIOLATION] = "ACS_VIOLATION",
    [QFEP_R_NO_TARGET] = "NO_TARGET",
    [QFEP_R_LINK_DOWN] = "LINK_DOWN",
    [QFEP_R_UNSUPPORTED] = "UNSUPPORTED",
    [QFEP_R_NOT_ATOMIC] = "NOT_ATOMIC",
    [QFEP_R_MALFORMED] = "MALFORMED",
    [QFEP_R_POISONED] = "POISONED",
    [QFEP_R_IOMMU_FAULT] = "IOMMU_FAULT",
    [QFEP_R_BAD_LOCAL] = "BAD_LOCAL",
    [QFEP_R_RULE] = "RULE",
};

const char *qfabric_reason_name(QFabricReason reason)
{
    return reason < QFEP_R_MAX ? reason_names[reason] : "?";
}

char *qfabric_req_str(const QFabricReq *req)
{
    GString *s = g_string_new(req->op < G_N_ELEMENTS(op_names) ?
                              op_names[req->op] : "?");

    if (qfabric_req_is_atomic(req)) {
        g_string_append_printf(s, "%u", req->size * 8);
    }
    g_string_append_printf(s, " @0x%" PRIx64, req->addr);
    if (req->len) {
        g_string_append_printf(s, " len %u", req->len);
    }
    g_string_append_printf(s, "%s%s", req->poisoned ? " poisoned" : "",
                           req->relaxed ? " RO" : "");
    if (req->at) {
        g_string_append_printf(s, " AT %u", req->at);
    }
    return g_string_free(s, false);
}

char *qfabric_res_str(const QFabricRes *res)
{
    const char *outcome = res->outcome < G_N_ELEMENTS(outcome_names) ?
                          outcome_names[res->outcome] : "?";
    const char *cpl = "-";

    if (res->outcome == QFEP_DONE) {
        cpl = res->status == QFEP_SC ? "SC" : res->status == QFEP_UR ? "UR" :
              res->status == QFEP_CA ? "CA" : "?";
    }
    return g_strdup_printf("%s/%s %s at %02x:%02x.%x", outcome, cpl,
                           qfabric_reason_name(res->reason),
                           res->where >> 8, (res->where >> 3) & 0x1f,
                           res->where & 7);
}

/* The doorbell */

void qfabric_ep_issue(QFabricEp *ep, const QFabricReq *req)
{
    uint8_t regs[REQ_REGS_SIZE] = { };

    stl_le_p(regs, qfabric_req_word(req));
    stl_le_p(regs + QFEP_REG_REQ_LEN - QFEP_REG_REQ_OP, req->len);
    stq_le_p(regs + QFEP_REG_REQ_ADDR - QFEP_REG_REQ_OP, req->addr);
    qfabric_128_store(req->operand[0],
                      regs + QFEP_REG_REQ_OPERAND0 - QFEP_REG_REQ_OP, 16);
    qfabric_128_store(req->operand[1],
                      regs + QFEP_REG_REQ_OPERAND1 - QFEP_REG_REQ_OP, 16);
    stl_le_p(regs + QFEP_REG_REQ_LOCAL - QFEP_REG_REQ_OP, req->local);
    qtest_memwrite(ep->qts, reg_addr(ep, QFEP_REG_REQ_OP), regs,
                   sizeof(regs));
    qfabric_ep_writel(ep, QFEP_REG_DOORBELL, 1);
}

bool qfabric_ep_busy(QFabricEp *ep)
{
    return qfabric_ep_readl(ep, QFEP_REG_STATUS) & QFEP_STATUS_BUSY;
}

/* sec 7.5.3.5: while a request waits for its completion */
static bool waits(QFabricEp *ep)
{
    return qfabric_cap_readw(ep->fn, PCI_CAP_ID_EXP, PCI_EXP_DEVSTA) &
           PCI_EXP_DEVSTA_TRPND;
}

/*
 * While it works, it does so in its own time, which is not to be seen here;
 * returns false when it is idle, true when it waits for a time-out.
 */
static bool work_ends(QFabricEp *ep)
{
    while (qfabric_ep_busy(ep)) {
        if (waits(ep)) {
            return true;
        }
    }
    return false;
}

/* Until idle; at most so many time-outs.  Returns whether time passed. */
static bool wait_idle(QFabricEp *ep, unsigned timeouts)
{
    unsigned i;

    if (!work_ends(ep)) {
        return false;
    }
    /* One more than timeouts: the clock may have started a little before */
    for (i = 0; i <= timeouts; i++) {
        qtest_clock_step(ep->qts, ep->timeout_us * NS_PER_US);
        if (!work_ends(ep)) {
            return true;
        }
    }
    g_error("%s: still BUSY after %u time-outs of %u us", ep->fn->name, i,
            ep->timeout_us);
}

bool qfabric_ep_wait(QFabricEp *ep)
{
    return wait_idle(ep, 1);
}

static void decode(QFabricRes *res, uint32_t word, uint32_t where)
{
    res->word = word;
    res->status = word & RESULT_STATUS_MASK;
    res->outcome = (word >> RESULT_OUTCOME_SHIFT) & RESULT_OUTCOME_MASK;
    res->complete = word & QFEP_RESULT_COMPLETE;
    res->where = where;
    res->reason = where >> WHERE_REASON_SHIFT;
}

QFabricRes qfabric_ep_result(QFabricEp *ep)
{
    uint64_t status = qfabric_ep_readq(ep, QFEP_REG_RES_STATUS);
    QFabricRes res = { };
    uint8_t data[16];

    decode(&res, status, status >> 32);
    if (res.outcome == QFEP_DONE && res.status == QFEP_SC) {
        qtest_memread(ep->qts, reg_addr(ep, QFEP_REG_RES_DATA), data,
                      sizeof(data));
        res.data = qfabric_128_load(data, sizeof(data));
    }
    return res;
}

QFabricRes qfabric_ep_do(QFabricEp *ep, const QFabricReq *req)
{
    qfabric_ep_issue(ep, req);
    qfabric_ep_wait(ep);
    return qfabric_ep_result(ep);
}

/* The ring */

void qfabric_ring_start(QFabricRing *ring, QFabricEp *ep, uint64_t base,
                        unsigned order)
{
    *ring = (QFabricRing) { .ep = ep, .base = base, .order = order };
    qfabric_ep_writel(ep, QFEP_REG_CTRL, 0);
    qtest_memset(ep->qts, base, 0, (size_t)QFEP_DESC_SIZE << order);
    qfabric_ep_writeq(ep, QFEP_REG_RING_BASE, base);
    qfabric_ep_writel(ep, QFEP_REG_RING_ORDER, order);
    qfabric_ep_writel(ep, QFEP_REG_CTRL, QFEP_CTRL_RING_EN);
}

uint64_t qfabric_ring_desc(const QFabricRing *ring, uint32_t index)
{
    return ring->base + (uint64_t)QFEP_DESC_SIZE *
           (index & ((1u << ring->order) - 1));
}

void qfabric_ring_push(QFabricRing *ring, const QFabricReq *req)
{
    uint8_t desc[QFEP_DESC_SIZE] = { };

    stl_le_p(desc, qfabric_req_word(req));
    stl_le_p(desc + QFEP_DESC_LEN, req->len);
    stq_le_p(desc + QFEP_DESC_ADDR, req->addr);
    qfabric_128_store(req->operand[0], desc + QFEP_DESC_OPERAND0, 16);
    qfabric_128_store(req->operand[1], desc + QFEP_DESC_OPERAND1, 16);
    stl_le_p(desc + QFEP_DESC_LOCAL, req->local);
    qtest_memwrite(ring->ep->qts, qfabric_ring_desc(ring, ring->tail), desc,
                   sizeof(desc));
    ring->tail = (ring->tail + 1) & ((1u << ring->order) - 1);
}

void qfabric_ring_kick(QFabricRing *ring)
{
    qfabric_ep_writel(ring->ep, QFEP_REG_RING_TAIL, ring->tail);
}

QFabricRes qfabric_ring_get(const QFabricRing *ring, uint32_t index)
{
    uint8_t desc[QFEP_DESC_SIZE];
    QFabricRes res = { };

    qtest_memread(ring->ep->qts, qfabric_ring_desc(ring, index), desc,
                  sizeof(desc));
    decode(&res, ldl_le_p(desc + QFEP_DESC_RESULT),
           ldl_le_p(desc + QFEP_DESC_WHERE));
    res.data = qfabric_128_load(desc + QFEP_DESC_OPERAND1, 16);
    return res;
}

void qfabric_ring_wait(QFabricRing *ring, unsigned timeouts)
{
    wait_idle(ring->ep, timeouts);
}

/* Interrupts */

void qfabric_ep_arm(QFabricEp *ep, uint64_t addr)
{
    qfabric_msix_arm(ep->fn, QFEP_VECTOR_COMPLETE, addr, QFEP_MSG_COMPLETE);
    qfabric_msix_arm(ep->fn, QFEP_VECTOR_ERROR, addr + 4, QFEP_MSG_ERROR);
    qfabric_ep_writel(ep, QFEP_REG_INT_ENABLE,
                      QFEP_INT_COMPLETE | QFEP_INT_ERROR);
}

bool qfabric_ep_took_complete(QFabricEp *ep, uint64_t addr)
{
    return qfabric_msg_take(ep->fn->fab, addr) == QFEP_MSG_COMPLETE;
}

bool qfabric_ep_took_error(QFabricEp *ep, uint64_t addr)
{
    return qfabric_msg_take(ep->fn->fab, addr + 4) == QFEP_MSG_ERROR;
}

/* Arithmetic, sec 6.15: two's complement, carry ignored, little-endian */

QFabric128 qfabric_128_load(const uint8_t *bytes, unsigned size)
{
    QFabric128 val = { };
    unsigned i;

    for (i = 0; i < size; i++) {
        if (i < 8) {
            val.lo |= (uint64_t)bytes[i] << (8 * i);
        } else {
            val.hi |= (uint64_t)bytes[i] << (8 * (i - 8));
        }
    }
    return val;
}

void qfabric_128_store(QFabric128 val, uint8_t *bytes, unsigned size)
{
    unsigned i;

    for (i = 0; i < size; i++) {
        bytes[i] = i < 8 ? val.lo >> (8 * i) : val.hi >> (8 * (i - 8));
    }
}

bool qfabric_128_equal(QFabric128 a, QFabric128 b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

static QFabric128 truncate_to(QFabric128 val, unsigned size)
{
    if (size < 16) {
        val.hi = 0;
    }
    if (size < 8) {
        val.lo &= UINT32_MAX;
    }
    return val;
}

QFabric128 qfabric_atomic_result(QFabricOp op, unsigned size,
                                 QFabric128 old, const QFabric128 operand[2])
{
    QFabric128 val = truncate_to(operand[0], size);

    old = truncate_to(old, size);
    switch (op) {
    case QFEP_FETCH_ADD:
        g_assert_cmpuint(size, <=, 8);
        val.lo += old.lo;
        return truncate_to(val, size);
    case QFEP_SWAP:
        return val;
    case QFEP_CAS:
        return qfabric_128_equal(old, val) ?
               truncate_to(operand[1], size) : old;
    default:
        g_assert_not_reached();
    }
}
