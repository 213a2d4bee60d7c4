/*
 * How ipmi-bmc-multi misbehaves when it is told to
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each fault is given by QMP and as a property, and hits one request of several
 * on each interface.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "libqos/ipmi-port.h"
#include "qapi/error.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"

#define MS              1000000LL
#define SOON            (100 * MS)
#define CHANNEL_INFO    "00 .. 0c .. 00 f2 1b 00 .. .."
#define MATCH           "'netfn': 6, 'cmd': 66"

/* What becomes of Get Channel Info {0Eh} */
typedef struct Row {
    const char *name, *fault;
    uint8_t netfn, cmd;         /* of the response; 0: none comes */
    const char *answer;
    bool late;                  /* it comes SOON */
    int only;                   /* on one interface: 0, 1; -1: on both */
} Row;

static const Row rows[] = {
    { "busy", "'action': 'completion'", 7, 0x42, "c0", false, -1 },
    { "code", "'action': 'completion', 'code': 213", 7, 0x42, "d5", false,
      -1 },
    { "truncate", "'action': 'truncate', 'bytes': 3", 7, 0x42,
      "00 .. 0c .. 00 f2 1b", false, -1 },
    { "truncate-all", "'action': 'truncate', 'bytes': 9", 7, 0x42, "00",
      false, -1 },
    { "extend", "'action': 'extend', 'bytes': 2", 7, 0x42,
      CHANNEL_INFO "ff ff", false, -1 },
    { "wrong-netfn", "'action': 'wrong-netfn'", 5, 0x42, CHANNEL_INFO, false,
      -1 },
    { "wrong-command", "'action': 'wrong-command'", 7, 0xc2, CHANNEL_INFO,
      false, -1 },
    { "wrong-sequence", "'action': 'wrong-sequence'", 7, 0x42, CHANNEL_INFO,
      false, 1 },
    { "delay", "'action': 'delay', 'delay-ms': 100", 7, 0x42, CHANNEL_INFO,
      true, -1 },
    { "stuck", "'action': 'stuck', 'delay-ms': 100", 7, 0x42, CHANNEL_INFO,
      true, -1 },
    { "stuck-for-good", "'action': 'stuck'", 0, 0, NULL, false, -1 },
    { "drop", "'action': 'drop'", 0, 0, NULL, false, -1 },
    { "ignore", "'action': 'ignore'", 0, 0, NULL, false, -1 },
    { "bmc-reset", "'action': 'bmc-reset'", 0, 0, NULL, false, -1 },
    { "lost-interrupt", "'action': 'lost-interrupt'", 7, 0x42, CHANNEL_INFO,
      false, -1 },
};

static void open_both(QIPMI p[2], QTestState *qts)
{
    qipmi_open(&p[0], qts, QIPMI_KCS_SLOT);
    qipmi_open(&p[1], qts, QIPMI_BT_SLOT);
}

static QTestState *boot(QIPMI p[2])
{
    QTestState *qts = qipmi_boot(QIPMI_BMC
        "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb "
        "-device ipmi-channel,bmc=bmc0,number=1,medium=lan "
        QIPMI_KCS QIPMI_BT);

    open_both(p, qts);
    return qts;
}

/* The fault hits the second request that matches */
static char *rules(const char *fault)
{
    return g_strdup_printf("[ { %s, %s, 'first': 2 } ]", fault, MATCH);
}

static void set_faults(QTestState *qts, const char *list)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'ipmi-set-faults', "
        "'arguments': { 'bmc': 'bmc0', 'faults': %p } }",
        qobject_from_json(list, &error_abort));
}

static void expect_applied(QTestState *qts, int matched, int applied)
{
    QDict *rsp = qtest_qmp(qts, "{ 'execute': 'query-ipmi-faults', "
                           "'arguments': { 'bmc': 'bmc0' } }");
    QDict *info = qobject_to(QDict,
                             qlist_peek(qdict_get_qlist(rsp, "return")));

    g_assert_cmpint(qdict_get_int(info, "matched"), ==, matched);
    g_assert_cmpint(qdict_get_int(info, "applied"), ==, applied);
    qobject_unref(rsp);
}

static void check_response(QIPMI *p, const Row *row)
{
    uint8_t all[QIPMI_MAX + 1];
    bool same = strcmp(row->name, "wrong-sequence");
    QIPMIRsp rsp;

    g_assert_true(qipmi_fetch(p, &rsp));
    g_assert_cmphex(rsp.netfn, ==, row->netfn);
    g_assert_cmphex(rsp.cmd, ==, row->cmd);
    all[0] = rsp.cc;
    memcpy(all + 1, rsp.data, rsp.len);
    g_assert_true(qipmi_matches(row->answer, all, rsp.len + 1));
    g_assert_true(!p->bt || (rsp.seq == p->seq) == same);
}

