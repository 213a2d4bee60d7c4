/*
 * Realm Management Monitor: granule protection for DMA
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A PCI host bridge without an IOMMU gives its devices all memory. Here they
 * get it through a region that refuses what is not Non-secure. A machine with
 * an SMMU keeps it: its output is not checked, and neither are devices that are
 * not PCI, or virtio devices without iommu_platform=on.
 */

#include "qemu/osdep.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "hw/arm/arm-rmm.h"
#include "hw/arm/virt.h"
#include "hw/boards.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "trace.h"

#define TYPE_ARM_RMM_DMA "arm-rmm-dma"
OBJECT_DECLARE_SIMPLE_TYPE(ArmRmmDma, ARM_RMM_DMA)

struct ArmRmmDma {
    IOMMUMemoryRegion parent_obj;
    AddressSpace as;
};

static IOMMUTLBEntry dma_translate(IOMMUMemoryRegion *mr, hwaddr addr,
                                   IOMMUAccessFlags flag, int iommu_idx)
{
    ArmRmm *rmm = rmm_get();
    IOMMUTLBEntry entry = {
        .target_as = &address_space_memory,
        .iova = addr & ~0xfffull,
        .translated_addr = addr & ~0xfffull,
        .addr_mask = 0xfff,
        .perm = IOMMU_RW,
    };
    unsigned gpi;

    if (!rmm->gpc || !rmm->ledger) {
        return entry;
    }
    gpi = rmm_gpt_get(rmm, addr);
    if (gpi != RMM_GPI_NS && gpi != RMM_GPI_ANY) {
        entry.perm = IOMMU_NONE;
        trace_arm_rmm_dma_refused(addr, flag == IOMMU_WO);
    }
    return entry;
}

static AddressSpace *dma_space(PCIBus *bus, void *opaque, int devfn)
{
    ArmRmmDma *dma = opaque;

    return &dma->as;
}

static const PCIIOMMUOps dma_ops = {
    .get_address_space = dma_space,
};

void rmm_dma_init(ArmRmm *rmm)
{
    PCIBus *bus = VIRT_MACHINE(current_machine)->bus;
    ArmRmmDma *dma;

    if (!rmm->dma_check || !bus || bus->iommu_ops) {
        return;
    }
    dma = g_new0(ArmRmmDma, 1);
    memory_region_init_iommu(dma, sizeof(*dma), TYPE_ARM_RMM_DMA, OBJECT(rmm),
                             "arm-rmm.dma", UINT64_MAX);
    address_space_init(&dma->as, MEMORY_REGION(dma), "arm-rmm.dma");
    rmm->dma = dma;
    pci_setup_iommu(bus, &dma_ops, dma);
}

static void dma_class_init(ObjectClass *klass, void *data)
{
    IOMMUMemoryRegionClass *imrc = IOMMU_MEMORY_REGION_CLASS(klass);

    imrc->translate = dma_translate;
}

static const TypeInfo dma_types[] = {
    {
        .name = TYPE_ARM_RMM_DMA,
        .parent = TYPE_IOMMU_MEMORY_REGION,
        .instance_size = sizeof(ArmRmmDma),
        .class_init = dma_class_init,
    },
};

DEFINE_TYPES(dma_types)
