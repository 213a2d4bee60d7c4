/*
 * Messages through ipmi-bmc-multi: who gets which response, and when
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 6.12, 6.13, 22.1 to 22.8. A session's
 * tracked request waits 5 s for its response; 64 of them can wait.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "libqos/ipmi-host.h"
#include "libqos/pcie-fabric-vmstate.h"

#define LIFE_MS         5000
#define OUTSTANDING     64
#define QUEUE_DEPTH     64

/* 82h answers on both IPMBs; on channel 0 the others are silent */
#define DEVICES \
    QIPMI_BMC \
    "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb,any-address=on " \
    "-device ipmi-channel,bmc=bmc0,number=1,medium=lan " \
    "-device ipmi-channel,bmc=bmc0,number=3,medium=lan " \
    "-device ipmi-channel,bmc=bmc0,number=4,medium=serial " \
    "-device ipmi-channel,bmc=bmc0,number=6,medium=ipmb " \
    "-device ipmi-channel,bmc=bmc0,number=9,medium=oem " \
    "-device ipmi-channel,bmc=bmc0,number=11,medium=smbus " \
    "-device ipmi-ipmb-mc,bmc=bmc0,channel=0,address=0x82 " \
    "-device ipmi-ipmb-mc,bmc=bmc0,channel=6,address=0x82,device_id=0x36 " \
    QIPMI_KCS

typedef struct Machine {
    QTestState *qts;
    QIPMI kcs, bt;
    QFabricFiles files;
} Machine;

static void boot(Machine *m)
{
    m->qts = qipmi_boot(DEVICES);
    qipmi_open(&m->kcs, m->qts, QIPMI_KCS_SLOT);
}

/* A session on a LAN or serial channel */
typedef struct Session {
    unsigned chan, handle, swid, lun, seq;
} Session;

static const Session console = { 1, 7, 0x82, 0, 9 };

/* A request of the session to the BMC */
static void ask(Machine *m, const Session *s, unsigned netfn, unsigned cmd,
                const char *data)
{
    qipmi_do(m->qts, "ipmi-request", "'channel': %u, 'netfn': %u, 'cmd': %u, "
             "'lun': 0, 'sequence': %u, 'handle': %u, 'address': %u, "
             "'requester-lun': %u, 'data': '%s'", s->chan, netfn, cmd, s->seq,
             s->handle, s->swid, s->lun, data);
}

/* Send Message of the session; @how: tracking and channel */
static void bridge(Machine *m, const Session *s, unsigned how, uint8_t addr,
                   uint8_t lun, uint8_t cmd)
{
    g_autofree char *msg = qipmi_message(-1, addr, 6, 0, 0x20, 0x3f, lun, cmd,
                                         "");
    g_autofree char *data = g_strdup_printf("%02x%s", how, msg);

    ask(m, s, 6, 0x34, data);
}

/* A response to a Send Message of the session, as a pattern; free it */
static char *answer(const Session *s, const char *code_and_data)
{
    return g_strdup_printf("%02x %02x %02x .. 20 %02x 34 %s ..", s->handle,
                           s->swid, 0x1c | s->lun, s->seq << 2, code_and_data);
}

static void expect_answers(Machine *m, const Session *s, const char *first,
                           const char *second)
{
    g_autofree char *one = first ? answer(s, first) : NULL;
    g_autofree char *two = second ? answer(s, second) : NULL;
    g_autofree char *both = g_strjoin("|", one ?: "", two, NULL);

    qipmi_expect_sent(m->qts, s->chan, both);
}

static int64_t queued(Machine *m)
{
    return qipmi_query_int(m->qts, "queue");
}

/* sec 6.13: its own response at once, then that of the target as a whole */
static void test_answer(void)
{
    static const Session sessions[] = {
        { 1, 7, 0x82, 0, 9 }, { 1, 7, 0x82, 3, 0x3f }, { 1, 8, 0x81, 1, 0 },
        { 3, 7, 0x82, 0, 9 }, { 4, 9, 0x8f, 2, 1 },
    };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < ARRAY_SIZE(sessions); i++) {
        bridge(&m, &sessions[i], 0x40, 0x82, 0, 1);
        qipmi_wait(m.qts, 1);
        expect_answers(&m, &sessions[i], "00",
                       "00 20 1c .. 82 .. 01 00 30 .. .. .. 02 .. .. .. .. "
                       ".. .. ..");
        bridge(&m, &sessions[i], 0x46, 0x82, 0, 1);
        qipmi_wait(m.qts, 1);
        expect_answers(&m, &sessions[i], "00",
                       "00 20 1c .. 82 .. 01 00 36 .. .. .. 02 .. .. .. .. "
                       ".. .. ..");
    }
    g_assert_cmpint(queued(&m), ==, 0);
    qipmi_wait(m.qts, 2 * LIFE_MS);
    for (i = 0; i < ARRAY_SIZE(sessions); i++) {
        qipmi_expect_sent(m.qts, sessions[i].chan, "");
    }
    qtest_quit(m.qts);
}

