/*
 * Messages between the channels of ipmi-bmc-multi and system software
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 6.12, 6.13, 22.3 to 22.8, 22.24.
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-port.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"

#define QUEUE_DEPTH     64

#define DEVICES \
    QIPMI_BMC \
    "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb " \
    "-device ipmi-channel,bmc=bmc0,number=1,medium=lan " \
    "-device ipmi-channel,bmc=bmc0,number=3,medium=lan " \
    "-device ipmi-channel,bmc=bmc0,number=4,medium=serial " \
    "-device ipmi-channel,bmc=bmc0,number=6,medium=ipmb " \
    "-device ipmi-channel,bmc=bmc0,number=9,medium=oem " \
    "-device ipmi-channel,bmc=bmc0,number=11,medium=smbus " \
    "-device ipmi-ipmb-mc,bmc=bmc0,channel=0,address=0x82,reading=77 " \
    QIPMI_KCS QIPMI_BT

typedef struct Machine {
    QTestState *qts;
    QIPMI kcs, bt;
} Machine;

static void boot(Machine *m)
{
    m->qts = qipmi_boot(DEVICES);
    qipmi_open(&m->kcs, m->qts, QIPMI_KCS_SLOT);
    qipmi_open(&m->bt, m->qts, QIPMI_BT_SLOT);
}

static void inject(Machine *m, unsigned chan, unsigned lun, const char *data)
{
    qtest_qmp_assert_success(m->qts, "{ 'execute': 'ipmi-request', "
        "'arguments': { 'bmc': 'bmc0', 'channel': %d, 'netfn': 48, "
        "'cmd': 65, 'lun': %d, 'sequence': 9, 'data': %s } }", chan, lun,
        data);
}

/* The messages that a channel has sent, as hex with spaces between; free it */
static char *sent(Machine *m, unsigned chan)
{
    QDict *rsp = qtest_qmp(m->qts, "{ 'execute': 'query-ipmi-sent', "
                           "'arguments': { 'bmc': 'bmc0', 'channel': %d, "
                           "'clear': true } }", chan);
    GString *s = g_string_new(NULL);
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(rsp, "return"), e) {
        QDict *msg = qobject_to(QDict, qlist_entry_obj(e));

        g_string_append_printf(s, "%s%s", s->len ? " " : "",
                               qdict_get_str(msg, "data"));
    }
    qobject_unref(rsp);
    return g_string_free(s, false);
}

static void expect_sent(Machine *m, unsigned chan, const char *want)
{
    g_autofree char *got = sent(m, chan);

    g_assert_cmpstr(got, ==, want);
}

/* A counter of a channel, by its name in query-ipmi-bmcs */
static int64_t counter(Machine *m, unsigned chan, const char *name)
{
    QDict *bmc = qipmi_query(m->qts, 0);
    int64_t val = -1;
    QListEntry *e;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(bmc, "channels"), e) {
        QDict *c = qobject_to(QDict, qlist_entry_obj(e));

        if (qdict_get_int(c, "number") == chan) {
            val = qdict_get_int(c, name);
        }
    }
    qobject_unref(bmc);
    return val;
}

/* sec 22.24: what is not there is CCh, never C1h, and stops no scan */
static void test_scan(void)
{
    static const char *const want[16] = {
        [0] = "00 00 01 01 00 f2 1b 00 00 00",
        [1] = "00 01 04 01 .. f2 1b 00 00 00",
        [3] = "00 03 04 01 .. f2 1b 00 00 00",
        [4] = "00 04 05 .. .. f2 1b 00 00 00",
        [6] = "00 06 01 01 00 f2 1b 00 00 00",
        [7] = "00 07 0c 08 00 f2 1b 00 .. ..",      /* the second interface */
        [9] = "00 09 60 .. .. .. .. .. .. ..",
        [11] = "00 0b 09 04 00 f2 1b 00 00 00",
        [15] = "00 0f 0c 05 00 f2 1b 00 .. ..",
    };
    g_autofree char *req = NULL;
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < 16; i++) {
        if (i != 14) {
            g_free(req);
            req = g_strdup_printf("06 42 %02x", i);
            qipmi_expect(&m.kcs, req, want[i] ?: "cc");
            qipmi_expect(&m.bt, req, want[i] ?: "cc");
        }
    }
    qipmi_expect(&m.kcs, "06 42 0e", want[15]);
    qipmi_expect(&m.bt, "06 42 0e", want[7]);
    qtest_quit(m.qts);
}

