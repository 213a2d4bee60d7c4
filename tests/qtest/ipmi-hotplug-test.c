/*
 * System interfaces of ipmi-bmc-multi come and go, the BMC stays
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * KCS and BT are behind a root port each, whose slots the guest switches off
 * and on. Whatever was under way on an interface goes with it; what the BMC
 * knows is there for the next one.
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-host.h"
#include "libqos/pcie-fabric-vmstate.h"
#include "qobject/qdict.h"

#define DEVICE_ID       "00 20 *"
#define DELAY_MS        100

#define BMC \
    QIPMI_BMC \
    "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb,id=chan0 " \
    "-device ipmi-channel,bmc=bmc0,number=1,medium=lan,id=chan1 " \
    "-device ipmi-ipmb-mc,bmc=bmc0,channel=0,address=0x82,id=mc0 " \
    "-device pcie-root-port,id=rp0,addr=8,chassis=1,slot=1 " \
    "-device pcie-root-port,id=rp1,addr=9,chassis=1,slot=2 "

#define INTERFACES \
    "-device pci-ipmi-kcs,bmc=bmc0,bus=rp0,id=if0 " \
    "-device pci-ipmi-bt,bmc=bmc0,bus=rp1,id=if1 "

/* One of the two: where it is, and its channel number */
static const struct {
    const char *name, *driver, *id, *bus;
    unsigned slot, nr, chan;
} ifs[2] = {
    { "kcs", "pci-ipmi-kcs", "if0", "rp0", 8, 1, 15 },
    { "bt", "pci-ipmi-bt", "if1", "rp1", 9, 2, 7 },
};

static const uint8_t get_device_id[] = { 0x18, 0x01 };

typedef struct Machine {
    QTestState *qts;
    QIPMI p[2];
} Machine;

static void open_interface(Machine *m, int i)
{
    qipmi_open_behind(&m->p[i], m->qts, ifs[i].slot, ifs[i].nr);
}

static void boot(Machine *m, const char *more)
{
    g_autofree char *devices = g_strconcat(BMC INTERFACES, more, NULL);
    int i;

    m->qts = qipmi_boot(devices);
    for (i = 0; i < 2; i++) {
        open_interface(m, i);
    }
}

static void unplug(Machine *m, int i)
{
    qtest_qmp_device_del_send(m->qts, ifs[i].id);
    qipmi_slot_off(&m->p[i]);
    qtest_qmp_eventwait(m->qts, "DEVICE_DELETED");
}

static void plug(Machine *m, int i)
{
    qtest_qmp_device_add(m->qts, ifs[i].driver, ifs[i].id,
                         "{ 'bus': %s, 'bmc': 'bmc0' }", ifs[i].bus);
    open_interface(m, i);
}

static void inject(Machine *m, unsigned chan)
{
    qipmi_do(m->qts, "ipmi-request", "'channel': %u, 'netfn': 48, 'cmd': 65",
             chan);
}

/* Is it one that nobody has used yet? */
static void expect_fresh(Machine *m, int i)
{
    QIPMI *p = &m->p[i];

    g_assert_cmpint(qipmi_interface_int(m->qts, ifs[i].chan, "busy"), ==, 0);
    g_assert_cmpint(qipmi_interface_int(m->qts, ifs[i].chan, "requests"), ==,
                    0);
    g_assert_cmphex(qipmi_in(p, p->bt ? QBT_CTRL : QKCS_STATUS), ==, 0);
    qipmi_expect(p, "06 42 0e", i ? "00 07 *" : "00 0f *");
    qipmi_expect(p, "06 01", DEVICE_ID);
}

/* How far a request has come when its interface goes */
static void half_written(Machine *m, int i)
{
    QIPMI *p = &m->p[i];

    if (p->bt) {
        qipmi_out(p, QBT_CTRL, QBT_CLR_WR);
        qipmi_out(p, QBT_DATA, 3);
        qipmi_out(p, QBT_DATA, 0x18);
    } else {
        g_assert_true(qkcs_write_some(p, get_device_id, 1));
    }
}

static void in_flight(Machine *m, int i)
{
    QIPMIRsp rsp;

    qipmi_faults(m->qts, "{ 'action': 'delay', 'delay-ms': 100, 'cmd': 1 }");
    g_assert_true(qipmi_send(&m->p[i], get_device_id, 2));
    g_assert_false(qipmi_fetch(&m->p[i], &rsp));
    g_assert_cmpint(qipmi_interface_int(m->qts, ifs[i].chan, "busy"), ==, 1);
}

static void stuck(Machine *m, int i)
{
    QIPMIRsp rsp;

    qipmi_faults(m->qts, "{ 'action': 'stuck', 'cmd': 1 }");
    g_assert_true(qipmi_send(&m->p[i], get_device_id, 2));
    g_assert_false(qipmi_fetch(&m->p[i], &rsp));
}

