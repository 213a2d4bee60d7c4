/*
 * PCIe fabric: rules by which ports and endpoints misbehave
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: PCI Express Base r6.0, sec 2.3 (handling of requests), 6.2
 * (errors).
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-pcie-fabric.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie-fabric.h"
#include "hw/pci/pcie-fabric-audit.h"
#include "hw/pci/pcie-fabric-rule.h"
#include "qemu/range.h"
#include "qemu/units.h"

/* What passes a rule by */
typedef struct Subject {
    PCIEFabricRuleSide side;
    PCIEFabricRuleRequest request;
    PCIDevice *function;        /* of a configuration request */
    PCIDevice *requester;       /* of a memory request that is completed */
    uint64_t addr;
    uint32_t len;
    const uint8_t *data;        /* that it carries */
    uint32_t data_len;
} Subject;

/*
 * Devices that have rules: most machines have none, and then nothing is looked
 * up for a request.
 */
static GHashTable *devices;

static void rules_changed(Object *target)
{
    RigRules *rr = rig_rules_of(target);

    if (!devices) {
        devices = g_hash_table_new(NULL, NULL);
    }
    if (rr->n) {
        g_hash_table_insert(devices, PCI_DEVICE(target), rr);
    } else {
        g_hash_table_remove(devices, PCI_DEVICE(target));
    }
}

static RigRules *rules_of(PCIDevice *d)
{
    return devices && d ? g_hash_table_lookup(devices, d) : NULL;
}

/*
 * What a request is
 */

static bool is_config(PCIEFabricRuleRequest request)
{
    return request == PCIE_FABRIC_RULE_REQUEST_CONFIG_READ ||
           request == PCIE_FABRIC_RULE_REQUEST_CONFIG_WRITE;
}

/* Does a completion of it carry data? */
static bool is_answered_with_data(PCIEFabricRuleRequest request)
{
    return request != PCIE_FABRIC_RULE_REQUEST_CONFIG_WRITE &&
           request != PCIE_FABRIC_RULE_REQUEST_MEMORY_WRITE;
}

static const PCIEFabricRuleRequest request_of_op[PCIE_FABRIC_OP__MAX] = {
    [PCIE_FABRIC_OP_READ] = PCIE_FABRIC_RULE_REQUEST_MEMORY_READ,
    [PCIE_FABRIC_OP_WRITE] = PCIE_FABRIC_RULE_REQUEST_MEMORY_WRITE,
    [PCIE_FABRIC_OP_FETCHADD] = PCIE_FABRIC_RULE_REQUEST_FETCH_ADD,
    [PCIE_FABRIC_OP_SWAP] = PCIE_FABRIC_RULE_REQUEST_SWAP,
    [PCIE_FABRIC_OP_CAS] = PCIE_FABRIC_RULE_REQUEST_CAS,
};

/* sec 7.8.4.2, 7.8.4.5 */
static const uint32_t uncor_bit[PCIE_FABRIC_ERROR__MAX] = {
    [PCIE_FABRIC_ERROR_DATA_LINK_PROTOCOL] = PCI_ERR_UNC_DLP,
    [PCIE_FABRIC_ERROR_SURPRISE_DOWN] = PCI_ERR_UNC_SURPDN,
    [PCIE_FABRIC_ERROR_POISONED_TLP] = PCI_ERR_UNC_POISON_TLP,
    [PCIE_FABRIC_ERROR_FLOW_CONTROL] = PCI_ERR_UNC_FCP,
    [PCIE_FABRIC_ERROR_COMPLETION_TIMEOUT] = PCI_ERR_UNC_COMP_TIME,
    [PCIE_FABRIC_ERROR_COMPLETER_ABORT] = PCI_ERR_UNC_COMP_ABORT,
    [PCIE_FABRIC_ERROR_UNEXPECTED_COMPLETION] = PCI_ERR_UNC_UNX_COMP,
    [PCIE_FABRIC_ERROR_RECEIVER_OVERFLOW] = PCI_ERR_UNC_RX_OVER,
    [PCIE_FABRIC_ERROR_MALFORMED_TLP] = PCI_ERR_UNC_MALF_TLP,
    [PCIE_FABRIC_ERROR_UNSUPPORTED_REQUEST] = PCI_ERR_UNC_UNSUP,
    [PCIE_FABRIC_ERROR_ACS_VIOLATION] = PCI_ERR_UNC_ACSV,
    [PCIE_FABRIC_ERROR_INTERNAL] = PCI_ERR_UNC_INTN,
    [PCIE_FABRIC_ERROR_ATOMIC_EGRESS_BLOCKED] = PCI_ERR_UNC_ATOP_EBLOCKED,
};

