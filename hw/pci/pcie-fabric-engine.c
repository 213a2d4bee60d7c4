/*
 * PCIe fabric endpoint: the engine that issues requests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.15 (requester rules), 2.8
 * (completion timeout), 7.5.3.5 (Transactions Pending).
 *
 * Where the work is done. A doorbell is a vCPU's own instruction, so the first
 * requests run right there. What is left goes on in turns, a slice each
 * (pcie-fabric-turn.c). AtomicOps are host atomics, which is enough against
 * vCPUs that run in parallel (MTTCG, KVM). A single-threaded TCG compiles guest
 * atomics to plain loads and stores; there the slice runs as work on the vCPU
 * thread, between two translation blocks.
 */

#include "qemu/osdep.h"
#include "exec/translation-block.h"
#include "hw/core/cpu.h"
#include "hw/pci/msi.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-endpoint.h"
#include "hw/pci/pcie-fabric-engine.h"
#include "migration/vmstate.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "system/runstate.h"
#include "system/tcg.h"
#include "trace.h"

/* Requests at a doorbell, and in a slice of what is left after it */
#define DOORBELL_BUDGET 64
#define SLICE_BUDGET    1024
/* Accesses to devices in either, while others wait for the BQL */
#define IO_BUDGET       4
/* Host time of either: a doorbell's few requests do not depend on the host */
#define DOORBELL_NS     (INT64_MAX / 2)
#define SLICE_NS        SCALE_MS
/* A time-out that comes at a time when no work is done comes later. */
#define PUT_OFF_NS      SCALE_MS
/* Descriptors that are read at once */
#define PREFETCH        16

static void set_transactions_pending(PCIEFabricEngine *e, bool pending)
{
    uint8_t *devsta = e->dev->config + e->dev->exp.exp_cap + PCI_EXP_DEVSTA;

    pci_set_word(devsta, pending ?
                 pci_get_word(devsta) | PCI_EXP_DEVSTA_TRPND :
                 pci_get_word(devsta) & ~PCI_EXP_DEVSTA_TRPND);
}

/* A message is a write of the Function: the ports above must let it pass. */
static void send_message(PCIEFabricEngine *e, unsigned vector)
{
    MSIMessage msg;

    if (!msix_enabled(e->dev)) {
        return;
    }
    msg = msix_get_message(e->dev, vector);
    if (msix_is_masked(e->dev, vector) ||
        pcie_fabric_message(e->dev, msg.address, msg.data, &e->cache)) {
        msix_notify(e->dev, vector);
    }
    /* It may have written to a device, the SMMU for example. */
    pcie_fabric_device_accessed();
    pcie_fabric_begin_batch(&e->cache);
}

static void raise_interrupt(PCIEFabricEngine *e, unsigned source)
{
    uint32_t bit = 1u << source;

    bool send = !(e->int_status & bit) && (e->int_enable & bit);

    e->int_status |= bit;
    if (send) {
        /* Last, for it may reset the Function. */
        send_message(e, source);
    }
}

/* An enabled source that is pending already is sent now. */
static void enable_interrupts(PCIEFabricEngine *e, uint32_t val)
{
    uint32_t newly = val & ~e->int_enable & e->int_status;
    unsigned source;

    e->int_enable = val;
    for (source = 0; source < PCIE_FABRIC_EP_MSIX_VECTORS; source++) {
        if (newly & (1u << source)) {
            send_message(e, source);
        }
    }
}

/*
 * Requests
 */

static bool is_bad_length(const PCIEFabricRequest *r, PCIEFabricOp op)
{
    if (pcie_fabric_op_is_atomic(op)) {
        return r->len > EP_REQ_LENGTH_DW_MAX;
    }
    /* sec 2.2.7: no request crosses a 4 KiB boundary */
    return !r->len || r->len > EP_REQ_LEN_MAX ||
           (r->addr & 0xfff) + r->len > 0x1000;
}

