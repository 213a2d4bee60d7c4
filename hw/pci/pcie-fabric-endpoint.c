/*
 * PCIe fabric: endpoint with peer memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.15 (AtomicOps), 6.6.2 (FLR),
 * 7.5.3 (PCI Express capability).
 *
 * Modelled:     an endpoint, legacy endpoint or RCiEP that requests memory
 *               reads, writes and AtomicOps (pcie-fabric-engine.c) and completes
 *               those of others in its memory; MSI-X.
 * Not modelled: SR-IOV, ATS, PASID, more than one request under way.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/log.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-endpoint.h"
#include "hw/pci/pcie-fabric-engine.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "trace.h"

OBJECT_DECLARE_SIMPLE_TYPE(PCIEFabricEndpoint, PCIE_FABRIC_ENDPOINT)

struct PCIEFabricEndpoint {
    PCIDevice parent_obj;

    /* properties */
    PCIEFabricProps props;
    char *pcie_type;
    uint64_t mem_size;

    PCIEFabricRegs regs;
    MemoryRegion mmio;
    MemoryRegion mem;
    PCIEFabricEngine engine;
    PCIEFabricCounters counters;
};

PCIEFabricCounters *pcie_fabric_endpoint_counters(PCIDevice *d)
{
    if (!object_dynamic_cast(OBJECT(d), TYPE_PCIE_FABRIC_ENDPOINT)) {
        return NULL;
    }
    return &PCIE_FABRIC_ENDPOINT(d)->counters;
}

static uint32_t endpoint_features(const PCIEFabricEndpoint *ep)
{
    uint32_t val = 0;

    val = FIELD_DP32(val, EP_FEATURES, COMP32, ep->props.atomic_comp32);
    val = FIELD_DP32(val, EP_FEATURES, COMP64, ep->props.atomic_comp64);
    val = FIELD_DP32(val, EP_FEATURES, COMP128, ep->props.atomic_comp128);
    val = FIELD_DP32(val, EP_FEATURES, PEER_MEMORY, ep->mem_size != 0);
    return val;
}

static bool endpoint_reg_read(PCIEFabricEndpoint *ep, hwaddr addr,
                              uint32_t *val)
{
    switch (addr) {
    case A_EP_ID:
        *val = EP_ID_MAGIC;
        return true;
    case A_EP_VERSION:
        *val = EP_VERSION_CURRENT;
        return true;
    case A_EP_FEATURES:
        *val = endpoint_features(ep);
        return true;
    case A_EP_MEM_SIZE_LO:
        *val = ep->mem_size;
        return true;
    case A_EP_MEM_SIZE_HI:
        *val = ep->mem_size >> 32;
        return true;
    default:
        *val = 0;
        return pcie_fabric_engine_read(&ep->engine, addr, val);
    }
}

static uint64_t endpoint_mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    PCIEFabricEndpoint *ep = opaque;
    uint32_t val;

    if (!endpoint_reg_read(ep, addr, &val)) {
        qemu_log_mask(LOG_GUEST_ERROR,
                      "%s: read of reserved register 0x%03" HWADDR_PRIx "\n",
                      ep->parent_obj.name, addr);
    }
    trace_pcie_fabric_endpoint_mmio_read(ep->parent_obj.name, addr, size, val);
    return val;
}

static void endpoint_mmio_write(void *opaque, hwaddr addr, uint64_t val,
                                unsigned size)
{
    PCIEFabricEndpoint *ep = opaque;

    trace_pcie_fabric_endpoint_mmio_write(ep->parent_obj.name, addr, size, val);
    if (!pcie_fabric_engine_write(&ep->engine, addr, val)) {
        qemu_log_mask(LOG_GUEST_ERROR, "%s: write of 0x%" PRIx64 " to register "
                      "0x%03" HWADDR_PRIx ", which is read-only, reserved, "
                      "busy, or cannot have that value\n",
                      ep->parent_obj.name, val, addr);
    }
}

