/*
 * What must be logged and signalled when a request fails
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Spec: PCI Express Base r6.0, sec 6.2.3.2.4 (advisory non-fatal errors),
 * 6.2.4.2 (first error), 6.2.5 (sequence), 6.2.6 (messages), 7.8.4 (AER),
 * 2.2.1 and 2.2.7 (headers).
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "pcie-fabric-flow.h"

#define AER                     PCI_EXT_CAP_ID_ERR
#define EXP                     PCI_CAP_ID_EXP

/* sec 2.2.1: byte 0 of a header with 3 DW; one with 4 DW has bit 29 too */
static const uint32_t tlp_type[] = {
    [QFEP_READ] = 0x00000000,
    [QFEP_WRITE] = 0x40000000,
    [QFEP_FETCH_ADD] = 0x4c000000,
    [QFEP_SWAP] = 0x4d000000,
    [QFEP_CAS] = 0x4e000000,
};
#define TLP_4DW                 0x20000000
#define TLP_EP                  (1u << 14)
#define TLP_RO                  (1u << 13)
#define TLP_AT_SHIFT            10
#define TLP_LENGTH_MASK         0x3ff
#define TLP_ID_SHIFT            16
#define TLP_TAG                 0x0000ff00
#define TLP_TAG_8_9             0x00880000      /* T8 and T9 in DW 0 */
#define STATUS_ERRORS           0xf900  /* sec 7.5.1.1.4, 7.5.1.3.7 */
#define DEVSTA_ERRORS           (PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | \
                                 PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD | \
                                 PCI_EXP_DEVSTA_TRPND)
#define ROOT_STATUS_BITS        0x7f
#define HEADER_LOG_OVERFLOW     0x00008000      /* correctable bit 15 */
#define MSG_DATA                0x4a00

/* Requests on the wire, sec 2.2.7 */

FlowTlp flow_tlp(FlowNode *requester, const QFabricReq *req)
{
    FlowTlp tlp = { .req = req, .requester = requester };

    tlp.posted = req->op == QFEP_WRITE;
    if (!qfabric_req_is_atomic(req)) {
        tlp.length = DIV_ROUND_UP((req->addr & 3) + req->len, 4);
    } else {
        /* sec 2.2.7.1: CAS carries two operands */
        tlp.length = req->len ?: req->size / 4 *
                     (req->op == QFEP_CAS ? 2 : 1);
    }
    return tlp;
}

/* sec 2.2.5: reserved in AtomicOps */
static uint32_t byte_enables(const FlowTlp *tlp)
{
    unsigned from = tlp->req->addr & 3;
    unsigned to = (tlp->req->addr + tlp->req->len - 1) & 3;
    uint32_t first = (0xf << from) & 0xf, last = 0xf >> (3 - to);

    if (qfabric_req_is_atomic(tlp->req)) {
        return 0;
    }
    return tlp->length == 1 ? first & last : last << 4 | first;
}

static void record_header(FlowStatus *s, const FlowTlp *tlp)
{
    const QFabricReq *req = tlp->req;
    const QFabricFn *fn = tlp->requester->fn;
    bool wide = req->addr >> 32;

    s->header[0] = tlp_type[req->op] | (wide ? TLP_4DW : 0) |
                   (req->poisoned ? TLP_EP : 0) |
                   (req->relaxed ? TLP_RO : 0) |
                   req->at << TLP_AT_SHIFT |
                   (tlp->length & TLP_LENGTH_MASK);
    s->header_mask[0] = ~TLP_TAG_8_9;
    s->header[1] = (uint32_t)(fn->bus << 8 | fn->devfn) << TLP_ID_SHIFT |
                   byte_enables(tlp);
    s->header_mask[1] = ~TLP_TAG;
    if (wide) {
        s->header[2] = req->addr >> 32;
        s->header_mask[2] = UINT32_MAX;
        s->header[3] = req->addr & ~3;
        s->header_mask[3] = ~3;
    } else {
        s->header[2] = req->addr & ~3;
        s->header_mask[2] = ~3;
        s->header[3] = s->header_mask[3] = 0;
    }
}

/* sec 6.2.4.2: one slot, which the first unmasked error owns */
static void record(FlowNode *n, uint32_t error, const FlowTlp *tlp)
{
    FlowStatus *s = &n->want;

    if (s->owner & s->uncor) {
        s->cor_any |= HEADER_LOG_OVERFLOW;
        return;
    }
    s->owner = error;
    memset(s->header_mask, 0, sizeof(s->header_mask));
    if (tlp) {
        record_header(s, tlp);
    }
}