/* sec 22.6: each medium's format; address, handle and privilege */
static void test_get_message(void)
{
    static const struct {
        unsigned chan;
        const char *head;
        int handle;
    } rows[] = {
        { 0, "00", -1 }, { 1, "41", 7 }, { 3, "43", 7 }, { 4, "44", 7 },
        { 6, "06", -1 }, { 11, "0b", -1 },
    };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *msg =
            qipmi_message(rows[i].handle, 0x20, 0x30, 2, 0x82, 9, 0, 0x41,
                          "aa55");
        /* An IPMB message is without the address that it was for */
        g_autofree char *want =
            g_strdup_printf("00 %s %s", rows[i].head,
                            msg + (rows[i].handle < 0 ? 2 : 0));

        inject(&m, rows[i].chan, 2, "aa55");
        g_assert_true(qipmi_attention(&m.kcs) && qipmi_attention(&m.bt));
        qipmi_expect(&m.kcs, "06 31", "00 01");
        qipmi_expect(i & 1 ? &m.kcs : &m.bt, "06 33", want);
        qipmi_expect(&m.bt, "06 33", "80");
        qipmi_expect(&m.kcs, "06 31", "00 00");
        g_assert_false(qipmi_attention(&m.kcs) || qipmi_attention(&m.bt));
    }
    qtest_quit(m.qts);
}

/* sec 6.12: LUN 00b is the BMC, 10b system software, the others nobody */
static void test_luns(void)
{
    static const unsigned chans[] = { 0, 1, 4, 6 };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < ARRAY_SIZE(chans); i++) {
        g_autofree char *got = NULL;

        inject(&m, chans[i], 1, "");
        inject(&m, chans[i], 3, "");
        g_assert_cmpint(qipmi_query_int(m.qts, "queue"), ==, 0);
        g_free(sent(&m, chans[i]));
        inject(&m, chans[i], 0, "");
        g_assert_cmpint(qipmi_query_int(m.qts, "queue"), ==, 0);
        got = sent(&m, chans[i]);
        /* its command is 41h of NetFn 30h, which there is not */
        g_assert_nonnull(strstr(got, "41c1"));
        inject(&m, chans[i], 2, "");
        g_assert_cmpint(qipmi_query_int(m.qts, "queue"), ==, 1);
        qipmi_expect(&m.kcs, "06 33", "00 *");
    }
    qtest_quit(m.qts);
}

/* sec 22.7: rows of the table of Send Message, from the system interface */
static void test_send(void)
{
    g_autofree char *ipmb = qipmi_message(-1, 0x90, 6, 0, 0x20, 5, 2, 1, "");
    g_autofree char *rsp = qipmi_message(-1, 0x90, 7, 0, 0x20, 5, 2, 1, "00");
    g_autofree char *lan = qipmi_message(7, 0x81, 6, 0, 0x82, 5, 2, 1, "");
    g_autofree char *dead = qipmi_message(0, 0x81, 6, 0, 0x82, 5, 2, 1, "");
    g_autofree char *lan_req = g_strdup_printf("06 34 01 %s", lan);
    const struct {
        const char *chan, *msg, *answer;
        int on;
    } rows[] = {
        { "00", ipmb, "83", -1 },           /* nobody at that address */
        { "40", ipmb, "cc", -1 },           /* tracked, from system software */
        { "80", ipmb, "cc", -1 },           /* raw */
        { "c0", ipmb, "cc", -1 },           /* reserved */
        { "c0", rsp, "cc", -1 },
        { "02", ipmb, "cc", -1 },           /* a gap */
        { "0c", ipmb, "cc", -1 },
        { "0d", ipmb, "cc", -1 },
        { "0f", ipmb, "cc", -1 },           /* itself */
        { "0e", ipmb, "cc", -1 },
        { "00", "90 18", "c7", -1 },        /* too short */
        { "01", lan, "00", 1 },
        { "04", lan, "00", 4 },
        { "01", dead, "80", -1 },           /* no such session */
    };
    Machine m;
    int i;

    boot(&m);
    qipmi_expect(&m.kcs, "06 34", "c7");
    /* a session is alive from its first message on */
    qipmi_expect(&m.kcs, lan_req, "80");
    inject(&m, 1, 2, "");
    inject(&m, 4, 2, "");
    qipmi_expect(&m.kcs, "06 30 01", "00");
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *req = g_strdup_printf("06 34 %s %s", rows[i].chan,
                                               rows[i].msg);

        qipmi_expect(i & 1 ? &m.kcs : &m.bt, req, rows[i].answer);
        if (rows[i].on >= 0) {
            expect_sent(&m, rows[i].on, rows[i].msg);
        }
    }
    qtest_quit(m.qts);
}

