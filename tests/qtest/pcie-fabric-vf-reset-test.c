/*
 * Virtual Functions across the resets of what is above them
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.6.1, 9.2.2 (resets of SR-IOV devices),
 * 9.3.3 (the SR-IOV capability): VF Enable is clear after a conventional reset,
 * hence there are no VFs until software makes them again, as new ones.
 */
#include "qemu/osdep.h"
#include "libqos/pcie-fabric-endpoint.h"
#include "libqos/pcie-fabric-link.h"

#define VFS             3
#define MEMORY          QFABRIC_SCRATCH

#define DEVICES \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp0 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2,slot=1 " \
    "-device pcie-fabric-endpoint,id=ep0,bus=ds0,sriov-vfs=3 "

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    QFabricFn *rp, *us, *ds, *pf;
    QFabricFn vf[VFS];
} Bench;

static void sriov_write(Bench *b, unsigned off, uint16_t val)
{
    qfabric_ext_writew(b->pf, PCI_EXT_CAP_ID_SRIOV, off, val);
}

static uint32_t sriov_read(Bench *b, unsigned off)
{
    return qfabric_ext_readl(b->pf, PCI_EXT_CAP_ID_SRIOV, off);
}

/* BAR 0 of the VFs follows that of the PF; their memory is out of reach. */
static void enable_vfs(Bench *b)
{
    uint64_t base = b->pf->bar[0].addr + 0x10000;
    unsigned i;

    qfabric_ext_writel(b->pf, PCI_EXT_CAP_ID_SRIOV, PCI_SRIOV_BAR, base);
    qfabric_ext_writel(b->pf, PCI_EXT_CAP_ID_SRIOV, PCI_SRIOV_BAR + 12, 0xf0);
    sriov_write(b, PCI_SRIOV_NUM_VF, VFS);
    sriov_write(b, PCI_SRIOV_CTRL, PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE);
    for (i = 0; i < VFS; i++) {
        b->vf[i] = *b->pf;
        b->vf[i].devfn = b->pf->devfn + 1 + i;
        b->vf[i].bar[0].addr = base + i * b->pf->bar[0].size;
        g_snprintf(b->vf[i].name, sizeof(b->vf[i].name), "VF %u", i);
    }
}

static void bench_open(Bench *b)
{
    b->qts = qfabric_boot(DEVICES);
    b->fab = qfabric_new(b->qts);
    b->rp = qfabric_nth(b->fab, PCI_EXP_TYPE_ROOT_PORT, 0);
    b->us = qfabric_nth(b->fab, PCI_EXP_TYPE_UPSTREAM, 0);
    b->ds = qfabric_nth(b->fab, PCI_EXP_TYPE_DOWNSTREAM, 0);
    b->pf = qfabric_nth(b->fab, PCI_EXP_TYPE_ENDPOINT, 0);
    enable_vfs(b);
}

