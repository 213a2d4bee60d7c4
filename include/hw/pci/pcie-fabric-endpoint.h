/*
 * PCIe fabric endpoint: its registers
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * BAR 0 is the register file below, 4 KiB of 32-bit memory. Registers are
 * little endian and read in naturally aligned accesses of 4 or 8 bytes.
 * BAR 2 is the peer memory: 64-bit, prefetchable, mem-size bytes of RAM.
 * BAR 4 holds the MSI-X table and pending bits.
 * The guest-visible reference is docs/specs/pcie-fabric-endpoint.rst.
 */

#ifndef HW_PCI_PCIE_FABRIC_ENDPOINT_H
#define HW_PCI_PCIE_FABRIC_ENDPOINT_H

#include "hw/registerfields.h"

/* Processing accelerator */
#define PCIE_FABRIC_EP_CLASS        0x1200

#define PCIE_FABRIC_EP_REGS_BAR     0
#define PCIE_FABRIC_EP_MEM_BAR      2
#define PCIE_FABRIC_EP_MSIX_BAR     4

#define PCIE_FABRIC_EP_REGS_SIZE    0x1000
#define PCIE_FABRIC_EP_MSIX_VECTORS 2

/* Read-only: tells the register file from any other BAR */
REG32(EP_ID, 0x000)
#define EP_ID_MAGIC                 0x50454752  /* "RGEP" */
/* Read-only: version of this layout */
REG32(EP_VERSION, 0x004)
#define EP_VERSION_CURRENT          1
/* Read-only: what the Function was built with */
REG32(EP_FEATURES, 0x008)
    FIELD(EP_FEATURES, COMP32, 0, 1)
    FIELD(EP_FEATURES, COMP64, 1, 1)
    FIELD(EP_FEATURES, COMP128, 2, 1)
    FIELD(EP_FEATURES, PEER_MEMORY, 3, 1)
/* Read-only, 64 bits: size of the peer memory in bytes */
REG32(EP_MEM_SIZE_LO, 0x010)
REG32(EP_MEM_SIZE_HI, 0x014)

#endif
