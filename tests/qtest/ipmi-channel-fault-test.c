/*
 * What faults of ipmi-bmc-multi make of messages on its channels
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every action on every way that a message can take. What they make of requests
 * on a system interface: ipmi-fault-test.c.
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-host.h"
#include "libqos/pcie-fabric-vmstate.h"

#define DELAY_MS        100
#define LATE_MAX        64

#define DEVICES \
    QIPMI_BMC \
    "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb,any-address=on " \
    "-device ipmi-channel,bmc=bmc0,number=1,medium=lan " \
    "-device ipmi-channel,bmc=bmc0,number=9,medium=oem " \
    "-device ipmi-channel,bmc=bmc0,number=11,medium=smbus " \
    "-device ipmi-ipmb-mc,bmc=bmc0,channel=0,address=0x82 " \
    QIPMI_BT

static QTestState *qts;
static QIPMI bt;

static void boot(const char *more)
{
    g_autofree char *devices = g_strconcat(more, DEVICES, NULL);

    qts = qipmi_boot(devices);
    qipmi_open(&bt, qts, QIPMI_BT_SLOT);
    /* The session is known from its first message on */
    qipmi_do(qts, "ipmi-request", "'channel': 1, 'netfn': 48, 'cmd': 65");
    qipmi_expect(&bt, "06 30 01", "00");
}

/*
 * The ways. Each sends one message; the answer to Send Message is in *cc.
 */

static void in_queue(uint8_t *cc)
{
    qipmi_do(qts, "ipmi-request", "'channel': 1, 'netfn': 48, 'cmd': 65, "
             "'sequence': 9, 'data': 'aa55'");
}

static void in_queue_ipmb(uint8_t *cc)
{
    qipmi_do(qts, "ipmi-request", "'channel': 0, 'netfn': 48, 'cmd': 65, "
             "'sequence': 9, 'data': 'aa55'");
}

static void in_bmc(uint8_t *cc)
{
    qipmi_do(qts, "ipmi-request", "'channel': 1, 'netfn': 6, 'cmd': 4, "
             "'sequence': 9, 'lun': 0");
}

static void in_response(uint8_t *cc)
{
    qipmi_do(qts, "ipmi-response", "'channel': 0, 'netfn': 6, 'cmd': 1, "
             "'sequence': 9, 'data': 'aa55'");
}

static void in_raw(uint8_t *cc)
{
    qipmi_do(qts, "ipmi-raw", "'channel': 9, 'data': 'beef'");
}

static void send_message(uint8_t *cc, unsigned chan, const char *msg)
{
    uint8_t buf[QIPMI_MAX] = { chan };
    unsigned n = qipmi_bytes(msg, buf + 1, sizeof(buf) - 1);

    *cc = qipmi_cmd(&bt, 0x06, 0x34, buf, n + 1, NULL);
}

static void out_request(uint8_t *cc)
{
    g_autofree char *msg = qipmi_message(-1, 0x90, 0x30, 0, 0x20, 9, 2, 0x41,
                                         "aa55");

    send_message(cc, 0, msg);
}

static void out_request_lan(uint8_t *cc)
{
    g_autofree char *msg = qipmi_message(7, 0x82, 0x30, 0, 0x20, 9, 2, 0x41,
                                         "aa55");

    send_message(cc, 1, msg);
}

static void out_response(uint8_t *cc)
{
    g_autofree char *msg = qipmi_message(-1, 0x82, 0x31, 0, 0x20, 9, 2, 0x41,
                                         "00aa55");

    send_message(cc, 0, msg);
}

static void out_raw(uint8_t *cc)
{
    send_message(cc, 11, "dead");
}

/*
 * What comes of it, for each action: "=" is the message as it is. Q: in the
 * queue; S: on the channel's medium. Before "/" at once, behind it later.
 */
typedef struct Row {
    const char *fault;
    const char *want;
    uint8_t cc;                 /* of Send Message */
    int matched, applied;
    bool answered;              /* it is on the medium, not in the queue */
} Row;

#define D(name)     "'action': '" name "'"

