/*
 * Test for the rules of the PCIe fabric
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 2.3 (handling of requests), 2.8 (completion
 * timeout), 6.2 (errors), 7.8.4 (AER). What a rule may do, and what it leaves
 * alone, is from docs/system/devices/pcie-fabric-rules.rst.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqos/pcie-fabric-endpoint.h"
#include "libqos/pcie-fabric-vmstate.h"
#include "libqos/rules.h"
#include "qobject/qdict.h"

#define DEVICES \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp0 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,chassis=2 " \
    "-device pcie-fabric-endpoint,id=ep0,bus=ds0 " \
    "-device pcie-fabric-downstream,id=ds1,bus=us0,chassis=3,addr=1 " \
    "-device pcie-fabric-endpoint,id=ep1,bus=ds1 " \
    "-device pcie-fabric-downstream,id=ds2,bus=us0,chassis=4,addr=2 " \
    "-device e1000e,id=nic0,romfile=,bus=ds2 "

#define HOST            QFABRIC_SCRATCH

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    QFabricFn *rp, *ds[3], *fn[2], *nic;
    QFabricEp *ep[2];
} Bench;

static QFabricFn *only_child(QFabricFn *port)
{
    return qfabric_child(port, 0);
}

static void begin_with(Bench *b, const char *more)
{
    g_autofree char *devices = g_strconcat(DEVICES, more, NULL);
    unsigned i;

    b->qts = qfabric_boot(devices);
    b->fab = qfabric_new(b->qts);
    b->rp = qfabric_nth(b->fab, PCI_EXP_TYPE_ROOT_PORT, 0);
    for (i = 0; i < 3; i++) {
        b->ds[i] = qfabric_nth(b->fab, PCI_EXP_TYPE_DOWNSTREAM, i);
    }
    for (i = 0; i < 2; i++) {
        b->fn[i] = only_child(b->ds[i]);
        b->ep[i] = qfabric_ep_new(b->fn[i]);
        qfabric_cap_writew(b->fn[i], PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                           PCI_EXP_DEVCTL2_ATOMIC_REQ);
    }
    b->nic = only_child(b->ds[2]);
}

static void begin(Bench *b)
{
    begin_with(b, "");
}

static void end(Bench *b)
{
    qfabric_ep_free(b->ep[0]);
    qfabric_ep_free(b->ep[1]);
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

static void set(Bench *b, const char *target, const char *rules)
{
    qrules_set(b->qts, target, "pcie-fabric", rules);
}

static void expect_result(QFabricRes res, QFabricOutcome outcome,
                          QFabricCpl status, QFabricReason reason)
{
    g_assert_cmpint(res.outcome, ==, outcome);
    g_assert_cmpint(res.status, ==, status);
    g_assert_cmpint(res.reason, ==, reason);
}

static uint32_t uncor(QFabricFn *fn)
{
    return qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_UNCOR_STATUS);
}

static uint32_t cor(QFabricFn *fn)
{
    return qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_COR_STATUS);
}

static void clear_errors(QFabricFn *fn)
{
    qfabric_ext_writel(fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_UNCOR_STATUS,
                       UINT32_MAX);
    qfabric_ext_writel(fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_COR_STATUS, UINT32_MAX);
    qfabric_writew(fn, PCI_STATUS, 0xf900);
}

static uint32_t header(QFabricFn *fn, unsigned i)
{
    return qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR,
                             PCI_ERR_HEADER_LOG + 4 * i);
}

/*
 * Configuration requests
 */

/* Request Retry Status n times, then as ever; seen if software asked to. */
static void test_rrs(void)
{
    static const char rules[] =
        "[{'when': {'request': 'config-read', 'address': 0}, 'count': 3,"
        "  'do': [{'action': 'rrs'}]}]";
    Bench b;

    begin(&b);
    qfabric_cap_writew(b.rp, PCI_CAP_ID_EXP, PCI_EXP_RTCTL,
                       PCI_EXP_RTCTL_RRS_SVE);
    set(&b, "ep0", rules);
    g_assert_cmphex(qfabric_readl(b.fn[0], 0), ==, 0xffff0001);
    /* Another register is no match. */
    g_assert_cmphex(qfabric_readw(b.fn[0], PCI_CLASS_DEVICE), !=, 0xffff);
    g_assert_cmphex(qfabric_readw(b.fn[0], 0), ==, 0x0001);
    qfabric_cap_writew(b.rp, PCI_CAP_ID_EXP, PCI_EXP_RTCTL, 0);
    g_assert_cmphex(qfabric_readl(b.fn[0], 0), ==, 0xffffffff);
    g_assert_cmphex(qfabric_readl(b.fn[0], 0), ==,
                    QFABRIC_DEVICE_EP << 16 | QFABRIC_VENDOR);
    qrules_expect(b.qts, "ep0", 0, 4, 3);
    end(&b);
}

