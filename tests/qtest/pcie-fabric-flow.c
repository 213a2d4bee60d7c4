/*
 * What must become of a request in a PCI Express fabric
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 2.3 (rules for requests), 6.12.3 (ACS),
 * 6.15 (AtomicOps), 7.5.1.1.3 and 7.5.1.3 (bridge control of forwarding).
 *
 * Order of decisions: hop by hop, as the request travels.  Within one port
 * the precedence of sec 6.2.3.2.3: Malformed TLP, AtomicOp Egress Blocked,
 * ACS Violation, Unsupported Request or Completer Abort, Poisoned TLP.
 */
#include "qemu/osdep.h"
#include "qemu/host-utils.h"
#include "qemu/units.h"
#include "pcie-fabric-flow.h"

/* The virt machine: RAM, and what it decodes below it */
#define RAM_BASE                0x40000000ULL
#define RAM_SIZE                (128 * MiB)
#define MACHINE_UART            0x09000000ULL
#define MACHINE_UART_SIZE       0x1000

#define COMP32                  PCI_EXP_DEVCAP2_ATOMIC_COMP32
#define COMP64                  PCI_EXP_DEVCAP2_ATOMIC_COMP64
#define COMP128                 PCI_EXP_DEVCAP2_ATOMIC_COMP128
#define COMP_ALL                (COMP32 | COMP64 | COMP128)

#define R(reason)               (1u << QFEP_R_##reason)

/* A request under way */
typedef struct Trip {
    FlowModel *m;
    const QFabricReq *req;
    FlowTlp tlp;
    bool atomic;
    bool redirected;            /* by ACS, so the RC sends it back down */
    FlowVerdict v;
} Trip;

/* Predicates */

static bool routes(const FlowNode *n)
{
    return n->devcap2 & PCI_EXP_DEVCAP2_ATOMIC_ROUTE;
}

static bool blocks(const FlowNode *n)
{
    return n->devctl2 & PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK;
}

static bool masters(const FlowNode *n)
{
    return n->command & PCI_COMMAND_MASTER;
}

static bool port_decodes(const FlowNode *n, uint64_t addr)
{
    unsigned i;

    if (!(n->command & PCI_COMMAND_MEMORY)) {
        return false;
    }
    for (i = 0; i < 2; i++) {
        if (addr >= n->base[i] && addr <= n->limit[i]) {
            return true;
        }
    }
    return false;
}

static bool function_decodes(const FlowNode *n, uint64_t addr, unsigned *bar)
{
    unsigned i;

    if (!(n->command & PCI_COMMAND_MEMORY) || n->d_state) {
        return false;
    }
    for (i = 0; i < PCI_STD_NUM_BARS; i++) {
        const QFabricBar *b = &n->fn->bar[i];

        if (b->addr && addr >= b->addr && addr - b->addr < b->size) {
            *bar = i;
            return true;
        }
    }
    return false;
}

/* The nth child; bridges below a USP, functions below a link */
static FlowNode *child_of(FlowModel *m, const FlowNode *parent, unsigned n)
{
    unsigned i;

    for (i = 0; i < m->nodes; i++) {
        if (m->node[i]->parent == parent && n-- == 0) {
            return m->node[i];
        }
    }
    return NULL;
}

static FlowNode *port_below(FlowModel *m, const FlowNode *parent,
                            uint64_t addr)
{
    FlowNode *n;
    unsigned i;

    for (i = 0; (n = child_of(m, parent, i)); i++) {
        if (n->kind != FLOW_EP && port_decodes(n, addr)) {
            return n;
        }
    }
    return NULL;
}

/* AtomicOp requests, sec 2.2.7.1 */

static bool length_is_right(const FlowTlp *tlp)
{
    switch (tlp->req->op) {
    case QFEP_FETCH_ADD:
    case QFEP_SWAP:
        return tlp->length == 1 || tlp->length == 2;
    case QFEP_CAS:
        return tlp->length == 2 || tlp->length == 4 || tlp->length == 8;
    default:
        return true;
    }
}