static const Row rows_in_queue[] = {
    { D("drop"), "/", 0, 1, 1 }, { D("ignore"), "/", 0, 1, 1 },
    { D("delay") ", 'delay-ms': 100", "/=", 0, 1, 1 },
    { D("repeat") ", 'times': 2", "=|=|=/", 0, 1, 1 },
    { D("wrong-sequence"), "41 07 20 c2 .. 82 28 41 aa 55 ../", 0, 1, 1 },
    { D("wrong-netfn"), "41 07 20 ca .. 82 24 41 aa 55 ../", 0, 1, 1 },
    { D("wrong-command"), "41 07 20 c2 .. 82 24 c1 aa 55 ../", 0, 1, 1 },
    { D("truncate"), "41 07 20 c2 .. 82 24 41 aa ../", 0, 1, 1 },
    { D("truncate") ", 'bytes': 9", "41 07 20 c2 .. 82 24 41 ../", 0, 1, 1 },
    { D("extend") ", 'bytes': 2",
      "41 07 20 c2 .. 82 24 41 aa 55 ff ff ../", 0, 1, 1 },
    { D("completion") ", 'code': 213", "07 82 c4 .. 20 26 41 d5 ../", 0, 1, 1,
      true },
    { D("bmc-reset"), "/", 0, 1, 1 },
    { }
};

/* On a bus nobody is told of a completion code that does not exist */
static const Row rows_in_queue_ipmb[] = {
    { D("drop"), "/", 0, 1, 1 },
    { D("delay") ", 'delay-ms': 100", "/=", 0, 1, 1 },
    { D("repeat"), "=|=/", 0, 1, 1 },
    { D("wrong-sequence"), "00 c2 .. 82 28 41 aa 55 ../", 0, 1, 1 },
    { D("wrong-netfn"), "00 ca .. 82 24 41 aa 55 ../", 0, 1, 1 },
    { D("wrong-command"), "00 c2 .. 82 24 c1 aa 55 ../", 0, 1, 1 },
    { D("truncate"), "00 c2 .. 82 24 41 aa ../", 0, 1, 1 },
    { D("extend"), "00 c2 .. 82 24 41 aa 55 ff ../", 0, 1, 1 },
    { D("completion"), "82 c4 .. 20 26 41 c0 ../", 0, 1, 1, true },
    { }
};

static const Row rows_in_bmc[] = {
    { D("drop"), "/", 0, 1, 1 }, { D("ignore"), "/", 0, 1, 1 },
    { D("delay") ", 'delay-ms': 100", "/=", 0, 1, 1 },
    { D("repeat") ", 'times': 2", "=|=|=/", 0, 1, 1 },
    { D("wrong-sequence"), "07 82 1c .. 20 28 04 00 55 00 ../", 0, 1, 1 },
    { D("wrong-netfn"), "07 82 14 .. 20 24 04 c1 ../", 0, 1, 1 },
    { D("wrong-command"), "07 82 1c .. 20 24 84 c1 ../", 0, 1, 1 },
    { D("truncate"), "=/", 0, 1, 1 },
    { D("extend"), "07 82 1c .. 20 24 04 c7 ../", 0, 1, 1 },
    { D("completion"), "07 82 1c .. 20 24 04 c0 ../", 0, 1, 1 },
    { D("bmc-reset"), "/", 0, 1, 1 },
    { }
};

/* The response that the BMC sends, by the direction */
static const Row rows_answer[] = {
    { D("drop"), "/", 0, 1, 1 }, { D("ignore"), "/", 0, 1, 1 },
    { D("delay") ", 'delay-ms': 100", "/=", 0, 1, 1 },
    { D("repeat"), "=|=/", 0, 1, 1 },
    { D("wrong-sequence"), "07 82 1c .. 20 28 04 00 55 00 ../", 0, 1, 1 },
    { D("wrong-netfn"), "07 82 14 .. 20 24 04 00 55 00 ../", 0, 1, 1 },
    { D("wrong-command"), "07 82 1c .. 20 24 84 00 55 00 ../", 0, 1, 1 },
    { D("truncate"), "07 82 1c .. 20 24 04 00 55 ../", 0, 1, 1 },
    { D("truncate") ", 'bytes': 3", "07 82 1c .. 20 24 04 ../", 0, 1, 1 },
    { D("extend"), "07 82 1c .. 20 24 04 00 55 00 ff ../", 0, 1, 1 },
    { D("completion") ", 'code': 213",
      "07 82 1c .. 20 24 04 d5 55 00 ../", 0, 1, 1 },
    { }
};

