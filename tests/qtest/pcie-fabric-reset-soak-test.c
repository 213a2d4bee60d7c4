/*
 * Resets at random moments: nothing arrives after their edge
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PCIe r6.0 sec 6.6.1, 6.6.2: after a reset a Function sends nothing that it had
 * begun before, neither data nor messages. An endpoint works off a ring of
 * AtomicOps with an interrupt each; somewhere in the middle something above it,
 * or it itself, is reset. From that moment on the counter in memory and the
 * message's word must not change, whatever time passes.
 *
 * Environment:
 *   RIG_SOAK       10,000 resets instead of 200 (make check-long)
 *   RIG_SOAK_SEED  seed of the moments, the places and the kinds (default 1)
 */
#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "libqos/pcie-fabric-endpoint.h"

#define COUNTER QFABRIC_SCRATCH
#define MSG     (QFABRIC_SCRATCH + 0x100)
#define RING    (QFABRIC_SCRATCH + 0x10000)
#define ORDER   12
#define MS      1000000ll

#define DEVICES \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1,port=1 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp0 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,chassis=2,slot=1,port=1 " \
    "-device pcie-fabric-upstream,id=us1,bus=ds0 " \
    "-device pcie-fabric-downstream,id=ds1,bus=us1,chassis=3,slot=1,port=1 " \
    "-device pcie-fabric-endpoint,id=ep0,bus=ds1 "

typedef struct Soak {
    QTestState *qts;
    QFabric *fab;
    QFabricFn *port[5];         /* from the root port down */
    QFabricFn *ep;
    GRand *rand;
} Soak;

static const char *const port_id[] = { "rp0", "us0", "ds0", "us1", "ds1" };

static unsigned pick(Soak *s, unsigned n)
{
    return g_rand_int_range(s->rand, 0, n);
}

static void find_functions(Soak *s)
{
    s->port[0] = qfabric_nth(s->fab, PCI_EXP_TYPE_ROOT_PORT, 0);
    s->port[1] = qfabric_nth(s->fab, PCI_EXP_TYPE_UPSTREAM, 0);
    s->port[2] = qfabric_nth(s->fab, PCI_EXP_TYPE_DOWNSTREAM, 0);
    s->port[3] = qfabric_nth(s->fab, PCI_EXP_TYPE_UPSTREAM, 1);
    s->port[4] = qfabric_nth(s->fab, PCI_EXP_TYPE_DOWNSTREAM, 1);
    s->ep = qfabric_nth(s->fab, PCI_EXP_TYPE_ENDPOINT, 0);
}

/* A ring of the same AtomicOp: a part of it is done at once, the rest soon. */
static void start_work(Soak *s)
{
    QFabricReq req = qfabric_atomic(QFEP_FETCH_ADD, 8, COUNTER, 1, 0);
    unsigned i, n = 100 + pick(s, (1u << ORDER) - 101);
    g_autofree uint8_t *descs = g_malloc(n * QFEP_DESC_SIZE);
    QFabricEp *ep = qfabric_ep_new(s->ep);
    QFabricRing ring;

    req.irq = true;
    qfabric_cap_writew(s->ep, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       PCI_EXP_DEVCTL2_ATOMIC_REQ);
    qfabric_msix_arm(s->ep, 0, MSG, 0x4711);
    qfabric_ep_writel(ep, QFEP_REG_INT_ENABLE, 1);
    qfabric_ring_start(&ring, ep, RING, ORDER);
    qfabric_ring_push(&ring, &req);
    qtest_memread(s->qts, RING, descs, QFEP_DESC_SIZE);
    for (i = 1; i < n; i++) {
        memcpy(descs + i * QFEP_DESC_SIZE, descs, QFEP_DESC_SIZE);
    }
    qtest_memwrite(s->qts, RING, descs, n * QFEP_DESC_SIZE);
    qtest_writeq(s->qts, COUNTER, 0);
    qfabric_ep_writel(ep, QFEP_REG_RING_TAIL, n);
    qfabric_ep_free(ep);
}