static PCIEFabricReason check_request(PCIEFabricEngine *e,
                                      const PCIEFabricRequest *r)
{
    PCIEFabricOp op = FIELD_EX32(r->word, EP_REQ_OP, OP);
    unsigned size = FIELD_EX32(r->word, EP_REQ_OP, SIZE);
    uint8_t at = FIELD_EX32(r->word, EP_REQ_OP, AT);

    if (op >= PCIE_FABRIC_OP__MAX ||
        FIELD_EX32(r->word, EP_REQ_OP, RESERVED) || is_bad_length(r, op) ||
        (at != PCIE_FABRIC_AT_UNTRANSLATED &&
         at != PCIE_FABRIC_AT_TRANSLATED)) {
        return PCIE_FABRIC_REASON_BAD_REQUEST;
    }
    if (pcie_fabric_op_is_atomic(op)) {
        return size < 2 || size > 4 ? PCIE_FABRIC_REASON_BAD_REQUEST :
                                      PCIE_FABRIC_REASON_NONE;
    }
    if (!e->local || r->local > memory_region_size(e->local) ||
        r->len > memory_region_size(e->local) - r->local) {
        return PCIE_FABRIC_REASON_BAD_LOCAL;
    }
    return PCIE_FABRIC_REASON_NONE;
}

static void build_tlp(PCIEFabricEngine *e, const PCIEFabricRequest *r,
                      PCIEFabricTLP *tlp)
{
    PCIEFabricOp op = FIELD_EX32(r->word, EP_REQ_OP, OP);
    bool atomic = pcie_fabric_op_is_atomic(op);

    tlp->op = op;
    tlp->addr = r->addr;
    tlp->len = atomic ? 1u << FIELD_EX32(r->word, EP_REQ_OP, SIZE) : r->len;
    tlp->at = FIELD_EX32(r->word, EP_REQ_OP, AT);
    tlp->poisoned = FIELD_EX32(r->word, EP_REQ_OP, POISONED);
    tlp->relaxed = FIELD_EX32(r->word, EP_REQ_OP, RELAXED);
    tlp->last = 0;
    tlp->length_dw = atomic && r->len ? r->len :
                                        pcie_fabric_natural_length(tlp);
    if (atomic) {
        /* On the wire there is no operand size but what Length says. */
        if (pcie_fabric_length_is_architected(tlp)) {
            tlp->len = tlp->length_dw * 4 / (op == PCIE_FABRIC_OP_CAS ? 2 : 1);
        }
        tlp->buf = NULL;
        memcpy(tlp->operand, r->operand, sizeof(tlp->operand));
        memset(tlp->original, 0, sizeof(tlp->original));
    } else {
        tlp->buf = (uint8_t *)memory_region_get_ram_ptr(e->local) + r->local;
    }
}

static void set_result(PCIEFabricResult *res, const PCIEFabricVerdict *v)
{
    res->word = FIELD_DP32(0, EP_RES_STATUS, CPL_STATUS, v->status);
    res->word = FIELD_DP32(res->word, EP_RES_STATUS, OUTCOME, v->outcome);
    res->word = FIELD_DP32(res->word, EP_RES_STATUS, COMPLETE, 1);
    res->where = FIELD_DP32(0, EP_RES_WHERE, REASON, v->reason);
    res->where = FIELD_DP32(res->where, EP_RES_WHERE, ID,
                            v->where ? pci_requester_id(v->where) : 0);
}

/* Send @tlp unless the Function may not. */
static PCIEFabricVerdict send_tlp(PCIEFabricEngine *e, PCIEFabricTLP *tlp)
{
    PCIEFabricVerdict v = {
        .outcome = PCIE_FABRIC_OUTCOME_NOT_ISSUED,
        .where = e->dev,
    };

    v.reason = pcie_fabric_check_requester(e->dev,
                                           pcie_fabric_op_is_atomic(tlp->op));
    if (v.reason == PCIE_FABRIC_REASON_NONE) {
        v = pcie_fabric_issue(e->dev, tlp, &e->cache);
    }
    return v;
}

static int64_t timeout_ns(PCIEFabricEngine *e)
{
    return (int64_t)e->timeout_us * SCALE_US;
}

/* @late: for a completion that is on its way; else until the timeout */
static void wait_for(PCIEFabricEngine *e, bool in_ring, bool late, int64_t ns)
{
    e->waiting = true;
    e->waiting_in_ring = in_ring;
    e->waiting_for_late = late;
    set_transactions_pending(e, true);
    timer_mod(&e->timeout, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + ns);
}

