/*
 * Test for the rule language: counting, whose turn it is, refusals
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The engine is linked in, with a small family of its own: an occurrence has a
 * kind and a few bytes, an action is a word. What is expected is written
 * from docs/specs/rig-rule.rst. The model of the random comparison keeps the
 * whole history and works out from it, anew each time, who has to act.
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-rig-match.h"
#include "qobject/qjson.h"
#include "hw/rig/rule.h"

/*
 * The family: { "when": { "kind": K, "data": [ ... ] }, "do": [ WORD, ... ] }
 */

typedef struct TestRule {
    RigRule base;
    bool has_kind;
    uint8_t kind;
    RigBytesList *data;
    strList *q_do;
} TestRule;

typedef struct TestRuleList {
    struct TestRuleList *next;
    TestRule *value;
} TestRuleList;

typedef struct TestSubject {
    uint8_t kind;
    uint8_t data[4];
} TestSubject;

static bool visit_when(Visitor *v, TestRule *r, Error **errp)
{
    bool has_data = r->data, has_when = r->has_kind || has_data;
    bool ok = true;

    if (!visit_optional(v, "when", &has_when)) {
        return true;
    }
    if (!visit_start_struct(v, "when", NULL, 0, errp)) {
        return false;
    }
    if (visit_optional(v, "kind", &r->has_kind)) {
        ok = visit_type_uint8(v, "kind", &r->kind, errp);
    }
    if (ok && visit_optional(v, "data", &has_data)) {
        ok = visit_type_RigBytesList(v, "data", &r->data, errp);
    }
    ok = ok && visit_check_struct(v, errp);
    visit_end_struct(v, NULL);
    return ok;
}

static bool visit_rule(Visitor *v, TestRule **r, Error **errp)
{
    bool ok;

    if (!visit_start_struct(v, NULL, (void **)r, sizeof(**r), errp)) {
        return false;
    }
    if (!*r) {
        visit_end_struct(v, (void **)r);
        return true;
    }
    ok = visit_type_RigRule_members(v, &(*r)->base, errp) &&
         visit_when(v, *r, errp) &&
         visit_type_strList(v, "do", &(*r)->q_do, errp) &&
         visit_check_struct(v, errp);
    visit_end_struct(v, (void **)r);
    return ok;
}

static bool test_visit(Visitor *v, const char *name, void **list, Error **errp)
{
    GenericList *tail;
    bool ok = true;

    if (!visit_start_list(v, name, (GenericList **)list, sizeof(TestRuleList),
                          errp)) {
        return false;
    }
    for (tail = *list; ok && tail;
         tail = visit_next_list(v, tail, sizeof(TestRuleList))) {
        ok = visit_rule(v, &((TestRuleList *)tail)->value, errp);
    }
    ok = ok && visit_check_list(v, errp);
    visit_end_list(v, list);
    return ok;
}

static const void *test_actions(const void *rule)
{
    return ((const TestRule *)rule)->q_do;
}

static bool test_check(Object *target, const void *rule, Error **errp)
{
    const TestRule *r = rule;

    if (r->has_kind && r->kind > 3) {
        error_setg(errp, "when.kind: must be 0 to 3");
        return false;
    }
    return rig_bytes_check_list("when.data", r->data, 4, errp);
}

static bool test_check_action(Object *target, const void *rule,
                              const void *action, Error **errp)
{
    if (!strcmp(action, "nothing")) {
        error_setg(errp, "word: 'nothing' has no effect");
        return false;
    }
    return true;
}

static bool test_matches(Object *target, const void *rule, const void *subject)
{
    const TestRule *r = rule;
    const TestSubject *s = subject;

    return (!r->has_kind || r->kind == s->kind) &&
           rig_bytes_match_list(r->data, s->data, sizeof(s->data));
}

static const RigRuleFamily test_family = {
    .name = "test",
    .visit = test_visit,
    .actions = test_actions,
    .check = test_check,
    .check_action = test_check_action,
    .matches = test_matches,
};

/*
 * Helpers
 */

static void set(RigRules *rr, const char *text)
{
    void *list;

    g_assert_true(rig_rules_parse(&test_family, text, &list, &error_abort));
    g_assert_true(rig_rules_set(rr, list, &error_abort));
    rig_rules_free_list(&test_family, list);
}

static RigRules *rules(const char *text)
{
    RigRules *rr = g_new(RigRules, 1);

    rig_rules_init(rr, &test_family);
    set(rr, text);
    return rr;
}

