/*
 * PCIe fabric: ports with a slot below them
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 6.7, 7.5.3.9 to 7.5.3.11.
 *
 * Base of the root port and of the switch's downstream port: PCIESlot with a
 * PCIEFabricPort. A subclass fills in PCIEFabricPortClass, and says in
 * PCIEFabricSlotClass.check_parent where it can be plugged.
 */

#include "qemu/osdep.h"
#include "hw/hotplug.h"
#include "hw/pci/pci_bridge.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric-rule.h"
#include "hw/pci/pcie-fabric-slot.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "qemu/module.h"

static PCIEFabricPort *slot_get_port(PCIDevice *d)
{
    return &PCIE_FABRIC_SLOT(d)->port;
}

static void slot_realize(PCIDevice *d, Error **errp)
{
    PCIEFabricSlotClass *fsc = PCIE_FABRIC_SLOT_GET_CLASS(d);

    if (fsc->check_parent(d, errp)) {
        pcie_fabric_port_realize(d, errp);
    }
}

/* What is plugged below, of whatever make, changes the ways of requests. */
static void slot_plug(HotplugHandler *handler, DeviceState *dev, Error **errp)
{
    pcie_cap_slot_plug_cb(handler, dev, errp);
    if (dev->hotplugged) {
        pcie_fabric_link_update(PCI_DEVICE(handler));
        pcie_fabric_link_wake(PCI_DEVICE(handler));
    }
    pcie_fabric_paths_changed();
}

/* device_del presses the attention button. */
static void slot_unplug_request(HotplugHandler *handler, DeviceState *dev,
                                Error **errp)
{
    pcie_cap_slot_unplug_request_cb(handler, dev, errp);
    pcie_fabric_link_update(PCI_DEVICE(handler));
    pcie_fabric_link_wake(PCI_DEVICE(handler));
    pcie_fabric_paths_changed();
}

static void slot_unplug(HotplugHandler *handler, DeviceState *dev,
                        Error **errp)
{
    pcie_cap_slot_unplug_cb(handler, dev, errp);
    pcie_fabric_link_update(PCI_DEVICE(handler));
    pcie_fabric_paths_changed();
}

static RigRules *slot_rules(Object *obj)
{
    return &PCIE_FABRIC_SLOT(obj)->port.rules;
}

/* QEMU's default for aer_log_max asks for what is not modelled. */
static void slot_instance_init(Object *obj)
{
    PCI_DEVICE(obj)->exp.aer_log.log_max = 0;
    rig_rules_init(slot_rules(obj), &pcie_fabric_rule_family);
}

static void slot_instance_finalize(Object *obj)
{
    pcie_fabric_dma_finalize(&PCIE_FABRIC_SLOT(obj)->port);
    rig_rules_free(slot_rules(obj));
}

static int slot_post_load(void *opaque, int version_id)
{
    PCIDevice *d = PCI_DEVICE(opaque);

    pcie_cap_slot_post_load(d, version_id);
    pcie_fabric_link_sync(d);
    pcie_fabric_paths_changed();
    return 0;
}

static const VMStateDescription vmstate_slot = {
    .name = TYPE_PCIE_FABRIC_SLOT,
    .priority = MIG_PRI_PCI_BUS,
    .version_id = 3,
    .minimum_version_id = 3,
    .post_load = slot_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(parent_obj.parent_obj.parent_obj.parent_obj,
                           PCIEFabricSlot),
        VMSTATE_STRUCT(port.link, PCIEFabricSlot, 1, vmstate_pcie_fabric_link,
                       PCIEFabricLink),
        VMSTATE_RIG_RULES(port.rules, PCIEFabricSlot),
        VMSTATE_END_OF_LIST()
    }
};

static const Property slot_props[] = {
    DEFINE_PROP_BIT(COMPAT_PROP_PCP, PCIDevice, cap_present,
                    QEMU_PCIE_SLTCAP_PCP_BITNR, true),
    DEFINE_PROP_BOOL("acs", PCIEFabricSlot, port.acs, true),
    DEFINE_PROP_BOOL("io-window", PCIEFabricSlot, port.io_window, true),
    PCIE_FABRIC_PROPS_LINK(PCIESlot, speed, width),
    PCIE_FABRIC_PROPS_LINK_TIMES(PCIEFabricSlot, port.link),
};

static void slot_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);
    PCIEFabricPortClass *fpc = PCIE_FABRIC_PORT_CLASS(klass);
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_CLASS(klass);

    hc->plug = slot_plug;
    hc->unplug = slot_unplug;
    hc->unplug_request = slot_unplug_request;
    pc->realize = slot_realize;
    pc->exit = pcie_fabric_port_exit;
    pc->config_read = pcie_fabric_downstream_read_config;
    pc->config_write = pcie_fabric_port_write_config;
    pc->vendor_id = PCIE_FABRIC_VENDOR_ID;
    pc->class_id = PCI_CLASS_BRIDGE_PCI;
    rc->phases.hold = pcie_fabric_port_reset_hold;
    fpc->get = slot_get_port;
    dc->vmsd = &vmstate_slot;
    set_bit(DEVICE_CATEGORY_BRIDGE, dc->categories);
    device_class_set_props(dc, slot_props);
    rig_rules_class_init(klass, slot_rules);
    object_class_property_set_description(klass, "acs",
        "have the Access Control Services capability");
    pcie_fabric_describe_io_window(klass);
    pcie_fabric_describe_link_times(klass);
}

static const TypeInfo slot_info = {
    .name = TYPE_PCIE_FABRIC_SLOT,
    .parent = TYPE_PCIE_SLOT,
    .abstract = true,
    .instance_size = sizeof(PCIEFabricSlot),
    .instance_init = slot_instance_init,
    .instance_finalize = slot_instance_finalize,
    .class_size = sizeof(PCIEFabricSlotClass),
    .class_init = slot_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { TYPE_PCIE_FABRIC_PORT },
        { TYPE_RIG_RULE_TARGET },
        { }
    },
};

static void slot_register_types(void)
{
    type_register_static(&slot_info);
}

type_init(slot_register_types)
