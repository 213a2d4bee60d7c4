/*
 * PCIe fabric: rules by which ports and endpoints misbehave
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The family "pcie-fabric" of rules; qapi/pcie-fabric.json has the vocabulary.
 * Whoever answers or sends a request asks here first, and does what the
 * PCIEFabricEffect says. A device without rules is not even looked at.
 */

#ifndef HW_PCI_PCIE_FABRIC_RULE_H
#define HW_PCI_PCIE_FABRIC_RULE_H

#include "hw/pci/pcie-fabric-audit.h"
#include "hw/pci/pcie-fabric-gate.h"
#include "hw/pci/pcie-fabric-tlp.h"
#include "hw/rig/rule-target.h"

extern const RigRuleFamily pcie_fabric_rule_family;

/* How a request ends by order of a rule */
typedef enum PCIEFabricEnd {
    PCIE_FABRIC_END_NONE,       /* as it would without */
    PCIE_FABRIC_END_RRS,
    PCIE_FABRIC_END_UR,
    PCIE_FABRIC_END_CA,
    PCIE_FABRIC_END_LOST,       /* nobody answers */
} PCIEFabricEnd;

/*
 * PCIEFabricEffect: what rules have to do with one request.
 */
typedef struct PCIEFabricEffect {
    PCIDevice *d;               /* whose rules; NULL: none has its turn */
    RigMatch match;
    bool config;                /* it is a configuration request */
    PCIEFabricEnd end;
} PCIEFabricEffect;

/*
 * pcie_fabric_rule_memory: a memory request of @requester is @d's to complete,
 * or is going to be sent (@sent; then both are the same). Counts it; nothing is
 * done yet. Returns whether a rule has its turn.
 */
bool pcie_fabric_rule_memory(PCIDevice *d, PCIDevice *requester,
                             const PCIEFabricTLP *tlp, bool sent,
                             PCIEFabricEffect *effect);

/*
 * pcie_fabric_rule_config: the same of a configuration request for @f.
 * @d: the Function itself, or the port above
 */
bool pcie_fabric_rule_config(PCIDevice *d, PCIEFabricFunction *f,
                             const PCIEFabricAccess *access,
                             PCIEFabricEffect *effect);

/*
 * pcie_fabric_rule_act: nothing else stands against the request: inject errors,
 * and say in @effect->end how it ends.
 * @header: of the request, for the error log
 */
void pcie_fabric_rule_act(PCIEFabricEffect *effect, const uint32_t *header);

/*
 * pcie_fabric_rule_complete: the request has been completed successfully; @data
 * of @len bytes goes back.
 * @poisoned, @delay_ns: how; NULL for a configuration request
 */
void pcie_fabric_rule_complete(PCIEFabricEffect *effect, void *data,
                               uint32_t len, bool *poisoned,
                               int64_t *delay_ns);

/*
 * pcie_fabric_config_header: header of a configuration request as the AER
 * header log shows it (sec 2.2.7).
 */
void pcie_fabric_config_header(PCIDevice *d, const PCIEFabricAccess *access,
                               uint32_t header[4]);
#endif