static void drop(RigRules *rr)
{
    rig_rules_free(rr);
    g_free(rr);
}

/*
 * One occurrence of @kind; bit i of @refused: rule i can do nothing about it.
 * Returns a bit for each rule whose turn it is.
 */
static uint64_t happen(RigRules *rr, uint8_t kind, uint64_t refused)
{
    TestSubject s = { .kind = kind };
    uint64_t due = 0;
    RigMatch m;
    int last = -1;

    if (!rig_rules_match(rr, &s, &m)) {
        return 0;
    }
    for (int i = rig_match_next(&m, -1); i >= 0; i = rig_match_next(&m, i)) {
        g_assert_cmpint(i, >, last);
        last = i;
        due |= 1ull << i;
        if (!(refused & 1ull << i)) {
            rig_match_applied(rr, &m, i);
            /* Two actions of a rule are one application. */
            rig_match_applied(rr, &m, i);
        }
    }
    g_assert_cmpuint(due, !=, 0);
    return due;
}

static void counts(RigRules *rr, unsigned i, uint64_t matched, uint64_t applied)
{
    g_assert_cmpuint(rr->counts[i].matched, ==, matched);
    g_assert_cmpuint(rr->counts[i].applied, ==, applied);
}

/*
 * Counting
 */

/* Without from and count: the first match, and no other. */
static void test_defaults(void)
{
    RigRules *rr = rules("[{'when': {'kind': 1}, 'do': ['a']}]");

    g_assert_cmpuint(happen(rr, 0, 0), ==, 0);
    g_assert_cmpuint(happen(rr, 1, 0), ==, 1);
    g_assert_cmpuint(happen(rr, 1, 0), ==, 0);
    counts(rr, 0, 2, 1);
    drop(rr);
}

static void test_window(void)
{
    RigRules *rr = rules("[{'from': 3, 'count': 2, 'do': ['a']},"
                         " {'from': 4, 'count': 0, 'do': ['a']}]");
    static const uint64_t due[] = { 0, 0, 1, 3, 2, 2, 2 };

    for (unsigned i = 0; i < ARRAY_SIZE(due); i++) {
        g_assert_cmpuint(happen(rr, 0, 0), ==, due[i]);
    }
    counts(rr, 0, 7, 2);
    counts(rr, 1, 7, 4);
    drop(rr);
}

/* A match counts at a rule also if an earlier one acts on it. */
static void test_all_count(void)
{
    RigRules *rr = rules("[{'when': {'kind': 0}, 'do': ['a']},"
                         " {'from': 2, 'do': ['b'], 'when': {'kind': 0}}]");

    g_assert_cmpuint(happen(rr, 0, 0), ==, 1);
    g_assert_cmpuint(happen(rr, 0, 0), ==, 2);
    g_assert_cmpuint(happen(rr, 0, 0), ==, 0);
    g_assert_cmpuint(happen(rr, 0, 0), ==, 0);
    counts(rr, 0, 4, 1);
    counts(rr, 1, 4, 1);
    drop(rr);
}

/* Two rules on one match: both have their turn, in their order. */
static void test_several(void)
{
    RigRules *rr = rules("[{'do': ['a']}, {'count': 2, 'do': ['b']},"
                         " {'when': {'kind': 1}, 'do': ['c']}]");

    g_assert_cmpuint(happen(rr, 0, 0), ==, 3);
    g_assert_cmpuint(happen(rr, 1, 0), ==, 6);
    g_assert_cmpuint(happen(rr, 1, 0), ==, 0);
    drop(rr);
}

/* What no action could be carried out on does not use the rule up. */
static void test_refused(void)
{
    RigRules *rr = rules("[{'from': 2, 'count': 2, 'do': ['a']}]");

    g_assert_cmpuint(happen(rr, 0, 1), ==, 0);
    g_assert_cmpuint(happen(rr, 0, 1), ==, 1);
    g_assert_cmpuint(happen(rr, 0, 1), ==, 1);
    g_assert_cmpuint(happen(rr, 0, 0), ==, 1);
    g_assert_cmpuint(happen(rr, 0, 1), ==, 1);
    g_assert_cmpuint(happen(rr, 0, 0), ==, 1);
    g_assert_cmpuint(happen(rr, 0, 0), ==, 0);
    counts(rr, 0, 7, 2);
    drop(rr);
}

