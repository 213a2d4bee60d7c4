/*
 * Requests of all kinds along all paths of a PCI Express fabric
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 2.3, 6.12.3 (ACS), 6.15 (AtomicOps),
 * 7.5.1.1.3 (Command), 7.5.1.3 (windows).
 *
 * Every case compares result, data and all error registers with the flow
 * model.  Exhaustive: every shape of request on every route; every port with
 * its Bus Master Enable off, and with its AtomicOp Egress Blocking on; every
 * set of completers; every ACS rule at the ingress port.  Beyond that, all
 * pairs of all factors, from a fixed seed.
 */
#include "qemu/osdep.h"
#include "qemu/units.h"
#include "pcie-fabric-flow-bench.h"

#define PAIRWISE_SEED           0x20261121ULL

static const FlowVariant variants[] = {
    { .name = "rp-no-routing", .rp_no_routing = 0xf },
    { .name = "rp0-no-routing", .rp_no_routing = 1 },
    { .name = "rp2-no-routing", .rp_no_routing = 4 },
    { .name = "switch0-no-routing", .us_no_routing = 1,
      .ds_no_routing = 0x27 },
    { .name = "switch1-no-routing", .us_no_routing = 2,
      .ds_no_routing = 0x18 },
    { .name = "mixed-us0", .us_no_routing = 1 },
    { .name = "mixed-us1", .us_no_routing = 2 },
    { .name = "mixed-ds0", .ds_no_routing = 0x01 },
    { .name = "mixed-ds1", .ds_no_routing = 0x02 },
    { .name = "mixed-ds2", .ds_no_routing = 0x04 },
    { .name = "mixed-ds4", .ds_no_routing = 0x10 },
    { .name = "completers-none", .rp_comp = COMP_NONE, .ep_comp = COMP_NONE },
    { .name = "completers-32", .rp_comp = 1, .ep_comp = 1 },
    { .name = "completers-64", .rp_comp = 2, .ep_comp = 2 },
    { .name = "completers-32-64", .rp_comp = 3, .ep_comp = 3 },
    { .name = "completers-128", .rp_comp = 4, .ep_comp = 4 },
    { .name = "completers-32-128", .rp_comp = 5, .ep_comp = 5 },
    { .name = "completers-64-128", .rp_comp = 6, .ep_comp = 6 },
    { .name = "rp-without-completers", .rp_comp = COMP_NONE },
};

/* States: what is programmed before the requests */

typedef struct State {
    const char *name;
    void (*set)(FlowBench *b, const FlowRoute *route, const struct State *s);
    const char *port;           /* of some */
    uint16_t acs;
    uint32_t vector;
    unsigned at;
} State;

static FlowNode *requester(FlowBench *b, const FlowRoute *route)
{
    return b->fn[route->from];
}

static bool can_block(const FlowNode *n)
{
    return n->kind != FLOW_EP &&
           (n->devcap2 & PCI_EXP_DEVCAP2_ATOMIC_ROUTE);
}

static void block_port(FlowBench *b, const FlowRoute *route, const State *s)
{
    FlowNode *n = flow_port(b, s->port);

    if (can_block(n)) {
        flow_set_devctl2(n, 0, PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK);
    }
}

static void block_all(FlowBench *b, const FlowRoute *route, const State *s)
{
    unsigned i;

    for (i = 0; i < b->m->nodes; i++) {
        if (can_block(b->m->node[i])) {
            flow_set_devctl2(b->m->node[i], 0,
                             PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK);
        }
    }
}

static void unmaster_port(FlowBench *b, const FlowRoute *route,
                          const State *s)
{
    flow_set_command(flow_port(b, s->port), PCI_COMMAND_MASTER, 0);
}

static void unmaster_all(FlowBench *b, const FlowRoute *route, const State *s)
{
    unsigned i;

    for (i = 0; i < b->m->nodes; i++) {
        if (b->m->node[i]->kind != FLOW_EP) {
            flow_set_command(b->m->node[i], PCI_COMMAND_MASTER, 0);
        }
    }
}

