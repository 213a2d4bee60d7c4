/*
 * A random guest and random peers of an ipmi-bmc-multi: the host
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Injections and fault rules by QMP, right and wrong; what happens to the
 * machine as a whole.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "ipmi-fuzz.h"

/* Of the receive message queue, of what query-ipmi-sent shows, of the SEL */
#define QUEUE_DEPTH     64
#define SENT_DEPTH      64
#define SEL_ENTRIES     64

static const struct {
    const char *driver, *id, *bus;
    unsigned slot, nr, chan;
} interfaces[FUZZ_PORTS] = {
    { "pci-ipmi-kcs", "if0", "rp0", 8, 1, 15 },
    { "pci-ipmi-bt", "if1", "rp1", 9, 2, 7 },
};

/* Whether it was taken */
static bool run(Fuzz *f, const char *command, const char *args)
{
    QDict *rsp = qtest_qmp(f->qts, "{ 'execute': %s, 'arguments': %p }",
                           command, qobject_from_json(args, &error_abort));
    bool taken = qdict_haskey(rsp, "return");

    fuzz_log("%s %s%s", command, args, taken ? "" : ": refused");
    qobject_unref(rsp);
    return taken;
}

static QDict *query_bmc(Fuzz *f)
{
    return qipmi_query(f->qts, 0);
}

/* A number that may be one that the command does not take */
static int any_number(Fuzz *f, unsigned sensible)
{
    return fuzz_pick(f, 12) ? fuzz_pick(f, sensible) :
                              (int)fuzz_pick(f, 600) - 40;
}

static char *any_hex(Fuzz *f, unsigned max)
{
    uint8_t buf[QIPMI_MAX];
    unsigned i, n = fuzz_pick(f, fuzz_pick(f, 8) ? MIN(max, 24) : max);
    char *hex;

    for (i = 0; i < n; i++) {
        buf[i] = fuzz_byte(f);
    }
    hex = qipmi_hex(buf, n);
    if (n && !fuzz_pick(f, 20)) {
        hex[fuzz_pick(f, 2 * n)] = fuzz_pick(f, 2) ? 'x' : 0;
    }
    return hex;
}

/* Some of the members that a command has, in no good order */
static void add_members(Fuzz *f, GString *s, const char *const *names,
                        unsigned n, unsigned sensible)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        if (!fuzz_pick(f, 3)) {
            g_string_append_printf(s, ", '%s': %d", names[i],
                                   any_number(f, sensible));
        }
    }
}

static char *request_args(Fuzz *f)
{
    static const char *const more[] = {
        "lun", "sequence", "requester-lun", "privilege",
    };
    GString *s = g_string_new("{ 'bmc': 'bmc0'");
    uint8_t req[QIPMI_MAX];
    unsigned n = fuzz_request(f, req);
    g_autofree char *data = qipmi_hex(req + 2, MIN(n - 2, FUZZ_MESSAGE));

    g_string_append_printf(s, ", 'channel': %d, 'netfn': %d, 'cmd': %d, "
                           "'data': '%s'", any_number(f, 12),
                           req[0] >> 2, req[1], data);
    add_members(f, s, more, ARRAY_SIZE(more), 4);
    if (fuzz_pick(f, 2)) {
        g_string_append(s, ", 'address': 129");
    }
    return g_string_free(g_string_append(s, " }"), false);
}

static char *response_args(Fuzz *f)
{
    static const char *const more[] = {
        "sequence", "lun", "code", "handle", "address",
    };
    GString *s = g_string_new("{ 'bmc': 'bmc0'");
    g_autofree char *data = any_hex(f, 280);

    g_string_append_printf(s, ", 'channel': %d, 'netfn': %d, 'cmd': %d, "
                           "'data': '%s'", any_number(f, 12),
                           any_number(f, 64), any_number(f, 256), data);
    add_members(f, s, more, ARRAY_SIZE(more), 64);
    return g_string_free(g_string_append(s, " }"), false);
}