/* Several at once; the responses come in another order */
static void test_matched(void)
{
    static const Session s[] = {
        { 1, 7, 0x82, 0, 5 }, { 3, 7, 0x82, 0, 5 }, { 4, 7, 0x82, 0, 5 },
    };
    static const uint8_t cmds[] = { 0x01, 0x04, 0x08 };
    static const char *const rsp[] = {
        "00 20 1c .. 82 .. 01 00 30 .. .. .. .. .. .. .. .. .. .. ..",
        "00 20 1c .. 82 .. 04 00 55 00 ..",
        "00 20 1c .. 82 .. 08 00 .. .. .. .. .. .. .. .. .. .. .. .. .. .. "
        ".. .. ..",
    };
    Machine m;
    int i, j;

    boot(&m);
    /* The second match of each is the response */
    qipmi_faults(m.qts,
        "{ 'action': 'delay', 'cmd': 1, 'channel': 0, 'first': 2, "
        "'delay-ms': 300 }, "
        "{ 'action': 'delay', 'cmd': 4, 'channel': 0, 'first': 2, "
        "'delay-ms': 100 }, "
        "{ 'action': 'delay', 'cmd': 8, 'channel': 0, 'first': 2, "
        "'delay-ms': 200 }");
    for (i = 0; i < 3; i++) {
        bridge(&m, &s[i], 0x40, 0x82, 0, cmds[i]);
        expect_answers(&m, &s[i], "00", NULL);
    }
    for (i = 0; i < 3; i++) {
        static const int order[] = { 1, 2, 0 };

        qipmi_wait(m.qts, 100);
        for (j = 0; j < 3; j++) {
            expect_answers(&m, &s[j], j == order[i] ? rsp[j] : NULL, NULL);
        }
    }
    g_assert_cmpint(queued(&m), ==, 0);
    qtest_quit(m.qts);
}

/* What does not come in time, or is none of what was asked for: C3h, once */
static void test_timeout(void)
{
    static const struct {
        const char *name, *fault;
        int lost;               /* messages, by the end */
    } rows[] = {
        { "silent", NULL, 0 },
        { "drop", "'action': 'drop'", 1 },
        { "late", "'action': 'delay', 'delay-ms': 5001", 1 },
        { "sequence", "'action': 'wrong-sequence'", 1 },
        { "netfn", "'action': 'wrong-netfn'", 1 },
        { "command", "'action': 'wrong-command'", 1 },
    };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *rule = rows[i].fault ? g_strdup_printf(
            "{ %s, 'channel': 0, 'first': 2 }", rows[i].fault) : g_strdup("");
        int64_t lost = qipmi_channel_int(m.qts, 0, "dropped");

        g_test_message("%s", rows[i].name);
        qipmi_faults(m.qts, rule);
        bridge(&m, &console, 0x40, rows[i].fault ? 0x82 : 0x90, 0, 1);
        qipmi_wait(m.qts, LIFE_MS - 1);
        expect_answers(&m, &console, "00", NULL);
        qipmi_wait(m.qts, 1);
        expect_answers(&m, &console, "c3", NULL);
        qipmi_wait(m.qts, LIFE_MS);
        qipmi_expect_sent(m.qts, 1, "");
        g_assert_cmpint(queued(&m), ==, 0);
        g_assert_cmpint(qipmi_channel_int(m.qts, 0, "dropped"), ==,
                        lost + rows[i].lost);
    }
    qtest_quit(m.qts);
}

