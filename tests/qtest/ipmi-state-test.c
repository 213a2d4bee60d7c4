/*
 * Snapshots of ipmi-bmc-multi in the middle of things
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Each case brings the machine into a state, saves it, spoils it, loads it and
 * goes on from there. What is in the BMC's stores: ipmi-store-soak-test.c.
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-port.h"
#include "libqos/pcie-fabric-vmstate.h"

#define MS              1000000LL
#define BT2_SLOT        6

typedef struct Machine {
    QTestState *qts;
    QFabricFiles files;
    QIPMI kcs, bt, other;       /* other: of the second BMC */
} Machine;

static void boot(Machine *m)
{
    g_autofree char *drive = NULL, *devices = NULL;

    qfabric_files_open(&m->files);
    drive = qfabric_files_drive(&m->files);
    devices = g_strdup_printf("%s " QIPMI_BMC
        "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb "
        "-device ipmi-channel,bmc=bmc0,number=1,medium=lan "
        QIPMI_KCS QIPMI_BT
        "-device ipmi-bmc-multi,id=bmc1,device_id=0x33 "
        "-device ipmi-channel,bmc=bmc1,number=0,medium=ipmb "
        "-device pci-ipmi-bt,bmc=bmc1,addr=6", drive);
    m->qts = qipmi_boot(devices);
    qipmi_open(&m->kcs, m->qts, QIPMI_KCS_SLOT);
    qipmi_open(&m->bt, m->qts, QIPMI_BT_SLOT);
    qipmi_open(&m->other, m->qts, BT2_SLOT);
}

static void quit(Machine *m)
{
    qtest_quit(m->qts);
    qfabric_files_close(&m->files);
}

static void save(Machine *m)
{
    g_assert_true(qfabric_hmp_quiet(m->qts, "savevm s"));
}

/* Nothing of what was there is left before the load */
static void spoil_and_load(Machine *m)
{
    qtest_system_reset(m->qts);
    qipmi_enable(&m->kcs);
    qipmi_expect(&m->kcs, "06 30 eb", "00");
    qipmi_expect(&m->kcs, "06 2e 00", "00");
    g_assert_true(qfabric_hmp_quiet(m->qts, "loadvm s"));
}

static void inject(Machine *m, const char *bmc, unsigned chan, const char *data)
{
    qtest_qmp_assert_success(m->qts, "{ 'execute': 'ipmi-request', "
        "'arguments': { 'bmc': %s, 'channel': %d, 'netfn': 48, 'cmd': 65, "
        "'data': %s } }", bmc, chan, data);
}

/* Messages, their order, flags, enables, attention; of two BMCs */
static void test_queue(void)
{
    Machine m;

    boot(&m);
    qipmi_expect(&m.kcs, "06 2e 0f", "00");
    inject(&m, "bmc0", 0, "a1");
    inject(&m, "bmc0", 1, "a2");
    inject(&m, "bmc1", 0, "b1");
    qipmi_expect(&m.kcs, "04 02 41 04 01 01 59 00 00 00", "00");
    save(&m);
    qipmi_expect(&m.other, "06 33", "00 00 c2 1e 82 00 41 b1 ..");
    spoil_and_load(&m);
    g_assert_true(qipmi_attention(&m.kcs));
    g_assert_true(qipmi_attention(&m.bt));
    g_assert_true(qipmi_attention(&m.other));
    qipmi_expect(&m.kcs, "06 2f", "00 0f");
    qipmi_expect(&m.kcs, "06 31", "00 03");
    qipmi_expect(&m.kcs, "06 33", "00 00 c2 1e 82 00 41 a1 ..");
    qipmi_expect(&m.bt, "06 33", "00 41 07 20 c2 1e 82 00 41 a2 ..");
    qipmi_expect(&m.bt, "06 33", "80");
    qipmi_expect(&m.bt, "06 35", "00 .. .. 02 *");
    g_assert_false(qipmi_attention(&m.kcs));
    qipmi_expect(&m.other, "06 33", "00 00 c2 1e 82 00 41 b1 ..");
    qipmi_expect(&m.other, "06 01", "00 33 *");
    quit(&m);
}