/* Not above the requester: the test reaches its registers through these */
static void close_port(FlowBench *b, const FlowRoute *route, const State *s)
{
    FlowNode *n = flow_port(b, s->port);

    if (!flow_on_path(n, requester(b, route))) {
        flow_set_command(n, PCI_COMMAND_MEMORY, 0);
    }
}

static void no_requester_enable(FlowBench *b, const FlowRoute *route,
                                const State *s)
{
    flow_set_devctl2(requester(b, route), PCI_EXP_DEVCTL2_ATOMIC_REQ, 0);
}

static void no_requester_bme(FlowBench *b, const FlowRoute *route,
                             const State *s)
{
    flow_set_command(requester(b, route), PCI_COMMAND_MASTER, 0);
}

static void no_requester_either(FlowBench *b, const FlowRoute *route,
                                const State *s)
{
    no_requester_enable(b, route, s);
    no_requester_bme(b, route, s);
}

/* At the port right above the requester */
static void acs_ingress(FlowBench *b, const FlowRoute *route, const State *s)
{
    FlowNode *n = requester(b, route)->parent;

    if (n) {
        flow_set_acs(n, n->kind == FLOW_RP ? s->acs & ~PCI_ACS_EC : s->acs,
                     s->vector);
    }
}

static void acs_all(FlowBench *b, const FlowRoute *route, const State *s)
{
    unsigned i;

    for (i = 0; i < b->m->nodes; i++) {
        FlowNode *n = b->m->node[i];

        if (n->kind == FLOW_DSP || n->kind == FLOW_RP) {
            flow_set_acs(n, n->kind == FLOW_RP ? s->acs & ~PCI_ACS_EC :
                         s->acs, s->vector);
        }
    }
}

static void acs_root_ports(FlowBench *b, const FlowRoute *route,
                           const State *s)
{
    unsigned i;

    for (i = 0; i < b->m->nodes; i++) {
        if (b->m->node[i]->kind == FLOW_RP) {
            flow_set_acs(b->m->node[i], s->acs, 0);
        }
    }
}

/* A port is blocked, and requests are redirected past or into it */
static void redirect_and_block(FlowBench *b, const FlowRoute *route,
                               const State *s)
{
    acs_all(b, route, s);
    block_port(b, route, s);
}

#define PORT(what, fn, p)       { what "@" p, fn, .port = p }
#define ON_PORTS(what, fn)                                              \
    PORT(what, fn, "rp0"), PORT(what, fn, "rp1"), PORT(what, fn, "rp2"), \
    PORT(what, fn, "us0"), PORT(what, fn, "us1"), PORT(what, fn, "ds0"), \
    PORT(what, fn, "ds1"), PORT(what, fn, "ds2"), PORT(what, fn, "ds3"), \
    PORT(what, fn, "ds4")
#define LINUX_ACS (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)
#define EC              PCI_ACS_EC
#define RR              PCI_ACS_RR
#define DT              PCI_ACS_DT
#define TB              PCI_ACS_TB
#define UF              PCI_ACS_UF
#define AT2             QFEP_AT_TRANSLATED
/* ACS at the ingress port: its control, its vector, AT of the requests */
#define ACS_IN(n, ...)  { "acs-" n "@ingress", acs_ingress, __VA_ARGS__ }
#define ACS_ALL(n, ...) { "acs-" n "@all", acs_all, __VA_ARGS__ }