static bool is_malformed(const Trip *t)
{
    return t->atomic && (!length_is_right(&t->tlp) ||
                         t->req->addr % t->req->size);
}

static uint32_t comp_bit(const QFabricReq *req)
{
    return req->size == 4 ? COMP32 : req->size == 8 ? COMP64 : COMP128;
}

/* Endings */

static void end(Trip *t, QFabricCpl status, uint32_t reasons, FlowNode *where)
{
    t->v.outcome = QFEP_DONE;
    t->v.status = status;
    t->v.reasons = reasons;
    t->v.where_judged = true;
    t->v.where = where;
}

static void unsupported(Trip *t, uint32_t reasons, FlowNode *where)
{
    /* sec 6.2.3.2.4.1: advisory only if a completion carries the news */
    if (where) {
        flow_error(where, PCI_ERR_UNC_UNSUP, !t->tlp.posted, &t->tlp);
    }
    end(t, QFEP_UR, reasons, where);
}

static void malformed(Trip *t, uint32_t reasons, FlowNode *where)
{
    if (where) {
        flow_error(where, PCI_ERR_UNC_MALF_TLP, false, &t->tlp);
    }
    t->v.outcome = QFEP_TIMEOUT;
    t->v.reasons = reasons;
    t->v.where_judged = true;
    t->v.where = where;
}

static void egress_blocked(Trip *t, FlowNode *port)
{
    flow_error(port, PCI_ERR_UNC_ATOMEG, true, &t->tlp);
    end(t, QFEP_UR, R(EGRESS_BLOCKED), port);
}

/* sec 6.12.5: Signaled Target Abort where the request came in */
static void acs_violation(Trip *t, FlowNode *port)
{
    flow_error(port, PCI_ERR_UNC_ACSV, !t->tlp.posted, &t->tlp);
    port->want.secondary |= PCI_STATUS_SIG_TARGET_ABORT;
    if (t->tlp.posted) {
        port->want.secondary_any |= PCI_STATUS_SIG_TARGET_ABORT;
    }
    end(t, QFEP_CA, R(ACS_VIOLATION), port);
}

static void not_atomic(Trip *t, FlowNode *where)
{
    if (where) {
        flow_error(where, PCI_ERR_UNC_COMP_ABORT, true, &t->tlp);
        if (where->kind == FLOW_EP) {
            where->want.status |= PCI_STATUS_SIG_TARGET_ABORT;
        } else {
            where->want.secondary |= PCI_STATUS_SIG_TARGET_ABORT;
        }
    }
    end(t, QFEP_CA, R(NOT_ATOMIC), where);
}

/* sec 2.7.2.1; whether it counts as "Unsupported Request Detected" is open */
static void poisoned(Trip *t, FlowNode *where)
{
    if (where) {
        flow_error(where, PCI_ERR_UNC_POISON_TLP, true, &t->tlp);
        where->want.devsta_any |= PCI_EXP_DEVSTA_URD;
    }
    end(t, QFEP_UR, R(POISONED), where);
}

static void executed(Trip *t, FlowTarget target, FlowNode *completer)
{
    t->v.executed = true;
    t->v.target = target;
    t->v.completer = completer;
    end(t, QFEP_SC, R(NONE), NULL);
}

static void undefined(Trip *t)
{
    t->v.fate = FLOW_UNDEFINED;
}

/*
 * A completer: specs table 2.3, in the order of its rows.  The root complex
 * completes for a request of an RCiEP as well; no function logs that.
 */
static void complete(Trip *t, FlowNode *who, uint32_t comp, FlowTarget target,
                     bool does_atomics)
{
    bool supported = !t->atomic || (comp & comp_bit(t->req));
    uint32_t why = (supported ? 0 : R(UNSUPPORTED)) |
                   (target == FLOW_NOWHERE ? R(NO_TARGET) : 0);

    if (t->atomic && !comp) {
        /* Not AtomicOp-aware: an undefined Type (sec 2.3) */
        malformed(t, R(MALFORMED) | R(NO_ROUTING) | R(UNSUPPORTED), who);
    } else if (is_malformed(t)) {
        malformed(t, R(MALFORMED), who);
    } else if (why) {
        unsupported(t, why, who);
    } else if (t->atomic && !does_atomics) {
        not_atomic(t, who);
    } else if (t->req->poisoned) {
        poisoned(t, who);
    } else {
        executed(t, target, who);
    }
}