static const uint32_t cor_bit[PCIE_FABRIC_ERROR__MAX] = {
    [PCIE_FABRIC_ERROR_RECEIVER_ERROR] = PCI_ERR_COR_RCVR,
    [PCIE_FABRIC_ERROR_BAD_TLP] = PCI_ERR_COR_BAD_TLP,
    [PCIE_FABRIC_ERROR_BAD_DLLP] = PCI_ERR_COR_BAD_DLLP,
    [PCIE_FABRIC_ERROR_REPLAY_ROLLOVER] = PCI_ERR_COR_REP_ROLL,
    [PCIE_FABRIC_ERROR_REPLAY_TIMEOUT] = PCI_ERR_COR_REP_TIMER,
    [PCIE_FABRIC_ERROR_CORRECTED_INTERNAL] = PCI_ERR_COR_INTERNAL,
    [PCIE_FABRIC_ERROR_HEADER_LOG_OVERFLOW] = PCI_ERR_COR_HL_OVERFLOW,
};

/*
 * Checks: what could have no effect is refused.
 */

static bool refuse(const char *member, const char *why, Error **errp)
{
    error_setg(errp, "%s: %s", member, why);
    return false;
}

static bool is_port(Object *target)
{
    return pcie_fabric_port(PCI_DEVICE(target));
}

static bool completes_memory(Object *target)
{
    return !is_port(target) ||
           pcie_cap_get_type(PCI_DEVICE(target)) == PCI_EXP_TYPE_ROOT_PORT;
}

static bool check_side(Object *target, const PCIEFabricWhen *w, Error **errp)
{
    if (!w->has_side || w->side == PCIE_FABRIC_RULE_SIDE_COMPLETER) {
        return true;
    }
    if (is_port(target)) {
        return refuse("when.side", "a port sends no requests", errp);
    }
    if (w->has_request && is_config(w->request)) {
        return refuse("when.side", "an endpoint sends no configuration "
                      "requests", errp);
    }
    if (w->requester) {
        return refuse("when.requester", "it is the endpoint itself on side "
                      "requester", errp);
    }
    return true;
}

static bool check_request(Object *target, const PCIEFabricWhen *w,
                          Error **errp)
{
    if (w->has_request && !is_config(w->request) && !completes_memory(target)) {
        return refuse("when.request", "a port of a switch completes no memory "
                      "requests", errp);
    }
    if (w->function && !is_port(target)) {
        return refuse("when.function", "belongs to ports; an endpoint answers "
                      "for itself", errp);
    }
    if (w->function && w->has_request && !is_config(w->request)) {
        return refuse("when.function", "belongs to configuration requests",
                      errp);
    }
    if (w->requester && ((w->has_request && is_config(w->request)) ||
                         !completes_memory(target))) {
        return refuse("when.requester", "belongs to memory requests", errp);
    }
    if (w->requester && w->function) {
        return refuse("when.requester", "no request has both a requester and "
                      "a function", errp);
    }
    return true;
}

static bool check_place(const PCIEFabricWhen *w, Error **errp)
{
    if (w->has_length && (!w->has_address || !w->length ||
                          w->length - 1 > UINT64_MAX - w->address)) {
        return refuse("when.length", "must be at least 1, belongs to an "
                      "address, and ends with the address space", errp);
    }
    if (w->has_address && w->has_request && is_config(w->request) &&
        w->address >= PCIE_CONFIG_SPACE_SIZE) {
        return refuse("when.address", "a register is at 0 to 4095", errp);
    }
    if (w->data && w->has_request &&
        (w->request == PCIE_FABRIC_RULE_REQUEST_CONFIG_READ ||
         w->request == PCIE_FABRIC_RULE_REQUEST_MEMORY_READ)) {
        return refuse("when.data", "a read carries no data", errp);
    }
    return rig_bytes_check_list("when.data", w->data, 4 * KiB, errp);
}

