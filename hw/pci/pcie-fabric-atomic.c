/*
 * PCIe fabric: AtomicOps on host memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.15.1 (operations), 2.2.2 (byte
 * order: operands are little endian, in the TLP and in our memory).
 *
 * The host's own atomic instructions, as TCG uses them for guest atomics when
 * vCPUs run in parallel. When they do not, the caller sees to it that no vCPU
 * is in the middle of an instruction (pcie-fabric-engine.c).
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/atomic128.h"
#include "qemu/bswap.h"
#include "hw/pci/pcie-fabric-tlp.h"

static uint32_t new_value32(const PCIEFabricTLP *tlp, uint32_t old)
{
    uint32_t operand = ldl_le_p(tlp->operand[0]);

    switch (tlp->op) {
    case PCIE_FABRIC_OP_FETCHADD:
        return old + operand;
    case PCIE_FABRIC_OP_SWAP:
        return operand;
    default:
        return old == operand ? ldl_le_p(tlp->operand[1]) : old;
    }
}

static uint64_t new_value64(const PCIEFabricTLP *tlp, uint64_t old)
{
    uint64_t operand = ldq_le_p(tlp->operand[0]);

    switch (tlp->op) {
    case PCIE_FABRIC_OP_FETCHADD:
        return old + operand;
    case PCIE_FABRIC_OP_SWAP:
        return operand;
    default:
        return old == operand ? ldq_le_p(tlp->operand[1]) : old;
    }
}

static void atomic32(PCIEFabricTLP *tlp, uint32_t *ptr)
{
    uint32_t seen = qatomic_read(ptr), old, want;

    do {
        old = seen;
        want = cpu_to_le32(new_value32(tlp, le32_to_cpu(old)));
        seen = qatomic_cmpxchg(ptr, old, want);
    } while (seen != old);
    memcpy(tlp->original, &old, sizeof(old));
}

static void atomic64(PCIEFabricTLP *tlp, uint64_t *ptr)
{
    uint64_t seen = qatomic_read__nocheck(ptr), old, want;

    do {
        old = seen;
        want = cpu_to_le64(new_value64(tlp, le64_to_cpu(old)));
        seen = qatomic_cmpxchg__nocheck(ptr, old, want);
    } while (seen != old);
    memcpy(tlp->original, &old, sizeof(old));
}

bool pcie_fabric_atomic_has_128(void)
{
    return HAVE_CMPXCHG128;
}

/* Compared and stored as bytes, so the host's byte order does not matter. */
static void cas128(PCIEFabricTLP *tlp, Int128 *ptr)
{
    Int128 compare, swap, old;

    if (!HAVE_CMPXCHG128) {
        /* Not offered on such a host, so no request comes this far. */
        return;
    }
    memcpy(&compare, tlp->operand[0], sizeof(compare));
    memcpy(&swap, tlp->operand[1], sizeof(swap));
    old = atomic16_cmpxchg(ptr, compare, swap);
    memcpy(tlp->original, &old, sizeof(old));
}

void pcie_fabric_atomic_ram(PCIEFabricTLP *tlp, void *ptr)
{
    memset(tlp->original, 0, sizeof(tlp->original));
    switch (tlp->len) {
    case 4:
        atomic32(tlp, ptr);
        break;
    case 8:
        atomic64(tlp, ptr);
        break;
    default:
        cas128(tlp, ptr);
        break;
    }
}