static const State states[] = {
    ON_PORTS("egress-block", block_port),
    { "egress-block@all", block_all },
    ON_PORTS("no-bme", unmaster_port),
    { "no-bme@all-ports", unmaster_all },
    ON_PORTS("no-mse", close_port),
    { "no-req-en@requester", no_requester_enable },
    { "no-bme@requester", no_requester_bme },
    { "no-req-en-no-bme@requester", no_requester_either },
    ACS_IN("rr", .acs = RR),
    ACS_IN("ec-vector-none", .acs = EC),
    ACS_IN("ec-vector-all", .acs = EC, .vector = ~0u),
    ACS_IN("ec-vector-port1", .acs = EC, .vector = 1 << 1),
    ACS_IN("ec-vector-port2", .acs = EC, .vector = 1 << 2),
    ACS_IN("ec-vector-port3", .acs = EC, .vector = 1 << 3),
    ACS_IN("ec-vector-other-ports", .acs = EC, .vector = ~0xeu),
    ACS_IN("vector-without-ec", .acs = 0, .vector = ~0u),
    ACS_IN("ec-rr-vector-none", .acs = EC | RR),
    ACS_IN("ec-rr-vector-all", .acs = EC | RR, .vector = ~0u),
    ACS_IN("ec-rr-vector-port2", .acs = EC | RR, .vector = 1 << 2),
    ACS_IN("dt-untranslated-rr", .acs = DT | RR),
    ACS_IN("dt-untranslated-ec", .acs = DT | EC, .vector = ~0u),
    ACS_IN("cr", .acs = PCI_ACS_CR),
    ACS_IN("sv", .acs = PCI_ACS_SV),
    ACS_IN("uf", .acs = UF),
    ACS_IN("tb-untranslated", .acs = TB),
    ACS_ALL("rr", .acs = RR),
    ACS_ALL("sv-rr-cr-uf", .acs = LINUX_ACS),
    ACS_ALL("ec-vector-all", .acs = EC, .vector = ~0u),
    { "acs-rr@all,egress-block@us0", redirect_and_block, "us0", RR },
    { "acs-rr@all,egress-block@us1", redirect_and_block, "us1", RR },
    { "acs-rr@all,egress-block@rp1", redirect_and_block, "rp1", RR },
    { "acs-rr@all,egress-block@ds1", redirect_and_block, "ds1", RR },
    { "acs-rr@all,egress-block@ds4", redirect_and_block, "ds4", RR },
};

/*
 * Translated requests; only to peers: what a root complex without translation
 * agent makes of the AT field is its own affair (sec 10.1).
 */
static const State translated[] = {
    { "at2", acs_ingress, .at = AT2 },
    ACS_IN("rr-at2", .acs = RR, .at = AT2),
    ACS_IN("dt-rr-at2", .acs = DT | RR, .at = AT2),
    ACS_IN("dt-ec-at2", .acs = DT | EC, .vector = ~0u, .at = AT2),
    ACS_IN("dt-tb-at2", .acs = DT | TB, .at = AT2),
    ACS_IN("dt-rr-tb-at2", .acs = DT | TB | RR, .at = AT2),
    ACS_ALL("dt-rr-at2", .acs = DT | RR, .at = AT2),
};

/* sec 6.12.1.1: with TB any request that is not untranslated is refused */
static const State blocked_translations[] = {
    ACS_IN("tb-at2", .acs = TB, .at = AT2),
    ACS_IN("tb-rr-at2", .acs = TB | RR, .at = AT2),
    { "acs-tb-at2@root-ports", acs_root_ports, .acs = TB, .at = AT2 },
};

/* A request back to where it came from is defined with UF only */
static const State returns[] = {
    ACS_ALL("uf", .acs = UF),
    ACS_ALL("sv-rr-cr-uf", .acs = LINUX_ACS),
    { "acs-uf@all,egress-block@us0", redirect_and_block, "us0", UF },
    { "acs-uf@all,egress-block@rp0", redirect_and_block, "rp0", UF },
    { "acs-uf@all,egress-block@rp1", redirect_and_block, "rp1", UF },
    { "acs-uf@all,egress-block@ds0", redirect_and_block, "ds0", UF },
};

static const FlowRoute self_routes[] = {
    { "self-direct", PLACE_DIRECT, GOAL_PEER, PLACE_DIRECT },
    { "self-one-switch", PLACE_SWITCH, GOAL_PEER, PLACE_SWITCH },
    { "self-two-switches", PLACE_DEEP, GOAL_PEER, PLACE_DEEP },
};

/* Running a case */

typedef struct RouteCase {
    const FlowVariant *variant;
    const FlowRoute *route;
    const FlowShape *shape;     /* NULL: a selection */
    const State *state;         /* NULL: the baseline */
} RouteCase;

