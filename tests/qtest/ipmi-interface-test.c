/*
 * Registers of the KCS and BT interfaces of ipmi-bmc-multi
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Specification: IPMI v2.0 rev 1.1, sec 9 (KCS), 11 (BT). Whatever a guest has
 * written: an abort, or the next good frame, makes the interface work again.
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-port.h"
#include "qobject/qdict.h"

#define STATUS_ILLEGAL  0x02    /* sec 9.10: illegal control code */
#define DEVICE_ID       "00 20 *"

typedef struct Machine {
    QTestState *qts;
    QIPMI kcs, bt;
} Machine;

static const uint8_t get_device_id[] = { 0x18, 0x01 };

static void boot(Machine *m)
{
    m->qts = qipmi_boot(QIPMI_BMC
        "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb "
        "-device pcie-root-port,id=rp0,addr=8,chassis=1 "
        QIPMI_KCS QIPMI_BT);
    qipmi_open(&m->kcs, m->qts, QIPMI_KCS_SLOT);
    qipmi_open(&m->bt, m->qts, QIPMI_BT_SLOT);
}

static unsigned kcs_state(QIPMI *p)
{
    return QKCS_STATE(qipmi_in(p, QKCS_STATUS));
}

/* What is no control code of this state: error, and why */
static void test_kcs_errors(void)
{
    static const char *const rows[] = {
        /* c: to the command register, d: to the data register */
        "c62", "c61 c61", "c61 d18 c61", "c00", "cff", "c68",
    };
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *at;

        for (at = rows[i]; at; at = strchr(at, ' ')) {
            at += *at == ' ';
            qipmi_out(&m.kcs, *at == 'c' ? QKCS_STATUS : QKCS_DATA,
                      g_ascii_strtoull(at + 1, NULL, 16));
        }
        g_assert_cmpuint(kcs_state(&m.kcs), ==, QKCS_ERROR);
        g_assert_cmphex(qkcs_abort(&m.kcs), ==, STATUS_ILLEGAL);
        qipmi_expect(&m.kcs, "06 01", DEVICE_ID);
    }
    qtest_quit(m.qts);
}

/* In the read state anything but READ is an error */
static void test_kcs_read_state(void)
{
    Machine m;

    boot(&m);
    g_assert_true(qipmi_send(&m.kcs, get_device_id, 2));
    g_assert_cmpuint(kcs_state(&m.kcs), ==, QKCS_READ);
    qipmi_in(&m.kcs, QKCS_DATA);
    qipmi_out(&m.kcs, QKCS_DATA, 0x55);
    g_assert_cmpuint(kcs_state(&m.kcs), ==, QKCS_ERROR);
    g_assert_cmphex(qkcs_abort(&m.kcs), ==, STATUS_ILLEGAL);
    qipmi_expect(&m.kcs, "06 01", DEVICE_ID);
    qtest_quit(m.qts);
}

/* Data while idle is nothing to it; nor are registers that there are not */
static void test_kcs_stray(void)
{
    QIPMIRsp rsp;
    Machine m;
    int reg;

    boot(&m);
    qipmi_out(&m.kcs, QKCS_DATA, 0x18);
    g_assert_cmpuint(kcs_state(&m.kcs), ==, QKCS_IDLE);
    qipmi_expect(&m.kcs, "06 01", DEVICE_ID);
    for (reg = 2; reg < 8; reg++) {
        g_assert_cmphex(qipmi_in(&m.kcs, reg), ==, 0xff);
        qipmi_out(&m.kcs, reg, QKCS_START);
        g_assert_cmphex(qipmi_in(&m.kcs, QKCS_STATUS), ==, 0);
        /* in the middle of a message neither */
        g_assert_true(qkcs_write_some(&m.kcs, get_device_id, 1));
        qipmi_out(&m.kcs, reg, 0x55);
        g_assert_cmpuint(kcs_state(&m.kcs), ==, QKCS_WRITE);
        qipmi_out(&m.kcs, QKCS_STATUS, QKCS_END);
        qipmi_out(&m.kcs, QKCS_DATA, get_device_id[1]);
        g_assert_true(qipmi_fetch(&m.kcs, &rsp));
        g_assert_cmphex(rsp.cmd, ==, 1);
        g_assert_cmphex(rsp.cc, ==, 0);
    }
    qtest_quit(m.qts);
}

