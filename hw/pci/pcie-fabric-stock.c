/*
 * PCIe fabric: what QEMU's own devices forget on a hot reset
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.6.1 (conventional reset), 7.4
 * (register attributes), 7.5.3 (PCI Express capability), 7.7.11 (ACS), 10.5.1
 * (ATS).
 *
 * QEMU 10.0 resets the header, MSI and SR-IOV of every device, and leaves what
 * else is standard to each of them. A register of the table below gets back the
 * value of when the device was plugged in, as far as it is not sticky.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric-gate.h"

typedef struct StockReg {
    uint16_t offset;            /* in the capability */
    uint16_t mask;              /* bits that are RW or RW1C, and not sticky */
} StockReg;

static const StockReg exp_regs[] = {
    { PCI_EXP_DEVCTL, 0x7fff },
    { PCI_EXP_DEVSTA, PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED |
                      PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD },
    { PCI_EXP_LNKCTL, 0xffff },
    { PCI_EXP_DEVCTL2, 0xffff },
};

static const StockReg acs_regs[] = { { PCI_ACS_CTRL, 0xffff } };
static const StockReg ats_regs[] = { { PCI_ATS_CTRL, 0xffff } };

static void reset_regs(PCIEFabricFunction *f, uint16_t cap,
                       const StockReg *regs, unsigned n)
{
    unsigned i;

    if (!cap) {
        return;
    }
    for (i = 0; i < n; i++) {
        uint16_t pos = cap + regs[i].offset;
        uint8_t *reg = f->d->config + pos;

        pci_set_word(reg, (pci_get_word(reg) & ~regs[i].mask) |
                          (pci_get_word(f->initial + pos) & regs[i].mask));
    }
}

void pcie_fabric_reset_stock(PCIEFabricFunction *f)
{
    PCIDevice *d = f->d;

    reset_regs(f, d->exp.exp_cap, exp_regs, ARRAY_SIZE(exp_regs));
    reset_regs(f, d->exp.acs_cap, acs_regs, ARRAY_SIZE(acs_regs));
    reset_regs(f, d->exp.ats_cap, ats_regs, ARRAY_SIZE(ats_regs));
    if (IS_PCI_BRIDGE(d)) {
        pci_word_test_and_clear_mask(d->config + PCI_SEC_STATUS, 0xf900);
        /* QEMU closes the windows and leaves what they let through. */
        pci_bridge_update_mappings(PCI_BRIDGE(d));
    }
}