/* The right number, but from another bus */
static void test_other_bus(void)
{
    Session s = console;
    Machine m;

    boot(&m);
    bridge(&m, &s, 0x40, 0x90, 0, 1);           /* number 0, until 5 s */
    qipmi_wait(m.qts, LIFE_MS / 2);
    s.seq = 10;
    bridge(&m, &s, 0x40, 0x90, 0, 1);           /* number 1, until 7.5 s */
    qipmi_wait(m.qts, LIFE_MS / 2);
    qipmi_expect_sent(m.qts, 1, "07 82 1c .. 20 24 34 00 ..|"
                      "07 82 1c .. 20 28 34 00 ..|"
                      "07 82 1c .. 20 24 34 c3 ..");
    qipmi_faults(m.qts, "{ 'action': 'wrong-sequence', 'channel': 6, "
                 "'direction': 'in' }");
    s.seq = 11;
    bridge(&m, &s, 0x46, 0x82, 0, 1);           /* number 0; comes as 1 */
    qipmi_wait(m.qts, LIFE_MS / 2 - 1);
    qipmi_expect_sent(m.qts, 1, "07 82 1c .. 20 2c 34 00 ..");
    qipmi_wait(m.qts, 1);
    qipmi_expect_sent(m.qts, 1, "07 82 1c .. 20 28 34 c3 ..");
    qipmi_wait(m.qts, LIFE_MS / 2);
    qipmi_expect_sent(m.qts, 1, "07 82 1c .. 20 2c 34 c3 ..");
    g_assert_cmpint(queued(&m), ==, 0);
    qtest_quit(m.qts);
}

/* A response to LUN 10b is for system software, whatever else is waited for */
static void test_for_software(void)
{
    Machine m;

    boot(&m);
    bridge(&m, &console, 0x40, 0x90, 0, 1);
    expect_answers(&m, &console, "00", NULL);
    qipmi_do(m.qts, "ipmi-response", "'channel': 0, 'netfn': 6, 'cmd': 1, "
             "'sequence': 0, 'address': 144");
    qipmi_expect_sent(m.qts, 1, "");
    qipmi_expect(&m.kcs, "06 33", "00 00 1e .. 90 00 01 00 ..");
    qipmi_wait(m.qts, LIFE_MS);
    expect_answers(&m, &console, "c3", NULL);
    qtest_quit(m.qts);
}

/* The response comes at the last moment, and twice */
static void test_duplicate(void)
{
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < 2; i++) {
        qipmi_faults(m.qts, i ?
            "{ 'action': 'repeat', 'times': 3, 'channel': 0, 'first': 2 }" :
            "{ 'action': 'delay', 'delay-ms': 4999, 'channel': 0, "
            "'first': 2 }");
        bridge(&m, &console, 0x40, 0x82, 0, 4);
        qipmi_wait(m.qts, LIFE_MS - 1);
        expect_answers(&m, &console, "00", "00 20 1c .. 82 .. 04 00 55 00 ..");
        qipmi_wait(m.qts, LIFE_MS);
        qipmi_expect_sent(m.qts, 1, "");
        g_assert_cmpint(queued(&m), ==, 0);
    }
    qtest_quit(m.qts);
}

/* 64 wait, the 65th is told so; each slot is free after its time */
static void test_outstanding(void)
{
    Session s = console;
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i <= OUTSTANDING; i++) {
        if (i == OUTSTANDING / 2) {
            qipmi_wait(m.qts, LIFE_MS / 2);
        }
        s.seq = i & 0x3f;
        bridge(&m, &s, 0x40, 0x90, 0, 1);
        expect_answers(&m, &s, i < OUTSTANDING ? "00" : "c0", NULL);
    }
    /* On the bus each has a number of its own */
    {
        GString *want = g_string_new(NULL);

        for (i = 0; i < OUTSTANDING; i++) {
            g_string_append_printf(want, "%s90 18 .. 20 %02x 01 ..",
                                   i ? "|" : "", i << 2);
        }
        qipmi_expect_sent(m.qts, 0, want->str);
        g_string_free(want, true);
    }
    /* The 65th was not put onto the bus; system software is as before */
    qipmi_expect(&m.kcs, "06 01", "00 20 *");
    qipmi_wait(m.qts, LIFE_MS / 2);
    {
        GString *want = g_string_new(NULL);

        for (i = 0; i < OUTSTANDING / 2; i++) {
            g_string_append_printf(want, "%s07 82 1c .. 20 %02x 34 c3 ..",
                                   i ? "|" : "", i << 2);
        }
        qipmi_expect_sent(m.qts, 1, want->str);
        g_string_free(want, true);
    }
    for (i = 0; i <= OUTSTANDING / 2; i++) {
        s.seq = i;
        bridge(&m, &s, 0x40, 0x90, 0, 1);
        expect_answers(&m, &s, i < OUTSTANDING / 2 ? "00" : "c0", NULL);
    }
    qtest_quit(m.qts);
}