/* Messages too short to have a command, and longer than any buffer */
static void test_kcs_lengths(void)
{
    static const unsigned too_long[] = { 301, 302, 1000, 5000 };
    static const uint8_t netfn = 0x18;
    g_autofree uint8_t *buf = g_malloc0(5000);
    QIPMIRsp rsp;
    Machine m;
    int i;

    boot(&m);
    g_assert_true(qipmi_send(&m.kcs, &netfn, 1));
    g_assert_true(qipmi_fetch(&m.kcs, &rsp));
    g_assert_cmphex(rsp.cc, ==, 0xc7);
    memcpy(buf, get_device_id, 2);
    g_assert_true(qipmi_send(&m.kcs, buf, 300));
    g_assert_true(qipmi_fetch(&m.kcs, &rsp));
    g_assert_cmphex(rsp.cc, ==, 0xc7);
    for (i = 0; i < ARRAY_SIZE(too_long); i++) {
        g_assert_true(qipmi_send(&m.kcs, buf, too_long[i]));
        g_assert_true(qipmi_fetch(&m.kcs, &rsp));
        g_assert_cmphex(rsp.cc, ==, 0xc6);
        qipmi_expect(&m.kcs, "06 01", DEVICE_ID);
    }
    qtest_quit(m.qts);
}

/* A message of which no part is left after an abort */
static void test_kcs_abort(void)
{
    static const uint8_t some[] = { 0x18, 0x42, 0x0e, 0x55, 0xaa };
    Machine m;
    unsigned n;

    boot(&m);
    for (n = 0; n <= sizeof(some); n++) {
        g_assert_true(qkcs_write_some(&m.kcs, some, n));
        qkcs_abort(&m.kcs);
        qipmi_expect(&m.kcs, "06 01", DEVICE_ID);
    }
    qtest_quit(m.qts);
}

/* The answer to a request that was given up does not come later */
static void test_kcs_late(void)
{
    QIPMIRsp rsp;
    Machine m;

    boot(&m);
    qtest_qmp_assert_success(m.qts, "{ 'execute': 'ipmi-set-faults', "
        "'arguments': { 'bmc': 'bmc0', 'faults': [ { 'action': 'delay', "
        "'netfn': 6, 'cmd': 1, 'delay-ms': 100 } ] } }");
    g_assert_true(qipmi_send(&m.kcs, get_device_id, 2));
    g_assert_true(qipmi_in(&m.kcs, QKCS_STATUS) & QKCS_IBF);
    qtest_system_reset(m.qts);
    qipmi_enable(&m.kcs);
    qipmi_expect(&m.kcs, "06 42 0e", "00 0f *");
    qtest_clock_step(m.qts, 200 * 1000 * 1000LL);
    g_assert_cmphex(qipmi_in(&m.kcs, QKCS_STATUS), ==, 0);
    qipmi_expect(&m.kcs, "06 42 0e", "00 0f *");
    /* nor in the place of another that does not come at all */
    qtest_qmp_assert_success(m.qts, "{ 'execute': 'ipmi-set-faults', "
        "'arguments': { 'bmc': 'bmc0', 'faults': [ { 'action': 'delay', "
        "'cmd': 1, 'delay-ms': 100 }, { 'action': 'stuck', 'cmd': 1, "
        "'first': 2 } ] } }");
    g_assert_true(qipmi_send(&m.kcs, get_device_id, 2));
    qtest_system_reset(m.qts);
    qipmi_enable(&m.kcs);
    g_assert_true(qipmi_send(&m.kcs, get_device_id, 2));
    qtest_clock_step(m.qts, 200 * 1000 * 1000LL);
    g_assert_false(qipmi_fetch(&m.kcs, &rsp));
    qtest_quit(m.qts);
}