/* Messages, sec 6.2.4.1.2 and 6.2.6 */

typedef enum Severity { COR, NONFATAL, FATAL } Severity;

static bool wants_interrupt(const FlowNode *rp)
{
    uint32_t s = rp->want.root, c = rp->root_command;

    return ((s & PCI_ERR_ROOT_COR_RCV) && (c & PCI_ERR_ROOT_CMD_COR_EN)) ||
           ((s & PCI_ERR_ROOT_NONFATAL_RCV) &&
            (c & PCI_ERR_ROOT_CMD_NONFATAL_EN)) ||
           ((s & PCI_ERR_ROOT_FATAL_RCV) &&
            (c & PCI_ERR_ROOT_CMD_FATAL_EN));
}

static void root_receives(FlowNode *rp, Severity severity, uint16_t source)
{
    bool pending = wants_interrupt(rp);
    FlowStatus *s = &rp->want;

    if (severity == COR) {
        if (s->root & PCI_ERR_ROOT_COR_RCV) {
            s->root |= PCI_ERR_ROOT_MULTI_COR_RCV;
        } else {
            s->root |= PCI_ERR_ROOT_COR_RCV;
            s->source = (s->source & 0xffff0000) | source;
            s->source_mask |= 0xffff;
        }
    } else {
        if (s->root & PCI_ERR_ROOT_UNCOR_RCV) {
            s->root |= PCI_ERR_ROOT_MULTI_UNCOR_RCV;
        } else {
            s->root |= PCI_ERR_ROOT_UNCOR_RCV |
                       (severity == FATAL ? PCI_ERR_ROOT_FIRST_FATAL : 0);
            s->source = (s->source & 0xffff) | (uint32_t)source << 16;
            s->source_mask |= 0xffff0000;
        }
        s->root |= severity == FATAL ? PCI_ERR_ROOT_FATAL_RCV :
                                       PCI_ERR_ROOT_NONFATAL_RCV;
    }
    if (!pending && wants_interrupt(rp)) {
        s->interrupts++;
    }
    rp->dirty = true;
}

/*
 * Up to the root port.  A bridge forwards what comes from its secondary
 * side: gated by its SERR# Enable, and uncorrectable errors by its reporting
 * enables as well.  What a bridge detects itself passes only those above it.
 */
static bool forwards(FlowNode *bridge, Severity severity)
{
    uint16_t enable = severity == FATAL ? PCI_EXP_DEVCTL_FERE :
                                          PCI_EXP_DEVCTL_NFERE;

    if (severity != COR) {
        bridge->want.secondary |= PCI_STATUS_SIG_SYSTEM_ERROR;
        bridge->dirty = true;
    }
    if (!(bridge->bridge_control & PCI_BRIDGE_CTL_SERR)) {
        return false;
    }
    if (severity == COR || bridge->kind == FLOW_RP) {
        return true;
    }
    if (bridge->command & PCI_COMMAND_SERR) {
        bridge->want.status |= PCI_STATUS_SIG_SYSTEM_ERROR;
        return true;
    }
    return bridge->devctl & enable;
}

static void send_up(FlowNode *n, Severity severity)
{
    uint16_t source = n->fn->bus << 8 | n->fn->devfn;

    if (n->kind == FLOW_RP) {
        root_receives(n, severity, source);
        return;
    }
    for (n = n->parent; n; n = n->parent) {
        if (!forwards(n, severity)) {
            return;
        }
        if (n->kind == FLOW_RP) {
            root_receives(n, severity, source);
        }
    }
    /* An RCiEP without event collector tells nobody */
}

/* Logging, sec 6.2.5 */

static bool reports(const FlowNode *n, uint32_t error, uint16_t enable)
{
    return (n->devctl & enable) && (error != PCI_ERR_UNC_UNSUP ||
                                    (n->devctl & PCI_EXP_DEVCTL_URRE));
}

