/*
 * PCIe fabric: requests are sent, completed, answered and counted
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 2.3 (handling of requests), 6.2
 * (errors), 6.15 (AtomicOps).
 *
 * The order of a completer's checks is that of sec 6.2.3.2.3: malformed,
 * unsupported, completer abort, poisoned.
 */

#include "qemu/osdep.h"
#include "exec/ioport.h"
#include "exec/memory.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-rule.h"
#include "hw/pci/pcie-fabric-tlp.h"
#include "trace.h"

static uint64_t paths_generation = 1;

/* Counts accesses to devices: they can change any address translation. */
static uint64_t io_generation;

uint64_t pcie_fabric_device_accesses(void)
{
    return io_generation;
}

void pcie_fabric_device_accessed(void)
{
    io_generation++;
}

PCIEFabricCounters *pcie_fabric_counters(PCIDevice *d)
{
    PCIEFabricPort *port = pcie_fabric_port(d);

    return port ? &port->counters : pcie_fabric_endpoint_counters(d);
}

void pcie_fabric_paths_changed(void)
{
    paths_generation++;
}

uint64_t pcie_fabric_paths_generation(void)
{
    return paths_generation;
}

static PCIEFabricVerdict done(void)
{
    return (PCIEFabricVerdict) { .outcome = PCIE_FABRIC_OUTCOME_DONE };
}

/*
 * A request can be for the Slot Control register of the slot that a device is
 * in, and power it off. Then nothing of the device may be touched any more.
 */
static bool is_gone(PCIDevice *d)
{
    return !d->qdev.realized;
}

static bool is_success(const PCIEFabricVerdict *v)
{
    return v->outcome == PCIE_FABRIC_OUTCOME_DONE &&
           v->status == PCIE_FABRIC_CPL_SC;
}

static PCIEFabricVerdict abandoned(void)
{
    return (PCIEFabricVerdict) { .outcome = PCIE_FABRIC_OUTCOME_NONE };
}

/*
 * What a refusal looks like to the requester, and what the refusing port or
 * Function logs.
 */
static const struct {
    uint32_t aer;               /* uncorrectable error bit, or 0 */
    uint8_t status;
    bool silent;                /* no completion at all */
} refusal[PCIE_FABRIC_REASON__MAX] = {
    [PCIE_FABRIC_REASON_NO_BME] = { PCI_ERR_UNC_UNSUP, PCIE_FABRIC_CPL_UR },
    [PCIE_FABRIC_REASON_EGRESS_BLOCKED] = { PCI_ERR_UNC_ATOP_EBLOCKED,
                                            PCIE_FABRIC_CPL_UR },
    /* in a switch; between root ports it is an Unsupported Request */
    [PCIE_FABRIC_REASON_NO_ROUTING] = { PCI_ERR_UNC_MALF_TLP, 0, true },
    [PCIE_FABRIC_REASON_ACS_VIOLATION] = { PCI_ERR_UNC_ACSV,
                                           PCIE_FABRIC_CPL_CA },
    [PCIE_FABRIC_REASON_NO_TARGET] = { PCI_ERR_UNC_UNSUP, PCIE_FABRIC_CPL_UR },
    [PCIE_FABRIC_REASON_LINK_DOWN] = { PCI_ERR_UNC_UNSUP, PCIE_FABRIC_CPL_UR },
    [PCIE_FABRIC_REASON_UNSUPPORTED] = { PCI_ERR_UNC_UNSUP,
                                         PCIE_FABRIC_CPL_UR },
    [PCIE_FABRIC_REASON_NOT_ATOMIC] = { PCI_ERR_UNC_COMP_ABORT,
                                        PCIE_FABRIC_CPL_CA },
    [PCIE_FABRIC_REASON_MALFORMED] = { PCI_ERR_UNC_MALF_TLP, 0, true },
    [PCIE_FABRIC_REASON_POISONED] = { PCI_ERR_UNC_POISON_TLP,
                                      PCIE_FABRIC_CPL_UR },
    /* The SMMU has its own event queue. */
    [PCIE_FABRIC_REASON_IOMMU_FAULT] = { 0, PCIE_FABRIC_CPL_UR },
};

static bool is_root_port(PCIDevice *d)
{
    return d && d->exp.exp_cap &&
           pcie_cap_get_type(d) == PCI_EXP_TYPE_ROOT_PORT;
}

static void count_refusal(PCIDevice *where, const PCIEFabricVerdict *v)
{
    PCIEFabricReason reason = v->reason;
    PCIEFabricCounters *c = where ? pcie_fabric_counters(where) : NULL;

    if (!c) {
        return;
    }
    if (v->outcome == PCIE_FABRIC_OUTCOME_NO_COMPLETION) {
        c->malformed += reason != PCIE_FABRIC_REASON_RULE;
    } else if (reason == PCIE_FABRIC_REASON_EGRESS_BLOCKED) {
        c->blocked++;
    } else if (v->status == PCIE_FABRIC_CPL_CA) {
        c->aborted++;
        c->acs_violations += reason == PCIE_FABRIC_REASON_ACS_VIOLATION;
    } else {
        c->unsupported++;
    }
}