/* Downwards */

static void at_functions(Trip *t, FlowNode *link)
{
    FlowNode *first = child_of(t->m, link, 0), *n;
    unsigned i, bar;

    for (i = 0; (n = child_of(t->m, link, i)); i++) {
        if (function_decodes(n, t->req->addr, &bar)) {
            complete(t, n, n->devcap2 & COMP_ALL, FLOW_BAR,
                     bar == QFEP_BAR_MEM);
            return;
        }
    }
    complete(t, first, first->devcap2 & COMP_ALL, FLOW_NOWHERE, false);
}

static void down(Trip *t, FlowNode *egress);

static void down_switch(Trip *t, FlowNode *usp)
{
    FlowNode *dsp = NULL;

    if (port_decodes(usp, t->req->addr)) {
        dsp = port_below(t->m, usp, t->req->addr);
    }
    if (t->atomic && (!routes(usp) || (dsp && !routes(dsp)))) {
        malformed(t, R(NO_ROUTING), usp);
    } else if (!dsp) {
        unsupported(t, R(NO_TARGET), usp);
    } else {
        down(t, dsp);
    }
}

/* Through an egress port, onto the link below it */
static void down(Trip *t, FlowNode *egress)
{
    FlowNode *below = child_of(t->m, egress, 0);

    if (t->atomic && blocks(egress)) {
        egress_blocked(t, egress);
    } else if (!below) {
        unsupported(t, R(LINK_DOWN), egress);
    } else if (below->kind == FLOW_USP) {
        down_switch(t, below);
    } else {
        at_functions(t, egress);
    }
}

/* The root complex */

static bool in_ram(const FlowModel *m, uint64_t addr)
{
    return addr >= m->ram_base && addr - m->ram_base < m->ram_size;
}

static FlowNode *rciep_at(FlowModel *m, uint64_t addr, unsigned *bar)
{
    FlowNode *n;
    unsigned i;

    for (i = 0; (n = child_of(m, NULL, i)); i++) {
        if (n->kind == FLOW_EP && function_decodes(n, addr, bar)) {
            return n;
        }
    }
    return NULL;
}

static void at_host(Trip *t, FlowNode *rp)
{
    /* CHOICE: the root complex completes all sizes for RCiEPs */
    uint32_t comp = rp ? rp->devcap2 & COMP_ALL : COMP_ALL;
    FlowTarget target = FLOW_NOWHERE;

    if (in_ram(t->m, t->req->addr)) {
        target = FLOW_RAM;
    } else if (t->req->addr >= MACHINE_UART &&
               t->req->addr - MACHINE_UART < MACHINE_UART_SIZE) {
        target = FLOW_MACHINE;
    }
    if (rp && t->atomic && !comp) {
        /* The root complex is aware of AtomicOps, whatever this port does */
        if (is_malformed(t)) {
            malformed(t, R(MALFORMED), rp);
        } else {
            unsupported(t, R(UNSUPPORTED) |
                        (target == FLOW_NOWHERE ? R(NO_TARGET) : 0), rp);
        }
        return;
    }
    complete(t, rp, comp, target, target == FLOW_RAM);
}