/* A completion that comes after the timeout is none. */
static void drop_too_late(PCIEFabricEngine *e, PCIEFabricVerdict *v)
{
    if (v->delay_ns >= timeout_ns(e)) {
        v->outcome = PCIE_FABRIC_OUTCOME_NO_COMPLETION;
        v->status = 0;
        v->reason = PCIE_FABRIC_REASON_RULE;
    }
}

/*
 * Returns false if @res is not to be shown: the request waits, or it has reset
 * or unplugged the Function that sent it, and e->epoch has changed.
 */
static bool issue(PCIEFabricEngine *e, const PCIEFabricRequest *r,
                  PCIEFabricResult *res, bool in_ring)
{
    PCIEFabricVerdict v = {
        .outcome = PCIE_FABRIC_OUTCOME_NOT_ISSUED,
        .where = e->dev,
    };
    unsigned epoch = e->epoch;
    PCIEFabricTLP tlp;

    memset(res->data, 0, sizeof(res->data));
    v.reason = check_request(e, r);
    if (v.reason == PCIE_FABRIC_REASON_NONE) {
        build_tlp(e, r, &tlp);
        v = send_tlp(e, &tlp);
        if (e->epoch != epoch) {
            return false;
        }
        drop_too_late(e, &v);
        if (v.outcome == PCIE_FABRIC_OUTCOME_DONE &&
            v.status == PCIE_FABRIC_CPL_SC) {
            if (pcie_fabric_op_is_atomic(tlp.op)) {
                memcpy(res->data, tlp.original, sizeof(res->data));
            } else if (tlp.op == PCIE_FABRIC_OP_READ) {
                pcie_fabric_ram_written(tlp.buf, tlp.len);
            }
        }
    }
    trace_pcie_fabric_request(pci_requester_id(e->dev), r->word, r->addr,
                              v.outcome, v.status,
                              pcie_fabric_reason_name(v.reason));
    set_result(res, &v);
    if (v.outcome == PCIE_FABRIC_OUTCOME_NO_COMPLETION || v.delay_ns) {
        bool late = v.outcome != PCIE_FABRIC_OUTCOME_NO_COMPLETION;

        e->wait_result = *res;
        wait_for(e, in_ring, late, late ? v.delay_ns : timeout_ns(e));
        return false;
    }
    return true;
}

/*
 * Ring
 */

static bool ring_enabled(PCIEFabricEngine *e)
{
    return FIELD_EX32(e->ctrl, EP_CTRL, RING_EN);
}

static bool ring_has_work(PCIEFabricEngine *e)
{
    return ring_enabled(e) && !e->ring_error && !e->waiting &&
           e->ring_head != e->ring_tail;
}

bool pcie_fabric_engine_is_busy(PCIEFabricEngine *e)
{
    return e->waiting || e->doorbell_rung || ring_has_work(e);
}

static uint32_t ring_mask(PCIEFabricEngine *e)
{
    return (1u << e->ring_order) - 1;
}

/* The ring itself is accessed by memory requests of the Function. */
static bool ring_access(PCIEFabricEngine *e, PCIEFabricOp op, uint64_t addr,
                        void *buf, uint32_t len, uint32_t last)
{
    unsigned epoch = e->epoch;
    PCIEFabricTLP tlp;
    PCIEFabricVerdict v;

    tlp.op = op;
    tlp.addr = addr;
    tlp.len = len;
    tlp.length_dw = len / 4;
    tlp.at = PCIE_FABRIC_AT_UNTRANSLATED;
    tlp.poisoned = tlp.relaxed = false;
    tlp.buf = buf;
    tlp.last = last;
    v = send_tlp(e, &tlp);
    if (e->epoch != epoch) {
        return false;
    }
    if (v.outcome == PCIE_FABRIC_OUTCOME_DONE &&
        v.reason == PCIE_FABRIC_REASON_NONE) {
        return true;
    }
    qemu_log_mask(LOG_GUEST_ERROR, "%s: ring stopped: descriptor at 0x%" PRIx64
                  " cannot be accessed: %s\n", e->dev->name, addr,
                  pcie_fabric_reason_name(v.reason));
    e->ring_error = true;
    raise_interrupt(e, R_EP_INT_STATUS_ERROR_SHIFT);
    return false;
}

