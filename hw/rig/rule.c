/*
 * Rules: reading, counting, and whose turn it is
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Deterministic: nothing counts but what happens, in the order in which it
 * happens. Nothing in here knows what a rule is about.
 */

#include "qemu/osdep.h"
#include "qapi/clone-visitor.h"
#include "qapi/dealloc-visitor.h"
#include "qapi/error.h"
#include "qapi/qobject-input-visitor.h"
#include "qapi/qobject-output-visitor.h"
#include "qemu/bitops.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "hw/rig/rule.h"
#include "trace.h"

/* All QAPI lists of pointers look like that. */
typedef struct AnyList {
    struct AnyList *next;
    void *value;
} AnyList;

/*
 * Lists
 */

void *rig_rules_clone(const RigRuleFamily *family, const void *list)
{
    void *copy = (void *)list;
    Visitor *v;

    if (copy) {
        v = qapi_clone_visitor_new();
        family->visit(v, NULL, &copy, &error_abort);
        visit_free(v);
    }
    return copy;
}

void rig_rules_free_list(const RigRuleFamily *family, void *list)
{
    Visitor *v;

    if (list) {
        v = qapi_dealloc_visitor_new();
        family->visit(v, NULL, &list, NULL);
        visit_free(v);
    }
}

/* { "rules": [ ... ] }, so that messages say where they found what is wrong */
static QObject *as_object(QObject *obj)
{
    QDict *dict;

    if (qobject_type(obj) != QTYPE_QLIST) {
        return obj;
    }
    dict = qdict_new();
    qdict_put_obj(dict, "rules", obj);
    return QOBJECT(dict);
}

static bool visit_object(const RigRuleFamily *family, QObject *obj,
                         void **list, Error **errp)
{
    Visitor *v = qobject_input_visitor_new(obj);
    bool ok = visit_start_struct(v, NULL, NULL, 0, errp);

    *list = NULL;
    if (ok) {
        ok = family->visit(v, "rules", list, errp) &&
             visit_check_struct(v, errp);
        visit_end_struct(v, NULL);
    }
    visit_free(v);
    if (!ok) {
        rig_rules_free_list(family, *list);
        *list = NULL;
    }
    return ok;
}

/* The first rule that alone is none; -1: they all are */
static int find_wrong(const RigRuleFamily *family, QObject *obj)
{
    QDict *dict = qobject_to(QDict, obj);
    QList *rules = dict ? qobject_to(QList, qdict_get(dict, "rules")) : NULL;
    QListEntry *e;
    int i = 0;

    if (!rules) {
        return -1;
    }
    QLIST_FOREACH_ENTRY(rules, e) {
        QList *one = qlist_new();
        QObject *alone;
        void *list;
        bool ok;

        qlist_append_obj(one, qobject_ref(qlist_entry_obj(e)));
        alone = as_object(QOBJECT(one));
        ok = visit_object(family, alone, &list, NULL);
        rig_rules_free_list(family, list);
        qobject_unref(alone);
        if (!ok) {
            return i;
        }
        i++;
    }
    return -1;
}

bool rig_rules_parse(const RigRuleFamily *family, const char *text,
                     void **list, Error **errp)
{
    ERRP_GUARD();
    QObject *obj = qobject_from_json(text, errp);
    bool ok;

    *list = NULL;
    if (!obj) {
        error_prepend(errp, "rules: ");
        return false;
    }
    obj = as_object(obj);
    ok = visit_object(family, obj, list, errp);
    if (!ok && !strstr(error_get_pretty(*errp), "rules[")) {
        /* Of a number or an enumeration QEMU tells the member only. */
        int i = find_wrong(family, obj);

        if (i >= 0) {
            error_prepend(errp, "rules[%d]: ", i);
        }
    }
    qobject_unref(obj);
    return ok;
}

static char *list_text(const RigRuleFamily *family, void *list)
{
    g_autoptr(GString) text = NULL;
    QObject *obj;
    Visitor *v;

    if (!list) {
        return g_strdup("[]");
    }
    v = qobject_output_visitor_new(&obj);
    family->visit(v, NULL, &list, &error_abort);
    visit_complete(v, &obj);
    visit_free(v);
    text = qobject_to_json(obj);
    qobject_unref(obj);
    return g_strdup(text->str);
}

