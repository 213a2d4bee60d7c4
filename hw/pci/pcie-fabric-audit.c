/*
 * PCIe fabric: the reset audit
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 2.3.2 (Request Retry Status), 6.6.1
 * (100 ms), 6.6.2 (FLR).
 */

#include "qemu/osdep.h"
#include "qapi/clone-visitor.h"
#include "qapi/qapi-commands-pcie-fabric.h"
#include "qapi/qapi-events-pcie-fabric.h"
#include "qapi/qapi-visit-pcie-fabric.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-audit.h"
#include "hw/pci/pcie-fabric-link.h"
#include "qemu/log.h"
#include "trace.h"

/* sec 6.6.1, 6.6.2: what a Function is given before anybody may talk to it */
#define QUIET_NS        (100 * (int64_t)SCALE_MS)
/* How long software has to restore a Function that answers again */
#define RESTORE_NS      (1000 * (int64_t)SCALE_MS)

static PCIEFabricAuditFindingList *findings;
static PCIEFabricAuditFindingList **findings_tail = &findings;
static unsigned nr_findings;
static uint64_t nr_dropped;

static int64_t now_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/*
 * Findings
 */

static PCIEFabricAuditFinding *find_same(PCIEFabricAuditKind kind,
                                         const char *device, uint32_t resets)
{
    PCIEFabricAuditFindingList *i;

    for (i = findings; i; i = i->next) {
        if (i->value->kind == kind && i->value->resets == resets &&
            !strcmp(i->value->device, device)) {
            return i->value;
        }
    }
    return NULL;
}

static PCIEFabricAuditFinding *new_finding(PCIEFabricAuditKind kind,
                                           PCIDevice *d, uint32_t resets,
                                           const PCIEFabricAccess *access,
                                           const char *detail)
{
    PCIEFabricAuditFinding *finding = g_new0(PCIEFabricAuditFinding, 1);
    PCIDevice *above = pcie_fabric_port_above(d);

    finding->kind = kind;
    finding->device = pcie_fabric_device_name(d);
    finding->address = pci_requester_id(d);
    finding->port = above ? pcie_fabric_device_name(above) : NULL;
    finding->time_ns = now_ns();
    finding->count = 1;
    finding->resets = resets;
    finding->detail = g_strdup(detail);
    if (access) {
        finding->access = g_new0(PCIEFabricAuditAccess, 1);
        finding->access->write = access->write;
        finding->access->offset = access->offset;
        finding->access->size = access->size;
        finding->access->value = access->value;
    }
    return finding;
}

static void publish(const PCIEFabricAuditFinding *f)
{
    const char *kind = PCIEFabricAuditKind_str(f->kind);
    g_autofree char *access = f->access ?
        g_strdup_printf(", %s of %u bytes at 0x%03x",
                        f->access->write ? "write" : "read", f->access->size,
                        f->access->offset) : g_strdup("");

    trace_pcie_fabric_audit(f->device, f->address, kind, f->detail);
    qemu_log_mask(LOG_GUEST_ERROR, "pcie-fabric audit: %s: %s (%02x:%02x.%x)"
                  "%s: %s\n", kind, f->device, f->address >> 8,
                  PCI_SLOT(f->address & 0xff), PCI_FUNC(f->address & 0xff),
                  access, f->detail);
    qapi_event_send_pcie_fabric_audit((PCIEFabricAuditFinding *)f);
}

static void report(PCIEFabricAuditKind kind, PCIDevice *d, uint32_t resets,
                   const PCIEFabricAccess *access, const char *detail)
{
    g_autofree char *device = pcie_fabric_device_name(d);
    PCIEFabricAuditFinding *finding = find_same(kind, device, resets);

    if (finding) {
        finding->count++;
        return;
    }
    if (nr_findings == PCIE_FABRIC_AUDIT_MAX) {
        nr_dropped++;
        return;
    }
    finding = new_finding(kind, d, resets, access, detail);
    QAPI_LIST_APPEND(findings_tail, finding);
    nr_findings++;
    publish(finding);
}

static void report_function(PCIEFabricAuditKind kind, PCIEFabricFunction *f,
                            const PCIEFabricAccess *access, const char *detail)
{
    report(kind, f->d, f->resets, access, detail);
}

static bool is_on(PCIDevice *root_port)
{
    return !root_port || pcie_fabric_audit_enabled(root_port);
}

PCIEFabricAudit *qmp_query_pcie_fabric_audit(Error **errp)
{
    PCIEFabricAudit *audit = g_new0(PCIEFabricAudit, 1);

    audit->findings = QAPI_CLONE(PCIEFabricAuditFindingList, findings);
    audit->dropped = nr_dropped;
    return audit;
}