/* sec 22.7: rows of Send Message that come from a session */
static void test_session_rows(void)
{
    static const struct {
        const char *name;
        uint8_t how, addr, lun;
        const char *code;
        int on;                     /* channel that it went out on */
        int queued;
    } rows[] = {
        { "untracked, for system software", 0x00, 0x82, 2, "00", 0, 1 },
        { "untracked, for nobody", 0x00, 0x82, 0, "00", 0, 0 },
        { "raw", 0x80, 0x82, 2, "00", 0, 1 },
        { "reserved tracking", 0xc0, 0x82, 2, "cc", -1, 0 },
        { "nobody there", 0x46, 0x90, 0, "83", -1, 0 },
        { "nobody there, untracked", 0x06, 0x90, 2, "83", -1, 0 },
        { "gap", 0x42, 0x82, 0, "cc", -1, 0 },
        { "reserved channel", 0x4c, 0x82, 0, "cc", -1, 0 },
        { "reserved channel", 0x4d, 0x82, 0, "cc", -1, 0 },
    };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_test_message("%s", rows[i].name);
        bridge(&m, &console, rows[i].how, rows[i].addr, rows[i].lun, 4);
        qipmi_wait(m.qts, 1);
        expect_answers(&m, &console, rows[i].code, NULL);
        if (rows[i].on >= 0) {
            g_autofree char *want =
                qipmi_message(-1, rows[i].addr, 6, 0, 0x20, 0x3f, rows[i].lun,
                              4, "");

            qipmi_expect_sent(m.qts, rows[i].on, want);
        }
        g_assert_cmpint(queued(&m), ==, rows[i].queued);
        if (rows[i].queued) {
            qipmi_expect(&m.kcs, "06 33", "00 00 1e .. 82 fc 04 00 55 00 ..");
        }
        /* Nothing is tracked that was refused, or not to be tracked */
        qipmi_wait(m.qts, LIFE_MS);
        qipmi_expect_sent(m.qts, 1, "");
    }
    /* A response, or half a message, cannot be tracked */
    ask(&m, &console, 6, 0x34, "40821c62200201dd");
    expect_answers(&m, &console, "cc", NULL);
    ask(&m, &console, 6, 0x34, "408218662002");
    expect_answers(&m, &console, "c7", NULL);
    qtest_quit(m.qts);
}

/* sec 6.12: Send Message to Fh is for system software, as LUN 10b is */
static void test_to_system(void)
{
    g_autofree char *msg = qipmi_message(7, 0x20, 0x30, 2, 0x82, 4, 0, 0x41,
                                         "55");
    g_autofree char *data = g_strdup_printf("0f%s", msg);
    g_autofree char *want = g_strdup_printf("00 41 %s", msg);
    Machine m;

    boot(&m);
    ask(&m, &console, 6, 0x34, data);
    expect_answers(&m, &console, "00", NULL);
    g_assert_true(qipmi_attention(&m.kcs));
    qipmi_expect(&m.kcs, "06 33", want);
    g_assert_cmpint(qipmi_channel_int(m.qts, 1, "queued"), >=, 1);
    /* sec 22.5: not if it is disabled */
    qipmi_expect(&m.kcs, "06 32 01 00", "00 01 00");
    ask(&m, &console, 6, 0x34, data);
    expect_answers(&m, &console, "d3", NULL);
    g_assert_cmpint(queued(&m), ==, 0);
    qtest_quit(m.qts);
}

/* A cold reset forgets whom it owes an answer, a warm one does not */
static void test_reset(void)
{
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < 2; i++) {
        bridge(&m, &console, 0x40, 0x90, 0, 1);
        expect_answers(&m, &console, "00", NULL);
        qipmi_wait(m.qts, 1000);
        qipmi_expect(&m.kcs, i ? "06 02" : "06 03", "00");
        qipmi_wait(m.qts, LIFE_MS - 1000);
        expect_answers(&m, &console, i ? NULL : "c3", NULL);
    }
    qtest_quit(m.qts);
}