static void hit(QTestState *qts, QIPMI *p, const Row *row)
{
    static const uint8_t req[] = { 0x18, 0x42, 0x0e };
    QIPMIRsp rsp;

    qipmi_expect(p, "06 42 0e", CHANNEL_INFO);
    g_assert_true(qipmi_send(p, req, sizeof(req)));
    if (!row->netfn || row->late) {
        g_assert_false(qipmi_fetch(p, &rsp));
        qtest_clock_step(qts, SOON - MS);
        g_assert_false(qipmi_fetch(p, &rsp));
        qtest_clock_step(qts, MS);
    }
    if (row->netfn) {
        check_response(p, row);
    } else {
        g_assert_false(qipmi_fetch(p, &rsp));
        qtest_system_reset(qts);
        qipmi_enable(p);
    }
    expect_applied(qts, 2, 1);
    qipmi_expect(p, "06 42 0e", CHANNEL_INFO);
    expect_applied(qts, 3, 1);
}

static void test_qmp(const void *opaque)
{
    const Row *row = opaque;
    g_autofree char *list = rules(row->fault);
    QTestState *qts;
    QIPMI p[2];
    int i;

    qts = boot(p);
    for (i = 0; i < 2; i++) {
        if (row->only < 0 || row->only == i) {
            set_faults(qts, list);
            hit(qts, &p[i], row);
        }
        qipmi_enable(&p[1]);
    }
    qtest_quit(qts);
}

static void test_property(const void *opaque)
{
    const Row *row = opaque;
    g_autofree char *list = rules(row->fault);
    g_autofree char *args = NULL;
    QTestState *qts;
    QIPMI p[2];

    g_strdelimit(list, "'", '"');
    args = g_strdup_printf(
        "-device '{\"driver\":\"ipmi-bmc-multi\",\"id\":\"bmc0\","
        "\"faults\":%s}' "
        "-device '{\"driver\":\"pci-ipmi-kcs\",\"bmc\":\"bmc0\","
        "\"addr\":\"4\"}' "
        "-device '{\"driver\":\"pci-ipmi-bt\",\"bmc\":\"bmc0\","
        "\"addr\":\"5\"}'", list);
    qts = qipmi_boot(args);
    open_both(p, qts);
    hit(qts, &p[row->only < 0 ? 0 : row->only], row);
    qtest_quit(qts);
}

/* first and count; 0 is for all that follow */
static void test_counts(void)
{
    static const struct {
        const char *fault, *hits;
    } counts[] = {
        { "'first': 3, 'count': 2", "001100" },
        { "'first': 1, 'count': 0", "111111" },
        { "'count': 3", "111000" },
        { "'channel': 15, 'count': 0", "111111" },
        { "'channel': 7, 'count': 0", "000000" },
    };
    QTestState *qts;
    QIPMI p[2];
    int i, j;

    qts = boot(p);
    for (i = 0; i < ARRAY_SIZE(counts); i++) {
        g_autofree char *list =
            g_strdup_printf("[ { 'action': 'completion', %s, %s } ]", MATCH,
                            counts[i].fault);

        set_faults(qts, list);
        for (j = 0; counts[i].hits[j]; j++) {
            qipmi_expect(&p[0], "06 42 0e",
                         counts[i].hits[j] == '1' ? "c0" : CHANNEL_INFO);
            /* other commands do not count */
            qipmi_expect(&p[0], "06 04", "00 55 00");
        }
    }
    set_faults(qts, "[]");
    qipmi_expect(&p[0], "06 42 0e", CHANNEL_INFO);
    qtest_quit(qts);
}

/* Messages from a medium */
static void test_channel(void)
{
    static const struct {
        const char *fault;
        int now, soon;          /* messages in the queue */
    } faults[] = {
        { "'action': 'drop', 'channel': 1", 0, 0 },
        { "'action': 'repeat', 'times': 2, 'channel': 1", 3, 3 },
        { "'action': 'delay', 'delay-ms': 100, 'channel': 1", 0, 1 },
        { "'action': 'drop', 'channel': 0", 1, 1 },
    };
    QTestState *qts;
    QIPMI p[2];
    int i;

    qts = boot(p);
    for (i = 0; i < ARRAY_SIZE(faults); i++) {
        g_autofree char *list = g_strdup_printf("[ { %s } ]",
                                                faults[i].fault);

        set_faults(qts, list);
        qtest_qmp_assert_success(qts, "{ 'execute': 'ipmi-request', "
            "'arguments': { 'bmc': 'bmc0', 'channel': 1, 'netfn': 48, "
            "'cmd': 1 } }");
        g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, faults[i].now);
        qtest_clock_step(qts, SOON);
        g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, faults[i].soon);
        qipmi_expect(&p[0], "06 30 01", "00");
    }
    qtest_quit(qts);
}

