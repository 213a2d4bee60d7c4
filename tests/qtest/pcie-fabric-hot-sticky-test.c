/*
 * What survives Link Disable and the loss of a link, at every level
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.6.1 (a link that goes down is a hot reset
 * of what is below), 7.4 (sticky registers), 7.5.3.7 (Link Disable).
 *
 * As pcie-fabric-reset-test does for Secondary Bus Reset: every writable bit is
 * changed; afterwards each Function below the port must have its reset values
 * but for sticky bits, and each other one must have kept everything.
 */
#include "qemu/osdep.h"
#include "libqos/pcie-fabric-link.h"
#include "pcie-fabric-oracle.h"

/* Two switches in a row, and a slot beside each */
#define DEVICES \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1 " \
    "-device pcie-fabric-root-port,id=rp1,addr=2,chassis=1,slot=2 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp0 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2," \
    "slot=1 " \
    "-device pcie-fabric-downstream,id=ds1,bus=us0,addr=1,chassis=2," \
    "slot=2 " \
    "-device pcie-fabric-endpoint,bus=ds0 " \
    "-device pcie-fabric-upstream,id=us1,bus=ds1 " \
    "-device pcie-fabric-downstream,id=ds2,bus=us1,chassis=3,slot=1 " \
    "-device pcie-fabric-endpoint,bus=ds2,pcie-type=legacy " \
    "-device pcie-fabric-endpoint,bus=rp1 "

typedef struct Place {
    const char *id;
    int type;
    unsigned n;
} Place;

static const Place places[] = {
    { "rp0", PCI_EXP_TYPE_ROOT_PORT, 0 },
    { "ds0", PCI_EXP_TYPE_DOWNSTREAM, 0 },
    { "ds1", PCI_EXP_TYPE_DOWNSTREAM, 1 },
    { "ds2", PCI_EXP_TYPE_DOWNSTREAM, 2 },
    { "rp1", PCI_EXP_TYPE_ROOT_PORT, 1 },
};

typedef struct Memory {
    OracleConf conf;
    uint8_t was[PCI_CFG_SPACE_EXP_SIZE];        /* in reset state */
    uint8_t set[PCI_CFG_SPACE_EXP_SIZE];        /* before the reset */
    unsigned seen;
} Memory;

/* QFabricFound: in reset state, nothing written yet */
static void record(QFabricFn *fn, void *opaque)
{
    Memory *m;

    if (!oracle_kind(fn)) {
        return;
    }
    m = g_new0(Memory, 1);
    m->conf = oracle_default(oracle_kind(fn));
    qfabric_snapshot(fn, m->was);
    fn->user = m;
}

/* QFabricFound: after the reset, before bus numbers are written */
static void verify(QFabricFn *fn, void *opaque)
{
    Memory *m = fn->user;

    m->seen++;
    oracle_check_after(fn, &m->conf, ORACLE_HOT, m->was, m->set);
}

static void scramble_all(QFabric *fab)
{
    unsigned i;

    for (i = 0; i < fab->fns->len; i++) {
        QFabricFn *fn = g_ptr_array_index(fab->fns, i);
        Memory *m = fn->user;

        if (m) {
            oracle_scramble(fn, &m->conf);
            qfabric_snapshot(fn, m->set);
        }
    }
}

static void check_others(QFabric *fab, QFabricFn *port)
{
    unsigned i;

    for (i = 0; i < fab->fns->len; i++) {
        QFabricFn *fn = g_ptr_array_index(fab->fns, i);
        Memory *m = fn->user;

        if (m && !qfabric_below(fn, port)) {
            oracle_check_same(fn, &m->conf, m->set, "PCIe r6.0 sec 6.6.1: "
                              "not below the link that went down");
        }
    }
}

static void check_below(QFabric *fab, QFabricFn *port)
{
    unsigned i, n = 0;

    fab->found = verify;
    qfabric_scan(fab, port);
    fab->found = NULL;
    g_assert_cmpuint(fab->gone->len, ==, 0);
    for (i = 0; i < fab->fns->len; i++) {
        QFabricFn *fn = g_ptr_array_index(fab->fns, i);
        Memory *m = fn->user;

        if (m && qfabric_below(fn, port)) {
            g_assert_cmpuint(m->seen, ==, 1);
            n++;
        }
    }
    g_assert_cmpuint(n, >, 0);
}

static void disable_link(QFabricFn *port, const char *id)
{
    qfabric_link_disable(port, true);
    qfabric_step_ms(port->fab->qts, 2);
    qfabric_link_disable(port, false);
}

static void lose_link(QFabricFn *port, const char *id)
{
    qfabric_link_lose(port->fab->qts, id);
}

typedef struct Trigger {
    const char *name;
    void (*pull)(QFabricFn *port, const char *id);
} Trigger;

static const Trigger triggers[] = {
    { "link-disable", disable_link },
    { "link-loss", lose_link },
};

static void test_place(const Trigger *t, const Place *place)
{
    QTestState *qts = qfabric_boot(DEVICES);
    QFabric *fab = qfabric_new_bare(qts);
    QFabricFn *port;
    unsigned i;

    fab->found = record;
    qfabric_scan(fab, NULL);
    fab->found = NULL;
    qfabric_program(fab);
    scramble_all(fab);
    port = qfabric_nth(fab, place->type, place->n);
    t->pull(port, place->id);
    qfabric_wait_for_links(fab);
    check_others(fab, port);
    check_below(fab, port);
    for (i = 0; i < fab->fns->len; i++) {
        g_free(((QFabricFn *)g_ptr_array_index(fab->fns, i))->user);
    }
    qfabric_free(fab);
    qtest_quit(qts);
}

static void test_trigger(const void *data)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(places); i++) {
        g_test_message("%s", places[i].id);
        test_place(data, &places[i]);
    }
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(triggers); i++) {
        g_autofree char *path = g_strdup_printf(
            "/pcie-fabric/hot-sticky/%s", triggers[i].name);

        qtest_add_data_func(path, &triggers[i], test_trigger);
    }
    return g_test_run();
}
