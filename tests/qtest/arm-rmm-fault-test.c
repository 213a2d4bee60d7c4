/*
 * QTest of arm-rmm: every knob of a script, and what the monitor finds
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "libqos/arm-rmm.h"

#define RD      P(0)
#define RTT     P(2)
#define REC     P(16)

static void begin(RmmHost *h, const char *more)
{
    rmm_start(h, "bet3", more);
    rmm_active(h);
    rmm_realm(h, RD, RTT);
    rmm_delegate(h, REC, 64);
}

/* One rule for REC_CREATE's course, and the operation opened */
static uint64_t with_course(RmmHost *h, const char *sro)
{
    g_autofree char *script = g_strdup_printf(
        "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"sro\": %s } ] }", sro);

    rmm_script(h, script);
    return rmm_rec_begin(h, RD, REC, 0);
}

static uint64_t donate(RmmHost *h, unsigned first, unsigned n)
{
    rmm_list(h, 0, REC + (1 + first) * PAGE, n);
    return R(h, R_DONATE, 0, LIST, n, 0);
}

static void end(RmmHost *h)
{
    uint64_t x0 = INCOMPLETE;

    for (unsigned i = 0; i < 64 && (x0 & 0xff) == INCOMPLETE; i++) {
        x0 = R(h, R_CONTINUE, 0, 0);
        if ((x0 & 0x3ff) == WANT_RECLAIM) {
            x0 = R(h, R_RECLAIM, 0, LIST, 512);
        }
    }
    if (x0 == OK) {
        g_assert_cmphex(R(h, R_REC_DESTROY, REC) & 0xff, <=, INCOMPLETE);
    }
}

/* Occurrence, conditions, replaced answers */
static void rules(void)
{
    RmmHost h;

    begin(&h, "");
    rmm_script(&h, "{ \"rules\": ["
        " { \"command\": \"GRANULE_RANGE_DELEGATE\", \"nth\": 2, \"times\": 2,"
        "   \"status\": \"busy\" },"
        " { \"command\": \"FEATURES\", \"times\": 0,"
        "   \"match\": [ { \"reg\": 1, \"value\": 1 } ],"
        "   \"out\": [ { \"reg\": 1, \"clear\": 1 } ] },"
        " { \"command\": \"VERSION\", \"x0\": 1, \"out\": ["
        "   { \"reg\": 1, \"value\": 65536 }, { \"reg\": 2, \"from\": 1,"
        "     \"add\": 1, \"or\": 256 } ] },"
        " { \"command\": \"RTT_CREATE\", \"status\": \"error-rtt\","
        "   \"level\": 2 },"
        " { \"command\": \"GRANULE_RANGE_UNDELEGATE\", \"status\": \"success\","
        "   \"perform\": \"no\" } ] }");
    rmm_delegate(&h, P(200), 1);
    g_assert_cmphex(R(&h, R_DELEGATE, P(201), P(202)), ==, EBUSY_);
    g_assert_cmphex(R(&h, R_DELEGATE, P(201), P(202)), ==, EBUSY_);
    rmm_granule_is(&h, P(201), "undelegated", "ns");
    g_assert_cmphex(R(&h, R_DELEGATE, P(201), P(202)), ==, OK);
    g_assert_cmphex(R(&h, R_FEATURES, 1), ==, OK);
    g_assert_cmphex(h.x[1] & 3, ==, 2);
    g_assert_cmphex(R(&h, R_FEATURES, 0), ==, OK);
    g_assert_cmphex(h.x[1], !=, 0);
    g_assert_cmphex(R(&h, R_VERSION, 0x20000), ==, EINPUT);
    g_assert_cmphex(h.x[1], ==, 0x10000);
    g_assert_cmphex(h.x[2], ==, 0x20101);
    g_assert_cmphex(R(&h, R_VERSION, 0x20000), ==, OK);
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, REC, 0, 2), ==, ERTT(2));
    g_assert_cmphex(R(&h, R_UNDELEGATE, P(200), P(201)), ==, OK);
    rmm_granule_is(&h, P(200), "delegated", "realm");

    /* What is in use goes back: the bug that a host must not have. */
    g_assert_cmphex(R(&h, R_RTT_CREATE, RD, REC, 0, 2), ==, OK);
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"GRANULE_RANGE_UNDELEGATE\","
        " \"status\": \"success\", \"perform\": \"force\" } ] }");
    g_assert_cmphex(R(&h, R_UNDELEGATE, REC, REC + PAGE), ==, OK);
    rmm_granule_is(&h, REC, "undelegated", "ns");
    /* The tables are not followed into it. */
    g_assert_cmphex(R(&h, R_READ_ENTRY, RD, 0, 3), ==, OK);
    g_assert_cmphex(h.x[1], ==, 1);
    rmm_stop(&h);
}