static char *raw_args(Fuzz *f)
{
    g_autofree char *data = any_hex(f, 280);

    return g_strdup_printf("{ 'bmc': 'bmc0', 'channel': %d, 'data': '%s', "
                           "'privilege': %d }", any_number(f, 12), data,
                           any_number(f, 6));
}

static char *record_args(Fuzz *f)
{
    g_autofree char *other = any_hex(f, 20);
    uint8_t rec[16];
    g_autofree char *hex = NULL;
    unsigned i;

    for (i = 0; i < sizeof(rec); i++) {
        rec[i] = fuzz_byte(f);
    }
    hex = qipmi_hex(rec, sizeof(rec));
    return g_strdup_printf("{ 'bmc': '%s', 'record': '%s' }",
                           fuzz_pick(f, 16) ? "bmc0" : "if0",
                           fuzz_pick(f, 8) ? hex : other);
}

static char *sensor_args(Fuzz *f)
{
    static const unsigned sensors[] = { 1, 2, 16, 32, 35, 48, 64, 80, 98, 100 };

    return g_strdup_printf("{ 'bmc': 'bmc0', 'sensor': %u, '%s': %d }",
                           sensors[fuzz_pick(f, ARRAY_SIZE(sensors))],
                           fuzz_pick(f, 3) ? "raw" : "states",
                           any_number(f, 256));
}

void fuzz_inject(Fuzz *f)
{
    static const struct {
        const char *command;
        char *(*args)(Fuzz *f);
    } table[] = {
        { "ipmi-request", request_args }, { "ipmi-request", request_args },
        { "ipmi-response", response_args }, { "ipmi-raw", raw_args },
        { "ipmi-sel-add", record_args }, { "ipmi-event", record_args },
        { "ipmi-sensor-set", sensor_args },
    };
    unsigned i = fuzz_pick(f, ARRAY_SIZE(table));
    g_autofree char *args = table[i].args(f);

    run(f, table[i].command, args);
}

/*
 * Fault rules
 */

static const char *const actions[] = {
    "drop", "ignore", "delay", "repeat", "wrong-sequence", "wrong-netfn",
    "wrong-command", "truncate", "extend", "completion", "stuck",
    "attention-storm", "bmc-reset", "lost-interrupt", "no-such-action",
};

static bool is(const char *a, const char *b)
{
    return g_str_equal(a, b);
}

/* Members that go with the action, mostly */
static void add_details(Fuzz *f, GString *s, const char *action)
{
    bool odd = !fuzz_pick(f, 20);
    unsigned ms = fuzz_pick(f, 40) ? 1 + fuzz_pick(f, FUZZ_WAIT_MS - 1) :
                                     g_rand_int(f->rand) >> 1;

    if (is(action, "delay") || odd ||
        (is(action, "stuck") && fuzz_pick(f, 8))) {
        g_string_append_printf(s, ", 'delay-ms': %u", ms);
        f->stuck |= ms >= FUZZ_WAIT_MS;
    } else if (is(action, "stuck")) {
        f->stuck = true;
    }
    if (is(action, "repeat") || is(action, "attention-storm")) {
        /* A rule for both directions repeats what it has repeated. */
        g_string_append_printf(s, ", 'times': %u",
                               fuzz_pick(f, 8) + (fuzz_pick(f, 8) ? 0 : 1001));
    }
    if (is(action, "truncate") || is(action, "extend")) {
        g_string_append_printf(s, ", 'bytes': %u",
                               fuzz_pick(f, fuzz_pick(f, 4) ? 8 : 300));
    }
    if (is(action, "completion") && fuzz_pick(f, 2)) {
        g_string_append_printf(s, ", 'code': %d", any_number(f, 256));
    }
}