/* A port's rule is for all below it, QEMU's devices too, or for one of them. */
static void test_port(void)
{
    Bench b;

    begin(&b);
    set(&b, "ds2", "[{'when': {'request': 'config-read'}, 'from': 2,"
        " 'do': [{'action': 'ur'}]}]");
    g_assert_cmphex(qfabric_readw(b.nic, PCI_VENDOR_ID), ==, 0x8086);
    g_assert_cmphex(qfabric_readw(b.nic, PCI_VENDOR_ID), ==, 0xffff);
    g_assert_cmphex(qfabric_readw(b.nic, PCI_VENDOR_ID), ==, 0x8086);
    /* Not those that only pass it, nor its own registers */
    set(&b, "us0", "[{'when': {'function': 'ds2'}, 'count': 0,"
        " 'do': [{'action': 'ur'}]}]");
    g_assert_cmphex(qfabric_readw(b.nic, PCI_VENDOR_ID), ==, 0x8086);
    g_assert_cmphex(qfabric_readw(b.ds[1], PCI_VENDOR_ID), ==, QFABRIC_VENDOR);
    g_assert_cmphex(qfabric_readw(b.ds[2], PCI_VENDOR_ID), ==, 0xffff);
    set(&b, "us0", "[]");
    g_assert_cmphex(qfabric_readw(b.ds[2], PCI_VENDOR_ID), ==, QFABRIC_VENDOR);
    end(&b);
}

/* UR and CA: the Function logs them, with the header of the request. */
static void test_config_errors(void)
{
    static const struct {
        const char *action;
        uint32_t uncor, cor;
        uint16_t status;
    } cases[] = {
        { "ur", PCI_ERR_UNC_UNSUP, PCI_ERR_COR_ADV_NFAT, 0 },
        { "ca", PCI_ERR_UNC_COMP_ABORT, PCI_ERR_COR_ADV_NFAT,
          PCI_STATUS_SIG_TARGET_ABORT },
        { "no-completion", 0, 0, 0 },
    };
    Bench b;

    begin(&b);
    qfabric_ext_writel(b.fn[0], PCI_EXT_CAP_ID_ERR, PCI_ERR_COR_MASK, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *rules =
            g_strdup_printf("[{'when': {'address': 100}, 'count': 2,"
                            " 'do': [{'action': '%s'}]}]", cases[i].action);
        uint32_t line = qfabric_readl(b.fn[0], PCI_INTERRUPT_LINE);

        clear_errors(b.fn[0]);
        set(&b, "ep0", rules);
        g_assert_cmphex(qfabric_readw(b.fn[0], 100), ==, 0xffff);
        g_assert_cmphex(uncor(b.fn[0]), ==, cases[i].uncor);
        g_assert_cmphex(cor(b.fn[0]), ==, cases[i].cor);
        g_assert_cmphex(qfabric_readw(b.fn[0], PCI_STATUS) & 0xf900, ==,
                        cases[i].status);
        if (cases[i].uncor) {
            g_assert_cmphex(header(b.fn[0], 0), ==, 0x04000001);
            g_assert_cmphex(header(b.fn[0], 1), ==, 0x3);
            g_assert_cmphex(header(b.fn[0], 2), ==,
                            (uint32_t)b.fn[0]->bus << 24 | 100);
        }
        /* A write is lost. */
        set(&b, "ep0", rules);
        clear_errors(b.fn[0]);
        g_free(rules);
        rules = g_strdup_printf("[{'when': {'request': 'config-write',"
                                " 'address': 60, 'data': [{'bytes': '5a'}]},"
                                " 'do': [{'action': '%s'}]}]",
                                cases[i].action);
        set(&b, "ep0", rules);
        qfabric_writeb(b.fn[0], PCI_INTERRUPT_LINE, 0x5b);
        g_assert_cmphex(qfabric_readb(b.fn[0], PCI_INTERRUPT_LINE), ==, 0x5b);
        qfabric_writeb(b.fn[0], PCI_INTERRUPT_LINE, 0x5a);
        g_assert_cmphex(qfabric_readb(b.fn[0], PCI_INTERRUPT_LINE), ==, 0x5b);
        if (cases[i].uncor) {
            g_assert_cmphex(header(b.fn[0], 0), ==, 0x44000001);
        }
        qfabric_writeb(b.fn[0], PCI_INTERRUPT_LINE, 0x5a);
        g_assert_cmphex(qfabric_readb(b.fn[0], PCI_INTERRUPT_LINE), ==, 0x5a);
        qfabric_writel(b.fn[0], PCI_INTERRUPT_LINE, line);
    }
    end(&b);
}

