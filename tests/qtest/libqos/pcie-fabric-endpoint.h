/*
 * Driver of pcie-fabric-endpoint, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: docs/specs/pcie-fabric-endpoint.rst.
 *
 *     QFabricEp *ep = qfabric_ep_new(fn);
 *     QFabricReq req = qfabric_atomic(QFEP_FETCH_ADD, 8, addr, 1, 0);
 *     QFabricRes res = qfabric_ep_do(ep, &req);
 *     g_assert_cmpuint(res.outcome, ==, QFEP_DONE);
 *
 * No CPU runs in a qtest and no wall clock is used: time-outs pass because
 * the virtual clock is stepped, by a bounded amount.
 */
#ifndef RIG_LIBQOS_PCIE_FABRIC_ENDPOINT_H
#define RIG_LIBQOS_PCIE_FABRIC_ENDPOINT_H

#include "pcie-fabric.h"

/* Register file, BAR 0 */
#define QFEP_REG_ID             0x000
#define QFEP_REG_VERSION        0x004
#define QFEP_REG_FEATURES       0x008
#define QFEP_REG_MEM_SIZE       0x010
#define QFEP_REG_CTRL           0x020
#define QFEP_REG_STATUS         0x024
#define QFEP_REG_INT_STATUS     0x028
#define QFEP_REG_INT_ENABLE     0x02c
#define QFEP_REG_TIMEOUT_US     0x030
#define QFEP_REG_REQ_OP         0x040
#define QFEP_REG_REQ_LEN        0x044
#define QFEP_REG_REQ_ADDR       0x048
#define QFEP_REG_REQ_OPERAND0   0x050
#define QFEP_REG_REQ_OPERAND1   0x060
#define QFEP_REG_REQ_LOCAL      0x070
#define QFEP_REG_DOORBELL       0x078
#define QFEP_REG_RES_STATUS     0x080
#define QFEP_REG_RES_WHERE      0x084
#define QFEP_REG_RES_DATA       0x090
#define QFEP_REG_RING_BASE      0x100
#define QFEP_REG_RING_ORDER     0x108
#define QFEP_REG_RING_HEAD      0x10c
#define QFEP_REG_RING_TAIL      0x110

#define QFEP_ID                 0x50454752
#define QFEP_VERSION            1
#define QFEP_CTRL_RING_EN       (1u << 0)
#define QFEP_CTRL_ENGINE_RESET  (1u << 1)
#define QFEP_STATUS_BUSY        (1u << 0)
#define QFEP_STATUS_RING_ERROR  (1u << 1)
#define QFEP_INT_COMPLETE       (1u << 0)
#define QFEP_INT_ERROR          (1u << 1)
#define QFEP_VECTOR_COMPLETE    0
#define QFEP_VECTOR_ERROR       1
#define QFEP_TIMEOUT_RESET      50000
#define QFEP_TIMEOUT_MAX        1000000
#define QFEP_ORDER_MIN          1
#define QFEP_ORDER_MAX          16
#define QFEP_LEN_MAX            4096

/* Descriptor */
#define QFEP_DESC_SIZE          64
#define QFEP_DESC_LEN           4
#define QFEP_DESC_ADDR          8
#define QFEP_DESC_OPERAND0      16
#define QFEP_DESC_OPERAND1      32
#define QFEP_DESC_LOCAL         48
#define QFEP_DESC_RESULT        52
#define QFEP_DESC_WHERE         56
#define QFEP_RESULT_COMPLETE    (1u << 31)

/* BARs */
#define QFEP_BAR_REGS           0
#define QFEP_BAR_MEM            2
#define QFEP_BAR_MSIX           4

typedef enum QFabricOp {
    QFEP_READ,
    QFEP_WRITE,
    QFEP_FETCH_ADD,
    QFEP_SWAP,
    QFEP_CAS,
} QFabricOp;

typedef enum QFabricOutcome {
    QFEP_NONE_YET,
    QFEP_DONE,
    QFEP_TIMEOUT,
    QFEP_NOT_ISSUED,
} QFabricOutcome;

/* Completion Status, sec 2.2.9.1 */
typedef enum QFabricCpl {
    QFEP_SC = 0,
    QFEP_UR = 1,
    QFEP_CA = 4,
} QFabricCpl;

typedef enum QFabricReason {
    QFEP_R_NONE,
    QFEP_R_NO_BME,
    QFEP_R_NO_REQ_EN,
    QFEP_R_BAD_REQUEST,
    QFEP_R_POWER_STATE,
    QFEP_R_EGRESS_BLOCKED,
    QFEP_R_NO_ROUTING,
    QFEP_R_ACS_VIOLATION,
    QFEP_R_NO_TARGET,
    QFEP_R_LINK_DOWN,
    QFEP_R_UNSUPPORTED,
    QFEP_R_NOT_ATOMIC,
    QFEP_R_MALFORMED,
    QFEP_R_POISONED,
    QFEP_R_IOMMU_FAULT,
    QFEP_R_BAD_LOCAL,
    QFEP_R_RULE,
    QFEP_R_MAX,
} QFabricReason;