static uint64_t desc_addr(PCIEFabricEngine *e)
{
    return e->ring_base + (uint64_t)e->ring_head * EP_DESC_SIZE;
}

/* As many as are ready and lie in one piece of memory and in one 4 KiB page */
static unsigned fetch(PCIEFabricEngine *e, uint8_t *descs)
{
    uint64_t addr = desc_addr(e);
    uint32_t ready = (e->ring_tail - e->ring_head) & ring_mask(e);
    unsigned n = MIN(PREFETCH, ready);

    n = MIN(n, ring_mask(e) + 1 - e->ring_head);
    n = MIN(n, (0x1000 - (addr & 0xfff)) / EP_DESC_SIZE);
    return ring_access(e, PCIE_FABRIC_OP_READ, addr, descs,
                       n * EP_DESC_SIZE, 0) ? n : 0;
}

static void parse_desc(const uint8_t *desc, PCIEFabricRequest *r)
{
    r->word = ldl_le_p(desc + EP_DESC_WORD);
    r->len = ldl_le_p(desc + EP_DESC_LEN);
    r->addr = ldq_le_p(desc + EP_DESC_ADDR);
    memcpy(r->operand[0], desc + EP_DESC_OPERAND0, 16);
    memcpy(r->operand[1], desc + EP_DESC_OPERAND1, 16);
    r->local = ldl_le_p(desc + EP_DESC_LOCAL);
}

/*
 * Write the second half of the descriptor at the head back, the result word
 * last, so that a driver that polls it finds the rest in place.
 */
static bool write_back(PCIEFabricEngine *e, uint32_t local, uint32_t tail,
                       const PCIEFabricResult *res)
{
    uint8_t desc[EP_DESC_SIZE];

    memcpy(desc + EP_DESC_OPERAND1, res->data, 16);
    stl_le_p(desc + EP_DESC_LOCAL, local);
    stl_le_p(desc + EP_DESC_RESULT, res->word);
    stl_le_p(desc + EP_DESC_WHERE, res->where);
    stl_le_p(desc + EP_DESC_WHERE + 4, tail);
    return ring_access(e, PCIE_FABRIC_OP_WRITE,
                       desc_addr(e) + EP_DESC_OPERAND1,
                       desc + EP_DESC_OPERAND1,
                       EP_DESC_SIZE - EP_DESC_OPERAND1,
                       EP_DESC_RESULT - EP_DESC_OPERAND1);
}

static void finish_desc(PCIEFabricEngine *e, const uint8_t *desc,
                        const PCIEFabricResult *res)
{
    if (!write_back(e, ldl_le_p(desc + EP_DESC_LOCAL),
                    ldl_le_p(desc + EP_DESC_WHERE + 4), res)) {
        return;
    }
    e->ring_head = (e->ring_head + 1) & ring_mask(e);
    if (FIELD_EX32(ldl_le_p(desc + EP_DESC_WORD), EP_REQ_OP, IRQ)) {
        raise_interrupt(e, R_EP_INT_STATUS_COMPLETE_SHIFT);
    }
}

/* What one run may use up; nothing is left after a change of the memory map. */
typedef struct Budget {
    unsigned requests;
    uint64_t io_end;
    int64_t end_ns;
    unsigned epoch;
    PCIEFabricWork work;
} Budget;

static bool may_go_on(PCIEFabricEngine *e, const Budget *left)
{
    return e->epoch == left->epoch && left->requests && ring_has_work(e) &&
           pcie_fabric_device_accesses() < left->io_end &&
           !pcie_fabric_turn_changed(&left->work);
}

/* Take descriptors until none is left, one waits, or @left is used up. */
static void run_ring(PCIEFabricEngine *e, Budget *left)
{
    uint8_t descs[PREFETCH * EP_DESC_SIZE];

    pcie_fabric_begin_batch(&e->cache);
    while (may_go_on(e, left) && get_clock() < left->end_ns) {
        unsigned i, n = fetch(e, descs);

        for (i = 0; i < n && may_go_on(e, left); i++, left->requests--) {
            const uint8_t *desc = descs + i * EP_DESC_SIZE;
            PCIEFabricRequest r;
            PCIEFabricResult res;

            parse_desc(desc, &r);
            if (issue(e, &r, &res, true)) {
                finish_desc(e, desc, &res);
            }
        }
    }
}