static void advisory_error(FlowNode *n, uint32_t error, const FlowTlp *tlp)
{
    n->want.devsta |= PCI_EXP_DEVSTA_CED;
    n->want.cor |= PCI_ERR_COR_ADV_NFAT;
    if (n->cor_mask & PCI_ERR_COR_ADV_NFAT) {
        return;
    }
    n->want.uncor |= error;
    if (!(n->uncor_mask & error)) {
        record(n, error, tlp);
    }
    if (reports(n, error, PCI_EXP_DEVCTL_CERE)) {
        send_up(n, COR);
    }
}

static void uncorrectable_error(FlowNode *n, uint32_t error,
                                const FlowTlp *tlp)
{
    bool fatal = n->severity & error;

    n->want.devsta |= fatal ? PCI_EXP_DEVSTA_FED : PCI_EXP_DEVSTA_NFED;
    n->want.uncor |= error;
    if (n->uncor_mask & error) {
        return;
    }
    record(n, error, tlp);
    if (!(n->command & PCI_COMMAND_SERR) &&
        !reports(n, error, fatal ? PCI_EXP_DEVCTL_FERE :
                                   PCI_EXP_DEVCTL_NFERE)) {
        return;
    }
    if (n->command & PCI_COMMAND_SERR) {
        n->want.status |= PCI_STATUS_SIG_SYSTEM_ERROR;
    }
    send_up(n, fatal ? FATAL : NONFATAL);
}

void flow_error(FlowNode *n, uint32_t error, bool advisory,
                const FlowTlp *tlp)
{
    n->dirty = true;
    if (error == PCI_ERR_UNC_UNSUP) {
        n->want.devsta |= PCI_EXP_DEVSTA_URD;
    }
    if (advisory && !(n->severity & error)) {
        advisory_error(n, error, tlp);
    } else {
        uncorrectable_error(n, error, tlp);
    }
}

/* Comparing */

static bool same(FlowNode *n, const char *reg, uint32_t want, uint32_t got,
                 uint32_t judged, const char *why)
{
    g_autofree char *what = g_strdup_printf("%s %s", n->name, reg);

    return qfabric_expect(n->fn, what, want & judged, got & judged, why);
}

static bool check_aer(FlowNode *n, const char *why)
{
    static const char *const dw[] = {
        "Header Log DW 0", "Header Log DW 1", "Header Log DW 2",
        "Header Log DW 3",
    };
    FlowStatus *s = &n->want;
    uint8_t aer[PCI_ERR_ROOT_ERR_SRC + 4];
    bool ok = true;
    unsigned i;

    qtest_memread(n->fn->fab->qts,
                  qfabric_cfg_addr(n->fn, qfabric_ext(n->fn, AER)), aer,
                  n->kind == FLOW_RP ? sizeof(aer) : PCI_ERR_ROOT_COMMAND);
    ok &= same(n, "Uncorrectable Error Status", s->uncor,
               ldl_le_p(aer + PCI_ERR_UNCOR_STATUS), ~s->uncor_any, why);
    ok &= same(n, "Correctable Error Status", s->cor,
               ldl_le_p(aer + PCI_ERR_COR_STATUS), ~s->cor_any, why);
    if (s->owner & s->uncor & ~s->uncor_any) {
        ok &= same(n, "First Error Pointer", ctz32(s->owner),
                   ldl_le_p(aer + PCI_ERR_CAP), 0x1f, why);
        for (i = 0; i < 4; i++) {
            ok &= same(n, dw[i], s->header[i],
                       ldl_le_p(aer + PCI_ERR_HEADER_LOG + 4 * i),
                       s->header_mask[i], why);
        }
    }
    if (n->kind == FLOW_RP) {
        ok &= same(n, "Root Error Status", s->root,
                   ldl_le_p(aer + PCI_ERR_ROOT_STATUS),
                   ROOT_STATUS_BITS & ~s->root_any, why);
        ok &= same(n, "Error Source Identification", s->source,
                   ldl_le_p(aer + PCI_ERR_ROOT_ERR_SRC),
                   s->root_any ? 0 : s->source_mask, why);
    }
    return ok;
}

/* Any message at all; how many is not seen in a word of RAM */
static bool check_interrupt(FlowNode *n, const char *why)
{
    uint64_t addr = n->model->msi_base + 4 * n->fn->devfn;
    bool want = n->want.interrupts, got;

    /* sec 7.5.1.1.3: without BME a function sends no MSI of its own */
    want &= (n->command & PCI_COMMAND_MASTER) != 0;
    if (!n->model->msi_base || n->kind != FLOW_RP || n->want.root_any) {
        return true;
    }
    got = qfabric_msg_take(n->fn->fab, addr) != 0;
    n->want.interrupts = 0;
    return same(n, "error interrupt", want, got, 1, why);
}

