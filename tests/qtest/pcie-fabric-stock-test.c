/*
 * QEMU's own devices below the ports of the fabric
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where their requests go (PCIe r6.0 sec 6.12: peer-to-peer and ACS, 7.5.1.1.3:
 * Bus Master Enable), and what a hot reset does to them (sec 6.6.1). The device
 * that sends is QEMU's edu: its DMA begins 100 ms after software asked for it,
 * and it has no reset of its own.
 */
#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "libqos/pcie-fabric.h"

#define MS 1000000ll
#define MEMORY QFABRIC_SCRATCH
#define MSG (QFABRIC_SCRATCH + 0x1000)
#define PATTERN 0x5a17c0de

#define PORTS \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1,port=1 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp0 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2,slot=1," \
    "port=1 " \
    "-device pcie-fabric-downstream,id=ds1,bus=us0,addr=1,chassis=2,slot=2," \
    "port=2 "
#define DEVICES PORTS \
    "-device edu,id=edu0,bus=ds0,dma_mask=0xffffffffffffffff " \
    "-device pcie-fabric-endpoint,id=ep1,bus=ds1 "

/* edu, as QEMU's docs/specs/edu.rst has it */
#define EDU_RAISE   0x60
#define EDU_SRC     0x80
#define EDU_DST     0x88
#define EDU_CNT     0x90
#define EDU_CMD     0x98
#define EDU_RUN     1
#define EDU_TO_RAM  2
#define EDU_BUFFER  0x40000
#define EDU_DELAY   (101 * MS)

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    QFabricFn *rp, *us, *ds0, *ds1, *edu, *ep1;
    uint64_t peer;              /* memory of ep1 */
} Bench;

static void bench_open(Bench *b, const char *devices)
{
    b->qts = qfabric_boot(devices);
    b->fab = qfabric_new(b->qts);
    b->rp = qfabric_nth(b->fab, PCI_EXP_TYPE_ROOT_PORT, 0);
    b->us = qfabric_nth(b->fab, PCI_EXP_TYPE_UPSTREAM, 0);
    b->ds0 = qfabric_nth(b->fab, PCI_EXP_TYPE_DOWNSTREAM, 0);
    b->ds1 = qfabric_nth(b->fab, PCI_EXP_TYPE_DOWNSTREAM, 1);
    b->edu = qfabric_child(b->ds0, 0);
    b->ep1 = qfabric_child(b->ds1, 0);
    b->peer = b->ep1 ? b->ep1->bar[2].addr : 0;
}

static void bench_close(Bench *b)
{
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

static void edu_write(Bench *b, unsigned reg, uint64_t val)
{
    qtest_writeq(b->qts, b->edu->bar[0].addr + reg, val);
}

static void edu_start(Bench *b, uint64_t addr, bool to_ram)
{
    edu_write(b, EDU_SRC, to_ram ? EDU_BUFFER : addr);
    edu_write(b, EDU_DST, to_ram ? addr : EDU_BUFFER);
    edu_write(b, EDU_CNT, 4);
    edu_write(b, EDU_CMD, EDU_RUN | (to_ram ? EDU_TO_RAM : 0));
}

static void edu_dma(Bench *b, uint64_t addr, bool to_ram)
{
    edu_start(b, addr, to_ram);
    qtest_clock_step(b->qts, EDU_DELAY);
}

/* PATTERN goes from memory into the device's buffer. */
static void edu_load(Bench *b)
{
    qtest_writel(b->qts, MEMORY, PATTERN);
    edu_dma(b, MEMORY, false);
}

/* Does a write of the device arrive at @addr? */
static bool edu_reaches(Bench *b, uint64_t addr)
{
    qtest_writel(b->qts, addr, 0);
    edu_dma(b, addr, true);
    return qtest_readl(b->qts, addr) == PATTERN;
}

static int64_t counter(Bench *b, const char *device, const char *name)
{
    QDict *rsp = qtest_qmp(b->qts,
                           "{ 'execute': 'query-pcie-fabric-counters' }");
    int64_t value = -1;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        if (!strcmp(qdict_get_str(d, "device"), device)) {
            value = qdict_get_int(d, name);
        }
    }
    qobject_unref(rsp);
    return value;
}