static const Row rows_in_response[] = {
    { D("drop"), "/", 0, 1, 1 },
    { D("delay") ", 'delay-ms': 100", "/=", 0, 1, 1 },
    { D("repeat"), "=|=/", 0, 1, 1 },
    { D("wrong-sequence"), "00 1e .. 72 28 01 00 aa 55 ../", 0, 1, 1 },
    { D("wrong-netfn"), "00 16 .. 72 24 01 00 aa 55 ../", 0, 1, 1 },
    { D("wrong-command"), "00 1e .. 72 24 81 00 aa 55 ../", 0, 1, 1 },
    { D("truncate"), "00 1e .. 72 24 01 00 aa ../", 0, 1, 1 },
    { D("extend"), "00 1e .. 72 24 01 00 aa 55 ff ../", 0, 1, 1 },
    { D("completion"), "00 1e .. 72 24 01 c0 aa 55 ../", 0, 1, 1 },
    { }
};

static const Row rows_in_raw[] = {
    { D("drop"), "/", 0, 1, 1 }, { D("ignore"), "/", 0, 1, 1 },
    { D("delay") ", 'delay-ms': 100", "/=", 0, 1, 1 },
    { D("repeat") ", 'times': 2", "=|=|=/", 0, 1, 1 },
    { D("truncate"), "09 be/", 0, 1, 1 },
    { D("extend") ", 'bytes': 2", "09 be ef ff ff/", 0, 1, 1 },
    { D("bmc-reset"), "/", 0, 1, 1 },
    /* Where there is no format, there is nothing to be changed */
    { D("wrong-sequence"), "=/" }, { D("wrong-netfn"), "=/" },
    { D("wrong-command"), "=/" }, { D("completion"), "=/" },
    { D("drop") ", 'netfn': 48", "=/" }, { D("drop") ", 'cmd': 65", "=/" },
    { }
};

static const Row rows_out_request[] = {
    { D("drop"), "/", 0, 1, 1 }, { D("ignore"), "/", 0, 1, 1 },
    { D("delay") ", 'delay-ms': 100", "/=", 0, 1, 1 },
    { D("repeat") ", 'times': 2", "=|=|=/", 0, 1, 1 },
    { D("wrong-sequence"), "90 c0 .. 20 2a 41 aa 55 ../", 0, 1, 1 },
    { D("wrong-netfn"), "90 c8 .. 20 26 41 aa 55 ../", 0, 1, 1 },
    { D("wrong-command"), "90 c0 .. 20 26 c1 aa 55 ../", 0, 1, 1 },
    { D("truncate"), "90 c0 .. 20 26 41 aa ../", 0, 1, 1 },
    { D("extend"), "90 c0 .. 20 26 41 aa 55 ff ../", 0, 1, 1 },
    { D("completion"), "/", 0xc0, 1, 1 },
    { D("completion") ", 'code': 131", "/", 0x83, 1, 1 },
    { }
};

static const Row rows_out_request_lan[] = {
    { D("drop"), "/", 0, 1, 1 },
    { D("delay") ", 'delay-ms': 100", "/=", 0, 1, 1 },
    { D("repeat"), "=|=/", 0, 1, 1 },
    { D("wrong-sequence"), "07 82 c0 .. 20 2a 41 aa 55 ../", 0, 1, 1 },
    { D("wrong-netfn"), "07 82 c8 .. 20 26 41 aa 55 ../", 0, 1, 1 },
    { D("wrong-command"), "07 82 c0 .. 20 26 c1 aa 55 ../", 0, 1, 1 },
    { D("truncate"), "07 82 c0 .. 20 26 41 aa ../", 0, 1, 1 },
    { D("extend"), "07 82 c0 .. 20 26 41 aa 55 ff ../", 0, 1, 1 },
    { D("completion") ", 'code': 128", "/", 0x80, 1, 1 },
    { }
};

