/*
 * PCIe fabric: requests of devices that are not ours
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.12 (ACS), 7.5.1.1.3 (Bus Master
 * Enable).
 *
 * QEMU gives each Function an address space for its DMA and its messages: that
 * of the nearest bus above that has PCIIOMMUOps. Ports of ours have some, with
 * an IOMMU memory region that translates nothing: it asks the router where a
 * request goes, and passes it on to the peer's bus, to the root complex and
 * whatever IOMMU is there, or to nobody.
 *
 * Modelled:     all that the router does, for each access that QEMU makes.
 * Not modelled: AtomicOps (QEMU's devices send none); errors and counters of
 *               requests from I/O threads; vhost, which wants to know
 *               translations in advance.
 */

#include "qemu/osdep.h"
#include "exec/memory.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-audit.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "trace.h"

#define TYPE_PCIE_FABRIC_DMA "pcie-fabric-dma"

typedef struct PCIEFabricDMA {
    IOMMUMemoryRegion iommu;
    AddressSpace as;
    AddressSpace *host;         /* what lies above the fabric */
    PCIBus *bus;
    int devfn;
    uint64_t generation;        /* of @path */
    PCIEFabricPath path;        /* that was used last */
} PCIEFabricDMA;

static AddressSpace *get_address_space(PCIBus *bus, void *opaque, int devfn);

static const PCIIOMMUOps dma_ops = {
    .get_address_space = get_address_space,
};

/*
 * The address space that the first bus above with an IOMMU that is not ours has
 * for requester @bus, @devfn.
 */
static AddressSpace *host_address_space(PCIBus *bus, int devfn)
{
    PCIBus *iommu_bus = bus;

    while (!iommu_bus->iommu_ops || iommu_bus->iommu_ops == &dma_ops) {
        if (!iommu_bus->parent_dev) {
            return &address_space_memory;
        }
        iommu_bus = pci_get_bus(iommu_bus->parent_dev);
    }
    if (pci_bus_bypass_iommu(bus)) {
        return &address_space_memory;
    }
    return iommu_bus->iommu_ops->get_address_space(bus, iommu_bus->iommu_opaque,
                                                   devfn);
}

AddressSpace *pcie_fabric_host_address_space(PCIDevice *d)
{
    PCIBus *bus = pci_get_bus(d);

    return bus->iommu_ops == &dma_ops ? host_address_space(bus, d->devfn) :
                                        pci_device_iommu_address_space(d);
}

/*
 * Whose Requester ID the request has: behind a bridge to conventional PCI
 * that is the bridge's.
 */
static PCIDevice *requester(const PCIEFabricDMA *dma)
{
    return pci_bus_is_express(dma->bus) ? dma->bus->devices[dma->devfn] :
                                          dma->bus->parent_dev;
}

/* The largest aligned block around @addr that lies within the path's range */
static hwaddr block_mask(const PCIEFabricPath *path, hwaddr addr)
{
    hwaddr mask = UINT64_MAX;

    while ((addr & ~mask) < path->lo || (addr | mask) > path->hi) {
        mask >>= 1;
    }
    return mask;
}

/* The way of a request; the last one is remembered as long as it holds. */
static const PCIEFabricPath *find_path(PCIEFabricDMA *dma, PCIDevice *d,
                                       hwaddr addr)
{
    bool traced = trace_event_get_state_backends(TRACE_PCIE_FABRIC_HOP);
    PCIEFabricPath *path = &dma->path;

    if (dma->generation != pcie_fabric_paths_generation() ||
        !path->cacheable || addr < path->lo || addr > path->hi || traced) {
        dma->generation = pcie_fabric_paths_generation();
        pcie_fabric_route_up(d, false, PCIE_FABRIC_AT_UNTRANSLATED, addr, path,
                             NULL, NULL);
    }
    return path;
}

static void fill_entry(PCIEFabricDMA *dma, const PCIEFabricPath *path,
                       IOMMUTLBEntry *entry)
{
    if (path->reason != PCIE_FABRIC_REASON_NONE) {
        return;
    }
    entry->target_as = path->target ?
                       pcie_fabric_bus_address_space(path->target) : dma->host;
    entry->addr_mask = block_mask(path, entry->iova);
    entry->translated_addr = entry->iova & ~entry->addr_mask;
    entry->iova &= ~entry->addr_mask;
    entry->perm = IOMMU_RW;
}

/*
 * Count, log and audit. Requests of our own endpoints have been through that
 * already: what comes by here of theirs are messages, on their last leg.
 */
static void account(PCIDevice *d, const PCIEFabricPath *path, hwaddr addr,
                    bool is_write)
{
    uint8_t payload[4];
    PCIEFabricTLP tlp = {
        .op = is_write ? PCIE_FABRIC_OP_WRITE : PCIE_FABRIC_OP_READ,
        .addr = addr, .len = sizeof(payload), .buf = payload,
    };

    if (pcie_fabric_endpoint_counters(d)) {
        return;
    }
    if (path->reason == PCIE_FABRIC_REASON_LINK_DOWN &&
        path->where == pcie_fabric_port_above(d)) {
        /* It never left the device. */
        pcie_fabric_audit_late_dma(d, addr, is_write);
        return;
    }
    tlp.length_dw = pcie_fabric_natural_length(&tlp);
    pcie_fabric_issue_path(d, &tlp, path);
}