bool flow_check(FlowNode *n, const char *why)
{
    FlowStatus *s = &n->want;
    unsigned devsta = qfabric_cap(n->fn, EXP) + PCI_EXP_DEVSTA;
    uint8_t head[PCI_CFG_SPACE_SIZE];
    bool ok = true;

    /* All in one go: there are very many of these */
    qtest_memread(n->fn->fab->qts, qfabric_cfg_addr(n->fn, 0), head,
                  devsta + 2);
    ok &= same(n, "Status", s->status, lduw_le_p(head + PCI_STATUS),
               STATUS_ERRORS & ~s->status_any, why);
    if (n->kind != FLOW_EP) {
        ok &= same(n, "Secondary Status", s->secondary,
                   lduw_le_p(head + PCI_SEC_STATUS),
                   STATUS_ERRORS & ~s->secondary_any, why);
    }
    ok &= same(n, "DevSta", s->devsta, lduw_le_p(head + devsta),
               DEVSTA_ERRORS & ~s->devsta_any, why);
    ok &= check_aer(n, why);
    ok &= check_interrupt(n, why);
    return ok;
}

bool flow_check_all(FlowModel *m, const char *why)
{
    bool ok = true;
    unsigned i;

    for (i = 0; i < m->nodes; i++) {
        ok &= flow_check(m->node[i], why);
    }
    return ok;
}

bool flow_check_dirty(FlowModel *m, const char *why)
{
    bool ok = true;
    unsigned i;

    for (i = 0; i < m->nodes; i++) {
        if (m->node[i]->dirty) {
            ok &= flow_check(m->node[i], why);
        }
    }
    return ok;
}

/* Clearing, all of it RW1C */

static void clear_root(FlowNode *n)
{
    qfabric_ext_writel(n->fn, AER, PCI_ERR_ROOT_STATUS, ROOT_STATUS_BITS);
    if (n->model->msi_base) {
        qfabric_msg_take(n->fn->fab, n->model->msi_base + 4 * n->fn->devfn);
    }
}

/* Everything, or only where something is set, or was tolerated */
static void clear(FlowNode *n, bool all)
{
    const FlowStatus *s = &n->want;
    QFabricFn *fn = n->fn;

    if (all || s->status || s->status_any) {
        qfabric_writew(fn, PCI_STATUS, STATUS_ERRORS);
    }
    if (n->kind != FLOW_EP && (all || s->secondary || s->secondary_any)) {
        qfabric_writew(fn, PCI_SEC_STATUS, STATUS_ERRORS);
    }
    if (all || s->devsta || s->devsta_any) {
        qfabric_cap_writew(fn, EXP, PCI_EXP_DEVSTA, DEVSTA_ERRORS);
    }
    if (all || s->uncor || s->uncor_any) {
        qfabric_ext_writel(fn, AER, PCI_ERR_UNCOR_STATUS, UINT32_MAX);
    }
    if (all || s->cor || s->cor_any) {
        qfabric_ext_writel(fn, AER, PCI_ERR_COR_STATUS, UINT32_MAX);
    }
    if (n->kind == FLOW_RP && (all || s->root || s->root_any)) {
        clear_root(n);
    }
    memset(&n->want, 0, sizeof(n->want));
    n->dirty = false;
}

void flow_clear(FlowNode *n)
{
    clear(n, true);
}

void flow_clear_uncor(FlowNode *n, uint32_t bits)
{
    qfabric_ext_writel(n->fn, AER, PCI_ERR_UNCOR_STATUS, bits);
    n->want.uncor &= ~bits;
    if (n->want.owner & bits) {
        n->want.owner = 0;
    }
}

/* Also those where something was allowed, and may have happened */
static bool may_show(const FlowNode *n)
{
    return n->dirty || n->want.status_any || n->want.secondary_any;
}

void flow_clear_dirty(FlowModel *m)
{
    unsigned i;

    for (i = 0; i < m->nodes; i++) {
        if (may_show(m->node[i])) {
            clear(m->node[i], false);
        }
    }
}

void flow_clear_all(FlowModel *m)
{
    unsigned i;

    for (i = 0; i < m->nodes; i++) {
        flow_clear(m->node[i]);
    }
}
