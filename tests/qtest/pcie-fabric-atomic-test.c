/*
 * AtomicOp bits of pcie-fabric-* devices for every property value
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.15, 7.5.3.15, 7.5.3.16.  One case a
 * combination of properties; combinations that must be refused are in
 * pcie-fabric-refusal-test.c.
 */
#include "qemu/osdep.h"
#include "pcie-fabric-oracle.h"

#define DEVCAP2_ATOMIC          (PCI_EXP_DEVCAP2_ATOMIC_ROUTE | \
                                 PCI_EXP_DEVCAP2_ATOMIC_COMP32 | \
                                 PCI_EXP_DEVCAP2_ATOMIC_COMP64 | \
                                 PCI_EXP_DEVCAP2_ATOMIC_COMP128)
#define DEVCTL2_ATOMIC          (PCI_EXP_DEVCTL2_ATOMIC_REQ | \
                                 PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK)
#define CITE_CAP                "PCIe r6.0 sec 7.5.3.15"
#define CITE_CTL                "PCIe r6.0 sec 7.5.3.16"

typedef struct AtomicCase {
    char *devices;
    struct {
        int type;
        OracleConf conf;
    } subject[2];               /* a switch is judged as a pair */
} AtomicCase;

static uint16_t devctl2(QFabricFn *fn)
{
    return qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2);
}

static void check_function(QFabricFn *fn, const OracleConf *conf)
{
    unsigned kind = oracle_kind(fn);
    uint16_t rw = oracle_devctl2_atomic_rw(kind, conf), old;

    qfabric_expect(fn, "DevCap2 AtomicOp bits",
                   oracle_devcap2_atomic(kind, conf),
                   qfabric_cap_readl(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCAP2) &
                   DEVCAP2_ATOMIC, CITE_CAP);
    old = devctl2(fn);
    qfabric_expect(fn, "DevCtl2 AtomicOp bits at power-on",
                   oracle_devctl2_atomic_reset(kind, conf, ORACLE_COLD),
                   old & DEVCTL2_ATOMIC, CITE_CTL);

    qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       old | DEVCTL2_ATOMIC);
    qfabric_expect(fn, "DevCtl2 AtomicOp bits after writing ones", rw,
                   devctl2(fn) & DEVCTL2_ATOMIC, CITE_CTL);
    qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       old & ~DEVCTL2_ATOMIC);
    qfabric_expect(fn, "DevCtl2 AtomicOp bits after writing zeros", 0,
                   devctl2(fn) & DEVCTL2_ATOMIC, CITE_CTL);
    /* Leave the opposite of the cold state behind for the resets */
    qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2, old ^ rw);
}

static void check_reset(QFabric *fab, const AtomicCase *c, OracleReset reset)
{
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(c->subject); i++) {
        const OracleConf *conf = &c->subject[i].conf;
        QFabricFn *fn;

        if (c->subject[i].type == QFABRIC_TYPE_NONE) {
            continue;
        }
        fn = qfabric_nth(fab, c->subject[i].type, 0);
        if (reset == ORACLE_HOT && !fn->parent) {
            continue;           /* nothing can hot-reset it */
        }
        qfabric_expect(fn, reset == ORACLE_HOT ?
                       "DevCtl2 AtomicOp bits after hot reset" :
                       "DevCtl2 AtomicOp bits after cold reset",
                       oracle_devctl2_atomic_reset(oracle_kind(fn), conf,
                                                   reset),
                       devctl2(fn) & DEVCTL2_ATOMIC, CITE_CTL);
    }
}

static void test_atomic(const void *data)
{
    const AtomicCase *c = data;
    QTestState *qts = qfabric_boot(c->devices);
    QFabric *fab = qfabric_new(qts);
    QFabricFn *top = NULL, *fn;
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(c->subject); i++) {
        if (c->subject[i].type == QFABRIC_TYPE_NONE) {
            continue;
        }
        fn = qfabric_nth(fab, c->subject[i].type, 0);
        g_assert_nonnull(fn);
        check_function(fn, &c->subject[i].conf);
        top = fn->parent && !top ? fn->parent : top;
    }
    if (top) {
        qfabric_secondary_bus_reset(top);
        qfabric_scan(fab, top);
        check_reset(fab, c, ORACLE_HOT);
    }
    qfabric_cold_reset(fab);
    qfabric_scan(fab, NULL);
    check_reset(fab, c, ORACLE_COLD);
    qfabric_free(fab);
    qtest_quit(qts);
}

static void free_case(void *data)
{
    AtomicCase *c = data;

    g_free(c->devices);
    g_free(c);
}

static const char *on(bool val)
{
    return val ? "on" : "off";
}