/* Signaled Target Abort, sec 7.5.1.1.4; a port's ingress is secondary */
static void set_signaled_abort(PCIDevice *where)
{
    uint16_t reg = IS_PCI_BRIDGE(where) ? PCI_SEC_STATUS : PCI_STATUS;

    pci_word_test_and_set_mask(where->config + reg,
                               PCI_STATUS_SIG_TARGET_ABORT);
}

static void log_refusal(PCIDevice *requester, const PCIEFabricTLP *tlp,
                        PCIDevice *where, uint32_t aer)
{
    uint32_t header[4];
    /* sec 6.2.3.2.4.1: advisory where the requester gets a completion */
    bool advisory = tlp->op != PCIE_FABRIC_OP_WRITE &&
                    aer != PCI_ERR_UNC_MALF_TLP;

    if (aer) {
        pcie_fabric_tlp_header(requester, tlp, header);
        pcie_fabric_aer_report(where, aer, advisory, header);
        /* Its message may have written to a device. */
        io_generation++;
    }
}

/* @aer: what v.where logs, or 0 */
static PCIEFabricVerdict refuse_as(PCIDevice *requester,
                                   const PCIEFabricTLP *tlp,
                                   PCIEFabricVerdict v, uint32_t aer)
{
    PCIDevice *where = v.where;

    trace_pcie_fabric_refused(pci_requester_id(requester), tlp->addr,
                              where ? where->name : "root complex",
                              pcie_fabric_reason_name(v.reason));
    count_refusal(where, &v);
    if (where) {
        if (v.outcome == PCIE_FABRIC_OUTCOME_DONE &&
            v.status == PCIE_FABRIC_CPL_CA) {
            set_signaled_abort(where);
        }
        log_refusal(requester, tlp, where, aer);
    }
    if (tlp->op == PCIE_FABRIC_OP_WRITE) {
        /* Posted: nobody tells the requester. */
        v.outcome = PCIE_FABRIC_OUTCOME_DONE;
        v.status = PCIE_FABRIC_CPL_SC;
    }
    return v;
}

static PCIEFabricVerdict refuse(PCIDevice *requester, const PCIEFabricTLP *tlp,
                                PCIDevice *where, PCIEFabricReason reason)
{
    uint32_t aer = refusal[reason].aer;
    PCIEFabricVerdict v = {
        .outcome = refusal[reason].silent ? PCIE_FABRIC_OUTCOME_NO_COMPLETION :
                                            PCIE_FABRIC_OUTCOME_DONE,
        .status = refusal[reason].status,
        .reason = reason,
        .where = where,
    };

    if (reason == PCIE_FABRIC_REASON_NO_ROUTING && is_root_port(where)) {
        v.outcome = PCIE_FABRIC_OUTCOME_DONE;
        v.status = PCIE_FABRIC_CPL_UR;
        aer = PCI_ERR_UNC_UNSUP;
    }
    return refuse_as(requester, tlp, v, aer);
}

/*
 * Rules
 */

/*
 * Nothing else stands against the request. Returns whether it ends here: *@v
 * is what becomes of it.
 * @where: who completes it; NULL: the root complex, or it is not sent at all
 */
static bool ends_by_rule(PCIDevice *requester, const PCIEFabricTLP *tlp,
                         PCIDevice *where, PCIEFabricEffect *effect,
                         PCIEFabricVerdict *v)
{
    uint32_t header[4];
    bool lost;

    pcie_fabric_tlp_header(requester, tlp, header);
    pcie_fabric_rule_act(effect, header);
    if (is_gone(requester) || (where && is_gone(where))) {
        *v = abandoned();
        return true;
    }
    if (effect->end == PCIE_FABRIC_END_NONE) {
        return false;
    }
    lost = effect->end == PCIE_FABRIC_END_LOST;
    *v = (PCIEFabricVerdict) {
        .outcome = lost ? PCIE_FABRIC_OUTCOME_NO_COMPLETION :
                          PCIE_FABRIC_OUTCOME_DONE,
        .status = lost ? 0 : effect->end == PCIE_FABRIC_END_CA ?
                  PCIE_FABRIC_CPL_CA : PCIE_FABRIC_CPL_UR,
        .reason = PCIE_FABRIC_REASON_RULE,
        .where = where,
    };
    *v = refuse_as(requester, tlp, *v, lost ? 0 :
                   effect->end == PCIE_FABRIC_END_CA ? PCI_ERR_UNC_COMP_ABORT :
                                                       PCI_ERR_UNC_UNSUP);
    return true;
}

/* Fmt and Type of a completion with data; sec 2.2.9 */
#define CPL_DATA    0x4a

