/*
 * Realm Management Monitor: granule protection for DMA
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: Arm ARM (DDI 0487) chapter D9: granule protection checks are
 * made of the physical addresses of all requesters.
 *
 * Devices get memory through a region that looks each page up in the tables and
 * refuses what is not Non-secure. Such a region lies in front of an address
 * space: of the output of the IOMMU that the PCI host bridge has, or of all
 * memory, where there is no IOMMU or the device bypasses it.
 *
 * Modelled:     PCI devices, also behind an SMMU or virtio-iommu; virtio on any
 *               transport; fw_cfg.
 * Not modelled: what is mapped in advance (vhost, vfio, a request under way
 *               while its memory is delegated), accesses of the SMMU, of the
 *               interrupt controller and of other platform devices for
 *               themselves, buses with bypass_iommu.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "hw/arm/virt.h"
#include "hw/boards.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "hw/virtio/virtio.h"
#include "dma.h"
#include "finding.h"
#include "gpt.h"
#include "granule.h"
#include "trace.h"

#define TYPE_ARM_RMM_DMA "arm-rmm-dma"
OBJECT_DECLARE_SIMPLE_TYPE(ArmRmmDma, ARM_RMM_DMA)

struct ArmRmmDma {
    IOMMUMemoryRegion parent_obj;
    AddressSpace as;                /* what devices get */
    AddressSpace *next;             /* what lies behind the check */
};

/* One for each address space that is behind a check */
static GHashTable *dma_checks;

/* Those of the IOMMU that the host bridge has: ours call them. */
static const PCIIOMMUOps *iommu_ops;
static PCIIOMMUOps checked_ops;

/*
 * Where the request goes without a check; the IOMMU itself refuses what it does
 * not translate.
 */
static IOMMUTLBEntry translate_next(ArmRmmDma *dma, hwaddr addr,
                                    IOMMUAccessFlags flag)
{
    IOMMUTLBEntry entry;

    if (dma->next != &address_space_memory) {
        RCU_READ_LOCK_GUARD();
        entry = address_space_get_iotlb_entry(dma->next, addr,
                                              flag & IOMMU_WO,
                                              MEMTXATTRS_UNSPECIFIED);
    } else {
        entry = (IOMMUTLBEntry) {
            .target_as = dma->next,
            .translated_addr = addr,
            .perm = IOMMU_RW,
        };
    }
    entry.translated_addr |= addr & entry.addr_mask;
    return entry;
}

static void refused(ArmRmm *rmm, hwaddr pa, bool is_write)
{
    trace_arm_rmm_dma_refused(pa, is_write);
    if (bql_locked()) {
        rmm_finding(rmm, ARM_RMM_FINDING_KIND_PROTECTION_FAULT, NULL, pa,
                    "DMA, %s: granule 0x%" HWADDR_PRIx " is %s since %s",
                    is_write ? "write" : "read", pa,
                    rmm_granule_name(rmm_granule_state(rmm, pa)),
                    rmm_granule_origin_name(rmm, pa));
    }
}

static IOMMUTLBEntry dma_translate(IOMMUMemoryRegion *mr, hwaddr addr,
                                   IOMMUAccessFlags flag, int iommu_idx)
{
    ArmRmm *rmm = rmm_get();
    IOMMUTLBEntry entry = translate_next(ARM_RMM_DMA(mr), addr, flag);
    unsigned gpi;

    if (entry.perm != IOMMU_NONE && rmm->config.gpc && rmm->ledger &&
        entry.target_as == &address_space_memory) {
        gpi = rmm_gpt_get(rmm, entry.translated_addr);
        if (gpi != RMM_GPI_NS && gpi != RMM_GPI_ANY) {
            entry.perm = IOMMU_NONE;
            refused(rmm, entry.translated_addr, flag & IOMMU_WO);
        }
    }
    /* The tables know pages of 4 KiB. */
    entry.iova = addr & ~0xfffull;
    entry.translated_addr &= ~0xfffull;
    entry.addr_mask = 0xfff;
    return entry;
}

