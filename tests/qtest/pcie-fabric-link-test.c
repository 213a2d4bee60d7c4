/*
 * Link and slot registers of pcie-fabric-* devices
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 7.5.3.6 to 7.5.3.11, 7.5.3.18, 7.5.3.19.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "pcie-fabric-oracle.h"

static const char *const speeds[] = { "2_5", "5", "8", "16", "32", "64" };
static const unsigned widths[] = { 1, 2, 4, 8, 12, 16, 32 };

static uint32_t exp_l(QFabricFn *fn, unsigned off)
{
    return qfabric_cap_readl(fn, PCI_CAP_ID_EXP, off);
}

static uint16_t exp_w(QFabricFn *fn, unsigned off)
{
    return qfabric_cap_readw(fn, PCI_CAP_ID_EXP, off);
}

static QFabricFn *must(QFabric *fab, int type, unsigned n)
{
    QFabricFn *fn = qfabric_nth(fab, type, n);

    if (!fn) {
        g_error("no function of type %d, number %u", type, n);
    }
    return fn;
}

static void expect_status(QFabricFn *fn, unsigned speed, unsigned width)
{
    uint16_t sta = exp_w(fn, PCI_EXP_LNKSTA);

    qfabric_expect(fn, "LnkSta current speed", speed,
                   sta & PCI_EXP_LNKSTA_CLS, "PCIe r6.0 sec 7.5.3.8");
    qfabric_expect(fn, "LnkSta negotiated width", width,
                   (sta & PCI_EXP_LNKSTA_NLW) >> PCI_EXP_LNKSTA_NLW_SHIFT,
                   "PCIe r6.0 sec 7.5.3.8");
}

/* Root port, switch and endpoint, all with one speed; one tree a width */

static void check_link_found(QFabricFn *fn, void *opaque)
{
    static const unsigned regs[] = {
        PCI_EXP_LNKCAP, PCI_EXP_LNKCAP2, PCI_EXP_LNKCTL2,
    };
    OracleConf conf = oracle_default(oracle_kind(fn));
    unsigned speed = *(unsigned *)opaque, i, r;
    const QFabricFn *top = fn;
    g_autoptr(GArray) list = NULL;

    if (!oracle_kind(fn)) {
        return;
    }
    while (top->parent) {
        top = top->parent;
    }
    conf.speed = speed;
    conf.width = widths[(top->devfn >> 3) - 1];
    list = oracle_rows(fn, &conf);
    for (i = 0; i < list->len; i++) {
        const OracleRow *row = &g_array_index(list, OracleRow, i);

        for (r = 0; r < G_N_ELEMENTS(regs); r++) {
            if (row->space == S_CAP && row->id == PCI_CAP_ID_EXP &&
                row->off == regs[r]) {
                qfabric_expect(fn, row->name, row->reset & ~row->any,
                               qfabric_read(fn, oracle_offset(fn, row),
                                            row->width) & ~row->any,
                               row->why);
            }
        }
    }
}

static void test_speed(const void *data)
{
    unsigned speed = GPOINTER_TO_UINT(data), i;
    g_autoptr(GString) devices = g_string_new("");
    QTestState *qts;
    QFabric *fab;

    for (i = 0; i < G_N_ELEMENTS(widths); i++) {
        g_autofree char *link = g_strdup_printf(
            "x-speed=%s,x-width=%u", speeds[speed - 1], widths[i]);

        g_string_append_printf(devices,
            "-device pcie-fabric-root-port,id=rp%u,addr=%u,chassis=1,"
            "slot=%u,%s "
            "-device pcie-fabric-upstream,id=us%u,bus=rp%u,%s "
            "-device pcie-fabric-downstream,id=ds%u,bus=us%u,chassis=2,"
            "slot=%u,%s "
            "-device pcie-fabric-endpoint,bus=ds%u,%s ",
            i, i + 1, i + 1, link, i, i, link, i, i, i + 1, link, i, link);
    }
    qts = qfabric_boot(devices->str);
    fab = qfabric_new_bare(qts);
    fab->found = check_link_found;
    fab->found_opaque = &speed;
    qfabric_scan(fab, NULL);
    for (i = 0; i < G_N_ELEMENTS(widths); i++) {
        expect_status(must(fab, PCI_EXP_TYPE_ROOT_PORT, i), speed,
                      widths[i]);
        expect_status(must(fab, PCI_EXP_TYPE_UPSTREAM, i), speed, widths[i]);
        expect_status(must(fab, PCI_EXP_TYPE_DOWNSTREAM, i), speed,
                      widths[i]);
        expect_status(must(fab, PCI_EXP_TYPE_ENDPOINT, i), speed, widths[i]);
    }
    qfabric_free(fab);
    qtest_quit(qts);
}

