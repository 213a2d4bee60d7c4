/*
 * QTest of arm-rmm: a PCI device and delegated memory
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: Arm ARM D9 (granule protection checks are of all requesters).
 */
#include "qemu/osdep.h"
#include "libqos/arm-rmm.h"
#include "libqos/pcie-fabric-endpoint.h"

#define BYTES 64

static bool reads(QFabricEp *ep, uint64_t addr)
{
    QFabricReq req = qfabric_read_req(addr, BYTES, 0);
    QFabricRes res = qfabric_ep_do(ep, &req);

    return res.outcome == QFEP_DONE && res.status == QFEP_SC;
}

static void dma(gconstpointer data)
{
    const char *more = data;
    bool checked = *more == '\0';
    RmmHost h = { .abi = "bet3" };
    QFabricReq write = qfabric_write_req(P(1), BYTES, 0);
    QFabricEp *ep;
    QFabric *fab;

    /* The endpoint needs a clock, so no TCG here. */
    h.qts = qtest_initf("-M virt,virtualization=on,secure=on,gic-version=3 "
                        "-cpu max -m 256M -nodefaults "
                        "-device arm-rmm,abi=bet3%s "
                        "-device pcie-fabric-root-port,id=rp0,addr=1,slot=1 "
                        "-device pcie-fabric-endpoint,id=ep0,bus=rp0", more);
    fab = qfabric_new(h.qts);
    ep = qfabric_ep_new(qfabric_nth(fab, PCI_EXP_TYPE_ENDPOINT, 0));
    rmm_active(&h);
    qtest_memset(h.qts, P(0), 0x5a, 3 * PAGE);
    qtest_memset(h.qts, P(2), 0x11, PAGE);
    g_assert_true(reads(ep, P(1)));
    rmm_delegate(&h, P(1), 1);
    g_assert_true(reads(ep, P(0)));
    g_assert_cmpint(reads(ep, P(1)), ==, !checked);
    g_assert_true(reads(ep, P(2)));
    qfabric_ep_do(ep, &write); /* posted: it ends well, or is dropped */
    g_assert_cmphex(qtest_readq(h.qts, P(1)), ==,
                    checked ? 0x5a5a5a5a5a5a5a5aull : 0x1111111111111111ull);
    rmm_undelegate(&h, P(1), 1);
    g_assert_true(reads(ep, P(1)));
    qfabric_ep_free(ep);
    qfabric_free(fab);
    rmm_stop(&h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_data_func("/arm-rmm/dma/checked", "", dma);
    qtest_add_data_func("/arm-rmm/dma/dma-check-off", ",dma-check=off", dma);
    qtest_add_data_func("/arm-rmm/dma/gpc-off", ",gpc=off", dma);
    return g_test_run();
}