/* What waits, waits on after a snapshot, to the millisecond */
static void test_snapshot(void)
{
    g_autofree char *drive = NULL, *devices = NULL;
    Machine m;

    qfabric_files_open(&m.files);
    drive = qfabric_files_drive(&m.files);
    devices = g_strdup_printf("%s " DEVICES, drive);
    m.qts = qipmi_boot(devices);
    qipmi_open(&m.kcs, m.qts, QIPMI_KCS_SLOT);
    bridge(&m, &console, 0x40, 0x90, 0, 1);
    expect_answers(&m, &console, "00", NULL);
    qipmi_wait(m.qts, 2000);
    g_assert_true(qfabric_hmp_quiet(m.qts, "savevm s"));
    /* Forgotten, and loaded; qtest's clock does not go back */
    qipmi_expect(&m.kcs, "06 02", "00");
    g_assert_true(qfabric_hmp_quiet(m.qts, "loadvm s"));
    qipmi_wait(m.qts, 2999);
    qipmi_expect_sent(m.qts, 1, "");
    qipmi_wait(m.qts, 1);
    expect_answers(&m, &console, "c3", NULL);
    qtest_quit(m.qts);
    qfabric_files_close(&m.files);
}

/* sec 22.6: responses to system software, in each medium's format */
static void test_responses(void)
{
    static const struct {
        unsigned chan;
        const char *want;
    } rows[] = {
        { 0, "00 00 1e c2 72 15 01 00 aa ce" },
        { 6, "00 06 1e c2 72 15 01 00 aa ce" },
        { 1, "00 41 07 20 1e c2 72 15 01 00 aa ce" },
        { 3, "00 43 07 20 1e c2 72 15 01 00 aa ce" },
        { 4, "00 44 07 20 1e c2 72 15 01 00 aa ce" },
        { 9, "00 09 1e c2 72 15 01 00 aa ce" },
        { 11, "00 0b 1e c2 72 15 01 00 aa ce" },
    };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        qipmi_do(m.qts, "ipmi-response", "'channel': %u, 'netfn': 6, 'cmd': 1, "
                 "'sequence': 5, 'lun': 1, 'data': 'aa'", rows[i].chan);
        qipmi_expect(&m.kcs, "06 33", rows[i].want);
    }
    /* Whatever the code, and without data */
    qipmi_do(m.qts, "ipmi-response",
             "'channel': 0, 'netfn': 48, 'cmd': 65, 'code': 193");
    qipmi_expect(&m.kcs, "06 33", "00 00 c6 1a 72 00 41 c1 8c");
    qtest_quit(m.qts);
}

/* sec 22.6: the privilege that the medium infers */
static void test_privilege(void)
{
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i <= 4; i++) {
        g_autofree char *want = g_strdup_printf("00 %02x 07 20 c2 *",
                                                i << 4 | 1);

        qipmi_do(m.qts, "ipmi-request", "'channel': 1, 'netfn': 48, "
                 "'cmd': 65, 'privilege': %d", i);
        qipmi_expect(&m.kcs, "06 33", want);
    }
    g_free(qipmi_refused(m.qts, "ipmi-request", "'channel': 1, 'netfn': 48, "
                         "'cmd': 65, 'privilege': 6"));
    /* On an IPMB there is none (specs: Linux copies it into Send Message) */
    qipmi_do(m.qts, "ipmi-request", "'channel': 6, 'netfn': 48, 'cmd': 65");
    qipmi_expect(&m.kcs, "06 33", "00 06 c2 *");
    qtest_quit(m.qts);
}

/* What Linux sends that the table does not know */
static void test_linux_quirks(void)
{
    /* Automatic replies: privilege in the tracking bits; handle in cks1 */
    static const struct {
        const char *req;
        unsigned on;
        const char *want;
    } rows[] = {
        { "06 34 46 82 c4 ba 20 2a 41 c1 b4", 6, "82 c4 ba 20 2a 41 c1 b4" },
        { "06 34 80 82 c4 ba 20 2a 41 c1 b4", 0, "82 c4 ba 20 2a 41 c1 b4" },
        { "06 34 01 07 82 c4 b3 20 2a 41 c1 b4", 1,
          "07 82 c4 b3 20 2a 41 c1 b4" },
        { "06 34 01 07 82 c4 ba 20 2a 41 c1 b4", 1,
          "07 82 c4 ba 20 2a 41 c1 b4" },
    };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        qipmi_expect(&m.kcs, rows[i].req, "00");
        qipmi_expect_sent(m.qts, rows[i].on, rows[i].want);
    }
    /* A wrong checksum of a request is lost on the bus, and counted */
    i = qipmi_channel_int(m.qts, 0, "dropped");
    qipmi_expect(&m.kcs, "06 34 00 90 18 59 20 06 01 d9", "00");
    qipmi_expect(&m.kcs, "06 34 00 90 18 58 20 06 01 d8", "00");
    qipmi_expect_sent(m.qts, 0, "");
    g_assert_cmpint(qipmi_channel_int(m.qts, 0, "dropped"), ==, i + 2);
    qipmi_expect(&m.kcs, "06 34 00 90 18 58 20 06 01 d9", "00");
    qipmi_expect_sent(m.qts, 0, "90 18 58 20 06 01 d9");
    /* A broadcast is acknowledged, whoever is there */
    qipmi_expect(&m.kcs, "06 34 06 00 90 18 58 20 06 01 d9", "00");
    qipmi_expect(&m.kcs, "06 33", "80");
    qipmi_expect(&m.kcs, "06 34 06 00 82 18 66 20 06 01 d9", "00");
    qipmi_expect(&m.kcs, "06 33", "00 06 1e .. 82 04 01 00 36 *");
    /* A satellite has one LUN */
    qipmi_expect(&m.kcs, "06 34 06 82 19 65 20 06 01 d9", "00");
    qipmi_expect(&m.kcs, "06 33", "00 06 1e .. 82 05 01 c2 ..");
    qtest_quit(m.qts);
}

