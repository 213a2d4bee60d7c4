/*
 * A guest that writes anything to any register of the PCIe fabric
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Nothing that a guest does may crash or hang QEMU, or wedge a device for good.
 * The sequence of operations is a function of the seed alone. After each
 * ROUND of them the machine is reset, enumerated, and has to work.
 *
 * Environment:
 *   RIG_FUZZ_SEEDS    file of seeds to replay, one a line; '#' starts a comment
 *   RIG_FUZZ_SECONDS  after that, go on from RIG_FUZZ_SEED for so long
 *   RIG_FUZZ_SEED     first seed (default 1); each further round takes the next
 */
#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "fuzz-seeds.h"
#include "libqos/pcie-fabric-endpoint.h"

#define ROUND 1000

#define DEVICES \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1,port=1," \
    "atomic-routing=on " \
    "-device pcie-fabric-upstream,id=us0,bus=rp0 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2,slot=1," \
    "port=1 " \
    "-device pcie-fabric-downstream,id=ds1,bus=us0,addr=1,chassis=2,slot=2," \
    "port=2 " \
    "-device pcie-fabric-upstream,id=us1,bus=ds1 " \
    "-device pcie-fabric-downstream,id=ds2,bus=us1,addr=0,chassis=3,slot=1," \
    "port=3 " \
    "-device pcie-fabric-endpoint,id=ep0,bus=ds0,sriov-vfs=2 " \
    "-device pcie-fabric-endpoint,id=ep1,bus=ds2,mem-size=64K " \
    "-device pcie-fabric-root-port,id=rp1,addr=2,chassis=1,slot=2,port=4 " \
    "-device virtio-rng-pci,bus=rp1 " \
    "-device pcie-fabric-root-port,id=rp2,addr=3,chassis=1,slot=3,port=5 " \
    "-device pcie-fabric-endpoint,id=ep2,addr=4 "

/* QEMU's own devices below our ports, for the seeds from FULL on */
#define FULL 100
#define STOCK_DEVICES \
    "-device pcie-fabric-root-port,id=rp3,addr=5,chassis=1,slot=4,port=6," \
    "link-up-ms=1 " \
    "-device pcie-fabric-upstream,id=us2,bus=rp3 " \
    "-device pcie-fabric-downstream,id=ds3,bus=us2,addr=0,chassis=4,slot=1," \
    "port=1,in-band-presence=on " \
    "-device pcie-fabric-downstream,id=ds4,bus=us2,addr=1,chassis=4,slot=2," \
    "port=2,hotplug=off " \
    "-device pcie-fabric-downstream,id=ds5,bus=us2,addr=2,chassis=4,slot=3," \
    "port=3 " \
    "-device edu,bus=ds3 " \
    "-blockdev null-co,node-name=null0,size=1048576 " \
    "-device nvme,bus=ds4,serial=n0,drive=null0,cmb_size_mb=1 " \
    "-device e1000e,bus=ds5,romfile= "

/* Requests, rings and messages to the machine's own devices, from here on */
#define EVERYWHERE 200
#define SMMU_MACHINE "-machine iommu=smmuv3 "

typedef struct Fuzz {
    QTestState *qts;
    QFabric *fab;
    GRand *rand;
    uint32_t seed;
    unsigned plugged;
} Fuzz;

static uint32_t pick(Fuzz *f, uint32_t n)
{
    return g_rand_int_range(f->rand, 0, n);
}

static QFabricFn *any_fn(Fuzz *f)
{
    return g_ptr_array_index(f->fab->fns, pick(f, f->fab->fns->len));
}

static QFabricFn *any_endpoint(Fuzz *f)
{
    QFabricFn *fn;
    unsigned tries;

    for (tries = 0; tries < 50; tries++) {
        fn = any_fn(f);
        if (fn->device == QFABRIC_DEVICE_EP && fn->bar[0].addr) {
            return fn;
        }
    }
    return NULL;
}

static uint32_t any_value(Fuzz *f)
{
    switch (pick(f, 5)) {
    case 0:
        return 0;
    case 1:
        return UINT32_MAX;
    case 2:
        return 1u << pick(f, 32);
    case 3:
        return pick(f, 64);
    default:
        return g_rand_int(f->rand);
    }
}

/*
 * What "virt" has below its RAM: flash, interrupt controller, SMMU and others.
 * Not fw_cfg, by which any CPU as well can have QEMU 10.0 copy 4 GiB to flash
 * in one go, a new memory map for each word.
 */
