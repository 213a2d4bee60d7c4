/*
 * Resets of pcie-fabric-* devices: what goes, what stays, and where
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.6.1 (conventional reset, hot reset by
 * Secondary Bus Reset), 6.6.2 (FLR), 7.4 (sticky registers).
 *
 * Every writable bit of every function is changed, one reset is made, and
 * every function is compared with the oracle: those inside the reset with
 * their reset values, but for what the kind of reset keeps; all others with
 * what was written.
 *
 * Not here: status bits of AER.  Software cannot set them, and QEMU's
 * pcie_aer_inject_error belongs to QEMU's own AER code, which these devices
 * do not use.  Mask, severity and control share their sticky storage rule.
 */
#include "qemu/osdep.h"
#include "pcie-fabric-oracle.h"

/* Egress blocking is on in two ports, as firmware could leave it */
#define DEVICES \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1 " \
    "-device pcie-fabric-root-port,id=rp1,addr=2,chassis=1,slot=2," \
    "atomic-routing=on,atomic-egress-block=on " \
    "-device pcie-fabric-endpoint,bus=pcie.0,addr=3 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp0,atomic-egress-block=on " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2," \
    "slot=1 " \
    "-device pcie-fabric-downstream,id=ds1,bus=us0,addr=1,chassis=2," \
    "slot=2,atomic-egress-block=on " \
    "-device pcie-fabric-endpoint,bus=ds0 " \
    "-device pcie-fabric-upstream,id=us1,bus=ds1 " \
    "-device pcie-fabric-downstream,id=ds2,bus=us1,chassis=3,slot=1 " \
    "-device pcie-fabric-endpoint,bus=ds2,pcie-type=legacy " \
    "-device pcie-fabric-endpoint,bus=rp1 "

/* How to find a function: its type and its number in depth-first order */
typedef struct Target {
    const char *name;
    int type;
    unsigned n;
    bool egress_block;
} Target;

static const Target targets[] = {
    { "root-port", PCI_EXP_TYPE_ROOT_PORT, 0 },
    { "upstream", PCI_EXP_TYPE_UPSTREAM, 0, true },
    { "downstream-of-endpoint", PCI_EXP_TYPE_DOWNSTREAM, 0 },
    { "downstream-of-switch", PCI_EXP_TYPE_DOWNSTREAM, 1, true },
    { "nested-upstream", PCI_EXP_TYPE_UPSTREAM, 1 },
    { "nested-downstream", PCI_EXP_TYPE_DOWNSTREAM, 2 },
    { "root-port-of-endpoint", PCI_EXP_TYPE_ROOT_PORT, 1, true },
    { "endpoint", PCI_EXP_TYPE_ENDPOINT, 0 },
    { "endpoint-below-root-port", PCI_EXP_TYPE_ENDPOINT, 1 },
    { "legacy-endpoint", PCI_EXP_TYPE_LEG_END, 0 },
    { "rciep", PCI_EXP_TYPE_RC_END, 0 },
};

/* What a test knows of a function; hangs on QFabricFn.user */
typedef struct Memory {
    OracleConf conf;
    uint8_t was[PCI_CFG_SPACE_EXP_SIZE];        /* in reset state */
    uint8_t set[PCI_CFG_SPACE_EXP_SIZE];        /* before the reset */
    bool seen;                                  /* found again after it */
} Memory;

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    OracleReset reset;
} Bench;

static Memory *memory(const QFabricFn *fn)
{
    return fn->user;
}

static QFabricFn *find(QFabric *fab, const Target *t)
{
    QFabricFn *fn = qfabric_nth(fab, t->type, t->n);

    if (!fn) {
        g_error("no %s in the fabric", t->name);
    }
    return fn;
}

/* QFabricFound: the first sight of a function, in reset state */
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

/* QFabricFound: after a reset, before the bus numbers are written again */
static void verify(QFabricFn *fn, void *opaque)
{
    Bench *b = opaque;
    Memory *m = memory(fn);

    if (m) {
        m->seen = true;
        oracle_check_after(fn, &m->conf, b->reset, m->was, m->set);
    }
}

static QFabricFn *nth_fn(Bench *b, unsigned i)
{
    return g_ptr_array_index(b->fab->fns, i);
}