static bool send_shape(FlowBench *b, const RouteCase *c, const FlowShape *shape)
{
    QFabricReq req = flow_shape_req(shape, flow_goal(b, c->route));

    req.at = c->state ? c->state->at : QFEP_AT_UNTRANSLATED;
    return flow_try(b, c->route->from, &req, shape->name);
}

/* A port that is on neither side of the route: a glance is enough */
static bool aside(FlowBench *b, const RouteCase *c)
{
    FlowNode *port;

    if (!c->state || !c->state->port) {
        return false;
    }
    port = flow_port(b, c->state->port);
    return !flow_on_path(port, requester(b, c->route)) &&
           !(c->route->goal == GOAL_PEER &&
             flow_on_path(port, b->fn[c->route->to]));
}

/* Other machines differ in their completers, or in routing */
static bool wanted(const RouteCase *c, const FlowShape *shape, bool brief)
{
    const FlowVariant *v = c->variant;

    if (!c->state && (v->rp_comp || v->ep_comp) &&
        shape->op >= QFEP_FETCH_ADD) {
        return true;
    }
    return shape->quick && (!brief || shape->op <= QFEP_FETCH_ADD);
}

static void test_route(const void *data)
{
    const RouteCase *c = data;
    FlowBench *b = flow_bench(c->variant);
    bool ok = true, brief = aside(b, c);
    unsigned i;

    if (c->state) {
        c->state->set(b, c->route, c->state);
    }
    if (c->shape) {
        ok = send_shape(b, c, c->shape);
    }
    for (i = 0; !c->shape && i < flow_n_shapes; i++) {
        if (wanted(c, &flow_shapes[i], brief)) {
            ok &= send_shape(b, c, &flow_shapes[i]);
        }
    }
    flow_bench_end(b, ok);
}

static void add_case(const FlowVariant *variant, const FlowRoute *route,
                     const FlowShape *shape, const State *state)
{
    g_autofree char *path = g_strdup_printf(
        "/pcie-fabric/route/%s/%s/%s", variant->name, route->name,
        shape ? shape->name : state ? state->name : "requests");
    RouteCase *c = g_new0(RouteCase, 1);

    *c = (RouteCase) { variant, route, shape, state };
    qtest_add_data_func_full(path, c, test_route, g_free);
}

static void add_states(const FlowRoute *route, const State *list, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        add_case(&flow_full, route, NULL, &list[i]);
    }
}

static void add_exhaustive(void)
{
    unsigned r, i;

    for (r = 0; r < flow_n_routes; r++) {
        const FlowRoute *route = &flow_routes[r];

        for (i = 0; i < flow_n_shapes; i++) {
            add_case(&flow_full, route, &flow_shapes[i], NULL);
        }
        add_states(route, states, G_N_ELEMENTS(states));
        add_states(route, blocked_translations,
                   G_N_ELEMENTS(blocked_translations));
        if (route->goal == GOAL_PEER) {
            add_states(route, translated, G_N_ELEMENTS(translated));
        }
    }
    for (r = 0; r < G_N_ELEMENTS(self_routes); r++) {
        add_states(&self_routes[r], returns, G_N_ELEMENTS(returns));
    }
}

static void add_variants(void)
{
    unsigned v, r;

    for (v = 0; v < G_N_ELEMENTS(variants); v++) {
        for (r = 0; r < flow_n_routes; r++) {
            add_case(&variants[v], &flow_routes[r], NULL, NULL);
        }
    }
}

/* Addresses that only special programming can provoke */

typedef struct Window {
    uint64_t base, limit;
} Window;

static Window take_window(FlowNode *n)
{
    Window w = { n->base[1], n->limit[1] };

    flow_set_window(n, 1, 0xfff00000, 0);
    return w;
}

static void give_window(FlowNode *n, Window w)
{
    flow_set_window(n, 1, w.base, w.limit);
}

static bool send_all(FlowBench *b, FlowPlace from, uint64_t addr,
                     const char *why)
{
    bool ok = true;
    unsigned i;

    for (i = 0; i < flow_n_shapes; i++) {
        QFabricReq req = flow_shape_req(&flow_shapes[i], addr);

        ok &= flow_try(b, from, &req, why);
    }
    return ok;
}

