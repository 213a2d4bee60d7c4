/*
 * Peer-to-peer requests below a switch, with an SMMU above
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.12 (ACS); Arm SMMUv3 (IHI 0070), 5.2
 * (stream table entry), 5.4 (context descriptor), 6.3.14 (SMMU_GBPA).
 *
 * A request to the address of a peer is sent. What the switch routes directly
 * never meets the SMMU, and arrives at the peer, whatever the SMMU would do.
 * What ACS redirects, and what goes to another root port, meets it: the peer's
 * address is then an I/O virtual address, and translated to RAM, or refused.
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqos/pcie-fabric-endpoint.h"
#include "libqos/pcie-fabric-link.h"

#define DEVICES \
    "-machine iommu=smmuv3 " \
    "-device pcie-fabric-root-port,id=rp0,addr=1,chassis=1,slot=1,port=1 " \
    "-device pcie-fabric-upstream,id=us0,bus=rp0 " \
    "-device pcie-fabric-downstream,id=ds0,bus=us0,addr=0,chassis=2," \
    "slot=1,port=1 " \
    "-device pcie-fabric-downstream,id=ds1,bus=us0,addr=1,chassis=2," \
    "slot=2,port=2 " \
    "-device pcie-fabric-downstream,id=ds2,bus=us0,addr=2,chassis=2," \
    "slot=3,port=3 " \
    "-device edu,bus=ds0,dma_mask=0xffffffffffffffff " \
    "-device pcie-fabric-endpoint,bus=ds1 " \
    "-device pcie-fabric-endpoint,bus=ds2 " \
    "-device pcie-fabric-root-port,id=rp1,addr=2,chassis=1,slot=2,port=4 " \
    "-device pcie-fabric-endpoint,bus=rp1 "

#define PEER_PORT       2       /* Port Number of ds1, in egress vectors */
#define PATTERN         0x5a17c0de

/* Guest RAM */
#define SOURCE          QFABRIC_SCRATCH
#define HOST            (QFABRIC_SCRATCH + 0x100)
#define MSG             (QFABRIC_SCRATCH + 0x200)
#define CONTEXT         (QFABRIC_SCRATCH + 0x10000)
#define TABLE(n)        (QFABRIC_SCRATCH + 0x20000 + 0x1000 * (n))
#define ALIAS           (QFABRIC_SCRATCH + 0x200000)    /* 2 MiB of it */
#define STREAMS         (QFABRIC_SCRATCH + 0x1000000)
#define STREAM_BITS     16

/* The SMMU of the virt machine */
#define SMMU            0x09050000
#define SMMU_CR0        (SMMU + 0x20)
#define SMMU_GBPA       (SMMU + 0x44)
#define SMMU_STRTAB     (SMMU + 0x80)
#define SMMU_STRTAB_CFG (SMMU + 0x88)
#define GBPA_ABORT      (1u << 20)
#define GBPA_UPDATE     (1u << 31)

/* Stage 1, 4 KiB granule, 48 bits: Arm ARM D8.3 */
#define PTE_TABLE       3
#define PTE_BLOCK       (1 | 1 << 6 | 1 << 10)          /* RW, AF */
#define GIB             (1ull << 30)
#define MIB2            (2ull << 20)
#define ENTRIES         512

typedef enum Mode {
    OFF,                        /* SMMU disabled, all pass */
    ABORT,                      /* SMMU disabled, all are aborted */
    TRANSLATE,                  /* peers' addresses lead to ALIAS */
    FAULT,                      /* peers' addresses lead nowhere */
    MODES,
} Mode;

static const char *const mode_names[MODES] = {
    "off", "abort", "translate", "fault",
};

typedef struct Bench {
    QTestState *qts;
    QFabric *fab;
    QFabricFn *edu, *ep, *peer, *far;
} Bench;

static void write_ste(Bench *b, QFabricFn *fn)
{
    uint64_t ste = STREAMS + 64 * (fn->bus << 8 | fn->devfn);

    /* Valid, stage 1 alone, one context descriptor */
    qtest_writeq(b->qts, ste, CONTEXT | 5 << 1 | 1);
    qtest_writeq(b->qts, ste + 8, 0);
}

/* T0SZ 16, TTB1 off, 48 bits of output, AArch64, faults abort, valid */
static void write_context(Bench *b)
{
    qtest_writel(b->qts, CONTEXT, 1u << 31 | 1u << 30 | 16);
    qtest_writel(b->qts, CONTEXT + 4, 1u << 14 | 1u << 13 | 1u << 9 | 5);
    qtest_writeq(b->qts, CONTEXT + 8, TABLE(0));
}