/* Both ends of a link show the best that both can do (sec 4.2.4) */
static void test_negotiation(void)
{
    static const struct {
        unsigned up_speed, up_width, down_speed, down_width;
    } pairs[] = {
        { 4, 16, 4, 16 }, { 5, 16, 3, 4 }, { 1, 1, 6, 32 }, { 3, 8, 4, 2 },
        { 6, 32, 6, 1 }, { 2, 2, 1, 16 },
    };
    g_autoptr(GString) devices = g_string_new("");
    QTestState *qts;
    QFabric *fab;
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_string_append_printf(devices,
            "-device pcie-fabric-root-port,id=rp%u,addr=%u,chassis=1,"
            "slot=%u,x-speed=%s,x-width=%u "
            "-device pcie-fabric-endpoint,bus=rp%u,x-speed=%s,x-width=%u ",
            i, i + 1, i + 1, speeds[pairs[i].up_speed - 1],
            pairs[i].up_width, i, speeds[pairs[i].down_speed - 1],
            pairs[i].down_width);
    }
    qts = qfabric_boot(devices->str);
    fab = qfabric_new(qts);
    for (i = 0; i < G_N_ELEMENTS(pairs); i++) {
        unsigned speed = MIN(pairs[i].up_speed, pairs[i].down_speed);
        unsigned width = MIN(pairs[i].up_width, pairs[i].down_width);

        expect_status(must(fab, PCI_EXP_TYPE_ROOT_PORT, i), speed, width);
        expect_status(must(fab, PCI_EXP_TYPE_ENDPOINT, i), speed, width);
    }
    qfabric_free(fab);
    qtest_quit(qts);
}

/* sec 7.5.3.19: every supported target speed can be written and read back */
static void test_target_speed(void)
{
    static const int types[] = {
        PCI_EXP_TYPE_ROOT_PORT, PCI_EXP_TYPE_UPSTREAM,
        PCI_EXP_TYPE_DOWNSTREAM, PCI_EXP_TYPE_ENDPOINT,
    };
    QTestState *qts = qfabric_boot(
        "-device pcie-fabric-root-port,id=rp0,x-speed=64 "
        "-device pcie-fabric-upstream,id=us0,bus=rp0,x-speed=64 "
        "-device pcie-fabric-downstream,id=ds0,bus=us0,chassis=1,x-speed=64 "
        "-device pcie-fabric-endpoint,bus=ds0,x-speed=64");
    QFabric *fab = qfabric_new(qts);
    unsigned i, speed;

    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        QFabricFn *fn = must(fab, types[i], 0);
        uint16_t ctl = exp_w(fn, PCI_EXP_LNKCTL2) & ~PCI_EXP_LNKCTL2_TLS;

        for (speed = 1; speed <= G_N_ELEMENTS(speeds); speed++) {
            qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_LNKCTL2,
                               ctl | speed);
            qfabric_expect(fn, "LnkCtl2 target speed", ctl | speed,
                           exp_w(fn, PCI_EXP_LNKCTL2),
                           "PCIe r6.0 sec 7.5.3.19");
        }
    }
    qfabric_free(fab);
    qtest_quit(qts);
}