static const Row rows_out_response[] = {
    { D("drop"), "/", 0, 1, 1 },
    { D("delay") ", 'delay-ms': 100", "/=", 0, 1, 1 },
    { D("repeat"), "=|=/", 0, 1, 1 },
    { D("wrong-sequence"), "82 c4 .. 20 2a 41 00 aa 55 ../", 0, 1, 1 },
    { D("wrong-netfn"), "82 cc .. 20 26 41 00 aa 55 ../", 0, 1, 1 },
    { D("wrong-command"), "82 c4 .. 20 26 c1 00 aa 55 ../", 0, 1, 1 },
    { D("truncate") ", 'bytes': 3", "82 c4 .. 20 26 41 ../", 0, 1, 1 },
    { D("extend"), "82 c4 .. 20 26 41 00 aa 55 ff ../", 0, 1, 1 },
    { D("completion"), "82 c4 .. 20 26 41 c0 aa 55 ../", 0, 1, 1 },
    { }
};

static const Row rows_out_raw[] = {
    { D("drop"), "/", 0, 1, 1 },
    { D("delay") ", 'delay-ms': 100", "/=", 0, 1, 1 },
    { D("repeat"), "=|=/", 0, 1, 1 },
    { D("truncate"), "de/", 0, 1, 1 },
    { D("extend"), "de ad ff/", 0, 1, 1 },
    { D("wrong-sequence"), "=/" }, { D("wrong-netfn"), "=/" },
    { D("wrong-command"), "=/" }, { D("completion"), "=/" },
    { D("drop") ", 'netfn': 48", "=/" }, { D("drop") ", 'cmd': 65", "=/" },
    { }
};

static const struct Way {
    const char *name;
    void (*go)(uint8_t *cc);
    const char *direction;      /* of the rule */
    const char *normal;         /* what comes of it without a fault */
    const Row *rows;
    bool queue;                 /* there; else on the medium */
    unsigned chan;
} ways[] = {
    { "in/queue/lan", in_queue, "in", "41 07 20 c2 .. 82 24 41 aa 55 ..",
      rows_in_queue, true, 1 },
    { "in/queue/ipmb", in_queue_ipmb, "in", "00 c2 .. 82 24 41 aa 55 ..",
      rows_in_queue_ipmb, true, 0 },
    { "in/bmc", in_bmc, "in", "07 82 1c .. 20 24 04 00 55 00 ..",
      rows_in_bmc, false, 1 },
    { "in/response", in_response, "in", "00 1e .. 72 24 01 00 aa 55 ..",
      rows_in_response, true, 0 },
    { "in/raw", in_raw, "in", "09 be ef", rows_in_raw, true, 9 },
    { "out/answer", in_bmc, "out", "07 82 1c .. 20 24 04 00 55 00 ..",
      rows_answer, false, 1 },
    { "out/request/ipmb", out_request, "out", "90 c0 .. 20 26 41 aa 55 ..",
      rows_out_request, false, 0 },
    { "out/request/lan", out_request_lan, "out",
      "07 82 c0 .. 20 26 41 aa 55 ..", rows_out_request_lan, false, 1 },
    { "out/response", out_response, "out", "82 c4 .. 20 26 41 00 aa 55 ..",
      rows_out_response, false, 0 },
    { "out/raw", out_raw, "out", "de ad", rows_out_raw, false, 11 },
};

/* "=" is the message as it is */
static char *fill(const char *want, const char *normal)
{
    g_auto(GStrv) parts = g_strsplit(want, "=", -1);

    return g_strjoinv(normal, parts);
}