void qmp_pcie_fabric_audit_clear(Error **errp)
{
    qapi_free_PCIEFabricAuditFindingList(findings);
    findings = NULL;
    findings_tail = &findings;
    nr_findings = 0;
    nr_dropped = 0;
}

/*
 * Accesses
 */

/*
 * sec 6.6.1: software waits 100 ms, from the end of the reset or, below a port
 * that supports more than 5 GT/s, from the end of training.
 */
static int64_t quiet_since(PCIEFabricFunction *f)
{
    PCIEFabricLink *link;
    uint32_t lnkcap;

    if (!f->link_port) {
        return f->flr_ns;
    }
    link = pcie_fabric_link(f->link_port);
    lnkcap = pci_get_long(f->link_port->config + f->link_port->exp.exp_cap +
                          PCI_EXP_LNKCAP);
    return MAX(f->flr_ns, (lnkcap & PCI_EXP_LNKCAP_SLS) >
                          PCI_EXP_LNKCAP_SLS_5_0GB ? link->up_ns :
                                                     link->released_ns);
}

/* The one thing that software may ask a Function that is not ready */
static bool asks_for_vendor_id(const PCIEFabricAccess *access)
{
    return !access->write && access->offset == PCI_VENDOR_ID &&
           access->size >= 2;
}

static const char *reset_name(PCIEFabricFunction *f)
{
    return f->why ?: "plugged in";
}

static void audit_link_down(PCIEFabricFunction *f,
                            const PCIEFabricAccess *access)
{
    if (pcie_fabric_link(f->port)->state != PCIE_FABRIC_LINK_STATE_EMPTY) {
        report_function(PCIE_FABRIC_AUDIT_KIND_CONFIG_LINK_DOWN, f, access,
                        reset_name(f));
    }
}

void pcie_fabric_audit_access(PCIEFabricFunction *f, PCIEFabricGateState state,
                              const PCIEFabricAccess *access)
{
    int64_t since;

    if (!is_on(f->root_port)) {
        return;
    }
    if (state == PCIE_FABRIC_GATE_DOWN) {
        audit_link_down(f, access);
        return;
    }
    if (state == PCIE_FABRIC_GATE_RRS && !asks_for_vendor_id(access) &&
        pcie_fabric_rrs_visible(f->root_port)) {
        report_function(PCIE_FABRIC_AUDIT_KIND_CONFIG_NOT_READY, f, access,
                        reset_name(f));
    }
    since = quiet_since(f);
    if (since != PCIE_FABRIC_LONG_AGO && now_ns() - since < QUIET_NS) {
        g_autofree char *detail =
            g_strdup_printf("%s, %" PRId64 " us after it", reset_name(f),
                            (now_ns() - since) / SCALE_US);

        report_function(PCIE_FABRIC_AUDIT_KIND_CONFIG_TOO_EARLY, f, access,
                        detail);
    }
}

/*
 * Resets
 */

void pcie_fabric_audit_busy(PCIEFabricFunction *f, const char *why)
{
    if (is_on(f->root_port) && pcie_fabric_endpoint_busy(f->d)) {
        report_function(PCIE_FABRIC_AUDIT_KIND_RESET_DMA_IN_FLIGHT, f, NULL,
                        why);
    }
}

static void audit_busy(PCIEFabricFunction *f, void *why)
{
    pcie_fabric_audit_busy(f, why);
}

static bool holds_reset(PCIDevice *d)
{
    return pcie_fabric_port(d) &&
           (pcie_fabric_link(d)->state == PCIE_FABRIC_LINK_STATE_TRAINING ||
            pcie_fabric_link(d)->state == PCIE_FABRIC_LINK_STATE_DISABLED ||
            pcie_fabric_link(d)->state == PCIE_FABRIC_LINK_STATE_HOT_RESET);
}

/* Has a reset of @f, or one that it does to others, begun and not ended? */
static void find_unfinished(PCIEFabricFunction *f, void *opaque)
{
    bool *found = opaque;

    *found |= holds_reset(f->d) ||
              (f->resets && !f->answered &&
               pcie_fabric_gate_state(f) == PCIE_FABRIC_GATE_RRS);
}

static PCIDevice *root_port_of(PCIDevice *d)
{
    PCIEFabricFunction *f = pcie_fabric_function(d);

    if (f) {
        return f->root_port;
    }
    return pcie_cap_get_type(d) == PCI_EXP_TYPE_ROOT_PORT ? d : NULL;
}

