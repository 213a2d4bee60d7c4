/*
 * PCIe fabric: QMP and HMP commands
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Schema: qapi/pcie-fabric.json
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-pcie-fabric.h"
#include "qapi/type-helpers.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-link.h"
#include "hw/pci/pcie-fabric-tlp.h"
#include "hw/qdev-core.h"
#include "monitor/monitor.h"
#include "qemu/module.h"

char *pcie_fabric_device_name(PCIDevice *d)
{
    return d->qdev.id ? g_strdup(d->qdev.id) :
                        object_get_canonical_path(OBJECT(d));
}

static PCIDevice *find_device(const char *name, Error **errp)
{
    Object *obj = object_resolve_path_type(name, TYPE_PCI_DEVICE, NULL);
    DeviceState *dev;

    if (!obj) {
        dev = qdev_find_recursive(sysbus_get_default(), name);
        obj = dev ? object_dynamic_cast(OBJECT(dev), TYPE_PCI_DEVICE) : NULL;
    }
    if (!obj || !PCI_DEVICE(obj)->exp.exp_cap) {
        error_setg(errp, "device '%s' is not a PCI Express function", name);
        return NULL;
    }
    return PCI_DEVICE(obj);
}

static void add_hop(void *opaque, PCIDevice *d, const char *verdict)
{
    PCIEFabricHopInfoList ***tail = opaque;
    PCIEFabricHopInfo *hop = g_new0(PCIEFabricHopInfo, 1);

    if (d) {
        hop->device = pcie_fabric_device_name(d);
        hop->has_address = true;
        hop->address = pci_requester_id(d);
    }
    hop->verdict = g_strdup(verdict);
    QAPI_LIST_APPEND(*tail, hop);
}

static bool check_size(PCIEFabricRequestType type, uint32_t size, Error **errp)
{
    if (type == PCIE_FABRIC_REQUEST_TYPE_READ ||
        type == PCIE_FABRIC_REQUEST_TYPE_WRITE) {
        if (size < 1 || size > 4096) {
            error_setg(errp, "size of a read or write must be 1 to 4096");
            return false;
        }
        return true;
    }
    if (size != 4 && size != 8 && size != 16) {
        error_setg(errp, "size of an AtomicOp must be 4, 8 or 16");
        return false;
    }
    return true;
}

PCIEFabricRouteInfo *
qmp_query_pcie_fabric_route(const char *device, uint64_t address,
                            PCIEFabricRequestType type, bool has_size,
                            uint32_t size, bool has_translated,
                            bool translated, Error **errp)
{
    PCIEFabricTLP tlp = {
        /* The two enumerations have the same order. */
        .op = (PCIEFabricOp)type,
        .addr = address,
        .len = has_size ? size : 8,
        .at = has_translated && translated ? PCIE_FABRIC_AT_TRANSLATED :
                                             PCIE_FABRIC_AT_UNTRANSLATED,
    };
    PCIDevice *d = find_device(device, errp);
    PCIEFabricRouteInfo *info;
    PCIEFabricHopInfoList **tail;
    PCIEFabricVerdict v;

    if (!d || !check_size(type, tlp.len, errp)) {
        return NULL;
    }
    info = g_new0(PCIEFabricRouteInfo, 1);
    tail = &info->hops;
    v = pcie_fabric_predict(d, &tlp, &info->through_iommu, add_hop, &tail);
    info->issued = v.outcome != PCIE_FABRIC_OUTCOME_NOT_ISSUED;
    info->reason = g_strdup(pcie_fabric_reason_name(v.reason));
    info->decided_by = v.where ? pcie_fabric_device_name(v.where) : NULL;
    return info;
}

static void add_counters(PCIDevice *d, void *opaque)
{
    PCIEFabricCounterInfoList ***tail = opaque;
    PCIEFabricCounters *c = pcie_fabric_counters(d);
    PCIEFabricCounterInfo *info;

    if (!c) {
        return;
    }
    info = g_new0(PCIEFabricCounterInfo, 1);
    info->device = pcie_fabric_device_name(d);
    info->type = g_strdup(object_get_typename(OBJECT(d)));
    info->routed = c->routed;
    info->completed32 = c->completed32;
    info->completed64 = c->completed64;
    info->completed128 = c->completed128;
    info->blocked = c->blocked;
    info->acs_violations = c->acs_violations;
    info->unsupported = c->unsupported;
    info->aborted = c->aborted;
    info->malformed = c->malformed;
    info->completions_redirected = c->completions_redirected;
    QAPI_LIST_APPEND(*tail, info);
}