static void write_tables(Bench *b, bool map_peers)
{
    g_autofree uint64_t *blocks = g_new(uint64_t, ENTRIES);
    unsigned i;

    for (i = 0; i < ENTRIES; i++) {
        blocks[i] = cpu_to_le64(ALIAS | PTE_BLOCK);
    }
    for (i = 0; i < 3; i++) {
        qtest_memset(b->qts, TABLE(i), 0, 8 * ENTRIES);
    }
    qtest_memwrite(b->qts, TABLE(3), blocks, 8 * ENTRIES);
    qtest_writeq(b->qts, TABLE(0), TABLE(1) | PTE_TABLE);
    qtest_writeq(b->qts, TABLE(0) + 8 * (QFABRIC_MEM64_BASE >> 39),
                 TABLE(2) | PTE_TABLE);
    /* RAM is where it is; peers are not. */
    qtest_writeq(b->qts, TABLE(1) + 8 * (SOURCE / GIB),
                 (SOURCE & -GIB) | PTE_BLOCK);
    qtest_writeq(b->qts, TABLE(2), map_peers ? TABLE(3) | PTE_TABLE : 0);
}

static void set_mode(Bench *b, Mode mode)
{
    QTestState *qts = b->qts;

    if (mode == OFF) {
        return;
    }
    if (mode == ABORT) {
        qtest_writel(qts, SMMU_GBPA, GBPA_UPDATE | GBPA_ABORT);
        return;
    }
    write_tables(b, mode == TRANSLATE);
    write_context(b);
    write_ste(b, b->edu);
    write_ste(b, b->ep);
    qtest_writeq(qts, SMMU_STRTAB, STREAMS);
    qtest_writel(qts, SMMU_STRTAB_CFG, STREAM_BITS);
    qtest_writel(qts, SMMU_CR0, 1);
}

static void edu_dma(Bench *b, uint64_t src, uint64_t dst, uint64_t cmd);

/* The pattern is in both requesters before anything stops it. */
static void bench_open(Bench *b, Mode mode)
{
    b->qts = qfabric_boot(DEVICES);
    b->fab = qfabric_new(b->qts);
    b->edu = qfabric_child(qfabric_nth(b->fab, PCI_EXP_TYPE_DOWNSTREAM, 0), 0);
    b->peer = qfabric_nth(b->fab, PCI_EXP_TYPE_ENDPOINT, 0);
    b->ep = qfabric_nth(b->fab, PCI_EXP_TYPE_ENDPOINT, 1);
    b->far = qfabric_nth(b->fab, PCI_EXP_TYPE_ENDPOINT, 2);
    g_assert_cmphex(b->far->bar[QFEP_BAR_MEM].addr, <,
                    QFABRIC_MEM64_BASE + GIB);
    qtest_writel(b->qts, SOURCE, PATTERN);
    edu_dma(b, SOURCE, 0x40000, 1);
    qtest_writel(b->qts, b->ep->bar[QFEP_BAR_MEM].addr, PATTERN);
    set_mode(b, mode);
}

static void bench_close(Bench *b)
{
    qfabric_free(b->fab);
    qtest_quit(b->qts);
}

/*
 * Requesters: write four bytes of the pattern
 */

/* QEMU's edu: docs/specs/edu.rst */
static void edu_dma(Bench *b, uint64_t src, uint64_t dst, uint64_t cmd)
{
    uint64_t regs = b->edu->bar[0].addr;

    qtest_writeq(b->qts, regs + 0x80, src);
    qtest_writeq(b->qts, regs + 0x88, dst);
    qtest_writeq(b->qts, regs + 0x90, 4);
    qtest_writeq(b->qts, regs + 0x98, cmd);
    qfabric_step_ms(b->qts, 101);
}

static void write_by_edu(Bench *b, uint64_t addr)
{
    edu_dma(b, 0x40000, addr, 1 | 2);
}

static void write_by_endpoint(Bench *b, uint64_t addr)
{
    g_autoptr(QFabricEp) ep = qfabric_ep_new(b->ep);
    QFabricReq req = qfabric_write_req(addr, 4, 0);

    qfabric_ep_do(ep, &req);
}

static void write_translated(Bench *b, uint64_t addr)
{
    g_autoptr(QFabricEp) ep = qfabric_ep_new(b->ep);
    QFabricReq req = qfabric_write_req(addr, 4, 0);

    req.at = QFEP_AT_TRANSLATED;
    qfabric_ep_do(ep, &req);
}

typedef struct Requester {
    const char *name;
    void (*write)(Bench *b, uint64_t addr);
    unsigned port;              /* which downstream port it is below */
} Requester;

static const Requester requesters[] = {
    { "edu", write_by_edu, 0 },
    { "endpoint", write_by_endpoint, 2 },
};

static const Requester translated = { "translated", write_translated, 2 };

/*
 * Rows
 */

typedef enum Place { NOWHERE, TARGET, RAM } Place;