/* Bytes of one's choice: another card's Device ID, once */
static void test_config_data(void)
{
    Bench b;

    begin(&b);
    set(&b, "ep0", "[{'when': {'request': 'config-read', 'address': 2},"
        " 'do': [{'action': 'data', 'offset': 2, 'bytes': '3412'}]}]");
    g_assert_cmphex(qfabric_readl(b.fn[0], 0), ==, 0x1234u << 16 |
                    QFABRIC_VENDOR);
    g_assert_cmphex(qfabric_readl(b.fn[0], 0), ==, QFABRIC_DEVICE_EP << 16 |
                    QFABRIC_VENDOR);
    /* A read that has no such byte does not use the rule up. */
    set(&b, "ep0", "[{'when': {'request': 'config-read', 'address': 2},"
        " 'do': [{'action': 'data', 'offset': 2, 'bytes': '3412',"
        "         'mask': '0f00'}]}]");
    g_assert_cmphex(qfabric_readw(b.fn[0], 2), ==, QFABRIC_DEVICE_EP);
    qrules_expect(b.qts, "ep0", 0, 1, 0);
    g_assert_cmphex(qfabric_readl(b.fn[0], 0), ==,
                    ((QFABRIC_DEVICE_EP & ~0xfu) | 4) << 16 | QFABRIC_VENDOR);
    qrules_expect(b.qts, "ep0", 0, 2, 1);
    end(&b);
}

/*
 * Memory requests
 */

/* How a request to the peer, and to the host, can end; nothing is done then. */
static void test_memory_ends(void)
{
    static const struct {
        const char *action;
        QFabricOutcome outcome;
        QFabricCpl status;
        uint32_t uncor;
    } cases[] = {
        { "ur", QFEP_DONE, QFEP_UR, PCI_ERR_UNC_UNSUP },
        { "ca", QFEP_DONE, QFEP_CA, PCI_ERR_UNC_COMP_ABORT },
        { "no-completion", QFEP_TIMEOUT, 0, 0 },
    };
    Bench b;

    begin(&b);
    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
        unsigned k = i / 2;
        bool host = i % 2;
        QFabricFn *completer = host ? b.rp : b.fn[1];
        uint64_t addr = host ? HOST : b.fn[1]->bar[2].addr;
        QFabricReq add = qfabric_atomic(QFEP_FETCH_ADD, 8, addr, 5, 0);
        g_autofree char *rules =
            g_strdup_printf("[{'when': {'request': 'fetch-add',"
                            " 'requester': 'ep0', 'address': %" PRIu64 "},"
                            " 'from': 2, 'do': [{'action': '%s'}]}]",
                            addr + 7, cases[k].action);

        qtest_writeq(b.qts, addr, 100);
        qfabric_ext_writel(completer, PCI_EXT_CAP_ID_ERR, PCI_ERR_COR_MASK, 0);
        clear_errors(completer);
        set(&b, host ? "rp0" : "ep1", rules);
        expect_result(qfabric_ep_do(b.ep[0], &add), QFEP_DONE, QFEP_SC,
                      QFEP_R_NONE);
        expect_result(qfabric_ep_do(b.ep[0], &add), cases[k].outcome,
                      cases[k].status, QFEP_R_RULE);
        g_assert_cmphex(uncor(completer), ==, cases[k].uncor);
        g_assert_cmpuint(qtest_readq(b.qts, addr), ==, 105);
        expect_result(qfabric_ep_do(b.ep[0], &add), QFEP_DONE, QFEP_SC,
                      QFEP_R_NONE);
        g_assert_cmpuint(qtest_readq(b.qts, addr), ==, 110);
        qrules_expect(b.qts, host ? "rp0" : "ep1", 0, 3, 1);
        set(&b, host ? "rp0" : "ep1", "[]");
    }
    end(&b);
}