static uint64_t machine_address(Fuzz *f)
{
    static const struct {
        uint64_t base;
        uint32_t size;
    } part[] = {
        { 0x00000000, 0x04000000 },     /* flash */
        { 0x04000000, 0x04000000 },
        { 0x08000000, 0x00010000 },     /* distributor */
        { 0x08080000, 0x00020000 },     /* ITS */
        { 0x080a0000, 0x00020000 },     /* redistributor */
        { 0x09000000, 0x00001000 },     /* serial port */
        { 0x09010000, 0x00001000 },     /* clock */
        { 0x09050000, 0x00020000 },     /* SMMU */
        { 0x0a000000, 0x00004000 },     /* virtio-mmio */
    };
    unsigned i = pick(f, ARRAY_SIZE(part));

    return part[i].base + (pick(f, part[i].size) & ~(pick(f, 2) ? 63 : 3));
}

/* RAM, its end, BARs of anybody, holes, configuration space, far away */
static uint64_t any_address(Fuzz *f)
{
    QFabricFn *fn = any_fn(f);
    uint64_t addr;

    if (f->seed >= EVERYWHERE && !pick(f, 3)) {
        return machine_address(f);
    }
    switch (pick(f, 7)) {
    case 0:
        addr = fn->bar[pick(f, PCI_STD_NUM_BARS)].addr;
        break;
    case 1:
        addr = 0x48000000ull - 64;
        break;
    case 2:
        addr = qfabric_cfg_addr(fn, 0);
        break;
    case 3:
        addr = QFABRIC_MEM64_BASE + ((uint64_t)pick(f, 1 << 20) << 12);
        break;
    case 4:
        addr = (uint64_t)g_rand_int(f->rand) << 32 | g_rand_int(f->rand);
        break;
    default:
        addr = QFABRIC_SCRATCH + pick(f, QFABRIC_SCRATCH_SIZE / 2);
        break;
    }
    return pick(f, 4) ? addr & ~15ull : addr + pick(f, 0x1000);
}

static uint32_t any_request_word(Fuzz *f)
{
    uint32_t word = pick(f, 6) | pick(f, 6) << 4 | pick(f, 2) << 12;

    return pick(f, 8) ? word : word ^ 1u << pick(f, 32);
}

static void config_access(Fuzz *f)
{
    QFabricFn *fn = any_fn(f);
    unsigned width = 1u << pick(f, 3);
    unsigned off = pick(f, pick(f, 2) ? 0x200 : PCI_CFG_SPACE_EXP_SIZE) &
                   ~(width - 1);

    if (pick(f, 4)) {
        qfabric_write(fn, off, width, any_value(f));
    } else {
        qfabric_read(fn, off, width);
    }
}

static void register_access(Fuzz *f)
{
    QFabricFn *fn = any_endpoint(f);
    uint64_t addr;

    if (!fn) {
        return;
    }
    addr = fn->bar[0].addr + (pick(f, pick(f, 8) ? 0x120 : 0x1000) & ~3);
    switch (pick(f, 4)) {
    case 0:
        qtest_readl(f->qts, addr);
        break;
    case 1:
        qtest_writeq(f->qts, addr & ~7ull, any_address(f));
        break;
    default:
        qtest_writel(f->qts, addr, any_value(f));
        break;
    }
}

static void one_request(Fuzz *f)
{
    QFabricFn *fn = any_endpoint(f);
    uint64_t regs;

    if (!fn) {
        return;
    }
    regs = fn->bar[0].addr;
    qtest_writel(f->qts, regs + QFEP_REG_REQ_OP, any_request_word(f));
    qtest_writel(f->qts, regs + QFEP_REG_REQ_LEN,
                 pick(f, 2) ? 0 : pick(f, 4200));
    qtest_writeq(f->qts, regs + QFEP_REG_REQ_ADDR, any_address(f));
    qtest_writel(f->qts, regs + QFEP_REG_REQ_LOCAL, pick(f, 0x10100));
    qtest_writel(f->qts, regs + QFEP_REG_DOORBELL, 1);
}

static void write_descriptor(Fuzz *f, uint64_t addr)
{
    qtest_writel(f->qts, addr, any_request_word(f));
    qtest_writel(f->qts, addr + QFEP_DESC_LEN, pick(f, 3) ? 0 : pick(f, 4200));
    qtest_writeq(f->qts, addr + QFEP_DESC_ADDR, any_address(f));
    qtest_writeq(f->qts, addr + QFEP_DESC_OPERAND0, any_value(f));
    qtest_writel(f->qts, addr + QFEP_DESC_LOCAL, pick(f, 0x10100));
}