/* ingress: the root port, or NULL for an RCiEP */
static void at_root_complex(Trip *t, FlowNode *ingress)
{
    FlowNode *egress = port_below(t->m, NULL, t->req->addr), *peer;
    unsigned bar;

    peer = egress ? NULL : rciep_at(t->m, t->req->addr, &bar);
    if (!egress && !peer) {
        at_host(t, ingress);
        return;
    }
    /* sec 6.15.3.2: forwarding needs Routing Supported in the ports */
    if (t->atomic && ((ingress && !routes(ingress)) ||
                      (egress && !routes(egress)))) {
        if (ingress) {
            unsupported(t, R(NO_ROUTING), ingress);
        } else {
            /* CHOICE: who logs it for an RCiEP is not said */
            end(t, QFEP_UR, R(NO_ROUTING), NULL);
            t->v.where_judged = false;
            egress->want.devsta_any |= UINT16_MAX;
            egress->want.uncor_any |= PCI_ERR_UNC_UNSUP;
            egress->want.cor_any |= PCI_ERR_COR_ADV_NFAT;
            egress->want.root_any |= UINT32_MAX;
            egress->dirty = true;
        }
        return;
    }
    if (egress) {
        down(t, egress);
        return;
    }
    complete(t, peer, peer->devcap2 & COMP_ALL, FLOW_BAR,
             bar == QFEP_BAR_MEM);
}

/* Upwards */

static bool blocks_translation(const FlowNode *port, const QFabricReq *req)
{
    return (port->acs & PCI_ACS_TB) && req->at != QFEP_AT_UNTRANSLATED;
}

static void up_root_port(Trip *t, FlowNode *rp)
{
    FlowNode *egress = port_below(t->m, NULL, t->req->addr);

    if (is_malformed(t) && (blocks_translation(rp, t->req) || !masters(rp))) {
        undefined(t);           /* who looks first: port or completer */
        return;
    }
    if (egress == rp && !t->redirected && !(rp->acs & PCI_ACS_UF)) {
        undefined(t);           /* sec 6.12.1.1: back to the ingress port */
        return;
    }
    if (blocks_translation(rp, t->req)) {
        acs_violation(t, rp);
        return;
    }
    if (!masters(rp)) {
        unsupported(t, R(NO_BME), rp);
        return;
    }
    at_root_complex(t, rp);
}

typedef enum Handling { DIRECT, REDIRECT, VIOLATE } Handling;

/* sec 6.12.3, specs 1.7: a peer-to-peer request at a downstream port */
static Handling acs_peer(const FlowNode *port, const FlowNode *egress,
                         const QFabricReq *req)
{
    bool control = port->acs & PCI_ACS_EC;
    bool redirect = port->acs & PCI_ACS_RR;
    bool listed = port->vector & (1u << egress->port);

    if ((port->acs & PCI_ACS_DT) && req->at == QFEP_AT_TRANSLATED) {
        return DIRECT;
    }
    if (!control) {
        return redirect ? REDIRECT : DIRECT;
    }
    if (!listed) {
        return DIRECT;
    }
    return redirect ? REDIRECT : VIOLATE;
}

static void up(Trip *t, FlowNode *port);

static void out_upstream(Trip *t, FlowNode *usp)
{
    if (t->atomic && blocks(usp)) {
        egress_blocked(t, usp);
    } else if (!masters(usp)) {
        unsupported(t, R(NO_BME), usp);
    } else {
        up(t, usp->parent);
    }
}

/* Into a switch through a downstream port */
static void up_switch(Trip *t, FlowNode *port)
{
    FlowNode *usp = port->parent;
    FlowNode *egress = port_below(t->m, usp, t->req->addr);
    bool violation = blocks_translation(port, t->req), unclaimed = false;
    Handling how = REDIRECT;

    if (egress == port) {
        if (!(port->acs & PCI_ACS_UF)) {
            undefined(t);
            return;
        }
        t->redirected = true;
        egress = NULL;
    } else if (egress) {
        how = acs_peer(port, egress, t->req);
        violation |= how == VIOLATE;
        if (how == REDIRECT) {
            t->redirected = true;
            egress = NULL;
        }
    } else {
        unclaimed = port_decodes(usp, t->req->addr);
    }
    if (t->atomic && (!routes(port) || !routes(egress ?: usp))) {
        malformed(t, R(NO_ROUTING), port);
    } else if (violation) {
        acs_violation(t, port);
    } else if (!masters(port) || unclaimed) {
        unsupported(t, (masters(port) ? 0 : R(NO_BME)) |
                    (unclaimed ? R(NO_TARGET) : 0), port);
    } else if (egress) {
        down(t, egress);
    } else {
        out_upstream(t, usp);
    }
}