static uint64_t mem_of(FlowBench *b, FlowPlace place)
{
    return b->fn[place]->fn->bar[QFEP_BAR_MEM].addr;
}

/* Table 2.4 row 9, from within the switch and from above it */
static void test_window_of_switch_only(void)
{
    FlowBench *b = flow_bench(&flow_full);
    Window w = take_window(flow_port(b, "ds1"));
    uint64_t addr = mem_of(b, PLACE_SWITCH_PEER);
    bool ok = true;

    ok &= send_all(b, PLACE_SWITCH, addr, "in the window of us0 only");
    ok &= send_all(b, PLACE_DEEP, addr, "in the window of us0 only");
    ok &= send_all(b, PLACE_DIRECT, addr, "in the window of us0 only");
    ok &= send_all(b, PLACE_RCIEP, addr, "in the window of us0 only");
    give_window(flow_port(b, "ds1"), w);
    flow_bench_end(b, ok);
}

/* Table 2.4 row 7: nothing below the port that has the window */
static void test_link_down_downstream(void)
{
    FlowBench *b = flow_bench(&flow_full);
    uint64_t addr = mem_of(b, PLACE_SWITCH_PEER);
    bool ok = true;
    Window w;

    w = take_window(flow_port(b, "ds1"));
    give_window(flow_port(b, "ds5"), w);
    ok &= send_all(b, PLACE_SWITCH, addr, "behind empty ds5");
    ok &= send_all(b, PLACE_DEEP, addr, "behind empty ds5");
    ok &= send_all(b, PLACE_DIRECT, addr, "behind empty ds5");
    flow_set_devctl2(flow_port(b, "ds5"), 0,
                     PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK);
    ok &= send_all(b, PLACE_SWITCH, addr, "behind blocking empty ds5");
    take_window(flow_port(b, "ds5"));
    give_window(flow_port(b, "ds1"), w);
    flow_bench_end(b, ok);
}

static void test_link_down_root_port(void)
{
    FlowBench *b = flow_bench(&flow_full);
    uint64_t addr = mem_of(b, PLACE_OTHER_RP);
    bool ok = true;
    Window w;

    w = take_window(flow_port(b, "rp2"));
    give_window(flow_port(b, "rp3"), w);
    ok &= send_all(b, PLACE_DIRECT, addr, "behind empty rp3");
    ok &= send_all(b, PLACE_DEEP, addr, "behind empty rp3");
    ok &= send_all(b, PLACE_RCIEP, addr, "behind empty rp3");
    take_window(flow_port(b, "rp3"));
    give_window(flow_port(b, "rp2"), w);
    flow_bench_end(b, ok);
}

/* In the window of the port above a device, in none of its BARs */
static void test_no_bar(void)
{
    FlowBench *b = flow_bench(&flow_full);
    uint64_t off = EP_MEM_SIZE * 2;
    bool ok = true;

    ok &= send_all(b, PLACE_SWITCH, mem_of(b, PLACE_SWITCH_PEER) + off,
                   "no BAR of ep2");
    ok &= send_all(b, PLACE_DEEP, mem_of(b, PLACE_SWITCH_PEER) + off,
                   "no BAR of ep2");
    ok &= send_all(b, PLACE_DIRECT, mem_of(b, PLACE_OTHER_RP) + off,
                   "no BAR of ep5");
    ok &= send_all(b, PLACE_RCIEP, mem_of(b, PLACE_OTHER_RP) + off,
                   "no BAR of ep5");
    flow_bench_end(b, ok);
}

static void test_holes(void)
{
    static const uint64_t holes[] = {
        HOLE_ABOVE_RAM, HOLE_LOW, HOLE_PCI64, 0x7f00000000ULL,
        0xffffffff00000000ULL,
    };
    FlowBench *b = flow_bench(&flow_full);
    bool ok = true;
    unsigned i;

    for (i = 0; i < G_N_ELEMENTS(holes); i++) {
        ok &= send_all(b, PLACE_DIRECT, holes[i], "nothing there");
        ok &= send_all(b, PLACE_SWITCH, holes[i], "nothing there");
    }
    flow_bench_end(b, ok);
}

