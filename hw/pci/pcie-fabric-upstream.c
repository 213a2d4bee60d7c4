/*
 * PCIe fabric: upstream port of a switch
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 1.3.3, 6.15.
 *
 * Modelled:     registers of a switch's upstream port (a single Function, so
 *               without ACS: sec 6.12.1.2).
 * Not modelled: a memory BAR of the switch itself, Secondary PCIe.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-rule.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qemu/module.h"

OBJECT_DECLARE_SIMPLE_TYPE(PCIEFabricUpstream, PCIE_FABRIC_UPSTREAM)

struct PCIEFabricUpstream {
    PCIEPort parent_obj;

    PCIEFabricPort port;
};

static PCIEFabricPort *upstream_get_port(PCIDevice *d)
{
    return &PCIE_FABRIC_UPSTREAM(d)->port;
}

static bool upstream_check_parent(PCIDevice *d, Error **errp)
{
    PCIBus *bus = pci_get_bus(d);
    PCIDevice *above = pci_bridge_get_device(bus);

    if (!above || !pci_is_express_downstream_port(above)) {
        error_setg(errp, "bus=%s: an upstream port can only be plugged into "
                   "the bus of a root port or of a downstream port",
                   BUS(bus)->name);
        return false;
    }
    return true;
}

static void upstream_realize(PCIDevice *d, Error **errp)
{
    if (upstream_check_parent(d, errp)) {
        pcie_fabric_port_realize(d, errp);
    }
}

static RigRules *upstream_rules(Object *obj)
{
    return &PCIE_FABRIC_UPSTREAM(obj)->port.rules;
}

/* QEMU's default for aer_log_max asks for what is not modelled. */
static void upstream_instance_init(Object *obj)
{
    PCI_DEVICE(obj)->exp.aer_log.log_max = 0;
    rig_rules_init(upstream_rules(obj), &pcie_fabric_rule_family);
}

static void upstream_instance_finalize(Object *obj)
{
    pcie_fabric_dma_finalize(&PCIE_FABRIC_UPSTREAM(obj)->port);
    rig_rules_free(upstream_rules(obj));
}

static const VMStateDescription vmstate_upstream = {
    .name = TYPE_PCIE_FABRIC_UPSTREAM,
    .priority = MIG_PRI_PCI_BUS,
    .version_id = 3,
    .minimum_version_id = 3,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj.parent_obj.parent_obj,
                           PCIEFabricUpstream),
        VMSTATE_STRUCT(port.link, PCIEFabricUpstream, 1,
                       vmstate_pcie_fabric_link, PCIEFabricLink),
        VMSTATE_RIG_RULES(port.rules, PCIEFabricUpstream),
        VMSTATE_END_OF_LIST()
    }
};

static const Property upstream_props[] = {
    PCIE_FABRIC_PROPS_ROUTING(PCIEFabricUpstream, port.props, true),
    DEFINE_PROP_BOOL("io-window", PCIEFabricUpstream, port.io_window, true),
    DEFINE_PROP_UINT64("sn", PCIEFabricUpstream, port.props.serial, 0),
    PCIE_FABRIC_PROPS_LINK(PCIEFabricUpstream, port.props.speed,
                           port.props.width),
};

static void upstream_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);
    PCIEFabricPortClass *fpc = PCIE_FABRIC_PORT_CLASS(klass);

    dc->desc = "Upstream port of a PCI Express switch that routes AtomicOps";
    dc->vmsd = &vmstate_upstream;
    pc->realize = upstream_realize;
    pc->exit = pcie_fabric_port_exit;
    pc->config_read = pcie_fabric_read_config;
    pc->config_write = pcie_fabric_port_write_config;
    pc->vendor_id = PCIE_FABRIC_VENDOR_ID;
    pc->device_id = PCIE_FABRIC_UPSTREAM_DEVICE_ID;
    pc->class_id = PCI_CLASS_BRIDGE_PCI;
    rc->phases.hold = pcie_fabric_port_reset_hold;
    fpc->exp_type = PCI_EXP_TYPE_UPSTREAM;
    fpc->get = upstream_get_port;
    set_bit(DEVICE_CATEGORY_BRIDGE, dc->categories);
    device_class_set_props(dc, upstream_props);
    rig_rules_class_init(klass, upstream_rules);
    pcie_fabric_describe_routing(klass);
    pcie_fabric_describe_io_window(klass);
    pcie_fabric_describe_serial(klass);
}

static const TypeInfo upstream_info = {
    .name = TYPE_PCIE_FABRIC_UPSTREAM,
    .parent = TYPE_PCIE_PORT,
    .instance_size = sizeof(PCIEFabricUpstream),
    .instance_init = upstream_instance_init,
    .instance_finalize = upstream_instance_finalize,
    .class_init = upstream_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { TYPE_PCIE_FABRIC_PORT },
        { TYPE_RIG_RULE_TARGET },
        { }
    },
};

static void upstream_register_types(void)
{
    type_register_static(&upstream_info);
}

type_init(upstream_register_types)