static void up(Trip *t, FlowNode *port)
{
    if (port->kind == FLOW_RP) {
        up_root_port(t, port);
    } else {
        up_switch(t, port);
    }
}

/* The requester, specs table 2.5 */

static bool not_issued(FlowVerdict *v, FlowNode *requester, uint32_t reasons)
{
    v->outcome = QFEP_NOT_ISSUED;
    v->reasons = reasons;
    v->where_judged = true;
    v->where = requester;
    return false;
}

static bool can_be_built(const QFabricReq *req)
{
    if (req->op > QFEP_CAS || req->extra) {
        return false;
    }
    if (qfabric_req_is_atomic(req)) {
        return req->size >= 4 && req->size <= 16 && req->len <= 1023;
    }
    return req->len >= 1 && req->len <= QFEP_LEN_MAX &&
           (req->addr & 0xfff) + req->len <= 0x1000;
}

bool flow_can_issue(FlowNode *requester, const QFabricReq *req,
                    FlowVerdict *v)
{
    bool atomic = qfabric_req_is_atomic(req);
    uint32_t why = 0;

    if (!can_be_built(req)) {
        why |= R(BAD_REQUEST);
    } else if (!atomic && (uint64_t)req->local + req->len >
                          requester->fn->bar[QFEP_BAR_MEM].size) {
        why |= R(BAD_LOCAL);
    }
    if (!masters(requester)) {
        why |= R(NO_BME);
    }
    if (atomic && !(requester->devctl2 & PCI_EXP_DEVCTL2_ATOMIC_REQ)) {
        why |= R(NO_REQ_EN);
    }
    if (requester->d_state) {
        why |= R(POWER_STATE);
    }
    return why ? not_issued(v, requester, why) : true;
}

/* sec 7.5.1.1.4, 2.8: what the requester's own registers tell */
static void requester_status(Trip *t, FlowNode *requester)
{
    if (t->v.outcome == QFEP_TIMEOUT) {
        flow_error(requester, PCI_ERR_UNC_COMP_TIME, false, NULL);
    } else if (t->v.status == QFEP_UR) {
        requester->want.status |= PCI_STATUS_REC_MASTER_ABORT;
    } else if (t->v.status == QFEP_CA) {
        requester->want.status |= PCI_STATUS_REC_TARGET_ABORT;
    }
    requester->dirty = true;
}

/* A poisoned TLP shows as parity error in every port that it passes */
static void tolerate_poison(FlowModel *m)
{
    unsigned i;

    for (i = 0; i < m->nodes; i++) {
        FlowStatus *s = &m->node[i]->want;

        s->status_any |= PCI_STATUS_PARITY | PCI_STATUS_DETECTED_PARITY;
        s->secondary_any |= PCI_STATUS_PARITY | PCI_STATUS_DETECTED_PARITY;
    }
}

FlowVerdict flow_request(FlowModel *m, FlowNode *requester,
                         const QFabricReq *req)
{
    Trip t = {
        .m = m,
        .req = req,
        .tlp = flow_tlp(requester, req),
        .atomic = qfabric_req_is_atomic(req),
    };

    if (!flow_can_issue(requester, req, &t.v)) {
        return t.v;
    }
    if (req->poisoned) {
        tolerate_poison(m);
    }
    if (requester->parent) {
        up(&t, requester->parent);
    } else {
        at_root_complex(&t, NULL);
    }
    if (t.v.fate == FLOW_UNDEFINED) {
        return t.v;
    }
    if (t.tlp.posted) {
        /* Dropped or not: the requester never hears of it */
        t.v.outcome = QFEP_DONE;
        t.v.status = QFEP_SC;
        t.v.reasons = 0;
        t.v.where_judged = false;
        t.v.where = NULL;
        return t.v;
    }
    requester_status(&t, requester);
    return t.v;
}

