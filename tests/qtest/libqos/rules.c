/*
 * Rules by which a device misbehaves, for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "rules.h"

static QDict *set(QTestState *qts, const char *target, const char *family,
                  const char *rules)
{
    QObject *obj = qobject_from_json(rules, NULL);

    if (!obj) {
        g_error("not JSON: %s", rules);
    }
    return qtest_qmp(qts, "{ 'execute': 'rig-rules-set', 'arguments': {"
                     " 'target': %s, 'family': %s, 'rules': %p } }",
                     target, family, obj);
}

void qrules_set(QTestState *qts, const char *target, const char *family,
                const char *rules)
{
    QDict *rsp = set(qts, target, family, rules);

    if (!qdict_haskey(rsp, "return")) {
        g_error("%s: %s", rules,
                qdict_get_str(qdict_get_qdict(rsp, "error"), "desc"));
    }
    qobject_unref(rsp);
}

static QDict *info(QTestState *qts, const char *target)
{
    QDict *rsp = qtest_qmp(qts, "{ 'execute': 'query-rig-rules',"
                           " 'arguments': { 'target': %s } }", target);
    QDict *one;

    g_assert_true(qdict_haskey(rsp, "return"));
    one = qobject_to(QDict, qlist_peek(qdict_get_qlist(rsp, "return")));
    g_assert_nonnull(one);
    qobject_ref(one);
    qobject_unref(rsp);
    return one;
}

char *qrules_text(QTestState *qts, const char *target)
{
    QDict *one = info(qts, target);
    g_autoptr(GString) text = qobject_to_json(QOBJECT(one));

    qobject_unref(one);
    return g_strdup(text->str);
}

void qrules_refused(QTestState *qts, const char *target, const char *family,
                    const char *rules, const char *const words[])
{
    g_autofree char *before = qrules_text(qts, target);
    QDict *rsp = set(qts, target, family, rules);
    g_autofree char *after = qrules_text(qts, target);

    if (!qdict_haskey(rsp, "error")) {
        g_test_message("%s: accepted", rules);
        g_test_fail();
    } else {
        const char *desc = qdict_get_str(qdict_get_qdict(rsp, "error"), "desc");

        for (; *words; words++) {
            if (!strstr(desc, *words)) {
                g_test_message("%s: '%s' lacks '%s'", rules, desc, *words);
                g_test_fail();
            }
        }
        g_assert_cmpstr(before, ==, after);
    }
    qobject_unref(rsp);
}

void qrules_expect(QTestState *qts, const char *target, unsigned i,
                   uint64_t matched, uint64_t applied)
{
    QDict *one = info(qts, target);
    QList *counts = qdict_get_qlist(one, "counts");
    const QListEntry *e = qlist_first(counts);
    QDict *count;

    while (i--) {
        g_assert_nonnull(e);
        e = qlist_next(e);
    }
    g_assert_nonnull(e);
    count = qobject_to(QDict, qlist_entry_obj(e));
    g_assert_cmpuint(qdict_get_int(count, "matched"), ==, matched);
    g_assert_cmpuint(qdict_get_int(count, "applied"), ==, applied);
    qobject_unref(one);
}