/* AT field, sec 2.2.4.1 */
#define QFEP_AT_UNTRANSLATED    0
#define QFEP_AT_TRANSLATED      2

typedef struct QFabric128 {
    uint64_t lo, hi;
} QFabric128;

typedef struct QFabricReq {
    QFabricOp op;
    unsigned size;              /* AtomicOp: bytes of one operand */
    uint32_t len;               /* bytes; AtomicOp: Length in DW, or 0 */
    uint64_t addr;
    QFabric128 operand[2];
    uint32_t local;
    unsigned at;
    bool poisoned, relaxed;
    bool irq;
    uint32_t extra;             /* bits to be changed in the request word */
} QFabricReq;

typedef struct QFabricRes {
    QFabricOutcome outcome;
    QFabricCpl status;
    QFabricReason reason;
    uint16_t where;
    bool complete;              /* descriptors only */
    uint32_t word;
    QFabric128 data;            /* of a request that was completed */
} QFabricRes;

typedef struct QFabricEp {
    QFabricFn *fn;
    QTestState *qts;
    uint32_t timeout_us;
} QFabricEp;

/* The function must have MSE; the time-out is the one of the register */
QFabricEp *qfabric_ep_new(QFabricFn *fn);
void qfabric_ep_free(QFabricEp *ep);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QFabricEp, qfabric_ep_free)

uint32_t qfabric_ep_readl(QFabricEp *ep, unsigned reg);
uint64_t qfabric_ep_readq(QFabricEp *ep, unsigned reg);
void qfabric_ep_writel(QFabricEp *ep, unsigned reg, uint32_t val);
void qfabric_ep_writeq(QFabricEp *ep, unsigned reg, uint64_t val);
void qfabric_ep_set_timeout(QFabricEp *ep, uint32_t us);

/* Requests */
QFabricReq qfabric_atomic(QFabricOp op, unsigned size, uint64_t addr,
                          uint64_t operand0, uint64_t operand1);
QFabricReq qfabric_read_req(uint64_t addr, uint32_t len, uint32_t local);
QFabricReq qfabric_write_req(uint64_t addr, uint32_t len, uint32_t local);
uint32_t qfabric_req_word(const QFabricReq *req);
bool qfabric_req_is_atomic(const QFabricReq *req);
char *qfabric_req_str(const QFabricReq *req);
char *qfabric_res_str(const QFabricRes *res);
const char *qfabric_reason_name(QFabricReason reason);

/*
 * One request through the doorbell.  issue() returns with the request under
 * way; wait() steps the clock until it ended, fails the test when it does not
 * end shortly after its time-out, and returns whether it took any time.
 */
void qfabric_ep_issue(QFabricEp *ep, const QFabricReq *req);
bool qfabric_ep_wait(QFabricEp *ep);
bool qfabric_ep_busy(QFabricEp *ep);
QFabricRes qfabric_ep_result(QFabricEp *ep);
QFabricRes qfabric_ep_do(QFabricEp *ep, const QFabricReq *req);

/* The ring */
typedef struct QFabricRing {
    QFabricEp *ep;
    uint64_t base;
    unsigned order;
    uint32_t tail;
} QFabricRing;

/* Clear the descriptors, program base and order, set RING_EN */
void qfabric_ring_start(QFabricRing *ring, QFabricEp *ep, uint64_t base,
                        unsigned order);
uint64_t qfabric_ring_desc(const QFabricRing *ring, uint32_t index);
/* Write a descriptor at the tail; kick() shows all of them to the device */
void qfabric_ring_push(QFabricRing *ring, const QFabricReq *req);
void qfabric_ring_kick(QFabricRing *ring);
QFabricRes qfabric_ring_get(const QFabricRing *ring, uint32_t index);
/* As qfabric_ep_wait(), for so many time-outs in a row */
void qfabric_ring_wait(QFabricRing *ring, unsigned timeouts);

/*
 * Interrupts into guest RAM: both vectors and INT_ENABLE.  A message leaves
 * its datum at the address; take it with qfabric_msg_take().
 */
#define QFEP_MSG_COMPLETE       0xc0de0000u
#define QFEP_MSG_ERROR          0xc0de0001u
void qfabric_ep_arm(QFabricEp *ep, uint64_t addr);
bool qfabric_ep_took_complete(QFabricEp *ep, uint64_t addr);
bool qfabric_ep_took_error(QFabricEp *ep, uint64_t addr);

/* What an AtomicOp leaves behind, sec 6.15: operands of so many bytes */
QFabric128 qfabric_atomic_result(QFabricOp op, unsigned size,
                                 QFabric128 old, const QFabric128 operand[2]);
QFabric128 qfabric_128_load(const uint8_t *bytes, unsigned size);
void qfabric_128_store(QFabric128 val, uint8_t *bytes, unsigned size);
bool qfabric_128_equal(QFabric128 a, QFabric128 b);

#endif