static const MemoryRegionOps endpoint_mmio_ops = {
    .read = endpoint_mmio_read,
    .write = endpoint_mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

static void endpoint_write_config(PCIDevice *d, uint32_t address,
                                  uint32_t val, int len)
{
    trace_pcie_fabric_endpoint_cfg_write(d->name, pci_dev_bus_num(d),
                                         PCI_SLOT(d->devfn),
                                         PCI_FUNC(d->devfn),
                                         address, val, len);
    pci_default_write_config(d, address, val, len);
    pcie_cap_flr_write_config(d, address, val, len);
    pcie_fabric_aer_write_config(d);
    pcie_fabric_paths_changed();
}

static void endpoint_reset_hold(Object *obj, ResetType type)
{
    PCIEFabricEndpoint *ep = PCIE_FABRIC_ENDPOINT(obj);
    PCIDevice *d = PCI_DEVICE(obj);

    pcie_fabric_engine_reset(&ep->engine);
    pcie_fabric_regs_reset(&ep->regs, d, pcie_fabric_reset_kind(d));
    pcie_fabric_paths_changed();
}

static bool endpoint_check_props(PCIEFabricEndpoint *ep, Error **errp)
{
    if (strcmp(ep->pcie_type, "endpoint") && strcmp(ep->pcie_type, "legacy")) {
        error_setg(errp, "pcie-type=%s: must be 'endpoint' or 'legacy'",
                   ep->pcie_type);
        return false;
    }
    if (ep->mem_size && (!is_power_of_2(ep->mem_size) ||
                         ep->mem_size < 4 * KiB)) {
        error_setg(errp, "mem-size=%" PRIu64 ": must be 0 or a power of two "
                   "of at least 4 KiB (4096 bytes)", ep->mem_size);
        return false;
    }
    return true;
}

/* The bus decides whether there is a link above (sec 1.3.2). */
static uint8_t endpoint_type(PCIEFabricEndpoint *ep)
{
    if (pci_bus_is_root(pci_get_bus(PCI_DEVICE(ep)))) {
        return PCI_EXP_TYPE_RC_END;
    }
    return strcmp(ep->pcie_type, "legacy") ? PCI_EXP_TYPE_ENDPOINT :
                                             PCI_EXP_TYPE_LEG_END;
}

static bool endpoint_init_caps(PCIEFabricEndpoint *ep, Error **errp)
{
    PCIDevice *d = PCI_DEVICE(ep);

    pcie_fabric_regs_init(d);
    if (!pcie_fabric_pm_init(d, &ep->regs, errp) ||
        !pcie_fabric_exp_init(d, &ep->regs, &ep->props, endpoint_type(ep), 0,
                              errp)) {
        return false;
    }
    pcie_cap_flr_init(d);
    pcie_fabric_aer_init(d, &ep->regs, &ep->props, false);
    pcie_fabric_dsn_init(d, ep->props.serial);
    /* Transactions Pending: the engine sets and clears it */
    pcie_fabric_regs_status(&ep->regs, d, d->exp.exp_cap + PCI_EXP_DEVCTL,
                            PCI_EXP_DEVSTA_TRPND << 16);
    return true;
}

static bool endpoint_init_bars(PCIEFabricEndpoint *ep, Error **errp)
{
    PCIDevice *d = PCI_DEVICE(ep);

    memory_region_init_io(&ep->mmio, OBJECT(d), &endpoint_mmio_ops, ep,
                          "pcie-fabric-endpoint-regs",
                          PCIE_FABRIC_EP_REGS_SIZE);
    pci_register_bar(d, PCIE_FABRIC_EP_REGS_BAR, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &ep->mmio);
    if (ep->mem_size) {
        if (!memory_region_init_ram(&ep->mem, OBJECT(d),
                                    "pcie-fabric-endpoint-mem",
                                    ep->mem_size, errp)) {
            return false;
        }
        pci_register_bar(d, PCIE_FABRIC_EP_MEM_BAR,
                         PCI_BASE_ADDRESS_SPACE_MEMORY |
                         PCI_BASE_ADDRESS_MEM_TYPE_64 |
                         PCI_BASE_ADDRESS_MEM_PREFETCH, &ep->mem);
    }
    return true;
}

static void endpoint_init_msix(PCIDevice *d)
{
    int i;

    /* Where the machine has no MSI there is no interrupt to be had. */
    if (msix_init_exclusive_bar(d, PCIE_FABRIC_EP_MSIX_VECTORS,
                                PCIE_FABRIC_EP_MSIX_BAR, NULL) < 0) {
        return;
    }
    for (i = 0; i < PCIE_FABRIC_EP_MSIX_VECTORS; i++) {
        msix_vector_use(d, i);
    }
}

static void endpoint_realize(PCIDevice *d, Error **errp)
{
    PCIEFabricEndpoint *ep = PCIE_FABRIC_ENDPOINT(d);

    if (!endpoint_check_props(ep, errp) || !endpoint_init_caps(ep, errp) ||
        !endpoint_init_bars(ep, errp)) {
        return;
    }
    endpoint_init_msix(d);
    pcie_fabric_engine_init(&ep->engine, d, ep->mem_size ? &ep->mem : NULL);
    pcie_fabric_regs_seal(&ep->regs, d);
    pcie_fabric_paths_changed();
}

static void endpoint_exit(PCIDevice *d)
{
    pcie_fabric_engine_exit(&PCIE_FABRIC_ENDPOINT(d)->engine);
    pcie_fabric_paths_changed();
    if (msix_present(d)) {
        msix_uninit_exclusive_bar(d);
    }
    pcie_cap_exit(d);
}

static const VMStateDescription vmstate_endpoint = {
    .name = TYPE_PCIE_FABRIC_ENDPOINT,
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj, PCIEFabricEndpoint),
        VMSTATE_MSIX(parent_obj, PCIEFabricEndpoint),
        VMSTATE_STRUCT(engine, PCIEFabricEndpoint, 1,
                       vmstate_pcie_fabric_engine, PCIEFabricEngine),
        VMSTATE_END_OF_LIST()
    }
};

