/*
 * The watchdog timer of ipmi-bmc-multi, and what it does to the machine
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 27, 42.2 (sensor type 23h).
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-host.h"
#include "libqos/pcie-fabric-vmstate.h"
#include "qobject/qdict.h"

#define DEVICES \
    "-action shutdown=pause " QIPMI_BMC \
    "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb " QIPMI_KCS QIPMI_BT

/* Events of sensor 60h, offset first */
#define EVENT       "20 00 04 23 60 6f "

static QTestState *qts;
static QIPMI kcs, bt;

static void open_both(void)
{
    qipmi_open(&kcs, qts, QIPMI_KCS_SLOT);
    qipmi_open(&bt, qts, QIPMI_BT_SLOT);
}

static void boot(void)
{
    qts = qipmi_boot(DEVICES);
    open_both();
}

/* use, actions, pre-timeout in s, flags to clear, 100 ms */
static void set_timer(unsigned use, unsigned action, unsigned pre,
                      unsigned flags, unsigned count)
{
    g_autofree char *req = g_strdup_printf("06 24 %02x %02x %02x %02x %02x "
                                           "%02x", use, action, pre, flags,
                                           count & 0xff, count >> 8);

    qipmi_expect(&bt, req, "00");
}

static void start(void)
{
    qipmi_expect(&bt, "06 22", "00");
}

static void expect_timer(unsigned use, unsigned action, unsigned pre,
                         unsigned flags, unsigned count, unsigned left)
{
    g_autofree char *want = g_strdup_printf(
        "00 %02x %02x %02x %02x %02x %02x %02x %02x", use, action, pre, flags,
        count & 0xff, count >> 8, left & 0xff, left >> 8);

    qipmi_expect(&bt, "06 25", want);
}

static void expect_watchdog(bool pre, unsigned use, unsigned action)
{
    QDict *event = qipmi_event(qts, "IPMI_WATCHDOG"), *data;

    g_assert_nonnull(event);
    data = qdict_get_qdict(event, "data");
    g_assert_cmpstr(qdict_get_str(data, "bmc"), ==, "bmc0");
    g_assert_true(qdict_get_bool(data, "pre-timeout") == pre);
    g_assert_cmpint(qdict_get_int(data, "use"), ==, use);
    g_assert_cmpint(qdict_get_int(data, "action"), ==, action);
    qobject_unref(event);
}

static void expect_power(const char *operation)
{
    QDict *event = qipmi_event(qts, "IPMI_POWER"), *data;

    g_assert_nonnull(event);
    data = qdict_get_qdict(event, "data");
    g_assert_cmpstr(qdict_get_str(data, "operation"), ==, operation);
    g_assert_cmpstr(qdict_get_str(data, "cause"), ==, "watchdog");
    qobject_unref(event);
}

static void expect_nothing(void)
{
    g_assert_null(qipmi_event(qts, "IPMI_WATCHDOG"));
}

/* Each action, for each use: to the machine, the SEL and the flags */
static void test_actions(void)
{
    static const struct {
        unsigned action;
        const char *operation, *event, *status;
    } rows[] = {
        { 0, NULL, NULL, "running" },
        { 1, "reset", "RESET", "running" },
        { 3, "cycle", "RESET", "running" },
        { 2, "off", "STOP", "shutdown" },
    };
    unsigned i, use, flags = 0, n = 0;

    boot();
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        for (use = 1; use <= 5; use++) {
            g_autofree char *logged = g_strdup_printf(
                EVENT "c%u 0%u ff%s", rows[i].action, use,
                rows[i].action == 3 ? "|20 00 04 09 62 6f 01 ff ff|"
                                      "20 00 04 09 62 ef 01 ff ff" :
                rows[i].action == 2 ? "|20 00 04 09 62 6f 00 ff ff" : "");

            set_timer(use, rows[i].action, 0, 0x3e, 10);
            start();
            qipmi_wait(qts, 999);
            expect_nothing();
            expect_timer(0x40 | use, rows[i].action, 0, 0, 10, 1);
            qipmi_wait(qts, 1);
            expect_watchdog(false, use, rows[i].action);
            if (rows[i].operation) {
                /* in this order */
                qtest_qmp_eventwait(qts, rows[i].event);
                g_assert_true(qipmi_status_is(qts, rows[i].status));
                if (rows[i].action != 2) {
                    qipmi_enable(&kcs);
                    qipmi_enable(&bt);
                    qipmi_expect(&kcs, "00 07", "00 04 0f");
                }
            }
            flags = 1 << use;
            expect_timer(use, rows[i].action, 0, flags, 10, 0);
            qipmi_expect_sel(qts, n, logged);
            n = qipmi_sel_count(qts);
            if (rows[i].action == 2) {
                qipmi_expect(&kcs, "00 01", "00 20 *");
                goto out;
            }
        }
    }