/* Range commands: short, not at all, too far, past a boundary */
static void out_top(void)
{
    RmmHost h;

    begin(&h, "");
    rmm_script(&h, "{ \"rules\": ["
        " { \"command\": \"GRANULE_RANGE_DELEGATE\", \"chunk\": 8192 },"
        " { \"command\": \"GRANULE_RANGE_DELEGATE\", \"status\": \"success\","
        "   \"out\": [ { \"reg\": 1, \"from\": 1 } ] },"
        " { \"command\": \"GRANULE_RANGE_DELEGATE\","
        "   \"out\": [ { \"reg\": 1, \"add\": 2097152 } ] } ] }");
    g_assert_cmphex(R(&h, R_DELEGATE, P(200), P(210)), ==, OK);
    g_assert_cmphex(h.x[1], ==, P(202));
    g_assert_cmphex(R(&h, R_DELEGATE, P(202), P(210)), ==, OK);
    g_assert_cmphex(h.x[1], ==, P(202));
    rmm_granule_is(&h, P(202), "undelegated", "ns");
    g_assert_cmphex(R(&h, R_DELEGATE, P(202), P(210)), ==, OK);
    g_assert_cmphex(h.x[1], ==, P(210) + (2ull << 20));
    rmm_granule_is(&h, P(210), "undelegated", "ns");
    rmm_stop(&h);
}

/* Rounds, before and after memory, with bits that toggle; k is linear. */
static void rounds(void)
{
    RmmHost h;

    begin(&h, "");
    g_assert_cmphex(with_course(&h, "{ \"rounds-before\": 2, \"rounds\": 3,"
                                " \"cancel-toggle\": true, \"cancel\": true,"
                                " \"donate\": [ { \"count\": 1 } ] }"), ==,
                    INCOMPLETE | CANCELLABLE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, WANT_DONATE | CANCELLABLE);
    g_assert_cmphex(donate(&h, 0, 1), ==, INCOMPLETE);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmphex(R(&h, R_CONTINUE, 0, 0) & 0x3ff, ==, INCOMPLETE);
    }
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
    rmm_stop(&h);

    begin(&h, "");
    with_course(&h, "{ \"rounds\": -1, \"donate\": [] }");
    for (unsigned i = 0; i < 100; i++) {
        g_assert_cmphex(R(&h, R_CONTINUE, 0, 0) & 0x3ff, ==, INCOMPLETE);
    }
    rmm_stop(&h);
}