static const char *const place_names[] = { "nowhere", "target", "RAM" };

/* Where a request by way of the SMMU ends */
static const Place by_smmu[MODES] = {
    [OFF] = TARGET, [ABORT] = NOWHERE, [TRANSLATE] = RAM, [FAULT] = NOWHERE,
};

/* sec 6.12.3, for the egress port of the peer */
static const struct {
    uint16_t ctrl;
    uint32_t vector;
    bool direct;
} rows[] = {
    { 0, 0, true },
    { PCI_ACS_RR, 0, false },
    { PCI_ACS_RR | PCI_ACS_UF | PCI_ACS_SV, 0, false },
    { PCI_ACS_RR | PCI_ACS_EC, 1u << PEER_PORT, false },
    { PCI_ACS_RR | PCI_ACS_EC, 0, true },
    { PCI_ACS_CR, 0, true },
};

static void set_acs(Bench *b, const Requester *r, uint16_t ctrl,
                    uint32_t vector)
{
    QFabricFn *port = qfabric_nth(b->fab, PCI_EXP_TYPE_DOWNSTREAM, r->port);

    qfabric_ext_writel(port, PCI_EXT_CAP_ID_ACS, PCI_ACS_EGRESS_CTL_V, vector);
    qfabric_ext_writew(port, PCI_EXT_CAP_ID_ACS, PCI_ACS_CTRL, ctrl);
}

static void expect_arrival(Bench *b, const Requester *r, uint64_t addr,
                           Place place, const char *what)
{
    uint64_t ram = ALIAS + (addr & (MIB2 - 1));
    bool target, alias;

    qtest_writel(b->qts, addr, 0);
    qtest_writel(b->qts, ram, 0);
    r->write(b, addr);
    target = qtest_readl(b->qts, addr) == PATTERN;
    alias = qtest_readl(b->qts, ram) == PATTERN;
    if (target != (place == TARGET) || alias != (place == RAM)) {
        g_test_message("%s of %s: expected %s; arrived at: %s%s", what,
                       r->name, place_names[place], target ? "target " : "",
                       alias ? "RAM" : "");
        g_test_fail();
    }
}

static void check_requester(Bench *b, const Requester *r, Mode mode)
{
    uint64_t peer = b->peer->bar[QFEP_BAR_MEM].addr;
    uint64_t far = b->far->bar[QFEP_BAR_MEM].addr;
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *what = g_strdup_printf(
            "request to a peer, ACS 0x%x, vector 0x%x", rows[i].ctrl,
            rows[i].vector);

        set_acs(b, r, rows[i].ctrl, rows[i].vector);
        expect_arrival(b, r, peer, rows[i].direct ? TARGET : by_smmu[mode],
                       what);
    }
    set_acs(b, r, 0, 0);
    expect_arrival(b, r, far, by_smmu[mode], "request to another root port");
    expect_arrival(b, r, HOST, mode == ABORT ? NOWHERE : TARGET,
                   "request to RAM");
}

/* sec 6.12.3: Direct Translated P2P overrides the redirection. */
static void check_translated(Bench *b)
{
    set_acs(b, &translated, PCI_ACS_RR | PCI_ACS_DT, 0);
    expect_arrival(b, &translated, b->peer->bar[QFEP_BAR_MEM].addr, TARGET,
                   "translated request, RR and DT");
    /* IHI 0070 sec 3.9: an SMMU without ATS takes nothing for translated. */
    set_acs(b, &translated, PCI_ACS_RR, 0);
    expect_arrival(b, &translated, b->peer->bar[QFEP_BAR_MEM].addr, NOWHERE,
                   "translated request, RR alone");
}

/* Messages are requests to the host, for which the SMMU is asked as well. */
static void check_message(Bench *b, Mode mode)
{
    qfabric_msi_arm(b->edu, MSG, 0x4711);
    qtest_writel(b->qts, b->edu->bar[0].addr + 0x60, 1);
    qfabric_expect(b->edu, "message", mode == ABORT ? 0 : 0x4711,
                   qfabric_msg_take(b->fab, MSG), "docs");
}

static void test_mode(const void *data)
{
    Mode mode = GPOINTER_TO_UINT(data);
    unsigned i;
    Bench b;

    bench_open(&b, mode);
    for (i = 0; i < ARRAY_SIZE(requesters); i++) {
        check_requester(&b, &requesters[i], mode);
    }
    check_translated(&b);
    check_message(&b, mode);
    bench_close(&b);
}

int main(int argc, char **argv)
{
    unsigned i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < MODES; i++) {
        g_autofree char *path = g_strdup_printf("/pcie-fabric/smmu/%s",
                                                mode_names[i]);

        qtest_add_data_func(path, GUINT_TO_POINTER(i), test_mode);
    }
    return g_test_run();
}