/* A random moment: QEMU works on between two commands of the test. */
static void let_it_work(Soak *s)
{
    unsigned i, n = pick(s, 12);

    for (i = 0; i < n; i++) {
        qtest_readl(s->qts, MSG);
        if (pick(s, 4) == 0) {
            qfabric_msg_take(s->fab, MSG);
            qfabric_readw(s->ep, PCI_STATUS);
        }
    }
}

typedef enum Kind { SBR, DISABLE, LOSE, FLR, KINDS } Kind;

static Kind begin_reset(Soak *s, unsigned *at)
{
    Kind kind = pick(s, KINDS);

    *at = pick(s, ARRAY_SIZE(s->port));
    if (kind == DISABLE || kind == LOSE) {
        /* Upstream ports have no link below them. */
        *at &= ~1u;
    }
    switch (kind) {
    case SBR:
        qfabric_writew(s->port[*at], PCI_BRIDGE_CONTROL,
                       PCI_BRIDGE_CTL_BUS_RESET);
        break;
    case DISABLE:
        qfabric_cap_writew(s->port[*at], PCI_CAP_ID_EXP, PCI_EXP_LNKCTL,
                           PCI_EXP_LNKCTL_LD);
        break;
    case LOSE:
        qobject_unref(qtest_qmp(s->qts, "{ 'execute': 'pcie-fabric-link-lose', "
                                "'arguments': { 'device': %s } }",
                                port_id[*at]));
        break;
    default:
        qfabric_flr(s->ep);
        break;
    }
    return kind;
}

static void end_reset(Soak *s, Kind kind, unsigned at)
{
    if (kind == SBR) {
        qfabric_writew(s->port[at], PCI_BRIDGE_CONTROL, 0);
    } else if (kind == DISABLE) {
        qfabric_cap_writew(s->port[at], PCI_CAP_ID_EXP, PCI_EXP_LNKCTL, 0);
    }
}

static void one_reset(Soak *s, unsigned round)
{
    uint64_t counter;
    unsigned at;
    Kind kind;

    start_work(s);
    let_it_work(s);
    kind = begin_reset(s, &at);
    /* From here on nothing may come. */
    counter = qtest_readq(s->qts, COUNTER);
    qtest_writel(s->qts, MSG, 0);
    qtest_clock_step(s->qts, (1 + pick(s, 60)) * MS);
    end_reset(s, kind, at);
    qtest_clock_step(s->qts, 200 * MS);
    if (qtest_readq(s->qts, COUNTER) != counter ||
        qtest_readl(s->qts, MSG) != 0) {
        g_test_message("round %u: kind %d at %s: counter %" PRIu64 " -> %"
                       PRIu64 ", message 0x%x", round, kind, port_id[at],
                       counter, qtest_readq(s->qts, COUNTER),
                       qtest_readl(s->qts, MSG));
        g_test_fail();
    }
    qfabric_enumerate(s->fab);
    g_assert_true(s->ep->present);
}

static void test_soak(void)
{
    unsigned i, n = g_getenv("RIG_SOAK") ? 10000 : 200;
    const char *seed = g_getenv("RIG_SOAK_SEED");
    Soak s = {
        .rand = g_rand_new_with_seed(seed ? g_ascii_strtoull(seed, NULL, 0) :
                                            1),
    };

    s.qts = qfabric_boot(DEVICES);
    s.fab = qfabric_new(s.qts);
    find_functions(&s);
    for (i = 0; i < n && !g_test_failed(); i++) {
        one_reset(&s, i);
    }
    g_test_message("%u resets", i);
    qfabric_free(s.fab);
    qtest_quit(s.qts);
    g_rand_free(s.rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/pcie-fabric/reset-soak", test_soak);
    return g_test_run();
}