/* sec 2.7.2.2, 7.5.1.1.4: a poisoned completion has come in */
static void receive_poisoned(PCIDevice *requester, const PCIEFabricTLP *tlp,
                             PCIDevice *where)
{
    bool parity = pci_get_word(requester->config + PCI_COMMAND) &
                  PCI_COMMAND_PARITY;
    uint32_t header[4] = {
        CPL_DATA << 24 | 1 << 14 | (DIV_ROUND_UP(tlp->len, 4) & 0x3ff),
        (where ? pci_requester_id(where) : 0) << 16 | (tlp->len & 0xfff),
        pci_requester_id(requester) << 16 | (tlp->addr & 0x7f),
    };

    pci_word_test_and_set_mask(requester->config + PCI_STATUS,
                               PCI_STATUS_DETECTED_PARITY |
                               (parity ? PCI_STATUS_PARITY : 0));
    pcie_fabric_aer_report(requester, PCI_ERR_UNC_POISON_TLP, false, header);
    io_generation++;
}

/* It has been carried out; *@v says so. */
static void complete_by_rule(PCIDevice *requester, PCIEFabricTLP *tlp,
                             PCIDevice *where, PCIEFabricEffect *effect,
                             PCIEFabricVerdict *v)
{
    bool atomic = pcie_fabric_op_is_atomic(tlp->op);
    bool poisoned = false;

    if (tlp->op == PCIE_FABRIC_OP_WRITE) {
        return;
    }
    pcie_fabric_rule_complete(effect, atomic ? tlp->original : tlp->buf,
                              tlp->len, &poisoned, &v->delay_ns);
    if (poisoned) {
        v->reason = PCIE_FABRIC_REASON_POISONED;
        v->where = where;
        receive_poisoned(requester, tlp, where);
    }
}

/* sec 6.15: what the Function's own registers allow it to send */
PCIEFabricReason pcie_fabric_check_requester(PCIDevice *d, bool atomic)
{
    /* sec 7.5.3.16: a virtual Function follows its physical one. */
    PCIDevice *pf = pci_is_vf(d) ? pcie_sriov_get_pf(d) : d;
    uint16_t ctl2 = pci_get_word(pf->config + pf->exp.exp_cap +
                                 PCI_EXP_DEVCTL2);

    if (d->pm_cap && (pci_get_word(d->config + d->pm_cap + PCI_PM_CTRL) &
                      PCI_PM_CTRL_STATE_MASK)) {
        return PCIE_FABRIC_REASON_POWER_STATE;
    }
    if (!(pci_get_word(d->config + PCI_COMMAND) & PCI_COMMAND_MASTER)) {
        return PCIE_FABRIC_REASON_NO_BME;
    }
    if (atomic && !(ctl2 & PCI_EXP_DEVCTL2_ATOMIC_REQ)) {
        return PCIE_FABRIC_REASON_NO_REQ_EN;
    }
    return PCIE_FABRIC_REASON_NONE;
}

uint16_t pcie_fabric_natural_length(const PCIEFabricTLP *tlp)
{
    if (!pcie_fabric_op_is_atomic(tlp->op)) {
        return DIV_ROUND_UP((tlp->addr & 3) + tlp->len, 4);
    }
    return (tlp->op == PCIE_FABRIC_OP_CAS ? 2 : 1) * tlp->len / 4;
}

/* sec 2.2.7.1: the Length that belongs to the operation */
bool pcie_fabric_length_is_architected(const PCIEFabricTLP *tlp)
{
    uint32_t operands = tlp->op == PCIE_FABRIC_OP_CAS ? 2 : 1;
    bool has128 = tlp->op == PCIE_FABRIC_OP_CAS;

    /* Any Length that the operation has: it then says the operand size. */
    return tlp->length_dw == operands || tlp->length_dw == 2 * operands ||
           (has128 && tlp->length_dw == 8);
}

static bool is_supported(const PCIEFabricTLP *tlp, uint32_t devcap2)
{
    switch (tlp->len) {
    case 4:
        return devcap2 & PCI_EXP_DEVCAP2_ATOMIC_COMP32;
    case 8:
        return devcap2 & PCI_EXP_DEVCAP2_ATOMIC_COMP64;
    case 16:
        return devcap2 & PCI_EXP_DEVCAP2_ATOMIC_COMP128;
    default:
        return false;
    }
}

#define ATOMIC_COMP_ANY (PCI_EXP_DEVCAP2_ATOMIC_COMP32 | \
                         PCI_EXP_DEVCAP2_ATOMIC_COMP64 | \
                         PCI_EXP_DEVCAP2_ATOMIC_COMP128)

/* What the root complex completes for RCiEPs: all that the host can do */
static uint32_t rciep_completer(void)
{
    return pcie_fabric_atomic_has_128() ? ATOMIC_COMP_ANY :
           ATOMIC_COMP_ANY & ~PCI_EXP_DEVCAP2_ATOMIC_COMP128;
}

/* Also to a component that knows nothing of AtomicOps: sec 6.15.2 */
static bool is_malformed(const PCIEFabricTLP *tlp, uint32_t devcap2)
{
    bool aware = devcap2 & (ATOMIC_COMP_ANY | PCI_EXP_DEVCAP2_ATOMIC_ROUTE);

    return !aware || !pcie_fabric_length_is_architected(tlp) ||
           (tlp->addr & (tlp->len - 1));
}

/*
 * sec 2.3, 6.15.2: the checks of a completer whose Device Capabilities 2 are
 * @devcap2, for a range that does AtomicOps or not (@range_ok).
 */