static void test_restart(void)
{
    RigRules *rr = rules("[{'do': ['a']}]");

    g_assert_cmpuint(happen(rr, 0, 0), ==, 1);
    g_assert_cmpuint(happen(rr, 0, 0), ==, 0);
    rig_rules_restart(rr);
    counts(rr, 0, 0, 0);
    g_assert_cmpuint(happen(rr, 0, 0), ==, 1);
    set(rr, "[{'do': ['a']}]");
    counts(rr, 0, 0, 0);
    g_assert_cmpuint(happen(rr, 0, 0), ==, 1);
    set(rr, "{'rules': []}");
    g_assert_cmpuint(rr->n, ==, 0);
    g_assert_cmpuint(happen(rr, 0, 0), ==, 0);
    drop(rr);
}

/* All 256, the last of which acts alone once the others are used up */
static void test_many(void)
{
    g_autoptr(GString) text = g_string_new("[");
    RigRules *rr;
    TestSubject s = { 0 };
    RigMatch m;
    unsigned n = 0;

    for (unsigned i = 0; i < RIG_RULES_MAX; i++) {
        g_string_append_printf(text, "%s{'count': %u, 'do': ['a']}",
                               i ? "," : "", i == RIG_RULES_MAX - 1 ? 2 : 1);
    }
    g_string_append_c(text, ']');
    rr = rules(text->str);
    g_assert_true(rig_rules_match(rr, &s, &m));
    for (int i = rig_match_next(&m, -1); i >= 0; i = rig_match_next(&m, i)) {
        g_assert_cmpint(i, ==, n++);
        rig_match_applied(rr, &m, i);
    }
    g_assert_cmpuint(n, ==, RIG_RULES_MAX);
    g_assert_true(rig_rules_match(rr, &s, &m));
    g_assert_cmpint(rig_match_next(&m, -1), ==, RIG_RULES_MAX - 1);
    g_assert_cmpint(rig_match_next(&m, RIG_RULES_MAX - 1), ==, -1);
    drop(rr);
}

/*
 * Refusals: they name the rule and the member, and the old rules stay.
 */

static const struct {
    const char *text;
    const char *words[3];
} refusals[] = {
    { "nonsense", { "JSON" } },
    { "7", { "object" } },
    { "{}", { "'rules' is missing" } },
    { "{'rules': [], 'more': 1}", { "more", "unexpected" } },
    { "[{'do': ['a']}, {'from': 0, 'do': ['a']}]",
      { "rules[1].from", "at least 1" } },
    { "[{'do': []}]", { "rules[0].do", "empty" } },
    { "[{}]", { "rules[0].do", "missing" } },
    { "[{'do': ['a'], 'form': 2}]", { "rules[0].form", "unexpected" } },
    { "[{'do': ['a'], 'from': -1}]", { "rules[0]", "'from'" } },
    { "[{'do': ['a']}, {'do': ['a'], 'count': -1}]",
      { "rules[1]", "'count'" } },
    { "[{'do': ['a'], 'count': 'x'}]", { "rules[0].count" } },
    { "[{'do': ['a']}, {'do': ['a']}, {'when': {'kind': 4}, 'do': ['a']}]",
      { "rules[2].when.kind", "0 to 3" } },
    { "[{'do': ['a', 'b', 'nothing']}]", { "rules[0].do[2].word" } },
    { "[{'do': ['a'], 'when': {'data': [{'bytes': '0'}]}}]",
      { "rules[0].when.data[0].bytes", "hexadecimal" } },
    { "[{'do': ['a'], 'when': {'data': [{'bytes': ''}]}}]",
      { "rules[0].when.data[0].bytes", "at least one" } },
    { "[{'do': ['a'], 'when': {'data': [{'bytes': 'gg'}]}}]",
      { "rules[0].when.data[0].bytes", "'gg'" } },
    { "[{'do': ['a'], 'when': {'data': [{'bytes': '00'},"
      "{'bytes': '0011', 'mask': '00'}]}}]",
      { "rules[0].when.data[1].mask", "as many bytes" } },
    { "[{'do': ['a'], 'when': {'data': [{'offset': 3,"
      "'bytes': '0011'}]}}]",
      { "rules[0].when.data[0]", "never more than 4" } },
};