/* Bits of the opposite value everywhere; a snapshot of what came of it */
static void scramble_all(Bench *b)
{
    unsigned i;

    for (i = 0; i < b->fab->fns->len; i++) {
        QFabricFn *fn = nth_fn(b, i);

        if (memory(fn)) {
            oracle_scramble(fn, &memory(fn)->conf);
            qfabric_snapshot(fn, memory(fn)->set);
            memory(fn)->seen = false;
        }
    }
}

static void bench_open(Bench *b)
{
    unsigned i;

    b->qts = qfabric_boot(DEVICES);
    b->fab = qfabric_new_bare(b->qts);
    b->fab->found = record;
    b->fab->found_opaque = b;
    qfabric_scan(b->fab, NULL);
    b->fab->found = NULL;
    for (i = 0; i < G_N_ELEMENTS(targets); i++) {
        QFabricFn *fn = find(b->fab, &targets[i]);

        memory(fn)->conf.egress_block = targets[i].egress_block;
        memory(fn)->conf.routing |= targets[i].egress_block;
    }
    qfabric_program(b->fab);
}

static void bench_close(Bench *b)
{
    unsigned i;

    for (i = 0; i < b->fab->fns->len; i++) {
        g_free(nth_fn(b, i)->user);
    }
    for (i = 0; i < b->fab->gone->len; i++) {
        g_free(((QFabricFn *)g_ptr_array_index(b->fab->gone, i))->user);
    }
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

/* Functions outside the reset keep everything */
static void check_untouched(Bench *b, QFabricFn *reset_below,
                            QFabricFn *reset_alone)
{
    unsigned i;

    for (i = 0; i < b->fab->fns->len; i++) {
        QFabricFn *fn = nth_fn(b, i);

        if (!memory(fn) || fn == reset_alone ||
            (reset_below && qfabric_below(fn, reset_below))) {
            continue;
        }
        oracle_check_same(fn, &memory(fn)->conf, memory(fn)->set,
                          "outside of the reset, PCIe r6.0 sec 6.6.1");
    }
}

static void check_all_seen(Bench *b, QFabricFn *below)
{
    unsigned i;

    for (i = 0; i < b->fab->gone->len; i++) {
        QFabricFn *fn = g_ptr_array_index(b->fab->gone, i);

        g_test_message("%s: does not answer after the reset", fn->name);
        g_test_fail();
    }
    for (i = 0; i < b->fab->fns->len; i++) {
        QFabricFn *fn = nth_fn(b, i);

        if (memory(fn) && (!below || qfabric_below(fn, below))) {
            qfabric_expect(fn, "was checked after the reset", 1,
                           memory(fn)->seen, "sec 6.6.1");
        }
    }
}

static void reset_and_verify(Bench *b, OracleReset reset, QFabricFn *below)
{
    b->reset = reset;
    b->fab->found = verify;
    b->fab->found_opaque = b;
    qfabric_scan(b->fab, below);
    b->fab->found = NULL;
    check_all_seen(b, below);
}

static void hot_reset(Bench *b, const Target *t)
{
    QFabricFn *port = find(b->fab, t);

    qfabric_secondary_bus_reset(port);
    check_untouched(b, port, NULL);
    reset_and_verify(b, ORACLE_HOT, port);
}

static void test_hot(const void *data)
{
    Bench b;

    bench_open(&b);
    scramble_all(&b);
    hot_reset(&b, data);
    bench_close(&b);
}

/* The bit is a level: a second reset needs it cleared in between */
static void test_hot_twice(const void *data)
{
    Bench b;

    bench_open(&b);
    scramble_all(&b);
    hot_reset(&b, data);
    qfabric_enumerate(b.fab);
    scramble_all(&b);
    hot_reset(&b, data);
    bench_close(&b);
}

static void test_cold(void)
{
    Bench b;

    bench_open(&b);
    scramble_all(&b);
    qfabric_cold_reset(b.fab);
    reset_and_verify(&b, ORACLE_COLD, NULL);
    bench_close(&b);
}

/* What a hot reset kept, a cold reset clears */
static void test_cold_after_hot(const void *data)
{
    Bench b;

    bench_open(&b);
    scramble_all(&b);
    hot_reset(&b, data);
    qfabric_cold_reset(b.fab);
    reset_and_verify(&b, ORACLE_COLD, NULL);
    bench_close(&b);
}

static void test_flr(const void *data)
{
    QFabricFn *fn;
    Bench b;

    bench_open(&b);
    scramble_all(&b);
    fn = find(b.fab, data);
    qfabric_flr(fn);
    check_untouched(&b, NULL, fn);
    oracle_check_after(fn, &memory(fn)->conf, ORACLE_FLR, memory(fn)->was,
                       memory(fn)->set);
    bench_close(&b);
}

/* sec 7.5.3.4: bit 15 of Device Control is reserved in ports */
static void test_no_flr_in_port(const void *data)
{
    uint16_t ctl;
    QFabricFn *fn;
    Bench b;

    bench_open(&b);
    scramble_all(&b);
    fn = find(b.fab, data);
    ctl = qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL);
    qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL,
                       ctl | PCI_EXP_DEVCTL_BCR_FLR);
    check_untouched(&b, NULL, NULL);
    bench_close(&b);
}