/* Media without a format: bytes are bytes, in both directions */
static void test_raw_media(void)
{
    static const unsigned chans[] = { 9, 11 };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < ARRAY_SIZE(chans); i++) {
        g_autofree char *send = g_strdup_printf("06 34 %02x de ad",
                                                chans[i]);
        g_autofree char *none = g_strdup_printf("06 34 %02x", chans[i]);
        g_autofree char *want = g_strdup_printf("00 %02x be ef 00", chans[i]);

        qipmi_expect(&m.kcs, send, "00");
        qipmi_expect(&m.kcs, none, "c7");
        qipmi_expect_sent(m.qts, chans[i], "de ad");
        qipmi_do(m.qts, "ipmi-raw", "'channel': %u, 'data': 'beef00'",
                 chans[i]);
        qipmi_expect(&m.kcs, "06 33", want);
    }
    g_free(qipmi_refused(m.qts, "ipmi-raw", "'channel': 9, 'data': ''"));
    g_free(qipmi_refused(m.qts, "ipmi-raw", "'channel': 2, 'data': '00'"));
    g_free(qipmi_refused(m.qts, "ipmi-raw", "'channel': 9, 'data': 'x0'"));
    qtest_quit(m.qts);
}

/* A full queue: a console is told, a bus is silent; it goes on in order */
static void test_full(void)
{
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < QUEUE_DEPTH; i++) {
        qipmi_do(m.qts, "ipmi-raw", "'channel': 9, 'data': '%02x'", i);
    }
    g_free(qipmi_refused(m.qts, "ipmi-request", "'channel': 1, 'netfn': 48, "
                         "'cmd': 65, 'sequence': 4"));
    qipmi_expect_sent(m.qts, 1, "07 82 c4 .. 20 12 41 c0 ..");
    g_free(qipmi_refused(m.qts, "ipmi-request", "'channel': 0, 'netfn': 48, "
                         "'cmd': 65, 'sequence': 4"));
    qipmi_expect_sent(m.qts, 0, "");
    /* To be bridged, there is no more room than otherwise */
    ask(&m, &console, 6, 0x34, "0f07823030");
    expect_answers(&m, &console, "c0", NULL);
    /* The BMC itself answers as before, and a place that is free is taken */
    ask(&m, &console, 6, 1, "");
    qipmi_expect_sent(m.qts, 1, "07 82 1c .. 20 24 01 00 20 *");
    qipmi_expect(&m.kcs, "06 33", "00 09 00");
    qipmi_do(m.qts, "ipmi-raw", "'channel': 11, 'data': '77'");
    g_free(qipmi_refused(m.qts, "ipmi-raw", "'channel': 11, 'data': '78'"));
    for (i = 1; i < QUEUE_DEPTH; i++) {
        g_autofree char *want = g_strdup_printf("00 09 %02x", i);

        qipmi_expect(&m.kcs, "06 33", want);
    }
    qipmi_expect(&m.kcs, "06 33", "00 0b 77");
    qipmi_expect(&m.kcs, "06 33", "80");
    qtest_quit(m.qts);
}

