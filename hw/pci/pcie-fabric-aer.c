/*
 * PCIe fabric: Advanced Error Reporting registers
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.2 and 7.8.4.
 *
 * QEMU's pcie_aer_init() offers error bits to ports that cannot have the error,
 * several header logs by default, and resets nothing on a cold reset; so the
 * registers are laid out here. What QEMU's own devices below our ports send up
 * (pcie_aer_inject_error) still finds the capability where QEMU looks for it.
 *
 * Modelled:     registers, attributes, stickiness, release of the header log.
 * Not modelled: ECRC, multiple header recording, TLP prefix log.
 */

#include "qemu/osdep.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"

/* sec 7.8.4.2: errors that any PCI Express function can have */
#define UNCOR_ANY   (PCI_ERR_UNC_DLP | PCI_ERR_UNC_POISON_TLP |             \
                     PCI_ERR_UNC_FCP | PCI_ERR_UNC_COMP_TIME |              \
                     PCI_ERR_UNC_COMP_ABORT | PCI_ERR_UNC_UNX_COMP |        \
                     PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP |           \
                     PCI_ERR_UNC_UNSUP | PCI_ERR_UNC_INTN)

/* sec 7.8.4.4: fatal by default */
#define UNCOR_FATAL (PCI_ERR_UNC_DLP | PCI_ERR_UNC_FCP |                    \
                     PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP |           \
                     PCI_ERR_UNC_INTN)

/* sec 7.8.4.3: masked by default */
#define UNCOR_MASKED PCI_ERR_UNC_INTN

static uint32_t supported_uncor(const PCIEFabricProps *props, bool acs)
{
    return UNCOR_ANY |
           (acs ? PCI_ERR_UNC_ACSV : 0) |
           (props->atomic_routing ? PCI_ERR_UNC_ATOP_EBLOCKED : 0);
}

static void init_masks(PCIDevice *d, PCIEFabricRegs *regs, uint32_t uncor)
{
    uint16_t pos = PCIE_FABRIC_AER_OFFSET;

    pci_set_long(d->w1cmask + pos + PCI_ERR_UNCOR_STATUS, uncor);
    pci_set_long(d->wmask + pos + PCI_ERR_UNCOR_MASK, uncor);
    pci_set_long(d->config + pos + PCI_ERR_UNCOR_MASK, UNCOR_MASKED & uncor);
    pci_set_long(d->wmask + pos + PCI_ERR_UNCOR_SEVER, uncor);
    pci_set_long(d->config + pos + PCI_ERR_UNCOR_SEVER, UNCOR_FATAL & uncor);

    pci_set_long(d->w1cmask + pos + PCI_ERR_COR_STATUS, PCI_ERR_COR_SUPPORTED);
    pci_set_long(d->wmask + pos + PCI_ERR_COR_MASK, PCI_ERR_COR_SUPPORTED);
    pci_set_long(d->config + pos + PCI_ERR_COR_MASK, PCI_ERR_COR_MASK_DEFAULT);
}

static void init_root(PCIDevice *d, PCIEFabricRegs *regs)
{
    uint16_t pos = PCIE_FABRIC_AER_OFFSET;

    pci_set_long(d->wmask + pos + PCI_ERR_ROOT_COMMAND,
                 PCI_ERR_ROOT_CMD_EN_MASK);
    pci_set_long(d->w1cmask + pos + PCI_ERR_ROOT_STATUS,
                 PCI_ERR_ROOT_STATUS_REPORT_MASK);
    pcie_fabric_regs_sticky(regs, pos + PCI_ERR_ROOT_STATUS, UINT32_MAX);
    pcie_fabric_regs_status(regs, d, pos + PCI_ERR_ROOT_ERR_SRC, UINT32_MAX);
    pcie_fabric_regs_sticky(regs, pos + PCI_ERR_ROOT_ERR_SRC, UINT32_MAX);
}

void pcie_fabric_aer_init(PCIDevice *d, PCIEFabricRegs *regs,
                          const PCIEFabricProps *props, bool acs)
{
    uint16_t pos = PCIE_FABRIC_AER_OFFSET;
    uint16_t reg;

    pcie_add_capability(d, PCI_EXT_CAP_ID_ERR, PCI_ERR_VER, pos,
                        PCI_ERR_SIZEOF);
    d->exp.aer_cap = pos;
    init_masks(d, regs, supported_uncor(props, acs));

    /* First Error Pointer and the four dwords of the header log */
    pcie_fabric_regs_status(regs, d, pos + PCI_ERR_CAP, PCI_ERR_CAP_FEP_MASK);
    for (reg = PCI_ERR_HEADER_LOG; reg < PCI_ERR_ROOT_COMMAND; reg += 4) {
        pcie_fabric_regs_status(regs, d, pos + reg, UINT32_MAX);
    }
    /* sec 7.8.4: all of these are ROS, RW1CS or RWS */
    for (reg = PCI_ERR_UNCOR_STATUS; reg < PCI_ERR_ROOT_COMMAND; reg += 4) {
        pcie_fabric_regs_sticky(regs, pos + reg, UINT32_MAX);
    }
    if (pcie_cap_get_type(d) == PCI_EXP_TYPE_ROOT_PORT) {
        init_root(d, regs);
    }
}

void pcie_fabric_aer_write_config(PCIDevice *d)
{
    uint8_t *aer = d->config + d->exp.aer_cap;
    uint32_t cap = pci_get_long(aer + PCI_ERR_CAP);
    uint32_t owner = 1u << (cap & PCI_ERR_CAP_FEP_MASK);

    if (!(pci_get_long(aer + PCI_ERR_UNCOR_STATUS) & owner)) {
        pci_set_long(aer + PCI_ERR_CAP, cap & ~PCI_ERR_CAP_FEP_MASK);
        memset(aer + PCI_ERR_HEADER_LOG, 0, PCI_ERR_HEADER_LOG_SIZE);
    }
}
