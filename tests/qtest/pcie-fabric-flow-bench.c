/*
 * One topology that has every path, and how to send a request along it
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.15 (AtomicOps);
 * docs/specs/pcie-fabric-endpoint.rst.
 */
#include "qemu/osdep.h"
#include "pcie-fabric-flow-bench.h"

#define ROOT_PORTS              4
#define BASE_COR_MASK           0x0000c000
#define FATAL_DEFAULT           (PCI_ERR_UNC_DLP | PCI_ERR_UNC_SURPDN | \
                                 PCI_ERR_UNC_FCP | PCI_ERR_UNC_RX_OVER | \
                                 PCI_ERR_UNC_MALF_TLP | PCI_ERR_UNC_INTN)
#define REPORT_ALL              (PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | \
                                 PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE)
#define GUARD                   16      /* bytes on either side */
#define AREA_MAX                (QFEP_LEN_MAX + 3 * GUARD)

const FlowVariant flow_full = { .name = "full" };

static FlowBench *current;

uint64_t flow_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* The command line */

static const char *on_off(bool on)
{
    return on ? "on" : "off";
}

static char *completers(unsigned comp)
{
    bool all = comp == COMP_DEFAULT;

    return g_strdup_printf("atomic-comp32=%s,atomic-comp64=%s,"
                           "atomic-comp128=%s", on_off(all || (comp & 1)),
                           on_off(all || (comp & 2)),
                           on_off(all || (comp & 4)));
}

static void add_root_ports(GString *s, const FlowVariant *v)
{
    g_autofree char *comp = completers(v->rp_comp);
    unsigned i;

    for (i = 0; i < ROOT_PORTS; i++) {
        g_string_append_printf(s,
            "-device pcie-fabric-root-port,id=rp%u,addr=%u,chassis=1,slot=%u,"
            "atomic-routing=%s,%s ", i, i + 1, i + 1,
            on_off(!((v->rp_no_routing >> i) & 1)), comp);
    }
}

static void add_downstream(GString *s, const FlowVariant *v, unsigned n,
                           unsigned us, unsigned slot)
{
    bool routing = !((v->ds_no_routing >> n) & 1);
    bool mixed = routing != !((v->us_no_routing >> us) & 1);

    g_string_append_printf(s,
        "-device pcie-fabric-downstream,id=ds%u,bus=us%u,addr=%u,chassis=%u,"
        "slot=%u,port=%u,atomic-routing=%s%s ", n, us, slot, us + 2,
        slot + 1, slot + 1, on_off(routing),
        mixed ? ",x-mixed-routing=on" : "");
}

static void add_upstream(GString *s, const FlowVariant *v, unsigned n,
                         const char *bus)
{
    g_string_append_printf(s, "-device pcie-fabric-upstream,id=us%u,bus=%s,"
                           "atomic-routing=%s ", n, bus,
                           on_off(!((v->us_no_routing >> n) & 1)));
}

static void add_endpoint(GString *s, const FlowVariant *v, unsigned n,
                         const char *where)
{
    g_autofree char *comp = completers(v->ep_comp);

    g_string_append_printf(s, "-device pcie-fabric-endpoint,id=ep%u,bus=%s,"
                           "mem-size=%u,%s ", n, where,
                           (unsigned)EP_MEM_SIZE, comp);
}

char *flow_bench_devices(const FlowVariant *v)
{
    GString *s = g_string_new("");

    add_root_ports(s, v);
    add_upstream(s, v, 0, "rp1");
    add_downstream(s, v, 0, 0, 0);
    add_downstream(s, v, 1, 0, 1);
    add_downstream(s, v, 2, 0, 2);
    add_upstream(s, v, 1, "ds2");
    add_downstream(s, v, 3, 1, 0);
    add_downstream(s, v, 4, 1, 1);
    add_downstream(s, v, 5, 0, 3);
    add_endpoint(s, v, 0, "rp0");
    add_endpoint(s, v, 1, "ds0");
    add_endpoint(s, v, 2, "ds1");
    add_endpoint(s, v, 3, "ds3");
    add_endpoint(s, v, 4, "ds4");
    add_endpoint(s, v, 5, "rp2");
    add_endpoint(s, v, 6, "pcie.0,addr=5");
    add_endpoint(s, v, 7, "pcie.0,addr=6");
    return g_string_free(s, false);
}

