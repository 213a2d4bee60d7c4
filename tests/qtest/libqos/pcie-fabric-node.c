/*
 * qgraph node of the fabric's root port
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Kept apart from pcie-fabric.c, so that test programs without qgraph can
 * link that one alone.
 */
#include "qemu/osdep.h"
#include "qemu/module.h"
#include "pcie-fabric.h"

#define NODE            "pcie-fabric-root-port"
#define NODE_ADDR       "1e.0"          /* clear of libqos' own devices */
#define NODE_DEVFN      QPCI_DEVFN(0x1e, 0)

static void *root_port_get_driver(void *obj, const char *interface)
{
    if (!g_strcmp0(interface, "pcie-fabric")) {
        return obj;
    }
    fprintf(stderr, "%s not present in " NODE "\n", interface);
    g_assert_not_reached();
}

static void root_port_start(QOSGraphObject *obj)
{
    QFabricRootPort *rp = container_of(obj, QFabricRootPort, obj);

    qfabric_enumerate(rp->fab);
    rp->port = qfabric_at(rp->fab, 0, NODE_DEVFN);
    g_assert_nonnull(rp->port);
}

static void root_port_destroy(QOSGraphObject *obj)
{
    QFabricRootPort *rp = container_of(obj, QFabricRootPort, obj);

    qfabric_free(rp->fab);
}

static void *root_port_create(void *pci_bus, QGuestAllocator *alloc,
                              void *addr)
{
    QFabricRootPort *rp = g_new0(QFabricRootPort, 1);
    QPCIBus *bus = pci_bus;
    QGenericPCIBus *gbus = container_of(bus, QGenericPCIBus, bus);

    rp->fab = qfabric_new_bare(bus->qts);
    rp->fab->ecam = gbus->ecam_alloc_ptr;
    rp->obj.get_driver = root_port_get_driver;
    rp->obj.start_hw = root_port_start;
    rp->obj.destructor = root_port_destroy;
    return &rp->obj;
}

static void root_port_register(void)
{
    QOSGraphEdgeOptions opts = {
        .extra_device_opts = "id=" QFABRIC_NODE_ID ",addr=" NODE_ADDR
                             ",chassis=30,slot=30",
        /* No card of the machine's own: its boot ROM may not be installed */
        .before_cmd_line = "-nic none",
    };

    qos_node_create_driver(NODE, root_port_create);
    qos_node_consumes(NODE, "pci-bus", &opts);
    qos_node_produces(NODE, "pcie-fabric");
}

libqos_init(root_port_register);
