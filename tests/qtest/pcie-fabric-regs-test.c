/*
 * Registers of pcie-fabric-* devices: identity, reset values, attributes
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, chapter 7.  The oracle is the table in
 * pcie-fabric-oracle-rows.c.inc.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "pcie-fabric-oracle.h"

#define MEM_SIZE        (4 * MiB)

/* One of each; the root port and the downstream port have empty slots */
#define DEVICES \
    "-device pcie-fabric-root-port,id=rp0,addr=4,chassis=1,slot=1 " \
    "-device pcie-fabric-root-port,id=rp1,addr=5,chassis=1,slot=2 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp1 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,chassis=2,slot=1 " \
    "-device pcie-fabric-root-port,id=rp2,addr=6,chassis=1,slot=3 " \
    "-device pcie-fabric-endpoint,bus=rp2,mem-size=4M " \
    "-device pcie-fabric-root-port,id=rp3,addr=7,chassis=1,slot=4 " \
    "-device pcie-fabric-endpoint,bus=rp3,pcie-type=legacy,mem-size=4M " \
    "-device pcie-fabric-endpoint,bus=pcie.0,addr=8,mem-size=4M "

typedef struct Subject {
    const char *name;
    int type;
} Subject;

static const Subject subjects[] = {
    { "root-port", PCI_EXP_TYPE_ROOT_PORT },
    { "upstream-port", PCI_EXP_TYPE_UPSTREAM },
    { "downstream-port", PCI_EXP_TYPE_DOWNSTREAM },
    { "endpoint", PCI_EXP_TYPE_ENDPOINT },
    { "legacy-endpoint", PCI_EXP_TYPE_LEG_END },
    { "rciep", PCI_EXP_TYPE_RC_END },
};

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    QFabricFn *fn;
    OracleConf conf;
} Bench;

static void bench_open(Bench *b, const Subject *subject, bool programmed)
{
    b->qts = qfabric_boot(DEVICES);
    b->fab = qfabric_new_bare(b->qts);
    qfabric_scan(b->fab, NULL);
    if (programmed) {
        qfabric_program(b->fab);
    }
    b->fn = qfabric_nth(b->fab, subject->type, 0);
    if (!b->fn || !oracle_kind(b->fn)) {
        g_error("no %s in the fabric", subject->name);
    }
    b->conf = oracle_default(oracle_kind(b->fn));
}

static void bench_close(Bench *b)
{
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

/* Identity and capability chains */

typedef struct CapSpec {
    unsigned kinds;
    uint16_t id;
    unsigned size;              /* the least that the section asks for */
    unsigned version;           /* extended capabilities: the least */
    const char *why;
} CapSpec;

static const CapSpec std_caps[] = {
    { K_ALL, PCI_CAP_ID_PM, PCI_PM_SIZEOF, 0, "PCIe r6.0 sec 7.5.2" },
    { K_PORT, PCI_CAP_ID_SSVID, 8, 0, "PCIe r6.0 sec 7.9.24" },
    { K_PORT, PCI_CAP_ID_MSI, 0x18, 0, "PCIe r6.0 sec 7.7.1" },
    { K_DEV, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF, 0,
      "PCIe r6.0 sec 7.7.2" },
    { K_ALL, PCI_CAP_ID_EXP, 0x3c, 0, "PCIe r6.0 sec 7.5.3" },
};

static const CapSpec ext_caps[] = {
    { K_RP, PCI_EXT_CAP_ID_ERR, PCI_ERR_PREFIX_LOG, 1,
      "PCIe r6.0 sec 7.8.4" },
    { K_ALL & ~K_RP, PCI_EXT_CAP_ID_ERR, PCI_ERR_ROOT_COMMAND, 1,
      "PCIe r6.0 sec 7.8.4" },
    { K_RP, PCI_EXT_CAP_ID_ACS, PCI_ACS_EGRESS_CTL_V, 1,
      "PCIe r6.0 sec 7.7.11" },
    { K_DSP, PCI_EXT_CAP_ID_ACS, PCI_ACS_EGRESS_CTL_V + 4, 1,
      "PCIe r6.0 sec 7.7.11" },
    { K_USP | K_DEV, PCI_EXT_CAP_ID_DSN, 12, 1, "PCIe r6.0 sec 7.9.3" },
};

static const CapSpec *find_spec(const CapSpec *specs, size_t n,
                                unsigned kind, unsigned id)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if ((specs[i].kinds & kind) && specs[i].id == id) {
            return &specs[i];
        }
    }
    return NULL;
}

