/*
 * QMP commands of the PCIe fabric
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What query-pcie-fabric-route foretells is compared with what then happens to
 * the same request, and query-pcie-fabric-counters with what was sent.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "libqos/pcie-fabric-endpoint.h"

#define DEVICES \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp0 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2,slot=1," \
    "port=1 " \
    "-device pcie-fabric-downstream,id=ds1,bus=us0,addr=1,chassis=2,slot=2," \
    "port=2 " \
    "-device pcie-fabric-endpoint,id=ep0,bus=ds0 " \
    "-device pcie-fabric-endpoint,id=ep1,bus=ds1,atomic-comp32=off "

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    QFabricFn *rp, *us, *ds0, *ep0, *ep1;
    QFabricEp *ep;
} Bench;

static void bench_open(Bench *b)
{
    b->qts = qfabric_boot(DEVICES);
    b->fab = qfabric_new(b->qts);
    b->rp = qfabric_nth(b->fab, PCI_EXP_TYPE_ROOT_PORT, 0);
    b->us = qfabric_nth(b->fab, PCI_EXP_TYPE_UPSTREAM, 0);
    b->ds0 = qfabric_nth(b->fab, PCI_EXP_TYPE_DOWNSTREAM, 0);
    b->ep0 = qfabric_nth(b->fab, PCI_EXP_TYPE_ENDPOINT, 0);
    b->ep1 = qfabric_nth(b->fab, PCI_EXP_TYPE_ENDPOINT, 1);
    b->ep = qfabric_ep_new(b->ep0);
    qfabric_cap_writew(b->ep0, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       PCI_EXP_DEVCTL2_ATOMIC_REQ);
}

static void bench_close(Bench *b)
{
    qfabric_ep_free(b->ep);
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

/* The answer to query-pcie-fabric-route for a FetchAdd of @ep0 */
static QDict *route(Bench *b, uint64_t addr, unsigned size)
{
    QDict *rsp = qtest_qmp(b->qts, "{ 'execute': 'query-pcie-fabric-route', "
                           "'arguments': { 'device': 'ep0', 'address': %" PRIu64
                           ", 'type': 'fetch-add', 'size': %u } }",
                           addr, size);
    QDict *info = qdict_get_qdict(rsp, "return");

    g_assert_nonnull(info);
    qobject_ref(info);
    qobject_unref(rsp);
    return info;
}

/* Foretold and found: the same reason, decided in the same place */
static void check(Bench *b, uint64_t addr, unsigned size, const char *reason,
                  const char *where, QFabricFn *decider, QFabricReason want)
{
    g_autoptr(QDict) info = route(b, addr, size);
    QFabricReq req = qfabric_atomic(QFEP_FETCH_ADD, size, addr, 1, 0);
    QFabricRes res;

    g_assert_cmpstr(qdict_get_str(info, "reason"), ==, reason);
    g_assert_cmpstr(qdict_get_try_str(info, "decided-by"), ==, where);
    g_assert_false(qdict_get_bool(info, "through-iommu"));
    g_assert_cmpint(qdict_get_bool(info, "issued"), ==,
                    want != QFEP_R_NO_REQ_EN && want != QFEP_R_BAD_REQUEST);
    res = qfabric_ep_do(b->ep, &req);
    g_assert_cmpint(res.reason, ==, want);
    if (want != QFEP_R_NONE) {
        g_assert_cmphex(res.where, ==, decider->bus << 8 | decider->devfn);
    }
}

static void test_foretells(void)
{
    uint64_t peer;
    Bench b;

    bench_open(&b);
    peer = b.ep1->bar[2].addr;
    check(&b, QFABRIC_SCRATCH, 8, "NONE", "rp0", b.rp, QFEP_R_NONE);
    check(&b, QFABRIC_SCRATCH + 1, 8, "MALFORMED", "rp0", b.rp,
          QFEP_R_MALFORMED);
    check(&b, peer, 8, "NONE", "ep1", b.ep1, QFEP_R_NONE);
    check(&b, peer, 4, "UNSUPPORTED", "ep1", b.ep1, QFEP_R_UNSUPPORTED);
    check(&b, b.ep1->bar[0].addr, 8, "NOT_ATOMIC", "ep1", b.ep1,
          QFEP_R_NOT_ATOMIC);

    qfabric_cap_writew(b.us, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK);
    check(&b, QFABRIC_SCRATCH, 8, "EGRESS_BLOCKED", "us0", b.us,
          QFEP_R_EGRESS_BLOCKED);
    check(&b, peer, 8, "NONE", "ep1", b.ep1, QFEP_R_NONE);

    qfabric_writew(b.ds0, PCI_COMMAND, PCI_COMMAND_MEMORY);
    check(&b, peer, 8, "NO_BME", "ds0", b.ds0, QFEP_R_NO_BME);

    qfabric_cap_writew(b.ep0, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2, 0);
    check(&b, peer, 8, "NO_REQ_EN", "ep0", b.ep0, QFEP_R_NO_REQ_EN);
    bench_close(&b);
}

