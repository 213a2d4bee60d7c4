/*
 * PCIe fabric: ports with a slot below them
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_PCI_PCIE_FABRIC_SLOT_H
#define HW_PCI_PCIE_FABRIC_SLOT_H

#include "hw/pci/pcie-fabric.h"

#define TYPE_PCIE_FABRIC_SLOT "pcie-fabric-slot"
OBJECT_DECLARE_TYPE(PCIEFabricSlot, PCIEFabricSlotClass, PCIE_FABRIC_SLOT)

struct PCIEFabricSlot {
    PCIESlot parent_obj;

    PCIEFabricPort port;
    bool mixed_routing;         /* downstream port: x-mixed-routing */
};

struct PCIEFabricSlotClass {
    PCIDeviceClass parent_class;

    /*
     * check_parent: may a port of this kind be plugged where it is?
     * Returns false with @errp set, naming what is allowed.
     */
    bool (*check_parent)(PCIDevice *d, Error **errp);
};

#endif