static void bench_close(Bench *b)
{
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

/*
 * Triggers: hold it, and let it go
 */

static void sbr_rp(Bench *b, bool on)
{
    qfabric_sbr(b->rp, on);
}

static void sbr_us(Bench *b, bool on)
{
    qfabric_sbr(b->us, on);
}

static void sbr_ds(Bench *b, bool on)
{
    qfabric_sbr(b->ds, on);
}

static void disable_rp(Bench *b, bool on)
{
    qfabric_link_disable(b->rp, on);
}

static void disable_ds(Bench *b, bool on)
{
    qfabric_link_disable(b->ds, on);
}

static void lose_ds(Bench *b, bool on)
{
    if (on) {
        qfabric_link_lose(b->qts, "ds0");
    }
}

typedef struct Trigger {
    const char *name;
    void (*set)(Bench *b, bool on);
} Trigger;

static const Trigger triggers[] = {
    { "reset-in-root-port", sbr_rp },
    { "reset-in-upstream-port", sbr_us },
    { "reset-in-downstream-port", sbr_ds },
    { "root-port-disabled", disable_rp },
    { "downstream-port-disabled", disable_ds },
    { "link-loss", lose_ds },
};

static void expect_no_vfs(Bench *b, const char *when)
{
    unsigned i;

    for (i = 0; i < VFS; i++) {
        qfabric_expect(&b->vf[i], when, UINT32_MAX,
                       qfabric_readl(&b->vf[i], PCI_COMMAND),
                       "PCIe r6.0 sec 9.3.3.3.1");
    }
}

/* A request that ends only by its time-out: misaligned, hence malformed */
static void leave_pending(Bench *b, QFabricFn *vf)
{
    QFabricReq req = qfabric_atomic(QFEP_FETCH_ADD, 8, MEMORY + 4, 1, 0);
    g_autoptr(QFabricEp) ep = qfabric_ep_new(vf);

    qfabric_cap_writew(b->pf, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       PCI_EXP_DEVCTL2_ATOMIC_REQ);
    qfabric_writew(vf, PCI_COMMAND, PCI_COMMAND_MASTER);
    qfabric_ep_writel(ep, QFEP_REG_RING_ORDER, 5);
    qfabric_ep_issue(ep, &req);
    g_assert_true(qfabric_ep_busy(ep));
}

/* Nothing is left of the capability's settings but what is HwInit. */
static void check_capability(Bench *b, uint32_t vfs)
{
    qfabric_expect(b->pf, "VF Enable and VF MSE", 0,
                   sriov_read(b, PCI_SRIOV_CTRL) & 0xffff,
                   "PCIe r6.0 sec 9.3.3.3");
    qfabric_expect(b->pf, "InitialVFs and TotalVFs", vfs,
                   sriov_read(b, PCI_SRIOV_INITIAL_VF),
                   "PCIe r6.0 sec 9.3.3.5");
    qfabric_expect(b->pf, "NumVFs", 0,
                   sriov_read(b, PCI_SRIOV_NUM_VF) & 0xffff,
                   "PCIe r6.0 sec 9.3.3.7");
    qfabric_expect(b->pf, "address in VF BAR 0", 0,
                   sriov_read(b, PCI_SRIOV_BAR) & ~0xf,
                   "PCIe r6.0 sec 9.3.3.14");
}

/* The same numbers, but other Functions: nothing is left of the old ones. */
static void check_new_vf(Bench *b, QFabricFn *vf)
{
    g_autoptr(QFabricEp) ep = qfabric_ep_new(vf);
    QFabricReq req = qfabric_atomic(QFEP_FETCH_ADD, 8, MEMORY, 5, 0);
    QFabricRes res;

    qfabric_expect(vf, "Command", 0, qfabric_readw(vf, PCI_COMMAND),
                   "PCIe r6.0 sec 9.3.4.1.3");
    qfabric_expect(vf, "ID register", QFEP_ID,
                   qfabric_ep_readl(ep, QFEP_REG_ID), "docs");
    qfabric_expect(vf, "RING_ORDER", QFEP_ORDER_MIN,
                   qfabric_ep_readl(ep, QFEP_REG_RING_ORDER), "docs");
    g_assert_false(qfabric_ep_busy(ep));
    qtest_writeq(b->qts, MEMORY, 37);
    res = qfabric_ep_do(ep, &req);
    g_assert_cmpint(res.reason, ==, QFEP_R_NO_BME);
    qfabric_writew(vf, PCI_COMMAND, PCI_COMMAND_MASTER);
    qfabric_cap_writew(b->pf, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       PCI_EXP_DEVCTL2_ATOMIC_REQ);
    res = qfabric_ep_do(ep, &req);
    g_assert_cmpint(res.outcome, ==, QFEP_DONE);
    g_assert_cmpuint(res.data.lo, ==, 37);
    g_assert_cmpuint(qtest_readq(b->qts, MEMORY), ==, 42);
}

static void test_reset(const void *data)
{
    const Trigger *t = data;
    uint32_t vfs;
    unsigned i;
    Bench b;

    bench_open(&b);
    vfs = sriov_read(&b, PCI_SRIOV_INITIAL_VF);
    g_assert_cmphex(vfs, ==, VFS << 16 | VFS);
    qtest_writeq(b.qts, MEMORY, 0);
    qtest_writeq(b.qts, MEMORY + 8, 0);
    for (i = 0; i < VFS; i++) {
        leave_pending(&b, &b.vf[i]);
    }
    t->set(&b, true);
    expect_no_vfs(&b, "Command while the link is down");
    qfabric_step_ms(b.qts, 2);
    t->set(&b, false);
    qfabric_wait_for_links(b.fab);
    g_assert_cmphex(qtest_readq(b.qts, MEMORY), ==, 0);
    g_assert_cmphex(qtest_readq(b.qts, MEMORY + 8), ==, 0);
    qfabric_scan(b.fab, NULL);
    check_capability(&b, vfs);
    expect_no_vfs(&b, "Command when the link is back");
    qfabric_program(b.fab);
    enable_vfs(&b);
    for (i = 0; i < VFS; i++) {
        check_new_vf(&b, &b.vf[i]);
    }
    bench_close(&b);
}

/* Made while the PF is not ready: its answers are Request Retry Status. */
static void test_not_ready(void)
{
    Bench b;

    bench_open(&b);
    qfabric_cap_writew(b.rp, PCI_CAP_ID_EXP, PCI_EXP_RTCTL,
                       PCI_EXP_RTCTL_RRS_SVE);
    qfabric_set_prop(b.qts, "ep0", "reset-ready-ms", 300);
    qfabric_sbr(b.ds, true);
    qfabric_sbr(b.ds, false);
    qfabric_step_ms(b.qts, 10);
    g_assert_cmphex(qfabric_readw(b.pf, PCI_VENDOR_ID), ==, 1);
    enable_vfs(&b);
    expect_no_vfs(&b, "Command while the PF is not ready");
    qfabric_step_ms(b.qts, 300);
    g_assert_cmphex(qfabric_readw(b.pf, PCI_VENDOR_ID), ==, QFABRIC_VENDOR);
    check_capability(&b, VFS << 16 | VFS);
    qfabric_program(b.fab);
    enable_vfs(&b);
    check_new_vf(&b, &b.vf[VFS - 1]);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(triggers); i++) {
        g_autofree char *path = g_strdup_printf("/pcie-fabric/vf-reset/%s",
                                                triggers[i].name);

        qtest_add_data_func(path, &triggers[i], test_reset);
    }
    qtest_add_func("/pcie-fabric/vf-reset/not-ready", test_not_ready);
    return g_test_run();
}
