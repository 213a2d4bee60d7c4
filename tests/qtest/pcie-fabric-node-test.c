/*
 * The qgraph node pcie-fabric-root-port does what later tests rely on
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/module.h"
#include "libqos/pcie-fabric.h"

#define SWITCH_AND_ENDPOINTS \
    "-device pcie-fabric-upstream,id=us0,bus=" QFABRIC_NODE_ID " " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=31 " \
    "-device pcie-fabric-downstream,id=ds1,bus=us0,addr=1,chassis=32 " \
    "-device pcie-fabric-endpoint,bus=ds0 " \
    "-device pcie-fabric-endpoint,bus=ds1,mem-size=4M "

/* The port itself, nothing below it */
static void test_port(void *obj, void *data, QGuestAllocator *alloc)
{
    QFabricRootPort *rp = obj;

    g_assert_cmphex(rp->port->device, ==, QFABRIC_DEVICE_RP);
    g_assert_cmpint(rp->port->type, ==, PCI_EXP_TYPE_ROOT_PORT);
    g_assert_cmphex(qfabric_ext(rp->port, PCI_EXT_CAP_ID_ERR), ==,
                    PCI_CFG_SPACE_SIZE);
    g_assert_null(qfabric_child(rp->port, 0));
}

/* A tree is numbered, placed and reachable without another line of code */
static void test_tree(void *obj, void *data, QGuestAllocator *alloc)
{
    QFabricRootPort *rp = obj;
    QTestState *qts = rp->fab->qts;
    QFabricFn *us = qfabric_child(rp->port, 0);
    QFabricFn *ep[2];
    unsigned i;

    g_assert_nonnull(us);
    g_assert_cmpint(us->type, ==, PCI_EXP_TYPE_UPSTREAM);
    for (i = 0; i < G_N_ELEMENTS(ep); i++) {
        QFabricFn *ds = qfabric_child(us, i);

        g_assert_nonnull(ds);
        g_assert_cmpint(ds->type, ==, PCI_EXP_TYPE_DOWNSTREAM);
        ep[i] = qfabric_child(ds, 0);
        g_assert_nonnull(ep[i]);
        g_assert_true(qfabric_below(ep[i], rp->port));
        g_assert_cmphex(ep[i]->bar[2].addr, >=, QFABRIC_MEM64_BASE);
    }
    g_assert_cmphex(ep[1]->bar[2].size, ==, 4 * 1024 * 1024);
    qtest_writel(qts, ep[0]->bar[2].addr, 0x11111111);
    qtest_writel(qts, ep[1]->bar[2].addr, 0x22222222);
    g_assert_cmphex(qtest_readl(qts, ep[0]->bar[2].addr), ==, 0x11111111);
    g_assert_cmphex(qtest_readl(qts, ep[1]->bar[2].addr), ==, 0x22222222);
    qfabric_msix_arm(ep[0], 0, QFABRIC_SCRATCH, 0x1234);
    g_assert_cmphex(qfabric_msg_take(rp->fab, QFABRIC_SCRATCH), ==, 0);
}

/* Handles stay valid over a reset and a new enumeration */
static void test_handles(void *obj, void *data, QGuestAllocator *alloc)
{
    QFabricRootPort *rp = obj;
    QFabricFn *ep = qfabric_nth(rp->fab, PCI_EXP_TYPE_ENDPOINT, 1);
    uint64_t addr = ep->bar[2].addr;
    uint8_t bus = ep->bus;

    qfabric_secondary_bus_reset(rp->port);
    qfabric_enumerate(rp->fab);
    g_assert_true(ep->present);
    g_assert_true(qfabric_nth(rp->fab, PCI_EXP_TYPE_ENDPOINT, 1) == ep);
    g_assert_cmphex(ep->bus, ==, bus);
    g_assert_cmphex(ep->bar[2].addr, ==, addr);
    qtest_writel(rp->fab->qts, addr, 0x33333333);
    g_assert_cmphex(qtest_readl(rp->fab->qts, addr), ==, 0x33333333);
}

static void register_tests(void)
{
    QOSGraphTestOptions tree = {
        .edge.after_cmd_line = SWITCH_AND_ENDPOINTS,
    };

    qos_add_test("port", "pcie-fabric", test_port, NULL);
    qos_add_test("tree", "pcie-fabric", test_tree, &tree);
    qos_add_test("handles-after-reset", "pcie-fabric", test_handles, &tree);
}

libqos_init(register_tests);