static void set_acs(QFabricFn *port, uint16_t ctrl)
{
    qfabric_ext_writew(port, PCI_EXT_CAP_ID_ACS, PCI_ACS_CTRL, ctrl);
}

static uint32_t uncor(QFabricFn *fn)
{
    return qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_UNCOR_STATUS);
}

static void unmask_advisory(QFabricFn *fn)
{
    qfabric_ext_writel(fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_COR_MASK, 0);
}

/* To memory of the host: through every port, by their Bus Master Enable */
static void test_host(void)
{
    QFabricFn *ports[3];
    int64_t before;
    unsigned i;
    Bench b;

    bench_open(&b, DEVICES);
    ports[0] = b.rp;
    ports[1] = b.us;
    ports[2] = b.ds0;
    edu_load(&b);
    before = counter(&b, "rp0", "routed");
    g_assert_true(edu_reaches(&b, MEMORY + 0x40));
    g_assert_cmpint(counter(&b, "rp0", "routed"), >, before);
    for (i = 0; i < ARRAY_SIZE(ports); i++) {
        uint16_t cmd = qfabric_readw(ports[i], PCI_COMMAND);

        qfabric_writew(ports[i], PCI_COMMAND, cmd & ~PCI_COMMAND_MASTER);
        g_assert_false(edu_reaches(&b, MEMORY + 0x40));
        qfabric_writew(ports[i], PCI_COMMAND, cmd);
        g_assert_true(edu_reaches(&b, MEMORY + 0x40));
    }
    bench_close(&b);
}

/* sec 6.12.3: what the ingress port's ACS Control makes of a peer's address */
static void test_peer(void)
{
    static const struct {
        uint16_t ctrl;
        uint32_t vector;
        bool arrives, through_root;
        uint32_t aer;
    } rows[] = {
        { 0, 0, true, false },
        { 0, UINT32_MAX, true, false },
        { PCI_ACS_RR, 0, true, true },
        { PCI_ACS_EC, 0, true, false },
        { PCI_ACS_EC, 1u << 2, false, false, PCI_ERR_UNC_ACSV },
        { PCI_ACS_EC, 1u << 1, true, false },
        { PCI_ACS_EC | PCI_ACS_RR, 1u << 2, true, true },
        { PCI_ACS_EC | PCI_ACS_RR, 0, true, false },
        { PCI_ACS_SV | PCI_ACS_TB | PCI_ACS_UF | PCI_ACS_DT, 0, true, false },
    };
    unsigned i;
    Bench b;

    bench_open(&b, DEVICES);
    unmask_advisory(b.ds0);
    edu_load(&b);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t root = counter(&b, "rp0", "routed");
        int64_t ds1 = counter(&b, "ds1", "routed");

        qfabric_ext_writel(b.ds0, PCI_EXT_CAP_ID_ACS, PCI_ACS_EGRESS_CTL_V,
                           rows[i].vector);
        set_acs(b.ds0, rows[i].ctrl);
        qfabric_ext_writel(b.ds0, PCI_EXT_CAP_ID_ERR, PCI_ERR_UNCOR_STATUS,
                           UINT32_MAX);
        g_test_message("ACS Control 0x%x vector 0x%x", rows[i].ctrl,
                       rows[i].vector);
        g_assert_true(edu_reaches(&b, b.peer) == rows[i].arrives);
        g_assert_true((counter(&b, "rp0", "routed") > root) ==
                      rows[i].through_root);
        if (rows[i].arrives && !rows[i].through_root) {
            g_assert_cmpint(counter(&b, "ds1", "routed"), >, ds1);
        }
        g_assert_cmphex(uncor(b.ds0), ==, rows[i].aer);
    }
    bench_close(&b);
}