/* BARs with registers: specs 2.3 row 5; plain reads and writes work */
static void test_registers(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricBar *bar = b->fn[PLACE_SWITCH_PEER]->fn->bar;
    bool ok = true;
    unsigned i;

    for (i = 0; i < flow_n_shapes; i++) {
        QFabricReq regs = flow_shape_req(&flow_shapes[i],
                                         bar[QFEP_BAR_REGS].addr + 0x40);
        QFabricReq msix = flow_shape_req(&flow_shapes[i],
                                         bar[QFEP_BAR_MSIX].addr + 0x40);

        if (!qfabric_req_is_atomic(&regs) && flow_shapes[i].offset) {
            continue;           /* not what the registers accept */
        }
        ok &= flow_try(b, PLACE_SWITCH, &regs, flow_shapes[i].name);
        ok &= flow_try(b, PLACE_DIRECT, &regs, flow_shapes[i].name);
        ok &= flow_try(b, PLACE_SWITCH, &msix, flow_shapes[i].name);
    }
    flow_bench_end(b, ok);
}

/* A peer reads the identity of another: data comes from the register */
static void test_read_register(void)
{
    FlowBench *b = flow_bench(&flow_full);
    QFabricReq req = qfabric_read_req(
        b->fn[PLACE_SWITCH_PEER]->fn->bar[QFEP_BAR_REGS].addr, 4, MEM_LOCAL);
    FlowNode *fn = b->fn[PLACE_SWITCH];
    bool ok = flow_try(b, PLACE_SWITCH, &req, "register ID");

    ok &= qfabric_expect(fn->fn, "ID of the peer, read over the fabric",
                         QFEP_ID,
                         qtest_readl(b->qts, mem_of(b, PLACE_SWITCH) +
                                     MEM_LOCAL), "endpoint reference");
    flow_bench_end(b, ok);
}

static void test_not_memory(void)
{
    FlowBench *b = flow_bench(&flow_full);
    bool ok = true;
    unsigned i;

    for (i = 0; i < flow_n_shapes; i++) {
        QFabricReq req = flow_shape_req(&flow_shapes[i], NOT_MEMORY);

        if (qfabric_req_is_atomic(&req)) {
            ok &= flow_try(b, PLACE_DIRECT, &req, flow_shapes[i].name);
            ok &= flow_try(b, PLACE_DEEP, &req, flow_shapes[i].name);
            ok &= flow_try(b, PLACE_RCIEP, &req, flow_shapes[i].name);
        }
    }
    flow_bench_end(b, ok);
}

static void test_target_without_mse(void)
{
    FlowBench *b = flow_bench(&flow_full);
    bool ok = true;

    flow_set_command(b->fn[PLACE_SWITCH_PEER], PCI_COMMAND_MEMORY, 0);
    flow_set_command(b->fn[PLACE_OTHER_RP], PCI_COMMAND_MEMORY, 0);
    ok &= send_all(b, PLACE_SWITCH, mem_of(b, PLACE_SWITCH_PEER), "MSE=0");
    ok &= send_all(b, PLACE_DEEP, mem_of(b, PLACE_SWITCH_PEER), "MSE=0");
    ok &= send_all(b, PLACE_DIRECT, mem_of(b, PLACE_OTHER_RP), "MSE=0");
    flow_bench_end(b, ok);
}

/* Only one of two ports is opened again: the verdict follows each write */
static void test_changes(void)
{
    FlowBench *b = flow_bench(&flow_full);
    const uint64_t addr = RAM_TARGET;
    FlowNode *us0 = flow_port(b, "us0"), *us1 = flow_port(b, "us1");
    FlowNode *rp1 = flow_port(b, "rp1");
    QFabricReq req = qfabric_atomic(QFEP_FETCH_ADD, 8, addr, 1, 0);
    const uint16_t block = PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK;
    bool ok = true;

    ok &= flow_try(b, PLACE_DEEP, &req, "open");
    flow_set_devctl2(us1, 0, block);
    ok &= flow_try(b, PLACE_DEEP, &req, "us1 blocks");
    flow_set_devctl2(us0, 0, block);
    ok &= flow_try(b, PLACE_DEEP, &req, "both block");
    flow_set_devctl2(us1, block, 0);
    ok &= flow_try(b, PLACE_DEEP, &req, "us0 blocks");
    flow_set_devctl2(us0, block, 0);
    ok &= flow_try(b, PLACE_DEEP, &req, "open again");
    flow_set_command(rp1, PCI_COMMAND_MASTER, 0);
    ok &= flow_try(b, PLACE_DEEP, &req, "rp1 BME=0");
    flow_set_command(rp1, 0, PCI_COMMAND_MASTER);
    ok &= flow_try(b, PLACE_DEEP, &req, "open again");
    flow_bench_end(b, ok);
}

