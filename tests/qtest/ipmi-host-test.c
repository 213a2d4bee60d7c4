/*
 * QMP of ipmi-bmc-multi: what it counts, answers and refuses
 *
 * Copyright (c) 2026 the qemu-rig authors
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Schema: qapi/ipmi-bmc-multi.json.
 */
#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "libqos/ipmi-host.h"
#include "qemu/units.h"
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

/* sec 6.13: the host answers what the BMC has sent for a console */
static void test_tracked(void)
{
    g_autofree char *msg = qipmi_message(-1, 0x72, 6, 0, 0x20, 0x3f, 0, 4, "");

    boot();
    qipmi_do(qts, "ipmi-request", "'channel': 1, 'netfn': 6, 'cmd': 52, "
             "'lun': 0, 'sequence': 9, 'data': '40%s'", msg);
    qipmi_expect_sent(qts, 1, "07 82 1c .. 20 24 34 00 ..");
    qipmi_expect_sent(qts, 0, "72 18 .. 20 00 04 ..");
    /* one to software is not that */
    qipmi_do(qts, "ipmi-response", "'channel': 0, 'netfn': 6, 'cmd': 4, "
             "'sequence': 0, 'data': '5500'");
    g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, 1);
    qipmi_expect_sent(qts, 1, "");
    qipmi_do(qts, "ipmi-response", "'channel': 0, 'netfn': 6, 'cmd': 4, "
             "'sequence': 0, 'requester-lun': 0, 'data': '5500'");
    qipmi_expect_sent(qts, 1, "07 82 1c .. 20 24 34 00 *");
    g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, 1);
    qipmi_wait(qts, 10000);
    qipmi_expect_sent(qts, 1, "");
    g_free(qipmi_refused(qts, "ipmi-response", "'channel': 0, 'netfn': 6, "
                         "'cmd': 4, 'requester-lun': 4"));
    qtest_quit(qts);
}

/* What is none is refused with the reason, and changes nothing. */
static void test_refused(void)
{
    static const struct {
        const char *command, *args, *words[3];
    } rows[] = {
        { "ipmi-response", "'channel': 0, 'netfn': 7, 'cmd': 1",
          { "netfn=7", "even" } },
        { "ipmi-request", "'channel': 0, 'netfn': 7, 'cmd': 1",
          { "netfn=7", "even" } },
        { "ipmi-response", "'channel': 0, 'netfn': 64, 'cmd': 1",
          { "netfn=64", "62" } },
        { "ipmi-sensor-set", "'sensor': 98, 'states': 32768",
          { "states=0x8000", "0x0003" } },
        { "ipmi-sensor-set", "'sensor': 98, 'states': 4",
          { "states=0x0004", "0x0003" } },
    };
    unsigned i, j;

    boot();
    for (i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *why = qipmi_refused(qts, rows[i].command, "%s",
                                             rows[i].args);

        for (j = 0; rows[i].words[j]; j++) {
            if (!strstr(why, rows[i].words[j])) {
                g_test_message("no '%s' in: %s", rows[i].words[j], why);
                g_test_fail();
            }
        }
    }
    g_assert_cmpint(qipmi_query_int(qts, "queue"), ==, 0);
    qipmi_expect(&bt, "04 2d 62", "00 00 c0 00 80");
    qtest_quit(qts);
}

/* No name is not the name of the only BMC. */
static void test_nameless(void)
{
    QDict *rsp;

    boot();
    rsp = qtest_qmp(qts, "{ 'execute': 'query-ipmi-sel', "
                    "'arguments': { 'bmc': '' } }");
    g_assert_true(qdict_haskey(rsp, "error"));
    qobject_unref(rsp);
    qtest_quit(qts);
}

/*
 * Events of the host while a command of the guest waits for the drive. QEMU
 * runs an event loop meanwhile, in which QMP may be served: the more often it
 * is tried, the surer.
 */
static void test_while_writing(void)
{
    static const uint8_t add[] = {
        19, 0x28, 0, 0x44, 0, 0, 2, 0, 0, 0, 0, 0x21, 0, 4, 1, 1, 1, 0, 0, 0,
    };
    const unsigned rounds = 500;
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;
    g_autofree char *devices = NULL;
    unsigned i, j;
    int fd;

    fd = g_file_open_tmp("qemu-rig-XXXXXX", &name, &error);
    g_assert_no_error(error);
    g_assert_cmpint(ftruncate(fd, 2 * MiB), ==, 0);
    close(fd);
    devices = g_strdup_printf("-blockdev driver=raw,node-name=d0,"
        "file.driver=file,file.cache.no-flush=on,file.filename=%s "
        "-device ipmi-bmc-multi,id=bmc0,drive=d0,sel-entries=4096 " QIPMI_BT,
        name);
    qts = qipmi_boot(devices);
    qipmi_open(&bt, qts, QIPMI_BT_SLOT);
    for (i = 0; i < rounds; i++) {
        QIPMIRsp rsp;
        QDict *done;

        /* sec 11.6: a request, all but the bit that says so */
        qipmi_out(&bt, QBT_CTRL, QBT_CLR_WR);
        for (j = 0; j < sizeof(add); j++) {
            qipmi_out(&bt, QBT_DATA, add[j]);
        }
        qtest_qmp_send(qts, "{ 'execute': 'ipmi-event', 'arguments': { 'bmc': "
                       "'bmc0', 'record': "
                       "'00000200000000200004010159000000' } }");
        qipmi_out(&bt, QBT_CTRL, QBT_H2B);
        g_assert_true(qipmi_fetch(&bt, &rsp));
        g_assert_cmphex(rsp.cc, ==, 0);
        done = qtest_qmp_receive(qts);
        g_assert_true(qdict_haskey(done, "return"));
        qobject_unref(done);
    }
    qipmi_wait(qts, 1);
    g_assert_cmpuint(qipmi_sel_count(qts), ==, 2 * rounds);
    qtest_quit(qts);
    g_unlink(name);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/ipmi/host/queued", test_queued);
    qtest_add_func("/ipmi/host/tracked", test_tracked);
    qtest_add_func("/ipmi/host/refused", test_refused);
    qtest_add_func("/ipmi/host/nameless", test_nameless);
    qtest_add_func("/ipmi/host/while-writing", test_while_writing);
    return g_test_run();
}