static void add_rule(Fuzz *f, GString *s)
{
    static const unsigned netfns[] = { 6, 6, 0, 4, 10, 12, 7 };
    const char *action = actions[fuzz_pick(f, fuzz_pick(f, 16) ?
                                           ARRAY_SIZE(actions) - 1 :
                                           ARRAY_SIZE(actions))];

    g_string_append_printf(s, "{ 'action': '%s'", action);
    if (fuzz_pick(f, 2)) {
        g_string_append_printf(s, ", 'netfn': %u",
                               netfns[fuzz_pick(f, ARRAY_SIZE(netfns))]);
    }
    if (!fuzz_pick(f, 4)) {
        g_string_append_printf(s, ", 'cmd': %d", any_number(f, 64));
    }
    if (fuzz_pick(f, 2)) {
        g_string_append_printf(s, ", 'channel': %d", any_number(f, 16));
    }
    if (!fuzz_pick(f, 4)) {
        g_string_append_printf(s, ", 'direction': '%s'",
                               fuzz_pick(f, 2) ? "in" : "out");
    }
    if (fuzz_pick(f, 2)) {
        g_string_append_printf(s, ", 'first': %d", any_number(f, 6));
    }
    if (fuzz_pick(f, 4)) {
        g_string_append_printf(s, ", 'count': %d", any_number(f, 5));
    }
    add_details(f, s, action);
    g_string_append(s, " }");
}

void fuzz_rules(Fuzz *f)
{
    g_autoptr(GString) rules = g_string_new("[ ");
    unsigned i, n = fuzz_pick(f, fuzz_pick(f, 30) ? 5 : 80);
    g_autofree char *args = NULL;

    for (i = 0; i < n; i++) {
        g_string_append(rules, i ? ", " : "");
        add_rule(f, rules);
    }
    g_string_append(rules, " ]");
    if (fuzz_pick(f, 4)) {
        args = g_strdup_printf("{ 'bmc': 'bmc0', 'faults': %s }", rules->str);
        f->rules |= run(f, "ipmi-set-faults", args) && n;
    } else {
        args = g_strdup_printf("{ 'path': 'bmc0', 'property': 'faults', "
                               "'value': %s }", rules->str);
        f->rules |= run(f, "qom-set", args) && n;
    }
}

void fuzz_no_rules(Fuzz *f)
{
    g_assert_true(run(f, "ipmi-set-faults", "{ 'bmc': 'bmc0', 'faults': [] }"));
    f->rules = false;
}

/*
 * What QMP shows
 */

void fuzz_query(Fuzz *f)
{
    static const char *const commands[] = {
        "query-ipmi-bmcs", "query-ipmi-faults", "query-ipmi-sel",
        "query-ipmi-sent",
    };
    unsigned i = fuzz_pick(f, ARRAY_SIZE(commands));
    g_autofree char *args = i == 0 ? g_strdup("{}") :
        i < 3 ? g_strdup("{ 'bmc': 'bmc0' }") :
        g_strdup_printf("{ 'bmc': 'bmc0', 'channel': %d, 'clear': %s }",
                        any_number(f, 12), fuzz_pick(f, 2) ? "true" : "false");

    run(f, commands[i], args);
}

static unsigned sel_count(Fuzz *f)
{
    QDict *rsp = qtest_qmp(f->qts, "{ 'execute': 'query-ipmi-sel', "
                           "'arguments': { 'bmc': 'bmc0' } }");
    unsigned n = qlist_size(qdict_get_qlist(rsp, "return"));

    qobject_unref(rsp);
    return n;
}

void fuzz_check_limits(Fuzz *f)
{
    QDict *bmc = query_bmc(f);
    QListEntry *e;

    g_assert_cmpint(qdict_get_int(bmc, "queue"), <=, QUEUE_DEPTH);
    QLIST_FOREACH_ENTRY(qdict_get_qlist(bmc, "channels"), e) {
        QDict *c = qobject_to(QDict, qlist_entry_obj(e));

        g_assert_cmpint(qdict_get_int(c, "unread"), <=, SENT_DEPTH);
    }
    qobject_unref(bmc);
    g_assert_cmpuint(sel_count(f), <=, SEL_ENTRIES);
}