char *rig_rules_text(const RigRules *rr)
{
    return list_text(rr->family, rr->list);
}

char *rig_rule_text(const RigRules *rr, unsigned i)
{
    AnyList one = { .value = (void *)rr->rule[i] };
    g_autofree char *text = list_text(rr->family, &one);

    return g_strndup(text + 1, strlen(text) - 2);
}

static void make_digest(RigRules *rr)
{
    g_autofree char *text = rig_rules_text(rr);
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize len = sizeof(rr->digest);

    g_checksum_update(sum, (const guchar *)rr->family->name, -1);
    g_checksum_update(sum, (const guchar *)text, -1);
    g_checksum_get_digest(sum, rr->digest, &len);
}

/*
 * Rules
 */

void rig_rules_init(RigRules *rr, const RigRuleFamily *family)
{
    memset(rr, 0, sizeof(*rr));
    rr->family = family;
    make_digest(rr);
}

void rig_rules_free(RigRules *rr)
{
    rig_rules_free_list(rr->family, rr->list);
    g_free(rr->name);
    g_free(rr->text);
    g_free(rr->file);
    memset(rr, 0, sizeof(*rr));
}

static bool check_actions(RigRules *rr, const void *rule, Error **errp)
{
    const AnyList *action = rr->family->actions(rule);
    unsigned i;

    if (!action) {
        error_setg(errp, "do: is empty; the rule would have no effect");
        return false;
    }
    for (i = 0; action; action = action->next, i++) {
        if (!rr->family->check_action(rr->target, rule, action->value, errp)) {
            error_prepend(errp, "do[%u].", i);
            return false;
        }
    }
    return true;
}

static bool check_rule(RigRules *rr, const void *rule, Error **errp)
{
    const RigRule *base = rule;

    if (base->has_from && !base->from) {
        error_setg(errp, "from: must be at least 1; matches are counted from "
                   "1");
        return false;
    }
    return rr->family->check(rr->target, rule, errp) &&
           check_actions(rr, rule, errp);
}

static bool check_list(RigRules *rr, const AnyList *list, Error **errp)
{
    unsigned i;

    for (i = 0; list; list = list->next, i++) {
        if (i == RIG_RULES_MAX) {
            error_setg(errp, "rules: there may be %u at most", RIG_RULES_MAX);
            return false;
        }
        if (!check_rule(rr, list->value, errp)) {
            error_prepend(errp, "rules[%u].", i);
            return false;
        }
    }
    return true;
}

void rig_rules_restart(RigRules *rr)
{
    memset(rr->counts, 0, sizeof(rr->counts));
}

bool rig_rules_set(RigRules *rr, const void *list, Error **errp)
{
    const AnyList *i;

    if (!check_list(rr, list, errp)) {
        return false;
    }
    rig_rules_free_list(rr->family, rr->list);
    rr->list = rig_rules_clone(rr->family, list);
    rr->n = 0;
    for (i = rr->list; i; i = i->next) {
        rr->rule[rr->n++] = i->value;
    }
    rig_rules_restart(rr);
    make_digest(rr);
    if (rr->family->changed) {
        rr->family->changed(rr->target);
    }
    return true;
}

/*
 * Occurrences
 */

/* Is it the turn of a rule that has matched once more? */
static bool is_due(const RigRule *rule, const RigRuleCounts *counts)
{
    uint64_t from = rule->has_from ? rule->from : 1;
    uint64_t count = rule->has_count ? rule->count : 1;

    return counts->matched >= from && (!count || counts->applied < count);
}

bool rig_rules_match_all(RigRules *rr, const void *subject, RigMatch *m)
{
    bool any = false;
    unsigned i;

    memset(m, 0, sizeof(*m));
    for (i = 0; i < rr->n; i++) {
        if (!rr->family->matches(rr->target, rr->rule[i], subject)) {
            continue;
        }
        rr->counts[i].matched++;
        trace_rig_rule_matched(rr->name ?: "", i, rr->counts[i].matched);
        if (is_due(rr->rule[i], &rr->counts[i])) {
            m->due[i / 64] |= BIT_ULL(i % 64);
            any = true;
        }
    }
    return any;
}