/* Asking changes nothing: no register, no memory, no counter */
static void test_asking_is_silent(void)
{
    g_autofree uint8_t *before = g_malloc(PCI_CFG_SPACE_EXP_SIZE);
    g_autofree uint8_t *after = g_malloc(PCI_CFG_SPACE_EXP_SIZE);
    g_autofree char *counters = NULL, *counters_after = NULL;
    Bench b;

    bench_open(&b);
    qfabric_cap_writew(b.us, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK);
    qtest_writeq(b.qts, QFABRIC_SCRATCH, 77);
    qfabric_snapshot(b.us, before);
    counters = qtest_hmp(b.qts, "info pcie-fabric");
    qobject_unref(route(&b, QFABRIC_SCRATCH, 8));
    qfabric_snapshot(b.us, after);
    counters_after = qtest_hmp(b.qts, "info pcie-fabric");
    g_assert_cmpmem(before, PCI_CFG_SPACE_EXP_SIZE, after,
                    PCI_CFG_SPACE_EXP_SIZE);
    g_assert_cmpuint(qtest_readq(b.qts, QFABRIC_SCRATCH), ==, 77);
    g_assert_cmpstr(counters, ==, counters_after);
    bench_close(&b);
}

static uint64_t counter(Bench *b, const char *device, const char *name)
{
    QDict *rsp = qtest_qmp(b->qts,
                           "{ 'execute': 'query-pcie-fabric-counters' }");
    QListEntry *e;
    uint64_t val = UINT64_MAX;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        if (!strcmp(qdict_get_str(d, "device"), device)) {
            val = qdict_get_int(d, name);
        }
    }
    qobject_unref(rsp);
    g_assert_cmpuint(val, !=, UINT64_MAX);
    return val;
}

static void test_counters(void)
{
    QFabricReq host = qfabric_atomic(QFEP_FETCH_ADD, 8, QFABRIC_SCRATCH, 1, 0);
    QFabricReq peer;
    Bench b;
    int i;

    bench_open(&b);
    peer = qfabric_atomic(QFEP_FETCH_ADD, 8, b.ep1->bar[2].addr, 1, 0);
    for (i = 0; i < 3; i++) {
        qfabric_ep_do(b.ep, &host);
    }
    qfabric_ep_do(b.ep, &peer);
    peer.size = 4;
    qfabric_ep_do(b.ep, &peer);
    qfabric_cap_writew(b.us, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK);
    qfabric_ep_do(b.ep, &host);

    g_assert_cmpuint(counter(&b, "rp0", "routed"), ==, 3);
    g_assert_cmpuint(counter(&b, "rp0", "completed64"), ==, 3);
    g_assert_cmpuint(counter(&b, "us0", "routed"), ==, 3);
    g_assert_cmpuint(counter(&b, "us0", "blocked"), ==, 1);
    /* to the host and to the peer */
    g_assert_cmpuint(counter(&b, "ds0", "routed"), ==, 5);
    g_assert_cmpuint(counter(&b, "ds1", "routed"), ==, 2);
    g_assert_cmpuint(counter(&b, "ep1", "completed64"), ==, 1);
    g_assert_cmpuint(counter(&b, "ep1", "unsupported"), ==, 1);
    bench_close(&b);
}

static void refuse(Bench *b, const char *arguments, const char *words)
{
    g_autofree char *text = g_strdup_printf(
        "{ \"execute\": \"query-pcie-fabric-route\", \"arguments\": %s }",
        arguments);
    QDict *rsp = qtest_qmp(b->qts, "%p", qobject_from_json(text,
                                                           &error_abort));
    QDict *err = qdict_get_qdict(rsp, "error");

    g_assert_nonnull(err);
    g_assert_nonnull(strstr(qdict_get_str(err, "desc"), words));
    qobject_unref(rsp);
}

static void test_refusals(void)
{
    Bench b;

    bench_open(&b);
    refuse(&b, "{ \"device\": \"nobody\", \"address\": 0, \"type\": \"cas\" }",
           "'nobody' is not a PCI Express function");
    refuse(&b, "{ \"device\": \"ep0\", \"address\": 0, \"type\": \"cas\", "
           "\"size\": 3 }", "must be 4, 8 or 16");
    refuse(&b, "{ \"device\": \"ep0\", \"address\": 0, \"type\": \"read\", "
           "\"size\": 4097 }", "must be 1 to 4096");
    refuse(&b, "{ \"device\": \"ep0\", \"address\": 0, \"type\": \"nop\" }",
           "nop");
    bench_close(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/pcie-fabric/qmp/route-foretells", test_foretells);
    qtest_add_func("/pcie-fabric/qmp/asking-is-silent", test_asking_is_silent);
    qtest_add_func("/pcie-fabric/qmp/counters", test_counters);
    qtest_add_func("/pcie-fabric/qmp/refusals", test_refusals);
    return g_test_run();
}
