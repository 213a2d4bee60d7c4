/*
 * Errors of requests: what is logged, where, and who is told
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.2.3.2.4 (advisory non-fatal errors),
 * 6.2.4.2 (the first error owns the log), 6.2.5, 6.2.6 (messages and their
 * gates), 7.8.4 (registers), 6.15.2 (AtomicOp Egress Blocked).
 *
 * One cause at a time, with every setting of the masks and gates.  The flow
 * model says what each register of each function must read.
 */
#include "qemu/osdep.h"
#include "pcie-fabric-flow-bench.h"

/* Causes */

typedef struct Cause {
    const char *name;
    FlowPlace from;
    const char *logger;
    uint32_t error;
    QFabricReq req;             /* addr: offset to where */
    uint64_t (*where)(FlowBench *b);
    void (*set)(FlowBench *b);
} Cause;

static uint64_t in_ram(FlowBench *b)
{
    return RAM_TARGET;
}

static uint64_t in_hole(FlowBench *b)
{
    return HOLE_PCI64;
}

static uint64_t in_low_hole(FlowBench *b)
{
    return HOLE_ABOVE_RAM;
}

static uint64_t in_uart(FlowBench *b)
{
    return NOT_MEMORY;
}

static uint64_t in_neighbour(FlowBench *b)
{
    return b->fn[PLACE_SWITCH_PEER]->fn->bar[QFEP_BAR_MEM].addr + MEM_TARGET;
}

static uint64_t in_no_bar(FlowBench *b)
{
    return b->fn[PLACE_SWITCH_PEER]->fn->bar[QFEP_BAR_MEM].addr +
           2 * EP_MEM_SIZE;
}

static uint64_t in_registers(FlowBench *b)
{
    return b->fn[PLACE_SWITCH_PEER]->fn->bar[QFEP_BAR_REGS].addr;
}

static uint64_t in_other_rp(FlowBench *b)
{
    return b->fn[PLACE_OTHER_RP]->fn->bar[QFEP_BAR_MEM].addr + MEM_TARGET;
}

static void block(FlowBench *b, const char *port)
{
    flow_set_devctl2(flow_port(b, port), 0,
                     PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK);
}

static void block_us0(FlowBench *b)
{
    block(b, "us0");
}

static void block_us1(FlowBench *b)
{
    block(b, "us1");
}

static void block_ds1(FlowBench *b)
{
    block(b, "ds1");
}

static void block_rp2(FlowBench *b)
{
    block(b, "rp2");
}

static void unmaster_ds0(FlowBench *b)
{
    flow_set_command(flow_port(b, "ds0"), PCI_COMMAND_MASTER, 0);
}

static void unmaster_us0(FlowBench *b)
{
    flow_set_command(flow_port(b, "us0"), PCI_COMMAND_MASTER, 0);
}

static void unmaster_rp0(FlowBench *b)
{
    flow_set_command(flow_port(b, "rp0"), PCI_COMMAND_MASTER, 0);
}

static void egress_control(FlowBench *b)
{
    flow_set_acs(flow_port(b, "ds0"), PCI_ACS_EC, ~0u);
}

static void translation_blocking(FlowBench *b)
{
    flow_set_acs(flow_port(b, "rp0"), PCI_ACS_TB, 0);
}

#define ADD     { .op = QFEP_FETCH_ADD, .size = 8 }
#define ADD32   { .op = QFEP_FETCH_ADD, .size = 4 }
#define CAS     { .op = QFEP_CAS, .size = 16 }
#define SWAP    { .op = QFEP_SWAP, .size = 4 }
#define ODD     { .op = QFEP_FETCH_ADD, .size = 8, .addr = 4 }
#define LENGTH  { .op = QFEP_CAS, .size = 8, .len = 5 }
#define POISON  { .op = QFEP_SWAP, .size = 8, .poisoned = true }
#define RELAX   { .op = QFEP_CAS, .size = 4, .relaxed = true }
#define AT2     { .op = QFEP_SWAP, .size = 8, .at = QFEP_AT_TRANSLATED }
#define READ    { .op = QFEP_READ, .len = 9, .addr = 2, .local = MEM_LOCAL }
#define WRITE   { .op = QFEP_WRITE, .len = 9, .addr = 3, .local = MEM_LOCAL }