void pcie_fabric_audit_reset(PCIDevice *d, const char *why)
{
    bool unfinished = holds_reset(d);

    if (!is_on(root_port_of(d))) {
        return;
    }
    pcie_fabric_functions_below(d, find_unfinished, &unfinished);
    if (unfinished) {
        report(PCIE_FABRIC_AUDIT_KIND_RESET_OVERLAP, d,
               pcie_fabric_link(d)->resets, NULL, why);
    }
    pcie_fabric_functions_below(d, audit_busy, (void *)why);
}

/*
 * Restoring
 */

/* Bits of the dword at @pos that only software can bring back */
static uint32_t restorable(PCIDevice *d, uint16_t pos)
{
    uint32_t mask = pci_get_long(d->wmask + pos) &
                    ~pci_get_long(d->w1cmask + pos);

    if (pos == PCI_COMMAND) {
        return 0;
    }
    if (d->pm_cap && pos == d->pm_cap + PCI_PM_CTRL) {
        return 0;
    }
    if (IS_PCI_BRIDGE(d) && pos == (PCI_BRIDGE_CONTROL & ~3)) {
        mask &= ~((uint32_t)PCI_BRIDGE_CTL_BUS_RESET << 16);
    }
    return mask;
}

/* Bits of the dword at @pos that a reset changed and nobody changed back */
static uint32_t lost_bits(PCIEFabricFunction *f, uint16_t pos)
{
    uint32_t before = pci_get_long(f->before + pos);
    uint32_t after = pci_get_long(f->after + pos);
    uint32_t now = pci_get_long(f->d->config + pos);

    return (before ^ after) & (before ^ now) & restorable(f->d, pos);
}

/* The first dword with such bits */
static bool find_lost(PCIEFabricFunction *f, uint16_t *pos)
{
    uint16_t i;

    for (i = 0; i < pci_config_size(f->d); i += 4) {
        if (lost_bits(f, i)) {
            *pos = i;
            return true;
        }
    }
    return false;
}

static void drop_pictures(PCIEFabricFunction *f)
{
    g_clear_pointer(&f->before, g_free);
    g_clear_pointer(&f->after, g_free);
}

static void check_restored(void *opaque)
{
    PCIEFabricFunction *f = opaque;
    uint16_t pos;

    if (f->before && f->after && find_lost(f, &pos)) {
        PCIEFabricAccess access = { .offset = pos, .size = 4 };
        g_autofree char *detail =
            g_strdup_printf("%s: register 0x%03x was 0x%08x, is 0x%08x",
                            reset_name(f), pos, pci_get_long(f->before + pos),
                            pci_get_long(f->d->config + pos));

        report_function(PCIE_FABRIC_AUDIT_KIND_RESTORE_LOST, f, &access,
                        detail);
    }
    drop_pictures(f);
}

void pcie_fabric_audit_init(PCIEFabricFunction *f)
{
    timer_init_ns(&f->check, QEMU_CLOCK_VIRTUAL, check_restored, f);
}

void pcie_fabric_audit_forget(PCIEFabricFunction *f)
{
    timer_del(&f->check);
    drop_pictures(f);
}

/*
 * Of two resets in a row, what was there before the first one counts, as far as
 * it had not been restored when the second one began.
 */
void pcie_fabric_audit_before(PCIEFabricFunction *f)
{
    uint8_t *before;
    uint16_t i;

    timer_del(&f->check);
    if (!is_on(f->root_port)) {
        return;
    }
    before = g_memdup2(f->d->config, pci_config_size(f->d));
    for (i = 0; f->before && f->after && i < pci_config_size(f->d); i += 4) {
        uint32_t lost = lost_bits(f, i);

        pci_set_long(before + i, (pci_get_long(before + i) & ~lost) |
                                 (pci_get_long(f->before + i) & lost));
    }
    g_free(f->before);
    f->before = before;
}

void pcie_fabric_audit_after(PCIEFabricFunction *f)
{
    if (f->before) {
        g_free(f->after);
        f->after = g_memdup2(f->d->config, pci_config_size(f->d));
    }
}

void pcie_fabric_audit_answered(PCIEFabricFunction *f)
{
    if (f->before) {
        timer_mod(&f->check, now_ns() + RESTORE_NS);
    }
}

void pcie_fabric_audit_late_dma(PCIDevice *d, uint64_t addr, bool is_write)
{
    PCIEFabricFunction *f = pcie_fabric_function(d);

    if (f && f->resets && !f->enabled && is_on(f->root_port)) {
        g_autofree char *detail =
            g_strdup_printf("%s of 0x%" PRIx64 " after %s",
                            is_write ? "write" : "read", addr, reset_name(f));

        report_function(PCIE_FABRIC_AUDIT_KIND_LATE_DMA, f, NULL, detail);
    }
}