bool fuzz_is_busy(Fuzz *f, unsigned port)
{
    QDict *bmc = query_bmc(f);
    bool busy = false;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(bmc, "interfaces"), e) {
        QDict *d = qobject_to(QDict, qlist_entry_obj(e));

        if (g_str_equal(qdict_get_str(d, "type"), interfaces[port].driver)) {
            busy = qdict_get_bool(d, "busy");
        }
    }
    qobject_unref(bmc);
    return busy;
}

bool fuzz_is_running(Fuzz *f)
{
    QDict *rsp = qtest_qmp(f->qts, "{ 'execute': 'query-status' }");
    bool running = qdict_get_bool(qdict_get_qdict(rsp, "return"), "running");

    qobject_unref(rsp);
    return running;
}

/*
 * The machine
 */

void fuzz_machine_reset(Fuzz *f)
{
    QDict *event;

    fuzz_log("machine reset");
    /* Not an event of one before */
    while ((event = qtest_qmp_event_ref(f->qts, "RESET"))) {
        qobject_unref(event);
    }
    qtest_system_reset(f->qts);
    f->stuck = f->rules && f->stuck;
}

static void open_interface(Fuzz *f, unsigned i)
{
    qipmi_open_behind(&f->port[i], f->qts, interfaces[i].slot,
                      interfaces[i].nr);
    f->plugged[i] = true;
}

static void plug(Fuzz *f, unsigned i)
{
    fuzz_log("%s: plug", interfaces[i].driver);
    qtest_qmp_device_add(f->qts, interfaces[i].driver, interfaces[i].id,
                         "{ 'bus': %s, 'bmc': 'bmc0' }", interfaces[i].bus);
    open_interface(f, i);
}

static void unplug(Fuzz *f, unsigned i)
{
    fuzz_log("%s: unplug", interfaces[i].driver);
    qtest_qmp_device_del_send(f->qts, interfaces[i].id);
    qipmi_slot_off(&f->port[i]);
    qtest_qmp_eventwait(f->qts, "DEVICE_DELETED");
    f->plugged[i] = false;
}

void fuzz_hotplug(Fuzz *f)
{
    unsigned i = fuzz_pick(f, FUZZ_PORTS);

    if (!fuzz_is_running(f)) {
        return;
    }
    if (!f->plugged[i]) {
        plug(f, i);
        return;
    }
    /* A reset may have taken the bus numbers from its port. */
    qipmi_enable(&f->port[i]);
    unplug(f, i);
}

void fuzz_snapshot(Fuzz *f)
{
    g_autofree char *answer = NULL;

    if (!fuzz_is_running(f)) {
        return;
    }
    if (!f->saved || fuzz_pick(f, 2)) {
        fuzz_log("savevm");
        g_assert_true(qfabric_hmp_quiet(f->qts, "savevm s"));
        f->saved = true;
        f->saved_stuck = f->stuck;
        memcpy(f->saved_plugged, f->plugged, sizeof(f->plugged));
        return;
    }
    if (memcmp(f->saved_plugged, f->plugged, sizeof(f->plugged))) {
        return;     /* of another machine */
    }
    fuzz_log("loadvm");
    g_assert_true(qfabric_hmp_quiet(f->qts, "loadvm s"));
    f->stuck |= f->saved_stuck;
}

void fuzz_machine_ready(Fuzz *f)
{
    unsigned i;

    if (!fuzz_is_running(f)) {
        fuzz_machine_reset(f);
        if (!fuzz_is_running(f)) {
            qtest_qmp_assert_success(f->qts, "{ 'execute': 'cont' }");
        }
    }
    for (i = 0; i < FUZZ_PORTS; i++) {
        if (!f->port[i].qts) {
            open_interface(f, i);
        } else if (f->plugged[i]) {
            qipmi_enable(&f->port[i]);
        } else {
            plug(f, i);
        }
    }
}