static const Cause causes[] = {
    { "egress-blocked@us0-below-4g", PLACE_SWITCH, "us0", PCI_ERR_UNC_ATOMEG,
      ADD, in_ram, block_us0 },
    { "egress-blocked@us1", PLACE_DEEP, "us1", PCI_ERR_UNC_ATOMEG, CAS,
      in_ram, block_us1 },
    { "egress-blocked@ds1-above-4g", PLACE_SWITCH, "ds1", PCI_ERR_UNC_ATOMEG,
      RELAX, in_neighbour, block_ds1 },
    { "egress-blocked@ds1-from-below-us1", PLACE_DEEP, "ds1",
      PCI_ERR_UNC_ATOMEG, SWAP, in_neighbour, block_ds1 },
    { "egress-blocked@rp2", PLACE_DIRECT, "rp2", PCI_ERR_UNC_ATOMEG, ADD32,
      in_other_rp, block_rp2 },
    { "no-target@rp0", PLACE_DIRECT, "rp0", PCI_ERR_UNC_UNSUP, ADD, in_hole },
    { "no-target@rp0-below-4g", PLACE_DIRECT, "rp0", PCI_ERR_UNC_UNSUP, SWAP,
      in_low_hole },
    { "no-target@rp0-read", PLACE_DIRECT, "rp0", PCI_ERR_UNC_UNSUP, READ,
      in_hole },
    { "no-target@rp0-write", PLACE_DIRECT, "rp0", PCI_ERR_UNC_UNSUP, WRITE,
      in_low_hole },
    { "no-target@rp1-from-deep", PLACE_DEEP, "rp1", PCI_ERR_UNC_UNSUP, READ,
      in_low_hole },
    { "no-target@ep2", PLACE_SWITCH, "ep2", PCI_ERR_UNC_UNSUP, CAS,
      in_no_bar },
    { "no-target@ep2-write", PLACE_SWITCH, "ep2", PCI_ERR_UNC_UNSUP, WRITE,
      in_no_bar },
    { "no-bme@ds0", PLACE_SWITCH, "ds0", PCI_ERR_UNC_UNSUP, ADD, in_ram,
      unmaster_ds0 },
    { "no-bme@ds0-write", PLACE_SWITCH, "ds0", PCI_ERR_UNC_UNSUP, WRITE,
      in_ram, unmaster_ds0 },
    { "no-bme@us0-from-deep", PLACE_DEEP, "us0", PCI_ERR_UNC_UNSUP, ADD,
      in_ram, unmaster_us0 },
    { "no-bme@rp0", PLACE_DIRECT, "rp0", PCI_ERR_UNC_UNSUP, READ, in_ram,
      unmaster_rp0 },
    { "completer-abort@ep2", PLACE_SWITCH, "ep2", PCI_ERR_UNC_COMP_ABORT,
      ADD, in_registers },
    { "completer-abort@rp0", PLACE_DIRECT, "rp0", PCI_ERR_UNC_COMP_ABORT,
      SWAP, in_uart },
    { "acs-violation@ds0", PLACE_SWITCH, "ds0", PCI_ERR_UNC_ACSV, ADD,
      in_neighbour, egress_control },
    { "acs-violation@ds0-read", PLACE_SWITCH, "ds0", PCI_ERR_UNC_ACSV, READ,
      in_neighbour, egress_control },
    { "acs-violation@ds0-write", PLACE_SWITCH, "ds0", PCI_ERR_UNC_ACSV,
      WRITE, in_neighbour, egress_control },
    { "acs-violation@rp0", PLACE_DIRECT, "rp0", PCI_ERR_UNC_ACSV, AT2,
      in_ram, translation_blocking },
    { "malformed@rp0-alignment", PLACE_DIRECT, "rp0", PCI_ERR_UNC_MALF_TLP,
      ODD, in_ram },
    { "malformed@rp1-length-from-deep", PLACE_DEEP, "rp1",
      PCI_ERR_UNC_MALF_TLP, LENGTH, in_ram },
    { "malformed@ep2-length", PLACE_SWITCH, "ep2", PCI_ERR_UNC_MALF_TLP,
      LENGTH, in_neighbour },
    { "poisoned@rp0", PLACE_DIRECT, "rp0", PCI_ERR_UNC_POISON_TLP, POISON,
      in_ram },
    { "poisoned@ep5", PLACE_DIRECT, "ep5", PCI_ERR_UNC_POISON_TLP, POISON,
      in_other_rp },
    { "completion-timeout@ep0", PLACE_DIRECT, "ep0", PCI_ERR_UNC_COMP_TIME,
      ODD, in_ram },
    { "completion-timeout@ep3", PLACE_DEEP, "ep3", PCI_ERR_UNC_COMP_TIME,
      ODD, in_ram },
};