/* A message half written to KCS, and a frame half written to BT */
static void test_half(void)
{
    static const uint8_t some[] = { 0x18, 0x42 };
    QIPMIRsp rsp;
    Machine m;

    boot(&m);
    g_assert_true(qkcs_write_some(&m.kcs, some, sizeof(some)));
    qipmi_out(&m.bt, QBT_CTRL, QBT_CLR_WR);
    qipmi_out(&m.bt, QBT_DATA, 4);
    qipmi_out(&m.bt, QBT_DATA, 0x18);
    save(&m);
    spoil_and_load(&m);
    qipmi_out(&m.kcs, QKCS_STATUS, QKCS_END);
    qipmi_out(&m.kcs, QKCS_DATA, 0x0e);
    g_assert_true(qipmi_fetch(&m.kcs, &rsp));
    g_assert_cmphex(rsp.cmd, ==, 0x42);
    g_assert_cmphex(rsp.data[0], ==, 0x0f);
    qipmi_out(&m.bt, QBT_DATA, 0x55);
    qipmi_out(&m.bt, QBT_DATA, 0x42);
    qipmi_out(&m.bt, QBT_DATA, 0x0e);
    qipmi_out(&m.bt, QBT_CTRL, QBT_H2B);
    g_assert_true(qipmi_fetch(&m.bt, &rsp));
    g_assert_cmphex(rsp.seq, ==, 0x55);
    g_assert_cmphex(rsp.data[0], ==, 0x07);
    quit(&m);
}

/* A response half read */
static void test_half_read(void)
{
    static const uint8_t req[] = { 0x18, 0x42, 0x0e };
    QIPMIRsp rsp;
    Machine m;

    boot(&m);
    g_assert_true(qipmi_send(&m.kcs, req, sizeof(req)));
    g_assert_cmphex(qipmi_in(&m.kcs, QKCS_DATA), ==, 0x1c);
    qipmi_out(&m.kcs, QKCS_DATA, QKCS_NEXT);
    g_assert_true(qipmi_send(&m.bt, req, sizeof(req)));
    save(&m);
    spoil_and_load(&m);
    g_assert_cmphex(qipmi_in(&m.kcs, QKCS_DATA), ==, 0x42);
    qipmi_out(&m.kcs, QKCS_DATA, QKCS_NEXT);
    g_assert_cmphex(qipmi_in(&m.kcs, QKCS_DATA), ==, 0);
    g_assert_true(qipmi_fetch(&m.bt, &rsp));
    g_assert_cmphex(rsp.data[0], ==, 0x07);
    g_assert_cmpuint(rsp.len, ==, 9);
    quit(&m);
}

/* A response that a fault delays comes in its time */
static void test_delayed(void)
{
    static const uint8_t req[] = { 0x18, 0x42, 0x0e };
    QIPMIRsp rsp;
    Machine m;

    boot(&m);
    qtest_qmp_assert_success(m.qts, "{ 'execute': 'ipmi-set-faults', "
        "'arguments': { 'bmc': 'bmc0', 'faults': [ { 'action': 'delay', "
        "'cmd': 66, 'delay-ms': 100 } ] } }");
    g_assert_true(qipmi_send(&m.bt, req, sizeof(req)));
    qtest_clock_step(m.qts, 40 * MS);
    save(&m);
    spoil_and_load(&m);
    g_assert_false(qipmi_fetch(&m.bt, &rsp));
    qtest_clock_step(m.qts, 59 * MS);
    g_assert_false(qipmi_fetch(&m.bt, &rsp));
    qtest_clock_step(m.qts, 2 * MS);
    g_assert_true(qipmi_fetch(&m.bt, &rsp));
    g_assert_cmphex(rsp.cmd, ==, 0x42);
    g_assert_cmphex(rsp.cc, ==, 0);
    quit(&m);
}

/* A watchdog that runs: 10 s, with a pre-timeout of 4 s, saved after 3 s */
static void test_watchdog(void)
{
    Machine m;

    boot(&m);
    qipmi_expect(&m.kcs, "06 24 04 30 04 00 64 00", "00");
    qipmi_expect(&m.kcs, "06 22", "00");
    qtest_clock_step(m.qts, 3000 * MS);
    save(&m);
    spoil_and_load(&m);
    qipmi_expect(&m.kcs, "06 25", "00 44 30 04 .. 64 00 46 00");
    qtest_clock_step(m.qts, 2900 * MS);
    qipmi_expect(&m.kcs, "06 31", "00 00");
    qtest_clock_step(m.qts, 200 * MS);
    qipmi_expect(&m.kcs, "06 31", "00 08");
    g_assert_true(qipmi_attention(&m.kcs));
    qipmi_expect(&m.kcs, "06 30 08", "00");
    qtest_clock_step(m.qts, 4000 * MS);
    qipmi_expect(&m.kcs, "06 25", "00 04 30 04 10 64 00 00 00");
    quit(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/ipmi/state/queue", test_queue);
    qtest_add_func("/ipmi/state/half-written", test_half);
    qtest_add_func("/ipmi/state/half-read", test_half_read);
    qtest_add_func("/ipmi/state/delayed", test_delayed);
    qtest_add_func("/ipmi/state/watchdog", test_watchdog);
    return g_test_run();
}
