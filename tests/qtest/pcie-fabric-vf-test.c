/*
 * AtomicOps of virtual Functions
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 9.2.1, 9.3.3 (SR-IOV), 7.5.3.16 (AtomicOp
 * Requester Enable of a VF is the PF's).
 *
 * Software makes the VFs: it places their BARs in the PF's SR-IOV capability,
 * says how many, and sets VF Enable and VF MSE.
 */
#include "qemu/osdep.h"
#include "libqos/pcie-fabric-endpoint.h"

#define VFS 3

typedef struct Place {
    const char *name;
    const char *devices;
} Place;

static const Place places[] = {
    { "direct",
      "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1 "
      "-device pcie-fabric-endpoint,id=ep0,bus=rp0,sriov-vfs=3 " },
    { "below-switch",
      "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1 "
      "-device pcie-fabric-upstream,id=us0,bus=rp0 "
      "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2,slot=1 "
      "-device pcie-fabric-endpoint,id=ep0,bus=ds0,sriov-vfs=3 " },
    { "rciep",
      "-device pcie-fabric-endpoint,id=ep0,addr=1,sriov-vfs=3 " },
};

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    QFabricFn *pf;
    QFabricFn vf[VFS];
    QFabricEp *ep[VFS];
} Bench;

/* A handle of VF @n, whose BARs follow from those in the capability */
static void make_handle(Bench *b, unsigned n, const uint64_t *base)
{
    QFabricFn *vf = &b->vf[n];
    unsigned i;

    *vf = *b->pf;
    vf->devfn = b->pf->devfn + 1 + n;
    g_snprintf(vf->name, sizeof(vf->name), "VF %u", n);
    for (i = 0; i < PCI_STD_NUM_BARS; i++) {
        vf->bar[i].addr = base[i] ? base[i] + n * b->pf->bar[i].size : 0;
    }
    b->ep[n] = qfabric_ep_new(vf);
}