static QFabricReq cause_req(FlowBench *b, const Cause *c)
{
    QFabricReq req = c->req;

    req.addr += c->where(b);
    req.operand[0].lo = 0x5a5a5a5a5a5a5a5aULL;
    req.operand[1].lo = 0xc3c3c3c3c3c3c3c3ULL;
    return req;
}

static void cause_set(FlowBench *b, const Cause *c)
{
    if (c->set) {
        c->set(b);
    }
}

static bool cause(FlowBench *b, const Cause *c, const char *why)
{
    QFabricReq req = cause_req(b, c);

    return flow_try_keep(b, c->from, &req, why);
}

/* Masks, severity and gates of the function that logs */

#define REPORT_BITS     (PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | \
                         PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE)
#define REPORTS         16      /* every value of DevCtl 3:0 */

typedef struct MaskCase {
    const Cause *cause;
    bool advisory_masked, fatal, masked;
} MaskCase;

static bool with_gates(FlowBench *b, const MaskCase *mc, uint16_t devctl,
                       bool serr)
{
    FlowNode *n = flow_port(b, mc->cause->logger);
    g_autofree char *why = g_strdup_printf("%s DevCtl 3:0 = 0x%x, SERR %d",
                                           mc->cause->name, devctl, serr);
    bool ok;

    flow_set_devctl(n, REPORT_BITS, devctl);
    flow_set_command(n, PCI_COMMAND_SERR, serr ? PCI_COMMAND_SERR : 0);
    ok = cause(b, mc->cause, why);
    flow_clear_dirty(b->m);
    return ok;
}

static void test_masks(const void *data)
{
    const MaskCase *mc = data;
    FlowBench *b = flow_bench(&flow_full);
    FlowNode *n = flow_port(b, mc->cause->logger);
    uint32_t error = mc->cause->error;
    bool ok = true;
    uint16_t devctl;

    cause_set(b, mc->cause);
    flow_set_aer(n, mc->masked ? n->uncor_mask | error : n->uncor_mask,
                 mc->fatal ? n->severity | error : n->severity & ~error,
                 mc->advisory_masked ? n->cor_mask | PCI_ERR_COR_ADV_NFAT :
                                       n->cor_mask);
    for (devctl = 0; devctl < REPORTS; devctl++) {
        ok &= with_gates(b, mc, devctl, false);
    }
    ok &= with_gates(b, mc, 0, true);
    ok &= with_gates(b, mc, REPORT_BITS, true);
    flow_bench_end(b, ok);
}

/* SERR# Enable of every bridge above, one at a time (sec 7.5.1.3.13) */
static void test_bridge_gates(const void *data)
{
    const Cause *c = data;
    FlowBench *b = flow_bench(&flow_full);
    FlowNode *logger = flow_port(b, c->logger), *n;
    bool ok = true;

    cause_set(b, c);
    for (n = logger; n; n = n->parent) {
        if (n->kind == FLOW_EP) {
            continue;
        }
        flow_set_bridge_control(n, PCI_BRIDGE_CTL_SERR, 0);
        ok &= cause(b, c, n == logger ? "own SERR# Enable off" :
                                        "SERR# Enable off above");
        flow_clear_dirty(b->m);
        flow_set_bridge_control(n, 0, PCI_BRIDGE_CTL_SERR);
    }
    flow_bench_end(b, ok);
}

/* Power-on masks: an advisory error leaves two bits and nothing else */
static void test_defaults(const void *data)
{
    const Cause *c = data;
    FlowBench *b = flow_bench(&flow_full);
    FlowNode *n = flow_port(b, c->logger);
    bool ok = true;

    cause_set(b, c);
    flow_set_aer(n, n->uncor_mask, n->severity,
                 n->cor_mask | PCI_ERR_COR_ADV_NFAT);
    ok &= cause(b, c, "default masks");
    ok &= flow_check_all(b->m, c->name);
    flow_bench_end(b, ok);
}

/* Pairs: the first owns the log until its status bit is cleared */

typedef struct Pair {
    const Cause *first, *second;
} Pair;