out:
    qtest_quit(qts);
}

/* The QMP events come before what they tell of */
static void test_power_events(void)
{
    static const char *const operations[] = { "reset", "off", "cycle" };
    unsigned i;

    for (i = 0; i < 3; i++) {
        boot();
        set_timer(4, i + 1, 0, 0, 10);
        start();
        qipmi_wait(qts, 1000);
        expect_power(operations[i]);
        qtest_quit(qts);
    }
}

/* Pre-timeout interrupts: none, SMI, NMI, message */
static void test_pre_timeout(void)
{
    static const struct {
        unsigned kind;
        bool happens, flag;
    } rows[] = { { 0 }, { 2, true }, { 3, true, true } };
    unsigned i, n = 0;

    boot();
    qipmi_expect(&bt, "06 24 04 10 01 00 0a 00", "cc");
    qipmi_expect(&bt, "06 24 04 40 01 00 0a 00", "cc");
    /* longer than the time-out */
    qipmi_expect(&bt, "06 24 04 30 02 00 13 00", "cc");
    qipmi_expect(&bt, "06 24 04 00 02 00 13 00", "00");
    /* as long: at once */
    qipmi_expect(&bt, "06 24 84 30 02 00 14 00", "00");
    start();
    qipmi_wait(qts, 1);
    expect_watchdog(true, 4, 3);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        unsigned action = rows[i].kind << 4;
        g_autofree char *first = g_strdup_printf(EVENT "c8 %x4 ff",
                                                 rows[i].kind);
        g_autofree char *second = g_strdup_printf(EVENT "c0 %x4 ff",
                                                  rows[i].kind);

        set_timer(4, action, 3, 0x3e, 100);
        start();
        qipmi_wait(qts, 6999);
        expect_nothing();
        qipmi_expect(&bt, "06 31", "00 00");
        qipmi_wait(qts, 1);
        if (rows[i].happens) {
            expect_watchdog(true, 4, rows[i].kind);
        }
        expect_nothing();
        qipmi_expect_sel(qts, n, rows[i].happens ? first : "");
        n = qipmi_sel_count(qts);
        qipmi_expect(&bt, "06 31", rows[i].flag ? "00 08" : "00 00");
        g_assert_true(qipmi_attention(&kcs) == rows[i].flag);
        g_assert_true(qipmi_attention(&bt) == rows[i].flag);
        expect_timer(0x44, action, 3, 0, 100, 30);
        qipmi_wait(qts, 3000);
        expect_watchdog(false, 4, 0);
        qipmi_expect_sel(qts, n, second);
        n = qipmi_sel_count(qts);
        expect_timer(4, action, 3, 0x10, 100, 0);
        /* sec 27.6: the flag goes with the next Set, too */
        qipmi_expect(&bt, "06 31", rows[i].flag ? "00 08" : "00 00");
        set_timer(4, 0, 0, 0, 100);
        qipmi_expect(&bt, "06 31", "00 00");
        g_assert_false(qipmi_attention(&kcs));
    }
    qtest_quit(qts);
}

/* sec 27.5: again from the start, the pre-timeout as well */
static void test_rearm(void)
{
    boot();
    qipmi_expect(&bt, "06 22", "80");
    set_timer(4, 0x30, 1, 0, 20);
    expect_timer(4, 0x30, 1, 0, 20, 20);
    qipmi_wait(qts, 5000);
    expect_timer(4, 0x30, 1, 0, 20, 20);
    start();
    qipmi_wait(qts, 999);
    start();
    qipmi_wait(qts, 999);
    expect_nothing();
    expect_timer(0x44, 0x30, 1, 0, 20, 11);
    qipmi_wait(qts, 1);
    expect_watchdog(true, 4, 3);
    qipmi_expect(&bt, "06 30 08", "00");
    qipmi_wait(qts, 500);
    start();
    qipmi_wait(qts, 999);
    expect_nothing();
    qipmi_expect(&bt, "06 31", "00 00");
    qipmi_wait(qts, 1);
    expect_watchdog(true, 4, 3);
    qipmi_expect(&bt, "06 31", "00 08");
    qipmi_wait(qts, 1000);
    expect_watchdog(false, 4, 0);
    /* and after it has expired */
    start();
    qipmi_wait(qts, 1999);
    g_assert_nonnull(qipmi_event(qts, "IPMI_WATCHDOG"));
    expect_nothing();
    qipmi_wait(qts, 1);
    expect_watchdog(false, 4, 0);
    expect_nothing();
    qtest_quit(qts);
}