int rig_match_next(const RigMatch *m, int i)
{
    for (i++; i < RIG_RULES_MAX; i++) {
        if (m->due[i / 64] & BIT_ULL(i % 64)) {
            return i;
        }
    }
    return -1;
}

void rig_match_applied(RigRules *rr, RigMatch *m, int i)
{
    uint64_t bit = BIT_ULL(i % 64);

    if (!(m->applied[i / 64] & bit)) {
        m->applied[i / 64] |= bit;
        rr->counts[i].applied++;
        trace_rig_rule_applied(rr->name ?: "", i, rr->counts[i].applied);
    }
}

/*
 * Bytes and times
 */

/* How many bytes are @hex? -1: it is not hexadecimal */
static int hex_bytes(const char *hex)
{
    size_t len = strspn(hex, "0123456789abcdefABCDEF");

    return hex[len] || len % 2 || len > INT_MAX ? -1 : len / 2;
}

static uint8_t hex_byte(const char *hex, unsigned i)
{
    return g_ascii_xdigit_value(hex[2 * i]) << 4 |
           g_ascii_xdigit_value(hex[2 * i + 1]);
}

static uint8_t mask_byte(const RigBytes *b, unsigned i)
{
    return b->mask ? hex_byte(b->mask, i) : 0xff;
}

bool rig_bytes_check(const char *member, const RigBytes *b, uint32_t size,
                     Error **errp)
{
    int n = hex_bytes(b->bytes);

    if (n <= 0) {
        error_setg(errp, "%s.bytes: '%s' must be hexadecimal digits, two for "
                   "each byte, and at least one byte", member, b->bytes);
        return false;
    }
    if (b->mask && hex_bytes(b->mask) != n) {
        error_setg(errp, "%s.mask: '%s' must have as many bytes as '%s'",
                   member, b->mask, b->bytes);
        return false;
    }
    if (b->offset + n > size) {
        error_setg(errp, "%s: %d bytes at offset %u; there are never more than "
                   "%u", member, n, b->offset, size);
        return false;
    }
    return true;
}

bool rig_bytes_check_list(const char *member, const RigBytesList *list,
                          uint32_t size, Error **errp)
{
    for (unsigned i = 0; list; list = list->next, i++) {
        g_autofree char *name = g_strdup_printf("%s[%u]", member, i);

        if (!rig_bytes_check(name, list->value, size, errp)) {
            return false;
        }
    }
    return true;
}

bool rig_bytes_match(const RigBytes *b, const uint8_t *data, uint32_t len)
{
    unsigned n = strlen(b->bytes) / 2;

    if (b->offset + n > len) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if ((data[b->offset + i] ^ hex_byte(b->bytes, i)) & mask_byte(b, i)) {
            return false;
        }
    }
    return true;
}

bool rig_bytes_match_list(const RigBytesList *list, const uint8_t *data,
                          uint32_t len)
{
    for (; list; list = list->next) {
        if (!rig_bytes_match(list->value, data, len)) {
            return false;
        }
    }
    return true;
}

bool rig_bytes_apply(const RigBytes *b, uint8_t *data, uint32_t len)
{
    unsigned n = strlen(b->bytes) / 2;

    for (unsigned i = 0; i < n && b->offset + i < len; i++) {
        uint8_t *byte = &data[b->offset + i], mask = mask_byte(b, i);

        *byte = (*byte & ~mask) | (hex_byte(b->bytes, i) & mask);
    }
    return b->offset < len;
}

uint64_t rig_delay_us(const RigDelay *d)
{
    return (d->has_ms ? d->ms * 1000ull : 0) + (d->has_us ? d->us : 0);
}

bool rig_delay_check(const RigDelay *d, Error **errp)
{
    if (!rig_delay_us(d)) {
        error_setg(errp, "ms: a delay must be longer than 0 (ms and us)");
        return false;
    }
    return true;
}