/* sec 6.12.1.1: completions of direct peer reads, by the completer's port */
static void test_completion_redirect(void)
{
    Bench b;

    bench_open(&b, DEVICES);
    qtest_writel(b.qts, b.peer, PATTERN);
    edu_dma(&b, b.peer, false);
    g_assert_cmpint(counter(&b, "ds1", "completions-redirected"), ==, 0);
    set_acs(b.ds1, PCI_ACS_CR);
    edu_dma(&b, b.peer, false);
    g_assert_cmpint(counter(&b, "ds1", "completions-redirected"), >, 0);
    g_assert_true(edu_reaches(&b, MEMORY + 0x80));
    bench_close(&b);
}

/* Below another root port it goes by way of the root complex. */
static void test_other_root_port(void)
{
    int64_t root;
    Bench b;

    bench_open(&b, PORTS
               "-device edu,id=edu0,bus=ds0,dma_mask=0xffffffffffffffff "
               "-device pcie-fabric-root-port,id=rp1,addr=2,chassis=1,slot=2 "
               "-device pcie-fabric-endpoint,id=ep2,bus=rp1 ");
    b.peer = qfabric_nth(b.fab, PCI_EXP_TYPE_ENDPOINT, 0)->bar[2].addr;
    edu_load(&b);
    root = counter(&b, "rp0", "routed");
    g_assert_true(edu_reaches(&b, b.peer));
    g_assert_cmpint(counter(&b, "rp0", "routed"), >, root);
    bench_close(&b);
}

static void set_sbr(QFabricFn *port, bool on)
{
    qfabric_writew(port, PCI_BRIDGE_CONTROL, on ? PCI_BRIDGE_CTL_BUS_RESET : 0);
}

static int64_t late_dma(Bench *b)
{
    QDict *rsp = qtest_qmp(b->qts, "{ 'execute': 'query-pcie-fabric-audit' }");
    int64_t count = 0;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(qdict_get_qdict(rsp, "return"),
                                        "findings"), e) {
        QDict *f = qobject_to(QDict, qlist_entry_obj(e));

        if (!strcmp(qdict_get_str(f, "kind"), "late-dma")) {
            count += qdict_get_int(f, "count");
        }
    }
    qobject_unref(rsp);
    return count;
}

/* sec 6.6.1: nothing that was begun before a reset arrives after it */
static void test_late_dma(const void *data)
{
    unsigned level = GPOINTER_TO_UINT(data);
    QFabricFn *port;
    Bench b;

    bench_open(&b, DEVICES);
    port = level == 0 ? b.rp : level == 1 ? b.us : b.ds0;
    edu_load(&b);
    qtest_writel(b.qts, MEMORY + 0x40, 0);
    edu_start(&b, MEMORY + 0x40, true);
    set_sbr(port, true);
    qtest_clock_step(b.qts, EDU_DELAY);
    g_assert_cmphex(qtest_readl(b.qts, MEMORY + 0x40), ==, 0);
    g_assert_cmpint(late_dma(&b), ==, 1);
    set_sbr(port, false);
    /* The same with the link up again, and Bus Master Enable still clear */
    qtest_clock_step(b.qts, 200 * MS);
    qfabric_enumerate(b.fab);
    edu_start(&b, MEMORY + 0x40, true);
    set_sbr(port, true);
    set_sbr(port, false);
    qtest_clock_step(b.qts, EDU_DELAY);
    g_assert_cmphex(qtest_readl(b.qts, MEMORY + 0x40), ==, 0);
    qtest_clock_step(b.qts, 200 * MS);
    qfabric_enumerate(b.fab);
    g_assert_true(edu_reaches(&b, MEMORY + 0x40));
    bench_close(&b);
}

/* Messages are requests, too. */
static void test_message(void)
{
    Bench b;

    bench_open(&b, DEVICES);
    qfabric_msi_arm(b.edu, MSG, 0x4711);
    qtest_writel(b.qts, b.edu->bar[0].addr + EDU_RAISE, 1);
    g_assert_cmphex(qfabric_msg_take(b.fab, MSG), ==, 0x4711);
    qfabric_writew(b.us, PCI_COMMAND, PCI_COMMAND_MEMORY);
    qtest_writel(b.qts, b.edu->bar[0].addr + EDU_RAISE, 1);
    g_assert_cmphex(qfabric_msg_take(b.fab, MSG), ==, 0);
    bench_close(&b);
}