static PCIEFabricReason check_atomic(const PCIEFabricTLP *tlp,
                                     uint32_t devcap2, bool range_ok)
{
    if (is_malformed(tlp, devcap2)) {
        return PCIE_FABRIC_REASON_MALFORMED;
    }
    if (!is_supported(tlp, devcap2)) {
        return PCIE_FABRIC_REASON_UNSUPPORTED;
    }
    if (!range_ok) {
        return PCIE_FABRIC_REASON_NOT_ATOMIC;
    }
    return tlp->poisoned ? PCIE_FABRIC_REASON_POISONED :
                           PCIE_FABRIC_REASON_NONE;
}

static void count_completion(PCIDevice *completer, const PCIEFabricTLP *tlp)
{
    PCIEFabricCounters *c = completer ? pcie_fabric_counters(completer) : NULL;

    if (c && pcie_fabric_op_is_atomic(tlp->op)) {
        c->completed32 += tlp->len == 4;
        c->completed64 += tlp->len == 8;
        c->completed128 += tlp->len == 16;
    }
}

void pcie_fabric_ram_written(void *ptr, uint32_t len)
{
    ram_addr_t offset;
    MemoryRegion *mr = memory_region_from_host(ptr, &offset);

    /* Unmapping is what marks pages dirty and invalidates code; it unrefs. */
    memory_region_ref(mr);
    address_space_unmap(&address_space_memory, ptr, len, true, len);
}

static void write_ram(const PCIEFabricTLP *tlp, uint8_t *ptr)
{
    uint32_t last;

    if (!tlp->last) {
        memmove(ptr, tlp->buf, tlp->len);
        return;
    }
    memcpy(&last, (uint8_t *)tlp->buf + tlp->last, sizeof(last));
    memmove(ptr, tlp->buf, tlp->last);
    memmove(ptr + tlp->last + 4, (uint8_t *)tlp->buf + tlp->last + 4,
            tlp->len - tlp->last - 4);
    smp_wmb();
    qatomic_set((uint32_t *)(ptr + tlp->last), last);
}

/* Do it, on RAM. @mr + @offset: tlp->len bytes */
static void perform_ram(PCIEFabricTLP *tlp, MemoryRegion *mr, hwaddr offset)
{
    uint8_t *ptr = (uint8_t *)memory_region_get_ram_ptr(mr) + offset;
    bool is_write = tlp->op != PCIE_FABRIC_OP_READ;

    if (pcie_fabric_op_is_atomic(tlp->op)) {
        pcie_fabric_atomic_ram(tlp, ptr);
    } else if (is_write) {
        write_ram(tlp, ptr);
    } else {
        memmove(tlp->buf, ptr, tlp->len);
    }
    if (is_write) {
        pcie_fabric_ram_written(ptr, tlp->len);
    }
}

/*
 * A read or write of what is not RAM, or not in one piece. @decoded: somebody
 * has claimed the address, who reads as 0 where it has no register.
 */
static PCIEFabricReason perform_io(PCIDevice *requester, PCIEFabricTLP *tlp,
                                   AddressSpace *as, uint64_t addr,
                                   bool decoded)
{
    MemTxAttrs attrs = { .requester_id = pci_requester_id(requester) };
    MemTxResult r;

    r = address_space_rw(as, addr, attrs, tlp->buf, tlp->len,
                         tlp->op == PCIE_FABRIC_OP_WRITE);
    io_generation++;
    if (decoded) {
        r &= ~MEMTX_DECODE_ERROR;
    }
    return r == MEMTX_OK ? PCIE_FABRIC_REASON_NONE :
                           PCIE_FABRIC_REASON_NO_TARGET;
}

/*
 * The same for what the root complex finds. Flash may change between memory and
 * device with each byte; for a request it does so once, in the end.
 */
static PCIEFabricReason perform_host_io(PCIDevice *requester,
                                        PCIEFabricTLP *tlp, AddressSpace *as,
                                        MemoryRegion *mr)
{
    PCIEFabricReason reason;

    if (!mr->rom_device) {
        return perform_io(requester, tlp, as, tlp->addr, false);
    }
    memory_region_transaction_begin();
    reason = perform_io(requester, tlp, as, tlp->addr, false);
    memory_region_transaction_commit();
    return reason;
}

static bool is_plain_ram(MemoryRegion *mr)
{
    return memory_access_is_direct(mr, true, MEMTXATTRS_UNSPECIFIED);
}

static uint32_t devcap2(PCIDevice *d)
{
    return d->exp.exp_cap ?
           pci_get_long(d->config + d->exp.exp_cap + PCI_EXP_DEVCAP2) : 0;
}

AddressSpace *pcie_fabric_bus_address_space(PCIDevice *d)
{
    PCIDevice *above = pcie_fabric_port_above(d);

    return above ? &PCI_BRIDGE(above)->as_mem : &address_space_memory;
}