static void storm(Machine *m, int i)
{
    qipmi_faults(m->qts, "{ 'action': 'attention-storm', 'times': 50, "
                 "'delay-ms': 2, 'cmd': 1 }");
    qipmi_expect(&m->p[i], "06 01", DEVICE_ID);
    qipmi_wait(m->qts, 3);
    g_assert_true(qipmi_attention(&m->p[i]));
}

static void unread(Machine *m, int i)
{
    g_assert_true(qipmi_send(&m->p[i], get_device_id, 2));
    if (m->p[i].bt) {
        qipmi_out(&m->p[i], QBT_CTRL, QBT_B2H);
        qipmi_in(&m->p[i], QBT_DATA);
    } else {
        qipmi_in(&m->p[i], QKCS_DATA);
        qipmi_out(&m->p[i], QKCS_DATA, QKCS_NEXT);
    }
}

static void idle(Machine *m, int i)
{
}

static const struct {
    const char *name;
    void (*reach)(Machine *m, int i);
} points[] = {
    { "idle", idle }, { "half-written", half_written },
    { "in-flight", in_flight }, { "stuck", stuck }, { "storm", storm },
    { "unread", unread },
};

/* Each interface goes at each point of a request, and another one comes */
static void test_request(const void *opaque)
{
    int i, j = GPOINTER_TO_INT(opaque);
    Machine m;

    boot(&m, "");
    for (i = 0; i < 2; i++) {
        points[j].reach(&m, i);
        unplug(&m, i);
        g_assert_cmpint(qipmi_interface_int(m.qts, ifs[i].chan, "busy"), ==,
                        -1);
        /* Timers of what went find nothing to do */
        qipmi_wait(m.qts, DELAY_MS / 2);
        qipmi_expect(&m.p[!i], "06 01", DEVICE_ID);
        plug(&m, i);
        expect_fresh(&m, i);
        qipmi_wait(m.qts, DELAY_MS);
        qipmi_expect(&m.p[i], "06 42 01", "00 01 *");
        qipmi_expect(&m.p[!i], "06 42 01", "00 01 *");
    }
    qtest_quit(m.qts);
}

/* Flags are the BMC's: who comes next is told of them */
static void test_attention(void)
{
    Machine m;
    int i;

    boot(&m, "");
    qipmi_expect(&m.p[0], "06 2e 0f", "00");
    qipmi_expect(&m.p[0], "04 02 41 04 01 01 59 00 00 00", "00");
    inject(&m, 0);
    for (i = 0; i < 2; i++) {
        g_assert_true(qipmi_attention(&m.p[i]));
        unplug(&m, i);
        g_assert_true(qipmi_attention(&m.p[!i]));
        plug(&m, i);
        g_assert_true(qipmi_attention(&m.p[i]));
        qipmi_expect(&m.p[i], "06 31", "00 03");
        qipmi_expect(&m.p[i], "06 2f", "00 0f");
    }
    /* The last flag goes while there is only one to see it */
    unplug(&m, 1);
    qipmi_expect(&m.p[0], "06 33", "00 00 c2 *");
    qipmi_expect(&m.p[0], "06 35", "00 .. .. 02 *");
    g_assert_false(qipmi_attention(&m.p[0]));
    plug(&m, 1);
    g_assert_false(qipmi_attention(&m.p[1]));
    qtest_quit(m.qts);
}

/* A BMC with nobody to talk to goes on: messages, watchdog, satellites */
static void test_alone(void)
{
    Machine m;
    int i;

    boot(&m, "");
    /* 10 s, a message 4 s before */
    qipmi_expect(&m.p[0], "06 24 04 30 04 00 64 00", "00");
    qipmi_expect(&m.p[0], "06 22", "00");
    unplug(&m, 0);
    unplug(&m, 1);
    inject(&m, 0);
    inject(&m, 1);
    qipmi_wait(m.qts, 6001);
    g_assert_cmpint(qipmi_query_int(m.qts, "flags"), ==, 0x09);
    g_assert_cmpint(qipmi_query_int(m.qts, "queue"), ==, 2);
    qipmi_do(m.qts, "ipmi-request",
             "'channel': 1, 'netfn': 6, 'cmd': 1, 'lun': 0, 'sequence': 3");
    qipmi_expect_sent(m.qts, 1, "07 82 1c .. 20 0c 01 00 20 *");
    /* In the other order: the number goes with the order, not with the slot */
    plug(&m, 1);
    plug(&m, 0);
    qipmi_expect(&m.p[1], "06 42 0e", "00 0f 0c 08 *");
    qipmi_expect(&m.p[0], "06 42 0e", "00 07 0c 05 *");
    for (i = 0; i < 2; i++) {
        g_assert_true(qipmi_attention(&m.p[i]));
    }
    qipmi_expect(&m.p[0], "06 31", "00 09");
    qipmi_expect(&m.p[0], "06 25", "00 44 30 04 00 64 00 28 00");
    qipmi_expect(&m.p[0], "06 33", "00 00 *");
    qipmi_expect(&m.p[1], "06 33", "00 41 *");
    qipmi_wait(m.qts, 4000);
    qipmi_expect(&m.p[1], "06 25", "00 04 30 04 10 64 00 00 00");
    qtest_quit(m.qts);
}