/* sec 22.8: one event; the first counts, and the SEL has them all */
static void test_event_buffer(void)
{
    static const char *const events[] = {
        "41 04 01 01 59 01 00 00", "41 04 01 01 59 02 00 00",
        "41 04 01 01 59 03 00 00",
    };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < 3; i++) {
        g_autofree char *req = g_strdup_printf("04 02 %s", events[i]);

        /* Enabled from the second on */
        qipmi_expect(&m.kcs, i ? "06 2e 0c" : "06 2e 08", "00");
        qipmi_expect(&m.kcs, req, "00");
        qipmi_expect(&m.kcs, "06 31", i ? "00 02" : "00 00");
        g_assert_true(qipmi_attention(&m.kcs) == (i > 0));
    }
    qipmi_expect_sel(m.qts, 0,
                     "41 00 04 01 01 59 01 00 00|41 00 04 01 01 59 02 00 00|"
                     "41 00 04 01 01 59 03 00 00");
    qipmi_expect(&m.kcs, "06 35",
                 "00 02 00 02 .. .. .. .. 41 00 04 01 01 59 02 00 00");
    qipmi_expect(&m.kcs, "06 35", "80");
    g_assert_false(qipmi_attention(&m.kcs));
    /* Without the SEL it is still for system software */
    qipmi_expect(&m.kcs, "06 2e 04", "00");
    qipmi_expect(&m.kcs, "04 02 41 04 01 01 59 04 00 00", "00");
    g_assert_cmpint(qipmi_sel_count(m.qts), ==, 3);
    qipmi_expect(&m.kcs, "06 31", "00 02");
    qipmi_expect(&m.kcs, "06 30 02", "00");
    qipmi_expect(&m.kcs, "06 35", "80");
    qtest_quit(m.qts);
}

/* The machine's reset and the BMC's two: what is left of messages and events */
static void test_resets(void)
{
    static const struct {
        const char *cmd;            /* NULL: of the machine */
        const char *flags, *enables;
    } rows[] = {
        { "06 03", "00 03", "00 0f" },
        { NULL, "00 02", "00 08" },
        { "06 02", "00 00", "00 08" },
    };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        qipmi_expect(&m.kcs, "06 2e 0f", "00");
        qipmi_do(m.qts, "ipmi-raw", "'channel': 9, 'data': '00'");
        qipmi_expect(&m.kcs, "04 02 41 04 01 01 59 00 00 00", "00");
        qipmi_expect(&m.kcs, "06 31", "00 03");
        if (rows[i].cmd) {
            qipmi_expect(&m.kcs, rows[i].cmd, "00");
        } else {
            qtest_system_reset(m.qts);
            qipmi_enable(&m.kcs);
        }
        qipmi_expect(&m.kcs, "06 31", rows[i].flags);
        qipmi_expect(&m.kcs, "06 2f", rows[i].enables);
        g_assert_true(qipmi_attention(&m.kcs) == (i < 2));
        qipmi_expect(&m.kcs, "06 30 03", "00");
    }
    qtest_quit(m.qts);
}

static bool interrupts(QIPMI *p)
{
    return qtest_readw(p->qts, p->cfg + PCI_STATUS) & PCI_STATUS_INTERRUPT;
}

/* sec 22.1: attention is for every flag, interrupts for those enabled */
static void test_enables(void)
{
    Machine m;
    int enables;

    m.qts = qipmi_boot(DEVICES QIPMI_BT);
    qipmi_open(&m.kcs, m.qts, QIPMI_KCS_SLOT);
    qipmi_open(&m.bt, m.qts, QIPMI_BT_SLOT);
    for (enables = 0; enables < 16; enables++) {
        g_autofree char *set = g_strdup_printf("06 2e %02x", enables);
        g_autofree char *get = g_strdup_printf("00 %02x", enables);

        qipmi_expect(&m.bt, set, "00");
        qipmi_expect(&m.bt, "06 2f", get);
        g_assert_false(interrupts(&m.kcs));
        qipmi_do(m.qts, "ipmi-raw", "'channel': 9, 'data': '00'");
        /* Reading the status acknowledges it */
        g_assert_true(interrupts(&m.kcs) == !!(enables & 1));
        g_assert_true(qipmi_attention(&m.kcs));
        qipmi_expect(&m.bt, "06 30 01", "00");
        g_assert_false(qipmi_attention(&m.kcs));
        g_assert_false(interrupts(&m.kcs));
        qipmi_do(m.qts, "ipmi-event",
                 "'record': '00000200000000200004010159000000'");
        g_assert_true(interrupts(&m.kcs) == ((enables & 6) == 6));
        g_assert_true(qipmi_attention(&m.kcs) == !!(enables & 4));
        qipmi_expect(&m.bt, "06 30 02", "00");
        g_assert_false(qipmi_attention(&m.kcs));
        g_assert_false(interrupts(&m.kcs));
    }
    qtest_quit(m.qts);
}