/* sec 27.6: what Set does to a timer that runs */
static void test_set_running(void)
{
    boot();
    /* Bit 6 starts nothing */
    set_timer(0x44, 0, 0, 0, 10);
    expect_timer(4, 0, 0, 0, 10, 10);
    start();
    qipmi_wait(qts, 500);
    expect_timer(0x44, 0, 0, 0, 10, 5);
    /* but lets it go on, with the new count */
    set_timer(0x42, 0, 0, 0, 30);
    expect_timer(0x42, 0, 0, 0, 30, 30);
    qipmi_wait(qts, 2999);
    expect_nothing();
    qipmi_wait(qts, 1);
    expect_watchdog(false, 2, 0);
    expect_timer(2, 0, 0, 0x04, 30, 0);
    /* Without it, it stops */
    start();
    qipmi_wait(qts, 500);
    set_timer(4, 0, 0, 0, 10);
    qipmi_wait(qts, 5000);
    expect_nothing();
    expect_timer(4, 0, 0, 0x04, 10, 10);
    /* What is refused changes nothing */
    start();
    qipmi_wait(qts, 100);
    qipmi_expect(&bt, "06 24 04 04 00 00 64 00", "cc");
    qipmi_expect(&bt, "06 24 06 00 00 00 64 00", "cc");
    expect_timer(0x44, 0, 0, 0x04, 10, 9);
    qtest_quit(qts);
}

/* Bit 7 of the use: nothing in the SEL; QMP is told all the same */
static void test_dont_log(void)
{
    boot();
    set_timer(0x84, 0x30, 1, 0, 20);
    start();
    expect_timer(0xc4, 0x30, 1, 0, 20, 20);
    qipmi_wait(qts, 1000);
    expect_watchdog(true, 4, 3);
    qipmi_wait(qts, 1000);
    expect_watchdog(false, 4, 0);
    g_assert_cmpint(qipmi_sel_count(qts), ==, 0);
    expect_timer(0x84, 0x30, 1, 0x10, 20, 0);
    /* sec 35.10: nor if the sensor is told so */
    qipmi_expect(&bt, "04 28 60 e0 01 00 00 00", "00");
    set_timer(4, 0x30, 1, 0, 20);
    start();
    qipmi_wait(qts, 2000);
    qipmi_expect_sel(qts, 0, EVENT "c8 34 ff");
    qtest_quit(qts);
}

/* Flags add up until they are cleared, each by its bit */
static void test_flags(void)
{
    unsigned use, flags = 0;

    boot();
    for (use = 1; use <= 5; use++) {
        set_timer(use, 0, 0, 0, 1);
        start();
        qipmi_wait(qts, 100);
        flags |= 1 << use;
        expect_timer(use, 0, 0, flags, 1, 0);
    }
    for (use = 5; use >= 1; use--) {
        set_timer(4, 0, 0, 1 << use, 1);
        flags &= ~(1 << use);
        expect_timer(4, 0, 0, flags, 1, 1);
    }
    qipmi_expect(&bt, "06 24 04 00 00 01 01 00", "cc");
    qipmi_expect(&bt, "06 24 04 00 00 40 01 00", "cc");
    qtest_quit(qts);
}