/* A request that is refused for another reason does not use the rule up. */
static void test_refused_otherwise(void)
{
    Bench b;
    QFabricReq odd, good;

    begin(&b);
    odd = qfabric_atomic(QFEP_SWAP, 8, b.fn[1]->bar[2].addr + 4, 1, 0);
    good = qfabric_atomic(QFEP_SWAP, 8, b.fn[1]->bar[2].addr, 1, 0);
    set(&b, "ep1", "[{'do': [{'action': 'ca'}]}]");
    expect_result(qfabric_ep_do(b.ep[0], &odd), QFEP_TIMEOUT, 0,
                  QFEP_R_MALFORMED);
    qrules_expect(b.qts, "ep1", 0, 1, 0);
    expect_result(qfabric_ep_do(b.ep[0], &good), QFEP_DONE, QFEP_CA,
                  QFEP_R_RULE);
    qrules_expect(b.qts, "ep1", 0, 2, 1);
    end(&b);
}

/* A write is posted: lost, and the requester does not know. */
static void test_lost_write(void)
{
    Bench b;
    QFabricReq req = qfabric_write_req(HOST, 8, 0);

    begin(&b);
    qtest_writeq(b.qts, b.fn[0]->bar[2].addr, 0x1122334455667788ull);
    set(&b, "rp0", "[{'when': {'request': 'memory-write', 'data':"
        " [{'offset': 1, 'bytes': '7766'}]},"
        " 'do': [{'action': 'no-completion'}]}]");
    qtest_writeq(b.qts, HOST, 0);
    expect_result(qfabric_ep_do(b.ep[0], &req), QFEP_DONE, QFEP_SC,
                  QFEP_R_RULE);
    g_assert_cmphex(qtest_readq(b.qts, HOST), ==, 0);
    qfabric_ep_do(b.ep[0], &req);
    g_assert_cmphex(qtest_readq(b.qts, HOST), ==, 0x1122334455667788ull);
    end(&b);
}

/* The requester's own side: what it sends comes to nothing. */
static void test_requester(void)
{
    Bench b;
    QFabricReq req = qfabric_atomic(QFEP_SWAP, 4, HOST, 7, 0);

    begin(&b);
    qtest_writel(b.qts, HOST, 1);
    set(&b, "ep0", "[{'when': {'side': 'requester', 'data':"
        " [{'bytes': '07'}]}, 'do': [{'action': 'no-completion'}]}]");
    expect_result(qfabric_ep_do(b.ep[0], &req), QFEP_TIMEOUT, 0, QFEP_R_RULE);
    g_assert_cmphex(uncor(b.fn[0]), ==, PCI_ERR_UNC_COMP_TIME);
    g_assert_cmphex(qtest_readl(b.qts, HOST), ==, 1);
    expect_result(qfabric_ep_do(b.ep[0], &req), QFEP_DONE, QFEP_SC,
                  QFEP_R_NONE);
    g_assert_cmphex(qtest_readl(b.qts, HOST), ==, 7);
    end(&b);
}

/* Late: busy until then, and no error; two delays add up. */
static void test_late(void)
{
    Bench b;
    QFabricReq req = qfabric_atomic(QFEP_SWAP, 8, HOST, 7, 0);

    begin(&b);
    qfabric_ep_set_timeout(b.ep[0], 20000);
    qtest_writeq(b.qts, HOST, 42);
    set(&b, "rp0", "[{'count': 2, 'do': [{'action': 'delay', 'ms': 3},"
        "  {'action': 'delay', 'us': 500}]}, {'from': 2,"
        "  'do': [{'action': 'delay', 'ms': 17}]}]");
    qfabric_ep_issue(b.ep[0], &req);
    g_assert_cmpuint(qtest_readq(b.qts, HOST), ==, 7);
    qtest_clock_step(b.qts, 3400000);
    g_assert_true(qfabric_ep_busy(b.ep[0]));
    g_assert_true(qfabric_cap_readw(b.fn[0], PCI_CAP_ID_EXP, PCI_EXP_DEVSTA) &
                  PCI_EXP_DEVSTA_TRPND);
    qtest_clock_step(b.qts, 200000);
    g_assert_false(qfabric_ep_busy(b.ep[0]));
    expect_result(qfabric_ep_result(b.ep[0]), QFEP_DONE, QFEP_SC, QFEP_R_NONE);
    g_assert_cmpuint(qfabric_ep_result(b.ep[0]).data.lo, ==, 42);
    g_assert_cmphex(uncor(b.fn[0]), ==, 0);
    /* 20.5 ms are more than the time-out. */
    qfabric_ep_issue(b.ep[0], &req);
    qtest_clock_step(b.qts, 19900000);
    g_assert_true(qfabric_ep_busy(b.ep[0]));
    qtest_clock_step(b.qts, 200000);
    expect_result(qfabric_ep_result(b.ep[0]), QFEP_TIMEOUT, 0, QFEP_R_RULE);
    g_assert_cmphex(uncor(b.fn[0]), ==, PCI_ERR_UNC_COMP_TIME);
    end(&b);
}