static void bt_frame(QIPMI *p, const char *hex)
{
    uint8_t buf[1024];
    unsigned i, n = qipmi_bytes(hex, buf, sizeof(buf));

    qipmi_out(p, QBT_CTRL, QBT_CLR_WR);
    for (i = 0; i < n; i++) {
        qipmi_out(p, QBT_DATA, buf[i]);
    }
    qipmi_out(p, QBT_CTRL, QBT_H2B);
}

/* Frames that are none free the interface at once */
static void test_bt_frames(void)
{
    static const char *const rows[] = {
        "", "00", "ff", "01 18", "02 18 01", "03 18 01", "04 18 01 01",
        "02 18 01 01", "ff 18 01 01", "00 18 01 01",
    };
    g_autofree char *zeros = g_strnfill(2 * 600, '0');
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i <= ARRAY_SIZE(rows); i++) {
        bt_frame(&m.bt, i < ARRAY_SIZE(rows) ? rows[i] : zeros);
        g_assert_cmphex(qipmi_in(&m.bt, QBT_CTRL) &
                        (QBT_B_BUSY | QBT_H2B | QBT_B2H), ==, 0);
        qipmi_expect(&m.bt, "06 01", DEVICE_ID);
    }
    qtest_quit(m.qts);
}

/* Nothing is dispatched while a request is under way */
static void test_bt_busy(void)
{
    QIPMIRsp rsp;
    Machine m;

    boot(&m);
    qtest_qmp_assert_success(m.qts, "{ 'execute': 'ipmi-set-faults', "
        "'arguments': { 'bmc': 'bmc0', 'faults': [ { 'action': 'delay', "
        "'netfn': 6, 'cmd': 1, 'delay-ms': 100 } ] } }");
    g_assert_true(qipmi_send(&m.bt, get_device_id, 2));
    g_assert_true(qipmi_in(&m.bt, QBT_CTRL) & QBT_B_BUSY);
    bt_frame(&m.bt, "04 18 77 42 0e");
    g_assert_false(qipmi_in(&m.bt, QBT_CTRL) & QBT_B2H);
    qtest_clock_step(m.qts, 100 * 1000 * 1000LL);
    g_assert_true(qipmi_fetch(&m.bt, &rsp));
    g_assert_cmphex(rsp.cmd, ==, 1);
    g_assert_cmphex(rsp.seq, ==, m.bt.seq);
    g_assert_false(qipmi_fetch(&m.bt, &rsp));
    qipmi_expect(&m.bt, "06 42 0e", "00 07 *");
    qtest_quit(m.qts);
}

/* What was not read of a response is not part of the next */
static void test_bt_unread(void)
{
    Machine m;
    int i;

    boot(&m);
    for (i = 0; i < 5; i++) {
        int n;

        g_assert_true(qipmi_send(&m.bt, get_device_id, 2));
        qipmi_out(&m.bt, QBT_CTRL, QBT_B2H);
        for (n = 0; n < i; n++) {
            qipmi_in(&m.bt, QBT_DATA);
        }
        if (i & 1) {
            qipmi_out(&m.bt, QBT_CTRL, QBT_CLR_RD);
        }
        qipmi_expect(&m.bt, "06 42 0e", "00 07 *");
    }
    for (i = 3; i < 8; i++) {
        g_assert_cmphex(qipmi_in(&m.bt, i), ==, 0xff);
        qipmi_out(&m.bt, i, 0x04);
    }
    qipmi_expect(&m.bt, "06 01", DEVICE_ID);
    qtest_quit(m.qts);
}

