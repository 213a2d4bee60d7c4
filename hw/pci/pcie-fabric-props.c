/*
 * PCIe fabric: properties of ports and endpoints
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 7.5.3.16.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-types-common.h"
#include "qapi/visitor.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/qdev-properties-system.h"

bool pcie_fabric_props_check(const PCIEFabricProps *props, Error **errp)
{
    if (props->atomic_egress_block && !props->atomic_routing) {
        error_setg(errp, "atomic-egress-block=on needs atomic-routing=on");
        error_append_hint(errp, "A port without AtomicOp routing has no "
                          "AtomicOp Egress Blocking bit (sec 7.5.3.16).\n");
        return false;
    }
    return true;
}

/*
 * QEMU's link properties, with a refusal that says what is allowed.
 */

#define SPEEDS "2_5, 5, 8, 16, 32 or 64"
#define WIDTHS "1, 2, 4, 8, 12, 16 or 32"

static void speed_get(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    qdev_prop_pcie_link_speed.get(obj, v, name, opaque, errp);
}

static void speed_set(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    ERRP_GUARD();

    qdev_prop_pcie_link_speed.set(obj, v, name, opaque, errp);
    if (*errp) {
        error_append_hint(errp, "%s is the link speed in GT/s: " SPEEDS ".\n",
                          name);
    }
}

static void speed_set_default(ObjectProperty *op, const Property *prop)
{
    qdev_prop_pcie_link_speed.set_default_value(op, prop);
}

static void width_get(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    qdev_prop_pcie_link_width.get(obj, v, name, opaque, errp);
}

static void width_set(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    ERRP_GUARD();

    qdev_prop_pcie_link_width.set(obj, v, name, opaque, errp);
    if (*errp) {
        error_append_hint(errp, "%s is the number of lanes: " WIDTHS ".\n",
                          name);
    }
}

static void width_set_default(ObjectProperty *op, const Property *prop)
{
    qdev_prop_pcie_link_width.set_default_value(op, prop);
}

const PropertyInfo pcie_fabric_prop_speed = {
    .type = "PCIELinkSpeed",
    .description = "highest link speed in GT/s: " SPEEDS,
    .enum_table = &PCIELinkSpeed_lookup,
    .get = speed_get,
    .set = speed_set,
    .set_default_value = speed_set_default,
};

const PropertyInfo pcie_fabric_prop_width = {
    .type = "PCIELinkWidth",
    .description = "highest link width in lanes: " WIDTHS,
    .enum_table = &PCIELinkWidth_lookup,
    .get = width_get,
    .set = width_set,
    .set_default_value = width_set_default,
};

/*
 * Milliseconds, or -1 for never. They tell how the hardware behaves, and can be
 * changed while the machine runs.
 */

static void ms_get(Object *obj, Visitor *v, const char *name, void *opaque,
                   Error **errp)
{
    visit_type_int32(v, name, object_field_prop_ptr(obj, opaque), errp);
}

static void ms_set(Object *obj, Visitor *v, const char *name, void *opaque,
                   Error **errp)
{
    int32_t *field = object_field_prop_ptr(obj, opaque);
    int64_t val;

    if (!visit_type_int(v, name, &val, errp)) {
        return;
    }
    if (val < PCIE_FABRIC_NEVER || val > PCIE_FABRIC_MAX_MS) {
        error_setg(errp, "%s=%" PRId64 ": must be 0 to %d ms, or %d for never",
                   name, val, PCIE_FABRIC_MAX_MS, PCIE_FABRIC_NEVER);
        return;
    }
    *field = val;
}

static void ms_set_default(ObjectProperty *op, const Property *prop)
{
    object_property_set_default_int(op, prop->defval.i);
}

const PropertyInfo pcie_fabric_prop_ms = {
    .type = "int32",
    .description = "ms of virtual time, 0 to 3600000; -1: never",
    .realized_set_allowed = true,
    .get = ms_get,
    .set = ms_set,
    .set_default_value = ms_set_default,
};

/* What -device X,help prints besides name and default. */

void pcie_fabric_describe_completer(ObjectClass *klass)
{
    object_class_property_set_description(klass, "atomic-comp32",
        "complete 32-bit AtomicOps (DevCap2 bit 7)");
    object_class_property_set_description(klass, "atomic-comp64",
        "complete 64-bit AtomicOps (DevCap2 bit 8)");
    object_class_property_set_description(klass, "atomic-comp128",
        "complete 128-bit CAS (DevCap2 bit 9)");
}

void pcie_fabric_describe_routing(ObjectClass *klass)
{
    object_class_property_set_description(klass, "atomic-routing",
        "route AtomicOps (DevCap2 bit 6)");
    object_class_property_set_description(klass, "atomic-egress-block",
        "AtomicOp Egress Blocking after a cold reset (DevCtl2 bit 7), as "
        "firmware could leave it; needs atomic-routing=on");
}

void pcie_fabric_describe_io_window(ObjectClass *klass)
{
    object_class_property_set_description(klass, "io-window",
        "forward I/O space; off: the I/O window reads as 0");
}

void pcie_fabric_describe_serial(ObjectClass *klass)
{
    object_class_property_set_description(klass, "sn",
        "Device Serial Number; 0: made from the device's path");
}

void pcie_fabric_describe_link_times(ObjectClass *klass)
{
    object_class_property_set_description(klass, "link-up-ms",
        "time that the link needs to train, in ms; -1: it never comes up");
    object_class_property_set_description(klass, "reset-ready-ms",
        "time after the link has come up in which the Functions below answer "
        "with Request Retry Status, in ms; -1: for ever");
    object_class_property_set_description(klass, "link-loss-ms",
        "time after which a link that has come up after a reset is lost "
        "once more, in ms; 0 or -1: it is not lost");
    object_class_property_set_description(klass, "in-band-presence",
        "Presence Detect State follows the link, not the card");
}