static void test_poisoned(void)
{
    Bench b;
    QFabricReq req = qfabric_read_req(HOST, 8, 0);
    QFabricRes res;

    begin(&b);
    set(&b, "rp0", "[{'do': [{'action': 'poison'}]}]");
    res = qfabric_ep_do(b.ep[0], &req);
    expect_result(res, QFEP_DONE, QFEP_SC, QFEP_R_POISONED);
    g_assert_cmphex(uncor(b.fn[0]), ==, PCI_ERR_UNC_POISON_TLP);
    g_assert_cmphex(qfabric_readw(b.fn[0], PCI_STATUS) & 0xf900, ==,
                    PCI_STATUS_DETECTED_PARITY);
    /* A completion with two DW of data, EP set */
    g_assert_cmphex(header(b.fn[0], 0), ==, 0x4a004002);
    expect_result(qfabric_ep_do(b.ep[0], &req), QFEP_DONE, QFEP_SC,
                  QFEP_R_NONE);
    end(&b);
}

static void test_memory_data(void)
{
    Bench b;
    QFabricReq read = qfabric_read_req(HOST, 8, 64);
    QFabricReq swap = qfabric_atomic(QFEP_SWAP, 8, HOST, 3, 0);

    begin(&b);
    qtest_writeq(b.qts, HOST, 0x8877665544332211ull);
    set(&b, "rp0", "[{'count': 0, 'do': [{'action': 'data', 'offset': 6,"
        " 'bytes': 'abcdef'}]}]");
    qfabric_ep_do(b.ep[0], &read);
    g_assert_cmphex(qtest_readq(b.qts, b.fn[0]->bar[2].addr + 64), ==,
                    0xcdab665544332211ull);
    g_assert_cmphex(qfabric_ep_do(b.ep[0], &swap).data.lo, ==,
                    0xcdab665544332211ull);
    g_assert_cmphex(qtest_readq(b.qts, HOST), ==, 3);
    end(&b);
}

/*
 * Errors, and several rules at once
 */

/* At a chosen TLP, and together with what else a rule does */
static void test_inject(void)
{
    Bench b;
    QFabricReq req = qfabric_atomic(QFEP_SWAP, 8, HOST, 7, 0);

    begin(&b);
    set(&b, "rp0",
        "[{'from': 3, 'do': [{'action': 'error', 'error': 'flow-control'}]},"
        " {'from': 3, 'do': [{'action': 'error', 'error': 'bad-dllp'},"
        "                    {'action': 'ur'}]}]");
    clear_errors(b.rp);
    for (unsigned i = 0; i < 4; i++) {
        expect_result(qfabric_ep_do(b.ep[0], &req), QFEP_DONE,
                      i == 2 ? QFEP_UR : QFEP_SC,
                      i == 2 ? QFEP_R_RULE : QFEP_R_NONE);
        g_assert_cmphex(uncor(b.rp) & PCI_ERR_UNC_FCP, ==,
                        i < 2 ? 0 : PCI_ERR_UNC_FCP);
        g_assert_cmphex(cor(b.rp) & PCI_ERR_COR_BAD_DLLP, ==,
                        i < 2 ? 0 : PCI_ERR_COR_BAD_DLLP);
    }
    /* The first error has the header: a Swap of two DW, from ep0. */
    g_assert_cmphex(header(b.rp, 0), ==, 0x4d000002);
    g_assert_cmphex(header(b.rp, 1) >> 16, ==, (uint32_t)b.fn[0]->bus << 8);
    g_assert_cmphex(header(b.rp, 2), ==, HOST);
    end(&b);
}

