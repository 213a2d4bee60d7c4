/*
 * Registers and descriptors of a PCIe fabric endpoint.
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See docs/specs/pcie-fabric-endpoint.rst. Nothing here needs a C library. The
 * guest is little endian, as is the device.
 */
#ifndef RIG_FABRIC_REGS_H
#define RIG_FABRIC_REGS_H

#include <stdint.h>

/* --- the register file ---------------------------------------------------- */

enum {
    FABRIC_ID = 0x000,
    FABRIC_VERSION = 0x004,
    FABRIC_FEATURES = 0x008,
    FABRIC_MEM_SIZE = 0x010,
    FABRIC_CTRL = 0x020,
    FABRIC_STATUS = 0x024,
    FABRIC_INT_STATUS = 0x028,
    FABRIC_INT_ENABLE = 0x02c,
    FABRIC_TIMEOUT_US = 0x030,
    FABRIC_REQ_OP = 0x040,
    FABRIC_REQ_LEN = 0x044,
    FABRIC_REQ_ADDR = 0x048,
    FABRIC_REQ_OPERAND0 = 0x050,
    FABRIC_REQ_OPERAND1 = 0x060,
    FABRIC_REQ_LOCAL = 0x070,
    FABRIC_DOORBELL = 0x078,
    FABRIC_RES_STATUS = 0x080,
    FABRIC_RES_WHERE = 0x084,
    FABRIC_RES_DATA = 0x090,
    FABRIC_RING_BASE = 0x100,
    FABRIC_RING_ORDER = 0x108,
    FABRIC_RING_HEAD = 0x10c,
    FABRIC_RING_TAIL = 0x110,
};

#define FABRIC_ID_MAGIC 0x50454752u
#define FABRIC_TIMEOUT_US_RESET 50000u
#define FABRIC_CTRL_RING_EN 0x1u
#define FABRIC_CTRL_ENGINE_RESET 0x2u
#define FABRIC_STATUS_BUSY 0x1u
#define FABRIC_STATUS_RING_ERROR 0x2u
#define FABRIC_INT_COMPLETE 0x1u
#define FABRIC_INT_ERROR 0x2u

/* Request word: an operation, for AtomicOps with FABRIC_BITS(32, 64 or 128). */
enum { FABRIC_READ, FABRIC_WRITE, FABRIC_FETCH_ADD, FABRIC_SWAP, FABRIC_CAS };
#define FABRIC_BITS(bits) \
    ((bits) == 128 ? 0x40u : (bits) == 64 ? 0x30u : 0x20u)
#define FABRIC_RAISE (1u << 12)

/* Result word. */
enum { FABRIC_SC = 0, FABRIC_UR = 1, FABRIC_CA = 4 };
enum { FABRIC_PENDING, FABRIC_DONE, FABRIC_TIMEOUT, FABRIC_NOT_ISSUED };
#define FABRIC_COMPLETE (1u << 31)

enum {
    FABRIC_NONE, FABRIC_NO_BME, FABRIC_NO_REQ_EN, FABRIC_BAD_REQUEST,
    FABRIC_POWER_STATE, FABRIC_EGRESS_BLOCKED, FABRIC_NO_ROUTING,
    FABRIC_ACS_VIOLATION, FABRIC_NO_TARGET, FABRIC_LINK_DOWN,
    FABRIC_UNSUPPORTED, FABRIC_NOT_ATOMIC, FABRIC_MALFORMED, FABRIC_POISONED,
    FABRIC_IOMMU_FAULT, FABRIC_BAD_LOCAL, FABRIC_RULE, FABRIC_REASONS
};

/* A request, and what became of it. */
typedef struct FabricDesc {
    uint32_t request;
    uint32_t length;
    uint64_t addr;
    uint64_t operand0[2];
    uint64_t operand1[2];       /* written back: the original value */
    uint32_t local;
    uint32_t result;
    uint32_t where;
    uint32_t reserved;
} FabricDesc;

_Static_assert(sizeof(FabricDesc) == 64, "a descriptor has 64 bytes");

#endif