static bool expect_queue(const char *want)
{
    g_auto(GStrv) parts = g_strsplit(want, "|", -1);
    bool ok = true;
    int i;

    for (i = 0; *want && parts[i]; i++) {
        g_autofree char *rsp = g_strdup_printf("00 %s", parts[i]);

        ok &= qipmi_expect(&bt, "06 33", rsp);
    }
    return ok & qipmi_expect(&bt, "06 33", "80");
}

/* What there is by now, in the queue and on the medium */
static bool expect_all(const struct Way *w, const Row *row, const char *want)
{
    bool queue = w->queue && !row->answered;

    return expect_queue(queue ? want : "") &
           qipmi_expect_sent(qts, w->chan, queue ? "" : want);
}

static void check_row(const struct Way *w, const Row *row)
{
    /* Without a channel it would be for system interfaces, too */
    g_autofree char *rule = g_strdup_printf(
        "{ %s, 'channel': %u, 'direction': '%s' }", row->fault, w->chan,
        w->direction);
    g_autofree char *want = fill(row->want, w->normal);
    g_auto(GStrv) when = g_strsplit(want, "/", 2);
    uint8_t cc = 0;
    bool ok;

    qipmi_faults(qts, rule);
    w->go(&cc);
    ok = cc == row->cc;
    ok &= expect_all(w, row, when[0]);
    qipmi_expect_fault(qts, 0, row->matched, row->applied);
    qipmi_wait(qts, DELAY_MS - 1);
    ok &= expect_all(w, row, "");
    qipmi_wait(qts, 1);
    ok &= expect_all(w, row, when[1]);
    /* and the next one is as it should be */
    qipmi_faults(qts, "");
    w->go(&cc);
    ok &= expect_all(w, &(Row) { }, w->normal);
    if (!ok) {
        g_test_message("%s: %s: code %02xh", w->name, row->fault, cc);
        g_test_fail();
    }
}

static void test_way(const void *opaque)
{
    const struct Way *w = opaque;
    const Row *row;
    uint8_t cc;

    boot("");
    w->go(&cc);
    expect_all(w, &(Row) { }, w->normal);
    for (row = w->rows; row->fault; row++) {
        check_row(w, row);
        if (strstr(row->fault, "bmc-reset")) {
            /* The session is gone with it */
            in_queue(&cc);
            expect_queue("41 *");
        }
    }
    qtest_quit(qts);
}

/* What a satellite answers comes in by its bus, as any response */
static const Row rows_satellite[] = {
    { D("drop"), "/", 0, 1, 1 },
    { D("delay") ", 'delay-ms': 100", "/=", 0, 1, 1 },
    { D("repeat") ", 'times': 2", "=|=|=/", 0, 1, 1 },
    { D("wrong-sequence"), "00 1e .. 82 28 04 00 55 00 ../", 0, 1, 1 },
    { D("wrong-netfn"), "00 16 .. 82 24 04 00 55 00 ../", 0, 1, 1 },
    { D("wrong-command"), "00 1e .. 82 24 84 00 55 00 ../", 0, 1, 1 },
    { D("truncate") ", 'bytes': 2", "00 1e .. 82 24 04 00 ../", 0, 1, 1 },
    { D("extend"), "00 1e .. 82 24 04 00 55 00 ff ../", 0, 1, 1 },
    { D("completion") ", 'code': 195", "00 1e .. 82 24 04 c3 55 00 ../",
      0, 1, 1 },
    { }
};

static void test_satellite(void)
{
    g_autofree char *msg = qipmi_message(-1, 0x82, 6, 0, 0x20, 9, 2, 4, "");
    const Row *row;
    uint8_t cc;

    boot("");
    for (row = rows_satellite; row->fault; row++) {
        g_autofree char *rule = g_strdup_printf(
            "{ %s, 'channel': 0, 'direction': 'in' }", row->fault);
        g_autofree char *want = fill(row->want,
                                     "00 1e .. 82 24 04 00 55 00 ..");
        g_auto(GStrv) when = g_strsplit(want, "/", 2);

        qipmi_faults(qts, rule);
        send_message(&cc, 0, msg);
        g_assert_cmphex(cc, ==, 0);
        expect_queue(when[0]);
        qipmi_wait(qts, DELAY_MS);
        expect_queue(when[1]);
        qipmi_expect_fault(qts, 0, row->matched, row->applied);
        qipmi_expect_sent(qts, 0, msg);
    }
    qtest_quit(qts);
}