static void test_refusals(void)
{
    RigRules *rr = rules("[{'count': 0, 'do': ['a']}]");
    g_autofree char *before = rig_rules_text(rr);

    happen(rr, 0, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(refusals); i++) {
        g_autofree char *after = NULL;
        Error *err = NULL;
        void *list = NULL;

        if (rig_rules_parse(&test_family, refusals[i].text, &list, &err)) {
            g_assert_false(rig_rules_set(rr, list, &err));
            rig_rules_free_list(&test_family, list);
        }
        g_assert_nonnull(err);
        for (unsigned w = 0; w < 3 && refusals[i].words[w]; w++) {
            if (!strstr(error_get_pretty(err), refusals[i].words[w])) {
                g_test_message("%s: '%s' lacks '%s'", refusals[i].text,
                               error_get_pretty(err), refusals[i].words[w]);
                g_test_fail();
            }
        }
        error_free(err);
        after = rig_rules_text(rr);
        g_assert_cmpstr(before, ==, after);
        counts(rr, 0, 1, 1);
    }
    drop(rr);
}

static void test_too_many(void)
{
    g_autoptr(GString) text = g_string_new("[{'do': ['a']}");
    RigRules *rr = rules("[]");
    Error *err = NULL;
    void *list;

    for (unsigned i = 0; i < RIG_RULES_MAX; i++) {
        g_string_append(text, ", {'do': ['a']}");
    }
    g_string_append_c(text, ']');
    g_assert_true(rig_rules_parse(&test_family, text->str, &list,
                                  &error_abort));
    g_assert_false(rig_rules_set(rr, list, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "256 at most"));
    error_free(err);
    rig_rules_free_list(&test_family, list);
    drop(rr);
}

/*
 * Text: what is read is what is shown; the digest tells rules apart.
 */
static void test_text(void)
{
    static const char text[] =
        "[{'from': 2, 'do': ['g', 'h'], 'when': {'kind': 1, 'data':"
        " [{'offset': 1, 'bytes': 'a0', 'mask': 'f0'}]}},"
        " {'do': ['i']}]";
    RigRules *a = rules(text), *b = rules("[{'from': 3, 'do': ['g']}]");
    g_autofree char *shown = rig_rules_text(a);
    g_autofree char *one = rig_rule_text(a, 1);

    g_assert_cmpstr(one, ==, "{\"do\": [\"i\"]}");
    g_assert_cmpint(memcmp(a->digest, b->digest, sizeof(a->digest)), !=, 0);
    set(b, shown);
    g_assert_cmpint(memcmp(a->digest, b->digest, sizeof(a->digest)), ==, 0);
    set(b, "[]");
    g_assert_cmpint(memcmp(a->digest, b->digest, sizeof(a->digest)), !=, 0);
    drop(a);
    drop(b);
}

/*
 * Bytes, times
 */

static void test_bytes(void)
{
    static const uint8_t data[] = { 0x12, 0x34, 0x56 };
    RigBytes b = { .has_offset = true, .offset = 1, .bytes = (char *)"34" };
    uint8_t changed[3];

    g_assert_true(rig_bytes_match(&b, data, 3));
    g_assert_true(rig_bytes_match(&b, data, 2));
    g_assert_false(rig_bytes_match(&b, data, 1));
    g_assert_false(rig_bytes_match(&b, data, 0));
    b.bytes = (char *)"3457";
    g_assert_false(rig_bytes_match(&b, data, 3));
    b.mask = (char *)"fffe";
    g_assert_true(rig_bytes_match(&b, data, 3));
    b.mask = (char *)"FFFD";
    g_assert_false(rig_bytes_match(&b, data, 3));

    memcpy(changed, data, sizeof(changed));
    b.bytes = (char *)"ABCD";
    b.mask = (char *)"0ff0";
    g_assert_true(rig_bytes_apply(&b, changed, 3));
    g_assert_cmphex(changed[0], ==, 0x12);
    g_assert_cmphex(changed[1], ==, 0x3b);
    g_assert_cmphex(changed[2], ==, 0xc6);
    /* Behind the end is nothing to be changed. */
    memcpy(changed, data, sizeof(changed));
    b.mask = NULL;
    g_assert_true(rig_bytes_apply(&b, changed, 2));
    g_assert_cmphex(changed[1], ==, 0xab);
    g_assert_cmphex(changed[2], ==, 0x56);
    g_assert_false(rig_bytes_apply(&b, changed, 1));
}

static void test_delay(void)
{
    RigDelay d = { .has_ms = true, .ms = UINT32_MAX };
    Error *err = NULL;

    g_assert_cmpuint(rig_delay_us(&d), ==, UINT32_MAX * 1000ull);
    d.has_us = true;
    d.us = 7;
    d.ms = 2;
    g_assert_cmpuint(rig_delay_us(&d), ==, 2007);
    g_assert_true(rig_delay_check(&d, &error_abort));
    d.ms = d.us = 0;
    g_assert_false(rig_delay_check(&d, &err));
    error_free(err);
}