static void test_first_error(const void *data)
{
    const Pair *p = data;
    FlowBench *b = flow_bench(&flow_full);
    FlowNode *n = flow_port(b, p->first->logger);
    bool ok = true;

    cause_set(b, p->first);
    ok &= cause(b, p->first, "first error");
    flow_bench_baseline(b);
    cause_set(b, p->second);
    ok &= cause(b, p->second, "second error, the first is logged");
    ok &= cause(b, p->second, "third error, the first is logged");
    flow_clear_uncor(n, p->second->error);
    ok &= flow_check(n, "the second error's bit is cleared");
    flow_clear_uncor(n, p->first->error);
    ok &= flow_check(n, "the first error's bit is cleared");
    ok &= cause(b, p->second, "the log is free for the second");
    flow_bench_baseline(b);
    cause_set(b, p->first);
    ok &= cause(b, p->first, "the second is logged");
    flow_bench_end(b, ok);
}

/* The same error twice: the log keeps the first header */
static void test_same_error(const void *data)
{
    const Cause *c = data;
    FlowBench *b = flow_bench(&flow_full);
    QFabricReq first = cause_req(b, c), second = first;
    bool ok = true;

    second.addr += 0x40;
    second.op = first.op == QFEP_FETCH_ADD ? QFEP_SWAP : first.op;
    cause_set(b, c);
    ok &= flow_try_keep(b, c->from, &first, "first");
    ok &= flow_try_keep(b, c->from, &second, "second");
    ok &= flow_check_all(b->m, c->name);
    flow_bench_end(b, ok);
}

/* A masked error sets its bit, but leaves the log to the next one */
static void test_masked_does_not_own(void)
{
    FlowBench *b = flow_bench(&flow_full);
    FlowNode *rp0 = flow_port(b, "rp0");
    QFabricReq hole = qfabric_atomic(QFEP_SWAP, 8, HOLE_PCI64, 1, 0);
    QFabricReq poison = qfabric_atomic(QFEP_FETCH_ADD, 4, RAM_TARGET, 1, 0);
    bool ok = true;

    poison.poisoned = true;
    flow_set_aer(rp0, rp0->uncor_mask | PCI_ERR_UNC_UNSUP, rp0->severity,
                 rp0->cor_mask);
    ok &= flow_try_keep(b, PLACE_DIRECT, &hole, "masked");
    ok &= flow_try_keep(b, PLACE_DIRECT, &poison, "unmasked");
    flow_bench_end(b, ok);
}

/* Root ports: many sources, one interrupt until status is cleared */

static void arm_root_ports(FlowBench *b)
{
    unsigned i;

    b->m->msi_base = RAM_RP_MSG;
    for (i = 0; i < b->m->nodes; i++) {
        FlowNode *n = b->m->node[i];

        if (n->kind == FLOW_RP) {
            qfabric_msi_arm(n->fn, RAM_RP_MSG + 4 * n->fn->devfn,
                            0x4a00 + n->fn->devfn);
            flow_set_root_command(n, PCI_ERR_ROOT_CMD_COR_EN |
                                     PCI_ERR_ROOT_CMD_NONFATAL_EN |
                                     PCI_ERR_ROOT_CMD_FATAL_EN);
        }
    }
}

static void disarm_root_ports(FlowBench *b)
{
    unsigned i;

    b->m->msi_base = 0;
    for (i = 0; i < b->m->nodes; i++) {
        FlowNode *n = b->m->node[i];
        unsigned flags;

        if (n->kind == FLOW_RP) {
            flags = qfabric_cap(n->fn, PCI_CAP_ID_MSI) + PCI_MSI_FLAGS;
            qfabric_writew(n->fn, flags, qfabric_readw(n->fn, flags) &
                                         ~PCI_MSI_FLAGS_ENABLE);
        }
    }
}

/* sec 6.2.4.1.2: a message when a condition becomes true, not again */
static void test_interrupt(const void *data)
{
    const Cause *c = data;
    FlowBench *b = flow_bench(&flow_full);
    bool ok = true;

    arm_root_ports(b);
    cause_set(b, c);
    ok &= cause(b, c, "first: one message");
    ok &= cause(b, c, "again: status is still set, no message");
    ok &= flow_check_all(b->m, c->name);
    flow_clear_all(b->m);
    ok &= cause(b, c, "after clearing: one message");
    ok &= flow_check_all(b->m, c->name);
    disarm_root_ports(b);
    flow_bench_end(b, ok);
}