/* @offset: of the request in the BAR */
static PCIEFabricReason check_peer(PCIDevice *target, int bar,
                                   const PCIEFabricTLP *tlp, uint64_t offset)
{
    PCIIORegion *region = &target->io_regions[bar];

    if (offset + tlp->len > region->size) {
        return PCIE_FABRIC_REASON_NO_TARGET;
    }
    if (pcie_fabric_op_is_atomic(tlp->op)) {
        return check_atomic(tlp, devcap2(target), is_plain_ram(region->memory));
    }
    return tlp->poisoned && tlp->op == PCIE_FABRIC_OP_WRITE ?
           PCIE_FABRIC_REASON_POISONED : PCIE_FABRIC_REASON_NONE;
}

static PCIEFabricVerdict complete_peer(PCIDevice *requester,
                                       PCIEFabricTLP *tlp, PCIDevice *target,
                                       int bar, uint64_t offset)
{
    MemoryRegion *mr = target->io_regions[bar].memory;
    PCIEFabricReason reason = check_peer(target, bar, tlp, offset);
    PCIEFabricVerdict v = done();
    PCIEFabricEffect effect;
    bool ruled = pcie_fabric_rule_memory(target, requester, tlp, false,
                                         &effect);

    if (reason == PCIE_FABRIC_REASON_NONE) {
        if (ruled && ends_by_rule(requester, tlp, target, &effect, &v)) {
            return v;
        }
        if (is_plain_ram(mr)) {
            perform_ram(tlp, mr, offset);
        } else {
            reason = perform_io(requester, tlp,
                                pcie_fabric_bus_address_space(target),
                                target->io_regions[bar].addr + offset, true);
        }
    }
    if (is_gone(requester) || is_gone(target)) {
        return abandoned();
    }
    if (reason != PCIE_FABRIC_REASON_NONE) {
        return refuse(requester, tlp, target, reason);
    }
    count_completion(target, tlp);
    if (ruled) {
        complete_by_rule(requester, tlp, target, &effect, &v);
    }
    return v;
}

static PCIEFabricPath *lookup(PCIDevice *from, PCIBus *down,
                              const PCIEFabricTLP *tlp, uint64_t addr,
                              PCIEFabricPathCache *cache)
{
    bool atomic = pcie_fabric_op_is_atomic(tlp->op);
    bool traced = trace_event_get_state_backends(TRACE_PCIE_FABRIC_HOP);
    PCIEFabricPath *path;
    unsigned i;

    if (cache->generation != paths_generation) {
        for (i = 0; i < PCIE_FABRIC_PATHS; i++) {
            cache->entry[i].valid = false;
        }
        cache->generation = paths_generation;
    }
    for (i = 0; i < PCIE_FABRIC_PATHS && !traced; i++) {
        path = &cache->entry[i].path;
        if (cache->entry[i].valid && cache->entry[i].atomic == atomic &&
            cache->entry[i].at == tlp->at &&
            cache->entry[i].down == !!down &&
            addr >= path->lo && addr <= path->hi) {
            return path;
        }
    }
    i = cache->next++ % PCIE_FABRIC_PATHS;
    path = &cache->entry[i].path;
    if (down) {
        pcie_fabric_route_down(from, down, atomic, addr, path, NULL, NULL);
    } else {
        pcie_fabric_route_up(from, atomic, tlp->at, addr, path, NULL, NULL);
        path->as = pcie_fabric_host_address_space(from);
    }
    cache->entry[i].valid = path->cacheable;
    cache->entry[i].atomic = atomic;
    cache->entry[i].at = tlp->at;
    cache->entry[i].down = !!down;
    return path;
}

static void count_passed(const PCIEFabricPath *path)
{
    unsigned i;

    for (i = 0; i < path->nr_passed; i++) {
        path->passed[i]->routed++;
    }
}

/*
 * The end of a path that is refused. An AtomicOp that reaches an endpoint, or
 * the root complex, finds no address there only if it is well formed.
 */
static PCIEFabricReason path_reason(const PCIEFabricPath *path,
                                    const PCIEFabricTLP *tlp)
{
    PCIDevice *where = path->where;
    bool at_end = !where || !IS_PCI_BRIDGE(where) || where == path->root_port;

    if (path->reason == PCIE_FABRIC_REASON_NO_TARGET && at_end &&
        pcie_fabric_op_is_atomic(tlp->op) &&
        is_malformed(tlp, where ? devcap2(where) : ATOMIC_COMP_ANY)) {
        return PCIE_FABRIC_REASON_MALFORMED;
    }
    return path->reason;
}

/* Down again from the root complex; @addr is what the SMMU made of it. */
static PCIEFabricVerdict go_down(PCIDevice *requester, PCIEFabricTLP *tlp,
                                 PCIDevice *root_port, PCIBus *root_bus,
                                 uint64_t addr, PCIEFabricPathCache *cache)
{
    PCIEFabricPath *path = lookup(root_port, root_bus, tlp, addr, cache);
    PCIIORegion *region;

    count_passed(path);
    if (path->reason != PCIE_FABRIC_REASON_NONE) {
        return refuse(requester, tlp, path->where, path_reason(path, tlp));
    }
    region = &path->target->io_regions[path->bar];
    return complete_peer(requester, tlp, path->target, path->bar,
                         addr - region->addr);
}

