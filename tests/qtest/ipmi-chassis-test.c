/*
 * Chassis and boot options of ipmi-bmc-multi, and what they do to the machine
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 28.
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-host.h"
#include "qobject/qdict.h"

/* The BMC goes on while the machine is off */
#define DEVICES \
    "-action shutdown=pause " QIPMI_BMC \
    "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb " \
    "-device ipmi-channel,bmc=bmc0,number=1,medium=lan " QIPMI_BT

enum { DOWN, UP, CYCLE, RESET, DIAG, SOFT };

#define MINUTE_MS       60000
#define BOOT_LIFE_MS    60000

static QTestState *qts;
static QIPMI bt;

static void open_bt(void)
{
    qipmi_open(&bt, qts, QIPMI_BT_SLOT);
}

static void boot(void)
{
    qts = qipmi_boot(DEVICES);
    open_bt();
}

static void system_reset(void)
{
    qtest_system_reset(qts);
    qipmi_enable(&bt);
}

static uint8_t control(unsigned op)
{
    uint8_t data = op;

    return qipmi_cmd(&bt, 0x00, 0x02, &data, 1, NULL);
}

/* A reset takes the response with it, unless software was the quicker */
static void control_reset(unsigned op)
{
    const uint8_t msg[] = { 0x00, 0x02, op };

    g_assert_true(qipmi_send(&bt, msg, sizeof(msg)));
}

/* IPMI_POWER has come with this operation; NULL: it has not */
static void expect_power(const char *operation)
{
    QDict *event = qipmi_event(qts, "IPMI_POWER"), *data;

    if (!operation) {
        g_assert_null(event);
        return;
    }
    g_assert_nonnull(event);
    data = qdict_get_qdict(event, "data");
    g_assert_cmpstr(qdict_get_str(data, "bmc"), ==, "bmc0");
    g_assert_cmpstr(qdict_get_str(data, "operation"), ==, operation);
    g_assert_cmpstr(qdict_get_str(data, "cause"), ==, "chassis-control");
    qobject_unref(event);
}

/* sec 28.3: each operation, while the machine is on */
static void test_control_on(void)
{
    static const struct {
        unsigned op;
        const char *operation, *status, *cause, *last;
        bool restarts;
        uint8_t cc;
    } rows[] = {
        /* sec 28.11: the power restore policy was the first */
        { UP, NULL, "running", "07 00", "21 00" },
        { SOFT, "soft-shutdown", "running", "07 00", "21 00" },
        /* No Arm machine has such an interrupt */
        { DIAG, NULL, "running", "07 00", "21 00", false, 0xd5 },
        { RESET, "reset", "running", "01 0f", "21 00", true },
        { CYCLE, "cycle", "running", "01 0f", "21 10", true },
        { DOWN, "off", "shutdown", "01 0f", "20 10" },
    };
    int i;

    boot();
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *cause = g_strdup_printf("00 %s", rows[i].cause);
        g_autofree char *status = g_strdup_printf("00 %s 40 ..", rows[i].last);

        g_test_message("operation %u", rows[i].op);
        if (rows[i].restarts) {
            control_reset(rows[i].op);
        } else {
            g_assert_cmphex(control(rows[i].op), ==, rows[i].cc);
        }
        expect_power(rows[i].operation);
        if (rows[i].restarts) {
            qtest_qmp_eventwait(qts, "RESET");
            qipmi_enable(&bt);
        } else if (rows[i].op == DOWN) {
            qtest_qmp_eventwait(qts, "STOP");
        }
        g_assert_true(qipmi_status_is(qts, rows[i].status));
        qipmi_expect(&bt, "00 07", cause);
        qipmi_expect(&bt, "00 01", status);
    }
    /* The unit's own events: cycled, and off */
    qipmi_expect_sel(qts, 0,
                     "20 00 04 09 62 6f 01 ff ff|20 00 04 09 62 ef 01 ff ff|"
                     "20 00 04 09 62 6f 00 ff ff");
    qtest_quit(qts);
}

/* The events of QEMU itself, one after the other */
static void test_events(void)
{
    static const struct {
        unsigned op;
        const char *event;
    } rows[] = {
        { SOFT, "POWERDOWN" }, { RESET, "RESET" }, { CYCLE, "RESET" },
        { DOWN, "SHUTDOWN" },
    };
    int i;

    boot();
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        QDict *event;

        control_reset(rows[i].op);
        event = qtest_qmp_eventwait_ref(qts, rows[i].event);
        if (rows[i].op != SOFT) {
            QDict *data = qdict_get_qdict(event, "data");

            g_assert_true(qdict_get_bool(data, "guest"));
        }
        qobject_unref(event);
        if (rows[i].op == SOFT) {
            QIPMIRsp rsp;

            g_assert_true(qipmi_fetch(&bt, &rsp));
            g_assert_cmphex(rsp.cc, ==, 0);
        } else {
            qipmi_enable(&bt);
        }
    }
    qtest_quit(qts);
}