/* All pairs of factors */

enum {
    F_ROUTE, F_SHAPE, F_BLOCK, F_BME, F_REQUESTER, F_ACS, F_AT, F_ADVISORY,
    FACTORS,
};

static const char *const pair_ports[] = {
    "rp0", "rp1", "rp2", "us0", "us1", "ds0", "ds1", "ds2", "ds3", "ds4",
};

static const struct {
    const char *name;
    uint16_t acs;
    uint32_t vector;
} pair_acs[] = {
    { "none" }, { "rr", RR }, { "ec-all", EC, ~0u },
    { "ec-port2", EC, 1 << 2 }, { "ec-rr-all", EC | RR, ~0u },
    { "linux", LINUX_ACS }, { "tb", TB }, { "dt-rr", DT | RR },
    { "uf", UF },
};

#define NONE_AND_PORTS_AND_ALL  (G_N_ELEMENTS(pair_ports) + 2)
#define MAX_LEVELS              32
#define CANDIDATES              40

typedef struct Row {
    uint8_t level[FACTORS];
} Row;

static unsigned levels(unsigned factor)
{
    switch (factor) {
    case F_ROUTE:
        return flow_n_routes;
    case F_SHAPE:
        return flow_n_shapes;
    case F_BLOCK:
        return NONE_AND_PORTS_AND_ALL;
    case F_BME:
        return NONE_AND_PORTS_AND_ALL - 1;
    case F_ACS:
        return G_N_ELEMENTS(pair_acs);
    default:
        return 2;
    }
}

typedef bool Pairs[FACTORS][FACTORS][MAX_LEVELS][MAX_LEVELS];

/* How many new pairs a row would cover; marks them when asked to */
static unsigned cover(Pairs seen, const Row *row, bool mark)
{
    unsigned i, j, fresh = 0;

    for (i = 0; i < FACTORS; i++) {
        for (j = i + 1; j < FACTORS; j++) {
            bool *p = &seen[i][j][row->level[i]][row->level[j]];

            fresh += !*p;
            *p |= mark;
        }
    }
    return fresh;
}

static unsigned all_pairs(void)
{
    unsigned i, j, n = 0;

    for (i = 0; i < FACTORS; i++) {
        g_assert_cmpuint(levels(i), <=, MAX_LEVELS);
        for (j = i + 1; j < FACTORS; j++) {
            n += levels(i) * levels(j);
        }
    }
    return n;
}

/* A pair that is still missing, to start a row from */
static void take_missing(Pairs seen, Row *row)
{
    unsigned i, j, a, c;

    for (i = 0; i < FACTORS; i++) {
        for (j = i + 1; j < FACTORS; j++) {
            for (a = 0; a < levels(i); a++) {
                for (c = 0; c < levels(j); c++) {
                    if (!seen[i][j][a][c]) {
                        row->level[i] = a;
                        row->level[j] = c;
                        return;
                    }
                }
            }
        }
    }
}

static GArray *pairwise(uint64_t seed)
{
    GArray *rows = g_array_new(false, true, sizeof(Row));
    Pairs *seen = g_malloc0(sizeof(*seen));
    unsigned left = all_pairs(), n, f, fresh, best_fresh;

    while (left) {
        Row best = { };

        best_fresh = 0;
        for (n = 0; n < CANDIDATES; n++) {
            Row row;

            for (f = 0; f < FACTORS; f++) {
                row.level[f] = flow_random(&seed) % levels(f);
            }
            if (n == 0) {
                take_missing(*seen, &row);
            }
            fresh = cover(*seen, &row, false);
            if (fresh > best_fresh) {
                best_fresh = fresh;
                best = row;
            }
        }
        left -= cover(*seen, &best, true);
        g_array_append_val(rows, best);
    }
    g_free(seen);
    return rows;
}