/*
 * sec 6.15.3.2: a root port says which sizes the root complex completes in host
 * memory; no register says it for RCiEPs, to whom ours offers all.
 */
static PCIEFabricReason check_host(PCIDevice *root_port,
                                   const PCIEFabricTLP *tlp, MemoryRegion *mr)
{
    if (pcie_fabric_op_is_atomic(tlp->op)) {
        return check_atomic(tlp, root_port ? devcap2(root_port) :
                                             rciep_completer(),
                            is_plain_ram(mr));
    }
    return tlp->poisoned && tlp->op == PCIE_FABRIC_OP_WRITE ?
           PCIE_FABRIC_REASON_POISONED : PCIE_FABRIC_REASON_NONE;
}

static PCIEFabricVerdict complete_host(PCIDevice *requester,
                                       PCIEFabricTLP *tlp,
                                       PCIDevice *root_port, AddressSpace *as,
                                       MemoryRegion *mr, hwaddr offset,
                                       hwaddr contiguous)
{
    PCIEFabricReason reason = check_host(root_port, tlp, mr);
    bool is_write = tlp->op != PCIE_FABRIC_OP_READ;
    PCIEFabricVerdict v = done();
    PCIEFabricEffect effect;
    bool ruled = pcie_fabric_rule_memory(root_port, requester, tlp, false,
                                         &effect);

    if (reason == PCIE_FABRIC_REASON_NONE) {
        if (ruled && ends_by_rule(requester, tlp, root_port, &effect, &v)) {
            return v;
        }
        if (memory_access_is_direct(mr, is_write, MEMTXATTRS_UNSPECIFIED) &&
            contiguous >= tlp->len) {
            perform_ram(tlp, mr, offset);
        } else if (pcie_fabric_op_is_atomic(tlp->op)) {
            reason = PCIE_FABRIC_REASON_NOT_ATOMIC;
        } else {
            reason = perform_host_io(requester, tlp, as, mr);
        }
    }
    if (is_gone(requester) || (root_port && is_gone(root_port))) {
        return abandoned();
    }
    if (reason != PCIE_FABRIC_REASON_NONE) {
        return refuse(requester, tlp, root_port, reason);
    }
    count_completion(root_port, tlp);
    if (ruled) {
        complete_by_rule(requester, tlp, root_port, &effect, &v);
    }
    return v;
}

/* Declared in exec/memory-internal.h, which common code cannot include. */
extern const MemoryRegionOps unassigned_mem_ops;

/* An address with nothing behind it; also what an SMMU fault looks like. */
static bool is_nowhere(MemoryRegion *mr)
{
    return !memory_region_is_ram(mr) && mr->ops == &unassigned_mem_ops;
}

/* A hole in the host bridge's window: offsets in it are PCI addresses. */
static bool is_pci_hole(MemoryRegion *mr)
{
    return mr->ops == &unassigned_io_ops;
}

/*
 * Is @offset in @mr an address of PCI: in a BAR, or in a hole of the window?
 * Then *@addr is set to it, and the root bus is returned that decodes it.
 */
static PCIBus *pci_address(PCIDevice *requester, MemoryRegion *mr,
                           hwaddr offset, uint64_t *addr)
{
    Object *owner = memory_region_owner(mr);
    PCIDevice *d;
    int i;

    if (is_pci_hole(mr)) {
        *addr = offset;
        return pci_device_root_bus(requester);
    }
    d = owner ? (PCIDevice *)object_dynamic_cast(owner, TYPE_PCI_DEVICE) : NULL;
    for (; d && mr; offset += mr->addr, mr = mr->container) {
        for (i = 0; i < PCI_NUM_REGIONS; i++) {
            if (d->io_regions[i].memory == mr &&
                !(d->io_regions[i].type & PCI_BASE_ADDRESS_SPACE_IO)) {
                *addr = d->io_regions[i].addr + offset;
                return pci_device_root_bus(d);
            }
        }
    }
    return NULL;
}

void pcie_fabric_begin_batch(PCIEFabricPathCache *cache)
{
    int i;

    for (i = 0; i < PCIE_FABRIC_WINDOWS; i++) {
        cache->window[i].len = 0;
    }
}

static PCIEFabricWindow *find_window(PCIEFabricPathCache *cache,
                                     const PCIEFabricTLP *tlp)
{
    bool is_write = tlp->op != PCIE_FABRIC_OP_READ;
    int i;

    for (i = 0; i < PCIE_FABRIC_WINDOWS; i++) {
        PCIEFabricWindow *w = &cache->window[i];

        if (tlp->addr >= w->addr && tlp->addr - w->addr < w->len &&
            tlp->len <= w->len - (tlp->addr - w->addr) &&
            w->is_write == is_write && w->at == tlp->at &&
            w->io_generation == io_generation) {
            return w;
        }
    }
    return NULL;
}

static void add_window(PCIEFabricPathCache *cache, const PCIEFabricTLP *tlp,
                       MemoryRegion *mr, hwaddr offset, hwaddr len)
{
    bool is_write = tlp->op != PCIE_FABRIC_OP_READ;

    if (memory_access_is_direct(mr, is_write, MEMTXATTRS_UNSPECIFIED)) {
        cache->window[cache->next_window++ % PCIE_FABRIC_WINDOWS] =
            (PCIEFabricWindow) {
                .addr = tlp->addr, .len = len, .mr = mr, .offset = offset,
                .is_write = is_write, .at = tlp->at,
                .io_generation = io_generation,
            };
    }
}

