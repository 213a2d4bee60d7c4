/*
 * PCIe fabric: root port
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 1.3.1, 6.12.1.1, 6.15.
 *
 * Modelled:     registers of a root port that completes AtomicOps to memory of
 *               the host and may route them between root ports; a slot below.
 * Not modelled: AtomicOps that the CPU initiates (so AtomicOp Requester Enable
 *               is hardwired to 0), DPC, Secondary PCIe.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie-fabric-slot.h"
#include "hw/qdev-properties.h"
#include "qemu/module.h"

static bool root_port_check_parent(PCIDevice *d, Error **errp)
{
    PCIBus *bus = pci_get_bus(d);

    if (!pci_bus_is_root(bus) || !pci_bus_is_express(bus)) {
        error_setg(errp, "bus=%s: a root port can only be plugged into a PCI "
                   "Express root bus, such as pcie.0 or that of a pxb-pcie",
                   BUS(bus)->name);
        return false;
    }
    return true;
}

static const Property root_port_props[] = {
    PCIE_FABRIC_PROPS_ROUTING(PCIEFabricSlot, port.props, false),
    PCIE_FABRIC_PROPS_COMPLETER(PCIEFabricSlot, port.props),
    DEFINE_PROP_BOOL("rrs-sv", PCIEFabricSlot, port.rrs_sv, true),
    DEFINE_PROP_BOOL("audit", PCIEFabricSlot, port.audit, true),
};

static void root_port_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    PCIEFabricPortClass *fpc = PCIE_FABRIC_PORT_CLASS(klass);
    PCIEFabricSlotClass *fsc = PCIE_FABRIC_SLOT_CLASS(klass);

    dc->desc = "PCI Express root port with AtomicOp routing and completion";
    pc->device_id = PCIE_FABRIC_ROOT_PORT_DEVICE_ID;
    fpc->exp_type = PCI_EXP_TYPE_ROOT_PORT;
    /* sec 6.12.1.1; no egress control between root ports */
    fpc->acs_caps = PCI_ACS_SV | PCI_ACS_TB | PCI_ACS_RR | PCI_ACS_CR |
                    PCI_ACS_UF | PCI_ACS_DT;
    fsc->check_parent = root_port_check_parent;
    device_class_set_props(dc, root_port_props);
    pcie_fabric_describe_routing(klass);
    pcie_fabric_describe_completer(klass);
    object_class_property_set_description(klass, "rrs-sv",
        "RRS Software Visibility (RootCap bit 0)");
    object_class_property_set_description(klass, "audit",
        "watch what software does around resets below this port");
}

static const TypeInfo root_port_info = {
    .name = TYPE_PCIE_FABRIC_ROOT_PORT,
    .parent = TYPE_PCIE_FABRIC_SLOT,
    .class_init = root_port_class_init,
};

static void root_port_register_types(void)
{
    type_register_static(&root_port_info);
}

type_init(root_port_register_types)