static void pair_program(FlowBench *b, const FlowRoute *route, const Row *row)
{
    State s = { .acs = pair_acs[row->level[F_ACS]].acs,
                .vector = pair_acs[row->level[F_ACS]].vector };
    unsigned block = row->level[F_BLOCK], bme = row->level[F_BME], i;

    acs_all(b, route, &s);
    if (block > G_N_ELEMENTS(pair_ports)) {
        block_all(b, route, &s);
    } else if (block) {
        s.port = pair_ports[block - 1];
        block_port(b, route, &s);
    }
    if (bme) {
        s.port = pair_ports[bme - 1];
        unmaster_port(b, route, &s);
    }
    if (row->level[F_REQUESTER]) {
        no_requester_enable(b, route, &s);
    }
    for (i = 0; row->level[F_ADVISORY] && i < b->m->nodes; i++) {
        FlowNode *n = b->m->node[i];

        flow_set_aer(n, n->uncor_mask, n->severity,
                     n->cor_mask | PCI_ERR_COR_ADV_NFAT);
    }
}

static void test_pairwise(const void *data)
{
    const FlowVariant *variant = data;
    FlowBench *b = flow_bench(variant);
    g_autoptr(GArray) rows = pairwise(PAIRWISE_SEED);
    unsigned sent = b->requests, i, f;
    bool ok = true;

    for (i = 0; i < rows->len && ok; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        const FlowRoute *route = &flow_routes[row->level[F_ROUTE]];
        QFabricReq req = flow_shape_req(&flow_shapes[row->level[F_SHAPE]],
                                        flow_goal(b, route));
        g_autoptr(GString) why = g_string_new("");

        g_string_printf(why, "row %u:", i);
        for (f = 0; f < FACTORS; f++) {
            g_string_append_printf(why, " %u", row->level[f]);
        }
        /* The AT field means something to ports only, see above */
        if (row->level[F_AT] && route->goal == GOAL_PEER) {
            req.at = QFEP_AT_TRANSLATED;
        }
        pair_program(b, route, row);
        ok &= flow_try(b, route->from, &req, why->str);
        flow_bench_baseline(b);
    }
    g_test_message("seed 0x%" PRIx64 ": %u rows cover all pairs; %u were "
                   "sent, the others are undefined",
                   (uint64_t)PAIRWISE_SEED, rows->len, b->requests - sent);
    flow_bench_end(b, ok);
}

static void add_pairwise(const FlowVariant *variant)
{
    g_autofree char *path = g_strdup_printf("/pcie-fabric/route/pairwise/%s",
                                            variant->name);

    qtest_add_data_func(path, variant, test_pairwise);
}

#define SPECIAL(name, fn)       qtest_add_func("/pcie-fabric/route/" name, fn)

int main(int argc, char **argv)
{
    int ret;

    g_test_init(&argc, &argv, NULL);
    add_exhaustive();
    SPECIAL("special/window-of-switch-only", test_window_of_switch_only);
    SPECIAL("special/link-down-below-ds", test_link_down_downstream);
    SPECIAL("special/link-down-below-rp", test_link_down_root_port);
    SPECIAL("special/no-bar-at-address", test_no_bar);
    SPECIAL("special/holes", test_holes);
    SPECIAL("special/register-bars", test_registers);
    SPECIAL("special/read-peer-register", test_read_register);
    SPECIAL("special/device-of-the-machine", test_not_memory);
    SPECIAL("special/target-without-mse", test_target_without_mse);
    SPECIAL("special/every-write-counts", test_changes);
    add_pairwise(&flow_full);
    add_variants();
    add_pairwise(&variants[0]);
    ret = g_test_run();
    flow_bench_quit();
    return ret;
}