/* Every error of every device is logged in its bit, and nowhere else. */
static void test_all_errors(void)
{
    static const struct {
        const char *name;
        uint32_t uncor, cor;
        bool port;
    } errors[] = {
        { "data-link-protocol", PCI_ERR_UNC_DLP },
        { "surprise-down", PCI_ERR_UNC_SURPDN, 0, true },
        { "poisoned-tlp", PCI_ERR_UNC_POISON_TLP },
        { "flow-control", PCI_ERR_UNC_FCP },
        { "completion-timeout", PCI_ERR_UNC_COMP_TIME },
        { "completer-abort", PCI_ERR_UNC_COMP_ABORT },
        { "unexpected-completion", PCI_ERR_UNC_UNX_COMP },
        { "receiver-overflow", PCI_ERR_UNC_RX_OVER },
        { "malformed-tlp", PCI_ERR_UNC_MALF_TLP },
        { "unsupported-request", PCI_ERR_UNC_UNSUP },
        { "acs-violation", PCI_ERR_UNC_ACSV, 0, true },
        { "internal", PCI_ERR_UNC_INTN },
        { "atomic-egress-blocked", 0x01000000, 0, true },
        { "receiver-error", 0, PCI_ERR_COR_RCVR },
        { "bad-tlp", 0, PCI_ERR_COR_BAD_TLP },
        { "bad-dllp", 0, PCI_ERR_COR_BAD_DLLP },
        { "replay-rollover", 0, PCI_ERR_COR_REP_ROLL },
        { "replay-timeout", 0, PCI_ERR_COR_REP_TIMER },
        { "corrected-internal", 0, PCI_ERR_COR_INTERNAL },
        { "header-log-overflow", 0, PCI_ERR_COR_LOG_OVER },
    };
    static const char *const names[] = { "ds0", "ep0" };
    static const char *const words[] = { "do[0].error", "cannot have", NULL };
    Bench b;

    begin(&b);
    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(errors); i++) {
        unsigned k = i / 2;
        bool ep = i % 2;
        QFabricFn *fn = ep ? b.fn[0] : b.ds[0];
        g_autofree char *rules =
            g_strdup_printf("[{'when': {'address': 0}, 'do': [{'action':"
                            " 'error', 'error': '%s'}]}]", errors[k].name);

        if (ep && errors[k].port) {
            qrules_refused(b.qts, names[ep], "pcie-fabric", rules, words);
            continue;
        }
        clear_errors(fn);
        set(&b, names[ep], rules);
        g_assert_cmphex(qfabric_readw(b.fn[0], 0), ==, QFABRIC_VENDOR);
        g_assert_cmphex(uncor(fn), ==, errors[k].uncor);
        g_assert_cmphex(cor(fn), ==, errors[k].cor);
        set(&b, names[ep], "[]");
    }
    end(&b);
}

/*
 * What has no effect is refused.
 */