static const Property endpoint_props[] = {
    PCIE_FABRIC_PROPS_COMPLETER(PCIEFabricEndpoint, props),
    DEFINE_PROP_STRING("pcie-type", PCIEFabricEndpoint, pcie_type),
    DEFINE_PROP_SIZE("mem-size", PCIEFabricEndpoint, mem_size, 1 * MiB),
    DEFINE_PROP_UINT64("sn", PCIEFabricEndpoint, props.serial, 0),
    PCIE_FABRIC_PROPS_LINK(PCIEFabricEndpoint, props.speed, props.width),
};

static void endpoint_instance_init(Object *obj)
{
    PCIE_FABRIC_ENDPOINT(obj)->pcie_type = g_strdup("endpoint");
}

static void endpoint_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    dc->desc = "PCI Express endpoint: AtomicOp requester and peer memory";
    dc->vmsd = &vmstate_endpoint;
    pc->realize = endpoint_realize;
    pc->exit = endpoint_exit;
    pc->config_read = pcie_fabric_read_config;
    pc->config_write = endpoint_write_config;
    pc->vendor_id = PCIE_FABRIC_VENDOR_ID;
    pc->device_id = PCIE_FABRIC_ENDPOINT_DEVICE_ID;
    pc->class_id = PCIE_FABRIC_EP_CLASS;
    rc->phases.hold = endpoint_reset_hold;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, endpoint_props);
    pcie_fabric_describe_completer(klass);
    pcie_fabric_describe_serial(klass);
    object_class_property_set_description(klass, "pcie-type",
        "Device/Port Type below a port: 'endpoint' or 'legacy' "
        "(default endpoint); on a root bus it is always an RCiEP");
    object_class_property_set_description(klass, "mem-size",
        "size of the peer memory in BAR 2: 0 (none), or a power of two of at "
        "least 4 KiB");
}

static const TypeInfo endpoint_info = {
    .name = TYPE_PCIE_FABRIC_ENDPOINT,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(PCIEFabricEndpoint),
    .instance_init = endpoint_instance_init,
    .class_init = endpoint_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { }
    },
};

static void endpoint_register_types(void)
{
    type_register_static(&endpoint_info);
}

type_init(endpoint_register_types)