/* Who keeps translations would not learn of a granule that is delegated. */
static int dma_notify_flag_changed(IOMMUMemoryRegion *mr,
                                   IOMMUNotifierFlag old_flags,
                                   IOMMUNotifierFlag new_flags, Error **errp)
{
    if (new_flags) {
        error_setg(errp, "arm-rmm cannot check the accesses of a device that "
                   "maps memory in advance, as vhost and vfio do; "
                   "dma-check=off checks no device");
        return -EINVAL;
    }
    return 0;
}

static AddressSpace *checked(AddressSpace *next)
{
    ArmRmmDma *dma = g_hash_table_lookup(dma_checks, next);

    if (!dma) {
        dma = g_new0(ArmRmmDma, 1);
        memory_region_init_iommu(dma, sizeof(*dma), TYPE_ARM_RMM_DMA,
                                 OBJECT(rmm_get()), "arm-rmm.dma", UINT64_MAX);
        dma->next = next;
        address_space_init(&dma->as, MEMORY_REGION(dma), "arm-rmm.dma");
        g_hash_table_insert(dma_checks, next, dma);
    }
    return &dma->as;
}

static AddressSpace *checked_space(PCIBus *bus, void *opaque, int devfn)
{
    return checked(iommu_ops ? iommu_ops->get_address_space(bus, opaque, devfn)
                             : &address_space_memory);
}

static void check_pci(PCIBus *bus)
{
    iommu_ops = bus->iommu_ops;
    if (iommu_ops) {
        checked_ops = *iommu_ops;
    }
    checked_ops.get_address_space = checked_space;
    pci_setup_iommu(bus, &checked_ops, bus->iommu_opaque);
}

/*
 * Virtio devices without iommu_platform bypass what the bus offers. Back ends
 * outside of this process map memory themselves.
 */
static void check_virtio(DeviceListener *listener, DeviceState *dev)
{
    VirtIODevice *vdev = (VirtIODevice *)object_dynamic_cast(
        OBJECT(dev), TYPE_VIRTIO_DEVICE);
    VirtioDeviceClass *vdc = vdev ? VIRTIO_DEVICE_GET_CLASS(vdev) : NULL;

    if (vdev && vdev->dma_as == &address_space_memory &&
        !(vdc->get_vhost && vdc->get_vhost(vdev))) {
        vdev->dma_as = checked(&address_space_memory);
    }
}

static int check_device(Object *obj, void *opaque)
{
    DeviceState *dev = (DeviceState *)object_dynamic_cast(obj, TYPE_DEVICE);

    if (dev && dev->realized) {
        check_virtio(NULL, dev);
    }
    return 0;
}

static DeviceListener dma_listener = {
    .realize = check_virtio,
};

/*
 * When the machine is complete: an IOMMU may have come after this device, and
 * PCI devices ask for their address space only now.
 */
void rmm_dma_init(ArmRmm *rmm)
{
    PCIBus *bus = VIRT_MACHINE(current_machine)->bus;
    FWCfgState *fw_cfg = fw_cfg_find();

    if (!rmm->config.dma_check) {
        return;
    }
    dma_checks = g_hash_table_new(NULL, NULL);
    if (bus) {
        check_pci(bus);
    }
    if (fw_cfg && fw_cfg->dma_as) {
        fw_cfg->dma_as = checked(&address_space_memory);
    }
    object_child_foreach_recursive(OBJECT(current_machine), check_device, NULL);
    device_listener_register(&dma_listener);
}

static void dma_class_init(ObjectClass *klass, void *data)
{
    IOMMUMemoryRegionClass *imrc = IOMMU_MEMORY_REGION_CLASS(klass);

    imrc->translate = dma_translate;
    imrc->notify_flag_changed = dma_notify_flag_changed;
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