static void run_doorbell(PCIEFabricEngine *e)
{
    PCIEFabricResult res;

    e->doorbell_rung = false;
    memset(&e->result, 0, sizeof(e->result));
    pcie_fabric_begin_batch(&e->cache);
    if (issue(e, &e->request, &res, false)) {
        e->result = res;
        raise_interrupt(e, R_EP_INT_STATUS_COMPLETE_SHIFT);
    }
}

/*
 * Where the work is done
 */

/* Are guest atomics made of several host instructions? See the top. */
static bool guest_atomics_are_plain(void)
{
    return tcg_enabled() && first_cpu &&
           !(first_cpu->tcg_cflags & CF_PARALLEL);
}

/*
 * One engine at a time. A request can be for the doorbell of another endpoint,
 * and that one's for a third: such a doorbell only schedules work. QEMU's guard
 * against devices that access themselves is set as around an MMIO handler.
 */
static bool engine_running;

static bool has_work(PCIEFabricEngine *e)
{
    return e->live && (ring_has_work(e) || e->doorbell_rung);
}

static void run(PCIEFabricEngine *e, unsigned requests, int64_t ns)
{
    MemReentrancyGuard *guard = &DEVICE(e->dev)->mem_reentrancy_guard;
    bool was_engaged = guard->engaged_in_io;
    Budget left = {
        .requests = requests,
        .io_end = pcie_fabric_device_accesses() + IO_BUDGET,
        .epoch = e->epoch,
        .work = pcie_fabric_turn_begin(),
    };

    left.end_ns = left.work.start_ns + ns;
    object_ref(OBJECT(e->dev));
    engine_running = true;
    guard->engaged_in_io = true;
    if (e->doorbell_rung) {
        run_doorbell(e);
    }
    run_ring(e, &left);
    guard->engaged_in_io = was_engaged;
    engine_running = false;
    pcie_fabric_turn_end(&left.work);
    if (has_work(e)) {
        pcie_fabric_turn_want(&e->turn);
    }
    object_unref(OBJECT(e->dev));
}

static void run_slice(PCIEFabricEngine *e)
{
    run(e, SLICE_BUDGET, SLICE_NS);
}

static void run_on_vcpu(CPUState *cpu, run_on_cpu_data data)
{
    PCIEFabricEngine *e = data.host_ptr;

    e->work_queued = false;
    if (has_work(e) && runstate_is_running()) {
        run_slice(e);
    }
    object_unref(OBJECT(e->dev));
}

static void take_turn(void *opaque)
{
    PCIEFabricEngine *e = opaque;

    if (!runstate_is_running()) {
        return;
    }
    if (!guest_atomics_are_plain()) {
        run_slice(e);
    } else if (!e->work_queued) {
        e->work_queued = true;
        object_ref(OBJECT(e->dev));
        async_run_on_cpu(first_cpu, run_on_vcpu, RUN_ON_CPU_HOST_PTR(e));
    }
}

/* A doorbell: here and now if this is a vCPU's own access, else soon. */
static void start(PCIEFabricEngine *e)
{
    if (engine_running || !pcie_fabric_turn_is_open() ||
        (guest_atomics_are_plain() && !current_cpu)) {
        pcie_fabric_turn_want(&e->turn);
    } else {
        run(e, DOORBELL_BUDGET, DOORBELL_NS);
    }
}

static void vm_state_changed(void *opaque, bool running, RunState state)
{
    PCIEFabricEngine *e = opaque;

    if (running && has_work(e)) {
        pcie_fabric_turn_want(&e->turn);
    }
}

/*
 * sec 2.8: nothing came back, or now it does. The descriptor is read once more, since what has
 * to be kept of it may have been loaded from a snapshot.
 */