static void ring(Fuzz *f)
{
    QFabricFn *fn = any_endpoint(f);
    uint64_t base = QFABRIC_SCRATCH + (pick(f, 0x1000) << 6);
    unsigned i, n = 1 + pick(f, 20);
    uint64_t regs;

    if (!fn) {
        return;
    }
    regs = fn->bar[0].addr;
    for (i = 0; i < n; i++) {
        write_descriptor(f, base + i * QFEP_DESC_SIZE);
    }
    qtest_writel(f->qts, regs + QFEP_REG_CTRL, 0);
    qtest_writeq(f->qts, regs + QFEP_REG_RING_BASE,
                 pick(f, 8) ? base : any_address(f));
    qtest_writel(f->qts, regs + QFEP_REG_RING_ORDER, pick(f, 18));
    qtest_writel(f->qts, regs + QFEP_REG_CTRL, QFEP_CTRL_RING_EN);
    qtest_writel(f->qts, regs + QFEP_REG_RING_TAIL, pick(f, 4) ? n :
                 any_value(f));
}

/* MSI-X to wherever, enabled at both ends */
static void arm(Fuzz *f)
{
    QFabricFn *fn = any_endpoint(f);
    uint64_t table = fn ? fn->bar[QFEP_BAR_MSIX].addr : 0;
    unsigned i;

    if (!table || !fn->cap[PCI_CAP_ID_MSIX]) {
        return;
    }
    for (i = 0; i < 2; i++, table += PCI_MSIX_ENTRY_SIZE) {
        qtest_writeq(f->qts, table, any_address(f));
        qtest_writeq(f->qts, table + PCI_MSIX_ENTRY_DATA, any_value(f));
    }
    qfabric_writew(fn, fn->cap[PCI_CAP_ID_MSIX] + PCI_MSIX_FLAGS,
                   PCI_MSIX_FLAGS_ENABLE);
    qtest_writel(f->qts, fn->bar[0].addr + QFEP_REG_INT_STATUS, ~0u);
    qtest_writel(f->qts, fn->bar[0].addr + QFEP_REG_INT_ENABLE, 3);
}

static void ask(Fuzz *f)
{
    static const char *const devices[] = { "ep0", "ep1", "us0", "rp1", "x" };
    static const char *const types[] = { "read", "fetch-add", "cas" };
    QDict *rsp = qtest_qmp(f->qts,
                           "{ 'execute': 'query-pcie-fabric-route', "
                           "'arguments': { 'device': %s, 'address': %" PRIu64
                           ", 'type': %s, 'size': %u, 'translated': %i } }",
                           devices[pick(f, ARRAY_SIZE(devices))],
                           any_address(f), types[pick(f, ARRAY_SIZE(types))],
                           1u << pick(f, 6), pick(f, 2));

    qobject_unref(rsp);
    g_free(qtest_hmp(f->qts, "info pcie-fabric"));
}

static void plug(Fuzz *f)
{
    g_autofree char *id = g_strdup_printf("hot%u", f->plugged++);
    QDict *rsp = qtest_qmp(f->qts, "{ 'execute': 'device_add', 'arguments': "
                           "{ 'driver': 'pcie-fabric-endpoint', 'bus': 'rp2', "
                           "'id': %s } }", id);

    qobject_unref(rsp);
    if (pick(f, 2)) {
        rsp = qtest_qmp(f->qts, "{ 'execute': 'device_del', 'arguments': "
                        "{ 'id': %s } }", id);
        qobject_unref(rsp);
    }
}

static void reset_something(Fuzz *f)
{
    QFabricFn *fn = any_fn(f);

    if (fn->bridge) {
        qfabric_writew(fn, PCI_BRIDGE_CONTROL, PCI_BRIDGE_CTL_BUS_RESET);
        if (f->seed >= FULL && pick(f, 4) == 0) {
            return;     /* and stays in reset */
        }
        qfabric_writew(fn, PCI_BRIDGE_CONTROL, 0);
    } else if (fn->cap[PCI_CAP_ID_EXP]) {
        qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL,
                           PCI_EXP_DEVCTL_BCR_FLR);
    }
}

static const char *any_port(Fuzz *f)
{
    static const char *const ports[] = {
        "rp0", "ds0", "ds1", "ds2", "rp2", "rp3", "ds3", "ds4", "ds5", "us0",
    };

    return ports[pick(f, ARRAY_SIZE(ports))];
}