/* What is longer than a frame is CAh, not a length that has wrapped */
static void test_bt_long(void)
{
    g_autofree char *data = g_strnfill(2 * 270, '5');
    Machine m;
    int n;

    boot(&m);
    qtest_qmp_assert_success(m.qts, "{ 'execute': 'ipmi-raw', 'arguments': "
        "{ 'bmc': 'bmc0', 'channel': 0, 'data': %s } }", data);
    qipmi_expect(&m.bt, "06 33", "ca");
    qipmi_expect(&m.bt, "06 01", DEVICE_ID);
    /* 254 bytes are carried, 255 are not */
    for (n = 250; n <= 251; n++) {
        data[2 * n] = 0;
        qtest_qmp_assert_success(m.qts, "{ 'execute': 'ipmi-raw', "
            "'arguments': { 'bmc': 'bmc0', 'channel': 0, 'data': %s } }",
            data);
        data[2 * n] = '5';
        qipmi_expect(&m.bt, "06 33", n == 250 ? "00 00 55 55 *" : "ca");
    }
    qtest_quit(m.qts);
}

/* sec 11.6.1: attention that was cleared comes back while there is a cause */
static void test_bt_attention(void)
{
    Machine m;

    boot(&m);
    qtest_qmp_assert_success(m.qts, "{ 'execute': 'ipmi-request', "
        "'arguments': { 'bmc': 'bmc0', 'channel': 0, 'netfn': 48, "
        "'cmd': 1 } }");
    g_assert_true(qipmi_attention(&m.bt));
    qipmi_out(&m.bt, QBT_CTRL, QBT_SMS_ATN);
    qipmi_expect(&m.bt, "06 31", "00 01");
    g_assert_true(qipmi_attention(&m.bt));
    qipmi_expect(&m.bt, "06 33", "00 *");
    g_assert_false(qipmi_attention(&m.bt));
    qtest_quit(m.qts);
}

/* A reset of the machine in the middle of a message */
static void test_reset(void)
{
    Machine m;
    unsigned n;

    boot(&m);
    for (n = 0; n < 3; n++) {
        g_assert_true(qkcs_write_some(&m.kcs, get_device_id, n));
        qipmi_out(&m.bt, QBT_CTRL, QBT_CLR_WR);
        qipmi_out(&m.bt, QBT_DATA, 3);
        qipmi_out(&m.bt, QBT_CTRL, QBT_H_BUSY);
        qtest_system_reset(m.qts);
        qipmi_enable(&m.kcs);
        qipmi_enable(&m.bt);
        g_assert_cmphex(qipmi_in(&m.kcs, QKCS_STATUS), ==, 0);
        g_assert_cmphex(qipmi_in(&m.bt, QBT_CTRL), ==, 0);
        qipmi_expect(&m.kcs, "06 01", DEVICE_ID);
        qipmi_expect(&m.bt, "06 01", DEVICE_ID);
    }
    qtest_quit(m.qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/ipmi/interface/kcs/errors", test_kcs_errors);
    qtest_add_func("/ipmi/interface/kcs/read-state", test_kcs_read_state);
    qtest_add_func("/ipmi/interface/kcs/stray", test_kcs_stray);
    qtest_add_func("/ipmi/interface/kcs/lengths", test_kcs_lengths);
    qtest_add_func("/ipmi/interface/kcs/abort", test_kcs_abort);
    qtest_add_func("/ipmi/interface/kcs/late", test_kcs_late);
    qtest_add_func("/ipmi/interface/bt/frames", test_bt_frames);
    qtest_add_func("/ipmi/interface/bt/busy", test_bt_busy);
    qtest_add_func("/ipmi/interface/bt/unread", test_bt_unread);
    qtest_add_func("/ipmi/interface/bt/long", test_bt_long);
    qtest_add_func("/ipmi/interface/bt/attention", test_bt_attention);
    qtest_add_func("/ipmi/interface/reset", test_reset);
    return g_test_run();
}