/* Two is all that a BMC takes, at any time */
static void test_third(void)
{
    Machine m;
    QDict *rsp;

    boot(&m, "-device pcie-root-port,id=rp2,addr=0xa,chassis=1,slot=3 ");
    rsp = qtest_qmp_assert_failure_ref(m.qts, "{ 'execute': 'device_add', "
        "'arguments': { 'driver': 'pci-ipmi-kcs', 'bus': 'rp2', "
        "'bmc': 'bmc0', 'id': 'if2' } }");
    g_assert_nonnull(strstr(qdict_get_str(rsp, "desc"), "in use"));
    qobject_unref(rsp);
    qipmi_expect(&m.p[0], "06 01", DEVICE_ID);
    unplug(&m, 0);
    qtest_qmp_device_add(m.qts, "pci-ipmi-kcs", "if2",
                         "{ 'bus': 'rp2', 'bmc': 'bmc0' }");
    qipmi_open_behind(&m.p[0], m.qts, 10, 3);
    expect_fresh(&m, 0);
    qipmi_expect(&m.p[1], "06 01", DEVICE_ID);
    qtest_quit(m.qts);
}

/* What has no slot cannot come or go; it says so, and works on */
static void test_refused(void)
{
    static const char *const add[] = {
        "{ 'driver': 'ipmi-channel', 'bmc': 'bmc0', 'number': 5, 'id': 'x' }",
        "{ 'driver': 'ipmi-ipmb-mc', 'bmc': 'bmc0', 'channel': 0, "
        "'address': 144, 'id': 'x' }",
        "{ 'driver': 'ipmi-bmc-multi', 'id': 'x' }",
    };
    static const char *const del[] = { "chan0", "chan1", "mc0", "bmc0" };
    Machine m;
    int i;

    boot(&m, "");
    for (i = 0; i < ARRAY_SIZE(add); i++) {
        g_autofree char *cmd = g_strdup_printf(
            "{ 'execute': 'device_add', 'arguments': %s }", add[i]);

        qobject_unref(qtest_qmp_assert_failure_ref(m.qts, cmd, NULL));
    }
    for (i = 0; i < ARRAY_SIZE(del); i++) {
        qobject_unref(qtest_qmp_assert_failure_ref(m.qts,
            "{ 'execute': 'device_del', 'arguments': { 'id': %s } }", del[i]));
    }
    qipmi_expect(&m.p[0], "06 42 00", "00 00 01 *");
    qipmi_expect(&m.p[0], "06 42 05", "cc");
    qipmi_expect(&m.p[0], "06 34 00 82 18 66 20 06 01 d9", "00");
    qipmi_expect(&m.p[0], "06 33", "00 00 1e *");
    qtest_quit(m.qts);
}

/*
 * A machine whose interfaces have come later has the same state as one that was
 * started with them.
 */
static void test_migrate(void)
{
    g_autofree char *uri = NULL, *out = NULL;
    QFabricFiles files;
    Machine from, to;
    int i;

    qfabric_files_open(&files);
    out = g_strdup_printf("file:%s", files.stream);
    boot(&from, "");
    qipmi_expect(&from.p[0], "06 2e 0f", "00");
    for (i = 0; i < 2; i++) {
        unplug(&from, i);
        plug(&from, i);
    }
    in_flight(&from, 1);
    inject(&from, 0);
    qfabric_migrate_out(from.qts, out);
    to.qts = qipmi_boot(BMC INTERFACES "-incoming defer ");
    for (i = 0; i < 2; i++) {
        to.p[i] = from.p[i];
        to.p[i].qts = to.qts;
    }
    g_assert_true(qfabric_migrate_in(to.qts, out));
    g_assert_true(qipmi_attention(&to.p[0]));
    qipmi_expect(&to.p[0], "06 33", "00 00 c2 *");
    g_assert_cmpint(qipmi_interface_int(to.qts, 7, "busy"), ==, 1);
    qipmi_wait(to.qts, DELAY_MS);
    {
        QIPMIRsp rsp;

        g_assert_true(qipmi_fetch(&to.p[1], &rsp));
        g_assert_cmphex(rsp.data[0], ==, 0x20);
    }
    qtest_quit(from.qts);
    qtest_quit(to.qts);
    qfabric_files_close(&files);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);
    for (i = 0; i < ARRAY_SIZE(points); i++) {
        g_autofree char *path = g_strdup_printf("/ipmi/hotplug/request/%s",
                                                points[i].name);

        qtest_add_data_func(path, GINT_TO_POINTER(i), test_request);
    }
    qtest_add_func("/ipmi/hotplug/attention", test_attention);
    qtest_add_func("/ipmi/hotplug/alone", test_alone);
    qtest_add_func("/ipmi/hotplug/third", test_third);
    qtest_add_func("/ipmi/hotplug/refused", test_refused);
    qtest_add_func("/ipmi/hotplug/migrate", test_migrate);
    return g_test_run();
}