static bool rule_check(Object *target, const void *rule, Error **errp)
{
    const PCIEFabricWhen *w = ((const PCIEFabricRule *)rule)->when;

    return !w || (check_side(target, w, errp) &&
                  check_request(target, w, errp) && check_place(w, errp));
}

static const void *rule_actions(const void *rule)
{
    return ((const PCIEFabricRule *)rule)->q_do;
}

static PCIEFabricEnd end_of(const PCIEFabricAction *a)
{
    switch (a->action) {
    case PCIE_FABRIC_ACTION_KIND_RRS:
        return PCIE_FABRIC_END_RRS;
    case PCIE_FABRIC_ACTION_KIND_UR:
        return PCIE_FABRIC_END_UR;
    case PCIE_FABRIC_ACTION_KIND_CA:
        return PCIE_FABRIC_END_CA;
    case PCIE_FABRIC_ACTION_KIND_NO_COMPLETION:
        return PCIE_FABRIC_END_LOST;
    default:
        return PCIE_FABRIC_END_NONE;
    }
}

/* An error goes with all; what changes a success goes with no refusal. */
static bool check_order(const PCIEFabricRule *rule, const PCIEFabricAction *a,
                        Error **errp)
{
    PCIEFabricActionList *l;

    for (l = rule->q_do; l->value != a; l = l->next) {
        if ((end_of(a) || end_of(l->value)) &&
            a->action != PCIE_FABRIC_ACTION_KIND_ERROR &&
            l->value->action != PCIE_FABRIC_ACTION_KIND_ERROR) {
            error_setg(errp, "action: '%s' does not go together with '%s': one "
                       "of them has no effect",
                       PCIEFabricActionKind_str(a->action),
                       PCIEFabricActionKind_str(l->value->action));
            return false;
        }
    }
    return true;
}

static bool check_error(Object *target, const PCIEFabricActionError *e,
                        Error **errp)
{
    PCIDevice *d = PCI_DEVICE(target);
    uint16_t aer = d->exp.aer_cap;
    bool known = aer &&
        ((pci_get_long(d->w1cmask + aer + PCI_ERR_UNCOR_STATUS) &
          uncor_bit[e->error]) ||
         (pci_get_long(d->w1cmask + aer + PCI_ERR_COR_STATUS) &
          cor_bit[e->error]));

    if (!known) {
        error_setg(errp, "error: the device cannot have '%s'",
                   PCIEFabricError_str(e->error));
        return false;
    }
    if (e->has_advisory && cor_bit[e->error]) {
        return refuse("advisory", "is about uncorrectable errors", errp);
    }
    return true;
}

/* Can requests of a rule be of a kind that @action is about? */
static bool check_kind(Object *target, const PCIEFabricWhen *w,
                       PCIEFabricActionKind action, Error **errp)
{
    bool requester = w && w->has_side &&
                     w->side == PCIE_FABRIC_RULE_SIDE_REQUESTER;
    bool some = w && w->has_request;

    switch (action) {
    case PCIE_FABRIC_ACTION_KIND_RRS:
        return requester || (some && !is_config(w->request)) ?
               refuse("action", "'rrs' answers configuration requests only",
                      errp) : true;
    case PCIE_FABRIC_ACTION_KIND_POISON:
    case PCIE_FABRIC_ACTION_KIND_DELAY:
        return !completes_memory(target) ||
               (some && (is_config(w->request) ||
                         !is_answered_with_data(w->request))) ?
               refuse("action", "'poison' and 'delay' are about completions "
                      "of memory reads and AtomicOps", errp) : true;
    case PCIE_FABRIC_ACTION_KIND_DATA:
        return some && !is_answered_with_data(w->request) ?
               refuse("action", "'data' is about completions that carry data",
                      errp) : true;
    default:
        return true;
    }
}