/* Baseline: everything forwards, everything is reported */

static void baseline_port(FlowNode *n)
{
    uint16_t bctl = PCI_BRIDGE_CTL_SERR;

    if (n->bridge_control != bctl) {
        flow_set_bridge_control(n, UINT16_MAX, bctl);
    }
    if (n->fn->ext[PCI_EXT_CAP_ID_ACS] && (n->acs || n->vector)) {
        flow_set_acs(n, 0, 0);
    }
    if (n->kind == FLOW_RP && n->root_command) {
        flow_set_root_command(n, 0);
    }
}

static uint32_t base_severity(const FlowNode *n)
{
    return n->severity & FATAL_DEFAULT;
}

static void baseline_node(FlowNode *n)
{
    uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
    uint16_t devctl2 = n->kind == FLOW_EP ? PCI_EXP_DEVCTL2_ATOMIC_REQ : 0;
    uint16_t judged = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                      PCI_COMMAND_SERR;

    if ((n->command & judged) != command) {
        flow_set_command(n, judged, command);
    }
    if (n->devctl2 != devctl2) {
        flow_set_devctl2(n, UINT16_MAX, devctl2);
    }
    if ((n->devctl & REPORT_ALL) != REPORT_ALL) {
        flow_set_devctl(n, 0, REPORT_ALL);
    }
    if (n->cor_mask != BASE_COR_MASK || n->severity != base_severity(n) ||
        !(n->severity & PCI_ERR_UNC_MALF_TLP) ||
        (n->uncor_mask & ~PCI_ERR_UNC_INTN)) {
        flow_set_aer(n, n->uncor_mask & PCI_ERR_UNC_INTN,
                     base_severity(n) | PCI_ERR_UNC_MALF_TLP, BASE_COR_MASK);
    }
    if (n->kind != FLOW_EP) {
        baseline_port(n);
    }
}

void flow_bench_baseline(FlowBench *b)
{
    unsigned i;

    for (i = 0; i < b->m->nodes; i++) {
        baseline_node(b->m->node[i]);
    }
}

/* Machines */

static void attach(FlowBench *b)
{
    unsigned i, n = 0;

    b->m = flow_new(b->fab);
    for (i = 0; i < b->m->nodes; i++) {
        if (b->m->node[i]->kind == FLOW_EP) {
            g_assert_cmpuint(n, <, PLACE_MAX);
            b->fn[n] = b->m->node[i];
            b->ep[n] = qfabric_ep_new(b->fn[n]->fn);
            qfabric_ep_set_timeout(b->ep[n], TEST_TIMEOUT_US);
            n++;
        }
    }
    g_assert_cmpuint(n, ==, PLACE_MAX);
    flow_bench_baseline(b);
    flow_clear_all(b->m);
}

static void detach(FlowBench *b)
{
    unsigned i;

    for (i = 0; i < PLACE_MAX; i++) {
        g_clear_pointer(&b->ep[i], qfabric_ep_free);
        b->fn[i] = NULL;
    }
    g_clear_pointer(&b->m, flow_free);
}

FlowBench *flow_bench_new(const FlowVariant *variant, const char *more)
{
    g_autofree char *devices = flow_bench_devices(variant);
    g_autofree char *args = g_strconcat(devices, more ?: "", NULL);
    FlowBench *b = g_new0(FlowBench, 1);

    b->variant = variant;
    b->qts = qfabric_boot(args);
    b->fab = qfabric_new(b->qts);
    attach(b);
    return b;
}

void flow_bench_free(FlowBench *b)
{
    detach(b);
    qfabric_free(b->fab);
    qtest_quit(b->qts);
    g_free(b);
}

void flow_bench_reprogram(FlowBench *b)
{
    detach(b);
    qfabric_enumerate(b->fab);
    attach(b);
}

FlowBench *flow_bench(const FlowVariant *variant)
{
    if (current && current->variant != variant) {
        flow_bench_quit();
    }
    if (!current) {
        current = flow_bench_new(variant, NULL);
    }
    current->seed = 1;
    return current;
}

void flow_bench_quit(void)
{
    if (current) {
        g_clear_pointer(&current, flow_bench_free);
    }
}

void flow_bench_end(FlowBench *b, bool ok)
{
    if (!ok || !flow_check_all(b->m, "at the end of the case")) {
        flow_bench_quit();
        return;
    }
    flow_bench_baseline(b);
    flow_clear_dirty(b->m);
}