/* All kinds of reset end in D0 (sec 5.3.1.4) */
static void test_from_d3hot(const void *data)
{
    OracleReset reset = GPOINTER_TO_UINT(data);
    QFabricFn *fn;
    Bench b;

    bench_open(&b);
    fn = qfabric_nth(b.fab, PCI_EXP_TYPE_ENDPOINT, 1);
    qfabric_cap_writew(fn, PCI_CAP_ID_PM, PCI_PM_CTRL,
                       PCI_PM_CTRL_STATE_MASK);
    switch (reset) {
    case ORACLE_HOT:
        qfabric_secondary_bus_reset(fn->parent);
        break;
    case ORACLE_FLR:
        qfabric_flr(fn);
        break;
    case ORACLE_COLD:
        qfabric_cold_reset(b.fab);
        qfabric_scan(b.fab, NULL);
        break;
    }
    qfabric_expect(fn, "power state after reset", 0,
                   qfabric_cap_readw(fn, PCI_CAP_ID_PM, PCI_PM_CTRL) &
                   PCI_PM_CTRL_STATE_MASK, "PCIe r6.0 sec 7.5.2.2");
    bench_close(&b);
}

/* After any reset and a new enumeration the endpoint's memory works again */
static void test_memory_after(const void *data)
{
    const Target *t = data;
    QFabricFn *port, *ep;
    Bench b;

    bench_open(&b);
    port = find(b.fab, t);
    qfabric_secondary_bus_reset(port);
    qfabric_enumerate(b.fab);
    ep = qfabric_nth(b.fab, PCI_EXP_TYPE_ENDPOINT, 0);
    qtest_writel(b.qts, ep->bar[2].addr, 0x600df00d);
    qfabric_expect(ep, "word in BAR 2 after hot reset", 0x600df00d,
                   qtest_readl(b.qts, ep->bar[2].addr),
                   "PCIe r6.0 sec 6.6.1");
    bench_close(&b);
}

static void add(const char *what, const Target *t, void (*fn)(const void *))
{
    g_autofree char *path = g_strdup_printf("/pcie-fabric/reset/%s/%s",
                                            what, t->name);

    qtest_add_data_func(path, t, fn);
}

static bool is_port(const Target *t)
{
    return t->type == PCI_EXP_TYPE_ROOT_PORT ||
           t->type == PCI_EXP_TYPE_UPSTREAM ||
           t->type == PCI_EXP_TYPE_DOWNSTREAM;
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(targets); i++) {
        const Target *t = &targets[i];

        if (is_port(t)) {
            add("hot-by-secondary-bus-reset-in", t, test_hot);
            add("no-flr-in", t, test_no_flr_in_port);
        } else {
            add("flr-of", t, test_flr);
        }
    }
    add("hot-twice-in", &targets[0], test_hot_twice);
    add("cold-clears-sticky-after-hot-in", &targets[0], test_cold_after_hot);
    add("memory-works-after-hot-in", &targets[0], test_memory_after);
    add("memory-works-after-hot-in", &targets[2], test_memory_after);
    qtest_add_func("/pcie-fabric/reset/cold", test_cold);
    qtest_add_data_func("/pcie-fabric/reset/from-d3hot/cold",
                        GUINT_TO_POINTER(ORACLE_COLD), test_from_d3hot);
    qtest_add_data_func("/pcie-fabric/reset/from-d3hot/hot",
                        GUINT_TO_POINTER(ORACLE_HOT), test_from_d3hot);
    qtest_add_data_func("/pcie-fabric/reset/from-d3hot/flr",
                        GUINT_TO_POINTER(ORACLE_FLR), test_from_d3hot);
    return g_test_run();
}