static void end_wait(PCIEFabricEngine *e)
{
    uint8_t desc[EP_DESC_SIZE];
    bool in_ring = e->waiting_in_ring;
    unsigned epoch = e->epoch;

    e->waiting = false;
    e->waiting_in_ring = false;
    set_transactions_pending(e, false);
    pcie_fabric_begin_batch(&e->cache);
    if (!e->waiting_for_late) {
        pcie_fabric_aer_report(e->dev, PCI_ERR_UNC_COMP_TIME, false, NULL);
    }
    if (e->epoch != epoch) {
        return;
    }
    if (!in_ring) {
        e->result = e->wait_result;
        raise_interrupt(e, R_EP_INT_STATUS_COMPLETE_SHIFT);
    } else if (ring_access(e, PCIE_FABRIC_OP_READ, desc_addr(e), desc,
                           sizeof(desc), 0)) {
        finish_desc(e, desc, &e->wait_result);
    }
}

static void timeout_expired(void *opaque)
{
    PCIEFabricEngine *e = opaque;
    MemReentrancyGuard *guard = &DEVICE(e->dev)->mem_reentrancy_guard;
    PCIEFabricWork work;

    if (engine_running || guard->engaged_in_io) {
        /* In the middle of an access of the device: a moment later. */
        timer_mod(&e->timeout, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + 1);
        return;
    }
    if (!pcie_fabric_turn_is_open()) {
        timer_mod(&e->timeout,
                  qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + PUT_OFF_NS);
        return;
    }
    work = pcie_fabric_turn_begin();
    object_ref(OBJECT(e->dev));
    engine_running = true;
    guard->engaged_in_io = true;
    end_wait(e);
    guard->engaged_in_io = false;
    engine_running = false;
    pcie_fabric_turn_end(&work);
    if (has_work(e)) {
        pcie_fabric_turn_want(&e->turn);
    }
    object_unref(OBJECT(e->dev));
}

static void abandon(PCIEFabricEngine *e)
{
    timer_del(&e->timeout);
    if (e->waiting) {
        e->waiting = false;
        e->waiting_in_ring = false;
        set_transactions_pending(e, false);
    }
}

void pcie_fabric_engine_reset(PCIEFabricEngine *e)
{
    abandon(e);
    pcie_fabric_turn_cancel(&e->turn);
    e->epoch++;
    e->doorbell_rung = false;
    e->ctrl = 0;
    e->int_status = 0;
    e->int_enable = 0;
    e->timeout_us = EP_TIMEOUT_US_RESET;
    memset(&e->request, 0, sizeof(e->request));
    memset(&e->result, 0, sizeof(e->result));
    e->ring_base = 0;
    e->ring_order = EP_RING_ORDER_MIN;
    e->ring_head = 0;
    e->ring_tail = 0;
    e->ring_error = false;
}

/*
 * Registers
 */

static uint32_t engine_status(PCIEFabricEngine *e)
{
    uint32_t val = FIELD_DP32(0, EP_STATUS, BUSY,
                              pcie_fabric_engine_is_busy(e));

    return FIELD_DP32(val, EP_STATUS, RING_ERROR, e->ring_error);
}

/* The 16-byte registers, as bytes in memory order; NULL if @addr is in none */
static uint8_t *wide_register(PCIEFabricEngine *e, hwaddr addr)
{
    switch (addr & ~0xfull) {
    case A_EP_REQ_OPERAND0:
        return e->request.operand[0] + (addr & 0xf);
    case A_EP_REQ_OPERAND1:
        return e->request.operand[1] + (addr & 0xf);
    case A_EP_RES_DATA:
        return e->result.data + (addr & 0xf);
    default:
        return NULL;
    }
}