static bool rule_check_action(Object *target, const void *rule,
                              const void *action, Error **errp)
{
    const PCIEFabricRule *r = rule;
    const PCIEFabricAction *a = action;
    bool config = !completes_memory(target) ||
                  (r->when && r->when->has_request &&
                   is_config(r->when->request));

    if (!check_order(r, a, errp) ||
        !check_kind(target, r->when, a->action, errp)) {
        return false;
    }
    switch (a->action) {
    case PCIE_FABRIC_ACTION_KIND_DELAY:
        return rig_delay_check(&a->u.delay, errp);
    case PCIE_FABRIC_ACTION_KIND_DATA:
        return rig_bytes_check("data", &a->u.data, config ? 4 : 4 * KiB, errp);
    case PCIE_FABRIC_ACTION_KIND_ERROR:
        return check_error(target, &a->u.error, errp);
    default:
        return true;
    }
}

/*
 * Matching
 */

static bool has_name(PCIDevice *d, const char *name)
{
    g_autofree char *own = d ? pcie_fabric_device_name(d) : NULL;

    return own && !strcmp(own, name);
}

static bool rule_matches(Object *target, const void *rule, const void *subject)
{
    const PCIEFabricWhen *w = ((const PCIEFabricRule *)rule)->when;
    const Subject *s = subject;
    PCIEFabricRuleSide side = w && w->has_side ? w->side :
                              PCIE_FABRIC_RULE_SIDE_COMPLETER;

    if (side != s->side) {
        return false;
    }
    return !w ||
           ((!w->has_request || w->request == s->request) &&
            (!w->has_address || !s->len ||
             ranges_overlap(w->address, w->has_length ? w->length : 1,
                            s->addr, s->len)) &&
            (!w->data || (s->data && rig_bytes_match_list(w->data, s->data,
                                                          s->data_len))) &&
            (!w->function || has_name(s->function, w->function)) &&
            (!w->requester || has_name(s->requester, w->requester)));
}

static bool rule_visit(Visitor *v, const char *name, void **list, Error **errp)
{
    return visit_type_PCIEFabricRuleList(v, name,
                                         (PCIEFabricRuleList **)list, errp);
}

const RigRuleFamily pcie_fabric_rule_family = {
    .name = "pcie-fabric",
    .visit = rule_visit,
    .actions = rule_actions,
    .check = rule_check,
    .check_action = rule_check_action,
    .matches = rule_matches,
    .changed = rules_changed,
};

static bool match(RigRules *rr, PCIDevice *d, const Subject *s,
                  PCIEFabricEffect *effect)
{
    effect->d = rig_rules_match(rr, s, &effect->match) ? d : NULL;
    effect->config = is_config(s->request);
    effect->end = PCIE_FABRIC_END_NONE;
    return effect->d;
}

/* Does @a end the request that @effect is about? */
static bool ends(const PCIEFabricAction *a, const PCIEFabricEffect *effect)
{
    return end_of(a) && !effect->end &&
           (effect->config || end_of(a) != PCIE_FABRIC_END_RRS);
}

bool pcie_fabric_rule_memory(PCIDevice *d, PCIDevice *requester,
                             const PCIEFabricTLP *tlp, bool sent,
                             PCIEFabricEffect *effect)
{
    RigRules *rr = rules_of(d);
    Subject s = {
        .side = sent ? PCIE_FABRIC_RULE_SIDE_REQUESTER :
                       PCIE_FABRIC_RULE_SIDE_COMPLETER,
        .request = request_of_op[tlp->op], .requester = requester,
        .addr = tlp->addr, .len = tlp->len,
    };

    effect->d = NULL;
    effect->end = PCIE_FABRIC_END_NONE;
    if (!rr) {
        return false;
    }
    if (pcie_fabric_op_is_atomic(tlp->op)) {
        s.data = tlp->operand[0];
        s.data_len = MIN(tlp->len, sizeof(tlp->operand[0]));
    } else if (tlp->op == PCIE_FABRIC_OP_WRITE) {
        s.data = tlp->buf;
        s.data_len = tlp->len;
    }
    return match(rr, d, &s, effect);
}