/* Requests that no sane RMM makes, and how much of an offer is taken */
static void requests(void)
{
    RmmHost h;

    begin(&h, "");
    with_course(&h, "{ \"donate\": [ { \"count\": 0 } ] }");
    g_assert_cmphex(h.x[2], ==, 0);
    g_assert_cmphex(h.x[0] & 0x3ff, ==, WANT_DONATE);
    R(&h, R_CANCEL, 0);
    end(&h);
    with_course(&h, "{ \"donate\": [ { \"count\": 3, \"contig\": true,"
                " \"state\": \"reserved\", \"or\": 1099511627776 } ] }");
    g_assert_cmphex(h.x[2], ==, 1ull << 40 | 3 << 17 | 1 << 16 | 3 << 2);
    R(&h, R_CANCEL, 0);
    end(&h);

    with_course(&h, "{ \"donate\": [ { \"count\": 8 } ],"
                " \"consume\": [ 0, 3 ] }");
    donate(&h, 0, 8);
    g_assert_cmpuint(h.x[1], ==, 0);
    g_assert_cmphex(h.x[2], ==, 8 << 2);
    donate(&h, 0, 8);
    g_assert_cmpuint(h.x[1], ==, 3);
    g_assert_cmphex(h.x[2], ==, 5 << 2);
    g_assert_cmphex(donate(&h, 3, 5) & 0x3ff, ==, INCOMPLETE);
    R(&h, R_CANCEL, 0);
    end(&h);

    /* Part of a block: the rest comes in pages. */
    rmm_delegate(&h, 0x46000000, 1024);
    with_course(&h, "{ \"donate\": [ { \"size\": 1, \"count\": 2 } ],"
                " \"consume\": [ 515 ] }");
    qtest_writeq(h.qts, LIST, rmm_desc(&h, 0x46000000, 1, 2, 0));
    R(&h, R_DONATE, 0, LIST, 1, 0);
    g_assert_cmpuint(h.x[1], ==, 515);
    g_assert_cmphex(h.x[2], ==, 509 << 2);
    R(&h, R_CANCEL, 0);
    end(&h);

    /* For ever, and in turns */
    with_course(&h, "{ \"donate\": [ { \"count\": 2 },"
                " { \"size\": 1, \"count\": 1 } ], \"repeat\": true,"
                " \"cycle\": true, \"consume\": [ 0 ],"
                " \"consume-repeat\": true }");
    for (unsigned i = 0; i < 20; i++) {
        g_assert_cmphex(h.x[2], ==, i & 1 ? 1 | 1 << 2 : 2 << 2);
        R(&h, R_DONATE, 0, LIST, 0, 0);
        g_assert_cmphex(h.x[0] & 0x3ff, ==, WANT_DONATE);
    }
    R(&h, R_CANCEL, 0);
    end(&h);
    g_assert_cmpuint(rmm_count(&h, "internal"), ==, 0);
    rmm_stop(&h);
}

/* Failures after donation; memory that does not come back, or wrongly */
static void failures(void)
{
    RmmHost h;

    begin(&h, "");
    with_course(&h, "{ \"donate\": [ { \"count\": 4 } ],"
                " \"refuse-granule\": 3 }");
    g_assert_cmphex(donate(&h, 0, 4), ==, EINPUT);
    g_assert_cmpuint(h.x[1], ==, 2);
    g_assert_cmpuint(rmm_found(&h, "bad-donation"), ==, 1);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0) & 0x3ff, ==, WANT_RECLAIM);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 8) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EINPUT);

    with_course(&h, "{ \"donate\": [ { \"count\": 2 } ],"
                " \"fail\": \"error-rtt\", \"fail-level\": 3, \"reclaim\":"
                " { \"state\": \"conditional\", \"extra\": 4097,"
                "   \"skip\": 1 } }");
    donate(&h, 0, 2);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0) & 0x3ff, ==, WANT_RECLAIM);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 8) & 0x3ff, ==, INCOMPLETE);
    g_assert_cmpuint(h.x[1], ==, 2);
    g_assert_cmphex(qtest_readq(h.qts, LIST), ==,
                    rmm_desc(&h, REC + 2 * PAGE, 0, 1, 2));
    g_assert_cmphex(qtest_readq(h.qts, LIST + 8), ==, 4097);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, ERTT(3));
    g_assert_cmpuint(rmm_found(&h, "memory-held"), ==, 1);
    rmm_granule_is(&h, REC + PAGE, "internal", "realm");

    with_course(&h, "{ \"donate\": [ { \"count\": 1 } ], \"keep-memory\": true,"
                " \"fail\": \"error-global\", \"final\": 32 }");
    donate(&h, 4, 1);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, 0x20);
    g_assert_cmpuint(rmm_found(&h, "memory-held"), ==, 2);

    /* RECLAIM, then DONATE again; after OP_CANCEL too */
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"REC_CREATE\", \"sro\": {"
               " \"donate\": [ { \"count\": 1 } ],"
               " \"cancel-donate\": [ { \"count\": 2 } ] } } ] }");
    rmm_rec_begin(&h, RD, REC, 0);
    donate(&h, 6, 1);
    g_assert_cmphex(R(&h, R_CANCEL, 0), ==, WANT_DONATE);
    g_assert_cmphex(h.x[2], ==, 2 << 2);
    g_assert_cmphex(donate(&h, 7, 2), ==, WANT_RECLAIM);
    end(&h);
    rmm_stop(&h);
}