bool flow_verdict_allows(const FlowVerdict *v, const QFabricReq *req,
                         const QFabricRes *res)
{
    uint16_t where = v->where ? v->where->fn->bus << 8 | v->where->fn->devfn :
                                0;

    if (res->outcome != v->outcome ||
        (v->outcome == QFEP_DONE && res->status != v->status) ||
        (v->reasons && !(v->reasons & (1u << res->reason)))) {
        return false;
    }
    return !v->where_judged || res->where == where;
}

char *flow_verdict_str(const FlowVerdict *v)
{
    GString *s = g_string_new("");
    unsigned i;

    switch (v->outcome) {
    case QFEP_TIMEOUT:
        g_string_append(s, "TIMEOUT");
        break;
    case QFEP_NOT_ISSUED:
        g_string_append(s, "NOT_ISSUED");
        break;
    default:
        g_string_append_printf(s, "DONE/%s", v->status == QFEP_SC ? "SC" :
                               v->status == QFEP_UR ? "UR" : "CA");
    }
    for (i = 0; i < QFEP_R_MAX; i++) {
        if (v->reasons & (1u << i)) {
            g_string_append_printf(s, " %s", qfabric_reason_name(i));
        }
    }
    if (v->where) {
        g_string_append_printf(s, " at %s (%s)", v->where->name,
                               v->where->fn->name);
    }
    return g_string_free(s, false);
}

/* What is programmed */

static void read_window(FlowNode *n, unsigned which)
{
    uint64_t base, limit;

    if (which == 0) {
        base = qfabric_readw(n->fn, PCI_MEMORY_BASE) & 0xfff0;
        limit = qfabric_readw(n->fn, PCI_MEMORY_LIMIT) & 0xfff0;
        n->base[0] = base << 16;
        n->limit[0] = limit << 16 | 0xfffff;
        return;
    }
    base = qfabric_readw(n->fn, PCI_PREF_MEMORY_BASE) & 0xfff0;
    limit = qfabric_readw(n->fn, PCI_PREF_MEMORY_LIMIT) & 0xfff0;
    n->base[1] = base << 16 |
        (uint64_t)qfabric_readl(n->fn, PCI_PREF_BASE_UPPER32) << 32;
    n->limit[1] = limit << 16 | 0xfffff |
        (uint64_t)qfabric_readl(n->fn, PCI_PREF_LIMIT_UPPER32) << 32;
}

static void sync_aer(FlowNode *n)
{
    QFabricFn *fn = n->fn;

    n->uncor_mask = qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR,
                                      PCI_ERR_UNCOR_MASK);
    n->severity = qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR,
                                    PCI_ERR_UNCOR_SEVER);
    n->cor_mask = qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR,
                                    PCI_ERR_COR_MASK);
    if (n->kind == FLOW_RP) {
        n->root_command = qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ERR,
                                            PCI_ERR_ROOT_COMMAND);
    }
}

static void sync_node(FlowNode *n)
{
    QFabricFn *fn = n->fn;

    n->command = qfabric_readw(fn, PCI_COMMAND);
    n->devctl = qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL);
    n->devctl2 = qfabric_cap_readw(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2);
    n->devcap2 = qfabric_cap_readl(fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCAP2);
    n->d_state = fn->cap[PCI_CAP_ID_PM] ?
        qfabric_cap_readw(fn, PCI_CAP_ID_PM, PCI_PM_CTRL) &
        PCI_PM_CTRL_STATE_MASK : 0;
    sync_aer(n);
    if (n->kind != FLOW_EP) {
        n->bridge_control = qfabric_readw(fn, PCI_BRIDGE_CONTROL);
        n->port = qfabric_cap_readl(fn, PCI_CAP_ID_EXP, PCI_EXP_LNKCAP) >>
                  ctz32(PCI_EXP_LNKCAP_PN);
        read_window(n, 0);
        read_window(n, 1);
    }
    if (fn->ext[PCI_EXT_CAP_ID_ACS]) {
        n->acs = qfabric_ext_readw(fn, PCI_EXT_CAP_ID_ACS, PCI_ACS_CTRL);
        n->vector = n->kind != FLOW_DSP ? 0 :
            qfabric_ext_readl(fn, PCI_EXT_CAP_ID_ACS, PCI_ACS_EGRESS_CTL_V);
    }
}