static void test_refusals(void)
{
    static const struct {
        const char *target, *rules;
        const char *words[4];
    } cases[] = {
        { "ep0", "[{'do': [{'action': 'rrs'}], 'from': 0}]",
          { "rules[0].from" } },
        { "ep0", "[{'do': [{'action': 'stall'}]}]", { "action", "stall" } },
        { "ep0", "[{'do': [{'action': 'ur', 'ms': 1}]}]",
          { "rules[0].do[0].ms", "unexpected" } },
        { "ep0", "[{'do': [{'action': 'ur'}, {'action': 'data',"
          " 'bytes': '00'}]}]", { "do[1].action", "'data'", "'ur'" } },
        { "ep0", "[{'do': [{'action': 'delay', 'us': 1}, {'action': 'ca'}]}]",
          { "do[1].action", "'ca'", "'delay'" } },
        { "ep0", "[{'do': [{'action': 'delay'}]}]", { "do[0].ms" } },
        { "ep0", "[{'when': {'request': 'swap'}, 'do': [{'action': 'rrs'}]}]",
          { "do[0].action", "configuration" } },
        { "ep0", "[{'when': {'request': 'config-read'},"
          " 'do': [{'action': 'delay', 'ms': 1}]}]", { "do[0].action" } },
        { "ep0", "[{'when': {'request': 'memory-write'},"
          " 'do': [{'action': 'poison'}]}]", { "do[0].action" } },
        { "ep0", "[{'when': {'request': 'config-write'},"
          " 'do': [{'action': 'data', 'bytes': '00'}]}]", { "do[0].action" } },
        { "ep0", "[{'when': {'request': 'config-read'}, 'do':"
          " [{'action': 'data', 'offset': 2, 'bytes': '001122'}]}]",
          { "do[0].data", "more than 4" } },
        { "ds0", "[{'do': [{'action': 'poison'}]}]", { "do[0].action" } },
        { "ds0", "[{'when': {'side': 'requester'},"
          " 'do': [{'action': 'ur'}]}]", { "when.side" } },
        { "us0", "[{'when': {'request': 'cas'}, 'do': [{'action': 'ur'}]}]",
          { "when.request", "switch" } },
        { "ep0", "[{'when': {'side': 'requester', 'request': 'config-read'},"
          " 'do': [{'action': 'ur'}]}]", { "when.side" } },
        { "ep0", "[{'when': {'side': 'requester', 'requester': 'ep1'},"
          " 'do': [{'action': 'ur'}]}]", { "when.requester" } },
        { "ep0", "[{'when': {'function': 'ep0'}, 'do': [{'action': 'ur'}]}]",
          { "when.function" } },
        { "rp0", "[{'when': {'function': 'us0', 'request': 'memory-read'},"
          " 'do': [{'action': 'ur'}]}]", { "when.function" } },
        { "rp0", "[{'when': {'function': 'us0', 'requester': 'ep0'},"
          " 'do': [{'action': 'ur'}]}]", { "when.requester" } },
        { "ds0", "[{'when': {'requester': 'ep0'}, 'do': [{'action': 'ur'}]}]",
          { "when.requester" } },
        { "ep0", "[{'when': {'length': 4}, 'do': [{'action': 'ur'}]}]",
          { "when.length" } },
        { "ep0", "[{'when': {'address': 4, 'length': 0},"
          " 'do': [{'action': 'ur'}]}]", { "when.length" } },
        { "ep0", "[{'when': {'address': 4096, 'request': 'config-read'},"
          " 'do': [{'action': 'ur'}]}]", { "when.address" } },
        { "ep0", "[{'when': {'request': 'memory-read', 'data':"
          " [{'bytes': '00'}]}, 'do': [{'action': 'ur'}]}]",
          { "when.data", "read" } },
        { "ep0", "[{'do': [{'action': 'error', 'error': 'bad-tlp',"
          " 'advisory': true}]}]", { "do[0].advisory" } },
    };
    static const char *const unknown[] = { "target", "nobody", NULL };
    Bench b;
    QDict *rsp;

    begin(&b);
    set(&b, "ep0", "[{'do': [{'action': 'ca'}]}]");
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        qrules_refused(b.qts, cases[i].target, "pcie-fabric", cases[i].rules,
                       cases[i].words);
    }
    rsp = qtest_qmp(b.qts, "{ 'execute': 'rig-rules-set', 'arguments':"
                    " { 'target': 'nobody', 'family': 'pcie-fabric',"
                    "   'rules': [] } }");
    for (unsigned i = 0; unknown[i]; i++) {
        g_assert_nonnull(strstr(qdict_get_str(qdict_get_qdict(rsp, "error"),
                                              "desc"), unknown[i]));
    }
    qobject_unref(rsp);
    end(&b);
}

/*
 * What is the same for all families: properties, clear, reset, snapshots
 */

static void test_properties(void)
{
    g_autofree char *file = NULL;
    g_autofree char *more = NULL;
    g_autofree char *text = NULL;
    int fd = g_file_open_tmp("rules-XXXXXX", &file, NULL);
    Bench b;

    g_assert_true(fd >= 0);
    close(fd);
    g_assert_true(g_file_set_contents(file,
        "{'rules': [{'when': {'address': 0}, 'from': 1000000,"
        " 'do': [{'action': 'ur'}]}]}", -1, NULL));
    more = g_strdup_printf(
        "-device pcie-fabric-root-port,id=rpf,addr=5,chassis=9,slot=9,"
        "rules-file=%s "
        "-device \"pcie-fabric-endpoint,id=epf,bus=rpf,"
        "rules=[{'do':[{'action':'data',,'bytes':'00'}],,'from':1000000}]\" ",
        file);
    begin_with(&b, more);
    text = qrules_text(b.qts, "epf");
    g_assert_nonnull(strstr(text, "\"bytes\": \"00\""));
    g_free(text);
    text = qrules_text(b.qts, "rpf");
    g_assert_nonnull(strstr(text, "\"address\": 0"));
    end(&b);
    unlink(file);
}