/* Nobody's address: the root complex answers, if it understands the request. */
static PCIEFabricReason check_nowhere(PCIDevice *root_port,
                                      const PCIEFabricTLP *tlp)
{
    return pcie_fabric_op_is_atomic(tlp->op) &&
           is_malformed(tlp, root_port ? devcap2(root_port) :
                                         ATOMIC_COMP_ANY) ?
           PCIE_FABRIC_REASON_MALFORMED : PCIE_FABRIC_REASON_NO_TARGET;
}

/* The root complex translates and finds out what is there. */
static PCIEFabricVerdict translate(PCIDevice *requester, PCIEFabricTLP *tlp,
                                   const PCIEFabricPath *up,
                                   PCIEFabricPathCache *cache)
{
    MemTxAttrs attrs = { .requester_id = pci_requester_id(requester) };
    AddressSpace *as = tlp->at == PCIE_FABRIC_AT_TRANSLATED ?
                       &address_space_memory : up->as;
    hwaddr offset, len = MAX(tlp->len, 0x1000 - (tlp->addr & 0xfff));
    PCIDevice *root_port = up->root_port;
    MemoryRegion *mr;
    PCIBus *root_bus;
    uint64_t addr;

    if (tlp->at == PCIE_FABRIC_AT_TRANSLATED && up->as != as) {
        /* The SMMU has no ATS, so it takes nothing for translated. */
        return refuse(requester, tlp, root_port,
                      PCIE_FABRIC_REASON_IOMMU_FAULT);
    }
    RCU_READ_LOCK_GUARD();
    /* Once a request, with write permission if it may write: one event. */
    mr = address_space_translate(as, tlp->addr, &offset, &len,
                                 tlp->op != PCIE_FABRIC_OP_READ, attrs);
    if (is_nowhere(mr)) {
        return refuse(requester, tlp, root_port,
                      as == &address_space_memory ?
                      check_nowhere(root_port, tlp) :
                      PCIE_FABRIC_REASON_IOMMU_FAULT);
    }
    root_bus = pci_address(requester, mr, offset, &addr);
    if (root_bus) {
        return go_down(requester, tlp, root_port, root_bus, addr, cache);
    }
    add_window(cache, tlp, mr, offset, len);
    return complete_host(requester, tlp, root_port, as, mr, offset, len);
}

static PCIEFabricVerdict enter_host(PCIDevice *requester, PCIEFabricTLP *tlp,
                                    const PCIEFabricPath *up,
                                    PCIEFabricPathCache *cache)
{
    PCIEFabricWindow *w = find_window(cache, tlp);
    uint64_t delta;

    if (!w) {
        return translate(requester, tlp, up, cache);
    }
    delta = tlp->addr - w->addr;
    return complete_host(requester, tlp, up->root_port, up->as, w->mr,
                         w->offset + delta, w->len - delta);
}

/* sec 7.5.1.1.4: what the requester's Status register says of a completion */
static void set_received_abort(PCIDevice *requester,
                               const PCIEFabricVerdict *v)
{
    if (v->outcome != PCIE_FABRIC_OUTCOME_DONE ||
        v->status == PCIE_FABRIC_CPL_SC) {
        return;
    }
    pci_word_test_and_set_mask(requester->config + PCI_STATUS,
                               v->status == PCIE_FABRIC_CPL_CA ?
                               PCI_STATUS_REC_TARGET_ABORT :
                               PCI_STATUS_REC_MASTER_ABORT);
}

/*
 * sec 6.12.1.1, P2P Completion Redirect: the completion of a request that a
 * switch has routed directly leaves by the completer's downstream port, which
 * sends it up if it is ordered. Of what is routed up the root complex sends the
 * completion the same way back.
 */
PCIDevice *pcie_fabric_redirects_completion(const PCIEFabricTLP *tlp,
                                            const PCIEFabricPath *path)
{
    PCIDevice *port = path->target ? pcie_fabric_port_above(path->target) :
                                     NULL;

    if (!port || tlp->op == PCIE_FABRIC_OP_WRITE || tlp->relaxed ||
        !port->exp.acs_cap ||
        !(pci_get_word(port->config + port->exp.acs_cap + PCI_ACS_CTRL) &
          PCI_ACS_CR)) {
        return NULL;
    }
    return port;
}

static void count_completion_redirect(const PCIEFabricTLP *tlp,
                                      const PCIEFabricPath *path)
{
    PCIDevice *port = pcie_fabric_redirects_completion(tlp, path);
    PCIEFabricCounters *c = port ? pcie_fabric_counters(port) : NULL;

    if (c) {
        c->completions_redirected++;
    }
}