/* Claims the bytes of a capability; overlap and loops show up here */
static bool claim(QFabricFn *fn, bool *used, unsigned pos,
                  const CapSpec *spec, unsigned id)
{
    unsigned size = spec ? spec->size : PCI_CAP_SIZEOF, i;
    g_autofree char *what =
        g_strdup_printf("capability 0x%02x at 0x%03x", id, pos);

    if (!spec) {
        g_test_message("%s: %s is not expected", fn->name, what);
        g_test_fail();
    }
    qfabric_expect(fn, what, 0, pos & 3, "dword alignment, sec 7.5.1.1.11");
    for (i = pos; i < pos + size; i++) {
        if (i >= PCI_CFG_SPACE_EXP_SIZE || used[i]) {
            g_test_message("%s: %s overlaps another one at 0x%03x",
                           fn->name, what, i);
            g_test_fail();
            return false;
        }
        used[i] = true;
    }
    return true;
}

static void walk_std(QFabricFn *fn, bool *used)
{
    unsigned kind = oracle_kind(fn), pos, id, seen = 0, i;

    pos = qfabric_readb(fn, PCI_CAPABILITY_LIST);
    while (pos) {
        const CapSpec *spec;

        if (pos < PCI_STD_HEADER_SIZEOF) {
            qfabric_expect(fn, "capability below 0x40", 0, pos,
                           "PCIe r6.0 sec 7.5.1.1.11");
            return;
        }
        id = qfabric_readb(fn, pos + PCI_CAP_LIST_ID);
        spec = find_spec(std_caps, G_N_ELEMENTS(std_caps), kind, id);
        if (!claim(fn, used, pos, spec, id)) {
            return;
        }
        seen += spec != NULL;
        pos = qfabric_readb(fn, pos + PCI_CAP_LIST_NEXT);
    }
    for (i = 0; i < G_N_ELEMENTS(std_caps); i++) {
        if ((std_caps[i].kinds & kind) && !fn->cap[std_caps[i].id]) {
            g_test_message("%s: capability 0x%02x is missing [%s]",
                           fn->name, std_caps[i].id, std_caps[i].why);
            g_test_fail();
        }
    }
}

static void walk_ext(QFabricFn *fn, bool *used)
{
    unsigned kind = oracle_kind(fn), pos = PCI_CFG_SPACE_SIZE, i;

    qfabric_expect(fn, "offset of AER", PCI_CFG_SPACE_SIZE,
                   fn->ext[PCI_EXT_CAP_ID_ERR], "register map of docs");
    while (pos) {
        uint32_t head = qfabric_readl(fn, pos);
        unsigned id = PCI_EXT_CAP_ID(head);
        const CapSpec *spec = find_spec(ext_caps, G_N_ELEMENTS(ext_caps),
                                        kind, id);

        if (pos < PCI_CFG_SPACE_SIZE || !claim(fn, used, pos, spec, id)) {
            qfabric_expect(fn, "extended capability below 0x100", 0,
                           pos < PCI_CFG_SPACE_SIZE, "PCIe r6.0 sec 7.6.3");
            return;
        }
        if (spec) {
            qfabric_expect(fn, "extended capability version", 1,
                           PCI_EXT_CAP_VER(head) >= spec->version,
                           spec->why);
        }
        pos = PCI_EXT_CAP_NEXT(head);
    }
    for (i = 0; i < G_N_ELEMENTS(ext_caps); i++) {
        if ((ext_caps[i].kinds & kind) && !fn->ext[ext_caps[i].id]) {
            g_test_message("%s: extended capability 0x%04x is missing [%s]",
                           fn->name, ext_caps[i].id, ext_caps[i].why);
            g_test_fail();
        }
    }
}