FlowNode *flow_port(FlowBench *b, const char *name)
{
    return flow_named(b->m, name);
}

bool flow_on_path(const FlowNode *port, const FlowNode *fn)
{
    for (fn = fn->parent; fn; fn = fn->parent) {
        if (fn == port) {
            return true;
        }
    }
    return false;
}

/* Routes and shapes */

#define RAM(n, place)           { n, place, GOAL_RAM, PLACE_MAX }
#define PEER(n, a, b)           { n, a, GOAL_PEER, b }
const FlowRoute flow_routes[] = {
    RAM("direct-to-ram", PLACE_DIRECT),
    RAM("one-switch-to-ram", PLACE_SWITCH),
    RAM("two-switches-to-ram", PLACE_DEEP),
    RAM("rciep-to-ram", PLACE_RCIEP),
    PEER("peer-same-switch", PLACE_SWITCH, PLACE_SWITCH_PEER),
    PEER("peer-same-deep-switch", PLACE_DEEP, PLACE_DEEP_PEER),
    PEER("peer-lower-switch", PLACE_SWITCH, PLACE_DEEP_PEER),
    PEER("peer-upper-switch", PLACE_DEEP, PLACE_SWITCH_PEER),
    PEER("peer-other-rp", PLACE_DIRECT, PLACE_OTHER_RP),
    PEER("peer-other-rp-from-switch", PLACE_SWITCH, PLACE_OTHER_RP),
    PEER("peer-other-rp-below-two-switches", PLACE_OTHER_RP, PLACE_DEEP),
    PEER("peer-rciep", PLACE_DIRECT, PLACE_RCIEP),
    PEER("rciep-to-peer", PLACE_RCIEP, PLACE_OTHER_RP),
    PEER("rciep-to-peer-below-switch", PLACE_RCIEP, PLACE_SWITCH),
    PEER("rciep-to-rciep", PLACE_RCIEP, PLACE_RCIEP_PEER),
    { "direct-to-hole", PLACE_DIRECT, GOAL_HOLE },
    { "two-switches-to-hole", PLACE_DEEP, GOAL_HOLE },
    { "rciep-to-hole", PLACE_RCIEP, GOAL_HOLE },
};
const unsigned flow_n_routes = G_N_ELEMENTS(flow_routes);

uint64_t flow_goal(FlowBench *b, const FlowRoute *route)
{
    switch (route->goal) {
    case GOAL_RAM:
        return RAM_TARGET;
    case GOAL_PEER:
        return b->fn[route->to]->fn->bar[QFEP_BAR_MEM].addr + MEM_TARGET;
    default:
        return HOLE_PCI64;
    }
}

#define ATOMIC(n, o, s, q) { .name = n, .op = QFEP_##o, .size = s, .quick = q }
const FlowShape flow_shapes[] = {
    ATOMIC("fetchadd32", FETCH_ADD, 4, false),
    ATOMIC("fetchadd64", FETCH_ADD, 8, true),
    ATOMIC("swap32", SWAP, 4, false),
    ATOMIC("swap64", SWAP, 8, true),
    ATOMIC("cas32", CAS, 4, false),
    ATOMIC("cas64", CAS, 8, false),
    ATOMIC("cas128", CAS, 16, true),
    /* No such size: the Length is none of the architected ones */
    ATOMIC("fetchadd128", FETCH_ADD, 16, true),
    ATOMIC("swap128", SWAP, 16, false),
    { "fetchadd32-misaligned-1", QFEP_FETCH_ADD, 4, .offset = 1 },
    { "fetchadd64-misaligned-4", QFEP_FETCH_ADD, 8, .offset = 4,
      .quick = true },
    { "swap64-misaligned-2", QFEP_SWAP, 8, .offset = 2 },
    { "cas64-misaligned-4", QFEP_CAS, 8, .offset = 4 },
    { "cas128-misaligned-8", QFEP_CAS, 16, .offset = 8 },
    { "fetchadd32-length-3", QFEP_FETCH_ADD, 4, .length = 3 },
    { "swap64-length-1023", QFEP_SWAP, 8, .length = 1023 },
    { "cas32-length-1", QFEP_CAS, 4, .length = 1 },
    { "fetchadd64-poisoned", QFEP_FETCH_ADD, 8, .poisoned = true,
      .quick = true },
    { "swap32-poisoned", QFEP_SWAP, 4, .poisoned = true },
    { "cas128-poisoned", QFEP_CAS, 16, .poisoned = true },
    { "cas64-misaligned-4-poisoned", QFEP_CAS, 8, .offset = 4,
      .poisoned = true },
    { "read8", QFEP_READ, 8, .quick = true },
    { "read64", QFEP_READ, 64 },
    { "read6-odd", QFEP_READ, 6, .offset = 1 },
    { "read1", QFEP_READ, 1, .offset = 3 },
    { "write8", QFEP_WRITE, 8, .quick = true },
    { "write64", QFEP_WRITE, 64 },
    { "write6-odd", QFEP_WRITE, 6, .offset = 1 },
    { "write2", QFEP_WRITE, 2, .offset = 1 },
};
const unsigned flow_n_shapes = G_N_ELEMENTS(flow_shapes);