/* Steps of 100 ms; at once; and the longest */
static void test_count(void)
{
    unsigned i;

    boot();
    set_timer(4, 0, 0, 0, 300);
    start();
    expect_timer(0x44, 0, 0, 0, 300, 300);
    for (i = 1; i <= 299; i += 13) {
        qipmi_wait(qts, i == 1 ? 99 : 1299);
        expect_timer(0x44, 0, 0, 0, 300, 301 - i);
        qipmi_wait(qts, 1);
        expect_timer(0x44, 0, 0, 0, 300, 300 - i);
    }
    set_timer(4, 0, 0, 0, 0);
    start();
    qipmi_wait(qts, 1);
    g_assert_nonnull(qipmi_event(qts, "IPMI_WATCHDOG"));
    expect_timer(4, 0, 0, 0x10, 0, 0);
    set_timer(4, 0, 0, 0x10, 0xffff);
    start();
    qipmi_wait(qts, 0xffff * 100 - 1);
    expect_nothing();
    expect_timer(0x44, 0, 0, 0, 0xffff, 1);
    qipmi_wait(qts, 1);
    expect_watchdog(false, 4, 0);
    qtest_quit(qts);
}

/* A reset of the machine stops it, those of the BMC do what they do */
static void test_resets(void)
{
    boot();
    set_timer(2, 0, 0, 0, 1);
    start();
    qipmi_wait(qts, 100);
    expect_watchdog(false, 2, 0);
    set_timer(4, 0x30, 1, 0, 20);
    start();
    qipmi_wait(qts, 500);
    qtest_system_reset(qts);
    qipmi_enable(&kcs);
    qipmi_enable(&bt);
    expect_timer(4, 0x30, 1, 0x04, 20, 15);
    qipmi_wait(qts, 5000);
    expect_nothing();
    start();
    qipmi_wait(qts, 500);
    qipmi_expect(&bt, "06 03", "00");
    expect_timer(0x44, 0x30, 1, 0x04, 20, 15);
    qipmi_wait(qts, 500);
    expect_watchdog(true, 4, 3);
    qipmi_expect(&bt, "06 31", "00 08");
    qipmi_expect(&bt, "06 02", "00");
    qipmi_expect(&bt, "06 31", "00 00");
    qipmi_wait(qts, 5000);
    expect_nothing();
    qipmi_expect(&bt, "06 22", "80");
    expect_timer(0, 0, 0, 0, 0, 0);
    qtest_quit(qts);
}

/* Another QEMU counts on, before and after the pre-timeout */
static void test_migrate(void)
{
    int i;

    for (i = 0; i < 2; i++) {
        g_autofree char *uri = NULL;
        QTestState *from;
        QFabricFiles files;

        qfabric_files_open(&files);
        uri = g_strdup_printf("file:%s", files.stream);
        boot();
        set_timer(4, 0x30, 4, 0, 100);
        start();
        qipmi_wait(qts, i ? 7000 : 3000);
        from = qts;
        qfabric_migrate_out(from, uri);
        qts = qipmi_boot(DEVICES "-incoming defer ");
        /* The clock of a qtest stays with its machine */
        qipmi_wait(qts, i ? 7000 : 3000);
        kcs.qts = bt.qts = qts;
        g_assert_true(qfabric_migrate_in(qts, uri));
        expect_timer(0x44, 0x30, 4, 0, 100, i ? 30 : 70);
        qipmi_expect(&bt, "06 31", i ? "00 08" : "00 00");
        if (!i) {
            qipmi_wait(qts, 2999);
            expect_nothing();
            qipmi_wait(qts, 1);
            expect_watchdog(true, 4, 3);
            qipmi_wait(qts, 3999);
        } else {
            qipmi_wait(qts, 2999);
        }
        expect_nothing();
        qipmi_wait(qts, 1);
        expect_watchdog(false, 4, 0);
        expect_timer(4, 0x30, 4, 0x10, 100, 0);
        qtest_quit(from);
        qtest_quit(qts);
        qfabric_files_close(&files);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/ipmi/watchdog/actions", test_actions);
    qtest_add_func("/ipmi/watchdog/power-events", test_power_events);
    qtest_add_func("/ipmi/watchdog/pre-timeout", test_pre_timeout);
    qtest_add_func("/ipmi/watchdog/re-arm", test_rearm);
    qtest_add_func("/ipmi/watchdog/set-running", test_set_running);
    qtest_add_func("/ipmi/watchdog/dont-log", test_dont_log);
    qtest_add_func("/ipmi/watchdog/flags", test_flags);
    qtest_add_func("/ipmi/watchdog/count", test_count);
    qtest_add_func("/ipmi/watchdog/resets", test_resets);
    qtest_add_func("/ipmi/watchdog/migrate", test_migrate);
    return g_test_run();
}