bool pcie_fabric_engine_read(PCIEFabricEngine *e, hwaddr addr, uint32_t *val)
{
    uint8_t *wide = wide_register(e, addr);

    if (wide) {
        *val = ldl_le_p(wide);
        return true;
    }
    switch (addr) {
    case A_EP_CTRL:
        *val = e->ctrl;
        return true;
    case A_EP_STATUS:
        *val = engine_status(e);
        return true;
    case A_EP_INT_STATUS:
        *val = e->int_status;
        return true;
    case A_EP_INT_ENABLE:
        *val = e->int_enable;
        return true;
    case A_EP_TIMEOUT_US:
        *val = e->timeout_us;
        return true;
    case A_EP_REQ_OP:
        *val = e->request.word;
        return true;
    case A_EP_REQ_LEN:
        *val = e->request.len;
        return true;
    case A_EP_REQ_ADDR_LO:
        *val = e->request.addr;
        return true;
    case A_EP_REQ_ADDR_HI:
        *val = e->request.addr >> 32;
        return true;
    case A_EP_REQ_LOCAL:
        *val = e->request.local;
        return true;
    case A_EP_DOORBELL:
        *val = 0;
        return true;
    case A_EP_RES_STATUS:
        *val = e->result.word;
        return true;
    case A_EP_RES_WHERE:
        *val = e->result.where;
        return true;
    case A_EP_RING_BASE_LO:
        *val = e->ring_base;
        return true;
    case A_EP_RING_BASE_HI:
        *val = e->ring_base >> 32;
        return true;
    case A_EP_RING_ORDER:
        *val = e->ring_order;
        return true;
    case A_EP_RING_HEAD:
        *val = e->ring_head;
        return true;
    case A_EP_RING_TAIL:
        *val = e->ring_tail;
        return true;
    default:
        return false;
    }
}

static void write_ctrl(PCIEFabricEngine *e, uint32_t val)
{
    bool enable = FIELD_EX32(val, EP_CTRL, RING_EN);

    if (FIELD_EX32(val, EP_CTRL, ENGINE_RESET)) {
        pcie_fabric_engine_reset(e);
        return;
    }
    if (enable && !ring_enabled(e)) {
        e->ring_head = 0;
        e->ring_tail = 0;
        e->ring_error = false;
    } else if (!enable && e->waiting_in_ring) {
        abandon(e);
    }
    e->ctrl = FIELD_DP32(0, EP_CTRL, RING_EN, enable);
}

static bool write_doorbell(PCIEFabricEngine *e)
{
    if (pcie_fabric_engine_is_busy(e)) {
        return false;
    }
    e->doorbell_rung = true;
    start(e);
    return true;
}

static bool write_ring_register(PCIEFabricEngine *e, hwaddr addr, uint32_t val)
{
    if (addr == A_EP_RING_TAIL) {
        if (!ring_enabled(e)) {
            return false;
        }
        e->ring_tail = val & ring_mask(e);
        start(e);
        return true;
    }
    if (ring_enabled(e)) {
        return false;
    }
    switch (addr) {
    case A_EP_RING_BASE_LO:
        e->ring_base = deposit64(e->ring_base, 0, 32, val & -EP_DESC_SIZE);
        return true;
    case A_EP_RING_BASE_HI:
        e->ring_base = deposit64(e->ring_base, 32, 32, val);
        return true;
    case A_EP_RING_ORDER:
        if (val < EP_RING_ORDER_MIN || val > EP_RING_ORDER_MAX) {
            return false;
        }
        e->ring_order = val;
        return true;
    default:
        return false;
    }
}

bool pcie_fabric_engine_write(PCIEFabricEngine *e, hwaddr addr, uint32_t val)
{
    uint8_t *wide = wide_register(e, addr);

    if (wide) {
        if (wide >= e->result.data && wide < e->result.data + 16) {
            return false;
        }
        stl_le_p(wide, val);
        return true;
    }
    switch (addr) {
    case A_EP_CTRL:
        write_ctrl(e, val);
        return true;
    case A_EP_INT_STATUS:
        e->int_status &= ~val;
        return true;
    case A_EP_INT_ENABLE:
        enable_interrupts(e, val & (R_EP_INT_STATUS_COMPLETE_MASK |
                                    R_EP_INT_STATUS_ERROR_MASK));
        return true;
    case A_EP_TIMEOUT_US:
        if (!val || val > EP_TIMEOUT_US_MAX) {
            return false;
        }
        e->timeout_us = val;
        return true;
    case A_EP_REQ_OP:
        e->request.word = val;
        return true;
    case A_EP_REQ_LEN:
        e->request.len = val;
        return true;
    case A_EP_REQ_ADDR_LO:
        e->request.addr = deposit64(e->request.addr, 0, 32, val);
        return true;
    case A_EP_REQ_ADDR_HI:
        e->request.addr = deposit64(e->request.addr, 32, 32, val);
        return true;
    case A_EP_REQ_LOCAL:
        e->request.local = val;
        return true;
    case A_EP_DOORBELL:
        return write_doorbell(e);
    default:
        return write_ring_register(e, addr, val);
    }
}