/* OP_* rules that look at what began the operation */
static void op_rules(void)
{
    RmmHost h;

    begin(&h, "");
    rmm_script(&h, "{ \"rules\": ["
        " { \"command\": \"OP_CONTINUE\", \"of\": \"REC_DESTROY\","
        "   \"status\": \"error-rec\" },"
        " { \"command\": \"OP_CONTINUE\", \"of\": \"REC_CREATE\", \"times\": 2,"
        "   \"status\": \"blocked\" },"
        " { \"command\": \"OP_MEM_DONATE\", \"out\": ["
        "   { \"reg\": 1, \"add\": 1 } ] },"
        " { \"command\": \"OP_MEM_RECLAIM\", \"x0\": 0, \"perform\": \"yes\" },"
        " { \"command\": \"REC_CREATE\", \"out\": ["
        "   { \"reg\": 0, \"or\": 768 } ], \"sro\": {"
        "   \"donate\": [ { \"count\": 1 } ], \"cancel\": false } } ] }");
    g_assert_cmphex(rmm_rec_begin(&h, RD, REC, 0), ==, 0x30d);
    g_assert_cmphex(donate(&h, 0, 1), ==, INCOMPLETE);
    g_assert_cmpuint(h.x[1], ==, 2);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EBLOCKED);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EBLOCKED);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
    g_assert_cmphex(R(&h, R_REC_DESTROY, REC) & 0x3ff, ==, WANT_RECLAIM);
    g_assert_cmphex(R(&h, R_RECLAIM, 0, LIST, 8), ==, OK);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, EREC);
    g_assert_cmphex(R(&h, R_CONTINUE, 0, 0), ==, OK);
    rmm_stop(&h);
}

/* Scripts that are refused, and change nothing */
static void refused(void)
{
    static const char *const scripts[] = {
        "{ 'rules': [ { 'command': 'NONSENSE' } ] }",
        "{ 'rules': [ { 'command': '*', 'of': 'NONSENSE' } ] }",
        "{ 'rules': [ { 'command': 'REC_CREATE', 'of': 'REC_CREATE' } ] }",
        "{ 'rules': [ { 'command': 'VERSION', 'sro': { 'rounds': 1 } } ] }",
        "{ 'rules': [ { 'command': '*', 'match': [ { 'reg': 0, 'value': 1 } ]"
        " } ] }",
        "{ 'rules': [ { 'command': '*', 'out': [ { 'reg': 5 } ] } ] }",
        "{ 'rules': [ { 'command': '*', 'out': [ { 'reg': 1, 'from': 7 } ] } ]"
        " }",
        "{ 'rules': [ { 'command': '*', 'status': 'fine' } ] }",
        "{ 'rules': [ { 'command': 'REC_CREATE', 'sro': { 'rounds': -2 } } ] }",
        "{ 'rules': [ { 'command': 'REC_CREATE', 'sro': { 'donate':"
        " [ { 'size': 4, 'count': 1 } ] } } ] }",
        "{ 'rules': [ { 'command': 'REC_CREATE', 'sro': { 'donate':"
        " [ { 'count': 16384 } ] } } ] }",
        "{ 'unknown': 1 }",
    };
    RmmHost h;

    begin(&h, "");
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"VERSION\","
               " \"status\": \"busy\" } ] }");
    for (unsigned i = 0; i < ARRAY_SIZE(scripts); i++) {
        g_autofree char *json = g_strdup(scripts[i]);
        QObject *script;
        QDict *answer;

        g_strdelimit(json, "'", '"');
        script = qobject_from_json(json, NULL);
        g_assert_nonnull(script);
        answer = qtest_qmp(h.qts, "{ 'execute': 'arm-rmm-set-script',"
                           " 'arguments': { 'script': %p } }", script);
        g_assert_true(qdict_haskey(answer, "error"));
        qobject_unref(answer);
    }
    g_assert_cmphex(R(&h, R_VERSION, 0x20000), ==, EBUSY_);
    rmm_stop(&h);
}