/* While it is off: what is possible, and how it comes back */
static void test_control_off(void)
{
    static const unsigned never[] = { CYCLE, RESET, DIAG, SOFT };
    int i;

    boot();
    g_assert_cmphex(control(DOWN), ==, 0);
    qtest_qmp_eventwait(qts, "STOP");
    g_assert_true(qipmi_status_is(qts, "shutdown"));
    for (i = 0; i < ARRAY_SIZE(never); i++) {
        g_assert_cmphex(control(never[i]), ==, 0xd5);
    }
    g_assert_cmphex(control(DOWN), ==, 0);
    expect_power(NULL);
    g_assert_true(qipmi_status_is(qts, "shutdown"));
    /* The BMC answers, and takes messages */
    qipmi_expect(&bt, "00 01", "00 20 00 40 ..");
    qipmi_do(qts, "ipmi-request", "'channel': 1, 'netfn': 0, 'cmd': 2, "
             "'lun': 0, 'sequence': 1, 'data': '01'");
    qtest_qmp_eventwait(qts, "RESUME");
    g_assert_true(qipmi_status_is(qts, "running"));
    qipmi_expect_sent(qts, 1, "07 82 04 .. 20 04 02 00 ..");
    qipmi_enable(&bt);
    /* sec 28.11: with the channel that it came by */
    qipmi_expect(&bt, "00 07", "00 01 01");
    qipmi_expect(&bt, "00 01", "00 21 10 40 ..");
    qipmi_expect_sel(qts, 0,
                     "20 00 04 09 62 6f 00 ff ff|20 00 04 09 62 ef 00 ff ff");
    qtest_quit(qts);
}

/* Without -action shutdown=pause, QEMU ends */
static void test_exit(void)
{
    qts = qipmi_boot(QIPMI_BMC QIPMI_BT);
    open_bt();
    control_reset(DOWN);
    qtest_set_expected_status(qts, EXIT_SUCCESS);
    qtest_wait_qemu(qts);
    qtest_quit(qts);
}

/* Nobody asked the BMC */
static void test_cause(void)
{
    boot();
    qipmi_expect(&bt, "00 07", "00 07 00");
    system_reset();
    qipmi_expect(&bt, "00 07", "00 0a 00");
    control_reset(RESET);
    qtest_qmp_eventwait(qts, "RESET");
    qipmi_enable(&bt);
    qipmi_expect(&bt, "00 07", "00 01 0f");
    system_reset();
    qipmi_expect(&bt, "00 07", "00 0a 00");
    /* A reset of the BMC is none of the system */
    qipmi_expect(&bt, "06 02", "00");
    qipmi_expect(&bt, "00 07", "00 0a 00");
    qtest_quit(qts);
}

/* sec 28.8: kept on the drive, and the cause of the next start */
static void test_policy(void)
{
    static const struct {
        const char *set, *status, *cause;
    } rows[] = {
        { "00 06 00", "00 01 *", "00 03 00" },
        { "00 06 02", "00 41 *", "00 06 00" },
        { "00 06 03", "00 41 *", "00 06 00" },
        { "00 06 01", "00 21 *", "00 07 00" },
    };
    g_autofree char *name = NULL, *devices = NULL;
    int i, fd = g_file_open_tmp("qemu-rig-XXXXXX", &name, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, 2 * 1024 * 1024), ==, 0);
    close(fd);
    devices = g_strdup_printf("-drive if=none,id=d,format=raw,file=%s "
                              "-device ipmi-bmc-multi,id=bmc0,drive=d "
                              QIPMI_BT, name);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        qts = qipmi_boot(devices);
        open_bt();
        qipmi_expect(&bt, "00 07", i ? rows[i - 1].cause : "00 07 00");
        qipmi_expect(&bt, rows[i].set, "00 07");
        qipmi_expect(&bt, "00 01", rows[i].status);
        qipmi_expect(&bt, "00 07", i ? rows[i - 1].cause : "00 07 00");
        qtest_quit(qts);
    }
    unlink(name);
}

static void expect_identify(unsigned state)
{
    g_autofree char *want = g_strdup_printf("00 .. .. %02x ..",
                                            0x40 | state << 4);

    qipmi_expect(&bt, "00 01", want);
}