PCIEFabricVerdict pcie_fabric_issue_path(PCIDevice *requester,
                                         PCIEFabricTLP *tlp,
                                         const PCIEFabricPath *path)
{
    count_passed(path);
    if (path->reason != PCIE_FABRIC_REASON_NONE) {
        return refuse(requester, tlp, path->where, path->reason);
    }
    if (path->target) {
        count_completion_redirect(tlp, path);
    }
    return done();
}

bool pcie_fabric_message(PCIDevice *requester, uint64_t addr, uint32_t data,
                         PCIEFabricPathCache *cache)
{
    PCIEFabricTLP tlp = {
        .op = PCIE_FABRIC_OP_WRITE,
        .addr = addr, .len = sizeof(data), .length_dw = 1, .buf = &data,
    };
    PCIEFabricPath *path = lookup(requester, NULL, &tlp, addr, cache);

    count_passed(path);
    if (path->reason != PCIE_FABRIC_REASON_NONE) {
        refuse(requester, &tlp, path->where, path->reason);
        return false;
    }
    return true;
}

PCIEFabricVerdict pcie_fabric_issue(PCIDevice *requester, PCIEFabricTLP *tlp,
                                    PCIEFabricPathCache *cache)
{
    PCIEFabricPath *path = lookup(requester, NULL, tlp, tlp->addr, cache);
    PCIEFabricVerdict v;
    PCIEFabricEffect effect;
    bool ruled = pcie_fabric_rule_memory(requester, requester, tlp, true,
                                         &effect);

    count_passed(path);
    if (path->reason != PCIE_FABRIC_REASON_NONE) {
        v = refuse(requester, tlp, path->where, path_reason(path, tlp));
    } else if (ruled && ends_by_rule(requester, tlp, NULL, &effect, &v)) {
        ruled = false;
    } else if (path->target) {
        count_completion_redirect(tlp, path);
        v = complete_peer(requester, tlp, path->target, path->bar, tlp->addr -
                          path->target->io_regions[path->bar].addr);
    } else {
        v = enter_host(requester, tlp, path, cache);
    }
    if (!is_gone(requester) && ruled && is_success(&v)) {
        complete_by_rule(requester, tlp, v.where, &effect, &v);
    }
    if (is_gone(requester)) {
        return abandoned();
    }
    set_received_abort(requester, &v);
    return v;
}

/* What the host would answer, found without an access that the SMMU sees. */
static PCIEFabricReason predict_host(PCIDevice *requester, PCIDevice **where,
                                     PCIEFabricTLP *tlp, PCIEFabricHop *hop,
                                     void *opaque)
{
    PCIDevice *root_port = *where;
    PCIBus *root_bus;
    hwaddr offset, len = tlp->len;
    PCIEFabricPath down;
    MemoryRegion *mr;
    uint64_t addr;

    RCU_READ_LOCK_GUARD();
    mr = address_space_translate(&address_space_memory, tlp->addr, &offset,
                                 &len, tlp->op != PCIE_FABRIC_OP_READ,
                                 MEMTXATTRS_UNSPECIFIED);
    if (is_nowhere(mr)) {
        return check_nowhere(root_port, tlp);
    }
    root_bus = pci_address(requester, mr, offset, &addr);
    if (!root_bus) {
        return check_host(root_port, tlp, mr);
    }
    pcie_fabric_route_down(root_port, root_bus,
                           pcie_fabric_op_is_atomic(tlp->op), addr, &down, hop,
                           opaque);
    *where = down.reason ? down.where : down.target;
    if (down.reason) {
        return path_reason(&down, tlp);
    }
    return check_peer(down.target, down.bar, tlp,
                      addr - down.target->io_regions[down.bar].addr);
}

PCIEFabricVerdict pcie_fabric_predict(PCIDevice *requester, PCIEFabricTLP *tlp,
                                      bool *through_iommu, PCIEFabricHop *hop,
                                      void *opaque)
{
    PCIEFabricVerdict v = { .outcome = PCIE_FABRIC_OUTCOME_NOT_ISSUED };
    bool atomic = pcie_fabric_op_is_atomic(tlp->op);
    PCIEFabricPath up;

    *through_iommu = false;
    v.where = requester;
    v.reason = pcie_fabric_check_requester(requester, atomic);
    if (v.reason) {
        return v;
    }
    tlp->length_dw = pcie_fabric_natural_length(tlp);
    v.outcome = PCIE_FABRIC_OUTCOME_DONE;
    pcie_fabric_route_up(requester, atomic, tlp->at, tlp->addr, &up, hop,
                         opaque);
    if (up.reason) {
        v.reason = path_reason(&up, tlp);
        v.where = up.where;
    } else if (up.target) {
        v.where = up.target;
        v.reason = check_peer(up.target, up.bar, tlp, tlp->addr -
                              up.target->io_regions[up.bar].addr);
        if (pcie_fabric_redirects_completion(tlp, &up) && hop) {
            hop(opaque, pcie_fabric_port_above(up.target),
                "completion-redirect");
        }
    } else {
        v.where = up.root_port;
        *through_iommu = pcie_fabric_host_address_space(requester) !=
                         &address_space_memory;
        if (!*through_iommu) {
            v.reason = predict_host(requester, &v.where, tlp, hop,
                                    opaque);
        }
    }
    return v;
}