/* A controller on the IPMB answers into the queue, in IPMB format */
static void test_satellite(void)
{
    static const struct {
        uint8_t netfn, cmd;
        const char *data, *answer;
    } rows[] = {
        { 0x06, 0x01, "", "00 30 *" },
        { 0x04, 0x2d, "01", "00 4d *" },
        { 0x04, 0x2d, "02", "cb *" },
        { 0x04, 0x2d, "", "c7 *" },
        { 0x06, 0x42, "00", "c1 *" },
    };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *msg =
            qipmi_message(-1, 0x82, rows[i].netfn, 0, 0x20, 11 + i, 2,
                          rows[i].cmd, rows[i].data);
        g_autofree char *req = g_strdup_printf("06 34 00 %s", msg);
        g_autofree char *got = NULL;
        uint8_t buf[QIPMI_MAX];
        unsigned n;

        qipmi_expect(&m.kcs, req, "00");
        got = qipmi_get(&m.kcs, "06 33");
        n = qipmi_bytes(got, buf, sizeof(buf));
        g_assert_cmpuint(n, >=, 8);
        g_assert_cmphex(buf[0], ==, 0);
        g_assert_cmphex(buf[1], ==, (rows[i].netfn | 1) << 2 | 2);
        /* sec 22.6: the BMC's own address counts, though it is left out */
        g_assert_cmphex(0x20 + buf[1] + buf[2], ==,
                        ROUND_UP(0x20 + buf[1] + buf[2], 0x100));
        g_assert_cmphex(buf[3], ==, 0x82);
        g_assert_cmphex(buf[4], ==, (11 + i) << 2);
        g_assert_cmphex(buf[5], ==, rows[i].cmd);
        g_assert_true(qipmi_matches(rows[i].answer, buf + 6, n - 7));
        g_assert_cmphex(qipmi_checksum(buf + 3, n - 3), ==, 0);
        qipmi_expect(&m.kcs, "06 33", "80");
    }
    qtest_quit(m.qts);
}

/* A bus drops what its checksums do not fit */
static void test_checksums(void)
{
    g_autofree char *msg = qipmi_message(-1, 0x82, 6, 0, 0x20, 1, 2, 1, "");
    uint8_t buf[QIPMI_MAX];
    unsigned i, n = qipmi_bytes(msg, buf, sizeof(buf));
    Machine m;

    boot(&m);
    for (i = 0; i < 2; i++) {
        unsigned at = i ? n - 1 : 2;
        g_autofree char *hex = NULL, *req = NULL;

        buf[at] ^= 1;
        hex = qipmi_hex(buf, n);
        req = g_strdup_printf("06 34 00 %s", hex);
        qipmi_get(&m.kcs, req);
        qipmi_expect(&m.kcs, "06 33", "80");
        buf[at] ^= 1;
    }
    qtest_quit(m.qts);
}

/* A queue that is full loses the newest, counts it, and tells QMP */
static void test_overflow(void)
{
    g_autofree char *want = NULL;
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < QUEUE_DEPTH; i++) {
        g_autofree char *data = g_strdup_printf("%02x", i);

        inject(&m, i & 1 ? 1 : 0, 2, data);
    }
    for (i = 0; i < 2; i++) {
        QDict *err = qtest_qmp_assert_failure_ref(m.qts,
            "{ 'execute': 'ipmi-request', 'arguments': { 'bmc': 'bmc0', "
            "'channel': %d, 'netfn': 48, 'cmd': 65 } }", i);

        g_assert_nonnull(strstr(qdict_get_str(err, "desc"), "full"));
        qobject_unref(err);
        g_assert_cmpint(counter(&m, i, "dropped"), ==, 1);
    }
    g_assert_cmpint(qipmi_query_int(m.qts, "queue"), ==, QUEUE_DEPTH);
    for (i = 0; i < QUEUE_DEPTH; i++) {
        g_free(want);
        want = i & 1 ? g_strdup_printf("00 41 07 20 c2 .. 82 24 41 %02x ..", i)
                     : g_strdup_printf("00 00 c2 1e 82 24 41 %02x ..", i);
        qipmi_expect(i & 2 ? &m.kcs : &m.bt, "06 33", want);
    }
    qipmi_expect(&m.kcs, "06 33", "80");
    /* and Clear Message Flags empties it */
    inject(&m, 0, 2, "");
    qipmi_expect(&m.kcs, "06 30 01", "00");
    qipmi_expect(&m.kcs, "06 33", "80");
    g_assert_false(qipmi_attention(&m.kcs));
    qtest_quit(m.qts);
}