/* Root Error Command gates each of the three kinds (sec 7.8.4.9) */
static void test_root_command(void)
{
    static const char *const names[] = {
        "egress-blocked@us0-below-4g", "no-target@ep2-write",
        "malformed@ep2-length",
    };
    FlowBench *b = flow_bench(&flow_full);
    FlowNode *rp1 = flow_port(b, "rp1");
    bool ok = true;
    unsigned i, k, cmd;

    arm_root_ports(b);
    for (i = 0; i < G_N_ELEMENTS(names); i++) {
        for (k = 0; strcmp(causes[k].name, names[i]); k++) {
            continue;
        }
        cause_set(b, &causes[k]);
        for (cmd = 0; cmd < 8; cmd++) {
            flow_set_root_command(rp1, cmd);
            ok &= cause(b, &causes[k], "Root Error Command");
            flow_clear_dirty(b->m);
        }
        flow_bench_baseline(b);
        arm_root_ports(b);
    }
    disarm_root_ports(b);
    flow_bench_end(b, ok);
}

/* Sources of several errors: the first of each class is identified */
static void test_sources(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricReq ram = qfabric_atomic(QFEP_FETCH_ADD, 8, RAM_TARGET, 1, 0);
    QFabricReq odd = qfabric_atomic(QFEP_FETCH_ADD, 8, RAM_TARGET + 4, 1, 0);
    QFabricReq peer = qfabric_atomic(QFEP_SWAP, 8, in_no_bar(b), 1, 0);
    QFabricReq wr = qfabric_write_req(in_no_bar(b), 4, MEM_LOCAL);
    bool ok = true;

    block_us0(b);
    ok &= flow_try_keep(b, PLACE_SWITCH, &ram, "ERR_COR of us0");
    ok &= flow_try_keep(b, PLACE_SWITCH, &peer, "ERR_COR of ep2: multiple");
    ok &= flow_try_keep(b, PLACE_SWITCH, &wr, "ERR_NONFATAL of ep2");
    flow_set_devctl2(flow_port(b, "us0"),
                     PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK, 0);
    ok &= flow_try_keep(b, PLACE_DEEP, &odd, "ERR_FATAL of rp1, then ep3");
    ok &= flow_check_all(b->m, "all of them");
    flow_clear_all(b->m);
    ok &= flow_try_keep(b, PLACE_DEEP, &odd, "fatal first");
    ok &= flow_try_keep(b, PLACE_SWITCH, &wr, "then non-fatal");
    ok &= flow_check_all(b->m, "fatal first");
    flow_bench_end(b, ok);
}

/* sec 6.15.2: URD stays 0; the port that is not the egress logs nothing */
static void test_blocked_is_not_urd(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricReq req = qfabric_atomic(QFEP_CAS, 16, RAM_TARGET, 1, 2);
    FlowNode *us1 = flow_port(b, "us1");
    bool ok = true;

    block_us0(b);
    block_us1(b);
    block(b, "ds2");
    block(b, "ds3");
    ok &= flow_try_keep(b, PLACE_DEEP, &req, "first egress port decides");
    ok &= qfabric_expect(us1->fn, "DevSta.URD", 0,
                         qfabric_cap_readw(us1->fn, PCI_CAP_ID_EXP,
                                           PCI_EXP_DEVSTA) &
                         PCI_EXP_DEVSTA_URD, "r6.0 sec 6.15.2");
    ok &= qfabric_expect(us1->fn, "Header Log byte 0", 0x4e,
                         qfabric_ext_readl(us1->fn, PCI_EXT_CAP_ID_ERR,
                                           PCI_ERR_HEADER_LOG) >> 24,
                         "r6.0 sec 2.2.1: CAS, 3 DW header");
    ok &= flow_check_all(b->m, "egress blocked");
    flow_bench_end(b, ok);
}

/* An RCiEP has no root port above: its errors stay in its own registers */
static void test_rciep(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricReq odd = qfabric_atomic(QFEP_FETCH_ADD, 8, RAM_TARGET + 4, 1, 0);
    QFabricReq wr = qfabric_write_req(HOLE_PCI64, 4, MEM_LOCAL);
    bool ok = true;

    ok &= flow_try_keep(b, PLACE_RCIEP, &odd, "completion time-out");
    ok &= flow_try_keep(b, PLACE_RCIEP, &wr, "posted into a hole");
    ok &= flow_check_all(b->m, "RCiEP");
    flow_bench_end(b, ok);
}