static void set_time(Fuzz *f)
{
    static const char *const names[] = {
        "link-up-ms", "reset-ready-ms", "link-loss-ms",
    };
    QDict *rsp = qtest_qmp(f->qts, "{ 'execute': 'qom-set', 'arguments': "
                           "{ 'path': %s, 'property': %s, 'value': %d } }",
                           any_port(f), names[pick(f, ARRAY_SIZE(names))],
                           (int)pick(f, 300) - 1);

    qobject_unref(rsp);
}

/* Link Disable, Retrain Link, a lost link, other times, the audit */
static void link_operation(Fuzz *f)
{
    QFabricFn *fn = any_fn(f);

    switch (pick(f, 5)) {
    case 0:
        qobject_unref(qtest_qmp(f->qts, "{ 'execute': 'pcie-fabric-link-lose', "
                                "'arguments': { 'device': %s } }",
                                any_port(f)));
        break;
    case 1:
        set_time(f);
        break;
    case 2:
        qobject_unref(qtest_qmp(f->qts, "{ 'execute': "
                                "'query-pcie-fabric-audit' }"));
        if (pick(f, 2)) {
            qobject_unref(qtest_qmp(f->qts, "{ 'execute': "
                                    "'pcie-fabric-audit-clear' }"));
        }
        break;
    default:
        if (fn->bridge && fn->cap[PCI_CAP_ID_EXP]) {
            qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_LNKCTL,
                               pick(f, 2) ? PCI_EXP_LNKCTL_LD :
                                            PCI_EXP_LNKCTL_RL);
        }
        break;
    }
}

static void one_operation(Fuzz *f)
{
    unsigned n = pick(f, 1000);

    if (n < 450) {
        config_access(f);
    } else if (n < 650) {
        register_access(f);
    } else if (n < 850) {
        one_request(f);
    } else if (f->seed >= EVERYWHERE && n < 870) {
        arm(f);
    } else if (n < 930) {
        ring(f);
    } else if (n < 960) {
        qtest_clock_step(f->qts, (int64_t)pick(f, 200000) * 1000);
    } else if (n < 970) {
        ask(f);
    } else if (n < 975) {
        plug(f);
    } else if (n < 985) {
        reset_something(f);
    } else if (f->seed >= FULL && n < 993) {
        link_operation(f);
    } else {
        /* Or soon nothing would be reachable any more. */
        qfabric_enumerate(f->fab);
    }
}

/*
 * After whatever happened, a reset brings everything back, except what sat in a
 * slot and was ejected. So ask the one that has no slot, the RCiEP.
 */
static void check_health(Fuzz *f)
{
    QFabricReq req = qfabric_atomic(QFEP_FETCH_ADD, 8, QFABRIC_SCRATCH, 3, 0);
    QFabricFn *fn;
    QFabricEp *ep;
    QFabricRes res;

    qfabric_cold_reset(f->fab);
    qfabric_enumerate(f->fab);
    fn = qfabric_nth(f->fab, PCI_EXP_TYPE_RC_END, 0);
    g_assert_nonnull(fn);
    ep = qfabric_ep_new(fn);
    qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2,
                       PCI_EXP_DEVCTL2_ATOMIC_REQ);
    qtest_writeq(f->qts, QFABRIC_SCRATCH, 39);
    res = qfabric_ep_do(ep, &req);
    g_assert_cmpint(res.outcome, ==, QFEP_DONE);
    g_assert_cmpint(res.status, ==, QFEP_SC);
    g_assert_cmpuint(qtest_readq(f->qts, QFABRIC_SCRATCH), ==, 42);
    qfabric_ep_free(ep);
}

static void run_seed(uint32_t seed)
{
    Fuzz f = { .seed = seed };
    int i;

    f.rand = g_rand_new_with_seed(seed);
    f.qts = qfabric_boot(seed < FULL ? DEVICES :
                         seed < EVERYWHERE ? DEVICES STOCK_DEVICES :
                         SMMU_MACHINE DEVICES STOCK_DEVICES);
    f.fab = qfabric_new(f.qts);
    for (i = 0; i < ROUND; i++) {
        one_operation(&f);
    }
    check_health(&f);
    qfabric_free(f.fab);
    qtest_quit(f.qts);
    g_rand_free(f.rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fuzz_add_tests("/pcie-fabric/fuzz", "RIG_FUZZ_SEEDS", run_seed);
    return g_test_run();
}
