/*
 * PCIe fabric: the gate in front of every Function below a port
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 2.3.1 (Request Retry Status), 6.6
 * (resets).
 *
 * Whether a configuration access arrives is not for the Function to say, be it
 * ours or one of QEMU's own: it is a matter of the link above and of the time
 * since the last reset. So the fabric puts itself in front of the accessors of
 * each Function that is plugged in below one of its ports.
 */

#ifndef HW_PCI_PCIE_FABRIC_GATE_H
#define HW_PCI_PCIE_FABRIC_GATE_H

#include "hw/pci/pci_device.h"
#include "qemu/timer.h"

typedef enum PCIEFabricGateState {
    PCIE_FABRIC_GATE_OPEN,      /* the Function answers */
    PCIE_FABRIC_GATE_RRS,       /* it answers Request Retry Status */
    PCIE_FABRIC_GATE_DOWN,      /* nothing arrives */
    PCIE_FABRIC_GATE_REFUSED,   /* a rule lets it fail */
} PCIEFabricGateState;

/*
 * PCIEFabricFunction: what the fabric knows of a Function below its ports.
 */
typedef struct PCIEFabricFunction {
    PCIDevice *d;
    PCIDevice *port;            /* nearest port of ours above */
    PCIDevice *link_port;       /* nearest one with a link */
    PCIDevice *root_port;       /* ours at the top, or NULL */
    PCIConfigReadFunc *config_read;
    PCIConfigWriteFunc *config_write;
    uint8_t initial[PCIE_CONFIG_SPACE_SIZE];    /* as it was plugged in */

    bool answered;              /* since the last reset */
    bool enabled;               /* Bus Master Enable was set since then */
    int64_t flr_ns;             /* last FLR, or PCIE_FABRIC_LONG_AGO */
    uint32_t resets;            /* that the audit speaks of */

    const char *why;            /* the last one, for the audit */
    uint8_t *before, *after;    /* configuration space around it, or NULL */
    QEMUTimer check;            /* when it should have been restored */
} PCIEFabricFunction;

/*
 * pcie_fabric_gate_init: to be called by each port that is realized.
 */
void pcie_fabric_gate_init(void);

/*
 * pcie_fabric_function: NULL if @d is not below a port of ours.
 */
PCIEFabricFunction *pcie_fabric_function(PCIDevice *d);

/*
 * pcie_fabric_functions_below: call @fn for each Function below port @d, those
 * of buses further down included, upper ones first.
 */
void pcie_fabric_functions_below(PCIDevice *d,
                                 void (*fn)(PCIEFabricFunction *, void *),
                                 void *opaque);

/*
 * pcie_fabric_gate_state: what would become of a configuration access now.
 */
PCIEFabricGateState pcie_fabric_gate_state(PCIEFabricFunction *f);

/*
 * pcie_fabric_gate_reset_begin, pcie_fabric_gate_reset_end: around a
 * conventional reset of all that is below port @d.
 * @why: static string, for the audit
 */
void pcie_fabric_gate_reset_begin(PCIDevice *d, const char *why);
void pcie_fabric_gate_reset_end(PCIDevice *d);

/*
 * pcie_fabric_gate_cold_reset: the machine was reset; forget what was below @d.
 */
void pcie_fabric_gate_cold_reset(PCIDevice *d);

/*
 * pcie_fabric_reset_stock: after a hot reset of a device that is not ours: do
 * what the specification asks for and QEMU 10.0 does not.
 */
void pcie_fabric_reset_stock(PCIEFabricFunction *f);

#endif
