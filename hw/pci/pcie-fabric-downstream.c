/*
 * PCIe fabric: downstream port of a switch
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 1.3.3, 6.12.1.1, 6.15.
 *
 * Modelled:     registers of a switch's downstream port, with ACS egress
 *               control, and a slot below it.
 * Not modelled: DPC, Secondary PCIe, enhanced ACS.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie-fabric-slot.h"
#include "hw/qdev-properties.h"
#include "qemu/module.h"

/*
 * sec 7.5.3.15: AtomicOp Routing Supported is set in all ports of a switch or
 * in none. A kernel may meet a switch that breaks the rule, so it can be asked
 * for, but only on purpose.
 */
static bool downstream_check_routing(PCIDevice *d, PCIDevice *upstream,
                                     Error **errp)
{
    PCIEFabricSlot *slot = PCIE_FABRIC_SLOT(d);
    bool routing = pcie_fabric_port(upstream)->props.atomic_routing;

    if (slot->port.props.atomic_routing == routing || slot->mixed_routing) {
        return true;
    }
    error_setg(errp, "atomic-routing=%s contradicts the upstream port '%s': "
               "all ports of a switch must have atomic-routing=%s",
               routing ? "off" : "on", upstream->qdev.id ?: upstream->name,
               routing ? "on" : "off");
    error_append_hint(errp, "x-mixed-routing=on makes a switch that breaks "
                      "this rule of sec 7.5.3.15.\n");
    return false;
}

static bool downstream_check_parent(PCIDevice *d, Error **errp)
{
    PCIBus *bus = pci_get_bus(d);
    PCIDevice *upstream = pci_bridge_get_device(bus);

    if (!upstream ||
        !object_dynamic_cast(OBJECT(upstream), TYPE_PCIE_FABRIC_UPSTREAM)) {
        error_setg(errp, "bus=%s: a downstream port can only be plugged into "
                   "the bus of a " TYPE_PCIE_FABRIC_UPSTREAM, BUS(bus)->name);
        return false;
    }
    return downstream_check_routing(d, upstream, errp);
}

static const Property downstream_props[] = {
    PCIE_FABRIC_PROPS_ROUTING(PCIEFabricSlot, port.props, true),
    DEFINE_PROP_BOOL("x-mixed-routing", PCIEFabricSlot, mixed_routing, false),
};

static void downstream_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    PCIEFabricPortClass *fpc = PCIE_FABRIC_PORT_CLASS(klass);
    PCIEFabricSlotClass *fsc = PCIE_FABRIC_SLOT_CLASS(klass);

    dc->desc = "Downstream port of a PCI Express switch that routes AtomicOps";
    pc->device_id = PCIE_FABRIC_DOWNSTREAM_DEVICE_ID;
    fpc->exp_type = PCI_EXP_TYPE_DOWNSTREAM;
    fpc->acs_caps = PCI_ACS_SV | PCI_ACS_TB | PCI_ACS_RR | PCI_ACS_CR |
                    PCI_ACS_UF | PCI_ACS_EC | PCI_ACS_DT;
    fsc->check_parent = downstream_check_parent;
    device_class_set_props(dc, downstream_props);
    pcie_fabric_describe_routing(klass);
    object_class_property_set_description(klass, "x-mixed-routing",
        "allow atomic-routing to differ from the upstream port's, "
        "against the specification");
}

static const TypeInfo downstream_info = {
    .name = TYPE_PCIE_FABRIC_DOWNSTREAM,
    .parent = TYPE_PCIE_FABRIC_SLOT,
    .class_init = downstream_class_init,
};

static void downstream_register_types(void)
{
    type_register_static(&downstream_info);
}

type_init(downstream_register_types)