/* Sticky status survives a hot reset, the rest does not (specs 1.6, 1.9) */
static void test_hot_reset(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricReq req = qfabric_atomic(QFEP_SWAP, 8, in_neighbour(b), 1, 0);
    FlowNode *ds1 = flow_port(b, "ds1"), *n;
    uint32_t header[4], uncor, i;
    QFabricFn *fn = ds1->fn;

    block_ds1(b);
    flow_try_keep(b, PLACE_SWITCH, &req, "blocked at ds1");
    uncor = qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_UNCOR_STATUS);
    for (i = 0; i < 4; i++) {
        header[i] = qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR,
                                      PCI_ERR_HEADER_LOG + 4 * i);
    }
    n = flow_port(b, "rp1");
    qfabric_secondary_bus_reset(n->fn);
    qfabric_scan(b->fab, n->fn);
    qfabric_expect(fn, "Uncorrectable Error Status after hot reset", uncor,
                   qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR,
                                     PCI_ERR_UNCOR_STATUS),
                   "r6.0 sec 7.8.4.2: RW1CS");
    for (i = 0; i < 4; i++) {
        qfabric_expect(fn, "Header Log after hot reset", header[i],
                       qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR,
                                         PCI_ERR_HEADER_LOG + 4 * i),
                       "r6.0 sec 7.8.4.8: ROS");
    }
    qfabric_expect(fn, "DevSta after hot reset", 0,
                   qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVSTA) &
                   0xf, "r6.0 sec 7.5.3.5: not sticky");
    flow_bench_quit();
}

static void add_masks(const Cause *c)
{
    unsigned bits;

    for (bits = 0; bits < 8; bits++) {
        MaskCase *mc = g_new0(MaskCase, 1);
        g_autofree char *path = NULL;

        *mc = (MaskCase) { c, bits & 1, bits & 2, bits & 4 };
        path = g_strdup_printf("/pcie-fabric/aer/%s/%s,%s,%s", c->name,
                               mc->fatal ? "fatal" : "non-fatal",
                               mc->masked ? "masked" : "unmasked",
                               mc->advisory_masked ? "advisory-masked" :
                                                     "advisory-unmasked");
        qtest_add_data_func_full(path, mc, test_masks, g_free);
    }
}

static void add(const char *what, const Cause *c, void (*fn)(const void *))
{
    g_autofree char *path = g_strdup_printf("/pcie-fabric/aer/%s/%s",
                                            c->name, what);

    qtest_add_data_func(path, c, fn);
}

/* Pairs of causes that the same function logs, of different kinds */
static void add_pairs(void)
{
    unsigned i, k;

    for (i = 0; i < G_N_ELEMENTS(causes); i++) {
        for (k = 0; k < G_N_ELEMENTS(causes); k++) {
            g_autofree char *path = NULL;
            Pair *p;

            if (strcmp(causes[i].logger, causes[k].logger) ||
                causes[i].error == causes[k].error) {
                continue;
            }
            p = g_new0(Pair, 1);
            *p = (Pair) { &causes[i], &causes[k] };
            path = g_strdup_printf("/pcie-fabric/aer/first-error/%s/then-%s",
                                   causes[i].name, causes[k].name);
            qtest_add_data_func_full(path, p, test_first_error, g_free);
        }
    }
}

int main(int argc, char **argv)
{
    unsigned i;
    int ret;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < G_N_ELEMENTS(causes); i++) {
        add_masks(&causes[i]);
        add("default-masks", &causes[i], test_defaults);
        add("bridge-serr", &causes[i], test_bridge_gates);
        add("same-error-twice", &causes[i], test_same_error);
        add("interrupt", &causes[i], test_interrupt);
    }
    add_pairs();
    qtest_add_func("/pcie-fabric/aer/masked-error-does-not-own-the-log",
                   test_masked_does_not_own);
    qtest_add_func("/pcie-fabric/aer/root-error-command", test_root_command);
    qtest_add_func("/pcie-fabric/aer/error-sources", test_sources);
    qtest_add_func("/pcie-fabric/aer/egress-blocked-is-not-urd",
                   test_blocked_is_not_urd);
    qtest_add_func("/pcie-fabric/aer/rciep", test_rciep);
    qtest_add_func("/pcie-fabric/aer/hot-reset-keeps-the-log",
                   test_hot_reset);
    ret = g_test_run();
    flow_bench_quit();
    return ret;
}