bool pcie_fabric_rule_config(PCIDevice *d, PCIEFabricFunction *f,
                             const PCIEFabricAccess *access,
                             PCIEFabricEffect *effect)
{
    RigRules *rr = rules_of(d);
    uint8_t data[4];
    Subject s = {
        .side = PCIE_FABRIC_RULE_SIDE_COMPLETER,
        .request = access->write ? PCIE_FABRIC_RULE_REQUEST_CONFIG_WRITE :
                                   PCIE_FABRIC_RULE_REQUEST_CONFIG_READ,
        .function = f->d, .addr = access->offset, .len = access->size,
    };

    effect->d = NULL;
    effect->end = PCIE_FABRIC_END_NONE;
    if (!rr) {
        return false;
    }
    if (access->write) {
        stl_le_p(data, access->value);
        s.data = data;
        s.data_len = access->size;
    }
    return match(rr, d, &s, effect);
}

/*
 * Acting
 */

static void inject(PCIDevice *d, const PCIEFabricActionError *e,
                   const uint32_t *header)
{
    if (cor_bit[e->error]) {
        pcie_fabric_aer_report_cor(d, cor_bit[e->error]);
    } else {
        pcie_fabric_aer_report(d, uncor_bit[e->error],
                               e->has_advisory && e->advisory, header);
    }
    pcie_fabric_device_accessed();
}

void pcie_fabric_rule_act(PCIEFabricEffect *effect, const uint32_t *header)
{
    PCIDevice *d = effect->d;
    RigRules *rr = rules_of(d);
    PCIEFabricActionList *l;

    for (int i = rr ? rig_match_next(&effect->match, -1) : -1; i >= 0;
         i = rig_match_next(&effect->match, i)) {
        for (l = ((PCIEFabricRule *)rr->rule[i])->q_do; l; l = l->next) {
            if (ends(l->value, effect)) {
                rig_match_applied(rr, &effect->match, i);
                effect->end = end_of(l->value);
            } else if (l->value->action == PCIE_FABRIC_ACTION_KIND_ERROR) {
                rig_match_applied(rr, &effect->match, i);
                inject(d, &l->value->u.error, header);
                if (rules_of(d) != rr) {
                    return;     /* its message has unplugged the device */
                }
            }
        }
    }
}

void pcie_fabric_rule_complete(PCIEFabricEffect *effect, void *data,
                               uint32_t len, bool *poisoned,
                               int64_t *delay_ns)
{
    RigRules *rr = rules_of(effect->d);
    PCIEFabricActionList *l;

    for (int i = rr ? rig_match_next(&effect->match, -1) : -1; i >= 0;
         i = rig_match_next(&effect->match, i)) {
        for (l = ((PCIEFabricRule *)rr->rule[i])->q_do; l; l = l->next) {
            const PCIEFabricAction *a = l->value;
            bool done = false;

            if (a->action == PCIE_FABRIC_ACTION_KIND_DATA) {
                done = data && rig_bytes_apply(&a->u.data, data, len);
            } else if (a->action == PCIE_FABRIC_ACTION_KIND_POISON) {
                done = poisoned;
                if (done) {
                    *poisoned = true;
                }
            } else if (a->action == PCIE_FABRIC_ACTION_KIND_DELAY) {
                done = delay_ns;
                if (done) {
                    *delay_ns += rig_delay_us(&a->u.delay) * SCALE_US;
                }
            }
            if (done) {
                rig_match_applied(rr, &effect->match, i);
            }
        }
    }
}

/* Fmt and Type of configuration requests of type 0: sec 2.2.1 */
#define CFG_READ    0x04
#define CFG_WRITE   0x44

void pcie_fabric_config_header(PCIDevice *d, const PCIEFabricAccess *access,
                               uint32_t header[4])
{
    uint32_t enables = (MAKE_64BIT_MASK(0, access->size) <<
                        (access->offset & 3)) & 0xf;

    header[0] = (access->write ? CFG_WRITE : CFG_READ) << 24 | 1;
    header[1] = enables;        /* the requester is the root complex, 0 */
    header[2] = pci_requester_id(d) << 16 | (access->offset & 0xffc);
    header[3] = 0;
}