/*
 * Against a model
 */

#define MODEL_RULES     12
#define MODEL_EVENTS    80

typedef struct ModelRule {
    int kind;                   /* -1: any */
    unsigned from, count;       /* 0 of count: for ever */
} ModelRule;

typedef struct ModelEvent {
    uint8_t kind;
    uint64_t refused;
} ModelEvent;

/*
 * Has rule @i to act on the last of @n events? From the history: the matches of
 * the rule are numbered from 1. It acts on those numbered from or higher, until
 * it has acted count times on one that was not refused.
 */
static bool model_due(const ModelRule *rule, unsigned i,
                      const ModelEvent *event, unsigned n)
{
    unsigned number = 0, acted = 0;

    for (unsigned e = 0; e < n; e++) {
        if (rule->kind >= 0 && rule->kind != event[e].kind) {
            if (e == n - 1) {
                return false;
            }
            continue;
        }
        number++;
        if (number < rule->from || (rule->count && acted == rule->count)) {
            if (e == n - 1) {
                return false;
            }
            continue;
        }
        acted += !(event[e].refused >> i & 1);
    }
    return true;
}

static char *random_rules(GRand *rand, ModelRule *rule, unsigned n)
{
    GString *text = g_string_new("[");

    for (unsigned i = 0; i < n; i++) {
        rule[i].kind = g_rand_int_range(rand, -1, 4);
        rule[i].from = g_rand_int_range(rand, 1, 8);
        rule[i].count = g_rand_int_range(rand, 0, 5);
        g_string_append_printf(text, "%s{'do': ['a']", i ? ", " : "");
        if (rule[i].kind >= 0) {
            g_string_append_printf(text, ", 'when': {'kind': %d}",
                                   rule[i].kind);
        }
        if (rule[i].from > 1 || g_rand_boolean(rand)) {
            g_string_append_printf(text, ", 'from': %u", rule[i].from);
        }
        if (rule[i].count != 1 || g_rand_boolean(rand)) {
            g_string_append_printf(text, ", 'count': %u", rule[i].count);
        }
        g_string_append_c(text, '}');
    }
    g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

static void run_model(GRand *rand)
{
    unsigned n = g_rand_int_range(rand, 1, MODEL_RULES + 1);
    unsigned refusals_in_ten = g_rand_int_range(rand, 0, 6);
    ModelRule rule[MODEL_RULES];
    ModelEvent event[MODEL_EVENTS];
    g_autofree char *text = random_rules(rand, rule, n);
    RigRules *rr = rules(text);

    for (unsigned e = 0; e < MODEL_EVENTS; e++) {
        uint64_t due = 0, got;

        event[e].kind = g_rand_int_range(rand, 0, 4);
        event[e].refused = 0;
        for (unsigned i = 0; i < n; i++) {
            if (g_rand_int_range(rand, 0, 10) < refusals_in_ten) {
                event[e].refused |= 1ull << i;
            }
        }
        for (unsigned i = 0; i < n; i++) {
            due |= (uint64_t)model_due(&rule[i], i, event, e + 1) << i;
        }
        got = happen(rr, event[e].kind, event[e].refused);
        if (got != due) {
            g_test_message("%s, event %u: 0x%" PRIx64 ", wanted 0x%" PRIx64,
                           text, e, got, due);
        }
        g_assert_cmphex(got, ==, due);
    }
    drop(rr);
}

static void test_model(void)
{
    unsigned sets = g_test_slow() ? 100000 : 3000;
    GRand *rand = g_rand_new_with_seed(20261201);

    for (unsigned i = 0; i < sets; i++) {
        run_model(rand);
    }
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rig/rule/defaults", test_defaults);
    g_test_add_func("/rig/rule/window", test_window);
    g_test_add_func("/rig/rule/all-count", test_all_count);
    g_test_add_func("/rig/rule/several", test_several);
    g_test_add_func("/rig/rule/refused", test_refused);
    g_test_add_func("/rig/rule/restart", test_restart);
    g_test_add_func("/rig/rule/many", test_many);
    g_test_add_func("/rig/rule/refusals", test_refusals);
    g_test_add_func("/rig/rule/too-many", test_too_many);
    g_test_add_func("/rig/rule/text", test_text);
    g_test_add_func("/rig/rule/bytes", test_bytes);
    g_test_add_func("/rig/rule/delay", test_delay);
    g_test_add_func("/rig/rule/model", test_model);
    return g_test_run();
}