/* Attention with nothing to be fetched */
static void test_storm(void)
{
    QTestState *qts;
    QIPMI p[2];

    qts = boot(p);
    set_faults(qts, "[ { 'action': 'attention-storm', 'times': 2, "
               "'delay-ms': 10, " MATCH " } ]");
    qipmi_expect(&p[0], "06 42 0e", CHANNEL_INFO);
    g_assert_false(qipmi_attention(&p[0]));
    qtest_clock_step(qts, 10 * MS);
    g_assert_true(qipmi_attention(&p[0]));
    g_assert_cmpint(qipmi_query_int(qts, "flags"), ==, 0);
    /* The second, and last, is as long */
    qtest_clock_step(qts, 19 * MS);
    g_assert_true(qipmi_attention(&p[0]));
    qtest_clock_step(qts, MS);
    g_assert_false(qipmi_attention(&p[0]));
    qtest_clock_step(qts, SOON);
    g_assert_false(qipmi_attention(&p[0]));
    qtest_quit(qts);
}

static bool interrupts(QIPMI *p)
{
    return qtest_readw(p->qts, p->cfg + PCI_STATUS) & PCI_STATUS_INTERRUPT;
}

/* KCS interrupts for each byte that it takes: clear that, as in figure 9-6 */
static void send_quietly(QIPMI *p, const uint8_t *bytes, unsigned n)
{
    if (p->bt) {
        g_assert_true(qipmi_send(p, bytes, n));
        return;
    }
    g_assert_true(qkcs_write_some(p, bytes, n - 1));
    qipmi_out(p, QKCS_STATUS, QKCS_END);
    qipmi_in(p, QKCS_DATA);
    g_assert_false(interrupts(p));
    qipmi_out(p, QKCS_DATA, bytes[n - 1]);
}

/* The response is there, and nothing has said so */
static void test_lost_interrupt(void)
{
    static const uint8_t req[] = { 0x18, 0x42, 0x0e };
    QTestState *qts;
    QIPMIRsp rsp;
    QIPMI p[2];
    int i, n;

    qts = boot(p);
    qipmi_expect(&p[0], "06 2e 0b", "00");
    qipmi_out(&p[1], QBT_MASK, 1);
    for (i = 0; i < 2; i++) {
        set_faults(qts, "[ { 'action': 'lost-interrupt', 'first': 2 } ]");
        for (n = 1; n <= 3; n++) {
            /* Pending is what the driver has not acknowledged */
            qipmi_out(&p[1], QBT_MASK, 3);
            g_assert_false(interrupts(&p[i]));
            send_quietly(&p[i], req, sizeof(req));
            g_assert_true(interrupts(&p[i]) == (n != 2));
            g_assert_true(qipmi_fetch(&p[i], &rsp));
            g_assert_cmphex(rsp.cc, ==, 0);
        }
    }
    qtest_quit(qts);
}

/* What a rule cannot say is refused, and the rules before stay */
static void test_refused(void)
{
    static const char *const bad[] = {
        "{ 'action': 'drop', 'netfn': 7 }",
        "{ 'action': 'drop', 'channel': 16 }",
        "{ 'action': 'drop', 'code': 1 }",
        "{ 'action': 'nothing' }",
        "{ 'netfn': 6 }",
    };
    QTestState *qts;
    QIPMI p[2];
    int i;

    qts = boot(p);
    set_faults(qts, "[ { 'action': 'completion', 'count': 0 } ]");
    for (i = 0; i < ARRAY_SIZE(bad); i++) {
        QDict *rsp = qtest_qmp(qts, "{ 'execute': 'ipmi-set-faults', "
            "'arguments': { 'bmc': 'bmc0', 'faults': [ %p ] } }",
            qobject_from_json(bad[i], &error_abort));

        if (!qdict_haskey(rsp, "error")) {
            g_test_message("taken: %s", bad[i]);
            g_test_fail();
        }
        qobject_unref(rsp);
    }
    qipmi_expect(&p[0], "06 42 0e", "c0");
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *qmp = g_strconcat("/ipmi/fault/qmp/", rows[i].name,
                                           NULL);
        g_autofree char *prop = g_strconcat("/ipmi/fault/property/",
                                            rows[i].name, NULL);

        qtest_add_data_func(qmp, &rows[i], test_qmp);
        qtest_add_data_func(prop, &rows[i], test_property);
    }
    qtest_add_func("/ipmi/fault/counts", test_counts);
    qtest_add_func("/ipmi/fault/channel", test_channel);
    qtest_add_func("/ipmi/fault/storm", test_storm);
    qtest_add_func("/ipmi/fault/lost-interrupt", test_lost_interrupt);
    qtest_add_func("/ipmi/fault/refused", test_refused);
    return g_test_run();
}