static void test_clear(void)
{
    Bench b;

    begin(&b);
    set(&b, "ep0", "[{'count': 0, 'do': [{'action': 'ur'}]}]");
    set(&b, "ep1", "[{'count': 0, 'do': [{'action': 'ur'}]}]");
    g_assert_cmphex(qfabric_readw(b.fn[1], 0), ==, 0xffff);
    qtest_qmp_assert_success(b.qts, "{ 'execute': 'rig-rules-clear',"
                             " 'arguments': { 'target': 'ep1' } }");
    g_assert_cmphex(qfabric_readw(b.fn[1], 0), ==, QFABRIC_VENDOR);
    g_assert_cmphex(qfabric_readw(b.fn[0], 0), ==, 0xffff);
    qtest_qmp_assert_success(b.qts, "{ 'execute': 'rig-rules-clear' }");
    g_assert_cmphex(qfabric_readw(b.fn[0], 0), ==, QFABRIC_VENDOR);
    end(&b);
}

/* A reset of the machine begins anew; one of the device does not. */
static void test_reset(void)
{
    Bench b;

    begin(&b);
    set(&b, "ep0", "[{'when': {'request': 'config-read', 'address': 0},"
        " 'do': [{'action': 'ur'}]}]");
    g_assert_cmphex(qfabric_readw(b.fn[0], 0), ==, 0xffff);
    qfabric_secondary_bus_reset(b.ds[0]);
    qfabric_flr(b.fn[0]);
    qrules_expect(b.qts, "ep0", 0, 1, 1);
    qfabric_cold_reset(b.fab);
    qrules_expect(b.qts, "ep0", 0, 0, 0);
    end(&b);
}

/* Counts come along, rules must be the same. */
static void test_migration(void)
{
    static const char rules[] =
        "[{'from': 2, 'do': [{'action': 'ur'}],"
        "  'when': {'request': 'config-read', 'address': 0}}]";
    static const char other[] =
        "[{'from': 3, 'do': [{'action': 'ur'}],"
        "  'when': {'request': 'config-read', 'address': 0}}]";
    QFabricFiles files;
    g_autofree char *uri = NULL;
    Bench b;

    qfabric_files_open(&files);
    uri = g_strdup_printf("exec:cat > %s", files.stream);
    begin(&b);
    set(&b, "ep0", rules);
    qfabric_readw(b.fn[0], 0);
    qrules_expect(b.qts, "ep0", 0, 1, 0);
    qfabric_migrate_out(b.qts, uri);
    end(&b);
    g_free(uri);
    uri = g_strdup_printf("exec:cat %s", files.stream);
    for (unsigned i = 0; i < 3; i++) {
        static const char *const in[] = { rules, other, "[]" };
        QTestState *qts = qfabric_boot(DEVICES "-incoming defer ");

        qrules_set(qts, "ep0", "pcie-fabric", in[i]);
        g_assert_cmpint(qfabric_migrate_in(qts, uri), ==, i == 0);
        if (i == 0) {
            qrules_expect(qts, "ep0", 0, 1, 0);
            qtest_quit(qts);
        }
    }
    qfabric_files_close(&files);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/fabric/rule/rrs", test_rrs);
    qtest_add_func("/fabric/rule/port", test_port);
    qtest_add_func("/fabric/rule/config-errors", test_config_errors);
    qtest_add_func("/fabric/rule/config-data", test_config_data);
    qtest_add_func("/fabric/rule/memory-ends", test_memory_ends);
    qtest_add_func("/fabric/rule/refused-otherwise", test_refused_otherwise);
    qtest_add_func("/fabric/rule/lost-write", test_lost_write);
    qtest_add_func("/fabric/rule/requester", test_requester);
    qtest_add_func("/fabric/rule/late", test_late);
    qtest_add_func("/fabric/rule/poisoned", test_poisoned);
    qtest_add_func("/fabric/rule/memory-data", test_memory_data);
    qtest_add_func("/fabric/rule/inject", test_inject);
    qtest_add_func("/fabric/rule/all-errors", test_all_errors);
    qtest_add_func("/fabric/rule/refusals", test_refusals);
    qtest_add_func("/fabric/rule/properties", test_properties);
    qtest_add_func("/fabric/rule/clear", test_clear);
    qtest_add_func("/fabric/rule/reset", test_reset);
    qtest_add_func("/fabric/rule/migration", test_migration);
    return g_test_run();
}