static void enable_vfs(Bench *b)
{
    unsigned cap = qfabric_ext(b->pf, PCI_EXT_CAP_ID_SRIOV);
    uint64_t base[PCI_STD_NUM_BARS] = { 0 };
    unsigned i;

    /* Behind the PF's own BARs, inside of the windows: they are 1 MiB apart */
    for (i = 0; i < PCI_STD_NUM_BARS; i++) {
        if (b->pf->bar[i].addr) {
            base[i] = b->pf->bar[i].addr + 0x10000;
            qfabric_writel(b->pf, cap + PCI_SRIOV_BAR + 4 * i, base[i]);
        }
        if (b->pf->bar[i].is_64) {
            /* no room for peer memory of VFs: far away, not in a window */
            base[i] = 0;
            qfabric_writel(b->pf, cap + PCI_SRIOV_BAR + 4 * i, 0);
            qfabric_writel(b->pf, cap + PCI_SRIOV_BAR + 4 * i + 4, 0xf0);
        }
    }
    qfabric_writew(b->pf, cap + PCI_SRIOV_NUM_VF, VFS);
    qfabric_writew(b->pf, cap + PCI_SRIOV_CTRL,
                   PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
    for (i = 0; i < VFS; i++) {
        make_handle(b, i, base);
    }
}

static void bench_open(Bench *b, const Place *place)
{
    b->qts = qfabric_boot(place->devices);
    b->fab = qfabric_new(b->qts);
    b->pf = qfabric_nth(b->fab, PCI_EXP_TYPE_ENDPOINT, 0) ?:
            qfabric_nth(b->fab, PCI_EXP_TYPE_RC_END, 0);
    g_assert_nonnull(b->pf);
    enable_vfs(b);
}

static void bench_close(Bench *b)
{
    unsigned i;

    for (i = 0; i < VFS; i++) {
        qfabric_ep_free(b->ep[i]);
    }
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

static void set_req_en(Bench *b, bool on)
{
    qfabric_cap_writew(b->pf, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       on ? PCI_EXP_DEVCTL2_ATOMIC_REQ : 0);
}

static void test_identity(const void *data)
{
    Bench b;
    unsigned i;

    bench_open(&b, data);
    for (i = 0; i < VFS; i++) {
        /* sec 9.3.4.1.1: software takes the PF's and the capability's */
        g_assert_cmphex(qfabric_readw(&b.vf[i], PCI_VENDOR_ID), ==, 0xffff);
        g_assert_cmphex(qfabric_ep_readl(b.ep[i], QFEP_REG_ID), ==, QFEP_ID);
        g_assert_cmphex(qfabric_ep_readl(b.ep[i], QFEP_REG_FEATURES) & 0x10,
                        ==, 0x10);
        /* sec 9.3.4.1.3: of Command only Bus Master Enable is there */
        qfabric_writew(&b.vf[i], PCI_COMMAND, 0xffff);
        g_assert_cmphex(qfabric_readw(&b.vf[i], PCI_COMMAND), ==,
                        PCI_COMMAND_MASTER);
        qfabric_cap_writew(&b.vf[i], PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2, 0xffff);
        g_assert_cmphex(qfabric_cap_readw(&b.vf[i], PCI_CAP_ID_EXP,
                                          PCI_EXP_DEVCTL2), ==, 0);
    }
    bench_close(&b);
}

/* Each operation and size, alone governed by PF's ReqEn and VF's BME */
static void test_gates(const void *data)
{
    static const struct {
        QFabricOp op;
        unsigned size;
    } shapes[] = {
        { QFEP_FETCH_ADD, 4 }, { QFEP_FETCH_ADD, 8 }, { QFEP_SWAP, 4 },
        { QFEP_SWAP, 8 }, { QFEP_CAS, 4 }, { QFEP_CAS, 8 }, { QFEP_CAS, 16 },
    };
    unsigned i, s, gate;
    Bench b;

    bench_open(&b, data);
    for (i = 0; i < VFS; i++) {
        for (s = 0; s < ARRAY_SIZE(shapes); s++) {
            for (gate = 0; gate < 4; gate++) {
                bool bme = gate & 1, req_en = gate & 2;
                QFabricReq req = qfabric_atomic(shapes[s].op, shapes[s].size,
                                                QFABRIC_SCRATCH, 0, 5);
                QFabricRes res;

                set_req_en(&b, req_en);
                qfabric_writew(&b.vf[i], PCI_COMMAND,
                               bme ? PCI_COMMAND_MASTER : 0);
                res = qfabric_ep_do(b.ep[i], &req);
                g_assert_cmpint(res.outcome, ==, bme && req_en ? QFEP_DONE :
                                                 QFEP_NOT_ISSUED);
                g_assert_cmpint(res.reason, ==,
                                !bme ? QFEP_R_NO_BME :
                                !req_en ? QFEP_R_NO_REQ_EN : QFEP_R_NONE);
            }
        }
    }
    bench_close(&b);
}

static void test_sum(const void *data)
{
    uint64_t sum = 100;
    unsigned i;
    Bench b;

    bench_open(&b, data);
    set_req_en(&b, true);
    qtest_writeq(b.qts, QFABRIC_SCRATCH, sum);
    for (i = 0; i < VFS; i++) {
        QFabricReq req = qfabric_atomic(QFEP_FETCH_ADD, 8, QFABRIC_SCRATCH,
                                        i + 1, 0);
        QFabricRes res;

        qfabric_writew(&b.vf[i], PCI_COMMAND, PCI_COMMAND_MASTER);
        res = qfabric_ep_do(b.ep[i], &req);
        g_assert_cmpint(res.outcome, ==, QFEP_DONE);
        g_assert_cmpuint(res.data.lo, ==, sum);
        sum += i + 1;
        g_assert_cmpuint(qtest_readq(b.qts, QFABRIC_SCRATCH), ==, sum);
    }
    bench_close(&b);
}

/* VF Enable cleared by a reset of the PF: they are gone, and come back clean */
static void test_flr_of_pf(const void *data)
{
    Bench b;

    bench_open(&b, data);
    qfabric_writew(&b.vf[0], PCI_COMMAND, PCI_COMMAND_MASTER);
    qfabric_ep_writel(b.ep[0], QFEP_REG_REQ_LEN, 77);
    qfabric_flr(b.pf);
    g_assert_cmphex(qfabric_readw(b.pf, qfabric_ext(b.pf, PCI_EXT_CAP_ID_SRIOV)
                                  + PCI_SRIOV_CTRL), ==, 0);
    g_assert_cmphex(qfabric_readl(&b.vf[0], PCI_COMMAND), ==, UINT32_MAX);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(const void *);
    } cases[] = {
        { "identity", test_identity },
        { "requester-gates", test_gates },
        { "sum", test_sum },
        { "flr-of-pf", test_flr_of_pf },
    };
    unsigned p, c;

    g_test_init(&argc, &argv, NULL);
    for (p = 0; p < ARRAY_SIZE(places); p++) {
        for (c = 0; c < ARRAY_SIZE(cases); c++) {
            g_autofree char *path = g_strdup_printf("/pcie-fabric/vf/%s/%s",
                                                    places[p].name,
                                                    cases[c].name);

            qtest_add_data_func(path, &places[p], cases[c].fn);
        }
    }
    return g_test_run();
}