/* sec 28.5: 15 s, so many seconds, until told otherwise */
static void test_identify(void)
{
    boot();
    expect_identify(0);
    qipmi_expect(&bt, "00 04", "00");
    qipmi_wait(qts, 14999);
    expect_identify(1);
    qipmi_wait(qts, 1);
    expect_identify(0);
    qipmi_expect(&bt, "00 04 02", "00");
    qipmi_wait(qts, 1999);
    expect_identify(1);
    /* Once more begins anew */
    qipmi_expect(&bt, "00 04 03", "00");
    qipmi_wait(qts, 2999);
    expect_identify(1);
    qipmi_wait(qts, 1);
    expect_identify(0);
    qipmi_expect(&bt, "00 04 ff 00", "00");
    qipmi_wait(qts, 254999);
    expect_identify(1);
    qipmi_expect(&bt, "00 04 00", "00");
    expect_identify(0);
    qipmi_expect(&bt, "00 04 01 01", "00");
    qipmi_wait(qts, 1000 * 1000);
    expect_identify(2);
    /* It outlives a reset of the system */
    system_reset();
    expect_identify(2);
    qipmi_expect(&bt, "00 04 01", "00");
    expect_identify(1);
    qipmi_wait(qts, 1000);
    expect_identify(0);
    qtest_quit(qts);
}

/* sec 28.6, 28.7, 28.15 */
static void test_rest(void)
{
    unsigned i;

    boot();
    qipmi_expect(&bt, "00 00", "00 01 20 20 20 20 20");
    for (i = 0; i < 16; i++) {
        g_autofree char *req = g_strdup_printf("00 0a %02x", i);
        g_autofree char *want = g_strdup_printf("00 .. .. .. f%x", i);

        qipmi_expect(&bt, req, "00");
        qipmi_expect(&bt, "00 01", want);
    }
    qipmi_expect(&bt, "00 0f", "00 01 00 00 00 00");
    qipmi_wait(qts, MINUTE_MS - 1000);
    qipmi_expect(&bt, "00 0f", "00 01 00 00 00 00");
    qipmi_wait(qts, 1000);
    qipmi_expect(&bt, "00 0f", "00 01 01 00 00 00");
    qipmi_wait(qts, 256 * MINUTE_MS);
    qipmi_expect(&bt, "00 0f", "00 01 01 01 00 00");
    qtest_quit(qts);
}

/* sec 28.12 to 28.14: each parameter, what it takes and gives back */
static void test_boot_params(void)
{
    static const struct {
        const char *set, *cc, *get, *want;
    } rows[] = {
        { "00 00", "00", "00 00 00", "00 01 00 00" },
        { "00 01", "00", "00 00 00", "00 01 00 01" },
        /* somebody is at it */
        { "00 01", "81", "00 00 00", "00 01 00 01" },
        { "00 02", "00", "00 00 00", "00 01 00 01" },
        { "00 03", "cc", "00 00 00", "00 01 00 01" },
        { "00 00", "00", "00 00 00", "00 01 00 00" },
        { "00 00 00", "c7", "00 00 00", "00 01 00 00" },
        { "01 5a", "00", "01 00 00", "00 01 01 5a" },
        { "02 03", "00", "02 00 00", "00 01 02 03" },
        { "02 04", "cc", "02 00 00", "00 01 02 03" },
        { "03 1f", "00", "03 00 00", "00 01 03 1f" },
        { "03 20", "cc", "03 00 00", "00 01 03 1f" },
        { "03 07", "00", "03 00 00", "00 01 03 07" },
        /* only the bits of the mask */
        { "04 0f 05", "00", "04 00 00", "00 01 04 00 05" },
        { "04 01 00", "00", "04 00 00", "00 01 04 00 04" },
        { "04 f0 ff", "00", "04 00 00", "00 01 04 00 f4" },
        { "04 01", "c7", "04 00 00", "00 01 04 00 f4" },
        { "05 a0 04 00 00 00", "00", "05 00 00", "00 01 05 a0 04 00 00 00" },
        { "05 e0 3c ff 1f 1f", "00", "05 00 00", "00 01 05 e0 3c ff 1f 1f" },
        { "05 90 04 00 00 00", "cc", "05 00 00", "00 01 05 e0 3c ff 1f 1f" },
        { "05 80 04 00 20 00", "cc", "05 00 00", "00 01 05 e0 3c ff 1f 1f" },
        { "05 80 04 00 00", "c7", "05 00 00", "00 01 05 e0 3c ff 1f 1f" },
        { "05 80 04 00 00 00 00", "c7", "05 00 00",
          "00 01 05 e0 3c ff 1f 1f" },
        { "06 01 11 22 33 44 55 66 77 88", "00", "06 00 00",
          "00 01 06 01 11 22 33 44 55 66 77 88" },
        { "06 f1 11 22 33 44 55 66 77 88", "cc", "06 00 00",
          "00 01 06 01 11 22 33 44 55 66 77 88" },
        /* the mailbox has five blocks */
        { "07 00 aa", "00", "07 00 00",
          "00 01 07 00 aa 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00" },
        { "07 04 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f", "00",
          "07 04 00",
          "00 01 07 04 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f" },
        { "07 05 00", "c9", "07 05 00", "c9" },
        /* sec 28.13: selectors only where there are some */
        { "01 5a", "00", "01 01 00", "cc" },
        { "01 5a", "00", "01 00 01", "cc" },
        { "08 00", "80", "08 00 00", "80" },
        /* Without data only the mark is changed */
        { "81", "00", "01 00 00", "00 01 81 5a" },
        { "01", "00", "01 00 00", "00 01 01 5a" },
        { "81 5b", "00", "01 00 00", "00 01 81 5b" },
        { "01 5a", "00", "01 00 00", "00 01 01 5a" },
        { "88", "80", "01 00 00", "00 01 01 5a" },
    };
    int i;

    boot();
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *set = g_strdup_printf("00 08 %s", rows[i].set);
        g_autofree char *get = g_strdup_printf("00 09 %s", rows[i].get);

        if (!qipmi_expect(&bt, set, rows[i].cc) ||
            !qipmi_expect(&bt, get, rows[i].want)) {
            g_test_message("row %d", i);
        }
    }
    /* sec 28.12: a restart ends what somebody had begun */
    qipmi_expect(&bt, "00 08 00 01", "00");
    system_reset();
    qipmi_expect(&bt, "00 09 00 00 00", "00 01 00 00");
    qtest_quit(qts);
}