/*
 * sec 22.3, 22.4: after whatever step, flags are what there is, and attention
 * is whether there are flags, on both interfaces
 */
static void test_flags_model(void)
{
    unsigned step, queue = 0, flags, enables = 8;
    bool event = false, pre = false;
    Machine m;

    m.qts = qipmi_boot(DEVICES QIPMI_BT);
    qipmi_open(&m.kcs, m.qts, QIPMI_KCS_SLOT);
    qipmi_open(&m.bt, m.qts, QIPMI_BT_SLOT);
    for (step = 0; step < 400; step++) {
        QIPMI *p = g_test_rand_bit() ? &m.kcs : &m.bt;
        unsigned arg = g_test_rand_int_range(0, 16);
        g_autofree char *req = NULL;

        switch (g_test_rand_int_range(0, 9)) {
        case 0:
        case 1:
            qipmi_do(m.qts, "ipmi-raw", "'channel': 9, 'data': '%02x'", arg);
            queue++;
            break;
        case 2:
            qipmi_do(m.qts, "ipmi-event",
                     "'record': '00000200000000200004010159000000'");
            event = event || (enables & 4);
            break;
        case 3:
            /* 1 s, and a message after 0.x s */
            qipmi_expect(p, "06 24 84 30 01 00 0a 00", "00");
            qipmi_expect(p, "06 22", "00");
            qipmi_wait(m.qts, 1);
            pre = true;
            break;
        case 4:
            enables = arg;
            req = g_strdup_printf("06 2e %02x", arg);
            qipmi_expect(p, req, "00");
            break;
        case 5:
            arg &= 0x0b;
            req = g_strdup_printf("06 30 %02x", arg);
            qipmi_expect(p, req, "00");
            queue = arg & 1 ? 0 : queue;
            event = event && !(arg & 2);
            pre = pre && !(arg & 8);
            break;
        case 6:
            qipmi_expect(p, "06 33", queue ? "00 09 .." : "80");
            queue -= queue > 0;
            break;
        case 7:
            qipmi_expect(p, "06 35", event ? "00 .. .. 02 *" : "80");
            event = false;
            break;
        default:
            if (arg == 0) {
                qipmi_expect(p, "06 02", "00");
                queue = 0;
                event = pre = false;
                enables = 8;
            }
            break;
        }
        flags = (queue ? 1 : 0) | (event ? 2 : 0) | (pre ? 8 : 0);
        g_assert_cmphex(qipmi_query_int(m.qts, "flags"), ==, flags);
        g_assert_cmpint(queued(&m), ==, queue);
        g_assert_true(qipmi_attention(&m.kcs) == !!flags);
        g_assert_true(qipmi_attention(&m.bt) == !!flags);
    }
    qtest_quit(m.qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/ipmi/tracking/answer", test_answer);
    qtest_add_func("/ipmi/tracking/matched", test_matched);
    qtest_add_func("/ipmi/tracking/timeout", test_timeout);
    qtest_add_func("/ipmi/tracking/other-bus", test_other_bus);
    qtest_add_func("/ipmi/tracking/for-software", test_for_software);
    qtest_add_func("/ipmi/tracking/duplicate", test_duplicate);
    qtest_add_func("/ipmi/tracking/outstanding", test_outstanding);
    qtest_add_func("/ipmi/tracking/session-rows", test_session_rows);
    qtest_add_func("/ipmi/tracking/to-system", test_to_system);
    qtest_add_func("/ipmi/tracking/reset", test_reset);
    qtest_add_func("/ipmi/tracking/snapshot", test_snapshot);
    qtest_add_func("/ipmi/tracking/responses", test_responses);
    qtest_add_func("/ipmi/tracking/privilege", test_privilege);
    qtest_add_func("/ipmi/tracking/linux-quirks", test_linux_quirks);
    qtest_add_func("/ipmi/tracking/raw-media", test_raw_media);
    qtest_add_func("/ipmi/tracking/full", test_full);
    qtest_add_func("/ipmi/tracking/event-buffer", test_event_buffer);
    qtest_add_func("/ipmi/tracking/resets", test_resets);
    qtest_add_func("/ipmi/tracking/enables", test_enables);
    qtest_add_func("/ipmi/tracking/flags-model", test_flags_model);
    return g_test_run();
}