/* Data link layer and presence, with and without a device below */
static void test_link_active(const void *data)
{
    bool hotplug = GPOINTER_TO_UINT(data);
    const char *opt = hotplug ? "hotplug=on" : "hotplug=off";
    g_autofree char *devices = g_strdup_printf(
        "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1,%s "
        "-device pcie-fabric-root-port,id=rp1,addr=2,chassis=1,slot=2,%s "
        "-device pcie-fabric-upstream,id=us0,bus=rp1 "
        "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2,"
        "slot=1,%s "
        "-device pcie-fabric-downstream,id=ds1,bus=us0,addr=1,chassis=2,"
        "slot=2,%s "
        "-device pcie-fabric-endpoint,bus=ds1", opt, opt, opt, opt);
    QTestState *qts = qfabric_boot(devices);
    QFabric *fab = qfabric_new(qts);
    const struct {
        int type;
        unsigned n;
        bool active;
    } ports[] = {
        { PCI_EXP_TYPE_ROOT_PORT, 0, false },
        { PCI_EXP_TYPE_ROOT_PORT, 1, true },
        { PCI_EXP_TYPE_DOWNSTREAM, 0, false },
        { PCI_EXP_TYPE_DOWNSTREAM, 1, true },
    };
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(ports); i++) {
        QFabricFn *fn = must(fab, ports[i].type, ports[i].n);

        qfabric_expect(fn, "LnkCap DLLLARC", PCI_EXP_LNKCAP_DLLLARC,
                       exp_l(fn, PCI_EXP_LNKCAP) & PCI_EXP_LNKCAP_DLLLARC,
                       "PCIe r6.0 sec 7.5.3.6");
        qfabric_expect(fn, "LnkSta DLLLA",
                       ports[i].active ? PCI_EXP_LNKSTA_DLLLA : 0,
                       exp_w(fn, PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA,
                       "PCIe r6.0 sec 7.5.3.8");
        qfabric_expect(fn, "SltSta presence detect state",
                       ports[i].active ? PCI_EXP_SLTSTA_PDS : 0,
                       exp_w(fn, PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_PDS,
                       "PCIe r6.0 sec 7.5.3.11");
        qfabric_expect(fn, "SltCap hot-plug capable",
                       hotplug ? PCI_EXP_SLTCAP_HPC : 0,
                       exp_l(fn, PCI_EXP_SLTCAP) & PCI_EXP_SLTCAP_HPC,
                       "PCIe r6.0 sec 7.5.3.9");
    }
    /* sec 7.5.3.8: upstream ends do not report it */
    qfabric_expect(must(fab, PCI_EXP_TYPE_UPSTREAM, 0), "LnkSta DLLLA", 0,
                   exp_w(must(fab, PCI_EXP_TYPE_UPSTREAM, 0),
                         PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA,
                   "PCIe r6.0 sec 7.5.3.8");
    qfabric_expect(must(fab, PCI_EXP_TYPE_ENDPOINT, 0), "LnkSta DLLLA", 0,
                   exp_w(must(fab, PCI_EXP_TYPE_ENDPOINT, 0),
                         PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA,
                   "PCIe r6.0 sec 7.5.3.8");
    qfabric_free(fab);
    qtest_quit(qts);
}

/* port= is LnkCap 31:24, slot= is SltCap 31:19 */
static void test_numbers(void)
{
    static const struct {
        unsigned port, slot;
    } numbers[] = {
        { 0, 0 }, { 1, 2 }, { 17, 255 }, { 255, 128 },
    };
    g_autoptr(GString) devices = g_string_new("");
    unsigned i, n = G_N_ELEMENTS(numbers);
    QTestState *qts;
    QFabric *fab;

    for (i = 0; i < n; i++) {
        g_string_append_printf(devices,
            "-device pcie-fabric-root-port,id=rp%u,addr=%u,chassis=1,"
            "slot=%u,port=%u ", i, i + 1, numbers[i].slot, numbers[i].port);
    }
    g_string_append(devices, "-device pcie-fabric-upstream,id=us0,bus=rp0 ");
    for (i = 0; i < n; i++) {
        g_string_append_printf(devices,
            "-device pcie-fabric-downstream,id=ds%u,bus=us0,addr=%u,"
            "chassis=2,slot=%u,port=%u ", i, i, numbers[i].slot,
            numbers[i].port);
    }
    qts = qfabric_boot(devices->str);
    fab = qfabric_new(qts);
    for (i = 0; i < 2 * n; i++) {
        QFabricFn *fn = must(fab, i < n ? PCI_EXP_TYPE_ROOT_PORT :
                             PCI_EXP_TYPE_DOWNSTREAM, i % n);

        qfabric_expect(fn, "LnkCap port number", numbers[i % n].port,
                       exp_l(fn, PCI_EXP_LNKCAP) >> ctz32(PCI_EXP_LNKCAP_PN),
                       "PCIe r6.0 sec 7.5.3.6");
        qfabric_expect(fn, "SltCap slot number", numbers[i % n].slot,
                       exp_l(fn, PCI_EXP_SLTCAP) >>
                       ctz32(PCI_EXP_SLTCAP_PSN), "PCIe r6.0 sec 7.5.3.9");
    }
    qfabric_free(fab);
    qtest_quit(qts);
}

/* acs=off removes the capability and nothing else; the slots are empty */
static void test_no_acs(void)
{
    static const int types[] = {
        PCI_EXP_TYPE_ROOT_PORT, PCI_EXP_TYPE_DOWNSTREAM,
    };
    QTestState *qts = qfabric_boot(
        "-device pcie-fabric-root-port,id=rp0,addr=1,slot=1,acs=off "
        "-device pcie-fabric-root-port,id=rp1,addr=2,slot=2 "
        "-device pcie-fabric-upstream,id=us0,bus=rp1 "
        "-device pcie-fabric-downstream,id=ds0,bus=us0,chassis=1,acs=off");
    QFabric *fab = qfabric_new_bare(qts);
    unsigned i;

    qfabric_scan(fab, NULL);
    for (i = 0; i < G_N_ELEMENTS(types); i++) {
        QFabricFn *fn = must(fab, types[i], 0);
        OracleConf conf = oracle_default(oracle_kind(fn));

        conf.acs = false;
        qfabric_expect(fn, "offset of ACS", 0, fn->ext[PCI_EXT_CAP_ID_ACS],
                       "property acs");
        oracle_check_attributes(fn, &conf);
    }
    qfabric_free(fab);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(speeds); i++) {
        g_autofree char *path = g_strdup_printf(
            "/pcie-fabric/link/speed-%s-with-every-width", speeds[i]);

        qtest_add_data_func(path, GUINT_TO_POINTER(i + 1), test_speed);
    }
    qtest_add_func("/pcie-fabric/link/negotiation", test_negotiation);
    qtest_add_func("/pcie-fabric/link/target-speed", test_target_speed);
    qtest_add_data_func("/pcie-fabric/link/active-and-presence/hotplug",
                        GUINT_TO_POINTER(true), test_link_active);
    qtest_add_data_func("/pcie-fabric/link/active-and-presence/no-hotplug",
                        GUINT_TO_POINTER(false), test_link_active);
    qtest_add_func("/pcie-fabric/link/port-and-slot-numbers", test_numbers);
    qtest_add_func("/pcie-fabric/link/without-acs", test_no_acs);
    return g_test_run();
}