/* What is left at the end, and what was wrong on the way */
static void findings(void)
{
    RmmHost h;

    begin(&h, "");
    g_assert_cmpuint(rmm_found(&h, "left-delegated"), ==, 64);
    g_assert_cmpuint(rmm_found(&h, "realm-left"), ==, 1);
    g_assert_cmpuint(rmm_found(&h, "sro-abandoned"), ==, 0);
    rmm_rec_begin(&h, RD, REC, 0);
    g_assert_cmpuint(rmm_found(&h, "sro-abandoned"), ==, 1);
    R(&h, R_RECLAIM, 0, LIST, 1);
    g_assert_cmpuint(rmm_found(&h, "wrong-phase"), ==, 1);
    R(&h, R_UNDELEGATE, RD, RD + PAGE);
    g_assert_cmpuint(rmm_found(&h, "undelegate-in-use"), ==, 1);
    rmm_script(&h, "{ \"rules\": [ { \"command\": \"RTT_CREATE\","
               " \"status\": \"busy\" } ] }");
    R(&h, R_RTT_CREATE, RD, REC + PAGE, 0, 2);
    for (unsigned i = 0; i < 70; i++) {
        R(&h, R_VERSION, 0x20000);
    }
    g_assert_cmpuint(rmm_found(&h, "busy-not-repeated"), ==, 1);
    rmm_stop(&h);

    rmm_start(&h, "bet3", ",sbz-check=on");
    g_assert_cmphex(R(&h, R_VERSION, 0x20000, 1), ==, EINPUT);
    g_assert_cmpuint(rmm_found(&h, "unused-not-zero"), >, 0);
    rmm_stop(&h);
}

/* The same seed takes the same way; another one another way. */
static void random_courses(void)
{
    uint64_t trace[3][80];

    for (unsigned run = 0; run < 3; run++) {
        g_autofree char *script = g_strdup_printf("{ \"random-seed\": %u }",
                                                  run == 2 ? 7 : 5);
        RmmHost h;

        rmm_start(&h, "bet3", "");
        rmm_active(&h);
        rmm_script(&h, script);
        for (unsigned i = 0; i < 80; i++) {
            R(&h, R_DELEGATE, P(64 * i), P(64 * i + 40));
            trace[run][i] = h.x[0] ^ h.x[1];
        }
        rmm_stop(&h);
    }
    g_assert_cmpmem(trace[0], sizeof(trace[0]), trace[1], sizeof(trace[1]));
    g_assert_cmpint(memcmp(trace[0], trace[2], sizeof(trace[0])), !=, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/arm-rmm/fault/rules", rules);
    qtest_add_func("/arm-rmm/fault/out-top", out_top);
    qtest_add_func("/arm-rmm/fault/rounds", rounds);
    qtest_add_func("/arm-rmm/fault/requests", requests);
    qtest_add_func("/arm-rmm/fault/failures", failures);
    qtest_add_func("/arm-rmm/fault/op-rules", op_rules);
    qtest_add_func("/arm-rmm/fault/refused", refused);
    qtest_add_func("/arm-rmm/fault/findings", findings);
    qtest_add_func("/arm-rmm/fault/random", random_courses);
    return g_test_run();
}