/*
 * The BMC resets itself while it forwards a message of system software: nothing
 * comes back, and software that gives up can go on
 */
static void test_reset_in_send(void)
{
    g_autofree char *msg = qipmi_message(-1, 0x90, 0x30, 0, 0x20, 9, 2, 0x41,
                                         "");
    g_autofree char *req = g_strdup_printf("06 34 00 %s", msg);
    uint8_t raw[QIPMI_MAX] = { 0x18, 0x34, 0x00 };
    unsigned n = qipmi_bytes(msg, raw + 3, sizeof(raw) - 3);
    QIPMIRsp rsp;
    QIPMI p[2];
    int i;

    qts = qipmi_boot(DEVICES QIPMI_KCS);
    qipmi_open(&p[0], qts, QIPMI_KCS_SLOT);
    qipmi_open(&p[1], qts, QIPMI_BT_SLOT);
    for (i = 0; i < 2; i++) {
        qipmi_expect(&p[i], "06 2e 0f", "00");
        qipmi_do(qts, "ipmi-raw", "'channel': 9, 'data': '00'");
        qipmi_faults(qts, "{ 'action': 'bmc-reset', 'channel': 0, "
                     "'netfn': 48, 'direction': 'out' }");
        g_assert_true(qipmi_send(&p[i], raw, 3 + n));
        g_assert_false(qipmi_fetch(&p[i], &rsp));
        if (!p[i].bt) {
            /* As after any request that nobody answers */
            qkcs_abort(&p[i]);
        }
        qipmi_expect_fault(qts, 0, 1, 1);
        qipmi_expect_sent(qts, 0, "");
        qipmi_expect(&p[!i], "06 2f", "00 08");
        qipmi_expect(&p[i], "06 31", "00 00");
        g_assert_false(qipmi_attention(&p[0]) || qipmi_attention(&p[1]));
        qipmi_expect(&p[i], "06 33", "80");
        qipmi_expect(&p[i], req, "00");
        qipmi_expect_sent(qts, 0, msg);
    }
    qtest_quit(qts);
}

/* A rule for one direction lets the other pass; one for none takes both */
static void test_direction(void)
{
    static const struct {
        const char *direction;
        int queue;
        uint8_t cc;
        const char *sent;
    } rows[] = {
        { "'direction': 'in', ", 0, 0, "90 c0 .. 20 26 41 aa 55 .." },
        { "'direction': 'out', ", 1, 0, "" },
        { "", 0, 0, "" },
    };
    int i;

    boot("");
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *rule = g_strdup_printf(
            "{ 'action': 'drop', %s 'count': 0, 'netfn': 48 }",
            rows[i].direction);
        uint8_t cc;

        qipmi_faults(qts, rule);
        in_queue_ipmb(&cc);
        out_request(&cc);
        g_assert_cmphex(cc, ==, rows[i].cc);
        g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, rows[i].queue);
        qipmi_expect_sent(qts, 0, rows[i].sent);
        qipmi_expect_fault(qts, 0, *rows[i].direction ? 1 : 2,
                           *rows[i].direction ? 1 : 2);
        qipmi_expect(&bt, "06 30 01", "00");
    }
    /* A request of a session and its answer are two matches */
    qipmi_faults(qts, "{ 'action': 'completion', 'code': 213, 'first': 2, "
                 "'netfn': 6 }");
    in_bmc(NULL);
    qipmi_expect_sent(qts, 1, "07 82 1c .. 20 24 04 d5 55 00 ..");
    qipmi_expect_fault(qts, 0, 2, 1);
    qtest_quit(qts);
}