/* sec 22.5: reception is on until system software disables it */
static void test_receive_disable(void)
{
    QDict *err;
    Machine m;

    boot(&m);
    qipmi_expect(&m.kcs, "06 32 01 02", "00 01 01");
    qipmi_expect(&m.kcs, "06 32 01 00", "00 01 00");
    err = qtest_qmp(m.qts, "{ 'execute': 'ipmi-request', 'arguments': "
                    "{ 'bmc': 'bmc0', 'channel': 1, 'netfn': 48, 'cmd': 65 } "
                    "}");
    qobject_unref(err);
    g_assert_cmpint(qipmi_query_int(m.qts, "queue"), ==, 0);
    g_assert_cmpint(counter(&m, 1, "dropped"), ==, 1);
    /* the console hears of it: D3h */
    {
        g_autofree char *got = sent(&m, 1);

        g_assert_nonnull(strstr(got, "41d3"));
    }
    inject(&m, 3, 2, "");
    qipmi_expect(&m.kcs, "06 33", "00 43 *");
    qipmi_expect(&m.bt, "06 32 01 01", "00 01 01");
    inject(&m, 1, 2, "");
    qipmi_expect(&m.bt, "06 33", "00 41 *");
    qtest_quit(m.qts);
}

/* A tracked request of a session comes back as its response (sec 6.13) */
static void send_tracked(Machine *m, uint8_t addr, unsigned seq)
{
    g_autofree char *msg = qipmi_message(-1, addr, 6, 0, 0x20, seq, 0, 1, "");
    g_autofree char *data = g_strdup_printf("40%s", msg);

    qtest_qmp_assert_success(m->qts, "{ 'execute': 'ipmi-request', "
        "'arguments': { 'bmc': 'bmc0', 'channel': 1, 'netfn': 6, 'cmd': 52, "
        "'lun': 0, 'sequence': %d, 'data': %s } }", seq & 63, data);
}

static void test_tracked(void)
{
    g_autofree char *got = NULL;
    g_autofree char *none = NULL;
    Machine m;

    boot(&m);
    send_tracked(&m, 0x82, 33);
    got = sent(&m, 1);
    /* the whole response of the satellite is in it, device ID 30h included */
    g_assert_nonnull(strstr(got, "8434"));
    g_assert_nonnull(strstr(got, "0130") ?: strstr(got, "010030"));
    g_assert_cmpint(qipmi_query_int(m.qts, "queue"), ==, 0);
    send_tracked(&m, 0x90, 34);
    none = sent(&m, 1);
    g_assert_nonnull(strstr(none, "883483"));
    qtest_quit(m.qts);
}

/* Each of so many messages to a medium; how many events came of them? */
static unsigned events_of(Machine *m, unsigned messages)
{
    unsigned n = 0;
    QDict *event;

    while (messages--) {
        qipmi_expect(&m->kcs, "06 34 09 01", "00");
    }
    /* What came before its answer is in libqtest's list. */
    g_free(sent(m, 9));
    while ((event = qtest_qmp_event_ref(m->qts, "IPMI_MESSAGE"))) {
        qobject_unref(event);
        n++;
    }
    return n;
}

/*
 * QEMU keeps the events that a QMP client does not read, so a guest must not
 * be able to make any number of them.
 */
static void test_event_flood(void)
{
    Machine m;

    boot(&m);
    g_assert_cmpuint(events_of(&m, 990), ==, 990);
    g_assert_cmpuint(events_of(&m, 1000), ==, 10);
    g_assert_cmpint(counter(&m, 9, "sent"), ==, 1990);
    qtest_clock_step(m.qts, 100 * 1000000LL);
    g_assert_cmpuint(events_of(&m, 1000), ==, 10);
    qtest_clock_step(m.qts, 20 * 1000000000LL);
    g_assert_cmpuint(events_of(&m, 1100), ==, 1000);
    qtest_quit(m.qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/ipmi/bridge/scan", test_scan);
    qtest_add_func("/ipmi/bridge/get-message", test_get_message);
    qtest_add_func("/ipmi/bridge/luns", test_luns);
    qtest_add_func("/ipmi/bridge/send-message", test_send);
    qtest_add_func("/ipmi/bridge/satellite", test_satellite);
    qtest_add_func("/ipmi/bridge/checksums", test_checksums);
    qtest_add_func("/ipmi/bridge/overflow", test_overflow);
    qtest_add_func("/ipmi/bridge/receive-disable", test_receive_disable);
    qtest_add_func("/ipmi/bridge/tracked", test_tracked);
    qtest_add_func("/ipmi/bridge/event-flood", test_event_flood);
    return g_test_run();
}