static void test_identity(const void *data)
{
    g_autofree bool *used = g_new0(bool, PCI_CFG_SPACE_EXP_SIZE);
    Bench b;

    bench_open(&b, data, false);
    walk_std(b.fn, used);
    walk_ext(b.fn, used);
    bench_close(&b);
}

static void test_reset_values(const void *data)
{
    Bench b;

    /* Only bus numbers are written; those of the subject go back to reset */
    bench_open(&b, data, false);
    if (b.fn->bridge) {
        qfabric_writeb(b.fn, PCI_PRIMARY_BUS, 0);
        qfabric_writeb(b.fn, PCI_SECONDARY_BUS, 0);
        qfabric_writeb(b.fn, PCI_SUBORDINATE_BUS, 0);
    }
    oracle_check_reset(b.fn, &b.conf);
    bench_close(&b);
}

static void test_attributes(const void *data)
{
    Bench b;

    bench_open(&b, data, false);
    oracle_check_attributes(b.fn, &b.conf);
    bench_close(&b);
}

/* sec 7.5.2.2: D1 and D2 do not exist here; writing them changes nothing */
static void test_power_state(const void *data)
{
    static const struct {
        unsigned write, read;
    } steps[] = {
        { 3, 3 }, { 0, 0 }, { 1, 0 }, { 2, 0 }, { 3, 3 }, { 1, 3 },
        { 2, 3 }, { 0, 0 },
    };
    g_autofree uint8_t *was = g_malloc(PCI_CFG_SPACE_EXP_SIZE);
    unsigned i;
    Bench b;

    bench_open(&b, data, true);
    oracle_scramble(b.fn, &b.conf);
    qfabric_snapshot(b.fn, was);
    for (i = 0; i < G_N_ELEMENTS(steps); i++) {
        uint16_t ctl = qfabric_cap_readw(b.fn, PCI_CAP_ID_PM, PCI_PM_CTRL);
        g_autofree char *what = g_strdup_printf(
            "step %u: power state after writing D%u", i, steps[i].write);

        ctl &= ~(PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_STATUS);
        qfabric_cap_writew(b.fn, PCI_CAP_ID_PM, PCI_PM_CTRL,
                           ctl | steps[i].write);
        qfabric_expect(b.fn, what, steps[i].read,
                       qfabric_cap_readw(b.fn, PCI_CAP_ID_PM, PCI_PM_CTRL) &
                       PCI_PM_CTRL_STATE_MASK, "PCIe r6.0 sec 7.5.2.2");
    }
    oracle_check_same(b.fn, &b.conf, was,
                      "No_Soft_Reset: D3hot to D0 keeps all, sec 7.5.2.2");
    bench_close(&b);
}