static int visit_device(Object *obj, void *opaque)
{
    PCIDevice *d = (PCIDevice *)object_dynamic_cast(obj, TYPE_PCI_DEVICE);

    if (d && d->qdev.realized) {
        add_counters(d, opaque);
    }
    return 0;
}

PCIEFabricCounterInfoList *qmp_query_pcie_fabric_counters(Error **errp)
{
    PCIEFabricCounterInfoList *list = NULL, **tail = &list;

    object_child_foreach_recursive(object_get_root(), visit_device, &tail);
    return list;
}

static int visit_link(Object *obj, void *opaque)
{
    PCIDevice *d = (PCIDevice *)object_dynamic_cast(obj, TYPE_PCI_DEVICE);
    PCIEFabricLink *link = d && d->qdev.realized ? pcie_fabric_link(d) : NULL;
    PCIEFabricLinkInfoList ***tail = opaque;
    PCIEFabricLinkInfo *info;

    if (!link) {
        return 0;
    }
    info = g_new0(PCIEFabricLinkInfo, 1);
    info->device = pcie_fabric_device_name(d);
    info->state = link->state;
    info->has_up_since_ns = link->up_ns != PCIE_FABRIC_LONG_AGO;
    info->up_since_ns = info->has_up_since_ns ? link->up_ns : 0;
    info->resets = link->resets;
    QAPI_LIST_APPEND(*tail, info);
    return 0;
}

PCIEFabricLinkInfoList *qmp_query_pcie_fabric_links(Error **errp)
{
    PCIEFabricLinkInfoList *list = NULL, **tail = &list;

    object_child_foreach_recursive(object_get_root(), visit_link, &tail);
    return list;
}

void qmp_pcie_fabric_link_lose(const char *device, Error **errp)
{
    PCIDevice *d = find_device(device, errp);

    if (!d) {
        return;
    }
    if (!pcie_fabric_link(d) ||
        pcie_cap_get_type(d) == PCI_EXP_TYPE_UPSTREAM) {
        error_setg(errp, "device '%s' is not a root or downstream port of the "
                   "PCIe fabric", device);
        return;
    }
    if (!pcie_fabric_link_is_active(d)) {
        error_setg(errp, "the link of '%s' is not active", device);
        return;
    }
    pcie_fabric_link_lose(d);
}

static void print_counters(GString *buf)
{
    PCIEFabricCounterInfoList *list, *i;

    list = qmp_query_pcie_fabric_counters(&error_abort);
    g_string_append_printf(buf, "%-12s %-24s %10s %8s %8s %8s %8s %8s %8s "
                           "%8s %8s\n", "device", "type", "routed", "comp32",
                           "comp64", "comp128", "blocked", "acs", "ur", "ca",
                           "malf");
    for (i = list; i; i = i->next) {
        PCIEFabricCounterInfo *c = i->value;

        g_string_append_printf(
            buf, "%-12s %-24s %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8"
            PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8"
            PRIu64 "\n", c->device, c->type, c->routed, c->completed32,
            c->completed64, c->completed128, c->blocked, c->acs_violations,
            c->unsupported, c->aborted, c->malformed);
    }
    qapi_free_PCIEFabricCounterInfoList(list);
}

static void print_links(GString *buf)
{
    PCIEFabricLinkInfoList *list, *i;

    list = qmp_query_pcie_fabric_links(&error_abort);
    g_string_append_printf(buf, "\n%-12s %-10s %8s\n", "port", "link",
                           "resets");
    for (i = list; i; i = i->next) {
        g_string_append_printf(buf, "%-12s %-10s %8u\n", i->value->device,
                               PCIEFabricLinkState_str(i->value->state),
                               i->value->resets);
    }
    qapi_free_PCIEFabricLinkInfoList(list);
}

static HumanReadableText *info_pcie_fabric(Error **errp)
{
    g_autoptr(GString) buf = g_string_new("");

    print_counters(buf);
    print_links(buf);
    return human_readable_text_from_str(buf);
}

static void pcie_fabric_register_hmp(void)
{
    monitor_register_hmp_info_hrt("pcie-fabric", info_pcie_fabric);
}

type_init(pcie_fabric_register_hmp)