static void expect_flags(unsigned first)
{
    g_autofree char *want = g_strdup_printf("00 01 05 %02x 04 00 00 00",
                                            first);

    qipmi_expect(&bt, "00 09 05 00 00", want);
}

static void set_flags(unsigned first)
{
    g_autofree char *req = g_strdup_printf("00 08 05 %02x 04 00 00 00", first);

    qipmi_expect(&bt, req, "00");
    expect_flags(first);
}

static void restart(bool by_bmc)
{
    if (!by_bmc) {
        system_reset();
        return;
    }
    control_reset(RESET);
    qtest_qmp_eventwait(qts, "RESET");
    qipmi_enable(&bt);
}

/* sec 28.14, parameters 3 and 5: how long the boot flags are valid */
static void test_boot_flags(void)
{
    boot();
    /* 60 s without Chassis Control */
    set_flags(0x80);
    qipmi_wait(qts, BOOT_LIFE_MS - 1);
    expect_flags(0x80);
    qipmi_wait(qts, 1);
    expect_flags(0x00);
    /* Set again, they live again as long */
    set_flags(0x80);
    qipmi_wait(qts, BOOT_LIFE_MS / 2);
    set_flags(0xa0);
    qipmi_wait(qts, BOOT_LIFE_MS - 1);
    expect_flags(0xa0);
    /* With it, for one boot */
    restart(true);
    qipmi_wait(qts, 10 * BOOT_LIFE_MS);
    expect_flags(0xa0);
    restart(true);
    expect_flags(0x20);
    /* Persistent */
    set_flags(0xc0);
    qipmi_wait(qts, 10 * BOOT_LIFE_MS);
    restart(true);
    restart(false);
    expect_flags(0xc0);
    /* Bit 3: not for want of Chassis Control */
    qipmi_expect(&bt, "00 08 03 0f", "00");
    set_flags(0x80);
    qipmi_wait(qts, 10 * BOOT_LIFE_MS);
    expect_flags(0x80);
    restart(false);
    expect_flags(0x80);
    restart(false);
    expect_flags(0x00);
    /* Bit 1 clear: not kept by a soft reset; by the BMC's it is */
    qipmi_expect(&bt, "00 08 03 0d", "00");
    set_flags(0x80);
    restart(false);
    expect_flags(0x00);
    set_flags(0x80);
    restart(true);
    expect_flags(0x80);
    restart(true);
    /* Bit 2 clear: not by the watchdog */
    qipmi_expect(&bt, "00 08 03 0b", "00");
    set_flags(0x80);
    qipmi_expect(&bt, "06 24 04 01 00 00 01 00", "00");
    qipmi_expect(&bt, "06 22", "00");
    qipmi_wait(qts, 100);
    qtest_qmp_eventwait(qts, "RESET");
    qipmi_enable(&bt);
    expect_flags(0x00);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/ipmi/chassis/control-on", test_control_on);
    qtest_add_func("/ipmi/chassis/events", test_events);
    qtest_add_func("/ipmi/chassis/control-off", test_control_off);
    qtest_add_func("/ipmi/chassis/exit", test_exit);
    qtest_add_func("/ipmi/chassis/cause", test_cause);
    qtest_add_func("/ipmi/chassis/policy", test_policy);
    qtest_add_func("/ipmi/chassis/identify", test_identify);
    qtest_add_func("/ipmi/chassis/rest", test_rest);
    qtest_add_func("/ipmi/chassis/boot-params", test_boot_params);
    qtest_add_func("/ipmi/chassis/boot-flags", test_boot_flags);
    return g_test_run();
}