QFabricReq flow_shape_req(const FlowShape *shape, uint64_t base)
{
    QFabricReq req = {
        .op = shape->op,
        .addr = base + shape->offset,
        .poisoned = shape->poisoned,
        .len = shape->length,
        .operand = { { 0x0101010101010101ULL, 0x0202020202020202ULL },
                     { 0xa5a5a5a55a5a5a5aULL, 0x1122334455667788ULL } },
    };

    if (shape->op <= QFEP_WRITE) {
        req.len = shape->size;
        req.local = MEM_LOCAL + shape->offset;
    } else {
        req.size = shape->size;
    }
    return req;
}

/* One request */

typedef struct Area {
    uint64_t addr;              /* 0: not memory */
    unsigned size;
    uint8_t before[AREA_MAX], want[AREA_MAX], now[AREA_MAX];
} Area;

static bool is_memory(FlowBench *b, uint64_t addr)
{
    unsigned i;

    if (addr >= QFABRIC_SCRATCH &&
        addr < QFABRIC_SCRATCH + QFABRIC_SCRATCH_SIZE) {
        return true;
    }
    for (i = 0; i < PLACE_MAX; i++) {
        QFabricBar *bar = &b->fn[i]->fn->bar[QFEP_BAR_MEM];

        if (addr >= bar->addr && addr - bar->addr < bar->size) {
            return true;
        }
    }
    return false;
}

/* Fill with what cannot be guessed, and see what the CPU reads of it */
static void area_open(FlowBench *b, Area *a, uint64_t addr, unsigned len)
{
    unsigned i;

    a->addr = 0;
    a->size = 0;
    if (!is_memory(b, addr)) {
        return;
    }
    a->addr = addr - GUARD;
    a->size = len + 2 * GUARD;
    g_assert_cmpuint(a->size, <=, AREA_MAX);
    for (i = 0; i < a->size; i++) {
        a->before[i] = flow_random(&b->seed) >> 13;
    }
    qtest_memwrite(b->qts, a->addr, a->before, a->size);
    if (addr >= QFABRIC_MEM64_BASE) {
        /* The CPU's way to a BAR may be closed */
        qtest_memread(b->qts, a->addr, a->before, a->size);
    }
    memcpy(a->want, a->before, a->size);
}

static bool area_check(FlowBench *b, Area *a, FlowNode *fn, const char *what,
                       const char *why)
{
    g_autoptr(GString) diff = NULL;
    unsigned i;

    if (!a->size) {
        return true;
    }
    qtest_memread(b->qts, a->addr, a->now, a->size);
    if (!memcmp(a->now, a->want, a->size)) {
        return true;
    }
    diff = g_string_new("");
    for (i = 0; i < a->size; i++) {
        if (a->now[i] != a->want[i]) {
            g_string_append_printf(diff, " [%d]=%02x, not %02x (was %02x)",
                                   (int)i - GUARD, a->now[i], a->want[i],
                                   a->before[i]);
        }
    }
    g_test_message("%s: %s at 0x%" PRIx64 ":%s [%s]", fn->fn->name, what,
                   a->addr + GUARD, diff->str, why);
    g_test_fail();
    return false;
}

