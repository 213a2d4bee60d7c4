/*
 * Command lines that pcie-fabric-* devices refuse, and what they say
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "libqos/pcie-fabric.h"
#include "libqos/refusal.h"

#define RP(opts)        "-device pcie-fabric-root-port,id=rp0,chassis=1" opts
#define USP(opts)       "-device pcie-fabric-upstream,id=us0,bus=rp0" opts

#define SPEEDS          "2_5", "64"
#define WIDTHS          "12", "32"

static const Refusal refusals[] = {
    /* sec 7.5.3.16: no egress blocking without routing */
    { "egress-block-needs-routing/root-port", "",
      "pcie-fabric-root-port,id=rp0,atomic-routing=off,"
      "atomic-egress-block=on",
      { "atomic-egress-block", "atomic-routing=on" } },
    { "egress-block-needs-routing/root-port-by-default", "",
      "pcie-fabric-root-port,id=rp0,atomic-egress-block=on",
      { "atomic-egress-block", "atomic-routing=on" } },
    { "egress-block-needs-routing/upstream", RP(""),
      "pcie-fabric-upstream,id=us0,bus=rp0,atomic-routing=off,"
      "atomic-egress-block=on",
      { "atomic-egress-block", "atomic-routing=on" } },
    { "egress-block-needs-routing/downstream",
      RP("") " " USP(",atomic-routing=off"),
      "pcie-fabric-downstream,id=ds0,bus=us0,atomic-routing=off,"
      "atomic-egress-block=on",
      { "atomic-egress-block", "atomic-routing=on" } },
    { "egress-block-needs-routing/downstream-mixed", RP("") " " USP(""),
      "pcie-fabric-downstream,id=ds0,bus=us0,atomic-routing=off,"
      "x-mixed-routing=on,atomic-egress-block=on",
      { "atomic-egress-block", "atomic-routing=on" } },
    /* sec 6.15.3.1: all ports of a switch or none */
    { "mixed-routing/upstream-routes", RP("") " " USP(""),
      "pcie-fabric-downstream,id=ds0,bus=us0,atomic-routing=off",
      { "atomic-routing", "x-mixed-routing" } },
    { "mixed-routing/downstream-routes",
      RP("") " " USP(",atomic-routing=off"),
      "pcie-fabric-downstream,id=ds0,bus=us0",
      { "atomic-routing", "x-mixed-routing" } },
    { "mixed-routing/second-downstream",
      RP("") " " USP("") " -device pcie-fabric-downstream,bus=us0,chassis=2",
      "pcie-fabric-downstream,id=ds1,bus=us0,chassis=3,atomic-routing=off",
      { "atomic-routing", "x-mixed-routing" } },
    /* Places */
    { "place/downstream-on-root-bus", "",
      "pcie-fabric-downstream,id=ds0,bus=pcie.0",
      { "pcie-fabric-upstream" } },
    { "place/downstream-on-root-port", RP(""),
      "pcie-fabric-downstream,id=ds0,bus=rp0",
      { "pcie-fabric-upstream" } },
    { "place/upstream-on-root-bus", "",
      "pcie-fabric-upstream,id=us0,bus=pcie.0",
      { "root port", "downstream port" } },
    { "place/upstream-on-upstream", RP("") " " USP(""),
      "pcie-fabric-upstream,id=us1,bus=us0",
      { "root port", "downstream port" } },
    { "place/root-port-below-root-port", RP(""),
      "pcie-fabric-root-port,id=rp1,bus=rp0,chassis=2",
      { "root bus" } },
    { "place/root-port-below-upstream", RP("") " " USP(""),
      "pcie-fabric-root-port,id=rp1,bus=us0,chassis=2",
      { "root bus" } },
    /* Endpoint */
    { "pcie-type/unknown", RP(""),
      "pcie-fabric-endpoint,bus=rp0,pcie-type=bridge",
      { "pcie-type", "endpoint", "legacy" } },
    { "pcie-type/empty", RP(""),
      "pcie-fabric-endpoint,bus=rp0,pcie-type=",
      { "pcie-type", "endpoint", "legacy" } },
    { "mem-size/not-a-power-of-two", RP(""),
      "pcie-fabric-endpoint,bus=rp0,mem-size=12K",
      { "mem-size", "power of two", "4 KiB" } },
    { "mem-size/too-small", RP(""),
      "pcie-fabric-endpoint,bus=rp0,mem-size=2K",
      { "mem-size", "power of two", "4 KiB" } },
    { "mem-size/one", RP(""),
      "pcie-fabric-endpoint,bus=rp0,mem-size=1",
      { "mem-size", "power of two", "4 KiB" } },
    /* Link */
    { "x-speed/root-port", "", "pcie-fabric-root-port,x-speed=3",
      { "x-speed", SPEEDS } },
    { "x-speed/upstream", RP(""), "pcie-fabric-upstream,bus=rp0,x-speed=128",
      { "x-speed", SPEEDS } },
    { "x-speed/downstream", RP("") " " USP(""),
      "pcie-fabric-downstream,bus=us0,x-speed=fast", { "x-speed", SPEEDS } },
    { "x-speed/endpoint", RP(""), "pcie-fabric-endpoint,bus=rp0,x-speed=0",
      { "x-speed", SPEEDS } },
    { "x-width/root-port", "", "pcie-fabric-root-port,x-width=3",
      { "x-width", WIDTHS } },
    { "x-width/upstream", RP(""), "pcie-fabric-upstream,bus=rp0,x-width=0",
      { "x-width", WIDTHS } },
    { "x-width/downstream", RP("") " " USP(""),
      "pcie-fabric-downstream,bus=us0,x-width=64", { "x-width", WIDTHS } },
    { "x-width/endpoint", RP(""), "pcie-fabric-endpoint,bus=rp0,x-width=24",
      { "x-width", WIDTHS } },
    /* Completers belong to functions with memory (sec 7.5.3.15) */
    { "no-completer/upstream", RP(""),
      "pcie-fabric-upstream,bus=rp0,atomic-comp32=on", { "atomic-comp32" } },
    { "no-completer/downstream", RP("") " " USP(""),
      "pcie-fabric-downstream,bus=us0,atomic-comp64=on",
      { "atomic-comp64" } },
    { "no-routing/endpoint", RP(""),
      "pcie-fabric-endpoint,bus=rp0,atomic-routing=on",
      { "atomic-routing" } },
};

static void test_refusal(const void *data)
{
    refusal_check(QFABRIC_MACHINE, data);
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    g_assert_nonnull(g_getenv("QTEST_QEMU_BINARY"));
    for (i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strdup_printf("/pcie-fabric/refused/%s",
                                                refusals[i].name);

        qtest_add_data_func(path, &refusals[i], test_refusal);
    }
    return g_test_run();
}
