/*
 * QMP of ipmi-bmc-multi: what it counts, answers and refuses
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Schema: qapi/ipmi-bmc-multi.json.
 */
#include "qemu/osdep.h"
#include "libqos/ipmi-host.h"
#include "qobject/qdict.h"

#define DEVICES \
    QIPMI_BMC \
    "-device ipmi-channel,bmc=bmc0,number=0,medium=ipmb,any-address=on " \
    "-device ipmi-channel,bmc=bmc0,number=1,medium=lan " \
    QIPMI_BT

static QTestState *qts;
static QIPMI bt;

static void boot(void)
{
    qts = qipmi_boot(DEVICES);
    qipmi_open(&bt, qts, QIPMI_BT_SLOT);
}

/* "queued" is what waits, or has waited, for system software */
static void test_queued(void)
{
    boot();
    qipmi_do(qts, "ipmi-request", "'channel': 1, 'netfn': 6, 'cmd': 1, "
             "'lun': 0");
    g_assert_cmpint(qipmi_channel_int(qts, 1, "received"), ==, 1);
    g_assert_cmpint(qipmi_channel_int(qts, 1, "queued"), ==, 0);
    qipmi_do(qts, "ipmi-request", "'channel': 1, 'netfn': 6, 'cmd': 1");
    qipmi_do(qts, "ipmi-raw", "'channel': 1, 'data': '00'");
    g_assert_cmpint(qipmi_channel_int(qts, 1, "queued"), ==, 2);
    g_assert_cmpint(qipmi_channel_int(qts, 1, "received"), ==, 3);
    g_assert_cmpint(qipmi_channel_int(qts, 1, "dropped"), ==, 0);
    g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, 2);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/ipmi/host/queued", test_queued);
    return g_test_run();
}