/* What execution leaves in the target and in the requester's memory */
static void execute(const QFabricReq *req, Area *target, Area *local)
{
    QFabric128 old;

    if (!target->size) {
        local->size = 0;        /* whatever a register said */
        return;
    }
    switch (req->op) {
    case QFEP_READ:
        memcpy(local->want + GUARD, target->before + GUARD, req->len);
        break;
    case QFEP_WRITE:
        memcpy(target->want + GUARD, local->before + GUARD, req->len);
        break;
    default:
        old = qfabric_128_load(target->before + GUARD, req->size);
        qfabric_128_store(qfabric_atomic_result(req->op, req->size, old,
                                                req->operand),
                          target->want + GUARD, req->size);
    }
}

static bool result_check(FlowNode *fn, const QFabricReq *req,
                         const FlowVerdict *v, const QFabricRes *res,
                         const Area *target, const char *why)
{
    g_autofree char *want = flow_verdict_str(v);
    g_autofree char *got = qfabric_res_str(res);
    QFabric128 old, mask = { UINT64_MAX, UINT64_MAX };

    if (!flow_verdict_allows(v, req, res)) {
        g_test_message("%s: expected %s, got %s [%s]", fn->fn->name, want,
                       got, why);
        g_test_fail();
        return false;
    }
    if (!v->executed || !qfabric_req_is_atomic(req) || !target->size) {
        return true;
    }
    old = qfabric_128_load(target->before + GUARD, req->size);
    if (req->size < 16) {
        mask.hi = 0;
        mask.lo = req->size == 4 ? UINT32_MAX : UINT64_MAX;
    }
    return qfabric_expect(fn->fn, "original value, low half", old.lo,
                          res->data.lo & mask.lo, why) &
           qfabric_expect(fn->fn, "original value, high half", old.hi,
                          res->data.hi & mask.hi, why);
}

static bool run(FlowBench *b, FlowPlace from, const QFabricReq *request,
                FlowVerdict *v, const char *why)
{
    QFabricReq req = *request;
    g_autofree Area *target = g_new0(Area, 1);
    g_autofree Area *local = g_new0(Area, 1);
    g_autofree char *text = qfabric_req_str(&req);
    g_autofree char *context = g_strdup_printf("%s %s; %s",
                                               b->fn[from]->name, text, why);
    bool atomic = qfabric_req_is_atomic(&req), ok = true;
    QFabricRes res;

    area_open(b, target, req.addr, atomic ? req.size : req.len);
    if (!atomic) {
        area_open(b, local, b->fn[from]->fn->bar[QFEP_BAR_MEM].addr +
                  req.local, req.len);
    }
    if (req.op == QFEP_CAS && target->size && flow_random(&b->seed) & 3) {
        req.operand[0] = qfabric_128_load(target->before + GUARD, req.size);
    }
    *v = flow_request(b->m, b->fn[from], &req);
    if (v->fate == FLOW_UNDEFINED) {
        return true;
    }
    b->requests++;
    res = qfabric_ep_do(b->ep[from], &req);
    if (v->executed) {
        execute(&req, target, local);
    }
    ok &= result_check(b->fn[from], &req, v, &res, target, context);
    ok &= area_check(b, target, b->fn[from], "target", context);
    ok &= area_check(b, local, b->fn[from], "local memory", context);
    ok &= flow_check_dirty(b->m, context);
    return ok;
}

bool flow_try_keep(FlowBench *b, FlowPlace from, const QFabricReq *req,
                   const char *why)
{
    FlowVerdict v;

    return run(b, from, req, &v, why);
}

bool flow_try(FlowBench *b, FlowPlace from, const QFabricReq *req,
              const char *why)
{
    bool ok = flow_try_keep(b, from, req, why);

    flow_clear_dirty(b->m);
    return ok;
}

bool flow_try_is(FlowBench *b, FlowPlace from, const QFabricReq *req,
                 QFabricOutcome outcome, QFabricCpl status,
                 QFabricReason reason, const char *where, const char *why)
{
    FlowVerdict v;
    bool ok = run(b, from, req, &v, why);

    g_assert_cmpint(v.fate, ==, FLOW_DEFINED);
    g_assert_cmpint(v.outcome, ==, outcome);
    if (outcome == QFEP_DONE) {
        g_assert_cmpint(v.status, ==, status);
    }
    if (v.reasons) {
        g_assert_true(v.reasons & (1u << reason));
    }
    if (where) {
        g_assert_cmpstr(v.where ? v.where->name : NULL, ==, where);
    }
    return ok;
}