void flow_sync(FlowModel *m)
{
    unsigned i;

    for (i = 0; i < m->nodes; i++) {
        sync_node(m->node[i]);
    }
}

static bool kind_of(const QFabricFn *fn, FlowKind *kind)
{
    if (fn->vendor != QFABRIC_VENDOR) {
        return false;
    }
    switch (fn->device) {
    case QFABRIC_DEVICE_RP:
        *kind = FLOW_RP;
        return true;
    case QFABRIC_DEVICE_USP:
        *kind = FLOW_USP;
        return true;
    case QFABRIC_DEVICE_DSP:
        *kind = FLOW_DSP;
        return true;
    case QFABRIC_DEVICE_EP:
        *kind = FLOW_EP;
        return true;
    default:
        return false;
    }
}

FlowModel *flow_new(QFabric *fab)
{
    static const char *const names[] = {
        [FLOW_RP] = "rp", [FLOW_USP] = "us", [FLOW_DSP] = "ds",
        [FLOW_EP] = "ep",
    };
    FlowModel *m = g_new0(FlowModel, 1);
    unsigned count[G_N_ELEMENTS(names)] = { }, i;

    m->fab = fab;
    m->ram_base = RAM_BASE;
    m->ram_size = RAM_SIZE;
    for (i = 0; i < fab->fns->len; i++) {
        QFabricFn *fn = g_ptr_array_index(fab->fns, i);
        FlowNode *n;
        FlowKind kind;

        if (!kind_of(fn, &kind)) {
            continue;
        }
        g_assert_cmpuint(m->nodes, <, FLOW_MAX_NODES);
        n = m->node[m->nodes++] = g_new0(FlowNode, 1);
        n->model = m;
        n->fn = fn;
        n->kind = kind;
        n->parent = fn->parent ? flow_node(m, fn->parent) : NULL;
        snprintf(n->name, sizeof(n->name), "%s%u", names[kind],
                 count[kind]++);
    }
    flow_sync(m);
    return m;
}

void flow_free(FlowModel *m)
{
    unsigned i;

    for (i = 0; m && i < m->nodes; i++) {
        g_free(m->node[i]);
    }
    g_free(m);
}

FlowNode *flow_node(FlowModel *m, const QFabricFn *fn)
{
    unsigned i;

    for (i = 0; i < m->nodes; i++) {
        if (m->node[i]->fn == fn) {
            return m->node[i];
        }
    }
    return NULL;
}

FlowNode *flow_named(FlowModel *m, const char *name)
{
    unsigned i;

    for (i = 0; i < m->nodes; i++) {
        if (g_str_equal(m->node[i]->name, name)) {
            return m->node[i];
        }
    }
    g_error("no %s in the fabric", name);
}

/* Writes */

static void stuck(FlowNode *n, const char *reg, uint32_t want, uint32_t got)
{
    qfabric_expect(n->fn, reg, want, got, "written by the test");
}

void flow_set_command(FlowNode *n, uint16_t clear, uint16_t set)
{
    n->command = (n->command & ~clear) | set;
    qfabric_writew(n->fn, PCI_COMMAND, n->command);
    stuck(n, "Command", n->command, qfabric_readw(n->fn, PCI_COMMAND));
}

void flow_set_bridge_control(FlowNode *n, uint16_t clear, uint16_t set)
{
    n->bridge_control = (n->bridge_control & ~clear) | set;
    qfabric_writew(n->fn, PCI_BRIDGE_CONTROL, n->bridge_control);
    stuck(n, "Bridge Control", n->bridge_control,
          qfabric_readw(n->fn, PCI_BRIDGE_CONTROL));
}

void flow_set_devctl(FlowNode *n, uint16_t clear, uint16_t set)
{
    n->devctl = (n->devctl & ~clear) | set;
    qfabric_cap_writew(n->fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL, n->devctl);
    stuck(n, "DevCtl", n->devctl,
          qfabric_cap_readw(n->fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL));
}

