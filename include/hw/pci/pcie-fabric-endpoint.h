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
#define PCIE_FABRIC_EP_MAX_VFS      63

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
    FIELD(EP_FEATURES, VIRTUAL, 4, 1)
/* Read-only, 64 bits: size of the peer memory in bytes */
REG32(EP_MEM_SIZE_LO, 0x010)
REG32(EP_MEM_SIZE_HI, 0x014)

REG32(EP_CTRL, 0x020)
    FIELD(EP_CTRL, RING_EN, 0, 1)
    FIELD(EP_CTRL, ENGINE_RESET, 1, 1)
REG32(EP_STATUS, 0x024)
    FIELD(EP_STATUS, BUSY, 0, 1)
    FIELD(EP_STATUS, RING_ERROR, 1, 1)
/* Interrupt sources; bit N is sent as MSI-X vector N */
REG32(EP_INT_STATUS, 0x028)
    FIELD(EP_INT_STATUS, COMPLETE, 0, 1)
    FIELD(EP_INT_STATUS, ERROR, 1, 1)
REG32(EP_INT_ENABLE, 0x02c)
/* Completion timeout in microseconds */
REG32(EP_TIMEOUT_US, 0x030)
#define EP_TIMEOUT_US_RESET         50000
#define EP_TIMEOUT_US_MAX           1000000

REG32(EP_REQ_OP, 0x040)
    FIELD(EP_REQ_OP, OP, 0, 4)
    FIELD(EP_REQ_OP, SIZE, 4, 4)
    FIELD(EP_REQ_OP, POISONED, 8, 1)
    FIELD(EP_REQ_OP, RELAXED, 9, 1)
    FIELD(EP_REQ_OP, AT, 10, 2)
    FIELD(EP_REQ_OP, IRQ, 12, 1)
    FIELD(EP_REQ_OP, RESERVED, 13, 19)
REG32(EP_REQ_LEN, 0x044)
#define EP_REQ_LEN_MAX              4096    /* read and write: bytes */
#define EP_REQ_LENGTH_DW_MAX        1023    /* AtomicOp: DW */
REG32(EP_REQ_ADDR_LO, 0x048)
REG32(EP_REQ_ADDR_HI, 0x04c)
REG32(EP_REQ_OPERAND0, 0x050)               /* 16 bytes */
REG32(EP_REQ_OPERAND1, 0x060)               /* 16 bytes */
REG32(EP_REQ_LOCAL, 0x070)
REG32(EP_DOORBELL, 0x078)

REG32(EP_RES_STATUS, 0x080)
    FIELD(EP_RES_STATUS, CPL_STATUS, 0, 3)
    FIELD(EP_RES_STATUS, OUTCOME, 4, 4)
    FIELD(EP_RES_STATUS, COMPLETE, 31, 1)
REG32(EP_RES_WHERE, 0x084)
    FIELD(EP_RES_WHERE, ID, 0, 16)
    FIELD(EP_RES_WHERE, REASON, 16, 16)
REG32(EP_RES_DATA, 0x090)                   /* 16 bytes */

REG32(EP_RING_BASE_LO, 0x100)
REG32(EP_RING_BASE_HI, 0x104)
REG32(EP_RING_ORDER, 0x108)
#define EP_RING_ORDER_MIN           1
#define EP_RING_ORDER_MAX           16
REG32(EP_RING_HEAD, 0x10c)
REG32(EP_RING_TAIL, 0x110)

/* Descriptor in memory: offsets, little endian */
#define EP_DESC_SIZE                64
#define EP_DESC_WORD                0
#define EP_DESC_LEN                 4
#define EP_DESC_ADDR                8
#define EP_DESC_OPERAND0            16
#define EP_DESC_OPERAND1            32
#define EP_DESC_LOCAL               48
#define EP_DESC_RESULT              52
#define EP_DESC_WHERE               56

#endif