/* Rules that could never act: those for system interfaces, on a channel */
static void test_refused(void)
{
    static const char *const actions[] = {
        "stuck", "attention-storm", "lost-interrupt",
    };
    unsigned i;

    boot("");
    qipmi_faults(qts, "{ 'action': 'drop', 'netfn': 48 }");
    for (i = 0; i < ARRAY_SIZE(actions); i++) {
        g_autofree char *why = qipmi_refused(qts, "ipmi-set-faults",
            "'faults': [ { 'action': '%s', 'channel': 1 } ]", actions[i]);

        g_assert_nonnull(strstr(why, actions[i]));
        g_assert_nonnull(strstr(why, "channel 1"));
    }
    /* and what was in force is */
    in_queue(NULL);
    expect_queue("");
    qipmi_expect_fault(qts, 0, 1, 1);
    /* a second system interface may have the number */
    qipmi_faults(qts, "{ 'action': 'stuck', 'channel': 7 }");
    qtest_quit(qts);
}

/* What is late is bounded, comes in order, and only once */
static void test_late(void)
{
    int64_t received, queued, dropped;
    unsigned i;

    boot("");
    received = qipmi_channel_int(qts, 1, "received");
    queued = qipmi_channel_int(qts, 1, "queued");
    dropped = qipmi_channel_int(qts, 1, "dropped");
    qipmi_faults(qts, "{ 'action': 'delay', 'delay-ms': 100, 'count': 0, "
                 "'channel': 1 }");
    for (i = 0; i < LATE_MAX; i++) {
        qipmi_do(qts, "ipmi-request", "'channel': 1, 'netfn': 48, 'cmd': 65, "
                 "'data': '%02x'", i);
    }
    g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, 0);
    g_free(qipmi_refused(qts, "ipmi-request",
                         "'channel': 1, 'netfn': 48, 'cmd': 65"));
    g_assert_cmpint(qipmi_channel_int(qts, 1, "dropped"), ==, dropped + 1);
    qipmi_wait(qts, DELAY_MS);
    for (i = 0; i < LATE_MAX; i++) {
        g_autofree char *want = g_strdup_printf(
            "00 41 07 20 c2 .. 82 00 41 %02x ..", i);

        qipmi_expect(&bt, "06 33", want);
    }
    qipmi_expect(&bt, "06 33", "80");
    g_assert_cmpint(qipmi_channel_int(qts, 1, "received"), ==,
                    received + LATE_MAX + 1);
    g_assert_cmpint(qipmi_channel_int(qts, 1, "queued"), ==,
                    queued + LATE_MAX);
    /* A cold reset forgets them, a warm one does not */
    for (i = 0; i < 2; i++) {
        in_queue(NULL);
        qipmi_expect(&bt, i ? "06 02" : "06 03", "00");
        qipmi_wait(qts, DELAY_MS);
        expect_queue(i ? "" : "41 07 20 c2 *");
    }
    in_queue(NULL);
    qipmi_wait(qts, DELAY_MS);
    expect_queue("41 07 20 c2 *");
    qtest_quit(qts);
}

/* On its way when the machine is saved: in both directions */
static void test_snapshot(void)
{
    g_autofree char *drive = NULL;
    QFabricFiles files;
    uint8_t cc;

    qfabric_files_open(&files);
    drive = qfabric_files_drive(&files);
    boot(drive);
    qipmi_faults(qts, "{ 'action': 'delay', 'delay-ms': 100, 'count': 2, "
                 "'channel': 0 }, { 'action': 'drop', 'channel': 0, 'count': 0 }");
    in_queue_ipmb(&cc);
    qipmi_wait(qts, 40);
    out_request(&cc);
    g_assert_cmphex(cc, ==, 0);
    g_assert_true(qfabric_hmp_quiet(qts, "savevm s"));
    qipmi_expect(&bt, "06 02", "00");
    qipmi_faults(qts, "{ 'action': 'delay', 'delay-ms': 100, 'count': 2, "
                 "'channel': 0 }, { 'action': 'drop', 'channel': 0, 'count': 0 }");
    g_assert_true(qfabric_hmp_quiet(qts, "loadvm s"));
    /* What the rules had matched is part of the state */
    qipmi_expect_fault(qts, 0, 2, 2);
    qipmi_wait(qts, 59);
    expect_queue("");
    qipmi_wait(qts, 1);
    expect_queue("00 c2 .. 82 24 41 aa 55 ..");
    qipmi_expect_sent(qts, 0, "");
    qipmi_wait(qts, 39);
    qipmi_expect_sent(qts, 0, "");
    qipmi_wait(qts, 1);
    qipmi_expect_sent(qts, 0, "90 c0 .. 20 26 41 aa 55 ..");
    out_request(&cc);
    qipmi_expect_sent(qts, 0, "");
    qipmi_expect_fault(qts, 1, 3, 1);
    qtest_quit(qts);
    qfabric_files_close(&files);
}

