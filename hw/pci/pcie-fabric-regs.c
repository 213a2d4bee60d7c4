/*
 * PCIe fabric: what a reset does to a register
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.6 (resets), 7.4 (attributes).
 *
 * QEMU knows one cold reset and leaves the rest to each device. Here every
 * capability says, when it is added, which of its bits are sticky; what may be
 * written or is status follows from QEMU's own masks. One loop does the rest.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie-fabric.h"
#include "trace.h"

static const char *const reset_kind_name[PCIE_FABRIC_RESET__MAX] = {
    [PCIE_FABRIC_RESET_COLD] = "cold",
    [PCIE_FABRIC_RESET_HOT] = "hot",
    [PCIE_FABRIC_RESET_FLR] = "flr",
};

void pcie_fabric_regs_init(PCIDevice *d)
{
    memset(d->wmask + PCI_CONFIG_HEADER_SIZE, 0,
           PCIE_CONFIG_SPACE_SIZE - PCI_CONFIG_HEADER_SIZE);
    /* sec 7.5.1.1.3 */
    pci_word_test_and_set_mask(d->wmask + PCI_COMMAND, PCI_COMMAND_PARITY);
}

void pcie_fabric_regs_sticky(PCIEFabricRegs *regs, uint16_t offset,
                             uint32_t mask)
{
    pci_long_test_and_set_mask(regs->sticky + offset, mask);
}

void pcie_fabric_regs_flr_keeps(PCIEFabricRegs *regs, uint16_t offset,
                                uint32_t mask)
{
    pci_long_test_and_set_mask(regs->flr_keeps + offset, mask);
}

void pcie_fabric_regs_status(PCIEFabricRegs *regs, PCIDevice *d,
                             uint16_t offset, uint32_t mask)
{
    pci_long_test_and_set_mask(regs->state + offset, mask);
    pci_long_test_and_clear_mask(d->cmask + offset, mask);
}

void pcie_fabric_regs_seal(PCIEFabricRegs *regs, PCIDevice *d)
{
    int i;

    memcpy(regs->value, d->config, sizeof(regs->value));
    for (i = 0; i < PCIE_CONFIG_SPACE_SIZE; i++) {
        regs->state[i] |= d->wmask[i] | d->w1cmask[i];
    }
}

void pcie_fabric_regs_reset(const PCIEFabricRegs *regs, PCIDevice *d,
                            PCIEFabricResetKind kind)
{
    int i;

    trace_pcie_fabric_reset(d->name, pci_dev_bus_num(d), PCI_SLOT(d->devfn),
                            PCI_FUNC(d->devfn), reset_kind_name[kind]);
    for (i = 0; i < PCIE_CONFIG_SPACE_SIZE; i++) {
        uint8_t mask = regs->state[i];

        if (kind != PCIE_FABRIC_RESET_COLD) {
            mask &= ~regs->sticky[i];
        }
        if (kind == PCIE_FABRIC_RESET_FLR) {
            mask &= ~regs->flr_keeps[i];
        }
        d->config[i] = (d->config[i] & ~mask) | (regs->value[i] & mask);
    }
}

/*
 * A port of ours says so itself while it resets what is below it. Below ports
 * of another make the level of their Secondary Bus Reset bit is all there is to
 * see; it tells a system reset during SBR wrongly, and nothing else.
 */
static bool port_is_resetting(PCIDevice *bridge)
{
    PCIEFabricPort *port = pcie_fabric_port(bridge);

    return port ? port->hot_reset :
           pci_get_word(bridge->config + PCI_BRIDGE_CONTROL) &
           PCI_BRIDGE_CTL_BUS_RESET;
}

PCIEFabricResetKind pcie_fabric_reset_kind(PCIDevice *d)
{
    PCIDevice *bridge;

    if (d->exp.exp_cap &&
        pci_get_word(d->config + d->exp.exp_cap + PCI_EXP_DEVCTL) &
        PCI_EXP_DEVCTL_BCR_FLR) {
        return PCIE_FABRIC_RESET_FLR;
    }
    for (bridge = pcie_fabric_port_above(d); bridge;
         bridge = pcie_fabric_port_above(bridge)) {
        if (port_is_resetting(bridge)) {
            return PCIE_FABRIC_RESET_HOT;
        }
    }
    return PCIE_FABRIC_RESET_COLD;
}