/*
 * sec 7.5.3, 10.5: registers of the PCI Express capability that QEMU 10.0 leaves
 * as they are. Value 0 after reset but for Device Control, whose reset value is
 * what the device came with.
 */
static void test_registers(const void *data)
{
    const char *device = data;
    g_autofree char *devices = g_strdup_printf(
        PORTS "-blockdev null-co,node-name=n,size=1048576 "
        "-device %s,bus=ds0 ", device);
    uint16_t devctl, lnkctl, devctl2;
    QFabricFn *fn;
    Bench b;

    bench_open(&b, devices);
    fn = b.edu;
    devctl = qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL);
    lnkctl = qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_LNKCTL);
    devctl2 = qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2);
    qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL, devctl | 0x000f);
    qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_LNKCTL, 0x00c0);
    qfabric_cap_writew(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2, 0x8000);
    if (g_str_has_prefix(device, "nvme")) {
        /* Those of some others cannot be written at all. */
        g_assert_cmphex(qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL),
                        !=, devctl);
    }
    qfabric_secondary_bus_reset(b.ds0);
    g_assert_cmphex(qfabric_readw(fn, PCI_COMMAND), ==, 0);
    g_assert_cmphex(qfabric_readl(fn, PCI_BASE_ADDRESS_0) & ~0xf, ==, 0);
    g_assert_cmphex(qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL), ==,
                    devctl);
    g_assert_cmphex(qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_LNKCTL), ==,
                    lnkctl);
    g_assert_cmphex(qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2), ==,
                    devctl2);
    bench_close(&b);
}

/* Behind a bridge to conventional PCI the Requester ID is the bridge's. */
static void test_conventional(void)
{
    QFabricFn *bridge;
    Bench b;

    bench_open(&b, PORTS
               "-device pcie-pci-bridge,id=br0,bus=ds0 "
               "-device edu,id=edu0,bus=br0,addr=3,"
               "dma_mask=0xffffffffffffffff ");
    bridge = qfabric_child(b.ds0, 0);
    b.edu = qfabric_child(bridge, 0);
    edu_load(&b);
    g_assert_true(edu_reaches(&b, MEMORY + 0x40));
    qfabric_writew(bridge, PCI_COMMAND, PCI_COMMAND_MEMORY);
    g_assert_false(edu_reaches(&b, MEMORY + 0x40));
    bench_close(&b);
}

int main(int argc, char **argv)
{
    static const char *const stock[][2] = {
        { "nvme", "nvme,serial=x,drive=n" },
        { "e1000e", "e1000e,romfile=" },
        { "igb", "igb,romfile=" },
        { "virtio-rng-pci", "virtio-rng-pci" },
        { "virtio-net-pci", "virtio-net-pci,romfile=" },
    };
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/pcie-fabric/stock/host", test_host);
    qtest_add_func("/pcie-fabric/stock/peer", test_peer);
    qtest_add_func("/pcie-fabric/stock/completion-redirect",
                   test_completion_redirect);
    qtest_add_func("/pcie-fabric/stock/other-root-port", test_other_root_port);
    qtest_add_data_func("/pcie-fabric/stock/late-dma/root-port",
                        GUINT_TO_POINTER(0), test_late_dma);
    qtest_add_data_func("/pcie-fabric/stock/late-dma/upstream",
                        GUINT_TO_POINTER(1), test_late_dma);
    qtest_add_data_func("/pcie-fabric/stock/late-dma/downstream",
                        GUINT_TO_POINTER(2), test_late_dma);
    qtest_add_func("/pcie-fabric/stock/message", test_message);
    qtest_add_func("/pcie-fabric/stock/conventional", test_conventional);
    for (i = 0; i < ARRAY_SIZE(stock); i++) {
        g_autofree char *path = g_strdup_printf(
            "/pcie-fabric/stock/registers/%s", stock[i][0]);

        qtest_add_data_func(path, stock[i][1], test_registers);
    }
    return g_test_run();
}
