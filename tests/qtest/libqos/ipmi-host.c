/*
 * The host's side of ipmi-bmc-multi (QMP), for qtests
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "ipmi-host.h"

static G_GNUC_PRINTF(3, 0)
QDict *command(QTestState *qts, const char *name, const char *fmt, va_list ap)
{
    g_autofree char *args = g_strdup_vprintf(fmt, ap);
    g_autofree char *json = g_strdup_printf("{ 'bmc': 'bmc0'%s%s }",
                                            *args ? ", " : "", args);

    return qtest_qmp(qts, "{ 'execute': %s, 'arguments': %p }", name,
                     qobject_from_json(json, &error_abort));
}

void qipmi_do(QTestState *qts, const char *name, const char *fmt, ...)
{
    va_list ap;
    QDict *rsp;

    va_start(ap, fmt);
    rsp = command(qts, name, fmt, ap);
    va_end(ap);
    if (!qdict_haskey(rsp, "return")) {
        g_test_message("%s %s: %s", name, fmt,
                       qdict_get_str(qdict_get_qdict(rsp, "error"), "desc"));
        g_assert_not_reached();
    }
    qobject_unref(rsp);
}

char *qipmi_refused(QTestState *qts, const char *name, const char *fmt, ...)
{
    char *desc;
    va_list ap;
    QDict *rsp;

    va_start(ap, fmt);
    rsp = command(qts, name, fmt, ap);
    va_end(ap);
    if (qdict_haskey(rsp, "return")) {
        g_test_message("%s %s: was taken", name, fmt);
        g_assert_not_reached();
    }
    desc = g_strdup(qdict_get_str(qdict_get_qdict(rsp, "error"), "desc"));
    qobject_unref(rsp);
    return desc;
}

/* What a command returns; unref it */
static QList *query(QTestState *qts, const char *name, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);

static QList *query(QTestState *qts, const char *name, const char *fmt, ...)
{
    QList *list;
    va_list ap;
    QDict *rsp;

    va_start(ap, fmt);
    rsp = command(qts, name, fmt, ap);
    va_end(ap);
    list = qdict_get_qlist(rsp, "return");
    g_assert_nonnull(list);
    qobject_ref(list);
    qobject_unref(rsp);
    return list;
}

static QDict *nth(QList *list, unsigned index)
{
    QListEntry *e;

    QLIST_FOREACH_ENTRY(list, e) {
        if (!index--) {
            return qobject_to(QDict, qlist_entry_obj(e));
        }
    }
    g_assert_not_reached();
}

void qipmi_faults(QTestState *qts, const char *rules)
{
    qipmi_do(qts, "ipmi-set-faults", "'faults': [ %s ]", rules);
}

void qipmi_expect_fault(QTestState *qts, unsigned index, int matched,
                        int applied)
{
    QList *list = query(qts, "query-ipmi-faults", "%s", "");
    QDict *info = nth(list, index);

    g_assert_cmpint(qdict_get_int(info, "matched"), ==, matched);
    g_assert_cmpint(qdict_get_int(info, "applied"), ==, applied);
    qobject_unref(list);
}

/* Byte strings at @key of each of a list, from @skip on, against patterns */
static bool match_list(QList *list, unsigned skip, const char *key,
                       unsigned from, const char *want, const char *file,
                       int line)
{
    g_auto(GStrv) patterns = g_strsplit(want, "|", -1);
    unsigned n = *want ? g_strv_length(patterns) : 0, i = 0;
    g_autoptr(GString) got = g_string_new(NULL);
    bool ok = true;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(list, e) {
        const char *hex = qdict_get_str(qobject_to(QDict, qlist_entry_obj(e)),
                                        key);
        uint8_t buf[QIPMI_MAX];
        unsigned len = qipmi_bytes(hex, buf, sizeof(buf));

        if (skip) {
            skip--;
            continue;
        }
        ok = ok && i < n &&
             qipmi_matches(patterns[i], buf + from, len - from);
        i++;
        g_string_append_printf(got, "%s%s", got->len ? "|" : "",
                               hex + 2 * from);
    }
    if (ok && i == n) {
        return true;
    }
    g_test_message("%s:%d: expected %s, got %s", file, line, want, got->str);
    g_test_fail();
    return false;
}

bool qipmi_expect_sent_at(QTestState *qts, unsigned chan, const char *want,
                          const char *file, int line)
{
    QList *list = query(qts, "query-ipmi-sent",
                        "'channel': %u, 'clear': true", chan);
    bool ok = match_list(list, 0, "data", 0, want, file, line);

    qobject_unref(list);
    return ok;
}

bool qipmi_expect_sel_at(QTestState *qts, unsigned skip, const char *want,
                         const char *file, int line)
{
    QList *list = query(qts, "query-ipmi-sel", "%s", "");
    /* record ID, type, time */
    bool ok = match_list(list, skip, "record", 7, want, file, line);

    qobject_unref(list);
    return ok;
}

unsigned qipmi_sel_count(QTestState *qts)
{
    QList *list = query(qts, "query-ipmi-sel", "%s", "");
    unsigned n = qlist_size(list);

    qobject_unref(list);
    return n;
}

/* A member of the one in a list of query-ipmi-bmcs that has the number */
static int64_t find_int(QTestState *qts, const char *list, const char *key,
                        unsigned number, const char *name)
{
    QDict *bmc = qipmi_query(qts, 0);
    int64_t val = -1;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(bmc, list), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        if (qdict_get_int(d, key) == number) {
            val = qobject_type(qdict_get(d, name)) == QTYPE_QBOOL ?
                  qdict_get_bool(d, name) : qdict_get_int(d, name);
        }
    }
    qobject_unref(bmc);
    return val;
}

int64_t qipmi_channel_int(QTestState *qts, unsigned chan, const char *name)
{
    int64_t val = find_int(qts, "channels", "number", chan, name);

    g_assert_cmpint(val, >=, 0);
    return val;
}

int64_t qipmi_interface_int(QTestState *qts, unsigned chan, const char *name)
{
    return find_int(qts, "interfaces", "channel", chan, name);
}

void qipmi_sensor_raw(QTestState *qts, unsigned sensor, unsigned raw)
{
    qipmi_do(qts, "ipmi-sensor-set", "'sensor': %u, 'raw': %u", sensor, raw);
}

void qipmi_sensor_states(QTestState *qts, unsigned sensor, unsigned states)
{
    qipmi_do(qts, "ipmi-sensor-set", "'sensor': %u, 'states': %u", sensor,
             states);
}

QDict *qipmi_event(QTestState *qts, const char *name)
{
    /* What was sent before the answer to this has been read with it. */
    qobject_unref(qtest_qmp(qts, "{ 'execute': 'query-status' }"));
    return qtest_qmp_event_ref(qts, name);
}

bool qipmi_status_is(QTestState *qts, const char *status)
{
    QDict *rsp = qtest_qmp(qts, "{ 'execute': 'query-status' }");
    const char *is = qdict_get_str(qdict_get_qdict(rsp, "return"), "status");
    bool same = g_str_equal(is, status);

    if (!same) {
        g_test_message("status is %s, not %s", is, status);
    }
    qobject_unref(rsp);
    return same;
}

void qipmi_wait(QTestState *qts, int64_t ms)
{
    qtest_clock_step(qts, ms * QIPMI_MS);
}