void pcie_fabric_engine_init(PCIEFabricEngine *e, PCIDevice *dev,
                             MemoryRegion *local)
{
    e->dev = dev;
    e->local = local;
    timer_init_ns(&e->timeout, QEMU_CLOCK_VIRTUAL, timeout_expired, e);
    pcie_fabric_turn_init(&e->turn, take_turn, e);
    e->live = true;
    e->vm_state = qemu_add_vm_change_state_handler(vm_state_changed, e);
    pcie_fabric_engine_reset(e);
}

void pcie_fabric_engine_exit(PCIEFabricEngine *e)
{
    qemu_del_vm_change_state_handler(e->vm_state);
    timer_del(&e->timeout);
    pcie_fabric_turn_cancel(&e->turn);
    e->live = false;
    e->epoch++;
}

/* A snapshot is as little to be trusted as a guest. */
static int engine_post_load(void *opaque, int version_id)
{
    PCIEFabricEngine *e = opaque;

    if (e->ring_order < EP_RING_ORDER_MIN ||
        e->ring_order > EP_RING_ORDER_MAX || !e->timeout_us ||
        e->timeout_us > EP_TIMEOUT_US_MAX ||
        e->waiting != timer_pending(&e->timeout)) {
        return -EINVAL;
    }
    e->waiting_in_ring &= e->waiting;
    e->ring_head &= ring_mask(e);
    e->ring_tail &= ring_mask(e);
    e->ring_base &= -(uint64_t)EP_DESC_SIZE;
    e->cache.generation = 0;
    return 0;
}

static const VMStateDescription vmstate_request = {
    .name = "pcie-fabric-request",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(word, PCIEFabricRequest),
        VMSTATE_UINT32(len, PCIEFabricRequest),
        VMSTATE_UINT64(addr, PCIEFabricRequest),
        VMSTATE_UINT8_2DARRAY(operand, PCIEFabricRequest, 2, 16),
        VMSTATE_UINT32(local, PCIEFabricRequest),
        VMSTATE_END_OF_LIST()
    }
};

static const VMStateDescription vmstate_result = {
    .name = "pcie-fabric-result",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(word, PCIEFabricResult),
        VMSTATE_UINT32(where, PCIEFabricResult),
        VMSTATE_UINT8_ARRAY(data, PCIEFabricResult, 16),
        VMSTATE_END_OF_LIST()
    }
};

const VMStateDescription vmstate_pcie_fabric_engine = {
    .name = "pcie-fabric-engine",
    .version_id = 2,
    .minimum_version_id = 2,
    .post_load = engine_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(ctrl, PCIEFabricEngine),
        VMSTATE_UINT32(int_status, PCIEFabricEngine),
        VMSTATE_UINT32(int_enable, PCIEFabricEngine),
        VMSTATE_UINT32(timeout_us, PCIEFabricEngine),
        VMSTATE_STRUCT(request, PCIEFabricEngine, 1, vmstate_request,
                       PCIEFabricRequest),
        VMSTATE_STRUCT(result, PCIEFabricEngine, 1, vmstate_result,
                       PCIEFabricResult),
        VMSTATE_UINT64(ring_base, PCIEFabricEngine),
        VMSTATE_UINT32(ring_order, PCIEFabricEngine),
        VMSTATE_UINT32(ring_head, PCIEFabricEngine),
        VMSTATE_UINT32(ring_tail, PCIEFabricEngine),
        VMSTATE_BOOL(ring_error, PCIEFabricEngine),
        VMSTATE_BOOL(doorbell_rung, PCIEFabricEngine),
        VMSTATE_BOOL(waiting, PCIEFabricEngine),
        VMSTATE_BOOL(waiting_in_ring, PCIEFabricEngine),
        VMSTATE_BOOL(waiting_for_late, PCIEFabricEngine),
        VMSTATE_STRUCT(wait_result, PCIEFabricEngine, 1, vmstate_result,
                       PCIEFabricResult),
        VMSTATE_TIMER(timeout, PCIEFabricEngine),
        VMSTATE_END_OF_LIST()
    }
};