static void add(const char *subject, const char *props, AtomicCase *c)
{
    g_autofree char *path = g_strdup_printf("/pcie-fabric/atomic/%s/%s",
                                            subject, props);

    qtest_add_data_func_full(path, c, test_atomic, free_case);
}

static AtomicCase *new_case(void)
{
    AtomicCase *c = g_new0(AtomicCase, 1);

    c->subject[0].type = QFABRIC_TYPE_NONE;
    c->subject[1].type = QFABRIC_TYPE_NONE;
    return c;
}

static char *comp_props(const OracleConf *conf)
{
    return g_strdup_printf("atomic-comp32=%s,atomic-comp64=%s,"
                           "atomic-comp128=%s", on(conf->comp32),
                           on(conf->comp64), on(conf->comp128));
}

static char *route_props(const OracleConf *conf)
{
    return g_strdup_printf("atomic-routing=%s,atomic-egress-block=%s",
                           on(conf->routing), on(conf->egress_block));
}

static void add_root_port(const OracleConf *conf)
{
    g_autofree char *comp = comp_props(conf);
    g_autofree char *route = route_props(conf);
    g_autofree char *props = g_strconcat(route, ",", comp, NULL);
    AtomicCase *c = new_case();

    c->devices = g_strdup_printf("-device pcie-fabric-root-port,id=rp0,%s",
                                 props);
    c->subject[0].type = PCI_EXP_TYPE_ROOT_PORT;
    c->subject[0].conf = *conf;
    add("root-port", props, c);
}

static void add_endpoints(const OracleConf *conf)
{
    static const struct {
        const char *name, *devices;
        int type;
    } places[] = {
        { "endpoint", "-device pcie-fabric-root-port,id=rp0 "
          "-device pcie-fabric-endpoint,bus=rp0", PCI_EXP_TYPE_ENDPOINT },
        { "legacy-endpoint", "-device pcie-fabric-root-port,id=rp0 "
          "-device pcie-fabric-endpoint,bus=rp0,pcie-type=legacy",
          PCI_EXP_TYPE_LEG_END },
        { "rciep", "-device pcie-fabric-endpoint,bus=pcie.0",
          PCI_EXP_TYPE_RC_END },
    };
    g_autofree char *props = comp_props(conf);
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(places); i++) {
        AtomicCase *c = new_case();

        c->devices = g_strconcat(places[i].devices, ",", props, NULL);
        c->subject[0].type = places[i].type;
        c->subject[0].conf = *conf;
        add(places[i].name, props, c);
    }
}

/* All ports of a switch route or none does (sec 6.15.3.1), or it is mixed */
static void add_switch(const OracleConf *us, const OracleConf *ds)
{
    g_autofree char *us_props = route_props(us);
    g_autofree char *ds_props = route_props(ds);
    g_autofree char *name = g_strconcat("upstream:", us_props,
                                        ",downstream:", ds_props, NULL);
    AtomicCase *c = new_case();

    c->devices = g_strdup_printf(
        "-device pcie-fabric-root-port,id=rp0 "
        "-device pcie-fabric-upstream,id=us0,bus=rp0,%s "
        "-device pcie-fabric-downstream,id=ds0,bus=us0,chassis=1,%s%s",
        us_props, ds_props,
        us->routing != ds->routing ? ",x-mixed-routing=on" : "");
    c->subject[0].type = PCI_EXP_TYPE_UPSTREAM;
    c->subject[0].conf = *us;
    c->subject[1].type = PCI_EXP_TYPE_DOWNSTREAM;
    c->subject[1].conf = *ds;
    add("switch", name, c);
}

static OracleConf conf_of(unsigned bits)
{
    return (OracleConf) {
        .routing = bits & 1,
        .egress_block = bits & 2,
        .comp32 = bits & 4,
        .comp64 = bits & 8,
        .comp128 = bits & 16,
    };
}

static bool legal(const OracleConf *conf)
{
    return conf->routing || !conf->egress_block;
}

int main(int argc, char **argv)
{
    unsigned bits, ds_bits;

    g_test_init(&argc, &argv, NULL);
    for (bits = 0; bits < 32; bits++) {
        OracleConf conf = conf_of(bits);

        if (legal(&conf)) {
            add_root_port(&conf);
        }
        if (!conf.routing && !conf.egress_block) {
            add_endpoints(&conf);
        }
    }
    for (bits = 0; bits < 4; bits++) {
        for (ds_bits = 0; ds_bits < 4; ds_bits++) {
            OracleConf us = conf_of(bits), ds = conf_of(ds_bits);

            if (legal(&us) && legal(&ds)) {
                add_switch(&us, &ds);
            }
        }
    }
    return g_test_run();
}
