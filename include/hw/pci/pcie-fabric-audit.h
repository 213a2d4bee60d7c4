/*
 * PCIe fabric: the reset audit
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.6 (what software must observe
 * around resets).
 *
 * The audit only watches: nothing that a guest can see depends on it. What it
 * finds is read with query-pcie-fabric-audit; docs/system/devices/
 * pcie-fabric-audit.rst says what each finding means.
 */

#ifndef HW_PCI_PCIE_FABRIC_AUDIT_H
#define HW_PCI_PCIE_FABRIC_AUDIT_H

#include "hw/pci/pcie-fabric-gate.h"

/* More findings than that are only counted. */
#define PCIE_FABRIC_AUDIT_MAX 256

typedef struct PCIEFabricAccess {
    bool write;
    uint16_t offset;
    uint8_t size;               /* bytes */
    uint32_t value;             /* of a write, host byte order */
} PCIEFabricAccess;

/*
 * pcie_fabric_audit_init, pcie_fabric_audit_forget: @f is new; what is
 * remembered of its resets no longer counts (it goes, or the machine is reset).
 */
void pcie_fabric_audit_init(PCIEFabricFunction *f);
void pcie_fabric_audit_forget(PCIEFabricFunction *f);

/*
 * pcie_fabric_audit_access: a configuration access to @f, about to meet @state.
 */
void pcie_fabric_audit_access(PCIEFabricFunction *f, PCIEFabricGateState state,
                              const PCIEFabricAccess *access);

/*
 * pcie_fabric_audit_answered: @f has answered for the first time since a reset.
 */
void pcie_fabric_audit_answered(PCIEFabricFunction *f);

/*
 * pcie_fabric_audit_reset: a conventional reset of all below port @d begins.
 * To be called before the link or any Function changes.
 */
void pcie_fabric_audit_reset(PCIDevice *d, const char *why);

/*
 * pcie_fabric_audit_busy: a reset of @f begins; has it requests under way?
 */
void pcie_fabric_audit_busy(PCIEFabricFunction *f, const char *why);

/*
 * pcie_fabric_audit_before, pcie_fabric_audit_after: take a picture of the
 * configuration space right before and right after a reset.
 */
void pcie_fabric_audit_before(PCIEFabricFunction *f);
void pcie_fabric_audit_after(PCIEFabricFunction *f);

/*
 * pcie_fabric_audit_late_dma: a request of @d was stopped because its Bus
 * Master Enable is clear, or its link down.
 */
void pcie_fabric_audit_late_dma(PCIDevice *d, uint64_t addr, bool is_write);

#endif