/* sec 7.5.1.2.1: BAR 2/3 is RAM, 64-bit and prefetchable; one more: MSI-X */
static void test_bars(const void *data)
{
    unsigned n, bir;
    QFabricBar *ram, *msix;
    Bench b;

    bench_open(&b, data, true);
    ram = &b.fn->bar[2];
    qfabric_expect(b.fn, "size of BAR 2", MEM_SIZE, ram->size, "mem-size");
    qfabric_expect(b.fn, "BAR 2 is 64-bit", 1, ram->is_64, "mem-size");
    qfabric_expect(b.fn, "BAR 2 is prefetchable", 1, ram->prefetch,
                   "mem-size");

    bir = qfabric_cap_readl(b.fn, PCI_CAP_ID_MSIX, PCI_MSIX_TABLE) &
          PCI_MSIX_TABLE_BIR;
    g_assert_cmpuint(bir, <, PCI_STD_NUM_BARS);
    msix = &b.fn->bar[bir];
    qfabric_expect(b.fn, "BAR of the MSI-X table is 0 or 4", 1,
                   bir == 0 || bir == 4, "register map of docs");
    qfabric_expect(b.fn, "the MSI-X table fits its BAR", 1,
                   qfabric_msix_entry(b.fn, 0) + PCI_MSIX_ENTRY_SIZE <=
                   msix->addr + msix->size, "PCIe r6.0 sec 7.7.2");
    for (n = 0; n < PCI_STD_NUM_BARS; n++) {
        if (n != 2 && n != bir && b.fn->bar[n].size) {
            qfabric_expect(b.fn, "size of a further BAR is at least 16", 1,
                           b.fn->bar[n].size >= 16,
                           "PCIe r6.0 sec 7.5.1.2.1");
        }
    }
    if (ram->addr) {
        qtest_writeq(b.qts, ram->addr, 0x0123456789abcdefULL);
        qtest_writeq(b.qts, ram->addr + MEM_SIZE - 8, ~0x55ULL);
        qfabric_expect(b.fn, "first word of BAR 2", 0x0123456789abcdefULL,
                       qtest_readq(b.qts, ram->addr), "mem-size");
        qfabric_expect(b.fn, "last word of BAR 2", ~0x55ULL,
                       qtest_readq(b.qts, ram->addr + MEM_SIZE - 8),
                       "mem-size");
    }
    bench_close(&b);
}

/* sec 7.7.2: entries start masked, and hold what is written */
static void test_msix_table(const void *data)
{
    uint64_t entry;
    Bench b;

    bench_open(&b, data, true);
    entry = qfabric_msix_entry(b.fn, 0);
    qfabric_expect(b.fn, "MSI-X vector control after reset",
                   PCI_MSIX_ENTRY_CTRL_MASKBIT,
                   qtest_readl(b.qts, entry + PCI_MSIX_ENTRY_VECTOR_CTRL),
                   "PCIe r6.0 sec 7.7.2.9");
    qfabric_msix_arm(b.fn, 0, QFABRIC_SCRATCH, 0x1234);
    qfabric_expect(b.fn, "MSI-X address", QFABRIC_SCRATCH,
                   qtest_readq(b.qts, entry), "PCIe r6.0 sec 7.7.2.6");
    qfabric_expect(b.fn, "MSI-X data", 0x1234,
                   qtest_readl(b.qts, entry + PCI_MSIX_ENTRY_DATA),
                   "PCIe r6.0 sec 7.7.2.8");
    qfabric_expect(b.fn, "no message without a cause", 0,
                   qfabric_msg_take(b.fab, QFABRIC_SCRATCH),
                   "PCIe r6.0 sec 7.7.2");
    bench_close(&b);
}

static void add(const Subject *subject, const char *what,
                void (*fn)(const void *))
{
    g_autofree char *path = g_strdup_printf("/pcie-fabric/regs/%s/%s",
                                            subject->name, what);

    qtest_add_data_func(path, subject, fn);
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(subjects); i++) {
        const Subject *s = &subjects[i];

        add(s, "capability-chain", test_identity);
        add(s, "reset-values", test_reset_values);
        add(s, "every-bit-attribute", test_attributes);
        add(s, "power-state", test_power_state);
        if (s->type == PCI_EXP_TYPE_ENDPOINT ||
            s->type == PCI_EXP_TYPE_LEG_END ||
            s->type == PCI_EXP_TYPE_RC_END) {
            add(s, "bars", test_bars);
            add(s, "msix-table", test_msix_table);
        }
    }
    return g_test_run();
}