/* sec 22.22: an access mode of 0 shuts the channel, and its sessions */
static void test_disabled(void)
{
    int64_t dropped;
    uint8_t cc;

    boot("");
    out_request_lan(&cc);
    g_assert_cmphex(cc, ==, 0);
    qipmi_expect_sent(qts, 1, "07 82 c0 *");
    qipmi_expect(&bt, "06 40 01 80 00", "00");
    dropped = qipmi_channel_int(qts, 1, "dropped");
    in_queue(&cc);
    in_bmc(&cc);
    g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, 0);
    qipmi_expect_sent(qts, 1, "");
    g_assert_cmpint(qipmi_channel_int(qts, 1, "dropped"), ==, dropped + 2);
    qipmi_expect(&bt, "06 40 01 82 00", "00");
    out_request_lan(&cc);
    g_assert_cmphex(cc, ==, 0x80);
    in_queue(&cc);
    expect_queue("41 *");
    out_request_lan(&cc);
    g_assert_cmphex(cc, ==, 0);
    qtest_quit(qts);
}

/* sec 6.8: no more than the channel allows, whatever the session has */
static void test_privilege(void)
{
    static const struct {
        unsigned limit, priv;
        uint8_t cc;             /* of a command for operators */
    } rows[] = {
        { 4, 4, 0x00 }, { 4, 3, 0x00 }, { 4, 2, 0xd4 }, { 3, 4, 0x00 },
        { 2, 4, 0xd4 }, { 1, 4, 0xd4 }, { 2, 2, 0xd4 },
    };
    int i;

    boot("");
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *set = g_strdup_printf("06 40 01 82 8%u",
                                               rows[i].limit);
        g_autofree char *want = g_strdup_printf(
            "07 82 04 .. 20 00 04 %02x ..", rows[i].cc);

        qipmi_expect(&bt, set, "00");
        qipmi_do(qts, "ipmi-request", "'channel': 1, 'netfn': 0, 'cmd': 4, "
                 "'lun': 0, 'data': '00', 'privilege': %u", rows[i].priv);
        qipmi_expect_sent(qts, 1, want);
    }
    /* and system software sees what counts */
    qipmi_do(qts, "ipmi-request", "'channel': 1, 'netfn': 48, 'cmd': 65, "
             "'privilege': 4");
    expect_queue("21 07 20 *");
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(ways); i++) {
        g_autofree char *path = g_strdup_printf("/ipmi/channel-fault/%s",
                                                ways[i].name);

        qtest_add_data_func(path, &ways[i], test_way);
    }
    qtest_add_func("/ipmi/channel-fault/satellite", test_satellite);
    qtest_add_func("/ipmi/channel-fault/reset-in-send", test_reset_in_send);
    qtest_add_func("/ipmi/channel-fault/direction", test_direction);
    qtest_add_func("/ipmi/channel-fault/late", test_late);
    qtest_add_func("/ipmi/channel-fault/refused", test_refused);
    qtest_add_func("/ipmi/channel-fault/snapshot", test_snapshot);
    qtest_add_func("/ipmi/channel-fault/disabled", test_disabled);
    qtest_add_func("/ipmi/channel-fault/privilege", test_privilege);
    return g_test_run();
}