static IOMMUTLBEntry dma_translate(IOMMUMemoryRegion *iommu, hwaddr addr,
                                   IOMMUAccessFlags flag, int iommu_idx)
{
    PCIEFabricDMA *dma = container_of(iommu, PCIEFabricDMA, iommu);
    PCIDevice *d = requester(dma);
    IOMMUTLBEntry entry = {
        .target_as = &address_space_memory,
        .iova = addr, .translated_addr = addr, .addr_mask = 0xfff,
        .perm = IOMMU_NONE,
    };
    bool is_write = flag & IOMMU_WO;
    PCIEFabricReason reason;

    if (!d) {
        return entry;
    }
    reason = pcie_fabric_check_requester(d, false);
    if (reason != PCIE_FABRIC_REASON_NONE) {
        trace_pcie_fabric_dma(d->name, pci_requester_id(d), addr, is_write,
                              pcie_fabric_reason_name(reason));
        if (bql_locked()) {
            pcie_fabric_audit_late_dma(d, addr, is_write);
        }
        return entry;
    }
    if (!dma->host) {
        dma->host = host_address_space(dma->bus, dma->devfn);
    }
    if (bql_locked()) {
        const PCIEFabricPath *path = find_path(dma, d, addr);

        fill_entry(dma, path, &entry);
        account(d, path, addr, is_write);
        reason = path->reason;
    } else {
        g_autofree PCIEFabricPath *path = g_new(PCIEFabricPath, 1);

        pcie_fabric_route_up(d, false, PCIE_FABRIC_AT_UNTRANSLATED, addr, path,
                             NULL, NULL);
        fill_entry(dma, path, &entry);
        reason = path->reason;
    }
    trace_pcie_fabric_dma(d->name, pci_requester_id(d), addr, is_write,
                          pcie_fabric_reason_name(reason));
    return entry;
}

static int dma_notify_flag_changed(IOMMUMemoryRegion *iommu,
                                   IOMMUNotifierFlag old_flags,
                                   IOMMUNotifierFlag new_flags, Error **errp)
{
    if (new_flags) {
        error_setg(errp, "a device below a PCIe fabric port cannot be told of "
                   "address translations in advance, as vhost wants to be");
        return -EINVAL;
    }
    return 0;
}

static AddressSpace *get_address_space(PCIBus *bus, void *opaque, int devfn)
{
    PCIDevice *port = opaque;
    GPtrArray *all = pcie_fabric_port(port)->dma;
    g_autofree char *name = NULL;
    PCIEFabricDMA *dma;
    unsigned i;

    for (i = 0; i < all->len; i++) {
        dma = g_ptr_array_index(all, i);
        if (dma->bus == bus && dma->devfn == devfn) {
            return &dma->as;
        }
    }
    dma = g_new0(PCIEFabricDMA, 1);
    dma->bus = bus;
    dma->devfn = devfn;
    name = g_strdup_printf("pcie-fabric-dma-%02x.%x", PCI_SLOT(devfn),
                           PCI_FUNC(devfn));
    memory_region_init_iommu(&dma->iommu, sizeof(dma->iommu),
                             TYPE_PCIE_FABRIC_DMA, OBJECT(port), name,
                             UINT64_MAX);
    address_space_init(&dma->as, MEMORY_REGION(&dma->iommu), name);
    g_ptr_array_add(all, dma);
    return &dma->as;
}

void pcie_fabric_dma_init(PCIDevice *d)
{
    pcie_fabric_port(d)->dma = g_ptr_array_new_with_free_func(g_free);
    pci_setup_iommu(pci_bridge_get_sec_bus(PCI_BRIDGE(d)), &dma_ops, d);
}

void pcie_fabric_dma_exit(PCIDevice *d)
{
    GPtrArray *all = pcie_fabric_port(d)->dma;
    unsigned i;

    for (i = 0; i < all->len; i++) {
        PCIEFabricDMA *dma = g_ptr_array_index(all, i);

        address_space_destroy(&dma->as);
    }
}

void pcie_fabric_dma_finalize(PCIEFabricPort *port)
{
    g_clear_pointer(&port->dma, g_ptr_array_unref);
}

static void dma_class_init(ObjectClass *klass, void *data)
{
    IOMMUMemoryRegionClass *imrc = IOMMU_MEMORY_REGION_CLASS(klass);

    imrc->translate = dma_translate;
    imrc->notify_flag_changed = dma_notify_flag_changed;
}

static const TypeInfo dma_info = {
    .name = TYPE_PCIE_FABRIC_DMA,
    .parent = TYPE_IOMMU_MEMORY_REGION,
    .class_init = dma_class_init,
};

static void dma_register_types(void)
{
    type_register_static(&dma_info);
}

type_init(dma_register_types)