void flow_set_devctl2(FlowNode *n, uint16_t clear, uint16_t set)
{
    n->devctl2 = (n->devctl2 & ~clear) | set;
    qfabric_cap_writew(n->fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2, n->devctl2);
    stuck(n, "DevCtl2", n->devctl2,
          qfabric_cap_readw(n->fn, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL2));
}

void flow_set_acs(FlowNode *n, uint16_t ctl, uint32_t vector)
{
    n->acs = ctl;
    qfabric_ext_writew(n->fn, PCI_EXT_CAP_ID_ACS, PCI_ACS_CTRL, ctl);
    stuck(n, "ACS Control", ctl,
          qfabric_ext_readw(n->fn, PCI_EXT_CAP_ID_ACS, PCI_ACS_CTRL));
    if (n->kind == FLOW_DSP) {
        n->vector = vector;
        qfabric_ext_writel(n->fn, PCI_EXT_CAP_ID_ACS, PCI_ACS_EGRESS_CTL_V,
                           vector);
        stuck(n, "ACS Egress Control Vector", vector,
              qfabric_ext_readl(n->fn, PCI_EXT_CAP_ID_ACS,
                                PCI_ACS_EGRESS_CTL_V));
    }
}

void flow_set_aer(FlowNode *n, uint32_t uncor_mask, uint32_t severity,
                  uint32_t cor_mask)
{
    qfabric_ext_writel(n->fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_UNCOR_MASK,
                       uncor_mask);
    qfabric_ext_writel(n->fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_UNCOR_SEVER,
                       severity);
    qfabric_ext_writel(n->fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_COR_MASK,
                       cor_mask);
    sync_aer(n);
    stuck(n, "Uncorrectable Error Mask", uncor_mask, n->uncor_mask);
    stuck(n, "Uncorrectable Error Severity", severity, n->severity);
    stuck(n, "Correctable Error Mask", cor_mask, n->cor_mask);
}

void flow_set_root_command(FlowNode *n, uint32_t val)
{
    n->root_command = val;
    qfabric_ext_writel(n->fn, PCI_EXT_CAP_ID_ERR, PCI_ERR_ROOT_COMMAND, val);
    stuck(n, "Root Error Command", val,
          qfabric_ext_readl(n->fn, PCI_EXT_CAP_ID_ERR,
                            PCI_ERR_ROOT_COMMAND));
}

void flow_set_window(FlowNode *n, unsigned which, uint64_t base,
                     uint64_t limit)
{
    if (which == 0) {
        qfabric_writew(n->fn, PCI_MEMORY_BASE, (base >> 16) & 0xfff0);
        qfabric_writew(n->fn, PCI_MEMORY_LIMIT, (limit >> 16) & 0xfff0);
    } else {
        qfabric_writew(n->fn, PCI_PREF_MEMORY_BASE, (base >> 16) & 0xfff0);
        qfabric_writew(n->fn, PCI_PREF_MEMORY_LIMIT, (limit >> 16) & 0xfff0);
        qfabric_writel(n->fn, PCI_PREF_BASE_UPPER32, base >> 32);
        qfabric_writel(n->fn, PCI_PREF_LIMIT_UPPER32, limit >> 32);
    }
    read_window(n, which);
    g_assert_cmphex(n->base[which], ==, base & ~0xfffffULL);
    g_assert_cmphex(n->limit[which], ==, limit | 0xfffffULL);
}

void flow_set_d_state(FlowNode *n, unsigned d_state)
{
    uint16_t val = qfabric_cap_readw(n->fn, PCI_CAP_ID_PM, PCI_PM_CTRL);

    val = (val & ~PCI_PM_CTRL_STATE_MASK) | d_state;
    qfabric_cap_writew(n->fn, PCI_CAP_ID_PM, PCI_PM_CTRL, val);
    n->d_state = d_state;
    stuck(n, "PMCSR", val,
          qfabric_cap_readw(n->fn, PCI_CAP_ID_PM, PCI_PM_CTRL));
}
